// Holes that were once proven, and the rules by which layers are taken together.
#include <catch2/catch.hpp>

#include <algorithm>

#include "tests/verify/judge/compiled.h"

namespace airtight::verify {
namespace {

constexpr const char* kMinimal = "policies/minimal.yaml";
constexpr const char* kDual = "policies/dual-stack.yaml";
constexpr const char* kPolicies = "networkpolicy/agents.yaml";
constexpr const char* kFirewall = "nftables/airtight.nft";
constexpr const char* kEgress = "nftables/airtight-egress.nft";

constexpr const char* kProven = "proven\nkubernetes proven\nfirewall proven\ndns proven\n";

bool assumes(const Report& report, const std::string& part) {
  return std::any_of(report.assumptions.begin(), report.assumptions.end(),
                     [&](const std::string& text) { return text.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("what the shipped policies compile to is proven, and nothing is found") {
  for (const char* policy : {kMinimal, kDual, "policies/xpander-airgapped.yaml", "policies/xpander-private-vpc.yaml"}) {
    INFO(policy);
    const Report report = compiled(policy).judged();
    CHECK(told(report) == kProven);
    CHECK(report.exit_code() == 0);
    CHECK(report.unsupported.empty());
    for (const LayerReport& layer : report.layers) {
      CHECK(layer.sealed == Verdict::Proven);
      CHECK(layer.complete == Verdict::Proven);
      CHECK(layer.exact == (layer.layer == Layer::Kubernetes ? std::optional(Verdict::Proven) : std::nullopt));
    }
  }
}

TEST_CASE("each layer alone is judged by itself") {
  CHECK(told(compiled(kMinimal).keep("networkpolicy/").judged()) == "proven\nkubernetes proven\n");
  CHECK(told(compiled(kMinimal).keep("nftables/").judged()) == "proven\nfirewall proven\n");
  CHECK(told(compiled(kMinimal).keep("rpz/").judged()).starts_with("inconclusive\ndns inconclusive\n"));
}

TEST_CASE("layers that the spec names and the input lacks are assumptions") {
  const Report report = compiled(kMinimal).keep("networkpolicy/").judged();
  CHECK(assumes(report, "layer firewall is enforced: the spec names target nftables"));
  CHECK(assumes(report, "nothing but TCP, UDP and SCTP leaves a pod"));
}

TEST_CASE("a widened prefix is a violation of its layer, and the firewall holds it all the same") {
  const Report report = compiled(kMinimal).replace(kPolicies, "10.20.0.10/32", "0.0.0.0/0").judged();
  CHECK(report.verdict == Verdict::Proven);
  CHECK(report.layers[0].verdict == Verdict::Violated);
  CHECK(report.exit_code() == 1);
  const Finding& finding = report.layers[0].findings.front();
  CHECK(finding.destination == "1.0.0.0");
  CHECK(finding.port == 8000);
  CHECK(finding.extent ==
        "all of IPv4 except 10.10.0.0/24, 10.20.0.10/32, 10.20.0.53/32, 10.42.0.0/15 and 1 more range, 8000/tcp");
  CHECK(finding.because.front().object == "NetworkPolicy agents/airtight-agent, egress rule 1");
}

TEST_CASE("a hole in both layers is a hole") {
  const Report report =
      compiled(kMinimal)
          .replace(kPolicies, "10.20.0.10/32", "0.0.0.0/0")
          .replace(kFirewall, "meta nfproto ipv4 ip daddr != @inside_v4 goto outside", "tcp dport 8000 accept")
          .judged();
  CHECK(report.verdict == Verdict::Violated);
  CHECK(report.exit_code() == 1);
}

TEST_CASE("the subject of a policy that lost its label holds pods that the spec does not mean") {
  // Found by a mutation: nothing told the declared pods from the others any more.
  const Report report =
      compiled(kMinimal)
          .replace(kPolicies, "podSelector:\n    matchLabels:\n      app: agent\n", "podSelector: {}\n")
          .judged();
  CHECK(told(report).find("AT-V004 exact proven [every other pod of agents]") != std::string::npos);
  CHECK(report.exit_code() == 1);
}

TEST_CASE("a peer that lost its namespace reaches pods that the spec does not mean") {
  const Report report =
      compiled(kMinimal).replace(kPolicies, "kubernetes.io/metadata.name: kube-system", "{}").judged();
  CHECK(report.layers[0].exact != Verdict::Proven);
}

TEST_CASE("a frame behind a VLAN tag is tested like any other") {
  const Report report = compiled_text(
                            "apiVersion: airtight.dev/v1\nkind: IsolationSpec\nmetadata: {name: tags, owner: tests}\n"
                            "boundary: {mode: airgapped, cluster: {pods: [10.42.0.0/16], services: [10.43.0.0/16], "
                            "nodes: [10.10.0.0/24], "
                            "uplinks: [eth0], l2: [vlan]}}\n"
                            "workloads: {web: {namespace: app, labels: {app: web}, dns: none}}\ntargets: [nftables]\n")
                            .judged();
  CHECK(told(report) == "proven\nfirewall proven\n");
  Compiled open = compiled_text(
      "apiVersion: airtight.dev/v1\nkind: IsolationSpec\nmetadata: {name: tags, owner: tests}\n"
      "boundary: {mode: airgapped, cluster: {pods: [10.42.0.0/16], services: [10.43.0.0/16], nodes: [10.10.0.0/24], "
      "uplinks: [eth0], l2: [vlan]}}\n"
      "workloads: {web: {namespace: app, labels: {app: web}, dns: none}}\ntargets: [nftables]\n");
  open.replace(kEgress, "policy drop;\n", "policy drop;\n    @ll,96,16 0x8100 goto pass_eth0\n");
  CHECK(open.judged().layers[0].verdict == Verdict::Violated);
}

TEST_CASE("a routing header toward an exception leads elsewhere") {
  const Report report =
      compiled_text(
          "apiVersion: airtight.dev/v1\nkind: IsolationSpec\nmetadata: {name: one, owner: tests}\n"
          "boundary: {mode: airgapped, cluster: {pods: [\"fd00:42::/56\"], services: [\"fd00:43::/112\"], nodes: "
          "[\"fd00:10::/64\"], uplinks: [eth0]}}\n"
          "workloads: {web: {namespace: app, labels: {app: web}, dns: none}}\n"
          "exceptions: [{from: web, to: \"2001:db8:1::/64\", ports: [443/tcp], ticket: T-1, approvedBy: ciso, expires: "
          "2027-01-01}]\n"
          "targets: [nftables]\n")
          .replace(kFirewall, "meta nfproto ipv6 exthdr rt exists goto drop_source_route", "meta nfproto ipv6 counter")
          .judged();
  CHECK(report.layers[0].verdict != Verdict::Proven);
}

TEST_CASE("every uplink must let a declared flow") {
  Compiled broken = compiled(kDual);
  const std::string& text = broken.files.at(kEgress);
  const std::size_t chain = text.find("chain uplink_bond0");
  REQUIRE(chain != std::string::npos);
  const std::size_t rule = text.find("@ll,240,32 @inside_v4 goto pass_bond0", chain);
  REQUIRE(rule != std::string::npos);
  broken.files.at(kEgress).replace(rule, std::string("@ll,240,32 @inside_v4 goto pass_bond0").size(),
                                   "@ll,240,32 @inside_v4 drop");
  CHECK(broken.judged().layers[1].complete == Verdict::Violated);
}

TEST_CASE("a limit lets packets out one after the other") {
  const Report report = compiled(kMinimal)
                            .replace(kFirewall, "meta nfproto ipv4 ip daddr != @inside_v4 goto outside",
                                     "limit rate 10/minute accept")
                            .judged();
  CHECK(report.layers[1].verdict == Verdict::Violated);
}

TEST_CASE("an eBPF data plane takes pods past the firewall") {
  Compiled at_hand = compiled(kMinimal).keep("nftables/");
  Policy around = *at_hand.policy;
  around.cluster.dataplane = Dataplane::Ebpf;
  at_hand.policy = std::make_shared<const Policy>(around);
  const Report report = at_hand.judged();
  CHECK(report.verdict == Verdict::Violated);
  CHECK(assumes(report, "relied on for no pod: an eBPF data plane"));
}

TEST_CASE("whoever may come in from outside gets replies, unless the firewall drops them") {
  const char* kOpen =
      "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: open, namespace: agents}\n"
      "spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{}]}\n";
  const char* kWorld =
      "apiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\nmetadata: {name: world}\n"
      "spec: {endpointSelector: {}, ingress: [{fromEntities: [world]}]}\n";
  const Report held = compiled(kMinimal).add("networkpolicy/open.yaml", kOpen).judged();
  CHECK(held.verdict == Verdict::Proven);
  CHECK(held.layers[0].verdict == Verdict::Violated);
  const Report open = compiled(kMinimal).keep("networkpolicy/").add("networkpolicy/world.yaml", kWorld).judged();
  CHECK(open.verdict == Verdict::Violated);
}

}  // namespace airtight::verify
