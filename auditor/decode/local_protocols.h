// What may leave a node without being a leak, recognised by the complete shape of the message and never by an address
// alone (DESIGN §6, class link-local), and who offers itself as router or server: ARP (RFC 826), NDP (RFC 4861), MLD
// (RFC 2710, 3810), IGMP (RFC 3376), DHCP (RFC 2131, 2132, 3442), DHCPv6 (RFC 8415, 4075, 5908), router advertisement
// options (RFC 4861, 4191, 8106).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "auditor/decode/packet.h"

namespace airtight::audit {

enum class LocalKind : std::uint8_t {
  None,  // not one of these, or not of exactly that shape: judge it by its addresses
  Arp,   // request or reply, Ethernet and IPv4, nothing behind it but padding of a minimum-size frame that is all zero
  RouterSolicitation,  // NDP, each: hop limit 255, code 0, options that fill the message exactly
  NeighborSolicitation,
  NeighborAdvertisement,
  RouterAdvertisement,  // a server's
  Redirect,             // ICMPv6 137 with that shape, and ICMP 5: a router's
  Mld,         // queries, reports and done; hop limit 1, hop-by-hop router alert, link-local or unspecified source
  Igmp,        // TTL 1, router alert for versions 2 and 3
  DhcpClient,  // BOOTREQUEST from port 68 to 67, magic cookie, message type of a client, sent to the broadcast address
               // or a server
  DhcpServer,  // BOOTREPLY from port 67
  Dhcpv6Client,  // UDP 546 to 547, client message types, to ff02::1:2 (or ff05::1:3) or unicast
  Dhcpv6Server,  // advertise, reply, reconfigure, relay-reply
};
std::string_view to_string(LocalKind);  // "ARP" "router solicitation" "neighbour solicitation" … for people

// What a server's message would make its receiver use.
struct Offer {
  std::array<Ip, 8> resolvers{Ip::v4(0), Ip::v4(0), Ip::v4(0), Ip::v4(0), Ip::v4(0), Ip::v4(0), Ip::v4(0), Ip::v4(0)};
  std::uint8_t resolver_count = 0;  // DHCP option 6, DHCPv6 option 23, RDNSS; may be more than eight
  std::array<Ip, 8> routers{Ip::v4(0), Ip::v4(0), Ip::v4(0), Ip::v4(0), Ip::v4(0), Ip::v4(0), Ip::v4(0), Ip::v4(0)};
  std::uint8_t router_count = 0;  // DHCP options 3, 33 and 121/249 (next hops); an RA with a lifetime: its source
  std::array<Ip, 8> clocks{Ip::v4(0), Ip::v4(0), Ip::v4(0), Ip::v4(0), Ip::v4(0), Ip::v4(0), Ip::v4(0), Ip::v4(0)};
  std::uint8_t clock_count = 0;  // DHCP option 42, DHCPv6 options 31 and 56 (not those that it names); likewise
  bool default_route = false;    // it offers a way to everywhere, by one route or by several that add up to it
  bool read_to_end = true;       // false: options contradict themselves, so there may be more
};

struct LocalMessage {
  LocalKind kind = LocalKind::None;
  Ip target =
      Ip::v4(0);  // ARP target address, NDP target, gateway of an ICMP redirect; valid for Arp, Neighbor* and Redirect
  Offer offer;    // valid for RouterAdvertisement, Redirect, DhcpServer, Dhcpv6Server
};

// Neighbour solicitations and advertisements, DHCP and a server's answers may go to a unicast address that is not
// link-local: which of those lie on the link only the policy knows, so whoever judges tests the destination too. In
// what is no server's, NDP options are only those of RFC 4861 and the nonce. DHCPv6 relay-forward is None. Looks at the
// outermost level (or the ARP header) of a decoded frame: nothing local travels in tunnels, fragments or behind source
// routes. `frame` is the one that was decoded. A message that the snap length cut is None, except that a server's is
// recognised as soon as its type is certain (offer.read_to_end false).
LocalMessage read_local(const Frame& frame, const Packet& packet);

}  // namespace airtight::audit
