#include "auditor/report/coverage.h"

#include <algorithm>
#include <string>
#include <tuple>

namespace airtight::audit {
namespace {

struct Bridge {
  Period time;
  std::string reason, detail;
};

const UplinkCount* find_count(const std::vector<UplinkCount>& counts, const std::string& interface) {
  const auto at = std::find_if(counts.begin(), counts.end(),
                               [&](const UplinkCount& count) { return count.interface == interface; });
  return at == counts.end() ? nullptr : &*at;
}

// The firewall's counters go on from one run to the other, and both balance.
bool goes_on(const Run& old, const Run& next) {
  if (old.last_counts.empty() || next.first_counts.empty()) return false;
  const auto balanced = [](const std::vector<UplinkCount>& counts) {
    return std::all_of(counts.begin(), counts.end(), [](const UplinkCount& count) { return count.conserved; });
  };
  if (!balanced(old.last_counts) || !balanced(next.first_counts)) return false;
  return std::all_of(old.last_counts.begin(), old.last_counts.end(), [&](const UplinkCount& count) {
    const UplinkCount* after = find_count(next.first_counts, count.interface);
    return after != nullptr && after->before >= count.before;
  });
}

// From one run to the one that begins next.
std::vector<Bridge> bridges(const std::vector<const LogFacts*>& logs) {
  std::vector<const Run*> runs;
  for (const LogFacts* log : logs)
    for (const Run& run : log->runs) runs.push_back(&run);
  std::stable_sort(runs.begin(), runs.end(), [](const Run* a, const Run* b) { return a->started < b->started; });

  std::vector<Bridge> out;
  for (std::size_t i = 1; i < runs.size(); ++i) {
    const Run &old = *runs[i - 1], &next = *runs[i];
    if (!old.start_sealed || !next.start_sealed || !old.stopped || !old.last_heartbeat || !next.first_from) continue;
    const bool same_boot = old.start.boot_id == next.start.boot_id;
    const bool taken_up = *next.first_from - next.started <= kMaxTakeUp;
    const bool ended = *old.stopped - *old.last_heartbeat <= kMaxTakeUp;
    const bool rules = !old.last_rules.empty() && old.last_rules == next.first_rules &&
                       old.last_rules == next.start.enforcement_digest;
    // FORMAT.md, "Hand-over".
    const bool overlaps = next.start.capturing_since && next.looks_since() <= *old.stopped &&
                          next.looks_since() >= old.started && *next.first_said_from <= *old.stopped;
    if (same_boot && overlaps) {
      const Period time{*old.last_heartbeat, *next.first_from};
      if (!rules || !goes_on(old, next) || time.from >= time.to || time.to - time.from > kMaxTakeUp) continue;
      out.push_back({time, "hand-over",
                     "the new agent captured before the old one stopped; same boot, same rules, counters that go on"});
    } else if (!same_boot && old.stopped_with_uplinks_down && next.start.uplinks_down && *old.stopped <= next.started &&
               taken_up && ended && !next.first_rules.empty()) {
      out.push_back({{*old.last_heartbeat, *next.first_from},
                     "the node was off",
                     "stopped with every uplink down, and started again in another boot before any came up"});
    }
  }
  return out;
}

class NodeCover {
 public:
  NodeCover(const std::vector<const LogFacts*>& logs, const Spans& asked) : logs_(logs), asked_(asked) {}

  Coverage find() && {
    for (const LogFacts* log : logs_) add_log(*log);
    claimed_ = united(std::move(claimed_));
    enforced_ = united(std::move(enforced_));
    holes_ = united(std::move(holes_));
    unsealed_ = united(std::move(unsealed_));
    const std::vector<Bridge> bridged = bridges(logs_);
    Spans bridge_time;
    for (const Bridge& bridge : bridged) bridge_time.push_back(bridge.time);
    // What else went wrong in that time is not made up for.
    bridge_time = without(united(std::move(bridge_time)), united(std::move(others_)));
    covered_.insert(covered_.end(), bridge_time.begin(), bridge_time.end());
    covered_ = both(asked_, without(united(std::move(covered_)), united(std::move(wide_))));
    missing_ = without(asked_, covered_);

    for (const LogFacts* log : logs_)
      for (const Hole& hole : log->holes) list(hole);
    const Spans unexplained = without(missing_, holes_);
    const Spans unclaimed = without(unexplained, claimed_);
    list(Cause::Unsealed, both(unclaimed, unsealed_), "");
    list(Cause::NoRecord, without(unclaimed, unsealed_), "");
    const Spans with_record = both(unexplained, claimed_);
    list(Cause::NotRead, without(with_record, enforced_), "");
    list(Cause::NoCanary, both(with_record, enforced_), reach_text());
    for (const Bridge& bridge : bridged)
      for (const Period& part : clipped(asked_, bridge.time))
        result_.gaps.push_back({Cause::Restart, {part, bridge.reason, bridge.detail, "", 0, true}});

    std::stable_sort(result_.gaps.begin(), result_.gaps.end(), [](const CoverageGap& a, const CoverageGap& b) {
      return std::tie(a.gap.time.from, a.gap.time.to) < std::tie(b.gap.time.from, b.gap.time.to);
    });
    result_.covered = std::move(covered_);
    return std::move(result_);
  }

 private:
  void add_log(const LogFacts& log) {
    Spans good, local;
    for (const Run& run : log.runs) {
      const Spans read = both(run.claimed, run.enforced);
      claimed_.insert(claimed_.end(), run.claimed.begin(), run.claimed.end());
      enforced_.insert(enforced_.end(), read.begin(), read.end());
      const Spans watched = both(read, run.watched);
      good.insert(good.end(), watched.begin(), watched.end());
    }
    for (const Hole& hole : log.holes) {
      holes_.push_back(hole.time);
      (is_node_wide(hole.cause) ? wide_ : local).push_back(hole.time);
      if (hole.cause != Cause::Restart) others_.push_back(hole.time);
    }
    good = without(united(std::move(good)), united(std::move(local)));
    covered_.insert(covered_.end(), good.begin(), good.end());
    unsealed_.insert(unsealed_.end(), log.unsealed.begin(), log.unsealed.end());
  }

  // A hole that others make up for is bridged; one outside of what is asked is none.
  void list(const Hole& hole) {
    for (const Period& part : clipped(asked_, hole.time)) {
      const bool bridged = clipped(missing_, part).empty();
      result_.gaps.push_back(
          {hole.cause, {part, std::string(to_string(hole.cause)), hole.detail, hole.interface, hole.size, bridged}});
    }
  }
  void list(Cause cause, const Spans& spans, const std::string& detail) {
    for (const Period& part : spans)
      result_.gaps.push_back({cause, {part, std::string(to_string(cause)), detail, "", 0, false}});
  }

  // How near a canary round must be.
  std::string reach_text() const {
    std::uint64_t longest = 0;
    for (const LogFacts* log : logs_) longest = std::max(longest, log->canary_interval);
    if (longest == 0) return "the log says no interval of rounds";
    return "more than " + std::to_string(2 * std::min<std::uint64_t>(longest, 1'000'000'000)) + " s from any";
  }

  const std::vector<const LogFacts*>& logs_;
  const Spans& asked_;
  Spans claimed_, enforced_, holes_, wide_, others_, unsealed_, covered_, missing_;
  Coverage result_;
};

}  // namespace

Coverage cover(const std::vector<const LogFacts*>& logs, const Spans& asked) { return NodeCover(logs, asked).find(); }

}  // namespace airtight::audit
