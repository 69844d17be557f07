#include "compiler/verify/kubernetes/worst_case.h"

#include <algorithm>
#include <set>
#include <utility>

namespace airtight::verify {
namespace {

// Less than any two priorities differ by.
constexpr double kStep = 1e-6;

}  // namespace

WorstCases::WorstCases(const Cluster& cluster, const Evaluation& evaluation, Scope scope, const IpSet& pod_ranges,
                       const IpSet& node_ranges)
    : evaluation_(evaluation) {
  const bool doubtful = std::any_of(cluster.policies.begin(), cluster.policies.end(), [&](const PolicyObject& policy) {
    return policy.doubtful && !policy.refused && in_scope(policy, scope);
  });
  std::set<const PolicyObject*> tied;
  for (const Evaluation::Tie& tie : evaluation.ties()) tied.insert({tie.a, tie.b});
  if (!doubtful && tied.empty()) return;
  for (const bool applied : {true, false}) {
    if (!applied && !doubtful) continue;  // nothing to leave away
    for (const bool reversed : {false, true}) {
      if (reversed && tied.empty()) continue;
      auto copy = std::make_unique<Cluster>(cluster);
      for (std::size_t i = 0; i < copy->policies.size(); ++i) {
        PolicyObject& policy = copy->policies[i];
        if (policy.doubtful) {
          policy.doubtful = false;
          policy.refused = policy.refused || !applied;
        }
        if (tied.count(&cluster.policies[i]) > 0)
          policy.order += kStep * static_cast<double>(reversed ? copy->policies.size() - i : i + 1);
      }
      auto judged = std::make_unique<Evaluation>(*copy, scope, pod_ranges, node_ranges);
      cases_.push_back({std::move(copy), std::move(judged)});
    }
  }
}

TrafficSet WorstCases::surely(std::size_t class_index, Direction direction) const {
  TrafficSet traffic = evaluation_.addresses(class_index, direction, Reading::Narrow);
  const std::size_t member = evaluation_.classes()[class_index].members.front();
  for (const Case& one : cases_)
    traffic |= one.evaluation->addresses(one.evaluation->class_of(member), direction, Reading::Narrow);
  return traffic;
}

}  // namespace airtight::verify
