#include "auditor/agent/take_over.h"

#include <catch2/catch.hpp>

#include "auditor/canary/round.h"
#include "auditor/evidence/crypto.h"

namespace airtight::audit {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr const char* kNode = "n1";
constexpr const char* kKey = "airtight.dev/log/n1/0123456789abcdef";

Record record(std::int64_t time, RecordBody body) {
  Record made;
  made.time = time;
  made.body = std::move(body);
  return made;
}

HeartbeatRecord beat(bool conserved) {
  HeartbeatRecord made;
  made.lag = 2;
  made.uplinks = {{"eth0", 5, 5, 5, 0, conserved}};
  return made;
}

// A round as the agent before records it.
OldRound round_of(std::int64_t from, std::uint8_t seed, const std::string& name) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(seed);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  OldRound round;
  round.from = from;
  round.to = from + kSecond;
  round.intent.round = round.fate.round = name;
  round.intent.commitment = "sha256:" + to_hex(bytes_of(sha256({text})));
  round.fate.seed = to_hex(text);
  round.fate.good = true;
  for (const char* family : {"ipv4", "ipv6"}) {
    for (const char* kind : {"sensor", "raw", "raw-bypass", "stack", "pod"}) {
      const bool on_uplink = std::string_view(kind) != "stack" && std::string_view(kind) != "pod";
      round.intent.canaries.push_back({kind, family, on_uplink ? "eth0" : ""});
      round.fate.outcomes.push_back(std::string_view(kind) == "sensor" ? CanaryOutcome{"seen", "", ""}
                                    : std::string_view(kind) == "pod"  ? CanaryOutcome{"unsent", "", "no namespace"}
                                                                       : CanaryOutcome{"blocked", "egress", ""});
    }
  }
  return round;
}

std::vector<Nonce> nonces_of(std::uint8_t seed, const OldRound& round) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(seed);
  return round_nonces(Secret(bytes), kNode, round.intent.round, kKey, round.intent.canaries);
}

const Point kEth0{Role::Uplink, "eth0", 0};
const Point kEth1{Role::Uplink, "eth1", 0};

HeldFrame held(const Nonce& nonce, std::int64_t time, const Point& point = kEth0) {
  HeldFrame made;
  made.frame.time = time;
  made.nonce = nonce;
  made.point = &point;
  return made;
}

std::vector<Record> whole_log() {
  const OldRound round = round_of(15 * kSecond, 1, "r1");
  return {record(10 * kSecond, StartRecord{}),  record(11 * kSecond, EnforcementRecord{"sha256:a", "sealed", {}}),
          record(round.from, round.intent),     record(round.to, round.fate),
          record(20 * kSecond, beat(true)),     record(21 * kSecond, StopRecord{"signal", false}),
          record(22 * kSecond, SegmentRecord{})};
}

TEST_CASE("the end of the other agent's log is read") {
  const OldRun old = read_end(whole_log());
  CHECK(old.stopped == 21 * kSecond);
  CHECK(old.covered == 20 * kSecond - 2'000'000);
  REQUIRE(old.uplinks.size() == 1);
  REQUIRE(old.rules);
  CHECK(old.rules->digest == "sha256:a");
  REQUIRE(old.rounds.size() == 1);
  CHECK(old.rounds[0].from == 15 * kSecond);
  CHECK(old.rounds[0].to == 16 * kSecond);

  SECTION("what comes after the stop is no clean end") {
    auto records = whole_log();
    records.push_back(record(23 * kSecond, GapRecord{}));
    CHECK_FALSE(read_end(records).stopped);
  }
  SECTION("a round whose seed is not the one that was committed to is none") {
    auto records = whole_log();
    std::get<CanaryFateRecord>(records[3].body).seed = std::string(64, '7');
    CHECK(read_end(records).rounds.empty());
  }
  SECTION("a fate without an intent is none") {
    auto records = whole_log();
    records.erase(records.begin() + 2);
    CHECK(read_end(records).rounds.empty());
  }
}

TEST_CASE("a time between two agents is a gap where anything speaks against bridging it") {
  const OldRun good = read_end(whole_log());
  const NewRun next{19 * kSecond, "boot", "sha256:a", true};
  REQUIRE(unbridged(good, "boot", next).empty());

  OldRun old = good;
  NewRun late = next, unsealed = next, other_rules = next, not_conserved = next;
  old.stopped.reset();
  CHECK(unbridged(old, "boot", next) == "the agent before did not end with a stop record");
  late.capturing_since = 21 * kSecond + 1;
  CHECK(unbridged(good, "boot", late) == "the agent before had stopped when this one began to watch");
  late.capturing_since = 21 * kSecond;
  CHECK(unbridged(good, "boot", late).empty());
  CHECK(unbridged(good, "", next) == "the agent before ran in another boot");
  unsealed.sealed_rules.clear();
  CHECK(unbridged(good, "boot", unsealed) == "the live rules are not proved sealed");
  other_rules.sealed_rules = "sha256:b";
  CHECK(unbridged(good, "boot", other_rules) == "the live rules are not those that the agent before had proved last");
  old = good;
  old.rules->outcome = "changed";
  CHECK(unbridged(old, "boot", next) == "the live rules are not those that the agent before had proved last");
  old = good;
  old.rules.reset();  // further back than what was read: the report looks
  CHECK(unbridged(old, "boot", next).empty());
  old = good;
  old.uplinks.clear();
  CHECK(unbridged(old, "boot", next) == "the agent before ended without counts of its uplinks");
  old = good;
  old.uplinks[0].conserved = false;
  CHECK(unbridged(old, "boot", next) == "uplinks did not add up when the agent before ended");
  not_conserved.conserved = false;
  CHECK(unbridged(good, "boot", not_conserved) == "uplinks do not add up since this agent began to watch");
}

TEST_CASE("held frames are the other agent's canaries once, on their uplink, in their time") {
  OldRun old;
  old.rounds = {round_of(100 * kSecond, 1, "r1"), round_of(200 * kSecond, 2, "r2")};
  const auto first = nonces_of(1, old.rounds[0]), second = nonces_of(2, old.rounds[1]);
  const auto left_over = [&](std::vector<HeldFrame> frames) {
    return not_of(old, kNode, kKey, std::move(frames)).size();
  };
  const std::int64_t in_first = 100 * kSecond + 1, in_second = 200 * kSecond + 1;
  CHECK(left_over({held(first[0], in_first), held(first[5], in_first), held(second[0], in_second)}) == 0);
  CHECK(left_over({held(first[0], in_first), held(first[0], in_first + 1)}) == 1);  // copied
  CHECK(left_over({held(first[0], in_second)}) == 1);                               // late
  CHECK(left_over({held(first[0], 100 * kSecond - 1)}) == 1);                       // early
  CHECK(left_over({held(first[0], 101 * kSecond + 1)}) == 1);
  CHECK(left_over({held(first[0], in_first, kEth1)}) == 1);
  CHECK(left_over({held(first[1], in_first)}) == 1);  // a raw canary's, in a sensor's frame
  CHECK(left_over({held(Nonce{}, in_first)}) == 1);
  CHECK(not_of(old, "n2", kKey, {held(first[0], in_first)}).size() == 1);
  CHECK(not_of(old, kNode, "other", {held(first[0], in_first)}).size() == 1);
  CHECK(not_of({}, kNode, kKey, {held(first[0], in_first)}).size() == 1);
  // One in the wrong place does not use the nonce up.
  CHECK(left_over({held(first[0], in_first, kEth1), held(first[0], in_first)}) == 1);
}

TEST_CASE("only what leaves the verdict alone is left to the other agent's log") {
  OldRun old;
  old.covered = 100;
  Finding attempt, escape, listed, late;
  attempt.rule = Rule::AttemptUnresolved;
  attempt.role = Role::PodSide;
  attempt.effect = Effect::Inconclusive;
  attempt.last_seen = 100;
  escape.effect = Effect::Violated;
  escape.last_seen = 50;
  listed.effect = Effect::None;
  listed.last_seen = 50;
  late.effect = Effect::None;
  late.last_seen = 101;
  const std::vector<Finding> all{attempt, escape, listed, late};
  auto found = all;
  drop_told(old, true, found);
  REQUIRE(found.size() == 2);
  CHECK(found[0].effect == Effect::Violated);
  CHECK(found[1].last_seen == 101);
  found = all;
  drop_told(old, false, found);
  CHECK(found.size() == 3);  // nothing shows that the attempt was held
  found = all;
  drop_told({}, true, found);
  CHECK(found.size() == 4);
}

TEST_CASE("frames in a sensor's shape are held back while they are asked for, and no others") {
  OwnCanaries own;
  Nonce nonce{};
  nonce.fill(9);
  const auto bytes =
      canary_frame(CanaryKind::Sensor, CanaryFamily::Ipv4, {2, 0, 0, 0, 0, 1}, *Ip::parse("10.10.0.2"), nonce);
  const auto raw =
      canary_frame(CanaryKind::Raw, CanaryFamily::Ipv4, {2, 0, 0, 0, 0, 1}, *Ip::parse("10.10.0.2"), nonce);
  const auto frame = [](const std::vector<std::uint8_t>& of, Direction direction, std::int64_t time) {
    Frame made;
    made.bytes = of;
    made.original = static_cast<std::uint32_t>(of.size());
    made.direction = direction;
    made.time = time;
    return made;
  };
  CHECK_FALSE(own.hold(frame(bytes, Direction::Transmitted, 5), kEth0, 3));
  own.begin_holding();
  CHECK_FALSE(own.hold(frame(bytes, Direction::Received, 5), kEth0, 3));
  CHECK_FALSE(own.hold(frame(raw, Direction::Transmitted, 5), kEth0, 3));
  CHECK_FALSE(own.hold(frame(bytes, Direction::Transmitted, kNoTime), kEth0, 3));
  for (std::size_t i = 0; i < OwnCanaries::kMaxHeld; ++i)
    REQUIRE(own.hold(frame(bytes, Direction::Transmitted, 5), kEth0, 3));
  CHECK_FALSE(own.hold(frame(bytes, Direction::Transmitted, 5), kEth0, 3));
  const auto taken = own.end_holding();
  REQUIRE(taken.size() == OwnCanaries::kMaxHeld);
  CHECK(taken[0].nonce == nonce);
  CHECK(taken[0].place == 3);
  CHECK(taken[0].point == &kEth0);
  CHECK(taken[0].frame.time == 5);
  CHECK(taken[0].frame.bytes.data() == taken[0].bytes.data());
  CHECK(taken[0].bytes == bytes);
  CHECK_FALSE(own.hold(frame(bytes, Direction::Transmitted, 5), kEth0, 3));
  CHECK(own.end_holding().empty());
}

}  // namespace
}  // namespace airtight::audit
