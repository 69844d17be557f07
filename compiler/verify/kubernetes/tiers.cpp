#include "compiler/verify/kubernetes/tiers.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <string_view>
#include <tuple>
#include <utility>

namespace airtight::verify {
namespace {

using Api = PolicyObject::Api;

constexpr double kDefaultTierOrder = 1'000'000;  // Calico's tier `default`, where no Tier object says else
constexpr double kAdminTierOrder = 1'000;        // where Calico puts the Kubernetes API's tiers
constexpr double kBaselineTierOrder = 10'000'000;
constexpr double kNetworkPolicyOrder = 1'000;  // of NetworkPolicies in Calico's tier `default`

bool is_admin_api(Api api) {
  return api == Api::AdminNetworkPolicy || api == Api::BaselineAdminNetworkPolicy || api == Api::ClusterNetworkPolicy;
}

bool is_baseline(const PolicyObject& policy) {
  return policy.api == Api::BaselineAdminNetworkPolicy ||
         (policy.api == Api::ClusterNetworkPolicy && policy.tier == "baseline");
}

// Whether its rules of this direction count, so that a tier does not pass over it.
bool applies(const PolicyObject& policy, Direction direction) {
  if (policy.api != Api::Calico) return policy.isolates(direction);
  return direction == Direction::Ingress ? policy.ingress_applies : policy.egress_applies;
}

// Calico's resource names may carry their tier in front.
std::string calico_name(const PolicyObject& policy) {
  const std::string prefix = policy.tier + ".";
  return policy.ref.name.starts_with(prefix) ? policy.ref.name.substr(prefix.size()) : policy.ref.name;
}

bool same_action(const Group& group, Action action) {
  for (const Chain& chain : group)
    for (const Step& step : chain)
      if (step.rule->action != action) return false;
  return true;
}

// Adds the group: as one chain where order cannot matter, and behind the chain before it where both are one.
void append(std::vector<Group>& groups, Group group) {
  std::erase_if(group, [](const Chain& chain) { return chain.empty(); });
  if (group.empty()) return;
  if (group.size() > 1 && same_action(group, group.front().front().rule->action)) {
    Chain one;
    for (const Chain& chain : group) one.insert(one.end(), chain.begin(), chain.end());
    group = {std::move(one)};
  }
  if (group.size() == 1 && !groups.empty() && groups.back().size() == 1) {
    Chain& before = groups.back().front();
    before.insert(before.end(), group.front().begin(), group.front().end());
  } else {
    groups.push_back(std::move(group));
  }
}

}  // namespace

TierOrder::TierOrder(const Cluster& cluster, std::span<const PolicySets> policies) : policies_(policies) {
  const auto has = [&](Api api) {
    return std::any_of(cluster.policies.begin(), cluster.policies.end(),
                       [&](const PolicyObject& policy) { return policy.api == api && !policy.refused; });
  };
  if (has(Api::Cilium)) plugins_.push_back(cilium());
  if (has(Api::Calico)) plugins_.push_back(calico(cluster));
  if (plugins_.empty()) plugins_.push_back(kubernetes());
  for (Plugin& plugin : plugins_) rank(plugin);
}

// Objects of equal priority are tied whatever their names: each is a chain of its own.
TierOrder::Place TierOrder::admin_place(const PolicyObject& policy, std::size_t admin, std::size_t baseline) const {
  return {is_baseline(policy) ? baseline : admin, policy.order, to_string(policy.ref), "", 0};
}

TierOrder::Plugin TierOrder::kubernetes() const {
  Plugin plugin;
  plugin.tiers = {{"admin", Kind::Ordered, false, true},
                  {"default", Kind::Allows, true, true},
                  {"baseline", Kind::Ordered, false, true}};
  for (const PolicySets& policy : policies_)
    plugin.places.push_back(is_admin_api(policy.object->api)           ? admin_place(*policy.object, 0, 2)
                            : policy.object->api == Api::NetworkPolicy ? Place{1, 0, "", "", 0}
                                                                       : Place{});
  return plugin;
}

TierOrder::Plugin TierOrder::cilium() const {
  Plugin plugin;
  plugin.tiers = {{"admin", Kind::Ordered, false, true},
                  {"cilium", Kind::DenyFirst, true, true},
                  {"baseline", Kind::Ordered, false, true}};
  for (const PolicySets& policy : policies_)
    plugin.places.push_back(is_admin_api(policy.object->api)    ? admin_place(*policy.object, 0, 2)
                            : policy.object->api == Api::Calico ? Place{}
                                                                : Place{1, 0, "", "", 0});
  return plugin;
}

TierOrder::Plugin TierOrder::calico(const Cluster& cluster) const {
  struct Known {
    double order;
    std::string name;
    bool of_kubernetes;  // the API's own tiers, which no Tier object names
    bool default_deny;
    bool certain;
  };
  std::vector<Known> known = {{kAdminTierOrder, "admin", true, false, true},
                              {kBaselineTierOrder, "baseline", true, false, true}};
  const auto named = [&](std::string_view name) {
    return std::find_if(known.begin(), known.end(),
                        [&](const Known& tier) { return !tier.of_kubernetes && tier.name == name; });
  };
  for (const PolicyTier& tier : cluster.tiers) known.push_back({tier.order, tier.name, false, tier.default_deny, true});
  if (named("default") == known.end()) known.push_back({kDefaultTierOrder, "default", false, true, true});
  // A policy of a tier that the input does not show may stand anywhere: in front, where its rules may count or not.
  for (const PolicySets& policy : policies_)
    if (policy.object->api == Api::Calico && named(policy.object->tier) == known.end())
      known.push_back({-std::numeric_limits<double>::infinity(), policy.object->tier, false, true, false});
  std::stable_sort(known.begin(), known.end(), [](const Known& a, const Known& b) {
    return std::tie(a.order, a.name) < std::tie(b.order, b.name);
  });

  Plugin plugin;
  std::size_t admin = 0;
  std::size_t baseline = 0;
  std::map<std::string, std::size_t, std::less<>> numbers;
  for (const Known& tier : known) {
    const std::size_t number = plugin.tiers.size();
    if (tier.of_kubernetes) {
      (tier.name == "admin" ? admin : baseline) = number;
    } else {
      numbers.emplace(tier.name, number);
    }
    plugin.tiers.push_back({tier.name, Kind::Ordered, tier.default_deny, tier.certain});
  }
  for (const PolicySets& sets : policies_) {
    const PolicyObject& policy = *sets.object;
    if (is_admin_api(policy.api)) {
      plugin.places.push_back(admin_place(policy, admin, baseline));
    } else if (policy.api == Api::NetworkPolicy) {
      plugin.places.push_back({numbers.at("default"), kNetworkPolicyOrder, "kubernetes", policy.ref.name, 0});
    } else if (policy.api == Api::Calico) {
      // Policies of one kind go by name; how kinds go among each other changed between versions.
      plugin.places.push_back({numbers.at(policy.tier), policy.order, policy.ref.ns.empty() ? "global" : "namespaced",
                               calico_name(policy), 0});
    } else {
      plugin.places.emplace_back();
    }
  }
  return plugin;
}

void TierOrder::rank(Plugin& plugin) {
  std::vector<std::size_t> sorted(plugin.places.size());
  std::iota(sorted.begin(), sorted.end(), std::size_t{0});
  std::stable_sort(sorted.begin(), sorted.end(), [&](std::size_t a, std::size_t b) {
    const auto key = [&](const Place& p) { return std::tie(p.tier, p.order, p.chain, p.name); };
    return key(plugin.places[a]) < key(plugin.places[b]);
  });
  for (std::size_t i = 0; i < sorted.size(); ++i) plugin.places[sorted[i]].rank = i;
}

std::vector<TierList> TierOrder::lists(std::span<const Selecting> selecting, Direction direction) const {
  std::vector<TierList> lists;
  for (const Plugin& plugin : plugins_) {
    std::vector<Selecting> ranked(selecting.begin(), selecting.end());
    std::sort(ranked.begin(), ranked.end(), [&](const Selecting& a, const Selecting& b) {
      return plugin.places[a.policy].rank < plugin.places[b.policy].rank;
    });
    TierList& list = lists.emplace_back();
    for (std::size_t begin = 0, end = 0; begin < ranked.size(); begin = end) {
      const std::size_t tier = plugin.places[ranked[begin].policy].tier;
      while (end < ranked.size() && plugin.places[ranked[end].policy].tier == tier) ++end;
      if (tier == kNone) continue;
      TierRules rules =
          rules_of(plugin, tier, std::span<const Selecting>(ranked).subspan(begin, end - begin), direction);
      if (!rules.groups.empty() || rules.end.may_deny) list.push_back(std::move(rules));
    }
  }
  return lists;
}

TierRules TierOrder::rules_of(const Plugin& plugin, std::size_t number, std::span<const Selecting> ranked,
                              Direction direction) const {
  const Tier& tier = plugin.tiers[number];
  TierRules result{tier.name, {}, end_of(tier, ranked, direction)};
  const auto add_steps = [&](Chain& chain, const Selecting& selecting, auto wanted) {
    for (const RuleSets& rule : policies_[selecting.policy].of(direction))
      if (wanted(rule.action)) chain.push_back({&rule, selecting.certain && tier.certain});
  };
  const auto is_deny = [](Action action) { return action == Action::Deny; };
  const auto is_no_deny = [](Action action) { return action != Action::Deny; };
  const auto is_any = [](Action) { return true; };
  if (tier.kind == Kind::Ordered) {
    Group group;
    for (std::size_t i = 0; i < ranked.size(); ++i) {
      const Place& place = plugin.places[ranked[i].policy];
      const Place* const before = i == 0 ? nullptr : &plugin.places[ranked[i - 1].policy];
      if (before && before->order != place.order) append(result.groups, std::exchange(group, {}));
      if (group.empty() || before->chain != place.chain) group.emplace_back();
      add_steps(group.back(), ranked[i], is_any);
    }
    append(result.groups, std::move(group));
    return result;
  }
  // No order among the policies, so that denials first says all.
  Chain denials, rest;
  for (const Selecting& selecting : ranked) {
    if (tier.kind == Kind::DenyFirst) add_steps(denials, selecting, is_deny);
    add_steps(rest, selecting, is_no_deny);
  }
  append(result.groups, {std::move(denials)});
  append(result.groups, {std::move(rest)});
  return result;
}

TierEnd TierOrder::end_of(const Tier& tier, std::span<const Selecting> selecting, Direction direction) const {
  TierEnd end;
  if (!tier.default_deny) return end;
  for (const Selecting& one : selecting) {
    const PolicyObject& policy = *policies_[one.policy].object;
    if (!applies(policy, direction)) continue;
    const bool transport_only = policy.api == Api::NetworkPolicy;
    const bool sure = one.certain && tier.certain && !policy.doubtful;
    if (!end.isolating || (sure && !end.denies_transport)) end.isolating = &policy;
    end.may_deny = true;
    end.may_leave_others |= transport_only;
    end.denies_transport |= sure;
    end.denies_all |= sure && !transport_only;
  }
  return end;
}

}  // namespace airtight::verify
