#include "tests/verify/kubernetes/oracle.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace airtight::verify::oracle {
namespace {

using Api = PolicyObject::Api;

// What may be: a set of bits.
enum : unsigned { kAllow = 1, kDeny = 2, kLeave = 4, kOn = 8 };

enum Truth { kNo, kMaybe, kYes };

Truth either(Truth a, Truth b) { return std::max(a, b); }
Truth also(Truth a, Truth b) { return std::min(a, b); }

Truth selects(const Selector& s, const KnownLabels& known) {
  using Op = Selector::Op;
  if (s.op == Op::All) return kYes;
  if (s.op == Op::None) return kNo;
  if (s.op == Op::NotUnderstood) return kMaybe;
  if (s.op == Op::And) {
    Truth t = kYes;
    for (const Selector& part : s.parts) t = also(t, selects(part, known));
    return t;
  }
  if (s.op == Op::Or) {
    Truth t = kNo;
    for (const Selector& part : s.parts) t = either(t, selects(part, known));
    return t;
  }
  if (s.op == Op::Not) {
    const Truth t = selects(s.parts.at(0), known);
    return t == kMaybe ? kMaybe : t == kYes ? kNo : kYes;
  }
  if (s.op == Op::In && s.values.empty()) return kNo;
  if (s.op == Op::NotIn && s.values.empty()) return kYes;
  const bool there = known.labels.count(s.key) == 1;
  if (!there && !known.complete) return kMaybe;
  if (s.op == Op::Exists) return there ? kYes : kNo;
  if (s.op == Op::NotExists) return there ? kNo : kYes;
  if (!there) return s.op == Op::NotIn ? kYes : kNo;
  const std::string& value = known.labels.at(s.key);
  const bool listed = std::count(s.values.begin(), s.values.end(), value) > 0;
  if (s.op == Op::In) return listed ? kYes : kNo;
  if (s.op == Op::NotIn) return listed ? kNo : kYes;
  const std::string& part = s.values.at(0);
  const std::size_t at = value.find(part);
  if (s.op == Op::Contains) return at != std::string::npos ? kYes : kNo;
  if (s.op == Op::StartsWith) return at == 0 ? kYes : kNo;
  return value.size() >= part.size() && value.substr(value.size() - part.size()) == part ? kYes : kNo;
}

KnownLabels labels_of_namespace(const Cluster& cluster, const std::string& name) {
  for (const Namespace& ns : cluster.namespaces)
    if (ns.name == name) return ns.labels;
  return {{{"kubernetes.io/metadata.name", name}}, false};
}

KnownLabels account_of(const Workload& w) {
  KnownLabels known{{}, false};
  if (!w.service_account.empty()) known.labels["name"] = w.service_account;
  if (w.service_account.empty() && !w.symbolic) known.labels["name"] = "default";
  return known;
}

bool namespaced(const PolicyObject& p) {
  if (p.api == Api::NetworkPolicy) return true;
  if (p.api == Api::Cilium || p.api == Api::Calico) return !p.ref.ns.empty();
  return false;
}

// One packet whose addresses are both fixed.
class Trial {
 public:
  Trial(const Question& question, const Packet& packet, Ip address)
      : question_(question), cluster_(*question.cluster), packet_(packet), address_(address) {}

  unsigned run() const {
    bool cilium = false;
    bool calico = false;
    for (const PolicyObject& p : cluster_.policies) {
      cilium = cilium || (p.api == Api::Cilium && !p.refused);
      calico = calico || (p.api == Api::Calico && !p.refused);
    }
    unsigned result = 0;
    if (cilium) result |= run_kubernetes(true);
    if (calico) result |= run_calico();
    if (!cilium && !calico) result |= run_kubernetes(false);
    return result;
  }

 private:
  struct Selected {
    const PolicyObject* policy;
    Truth sure;  // kYes or kMaybe
  };

  const Workload& subject() const { return cluster_.workloads[packet_.subject]; }
  bool transport() const {
    return packet_.protocol == Protocol::Tcp || packet_.protocol == Protocol::Udp || packet_.protocol == Protocol::Sctp;
  }

  Truth selected(const PolicyObject& p) const {
    if (p.refused || !p.selects_pods) return kNo;
    if (question_.scope == Scope::Namespaced && !namespaced(p)) return kNo;
    if (question_.scope == Scope::ClusterScoped && namespaced(p)) return kNo;
    if (!p.ref.ns.empty() && p.ref.ns != subject().ref.ns) return kNo;
    Truth t = selects(p.namespaces, labels_of_namespace(cluster_, subject().ref.ns));
    t = also(t, selects(p.pods, subject().labels));
    t = also(t, selects(p.service_accounts, account_of(subject())));
    if (p.doubtful) t = also(t, kMaybe);
    return t;
  }

  std::vector<Selected> all_selected() const {
    std::vector<Selected> list;
    for (const PolicyObject& p : cluster_.policies)
      if (selected(p) != kNo) list.push_back({&p, selected(p)});
    return list;
  }

  Truth peer_matches(const RulePeer& peer) const {
    const Workload* const pod = packet_.peer ? &cluster_.workloads[*packet_.peer] : nullptr;
    const bool host = pod && pod->host_network;
    switch (peer.kind) {
      case RulePeer::Kind::Everything:
        return kYes;
      case RulePeer::Kind::NotUnderstood:
        return kMaybe;
      case RulePeer::Kind::Pods:
        if (!pod || host) return kNo;
        return also(selects(peer.namespaces, labels_of_namespace(cluster_, pod->ref.ns)),
                    also(selects(peer.pods, pod->labels), selects(peer.service_accounts, account_of(*pod))));
      case RulePeer::Kind::Nodes: {
        const bool every = peer.nodes.op == Selector::Op::All && peer.pods.op == Selector::Op::All;
        const Truth node = every ? kYes : kMaybe;
        if (pod) return host ? node : kNo;
        if (question_.node_ranges.empty()) return kMaybe;
        return question_.node_ranges.contains(address_) ? node : kNo;
      }
      case RulePeer::Kind::Addresses:
        if (!peer.addresses.contains(address_)) return kNo;
        if (!pod) return kYes;
        if (peer.addresses_match_pods == RulePeer::MatchPods::Never) return host ? kMaybe : kNo;
        if (host || peer.addresses_match_pods == RulePeer::MatchPods::ByAddress) return kYes;
        return kMaybe;
    }
    return kMaybe;
  }

  Truth port_matches(const PolicyRule& rule) const {
    if (rule.services.contains(packet_.protocol, packet_.port)) return kYes;
    const Workload* destination = nullptr;
    if (packet_.direction == Direction::Ingress) destination = &subject();
    if (packet_.direction == Direction::Egress && packet_.peer) destination = &cluster_.workloads[*packet_.peer];
    if (!destination) return kNo;
    Truth t = kNo;
    for (const NamedPort& wanted : rule.named_ports) {
      bool declared = false;
      for (const ContainerPort& port : destination->ports) {
        if (port.name != wanted.name) continue;
        if (wanted.protocol && *wanted.protocol != port.protocol) continue;
        declared = true;
        if (port.protocol == packet_.protocol && port.port == packet_.port) return kYes;
      }
      if (declared || !destination->symbolic || !transport()) continue;
      if (!wanted.protocol || *wanted.protocol == packet_.protocol) t = kMaybe;
    }
    return t;
  }

  Truth rule_matches(const PolicyRule& rule, Truth sure) const {
    Truth t = kNo;
    for (const RulePeer& peer : rule.peers) t = either(t, peer_matches(peer));
    t = also(t, port_matches(rule));
    if (!rule.understood || !rule.source_ports.is_all()) t = also(t, kMaybe);
    return also(t, sure);
  }

  bool applies(const PolicyObject& p) const {
    return packet_.direction == Direction::Ingress ? p.ingress_applies : p.egress_applies;
  }

  const std::vector<PolicyRule>& rules(const PolicyObject& p) const {
    static const std::vector<PolicyRule> none;
    if (!applies(p)) return none;
    return packet_.direction == Direction::Ingress ? p.ingress : p.egress;
  }

  bool isolates(const PolicyObject& p) const {
    return packet_.direction == Direction::Ingress ? p.isolates_ingress : p.isolates_egress;
  }

  unsigned policy_result(const Selected& selected) const {
    unsigned result = 0;
    for (const PolicyRule& rule : rules(*selected.policy)) {
      if (rule.action == Action::Log) continue;
      const Truth t = rule_matches(rule, selected.sure);
      if (t == kNo) continue;
      result |= rule.action == Action::Allow ? kAllow : rule.action == Action::Deny ? kDeny : kLeave;
      if (t == kYes) return result;
    }
    return result | kOn;
  }

  unsigned in_order(const std::vector<Selected>& policies) const {
    unsigned result = 0;
    for (const Selected& p : policies) {
      const unsigned one = policy_result(p);
      result |= one & ~static_cast<unsigned>(kOn);
      if ((one & kOn) == 0) return result;
    }
    return result | kOn;
  }

  // Every order that keeps to the given one between policies of different `order`, and to `fixed` between others.
  template <class Fixed>
  unsigned in_every_order(const std::vector<Selected>& policies, Fixed fixed) const {
    std::vector<std::size_t> numbers;
    for (std::size_t i = 0; i < policies.size(); ++i) numbers.push_back(i);
    unsigned result = 0;
    do {
      bool lawful = true;
      std::vector<Selected> order;
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        for (std::size_t j = i + 1; j < numbers.size(); ++j) {
          const PolicyObject& first = *policies[numbers[i]].policy;
          const PolicyObject& then = *policies[numbers[j]].policy;
          if (first.order > then.order || (first.order == then.order && fixed(then, first))) lawful = false;
        }
        order.push_back(policies[numbers[i]]);
      }
      if (lawful) result |= in_order(order);
    } while (std::next_permutation(numbers.begin(), numbers.end()));
    return result;
  }

  unsigned admin_tier(bool baseline) const {
    std::vector<Selected> members;
    for (const Selected& s : all_selected()) {
      const Api api = s.policy->api;
      const bool in_baseline = api == Api::BaselineAdminNetworkPolicy || s.policy->tier == "baseline";
      if (api != Api::AdminNetworkPolicy && api != Api::BaselineAdminNetworkPolicy && api != Api::ClusterNetworkPolicy)
        continue;
      if (in_baseline == baseline) members.push_back(s);
    }
    return in_every_order(members, [](const PolicyObject&, const PolicyObject&) { return false; });
  }

  // NetworkPolicies, and Cilium's where they are meant too: what is allowed is a union, denials beat it.
  unsigned union_tier(bool with_cilium) const {
    unsigned result = 0;
    Truth denied = kNo;
    Truth allowed = kNo;
    Truth isolated_by_cilium = kNo;
    Truth isolated_by_np = kNo;
    for (const Selected& s : all_selected()) {
      const bool cilium = s.policy->api == Api::Cilium;
      if (s.policy->api != Api::NetworkPolicy && !(cilium && with_cilium)) continue;
      for (const PolicyRule& rule : rules(*s.policy)) {
        const Truth t = rule_matches(rule, s.sure);
        if (rule.action == Action::Deny) denied = either(denied, t);
        if (rule.action == Action::Allow) allowed = either(allowed, t);
      }
      Truth& isolated = cilium ? isolated_by_cilium : isolated_by_np;
      if (isolates(*s.policy)) isolated = either(isolated, s.sure);
    }
    if (denied != kNo) result |= kDeny;
    if (denied == kYes) return result;
    if (allowed != kNo) result |= kAllow;
    if (allowed == kYes) return result;
    return result | end_of_tier(isolated_by_cilium, isolated_by_np);
  }

  // NetworkPolicy says nothing of protocols other than TCP, UDP and SCTP.
  unsigned end_of_tier(Truth isolated, Truth isolated_by_np) const {
    if (isolated == kYes) return kDeny;
    unsigned result = 0;
    if (isolated == kMaybe || isolated_by_np != kNo) result |= kDeny;
    if (isolated_by_np != kNo && !transport()) result |= kAllow;
    if (isolated_by_np != kYes) result |= kLeave;
    return result;
  }

  static unsigned then(unsigned before, unsigned after) {
    unsigned result = before & (kAllow | kDeny);
    if ((before & (kLeave | kOn)) != 0) result |= after;
    return result;
  }

  unsigned run_kubernetes(bool with_cilium) const {
    return then(admin_tier(false), then(union_tier(with_cilium), then(admin_tier(true), kAllow)));
  }

  unsigned calico_tier(const std::string& name, bool known, bool default_deny) const {
    std::vector<Selected> members;
    std::vector<PolicyObject> copies;  // NetworkPolicies with the order that they have there
    copies.reserve(cluster_.policies.size());
    Truth applied = kNo;
    Truth applied_np = kNo;
    for (Selected s : all_selected()) {
      const bool np = s.policy->api == Api::NetworkPolicy;
      if (!(np && name == "default") && !(s.policy->api == Api::Calico && s.policy->tier == name)) continue;
      if (!known) s.sure = also(s.sure, kMaybe);
      if (np ? isolates(*s.policy) : applies(*s.policy))
        (np ? applied_np : applied) = either(np ? applied_np : applied, s.sure);
      copies.push_back(*s.policy);
      if (np) copies.back().order = 1000;
      members.push_back({&copies.back(), s.sure});
    }
    // Ties of one kind go by name; between kinds they are not defined.
    unsigned result = in_every_order(members, [](const PolicyObject& a, const PolicyObject& b) {
      return a.api == b.api && a.ref.ns.empty() == b.ref.ns.empty() && a.ref.name < b.ref.name;
    });
    if ((result & kOn) == 0) return result;
    result &= ~static_cast<unsigned>(kOn);
    return result | (default_deny ? end_of_tier(applied, applied_np) : static_cast<unsigned>(kLeave));
  }

  unsigned run_calico() const {
    std::map<std::pair<double, std::string>, unsigned> tiers;  // what each may do, in order
    std::map<std::string, PolicyTier> named;
    named["default"] = {"default", 1'000'000, true, {}};
    for (const PolicyTier& tier : cluster_.tiers) named[tier.name] = tier;
    for (const auto& [name, tier] : named) tiers[{tier.order, name}] = calico_tier(name, true, tier.default_deny);
    for (const PolicyObject& p : cluster_.policies)
      if (p.api == Api::Calico && !p.refused && named.count(p.tier) == 0)
        tiers[{-std::numeric_limits<double>::infinity(), p.tier}] = calico_tier(p.tier, false, true);
    tiers[{1'000, "admin"}] = admin_tier(false);
    tiers[{10'000'000, "baseline"}] = admin_tier(true);
    unsigned result = kAllow;
    for (auto tier = tiers.rbegin(); tier != tiers.rend(); ++tier) result = then(tier->second, result);
    return result;
  }

  const Question& question_;
  const Cluster& cluster_;
  const Packet& packet_;
  Ip address_;
};

bool holds_hosts(const Question& question) {
  for (const PolicyObject& p : question.cluster->policies) {
    if (p.refused || !p.selects_host) continue;
    if (question.scope == Scope::All || (question.scope == Scope::Namespaced) == namespaced(p)) return true;
  }
  return false;
}

}  // namespace

Answer ask(const Question& question, const Packet& packet) {
  const Workload& subject = question.cluster->workloads[packet.subject];
  if (subject.host_network) return {true, holds_hosts(question)};
  std::vector<Ip> addresses;
  if (!packet.peer) {
    addresses.push_back(packet.address);
  } else {
    const Workload& peer = question.cluster->workloads[*packet.peer];
    addresses = peer.addresses;
    const IpSet& ranges = peer.host_network ? question.node_ranges : question.pod_ranges;
    for (unsigned i = 0; i < 256 && peer.addresses.empty(); ++i)
      for (const Ip& ip : {v4(i), v6(i)})
        if (ranges.empty() || ranges.contains(ip)) addresses.push_back(ip);
    if (peer.addresses.empty() && ranges.empty()) {
      addresses.push_back(Ip::v4(0x09090909));
      addresses.push_back(Ip::v6(u128{0x20010DB8} << 96));
    }
  }
  unsigned result = 0;
  for (const Ip& address : addresses) result |= Trial(question, packet, address).run();
  return {(result & kAllow) != 0, (result & kDeny) != 0};
}

}  // namespace airtight::verify::oracle
