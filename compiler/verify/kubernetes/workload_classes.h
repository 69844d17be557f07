// Workloads -> classes: those that no selector, named port or address range of the policies can tell apart.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "compiler/verify/kubernetes/evaluation.h"
#include "compiler/verify/kubernetes/rule_sets.h"

namespace airtight::verify {

struct ClassFacts {
  PeerPods peer;
  std::size_t port_table;  // index into WorkloadClasses::port_tables
  KnownLabels namespace_labels;
  KnownLabels service_account;  // {"name": …}
};

struct WorkloadClasses {
  std::vector<WorkloadClass> classes;
  std::vector<ClassFacts> facts;      // by class
  std::vector<std::size_t> class_of;  // by workload
  std::vector<PortTable> port_tables;
};

// `pod_ranges`, `node_ranges`: what a pod, or one on its node's network, may have whose addresses the input does not
// show; empty where they are not known.
WorkloadClasses workload_classes(const Cluster& cluster, std::span<const PolicySets> policies, const IpSet& pod_ranges,
                                 const IpSet& node_ranges, LabelIndex& index);

}  // namespace airtight::verify
