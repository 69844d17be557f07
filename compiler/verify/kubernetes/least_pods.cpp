#include "compiler/verify/kubernetes/least_pods.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

namespace airtight::verify {
namespace {

constexpr std::size_t kMaxLeastPods = 20'000;
constexpr std::string_view kNameLabel = "kubernetes.io/metadata.name";
// No namespace can be called so.
constexpr std::string_view kElsewhere = "any other namespace";

// The fewest labels that the selector matches; nothing if it is no conjunction of leaves, or matches nobody.
std::optional<Labels> least_labels(const Selector& selector, Labels labels = {}) {
  switch (selector.op) {
    case Selector::Op::All:
      return labels;
    case Selector::Op::In: {
      const auto known = labels.find(selector.key);
      if (known != labels.end())
        return std::binary_search(selector.values.begin(), selector.values.end(), known->second) ? std::optional(labels)
                                                                                                 : std::nullopt;
      if (selector.values.empty()) return std::nullopt;
      labels[selector.key] = selector.values.front();
      return labels;
    }
    case Selector::Op::Exists:
      labels.try_emplace(selector.key, "any");
      return labels;
    case Selector::Op::NotIn:
    case Selector::Op::NotExists:
      return matches(selector, {labels, true}) == Match::Yes ? std::optional(labels) : std::nullopt;
    case Selector::Op::And: {
      // What must be there first, what must not be there last.
      std::optional<Labels> all = std::move(labels);
      for (const bool positive : {true, false})
        for (const Selector& part : selector.parts)
          if (all && positive == (part.op == Selector::Op::In || part.op == Selector::Op::Exists))
            all = least_labels(part, *std::move(all));
      return all;
    }
    default:
      return std::nullopt;
  }
}

class Maker {
 public:
  explicit Maker(Cluster& cluster) : cluster_(cluster) {
    for (const Workload& pods : cluster.workloads)
      if (!pods.host_network && pods.labels.complete && pods.labels.unknown_keys.empty())
        known_.insert({pods.ref.ns, pods.labels.labels});
  }

  bool run(std::span<const std::string> judged) {
    // Subjects first: the same pod as somebody's peer must not keep it from being judged.
    for (const PolicyObject& policy : cluster_.policies)
      if (const std::optional<Labels> labels = least_labels(policy.pods))
        for (const std::string& name : judged)
          if (const Namespace* ns = cluster_.find_namespace(name);
              ns && matches(policy.namespaces, ns->labels) != Match::No)
            make(name, *labels, true);
    for (const PolicyObject& policy : cluster_.policies)
      for (const std::vector<PolicyRule>* rules : {&policy.ingress, &policy.egress})
        for (const PolicyRule& rule : *rules)
          for (const RulePeer& peer : rule.peers)
            if (peer.kind == RulePeer::Kind::Pods &&
                seen_.insert({to_string(peer.namespaces), to_string(peer.pods)}).second)
              add(peer);
    if (made_.size() > kMaxLeastPods) return false;
    for (Namespace& ns : namespaces_) cluster_.namespaces.push_back(std::move(ns));
    std::sort(cluster_.namespaces.begin(), cluster_.namespaces.end(),
              [](const Namespace& a, const Namespace& b) { return a.name < b.name; });
    std::move(made_.begin(), made_.end(), std::back_inserter(cluster_.workloads));
    return true;
  }

 private:
  void add(const RulePeer& peer) {
    const std::optional<Labels> labels = least_labels(peer.pods);
    if (!labels) return;
    bool named = false;
    for (const Namespace& ns : cluster_.namespaces)
      if (matches(peer.namespaces, ns.labels) != Match::No) {
        make(ns.name, *labels, false);
        named = true;
      }
    const std::optional<Labels> wanted = least_labels(peer.namespaces);
    if (!wanted) return;
    if (const auto name = wanted->find(std::string(kNameLabel)); name != wanted->end()) {
      if (!named) in_new_namespace(name->second, *wanted, *labels);
    } else {
      // One for each set of labels, so that selectors that ask for different ones do not meet.
      Labels elsewhere = *wanted;
      std::string text(kElsewhere);
      for (const auto& [key, value] : *wanted) text += " with " + key + "=" + value;
      elsewhere[std::string(kNameLabel)] = text;
      in_new_namespace(text, elsewhere, *labels);
    }
  }

  void in_new_namespace(const std::string& name, const Labels& ns_labels, const Labels& labels) {
    if (fresh_.insert(name).second) namespaces_.push_back({name, {ns_labels, true}, false, {}});
    make(name, labels, false);
  }

  void make(const std::string& ns, const Labels& labels, bool judged) {
    if (made_.size() > kMaxLeastPods || !known_.insert({ns, labels}).second) return;
    Workload pod;
    pod.ref = {"Pod", ns, "least", {}};
    pod.labels = {labels, true};
    pod.symbolic = true;
    pod.hypothetical = true;
    pod.judged = judged;
    made_.push_back(std::move(pod));
  }

  Cluster& cluster_;
  std::set<std::pair<std::string, Labels>> known_;
  std::set<std::pair<std::string, std::string>> seen_;
  std::set<std::string> fresh_;
  std::vector<Namespace> namespaces_;
  std::vector<Workload> made_;
};

}  // namespace

bool add_least_pods(Cluster& cluster, std::span<const std::string> judged) { return Maker(cluster).run(judged); }

}  // namespace airtight::verify
