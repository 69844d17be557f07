#include "compiler/verify/obligation.h"

#include <algorithm>

#include "compiler/verify/firewall/leaving.h"
#include "compiler/verify/obligation_firewall.h"
#include "compiler/verify/obligation_policies.h"

namespace airtight::verify {
namespace {

constexpr std::string_view kHeading[] = {
    "The rules that airtight read, written out one by one, and its claim: that no packet to the outside is let "
    "through.",
    "SMT-LIB 2.6, logic QF_BV. Any solver can check the claim without trusting airtight's own sets: z3 FILE",
    "",
    "Every check-sat asks for one packet that its layer lets out, for pods that the same rules hold or for a path.",
    "Answers come in the order of the checks. unsat: there is none. sat: there is one, and (get-model) put behind that",
    "check-sat prints it. Behind \"expect\" stands what airtight found; unknown-ok: it claims neither (inconclusive).",
    "",
    "What is not understood in a rule is read in two ways. Wide: it may match or not, as it lets most through; narrow:",
    "as it lets least through. One reading: nothing in doubt, so that both are the same. A layer is sealed where no "
    "check",
    "of it is sat; violated where one of the narrow or one reading is sat; else what is not understood decides.",
    "",
    "Not in here, and no part of the claim: names (layer dns), what is read around the rules (Services, hostNetwork,",
    "grants and others, each a finding of its own), completeness and exactness."};

}  // namespace

std::string obligation(const Artifacts& artifacts, const Question& question, const Sources& sources) {
  SolverFile file;
  for (const std::string_view line : kHeading) file.note(line);
  for (const std::string& range : question.inside_text) file.note("inside: " + range);
  file.logic();
  const Cluster& cluster = artifacts.cluster;
  write_policies(file, cluster, Scope::Namespaced, question, sources);
  const bool scoped = std::any_of(cluster.policies.begin(), cluster.policies.end(),
                                  [](const PolicyObject& policy) { return in_scope(policy, Scope::ClusterScoped); });
  if (scoped) write_policies(file, cluster, Scope::ClusterScoped, question, sources);
  const Ruleset firewall = with_patience(artifacts.firewall);  // as judge_firewall reads a limit
  if (!firewall.tables.empty() || !firewall.not_understood.empty()) write_firewall(file, firewall, question, sources);
  if (!artifacts.dns.empty()) file.not_encoded("layer dns", "names are no bit-vectors");
  return file.take();
}

}  // namespace airtight::verify
