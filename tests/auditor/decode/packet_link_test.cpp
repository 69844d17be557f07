// decode() from the link to the IP header.
#include <catch2/catch.hpp>

#include "tests/auditor/decode/packet_text.h"

namespace airtight::audit {
namespace {

const std::string kIp4 = ip4(6, "10.42.0.9", "203.0.113.7", tcp(1025, 443, "data"));
const std::string kIp6 = ip6(17, "fd00:42::9", "2001:db8::7", udp(1025, 53, "dns"));
const std::string kMac = hex("02000000000b 02000000000a");

}  // namespace

std::vector<Row> link_rows() {
  using L = LinkType;
  return {
      {"Ethernet, IPv4", L::Ethernet, eth(0x0800, kIp4),
       "ip; type 0800; l3 at 14; link 10.42.0.9 > 203.0.113.7 hl 64 at 14, protocol 6 1025>443 flags 24 seq 16909060, "
       "data 54+4"},
      {"Ethernet, IPv6", L::Ethernet, eth(0x86dd, kIp6),
       "ip; type 86dd; l3 at 14; link fd00:42::9 > 2001:db8::7 hl 63 at 14, protocol 17 1025>53, data 62+3"},
      {"padding is no payload", L::Ethernet, eth(0x0800, kIp4 + hex("000000000000")),
       "ip; type 0800; l3 at 14; link 10.42.0.9 > 203.0.113.7 hl 64 at 14, protocol 6 1025>443 flags 24 seq 16909060, "
       "data 54+4"},
      {"ARP", L::Ethernet, eth(0x0806, hex("0001 0800 06 04 0001") + std::string(20, 'x')), "arp; type 0806; l3 at 14"},
      {"RARP", L::Ethernet, eth(0x8035, hex("0001 0800 06 04 0003") + std::string(20, 'x')),
       "arp; type 8035; l3 at 14"},
      {"LLDP", L::Ethernet, eth(0x88cc, "lldp"), "not-ip: an EtherType that carries no IP; type 88cc; l3 at 14"},
      {"MACsec", L::Ethernet, eth(0x88e5, "sealed"),
       "opaque by link: encrypted or sealed by MACsec; type 88e5; l3 at 14"},
      {"one tag", L::Ethernet, eth(0x8100, hex("2064 0800") + kIp4),
       "ip; vlan 100 of 1; type 0800; l3 at 18; link 10.42.0.9 > 203.0.113.7 hl 64 at 18, protocol 6 1025>443 flags 24 "
       "seq 16909060, data 58+4"},  // priority 1, VLAN 100
      {"a tower of tags", L::Ethernet, eth(0x88a8, hex("0001 8100 0002 9100 0003 9200 0004 88a8 0005 86dd") + kIp6),
       "ip; vlan 1 of 5; type 86dd; l3 at 34; link fd00:42::9 > 2001:db8::7 hl 63 at 34, protocol 17 1025>53, data "
       "82+3"},
      {"16 tags", L::Ethernet,
       eth(0x8100, hex("0001 8100 0002 8100 0003 8100 0004 8100 0005 8100 0006 8100 0007 8100 0008 8100"
                       "0009 8100 000a 8100 000b 8100 000c 8100 000d 8100 000e 8100 000f 8100 0010 0800") +
                       kIp4),
       "ip; vlan 1 of 16; type 0800; l3 at 78; link 10.42.0.9 > 203.0.113.7 hl 64 at 78, protocol 6 1025>443 flags 24 "
       "seq 16909060, data 118+4"},
      {"17 tags", L::Ethernet,
       eth(0x8100, hex("0001 8100 0002 8100 0003 8100 0004 8100 0005 8100 0006 8100 0007 8100 0008 8100"
                       "0009 8100 000a 8100 000b 8100 000c 8100 000d 8100 000e 8100 000f 8100 0010 8100 0011 0800") +
                       kIp4),
       "too-deep: more than 16 VLAN tags and MPLS labels in one frame; vlan 1 of 16"},
      {"802.1ah", L::Ethernet, eth(0x88a8, hex("0005 88e7 00012345") + eth(0x8100, hex("0006 0800") + kIp4)),
       "ip; vlan 5 of 3; type 0800; l3 at 40; link 10.42.0.9 > 203.0.113.7 hl 64 at 40, protocol 6 1025>443 flags 24 "
       "seq 16909060, data 80+4"},
      {"802.1ah without B-TAG", L::Ethernet, eth(0x88e7, hex("00012345") + eth(0x0800, kIp4)),
       "ip; vlan 65535 of 1; type 0800; l3 at 32; link 10.42.0.9 > 203.0.113.7 hl 64 at 32, protocol 6 1025>443 flags "
       "24 seq 16909060, data 72+4"},
      {"802.3, SNAP", L::Ethernet,
       eth(static_cast<unsigned>(8 + kIp4.size()), hex("aaaa03 000000 0800") + kIp4 + "pad"),
       "ip; type 0800; l3 at 22; link 10.42.0.9 > 203.0.113.7 hl 64 at 22, protocol 6 1025>443 flags 24 seq 16909060, "
       "data 62+4"},
      {"802.3, SNAP of a bridge tunnel", L::Ethernet,
       eth(static_cast<unsigned>(8 + kIp6.size()), hex("aaaa03 0000f8 86dd") + kIp6),
       "ip; type 86dd; l3 at 22; link fd00:42::9 > 2001:db8::7 hl 63 at 22, protocol 17 1025>53, data 70+3"},
      {"802.3, SNAP of Cisco", L::Ethernet, eth(12, hex("aaaa03 00000c 2000 01020304")),
       "not-ip: SNAP of a vendor's protocol"},
      {"802.3, spanning tree", L::Ethernet, eth(7, hex("424203 00000000")), "not-ip: LLC without an EtherType"},
      {"802.3, IP without SNAP", L::Ethernet, eth(static_cast<unsigned>(3 + kIp4.size()), hex("060603") + kIp4),
       "ip; l3 at 17; link 10.42.0.9 > 203.0.113.7 hl 64 at 17, protocol 6 1025>443 flags 24 seq 16909060, data 57+4"},
      {"802.3 length too long", L::Ethernet, eth(100, hex("aaaa03 000000 0800") + kIp4),
       "malformed: an IEEE 802.3 length leads beyond the end of the frame; type 0800; l3 at 22; link 10.42.0.9 > "
       "203.0.113.7 hl 64 at 22, protocol 6 1025>443 flags 24 seq 16909060, data 62+4"},
      {"neither type nor length", L::Ethernet, eth(1501, "data"),
       "not-ip: neither an EtherType nor an IEEE 802.3 length"},
      {"PPPoE discovery", L::Ethernet, eth(0x8863, hex("11 09 0000 0004 01010000")),
       "not-ip: PPPoE discovery; type 8863; pppoe; l3 at 14"},
      {"PPPoE session", L::Ethernet,
       eth(0x8864, hex("11 00 0001") + u16(static_cast<unsigned>(2 + kIp4.size())) + hex("0021") + kIp4 + "pad"),
       "ip; type 8864; pppoe; l3 at 14; link 10.42.0.9 > 203.0.113.7 hl 64 at 22, protocol 6 1025>443 flags 24 seq "
       "16909060, data 62+4"},
      {"PPPoE session, IPv6, compressed protocol field", L::Ethernet,
       eth(0x8864, hex("11 00 0001") + u16(static_cast<unsigned>(1 + kIp6.size())) + hex("57") + kIp6),
       "ip; type 8864; pppoe; l3 at 14; link fd00:42::9 > 2001:db8::7 hl 63 at 21, protocol 17 1025>53, data 69+3"},
      {"PPPoE session, LCP", L::Ethernet, eth(0x8864, hex("11 00 0001 0006 c021 09010004")),
       "not-ip: PPP control; type 8864; pppoe; l3 at 14"},
      {"PPPoE session of version 2", L::Ethernet, eth(0x8864, hex("21 00 0001 0006 c021 09010004")),
       "malformed: a PPPoE session header of unknown version or code; type 8864; pppoe; l3 at 14"},
      {"PPPoE length too long", L::Ethernet, eth(0x8864, hex("11 00 0001 0fff 0021") + kIp4),
       "malformed: the PPPoE length leads beyond the end of the frame; type 8864; pppoe; l3 at 14; link 10.42.0.9 > "
       "203.0.113.7 hl 64 at 22, protocol 6 1025>443 flags 24 seq 16909060, data 62+4"},
      {"MPLS, IPv4", L::Ethernet, eth(0x8847, hex("00010040 00011140") + kIp4),
       "ip; type 8847; mpls; l3 at 14; link 10.42.0.9 > 203.0.113.7 hl 64 at 22, protocol 6 1025>443 flags 24 seq "
       "16909060, data 62+4"},  // two labels, the second the last
      {"MPLS, IPv6", L::Ethernet, eth(0x8848, hex("00011140") + kIp6),
       "ip; type 8848; mpls; l3 at 14; link fd00:42::9 > 2001:db8::7 hl 63 at 18, protocol 17 1025>53, data 66+3"},
      {"MPLS, pseudowire with control word", L::Ethernet, eth(0x8847, hex("00011140 00000000") + eth(0x0800, kIp4)),
       "ip; type 8847; mpls; l3 at 14; link 10.42.0.9 > 203.0.113.7 hl 64 at 36, protocol 6 1025>443 flags 24 seq "
       "16909060, data 76+4"},
      {"MPLS, pseudowire without control word", L::Ethernet,
       eth(0x8847, hex("00011140") + eth(0x8100, hex("0007 0800") + kIp4)),
       "ip; type 8847; mpls; l3 at 14; link 10.42.0.9 > 203.0.113.7 hl 64 at 36, protocol 6 1025>443 flags 24 seq "
       "16909060, data 76+4"},
      {"MPLS, pseudowire of a MAC address that begins with 4", L::Ethernet,
       eth(0x8847, hex("00011140 440000000001 02000000000a 0800") + kIp4),
       "ip; type 8847; mpls; l3 at 14; link 10.42.0.9 > 203.0.113.7 hl 64 at 32, protocol 6 1025>443 flags 24 seq "
       "16909060, data 72+4"},
      // Without the control word its source address would hold an EtherType, too.
      {"MPLS, pseudowire that may be read both ways", L::Ethernet,
       eth(0x8847, hex("00011140 00000000 02000000000b 02000800000a 0800") + kIp4),
       "ip; type 8847; mpls; l3 at 14; link 10.42.0.9 > 203.0.113.7 hl 64 at 36, protocol 6 1025>443 flags 24 seq "
       "16909060, data 76+4"},
      {"MPLS, ARP in a pseudowire", L::Ethernet,
       eth(0x8847, hex("00011140 00000000") + eth(0x0806, std::string(28, 'x'))),
       "not-ip: ARP inside a tunnel; type 8847; mpls; l3 at 14"},
      {"MPLS, associated channel", L::Ethernet,
       eth(0x8847, hex("00011140 10000021 00000000 00000000 00000000 00000000")),
       "not-ip: an associated channel of MPLS; type 8847; mpls; l3 at 14"},
      {"MPLS, what cannot be told", L::Ethernet, eth(0x8847, hex("00011140") + std::string(40, '\x8f')),
       "unsupported: what stands behind the MPLS labels cannot be told; type 8847; mpls; l3 at 14"},
      {"MPLS, no bottom of the stack", L::Ethernet, eth(0x8847, hex("00010040 00011040")),
       "malformed: the frame ends inside the MPLS label stack; type 8847; mpls; l3 at 14"},
      {"Ethernet header cut", L::Ethernet, kMac, "truncated: the capture ends inside an Ethernet header", 60},
      {"Ethernet header that is not there", L::Ethernet, kMac, "malformed: the frame ends inside an Ethernet header"},
      {"tag cut", L::Ethernet, eth(0x8100, hex("0064")), "truncated: the capture ends inside a VLAN tag", 60},
      {"PPP", L::Ppp, hex("0021") + kIp4,
       "ip; l3 at 2; link 10.42.0.9 > 203.0.113.7 hl 64 at 2, protocol 6 1025>443 flags 24 seq 16909060, data 42+4"},
      {"PPP, framed, compressed protocol field", L::Ppp, hex("ff03 57") + kIp6,
       "ip; l3 at 3; link fd00:42::9 > 2001:db8::7 hl 63 at 3, protocol 17 1025>53, data 51+3"},
      {"PPP in HDLC", L::PppHdlc, hex("ff03 0021") + kIp4,
       "ip; l3 at 4; link 10.42.0.9 > 203.0.113.7 hl 64 at 4, protocol 6 1025>443 flags 24 seq 16909060, data 44+4"},
      {"PPP, other control field", L::PppHdlc, hex("ff13 0021") + kIp4, "malformed: a PPP control field other than 3"},
      {"Cisco HDLC", L::PppHdlc, hex("0f00 0800") + kIp4,
       "ip; type 0800; l3 at 4; link 10.42.0.9 > 203.0.113.7 hl 64 at 4, protocol 6 1025>443 flags 24 seq 16909060, "
       "data 44+4"},
      {"Cisco HDLC under the number of PPP", L::Ppp, hex("8f00 0800") + kIp4,
       "ip; type 0800; l3 at 4; link 10.42.0.9 > 203.0.113.7 hl 64 at 4, protocol 6 1025>443 flags 24 seq 16909060, "
       "data 44+4"},
      {"Cisco HDLC, keepalive", L::PppHdlc, hex("8f00 8035 0000000200000000"),
       "not-ip: a Cisco HDLC frame that carries no IP"},
      {"PPP, MPLS", L::Ppp, hex("0281 00011140") + kIp4,
       "ip; mpls; l3 at 6; link 10.42.0.9 > 203.0.113.7 hl 64 at 6, protocol 6 1025>443 flags 24 seq 16909060, data "
       "46+4"},
      {"PPP, bridged Ethernet", L::Ppp, hex("0031 00 01") + eth(0x0800, kIp4),
       "ip; type 0800; l3 at 18; link 10.42.0.9 > 203.0.113.7 hl 64 at 18, protocol 6 1025>443 flags 24 seq 16909060, "
       "data 58+4"},
      {"PPP, compressed", L::Ppp, hex("00fd 1000") + kIp4, "opaque by link: compressed by PPP"},
      {"PPP, encrypted", L::Ppp, hex("0053 1000") + kIp4, "opaque by link: encrypted by PPP"},
      {"PPP, multilink", L::Ppp, hex("003d c000") + kIp4, "unsupported: a part of a packet over PPP Multilink"},
      {"PPP, IPX", L::Ppp, hex("002b ffff"), "not-ip: a PPP protocol that carries no IP"},
      {"PPPoE as link type", L::PppEther,
       hex("11 00 0001") + u16(static_cast<unsigned>(2 + kIp4.size())) + hex("0021") + kIp4,
       "ip; pppoe; l3 at 8; link 10.42.0.9 > 203.0.113.7 hl 64 at 8, protocol 6 1025>443 flags 24 seq 16909060, data "
       "48+4"},
      {"cooked, out", L::LinuxSll, hex("0004 0001 0006 02000000000a 0000 0800") + kIp4,
       "ip; transmitted; type 0800; l3 at 16; link 10.42.0.9 > 203.0.113.7 hl 64 at 16, protocol 6 1025>443 flags 24 "
       "seq 16909060, data 56+4"},
      {"cooked, in", L::LinuxSll, hex("0000 0001 0006 02000000000a 0000 86dd") + kIp6,
       "ip; received; type 86dd; l3 at 16; link fd00:42::9 > 2001:db8::7 hl 63 at 16, protocol 17 1025>53, data 64+3"},
      {"cooked, for another host", L::LinuxSll, hex("0003 0001 0006 02000000000a 0000 0806") + std::string(28, 'x'),
       "arp; received; type 0806; l3 at 16"},
      {"cooked, LLC", L::LinuxSll, hex("0001 0001 0006 02000000000a 0000 0004 424203 00"),
       "not-ip: LLC without an EtherType; received"},
      {"cooked, netlink", L::LinuxSll, hex("0004 0338 0000 0000000000000000 0000 00000000"),
       "not-ip: a netlink message; transmitted"},
      {"cooked v2, out", L::LinuxSll2, hex("0800 0000 00000003 0001 04 06 02000000000a 0000") + kIp4,
       "ip; transmitted; interface 3; type 0800; l3 at 20; link 10.42.0.9 > 203.0.113.7 hl 64 at 20, protocol 6 "
       "1025>443 flags 24 seq 16909060, data 60+4"},
      {"cooked v2, no Ethernet", L::LinuxSll2, hex("86dd 0000 00000009 fffe 00 00 0000000000000000") + kIp6,
       "ip; received; interface 9; type 86dd; l3 at 20; link fd00:42::9 > 2001:db8::7 hl 63 at 20, protocol 17 "
       "1025>53, data 68+3"},
      {"cooked v2, tagged", L::LinuxSll2, hex("8100 0000 00000003 0001 04 06 02000000000a 0000 0064 0800") + kIp4,
       "ip; transmitted; interface 3; vlan 100 of 1; type 0800; l3 at 24; link 10.42.0.9 > 203.0.113.7 hl 64 at 24, "
       "protocol 6 1025>443 flags 24 seq 16909060, data 64+4"},
      {"cooked v2, VLAN id in the place of the type", L::LinuxSll2,
       hex("0064 0000 00000003 0001 04 06 02000000000a 0000 0800") + kIp4,
       "ip; transmitted; interface 3; vlan 100 of 1; type 0800; l3 at 22; link 10.42.0.9 > 203.0.113.7 hl 64 at 22, "
       "protocol 6 1025>443 flags 24 seq 16909060, data 62+4"},
      {"cooked, the same, IPv6 and a priority", L::LinuxSll, hex("0004 0001 0006 02000000000a 0000 e064 86dd") + kIp6,
       "ip; transmitted; vlan 100 of 1; type 86dd; l3 at 18; link fd00:42::9 > 2001:db8::7 hl 63 at 18, protocol 17 "
       "1025>53, data 66+3"},
      {"cooked v2, the same, and no header that fits", L::LinuxSll2,
       hex("0064 0000 00000003 0001 04 06 02000000000a 0000 0800 55") + kIp4,
       "not-ip: a protocol that has no EtherType; transmitted; interface 3"},
      {"cooked, cut", L::LinuxSll, hex("0004 0001 0006 0200"),
       "truncated: the capture ends inside a Linux cooked header", 100},
      {"raw, IPv4", L::Raw, kIp4,
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 6 1025>443 flags 24 seq 16909060, data 40+4"},
      {"raw, IPv6, BSD", L::RawBsd, kIp6,
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, protocol 17 1025>53, data 48+3"},
      {"raw, IPv6, OpenBSD", L::RawOpenBsd, kIp6,
       "ip; l3 at 0; link fd00:42::9 > 2001:db8::7 hl 63 at 0, protocol 17 1025>53, data 48+3"},
      {"raw, version 5", L::Raw, hex("55") + kIp4, "malformed: neither version 4 nor 6 where an IP header belongs"},
      {"raw, nothing", L::Raw, "", "malformed: nothing where an IP header belongs"},
      {"IPv4 by link type", L::Ipv4, kIp4,
       "ip; l3 at 0; link 10.42.0.9 > 203.0.113.7 hl 64 at 0, protocol 6 1025>443 flags 24 seq 16909060, data 40+4"},
      {"IPv6 by link type, and it is IPv4", L::Ipv6, kIp4 + kIp4, "malformed: not version 6 in an IPv6 header"},
      {"loopback, little-endian", L::Null, hex("02000000") + kIp4,
       "ip; l3 at 4; link 10.42.0.9 > 203.0.113.7 hl 64 at 4, protocol 6 1025>443 flags 24 seq 16909060, data 44+4"},
      {"loopback, big-endian", L::Null, hex("0000001e") + kIp6,
       "ip; l3 at 4; link fd00:42::9 > 2001:db8::7 hl 63 at 4, protocol 17 1025>53, data 52+3"},
      {"loopback, FreeBSD", L::Null, hex("1c000000") + kIp6,
       "ip; l3 at 4; link fd00:42::9 > 2001:db8::7 hl 63 at 4, protocol 17 1025>53, data 52+3"},
      {"loopback, Linux", L::Null, hex("0a000000") + kIp6,
       "ip; l3 at 4; link fd00:42::9 > 2001:db8::7 hl 63 at 4, protocol 17 1025>53, data 52+3"},
      {"loopback, AppleTalk", L::Null, hex("10000000 00"), "not-ip: a loopback packet of another address family"},
      {"OpenBSD loopback", L::Loop, hex("00000018") + kIp6,
       "ip; l3 at 4; link fd00:42::9 > 2001:db8::7 hl 63 at 4, protocol 17 1025>53, data 52+3"},
      {"OpenBSD loopback, the other order", L::Loop, hex("18000000") + kIp6,
       "not-ip: a loopback packet of another address family"},
      {"NFLOG", L::Nflog,
       hex("02 00 0001 0800 0100 0800 03 00 0800 0500 00000002 0500 0a00 61 000000") +  // prefix "a"
           std::string(1, static_cast<char>(kIp4.size() + 4)) + hex("00 0900") + kIp4,
       "ip; l3 at 32; link 10.42.0.9 > 203.0.113.7 hl 64 at 32, protocol 6 1025>443 flags 24 seq 16909060, data 72+4"},
      {"NFLOG, big-endian", L::Nflog,
       hex("0a 00 0001 0008 0001 86dd 0300") + u16(static_cast<unsigned>(kIp6.size() + 4)) + hex("0009") + kIp6,
       "ip; l3 at 16; link fd00:42::9 > 2001:db8::7 hl 63 at 16, protocol 17 1025>53, data 64+3"},
      {"NFLOG of a bridge", L::Nflog,
       hex("07 00 0001 0008 0001 0800 0300") + u16(static_cast<unsigned>(kIp4.size() + 4)) + hex("0009") + kIp4,
       "ip; type 0800; l3 at 16; link 10.42.0.9 > 203.0.113.7 hl 64 at 16, protocol 6 1025>443 flags 24 seq 16909060, "
       "data 56+4"},
      {"NFLOG without packet", L::Nflog, hex("02 00 0001 0800 0100 0800 0300"),
       "malformed: the frame ends inside an NFLOG message"},
      {"NFLOG, attribute of no length", L::Nflog, hex("02 00 0001 0800 0100 0800 0300 0000 0900"),
       "malformed: an NFLOG attribute of less than 4 bytes"},
      {"PPI", L::Ppi, hex("00 00 0c00 01000000 ffff0000") + eth(0x0800, kIp4),
       "ip; type 0800; l3 at 26; link 10.42.0.9 > 203.0.113.7 hl 64 at 26, protocol 6 1025>443 flags 24 seq 16909060, "
       "data 66+4"},
      {"PPI, 802.11", L::Ppi, hex("00 00 0800 69000000") + eth(0x0800, kIp4),
       "unsupported: a link type other than Ethernet behind a PPI header"},
      {"Frame Relay", L::FrameRelay, hex("1841 03 cc") + kIp4,
       "ip; l3 at 4; link 10.42.0.9 > 203.0.113.7 hl 64 at 4, protocol 6 1025>443 flags 24 seq 16909060, data 44+4"},
      {"Frame Relay, SNAP", L::FrameRelay, hex("1841 03 00 80 000000 86dd") + kIp6,
       "ip; type 86dd; l3 at 10; link fd00:42::9 > 2001:db8::7 hl 63 at 10, protocol 17 1025>53, data 58+3"},
      {"Frame Relay, bridged", L::FrameRelay, hex("1841 03 00 80 0080c2 0007") + eth(0x0800, kIp4),
       "ip; type 0800; l3 at 24; link 10.42.0.9 > 203.0.113.7 hl 64 at 24, protocol 6 1025>443 flags 24 seq 16909060, "
       "data 64+4"},
      {"Frame Relay, Cisco", L::FrameRelay, hex("1841 0800") + kIp4,
       "ip; type 0800; l3 at 4; link 10.42.0.9 > 203.0.113.7 hl 64 at 4, protocol 6 1025>443 flags 24 seq 16909060, "
       "data 44+4"},
      {"Frame Relay, Q.933", L::FrameRelay, hex("0001 03 08 00 75"), "not-ip: a Frame Relay frame that carries no IP"},
      {"unknown link type", static_cast<LinkType>(105), eth(0x0800, kIp4),
       "unsupported: a link type that is not known"},
  };
}

TEST_CASE("packet: links") { check(link_rows()); }

// Two words on the direction that contradict each other are none.
TEST_CASE("packet: direction of the file and of the cooked header") {
  struct DirectionRow {
    Direction file;
    const char* type;
    Direction expected;
  };
  const DirectionRow rows[] = {
      {Direction::Unknown, "0004", Direction::Transmitted}, {Direction::Unknown, "0002", Direction::Received},
      {Direction::Unknown, "0006", Direction::Unknown},     {Direction::Received, "0006", Direction::Received},
      {Direction::Received, "0001", Direction::Received},   {Direction::Received, "0004", Direction::Unknown},
      {Direction::Transmitted, "0000", Direction::Unknown}, {Direction::Transmitted, "0004", Direction::Transmitted},
  };
  for (const DirectionRow& row : rows) {
    const std::string bytes = hex(row.type) + hex("0001 0006 02000000000a 0000 0800") + kIp4;
    Frame frame;
    frame.bytes = Bytes(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    frame.original = static_cast<std::uint32_t>(bytes.size());
    frame.link = LinkType::LinuxSll;
    frame.direction = row.file;
    Packet packet;
    decode(frame, {}, packet);
    INFO(row.type << " " << static_cast<int>(row.file));
    CHECK(packet.direction == row.expected);
  }
}

TEST_CASE("packet: addresses of the outermost Ethernet header, or of the cooked one") {
  const MacAddress b{2, 0, 0, 0, 0, 11}, a{2, 0, 0, 0, 0, 10};
  Packet packet;
  const auto read = [&](LinkType link, const std::string& bytes) {
    Frame frame;
    frame.bytes = Bytes(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    frame.original = static_cast<std::uint32_t>(bytes.size());
    frame.link = link;
    decode(frame, {}, packet);
  };
  read(LinkType::Ethernet, eth(0x8847, hex("00011140 00000000 0200000000ff 0200000000fe 0800") + kIp4));
  CHECK(packet.has_macs);
  CHECK(packet.destination_mac == b);
  CHECK(packet.source_mac == a);
  read(LinkType::Ethernet, eth(0x88e7, hex("00012345 0200000000ff 0200000000fe 0800") + kIp4));
  CHECK(packet.destination_mac == b);
  read(LinkType::LinuxSll, hex("0004 0001 0006 02000000000a 0000 0800") + kIp4);
  CHECK(packet.has_macs);
  CHECK(packet.source_mac == a);
  CHECK(packet.destination_mac == MacAddress{});
  read(LinkType::LinuxSll, hex("0004 fffe 0000 0000000000000000 0800") + kIp4);
  CHECK_FALSE(packet.has_macs);
  read(LinkType::Raw, kIp4);
  CHECK_FALSE(packet.has_macs);
}

}  // namespace airtight::audit
