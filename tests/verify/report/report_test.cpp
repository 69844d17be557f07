#include "compiler/verify/report.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/verify/report/sample_report.h"

namespace airtight::verify {
namespace {

using Json = nlohmann::ordered_json;

std::size_t occurrences(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

bool is_safe(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n') || byte == 0x7F || byte == 0xFF;
  });
}

Json sarif(const ReportSample& sample) {
  return Json::parse(render_report_sarif(sample.report, sample.sources, "1.2.3"));
}

// The rules are the table, which another test holds: left out of the expected text.
std::string without_rules(Json log) {
  log["runs"][0]["tool"]["driver"].erase("rules");
  return log.dump(2) + "\n";
}

TEST_CASE("a report as text, whole") {
  const ReportSample rich = rich_sample(), proven = proven_sample();
  const std::string text = render_report_text(rich.report, rich.sources, false);
  CHECK(text == expected("rich.txt", text));
  CHECK(render_report_text(proven.report, proven.sources, false) ==
        "proven with 1 exception, not fully air-gapped: boundary.mode is private-vpc\n\n"
        "  firewall    proven        sealed\n\n"
        "Exceptions in force\n"
        "  203.0.113.7/32 443/tcp from workers, SEC-12, until 2027-06-30\n");
  CHECK(render_report_text(Report(), Sources(), false) == "inconclusive\n");
}

TEST_CASE("the heading says what is wrong, and how much more") {
  Report report;
  report.reasons = {"a", "b", "c", "d", "e"};
  CHECK(render_report_text(report, Sources(), false) == "inconclusive: a; b; c and 2 more reasons\n");
  report.verdict = Verdict::Violated;
  report.reasons.clear();
  CHECK(render_report_text(report, Sources(), false) == "violated\n");
  Finding finding;
  finding.effect = Verdict::Violated;
  finding.message = "first";
  report.layers.emplace_back().findings = {finding, finding};
  const std::string text = render_report_text(report, Sources(), false);
  CHECK(text.substr(0, text.find('\n')) == "violated: first, and 1 more violation");
}

TEST_CASE("colour is there only if asked for, and takes nothing away") {
  const ReportSample sample = rich_sample();
  const std::string plain = render_report_text(sample.report, sample.sources, false);
  std::string coloured = render_report_text(sample.report, sample.sources, true);
  CHECK(plain.find('\033') == std::string::npos);
  CHECK(coloured.starts_with("\033[1;31mviolated\033[0m: a rule"));
  for (std::size_t at = coloured.find('\033'); at != std::string::npos; at = coloured.find('\033'))
    coloured.erase(at, coloured.find('m', at) - at + 1);
  CHECK(coloured == plain);
}

TEST_CASE("a thousand workloads of one cause are one finding in text and SARIF, and each by name in JSON") {
  const ReportSample sample = wide_sample();
  const std::string text = render_report_text(sample.report, sample.sources, false);
  CHECK(text.find("\n  1000 workloads: app/w000[Deployment], app/w001[Deployment], app/w002[Deployment], "
                  "app/w003[Deployment], app/w004[Deployment] and 995 more\n") != std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 9);

  const Json json = Json::parse(render_report_json(sample.report, sample.sources));
  std::set<std::string> names;
  for (const Json& finding : json["layers"][0]["findings"]) names.insert(finding["workload"].get<std::string>());
  CHECK(names.size() == 1000);

  const Json log = sarif(sample);
  const Json& results = log["runs"][0]["results"];
  REQUIRE(results.size() == 1);
  CHECK(results[0]["locations"][0]["logicalLocations"].size() == 500);  // viewers refuse more than about a thousand

  const std::string junit = render_report_junit(sample.report, sample.sources);
  CHECK(occurrences(junit, "<failure ") == 1001);
}

TEST_CASE("a report as JSON, whole") {
  const ReportSample sample = rich_sample(), proven = proven_sample(), hostile = hostile_sample(), wide = wide_sample();
  const std::string text = render_report_json(sample.report, sample.sources);
  CHECK(text == expected("rich.json", text));
  CHECK(render_report_json(Report(), Sources()) ==
        "{\"verdict\":\"inconclusive\",\n\"reasons\":[],\n\"assumptions\":[],\n\"inside\":[],\n\"exceptions\":[],\n"
        "\"layers\":[],\n\"findings\":[],\n\"relays\":[],\n\"unsupported\":[],\n\"disagreements\":[]}\n");
  keep_sample("rich.verify.json", text);
  keep_sample("empty.verify.json", render_report_json(Report(), Sources()));
  keep_sample("proven.verify.json", render_report_json(proven.report, proven.sources));
  keep_sample("hostile.verify.json", render_report_json(hostile.report, hostile.sources));
  keep_sample("wide.verify.json", render_report_json(wide.report, wide.sources));
}

TEST_CASE("a report as SARIF, whole") {
  const ReportSample sample = rich_sample(), proven = proven_sample(), hostile = hostile_sample(), wide = wide_sample();
  const std::string text = without_rules(sarif(sample));
  CHECK(text == expected("rich.sarif", text));
  const Json empty = sarif({});
  CHECK(empty["runs"][0]["results"].empty());
  CHECK(empty["runs"][0]["invocations"][0]["executionSuccessful"] == false);
  CHECK(empty["runs"][0]["invocations"][0]["exitCode"] == 3);
  keep_sample("rich.sarif", render_report_sarif(sample.report, sample.sources, "1.2.3"));
  keep_sample("empty.sarif", render_report_sarif(Report(), Sources(), "1.2.3"));
  keep_sample("proven.sarif", render_report_sarif(proven.report, proven.sources, "1.2.3"));
  keep_sample("hostile.sarif", render_report_sarif(hostile.report, hostile.sources, "1.2.3"));
  keep_sample("wide.sarif", render_report_sarif(wide.report, wide.sources, "1.2.3"));
}

TEST_CASE("every rule of the table is in SARIF, where ruleIndex says") {
  const Json log = sarif(rich_sample());
  const Json& driver = log["runs"][0]["tool"]["driver"];
  CHECK(driver["version"] == "1.2.3");
  REQUIRE(driver["rules"].size() == rule_table().size());
  for (std::size_t i = 0; i < rule_table().size(); ++i) {
    CHECK(driver["rules"][i]["id"] == rule_table()[i].id);
    CHECK(driver["rules"][i]["help"]["text"] == rule_table()[i].explanation);
    CHECK(driver["rules"][i]["defaultConfiguration"]["level"] == rule_table()[i].level);
  }
  for (const Json& result : log["runs"][0]["results"])
    CHECK(driver["rules"][result["ruleIndex"].get<std::size_t>()]["id"] == result["ruleId"]);
}

TEST_CASE("fingerprints do not move with lines, and differ with the cause") {
  const auto prints = [](const ReportSample& sample) {
    std::vector<std::string> out;
    const Json log = sarif(sample);
    for (const Json& result : log["runs"][0]["results"])
      out.push_back(result["partialFingerprints"]["cause/v1"].get<std::string>());
    return out;
  };
  const std::vector<std::string> before = prints(rich_sample());
  CHECK(std::set<std::string>(before.begin(), before.end()).size() == before.size());

  ReportSample moved = rich_sample();  // the same objects ten lines down, in a file of another name
  const std::uint32_t file =
      moved.sources.add("other.yaml", std::string(10, '\n') + std::string(moved.sources.text(1)));
  const auto move = [&](Span& where) {
    if (where.known()) where = {file, where.begin + 10, where.end + 10};
  };
  for (LayerReport& layer : moved.report.layers)
    for (Finding& finding : layer.findings)
      for (Because& because : finding.because) move(because.where);
  for (Finding& finding : moved.report.findings)
    for (Because& because : finding.because) move(because.where);
  CHECK(prints(moved) == before);

  ReportSample other = rich_sample();
  other.report.layers[0].findings[0].destination = "0.0.0.1";
  CHECK(prints(other)[0] != before[0]);
  other = rich_sample();
  other.report.layers[0].findings[0].workloads.pop_back();
  CHECK(prints(other)[0] != before[0]);
  other = rich_sample();
  other.report.layers[0].findings[0].because[0].object = "NetworkPolicy app/allow-dns, egress rule 2";
  CHECK(prints(other)[0] != before[0]);
}

TEST_CASE("paths become URI references") {
  const auto uri_of = [](const std::string& path) {
    ReportSample sample;
    sample.report.first_source = sample.sources.add(path, "");
    sample.report.findings.emplace_back().message = "x";
    return sarif(sample)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        .get<std::string>();
  };
  CHECK(uri_of("a/b.yaml") == "a/b.yaml");
  CHECK(uri_of("./a b.yaml") == "a%20b.yaml");
  CHECK(uri_of("../c:d?#%.yaml") == "../c%3Ad%3F%23%25.yaml");
  CHECK(uri_of("/etc/é.nft") == "file:///etc/%C3%A9.nft");
  CHECK(uri_of(std::string("\xff\n", 2)) == "%FF%0A");
}

TEST_CASE("a finding without any place has no location in SARIF, rather than an invented one") {
  ReportSample sample;
  sample.report.findings.emplace_back().message = "x";
  CHECK_FALSE(sarif(sample)["runs"][0]["results"][0].contains("locations"));
}

TEST_CASE("a report as JUnit, whole") {
  const ReportSample sample = rich_sample(), proven = proven_sample(), hostile = hostile_sample(), wide = wide_sample();
  const std::string text = render_report_junit(sample.report, sample.sources);
  CHECK(text == expected("rich.junit.xml", text));
  CHECK(render_report_junit(Report(), Sources()) ==
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuites name=\"airtight verify\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\">\n"
        "  <testsuite name=\"verdict\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\">\n"
        "    <testcase classname=\"airtight.verdict\" name=\"verdict\">\n"
        "      <error type=\"inconclusive\" message=\"inconclusive\"/>\n"
        "    </testcase>\n  </testsuite>\n</testsuites>\n");
  keep_sample("rich.junit.xml", text);
  keep_sample("empty.junit.xml", render_report_junit(Report(), Sources()));
  keep_sample("proven.junit.xml", render_report_junit(proven.report, proven.sources));
  keep_sample("hostile.junit.xml", render_report_junit(hostile.report, hostile.sources));
  keep_sample("wide.junit.xml", render_report_junit(wide.report, wide.sources));
}

TEST_CASE("a layer that is not proven passes no case that a finding does not clear") {
  Report report;
  LayerReport& layer = report.layers.emplace_back();
  layer.verdict = Verdict::Inconclusive;
  layer.workloads = {"a", "b"};
  layer.sealed = Verdict::Inconclusive;
  const auto cases = [&] {
    const std::string text = render_report_junit(report, Sources());
    return std::pair(occurrences(text, "<error ") - 1, occurrences(text, "<testcase ") - 1);  // less the verdict's
  };
  CHECK(cases() == std::pair<std::size_t, std::size_t>(2, 2));  // no finding says whom it is about
  Finding finding;
  finding.property = Property::Sealed;
  finding.effect = Verdict::Inconclusive;
  layer.findings = {finding};
  CHECK(cases() == std::pair<std::size_t, std::size_t>(2, 2));  // of everybody
  layer.findings[0].workloads = {"a"};
  CHECK(cases() == std::pair<std::size_t, std::size_t>(1, 2));
  layer.findings[0].workloads = {"nodes"};
  CHECK(cases() == std::pair<std::size_t, std::size_t>(1, 3));
}

TEST_CASE("hostile text is harmless in every format") {
  const ReportSample sample = hostile_sample();
  const std::string printed(kHostilePrinted);
  const std::string text = render_report_text(sample.report, sample.sources, false);
  CHECK(is_safe(text));
  CHECK(text.starts_with("inconclusive: " + printed + "\n"));

  const std::string json = render_report_json(sample.report, sample.sources);
  CHECK(is_safe(json));
  const Json read = Json::parse(json);
  CHECK(read["layers"][0]["findings"][0]["message"] == printed);
  CHECK(read["findings"][0]["because"][0]["file"] == printed);

  const std::string log = render_report_sarif(sample.report, sample.sources, "1");
  CHECK(is_safe(log));
  const Json run = Json::parse(log)["runs"][0];
  for (const Json& list : {run["results"], run["invocations"][0]["toolExecutionNotifications"]})
    for (const Json& entry : list)
      CHECK(entry["message"]["text"].get<std::string>().find("](") == std::string::npos);  // would be a link

  const std::string junit = render_report_junit(sample.report, sample.sources);
  CHECK(is_safe(junit));
  CHECK(junit.find("<script") == std::string::npos);
  CHECK(junit.find("]]>") == std::string::npos);
  CHECK(junit.find("\xEF\xBF\xBF") == std::string::npos);
  CHECK(occurrences(junit,
                    "\"AT-V001: a&quot;b'c\\x0a&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m\\xff]]&gt;"
                    "\\{}|`@x](y)&amp;amp;U+202EU+FFFF\"") == 2);
}

}  // namespace
}  // namespace airtight::verify
