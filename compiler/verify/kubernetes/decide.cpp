#include "compiler/verify/kubernetes/decide.h"

#include <algorithm>
#include <cassert>
#include <string>
#include <string_view>
#include <utility>

namespace airtight::verify {
namespace {

using Kind = RulePeer::Kind;
using MatchPods = RulePeer::MatchPods;

bool is_transport(Protocol protocol) {
  return protocol == Protocol::Tcp || protocol == Protocol::Udp || protocol == Protocol::Sctp;
}

Match match_address(const RulePeer& peer, const PacketAsked& packet) {
  if (!peer.addresses.contains(packet.address)) return Match::No;
  if (!packet.pods) return Match::Yes;
  const MatchPods means = peer.addresses_match_pods;
  if (packet.pods->host_network) return means == MatchPods::Never ? Match::Unknown : Match::Yes;
  return means == MatchPods::Never ? Match::No : means == MatchPods::ByAddress ? Match::Yes : Match::Unknown;
}

Match match_nodes(const RulePeer& peer, const PacketAsked& packet) {
  const bool every = peer.nodes.op == Selector::Op::All && peer.pods.op == Selector::Op::All;
  const Match node = every ? Match::Yes : Match::Unknown;
  if (packet.pods) return packet.pods->host_network ? node : Match::No;
  if (packet.node_ranges->empty()) return Match::Unknown;
  return packet.node_ranges->contains(packet.address) ? node : Match::No;
}

Match match_peer(const RulePeer& peer, const PacketAsked& packet) {
  switch (peer.kind) {
    case Kind::Everything:
      return Match::Yes;
    case Kind::Pods:
      if (!packet.pods || packet.pods->host_network) return Match::No;
      return std::min({matches(peer.namespaces, *packet.pods->namespace_labels),
                       matches(peer.pods, *packet.pods->labels),
                       matches(peer.service_accounts, *packet.pods->service_account)});
    case Kind::Addresses:
      return match_address(peer, packet);
    case Kind::Nodes:
      return match_nodes(peer, packet);
    case Kind::NotUnderstood:
      return Match::Unknown;
  }
  return Match::Unknown;
}

Match match_port(const PolicyRule& rule, const PacketAsked& packet) {
  if (rule.services.contains(packet.protocol, packet.port)) return Match::Yes;
  if (!packet.named || !is_transport(packet.protocol)) return Match::No;
  Match best = Match::No;
  for (const NamedPort& wanted : rule.named_ports) {
    bool named = false;  // by the pod, for this rule
    for (const PodPort& port : packet.named->ports) {
      if (port.name != wanted.name || (wanted.protocol && *wanted.protocol != port.protocol)) continue;
      named = true;
      if (port.protocol == packet.protocol && port.port == packet.port) return Match::Yes;
    }
    const bool any_port = packet.named->symbolic && !named;
    if (any_port && (!wanted.protocol || *wanted.protocol == packet.protocol)) best = Match::Unknown;
  }
  return best;
}

Match match_rule(const Step& step, const PacketAsked& packet) {
  const PolicyRule& rule = *step.rule->rule;
  Match match = Match::No;
  for (const RulePeer& peer : rule.peers) match = std::max(match, match_peer(peer, packet));
  match = std::min(match, match_port(rule, packet));
  const bool counts = step.certain && rule.understood && rule.source_ports.is_all() && !step.rule->policy->doubtful;
  return counts ? match : std::min(match, Match::Unknown);
}

// Looks for a way to the outcome that the reading fears: a permission by the wide one, a denial by the narrow one.
class Walk {
 public:
  Walk(const PacketAsked& packet, Reading reading) : packet_(packet), feared_(reading == Reading::Wide) {}

  Decision run(std::span<const TierList> plugins) {
    std::optional<Decision> found;
    for (const TierList& tiers : plugins) {
      if (!found) found = through(tiers);
    }
    if (!found) found = std::move(otherwise_);
    assert(found);  // what nothing may decide as feared, something surely decides otherwise
    Decision decision = found ? std::move(*found) : Decision{feared_, nullptr, nullptr, "", true, {}};
    decision.passed = std::move(passed_);
    return decision;
  }

 private:
  // What became of the packet in a chain: it may have gone on, and it may have left the tier.
  struct Way {
    bool on = true;
    bool out = false;
  };

  std::optional<Decision> through(const TierList& tiers) {
    for (const TierRules& tier : tiers) {
      bool reaches_next = false;
      if (std::optional<Decision> found = in_tier(tier, reaches_next)) return found;
      if (!reaches_next) return std::nullopt;
    }
    return decided(true, nullptr, nullptr, "", true);
  }

  std::optional<Decision> in_tier(const TierRules& tier, bool& reaches_next) {
    for (const Group& group : tier.groups) {
      bool on = true;
      for (const Chain& chain : group) {
        Way way;
        if (std::optional<Decision> found = in_chain(tier, chain, way)) return found;
        on = on && way.on;
        reaches_next = reaches_next || way.out;
      }
      if (!on) return std::nullopt;
    }
    return at_end(tier, reaches_next);
  }

  std::optional<Decision> in_chain(const TierRules& tier, const Chain& chain, Way& way) {
    for (const Step& step : chain) {
      const Match match = match_rule(step, packet_);
      const Action action = step.rule->action;
      if (match == Match::No) {
        note(step, "does not match");
        continue;
      }
      if (action == Action::Pass) {
        note(step, match == Match::Yes ? "passes it on to the next tier" : "may pass it on to the next tier");
        way.out = true;
      } else {
        const bool allows = action == Action::Allow;
        std::optional<Decision> found =
            decided(allows, step.rule->policy, step.rule->rule, tier.name, match == Match::Yes);
        if (found) return found;
        if (match != Match::Yes) note(step, allows ? "may allow it" : "may deny it");
      }
      if (match == Match::Yes) {
        way.on = false;
        return std::nullopt;
      }
    }
    return std::nullopt;
  }

  std::optional<Decision> at_end(const TierRules& tier, bool& reaches_next) {
    const TierEnd& end = tier.end;
    const bool other = !is_transport(packet_.protocol);
    if (other && end.may_leave_others && !end.denies_all)
      if (std::optional<Decision> found = decided(true, nullptr, nullptr, tier.name, false)) return found;
    if (end.may_deny) {
      const bool surely = end.denies_all || (end.denies_transport && !other);
      if (std::optional<Decision> found = decided(false, end.isolating, nullptr, tier.name, surely)) return found;
    }
    if (!end.denies_transport) reaches_next = true;
    return std::nullopt;
  }

  // The decision, if it is the one that is feared; else it is kept, if it is sure, for when nothing else is found.
  std::optional<Decision> decided(bool allows, const PolicyObject* policy, const PolicyRule* rule, std::string tier,
                                  bool surely) {
    Decision decision{allows, policy, rule, std::move(tier), true, {}};
    if (allows == feared_) return decision;
    if (surely && !otherwise_) otherwise_ = std::move(decision);
    return std::nullopt;
  }

  void note(const Step& step, std::string_view what) {
    passed_.push_back(to_string(step.rule->policy->ref) + ", " + step.rule->rule->text + ": " + std::string(what));
  }

  const PacketAsked& packet_;
  bool feared_;
  std::optional<Decision> otherwise_;
  std::vector<std::string> passed_;
};

}  // namespace

Decision decide(std::span<const TierList> plugins, const PacketAsked& packet, Reading reading) {
  return Walk(packet, reading).run(plugins);
}

}  // namespace airtight::verify
