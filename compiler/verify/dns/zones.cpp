#include "compiler/verify/dns/zones.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

namespace airtight::verify {
namespace {

constexpr std::size_t kHead = 16;  // words that recognition looks at behind the comments

// The first words of a text, over all comment styles of both languages; lines are kept apart.
struct Head {
  std::vector<std::string_view> words;
  std::size_t in_first_line = 0;
};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_sign(char c) { return c == '{' || c == '}' || c == ';'; }

// `semicolon` starts a comment in master files and ends a statement in named.conf.
Head head_of(std::string_view text, bool semicolon_comments) {
  Head head;
  bool first_line = true;
  for (std::size_t at = 0; at < text.size() && head.words.size() < kHead;) {
    const std::string_view rest = text.substr(at);
    if (text[at] == '\n' && !head.words.empty()) first_line = false;
    if (is_blank(text[at])) {
      ++at;
    } else if (semicolon_comments ? text[at] == ';' : text[at] == '#' || rest.substr(0, 2) == "//") {
      at = std::min(text.find('\n', at), text.size());
    } else if (!semicolon_comments && rest.substr(0, 2) == "/*") {
      const std::size_t end = text.find("*/", at + 2);
      at = end == std::string_view::npos ? text.size() : end + 2;
    } else {
      std::size_t end = at + 1;
      if (text[at] == '"') {
        end = std::min(text.find('"', end), text.size() - 1) + 1;
      } else if (!is_sign(text[at])) {
        while (end < text.size() && !is_blank(text[end]) && !is_sign(text[end])) ++end;
      }
      head.words.push_back(text.substr(at, end - at));
      if (first_line) head.in_first_line = head.words.size();
      at = end;
    }
  }
  return head;
}

bool same_word(std::string_view a, std::string_view lower) {
  return a.size() == lower.size() && std::equal(a.begin(), a.end(), lower.begin(), [](char x, char y) {
           return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y;
         });
}

constexpr std::array<std::string_view, 22> kStatements{
    "acl",       "catalog-zones", "controls", "dlz",   "dnssec-policy", "dyndb",   "http",    "include",
    "key",       "key-store",     "logging",  "lwres", "managed-keys",  "masters", "options", "parental-agents",
    "primaries", "plugin",        "server",   "tls",   "trust-anchors", "view"};
constexpr std::array<std::string_view, 3> kMoreStatements{"zone", "statistics-channels", "trusted-keys"};

bool is_statement(std::string_view word) {
  const auto is = [&](std::string_view name) { return word == name; };
  return std::any_of(kStatements.begin(), kStatements.end(), is) ||
         std::any_of(kMoreStatements.begin(), kMoreStatements.end(), is);
}

// KEYWORD, at most two words, then a block; or `include "FILE";`.
bool starts_like_named_conf(const Head& head) {
  const std::vector<std::string_view>& words = head.words;
  if (words.empty() || !is_statement(words[0])) return false;
  if (words[0] == "include") return words.size() > 2 && words[2] == ";";
  for (std::size_t i = 1; i < words.size() && i <= 4; ++i) {
    if (words[i] == "{") return true;
    if (is_sign(words[i][0])) return false;
  }
  return false;
}

// $TTL or $ORIGIN, or a first record that is a SOA or the root's NS.
bool starts_like_zone(std::string_view text) {
  const Head head = head_of(text, true);
  if (head.words.empty()) return false;
  if (same_word(head.words[0], "$ttl") || same_word(head.words[0], "$origin")) return true;
  for (std::size_t i = 1; i < head.in_first_line && i <= 3; ++i) {
    if (same_word(head.words[i], "soa")) return true;
    if (same_word(head.words[i], "ns")) return head.words[0] == ".";
  }
  return false;
}

std::optional<unsigned> number(std::string_view text, int base, unsigned most) {
  if (text.empty() || text.size() > 4 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || value > most) return std::nullopt;
  return value;
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t dot = text.find('.');
    parts.push_back(text.substr(0, dot));
    if (dot == std::string_view::npos) return parts;
    text.remove_prefix(dot + 1);
  }
}

constexpr std::size_t kWords = 8;

// Where "zz" stands in the spelling that servers take: the longest run of at least two zero words, the first in the
// address if several are as long. Words are in the order of the address.
std::pair<std::size_t, std::size_t> longest_zeros(const std::array<unsigned, kWords>& words) {
  std::size_t best = 0;
  std::size_t best_length = 1;
  for (std::size_t i = 0; i < kWords;) {
    std::size_t end = i;
    while (end < kWords && words[end] == 0) ++end;
    if (end - i > best_length) {
      best = i;
      best_length = end - i;
    }
    i = std::max(end, i + 1);
  }
  return {best, best_length > 1 ? best_length : 0};
}

std::optional<Prefix> ipv6_prefix(const std::vector<std::string_view>& parts, int length) {
  // parts[1] is the last word of the address.
  const std::vector<std::string_view> written(parts.rbegin(), parts.rend() - 1);
  const auto zz = std::find(written.begin(), written.end(), "zz");
  if (zz == written.end() ? written.size() != kWords : written.size() > kWords - 1) return std::nullopt;
  std::array<unsigned, kWords> words{};
  std::size_t at = 0;
  for (auto part = written.begin(); part != written.end(); ++part) {
    if (part == zz) {
      at += kWords + 1 - written.size();
      continue;
    }
    const std::optional<unsigned> word = number(*part, 16, 0xffff);
    if (!word) return std::nullopt;
    words[at++] = *word;
  }
  const auto [zeros, zeros_length] = longest_zeros(words);
  const bool as_servers_spell = zz == written.end() ? zeros_length == 0
                                                    : zeros_length == kWords + 1 - written.size() &&
                                                          zeros == static_cast<std::size_t>(zz - written.begin());
  if (!as_servers_spell) return std::nullopt;
  u128 bits = 0;
  for (const unsigned word : words) bits = (bits << 16) | word;
  // IPv4 is spelt as IPv4.
  if (length >= 96 && bits >> 32 == 0xffff) return std::nullopt;
  return Prefix::of(Ip::v6(bits), length);
}

}  // namespace

DnsText recognise_dns(std::string_view text) {
  if (starts_like_named_conf(head_of(text, false))) return DnsText::NamedConf;
  return starts_like_zone(text) ? DnsText::ZoneFile : DnsText::None;
}

std::optional<Prefix> parse_rpz_prefix(std::string_view text) {
  const std::vector<std::string_view> parts = split(text);
  const std::optional<unsigned> length = number(parts[0], 10, 128);
  if (!length || *length == 0) return std::nullopt;
  const bool compressed = std::find(parts.begin(), parts.end(), "zz") != parts.end();
  if (parts.size() != 5 || compressed) return ipv6_prefix(parts, static_cast<int>(*length));
  std::uint32_t bits = 0;
  for (std::size_t i = 4; i > 0; --i) {
    const std::optional<unsigned> octet = number(parts[i], 10, 255);
    if (!octet) return std::nullopt;
    bits = (bits << 8) | *octet;
  }
  return Prefix::of(Ip::v4(bits), static_cast<int>(*length));
}

}  // namespace airtight::verify
