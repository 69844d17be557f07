// What no network policy shows: pods outside its reach, Services that lead elsewhere, rights that undo it, reach over
// more than one hop (SEMANTICS, "Kubernetes NetworkPolicy").
#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include "compiler/verify/judge.h"
#include "compiler/verify/kubernetes/declared.h"
#include "compiler/verify/words.h"

namespace airtight::verify {
namespace {

constexpr std::size_t kMaxRelays = 500;
constexpr std::size_t kMaxRelayClasses = 1500;  // reach is a matter of pairs

class Surveyor {
 public:
  Surveyor(const Cluster& cluster, const Evaluation& all, const Question& question, bool cluster_sealed)
      : cluster_(cluster),
        all_(all),
        question_(question),
        cluster_sealed_(cluster_sealed),
        outside_(~question.inside) {}

  Surroundings run() {
    workloads();
    services();
    endpoints();
    remarks();
    cloud_addresses();
    grants();
    unjudged();
    relays();
    admission();
    return std::move(result_);
  }

 private:
  Finding& found(Rule rule, const std::string& workload, Span where, std::string object, std::string message) {
    Finding finding;
    finding.rule = rule;
    if (!workload.empty()) finding.workloads.push_back(workload);
    finding.because.push_back({where, std::move(object), ""});
    finding.message = std::move(message);
    result_.findings.push_back(std::move(finding));
    return result_.findings.back();
  }

  // The workload of the spec that these pods are, if there is one.
  const airtight::Workload* declared(const Workload& pods) const {
    if (!question_.policy) return nullptr;
    for (const airtight::Workload& workload : question_.policy->workloads)
      if (workload.ns == pods.ref.ns && matches(Selector::equal_to(workload.labels), pods.labels) == Match::Yes)
        return &workload;
    return nullptr;
  }

  void workloads() {
    for (const Workload& pods : cluster_.workloads) {
      if (pods.symbolic) continue;
      const airtight::Workload* known = declared(pods);
      const std::string name = name_of(pods);
      if (pods.host_network && !(known && known->host))
        found(Rule::HostNetwork, name, pods.ref.span, to_string(pods.ref),
              "uses the network of the node, which no network policy holds")
            .remedy = "take hostNetwork away, or declare the workload with host: true and hold it by a firewall";
      for (const Loosening& loosening : pods.loosenings)
        if (!(known && known->privileged))
          found(Rule::UndoesIsolation, name, loosening.where, to_string(pods.ref),
                loosening.what + " can undo its isolation")
              .remedy = "take it away, or declare the workload with privileged: true";
      for (const ContainerPort& port : pods.ports)
        if (port.host_port != 0 && !pods.host_network)
          found(Rule::HostPort, name, port.span, to_string(pods.ref),
                "hostPort " + std::to_string(port.host_port) + " opens the pod on every address of its node");
      for (const std::string& network : pods.networks)
        found(Rule::SecondaryNetwork, name, pods.ref.span, to_string(pods.ref),
              "joins the network " + network + ", which NetworkPolicy does not hold")
            .effect = Verdict::Inconclusive;
      if (pods.keeps_net_admin && pods.host_network)
        result_.assumptions.push_back(name +
                                      " keeps the node's network and NET_ADMIN: it does not change the firewall");
    }
  }

  bool selects_exposed(const Service& service, Expose how) const {
    if (!question_.policy || !service.selector) return false;
    return std::any_of(question_.policy->workloads.begin(), question_.policy->workloads.end(),
                       [&](const airtight::Workload& workload) {
                         const bool exposed =
                             std::find(workload.expose.begin(), workload.expose.end(), how) != workload.expose.end() ||
                             (how == Expose::NodePort && std::find(workload.expose.begin(), workload.expose.end(),
                                                                   Expose::LoadBalancer) != workload.expose.end());
                         return exposed && workload.ns == service.ref.ns &&
                                std::includes(workload.labels.begin(), workload.labels.end(), service.selector->begin(),
                                              service.selector->end());
                       });
  }

  void services() {
    for (const Service& service : cluster_.services) {
      const std::string object = to_string(service.ref);
      if (service.type == "ExternalName") {
        Finding& finding = found(Rule::ExternalName, "", service.type_span, object,
                                 "leads to the name " + service.external_name + ", whatever that resolves to");
        finding.destination = service.external_name;
        finding.remedy = "declare the system as an endpoint and use its address";
      }
      for (const auto& [address, where] : service.external_ips) claimed(service, address, where);
      if (service.type == "LoadBalancer" && !selects_exposed(service, Expose::LoadBalancer))
        found(Rule::LoadBalancer, "", service.type_span, object,
              "type LoadBalancer asks for an address that others outside the cluster may reach");
      else if (service.type == "NodePort" && !selects_exposed(service, Expose::NodePort))
        found(Rule::NodePort, "", service.type_span, object, "type NodePort opens a port on every node");
      for (const auto& [address, where] : service.load_balancer)
        if (outside_.contains(address))
          found(Rule::LoadBalancer, "", where, object,
                "its load balancer's address " + to_string(address) + " is outside")
              .destination = to_string(address);
    }
  }

  // kube-proxy sends what goes to an external IP to the Service's pods: a claim on anybody's address.
  void claimed(const Service& service, Ip address, Span where) {
    const bool is_outside = outside_.contains(address);
    Finding& finding =
        found(Rule::ExternalIps, "", where, to_string(service.ref),
              is_outside ? "claims the outside address " + to_string(address)
                         : "claims " + to_string(address) + ": what other pods send there ends at this Service");
    finding.destination = to_string(address);
    finding.remedy = "take externalIPs away";
    if (is_outside) finding.effect = Verdict::Violated;
  }

  // Whether some class of pods may send to the Service: to its address, or to a block in which it may lie.
  std::optional<std::size_t> may_reach(const Service* service, const ServiceSet& ports) const {
    IpSet addresses;
    if (service)
      for (const Ip ip : service->cluster_ips) addresses |= IpSet::of(ip);
    const bool known = !addresses.empty();
    if (!known && question_.policy) addresses = question_.policy->services();
    for (std::size_t c = 0; c < all_.classes().size(); ++c) {
      if (all_.classes()[c].host_network) continue;
      const TrafficSet out = restrict(all_.addresses(c, Direction::Egress, Reading::Narrow), question_.inside, ports);
      if (!addresses.empty() ? out.addresses().intersects(addresses) : has_block(out.addresses())) return c;
    }
    return std::nullopt;
  }

  static bool has_block(const IpSet& addresses) {
    const std::vector<IpRange> ranges = addresses.ranges();
    return std::any_of(ranges.begin(), ranges.end(), [](const IpRange& range) { return range.first != range.last; });
  }

  void endpoints() {
    for (const EndpointAddresses& slice : cluster_.endpoints) {
      const auto service = std::find_if(cluster_.services.begin(), cluster_.services.end(), [&](const Service& s) {
        return s.ref.ns == slice.ref.ns && s.ref.name == slice.service;
      });
      const Service* known = service == cluster_.services.end() ? nullptr : &*service;
      for (const auto& [address, where] : slice.addresses) {
        if (!outside_.contains(address)) continue;
        Finding& finding = found(
            Rule::OutsideEndpoints, "", where, to_string(slice.ref),
            "Service " + slice.ref.ns + "/" + slice.service + " leads to the outside address " + to_string(address));
        finding.destination = to_string(address);
        finding.remedy = "take the address away";
        const ServiceSet ports = ServiceSet::protocol(Protocol::Tcp) | ServiceSet::protocol(Protocol::Udp) |
                                 ServiceSet::protocol(Protocol::Sctp);
        if (const std::optional<std::size_t> c = may_reach(known, ports)) {
          finding.effect = Verdict::Violated;
          finding.workloads.push_back(name_of(cluster_.workloads[all_.classes()[*c].members.front()]));
          finding.counterexample = sample_of(slice, address);
          finding.protocol = finding.counterexample->protocol;
          finding.port = finding.counterexample->destination_port;
          finding.message += ", and pods may send to the Service";
        }
      }
      for (const auto& [name, where] : slice.names)
        found(Rule::OutsideEndpoints, "", where, to_string(slice.ref),
              "Service " + slice.ref.ns + "/" + slice.service + " leads to the name " + name)
            .destination = name;
    }
  }

  static Packet sample_of(const EndpointAddresses& slice, Ip address) {
    Packet packet;
    packet.destination = address;
    packet.protocol = "tcp";
    packet.destination_port = std::uint16_t{443};
    if (const std::optional<Sample> sample = smallest(TrafficSet::of(IpSet::of(address), slice.ports))) {
      packet.protocol = to_string(sample->protocol);
      packet.destination_port = sample->selector;
    }
    packet.state = "new";
    return packet;
  }

  void remarks() {
    for (const Remark& remark : cluster_.remarks) {
      if (remark.rule == Rule::NamespaceGuessed || remark.rule == Rule::SelectsNothing)
        result_.assumptions.push_back(remark.object + " " + remark.message);
      else
        found(remark.rule, "", remark.where, remark.object, remark.message);
    }
    for (const Evaluation::Tie& tie : all_.ties()) {
      Finding& finding = found(Rule::EqualPriority, "", tie.a->ref.span, to_string(tie.a->ref),
                               "has the priority of " + to_string(tie.b->ref) +
                                   " and other actions: which comes first is undefined, so the worst was judged");
      finding.because.push_back({tie.b->ref.span, to_string(tie.b->ref), ""});
    }
    if (all_.mixed_apis())
      found(Rule::FieldNotUnderstood, "", {}, "the input",
            "holds Cilium's and Calico's policies: no cluster enforces both")
          .effect = Verdict::Inconclusive;
  }

  // Addresses that look private and are a cloud's own service.
  void cloud_addresses() {
    for (const Catalogue& catalogue : question_.catalogues) {
      if (catalogue.name != "cloud-metadata") continue;
      const IpSet there = catalogue.addresses() & question_.inside;
      if (there.empty()) continue;
      std::set<const PolicyRule*> seen;
      for (std::size_t c = 0; c < all_.classes().size(); ++c) {
        if (all_.classes()[c].host_network) continue;
        const TrafficSet out =
            restrict(all_.addresses(c, Direction::Egress, Reading::Wide), there, transport_services());
        const std::optional<Sample> sample = smallest(out);
        if (!sample) continue;
        const Decision decision =
            all_.decide(c, Direction::Egress, sample->address, sample->protocol, sample->selector, Reading::Wide);
        if (!decision.rule || !seen.insert(decision.rule).second) continue;
        Finding& finding = found(
            Rule::CloudAddress, name_of(cluster_.workloads[all_.classes()[c].members.front()]), decision.rule->span,
            to_string(decision.policy->ref) + ", " + decision.rule->text,
            "lets pods reach " + to_string(sample->address) + ", which looks private and is a cloud's own service");
        finding.destination = to_string(sample->address);
        finding.protocol = to_string(sample->protocol);
      }
    }
  }

  void grants() {
    for (const Grant& grant : cluster_.grants) {
      const std::string where = grant.ns.empty() ? "every namespace" : "namespace " + grant.ns;
      std::string rights;
      const auto add = [&](bool has, std::string_view what) {
        if (has) rights += (rights.empty() ? "" : ", ") + std::string(what);
      };
      add(grant.create_network_policies && !cluster_sealed_, "NetworkPolicies");
      add(grant.create_pods, "pods, hostNetwork ones too where admission lets them");
      add(grant.change_cluster_policies, "cluster-scoped policies");
      if (!rights.empty())
        result_.assumptions.push_back(grant.subject + " opens no hole: " + to_string(grant.binding) +
                                      " lets it create " + rights + " in " + where);
    }
  }

  void unjudged() {
    for (const Workload& pods : cluster_.workloads)
      if (!pods.judged && !pods.hypothetical)
        result_.assumptions.push_back(
            name_of(pods) + " is held by others: nothing of its namespace is in the input, so it was not judged");
  }

  void admission() {
    for (const AdmissionPolicy& policy : cluster_.admission)
      result_.assumptions.push_back(to_string(policy.ref) + " is relied on for nothing here: it is " +
                                    (policy.bound ? "bound" : "bound by nothing in the input") +
                                    (policy.about.empty() ? "" : " and is about " + policy.about));
  }

  // ---- reach over several hops -----------------------------------------------------------------------------------

  bool judged(std::size_t c) const {
    const std::vector<std::size_t>& members = all_.classes()[c].members;
    return std::any_of(members.begin(), members.end(), [&](std::size_t w) { return cluster_.workloads[w].judged; });
  }

  std::string first_name(std::size_t c) const { return name_of(cluster_.workloads[all_.classes()[c].members.front()]); }

  void relay(std::vector<std::string> path, std::string why, Span where) {
    if (result_.relays.size() < kMaxRelays) result_.relays.push_back({std::move(path), std::move(why), where});
  }

  void relays() {
    for (const Workload& pods : cluster_.workloads)
      for (const std::string& variable : pods.relays)
        relay({name_of(pods), variable}, "a proxy variable: the proxy reaches what it reaches", pods.ref.span);
    for (const IngressBackend& backend : cluster_.ingresses)
      relay({"whoever reaches the ingress controller", to_string(backend.ref),
             "Service " + backend.ref.ns + "/" + backend.service},
            "an Ingress hands requests on", backend.where);
    for (const ApiServerCall& call : cluster_.api_server_calls)
      relay({"whoever may write to the API server", "API server", call.target},
            to_string(call.ref) + " makes the API server call it", call.where);
    for (const IngressCall& call : cluster_.ingress_calls)
      relay({"whoever reaches the ingress controller", call.target},
            to_string(call.ref) + " makes the ingress controller call it", call.where);
    through_pods();
    through_endpoints();
  }

  // Breadth first from those that are let out, against the direction of the connections.
  void through_pods() {
    const std::size_t count = all_.classes().size();
    std::vector<std::size_t> next(count, count);  // the hop behind each class
    std::deque<std::size_t> queue;
    for (std::size_t c = 0; c < count; ++c) {
      if (all_.classes()[c].host_network || !judged(c)) continue;
      if (!restrict(all_.addresses(c, Direction::Egress, Reading::Narrow), outside_, transport_services()).empty()) {
        next[c] = c;
        queue.push_back(c);
      }
    }
    if (queue.empty()) return;
    if (count > kMaxRelayClasses) {
      result_.assumptions.push_back("relays through pods were not looked for: there are " + std::to_string(count) +
                                    " classes of pods");
      return;
    }
    while (!queue.empty()) {
      const std::size_t out = queue.front();
      queue.pop_front();
      for (std::size_t c = 0; c < count; ++c) {
        if (next[c] != count || all_.classes()[c].host_network || !judged(c)) continue;
        if (all_.connections(c, out, Reading::Narrow).empty()) continue;
        next[c] = out;
        queue.push_back(c);
        std::vector<std::string> path{first_name(c)};
        std::size_t hop = c;
        while (next[hop] != hop) path.push_back(first_name(hop = next[hop]));
        path.push_back("outside " +
                       describe(all_.addresses(hop, Direction::Egress, Reading::Narrow).addresses() & outside_));
        relay(std::move(path), "the last pod is let out, and takes requests", {});
      }
    }
  }

  void through_endpoints() {
    if (!question_.policy) return;
    for (const Flow& flow : question_.policy->flows) {
      const Endpoint* endpoint = question_.policy->endpoint(flow.to);
      if (endpoint && (endpoint->role == airtight::Role::Proxy || endpoint->role == airtight::Role::Dns))
        relay({std::string(question_.policy->name_of(flow.from)), "endpoint " + endpoint->name},
              endpoint->role == airtight::Role::Proxy ? "a proxy reaches what it reaches"
                                                      : "a resolver asks whom it is told to ask",
              {});
    }
  }

  const Cluster& cluster_;
  const Evaluation& all_;
  const Question& question_;
  bool cluster_sealed_;
  IpSet outside_;
  Surroundings result_;
};

}  // namespace

Surroundings look_around(const Cluster& cluster, const Evaluation& all, const Question& question, bool cluster_sealed) {
  return Surveyor(cluster, all, question, cluster_sealed).run();
}

}  // namespace airtight::verify
