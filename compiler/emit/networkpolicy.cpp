#include "compiler/emit/networkpolicy.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <compare>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "compiler/emit/kubernetes_yaml.h"

namespace airtight {
namespace {

constexpr KubernetesVersion kNamespaceLabelSince{1, 21};
constexpr KubernetesVersion kEndPortSince{1, 22};
constexpr std::array<Protocol, 3> kPolicyProtocols{Protocol::Tcp, Protocol::Udp, Protocol::Sctp};

enum class Direction { Ingress, Egress };

// Pods by namespace and labels; no labels: all pods of the namespace.
struct Pods {
  std::string ns;
  Labels labels;
  friend auto operator<=>(const Pods&, const Pods&) = default;
};

// The `to` or `from` of one rule: any of the pods, or any of the addresses.
struct Peers {
  std::optional<Pods> pods;
  IpSet addresses;
  bool empty() const { return !pods && addresses.empty(); }
  friend auto operator<=>(const Peers&, const Peers&) = default;
};

struct Rule {
  Peers peers;
  ServiceSet services;  // TCP, UDP and SCTP only
  std::vector<std::string> comments;
};

// In the order of first mention; rules with the same peers and ports become one with the comments of all.
class Rules {
 public:
  void add(Rule rule) {
    const auto [at, is_new] = index_.try_emplace({rule.peers, rule.services}, all_.size());
    if (is_new) {
      all_.push_back(std::move(rule));
      return;
    }
    std::vector<std::string>& comments = all_[at->second].comments;
    for (std::string& comment : rule.comments) {
      if (std::find(comments.begin(), comments.end(), comment) == comments.end())
        comments.push_back(std::move(comment));
    }
  }
  const std::vector<Rule>& all() const { return all_; }

 private:
  std::vector<Rule> all_;
  std::map<std::pair<Peers, ServiceSet>, std::size_t> index_;
};

ServiceSet policy_services(const ServiceSet& services) {
  ServiceSet result;
  for (const Protocol protocol : kPolicyProtocols) result |= ServiceSet::of(protocol, services.ports(protocol));
  return result;
}

bool gets_default_deny(const Policy& policy, const std::string& ns) {
  const std::vector<std::string>& all = policy.default_deny_namespaces;
  return std::binary_search(all.begin(), all.end(), ns);
}

// The pods that stand for a peer at this layer; nullopt for what is known by address only.
std::optional<Pods> pods_of(const Policy& policy, const Peer& peer) {
  if (!policy.is_pod(peer)) return std::nullopt;
  if (const Workload* workload = policy.workload(peer)) return Pods{workload->ns, workload->labels};
  if (!policy.cluster.dns) return std::nullopt;
  return Pods{policy.cluster.dns->ns, policy.cluster.dns->labels};
}

// Whether policies of ours select the peer: rules for other pods would isolate them and open nothing that is closed.
bool is_subject(const Policy& policy, const Peer& peer) {
  const std::optional<Pods> pods = pods_of(policy, peer);
  return pods && gets_default_deny(policy, pods->ns);
}

bool is_host_workload(const Policy& policy, const Peer& peer) {
  const Workload* workload = policy.workload(peer);
  return workload != nullptr && workload->host;
}

// Addresses of what is no pod, as a policy sees it: host workloads are the nodes.
IpSet addresses_of(const Policy& policy, const Peer& peer) {
  switch (peer.kind) {
    case Peer::Kind::Workload:
    case Peer::Kind::Nodes:
      return policy.nodes();
    case Peer::Kind::Endpoint:
      return policy.endpoint(peer)->addresses;
    case Peer::Kind::ApiServer: {
      IpSet result;
      for (const AddressPort& at : policy.cluster.api_server) result |= IpSet::of(at.address);
      return result;
    }
    case Peer::Kind::ClusterDns:
      break;
  }
  return {};
}

ServiceSet tcp_port(std::uint16_t port) { return ServiceSet::of(Protocol::Tcp, PortSet::of(port)); }

ServiceSet api_server_services(const Policy& policy) {
  ServiceSet result;
  for (const AddressPort& at : policy.cluster.api_server) result |= tcp_port(at.port);
  return result;
}

std::string comment_of(const Policy& policy, const Flow& flow) {
  std::string text = flow.implied ? "implied: every workload may ask cluster-dns" : flow.why;
  if (text.empty()) text = std::string(policy.name_of(flow.from)) + " to " + std::string(policy.name_of(flow.to));
  text = comment_text(text);
  if (flow.origin.line != 0) text += " (" + to_string(flow.origin) + ")";
  return text;
}

std::string comment_of(const Exception& exception) {
  std::string text = comment_text("exception " + exception.ticket + ", approved by " + exception.approved_by +
                                  ", expires " + to_string(exception.expires));
  if (exception.origin.line != 0) text += " (" + to_string(exception.origin) + ")";
  return text;
}

// Why the peers of a rule are not what the flow names, where they are not.
void explain_peers(const Policy& policy, const Flow& flow, Direction direction, Rule& rule) {
  const Peer& peer = direction == Direction::Egress ? flow.to : flow.from;
  const std::string name(policy.name_of(peer));
  if (direction == Direction::Egress && is_host_workload(policy, peer)) {
    rule.comments.push_back("  " + name +
                            " uses the host's network: at this layer it is the nodes, its own half is the firewall's");
  } else if (direction == Direction::Egress && rule.peers.pods && peer.kind == Peer::Kind::ClusterDns &&
             !policy.cluster.dns->service.empty()) {
    rule.comments.push_back("  by pod: a policy sees the address behind the Service, not the Service's own");
  } else if (direction == Direction::Ingress && is_host_workload(policy, peer)) {
    rule.comments.push_back("  " + name + " uses the host's network: at this layer it is the nodes");
  } else if (direction == Direction::Ingress && flow.source_nat_nodes && peer.kind != Peer::Kind::Nodes) {
    rule.comments.push_back("  source NAT: a node is seen in place of " + name);
  }
}

// The rules that one half of a flow needs. Empty if it says nothing about TCP, UDP or SCTP; a rule with empty peers if
// the policy has no address for the other side.
std::vector<Rule> half_of(const Policy& policy, const Flow& flow, Direction direction) {
  const ServiceSet services = policy_services(flow.services);
  if (services.empty()) return {};
  const Peer& peer = direction == Direction::Egress ? flow.to : flow.from;
  std::vector<Rule> result;
  const auto add = [&](Peers peers, const ServiceSet& on) {
    result.push_back({std::move(peers), on, {comment_of(policy, flow)}});
    explain_peers(policy, flow, direction, result.back());
  };

  if (direction == Direction::Ingress && flow.source_nat_nodes) {
    add({std::nullopt, policy.nodes()}, services);
  } else if (std::optional<Pods> pods = pods_of(policy, peer)) {
    Peers peers{std::move(pods), {}};
    if (direction == Direction::Egress && peer.kind == Peer::Kind::ClusterDns) {
      for (const Ip ip : policy.cluster.dns->node_local) peers.addresses |= IpSet::of(ip);
    }
    add(std::move(peers), services);
  } else if (direction == Direction::Egress && peer.kind == Peer::Kind::ApiServer) {
    std::map<std::uint16_t, IpSet> by_port;
    for (const AddressPort& at : policy.cluster.api_server) {
      if (services.contains(Protocol::Tcp, at.port)) by_port[at.port] |= IpSet::of(at.address);
    }
    for (auto& [port, addresses] : by_port) add({std::nullopt, std::move(addresses)}, tcp_port(port));
  } else {
    add({std::nullopt, addresses_of(policy, peer)}, services);
  }
  return result;
}

bool covers_a_family(const IpSet& addresses) { return addresses.v4().is_all() || addresses.v6().is_all(); }

PortSet nameable_ports(const PortSet& ports) { return ports - PortSet::of(0); }
bool is_whole_protocol(const PortSet& ports) { return nameable_ports(ports) == PortSet::of(1, PortSet::kMax); }

bool needs_end_port(const ServiceSet& services) {
  return std::any_of(kPolicyProtocols.begin(), kPolicyProtocols.end(), [&](Protocol protocol) {
    const PortSet ports = nameable_ports(services.ports(protocol));
    const auto is_range = [](const Interval<std::uint16_t>& interval) { return interval.first != interval.last; };
    return !is_whole_protocol(ports) && std::any_of(ports.intervals().begin(), ports.intervals().end(), is_range);
  });
}

Diagnostic& error_at(Diagnostics& diagnostics, Code code, const Origin& origin, std::string message) {
  if (origin.span.known()) return diagnostics.error(code, origin.span, std::move(message));
  return diagnostics.error(code, to_string(origin), std::move(message));
}

void check_services(const Policy& policy, const ServiceSet& services, const Origin& origin, Diagnostics& diagnostics) {
  const ServiceSet held_elsewhere = services - policy_services(services);
  if (!held_elsewhere.empty() && !policy.has_target(TargetId::Nftables) && !policy.has_target(TargetId::Iptables)) {
    error_at(diagnostics, Code::CannotExpress, origin, "networkpolicy cannot express " + to_string(held_elsewhere))
        .expect("tcp, udp or sctp, or a firewall target beside it")
        .help("add nftables to targets: the firewall layer holds what is neither tcp, udp nor sctp");
  }
  for (const Protocol protocol : kPolicyProtocols) {
    const PortSet& ports = services.ports(protocol);
    if (ports.contains(0) && !is_whole_protocol(ports)) {
      error_at(diagnostics, Code::CannotExpress, origin,
               "networkpolicy cannot name port 0/" + std::string(to_string(protocol)))
          .expect("ports from 1 to 65535");
    }
  }
  if (policy.cluster.version && *policy.cluster.version < kEndPortSince && needs_end_port(services)) {
    error_at(diagnostics, Code::TargetVersion, origin,
             "networkpolicy cannot express a range of ports in Kubernetes " + to_string(*policy.cluster.version))
        .expect("boundary.cluster.version " + to_string(kEndPortSince) + " or later")
        .help("list the ports one by one");
  }
}

// What the other side of a half must have for its rule not to be empty, which would allow everything.
void check_half(const Policy& policy, const Flow& flow, Direction direction, Diagnostics& diagnostics) {
  if (policy_services(flow.services).empty()) return;
  const Peer& peer = direction == Direction::Egress ? flow.to : flow.from;
  const bool seen_as_node = direction == Direction::Ingress && flow.source_nat_nodes;
  const std::string name(seen_as_node ? "nodes" : policy.name_of(peer));
  const std::vector<Rule> rules = half_of(policy, flow, direction);
  const auto is_empty = [](const Rule& rule) { return rule.peers.empty(); };
  const bool has_none = peer.kind == Peer::Kind::ApiServer && !seen_as_node
                            ? policy.cluster.api_server.empty()
                            : std::any_of(rules.begin(), rules.end(), is_empty);
  if (has_none) {
    error_at(diagnostics, Code::TargetNeeds, flow.origin, "networkpolicy needs an address of " + quoted(name));
    return;
  }
  if (direction == Direction::Egress && peer.kind == Peer::Kind::ApiServer) {
    const ServiceSet elsewhere = policy_services(flow.services) - api_server_services(policy);
    if (!elsewhere.empty()) {
      error_at(diagnostics, Code::CannotExpress, flow.origin, "api-server does not listen on " + to_string(elsewhere))
          .expect(to_string(api_server_services(policy)))
          .note(policy.cluster.api_server_origin.span, "its addresses and ports are here");
    }
  }
  for (const Rule& rule : rules) {
    if (!covers_a_family(rule.peers.addresses)) continue;
    error_at(diagnostics, Code::CannotExpress, flow.origin,
             "networkpolicy refuses a rule for every address of a family, which " + quoted(name) + " would need")
        .help("declare narrower ranges");
    break;
  }
}

// NodeLocal DNSCache asks the DNS pods from the host's network, which no workload's right to ask covers.
void warn_of_node_local(const Policy& policy, Diagnostics& diagnostics) {
  const std::optional<ClusterDns>& dns = policy.cluster.dns;
  if (!dns || dns->node_local.empty() || !gets_default_deny(policy, dns->ns)) return;
  const auto lets_nodes_ask = [&](const Flow& flow) {
    return flow.to.kind == Peer::Kind::ClusterDns &&
           (flow.source_nat_nodes || flow.from.kind == Peer::Kind::Nodes || is_host_workload(policy, flow.from));
  };
  if (std::any_of(policy.flows.begin(), policy.flows.end(), lets_nodes_ask)) return;
  diagnostics.warning(Code::TargetNeeds, dns->origin.span, "NodeLocal DNSCache may not ask the pods of cluster-dns")
      .help("the cache runs in the host's network: add a flow from nodes to cluster-dns");
}

void check(const Policy& policy, Diagnostics& diagnostics) {
  const Cluster& cluster = policy.cluster;
  if (cluster.version && *cluster.version < kNamespaceLabelSince && !cluster.namespace_label_given) {
    error_at(diagnostics, Code::TargetVersion, cluster.version_origin,
             "Kubernetes " + to_string(*cluster.version) + " does not label namespaces with their names")
        .expect("version " + to_string(kNamespaceLabelSince) + " or later, or boundary.cluster.namespaceLabel")
        .help("label the namespaces yourself and give that label as boundary.cluster.namespaceLabel");
  }
  for (const Flow& flow : policy.flows) {
    const bool egress = is_subject(policy, flow.from);
    const bool ingress = is_subject(policy, flow.to);
    if (egress || ingress) check_services(policy, flow.services, flow.origin, diagnostics);
    if (egress) check_half(policy, flow, Direction::Egress, diagnostics);
    if (ingress) check_half(policy, flow, Direction::Ingress, diagnostics);
  }
  for (const Exception& exception : policy.exceptions) {
    if (!is_subject(policy, exception.from)) continue;
    check_services(policy, exception.services, exception.origin, diagnostics);
    if (exception.to.length() == 0) {
      error_at(diagnostics, Code::CannotExpress, exception.origin,
               "networkpolicy refuses a rule for every address of a family");
    }
  }
  warn_of_node_local(policy, diagnostics);
}

void append_selector(std::string& out, const Labels& labels, std::size_t indent) {
  if (labels.empty()) {
    out += " {}\n";
    return;
  }
  out += '\n';
  out.append(indent + 2, ' ');
  out += "matchLabels:\n";
  append_yaml_map(out, labels, static_cast<int>(indent) + 4);
}

void append_peers(std::string& out, const Policy& policy, const Peers& peers) {
  assert(!peers.empty());  // an empty list allows everything
  if (peers.pods) {
    // Both selectors in one peer: as two they would allow the whole namespace, and the pods of every other namespace.
    out += "        - namespaceSelector:";
    append_selector(out, {{policy.cluster.namespace_label, peers.pods->ns}}, 10);
    out += "          podSelector:";
    append_selector(out, peers.pods->labels, 10);
  }
  for (const Prefix& prefix : peers.addresses.prefixes()) {
    assert(prefix.length() > 0);
    out += "        - ipBlock:\n            cidr: ";
    out += yaml_scalar(to_string(prefix));
    out += '\n';
  }
}

void append_ports(std::string& out, const ServiceSet& services) {
  assert(!services.empty());  // an empty list allows everything
  for (const Protocol protocol : kPolicyProtocols) {
    const PortSet& ports = services.ports(protocol);
    if (ports.empty()) continue;
    const std::string_view name = protocol == Protocol::Tcp ? "TCP" : protocol == Protocol::Udp ? "UDP" : "SCTP";
    const auto start = [&] {
      out += "        - protocol: ";
      out += name;
      out += '\n';
    };
    if (is_whole_protocol(ports)) {
      start();
      continue;
    }
    for (const Interval<std::uint16_t>& interval : ports.intervals()) {
      assert(interval.first != 0);
      start();
      out += "          port: " + std::to_string(interval.first) + '\n';
      if (interval.last != interval.first) out += "          endPort: " + std::to_string(interval.last) + '\n';
    }
  }
}

void append_rules(std::string& out, const Policy& policy, const Rules& rules, Direction direction) {
  if (rules.all().empty()) return;
  out += direction == Direction::Ingress ? "  ingress:\n" : "  egress:\n";
  for (const Rule& rule : rules.all()) {
    for (const std::string& comment : rule.comments) out += "    # " + comment + '\n';
    out += direction == Direction::Ingress ? "    - from:\n" : "    - to:\n";
    append_peers(out, policy, rule.peers);
    out += "      ports:\n";
    append_ports(out, rule.services);
  }
}

// One NetworkPolicy in the making.
struct Object {
  std::string name;  // of the workload
  Pods subject;
  Rules ingress;
  Rules egress;
};

std::string text_of(const Policy& policy, const std::string& name, const std::string& ns, const Labels& labels) {
  std::string out = object_head(policy, "networking.k8s.io/v1", "NetworkPolicy", name, ns);
  out += "spec:\n  podSelector:";
  append_selector(out, labels, 2);
  // Never left to the defaults: without it a policy that has no egress rule would not isolate egress.
  out += "  policyTypes:\n    - Ingress\n    - Egress\n";
  return out;
}

// What is said at the top of a namespace's file about that which no object in it holds.
using Remarks = std::map<std::string, std::vector<std::string>>;

void remark_once(Remarks& remarks, const std::string& ns, const std::string& text) {
  std::vector<std::string>& all = remarks[ns];
  if (std::find(all.begin(), all.end(), text) == all.end()) all.push_back(text);
}

Remarks remarks_of(const Policy& policy) {
  Remarks remarks;
  for (const Workload& workload : policy.workloads) {
    if (!workload.host) continue;
    remark_once(remarks, workload.ns,
                workload.name +
                    " uses the host's network, where no NetworkPolicy holds it: its half of every flow is the "
                    "firewall's (" +
                    to_string(workload.origin) + ")");
  }
  const auto held_elsewhere = [&](const ServiceSet& services, const std::string& what, std::optional<Pods> pods) {
    const ServiceSet rest = services - policy_services(services);
    if (rest.empty() || !pods || !gets_default_deny(policy, pods->ns)) return;
    remark_once(remarks, pods->ns, to_string(rest) + " of " + what + " is held by the firewall layer");
  };
  for (const Flow& flow : policy.flows) {
    const std::string what = comment_of(policy, flow);
    held_elsewhere(flow.services, what, pods_of(policy, flow.from));
    held_elsewhere(flow.services, what, pods_of(policy, flow.to));
  }
  for (const Exception& exception : policy.exceptions) {
    held_elsewhere(exception.services, comment_of(exception), pods_of(policy, exception.from));
  }
  return remarks;
}

// Objects of all namespaces: workloads in their order, cluster-dns last. Those without a rule add nothing and are left
// out later.
std::map<Peer, Object> objects_of(const Policy& policy) {
  std::map<Peer, Object> objects;
  const auto object_of = [&](const Peer& peer) -> Object& {
    const auto [at, is_new] = objects.try_emplace(peer);
    if (is_new) {
      at->second.name = std::string(policy.name_of(peer));
      at->second.subject = *pods_of(policy, peer);
    }
    return at->second;
  };
  for (const Flow& flow : policy.flows) {
    if (is_subject(policy, flow.from)) {
      for (Rule& rule : half_of(policy, flow, Direction::Egress)) {
        assert(rule.peers.addresses.subset_of(policy.inside));
        object_of(flow.from).egress.add(std::move(rule));
      }
    }
    if (is_subject(policy, flow.to)) {
      for (Rule& rule : half_of(policy, flow, Direction::Ingress)) {
        assert(rule.peers.addresses.subset_of(policy.inside));
        object_of(flow.to).ingress.add(std::move(rule));
      }
    }
  }
  for (const Exception& exception : policy.exceptions) {
    const ServiceSet services = policy_services(exception.services);
    if (services.empty() || !is_subject(policy, exception.from)) continue;
    object_of(exception.from).egress.add({{std::nullopt, IpSet::of(exception.to)}, services, {comment_of(exception)}});
  }
  return objects;
}

std::vector<Artifact> emit(const Policy& policy) {
  const std::map<Peer, Object> objects = objects_of(policy);
  const Remarks remarks = remarks_of(policy);
  std::map<std::string, ObjectNames> names;
  std::map<std::string, std::string> bodies;
  for (const std::string& ns : policy.default_deny_namespaces) {
    bodies[ns] = text_of(policy, names[ns].make("default-deny"), ns, {});
  }
  for (const auto& [peer, object] : objects) {
    std::string& out = bodies.at(object.subject.ns);
    out += text_of(policy, names[object.subject.ns].make(object.name), object.subject.ns, object.subject.labels);
    append_rules(out, policy, object.ingress, Direction::Ingress);
    append_rules(out, policy, object.egress, Direction::Egress);
  }

  std::vector<Artifact> artifacts;
  for (auto& [ns, body] : bodies) {
    std::string content =
        artifact_header(policy, TargetId::NetworkPolicy, "# ",
                        "NetworkPolicies of namespace " + ns + ": default deny, then what the spec allows");
    if (const auto at = remarks.find(ns); at != remarks.end()) {
      content += "#\n";
      for (const std::string& remark : at->second) content += "# " + remark + '\n';
    }
    content += body;
    artifacts.push_back(
        {"networkpolicy/" + ns + ".yaml", TargetId::NetworkPolicy, Layer::Kubernetes, std::move(content)});
  }
  return artifacts;
}

}  // namespace

const Target kNetworkPolicyTarget{TargetId::NetworkPolicy,
                                  Layer::Kubernetes,
                                  "NetworkPolicies: default deny and the declared flows, one file a namespace",
                                  std::nullopt,
                                  check,
                                  emit};

}  // namespace airtight
