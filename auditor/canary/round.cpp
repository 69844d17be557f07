#include "auditor/canary/round.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "auditor/canary/round_state.h"

namespace airtight::audit {
namespace {

constexpr std::array kFamilies{CanaryFamily::Ipv4, CanaryFamily::Ipv6};
constexpr std::array kOnUplinks{CanaryKind::Sensor, CanaryKind::Raw, CanaryKind::RawBypass};
constexpr std::array kOfTheNode{CanaryKind::Stack, CanaryKind::Pod};

PlannedCanary planned(CanaryKind kind, CanaryFamily family, const std::string& interface) {
  return {std::string(to_string(kind)), std::string(to_string(family)), interface};
}

// Every canary of a round over these uplinks, in its order, with the place of its uplink.
template <typename Each>
void each_canary(std::size_t uplinks, const Each& each) {
  for (const CanaryFamily family : kFamilies) {
    for (std::size_t i = 0; i < uplinks; ++i) {
      for (const CanaryKind kind : kOnUplinks) each(kind, family, std::optional<std::size_t>(i));
    }
    for (const CanaryKind kind : kOfTheNode) each(kind, family, std::optional<std::size_t>());
  }
}

std::string commitment_to(std::string_view seed) { return "sha256:" + to_hex(bytes_of(sha256({seed}))); }

std::optional<std::array<std::uint8_t, 32>> seed_from(std::string_view hex) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<std::uint8_t, 32> bytes{};
  if (hex.size() != 2 * bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < hex.size(); ++i) {
    const std::size_t digit = kDigits.find(hex[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    bytes[i / 2] = static_cast<std::uint8_t>(static_cast<std::size_t>(bytes[i / 2]) << 4 | digit);
  }
  return bytes;
}

// Each field with its length, so that no two lists of fields give one text.
void add_field(std::string& text, std::string_view field) {
  text += std::to_string(field.size()) + ":";
  text += field;
}

// Whether this kind of canary can end so.
bool possible(CanaryKind kind, const CanaryOutcome& outcome) {
  const bool blocked = outcome.fate == "blocked";
  if (blocked == outcome.blocked_by.empty()) return false;
  if (outcome.fate == "unsent") return true;
  if (kind == CanaryKind::Sensor) return outcome.fate == "seen" || outcome.fate == "missed";
  if (!blocked) return outcome.fate == "escaped" || outcome.fate == "missed";
  const std::string& by = outcome.blocked_by;
  if (kind == CanaryKind::Stack) return by == "routing" || by == "output" || by == "egress";
  if (kind == CanaryKind::Pod) return by == "routing" || by == "cni" || by == "forward" || by == "egress";
  return by == "egress";
}

}  // namespace

bool fared_well(std::string_view kind, const CanaryOutcome& outcome) {
  if (kind == to_string(CanaryKind::Sensor)) return outcome.fate == "seen";
  return outcome.fate == "blocked" || (kind == to_string(CanaryKind::Pod) && outcome.fate == "unsent");
}

std::vector<Nonce> round_nonces(const Secret& seed, std::string_view node, std::string_view interval,
                                std::string_view key, const std::vector<PlannedCanary>& canaries) {
  std::vector<Nonce> nonces;
  for (std::size_t i = 0; i < canaries.size(); ++i) {
    std::string info = "airtight canary 1\n";
    const PlannedCanary& canary = canaries[i];
    for (const std::string_view field : {node, interval, key, std::string_view(canary.kind),
                                         std::string_view(canary.family), std::string_view(canary.interface)}) {
      add_field(info, field);
    }
    add_field(info, std::to_string(i));
    const Secret bytes = hkdf(seed, info);
    std::copy(bytes.bytes().begin(), bytes.bytes().end(), nonces.emplace_back().begin());
  }
  return nonces;
}

CanaryRound CanaryRound::plan(const CanaryGround& ground) {
  const auto state = std::make_shared<State>();
  state->ground = ground;
  state->seed = Secret::random();
  state->intent.round = ground.interval;
  state->intent.commitment = commitment_to(state->seed.bytes());
  each_canary(ground.uplinks.size(), [&](CanaryKind kind, CanaryFamily family, std::optional<std::size_t> uplink) {
    state->intent.canaries.push_back(planned(kind, family, uplink ? ground.uplinks[*uplink].name : ""));
    state->canaries.push_back({kind, family, uplink, {}, {}});
  });
  const std::vector<Nonce> nonces =
      round_nonces(state->seed, ground.node, ground.interval, ground.key, state->intent.canaries);
  for (std::size_t i = 0; i < nonces.size(); ++i) state->canaries[i].nonce = nonces[i];
  return CanaryRound(state);
}

const CanaryIntentRecord& CanaryRound::intent() const { return state_->intent; }

std::vector<Nonce> CanaryRound::enforcement_nonces() const {
  std::vector<Nonce> nonces;
  for (const RoundCanary& canary : state_->canaries) {
    if (canary.kind != CanaryKind::Sensor) nonces.push_back(canary.nonce);
  }
  return nonces;
}

CanaryFateRecord CanaryRound::judge(SensorWatch& watch, const std::function<bool(const Nonce&)>& escaped) {
  CanaryFateRecord record;
  record.round = state_->intent.round;
  record.seed = to_hex(state_->seed.bytes());
  record.good = true;
  for (const RoundCanary& canary : state_->canaries) {
    CanaryOutcome outcome = canary.outcome;
    if (canary.kind == CanaryKind::Sensor) {
      // Seen is seen, even where the kernel called the sending a failure.
      if (watch.settle(canary.nonce)) {
        outcome = {"seen", "", ""};
      } else if (outcome.fate.empty()) {
        outcome = {"missed", "", "sent, and not seen by the capture of its interface"};
      }
    } else if (escaped(canary.nonce)) {
      outcome = {"escaped", "", "seen leaving"};
    } else if (outcome.fate.empty()) {
      outcome = {"unsent", "", "nobody tried to send it"};
    }
    record.good = record.good && fared_well(to_string(canary.kind), outcome);
    record.outcomes.push_back(std::move(outcome));
  }
  return record;
}

bool check_round(const CanaryIntentRecord& intent, const CanaryFateRecord& fate, std::string& why) {
  if (intent.round != fate.round) {
    why = "the intent is of round " + intent.round + ", the fate of round " + fate.round;
    return false;
  }
  const auto seed = seed_from(fate.seed);
  if (!seed) {
    why = "the seed is not 64 hexadecimal digits";
    return false;
  }
  if (commitment_to({reinterpret_cast<const char*>(seed->data()), seed->size()}) != intent.commitment) {
    why = "the seed is not the one that the round committed to";
    return false;
  }
  if (fate.outcomes.size() != intent.canaries.size()) {
    why = std::to_string(intent.canaries.size()) + " canaries were planned, and " +
          std::to_string(fate.outcomes.size()) + " have a fate";
    return false;
  }
  // The uplinks are those of the first family's sensors; with them the whole plan is known.
  std::vector<std::string> uplinks;
  for (const PlannedCanary& canary : intent.canaries) {
    if (canary.kind == "sensor" && canary.family == "ipv4") uplinks.push_back(canary.interface);
  }
  bool whole = std::find(uplinks.begin(), uplinks.end(), "") == uplinks.end();
  bool good = true;
  std::size_t place = 0;
  std::string impossible;
  each_canary(uplinks.size(), [&](CanaryKind kind, CanaryFamily family, std::optional<std::size_t> uplink) {
    const std::size_t i = place++;
    whole = whole && i < intent.canaries.size() &&
            intent.canaries[i] == planned(kind, family, uplink ? uplinks[*uplink] : "");
    if (!whole) return;
    good = good && fared_well(to_string(kind), fate.outcomes[i]);
    if (impossible.empty() && !possible(kind, fate.outcomes[i])) {
      impossible = "canary " + std::to_string(i + 1) + " (" + intent.canaries[i].kind + ", " +
                   intent.canaries[i].family + ") cannot end as '" + fate.outcomes[i].fate + "', blocked by '" +
                   fate.outcomes[i].blocked_by + "'";
    }
  });
  if (!whole || place != intent.canaries.size()) {
    why = "the plan is not that of a whole round";
    return false;
  }
  if (!impossible.empty()) {
    why = impossible;
    return false;
  }
  if (good != fate.good) {
    why = std::string("the round says that it fared ") + (fate.good ? "well" : "ill") + ", its canaries do not";
    return false;
  }
  return true;
}

std::chrono::milliseconds next_wait(std::chrono::milliseconds mean, std::chrono::milliseconds spent) {
  const auto values = static_cast<std::uint64_t>(std::max<std::int64_t>(mean.count(), 0)) + 1;
  // What is left over above the last whole multiple would make small values likelier: drawn again.
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t fair = kMost - kMost % values;
  std::uint64_t drawn = 0;
  do {
    const Secret random = Secret::random();
    drawn = 0;
    for (const char byte : random.bytes().substr(0, 8)) drawn = drawn << 8 | static_cast<std::uint8_t>(byte);
  } while (drawn >= fair);
  const std::chrono::milliseconds wait = mean / 2 + std::chrono::milliseconds(drawn % values);
  return std::max(wait - spent, std::chrono::milliseconds(0));
}

}  // namespace airtight::audit
