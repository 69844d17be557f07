// networking.k8s.io/v1 NetworkPolicy: the API's defaults, and its validation, field by field.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/policy/diagnostic.h"
#include "compiler/verify/kubernetes/fields.h"
#include "compiler/verify/kubernetes/readers.h"

namespace airtight::verify {
namespace {

constexpr std::string_view kNamespaceName = "kubernetes.io/metadata.name";

Selector read_selector(const Value& map, std::string_view key, Faults& faults) {
  const Within within(faults, key);
  const Value* selector = field(map, key);
  return selector != nullptr ? read_label_selector(*selector, faults) : Selector::all();
}

// Empty, with a fault, if the server would refuse it.
std::optional<ReadPrefix> read_cidr(const Value& value, Faults& faults) {
  const std::string text = value.is_string() ? value.text : std::string();
  std::optional<ReadPrefix> read = read_prefix(text, true);
  if (!read) {
    faults.push_back({value.span, "is " + quoted(text) + ", which is no CIDR"});
  } else if (!read->noted.empty()) {
    faults.push_back({value.span, "is " + quoted(text) + " and " + read->noted, SelectorFault::Kind::Noted});
  }
  return read;
}

void read_ip_block(const Value& block, RulePeer& peer, std::string& doubt, Faults& faults) {
  peer.kind = RulePeer::Kind::Addresses;
  peer.addresses_match_pods = RulePeer::MatchPods::Undefined;
  if (!check_fields(block, {{"cidr", Shape::String}, {"except", Shape::List}}, faults)) return;
  const Value* cidr_value = field(block, "cidr");
  if (cidr_value == nullptr) {
    faults.push_back({block.span, "has no cidr"});
    return;
  }
  std::optional<ReadPrefix> cidr;
  {
    const Within within(faults, "cidr");
    cidr = read_cidr(*cidr_value, faults);
  }
  if (!cidr) return;
  peer.addresses = cidr->addresses;
  doubt = cidr->doubt;
  const std::span<const Value> exceptions = list_of(block, "except");
  for (std::size_t i = 0; i < exceptions.size(); ++i) {
    const Within within(faults, "except", i);
    const std::optional<ReadPrefix> hole = read_cidr(exceptions[i], faults);
    if (!hole) continue;
    if (!cidr->prefix.contains(hole->prefix) || cidr->prefix == hole->prefix) {
      const bool other_family = hole->prefix.family() != cidr->prefix.family();
      faults.push_back({exceptions[i].span, "is " + to_string(hole->prefix) + ", which " +
                                                (other_family ? "is of another family than " : "does not lie within ") +
                                                to_string(cidr->prefix)});
    }
    if (!hole->doubt.empty()) doubt = hole->doubt;
    peer.addresses -= hole->addresses;
  }
}

RulePeer read_peer(const Value& value, const std::string& own_namespace, std::string& doubt, Faults& faults) {
  RulePeer peer;
  peer.span = value.span;
  if (!check_fields(value, {{"podSelector", Shape::Map}, {"namespaceSelector", Shape::Map}, {"ipBlock", Shape::Map}},
                    faults)) {
    return peer;
  }
  const Value* pods = field(value, "podSelector");
  const Value* namespaces = field(value, "namespaceSelector");
  const Value* block = field(value, "ipBlock");
  if (pods == nullptr && namespaces == nullptr && block == nullptr) {
    faults.push_back({value.span, "is empty: a peer needs podSelector, namespaceSelector or ipBlock"});
    return peer;
  }
  if (block != nullptr) {
    if (pods != nullptr || namespaces != nullptr) {
      faults.push_back({value.span, "has both ipBlock and a selector"});
    }
    const Within within(faults, "ipBlock");
    read_ip_block(*block, peer, doubt, faults);
    return peer;
  }
  peer.kind = RulePeer::Kind::Pods;
  peer.namespaces = namespaces != nullptr ? read_selector(value, "namespaceSelector", faults)
                                          : Selector::in(std::string(kNamespaceName), {own_namespace});
  peer.pods = read_selector(value, "podSelector", faults);
  return peer;
}

// endPort needs a number to start from, and must not lie below it.
PortSet read_port_range(const Value& value, std::uint16_t first, Faults& faults) {
  const Value* end = field(value, "endPort");
  if (end == nullptr) return PortSet::of(first);
  const std::optional<std::uint16_t> last = read_port_number(*end);
  if (!last) {
    faults.push_back({end->span, "endPort is " + quoted(end->text) + ", not 1 to 65535"});
  } else if (*last < first) {
    faults.push_back({end->span, "endPort is " + end->text + ", below port " + std::to_string(first)});
  }
  return PortSet::of(first, last ? std::max(first, *last) : first);
}

void read_port(const Value& value, PolicyRule& rule, Faults& faults) {
  if (!check_fields(value, {{"protocol", Shape::String}, {"port", Shape::IntegerOrString}, {"endPort", Shape::Integer}},
                    faults)) {
    return;
  }
  Protocol protocol = Protocol::Tcp;
  if (const Value* name = field(value, "protocol"); name != nullptr && name->is_string()) {
    const std::optional<Protocol> read = read_protocol(name->text);
    if (!read) faults.push_back({name->span, "protocol is " + quoted(name->text) + ", not TCP, UDP or SCTP"});
    protocol = read.value_or(Protocol::Tcp);
  }
  const Value* port = field(value, "port");
  const Value* end = field(value, "endPort");
  if (end != nullptr && (port == nullptr || port->is_string())) {
    faults.push_back(
        {end->span, port == nullptr ? "endPort is given without port" : "endPort is given with a named port"});
  }
  if (port == nullptr) {
    rule.services |= ServiceSet::protocol(protocol);
  } else if (port->is_string()) {
    const std::string why = why_not_port_name(port->text);
    if (!why.empty()) faults.push_back({port->span, "port " + why});
    rule.named_ports.push_back({protocol, port->text});
  } else if (const std::optional<std::uint16_t> number = read_port_number(*port)) {
    rule.services |= ServiceSet::of(protocol, read_port_range(value, *number, faults));
  } else if (integer(*port)) {
    faults.push_back({port->span, "port is " + port->text + ", not 1 to 65535"});
  }
}

PolicyRule read_rule(const Value& value, Direction direction, const std::string& own_namespace, Faults& faults) {
  PolicyRule rule;
  rule.span = value.span;
  const std::string_view peers_key = direction == Direction::Egress ? "to" : "from";
  if (!check_fields(value, {{peers_key, Shape::List}, {"ports", Shape::List}}, faults)) return rule;
  const std::span<const Value> peers = list_of(value, peers_key);
  std::string doubt;
  for (std::size_t i = 0; i < peers.size(); ++i) {
    const Within within(faults, peers_key, i);
    rule.peers.push_back(read_peer(peers[i], own_namespace, doubt, faults));
  }
  if (peers.empty()) {
    rule.peers.emplace_back();
    rule.peers.back().span = value.span;
  }
  const std::span<const Value> ports = list_of(value, "ports");
  if (ports.empty()) rule.services = ServiceSet::all();
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const Within within(faults, "ports", i);
    read_port(ports[i], rule, faults);
  }
  if (!doubt.empty()) {
    rule.understood = false;
    rule.why_not = doubt;
  }
  return rule;
}

std::vector<PolicyRule> read_rules(const Value& spec, Direction direction, const std::string& own_namespace,
                                   Faults& faults) {
  const std::string_view key = direction == Direction::Egress ? "egress" : "ingress";
  const std::span<const Value> values = list_of(spec, key);
  std::vector<PolicyRule> rules;
  rules.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Within within(faults, key, i);
    rules.push_back(read_rule(values[i], direction, own_namespace, faults));
    rules.back().text = std::string(key) + " rule " + std::to_string(i + 1);
  }
  return rules;
}

// Absent or empty: Ingress always, Egress only where there are egress rules.
void read_policy_types(const Value& spec, PolicyObject& policy, Faults& faults) {
  const std::span<const Value> types = list_of(spec, "policyTypes");
  policy.isolates_ingress = types.empty();
  policy.isolates_egress = types.empty() && !policy.egress.empty();
  if (types.size() > 2) faults.push_back({types[2].span, "policyTypes has more than two items"});
  for (std::size_t i = 0; i < types.size(); ++i) {
    const Within within(faults, "policyTypes", i);
    if (types[i].is_string() && types[i].text == "Ingress") {
      policy.isolates_ingress = true;
    } else if (types[i].is_string() && types[i].text == "Egress") {
      policy.isolates_egress = true;
    } else {
      faults.push_back({types[i].span, "is " + quoted(types[i].text) + ", not Ingress or Egress"});
    }
  }
  policy.ingress_applies = policy.isolates_ingress;
  policy.egress_applies = policy.isolates_egress;
}

}  // namespace

void read_network_policy(const Value& object, ReaderContext context) {
  PolicyObject policy;
  policy.api = PolicyObject::Api::NetworkPolicy;
  policy.ref = context.ref;
  policy.tier = "default";
  policy.namespaces = Selector::in(std::string(kNamespaceName), {context.ref.ns});
  Faults faults;
  check_object(object, faults);
  const Value none;
  const Value* given = field(object, "spec");
  const Value& spec = given != nullptr ? *given : none;
  {
    const Within within(faults, "spec");
    if (spec.is_null() || spec.is_map()) {
      check_fields(spec,
                   {{"podSelector", Shape::Map},
                    {"policyTypes", Shape::List},
                    {"ingress", Shape::List},
                    {"egress", Shape::List}},
                   faults);
    }
    policy.pods = read_selector(spec, "podSelector", faults);
    policy.ingress = read_rules(spec, Direction::Ingress, context.ref.ns, faults);
    policy.egress = read_rules(spec, Direction::Egress, context.ref.ns, faults);
    read_policy_types(spec, policy, faults);
  }
  if (text_of(object, "apiVersion") == "extensions/v1beta1") {
    policy.doubtful = true;
    policy.why_doubtful = "apiVersion is extensions/v1beta1, which no server since Kubernetes 1.16 takes";
    remark(context, Rule::RefusedObject, context.ref.span, policy.why_doubtful);
  }
  add_policy(std::move(policy), faults, context);
}

}  // namespace airtight::verify
