// How everything that the auditor prints for people names amounts and lines up columns. All text that comes back is
// safe to print: what a capture or a file chose is escaped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace airtight::audit {

// ANSI sequences, or nothing.
struct Ink {
  std::string_view bold, red, yellow, green, off;
};
const Ink& ink(bool colour);

// The text escaped, and cut behind `most` characters ("…"): names come from packets and may be as long as somebody
// liked.
std::string shown(std::string_view text, std::size_t most = 120);
// Of escaped text: what a terminal counts, wide characters apart.
std::size_t characters(std::string_view text);
// "1,234,567".
std::string grouped(std::uint64_t number);
// "1 packet", "5,000 packets".
std::string counted(std::uint64_t number, std::string_view noun);
// The first `most`, then "and N more"; entries are safe already.
std::string listed(const std::vector<std::string>& entries, std::size_t most);

// Rows in columns: every cell but the last is padded to the widest of its column, numbers from the left. Columns that
// are empty in every row take no room.
class Columns {
 public:
  enum class Side : std::uint8_t { Left, Right };
  explicit Columns(std::vector<Side> sides) : sides_(std::move(sides)) {}
  void add(std::vector<std::string> cells);  // as many as there are sides
  // One string a row, without indent and line end.
  std::vector<std::string> rows() const;

 private:
  std::vector<Side> sides_;
  std::vector<std::vector<std::string>> cells_;
};

}  // namespace airtight::audit
