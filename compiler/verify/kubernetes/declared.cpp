#include "compiler/verify/kubernetes/declared.h"

#include <algorithm>
#include <utility>

namespace airtight::verify {
namespace {

bool stands_for(const WorkloadClass& pods, const std::string& ns, const Labels& labels, const std::string& account) {
  return !pods.host_network && pods.ns == ns && matches(Selector::equal_to(labels), pods.labels) == Match::Yes &&
         (account.empty() || pods.service_account.empty() || pods.service_account == account);
}

Workload symbolic_pod(const std::string& ns, const std::string& name, const Labels& labels) {
  Workload pod;
  pod.ref = {"Pod", ns, name, {}};
  pod.labels = {labels, true};
  pod.symbolic = true;
  return pod;
}

bool is_there(const Cluster& cluster, const std::string& ns, const Labels& labels) {
  return std::any_of(cluster.workloads.begin(), cluster.workloads.end(), [&](const Workload& workload) {
    return !workload.host_network && workload.ref.ns == ns && workload.labels.labels == labels;
  });
}

}  // namespace

void add_declared_pods(Cluster& cluster, const Policy& policy) {
  const auto denied = [&](const std::string& ns) {
    return std::binary_search(policy.default_deny_namespaces.begin(), policy.default_deny_namespaces.end(), ns);
  };
  for (const airtight::Workload& workload : policy.workloads) {
    if (workload.host || is_there(cluster, workload.ns, workload.labels)) continue;
    Workload pod = symbolic_pod(workload.ns, workload.name, workload.labels);
    pod.service_account = workload.service_account;
    cluster.workloads.push_back(std::move(pod));
  }
  if (const std::optional<ClusterDns>& dns = policy.cluster.dns; dns && !is_there(cluster, dns->ns, dns->labels)) {
    Workload pod = symbolic_pod(dns->ns, "cluster-dns", dns->labels);
    pod.judged = denied(dns->ns);
    cluster.workloads.push_back(std::move(pod));
  }
  // The label that the site puts on its namespaces, where a manifest does not show them.
  for (Namespace& ns : cluster.namespaces)
    if (!ns.in_input) ns.labels.labels.try_emplace(policy.cluster.namespace_label, ns.name);
  for (const Workload& workload : cluster.workloads)
    if (!workload.ref.ns.empty() && !cluster.find_namespace(workload.ref.ns))
      cluster.namespaces.insert(
          std::lower_bound(cluster.namespaces.begin(), cluster.namespaces.end(), workload.ref.ns,
                           [](const Namespace& a, const std::string& name) { return a.name < name; }),
          Namespace{
              workload.ref.ns,
              {{{"kubernetes.io/metadata.name", workload.ref.ns}, {policy.cluster.namespace_label, workload.ref.ns}},
               false},
              false,
              {}});
}

Declared::Declared(const Policy& policy, const Evaluation& evaluation, Date at) : policy_(policy), at_(at) {
  const std::span<const WorkloadClass> classes = evaluation.classes();
  workload_classes_.resize(policy.workloads.size());
  flows_from_.resize(classes.size());
  flows_to_.resize(classes.size());
  exceptions_from_.resize(classes.size());
  for (std::size_t c = 0; c < classes.size(); ++c) {
    for (std::size_t w = 0; w < policy.workloads.size(); ++w) {
      const airtight::Workload& workload = policy.workloads[w];
      if (!workload.host && stands_for(classes[c], workload.ns, workload.labels, workload.service_account))
        workload_classes_[w].push_back(c);
    }
    if (const std::optional<ClusterDns>& dns = policy.cluster.dns;
        dns && stands_for(classes[c], dns->ns, dns->labels, ""))
      dns_classes_.push_back(c);
  }
  for (std::size_t f = 0; f < policy.flows.size(); ++f) {
    for (const std::size_t c : classes_of(policy.flows[f].from)) flows_from_[c].push_back(f);
    for (const std::size_t c : classes_of(policy.flows[f].to)) flows_to_[c].push_back(f);
  }
  for (std::size_t e = 0; e < policy.exceptions.size(); ++e)
    for (const std::size_t c : classes_of(policy.exceptions[e].from)) exceptions_from_[c].push_back(e);
}

const std::vector<std::size_t>& Declared::classes_of(const Peer& peer) const {
  if (peer.kind == Peer::Kind::Workload) return workload_classes_[peer.index];
  return peer.kind == Peer::Kind::ClusterDns ? dns_classes_ : none_;
}

IpSet Declared::source_addresses(const Flow& flow) const {
  return flow.source_nat_nodes ? policy_.nodes() : policy_.addresses_of(flow.from);
}

TrafficSet Declared::exceptions(std::size_t class_index, bool in_force) const {
  std::vector<TrafficSet::Product> products;
  for (const std::size_t e : exceptions_from_[class_index]) {
    const Exception& exception = policy_.exceptions[e];
    if ((at_ <= exception.expires) == in_force) products.push_back({IpSet::of(exception.to), exception.services});
  }
  return TrafficSet::from(std::move(products));
}

TrafficSet Declared::out(std::size_t class_index) const {
  std::vector<TrafficSet::Product> products;
  for (const std::size_t f : flows_from_[class_index]) {
    const Flow& flow = policy_.flows[f];
    IpSet to;
    if (flow.to.kind == Peer::Kind::ClusterDns) {
      // The Service's address, and NodeLocal DNSCache, which answers in its place.
      if (const std::optional<ClusterDns>& dns = policy_.cluster.dns) {
        for (const Ip ip : dns->service) to |= IpSet::of(ip);
        for (const Ip ip : dns->node_local) to |= IpSet::of(ip);
      }
    } else if (!is_pods(flow.to)) {
      to = policy_.addresses_of(flow.to);
    }
    products.push_back({std::move(to), flow.services});
  }
  return TrafficSet::from(std::move(products)) | exceptions(class_index, true);
}

TrafficSet Declared::in(std::size_t class_index) const {
  std::vector<TrafficSet::Product> products;
  for (const std::size_t f : flows_to_[class_index]) {
    const Flow& flow = policy_.flows[f];
    if (flow.source_nat_nodes || !is_pods(flow.from)) products.push_back({source_addresses(flow), flow.services});
  }
  return TrafficSet::from(std::move(products));
}

ServiceSet Declared::between(std::size_t from, std::size_t to) const {
  ServiceSet services;
  const std::vector<std::size_t>& mine = flows_from_[from];
  const std::vector<std::size_t>& theirs = flows_to_[to];  // both ascending
  for (std::size_t i = 0, j = 0; i < mine.size() && j < theirs.size();) {
    if (mine[i] == theirs[j]) {
      services |= policy_.flows[mine[i]].services;
      ++i;
      ++j;
    } else {
      mine[i] < theirs[j] ? ++i : ++j;
    }
  }
  return services;
}

}  // namespace airtight::verify
