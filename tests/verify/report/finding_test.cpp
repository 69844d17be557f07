#include "compiler/verify/finding.h"

#include <catch2/catch.hpp>

namespace airtight::verify {
namespace {

Finding finding(std::optional<Property> property, Verdict effect) {
  Finding made;
  made.property = property;
  made.effect = effect;
  return made;
}

TEST_CASE("the exit code follows DESIGN §4") {
  struct Row {
    Verdict verdict;
    std::optional<Property> property;
    Verdict effect;
    int with_it;
  };
  const Row rows[] = {
      {Verdict::Proven, Property::Complete, Verdict::Proven, 1},      // incomplete
      {Verdict::Proven, Property::Exact, Verdict::Proven, 1},         // excess
      {Verdict::Proven, {}, Verdict::Proven, 1},                      // of no property
      {Verdict::Proven, Property::Sealed, Verdict::Violated, 0},      // another layer holds it
      {Verdict::Proven, Property::Sealed, Verdict::Inconclusive, 0},  // another layer holds it
      {Verdict::Inconclusive, Property::Sealed, Verdict::Inconclusive, 3},
      {Verdict::Inconclusive, {}, Verdict::Inconclusive, 3},  // the reason of the verdict
      {Verdict::Inconclusive, Property::Complete, Verdict::Inconclusive, 1},
      {Verdict::Inconclusive, {}, Verdict::Proven, 1},
      {Verdict::Violated, Property::Sealed, Verdict::Violated, 1},
  };
  for (const Row& row : rows) {
    Report report;
    report.verdict = row.verdict;
    CHECK(report.exit_code() == (row.verdict == Verdict::Violated ? 1 : row.verdict == Verdict::Inconclusive ? 3 : 0));
    Report of_layer = report;
    report.findings = {finding(row.property, row.effect)};
    of_layer.layers.emplace_back().findings = report.findings;
    INFO(static_cast<int>(row.verdict) << " " << static_cast<int>(row.effect));
    CHECK(report.exit_code() == row.with_it);
    CHECK(of_layer.exit_code() == row.with_it);
  }
}

TEST_CASE("the weakest verdict counts, and words are the contract's") {
  CHECK(worse(Verdict::Proven, Verdict::Inconclusive) == Verdict::Inconclusive);
  CHECK(worse(Verdict::Violated, Verdict::Inconclusive) == Verdict::Violated);
  CHECK(to_string(Verdict::Proven) == "proven");
  CHECK(to_string(Verdict::Inconclusive) == "inconclusive");
  CHECK(to_string(Verdict::Violated) == "violated");
  CHECK(to_string(Property::Sealed) == "sealed");
  CHECK(to_string(Property::Complete) == "complete");
  CHECK(to_string(Property::Exact) == "exact");
}

TEST_CASE("a packet reads as one line") {
  Packet packet{Ip::parse("10.42.0.9"), Ip::parse("203.0.113.1"), "tcp", {}, std::uint16_t{443}, "established"};
  CHECK(to_string(packet) == "10.42.0.9 → 203.0.113.1:443 tcp, established");
  packet.source = Ip::parse("fd00::1");
  packet.destination = Ip::parse("2001:db8::1");
  packet.source_port = std::uint16_t{68};
  CHECK(to_string(packet) == "[fd00::1]:68 → [2001:db8::1]:443 tcp, established");
  CHECK(to_string(Packet{{}, Ip::parse("2001:db8::1"), "icmpv6", {}, {}, ""}, "app/web[Deployment]") ==
        "app/web[Deployment] → 2001:db8::1 icmpv6");
  CHECK(to_string(Packet{{}, {}, "EtherType 0x88cc", {}, {}, ""}) == "any → any EtherType 0x88cc");
}

TEST_CASE("arranging sorts by effect, property, rule and place, and keeps each finding") {
  Report report;
  for (const Layer layer : {Layer::Dns, Layer::Kubernetes}) report.layers.emplace_back().layer = layer;
  std::vector<Finding> findings = {finding({}, Verdict::Proven), finding(Property::Sealed, Verdict::Inconclusive),
                                   finding(Property::Sealed, Verdict::Violated),
                                   finding(Property::Sealed, Verdict::Violated)};
  findings[2].because = {{{1, 9, 10}, "", ""}};
  findings[3].because = {{{1, 4, 5}, "", ""}};
  findings[3].workloads = {"b", "a", "b"};
  report.findings = findings;
  report.assumptions = {"z", "a", "z"};
  report.disagreements = {{"x", Layer::Dns, Layer::Cluster}, {"x", Layer::Dns, Layer::Cluster}};
  arrange(report);
  CHECK(report.layers[0].layer == Layer::Kubernetes);
  REQUIRE(report.findings.size() == 4);
  CHECK(report.findings[0].because[0].where.begin == 4);
  CHECK(report.findings[0].workloads == std::vector<std::string>{"a", "b"});
  CHECK(report.findings[1].because[0].where.begin == 9);
  CHECK(report.findings[2].effect == Verdict::Inconclusive);
  CHECK_FALSE(report.findings[3].property);
  CHECK(report.assumptions == std::vector<std::string>{"a", "z"});
  CHECK(report.disagreements.size() == 1);
}

}  // namespace
}  // namespace airtight::verify
