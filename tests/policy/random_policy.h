// Policies as resolve() could have made them, from a seeded engine: one seed gives one Policy in one build.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

#include "compiler/policy/policy.h"

namespace airtight {

struct RandomPolicyShape {
  std::size_t workloads = 8;           // at most; at least one
  std::size_t endpoints = 6;           // at most
  std::size_t flows = 12;              // at most, written ones
  std::size_t exceptions = 3;          // at most
  std::size_t internal = 4;            // exactly so many ranges of boundary.internal, no two of which touch
  std::size_t catalogue_entries = 20;  // at most, of each catalogue
  bool ipv6 = true;                    // whether there may be IPv6 at all
};

// Holds what policy.h promises: workloads, endpoints and catalogues by name, default deny for the workloads'
// namespaces, `inside` the union of its ranges and disjoint from every denied catalogue, flows with services and valid
// peers, implied flows last, exceptions outside, forwarders that a flow reaches, targets in order.
Policy random_policy(std::mt19937_64& engine, const RandomPolicyShape& shape = {});
Policy random_policy(std::uint64_t seed);

}  // namespace airtight
