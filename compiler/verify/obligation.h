// An independent check of the proof: the rules as read and the claim that nothing leaves, for an SMT solver.
#pragma once

#include <string>

#include "compiler/policy/source.h"
#include "compiler/verify/artifacts.h"
#include "compiler/verify/question.h"

namespace airtight::verify {

// SMT-LIB 2.6 (QF_BV). Encodes the rules of the artifacts one by one, not the sets that the judges compute: family,
// addresses, protocol, ports, state and the other fields are bit-vectors, and each check-sat asks for one packet that a
// layer lets out: `unsat` where that layer is sealed for that class of pods or path. Comments before each check-sat
// name layer and subject and say what the judges found ("; expect unsat"). Symbolic pods as judge() left them in the
// artifacts: call it after judge().
std::string obligation(const Artifacts&, const Question&, const Sources&);

}  // namespace airtight::verify
