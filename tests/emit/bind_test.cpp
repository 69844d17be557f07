#include "compiler/emit/bind.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "compiler/emit/rpz.h"
#include "tests/emit/sample_policy.h"

namespace airtight {
namespace {

Policy small_policy() {
  Policy policy = tiny_policy();
  policy.inside_ranges.clear();
  for (const std::string_view text : {"10.42.0.0/16", "10.20.0.0/24", "fd00:20::/64"}) {
    policy.inside_ranges.push_back({prefix_of(text), "internal", "", "", at_line(6)});
  }
  Endpoint resolver = policy.endpoints[0];
  resolver.name = "resolvers";
  resolver.role = Role::Dns;
  resolver.addresses = ip_set_of({"10.20.0.53", "10.20.0.54", "fd00:20::53"});
  resolver.ports = udp(53) | tcp(53);
  resolver.names = {};
  resolver.origin = at_line(14);
  policy.endpoints.push_back(std::move(resolver));
  policy.zones = {{domain_of("corp.example"), {1}, at_line(17)}};
  policy.targets.push_back({TargetId::Bind, at_line(18)});
  policy.targets.back().origin.span = {1, 90, 94};
  derive(policy);
  return policy;
}

std::vector<Diagnostic> problems(const Policy& policy) {
  Diagnostics diagnostics;
  kBindTarget.check(policy, diagnostics);
  return diagnostics.sorted();
}

std::string configuration(const Policy& policy) {
  REQUIRE(problems(policy).empty());
  const std::vector<Artifact> artifacts = kBindTarget.emit(policy);
  REQUIRE(artifacts.size() == 1);
  CHECK(artifacts[0].path == "bind/named.conf");
  CHECK(artifacts[0].target == TargetId::Bind);
  CHECK(artifacts[0].layer == Layer::Dns);
  return artifacts[0].content;
}

std::string from(const std::string& text, const std::string& mark) {
  const std::size_t at = text.find(mark);
  REQUIRE(at != std::string::npos);
  return text.substr(at);
}

}  // namespace

TEST_CASE("named.conf as a whole") {
  const Policy policy = small_policy();
  CHECK(configuration(policy) == artifact_header(policy, TargetId::Bind, "# ",
                                                 "a resolver for inside names that has no upstream for any other") +
                                     R"(#
# Install: copy bind/ and rpz/ side by side to where named may read and write, for instance below /var/cache/bind, and
# start named in bind/ (a unit's WorkingDirectory=), or write that path into `directory`:
#     cd .../bind && named-checkconf -z named.conf && named -f -u bind -c named.conf
# It is the whole configuration: include it nowhere, add no forwarder and no root hints. A cache that was filled before
# goes on answering, so start the server anew rather than reload it.
# The server must not be one of those that it forwards to, and its own host's /etc/resolv.conf may name it.
# What BIND cannot look at: address hints in HTTPS and SVCB records of inside names are handed on as they come.

# Who may ask: the inside, and nobody else.
acl inside {
    10.20.0.0/24;
    10.42.0.0/16;
    fd00:20::/64;
};

options {
    directory ".";
    listen-on port 53 { any; };
    listen-on-v6 port 53 { any; };

    recursion yes;
    allow-query { inside; };
    allow-query-cache { inside; };
    allow-recursion { inside; };
    allow-transfer { none; };
    allow-update-forwarding { none; };
    notify no;

    # Names first: BIND finishes recursion before it looks at a zone listed after one with address triggers. That zone
    # lets nothing pass, which would switch both off for the rest of an answer.
    response-policy {
        zone "airtight-names" policy given log yes;
        zone "airtight-answers" policy given log yes;
    } qname-wait-recurse no break-dnssec yes recursive-only no nsip-enable no nsdname-enable no max-policy-ttl 60;

    # Under a sealed root no chain of trust can be built: every inside answer would fail.
    dnssec-validation no;
    trust-anchor-telemetry no;
    # The root answers for these; a zone made up by the server would hide a forwarded reverse zone.
    empty-zones-enable no;
    qname-minimization off;
    prefetch 0;
    stale-answer-enable no;
    # Addresses beside the answer are no answer, so the policy zones do not see them.
    minimal-responses yes;
    minimal-any no;

    querylog yes;
    version none;
    hostname none;
    server-id none;
    pid-file none;
    session-keyfile none;
    lock-file none;
};

controls { };

# Whatever else fails, no other address is ever asked.
server 0.0.0.0/0 { bogus yes; };
server ::/0 { bogus yes; };
server 10.20.0.53 { bogus no; };  # endpoint resolvers, isolation.yaml:14
server 10.20.0.54 { bogus no; };  # endpoint resolvers, isolation.yaml:14
server fd00:20::53 { bogus no; };  # endpoint resolvers, isolation.yaml:14

# The sealed root. Its name server has no address on purpose, which the check would complain about.
zone "." {
    type primary;
    file "../rpz/sealed-root.zone";
    check-integrity no;
};

zone "airtight-names" {
    type primary;
    file "../rpz/names-bind.zone";
    allow-query { none; };
};
zone "airtight-answers" {
    type primary;
    file "../rpz/answers-bind.zone";
    allow-query { none; };
};

# zone, isolation.yaml:17
zone "corp.example" {
    type forward;
    forward only;
    forwarders {
        10.20.0.53;  # endpoint resolvers, isolation.yaml:14
        10.20.0.54;  # endpoint resolvers, isolation.yaml:14
        fd00:20::53;  # endpoint resolvers, isolation.yaml:14
    };
};
)");
}

TEST_CASE("an endpoint without UDP is asked over TCP only") {
  Policy policy = small_policy();
  policy.endpoints[1].addresses = ip_set_of({"10.20.0.53"});
  policy.endpoints[1].ports = tcp(53);
  CHECK(configuration(policy).find("server 10.20.0.53 { bogus no; tcp-only yes; };") != std::string::npos);
}

TEST_CASE("zones are forwarded each to its own endpoints, in the order given") {
  Policy policy = small_policy();
  Endpoint other = policy.endpoints[1];
  other.name = "reverse";
  other.addresses = ip_set_of({"10.20.0.99"});
  policy.endpoints.push_back(std::move(other));
  policy.endpoints[1].addresses = ip_set_of({"10.20.0.53"});
  policy.zones = {{domain_of("lab.corp.example"), {2, 1, 2}, at_line(21)},
                  {domain_of("corp.example"), {1}, at_line(17)}};
  derive(policy);
  CHECK(from(configuration(policy), "\n# zone,") == R"(
# zone, isolation.yaml:17
zone "corp.example" {
    type forward;
    forward only;
    forwarders {
        10.20.0.53;  # endpoint resolvers, isolation.yaml:14
    };
};

# zone, isolation.yaml:21
zone "lab.corp.example" {
    type forward;
    forward only;
    forwarders {
        10.20.0.99;  # endpoint reverse, isolation.yaml:14
        10.20.0.53;  # endpoint resolvers, isolation.yaml:14
    };
};
)");
}

TEST_CASE("every forwarder is inside, and no other server may be asked") {
  const Policy policy = sample_policy();
  const std::string text = configuration(policy);
  CHECK(text.find("server 0.0.0.0/0 { bogus yes; };\nserver ::/0 { bogus yes; };\nserver 10.20.0.53 { bogus no; };") !=
        std::string::npos);
  CHECK(text.find("type hint") == std::string::npos);
  CHECK(text.find("type forward;\n    forward only;") != std::string::npos);
  CHECK(text.find("forward first") == std::string::npos);
}

TEST_CASE("a zone without a resolver to forward to is refused at its line") {
  Policy policy = small_policy();
  policy.zones.push_back({domain_of("lab.example"), {}, at_line(18)});
  policy.zones.back().origin.span = {1, 30, 41};
  const std::vector<Diagnostic> found = problems(policy);
  REQUIRE(found.size() == 1);
  CHECK(found[0].code == Code::TargetNeeds);
  CHECK(found[0].severity == Severity::Error);
  CHECK(found[0].where == Span{1, 30, 41});
  CHECK(found[0].message == "target bind needs a resolver that zone 'lab.example' is forwarded to");
  CHECK(found[0].expected == "{name: lab.example, forward: [ENDPOINT]}, an endpoint of role dns");
}

TEST_CASE("bind without rpz is refused") {
  Policy policy = small_policy();
  std::erase_if(policy.targets, [](const RequestedTarget& t) { return t.id == TargetId::Rpz; });
  const std::vector<Diagnostic> found = problems(policy);
  REQUIRE(found.size() == 1);
  CHECK(found[0].code == Code::TargetNeeds);
  CHECK(found[0].where == Span{1, 90, 94});
  CHECK(found[0].message == "target bind loads the zones of target rpz, which is not among the targets");
  CHECK(found[0].hint == "add rpz to `targets`");
}

TEST_CASE("a range is not a list of servers to forward to") {
  Policy policy = small_policy();
  policy.endpoints[1].addresses = ip_set_of({"10.20.0.16/28"});
  CHECK(problems(policy).empty());
  policy.endpoints[1].addresses |= ip_set_of({"fd00:20::1"});
  policy.endpoints[1].origin.span = {1, 50, 59};
  const std::vector<Diagnostic> found = problems(policy);
  REQUIRE(found.size() == 1);
  CHECK(found[0].code == Code::CannotExpress);
  CHECK(found[0].where == Span{1, 50, 59});
  CHECK(found[0].message == "target bind forwards to single addresses, and endpoint 'resolvers' has more than 16");
  CHECK(found[0].hint == "list the addresses of the name servers themselves");
}

TEST_CASE("the whole of a family is no list of servers either") {
  Policy policy = small_policy();
  policy.endpoints[1].addresses = IpSet::all_v6();
  CHECK(problems(policy).size() == 1);
}

TEST_CASE("a resolver without port 53 is refused") {
  Policy policy = small_policy();
  policy.endpoints[1].ports = tcp(853);
  const std::vector<Diagnostic> found = problems(policy);
  REQUIRE(found.size() == 1);
  CHECK(found[0].code == Code::CannotExpress);
  CHECK(found[0].message == "target bind forwards to port 53, and endpoint 'resolvers' has no such port");
}

TEST_CASE("a name that no zone holds is a warning: it will not resolve") {
  Policy policy = small_policy();
  policy.endpoints[0].names = {domain_of("vllm.corp.example"), domain_of("gpu.lab.example")};
  policy.endpoints[0].origin.span = {1, 70, 74};
  const std::vector<Diagnostic> found = problems(policy);
  REQUIRE(found.size() == 1);
  CHECK(found[0].severity == Severity::Warning);
  CHECK(found[0].where == Span{1, 70, 74});
  CHECK(found[0].message == "no zone holds 'gpu.lab.example', so target bind answers that it does not exist");
  CHECK(found[0].hint == "add a zone that holds it to `dns.zones`, with `forward`");
}

TEST_CASE("named-checkconf takes the configuration with its zones as they are emitted") {
  if (std::system("command -v named-checkconf > /dev/null 2>&1") != 0) {
    WARN("SKIPPED: named-checkconf is not installed");
    return;
  }
  std::string path = (std::filesystem::temp_directory_path() / "airtight-bind-XXXXXX").string();
  REQUIRE(mkdtemp(path.data()) != nullptr);
  for (const Policy& policy : {small_policy(), sample_policy()}) {
    for (const Target* target : {&kRpzTarget, &kBindTarget}) {
      for (const Artifact& artifact : target->emit(policy)) {
        const std::filesystem::path file = std::filesystem::path(path) / artifact.path;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << artifact.content;
      }
    }
    CHECK(std::system(("cd " + path + "/bind && named-checkconf -z named.conf > /dev/null").c_str()) == 0);
  }
  std::filesystem::remove_all(path);
}

}  // namespace airtight
