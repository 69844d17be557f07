#include "compiler/verify/firewall/evaluation.h"

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <utility>

#include "compiler/verify/firewall/chain_walk.h"

namespace airtight::verify {
namespace {

constexpr std::int64_t kDestinationTranslation = -100;
constexpr std::int64_t kSourceTranslation = 100;

struct Hooked {
  const FirewallTable* table;
  const FirewallChain* chain;
  bool credited;
};
using Way = std::vector<Hooked>;  // in the order in which a packet meets them

// A rule that may give packets another destination, or a translation that was not understood.
bool translates_destination(const FirewallChain& chain, const FirewallRule& rule) {
  if (rule.rewrites || (chain.type == "nat" && !rule.understood)) return true;
  return std::any_of(rule.branches.begin(), rule.branches.end(), [](const FirewallBranch& branch) {
    const std::string& text = branch.verdict.text;
    return branch.verdict.kind == FirewallVerdict::Kind::Translate && !text.starts_with("snat") &&
           !text.starts_with("masquerade") && !text.starts_with("SNAT") && !text.starts_with("MASQUERADE");
  });
}

bool translates_destinations(const Ruleset& ruleset) {
  for (const FirewallTable& table : ruleset.tables) {
    for (const FirewallChain& chain : table.chains) {
      for (const FirewallRule& rule : chain.rules) {
        if (translates_destination(chain, rule)) return true;
      }
    }
  }
  return false;
}

std::span<const Hook> hooks(Path path) {
  static constexpr std::array kOutput{Hook::Output, Hook::Postrouting};
  static constexpr std::array kForward{Hook::Prerouting, Hook::Forward, Hook::Postrouting};
  static constexpr std::array kEgress{Hook::Egress};
  switch (path) {
    case Path::Output:
      return kOutput;
    case Path::Forward:
      return kForward;
    case Path::Egress:
      return kEgress;
  }
  return {};
}

bool is_credited(const FirewallChain& chain, bool translated) {
  if (chain.type == "nat") return false;
  switch (chain.hook) {
    case Hook::Prerouting:
    case Hook::Output:
      return !translated || chain.priority > kDestinationTranslation;
    case Hook::Postrouting:
      return chain.priority < kSourceTranslation;
    default:
      return true;
  }
}

bool is_on(const FirewallTable& table, const FirewallChain&, Path path) {
  if (path == Path::Egress) return table.family == TableFamily::Netdev;
  const bool sees_ip =
      table.family == TableFamily::Ip || table.family == TableFamily::Ip6 || table.family == TableFamily::Inet;
  return sees_ip;
}

void by_priority(Way& way, std::size_t from) {
  std::stable_sort(way.begin() + static_cast<std::ptrdiff_t>(from), way.end(),
                   [](const Hooked& a, const Hooked& b) { return a.chain->priority < b.chain->priority; });
}

// The ways that packets may take on a path; what passes one of them leaves. One for the IP paths, one a device on
// Egress; none where no device is held.
std::vector<Way> ways(const Ruleset& ruleset, Path path) {
  if (path == Path::Egress && ruleset.live_listing) return {};
  const bool translated = translates_destinations(ruleset);
  std::map<std::string, Way> by_device;
  Way way;
  for (const Hook hook : hooks(path)) {
    const std::size_t from = way.size();
    for (const FirewallTable& table : ruleset.tables) {
      for (const FirewallChain& chain : table.chains) {
        if (chain.hook != hook || !is_on(table, chain, path)) continue;
        const Hooked hooked{&table, &chain, is_credited(chain, translated)};
        for (const std::string& device : chain.devices) {
          if (path == Path::Egress) by_device[device].push_back(hooked);
        }
        if (path != Path::Egress) way.push_back(hooked);
      }
    }
    by_priority(way, from);
  }
  if (path != Path::Egress) return {std::move(way)};
  std::vector<Way> all;
  for (auto& [device, of_device] : by_device) {
    by_priority(of_device, 0);
    all.push_back(std::move(of_device));
  }
  return all;
}

// What the family of the table shows to its chains; nothing to intersect with where that is every frame.
const PacketSet& seen_by(TableFamily family) {
  static const auto kOf = [](const Values& types) {
    Box box;
    return box.constrain(Field::EtherType, types) ? PacketSet::of(std::move(box)) : PacketSet();
  };
  static const PacketSet kIp4 = kOf(Values::of(0x0800));
  static const PacketSet kIp6 = kOf(Values::of(0x86dd));
  static const PacketSet kIp = kOf(Values::of(0x0800) | Values::of(0x86dd));
  static const PacketSet kArp = kOf(Values::of(0x0806));
  static const PacketSet kAll = PacketSet::all();
  switch (family) {
    case TableFamily::Ip:
      return kIp4;
    case TableFamily::Ip6:
      return kIp6;
    case TableFamily::Inet:
      return kIp;
    case TableFamily::Arp:
      return kArp;
    default:
      return kAll;
  }
}

// What chains of type nat see.
const PacketSet& first_of_connections() {
  static const PacketSet kFirst = [] {
    Box box;
    (void)box.constrain(Field::State, Values::of(static_cast<u128>(StateValue::New)));
    return PacketSet::of(std::move(box));
  }();
  return kFirst;
}

bool untracks(const FirewallTable& table) {
  return std::any_of(table.chains.begin(), table.chains.end(), [](const FirewallChain& chain) {
    return std::any_of(chain.rules.begin(), chain.rules.end(), [](const FirewallRule& rule) {
      return std::count(rule.changes.begin(), rule.changes.end(), Field::State) > 0;
    });
  });
}

PacketSet pass(const FirewallTable& table, const FirewallChain& chain, const FieldSet& fields, PacketSet packets,
               Reading reading, std::vector<FirewallStep>* steps = nullptr) {
  PacketSet seen = packets.take(seen_by(table.family).boxes());
  if (chain.type == "nat") {
    PacketSet first = seen.take(first_of_connections().boxes());
    packets |= seen;
    seen = std::move(first);
  }
  if (!seen.empty()) packets |= walk(table, chain, fields, std::move(seen), reading, steps);
  return packets;
}

PacketSet pass(const Way& way, const FieldSet& fields, PacketSet packets, Reading reading,
               std::vector<FirewallStep>* steps = nullptr) {
  for (const Hooked& hooked : way) {
    if (packets.empty()) break;
    if (!hooked.credited && reading == Reading::Wide) {
      if (untracks(*hooked.table)) packets |= untracked_of(packets.released(Field::State));
      continue;
    }
    packets = pass(*hooked.table, *hooked.chain, fields, std::move(packets), reading, steps);
  }
  return packets;
}

FieldSet looked_at(const Ruleset& ruleset) {
  FieldSet fields;
  for (const FirewallTable& table : ruleset.tables) fields |= looked_at(table);
  return fields;
}

PacketSet pass(const std::vector<Way>& ways, const FieldSet& fields, const PacketSet& packets, Reading reading) {
  if (ways.empty()) return packets;
  PacketSet passed;
  for (const Way& way : ways) passed |= pass(way, fields, packets, reading);
  return passed;
}

}  // namespace

std::string_view to_string(Path path) {
  switch (path) {
    case Path::Output:
      return "output";
    case Path::Forward:
      return "forward";
    case Path::Egress:
      return "egress";
  }
  return "";
}

PacketSet passes(const FirewallTable& table, const FirewallChain& base, const PacketSet& packets, Reading reading) {
  return pass(table, base, looked_at(table), packets, reading);
}

PathResult passes(const Ruleset& ruleset, Path path, const PacketSet& packets, Reading reading) {
  const std::vector<Way> all = ways(ruleset, path);
  PathResult result;
  result.passed = pass(all, looked_at(ruleset), packets, reading);
  for (const Way& way : all) {
    for (const Hooked& hooked : way) {
      std::string name = name_of(*hooked.table, *hooked.chain);
      if (!hooked.credited || std::count(result.chains.begin(), result.chains.end(), name) > 0) continue;
      result.chains.push_back(std::move(name));
    }
  }
  result.held_by_nothing = result.chains.empty();
  return result;
}

FirewallDecision decide(const Ruleset& ruleset, Path path, const Box& packet, Reading reading) {
  const std::vector<Way> all = ways(ruleset, path);
  const FieldSet fields = looked_at(ruleset);
  const PacketSet asked = PacketSet::of(packet);
  const PacketSet after = pass(all, fields, asked, reading);
  PacketSet passed = after & asked;
  if (passed.empty()) passed = after.released(Field::State) & asked;  // `notrack` made them others
  FirewallDecision decision;
  decision.packet = smallest(passed.empty() ? packet : smallest(passed));
  for (std::size_t i = 0; i < static_cast<std::size_t>(Field::Count); ++i) {
    const Field field = static_cast<Field>(i);
    if (decision.packet.is_free(field)) decision.packet = with_smallest(decision.packet, field);
  }
  const PacketSet one = PacketSet::of(decision.packet);
  decision.allowed = all.empty();
  for (const Way& way : all) {
    std::vector<FirewallStep> steps;
    decision.allowed = !pass(way, fields, one, reading, &steps).empty();
    if (decision.allowed || decision.steps.empty()) decision.steps = std::move(steps);
    if (decision.allowed) break;
  }
  const Reading other = reading == Reading::Wide ? Reading::Narrow : Reading::Wide;
  decision.certain = pass(all, fields, one, other).empty() != decision.allowed;
  return decision;
}

}  // namespace airtight::verify
