// What response policy zones do to questions and answers, as BIND finds triggers: names as RFC 4592 does, so that a
// name that stands in the zone without data hides the wildcards above it (§2.2.2), and addresses in one tree for both
// families, where IPv4 is ::ffff:0:0/96 and the longest prefix wins.
#pragma once

#include "compiler/net/domain.h"
#include "compiler/net/ip_set.h"
#include "compiler/verify/dns/zones.h"

namespace airtight::verify {

// Disjoint sets; what is in none of them meets no trigger.
template <class Set>
struct PolicyEffect {
  Set refused;   // NXDOMAIN, NODATA or no answer
  Set passed;    // rpz-passthru, rpz-tcp-only: no zone looks at the answer any more
  Set replaced;  // answered with local data
  Set met() const { return refused | passed | replaced; }
  // The effect of this zone, then of `later` for what this one does not meet.
  void then(const PolicyEffect& later) {
    const Set rest = ~met();
    refused |= later.refused & rest;
    passed |= later.passed & rest;
    replaced |= later.replaced & rest;
  }
};

PolicyEffect<DomainSet> effect_on_names(const ZoneFile&);
// Of addresses in the tree: IPv4 stands as itself, and ::ffff:0:0/96 never is in a set.
PolicyEffect<IpSet> effect_on_addresses(const ZoneFile&);

// The range that BIND cannot tell from IPv4.
IpSet mapped_ipv4();

DomainSet unite(std::vector<DomainSet> sets);  // O(total · log count)

}  // namespace airtight::verify
