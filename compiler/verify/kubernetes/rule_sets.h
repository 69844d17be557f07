// A rule as sets: whom and what it may match and surely matches, before the other end is known.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "compiler/net/traffic_set.h"
#include "compiler/verify/kubernetes/label_index.h"
#include "compiler/verify/kubernetes/objects.h"

namespace airtight::verify {

// `certain` ⊆ truth ⊆ `possible`, whatever is not understood, not known or undefined turns out to be.
template <class Set>
struct Bounds {
  Set certain;
  Set possible;
};

// The ports that a pod names, where a rule asks for the name.
struct PodPort {
  std::string name;
  Protocol protocol;
  std::uint16_t port;
  friend auto operator<=>(const PodPort&, const PodPort&) = default;
};

// A class of pods at the other end of a connection.
struct PeerPods {
  std::size_t namespace_labels;
  std::size_t labels;
  std::size_t service_account;  // {"name": …} as labels, of which no other is known
  bool host_network;
  IpSet addresses;  // that its pods may have; all where nothing is known
};

// The pods whose ports a rule's named ports mean; of a symbolic pod, what it does not name may be any port.
struct PortTable {
  std::vector<PodPort> ports;  // sorted
  bool symbolic = false;
  friend auto operator<=>(const PortTable&, const PortTable&) = default;
};

struct RuleSets {
  const PolicyObject* policy;
  const PolicyRule* rule;
  Action action;
  bool certain;  // false: even where all of it matches, it may not count
  // What the rule's peers are toward addresses that are no pods'; toward the addresses of a pod; toward those of a node
  // or a pod on its network.
  Bounds<IpSet> addresses, of_pods, of_nodes;
  bool everything = false;      // some peer is everybody
  bool not_understood = false;  // some peer may be anybody
  bool nodes = false;           // some peer is every node
  bool some_nodes = false;      // some peer is nodes that are not told apart here
  struct Pods {
    std::size_t namespaces, pods, service_accounts;
  };
  std::vector<Pods> pods;

  // Whether it is about these pods by who they are, whatever their address.
  Match whole(const PeerPods& peer, LabelIndex& index) const;
  const Bounds<IpSet>& by_address(const PeerPods& peer) const { return peer.host_network ? of_nodes : of_pods; }
  // `table`: of the destination; nullptr: no pod.
  Bounds<ServiceSet> services(const PortTable* table) const;
};

// `node_ranges`: empty where they are not known.
RuleSets rule_sets(const PolicyObject& policy, const PolicyRule& rule, const IpSet& node_ranges, LabelIndex& index);

// A policy with its rules as sets.
struct PolicySets {
  const PolicyObject* object;
  std::size_t namespaces, pods, service_accounts;  // selectors of its subject
  std::array<std::vector<RuleSets>, 2> rules;      // by Direction; without rules that only log, or do not apply
  const std::vector<RuleSets>& of(Direction direction) const { return rules[static_cast<std::size_t>(direction)]; }
};
PolicySets policy_sets(const PolicyObject& policy, const IpSet& node_ranges, LabelIndex& index);

}  // namespace airtight::verify
