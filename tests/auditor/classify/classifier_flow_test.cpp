// What a classifier remembers: flows, what it counts, and that it costs no allocation.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "tests/auditor/allocation_counter.h"
#include "tests/auditor/classify/classifier_bench.h"

namespace airtight::audit {
namespace {

using namespace test;

std::string echo(unsigned type, unsigned code, std::string_view source, std::string_view destination,
                 const std::string& options = {}) {
  return eth(0x0800,
             ip4(1, source, destination,
                 std::string{static_cast<char>(type), static_cast<char>(code)} + hex("0000 0007 0001"), options));
}

TEST_CASE("classifier: a reply is the opener's flow") {
  Bench bench;
  CHECK(bench.see(syn("198.51.100.9", "10.10.0.3", 22)) ==
        "outside-inbound\nAT-A013 outside-inbound listed 198.51.100.9 > 10.10.0.3 p6 port 22");
  CHECK(bench.see(v4(6, "10.10.0.3", "198.51.100.9", flagged(kSyn | kAck, 22, 40'000))) ==
        "escape\nAT-A002 escape violated 10.10.0.3 > 198.51.100.9 p6 port 22");
  CHECK(bench.see(syn("10.42.1.5", "198.51.100.9", 443, 50'000)) ==
        "escape\nAT-A001 escape violated 10.42.1.5 > 198.51.100.9 p6 port 443");
  // What comes back of an escape is part of it.
  CHECK(bench.see(v4(6, "198.51.100.9", "10.42.1.5", flagged(kSyn | kAck, 443, 50'000))) == "outside-inbound");
  CHECK(bench.see(v4(17, "198.51.100.9", "10.42.1.5", udp(53, 5))) ==
        "outside-inbound\nAT-A013 outside-inbound listed 198.51.100.9 > 10.42.1.5 p17 port 5");
  CHECK(bench.see(v4(17, "10.42.1.5", "198.51.100.9", udp(5, 53))) ==
        "escape\nAT-A002 escape violated 10.42.1.5 > 198.51.100.9 p17 port 5 guessed");
  CHECK(bench.see(syn("10.42.1.5", "203.0.113.7", 443)) ==
        "excepted\nAT-A006 excepted listed 10.42.1.5 > 203.0.113.7 p6 port 443 (SEC-12)");
  CHECK(bench.see(v4(6, "203.0.113.7", "10.42.1.5", flagged(kSyn | kAck, 443, 40'000))) ==
        "excepted\nAT-A006 excepted listed 10.42.1.5 > 203.0.113.7 p6 port 443 (SEC-12)");
  const Counts counts = bench.classifier.counts();
  CHECK(counts.exceptions == 1);
  CHECK(counts.excepted_by_pods);
  CHECK(counts.flows.created == 4);
}

TEST_CASE("classifier: a capture that begins with an answer to what an exception let out") {
  Bench bench;
  CHECK(bench.see(ack("203.0.113.7", "10.42.1.5", 443, 40'000)) ==
        "excepted\nAT-A006 excepted listed 10.42.1.5 > 203.0.113.7 p6 port 443 (SEC-12) guessed");
  CHECK(bench.see(ack("10.42.1.5", "203.0.113.7", 40'000, 443)) ==
        "excepted\nAT-A006 excepted listed 10.42.1.5 > 203.0.113.7 p6 port 443 (SEC-12) guessed");
  CHECK(bench.see(v4(17, "10.10.0.3", "203.0.113.10", udp(123, 123))) ==
        "excepted\nAT-A006 excepted listed 10.10.0.3 > 203.0.113.10 p17 port 123 (SEC-14)");
  CHECK(bench.classifier.counts().exceptions == 0b101);
}

TEST_CASE("classifier: what a declared tunnel hides is counted") {
  Bench bench;
  const std::string initiation = hex("01000000") + std::string(144, 'k');
  CHECK(bench.see(v4(17, "10.10.0.3", "10.10.0.4", udp(51'820, 51'820, initiation))) == "inside-declared");
  CHECK(bench.classifier.counts().opaque_packets == 1);
  CHECK(bench.see(v4(17, "10.42.1.5", "10.30.0.9", udp(51'820, 51'820, initiation))) ==
        "tunnel\nAT-A012 inside-undeclared listed 10.42.1.5 > 10.30.0.9 p17 port 51820\nAT-A031 tunnel inconclusive "
        "10.42.1.5 > 10.30.0.9 p17 port 51820 (encrypted by WireGuard)");
  CHECK(bench.classifier.counts().opaque_packets == 2);
}

TEST_CASE("classifier: an address that carries an outside one is listed each time") {
  Bench bench;
  const std::string frame = v6(17, "fd00:42::5", "fd00:10::5efe:c633:6409", udp(5, 9999));
  const std::string first = bench.see(frame);
  CHECK(first.substr(0, 14) == "tunnel\nAT-A015");
  CHECK(bench.see(frame) == first);
}

TEST_CASE("classifier: echo requests and their replies are one flow") {
  Bench bench;
  CHECK(bench.see(echo(8, 0, "198.51.100.9", "10.10.0.3")) ==
        "outside-inbound\nAT-A013 outside-inbound listed 198.51.100.9 > 10.10.0.3 p1");
  CHECK(bench.see(echo(0, 0, "10.10.0.3", "198.51.100.9")) ==
        "escape\nAT-A002 escape violated 10.10.0.3 > 198.51.100.9 p1 guessed");
  CHECK(bench.classifier.counts().flows.created == 1);
}

TEST_CASE("classifier: ICMP by type and code") {
  Policy policy = policy_for_tests();
  policy.flows[0].services =
      ServiceSet::of(Protocol::Icmp, PortSet::of(0x0800)) | ServiceSet::of(Protocol::Icmp, PortSet::of(0x0304));
  const Boundary boundary(policy);
  Bench bench(16, boundary);
  CHECK(bench.see(echo(8, 0, "10.42.1.5", "10.20.0.10")).substr(0, 17) == "inside-undeclared");
  CHECK(bench.see(echo(8, 0, "10.42.1.5", "10.42.2.5")) == "inside-declared");
  CHECK(bench.see(echo(0, 0, "10.42.2.5", "10.42.1.5")) == "inside-declared");  // the reply
  CHECK(bench.see(echo(3, 4, "10.42.1.5", "10.42.2.5")) == "inside-declared");
  CHECK(bench.see(echo(3, 1, "10.42.1.5", "10.42.2.5")) == "inside-cluster");
  CHECK(bench.see(echo(0, 0, "10.42.1.5", "10.42.2.7")) == "inside-declared");  // who asked was not seen
  CHECK(bench.see(echo(13, 0, "10.42.1.5", "10.42.2.7")) == "inside-cluster");
}

TEST_CASE("classifier: ICMP of another code in the flow of a declared one") {
  Policy policy = policy_for_tests();
  policy.flows[0].services = ServiceSet::of(Protocol::Icmp, PortSet::of(0x0800));
  const Boundary boundary(policy);
  Bench bench(16, boundary);
  REQUIRE(bench.see(echo(8, 0, "10.42.1.5", "10.42.2.5")) == "inside-declared");
  CHECK(bench.see(echo(8, 1, "10.42.1.5", "10.42.2.5")) == "inside-cluster");
}
TEST_CASE("classifier: ICMP of another code that carries a source route") {
  Policy policy = policy_for_tests();
  policy.flows[0].services = ServiceSet::of(Protocol::Icmp, PortSet::of(0x0800));
  const Boundary boundary(policy);
  Bench bench(16, boundary);
  REQUIRE(bench.see(echo(8, 0, "10.42.1.5", "10.42.2.5")) == "inside-declared");
  REQUIRE(bench.see(echo(8, 1, "10.42.1.5", "10.42.2.5", hex("83 07 04 0a2a0305 00"))) == "inside-cluster");
  CHECK(bench.see(echo(8, 0, "10.42.1.5", "10.42.2.5")) == "inside-declared");
}

TEST_CASE("classifier: what is listed of a flow is listed of each packet") {
  Bench bench;
  const std::string listed = "inside-undeclared\nAT-A012 inside-undeclared listed 10.42.1.5 > 10.20.0.10 p6 port 8001";
  CHECK(bench.see(syn("10.42.1.5", "10.20.0.10", 8001)) == listed);
  CHECK(bench.see(v4(6, "10.20.0.10", "10.42.1.5", flagged(kSyn | kAck, 8001, 40'000))) == listed);
  CHECK(bench.see(ack("10.42.1.5", "10.20.0.10", 40'000, 8001)) == listed);
}

// The table without a place keeps nothing, so every packet is judged by itself.
TEST_CASE("classifier: known flows are judged as each packet by itself") {
  std::mt19937_64 engine(11);
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(engine() % bound); };
  const std::vector<std::string> ends = {"10.42.1.5",  "10.42.2.5", "10.10.0.3",
                                         "10.20.0.10", "10.30.0.9", "10.43.0.10"};
  Bench fast(2048), slow(0);
  fast.marks.quiet = slow.marks.quiet = true;
  for (int i = 0; i < 20'000; ++i) {
    const std::string& client = ends[below(6)];
    const std::string& server = ends[below(6)];
    const unsigned port = std::vector<unsigned>{8000, 9018, 443, 7000}[below(4)];
    const unsigned from = 40'000 + below(3);
    const bool reply = below(2) == 0;
    const std::uint8_t flags = reply ? kSyn | kAck : kSyn;  // whoever opened shows in each
    // One connection has one sequence number: with another its SYN would begin a flow anew.
    const std::string frame = reply ? v4(6, server, client, flagged(flags, port, from, {}, engine() & 0xffff))
                                    : v4(6, client, server, flagged(flags, from, port, {}, from + port));
    REQUIRE(fast.see(frame) == slow.see(frame));
  }
  CHECK(slow.classifier.counts().flows.untracked == 20'000);
  CHECK(fast.classifier.counts().flows.untracked == 0);
  CHECK(fast.classifier.counts().flows.created < 450);
}

TEST_CASE("classifier: what a flow leaves unsaid is said of its first packet") {
  Bench bench;
  bench.point.file = 3;
  bench.number = 41;
  bench.see(syn("10.42.1.5", "10.20.0.10", 8000));
  bench.time += 5;
  bench.point.file = 4;
  bench.see(ack("10.42.1.5", "10.20.0.10", 40'000, 8000, client_hello("vllm.corp.example").substr(0, 30)));
  bench.marks.text.clear();
  bench.classifier.finish();
  CHECK(bench.marks.text ==
        "AT-A027 undecodable inconclusive 10.42.1.5 > 10.20.0.10 p6 port 8000 (a TLS ClientHello is not whole)");
  CHECK(bench.marks.last_frame.number == 42);
  CHECK(bench.marks.last_frame.time == kNow);
  CHECK(bench.marks.last_frame.bytes.empty());
  CHECK(bench.marks.last_point.file == 3);
  CHECK(bench.marks.last_point.name == "eth0");
}

TEST_CASE("classifier: at the end of a flow its opener and its exception count") {
  const auto at_end = [](std::string_view source, std::string_view destination, Direction direction, Role role) {
    Bench bench;
    if (role == Role::PodSide) bench.point = bench.pod;
    bench.direction = direction;
    bench.see(syn(source, destination, 443));
    bench.see(ack(source, destination, 40'000, 443, client_hello("x.example").substr(0, 30)));
    bench.marks.text.clear();
    bench.classifier.finish();
    return bench.marks.text;
  };
  const std::string why = " p6 port 443 (a TLS ClientHello is not whole)";
  CHECK(at_end("10.42.1.5", "10.20.0.10", Direction::Unknown, Role::Uplink) ==
        "AT-A027 undecodable inconclusive 10.42.1.5 > 10.20.0.10" + why);
  CHECK(at_end("10.42.1.5", "10.20.0.10", Direction::Transmitted, Role::Uplink) ==
        "AT-A027 undecodable inconclusive 10.42.1.5 > 10.20.0.10" + why);
  CHECK(at_end("10.42.1.5", "10.20.0.10", Direction::Received, Role::Uplink) ==
        "AT-A027 undecodable listed 10.42.1.5 > 10.20.0.10" + why);
  CHECK(at_end("10.42.1.5", "10.42.2.5", Direction::Unknown, Role::Uplink) ==
        "AT-A027 undecodable listed 10.42.1.5 > 10.42.2.5" + why);
  // Toward an outside destination its address says it all.
  CHECK(at_end("10.42.1.5", "203.0.113.7", Direction::Unknown, Role::Uplink) == "");
  CHECK(at_end("10.42.1.5", "198.51.100.9", Direction::Unknown, Role::Uplink) == "");
  CHECK(at_end("10.42.1.5", "10.20.0.10", Direction::Received, Role::PodSide) ==
        "AT-A027 undecodable listed 10.42.1.5 > 10.20.0.10" + why);
}

TEST_CASE("classifier: a flow that makes room is told of, and the packet at hand is judged as ever") {
  Bench bench(1);
  bench.see(syn("10.42.1.5", "10.20.0.10", 8000));
  bench.see(ack("10.42.1.5", "10.20.0.10", 40'000, 8000, client_hello("vllm.corp.example").substr(0, 30)));
  CHECK(bench.see(syn("10.42.1.6", "198.51.100.9", 443)) ==
        "escape\nAT-A001 escape violated 10.42.1.6 > 198.51.100.9 p6 port 443");  // no room
  CHECK(bench.classifier.counts().flows.untracked == 1);
  bench.time += 8'000'000'000'000;
  CHECK(bench.see(syn("10.42.1.6", "198.51.100.9", 443)) ==
        "escape\nAT-A027 undecodable inconclusive 10.42.1.5 > 10.20.0.10 p6 port 8000 (a TLS ClientHello is not "
        "whole)\nAT-A001 escape violated 10.42.1.6 > 198.51.100.9 p6 port 443");
  CHECK(bench.worst_id == "AT-A001");
  CHECK(bench.classifier.counts().flows.evicted == 1);
}

TEST_CASE("classifier: packets, bytes and flows of each class") {
  Bench bench;
  const std::string out = syn("10.42.1.5", "198.51.100.9", 443);
  bench.see(out);
  bench.see(ack("10.42.1.5", "198.51.100.9", 40'000, 443));
  bench.see(v4(6, "198.51.100.9", "10.42.1.5", flagged(kSyn | kAck, 443, 40'000)));
  bench.see(syn("10.42.1.5", "198.51.100.9", 443, 40'001));
  bench.see(v6(17, "fd00:42::5", "fd00:42::6", udp(1, 2)));
  bench.see(eth(0x0806, hex("0001 0800 06 04 0001 02000000000a 0a0a0001 000000000000 0a0a0002")));
  bench.see(eth(0x88e1, "abcd"));
  bench.missing = 9;
  bench.see(eth(0x0800, hex("45 00 003c")));
  const Counts counts = bench.classifier.counts();
  const auto of = [&](Class cls) {
    const ClassCount& count = counts.classes[static_cast<std::size_t>(cls)];
    return std::to_string(count.packets) + " " + std::to_string(count.bytes) + " " + std::to_string(count.flows);
  };
  CHECK(of(Class::Escape) == "3 162 2");
  CHECK(of(Class::OutsideInbound) == "1 54 1");  // the flow of the first escape, in another class
  CHECK(of(Class::InsideCluster) == "1 62 1");
  CHECK(of(Class::LinkLocal) == "1 42 0");
  CHECK(of(Class::NonIp) == "1 18 0");
  CHECK(of(Class::Undecodable) == "1 27 0");
  CHECK(counts.packets == 8);
  CHECK(counts.bytes == 365);
  CHECK(counts.ipv4 == 4);
  CHECK(counts.ipv6 == 1);
  CHECK(counts.arp == 1);
  CHECK(counts.other == 2);
  CHECK(counts.undecoded == 1);
  CHECK(counts.flows.created == 3);
}

TEST_CASE("classifier: sums of counts") {
  Counts one;
  one.packets = 1, one.bytes = 2, one.undecoded = 3, one.ipv4 = 4, one.ipv6 = 5, one.arp = 6, one.other = 7;
  one.classes[0] = {8, 9, 10};
  one.classes[15] = {11, 12, 13};
  one.opaque_packets = 14, one.fragments = 15, one.fragments_given_up = 16, one.exceptions = 5;
  one.flows = {17, 18, 19};
  one.application = {20, 21, 22, 23, 24, 25, 26, 27, 28, 29};
  Counts sum;
  sum.exceptions = 2;
  sum.excepted_by_pods = true;
  sum += one;
  sum += one;
  CHECK(sum.exceptions == 7);
  CHECK(sum.excepted_by_pods);
  const std::vector<std::uint64_t> all = {sum.packets,
                                          sum.bytes,
                                          sum.undecoded,
                                          sum.ipv4,
                                          sum.ipv6,
                                          sum.arp,
                                          sum.other,
                                          sum.classes[0].packets,
                                          sum.classes[0].bytes,
                                          sum.classes[0].flows,
                                          sum.classes[15].packets,
                                          sum.classes[15].bytes,
                                          sum.classes[15].flows,
                                          sum.opaque_packets,
                                          sum.fragments,
                                          sum.fragments_given_up,
                                          sum.flows.created,
                                          sum.flows.evicted,
                                          sum.flows.untracked,
                                          sum.application.dns_questions,
                                          sum.application.dns_answers,
                                          sum.application.tls_hellos,
                                          sum.application.quic_hellos,
                                          sum.application.http_requests,
                                          sum.application.socks_requests,
                                          sum.application.encrypted_flows,
                                          sum.application.midway_flows,
                                          sum.application.unread_streams,
                                          sum.application.unknown_flows};
  for (std::size_t i = 0; i < all.size(); ++i) {
    INFO(i);
    CHECK(all[i] == 2 * (i + 1));
  }
}

TEST_CASE("classifier: a second SYN begins a flow anew") {
  Bench bench;
  const auto syn_at = [](std::uint32_t sequence) {
    return v4(6, "10.42.1.5", "10.20.0.10", flagged(kSyn, 40'000, 8000, {}, sequence));
  };
  bench.see(syn_at(100));
  bench.see(ack("10.42.1.5", "10.20.0.10", 40'000, 8000, client_hello("vllm.corp.example").substr(0, 30), 101));
  CHECK(bench.see(syn_at(100)) == "inside-declared");
  CHECK(bench.classifier.counts().flows.created == 1);
  // What the former one leaves unsaid is not said of this packet.
  bench.marks.text.clear();
  const std::string another = syn_at(900);
  CHECK(bench.classifier.see(bench.frame(another), bench.uplink, 0) == nullptr);
  CHECK(bench.marks.text ==
        "AT-A027 undecodable inconclusive 10.42.1.5 > 10.20.0.10 p6 port 8000 (a TLS ClientHello is not whole)");
  CHECK(bench.marks.last_frame.number == 1);
  CHECK(bench.classifier.counts().flows.created == 2);
  CHECK(bench.see(ack("10.42.1.5", "10.20.0.10", 40'000, 8000, client_hello("api.openai.com"), 901)) ==
        "outside-name-in-tls\nAT-A024 outside-name-in-tls violated 10.42.1.5 > 10.20.0.10 p6 port 8000 api.openai.com "
        "(TLS server name) {Hosted LLM providers: OpenAI}");
}

TEST_CASE("classifier: routers and servers") {
  const auto advert = [](std::string_view options = "") {
    std::string frame = v6(58, "fe80::1", "ff02::1", hex("8600 0000 40 00 0708 00000000 00000000") + hex(options));
    frame[14 + 7] = '\xff';
    return frame;
  };
  const std::string_view outside = "19 03 0000 00000708 20010db8000000000000000000000001";
  const std::string_view inside = "19 03 0000 00000708 fd000010000000000000000000000053";
  struct Case {
    const char* name;
    std::string frame;
    Role role;
    Direction direction;
    std::string_view expected;
  };
  const Case cases[] = {
      {"of the segment", advert(), Role::Uplink, Direction::Received, "link-local"},
      {"of this node", advert(), Role::Uplink, Direction::Transmitted,
       "rogue-server\n"
       "AT-A040 rogue-server listed fe80::1 > ff02::1 p58 (router advertisement)"},
      {"unknown direction", advert(), Role::Uplink, Direction::Unknown, "link-local"},
      {"by a pod", advert(), Role::PodSide, Direction::Received,
       "rogue-server\n"
       "AT-A040 rogue-server listed fe80::1 > ff02::1 p58 (router advertisement)"},
      {"to a pod", advert(), Role::PodSide, Direction::Transmitted, "link-local"},
      {"outside resolver", advert(outside), Role::Uplink, Direction::Received,
       "rogue-server\n"
       "AT-A041 rogue-server listed fe80::1 > ff02::1 p58 (resolver 2001:db8::1 in a router advertisement)"},
      {"inside resolver", advert(inside), Role::Uplink, Direction::Received, "link-local"},
  };
  for (const Case& row : cases) {
    Bench bench;
    if (row.role == Role::PodSide) bench.point = bench.pod;
    bench.direction = row.direction;
    INFO(row.name);
    CHECK(bench.see(row.frame) == row.expected);
  }
  Bench bench;
  std::string solicitation =
      v6(58, "fe80::1", "ff02::1:ff00:5", hex("8700 0000 00000000 fd000010000000000000000000000005"));
  solicitation[14 + 7] = '\xff';
  CHECK(bench.see(solicitation) == "link-local");
  std::string advertisement =
      v6(58, "fe80::1", "2001:db8::1", hex("8800 0000 60000000 fd000010000000000000000000000005"));
  advertisement[14 + 7] = '\xff';
  CHECK(bench.see(advertisement) == "escape\nAT-A001 escape violated fe80::1 > 2001:db8::1 p58");
  const Policy without = sample_policy();  // where nobody declares DHCP
  const Boundary boundary(without);
  const std::string discover = v4(17, "0.0.0.0", "255.255.255.255",
                                  udp(68, 67,
                                      hex("01010600 12345678") + std::string(20, '\0') + hex("02000000000a") +
                                          std::string(202, '\0') + hex("63825363 350101 ff")));
  CHECK(bench.see(discover) == "link-local");
  CHECK(Bench(16, boundary).see(discover) == "escape\nAT-A001 escape violated 0.0.0.0 > 255.255.255.255 p17 port 67");
  solicitation[14 + 24] = '\x20', solicitation[14 + 25] = '\x01';  // to an outside address
  CHECK(bench.see(solicitation) ==
        "escape\n"
        "AT-A001 escape violated fe80::1 > 2001::1:ff00:5 p58");
}

TEST_CASE("classifier: a packet is known again after its address was translated") {
  Bench bench;
  bench.point = bench.pod;
  bench.see(v4(6, "10.42.1.5", "198.51.100.9", flagged(kSyn, 40'000, 443, {}, 77)));
  bench.point = bench.uplink;
  bench.see(v4(6, "10.10.0.3", "198.51.100.9", flagged(kSyn, 61'000, 443, {}, 77)));
  bench.see(v4(6, "10.10.0.3", "198.51.100.9", flagged(kSyn, 61'000, 443, {}, 78)));
  bench.see(v4(6, "10.10.0.3", "198.51.100.9", flagged(kAck, 61'000, 443, {}, 77)));
  bench.see(v4(6, "10.10.0.3", "198.51.100.9", flagged(kSyn, 61'000, 443, "x", 77)));
  bench.see(v4(17, "10.10.0.3", "198.51.100.9", udp(61'000, 443, std::string(300, 'x'))));
  bench.see(v4(17, "10.10.0.3", "198.51.100.9", udp(61'000, 443, std::string(256, 'x') + std::string(44, 'y'))));
  bench.see(v4(17, "10.10.0.3", "198.51.100.9", udp(61'000, 443, std::string(255, 'x') + "y" + std::string(44, 'x'))));
  const std::vector<std::uint64_t>& seen = bench.marks.fingerprints;
  REQUIRE(seen.size() == 8);
  CHECK(seen[0] == seen[1]);
  for (std::size_t i = 2; i < 5; ++i) CHECK(seen[i] != seen[0]);
  CHECK(seen[5] == seen[6]);  // the first 256 bytes alone
  CHECK(seen[5] != seen[7]);
  CHECK(std::count(seen.begin(), seen.end(), 0u) == 0);
}

TEST_CASE("classifier: clean packets cost no allocation after warm-up") {
  std::vector<std::string> frames;
  const std::string vxlan = hex("08000000 00000100");
  for (unsigned from = 1000; from < 1100; ++from) {
    frames.push_back(syn("10.42.1.5", "10.20.0.10", 8000, from));
    frames.push_back(v4(6, "10.20.0.10", "10.42.1.5", flagged(kSyn | kAck, 8000, from)));
    frames.push_back(ack("10.42.1.5", "10.20.0.10", from, 8000,
                         from % 2 == 0 ? client_hello("vllm.corp.example") : http_get("vllm.corp.example:8000")));
    frames.push_back(ack("10.20.0.10", "10.42.1.5", 8000, from, std::string(900, 'z')));
    frames.push_back(v6(6, "fd00:42::5", "fd00:20::10", flagged(kAck, from, 8000, "data")));
    frames.push_back(v4(17, "10.42.1.5", "10.20.0.53", udp(from, 53, dns(kInsideName))));
    frames.push_back(v4(17, "10.20.0.53", "10.42.1.5",
                        udp(53, from, dns(kInsideName, "8180", 1, "c00c 0001 0001 00000001 0004 0a14000a"))));
    frames.push_back(ack("10.42.1.9", "10.20.0.10", from, 8000,
                         "POST / HTTP/1.1\r\nHost: vllm.corp.example:8000\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "3\r\nabc\r\n0\r\n\r\n"));
    frames.push_back(v4(17, "10.42.1.5", "10.42.2.5", udp(from, 7000, "payload")));
    frames.push_back(echo(8, 0, "10.42.1.5", "10.42.2.5"));
    frames.push_back(v4(17, "10.10.0.3", "10.10.0.4",
                        udp(from, 8472, vxlan + v4(6, "10.42.1.5", "10.42.2.5", flagged(kAck, from, 9018, "inner")))));
    frames.push_back(eth(0x0806, hex("0001 0800 06 04 0001 02000000000a 0a0a0001 000000000000 0a0a0002")));
  }
  Bench bench(8192);
  bench.marks.quiet = bench.names.quiet = true;
  std::vector<Frame> views;
  for (const std::string& frame : frames) views.push_back(bench.frame(frame));
  const RuleInfo* worst = nullptr;
  const auto see_all = [&] {
    for (Frame& view : views) {
      view.number = ++bench.number;
      view.time = ++bench.time;
      if (const RuleInfo* rule = bench.classifier.see(view, bench.uplink, 0)) worst = rule;
    }
  };
  see_all();
  const std::size_t before = allocations();
  for (int round = 0; round < 20; ++round) see_all();
  CHECK(allocations() - before == 0);
  CHECK(worst == nullptr);
  CHECK(bench.classifier.counts().packets == 21 * frames.size());
  // Bytes that come again are looked at again.
  CHECK(bench.classifier.counts().application.tls_hellos == 21 * 50);
  CHECK(bench.classifier.counts().application.http_requests == 21 * (50 + 100));

  // Neither do flows that are new.
  std::vector<std::string> more;
  for (unsigned from = 2000; from < 3000; ++from) more.push_back(syn("10.42.1.7", "10.20.0.10", 8000, from));
  const std::size_t again = allocations();
  for (const std::string& frame : more) bench.classifier.see(bench.frame(frame), bench.uplink, 0);
  CHECK(allocations() - again == 0);
}

}  // namespace
}  // namespace airtight::audit
