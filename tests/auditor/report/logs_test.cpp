// What is asked of logs as a whole: who vouches for them, which nodes they are of, how one takes over from another.
#include <catch2/catch.hpp>

#include "tests/auditor/report/log_script.h"
#include "tests/emit/sample_policy.h"

namespace airtight::audit {
namespace {

std::string line_with(const std::vector<std::string>& lines, const std::string& part) {
  for (const std::string& line : lines)
    if (line.find(part) != std::string::npos) return line;
  return "none";
}

std::string reasons(const ReportResult& result) {
  std::string out;
  for (const std::string& reason : result.reasons) out += reason + "\n";
  return out;
}

TEST_CASE("a report without inventory, trust root or period says what is missing") {
  World world;
  world.write("a", world.node, quiet(world.node));
  const auto without = [&](auto edit) {
    ReportOptions options = world.options();
    edit(options);
    return reasons(world.report(options));
  };
  const std::string inventory = "no inventory was given (--inventory): which nodes there are is not known\n";
  const std::string trust = "no trust root was given (--trust): nobody vouches for the keys of the logs\n";
  const std::string period = "no period was given (--from and --to)\n";
  CHECK(without([](auto& options) { options.inventory.reset(); }) == inventory);
  CHECK(without([](auto& options) { options.trust.reset(); }) == trust);
  CHECK(without([](auto& options) { options.period.reset(); }) == period);
  CHECK(without([](auto& options) { options = {{"a"}, {}, {}, {}, {}, false}; }) == inventory + trust + period);
  CHECK(without([](auto& options) { options.period->to = options.period->from; }) ==
        "the period ends before it begins\nthere is no time in which a node was there: nothing to judge\n");
  CHECK(without([](auto& options) { options.evidence.clear(); }) == "no evidence was given for n1\n");
  ReportOptions nothing;
  CHECK(reasons(world.report(nothing)) == inventory + trust + period + "no evidence was given\n");
}

TEST_CASE("as logged the span and the nodes are those of the logs") {
  World world;
  Node other = world.node;
  other.name = "n2";
  world.write("a", world.node, quiet(world.node));
  world.write("b", other, quiet(other, 100), true, [](Enrolment&) { return false; });
  ReportOptions options;
  options.evidence = world.directories;
  options.as_logged = true;
  const ReportResult result = world.report(options);
  CHECK(result.heading == "as logged: proven");
  CHECK(*result.period == Period{at(0.3), at(280.3)});
  REQUIRE(result.nodes.size() == 2);
  CHECK(result.nodes[0].asked == std::vector<Period>{{at(0.3), at(180.3)}});
  CHECK(result.nodes[1].asked == std::vector<Period>{{at(100.3), at(280.3)}});
  CHECK(result.nodes[1].covered_time == 180 * kSecond);
  CHECK(result.assumptions[0] == "the nodes, their uplinks and the span are those that the logs themselves claim");
  CHECK(result.assumptions[1] == "the keys of the logs are taken at the logs' own word");
  options.trust = world.trust.verifier();
  CHECK(world.report(options).heading ==
        "as logged: inconclusive: n2: b: the trust root example.org/trust enrolled no such keys, and 2 more reasons");
}

TEST_CASE("as logged a log without a heartbeat proves nothing") {
  World world;
  world.write("a", world.node, {{at(0), start_of(world.node)}, {at(1), StopRecord{"signal", false}}});
  ReportOptions options;
  options.evidence = {"a"};
  options.as_logged = true;
  CHECK(reasons(world.report(options)) ==
        "n1: there is no heartbeat in its log\nthere is no time in which a node was there: nothing to judge\n");
}

TEST_CASE("every node of the inventory needs evidence, for the time in which it was there") {
  World world;
  world.inventory_text = R"([{"node":"n1","joined":"2025-12-01T00:00:00Z","uplinks":["eth0"]},
      {"node":"n2","joined":"2026-01-01T00:00:50Z","left":"2026-01-01T00:01:50Z","uplinks":["eth0"]},
      {"node":"n3","joined":"2026-01-01T00:02:40Z","uplinks":["eth0"]}])";
  Node n2 = world.node;
  n2.name = "n2";
  world.write("a", world.node, quiet(world.node));
  CHECK(world.heading() == "inconclusive: no evidence was given for n2");
  Script script = quiet(n2, 45, 7);  // until 115.3 s
  world.write("b", n2, script);
  const ReportResult result = world.report();
  CHECK(result.heading == "proven");
  CHECK(result.nodes[1].asked == std::vector<Period>{{at(50), at(110)}});
  CHECK(result.nodes[2].asked_time == 0);

  World late;
  late.inventory_text = world.inventory_text;
  late.write("a", late.node, quiet(late.node));
  late.write("b", n2, quiet(n2, 52, 7));
  CHECK(late.heading() ==
        "inconclusive: n2: no record of this time, 2026-01-01T00:00:50Z – 2026-01-01T00:00:52.3Z (2.3 s)");
}

TEST_CASE("a node that the inventory does not name counts for what it shows") {
  World world;
  Node other = world.node;
  other.name = "n9";
  Script script = quiet(other);
  world.write("a", world.node, quiet(world.node));
  world.write("b", other, script);
  CHECK(world.heading() == "inconclusive: n9 has a log of that time, and the inventory does not name it");
  insert(script, 66, escape_of(at(65), at(66)));
  world.write("c", other, script);
  CHECK(world.heading() == "violated: 3 packets left to 1 outside destination at n9");
}

TEST_CASE("a damaged log is never proven, and what it still says of a packet counts") {
  World world;
  Script script = quiet(world.node);
  insert(script, 66, escape_of(at(65), at(66)));
  world.write("a", world.node, quiet(world.node));
  std::string& entries = world.disk.file("a/tile/entries/000.p/" + std::to_string(quiet(world.node).size()));
  entries[entries.find("\"why\":\"signal\"") + 8] = 'S';
  CHECK(world.heading().rfind("inconclusive: n1: a: damaged: edited: tile/entries/000.p/", 0) == 0);

  World other;
  other.write("a", other.node, script);
  other.disk.erase("a/checkpoint");
  CHECK(other.report().heading == "violated: 3 packets left to 1 outside destination at n1");
  CHECK(line_with(other.report().reasons, "damaged") ==
        "n1: a: damaged: missing checkpoint: checkpoint: it is not there");
  other.disk.erase("a/keys");
  const ReportResult result = other.report();
  CHECK(result.verdict == PeriodVerdict::Violated);
  CHECK_FALSE(result.findings.at(0).sealed);
}

TEST_CASE("what nothing seals covers no time, and what speaks against the node counts") {
  World world;
  Script script = quiet(world.node);
  script[find<HeartbeatRecord>(script, 120)].checkpoint = true;
  world.write("a", world.node, script, false);
  CHECK(world.heading() ==
        "inconclusive: n1: records that nothing seals, 2026-01-01T00:02:00.3Z – 2026-01-01T00:02:40Z (39.7 s)");

  insert(script, 150, escape_of(at(149), at(150)));
  World open;
  open.write("a", open.node, script, false);
  const ReportResult result = open.report();
  CHECK(result.heading == "violated: 3 packets left to 1 outside destination at n1");
  CHECK(result.reasons[0] ==
        "n1: packet that left to the outside (AT-A001): 3 packets to 203.0.113.7, 53/udp, by app/web-0, "
        "2026-01-01T00:02:29Z – 2026-01-01T00:02:30Z (from records that nothing seals)");
}

TEST_CASE("a round that is under way when the log is read is neither good nor bad") {
  World world;
  Script script = quiet(world.node);
  script.pop_back();
  remove(script, find<CanaryIntentRecord>(script, 179.2));
  remove(script, find<CanaryFateRecord>(script, 179.2));
  insert(script, 179.5, round_of(world.node, "under way").intent);
  script.back().checkpoint = true;
  world.write("a", world.node, script, false);
  CHECK(world.heading() == "proven");
}

TEST_CASE("keys and policies must have been enrolled before they took effect") {
  const auto heading = [](const std::function<bool(Enrolment&)>& enrol) {
    World world;
    world.write("a", world.node, quiet(world.node), true, enrol);
    return world.heading();
  };
  CHECK(heading([](Enrolment&) { return true; }) == "proven");
  CHECK(heading([](Enrolment&) {
          return false;
        }).rfind("inconclusive: n1: a: the trust root example.org/trust enrolled no such keys", 0) == 0);
  CHECK(heading([](Enrolment& enrolment) {
          enrolment.inventory_digest = digest_of("other");
          return true;
        }).rfind("inconclusive: n1: a: its last enrolment is by another inventory than the one given, sha256:", 0) ==
        0);
}

TEST_CASE("a stranger's enrolment is none") {
  World world;
  world.write("a", world.node, quiet(world.node));
  ReportOptions options = world.options();
  options.trust = NoteSigner{"example.org/trust", Secret(std::array<std::uint8_t, 32>{9})}.verifier();
  const ReportResult result = world.report(options);
  CHECK(result.verdict == PeriodVerdict::Inconclusive);
  CHECK(line_with(result.reasons, "enrolled no such keys") != "none");
  CHECK(result.nodes[0].covered_time == 0);
}

TEST_CASE("an inventory that a later enrolment replaced before the period's end does not count") {
  World world;
  const std::string old = world.inventory_text;
  Enrolment kept;
  world.write("a", world.node, quiet(world.node), true, [&](Enrolment& enrolment) {
    kept = enrolment;
    return true;
  });
  kept.inventory_digest = digest_of("newer");
  kept.signed_at = at(30);
  world.disk.put("a/enrolment/001", sign_enrolment(kept, world.trust));
  CHECK(world.heading().find("its last enrolment is by another inventory") != std::string::npos);
  kept.signed_at = at(161);
  world.disk.put("a/enrolment/001", sign_enrolment(kept, world.trust));
  CHECK(world.heading() == "proven");
}

TEST_CASE("another policy that was enrolled before is allowed, and told") {
  World world;
  const std::string other = digest_of("other");
  Script script = quiet(world.node);
  insert(script, 65, PolicyRecord{world.node.policy, other, "SIGHUP"});
  for (Line& line : script)
    if (auto* beat = std::get_if<HeartbeatRecord>(&line.body); beat != nullptr && line.time > at(65))
      beat->policy_digest = other;
  world.write("a", world.node, script, true, [&](Enrolment& enrolment) {
    enrolment.policy_digests.push_back(other);
    return true;
  });
  const ReportResult result = world.report();
  CHECK(result.heading == "proven");
  CHECK(line_with(result.assumptions, "another policy") ==
        "n1: a part was judged by another policy that the trust root enrolled before, " + other +
            ": its exceptions are not among those listed here");
}

// Two runs of the agent, the second from 100 s on. `edit` sees the last records of the first and the second.
std::string restarted(const std::function<void(Script&, Script&)>& edit, ReportResult* out = nullptr) {
  World world;
  Script first = quiet(world.node, 0, 9), second = quiet(world.node, 91, 9);  // until 90.3; 91.3 until 181.3
  insert(second, 91, GapRecord{GapReason::Restart, at(90.4), at(91), "", 0, ""});
  for (Line& line : second)
    if (auto* beat = std::get_if<HeartbeatRecord>(&line.body))
      for (UplinkCount& count : beat->uplinks) count.before += 100, count.seen += 100, count.after += 100;
  edit(first, second);
  append(first, second);
  world.write("a", world.node, first);
  const ReportResult result = world.report();
  if (out != nullptr) *out = result;
  return result.heading;
}

TEST_CASE("a restart is a gap") {
  CHECK(restarted([](Script&, Script&) {}) ==
        "inconclusive: n1: the agent was restarted, 2026-01-01T00:01:30.4Z – 2026-01-01T00:01:31Z (600 ms), and 1 more "
        "reason");
}

TEST_CASE("a hand-over is bridged, and listed") {
  const auto captures = [](Script&, Script& second) {
    get<StartRecord>(second).capturing_since = at(80);
    get<StartRecord>(second).enforcement_digest = digest_of("rules");
    get<HeartbeatRecord>(second).from = at(90.4);
  };
  ReportResult result;
  CHECK(restarted(captures, &result) == "proven");
  const auto& gaps = result.nodes[0].gaps;
  REQUIRE(gaps.size() == 2);
  CHECK(gaps[0].reason == "hand-over");
  CHECK(gaps[0].time == Period{at(90.3), at(91)});
  CHECK(gaps[0].bridged);
  CHECK(gaps[1].reason == "the agent was restarted");
  CHECK(gaps[1].bridged);

  const auto but = [&](const std::function<void(Script&, Script&)>& edit) {
    return restarted([&](Script& first, Script& second) {
             captures(first, second);
             edit(first, second);
           }).rfind("inconclusive: n1: ", 0) == 0;
  };
  CHECK(but([](Script&, Script& second) { get<StartRecord>(second).boot_id = "b2"; }));
  CHECK(but([](Script&, Script& second) { get<StartRecord>(second).capturing_since = at(90.41); }));
  CHECK(but([](Script&, Script& second) {  // sealed as well, but something was changed in between
    get<EnforcementRecord>(second).digest = digest_of("others");
    for (Line& line : second)
      if (auto* beat = std::get_if<HeartbeatRecord>(&line.body)) beat->enforcement_digest = digest_of("others");
  }));
  CHECK(but([](Script& first, Script&) { first.pop_back(); }));  // no stop record
  CHECK(but([](Script&, Script& second) { get<StartRecord>(second).capturing_since.reset(); }));
  CHECK(but([](Script&, Script& second) { get<StartRecord>(second).enforcement_digest.clear(); }));
  CHECK(but([](Script&, Script& second) { get<HeartbeatRecord>(second).from = at(90.5); }));
  CHECK(but([](Script&, Script& second) { get<HeartbeatRecord>(second).uplinks[0].before = 1; }));
  CHECK(but([](Script&, Script& second) { get<HeartbeatRecord>(second).uplinks[0].conserved = false; }));
  CHECK(but([](Script&, Script& second) {
    insert(second, 92, GapRecord{GapReason::KernelDrops, at(90.5), at(91), "eth0", 1, ""});
  }));
}

TEST_CASE("a node that was off has no gap where both ends are signed with every uplink down") {
  const auto off = [](Script& first, Script& second) {
    std::get<StopRecord>(first.back().body).uplinks_down = true;
    get<StartRecord>(second).uplinks_down = true;
    get<StartRecord>(second).boot_id = "b2";
    for (Line& line : second)
      if (auto* beat = std::get_if<HeartbeatRecord>(&line.body)) beat->boot_id = "b2";
  };
  ReportResult result;
  CHECK(restarted(off, &result) == "proven");
  CHECK(result.nodes[0].gaps[0].reason == "the node was off");
  const auto but = [&](const std::function<void(Script&, Script&)>& edit) {
    return restarted([&](Script& first, Script& second) {
             off(first, second);
             edit(first, second);
           }).rfind("inconclusive: n1: ", 0) == 0;
  };
  CHECK(but([](Script& first, Script&) { std::get<StopRecord>(first.back().body).uplinks_down = false; }));
  CHECK(but([](Script&, Script& second) { get<StartRecord>(second).uplinks_down = false; }));
  CHECK(but([](Script& first, Script&) { first.pop_back(); }));
  CHECK(but([](Script&, Script& second) {
    get<StartRecord>(second).boot_id = "b1";
    for (Line& line : second)
      if (auto* beat = std::get_if<HeartbeatRecord>(&line.body)) beat->boot_id = "b1";
  }));
}

TEST_CASE("two logs of a node cover together") {
  World world;
  world.write("a", world.node, quiet(world.node, 0, 9));
  CHECK(world.heading() ==
        "inconclusive: n1: no record of this time, 2026-01-01T00:01:30.3Z – 2026-01-01T00:02:40Z (1 min 9 s)");
  Script script = quiet(world.node, 80, 10);
  world.write("b", world.node, script);
  const ReportResult result = world.report();
  CHECK(result.heading == "proven");
  CHECK(result.nodes.size() == 1);
  CHECK(result.nodes[0].evidence == std::vector<std::string>{"a", "b"});

  // What one sensor missed the other saw; what is of the node is of both.
  const auto with = [](GapReason reason) {
    World both;
    Script first = quiet(both.node);
    insert(first, 66, GapRecord{reason, at(60), at(65), "eth0", 1, ""});
    both.write("a", both.node, first);
    both.write("b", both.node, quiet(both.node));
    return both.heading();
  };
  CHECK(with(GapReason::KernelDrops) == "proven");
  CHECK(with(GapReason::NotConserved) ==
        "inconclusive: n1: packets that do not add up (eth0), 2026-01-01T00:01:00Z – 2026-01-01T00:01:05Z (5 s): 1 "
        "packet");
}

TEST_CASE("an older copy of a log is no harm, and a fork of it is damage") {
  World world;
  Script script = quiet(world.node);
  insert(script, 66, escape_of(at(12), at(13)));
  script[find<HeartbeatRecord>(script, 60)].checkpoint = true;
  world.write("a", world.node, script);
  const Script cut(script.begin(), script.begin() + static_cast<std::ptrdiff_t>(find<HeartbeatRecord>(script, 60)) + 1);
  world.write_again("b", "a", world.node, cut);
  const ReportResult result = world.report();
  CHECK(result.heading == "proven");
  CHECK(result.nodes[0].packets == 105);

  Script other = cut;
  get<HeartbeatRecord>(other, 30).counters["eth0.seen"] += 1;
  world.write_again("c", "a", world.node, other);
  CHECK(
      line_with(world.report().reasons, "forked checkpoint").rfind("n1: a: damaged: forked checkpoint: anchor 2", 0) ==
      0);
  CHECK(world.report().verdict == PeriodVerdict::Inconclusive);
}

TEST_CASE("an anchor shows that the log was put back; one of another log is said") {
  World world;
  Script script = quiet(world.node);
  world.write("a", world.node, script);
  ReportOptions options = world.options();
  options.anchors = {world.disk.file("a/checkpoint")};
  CHECK(world.report(options).heading == "proven");
  CHECK(world.report(options).limits[0] ==
        "what each log says after its last anchor could have been cut off, with the checkpoints over it");
  const Script cut(script.begin(), script.begin() + static_cast<std::ptrdiff_t>(find<HeartbeatRecord>(script, 161)));
  world.write_again("b", "a", world.node, cut);
  options.evidence = {"b"};
  CHECK(world.report(options).heading.rfind("inconclusive: n1: b: damaged: rolled back: anchor 1: it has ", 0) == 0);
  World stranger;
  stranger.write("x", stranger.node, quiet(stranger.node));
  options.evidence = {"a"};
  options.anchors = {stranger.disk.file("x/checkpoint")};
  CHECK(world.report(options).heading == "inconclusive: anchor 1 is of none of the logs that were given");
}

TEST_CASE("a clock that was put back covers no time twice") {
  World world;
  Script script = quiet(world.node);
  // The writer says so in a gap record, and the times themselves do.
  for (Line& line : script) {
    if (line.time <= at(100)) continue;
    line.time -= 30 * kSecond;
    if (auto* beat = std::get_if<HeartbeatRecord>(&line.body)) beat->from -= 30 * kSecond;
  }
  world.write("a", world.node, script);
  ReportOptions options = world.options();
  options.period->to = at(140);
  const ReportResult result = world.report(options);
  CHECK(result.verdict == PeriodVerdict::Inconclusive);
  CHECK(line_with(result.reasons, "clock") ==
        "n1: the clock was stepped, 2026-01-01T00:01:10.3Z – 2026-01-01T00:01:30.3Z (20 s): between two records of the "
        "log");
}

TEST_CASE("exceptions are listed always, and counted where they were used") {
  World world;
  world.policy = sample_policy();
  world.node.policy = policy_digest(world.policy);
  const Exception& exception = world.policy.exceptions.at(0);
  world.write("a", world.node, quiet(world.node));
  CHECK(world.heading() == "proven");
  REQUIRE(world.report().exceptions.size() == 1);
  CHECK(world.report().exceptions[0].find(": not used") != std::string::npos);

  Script script = quiet(world.node);
  FindingRecord used = escape_of(at(65), at(66));
  used.rule_id = "AT-A006";
  used.cls = "excepted";
  used.effect = "listed";
  used.detail = exception.ticket;
  used.destinations = {to_string(exception.to.first())};
  insert(script, 66, used);
  World other;
  other.policy = world.policy;
  other.node = world.node;
  other.write("a", other.node, script);
  CHECK(other.heading() == "proven with 1 exception");
  CHECK(other.report().exceptions[0].find(": used: 3 packets, 180 bytes") != std::string::npos);
  CHECK(other.report().exceptions_used == 1);

  used.detail = "SEC-of-another-policy";
  insert(script, 67, used);
  World third;
  third.policy = world.policy;
  third.node = world.node;
  third.write("a", third.node, script);
  CHECK(third.heading().rfind("inconclusive: ", 0) == 0);
  CHECK(line_with(third.report().reasons, "no such exception").size() > 0);
  CHECK(third.report().exceptions[1] == "SEC-of-another-policy: not of this policy: used: 3 packets, 180 bytes");
}

TEST_CASE("a private-vpc policy is said not to be fully air-gapped") {
  World world;
  world.policy.mode = Mode::PrivateVpc;
  world.node.policy = policy_digest(world.policy);
  world.write("a", world.node, quiet(world.node));
  CHECK(world.heading() == "proven; not fully air-gapped (private-vpc)");
}

TEST_CASE("proven intervals are those in which every node is covered") {
  World world;
  world.inventory_text = R"([{"node":"n1","joined":"2025-12-01T00:00:00Z","uplinks":["eth0"]},
                             {"node":"n2","joined":"2025-12-01T00:00:00Z","uplinks":["eth0"]}])";
  Node n2 = world.node;
  n2.name = "n2";
  Script first = quiet(world.node), second = quiet(n2);
  insert(first, 66, GapRecord{GapReason::KernelDrops, at(60), at(65), "eth0", 1, ""});
  insert(second, 101, GapRecord{GapReason::Suspended, at(90), at(100), "", 0, ""});
  world.write("a", world.node, first);
  world.write("b", n2, second);
  const ReportResult result = world.report();
  CHECK(result.proven_intervals == std::vector<Period>{{at(20), at(60)}, {at(65), at(90)}, {at(100), at(160)}});
  CHECK(result.nodes[0].covered == std::vector<Period>{{at(20), at(60)}, {at(65), at(160)}});
  CHECK(result.nodes[0].covered_time == 135 * kSecond);
  CHECK(result.nodes[0].asked_time == 140 * kSecond);
}

TEST_CASE("rounds, sensor canaries, packets and probes are those of the period") {
  World world;
  Script script = quiet(world.node);
  insert(script, 10, ProbeRecord{"address", "203.0.113.1:443", false, "denied", true, ""});
  insert(script, 66, ProbeRecord{"address", "203.0.113.1:443", false, "denied", true, ""});
  insert(script, 67, ProbeRecord{"dns", "x.example", false, "unsent", false, ""});
  world.write("a", world.node, script);
  const NodeReport node = world.report().nodes.at(0);
  CHECK(node.canary_rounds == 2);  // at 55.3 and 115.3; those at 0.4 and 179.3 are outside
  CHECK(node.canary_rounds_good == 2);
  CHECK(node.sensor_canaries == 4);
  CHECK(node.packets == 105);  // 16 of 18 heartbeats meet it, the first of them from 10.3 s on
  CHECK(node.probes == 2);
  CHECK(node.probes_denied == 1);
  CHECK(node.uplinks == std::vector<std::string>{"eth0"});
}

TEST_CASE("sums of a finding are those of its last record, and runs are added") {
  World world;
  Script first = quiet(world.node, 0, 9), second = quiet(world.node, 91, 9);
  FindingRecord finding = escape_of(at(50), at(51));
  insert(first, 52, finding);
  finding.packets = 10;
  finding.bytes = 600;
  finding.last_seen = at(60);
  finding.destinations.push_back("203.0.113.8");
  finding.destinations_count = 2;
  insert(first, 61, finding);
  finding.packets = 5;
  finding.bytes = 300;
  finding.first_seen = at(100);
  finding.last_seen = at(101);
  finding.destinations = {"203.0.113.9"};
  finding.destinations_count = 1;
  insert(second, 102, finding);
  append(first, second);
  world.write("a", world.node, first);
  const ReportResult result = world.report();
  CHECK(result.heading == "violated: 15 packets left to 3 outside destinations at n1");
  REQUIRE(result.findings.size() == 1);
  const FindingRecord& sum = result.findings[0].finding;
  CHECK(sum.bytes == 900);
  CHECK(sum.first_seen == at(50));
  CHECK(sum.last_seen == at(101));
  CHECK(sum.destinations_count == 3);
}

}  // namespace
}  // namespace airtight::audit
