#include "compiler/verify/obligation_policies.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "compiler/verify/kubernetes/declared.h"
#include "compiler/verify/kubernetes/tiers.h"
#include "compiler/verify/words.h"

namespace airtight::verify {
namespace {

constexpr int kAddressBits = 128;
constexpr int kPortBits = 16;
constexpr int kProtocolBits = 8;
constexpr std::size_t kNamesShown = 6;

// What a rule matches, whatever its uncertain parts turn out to be, and what it surely matches.
struct Condition {
  Term may;
  Term must;
};

struct Transport {
  Protocol protocol;
  unsigned number;
};
constexpr Transport kTransports[] = {{Protocol::Tcp, 6}, {Protocol::Udp, 17}, {Protocol::Sctp, 132}};

template <class T>
IntervalSet<u128> widened(const IntervalSet<T>& set) {
  std::vector<Interval<u128>> intervals;
  for (const Interval<T>& interval : set.intervals()) intervals.push_back({interval.first, interval.last});
  return IntervalSet<u128>::from(std::move(intervals));
}

Term is_protocol(unsigned number_on_wire) { return "(= protocol " + number(number_on_wire, kProtocolBits) + ")"; }

Term is_service(Problem& problem, const ServiceSet& services) {
  if (transport_services().subset_of(services)) return "true";
  std::vector<Term> parts;
  for (const Transport& transport : kTransports)
    parts.push_back(all_of(
        {is_protocol(transport.number), problem.has("port", kPortBits, widened(services.ports(transport.protocol)))}));
  return any_of(parts);
}

Term is_address(Problem& problem, const IpSet& addresses) {
  if (addresses.is_all()) return "true";
  return any_of(
      {all_of({"(= family #b0)",
               addresses.v4().is_all() ? Term("true") : problem.has("address", kAddressBits, widened(addresses.v4()))}),
       all_of({"(= family #b1)", problem.has("address", kAddressBits, addresses.v6())})});
}

// One class of pods in one direction under one reading: the rules, then the decisions from the last to the first.
class Asked {
 public:
  Asked(SolverSets& sets, const IpSet& node_ranges, const Sources& sources, Reading reading)
      : problem_(sets), node_ranges_(node_ranges), sources_(sources), wide_(reading == Reading::Wide) {
    problem_.constant("family", 1);
    problem_.constant("address", kAddressBits);
    problem_.constant("protocol", kProtocolBits);
    problem_.constant("port", kPortBits);
    problem_.require("(or (= family #b1) (bvule address " + number(0xffffffff, kAddressBits) + "))");
    std::vector<Term> transports;
    for (const Transport& transport : kTransports) transports.push_back(is_protocol(transport.number));
    problem_.require(any_of(transports));
  }

  Problem& problem() { return problem_; }
  // Whether both readings are the same, as far as the rules show.
  bool exact() const { return exact_; }

  // `named`: of the pod that receives; nullptr where that is no pod.
  void let_through(std::span<const TierList> plugins, const PortTable* named) {
    std::vector<Term> feared;
    exact_ = plugins.size() == 1;
    for (const TierList& tiers : plugins) {
      for (const TierRules& tier : tiers)
        for (const Group& group : tier.groups)
          for (const Chain& chain : group)
            for (const Step& step : chain) add_rule(step, named);
      Term next = is(wide_);
      for (auto tier = tiers.rbegin(); tier != tiers.rend(); ++tier) next = decided(*tier, next);
      feared.push_back(std::move(next));
    }
    const Term may_be = problem_.define(any_of(feared));
    problem_.require(wide_ ? may_be : negated(may_be));
  }

 private:
  static Term is(bool holds) { return holds ? "true" : "false"; }

  void add_rule(const Step& step, const PortTable* named) {
    const PolicyRule& rule = *step.rule->rule;
    const std::pair<const RuleSets*, bool> key{step.rule, step.certain};
    if (matches_.contains(key)) return;
    std::string place = to_string(step.rule->policy->ref) + ", " + rule.text;
    if (rule.span.known())
      place += " (" + std::string(sources_.basename(rule.span.source)) + ":" +
               std::to_string(sources_.position(rule.span.source, rule.span.begin).line) + ")";
    problem_.note(place);
    const Condition peers = peers_of(rule);
    const Condition services = services_of(rule, named);
    const bool counts = step.certain && rule.understood && rule.source_ports.is_all() && !step.rule->policy->doubtful;
    Condition match;
    match.may = problem_.define(all_of({peers.may, services.may}));
    const Term must = counts ? all_of({peers.must, services.must}) : "false";
    match.must = counts && peers.may == peers.must && services.may == services.must ? match.may : problem_.define(must);
    exact_ = exact_ && match.may == match.must;
    matches_.emplace(key, std::move(match));
  }

  Condition peers_of(const PolicyRule& rule) {
    std::vector<Term> may, must;
    const auto add = [&](Term possible, Term certain) {
      may.push_back(std::move(possible));
      must.push_back(std::move(certain));
    };
    for (const RulePeer& peer : rule.peers) {
      switch (peer.kind) {
        case RulePeer::Kind::Everything:
          add("true", "true");
          break;
        case RulePeer::Kind::Pods:  // never an address that is no pod's
          break;
        case RulePeer::Kind::Addresses: {
          const Term inside = is_address(problem_, peer.addresses);
          add(inside, inside);
          break;
        }
        case RulePeer::Kind::Nodes: {
          const bool every = peer.nodes.op == Selector::Op::All && peer.pods.op == Selector::Op::All;
          const Term node = node_ranges_.empty() ? "true" : is_address(problem_, node_ranges_);
          add(node, every && !node_ranges_.empty() ? node : "false");
          break;
        }
        case RulePeer::Kind::NotUnderstood:
          add("true", "false");
          break;
      }
    }
    return {any_of(may), any_of(must)};
  }

  Condition services_of(const PolicyRule& rule, const PortTable* named) {
    const Term numbers = is_service(problem_, rule.services);
    if (!named) return {numbers, numbers};
    std::vector<Term> may{numbers}, must{numbers};
    for (const NamedPort& wanted : rule.named_ports) {
      bool found = false;
      for (const PodPort& port : named->ports) {
        if (port.name != wanted.name || (wanted.protocol && *wanted.protocol != port.protocol)) continue;
        found = true;
        const Term one = is_service(problem_, ServiceSet::of(port.protocol, PortSet::of(port.port)));
        may.push_back(one);
        must.push_back(one);
      }
      if (found || !named->symbolic) continue;
      for (const Transport& transport : kTransports)
        if (wanted.protocol.value_or(transport.protocol) == transport.protocol)
          may.push_back(is_protocol(transport.number));
    }
    return {any_of(may), any_of(must)};
  }

  // Whether the outcome that the reading fears may come about: wide, that it is allowed; narrow, that it is denied.
  Term decided(const TierRules& tier, const Term& next) {
    exact_ = exact_ && tier.end.may_deny == tier.end.denies_transport;
    Term after;
    if (wide_)
      after = tier.end.denies_transport ? "false" : next;
    else
      after = tier.end.may_deny ? "true" : next;
    for (auto group = tier.groups.rbegin(); group != tier.groups.rend(); ++group) after = decided(*group, after, next);
    return after;
  }

  Term decided(const Group& group, const Term& after, const Term& next) {
    if (group.size() == 1) return decided(group.front(), after, next);
    // Any of the chains may come first; what none of them surely decides goes on.
    exact_ = false;
    std::vector<Term> ways, undecided{after};
    for (const Chain& chain : group) {
      ways.push_back(decided(chain, "false", next));
      for (const Step& step : chain) undecided.push_back(negated(match_of(step).must));
    }
    ways.push_back(all_of(undecided));
    return problem_.define(any_of(ways));
  }

  Term decided(const Chain& chain, Term after, const Term& next) {
    for (auto step = chain.rbegin(); step != chain.rend(); ++step) {
      const Condition& match = match_of(*step);
      const Action action = step->rule->action;
      const Term result = action == Action::Pass ? next : is((action == Action::Allow) == wide_);
      after = problem_.define(match.may == match.must
                                  ? chosen(match.may, result, after)
                                  : any_of({all_of({match.may, result}), all_of({negated(match.must), after})}));
    }
    return after;
  }

  const Condition& match_of(const Step& step) const { return matches_.at({step.rule, step.certain}); }

  Problem problem_;
  const IpSet& node_ranges_;
  const Sources& sources_;
  bool wide_;
  bool exact_ = true;
  std::map<std::pair<const RuleSets*, bool>, Condition> matches_;
};

class Writer {
 public:
  Writer(SolverFile& file, const Cluster& cluster, Scope scope, const Question& question, const Sources& sources)
      : file_(file),
        cluster_(cluster),
        question_(question),
        sources_(sources),
        layer_(scope == Scope::ClusterScoped ? "cluster" : "kubernetes"),
        node_ranges_(question.policy ? question.policy->nodes() : IpSet()),
        evaluation_(cluster, scope, question.policy ? question.policy->pods() : IpSet(), node_ranges_),
        policies_(in(scope)),
        order_(cluster, policies_) {
    if (question.policy) declared_.emplace(*question.policy, evaluation_, question.at);
  }

  void run() {
    for (std::size_t c = 0; c < evaluation_.classes().size(); ++c) {
      const WorkloadClass& pods = evaluation_.classes()[c];
      const bool judged = std::any_of(pods.members.begin(), pods.members.end(),
                                      [&](std::size_t w) { return cluster_.workloads[w].judged; });
      if (!judged || pods.host_network) continue;
      for (const Direction direction : {Direction::Egress, Direction::Ingress}) ask(c, direction);
    }
    // Pods of different labels that the same rules hold are one problem.
    for (const Found& found : found_) file_.check(title(found), found.problem, found.expected);
  }

 private:
  struct Found {
    Problem problem;
    Expected expected;
    std::string about;
    std::string reading;
    std::vector<std::string> names;
  };

  std::vector<PolicySets> in(Scope scope) {
    std::vector<PolicySets> policies;
    for (const PolicyObject& policy : cluster_.policies)
      if (policy.selects_pods && !policy.refused && in_scope(policy, scope))
        policies.push_back(policy_sets(policy, node_ranges_, index_));
    return policies;
  }

  std::vector<Selecting> selecting(const WorkloadClass& pods) const {
    const Namespace* ns = cluster_.find_namespace(pods.ns);
    const KnownLabels ns_labels = ns ? ns->labels : KnownLabels{{{"kubernetes.io/metadata.name", pods.ns}}, false};
    KnownLabels account{{}, false};
    if (!pods.service_account.empty()) account.labels.emplace("name", pods.service_account);
    std::vector<Selecting> selecting;
    for (std::size_t p = 0; p < policies_.size(); ++p) {
      const PolicyObject& policy = *policies_[p].object;
      if (!policy.ref.ns.empty() && policy.ref.ns != pods.ns) continue;
      const Match match = std::min({matches(policy.namespaces, ns_labels), matches(policy.pods, pods.labels),
                                    matches(policy.service_accounts, account)});
      if (match != Match::No) selecting.push_back({p, match == Match::Yes});
    }
    return selecting;
  }

  PortTable named_ports(const WorkloadClass& pods) const {
    PortTable table{{}, pods.symbolic};
    for (const ContainerPort& port : cluster_.workloads[pods.members.front()].ports)
      if (!port.name.empty()) table.ports.push_back({port.name, port.protocol, port.port});
    return table;
  }

  void ask(std::size_t c, Direction direction) {
    const WorkloadClass& pods = evaluation_.classes()[c];
    const std::vector<TierList> plugins = order_.lists(selecting(pods), direction);
    const PortTable named = named_ports(pods);
    for (const Reading reading : {Reading::Wide, Reading::Narrow}) {
      Asked asked(file_.sets(), node_ranges_, sources_, reading);
      asked.let_through(plugins, direction == Direction::Ingress ? &named : nullptr);
      asked.problem().note("outside");
      asked.problem().require(negated(is_address(asked.problem(), question_.inside)));
      if (direction == Direction::Egress) without_exceptions(c, asked.problem());
      add(c, direction, asked.problem(), expected(c, direction, reading),
          asked.exact()              ? "one reading"
          : reading == Reading::Wide ? "wide reading"
                                     : "narrow reading");
      if (asked.exact()) break;
    }
  }

  void without_exceptions(std::size_t c, Problem& problem) const {
    if (!declared_) return;
    for (const Exception& exception : question_.policy->exceptions) {
      const std::vector<std::size_t>& classes = declared_->classes_of(exception.from);
      if (exception.expires < question_.at || std::count(classes.begin(), classes.end(), c) == 0) continue;
      problem.note("exception " + exception.ticket);
      problem.require(
          negated(all_of({is_address(problem, IpSet::of(exception.to)), is_service(problem, exception.services)})));
    }
  }

  Expected expected(std::size_t c, Direction direction, Reading reading) const {
    TrafficSet set = restrict(evaluation_.addresses(c, direction, reading), ~question_.inside, transport_services());
    if (declared_ && direction == Direction::Egress) set -= declared_->exceptions(c, true);
    return set.empty() ? Expected::Unsat : Expected::Sat;
  }

  void add(std::size_t c, Direction direction, const Problem& problem, Expected expected, std::string reading) {
    const std::string about = direction == Direction::Egress ? "egress of" : "ingress, by an outside opener, of";
    const std::string key = (expected == Expected::Sat ? "sat " : "unsat ") + about + reading + problem.text();
    const auto [place, added] = numbers_.try_emplace(key, found_.size());
    if (added) found_.push_back({problem, expected, about, std::move(reading), {}});
    Found& found = found_[place->second];
    for (const std::size_t w : evaluation_.classes()[c].members)
      if (cluster_.workloads[w].judged) found.names.push_back(name_of(cluster_.workloads[w]));
  }

  std::string title(const Found& found) const {
    std::vector<std::string> names = found.names;
    std::sort(names.begin(), names.end());
    std::string text = "layer " + layer_ + ", " + found.about + " ";
    for (std::size_t i = 0; i < names.size() && i < kNamesShown; ++i) text += (i ? ", " : "") + names[i];
    if (names.size() > kNamesShown) text += " and " + std::to_string(names.size() - kNamesShown) + " more";
    return text + ", " + found.reading;
  }

  SolverFile& file_;
  const Cluster& cluster_;
  const Question& question_;
  const Sources& sources_;
  std::string layer_;
  IpSet node_ranges_;
  Evaluation evaluation_;
  LabelIndex index_;
  std::vector<PolicySets> policies_;
  TierOrder order_;
  std::optional<Declared> declared_;
  std::vector<Found> found_;
  std::map<std::string, std::size_t> numbers_;
};

}  // namespace

void write_policies(SolverFile& file, const Cluster& cluster, Scope scope, const Question& question,
                    const Sources& sources) {
  Writer(file, cluster, scope, question, sources).run();
}

}  // namespace airtight::verify
