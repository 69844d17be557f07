#include "compiler/verify/firewall/nftables_keys.h"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "compiler/net/ip.h"
#include "compiler/verify/firewall/payload_layout.h"

namespace airtight::verify {
namespace {

using enum ValueType;

constexpr KeyInfo kKeys[] = {
    {"ether daddr", EthAddress, 48, Header::Ether, Field::EthDestination},
    {"ether saddr", EthAddress, 48, Header::Ether, Field::EthSource},
    {"ether type", EtherType, 16, Header::Ether, Field::EtherType},
    {"vlan type", EtherType, 16, Header::Vlan, Field::VlanProtocol},
    {"meta protocol", EtherType, 16, Header::None, Field::SkbProtocol},
    {"meta nfproto", NfProto, 8, Header::None, Field::EtherType},
    {"meta l4proto", Protocol, 8, Header::Transport, Field::Protocol},
    {"ip protocol", Protocol, 8, Header::Ip4, Field::Protocol},
    {"ip saddr", Ip4, 32, Header::Ip4, Field::Ip4Source},
    {"ip daddr", Ip4, 32, Header::Ip4, Field::Ip4Destination},
    {"ip ttl", Integer, 8, Header::Ip4, Field::HopLimit},
    {"ip frag-off", Integer, 16, Header::Ip4, Field::Ip4Fragment},
    {"ip length", Integer, 16, Header::Ip4, Field::IpLength},
    {"ip version", Integer, 4, Header::Ip4, Field::Ip4VersionLength, 0},
    {"ip hdrlength", Integer, 4, Header::Ip4, Field::Ip4VersionLength, 4},
    {"ip option lsrr", Presence, 1, Header::Ip4, Field::Ip4SourceRoute},
    {"ip option ssrr", Presence, 1, Header::Ip4, Field::Ip4SourceRoute},
    {"ip6 saddr", Ip6, 128, Header::Ip6, Field::Ip6Source},
    {"ip6 daddr", Ip6, 128, Header::Ip6, Field::Ip6Destination},
    {"ip6 nexthdr", Protocol, 8, Header::Ip6, Field::Ip6NextHeader},
    {"ip6 hoplimit", Integer, 8, Header::Ip6, Field::HopLimit},
    {"ip6 length", Integer, 16, Header::Ip6, Field::IpLength},
    {"exthdr rt", Presence, 1, Header::Ip6, Field::Ip6Routing},
    {"tcp sport", Port, 16, Header::Tcp, Field::SourcePort},
    {"tcp dport", Port, 16, Header::Tcp, Field::DestinationPort},
    {"tcp flags", TcpFlags, 8, Header::Tcp, Field::TcpFlags},
    {"udp sport", Port, 16, Header::Udp, Field::SourcePort},
    {"udp dport", Port, 16, Header::Udp, Field::DestinationPort},
    {"udp length", Integer, 16, Header::Udp, Field::UdpLength},
    {"udplite sport", Port, 16, Header::UdpLite, Field::SourcePort},
    {"udplite dport", Port, 16, Header::UdpLite, Field::DestinationPort},
    {"sctp sport", Port, 16, Header::Sctp, Field::SourcePort},
    {"sctp dport", Port, 16, Header::Sctp, Field::DestinationPort},
    {"dccp sport", Port, 16, Header::Dccp, Field::SourcePort},
    {"dccp dport", Port, 16, Header::Dccp, Field::DestinationPort},
    {"th sport", Port, 16, Header::Transport, Field::SourcePort},
    {"th dport", Port, 16, Header::Transport, Field::DestinationPort},
    {"icmp type", IcmpType, 8, Header::Icmp, Field::IcmpTypeCode, 0},
    {"icmp code", IcmpCode, 8, Header::Icmp, Field::IcmpTypeCode, 8},
    {"icmpv6 type", Icmpv6Type, 8, Header::Icmpv6, Field::Icmpv6TypeCode, 0},
    {"icmpv6 code", Icmpv6Code, 8, Header::Icmpv6, Field::Icmpv6TypeCode, 8},
    {"ct state", State, 10, Header::None, Field::State},
    {"ct status", Status, 10, Header::None, Field::ConntrackDnat},
    {"meta mark", Integer, 32, Header::None, Field::Mark},
    {"meta length", Integer, 32, Header::None, Field::Length},
    {"meta pkttype", PacketType, 8, Header::None, Field::PacketType},
    {"meta iifname", Interface, 128, Header::None, Field::InInterface},
    {"meta oifname", Interface, 128, Header::None, Field::OutInterface},
    {"meta iif", Interface, 128, Header::None, Field::InInterface},
    {"meta oif", Interface, 128, Header::None, Field::OutInterface},
    {"fib daddr type", AddressType, 8, Header::None, Field::LocalDestination},
};

struct Symbol {
  std::string_view name;
  std::uint32_t value;
};

constexpr Symbol kEtherTypes[] = {{"ip", 0x0800},   {"arp", 0x0806},   {"ip6", 0x86dd},
                                  {"vlan", 0x8100}, {"8021q", 0x8100}, {"8021ad", 0x88a8}};
constexpr Symbol kProtocols[] = {{"ip", 0},
                                 {"hopopt", 0},
                                 {"icmp", 1},
                                 {"igmp", 2},
                                 {"ipencap", 4},
                                 {"ipip", 4},
                                 {"ipv4", 4},
                                 {"tcp", 6},
                                 {"egp", 8},
                                 {"igp", 9},
                                 {"udp", 17},
                                 {"dccp", 33},
                                 {"ipv6", 41},
                                 {"ipv6-route", 43},
                                 {"ipv6-frag", 44},
                                 {"rsvp", 46},
                                 {"gre", 47},
                                 {"esp", 50},
                                 {"ipsec-esp", 50},
                                 {"ah", 51},
                                 {"ipsec-ah", 51},
                                 {"icmpv6", 58},
                                 {"icmp6", 58},
                                 {"ipv6-icmp", 58},
                                 {"ipv6-nonxt", 59},
                                 {"ipv6-opts", 60},
                                 {"eigrp", 88},
                                 {"ospf", 89},
                                 {"ospfigp", 89},
                                 {"pim", 103},
                                 {"comp", 108},
                                 {"ipcomp", 108},
                                 {"vrrp", 112},
                                 {"l2tp", 115},
                                 {"sctp", 132},
                                 {"mh", 135},
                                 {"mobility-header", 135},
                                 {"udplite", 136}};
constexpr Symbol kPorts[] = {
    {"echo", 7},          {"discard", 9},         {"ftp-data", 20},       {"ftp", 21},           {"ssh", 22},
    {"telnet", 23},       {"smtp", 25},           {"time", 37},           {"whois", 43},         {"domain", 53},
    {"bootps", 67},       {"bootpc", 68},         {"tftp", 69},           {"http", 80},          {"kerberos", 88},
    {"pop3", 110},        {"sunrpc", 111},        {"nntp", 119},          {"ntp", 123},          {"netbios-ns", 137},
    {"netbios-dgm", 138}, {"netbios-ssn", 139},   {"imap2", 143},         {"snmp", 161},         {"snmp-trap", 162},
    {"bgp", 179},         {"ldap", 389},          {"https", 443},         {"microsoft-ds", 445}, {"isakmp", 500},
    {"syslog", 514},      {"dhcpv6-client", 546}, {"dhcpv6-server", 547}, {"submission", 587},   {"ldaps", 636},
    {"domain-s", 853},    {"rsync", 873},         {"imaps", 993},         {"pop3s", 995},        {"openvpn", 1194},
    {"nfs", 2049},        {"mysql", 3306},        {"ipsec-nat-t", 4500},  {"sip", 5060},         {"mdns", 5353},
    {"postgresql", 5432}};
constexpr Symbol kIcmpTypes[] = {{"echo-reply", 0},
                                 {"pong", 0},
                                 {"destination-unreachable", 3},
                                 {"source-quench", 4},
                                 {"redirect", 5},
                                 {"echo-request", 8},
                                 {"ping", 8},
                                 {"router-advertisement", 9},
                                 {"router-solicitation", 10},
                                 {"time-exceeded", 11},
                                 {"ttl-exceeded", 11},
                                 {"parameter-problem", 12},
                                 {"timestamp-request", 13},
                                 {"timestamp-reply", 14},
                                 {"info-request", 15},
                                 {"info-reply", 16},
                                 {"address-mask-request", 17},
                                 {"address-mask-reply", 18}};
constexpr Symbol kIcmpCodes[] = {{"net-unreachable", 0},  {"host-unreachable", 1}, {"prot-unreachable", 2},
                                 {"port-unreachable", 3}, {"frag-needed", 4},      {"net-prohibited", 9},
                                 {"host-prohibited", 10}, {"admin-prohibited", 13}};
constexpr Symbol kIcmpv6Types[] = {{"destination-unreachable", 1},
                                   {"packet-too-big", 2},
                                   {"time-exceeded", 3},
                                   {"parameter-problem", 4},
                                   {"echo-request", 128},
                                   {"echo-reply", 129},
                                   {"mld-listener-query", 130},
                                   {"mld-listener-report", 131},
                                   {"mld-listener-done", 132},
                                   {"mld-listener-reduction", 132},
                                   {"nd-router-solicit", 133},
                                   {"nd-router-advert", 134},
                                   {"nd-neighbor-solicit", 135},
                                   {"nd-neighbor-advert", 136},
                                   {"nd-redirect", 137},
                                   {"router-renumbering", 138},
                                   {"ind-neighbor-solicit", 141},
                                   {"ind-neighbor-advert", 142},
                                   {"mld2-listener-report", 143},
                                   {"router-solicitation", 133},
                                   {"router-advertisement", 134},
                                   {"neighbour-solicitation", 135},
                                   {"neighbor-solicitation", 135},
                                   {"neighbour-advertisement", 136},
                                   {"neighbor-advertisement", 136},
                                   {"redirect", 137},
                                   {"ttl-exceeded", 3}};
constexpr Symbol kIcmpv6Codes[] = {{"no-route", 0},         {"admin-prohibited", 1}, {"addr-unreachable", 3},
                                   {"port-unreachable", 4}, {"policy-fail", 5},      {"reject-route", 6}};
constexpr Symbol kTcpFlags[] = {{"fin", 1},  {"syn", 2},  {"rst", 4},  {"psh", 8},
                                {"ack", 16}, {"urg", 32}, {"ecn", 64}, {"cwr", 128}};
constexpr Symbol kPacketTypes[] = {{"host", 0}, {"unicast", 0}, {"broadcast", 1}, {"multicast", 2}, {"other", 3}};
constexpr Symbol kStates[] = {{"invalid", 1}, {"established", 2}, {"related", 4}, {"new", 8}, {"untracked", 64}};
constexpr Symbol kStatus[] = {{"expected", 1}, {"seen-reply", 2}, {"assured", 4}, {"confirmed", 8},
                              {"snat", 16},    {"dnat", 32},      {"dying", 512}};
constexpr Symbol kAddressTypes[] = {{"unspec", 0},    {"unicast", 1},     {"local", 2},
                                    {"broadcast", 3}, {"anycast", 4},     {"multicast", 5},
                                    {"blackhole", 6}, {"unreachable", 7}, {"prohibit", 8}};
constexpr Symbol kNfProtos[] = {{"ipv4", 2}, {"ipv6", 10}};
constexpr Symbol kPresence[] = {{"missing", 0}, {"exists", 1}};

std::span<const Symbol> symbols(ValueType type) {
  switch (type) {
    case EtherType:
      return kEtherTypes;
    case Protocol:
      return kProtocols;
    case Port:
      return kPorts;
    case IcmpType:
      return kIcmpTypes;
    case IcmpCode:
      return kIcmpCodes;
    case Icmpv6Type:
      return kIcmpv6Types;
    case Icmpv6Code:
      return kIcmpv6Codes;
    case TcpFlags:
      return kTcpFlags;
    case PacketType:
      return kPacketTypes;
    case State:
      return kStates;
    case Status:
      return kStatus;
    case AddressType:
      return kAddressTypes;
    case NfProto:
      return kNfProtos;
    case Presence:
      return kPresence;
    case Integer:
    case EthAddress:
    case Ip4:
    case Ip6:
    case Interface:
    case Unknown:
      break;
  }
  return {};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<u128> parse_mac(std::string_view text) {
  if (text.size() != 17) return std::nullopt;
  u128 value = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int digit = hex_digit(text[i]);
    if (i % 3 == 2 ? text[i] != ':' : digit < 0) return std::nullopt;
    if (i % 3 != 2) value = value << 4 | static_cast<unsigned>(digit);
  }
  return value;
}

}  // namespace

const KeyInfo* find_key(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kKeys), std::end(kKeys), [&](const KeyInfo& k) { return k.name == name; });
  return found == std::end(kKeys) ? nullptr : found;
}

std::optional<u128> parse_number(std::string_view text) {
  const bool hex = text.substr(0, 2) == "0x" || text.substr(0, 2) == "0X";
  if (hex) text.remove_prefix(2);
  if (text.empty() || text.size() > (hex ? 32 : 38) || (!hex && text.size() > 1 && text[0] == '0')) return std::nullopt;
  u128 value = 0;
  for (const char c : text) {
    const int digit = hex_digit(c);
    if (digit < 0 || (!hex && digit > 9)) return std::nullopt;
    value = value * (hex ? 16U : 10U) + static_cast<unsigned>(digit);
  }
  return value;
}

std::optional<u128> symbol(ValueType type, std::string_view text) {
  for (const Symbol& candidate : symbols(type))
    if (candidate.name == text) return candidate.value;
  return std::nullopt;
}

std::optional<u128> parse_value(ValueType type, std::string_view text) {
  if (type == Ip4 || type == Ip6) {
    const auto ip = Ip::parse(text);
    if (!ip || ip->is_v4() != (type == Ip4)) return std::nullopt;
    return ip->bits();
  }
  if (type == EthAddress && text.size() == 17) return parse_mac(text);
  if (type == Interface || type == Unknown) return std::nullopt;
  const auto known = symbol(type, text);
  return known ? known : parse_number(text);
}

std::optional<Interval<u128>> parse_interval(ValueType type, int width, std::string_view text) {
  const auto within = [width](u128 first, u128 last) -> std::optional<Interval<u128>> {
    if (first > last || last > low_bits(width)) return std::nullopt;
    return Interval<u128>{first, last};
  };
  if (const auto value = parse_value(type, text)) return within(*value, *value);
  if (type == Integer && width == 64 && text.substr(0, 1) == "-") {  // nft -j prints 64 bits as a signed number
    const auto magnitude = parse_number(text.substr(1));
    if (magnitude && *magnitude != 0 && *magnitude <= u128{1} << 63)
      return within((u128{1} << 64) - *magnitude, (u128{1} << 64) - *magnitude);
  }
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    const auto base = parse_value(type, text.substr(0, slash));
    const auto length = parse_number(text.substr(slash + 1));
    if (!base || *base > low_bits(width) || !length || *length > static_cast<unsigned>(width)) return std::nullopt;
    const u128 host = low_bits(width - static_cast<int>(*length));
    return within(*base & ~host, *base | host);
  }
  for (std::size_t dash = text.find('-'); dash != std::string_view::npos; dash = text.find('-', dash + 1)) {
    const auto first = parse_value(type, text.substr(0, dash));
    const auto last = parse_value(type, text.substr(dash + 1));
    if (first && last) return within(*first, *last);
  }
  return std::nullopt;
}

namespace {

constexpr std::size_t kMaxIntervals = std::size_t{1} << 16;

}  // namespace

std::optional<Values> slice(const Values& wanted, int width, int offset, int length) {
  if (offset == 0 && length == width) return wanted;
  const int below = width - offset - length;
  if (offset > 16 || (wanted.intervals().size() << offset) > kMaxIntervals) return std::nullopt;
  std::vector<Interval<u128>> intervals;
  intervals.reserve(wanted.intervals().size() << offset);
  for (u128 above = 0; above < (u128{1} << offset); ++above)
    for (const auto& [first, last] : wanted.intervals()) {
      const u128 base = offset == 0 ? 0 : above << (width - offset);
      intervals.push_back({base | first << below, base | last << below | low_bits(below)});
    }
  return Values::from(std::move(intervals));
}

std::optional<Values> masked(const Values& wanted, u128 mask, int width) {
  mask &= low_bits(width);
  if (mask == 0) return wanted.contains(0) ? Values::of(0, low_bits(width)) : Values();
  std::vector<Interval<u128>> intervals;
  if (width <= 16) {
    for (u128 value = 0; value <= low_bits(width); ++value)
      if (wanted.contains(value & mask)) intervals.push_back({value, value});
    return Values::from(std::move(intervals));
  }
  std::vector<int> free;  // bits above the lowest of the mask that it does not look at
  int lowest = 0;
  while ((mask >> lowest & 1) == 0) ++lowest;
  for (int bit = lowest; bit < width; ++bit)
    if ((mask >> bit & 1) == 0) free.push_back(bit);
  if (mask == (low_bits(width) >> lowest << lowest)) {
    for (const auto& [first, last] : wanted.intervals()) {
      const u128 from = (first >> lowest) + ((first & low_bits(lowest)) != 0 ? 1 : 0);
      const u128 to = std::min(last, mask) >> lowest;
      if (from <= to) intervals.push_back({from << lowest, to << lowest | low_bits(lowest)});
    }
    return Values::from(std::move(intervals));
  }
  if (free.size() > 16 || (wanted.intervals().size() << free.size()) > kMaxIntervals) return std::nullopt;
  for (const auto& [first, last] : wanted.intervals()) {
    if (first != last) return std::nullopt;
    if ((first & ~mask) != 0) continue;
    for (u128 choice = 0; choice < (u128{1} << free.size()); ++choice) {
      u128 value = first;
      for (std::size_t i = 0; i < free.size(); ++i) value |= (choice >> i & 1) << free[i];
      intervals.push_back({value, value | low_bits(lowest)});
    }
  }
  return Values::from(std::move(intervals));
}

}  // namespace airtight::verify
