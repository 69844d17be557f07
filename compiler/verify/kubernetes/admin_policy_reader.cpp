// policy.networking.k8s.io: AdminNetworkPolicy and BaselineAdminNetworkPolicy v1alpha1, ClusterNetworkPolicy v1alpha2.
// The three differ in words and limits; what they share is read once. Their CRDs check shapes, not the text of
// selectors: a selector that nobody can parse is stored, and not understood here.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/policy/diagnostic.h"
#include "compiler/verify/kubernetes/fields.h"
#include "compiler/verify/kubernetes/readers.h"

namespace airtight::verify {
namespace {

struct Dialect {
  std::string_view kind;
  std::string_view version;
  PolicyObject::Api api;
  std::string_view accept;  // the word for Allow
  bool may_pass;
  bool has_priority;
  bool needs_namespaces;  // pods: namespaceSelector must be there
  std::string_view ports_key;
  std::size_t rules, peers, ports;
};
constexpr std::array<Dialect, 3> kDialects{{
    {"AdminNetworkPolicy", "policy.networking.k8s.io/v1alpha1", PolicyObject::Api::AdminNetworkPolicy, "Allow", true,
     true, true, "ports", 100, 100, 100},
    {"BaselineAdminNetworkPolicy", "policy.networking.k8s.io/v1alpha1", PolicyObject::Api::BaselineAdminNetworkPolicy,
     "Allow", false, false, true, "ports", 100, 100, 100},
    {"ClusterNetworkPolicy", "policy.networking.k8s.io/v1alpha2", PolicyObject::Api::ClusterNetworkPolicy, "Accept",
     true, true, false, "protocols", 25, 25, 25},
}};
constexpr std::size_t kNetworks = 25;

class AdminPolicyReader {
 public:
  AdminPolicyReader(const Dialect& dialect, ReaderContext context) : dialect_(dialect), context_(context) {}

  void read(const Value& object);

 private:
  void fault(const Value& at, std::string message) { faults_.push_back({at.span, std::move(message)}); }
  bool limit(const Value& list, std::string_view key, std::size_t least, std::size_t most);
  bool one_member(const Value& map, std::initializer_list<FieldShape> known);
  Selector read_selector(const Value& map, std::string_view key);
  void read_pods(const Value& pods, Selector& namespaces, Selector& selector);
  void read_subject(const Value& spec);
  void read_tier_and_priority(const Value& spec);
  void read_rules(const Value& spec, Direction direction, std::vector<PolicyRule>& rules);
  PolicyRule read_rule(const Value& value, Direction direction);
  RulePeer read_peer(const Value& value, Direction direction, Action action);
  void read_networks(const Value& peer_value, RulePeer& peer);
  void read_ports(const Value& rule_value, PolicyRule& rule);
  void read_port_v1alpha1(const Value& value, PolicyRule& rule);
  void read_port_v1alpha2(const Value& value, PolicyRule& rule);
  std::uint16_t read_number(const Value& map, std::string_view key);
  void read_named(const Value& map, std::string_view key, PolicyRule& rule);
  void doubt(PolicyRule& rule, std::string why);  // it may be about any port

  const Dialect& dialect_;
  ReaderContext context_;
  PolicyObject policy_;
  Faults faults_;
};

// Whether the list is short enough to go on with.
bool AdminPolicyReader::limit(const Value& list, std::string_view key, std::size_t least, std::size_t most) {
  const std::size_t size = list.items.size();
  if (size > most) {
    fault(list, std::string(key) + " has " + std::to_string(size) + " items, more than " + std::to_string(most));
  }
  if (size < least) fault(list, std::string(key) + " is empty");
  return size <= most;
}

// Maps of which exactly one member must be set. One that has only fields that nobody knows is refused by the server
// whose CRD does not know them either, and taken by a newer one: false, without a refusal.
bool AdminPolicyReader::one_member(const Value& map, std::initializer_list<FieldShape> known) {
  if (!check_fields(map, known, faults_)) return false;
  const auto set =
      std::count_if(known.begin(), known.end(), [&](const FieldShape& row) { return field(map, row.key) != nullptr; });
  if (set > 1) fault(map, "has more than one field");
  const bool newer = std::any_of(map.members.begin(), map.members.end(), [&](const Member& member) {
    return std::none_of(known.begin(), known.end(), [&](const FieldShape& row) { return row.key == member.key; });
  });
  if (set == 0 && !newer) fault(map, "has no field");
  return set == 1;
}

// The text of a selector is not checked by the server: bad text is stored, and nobody knows what it selects.
Selector AdminPolicyReader::read_selector(const Value& map, std::string_view key) {
  const Value* value = field(map, key);
  if (value == nullptr) return Selector::all();
  const Within within(faults_, key);
  Faults found;
  Selector selector = read_label_selector(*value, found);
  bool understood = true;
  for (SelectorFault& fault : found) {
    if (fault.kind == SelectorFault::Kind::Refused) {
      understood = false;
      fault.kind = SelectorFault::Kind::UnknownField;
    }
    faults_.push_back(std::move(fault));
  }
  return understood ? selector : Selector::not_understood();
}

void AdminPolicyReader::read_pods(const Value& pods, Selector& namespaces, Selector& selector) {
  if (!check_fields(pods, {{"namespaceSelector", Shape::Map}, {"podSelector", Shape::Map}}, faults_)) return;
  if (field(pods, "podSelector") == nullptr) fault(pods, "has no podSelector");
  if (dialect_.needs_namespaces && field(pods, "namespaceSelector") == nullptr) fault(pods, "has no namespaceSelector");
  namespaces = read_selector(pods, "namespaceSelector");
  selector = read_selector(pods, "podSelector");
}

void AdminPolicyReader::read_subject(const Value& spec) {
  const Value* subject = field(spec, "subject");
  if (subject == nullptr) return fault(spec, "has no subject");
  const Within within(faults_, "subject");
  if (!one_member(*subject, {{"namespaces", Shape::Map}, {"pods", Shape::Map}})) {
    policy_.namespaces = policy_.pods = Selector::not_understood();
    return;
  }
  policy_.namespaces = read_selector(*subject, "namespaces");
  if (const Value* pods = field(*subject, "pods")) {
    const Within in_pods(faults_, "pods");
    read_pods(*pods, policy_.namespaces, policy_.pods);
  }
}

void AdminPolicyReader::read_tier_and_priority(const Value& spec) {
  policy_.tier = dialect_.api == PolicyObject::Api::BaselineAdminNetworkPolicy ? "baseline" : "admin";
  if (dialect_.api == PolicyObject::Api::ClusterNetworkPolicy) {
    const std::string_view tier = text_of(spec, "tier");
    if (tier == "Baseline") policy_.tier = "baseline";
    if (tier != "Baseline" && tier != "Admin") {
      const Value* given = field(spec, "tier");
      fault(given != nullptr ? *given : spec,
            given != nullptr ? "tier is " + quoted(given->text) + ", not Admin or Baseline" : "has no tier");
    }
  }
  if (!dialect_.has_priority) return;
  const Value* priority = field(spec, "priority");
  if (priority == nullptr) return fault(spec, "has no priority");
  const std::optional<std::int64_t> number = integer(*priority);
  if (!number) return;  // its type is a fault already
  if (*number < 0 || *number > 1000) fault(*priority, "priority is " + priority->text + ", not 0 to 1000");
  policy_.order = static_cast<double>(*number);
}

void AdminPolicyReader::read_networks(const Value& peer_value, RulePeer& peer) {
  peer.kind = RulePeer::Kind::Addresses;
  peer.addresses_match_pods = RulePeer::MatchPods::ByAddress;
  const Value& networks = *field(peer_value, "networks");
  if (!limit(networks, "networks", 1, kNetworks)) return;
  std::vector<std::string_view> seen;
  for (std::size_t i = 0; i < networks.items.size(); ++i) {
    const Value& item = networks.items[i];
    const Within within(faults_, "networks", i);
    const std::optional<ReadPrefix> read = item.is_string() ? read_prefix(item.text, false) : std::nullopt;
    if (!read || !read->doubt.empty()) {
      fault(item, "is " + quoted(item.text) + ", which is no CIDR");
      continue;
    }
    if (std::find(seen.begin(), seen.end(), item.text) != seen.end()) {
      fault(item, "is " + quoted(item.text) + ", which is in the list already");
    }
    seen.push_back(item.text);
    if (!read->noted.empty()) {
      faults_.push_back({item.span, "is " + quoted(item.text) + " and " + read->noted, SelectorFault::Kind::Noted});
    }
    peer.addresses |= read->addresses;
  }
}

RulePeer AdminPolicyReader::read_peer(const Value& value, Direction direction, Action action) {
  RulePeer peer;
  peer.span = value.span;
  peer.kind = RulePeer::Kind::NotUnderstood;
  peer.why_not = "no field of the peer is known";
  const bool one = direction == Direction::Egress
                       ? one_member(value, {{"namespaces", Shape::Map},
                                            {"pods", Shape::Map},
                                            {"nodes", Shape::Map},
                                            {"networks", Shape::List},
                                            {"domainNames", Shape::List}})
                       : one_member(value, {{"namespaces", Shape::Map}, {"pods", Shape::Map}});
  if (!one) return peer;
  peer.why_not.clear();
  if (field(value, "namespaces") != nullptr) {
    peer.kind = RulePeer::Kind::Pods;
    peer.namespaces = read_selector(value, "namespaces");
  } else if (const Value* pods = field(value, "pods")) {
    peer.kind = RulePeer::Kind::Pods;
    const Within within(faults_, "pods");
    read_pods(*pods, peer.namespaces, peer.pods);
  } else if (field(value, "nodes") != nullptr) {
    peer.kind = RulePeer::Kind::Nodes;
    peer.nodes = read_selector(value, "nodes");
  } else if (const Value* networks = field(value, "networks"); networks != nullptr && networks->is_list()) {
    read_networks(value, peer);
  } else {
    peer.why_not = "domainNames: which addresses a name has is not known";
    if (action != Action::Allow)
      fault(value, "has domainNames, which only an " + std::string(dialect_.accept) + " takes");
  }
  return peer;
}

std::uint16_t AdminPolicyReader::read_number(const Value& map, std::string_view key) {
  const Value* value = field(map, key);
  const std::optional<std::uint16_t> number =
      value != nullptr && integer(*value) ? read_port_number(*value) : std::nullopt;
  if (value == nullptr) {
    fault(map, "has no " + std::string(key));
  } else if (!number && integer(*value)) {
    fault(*value, std::string(key) + " is " + value->text + ", not 1 to 65535");
  }
  return number.value_or(1);
}

void AdminPolicyReader::read_named(const Value& map, std::string_view key, PolicyRule& rule) {
  const Value& name = *field(map, key);
  if (name.is_string()) rule.named_ports.push_back({std::nullopt, name.text});
}

void AdminPolicyReader::doubt(PolicyRule& rule, std::string why) {
  rule.services = ServiceSet::all();
  rule.understood = false;
  rule.why_not = std::move(why);
}

void AdminPolicyReader::read_port_v1alpha1(const Value& value, PolicyRule& rule) {
  if (!one_member(value, {{"portNumber", Shape::Map}, {"portRange", Shape::Map}, {"namedPort", Shape::String}})) {
    return doubt(rule, "no field of a port is known");
  }
  if (field(value, "namedPort") != nullptr) return read_named(value, "namedPort", rule);
  const bool is_range = field(value, "portRange") != nullptr;
  const std::string_view key = is_range ? "portRange" : "portNumber";
  const Value& port = *field(value, key);
  const Within within(faults_, key);
  const bool shaped =
      is_range ? check_fields(port, {{"protocol", Shape::String}, {"start", Shape::Integer}, {"end", Shape::Integer}},
                              faults_)
               : check_fields(port, {{"protocol", Shape::String}, {"port", Shape::Integer}}, faults_);
  if (!shaped) return;
  const Value* name = field(port, "protocol");
  const std::optional<Protocol> protocol = name == nullptr ? Protocol::Tcp : read_protocol(name->text);
  const std::uint16_t first = read_number(port, is_range ? "start" : "port");
  const std::uint16_t last = is_range ? read_number(port, "end") : first;
  if (!protocol || last < first) {  // the server takes both
    return doubt(rule, !protocol ? "protocol " + quoted(name->text) + " is not known"
                                 : "a port range that ends before its start");
  }
  rule.services |= ServiceSet::of(*protocol, PortSet::of(first, last));
}

void AdminPolicyReader::read_port_v1alpha2(const Value& value, PolicyRule& rule) {
  if (!one_member(
          value,
          {{"tcp", Shape::Map}, {"udp", Shape::Map}, {"sctp", Shape::Map}, {"destinationNamedPort", Shape::String}})) {
    return doubt(rule, "no field of a protocol is known");
  }
  if (field(value, "destinationNamedPort") != nullptr) return read_named(value, "destinationNamedPort", rule);
  constexpr std::array<std::pair<std::string_view, Protocol>, 3> kKeys{
      {{"tcp", Protocol::Tcp}, {"udp", Protocol::Udp}, {"sctp", Protocol::Sctp}}};
  for (const auto& [key, protocol] : kKeys) {
    const Value* member = field(value, key);
    if (member == nullptr) continue;
    const Within within(faults_, key);
    if (!one_member(*member, {{"destinationPort", Shape::Map}})) {
      return doubt(rule, "no field of " + std::string(key) + " is known");
    }
    const Within in_port(faults_, "destinationPort");
    const Value& port = *field(*member, "destinationPort");
    if (!one_member(port, {{"number", Shape::Integer}, {"range", Shape::Map}})) {
      return doubt(rule, "no field of destinationPort is known");
    }
    std::uint16_t first = 1;
    std::uint16_t last = 1;
    if (const Value* range = field(port, "range"); range != nullptr) {
      const Within in_range(faults_, "range");
      if (!check_fields(*range, {{"start", Shape::Integer}, {"end", Shape::Integer}}, faults_)) return;
      first = read_number(*range, "start");
      last = read_number(*range, "end");
      if (first >= last)
        fault(*range,
              "is " + std::to_string(first) + " to " + std::to_string(last) + ": the start must be below the end");
    } else {
      first = last = read_number(port, "number");
    }
    rule.services |= ServiceSet::of(protocol, PortSet::of(first, std::max(first, last)));
  }
}

void AdminPolicyReader::read_ports(const Value& rule_value, PolicyRule& rule) {
  const Value* ports = field(rule_value, dialect_.ports_key);
  if (ports == nullptr || !ports->is_list()) {
    rule.services = ServiceSet::all();
    return;
  }
  if (!limit(*ports, dialect_.ports_key, 1, dialect_.ports)) return;
  for (std::size_t i = 0; i < ports->items.size(); ++i) {
    const Within within(faults_, dialect_.ports_key, i);
    if (dialect_.api == PolicyObject::Api::ClusterNetworkPolicy) {
      read_port_v1alpha2(ports->items[i], rule);
    } else {
      read_port_v1alpha1(ports->items[i], rule);
    }
  }
  const bool beyond_pods = std::any_of(rule.peers.begin(), rule.peers.end(),
                                       [](const RulePeer& peer) { return peer.kind != RulePeer::Kind::Pods; });
  if (!rule.named_ports.empty() && beyond_pods) {
    doubt(rule, "a named port toward networks or nodes, which have none");
  }
}

PolicyRule AdminPolicyReader::read_rule(const Value& value, Direction direction) {
  PolicyRule rule;
  rule.span = value.span;
  const std::string_view peers_key = direction == Direction::Egress ? "to" : "from";
  if (!check_fields(value,
                    {{"name", Shape::String},
                     {"action", Shape::String},
                     {peers_key, Shape::List},
                     {dialect_.ports_key, Shape::List}},
                    faults_)) {
    return rule;
  }
  const std::string_view action = text_of(value, "action");
  if (action == dialect_.accept) {
    rule.action = Action::Allow;
  } else if (action == "Deny") {
    rule.action = Action::Deny;
  } else if (action == "Pass" && dialect_.may_pass) {
    rule.action = Action::Pass;
  } else {
    const Value* given = field(value, "action");
    fault(given != nullptr ? *given : value,
          given == nullptr ? "has no action"
                           : "action is " + quoted(action) + ", not " + std::string(dialect_.accept) +
                                 (dialect_.may_pass ? ", Deny or Pass" : " or Deny"));
  }
  if (text_of(value, "name").size() > 100) fault(*field(value, "name"), "name is longer than 100 characters");
  const Value* peers = field(value, peers_key);
  if (peers == nullptr) {
    fault(value, "has no " + std::string(peers_key));
  } else if (peers->is_list() && limit(*peers, peers_key, 1, dialect_.peers)) {
    for (std::size_t i = 0; i < peers->items.size(); ++i) {
      const Within within(faults_, peers_key, i);
      rule.peers.push_back(read_peer(peers->items[i], direction, rule.action));
    }
  }
  read_ports(value, rule);
  return rule;
}

void AdminPolicyReader::read_rules(const Value& spec, Direction direction, std::vector<PolicyRule>& rules) {
  const std::string_view key = direction == Direction::Egress ? "egress" : "ingress";
  const Value* values = field(spec, key);
  if (values == nullptr || !limit(*values, key, 0, dialect_.rules)) return;
  for (std::size_t i = 0; i < values->items.size(); ++i) {
    const Value& value = values->items[i];
    const Within within(faults_, key, i);
    PolicyRule rule = read_rule(value, direction);
    const std::string_view name = text_of(value, "name");
    rule.text = std::string(key) + " rule " + (name.empty() ? std::to_string(i + 1) : quoted(name));
    rules.push_back(std::move(rule));
  }
}

void AdminPolicyReader::read(const Value& object) {
  policy_.api = dialect_.api;
  policy_.ref = context_.ref;
  check_object(object, faults_);
  const bool is_baseline = dialect_.api == PolicyObject::Api::BaselineAdminNetworkPolicy;
  if (is_baseline && context_.ref.name != "default") {
    const Value* name = field(object, {"metadata", "name"});
    fault(name != nullptr ? *name : object, "metadata.name is " + quoted(context_.ref.name) + ", not 'default'");
  }
  const Value* spec = field(object, "spec");
  if (spec == nullptr) {
    fault(object, "has no spec");
  } else {
    const Within within(faults_, "spec");
    if (spec->is_map()) {
      const bool is_cluster = dialect_.api == PolicyObject::Api::ClusterNetworkPolicy;
      const std::string_view priority = dialect_.has_priority ? "priority" : "subject";  // no further field
      check_fields(*spec,
                   {{"subject", Shape::Map},
                    {"ingress", Shape::List},
                    {"egress", Shape::List},
                    {priority, dialect_.has_priority ? Shape::Integer : Shape::Map},
                    {is_cluster ? "tier" : "subject", is_cluster ? Shape::String : Shape::Map}},
                   faults_);
    }
    read_subject(*spec);
    read_tier_and_priority(*spec);
    read_rules(*spec, Direction::Ingress, policy_.ingress);
    read_rules(*spec, Direction::Egress, policy_.egress);
  }
  add_policy(std::move(policy_), faults_, context_);
}

}  // namespace

void read_admin_policy(const Value& object, ReaderContext context) {
  const std::string_view version = text_of(object, "apiVersion");
  const auto* dialect = std::find_if(kDialects.begin(), kDialects.end(), [&](const Dialect& row) {
    return row.kind == context.ref.kind && (row.version == version || version.empty());
  });
  if (dialect != kDialects.end()) return AdminPolicyReader(*dialect, context).read(object);
  context.cluster.not_understood.push_back(
      {Rule::KindNotUnderstood, context.ref.span, to_string(context.ref),
       "kind " + context.ref.kind + " of " + printable(version) + " is not known: it may change reach"});
}

}  // namespace airtight::verify
