// The first look at a file's bytes: encoding, control and invisible characters, tabs, line ends.
#pragma once

#include <cstdint>

#include "compiler/policy/diagnostic.h"
#include "compiler/policy/source.h"

namespace airtight {

// True if the text is fit for a YAML reader. A leading UTF-8 byte order mark and CRLF line ends are fine: every YAML
// reader takes them the same way.
bool check_text(std::uint32_t source, const Sources&, Diagnostics&);

// Length of a leading UTF-8 byte order mark: 3 or 0.
std::size_t byte_order_mark(std::string_view text);

// Names the first character of a value that nobody can see in the source: a control character other than a line feed, a
// zero-width or direction-changing one, or bytes that are not UTF-8. Escapes in double quotes can make all of these.
// Empty if there is none; `code` receives what it is.
std::string describe_hidden(std::string_view value, Code& code);

// Names the first character that is not ASCII, and the Latin letter that it imitates where it is a known look-alike:
// "U+0430 CYRILLIC SMALL LETTER A looks like 'a'". Empty if the text is ASCII. `length` receives the character's bytes.
std::string describe_non_ascii(std::string_view text, std::size_t& offset, std::size_t& length);

}  // namespace airtight
