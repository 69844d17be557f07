// Cilium's own policies (cilium.io/v2). One spec becomes up to two PolicyObjects of tier "cilium" with one ref: its
// denials with order 0, its allows with order 1, so that a denial of any policy comes before every allow, those of
// NetworkPolicies included, which the evaluation asks in the same tier. Only the second one isolates.
#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/policy/diagnostic.h"
#include "compiler/verify/kubernetes/cilium_selector.h"
#include "compiler/verify/kubernetes/fields.h"
#include "compiler/verify/kubernetes/plugin_policy.h"
#include "compiler/verify/kubernetes/readers.h"

namespace airtight::verify {
namespace {

using Kind = RulePeer::Kind;
using MatchPods = RulePeer::MatchPods;
using Op = Selector::Op;

constexpr std::size_t kMaxEntries = 40;  // of ports in a toPorts entry, of fields in an icmps entry
constexpr std::array<Protocol, 3> kTransports{Protocol::Tcp, Protocol::Udp, Protocol::Sctp};

// Entities that are a reserved label too.
constexpr std::array<std::string_view, 10> kEntities{"health",         "host",        "ingress",   "init",
                                                     "kube-apiserver", "remote-node", "unmanaged", "world",
                                                     "world-ipv4",     "world-ipv6"};

std::string lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

struct IcmpName {
  std::string_view name;
  int v4 = -1, v6 = -1;  // the type; -1: no such name in this family
};
constexpr std::array<IcmpName, 34> kIcmpNames{{{"EchoReply", 0, 129},
                                               {"DestinationUnreachable", 3, 1},
                                               {"Redirect", 5, -1},
                                               {"Echo", 8, -1},
                                               {"EchoRequest", 8, 128},
                                               {"RouterAdvertisement", 9, 134},
                                               {"RouterSelection", 10, -1},
                                               {"TimeExceeded", 11, 3},
                                               {"ParameterProblem", 12, 4},
                                               {"Timestamp", 13, -1},
                                               {"TimestampReply", 14, -1},
                                               {"Photuris", 40, -1},
                                               {"ExtendedEchoRequest", 42, 160},
                                               {"ExtendedEchoReply", 43, 161},
                                               {"ExtendedEcho Reply", 43, -1},
                                               {"PacketTooBig", -1, 2},
                                               {"MulticastListenerQuery", -1, 130},
                                               {"MulticastListenerReport", -1, 131},
                                               {"MulticastListenerDone", -1, 132},
                                               {"RouterSolicitation", -1, 133},
                                               {"NeighborSolicitation", -1, 135},
                                               {"NeighborAdvertisement", -1, 136},
                                               {"RedirectMessage", -1, 137},
                                               {"RouterRenumbering", -1, 138},
                                               {"ICMPNodeInformationQuery", -1, 139},
                                               {"ICMPNodeInformationResponse", -1, 140},
                                               {"InverseNeighborDiscoverySolicitation", -1, 141},
                                               {"InverseNeighborDiscoveryAdvertisement", -1, 142},
                                               {"HomeAgentAddressDiscoveryRequest", -1, 144},
                                               {"HomeAgentAddressDiscoveryReply", -1, 145},
                                               {"MobilePrefixSolicitation", -1, 146},
                                               {"MobilePrefixAdvertisement", -1, 147},
                                               {"DuplicateAddressRequestCodeSuffix", -1, 157},
                                               {"DuplicateAddressConfirmationCodeSuffix", -1, 158}}};

// The fields of rules; in front those that denials do not have.
constexpr std::array<std::string_view, 10> kIngressFields{
    "authentication", "fromCIDR",  "fromCIDRSet",  "fromEndpoints", "fromEntities",
    "fromGroups",     "fromNodes", "fromRequires", "icmps",         "toPorts"};
constexpr std::array<std::string_view, 12> kEgressFields{"authentication", "toFQDNs",     "icmps",      "toCIDR",
                                                         "toCIDRSet",      "toEndpoints", "toEntities", "toGroups",
                                                         "toNodes",        "toPorts",     "toRequires", "toServices"};

RulePeer peer_of(Kind kind, Span span) {
  RulePeer peer;
  peer.kind = kind;
  peer.span = span;
  return peer;
}

// CIDRs and `world` are what is no pod and no node of the cluster. Node addresses are not taken out, as manifests do
// not show them: too much for an allow, and for a deny no less than it holds outside, since nodes are inside.
RulePeer outside(IpSet addresses, Span span) {
  RulePeer peer = peer_of(Kind::Addresses, span);
  peer.addresses = std::move(addresses);
  peer.addresses_match_pods = MatchPods::Never;
  return peer;
}

RulePeer some_nodes(Selector nodes, Span span) {
  RulePeer peer = peer_of(Kind::Nodes, span);
  peer.nodes = std::move(nodes);
  return peer;
}

RulePeer unknown_peer(Span span, std::string why_not) {
  RulePeer peer = peer_of(Kind::NotUnderstood, span);
  peer.why_not = std::move(why_not);
  return peer;
}

class CiliumReader {
 public:
  CiliumReader(const Value& object, ReaderContext context)
      : object_(object), context_(context), notes_(context), namespaced_(context.ref.kind == "CiliumNetworkPolicy") {}

  void read() {
    notes_.has_only(object_, "the object", {"apiVersion", "kind", "metadata", "spec", "specs", "status"});
    const Value* const spec = notes_.map(object_, "spec");
    const Value* const specs = notes_.list(object_, "specs");
    if (!spec && (!specs || specs->items.empty())) notes_.refuse(context_.ref.span, "neither spec nor specs is given");
    if (spec) read_spec(*spec, "");
    if (specs)
      for (std::size_t i = 0; i < specs->items.size(); ++i)
        read_spec(specs->items[i], "spec " + std::to_string(i + 1) + ", ");
    if (policies_.empty()) policies_.push_back(bare_policy());
    for (PolicyObject& policy : policies_) {
      notes_.mark(policy);
      context_.cluster.policies.push_back(std::move(policy));
    }
  }

 private:
  PolicyObject bare_policy() const {
    PolicyObject policy;
    policy.api = PolicyObject::Api::Cilium;
    policy.ref = context_.ref;
    policy.tier = "cilium";
    return policy;
  }

  void read_spec(const Value& spec, const std::string& where) {
    if (!notes_.has_only(spec, "spec",
                         {"description", "egress", "egressDeny", "enableDefaultDeny", "endpointSelector", "ingress",
                          "ingressDeny", "labels", "log", "nodeSelector"}))
      return;
    PolicyObject denials = bare_policy();
    read_subject(spec, denials);
    PolicyObject allows = denials;
    allows.order = 1;
    read_rules(spec, "ingressDeny", Direction::Ingress, Action::Deny, where, denials.ingress);
    read_rules(spec, "ingress", Direction::Ingress, Action::Allow, where, allows.ingress);
    read_rules(spec, "egressDeny", Direction::Egress, Action::Deny, where, denials.egress);
    read_rules(spec, "egress", Direction::Egress, Action::Allow, where, allows.egress);
    if (!spec.find("ingress") && !spec.find("ingressDeny") && !spec.find("egress") && !spec.find("egressDeny"))
      notes_.refuse(spec.span, "the spec has no rules");
    // Any rule of a direction switches default deny on there, unless the spec says else.
    allows.isolates_ingress = !denials.ingress.empty() || !allows.ingress.empty();
    allows.isolates_egress = !denials.egress.empty() || !allows.egress.empty();
    if (const Value* const asked = notes_.map(spec, "enableDefaultDeny")) {
      notes_.has_only(*asked, "enableDefaultDeny", {"ingress", "egress"});
      allows.isolates_ingress = notes_.flag(*asked, "ingress").value_or(allows.isolates_ingress);
      allows.isolates_egress = notes_.flag(*asked, "egress").value_or(allows.isolates_egress);
    }
    if (!denials.ingress.empty() || !denials.egress.empty()) policies_.push_back(std::move(denials));
    policies_.push_back(std::move(allows));
  }

  void read_subject(const Value& spec, PolicyObject& policy) {
    const Value* const endpoints = notes_.map(spec, "endpointSelector");
    const Value* const nodes = notes_.map(spec, "nodeSelector");
    if (!endpoints == !nodes) {
      notes_.refuse(spec.span, "a spec has one of endpointSelector and nodeSelector");
    } else if (nodes) {
      if (namespaced_) notes_.refuse(nodes->span, "nodeSelector is for CiliumClusterwideNetworkPolicy only");
      read_cilium_terms(*nodes, notes_);
      policy.selects_host = true;
      policy.selects_pods = false;
      policy.pods = Selector::none();
    } else {
      for (CiliumTerm& term : read_cilium_terms(*endpoints, notes_)) {
        // The policy's own namespace takes the place of one in matchLabels.
        if (namespaced_ && term.exact && term.about == CiliumTerm::About::NamespaceName) continue;
        if (term.about == CiliumTerm::About::Reserved && !is_negative(term.leaf.op))
          notes_.not_understood(Rule::FieldNotUnderstood, term.span,
                                "it is about endpoints that are no pods of their own, which are not judged");
        add(policy, std::move(term));
      }
      if (namespaced_) policy.namespaces = Selector::both(in_namespace(context_.ref.ns), std::move(policy.namespaces));
    }
  }

  static bool is_negative(Op op) { return op == Op::NotIn || op == Op::NotExists; }

  // `to`: a PolicyObject or a RulePeer. Pods have no reserved labels.
  template <class To>
  void add(To& to, CiliumTerm term) {
    const auto join = [&](Selector& selector) { selector = Selector::both(std::move(selector), std::move(term.leaf)); };
    switch (term.about) {
      case CiliumTerm::About::Namespace:
      case CiliumTerm::About::NamespaceName:
        return join(to.namespaces);
      case CiliumTerm::About::ServiceAccount:
        return join(to.service_accounts);
      case CiliumTerm::About::Reserved:
        term.leaf = is_negative(term.leaf.op) ? Selector::all() : Selector::none();
        return join(to.pods);
      case CiliumTerm::About::Unknown:
        notes_.not_understood(Rule::RuleNotUnderstood, term.span,
                              "whether a pod's identity has the label " + quoted(term.leaf.key) +
                                  " is not known: read as matching or not, whichever is worse");
        term.leaf = Selector::not_understood();
        return join(to.pods);
      case CiliumTerm::About::Pod:
        return join(to.pods);
    }
  }

  void read_rules(const Value& spec, std::string_view section, Direction direction, Action action,
                  const std::string& where, std::vector<PolicyRule>& rules) {
    const Value* const list = notes_.list(spec, section);
    if (!list) return;
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      PolicyRule rule;
      rule.action = action;
      rule.span = list->items[i].span;
      rule.text = where + std::string(section) + " rule " + std::to_string(i + 1);
      read_rule(list->items[i], direction, rule);
      rules.push_back(std::move(rule));
    }
  }

  void read_rule(const Value& value, Direction direction, PolicyRule& rule) {
    const std::span<const std::string_view> fields =
        direction == Direction::Ingress ? std::span<const std::string_view>(kIngressFields) : kEgressFields;
    const std::size_t of_allows_only = direction == Direction::Ingress ? 1 : 2;
    if (!notes_.has_only(value, "a rule", fields.subspan(rule.action == Action::Allow ? 0 : of_allows_only))) return;
    const bool by_service = read_services(value, rule);
    read_peers(value, direction == Direction::Ingress ? "from" : "to", by_service, rule);
    if (const Value* const authentication = notes_.map(value, "authentication")) {
      const Value* const mode = notes_.text(*authentication, "mode");
      if (!mode || mode->text != "disabled")
        notes_.not_understood(rule, authentication->span, "authentication is not understood: read as always passed");
    }
  }

  // A field of peers, by its name without "from" or "to".
  struct PeerField {
    std::string_view name;
    void (CiliumReader::*read)(const Value& item, PolicyRule& rule);
  };
  static constexpr std::size_t kPeerFields = 8;
  static const std::array<PeerField, kPeerFields> kPeers;

  void read_peers(const Value& value, const std::string& to, bool by_service, PolicyRule& rule) {
    std::size_t filled = 0;
    const Value* empty = nullptr;
    for (const PeerField& field : kPeers) {
      const Value* const list = notes_.list(value, to + std::string(field.name));
      if (!list) continue;
      if (list->items.empty()) {
        empty = list;
      } else {
        ++filled;
      }
      for (const Value& item : list->items) (this->*field.read)(item, rule);
    }
    if (filled > 1) notes_.doubt(Rule::RefusedObject, value.span, "Cilium refuses a rule with several kinds of peers");
    // A rule that names neither peers nor ports matches nobody: it only switches default deny on.
    if (filled == 0 && by_service) rule.peers.push_back(peer_of(Kind::Everything, value.span));
    if (filled == 0 && by_service && empty)
      notes_.not_understood(rule, empty->span,
                            "an empty list of peers is nobody or everybody, by Cilium's version: read as the worse");
    if (const Value* const required = notes_.list(value, to + "Requires"); required && !required->items.empty()) {
      // They narrow the rules of other policies too, denials among them, so marking this rule would not be enough.
      notes_.not_understood(Rule::FieldNotUnderstood, required->span,
                            to + "Requires changes what other rules match and is not understood");
      rule.understood = false;
      if (rule.why_not.empty()) rule.why_not = to + "Requires is not understood";
    }
  }

  void read_endpoints(const Value& item, PolicyRule& rule) {
    std::vector<CiliumTerm> terms = read_cilium_terms(item, notes_);
    RulePeer peer = peer_of(Kind::Pods, item.span);
    const auto is_reserved = [](const CiliumTerm& term) { return term.about == CiliumTerm::About::Reserved; };
    if (std::any_of(terms.begin(), terms.end(), is_reserved)) {
      const Selector& leaf = terms.front().leaf;
      const bool is_entity = std::find(kEntities.begin(), kEntities.end(), leaf.key) != kEntities.end();
      if (is_entity && terms.size() == 1 && (leaf.op == Op::Exists || leaf == Selector::in(leaf.key, {""})))
        return read_entity(leaf.key, item.span, rule);
      return add_unknown(rule, item.span, "reserved labels that are no entity, or beside others, are not understood");
    }
    // A selector that does not say which namespaces means the policy's own.
    const bool names_namespaces = std::any_of(terms.begin(), terms.end(), [](const CiliumTerm& term) {
      return term.about == CiliumTerm::About::Namespace || term.about == CiliumTerm::About::NamespaceName;
    });
    for (CiliumTerm& term : terms) add(peer, std::move(term));
    if (namespaced_ && !names_namespaces) peer.namespaces = in_namespace(context_.ref.ns);
    rule.peers.push_back(std::move(peer));
  }

  void read_nodes(const Value& item, PolicyRule& rule) {
    Selector nodes;
    for (CiliumTerm& term : read_cilium_terms(item, notes_))
      nodes = Selector::both(std::move(nodes), std::move(term.leaf));
    rule.peers.push_back(some_nodes(std::move(nodes), item.span));
    notes_.doubt(Rule::FieldNotUnderstood, item.span,
                 "Cilium refuses peers by node labels unless it is configured to allow them");
  }

  void read_entities(const Value& item, PolicyRule& rule) { read_entity(item.text, item.span, rule); }

  void read_entity(std::string_view name, Span span, PolicyRule& rule) {
    const auto push = [&](RulePeer peer) { rule.peers.push_back(std::move(peer)); };
    if (name == "all") return push(peer_of(Kind::Everything, span));
    if (name == "world") return push(outside(IpSet::all(), span));
    if (name == "world-ipv4") return push(outside(IpSet::all_v4(), span));
    if (name == "world-ipv6") return push(outside(IpSet::all_v6(), span));
    if (name == "cluster") {
      push(peer_of(Kind::Pods, span));
      return push(peer_of(Kind::Nodes, span));
    }
    if (name == "host" || name == "remote-node") {
      // The node that a pod is on, or the others: which of them an address belongs to is not in the manifests.
      return push(some_nodes(Selector::not_understood(), span));
    }
    if (name == "kube-apiserver")
      return add_unknown(rule, span, "where the API server is does not show in manifests, so it may be anywhere");
    if (name == "none") return;
    if (name == "init" || name == "health" || name == "unmanaged" || name == "ingress") {
      push(peer_of(Kind::Pods, span));
      push(peer_of(Kind::Nodes, span));
      return notes_.not_understood(rule, span,
                                   "endpoints of " + quoted(name) + " do not show in manifests: read as the cluster");
    }
    notes_.refuse(span, "there is no entity " + quoted(name));
  }

  void read_cidr(const Value& item, PolicyRule& rule) {
    std::optional<IpSet> addresses = read_network(item, rule, notes_);
    if (!addresses) return notes_.refuse(item.span, quoted(item.text) + " is no CIDR");
    if (item.text.find('/') == std::string::npos)
      notes_.doubt(Rule::RefusedObject, item.span,
                   quoted(item.text) + " has no prefix length, which Cilium may refuse");
    rule.peers.push_back(outside(std::move(*addresses), item.span));
  }

  // Of a CIDR rule a lone address is refused.
  std::optional<IpSet> read_strictly(const Value& value, PolicyRule& rule) {
    const bool lone = value.text.find('/') == std::string::npos;
    std::optional<IpSet> addresses = lone ? std::nullopt : read_network(value, rule, notes_);
    if (!addresses) notes_.refuse(value.span, quoted(value.text) + " is no CIDR");
    return addresses;
  }

  void read_cidr_set(const Value& item, PolicyRule& rule) {
    if (!notes_.has_only(item, "a CIDR rule", {"cidr", "cidrGroupRef", "cidrGroupSelector", "except"})) return;
    const Value* const cidr = notes_.text(item, "cidr");
    const bool by_group = item.find("cidrGroupRef") || item.find("cidrGroupSelector");
    if (by_group == (cidr != nullptr))
      return notes_.refuse(item.span, "a CIDR rule has one of cidr, cidrGroupRef and cidrGroupSelector");
    if (by_group) return add_unknown(rule, item.span, "CIDR groups are not understood");
    std::optional<IpSet> addresses = read_strictly(*cidr, rule);
    const Value* const except = notes_.list(item, "except");
    if (addresses && except) {
      const IpSet whole = *addresses;
      for (const Value& hole : except->items) {
        const std::optional<IpSet> out = read_strictly(hole, rule);
        if (out && !whole.contains(*out->smallest()))
          notes_.refuse(hole.span, quoted(hole.text) + " is not inside of " + to_string(whole));
        if (out) *addresses -= *out;
      }
    }
    if (addresses) rule.peers.push_back(outside(std::move(*addresses), item.span));
  }

  void read_fqdn(const Value& item, PolicyRule& rule) {
    add_unknown(rule, item.span, "which addresses a name has does not show in manifests");
  }
  void read_service(const Value& item, PolicyRule& rule) {
    add_unknown(rule, item.span, "toServices is not understood");
  }
  void read_group(const Value& item, PolicyRule& rule) {
    add_unknown(rule, item.span, "groups of a cloud's security groups are not understood");
  }

  void add_unknown(PolicyRule& rule, Span span, const std::string& why_not) {
    rule.peers.push_back(unknown_peer(span, why_not));
    notes_.not_understood(Rule::RuleNotUnderstood, span, why_not);
  }

  // Whether the rule names ports or ICMP types.
  bool read_services(const Value& value, PolicyRule& rule) {
    const Value* const ports = notes_.list(value, "toPorts");
    const Value* const icmps = notes_.list(value, "icmps");
    const bool by_port = ports && !ports->items.empty();
    const bool by_type = icmps && !icmps->items.empty();
    if (by_port && by_type) notes_.refuse(icmps->span, "icmps and toPorts exclude each other");
    if (by_port)
      for (const Value& item : ports->items) read_port_rule(item, rule);
    if (by_type)
      for (const Value& item : icmps->items) read_icmp_rule(item, rule);
    if (!by_port && !by_type) rule.services = ServiceSet::all();
    return by_port || by_type;
  }

  void read_port_rule(const Value& item, PolicyRule& rule) {
    const bool known =
        rule.action == Action::Deny
            ? notes_.has_only(item, "a toPorts entry", {"ports"})
            : notes_.has_only(item, "a toPorts entry",
                              {"listener", "originatingTLS", "ports", "rules", "serverNames", "terminatingTLS"});
    if (!known) return;
    const Value* const ports = notes_.list(item, "ports");
    if (!ports || ports->items.empty()) {
      rule.services = ServiceSet::all();
      notes_.not_understood(rule, item.span, "a toPorts entry without ports is none or all, by Cilium's version");
    } else if (ports->items.size() > kMaxEntries) {
      notes_.refuse(ports->span, "a toPorts entry has more than 40 ports");
    } else {
      for (const Value& port : ports->items) read_port(port, rule);
    }
    for (const std::string_view field : {"rules", "originatingTLS", "terminatingTLS"}) {
      const Value* const narrower = notes_.map(item, field);
      if (narrower && !narrower->members.empty())
        notes_.not_understood(rule, narrower->span,
                              std::string(field) + " narrows it above layer 4, which is not understood: read without");
    }
    if (const Value* const names = notes_.list(item, "serverNames"); names && !names->items.empty())
      notes_.not_understood(rule, names->span, "serverNames narrows it to TLS, which is not understood: read without");
    if (const Value* const listener = notes_.map(item, "listener"))
      add_unknown(rule, listener->span, "a listener may send the traffic anywhere");
  }

  static std::vector<Protocol> protocols_of(std::string_view text) {
    if (text == "ANY") return {kTransports.begin(), kTransports.end()};
    const std::optional<Protocol> one = read_protocol(text);
    return one ? std::vector<Protocol>{*one} : std::vector<Protocol>{};
  }

  void read_port(const Value& item, PolicyRule& rule) {
    if (!notes_.has_only(item, "a port", {"port", "endPort", "protocol"})) return;
    const Value* const port = notes_.text(item, "port");
    const Value* const named = notes_.text(item, "protocol");
    const Value* const end_value = item.find("endPort");
    const std::vector<Protocol> protocols = protocols_of(named ? std::string_view(named->text) : "ANY");
    if (protocols.empty()) return notes_.refuse(named->span, "there is no protocol " + quoted(named->text));
    if (!port) return notes_.refuse(item.span, "a port has no text 'port'");
    // 0 is what Cilium takes for no end.
    std::size_t range_end = 0;
    if (end_value && !end_value->is_null()) range_end = notes_.number(*end_value, 65535).value_or(0);
    const bool is_number = port->text.find_first_not_of("0123456789") == std::string::npos;
    if (!is_number) {
      for (const Protocol protocol : protocols) rule.named_ports.push_back({protocol, lower_case(port->text)});
      if (range_end != 0) notes_.not_understood(rule, item.span, "endPort beside a named port is not understood");
      return;
    }
    unsigned first = 0;
    const char* const end = port->text.data() + port->text.size();
    const auto [stop, error] = std::from_chars(port->text.data(), end, first);
    if (error != std::errc() || stop != end || first > 65535)
      return notes_.refuse(port->span, quoted(port->text) + " is no port");
    if (port->text.size() > 1 && port->text.front() == '0') {
      notes_.not_understood(rule, port->span, "a port with a leading zero is octal for Cilium: read as every port");
      first = 0;
    }
    if (first == 0) {  // every port; newer versions let an ANY mean every protocol too
      if (range_end != 0) notes_.not_understood(rule, item.span, "a range from port 0 is read as every port");
      if (protocols.size() > 1 && rule.action == Action::Allow) rule.services = ServiceSet::all();
    }
    if (range_end != 0 && range_end < first)
      notes_.not_understood(rule, item.span, "endPort is below port: read as the one port");
    const auto from = static_cast<std::uint16_t>(first);
    const auto to = static_cast<std::uint16_t>(std::max<std::size_t>(range_end, first));
    const PortSet range = first == 0 ? PortSet::all() : PortSet::of(from, to);
    for (const Protocol protocol : protocols) rule.services |= ServiceSet::of(protocol, range);
  }

  void read_icmp_rule(const Value& item, PolicyRule& rule) {
    if (!notes_.has_only(item, "an icmps entry", {"fields"})) return;
    const Value* const fields = notes_.list(item, "fields");
    if (!fields) return;
    if (fields->items.size() > kMaxEntries)
      return notes_.refuse(fields->span, "an icmps entry has more than 40 fields");
    for (const Value& field : fields->items) {
      if (!notes_.has_only(field, "an ICMP field", {"family", "type"})) continue;
      const Value* const family = notes_.text(field, "family");
      const bool v6 = family && family->text == "IPv6";
      if (family && !v6 && family->text != "IPv4") notes_.refuse(family->span, "family is IPv4 or IPv6");
      const Value* const type = field.find("type");
      const int number = type ? icmp_type(type->text, v6) : -1;
      if (number < 0) {
        notes_.refuse(type ? type->span : field.span, "an ICMP field has no type of its family");
        continue;
      }
      const auto first = static_cast<std::uint16_t>(number * 256);
      rule.services |= ServiceSet::of(v6 ? Protocol::Icmpv6 : Protocol::Icmp,
                                      PortSet::of(first, static_cast<std::uint16_t>(first + 255)));
    }
  }

  static int icmp_type(std::string_view text, bool v6) {
    int number = -1;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && stop == text.data() + text.size()) return number <= 255 ? number : -1;
    const auto* const found =
        std::find_if(kIcmpNames.begin(), kIcmpNames.end(), [&](const IcmpName& known) { return known.name == text; });
    return found == kIcmpNames.end() ? -1 : v6 ? found->v6 : found->v4;
  }

  const Value& object_;
  ReaderContext context_;
  PolicyNotes notes_;
  bool namespaced_;
  std::vector<PolicyObject> policies_;
};

const std::array<CiliumReader::PeerField, CiliumReader::kPeerFields> CiliumReader::kPeers{
    {{"Endpoints", &CiliumReader::read_endpoints},
     {"Nodes", &CiliumReader::read_nodes},
     {"Entities", &CiliumReader::read_entities},
     {"CIDR", &CiliumReader::read_cidr},
     {"CIDRSet", &CiliumReader::read_cidr_set},
     {"Groups", &CiliumReader::read_group},
     {"FQDNs", &CiliumReader::read_fqdn},
     {"Services", &CiliumReader::read_service}}};

// What describes the cluster's state, or addresses that only count where a policy asks for them.
constexpr std::array<std::string_view, 8> kHarmlessKinds{
    "CiliumCIDRGroup", "CiliumEndpoint",           "CiliumEndpointSlice", "CiliumExternalWorkload",
    "CiliumIdentity",  "CiliumLoadBalancerIPPool", "CiliumNode",          "CiliumPodIPPool"};

// Settings of Cilium's agent with which the policies do not hold what they say.
struct LooseSetting {
  std::string_view key, value, why;
};
constexpr std::string_view kMode = "enable-policy";
constexpr std::array<LooseSetting, 5> kLooseSettings{{
    {kMode, "never", "Cilium's enforcement mode is never: no policy is enforced"},
    {"policy-audit-mode", "true", "policy-audit-mode is true: no policy is enforced"},
    {"enable-k8s-networkpolicy", "false", "enable-k8s-networkpolicy is false: no NetworkPolicy is enforced"},
    {"enable-cilium-network-policy", "false",
     "enable-cilium-network-policy is false: no CiliumNetworkPolicy is enforced"},
    {"enable-cilium-clusterwide-network-policy", "false",
     "enable-cilium-clusterwide-network-policy is false: no CiliumClusterwideNetworkPolicy is enforced"},
}};

void read_cilium_config(const Value& object, ReaderContext context) {
  const Value* const data = field(object, "data");
  if (!data) return;
  const auto note = [&](const Value& at, std::string why) {
    context.cluster.not_understood.push_back(
        {Rule::FieldNotUnderstood, at.span, to_string(context.ref), std::move(why)});
  };
  for (const LooseSetting& loose : kLooseSettings) {
    const Value* const value = field(*data, loose.key);
    if (value && lower_case(value->text) == loose.value) note(*value, std::string(loose.why));
  }
  const Value* const mode = field(*data, kMode);
  if (!mode) return;
  const std::string name = lower_case(mode->text);
  if (name == "always") {
    remark(context, Rule::FieldNotUnderstood, mode->span,
           "Cilium's enforcement mode is always: pods that no policy selects are held too, which is left out");
  } else if (name != "never" && name != "default" && !name.empty()) {
    note(*mode, "Cilium has no enforcement mode " + quoted(mode->text));
  }
}

}  // namespace

void read_cilium_policy(const Value& object, ReaderContext context) {
  const std::string& kind = context.ref.kind;
  if (kind == "CiliumNetworkPolicy" || kind == "CiliumClusterwideNetworkPolicy")
    return CiliumReader(object, context).read();
  if (kind == "ConfigMap") return read_cilium_config(object, context);
  if (std::find(kHarmlessKinds.begin(), kHarmlessKinds.end(), kind) != kHarmlessKinds.end()) return;
  context.cluster.not_understood.push_back({Rule::KindNotUnderstood, context.ref.span, to_string(context.ref),
                                            kind + " may change what pods reach and is not understood"});
}

}  // namespace airtight::verify
