// NetworkPolicies (networking.k8s.io/v1), one file a namespace that gets default deny: a deny of both directions for
// all its pods, then one object a workload with what it may open and accept. Pods are named by namespace and labels in
// one peer, everything else by minimal ipBlocks. TCP, UDP and SCTP only: the API leaves ICMP undefined, so that the
// firewall layer holds it; pods in the host's network, and nodes, are that layer's too.
#pragma once

#include "compiler/emit/target.h"

namespace airtight {

extern const Target kNetworkPolicyTarget;

}  // namespace airtight
