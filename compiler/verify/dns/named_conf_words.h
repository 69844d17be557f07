// Which words of a named.conf have no bearing on who is asked and what is answered. What is not among them is not
// understood.
#pragma once

#include <string_view>

namespace airtight::verify {

// Where a word stands.
enum class ConfPlace : unsigned char { Top, Options, Zone, Server, ResponsePolicy };

bool is_harmless(ConfPlace, std::string_view word);
// Statements of options and zones that are harmless with this value (or with a block that holds only it).
bool is_harmless(std::string_view statement, std::string_view value);

}  // namespace airtight::verify
