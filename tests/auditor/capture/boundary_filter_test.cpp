// The boundary filter against the classifier: what it discards is nothing that anybody would have marked.
#include "auditor/capture/boundary_filter.h"

#include <linux/filter.h>

#include <catch2/catch.hpp>
#include <random>

#include "auditor/capture/filter_assembler.h"
#include "auditor/finding.h"
#include "tests/auditor/capture/boundary_frames.h"
#include "tests/auditor/capture/veth_pair.h"
#include "tests/auditor/replay/random_traffic.h"
#include "tests/policy/random_policy.h"

namespace airtight::audit::test {
namespace {

BoundaryFilter filter_of(const Policy& policy) {
  std::string why;
  const auto filter = make_boundary_filter(policy, 65'535, why);
  if (!filter) throw std::runtime_error(why);
  return *filter;
}
const BoundaryFilter& shared_filter() {
  static const BoundaryFilter filter = filter_of(shared_policy());
  return filter;
}
Bytes bytes_of(const std::string& text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }
bool discards(const BoundaryFilter& filter, const std::string& frame, bool vlan = false) {
  FilterInput input;
  input.bytes = bytes_of(frame);
  input.vlan = vlan;
  return run_filter(filter.judge, input) == 0;
}

// Of the sample policy: 10.42.0.0/16 pods, 10.43.0.0/16 services, 10.10.0.0/24 nodes, 10.20.0.53 a resolver that is
// inside and not of the cluster.
constexpr const char* kPod = "10.42.1.2";
constexpr const char* kOther = "10.42.9.9";
constexpr const char* kPod6 = "fd00:42::7";
constexpr const char* kOther6 = "fd00:42::99";
const std::string kBulk(100, 'b');

std::string bulk(const std::string& payload, unsigned from = 30'000, unsigned to = 30'001) {
  return v4(17, kPod, kOther, udp(from, to, payload));
}
void include_pods(Policy& policy) {
  for (const Prefix& prefix : policy.cluster.pods) policy.inside_ranges.push_back({prefix, "pods", "", "", {}});
  derive(policy);
}

TEST_CASE("boundary filter: what it discards, and what it leaves to be judged") {
  struct Case {
    const char* name;
    std::string frame;
    bool discarded;
  };
  const std::string reply = hex("0000 0007 0001") + "abcdefgh";
  std::string odd = v4(17, kPod, kOther, udp(30'000, 30'001, kBulk));
  const auto changed = [&](std::size_t at, int value) {
    std::string frame = odd;
    frame[at] = static_cast<char>(value);
    return frame;
  };
  const std::string dns_question = dns(kOutsideName);
  const Case cases[] = {
      {"UDP in bulk", bulk(kBulk), true},
      {"UDP in bulk, to a Service", v4(17, kPod, "10.43.0.1", udp(9, 10, kBulk)), true},
      {"UDP in bulk, over IPv6", v6(17, kPod6, kOther6, udp(9, 10, kBulk)), true},
      {"an acknowledgement", v4(6, kPod, kOther, flagged(kAck, 443, 40'000)), true},
      {"an acknowledgement over IPv6", v6(6, kPod6, kOther6, flagged(kAck, 443, 40'000)), true},
      {"padded to the least that Ethernet takes", v4(6, kPod, kOther, flagged(kAck, 443, 40'000)) + std::string(6, 0),
       true},
      {"an echo request", v4(1, kPod, kOther, echo(8, reply)), true},
      {"an echo reply", v4(1, kPod, kOther, echo(0, reply)), true},
      {"an ICMPv6 echo", v6(58, kPod6, kOther6, echo(128, reply)), true},

      {"from the outside", v4(17, "198.51.100.1", kPod, udp(9, 10, kBulk)), false},
      {"to the outside", v4(17, kPod, "198.51.100.1", udp(9, 10, kBulk)), false},
      {"to an inside address that is not of the cluster", v4(17, kPod, "10.20.0.10", udp(9, 10, kBulk)), false},
      {"to an outside address, over IPv6", v6(17, kPod6, "2001:db8::1", udp(9, 10, kBulk)), false},
      {"tagged", eth(0x8100, hex("0005 0800") + ip4(17, kPod, kOther, udp(9, 10, kBulk))), false},
      {"tagged by a provider", eth(0x88a8, hex("0005 0800") + ip4(17, kPod, kOther, udp(9, 10, kBulk))), false},
      {"a first fragment", fragment(kPod, kOther, 0, true, udp(9, 10, kBulk)), false},
      {"a later fragment", fragment(kPod, kOther, 64, false, kBulk), false},
      {"with options", eth(0x0800, ip4(17, kPod, kOther, udp(9, 10, kBulk), hex("01010101"))), false},
      {"with an extension header", v6(60, kPod6, kOther6, hex("1100 010400000000") + udp(9, 10, kBulk)), false},
      {"another IP version", changed(14, 0x55), false},
      {"IPv4 that is said to be IPv6", changed(12, 0x86), false},
      {"an IP length beyond the frame", changed(16, 0x7f), false},
      {"a UDP length that is another", changed(39, 0x20), false},
      {"a reserved flag", changed(20, 0x80), false},
      {"SCTP", v4(132, kPod, kOther, kBulk), false},
      {"IP in IP", v4(4, kPod, kOther, ip4(17, kPod, kOther, udp(9, 10, kBulk))), false},
      {"GRE", v4(47, kPod, kOther, kBulk), false},
      {"ARP", eth(0x0806, kBulk), false},
      {"a redirect", v4(1, kPod, kOther, echo(5, reply)), false},
      {"ICMP that is short", v4(1, kPod, kOther, hex("0800 0000")), false},
      {"a neighbour advertisement", v6(58, kPod6, kOther6, echo(136, reply)), false},
      {"ICMPv6 in IPv4", v4(58, kPod, kOther, echo(128, reply)), false},
      {"ICMP in IPv6", v6(1, kPod6, kOther6, echo(8, reply)), false},
      {"a segment with a payload", v4(6, kPod, kOther, flagged(kAck, 443, 40'000, "x")), false},
      {"SYN", v4(6, kPod, kOther, flagged(kSyn, 40'000, 443)), false},
      {"SYN and ACK", v4(6, kPod, kOther, flagged(kSyn | kAck, 443, 40'000)), false},
      {"FIN", v4(6, kPod, kOther, flagged(kFin | kAck, 443, 40'000)), false},
      {"RST", v4(6, kPod, kOther, flagged(kRst | kAck, 443, 40'000)), false},
      {"no flags", v4(6, kPod, kOther, flagged(0, 443, 40'000)), false},
      {"urgent", v4(6, kPod, kOther, flagged(kAck | 32, 443, 40'000)), false},
      {"a datagram of few bytes", bulk("twelve bytes"), false},
      {"an empty datagram", bulk(""), false},
      {"to the port of DNS", bulk(kBulk, 30'000, 53), false},
      {"from the port of DNS", bulk(kBulk, 53, 30'000), false},
      {"to the port of multicast DNS", bulk(kBulk, 30'000, 5353), false},
      {"to the port of DHCP", bulk(kBulk, 30'000, 67), false},
      {"to the port of DNS over TLS", v4(6, kPod, kOther, flagged(kAck, 30'000, 853)), false},
      {"to the port of VXLAN", bulk(kBulk, 30'000, 4789), false},
      {"to a declared tunnel's port", bulk(kBulk, 30'000, 7777), false},
      {"from a declared tunnel's port", bulk(kBulk, 7777, 30'000), false},
      {"a DNS question on another port", bulk(dns_question), false},
      {"a QUIC Initial", bulk(hex("c0 00000001 08 0102030405060708 00") + kBulk), false},
      {"Google's QUIC", bulk(hex("0d 0102030405060708") + "Q043" + kBulk), false},
      {"Google's QUIC without a connection id", bulk(hex("01") + "Q043" + kBulk), false},
      {"DTLS", bulk(hex("16 fefd 0000 000000000000 0032 01") + kBulk), false},
      {"WireGuard", bulk(hex("04 000000") + kBulk), false},
      {"OpenVPN", bulk(hex("38") + kBulk), false},
      {"Teredo between clients", bulk(hex("60000000 0004 3b40 20010000") + std::string(28, 0) + "1234"), false},
      {"what begins like IPv6 and is none", bulk(hex("60000000 0005 3b40 20010000") + std::string(28, 0) + "1234"),
       true},
      {"what begins like WireGuard and is none", bulk(hex("05 000000") + kBulk), true},
      {"two questions, as in no DNS that is looked for", bulk(hex("0007 0100 0002") + kBulk), true},
  };
  for (const Case& each : cases) {
    INFO(each.name);
    CHECK(discards(shared_filter(), each.frame) == each.discarded);
    if (each.discarded) {
      CHECK(Bench().see(each.frame) == "inside-cluster");
      CHECK_FALSE(discards(shared_filter(), each.frame, true));
    }
    FilterInput input;
    input.bytes = bytes_of(each.frame);
    CHECK(run_filter(shared_filter().discard_all, input) == (each.discarded ? 1 : 0));
    CHECK(run_filter(shared_filter().discard, input) == 0);
    input.outgoing = true;
    CHECK(run_filter(shared_filter().discard, input) == (each.discarded ? 1 : 0));
    input.hardware = 65'534;  // a tun device: the first byte is of an IP header
    CHECK(run_filter(shared_filter().judge, input) == 65'535);
  }
}

TEST_CASE("boundary filter: an IPv6 address that carries an IPv4 address is judged, whatever ranges say") {
  Policy policy = policy_for_tests();
  policy.cluster.pods.push_back(prefix_of("fd00:77::/32"));
  policy.cluster.pods.push_back(prefix_of("64:ff9b:1:8000::/49"));
  include_pods(policy);
  const BoundaryFilter filter = filter_of(policy);
  CHECK(discards(filter, v6(17, "fd00:77::1", "fd00:77::2", udp(9, 10, kBulk))));
  CHECK_FALSE(discards(filter, v6(17, "fd00:77::1", "fd00:77::5efe:c633:6401", udp(9, 10, kBulk))));
  CHECK_FALSE(discards(filter, v6(17, "fd00:77::1", "fd00:77::200:5efe:c633:6401", udp(9, 10, kBulk))));
  CHECK_FALSE(discards(filter, v6(17, "fd00:77::1", "64:ff9b:1:8000::c633:6401", udp(9, 10, kBulk))));
}

TEST_CASE("boundary filter: a frame of any length that is cut is judged") {
  for (const std::string& whole : {v4(17, kPod, kOther, udp(9, 10, kBulk)), v6(17, kPod6, kOther6, udp(9, 10, kBulk)),
                                   v4(6, kPod, kOther, flagged(kAck, 1, 2)), v6(6, kPod6, kOther6, flagged(kAck, 1, 2)),
                                   v4(1, kPod, kOther, echo(8, hex("0000 0007 0001"))),
                                   v6(58, kPod6, kOther6, echo(128, hex("0000 0007 0001")))}) {
    REQUIRE(discards(shared_filter(), whole));
    for (std::size_t size = 0; size < whole.size(); ++size)
      CHECK_FALSE(discards(shared_filter(), whole.substr(0, size)));
  }
}

TEST_CASE("boundary filter: trees say what the sets say") {
  std::mt19937_64 engine(4);
  for (unsigned round = 0; round < 60; ++round) {
    std::vector<Interval<u128>> ranges;
    std::vector<u128> asked{0, ~u128{0}};
    // Bounds that share words with each other, at every depth.
    const auto some = [&] {
      u128 value = 0;
      for (int word = 0; word < 4; ++word) {
        constexpr std::uint32_t kWords[] = {0, 1, 0xfd000042, 0x80000000, 0xffffffff, 0xfffffffe};
        value = value << 32 | (engine() % 5 == 0 ? static_cast<std::uint32_t>(engine()) : kWords[engine() % 6]);
      }
      return value;
    };
    for (std::size_t i = 0; i < 1 + round * 2; ++i) {
      const u128 a = some(), b = engine() % 3 == 0 ? a : some();
      ranges.push_back({std::min(a, b), std::min(std::max(a, b), std::min(a, b) + (~u128{0} >> (engine() % 128)))});
      if (ranges.back().last < ranges.back().first) ranges.back().last = ~u128{0};
      for (const u128 edge : {ranges.back().first, ranges.back().last}) {
        asked.insert(asked.end(), {edge, edge - 1, edge + 1});
      }
    }
    const auto set = IntervalSet<u128>::from(ranges);
    FilterAssembler made;
    const auto yes = made.give(1), no = made.give(0);
    const FilterProgram program = made.program(made.address_among(set.intervals(), 0, yes, no));
    for (int i = 0; i < 100; ++i) asked.push_back(some());
    for (const u128 value : asked) {
      std::string bytes;
      for (int shift = 120; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
      FilterInput input;
      input.bytes = bytes_of(bytes);
      REQUIRE(run_filter(program, input) == (set.contains(value) ? 1 : 0));
    }
  }
}

TEST_CASE("boundary filter: a policy of many ranges fits, one of too many is refused with the figure") {
  Policy policy = policy_for_tests();
  policy.cluster.pods.clear();
  const auto add = [&](unsigned first, unsigned last) {
    for (unsigned i = first; i < last; ++i)
      policy.cluster.pods.push_back(
          prefix_of("10." + std::to_string(100 + i / 128) + "." + std::to_string(i % 128 * 2) + ".0/24"));
  };
  add(0, 400);
  include_pods(policy);
  std::string why;
  const auto filter = make_boundary_filter(policy, 65'535, why);
  REQUIRE(filter);
  CHECK(filter->judge.size() > 1'600);
  CHECK(discards(*filter, v4(17, "10.100.0.1", "10.103.30.255", udp(9, 10, kBulk))));
  CHECK_FALSE(discards(*filter, v4(17, "10.100.0.1", "10.103.31.0", udp(9, 10, kBulk))));
  CHECK(prove_boundary_filter(*filter, policy, why));
  CHECK(why == "");
  add(400, 1200);
  include_pods(policy);
  CHECK_FALSE(make_boundary_filter(policy, 65'535, why));
  CHECK_THAT(why, Catch::Matches(
                      "the cluster's address ranges and ports come to [0-9]+ instructions, and the kernel takes 4096"));

  CHECK_FALSE(make_boundary_filter(Policy{}, 65'535, why));
  CHECK(why == "the policy names no addresses of the cluster");
}

TEST_CASE("boundary filter: the proof holds for the sample policy and for random ones") {
  std::string why;
  CHECK(prove_boundary_filter(shared_filter(), shared_policy(), why));
  CHECK(why == "");
  unsigned proven = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const Policy policy = random_policy(seed);
    const auto filter = make_boundary_filter(policy, 65'535, why);
    if (!filter) continue;
    INFO(seed << ": " << why);
    CHECK(prove_boundary_filter(*filter, policy, why));
    ++proven;
  }
  CHECK(proven > 4);
}

TEST_CASE("boundary filter: the proof finds a filter of another policy, and one that is broken") {
  Policy smaller = policy_for_tests();
  smaller.cluster.services.clear();
  derive(smaller);
  std::string why;
  CHECK_FALSE(prove_boundary_filter(shared_filter(), smaller, why));
  CHECK_THAT(why, Catch::StartsWith("a frame from "));

  // A tunnel that the filter does not know of.
  Policy tunnelled = policy_for_tests();
  Tunnel more;
  more.kind = "vxlan";
  more.carrier = airtight::udp(7778);
  tunnelled.cluster.tunnels.push_back(more);
  CHECK_FALSE(prove_boundary_filter(shared_filter(), tunnelled, why));
  CHECK_THAT(why, Catch::EndsWith("is discarded and is one for AT-A051"));

  // Tests in it, turned one by one. Of WireGuard's port nothing depends: its packets are known by their form.
  std::string unseen;
  unsigned tests = 0;
  for (std::size_t i = 0; i < shared_filter().judge.size(); ++i) {
    BoundaryFilter broken = shared_filter();
    FilterInstruction& at = broken.judge[i];
    if (BPF_CLASS(at.code) != BPF_JMP || BPF_OP(at.code) == BPF_JA) continue;
    std::swap(at.jt, at.jf);
    ++tests;
    if (tests % 10 != 0 || at.k == 51'820 || at.k == 51'821) continue;
    if (prove_boundary_filter(broken, shared_policy(), why))
      unseen += std::to_string(i) + " " + std::to_string(at.code) + " " + std::to_string(at.k) + "\n";
  }
  CHECK(tests > 100);
  CHECK(unseen == "");
}

// Findings as text, but for the packets of which only the order is known.
std::string findings_of(FindingLedger& ledger) {
  std::string text;
  for (const Finding& finding : ledger.take()) {
    text += std::string(info(finding.rule).id) + " " + std::string(to_string(finding.effect)) + " " +
            std::string(to_string(finding.role)) + " " +
            (finding.has_addresses ? to_string(finding.source) + ">" + to_string(finding.destination) : "") + " " +
            finding.protocol + " " + std::to_string(finding.port) + " " + finding.name + " " + finding.detail + " " +
            std::to_string(finding.packets) + "\n";
  }
  return text;
}

TEST_CASE("boundary filter: with it and without it the findings are the same") {
  std::size_t frames = 0, discarded = 0, lines = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    std::mt19937_64 engine(seed);
    const Traffic traffic = random_traffic(engine, 250);
    for (const Role role : {Role::Uplink, Role::PodSide}) {
      const Point point{role, "eth0", 0};
      FindingLedger with, without;
      Names names;
      Classifier filtered(shared_boundary(), 4096, with, names), all(shared_boundary(), 4096, without, names);
      std::uint64_t number = 0;
      for (const SentFrame& sent : traffic.frames) {
        Frame frame;
        frame.bytes = bytes_of(sent.bytes);
        frame.original = static_cast<std::uint32_t>(sent.bytes.size());
        frame.direction = sent.direction;
        frame.time = sent.time;
        frame.number = ++number;
        ++frames;
        all.see(frame, point, 0);
        if (discards(shared_filter(), sent.bytes)) {
          ++discarded;
        } else {
          filtered.see(frame, point, 0);
        }
      }
      all.finish();
      filtered.finish();
      const std::string expected = findings_of(without);
      REQUIRE(findings_of(with) == expected);
      lines += static_cast<std::size_t>(std::count(expected.begin(), expected.end(), '\n'));
    }
  }
  CHECK(discarded > 500);
  CHECK(lines > 1'000);
  CHECK(frames > 10'000);
}

// Frames that the proof did not make itself.
TEST_CASE("boundary filter: what it discards of random policies' frames is unmarked and of the cluster") {
  unsigned discarded = 0, judged = 0;
  for (std::uint64_t seed = 100; seed < 130; ++seed) {
    const Policy policy = random_policy(seed);
    std::string why;
    const auto filter = make_boundary_filter(policy, 65'535, why);
    if (!filter) continue;
    const Boundary boundary(policy);
    Bench bench(4096, boundary);
    BoundaryFrames frames(policy, seed);
    for (unsigned i = 0; i < 4'000; ++i) {
      const std::string frame = frames.next();
      bench.point = frames.below(2) == 0 ? bench.uplink : bench.pod;
      bench.time += 7'200'000'000'000;
      bench.direction = static_cast<Direction>(frames.below(3));
      if (!discards(*filter, frame)) {
        ++judged;
        continue;
      }
      ++discarded;
      const std::string said = bench.see(frame);
      INFO(seed << " " << i);
      REQUIRE((said == "inside-cluster" || said == "inside-declared"));
    }
  }
  CHECK(discarded > 2'000);
  CHECK(judged > 10'000);
}

// The kernel's own run of each program, frame by frame, by what it counts.
TEST_CASE("boundary filter: the kernel takes and leaves what our machine does") {
  in_namespace("boundary filter in the kernel", [] {
    const VethPair pair;
    struct At {
      unsigned index;
      bool outgoing;
      std::unique_ptr<CountingSocket> all, judge, discard, discard_all;
      std::array<std::uint64_t, 4> before{};
    };
    const auto counter = [](unsigned index, const FilterProgram& program) {
      std::unique_ptr<CountingSocket> made;
      const auto error = CountingSocket::open(packet_socket(), index, program, made);
      if (error) throw std::system_error(error, "CountingSocket::open");
      return made;
    };
    unsigned discarded = 0;
    for (const std::uint64_t seed : {0u, 1u, 5u, 7u}) {
      const Policy policy = seed == 0 ? policy_for_tests() : random_policy(seed);
      std::string why;
      const auto filter = make_boundary_filter(policy, 65'535, why);
      REQUIRE(filter);
      std::vector<At> places;
      for (const auto& [index, outgoing] : {std::pair{pair.left, true}, std::pair{pair.right, false}}) {
        places.push_back({index,
                          outgoing,
                          counter(index, {}),
                          counter(index, filter->judge),
                          counter(index, filter->discard),
                          counter(index, filter->discard_all),
                          {}});
      }
      Sender sender(pair.left);
      BoundaryFrames frames(policy, seed);
      unsigned tagged = 0;
      for (unsigned i = 0; i < 1'500; ++i) {
        std::string frame = frames.next();
        if (i % 10 == 0) frame = frame.substr(0, 12) + hex(i % 20 == 0 ? "8100 0064" : "88a8 0007") + frame.substr(12);
        if (i % 7 == 0) frame.resize(14 + frames.below(frame.size() - 14 + 1), 'x');
        sender.send(frame);
        for (At& at : places) {
          INFO(seed << " " << i << " " << at.outgoing << " " << hex_of(frame));
          for (int tries = 0; at.all->count() == at.before[0] && tries < 100; ++tries) ::usleep(1'000);
          FilterInput input;
          input.outgoing = at.outgoing;
          std::string seen = frame;
          const std::string type = frame.substr(12, 2);
          if (!at.outgoing && (type == hex("8100") || type == hex("88a8"))) {  // the kernel took the tag off
            if (frame.size() < 20) continue;                                   // or the frame away
            seen.erase(12, 4);
            input.vlan = true;
            ++tagged;
          }
          input.bytes = bytes_of(seen);
          const std::array<std::uint64_t, 4> now{at.all->count(), at.judge->count(), at.discard->count(),
                                                 at.discard_all->count()};
          CHECK(now[0] - at.before[0] == 1);
          CHECK(now[1] - at.before[1] == (run_filter(filter->judge, input) != 0 ? 1 : 0));
          CHECK(now[2] - at.before[2] == (run_filter(filter->discard, input) != 0 ? 1 : 0));
          CHECK(now[3] - at.before[3] == (run_filter(filter->discard_all, input) != 0 ? 1 : 0));
          discarded += now[3] != at.before[3] ? 1u : 0u;
          at.before = now;
        }
      }
      CHECK(tagged > 100);
    }
    CHECK(discarded > 150);
  });
}

TEST_CASE("boundary filter: the kernel takes a program of 4,096 instructions, or says why not") {
  in_namespace("longest filter", [] {
    const VethPair pair;
    FilterProgram longest(4'095, {BPF_LD | BPF_W | BPF_LEN, 0, 0, 0});
    longest.push_back({BPF_RET | BPF_K, 0, 0, 1});
    std::unique_ptr<CountingSocket> counter;
    const auto error = CountingSocket::open(packet_socket(), pair.left, longest, counter);
    CHECK((error == std::error_code() || error == std::errc::not_enough_memory));
    longest.push_back({BPF_RET | BPF_K, 0, 0, 1});
    CHECK(CountingSocket::open(packet_socket(), pair.left, longest, counter) == std::errc::argument_list_too_long);
  });
}

TEST_CASE("boundary filter: the machine runs any program on any bytes") {
  std::mt19937_64 engine(8);
  constexpr std::uint16_t kCodes[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0c, 0x14, 0x15, 0x16, 0x1c,
                                      0x1d, 0x20, 0x24, 0x25, 0x28, 0x2d, 0x30, 0x34, 0x35, 0x3c, 0x3d, 0x40, 0x44,
                                      0x45, 0x48, 0x4c, 0x4d, 0x50, 0x54, 0x5c, 0x60, 0x61, 0x64, 0x6c, 0x74, 0x7c,
                                      0x80, 0x81, 0x84, 0x87, 0x94, 0x9c, 0xa1, 0xa4, 0xac, 0xb1};
  std::uint64_t sum = 0;
  for (unsigned i = 0; i < 20'000; ++i) {
    FilterProgram program;
    for (std::size_t size = engine() % 30; size != 0; --size) {
      program.push_back(
          {kCodes[engine() % std::size(kCodes)], static_cast<std::uint8_t>(engine() % 4),
           static_cast<std::uint8_t>(engine() % 4),
           engine() % 2 == 0 ? static_cast<std::uint32_t>(engine() % 40) : static_cast<std::uint32_t>(engine())});
    }
    const std::string bytes(engine() % 40, 'x');
    FilterInput input;
    input.bytes = bytes_of(bytes);
    sum += run_filter(program, input);
  }
  CHECK(sum != 0);
}

}  // namespace
}  // namespace airtight::audit::test
