// What little of internationalised names a compiler needs that accepts A-labels only: checking them, and telling the
// writer of a U-label what to write (RFC 3492 Punycode, RFC 5890).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace airtight {

// Without the "xn--" prefix. Empty where the result would not fit a label.
std::optional<std::string> punycode_encode(std::u32string_view label);
// Empty where the text is not Punycode or stands for something that is no code point.
std::optional<std::u32string> punycode_decode(std::string_view text);

// Whether a label that starts with "xn--", in lower case, is the encoding of some label that needs one.
bool is_a_label(std::string_view label);

struct ToAscii {
  std::string label;    // what to write; empty if that is not certain
  std::string why_not;  // then one clause on what is wrong, or empty if nothing is but the case mapping is unknown here
};

// For one label in UTF-8. Lower-cases Latin, Greek, Cyrillic and Armenian letters; refuses to guess for look-alikes,
// invisible characters, symbols, combining marks, and labels that mix scripts with similar letters.
ToAscii to_ascii(std::string_view label);

}  // namespace airtight
