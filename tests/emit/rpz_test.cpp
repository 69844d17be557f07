#include "compiler/emit/rpz.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/emit/sample_policy.h"

namespace airtight {
namespace {

std::map<std::string, std::string> emitted(const Policy& policy) {
  Diagnostics diagnostics;
  kRpzTarget.check(policy, diagnostics);
  REQUIRE(diagnostics.empty());
  std::map<std::string, std::string> files;
  for (Artifact& artifact : kRpzTarget.emit(policy)) {
    CHECK(artifact.target == TargetId::Rpz);
    CHECK(artifact.layer == Layer::Dns);
    files.emplace(std::move(artifact.path), std::move(artifact.content));
  }
  return files;
}

std::string file(const Policy& policy, const std::string& path) { return emitted(policy).at(path); }

// The file without the lines that only the header and the serial make.
std::string body(const std::string& zone) { return zone.substr(zone.find("@ NS ")); }

struct Trigger {
  std::string owner;
  std::string action;
};

std::vector<Trigger> triggers_in(const std::string& zone) {
  std::vector<Trigger> result;
  for (std::size_t at = 0; at < zone.size();) {
    const std::size_t end = zone.find('\n', at);
    std::string line = zone.substr(at, end - at);
    at = end + 1;
    line = line.substr(0, line.find("  ;"));
    const std::size_t cname = line.find(" CNAME ");
    if (cname != std::string::npos && line[0] != ';') result.push_back({line.substr(0, cname), line.substr(cname + 7)});
  }
  return result;
}

std::string promised(const std::string& zone) {
  const std::string key = "; triggers: ";
  const std::size_t at = zone.find(key) + key.size();
  return zone.substr(at, zone.find('\n', at) - at);
}

// How servers find a QNAME trigger. MostSpecific tries the name, then ever shorter wildcards (Unbound, PowerDNS);
// Dns is RFC 4592: only the wildcard of the closest name that is there, with or without data, counts (BIND).
enum class Lookup { MostSpecific, Dns };

class NameRules {
 public:
  explicit NameRules(const std::string& zone) {
    for (Trigger& trigger : triggers_in(zone)) {
      std::string owner = trigger.owner;
      INFO("twice: " + owner);
      CHECK(actions_.emplace(owner, trigger.action).second);
      while (true) {  // the owner and every name above it are there
        nodes_.insert(owner);
        const std::size_t dot = owner.find('.');
        if (dot == std::string::npos) break;
        owner = owner.substr(dot + 1);
      }
    }
    nodes_.insert("");
  }

  bool passes(const Domain& name, Lookup lookup) const {
    const auto exact = actions_.find(name.text());
    if (exact != actions_.end()) return exact->second != ".";
    if (lookup == Lookup::Dns && nodes_.count(name.text()) != 0) return true;  // there, without data: not found
    std::string above = name.text();
    while (!above.empty()) {
      const std::size_t dot = above.find('.');
      above = dot == std::string::npos ? "" : above.substr(dot + 1);
      const auto wildcard = actions_.find(above.empty() ? "*" : "*." + above);
      if (wildcard != actions_.end()) return wildcard->second != ".";
      if (lookup == Lookup::Dns && nodes_.count(above) != 0) return true;
    }
    return true;
  }

 private:
  std::map<std::string, std::string> actions_;
  std::set<std::string> nodes_;
};

Policy with_few_addresses() {
  Policy policy = tiny_policy();
  policy.inside_ranges.clear();
  for (const std::string_view text : {"10.42.0.0/16", "10.20.0.10/32"}) {
    policy.inside_ranges.push_back({prefix_of(text), "internal", "", "", at_line(6)});
  }
  policy.endpoints[0].names = {domain_of("vllm.corp.example"), domain_of("gpu.lab.example")};
  policy.denied_names = {{domain_of("secret.corp.example"), at_line(19)}};
  policy.catalogues.resize(1);
  Catalogue& catalogue = policy.catalogues[0];
  catalogue.name = "hosted-llm";
  catalogue.title = "Hosted LLM APIs";
  catalogue.denied = true;
  catalogue.entries = {
      {CatalogueEntry::Match::Suffix, "openai.com", "OpenAI", "docs", "2026-11-25", ""},
      {CatalogueEntry::Match::Exact, "api.openai.com", "OpenAI API", "docs", "2026-11-25", ""},
      {CatalogueEntry::Match::Pattern, "^bedrock[.]", "Bedrock", "docs", "2026-11-25", ""},
      {CatalogueEntry::Match::Address, "203.0.113.0/24", "made up", "docs", "2026-11-25", ""},
  };
  derive(policy);
  return policy;
}

Domain random_name(std::mt19937& random, std::size_t most_labels) {
  constexpr std::array<std::string_view, 5> kLabels{"a", "b", "c", "_d", "e-e"};
  std::string text;
  for (std::size_t left = 1 + random() % most_labels; left > 0; --left) {
    if (!text.empty()) text += '.';
    text += kLabels[random() % kLabels.size()];
  }
  return domain_of(text);
}

Policy random_policy(std::mt19937& random) {
  Policy policy = tiny_policy();
  policy.zones.clear();
  DomainSet names;
  const auto some = [&](std::size_t most_labels) {
    Domain name = random_name(random, most_labels);
    switch (random() % 4) {
      case 0:
        return DomainSet::exactly(std::move(name));
      case 1:
        return DomainSet::strictly_below(std::move(name));
      default:
        return DomainSet::below(std::move(name));
    }
  };
  for (int i = 0; i < 4; ++i) names |= some(3);
  for (int i = 0; i < 3; ++i) names -= some(4);
  for (int i = 0; i < 2; ++i) names |= some(5);
  policy.inside_names = names;
  policy.catalogues.resize(2);
  for (Catalogue& catalogue : policy.catalogues) {
    catalogue.name = "c" + std::to_string(&catalogue - policy.catalogues.data());
    catalogue.denied = true;
    for (int i = 0; i < 3; ++i) {
      const bool exact = random() % 2 == 0;
      catalogue.entries.push_back({exact ? CatalogueEntry::Match::Exact : CatalogueEntry::Match::Suffix,
                                   random_name(random, 4).text(), "x", "docs", "2026-11-25", ""});
    }
    const auto bits = static_cast<std::uint32_t>(random());
    const Prefix prefix = Prefix::containing(Ip::v4(bits), 8 + static_cast<int>(random() % 25));
    catalogue.entries.push_back({CatalogueEntry::Match::Address, to_string(prefix), "x", "docs", "2026-11-25", ""});
  }
  policy.inside = {};
  for (int i = 0; i < 5; ++i) {
    policy.inside |= IpSet::of(
        Prefix::containing(Ip::v4(static_cast<std::uint32_t>(random())), 4 + static_cast<int>(random() % 29)));
    const u128 bits = (static_cast<u128>(random()) << 96) | (static_cast<u128>(random()) << 48) | random();
    policy.inside |= IpSet::of(Prefix::containing(Ip::v6(bits), 1 + static_cast<int>(random() % 128)));
  }
  for (const Catalogue& catalogue : policy.catalogues) policy.inside -= catalogue.addresses();
  return policy;
}

// "24.0.2.0.192.rpz-ip" read back, by the rules of the RPZ draft rather than by turning the writer around.
Prefix prefix_of_trigger(const std::string& owner) {
  std::vector<std::string> words;
  std::size_t at = 0;
  for (std::size_t dot = owner.find('.'); dot != std::string::npos; dot = owner.find('.', at)) {
    words.push_back(owner.substr(at, dot - at));
    at = dot + 1;
  }
  REQUIRE(owner.substr(at) == "rpz-ip");
  const std::string length = words[0];
  words.erase(words.begin());
  std::reverse(words.begin(), words.end());
  const bool compressed = std::find(words.begin(), words.end(), "zz") != words.end();
  if (words.size() == 4 && !compressed) {
    return prefix_of(words[0] + "." + words[1] + "." + words[2] + "." + words[3] + "/" + length);
  }
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "zz") {
      text += i == 0 ? "::" : ":";
      continue;
    }
    text += words[i];
    if (i + 1 < words.size()) text += ':';
  }
  return prefix_of(text + "/" + length);
}

// Whether the named-checkzone of BIND can be run here.
bool have_checkzone() {
  static const bool have = std::system("command -v named-checkzone > /dev/null 2>&1") == 0;
  if (!have) WARN("SKIPPED: named-checkzone is not installed");
  return have;
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string path = (std::filesystem::temp_directory_path() / "airtight-rpz-XXXXXX").string();
    REQUIRE(mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

bool checkzone_accepts(const std::map<std::string, std::string>& files) {
  const TemporaryDirectory directory;
  std::string command = "true";
  int n = 0;
  for (const auto& [path, text] : files) {
    const std::string name = (directory.path() / std::to_string(n++)).string();
    std::ofstream(name) << text;
    std::string zone = ".";
    if (path.find("names") != std::string::npos) zone = kNamesZone;
    if (path.find("answers") != std::string::npos) zone = kAnswersZone;
    command += " && named-checkzone -q " + zone + " " + name;
  }
  return std::system(command.c_str()) == 0;
}

}  // namespace

TEST_CASE("the files of target rpz") {
  std::vector<std::string> paths;
  for (const auto& [path, text] : emitted(sample_policy())) paths.push_back(path);
  CHECK(paths == std::vector<std::string>{"rpz/answers-bind.zone", "rpz/answers.zone", "rpz/names-bind.zone",
                                          "rpz/names.zone", "rpz/sealed-root.zone"});
}

TEST_CASE("names.zone: NAME and *.NAME for every name and for every name above one") {
  const Policy policy = with_few_addresses();
  CHECK(body(file(policy, "rpz/names.zone")) == R"(@ NS ns.airtight.invalid.
* CNAME .

; inside names
corp.example CNAME rpz-passthru.  ; zone, isolation.yaml:17
*.corp.example CNAME rpz-passthru.
gpu.lab.example CNAME rpz-passthru.  ; endpoint vllm, isolation.yaml:13
*.gpu.lab.example CNAME rpz-passthru.
cluster.local CNAME rpz-passthru.  ; cluster.domain
*.cluster.local CNAME rpz-passthru.

; reverse names of inside addresses
10.0.20.10.in-addr.arpa CNAME rpz-passthru.
*.10.0.20.10.in-addr.arpa CNAME rpz-passthru.
42.10.in-addr.arpa CNAME rpz-passthru.
*.42.10.in-addr.arpa CNAME rpz-passthru.

; dns.deny
secret.corp.example CNAME .  ; isolation.yaml:19
*.secret.corp.example CNAME .

; catalogue hosted-llm: Hosted LLM APIs
openai.com CNAME .  ; OpenAI
*.openai.com CNAME .
api.openai.com CNAME .  ; OpenAI API
*.api.openai.com CNAME .

; names above those of this file, so that what is beside them is found too
arpa CNAME .
*.arpa CNAME .
in-addr.arpa CNAME .
*.in-addr.arpa CNAME .
10.in-addr.arpa CNAME .
*.10.in-addr.arpa CNAME .
20.10.in-addr.arpa CNAME .
*.20.10.in-addr.arpa CNAME .
0.20.10.in-addr.arpa CNAME .
*.0.20.10.in-addr.arpa CNAME .
com CNAME .
*.com CNAME .
example CNAME .
*.example CNAME .
lab.example CNAME .
*.lab.example CNAME .
local CNAME .
*.local CNAME .
)");
}

TEST_CASE("names-bind.zone: what passes has no trigger that would find it") {
  const Policy policy = with_few_addresses();
  CHECK(body(file(policy, "rpz/names-bind.zone")) == R"(@ NS ns.airtight.invalid.
* CNAME .

; inside names
; corp.example: zone, isolation.yaml:17 (kept by what stands below it)
_inside.gpu.lab.example CNAME rpz-passthru.  ; endpoint vllm, isolation.yaml:13
_inside.cluster.local CNAME rpz-passthru.  ; cluster.domain

; reverse names of inside addresses
_inside.10.0.20.10.in-addr.arpa CNAME rpz-passthru.
_inside.42.10.in-addr.arpa CNAME rpz-passthru.

; dns.deny
secret.corp.example CNAME .  ; isolation.yaml:19
*.secret.corp.example CNAME .

; catalogue hosted-llm: Hosted LLM APIs
openai.com CNAME .  ; OpenAI
*.openai.com CNAME .
api.openai.com CNAME .  ; OpenAI API
*.api.openai.com CNAME .

; names above those of this file, so that what is beside them is found too
arpa CNAME .
*.arpa CNAME .
in-addr.arpa CNAME .
*.in-addr.arpa CNAME .
10.in-addr.arpa CNAME .
*.10.in-addr.arpa CNAME .
20.10.in-addr.arpa CNAME .
*.20.10.in-addr.arpa CNAME .
0.20.10.in-addr.arpa CNAME .
*.0.20.10.in-addr.arpa CNAME .
com CNAME .
*.com CNAME .
example CNAME .
*.example CNAME .
lab.example CNAME .
*.lab.example CNAME .
local CNAME .
*.local CNAME .
)");
}

TEST_CASE("answers.zone: catalogues by name, then everything but the inside and the exceptions") {
  Policy policy = with_few_addresses();
  policy.inside = ip_set_of({"128.0.0.0/2", "8000::/1"});
  policy.exceptions = {
      {peer_of(policy, "web"), prefix_of("192.0.0.0/3"), tcp(443), "T", "c", {2027, 1, 1}, at_line(9)}};
  CHECK(body(file(policy, "rpz/answers.zone")) == R"(@ NS ns.airtight.invalid.

; catalogue hosted-llm: Hosted LLM APIs
24.0.113.0.203.rpz-ip CNAME .  ; 203.0.113.0/24 made up

; everything but the inside and the exceptions
1.0.0.0.0.rpz-ip CNAME .
3.0.0.0.224.rpz-ip CNAME .
1.zz.rpz-ip CNAME .
)");
}

TEST_CASE("a whole file: header, count, serial") {
  Policy policy = with_few_addresses();
  policy.inside = ip_set_of({"128.0.0.0/1", "8000::/1"});
  policy.catalogues.clear();
  CHECK(file(policy, "rpz/answers.zone") ==
        artifact_header(policy, TargetId::Rpz, "; ",
                        "addresses that no answer may carry; not for BIND, which reads ::ffff:0:0/96 as IPv4") +
            R"(; policy zone: airtight-answers
; triggers: 2
$TTL 60
$ORIGIN airtight-answers.
@ SOA ns.airtight.invalid. hostmaster.airtight.invalid. (
    4249792780 ; serial, made from the content: it has no order
    3600 600 2147483647 60 )
@ NS ns.airtight.invalid.

; everything but the inside and the exceptions
1.0.0.0.0.rpz-ip CNAME .
1.zz.rpz-ip CNAME .
)");
}

TEST_CASE("the sealed root delegates the outermost inside zones to a name server without an address") {
  Policy policy = tiny_policy();
  policy.zones = {{domain_of("corp.example"), {}, at_line(17)},
                  {domain_of("b.a.corp.example"), {}, at_line(18)},
                  {domain_of("30.10.in-addr.arpa"), {}, at_line(19)},
                  {domain_of("xcorp.example"), {}, at_line(20)}};
  const std::string text = file(policy, "rpz/sealed-root.zone");
  CHECK(body(text) == R"(@ NS ns.airtight.invalid.

; The name server has no address, here or anywhere: whoever follows a delegation gets nowhere.
airtight.invalid. NS ns.airtight.invalid.

; Inside zones: without a delegation a server takes the root's word for it that they do not exist.
30.10.in-addr.arpa. NS ns.airtight.invalid.  ; zone, isolation.yaml:19
corp.example. NS ns.airtight.invalid.  ; zone, isolation.yaml:17
xcorp.example. NS ns.airtight.invalid.  ; zone, isolation.yaml:20
)");
  CHECK(text.find(" A ") == std::string::npos);
  CHECK(text.find(" AAAA ") == std::string::npos);
}

TEST_CASE("a serial changes with the spec, and only with it") {
  Policy policy = sample_policy();
  const std::map<std::string, std::string> before = emitted(policy);
  CHECK(emitted(policy) == before);
  policy.spec_digest.back() = '0';
  const auto serial = [](const std::string& zone) {
    const std::size_t at = zone.find("invalid. (\n    ") + 15;
    return zone.substr(at, zone.find(' ', at) - at);
  };
  for (const auto& [path, text] : emitted(policy)) {
    INFO(path);
    CHECK(serial(text) != serial(before.at(path)));
    CHECK(body(text) == body(before.at(path)));
  }
}

TEST_CASE("R27: a name that a catalogue and dns.deny both give, in either case, is one trigger") {
  Policy policy = with_few_addresses();
  policy.denied_names.push_back({domain_of("API.OpenAI.com."), at_line(20)});
  policy.denied_names.push_back({domain_of("api.openai.com"), at_line(21)});
  policy.catalogues.push_back(policy.catalogues[0]);
  policy.catalogues[1].name = "other";
  derive(policy);
  for (const std::string path : {"rpz/names.zone", "rpz/names-bind.zone"}) {
    int found = 0;
    for (const Trigger& trigger : triggers_in(file(policy, path))) found += trigger.owner == "api.openai.com" ? 1 : 0;
    CHECK(found == 1);
  }
}

TEST_CASE("an endpoint's own name that beats a catalogue passes, its neighbours do not") {
  Policy policy = with_few_addresses();
  policy.mode = Mode::PrivateVpc;
  policy.inside_names |= DomainSet::below(domain_of("vpce.openai.com"));
  const std::map<std::string, std::string> files = emitted(policy);
  for (const std::string path : {"rpz/names.zone", "rpz/names-bind.zone"}) {
    const NameRules rules(files.at(path));
    CHECK(rules.passes(domain_of("vpce.openai.com"), Lookup::Dns));
    CHECK(rules.passes(domain_of("x.vpce.openai.com"), Lookup::Dns));
    CHECK_FALSE(rules.passes(domain_of("openai.com"), Lookup::Dns));
    CHECK_FALSE(rules.passes(domain_of("x.openai.com"), Lookup::Dns));
    CHECK_FALSE(rules.passes(domain_of("xvpce.openai.com"), Lookup::Dns));
  }
}

TEST_CASE("the zones of names hold exactly the inside names, however triggers are looked up") {
  std::mt19937 random(20261125);
  int inside = 0;
  int outside = 0;
  for (int round = 0; round < 300; ++round) {
    const Policy policy = random_policy(random);
    const std::map<std::string, std::string> files = emitted(policy);
    const NameRules names(files.at("rpz/names.zone"));
    const NameRules names_bind(files.at("rpz/names-bind.zone"));
    for (int i = 0; i < 200; ++i) {
      const Domain name = random_name(random, 6);
      const bool expected = policy.inside_names.contains(name);
      (expected ? inside : outside) += 1;
      INFO(name.text() << " in\n" << files.at("rpz/names-bind.zone"));
      REQUIRE(names.passes(name, Lookup::MostSpecific) == expected);
      REQUIRE(names.passes(name, Lookup::Dns) == expected);
      REQUIRE(names_bind.passes(name, Lookup::Dns) == expected);
    }
  }
  CHECK(inside > 5000);
  CHECK(outside > 5000);
}

TEST_CASE("names-bind.zone lets no name pass by a trigger") {
  for (const Trigger& trigger : triggers_in(file(sample_policy(), "rpz/names-bind.zone"))) {
    if (trigger.owner.rfind("_inside.", 0) == 0) continue;
    CHECK(trigger.action == ".");
  }
}

TEST_CASE("the zones of answers hold exactly what is neither inside nor excepted") {
  std::mt19937 random(4711);
  for (int round = 0; round < 100; ++round) {
    Policy policy = random_policy(random);
    if (round % 2 == 0) {
      policy.exceptions = {
          {peer_of(policy, "web"), prefix_of("203.0.113.0/24"), tcp(443), "T", "c", {2027, 1, 1}, at_line(9)}};
      for (Catalogue& catalogue : policy.catalogues) catalogue.entries.pop_back();
    }
    IpSet passed = policy.inside;
    for (const Exception& exception : policy.exceptions) passed |= IpSet::of(exception.to);
    const std::map<std::string, std::string> files = emitted(policy);
    for (const bool bind : {false, true}) {
      std::set<Prefix> found;
      for (const Trigger& trigger : triggers_in(files.at(bind ? "rpz/answers-bind.zone" : "rpz/answers.zone"))) {
        const Prefix prefix = prefix_of_trigger(trigger.owner);
        REQUIRE(trigger.action == ".");
        REQUIRE(found.insert(prefix).second);
      }
      const std::vector<Prefix> all(found.begin(), found.end());
      const IpSet mapped = bind ? IpSet::of(prefix_of("::ffff:0:0/96")) : IpSet();
      REQUIRE(IpSet::from(all) == ~passed - mapped);
    }
  }
}

TEST_CASE("BIND's answers leave out the IPv4-mapped range, which is IPv4 in its tree; the others list it") {
  const std::map<std::string, std::string> files = emitted(sample_policy());
  const auto covers_mapped = [&](const std::string& path) {
    IpSet set;
    for (const Trigger& trigger : triggers_in(files.at(path))) set |= IpSet::of(prefix_of_trigger(trigger.owner));
    return set.intersects(IpSet::of(prefix_of("::ffff:0:0/96")));
  };
  CHECK(covers_mapped("rpz/answers.zone"));
  CHECK_FALSE(covers_mapped("rpz/answers-bind.zone"));
}

TEST_CASE("IPv6 triggers are spelt in the one way that servers take") {
  struct Row {
    std::string_view prefix;
    std::string trigger;
  };
  const std::vector<Row> rows = {
      {"2001:db8::/32", "32.zz.db8.2001.rpz-ip"},
      {"2001:db8::1/128", "128.1.zz.db8.2001.rpz-ip"},
      {"2001:db8:0:1::/64", "64.zz.1.0.db8.2001.rpz-ip"},
      {"2001:0:0:1:0:0:0:1/128", "128.1.zz.1.0.0.2001.rpz-ip"},
      {"2001:0:0:1:1:0:0:1/128", "128.1.0.0.1.1.zz.2001.rpz-ip"},
      {"2001:1:0:1:1:1:1:1/128", "128.1.1.1.1.1.0.1.2001.rpz-ip"},
      {"64:ff9b::/96", "96.zz.ff9b.64.rpz-ip"},
      {"::1/128", "128.1.zz.rpz-ip"},
      {"0:1::/32", "32.zz.1.0.rpz-ip"},
  };
  for (const Row& row : rows) {
    Policy policy = with_few_addresses();
    policy.catalogues[0].entries = {
        {CatalogueEntry::Match::Address, std::string(row.prefix), "x", "docs", "2026-11-25", ""}};
    CHECK(triggers_in(file(policy, "rpz/answers.zone"))[0].owner == row.trigger);
  }
}

TEST_CASE("a family without an inside address is denied by two halves, since RPZ has no trigger of length 0") {
  Policy policy = tiny_policy();
  policy.inside = IpSet::all_v4();
  std::vector<std::string> owners;
  for (const Trigger& trigger : triggers_in(file(policy, "rpz/answers.zone"))) owners.push_back(trigger.owner);
  CHECK(owners == std::vector<std::string>{"1.zz.rpz-ip", "1.zz.8000.rpz-ip"});
}

TEST_CASE("triggers are unique after case folding and their number is in the header") {
  std::mt19937 random(99);
  for (int round = 0; round < 50; ++round) {
    for (const auto& [path, text] : emitted(round == 0 ? sample_policy() : random_policy(random))) {
      if (path == "rpz/sealed-root.zone") continue;
      std::set<std::string> seen;
      for (Trigger& trigger : triggers_in(text)) {
        std::transform(trigger.owner.begin(), trigger.owner.end(), trigger.owner.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
        INFO(path << ": " << trigger.owner);
        CHECK(seen.insert(trigger.owner).second);
      }
      CHECK(promised(text) == std::to_string(seen.size()));
    }
  }
}

TEST_CASE("named-checkzone takes every zone") {
  if (!have_checkzone()) return;
  CHECK(checkzone_accepts(emitted(sample_policy())));
  CHECK(checkzone_accepts(emitted(tiny_policy())));
  std::mt19937 random(7);
  for (int round = 0; round < 5; ++round) CHECK(checkzone_accepts(emitted(random_policy(random))));
}

TEST_CASE("a name that does not fit into a trigger is refused where it is given") {
  Policy policy = tiny_policy();
  const std::string label(61, 'a');
  const std::string fits = label + "." + label + "." + label + "." + std::string(44, 'b');
  policy.zones = {{domain_of(fits), {}, at_line(17)}};
  derive(policy);
  Diagnostics none;
  kRpzTarget.check(policy, none);
  CHECK(none.empty());

  policy.zones[0].name = domain_of(fits + "b");
  policy.zones[0].origin.span = {1, 10, 20};
  derive(policy);
  Diagnostics diagnostics;
  kRpzTarget.check(policy, diagnostics);
  REQUIRE(diagnostics.sorted().size() == 1);
  const Diagnostic found = diagnostics.sorted()[0];
  CHECK(found.code == Code::CannotExpress);
  CHECK(found.where == Span{1, 10, 20});
  CHECK(found.message == "target rpz cannot name " + airtight::quoted(fits + "b") +
                             ": a trigger with its zone would have 256 octets; 255 are allowed");
}

TEST_CASE("a name that RPZ would read as another kind of trigger is refused") {
  for (const std::string label : {"rpz-ip", "rpz-client-ip", "rpz-nsip", "rpz-nsdname"}) {
    Policy policy = tiny_policy();
    policy.denied_names = {{domain_of("x." + label), at_line(20)}};
    policy.denied_names[0].origin.span = {1, 5, 9};
    Diagnostics diagnostics;
    kRpzTarget.check(policy, diagnostics);
    REQUIRE(diagnostics.sorted().size() == 1);
    CHECK(diagnostics.sorted()[0].where == Span{1, 5, 9});
    CHECK(diagnostics.sorted()[0].message ==
          "target rpz cannot name 'x." + label + "': the label " + label + " makes it a trigger of another kind");
  }
}

TEST_CASE("a file name of the spec cannot break out of a comment") {
  Policy policy = with_few_addresses();
  policy.zones[0].origin.file = "a\n* CNAME rpz-passthru.";
  for (const auto& [path, text] : emitted(policy)) {
    INFO(path);
    CHECK(text.find("\n* CNAME rpz-passthru.") == std::string::npos);
  }
}

}  // namespace airtight
