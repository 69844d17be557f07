// Which interfaces there are, what each is taken for, and that each is captured: opens rings when devices are born,
// closes them when they go, and says as gaps what could not be watched. The loop calls it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auditor/agent/config.h"
#include "auditor/agent/judge.h"
#include "auditor/capture/boundary_filter.h"
#include "auditor/conservation/conservation.h"
#include "auditor/evidence/record.h"
#include "auditor/interfaces/links.h"
#include "auditor/opener/opener.h"

namespace airtight::audit {

struct Watched {
  Link link;
  RoleChoice choice;
  std::unique_ptr<CountingSocket> sent;       // of uplinks: what the tap saw leave
  std::unique_ptr<CountingSocket> discarded;  // of uplinks: what the boundary filter took, both directions
  Conservation conservation;
  std::optional<std::uint64_t> counted_from;  // what the chain had accepted when conservation began: records count on
  DeviceBound device;
  bool captured = false;
  std::string trouble;        // why it is not captured
  std::uint64_t dropped = 0;  // by its ring, when last read
  bool ever_up = false;
  std::int64_t born = 0;  // CLOCK_REALTIME, ns; 0: it was there before us
};

class Watch {
 public:
  // All outlive it. `filter`: empty, or one that was proven.
  Watch(const AgentConfig& config, const Policy& policy, Opener& opener, Judge& judge,
        std::optional<BoundaryFilter> filter);

  // Another policy: roles are chosen anew, and the boundary filter of the one before is taken off.
  void use(const Policy& policy, std::int64_t from, std::int64_t now, std::vector<GapRecord>& gaps);
  // Opens everything that is there. Throws std::system_error where nothing can be captured at all.
  void start();
  int fd() const { return links_.fd(); }
  // Takes what the kernel says of its devices; `from` is when the interval at hand began.
  void poll(std::int64_t from, std::int64_t now, std::vector<GapRecord>& gaps);
  // What was wrong the whole interval: undeclared interfaces that are up, interfaces that are not captured, which
  // are tried again.
  void interval(std::int64_t from, std::int64_t now, std::vector<GapRecord>& gaps);

  bool broken() const { return broken_; }  // devices cannot be followed any more: the agent must be started anew
  std::map<std::uint32_t, Watched>& all() { return watched_; }  // by index
  std::optional<RingCounts> ring_counts(std::uint32_t index) { return judge_.ring_counts(index); }
  const std::map<std::uint32_t, Link>& links() const { return links_.links(); }
  std::vector<std::uint32_t> uplinks() const;  // indexes
  std::vector<Link> uplinks_up() const;
  std::vector<std::string> uplink_names() const;
  bool uplinks_down() const;  // there is none that is up
  std::vector<WatchedInterface> describe() const;
  const std::vector<std::string>& absent() const { return absent_; }  // patterns of uplinks that nothing matches

 private:
  void look(const Link& link, std::vector<GapRecord>& gaps, std::int64_t from, std::int64_t now, bool born);
  void open(Watched& watched);
  void close(std::uint32_t index);
  void narrow_bridge();

  const AgentConfig& config_;
  Opener& opener_;
  Judge& judge_;
  std::optional<BoundaryFilter> filter_;
  std::optional<InterfaceRoles> roles_;  // never empty
  LinkWatcher links_;
  std::map<std::uint32_t, Watched> watched_;
  std::vector<std::string> absent_;
  bool broken_ = false;
  PacketRing* bridge_ = nullptr;  // the judge's
};

}  // namespace airtight::audit
