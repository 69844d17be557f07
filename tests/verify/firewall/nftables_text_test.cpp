// nftables text, rule by rule: what of the packets each one matches, and what it does with them.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "compiler/verify/firewall/nftables_lexer.h"
#include "tests/verify/firewall/firewall_words.h"

using namespace airtight;
using namespace airtight::verify;

namespace {

struct Row {
  std::string_view family;
  std::string_view rule;
  std::string_view meaning;
};

// Numbers are hexadecimal; 0x10000 of a port is a fragment without one. States: 0 invalid, 1 new, 2 established,
// 3 related, 4 untracked.
constexpr Row kRows[] = {
    {"inet", "accept", "[] accept"},
    {"inet", "ip daddr 10.0.0.0/8 accept", "[ether=800 ip.dst=10.0.0.0-10.255.255.255] accept"},
    {"inet", "ip daddr != 10.0.0.0/8 drop", "[ether=800 ip.dst=0.0.0.0-9.255.255.255,11.0.0.0-255.255.255.255] drop"},
    {"ip", "ip daddr 10.0.0.1-10.0.0.9 accept", "[ether=800 ip.dst=10.0.0.1-10.0.0.9] accept"},
    {"ip", "tcp dport { 22, 80-90, https } accept", "[ether=800 proto=6 dport=16,50-5a,1bb] accept"},
    {"ip6", "ip6 saddr fd00::/8 drop", "[ether=86dd ip6.src=fd00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff] drop"},
    {"inet", "ip6 daddr { fe80::/10, ff02::1 } accept",
     "[ether=86dd ip6.dst=fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff,ff02::1] accept"},
    {"inet", "ip protocol tcp accept", "[ether=800 proto=6] accept"},
    {"inet", "ip protocol { tcp, 17 } accept", "[ether=800 proto=6,11] accept"},
    {"inet", "ip6 nexthdr ipv6-icmp accept", "[ether=86dd rt=0 proto=3a next=3a] accept"},
    {"inet", "ip6 nexthdr 43 accept", "[ether=86dd next=2b] accept"},
    {"inet", "meta l4proto { tcp, udp } th dport 53 accept", "[proto=6,11 dport=35] accept"},
    {"inet", "meta nfproto ipv4 accept", "[ether=800] accept"},
    {"inet", "meta protocol ip6 accept", "[ether=86dd] accept"},
    {"inet", "meta nfproto ipv4 icmp type { redirect, 9 } drop", "[ether=800 proto=1 icmp=500-5ff,900-9ff] drop"},
    {"inet", "icmpv6 type nd-redirect icmpv6 code 0 drop", "[ether=86dd proto=3a icmp6=8900] drop"},
    {"inet", "icmpv6 type 128-129 accept", "[ether=86dd proto=3a icmp6=8000-81ff] accept"},
    {"inet", "udp sport 67 udp dport != 68 drop", "[proto=11 sport=43 dport=0-43,45-ffff] drop"},
    {"inet", "tcp dport > 1023 accept", "[proto=6 dport=400-ffff] accept"},
    {"inet", "tcp dport <= 1023 accept", "[proto=6 dport=0-3ff] accept"},
    {"inet", R"(iifname "cali*" accept)", "[iif=cali*] accept"},
    {"inet", "iif lo accept", "[iif=lo] accept"},
    {"inet", R"(oifname != "eth0" accept)",
     "[oif=0-6574682fffffffffffffffffffffffff,65746830000000000000000000000001-ffffffffffffffffffffffffffffffff] "
     "accept"},
    {"inet", R"(oifname { "eth0", "wlan*" } drop)", "[oif=eth0,wlan*] drop"},
    {"inet", "ct state established,related accept", "[state=2-3] accept"},
    {"inet", "ct state { established, related } accept", "[state=2-3] accept"},
    {"inet", "ct state established accept", "[state=2] accept"},
    {"inet", "ct state != established accept", "[state=0-1,3-4] accept"},
    {"inet", "ct state & (established | related) == established accept", "[state=2] accept"},
    {"inet", "ct state ! new accept", "[state=0,2-4] accept"},
    {"inet", "ct state vmap { established : accept, related : jump other, invalid : drop }",
     "[state=2] accept | [state=3] jump other | [state=0] drop"},
    {"inet", "tcp dport vmap { 22 : accept, 80-90 : drop, * : goto other }",
     "[proto=6 dport=16] accept | [proto=6 dport=50-5a] drop | [proto=6 dport=0-ffff] goto other"},
    {"inet", "ip saddr . tcp dport vmap { 10.0.0.1 . 22 : accept }",
     "[ether=800 ip.src=10.0.0.1 proto=6 dport=16] accept"},
    {"inet", "ct status dnat accept", "[dnat=1] accept"},
    {"inet", "ct status dnat,snat accept", "[snat=1] [dnat=1 snat=0] accept"},
    {"inet", "ct status assured accept", "not understood: ct status; [] accept"},
    {"inet", "ct direction original accept", "not understood: ct direction; [] accept"},
    {"inet", "ct original ip daddr 10.0.0.1 accept", "not understood: ct original ip daddr; [] accept"},
    {"inet", "ct mark 1 accept", "not understood: ct mark; [] accept"},
    {"inet", "meta mark 0x10 accept", "[mark=10] accept"},
    {"inet", "meta mark 0x01000000/8 accept", "[mark=1000000-1ffffff] accept"},
    {"inet", "mark & 0xff000000 == 0x01000000 accept", "[mark=1000000-1ffffff] accept"},
    {"inet", "meta mark & 0xff == 1 accept", "not understood: the mask of meta mark; [] accept"},
    {"inet", "tcp flags syn accept",
     "[proto=6 "
     "flags=2-3,6-7,a-b,e-f,12-13,16-17,1a-1b,1e-1f,22-23,26-27,2a-2b,2e-2f,32-33,36-37,3a-3b,3e-3f,42-43,46-47,4a-4b,"
     "4e-4f,52-53,56-57,5a-5b,5e-5f,62-63,66-67,6a-6b,6e-6f,72-73,76-77,7a-7b,7e-7f,82-83,86-87,8a-8b,8e-8f,92-93,96-"
     "97,9a-9b,9e-9f,a2-a3,a6-a7,aa-ab,ae-af,b2-b3,b6-b7,ba-bb,be-bf,c2-c3,c6-c7,ca-cb,ce-cf,d2-d3,d6-d7,da-db,de-df,"
     "e2-e3,e6-e7,ea-eb,ee-ef,f2-f3,f6-f7,fa-fb,fe-ff] accept"},
    {"inet", "tcp flags & (fin | syn | rst | ack) == syn accept",
     "[proto=6 flags=2,a,22,2a,42,4a,62,6a,82,8a,a2,aa,c2,ca,e2,ea] accept"},
    {"inet", "tcp flags syn / syn,ack accept",
     "[proto=6 "
     "flags=2-3,6-7,a-b,e-f,22-23,26-27,2a-2b,2e-2f,42-43,46-47,4a-4b,4e-4f,62-63,66-67,6a-6b,6e-6f,82-83,86-87,8a-8b,"
     "8e-8f,a2-a3,a6-a7,aa-ab,ae-af,c2-c3,c6-c7,ca-cb,ce-cf,e2-e3,e6-e7,ea-eb,ee-ef] accept"},
    {"inet", "tcp flags != syn accept", "[proto=6 flags=0-1,3-ff] accept"},
    {"inet", "ip frag-off & 0x1fff != 0 drop",
     "[ether=800 frag=1-1fff,2001-3fff,4001-5fff,6001-7fff,8001-9fff,a001-bfff,c001-dfff,e001-ffff] drop"},
    {"inet", "ip ttl 1 accept", "[ether=800 hops=1] accept"},
    {"inet", "ip6 hoplimit 255 accept", "[ether=86dd hops=ff] accept"},
    {"inet", "exthdr rt exists drop", "[ether=86dd rt=1] drop"},
    {"inet", "rt type 0 drop", "not understood: rt type; [ether=86dd] drop"},
    {"inet", "exthdr frag exists drop", "not understood: exthdr frag; [ether=86dd] drop"},
    {"inet", "fib daddr type local accept", "[local=1] accept"},
    {"inet", "fib daddr type != local accept", "[local=0] accept"},
    {"inet", "fib daddr type { broadcast, multicast } drop", "not understood: fib daddr type; [] drop"},
    {"inet", "fib saddr . iif oif missing drop", "not understood: fib saddr . iif oif; [] drop"},
    {"inet", "meta pkttype { broadcast, multicast } drop", "[pkttype=1-2] drop"},
    {"inet", "meta length > 1500 drop", "[length=5dd-ffffffff] drop"},
    {"inet", "meta skuid 0 accept", "not understood: meta skuid; [] accept"},
    {"inet", "ether saddr 02:00:00:00:00:01 accept",
     "not understood: ether saddr, which a packet of this hook may not have; [mac.src=20000000001] accept"},
    {"inet", "ip daddr . tcp dport { 10.0.0.1 . 22, 10.0.0.2 . 22, 10.1.0.0/16 . 80-90 } accept",
     "[ether=800 ip.dst=10.0.0.1-10.0.0.2 proto=6 dport=16] [ether=800 ip.dst=10.1.0.0-10.1.255.255 proto=6 "
     "dport=50-5a] accept"},
    {"inet", "ip daddr . tcp dport != { 10.0.0.1 . 22 } drop",
     "[ether=800 ip.dst=0.0.0.0-10.0.0.0,10.0.0.2-255.255.255.255 proto=6 dport=0-ffff] [ether=800 ip.dst=10.0.0.1 "
     "proto=6 dport=0-15,17-ffff] drop"},
    {"inet", "ip daddr . tcp dport @pairs accept", "[ether=800 ip.dst=10.0.0.1 proto=6 dport=16] accept"},
    {"inet", "ip daddr @inside accept", "[ether=800 ip.dst=10.0.0.0-10.255.255.255,127.0.0.1] accept"},
    {"inet", "ip daddr != @inside drop",
     "[ether=800 ip.dst=0.0.0.0-9.255.255.255,11.0.0.0-127.0.0.0,127.0.0.2-255.255.255.255] drop"},
    {"inet", "ip daddr @filled_later accept", "[ether=800 ip.dst=10.2.0.1] accept"},
    {"inet", "ip daddr @learned drop",
     "not understood: the set 'learned' changes by itself (flags timeout); [ether=800] drop"},
    {"inet", "ip daddr @nowhere drop", "not understood: the set 'nowhere' is not in the input; [ether=800] drop"},
    {"inet", "ip daddr @other_file drop",
     "not understood: the elements of the set 'other_file' are not in the input; [ether=800] drop"},
    {"inet", "ip daddr vmap @verdicts", "[ether=800 ip.dst=10.0.0.1] accept | [ether=800 ip.dst=10.0.0.2] jump other"},
    {"inet", "ip daddr vmap @unknown_verdicts",
     "not understood: the elements of the set 'unknown_verdicts' are not in the input; [ether=800] accept | "
     "[ether=800] drop"},
    {"inet", "ip daddr $servers accept", "[ether=800 ip.dst=10.1.0.1-10.1.0.2] accept"},
    {"inet", "tcp dport { $web, 8080 } accept", "[proto=6 dport=50,1f90] accept"},
    {"inet", R"(counter packets 1 bytes 2 log prefix "x y" level warn group 2 accept comment "why")", "[] accept"},
    {"inet", R"(counter name "c" drop)", "[] drop"},
    {"inet", "limit rate 5/second burst 10 packets accept", "limited; [] accept"},
    {"inet", "limit rate over 10 mbytes/second burst 1 mbytes drop", "limited; [] drop"},
    {"inet", "quota over 25 mbytes drop", "limited; [] drop"},
    {"inet", "ct count over 20 drop", "limited; [] drop"},
    {"inet", "meter m size 100 { ip saddr timeout 60s limit rate 10/second } accept", "limited; [] accept"},
    {"inet", "add @learned { ip saddr timeout 1m } drop", "limited; [] drop"},
    {"inet", "update @learned { ip saddr limit rate 1/second } accept", "limited; [] accept"},
    {"inet", "reject with icmpx type admin-prohibited", "[] drop (reject with icmpx type admin-prohibited)"},
    {"inet", "reject", "[] drop (reject)"},
    {"inet", "reject with icmp port-unreachable", "[ether=800] drop (reject with icmp port-unreachable)"},
    {"inet", "reject with icmpv6 type no-route", "[ether=86dd] drop (reject with icmpv6 type no-route)"},
    {"inet", "reject with tcp reset", "[proto=6] drop (reject with tcp reset)"},
    {"inet", "jump other", "[] jump other"},
    {"inet", "goto other", "[] goto other"},
    {"inet", "return", "[] return"},
    {"inet", "continue", "[] next"},
    {"inet", "queue num 1-3 bypass", "[] elsewhere (queue num 1-3 bypass)"},
    {"inet", R"(dup to 10.0.0.1 device "eth0")", R"([] elsewhere (dup to 10.0.0.1 device "eth0"))"},
    {"inet", "tcp dport 80 flow add @ft", "[proto=6 dport=50] elsewhere (flow add @ft)"},
    {"inet", "synproxy mss 1460 wscale 7", "[] elsewhere (synproxy mss 1460 wscale 7)"},
    {"inet", "notrack", "changes state; [] next"},
    {"inet", "ip protocol udp dnat ip to 10.0.0.1:53", "[ether=800 proto=11] translate (dnat ip to 10.0.0.1:53)"},
    {"ip", "tcp dport 80 dnat to tcp dport map { 80 : 10.0.0.1 }",
     "not understood: the map of dnat; [ether=800 proto=6 dport=50] translate (dnat to tcp dport map { 80 : 10.0.0.1 "
     "})"},
    {"ip", "masquerade random", "[ether=800] translate (masquerade random)"},
    {"ip", "snat to 10.0.0.1", "[ether=800] translate (snat to 10.0.0.1)"},
    {"ip", "tcp dport 80 redirect to :8080", "[ether=800 proto=6 dport=50] translate (redirect to :8080)"},
    {"ip", "tcp dport 80 tproxy to :50080 meta mark set 1 accept",
     "changes mark; [ether=800 proto=6 dport=50] translate (tproxy to :50080)"},
    {"ip", "ip daddr set 10.0.0.1", "rewrites ip daddr set 10.0.0.1; [ether=800] next"},
    {"ip6", "ip6 daddr set fd00::1 accept", "rewrites ip6 daddr set fd00::1; [ether=86dd] accept"},
    {"ip", "ip dscp set cs1 accept", "[ether=800] accept"},
    {"ip", "tcp option maxseg size set rt mtu", "[ether=800] next"},
    {"inet", "meta mark set 0x1 accept", "changes mark; [] accept"},
    {"inet", "meta mark set ct mark", "changes mark; [] next"},
    {"inet", "ct mark set meta mark and 0xff accept", "[] accept"},
    {"inet", "frobnicate 5 accept", "not understood: 'frobnicate 5'; [] accept"},
    {"inet", "frobnicate { 1, 2 }", "not understood: 'frobnicate { 1, 2 }'; [] accept | [] drop"},
    {"inet", "ip daddr 10.0.0.0/8 frobnicate drop",
     "not understood: 'frobnicate'; [ether=800 ip.dst=10.0.0.0-10.255.255.255] drop"},
    {"inet", R"(xt match "set" counter accept)", R"(not understood: 'xt match "set" counter'; [] accept)"},
    {"inet", "tcp dport http-alt accept", "not understood: the value of tcp dport; [proto=6 dport=0-ffff] accept"},
    {"inet", "tcp dport 010 accept", "not understood: the value of tcp dport; [proto=6 dport=0-ffff] accept"},
    {"inet", "ip6 daddr 10.0.0.1 accept", "not understood: the value of ip6 daddr; [ether=86dd] accept"},
    {"ip", "ip6 daddr fd00::1 accept",
     "not understood: ip6 daddr, which contradicts the family or a match before it; [ether=800] accept"},
    {"inet", "ip daddr 10.0.0.1 ip6 saddr fd00::1 accept",
     "not understood: ip6 saddr, which contradicts the family or a match before it; [ether=800 ip.dst=10.0.0.1] "
     "accept"},
    {"inet", "tcp dport 22 tcp dport 23 accept", "never accept"},
    {"inet", "@th,16,16 443 accept", "not understood: @th,16,16; [] accept"},
    {"ip", "@nh,128,32 0x0a000001 accept", "[ether=800 ip.dst=10.0.0.1] accept"},
    {"ip", "@nh,72,8 6 @th,16,16 { 22, 80 } accept", "[ether=800 proto=6 dport=16,50] accept"},
    {"netdev", "ip daddr 10.0.0.0/8 accept", "[said=800 ip.dst=10.0.0.0-10.255.255.255] accept"},
    {"netdev", "ip6 daddr fd00::/8 accept",
     "[said=86dd ip6.dst=fd00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff] accept"},
    {"netdev", "ether type ip ip daddr 10.0.0.1 accept", "[ether=800 ip.dst=10.0.0.1] accept"},
    {"netdev", "meta protocol ip accept", "[said=800] accept"},
    {"netdev", "meta protocol != { ip, ip6 } drop", "[said=0-7ff,801-86dc,86de-ffff] drop"},
    {"netdev", "ether type arp accept", "[ether=806] accept"},
    {"netdev", "tcp dport 443 accept", "[said=800,86dd proto=6 dport=1bb] accept"},
    {"netdev", "icmp type echo-request accept", "[said=800 proto=1 icmp=800-8ff] accept"},
    {"netdev", "vlan id 5 accept", "not understood: vlan id; [ether=8100] accept"},
    {"netdev", R"(fwd to "eth0")", R"([] elsewhere (fwd to "eth0"))"},
    {"netdev", "@ll,96,16 0x0806 accept", "[ether=806] accept"},
    {"netdev", "@ll,96,24 0x080045 accept", "[ether=800 ihl=45 lsrr=0] accept"},
    {"netdev", "@ll,96,16 { 0x0800, 0x86dd } accept", "[ether=800,86dd] accept"},
    {"netdev", "@ll,0,48 0x026169727400 accept", "[mac.dst=26169727400] accept"},
    {"netdev", "@ll,0,24 0x026169 accept", "[mac.dst=26169000000-26169ffffff] accept"},
    {"netdev", "@ll,96,16 0x0800 @ll,240,32 0x0a000000-0x0affffff accept",
     "[ether=800 ip.dst=10.0.0.0-10.255.255.255] accept"},
    {"netdev", "@ll,240,32 0x0a000001 @ll,96,16 0x0800 accept", "[ether=800 ip.dst=10.0.0.1] accept"},
    {"netdev", "@ll,240,32 0x0a000001 accept",
     "not understood: @ll,240,32; [ether=800 ip.dst=10.0.0.1] [ether=86dd] [ether=8100] "
     "[ether=0-7ff,801-80ff,8101-86dc,86de-ffff] accept"},
    {"netdev", "@ll,96,16 0x0800 @ll,160,16 & 0x3fff 0 accept", "[ether=800 frag=0,4000,8000,c000] accept"},
    {"netdev", "@ll,96,16 0x0800 @ll,176,16 0x0111 accept", "[ether=800 hops=1 proto=11] accept"},
    {"netdev", "@ll,96,16 0x0800 @ll,288,16 53 accept", "not understood: @ll,288,16; [ether=800] accept"},
    {"netdev", "@ll,96,16 0x0800 @ll,112,8 0x45 @ll,184,8 17 @ll,288,16 53 accept",
     "not understood: @ll,288,16; [ether=800 ihl=45 lsrr=0 proto=11 dport=35,10000] accept"},
    {"netdev", "@ll,96,16 0x0800 @ll,112,8 0x46 @ll,160,16 0 @ll,184,8 17 @ll,320,16 53 accept",
     "[ether=800 ihl=46 frag=0 proto=11 dport=35] accept"},
    {"netdev", "@ll,96,16 0x86dd @ll,160,16 0x3aff @ll,432,16 { 0x8500, 0x8700 } accept",
     "[ether=86dd rt=0 hops=ff proto=3a next=3a icmp6=8500,8700] accept"},
    {"netdev", "@ll,96,16 0x86dd @ll,160,8 17 @ll,448,16 53 accept",
     "[ether=86dd rt=0 proto=11 next=11 dport=35] accept"},
    {"netdev", "@ll,96,16 0x86dd @ll,160,8 { 44, 60 } @ll,432,8 != { 0, 43, 44, 51, 60, 135, 139, 140 } accept",
     "[ether=86dd rt=0 proto=1-2a,2d-32,34-3b,3d-86,88-8a,8d-ff next=2c,3c second=1-2a,2d-32,34-3b,3d-86,88-8a,8d-ff] "
     "accept"},
    {"netdev", "@ll,96,16 0x86dd @ll,304,16 0xff02 accept",
     "[ether=86dd ip6.dst=ff02::-ff02:ffff:ffff:ffff:ffff:ffff:ffff:ffff] accept"},
    {"netdev", "@ll,96,16 0x86dd @ll,408,24 0xffffff accept", "not understood: @ll,408,24; [ether=86dd] accept"},
    {"netdev", "@ll,96,16 0x86dd @ll,160,8 0 @ll,432,8 58 @ll,496,8 130 accept",
     "not understood: @ll,496,8; [ether=86dd rt=0 proto=3a next=0 second=3a] accept"},
    {"netdev", "@ll,160,16 0x3a00-0x3b05 @ll,96,16 0x86dd accept",
     "[ether=86dd rt=0 proto=3a next=3a] [ether=86dd rt=0 hops=0-5 proto=3b next=3b] accept"},
    {"netdev", "@nh,128,32 1 accept", "not understood: @nh; [] accept"},
    {"bridge", "ip daddr 10.0.0.1 accept", "[said=800 ip.dst=10.0.0.1] accept"},
};

// Lengths, options, the first extension header and the EtherType behind a VLAN tag.
constexpr Row kWireRows[] = {
    {"inet", "ip option lsrr exists drop",
     "not understood: one source route option without the same rule for the other; [ether=800 lsrr=1] drop"},
    {"inet", "ip option ssrr missing accept", "not understood: ip option ssrr; [ether=800] accept"},
    {"netdev", "vlan type ip accept", "[ether=8100 inner=800] accept"},
    {"netdev", "@ll,96,16 0x0800 @ll,112,8 0x45 @ll,160,16 0x4000 @ll,184,8 17 @ll,288,32 0x00350028 accept",
     "[ether=800 ihl=45 lsrr=0 frag=4000 proto=11 dport=35 udplen=28] accept"},
    {"netdev", "@ll,96,16 0x8100 @ll,128,16 0x0806 accept", "[ether=8100 inner=806] accept"},
    {"netdev", "@ll,96,16 0x8100 @ll,128,16 0x0800 @ll,144,8 0x45 @ll,272,32 0x0a000001 accept",
     "[ether=8100 ip.dst=10.0.0.1 ihl=45 lsrr=0 inner=800] accept"},
    {"netdev", "@ll,96,16 0x86dd @ll,160,16 0x0001 @ll,432,16 0x3a00 @ll,496,8 { 130, 143 } accept",
     "[ether=86dd rt=0 hops=1 proto=3a next=0 second=3a icmp6=8200-82ff,8f00-8fff extlen=0] accept"},
};

std::string around(const Row& row) {
  const std::string family(row.family);
  return "define servers = { 10.1.0.1, 10.1.0.2 }\n"
         "define web = 80\n"
         "table " +
         family +
         " t {\n"
         "  set inside { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 127.0.0.1 } }\n"
         "  set filled_later { type ipv4_addr; }\n"
         "  set learned { type ipv4_addr; flags dynamic, timeout; elements = { 10.9.0.1 } }\n"
         "  set other_file { type ipv4_addr; }\n"
         "  set pairs { type ipv4_addr . inet_service; elements = { 10.0.0.1 . 22 } }\n"
         "  map verdicts { type ipv4_addr : verdict; elements = { 10.0.0.1 : accept, 10.0.0.2 : jump other } }\n"
         "  map unknown_verdicts { type ipv4_addr : verdict; }\n"
         "  chain other { }\n"
         "  chain c {\n    " +
         std::string(row.rule) + "\n  }\n}\nadd element " + family + " t filled_later { 10.2.0.1 }\n";
}

std::string meaning(const Row& row) {
  const ReadText read = read_firewall(Reader::Text, around(row));
  if (!read.ok) return read.errors;
  const FirewallChain* chain = read.ruleset.tables.at(0).find("c");
  return chain->rules.size() == 1 ? rule_words(chain->rules[0]) : std::to_string(chain->rules.size()) + " rules";
}

std::string chain_words(const FirewallTable& table, const FirewallChain& chain) {
  std::string text = std::string(to_string(table.family)) + " " + table.name + " " + chain.name;
  if (chain.hook != Hook::None)
    text += " " + chain.type + " " + std::string(to_string(chain.hook)) + " " + std::to_string(chain.priority) +
            (chain.policy_accept ? " accept" : " drop");
  for (const std::string& device : chain.devices) text += " " + device;
  for (const FirewallRule& rule : chain.rules) text += "\n  " + rule_words(rule);
  return text + "\n";
}

std::string words(const Ruleset& ruleset) {
  std::string text;
  for (const FirewallTable& table : ruleset.tables)
    for (const FirewallChain& chain : table.chains) text += chain_words(table, chain);
  for (const Remark& remark : ruleset.remarks) text += "remark: " + remark.object + " " + remark.message + "\n";
  for (const Remark& remark : ruleset.not_understood) text += "not understood: " + remark.message + "\n";
  return text;
}

std::string read_words(const std::string& text) {
  const ReadText read = read_firewall(Reader::Text, text);
  return read.ok ? words(read.ruleset) : read.errors;
}

std::string file_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::filesystem::path> golden_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(AIRTIGHT_SOURCE_DIR "/tests/golden"))
    if (entry.path().extension() == ".nft") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

TEST_CASE("An nftables rule is the packets that the kernel would match") {
  for (const Row& row : kRows) {
    INFO(row.family << ": " << row.rule);
    CHECK(meaning(row) == row.meaning);
  }
}

TEST_CASE("Bytes at an offset are fields as far as the rule says what stands before them") {
  for (const Row& row : kWireRows) {
    INFO(row.family << ": " << row.rule);
    CHECK(meaning(row) == row.meaning);
  }
}

TEST_CASE("Base chains have their hook, priority, policy and devices") {
  CHECK(read_words("table inet t { chain a { type filter hook forward priority filter; policy drop; } }") ==
        "inet t a filter forward 0 drop\n");
  CHECK(read_words("table ip t { chain a { type nat hook postrouting priority srcnat - 5; } }") ==
        "ip t a nat postrouting 95 accept\n");
  CHECK(read_words("table ip t { chain a { type route hook output priority mangle+1; policy accept; } }") ==
        "ip t a route output -149 accept\n");
  CHECK(read_words("table ip t { chain a { type filter hook input priority -150 ; } }") ==
        "ip t a filter input -150 accept\n");
  CHECK(read_words("table bridge t { chain a { type filter hook forward priority filter; } }") ==
        "bridge t a filter forward -200 accept\n");
  CHECK(
      read_words(
          "define d = { eth0, eth1 }\ntable netdev t {\n chain a {\n  type filter hook egress devices = $d priority 0\n"
          "  policy drop\n }\n}\n") == "netdev t a filter egress 0 drop eth0 eth1\n");
  CHECK(read_words("table netdev t { chain a { type filter hook ingress device \"eth0\" priority -500; } }") ==
        "netdev t a filter ingress -500 accept eth0\n");
}

TEST_CASE("Commands are followed in their order") {
  CHECK(read_words("add table ip t\nadd chain ip t c { type filter hook output priority 0 ; policy drop ; }\n"
                   "add rule ip t c tcp dport 22 accept\ninsert rule ip t c tcp dport 23 drop\n"
                   "add rule t c tcp dport 24 accept\n") ==
        "ip t c filter output 0 drop\n  [ether=800 proto=6 dport=17] drop\n  [ether=800 proto=6 dport=16] accept\n"
        "  [ether=800 proto=6 dport=18] accept\n");
  CHECK(read_words("table inet t { chain c { accept; } }\ndelete table inet t\ntable inet t { chain c { drop; } }\n") ==
        "inet t c\n  [] drop\n");
  CHECK(read_words("table inet t { chain c { accept; } }\nflush table inet t\ntable inet t { chain c { drop; } }\n") ==
        "inet t c\n  [] drop\n");
  CHECK(read_words(
            "table inet t { chain c { accept; }; chain d { drop; } }\nflush chain inet t c\ndelete chain inet t d\n") ==
        "inet t c\n");
  CHECK(read_words("table inet t { chain c { accept; } }\ntable inet t { chain c { drop; } }\n") ==
        "inet t c\n  [] accept\n  [] drop\n");
  CHECK(read_words("table inet a { chain c { accept; } }\nflush ruleset\ntable inet b { chain c { drop; } }\n") ==
        "inet b c\n  [] drop\n");
  CHECK(read_words("table inet a { chain c { accept; } }\ntable ip b { chain c { drop; } }\nflush ruleset inet\n") ==
        "ip b c\n  [ether=800] drop\n");
  CHECK(read_firewall(Reader::Text, "flush ruleset\n").ruleset.flushes);
  CHECK(
      read_words("table inet t { set s { type ipv4_addr; elements = { 10.0.0.1 } }; chain c { ip daddr @s accept; } }\n"
                 "flush set inet t s\nadd element inet t s { 10.0.0.2, 10.0.0.4 }\n") ==
      "inet t c\n  [ether=800 ip.dst=10.0.0.2,10.0.0.4] accept\n");
}

TEST_CASE("What is written in another way is the same") {
  const std::string plain = read_words("table inet t {\n chain c {\n  tcp dport 22 accept\n  drop\n }\n}\n");
  CHECK(plain == "inet t c\n  [proto=6 dport=16] accept\n  [] drop\n");
  CHECK(read_words("table inet t { chain c { tcp dport 22 accept; drop; }; }") == plain);
  CHECK(
      read_words(
          "#!/usr/sbin/nft -f\ntable inet t {\n\tchain c { # why\n\t\ttcp dport \\\n 22 accept # ssh\n\n drop\n}\n}") ==
      plain);
  CHECK(read_words("table inet t {\r\n chain c {\r\n  tcp dport {\r\n 22,\r\n }\r\n accept\r\n  drop\r\n }\r\n}\r\n") ==
        "inet t c\n  [proto=6 dport=16] next\n  [] accept\n  [] drop\n");
  CHECK(read_words("table inet \"t\" { counter x { packets 1 bytes 2 }\n flowtable f { hook ingress priority 0; "
                   "devices = { eth0 }; }\n"
                   "ct helper h { type \"ftp\" protocol tcp; }\n chain \"c\" { tcp dport {22} counter name x accept; "
                   "drop comment \"; }\" }\n}") == plain);
}

TEST_CASE("A variable of a block ends with it") {
  CHECK(read_words("define p = 1\ntable ip t {\n define p = 2\n chain a { tcp dport $p accept; }\n}\ntable ip u {\n"
                   " chain b { tcp dport $p accept; }\n}\n") ==
        "ip t a\n  [ether=800 proto=6 dport=2] accept\nip u b\n  [ether=800 proto=6 dport=1] accept\n");
}

TEST_CASE("What may change the ruleset and is not in the text is said") {
  CHECK(read_words("include \"/etc/more.nft\"\n") ==
        "not understood: includes '/etc/more.nft', which may hold rules; give the text of all of them\n");
  CHECK(read_words("table ip t { chain c { drop; } }\ndelete rule ip t c handle 4\n") ==
        "ip t c\n  [ether=800] drop\nnot understood: the command 'delete rule' takes away what is not in the text\n");
  CHECK(read_words("table ip t { chain c { drop; } }\nreplace rule ip t c handle 4 accept\n") ==
        "ip t c\n  [ether=800] drop\nnot understood: the command 'replace rule' changes a ruleset that is not in the "
        "text\n");
  CHECK(read_words("table ip t { chain c { drop; } }\nadd rule ip t c index 0 accept\n") ==
        "ip t c\n  not understood: its place in the chain; [ether=800] accept\n  [ether=800] drop\n");
  CHECK(read_words("table ip t { set s { type ipv4_addr; elements = { 10.0.0.1 } }; chain c { ip daddr @s accept; } }\n"
                   "delete element ip t s { 10.0.0.1 }\n") ==
        "ip t c\n  not understood: the set 's' loses elements one by one; [ether=800] accept\n");
  CHECK(read_words("table ip t { flags dormant; chain c { type filter hook output priority 0; drop; } }") ==
        "remark: table ip t is dormant, so it holds nothing\n");
  CHECK(read_words("table ip t { set s { type ipv4_addr; elements = { 10.0.0.1 timeout 1h expires 5m } }; chain c { ip "
                   "daddr @s drop; } }") ==
        "ip t c\n  not understood: the set 's' forgets its elements (timeout); [ether=800] drop\n");
}

TEST_CASE("A text that nft refuses to load is said to be one") {
  struct Refused {
    std::string_view table;
    std::string_view said;  // empty: nft takes it
  };
  const std::string_view kFlag = "the set 's' has prefixes or ranges and no flag interval: nft refuses the text";
  const std::string_view kOverlap = "elements of the set 's' overlap: nft refuses the text";
  const std::string_view kMapOverlap = "elements of the map 's' overlap: nft refuses the text";
  const std::string_view kAnonymous = "elements of a set overlap: nft refuses the text";
  const Refused rows[] = {
      {"set s { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.1 } }", ""},
      {"set s { type ipv4_addr; elements = { 10.0.0.1/32 } }", kFlag},
      {"set s { type ipv4_addr; elements = { 10.0.0.1-10.0.0.2 } }", kFlag},
      {"set s { type inet_proto; elements = { 6-17 } }", kFlag},
      {"set s { type icmp_type; elements = { echo-request } }", ""},
      {"set s { type ipv4_addr . inet_service; elements = { 10.0.0.0/8 . 80 } }", kFlag},
      {"set s { type ifname; elements = { \"eth*\" } }", kFlag},
      {"set s { type ifname; elements = { \"eth-0\" } }", ""},
      {"set s { type cgroupsv2; elements = { 5/8 } }", kFlag},
      {"set s { type ipv4_addr; flags interval; elements = { 10.0.0.0/9, 10.128.0.0/9, 10.0.0.0/9 } }", ""},
      {"set s { type ipv4_addr; flags interval; elements = { * } }", ""},
      {"set s { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 11.0.0.1, 10.0.0.3 } }", kOverlap},
      {"set s { type ipv4_addr; flags constant, interval; elements = { 10.0.0.0/8, 10.0.0.3 } }", kOverlap},
      {"set s { typeof ip daddr; flags interval; elements = { 10.0.0.0/8, 10.1.0.0/16 } }", kOverlap},
      {"set s { type ipv4_addr; flags interval; auto-merge; elements = { 10.0.0.0/8, 10.1.0.0/16 } }", ""},
      {"set s { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 80, 10.0.0.3 . 81 } }", ""},
      {"set s { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 80, 10.0.0.3 . 80 } }",
       kOverlap},
      {"set s { typeof @ll,304,8; flags interval; elements = { 5, 7-9 } }", ""},
      {"set s { typeof @ll,304,8; flags interval; elements = { 5, 3-9 } }", kOverlap},
      {"set s { type cgroupsv2; flags interval; elements = { 5, 6 } }",
       "whether elements of the set 's' overlap is not known: nft would refuse the text"},
      {"map s { type ipv4_addr : verdict; flags interval; elements = { 10.0.0.0/8 : drop, 10.0.0.3 : accept } }",
       kMapOverlap},
      {"map s { type ipv4_addr : verdict; elements = { 10.0.0.1 : drop, 10.0.0.1 : accept } }", kMapOverlap},
      {"map s { type ipv4_addr : verdict; elements = { 10.0.0.1 : jump nowhere } }",
       "the chain 'nowhere' is not in the text: nft refuses it, unless the table has it already"},
      {"chain c { ip daddr { 10.0.0.0/8, 10.0.0.3 } drop; }", ""},
      {"chain c { ip daddr vmap { 10.0.0.0/8 : drop, 10.0.0.3 : accept }; }", kAnonymous},
      {"chain c { ip daddr . tcp dport { 10.0.0.0/8 . 80, 10.0.0.3 . 80 } drop; }", kAnonymous},
      {"chain c { ip daddr . tcp dport { 10.0.0.0/8 . 80, 10.0.0.3 . 22 } drop; }", ""},
      {"chain c { jump d; }; chain d { }", ""},
      {"chain c { goto nowhere; }",
       "the chain 'nowhere' is not in the text: nft refuses it, unless the table has it already"},
      {"chain c { tcp dport vmap { 22 : jump nowhere }; }",
       "the chain 'nowhere' is not in the text: nft refuses it, unless the table has it already"},
      {"chain c { ip daddr @nowhere drop; }",
       "the set 'nowhere' is not in the text: nft refuses it, unless the table has it already"},
      {"chain c { ip daddr vmap @nowhere; }",
       "the set 'nowhere' is not in the text: nft refuses it, unless the table has it already"},
  };
  for (const Refused& row : rows) {
    INFO(row.table);
    const ReadText read = read_firewall(Reader::Text, "table inet t { " + std::string(row.table) + " }");
    CHECK(read.errors.empty());
    std::string said;
    for (const Remark& remark : read.ruleset.not_understood) {
      CHECK(remark.object == "table inet t");
      CHECK(remark.where.known());
      said += remark.message;
    }
    CHECK(said == row.said);
  }
}

TEST_CASE("The flags of a table: its owner is no matter, and what is unknown may disable it") {
  const auto with = [](std::string_view flags) {
    return read_words("table ip t { flags " + std::string(flags) + "; chain c { drop; } }");
  };
  CHECK(with("owner, persist") == "ip t c\n  [ether=800] drop\n");
  CHECK(with("owner, dormant") == "remark: table ip t is dormant, so it holds nothing\n");
  CHECK(with("new") == "ip t c\n  [ether=800] drop\nnot understood: has the flag 'new', which may disable it\n");
}

TEST_CASE("Source routing is understood where both options are asked for alike") {
  const auto chain = [](std::string_view rules) {
    return "table inet t {\n chain c {\n" + std::string(rules) + " }\n}\n";
  };
  CHECK(read_words(chain("ip option lsrr exists drop\nip option ssrr exists drop\n")) ==
        "inet t c\n  [ether=800 lsrr=1] drop\n  [ether=800 lsrr=1] drop\n");
  const std::string alone =
      "not understood: one source route option without the same rule for the other; [ether=800 lsrr=1] ";
  CHECK(read_words(chain("ip option lsrr exists drop\nip option ssrr exists accept\n")) ==
        "inet t c\n  " + alone + "drop\n  " + alone + "accept\n");
  CHECK(read_words(chain("ip option lsrr exists drop\naccept\nip option ssrr exists drop\n")) ==
        "inet t c\n  " + alone + "drop\n  [] accept\n  " + alone + "drop\n");
}

TEST_CASE("A match of iptables that nft lists as a comment is none") {
  CHECK(read_words("table ip t {\n chain c {\n  ip daddr 10.0.0.1 # xt_set counter packets 0 bytes 0 accept\n  # "
                   "xt_set is mine\n }\n}\n") ==
        "ip t c\n  not understood: '# xt_set counter packets 0 bytes 0 accept'; [ether=800 ip.dst=10.0.0.1] accept | "
        "[ether=800 ip.dst=10.0.0.1] drop\n");
}

TEST_CASE("A target of iptables that nft lists as a comment translates in the table nat") {
  CHECK(read_words("table ip nat {\n chain c {\n  ip daddr 10.0.0.1 counter packets 0 bytes 0 # xt_DNAT\n }\n}\n") ==
        "ip nat c\n  not understood: '# xt_DNAT'; [ether=800 ip.dst=10.0.0.1] translate ('# xt_DNAT')\n");
}

TEST_CASE("Before the kernel has looked a connection up no rule sees its state") {
  const std::string chain = "  ct state established drop\n }\n}\n";
  CHECK(read_words("table ip t {\n chain c {\n  type filter hook prerouting priority raw;\n" + chain) ==
        "ip t c filter prerouting -300 accept\n  not understood: a connection's state before it is looked up; "
        "[ether=800] drop\n");
  CHECK(read_words("table ip t {\n chain c {\n  type filter hook prerouting priority mangle;\n" + chain) ==
        "ip t c filter prerouting -150 accept\n  [ether=800 state=2] drop\n");
}

TEST_CASE("Text that is no nftables is refused at its place") {
  CHECK(read_words("table inet t {\n  chain c {\n    type filter hook sideways priority 0\n") ==
        "rules:3:22: error[" + std::string(info(kFirewallSyntax).id) +
            "]: this is no hook: 'sideways'\n  3 |     type filter hook sideways priority 0\n"
            "    |                      ^^^^^^^^\n  expected: forward, output, egress …\n");
  CHECK(read_firewall(Reader::Text, "table inet t { chain c { accept").errors.find("the chain is not complete") !=
        std::string::npos);
  CHECK(read_firewall(Reader::Text, "table inet t { rule }").errors.find("a table holds no 'rule'") !=
        std::string::npos);
  CHECK(read_firewall(Reader::Text, "hello world").errors.find("nothing that nftables can add: 'hello'") !=
        std::string::npos);
  CHECK(read_firewall(Reader::Text, "table ip t { chain c { tcp dport } }").errors.find("the value is not complete") !=
        std::string::npos);
  CHECK(read_firewall(Reader::Text, "table ip t { chain c { tcp dport $x accept; } }").errors.find("'x'") !=
        std::string::npos);
  CHECK(read_firewall(Reader::Text, "table ip t { chain c { log prefix \"x\n")
            .errors.find("quoted text without its end") != std::string::npos);
  CHECK(
      read_firewall(Reader::Text, "table ip t { chain c { ip daddr ; } } }").errors.find("the value is not complete") !=
      std::string::npos);
  CHECK(read_firewall(Reader::Text, "table ip t { chain c { @ll,1 } }").errors.find("@ll,OFFSET,LENGTH") !=
        std::string::npos);
}

TEST_CASE("Values nested too deeply are refused") {
  CHECK(read_firewall(Reader::Text, "table ip t { chain c { tcp dport " + std::string(100'000, '{') + " } }")
            .errors.find("nested too deeply") != std::string::npos);
  CHECK(read_firewall(Reader::Text, "table ip t { chain c { tcp dport " + std::string(100'000, '(') + " } }")
            .errors.find("nested too deeply") != std::string::npos);
}

TEST_CASE("What the emitter writes is understood to the last word") {
  std::size_t rules = 0;
  for (const auto& path : golden_files()) {
    INFO(path);
    const ReadText read = read_firewall(Reader::Text, file_text(path));
    CHECK(read.errors.empty());
    CHECK(read.ruleset.not_understood.empty());
    CHECK(read.ruleset.remarks.empty());
    for (const FirewallTable& table : read.ruleset.tables)
      for (const FirewallChain& chain : table.chains)
        for (const FirewallRule& rule : chain.rules) {
          INFO(chain.name << ": " << rule_words(rule));
          CHECK(rule.understood);
          ++rules;
        }
  }
  CHECK(rules > 200);
}

TEST_CASE("Text that is cut at any byte is an error, or holds less and accepts nothing more") {
  for (const auto& path : golden_files()) {
    const std::string text = file_text(path);
    const ReadText whole = read_firewall(Reader::Text, text);
    REQUIRE(whole.ok);
    std::set<std::string> rules;
    for (const FirewallTable& table : whole.ruleset.tables)
      for (const FirewallChain& chain : table.chains)
        for (const FirewallRule& rule : chain.rules) rules.insert(chain.name + rule_words(rule));
    const std::size_t step = std::getenv("AIRTIGHT_LONG") ? 1 : 7;
    for (std::size_t length = 0; length < text.size(); length += step) {
      const ReadText cut = read_firewall(Reader::Text, text.substr(0, length));
      if (cut.ok == !cut.errors.empty()) FAIL(path << " cut at " << length << ": " << cut.errors);
      for (const FirewallTable& table : cut.ruleset.tables)
        for (const FirewallChain& chain : table.chains)
          for (const FirewallRule& rule : chain.rules)
            if (rules.count(chain.name + rule_words(rule)) == 0)
              FAIL(path << " cut at " << length << ": " << chain.name << " " << rule_words(rule));
    }
  }
}

TEST_CASE("Firewall text is recognised by its content") {
  const auto kind = [](std::string_view text) { return recognise_firewall(text); };
  for (const std::string_view text :
       {"table inet t {\n}", "# why\n\nflush ruleset\n", "#!/usr/sbin/nft -f\n", "define a = 1\n", "add table ip t",
        "table netdev airtight_egress\ndelete table netdev airtight_egress\n", "table filter {\n",
        "include \"x\"\ntable ip t {\n"}) {
    INFO(text);
    CHECK(kind(text) == FirewallText::NftablesText);
  }
  for (const std::string_view text :
       {"# Generated by iptables-save v1.8.9 on Wed\n*filter\n", "*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n",
        "# Generated by ip6tables-save v1.8.9 (nf_tables) on Wed\n"}) {
    INFO(text);
    CHECK(kind(text) == FirewallText::IptablesSave);
  }
  for (const std::string_view text :
       {"", "#!/bin/sh\nnft -f x\ntable inet t {\n", "table: inet t\n", "# Read me\n\ntable of contents\n",
        "apiVersion: v1\n", "include \"/etc/bind/x\";\noptions { };\n", "$TTL 1h\n", "* item\n", "add the table\n",
        "define nothing\n"}) {
    INFO(text);
    CHECK(kind(text) == FirewallText::None);
  }
}
