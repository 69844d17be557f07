#include "compiler/verify/dns/policy_zones.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace airtight::verify {
namespace {

enum class Outcome : std::uint8_t { Refused, Passed, Replaced };
constexpr std::size_t kOutcomes = 3;

Outcome outcome(RpzAction action) {
  switch (action) {
    case RpzAction::NxDomain:
    case RpzAction::NoData:
    case RpzAction::Drop:
      return Outcome::Refused;
    case RpzAction::Passthru:
    case RpzAction::TcpOnly:
      return Outcome::Passed;
    case RpzAction::Other:
      break;
  }
  return Outcome::Replaced;
}

std::string_view parent_of(std::string_view name) {
  const std::size_t dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

// A name that stands in the zone, with data or only above others.
struct NameNode {
  Domain name;
  std::optional<Outcome> self;
  std::optional<Outcome> wildcard;
  std::vector<Domain> children;
};

class NameTree {
 public:
  explicit NameTree(const ZoneFile& zone) {
    at("");
    for (const RpzTrigger& trigger : zone.triggers) {
      if (trigger.address) {
        at("rpz-ip");
        continue;
      }
      const std::string_view owner = trigger.owner;
      if (!trigger.understood) {
        keep_what_is_a_name(owner);
      } else if (owner == "*") {
        set(nodes_[at("")].wildcard, trigger);
      } else if (owner.substr(0, 2) == "*.") {
        set(nodes_[at(owner.substr(2))].wildcard, trigger);
      } else {
        set(nodes_[at(owner)].self, trigger);
      }
    }
  }

  PolicyEffect<DomainSet> effect() && {
    std::array<std::vector<Domain>, kOutcomes> exact;
    std::array<std::vector<DomainSet>, kOutcomes> below;
    for (const NameNode& node : nodes_) {
      if (node.self) exact[static_cast<std::size_t>(*node.self)].push_back(node.name);
      if (!node.wildcard) continue;
      below[static_cast<std::size_t>(*node.wildcard)].push_back(DomainSet::strictly_below(node.name) -
                                                                DomainSet::from_suffixes(node.children));
    }
    const auto both = [&](Outcome o) {
      const auto i = static_cast<std::size_t>(o);
      return DomainSet::from_names(exact[i]) | unite(std::move(below[i]));
    };
    PolicyEffect<DomainSet> result;
    result.refused = both(Outcome::Refused);
    result.passed = both(Outcome::Passed);
    result.replaced = both(Outcome::Replaced);
    return result;
  }

 private:
  // Of two triggers of one owner the one that lets more through counts.
  static void set(std::optional<Outcome>& outcome_of, const RpzTrigger& trigger) {
    const Outcome o = outcome(trigger.action);
    if (!outcome_of || *outcome_of == Outcome::Refused) outcome_of = o;
  }

  // The node of a name, made together with all above it. `name` lives as long as the zone.
  std::size_t at(std::string_view name) {
    const auto found = index_.find(name);
    if (found != index_.end()) return found->second;
    const std::size_t parent = name.empty() ? 0 : at(parent_of(name));
    std::optional<Domain> domain = name.empty() ? Domain::root() : Domain::parse(name);
    const std::size_t index = nodes_.size();
    if (!name.empty() && domain) nodes_[parent].children.push_back(*domain);
    nodes_.push_back({std::move(*domain), std::nullopt, std::nullopt, {}});
    index_.emplace(name, index);
    return index;
  }

  // A trigger that cannot be judged still stands in the tree, and so do the names above it.
  void keep_what_is_a_name(std::string_view owner) {
    while (!owner.empty() && !Domain::parse(owner)) owner = parent_of(owner);
    at(owner);
  }

  std::unordered_map<std::string_view, std::size_t> index_;
  std::vector<NameNode> nodes_;
};

constexpr u128 kMapped = static_cast<u128>(0xffff) << 32;

struct Painted {
  u128 first;
  u128 last;
  Outcome outcome;
};

IpSet from_tree(std::vector<Interval<u128>> intervals) {
  const IntervalSet<u128> all = IntervalSet<u128>::from(std::move(intervals));
  const IntervalSet<u128> mapped = IntervalSet<u128>::of(kMapped, kMapped | 0xffffffffU);
  std::vector<Interval<std::uint32_t>> v4;
  const IntervalSet<u128> as_v4 = all & mapped;
  for (const Interval<u128>& part : as_v4.intervals()) {
    v4.push_back({static_cast<std::uint32_t>(part.first), static_cast<std::uint32_t>(part.last)});
  }
  return IpSet::from(IntervalSet<std::uint32_t>::from(std::move(v4)), all - mapped);
}

}  // namespace

IpSet mapped_ipv4() { return IpSet::range(Ip::v6(kMapped), Ip::v6(kMapped | 0xffffffffU)); }

DomainSet unite(std::vector<DomainSet> sets) {
  if (sets.empty()) return {};
  for (std::size_t step = 1; step < sets.size(); step *= 2) {
    for (std::size_t i = 0; i + step < sets.size(); i += 2 * step) {
      sets[i] |= sets[i + step];
      sets[i + step] = {};
    }
  }
  return std::move(sets[0]);
}

PolicyEffect<DomainSet> effect_on_names(const ZoneFile& zone) { return NameTree(zone).effect(); }

PolicyEffect<IpSet> effect_on_addresses(const ZoneFile& zone) {
  std::vector<Painted> prefixes;
  for (const RpzTrigger& trigger : zone.triggers) {
    if (!trigger.address) continue;
    const u128 base = trigger.prefix.family() == Family::V4 ? kMapped : 0;
    prefixes.push_back(
        {base | trigger.prefix.first().bits(), base | trigger.prefix.last().bits(), outcome(trigger.action)});
  }
  // Wider before narrower at one start; of equal ones the refusing first, so that the other counts.
  std::sort(prefixes.begin(), prefixes.end(), [](const Painted& a, const Painted& b) {
    if (a.first != b.first) return a.first < b.first;
    return a.last != b.last ? a.last > b.last : a.outcome < b.outcome;
  });
  std::array<std::vector<Interval<u128>>, kOutcomes> parts;
  std::vector<Painted> open;  // around `next`, the narrowest last; `first` is what is not painted yet
  const auto paint = [&](const Painted& what, u128 first, u128 last) {
    parts[static_cast<std::size_t>(what.outcome)].push_back({first, last});
  };
  // Closes what ends before `limit`, or everything.
  const auto close = [&](std::optional<u128> limit) {
    while (!open.empty() && (!limit || open.back().last < *limit)) {
      const Painted done = open.back();
      open.pop_back();
      if (done.first <= done.last) paint(done, done.first, done.last);
      if (open.empty()) break;
      // An outer one goes on behind; one that ends at the same address has nothing left.
      if (done.last == open.back().last) {
        while (!open.empty() && open.back().last == done.last) open.pop_back();
        if (!open.empty()) open.back().first = done.last + 1;
      } else {
        open.back().first = done.last + 1;
      }
    }
  };
  for (const Painted& prefix : prefixes) {
    close(prefix.first);
    if (!open.empty() && open.back().first < prefix.first) paint(open.back(), open.back().first, prefix.first - 1);
    open.push_back(prefix);
  }
  close(std::nullopt);
  PolicyEffect<IpSet> result;
  result.refused = from_tree(std::move(parts[static_cast<std::size_t>(Outcome::Refused)]));
  result.passed = from_tree(std::move(parts[static_cast<std::size_t>(Outcome::Passed)]));
  result.replaced = from_tree(std::move(parts[static_cast<std::size_t>(Outcome::Replaced)]));
  return result;
}

}  // namespace airtight::verify
