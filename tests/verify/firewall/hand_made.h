// Rulesets written in C++, for tests of what comes after the readers.
#pragma once

#include <catch2/catch.hpp>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/verify/firewall/evaluation.h"

namespace airtight::verify::hand_made {

using Kind = FirewallVerdict::Kind;
using Fields = std::vector<std::pair<Field, Values>>;

inline Values v4(std::string_view prefix) {
  const Prefix parsed = *Prefix::parse(prefix);
  return Values::of(parsed.first().bits(), parsed.last().bits());
}
inline Values v6(std::string_view prefix) { return v4(prefix); }
inline Values one(unsigned value) { return Values::of(value); }
inline Values several(std::initializer_list<unsigned> values) {
  Values all;
  for (const unsigned value : values) all |= one(value);
  return all;
}

inline Box box(const Fields& match) {
  Box made;
  for (const auto& [field, values] : match) REQUIRE(made.constrain(field, values));
  return made;
}

inline FirewallRule rule(const Fields& match, Kind kind, std::string chain_or_text = "") {
  FirewallVerdict verdict;
  verdict.kind = kind;
  (kind == Kind::Jump || kind == Kind::Goto ? verdict.chain : verdict.text) = std::move(chain_or_text);
  FirewallRule made;
  made.branches.push_back({{box(match)}, std::move(verdict)});
  return made;
}
inline FirewallRule not_understood(FirewallRule made) {
  made.understood = false;
  made.why_not = "match \"xyz\"";
  return made;
}
inline FirewallRule limited(FirewallRule made) {
  made.limited = true;
  return made;
}

inline FirewallChain chain(std::string name, std::vector<FirewallRule> rules) {
  FirewallChain made;
  made.name = std::move(name);
  made.rules = std::move(rules);
  return made;
}
inline FirewallChain base(Hook hook, std::int64_t priority, bool policy_accept, std::vector<FirewallRule> rules,
                          std::string type = "filter") {
  FirewallChain made = chain("base", std::move(rules));
  made.hook = hook;
  made.priority = priority;
  made.policy_accept = policy_accept;
  made.type = std::move(type);
  return made;
}
inline FirewallTable table(TableFamily family, std::vector<FirewallChain> chains, std::string name = "t") {
  FirewallTable made;
  made.family = family;
  made.name = std::move(name);
  made.chains = std::move(chains);
  return made;
}
inline Ruleset ruleset(std::vector<FirewallTable> tables) {
  Ruleset made;
  made.tables = std::move(tables);
  return made;
}

inline bool same(const PacketSet& a, const PacketSet& b) { return a.subset_of(b) && b.subset_of(a); }

}  // namespace airtight::verify::hand_made
