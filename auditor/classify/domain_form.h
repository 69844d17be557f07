// Whether a text is a name, asked for every name on the wire: Domain::parse() without its allocations.
#pragma once

#include <string_view>

namespace airtight::audit {

// As Domain::parse(text).has_value(), in any letter case. A final dot is accepted; "." is the root, "" is nothing.
bool is_domain(std::string_view text);

// Of letters beyond A to Z nothing is known, which is as DNS has it (RFC 4343).
constexpr char fold(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace airtight::audit
