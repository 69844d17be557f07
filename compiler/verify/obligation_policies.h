// The policies of one layer as problems for a solver: one for each class of pods, direction and reading.
#pragma once

#include "compiler/policy/policy.h"
#include "compiler/policy/source.h"
#include "compiler/verify/kubernetes/evaluation.h"
#include "compiler/verify/obligation_text.h"
#include "compiler/verify/question.h"

namespace airtight::verify {

// Asks whether a packet to (egress), or from (ingress), an outside address is let through. What rules match and how
// they decide is written from the objects; the order of policies is TierOrder's, classes and expected answers the
// evaluation's.
void write_policies(SolverFile&, const Cluster&, Scope, const Question&, const Sources&);

}  // namespace airtight::verify
