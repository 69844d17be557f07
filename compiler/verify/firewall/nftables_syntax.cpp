#include "compiler/verify/firewall/nftables_syntax.h"

#include <algorithm>

#include "compiler/verify/firewall/nftables_keys.h"
#include "compiler/verify/firewall/nftables_match.h"

namespace airtight::verify {
namespace {

template <class E>
struct Name {
  std::string_view name;
  E value;
};

constexpr Name<TableFamily> kFamilies[] = {{"ip", TableFamily::Ip},         {"ip6", TableFamily::Ip6},
                                           {"inet", TableFamily::Inet},     {"netdev", TableFamily::Netdev},
                                           {"bridge", TableFamily::Bridge}, {"arp", TableFamily::Arp}};
constexpr Name<Hook> kHooks[] = {
    {"ingress", Hook::Ingress}, {"prerouting", Hook::Prerouting},   {"input", Hook::Input},  {"forward", Hook::Forward},
    {"output", Hook::Output},   {"postrouting", Hook::Postrouting}, {"egress", Hook::Egress}};
constexpr Name<std::int64_t> kPriorities[] = {{"raw", -300}, {"mangle", -150}, {"dstnat", -100},
                                              {"filter", 0}, {"security", 50}, {"srcnat", 100}};
constexpr Name<std::int64_t> kBridgePriorities[] = {{"dstnat", -300}, {"filter", -200}, {"out", 100}, {"srcnat", 300}};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::optional<std::int64_t> small_number(std::string_view text) {
  const bool negative = text.substr(0, 1) == "-";
  if (negative) text.remove_prefix(1);
  const auto value = parse_number(trimmed(text));
  if (!value || *value > 0x7fff'ffff) return std::nullopt;
  const auto number = static_cast<std::int64_t>(*value);
  return negative ? -number : number;
}

std::string words(TableFamily family, std::string_view name) {
  return "table " + std::string(to_string(family)) + " " + printable(name);
}

// "lsrr" or "ssrr" of a rule that asks for the option; empty for others.
std::string_view source_route_option(const NftRule& rule) {
  constexpr std::string_view kOption = "ip option ";
  for (const NftStatement& statement : rule.statements)
    for (const NftKey& key : statement.keys)
      if (key.name == "ip option lsrr" || key.name == "ip option ssrr")
        return std::string_view(key.name).substr(kOption.size());
  return {};
}

bool same_effect(const FirewallRule& a, const FirewallRule& b) {
  return a.limited == b.limited && a.branches.size() == 1 && b.branches.size() == 1 &&
         a.branches[0].match == b.branches[0].match && a.branches[0].verdict.kind == b.branches[0].verdict.kind &&
         a.branches[0].verdict.chain == b.branches[0].verdict.chain;
}

// Both options are one field: a rule for one of them says all of it only beside the same rule for the other.
void pair_source_routes(const NftChain& chain, std::vector<FirewallRule>& rules) {
  std::vector<bool> paired(rules.size());
  for (std::size_t i = 0; i + 1 < rules.size(); ++i) {
    const std::string_view one = source_route_option(chain.rules[i]);
    const std::string_view other = source_route_option(chain.rules[i + 1]);
    if (one.empty() || other.empty() || one == other || !same_effect(rules[i], rules[i + 1])) continue;
    paired[i] = paired[i + 1] = true;
  }
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (paired[i] || !rules[i].understood || source_route_option(chain.rules[i]).empty()) continue;
    rules[i].understood = false;
    rules[i].why_not = "one source route option without the same rule for the other";
  }
}

void lower_chain(const NftChain& chain, const NftTable& table, NftSetCache& cache, bool empty_sets,
                 FirewallTable& into) {
  FirewallChain& lowered = into.chains.emplace_back(chain.head);
  lowered.rules.reserve(chain.rules.size());
  for (const NftRule& rule : chain.rules) lowered.rules.push_back(lower_rule(rule, table, empty_sets, cache));
  pair_source_routes(chain, lowered.rules);
  forget_states_before_lookup(lowered);
}

}  // namespace

std::optional<TableFamily> parse_family(std::string_view text) {
  for (const auto& [name, family] : kFamilies)
    if (name == text) return family;
  return std::nullopt;
}

std::optional<Hook> parse_hook(std::string_view text) {
  for (const auto& [name, hook] : kHooks)
    if (name == text) return hook;
  return std::nullopt;
}

std::optional<std::int64_t> parse_priority(std::string_view text, TableFamily family) {
  text = trimmed(text);
  if (const auto number = small_number(text)) return number;
  const std::size_t sign = text.find_first_of("+-");
  const std::string_view word = trimmed(text.substr(0, sign));
  std::int64_t shift = 0;
  if (sign != std::string_view::npos) {
    const auto number = small_number(trimmed(text.substr(sign + 1)));
    if (!number) return std::nullopt;
    shift = text[sign] == '-' ? -*number : *number;
  }
  const auto look_up = [&](auto& table) -> std::optional<std::int64_t> {
    for (const auto& [name, value] : table)
      if (name == word) return value + shift;
    return std::nullopt;
  };
  return family == TableFamily::Bridge ? look_up(kBridgePriorities) : look_up(kPriorities);
}

void add_reject_condition(std::string_view message, NftRule& rule) {
  struct Condition {
    std::string_view message, key, value;
  };
  for (const auto& [kind, key, value] :
       {Condition{"icmp", "meta nfproto", "ipv4"}, Condition{"icmpv6", "meta nfproto", "ipv6"},
        Condition{"tcp", "meta l4proto", "tcp"}, Condition{"tcp reset", "meta l4proto", "tcp"}}) {
    if (message != kind) continue;
    NftStatement& match = rule.statements.emplace_back();
    match.keys.push_back({std::string(key)});
    match.right.text = value;
  }
}

void add_flag(NftTable& table, std::string_view flag) {
  if (flag == "dormant" || flag == "t")
    table.dormant = true;
  else if (flag != "owner" && flag != "persist")
    table.unknown_flag = std::string(flag);
}

NftChain& NftTable::chain(std::string_view wanted, Span where) {
  if (const auto found = places_.find(wanted); found != places_.end()) return chains[found->second];
  places_.emplace(wanted, chains.size());
  NftChain& made = chains.emplace_back();
  made.head.name = std::string(wanted);
  made.head.span = where;
  return made;
}

void NftTable::remove_chain(std::string_view unwanted) {
  std::erase_if(chains, [&](const NftChain& chain) { return chain.head.name == unwanted; });
  places_.clear();
  for (std::size_t i = 0; i < chains.size(); ++i) places_.emplace(chains[i].head.name, i);
}

NftSet& NftTable::set(std::string_view wanted) {
  const auto found = sets.find(wanted);
  if (found != sets.end()) return found->second;
  NftSet& made = sets[std::string(wanted)];
  made.name = std::string(wanted);
  return made;
}

NftTable* NftDocument::find(TableFamily family, std::string_view name) {
  for (NftTable& known : tables)
    if (known.family == family && known.name == name) return &known;
  return nullptr;
}

NftTable& NftDocument::table(TableFamily family, std::string_view name, Span where) {
  if (NftTable* known = find(family, name)) return *known;
  NftTable& made = tables.emplace_back();
  made.family = family;
  made.name = std::string(name);
  made.span = where;
  return made;
}

void NftDocument::remove(TableFamily family, std::string_view name) {
  std::erase_if(tables, [&](const NftTable& known) { return known.family == family && known.name == name; });
}

void lower(NftDocument&& document, std::string source_kind, Ruleset& ruleset) {
  // A terse listing (-t) shows the elements of no set; one that shows some shows all.
  const bool empty_sets =
      document.live && std::any_of(document.tables.begin(), document.tables.end(), [](const NftTable& table) {
        return std::any_of(table.sets.begin(), table.sets.end(),
                           [](const auto& set) { return set.second.elements_given; });
      });
  if (!document.live)
    for (Remark& remark : refusals(document)) ruleset.not_understood.push_back(std::move(remark));
  for (const NftTable& table : document.tables) {
    if (!table.unknown_flag.empty())
      ruleset.not_understood.push_back({Rule::RuleNotUnderstood, table.span, words(table.family, table.name),
                                        "has the flag " + quoted(table.unknown_flag) + ", which may disable it"});
    if (table.dormant) {
      ruleset.remarks.push_back(
          {Rule::RuleNotUnderstood, table.span, words(table.family, table.name), "is dormant, so it holds nothing"});
      continue;
    }
    NftSetCache cache;
    FirewallTable& lowered = ruleset.tables.emplace_back();
    lowered.family = table.family;
    lowered.name = table.name;
    lowered.source_kind = source_kind;
    lowered.span = table.span;
    for (const NftChain& chain : table.chains) lower_chain(chain, table, cache, empty_sets, lowered);
  }
  for (Remark& remark : document.not_understood) ruleset.not_understood.push_back(std::move(remark));
  ruleset.flushes = ruleset.flushes || document.flushes;
  ruleset.live_listing = ruleset.live_listing || document.live;
}

}  // namespace airtight::verify
