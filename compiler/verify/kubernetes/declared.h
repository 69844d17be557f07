// What a policy declares, in the terms of the evaluation: which classes a workload of the spec is, and what each class
// may do. The verifier's own reading of the Policy, independent of the emitters.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "compiler/net/traffic_set.h"
#include "compiler/policy/policy.h"
#include "compiler/verify/kubernetes/evaluation.h"
#include "compiler/verify/question.h"

namespace airtight::verify {

// Adds what the spec declares and the input may lack: a symbolic pod for each workload with its own network, and for
// cluster-dns a peer that is not judged unless its namespace gets default deny.
void add_declared_pods(Cluster& cluster, const Policy& policy);

class Declared {
 public:
  Declared(const Policy& policy, const Evaluation& evaluation, Date at);

  // Classes that a peer stands for; empty for peers that are addresses (endpoints, nodes, host workloads, api-server).
  const std::vector<std::size_t>& classes_of(const Peer& peer) const;
  bool is_pods(const Peer& peer) const { return policy_.is_pod(peer); }
  // As the other side sees the peer: `sourceNat: nodes` makes it a node.
  IpSet source_addresses(const Flow& flow) const;

  TrafficSet out(std::size_t class_index) const;  // to addresses: flows, and exceptions in force
  TrafficSet in(std::size_t class_index) const;   // from addresses
  ServiceSet between(std::size_t from, std::size_t to) const;
  TrafficSet exceptions(std::size_t class_index, bool in_force) const;

 private:
  const Policy& policy_;
  Date at_;
  std::vector<std::vector<std::size_t>> workload_classes_;  // by index of policy.workloads
  std::vector<std::size_t> dns_classes_;
  std::vector<std::vector<std::size_t>> flows_from_, flows_to_;  // class -> indexes of flows
  std::vector<std::vector<std::size_t>> exceptions_from_;
  std::vector<std::size_t> none_;
};

}  // namespace airtight::verify
