// The authority of a URI (RFC 3986 §3.2) as HTTP requests carry it: [userinfo@]host[:port].
#pragma once

#include <string_view>

#include "auditor/decode/name_text.h"

namespace airtight::audit {

// Everything behind the last "@": what stands before it is no place, whatever it looks like.
std::string_view without_userinfo(std::string_view authority);
// Whether both name the same host, letter case and ports aside.
bool same_host(std::string_view left, std::string_view right);
bool same_text(std::string_view left, std::string_view right);  // letter case aside, ASCII only

// Replaces the name by this text, escaped where it is not printable; the line breaks of folded header fields are left
// out.
void set_text(NameText& name, std::string_view text);

}  // namespace airtight::audit
