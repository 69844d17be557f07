#include "auditor/agent/finding_book.h"

#include <algorithm>

namespace airtight::audit {

std::string FindingBook::workload_of(const Finding& finding) const {
  const std::optional<Ip> source = finding.has_addresses ? std::optional(finding.source) : std::nullopt;
  const auto pod = [&](std::string_view interface, std::optional<Ip> address) {
    return pods_ == nullptr ? std::string("unknown") : pods_->pod_of(interface, address, finding.first_seen);
  };
  if (finding.role == Role::PodSide) return pod(finding.interface, source);
  // The same packets before translation: one pod, or nobody can tell.
  std::string before;
  for (const PodSideSight& sight : finding.pod_side) {
    const std::string name = pod(sight.interface, sight.source);
    if (!before.empty() && before != name) return "unknown";
    before = name;
  }
  if (!before.empty()) return before;
  if (source && policy_->nodes().contains(*source)) return "node";
  if (source && policy_->pods().contains(*source)) return pod({}, source);
  return "unknown";
}

void FindingBook::add(const std::vector<Finding>& findings, bool conserved) {
  for (const Finding& finding : findings) {
    FindingRecord record = record_of(finding);
    record.workload = workload_of(finding);
    if (finding.rule == Rule::AttemptUnresolved && finding.role == Role::PodSide && conserved) {
      record.rule_id = info(Rule::AttemptHeld).id;
      record.cls = to_string(Class::Attempt);
      record.effect = to_string(Effect::None);
    }
    packets_[{record.rule_id, record.effect}] += record.packets;
    // A scan of ports is one attempt.
    const bool attempt = finding.rule == Rule::AttemptUnresolved;
    const bool told = record.workload != "unknown" && record.workload != "node";
    Key key{record.rule_id,
            record.cls,
            record.effect,
            record.role,
            record.workload,
            told ? "" : record.source,
            record.protocol,
            record.name,
            record.catalogue,
            record.interface,
            record.port && !attempt ? std::to_string(*record.port) : ""};
    if (entries_.size() >= kMaxEntries && entries_.count(key) == 0) {
      key = {record.rule_id, record.cls, record.effect, record.role, "", "", "", "", "", "", ""};
      record.workload = "unknown";
      record.source = record.protocol = record.name = record.catalogue = record.interface = {};
      record.port.reset();
      record.detail = "added up: there are more than " + std::to_string(kMaxEntries) + " different findings";
    }
    const auto [place, fresh] = entries_.try_emplace(std::move(key));
    Entry& entry = place->second;
    std::vector<std::string> destinations = std::move(record.destinations);
    record.destinations.clear();
    if (fresh) {
      entry.record = std::move(record);
    } else {
      FindingRecord& sum = entry.record;
      if (sum.source != record.source) sum.source = {};
      if (sum.detail != record.detail) sum.detail = {};
      if (sum.port != record.port) sum.port.reset();
      sum.guessed_direction |= record.guessed_direction;
      sum.first_seen = std::min(sum.first_seen, record.first_seen);
      sum.last_seen = std::max(sum.last_seen, record.last_seen);
      sum.packets += record.packets;
      sum.bytes += record.bytes;
    }
    for (std::string& destination : destinations) {
      if (entry.destinations.size() >= kMaxCountedDestinations || all_destinations_ >= kMaxAllDestinations) break;
      const auto [at, added] = entry.destinations.insert(std::move(destination));
      all_destinations_ += added ? 1 : 0;
      if (added && entry.record.destinations.size() < kMaxDestinations) entry.record.destinations.push_back(*at);
    }
    entry.record.destinations_count = entry.destinations.size();
    entry.changed = true;
  }
}

void FindingBook::tell_changed(const std::function<bool(const FindingRecord&)>& tell) {
  std::size_t told = 0;
  for (const Effect effect : {Effect::Violated, Effect::Inconclusive, Effect::None}) {
    for (auto& [key, entry] : entries_) {
      if (!entry.changed || entry.record.effect != to_string(effect)) continue;
      if (effect == Effect::None && told++ >= kToldAtOnce) return;
      if (tell(entry.record)) entry.changed = false;
    }
  }
}

}  // namespace airtight::audit
