// A ruleset as problems for a solver: one for each path and reading.
#pragma once

#include "compiler/policy/source.h"
#include "compiler/verify/firewall/ruleset.h"
#include "compiler/verify/obligation_text.h"
#include "compiler/verify/question.h"

namespace airtight::verify {

// Asks for a packet to the outside that leaves on the path and is of no shape that leaves by right. Chains are written
// out rule by rule at each place from which they are called, with a choice where a rule may match or not.
void write_firewall(SolverFile&, const Ruleset&, const Question&, const Sources&);

}  // namespace airtight::verify
