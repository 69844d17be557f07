// IPv4 and IPv6 addresses and prefixes: strict text in, canonical text out (RFC 4291 §2.2, RFC 4632, RFC 5952).
// All types here are values, valid as long as they exist and safe to share between threads while nobody writes.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace airtight {

__extension__ typedef unsigned __int128 u128;

enum class Family : std::uint8_t { V4, V6 };

// Number of bits of an address: 32 or 128.
constexpr int width(Family family) { return family == Family::V4 ? 32 : 128; }

// One address. Ordered with every IPv4 address before every IPv6 address, then numerically.
class Ip {
 public:
  // Dotted quad without leading zeros, or RFC 4291 text including an embedded dotted quad. Zone indices, spaces,
  // brackets and ports are refused.
  static std::optional<Ip> parse(std::string_view text);
  static constexpr Ip v4(std::uint32_t bits) { return {Family::V4, bits}; }
  static constexpr Ip v6(u128 bits) { return {Family::V6, bits}; }

  constexpr Family family() const { return family_; }
  constexpr bool is_v4() const { return family_ == Family::V4; }
  constexpr std::uint32_t v4_bits() const { return static_cast<std::uint32_t>(bits_); }  // IPv4 only
  constexpr u128 bits() const { return bits_; }                                          // IPv4 widened with zeros

  friend constexpr auto operator<=>(const Ip&, const Ip&) = default;

 private:
  constexpr Ip(Family family, u128 bits) : family_(family), bits_(bits) {}

  Family family_;
  u128 bits_;
};

// RFC 5952 §4, and §5 for IPv4-mapped addresses (::ffff:192.0.2.1). Ip::parse reads it back.
std::string to_string(Ip ip);

struct EmbeddedIpv4 {
  std::uint32_t address;
  std::string_view mechanism;  // with its RFC, as "NAT64 (RFC 6052)"; static storage

  friend constexpr bool operator==(const EmbeddedIpv4&, const EmbeddedIpv4&) = default;
};

// The IPv4 address that a host or a translator may reach when it is given this IPv6 address: mapped, translated,
// NAT64 (both prefixes; the local-use one is read in the /96 layout, the only one that needs no configuration), 6to4,
// Teredo (the client), compatible (neither :: nor ::1), ISATAP.
std::optional<EmbeddedIpv4> embedded_ipv4(Ip ip);

// A CIDR prefix; host bits are always zero. Ordered by first address, then shorter before longer.
class Prefix {
 public:
  // "10.0.0.0/8". A bare address, a netmask, a leading zero in the length and set host bits are refused.
  static std::optional<Prefix> parse(std::string_view text);
  // Empty if the length is out of range for the family or host bits are set.
  static std::optional<Prefix> of(Ip base, int length);
  // The prefix of that length around the address; `length` must be in range.
  static Prefix containing(Ip ip, int length);
  static Prefix host(Ip ip);

  Ip first() const { return first_; }
  Ip last() const;
  int length() const { return length_; }
  Family family() const { return first_.family(); }
  bool contains(Ip ip) const;
  bool contains(const Prefix& other) const;

  friend auto operator<=>(const Prefix&, const Prefix&) = default;

 private:
  Prefix(Ip first, int length) : first_(first), length_(length) {}

  Ip first_;
  int length_;
};

std::string to_string(const Prefix& prefix);

// One clause for a message on why the text is no address or no prefix; empty if it is one.
std::string why_not_ip(std::string_view text);
std::string why_not_prefix(std::string_view text);

// What the text would be with its host bits cleared; empty if something else is wrong with it too.
std::optional<Prefix> masked_prefix(std::string_view text);

}  // namespace airtight
