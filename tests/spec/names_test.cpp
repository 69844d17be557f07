#include "compiler/spec/names.h"

#include <catch2/catch.hpp>

#include <random>

#include "tests/spec/spec_text.h"

using namespace airtight;

namespace {

std::string joined(const std::vector<Domain>& names) {
  std::string out;
  for (const Domain& name : names) out += (out.empty() ? "" : " ") + to_string(name);
  return out;
}

bool inside(const Policy& policy, const char* name) { return policy.inside_names.contains(*Domain::parse(name)); }

}  // namespace

TEST_CASE("reverse zones, written out") {
  const std::pair<const char*, const char*> rows[] = {
      {"10.0.0.0/8", "10.in-addr.arpa"},
      {"10.20.0.0/16", "20.10.in-addr.arpa"},
      {"10.20.30.40/32", "40.30.20.10.in-addr.arpa"},
      {"10.20.30.40/31", "40.30.20.10.in-addr.arpa 41.30.20.10.in-addr.arpa"},
      {"172.16.0.0/14", "16.172.in-addr.arpa 17.172.in-addr.arpa 18.172.in-addr.arpa 19.172.in-addr.arpa"},
      {"0.0.0.0/0", "in-addr.arpa"},
      {"fd00::/8", "d.f.ip6.arpa"},
      {"fc00::/7", "c.f.ip6.arpa d.f.ip6.arpa"},
      {"fd00:20::10/128", "0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.0.d.f.ip6.arpa"},
      {"::/0", "ip6.arpa"},
  };
  for (const auto& [prefix, zones] : rows) {
    INFO(prefix);
    CHECK(joined(reverse_zones(*Prefix::parse(prefix))) == zones);
  }
}

TEST_CASE("reverse zones hold exactly the addresses of the prefix") {
  std::mt19937_64 random(7);
  const auto bits = [&] { return (static_cast<u128>(random()) << 64) | random(); };
  for (int round = 0; round < 3000; ++round) {
    const bool v4 = round % 2 == 0;
    const Ip base = v4 ? Ip::v4(static_cast<std::uint32_t>(bits())) : Ip::v6(bits());
    const int length = static_cast<int>(random() % static_cast<std::uint64_t>(width(base.family()) + 1));
    const Prefix prefix = Prefix::containing(base, length);
    const std::vector<Domain> zones = reverse_zones(prefix);
    const DomainSet set = DomainSet::from_suffixes(zones);
    const auto near = [&](u128 offset) {
      return v4 ? Ip::v4(static_cast<std::uint32_t>(prefix.first().bits() + offset))
                : Ip::v6(prefix.first().bits() + offset);
    };
    const u128 size = length == 0 && !v4 ? 0 : static_cast<u128>(1) << (width(base.family()) - length);
    const Ip candidates[] = {prefix.first(),
                             prefix.last(),
                             base,
                             near(size),
                             near(static_cast<u128>(0) - 1),
                             v4 ? Ip::v4(static_cast<std::uint32_t>(bits())) : Ip::v6(bits())};
    for (const Ip ip : candidates)
      if (set.contains(reverse_name(ip)) != prefix.contains(ip))
        FAIL(to_string(prefix) << " and " << to_string(ip) << ": " << joined(zones));
  }
}

TEST_CASE("every IPv4 length against every address of a small block") {
  for (int length = 20; length <= 32; ++length) {
    const Prefix prefix = Prefix::containing(*Ip::parse("10.20.37.181"), length);
    const DomainSet set = DomainSet::from_suffixes(reverse_zones(prefix));
    std::size_t wrong = 0;
    for (std::uint32_t i = 0; i < 8192; ++i) {
      const Ip ip = Ip::v4(0x0A142000U - 1024 + i);
      wrong += set.contains(reverse_name(ip)) != prefix.contains(ip) ? 1U : 0U;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("inside names: zones, the cluster's domain, endpoints' names, reverse names, less what is denied") {
  std::string text = replaced(kSpec, "ports: [8000/tcp]}", "ports: [8000/tcp], names: [vllm.models.example]}");
  text += "dns: {mode: allowlist, zones: [corp.example], deny: [secret.corp.example]}\n";
  std::string errors;
  const auto policy = policy_of(text, &errors);
  REQUIRE(errors == "");
  for (const char* name :
       {"corp.example", "a.b.corp.example", "cluster.local", "web.app.svc.cluster.local", "vllm.models.example",
        "x.vllm.models.example", "10.0.20.10.in-addr.arpa", "7.0.42.10.in-addr.arpa", "1.0.0.127.in-addr.arpa"}) {
    INFO(name);
    CHECK(inside(*policy, name));
  }
  for (const char* name :
       {"example", "models.example", "xcorp.example", "secret.corp.example", "a.secret.corp.example", "api.openai.com",
        "8.8.8.8.in-addr.arpa", "11.0.20.10.in-addr.arpa", "local", "in-addr.arpa"}) {
    INFO(name);
    CHECK_FALSE(inside(*policy, name));
  }
}

TEST_CASE("an endpoint's own names beat a catalogue in private-vpc only") {
  const std::string named = replaced(
      replaced(kSpec, "ports: [8000/tcp]}", "ports: [8000/tcp], names: [bedrock-runtime.us-west-2.amazonaws.com]}"),
      "  mode: airgapped\n", "  mode: airgapped\n  deny: [hosted-llm]\n");
  CHECK(errors_of(named).substr(0, 101) ==
        "AT-S321 17:73 endpoint 'vllm'.names: bedrock-runtime.us-west-2.amazonaws.com is denied by catalogue '");
  std::string errors;
  const auto policy = policy_of(replaced(named, "mode: airgapped", "mode: private-vpc"), &errors);
  REQUIRE(errors == "");
  CHECK(inside(*policy, "bedrock-runtime.us-west-2.amazonaws.com"));
  CHECK_FALSE(inside(*policy, "bedrock-runtime.us-east-1.amazonaws.com"));
  CHECK_FALSE(inside(*policy, "api.openai.com"));
  // and so does the zone by which they are resolved, but no other
  const std::string zoned = replaced(named, "mode: airgapped", "mode: private-vpc") +
                            "dns: {mode: allowlist, zones: [bedrock-runtime.us-west-2.amazonaws.com]}\n";
  CHECK(errors_of(zoned) == "");
  CHECK(errors_of(replaced(zoned, "zones: [bedrock-runtime.us-west-2", "zones: [bedrock-runtime.us-east-1"))
            .substr(0, 75) == "AT-S321 21:32 dns.zones: bedrock-runtime.us-east-1.amazonaws.com is denied ");
  // dns.deny beats them everywhere
  const std::string denied = replaced(named, "mode: airgapped", "mode: private-vpc") +
                             "dns: {mode: allowlist, deny: [us-west-2.amazonaws.com]}\n";
  CHECK(errors_of(denied) ==
        "AT-S321 17:73 endpoint 'vllm'.names: bedrock-runtime.us-west-2.amazonaws.com is denied by dns.deny");
}

TEST_CASE("a catalogue that is not denied takes no name away") {
  const std::string text = replaced(kSpec, "ports: [8000/tcp]}", "ports: [8000/tcp], names: [api.openai.com]}");
  std::string errors;
  const auto policy = policy_of(text, &errors);
  REQUIRE(errors == "");
  CHECK(inside(*policy, "api.openai.com"));
}
