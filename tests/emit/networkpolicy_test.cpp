#include "compiler/emit/networkpolicy.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/emit/sample_policy.h"

namespace airtight {
namespace {

std::vector<Diagnostic> problems(const Policy& policy) {
  Diagnostics diagnostics;
  kNetworkPolicyTarget.check(policy, diagnostics);
  return diagnostics.sorted();
}

std::vector<Artifact> emitted(const Policy& policy) {
  Diagnostics diagnostics;
  kNetworkPolicyTarget.check(policy, diagnostics);
  REQUIRE_FALSE(diagnostics.has_errors());
  return kNetworkPolicyTarget.emit(policy);
}

std::vector<std::string> paths(const Policy& policy) {
  std::vector<std::string> result;
  for (const Artifact& artifact : emitted(policy)) result.push_back(artifact.path);
  return result;
}

std::string file(const Policy& policy, const std::string& ns) {
  for (const Artifact& artifact : emitted(policy)) {
    if (artifact.path == "networkpolicy/" + ns + ".yaml") return artifact.content;
  }
  return "";
}

// A file without the header that every artifact has.
std::string body(const Policy& policy, const std::string& ns) {
  const std::string header =
      artifact_header(policy, TargetId::NetworkPolicy, "# ",
                      "NetworkPolicies of namespace " + ns + ": default deny, then what the spec allows");
  const std::string text = file(policy, ns);
  REQUIRE(text.substr(0, header.size()) == header);
  return text.substr(header.size());
}

// One object's text after its policyTypes: the rules. "no object" where there is none of that name.
std::string rules(const Policy& policy, const std::string& ns, const std::string& name) {
  const std::string text = file(policy, ns);
  const std::size_t object = text.find("  name: " + name + "\n");
  if (object == std::string::npos) return "no object";
  const std::string types = "  policyTypes:\n    - Ingress\n    - Egress\n";
  const std::size_t begin = text.find(types, object);
  REQUIRE(begin != std::string::npos);
  return text.substr(begin + types.size(), text.find("---\n", begin) - begin - types.size());
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

// tiny_policy with one more pod, `db` in namespace data, in place of its flow.
Policy two_pods() {
  Policy policy = tiny_policy();
  Workload db;
  db.name = "db";
  db.ns = "data";
  db.labels = {{"app", "db"}};
  db.dns = false;
  db.origin = at_line(12);
  policy.workloads.insert(policy.workloads.begin(), db);
  policy.flows.clear();
  derive(policy);
  return policy;
}

Flow flow(const Policy& policy, std::string_view from, std::string_view to, ServiceSet services,
          std::string why = "why") {
  Flow result;
  result.from = peer_of(policy, from);
  result.to = peer_of(policy, to);
  result.services = std::move(services);
  result.why = std::move(why);
  result.origin = at_line(40);
  return result;
}

Policy with_flow(Policy policy, std::string_view from, std::string_view to, ServiceSet services) {
  policy.flows.push_back(flow(policy, from, to, std::move(services)));
  return policy;
}

constexpr const char* kTiny = R"(---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: airtight-default-deny
  namespace: app
  labels:
    airtight.dev/spec: tiny
    app.kubernetes.io/managed-by: airtight
spec:
  podSelector: {}
  policyTypes:
    - Ingress
    - Egress
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: airtight-web
  namespace: app
  labels:
    airtight.dev/spec: tiny
    app.kubernetes.io/managed-by: airtight
spec:
  podSelector:
    matchLabels:
      app: web
  policyTypes:
    - Ingress
    - Egress
  egress:
    # inference (isolation.yaml:15)
    - to:
        - ipBlock:
            cidr: 10.20.0.10/32
      ports:
        - protocol: TCP
          port: 8000
)";

TEST_CASE("networkpolicy: the whole text of a small policy") {
  CHECK(body(tiny_policy(), "app") == kTiny);
  CHECK(paths(tiny_policy()) == std::vector<std::string>{"networkpolicy/app.yaml"});
}

TEST_CASE("networkpolicy: the example of the language") {
  const Policy policy = sample_policy();
  CHECK(paths(policy) == std::vector<std::string>{"networkpolicy/ingress-nginx.yaml", "networkpolicy/xpander.yaml"});
  CHECK(problems(policy).empty());
  CHECK(body(policy, "ingress-nginx") == R"(#
# ingress uses the host's network, where no NetworkPolicy holds it: its half of every flow is the firewall's (isolation.yaml:21)
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: airtight-default-deny
  namespace: ingress-nginx
  labels:
    airtight.dev/spec: xpander-airgapped
    app.kubernetes.io/managed-by: airtight
spec:
  podSelector: {}
  policyTypes:
    - Ingress
    - Egress
)");
  CHECK(rules(policy, "xpander", "airtight-ai-gateway") == R"(  ingress:
    # agent inference (isolation.yaml:27)
    - from:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: xpander
          podSelector:
            matchLabels:
              app.kubernetes.io/name: xpander-agent-worker
      ports:
        - protocol: TCP
          port: 9018
    # routes (isolation.yaml:30)
    #   ingress uses the host's network: at this layer it is the nodes
    - from:
        - ipBlock:
            cidr: 10.10.0.0/24
        - ipBlock:
            cidr: "fd00:10::/64"
      ports:
        - protocol: TCP
          port: 9018
  egress:
    # local inference (isolation.yaml:28)
    - to:
        - ipBlock:
            cidr: 10.20.0.10/32
        - ipBlock:
            cidr: "fd00:20::10/128"
      ports:
        - protocol: TCP
          port: 8000
    # implied: every workload may ask cluster-dns (isolation.yaml:19)
    #   by pod: a policy sees the address behind the Service, not the Service's own
    - to:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: kube-system
          podSelector:
            matchLabels:
              k8s-app: kube-dns
      ports:
        - protocol: TCP
          port: 53
        - protocol: UDP
          port: 53
)");
}

TEST_CASE("networkpolicy: the same bytes for the same policy") {
  const std::vector<Artifact> first = emitted(sample_policy());
  const std::vector<Artifact> second = emitted(sample_policy());
  REQUIRE(first.size() == second.size());
  for (std::size_t i = 0; i < first.size(); ++i) CHECK(first[i].content == second[i].content);
}

TEST_CASE("networkpolicy: both policyTypes stand in every object, so that no rule leaves a direction open") {
  for (const Artifact& artifact : emitted(sample_policy())) {
    const std::size_t objects = count(artifact.content, "kind: NetworkPolicy\n");
    CHECK(count(artifact.content, "  policyTypes:\n    - Ingress\n    - Egress\n") == objects);
  }
}

TEST_CASE("networkpolicy: a workload without flows has the default deny only") {
  Policy policy = two_pods();
  CHECK(rules(policy, "data", "airtight-default-deny").empty());
  CHECK(rules(policy, "data", "airtight-db") == "no object");
}

TEST_CASE("networkpolicy: pods across namespaces are one peer with both selectors, on both sides (R13)") {
  const Policy policy = with_flow(two_pods(), "web", "db", tcp(5432));
  CHECK(rules(policy, "app", "airtight-web") == R"(  egress:
    # why (isolation.yaml:40)
    - to:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: data
          podSelector:
            matchLabels:
              app: db
      ports:
        - protocol: TCP
          port: 5432
)");
  CHECK(rules(policy, "data", "airtight-db") == R"(  ingress:
    # why (isolation.yaml:40)
    - from:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: app
          podSelector:
            matchLabels:
              app: web
      ports:
        - protocol: TCP
          port: 5432
)");
}

TEST_CASE("networkpolicy: pods are never named by address (R09)") {
  CHECK(file(with_flow(two_pods(), "web", "db", tcp(5432)), "app").find("ipBlock") == std::string::npos);
}

TEST_CASE("networkpolicy: no labels are the whole namespace, as subject and as peer, and never the peer alone") {
  Policy policy = two_pods();
  policy.workloads[0].labels.clear();
  policy = with_flow(policy, "web", "db", tcp(5432));
  CHECK(rules(policy, "app", "airtight-web") == R"(  egress:
    # why (isolation.yaml:40)
    - to:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: data
          podSelector: {}
      ports:
        - protocol: TCP
          port: 5432
)");
  CHECK(file(policy, "data")
            .find("  name: airtight-db\n  namespace: data\n  labels:\n    airtight.dev/spec: tiny\n"
                  "    app.kubernetes.io/managed-by: airtight\nspec:\n  podSelector: {}\n  policyTypes:\n") !=
        std::string::npos);
}

TEST_CASE("networkpolicy: the API server is opened on its own port, not on the Service's (R11)") {
  Policy policy = tiny_policy();
  policy.flows.clear();
  policy.cluster.api_server = {{ip_of("10.10.0.1"), 6443}, {ip_of("10.10.0.2"), 6443}, {ip_of("10.10.0.9"), 7443}};
  SECTION("as a destination, each address on its port") {
    CHECK(rules(with_flow(policy, "web", "api-server", tcp(6443) | tcp(7443)), "app", "airtight-web") == R"(  egress:
    # why (isolation.yaml:40)
    - to:
        - ipBlock:
            cidr: 10.10.0.1/32
        - ipBlock:
            cidr: 10.10.0.2/32
      ports:
        - protocol: TCP
          port: 6443
    # why (isolation.yaml:40)
    - to:
        - ipBlock:
            cidr: 10.10.0.9/32
      ports:
        - protocol: TCP
          port: 7443
)");
  }
  SECTION("as a source of webhooks, its addresses") {
    CHECK(rules(with_flow(policy, "api-server", "web", tcp(9443)), "app", "airtight-web") == R"(  ingress:
    # why (isolation.yaml:40)
    - from:
        - ipBlock:
            cidr: 10.10.0.1/32
        - ipBlock:
            cidr: 10.10.0.2/32
        - ipBlock:
            cidr: 10.10.0.9/32
      ports:
        - protocol: TCP
          port: 9443
)");
  }
  SECTION("another port is an error, not a rule that says nothing") {
    policy.cluster.api_server_origin = at_line(5);
    const std::vector<Diagnostic> found = problems(with_flow(policy, "web", "api-server", tcp(443)));
    REQUIRE(found.size() == 1);
    CHECK(found[0].code == Code::CannotExpress);
    CHECK(found[0].subject == "isolation.yaml:40");
    CHECK(found[0].message == "api-server does not listen on 443/tcp");
    CHECK(found[0].expected == "6443/tcp, 7443/tcp");
  }
}

TEST_CASE("networkpolicy: nodes and host workloads are the node and tunnel ranges") {
  Policy policy = two_pods();
  policy.cluster.node_tunnels = {prefix_of("10.11.0.0/24")};
  policy.inside_ranges.push_back({prefix_of("10.11.0.0/24"), "nodeTunnels", "", "", at_line(8)});
  derive(policy);
  const std::string node_peers = R"(        - ipBlock:
            cidr: 10.10.0.0/24
        - ipBlock:
            cidr: 10.11.0.0/24
      ports:
        - protocol: TCP
          port: 5432
)";
  SECTION("a pod to the nodes") {
    CHECK(rules(with_flow(policy, "web", "nodes", tcp(5432)), "app", "airtight-web") ==
          "  egress:\n    # why (isolation.yaml:40)\n    - to:\n" + node_peers);
  }
  SECTION("the nodes to a pod") {
    CHECK(rules(with_flow(policy, "nodes", "web", tcp(5432)), "app", "airtight-web") ==
          "  ingress:\n    # why (isolation.yaml:40)\n    - from:\n" + node_peers);
  }
  SECTION("a host workload as the destination: the pod's half only") {
    policy.workloads[0].host = true;
    policy = with_flow(policy, "web", "db", tcp(5432));
    CHECK(rules(policy, "app", "airtight-web") ==
          "  egress:\n    # why (isolation.yaml:40)\n"
          "    #   db uses the host's network: at this layer it is the nodes, its own half is the firewall's\n    - "
          "to:\n" +
              node_peers);
    CHECK(rules(policy, "data", "airtight-db") == "no object");
    CHECK(rules(policy, "data", "airtight-default-deny").empty());
    CHECK(count(file(policy, "data"),
                "# db uses the host's network, where no NetworkPolicy holds it: its half of every flow "
                "is the firewall's (isolation.yaml:12)\n") == 1);
  }
  SECTION("a host workload as the source") {
    policy.workloads[0].host = true;
    policy = with_flow(policy, "db", "web", tcp(5432));
    policy.flows.back().source_nat_nodes = true;
    CHECK(rules(policy, "app", "airtight-web") ==
          "  ingress:\n    # why (isolation.yaml:40)\n"
          "    #   db uses the host's network: at this layer it is the nodes\n    - from:\n" +
              node_peers);
  }
}

TEST_CASE("networkpolicy: clients come from their addresses, or from the nodes where those translate") {
  Policy policy = tiny_policy();
  policy.flows.clear();
  policy.endpoints[0].role = Role::Client;
  policy.endpoints[0].ports = {};
  policy = with_flow(policy, "vllm", "web", tcp(443));
  CHECK(rules(policy, "app", "airtight-web") ==
        "  ingress:\n    # why (isolation.yaml:40)\n    - from:\n        - ipBlock:\n            cidr: 10.20.0.10/32\n"
        "      ports:\n        - protocol: TCP\n          port: 443\n");
  policy.flows[0].source_nat_nodes = true;
  CHECK(rules(policy, "app", "airtight-web") ==
        "  ingress:\n    # why (isolation.yaml:40)\n    #   source NAT: a node is seen in place of vllm\n    - from:\n"
        "        - ipBlock:\n            cidr: 10.10.0.0/24\n      ports:\n        - protocol: TCP\n          port: "
        "443\n");
}

TEST_CASE("networkpolicy: DNS goes to the cluster's pods and the node-local cache, never to the world") {
  Policy policy = sample_policy();
  policy.cluster.dns->node_local = {ip_of("169.254.20.10"), ip_of("fd00:99::10")};
  policy.inside_ranges.push_back({prefix_of("169.254.20.10/32"), "dns.nodeLocal", "", "", at_line(13)});
  policy.inside_ranges.push_back({prefix_of("fd00:99::10/128"), "dns.nodeLocal", "", "", at_line(13)});
  policy.flows.clear();
  policy.exceptions.clear();
  derive(policy);
  CHECK(rules(policy, "xpander", "airtight-workers") == R"(  egress:
    # implied: every workload may ask cluster-dns (isolation.yaml:20)
    #   by pod: a policy sees the address behind the Service, not the Service's own
    - to:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: kube-system
          podSelector:
            matchLabels:
              k8s-app: kube-dns
        - ipBlock:
            cidr: 169.254.20.10/32
        - ipBlock:
            cidr: "fd00:99::10/128"
      ports:
        - protocol: TCP
          port: 53
        - protocol: UDP
          port: 53
)");
  CHECK(file(policy, "xpander").find("10.43.0.10") == std::string::npos);
  CHECK(file(policy, "kube-system").empty());
}

TEST_CASE("networkpolicy: the DNS namespace gets its halves once it gets default deny") {
  Policy policy = sample_policy();
  policy.default_deny_namespaces.emplace_back("kube-system");
  derive(policy);
  CHECK(problems(policy).empty());
  CHECK(rules(policy, "kube-system", "airtight-cluster-dns") == R"(  ingress:
    # implied: every workload may ask cluster-dns (isolation.yaml:19)
    - from:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: xpander
          podSelector:
            matchLabels:
              app.kubernetes.io/name: xpander-ai-gateway
      ports:
        - protocol: TCP
          port: 53
        - protocol: UDP
          port: 53
    # implied: every workload may ask cluster-dns (isolation.yaml:21)
    #   ingress uses the host's network: at this layer it is the nodes
    - from:
        - ipBlock:
            cidr: 10.10.0.0/24
        - ipBlock:
            cidr: "fd00:10::/64"
      ports:
        - protocol: TCP
          port: 53
        - protocol: UDP
          port: 53
    # implied: every workload may ask cluster-dns (isolation.yaml:20)
    - from:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: xpander
          podSelector:
            matchLabels:
              app.kubernetes.io/name: xpander-agent-worker
      ports:
        - protocol: TCP
          port: 53
        - protocol: UDP
          port: 53
  egress:
    # inside zones are forwarded (isolation.yaml:31)
    - to:
        - ipBlock:
            cidr: 10.20.0.53/32
      ports:
        - protocol: TCP
          port: 53
        - protocol: UDP
          port: 53
)");
}

}  // namespace
}  // namespace airtight
