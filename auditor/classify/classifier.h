// The judgement of packets against a policy (DESIGN §6): decodes a frame, finds its flow, gives each IP level and each
// name its class and marks what is worth a finding. Addresses first, names second. Replay and the agent share it. Fixed
// memory; one thread; a packet of a flow that is known and clean costs no allocation (a test holds that).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auditor/classify/application.h"
#include "auditor/classify/boundary.h"
#include "auditor/classify/mark.h"
#include "auditor/decode/frame.h"
#include "auditor/flow_table.h"

namespace airtight::audit {

struct ClassCount {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  std::uint64_t flows = 0;
};

// What was counted beside the marks.
struct Counts {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;      // on the wire
  std::uint64_t undecoded = 0;  // Outcome Truncated, Malformed, Unsupported or TooDeep
  std::uint64_t ipv4 = 0, ipv6 = 0, arp = 0, other = 0;
  std::array<ClassCount, kClassCount> classes{};
  std::uint64_t opaque_packets = 0;
  std::uint64_t fragments = 0, fragments_given_up = 0;
  std::uint64_t exceptions = 0;  // bit i: exception i of the policy was used (those beyond the 63rd share the last bit)
  bool excepted_by_pods =
      false;  // a pod's address used an exception of a workload: which pod it was, addresses do not tell
  bool excepted_by_nodes = false;  // a node's used one of nodes: a pod behind translation has the same address
  FlowCounts flows;
  ApplicationCounts application;

  Counts& operator+=(const Counts&);
};

// Names that were seen, for whoever wants to list them.
class NameSink {
 public:
  virtual ~NameSink() = default;
  virtual void seen(NameFrom from, std::string_view name, bool inside) = 0;
};

inline constexpr std::uint32_t kMaxPlaces = 1u << 16;

class Classifier {
 public:
  // `boundary` and the sinks must outlive it. Memory: `flows` × 176 bytes, and about 90 MB, touched as they are used.
  Classifier(const Boundary& boundary, std::size_t flows, MarkSink& marks, NameSink& names);
  ~Classifier();
  Classifier(const Classifier&) = delete;
  Classifier& operator=(const Classifier&) = delete;

  // Judges one frame seen at `point`, which must outlive this and whose index among the run's points is `place` (below
  // kMaxPlaces). Gives the worst rule that was marked on it, or nullptr if none was; the marks went to the sink.
  const RuleInfo* see(const Frame& frame, const Point& point, std::uint32_t place);
  // The capture ends: flows that were never whole are marked.
  void finish();
  Counts counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace airtight::audit
