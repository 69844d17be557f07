#include "auditor/report/report_wording.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "auditor/classify/rule_table.h"
#include "auditor/evidence/text_fields.h"

namespace airtight::audit {
namespace {

__extension__ using Wide = __int128;

std::int64_t scaled(std::int64_t part, std::int64_t whole, std::int64_t scale) {
  return static_cast<std::int64_t>(static_cast<Wide>(part) * scale / whole);
}

}  // namespace

std::string period_text(std::int64_t from, std::int64_t to) {
  return from == to ? time_text(from) : time_text(from) + " – " + time_text(to);
}

std::string duration_text(std::int64_t nanoseconds) {
  const std::int64_t ms = nanoseconds / 1'000'000;
  if (ms == 0) return nanoseconds == 0 ? "0 s" : "< 1 ms";
  if (ms < 1000) return std::to_string(ms) + " ms";
  if (ms < 60'000) {
    std::string out = std::to_string(ms / 1000);
    if (ms % 1000 >= 100) out += "." + std::to_string(ms % 1000 / 100);
    return out + " s";
  }
  struct Unit {
    std::int64_t seconds;
    std::string_view name;
  };
  constexpr std::array<Unit, 4> kUnits = {{{86'400, " d"}, {3'600, " h"}, {60, " min"}, {1, " s"}}};
  const std::int64_t seconds = ms / 1000;
  for (std::size_t i = 0;; ++i) {
    if (seconds < kUnits[i].seconds) continue;
    std::string out = grouped(static_cast<std::uint64_t>(seconds / kUnits[i].seconds)) + std::string(kUnits[i].name);
    const std::int64_t rest = seconds % kUnits[i].seconds / kUnits[i + 1].seconds;
    return rest == 0 ? out : out + " " + std::to_string(rest) + std::string(kUnits[i + 1].name);
  }
}

std::string percent_text(std::int64_t part, std::int64_t whole) {
  if (whole <= 0) return "none asked for";
  if (part >= whole) return "100 %";
  const std::int64_t hundredths = scaled(part, whole, 10'000);
  if (hundredths == 0) return part == 0 ? "0 %" : "< 0.01 %";
  char text[32];
  std::snprintf(text, sizeof text, "%d.%02d %%", static_cast<int>(hundredths / 100),
                static_cast<int>(hundredths % 100));
  return text;
}

double share_of(std::int64_t part, std::int64_t whole) {
  if (whole <= 0) return 0;
  if (part >= whole) return 1;
  return static_cast<double>(scaled(part, whole, 1'000'000)) / 1e6;
}

std::string amount_text(const ReportGap& gap) {
  // A size is of packets where the detail does not say of what.
  const bool packets = gap.size > 0 && gap.detail.find_first_of("0123456789") == std::string::npos;
  std::string out = packets ? counted(gap.size, "packet") : "";
  if (!gap.detail.empty()) out += (out.empty() ? "" : ", ") + shown(gap.detail, 300);
  return out;
}

std::string destinations_text(const FindingRecord& finding, std::size_t most) {
  std::vector<std::string> names;
  for (const std::string& destination : finding.destinations) {
    if (names.size() == most) break;
    names.push_back(shown(destination, 60));
  }
  std::string out = listed(names, names.size());
  const std::uint64_t all = std::max<std::uint64_t>(finding.destinations_count, finding.destinations.size());
  if (all > names.size() && !names.empty()) out += " and " + grouped(all - names.size()) + " more";
  return out;
}

std::string service_text(const FindingRecord& finding) {
  if (!finding.port) return shown(finding.protocol, 40);
  return std::to_string(*finding.port) + (finding.protocol.empty() ? "" : "/" + shown(finding.protocol, 40));
}

std::string seen_text(const FindingRecord& finding) {
  if (finding.first_seen == 0 || finding.last_seen == 0) return "without time";
  return period_text(std::min(finding.first_seen, finding.last_seen), std::max(finding.first_seen, finding.last_seen));
}

std::string round_text(const CanaryLine& line) {
  return shown(line.node, 60) + ", round " + shown(line.intent.round, 60) + " of " + time_text(line.time) + ": " +
         (line.why.empty() ? "good" : shown(line.why, 300));
}

std::string title_of(const FindingRecord& finding) {
  const RuleInfo* rule = find_rule(finding.rule_id);
  return rule != nullptr ? std::string(rule->title) : shown(finding.cls, 60) + " by a rule that is not known here";
}

}  // namespace airtight::audit
