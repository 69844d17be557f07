#include "auditor/decode/authority.h"

#include <algorithm>
#include <cstdint>

namespace airtight::audit {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view without_port(std::string_view authority) {
  if (authority.substr(0, 1) == "[")
    return authority.substr(0, std::min(authority.find(']'), authority.size() - 1) + 1);
  const std::size_t colon = authority.find(':');
  if (colon != authority.rfind(':')) return authority;  // a bare IPv6 address, or nonsense
  return authority.substr(0, colon);
}

}  // namespace

std::string_view without_userinfo(std::string_view authority) {
  return authority.substr(authority.rfind('@') + 1);  // npos + 1 is the start
}

bool same_text(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

bool same_host(std::string_view left, std::string_view right) {
  return same_text(without_port(left), without_port(right));
}

void set_text(NameText& name, std::string_view text) {
  name.clear();
  for (const char c : text) name.push_byte(static_cast<std::uint8_t>(c));
}

}  // namespace airtight::audit
