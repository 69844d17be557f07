// A file that ends too early is an error or is not proven, unless what is left says the same.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <string>

#include "tests/verify/dns/dns_case.h"

namespace airtight::verify {
namespace {

// Everything that was read and bears on the verdict. A delegation's name server only has to be nowhere.
std::string meaning(const DnsArtifacts& artifacts) {
  std::string text;
  for (const ZoneFile& zone : artifacts.zones) {
    text += "zone " + zone.origin + (zone.policy_zone ? " policy" : "") + zone.refused + "\n";
    for (const RpzTrigger& trigger : zone.triggers) {
      text += trigger.owner + to_string(trigger.prefix) + std::to_string(static_cast<int>(trigger.action)) + "\n";
    }
    for (const Delegation& delegation : zone.delegations) text += to_string(delegation.name) + "\n";
    for (const auto& [ip, where] : zone.addresses) text += to_string(ip) + "\n";
  }
  for (const ResolverConfiguration& conf : artifacts.resolvers) {
    for (const ForwardZone& zone : conf.forward_zones) {
      text += "forward " + zone.name + (zone.only ? " only" : "");
      for (const auto& [ip, where] : zone.forwarders) text += " " + to_string(ip);
      text += "\n";
    }
    for (const ConfiguredZone& zone : conf.zones) text += "zone " + zone.name + zone.type + zone.file + "\n";
    for (const PolicyZoneUse& use : conf.response_policy) text += "use " + use.name + "\n";
  }
  return text;
}

std::size_t step_of(std::size_t size) { return std::getenv("AIRTIGHT_LONG") != nullptr || size < 5000 ? 1 : 11; }

TEST_CASE("every file cut at every byte") {
  const DnsCase whole = compiled_dns("tests/verify/dns/small.yaml");
  REQUIRE(told(whole) == "proven\n");
  const std::string full = meaning(judged(whole).artifacts);
  std::size_t unreadable = 0;
  std::size_t not_proven = 0;
  std::size_t same = 0;
  for (const char* path : {"bind/named.conf", "rpz/sealed-root.zone", "rpz/names-bind.zone", "rpz/answers-bind.zone"}) {
    const std::string text = whole.files.at(path);
    for (std::size_t size = 0; size < text.size(); size += step_of(text.size())) {
      DnsCase cut = whole;
      cut.files[path].resize(size);
      const DnsJudged result = judged(cut);
      if (!result.readable) {
        ++unreadable;
      } else if (result.judgement.report.verdict != Verdict::Proven || !result.judgement.report.findings.empty()) {
        ++not_proven;
      } else {
        INFO(path << " cut at " << size << ": " << text.substr(size, 60));
        CHECK(meaning(result.artifacts) == full);
        ++same;
      }
    }
  }
  CHECK(unreadable > 1000);
  CHECK(not_proven > 100);
  CHECK(same < 100);
}

}  // namespace
}  // namespace airtight::verify
