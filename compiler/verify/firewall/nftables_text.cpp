// Commands and blocks of nftables text: tables, chains, sets, and what adds to them or takes them away.
#include <algorithm>
#include <array>

#include "compiler/verify/firewall/nftables_rule.h"
#include "compiler/verify/firewall/ruleset.h"

namespace airtight::verify {
namespace {

using TokenKind = NftToken::Kind;

template <std::size_t N>
bool among(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr std::array<std::string_view, 9> kVerbs{"add",   "create",  "insert", "delete", "destroy",
                                                 "flush", "replace", "rename", "reset"};
// Blocks of a table that hold no rule and no element.
constexpr std::array<std::string_view, 7> kOtherBlocks{"flowtable", "counter",  "quota",  "limit",
                                                       "ct",        "synproxy", "secmark"};
constexpr std::array<std::string_view, 4> kSetFacts{"size", "policy", "gc-interval", "comment"};

class TextReader {
 public:
  TextReader(std::uint32_t source, const Sources& sources, Diagnostics& diagnostics)
      : lexer_(source, sources.text(source), diagnostics), rules_(lexer_, variables_, sources.text(source)) {}

  bool read(NftDocument& document) {
    document_ = &document;
    for (skip_separators(); lexer_.peek().kind != TokenKind::End; skip_separators()) {
      command();
      if (!lexer_.failed() && !lexer_.peek().ends_statement())
        lexer_.fail(lexer_.peek(), "a command is followed by something else: " + quoted(lexer_.peek().text),
                    "a new line or a semicolon");
    }
    return !lexer_.failed();
  }

 private:
  struct Place {
    TableFamily family = TableFamily::Ip;
    std::string table;
    Span span;
  };

  void skip_separators() {
    while (lexer_.peek().kind == TokenKind::Newline || lexer_.peek().kind == TokenKind::Semicolon) lexer_.next();
  }

  bool accept(std::string_view text) {
    if (!lexer_.peek().is(text)) return false;
    lexer_.next();
    return true;
  }

  bool expect(std::string_view text) {
    if (accept(text)) return true;
    lexer_.fail(lexer_.peek(), "nftables text does not go on like this: " + quoted(lexer_.peek().text),
                std::string(text));
    return false;
  }

  std::string name(std::string_view what) {
    const NftToken token = lexer_.peek();
    if (token.kind != TokenKind::Word && token.kind != TokenKind::Quoted) {
      lexer_.fail(token, "a name is missing", std::string(what));
      return {};
    }
    lexer_.next();
    if (token.kind == TokenKind::Word && token.text[0] == '$') return variable(token);
    return std::string(token.text);
  }

  std::string variable(const NftToken& token) {
    for (auto at = variables_.rbegin(); at != variables_.rend(); ++at)
      if (at->first == token.text.substr(1) && at->second.kind == NftExpression::Kind::Word)
        return std::string(at->second.text);
    lexer_.fail(token, "the variable is not defined as one word: " + quoted(token.text), "a defined name");
    return {};
  }

  void not_understood(Span where, std::string what) {
    document_->not_understood.push_back({Rule::RuleNotUnderstood, where, "nftables text", std::move(what)});
  }

  void skip_statement() {
    int depth = 0;
    while (lexer_.peek().kind != TokenKind::End &&
           !(depth == 0 && (lexer_.peek().ends_statement() || lexer_.peek().is("}")))) {
      if (lexer_.peek().is("{")) ++depth;
      if (lexer_.peek().is("}")) --depth;
      lexer_.next();
    }
    if (depth > 0) lexer_.fail(lexer_.peek(), "a block without its end", "}");
  }

  // Definitions and includes stand anywhere; false if this is neither.
  bool definition() {
    const NftToken token = lexer_.peek();
    if (accept("include")) {
      const std::string file = name("a file");
      not_understood(lexer_.span(token),
                     "includes " + quoted(file) + ", which may hold rules; give the text of all of them");
      return true;
    }
    if (accept("undefine")) {
      const std::string old = name("a variable");
      std::erase_if(variables_, [&](const auto& v) { return v.first == old; });
      return true;
    }
    if (!accept("define") && !accept("redefine")) return false;
    std::string variable = name("a variable");
    if (!expect("=")) return true;
    variables_.emplace_back(std::move(variable), rules_.expression());
    return true;
  }

  void command() {
    const NftToken token = lexer_.peek();
    if (token.kind != TokenKind::Word)
      return lexer_.fail(token, "this begins no command of nftables: " + quoted(token.text),
                         "table, add, define, flush …");
    if (definition()) return;
    if (accept("table")) return table(false);
    if (accept("list") || accept("monitor")) return skip_statement();
    std::string verb = "add";
    if (among(token.text, kVerbs)) {
      verb = std::string(token.text);
      lexer_.next();
    }
    const NftToken object = lexer_.peek();
    if (object.is("ruleset") && verb == "flush") {
      lexer_.next();
      const auto family = parse_family(lexer_.peek().text);
      skip_statement();
      if (!family) document_->tables.clear();
      std::erase_if(document_->tables, [&](const NftTable& table) { return table.family == family; });
      document_->flushes = true;
      return;
    }
    if (verb == "add" || verb == "create") return add(object);
    if (verb == "insert" && (object.is("rule") || object.is("ip") || parse_family(object.text))) {
      accept("rule");
      return rule(true);
    }
    if (verb == "delete" || verb == "destroy" || verb == "flush") return remove(verb, object);
    not_understood(lexer_.span(token), "the command " +
                                           quoted(std::string(token.text) + " " + std::string(object.text)) +
                                           " changes a ruleset that is not in the text");
    skip_statement();
  }

  void add(const NftToken& object) {
    if (accept("table")) return table(true);
    if (accept("rule")) return rule(false);
    if (accept("chain")) {
      const Place at = place();
      return chain(at, table_at(at), true);
    }
    if (object.is("set") || object.is("map")) {
      lexer_.next();
      const Place at = place();
      return set(table_at(at), true);
    }
    if (accept("element")) {
      const Place at = place();
      const std::string set_name = name("a set");
      return add_elements(table_at(at).set(set_name));
    }
    if (among(object.text, kOtherBlocks) && object.kind == TokenKind::Word) return skip_statement();
    lexer_.fail(object, "this is nothing that nftables can add: " + quoted(object.text),
                "table, chain, rule, set, map, element");
  }

  void remove(const std::string& verb, const NftToken& object) {
    const Span where = lexer_.span(object);
    lexer_.next();
    const auto gone = [&](const std::string& what) {
      not_understood(where, "the command " + quoted(verb + " " + what) + " takes away what is not in the text");
      skip_statement();
    };
    if (object.is("table")) {
      const Place at = place();
      if (verb != "flush") return document_->remove(at.family, at.table);
      if (NftTable* known = document_->find(at.family, at.table))
        for (NftChain& chain : known->chains) chain.rules.clear();
      return;
    }
    if (object.is("chain")) {
      const Place at = place();
      const std::string chain = name("a chain");
      NftTable* known = document_->find(at.family, at.table);
      if (!known) return gone("chain " + chain);
      if (verb == "flush") return known->chain(chain, at.span).rules.clear();
      known->remove_chain(chain);
      return;
    }
    if (object.is("set") || object.is("map")) {
      const Place at = place();
      const std::string set = name("a set");
      NftTable* known = document_->find(at.family, at.table);
      if (!known || known->sets.find(set) == known->sets.end()) return gone("set " + set);
      if (verb != "flush") {
        known->sets.erase(set);
        return;
      }
      known->set(set).elements.clear();
      known->set(set).verdicts.clear();
      return;
    }
    if (object.is("element")) {
      const Place at = place();
      const std::string set = name("a set");
      table_at(at).set(set).unknown = "loses elements one by one";
      rules_.skip_block();
      return;
    }
    if (among(object.text, kOtherBlocks)) return skip_statement();
    gone(std::string(object.text));
  }

  // "inet filter": the family may be absent.
  Place place() {
    Place at;
    at.span = lexer_.span(lexer_.peek());
    if (const auto family = parse_family(lexer_.peek().text); family && lexer_.peek().kind == TokenKind::Word) {
      lexer_.next();
      at.family = *family;
    }
    at.table = name("a table");
    at.span.end = lexer_.last_end();
    return at;
  }

  NftTable& table_at(const Place& at) { return document_->table(at.family, at.table, at.span); }

  void table(bool) {
    const Place at = place();
    NftTable& table = table_at(at);
    if (!accept("{")) return;
    const std::size_t variables = variables_.size();
    for (skip_separators(); !accept("}") && !lexer_.failed(); skip_separators()) {
      const NftToken token = lexer_.peek();
      if (token.kind == TokenKind::End) return lexer_.fail(token, "the table is not complete", "}");
      if (definition()) continue;
      if (accept("chain")) {
        chain(at, table, false);
      } else if (token.is("set") || token.is("map")) {
        lexer_.next();
        set(table, false);
      } else if (accept("flags")) {
        do add_flag(table, name("a flag"));
        while (accept(","));
      } else if (accept("comment")) {
        name("a comment");
      } else if (token.kind == TokenKind::Word && among(token.text, kOtherBlocks)) {
        while (!lexer_.peek().is("{") && !lexer_.peek().ends_statement()) lexer_.next();
        rules_.skip_block();
      } else {
        return lexer_.fail(token, "a table holds no " + quoted(token.text), "chain, set, map, counter …");
      }
    }
    variables_.resize(std::min(variables, variables_.size()), {});
  }

  void chain(const Place& at, NftTable& table, bool command) {
    const Span where = lexer_.span(lexer_.peek());
    const std::string wanted = name("a chain");
    if (lexer_.failed()) return;
    NftChain& chain = table.chain(wanted, where);
    if (!lexer_.peek().is("{")) {
      if (!command) expect("{");
      return;
    }
    lexer_.next();
    const std::size_t variables = variables_.size();
    for (skip_separators(); !accept("}") && !lexer_.failed(); skip_separators()) {
      const NftToken token = lexer_.peek();
      if (token.kind == TokenKind::End) return lexer_.fail(token, "the chain is not complete", "}");
      if (definition()) continue;
      if (accept("type")) {
        base_chain(at.family, chain.head);
      } else if (accept("policy")) {
        policy(chain.head);
      } else if (accept("flags")) {
        name("a flag");
      } else if (accept("comment")) {
        name("a comment");
      } else {
        chain.rules.push_back(rules_.rule());
      }
    }
    variables_.resize(std::min(variables, variables_.size()), {});
  }

  void policy(FirewallChain& head) {
    const NftToken token = lexer_.peek();
    const std::string verdict = name("accept or drop");
    if (verdict != "accept" && verdict != "drop" && !lexer_.failed())
      lexer_.fail(token, "this is no policy of a chain: " + quoted(verdict), "accept or drop");
    head.policy_accept = verdict != "drop";
  }

  // "filter hook forward priority filter" behind `type`.
  void base_chain(TableFamily family, FirewallChain& head) {
    head.type = name("a type of chain");
    if (!expect("hook")) return;
    const NftToken hook = lexer_.peek();
    const auto parsed = parse_hook(name("a hook"));
    if (!parsed) return lexer_.fail(hook, "this is no hook: " + quoted(hook.text), "forward, output, egress …");
    head.hook = *parsed;
    if (accept("device")) {
      head.devices = {name("a device")};
    } else if (accept("devices")) {
      if (!expect("=")) return;
      devices(rules_.expression(), head.devices);
    }
    const NftToken priority = lexer_.peek();
    if (!accept("priority") && !accept("prio")) return (void)expect("priority");
    std::string text = name("a priority");
    while (lexer_.peek().kind == TokenKind::Word) text += " " + name("a number");
    const auto number = parse_priority(text, family);
    if (!number) return lexer_.fail(priority, "this is no priority: " + quoted(text), "a number or a name like filter");
    head.priority = *number;
  }

  static void devices(const NftExpression& list, std::vector<std::string>& into) {
    if (list.kind == NftExpression::Kind::Word) into.emplace_back(list.text);
    for (const NftExpression& item : list.items) devices(item, into);
  }

  void set(NftTable& table, bool command) {
    const Span where = lexer_.span(lexer_.peek());
    const std::string wanted = name("a set");
    if (lexer_.failed()) return;
    NftSet& set = table.set(wanted);
    set.defined = true;
    set.span = where;
    if (!lexer_.peek().is("{")) {
      if (!command) expect("{");
      return;
    }
    lexer_.next();
    for (skip_separators(); !accept("}") && !lexer_.failed(); skip_separators()) {
      const NftToken token = lexer_.peek();
      if (accept("elements")) {
        if (expect("=")) add_elements(set);
      } else if (accept("flags")) {
        do {
          const std::string flag = name("a flag");
          if (flag == "dynamic" || flag == "timeout") set.unknown = "changes by itself (flags " + flag + ")";
          set.intervals = set.intervals || flag == "interval";
        } while (accept(","));
      } else if (accept("type") || accept("typeof")) {
        types(set);
      } else if (accept("auto-merge")) {
        set.merges = true;
      } else if (accept("timeout")) {
        name("a time");
        set.unknown = "forgets its elements (timeout)";
      } else if (token.kind == TokenKind::Word && among(token.text, kSetFacts)) {
        skip_statement();
      } else if (!accept("counter")) {
        return lexer_.fail(token, "a set holds no " + quoted(token.text), "type, flags, elements …");
      }
    }
  }

  // "ipv4_addr . inet_service", "ip daddr : verdict"
  void types(NftSet& set) {
    set.types.assign(1, {});
    while (!lexer_.peek().ends_statement() && !lexer_.peek().is(":") && !lexer_.peek().is("}")) {
      if (accept("."))
        set.types.emplace_back();
      else
        set.types.back().append(set.types.back().empty() ? "" : " ").append(lexer_.next().text);
    }
    set.is_map = lexer_.peek().is(":");
    skip_statement();
  }

  void add_elements(NftSet& set) {
    const NftToken token = lexer_.peek();
    NftElements added;
    if (token.is("{")) {
      added = rules_.elements();
    } else {
      NftExpression all = rules_.expression();
      if (all.kind != NftExpression::Kind::Set && !lexer_.failed())
        return lexer_.fail(token, "these are no elements: " + quoted(token.text), "{");
      added.keys = std::move(all.items);
    }
    set.elements_given = true;
    if (added.timed) set.unknown = "forgets its elements (timeout)";
    std::move(added.keys.begin(), added.keys.end(), std::back_inserter(set.elements));
    std::move(added.verdicts.begin(), added.verdicts.end(), std::back_inserter(set.verdicts));
  }

  // "inet filter output tcp dport 22 accept" behind `add rule`.
  void rule(bool first) {
    const Place at = place();
    const std::string chain_name = name("a chain");
    if (lexer_.failed()) return;
    bool misplaced = false;
    for (const std::string_view position : {"position", "handle", "index"})
      if (accept(position)) {
        name("a number");
        misplaced = true;
      }
    NftTable& table = table_at(at);
    NftChain& chain = table.chain(chain_name, at.span);
    NftRule rule = rules_.rule();
    if (rule.statements.empty() && rule.span.begin >= lexer_.last_end() && !lexer_.failed())
      return lexer_.fail(lexer_.peek(), "a rule is missing", "a statement");
    rule.misplaced = misplaced;
    chain.rules.insert(first || misplaced ? chain.rules.begin() : chain.rules.end(), std::move(rule));
  }

  NftLexer lexer_;
  NftVariables variables_;
  NftRuleReader rules_;
  NftDocument* document_ = nullptr;
};

}  // namespace

bool read_nftables_text(std::uint32_t source, const Sources& sources, Diagnostics& diagnostics, Ruleset& ruleset) {
  NftDocument document;
  if (!TextReader(source, sources, diagnostics).read(document)) return false;
  lower(std::move(document), "nftables", ruleset);
  return true;
}

}  // namespace airtight::verify
