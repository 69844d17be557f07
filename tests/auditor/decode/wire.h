// Packets in tests: hexadecimal digits, blanks for reading, and text as it is between single quotes: "03 'www' 00".
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace airtight::audit {

using Octets = std::vector<std::uint8_t>;

inline Octets wire(std::string_view notation) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  Octets octets;
  for (std::size_t i = 0; i < notation.size(); ++i) {
    if (notation[i] == ' ') continue;
    if (notation[i] == '\'') {
      while (notation.at(++i) != '\'') octets.push_back(static_cast<std::uint8_t>(notation[i]));
      continue;
    }
    const std::size_t high = kDigits.find(notation[i]), low = kDigits.find(notation.at(++i));
    if (high == kDigits.npos || low == kDigits.npos) throw std::invalid_argument("wire(): not hexadecimal");
    octets.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return octets;
}

inline Octets text_octets(std::string_view text) { return Octets(text.begin(), text.end()); }

inline Octets operator+(Octets left, const Octets& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

}  // namespace airtight::audit
