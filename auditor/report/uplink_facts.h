// What a log says of a node's uplinks, heartbeat by heartbeat: which there are, whether they add up, and since when
// each needs canaries of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "auditor/evidence/record.h"
#include "auditor/report/cause.h"
#include "auditor/report/inventory.h"

namespace airtight::audit {

class UplinkFacts {
 public:
  using AddHole =
      std::function<void(Cause, Period, const std::string& interface, const std::string& detail, std::uint64_t size)>;
  // `inventory`: which uplinks a node must have; nullptr: those that the log says.
  UplinkFacts(const Inventory* inventory, AddHole add) : inventory_(inventory), add_(std::move(add)) {}

  void begin_run(const StartRecord& start);
  // Of the interval `time`; `shown` is the same, never empty.
  void take(const HeartbeatRecord& beat, Period time, Period shown);
  void undeclared(const std::string& interface) { told_undeclared_.insert(interface); }
  // Those that need canaries.
  std::vector<std::string> active() const;
  // A round, sent at this time, had canaries at all of these.
  void good_round(std::int64_t sent);
  // `idle` takes those that were down at the start and never counted anything.
  void end_run(Period run, std::set<std::string>& idle);

 private:
  struct Uplink {
    bool active = false;   // it was up, or counted something
    bool started = false;  // the start record names it
    bool fresh = false;    // this heartbeat is the first that names it
    std::optional<UplinkCount> last;
    std::optional<std::int64_t> active_since;  // without a good round of its own yet
  };
  void count(const UplinkCount& count, Period shown);
  void compare_with_inventory(Period time, Period shown) const;

  const Inventory* inventory_;
  AddHole add_;
  std::vector<const InventoryNode*> expected_;
  std::map<std::string, Uplink> uplinks_;
  std::vector<std::string> undeclared_;    // up at the start, and no part of the policy names them
  std::set<std::string> told_undeclared_;  // of which gap records say when they were up
};

}  // namespace airtight::audit
