// Who may talk to whom: peers looked up, ports settled, exceptions judged (DESIGN §2).
#pragma once

#include "compiler/policy/diagnostic.h"
#include "compiler/policy/policy.h"
#include "compiler/spec/spec.h"

namespace airtight {

// Fills workloads, endpoints, flows (the implied ones last), exceptions and default_deny_namespaces. Needs cluster and
// inside.
void resolve_flows(const Spec&, Date at, const Sources&, Policy&, Diagnostics&);

}  // namespace airtight
