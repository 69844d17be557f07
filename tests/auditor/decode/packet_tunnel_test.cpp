// decode() of tunnels: each adds a level, or says what hides it.
#include <catch2/catch.hpp>

#include "tests/auditor/decode/packet_text.h"

namespace airtight::audit {
namespace {

std::string outer(unsigned protocol, const std::string& payload) {
  return ip4(protocol, "10.10.0.5", "10.10.0.6", payload);
}
std::string over_udp(unsigned port, const std::string& payload) { return outer(17, udp(40000, port, payload)); }
std::string from_udp(unsigned port, const std::string& payload) { return outer(17, udp(port, 40000, payload)); }
std::string zeros(std::size_t count) { return std::string(count, '\0'); }

const std::string kInner = ip4(6, "10.42.0.9", "203.0.113.7", tcp(1025, 443));
const std::string kInner6 = ip6(17, "2001:0:c000:201::1", "2001:db8::7", udp(1025, 53, "dns"));
const std::string kFrame = eth(0x0800, kInner);
const std::string kVxlan = hex("08000000 00000100");

std::string nested(int depth) {
  std::string packet = kInner;
  for (int i = 1; i < depth; ++i) packet = outer(4, packet);
  return packet;
}

}  // namespace

std::vector<Row> tunnel_rows() {
  using L = LinkType;
  return {
      {"IPv4 in IPv4", L::Raw, outer(4, kInner),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 4, data 20+40; ip-in-ip 10.42.0.9 > 203.0.113.7 "
       "hl 64 at 20, protocol 6 1025>443 flags 24 seq 16909060, data 60+0"},
      {"IPv6 in IPv4", L::Raw, outer(41, kInner6),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 41, data 20+51; ip-in-ip 2001:0:c000:201::1 > "
       "2001:db8::7 hl 63 at 20, protocol 17 1025>53, data 68+3"},
      {"IPv4 in IPv6", L::Raw, ip6(4, "fd00::5", "fd00::6", kInner),
       "ip; l3 at 0; link fd00::5 > fd00::6 hl 63 at 0, protocol 4, data 40+40; ip-in-ip 10.42.0.9 > 203.0.113.7 hl 64 "
       "at 40, protocol 6 1025>443 flags 24 seq 16909060, data 80+0"},
      {"IPv6 in IPv6, behind destination options", L::Raw,
       ip6(60, "fd00::5", "fd00::6", hex("29 00 0401 04 010100") + kInner6),
       "ip; l3 at 0; link fd00::5 > fd00::6 hl 63 at 0, options, protocol 41, data 48+51; ip-in-ip 2001:0:c000:201::1 "
       "> 2001:db8::7 hl 63 at 48, protocol 17 1025>53, data 96+3"},
      {"ISATAP", L::Raw, outer(41, ip6(6, "fe80::5efe:10.10.0.5", "fd00::5efe:10.10.0.6", tcp(1, 2))),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 41, data 20+60; ip-in-ip fe80::5efe:a0a:5 > "
       "fd00::5efe:a0a:6 hl 63 at 20, protocol 6 1>2 flags 24 seq 16909060, data 80+0"},
      {"6to4", L::Raw, outer(41, ip6(6, "2002:a0a:5::1", "2002:cb00:7107::1", tcp(1, 2))),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 41, data 20+60; ip-in-ip 2002:a0a:5::1 > "
       "2002:cb00:7107::1 hl 63 at 20, protocol 6 1>2 flags 24 seq 16909060, data 80+0"},
      {"8 levels", L::Raw, nested(8),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 4, data 20+160; ip-in-ip 10.10.0.5 > 10.10.0.6 hl "
       "64 at 20, protocol 4, data 40+140; ip-in-ip 10.10.0.5 > 10.10.0.6 hl 64 at 40, protocol 4, data 60+120; "
       "ip-in-ip 10.10.0.5 > 10.10.0.6 hl 64 at 60, protocol 4, data 80+100; ip-in-ip 10.10.0.5 > 10.10.0.6 hl 64 at "
       "80, protocol 4, data 100+80; ip-in-ip 10.10.0.5 > 10.10.0.6 hl 64 at 100, protocol 4, data 120+60; ip-in-ip "
       "10.10.0.5 > 10.10.0.6 hl 64 at 120, protocol 4, data 140+40; ip-in-ip 10.42.0.9 > 203.0.113.7 hl 64 at 140, "
       "protocol 6 1025>443 flags 24 seq 16909060, data 180+0"},
      {"9 levels", L::Raw, nested(9),
       "too-deep: more than 8 IP headers in one frame; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 4, "
       "data 20+180; ip-in-ip 10.10.0.5 > 10.10.0.6 hl 64 at 20, protocol 4, data 40+160; ip-in-ip 10.10.0.5 > "
       "10.10.0.6 hl 64 at 40, protocol 4, data 60+140; ip-in-ip 10.10.0.5 > 10.10.0.6 hl 64 at 60, protocol 4, data "
       "80+120; ip-in-ip 10.10.0.5 > 10.10.0.6 hl 64 at 80, protocol 4, data 100+100; ip-in-ip 10.10.0.5 > 10.10.0.6 "
       "hl 64 at 100, protocol 4, data 120+80; ip-in-ip 10.10.0.5 > 10.10.0.6 hl 64 at 120, protocol 4, data 140+60; "
       "ip-in-ip 10.10.0.5 > 10.10.0.6 hl 64 at 140, protocol 4, data 160+40"},
      {"inner header of the other version", L::Raw, outer(4, kInner6),
       "malformed: not version 4 in an IPv4 header; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 4, data "
       "20+51"},
      {"inner total length beyond the outer", L::Raw, outer(4, kInner.substr(0, 36)),
       "malformed: the IPv4 total length leads beyond the end of the frame; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 "
       "at 0, protocol 4, data 20+36; ip-in-ip 10.42.0.9 > 203.0.113.7 hl 64 at 20, protocol 6 1025>443, data 56+0"},
      {"inner packet cut", L::Raw, outer(4, kInner).substr(0, 30),
       "truncated: the capture ends inside an IPv4 header; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 4, "
       "data 20+10-30",
       60},
      {"GRE", L::Raw, outer(47, hex("0000 0800") + kInner),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data 20+44; gre 10.42.0.9 > 203.0.113.7 hl 64 "
       "at 24, protocol 6 1025>443 flags 24 seq 16909060, data 64+0"},
      {"GRE with checksum, key and sequence", L::Raw, outer(47, hex("b000 86dd 0000 0000 00000001 00000002") + kInner6),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data 20+67; gre 2001:0:c000:201::1 > "
       "2001:db8::7 hl 63 at 36, protocol 17 1025>53, data 84+3"},
      {"GRE with a source route", L::Raw, outer(47, hex("4000 0800 00000000 0800 04 04 c6336401 0000 00 00") + kInner),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data 20+60; gre 10.42.0.9 > 203.0.113.7 hl 64 "
       "at 40, protocol 6 1025>443 flags 24 seq 16909060, data 80+0"},
      {"GRE with a source route that does not end", L::Raw, outer(47, hex("4000 0800 00000000 0800 04 04 c6336401")),
       "malformed: no room for a GRE header; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data 20+16"},
      {"GRE, Ethernet, tagged", L::Raw, outer(47, hex("2000 6558 00000001") + eth(0x8100, hex("0064 0800") + kInner)),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data 20+66; gre 10.42.0.9 > 203.0.113.7 hl 64 "
       "at 46, protocol 6 1025>443 flags 24 seq 16909060, data 86+0"},
      {"GRE, MPLS", L::Raw, outer(47, hex("0000 8847 00011140") + kInner),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data 20+48; gre 10.42.0.9 > 203.0.113.7 hl 64 "
       "at 28, protocol 6 1025>443 flags 24 seq 16909060, data 68+0"},
      {"GRE, ERSPAN I", L::Raw, outer(47, hex("0000 88be") + kFrame),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data 20+58; gre 10.42.0.9 > 203.0.113.7 hl 64 "
       "at 38, protocol 6 1025>443 flags 24 seq 16909060, data 78+0"},
      {"GRE, ERSPAN II", L::Raw, outer(47, hex("1000 88be 00000001 1000 0001 00000000") + kFrame),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data 20+70; gre 10.42.0.9 > 203.0.113.7 hl 64 "
       "at 50, protocol 6 1025>443 flags 24 seq 16909060, data 90+0"},
      {"GRE, ERSPAN III with a subheader", L::Raw,
       outer(47, hex("1000 22eb 00000001 2000 0001 00000000 0000 0001 0000000000000000") + kFrame),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data 20+82; gre 10.42.0.9 > 203.0.113.7 hl 64 "
       "at 62, protocol 6 1025>443 flags 24 seq 16909060, data 102+0"},
      {"GRE, ERSPAN III with an IP packet", L::Raw,
       outer(47, hex("1000 22eb 00000001 2000 0001 00000000 0000 0800") + kInner),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data 20+60; gre 10.42.0.9 > 203.0.113.7 hl 64 "
       "at 40, protocol 6 1025>443 flags 24 seq 16909060, data 80+0"},
      {"GRE, WCCP", L::Raw, outer(47, hex("0000 883e") + kInner),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data 20+44; gre 10.42.0.9 > 203.0.113.7 hl 64 "
       "at 24, protocol 6 1025>443 flags 24 seq 16909060, data 64+0"},
      {"GRE, WCCP 2", L::Raw, outer(47, hex("0000 883e 00000000") + kInner),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data 20+48; gre 10.42.0.9 > 203.0.113.7 hl 64 "
       "at 28, protocol 6 1025>443 flags 24 seq 16909060, data 68+0"},
      {"GRE, PPP", L::Raw, outer(47, hex("0000 880b ff03 0021") + kInner),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data 20+48; gre 10.42.0.9 > 203.0.113.7 hl 64 "
       "at 28, protocol 6 1025>443 flags 24 seq 16909060, data 68+0"},
      {"GRE, ARP", L::Raw, outer(47, hex("0000 6558") + eth(0x0806, zeros(28))),
       "not-ip: ARP inside a tunnel; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data 20+46"},
      {"GRE, LLDP in Ethernet", L::Raw, outer(47, hex("0000 6558") + eth(0x88cc, zeros(28))),
       "not-ip: an EtherType that carries no IP; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data "
       "20+46"},
      {"GRE, unknown protocol", L::Raw, outer(47, hex("0000 2001 00000000")),
       "unsupported: a tunnel with a payload of unknown type; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol "
       "47, data 20+8"},
      {"GRE version 2", L::Raw, outer(47, hex("0002 0800") + kInner),
       "unsupported: GRE of an unknown version; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data "
       "20+44"},
      {"GRE header without room", L::Raw, outer(47, hex("2000 0800")),
       "malformed: no room for a GRE header; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data 20+4"},
      {"GRE in UDP", L::Raw, over_udp(4754, hex("0000 0800") + kInner),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>4754, data 28+44; gre 10.42.0.9 > "
       "203.0.113.7 hl 64 at 32, protocol 6 1025>443 flags 24 seq 16909060, data 72+0"},
      {"GRE in DTLS", L::Raw, over_udp(4755, hex("17 fefd 0001 000000000001 0010") + zeros(16)),
       "opaque by gre: encrypted by DTLS; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>4755, data "
       "28+29"},
      {"GRE on the port of GRE in DTLS", L::Raw, over_udp(4755, hex("0000 0800") + kInner),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>4755, data 28+44; gre 10.42.0.9 > "
       "203.0.113.7 hl 64 at 32, protocol 6 1025>443 flags 24 seq 16909060, data 72+0"},
      {"PPTP", L::Raw,
       outer(47, hex("3001 880b") + u16(static_cast<unsigned>(kInner.size() + 4)) + hex("0001 00000007 ff03 0021") +
                     kInner),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data 20+56; pptp 10.42.0.9 > 203.0.113.7 hl "
       "64 at 36, protocol 6 1025>443 flags 24 seq 16909060, data 76+0"},
      {"PPTP, acknowledging", L::Raw,
       outer(47, hex("3081 880b") + u16(static_cast<unsigned>(kInner.size() + 1)) + hex("0001 00000007 00000006 21") +
                     kInner),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data 20+57; pptp 10.42.0.9 > 203.0.113.7 hl "
       "64 at 37, protocol 6 1025>443 flags 24 seq 16909060, data 77+0"},
      {"PPTP, a mere acknowledgement", L::Raw, outer(47, hex("2081 880b 0000 0001 00000006")),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data 20+12"},
      {"PPTP, encrypted", L::Raw, outer(47, hex("3001 880b 0006 0001 00000007 fd 9000 00 0000")),
       "opaque by pptp: compressed by PPP; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data 20+18"},
      {"PPTP, LCP", L::Raw, outer(47, hex("3001 880b 0008 0001 00000007 ff03 c021 0901 0004")),
       "not-ip: PPP control; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 47, data 20+20"},
      {"PPTP, payload without sequence", L::Raw, outer(47, hex("2001 880b 0004 0001 ff03 0021")),
       "malformed: a PPTP payload without sequence number; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol "
       "47, data 20+12"},
      {"EtherIP", L::Raw, outer(97, hex("3000") + kFrame),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 97, data 20+56; etherip 10.42.0.9 > 203.0.113.7 "
       "hl 64 at 36, protocol 6 1025>443 flags 24 seq 16909060, data 76+0"},
      {"EtherIP of version 0", L::Raw, outer(97, hex("0300") + kFrame),
       "malformed: not version 3 in an EtherIP header; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 97, "
       "data 20+56"},
      {"Ethernet as IPv6 next header", L::Raw, ip6(143, "fd00::5", "fd00::6", kFrame),
       "ip; l3 at 0; link fd00::5 > fd00::6 hl 63 at 0, protocol 143, data 40+54; etherip 10.42.0.9 > 203.0.113.7 hl "
       "64 at 54, protocol 6 1025>443 flags 24 seq 16909060, data 94+0"},
      {"MPLS in IP", L::Raw, outer(137, hex("00011140") + kInner),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 137, data 20+44; mpls-in-ip 10.42.0.9 > "
       "203.0.113.7 hl 64 at 24, protocol 6 1025>443 flags 24 seq 16909060, data 64+0"},
      {"MPLS in UDP", L::Raw, over_udp(6635, hex("00011140") + kInner),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>6635, data 28+44; mpls-in-ip 10.42.0.9 > "
       "203.0.113.7 hl 64 at 32, protocol 6 1025>443 flags 24 seq 16909060, data 72+0"},
      {"MPLS in DTLS", L::Raw, over_udp(6636, hex("16 feff 0000 000000000000 0010") + zeros(16)),
       "opaque by mpls-in-ip: encrypted by DTLS; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 "
       "40000>6636, data 28+29"},
      {"ESP", L::Raw, outer(50, hex("00000001 00000001") + zeros(32)),
       "opaque by esp: encrypted by ESP; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 50, data 20+40"},
      {"L2TPv3 in IP", L::Raw, outer(115, hex("00000001") + kFrame),
       "opaque by l2tp: L2TP version 3; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 115, data 20+58"},
      {"IPComp", L::Raw, outer(108, hex("06 00 0003") + zeros(32)),
       "opaque by link: compressed by IPComp; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 108, data "
       "20+36"},
      {"minimal encapsulation", L::Raw, outer(55, hex("06 00 0000 cb007107") + tcp(1, 2)),
       "unsupported: an encapsulation of IP that is not read; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol "
       "55, data 20+28"},
      {"VXLAN", L::Raw, over_udp(4789, kVxlan + kFrame),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>4789, data 28+62; vxlan 10.42.0.9 > "
       "203.0.113.7 hl 64 at 50, protocol 6 1025>443 flags 24 seq 16909060, data 90+0"},
      {"VXLAN of Linux", L::Raw, over_udp(8472, kVxlan + kFrame),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>8472, data 28+62; vxlan 10.42.0.9 > "
       "203.0.113.7 hl 64 at 50, protocol 6 1025>443 flags 24 seq 16909060, data 90+0"},
      {"VXLAN on a declared port", L::Raw, over_udp(5790, kVxlan + kFrame),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>5790, data 28+62; vxlan 10.42.0.9 > "
       "203.0.113.7 hl 64 at 50, protocol 6 1025>443 flags 24 seq 16909060, data 90+0"},
      {"VXLAN from its port is data", L::Raw, from_udp(4789, kVxlan + kFrame),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 4789>40000, data 28+62"},
      {"VXLAN, reserved bits", L::Raw,
       over_udp(4789, hex("88ffffff 000001ff") + eth(0x88a8, hex("0001 8100 0002 0800") + kInner)),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>4789, data 28+70; vxlan 10.42.0.9 > "
       "203.0.113.7 hl 64 at 58, protocol 6 1025>443 flags 24 seq 16909060, data 98+0"},
      {"VXLAN without identifier", L::Raw, over_udp(4789, hex("00000000 00000100") + kFrame),
       "malformed: a VXLAN header without network identifier; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol "
       "17 40000>4789, data 28+62"},
      {"VXLAN, inner frame too short", L::Raw, over_udp(4789, kVxlan + zeros(13)),
       "malformed: the frame ends inside an Ethernet header; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol "
       "17 40000>4789, data 28+21"},
      {"VXLAN, cut in the inner frame", L::Raw, over_udp(4789, kVxlan + kFrame).substr(0, 40),
       "truncated: the capture ends inside an Ethernet header; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, "
       "protocol 17 40000>4789, data 28+12-50",
       90},
      {"VXLAN, cut in the UDP header", L::Raw, over_udp(4789, kVxlan + kFrame).substr(0, 25),
       "truncated: the capture ends inside a VXLAN header; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 "
       "40000>4789, data 25+0-62",
       90},
      {"VXLAN, inner ARP", L::Raw, over_udp(4789, kVxlan + eth(0x0806, zeros(28))),
       "not-ip: ARP inside a tunnel; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>4789, data "
       "28+50"},
      {"VXLAN in VXLAN", L::Raw, over_udp(4789, kVxlan + eth(0x0800, over_udp(4789, kVxlan + kFrame))),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>4789, data 28+112; vxlan 10.10.0.5 > "
       "10.10.0.6 hl 64 at 50, protocol 17 40000>4789, data 78+62; vxlan 10.42.0.9 > 203.0.113.7 hl 64 at 100, "
       "protocol 6 1025>443 flags 24 seq 16909060, data 140+0"},
      {"VXLAN in the first fragment, inner headers whole", L::Raw,
       ip4(17, "10.10.0.5", "10.10.0.6",
           udp(40000, 4789, kVxlan + eth(0x0800, ip4(6, "10.42.0.9", "203.0.113.7", tcp(1, 2, zeros(200)))))
               .substr(0, 80),
           {}, 0x2000),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, fragment 0+ id 7 of 17 at 20, protocol 17 40000>4789, data "
       "28+72; vxlan 10.42.0.9 > 203.0.113.7 hl 64 at 50, protocol 6 1>2 flags 24 seq 16909060, data 90+10"},
      {"VXLAN in the first fragment, inner header not whole", L::Raw,
       ip4(17, "10.10.0.5", "10.10.0.6", udp(40000, 4789, kVxlan + kFrame).substr(0, 40), {}, 0x2000),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, fragment 0+ id 7 of 17 at 20, protocol 17 40000>4789, data "
       "28+32"},
      {"VXLAN in the first fragment, cut by the snap length", L::Raw,
       ip4(17, "10.10.0.5", "10.10.0.6", udp(40000, 4789, kVxlan + kFrame).substr(0, 64), {}, 0x2000).substr(0, 60),
       "truncated: the capture ends inside an IPv4 header; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, fragment 0+ "
       "id 7 of 17 at 20, protocol 17 40000>4789, data 28+32-24",
       84},
      {"VXLAN-GPE, IPv4", L::Raw, over_udp(4790, hex("0c000001 00000100") + kInner),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>4790, data 28+48; vxlan 10.42.0.9 > "
       "203.0.113.7 hl 64 at 36, protocol 6 1025>443 flags 24 seq 16909060, data 76+0"},
      {"VXLAN-GPE, Ethernet by default", L::Raw, over_udp(4790, kVxlan + kFrame),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>4790, data 28+62; vxlan 10.42.0.9 > "
       "203.0.113.7 hl 64 at 50, protocol 6 1025>443 flags 24 seq 16909060, data 90+0"},
      {"VXLAN-GPE, service header", L::Raw, over_udp(4790, hex("0c000004 00000100") + kInner),
       "unsupported: a tunnel with a payload of unknown type; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol "
       "17 40000>4790, data 28+48"},
      {"GENEVE", L::Raw, over_udp(6081, hex("0200 6558 00000100 0102 00 01 00000000") + kFrame),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>6081, data 28+70; geneve 10.42.0.9 > "
       "203.0.113.7 hl 64 at 58, protocol 6 1025>443 flags 24 seq 16909060, data 98+0"},
      {"GENEVE, IPv6, control", L::Raw, over_udp(6081, hex("0080 86dd 00000100") + kInner6),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>6081, data 28+59; geneve "
       "2001:0:c000:201::1 > 2001:db8::7 hl 63 at 36, protocol 17 1025>53, data 84+3"},
      {"GENEVE on a declared port", L::Raw, over_udp(6091, hex("0000 0800 00000100") + kInner),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>6091, data 28+48; geneve 10.42.0.9 > "
       "203.0.113.7 hl 64 at 36, protocol 6 1025>443 flags 24 seq 16909060, data 76+0"},
      {"GENEVE of version 1", L::Raw, over_udp(6081, hex("4000 0800 00000100") + kInner),
       "malformed: a GENEVE header of unknown version; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 "
       "40000>6081, data 28+48"},
      {"GENEVE, unknown protocol", L::Raw, over_udp(6081, hex("0000 1234 00000100") + kInner),
       "unsupported: a tunnel with a payload of unknown type; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol "
       "17 40000>6081, data 28+48"},
      {"GENEVE, options without room", L::Raw, over_udp(6081, hex("3f00 0800 00000100") + kInner),
       "malformed: no room for a GENEVE header on its port; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol "
       "17 40000>6081, data 28+48"},
      {"GTP-U", L::Raw,
       over_udp(2152, hex("30 ff") + u16(static_cast<unsigned>(kInner.size())) + hex("00000001") + kInner),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>2152, data 28+48; gtp-u 10.42.0.9 > "
       "203.0.113.7 hl 64 at 36, protocol 6 1025>443 flags 24 seq 16909060, data 76+0"},
      {"GTP-U with an extension header", L::Raw,  // PDU session container
       over_udp(2152, hex("34 ff") + u16(static_cast<unsigned>(kInner6.size() + 8)) +
                          hex("00000001 0000 00 85 01 1000 00") + kInner6),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>2152, data 28+67; gtp-u "
       "2001:0:c000:201::1 > 2001:db8::7 hl 63 at 44, protocol 17 1025>53, data 92+3"},
      {"GTP-U, extension header of no length", L::Raw, over_udp(2152, hex("34 ff 0008 00000001 0000 00 85 00 1000 00")),
       "malformed: a GTP-U extension header of no length; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 "
       "40000>2152, data 28+16"},
      {"GTP-U echo", L::Raw, over_udp(2152, hex("32 01 0004 00000000 0000 0000")),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>2152, data 28+12"},
      {"GTP-U, Ethernet inside", L::Raw,
       over_udp(2152, hex("30 ff") + u16(static_cast<unsigned>(kFrame.size())) + hex("00000001") + kFrame),
       "unsupported: GTP-U user data that is not IP; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 "
       "40000>2152, data 28+62"},
      {"GTP-U of version 2", L::Raw, over_udp(2152, hex("48 01 0004 00000000")),
       "malformed: not version 1 in a GTP-U header; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 "
       "40000>2152, data 28+8"},
      {"GTP-U, length beyond the packet", L::Raw, over_udp(2152, hex("30 ff 0400 00000001") + kInner),
       "malformed: the GTP-U length leads beyond the end of the packet; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at "
       "0, protocol 17 40000>2152, data 28+48; gtp-u 10.42.0.9 > 203.0.113.7 hl 64 at 36, protocol 6 1025>443 flags 24 "
       "seq 16909060, data 76+0"},
      {"Teredo", L::Raw, over_udp(3544, kInner6),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>3544, data 28+51; teredo "
       "2001:0:c000:201::1 > 2001:db8::7 hl 63 at 28, protocol 17 1025>53, data 76+3"},
      {"Teredo, authentication and origin", L::Raw,
       from_udp(3544, hex("0001 01 02 61 0102 0000000000000001 00  0000 fbfe 3f8e9bf8") + kInner6),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 3544>40000, data 28+75; teredo "
       "2001:0:c000:201::1 > 2001:db8::7 hl 63 at 52, protocol 17 1025>53, data 100+3"},
      {"Teredo, authentication alone", L::Raw, from_udp(3544, hex("0001 01 02 61 0102 0000000000000001 00") + kInner6),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 3544>40000, data 28+67; teredo "
       "2001:0:c000:201::1 > 2001:db8::7 hl 63 at 44, protocol 17 1025>53, data 92+3"},
      {"Teredo from its port, to no address of Teredo", L::Raw,
       from_udp(3544, ip6(17, "2001:db8::6", "2001:db8::7", udp(1025, 53, "dns"))),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 3544>40000, data 28+51; teredo 2001:db8::6 > "
       "2001:db8::7 hl 63 at 28, protocol 17 1025>53, data 76+3"},
      {"Teredo from its port, with bytes behind the packet", L::Raw, from_udp(3544, kInner6 + "tail"),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 3544>40000, data 28+55; teredo "
       "2001:0:c000:201::1 > 2001:db8::7 hl 63 at 28, protocol 17 1025>53, data 76+3"},
      {"Teredo's port as a source: the packet does not fit", L::Raw, from_udp(3544, kInner6.substr(0, 50)),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 3544>40000, data 28+50"},
      {"Teredo's port as a source: another version", L::Raw, from_udp(3544, kInner + zeros(20)),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 3544>40000, data 28+60"},
      {"Teredo's port as a source: authentication beyond the end", L::Raw, from_udp(3544, hex("0001 ff ff") + kInner6),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 3544>40000, data 28+55"},
      {"Teredo's port as a source: authentication up to the end", L::Raw, from_udp(3544, hex("0001 00 00") + zeros(9)),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 3544>40000, data 28+13"},
      {"Teredo's port as a source: an origin and nothing else", L::Raw, from_udp(3544, zeros(8)),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 3544>40000, data 28+8"},
      {"Teredo between clients", L::Raw, outer(17, udp(40000, 50000, kInner6)),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>50000, data 28+51; teredo "
       "2001:0:c000:201::1 > 2001:db8::7 hl 63 at 28, protocol 17 1025>53, data 76+3"},
      {"Teredo that is none", L::Raw, over_udp(3544, "data"),
       "malformed: no room for an IPv6 header; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>3544, "
       "data 28+4"},
      {"ESP in UDP", L::Raw, over_udp(4500, hex("00000001 00000001") + zeros(32)),
       "opaque by esp: encrypted by ESP; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>4500, data "
       "28+40"},
      {"the port of ESP as a source hides nothing", L::Raw, from_udp(4500, hex("00000001 00000001") + zeros(32)),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 4500>40000, data 28+40"},
      {"IKE on the port of ESP", L::Raw, over_udp(4500, hex("00000000 0102030405060708") + zeros(32)),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>4500, data 28+44"},
      {"ESP keepalive", L::Raw, over_udp(4500, hex("ff")),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>4500, data 28+1"},
      {"ESP port, too short", L::Raw, over_udp(4500, "ab"),
       "malformed: no room for an SPI on the port of ESP; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 "
       "40000>4500, data 28+2"},
      {"L2TP data, IPv4", L::Raw, over_udp(1701, hex("0002 0001 0001 ff03 0021") + kInner),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>1701, data 28+50; l2tp 10.42.0.9 > "
       "203.0.113.7 hl 64 at 38, protocol 6 1025>443 flags 24 seq 16909060, data 78+0"},
      {"L2TP data with length, sequence and offset", L::Raw,
       over_udp(1701, hex("4a02") + u16(static_cast<unsigned>(20 + kInner6.size())) +
                          hex("0001 0001 0000 0000 0002 0000 ff03 0057") + kInner6),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>1701, data 28+71; l2tp "
       "2001:0:c000:201::1 > 2001:db8::7 hl 63 at 48, protocol 17 1025>53, data 96+3"},
      {"the port of L2TP as a source makes no tunnel", L::Raw, from_udp(1701, hex("0002 0001 0001 ff03 0021") + kInner),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 1701>40000, data 28+50"},
      {"L2TP data, LCP", L::Raw, over_udp(1701, hex("0002 0001 0001 ff03 c021 0901 0004")),
       "opaque by l2tp: L2TP data other than IP; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 "
       "40000>1701, data 28+14"},
      {"L2TP control", L::Raw, over_udp(1701, hex("c802 000c 0001 0000 0000 0000")),
       "opaque by l2tp: a message of L2TP control; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 "
       "40000>1701, data 28+12"},
      {"L2TPv3 in UDP", L::Raw, over_udp(1701, hex("0003 0000 00000001") + kFrame),
       "opaque by l2tp: L2TP version 3, or L2F; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 "
       "40000>1701, data 28+62"},
      {"L2TP of version 9", L::Raw, over_udp(1701, hex("0009 0001 0001 ff03 0021") + kInner),
       "malformed: an L2TP header of unknown version; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 "
       "40000>1701, data 28+50"},
      {"L2TP length shorter than its header", L::Raw, over_udp(1701, hex("4002 0004 0001 0001 ff03 0021") + kInner),
       "malformed: an L2TP length that is shorter than the header; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, "
       "protocol 17 40000>1701, data 28+52"},
      {"WireGuard initiation", L::Raw, over_udp(53, hex("01000000") + zeros(144)),
       "opaque by wireguard: encrypted by WireGuard; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 "
       "40000>53, data 28+148"},
      {"WireGuard response", L::Raw, over_udp(40001, hex("02000000") + zeros(88)),
       "opaque by wireguard: encrypted by WireGuard; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 "
       "40000>40001, data 28+92"},
      {"WireGuard cookie", L::Raw, over_udp(40001, hex("03000000") + zeros(60)),
       "opaque by wireguard: encrypted by WireGuard; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 "
       "40000>40001, data 28+64"},
      {"WireGuard data from its port is data", L::Raw, from_udp(51820, hex("04000000") + zeros(28)),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 51820>40000, data 28+32"},
      {"WireGuard data from a declared port is data", L::Raw, from_udp(51821, hex("04000000") + zeros(28)),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 51821>40000, data 28+32"},
      {"WireGuard data", L::Raw, over_udp(51820, hex("04000000") + zeros(28)),
       "opaque by wireguard: encrypted by WireGuard; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 "
       "40000>51820, data 28+32"},
      {"WireGuard data on a declared port", L::Raw, over_udp(51821, hex("04000000") + zeros(44)),
       "opaque by wireguard: encrypted by WireGuard; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 "
       "40000>51821, data 28+48"},
      {"WireGuard data on another port is data", L::Raw, over_udp(40001, hex("04000000") + zeros(44)),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>40001, data 28+48"},
      {"WireGuard data of no such length", L::Raw, over_udp(51820, hex("04000000") + zeros(29)),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>51820, data 28+33"},
      {"WireGuard initiation of another length", L::Raw, over_udp(40001, hex("01000000") + zeros(143)),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>40001, data 28+147"},
      {"WireGuard initiation, cut", L::Raw, over_udp(40001, hex("01000000") + zeros(144)).substr(0, 40),
       "opaque by wireguard: encrypted by WireGuard; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 "
       "40000>40001, data 28+12-136",
       176},
      {"OpenVPN", L::Raw, over_udp(1194, "anything"),
       "opaque by openvpn: encrypted by OpenVPN; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 "
       "40000>1194, data 28+8"},
      {"the port of OpenVPN as a source hides nothing", L::Raw, from_udp(1194, "anything"),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 1194>40000, data 28+8"},
      {"OpenVPN in TCP", L::Raw, outer(6, tcp(40000, 1194, "anything")),
       "opaque by openvpn: encrypted by OpenVPN; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 6 40000>1194 "
       "flags 24 seq 16909060, data 40+8"},
      {"the port of OpenVPN as a source hides nothing in TCP", L::Raw, outer(6, tcp(1194, 40000, "anything")),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 6 1194>40000 flags 24 seq 16909060, data 40+8"},
      {"OpenVPN in TCP, nothing said", L::Raw, outer(6, tcp(40000, 1194)),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 6 40000>1194 flags 24 seq 16909060, data 40+0"},
      {"OpenVPN hello on another port", L::Raw, over_udp(443, hex("38 0102030405060708 00 00000000")),
       "opaque by openvpn: encrypted by OpenVPN; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 "
       "40000>443, data 28+14"},
      {"OpenVPN hello, tls-auth", L::Raw,
       over_udp(443, hex("38 0102030405060708") + std::string(20, 'h') + hex("00000001 65000000 00 00000000")),
       "opaque by openvpn: encrypted by OpenVPN; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 "
       "40000>443, data 28+42"},
      {"OpenVPN hello, tls-crypt", L::Raw,
       over_udp(443, hex("38 0102030405060708 00000001 65000000") + std::string(37, 'h')),
       "opaque by openvpn: encrypted by OpenVPN; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 "
       "40000>443, data 28+54"},
      {"no OpenVPN hello", L::Raw, over_udp(443, hex("38 0102030405060708 00 00000001")),
       "ip; l3 at 0; link 10.10.0.5 > 10.10.0.6 hl 64 at 0, protocol 17 40000>443, data 28+14"},
  };
}

TEST_CASE("packet: tunnels") { check(tunnel_rows()); }

}  // namespace airtight::audit
