// The dns layer (DESIGN §4): which names a resolver asks, and which addresses it answers.
// What would be an upstream is violated if it may be asked, and inconclusive if only one other part of the
// configuration holds it: that part was measured, but nothing stands behind it.
#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/verify/dns/name_words.h"
#include "compiler/verify/dns/resolver_gaps.h"
#include "compiler/verify/dns/resolver_view.h"
#include "compiler/verify/judge.h"
#include "compiler/verify/words.h"

namespace airtight::verify {
namespace {

constexpr std::uint16_t kDnsPort = 53;

class ResolverJudge {
 public:
  ResolverJudge(const ResolverView& view, const Question& question, LayerJudgement& out)
      : view_(view),
        conf_(view.configuration),
        policy_(question.policy),
        at_(question.at),
        out_(out),
        outside_(~question.inside) {
    IpSet excepted;
    if (policy_ != nullptr) {
      for (const Exception& e : policy_->exceptions) {
        if (!(e.expires < question.at)) excepted |= IpSet::of(e.to);
      }
    }
    never_answered_ = outside_ - excepted - mapped_ipv4();
    inside_names_ = policy_ != nullptr ? policy_->inside_names : names_taken_for_inside();
    outside_names_ = ~inside_names_ - DomainSet::exactly(Domain::root());
  }

  void judge() {
    root();
    if (conf_.recursion) {
      global_forwarders();
      for (const Forwarding& each : view_.forwarding) forward_zone(each);
      delegations();
    }
    remote_zones();
    local_names();
    policy_zones();
    answers();
    if (policy_ != nullptr) complete();
    assumptions();
  }
  Verdict complete_verdict() const { return complete_; }

 private:
  Finding& add(Rule rule, Verdict effect, std::string message, Span where, std::string object,
               std::string absent = {}) {
    Finding finding;
    finding.rule = rule;
    finding.property = Property::Sealed;
    finding.effect = effect;
    finding.workloads = {view_.name};
    finding.protocol = "dns";
    finding.message = std::move(message);
    if (where.known()) finding.because.push_back({where, std::move(object), {}});
    if (!absent.empty()) finding.because.push_back({{}, {}, std::move(absent)});
    out_.report.findings.push_back(std::move(finding));
    return out_.report.findings.back();
  }
  void with_name(Finding& finding, const DomainSet& names) {
    finding.destination = to_string(smallest_name(names));
    finding.extent = describe(names);
    Packet packet;
    packet.protocol = "A";
    packet.destination_port = kDnsPort;
    finding.counterexample = packet;
  }
  void with_address(Finding& finding, Ip address, std::string_view protocol) {
    finding.destination = to_string(address);
    finding.counterexample = Packet{};
    finding.counterexample->destination = address;
    finding.counterexample->protocol = protocol;
    finding.counterexample->destination_port = kDnsPort;
  }
  void answers_with(Finding& finding, Ip address) {
    finding.destination = to_string(address);
    finding.protocol = address.is_v4() ? "A" : "AAAA";
    finding.counterexample = Packet{};
    finding.counterexample->destination = address;
    finding.counterexample->protocol = finding.protocol;
  }

  // What is absent may stand in what was not understood.
  Verdict for_absence() const { return conf_.whole ? Verdict::Violated : Verdict::Inconclusive; }
  Verdict if_asked(Ip address) const {
    return view_.askable.contains(address) ? Verdict::Violated : Verdict::Inconclusive;
  }
  // What the policy zones would hold if all of them were known.
  Verdict by_policy() const { return view_.policy_certain && conf_.whole ? Verdict::Violated : Verdict::Inconclusive; }
  bool root_is_sealed() const {
    return view_.root != nullptr && view_.root->refused.empty() && !view_.root->file->policy_zone;
  }

  // A delegation to servers inside itself can never be followed: it is how a name server is kept without address.
  static bool is_loop(const Delegation& delegation) {
    return !delegation.servers.empty() &&
           std::all_of(delegation.servers.begin(), delegation.servers.end(),
                       [&](const Domain& server) { return server.is_within(delegation.name); });
  }

  // Without a policy: what the configuration forwards or holds.
  DomainSet names_taken_for_inside() {
    std::vector<Domain> names;
    const auto take = [&](std::string_view text) {
      const std::optional<Domain> name = Domain::parse(text);
      if (name && !name->is_root()) names.push_back(*name);
    };
    for (const ForwardZone& zone : conf_.forward_zones) take(zone.name);
    for (const LoadedZone& zone : view_.zones) {
      if (zone.file == nullptr || !zone.file->policy_zone) take(zone.configured->name);
    }
    if (root_is_sealed()) {
      for (const Delegation& delegation : view_.root->file->delegations) {
        if (!is_loop(delegation)) names.push_back(delegation.name);
      }
    }
    const DomainSet set = DomainSet::from_suffixes(names);
    std::vector<std::string> texts;
    for (const DomainSet::Node& node : set.nodes()) texts.push_back(to_string(node.name));
    if (!texts.empty()) {
      std::string all;
      for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + text;
      out_.assumptions.push_back("names at and below the zones of " + view_.name + " are inside names: " + all);
    }
    return set;
  }

  // ---- who is asked

  void root() {
    if (!conf_.recursion) return;
    const bool locked = !outside_.intersects(view_.askable);
    const auto worst = [&](Verdict v) { return locked ? Verdict::Inconclusive : v; };
    if (view_.hint != nullptr) {
      Finding& f = add(Rule::Upstream, worst(Verdict::Violated),
                       "root hints: names that no zone holds are asked of the servers in them",
                       view_.hint->configured->where, "zone \".\" of type hint");
      with_name(f, outside_names_);
      f.remedy = "make the zone \".\" a primary zone with the sealed root";
      if (view_.hint->file != nullptr && !view_.hint->file->addresses.empty()) {
        const auto& [ip, where] = view_.hint->file->addresses.front();
        f.because.push_back({where, "the first address in the hints, " + to_string(ip), {}});
      }
      return;
    }
    if (view_.root == nullptr) {
      const bool remote =
          std::any_of(conf_.zones.begin(), conf_.zones.end(), [](const ConfiguredZone& z) { return z.name == "."; });
      if (remote) return;  // said by remote_zones
      Finding& f = add(Rule::Upstream, worst(for_absence()),
                       "no sealed root: names that no zone holds are asked of the public root servers", conf_.span,
                       "resolver configuration", "no zone \".\" of type primary");
      with_name(f, outside_names_);
      f.remedy = "add the sealed root as zone \".\" of type primary";
      return;
    }
    const LoadedZone& root = *view_.root;
    if (!root.refused.empty() || root.file->policy_zone) {
      const bool certain = root.certain && root.refused.size() > 0;
      Finding& f = add(Rule::Upstream, certain ? worst(Verdict::Violated) : Verdict::Inconclusive,
                       "the root cannot be taken for sealed: " +
                           (root.refused.empty() ? std::string("its file is a response policy zone") : root.refused),
                       root.configured->where, "zone \".\"");
      with_name(f, outside_names_);
      return;
    }
    for (const auto& [ip, where] : root.file->addresses) {
      const bool outside = outside_.contains(ip);
      Finding& f = add(Rule::Upstream, outside ? if_asked(ip) : Verdict::Inconclusive,
                       std::string("the root holds an ") + (outside ? "outside" : "inside") +
                           " address, so a name server that it delegates to may be found",
                       where, "zone \".\", address record");
      with_address(f, ip, "A");
      f.remedy = "a sealed root has no address";
    }
  }

  void global_forwarders() {
    const DomainSet asked = view_.iterated - view_.refused_early;
    const DomainSet outside = asked & outside_names_;
    for (const auto& [ip, where] : view_.global) {
      const bool leaves = outside_.contains(ip) ? !asked.empty() : !outside.empty();
      Finding& f = add(Rule::Upstream, leaves ? if_asked(ip) : Verdict::Inconclusive,
                       std::string("a forwarder for every name") +
                           (leaves ? if_asked(ip) == Verdict::Violated ? "" : ", held by a server statement only"
                                   : ", held by the zones of this configuration only"),
                       where, "forwarders");
      with_address(f, ip, "A");
      if (!outside.empty()) f.extent = describe(outside);
      f.remedy = "forward inside zones only, each by a zone of type forward";
    }
  }

  void forward_zone(const Forwarding& each) {
    const ForwardZone& zone = *each.zone;
    const std::string object = "zone \"" + zone.name + "\", forwarders";
    const bool asked = !(each.names - view_.refused_early).empty();
    for (const auto& [ip, where] : zone.forwarders) {
      if (!outside_.contains(ip)) continue;
      const Verdict effect = asked ? if_asked(ip) : Verdict::Inconclusive;
      Finding& f = add(Rule::Upstream, effect,
                       "zone " + quoted(zone.name) + " is forwarded to an outside address" +
                           (effect == Verdict::Violated ? ""
                            : asked                     ? ", held by a server statement only"
                                                        : ", held by other zones only"),
                       where, object);
      with_address(f, ip, "A");
    }
    if (zone.forwarders.empty()) return;
    const DomainSet outside = each.names & outside_names_;
    if (const DomainSet open = outside - view_.names.refused; !open.empty()) {
      Finding& f = add(Rule::OutsideName, by_policy(),
                       "an outside name is asked of the forwarders of zone " + quoted(zone.name) + " and answered",
                       zone.where, object, "no policy zone refuses it");
      with_name(f, open);
      return;
    }
    const std::optional<Domain> name = Domain::parse(zone.name);
    if (!name) {
      add(Rule::FieldNotUnderstood, Verdict::Inconclusive, "the zone " + quoted(zone.name) + " is not understood",
          zone.where, object);
    } else if (!DomainSet::below(*name).intersects(inside_names_)) {
      add(Rule::OutsideName, Verdict::Inconclusive,
          "zone " + quoted(zone.name) + " is forwarded and holds no inside name; only other zones hold it", zone.where,
          object)
          .destination = zone.name;
    } else if (const DomainSet late = outside - view_.refused_early; !late.empty()) {
      Finding& f =
          add(Rule::OutsideName, Verdict::Proven,
              "a denied name is asked of the forwarders of zone " + quoted(zone.name) + " before it is refused",
              conf_.policy_span, "response-policy");
      f.property.reset();
      with_name(f, late);
      f.remedy = "say qname-wait-recurse no, and list zones of names before zones of addresses";
    }
  }

  // Delegations that lead somewhere. One to a name server without an address leads nowhere.
  void delegations() {
    if (!view_.global.empty()) return;  // said by global_forwarders
    for (const Delegation* delegation : view_.alive) {
      const DomainSet names = (DomainSet::below(delegation->name) & view_.iterated) - view_.refused_early;
      if (names.empty()) continue;
      const DomainSet outside = names & outside_names_;
      const bool leaves = !outside.empty() && outside_.intersects(view_.askable);
      Finding& f = add(Rule::Upstream, leaves ? Verdict::Violated : Verdict::Inconclusive,
                       "a name server that may have any address is asked for " + quoted(to_string(delegation->name)) +
                           " and what is below it",
                       delegation->where, "delegation of " + to_string(delegation->name));
      with_name(f, outside.empty() ? names : outside);
    }
    if (policy_ == nullptr || !root_is_sealed()) return;
    for (const Delegation& delegation : view_.root->file->delegations) {
      if (DomainSet::below(delegation.name).intersects(inside_names_)) continue;
      if (is_loop(delegation) || std::find(view_.alive.begin(), view_.alive.end(), &delegation) != view_.alive.end())
        continue;
      Finding& f = add(Rule::Upstream, Verdict::Inconclusive,
                       "the root delegates an outside name, held only because its name server has no address",
                       delegation.where, "delegation of " + to_string(delegation.name));
      f.destination = to_string(delegation.name);
      f.extent = to_string(delegation.name) + " and all below it";
    }
  }

  void remote_zones() {
    for (const ConfiguredZone& zone : conf_.zones) {
      if (zone.type == "primary" || zone.type == "hint") continue;
      const bool copied =
          zone.type == "secondary" || zone.type == "stub" || zone.type == "static-stub" || zone.type == "mirror";
      const std::string object = "zone \"" + zone.name + "\" of type " + (zone.type.empty() ? "none" : zone.type);
      const auto outside = std::find_if(zone.servers.begin(), zone.servers.end(),
                                        [&](const auto& server) { return outside_.contains(server.first); });
      if (outside == zone.servers.end()) {
        const bool public_root = zone.type == "mirror" && zone.name == "." && zone.servers.empty();
        Finding& f = add(public_root ? Rule::Upstream : Rule::FieldNotUnderstood,
                         public_root && outside_.intersects(view_.askable) ? Verdict::Violated : Verdict::Inconclusive,
                         public_root ? "the root is copied from the public root servers"
                         : copied    ? "what the zone holds comes from another server, so it is not in the input"
                                     : "a zone of this type is not understood",
                         zone.where, object);
        f.destination = zone.name;
        continue;
      }
      Finding& f = add(Rule::Upstream, if_asked(outside->first),
                       "the zone is asked of, or copied from, an outside address", outside->second, object);
      with_address(f, outside->first, "SOA");
    }
  }

  // ---- what is answered

  void local_names() {
    const DomainSet open = (view_.data & outside_names_) - view_.names.refused;
    if (open.empty()) return;
    const Domain name = smallest_name(open);
    Span where = conf_.span;
    std::string object = "resolver configuration";
    for (const LoadedZone& zone : view_.zones) {
      const std::optional<Domain> zone_name = Domain::parse(zone.configured->name);
      if (!zone_name || !zone.refused.empty() || !name.is_within(*zone_name)) continue;
      where = zone.configured->where;
      object = "zone \"" + zone.configured->name + "\"";
    }
    with_name(add(Rule::OutsideName, by_policy(), "an outside name is answered from a zone of this server", where,
                  object, "no policy zone refuses it"),
              open);
  }

  void policy_zones() {
    for (const std::string& doubt : view_.policy_doubts) {
      add(Rule::ZoneNotUsed, Verdict::Inconclusive, doubt, conf_.policy_span, "response-policy");
    }
    std::vector<std::string> placeholders;
    std::vector<Domain> placeholder_names;
    for (const PolicyZone& zone : view_.policy) {
      for (const RpzTrigger& trigger : zone.file->triggers) {
        if (!trigger.address && trigger.understood && trigger.action == RpzAction::Passthru &&
            trigger.owner[0] == '_') {
          placeholders.push_back(trigger.owner);
          if (std::optional<Domain> name = Domain::parse(trigger.owner)) placeholder_names.push_back(std::move(*name));
        }
        if (trigger.understood || trigger.action == RpzAction::NxDomain || trigger.action == RpzAction::NoData ||
            trigger.action == RpzAction::Drop) {
          continue;
        }
        add(Rule::RuleNotUnderstood, Verdict::Inconclusive,
            "trigger " + quoted(trigger.owner) + " lets something through and is not understood", trigger.where,
            "policy zone " + zone.use->name);
      }
      for (const auto& [ip, where] : zone.file->addresses) {
        if (!never_answered_.contains(ip)) continue;
        answers_with(add(Rule::OutsideAnswer, Verdict::Violated, "a policy zone answers with an outside address", where,
                         "policy zone " + zone.use->name),
                     ip);
      }
    }
    const DomainSet kept = DomainSet::from_names(placeholder_names);
    if (!(kept & view_.answerable).empty()) {
      out_.assumptions.push_back(
          "no inside server gives an address or an alias to a name that is no host name and only keeps a "
          "place in a policy zone: " +
          shown(placeholders));
    }
    passed(view_.names.passed - kept);
    replaced();
    if (policy_ != nullptr && root_is_sealed()) {
      const DomainSet rest = outside_names_ - view_.names.refused - view_.answerable;
      if (rest.empty()) return;
      Finding& f = add(Rule::OutsideName, Verdict::Proven,
                       "no policy zone refuses every outside name: only the sealed root does", conf_.policy_span,
                       "response-policy", conf_.response_policy.empty() ? "no response-policy" : "");
      with_name(f, rest);
      f.counterexample.reset();
    }
  }

  // BIND looks at nothing behind a name that passed: neither at the rest of an alias nor at the addresses.
  void passed(const DomainSet& names) {
    const DomainSet open = names & view_.answerable;
    if (open.empty()) return;
    const Domain name = smallest_name(open);
    std::size_t zone = 0;
    while (zone + 1 < view_.policy.size() && !view_.policy[zone].names.passed.contains(name)) ++zone;
    const bool before = std::any_of(view_.policy.begin() + static_cast<std::ptrdiff_t>(zone) + 1, view_.policy.end(),
                                    [](const PolicyZone& z) { return !z.addresses.refused.empty(); });
    const PolicyZone& passing = view_.policy[zone];
    Span where = passing.use->where;
    for (const RpzTrigger& trigger : passing.file->triggers) {
      const std::string_view owner = trigger.owner;
      const std::optional<Domain> of = trigger.address ? std::nullopt
                                                       : Domain::parse(owner.substr(0, 2) == "*." ? owner.substr(2)
                                                                       : owner == "*"             ? "."
                                                                                                  : owner);
      const bool passes = trigger.action == RpzAction::Passthru || trigger.action == RpzAction::TcpOnly;
      if (of && passes && name.is_within(*of)) where = trigger.where;
    }
    Finding& f = add(before ? Rule::ZoneOrder : Rule::OutsideAnswer, Verdict::Violated,
                     before ? "names pass in policy zone " + passing.use->name +
                                  ", and BIND looks at no zone of addresses behind it for them"
                            : "names pass in policy zone " + passing.use->name +
                                  ", and BIND does not look at what an alias of theirs leads to",
                     where, "policy zone " + passing.use->name);
    with_name(f, open);
    f.remedy = "let a name pass by having no trigger for it";
  }

  void replaced() {
    const DomainSet outside = view_.names.replaced & outside_names_;
    const DomainSet inside = view_.names.replaced & inside_names_;
    if (!outside.empty() && policy_ != nullptr) {
      with_name(add(Rule::OutsideName, Verdict::Violated, "a policy zone answers an outside name with data of its own",
                    conf_.policy_span, "response-policy"),
                outside);
    }
    if (!inside.empty() || (policy_ == nullptr && !outside.empty())) {
      with_name(add(Rule::RuleNotUnderstood, Verdict::Inconclusive,
                    "a policy zone answers with data of its own, and where that leads is not judged", conf_.policy_span,
                    "response-policy"),
                inside.empty() ? outside : inside);
    }
  }

  void answers() {
    if (view_.answerable.empty()) return;
    if (const IpSet open = never_answered_ - view_.addresses.refused; !open.empty()) {
      const bool any = !view_.addresses.refused.empty();
      const Ip smallest = smallest_address(open);
      std::string zones;
      for (const PolicyZone& zone : view_.policy) {
        if (!zone.addresses.refused.empty()) zones += (zones.empty() ? "" : ", ") + zone.use->name;
      }
      Finding& f = add(Rule::OutsideAnswer, by_policy(), "an inside name may be answered with an outside address",
                       conf_.policy_span, "response-policy",
                       any ? "no address trigger for " + to_string(smallest) + " in " + zones
                           : "no policy zone with address triggers");
      answers_with(f, smallest);
      f.extent = describe(open);
    }
    const IpSet passing = view_.addresses.passed | view_.addresses.replaced;
    if (!passing.empty()) {
      Finding& f = add(Rule::OutsideAnswer, Verdict::Violated,
                       "an answer that holds an address which passes is not looked at any further, so an outside "
                       "address may stand beside it",
                       conf_.policy_span, "response-policy");
      answers_with(f, smallest_address(passing));
      f.extent = describe(passing);
    }
    if (view_.addresses.refused.empty()) return;
    const bool requests = std::any_of(view_.policy.begin(), view_.policy.end(), [&](const PolicyZone& zone) {
      return !zone.addresses.refused.empty() && zone.use->recursive_only.value_or(conf_.recursive_only);
    });
    struct Way {
      bool open;
      std::string_view message;
      std::string_view remedy;
    };
    const std::array<Way, 3> ways{{
        {!conf_.break_dnssec, "a signed answer is not looked at where the client asks for signatures",
         "say break-dnssec yes"},
        {requests, "an answer from the cache is not looked at where the client asks for no recursion",
         "say recursive-only no"},
        {!conf_.minimal_responses, "addresses beside an answer are not looked at", "say minimal-responses yes"},
    }};
    for (const Way& way : ways) {
      if (!way.open) continue;
      Finding& f =
          add(Rule::OutsideAnswer, for_absence(), std::string(way.message), conf_.policy_span, "response-policy");
      answers_with(f, smallest_address(never_answered_));
      f.extent = "every outside address";
      f.remedy = way.remedy;
    }
  }

  void complete() {
    for (Gap& gap : gaps(view_, *policy_, inside_names_, at_)) {
      complete_ = conf_.whole ? Verdict::Violated : Verdict::Inconclusive;
      Finding& f = add(Rule::Incomplete, Verdict::Proven, std::move(gap.message), gap.where, "resolver configuration");
      f.property = Property::Complete;
      f.destination = std::move(gap.destination);
    }
  }

  void assumptions() {
    std::vector<std::string> servers;
    for (const Forwarding& each : view_.forwarding) {
      for (const auto& forwarder : each.zone->forwarders) servers.push_back(to_string(forwarder.first));
    }
    std::sort(servers.begin(), servers.end());
    servers.erase(std::unique(servers.begin(), servers.end()), servers.end());
    if (servers.empty()) return;
    out_.assumptions.push_back("the servers that inside zones are forwarded to ask nobody outside: " + shown(servers));
    out_.assumptions.push_back(
        "no inside name carries outside address hints in HTTPS or SVCB records: BIND hands them on");
    out_.assumptions.push_back(view_.name + " was started with these files, over an empty cache");
  }

  const ResolverView& view_;
  const ResolverConfiguration& conf_;
  const Policy* policy_;
  Date at_;
  LayerJudgement& out_;
  IpSet outside_;
  IpSet never_answered_;
  DomainSet inside_names_;
  DomainSet outside_names_;
  Verdict complete_ = Verdict::Proven;
};

Finding of_remark(const Remark& remark, Verdict effect) {
  Finding finding;
  finding.rule = remark.rule;
  finding.effect = effect;
  if (effect != Verdict::Proven || remark.rule == Rule::RuleNotUnderstood) finding.property = Property::Sealed;
  finding.protocol = "dns";
  finding.message = remark.message;
  finding.because.push_back({remark.where, remark.object, {}});
  return finding;
}

}  // namespace

LayerJudgement judge_dns(const DnsArtifacts& artifacts, const Question& question, const Sources& sources) {
  LayerJudgement out;
  LayerReport& report = out.report;
  report.layer = Layer::Dns;
  std::vector<std::uint32_t> used;   // sources
  std::vector<std::string> origins;  // of policy zones in use
  Verdict complete = Verdict::Proven;
  for (const ResolverConfiguration& conf : artifacts.resolvers) {
    ResolverView view(conf);
    look(artifacts, sources, view);
    ResolverJudge judge(view, question, out);
    judge.judge();
    complete = worse(complete, judge.complete_verdict());
    report.workloads.push_back(view.name);
    used.push_back(conf.span.source);
    for (const LoadedZone& zone : view.zones) {
      if (zone.file != nullptr) used.push_back(zone.file->source);
    }
    for (const PolicyZone& zone : view.policy) origins.push_back(zone.file->origin);
  }
  const auto is_used = [&](std::uint32_t source) { return std::find(used.begin(), used.end(), source) != used.end(); };
  if (artifacts.resolvers.empty() && !artifacts.zones.empty()) {
    Finding finding;
    finding.rule = Rule::NoResolver;
    finding.property = Property::Sealed;
    finding.effect = Verdict::Inconclusive;
    finding.protocol = "dns";
    finding.message = "there are zones and no resolver configuration that uses them";
    finding.remedy = "add the configuration of the resolver to the input";
    finding.because.push_back({artifacts.zones.front().span, "zone " + artifacts.zones.front().origin, {}});
    finding.because.push_back({{}, {}, "no resolver configuration"});
    report.findings.push_back(std::move(finding));
  } else {
    std::vector<std::string> others;
    for (const ZoneFile& zone : artifacts.zones) {
      if (!zone.policy_zone || is_used(zone.source)) continue;
      if (std::find(origins.begin(), origins.end(), zone.origin) != origins.end()) {
        others.push_back(std::string(sources.basename(zone.source)));
        continue;
      }
      Finding finding;
      finding.rule = Rule::ZoneNotUsed;
      finding.property = Property::Sealed;
      finding.protocol = "dns";
      finding.destination = zone.origin;
      finding.message = "no resolver configuration uses the policy zone " + quoted(zone.origin);
      finding.because.push_back({zone.span, "policy zone " + zone.origin, {}});
      report.findings.push_back(std::move(finding));
    }
    std::sort(others.begin(), others.end());
    if (!others.empty()) {
      std::string all;
      for (const std::string& other : others) all += (all.empty() ? "" : ", ") + other;
      out.assumptions.push_back("policy zones " + all +
                                " are for other resolvers and not used by these configurations");
    }
  }
  for (const Remark& remark : artifacts.not_understood) {
    if (is_used(remark.where.source) || artifacts.resolvers.empty()) {
      report.findings.push_back(of_remark(remark, Verdict::Inconclusive));
    }
  }
  for (const Remark& remark : artifacts.remarks) {
    report.findings.push_back(of_remark(remark, Verdict::Proven));
  }
  std::sort(report.workloads.begin(), report.workloads.end());
  Verdict sealed = Verdict::Proven;
  for (const Finding& finding : report.findings) sealed = worse(sealed, finding.effect);
  report.sealed = sealed;
  report.verdict = sealed;
  if (question.policy != nullptr && !artifacts.resolvers.empty()) report.complete = complete;
  std::sort(out.assumptions.begin(), out.assumptions.end());
  out.assumptions.erase(std::unique(out.assumptions.begin(), out.assumptions.end()), out.assumptions.end());
  return out;
}

}  // namespace airtight::verify
