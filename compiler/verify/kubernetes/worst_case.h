// What may happen where the API leaves it open: the verdict is that of the worst case (DESIGN §4).
#pragma once

#include <memory>
#include <vector>

#include "compiler/verify/kubernetes/evaluation.h"

namespace airtight::verify {

// One object with an unknown field is refused, or applied without that field; policies of equal priority come in one
// order or the other. Each case that may be real is a cluster of its own; whatever any of them surely lets through is a
// violation, not a doubt. All doubtful objects are taken alike, and all ties: four cases at the most.
class WorstCases {
 public:
  // None where nothing is left open. `cluster` must outlive this, and so must the policies that `evaluation` names.
  WorstCases(const Cluster& cluster, const Evaluation& evaluation, Scope scope, const IpSet& pod_ranges,
             const IpSet& node_ranges);

  // addresses() of the narrow reading, and what a case lets through beside it. The index is that of `evaluation`.
  TrafficSet surely(std::size_t class_index, Direction direction) const;

 private:
  struct Case {
    std::unique_ptr<Cluster> cluster;
    std::unique_ptr<Evaluation> evaluation;
  };
  const Evaluation& evaluation_;
  std::vector<Case> cases_;
};

}  // namespace airtight::verify
