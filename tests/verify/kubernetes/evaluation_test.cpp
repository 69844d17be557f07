#include "compiler/verify/kubernetes/evaluation.h"

#include <catch2/catch.hpp>
#include <limits>
#include <utility>

namespace airtight::verify {
namespace {

using Api = PolicyObject::Api;
using Kind = RulePeer::Kind;
using MatchPods = RulePeer::MatchPods;
using verify::Cluster;
using verify::Workload;

const Ip kInside = *Ip::parse("10.9.9.9");
const Ip kOutside = *Ip::parse("203.0.113.7");

IpSet range(const char* cidr) { return IpSet::of(*Prefix::parse(cidr)); }
ServiceSet tcp(std::uint16_t port) { return ServiceSet::of(Protocol::Tcp, PortSet::of(port)); }

Workload pod(const std::string& ns, const std::string& name, Labels labels) {
  Workload w;
  w.ref = {"Pod", ns, name, {}};
  w.labels.labels = std::move(labels);
  return w;
}

RulePeer everything() { return {}; }
RulePeer addresses(const char* cidr, MatchPods means = MatchPods::Undefined) {
  RulePeer peer;
  peer.kind = Kind::Addresses;
  peer.addresses = range(cidr);
  peer.addresses_match_pods = means;
  return peer;
}
RulePeer pods(const std::string& ns, const Labels& labels) {
  RulePeer peer;
  peer.kind = Kind::Pods;
  peer.namespaces = Selector::in("kubernetes.io/metadata.name", {ns});
  peer.pods = Selector::equal_to(labels);
  return peer;
}
RulePeer nodes() {
  RulePeer peer;
  peer.kind = Kind::Nodes;
  return peer;
}
RulePeer not_understood() {
  RulePeer peer;
  peer.kind = Kind::NotUnderstood;
  return peer;
}

PolicyRule rule(Action action, std::vector<RulePeer> peers, const ServiceSet& services = ServiceSet::all()) {
  PolicyRule r;
  r.action = action;
  r.peers = std::move(peers);
  r.services = services;
  r.text = "egress rule 1";
  return r;
}
PolicyRule allow(RulePeer peer, const ServiceSet& services = ServiceSet::all()) {
  return rule(Action::Allow, {std::move(peer)}, services);
}
PolicyRule deny(RulePeer peer) { return rule(Action::Deny, {std::move(peer)}); }
PolicyRule pass(RulePeer peer) { return rule(Action::Pass, {std::move(peer)}); }

PolicyObject policy(Api api, const std::string& name, const std::string& ns = "") {
  PolicyObject p;
  p.api = api;
  const char* const kinds[] = {"NetworkPolicy",        "AdminNetworkPolicy",  "BaselineAdminNetworkPolicy",
                               "ClusterNetworkPolicy", "CiliumNetworkPolicy", "GlobalNetworkPolicy"};
  p.ref = {kinds[static_cast<std::size_t>(api)], ns, name, {}};
  p.tier = api == Api::AdminNetworkPolicy || api == Api::ClusterNetworkPolicy ? "admin"
           : api == Api::BaselineAdminNetworkPolicy                           ? "baseline"
                                                                              : "default";
  return p;
}
// Isolates egress and lets out what the rules allow.
PolicyObject egress_policy(const std::string& name, std::vector<PolicyRule> rules = {}) {
  PolicyObject p = policy(Api::NetworkPolicy, name, "app");
  p.isolates_egress = true;
  p.egress = std::move(rules);
  return p;
}
PolicyObject admin(const std::string& name, double priority, std::vector<PolicyRule> rules) {
  PolicyObject p = policy(Api::AdminNetworkPolicy, name);
  p.order = priority;
  p.egress = std::move(rules);
  return p;
}
PolicyObject calico(const std::string& name, const std::string& tier, double order, std::vector<PolicyRule> rules) {
  PolicyObject p = policy(Api::Calico, name);
  p.tier = tier;
  p.order = order;
  p.ingress_applies = false;
  p.egress = std::move(rules);
  return p;
}

// Namespace app with the pods web (class 0) and db (class 1).
Cluster cluster(std::vector<PolicyObject> policies) {
  Cluster c;
  c.namespaces.push_back({"app", {{{"kubernetes.io/metadata.name", "app"}, {"team", "blue"}}, true}, true, {}});
  c.workloads = {pod("app", "web", {{"app", "web"}}), pod("app", "db", {{"app", "db"}})};
  c.policies = std::move(policies);
  return c;
}

// "wide/narrow" of one tcp packet to the address from class 0; both ways of asking must agree.
std::string verdict(const Cluster& c, Ip to, std::uint16_t port = 443, Scope scope = Scope::All) {
  const Evaluation evaluation(c, scope, {}, {});
  std::string text;
  for (const Reading reading : {Reading::Wide, Reading::Narrow}) {
    const bool in_set = evaluation.addresses(0, Direction::Egress, reading).contains(to, Protocol::Tcp, port);
    CHECK(evaluation.decide(0, Direction::Egress, to, Protocol::Tcp, port, reading).allowed == in_set);
    text += (text.empty() ? "" : "/") + std::string(in_set ? "allowed" : "denied");
  }
  return text;
}
std::string verdict(std::vector<PolicyObject> policies, Ip to, std::uint16_t port = 443) {
  return verdict(cluster(std::move(policies)), to, port);
}

TEST_CASE("evaluation: a pod that no policy selects is open, in both directions") {
  PolicyObject other = egress_policy("db-only");
  other.pods = Selector::in("app", {"db"});
  const Cluster c = cluster({other});
  const Evaluation evaluation(c, Scope::All, {}, {});
  CHECK(evaluation.addresses(0, Direction::Egress, Reading::Narrow) == TrafficSet::all());
  CHECK(evaluation.addresses(0, Direction::Ingress, Reading::Narrow) == TrafficSet::all());
  CHECK_FALSE(evaluation.isolated(0, Direction::Egress));
  CHECK(evaluation.isolated(1, Direction::Egress));
  CHECK_FALSE(evaluation.isolated(1, Direction::Ingress));
  const Decision decision = evaluation.decide(0, Direction::Egress, kOutside, Protocol::Tcp, 443, Reading::Wide);
  CHECK(decision.allowed);
  CHECK(decision.certain);
  CHECK(decision.policy == nullptr);
  CHECK(decision.rule == nullptr);
  CHECK(decision.tier.empty());
}

TEST_CASE("evaluation: NetworkPolicies add, and hold one direction each") {
  const Cluster c = cluster({egress_policy("none"), egress_policy("some", {allow(addresses("10.0.0.0/8"), tcp(443))}),
                             egress_policy("more", {allow(addresses("10.0.0.0/8"), tcp(80))})});
  const Evaluation evaluation(c, Scope::All, {}, {});
  const TrafficSet expected = TrafficSet::of(range("10.0.0.0/8"), tcp(443) | tcp(80));
  CHECK(evaluation.addresses(0, Direction::Egress, Reading::Narrow) == expected);
  CHECK(evaluation.addresses(0, Direction::Ingress, Reading::Narrow) == TrafficSet::all());
}

TEST_CASE("evaluation: a rule that names no peer holds everything, the internet and IPv6 included") {
  const Cluster c = cluster({egress_policy("dns", {allow(everything(), tcp(53))})});
  const Evaluation evaluation(c, Scope::All, {}, {});
  CHECK(evaluation.addresses(0, Direction::Egress, Reading::Narrow) == TrafficSet::of(IpSet::all(), tcp(53)));
  CHECK(evaluation.pods(0, 1, Direction::Egress, Reading::Narrow) == tcp(53));
}

TEST_CASE("evaluation: every IPv4 address is not every address") {
  const Cluster c = cluster({egress_policy("v4", {allow(addresses("0.0.0.0/0"))})});
  CHECK(verdict(c, kOutside) == "allowed/allowed");
  CHECK(verdict(c, *Ip::parse("2001:db8::1")) == "denied/denied");
}

TEST_CASE("evaluation: NetworkPolicy promises nothing but TCP, UDP and SCTP") {
  const Cluster c = cluster({egress_policy("none")});
  const Evaluation evaluation(c, Scope::All, {}, {});
  const ServiceSet others = ServiceSet::all() - ServiceSet::protocol(Protocol::Tcp) -
                            ServiceSet::protocol(Protocol::Udp) - ServiceSet::protocol(Protocol::Sctp);
  CHECK(evaluation.addresses(0, Direction::Egress, Reading::Wide) == TrafficSet::of(IpSet::all(), others));
  CHECK(evaluation.addresses(0, Direction::Egress, Reading::Narrow).empty());
}

TEST_CASE("evaluation: an ipBlock may or may not mean pods, a pod selector never means an address") {
  Cluster c = cluster({egress_policy("block", {allow(addresses("10.0.0.0/8"))})});
  c.workloads[1].addresses = {kInside};
  {
    const Evaluation evaluation(c, Scope::All, {}, {});
    CHECK(evaluation.pods(0, 1, Direction::Egress, Reading::Wide) == ServiceSet::all());
    CHECK(evaluation.pods(0, 1, Direction::Egress, Reading::Narrow).empty());
  }
  c.workloads[1].addresses = {*Ip::parse("172.16.0.1")};
  {
    const Evaluation evaluation(c, Scope::All, {}, {});
    CHECK_FALSE(evaluation.pods(0, 1, Direction::Egress, Reading::Wide).contains(Protocol::Tcp, 443));
  }
  c.workloads[1].addresses.clear();  // somewhere in the pod range
  {
    const Evaluation known(c, Scope::All, range("172.16.0.0/12"), {});
    CHECK_FALSE(known.pods(0, 1, Direction::Egress, Reading::Wide).contains(Protocol::Tcp, 443));
    const Evaluation unknown(c, Scope::All, {}, {});
    CHECK(unknown.pods(0, 1, Direction::Egress, Reading::Wide) == ServiceSet::all());
  }
  RulePeer by_labels = pods("app", {});
  by_labels.namespaces = Selector::all();
  const Cluster every_pod = cluster({egress_policy("pods", {allow(by_labels)})});
  CHECK(verdict(every_pod, kInside) == "denied/denied");
}

TEST_CASE("evaluation: admin rules that match pods by address count where all of its addresses are inside") {
  Cluster c = cluster({admin("in", 1, {allow(addresses("10.0.0.0/8", MatchPods::ByAddress)), deny(everything())})});
  c.workloads[1].addresses = {kInside};
  CHECK(Evaluation(c, Scope::All, {}, {}).pods(0, 1, Direction::Egress, Reading::Narrow) == ServiceSet::all());
  c.workloads[1].addresses = {kInside, *Ip::parse("fd00::1")};
  const Evaluation partly(c, Scope::All, {}, {});
  CHECK(partly.pods(0, 1, Direction::Egress, Reading::Wide) == ServiceSet::all());
  CHECK(partly.pods(0, 1, Direction::Egress, Reading::Narrow).empty());
}

TEST_CASE("evaluation: a named port is the destination's, by protocol, and toward addresses nothing") {
  PolicyRule named = allow(everything(), {});
  named.named_ports = {{std::nullopt, "http"}};
  PolicyRule named_udp = named;
  named_udp.named_ports = {{Protocol::Udp, "http"}};
  Cluster c = cluster({egress_policy("named", {named})});
  c.workloads[0].ports = {{"http", Protocol::Tcp, 1111, 0, {}}};
  c.workloads[1].ports = {{"http", Protocol::Tcp, 8080, 0, {}}};
  c.workloads.push_back(pod("app", "db2", {{"app", "db"}}));  // as db, but without the port: another class
  const Evaluation evaluation(c, Scope::All, {}, {});
  REQUIRE(evaluation.classes().size() == 3);
  CHECK(evaluation.pods(0, 1, Direction::Egress, Reading::Narrow) == tcp(8080));
  CHECK(evaluation.pods(0, 2, Direction::Egress, Reading::Narrow).empty());
  CHECK(evaluation.addresses(0, Direction::Egress, Reading::Narrow).empty());
  c.policies[0].egress = {named_udp};
  CHECK(Evaluation(c, Scope::All, {}, {}).pods(0, 1, Direction::Egress, Reading::Narrow).empty());
  c.policies[0].isolates_ingress = true;
  c.policies[0].ingress = {named};
  const Evaluation in(c, Scope::All, {}, {});
  CHECK(in.addresses(1, Direction::Ingress, Reading::Narrow) == TrafficSet::of(IpSet::all(), tcp(8080)));
  CHECK(in.addresses(0, Direction::Ingress, Reading::Narrow) == TrafficSet::of(IpSet::all(), tcp(1111)));
}

TEST_CASE("evaluation: what a symbolic pod does not name may be any port") {
  PolicyRule named = allow(everything(), {});
  named.named_ports = {{Protocol::Tcp, "http"}};
  PolicyObject p = policy(Api::NetworkPolicy, "named", "app");
  p.isolates_ingress = true;
  p.ingress = {named};
  Cluster c = cluster({p});
  c.workloads[0].symbolic = true;
  const Evaluation evaluation(c, Scope::All, {}, {});
  CHECK(evaluation.addresses(0, Direction::Ingress, Reading::Wide).services_to(kOutside).ports(Protocol::Tcp).is_all());
  CHECK(evaluation.addresses(0, Direction::Ingress, Reading::Narrow).empty());
}

TEST_CASE("evaluation: a NetworkPolicy is final, so a baseline denial never reaches the pod that it selects") {
  PolicyObject baseline = policy(Api::BaselineAdminNetworkPolicy, "default");
  baseline.egress = {deny(everything())};
  CHECK(verdict({baseline}, kOutside) == "denied/denied");
  CHECK(verdict({baseline, egress_policy("open", {allow(addresses("203.0.113.0/24"))})}, kOutside) ==
        "allowed/allowed");
  PolicyObject ingress_only = policy(Api::NetworkPolicy, "in", "app");
  ingress_only.isolates_ingress = true;
  CHECK(verdict({baseline, ingress_only}, kOutside) == "denied/denied");
}

TEST_CASE("evaluation: the admin tier is asked first, lower numbers first, rules in order; Pass leaves it") {
  const PolicyObject open = egress_policy("open", {allow(everything())});
  CHECK(verdict({open, admin("d", 10, {deny(everything())})}, kOutside) == "denied/denied");
  CHECK(verdict({open, admin("d", 10, {deny(everything())}), admin("a", 5, {allow(everything())})}, kOutside) ==
        "allowed/allowed");
  CHECK(verdict({admin("d", 10, {allow(everything()), deny(everything())})}, kOutside) == "allowed/allowed");
  CHECK(verdict({open, admin("d", 10, {deny(everything())}), admin("p", 5, {pass(everything())})}, kOutside) ==
        "allowed/allowed");
  // An Accept skips the namespaced policies: it opens what they deny.
  CHECK(verdict({egress_policy("none"), admin("a", 10, {allow(everything())})}, kOutside) == "allowed/allowed");
  CHECK(verdict({egress_policy("none"), admin("p", 10, {pass(everything())})}, kOutside) == "denied/denied");
}

TEST_CASE("evaluation: equal priorities are judged in the worst order, and told") {
  Cluster c = cluster({admin("a", 10, {allow(addresses("203.0.113.0/24"))}), admin("b", 10, {deny(everything())}),
                       admin("c", 10, {deny(addresses("198.51.100.0/24"))}), admin("d", 20, {allow(everything())})});
  CHECK(verdict(c, kOutside) == "allowed/denied");
  CHECK(verdict(c, kInside) == "denied/denied");
  const Evaluation evaluation(c, Scope::All, {}, {});
  const std::vector<Evaluation::Tie> ties = evaluation.ties();
  REQUIRE(ties.size() == 2);
  CHECK(ties[0].a->ref.name == "a");
  CHECK(ties[0].b->ref.name == "b");
  CHECK(ties[1].a->ref.name == "a");
  CHECK(ties[1].b->ref.name == "c");
}

TEST_CASE("evaluation: a Cilium denial beats every allow, and egressDeny alone isolates") {
  PolicyObject denial = policy(Api::Cilium, "deny");
  denial.isolates_egress = true;
  denial.egress = {deny(addresses("203.0.113.0/24", MatchPods::Never))};
  const PolicyObject open = egress_policy("open", {allow(everything())});
  CHECK(verdict({denial, open}, kOutside) == "denied/denied");
  CHECK(verdict({denial, open}, kInside) == "allowed/allowed");
  CHECK(verdict({denial}, kInside) == "denied/denied");
  denial.isolates_egress = false;  // enableDefaultDeny: false
  CHECK(verdict({denial}, kInside) == "allowed/allowed");
}

TEST_CASE("evaluation: a Cilium CIDR means outside the cluster, so it holds no pod") {
  PolicyObject p = policy(Api::Cilium, "cidr");
  p.isolates_egress = true;
  p.egress = {allow(addresses("10.0.0.0/8", MatchPods::Never))};
  Cluster c = cluster({p});
  c.workloads[1].addresses = {kInside};
  const Evaluation evaluation(c, Scope::All, {}, {});
  CHECK(evaluation.pods(0, 1, Direction::Egress, Reading::Wide).empty());
  CHECK(verdict(c, kInside) == "allowed/allowed");
}

TEST_CASE("evaluation: Calico tiers by order, policies by order, Log goes on, the tier's end denies") {
  const auto in_security = [](double order, std::vector<PolicyRule> rules) {
    return calico("p" + std::to_string(static_cast<int>(order)), "security", order, std::move(rules));
  };
  const auto asked = [](std::vector<PolicyObject> policies, bool default_deny = true) {
    Cluster c = cluster(std::move(policies));
    c.tiers = {{"security", 100, default_deny, {}}};
    return verdict(c, kOutside);
  };
  const PolicyRule log = rule(Action::Log, {everything()});
  const PolicyObject open = egress_policy("open", {allow(everything())});
  CHECK(asked({in_security(1, {log, allow(everything())}), in_security(2, {deny(everything())})}) == "allowed/allowed");
  CHECK(asked({in_security(2, {allow(everything())}), in_security(1, {deny(everything())})}) == "denied/denied");
  CHECK(asked({in_security(1, {log}), open}) == "denied/denied");
  CHECK(asked({in_security(1, {log}), open}, false) == "allowed/allowed");
  CHECK(asked({in_security(1, {pass(everything())}), open}) == "allowed/allowed");
  // No order is last; NetworkPolicies stand at 1000 of the tier default.
  const double last = std::numeric_limits<double>::infinity();
  CHECK(asked({calico("late", "default", last, {deny(everything())}), open}) == "allowed/allowed");
  CHECK(asked({calico("early", "default", 10, {deny(everything())}), open}) == "denied/denied");
}

TEST_CASE("evaluation: Calico ties go by name within a kind, and are not defined between kinds") {
  PolicyObject a = calico("a", "default", 10, {deny(everything())});
  PolicyObject b = calico("default.b", "default", 10, {allow(everything())});
  CHECK(verdict({b, a}, kOutside) == "denied/denied");
  b.ref.name = "default.Z";
  CHECK(verdict({b, a}, kOutside) == "allowed/allowed");
  b.ref.ns = "app";
  CHECK(verdict({b, a}, kOutside) == "allowed/denied");
}

TEST_CASE("evaluation: a Calico tier that is not in the input may stand anywhere") {
  const PolicyObject open = egress_policy("open", {allow(everything())});
  CHECK(verdict({calico("d", "nowhere", 1, {deny(everything())}), open}, kOutside) == "allowed/denied");
  CHECK(verdict({calico("a", "nowhere", 1, {allow(everything())}), egress_policy("none")}, kOutside) ==
        "allowed/denied");
}

TEST_CASE("evaluation: of two plugins either may be the one that runs") {
  PolicyObject cilium = policy(Api::Cilium, "deny");
  cilium.egress = {deny(everything())};
  const Cluster c = cluster({cilium, calico("a", "default", 1, {allow(everything())})});
  CHECK(verdict(c, kOutside) == "allowed/denied");
  CHECK(Evaluation(c, Scope::All, {}, {}).mixed_apis());
  CHECK_FALSE(Evaluation(cluster({}), Scope::All, {}, {}).mixed_apis());
}

TEST_CASE("evaluation: what is refused is absent, what is doubtful is the wider of absent and applied") {
  PolicyObject none = egress_policy("none");
  none.doubtful = true;
  CHECK(verdict({none}, kOutside) == "allowed/denied");
  PolicyObject some = egress_policy("some", {allow(addresses("203.0.113.0/24"))});
  some.doubtful = true;
  CHECK(verdict({some, egress_policy("none")}, kOutside) == "allowed/denied");
  CHECK(verdict({some, egress_policy("none")}, kInside) == "denied/denied");
  PolicyObject denial = admin("d", 1, {deny(everything())});
  denial.doubtful = true;
  CHECK(verdict({denial}, kOutside) == "allowed/denied");
  denial.refused = true;
  CHECK(verdict({denial}, kOutside) == "allowed/allowed");
}

TEST_CASE("evaluation: what is not understood lets through all that it might, and denies nothing") {
  CHECK(verdict({egress_policy("p", {allow(not_understood())})}, kOutside) == "allowed/denied");
  CHECK(verdict({admin("p", 1, {deny(not_understood())})}, kOutside) == "allowed/denied");
  PolicyRule odd = deny(everything());
  odd.understood = false;
  CHECK(verdict({admin("p", 1, {odd})}, kOutside) == "allowed/denied");
  odd.understood = true;
  odd.source_ports = PortSet::of(53);
  CHECK(verdict({admin("p", 1, {odd})}, kOutside) == "allowed/denied");
  PolicyObject subject = egress_policy("subject");
  subject.pods = Selector::not_understood();
  CHECK(verdict({subject}, kOutside) == "allowed/denied");
}

TEST_CASE("evaluation: labels of a namespace that is not in the input are not known, but for its name") {
  PolicyObject p = admin("blue", 1, {deny(everything())});
  p.namespaces = Selector::in("team", {"blue"});
  Cluster c = cluster({p});
  CHECK(verdict(c, kOutside) == "denied/denied");
  c.namespaces.clear();
  CHECK(verdict(c, kOutside) == "allowed/denied");
  c.policies[0].namespaces = Selector::in("kubernetes.io/metadata.name", {"app"});
  CHECK(verdict(c, kOutside) == "denied/denied");
}

TEST_CASE("evaluation: pods on the node's network are held by nothing and are addresses to others") {
  Cluster c = cluster({egress_policy("some", {allow(addresses("10.1.0.0/16"), tcp(80)), allow(pods("app", {}))})});
  c.workloads[1].host_network = true;
  const Evaluation unknown(c, Scope::All, {}, {});
  CHECK(unknown.addresses(1, Direction::Egress, Reading::Narrow) == TrafficSet::all());
  CHECK(unknown.pods(1, 0, Direction::Egress, Reading::Narrow) == ServiceSet::all());
  CHECK(unknown.pods(0, 1, Direction::Egress, Reading::Wide).ports(Protocol::Tcp) == PortSet::of(80));
  CHECK(unknown.pods(0, 1, Direction::Egress, Reading::Narrow).empty());
  const Evaluation known(c, Scope::All, {}, range("10.1.2.0/24"));
  CHECK(known.pods(0, 1, Direction::Egress, Reading::Narrow) == tcp(80));
  c.policies[0].egress = {allow(nodes(), tcp(10250))};
  CHECK(Evaluation(c, Scope::All, {}, range("10.1.2.0/24")).addresses(0, Direction::Egress, Reading::Narrow) ==
        TrafficSet::of(range("10.1.2.0/24"), tcp(10250)));
  CHECK(verdict(c, kInside, 10250) == "allowed/denied");  // which addresses nodes have is not known there
}

TEST_CASE("evaluation: which nodes have which labels is not known") {
  RulePeer some = nodes();
  some.nodes = Selector::in("role", {"edge"});
  const Cluster c = cluster({egress_policy("nodes", {allow(some)})});
  const Evaluation evaluation(c, Scope::All, {}, range("10.1.2.0/24"));
  CHECK(evaluation.addresses(0, Direction::Egress, Reading::Wide).services_to(*Ip::parse("10.1.2.1")) ==
        ServiceSet::all());
  CHECK(evaluation.addresses(0, Direction::Egress, Reading::Narrow).empty());
}

TEST_CASE("evaluation: two ranges of nodes may be two rules") {
  Cluster c = cluster({egress_policy("nodes", {allow(addresses("10.1.0.0/25")), allow(addresses("10.1.0.128/25"))})});
  c.workloads[1].host_network = true;
  CHECK(Evaluation(c, Scope::All, {}, range("10.1.0.0/24")).pods(0, 1, Direction::Egress, Reading::Narrow) ==
        ServiceSet::all());
}

TEST_CASE("evaluation: a policy of hosts may hold pods on the node's network") {
  PolicyObject host = policy(Api::Cilium, "host");
  host.selects_pods = false;
  host.selects_host = true;
  Cluster c = cluster({host});
  c.workloads[0].host_network = true;
  const Evaluation evaluation(c, Scope::All, {}, {});
  CHECK(evaluation.addresses(0, Direction::Egress, Reading::Wide) == TrafficSet::all());
  CHECK(evaluation.addresses(0, Direction::Egress, Reading::Narrow).empty());
}

TEST_CASE("evaluation: a connection takes both ends") {
  PolicyObject in = policy(Api::NetworkPolicy, "in", "app");
  in.pods = Selector::in("app", {"db"});
  in.isolates_ingress = true;
  in.ingress = {allow(pods("app", {{"app", "web"}}), tcp(5432) | tcp(80))};
  PolicyObject out = egress_policy("out", {allow(pods("app", {{"app", "db"}}), tcp(5432) | tcp(443))});
  const Cluster c = cluster({in, out});
  const Evaluation evaluation(c, Scope::All, {}, {});
  CHECK(evaluation.connections(0, 1, Reading::Narrow) == tcp(5432));
  CHECK(evaluation.connections(1, 0, Reading::Narrow).empty());
}

TEST_CASE("evaluation: each layer alone") {
  const PolicyObject open = egress_policy("open", {allow(everything())});
  const Cluster c = cluster({open, admin("d", 1, {deny(everything())})});
  CHECK(verdict(c, kOutside, 443, Scope::Namespaced) == "allowed/allowed");
  CHECK(verdict(c, kOutside, 443, Scope::ClusterScoped) == "denied/denied");
  PolicyObject cilium = policy(Api::Cilium, "x", "app");
  CHECK(in_scope(cilium, Scope::Namespaced));
  cilium.ref.ns.clear();
  CHECK(in_scope(cilium, Scope::ClusterScoped));
  CHECK_FALSE(in_scope(open, Scope::ClusterScoped));
}

TEST_CASE("evaluation: a policy holds pods of its own namespace only") {
  Cluster c = cluster({egress_policy("none")});
  c.workloads.push_back(pod("other", "web", {{"app", "web"}}));
  const Evaluation evaluation(c, Scope::All, {}, {});
  CHECK(evaluation.isolated(evaluation.class_of(0), Direction::Egress));
  CHECK_FALSE(evaluation.isolated(evaluation.class_of(2), Direction::Egress));
}

TEST_CASE("evaluation: pods that nothing tells apart are one class") {
  Cluster c = cluster({egress_policy("block", {allow(addresses("10.1.0.0/16"))})});
  c.workloads = {pod("app", "a", {}), pod("app", "b", {}), pod("app", "c", {}), pod("app", "d", {})};
  c.workloads[0].addresses = {*Ip::parse("10.2.0.1")};
  c.workloads[1].addresses = {*Ip::parse("10.2.0.2")};
  c.workloads[2].addresses = {*Ip::parse("10.1.0.3")};
  c.workloads[3].service_account = "admin";  // that no policy asks for
  const Evaluation evaluation(c, Scope::All, {}, {});
  CHECK(evaluation.classes().size() == 3);
  CHECK(evaluation.classes()[0].members == std::vector<std::size_t>{0, 1});
  CHECK(evaluation.class_of(1) == 0);
  CHECK(evaluation.class_of(2) == 1);
  CHECK(evaluation.class_of(3) == 2);
}

TEST_CASE("evaluation: a decision names its rule, or what isolates, and what was asked before") {
  PolicyRule second = allow(addresses("203.0.113.0/24"), tcp(443));
  second.text = "egress rule 2";
  const Cluster c = cluster({admin("first", 1, {pass(addresses("203.0.113.0/24"))}),
                             egress_policy("web", {allow(addresses("10.0.0.0/8")), second})});
  const Evaluation evaluation(c, Scope::All, {}, {});
  const Decision yes = evaluation.decide(0, Direction::Egress, kOutside, Protocol::Tcp, 443, Reading::Wide);
  CHECK(yes.allowed);
  CHECK(yes.certain);
  CHECK(yes.policy == &c.policies[1]);
  CHECK(yes.rule == &c.policies[1].egress[1]);
  CHECK(yes.tier == "default");
  CHECK(yes.passed == std::vector<std::string>{"AdminNetworkPolicy first, egress rule 1: passes it on to the next tier",
                                               "NetworkPolicy app/web, egress rule 1: does not match"});
  const Decision no = evaluation.decide(0, Direction::Egress, kOutside, Protocol::Tcp, 80, Reading::Wide);
  CHECK_FALSE(no.allowed);
  CHECK(no.policy == &c.policies[1]);
  CHECK(no.rule == nullptr);
  CHECK(no.tier == "default");
}

TEST_CASE("evaluation: a decision names what surely decides, not what only may") {
  PolicyObject doubtful = egress_policy("doubtful");
  doubtful.doubtful = true;
  PolicyObject baseline = policy(Api::BaselineAdminNetworkPolicy, "default");
  baseline.egress = {deny(everything())};
  const Cluster c = cluster({doubtful, baseline});
  const Evaluation evaluation(c, Scope::All, {}, {});
  const Decision decision = evaluation.decide(0, Direction::Egress, kOutside, Protocol::Tcp, 443, Reading::Wide);
  CHECK_FALSE(decision.allowed);
  CHECK(decision.certain);
  CHECK(decision.policy == &c.policies[1]);
  CHECK(decision.rule == &c.policies[1].egress[0]);
}

TEST_CASE("evaluation: what two rules allow is the first one's share") {
  const Cluster c = cluster({egress_policy("a", {allow(addresses("10.0.0.0/8"), tcp(443))}),
                             egress_policy("b", {allow(addresses("10.0.0.0/7"), tcp(443))})});
  const Evaluation evaluation(c, Scope::All, {}, {});
  const TrafficSet traffic = evaluation.addresses(0, Direction::Egress, Reading::Narrow);
  const auto share = [&](Ip to) {
    const Decision decision = evaluation.decide(0, Direction::Egress, to, Protocol::Tcp, 443, Reading::Narrow);
    return evaluation.share(0, Direction::Egress, decision, traffic, Reading::Narrow);
  };
  CHECK(share(kInside) == TrafficSet::of(range("10.0.0.0/8"), tcp(443)));
  CHECK(share(*Ip::parse("11.0.0.1")) == TrafficSet::of(range("11.0.0.0/8"), tcp(443)));
  CHECK(share(kOutside).empty());
}

}  // namespace
}  // namespace airtight::verify
