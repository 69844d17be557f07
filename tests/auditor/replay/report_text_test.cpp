#include <algorithm>
#include <catch2/catch.hpp>
#include <sstream>

#include "auditor/replay/report_wording.h"
#include "tests/auditor/replay/sample_result.h"

namespace airtight::audit {
namespace {

std::string first_line(const ReplayResult& result) {
  const std::string text = render_text(result, false);
  return text.substr(0, text.find('\n'));
}

bool is_safe(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n') || byte == 0x7F || byte == 0xFF;
  });
}

std::size_t occurrences(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

Finding violating(Rule rule, std::string_view destination, std::string name, std::uint64_t packets) {
  Finding finding;
  finding.rule = rule;
  finding.cls = info(rule).cls;
  finding.effect = Effect::Violated;
  finding.has_addresses = !destination.empty();
  if (finding.has_addresses) finding.destination = Ip::parse(destination).value();
  finding.name = std::move(name);
  finding.packets = packets;
  return finding;
}

TEST_CASE("a clean replay as text, whole") {
  CHECK(render_text(clean_result(), false) ==
        "clean\n"
        "\n"
        "Looked at\n"
        "  2 packets, 148 bytes, 2026-11-25T13:00:00Z – 2026-11-25T13:00:00.5Z\n"
        "  IPv4 2, IPv6 0, ARP 0, other 0; not decoded 0\n"
        "  1 flow, 0 of them evicted when idle, 0 packets without a place in the table\n"
        "  day.pcap: pcap, microseconds, 2 packets, 148 bytes\n"
        "    sha256:0000000000000000000000000000000000000000000000000000000000000000\n"
        "    (no name)  uplink, no name: taken for an uplink  Ethernet  2 packets\n"
        "\n"
        "Classes\n"
        "  inside-declared  2 packets  148 bytes  1 flow\n"
        "\n"
        "What could be seen of names, and what not\n"
        "  read: 0 DNS questions, 0 DNS answers, 0 TLS hellos, 0 QUIC hellos, 0 HTTP requests, 0 SOCKS requests\n"
        "\n"
        "Assumptions\n"
        "  frames without a direction were sent\n"
        "\n"
        "Limits\n"
        "  covert channels through inside relays\n"
        "\n"
        "Policy\n"
        "  minimal, sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n");
}

TEST_CASE("a violated replay as text, whole") {
  const std::string text = render_text(rich_result(), false);
  CHECK(text == expected("rich.txt", text));
  CHECK(is_safe(text));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    CHECK(characters(line) <= 120);
  }
}

TEST_CASE("the first line answers") {
  ReplayResult result = clean_result();
  CHECK(first_line(result) == "clean");
  result.exceptions_used = 1;
  CHECK(first_line(result) == "clean with 1 exception");
  result.exceptions_used = 2;
  CHECK(first_line(result) == "clean with 2 exceptions");

  result.verdict = Verdict::Inconclusive;
  CHECK(first_line(result) == "inconclusive");
  result.reasons = {"packet 9 of a.pcap was cut"};
  CHECK(first_line(result) == "inconclusive: packet 9 of a.pcap was cut");
  result.reasons.push_back("the file ends early");
  CHECK(first_line(result) == "inconclusive: packet 9 of a.pcap was cut, and 1 more reason");
  result.reasons.push_back("a third");
  CHECK(first_line(result) == "inconclusive: packet 9 of a.pcap was cut, and 2 more reasons");

  result.verdict = Verdict::Violated;
  CHECK(first_line(result) == "violated: packet 9 of a.pcap was cut, and 2 more reasons");
  result.findings = {violating(Rule::PacketLeft, "203.0.113.7", "", 1)};
  CHECK(first_line(result) == "violated: 1 packet left to 1 outside destination");
  result.findings.push_back(violating(Rule::ReplyLeft, "203.0.113.7", "", 1));
  result.findings.push_back(violating(Rule::InnerLeft, "2001:db8::1", "", 1));
  CHECK(first_line(result) == "violated: 3 packets left to 2 outside destinations");
  result.findings.push_back(violating(Rule::NameInClear, "10.20.0.1", "a.example", 1));
  result.findings.push_back(violating(Rule::NameAskedOutside, "10.20.0.2", "a.example", 2));
  result.findings.push_back(violating(Rule::UndeclaredTag, "10.20.0.2", "", 1'000));
  Finding other = violating(Rule::PacketLeft, "203.0.113.99", "", 50);
  other.effect = Effect::Inconclusive;
  result.findings.push_back(other);
  CHECK(first_line(result) ==
        "violated: 3 packets left to 2 outside destinations, 1 outside name left in 3 packets, 1,000 undeclared frames "
        "left");
  result.findings_left_out = 1;
  CHECK(first_line(result) ==
        "violated: 3 packets left to 2 outside destinations, 1 outside name left in 3 packets, 1,000 undeclared frames "
        "left, or more");
}

TEST_CASE("findings that leave the verdict alone are announced under a clean verdict") {
  ReplayResult result = clean_result();
  result.findings = {violating(Rule::Inbound, "10.10.0.7", "", 1)};
  result.findings[0].effect = Effect::None;
  const std::string text = render_text(result, false);
  CHECK(text.substr(0, text.find("\n\n")) == "clean\n1 finding below, of a kind that leaves the verdict alone");
  CHECK(text.find("\nlisted[AT-A013]: packet that came from the outside (outside-inbound), 1 packet, 0 bytes\n") !=
        std::string::npos);
}

TEST_CASE("one place is one row: amounts add up, times widen, effects stay apart") {
  ReplayResult result = clean_result();
  result.verdict = Verdict::Violated;
  const auto add = [&](std::int64_t first, std::int64_t last, Effect effect) {
    Finding finding = violating(Rule::PacketLeft, "203.0.113.1", "", 1);
    finding.first_seen = first, finding.last_seen = last;
    finding.effect = effect;
    finding.bytes = 100;
    result.findings.push_back(finding);
  };
  add(kOneOClock, kOneOClock, Effect::Violated);
  add(kOneOClock - 1'000'000'000, kOneOClock - 1'000'000'000, Effect::Violated);
  add(kNoTime, kNoTime, Effect::Violated);
  add(kNoTime, kNoTime, Effect::Inconclusive);
  const std::string text = render_text(result, false);
  CHECK(occurrences(text, "AT-A001") == 2);
  CHECK(text.find("\nviolated[AT-A001]: packet that left to the outside (escape), 3 packets, 300 bytes\n"
                  "  203.0.113.1  3 packets  300 bytes\n"
                  "    2026-11-25T12:59:59Z – 2026-11-25T13:00:00Z\n") != std::string::npos);
  CHECK(text.find("\ninconclusive[AT-A001]: packet that left to the outside (escape), 1 packet, 100 bytes\n"
                  "  203.0.113.1  1 packet  100 bytes\n"
                  "    without time\n") != std::string::npos);
}

TEST_CASE("long lists end in a count") {
  ReplayResult result = clean_result();
  result.verdict = Verdict::Violated;
  for (std::uint32_t i = 0; i < 30; ++i) {
    Finding finding = violating(Rule::PacketLeft, "203.0.113.1", "", 1);
    finding.destination = Ip::v4(0xCB007100U + i);
    finding.examples = {{kNoTime, 0, i + 1}};
    result.findings.push_back(finding);
  }
  for (std::uint32_t i = 0; i < 8; ++i) {
    Finding finding = violating(Rule::ReplyLeft, "198.51.100.1", "", 1);
    finding.source = Ip::v4(0x0A0A0000U + i);
    for (int k = 0; k < 7; ++k) finding.pod_side.push_back({Ip::v4(1), "", 1, false});
    result.findings.push_back(finding);
  }
  for (int i = 0; i < 25; ++i) {
    result.reasons.push_back("reason " + std::to_string(i));
    result.files[0].problems.push_back({CaptureProblem::Kind::OddRecord, "odd", 0, 0});
    result.names["n" + std::to_string(i) + ".example"] = {1, true};
  }
  const std::string text = render_text(result, false);
  CHECK(occurrences(text, "\n  203.0.113.") == 20);
  CHECK(text.find("\n  and 10 more destinations (--format json has all)\n") != std::string::npos);
  CHECK(text.find("\n  examples: day.pcap packet 1, 2, 3, 4, 5 and 25 more\n") != std::string::npos);
  CHECK(text.find("10.10.0.4 at uplink and 3 more\n") != std::string::npos);
  CHECK(text.find("\n    and at 51 more pod-side places\n") != std::string::npos);
  CHECK(text.find("\n  reason 19\n  and 5 more\n") != std::string::npos);
  CHECK(text.find("\n  day.pcap: and 5 more problems\n") != std::string::npos);
  CHECK(text.find("\nNames seen: 25\n  n0.example   inside  1 time\n") != std::string::npos);
  CHECK(text.find("\n  and 5 more\n\nWhat could") != std::string::npos);
}

TEST_CASE("nothing that a capture says reaches the terminal as it is") {
  const std::string text = render_text(hostile_result(), false);
  CHECK(is_safe(text));
  CHECK(text.find("\xC2\x9B") == std::string::npos);
  CHECK(text.find("\xE2\x80\xAE") == std::string::npos);
  // Path, format and digest of two files, their interfaces' names and reasons …: each at least once, and the same
  // everywhere.
  CHECK(occurrences(text, kHostileShown) > 40);
  ReplayResult longer = clean_result();
  longer.names[std::string(1'000, 'x')] = {1, false};
  CHECK(render_text(longer, false).find("\n  " + std::string(60, 'x') + "…  outside  1 time\n") != std::string::npos);
}

TEST_CASE("colour is for the verdict and the headings, and changes no word") {
  const std::string plain = render_text(rich_result(), false);
  std::string coloured = render_text(rich_result(), true);
  CHECK(coloured.substr(0, 27) == "\033[1;31mviolated\033[0m: 7 pack");
  for (const std::string_view part :
       {"\n\033[1mLooked at\033[0m\n",
        "\n\033[1;31mviolated[AT-A001]\033[0m: \033[1mpacket that left to the outside\033[0m (",
        "\n\033[1;33minconclusive[AT-A050]\033[0m: ", "\n\033[1mlisted[AT-A006]\033[0m: "})
    CHECK(coloured.find(part) != std::string::npos);
  for (std::size_t at; (at = coloured.find('\033')) != std::string::npos;)
    coloured.erase(at, coloured.find('m', at) - at + 1);
  CHECK(coloured == plain);
  CHECK(render_text(clean_result(), true).substr(0, 17) == "\033[1;32mclean\033[0m\n");
  ReplayResult open = clean_result();
  open.verdict = Verdict::Inconclusive;
  CHECK(render_text(open, true).substr(0, 24) == "\033[1;33minconclusive\033[0m\n");
}

TEST_CASE("times are RFC 3339 with the digits that there are") {
  const std::pair<std::int64_t, std::string_view> rows[] = {
      {0, "1970-01-01T00:00:00Z"},
      {-1, "1969-12-31T23:59:59.999999999Z"},
      {1, "1970-01-01T00:00:00.000000001Z"},
      {kOneOClock, "2026-11-25T13:00:00Z"},
      {kOneOClock + 500'000'000, "2026-11-25T13:00:00.5Z"},
      {kOneOClock + 120'000'000, "2026-11-25T13:00:00.12Z"},
      {951'782'400'000'000'000, "2000-02-29T00:00:00Z"},
      {951'868'799'000'001'000, "2000-02-29T23:59:59.000001Z"},
      {951'868'800'000'000'000, "2000-03-01T00:00:00Z"},
      {4'107'542'399'000'000'000, "2100-02-28T23:59:59Z"},
      {4'107'542'400'000'000'000, "2100-03-01T00:00:00Z"},
      {INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
      {INT64_MIN + 1, "1677-09-21T00:12:43.145224193Z"},
      {kNoTime, ""},
  };
  for (const auto& [time, text] : rows) CHECK(format_time(time) == text);

  // Every day that 64 bits of nanoseconds can name, by counting.
  const auto leap = [](int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); };
  int year = 1970, month = 1, day = 1;
  std::size_t wrong = 0;
  for (std::int64_t number = 0; number < 106'751; ++number) {
    char text[32];
    std::snprintf(text, sizeof text, "%04d-%02d-%02dT00:00:01Z", year, month, day);
    if (format_time((number * 86'400 + 1) * 1'000'000'000) != text) ++wrong;
    const int length[] = {31, leap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (++day > length[month - 1]) day = 1, ++month;
    if (month > 12) month = 1, ++year;
  }
  CHECK(wrong == 0);
  CHECK(year == 2262);

  CHECK(span_text(kNoTime, kNoTime) == "without time");
  CHECK(span_text(0, 0) == "1970-01-01T00:00:00Z");
  CHECK(span_text(kNoTime, 0) == "1970-01-01T00:00:00Z");
  CHECK(span_text(0, 1'000'000'000) == "1970-01-01T00:00:00Z – 1970-01-01T00:00:01Z");
}

TEST_CASE("words of amounts, files and links") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1'000) == "1,000");
  CHECK(grouped(UINT64_MAX) == "18,446,744,073,709,551,615");
  CHECK(counted(1, "packet") == "1 packet");
  CHECK(counted(0, "packet") == "0 packets");
  CHECK(shown("äöü", 2) == "äö…");
  CHECK(shown("äöü", 3) == "äöü");
  CHECK(shown(kHostile) == kHostileShown);
  CHECK(listed({"a", "b", "c"}, 2) == "a, b and 1 more");
  CHECK(name_of(LinkType::LinuxSll2) == "Linux cooked v2");
  CHECK(name_of(static_cast<LinkType>(147)) == "link type 147");
  const auto files = [](std::vector<std::string> paths) {
    std::vector<ReplayedFile> made;
    for (std::string& path : paths) made.emplace_back().path = std::move(path);
    return file_names(made);
  };
  CHECK(files({"a/x.pcap", "b/y.pcap", "-"}) == std::vector<std::string>{"x.pcap", "y.pcap", "-"});
  CHECK(files({"a/x.pcap", "b/x.pcap", "y"}) == std::vector<std::string>{"a/x.pcap", "b/x.pcap", "y"});
  CHECK(to_string(Verdict::Clean) == "clean");
  CHECK(to_string(Verdict::Violated) == "violated");
  CHECK(to_string(Verdict::Inconclusive) == "inconclusive");
}

}  // namespace
}  // namespace airtight::audit
