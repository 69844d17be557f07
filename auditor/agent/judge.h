// Takes frames off every ring and judges them, on one thread: flows cross interfaces, so one flow table sees them all,
// and nothing is copied or locked a packet. The rings are what absorbs bursts. Everything but the thread itself is
// called by the loop.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auditor/agent/own_canaries.h"
#include "auditor/canary/sensor_watch.h"
#include "auditor/capture/packet_ring.h"
#include "auditor/classify/classifier.h"
#include "auditor/finding.h"
#include "compiler/policy/compiled_policy.h"

namespace airtight::audit {

// What to shout about at once: the first packets of what violates.
struct Alarm {
  std::int64_t time = 0;
  std::string rule_id, cls, source, destination, protocol, name, interface, role, catalogue;
  std::int32_t port = -1;
  std::uint64_t packet = 0;  // its number among the frames of its interface
};

struct InterfaceTraffic {
  std::string name;
  Role role = Role::Uplink;
  std::uint64_t seen = 0;  // frames judged, own canaries among them
  std::uint64_t bytes = 0;
  RingCounts ring;
};

struct JudgeReading {
  Counts counts;                                         // since use(), with what came before added
  std::map<std::uint32_t, InterfaceTraffic> interfaces;  // by index
  std::vector<Finding> findings;                         // since the reading before
  std::array<std::uint64_t, 3> left_out{};               // marks without a place, since the start
  std::uint64_t gone_dropped = 0;  // by rings of interfaces that are gone, since what was told of them; cumulative
  std::uint64_t bridged = 0;       // frames that only the capture of all interfaces saw
  RingCounts bridge;
  std::uint64_t violations = 0;  // packets of what violates, cumulative
};

class Judge {
 public:
  // The policy, the watch and the canaries outlive it. `flows`: places in the flow table.
  Judge(const Policy& policy, SensorWatch& sensors, OwnCanaries& own, std::size_t flows);
  ~Judge();
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;

  // Another policy: connections at hand are taken for ones whose beginning was not seen.
  void use(const Policy& policy);
  // Frames of the interface from here on. False where there is no room for another interface in this run (65,536): it
  // is not judged then.
  bool add(std::uint32_t index, const std::string& name, Role role, std::unique_ptr<PacketRing> ring);
  // What is left in its ring is judged before reached() says so of anything.
  void remove(std::uint32_t index);
  // The capture of all interfaces, for those that have no ring of their own yet. `index` of an interface without a
  // ring: how its frames are to be taken; frames of one that was never named are judged as an uplink's.
  void bridge(std::unique_ptr<PacketRing> ring);
  void name(std::uint32_t index, const std::string& name, Role role);
  // Of overlays and loopback: their packets are judged where they enter and leave.
  void ignore(std::uint32_t index);
  void unfilter(std::uint32_t index);                          // its ring takes everything from here on
  std::optional<RingCounts> ring_counts(std::uint32_t index);  // empty if it has no ring

  // Frames that OwnCanaries held back, and that are to be judged like any now.
  void judge(const std::vector<HeldFrame>& held);

  JudgeReading read();
  std::vector<Finding> findings();  // as of read(), which then has none of them
  // Everything that the rings held at this moment: a later reached() says whether it was judged.
  std::map<std::uint32_t, std::uint64_t> mark();
  bool reached(const std::map<std::uint32_t, std::uint64_t>& mark);

  std::uint64_t violations() const;  // packets of what violates, cumulative
  int alarm_fd() const;              // readable when alarms() has some
  std::vector<Alarm> alarms();
  std::uint64_t alarms_left_out() const;  // violating packets that got no alarm, cumulative

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace airtight::audit
