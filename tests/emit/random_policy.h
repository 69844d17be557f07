// Policies as resolve() could make them, from a seed: for the properties that every policy must have.
#pragma once

#include <cstdint>

#include "compiler/policy/policy.h"

namespace airtight {

// The same policy for the same seed, on every machine. One or both families, with and without DHCP, multicast, declared
// EtherTypes, exceptions of pods and of nodes, ICMP, an API server inside or outside the cluster, and texts that try to
// break out of comments. At least one uplink; literal names and patterns.
Policy random_policy(std::uint32_t seed);

}  // namespace airtight
