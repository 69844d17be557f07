// What a NetworkPolicy cannot say, and the edges of what it can: ports, versions, ICMP, exceptions, names.
#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/emit/networkpolicy.h"
#include "tests/emit/sample_policy.h"

namespace airtight {
namespace {

std::vector<Diagnostic> problems(const Policy& policy) {
  Diagnostics diagnostics;
  kNetworkPolicyTarget.check(policy, diagnostics);
  return diagnostics.sorted();
}

// The only file, of namespace app.
std::string text_of(const Policy& policy) {
  REQUIRE(problems(policy).empty());
  const std::vector<Artifact> artifacts = kNetworkPolicyTarget.emit(policy);
  REQUIRE(artifacts.size() == 1);
  return artifacts[0].content;
}

bool holds(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

Policy on(ServiceSet services) {
  Policy policy = tiny_policy();
  policy.flows[0].services = std::move(services);
  return policy;
}

// The items of the only list of ports.
std::string ports_of(const Policy& policy) {
  const std::string text = text_of(policy);
  REQUIRE(count(text, "      ports:\n") == 1);
  return text.substr(text.find("      ports:\n") + 13);
}

Exception exception_from(const Policy& policy, std::string_view from, std::string_view to, ServiceSet services) {
  return {peer_of(policy, from), prefix_of(to), std::move(services), "SEC-12", "ciso", Date{2027, 6, 30}, at_line(33)};
}

TEST_CASE("networkpolicy: ports") {
  struct Row {
    ServiceSet services;
    std::string text;
  };
  const std::vector<Row> rows{
      {tcp(443), "        - protocol: TCP\n          port: 443\n"},
      {tcp(8000, 8100), "        - protocol: TCP\n          port: 8000\n          endPort: 8100\n"},
      {tcp(80) | tcp(81), "        - protocol: TCP\n          port: 80\n          endPort: 81\n"},
      {tcp(80) | tcp(443),
       "        - protocol: TCP\n          port: 80\n        - protocol: TCP\n          port: 443\n"},
      {tcp(1, 65535), "        - protocol: TCP\n"},
      {ServiceSet::protocol(Protocol::Udp), "        - protocol: UDP\n"},
      {tcp(1, 65534), "        - protocol: TCP\n          port: 1\n          endPort: 65534\n"},
      {tcp(2, 65535), "        - protocol: TCP\n          port: 2\n          endPort: 65535\n"},
      {sctp(2905) | udp(514) | tcp(514),
       "        - protocol: TCP\n          port: 514\n        - protocol: UDP\n          port: 514\n"
       "        - protocol: SCTP\n          port: 2905\n"},
      {tcp(1, 65535) | udp(53), "        - protocol: TCP\n        - protocol: UDP\n          port: 53\n"},
  };
  for (const Row& row : rows) {
    INFO(to_string(row.services));
    CHECK(ports_of(on(row.services)) == row.text);
  }
}

TEST_CASE("networkpolicy: port 0 has no name") {
  const std::vector<Diagnostic> found = problems(on(ServiceSet::of(Protocol::Udp, PortSet::of(0, 9))));
  REQUIRE(found.size() == 1);
  CHECK(found[0].code == Code::CannotExpress);
  CHECK(found[0].message == "networkpolicy cannot name port 0/udp");
  CHECK(found[0].expected == "ports from 1 to 65535");
}

TEST_CASE("networkpolicy: a range needs endPort, which Kubernetes has since 1.22") {
  Policy policy = on(tcp(8000, 8100));
  policy.cluster.version = KubernetesVersion{1, 22};
  CHECK(problems(policy).empty());
  policy.cluster.version = KubernetesVersion{1, 21};
  const std::vector<Diagnostic> found = problems(policy);
  REQUIRE(found.size() == 1);
  CHECK(found[0].code == Code::TargetVersion);
  CHECK(found[0].severity == Severity::Error);
  CHECK(found[0].subject == "isolation.yaml:15");
  CHECK(found[0].message == "networkpolicy cannot express a range of ports in Kubernetes 1.21");
  CHECK(found[0].expected == "boundary.cluster.version 1.22 or later");
  CHECK(found[0].hint == "list the ports one by one");
  policy.flows[0].services = tcp(1, 65535) | udp(53);
  CHECK(problems(policy).empty());
}

TEST_CASE("networkpolicy: a range in an exception needs endPort too") {
  Policy policy = tiny_policy();
  policy.cluster.version = KubernetesVersion{1, 21};
  policy.exceptions = {exception_from(policy, "web", "203.0.113.7/32", tcp(8000, 8100))};
  REQUIRE(problems(policy).size() == 1);
  CHECK(problems(policy)[0].subject == "isolation.yaml:33");
  policy.exceptions[0].from = peer_of(policy, "nodes");  // is not written here
  CHECK(problems(policy).empty());
}

TEST_CASE("networkpolicy: an error stands at the flow's text where there is one") {
  Policy policy = on(ServiceSet::protocol(Protocol::Icmp));
  policy.targets = {{TargetId::NetworkPolicy, at_line(18)}};
  policy.flows[0].origin.span = Span{1, 30, 34};
  REQUIRE(problems(policy).size() == 1);
  CHECK(problems(policy)[0].where == Span{1, 30, 34});
}

TEST_CASE("networkpolicy: before 1.21 namespaces have no name label unless the site sets one") {
  Policy policy = tiny_policy();
  policy.cluster.version = KubernetesVersion{1, 20};
  policy.cluster.version_origin = at_line(4);
  const std::vector<Diagnostic> found = problems(policy);
  REQUIRE(found.size() == 1);
  CHECK(found[0].code == Code::TargetVersion);
  CHECK(found[0].subject == "isolation.yaml:4");
  CHECK(found[0].message == "Kubernetes 1.20 does not label namespaces with their names");
  CHECK(found[0].expected == "version 1.21 or later, or boundary.cluster.namespaceLabel");
  CHECK(found[0].hint == "label the namespaces yourself and give that label as boundary.cluster.namespaceLabel");
  policy.cluster.namespace_label = "corp.example/namespace";
  policy.cluster.namespace_label_given = true;
  policy.flows[0].to = peer_of(policy, "web");
  CHECK(count(text_of(policy),
              "        - namespaceSelector:\n            matchLabels:\n"
              "              corp.example/namespace: app\n") == 2);
}

TEST_CASE("networkpolicy: ICMP is the firewall's, and without one an error") {
  Policy policy = on(ServiceSet::protocol(Protocol::Icmp));
  SECTION("beside a firewall target it is said at the top, and no rule is made of it") {
    const std::string text = text_of(policy);
    CHECK(holds(text, "#\n# icmp of inference (isolation.yaml:15) is held by the firewall layer\n---\n"));
    CHECK_FALSE(holds(text, "egress:"));
    CHECK_FALSE(holds(text, "airtight-web"));
  }
  SECTION("what else the flow has is written") {
    policy.flows[0].services |= tcp(8000);
    const std::string text = text_of(policy);
    CHECK(holds(text, "# icmp of inference (isolation.yaml:15) is held by the firewall layer\n"));
    CHECK(ports_of(policy) == "        - protocol: TCP\n          port: 8000\n");
  }
  SECTION("without a firewall target, alone or beside ports") {
    policy.targets = {{TargetId::NetworkPolicy, at_line(18)}, {TargetId::Rpz, at_line(18)}};
    for (const ServiceSet& more : {ServiceSet(), tcp(8000)}) {
      policy.flows[0].services = ServiceSet::protocol(Protocol::Icmp) | more;
      const std::vector<Diagnostic> found = problems(policy);
      REQUIRE(found.size() == 1);
      CHECK(found[0].code == Code::CannotExpress);
      CHECK(found[0].subject == "isolation.yaml:15");
      CHECK(found[0].message == "networkpolicy cannot express icmp");
      CHECK(found[0].expected == "tcp, udp or sctp, or a firewall target beside it");
      CHECK(found[0].hint == "add nftables to targets: the firewall layer holds what is neither tcp, udp nor sctp");
    }
  }
}

TEST_CASE("networkpolicy: exceptions of pods, with who answers for them and until when") {
  Policy policy = tiny_policy();
  policy.flows.clear();
  policy.exceptions = {exception_from(policy, "web", "203.0.113.0/30", tcp(443))};
  CHECK(holds(text_of(policy),
              "  egress:\n    # exception SEC-12, approved by ciso, expires 2027-06-30 (isolation.yaml:33)\n    - to:\n"
              "        - ipBlock:\n            cidr: 203.0.113.0/30\n      ports:\n        - protocol: TCP\n          "
              "port: 443\n"));
  policy.exceptions[0].from = peer_of(policy, "nodes");
  CHECK_FALSE(holds(text_of(policy), "203.0.113"));
  policy.workloads[0].host = true;
  policy.exceptions[0].from = peer_of(policy, "web");
  CHECK_FALSE(holds(text_of(policy), "203.0.113"));
}

TEST_CASE("networkpolicy: address blocks are as few as can be") {
  Policy policy = tiny_policy();
  policy.endpoints[0].addresses = ip_set_of({"10.20.0.8", "10.20.0.9", "10.20.0.10", "10.20.0.11", "10.20.0.12"});
  policy.inside_ranges.push_back({prefix_of("10.20.0.8/29"), "internal", "", "", at_line(13)});
  derive(policy);
  const std::string text = text_of(policy);
  CHECK(count(text, "ipBlock") == 2);
  CHECK(holds(text, "            cidr: 10.20.0.8/30\n        - ipBlock:\n            cidr: 10.20.0.12/32\n"));
}

TEST_CASE("networkpolicy: an endpoint of one address family makes no empty rule for the other (R15)") {
  Policy policy = tiny_policy();
  policy.endpoints[0].addresses = ip_set_of({"fd00:20::10"});
  policy.inside_ranges.push_back({prefix_of("fd00:20::10/128"), "endpoint vllm", "", "", at_line(13)});
  derive(policy);
  const std::string text = text_of(policy);
  CHECK(count(text, "    - to:\n        - ipBlock:\n            cidr: \"fd00:20::10/128\"\n      ports:\n") == 1);
  CHECK(count(text, "- to:") == 1);
}

TEST_CASE("networkpolicy: every address of a family is never written") {
  for (const char* all : {"0.0.0.0/0", "::/0"}) {
    Policy policy = tiny_policy();
    policy.endpoints[0].addresses = ip_set_of({all});
    policy.inside_ranges.push_back({prefix_of(all), "endpoint vllm", "", "ciso", at_line(13)});
    derive(policy);
    REQUIRE(problems(policy).size() == 1);
    CHECK(problems(policy)[0].code == Code::CannotExpress);
    CHECK(problems(policy)[0].message ==
          "networkpolicy refuses a rule for every address of a family, which 'vllm' would need");
  }
}

TEST_CASE("networkpolicy: a peer without addresses is an error, since an empty list allows everything") {
  Policy policy = tiny_policy();
  policy.cluster.nodes.clear();
  struct Row {
    const char* from;
    const char* to;
    bool source_nat;
    const char* message;
  };
  const std::vector<Row> rows{
      {"web", "nodes", false, "networkpolicy needs an address of 'nodes'"},
      {"nodes", "web", false, "networkpolicy needs an address of 'nodes'"},
      {"vllm", "web", true, "networkpolicy needs an address of 'nodes'"},
      {"web", "api-server", false, "networkpolicy needs an address of 'api-server'"},
      {"api-server", "web", false, "networkpolicy needs an address of 'api-server'"},
      {"web", "cluster-dns", false, "networkpolicy needs an address of 'cluster-dns'"},
  };
  for (const Row& row : rows) {
    policy.flows[0].from = peer_of(policy, row.from);
    policy.flows[0].to = peer_of(policy, row.to);
    policy.flows[0].source_nat_nodes = row.source_nat;
    INFO(row.from << " -> " << row.to);
    REQUIRE(problems(policy).size() == 1);
    CHECK(problems(policy)[0].code == Code::TargetNeeds);
    CHECK(problems(policy)[0].message == row.message);
  }
}

TEST_CASE("networkpolicy: the same peers and ports are one rule with the comments of all") {
  Policy policy = tiny_policy();
  policy.flows.push_back(policy.flows[0]);
  policy.flows[1].why = "batch";
  policy.flows[1].origin = at_line(16);
  policy.flows.push_back(policy.flows[0]);
  const std::string text = text_of(policy);
  CHECK(holds(text, "    # inference (isolation.yaml:15)\n    # batch (isolation.yaml:16)\n    - to:\n"));
  CHECK(count(text, "- to:") == 1);
}

TEST_CASE("networkpolicy: the user's text stays in its comment") {
  Policy policy = tiny_policy();
  policy.flows[0].why = "x\n    - to: []\n      ports: []";
  const std::string text = text_of(policy);
  CHECK_FALSE(holds(text, "\n    - to: []"));
  CHECK(count(text, "\n    - to:") == 1);
}

TEST_CASE("networkpolicy: a flow without a reason is named by its ends") {
  Policy policy = tiny_policy();
  policy.flows[0].why.clear();
  CHECK(holds(text_of(policy), "    # web to vllm (isolation.yaml:15)\n"));
}

TEST_CASE("networkpolicy: label values that YAML would take for something else are quoted") {
  Policy policy = tiny_policy();
  policy.workloads[0].labels = {{"a", "true"}, {"b", "1.29"},       {"c", "on"},
                                {"d", ""},     {"e", "2027-06-30"}, {"true", "v1"}};
  CHECK(holds(text_of(policy),
              "    matchLabels:\n      a: \"true\"\n      b: \"1.29\"\n      c: \"on\"\n      d: \"\"\n"
              "      e: \"2027-06-30\"\n      \"true\": v1\n"));
}

TEST_CASE("networkpolicy: overlapping selectors of one namespace are two objects, and policies only add") {
  Policy policy = tiny_policy();
  policy.workloads.push_back(policy.workloads[0]);
  policy.workloads[1].name = "web-all";
  policy.workloads[1].labels.clear();
  policy.flows.push_back(policy.flows[0]);
  policy.flows[1].from = {Peer::Kind::Workload, 1};
  const std::string text = text_of(policy);
  CHECK(holds(text, "  name: airtight-web\n"));
  CHECK(holds(text, "  name: airtight-web-all\n"));
  CHECK(count(text, "            cidr: 10.20.0.10/32\n") == 2);
}

TEST_CASE("networkpolicy: no workload takes the name of the default deny") {
  Policy policy = tiny_policy();
  policy.workloads[0].name = "default-deny";
  const std::string text = text_of(policy);
  CHECK(count(text, "  name: airtight-default-deny\n") == 1);
  CHECK(holds(text, "  name: airtight-default-deny-2\n"));
}

TEST_CASE("networkpolicy: NodeLocal DNSCache that may not ask is a warning") {
  Policy policy = sample_policy();
  policy.cluster.dns->node_local = {ip_of("169.254.20.10")};
  policy.inside_ranges.push_back({prefix_of("169.254.20.10/32"), "dns.nodeLocal", "", "", at_line(13)});
  policy.default_deny_namespaces.emplace_back("kube-system");
  policy.workloads[1].dns = false;  // the host workload, which would be the nodes asking
  derive(policy);
  const std::vector<Diagnostic> found = problems(policy);
  REQUIRE(found.size() == 1);
  CHECK(found[0].severity == Severity::Warning);
  CHECK(found[0].code == Code::TargetNeeds);
  CHECK(found[0].message == "NodeLocal DNSCache may not ask the pods of cluster-dns");
  CHECK(found[0].hint == "the cache runs in the host's network: add a flow from nodes to cluster-dns");
  policy.flows.push_back(policy.flows[0]);
  policy.flows.back().from = peer_of(policy, "nodes");
  policy.flows.back().to = peer_of(policy, "cluster-dns");
  CHECK(problems(policy).empty());
}

}  // namespace
}  // namespace airtight
