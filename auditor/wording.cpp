#include "auditor/wording.h"

#include <algorithm>
#include <cassert>

#include "compiler/policy/compiled_policy.h"  // printable()

namespace airtight::audit {
namespace {

constexpr Ink kPlain{};
constexpr Ink kAnsi{"\033[1m", "\033[1;31m", "\033[1;33m", "\033[1;32m", "\033[0m"};

}  // namespace

const Ink& ink(bool colour) { return colour ? kAnsi : kPlain; }

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string shown(std::string_view text, std::size_t most) {
  std::string out = printable(text);
  std::size_t at = 0;
  for (std::size_t count = 0; at < out.size(); ++at)
    if ((static_cast<unsigned char>(out[at]) & 0xC0) != 0x80 && count++ == most) break;
  if (at < out.size()) out = out.substr(0, at) + "…";
  return out;
}

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

std::string counted(std::uint64_t number, std::string_view noun) {
  return grouped(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
}

std::string listed(const std::vector<std::string>& entries, std::size_t most) {
  std::string out;
  for (std::size_t i = 0; i < std::min(entries.size(), most); ++i) out += (i > 0 ? ", " : "") + entries[i];
  if (entries.size() > most) out += " and " + grouped(entries.size() - most) + " more";
  return out;
}

void Columns::add(std::vector<std::string> cells) {
  assert(cells.size() == sides_.size());
  cells_.push_back(std::move(cells));
}

std::vector<std::string> Columns::rows() const {
  std::vector<std::size_t> widths(sides_.size(), 0);
  for (const std::vector<std::string>& row : cells_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], characters(row[i]));
  std::vector<std::string> out;
  for (const std::vector<std::string>& row : cells_) {
    std::string line;
    bool first = true;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (widths[i] == 0) continue;
      if (!first) line += "  ";
      first = false;
      const std::string padding(widths[i] - characters(row[i]), ' ');
      line += sides_[i] == Side::Left ? row[i] + padding : padding + row[i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out.push_back(std::move(line));
  }
  return out;
}

}  // namespace airtight::audit
