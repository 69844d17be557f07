// Whether a round of canaries shows what it should, recomputed from its two records.
#pragma once

#include <string>
#include <vector>

#include "auditor/evidence/record.h"

namespace airtight::audit {

// Whether this canary fared as it must: sensors seen; the others blocked, or nobody could send a pod's.
bool fared_well(const PlannedCanary& canary, const CanaryOutcome& outcome);

// Empty for a good round: the seed is the one that was committed to; every canary fared well, and the record says so;
// there are both families of sensor, raw and raw-bypass on each of these uplinks and of stack, and a sensor at all.
// Else what is wrong with it, the worst canary named.
std::string check_canaries(const CanaryIntentRecord& intent, const CanaryFateRecord& fate,
                           const std::vector<std::string>& uplinks);

}  // namespace airtight::audit
