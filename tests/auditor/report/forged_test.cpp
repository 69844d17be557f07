// Logs whose writer was wrong, or lied where the rest of the log shows it: none of them is proven.
#include <catch2/catch.hpp>
#include <functional>

#include "tests/auditor/report/log_script.h"
#include "tests/emit/sample_policy.h"

namespace airtight::audit {
namespace {

struct Forgery {
  const char* name;
  std::function<void(World&, Script&)> edit;
  const char* heading;  // how it begins
};

void each_beat(Script& script, const std::function<void(HeartbeatRecord&, std::int64_t)>& edit) {
  for (Line& line : script)
    if (auto* beat = std::get_if<HeartbeatRecord>(&line.body)) edit(*beat, line.time);
}

FindingRecord excepted(const World& world, double seen) {
  FindingRecord used = escape_of(at(seen), at(seen + 1));
  used.rule_id = "AT-A006";
  used.cls = "excepted";
  used.effect = "listed";
  used.detail = world.policy.exceptions.at(0).ticket;
  return used;
}

const Forgery kForgeries[] = {
    {"an uplink that the inventory does not name, born later",
     [](World&, Script& script) {
       each_beat(script, [](HeartbeatRecord& beat, std::int64_t time) {
         if (time > at(100)) beat.uplinks.push_back({"eth1", 0, 0, 0, 0, true});
       });
     },
     "inconclusive: n1: an uplink that the inventory does not name (eth1)"},
    {"an uplink born later that is not counted any more",
     [](World& world, Script& script) {
       world.inventory_text = R"([{"node":"n1","joined":"2025-12-01T00:00:00Z","uplinks":["eth0","eth1"]}])";
       each_beat(script, [](HeartbeatRecord& beat, std::int64_t time) {
         if (time < at(100)) beat.uplinks.push_back({"eth1", 0, 0, 0, 0, true});
       });
     },
     "inconclusive: n1: an uplink was not counted (eth1)"},
    {"conserved by its word, not by its numbers: the chain let more out than the tap saw",
     [](World&, Script& script) { get<HeartbeatRecord>(script, 60).uplinks[0] = {"eth0", 50, 40, 50, 9, true}; },
     "inconclusive: n1: packets that do not add up (eth0)"},
    {"conserved by its word, not by its numbers: the tap saw more",
     [](World&, Script& script) { get<HeartbeatRecord>(script, 60).uplinks[0] = {"eth0", 50, 71, 60, 10, true}; },
     "inconclusive: n1: packets that do not add up (eth0)"},
    {"explained by more than there can be",
     [](World&, Script& script) {
       get<HeartbeatRecord>(script, 60).uplinks[0] = {"eth0", UINT64_MAX, 40, 50, UINT64_MAX, true};
     },
     "inconclusive: n1: packets that do not add up (eth0)"},
    {"a counter of the firewall that went back",
     [](World&, Script& script) { get<HeartbeatRecord>(script, 60).uplinks[0] = {"eth0", 1, 1, 1, 0, true}; },
     "inconclusive: n1: packets that do not add up (eth0), 2026-01-01T00:00:50.3Z – 2026-01-01T00:01:00.3Z (10 s): the "
     "firewall's counter went back from 35 to 1"},
    {"an undeclared interface that was up at the start, and no gap record says so",
     [](World&, Script& script) {
       get<StartRecord>(script).interfaces.push_back({"eth9", "undeclared", "", true});
     },
     "inconclusive: n1: an undeclared interface was up (eth9)"},
    {"a proof that does not say of which rules",
     [](World&, Script& script) {
       get<EnforcementRecord>(script).digest.clear();
       each_beat(script, [](HeartbeatRecord& beat, std::int64_t) { beat.enforcement_digest.clear(); });
     },
     "inconclusive: n1: enforcement could not be read"},
    {"a round that is another one again, by another name",
     [](World& world, Script& script) {
       Round round = round_of(world.node, "first");
       insert(script, 66, round.intent);
       insert(script, 67, round.fate);
       round.intent.round = round.fate.round = "second";
       insert(script, 126, round.intent);
       insert(script, 127, round.fate);
     },
     "inconclusive: n1: a canary round did not fare well, 2026-01-01T00:01:55.3Z – 2026-01-01T00:02:40Z (44.7 s): "
     "round "
     "second: its seed was used before"},
    {"rounds and heartbeats further apart than an agent can be told",
     [](World&, Script& script) {
       get<StartRecord>(script).interval = get<StartRecord>(script).canary_interval = 1'000'000'000;
       for (Line& line : script)
         if (line.time > at(100)) line.time += at(5000) - kBegin;
       each_beat(script, [](HeartbeatRecord& beat, std::int64_t time) {
         if (time > at(5000)) beat.from = at(0);
       });
     },
     "inconclusive: n1: the agent was suspended"},
    {"a probe that ended in a way that nobody knows",
     [](World&, Script& script) {
       insert(script, 66, ProbeRecord{"address", "203.0.113.1:443", false, "connected", false, ""});
     },
     "inconclusive: n1: a probe ended in a way that is not known (connected): address 203.0.113.1:443"},
    {"an escape that is said to be harmless",
     [](World&, Script& script) {
       FindingRecord finding = escape_of(at(65), at(66));
       finding.effect = "listed";
       insert(script, 66, finding);
     },
     "inconclusive: n1: packet that left to the outside (AT-A001)"},
    {"a rule that nobody knows",
     [](World&, Script& script) {
       FindingRecord finding = escape_of(at(65), at(66));
       finding.rule_id = "AT-A999";
       finding.effect = "listed";
       insert(script, 66, finding);
     },
     "inconclusive: n1: "},
    {"an escape of a time that is still to come",
     [](World&, Script& script) { insert(script, 66, escape_of(at(100'000), at(100'001))); },
     "violated: 3 packets left to 1 outside destination at n1"},
    {"an escape of a time before the agent looked",
     [](World&, Script& script) { insert(script, 66, escape_of(at(-5000), at(-4999))); },
     "violated: 3 packets left to 1 outside destination at n1"},
    {"a heartbeat that counts an escape, and no finding of it",
     [](World&, Script& script) {
       get<HeartbeatRecord>(script, 60).classes["escape"] = {4, 400};
     },
     "inconclusive: n1: 4 packets counted as escape, and no finding says which"},
    {"an exception used after its last day",
     [](World& world, Script& script) {
       world.policy = sample_policy();
       world.policy.exceptions.at(0).expires = *Date::parse("2025-12-31");
       world.node.policy = policy_digest(world.policy);
       script = quiet(world.node);
       insert(script, 66, excepted(world, 65));
     },
     "inconclusive: n1: packet covered by an exception (AT-A006): 3 packets to 203.0.113.7, 53/udp, by app/web-0, "
     "2026-01-01T00:01:05Z – 2026-01-01T00:01:06Z: after the last day of that exception"},
};

TEST_CASE("a log that contradicts itself is not proven") {
  for (const Forgery& forgery : kForgeries) {
    INFO(forgery.name);
    World world;
    Script script = quiet(world.node);
    forgery.edit(world, script);
    world.write("a", world.node, script);
    ReportOptions options = world.options();
    if (script.back().time > at(5000)) options.period = Period{at(20), script.back().time - kSecond};
    CHECK_THAT(world.report(options).heading, Catch::StartsWith(forgery.heading));
  }
}

TEST_CASE("as logged a node without an uplink proves nothing") {
  World world;
  world.node.uplinks.clear();
  Script script = quiet(world.node);
  for (Line& line : script) {
    if (auto* intent = std::get_if<CanaryIntentRecord>(&line.body))
      intent->canaries.push_back({"sensor", "ipv4", "cali1"});
    if (auto* fate = std::get_if<CanaryFateRecord>(&line.body)) fate->outcomes.push_back({"seen", "", ""});
  }
  world.write("a", world.node, script);
  ReportOptions options = world.options();
  options.as_logged = true;
  options.period.reset();
  options.inventory.reset();
  CHECK_THAT(world.report(options).heading,
             Catch::StartsWith("as logged: inconclusive: n1: an uplink of the inventory was not watched"));
}

TEST_CASE("as logged the time between two logs of a node is asked for too") {
  World world;
  world.write("a", world.node, quiet(world.node, 0, 9));
  world.write("b", world.node, quiet(world.node, 600, 9));
  ReportOptions options = world.options();
  options.as_logged = true;
  options.period.reset();
  options.inventory.reset();
  CHECK(
      world.report(options).heading ==
      "as logged: inconclusive: n1: no record of this time, 2026-01-01T00:01:30.3Z – 2026-01-01T00:10:00.3Z (8 min 30 "
      "s)");
}

TEST_CASE("a log that was given twice covers no more than once") {
  World world;
  Script script = quiet(world.node);
  each_beat(script, [](HeartbeatRecord& beat, std::int64_t) { beat.uplinks[0] = {"eth0", 5, 5, 5, 0, true}; });
  get<StartRecord>(script).capturing_since = at(0);
  get<StartRecord>(script).enforcement_digest = digest_of("rules");
  remove(script, find<HeartbeatRecord>(script, 60));
  world.write("a", world.node, script);
  const std::string once = world.heading();
  CHECK(once == "inconclusive: n1: no record of this time, 2026-01-01T00:00:50.3Z – 2026-01-01T00:01:00.3Z (10 s)");
  world.write_again("b", "a", world.node, script);
  CHECK(world.heading() == once);
}

TEST_CASE("a clock that gains a little with every record gains no time") {
  World world;
  Script script = quiet(world.node);
  int beats = 0;
  for (Line& line : script) {
    line.time += 900'000'000LL * beats;  // the clock since boot does not know of it
    if (auto* beat = std::get_if<HeartbeatRecord>(&line.body)) beat->from += 900'000'000LL * std::max(0, beats++ - 1);
  }
  world.slow_clock = [&](std::int64_t time) {
    std::int64_t slow = time;
    for (const Line& line : script)
      if (line.time < time && std::holds_alternative<HeartbeatRecord>(line.body)) slow -= 900'000'000LL;
    return slow;
  };
  world.write("a", world.node, script);
  CHECK_THAT(world.heading(), Catch::StartsWith("inconclusive: n1: the clock was stepped"));
}

TEST_CASE("rounds that another node told of before are none") {
  World world;
  world.inventory_text = R"([{"node":"n1","joined":"2025-12-01T00:00:00Z","uplinks":["eth0"]},
                             {"node":"n2","joined":"2025-12-01T00:00:00Z","uplinks":["eth0"]}])";
  const Script script = quiet(world.node);
  Script copied = script;
  get<StartRecord>(copied).node = "n2";
  Node other = world.node;
  other.name = "n2";
  world.write("a", world.node, script);
  world.write("b", other, copied);
  CHECK(world.heading() == "inconclusive: n2: b: canary rounds have the seeds of those in a");
}

TEST_CASE("a policy that was never in force is not the one that is proven") {
  World world;
  world.write("a", world.node, quiet(world.node));
  world.policy = sample_policy();
  CHECK(world.heading() ==
        "inconclusive: the policy that was given was in force at no node in this time: n1 was judged by " +
            world.node.policy);
}

TEST_CASE("a finding whose source or port is not one any more is not counted twice") {
  World world;
  Script script = quiet(world.node);
  insert(script, 66, escape_of(at(65), at(66)));
  FindingRecord more = escape_of(at(65), at(70));
  more.source.clear();
  more.packets = 5;
  insert(script, 71, more);
  world.write("a", world.node, script);
  CHECK(world.heading() == "violated: 5 packets left to 1 outside destination at n1");

  World ports;
  more.port.reset();
  more.packets = 6;
  insert(script, 81, more);
  ports.write("a", ports.node, script);
  CHECK(ports.heading() == "violated: 6 packets left to 1 outside destination at n1");
}

}  // namespace
}  // namespace airtight::audit
