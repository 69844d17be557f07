// The verdict (DESIGN §4): each layer alone over every address, protocol and port of its scope, then all together.
#pragma once

#include "compiler/verify/artifacts.h"
#include "compiler/verify/finding.h"
#include "compiler/verify/kubernetes/evaluation.h"
#include "compiler/verify/kubernetes/worst_case.h"
#include "compiler/verify/question.h"

namespace airtight::verify {

// Adds symbolic pods to the cluster where the question asks for them, then judges.
Report judge(Artifacts&, const Question&, const Sources&);

// The layers. Each returns findings grouped by cause and fills sealed, complete and exact.
struct LayerJudgement {
  LayerReport report;
  std::vector<std::string> assumptions;
};
LayerJudgement judge_policies(const Cluster&, const Evaluation&, const WorstCases&, Layer, const Question&);
LayerJudgement judge_firewall(const Ruleset&, const Question&);
LayerJudgement judge_dns(const DnsArtifacts&, const Question&, const Sources&);

// Findings of no property in the cluster: hostNetwork, Services, grants, namespaces without policy … (SEMANTICS).
struct Surroundings {
  std::vector<Finding> findings;
  std::vector<Relay> relays;
  std::vector<std::string> assumptions;
};
// `cluster_sealed`: cluster-scoped policies hold whatever a namespace's owner allows, so his rights open no hole.
Surroundings look_around(const Cluster&, const Evaluation& all, const Question&, bool cluster_sealed);

}  // namespace airtight::verify
