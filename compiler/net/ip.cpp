#include "compiler/net/ip.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>

#include "compiler/net/excerpt.h"

namespace airtight {
namespace {

using Why = std::string*;  // where to write the reason; null while nobody asks

constexpr std::string_view kHex = "0123456789abcdefABCDEF";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool all_digits(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_digit); }

// Whether the last label, before a final dot, cannot be meant as an octet.
bool ends_like_name(std::string_view text) {
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  const std::string_view last = text.substr(text.rfind('.') + 1);  // npos + 1 is the start
  return !last.empty() && !is_digit(last.front());
}

std::nullopt_t fail(Why why, std::string_view reason) {
  if (why != nullptr) *why = reason;
  return std::nullopt;
}
std::nullopt_t fail(Why why, std::string_view before, std::string_view input, std::string_view after) {
  if (why != nullptr) *why = std::string(before) + excerpt(input) + std::string(after);
  return std::nullopt;
}

unsigned to_number(std::string_view digits) {
  unsigned value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

std::optional<std::uint32_t> parse_octet(std::string_view octet, Why why) {
  if (octet.empty()) return fail(why, "an octet is empty");
  if (!all_digits(octet)) return fail(why, "octet ", octet, " is not a decimal number");
  if (octet.size() > 1 && octet[0] == '0') return fail(why, "leading zero in octet ", octet, "");
  if (octet.size() > 3 || to_number(octet) > 255) return fail(why, "octet ", octet, " is above 255");
  return to_number(octet);
}

std::optional<std::uint32_t> parse_v4(std::string_view text, Why why) {
  if (all_digits(text)) return fail(why, "an IPv4 address is four octets, not one number");
  const auto octets = static_cast<std::size_t>(std::count(text.begin(), text.end(), '.')) + 1;
  std::uint32_t bits = 0;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('.', begin), text.size());
    const auto octet = parse_octet(text.substr(begin, end - begin), why);
    if (!octet) return std::nullopt;
    bits = bits << 8 | *octet;
    begin = end + 1;
  }
  if (octets != 4)
    return fail(why, std::to_string(octets), "",
                octets == 1 ? " octet where 4 are needed" : " octets where 4 are needed");
  return bits;
}

std::optional<u128> parse_v6(std::string_view text, Why why) {
  constexpr std::size_t kGroups = 8;
  std::array<std::uint16_t, kGroups> groups{};
  std::size_t count = 0;
  std::optional<std::size_t> gap;  // number of groups before "::"
  std::size_t at = 0;
  if (text.substr(0, 2) == "::") {
    gap = 0;
    at = 2;
  } else if (text[0] == ':') {
    return fail(why, "a single \":\" stands at the start");
  }
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(':', at), text.size());
    const std::string_view group = text.substr(at, end - at);
    if (group.empty()) return fail(why, "more than two colons stand together");
    if (group.find('.') != std::string_view::npos) {
      if (end != text.size()) {
        if (at == 0 && all_digits(text.substr(end + 1))) return fail(why, "a port is not part of an address");
        return fail(why, "the dotted quad does not stand at the end");
      }
      if (count + 2 > kGroups) return fail(why, "there are more than 8 groups");
      const auto quad = parse_v4(group, why);
      if (!quad) return std::nullopt;
      groups[count++] = static_cast<std::uint16_t>(*quad >> 16);
      groups[count++] = static_cast<std::uint16_t>(*quad & 0xFFFF);
      break;
    }
    const std::size_t bad = group.find_first_not_of(kHex);
    if (bad != std::string_view::npos) {
      if (why != nullptr) *why = name_of(static_cast<unsigned char>(group[bad])) + " is not a hexadecimal digit";
      return std::nullopt;
    }
    if (group.size() > 4) return fail(why, "group ", group, " has more than four digits");
    if (count == kGroups) return fail(why, "there are more than 8 groups");
    std::from_chars(group.data(), group.data() + group.size(), groups[count++], 16);
    if (end == text.size()) break;
    at = end + 1;
    if (at == text.size()) return fail(why, "a single \":\" stands at the end");
    if (text[at] == ':') {
      if (gap) return fail(why, "\"::\" stands twice");
      gap = count;
      ++at;
    }
  }
  if (!gap && count < kGroups) {
    return fail(why, std::to_string(count), "",
                count == 1 ? " group where 8 are needed" : " groups where 8 are needed");
  }
  if (gap && count == kGroups) return fail(why, "\"::\" stands for no group, since all 8 are written");
  u128 bits = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t position = gap && i >= *gap ? i + kGroups - count : i;
    bits |= u128{groups[i]} << (112 - 16 * position);
  }
  return bits;
}

// Why a text with characters that no address has is none.
std::string why_foreign(std::string_view text) {
  if (text.find_first_of(" \t\r\n") != std::string_view::npos) return "a space is not part of an address";
  if (text.find("://") != std::string_view::npos) return "a scheme is not part of an address";
  if (text.find_first_of("[]") != std::string_view::npos) return "brackets are not part of an address";
  if (text.find('/') != std::string_view::npos) {
    if (masked_prefix(text)) return "this is a prefix, not one address";
    return "\"/\" is not part of an address";
  }
  const bool has_colon = text.find(':') != std::string_view::npos;
  if (const std::size_t zone = text.find('%'); zone != std::string_view::npos && Ip::parse(text.substr(0, zone))) {
    return "a zone index names an interface of one machine";
  }
  if (const std::size_t dash = text.find('-'); dash != std::string_view::npos) {
    if (Ip::parse(text.substr(0, dash)) && Ip::parse(text.substr(dash + 1))) {
      return "this is a range, not one address";
    }
  }
  const auto in_name = [](char c) { return is_digit(c) || is_letter(c) || c == '.' || c == '-' || c == '_'; };
  if (!has_colon && std::all_of(text.begin(), text.end(), in_name)) {
    if (ends_like_name(text)) return "this is a name, not an address";
    std::string why;
    if (!parse_v4(text, &why)) return why;
  }
  for (std::size_t i = 0; i < text.size();) {
    const auto next = first_code_point(text.substr(i));
    if (!next) return "the text is not UTF-8";
    const bool foreign =
        next->value >= 0x80 || (kHex.find(text[i]) == std::string_view::npos && text[i] != '.' && text[i] != ':');
    if (foreign) {
      return name_of(next->value) + (has_colon && next->value < 0x80 && is_letter(text[i])
                                         ? " is not a hexadecimal digit"
                                         : " is not part of an address");
    }
    i += next->length;
  }
  assert(false);
  return "this is not an address";
}

std::optional<Ip> parse_ip(std::string_view text, Why why) {
  if (text.empty()) return fail(why, "the text is empty");
  bool has_colon = false;
  bool has_letter = false;
  for (const char c : text) {
    has_colon = has_colon || c == ':';
    has_letter = has_letter || is_letter(c);
    if (c != ':' && c != '.' && kHex.find(c) == std::string_view::npos) {
      if (why != nullptr) *why = why_foreign(text);
      return std::nullopt;
    }
  }
  if (has_colon) {
    const auto bits = parse_v6(text, why);
    if (!bits) return std::nullopt;
    return Ip::v6(*bits);
  }
  if (has_letter && ends_like_name(text)) return fail(why, "this is a name, not an address");
  const auto bits = parse_v4(text, why);
  if (!bits) return std::nullopt;
  return Ip::v4(*bits);
}

u128 host_mask(Family family, int length) {
  const int host_bits = width(family) - length;
  return host_bits == 128 ? ~u128{0} : (u128{1} << host_bits) - 1;
}

Ip with_bits(Family family, u128 bits) {
  return family == Family::V4 ? Ip::v4(static_cast<std::uint32_t>(bits)) : Ip::v6(bits);
}

// The length that a contiguous netmask stands for.
std::optional<int> length_of_netmask(std::string_view text) {
  const auto mask = Ip::parse(text);
  if (!mask) return std::nullopt;
  for (int length = 0; length <= width(mask->family()); ++length) {
    const u128 all = host_mask(mask->family(), 0);
    if ((all & ~host_mask(mask->family(), length)) == mask->bits()) return length;
  }
  return std::nullopt;
}

struct Cidr {
  Ip base;
  int length;
};

std::optional<Cidr> parse_cidr(std::string_view text, Why why) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    const auto ip = parse_ip(text, why);
    if (ip && why != nullptr) *why = "this is one address; its prefix is " + to_string(Prefix::host(*ip));
    return std::nullopt;
  }
  if (text.find("://") != std::string_view::npos) return fail(why, "a scheme is not part of a prefix");
  if (text.find_first_of(" \t\r\n") != std::string_view::npos) return fail(why, "a space is not part of a prefix");
  const auto base = parse_ip(text.substr(0, slash), why);
  if (!base) return std::nullopt;
  const std::string_view length = text.substr(slash + 1);
  if (length.empty()) return fail(why, "the length after \"/\" is missing");
  if (!all_digits(length)) {
    if (const auto meant = length_of_netmask(length)) {
      return fail(why, "a netmask is not a length; the length is ", std::to_string(*meant), "");
    }
    return fail(why, "length ", length, " is not a decimal number");
  }
  if (length.size() > 1 && length[0] == '0') return fail(why, "leading zero in length ", length, "");
  const int most = width(base->family());
  if (length.size() > 3 || to_number(length) > static_cast<unsigned>(most)) {
    return fail(why, "length ", length, most == 32 ? " is above 32" : " is above 128");
  }
  return Cidr{*base, static_cast<int>(to_number(length))};
}

std::optional<Prefix> parse_prefix(std::string_view text, Why why) {
  const auto cidr = parse_cidr(text, why);
  if (!cidr) return std::nullopt;
  auto prefix = Prefix::of(cidr->base, cidr->length);
  if (!prefix && why != nullptr) {
    *why = "host bits are set; the prefix is " + to_string(Prefix::containing(cidr->base, cidr->length));
  }
  return prefix;
}

void append_quad(std::string& text, std::uint32_t bits) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    text += std::to_string(bits >> shift & 0xFF);
    if (shift > 0) text += '.';
  }
}

bool is_mapped(u128 bits) { return bits >> 32 == 0xFFFF; }

}  // namespace

std::optional<Ip> Ip::parse(std::string_view text) { return parse_ip(text, nullptr); }

std::string why_not_ip(std::string_view text) {
  std::string why;
  parse_ip(text, &why);
  return why;
}

std::string to_string(Ip ip) {
  std::string text;
  if (ip.is_v4()) {
    append_quad(text, ip.v4_bits());
    return text;
  }
  if (is_mapped(ip.bits())) {
    text = "::ffff:";
    append_quad(text, static_cast<std::uint32_t>(ip.bits()));
    return text;
  }
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i] = static_cast<unsigned>(ip.bits() >> (112 - 16 * i) & 0xFFFF);
  }
  std::size_t gap = groups.size();  // start of the longest run of at least two zero groups, the first of equals
  std::size_t gap_length = 1;
  for (std::size_t i = 0; i < groups.size();) {
    std::size_t end = i;
    while (end < groups.size() && groups[end] == 0) ++end;
    if (end - i > gap_length) {
      gap = i;
      gap_length = end - i;
    }
    i = end + 1;
  }
  for (std::size_t i = 0; i < groups.size();) {
    if (i == gap) {
      text += "::";
      i += gap_length;
      continue;
    }
    if (i > 0 && i != gap + gap_length) text += ':';
    std::array<char, 4> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), groups[i], 16);
    text.append(digits.data(), end.ptr);
    ++i;
  }
  return text;
}

std::optional<EmbeddedIpv4> embedded_ipv4(Ip ip) {
  if (ip.is_v4()) return std::nullopt;
  const u128 bits = ip.bits();
  const auto low = static_cast<std::uint32_t>(bits);
  const auto interface_id = static_cast<std::uint32_t>(bits >> 32 & 0xFFFFFFFF);
  if (is_mapped(bits)) return EmbeddedIpv4{low, "IPv4-mapped (RFC 4291)"};
  if (bits >> 32 == 0xFFFF0000) return EmbeddedIpv4{low, "IPv4-translated"};
  if (bits >> 32 == u128{0x0064FF9B} << 64) return EmbeddedIpv4{low, "NAT64 (RFC 6052)"};
  if (bits >> 80 == 0x0064FF9B0001) return EmbeddedIpv4{low, "local-use NAT64 (RFC 8215)"};
  if (bits >> 112 == 0x2002) return EmbeddedIpv4{static_cast<std::uint32_t>(bits >> 80), "6to4 (RFC 3056)"};
  if (bits >> 96 == 0x20010000) return EmbeddedIpv4{~low, "Teredo (RFC 4380)"};
  if (bits >> 32 == 0 && bits > 1) return EmbeddedIpv4{low, "IPv4-compatible (RFC 4291)"};
  if (interface_id == 0x00005EFE || interface_id == 0x02005EFE) return EmbeddedIpv4{low, "ISATAP (RFC 5214)"};
  return std::nullopt;
}

std::optional<Prefix> Prefix::parse(std::string_view text) { return parse_prefix(text, nullptr); }

std::string why_not_prefix(std::string_view text) {
  std::string why;
  parse_prefix(text, &why);
  return why;
}

std::optional<Prefix> masked_prefix(std::string_view text) {
  const auto cidr = parse_cidr(text, nullptr);
  if (!cidr) return std::nullopt;
  return Prefix::containing(cidr->base, cidr->length);
}

std::optional<Prefix> Prefix::of(Ip base, int length) {
  if (length < 0 || length > width(base.family())) return std::nullopt;
  if ((base.bits() & host_mask(base.family(), length)) != 0) return std::nullopt;
  return Prefix(base, length);
}

Prefix Prefix::containing(Ip ip, int length) {
  assert(length >= 0 && length <= width(ip.family()));
  return {with_bits(ip.family(), ip.bits() & ~host_mask(ip.family(), length)), length};
}

Prefix Prefix::host(Ip ip) { return {ip, width(ip.family())}; }

Ip Prefix::last() const { return with_bits(family(), first_.bits() | host_mask(family(), length_)); }

bool Prefix::contains(Ip ip) const { return ip >= first_ && ip <= last(); }

bool Prefix::contains(const Prefix& other) const { return length_ <= other.length_ && contains(other.first_); }

std::string to_string(const Prefix& prefix) {
  return to_string(prefix.first()) + "/" + std::to_string(prefix.length());
}

}  // namespace airtight
