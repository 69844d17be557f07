// The layers held against each other.
#pragma once

#include <vector>

#include "compiler/verify/artifacts.h"
#include "compiler/verify/finding.h"
#include "compiler/verify/kubernetes/evaluation.h"
#include "compiler/verify/question.h"

namespace airtight::verify {

// New TCP, UDP and SCTP packets of pods to addresses that are no pods': for each ordered pair of layers in the input
// what the first lets through and the second stops. Layers that are absent are nullptr.
std::vector<Disagreement> compare_layers(const Artifacts&, const Evaluation* namespaced, const Evaluation* scoped,
                                         const Question&);

}  // namespace airtight::verify
