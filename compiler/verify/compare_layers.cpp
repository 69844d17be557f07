#include "compiler/verify/compare_layers.h"

#include <map>
#include <string>

#include "compiler/verify/firewall/leaving.h"
#include "compiler/verify/words.h"

namespace airtight::verify {
namespace {

// What pods may send to addresses that are no pods' by one layer; all classes, and which class sends what.
struct Allowance {
  Layer layer;
  std::map<std::string, TrafficSet> by_sender;  // of the firewall one sender: "pods"
  TrafficSet all;
};

Allowance of_policies(const Cluster& cluster, const Evaluation& evaluation, Layer layer) {
  Allowance allowance{layer, {}, {}};
  for (std::size_t c = 0; c < evaluation.classes().size(); ++c) {
    const WorkloadClass& pods = evaluation.classes()[c];
    if (pods.host_network) continue;
    const Workload& first = cluster.workloads[pods.members.front()];
    if (!first.judged) continue;
    const TrafficSet traffic =
        restrict(evaluation.addresses(c, Direction::Egress, Reading::Narrow), IpSet::all(), transport_services());
    allowance.by_sender[name_of(first)] = traffic;
    if (!traffic.subset_of(allowance.all)) allowance.all |= traffic;
  }
  return allowance;
}

Allowance of_firewall(const Ruleset& ruleset, const Question& question, const IpSet& region) {
  PacketSet packets = PacketSet::destined(region, transport_services());
  if (question.policy) packets = packets & PacketSet::sourced(question.policy->pods());
  Box box;
  (void)box.constrain(Field::State, Values::of(static_cast<u128>(StateValue::New)));
  const TrafficSet traffic =
      project_destinations(passes(ruleset, Path::Forward, packets & PacketSet::of(box), Reading::Narrow).passed);
  return {Layer::Firewall, {{"pods", traffic}}, traffic};
}

void compare(const Allowance& a, const Allowance& b, std::vector<Disagreement>& rows) {
  // Senders with the same surplus are one row.
  std::map<std::string, std::vector<std::string>> by_surplus;
  for (const auto& [sender, traffic] : a.by_sender)
    if (const TrafficSet surplus = traffic - b.all; !surplus.empty()) by_surplus[describe(surplus)].push_back(sender);
  for (const auto& [surplus, senders] : by_surplus) {
    std::string who = senders.front();
    if (senders.size() > 1) who += " and " + std::to_string(senders.size() - 1) + " more";
    rows.push_back({who + " → " + surplus, a.layer, b.layer});
  }
}

}  // namespace

std::vector<Disagreement> compare_layers(const Artifacts& artifacts, const Evaluation* namespaced,
                                         const Evaluation* scoped, const Question& question) {
  std::vector<Allowance> allowances;
  if (namespaced) allowances.push_back(of_policies(artifacts.cluster, *namespaced, Layer::Kubernetes));
  if (scoped) allowances.push_back(of_policies(artifacts.cluster, *scoped, Layer::Cluster));
  if (!artifacts.firewall.tables.empty()) {
    // Pods and Services are the policies' work: the firewall lets the cluster talk to itself.
    IpSet region = IpSet::all();
    if (question.policy) region -= question.policy->pods() | question.policy->services();
    allowances.push_back(of_firewall(artifacts.firewall, question, region));
  }
  std::vector<Disagreement> rows;
  for (std::size_t i = 0; i < allowances.size(); ++i)
    for (std::size_t j = 0; j < allowances.size(); ++j)
      if (i != j) compare(allowances[i], allowances[j], rows);
  return rows;
}

}  // namespace airtight::verify
