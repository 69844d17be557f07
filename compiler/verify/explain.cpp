#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "compiler/policy/diagnostic.h"
#include "compiler/verify/connections.h"
#include "compiler/verify/firewall/leaving.h"
#include "compiler/verify/kubernetes/declared.h"
#include "compiler/verify/words.h"

namespace airtight::verify {
namespace {

// One end of the question: a class of pods, or an address.
struct End {
  std::string name;
  std::optional<std::size_t> pods;
  std::optional<Ip> address;
  bool node = false;
};

std::optional<Protocol> protocol_of(std::string_view text) {
  for (const Protocol protocol : {Protocol::Tcp, Protocol::Udp, Protocol::Sctp})
    if (to_string(protocol) == text) return protocol;
  return std::nullopt;
}

class Explainer {
 public:
  Explainer(Artifacts& artifacts, const Question& question, const ExplanationQuery& query, std::string& why_not)
      : artifacts_(artifacts), question_(question), query_(query), why_not_(why_not) {
    if (question.policy) add_declared_pods(artifacts.cluster, *question.policy);
    const IpSet pods = question.policy ? question.policy->pods() : IpSet();
    const IpSet nodes = question.policy ? question.policy->nodes() : IpSet();
    namespaced_.emplace(artifacts.cluster, Scope::Namespaced, pods, nodes);
    scoped_.emplace(artifacts.cluster, Scope::ClusterScoped, pods, nodes);
  }

  std::optional<Explanation> run() {
    std::optional<End> from = resolve(query_.from);
    std::optional<End> to = from ? resolve(query_.to) : std::nullopt;
    if (!from || !to) return std::nullopt;
    protocol_ = query_.protocol.value_or(Protocol::Tcp);
    port_ = query_.port.value_or(443);
    result_.question =
        from->name + " → " + to->name + " " + std::to_string(port_) + "/" + std::string(to_string(protocol_));
    through_service(*to);
    declared(*from, *to);
    policies(*from, *to, Layer::Kubernetes, *namespaced_);
    policies(*from, *to, Layer::Cluster, *scoped_);
    firewall(*from, *to);
    result_.allowed = true;
    for (const LayerExplanation& layer : result_.layers)
      if (layer.asked) {
        result_.allowed = result_.allowed && layer.allowed;
        result_.certain = result_.certain && layer.certain;
      }
    return std::move(result_);
  }

 private:
  std::optional<End> resolve(const std::string& text) {
    if (const std::optional<Ip> ip = Ip::parse(text)) return address(*ip, text);
    if (text == "nodes") {
      End end{"nodes", {}, {}, true};
      if (question_.policy) end.address = question_.policy->nodes().smallest();
      return end;
    }
    if (question_.policy) {
      for (const Endpoint& endpoint : question_.policy->endpoints)
        if (endpoint.name == text) return End{"endpoint " + text, {}, endpoint.addresses.smallest(), false};
      if (text == "api-server" && !question_.policy->cluster.api_server.empty())
        return End{text, {}, question_.policy->cluster.api_server.front().address, false};
      for (const airtight::Workload& workload : question_.policy->workloads)
        if (workload.name == text) return declared_pods(workload);
    }
    return pods_named(text);
  }

  End address(Ip ip, const std::string& text) {
    for (std::size_t w = 0; w < artifacts_.cluster.workloads.size(); ++w) {
      const std::vector<Ip>& mine = artifacts_.cluster.workloads[w].addresses;
      if (std::find(mine.begin(), mine.end(), ip) == mine.end()) continue;
      result_.notes.push_back(text + " is " + name_of(artifacts_.cluster.workloads[w]));
      return {name_of(artifacts_.cluster.workloads[w]), w, ip, false};
    }
    return {text, {}, ip, question_.policy && question_.policy->nodes().contains(ip)};
  }

  std::optional<End> declared_pods(const airtight::Workload& workload) {
    if (workload.host) return End{workload.name, {}, question_.policy->nodes().smallest(), true};
    for (std::size_t w = 0; w < artifacts_.cluster.workloads.size(); ++w) {
      const Workload& pods = artifacts_.cluster.workloads[w];
      if (pods.ref.ns == workload.ns && !pods.host_network &&
          matches(Selector::equal_to(workload.labels), pods.labels) == Match::Yes)
        return End{name_of(pods), w, question_.policy->pods().smallest(), false};
    }
    return std::nullopt;
  }

  std::optional<End> pods_named(const std::string& text) {
    std::vector<std::string> names;
    std::optional<End> found;
    for (std::size_t w = 0; w < artifacts_.cluster.workloads.size(); ++w) {
      const Workload& pods = artifacts_.cluster.workloads[w];
      const std::string whole = name_of(pods);
      names.push_back(whole);
      if (whole != text && pods.ref.ns + "/" + pods.ref.name != text && pods.ref.name != text) continue;
      if (found && whole != text) {
        why_not_ = quoted(text) + " may be " + found->name + " or " + whole + ": write the whole name";
        return std::nullopt;
      }
      found = End{whole, w, pods.addresses.empty() ? std::optional<Ip>() : pods.addresses.front(), pods.host_network};
      if (whole == text) break;
    }
    if (found) return found;
    std::vector<std::string_view> known(names.begin(), names.end());
    why_not_ = quoted(text) + " is no workload, endpoint or address";
    if (const std::string_view near = nearest(text, known); !near.empty())
      why_not_ += "; did you mean '" + std::string(near) + "'?";
    else if (!names.empty())
      why_not_ += "; there is " + names.front() +
                  (names.size() > 1 ? " and " + std::to_string(names.size() - 1) + " more" : "");
    return std::nullopt;
  }

  // What is sent to a Service's address arrives at its pods, on their port: policies see the translated packet.
  void through_service(End& to) {
    if (!to.address || to.pods) return;
    for (const Service& service : artifacts_.cluster.services)
      if (std::find(service.cluster_ips.begin(), service.cluster_ips.end(), *to.address) != service.cluster_ips.end())
        return behind(service, to);
    if (!question_.policy) return;
    const airtight::Cluster& cluster = question_.policy->cluster;
    for (const Prefix& range : cluster.services) {
      // The first address of the range is the API server's Service, default/kubernetes.
      const Ip first = range.first().is_v4() ? Ip::v4(range.first().v4_bits() + 1) : Ip::v6(range.first().bits() + 1);
      if (*to.address != first) continue;
      for (const AddressPort& api : cluster.api_server)
        if (api.address.family() == first.family()) {
          result_.notes.push_back(to_string(first) + ":" + std::to_string(port_) + " is Service default/kubernetes: " +
                                  std::to_string(port_) + " becomes " + std::to_string(api.port) + " of " +
                                  to_string(api.address) + " before a policy sees it");
          to.address = api.address;
          to.name = to_string(api);
          port_ = api.port;
          return;
        }
    }
    if (question_.policy->services().contains(*to.address))
      result_.notes.push_back(to_string(*to.address) +
                              " is a Service address that the input does not show: policies see the pod behind it");
  }

  void behind(const Service& service, End& to) {
    const auto port = std::find_if(service.ports.begin(), service.ports.end(),
                                   [&](const ServicePort& p) { return p.port == port_ && p.protocol == protocol_; });
    if (port == service.ports.end() || !service.selector) {
      result_.notes.push_back(to.name + " is Service " + service.ref.ns + "/" + service.ref.name +
                              (service.selector ? ", which has no such port" : ", whose endpoints are made by hand"));
      return;
    }
    for (std::size_t w = 0; w < artifacts_.cluster.workloads.size(); ++w) {
      const Workload& pods = artifacts_.cluster.workloads[w];
      if (pods.ref.ns != service.ref.ns || matches(Selector::equal_to(*service.selector), pods.labels) != Match::Yes)
        continue;
      const std::uint16_t target = target_port(*port, pods);
      result_.notes.push_back(to_string(*to.address) + ":" + std::to_string(port_) + " is Service " + service.ref.ns +
                              "/" + service.ref.name + ": " + std::to_string(port_) + " becomes " +
                              std::to_string(target) + " of " + name_of(pods));
      to.pods = w;
      to.name = name_of(pods);
      port_ = target;
      return;
    }
  }

  std::uint16_t target_port(const ServicePort& port, const Workload& pods) const {
    std::uint16_t number = port.port;
    if (port.target.empty()) return number;
    const auto [end, error] = std::from_chars(port.target.data(), port.target.data() + port.target.size(), number);
    if (error == std::errc() && end == port.target.data() + port.target.size()) return number;
    for (const ContainerPort& named : pods.ports)
      if (named.name == port.target && named.protocol == port.protocol) return named.port;
    return port.port;
  }

  void declared(const End& from, const End& to) {
    if (!question_.policy) return;
    const Policy& policy = *question_.policy;
    const Declared spec(policy, *namespaced_, question_.at);
    const auto is = [&](const Peer& peer, const End& end) {
      if (policy.is_pod(peer)) {
        const std::vector<std::size_t>& classes = spec.classes_of(peer);
        return end.pods && std::find(classes.begin(), classes.end(), namespaced_->class_of(*end.pods)) != classes.end();
      }
      return !end.pods && end.address && policy.addresses_of(peer).contains(*end.address);
    };
    for (const Flow& flow : policy.flows)
      if (is(flow.from, from) && is(flow.to, to) && flow.services.contains(protocol_, port_)) {
        result_.notes.push_back("the spec declares it: " + std::string(policy.name_of(flow.from)) + " to " +
                                std::string(policy.name_of(flow.to)) + " (" + to_string(flow.origin) + ")" +
                                (flow.why.empty() ? "" : ", " + flow.why));
        return;
      }
    for (const Exception& exception : policy.exceptions)
      if (to.address && is(exception.from, from) && exception.to.contains(*to.address) &&
          exception.services.contains(protocol_, port_)) {
        result_.notes.push_back("the spec has an exception for it, " + exception.ticket + ", until " +
                                to_string(exception.expires));
        return;
      }
    result_.notes.push_back(to.address && !to.pods && !question_.inside.contains(*to.address)
                                ? "the spec declares it nowhere: " + to.name + " is outside the boundary"
                                : "the spec declares no flow for it");
  }

  void policies(const End& from, const End& to, Layer layer, const Evaluation& evaluation) {
    LayerExplanation explanation;
    explanation.layer = layer;
    const Scope scope = layer == Layer::Cluster ? Scope::ClusterScoped : Scope::Namespaced;
    explanation.asked = std::any_of(artifacts_.cluster.policies.begin(), artifacts_.cluster.policies.end(),
                                    [&](const PolicyObject& policy) { return in_scope(policy, scope); }) &&
                        (from.pods || to.pods);
    if (explanation.asked) {
      explanation.allowed = true;
      if (from.pods && !from.node) half(evaluation, from, to, Direction::Egress, explanation);
      if (to.pods && !to.node) half(evaluation, to, from, Direction::Ingress, explanation);
      if (explanation.reason.empty()) explanation.reason = "no policy of this layer holds these ends";
    }
    result_.layers.push_back(std::move(explanation));
  }

  void half(const Evaluation& evaluation, const End& subject, const End& peer, Direction direction,
            LayerExplanation& explanation) {
    const std::size_t c = evaluation.class_of(*subject.pods);
    if (!peer.pods && !peer.address) return;
    const Decision decision =
        peer.pods ? evaluation.decide(c, direction, evaluation.class_of(*peer.pods), protocol_, port_, Reading::Wide)
                  : evaluation.decide(c, direction, *peer.address, protocol_, port_, Reading::Wide);
    const std::string way = direction == Direction::Egress ? "egress of " : "ingress of ";
    for (const std::string& passed : decision.passed)
      explanation.steps.push_back({{}, way + subject.name + ": " + passed});
    const std::string verb = decision.allowed ? "allows" : "denies";
    std::string reason;
    if (decision.rule) {
      reason =
          to_string(decision.policy->ref) + ", " + decision.rule->text + ", " + verb + " it in " + way + subject.name;
      explanation.steps.push_back({decision.rule->span, way + subject.name + ": " + reason});
    } else if (decision.allowed) {
      reason = "nothing isolates the " + way + subject.name;
    } else {
      reason = "no rule allows it, and the " + way + subject.name + " is isolated";
      if (decision.policy)
        explanation.steps.push_back({decision.policy->ref.span, to_string(decision.policy->ref) + " isolates it"});
    }
    explanation.allowed = explanation.allowed && decision.allowed;
    explanation.certain = explanation.certain && decision.certain;
    // The half that denies is the one to read first.
    if (explanation.reason.empty() || !decision.allowed) {
      explanation.reason = reason;
      explanation.change =
          decision.allowed
              ? (decision.rule ? "take that rule back" : "isolate the pods: a NetworkPolicy with this policyType")
              : (decision.rule ? "take that rule back" : "a rule that names this peer and port");
    }
  }

  void firewall(const End& from, const End& to) {
    LayerExplanation explanation;
    explanation.layer = Layer::Firewall;
    const bool node = from.node && !(from.pods && !artifacts_.cluster.workloads[*from.pods].host_network);
    const std::optional<Ip> destination = to.address ? to.address : pod_address();
    explanation.asked = !artifacts_.firewall.tables.empty() && destination.has_value();
    if (explanation.asked) {
      const Path path = node ? Path::Output : Path::Forward;
      PacketSet packets = PacketSet::destined(IpSet::of(*destination), ServiceSet::of(protocol_, PortSet::of(port_)));
      const std::optional<Ip> source = from.address ? from.address : pod_address(destination->family());
      if (source && source->family() == destination->family())
        packets = packets & PacketSet::sourced(IpSet::of(*source));
      Box box = packets.boxes().front();
      (void)box.constrain(Field::State, Values::of(static_cast<u128>(StateValue::New)));
      // An address of the sender itself is no destination that a packet leaves for.
      (void)box.constrain(Field::LocalDestination, Values::of(0));
      if (question_.policy && !question_.policy->cluster.uplinks.empty())
        (void)box.constrain(Field::OutInterface, interface_values(question_.policy->cluster.uplinks.front()));
      const FirewallDecision decision = decide(artifacts_.firewall, path, box, Reading::Wide);
      explanation.allowed = decision.allowed;
      explanation.certain = decision.certain;
      for (const FirewallStep& step : decision.steps) explanation.steps.push_back({step.where, step.text});
      explanation.reason = decision.steps.empty() ? std::string(decision.allowed ? "no rule drops it" : "it is dropped")
                                                  : decision.steps.back().text;
      explanation.change = decision.allowed ? "a rule before it that drops what is not inside"
                                            : "declare the flow in the spec and compile again";
    }
    result_.layers.push_back(std::move(explanation));
  }

  std::optional<Ip> pod_address(Family family = Family::V4) const {
    if (!question_.policy) return std::nullopt;
    const IpSet pods = question_.policy->pods();
    const IpSet wanted = family == Family::V4 ? pods.only_v4() : pods.only_v6();
    return wanted.empty() ? pods.smallest() : wanted.smallest();
  }

  Artifacts& artifacts_;
  const Question& question_;
  const ExplanationQuery& query_;
  std::string& why_not_;
  std::optional<Evaluation> namespaced_, scoped_;
  Protocol protocol_ = Protocol::Tcp;
  std::uint16_t port_ = 443;
  Explanation result_;
};

}  // namespace

std::optional<ExplanationQuery> parse_query(std::string_view from, std::string_view to, std::string& why_not) {
  ExplanationQuery query;
  query.from = from;
  std::string_view rest;
  if (to.substr(0, 1) == "[" && to.find("]:") != std::string_view::npos && Ip::parse(to.substr(1, to.find("]:") - 1))) {
    query.to = to.substr(1, to.find("]:") - 1);
    rest = to.substr(to.find("]:") + 2);
  } else if (const std::size_t colon = to.rfind(':'); colon == std::string_view::npos || Ip::parse(to)) {
    query.to = to;
    return query;
  } else {
    query.to = to.substr(0, colon);
    rest = to.substr(colon + 1);
  }
  const std::string_view number = rest.substr(0, rest.find('/'));
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), port);
  if (error != std::errc() || end != number.data() + number.size() || port == 0) {
    why_not = quoted(std::string(to)) + " has no port from 1 to 65535 behind the colon";
    return std::nullopt;
  }
  query.port = port;
  if (number.size() != rest.size()) {
    query.protocol = protocol_of(rest.substr(number.size() + 1));
    if (!query.protocol) {
      why_not = quoted(std::string(to)) + " names a protocol that is none of tcp, udp, sctp";
      return std::nullopt;
    }
  }
  return query;
}

std::optional<Explanation> explain(Artifacts& artifacts, const Question& question, const ExplanationQuery& query,
                                   const Sources&, std::string& why_not) {
  return Explainer(artifacts, question, query, why_not).run();
}

}  // namespace airtight::verify
