// Label classes. A policy is asked of a pod by its subject; so pods whose labels answer every subject alike are one
// class, and one symbolic pod stands for all of them. Peers' selectors are left out: what they distinguish changes whom
// a pod may reach inside, never what holds the pod itself, and the product of both would grow beyond any bound. For
// exactness, workloads of the input and those that a spec declares stand at the other end.
#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/verify/kubernetes/evaluation.h"

namespace airtight::verify {
namespace {

using Op = Selector::Op;

constexpr std::size_t kMaxClassesOfNamespace = 4'096;
constexpr std::size_t kMaxClasses = 200'000;
constexpr std::size_t kMaxFragments = 4;  // of `contains` on one key: each subset of them is a value

// A label of the pod, or the name of its service account.
struct Key {
  bool account;
  std::string name;
  friend auto operator<=>(const Key&, const Key&) = default;
};

// Leaves that hold together or not at all as far as any subject asks.
struct Unit {
  std::map<Key, std::vector<const Selector*>> leaves;
};
using Holding = std::vector<bool>;  // by unit

bool is_leaf(const Selector& selector) { return !selector.key.empty(); }

bool is_conjunction(const Selector& selector) {
  return is_leaf(selector) || selector.op == Op::All ||
         (selector.op == Op::And && std::all_of(selector.parts.begin(), selector.parts.end(), is_conjunction));
}

void each_leaf(const Selector& selector, const auto& visit) {
  for (const Selector& part : selector.parts) each_leaf(part, visit);
  if (is_leaf(selector)) visit(selector);
}

// A conjunction is asked as a whole; of any other expression each leaf counts.
void add_units(const PolicyObject& policy, std::vector<Unit>& units) {
  Unit whole;
  for (const bool account : {false, true}) {
    const Selector& selector = account ? policy.service_accounts : policy.pods;
    const bool together = is_conjunction(selector);
    each_leaf(selector, [&](const Selector& leaf) {
      if (account && leaf.key != "name") return;  // unknown of every pod
      Unit alone;
      (together ? whole : alone).leaves[{account, leaf.key}].push_back(&leaf);
      if (!together) units.push_back(std::move(alone));
    });
  }
  if (!whole.leaves.empty()) units.push_back(std::move(whole));
}

bool all_hold(const std::vector<const Selector*>& leaves, const Key& key, const std::optional<std::string>& value) {
  KnownLabels labels;
  if (value) labels.labels.emplace(key.name, *value);
  return std::all_of(leaves.begin(), leaves.end(),
                     [&](const Selector* leaf) { return matches(*leaf, labels) == Match::Yes; });
}

// A value of one key for every way in which the leaves can answer, absence first; empty if there are too many.
class Values {
 public:
  void add(const Selector& leaf) {
    std::set<std::string>& kind = leaf.op == Op::StartsWith ? starts_
                                  : leaf.op == Op::EndsWith ? ends_
                                  : leaf.op == Op::Contains ? fragments_
                                                            : mentioned_;
    kind.insert(leaf.values.begin(), leaf.values.end());
  }

  std::vector<std::optional<std::string>> all() const {
    std::vector<std::optional<std::string>> values{std::nullopt};
    const bool plain = starts_.empty() && ends_.empty() && fragments_.empty();
    const std::string between = plain && !mentioned_.contains("other") ? "other" : filler();
    if (between.empty() || fragments_.size() > kMaxFragments) return {};
    values.emplace_back(between);
    for (const std::string& value : mentioned_) values.emplace_back(value);
    if (plain) return values;
    std::vector<std::string> middles{between};
    for (const std::string& fragment : fragments_)
      for (std::size_t i = 0, n = middles.size(); i < n; ++i) middles.push_back(middles[i] + fragment + between);
    for (const std::string& start : with_none(starts_))
      for (const std::string& middle : middles)
        for (const std::string& end : with_none(ends_)) values.emplace_back(start + middle + end);
    if (values.size() > kMaxClassesOfNamespace) return {};
    return values;
  }

 private:
  // A letter that is in no text of the leaves, so that it makes nothing match that should not.
  std::string filler() const {
    std::string used;
    for (const std::set<std::string>* const texts : {&mentioned_, &starts_, &ends_, &fragments_})
      for (const std::string& text : *texts) used += text;
    for (const char letter : std::string_view("xyzqjkvwabcdefghilmnoprstu0123456789"))
      if (used.find(letter) == std::string::npos) return std::string(1, letter);
    return {};
  }

  static std::set<std::string> with_none(std::set<std::string> texts) {
    texts.insert("");
    return texts;
  }

  std::set<std::string> mentioned_, starts_, ends_, fragments_;
};

// Its labels as the class that it stands for shows them.
using Assignment = std::map<Key, std::string>;

class NamespaceClasses {
 public:
  NamespaceClasses(const Cluster& cluster, const Namespace& ns) {
    for (const PolicyObject& policy : cluster.policies) {
      if (policy.refused || !policy.selects_pods) continue;
      if (!policy.ref.ns.empty() && policy.ref.ns != ns.name) continue;
      if (matches(policy.namespaces, ns.labels) == Match::No) continue;
      add_units(policy, units_);
      ports_of_outside_ |= std::any_of(policy.ingress.begin(), policy.ingress.end(), names_ports_of_outside);
    }
    for (const Unit& unit : units_)
      for (const auto& [key, leaves] : unit.leaves)
        for (const Selector* const leaf : leaves) values_[key].add(*leaf);
  }

  // One assignment a class; false if there are too many. What two assignments leave alike after some keys, the other
  // keys cannot tell apart, so that one of them goes on.
  bool split(std::map<Holding, Assignment>& classes) const {
    classes = {{Holding(units_.size(), true), {}}};
    for (const auto& [key, values] : values_) {
      const std::vector<std::optional<std::string>> options = values.all();
      if (options.empty()) return false;
      std::map<Holding, Assignment> next;
      for (const std::optional<std::string>& option : options) {
        const Holding holds = holding(key, option);
        for (const auto& [before, assignment] : classes) {
          Holding both = before;
          for (std::size_t u = 0; u < both.size(); ++u) both[u] = both[u] && holds[u];
          const auto [place, added] = next.try_emplace(std::move(both), assignment);
          if (added && option) place->second.emplace(key, *option);
        }
        if (next.size() > kMaxClassesOfNamespace) return false;
      }
      classes = std::move(next);
    }
    return true;
  }

  // The class of a workload of the input; empty if it stands for none: its labels are not all known, or a pod with the
  // same labels might name other ports toward the outside.
  std::optional<Holding> class_of(const Workload& workload) const {
    if (workload.host_network || !workload.judged || !workload.labels.complete || ports_of_outside_)
      return std::nullopt;
    Holding holds(units_.size(), true);
    for (const auto& [key, values] : values_) {
      if (!key.account && workload.labels.unknown_keys.contains(key.name)) return std::nullopt;
      std::optional<std::string> value;
      const auto label = workload.labels.labels.find(key.name);
      if (key.account) value = workload.service_account.empty() ? "default" : workload.service_account;
      if (!key.account && label != workload.labels.labels.end()) value = label->second;
      const Holding here = holding(key, value);
      for (std::size_t u = 0; u < holds.size(); ++u) holds[u] = holds[u] && here[u];
    }
    return holds;
  }

 private:
  static bool names_ports_of_outside(const PolicyRule& rule) {
    return !rule.named_ports.empty() && std::any_of(rule.peers.begin(), rule.peers.end(), [](const RulePeer& peer) {
      return peer.kind != RulePeer::Kind::Pods;
    });
  }

  Holding holding(const Key& key, const std::optional<std::string>& value) const {
    Holding holds(units_.size(), true);
    for (std::size_t u = 0; u < units_.size(); ++u) {
      const auto asked = units_[u].leaves.find(key);
      if (asked != units_[u].leaves.end()) holds[u] = all_hold(asked->second, key, value);
    }
    return holds;
  }

  std::vector<Unit> units_;
  std::map<Key, Values> values_;
  bool ports_of_outside_ = false;
};

Workload symbolic_pod(const std::string& ns, const Assignment& assignment) {
  Workload pod;
  pod.ref = {"Pod", ns, "", {}};
  pod.symbolic = true;
  for (const auto& [key, value] : assignment) {
    if (key.account) {
      pod.service_account = value;
    } else {
      pod.labels.labels.emplace(key.name, value);
    }
  }
  return pod;
}

void make_namespace(Cluster& cluster, const std::string& name) {
  if (cluster.find_namespace(name)) return;
  Namespace made;
  made.name = name;
  made.labels = {{{"kubernetes.io/metadata.name", name}}, false};
  const auto before = [](const Namespace& ns, std::string_view n) { return ns.name < n; };
  cluster.namespaces.insert(std::lower_bound(cluster.namespaces.begin(), cluster.namespaces.end(), name, before),
                            std::move(made));
}

}  // namespace

bool add_symbolic_pods(Cluster& cluster, std::span<const std::string> namespaces) {
  std::map<std::string, std::vector<const Workload*>, std::less<>> there;
  for (const Workload& workload : cluster.workloads) there[workload.ref.ns].push_back(&workload);
  std::vector<Workload> made;
  const std::set<std::string> names(namespaces.begin(), namespaces.end());
  for (const std::string& name : names) make_namespace(cluster, name);
  for (const std::string& name : names) {
    const NamespaceClasses of_namespace(cluster, *cluster.find_namespace(name));
    std::map<Holding, Assignment> classes;
    if (!of_namespace.split(classes)) return false;
    for (const Workload* const workload : there[name])
      if (const std::optional<Holding> stands_for = of_namespace.class_of(*workload)) classes.erase(*stands_for);
    std::vector<Workload> pods;
    for (const auto& [holding, assignment] : classes) pods.push_back(symbolic_pod(name, assignment));
    std::sort(pods.begin(), pods.end(), [](const Workload& a, const Workload& b) {
      return std::tie(a.labels, a.service_account) < std::tie(b.labels, b.service_account);
    });
    if (made.size() + pods.size() > kMaxClasses) return false;
    std::move(pods.begin(), pods.end(), std::back_inserter(made));
  }
  std::move(made.begin(), made.end(), std::back_inserter(cluster.workloads));
  return true;
}

}  // namespace airtight::verify
