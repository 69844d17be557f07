// From "key operator value" to boxes, for text and JSON alike.
#pragma once

#include "compiler/verify/firewall/nftables_syntax.h"
#include "compiler/verify/firewall/nftables_values.h"

namespace airtight::verify {

// One rule of a chain; `empty_sets`: one without elements is empty, and not unknown.
FirewallRule lower_rule(const NftRule&, const NftTable&, bool empty_sets, NftSetCache&);

}  // namespace airtight::verify
