// Which DNS names are inside (DESIGN §1, "inside name"), and what zones may not be.
#pragma once

#include "compiler/policy/diagnostic.h"
#include "compiler/policy/policy.h"
#include "compiler/spec/spec.h"

namespace airtight {

// Fills zones, denied_names and inside_names. Needs endpoints, flows, inside and catalogues.
void resolve_names(const Spec&, const Sources&, Policy&, Diagnostics&);

// The reverse zones that hold exactly the addresses of a prefix: cut at octets (in-addr.arpa) or nibbles (ip6.arpa).
std::vector<Domain> reverse_zones(const Prefix&);

}  // namespace airtight
