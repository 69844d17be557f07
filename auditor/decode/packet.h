// One frame, decoded flat. decode() takes any bytes, allocates nothing, recurses into nothing and cannot fail: what it
// did not understand it says in `outcome` and `why`. Each field says when it is valid; others hold anything.
//
// A frame is a stack of IP levels: the outermost IP header is level 0, and each tunnel adds one. Everything that a
// boundary is about (which addresses, which ports) is judged level by level, by the same rules.
//
// RFC 791, 8200, 9293, 768, 9260, 4340, 792, 4443, 3032 (MPLS), 2516 (PPPoE), 2784/2890 (GRE), 2637 (PPTP), 7348
// (VXLAN), 8926 (GENEVE), 2003, 2473, 4213 (IP in IP), 3378 (EtherIP), 4380 (Teredo), 3GPP TS 29.281 (GTP-U), 4302/4303
// (AH, ESP), 3948 (ESP in UDP), 3931 (L2TPv3), IEEE 802.1Q/ad/AE.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "auditor/decode/frame.h"
#include "compiler/net/ip.h"

namespace airtight::audit {

inline constexpr std::size_t kMaxLevels = 8;  // IP headers in one frame; more is Outcome::TooDeep
inline constexpr std::size_t kMaxHops = 8;    // addresses of a source route; more is Level::route_unread
inline constexpr std::size_t kMaxTags = 16;   // VLAN tags and MPLS labels in one frame, all levels together; likewise

// IP protocol numbers that anything here asks for (IANA "Protocol Numbers").
namespace ip_protocol {
inline constexpr std::uint8_t kHopByHop = 0, kIcmp = 1, kIgmp = 2, kIpv4 = 4, kTcp = 6, kUdp = 17, kDccp = 33,
                              kIpv6 = 41, kRouting = 43, kFragment = 44, kGre = 47, kEsp = 50, kAh = 51, kIcmpv6 = 58,
                              kNoNext = 59, kDestination = 60, kEtherIp = 97, kL2tp = 115, kSctp = 132, kMpls = 137;
}

inline constexpr std::uint16_t kNoVlanId = 0xffff;

// How an IP level, or what stands in its place, was carried.
enum class Carrier : std::uint8_t {
  Link,  // straight on the link, whatever tags stood between
  IpInIp,
  Gre,
  Vxlan,
  Geneve,
  GtpU,
  Teredo,
  MplsInIp,  // protocol 137, or UDP 6635
  EtherIp,
  L2tp,
  Esp,  // also in UDP 4500
  WireGuard,
  OpenVpn,
  Pptp,  // GRE version 1
};
std::string_view to_string(
    Carrier);  // "link" "ip-in-ip" "gre" "vxlan" "geneve" "gtp-u" "teredo" "mpls-in-ip" "etherip" "l2tp" …

struct Level {
  Ip source = Ip::v4(0);  // always valid, like destination, carrier, hop_limit and header_offset
  Ip destination = Ip::v4(0);
  // Where the packet goes after the hops that it names itself: the last address of an IPv4 source route (LSRR, SSRR) or
  // of an IPv6 routing header with segments left (types 0, 2, 3 and 4). Valid if `routed`.
  Ip final_destination = Ip::v4(0);
  // Every address that the packet is still to visit after `destination`, in order, the final one included; the first
  // kMaxHops of them. Valid if `routed`, up to hop_count.
  std::array<Ip, kMaxHops> hops{Ip::v4(0), Ip::v4(0), Ip::v4(0), Ip::v4(0), Ip::v4(0), Ip::v4(0), Ip::v4(0), Ip::v4(0)};
  std::uint8_t hop_count = 0;
  Carrier carrier = Carrier::Link;
  std::uint8_t hop_limit = 0;
  std::uint32_t header_offset = 0;  // of the IP header in the frame

  bool routed = false;                // it carries a source route that still leads on
  bool route_unread = false;          // a source route or routing header was not understood or too long, or several
  bool options = false;               // IPv4 options, or an extension header other than fragment and AH
  bool router_alert = false;          // RFC 2113, RFC 2711
  bool fragment = false;              // offset or more-fragments is set, or an IPv6 fragment header that is not atomic
  std::uint16_t fragment_offset = 0;  // in bytes; valid if fragment
  bool more_fragments = false;        // valid if fragment
  std::uint32_t fragment_id = 0;      // valid if fragment
  // Where the bytes begin that it puts into its datagram, which reach to the end of the payload, and what the datagram
  // begins with: behind an IPv6 fragment header that may be one more extension header. Valid if fragment.
  std::uint32_t fragment_begin = 0;
  std::uint8_t fragment_protocol = 0;

  // The number after all extension headers. Valid if has_protocol: the chain of headers was there and understood.
  bool has_protocol = false;
  std::uint8_t protocol = 0;
  // Valid if has_ports: TCP, UDP, SCTP, DCCP, never of a later fragment.
  bool has_ports = false;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  // Valid if has_icmp: ICMP and ICMPv6, with type and code there. A quoted packet is no level: nobody sent it here.
  bool has_icmp = false;
  std::uint8_t icmp_type = 0;
  std::uint8_t icmp_code = 0;
  // Valid if has_tcp: all 20 bytes of the TCP header were there and the data offset lies inside the packet.
  bool has_tcp = false;
  bool urgent = false;         // URG, and a pointer that is not zero: a receiver takes bytes out of the stream
  std::uint8_t tcp_flags = 0;  // FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32
  std::uint32_t tcp_sequence = 0;

  // What follows the transport header (TCP, UDP, DCCP), the ICMP type and code's word (offset of the ICMP header
  // itself) or the IP and extension headers (all else, and fragments without ports). In the frame; the captured part
  // only.
  std::uint32_t payload_offset = 0;
  std::uint32_t payload_length = 0;
  std::uint32_t payload_missing = 0;  // bytes more that the lengths claim and the snap length cut
};

enum class Outcome : std::uint8_t {
  Ip,         // every level was decoded to its transport header, or as far as a later fragment allows
  Arp,        // ether_type ARP or RARP; l3_offset says where
  NotIp,      // another EtherType, LLC, or a link protocol that carries no IP; no tunnel before it, or inside the last
              // level
  Opaque,     // the last level carries what cannot be read: ESP, WireGuard, OpenVPN, L2TP data, MACsec, PPP compression
  Truncated,  // the snap length cut a header that is needed; levels before it are valid, and of a TCP header the ports
  Malformed,  // lengths, versions or header chains that contradict themselves; levels that are counted have their
              // addresses, and ports where has_ports says so
  Unsupported,  // a link type, or a header inside a tunnel, that this decoder does not know
  TooDeep,      // kMaxLevels, kMaxTags or the cap on extension headers was reached: there may be more
};
std::string_view to_string(Outcome);  // "ip" "arp" "not-ip" "opaque" "truncated" "malformed" "unsupported" "too-deep"

using MacAddress = std::array<std::uint8_t, 6>;

struct Packet {
  Outcome outcome = Outcome::Ip;
  std::string_view why;  // one clause for people unless outcome is Ip or Arp: "IPv4 header of 12 bytes"; static storage
  Carrier opaque = Carrier::Link;  // valid if Opaque: what hides it; Link stands for MACsec and the like

  Direction direction = Direction::Unknown;  // the frame's, or the cooked header's
  std::uint32_t cooked_interface = 0;        // ifindex of a Linux cooked v2 header; 0 if none

  bool has_macs = false;  // valid of the outermost Ethernet header; cooked headers set source_mac only
  MacAddress source_mac{};
  MacAddress destination_mac{};
  bool has_ether_type = false;
  std::uint16_t ether_type =
      0;  // outermost link, after all tags: what the frame carries. LLC without SNAP: has_ether_type false
  std::uint8_t vlan_tags = 0;    // outermost link, 802.1Q and 802.1ad together
  bool plain_tags = false;       // an 802.1Q tag (0x8100) among them
  std::uint16_t other_tag = 0;   // EtherType of the first tag of another kind; 0 if there is none
  std::uint16_t first_vlan = 0;  // VLAN id of the outermost tag, kNoVlanId of an 802.1ah I-TAG; valid if vlan_tags
  bool mpls = false;             // an MPLS label stack on the outermost link
  bool pppoe = false;            // PPPoE on the outermost link
  std::uint32_t l3_offset = 0;   // of what ether_type names; valid if has_ether_type or level_count

  std::uint8_t level_count = 0;  // levels that are valid
  std::array<Level, kMaxLevels> levels;

  const Level& outer() const { return levels[0]; }                // valid if level_count
  const Level& inner() const { return levels[level_count - 1]; }  // likewise
};

// UDP destination ports that carry tunnels beside the registered ones (VXLAN 4789 and 8472, GENEVE 6081).
struct TunnelPorts {
  std::array<std::uint16_t, 8> vxlan{};  // 0 = unused place
  std::array<std::uint16_t, 8> geneve{};
  std::array<std::uint16_t, 8> wireguard{};
};

// Decodes `frame` into `packet`, whose previous content does not matter; views nothing, so the frame's bytes may go.
// At most kMaxLevels IP headers, kMaxTags tags and 40 extension headers a level are read; the time is linear in the
// frame.
void decode(const Frame& frame, const TunnelPorts& ports, Packet& packet);

// Decodes an IP payload that was put together from fragments as the transport layer of `level` (whose addresses, hop
// limit and protocol stay), with tunnels inside as further levels of `packet`: packet.levels[index] is that level and
// the last. Offsets are then into `payload`. Fragment marks of the level are taken off.
void decode_payload(Bytes payload, const TunnelPorts& ports, Packet& packet, std::size_t index);

}  // namespace airtight::audit
