#include "compiler/verify/kubernetes/rule_sets.h"

#include <algorithm>

namespace airtight::verify {
namespace {

using Kind = RulePeer::Kind;
using MatchPods = RulePeer::MatchPods;

void add(Bounds<IpSet>& bounds, const IpSet& certain, const IpSet& possible) {
  bounds.certain |= certain;
  bounds.possible |= possible;
}

void add_addresses(RuleSets& sets, const RulePeer& peer) {
  static const IpSet nothing;
  add(sets.addresses, peer.addresses, peer.addresses);
  if (peer.addresses_match_pods != MatchPods::Never)
    add(sets.of_pods, peer.addresses_match_pods == MatchPods::ByAddress ? peer.addresses : nothing, peer.addresses);
  // A node is no pod, so a range that is undefined for pods is defined for it; one that means the world outside of the
  // cluster holds nodes only by configuration.
  add(sets.of_nodes, peer.addresses_match_pods == MatchPods::Never ? nothing : peer.addresses, peer.addresses);
}

void add_nodes(RuleSets& sets, const RulePeer& peer, const IpSet& node_ranges) {
  const bool every = peer.nodes.op == Selector::Op::All && peer.pods.op == Selector::Op::All;
  (every ? sets.nodes : sets.some_nodes) = true;
  const bool known = !node_ranges.empty();
  add(sets.addresses, every && known ? node_ranges : IpSet(), known ? node_ranges : IpSet::all());
}

}  // namespace

RuleSets rule_sets(const PolicyObject& policy, const PolicyRule& rule, const IpSet& node_ranges, LabelIndex& index) {
  RuleSets sets{};
  sets.policy = &policy;
  sets.rule = &rule;
  sets.action = rule.action;
  sets.certain = rule.understood && rule.source_ports.is_all() && !policy.doubtful;
  for (const RulePeer& peer : rule.peers) {
    switch (peer.kind) {
      case Kind::Everything:
        sets.everything = true;
        add(sets.addresses, IpSet::all(), IpSet::all());
        break;
      case Kind::Pods:
        sets.pods.push_back(
            {index.number(peer.namespaces), index.number(peer.pods), index.number(peer.service_accounts)});
        break;
      case Kind::Addresses:
        add_addresses(sets, peer);
        break;
      case Kind::Nodes:
        add_nodes(sets, peer, node_ranges);
        break;
      case Kind::NotUnderstood:
        sets.not_understood = true;
        add(sets.addresses, {}, IpSet::all());
        break;
    }
  }
  if (!sets.certain) sets.addresses.certain = sets.of_pods.certain = sets.of_nodes.certain = IpSet();
  return sets;
}

Match RuleSets::whole(const PeerPods& peer, LabelIndex& index) const {
  Match best = not_understood ? Match::Unknown : Match::No;
  if (everything) {
    best = Match::Yes;
  } else if (peer.host_network) {  // no pod peer: pods on the node's network are the node
    if (nodes || some_nodes) best = nodes ? Match::Yes : Match::Unknown;
  } else {
    for (const Pods& p : pods) {
      if (best == Match::Yes) break;
      const Match here = std::min({index.match(p.namespaces, peer.namespace_labels), index.match(p.pods, peer.labels),
                                   index.match(p.service_accounts, peer.service_account)});
      best = std::max(best, here);
    }
  }
  return certain ? best : std::min(best, Match::Unknown);
}

Bounds<ServiceSet> RuleSets::services(const PortTable* table) const {
  Bounds<ServiceSet> services{rule->services, rule->services};
  if (!table) return services;
  for (const NamedPort& named : rule->named_ports) {
    bool found = false;
    for (const PodPort& port : table->ports) {
      if (port.name != named.name || (named.protocol && *named.protocol != port.protocol)) continue;
      found = true;
      const ServiceSet one = ServiceSet::of(port.protocol, PortSet::of(port.port));
      services.certain |= one;
      services.possible |= one;
    }
    if (found || !table->symbolic) continue;
    for (const Protocol protocol : {Protocol::Tcp, Protocol::Udp, Protocol::Sctp})
      if (named.protocol.value_or(protocol) == protocol) services.possible |= ServiceSet::protocol(protocol);
  }
  return services;
}

PolicySets policy_sets(const PolicyObject& policy, const IpSet& node_ranges, LabelIndex& index) {
  PolicySets sets{
      &policy, index.number(policy.namespaces), index.number(policy.pods), index.number(policy.service_accounts), {}};
  for (const Direction direction : {Direction::Ingress, Direction::Egress}) {
    if (!(direction == Direction::Ingress ? policy.ingress_applies : policy.egress_applies)) continue;
    for (const PolicyRule& rule : policy.rules(direction))
      if (rule.action != Action::Log)
        sets.rules[static_cast<std::size_t>(direction)].push_back(rule_sets(policy, rule, node_ranges, index));
  }
  return sets;
}

}  // namespace airtight::verify
