// The readers behind read_local(), one a protocol family: each gets a whole transport message on a link that nothing
// tunnels, and says None for any shape but its own. `cut`: the snap length took its end.
#pragma once

#include "auditor/decode/local_protocols.h"

namespace airtight::audit {

struct LocalView {
  const Level& level;
  Bytes message;  // from the ICMP or IGMP header, or the UDP payload, to the end of the IP packet
  bool cut = false;
  std::uint32_t headers = 0;  // bytes before the message in its IP packet, UDP header included
};

LocalMessage read_icmp_redirect(const LocalView&);
LocalMessage read_neighbor_discovery(const LocalView&);
LocalMessage read_igmp(const LocalView&);
LocalMessage read_mld(const LocalView&);
LocalMessage read_dhcp(const LocalView&);
LocalMessage read_dhcpv6(const LocalView&);

inline constexpr Ip kUnspecifiedV6 = Ip::v6(0);

constexpr Ip link_scope_group(std::uint32_t low) { return Ip::v6(u128{0xff02} << 112 | low); }
constexpr bool is_link_local(Ip ip) { return !ip.is_v4() && ip.bits() >> 118 == 0xfe80 >> 6; }
constexpr bool is_multicast(Ip ip) { return ip.is_v4() ? ip.v4_bits() >> 28 == 0xe : ip.bits() >> 120 == 0xff; }

// The address in the first bytes; those that lack are zero.
inline Ip ipv4_from(Bytes bytes) {
  std::uint32_t bits = 0;
  for (std::size_t at = 0; at < 4; ++at) bits = bits << 8 | (at < bytes.size() ? bytes[at] : 0u);
  return Ip::v4(bits);
}
inline Ip ipv6_from(Bytes bytes) {
  u128 bits = 0;
  for (std::size_t at = 0; at < 16; ++at) bits = bits << 8 | (at < bytes.size() ? bytes[at] : 0u);
  return Ip::v6(bits);
}

inline void add_address(std::array<Ip, 8>& addresses, std::uint8_t& count, Ip ip) {
  if (count < addresses.size()) addresses[count] = ip;
  if (count < UINT8_MAX) ++count;
}
inline void add_resolver(Offer& offer, Ip ip) { add_address(offer.resolvers, offer.resolver_count, ip); }
inline void add_clock(Offer& offer, Ip ip) { add_address(offer.clocks, offer.clock_count, ip); }
inline void add_router(Offer& offer, Ip ip) { add_address(offer.routers, offer.router_count, ip); }

}  // namespace airtight::audit
