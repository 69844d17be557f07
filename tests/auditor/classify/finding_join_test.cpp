// What a pod side saw, and what an uplink saw after address translation: which of them are one, and what that changes.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "auditor/finding.h"
#include "tests/emit/sample_policy.h"

namespace airtight::audit {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// One packet to 203.0.113.7, TCP 443.
struct Seen {
  Rule rule;
  const char* source;
  std::uint64_t content;
  std::int64_t time = 0;
  const char* interface = nullptr;  // cali1 or eth0 where none is given
};
constexpr Rule kAttempt = Rule::AttemptUnresolved;
constexpr Rule kLeft = Rule::PacketLeft;
constexpr Rule kUntold = Rule::ExceptionUntold;
constexpr Rule kByException = Rule::ExceptionBy;
constexpr const char* kPod = "10.42.1.5";
constexpr const char* kPod2 = "10.42.1.6";
constexpr const char* kNode = "10.10.0.3";
constexpr const char* kNode2 = "10.10.0.4";

void add(FindingLedger& ledger, const Seen& seen, std::uint64_t number = 1) {
  Mark mark;
  mark.rule = seen.rule;
  const bool pod = seen.source[3] == '4';
  mark.cls = info(seen.rule).cls;
  if (seen.rule == kAttempt) mark.cls = Class::Unresolved;
  mark.effect = pod ? info(seen.rule).pod_side : info(seen.rule).effect;
  mark.has_addresses = true;
  mark.source = ip_of(seen.source);
  mark.destination = ip_of("203.0.113.7");
  mark.protocol = 6;
  mark.port = 443;
  mark.detail = seen.rule == kUntold ? "SEC-12 is for pods" : seen.rule == kByException ? "SEC-12" : "";
  mark.fingerprint = seen.content;
  Frame frame;
  frame.time = seen.time;
  frame.number = number;
  frame.original = 100;
  const Point point{pod ? Role::PodSide : Role::Uplink, seen.interface ? seen.interface : pod ? "cali1" : "eth0", 0};
  ledger.mark(frame, point, mark);
}
std::string text_of(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& f : findings) {
    text += std::string(info(f.rule).id) + " " + std::string(to_string(f.cls)) + " " +
            std::string(to_string(f.effect)) + " " + to_string(f.source) + " " + std::to_string(f.packets) +
            (f.detail.empty() ? "" : " (" + f.detail + ")");
    for (const PodSideSight& sight : f.pod_side)
      text += " from " + to_string(sight.source) + (sight.guessed ? " guessed" : "");
    text += "; ";
  }
  return text;
}
std::string joined(const std::vector<Seen>& all) {
  FindingLedger ledger;
  std::uint64_t number = 0;
  for (const Seen& seen : all) add(ledger, seen, ++number);
  return text_of(ledger.take());
}

TEST_CASE("join: an attempt that another's exception let out is an escape") {
  CHECK(joined({{kAttempt, kPod, 7}, {kByException, kNode, 7}}) ==
        "AT-A003 escape violated 10.10.0.3 1 (SEC-12 is another's: seen at the pod side) from 10.42.1.5; ");
  CHECK(joined({{kAttempt, kPod, 7}, {kByException, kNode, 6}, {kByException, kNode, 7}}) ==
        "AT-A003 escape violated 10.10.0.3 2 (SEC-12 is another's: seen at the pod side) from 10.42.1.5; ");
  CHECK(joined({{kAttempt, kPod, 7}, {kUntold, kNode, 7}}) ==
        "AT-A003 escape violated 10.10.0.3 1 (SEC-12 is for pods; it is another's: seen at the pod side) from "
        "10.42.1.5; ");
  // Each exception that was used so, and who did it once.
  CHECK(joined({{kAttempt, kPod, 7}, {kAttempt, kPod, 8}, {kByException, kNode, 7}, {kByException, kNode2, 8}}) ==
        "AT-A003 escape violated 10.10.0.3 1 (SEC-12 is another's: seen at the pod side) from 10.42.1.5; "
        "AT-A003 escape violated 10.10.0.4 1 (SEC-12 is another's: seen at the pod side); ");
}

TEST_CASE("join: an attempt of other content does not vanish in what was permitted") {
  CHECK(joined({{kAttempt, kPod, 7}, {kByException, kNode, 8}}) ==
        "AT-A008 unresolved inconclusive 10.42.1.5 1; AT-A006 excepted listed 10.10.0.3 1 (SEC-12); ");
  CHECK(
      joined({{kAttempt, kPod, 7}, {kUntold, kNode, 8}}) ==
      "AT-A007 excepted inconclusive 10.10.0.3 1 (SEC-12 is for pods); AT-A008 unresolved inconclusive 10.42.1.5 1; ");
  CHECK(joined({{kAttempt, kPod, 0}, {kByException, kNode, 0}}) ==
        "AT-A008 unresolved inconclusive 10.42.1.5 1; AT-A006 excepted listed 10.10.0.3 1 (SEC-12); ");
  // Into what is violated anyway it may go by time.
  CHECK(joined({{kAttempt, kPod, 7}, {kByException, kNode, 8}, {kLeft, kNode2, 9}}) ==
        "AT-A001 escape violated 10.10.0.4 1 from 10.42.1.5 guessed; AT-A006 excepted listed 10.10.0.3 1 (SEC-12); ");
  // But content says more than time.
  CHECK(joined({{kAttempt, kPod, 7}, {kLeft, kNode2, 9}, {kLeft, kNode, 7, 90 * kSecond}}) ==
        "AT-A001 escape violated 10.10.0.4 1; AT-A001 escape violated 10.10.0.3 1 from 10.42.1.5; ");
}

TEST_CASE("join: pods sent what left by their exception if each packet was seen") {
  const std::string told = "AT-A006 excepted listed 10.10.0.3 ";
  const std::string untold = "AT-A007 excepted inconclusive 10.10.0.3 ";
  const auto starts = [](const std::vector<Seen>& all, const std::string& with) {
    const std::string text = joined(all);
    INFO(text);
    CHECK(text.substr(0, with.size()) == with);
  };
  starts({{kByException, kPod, 1}, {kByException, kPod, 2}, {kUntold, kNode, 1}, {kUntold, kNode, 2}}, told + "2");
  // A node's own behind as many of a pod's, or behind one that was tried again.
  starts({{kByException, kPod, 1}, {kByException, kPod, 2}, {kUntold, kNode, 1}, {kUntold, kNode, 3}}, untold + "2");
  starts({{kByException, kPod, 1}, {kByException, kPod, 1}, {kUntold, kNode, 1}, {kUntold, kNode, 3}}, untold + "2");
  starts({{kByException, kPod, 1}, {kUntold, kNode, 1}, {kUntold, kNode, 1}}, untold + "2");
  starts({{kByException, kPod, 1}, {kByException, kPod, 1}, {kUntold, kNode, 1}, {kUntold, kNode, 1}}, told + "2");
  // Several pods are one sender behind the node's address.
  starts({{kByException, kPod, 1}, {kByException, kPod2, 2}, {kUntold, kNode, 1}, {kUntold, kNode, 2}}, told + "2");
  starts({{kByException, kPod, 1}, {kByException, kPod2, 1}, {kUntold, kNode, 1}, {kUntold, kNode, 1}}, told + "2");
  // One packet at two interfaces of a pod's way out is one packet.
  starts({{kByException, kPod, 1}, {kByException, kPod, 1, 0, "cni0"}, {kUntold, kNode, 1}, {kUntold, kNode, 1}},
         untold + "2");
  starts({{kByException, kPod, 1}, {kUntold, kNode, 1, 0, "eth0"}, {kUntold, kNode, 1, 0, "bond0"}}, told + "1");
  // Two nodes cannot both have sent it on.
  CHECK(joined({{kByException, kPod, 1}, {kUntold, kNode, 1}, {kUntold, kNode2, 1}}) ==
        "AT-A007 excepted inconclusive 10.10.0.4 1 (SEC-12 is for pods); AT-A006 excepted listed 10.10.0.3 1 (SEC-12) "
        "from 10.42.1.5; ");
  // A packet whose content is not told (inside a tunnel) was not seen at the pod side.
  starts({{kByException, kPod, 1}, {kUntold, kNode, 1}, {kUntold, kNode, 0}}, untold + "2");
}

TEST_CASE("join: contents are kept of 64 packets, and beyond them nothing is told") {
  for (const std::uint64_t count : {64u, 65u}) {
    std::vector<Seen> all;
    for (std::uint64_t i = 1; i <= count; ++i) all.push_back({kByException, kPod, i});
    for (std::uint64_t i = 1; i <= count; ++i) all.push_back({kUntold, kNode, i});
    CHECK(joined(all).substr(0, 7) == (count == 64 ? "AT-A006" : "AT-A007"));
  }
}

// Against the rules, said slowly.
TEST_CASE("join: attempts and escapes, by oracle") {
  std::mt19937_64 engine(11);
  const auto below = [&](std::uint64_t bound) { return engine() % bound; };
  for (int round = 0; round < 400; ++round) {
    FindingLedger ledger;
    std::vector<Seen> pods, uplinks;
    std::vector<std::string> names;
    names.reserve(40);
    for (std::uint64_t i = 0, count = 1 + below(12); i < count; ++i) {
      const bool pod = below(2) == 0;
      names.push_back((pod ? "10.42.1." : "10.10.0.") + std::to_string(i));
      const Seen seen{pod ? kAttempt : kLeft, names.back().c_str(), below(12),
                      static_cast<std::int64_t>(below(12)) * kSecond};
      (pod ? pods : uplinks).push_back(seen);
      add(ledger, seen);
    }
    std::size_t alone = 0, guessed = 0;
    for (const Seen& pod : pods) {
      bool same = false, near = false;
      for (const Seen& uplink : uplinks) {
        same |= pod.content != 0 && pod.content == uplink.content;
        near |= std::abs(pod.time - uplink.time) <= 2 * kSecond;
      }
      alone += !same && !near;
      guessed += !same && near;
    }
    std::size_t left = 0, by_guess = 0;
    for (const Finding& f : ledger.take()) {
      left += f.rule == kAttempt;
      for (const PodSideSight& sight : f.pod_side) by_guess += sight.guessed;
    }
    REQUIRE(left == alone);
    REQUIRE(by_guess == guessed);
  }
}

TEST_CASE("join: many at both sides take no time that grows with their product") {
  // 40,000 each: comparing all with all would be 1.6 thousand million comparisons of up to 64 contents.
  FindingLedger ledger;
  std::vector<std::string> names;
  names.reserve(80'000);
  for (std::uint64_t i = 0; i < 40'000; ++i) {
    const std::string rest = std::to_string(i / 250) + "." + std::to_string(i % 250);
    names.push_back("10.42." + rest);
    add(ledger, {kAttempt, names.back().c_str(), 2 * i + 2, static_cast<std::int64_t>(i) * 10 * kSecond});
    names.push_back("10.10." + rest);
    add(ledger, {kLeft, names.back().c_str(), 2 * i + 1, static_cast<std::int64_t>(i) * 10 * kSecond});
  }
  const std::vector<Finding> found = ledger.take();
  CHECK(found.size() == 40'000);
  CHECK(std::all_of(found.begin(), found.end(), [](const Finding& f) { return f.pod_side.size() == 1; }));
}

Mark numbered(std::uint64_t i, Effect effect) {
  Mark mark;
  mark.rule = Rule::InsideUndeclared;
  mark.cls = Class::InsideUndeclared;
  mark.effect = effect;
  mark.has_addresses = true;
  mark.source = Ip::v4(static_cast<std::uint32_t>(0x0a000000 + i));
  mark.destination = ip_of("10.20.0.9");
  return mark;
}
const Point kEth0{Role::Uplink, "eth0", 0};

TEST_CASE("bound: by effect, so that what is listed displaces nothing") {
  FindingLedger ledger;
  Frame frame;
  frame.original = 1;
  const auto mark = [&](std::uint64_t i, Effect effect) {
    ledger.at(frame.number++);
    frame.time = static_cast<std::int64_t>(frame.number);
    ledger.mark(frame, kEth0, numbered(i, effect));
  };
  for (std::uint64_t i = 0; i < kMaxFindings + 7; ++i) mark(i, Effect::None);
  for (std::uint64_t i = 0; i < kMaxFindings + 2; ++i) mark(i, Effect::Inconclusive);
  mark(5, Effect::None);
  mark(1, Effect::Violated);
  const std::vector<Finding> found = ledger.take();
  CHECK(found.size() == 2 * kMaxFindings + 1);
  CHECK(found[0].effect == Effect::Violated);
  CHECK(std::count_if(found.begin(), found.end(), [](const Finding& f) { return f.packets == 2; }) == 1);
  CHECK(ledger.left_out() == std::array<std::uint64_t, 3>{7, 2, 0});
}

TEST_CASE("bound: what is left out does not depend on the shards") {
  struct One {
    std::uint64_t source, place;
    std::int64_t time;
  };
  std::mt19937_64 engine(12);
  std::vector<One> all;
  for (std::uint64_t i = 0; i < 3 * kMaxFindings; ++i)
    all.push_back({engine() % (2 * kMaxFindings), i, static_cast<std::int64_t>(i / 3)});
  // What only shows at the end comes in no order, each of its own; most of it comes before the bound.
  std::vector<One> late;
  for (std::uint64_t i = 0; i < kMaxFindings; ++i)
    late.push_back({2 * kMaxFindings + i, FindingLedger::kAfterFrames, static_cast<std::int64_t>(i)});
  std::shuffle(late.begin(), late.end(), engine);
  for (const std::size_t frames : {std::size_t{1000}, all.size()}) {
    std::vector<One> marks(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(frames));
    marks.insert(marks.end(), late.begin(), late.end());
    std::vector<std::pair<Ip, std::uint64_t>> expected;
    std::array<std::uint64_t, 3> left_out{};
    for (const std::size_t shards : {1u, 2u, 5u}) {
      std::vector<FindingLedger> parts(shards);
      for (const One& one : marks) {
        FindingLedger& part = parts[one.source * 7 % shards];
        Frame frame;
        frame.time = one.time;
        frame.number = one.place == FindingLedger::kAfterFrames ? static_cast<std::uint64_t>(one.time) : one.place;
        part.at(one.place);
        part.mark(frame, kEth0, numbered(one.source, Effect::None));
      }
      FindingLedger whole;
      for (FindingLedger& part : parts) whole.merge(std::move(part));
      std::vector<std::pair<Ip, std::uint64_t>> found;
      for (const Finding& f : whole.take()) found.emplace_back(f.source, f.packets);
      std::sort(found.begin(), found.end());
      CHECK(found.size() == kMaxFindings);
      if (expected.empty()) expected = found, left_out = whole.left_out();
      CHECK((found == expected));
      CHECK(whole.left_out() == left_out);
      std::uint64_t packets = left_out[0];
      for (const auto& [source, count] : found) packets += count;
      CHECK(packets == marks.size());
    }
  }
}

}  // namespace
}  // namespace airtight::audit
