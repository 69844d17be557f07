// What the policies of a cluster let through, as exact set algebra: tiers in order, policies in order, rules in order,
// first decision wins; equal orders judged in the worst order (SEMANTICS: AdminNetworkPolicy, Cilium, Calico).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compiler/net/traffic_set.h"
#include "compiler/verify/kubernetes/objects.h"

namespace airtight::verify {

// How what is not understood, not known or undefined is read. Wide: accepts take all that they might, denies nothing;
// equal priorities in the order that lets most through. Narrow: the other way round. Wide ⊇ Narrow always.
enum class Reading : std::uint8_t { Wide, Narrow };

// Workloads with the same namespace, labels, named ports and host setting: one row of the model.
struct WorkloadClass {
  std::string ns;
  KnownLabels labels;
  std::string service_account;
  bool host_network = false;
  bool symbolic = false;
  std::vector<std::size_t> members;  // indexes into Cluster::workloads; ports and addresses equal where rules ask them
};

// One rule that decides, for `because` and explain.
struct Decision {
  bool allowed = false;
  const PolicyObject* policy = nullptr;  // whose rule decides, or that isolates; nullptr: nothing denies
  const PolicyRule* rule = nullptr;      // nullptr: the end of a tier, or of all tiers
  std::string tier;                      // where it was decided; "" where nothing applies
  bool certain = true;                   // false: another reading decides otherwise
  // What was asked before, in order: "ClusterNetworkPolicy x, egress rule 'y': does not match", for explain.
  std::vector<std::string> passed;
};

// Which policies count: the layers kubernetes and cluster are judged each alone, and together as one (DESIGN §4).
// Namespaced: NetworkPolicy, and namespaced Cilium and Calico policies. ClusterScoped: all others.
enum class Scope : std::uint8_t { Namespaced, ClusterScoped, All };
bool in_scope(const PolicyObject&, Scope);

// Not thread-safe: answers are made when first asked and kept.
class Evaluation {
 public:
  // Keeps references: `cluster` must outlive it. `pod_ranges`, `node_ranges`: where known from a policy, else empty.
  Evaluation(const Cluster& cluster, Scope scope, IpSet pod_ranges, IpSet node_ranges);
  ~Evaluation();
  Evaluation(const Evaluation&) = delete;
  Evaluation& operator=(const Evaluation&) = delete;

  std::span<const WorkloadClass> classes() const;
  std::size_t class_of(std::size_t workload) const;  // index into Cluster::workloads -> index into classes()

  // Egress: what the class may send to addresses that are no pods' (destination, destination port). Ingress: what
  // addresses that are no pods' may open toward it (source address, destination port). All IpSet space, so that a
  // caller intersects with outside. Services hold TCP, UDP and SCTP as the API defines them; ICMP and others are in it
  // exactly where the policies let them (by the wide reading, an undefined protocol is let through by an allow of
  // everything, and held by none of NetworkPolicy's denials: callers restrict to the scope of the layer).
  TrafficSet addresses(std::size_t class_index, Direction, Reading) const;
  // The same for another class of pods at the other end: Egress of a toward b, Ingress of a from b. Named ports are
  // resolved on the destination. A class on its node's network is no pod to a policy: it is held by nothing, and at the
  // other end it is its addresses (those of its pods, else the node ranges, else any). Where a pod's addresses count,
  // the wide reading takes what any of them allows, the narrow one what all of them do.
  ServiceSet pods(std::size_t a, std::size_t b, Direction, Reading) const;
  // Egress of `from` ∩ ingress of `to`.
  ServiceSet connections(std::size_t from, std::size_t to, Reading) const;
  // Whether the policies hold this direction of the class at all (something isolates it, or denies).
  bool isolated(std::size_t class_index, Direction) const;

  // The decision for one packet, walked as the API documents say, not through the sets.
  Decision decide(std::size_t class_index, Direction, Ip peer, Protocol, std::uint16_t port, Reading) const;
  Decision decide(std::size_t class_index, Direction, std::size_t peer_class, Protocol, std::uint16_t port,
                  Reading) const;
  // Of `traffic` (as addresses() gives it) the part that this decision's rule lets through: what shares a cause.
  TrafficSet share(std::size_t class_index, Direction, const Decision&, const TrafficSet& traffic, Reading) const;

  // Whether both Cilium and Calico policies are there, which no cluster can enforce.
  bool mixed_apis() const;
  // Pairs of equal priority whose order matters, for EqualPriority.
  struct Tie {
    const PolicyObject* a;
    const PolicyObject* b;
  };
  std::vector<Tie> ties() const;

 private:
  struct State;
  std::unique_ptr<State> x_;
};

// One symbolic pod for every label class that the selectors of the cluster's policies distinguish, in each of the
// namespaces named (those that are not in the cluster are made, labels unknown but for their name). Appends to
// cluster.workloads those that no workload of the input already stands for. Bounded: false if there would be too many.
bool add_symbolic_pods(Cluster& cluster, std::span<const std::string> namespaces);

}  // namespace airtight::verify
