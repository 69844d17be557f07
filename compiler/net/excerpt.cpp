#include "compiler/net/excerpt.h"

#include <algorithm>
#include <cassert>

namespace airtight {
namespace {

constexpr std::size_t kLongest = 40;

bool printable(char32_t c) { return c >= 0x20 && c < 0x7F; }

// Capital hexadecimal digits, padded with zeros to at least that many.
std::string hexadecimal(char32_t value, std::size_t digits) {
  std::string text;
  for (; value != 0 || text.size() < digits; value >>= 4) text += "0123456789ABCDEF"[value & 0xF];
  std::reverse(text.begin(), text.end());
  return text;
}

}  // namespace

std::string excerpt(std::string_view text) {
  std::string shown;
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (printable(byte)) {
      shown += c;
    } else {
      shown.append("\\x").append(hexadecimal(byte, 2));
    }
  }
  if (text.size() > kLongest) shown += "...";
  return shown;
}

std::string name_of(char32_t code_point) {
  if (printable(code_point)) return std::string("'") + static_cast<char>(code_point) + "'";
  return std::string("U+").append(hexadecimal(code_point, 4));
}

std::optional<CodePoint> first_code_point(std::string_view text) {
  assert(!text.empty());
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return CodePoint{lead, 1};
  std::size_t length = 0;
  char32_t value = 0;
  char32_t least = 0;  // shorter forms exist below this
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
    value = lead & 0x1FU;
    least = 0x80;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    value = lead & 0x0FU;
    least = 0x800;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    value = lead & 0x07U;
    least = 0x10000;
  } else {
    return std::nullopt;
  }
  if (text.size() < length) return std::nullopt;
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0U) != 0x80U) return std::nullopt;
    value = (value << 6) | (next & 0x3FU);
  }
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < least || value > 0x10FFFF || surrogate) return std::nullopt;
  return CodePoint{value, length};
}

}  // namespace airtight
