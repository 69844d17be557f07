// The layers kubernetes and cluster: sealed, complete and exact (DESIGN §4). Findings are grouped by the rule, or the
// absence, that makes them.
#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "compiler/verify/judge.h"
#include "compiler/verify/kubernetes/declared.h"
#include "compiler/verify/words.h"

namespace airtight::verify {
namespace {

// More causes than this of one class are reported as one: they are many rules that do the same.
constexpr std::size_t kMaxCauses = 32;

struct Cause {
  Rule rule;
  const PolicyObject* policy;
  const PolicyRule* line;
  std::string absent;
  Direction direction;
  bool certain;
  auto key() const { return std::tie(rule, policy, line, absent, direction, certain); }
  friend bool operator<(const Cause& a, const Cause& b) { return a.key() < b.key(); }
};

struct Case {
  std::vector<std::size_t> classes;
  TrafficSet traffic;
  std::vector<std::string> towards;  // pods at the other end, where it is about pods
  ServiceSet services;
};

std::string_view scope_word(Layer layer) { return layer == Layer::Cluster ? "cluster-scoped policy" : "NetworkPolicy"; }

class Judge {
 public:
  Judge(const Cluster& cluster, const Evaluation& evaluation, const WorstCases& worst, Layer layer,
        const Question& question)
      : cluster_(cluster),
        evaluation_(evaluation),
        worst_(worst),
        layer_(layer),
        question_(question),
        outside_(~question.inside) {
    if (question.policy) declared_.emplace(*question.policy, evaluation, question.at);
    for (const WorkloadClass& pods : evaluation.classes()) {
      const bool judged =
          !pods.host_network && std::any_of(pods.members.begin(), pods.members.end(),
                                            [&](std::size_t w) { return cluster_.workloads[w].judged; });
      judged_.push_back(judged);
    }
  }

  LayerJudgement run() {
    LayerJudgement result;
    LayerReport& report = result.report;
    report.layer = layer_;
    for (std::size_t c = 0; c < judged_.size(); ++c) {
      if (!judged_[c]) continue;
      for (const std::string& name : names(c)) report.workloads.push_back(name);
      sealed(c);
    }
    std::sort(report.workloads.begin(), report.workloads.end());
    report.sealed = flush(Property::Sealed, report);
    if (declared_) {
      complete();
      report.complete = flush(Property::Complete, report);
      if (layer_ == Layer::Kubernetes) {
        exact();
        report.exact = flush(Property::Exact, report);
      }
    }
    report.verdict = *report.sealed;
    return result;
  }

 private:
  std::vector<std::string> names(std::size_t c) const {
    std::vector<std::string> names;
    for (const std::size_t w : evaluation_.classes()[c].members)
      if (cluster_.workloads[w].judged || !judged_[c]) names.push_back(name_of(cluster_.workloads[w]));
    return names;
  }

  // What may pass although it is outside: exceptions of this class in force. Expired ones are told apart by the caller.
  TrafficSet exempt(std::size_t c) const { return declared_ ? declared_->exceptions(c, true) : TrafficSet(); }

  void sealed(std::size_t c) {
    collect(c, Direction::Egress, Rule::NotSealed, outside_, exempt(c));
    collect(c, Direction::Ingress, Rule::OpenFromOutside, outside_, {});
  }

  // Cuts what gets through in `region`, less `allowed`, into parts with one cause each.
  void collect(std::size_t c, Direction direction, Rule rule, const IpSet& region, const TrafficSet& allowed) {
    const TrafficSet wide =
        restrict(evaluation_.addresses(c, direction, Reading::Wide), region, compared(rule)) - allowed;
    if (wide.empty()) return;
    const TrafficSet narrow =
        restrict(evaluation_.addresses(c, direction, Reading::Narrow), region, compared(rule)) - allowed;
    const TrafficSet surely = restrict(worst_.surely(c, direction), region, compared(rule)) - allowed;
    // Sure whatever the API leaves open; sure in one of its cases; what was not understood.
    TrafficSet parts[] = {narrow & wide, (surely & wide) - narrow, wide - narrow - surely};
    for (int n = 0; n < 3; ++n) {
      TrafficSet& left = parts[n];
      const Reading reading = n == 0 ? Reading::Narrow : Reading::Wide;
      for (std::size_t causes = 0; !left.empty(); ++causes) {
        const Sample sample = *smallest(left);
        const Decision decision =
            evaluation_.decide(c, direction, sample.address, sample.protocol, sample.selector, reading);
        TrafficSet part = evaluation_.share(c, direction, decision, left, reading) & left;
        if (part.empty() || !part.contains(sample.address, sample.protocol, sample.selector) || causes >= kMaxCauses)
          part = left;
        add(cause_of(rule, decision, direction, n < 2, c, sample), c, part);
        left -= part;
      }
    }
  }

  // Port 0 cannot be named by a NetworkPolicy, so it is no excess (SEMANTICS); sealing counts it.
  static const ServiceSet& compared(Rule rule) {
    static const ServiceSet kNamed = [] {
      const PortSet ports = PortSet::of(1, 65535);
      return ServiceSet::of(Protocol::Tcp, ports) | ServiceSet::of(Protocol::Udp, ports) |
             ServiceSet::of(Protocol::Sctp, ports);
    }();
    return rule == Rule::Excess ? kNamed : transport_services();
  }

  Cause cause_of(Rule rule, const Decision& decision, Direction direction, bool certain, std::size_t c,
                 const Sample& sample) const {
    if (rule == Rule::NotSealed && declared_ &&
        declared_->exceptions(c, false).contains(sample.address, sample.protocol, sample.selector))
      rule = Rule::ExpiredException;
    Cause cause{rule, decision.policy, decision.rule, "", direction, certain};
    if (!decision.rule) {
      cause.policy = nullptr;
      const std::string way = direction == Direction::Egress ? "egress" : "ingress";
      cause.absent = layer_ == Layer::Cluster ? "no cluster-scoped policy denies this " + way
                                              : "no NetworkPolicy in namespace " + evaluation_.classes()[c].ns +
                                                    " isolates the " + way + " of these pods";
    }
    return cause;
  }

  void add(Cause cause, std::size_t c, const TrafficSet& traffic) {
    Case& found = cases_[std::move(cause)];
    found.classes.push_back(c);
    if (!traffic.subset_of(found.traffic)) found.traffic |= traffic;
  }

  void complete() {
    const Policy& policy = *question_.policy;
    for (const Flow& flow : policy.flows) {
      const ServiceSet services = flow.services & transport_services();
      if (services.empty()) continue;
      const bool from_pods = declared_->is_pods(flow.from) && !flow.source_nat_nodes;
      const bool to_pods = declared_->is_pods(flow.to);
      for (const std::size_t a : declared_->classes_of(flow.from)) {
        if (to_pods) {
          for (const std::size_t b : declared_->classes_of(flow.to)) flow_between(flow, a, b, services, from_pods);
          // NodeLocal DNSCache answers in place of the pods, from an address of the node.
          if (flow.to.kind == Peer::Kind::ClusterDns)
            needed(flow, a, Direction::Egress, TrafficSet::of(IpSet::from(node_local()), services));
        } else {
          needed(flow, a, Direction::Egress, TrafficSet::of(policy.addresses_of(flow.to), services));
        }
      }
      if (to_pods && !from_pods)
        for (const std::size_t b : declared_->classes_of(flow.to))
          needed(flow, b, Direction::Ingress, TrafficSet::of(declared_->source_addresses(flow), services));
    }
    for (std::size_t c = 0; c < judged_.size(); ++c)
      if (const TrafficSet missing =
              declared_->exceptions(c, true) - evaluation_.addresses(c, Direction::Egress, Reading::Narrow);
          !missing.empty())
        lacking("an exception of the spec", c, Direction::Egress, missing);
  }

  std::vector<Prefix> node_local() const {
    std::vector<Prefix> addresses;
    if (const std::optional<ClusterDns>& dns = question_.policy->cluster.dns)
      for (const Ip ip : dns->node_local) addresses.push_back(Prefix::host(ip));
    return addresses;
  }

  void flow_between(const Flow& flow, std::size_t a, std::size_t b, const ServiceSet& services, bool from_pods) {
    for (const Direction direction : {Direction::Egress, Direction::Ingress}) {
      if (direction == Direction::Ingress && !from_pods) continue;  // the peer seen is a node: needed() asks
      const std::size_t subject = direction == Direction::Egress ? a : b;
      const std::size_t peer = direction == Direction::Egress ? b : a;
      const ServiceSet missing = services - evaluation_.pods(subject, peer, direction, Reading::Narrow);
      if (missing.empty()) continue;
      const bool by_address = missing.subset_of(evaluation_.pods(subject, peer, direction, Reading::Wide)) &&
                              through_addresses(subject, peer, direction, missing);
      Cause cause{by_address ? Rule::ReachesPodsByIpBlock : Rule::Incomplete,
                  nullptr,
                  nullptr,
                  described(flow),
                  direction,
                  true};
      Case& found = cases_[std::move(cause)];
      found.classes.push_back(subject);
      for (const std::string& name : names(peer)) found.towards.push_back(name);
      found.services |= missing;
    }
  }

  bool through_addresses(std::size_t subject, std::size_t peer, Direction direction, const ServiceSet& services) const {
    const std::optional<Sample> sample = smallest(TrafficSet::of(IpSet::of(Ip::v4(0)), services));
    const Decision decision =
        evaluation_.decide(subject, direction, peer, sample->protocol, sample->selector, Reading::Wide);
    return decision.rule && std::any_of(decision.rule->peers.begin(), decision.rule->peers.end(),
                                        [](const RulePeer& p) { return p.kind == RulePeer::Kind::Addresses; });
  }

  void needed(const Flow& flow, std::size_t c, Direction direction, const TrafficSet& wanted) {
    const TrafficSet missing = wanted - evaluation_.addresses(c, direction, Reading::Narrow);
    if (!missing.empty()) lacking(described(flow), c, direction, missing);
  }

  void lacking(std::string what, std::size_t c, Direction direction, const TrafficSet& missing) {
    const Sample sample = *smallest(missing);
    const Decision decision =
        evaluation_.decide(c, direction, sample.address, sample.protocol, sample.selector, Reading::Narrow);
    add(Cause{Rule::Incomplete, decision.rule ? decision.policy : nullptr, decision.rule, std::move(what), direction,
              true},
        c, missing);
  }

  std::string described(const Flow& flow) const {
    const Policy& policy = *question_.policy;
    std::string text = "flow " + std::string(policy.name_of(flow.from)) + " to " +
                       std::string(policy.name_of(flow.to)) + ", " + to_string(flow.services);
    if (flow.origin.line != 0) text += " (" + to_string(flow.origin) + ")";
    return text;
  }

  void exact() {
    for (std::size_t c = 0; c < judged_.size(); ++c) {
      if (!judged_[c]) continue;
      collect(c, Direction::Egress, Rule::Excess, question_.inside, declared_->out(c));
      collect(c, Direction::Ingress, Rule::Excess, question_.inside, declared_->in(c));
    }
    for (std::size_t a = 0; a < judged_.size(); ++a)
      for (std::size_t b = 0; b < judged_.size(); ++b) {
        if (judged_[a]) excess_towards(a, b, Direction::Egress);
        if (judged_[b]) excess_towards(b, a, Direction::Ingress);
      }
  }

  // Each direction by itself: what one side lets through is in excess although the other side stops it today. A side
  // that nothing isolates lets everything through, and counts as far as the other one does too.
  void excess_towards(std::size_t subject, std::size_t peer, Direction direction) {
    const std::span<const WorkloadClass> classes = evaluation_.classes();
    if (classes[subject].host_network || classes[peer].host_network) return;  // addresses, asked above
    const std::size_t from = direction == Direction::Egress ? subject : peer;
    const std::size_t to = direction == Direction::Egress ? peer : subject;
    const bool isolated = evaluation_.isolated(subject, direction);
    const auto allowed = [&](Reading reading) {
      return isolated ? evaluation_.pods(subject, peer, direction, reading)
                      : evaluation_.connections(from, to, reading);
    };
    const ServiceSet wide = (allowed(Reading::Wide) & compared(Rule::Excess)) - declared_->between(from, to);
    if (wide.empty()) return;
    const ServiceSet narrow = wide & allowed(Reading::Narrow);
    const bool certain = !narrow.empty();
    const std::optional<Sample> sample = smallest(TrafficSet::of(IpSet::of(Ip::v4(0)), certain ? narrow : wide));
    const Decision decision =
        evaluation_.decide(subject, direction, peer, sample->protocol, sample->selector, Reading::Wide);
    Case& found = cases_[cause_of(Rule::Excess, decision, direction, certain, subject, *sample)];
    found.classes.push_back(subject);
    for (const std::string& name : names(peer)) found.towards.push_back(name);
    found.services |= wide;
  }

  // Cases become findings; the verdict is that of the property.
  Verdict flush(Property property, LayerReport& report) {
    Verdict verdict = Verdict::Proven;
    for (auto& [cause, found] : cases_) {
      Finding finding = finding_of(property, cause, found);
      const Verdict effect = property == Property::Exact || property == Property::Complete
                                 ? (cause.certain ? Verdict::Violated : Verdict::Inconclusive)
                                 : finding.effect;
      verdict = worse(verdict, effect);
      report.findings.push_back(std::move(finding));
    }
    cases_.clear();
    return verdict;
  }

  Finding finding_of(Property property, const Cause& cause, Case& found) {
    Finding finding;
    finding.rule = cause.rule;
    finding.property = property;
    if (property == Property::Sealed) finding.effect = cause.certain ? Verdict::Violated : Verdict::Inconclusive;
    for (const std::size_t c : found.classes)
      for (const std::string& name : names(c)) finding.workloads.push_back(name);
    sort_unique(finding.workloads);
    sort_unique(found.towards);
    if (cause.line)
      finding.because.push_back({cause.line->span, to_string(cause.policy->ref) + ", " + cause.line->text, ""});
    else
      finding.because.push_back({{}, "", property == Property::Complete ? "no rule allows it" : cause.absent});
    if (!found.traffic.empty()) about_addresses(cause, found, finding);
    if (!found.towards.empty()) about_pods(cause, found, finding);
    finding.message = message(cause, finding);
    finding.remedy = remedy(cause);
    if (!cause.certain) finding.message += ", as far as what was not understood goes";
    return finding;
  }

  void about_addresses(const Cause& cause, const Case& found, Finding& finding) const {
    const Sample sample = *smallest(found.traffic);
    // Who comes in from outside comes to these pods.
    finding.destination = cause.direction == Direction::Egress || finding.workloads.empty() ? to_string(sample.address)
                                                                                            : finding.workloads.front();
    finding.protocol = to_string(sample.protocol);
    const bool has_port = transport_services().contains(sample.protocol, sample.selector);
    if (has_port) finding.port = sample.selector;
    finding.extent = describe(found.traffic);
    Packet packet;
    (cause.direction == Direction::Egress ? packet.destination : packet.source) = sample.address;
    packet.protocol = to_string(sample.protocol);
    if (has_port) packet.destination_port = sample.selector;
    packet.state = "new";
    finding.counterexample = packet;
  }

  void about_pods(const Cause&, const Case& found, Finding& finding) const {
    finding.destination = found.towards.front();
    const Sample sample = *smallest(TrafficSet::of(IpSet::of(Ip::v4(0)), found.services));
    finding.protocol = to_string(sample.protocol);
    finding.port = sample.selector;
    Packet packet;
    packet.protocol = finding.protocol;
    packet.destination_port = sample.selector;
    packet.state = "new";
    finding.counterexample = packet;
    std::string pods;
    for (std::size_t i = 0; i < found.towards.size() && i < 8; ++i) pods += (i ? ", " : "") + found.towards[i];
    if (found.towards.size() > 8) pods += " and " + std::to_string(found.towards.size() - 8) + " more";
    finding.extent += (finding.extent.empty() ? "" : "; ") + pods + ", " + describe(found.services);
  }

  std::string message(const Cause& cause, const Finding& finding) const {
    const std::string_view what = scope_word(layer_);
    switch (cause.rule) {
      case Rule::NotSealed:
        return "packets to the outside are let through: " + finding.extent;
      case Rule::ExpiredException:
        return "an exception has expired and its traffic is still let through: " + finding.extent;
      case Rule::OpenFromOutside:
        return "sources outside may open connections in, and replies leave: from " + finding.extent;
      case Rule::Incomplete:
        return "a declared flow is not allowed in " + direction_word(cause.direction) + ": " + cause.absent +
               "; missing " + finding.extent;
      case Rule::ReachesPodsByIpBlock:
        return "a declared flow reaches pods by ipBlock only, and several plugins do not match pods so: " +
               cause.absent;
      default:
        return "a " + std::string(what) + " allows more than the spec declares, in " + direction_word(cause.direction) +
               ": " + finding.extent;
    }
  }

  static std::string direction_word(Direction direction) {
    return direction == Direction::Egress ? "egress" : "ingress";
  }

  static std::string remedy(const Cause& cause) {
    switch (cause.rule) {
      case Rule::NotSealed:
      case Rule::OpenFromOutside:
        return cause.line ? "name the peers inside that the rule is for"
                          : "add a default deny: podSelector {} with both policyTypes and no rules";
      case Rule::ReachesPodsByIpBlock:
        return "name the pods by namespaceSelector and podSelector";
      case Rule::Excess:
        return "declare the flow, or take the rule back";
      case Rule::ExpiredException:
        return "take the rule back, or have the exception approved anew";
      default:
        return "";
    }
  }

  static void sort_unique(std::vector<std::string>& texts) {
    std::sort(texts.begin(), texts.end());
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  }

  const Cluster& cluster_;
  const Evaluation& evaluation_;
  const WorstCases& worst_;
  Layer layer_;
  const Question& question_;
  IpSet outside_;
  std::optional<Declared> declared_;
  std::vector<bool> judged_;
  std::map<Cause, Case> cases_;
};

}  // namespace

LayerJudgement judge_policies(const Cluster& cluster, const Evaluation& evaluation, const WorstCases& worst,
                              Layer layer, const Question& question) {
  return Judge(cluster, evaluation, worst, layer, question).run();
}

}  // namespace airtight::verify
