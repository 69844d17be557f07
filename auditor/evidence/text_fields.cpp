#include "auditor/evidence/text_fields.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace airtight::audit {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::optional<std::uint32_t> digits(std::string_view text) {
  std::uint32_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint32_t>(c - '0');
  }
  return value;
}

}  // namespace

std::string time_text(std::int64_t time) {
  std::int64_t seconds = time / kSecond, rest = time % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  const std::chrono::sys_seconds point{std::chrono::seconds{seconds}};
  const auto day = std::chrono::floor<std::chrono::days>(point);
  const std::chrono::year_month_day date{day};
  const auto of_day = (point - day).count();
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(of_day / 3600),
                static_cast<int>(of_day / 60 % 60), static_cast<int>(of_day % 60));
  std::string out = text;
  if (rest != 0) {
    std::string fraction = std::to_string(kSecond + rest).substr(1);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    out += "." + fraction;
  }
  return out + "Z";
}

std::optional<std::int64_t> parse_time_text(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00";
  if (text.size() <= kForm.size() || text.size() > kForm.size() + 11 || text.back() != 'Z') return std::nullopt;
  for (std::size_t i = 0; i < kForm.size(); ++i)
    if (kForm[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != kForm[i]) return std::nullopt;
  const auto part = [&](std::size_t at, std::size_t size) { return *digits(text.substr(at, size)); };
  const std::uint32_t year = part(0, 4), hour = part(11, 2), minute = part(14, 2), second = part(17, 2);
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)), std::chrono::month(part(5, 2)),
                                         std::chrono::day(part(8, 2))};
  if (!date.ok() || year < 1678 || year > 2261 || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  std::int64_t fraction = 0;
  if (std::string_view rest = text.substr(kForm.size(), text.size() - kForm.size() - 1); !rest.empty()) {
    if (rest.front() != '.' || rest.size() < 2 || rest.back() == '0') return std::nullopt;
    rest.remove_prefix(1);
    const auto value = digits(rest);
    if (!value) return std::nullopt;
    fraction = *value;
    for (std::size_t i = rest.size(); i < 9; ++i) fraction *= 10;
  }
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return (days * 86'400 + hour * 3600 + minute * 60 + second) * kSecond + fraction;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0') || text.front() == '+') return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= 255 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127 && c != '+' && c != '/'; });
}

std::string_view LineReader::line() {
  if (failed()) return {};
  ++number_;
  const std::size_t end = rest_.find('\n');
  if (end == std::string_view::npos) {
    demand(false, rest_.empty() ? "the text ends too early" : "no newline at its end");
    return {};
  }
  const std::string_view found = rest_.substr(0, end);
  rest_.remove_prefix(end + 1);
  return found;
}

std::string_view LineReader::field(std::string_view name) {
  const std::string_view found = line();
  const bool good = found.size() > name.size() + 1 && found.substr(0, name.size()) == name && found[name.size()] == ' ';
  demand(good, "expected '" + std::string(name) + "' and a value");
  return good ? found.substr(name.size() + 1) : std::string_view();
}

std::uint64_t LineReader::number(std::string_view name) {
  const auto value = parse_number(field(name));
  demand(value.has_value(), "expected '" + std::string(name) + "' and a number");
  return value.value_or(0);
}

std::int64_t LineReader::time(std::string_view name) {
  const auto value = parse_time_text(field(name));
  demand(value.has_value(), "expected '" + std::string(name) + "' and a time in UTC");
  return value.value_or(0);
}

std::string_view LineReader::next_name() const { return rest_.substr(0, std::min(rest_.find(' '), rest_.find('\n'))); }

void LineReader::demand(bool good, std::string_view what) {
  if (!good && why_.empty()) why_ = "line " + std::to_string(number_) + ": " + std::string(what);
}

}  // namespace airtight::audit
