#include "auditor/evidence/record.h"

#include <catch2/catch.hpp>

#include "compiler/policy/compiled_policy.h"  // canonical_json(), parse_json()

namespace airtight::audit {
namespace {

constexpr std::int64_t kNow = 1'767'225'600'000'000'000;

// One record of each type with every member filled, and what it looks like.
struct Row {
  RecordBody body;
  const char* json;
};

std::vector<Row> rows() {
  const PlannedCanary canary{"raw-bypass", "ipv6", "eth0"};
  FindingRecord finding;
  finding.rule_id = "AT-A001";
  finding.cls = "escape";
  finding.effect = "violated";
  finding.role = "uplink";
  finding.workload = "default/web";
  finding.source = "10.42.0.7";
  finding.destinations = {"203.0.113.9", "203.0.113.10"};
  finding.destinations_count = 70;
  finding.protocol = "tcp";
  finding.port = 443;
  finding.name = "api.example";
  finding.catalogue = "hosted LLM: X";
  finding.interface = "eth0";
  finding.detail = "VXLAN, level 2";
  finding.guessed_direction = true;
  finding.first_seen = kNow;
  finding.last_seen = kNow + 1;
  finding.packets = 3;
  finding.bytes = 180;
  return {
      {StartRecord{"n1",
                   "0.1",
                   "6.1.0",
                   "b1",
                   "sha256:p",
                   "",
                   10,
                   60,
                   kNow,
                   true,
                   {{"eth0", "uplink", "matches uplinks", true}}},
       R"({"agent":"0.1","boot_id":"b1","canary_interval":60,"capturing_since":"2026-01-01T00:00:00Z","interfaces":[{"name":"eth0","role":"uplink","up":true,"why":"matches uplinks"}],"interval":10,"kernel":"6.1.0","node":"n1","policy_digest":"sha256:p","uplinks_down":true})"},
      {HeartbeatRecord{"b1",
                       kNow - 1,
                       62,
                       "sha256:p",
                       "sha256:e",
                       {{"eth0.seen", 9'007'199'254'740'991}, {"eth0.sent", 9'007'199'254'740'992}},
                       {{"escape", {1, 60}}},
                       {{"eth0", 1, 2, 3, 4, true}}},
       R"({"boot_id":"b1","classes":{"escape":[1,60]},"counters":{"eth0.seen":9007199254740991,"eth0.sent":"9007199254740992"},"enforcement_digest":"sha256:e","from":"2025-12-31T23:59:59.999999999Z","lag":62,"policy_digest":"sha256:p","uplinks":[["eth0",1,2,3,4,true]]})"},
      {finding,
       R"({"bytes":180,"catalogue":"hosted LLM: X","class":"escape","destinations":["203.0.113.9","203.0.113.10"],"destinations_count":70,"detail":"VXLAN, level 2","effect":"violated","first_seen":"2026-01-01T00:00:00Z","guessed_direction":true,"interface":"eth0","last_seen":"2026-01-01T00:00:00.000000001Z","name":"api.example","packets":3,"port":443,"protocol":"tcp","role":"uplink","rule_id":"AT-A001","source":"10.42.0.7","workload":"default/web"})"},
      {CanaryIntentRecord{"r1", "sha256:c", {canary, {"stack", "ipv4", "eth0"}, {"stack", "ipv6", "eth0"}}},
       R"({"canaries":[["raw-bypass","eth0","ipv6"],["stack","eth0","ipv4","ipv6"]],"commitment":"sha256:c","round":"r1"})"},
      {CanaryFateRecord{"r1", "00ff", true, {{"blocked", "egress", "d"}, {"seen", "", ""}, {"blocked", "egress", "d"}}},
       R"({"fates":[["blocked","egress","d"],["seen","",""]],"good":true,"outcomes":[0,1,0],"round":"r1","seed":"00ff"})"},
      {ProbeRecord{"dns", "x.example", false, "denied", true, "NXDOMAIN"},
       R"({"counted":true,"detail":"NXDOMAIN","kind":"dns","outcome":"denied","real":false,"target":"x.example"})"},
      {GapRecord{GapReason::KernelDrops, kNow, kNow + 500'000'000, "eth0", 12, "d"},
       R"({"detail":"d","from":"2026-01-01T00:00:00Z","interface":"eth0","reason":"kernel-drops","size":12,"to":"2026-01-01T00:00:00.5Z"})"},
      {EnforcementRecord{"sha256:e", "open", {"output: 203.0.113.0/24"}},
       R"({"digest":"sha256:e","opened":["output: 203.0.113.0/24"],"outcome":"open"})"},
      {PolicyRecord{"sha256:a", "sha256:b", "reload"}, R"({"from":"sha256:a","to":"sha256:b","why":"reload"})"},
      {StopRecord{"signal", true}, R"({"uplinks_down":true,"why":"signal"})"},
      {SegmentRecord{4, 17, 300, "sha256:s"}, R"({"checkpoint":"sha256:s","epoch":17,"seal":4,"size":300})"},
  };
}

TEST_CASE("record: every type as canonical JSON, and back") {
  const auto all = rows();
  REQUIRE(all.size() == kRecordTypes);
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(all[i].body.index() == i);
    const Record record{7, kNow, 93'784'500'000'000, all[i].body};
    const std::string json = to_json(record);
    CHECK(json == R"({"boottime":"93784.5","data":)" + std::string(all[i].json) +
                      R"(,"seq":7,"time":"2026-01-01T00:00:00Z","type":")" + std::string(record_type(record.body)) +
                      "\"}");
    std::string why;
    const auto read = parse_record(json, why);
    INFO(why);
    REQUIRE(read);
    CHECK(*read == record);

    // The order of members is RFC 8785's, as another piece of code knows it.
    Sources sources;
    Diagnostics diagnostics;
    const auto document = parse_json(sources.add("record", json), sources, Code::PolicySyntax, diagnostics);
    REQUIRE(document);
    CHECK(canonical_json(document->root()) == json);
  }
}

TEST_CASE("record: what is not exactly a record is refused") {
  const std::string good = to_json({7, kNow, 1, GapRecord{GapReason::Other, kNow, kNow, "", 1, "d"}});
  struct Change {
    const char* from;
    const char* to;
    const char* why;
  };
  const Change changes[] = {
      {"\"size\":1,", "", "/data: expected member 'size'"},
      {"\"size\":1,", "\"size\":1,\"size\":1,", "/data: expected member 'to'"},
      {"\"detail\":", "\"aaa\":1,\"detail\":", "/data: expected member 'from'"},
      {"\"detail\":\"d\"", "\"detail\":\"\"", "/data/detail: empty, and so not written"},
      {"\"detail\":\"d\",", "\"detail\":\"d\",\"interface\":\"i\",", "/data: expected member 'from'"},
      {"\"to\":", "\"tn\":1,\"to\":", "/data: expected member 'to'"},
      {"00:00:00Z\"},\"seq\"", "00:00:00Z\",\"x\":1},\"seq\"",
       "/data: another member, or white space, where it should end"},
      {"\"type\":\"gap\"", "\"type\":\"gap\",\"x\":1", "the top level: expected a record, 'type' its last member"},
      {"\"type\":\"gap\"", "\"aaaa\":1,\"type\":\"gap\"",
       "the top level: another member, or white space, where it should end"},
      {"\"type\":\"gap\"}", "\"type\":\"gap\"},\"type\":\"gap\"}", "the top level: something follows"},
      {"\"type\":\"gap\"", "\"type\":\"hole\"", "/type: unknown type of record"},
      {"\"type\":\"gap\"", "\"type\":\"stop\"", "/data: expected member 'uplinks_down'"},
      {"\"type\":\"gap\"", "\"typ\":\"gap\"", "the top level: expected a record, 'type' its last member"},
      {"\"reason\":\"other\"", "\"reason\":\"none\"", "/data/reason: expected a reason"},
      {"\"size\":1,", "\"size\":-1,", "/data/size: expected a count"},
      {"\"size\":1,", "\"size\":01,", "/data/size: expected a count"},
      {"\"size\":1,", "\"size\":9007199254740992,", "/data/size: expected a count"},
      {"\"size\":1,", "\"size\":18446744073709551616,", "/data/size: expected a count"},
      {"\"size\":1,", "\"size\":1.0,", "/data: expected member 'to'"},
      {"\"size\":1,", "\"size\":\"1\",", "/data/size: expected a count"},
      {"\"size\":1,", "\"size\":null,", "/data/size: expected a count"},
      {"\"boottime\":\"0.000000001\"", "\"boottime\":\"0.0\"", "/boottime: expected seconds"},
      {"\"boottime\":\"0.000000001\"", "\"boottime\":\"0.-1\"", "/boottime: expected seconds"},
      {"\"time\":\"2026", "\"time\":\"x026", "/time: expected a time in UTC"},
      {"\"seq\":7,", "\"seq\": 7,", "/seq: expected a count"},
      {"\"seq\":7,", "\"seq\":7 ,", "the top level: expected member 'time'"},
      {"\"detail\":\"d\"", "\"detail\":\"\\u0064\"", "/data/detail: not in canonical form"},
      {"\"detail\":\"d\"", "\"detail\":\"\\/\"", "/data/detail: not in canonical form"},
      {"\"detail\":\"d\"", "\"detail\":\"\t\"", "/data/detail: not in canonical form"},
      {"\"detail\":\"d\"", "\"detail\":\"\xff\"", "/data/detail: not in canonical form"},
      {"\"detail\":\"d\"", "\"detail\":\"\xe2\x80\xae\"", "/data/detail: not in canonical form"},
      {"\"detail\":\"d\"", "\"detail\":1", "/data/detail: expected a text"},
  };
  std::string why;
  REQUIRE(parse_record(good, why));
  for (const Change& change : changes) {
    std::string wrong = good;
    const std::size_t at = wrong.find(change.from);
    INFO(good << " without " << change.from);
    REQUIRE(at != std::string::npos);
    wrong.replace(at, std::string_view(change.from).size(), change.to);
    CHECK_FALSE(parse_record(wrong, why));
    CHECK(why == change.why);
  }
  for (const char* wrong : {"", "{}", "[]", "1", "{\"boottime\":\"1\"}", "nonsense"})
    CHECK_FALSE(parse_record(wrong, why));
}

TEST_CASE("record: lists, rows and kinds of fates have one form") {
  const CanaryFateRecord fate{
      "r1", "00", true, {{"blocked", "egress", "d"}, {"seen", "", ""}, {"blocked", "egress", "d"}}};
  const CanaryIntentRecord plan{"r1", "c", {{"sensor", "ipv4", "eth0"}, {"stack", "ipv4", "eth0"}}};
  HeartbeatRecord beat;
  beat.counters = {{"a", 1}, {"b", 2}};
  beat.classes = {{"escape", {1, 60}}};
  beat.uplinks = {{"eth0", 1, 2, 3, 4, true}};
  const struct {
    RecordBody body;
    const char* from;
    const char* to;
    const char* why;
  } rows[] = {
      {fate, "[0,1,0]", "[1,0,1]", "/data: 'outcomes' are not those of 'fates'"},
      {fate, "[0,1,0]", "[0,1,2]", "/data: 'outcomes' are not those of 'fates'"},
      {fate, "[0,1,0]", "[0,0,0]", "/data: 'fates' that no canary had, or twice"},
      {fate, "\"outcomes\":[0,1,0],", "", "/data: 'fates' that no canary had, or twice"},
      {fate, "[\"seen\",\"\",\"\"]", "[\"blocked\",\"egress\",\"d\"]", "/data: 'fates' that no canary had, or twice"},
      {fate, "[\"seen\",\"\",\"\"]", "[\"seen\",\"\"]", "/data/fates/1: the list is too short"},
      {fate, "[\"seen\",\"\",\"\"]", "[\"seen\",\"\",\"\",\"\"]", "/data/fates/1: expected a list of 3"},
      {fate, "[\"seen\",\"\",\"\"]", "[\"seen\",1,\"\"]", "/data/fates/1/1: expected a text"},
      {fate, "[0,1,0]", "[]", "/data/outcomes: empty, and so not written"},
      {fate, "[0,1,0]", "[0,1,0,]", "/data/outcomes/3: expected a count"},
      {fate, "[0,1,0]", "[0,1,0", "/data/outcomes/3: expected a count"},
      {beat, "{\"a\":1,\"b\":2}", "{\"b\":1,\"a\":2}", "/data/counters: names that are not in order, or no names"},
      {beat, "{\"a\":1,\"b\":2}", "{\"a\":1,\"a\":2}", "/data/counters: names that are not in order, or no names"},
      {plan, "[\"stack\",\"eth0\",\"ipv4\"]", "[\"stack\",\"eth0\"]",
       "/data: expected a kind, an interface and families in 'canaries'"},
      {plan, "[\"stack\",\"eth0\",\"ipv4\"]", "[\"sensor\",\"eth0\",\"ipv4\"]",
       "/data: two rows in 'canaries' that are one"},
      {plan, "[\"stack\",\"eth0\",\"ipv4\"]", "[\"stack\",\"eth0\",4]", "/data/canaries/1/2: expected a text"},
      {beat, "{\"a\":1,\"b\":2}", "{}", "/data/counters: empty, and so not written"},
      {beat, "{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":x}", "/data/counters/b: expected a count"},
      {beat, "[1,60]", "{\"bytes\":60,\"packets\":1}", "/data/classes/escape: expected a list"},
      {beat, "4,true]", "4,1]", "/data/uplinks/0/5: expected true or false"},
  };
  std::string why;
  for (const auto& row : rows) {
    std::string text = to_json({7, kNow, 1, row.body});
    REQUIRE(parse_record(text, why));
    const std::size_t at = text.find(row.from);
    INFO(text << " without " << row.from);
    REQUIRE(at != std::string::npos);
    text.replace(at, std::string_view(row.from).size(), row.to);
    CHECK_FALSE(parse_record(text, why));
    CHECK(why == row.why);
  }
}

TEST_CASE("record: outcomes that differ only in what nobody can see are one kind") {
  const CanaryFateRecord fate{"r", "", false, {{"missed", "", "\x01"}, {"missed", "", "\\x01"}}};
  std::string why;
  const auto read = parse_record(to_json({0, kNow, 1, fate}), why);
  INFO(why);
  REQUIRE(read);
  CHECK(std::get<CanaryFateRecord>(read->body).outcomes ==
        std::vector<CanaryOutcome>{{"missed", "", "\\x01"}, {"missed", "", "\\x01"}});
}

// Every place of every record with every byte in it: what is read is what would be written.
TEST_CASE("record: a byte changed anywhere gives another record or none") {
  std::string why;
  for (const Row& row : rows()) {
    const std::string good = to_json({7, kNow, 93'784'500'000'000, row.body});
    for (std::size_t at = 0; at < good.size(); ++at)
      for (int byte = 0; byte < 256; ++byte) {
        std::string wrong = good;
        wrong[at] = static_cast<char>(byte);
        if (const auto read = parse_record(wrong, why); read && to_json(*read) != wrong) FAIL(wrong);
      }
    for (std::size_t size = 0; size < good.size(); ++size)
      if (parse_record(std::string_view(good).substr(0, size), why)) FAIL(good.substr(0, size));
  }
}

TEST_CASE("record: what an interface or a packet called itself cannot break one") {
  HeartbeatRecord beat;
  beat.boot_id = "b";
  beat.counters = {{"\xff\"\n", 1}, {"a\x01", 2}};
  FindingRecord finding;
  finding.name = std::string("a\0\xc3\x28\"\\\n", 7);
  std::string why;
  for (const RecordBody& body : {RecordBody(beat), RecordBody(finding)}) {
    const std::string json = to_json({0, kNow, 1, body});
    INFO(json << " " << why);
    CHECK(parse_record(json, why));
  }
}

TEST_CASE("record: a finding of the ledger") {
  Finding finding;
  finding.rule = Rule::PacketLeft;
  finding.has_addresses = true;
  finding.source = *Ip::parse("10.42.0.7");
  finding.destination = *Ip::parse("203.0.113.9");
  finding.protocol = "tcp";
  finding.port = 443;
  finding.packets = 3;
  const FindingRecord record = record_of(finding);
  CHECK(record.rule_id == "AT-A001");
  CHECK(record.cls == "escape");
  CHECK(record.workload == "unknown");
  CHECK(record.destinations == std::vector<std::string>{"203.0.113.9"});
  CHECK(record.port == 443u);
  std::string why;
  CHECK(parse_record(to_json({0, kNow, 1, record}), why));
  finding.port = -1;
  CHECK_FALSE(record_of(finding).port);
}

TEST_CASE("record: what a checkpoint binds of a segment") {
  SegmentSummary summary;
  CHECK(summary.boot_id() == "none");
  CHECK(summary.policy_digest() == digest_of(""));
  CHECK(summary.counters_digest() == digest_of("{}"));
  CHECK(summary.canaries_digest() == digest_of("[]"));
  HeartbeatRecord beat;
  beat.boot_id = "b1";
  beat.policy_digest = digest_of("p");
  beat.counters = {{"b", 1}, {"a", 2}};
  summary.add(beat);
  beat.counters = {{"b", 3}};
  summary.add(beat);
  summary.add(CanaryIntentRecord{"r1", "", {}});
  summary.add(CanaryIntentRecord{"r2", "", {}});
  CHECK(summary.boot_id() == "b1");
  CHECK(summary.policy_digest() == digest_of("p"));
  CHECK(summary.counters_digest() == digest_of(R"({"a":2,"b":3})"));
  CHECK(summary.canaries_digest() == digest_of(R"(["r1","r2"])"));
  summary.begin_segment();
  CHECK(summary.boot_id() == "b1");
  CHECK(summary.counters_digest() == digest_of("{}"));
  summary.add(PolicyRecord{digest_of("p"), digest_of("q"), ""});
  CHECK(summary.policy_digest() == digest_of("q"));
  beat.boot_id = "a b";
  beat.policy_digest = "none";
  summary.add(beat);
  CHECK(summary.boot_id() == "b1");
  CHECK(summary.policy_digest() == digest_of("q"));
}

}  // namespace
}  // namespace airtight::audit
