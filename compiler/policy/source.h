// Text with positions. A span is 12 bytes and costs nothing until an error needs a line and a column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace airtight {

// Half-open byte range [begin, end) of one source; `source` 0 means "nowhere".
struct Span {
  std::uint32_t source = 0;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;

  bool known() const { return source != 0; }
  friend bool operator==(const Span&, const Span&) = default;
};

// 1-based; `column` counts characters (UTF-8 code points), not bytes.
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

// The texts of one run. Grows only: spans and views into it stay valid as long as it lives. Not thread-safe.
class Sources {
 public:
  // `name` is the path as the user wrote it; `text` is kept as read. Returns the id for Span::source (>= 1).
  std::uint32_t add(std::string name, std::string text);

  const std::string& name(std::uint32_t source) const;
  // The last component of the path: what comments in artifacts show, so that output does not depend on the directory.
  std::string_view basename(std::uint32_t source) const;
  std::string_view text(std::uint32_t source) const;
  std::string_view text(Span) const;
  Position position(std::uint32_t source, std::uint32_t offset) const;
  // The whole line that holds `offset`, without its line end.
  std::string_view line(std::uint32_t source, std::uint32_t offset) const;

 private:
  struct Source {
    std::string name;
    std::string text;
    std::vector<std::uint32_t>
        line_starts;  // positions are asked for every rule: a scan from the top would be quadratic
  };
  const Source& at(std::uint32_t source) const;
  std::deque<Source> sources_;  // a deque: addresses survive growth
};

}  // namespace airtight
