// No record that speaks for a node can be taken out, and none that speaks against it put in, so that the verdict
// becomes better.
#include <catch2/catch.hpp>
#include <random>

#include "tests/auditor/report/log_script.h"

namespace airtight::audit {
namespace {

// The better, the smaller.
struct Outcome {
  int verdict = 0;  // proven, inconclusive, violated
  std::int64_t missing = 0;
};

Outcome outcome_of(const World& like, const Script& script) {
  World world;
  world.inventory_text = like.inventory_text;
  world.write("a", world.node, script);
  const ReportResult result = world.report();
  const NodeReport& node = result.nodes.at(0);
  const int verdict = result.verdict == PeriodVerdict::Proven         ? 0
                      : result.verdict == PeriodVerdict::Inconclusive ? 1
                                                                      : 2;
  // What is said must fit together.
  REQUIRE((result.verdict == PeriodVerdict::Proven) == result.reasons.empty());
  if (result.verdict == PeriodVerdict::Proven) REQUIRE(node.covered == node.asked);
  bool open = false;
  for (const ReportGap& gap : node.gaps) open = open || !gap.bridged;
  REQUIRE(open == (node.covered != node.asked));
  return {verdict, node.asked_time - node.covered_time};
}

// A whole round, since half of one speaks against the node; not a start record, without which much is never asked.
bool take_out(Script& script, std::size_t index) {
  const RecordBody& body = script[index].body;
  if (std::holds_alternative<CanaryIntentRecord>(body)) {
    remove(script, index + 1);
  } else if (!std::holds_alternative<HeartbeatRecord>(body) && !std::holds_alternative<EnforcementRecord>(body)) {
    return false;
  }
  remove(script, index);
  return true;
}

RecordBody against(const World& world, std::mt19937& random, double seconds) {
  const double begin = seconds - static_cast<double>(random() % 20);
  switch (random() % 6) {
    case 0: {
      const auto reason = static_cast<GapReason>(random() % (static_cast<unsigned>(GapReason::Other) + 1));
      return GapRecord{reason, at(begin), at(seconds), random() % 2 == 0 ? "eth0" : "", random() % 5, ""};
    }
    case 1:
      return EnforcementRecord{digest_of("none"), random() % 2 == 0 ? "open" : "changed", {}};
    case 2: {
      FindingRecord finding = escape_of(at(begin), at(seconds));
      if (random() % 2 == 0) finding.effect = "inconclusive";
      return finding;
    }
    case 3:
      return PolicyRecord{world.node.policy, digest_of("other"), ""};
    case 4:
      return round_of(world.node, "missed " + std::to_string(seconds), 0, "missed").fate;
    default:
      return ProbeRecord{random() % 2 == 0 ? "dns" : "address", "203.0.113.1", false, "succeeded", false, ""};
  }
}

TEST_CASE("taking out any record of a quiet node never keeps the time around it proven by less") {
  World world;
  const Script script = quiet(world.node);
  const Outcome whole = outcome_of(world, script);
  REQUIRE(whole.verdict == 0);
  int worse = 0;
  for (std::size_t i = 0; i < script.size(); ++i) {
    Script less = script;
    remove(less, i);
    const Outcome outcome = outcome_of(world, less);
    INFO(record_type(script[i].body) << " at " << script[i].time - kBegin);
    CHECK(outcome.missing >= whole.missing);
    const bool heartbeat = std::holds_alternative<HeartbeatRecord>(script[i].body);
    if (heartbeat && script[i].time > at(20) && script[i].time < at(165)) CHECK(outcome.verdict == 1);
    worse += outcome.verdict;
  }
  CHECK(worse > 14);
}

TEST_CASE("a verdict never becomes better by what is taken out or put in") {
  std::mt19937 random(2026);
  for (int round = 0; round < 300; ++round) {
    World world;
    Script script = random() % 2 == 0 ? quiet(world.node) : quiet(world.node, 0, 9);
    if (script.size() < 25) append(script, quiet(world.node, 91, 9));
    Outcome before = outcome_of(world, script);
    // Records that speak for the node go while nothing speaks against it, others come after that.
    for (unsigned i = random() % 4; i > 0; --i) {
      const std::size_t index = random() % script.size();
      const Line gone = script[index];
      if (!take_out(script, index)) continue;
      const Outcome after = outcome_of(world, script);
      INFO("round " << round << ": without " << record_type(gone.body) << " at " << gone.time - kBegin);
      REQUIRE(after.verdict >= before.verdict);
      REQUIRE(after.missing >= before.missing);
      before = after;
    }
    for (unsigned i = random() % 4; i > 0; --i) {
      const double seconds = 5 + static_cast<double>(random() % 1700) / 10;
      const RecordBody body = against(world, random, seconds);
      insert(script, seconds, body);
      const Outcome after = outcome_of(world, script);
      INFO("round " << round << ": with " << record_type(body) << " at " << seconds << " s");
      REQUIRE(after.verdict >= before.verdict);
      REQUIRE(after.missing >= before.missing);
      before = after;
    }
  }
}

}  // namespace
}  // namespace airtight::audit
