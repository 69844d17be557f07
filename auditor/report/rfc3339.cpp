#include "auditor/report/rfc3339.h"

#include <string>

#include "auditor/evidence/text_fields.h"

namespace airtight::audit {

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
  constexpr std::size_t kSeconds = 19;  // "2026-11-25T13:00:00"
  if (text.size() <= kSeconds) return std::nullopt;
  std::string plain(text.substr(0, kSeconds));
  if (plain[10] == 't') plain[10] = 'T';

  std::size_t at = kSeconds;
  if (text[at] == '.') {
    std::size_t end = at + 1;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    if (end == at + 1 || end - at > 10) return std::nullopt;
    std::string fraction(text.substr(at, end - at));
    fraction.erase(fraction.find_last_not_of('0') + 1);
    if (fraction != ".") plain += fraction;
    at = end;
  }
  const auto time = parse_time_text(plain + "Z");
  const std::string_view zone = text.substr(at);
  if (!time || zone == "Z" || zone == "z") return time;

  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return std::nullopt;
  std::int64_t parts[2] = {};
  for (std::size_t i = 0; i < 2; ++i)
    for (const char c : zone.substr(1 + 3 * i, 2)) {
      if (c < '0' || c > '9') return std::nullopt;
      parts[i] = parts[i] * 10 + (c - '0');
    }
  if (parts[0] > 23 || parts[1] > 59) return std::nullopt;
  const std::int64_t offset = (parts[0] * 60 + parts[1]) * 60'000'000'000;
  std::int64_t result = 0;
  if (__builtin_sub_overflow(*time, zone[0] == '+' ? offset : -offset, &result)) return std::nullopt;
  return result;
}

}  // namespace airtight::audit
