// What is inside, and what must never be called so (DESIGN §2, "Inside").
#pragma once

#include "compiler/policy/catalogue.h"
#include "compiler/policy/diagnostic.h"
#include "compiler/policy/policy.h"
#include "compiler/spec/spec.h"

namespace airtight {

// Fills cluster, inside_ranges, inside and multicast. Needs policy.catalogues.
void resolve_boundary(const Spec&, const Rules&, const Sources&, Policy&, Diagnostics&);

// The place in the spec, for comments in artifacts.
Origin origin_of(const Sources&, Span);

// Reports an address range that leads to the IPv4 address inside it. True if it was reported.
bool refuse_embedded_ipv4(const Located<Prefix>&, std::string_view what, Diagnostics&);
// Reports a range that holds an address of a denied catalogue. `denied` is policy.denied_addresses(), made once. True
// if it was reported.
bool refuse_denied_address(const Located<Prefix>&, std::string_view what, const Policy&, const IpSet& denied,
                           Diagnostics&);

}  // namespace airtight
