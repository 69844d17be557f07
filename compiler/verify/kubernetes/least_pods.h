// Pods that only selectors know of, so that what a rule lets through beyond the declared is seen although no pod of the
// input has such labels.
#pragma once

#include <span>
#include <string>

#include "compiler/verify/kubernetes/objects.h"

namespace airtight::verify {

// For each peer of a rule that selects pods and each namespace where it may, and for each subject of a policy and each
// of `judged` that it selects: the pod with the fewest labels that matches. Declared workloads are selected by equality
// alone, so one that covers this pod covers all that the selector matches. Peers are not judged themselves; they stand
// in the namespaces of the cluster and in one that nothing names. Selectors that are not a conjunction (Calico's) are
// left to the labels of real pods. False if there would be more than 20,000.
bool add_least_pods(Cluster& cluster, std::span<const std::string> judged);

}  // namespace airtight::verify
