#include "auditor/agent/take_over.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <variant>

#include "auditor/canary/round.h"
#include "auditor/evidence/crypto.h"

namespace airtight::audit {

namespace {

// check_round() has seen that it is 64 digits in lower case.
Secret seed_of(std::string_view hex) {
  const auto value = [](char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; };
  std::array<std::uint8_t, 32> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>(value(hex[2 * i]) << 4 | value(hex[2 * i + 1]));
  return Secret(bytes);
}

// One nonce of a round that was under way, until a frame has it.
struct Open {
  const OldRound* round = nullptr;
  std::string interface;
};

}  // namespace

OldRun read_end(const std::vector<Record>& records) {
  OldRun old;
  std::map<std::string, std::pair<std::int64_t, CanaryIntentRecord>> under_way;
  for (const Record& record : records) {
    if (std::holds_alternative<SegmentRecord>(record.body)) continue;
    old.stopped.reset();
    if (std::holds_alternative<StopRecord>(record.body)) {
      old.stopped = record.time;
    } else if (std::holds_alternative<StartRecord>(record.body)) {
      old.covered.reset();
      old.uplinks.clear();
      old.rules.reset();
      under_way.clear();
    } else if (const auto* beat = std::get_if<HeartbeatRecord>(&record.body)) {
      old.covered = record.time - static_cast<std::int64_t>(std::min<std::uint64_t>(beat->lag, 3'600'000)) * 1'000'000;
      old.uplinks = beat->uplinks;
    } else if (const auto* rules = std::get_if<EnforcementRecord>(&record.body)) {
      old.rules = *rules;
    } else if (const auto* intent = std::get_if<CanaryIntentRecord>(&record.body)) {
      under_way[intent->round] = {record.time, *intent};
    } else if (const auto* fate = std::get_if<CanaryFateRecord>(&record.body)) {
      const auto begun = under_way.find(fate->round);
      std::string why;
      if (begun == under_way.end()) continue;
      if (check_round(begun->second.second, *fate, why))
        old.rounds.push_back({begun->second.first, record.time, std::move(begun->second.second), *fate});
      under_way.erase(begun);
    }
  }
  return old;
}

std::string unbridged(const OldRun& old, const std::string& old_boot_id, const NewRun& next) {
  if (!old.stopped) return "the agent before did not end with a stop record";
  if (next.capturing_since > *old.stopped) return "the agent before had stopped when this one began to watch";
  if (old_boot_id != next.boot_id) return "the agent before ran in another boot";
  if (next.sealed_rules.empty()) return "the live rules are not proved sealed";
  if (old.rules && (old.rules->outcome != "sealed" || old.rules->digest != next.sealed_rules))
    return "the live rules are not those that the agent before had proved last";
  if (old.uplinks.empty()) return "the agent before ended without counts of its uplinks";
  if (!std::all_of(old.uplinks.begin(), old.uplinks.end(), [](const UplinkCount& count) { return count.conserved; }))
    return "uplinks did not add up when the agent before ended";
  if (!next.conserved) return "uplinks do not add up since this agent began to watch";
  return {};
}

std::vector<HeldFrame> not_of(const OldRun& old, std::string_view node, std::string_view key,
                              std::vector<HeldFrame> held) {
  std::map<Nonce, Open> open;
  for (const OldRound& round : old.rounds) {
    const std::vector<Nonce> nonces =
        round_nonces(seed_of(round.fate.seed), node, round.intent.round, key, round.intent.canaries);
    for (std::size_t i = 0; i < nonces.size(); ++i)
      if (round.intent.canaries[i].kind == to_string(CanaryKind::Sensor))
        open[nonces[i]] = {&round, round.intent.canaries[i].interface};
  }
  std::erase_if(held, [&](const HeldFrame& frame) {
    const auto found = open.find(frame.nonce);
    if (found == open.end()) return false;
    const Open& one = found->second;
    if (frame.frame.time < one.round->from || frame.frame.time > one.round->to || frame.point->name != one.interface)
      return false;
    open.erase(found);
    return true;
  });
  return held;
}

void drop_told(const OldRun& old, bool conserved, std::vector<Finding>& findings) {
  if (!old.covered) return;
  std::erase_if(findings, [&](const Finding& finding) {
    const bool held = finding.rule == Rule::AttemptUnresolved && finding.role == Role::PodSide && conserved;
    return (held || finding.effect == Effect::None) && finding.last_seen != kNoTime &&
           finding.last_seen <= *old.covered;
  });
}

}  // namespace airtight::audit
