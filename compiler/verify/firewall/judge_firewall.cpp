// The firewall layer: no packet to the outside leaves a node, whatever its state, on any path of the given chains
// (DESIGN §4). What the chains let through of the outside, less the shapes that leave by right, must be nothing.
#include <algorithm>
#include <set>
#include <utility>

#include "compiler/verify/firewall/leaving.h"
#include "compiler/verify/judge.h"
#include "compiler/verify/words.h"

namespace airtight::verify {
namespace {

constexpr std::size_t kMaxCauses = 32;

class Judge {
 public:
  Judge(const Ruleset& ruleset, const Question& question)
      : ruleset_(ruleset), patient_(with_patience(ruleset)), question_(question) {
    for (const FirewallTable& table : ruleset.tables)
      for (const FirewallChain& chain : table.chains) {
        // A listing names no device, so what its egress chains hold nobody knows.
        if (chain.hook == Hook::Egress && !ruleset.live_listing) has_egress_ = true;
        for (const FirewallRule& rule : chain.rules)
          for (const FirewallBranch& branch : rule.branches)
            if (branch.verdict.kind == FirewallVerdict::Kind::Translate && chain.hook != Hook::Postrouting)
              translates_ = true;
      }
  }

  LayerJudgement run() {
    LayerReport& report = result_.report;
    report.layer = Layer::Firewall;
    report.workloads = {"nodes", "pods"};
    report.sealed = path_sealed(Path::Output);
    if (question_.policy && question_.policy->cluster.dataplane == Dataplane::Ebpf) {
      report.workloads = {"nodes"};
      result_.assumptions.push_back(
          "the firewall is relied on for no pod: an eBPF data plane takes packets past it, and no tc filter is in the "
          "input");
    } else {
      report.sealed = worse(*report.sealed, path_sealed(Path::Forward));
    }
    if (has_egress_) report.sealed = worse(*report.sealed, egress_sealed());
    report.sealed = worse(*report.sealed, circumstances());
    if (question_.policy) report.complete = complete();
    report.verdict = *report.sealed;
    assume();
    return std::move(result_);
  }

 private:
  const Ruleset& read_as(Reading reading) const { return reading == Reading::Narrow ? patient_ : ruleset_; }

  // What of the outside passes the path, less what leaves by right.
  PacketSet leak(Path path, Reading reading) {
    // Output for the loopback device does not leave, unless a translation sends it elsewhere afterwards.
    PacketSet outside = outside_packets(question_, path, !translates_);
    if (const std::optional<u128> family = only_family()) {
      Box box;
      (void)box.constrain(Field::EtherType, Values::of(*family));
      outside = outside & PacketSet::of(std::move(box));
    }
    PacketSet passed = passes(read_as(reading), path, outside, reading).passed;
    for (const Shape& shape : shapes(question_, path)) passed = passed - shape.packets;
    return passed;
  }

  // The EtherType of the one family that a dump of iptables shows; the other is unknown, not open.
  std::optional<u128> only_family() const {
    if (ruleset_.has_v4_iptables == ruleset_.has_v6_iptables) return std::nullopt;
    const TableFamily other = ruleset_.has_v4_iptables ? TableFamily::Ip6 : TableFamily::Ip;
    for (const FirewallTable& table : ruleset_.tables)
      if (table.family == other || table.family == TableFamily::Inet) return std::nullopt;
    return ruleset_.has_v4_iptables ? 0x0800 : 0x86dd;
  }

  Verdict path_sealed(Path path) {
    const PathResult any = passes(ruleset_, path, PacketSet(), Reading::Wide);
    if (any.held_by_nothing) {
      Finding finding = about(path, Verdict::Violated);
      finding.rule = Rule::HeldByNoLayer;
      finding.message = "nothing holds what " + subject(path) + (path == Path::Forward ? " send" : " sends") +
                        " to the outside: no base chain that sees where packets go is on the " +
                        std::string(to_string(path)) + " path";
      finding.because.push_back({{}, "", "no base chain of type filter on hook " + std::string(to_string(path))});
      finding.extent = describe(~question_.inside) + ", any protocol";
      sample(leak(path, Reading::Wide), finding);
      result_.report.findings.push_back(std::move(finding));
      return Verdict::Violated;
    }
    const PacketSet wide = leak(path, Reading::Wide);
    if (wide.empty()) return Verdict::Proven;
    const PacketSet narrow = leak(path, Reading::Narrow);
    if (narrow.empty()) return causes(path, wide, Reading::Wide, Verdict::Inconclusive);
    return causes(path, narrow, Reading::Narrow, Verdict::Violated);
  }

  Verdict egress_sealed() {
    const PacketSet wide = leak(Path::Egress, Reading::Wide);
    if (wide.empty()) return missing_uplinks();
    const PacketSet narrow = leak(Path::Egress, Reading::Narrow);
    const Verdict verdict = narrow.empty() ? causes(Path::Egress, wide, Reading::Wide, Verdict::Inconclusive)
                                           : causes(Path::Egress, narrow, Reading::Narrow, Verdict::Violated);
    return worse(verdict, missing_uplinks());
  }

  // One finding for each rule that lets something through.
  Verdict causes(Path path, PacketSet left, Reading reading, Verdict effect) {
    if (left.too_many()) effect = Verdict::Inconclusive;
    for (std::size_t n = 0; !left.empty() && n < kMaxCauses; ++n) {
      const Box packet = smallest(left.boxes().front());
      const FirewallDecision decision = decide(read_as(reading), path, packet, reading);
      // Boxes that the same rule lets through are one cause.
      PacketSet same;
      PacketSet rest;
      for (const Box& box : left.boxes()) {
        const FirewallDecision other = decide(read_as(reading), path, smallest(box), reading);
        const bool equal = !other.steps.empty() && !decision.steps.empty() &&
                           other.steps.back().where == decision.steps.back().where &&
                           other.steps.back().text == decision.steps.back().text;
        (equal || &box == &left.boxes().front() ? same : rest) |= PacketSet::of(box);
      }
      Finding finding = about(path, effect);
      finding.rule = rule_for(path, same, decision);
      finding.extent = describe(same);
      sample(same, finding);
      for (const FirewallStep& step : decision.steps)
        if (&step == &decision.steps.back()) finding.because.push_back({step.where, step.text, ""});
      if (finding.because.empty()) finding.because.push_back({{}, "", "no rule drops it"});
      finding.message = subject(path) + " may send to the outside: " + finding.extent;
      if (effect == Verdict::Inconclusive)
        finding.message +=
            left.too_many() ? ", as far as could be computed" : ", as far as what was not understood goes";
      result_.report.findings.push_back(std::move(finding));
      left = rest;
    }
    return effect;
  }

  static Rule rule_for(Path path, const PacketSet& packets, const FirewallDecision&) {
    const Box& box = packets.boxes().front();
    if (path == Path::Egress && !box.is_free(Field::SkbProtocol)) return Rule::SpoofableFrameType;
    if (!box.is_free(Field::Mark) && path != Path::Egress) return Rule::SocketMark;
    if (!box.is_free(Field::State) && !box.values(Field::State).contains(static_cast<u128>(StateValue::New)))
      return Rule::StatefulAccept;
    return Rule::NotSealed;
  }

  static std::string subject(Path path) {
    switch (path) {
      case Path::Output:
        return "the node";
      case Path::Forward:
        return "pods";
      case Path::Egress:
        return "a raw sender";
    }
    return "";
  }

  static Finding about(Path path, Verdict effect) {
    Finding finding;
    finding.property = Property::Sealed;
    finding.effect = effect;
    finding.workloads = {path == Path::Forward ? "pods" : "nodes"};
    return finding;
  }

  // The smallest packet of the set, in the words of the contract.
  void sample(const PacketSet& set, Finding& finding) const {
    if (set.empty()) return;
    const Box box = smallest(set);
    Packet packet;
    const auto value = [&](Field field) { return box.values(field).intervals().front().first; };
    const u128 type = value(Field::EtherType);
    if (type == 0x0800) {
      packet.destination = Ip::v4(static_cast<std::uint32_t>(value(Field::Ip4Destination)));
      if (!box.is_free(Field::Ip4Source)) packet.source = Ip::v4(static_cast<std::uint32_t>(value(Field::Ip4Source)));
    } else if (type == 0x86dd) {
      packet.destination = Ip::v6(value(Field::Ip6Destination));
      if (!box.is_free(Field::Ip6Source)) packet.source = Ip::v6(value(Field::Ip6Source));
    }
    packet.protocol = protocol_text(box, type);
    const bool ported = packet.protocol == "tcp" || packet.protocol == "udp" || packet.protocol == "sctp";
    // A later fragment has no ports.
    if (ported && value(Field::DestinationPort) != kAbsent)
      packet.destination_port = static_cast<std::uint16_t>(value(Field::DestinationPort));
    if (ported && !box.is_free(Field::SourcePort) && value(Field::SourcePort) != kAbsent)
      packet.source_port = static_cast<std::uint16_t>(value(Field::SourcePort));
    if (!box.is_free(Field::State)) packet.state = state_text(value(Field::State));
    finding.destination = packet.destination ? to_string(*packet.destination) : "frame";
    finding.protocol = packet.protocol;
    finding.port = packet.destination_port;
    finding.counterexample = packet;
  }

  static std::string protocol_text(const Box& box, u128 type) {
    if (type != 0x0800 && type != 0x86dd) {
      static constexpr std::string_view kDigits = "0123456789abcdef";
      std::string text = "EtherType 0x";
      for (int shift = 12; shift >= 0; shift -= 4) text += kDigits[static_cast<std::size_t>(type >> shift & 15)];
      return text;
    }
    const u128 number = box.values(Field::Protocol).intervals().front().first;
    if (number == 6) return "tcp";
    if (number == 17) return "udp";
    if (number == 132) return "sctp";
    if (number == 1 && type == 0x0800) return "icmp";
    if (number == 58 && type == 0x86dd) return "icmpv6";
    return "protocol " + std::to_string(static_cast<unsigned>(number));
  }

  static std::string state_text(u128 state) {
    static constexpr std::string_view kNames[] = {"invalid", "new", "established", "related", "untracked"};
    return std::string(kNames[static_cast<std::size_t>(state)]);
  }

  // Uplinks of the policy that no egress chain is bound to. A pattern is bound on the node, by the apply script.
  Verdict missing_uplinks() {
    if (!question_.policy) return Verdict::Proven;
    Values bound;
    for (const FirewallTable& table : ruleset_.tables)
      for (const FirewallChain& chain : table.chains)
        if (chain.hook == Hook::Egress)
          for (const std::string& device : chain.devices) bound |= interface_values(device);
    Verdict verdict = Verdict::Proven;
    for (const std::string& uplink : question_.policy->cluster.uplinks) {
      if (interface_values(uplink).subset_of(bound)) continue;
      if (!uplink.empty() && uplink.back() == '*') {
        result_.assumptions.push_back("every interface that matches " + uplink + " was bound to an egress chain");
        continue;
      }
      Finding finding = about(Path::Egress, ruleset_.live_listing ? Verdict::Proven : Verdict::Inconclusive);
      finding.rule = Rule::EgressHoldsNoDevice;
      finding.destination = uplink;
      finding.message = "no egress chain is bound to the uplink " + uplink + ", so raw senders on it are not held";
      finding.because.push_back({{}, "", "no chain of a netdev table names device " + uplink});
      if (ruleset_.live_listing) {
        result_.assumptions.push_back("no raw sender is on " + uplink + ": a listing names no device");
        continue;
      }
      verdict = Verdict::Inconclusive;
      result_.report.findings.push_back(std::move(finding));
    }
    return verdict;
  }

  // Things that later or beside the check change where a packet goes.
  Verdict circumstances() {
    Verdict verdict = Verdict::Proven;
    const auto found = [&](Rule rule, Span where, std::string object, std::string message, Verdict effect) {
      Finding finding;
      finding.rule = rule;
      finding.effect = effect;
      finding.because.push_back({where, std::move(object), ""});
      finding.message = std::move(message);
      verdict = worse(verdict, effect);
      result_.report.findings.push_back(std::move(finding));
    };
    for (const FirewallTable& table : ruleset_.tables)
      for (const FirewallChain& chain : table.chains)
        for (const FirewallRule& rule : chain.rules) {
          const std::string object =
              "table " + std::string(to_string(table.family)) + " " + table.name + ", chain " + chain.name;
          for (const FirewallBranch& branch : rule.branches)
            if (branch.verdict.kind == FirewallVerdict::Kind::Elsewhere)
              found(Rule::AroundTheCheck, rule.span, object,
                    branch.verdict.text + " takes packets where no later rule sees them", Verdict::Inconclusive);
          // What a rule writes into the packet on its way out no check of sets has seen; before routing all checks do.
          const bool on_the_way =
              chain.hook != Hook::Prerouting && chain.hook != Hook::Ingress && chain.hook != Hook::Input;
          if (rule.rewrites && on_the_way)
            found(Rule::TranslationAfterCheck, rule.span, object,
                  rule.rewrite_text + " changes the packet on its way out", Verdict::Inconclusive);
        }
    for (const Remark& remark : ruleset_.remarks)
      found(remark.rule, remark.where, remark.object, remark.message, Verdict::Proven);
    if (!ruleset_.not_understood.empty()) verdict = worse(verdict, Verdict::Inconclusive);
    if (only_family())
      found(Rule::OneFamilyOnly, {}, ruleset_.has_v4_iptables ? "iptables-save" : "ip6tables-save",
            std::string("is given without the other family's: IPv") + (ruleset_.has_v4_iptables ? "6" : "4") +
                " is held by nothing that can be seen",
            Verdict::Inconclusive);
    return verdict;
  }

  // Nobody knows by which uplink a flow leaves: each of them must let it. The egress chains of each device alone.
  const std::vector<Ruleset>& one_device_each() {
    if (!by_device_.empty()) return by_device_;
    std::set<std::string> devices;
    for (const FirewallTable& table : ruleset_.tables)
      for (const FirewallChain& chain : table.chains)
        if (chain.hook == Hook::Egress) devices.insert(chain.devices.begin(), chain.devices.end());
    for (const std::string& device : devices) {
      Ruleset& one = by_device_.emplace_back();
      for (const FirewallTable& table : ruleset_.tables) {
        if (table.family != TableFamily::Netdev) continue;
        FirewallTable& copy = one.tables.emplace_back(table);
        const auto elsewhere = [&](const FirewallChain& chain) {
          return chain.hook != Hook::None &&
                 std::find(chain.devices.begin(), chain.devices.end(), device) == chain.devices.end();
        };
        copy.chains.erase(std::remove_if(copy.chains.begin(), copy.chains.end(), elsewhere), copy.chains.end());
      }
    }
    return by_device_;
  }

  Verdict complete() {
    Verdict verdict = Verdict::Proven;
    for (const Flow& flow : question_.policy->flows)
      for (const Path path : {Path::Output, Path::Forward, Path::Egress}) {
        if (path == Path::Egress && !has_egress_) continue;
        const PacketSet wanted = flow_packets(question_, flow, path) | reply_packets(question_, flow, path);
        if (wanted.empty()) continue;
        const Ruleset* stopping = &ruleset_;
        PacketSet missing;
        bool bounded = true;
        const auto ask = [&](const Ruleset& rules) {
          const PacketSet passed = passes(rules, path, wanted, Reading::Narrow).passed;
          bounded = bounded && !passed.too_many();
          if (!bounded || !missing.empty()) return;
          missing = wanted - passed;
          if (!missing.empty()) stopping = &rules;
        };
        if (path == Path::Egress)
          for (const Ruleset& device : one_device_each()) ask(device);
        else
          ask(ruleset_);
        if (!bounded) verdict = worse(verdict, Verdict::Inconclusive);
        if (missing.empty()) continue;
        Finding finding;
        finding.rule = Rule::Incomplete;
        finding.property = Property::Complete;
        finding.workloads = {std::string(question_.policy->name_of(flow.from))};
        sample(missing, finding);
        const FirewallDecision decision = decide(*stopping, path, smallest(missing.boxes().front()), Reading::Narrow);
        if (!decision.steps.empty())
          finding.because.push_back({decision.steps.back().where, decision.steps.back().text, ""});
        else
          finding.because.push_back({{}, "", "no rule accepts it"});
        finding.extent = describe(missing);
        finding.message = "flow " + std::string(question_.policy->name_of(flow.from)) + " to " +
                          std::string(question_.policy->name_of(flow.to)) + " (" + to_string(flow.origin) +
                          ") is not let through on the " + std::string(to_string(path)) + " path";
        result_.report.findings.push_back(std::move(finding));
        verdict = Verdict::Violated;
      }
    return verdict;
  }

  void assume() {
    if (has_egress_)
      result_.assumptions.push_back(
          "every interface that leads out is bound to an egress chain: those of the input hold " + devices());
    else if (ruleset_.live_listing)
      result_.assumptions.push_back(
          "no raw sender is on the nodes: a listing names no device, so its egress chains are not credited");
    else
      result_.assumptions.push_back("no raw sender is on the nodes: no egress chain is in the input");
    early_checks();
    std::set<std::string> texts;
    for (const Path path : {Path::Output, Path::Forward, Path::Egress}) {
      if (path == Path::Egress && !has_egress_) continue;
      for (const Shape& shape : shapes(question_, path))
        if (!passes(ruleset_, path, shape.packets & outside_packets(question_, path, false), Reading::Wide)
                 .passed.empty())
          texts.insert(shape.what);
    }
    for (const std::string& text : texts) result_.assumptions.push_back("may leave all the same: " + text);
    if (drops_nothing_routed())
      result_.assumptions.push_back("no packet carries an IPv4 source route or an IPv6 routing header past the nodes");
  }

  std::string devices() const {
    std::set<std::string> names;
    for (const FirewallTable& table : ruleset_.tables)
      for (const FirewallChain& chain : table.chains)
        if (chain.hook == Hook::Egress) names.insert(chain.devices.begin(), chain.devices.end());
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text.empty() ? "none" : text;
  }

  // Whether everything that is destined outside passes the chain: then nothing rests on it.
  bool drops_nothing(const FirewallTable& table, const FirewallChain& chain) const {
    const PacketSet outside = outside_packets(question_, Path::Output, false);
    return (outside - passes(table, chain, outside, Reading::Wide)).empty();
  }

  // A check before the kernel translates destinations sees the address that was asked for, not the one that is sent to.
  void early_checks() {
    for (const FirewallTable& table : ruleset_.tables)
      for (const FirewallChain& chain : table.chains)
        if ((chain.hook == Hook::Prerouting || chain.hook == Hook::Output) && chain.priority <= -100 &&
            chain.type == "filter" && !drops_nothing(table, chain))
          result_.assumptions.push_back("nothing translates destinations behind the check of chain " + chain.name +
                                        " of table " + std::string(to_string(table.family)) + " " + table.name +
                                        ", which stands before priority -100, where kube-proxy does");
  }

  // Whether source-routed packets to an inside address pass: then another address is where they go.
  bool drops_nothing_routed() const {
    Box v4;
    Box v6;
    (void)v4.constrain(Field::Ip4SourceRoute, Values::of(1));
    (void)v6.constrain(Field::Ip6Routing, Values::of(1));
    const PacketSet routed = PacketSet::of(v4) | PacketSet::of(v6);
    const PacketSet inside = routed & PacketSet::destined(question_.inside, ServiceSet::all());
    for (const Path path : {Path::Output, Path::Forward, Path::Egress})
      if ((path != Path::Egress || has_egress_) && !passes(ruleset_, path, inside, Reading::Wide).passed.empty())
        return true;
    return false;
  }

  const Ruleset& ruleset_;
  const Ruleset patient_;
  const Question& question_;
  bool has_egress_ = false;
  bool translates_ = false;
  std::vector<Ruleset> by_device_;
  LayerJudgement result_;
};

}  // namespace

LayerJudgement judge_firewall(const Ruleset& ruleset, const Question& question) {
  return Judge(ruleset, question).run();
}

}  // namespace airtight::verify
