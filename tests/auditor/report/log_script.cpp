#include "tests/auditor/report/log_script.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/emit/sample_policy.h"

namespace airtight::audit {

StartRecord start_of(const Node& node) {
  StartRecord start;
  start.node = node.name;
  start.agent = "0.1";
  start.kernel = "6.1.0";
  start.boot_id = node.boot;
  start.policy_digest = node.policy;
  start.interval = node.interval;
  start.canary_interval = node.canary_interval;
  for (const std::string& uplink : node.uplinks) start.interfaces.push_back({uplink, "uplink", "matches", true});
  start.interfaces.push_back({"cali1", "pod side", "matches", true});
  return start;
}

HeartbeatRecord beat_of(const Node& node, std::int64_t from, std::uint64_t seen) {
  HeartbeatRecord beat;
  beat.boot_id = node.boot;
  beat.from = from;
  beat.policy_digest = node.policy;
  beat.enforcement_digest = digest_of("rules");
  for (const std::string& uplink : node.uplinks) {
    beat.counters[uplink + ".seen"] = seen;
    beat.counters[uplink + ".dropped"] = 0;
    beat.uplinks.push_back({uplink, seen, seen, seen, 0, true});
  }
  beat.classes["inside-declared"] = {seen, seen * 100};
  return beat;
}

Round round_of(const Node& node, const std::string& name, int bad, const std::string& fate) {
  Round round;
  static unsigned rounds = 0;  // no two have one seed
  const std::string seed(bytes_of(sha256({name, std::to_string(++rounds)})));
  round.intent.round = round.fate.round = name;
  round.intent.commitment = digest_of(seed);
  round.fate.seed = to_hex(seed);
  round.fate.good = bad < 0;
  for (const std::string family : {"ipv4", "ipv6"}) {
    for (const std::string& uplink : node.uplinks)
      for (const std::string kind : {"sensor", "raw", "raw-bypass"})
        round.intent.canaries.push_back({kind, family, uplink});
    round.intent.canaries.push_back({"stack", family, ""});
    round.intent.canaries.push_back({"pod", family, ""});
  }
  for (std::size_t i = 0; i < round.intent.canaries.size(); ++i) {
    const std::string& kind = round.intent.canaries[i].kind;
    CanaryOutcome outcome{"blocked", kind == "stack" ? "output" : "egress", ""};
    if (kind == "sensor") outcome = {"seen", "", ""};
    if (kind == "pod") outcome = {"unsent", "", "no pod namespace"};
    if (static_cast<int>(i) == bad) outcome = {fate, "", ""};
    round.fate.outcomes.push_back(outcome);
  }
  return round;
}

FindingRecord escape_of(std::int64_t first, std::int64_t last) {
  FindingRecord finding;
  finding.rule_id = "AT-A001";
  finding.cls = "escape";
  finding.effect = "violated";
  finding.role = "uplink";
  finding.workload = "app/web-0";
  finding.source = "10.42.0.7";
  finding.destinations = {"203.0.113.7"};
  finding.destinations_count = 1;
  finding.protocol = "udp";
  finding.port = 53;
  finding.interface = "eth0";
  finding.first_seen = first;
  finding.last_seen = last;
  finding.packets = 3;
  finding.bytes = 180;
  return finding;
}

Script quiet(const Node& node, double begin, int beats) {
  Script script;
  const double first = begin + 0.3, step = static_cast<double>(node.interval);
  script.push_back({at(begin), start_of(node)});
  script.push_back({at(begin + 0.2), EnforcementRecord{digest_of("rules"), "sealed", {}}});
  int rounds = 0;
  const auto add_round = [&](double seconds) {
    const Round round = round_of(
        node, node.name + " " + std::to_string(seconds) + std::string(static_cast<std::size_t>(++rounds) % 17, '.'));
    script.push_back({at(seconds), round.intent});
    script.push_back({at(seconds + 0.5), round.fate});
  };
  add_round(first + 0.1);
  double next = first + static_cast<double>(node.canary_interval);
  for (int i = 1; i <= beats; ++i) {
    const double end = first + i * step;
    for (; next < end; next += static_cast<double>(node.canary_interval)) add_round(next - 5);
    if (i == beats) add_round(end - 1);
    script.push_back({at(end), beat_of(node, at(end - step), static_cast<std::uint64_t>(i) * 7)});
  }
  script.push_back({at(first + beats * step + 0.1), StopRecord{"signal", false}});
  std::stable_sort(script.begin(), script.end(), [](const Line& a, const Line& b) { return a.time < b.time; });
  return script;
}

void append(Script& script, Script more) { script.insert(script.end(), more.begin(), more.end()); }

void insert(Script& script, double seconds, RecordBody body) {
  const auto place = std::upper_bound(script.begin(), script.end(), at(seconds),
                                      [](std::int64_t time, const Line& line) { return time < line.time; });
  script.insert(place, {at(seconds), std::move(body)});
}

void remove(Script& script, std::size_t index) { script.erase(script.begin() + static_cast<std::ptrdiff_t>(index)); }

World::World() : policy(tiny_policy()), trust{"example.org/trust", Secret(std::array<std::uint8_t, 32>{7})} {
  node.policy = policy_digest(policy);
  inventory_text = R"([{"node":"n1","joined":"2025-12-01T00:00:00Z","left":null,"uplinks":["eth0"]}])";
}

void World::write_log(MemoryDisk& own, const std::string& directory, const Script& script, bool close) {
  TestClock clock;
  LogWriter writer(own, clock, "log", "key-state");
  const auto go = [&](std::int64_t time) {
    clock.times = {time, (slow_clock ? slow_clock(time) : time) - kBegin + 60 * kSecond};
  };
  go(script.empty() ? kBegin : script.front().time);
  REQUIRE_FALSE(writer.open());
  for (const Line& line : script) {
    go(line.time);
    REQUIRE_FALSE(writer.append(line.body));
    if (line.checkpoint) REQUIRE_FALSE(writer.checkpoint());
  }
  if (close)
    REQUIRE_FALSE(writer.close());
  else
    REQUIRE_FALSE(writer.commit());
  for (const std::string& path : own.files())
    if (path.compare(0, 4, "log/") == 0) disk.put(directory + path.substr(3), own.file(path));
  directories.push_back(directory);
}

void World::write(const std::string& directory, const Node& of, const Script& script, bool close,
                  const std::function<bool(Enrolment&)>& enrol, std::uint64_t epochs) {
  auto own = std::make_shared<MemoryDisk>();
  const EpochPlan plan{of.name, kBegin, 3600, epochs};
  KeyList keys;
  REQUIRE_FALSE(EpochKeys::make(*own, "key-state", plan, keys));
  REQUIRE_FALSE(LogWriter::create(*own, "log", keys));
  std::string why;
  const auto inventory = parse_inventory(inventory_text, why);
  INFO(why);
  REQUIRE(inventory);
  Enrolment enrolment{plan, keys.root(), inventory->digest, {of.policy}, kBegin - 3600 * kSecond};
  if (!enrol || enrol(enrolment)) own->put("log/enrolment/000", sign_enrolment(enrolment, trust));
  fresh_[directory] = std::make_shared<MemoryDisk>(*own);
  write_log(*own, directory, script, close);
}

void World::write_again(const std::string& directory, const std::string& like, const Node&, const Script& script) {
  MemoryDisk own(*fresh_.at(like));
  write_log(own, directory, script, true);
}

ReportOptions World::options() const {
  ReportOptions options;
  options.evidence = directories;
  std::string why;
  options.inventory = parse_inventory(inventory_text, why);
  options.trust = trust.verifier();
  options.period = Period{at(20), at(160)};
  return options;
}

ReportResult World::report(const ReportOptions& options) { return make_report(disk, policy, options); }

}  // namespace airtight::audit
