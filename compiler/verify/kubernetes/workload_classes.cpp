#include "compiler/verify/kubernetes/workload_classes.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace airtight::verify {
namespace {

// What the rules ask of pods besides their labels.
struct Asked {
  std::set<std::string, std::less<>> port_names;
  bool service_accounts = false;
  std::vector<Ip> cuts;  // sorted; addresses between two of them are never told apart
};

std::optional<Ip> after(Ip ip) {
  if (ip.is_v4()) return ip.v4_bits() == ~std::uint32_t{0} ? std::nullopt : std::optional(Ip::v4(ip.v4_bits() + 1));
  return ip.bits() == ~u128{0} ? std::nullopt : std::optional(Ip::v6(ip.bits() + 1));
}

void add_cuts(const IpSet& set, std::vector<Ip>& cuts) {
  for (const IpRange& range : set.ranges()) {
    cuts.push_back(range.first);
    if (const std::optional<Ip> next = after(range.last)) cuts.push_back(*next);
  }
}

template <class T>
void sort_unique(std::vector<T>& items) {
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
}

Asked asked_by(std::span<const PolicySets> policies) {
  Asked asked;
  std::set<IpSet> seen;
  const auto by_name = [](const Selector& selector) { return selector.op != Selector::Op::All; };
  for (const PolicySets& policy : policies) {
    asked.service_accounts |= by_name(policy.object->service_accounts);
    for (const std::vector<RuleSets>& rules : policy.rules) {
      for (const RuleSets& rule : rules) {
        for (const NamedPort& port : rule.rule->named_ports) asked.port_names.insert(port.name);
        for (const RulePeer& peer : rule.rule->peers) asked.service_accounts |= by_name(peer.service_accounts);
        for (const IpSet* const set : {&rule.of_pods.possible, &rule.of_nodes.possible})
          if (!set->empty() && seen.insert(*set).second) add_cuts(*set, asked.cuts);
      }
    }
  }
  sort_unique(asked.cuts);
  return asked;
}

// Values numbered in the order in which they come.
template <class T>
class Numbers {
 public:
  std::size_t of(const T& value) { return numbers_.try_emplace(value, numbers_.size()).first->second; }

 private:
  std::map<T, std::size_t> numbers_;
};

class Builder {
 public:
  Builder(const Cluster& cluster, Asked asked, const IpSet& pod_ranges, const IpSet& node_ranges, LabelIndex& index)
      : cluster_(cluster),
        asked_(std::move(asked)),
        pod_addresses_(pod_ranges.empty() ? IpSet::all() : pod_ranges),
        node_addresses_(node_ranges.empty() ? IpSet::all() : node_ranges),
        index_(index) {
    for (const Namespace& ns : cluster.namespaces) namespaces_.emplace(ns.name, &ns);
  }

  WorkloadClasses build() {
    result_.class_of.reserve(cluster_.workloads.size());
    for (std::size_t w = 0; w < cluster_.workloads.size(); ++w) add(w);
    return std::move(result_);
  }

 private:
  using Key = std::array<std::size_t, 7>;

  void add(std::size_t number) {
    const Workload& workload = cluster_.workloads[number];
    const std::string account = account_of(workload);
    const std::size_t labels = index_.number(workload.labels);
    const PortTable table = table_of(workload);
    const std::size_t table_number = tables_.of(table);
    if (table_number == result_.port_tables.size()) result_.port_tables.push_back(table);
    const Key key{names_.of(workload.ref.ns),  labels,       names_.of(account),        workload.host_network ? 1U : 0U,
                  workload.symbolic ? 1U : 0U, table_number, cells_.of(cells(workload))};
    const auto [place, added] = classes_.try_emplace(key, result_.classes.size());
    if (added) {
      result_.classes.push_back(
          {workload.ref.ns, workload.labels, account, workload.host_network, workload.symbolic, {}});
      add_facts(workload, account, labels, table_number);
    }
    result_.classes[place->second].members.push_back(number);
    result_.class_of.push_back(place->second);
  }

  void add_facts(const Workload& workload, const std::string& account, std::size_t labels, std::size_t table) {
    ClassFacts facts{};
    const auto ns = namespaces_.find(workload.ref.ns);
    facts.namespace_labels = ns != namespaces_.end()
                                 ? ns->second->labels
                                 : KnownLabels{{{"kubernetes.io/metadata.name", workload.ref.ns}}, false};
    facts.service_account.complete = false;
    if (!account.empty()) facts.service_account.labels.emplace("name", account);
    facts.peer = {index_.number(facts.namespace_labels), labels, index_.number(facts.service_account),
                  workload.host_network, addresses_of(workload)};
    facts.port_table = table;
    result_.facts.push_back(std::move(facts));
  }

  // Empty where no rule asks, and for a symbolic pod of which none is said.
  std::string account_of(const Workload& workload) const {
    if (!asked_.service_accounts) return {};
    return workload.service_account.empty() && !workload.symbolic ? "default" : workload.service_account;
  }

  PortTable table_of(const Workload& workload) const {
    PortTable table;
    if (asked_.port_names.empty()) return table;
    for (const ContainerPort& port : workload.ports)
      if (asked_.port_names.contains(port.name)) table.ports.push_back({port.name, port.protocol, port.port});
    sort_unique(table.ports);
    table.symbolic = workload.symbolic;
    return table;
  }

  std::vector<std::size_t> cells(const Workload& workload) const {
    std::vector<std::size_t> cells;
    if (asked_.cuts.empty()) return cells;
    for (const Ip& ip : workload.addresses)
      cells.push_back(
          static_cast<std::size_t>(std::upper_bound(asked_.cuts.begin(), asked_.cuts.end(), ip) - asked_.cuts.begin()) *
              2 +
          (ip.is_v4() ? 0U : 1U));
    sort_unique(cells);
    return cells;
  }

  IpSet addresses_of(const Workload& workload) const {
    if (workload.addresses.empty()) return workload.host_network ? node_addresses_ : pod_addresses_;
    IpSet set;
    for (const Ip& ip : workload.addresses) set |= IpSet::of(ip);
    return set;
  }

  const Cluster& cluster_;
  const Asked asked_;
  const IpSet pod_addresses_, node_addresses_;
  LabelIndex& index_;
  std::map<std::string_view, const Namespace*> namespaces_;
  Numbers<std::string> names_;
  Numbers<PortTable> tables_;
  Numbers<std::vector<std::size_t>> cells_;
  std::map<Key, std::size_t> classes_;
  WorkloadClasses result_;
};

}  // namespace

WorkloadClasses workload_classes(const Cluster& cluster, std::span<const PolicySets> policies, const IpSet& pod_ranges,
                                 const IpSet& node_ranges, LabelIndex& index) {
  return Builder(cluster, asked_by(policies), pod_ranges, node_ranges, index).build();
}

}  // namespace airtight::verify
