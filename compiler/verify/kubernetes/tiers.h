// The order in which a plugin asks the policies that select a pod. Everything about orders, priorities and ties is
// here; what the rules match is not.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "compiler/verify/kubernetes/objects.h"
#include "compiler/verify/kubernetes/rule_sets.h"

namespace airtight::verify {

// A policy that selects the pod, surely or perhaps.
struct Selecting {
  std::size_t policy;  // index of the PolicySets
  bool certain;
  friend auto operator<=>(const Selecting&, const Selecting&) = default;
};

struct Step {
  const RuleSets* rule;
  bool certain;  // false: the policy may not count for this pod
};

// Rules that are asked in this order.
using Chain = std::vector<Step>;

// Whose order among themselves is not defined: any may come first, but each keeps its own order. Nearly always one.
using Group = std::vector<Chain>;

// What happens to traffic that no rule of a tier decided.
struct TierEnd {
  const PolicyObject* isolating = nullptr;  // the first that denies it, surely if there is one that does
  bool denies_all = false;                  // surely, any protocol
  bool denies_transport = false;            // surely TCP, UDP and SCTP: NetworkPolicy promises no more
  bool may_deny = false;
  bool may_leave_others = false;  // other protocols may pass for good, being undefined
};

struct TierRules {
  std::string name;
  std::vector<Group> groups;
  TierEnd end;
};
using TierList = std::vector<TierRules>;

// The tiers of a cluster. Its plugin is recognised by its policies; where those of two plugins lie side by side, either
// may be the one that runs.
class TierOrder {
 public:
  TierOrder(const Cluster& cluster, std::span<const PolicySets> policies);

  // What applies to a pod that exactly these policies select, for each plugin that may run.
  std::vector<TierList> lists(std::span<const Selecting> selecting, Direction direction) const;

 private:
  enum class Kind { Ordered, Allows, DenyFirst };
  struct Tier {
    std::string name;
    Kind kind = Kind::Ordered;
    bool default_deny = false;  // at the end, if a policy of it isolates
    bool certain = true;        // false: its place is not known, so it comes first and may not count
  };
  struct Place {
    std::size_t tier = kNone;  // kNone: this plugin does not know the policy
    double order = 0;
    std::string chain;  // equal orders: policies of one chain go by name, different chains are tied
    std::string name;
    std::size_t rank = 0;  // among all policies of the plugin
  };
  struct Plugin {
    std::vector<Tier> tiers;
    std::vector<Place> places;  // by policy
  };
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  Plugin kubernetes() const;
  Plugin cilium() const;
  Plugin calico(const Cluster& cluster) const;
  Place admin_place(const PolicyObject& policy, std::size_t admin, std::size_t baseline) const;
  static void rank(Plugin& plugin);
  TierRules rules_of(const Plugin& plugin, std::size_t tier, std::span<const Selecting> ranked, Direction) const;
  TierEnd end_of(const Tier& tier, std::span<const Selecting> selecting, Direction) const;

  std::span<const PolicySets> policies_;
  std::vector<Plugin> plugins_;
};

}  // namespace airtight::verify
