// RBAC as far as it undoes isolation: who may make or change policies and pods. And admission policies, which hold
// what RBAC lets through.
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/verify/kubernetes/fields.h"
#include "compiler/verify/kubernetes/readers.h"

namespace airtight::verify {
namespace {

struct ResourceRow {
  std::string_view group;
  std::string_view resource;
  bool Rights::*right;
};
constexpr std::array<ResourceRow, 27> kResources{{
    {"networking.k8s.io", "networkpolicies", &Rights::network_policies},
    {"extensions", "networkpolicies", &Rights::network_policies},
    {"", "pods", &Rights::pods},
    {"", "replicationcontrollers", &Rights::pods},
    {"apps", "deployments", &Rights::pods},
    {"apps", "replicasets", &Rights::pods},
    {"apps", "statefulsets", &Rights::pods},
    {"apps", "daemonsets", &Rights::pods},
    {"extensions", "deployments", &Rights::pods},
    {"extensions", "replicasets", &Rights::pods},
    {"extensions", "daemonsets", &Rights::pods},
    {"batch", "jobs", &Rights::pods},
    {"batch", "cronjobs", &Rights::pods},
    {"policy.networking.k8s.io", "adminnetworkpolicies", &Rights::cluster_policies},
    {"policy.networking.k8s.io", "baselineadminnetworkpolicies", &Rights::cluster_policies},
    {"policy.networking.k8s.io", "clusternetworkpolicies", &Rights::cluster_policies},
    {"cilium.io", "ciliumclusterwidenetworkpolicies", &Rights::cluster_policies},
    {"cilium.io", "ciliumcidrgroups", &Rights::cluster_policies},
    {"cilium.io", "ciliumnetworkpolicies", &Rights::plugin_policies},
    {"projectcalico.org", "globalnetworkpolicies", &Rights::cluster_policies},
    {"projectcalico.org", "tier.globalnetworkpolicies", &Rights::cluster_policies},
    {"projectcalico.org", "tiers", &Rights::cluster_policies},
    {"projectcalico.org", "networkpolicies", &Rights::plugin_policies},
    {"projectcalico.org", "tier.networkpolicies", &Rights::plugin_policies},
    {"crd.projectcalico.org", "globalnetworkpolicies", &Rights::cluster_policies},
    {"crd.projectcalico.org", "tiers", &Rights::cluster_policies},
    {"crd.projectcalico.org", "networkpolicies", &Rights::plugin_policies},
}};

constexpr std::array<std::string_view, 3> kMakes{"create", "update", "patch"};
constexpr std::array<std::string_view, 2> kRemoves{"delete",
                                                   "deletecollection"};  // a policy that is gone denies nothing

// Roles that every cluster has and no manifest writes. Those that can do nothing of interest are here to be known.
struct BuiltinRow {
  std::string_view name;
  Rights rights;
  std::string_view aggregates;  // the label whose roles are added
};
constexpr Rights kEverything{true, true, true, true};
constexpr Rights kEditor{true, true, false, false};
constexpr std::array<BuiltinRow, 17> kBuiltins{{
    {"cluster-admin", kEverything, ""},
    {"admin", kEditor, "rbac.authorization.k8s.io/aggregate-to-admin"},
    {"edit", kEditor, "rbac.authorization.k8s.io/aggregate-to-edit"},
    {"view", {}, "rbac.authorization.k8s.io/aggregate-to-view"},
    {"system:auth-delegator", {}, ""},
    {"system:basic-user", {}, ""},
    {"system:discovery", {}, ""},
    {"system:kube-dns", {}, ""},
    {"system:kubelet-api-admin", {}, ""},
    {"system:monitoring", {}, ""},
    {"system:node-bootstrapper", {}, ""},
    {"system:node-problem-detector", {}, ""},
    {"system:node-proxier", {}, ""},
    {"system:persistent-volume-provisioner", {}, ""},
    {"system:public-info-viewer", {}, ""},
    {"system:service-account-issuer-discovery", {}, ""},
    {"extension-apiserver-authentication-reader", {}, ""},  // a Role of kube-system
}};

bool has(std::span<const Value> list, std::string_view text) {
  return std::any_of(list.begin(), list.end(),
                     [&](const Value& item) { return item.text == "*" || item.text == text; });
}

template <std::size_t N>
bool has_any(std::span<const Value> list, const std::array<std::string_view, N>& texts) {
  return std::any_of(texts.begin(), texts.end(), [&](std::string_view text) { return has(list, text); });
}

Rights rights_of(const Value& rule) {
  Rights rights;
  const std::span<const Value> verbs = list_of(rule, "verbs");
  const bool makes = has_any(verbs, kMakes);
  const bool removes = has_any(verbs, kRemoves);
  for (const ResourceRow& row : kResources) {
    if (!has(list_of(rule, "apiGroups"), row.group) || !has(list_of(rule, "resources"), row.resource)) continue;
    if (makes || (removes && row.right != &Rights::pods)) rights.*row.right = true;
  }
  return rights;
}

Rights operator|(const Rights& a, const Rights& b) {
  return {a.network_policies || b.network_policies, a.pods || b.pods, a.plugin_policies || b.plugin_policies,
          a.cluster_policies || b.cluster_policies};
}

std::string subject_name(const Value& subject, const ObjectRef& binding) {
  const std::string kind(text_of(subject, "kind"));
  std::string name(text_of(subject, "name"));
  if (kind != "ServiceAccount") return kind + " " + name;
  const std::string ns(text_of(subject, "namespace"));
  return kind + " " + (ns.empty() ? binding.ns : ns) + "/" + name;
}

std::string key_of(std::string_view kind, std::string_view ns, std::string_view name) {
  return std::string(kind).append("\n").append(ns).append("\n").append(name);
}

const BuiltinRow* builtin(const ObjectRef& role) {
  const auto* row =
      std::find_if(kBuiltins.begin(), kBuiltins.end(), [&](const BuiltinRow& r) { return r.name == role.name; });
  const bool right_kind = (role.kind == "Role") == (role.name == "extension-apiserver-authentication-reader");
  return row != kBuiltins.end() && right_kind ? row : nullptr;
}

// What its own rules and the cluster roles that it aggregates give, aggregates of aggregates too.
class RoleRights {
 public:
  explicit RoleRights(const Cluster& cluster) : cluster_(cluster) {
    for (std::size_t i = 0; i < cluster.roles.size(); ++i) {
      const ObjectRef& ref = cluster.roles[i].ref;
      by_name_.emplace(key_of(ref.kind, ref.ns, ref.name), i);
    }
  }

  // Empty: it is not in the input, and no built-in one.
  std::optional<Rights> of(const ObjectRef& ref) const {
    const auto found = by_name_.find(key_of(ref.kind, ref.ns, ref.name));
    const BuiltinRow* row = builtin(ref);
    if (found == by_name_.end() && row == nullptr) return std::nullopt;
    std::set<std::size_t> seen;
    Rights rights;
    if (found != by_name_.end()) rights = with_aggregates(found->second, seen);
    // The server keeps the built-in rules beside what a manifest of the same name says.
    if (row == nullptr) return rights;
    rights = rights | row->rights;
    if (!row->aggregates.empty()) {
      rights = rights | aggregated(Selector::in(std::string(row->aggregates), {"true"}), seen);
    }
    return rights;
  }

 private:
  Rights with_aggregates(std::size_t index, std::set<std::size_t>& seen) const {
    if (!seen.insert(index).second) return {};
    Rights rights = cluster_.roles[index].rights;
    for (const Selector& selector : cluster_.roles[index].aggregates) rights = rights | aggregated(selector, seen);
    return rights;
  }

  Rights aggregated(const Selector& selector, std::set<std::size_t>& seen) const {
    Rights rights;
    for (std::size_t i = 0; i < cluster_.roles.size(); ++i) {
      const Role& role = cluster_.roles[i];
      if (role.ref.kind != "ClusterRole" || matches(selector, {role.labels, true}) == Match::No) continue;
      rights = rights | with_aggregates(i, seen);
    }
    return rights;
  }

  const Cluster& cluster_;
  std::unordered_map<std::string, std::size_t> by_name_;
};

std::string joined_resources(const Value& policy) {
  std::set<std::string> resources;
  if (const Value* constraints = field(policy, {"spec", "matchConstraints"})) {
    for (const Value& rule : list_of(*constraints, "resourceRules")) {
      for (const Value& resource : list_of(rule, "resources")) resources.insert(resource.text);
    }
  }
  std::string text;
  for (const std::string& resource : resources) text.append(text.empty() ? "" : ", ").append(resource);
  return text;
}

}  // namespace

void read_role(const Value& object, ReaderContext context) {
  Role role;
  role.ref = context.ref;
  role.labels = string_members(field(object, {"metadata", "labels"}));
  for (const Value& rule : list_of(object, "rules")) role.rights = role.rights | rights_of(rule);
  if (const Value* aggregation = field(object, "aggregationRule")) {
    for (const Value& selector : list_of(*aggregation, "clusterRoleSelectors")) {
      Faults faults;
      role.aggregates.push_back(read_label_selector(selector, faults));
    }
  }
  context.cluster.roles.push_back(std::move(role));
}

void read_role_binding(const Value& object, ReaderContext context) {
  RoleBinding binding;
  binding.ref = context.ref;
  const Value* role = field(object, "roleRef");
  if (role == nullptr || text_of(*role, "name").empty()) {
    remark(context, Rule::RefusedObject, context.ref.span, "the API server would refuse it: there is no roleRef");
    return;
  }
  binding.role.kind = text_of(*role, "kind");
  binding.role.name = text_of(*role, "name");
  if (binding.role.kind == "Role") binding.role.ns = context.ref.ns;
  binding.role.span = field(*role, "name")->span;
  for (const Value& subject : list_of(object, "subjects")) {
    binding.subjects.push_back(subject_name(subject, context.ref));
  }
  context.cluster.role_bindings.push_back(std::move(binding));
}

void bind_roles(Cluster& cluster) {
  const RoleRights rights_of_roles(cluster);
  std::unordered_map<std::string, std::optional<Rights>> known;
  for (const RoleBinding& binding : cluster.role_bindings) {
    const auto [entry, is_new] = known.try_emplace(key_of(binding.role.kind, binding.role.ns, binding.role.name));
    if (is_new) entry->second = rights_of_roles.of(binding.role);
    const std::optional<Rights>& rights = entry->second;
    if (!rights) {
      cluster.remarks.push_back({Rule::FieldNotUnderstood, binding.role.span, to_string(binding.ref),
                                 "binds " + to_string(binding.role) +
                                     ", which is not in the input: what it lets its subjects do is not known"});
      continue;
    }
    const bool everywhere = binding.ref.kind == "ClusterRoleBinding";
    const bool policies = rights->plugin_policies || (everywhere && rights->cluster_policies);
    if (!rights->network_policies && !rights->pods && !policies) continue;
    for (const std::string& subject : binding.subjects) {
      cluster.grants.push_back({subject, everywhere ? std::string() : binding.ref.ns, rights->network_policies,
                                rights->pods, policies, binding.ref, binding.role});
    }
  }
}

void read_admission_policy(const Value& object, ReaderContext context) {
  AdmissionPolicy policy;
  policy.ref = context.ref;
  policy.about = joined_resources(object);
  const Value* failure = field(object, {"spec", "failurePolicy"});
  policy.fails_closed = failure == nullptr || failure->text == "Fail";
  context.cluster.admission.push_back(std::move(policy));
}

void read_admission_binding(const Value& object, ReaderContext context) {
  AdmissionBinding binding;
  binding.ref = context.ref;
  if (const Value* spec = field(object, "spec")) {
    binding.policy = text_of(*spec, "policyName");
    const std::span<const Value> actions = list_of(*spec, "validationActions");
    binding.denies = std::any_of(actions.begin(), actions.end(), [](const Value& a) { return a.text == "Deny"; });
  }
  context.cluster.admission_bindings.push_back(std::move(binding));
}

void bind_admission(Cluster& cluster) {
  std::set<std::string> bound;
  for (const AdmissionBinding& binding : cluster.admission_bindings) {
    if (binding.denies) bound.insert(binding.policy);
  }
  for (AdmissionPolicy& policy : cluster.admission) policy.bound = bound.contains(policy.ref.name);
}

}  // namespace airtight::verify
