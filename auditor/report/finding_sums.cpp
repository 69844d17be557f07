#include "auditor/report/finding_sums.h"

#include <algorithm>
#include <set>

#include "auditor/classify/rule_table.h"
#include "auditor/report/log_facts.h"

namespace airtight::audit {
namespace {

// Everything that does not grow while the agent runs. Where the source, the detail or the port of those that it adds
// up differ, they become empty on the way: `without` these.
std::string key_of(const FindingRecord& finding, bool without = false) {
  std::string key;
  const auto part = [&](const std::string& text) { key += std::to_string(text.size()) + ":" + text; };
  for (const std::string* text : {&finding.rule_id, &finding.cls, &finding.effect, &finding.role, &finding.workload,
                                  &finding.protocol, &finding.name, &finding.catalogue, &finding.interface})
    part(*text);
  if (without) return key;
  part(finding.port ? std::to_string(*finding.port) : "");
  part(finding.source);
  part(finding.detail);
  return key;
}

// The same finding, of which source, detail or port are not one any more.
bool goes_on(const FindingRecord& before, const FindingRecord& after) {
  const auto same_or_gone = [](const std::string& was, const std::string& is) { return is.empty() || is == was; };
  return after.packets >= before.packets && same_or_gone(before.source, after.source) &&
         same_or_gone(before.detail, after.detail) && (!after.port || after.port == before.port);
}

std::uint64_t sum(std::uint64_t a, std::uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

// No time is not before every time.
std::int64_t first(std::int64_t a, std::int64_t b) { return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b); }

void add_run(FindingRecord& all, const FindingRecord& run) {
  const bool whole =
      all.destinations.size() == all.destinations_count && run.destinations.size() == run.destinations_count;
  std::set<std::string> known(all.destinations.begin(), all.destinations.end());
  for (const std::string& destination : run.destinations)
    if (known.insert(destination).second && all.destinations.size() < kMaxDestinations)
      all.destinations.push_back(destination);
  all.destinations_count =
      whole ? known.size() : std::max<std::uint64_t>({known.size(), all.destinations_count, run.destinations_count});
  all.guessed_direction = all.guessed_direction || run.guessed_direction;
  all.first_seen = first(all.first_seen, run.first_seen);
  all.last_seen = std::max(all.last_seen, run.last_seen);
  all.packets = sum(all.packets, run.packets);
  all.bytes = sum(all.bytes, run.bytes);
}

}  // namespace

std::size_t effect_rank(const FindingRecord& finding) {
  if (finding.effect == "violated") return 0;
  // A rule that nobody knows, or one of what left that calls itself harmless, is none of those that are only listed.
  const RuleInfo* rule = find_rule(finding.rule_id);
  return finding.effect == "listed" && rule != nullptr && rule->cls != Class::Escape ? 2 : 1;
}

void FindingSums::add(const FindingRecord& finding, bool sealed, std::size_t run,
                      const std::function<bool(std::int64_t, std::int64_t)>& counts) {
  if (run != run_) of_run_.clear(), last_of_run_.clear();
  run_ = run;
  std::string key = key_of(finding);
  if (const auto at = of_run_.find(key); at != of_run_.end()) {
    Entry& entry = entries_[at->second];
    entry.sealed = entry.sealed || sealed;
    // Sums only grow; a record that says less does not take back what was said.
    if (finding.packets >= entry.finding.packets) entry.finding = finding;
    return;
  }
  std::string short_key = key_of(finding, true);
  if (const auto at = last_of_run_.find(short_key); at != last_of_run_.end()) {
    Entry& entry = entries_[at->second];
    if (goes_on(entry.finding, finding)) {
      of_run_.erase(entry.key);
      of_run_.emplace(key, at->second);
      entry = {std::move(key), finding, entry.sealed || sealed};
      return;
    }
  }
  // Without a time it may be of any.
  const bool timed = finding.first_seen != 0 && finding.last_seen != 0;
  if (timed &&
      !counts(std::min(finding.first_seen, finding.last_seen), std::max(finding.first_seen, finding.last_seen)))
    return;
  std::uint64_t& kept = kept_[effect_rank(finding)];
  if (kept == kMaxListedFindings) {
    ++left_out_;
    return;
  }
  ++kept;
  of_run_.emplace(key, entries_.size());
  last_of_run_.insert_or_assign(std::move(short_key), entries_.size());
  entries_.push_back({std::move(key), finding, sealed});
}

void FindingSums::take(LogFacts& facts) {
  std::map<std::string, std::size_t> places;
  for (Entry& entry : entries_) {
    const auto [at, fresh] = places.try_emplace(entry.key, facts.findings.size());
    if (fresh) {
      facts.findings.push_back({std::move(entry.finding), entry.sealed});
    } else {
      FoundRecord& found = facts.findings[at->second];
      add_run(found.finding, entry.finding);
      found.sealed = found.sealed || entry.sealed;
    }
  }
  std::stable_sort(facts.findings.begin(), facts.findings.end(), [](const FoundRecord& a, const FoundRecord& b) {
    const std::size_t x = effect_rank(a.finding), y = effect_rank(b.finding);
    return x != y ? x < y : a.finding.first_seen < b.finding.first_seen;
  });
  facts.findings_left_out = left_out_;
}

}  // namespace airtight::audit
