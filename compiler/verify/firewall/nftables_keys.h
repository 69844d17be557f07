// The tables: what a match may look at, the symbols of its values, and the bits of packets.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "compiler/verify/firewall/packet_space.h"

namespace airtight::verify {

enum class ValueType : std::uint8_t {
  Integer,
  EtherType,
  EthAddress,
  Ip4,
  Ip6,
  Protocol,
  Port,
  IcmpType,
  IcmpCode,
  Icmpv6Type,
  Icmpv6Code,
  TcpFlags,
  PacketType,
  State,        // bits of the kernel; Field::State has a number for each
  Status,       // bits of the kernel: ConntrackSnat and ConntrackDnat
  AddressType,  // fib: Field::LocalDestination is one of them
  NfProto,      // of the netfilter hook; Field::EtherType
  Interface,
  Presence,  // exists, missing
  Unknown,   // a key that nftables has and no field
};

// The headers that have to be there: what nft puts before the match by itself.
enum class Header : std::uint8_t {
  None,
  Ether,
  Vlan,
  Ip4,
  Ip6,
  Tcp,
  Udp,
  UdpLite,
  Sctp,
  Dccp,
  Transport,
  Icmp,
  Icmpv6
};

struct KeyInfo {
  std::string_view name;
  ValueType type = ValueType::Unknown;
  int width = 0;  // of the key, in bits
  Header header = Header::None;
  Field field = Field::Count;
  int offset = 0;  // of the key in the field, in bits from its first one
};

const KeyInfo* find_key(std::string_view name);
// Numbers in decimal or 0x…; nftables reads a leading zero as octal: refused.
std::optional<u128> parse_number(std::string_view);
std::optional<u128> symbol(ValueType, std::string_view);
// A symbol or a number.
std::optional<u128> parse_value(ValueType, std::string_view);
// "1.2.3.4", "1-5", "10.0.0.0/8", within `width` bits.
std::optional<Interval<u128>> parse_interval(ValueType, int width, std::string_view);

constexpr u128 low_bits(int count) { return count >= 128 ? ~u128{0} : (u128{1} << count) - 1; }

// The values of a field of `width` bits whose `length` bits from `offset` are in `wanted`; nullopt: too many intervals.
std::optional<Values> slice(const Values& wanted, int width, int offset, int length);
// The values v of `width` bits for which v & mask is in `wanted`; nullopt: too many intervals.
std::optional<Values> masked(const Values& wanted, u128 mask, int width);

}  // namespace airtight::verify
