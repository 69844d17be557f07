// One defect at a time in the story of a quiet node, and the first line that it must lead to.
#include <catch2/catch.hpp>
#include <functional>

#include "tests/auditor/report/log_script.h"

namespace airtight::audit {
namespace {

struct Story {
  const char* name;
  std::function<void(World&, Script&)> edit;
  const char* heading;
};

std::string heading_of(const Story& story) {
  World world;
  Script script = quiet(world.node);
  story.edit(world, script);
  world.write("a", world.node, script);
  return world.heading();
}

GapRecord gap(GapReason reason, double from, double to, std::string interface = "", std::uint64_t size = 0,
              std::string detail = "") {
  return {reason, at(from), at(to), std::move(interface), size, std::move(detail)};
}

const Story kStories[] = {
    {"quiet", [](World&, Script&) {}, "proven"},
    {"kernel drops",
     [](World&, Script& script) { insert(script, 65, gap(GapReason::KernelDrops, 60, 65, "eth0", 300)); },
     "inconclusive: n1: kernel drops (eth0), 2026-01-01T00:01:00Z – 2026-01-01T00:01:05Z (5 s): 300 packets"},
    {"a gap without length", [](World&, Script& script) { insert(script, 65, gap(GapReason::TableFull, 60, 60)); },
     "inconclusive: n1: a table was full, 2026-01-01T00:01:00Z – 2026-01-01T00:01:00.000000001Z (< 1 ms)"},
    {"a gap without a time of its own",
     [](World&, Script& script) {
       insert(script, 65, GapRecord{GapReason::Other, 0, 0, "", 0, "somehow"});
     },
     "inconclusive: n1: a gap of another kind, 2026-01-01T00:01:00.3Z – 2026-01-01T00:01:05Z (4.7 s): somehow"},
    {"a gap that ends before it begins",
     [](World&, Script& script) { insert(script, 65, gap(GapReason::LostEvents, 65, 60)); },
     "inconclusive: n1: lost kernel events, 2026-01-01T00:01:00Z – 2026-01-01T00:01:05Z (5 s)"},
    {"gaps before and after the period",
     [](World&, Script& script) {
       insert(script, 15, gap(GapReason::Suspended, 10, 20));
       insert(script, 170, gap(GapReason::Suspended, 160, 165));
     },
     "proven"},
    {"three gaps alike",
     [](World&, Script& script) {
       for (const double time : {40., 60., 80.})
         insert(script, time, gap(GapReason::KernelDrops, time - 1, time, "eth0", 5));
     },
     "inconclusive: n1: kernel drops (eth0), 3 times between 2026-01-01T00:00:39Z and 2026-01-01T00:01:20Z, 3 s in "
     "all: 5 packets"},
    {"undeclared interface",
     [](World&, Script& script) { insert(script, 70, gap(GapReason::UndeclaredInterface, 60, 70, "eth9")); },
     "inconclusive: n1: an undeclared interface was up (eth9), 2026-01-01T00:01:00Z – 2026-01-01T00:01:10Z (10 s)"},
    {"bypass",
     [](World&, Script& script) {
       insert(script, 70, gap(GapReason::Bypass, 60, 70, "eth0", 0, "tc filter mirred redirect to eth1"));
     },
     "inconclusive: n1: a way around the firewall that the policy does not name (eth0), 2026-01-01T00:01:00Z – "
     "2026-01-01T00:01:10Z (10 s): tc filter mirred redirect to eth1"},
    {"a counter of drops that rises without a gap record",
     [](World&, Script& script) { get<HeartbeatRecord>(script, 60).counters["eth0.dropped"] = 4; },
     "inconclusive: n1: kernel drops (eth0), 2026-01-01T00:00:50.3Z – 2026-01-01T00:01:00.3Z (10 s): by the counter of "
     "a heartbeat"},
    {"a heartbeat is missing", [](World&, Script& script) { remove(script, find<HeartbeatRecord>(script, 60)); },
     "inconclusive: n1: no record of this time, 2026-01-01T00:00:50.3Z – 2026-01-01T00:01:00.3Z (10 s)"},
    {"a heartbeat is late",
     [](World&, Script& script) {
       remove(script, find<HeartbeatRecord>(script, 60));
       get<HeartbeatRecord>(script, 70).from = at(50.3);
     },
     "inconclusive: n1: the agent was suspended, 2026-01-01T00:00:50.3Z – 2026-01-01T00:01:10.3Z (20 s): a heartbeat "
     "came late"},
    {"a heartbeat reaches back over others",
     [](World&, Script& script) {
       remove(script, find<HeartbeatRecord>(script, 60));
       remove(script, find<HeartbeatRecord>(script, 60));
       get<HeartbeatRecord>(script, 80).from = at(0);
     },
     "inconclusive: n1: the agent was suspended, 2026-01-01T00:00:50.3Z – 2026-01-01T00:01:20.3Z (30 s): a heartbeat "
     "came late"},
    {"a heartbeat of another boot", [](World&, Script& script) { get<HeartbeatRecord>(script, 60).boot_id = "b2"; },
     "inconclusive: n1: a heartbeat that cannot be right, 2026-01-01T00:00:50.3Z – 2026-01-01T00:01:00.3Z (10 s): it "
     "is of another boot than the start record"},
    {"an uplink that does not add up",
     [](World&, Script& script) {
       auto& beat = get<HeartbeatRecord>(script, 60);
       beat.uplinks[0] = {"eth0", 50, 40, 50, 0, false};
     },
     "inconclusive: n1: packets that do not add up (eth0), 2026-01-01T00:00:50.3Z – 2026-01-01T00:01:00.3Z (10 s): the "
     "firewall let 50 to 50 packets out, the tap saw 40, 0 are explained"},
    {"an uplink that was not counted", [](World&, Script& script) { get<HeartbeatRecord>(script, 60).uplinks.clear(); },
     "inconclusive: n1: an uplink was not counted (eth0), 2026-01-01T00:00:50.3Z – 2026-01-01T00:01:00.3Z (10 s)"},
    {"an uplink that was not watched",
     [](World&, Script& script) { get<StartRecord>(script).interfaces[0].role = "undeclared"; },
     "inconclusive: n1: an undeclared interface was up (eth0), 2026-01-01T00:00:20Z – 2026-01-01T00:02:40Z (2 min 20 "
     "s): it was up at the start, and nothing says until when, and 1 more reason"},
    {"an uplink that the inventory does not name",
     [](World& world, Script& script) {
       world.node.uplinks = {"eth0", "eth1"};
       script = quiet(world.node);
     },
     "inconclusive: n1: an uplink that the inventory does not name (eth1), 2026-01-01T00:00:20Z – 2026-01-01T00:02:40Z "
     "(2 min 20 s)"},
    {"an uplink that comes up later, and has no canaries",
     [](World& world, Script& script) {
       world.inventory_text = R"([{"node":"n1","joined":"2025-12-01T00:00:00Z","uplinks":["eth0","eth1"]}])";
       get<StartRecord>(script).interfaces.push_back({"eth1", "uplink", "matches", false});
       std::uint64_t count = 0;
       for (Line& line : script)
         if (auto* beat = std::get_if<HeartbeatRecord>(&line.body)) {
           if (line.time > at(100)) ++count;
           beat->uplinks.push_back({"eth1", count, count, count, 0, true});
         }
     },
     "inconclusive: n1: a canary round did not fare well, 2026-01-01T00:00:55.3Z – 2026-01-01T00:02:40Z (1 min 44 s): "
     "round n1 115.300000...: there was no sensor ipv4 at eth1, and 1 more reason"},
    {"an uplink that stays down",
     [](World& world, Script& script) {
       world.inventory_text = R"([{"node":"n1","joined":"2025-12-01T00:00:00Z","uplinks":["eth0","eth1"]}])";
       get<StartRecord>(script).interfaces.push_back({"eth1", "uplink", "matches", false});
     },
     "proven"},
    {"no start record", [](World&, Script& script) { remove(script, 0); },
     "inconclusive: n1: a canary round did not fare well, 2026-01-01T00:00:20Z – 2026-01-01T00:02:40Z (2 min 20 s): "
     "round n1 0.400000.: no start record comes before it, and 1 more reason"},
    {"the firewall was open",
     [](World&, Script& script) {
       insert(script, 65, EnforcementRecord{digest_of("none"), "open", {"tcp to 203.0.113.7 by output"}});
       insert(script, 75, EnforcementRecord{digest_of("rules"), "sealed", {}});
     },
     "inconclusive: n1: enforcement was open, 2026-01-01T00:01:00.3Z – 2026-01-01T00:01:15Z (14.7 s): tcp to "
     "203.0.113.7 by output"},
    {"the firewall was never read", [](World&, Script& script) { remove(script, find<EnforcementRecord>(script)); },
     "inconclusive: n1: enforcement was not read, 2026-01-01T00:00:20Z – 2026-01-01T00:02:40Z (2 min 20 s)"},
    {"the firewall changed for a second",
     [](World&, Script& script) {
       insert(script, 65, EnforcementRecord{digest_of("rules"), "changed", {"table inet airtight"}});
       insert(script, 66, EnforcementRecord{digest_of("rules"), "sealed", {}});
     },
     "inconclusive: n1: the rules changed, and what was in force until the next reading is not known, "
     "2026-01-01T00:01:00.3Z – 2026-01-01T00:01:06Z (5.7 s): table inet airtight"},
    {"the firewall could not be read any more",
     [](World&, Script& script) {
       insert(script, 65, EnforcementRecord{"", "unreadable", {"time over"}});
     },
     "inconclusive: n1: enforcement could not be read, 2026-01-01T00:01:00.3Z – 2026-01-01T00:02:40Z (1 min 39 s): "
     "time over"},
    {"an outcome that nobody knows",
     [](World&, Script& script) {
       insert(script, 65, EnforcementRecord{digest_of("rules"), "fine", {}});
     },
     "inconclusive: n1: enforcement could not be read, 2026-01-01T00:01:00.3Z – 2026-01-01T00:02:40Z (1 min 39 s)"},
    {"a heartbeat names rules that were not proved",
     [](World&, Script& script) { get<HeartbeatRecord>(script, 60).enforcement_digest = digest_of("others"); },
     "inconclusive: n1: the rules changed, and what was in force until the next reading is not known, "
     "2026-01-01T00:00:50.3Z – 2026-01-01T00:02:40Z (1 min 49 s): a heartbeat names other rules than those that were "
     "proved"},
    {"a sensor canary was missed",
     [](World& world, Script& script) {
       const Round round = round_of(world.node, "bad", 0, "missed");
       insert(script, 66, round.intent);
       insert(script, 67, round.fate);
     },
     "inconclusive: n1: a canary round did not fare well, 2026-01-01T00:00:55.3Z – 2026-01-01T00:01:55.8Z (1 min): "
     "round bad: sensor ipv4 at eth0 missed"},
    {"a raw canary was not blocked",
     [](World& world, Script& script) {
       const Round round = round_of(world.node, "bad", 1, "missed");
       insert(script, 66, round.intent);
       insert(script, 67, round.fate);
     },
     "inconclusive: n1: a canary round did not fare well, 2026-01-01T00:00:55.3Z – 2026-01-01T00:01:55.8Z (1 min): "
     "round bad: raw ipv4 at eth0 missed"},
    {"an enforcement canary left",
     [](World& world, Script& script) {
       const Round round = round_of(world.node, "bad", 2, "escaped");
       insert(script, 66, round.intent);
       insert(script, 67, round.fate);
     },
     "violated: 1 enforcement canary left"},
    {"a round that calls itself good",
     [](World& world, Script& script) {
       Round round = round_of(world.node, "bad", 0, "missed");
       round.fate.good = true;
       insert(script, 66, round.intent);
       insert(script, 67, round.fate);
     },
     "inconclusive: n1: a canary round did not fare well, 2026-01-01T00:00:55.3Z – 2026-01-01T00:01:55.8Z (1 min): "
     "round bad: sensor ipv4 at eth0 missed"},
    {"a round with another seed",
     [](World& world, Script& script) {
       Round round = round_of(world.node, "bad");
       round.fate.seed[0] = round.fate.seed[0] == '0' ? '1' : '0';
       insert(script, 66, round.intent);
       insert(script, 67, round.fate);
     },
     "inconclusive: n1: a canary round did not fare well, 2026-01-01T00:00:55.3Z – 2026-01-01T00:01:55.8Z (1 min): "
     "round bad: its seed is not the one that it committed to"},
    {"a round without a fate",
     [](World& world, Script& script) { insert(script, 66, round_of(world.node, "bad").intent); },
     "inconclusive: n1: a canary round did not fare well, 2026-01-01T00:00:55.3Z – 2026-01-01T00:01:55.8Z (1 min): "
     "round bad: no fate was recorded"},
    {"a fate without an intent",
     [](World& world, Script& script) { insert(script, 66, round_of(world.node, "bad").fate); },
     "inconclusive: n1: a canary round did not fare well, 2026-01-01T00:00:55.3Z – 2026-01-01T00:01:55.8Z (1 min): "
     "round bad: its intent was not recorded before"},
    {"a round without IPv6",
     [](World& world, Script& script) {
       Round round = round_of(world.node, "bad");
       round.intent.canaries.resize(round.intent.canaries.size() / 2);
       round.fate.outcomes.resize(round.fate.outcomes.size() / 2);
       insert(script, 66, round.intent);
       insert(script, 67, round.fate);
     },
     "inconclusive: n1: a canary round did not fare well, 2026-01-01T00:00:55.3Z – 2026-01-01T00:01:55.8Z (1 min): "
     "round bad: there was no stack ipv6 canary in it"},
    {"no rounds at all",
     [](World&, Script& script) {
       for (std::size_t i = script.size(); i-- > 0;)
         if (std::holds_alternative<CanaryIntentRecord>(script[i].body) ||
             std::holds_alternative<CanaryFateRecord>(script[i].body))
           remove(script, i);
     },
     "inconclusive: n1: no good canary round near enough, 2026-01-01T00:00:20Z – 2026-01-01T00:02:40Z (2 min 20 s): "
     "more than 120 s from any"},
    {"rounds too far apart", [](World&, Script& script) { get<StartRecord>(script).canary_interval = 10; },
     "inconclusive: n1: no good canary round near enough, 3 times between 2026-01-01T00:00:20.9Z and "
     "2026-01-01T00:02:39.3Z, 57.4 s in all: more than 20 s from any"},
    {"no interval of rounds", [](World&, Script& script) { get<StartRecord>(script).canary_interval = 0; },
     "inconclusive: n1: no good canary round near enough, 2026-01-01T00:00:20Z – 2026-01-01T00:02:40Z (2 min 20 s): "
     "the log says no interval of rounds"},
    {"another policy",
     [](World&, Script& script) {
       insert(script, 65, PolicyRecord{"", digest_of("other"), "SIGHUP"});
       for (Line& line : script)
         if (auto* beat = std::get_if<HeartbeatRecord>(&line.body); beat != nullptr && line.time > at(65))
           beat->policy_digest.clear();
     },
     "inconclusive: n1: judged by a policy that is not known to be allowed, 2026-01-01T00:01:00.3Z – "
     "2026-01-01T00:02:40Z (1 min 39 s): sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa took "
     "effect 2026-01-01T00:01:05Z, and no enrolment that was signed before names it"},
    {"another policy between two heartbeats",
     [](World& world, Script& script) {
       insert(script, 65, PolicyRecord{world.node.policy, digest_of("other"), "SIGHUP"});
       insert(script, 66, PolicyRecord{digest_of("other"), world.node.policy, "SIGHUP"});
     },
     "inconclusive: n1: judged by a policy that is not known to be allowed, 2026-01-01T00:01:00.3Z – "
     "2026-01-01T00:01:10.3Z (10 s): sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa took "
     "effect 2026-01-01T00:01:05Z, and no enrolment that was signed before names it"},
    {"a packet left", [](World&, Script& script) { insert(script, 66, escape_of(at(65), at(65.5))); },
     "violated: 3 packets left to 1 outside destination at n1"},
    {"a packet left before the period", [](World&, Script& script) { insert(script, 15, escape_of(at(12), at(19.9))); },
     "proven"},
    {"a packet left at the end of the period",
     [](World&, Script& script) { insert(script, 165, escape_of(at(160), at(160))); }, "proven"},
    {"a packet left at the begin of the period",
     [](World&, Script& script) { insert(script, 25, escape_of(at(12), at(20))); },
     "violated: 3 packets left to 1 outside destination at n1"},
    {"a packet left at a time that nobody knows", [](World&, Script& script) { insert(script, 170, escape_of(0, 0)); },
     "violated: 3 packets left to 1 outside destination at n1"},
    {"names and frames left",
     [](World&, Script& script) {
       FindingRecord name = escape_of(at(70), at(71));
       name.rule_id = "AT-A020";
       name.cls = "outside-name";
       name.name = "api.example.com";
       insert(script, 72, name);
       FindingRecord frame = escape_of(at(73), at(74));
       frame.rule_id = "AT-A010";
       frame.cls = "non-ip";
       frame.destinations.clear();
       frame.destinations_count = 0;
       insert(script, 75, frame);
     },
     "violated: 1 outside name left in 3 packets, 3 undeclared frames left at n1"},
    {"a packet left, and much is not covered",
     [](World&, Script& script) {
       insert(script, 66, escape_of(at(65), at(65.5)));
       remove(script, find<HeartbeatRecord>(script, 90));
     },
     "violated: 3 packets left to 1 outside destination at n1"},
    {"an attempt that was held",
     [](World&, Script& script) {
       FindingRecord attempt = escape_of(at(65), at(66));
       attempt.rule_id = "AT-A009";
       attempt.cls = "attempt";
       attempt.effect = "listed";
       insert(script, 66, attempt);
     },
     "proven"},
    {"an attempt that is unresolved",
     [](World&, Script& script) {
       FindingRecord attempt = escape_of(at(65), at(66));
       attempt.rule_id = "AT-A008";
       attempt.cls = "unresolved";
       attempt.effect = "inconclusive";
       insert(script, 66, attempt);
     },
     "inconclusive: n1: attempt that nothing shows to have been held (AT-A008): 3 packets to 203.0.113.7, 53/udp, by "
     "app/web-0, 2026-01-01T00:01:05Z – 2026-01-01T00:01:06Z"},
    {"an effect that nobody knows",
     [](World&, Script& script) {
       FindingRecord finding = escape_of(at(65), at(66));
       finding.effect = "harmless";
       insert(script, 66, finding);
     },
     "inconclusive: n1: packet that left to the outside (AT-A001): 3 packets to 203.0.113.7, 53/udp, by app/web-0, "
     "2026-01-01T00:01:05Z – 2026-01-01T00:01:06Z"},
    {"a probe reached the outside",
     [](World&, Script& script) {
       insert(script, 66, ProbeRecord{"address", "203.0.113.1:443", false, "succeeded", false, ""});
     },
     "violated: 1 probe reached the outside"},
    {"a resolver answered what it must not",
     [](World&, Script& script) {
       insert(script, 66, ProbeRecord{"dns", "x.example.com", false, "succeeded", false, ""});
     },
     "inconclusive: n1: a probe succeeded: dns x.example.com, 2026-01-01T00:01:06Z"},
    {"a probe was denied",
     [](World&, Script& script) {
       insert(script, 66, ProbeRecord{"address", "203.0.113.1:443", false, "denied", true, ""});
     },
     "proven"},
    {"records of another node", [](World&, Script& script) { get<StartRecord>(script).node = "n7"; },
     "inconclusive: n1: a: a start record names another node: n7"},
};

TEST_CASE("one defect at a time leads to its first line") {
  for (const Story& story : kStories) {
    INFO(story.name);
    CHECK(heading_of(story) == story.heading);
  }
}

}  // namespace
}  // namespace airtight::audit
