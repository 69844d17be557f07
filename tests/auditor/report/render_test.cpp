// The three forms of one report, whole; and that nothing which a packet called itself gets out of its place in them.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "auditor/report/report_wording.h"
#include "tests/auditor/report/log_script.h"
#include "tests/emit/sample_policy.h"

namespace airtight::audit {
namespace {

using Json = nlohmann::ordered_json;

// What is expected of the output; AIRTIGHT_ACCEPT=1 writes it anew. AIRTIGHT_SAMPLES names a directory for other
// readers.
std::string expected(const std::string& name, const std::string& output) {
  const std::string path = std::string(AIRTIGHT_SOURCE_DIR) + "/tests/auditor/report/expected/" + name;
  if (std::getenv("AIRTIGHT_ACCEPT") != nullptr) std::ofstream(path, std::ios::binary) << output;
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void keep(const std::string& name, const ReportResult& result) {
  const char* directory = std::getenv("AIRTIGHT_SAMPLES");
  if (directory == nullptr) return;
  const std::string path = std::string(directory) + "/" + name;
  std::ofstream(path + ".txt", std::ios::binary) << render_report_text(result, false);
  std::ofstream(path + ".json", std::ios::binary) << render_report_json(result);
  std::ofstream(path + ".html", std::ios::binary) << render_report_html(result);
}

// Keys are drawn anew in each run.
ReportResult with_fixed_keys(ReportResult result) {
  for (NodeReport& node : result.nodes)
    for (std::string& origin : node.origins) origin = "airtight.dev/log/" + node.node + "/0123456789abcdef";
  return result;
}

ReportResult proven_result() {
  World world;
  world.write("evidence/n1", world.node, quiet(world.node));
  return with_fixed_keys(world.report());
}

ReportResult rich_result() {
  World world;
  world.policy = sample_policy();
  world.policy.mode = Mode::PrivateVpc;
  world.node.policy = policy_digest(world.policy);
  world.inventory_text = R"([{"node":"n1","joined":"2025-12-01T00:00:00Z","uplinks":["eth0"]},
                             {"node":"n2","joined":"2025-12-01T00:00:00Z","uplinks":["eth0"]},
                             {"node":"n3","joined":"2025-12-01T00:00:00Z","uplinks":["eth0"]}])";
  Node n2 = world.node;
  n2.name = "n2";
  Script first = quiet(world.node, 0, 9), again = quiet(world.node, 91, 9), second = quiet(n2);
  get<StartRecord>(again).capturing_since = at(80);
  get<StartRecord>(again).enforcement_digest = digest_of("rules");
  get<HeartbeatRecord>(again).from = at(90.4);
  for (Line& line : again)
    if (auto* beat = std::get_if<HeartbeatRecord>(&line.body)) beat->uplinks[0] = {"eth0", 200, 200, 200, 0, true};
  append(first, again);
  insert(first, 66, GapRecord{GapReason::KernelDrops, at(60), at(65), "eth0", 300, ""});
  FindingRecord used = escape_of(at(40), at(41));
  used.rule_id = "AT-A006";
  used.cls = "excepted";
  used.effect = "listed";
  used.detail = world.policy.exceptions.at(0).ticket;
  used.destinations = {to_string(world.policy.exceptions.at(0).to.first())};
  insert(first, 42, used);
  insert(first, 43, ProbeRecord{"address", "203.0.113.1:443", false, "denied", true, ""});
  const Round missed = round_of(n2, "n2 missed", 0, "missed");
  insert(second, 66, missed.intent);
  insert(second, 67, missed.fate);
  insert(second, 71, escape_of(at(70), at(70.5)));
  FindingRecord name = escape_of(at(72), at(73));
  name.rule_id = "AT-A020";
  name.cls = "outside-name";
  name.name = "<script>alert(1)</script>.example";
  name.catalogue = "hosted LLM: \"somebody\" & co";
  insert(second, 74, name);
  FindingRecord attempt = escape_of(at(80), at(81));
  attempt.rule_id = "AT-A008";
  attempt.cls = "unresolved";
  attempt.effect = "inconclusive";
  attempt.role = "pod side";
  attempt.guessed_direction = true;
  insert(second, 82, attempt);
  world.write("evidence/n1", world.node, first);
  world.write("evidence/n2", n2, second);
  return with_fixed_keys(world.report());
}

TEST_CASE("a proven report, whole") {
  const ReportResult result = proven_result();
  keep("proven", result);
  const std::string text = render_report_text(result, false);
  CHECK(text == expected("proven.txt", text));
  const std::string json = render_report_json(result);
  CHECK(json == expected("proven.json", json));
}

TEST_CASE("a violated report, whole") {
  const ReportResult result = rich_result();
  keep("rich", result);
  const std::string text = render_report_text(result, false);
  CHECK(text == expected("rich.txt", text));
  const std::string json = render_report_json(result);
  CHECK(json == expected("rich.json", json));
  const std::string page = render_report_html(result);
  CHECK(page == expected("rich.html", page));
}

TEST_CASE("the first line of every form is the verdict") {
  for (const ReportResult& result : {proven_result(), rich_result()}) {
    const std::string text = render_report_text(result, false);
    CHECK(text.substr(0, text.find('\n')) == result.heading);
    CHECK(Json::parse(render_report_json(result))["heading"] == result.heading);
    const std::string page = render_report_html(result);
    const std::size_t body = page.find("<body>");
    CHECK(page.find("<h1>") > body);
    CHECK(page.find("<h1>") < page.find("<h2>"));
  }
  CHECK(render_report_text(proven_result(), true).rfind("\033[1;32mproven\033[0m\n", 0) == 0);
  CHECK(render_report_text(rich_result(), true).rfind("\033[1;31mviolated\033[0m: ", 0) == 0);
}

// Every text that comes from a log, a policy or a file name.
ReportResult hostile_result(const std::string& text) {
  ReportResult result;
  result.heading = "inconclusive: " + text;
  result.reasons = result.assumptions = result.limits = result.exceptions = result.inside = {text};
  result.policy_digest = result.policy_name = result.spec_digest = result.trust = result.inventory_digest = text;
  NodeReport node;
  node.node = text;
  node.evidence = node.origins = node.damages = node.uplinks = {text};
  node.gaps = {{{0, 1}, text, text, text, 7, false}};
  node.expected = false;
  result.nodes = {node};
  FindingRecord finding;
  for (std::string* member :
       {&finding.rule_id, &finding.cls, &finding.effect, &finding.role, &finding.workload, &finding.source,
        &finding.protocol, &finding.name, &finding.catalogue, &finding.interface, &finding.detail})
    *member = text;
  finding.destinations = {text};
  result.findings = {{text, finding, false}};
  CanaryLine line{
      text, 0, {text, text, {{text, text, text}}}, CanaryFateRecord{text, text, false, {{text, text, text}}}, text};
  result.canaries = {line};
  line.why.clear();
  result.canaries.push_back(line);
  return result;
}

TEST_CASE("no text gets out of its place") {
  const std::string nasty = "\"'><img src=//x.example onerror=alert(1)>&amp;\033[31m\xE2\x80\xAE\xFF\n</style><script>";
  const ReportResult result = hostile_result(nasty);
  ReportResult sample = result;
  sample.policy_digest = sample.inventory_digest = digest_of("");
  keep("hostile", sample);
  const std::string page = render_report_html(result);
  CHECK(page.find("<img") == std::string::npos);
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("</style><") == std::string::npos);
  CHECK(page.find('\'', page.find("</style>")) == std::string::npos);
  CHECK(page.find('\033') == std::string::npos);
  CHECK(page.find("\xE2\x80\xAE") == std::string::npos);
  const std::string text = render_report_text(result, false);
  CHECK(text.find('\033') == std::string::npos);
  CHECK(text.find("\xE2\x80\xAE") == std::string::npos);
  const Json json = Json::parse(render_report_json(result));
  CHECK(json["nodes"][0]["node"].get<std::string>().find("\\x1b[31m") != std::string::npos);
  for (int byte = 0; byte < 256; ++byte)
    CHECK_NOTHROW(
        Json::parse(render_report_json(hostile_result(std::string(1, static_cast<char>(byte)) + "\xE2\x82"))));
}

TEST_CASE("a page refers to nothing outside of it") {
  const std::string page = render_report_html(rich_result());
  for (const char* part : {"<script ", "<script>", "<link", "<img", "<iframe", "<object", "url(", "@import", "http://",
                           "https://", " src=", " href=", " onclick", " style="}) {
    INFO(part);
    CHECK(page.find(part) == std::string::npos);
  }
  CHECK(
      page.find("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
                "base-uri 'none'; form-action 'none'\">") != std::string::npos);
}

TEST_CASE("coverage is never rounded up") {
  struct Row {
    std::int64_t part, whole;
    const char* text;
    double share;
  };
  constexpr std::int64_t kMonth = 2'592'000'000'000'000;
  const Row rows[] = {{0, 0, "none asked for", 0},
                      {0, 10, "0 %", 0},
                      {10, 10, "100 %", 1},
                      {999, 1000, "99.90 %", 0.999},
                      {kMonth - 1, kMonth, "99.99 %", 0.999999},
                      {1, kMonth, "< 0.01 %", 0},
                      {2, 3, "66.66 %", 0.666666},
                      {INT64_MAX - 1, INT64_MAX, "99.99 %", 0.999999}};
  for (const Row& row : rows) {
    INFO(row.part << " of " << row.whole);
    CHECK(percent_text(row.part, row.whole) == row.text);
    CHECK(share_of(row.part, row.whole) == row.share);
  }
}

TEST_CASE("lengths of time") {
  const std::pair<std::int64_t, const char*> rows[] = {
      {0, "0 s"},
      {1, "< 1 ms"},
      {400'000'000, "400 ms"},
      {kSecond, "1 s"},
      {kSecond * 12 + 590'000'000, "12.5 s"},
      {kSecond * 60, "1 min"},
      {kSecond * 192 + 1, "3 min 12 s"},
      {kSecond * 3600, "1 h"},
      {kSecond * (7200 + 185), "2 h 3 min"},
      {kSecond * 86400 * 30, "30 d"},
      {kSecond * (86400 * 5 + 7300), "5 d 2 h"},
  };
  for (const auto& [time, text] : rows) CHECK(duration_text(time) == text);
}

}  // namespace
}  // namespace airtight::audit
