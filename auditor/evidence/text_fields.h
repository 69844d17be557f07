// The small text forms that notes and key files are made of: lines of "name value", numbers, times.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace airtight::audit {

// RFC 3339 in UTC, as many digits of the second as are not zero, up to nine: "2026-11-25T13:00:00.5Z". Nanoseconds
// since 1970; the years 1678 to 2261.
std::string time_text(std::int64_t time);
std::optional<std::int64_t> parse_time_text(std::string_view text);  // of what time_text() writes

// Decimal without sign and leading zeros.
std::optional<std::uint64_t> parse_number(std::string_view text);
// One to 255 visible ASCII characters, no '+' and no '/': a node's name, a boot id.
bool is_token(std::string_view text);

// Takes a text line by line; once anything was not as asked, failed() says so and every later answer is empty.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : rest_(text) {}
  std::string_view line();                        // without its newline, which must be there
  std::string_view field(std::string_view name);  // the value of a line "name value"
  std::uint64_t number(std::string_view name);
  std::int64_t time(std::string_view name);
  // What the next line begins with, up to the first space.
  std::string_view next_name() const;
  void demand(bool good, std::string_view what);
  bool at_end() const { return rest_.empty(); }
  bool failed() const { return !why_.empty(); }
  const std::string& why() const { return why_; }  // "line 4: expected 'epoch' and a number"

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
  std::string why_;
};

}  // namespace airtight::audit
