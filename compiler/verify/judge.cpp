#include "compiler/verify/judge.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "compiler/verify/compare_layers.h"
#include "compiler/verify/firewall/leaving.h"
#include "compiler/verify/kubernetes/declared.h"
#include "compiler/verify/kubernetes/least_pods.h"
#include "compiler/verify/words.h"

namespace airtight::verify {
namespace {

// A namespace of tomorrow: its name is none that a manifest can have, its labels are unknown.
constexpr std::string_view kTomorrow = "any namespace of tomorrow";

bool has(const Cluster& cluster, Scope scope) {
  return std::any_of(cluster.policies.begin(), cluster.policies.end(),
                     [&](const PolicyObject& policy) { return in_scope(policy, scope); });
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

class Court {
 public:
  Court(Artifacts& artifacts, const Question& question, const Sources& sources)
      : artifacts_(artifacts), question_(question), sources_(sources) {}

  Report run() {
    has_firewall_ = !artifacts_.firewall.tables.empty() || !artifacts_.firewall.not_understood.empty();
    has_cluster_ = has(artifacts_.cluster, Scope::ClusterScoped);
    has_pods_ = !artifacts_.cluster.workloads.empty();
    has_policies_ = has(artifacts_.cluster, Scope::Namespaced);
    bool bounded = true;
    if (has_pods_ || has_policies_ || has_cluster_) bounded = symbolic_pods();
    const Cluster& cluster = artifacts_.cluster;
    const IpSet pods = question_.policy ? question_.policy->pods() : IpSet();
    const IpSet nodes = question_.policy ? question_.policy->nodes() : IpSet();
    const auto evaluation = [&](Scope scope) { return std::make_unique<Evaluation>(cluster, scope, pods, nodes); };
    const auto worst = [&](const Evaluation& judged, Scope scope) {
      return WorstCases(cluster, judged, scope, pods, nodes);
    };
    const std::unique_ptr<Evaluation> all = evaluation(Scope::All);

    std::unique_ptr<Evaluation> namespaced;
    std::unique_ptr<Evaluation> scoped;
    if (has_pods_ || has_policies_) {
      namespaced = evaluation(Scope::Namespaced);
      take(judge_policies(cluster, *namespaced, worst(*namespaced, Scope::Namespaced), Layer::Kubernetes, question_));
    }
    if (has_cluster_) {
      scoped = evaluation(Scope::ClusterScoped);
      take(judge_policies(cluster, *scoped, worst(*scoped, Scope::ClusterScoped), Layer::Cluster, question_));
    }
    if (has_firewall_) take(judge_firewall(artifacts_.firewall, question_));
    report_.disagreements =
        compare_layers(artifacts_, has_policies_ ? namespaced.get() : nullptr, scoped.get(), question_);
    if (!artifacts_.dns.empty()) take(judge_dns(artifacts_.dns, question_, sources_));

    const LayerReport* scoped_layer = layer(Layer::Cluster);
    Surroundings around =
        look_around(cluster, *all, question_, scoped_layer && scoped_layer->verdict == Verdict::Proven);
    held_by_the_firewall(around);
    std::move(around.findings.begin(), around.findings.end(), std::back_inserter(report_.findings));
    report_.relays = std::move(around.relays);
    assume(std::move(around.assumptions));

    not_understood();
    if (!bounded) too_much("the label classes of pods are more than can be judged: not every pod was");
    together(*all, worst(*all, Scope::All));
    standing_assumptions(*all);
    finish();
    return std::move(report_);
  }

 private:
  void take(LayerJudgement judgement) {
    assume(std::move(judgement.assumptions));
    report_.layers.push_back(std::move(judgement.report));
  }
  void assume(std::vector<std::string> texts) {
    std::move(texts.begin(), texts.end(), std::back_inserter(report_.assumptions));
  }

  bool symbolic_pods() {
    Cluster& cluster = artifacts_.cluster;
    if (question_.policy) add_declared_pods(cluster, *question_.policy);
    if (!question_.every_pod) return true;
    std::vector<std::string> namespaces;
    for (const Namespace& ns : cluster.namespaces)
      if (is_judged(ns)) namespaces.push_back(ns.name);
    if (question_.policy)
      namespaces.insert(namespaces.end(), question_.policy->default_deny_namespaces.begin(),
                        question_.policy->default_deny_namespaces.end());
    std::sort(namespaces.begin(), namespaces.end());
    namespaces.erase(std::unique(namespaces.begin(), namespaces.end()), namespaces.end());
    judged_namespaces_ = namespaces;
    if (!add_symbolic_pods(cluster, namespaces)) return false;
    if (!question_.policy) return true;
    add_plain_pods(namespaces);
    return add_least_pods(cluster, namespaces);
  }

  // The pod that no selector of the spec means: it must have nothing, although no policy tells it from the others.
  void add_plain_pods(const std::vector<std::string>& namespaces) {
    for (const std::string& ns : namespaces) {
      Workload pod;
      pod.ref = {"Pod", ns, "plain", {}};
      pod.symbolic = true;
      pod.hypothetical = true;
      const auto same = [&](const Workload& known) {
        return !known.host_network && known.judged && known.ref.ns == ns && known.labels == pod.labels;
      };
      std::vector<Workload>& all = artifacts_.cluster.workloads;
      if (std::none_of(all.begin(), all.end(), same)) all.push_back(std::move(pod));
    }
  }

  // Namespaces of the input; the one of cluster-dns is there only because the spec names it.
  bool is_judged(const Namespace& ns) const {
    if (ns.in_input) return true;
    const auto lies_there = [&](const auto& object) { return object.ref.ns == ns.name; };
    const Cluster& cluster = artifacts_.cluster;
    return std::any_of(cluster.workloads.begin(), cluster.workloads.end(),
                       [&](const Workload& pods) { return !pods.symbolic && pods.ref.ns == ns.name; }) ||
           std::any_of(cluster.policies.begin(), cluster.policies.end(), lies_there) ||
           std::any_of(cluster.services.begin(), cluster.services.end(), lies_there);
  }

  // A pod in the node's network is a finding only where no sealed firewall holds it.
  void held_by_the_firewall(Surroundings& around) {
    const LayerReport* firewall = layer(Layer::Firewall);
    if (!firewall || firewall->verdict != Verdict::Proven) return;
    const bool raw_senders = egress_credited();
    auto& findings = around.findings;
    findings.erase(std::remove_if(findings.begin(), findings.end(),
                                  [&](const Finding& finding) {
                                    if (finding.rule != Rule::HostNetwork) return false;
                                    return !keeps_net_raw(finding.workloads.front()) || raw_senders;
                                  }),
                   findings.end());
    for (Finding& finding : findings)
      if (finding.rule == Rule::HostNetwork) {
        finding.effect = Verdict::Inconclusive;
        finding.message += ", keeps NET_RAW, and no egress chain in the input holds raw senders";
      }
  }

  bool keeps_net_raw(const std::string& name) const {
    return std::any_of(artifacts_.cluster.workloads.begin(), artifacts_.cluster.workloads.end(),
                       [&](const Workload& pods) { return pods.keeps_net_raw && name_of(pods) == name; });
  }

  bool egress_credited() const {
    for (const FirewallTable& table : artifacts_.firewall.tables)
      for (const FirewallChain& chain : table.chains)
        if (chain.hook == Hook::Egress && !chain.devices.empty()) return true;
    return false;
  }

  const LayerReport* layer(Layer wanted) const {
    for (const LayerReport& report : report_.layers)
      if (report.layer == wanted) return &report;
    return nullptr;
  }

  // A rule that was not understood is in the model already, in its worst reading; whatever else was not is not.
  // judge_dns makes findings of its own of what it did not understand.
  void not_understood() {
    const auto add = [&](const std::vector<Remark>& remarks, Layer of, bool rules_are_read) {
      for (const Remark& remark : remarks) {
        report_.unsupported.push_back({remark.where, remark.object, remark.message});
        if (rules_are_read && remark.rule == Rule::RuleNotUnderstood) continue;
        in_doubt_ = true;
        for (LayerReport& report : report_.layers)
          if (report.layer == of) report.verdict = worse(report.verdict, Verdict::Inconclusive);
      }
    };
    add(artifacts_.cluster.not_understood, Layer::Kubernetes, true);
    add(artifacts_.firewall.not_understood, Layer::Firewall, false);
    for (const FirewallTable& table : artifacts_.firewall.tables)
      for (const FirewallChain& chain : table.chains)
        for (const FirewallRule& rule : chain.rules)
          if (!rule.understood)
            report_.unsupported.push_back(
                {rule.span, std::string(to_string(table.family)) + " " + table.name + " " + chain.name,
                 "has a rule with what is not understood, read in its worst way: " + rule.why_not});
  }

  void too_much(std::string what) {
    Finding finding;
    finding.rule = Rule::TooMuch;
    finding.effect = Verdict::Inconclusive;
    finding.message = std::move(what);
    finding.because.push_back({{}, "", "a bound of the verifier was met"});
    report_.findings.push_back(std::move(finding));
  }

  // Every subject and protocol is held by one layer that has it in scope (DESIGN §4, "Together").
  void together(const Evaluation& all, const WorstCases& worst) {
    Verdict verdict = Verdict::Proven;
    if (has_firewall_ || has_cluster_) {
      verdict = pods_held(all, worst);
      if (has_firewall_) verdict = worse(verdict, nodes_held());
    } else {
      for (const LayerReport& report : report_.layers)
        if (report.layer != Layer::Dns) verdict = worse(verdict, report.verdict);
    }
    if (const LayerReport* dns = layer(Layer::Dns)) {
      const bool alone = report_.layers.size() == 1;
      if (dns->verdict == Verdict::Violated || alone) verdict = worse(verdict, dns->verdict);
    }
    for (const Finding& finding : report_.findings) verdict = worse(verdict, finding.effect);
    if (in_doubt_) verdict = worse(verdict, Verdict::Inconclusive);
    if (nothing_judged()) {
      verdict = worse(verdict, Verdict::Inconclusive);
      Finding finding;
      finding.rule = Rule::NothingJudged;
      finding.effect = Verdict::Inconclusive;
      finding.message = artifacts_.recognised == 0 ? "nothing in the input was recognised"
                                                   : "the input has no workload, and no spec says which there are";
      finding.because.push_back({{}, "", "no artifact that could be judged"});
      finding.remedy = "give the rendered manifests or firewall rules, and --spec or --every-pod";
      report_.findings.push_back(std::move(finding));
    }
    report_.verdict = verdict;
  }

  bool nothing_judged() const {
    if (artifacts_.recognised == 0 || report_.layers.empty()) return true;
    return std::all_of(report_.layers.begin(), report_.layers.end(), [](const LayerReport& report) {
      return report.layer != Layer::Dns && report.layer != Layer::Firewall && report.workloads.empty();
    });
  }

  // What of a path's outside the firewall lets pods or nodes send, as destinations and services. An eBPF data plane
  // takes pods' packets past it.
  TrafficSet firewall_leak(Path path, Reading reading) const {
    const bool passed_by =
        path == Path::Forward && question_.policy && question_.policy->cluster.dataplane == Dataplane::Ebpf;
    if (!has_firewall_ || passed_by) return TrafficSet::of(~question_.inside, ServiceSet::all());
    const Ruleset& ruleset = artifacts_.firewall;
    PacketSet passed = passes(reading == Reading::Narrow ? with_patience(ruleset) : ruleset, path,
                              outside_packets(question_, path, true), reading)
                           .passed;
    for (const Shape& shape : shapes(question_, path)) passed = passed - shape.packets;
    return project_destinations(passed);
  }

  Verdict pods_held(const Evaluation& all, const WorstCases& worst) {
    const TrafficSet narrow = firewall_leak(Path::Forward, Reading::Narrow);
    const TrafficSet wide = firewall_leak(Path::Forward, Reading::Wide);
    if (!has_pods_ && !has_policies_ && !has_cluster_)
      return wide.empty() ? Verdict::Proven : narrow.empty() ? Verdict::Inconclusive : Verdict::Violated;
    std::optional<Declared> declared;
    if (question_.policy) declared.emplace(*question_.policy, all, question_.at);
    // Only a firewall has ICMP and other protocols in scope.
    const ServiceSet scope = has_firewall_ ? ServiceSet::all() : transport_services();
    Hole sent{"no layer holds what pods send to the outside: "};
    Hole opened{"no layer keeps sources outside from opening connections to pods, and replies leave: from "};
    for (std::size_t c = 0; c < all.classes().size(); ++c) {
      const WorkloadClass& pods = all.classes()[c];
      if (pods.host_network || !judged(pods)) continue;
      const auto policies = [&](Direction direction, Reading reading) {
        return reading == Reading::Narrow ? worst.surely(c, direction) : all.addresses(c, direction, reading);
      };
      const auto out = [&](const TrafficSet& firewall, Reading reading) {
        TrafficSet set =
            restrict(policies(Direction::Egress, reading) | beyond(firewall), ~question_.inside, scope) & firewall;
        return declared ? set - declared->exceptions(c, true) : set;
      };
      // A reply goes where the opener is: it is held where the firewall lets nothing go there.
      const auto in = [&](const TrafficSet& firewall, Reading reading) {
        return restrict(policies(Direction::Ingress, reading), ~question_.inside & firewall.addresses(),
                        transport_services());
      };
      note(sent, pods, out(narrow, Reading::Narrow), out(wide, Reading::Wide));
      note(opened, pods, in(narrow, Reading::Narrow), in(wide, Reading::Wide));
    }
    return worse(report(std::move(sent)), report(std::move(opened)));
  }

  struct Hole {
    std::string message;
    std::vector<std::string> workloads = {};
    TrafficSet sample = {};
    Verdict verdict = Verdict::Proven;
  };

  void note(Hole& hole, const WorkloadClass& pods, const TrafficSet& certain, const TrafficSet& possible) const {
    if (possible.empty()) return;
    const Verdict verdict = certain.empty() ? Verdict::Inconclusive : Verdict::Violated;
    if (hole.sample.empty() || verdict > hole.verdict) hole.sample = certain.empty() ? possible : certain;
    hole.verdict = worse(hole.verdict, verdict);
    for (const std::size_t w : pods.members) hole.workloads.push_back(name_of(artifacts_.cluster.workloads[w]));
  }

  // Where there is one layer alone its own findings say it already.
  Verdict report(Hole hole) {
    if (hole.workloads.empty() || report_.layers.size() < 2) return hole.verdict;
    Finding finding;
    describe_hole(hole.sample, finding);
    finding.workloads = std::move(hole.workloads);
    std::sort(finding.workloads.begin(), finding.workloads.end());
    finding.rule = Rule::HeldByNoLayer;
    finding.property = Property::Sealed;
    finding.effect = hole.verdict;
    finding.message = hole.message + finding.extent;
    finding.because.push_back(
        {{}, "", "every layer that has it in scope lets it through; their findings say by which rule"});
    report_.findings.push_back(std::move(finding));
    return hole.verdict;
  }

  // Protocols that the policies do not have in scope are the firewall's alone.
  static TrafficSet beyond(const TrafficSet& firewall) {
    return restrict(firewall, IpSet::all(), ~transport_services());
  }

  bool judged(const WorkloadClass& pods) const {
    return std::any_of(pods.members.begin(), pods.members.end(),
                       [&](std::size_t w) { return artifacts_.cluster.workloads[w].judged; });
  }

  static void describe_hole(const TrafficSet& hole, Finding& finding) {
    const std::optional<Sample> sample = smallest(hole);
    if (!sample) return;
    Packet packet;
    packet.destination = sample->address;
    packet.protocol = to_string(sample->protocol);
    if (transport_services().contains(sample->protocol, sample->selector)) packet.destination_port = sample->selector;
    finding.destination = to_string(sample->address);
    finding.protocol = packet.protocol;
    finding.port = packet.destination_port;
    finding.counterexample = packet;
    finding.extent = describe(hole);
  }

  Verdict nodes_held() {
    // Nothing but the firewall holds a node: its own verdict on output and egress is the verdict here.
    const LayerReport* firewall = layer(Layer::Firewall);
    Verdict verdict = Verdict::Proven;
    for (const Finding& finding : firewall->findings)
      if (finding.workloads != std::vector<std::string>{"pods"}) verdict = worse(verdict, finding.effect);
    return verdict;
  }

  void standing_assumptions(const Evaluation&) {
    std::vector<std::string>& texts = report_.assumptions;
    texts.push_back("what was read is deployed as it is, and enforced as it is written");
    if (question_.policy) {
      std::set<Layer> named;
      for (const RequestedTarget& target : question_.policy->targets)
        if (const std::optional<Layer> of = layer_of(target.id); of && !layer(*of) && named.insert(*of).second)
          texts.push_back("layer " + std::string(to_string(*of)) + " is enforced: the spec names target " +
                          std::string(to_string(target.id)) + ", and nothing of that layer is in the input");
    }
    const bool policies = layer(Layer::Kubernetes) || layer(Layer::Cluster);
    if (policies && !has_firewall_) {
      texts.push_back("nothing but TCP, UDP and SCTP leaves a pod: no layer in the input has other protocols in scope");
      texts.push_back("nodes and pods in their network send nothing out: no firewall is in the input");
      texts.push_back("a pod is held from its first instant: plugins enforce some time after its start");
    }
    if (policies) namespaces_of_tomorrow();
    for (const std::uint32_t source : artifacts_.ignored)
      texts.push_back(sources_.name(source) + " enforces nothing: it is no artifact that is known");
  }

  void namespaces_of_tomorrow() {
    if (has_firewall_ && layer(Layer::Firewall)->verdict == Verdict::Proven) return;  // knows no pods
    Cluster tomorrow;
    tomorrow.policies = artifacts_.cluster.policies;
    tomorrow.tiers = artifacts_.cluster.tiers;
    tomorrow.namespaces.push_back({std::string(kTomorrow), {{}, false}, false, {}});
    Workload pods;
    pods.ref = {"Pod", std::string(kTomorrow), "any", {}};
    pods.labels.complete = false;
    pods.symbolic = true;
    tomorrow.workloads.push_back(std::move(pods));
    const Evaluation evaluation(tomorrow, Scope::ClusterScoped, {}, {});
    const auto open = [&](Direction direction) {
      return restrict(evaluation.addresses(0, direction, Reading::Wide), ~question_.inside, transport_services());
    };
    if (open(Direction::Egress).empty()) {
      if (!open(Direction::Ingress).empty())
        report_.assumptions.push_back(
            "nobody outside opens a connection to a pod of tomorrow's namespaces: cluster-scoped policies hold what "
            "those "
            "pods open themselves, not their replies");
      return;
    }
    std::vector<std::string> names = judged_namespaces_;
    if (names.empty()) names = namespaces_with_pods();
    report_.assumptions.push_back("no pod runs in a namespace other than " + listed(names) +
                                  ": no cluster-scoped policy holds those of tomorrow");
    if (!question_.every_pod) {
      const std::vector<std::string> with_pods = namespaces_with_pods();
      for (const Namespace& ns : artifacts_.cluster.namespaces)
        if (ns.in_input && !std::binary_search(with_pods.begin(), with_pods.end(), ns.name))
          report_.assumptions.push_back("no pod runs in namespace " + ns.name + ", which was not judged");
    }
    if (!question_.every_pod)
      report_.assumptions.push_back("no pod runs but those of the input: --every-pod or --spec judges the others too");
  }

  std::vector<std::string> namespaces_with_pods() const {
    std::set<std::string> names;
    for (const Workload& pods : artifacts_.cluster.workloads) names.insert(pods.ref.ns);
    return {names.begin(), names.end()};
  }

  static std::optional<Layer> layer_of(TargetId id) {
    switch (id) {
      case TargetId::NetworkPolicy:
        return Layer::Kubernetes;
      case TargetId::ClusterNetworkPolicy:
      case TargetId::AdminNetworkPolicy:
      case TargetId::Cilium:
      case TargetId::Calico:
        return Layer::Cluster;
      case TargetId::Admission:
        return Layer::Admission;
      case TargetId::Nftables:
      case TargetId::Iptables:
      case TargetId::Tc:
        return Layer::Firewall;
      default:
        return Layer::Dns;
    }
  }

  void finish() {
    report_.inside = question_.inside_text;
    if (question_.policy)
      for (const Exception& exception : question_.policy->exceptions)
        if (question_.at <= exception.expires)
          report_.exceptions.push_back(to_string(exception.to) + " " + to_string(exception.services) + " from " +
                                       std::string(question_.policy->name_of(exception.from)) + ", " +
                                       exception.ticket + ", approved by " + exception.approved_by + ", until " +
                                       to_string(exception.expires));
    arrange(report_);
    reasons();
  }

  void reasons() {
    if (question_.policy && question_.policy->mode == Mode::PrivateVpc)
      report_.reasons.push_back("not fully air-gapped: the boundary's mode is private-vpc");
    if (report_.verdict == Verdict::Proven)
      for (const LayerReport& report : report_.layers)
        if (report.verdict != Verdict::Proven)
          report_.reasons.push_back("although layer " + std::string(to_string(report.layer)) + " alone is " +
                                    std::string(to_string(report.verdict)));
    if (report_.verdict != Verdict::Inconclusive) return;
    const auto add = [&](const Finding& finding) {
      if (finding.effect == Verdict::Inconclusive) report_.reasons.push_back(finding.message);
    };
    for (const Finding& finding : report_.findings) add(finding);
    for (const LayerReport& report : report_.layers)
      for (const Finding& finding : report.findings) add(finding);
    for (const NotUnderstood& unsupported : report_.unsupported)
      report_.reasons.push_back(unsupported.subject + " " + unsupported.message);
  }

  Artifacts& artifacts_;
  const Question& question_;
  const Sources& sources_;
  bool has_firewall_ = false, has_cluster_ = false, has_pods_ = false, has_policies_ = false;
  bool in_doubt_ = false;
  std::vector<std::string> judged_namespaces_;
  Report report_;
};

}  // namespace

Report judge(Artifacts& artifacts, const Question& question, const Sources& sources) {
  return Court(artifacts, question, sources).run();
}

}  // namespace airtight::verify
