// Calico's own policies, tiers and sets of addresses (projectcalico.org/v3, crd.projectcalico.org/v1).
#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/policy/diagnostic.h"
#include "compiler/verify/kubernetes/calico_selector.h"
#include "compiler/verify/kubernetes/calico_services.h"
#include "compiler/verify/kubernetes/fields.h"
#include "compiler/verify/kubernetes/plugin_policy.h"
#include "compiler/verify/kubernetes/readers.h"

namespace airtight::verify {
namespace {

using Kind = RulePeer::Kind;
using MatchPods = RulePeer::MatchPods;
using Op = Selector::Op;

constexpr std::array<std::pair<std::string_view, Action>, 4> kActions{
    {{"Allow", Action::Allow}, {"Deny", Action::Deny}, {"Pass", Action::Pass}, {"Log", Action::Log}}};

RulePeer peer_of(Kind kind, Span span) {
  RulePeer peer;
  peer.kind = kind;
  peer.span = span;
  return peer;
}

RulePeer addresses_peer(IpSet addresses, MatchPods match, Span span) {
  RulePeer peer = peer_of(Kind::Addresses, span);
  peer.addresses = std::move(addresses);
  peer.addresses_match_pods = match;
  return peer;
}

// A selector matches network sets and host endpoints too, which may be read later: an Addresses peer with the rule's
// selectors waits for them. It is known by asking for no service account, which none of them has.
const Selector& no_service_account() {
  static const Selector kNone = Selector::of(Op::NotExists, "name", {});
  return kNone;
}

bool waits_for_sets(const RulePeer& peer) {
  return peer.kind == Kind::Addresses && peer.service_accounts == no_service_account();
}

// A network set, or a host endpoint with the addresses that it is known to have.
struct AddressSet {
  KnownLabels labels;
  std::string ns;
  IpSet addresses;
  bool addresses_known = true;
  Span span;

  void bind(Cluster& cluster) const {
    KnownLabels of_namespace;
    if (!ns.empty()) {
      const auto found = std::find_if(cluster.namespaces.begin(), cluster.namespaces.end(),
                                      [&](const Namespace& one) { return one.name == ns; });
      of_namespace = found != cluster.namespaces.end() ? found->labels : KnownLabels{{}, false};
      of_namespace.labels[std::string(kNamespaceNameLabel)] = ns;
    }
    for (PolicyObject& policy : cluster.policies) {
      if (policy.api != PolicyObject::Api::Calico) continue;
      for (std::vector<PolicyRule>* const rules : {&policy.ingress, &policy.egress})
        for (PolicyRule& rule : *rules) bind(rule, of_namespace);
    }
  }

  void bind(PolicyRule& rule, const KnownLabels& of_namespace) const {
    std::vector<RulePeer> nodes;
    for (RulePeer& peer : rule.peers) {
      if (!waits_for_sets(peer)) continue;
      const Match match = std::min(matches(peer.namespaces, of_namespace), matches(peer.pods, labels));
      if (match == Match::No) continue;
      peer.addresses |= addresses;
      if (!addresses_known) nodes.push_back(peer_of(Kind::Nodes, span));
      if (match == Match::Yes && addresses_known) continue;
      rule.understood = false;
      if (rule.why_not.empty()) rule.why_not = "a set of addresses may be among its peers";
    }
    for (RulePeer& peer : nodes) rule.peers.push_back(std::move(peer));
  }
};

class CalicoReader {
 public:
  CalicoReader(const Value& object, ReaderContext context) : object_(object), context_(context), notes_(context) {}

  void read_policy() {
    notes_.has_only(object_, "the object", {"apiVersion", "kind", "metadata", "spec", "status"});
    const Value* const spec = notes_.map(object_, "spec");
    policy_.api = PolicyObject::Api::Calico;
    policy_.ref = context_.ref;
    namespaced_ = context_.ref.kind == "NetworkPolicy";
    if (spec) {
      read_spec(*spec);
    } else {
      notes_.refuse(context_.ref.span, "spec is not given");
    }
    notes_.mark(policy_);
    context_.cluster.policies.push_back(std::move(policy_));
  }

  void read_tier() {
    PolicyTier tier;
    tier.name = context_.ref.name;
    tier.ref = context_.ref;
    tier.order = std::numeric_limits<double>::infinity();
    if (const Value* const spec = notes_.map(object_, "spec")) {
      notes_.has_only(*spec, "spec", {"defaultAction", "order"});
      tier.order = order(*spec);
      if (const Value* const action = notes_.text(*spec, "defaultAction")) {
        tier.default_deny = action->text != "Pass";
        if (tier.default_deny && action->text != "Deny")
          notes_.refuse(action->span, "defaultAction of a tier is Pass or Deny");
      }
    }
    // Without it the policies of the tier are judged as of a tier that is not in the input: anywhere.
    if (!notes_.refused()) context_.cluster.tiers.push_back(std::move(tier));
  }

  // NetworkSet, GlobalNetworkSet: spec.nets; HostEndpoint: spec.expectedIPs.
  std::optional<AddressSet> read_set() {
    AddressSet set;
    set.span = context_.ref.span;
    if (context_.ref.kind == "NetworkSet") set.ns = context_.ref.ns;
    const bool host = context_.ref.kind == "HostEndpoint";
    if (const Value* const metadata = field(object_, "metadata"))
      set.labels.labels = string_members(field(*metadata, "labels"));
    const Value* const spec = notes_.map(object_, "spec");
    const Value* const nets = spec ? notes_.list(*spec, host ? "expectedIPs" : "nets") : nullptr;
    if (nets) set.addresses = networks(*nets);
    set.addresses_known = !host || (nets && !nets->items.empty());
    if (notes_.refused()) return std::nullopt;
    return set;
  }

 private:
  void read_spec(const Value& spec) {
    notes_.has_only(spec, "spec",
                    namespaced_ ? std::span<const std::string_view>(kSpecFields).first(kNamespacedFields)
                                : std::span<const std::string_view>(kSpecFields));
    const Value* const tier = notes_.text(spec, "tier");
    policy_.tier = tier ? tier->text : "default";
    policy_.order = order(spec);
    read_subject(spec);
    const Value* const ingress = notes_.list(spec, "ingress");
    const Value* const egress = notes_.list(spec, "egress");
    if (ingress) read_rules(*ingress, Direction::Ingress);
    if (egress) read_rules(*egress, Direction::Egress);
    read_types(spec);
    read_host_options(spec);
  }

  static constexpr std::array<std::string_view, 12> kSpecFields{
      "egress", "ingress", "order",   "performanceHints", "selector",       "serviceAccountSelector",
      "tier",   "types",   "preDNAT", "doNotTrack",       "applyOnForward", "namespaceSelector"};
  static constexpr std::size_t kNamespacedFields = 8;

  double order(const Value& spec) {
    const Value* const value = field(spec, "order");
    if (!value) return std::numeric_limits<double>::infinity();
    double order = 0;
    const char* const end = value->text.data() + value->text.size();
    const auto [stop, error] = std::from_chars(value->text.data(), end, order);
    if (value->kind != Value::Kind::Number || error != std::errc() || stop != end)
      notes_.refuse(value->span, quoted(value->text) + " is no order");
    return order;
  }

  using Parse = std::optional<Selector> (*)(std::string_view, std::string&);

  // Absent and empty texts are `absent`. Only a rule's namespaceSelector may say global().
  Selector selector(const Value& map, std::string_view key, Parse parse, bool global_allowed = false) {
    const Value* const text = notes_.text(map, key);
    if (!text) return Selector::all();
    std::string why_not;
    std::optional<Selector> selector = parse(text->text, why_not);
    if (!selector) {
      notes_.refuse(text->span, std::string(key) + " " + why_not);
    } else if (!global_allowed && text->text.find("global(") != std::string::npos) {
      notes_.refuse(text->span, "global() is for the namespaceSelector of a rule only");
    }
    return selector ? std::move(*selector) : Selector::none();
  }

  CalicoEndpoints pods_of(const Selector& selector, Span span) {
    CalicoEndpoints split = split_calico_selector(selector, CalicoThing::Pod);
    if (!is_understood(split.pods) || !is_understood(split.service_accounts))
      notes_.not_understood(Rule::RuleNotUnderstood, span,
                            "what the selector asks of service accounts, or of several things in one term, is not "
                            "understood: read as matching or not, whichever is worse");
    return split;
  }

  void read_subject(const Value& spec) {
    CalicoEndpoints subject = pods_of(selector(spec, "selector", parse_calico_selector), spec.span);
    policy_.namespaces = namespaced_ ? in_namespace(context_.ref.ns)
                                     : selector(spec, "namespaceSelector", parse_calico_namespace_selector);
    const Selector accounts = selector(spec, "serviceAccountSelector", parse_calico_service_account_selector);
    if (!is_understood(accounts))
      notes_.not_understood(Rule::RuleNotUnderstood, spec.span, "labels of service accounts are not known");
    policy_.selects_host = !namespaced_ && policy_.namespaces.op == Op::All && accounts.op == Op::All;
    policy_.namespaces = Selector::both(std::move(policy_.namespaces), std::move(subject.namespaces));
    policy_.pods = std::move(subject.pods);
    policy_.service_accounts = Selector::both(std::move(subject.service_accounts), accounts);
  }

  void read_types(const Value& spec) {
    policy_.egress_applies = !policy_.egress.empty();
    policy_.ingress_applies = !policy_.ingress.empty() || policy_.egress.empty();
    const Value* const types = notes_.list(spec, "types");
    if (types && !types->items.empty()) {
      policy_.ingress_applies = policy_.egress_applies = false;
      for (const Value& type : types->items) {
        if (type.text != "Ingress" && type.text != "Egress") notes_.refuse(type.span, "a type is Ingress or Egress");
        (type.text == "Ingress" ? policy_.ingress_applies : policy_.egress_applies) = true;
      }
    }
    policy_.isolates_ingress = policy_.ingress_applies;
    policy_.isolates_egress = policy_.egress_applies;
  }

  // applyOnForward alone only adds what host endpoints forward; pods are held by the policy as ever.
  void read_host_options(const Value& spec) {
    const bool forward = notes_.flag(spec, "applyOnForward").value_or(false);
    const bool before_dnat = notes_.flag(spec, "preDNAT").value_or(false);
    const bool untracked = notes_.flag(spec, "doNotTrack").value_or(false);
    if (!before_dnat && !untracked) return;
    if (before_dnat && untracked) notes_.refuse(spec.span, "preDNAT and doNotTrack exclude each other");
    if (!forward) notes_.refuse(spec.span, "preDNAT and doNotTrack need applyOnForward");
    if (before_dnat && policy_.egress_applies) notes_.refuse(spec.span, "a preDNAT policy has no egress");
    policy_.selects_pods = false;
    policy_.pods = Selector::none();
    notes_.not_understood(Rule::FieldNotUnderstood, spec.span,
                          std::string(before_dnat ? "preDNAT" : "doNotTrack") +
                              " policies hold host endpoints, which are not judged: read as holding nothing");
  }

  void read_rules(const Value& list, Direction direction) {
    std::vector<PolicyRule>& rules = direction == Direction::Ingress ? policy_.ingress : policy_.egress;
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      PolicyRule rule;
      rule.span = list.items[i].span;
      rule.text =
          std::string(direction == Direction::Ingress ? "ingress" : "egress") + " rule " + std::to_string(i + 1);
      read_rule(list.items[i], direction, rule);
      rules.push_back(std::move(rule));
    }
  }

  void read_rule(const Value& value, Direction direction, PolicyRule& rule) {
    if (!notes_.has_only(value, "a rule",
                         {"action", "destination", "http", "icmp", "ipVersion", "metadata", "notICMP", "notProtocol",
                          "protocol", "source"}))
      return;
    const Value* const action = notes_.text(value, "action");
    const auto* const found = std::find_if(kActions.begin(), kActions.end(),
                                           [&](const auto& known) { return action && action->text == known.first; });
    if (found == kActions.end()) return notes_.refuse(value.span, "a rule's action is Allow, Deny, Pass or Log");
    rule.action = found->second;

    static const Value kAnybody = [] {
      Value map;
      map.kind = Value::Kind::Map;
      return map;
    }();
    const Value* const source = notes_.map(value, "source");
    const Value* const destination = notes_.map(value, "destination");
    const bool egress = direction == Direction::Egress;
    const Value* const subject = egress ? source : destination;
    const Value* const peer = egress ? destination : source;

    read_calico_services(value, rule, notes_);
    const IpSet version = family(value);
    if ((!version.intersects(IpSet::all_v6()) && rule.services == ServiceSet::protocol(Protocol::Icmpv6)) ||
        (!version.intersects(IpSet::all_v4()) && rule.services == ServiceSet::protocol(Protocol::Icmp)))
      notes_.refuse(value.span, "protocol and ipVersion exclude each other");
    read_peers(peer ? *peer : kAnybody, peer ? peer->span : value.span, version, rule);
    if (subject) read_narrowed_subject(*subject, egress ? "source" : "destination", rule);
    if (const Value* const http = notes_.map(value, "http")) {
      if (rule.action != Action::Allow) notes_.refuse(http->span, "http is for Allow only");
      notes_.not_understood(rule, http->span, "http narrows it above layer 4, which is not understood: read without");
    }
  }

  static constexpr std::array<std::string_view, 9> kEntityFields{
      "nets",     "notNets", "selector", "notSelector", "namespaceSelector", "serviceAccounts",
      "services", "ports",   "notPorts"};
  static constexpr std::size_t kFieldsWithoutPorts = 7;

  void read_narrowed_subject(const Value& entity, const std::string& name, PolicyRule& rule) {
    if (!notes_.has_only(entity, name, kEntityFields)) return;
    for (const std::string_view key : std::span<const std::string_view>(kEntityFields).first(kFieldsWithoutPorts)) {
      const Value* const narrower = field(entity, key);
      if (narrower && !(narrower->text.empty() && narrower->items.empty() && narrower->members.empty()))
        notes_.not_understood(
            rule, narrower->span,
            name + "." + std::string(key) + " narrows whom the rule is about, which is not understood: read without");
    }
  }

  IpSet family(const Value& value) {
    const Value* const version = field(value, "ipVersion");
    if (!version) return IpSet::all();
    const std::optional<std::size_t> number = notes_.number(*version, 6);
    if (number && *number != 4 && *number != 6) notes_.refuse(version->span, "ipVersion is 4 or 6");
    return number == 4U ? IpSet::all_v4() : IpSet::all_v6();
  }

  IpSet networks(const Value& list, PolicyRule* rule = nullptr) {
    PolicyRule ignored;
    std::vector<IpRange> ranges;
    for (const Value& item : list.items) {
      const std::optional<IpSet> net = read_network(item, rule ? *rule : ignored, notes_);
      if (!net) notes_.refuse(item.span, quoted(item.text) + " is no network");
      if (!net) continue;
      const std::vector<IpRange> some = net->ranges();
      ranges.insert(ranges.end(), some.begin(), some.end());
    }
    return IpSet::from(std::span<const IpRange>(ranges));
  }

  void read_peers(const Value& entity, Span span, const IpSet& family, PolicyRule& rule) {
    if (!notes_.has_only(entity, "an entity", kEntityFields)) return;
    if (const Value* const services = notes_.map(entity, "services")) {
      rule.peers.push_back(peer_of(Kind::NotUnderstood, services->span));
      rule.peers.back().why_not = "services is not understood";
      return notes_.not_understood(Rule::RuleNotUnderstood, services->span, rule.peers.back().why_not);
    }
    const Value* const nets = notes_.list(entity, "nets");
    const Value* const not_nets = notes_.list(entity, "notNets");
    IpSet bound = family;
    if (nets && !nets->items.empty()) bound &= networks(*nets, &rule);
    if (not_nets) bound -= networks(*not_nets, &rule);

    const Value* const accounts = notes_.map(entity, "serviceAccounts");
    const bool positive = notes_.text(entity, "selector") || notes_.text(entity, "namespaceSelector") || accounts;
    const bool negative = notes_.text(entity, "notSelector") != nullptr;
    if (!positive && !negative) {
      rule.peers.push_back(bound.is_all() ? peer_of(Kind::Everything, span)
                                          : addresses_peer(std::move(bound), MatchPods::ByAddress, span));
      return;
    }
    Selector endpoints = selector(entity, "selector", parse_calico_selector);
    if (negative)
      endpoints = Selector::both(std::move(endpoints), negated(selector(entity, "notSelector", parse_calico_selector)));
    Selector namespaces = selector(entity, "namespaceSelector", parse_calico_namespace_selector, true);
    // As soon as any selector is there, a namespaced policy means its own namespace unless it names others.
    if (namespaced_ && !notes_.text(entity, "namespaceSelector")) namespaces = in_namespace(context_.ref.ns);

    const CalicoEndpoints pods = pods_of(endpoints, span);
    RulePeer peer = peer_of(Kind::Pods, span);
    peer.namespaces = Selector::both(namespaces, pods.namespaces);
    peer.pods = pods.pods;
    peer.service_accounts =
        accounts ? Selector::both(pods.service_accounts, service_accounts(*accounts)) : pods.service_accounts;
    rule.peers.push_back(std::move(peer));
    if (!bound.is_all())
      notes_.not_understood(rule, span, "addresses beside selectors are not understood: read without the addresses");

    if (negative && !positive && !namespaced_) {  // whoever is no selected endpoint: every address of no pod too
      rule.peers.push_back(addresses_peer(std::move(bound), MatchPods::Never, span));
      return notes_.not_understood(rule, span,
                                   "notSelector alone leaves out network sets, which is not understood: read as the "
                                   "wider");
    }
    const CalicoEndpoints sets = split_calico_selector(endpoints, CalicoThing::NoPod);
    if (accounts || matches(sets.service_accounts, {}) == Match::No) return;
    RulePeer waiting = addresses_peer({}, MatchPods::ByAddress, span);
    waiting.namespaces = Selector::both(namespaces, sets.namespaces);
    waiting.pods =
        Selector::both(sets.pods, is_understood(sets.service_accounts) ? Selector::all() : Selector::not_understood());
    waiting.service_accounts = no_service_account();
    rule.peers.push_back(std::move(waiting));
  }

  Selector service_accounts(const Value& accounts) {
    if (!notes_.has_only(accounts, "serviceAccounts", {"names", "selector"})) return Selector::none();
    Selector all = selector(accounts, "selector", parse_calico_service_account_selector);
    if (!is_understood(all))
      notes_.not_understood(Rule::RuleNotUnderstood, accounts.span, "labels of service accounts are not known");
    const Value* const names = notes_.list(accounts, "names");
    if (!names || names->items.empty()) return all;
    std::vector<std::string> texts;
    for (const Value& name : names->items) texts.push_back(name.text);
    return Selector::both(std::move(all), Selector::in("name", std::move(texts)));
  }

  const Value& object_;
  ReaderContext context_;
  PolicyNotes notes_;
  PolicyObject policy_;
  bool namespaced_ = false;
};

// What else the API groups hold, and whether it may change what pods reach.
constexpr std::array<std::string_view, 15> kHarmlessKinds{"BGPConfiguration",
                                                          "BGPFilter",
                                                          "BGPPeer",
                                                          "BlockAffinity",
                                                          "CalicoNodeStatus",
                                                          "ClusterInformation",
                                                          "IPAMBlock",
                                                          "IPAMConfig",
                                                          "IPAMConfiguration",
                                                          "IPAMHandle",
                                                          "IPPool",
                                                          "IPReservation",
                                                          "KubeControllersConfiguration",
                                                          "Profile",
                                                          "WorkloadEndpoint"};

// Fields of FelixConfiguration with which the rules do not hold what they say.
constexpr std::array<std::string_view, 4> kLooseningFields{
    "allowIPIPPacketsFromWorkloads", "allowVXLANPacketsFromWorkloads", "chainInsertMode", "workloadSourceSpoofing"};

void read_felix_configuration(const Value& object, ReaderContext context) {
  const Value* const spec = field(object, "spec");
  if (!spec) return;
  for (const std::string_view key : kLooseningFields) {
    const Value* const value = field(*spec, key);
    if (!value || value->text == "false" || value->text == "Insert" || value->text == "Disabled") continue;
    context.cluster.not_understood.push_back({Rule::FieldNotUnderstood, value->span, to_string(context.ref),
                                              std::string(key) + " may let traffic around the policies"});
  }
}

}  // namespace

void read_calico_object(const Value& object, ReaderContext context, std::vector<std::function<void(Cluster&)>>& late) {
  const std::string& kind = context.ref.kind;
  if (kind == "NetworkPolicy" || kind == "GlobalNetworkPolicy") return CalicoReader(object, context).read_policy();
  if (kind == "Tier") return CalicoReader(object, context).read_tier();
  if (kind == "NetworkSet" || kind == "GlobalNetworkSet" || kind == "HostEndpoint") {
    if (std::optional<AddressSet> set = CalicoReader(object, context).read_set())
      late.emplace_back([set = std::move(*set)](Cluster& cluster) { set.bind(cluster); });
  } else if (kind == "FelixConfiguration") {
    read_felix_configuration(object, context);
  } else if (kind.starts_with("Staged")) {
    remark(context, Rule::KindNotUnderstood, context.ref.span, "it is staged: the plugin does not enforce it");
  } else if (std::find(kHarmlessKinds.begin(), kHarmlessKinds.end(), kind) == kHarmlessKinds.end()) {
    context.cluster.not_understood.push_back({Rule::KindNotUnderstood, context.ref.span, to_string(context.ref),
                                              kind + " may change what pods reach and is not understood"});
  }
}

}  // namespace airtight::verify
