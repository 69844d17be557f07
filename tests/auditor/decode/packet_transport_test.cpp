// decode() of transport headers, whole, cut and spoilt.
#include <catch2/catch.hpp>

#include "tests/auditor/decode/packet_text.h"

namespace airtight::audit {
namespace {

std::string over4(unsigned protocol, const std::string& payload) {
  return ip4(protocol, "10.42.0.9", "203.0.113.7", payload);
}
std::string over6(unsigned protocol, const std::string& payload) {
  return ip6(protocol, "fd00:42::9", "2001:db8::7", payload);
}

}  // namespace

std::vector<Row> transport_rows() {
  using L = LinkType;
  const std::string syn = hex("0401 01bb 00000001 00000000 8002 ffff 0000 0000 020405b4 01030307 0402 0000");
  return {
      {"TCP SYN with options", L::Raw, over4(6, syn),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 6 1025>443 flags 2 seq 1, data 52+0"},
      {"TCP, data", L::Raw, over6(6, tcp(1025, 443, "data")),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, protocol 6 1025>443 flags 24 seq 16909060, data 60+4"},
      {"TCP, data cut", L::Raw, over6(6, tcp(1025, 443, "data")).substr(0, 62),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, protocol 6 1025>443 flags 24 seq 16909060, data 60+2-2",
       64},
      {"TCP, options cut", L::Raw, over4(6, syn + "data").substr(0, 44),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 6 1025>443 flags 2 seq 1, data 44+0-4", 56},
      {"TCP, header cut behind the ports", L::Raw, over4(6, syn).substr(0, 28),
       "truncated: TCP header cut by the snap length; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 6 "
       "1025>443, data 28+0-24",
       52},
      {"TCP, header cut by one byte", L::Raw, over4(6, syn).substr(0, 39),
       "truncated: TCP header cut by the snap length; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 6 "
       "1025>443, data 39+0-13",
       52},
      {"TCP to the port of OpenVPN, header cut", L::Raw, over4(6, tcp(1025, 1194, "data")).substr(0, 39),
       "truncated: TCP header cut by the snap length; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 6 "
       "1025>1194, data 39+0-5",
       44},
      {"TCP, header in a first fragment that is too small for it, cut", L::Raw,
       ip4(6, "10.42.0.9", "203.0.113.7", syn.substr(0, 16), {}, 0x2000).substr(0, 30),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, fragment 0+ id 7 of 6 at 20, protocol 6 1025>443, data "
       "30+0-6",
       36},
      {"TCP, urgent", L::Raw, over4(6, hex("0401 01bb 00000001 00000002 5038 ffff 0000 0001") + "data"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 6 1025>443 flags 56 urgent seq 1, data 40+4"},
      {"TCP, URG without a pointer", L::Raw, over4(6, hex("0401 01bb 00000001 00000002 5038 ffff 0000 0000") + "data"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 6 1025>443 flags 56 seq 1, data 40+4"},
      {"TCP, a pointer without URG", L::Raw, over4(6, hex("0401 01bb 00000001 00000002 5018 ffff 0000 0100") + "data"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 6 1025>443 flags 24 seq 1, data 40+4"},
      {"TCP, cut inside the ports", L::Raw, over4(6, syn).substr(0, 23),
       "truncated: the capture ends before the ports; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 6, "
       "data 20+3-29",
       52},
      {"TCP, no room for ports", L::Raw, over4(6, "abc"),
       "malformed: no room for ports behind the IP header; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol "
       "6, data 20+3"},
      {"TCP, no room for a header", L::Raw, over4(6, syn.substr(0, 19)),
       "malformed: a TCP header of less than 20 bytes; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 6 "
       "1025>443, data 39+0"},
      {"TCP, data offset 16", L::Raw, over4(6, hex("0401 01bb 00000001 00000000 4002 ffff 0000 0000") + "data"),
       "malformed: a TCP data offset of less than 20 bytes; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol "
       "6 1025>443, data 44+0"},
      {"TCP, data offset beyond the packet", L::Raw, over4(6, hex("0401 01bb 00000001 00000000 6002 ffff 0000 0000")),
       "malformed: a TCP data offset beyond the end of the packet; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, "
       "protocol 6 1025>443, data 40+0"},
      {"UDP", L::Raw, over4(17, udp(1025, 53, "data")),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 17 1025>53, data 28+4"},
      {"UDP, length 0", L::Raw, over4(17, hex("0401 0035 0000 0000") + "data"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 17 1025>53, data 28+4"},
      {"UDP, length 7", L::Raw, over4(17, hex("0401 0035 0007 0000") + "data"),
       "malformed: a UDP length of less than 8 bytes; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 17 "
       "1025>53, data 28+4"},
      {"UDP, length beyond the packet", L::Raw, over4(17, hex("0401 0035 0100 0000") + "data"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 17 1025>53, data 28+4"},
      {"UDP, length that leaves bytes over", L::Raw, over4(17, hex("0401 0035 000a 0000") + "data"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 17 1025>53, data 28+2"},
      {"UDP, data cut", L::Raw, over4(17, udp(1025, 53, "data")).substr(0, 29),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 17 1025>53, data 28+1-3", 32},
      {"UDP, header cut", L::Raw, over4(17, udp(1025, 53, "data")).substr(0, 26),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 17 1025>53, data 26+0-4", 32},
      {"UDP, cut before the ports", L::Raw, over4(17, udp(1025, 53, "data")).substr(0, 20),
       "truncated: the capture ends before the ports; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 17, "
       "data 20+0-12",
       32},
      {"UDP, no room for a header", L::Raw, over4(17, hex("0401 0035 0008")),
       "malformed: a UDP header of less than 8 bytes; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 17 "
       "1025>53, data 26+0"},
      {"SCTP", L::Raw, over4(132, hex("0401 0050 00000001 00000000 0100 0014") + std::string(16, 'x')),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 132 1025>80, data 20+32"},
      {"SCTP, no room for a header", L::Raw, over4(132, hex("0401 0050 00000001")),
       "malformed: an SCTP header of less than 12 bytes; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol "
       "132 1025>80, data 20+8"},
      {"DCCP", L::Raw, over4(33, hex("0401 0050 04 00 0000 00 000001") + hex("00000000") + "data"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 33 1025>80, data 36+4"},
      {"DCCP, cut behind the ports", L::Raw,
       over4(33, hex("0401 0050 04 00 0000 00 000001") + hex("00000000") + "data").substr(0, 24),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 33 1025>80, data 24+0-16", 40},
      {"DCCP, data offset 8", L::Raw, over4(33, hex("0401 0050 02 00 0000 00 000001")),
       "malformed: a DCCP data offset that leads out of the packet; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, "
       "protocol 33 1025>80, data 32+0"},
      {"DCCP, data offset beyond the packet", L::Raw, over4(33, hex("0401 0050 04 00 0000 00 000001")),
       "malformed: a DCCP data offset that leads out of the packet; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, "
       "protocol 33 1025>80, data 32+0"},
      {"ICMP echo", L::Raw, over4(1, hex("08 00 0000 0001 0001") + "data"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 1 icmp 8/0, data 20+12"},
      {"ICMP, what it quotes is no level", L::Raw, over4(1, hex("03 01 0000 00000000") + over4(17, udp(1, 2))),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 1 icmp 3/1, data 20+36"},
      {"ICMP, cut", L::Raw, over4(1, hex("08 00 0000 0001 0001")).substr(0, 21),
       "truncated: the capture ends inside an ICMP header; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol "
       "1, data 20+1-7",
       28},
      {"ICMP of one byte", L::Raw, over4(1, "x"),
       "malformed: no room for an ICMP header; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 1, data "
       "20+1"},
      {"ICMP of two bytes", L::Raw, over4(1, hex("0800")),
       "malformed: no room for an ICMP header; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 1 icmp 8/0, "
       "data 20+2"},
      {"ICMPv6 packet too big", L::Raw, over6(58, hex("02 00 0000 00000500") + over6(6, tcp(1, 2))),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, protocol 58 icmp 2/0, data 40+68"},
      {"IGMP", L::Raw, ip4(2, "10.42.0.9", "224.0.0.22", hex("22 00 0000 0000 0000"), hex("94040000")),
       "ip; l3 at 0; link 10.42.0.9 > 224.0.0.22 hl 64 at 0, options, alert, protocol 2, data 24+8"},
      {"OSPF", L::Raw, over4(89, "ospf"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 89, data 20+4"},
      {"UDP-Lite has no ports here", L::Raw, over4(136, udp(1, 2)),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 136, data 20+8"},
  };
}

TEST_CASE("packet: transport") { check(transport_rows()); }

}  // namespace airtight::audit
