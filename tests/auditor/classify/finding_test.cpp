#include "auditor/finding.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "tests/emit/sample_policy.h"

namespace airtight::audit {
namespace {

const Point kUplink{Role::Uplink, "eth0", 0};
const Point kPodSide{Role::PodSide, "cali1", 1};

Frame frame_at(std::int64_t time, std::uint64_t number, std::uint32_t bytes = 100) {
  Frame frame;
  frame.time = time;
  frame.number = number;
  frame.original = bytes;
  return frame;
}
Mark escape(std::string_view source = "10.10.0.3", std::string_view destination = "203.0.113.9",
            std::uint64_t fingerprint = 0) {
  Mark mark;
  mark.rule = Rule::PacketLeft;
  mark.cls = Class::Escape;
  mark.effect = Effect::Violated;
  mark.has_addresses = true;
  mark.source = ip_of(source);
  mark.destination = ip_of(destination);
  mark.protocol = 6;
  mark.port = 443;
  mark.fingerprint = fingerprint;
  return mark;
}
Mark attempt(std::uint64_t fingerprint = 0, std::string_view source = "10.42.1.5") {
  Mark mark = escape(source, "203.0.113.9", fingerprint);
  mark.rule = Rule::AttemptUnresolved;
  mark.cls = Class::Unresolved;
  mark.effect = Effect::Inconclusive;
  return mark;
}
Mark by_exception(Rule rule, Effect effect, std::string_view source, std::uint64_t fingerprint) {
  Mark mark = escape(source, "203.0.113.7", fingerprint);
  mark.rule = rule;
  mark.cls = Class::Excepted;
  mark.effect = effect;
  mark.detail = rule == Rule::ExceptionBy ? "SEC-12" : "SEC-12 is for pods";
  return mark;
}

// Everything but examples, which need not be the same for shards.
std::string essence(const Finding& f) {
  std::string text(info(f.rule).id);
  text += " " + std::string(to_string(f.cls)) + " " + std::string(to_string(f.effect)) + " " +
          std::string(to_string(f.role));
  if (f.has_addresses) text += " " + to_string(f.source) + " > " + to_string(f.destination);
  text += " " + f.protocol + " " + std::to_string(f.port) + " [" + f.name + "] [" + f.catalogue + "] " + f.interface +
          " (" + f.detail + ")" + (f.guessed_direction ? " guessed" : "") + " " + std::to_string(f.first_seen) + "-" +
          std::to_string(f.last_seen) + " " + std::to_string(f.packets) + " packets " + std::to_string(f.bytes) +
          " bytes";
  for (const PodSideSight& sight : f.pod_side) {
    text += " from " + to_string(sight.source) + " at " + sight.interface + " " + std::to_string(sight.packets) +
            (sight.guessed ? " guessed" : "");
  }
  return text;
}
std::string examples(const Finding& f) {
  std::string text;
  for (const PacketId& id : f.examples)
    text += std::to_string(id.time) + ":" + std::to_string(id.file) + ":" + std::to_string(id.number) + " ";
  return text;
}
std::vector<std::string> take(FindingLedger& ledger) {
  std::vector<std::string> all;
  for (const Finding& finding : ledger.take()) all.push_back(essence(finding));
  return all;
}
using Lines = std::vector<std::string>;

TEST_CASE("findings: marks of one cause are added up") {
  FindingLedger ledger;
  Mark mark = escape();
  mark.name = "API.OpenAI.com";
  mark.label = {"hosted-llm", "Hosted LLM providers", "OpenAI"};
  mark.detail = "why";
  ledger.mark(frame_at(50, 7), kUplink, mark);
  ledger.mark(frame_at(20, 3, 40), kUplink, mark);
  mark.name = "api.openai.COM";
  mark.guessed_direction = true;
  ledger.mark(frame_at(kNoTime, 0, 1), kUplink, mark);
  mark.guessed_direction = false;
  for (std::uint64_t i = 0; i < 4; ++i) ledger.mark(frame_at(60, 10 + i), kUplink, mark);
  const std::vector<Finding> found = ledger.take();
  REQUIRE(found.size() == 1);
  CHECK(essence(found[0]) ==
        "AT-A001 escape violated uplink 10.10.0.3 > 203.0.113.9 tcp 443 [api.openai.com] "
        "[Hosted LLM providers: OpenAI] eth0 (why) guessed 20-60 7 packets 541 bytes");
  CHECK(examples(found[0]) == "50:0:7 20:0:3 60:0:10 60:0:11 60:0:12 ");
  CHECK(ledger.take().empty());
}

TEST_CASE("findings: whatever differs is another finding") {
  const std::vector<void (*)(Mark&, Point&)> changes = {
      [](Mark& m, Point&) { m.rule = Rule::ReplyLeft; },
      [](Mark& m, Point&) { m.cls = Class::Tunnel; },
      [](Mark& m, Point&) { m.effect = Effect::None; },
      [](Mark& m, Point&) { m.has_addresses = false; },
      [](Mark& m, Point&) { m.source = ip_of("10.10.0.4"); },
      [](Mark& m, Point&) { m.destination = ip_of("203.0.113.10"); },
      [](Mark& m, Point&) { m.destination = Ip::v6(m.destination.bits()); },
      [](Mark& m, Point&) { m.protocol = 17; },
      [](Mark& m, Point&) { m.protocol = -1; },
      [](Mark& m, Point&) { m.ether_type = 0x88cc; },
      [](Mark& m, Point&) { m.port = 444; },
      [](Mark& m, Point&) { m.port = -1; },
      [](Mark& m, Point&) { m.name = "a.example"; },
      [](Mark& m, Point&) { m.detail = "why"; },
      [](Mark&, Point& p) { p.name = "eth1"; },
      [](Mark&, Point& p) { p.role = Role::PodSide; },
  };
  FindingLedger ledger, merged;
  ledger.mark(frame_at(1, 1), kUplink, escape());
  for (const auto& change : changes) {
    Mark mark = escape();
    Point point = kUplink;
    change(mark, point);
    ledger.mark(frame_at(1, 1), point, mark);
    ledger.mark(frame_at(1, 2), point, mark);
    FindingLedger one;
    one.mark(frame_at(1, 1), point, mark);
    merged.merge(std::move(one));
    FindingLedger two;
    two.mark(frame_at(1, 2), point, mark);
    merged.merge(std::move(two));
  }
  merged.mark(frame_at(1, 1), kUplink, escape());
  const Lines all = take(ledger);
  CHECK(all.size() == changes.size() + 1);
  CHECK(take(merged) == all);
  // What does not make another: file, time, number, length.
  ledger.mark(frame_at(1, 1), kUplink, escape());
  ledger.mark(frame_at(2, 3, 1500), {Role::Uplink, "eth0", 9}, escape());
  CHECK(take(ledger).size() == 1);
}

TEST_CASE("findings: protocols by name") {
  const std::pair<int, const char*> names[] = {{1, "icmp"},    {2, "igmp"},   {6, "tcp"},   {17, "udp"}, {50, "esp"},
                                               {58, "icmpv6"}, {132, "sctp"}, {253, "253"}, {-1, ""},    {0, "0"}};
  for (const auto& [number, name] : names) {
    FindingLedger ledger;
    Mark mark = escape();
    mark.protocol = number;
    ledger.mark(frame_at(1, 1), kUplink, mark);
    CHECK(ledger.take().at(0).protocol == name);
    mark.ether_type = 0x6;
    ledger.mark(frame_at(1, 1), kUplink, mark);
    CHECK(ledger.take().at(0).protocol == "ethertype 0x0006");
  }
}

TEST_CASE("findings: those beyond the bound of their effect are counted") {
  FindingLedger ledger;
  const auto add = [](FindingLedger& to, std::size_t i, Effect effect) {
    Mark mark = escape();
    mark.effect = effect;
    mark.source = Ip::v4(0x0a000000 + static_cast<std::uint32_t>(i));
    to.mark(frame_at(static_cast<std::int64_t>(i), i + 1), kUplink, mark);
  };
  for (std::size_t i = 0; i < kMaxFindings; ++i) add(ledger, i, Effect::Violated);
  CHECK(ledger.left_out() == std::array<std::uint64_t, 3>{0, 0, 0});
  for (std::size_t i = 0; i < 5; ++i) add(ledger, i, Effect::Violated);  // known
  for (std::size_t i = 0; i < 3; ++i) add(ledger, i, Effect::None);
  for (std::size_t i = 0; i < 2; ++i) add(ledger, i, Effect::Inconclusive);
  add(ledger, kMaxFindings, Effect::Violated);
  CHECK(ledger.left_out() == std::array<std::uint64_t, 3>{0, 0, 1});

  FindingLedger other;
  add(other, kMaxFindings + 1, Effect::Violated);
  add(other, 4, Effect::Violated);
  ledger.merge(std::move(other));
  const std::vector<Finding> found = ledger.take();
  CHECK(found.size() == kMaxFindings + 5);
  CHECK(found[4].packets == 3);
  CHECK(found[kMaxFindings - 1].effect == Effect::Violated);
  CHECK(found[kMaxFindings].effect == Effect::Inconclusive);
  CHECK(ledger.left_out() == std::array<std::uint64_t, 3>{0, 0, 2});
}

TEST_CASE("findings: ledgers of shards together are one ledger") {
  std::mt19937_64 engine(5);
  const auto below = [&](std::uint64_t bound) { return engine() % bound; };
  for (int round = 0; round < 60; ++round) {
    const std::size_t shards = 1 + below(5);
    FindingLedger whole;
    std::vector<FindingLedger> parts(shards);
    const std::string names[] = {"", "a.example", "B.example"};
    const std::uint64_t marks = 1 + below(3000);
    for (std::uint64_t number = 1; number <= marks; ++number) {
      Mark mark = escape();
      mark.rule = static_cast<Rule>(below(3) == 0 ? below(kRuleCount) : 0);
      mark.cls = below(2) == 0 ? Class::Tunnel : Class::NonIp;  // no sights: which are joined depends on the order
      mark.effect = static_cast<Effect>(below(3));
      mark.has_addresses = below(4) != 0;
      mark.source = Ip::v4(mark.has_addresses ? static_cast<std::uint32_t>(below(20)) : 0);
      mark.port = static_cast<std::int32_t>(below(3)) - 1;
      mark.name = names[below(3)];
      mark.guessed_direction = below(50) == 0;
      const Point& point = below(2) == 0 ? kUplink : kPodSide;
      const Frame frame =
          frame_at(static_cast<std::int64_t>(number / 3), number, static_cast<std::uint32_t>(below(99)));
      whole.mark(frame, point, mark);
      parts[below(shards)].mark(frame, point, mark);
    }
    FindingLedger merged;
    for (FindingLedger& part : parts) merged.merge(std::move(part));
    const std::vector<Finding> one = whole.take(), other = merged.take();
    REQUIRE(one.size() == other.size());
    for (std::size_t i = 0; i < one.size(); ++i) {
      REQUIRE(essence(one[i]) == essence(other[i]));
      REQUIRE(examples(one[i]) == examples(other[i]));
    }
  }
}

TEST_CASE("findings: worst first, then by rule, then by time") {
  FindingLedger ledger;
  const auto add = [&](Rule rule, Effect effect, std::int64_t time, std::string_view source) {
    Mark mark = escape(source);
    mark.rule = rule;
    mark.effect = effect;
    mark.cls = Class::Tunnel;
    ledger.mark(frame_at(time, 1), kUplink, mark);
  };
  add(Rule::Inbound, Effect::None, 1, "10.0.0.1");
  add(Rule::Malformed, Effect::Inconclusive, 1, "10.0.0.2");
  add(Rule::ReplyLeft, Effect::Violated, 9, "10.0.0.3");
  add(Rule::ReplyLeft, Effect::Violated, 8, "10.0.0.4");
  add(Rule::ReplyLeft, Effect::Violated, 8, "10.0.0.3");  // seen again, earlier
  add(Rule::PacketLeft, Effect::Violated, 30, "10.0.0.5");
  add(Rule::Truncated, Effect::Inconclusive, 2, "10.0.0.6");
  std::string order;
  for (const Finding& f : ledger.take()) order += std::string(info(f.rule).id) + " " + to_string(f.source) + "; ";
  CHECK(order ==
        "AT-A001 10.0.0.5; AT-A002 10.0.0.3; AT-A002 10.0.0.4; AT-A050 10.0.0.6; AT-A051 10.0.0.2; AT-A013 10.0.0.1; ");
}

constexpr std::int64_t kSecond = 1'000'000'000;

TEST_CASE("findings: an attempt that was seen again at an uplink is one with the escape, by content") {
  FindingLedger ledger;
  ledger.mark(frame_at(0, 1), kPodSide, attempt(77));
  ledger.mark(frame_at(1, 2), kPodSide, attempt(78));
  ledger.mark(frame_at(90 * kSecond, 1), kUplink, escape("10.10.0.4", "203.0.113.9", 99));
  ledger.mark(frame_at(90 * kSecond, 1), kUplink, escape("10.10.0.3", "203.0.113.9", 78));
  CHECK(take(ledger) ==
        Lines{"AT-A001 escape violated uplink 10.10.0.3 > 203.0.113.9 tcp 443 [] [] eth0 () 90000000000-90000000000 1 "
              "packets 100 bytes from 10.42.1.5 at cali1 2",
              "AT-A001 escape violated uplink 10.10.0.4 > 203.0.113.9 tcp 443 [] [] eth0 () 90000000000-90000000000 1 "
              "packets 100 bytes"});
}

TEST_CASE("findings: else by time, within two seconds, which is a guess") {
  const auto joined = [](std::int64_t pod_from, std::int64_t pod_to, std::int64_t uplink_from, std::int64_t uplink_to) {
    FindingLedger ledger;
    ledger.mark(frame_at(pod_from, 1), kPodSide, attempt(1));
    ledger.mark(frame_at(pod_to, 2), kPodSide, attempt(1));
    ledger.mark(frame_at(uplink_from, 1), kUplink, escape("10.10.0.3", "203.0.113.9", 2));
    ledger.mark(frame_at(uplink_to, 2), kUplink, escape("10.10.0.3", "203.0.113.9", 2));
    const std::vector<Finding> found = ledger.take();
    if (found.size() == 2) return std::string("apart");
    return std::string(found[0].pod_side.at(0).guessed ? "guessed" : "known");
  };
  CHECK(joined(0, 1, 2 * kSecond + 1, 9 * kSecond) == "guessed");
  CHECK(joined(0, 1, 2 * kSecond + 2, 9 * kSecond) == "apart");
  CHECK(joined(3 * kSecond, 4 * kSecond, 0, kSecond) == "guessed");
  CHECK(joined(3 * kSecond + 1, 4 * kSecond, 0, kSecond) == "apart");
  CHECK(joined(0, 99 * kSecond, 50 * kSecond, 51 * kSecond) == "guessed");
  CHECK(joined(kNoTime, kNoTime, 0, 1) == "apart");
  CHECK(joined(0, 1, kNoTime, kNoTime) == "apart");
}

TEST_CASE("findings: times at the end of what there is") {
  FindingLedger ledger;
  ledger.mark(frame_at(INT64_MAX - 1, 1), kPodSide, attempt(1));
  ledger.mark(frame_at(INT64_MAX, 1), kUplink, escape("10.10.0.3", "203.0.113.9", 2));
  CHECK(take(ledger).size() == 1);
}

TEST_CASE("findings: what is not joined") {
  const std::vector<void (*)(Mark&)> changes = {
      [](Mark& m) { m.port = 444; },
      [](Mark& m) { m.destination = ip_of("203.0.113.10"); },
      [](Mark& m) { m.protocol = 17; },
      [](Mark& m) { m.cls = Class::Tunnel; },
  };
  for (const auto& change : changes) {
    FindingLedger ledger;
    ledger.mark(frame_at(0, 1), kPodSide, attempt(77));
    Mark mark = escape("10.10.0.3", "203.0.113.9", 77);
    change(mark);
    ledger.mark(frame_at(0, 1), kUplink, mark);
    CHECK(take(ledger).size() == 2);
  }
  FindingLedger two;  // at pod sides alone
  two.mark(frame_at(0, 1), kPodSide, attempt(77));
  two.mark(frame_at(0, 1), {Role::PodSide, "cali2", 0}, attempt(77));
  CHECK(take(two).size() == 2);
  FindingLedger listed;  // a pod side's other findings stay
  Mark inbound = attempt(77);
  inbound.rule = Rule::Inbound;
  listed.mark(frame_at(0, 1), kPodSide, inbound);
  listed.mark(frame_at(0, 1), kUplink, escape("10.10.0.3", "203.0.113.9", 77));
  CHECK(take(listed).size() == 2);
  FindingLedger unmarked;  // no content to compare, and no time near
  unmarked.mark(frame_at(0, 1), kPodSide, attempt(0));
  unmarked.mark(frame_at(90 * kSecond, 1), kUplink, escape("10.10.0.3", "203.0.113.9", 0));
  CHECK(take(unmarked).size() == 2);
}

TEST_CASE("findings: contents are kept of the first 64 packets") {
  for (const std::uint64_t at : {64u, 65u}) {
    FindingLedger ledger;
    for (std::uint64_t i = 1; i <= 70; ++i) ledger.mark(frame_at(0, i), kPodSide, attempt(i));
    ledger.mark(frame_at(90 * kSecond, 1), kUplink, escape("10.10.0.3", "203.0.113.9", at));
    CHECK(take(ledger).size() == (at == 64 ? 1 : 2));
  }
}

TEST_CASE("findings: contents of ledgers that were merged count") {
  FindingLedger ledger, other;
  ledger.mark(frame_at(0, 1), kPodSide, attempt(1));
  ledger.mark(frame_at(90 * kSecond, 1), kUplink, escape("10.10.0.3", "203.0.113.9", 3));
  other.mark(frame_at(1, 2), kPodSide, attempt(2));
  other.mark(frame_at(91 * kSecond, 2), kUplink, escape("10.10.0.3", "203.0.113.9", 2));
  ledger.merge(std::move(other));
  CHECK(take(ledger) ==
        Lines{"AT-A001 escape violated uplink 10.10.0.3 > 203.0.113.9 tcp 443 [] [] eth0 () 90000000000-91000000000 2 "
              "packets 200 bytes from 10.42.1.5 at cali1 2"});
}

TEST_CASE("findings: the pod side tells who used an exception") {
  const auto run = [](std::uint64_t at_pod, std::uint64_t at_uplink, std::uint64_t fingerprint) {
    FindingLedger ledger;
    for (std::uint64_t i = 1; i <= at_pod; ++i)
      ledger.mark(frame_at(5, i), kPodSide, by_exception(Rule::ExceptionBy, Effect::None, "10.42.1.5", i));
    for (std::uint64_t i = 1; i <= at_uplink; ++i)
      ledger.mark(frame_at(6, i), kUplink,
                  by_exception(Rule::ExceptionUntold, Effect::Inconclusive, "10.10.0.3", fingerprint + i));
    return take(ledger);
  };
  CHECK(run(2, 2, 0) == Lines{"AT-A006 excepted listed uplink 10.10.0.3 > 203.0.113.7 tcp 443 [] [] eth0 (SEC-12) 6-6 "
                              "2 packets 200 bytes from 10.42.1.5 at cali1 2"});
  // More left than the pod side saw: whose the others are is not told.
  CHECK(
      run(2, 3, 0) ==
      Lines{"AT-A007 excepted inconclusive uplink 10.10.0.3 > 203.0.113.7 tcp 443 [] [] eth0 (SEC-12 is for pods) 6-6 "
            "3 packets 300 bytes from 10.42.1.5 at cali1 2"});
  // Other contents: time alone tells nothing of who it was.
  CHECK(run(2, 2, 50).size() == 2);
  CHECK(run(2, 2, 50)[0].substr(0, 29) == "AT-A007 excepted inconclusive");
}

TEST_CASE("findings: what a pod side resolved stands among what is listed") {
  FindingLedger ledger;
  ledger.mark(frame_at(5, 1), kPodSide, by_exception(Rule::ExceptionBy, Effect::None, "10.42.1.5", 1));
  ledger.mark(frame_at(6, 1), kUplink, by_exception(Rule::ExceptionUntold, Effect::Inconclusive, "10.10.0.3", 1));
  Mark malformed = escape();
  malformed.rule = Rule::Malformed;
  malformed.cls = Class::Undecodable;
  malformed.effect = Effect::Inconclusive;
  ledger.mark(frame_at(7, 1), kUplink, malformed);
  const std::vector<Finding> found = ledger.take();
  REQUIRE(found.size() == 2);
  CHECK(found[0].rule == Rule::Malformed);
  CHECK(found[1].rule == Rule::ExceptionBy);
}

TEST_CASE("findings: another's packets among those of an exception") {
  FindingLedger ledger;
  for (std::uint64_t i = 1; i <= 3; ++i)
    ledger.mark(frame_at(5, i), kPodSide, by_exception(Rule::ExceptionBy, Effect::None, "10.42.1.5", i));
  for (const std::uint64_t content : {1u, 71u, 72u})
    ledger.mark(frame_at(6, content), kUplink,
                by_exception(Rule::ExceptionUntold, Effect::Inconclusive, "10.10.0.3", content));
  CHECK(take(ledger).at(0).substr(0, 29) == "AT-A007 excepted inconclusive");
}

}  // namespace
}  // namespace airtight::audit
