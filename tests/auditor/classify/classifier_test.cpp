#include "auditor/classify/classifier.h"

#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tests/auditor/classify/classifier_bench.h"

namespace airtight::audit {
namespace {

using namespace test;

struct Row {
  const char* name;
  std::string frame;
  std::string_view expected;
  Role role = Role::Uplink;
  Direction direction = Direction::Unknown;
};
// Each row on a classifier that has seen nothing.
void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    Bench bench;
    if (row.role == Role::PodSide) bench.point = bench.pod;
    bench.direction = row.direction;
    INFO(row.name);
    CHECK(bench.see(row.frame) == row.expected);
  }
}
constexpr Role kPod = Role::PodSide;
constexpr Direction kIn = Direction::Received, kOut = Direction::Transmitted;

TEST_CASE("classifier: addresses at an uplink") {
  check({
      {"to the outside", syn("10.42.1.5", "198.51.100.9", 443),
       "escape\n"
       "AT-A001 escape violated 10.42.1.5 > 198.51.100.9 p6 port 443"},
      {"to the outside, sent", syn("10.42.1.5", "198.51.100.9", 443),
       "escape\n"
       "AT-A001 escape violated 10.42.1.5 > 198.51.100.9 p6 port 443",
       Role::Uplink, kOut},
      {"to the outside, received", syn("10.42.1.5", "198.51.100.9", 443),
       "outside-inbound\n"
       "AT-A014 outside-inbound listed 10.42.1.5 > 198.51.100.9 p6 port 443",
       Role::Uplink, kIn},
      {"midway", v4(6, "10.42.1.5", "198.51.100.9", flagged(kAck, 40'000, 443)),
       "escape\n"
       "AT-A001 escape violated 10.42.1.5 > 198.51.100.9 p6 port 443 guessed"},
      {"to a catalogued address", syn("10.42.1.5", "15.197.85.80", 443),
       "escape\n"
       "AT-A001 escape violated 10.42.1.5 > 15.197.85.80 p6 port 443 {xpander.ai Cloud: xpander Cloud}"},
      {"IPv6", v6(17, "fd00:42::5", "2001:db8::1", udp(5, 9999)),
       "escape\n"
       "AT-A001 escape violated fd00:42::5 > 2001:db8::1 p17 port 9999"},
      {"IPv6 to a catalogued address", v6(17, "fd00:42::5", "2606:4700:4700::1111", udp(5, 9999)),
       "escape\n"
       "AT-A001 escape violated fd00:42::5 > 2606:4700:4700::1111 p17 port 9999 {Public DoH and DoT resolvers: "
       "Cloudflare}"},
      {"from the outside", syn("198.51.100.9", "10.10.0.3", 22),
       "outside-inbound\n"
       "AT-A013 outside-inbound listed 198.51.100.9 > 10.10.0.3 p6 port 22",
       Role::Uplink, kIn},
      {"from the outside, sent", syn("198.51.100.9", "10.10.0.3", 22),
       "outside-inbound\n"
       "AT-A013 outside-inbound listed 198.51.100.9 > 10.10.0.3 p6 port 22",
       Role::Uplink, kOut},
      {"reply to the outside", v4(6, "10.10.0.3", "198.51.100.9", flagged(kSyn | kAck, 22, 40'000)),
       "escape\n"
       "AT-A002 escape violated 10.10.0.3 > 198.51.100.9 p6 port 22"},
      {"between outsiders", syn("198.51.100.9", "192.0.2.1", 22),
       "escape\n"
       "AT-A001 escape violated 198.51.100.9 > 192.0.2.1 p6 port 22"},
      {"declared", syn("10.42.1.5", "10.20.0.10", 8000), "inside-declared"},
      {"declared, IPv6", v6(6, "fd00:42::5", "fd00:20::10", flagged(kSyn, 40'000, 8000)), "inside-declared"},
      {"declared, the answer alone", v4(6, "10.20.0.10", "10.42.1.5", flagged(kAck, 8000, 40'000)), "inside-declared"},
      {"declared, the SYN-ACK alone", v4(6, "10.20.0.10", "10.42.1.5", flagged(kSyn | kAck, 8000, 40'000)),
       "inside-declared"},
      {"the other way round", syn("10.20.0.10", "10.42.1.5", 8000, 8000),
       "inside-undeclared\n"
       "AT-A012 inside-undeclared listed 10.20.0.10 > 10.42.1.5 p6 port 8000"},
      {"another port", syn("10.42.1.5", "10.20.0.10", 8001),
       "inside-undeclared\n"
       "AT-A012 inside-undeclared listed 10.42.1.5 > 10.20.0.10 p6 port 8001"},
      {"another port, the answer alone", v4(6, "10.20.0.10", "10.42.1.5", flagged(kSyn | kAck, 8001, 40'000)),
       "inside-undeclared\n"
       "AT-A012 inside-undeclared listed 10.42.1.5 > 10.20.0.10 p6 port 8001"},
      {"in the cluster", syn("10.42.1.5", "10.42.2.5", 7000), "inside-cluster"},
      {"in the cluster, declared", syn("10.42.1.5", "10.42.2.5", 9018), "inside-declared"},
      {"DNS over TLS, inside", syn("10.42.1.5", "10.20.0.10", 853),
       "inside-undeclared\n"
       "AT-A012 inside-undeclared listed 10.42.1.5 > 10.20.0.10 p6 port 853\n"
       "AT-A028 encrypted-dns listed 10.42.1.5 > 10.20.0.10 p6 port 853 (port 853)"},
      {"DNS over QUIC, inside", v4(17, "10.42.1.5", "10.20.0.10", udp(40'000, 853)),
       "inside-undeclared\n"
       "AT-A012 inside-undeclared listed 10.42.1.5 > 10.20.0.10 p17 port 853\n"
       "AT-A028 encrypted-dns listed 10.42.1.5 > 10.20.0.10 p17 port 853 (port 853)"},
      {"echo request to the outside", v4(1, "10.42.1.5", "198.51.100.9", hex("0800 0000 0007 0001")),
       "escape\n"
       "AT-A001 escape violated 10.42.1.5 > 198.51.100.9 p1"},
      {"protocol 89", v4(89, "10.10.0.3", "198.51.100.9", "abcd"),
       "escape\n"
       "AT-A001 escape violated 10.10.0.3 > 198.51.100.9 p89"},
      {"declared multicast", v4(112, "10.10.0.3", "224.0.0.18", "abcd"), "link-local"},
      {"declared multicast by a pod", v4(112, "10.42.1.5", "224.0.0.18", "abcd"),
       "escape\n"
       "AT-A001 escape violated 10.42.1.5 > 224.0.0.18 p112"},
      {"undeclared multicast", v4(17, "10.10.0.3", "239.1.2.3", udp(5, 6)),
       "escape\n"
       "AT-A001 escape violated 10.10.0.3 > 239.1.2.3 p17 port 6"},
      {"broadcast", v4(17, "10.10.0.3", "255.255.255.255", udp(5, 6)),
       "escape\n"
       "AT-A001 escape violated 10.10.0.3 > 255.255.255.255 p17 port 6"},
      {"SCTP", v4(132, "10.42.1.5", "198.51.100.9", hex("1388 1389 00000000 00000000")),
       "escape\n"
       "AT-A001 escape violated 10.42.1.5 > 198.51.100.9 p132 port 5001"},
      {"embedded", v6(17, "fd00:42::5", "fd00:10::5efe:c633:6409", udp(5, 9999)),
       "tunnel\n"
       "AT-A015 tunnel listed fd00:42::5 > fd00:10::5efe:c633:6409 p17 port 9999 (198.51.100.9, ISATAP (RFC 5214))"},
      {"embedded, inside", v6(17, "fd00:42::5", "fd00:10::5efe:0a2a:0101", udp(5, 9999)), "inside-cluster"},
  });
}

TEST_CASE("classifier: the same at a pod side") {
  check({
      {"to the outside", syn("10.42.1.5", "198.51.100.9", 443),
       "unresolved\n"
       "AT-A008 unresolved inconclusive 10.42.1.5 > 198.51.100.9 p6 port 443",
       kPod},
      {"to the outside, from the pod", syn("10.42.1.5", "198.51.100.9", 443),
       "unresolved\n"
       "AT-A008 unresolved inconclusive 10.42.1.5 > 198.51.100.9 p6 port 443",
       kPod, kIn},
      {"to the outside, to the pod", syn("10.42.1.5", "198.51.100.9", 443),
       "outside-inbound\n"
       "AT-A014 outside-inbound listed 10.42.1.5 > 198.51.100.9 p6 port 443",
       kPod, kOut},
      {"reply to the outside", v4(6, "10.42.1.5", "198.51.100.9", flagged(kSyn | kAck, 22, 40'000)),
       "unresolved\n"
       "AT-A008 unresolved inconclusive 10.42.1.5 > 198.51.100.9 p6 port 22",
       kPod},
      {"from the outside", syn("198.51.100.9", "10.42.1.5", 22),
       "outside-inbound\n"
       "AT-A013 outside-inbound listed 198.51.100.9 > 10.42.1.5 p6 port 22",
       kPod, kOut},
      {"exception", syn("10.42.1.5", "203.0.113.7", 443),
       "excepted\n"
       "AT-A006 excepted listed 10.42.1.5 > 203.0.113.7 p6 port 443 (SEC-12)",
       kPod},
      {"exception, another port", syn("10.42.1.5", "203.0.113.7", 444),
       "unresolved\n"
       "AT-A008 unresolved inconclusive 10.42.1.5 > 203.0.113.7 p6 port 444",
       kPod},
      {"tag", eth(0x8100, hex("0064 0800") + ip4(6, "10.42.1.5", "10.20.0.10", flagged(kSyn, 4, 8000))),
       "non-ip\n"
       "AT-A011 non-ip listed type 33024 (VLAN 100)",
       kPod},
      {"EtherType", eth(0x88e1, hex("00000000")),
       "non-ip\n"
       "AT-A010 non-ip listed type 35041 (an EtherType that carries no IP)",
       kPod},
      {"malformed", eth(0x0800, hex("43 00")),
       "undecodable\n"
       "AT-A051 undecodable listed (no room for an IPv4 header)",
       kPod},
      {"tunnel to the outside", v4(4, "10.42.1.5", "10.20.0.10", ip4(6, "10.42.1.5", "198.51.100.9", tcp(1, 2))),
       "tunnel\n"
       "AT-A012 inside-undeclared listed 10.42.1.5 > 10.20.0.10 p4\n"
       "AT-A030 tunnel inconclusive 10.42.1.5 > 198.51.100.9 p6 port 2 (ip-in-ip, level 2) guessed",
       kPod},
      {"outside name", v4(17, "10.42.1.5", "10.20.0.10", udp(40'000, 53, dns(kOutsideName))),
       "outside-name\n"
       "AT-A012 inside-undeclared listed 10.42.1.5 > 10.20.0.10 p17 port 53\n"
       "AT-A020 outside-name violated 10.42.1.5 > 10.20.0.10 p17 port 53 api.openai.com {Hosted LLM providers: OpenAI}",
       kPod},
      {"router advertisement", v6(58, "fe80::1", "ff02::1", hex("8600 0000 40 00 0708 00000000 00000000")),
       "unresolved\n"
       "AT-A008 unresolved inconclusive fe80::1 > ff02::1 p58",
       kPod},
  });
}

TEST_CASE("classifier: exceptions") {
  check({
      {"by a pod", syn("10.42.1.5", "203.0.113.7", 443),
       "excepted\n"
       "AT-A006 excepted listed 10.42.1.5 > 203.0.113.7 p6 port 443 (SEC-12)"},
      {"another port", syn("10.42.1.5", "203.0.113.7", 444),
       "escape\n"
       "AT-A003 escape violated 10.42.1.5 > 203.0.113.7 p6 port 444 (SEC-12 is for 443/tcp)"},
      {"by a node", syn("10.10.0.3", "203.0.113.7", 443),
       "excepted\n"
       "AT-A007 excepted inconclusive 10.10.0.3 > 203.0.113.7 p6 port 443 (SEC-12 is for pods, and a node's address is "
       "their sender)"},
      {"by another", syn("10.30.0.3", "203.0.113.7", 443),
       "escape\n"
       "AT-A003 escape violated 10.30.0.3 > 203.0.113.7 p6 port 443 (SEC-12 is another's)"},
      {"expired", v4(17, "10.10.0.3", "203.0.113.8", udp(123, 123)),
       "escape\n"
       "AT-A004 escape violated 10.10.0.3 > 203.0.113.8 p17 port 123 (SEC-13, expired 2026-01-31)"},
      {"on its last day", v4(17, "10.10.0.3", "203.0.113.10", udp(123, 123)),
       "excepted\n"
       "AT-A006 excepted listed 10.10.0.3 > 203.0.113.10 p17 port 123 (SEC-14)"},
      {"a node's, by a pod", v4(17, "10.42.1.5", "203.0.113.10", udp(123, 123)),
       "escape\n"
       "AT-A003 escape violated 10.42.1.5 > 203.0.113.10 p17 port 123 (SEC-14 is another's)"},
      {"the answer alone", v4(6, "203.0.113.7", "10.42.1.5", flagged(kAck, 443, 40'000)),
       "excepted\n"
       "AT-A006 excepted listed 10.42.1.5 > 203.0.113.7 p6 port 443 (SEC-12) guessed"},
      {"the answer alone, received", v4(6, "203.0.113.7", "10.42.1.5", flagged(kSyn | kAck, 443, 40'000)),
       "excepted\n"
       "AT-A006 excepted listed 10.42.1.5 > 203.0.113.7 p6 port 443 (SEC-12)",
       Role::Uplink, kIn},
      {"opened from there", syn("203.0.113.7", "10.42.1.5", 40'000, 443),
       "outside-inbound\n"
       "AT-A013 outside-inbound listed 203.0.113.7 > 10.42.1.5 p6 port 40000"},
      {"an answer to somebody who opened from there",
       v4(6, "10.42.1.5", "203.0.113.7", flagged(kSyn | kAck, 40'000, 443)),
       "escape\n"
       "AT-A002 escape violated 10.42.1.5 > 203.0.113.7 p6 port 40000"},
      {"a name where the exception leads",
       v4(6, "10.42.1.5", "203.0.113.7", flagged(kAck, 40'000, 443, client_hello("api.openai.com"))),
       "excepted\n"
       "AT-A006 excepted listed 10.42.1.5 > 203.0.113.7 p6 port 443 (SEC-12) guessed\n"
       "AT-A024 outside-name-in-tls listed 10.42.1.5 > 203.0.113.7 p6 port 443 api.openai.com (TLS server name) "
       "{Hosted LLM providers: OpenAI} guessed"},
  });
  Bench bench;
  bench.time = kNoTime;
  CHECK(bench.see(syn("10.42.1.5", "203.0.113.7", 443)) ==
        "excepted\n"
        "AT-A007 excepted inconclusive 10.42.1.5 > 203.0.113.7 p6 port 443 (SEC-12, but the packet has no time)");
}

TEST_CASE("classifier: frames that are not IP, tags and local messages") {
  check({
      {"undeclared EtherType", eth(0x88e1, hex("00000000")),
       "non-ip\n"
       "AT-A010 non-ip violated type 35041 (an EtherType that carries no IP)"},
      {"undeclared EtherType, received", eth(0x88e1, hex("00000000")), "non-ip", Role::Uplink, kIn},
      {"declared EtherType", eth(0x88cc, hex("00000000")), "link-local"},
      {"LLC", eth(0x0004, hex("42420300")),
       "non-ip\n"
       "AT-A010 non-ip violated (LLC without an EtherType)"},
      {"tag", eth(0x8100, hex("0064 0800") + ip4(6, "10.42.1.5", "10.20.0.10", flagged(kSyn, 4, 8000))),
       "non-ip\n"
       "AT-A011 non-ip violated type 33024 (VLAN 100)"},
      {"tag, to the outside", eth(0x8100, hex("0064 0800") + ip4(6, "10.42.1.5", "198.51.100.9", flagged(kSyn, 4, 80))),
       "non-ip\n"
       "AT-A011 non-ip violated type 33024 (VLAN 100)\n"
       "AT-A001 escape violated 10.42.1.5 > 198.51.100.9 p6 port 80"},
      {"tag, received", eth(0x8100, hex("0064 0800") + ip4(6, "10.42.1.5", "10.20.0.10", flagged(kSyn, 4, 8000))),
       "inside-declared", Role::Uplink, kIn},
      {"MPLS", eth(0x8847, hex("00001140") + ip4(6, "10.42.1.5", "10.20.0.10", flagged(kSyn, 4, 8000))),
       "non-ip\n"
       "AT-A010 non-ip violated type 34887"},
      {"ARP", eth(0x0806, hex("0001 0800 06 04 0001 02000000000a 0a0a0001 000000000000 0a0a0002")), "link-local"},
      {"ARP with something behind",
       eth(0x0806, hex("0001 0800 06 04 0001 02000000000a 0a0a0001 000000000000 0a0a0002 41")),
       "undecodable\n"
       "AT-A053 undecodable inconclusive"},
      {"neighbour solicitation that a router passed on",
       v6(58, "fe80::1", "ff02::1:ff00:5", hex("8700 0000 00000000 fd000010000000000000000000000005")),
       "escape\n"
       "AT-A001 escape violated fe80::1 > ff02::1:ff00:5 p58"},
      {"DHCP client",
       v4(17, "0.0.0.0", "255.255.255.255",
          udp(68, 67,
              hex("01010600 12345678 00000000 00000000 00000000 00000000 00000000 02000000000a") +
                  std::string(202, '\0') + hex("63825363 350101 ff"))),
       "link-local"},
      {"malformed", eth(0x0800, hex("43 00 0014")),
       "undecodable\n"
       "AT-A051 undecodable inconclusive (no room for an IPv4 header)"},
      {"malformed, received", eth(0x0800, hex("43 00 0014")),
       "undecodable\n"
       "AT-A051 undecodable listed (no room for an IPv4 header)",
       Role::Uplink, kIn},
  });
  Bench cut;
  cut.missing = 40;
  CHECK(cut.see(eth(0x0800, hex("45 00 003c"))) ==
        "undecodable\n"
        "AT-A050 undecodable inconclusive (the capture ends inside an IPv4 header)");
  Bench unknown;
  unknown.link = static_cast<LinkType>(199);
  CHECK(unknown.see(hex("0102030405")) ==
        "undecodable\n"
        "AT-A052 undecodable inconclusive (a link type that is not known)");
}

TEST_CASE("classifier: tunnels") {
  const std::string out = ip4(6, "10.42.1.5", "198.51.100.9", flagged(kSyn, 40'000, 443));
  const std::string in = ip4(6, "10.42.1.5", "10.20.0.10", flagged(kSyn, 40'000, 8000));
  const std::string vxlan = hex("08000000 00000100");
  check({
      {"outside in IPIP", v4(4, "10.42.1.5", "10.20.0.10", out),
       "tunnel\n"
       "AT-A012 inside-undeclared listed 10.42.1.5 > 10.20.0.10 p4\n"
       "AT-A030 tunnel violated 10.42.1.5 > 198.51.100.9 p6 port 443 (ip-in-ip, level 2)"},
      {"outside in IPIP, received", v4(4, "10.42.1.5", "10.20.0.10", out),
       "inside-undeclared\n"
       "AT-A012 inside-undeclared listed 10.42.1.5 > 10.20.0.10 p4\n"
       "AT-A014 outside-inbound listed 10.42.1.5 > 198.51.100.9 p6 port 443",
       Role::Uplink, kIn},
      {"inside in IPIP", v4(4, "10.42.1.5", "10.20.0.10", in),
       "inside-undeclared\n"
       "AT-A012 inside-undeclared listed 10.42.1.5 > 10.20.0.10 p4"},
      {"inside in a declared tunnel", v4(17, "10.10.0.3", "10.10.0.4", udp(50'000, 8472, vxlan + eth(0x0800, in))),
       "inside-declared"},
      {"outside in a declared tunnel", v4(17, "10.10.0.3", "10.10.0.4", udp(50'000, 7777, vxlan + eth(0x0800, out))),
       "tunnel\n"
       "AT-A030 tunnel violated 10.42.1.5 > 198.51.100.9 p6 port 443 (vxlan, level 2)"},
      {"outside in a tunnel to the outside", v4(4, "10.42.1.5", "192.0.2.9", out),
       "escape\n"
       "AT-A001 escape violated 10.42.1.5 > 192.0.2.9 p4\n"
       "AT-A030 tunnel violated 10.42.1.5 > 198.51.100.9 p6 port 443 (ip-in-ip, level 2)"},
      {"exception in a tunnel",
       v4(4, "10.42.1.5", "10.20.0.10", ip4(6, "10.42.1.5", "203.0.113.7", flagged(kSyn, 1, 443))),
       "inside-undeclared\n"
       "AT-A012 inside-undeclared listed 10.42.1.5 > 10.20.0.10 p4\n"
       "AT-A006 excepted listed 10.42.1.5 > 203.0.113.7 p6 port 443 (SEC-12)"},
      {"ESP to an undeclared peer", v4(50, "10.42.1.5", "10.30.0.9", hex("00000001 00000001 00000000")),
       "tunnel\n"
       "AT-A012 inside-undeclared listed 10.42.1.5 > 10.30.0.9 p50\n"
       "AT-A031 tunnel inconclusive 10.42.1.5 > 10.30.0.9 p50 (encrypted by ESP)"},
      {"ESP in the cluster", v4(50, "10.10.0.3", "10.10.0.4", hex("00000001 00000001 00000000")),
       "tunnel\n"
       "AT-A031 tunnel inconclusive 10.10.0.3 > 10.10.0.4 p50 (encrypted by ESP)"},
      {"ESP to the outside", v4(50, "10.10.0.3", "198.51.100.9", hex("00000001 00000001 00000000")),
       "escape\n"
       "AT-A001 escape violated 10.10.0.3 > 198.51.100.9 p50"},
      {"source route", eth(0x0800, ip4(17, "10.42.1.5", "10.20.0.10", udp(1, 8000), hex("83 07 04 c6336409 00"))),
       "escape\n"
       "AT-A005 escape violated 10.42.1.5 > 198.51.100.9 p17 port 8000 (by way of 10.20.0.10)\n"
       "AT-A012 inside-undeclared listed 10.42.1.5 > 10.20.0.10 p17 port 8000"},
      {"source route, received",
       eth(0x0800, ip4(17, "10.42.1.5", "10.20.0.10", udp(1, 8000), hex("83 07 04 c6336409 00"))),
       "inside-undeclared\n"
       "AT-A012 inside-undeclared listed 10.42.1.5 > 10.20.0.10 p17 port 8000",
       Role::Uplink, kIn},
      {"source route inside",
       eth(0x0800, ip4(17, "10.42.1.5", "10.20.0.10", udp(1, 8000), hex("83 07 04 0a14000a 00"))),
       "inside-undeclared\n"
       "AT-A012 inside-undeclared listed 10.42.1.5 > 10.20.0.10 p17 port 8000"},
  });
  std::string deep = out;
  for (int i = 0; i < 9; ++i) deep = ip4(4, "10.42.1.5", "10.20.0.10", deep);
  Bench bench;
  const std::string said = bench.see(eth(0x0800, deep));
  CHECK(said.find("AT-A032") != std::string::npos);
  CHECK(said.find("AT-A030") == std::string::npos);
  CHECK(bench.classifier.counts().undecoded == 1);
}

TEST_CASE("classifier: names") {
  const auto ask = [](std::string_view to, std::string_view name) {
    return v4(17, "10.42.1.5", to, udp(40'000, 53, dns(name)));
  };
  const auto answer = [](std::string_view name, std::string_view flags, unsigned count, std::string_view records) {
    return v4(17, "10.20.0.53", "10.42.1.5", udp(53, 40'000, dns(name, flags, count, records)));
  };
  const auto hello = [](std::string_view to, std::string_view name) {
    return v4(6, "10.42.1.5", to, flagged(kAck, 40'000, 8000, client_hello(name)));
  };
  check({
      {"outside name, declared resolver", ask("10.20.0.53", kOutsideName),
       "outside-name\n"
       "AT-A021 outside-name listed 10.42.1.5 > 10.20.0.53 p17 port 53 api.openai.com {Hosted LLM providers: OpenAI}"},
      {"outside name, cluster DNS", ask("10.43.0.10", kOutsideName),
       "outside-name\n"
       "AT-A021 outside-name listed 10.42.1.5 > 10.43.0.10 p17 port 53 api.openai.com {Hosted LLM providers: OpenAI}"},
      {"outside name, undeclared resolver", ask("10.30.0.53", kOutsideName),
       "outside-name\n"
       "AT-A012 inside-undeclared listed 10.42.1.5 > 10.30.0.53 p17 port 53\n"
       "AT-A020 outside-name violated 10.42.1.5 > 10.30.0.53 p17 port 53 api.openai.com {Hosted LLM providers: "
       "OpenAI}"},
      {"the same, received", ask("10.30.0.53", kOutsideName),
       "inside-undeclared\n"
       "AT-A012 inside-undeclared listed 10.42.1.5 > 10.30.0.53 p17 port 53\n"
       "AT-A020 outside-name listed 10.42.1.5 > 10.30.0.53 p17 port 53 api.openai.com {Hosted LLM providers: OpenAI}",
       Role::Uplink, kIn},
      {"outside name, outside resolver", ask("198.51.100.53", kOutsideName),
       "escape\n"
       "AT-A001 escape violated 10.42.1.5 > 198.51.100.53 p17 port 53\n"
       "AT-A020 outside-name violated 10.42.1.5 > 198.51.100.53 p17 port 53 api.openai.com {Hosted LLM providers: "
       "OpenAI}"},
      {"inside name, outside resolver", ask("198.51.100.53", kInsideName),
       "escape\n"
       "AT-A001 escape violated 10.42.1.5 > 198.51.100.53 p17 port 53"},
      {"inside name, declared resolver", ask("10.20.0.53", kInsideName), "inside-declared"},
      {"denial", answer(kOutsideName, "8183", 0, ""), "inside-declared"},
      {"no data", answer(kOutsideName, "8180", 0, ""),
       "outside-name\n"
       "AT-A022 outside-name inconclusive 10.20.0.53 > 10.42.1.5 p17 port 40000 api.openai.com (answered without a "
       "denial) {Hosted LLM providers: OpenAI}"},
      {"outside address", answer(kOutsideName, "8180", 1, "c00c 0001 0001 00000001 0004 c6336409"),
       "outside-name\n"
       "AT-A022 outside-name inconclusive 10.20.0.53 > 10.42.1.5 p17 port 40000 api.openai.com (answered with "
       "198.51.100.9) {Hosted LLM providers: OpenAI}"},
      {"inside address", answer(kOutsideName, "8180", 1, "c00c 0001 0001 00000001 0004 0a140001"),
       "outside-name\n"
       "AT-A022 outside-name inconclusive 10.20.0.53 > 10.42.1.5 p17 port 40000 api.openai.com (answered with "
       "10.20.0.1) {Hosted LLM providers: OpenAI}"},
      {"a declared address", answer(kOutsideName, "8180", 1, "c00c 0001 0001 00000001 0004 0a14000a"),
       "inside-declared"},
      {"a declared address of an answer that was cut",
       answer(kOutsideName, "8380", 1, "c00c 0001 0001 00000001 0004 0a14000a"),
       "outside-name\nAT-A022 outside-name inconclusive 10.20.0.53 > 10.42.1.5 p17 port 40000 api.openai.com (answered "
       "with "
       "other records) {Hosted LLM providers: OpenAI}"},
      {"an outsider's answer",
       v4(17, "198.51.100.53", "10.42.1.5",
          udp(53, 40'000, dns(kOutsideName, "8180", 1, "c00c 0001 0001 00000001 0004 c6336409"))),
       "outside-inbound\nAT-A013 outside-inbound listed 198.51.100.53 > 10.42.1.5 p17 port 40000"},
      {"no address", answer(kOutsideName, "8180", 1, "c00c 0001 0001 00000001 0004 00000000"), "inside-declared"},
      {"alias", answer(kOutsideName, "8180", 1, "c00c 0005 0001 00000001 0002 c00c"),
       "outside-name\n"
       "AT-A022 outside-name inconclusive 10.20.0.53 > 10.42.1.5 p17 port 40000 api.openai.com (answered with other "
       "records) {Hosted LLM providers: OpenAI}"},
      {"inside name, outside address", answer(kInsideName, "8180", 1, "c00c 0001 0001 00000001 0004 c6336409"),
       "outside-name\n"
       "AT-A023 outside-name listed 10.20.0.53 > 10.42.1.5 p17 port 40000 vllm.corp.example (answered with "
       "198.51.100.9)"},
      {"inside name, inside address", answer(kInsideName, "8180", 1, "c00c 0001 0001 00000001 0004 0a14000a"),
       "inside-declared"},
      {"inside SNI", hello("10.20.0.10", "vllm.corp.example"), "inside-declared"},
      {"outside SNI", hello("10.20.0.10", "api.openai.com"),
       "outside-name-in-tls\n"
       "AT-A024 outside-name-in-tls violated 10.42.1.5 > 10.20.0.10 p6 port 8000 api.openai.com (TLS server name) "
       "{Hosted LLM providers: OpenAI} guessed"},
      {"outside SNI, received",
       v4(6, "10.20.0.10", "10.42.1.5", flagged(kAck, 8000, 9018, client_hello("api.openai.com"))),
       "outside-name-in-tls\n"
       "AT-A025 outside-name-in-tls listed 10.20.0.10 > 10.42.1.5 p6 port 9018 api.openai.com (TLS server name) "
       "{Hosted LLM providers: OpenAI} guessed",
       Role::Uplink, kIn},
      {"outside SNI in the cluster", hello("10.42.2.5", "api.openai.com"),
       "outside-name-in-tls\n"
       "AT-A025 outside-name-in-tls listed 10.42.1.5 > 10.42.2.5 p6 port 8000 api.openai.com (TLS server name) {Hosted "
       "LLM providers: OpenAI} guessed"},
      {"DNS over HTTPS, inside", hello("10.20.0.10", "mozilla.cloudflare-dns.com"),
       "outside-name-in-tls\n"
       "AT-A024 outside-name-in-tls violated 10.42.1.5 > 10.20.0.10 p6 port 8000 mozilla.cloudflare-dns.com (TLS "
       "server name) {Public DoH and DoT resolvers: Cloudflare} guessed\n"
       "AT-A028 encrypted-dns listed 10.42.1.5 > 10.20.0.10 p6 port 8000 mozilla.cloudflare-dns.com (a name of DNS "
       "over HTTPS) {Public DoH and DoT resolvers: Cloudflare} guessed"},
      {"Host", v4(6, "10.42.1.5", "10.20.0.10", flagged(kAck, 40'000, 8000, http_get("api.openai.com"))),
       "outside-name-in-tls\n"
       "AT-A024 outside-name-in-tls violated 10.42.1.5 > 10.20.0.10 p6 port 8000 api.openai.com (HTTP host) {Hosted "
       "LLM providers: OpenAI} guessed"},
      {"Host, inside literal",
       v4(6, "10.42.1.5", "10.20.0.10", flagged(kAck, 40'000, 8000, http_get("10.20.0.10:8000"))), "inside-declared"},
      {"Host, outside literal", v4(6, "10.42.1.5", "10.20.0.10", flagged(kAck, 40'000, 8000, http_get("15.197.85.80"))),
       "outside-name-in-tls\n"
       "AT-A024 outside-name-in-tls violated 10.42.1.5 > 10.20.0.10 p6 port 8000 15.197.85.80 (HTTP host) {xpander.ai "
       "Cloud: xpander Cloud} guessed"},
      {"hidden name",
       v4(6, "10.42.1.5", "10.20.0.10",
          flagged(kAck, 40'000, 8000,
                  text_of(in_records(
                      hello_message(hello_body({server_name("vllm.corp.example"), extension(0xfe0d, {0})})))))),
       "outside-name-in-tls\n"
       "AT-A026 outside-name-in-tls listed 10.42.1.5 > 10.20.0.10 p6 port 8000 vllm.corp.example guessed"},
      {"ALPN of DNS",
       v4(6, "10.42.1.5", "10.20.0.10",
          flagged(kAck, 40'000, 8000, text_of(in_records(hello_message(hello_body({alpn({"dot"})})))))),
       "encrypted-dns\n"
       "AT-A028 encrypted-dns listed 10.42.1.5 > 10.20.0.10 p6 port 8000 (ALPN says DNS) guessed"},
      {"not DNS on its port", v4(17, "10.42.1.5", "10.20.0.53", udp(40'000, 53, "xx")),
       "undecodable\n"
       "AT-A027 undecodable inconclusive 10.42.1.5 > 10.20.0.53 p17 port 53 (what is on a DNS port is no DNS message)"},
      {"not DNS on its port, in the cluster", v4(17, "10.42.1.5", "10.43.0.10", udp(40'000, 53, "xx")),
       "undecodable\n"
       "AT-A027 undecodable listed 10.42.1.5 > 10.43.0.10 p17 port 53 (what is on a DNS port is no DNS message)"},
      {"mDNS of an outside name to its group", v4(17, "10.10.0.3", "224.0.0.251", udp(5353, 5353, dns(kOutsideName))),
       "escape\n"
       "AT-A001 escape violated 10.10.0.3 > 224.0.0.251 p17 port 5353\n"
       "AT-A020 outside-name violated 10.10.0.3 > 224.0.0.251 p17 port 5353 api.openai.com {Hosted LLM providers: "
       "OpenAI}"},
  });
}

// `vlan` in cluster.l2 is 802.1Q, as in the firewall: no other kind of tag may stand beside it.
TEST_CASE("classifier: of tags, each kind must be declared") {
  Policy policy = policy_for_tests();
  policy.cluster.l2 = {{"vlan", 0x8100}};
  const Boundary boundary(policy);
  Bench bench(256, boundary);
  const std::string packet = ip4(6, "10.42.1.5", "10.20.0.10", flagged(kSyn, 4, 8000));
  CHECK(bench.see(eth(0x8100, hex("0064 0800") + packet)) == "inside-declared");
  for (const unsigned kind : {0x88a8u, 0x9100u, 0x9200u}) {
    const std::string marked = "non-ip\nAT-A011 non-ip violated type " + std::to_string(kind) + " (VLAN 100)";
    CHECK(bench.see(eth(kind, hex("0064 0800") + packet)) == marked);
    CHECK(bench.see(eth(kind, hex("0064 8100 0065 0800") + packet)) == marked);
  }
  CHECK(bench.see(eth(0x8100, hex("0065 9100 0064 0800") + packet)) ==
        "non-ip\nAT-A011 non-ip violated type 37120 (VLAN 101)");
}

}  // namespace
}  // namespace airtight::audit
