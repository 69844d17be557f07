// The nftables target (DESIGN §3): own tables, replaced in one transaction, never another's chain. nft 1.0 or later;
// kernel 5.10 or later for the inet table, 5.16 or later for the egress table (by documentation).
#pragma once

#include "compiler/emit/target.h"

namespace airtight {

// Writes nftables/airtight.nft, nftables/airtight-egress.nft, nftables/remove.nft, nftables/apply.sh,
// nftables/remove.sh.
extern const Target kNftablesTarget;

}  // namespace airtight
