#include "auditor/report/uplink_facts.h"

#include <algorithm>
#include <limits>

#include "auditor/report/spans.h"

namespace airtight::audit {
namespace {

std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
  return a > std::numeric_limits<std::uint64_t>::max() - b ? std::numeric_limits<std::uint64_t>::max() : a + b;
}

// Not by the agent's word alone: the numbers must say so too.
bool adds_up(const UplinkCount& count) {
  return count.conserved && count.before <= count.after && count.before <= sum(count.seen, count.explained) &&
         count.seen <= sum(count.after, count.explained);
}

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void UplinkFacts::begin_run(const StartRecord& start) {
  uplinks_.clear();
  undeclared_.clear();
  told_undeclared_.clear();
  for (const WatchedInterface& interface : start.interfaces) {
    if (interface.role == "undeclared" && interface.up) undeclared_.push_back(interface.name);
    if (interface.role != "uplink") continue;
    Uplink& uplink = uplinks_[interface.name];
    uplink.started = true;
    uplink.active |= interface.up;
  }
  expected_.clear();
  if (inventory_ == nullptr) return;
  for (const InventoryNode& node : inventory_->nodes)
    if (node.node == start.node) expected_.push_back(&node);
}

void UplinkFacts::count(const UplinkCount& count, Period shown) {
  Uplink& uplink = uplinks_[count.interface];
  if (!adds_up(count))
    add_(Cause::NotConserved, shown, count.interface,
         "the firewall let " + std::to_string(count.before) + " to " + std::to_string(count.after) +
             " packets out, the tap saw " + std::to_string(count.seen) + ", " + std::to_string(count.explained) +
             " are explained",
         0);
  else if (uplink.last && uplink.last->conserved && count.after < uplink.last->before)
    add_(Cause::NotConserved, shown, count.interface,
         "the firewall's counter went back from " + std::to_string(uplink.last->before) + " to " +
             std::to_string(count.after),
         0);
  // Counters go on from before the run: the first of them says nothing but what came while it was read.
  if (!uplink.active && count.after != (uplink.last ? uplink.last->after : count.before)) {
    uplink.active = true;
    uplink.active_since = shown.from;
  }
  uplink.fresh = !uplink.last;
  uplink.last = count;
}

void UplinkFacts::take(const HeartbeatRecord& beat, Period time, Period shown) {
  for (const UplinkCount& each : beat.uplinks) count(each, shown);
  for (const auto& [name, uplink] : uplinks_) {
    if (!uplink.active && !uplink.last) continue;
    if (std::none_of(beat.uplinks.begin(), beat.uplinks.end(),
                     [&, &of = name](const UplinkCount& each) { return each.interface == of; }))
      add_(Cause::UplinkNotCounted, shown, name, "", 0);
  }
  compare_with_inventory(time, shown);
}

void UplinkFacts::compare_with_inventory(Period time, Period shown) const {
  if (inventory_ == nullptr) {
    if (uplinks_.empty()) add_(Cause::UplinkNotWatched, shown, "", "the log names no uplink", 0);
    return;
  }
  bool there = false;
  std::vector<std::string> named;
  for (const InventoryNode* node : expected_) {
    if (node->joined >= time.to || (node->left && *node->left <= time.from)) continue;
    there = true;
    named.insert(named.end(), node->uplinks.begin(), node->uplinks.end());
    for (const std::string& name : node->uplinks)
      if (const auto at = uplinks_.find(name);
          at == uplinks_.end() || (!at->second.started && (!at->second.last || at->second.fresh)))
        add_(Cause::UplinkNotWatched, shown, name, "", 0);
  }
  if (!there) return;
  for (const auto& [name, uplink] : uplinks_)
    if (!has(named, name)) add_(Cause::UplinkNotInInventory, shown, name, "", 0);
}

std::vector<std::string> UplinkFacts::active() const {
  std::vector<std::string> names;
  for (const auto& [name, uplink] : uplinks_)
    if (uplink.active) names.push_back(name);
  return names;
}

void UplinkFacts::good_round(std::int64_t sent) {
  for (auto& [name, uplink] : uplinks_) {
    if (!uplink.active_since) continue;
    add_(Cause::NoCanary, between(*uplink.active_since, sent), name, "it came up in between", 0);
    uplink.active_since.reset();
  }
}

void UplinkFacts::end_run(Period run, std::set<std::string>& idle) {
  for (const auto& [name, uplink] : uplinks_) {
    if (!uplink.active) idle.insert(name);
    if (uplink.active_since)
      add_(Cause::NoCanary, between(*uplink.active_since, run.to), name, "it came up in between", 0);
  }
  for (const std::string& name : undeclared_)
    if (told_undeclared_.count(name) == 0)
      add_(Cause::UndeclaredInterface, run, name, "it was up at the start, and nothing says until when", 0);
}

}  // namespace airtight::audit
