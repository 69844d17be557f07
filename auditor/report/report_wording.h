// How a report names times, shares and places. Everything that comes back is safe to print.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auditor/report/report.h"
#include "auditor/wording.h"

namespace airtight::audit {

// "2026-11-25T13:00:00Z – 2026-11-25T13:00:05Z"; one of them where both are equal.
std::string period_text(std::int64_t from, std::int64_t to);
// "400 ms", "12.5 s", "3 min 12 s", "2 h 3 min", "5 d 2 h"; rounded down.
std::string duration_text(std::int64_t nanoseconds);
// "100 %" of all and nothing else; else rounded down to two places, "< 0.01 %"; "none asked for".
std::string percent_text(std::int64_t part, std::int64_t whole);
// The same as a number, to six places: 1 of all and nothing else.
double share_of(std::int64_t part, std::int64_t whole);
// "10 packets", a detail, or both.
std::string amount_text(const ReportGap& gap);
// "203.0.113.7, 203.0.113.9 and 3 more".
std::string destinations_text(const FindingRecord& finding, std::size_t most);
// "443/tcp", or one of them.
std::string service_text(const FindingRecord& finding);
// When it was seen; "without time".
std::string seen_text(const FindingRecord& finding);
// "n1, round 7 of 2026-…: sensor ipv4 at eth0 missed".
std::string round_text(const CanaryLine& line);
// The title of its rule, or of its class where the rule is not known.
std::string title_of(const FindingRecord& finding);

}  // namespace airtight::audit
