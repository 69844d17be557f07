#include "tests/verify/kubernetes/random_cluster.h"

#include <limits>
#include <string>
#include <utility>

namespace airtight::verify::oracle {
namespace {

using Api = PolicyObject::Api;
using Op = Selector::Op;

const std::vector<std::string>& namespace_names() {
  static const std::vector<std::string> names{"a", "b", "c"};
  return names;
}

}  // namespace

Ip RandomCluster::address() {
  const auto last = static_cast<unsigned>(below(256));
  return one_in(2) ? v4(last) : v6(last);
}

// A prefix of the world, or all of a family.
IpSet RandomCluster::range() {
  if (one_in(10)) return one_in(2) ? IpSet::all_v4() : IpSet::all_v6();
  const Ip ip = address();
  const int short_of_all = static_cast<int>(below(8));
  IpSet set = IpSet::of(Prefix::containing(ip, width(ip.family()) - short_of_all));
  if (one_in(4)) set -= IpSet::of(address());
  return set;
}

IpSet RandomCluster::pod_ranges() {
  return one_in(2) ? IpSet() : IpSet::range(v4(64), v4(127)) | IpSet::range(v6(64), v6(127));
}

IpSet RandomCluster::node_ranges() {
  return one_in(2) ? IpSet() : IpSet::range(v4(16), v4(31)) | IpSet::range(v6(16), v6(31));
}

Selector RandomCluster::leaf(const std::vector<std::string>& keys) {
  static const std::vector<Op> ops{Op::In,        Op::In,         Op::In,       Op::NotIn,   Op::Exists,
                                   Op::NotExists, Op::StartsWith, Op::EndsWith, Op::Contains};
  const Op op = pick(ops);
  std::vector<std::string> values;
  if (op == Op::In || op == Op::NotIn) {
    for (const char* const value : {"web", "db", "x"})
      if (one_in(2)) values.emplace_back(value);
  } else if (op != Op::Exists && op != Op::NotExists) {
    values.push_back(pick(std::vector<std::string>{"w", "b", "e"}));
  }
  return Selector::of(op, pick(keys), values);
}

Selector RandomCluster::selector(const std::vector<std::string>& keys) {
  switch (below(12)) {
    case 0:
      return Selector::both(leaf(keys), leaf(keys));
    case 1:
      return {Op::Or, {}, {}, {leaf(keys), leaf(keys)}};
    case 2:
      return {Op::Not, {}, {}, {leaf(keys)}};
    case 3:
      return one_in(3) ? Selector::not_understood() : Selector::none();
    case 4:
    case 5:
    case 6:
      return leaf(keys);
    default:
      return Selector::all();
  }
}

KnownLabels RandomCluster::labels() {
  KnownLabels known;
  for (const char* const key : {"app", "tier"})
    if (!one_in(3)) known.labels[key] = pick(std::vector<std::string>{"web", "db", "other"});
  known.complete = !one_in(5);
  return known;
}

Workload RandomCluster::workload(std::size_t number) {
  Workload w;
  w.ref = {"Pod", pick(namespace_names()), "w" + std::to_string(number), {}};
  w.labels = labels();
  w.host_network = one_in(6);
  w.symbolic = one_in(6);
  if (one_in(2)) w.service_account = one_in(2) ? "web" : "db";
  if (one_in(2)) w.ports.push_back({"http", Protocol::Tcp, one_in(2) ? std::uint16_t{80} : std::uint16_t{81}, 0, {}});
  if (one_in(3)) w.ports.push_back({"dns", Protocol::Udp, 53, 0, {}});
  if (one_in(4)) w.ports.push_back({"dns", Protocol::Tcp, 53, 0, {}});
  if (!one_in(3)) w.addresses.push_back(v4(static_cast<unsigned>(64 + below(64))));
  if (!w.addresses.empty() && one_in(3)) w.addresses.push_back(v6(static_cast<unsigned>(64 + below(64))));
  return w;
}

RulePeer RandomCluster::peer() {
  RulePeer p;
  static const std::vector<RulePeer::Kind> kinds{
      RulePeer::Kind::Pods,       RulePeer::Kind::Pods,      RulePeer::Kind::Pods,
      RulePeer::Kind::Addresses,  RulePeer::Kind::Addresses, RulePeer::Kind::Addresses,
      RulePeer::Kind::Everything, RulePeer::Kind::Nodes,     RulePeer::Kind::NotUnderstood};
  p.kind = pick(kinds);
  if (p.kind == RulePeer::Kind::Addresses) {
    p.addresses = range();
    static const std::vector<RulePeer::MatchPods> means{RulePeer::MatchPods::Never, RulePeer::MatchPods::ByAddress,
                                                        RulePeer::MatchPods::Undefined};
    p.addresses_match_pods = pick(means);
  }
  if (p.kind == RulePeer::Kind::Pods) {
    p.namespaces =
        one_in(2) ? Selector::in("kubernetes.io/metadata.name", {pick(namespace_names())}) : selector({"team"});
    if (one_in(6)) p.service_accounts = leaf({"name"});
  }
  if (p.kind == RulePeer::Kind::Pods) p.pods = selector({"app", "tier"});
  if (p.kind == RulePeer::Kind::Nodes && one_in(2)) (one_in(3) ? p.pods : p.nodes) = leaf({"role"});
  return p;
}

ServiceSet RandomCluster::services() {
  switch (below(6)) {
    case 0:
      return ServiceSet::of(Protocol::Tcp, PortSet::of(80));
    case 1:
      return ServiceSet::of(Protocol::Tcp, PortSet::of(80, 90)) | ServiceSet::of(Protocol::Udp, PortSet::of(53));
    case 2:
      return ServiceSet::protocol(Protocol::Udp);
    default:
      return ServiceSet::all();
  }
}

PolicyRule RandomCluster::rule(Api api) {
  PolicyRule r;
  static const std::vector<Action> tiered{Action::Allow, Action::Deny, Action::Pass};
  static const std::vector<Action> calico{Action::Allow, Action::Deny, Action::Pass, Action::Log};
  static const std::vector<Action> cilium{Action::Allow, Action::Allow, Action::Deny};
  if (api == Api::Calico) {
    r.action = pick(calico);
  } else if (api == Api::Cilium) {
    r.action = pick(cilium);
  } else if (api != Api::NetworkPolicy) {
    r.action = pick(tiered);
  }
  for (std::size_t n = 1 + below(2); n > 0; --n) r.peers.push_back(peer());
  r.services = services();
  if (one_in(4)) {
    r.services = one_in(2) ? ServiceSet() : ServiceSet::of(Protocol::Tcp, PortSet::of(443));
    NamedPort named{std::nullopt, one_in(2) ? "http" : "dns"};
    if (one_in(2)) named.protocol = one_in(2) ? Protocol::Tcp : Protocol::Udp;
    r.named_ports.push_back(named);
  }
  if (one_in(15)) r.source_ports = PortSet::of(1, 1024);
  r.understood = !one_in(15);
  r.text = "rule";
  return r;
}

PolicyObject RandomCluster::policy(Api api, std::size_t number) {
  PolicyObject p;
  p.api = api;
  p.ref = {"Policy", "", "p" + std::to_string(number), {}};
  const bool can_be_global = api == Api::Cilium || api == Api::Calico;
  if (api == Api::NetworkPolicy || (can_be_global && one_in(2))) p.ref.ns = pick(namespace_names());
  p.tier = "default";
  if (api == Api::AdminNetworkPolicy) p.tier = "admin";
  if (api == Api::BaselineAdminNetworkPolicy) p.tier = "baseline";
  if (api == Api::ClusterNetworkPolicy) p.tier = one_in(2) ? "admin" : "baseline";
  if (api == Api::Calico) p.tier = pick(std::vector<std::string>{"default", "default", "security", "unknown"});
  p.order = static_cast<double>(below(3));
  if (api == Api::Calico && one_in(3)) p.order = one_in(2) ? std::numeric_limits<double>::infinity() : 1000;
  if (p.ref.ns.empty()) p.namespaces = selector({"team"});
  p.pods = selector({"app", "tier"});
  if (api == Api::Calico && one_in(5)) p.service_accounts = leaf({"name"});
  p.selects_pods = !one_in(15);
  p.selects_host = !p.selects_pods;
  p.isolates_ingress = one_in(2);
  p.isolates_egress = one_in(2);
  if (api == Api::Calico) {
    p.ingress_applies = !one_in(3);
    p.egress_applies = !one_in(3);
  }
  for (std::size_t n = below(3); n > 0; --n) p.ingress.push_back(rule(api));
  for (std::size_t n = below(4); n > 0; --n) p.egress.push_back(rule(api));
  p.refused = one_in(20);
  p.doubtful = one_in(12);
  return p;
}

Cluster RandomCluster::cluster() {
  Cluster c;
  for (const std::string& name : namespace_names()) {
    if (one_in(4)) continue;  // not in the input
    Namespace ns;
    ns.name = name;
    ns.labels.labels["kubernetes.io/metadata.name"] = name;
    if (!one_in(3)) ns.labels.labels["team"] = pick(std::vector<std::string>{"web", "db"});
    ns.labels.complete = !one_in(3);
    c.namespaces.push_back(std::move(ns));
  }
  for (std::size_t i = 0, n = 2 + below(5); i < n; ++i) c.workloads.push_back(workload(i));
  std::vector<Api> apis{Api::NetworkPolicy, Api::AdminNetworkPolicy, Api::BaselineAdminNetworkPolicy,
                        Api::ClusterNetworkPolicy};
  const std::size_t plugin = below(13);
  if (plugin % 3 == 1 || plugin == 12) apis.insert(apis.end(), 2, Api::Cilium);
  if (plugin % 3 == 2 || plugin == 12) apis.insert(apis.end(), 3, Api::Calico);
  if (one_in(2)) apis.insert(apis.end(), 3, Api::NetworkPolicy);
  for (std::size_t i = 0, n = below(7); i < n; ++i) c.policies.push_back(policy(pick(apis), i));
  if (one_in(2)) c.tiers.push_back({"security", static_cast<double>(below(3)) * 1'000'000, !one_in(3), {}});
  if (one_in(6)) c.tiers.push_back({"default", 500, !one_in(3), {}});
  return c;
}

Packet RandomCluster::packet(const Cluster& cluster) {
  Packet p;
  p.subject = below(cluster.workloads.size());
  p.direction = one_in(2) ? Direction::Ingress : Direction::Egress;
  if (one_in(2)) p.peer = below(cluster.workloads.size());
  p.address = one_in(12) ? Ip::v4(0x09090909) : address();
  static const std::vector<Protocol> protocols{Protocol::Tcp, Protocol::Tcp,  Protocol::Tcp,
                                               Protocol::Udp, Protocol::Sctp, Protocol::Icmp};
  p.protocol = pick(protocols);
  p.port = pick(std::vector<std::uint16_t>{80, 81, 53, 443, 90, 0, 65535});
  return p;
}

}  // namespace airtight::verify::oracle
