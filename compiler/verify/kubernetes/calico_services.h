// What of a Calico rule is about protocols, ICMP and ports.
#pragma once

#include "compiler/verify/document.h"
#include "compiler/verify/kubernetes/objects.h"
#include "compiler/verify/kubernetes/plugin_policy.h"

namespace airtight::verify {

// Fills services, named_ports and source_ports of the rule from protocol, notProtocol, icmp, notICMP and the ports of
// its source and destination.
void read_calico_services(const Value& rule, PolicyRule& to, PolicyNotes& notes);

}  // namespace airtight::verify
