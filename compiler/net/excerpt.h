// Input text made safe to show inside a message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace airtight {

// The text, cut after 40 bytes ("..."), with every byte that is not printable ASCII as \xNN.
std::string excerpt(std::string_view text);

// 'x' for printable ASCII, else U+XXXX.
std::string name_of(char32_t code_point);

struct CodePoint {
  char32_t value;
  std::size_t length;  // octets in UTF-8
};

// The first code point of a text that is not empty; empty if it is not well-formed UTF-8 (RFC 3629 §4).
std::optional<CodePoint> first_code_point(std::string_view text);

}  // namespace airtight
