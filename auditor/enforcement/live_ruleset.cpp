#include "auditor/enforcement/live_ruleset.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "compiler/verify/document.h"
#include "compiler/verify/firewall/chain_walk.h"
#include "compiler/verify/firewall/iptables_rule.h"

namespace airtight::audit {
namespace {

using verify::FirewallChain;
using verify::FirewallRule;
using verify::FirewallTable;
using verify::FirewallVerdict;
using verify::IptablesTarget;
using verify::Ruleset;
using verify::TableFamily;
using verify::Value;

constexpr std::string_view kListing = "nft -j list ruleset";

struct Save {
  std::string_view tool;
  TableFamily family;
  bool legacy;
};
constexpr std::array<Save, 4> kSaves{{{"iptables-nft-save", TableFamily::Ip, false},
                                      {"ip6tables-nft-save", TableFamily::Ip6, false},
                                      {"iptables-legacy-save", TableFamily::Ip, true},
                                      {"ip6tables-legacy-save", TableFamily::Ip6, true}}};

// The statements of libnftables' JSON that the verifier gives their effect, and two that only add to a map or label;
// another may do anything.
constexpr std::array<std::string_view, 36> kStatements{
    "accept", "drop",    "continue", "return",   "jump",      "goto",       "reject",  "match",      "vmap",
    "mangle", "counter", "log",      "comment",  "ct helper", "ct timeout", "last",    "limit",      "quota",
    "meter",  "set",     "map",      "ct count", "connlimit", "dnat",       "snat",    "masquerade", "redirect",
    "tproxy", "queue",   "dup",      "fwd",      "flow",      "synproxy",   "notrack", "xt",         "secmark"};

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }
bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

std::string_view text_at(const Value& map, std::string_view key) {
  const Value* value = map.find(key);
  return value && value->is_string() ? std::string_view(value->text) : std::string_view();
}

// Of a target that a tool names and nobody here knows. Bridged frames and ARP are on no path that is judged by them.
bool is_unknown_target(std::string_view family, std::string_view name) {
  return family != "bridge" && family != "arp" && !verify::find_iptables_target(name);
}

class Reading {
 public:
  Reading(const std::vector<RulesetDump>& dumps, Sources& sources) : dumps_(dumps), sources_(sources) {}

  LiveRuleset run() {
    completeness();
    if (!result_.unread.empty()) return std::move(result_);
    listing();
    for (const Save& save : kSaves)
      if (save.legacy) legacy(save);
    for (const auto& [table, why] : hidden_) result_.unread.push_back(why);
    return std::move(result_);
  }

 private:
  const RulesetDump* find(std::string_view tool) const {
    const auto found = std::find_if(dumps_.begin(), dumps_.end(), [&](const auto& d) { return d.tool == tool; });
    return found == dumps_.end() ? nullptr : &*found;
  }

  void unread(std::string why) { result_.unread.push_back(std::move(why)); }

  void completeness() {
    if (!find(kListing)) unread("no dump of " + std::string(kListing) + " was given");
    for (const RulesetDump& dump : dumps_) {
      const auto* save =
          std::find_if(kSaves.begin(), kSaves.end(), [&](const Save& known) { return known.tool == dump.tool; });
      if (find(dump.tool) != &dump) {
        unread(printable(dump.tool) + " was given twice");
      } else if (save == kSaves.end() && dump.tool != kListing) {
        unread("a dump of " + quoted(dump.tool) + " was given, which is none of the known tools");
      } else if (dump.failed) {
        unread(dump.tool + " failed: " + (is_blank(dump.error) ? "it did not say why" : first_words(dump.error)));
      } else {
        warnings(dump);
      }
    }
  }

  static std::string first_words(std::string_view text) {
    constexpr std::size_t kMost = 200;
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
    return printable(text.substr(0, kMost)) + (text.size() > kMost ? "…" : "");
  }

  // R21: a tool may say that it does not show everything.
  void warnings(const RulesetDump& dump) {
    for (const std::string_view line : lines_of(dump.error)) {
      if (is_blank(line) || has(line, "is managed by iptables-nft, do not touch!")) continue;
      if (!tables_present(dump, line)) unread(dump.tool + " said: " + first_words(line));
    }
    if (dump.tool != kListing)
      for (const std::string_view line : lines_of(dump.text))
        if (line.starts_with("#")) (void)tables_present(dump, line);
  }

  bool tables_present(const RulesetDump& dump, std::string_view line) {
    if (!has(line, "Warning:") || !has(line, "tables present")) return false;
    const bool v6 = has(line, "ip6tables");
    const std::string other =
        std::string(v6 ? "ip6tables" : "iptables") + (has(line, "-legacy") ? "-legacy" : "-nft") + "-save";
    if (other.ends_with("-nft-save")) return true;  // the listing shows them
    if (!find(other)) unread(other + " is missing: " + dump.tool + " says that there are such tables");
    return true;
  }

  void listing() {
    const std::uint32_t source = sources_.add(std::string(kListing), find(kListing)->text);
    Diagnostics diagnostics;
    const std::optional<Value> document = verify::read_document(source, sources_, diagnostics);
    Ruleset rules;
    if (!document || !verify::read_nftables_json(*document, sources_, diagnostics, rules)) {
      unread(std::string(kListing) + " cannot be read: " +
             (diagnostics.empty() ? "nobody says why" : printable(diagnostics.sorted().front().message)));
      return;
    }
    if (!rules.live_listing) unread(std::string(kListing) + " holds commands: it is no listing");
    find_hidden(*document);
    for (FirewallTable& table : rules.tables)
      if (!from_save(table)) result_.rules.tables.push_back(std::move(table));
    append(std::move(rules));
    result_.rules.live_listing = true;
  }

  void append(Ruleset&& rules) {
    std::move(rules.remarks.begin(), rules.remarks.end(), std::back_inserter(result_.rules.remarks));
    std::move(rules.not_understood.begin(), rules.not_understood.end(),
              std::back_inserter(result_.rules.not_understood));
  }

  // Tables with a statement that may do anything.
  void find_hidden(const Value& document) {
    for (const Value& entry : document.find("nftables")->items) {
      const Value* rule = entry.find("rule");
      const Value* statements = rule ? rule->find("expr") : nullptr;
      if (!statements) continue;
      const std::string_view family = text_at(*rule, "family");
      const std::string_view table = text_at(*rule, "table");
      for (const Value& statement : statements->items) {
        if (statement.members.empty()) continue;
        const std::string why = hidden_in(family, statement.members[0]);
        if (why.empty()) continue;
        hidden_.emplace(std::pair(std::string(family), std::string(table)),
                        "table " + printable(family) + " " + printable(table) + " chain " +
                            printable(text_at(*rule, "chain")) + ": " + why);
      }
    }
  }

  static std::string hidden_in(std::string_view family, const verify::Member& statement) {
    if (std::find(kStatements.begin(), kStatements.end(), statement.key) == kStatements.end())
      return "the statement " + quoted(statement.key) + " is not understood";
    if (statement.key != "xt") return "";
    const std::string_view name = text_at(statement.value, "name");
    const std::string_view type = text_at(statement.value, "type");
    if (name.empty() || type.empty()) return "the listing hides an extension of iptables";
    if (type == "target" && is_unknown_target(family, name)) return "the target " + quoted(name) + " is not understood";
    return "";
  }

  // The same table by iptables-nft-save, where the listing hides something of it and that tool does not.
  bool from_save(const FirewallTable& table) {
    const auto hidden = hidden_.find({std::string(to_string(table.family)), table.name});
    if (hidden == hidden_.end()) return false;
    for (const Save& save : kSaves) {
      if (save.legacy || save.family != table.family || !find(save.tool)) continue;
      std::vector<std::string> problems;
      std::optional<Ruleset> rules = read_save(save, problems);
      if (!rules || !problems.empty()) continue;
      const auto same = std::find_if(rules->tables.begin(), rules->tables.end(),
                                     [&](const FirewallTable& t) { return t.name == table.name; });
      if (same == rules->tables.end()) continue;
      result_.rules.tables.push_back(std::move(*same));
      hidden_.erase(hidden);
      return true;
    }
    return false;
  }

  void legacy(const Save& save) {
    std::vector<std::string> problems;
    std::optional<Ruleset> rules = find(save.tool) ? read_save(save, problems) : std::nullopt;
    std::move(problems.begin(), problems.end(), std::back_inserter(result_.unread));
    if (!rules) return;
    for (FirewallTable& table : rules->tables) result_.rules.tables.push_back(std::move(table));
    append(*std::move(rules));
  }

  std::optional<Ruleset> read_save(const Save& save, std::vector<std::string>& problems) {
    const std::string& text = find(save.tool)->text;
    if (is_blank(text)) return std::nullopt;
    // Called by the name of one backend, a tool writes that name into the line by which readers tell the family.
    const std::string_view heading =
        save.family == TableFamily::Ip ? "# Generated by iptables-save\n" : "# Generated by ip6tables-save\n";
    const std::uint32_t source = sources_.add(std::string(save.tool), std::string(heading) + text);
    Diagnostics diagnostics;
    Ruleset rules;
    if (!verify::read_iptables_save(source, sources_, diagnostics, rules)) {
      problems.push_back(std::string(save.tool) +
                         " cannot be read: " + printable(diagnostics.sorted().front().message));
      return std::nullopt;
    }
    unknown_targets(save.tool, text, problems);
    for (FirewallTable& table : rules.tables) {
      if (table.family != save.family)
        problems.push_back(std::string(save.tool) + " shows a table of the other family: " + printable(table.name));
      table.legacy = save.legacy;
    }
    // The listing shows the tables of the other backend.
    std::erase_if(rules.not_understood, [](const verify::Remark& remark) {
      return remark.object == "iptables-nft-save" || remark.object == "ip6tables-nft-save";
    });
    return rules;
  }

  static void unknown_targets(std::string_view tool, std::string_view text, std::vector<std::string>& problems) {
    std::set<std::string, std::less<>> chains;
    std::set<std::string, std::less<>> told;
    for (const std::string_view line : lines_of(text)) {
      const std::optional<std::vector<std::string>> parts = verify::iptables_words(line);
      if (!parts || parts->empty()) continue;
      if (line[0] == '*') chains.clear();
      if (line[0] == ':') chains.insert(parts->front().substr(1));
      for (std::size_t i = 0; i + 1 < parts->size() && line[0] == '-'; ++i) {
        const std::string& option = (*parts)[i];
        const std::string& value = (*parts)[i + 1];
        if (option == "--comment" || has(option, "-prefix")) ++i;
        if (option != "-j" && option != "-g") continue;
        if (chains.count(value) == 0 && !verify::find_iptables_target(value) && told.insert(value).second)
          problems.push_back(std::string(tool) + ": the target " + quoted(value) + " is not understood");
      }
    }
  }

  const std::vector<RulesetDump>& dumps_;
  Sources& sources_;
  LiveRuleset result_;
  std::map<std::pair<std::string, std::string>, std::string> hidden_;  // by family and table: why
};

bool is_own(const FirewallTable& table) {
  return (table.family == TableFamily::Inet && table.name == kInetTable) ||
         (table.family == TableFamily::Netdev && table.name == kEgressTable);
}

bool does_more_than_judge(const FirewallRule& rule) {
  return rule.rewrites || std::any_of(rule.branches.begin(), rule.branches.end(), [](const auto& branch) {
           return branch.verdict.kind == FirewallVerdict::Kind::Translate ||
                  branch.verdict.kind == FirewallVerdict::Kind::Elsewhere;
         });
}

}  // namespace

LiveRuleset read_live_ruleset(const std::vector<RulesetDump>& dumps, Sources& sources) {
  return Reading(dumps, sources).run();
}

const FirewallTable* find_table(const Ruleset& rules, TableFamily family, std::string_view name) {
  const auto found = std::find_if(rules.tables.begin(), rules.tables.end(), [&](const FirewallTable& table) {
    return table.family == family && table.name == name;
  });
  return found == rules.tables.end() ? nullptr : &*found;
}

Ruleset relying_on_own_tables(Ruleset rules) {
  verify::FieldSet looked_at;
  for (const FirewallTable& table : rules.tables)
    if (is_own(table)) looked_at |= verify::looked_at(table);
  for (FirewallTable& table : rules.tables) {
    if (is_own(table)) continue;
    bool changes = false;  // a field that one of our rules asks for: then its whole way there matters
    for (const FirewallChain& chain : table.chains)
      for (const FirewallRule& rule : chain.rules)
        for (const verify::Field field : rule.changes) changes = changes || looked_at[static_cast<std::size_t>(field)];
    for (FirewallChain& chain : table.chains) {
      chain.policy_accept = true;
      if (!changes) std::erase_if(chain.rules, [](const FirewallRule& rule) { return !does_more_than_judge(rule); });
      for (FirewallRule& rule : chain.rules)
        for (verify::FirewallBranch& branch : rule.branches)
          if (branch.verdict.kind == FirewallVerdict::Kind::Drop) branch.verdict = {};
    }
    // One without rules would be named as what lets packets through.
    if (!changes) std::erase_if(table.chains, [](const FirewallChain& chain) { return chain.rules.empty(); });
  }
  return rules;
}

}  // namespace airtight::audit
