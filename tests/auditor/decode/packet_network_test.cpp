// decode() of IPv4, IPv6, extension headers, source routes and fragments.
#include <catch2/catch.hpp>

#include "tests/auditor/decode/packet_text.h"

namespace airtight::audit {
namespace {

constexpr const char* kA = "10.42.0.9";
constexpr const char* kB = "203.0.113.7";
constexpr const char* kA6 = "fd00:42::9";
constexpr const char* kB6 = "2001:db8::7";
// 2001:db8::a and 2001:db8::b as bytes.
constexpr const char* kHopA = "20010db8 00000000 00000000 0000000a";
constexpr const char* kHopB = "20010db8 00000000 00000000 0000000b";

std::string raw4(const char* options) { return ip4(6, kA, kB, tcp(1, 2), hex(options)); }
// An IPv6 packet that begins with these extension headers and ends with a TCP header.
std::string chain(unsigned first, const std::string& headers) { return ip6(first, kA6, kB6, headers + tcp(1, 2)); }
std::string repeated(const char* header, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += hex(header);
  return text;
}
std::string with(std::string bytes, std::size_t at, const char* digits) {
  const std::string value = hex(digits);
  return bytes.replace(at, value.size(), value);
}

}  // namespace

std::vector<Row> network_rows() {
  using L = LinkType;
  return {
      {"total length 0", L::Ethernet, eth(0x0800, with(ip4(6, kA, kB, tcp(1, 2, "data")), 2, "0000")),
       "ip; type 0800; l3 at 14; link 10.42.0.9 > 203.0.113.7 hl 64 at 14, protocol 6 1>2 flags 24 seq 16909060, data "
       "54+4"},
      {"total length 0, cut", L::Raw, with(ip4(6, kA, kB, tcp(1, 2, "data")), 2, "0000"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 6 1>2 flags 24 seq 16909060, data 40+4-69956",
       70000},
      {"total length shorter than the header", L::Raw, with(ip4(6, kA, kB, tcp(1, 2)), 2, "0013"),
       "malformed: an IPv4 total length that is shorter than the header; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 "
       "at 0, data 0+0"},
      {"total length beyond the frame", L::Raw, with(ip4(6, kA, kB, tcp(1, 2, "data")), 2, "0100"),
       "malformed: the IPv4 total length leads beyond the end of the frame; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl "
       "64 at 0, protocol 6 1>2 flags 24 seq 16909060, data 40+4"},
      {"total length cut by the snap length", L::Raw, with(ip4(6, kA, kB, tcp(1, 2, "data")), 2, "0100"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 6 1>2 flags 24 seq 16909060, data 40+4-212",
       256},
      {"version 6 in an IPv4 header", L::Ethernet, eth(0x0800, ip6(6, kA6, kB6, tcp(1, 2))),
       "malformed: not version 4 in an IPv4 header; type 0800; l3 at 14"},
      {"header length 16", L::Raw, with(ip4(6, kA, kB, tcp(1, 2)), 0, "44"),
       "malformed: an IPv4 header length of less than 20 bytes"},
      {"IPv4 header cut", L::Raw, ip4(6, kA, kB, tcp(1, 2)).substr(0, 19),
       "truncated: the capture ends inside an IPv4 header", 40},
      {"IPv4 header without room", L::Raw, ip4(6, kA, kB, tcp(1, 2)).substr(0, 19),
       "malformed: no room for an IPv4 header"},
      {"options cut", L::Raw, raw4("94040000 01010101").substr(0, 26),
       "truncated: the capture ends inside an IPv4 header; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, options, "
       "data 0+0",
       48},
      {"options without room", L::Raw, with(ip4(6, kA, kB, ""), 0, "4f"),
       "malformed: an IPv4 total length that is shorter than the header; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 "
       "at 0, data 0+0"},
      {"router alert", L::Raw, raw4("94040000"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, options, alert, protocol 6 1>2 flags 24 seq 16909060, "
       "data 44+0"},
      {"timestamp", L::Raw, raw4("44080500 00000000"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, options, protocol 6 1>2 flags 24 seq 16909060, data "
       "48+0"},
      {"loose source route", L::Raw, raw4("83 0b 04 c6336401 c6336402 00"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, options, routed by 198.51.100.1 to 198.51.100.2, "
       "protocol 6 1>2 flags 24 seq 16909060, data 52+0"},
      {"loose source route of three, one passed", L::Raw, raw4("83 0f 08 c6336401 c6336402 c6336403 00"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, options, routed by 198.51.100.2 to 198.51.100.3, "
       "protocol 6 1>2 flags 24 seq 16909060, data 56+0"},
      {"source route of eight", L::Raw,
       raw4("01 83 23 04 c6336401 c6336402 c6336403 c6336404 c6336405 c6336406 c6336407 c6336408"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, options, routed by 198.51.100.1 by 198.51.100.2 by "
       "198.51.100.3 by 198.51.100.4 by 198.51.100.5 by 198.51.100.6 by 198.51.100.7 to 198.51.100.8, protocol 6 1>2 "
       "flags 24 seq 16909060, data 76+0"},
      {"source route of nine", L::Raw,
       raw4("01 83 27 04 c6336401 c6336402 c6336403 c6336404 c6336405 c6336406 c6336407 c6336408 c6336409"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, options, routed by 198.51.100.1 by 198.51.100.2 by "
       "198.51.100.3 by 198.51.100.4 by 198.51.100.5 by 198.51.100.6 by 198.51.100.7 to 198.51.100.9, route unread, "
       "protocol 6 1>2 flags 24 seq 16909060, data 80+0"},
      {"strict source route, at its last hop", L::Raw, raw4("01 89 0b 08 c6336401 c6336402"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, options, routed to 198.51.100.2, protocol 6 1>2 flags 24 "
       "seq 16909060, data 52+0"},
      {"source route that is used up", L::Raw, raw4("83 0b 0c c6336401 c6336402 00"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, options, protocol 6 1>2 flags 24 seq 16909060, data "
       "52+0"},
      {"source route behind the end of options", L::Raw, raw4("00 83 0b 04 c6336401 c6336402"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, options, protocol 6 1>2 flags 24 seq 16909060, data "
       "52+0"},
      {"two source routes", L::Raw, raw4("83 07 04 c6336401 89 07 04 c6336402 0000"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, options, routed to 198.51.100.1, route unread, protocol "
       "6 1>2 flags 24 seq 16909060, data 56+0"},
      {"source route with half an address", L::Raw, raw4("83 09 04 c6336401 c633 000000"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, options, route unread, protocol 6 1>2 flags 24 seq "
       "16909060, data 52+0"},
      {"source route with a pointer into an address", L::Raw, raw4("83 07 05 c6336401 00"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, options, route unread, protocol 6 1>2 flags 24 seq "
       "16909060, data 48+0"},
      {"source route longer than the header", L::Raw, raw4("83 0f 04 c6336401 00"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, options, route unread, protocol 6 1>2 flags 24 seq "
       "16909060, data 48+0"},
      {"option of length 1", L::Raw, raw4("94010000"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, options, route unread, protocol 6 1>2 flags 24 seq "
       "16909060, data 44+0"},
      {"option without length", L::Raw, raw4("01010194"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, options, route unread, protocol 6 1>2 flags 24 seq "
       "16909060, data 44+0"},
      {"first fragment", L::Raw, ip4(6, kA, kB, tcp(1, 2, "datadata"), {}, 0x2000),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, fragment 0+ id 7 of 6 at 20, protocol 6 1>2 flags 24 seq "
       "16909060, data 40+8"},
      {"first fragment that is too small for TCP", L::Raw, ip4(6, kA, kB, tcp(1, 2).substr(0, 8), {}, 0x2000),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, fragment 0+ id 7 of 6 at 20, protocol 6 1>2, data 28+0"},
      {"first fragment that is too small for ports", L::Raw, ip4(17, kA, kB, "x", {}, 0x2000),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, fragment 0+ id 7 of 17 at 20, protocol 17, data 20+1"},
      {"first fragment whose UDP length is less than it holds", L::Raw,
       ip4(17, kA, kB, hex("0001 0002 000a 0000") + "datadata", {}, 0x2000),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, fragment 0+ id 7 of 17 at 20, protocol 17 1>2, data "
       "28+8"},
      {"later fragment", L::Raw, ip4(17, kA, kB, "datadata", {}, 0x2001),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, fragment 8+ id 7 of 17 at 20, protocol 17, data 20+8"},
      {"last fragment", L::Raw, ip4(17, kA, kB, "datadata", {}, 0x1fff),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, fragment 65528 id 7 of 17 at 20, protocol 17, data 20+8"},
      {"later fragment, cut", L::Raw, ip4(17, kA, kB, "datadata", {}, 0x2001).substr(0, 22),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, fragment 8+ id 7 of 17 at 20, protocol 17, data 20+2-6",
       28},
      {"do not fragment", L::Raw, ip4(17, kA, kB, udp(1, 2), {}, 0x4000),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 17 1>2, data 28+0"},
      {"AH in IPv4", L::Raw,
       ip4(51, kA, kB, hex("11 04 0000 00000001 00000001 000000000000000000000000") + udp(1, 2, "data")),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 17 1>2, data 52+4"},
      {"AH in a later IPv4 fragment", L::Raw, ip4(51, kA, kB, hex("1104000000000001"), {}, 0x0001),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, fragment 8 id 7 of 51 at 20, data 20+8"},
      {"AH of 8 bytes", L::Raw, ip4(51, kA, kB, hex("11 00 0000 00000001") + udp(1, 2)),
       "malformed: an AH header of less than 12 bytes; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, data 0+0"},
      {"hop-by-hop number in IPv4", L::Raw, ip4(0, kA, kB, hex("0600050200000100") + tcp(1, 2)),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 0, data 20+28"},

      {"version 4 in an IPv6 header", L::Ethernet, eth(0x86dd, ip4(6, kA, kB, tcp(1, 2, "12345678901234567890"))),
       "malformed: not version 6 in an IPv6 header; type 86dd; l3 at 14"},
      {"IPv6 header cut", L::Raw, ip6(6, kA6, kB6, tcp(1, 2)).substr(0, 39),
       "truncated: the capture ends inside an IPv6 header", 60},
      {"IPv6 header without room", L::Raw, ip6(6, kA6, kB6, tcp(1, 2)).substr(0, 39),
       "malformed: no room for an IPv6 header"},
      {"payload length beyond the frame", L::Raw, with(ip6(6, kA6, kB6, tcp(1, 2)), 4, "0015"),
       "malformed: the IPv6 payload length leads beyond the end of the frame; l3 at 0; link fd00:42::9 > 2001:db8::7 "
       "hl 63 at 0, protocol 6 1>2 flags 24 seq 16909060, data 60+0"},
      {"payload length 0 before segmentation", L::Raw, with(ip6(6, kA6, kB6, tcp(1, 2, "data")), 4, "0000"),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, protocol 6 1>2 flags 24 seq 16909060, data 60+4"},
      {"no next header", L::Ethernet, eth(0x86dd, ip6(59, kA6, kB6, "") + "pad"),
       "ip; type 86dd; l3 at 14; link fd00:42::9 > 2001:db8::7 hl 63 at 14, protocol 59, data 54+0"},
      {"no next header, and bytes", L::Raw, ip6(59, kA6, kB6, "data"),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, protocol 59, data 40+4"},
      {"IPv6 padding is no payload", L::Ethernet, eth(0x86dd, ip6(17, kA6, kB6, udp(1, 2)) + "pad"),
       "ip; type 86dd; l3 at 14; link fd00:42::9 > 2001:db8::7 hl 63 at 14, protocol 17 1>2, data 62+0"},
      {"hop-by-hop with router alert", L::Raw, chain(0, hex("06 00 0502 0000 0100")),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, alert, protocol 6 1>2 flags 24 seq 16909060, "
       "data 68+0"},
      {"hop-by-hop, option too long", L::Raw, chain(0, hex("06 00 0105 0000 0000")),
       "malformed: an IPv6 option leads beyond its header; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, "
       "protocol 6 1>2 flags 24 seq 16909060, data 68+0"},
      {"hop-by-hop, option without length", L::Raw, chain(0, hex("06 00 0103 000000 05")),
       "malformed: an IPv6 option leads beyond its header; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, "
       "protocol 6 1>2 flags 24 seq 16909060, data 68+0"},
      {"hop-by-hop twice", L::Raw, chain(0, hex("00 00 0104 00000000 06 00 0104 00000000")),
       "malformed: a hop-by-hop header that does not follow the IPv6 header; l3 at 0; link fd00:42::9 > 2001:db8::7 hl "
       "63 at 0, options, data 0+0"},
      {"hop-by-hop behind another", L::Raw, chain(60, hex("00 00 0104 00000000 06 00 0104 00000000")),
       "malformed: a hop-by-hop header that does not follow the IPv6 header; l3 at 0; link fd00:42::9 > 2001:db8::7 hl "
       "63 at 0, options, data 0+0"},
      {"jumbogram", L::Raw, with(chain(0, hex("06 00 c204 0001 0000")), 4, "0000"),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, protocol 6 1>2 flags 24 seq 16909060, data "
       "68+0-65508",
       40 + 65536},
      {"jumbogram beyond the frame", L::Raw, with(chain(0, hex("06 00 c204 0001 0000")), 4, "0000"),
       "malformed: the jumbo length leads beyond the end of the frame; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at "
       "0, options, protocol 6 1>2 flags 24 seq 16909060, data 68+0"},
      {"jumbogram that is none", L::Raw, with(chain(0, hex("06 00 c204 0000 ffff")), 4, "0000"),
       "malformed: a jumbogram of no more than 65,535 bytes; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, "
       "options, protocol 6 1>2 flags 24 seq 16909060, data 68+0-65507",
       40 + 65535},
      {"jumbogram with a payload length", L::Raw, chain(0, hex("06 00 c204 0001 0000")),
       "malformed: a jumbogram with a payload length; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, "
       "protocol 6 1>2 flags 24 seq 16909060, data 68+0",
       40 + 65536},
      {"destination options, mobility, HIP, shim6", L::Raw,
       chain(60, hex("87 00 0104 00000000  8b 00 0500 00000000  8c 00 0000 00000000  06 00 0000 00000000")),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, protocol 6 1>2 flags 24 seq 16909060, data "
       "92+0"},
      {"AH in IPv6", L::Raw, chain(51, hex("06 04 0000 00000001 00000001 000000000000000000000000")),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, protocol 6 1>2 flags 24 seq 16909060, data 84+0"},
      {"routing header 0", L::Raw, chain(43, hex("06 04 00 02 00000000") + hex(kHopA) + hex(kHopB)),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, routed by 2001:db8::a to 2001:db8::b, protocol "
       "6 1>2 flags 24 seq 16909060, data 100+0"},
      {"routing header 0, one hop passed", L::Raw, chain(43, hex("06 04 00 01 00000000") + hex(kHopA) + hex(kHopB)),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, routed to 2001:db8::b, protocol 6 1>2 flags 24 "
       "seq 16909060, data 100+0"},
      {"routing header 0, every hop passed", L::Raw, chain(43, hex("06 04 00 00 00000000") + hex(kHopA) + hex(kHopB)),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, protocol 6 1>2 flags 24 seq 16909060, data "
       "100+0"},
      {"routing header 0, more hops than addresses", L::Raw,
       chain(43, hex("06 04 00 03 00000000") + hex(kHopA) + hex(kHopB)),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, route unread, protocol 6 1>2 flags 24 seq "
       "16909060, data 100+0"},
      {"routing header 0, half an address", L::Raw,
       chain(43, hex("06 03 00 01 00000000") + hex(kHopA) + hex("0000000000000000")),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, route unread, protocol 6 1>2 flags 24 seq "
       "16909060, data 92+0"},
      {"routing header 2", L::Raw, chain(43, hex("06 02 02 01 00000000") + hex(kHopB)),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, routed to 2001:db8::b, protocol 6 1>2 flags 24 "
       "seq 16909060, data 84+0"},
      // 15 bytes elided of every address but the last, of which 8 are; then 6 bytes of pad.
      {"routing header 3, compressed", L::Raw,
       chain(43, hex("06 02 03 02 f8 70 0000 0a 000000000000000b 00000000000000")),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, routed by 2001:db8::a to 2001:db8::b, protocol "
       "6 1>2 flags 24 seq 16909060, data 84+0"},
      {"routing header 3, compressed, one of three passed", L::Raw,
       chain(43, hex("06 02 03 02 e8 40 0000 ffff 010a 000000000000000b 00000000")),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, routed by 2001:db8::10a to 2001:db8::b, "
       "protocol 6 1>2 flags 24 seq 16909060, data 84+0"},
      {"routing header 3, whole addresses", L::Raw, chain(43, hex("06 04 03 02 00 00 0000") + hex(kHopA) + hex(kHopB)),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, routed by 2001:db8::a to 2001:db8::b, protocol "
       "6 1>2 flags 24 seq 16909060, data 100+0"},
      {"routing header 3, that does not come out even", L::Raw,
       chain(43, hex("06 02 03 02 08 70 0000 0a 000000000000000b 00000000000000")),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, route unread, protocol 6 1>2 flags 24 seq "
       "16909060, data 84+0"},
      {"routing header 4", L::Raw, chain(43, hex("06 04 04 01 01 00 0000") + hex(kHopB) + hex(kHopA)),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, routed to 2001:db8::b, protocol 6 1>2 flags 24 "
       "seq 16909060, data 100+0"},
      {"routing header 4, no segment visited yet", L::Raw,  // the reduced form lacks the first
       chain(43, hex("06 04 04 02 01 00 0000") + hex(kHopB) + hex(kHopA)),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, routed by 2001:db8::a to 2001:db8::b, protocol "
       "6 1>2 flags 24 seq 16909060, data 100+0"},
      {"routing header 4, one of three left to pass", L::Raw,
       chain(43, hex("06 06 04 02 02 00 0000") + hex(kHopB) + hex(kHopA) + hex(kHopB)),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, routed by 2001:db8::a to 2001:db8::b, protocol "
       "6 1>2 flags 24 seq 16909060, data 116+0"},
      {"routing header 4, with a TLV", L::Raw,
       chain(43, hex("06 03 04 01 00 00 0000") + hex(kHopB) + hex("0406000000000000")),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, routed to 2001:db8::b, protocol 6 1>2 flags 24 "
       "seq 16909060, data 92+0"},
      {"routing header 4, segments that are not there", L::Raw, chain(43, hex("06 02 04 01 01 00 0000") + hex(kHopB)),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, route unread, protocol 6 1>2 flags 24 seq "
       "16909060, data 84+0"},
      {"routing header of unknown type", L::Raw, chain(43, hex("06 00 fd 01 00000000")),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, route unread, protocol 6 1>2 flags 24 seq "
       "16909060, data 68+0"},
      {"routing header of unknown type, every hop passed", L::Raw, chain(43, hex("06 00 fd 00 00000000")),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, protocol 6 1>2 flags 24 seq 16909060, data "
       "68+0"},
      {"two routing headers", L::Raw,
       chain(43, hex("2b 02 00 01 00000000") + hex(kHopA) + hex("06 02 00 01 00000000") + hex(kHopB)),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, routed by 2001:db8::a to 2001:db8::b, route "
       "unread, protocol 6 1>2 flags 24 seq 16909060, data 108+0"},
      {"routing header cut", L::Raw, chain(43, hex("06 02 00 01 00000000") + hex(kHopA)).substr(0, 50),
       "truncated: the capture ends inside an extension header; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, "
       "route unread, data 0+0",
       84},
      {"first IPv6 fragment", L::Raw, chain(44, hex("06 00 0001 00000007")),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, fragment 0+ id 7 of 6 at 48, protocol 6 1>2 flags 24 "
       "seq 16909060, data 68+0"},
      {"first IPv6 fragment, destination options in it", L::Raw,
       chain(44, hex("3c 00 0001 00000007 06 00 0104 00000000")),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, fragment 0+ id 7 of 60 at 48, protocol 6 1>2 "
       "flags 24 seq 16909060, data 76+0"},
      {"later IPv6 fragment", L::Raw, ip6(44, kA6, kB6, hex("11 00 0009 00000007") + "datadata"),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, fragment 8+ id 7 of 17 at 48, protocol 17, data 48+8"},
      {"later IPv6 fragment of a datagram that begins with destination options", L::Raw,
       ip6(44, kA6, kB6, hex("3c 00 0010 00000007") + "datadata"),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, fragment 16 id 7 of 60 at 48, data 48+8"},
      {"atomic fragment", L::Raw, chain(44, hex("06 00 0000 00000007")),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, protocol 6 1>2 flags 24 seq 16909060, data 68+0"},
      {"two fragment headers", L::Raw, chain(44, hex("2c 00 0001 00000007 06 00 0001 00000008")),
       "malformed: a fragment inside a fragment; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, fragment 0+ id 7 "
       "of 44 at 48, protocol 6 1>2 flags 24 seq 16909060, data 76+0"},
      {"chain without room", L::Raw, ip6(60, kA6, kB6, hex("06 01 0104 00000000")),
       "malformed: no room for an extension header; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, data 0+0"},
      {"chain cut", L::Raw, chain(60, hex("3c 00 0104 00000000 06 00 0104 00000000")).substr(0, 52),
       "truncated: the capture ends inside an extension header; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, "
       "options, data 0+0",
       76},
      {"40 extension headers", L::Raw, chain(60, repeated("3c 00 0104 00000000", 39) + hex("06 00 0104 00000000")),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, protocol 6 1>2 flags 24 seq 16909060, data "
       "380+0"},
      {"41 extension headers", L::Raw, chain(60, repeated("3c 00 0104 00000000", 40) + hex("06 00 0104 00000000")),
       "too-deep: more than 40 extension headers; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, data "
       "0+0"},
  };
}

TEST_CASE("packet: IPv4, IPv6 and extension headers") { check(network_rows()); }

TEST_CASE("packet: a datagram put together is decoded as the transport of its level") {
  struct PayloadRow {
    const char* name;
    std::string fragment, payload;
    const char* expected;
  };
  const std::string inner = ip4(6, kA, kB, tcp(1025, 443));
  const PayloadRow rows[] = {
      {"UDP", ip4(17, kA, kB, udp(1, 2, "data").substr(0, 8), {}, 0x2000), udp(1, 2, "datadata"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 17 1>2, data 8+8"},
      {"by a later fragment", ip4(17, kA, kB, "datadata", {}, 0x0001), udp(1, 2, "datadata"),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 17 1>2, data 8+8"},
      {"GRE", ip4(47, kA, kB, hex("0000 0800") + inner.substr(0, 12), {}, 0x2000), hex("0000 0800") + inner,
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 47, data 0+44; gre 10.42.0.9 > 203.0.113.7 hl "
       "64 at 4, protocol 6 1025>443 flags 24 seq 16909060, data 44+0"},
      {"VXLAN", ip4(17, kA, kB, "datadata", {}, 0x0001), udp(1, 4789, hex("08000000 00000100") + eth(0x0800, inner)),
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 17 1>4789, data 8+62; vxlan 10.42.0.9 > "
       "203.0.113.7 hl 64 at 30, protocol 6 1025>443 flags 24 seq 16909060, data 70+0"},
      {"VXLAN that is none", ip4(17, kA, kB, "datadata", {}, 0x0001), udp(1, 4789, "none of this"),
       "malformed: the frame ends inside an Ethernet header; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, "
       "protocol 17 1>4789, data 8+12"},
      {"IPv6, destination options before TCP", ip6(44, kA6, kB6, hex("3c 00 0009 00000007") + "datadata"),
       hex("06 00 0104 00000000") + tcp(1, 2, "data"),
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, options, protocol 6 1>2 flags 24 seq 16909060, data "
       "28+4"},
      {"IPv6, hop-by-hop options", ip6(44, kA6, kB6, hex("00 00 0009 00000007") + "datadata"),
       hex("06 00 0104 00000000") + tcp(1, 2, "data"),
       "malformed: a hop-by-hop header that does not follow the IPv6 header; l3 at 0; link fd00:42::9 > 2001:db8::7 hl "
       "63 at 0, data 0+0"},
      {"too short after all", ip4(6, kA, kB, "datadata", {}, 0x0001), tcp(1, 2).substr(0, 12),
       "malformed: a TCP header of less than 20 bytes; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 6 "
       "1>2, data 12+0"},
  };
  for (const PayloadRow& row : rows) {
    INFO(row.name);
    Frame frame;
    frame.bytes = Bytes(reinterpret_cast<const std::uint8_t*>(row.fragment.data()), row.fragment.size());
    frame.link = LinkType::Raw;
    Packet packet;
    decode(frame, {}, packet);
    REQUIRE(packet.level_count >= 1);
    REQUIRE(packet.levels[0].fragment);
    decode_payload(Bytes(reinterpret_cast<const std::uint8_t*>(row.payload.data()), row.payload.size()), {}, packet, 0);
    CHECK(describe(packet) == row.expected);
  }
}

}  // namespace airtight::audit
