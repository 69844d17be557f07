#include "compiler/verify/kubernetes/evaluation.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "compiler/verify/kubernetes/decide.h"
#include "compiler/verify/kubernetes/outcomes.h"
#include "compiler/verify/kubernetes/rule_sets.h"
#include "compiler/verify/kubernetes/tiers.h"
#include "compiler/verify/kubernetes/workload_classes.h"

namespace airtight::verify {
namespace {

using Api = PolicyObject::Api;

const ServiceSet& other_services() {
  static const ServiceSet others = ServiceSet::all() - ServiceSet::protocol(Protocol::Tcp) -
                                   ServiceSet::protocol(Protocol::Udp) - ServiceSet::protocol(Protocol::Sctp);
  return others;
}

Outcome feared(Reading reading) { return reading == Reading::Wide ? Outcome::Allowed : Outcome::Denied; }

// Addresses that are no pods' at the other end.
template <bool Apart>
struct AddressView {
  using Set = TrafficSet;
  static constexpr bool kApart = Apart;
  const PortTable* named;  // of the subject, for ingress

  static Set universe() { return TrafficSet::all(); }
  static Set others() { return TrafficSet::of(IpSet::all(), other_services()); }
  Bounds<Set> of(std::span<const Step> steps) const {
    std::vector<TrafficSet::Product> certain, possible;
    bool same = true;
    for (const Step& step : steps) {
      const RuleSets& rule = *step.rule;
      const Bounds<ServiceSet> services = rule.services(named);
      const bool counts = step.certain && !rule.addresses.certain.empty();
      if (counts) certain.push_back({rule.addresses.certain, services.certain});
      possible.push_back({rule.addresses.possible, services.possible});
      same = same && (counts || rule.addresses.possible.empty()) && services.certain == services.possible &&
             rule.addresses.certain == rule.addresses.possible;
    }
    Bounds<Set> bounds;
    bounds.possible = TrafficSet::from(std::move(possible));
    bounds.certain = same ? bounds.possible : TrafficSet::from(std::move(certain));
    return bounds;
  }
};

// Pods at the other end, where no rule asks for their addresses.
struct PodsView {
  using Set = ServiceSet;
  static constexpr bool kApart = false;
  const PeerPods& peer;
  const PortTable& named;
  LabelIndex& index;

  static Set universe() { return ServiceSet::all(); }
  static Set others() { return other_services(); }
  Bounds<Set> of(std::span<const Step> steps) const {
    Bounds<Set> bounds;
    for (const Step& step : steps) {
      const Match match = step.rule->whole(peer, index);
      if (match == Match::No) continue;
      const Bounds<ServiceSet> services = step.rule->services(&named);
      bounds.possible |= services.possible;
      if (match == Match::Yes && step.certain) bounds.certain |= services.certain;
    }
    return bounds;
  }
};

// Pods at the other end, for each address that they may have.
struct PodAddressesView {
  using Set = TrafficSet;
  static constexpr bool kApart = false;
  const PeerPods& peer;
  const PortTable& named;
  LabelIndex& index;

  Set universe() const { return TrafficSet::of(peer.addresses, ServiceSet::all()); }
  Set others() const { return TrafficSet::of(peer.addresses, other_services()); }
  Bounds<Set> of(std::span<const Step> steps) const {
    std::vector<TrafficSet::Product> certain, possible;
    for (const Step& step : steps) {
      const Match match = step.rule->whole(peer, index);
      const Bounds<IpSet>& part = step.rule->by_address(peer);
      const Bounds<ServiceSet> services = step.rule->services(&named);
      const bool surely = match == Match::Yes;
      possible.push_back({match == Match::No ? part.possible & peer.addresses : peer.addresses, services.possible});
      if (step.certain) certain.push_back({surely ? peer.addresses : part.certain & peer.addresses, services.certain});
    }
    return {TrafficSet::from(std::move(certain)), TrafficSet::from(std::move(possible))};
  }
};

template <class View>
typename View::Set may(std::span<const TierList> plugins, const View& view, Outcome outcome) {
  const auto ignore = [](const auto&...) {};
  return Outcomes<View, decltype(ignore)>(view, outcome, ignore).run(plugins);
}

ServiceSet any_address(const TrafficSet& traffic) {
  ServiceSet services;
  for (const TrafficSet::Product& product : traffic.products()) services |= product.services;
  return services;
}

}  // namespace

bool in_scope(const PolicyObject& policy, Scope scope) {
  const bool namespaced = policy.api == Api::NetworkPolicy ||
                          ((policy.api == Api::Cilium || policy.api == Api::Calico) && !policy.ref.ns.empty());
  return scope == Scope::All || namespaced == (scope == Scope::Namespaced);
}

struct Evaluation::State {
  // What holds one direction of pods that the same policies select.
  struct Held {
    std::vector<TierList> plugins;
    std::vector<const RuleSets*> rules;  // in no order that matters
    bool names_ports = false;            // some rule does
    IpSet of_pods, of_nodes;             // that some rule may mean
    // By reading, then by how each rule matches the pods at the other end (and their ports, where some rule names any).
    std::array<std::unordered_map<std::string, ServiceSet>, 2> answers;
    bool made = false;
  };
  struct Row {
    std::vector<Selecting> selecting;
    std::array<Held, 2> held;  // by Direction
  };

  State(const Cluster& cluster, Scope scope, IpSet pod_ranges, IpSet nodes)
      : cluster_(cluster),
        node_ranges_(std::move(nodes)),
        policies_(in(cluster, scope)),
        order_(cluster, policies_),
        pods_(workload_classes(cluster, policies_, pod_ranges, node_ranges_, index_)) {
    for (const PolicyObject& policy : cluster.policies)
      host_policies_ |= policy.selects_host && !policy.refused && in_scope(policy, scope);
    for (std::size_t p = 0; p < policies_.size(); ++p) by_namespace_[policies_[p].object->ref.ns].push_back(p);
    for (std::size_t c = 0; c < pods_.classes.size(); ++c) rows_of_.push_back(row_of(c));
  }

  std::vector<PolicySets> in(const Cluster& cluster, Scope scope) {
    std::vector<PolicySets> policies;
    for (const PolicyObject& policy : cluster.policies)
      if (policy.selects_pods && !policy.refused && in_scope(policy, scope))
        policies.push_back(policy_sets(policy, node_ranges_, index_));
    return policies;
  }

  std::size_t row_of(std::size_t c) {
    std::vector<Selecting> selecting;
    if (!pods_.classes[c].host_network) {
      select("", c, selecting);
      if (!pods_.classes[c].ns.empty()) select(pods_.classes[c].ns, c, selecting);
    }
    const auto [place, added] = row_numbers_.try_emplace(std::move(selecting), rows_.size());
    if (added) rows_.push_back({place->first, {}});
    return place->second;
  }

  // Of the policies of that namespace, or of none: those that select the class.
  void select(const std::string& ns, std::size_t c, std::vector<Selecting>& selecting) {
    const auto found = by_namespace_.find(ns);
    if (found == by_namespace_.end()) return;
    const PeerPods& pods = pods_.facts[c].peer;
    for (const std::size_t p : found->second) {
      const PolicySets& policy = policies_[p];
      const Match match =
          std::min({index_.match(policy.namespaces, pods.namespace_labels), index_.match(policy.pods, pods.labels),
                    index_.match(policy.service_accounts, pods.service_account)});
      if (match != Match::No) selecting.push_back({p, match == Match::Yes});
    }
  }

  Held& held(std::size_t c, Direction direction) {
    Row& row = rows_[rows_of_[c]];
    Held& held = row.held[static_cast<std::size_t>(direction)];
    if (std::exchange(held.made, true)) return held;
    held.plugins = order_.lists(row.selecting, direction);
    for (const Selecting& one : row.selecting) {
      for (const RuleSets& rule : policies_[one.policy].of(direction)) {
        held.rules.push_back(&rule);
        held.names_ports |= !rule.rule->named_ports.empty();
        held.of_pods |= rule.of_pods.possible;
        held.of_nodes |= rule.of_nodes.possible;
      }
    }
    return held;
  }
  std::span<const TierList> plugins(std::size_t c, Direction direction) { return held(c, direction).plugins; }

  const PortTable& port_table(std::size_t c) const { return pods_.port_tables[pods_.facts[c].port_table]; }

  // Policies of hosts may hold pods on the node's network, and are not judged.
  TrafficSet of_host(Reading reading) const {
    return reading == Reading::Narrow && host_policies_ ? TrafficSet() : TrafficSet::all();
  }

  const TrafficSet& addresses(std::size_t c, Direction direction, Reading reading) {
    const bool named = direction == Direction::Ingress && held(c, direction).names_ports;
    const std::array<std::size_t, 4> key{rows_of_[c], static_cast<std::size_t>(direction),
                                         static_cast<std::size_t>(reading), named ? pods_.facts[c].port_table + 1 : 0};
    const auto [place, added] = addresses_.try_emplace(key);
    if (added) {
      const AddressView<false> view{named ? &port_table(c) : nullptr};
      TrafficSet set = may(plugins(c, direction), view, feared(reading));
      place->second = reading == Reading::Wide ? std::move(set) : ~set;
    }
    return place->second;
  }

  ServiceSet pods(std::size_t a, std::size_t b, Direction direction, Reading reading) {
    Held& asked = held(a, direction);
    const PeerPods& peer = pods_.facts[b].peer;
    const std::size_t destination = direction == Direction::Egress ? b : a;
    const auto read = [&](ServiceSet may_be) { return reading == Reading::Wide ? std::move(may_be) : ~may_be; };
    if ((peer.host_network ? asked.of_nodes : asked.of_pods).intersects(peer.addresses)) {
      const PodAddressesView view{peer, port_table(destination), index_};
      return read(any_address(may(asked.plugins, view, feared(reading))));
    }
    std::string& key = key_;
    key.clear();
    for (const RuleSets* const rule : asked.rules) key += static_cast<char>(rule->whole(peer, index_));
    if (asked.names_ports) key += std::to_string(pods_.facts[destination].port_table);
    const auto [place, added] = asked.answers[static_cast<std::size_t>(reading)].try_emplace(key);
    if (added)
      place->second = read(may(asked.plugins, PodsView{peer, port_table(destination), index_}, feared(reading)));
    return place->second;
  }

  // Of the addresses that the peer may have, one of every kind that the rules tell apart.
  std::vector<Ip> addresses_to_try(std::size_t a, std::size_t b, Direction direction) const {
    const IpSet& own = pods_.facts[b].peer.addresses;
    std::vector<Ip> tried;
    for (const IpRange& range : own.ranges()) tried.push_back(range.first);
    const auto add = [&](const IpSet& set) {
      for (const IpRange& range : set.ranges())
        if (own.contains(range.first)) tried.push_back(range.first);
    };
    for (const Selecting& one : rows_[rows_of_[a]].selecting)
      for (const PolicyRule& rule : policies_[one.policy].object->rules(direction))
        for (const RulePeer& rule_peer : rule.peers) {
          add(rule_peer.addresses);
          if (!rule_peer.addresses.empty()) add(~rule_peer.addresses);
        }
    std::sort(tried.begin(), tried.end());
    tried.erase(std::unique(tried.begin(), tried.end()), tried.end());
    return tried;
  }

  Decision decide_once(std::size_t a, Direction direction, std::optional<std::size_t> b, const std::vector<Ip>& tried,
                       Protocol protocol, std::uint16_t port, Reading reading) {
    if (pods_.classes[a].host_network) {
      Decision decision;
      decision.allowed = reading == Reading::Wide || !host_policies_;
      return decision;
    }
    PacketAsked packet{tried.front(), {}, protocol, port, nullptr, &node_ranges_};
    if (b) {
      const ClassFacts& peer = pods_.facts[*b];
      packet.pods = {&peer.namespace_labels, &pods_.classes[*b].labels, &peer.service_account,
                     pods_.classes[*b].host_network};
    }
    if (b || direction == Direction::Ingress) packet.named = &port_table(direction == Direction::Ingress ? a : *b);
    std::optional<Decision> last;
    for (const Ip& address : tried) {
      packet.address = address;
      Decision decision = verify::decide(plugins(a, direction), packet, reading);
      const bool found = decision.allowed == (reading == Reading::Wide);
      if (found || !last) last = std::move(decision);
      if (found) break;
    }
    return std::move(*last);
  }

  Decision decide(std::size_t a, Direction direction, std::optional<std::size_t> b, const std::vector<Ip>& tried,
                  Protocol protocol, std::uint16_t port, Reading reading) {
    Decision decision = decide_once(a, direction, b, tried, protocol, port, reading);
    const Reading other = reading == Reading::Wide ? Reading::Narrow : Reading::Wide;
    decision.certain = decide_once(a, direction, b, tried, protocol, port, other).allowed == decision.allowed;
    return decision;
  }

  const Cluster& cluster_;
  IpSet node_ranges_;
  LabelIndex index_;
  std::vector<PolicySets> policies_;
  TierOrder order_;
  WorkloadClasses pods_;
  bool host_policies_ = false;
  std::map<std::string, std::vector<std::size_t>, std::less<>> by_namespace_;
  std::map<std::vector<Selecting>, std::size_t> row_numbers_;
  std::vector<Row> rows_;
  std::vector<std::size_t> rows_of_;  // by class
  std::map<std::array<std::size_t, 4>, TrafficSet> addresses_;
  std::string key_;  // of the question at hand, kept for its memory
};

Evaluation::Evaluation(const Cluster& cluster, Scope scope, IpSet pod_ranges, IpSet node_ranges)
    : x_(std::make_unique<State>(cluster, scope, std::move(pod_ranges), std::move(node_ranges))) {}

Evaluation::~Evaluation() = default;

std::span<const WorkloadClass> Evaluation::classes() const { return x_->pods_.classes; }

std::size_t Evaluation::class_of(std::size_t workload) const { return x_->pods_.class_of[workload]; }

TrafficSet Evaluation::addresses(std::size_t c, Direction direction, Reading reading) const {
  return classes()[c].host_network ? x_->of_host(reading) : x_->addresses(c, direction, reading);
}

ServiceSet Evaluation::pods(std::size_t a, std::size_t b, Direction direction, Reading reading) const {
  return classes()[a].host_network ? any_address(x_->of_host(reading)) : x_->pods(a, b, direction, reading);
}

ServiceSet Evaluation::connections(std::size_t from, std::size_t to, Reading reading) const {
  const ServiceSet sent = pods(from, to, Direction::Egress, reading);
  return sent.empty() ? sent : sent & pods(to, from, Direction::Ingress, reading);
}

bool Evaluation::isolated(std::size_t c, Direction direction) const {
  const auto denies = [](const Step& step) {
    return step.certain && step.rule->certain && step.rule->action == Action::Deny;
  };
  for (const TierList& tiers : x_->plugins(c, direction)) {
    for (const TierRules& tier : tiers) {
      if (tier.end.denies_transport) return true;
      for (const Group& group : tier.groups)
        for (const Chain& chain : group)
          if (std::any_of(chain.begin(), chain.end(), denies)) return true;
    }
  }
  return false;
}

Decision Evaluation::decide(std::size_t c, Direction direction, Ip peer, Protocol protocol, std::uint16_t port,
                            Reading reading) const {
  return x_->decide(c, direction, std::nullopt, {peer}, protocol, port, reading);
}

Decision Evaluation::decide(std::size_t c, Direction direction, std::size_t peer_class, Protocol protocol,
                            std::uint16_t port, Reading reading) const {
  return x_->decide(c, direction, peer_class, x_->addresses_to_try(c, peer_class, direction), protocol, port, reading);
}

TrafficSet Evaluation::share(std::size_t c, Direction direction, const Decision& decision, const TrafficSet& traffic,
                             Reading reading) const {
  if (!decision.allowed) return {};
  if (classes()[c].host_network) return traffic;
  TrafficSet left = traffic;
  TrafficSet shared;
  // What several rules may allow is the first one's, as a walk finds it.
  const auto visit = [&](const Cause& cause, const TrafficSet& possible, const TrafficSet& certain) {
    const TrafficSet part = left & (reading == Reading::Wide ? possible : certain);
    if (part.empty()) return;
    left -= part;
    if (cause.policy == decision.policy && cause.rule == decision.rule &&
        (cause.rule || decision.tier == (cause.tier ? cause.tier->name : std::string())))
      shared |= part;
  };
  using View = AddressView<true>;
  const View view{direction == Direction::Ingress ? &x_->port_table(c) : nullptr};
  Outcomes<View, decltype(visit)>(view, feared(reading), visit).run(x_->plugins(c, direction));
  return shared;
}

bool Evaluation::mixed_apis() const {
  const auto has = [&](Api api) {
    return std::any_of(x_->cluster_.policies.begin(), x_->cluster_.policies.end(),
                       [&](const PolicyObject& policy) { return policy.api == api && !policy.refused; });
  };
  return has(Api::Cilium) && has(Api::Calico);
}

std::vector<Evaluation::Tie> Evaluation::ties() const {
  const auto differ = [](const Step& a, const Step& b) {
    return a.rule->action != b.rule->action && a.rule->rule->services.intersects(b.rule->rule->services);
  };
  std::vector<Tie> ties;
  std::set<std::pair<const PolicyObject*, const PolicyObject*>> seen;
  const auto compare = [&](const Chain& first, const Chain& second) {
    for (const Step& a : first)
      for (const Step& b : second)
        if (differ(a, b) && seen.insert(std::minmax(a.rule->policy, b.rule->policy)).second)
          ties.push_back({std::min(a.rule->policy, b.rule->policy), std::max(a.rule->policy, b.rule->policy)});
  };
  for (std::size_t c = 0; c < classes().size(); ++c)
    for (const Direction direction : {Direction::Ingress, Direction::Egress})
      for (const TierList& tiers : x_->plugins(c, direction))
        for (const TierRules& tier : tiers)
          for (const Group& group : tier.groups)
            for (std::size_t i = 0; i < group.size(); ++i)
              for (std::size_t j = i + 1; j < group.size(); ++j) compare(group[i], group[j]);
  // Policies lie in one vector, so that this is the order of the input.
  std::sort(ties.begin(), ties.end(),
            [](const Tie& x, const Tie& y) { return std::tie(x.a, x.b) < std::tie(y.a, y.b); });
  return ties;
}

}  // namespace airtight::verify
