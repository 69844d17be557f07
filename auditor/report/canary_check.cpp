#include "auditor/report/canary_check.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace airtight::audit {
namespace {

constexpr std::string_view kFamilies[] = {"ipv4", "ipv6"};
constexpr std::string_view kOfUplinks[] = {"sensor", "raw", "raw-bypass"};

std::optional<std::string> seed_bytes(std::string_view hex) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (hex.size() != 64) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const std::size_t high = kDigits.find(hex[i]), low = kDigits.find(hex[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

std::string name_of(const PlannedCanary& canary) {
  return canary.kind + " " + canary.family + (canary.interface.empty() ? "" : " at " + canary.interface);
}

// The worse an end, the later.
int badness(const CanaryOutcome& outcome) {
  return outcome.fate == "escaped" ? 3 : outcome.fate == "missed" ? 2 : outcome.fate == "unsent" ? 1 : 0;
}

}  // namespace

bool fared_well(const PlannedCanary& canary, const CanaryOutcome& outcome) {
  if (canary.kind == "sensor") return outcome.fate == "seen";
  return outcome.fate == "blocked" || (canary.kind == "pod" && outcome.fate == "unsent");
}

std::string check_canaries(const CanaryIntentRecord& intent, const CanaryFateRecord& fate,
                           const std::vector<std::string>& uplinks) {
  const auto seed = seed_bytes(fate.seed);
  if (!seed || "sha256:" + to_hex(bytes_of(sha256({*seed}))) != intent.commitment)
    return "its seed is not the one that it committed to";
  if (fate.outcomes.size() != intent.canaries.size())
    return std::to_string(intent.canaries.size()) + " canaries were planned and " +
           std::to_string(fate.outcomes.size()) + " have a fate";

  std::optional<std::size_t> worst;
  bool sensor = false;
  for (std::size_t i = 0; i < fate.outcomes.size(); ++i) {
    sensor = sensor || intent.canaries[i].kind == "sensor";
    if (!fared_well(intent.canaries[i], fate.outcomes[i]) &&
        (!worst || badness(fate.outcomes[i]) > badness(fate.outcomes[*worst])))
      worst = i;
  }
  if (worst) {
    const CanaryOutcome& outcome = fate.outcomes[*worst];
    return name_of(intent.canaries[*worst]) + " " + (outcome.fate.empty() ? "without a fate" : outcome.fate) +
           (outcome.detail.empty() ? "" : " (" + outcome.detail + ")");
  }
  if (!fate.good) return "the agent says that it was not good";
  if (!sensor) return "there was no sensor canary in it";

  const auto has = [&](std::string_view kind, std::string_view family, std::string_view interface) {
    return std::any_of(intent.canaries.begin(), intent.canaries.end(), [&](const PlannedCanary& canary) {
      return canary.kind == kind && canary.family == family && (interface.empty() || canary.interface == interface);
    });
  };
  for (const std::string_view family : kFamilies) {
    if (!has("stack", family, "")) return "there was no stack " + std::string(family) + " canary in it";
    for (const std::string& uplink : uplinks)
      for (const std::string_view kind : kOfUplinks)
        if (!has(kind, family, uplink))
          return "there was no " + name_of({std::string(kind), std::string(family), uplink});
  }
  return {};
}

}  // namespace airtight::audit
