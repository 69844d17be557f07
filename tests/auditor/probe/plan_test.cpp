#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "auditor/probe/probe.h"
#include "tests/spec/spec_text.h"

using namespace airtight;
using namespace airtight::audit;

namespace {

Policy read_spec(const std::string& spec) {
  Reading reading;
  reading.add(spec);
  const auto policy = reading.policy();
  INFO(reading.errors());
  REQUIRE(policy.has_value());
  return *policy;
}

std::vector<std::string> names_of(const std::vector<ProbeTarget>& targets) {
  std::vector<std::string> names;
  for (const ProbeTarget& target : targets) {
    if (target.kind == ProbeTarget::Kind::Name) names.push_back(target.name);
  }
  return names;
}

bool within(const ProbeTarget& target, const char* prefix) {
  return target.kind != ProbeTarget::Kind::Name && Prefix::parse(prefix)->contains(target.address);
}

}  // namespace

TEST_CASE("by default a plan asks documentation names and addresses, and nothing of the catalogues") {
  const Policy policy = read_spec(kSpec);
  const std::vector<ProbeTarget> targets = plan_probes(policy, false);
  const std::vector<std::string> names = names_of(targets);
  REQUIRE(names.size() == 9);
  const char* const ranges[] = {"example", "example.com", "example.net", "example.org", "test", "invalid"};
  for (std::size_t i = 0; i < 6; ++i) {
    INFO(names[i]);
    CHECK(names[i].size() == 21 + std::string(ranges[i]).size());
    CHECK(names[i].substr(20) == "." + std::string(ranges[i]));
  }
  CHECK(std::vector<std::string>(names.begin() + 6, names.end()) ==
        std::vector<std::string>{"example.com", "example.net", "example.org"});
  for (const char* prefix : {"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"}) {
    INFO(prefix);
    std::set<std::string> services;
    for (const ProbeTarget& target : targets) {
      if (within(target, prefix)) {
        services.insert(std::to_string(target.port) + (target.kind == ProbeTarget::Kind::Tcp ? "/tcp" : "/udp"));
        CHECK_FALSE(target.address == Prefix::parse(prefix)->first());
        CHECK_FALSE(target.address == Prefix::parse(prefix)->last());
      }
    }
    CHECK(services == std::set<std::string>{"443/tcp", "53/udp"});
  }
  CHECK(targets.size() == 17);
  CHECK(std::none_of(targets.begin(), targets.end(), [](const ProbeTarget& target) { return target.real; }));
  CHECK(names_of(plan_probes(policy, false))[0] != names[0]);
}

TEST_CASE("with --real a plan asks every name and prefix of the denied catalogues, and of no other") {
  std::string spec = kSpec;
  spec += "dns: {mode: allowlist}\n";
  Policy policy = read_spec(spec);
  Catalogue denied;
  denied.name = "denied-one";
  denied.denied = true;
  using Match = CatalogueEntry::Match;
  for (const auto& [match, value] :
       {std::pair{Match::Suffix, "api.vendor.example"}, std::pair{Match::Exact, "one.vendor.example"},
        std::pair{Match::Address, "198.18.7.0/24"}, std::pair{Match::Address, "2001:db8:7::/48"},
        std::pair{Match::Pattern, "^x.*\\.vendor\\.example$"}}) {
    CatalogueEntry entry;
    entry.match = match;
    entry.value = value;
    denied.entries.push_back(entry);
  }
  Catalogue other = denied;
  other.name = "other";
  other.denied = false;
  other.entries[0].value = "not.vendor.example";
  policy.catalogues = {denied, other};
  std::string real;
  for (const ProbeTarget& target : plan_probes(policy, true)) {
    if (!target.real) continue;
    real += (target.kind == ProbeTarget::Kind::Name ? target.name
                                                    : to_string(target.address) + " " + std::to_string(target.port)) +
            " " + target.catalogue + "\n";
  }
  CHECK(real ==
        "api.vendor.example denied-one\none.vendor.example denied-one\n198.18.7.0 443 denied-one\n"
        "2001:db8:7:: 443 denied-one\n");
  CHECK(plan_probes(policy, false).size() == 17);
}

TEST_CASE("what is inside, or excepted, is not asked") {
  Policy policy = read_spec(kSpec);
  policy.inside_names |= DomainSet::below(*Domain::parse("example.com"));
  policy.inside |= IpSet::of(*Prefix::parse("198.51.100.0/24"));
  Exception exception;
  exception.to = *Prefix::parse("203.0.113.0/24");
  policy.exceptions.push_back(exception);
  const std::vector<ProbeTarget> targets = plan_probes(policy, false);
  for (const std::string& name : names_of(targets)) CHECK(name.find("example.com") == std::string::npos);
  for (const ProbeTarget& target : targets) {
    CHECK_FALSE(within(target, "198.51.100.0/24"));
    CHECK_FALSE(within(target, "203.0.113.0/24"));
  }
  CHECK(targets.size() == 7 + 4);
  // Half of a range: an address of the other half is found.
  policy.inside |= IpSet::of(*Prefix::parse("192.0.2.0/25"));
  const std::vector<ProbeTarget> fewer = plan_probes(policy, false);
  CHECK(std::count_if(fewer.begin(), fewer.end(),
                      [](const auto& target) { return within(target, "192.0.2.128/25"); }) == 2);
}

TEST_CASE("a report of probes, for people and for programs") {
  ProbeReport report;
  report.probes = {{"dns", "k3v9.example.com", false, "denied", false, "NXDOMAIN of 10.43.0.10"},
                   {"address", "192.0.2.9:443/tcp", false, "denied", true, "dropped and counted"}};
  report.verdict = "denied";
  CHECK(render_probe_text(report, false) ==
        "denied: every way out that was tried is closed (2 probes)\n\nProbes\n"
        "  denied           k3v9.example.com   NXDOMAIN of 10.43.0.10\n"
        "  denied  counted  192.0.2.9:443/tcp  dropped and counted\n");
  report.verdict = "succeeded";
  report.probes[0].outcome = "succeeded";
  report.probes[0].real = true;
  report.probes[0].detail = "a\x1b[31mb";
  report.reasons = {"k3v9.example.com is not denied"};
  CHECK(render_probe_text(report, false) ==
        "succeeded: 1 of 2 probes got through\n\nWhy\n  k3v9.example.com is not denied\n\nProbes\n"
        "  succeeded           k3v9.example.com   real  a\\x1b[31mb\n"
        "  denied     counted  192.0.2.9:443/tcp        dropped and counted\n");
  CHECK(render_probe_json(report) == R"({
  "verdict": "succeeded",
  "answer": "1 of 2 probes got through",
  "reasons": [
    "k3v9.example.com is not denied"
  ],
  "probes": [
    {
      "kind": "dns",
      "target": "k3v9.example.com",
      "real": true,
      "outcome": "succeeded",
      "counted": false,
      "detail": "a\u001b[31mb"
    },
    {
      "kind": "address",
      "target": "192.0.2.9:443/tcp",
      "real": false,
      "outcome": "denied",
      "counted": true,
      "detail": "dropped and counted"
    }
  ]
}
)");
  report = {};
  report.verdict = "inconclusive";
  report.reasons = {"nothing was planned"};
  CHECK(render_probe_text(report, false) ==
        "inconclusive: nothing is shown either way (0 probes, 0 denied)\n\nWhy\n  nothing was planned\n");
}
