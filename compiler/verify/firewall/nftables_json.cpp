// `nft -j list ruleset` (libnftables-json(5)), and the commands that `nft -j -f` takes.
#include <algorithm>
#include <array>

#include "compiler/verify/firewall/iptables_rule.h"
#include "compiler/verify/firewall/nftables_keys.h"
#include "compiler/verify/firewall/nftables_lexer.h"
#include "compiler/verify/firewall/nftables_syntax.h"

namespace airtight::verify {
namespace {

using Kind = NftStatement::Kind;
using Verdict = FirewallVerdict::Kind;
using Expression = NftExpression;

template <std::size_t N>
bool among(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr std::array<std::string_view, 5> kVerbs{"add", "create", "insert", "flush", "delete"};
constexpr std::array<std::string_view, 10> kOtherObjects{"metainfo", "flowtable", "counter",    "quota",
                                                         "limit",    "ct helper", "ct timeout", "ct expectation",
                                                         "synproxy", "secmark"};
constexpr std::array<std::string_view, 6> kTransparent{"counter", "log", "comment", "ct helper", "ct timeout", "last"};
constexpr std::array<std::string_view, 6> kLimited{"limit", "quota", "meter", "set", "ct count", "connlimit"};
constexpr std::array<std::string_view, 5> kTranslations{"dnat", "snat", "masquerade", "redirect", "tproxy"};
constexpr std::array<std::string_view, 5> kElsewhere{"queue", "dup", "fwd", "flow", "synproxy"};

std::string_view text_of(const Value* value) {
  return value && !value->is_list() && !value->is_map() && !value->is_null() ? std::string_view(value->text)
                                                                             : std::string_view();
}

// An object with one member: its name is what it is.
const Member* only(const Value& value) {
  return value.is_map() && value.members.size() == 1 ? &value.members[0] : nullptr;
}

// A statement in a form that a person can read: "dnat addr 10.0.0.1 port 80".
void say(const Value& value, std::string& into, int depth = 0) {
  if (into.size() > 200 || depth > 8) return;
  for (const Member& member : value.members) {
    into += " " + member.key;
    say(member.value, into, depth + 1);
  }
  for (const Value& item : value.items) say(item, into, depth + 1);
  if (!value.text.empty()) into += " " + value.text;
}

std::string words(const Member& statement) {
  std::string text = statement.key;
  say(statement.value, text);
  return printable(text);
}

bool holds(const Value& value, std::string_view key) {
  return std::any_of(value.members.begin(), value.members.end(),
                     [&](const Member& m) { return m.key == key || holds(m.value, key); }) ||
         std::any_of(value.items.begin(), value.items.end(), [&](const Value& v) { return holds(v, key); });
}

// Text of numbers, which list and match alike hold as JSON numbers or text.
Expression word(std::string_view text, bool quoted) {
  Expression result;
  result.text = text;
  result.quoted = quoted;
  return result;
}

Expression list_of(Expression::Kind kind, const std::vector<Value>& items);

Expression set_of_one(const Value& item);

Expression expression(const Value& value) {
  switch (value.kind) {
    case Value::Kind::Bool:
      return word(value.text == "true" ? "exists" : "missing", false);
    case Value::Kind::Number:
      return word(value.text, false);
    case Value::Kind::String:
      if (value.text.size() > 1 && value.text[0] == '@') {
        Expression set = word(std::string_view(value.text).substr(1), false);
        set.kind = Expression::Kind::SetName;
        return set;
      }
      return word(value.text, value.text != "*");
    case Value::Kind::List:
      return list_of(Expression::Kind::Flags, value.items);
    case Value::Kind::Null:
      break;
    case Value::Kind::Map:
      if (const Member* what = only(value)) {
        const Value& inner = what->value;
        if (what->key == "range" && inner.is_list()) return list_of(Expression::Kind::Range, inner.items);
        if (what->key == "concat" && inner.is_list()) return list_of(Expression::Kind::Concat, inner.items);
        if (what->key == "|" && inner.is_list()) return list_of(Expression::Kind::Flags, inner.items);
        if (what->key == "set" && inner.is_list()) return list_of(Expression::Kind::Set, inner.items);
        if (what->key == "set") return set_of_one(inner);
        if (what->key == "prefix" && inner.find("addr") && inner.find("len")) {
          Expression prefix = word(text_of(inner.find("len")), false);
          prefix.kind = Expression::Kind::Prefix;
          prefix.items.push_back(expression(*inner.find("addr")));
          return prefix;
        }
        if (what->key == "elem" && inner.find("val") && !inner.find("timeout") && !inner.find("expires"))
          return expression(*inner.find("val"));
      }
      break;
  }
  Expression opaque;
  opaque.kind = Expression::Kind::Opaque;
  return opaque;
}

Expression set_of_one(const Value& item) {
  Expression result;
  result.kind = Expression::Kind::Set;
  result.items.push_back(expression(item));
  return result;
}

Expression list_of(Expression::Kind kind, const std::vector<Value>& items) {
  Expression result;
  result.kind = kind;
  result.items.reserve(items.size());
  for (const Value& item : items) result.items.push_back(expression(item));
  return result;
}

// "ip daddr", "meta mark", "@ll"; false for a form that has no name.
bool key(const Value& left, NftKey& into) {
  const Member* what = only(left);
  if (!what) return false;
  const Value& inner = what->value;
  const std::string field(text_of(inner.find("field")));
  const std::string name(text_of(inner.find("name")));
  if (what->key == "payload" && inner.find("base")) {
    const auto offset = parse_number(text_of(inner.find("offset")));
    const auto length = parse_number(text_of(inner.find("len")));
    if (!offset || !length || *offset > 65535 || *length > 65535) return false;
    into = {"@" + std::string(text_of(inner.find("base"))), static_cast<std::uint32_t>(*offset),
            static_cast<std::uint32_t>(*length)};
    return true;
  }
  if (what->key == "payload") {
    into.name = std::string(text_of(inner.find("protocol"))) + " " + field;
  } else if (what->key == "meta" || what->key == "rt" || what->key == "socket") {
    into.name = what->key + " " + std::string(text_of(inner.find("key")));
  } else if (what->key == "ct") {
    const std::string direction(text_of(inner.find("dir")));
    into.name = "ct " + (direction.empty() ? "" : direction + " ") + std::string(text_of(inner.find("key")));
  } else if (what->key == "exthdr") {
    into.name = "exthdr " + name + (field.empty() ? "" : " " + field);
  } else if (what->key == "ip option" || what->key == "tcp option" || what->key == "sctp chunk") {
    into.name = what->key + " " + name + (field.empty() ? "" : " " + field);
  } else if (what->key == "fib") {
    into.name = "fib";
    if (const Value* flags = inner.find("flags")) {
      for (const Value& flag : flags->items) into.name += (into.name == "fib" ? " " : " . ") + flag.text;
      if (!flags->is_list()) into.name += " " + flags->text;
    }
    into.name += " " + std::string(text_of(inner.find("result")));
  } else {
    into.name = what->key;
  }
  return true;
}

FirewallVerdict verdict(const Value& value) {
  static constexpr std::pair<std::string_view, Verdict> kVerdicts[] = {
      {"accept", Verdict::Accept},     {"drop", Verdict::Drop}, {"return", Verdict::Return},
      {"continue", Verdict::Continue}, {"jump", Verdict::Jump}, {"goto", Verdict::Goto}};
  const Member* what = only(value);
  for (const auto& [name, kind] : kVerdicts)
    if (what && what->key == name) return {kind, std::string(text_of(what->value.find("target"))), ""};
  return {Verdict::Continue, "", "?"};
}

bool has_time(const Value& element) {
  const Value* inner = element.find("elem");
  return inner && (inner->find("timeout") || inner->find("expires"));
}

// Elements of a set, or pairs of a map.
void add_elements(const Value& elements, std::vector<Expression>& keys, std::vector<FirewallVerdict>& verdicts,
                  bool is_map, std::string& unknown) {
  const auto one = [&](const Value& element) {
    const bool pair = is_map && element.is_list() && element.items.size() == 2;
    const Value& first = pair ? element.items[0] : element;
    if (has_time(first)) unknown = "forgets its elements (timeout)";
    keys.push_back(expression(first));
    if (!pair) return;
    FirewallVerdict to = verdict(element.items[1]);
    if (to.text.empty()) verdicts.push_back(std::move(to));
  };
  if (!elements.is_list()) return one(elements);
  keys.reserve(elements.items.size());
  for (const Value& element : elements.items) one(element);
}

class JsonReader {
 public:
  JsonReader(Diagnostics& diagnostics, NftDocument& document) : diagnostics_(diagnostics), document_(document) {}

  bool read(const Value& root) {
    const Value* list = root.find("nftables");
    if (!list || !list->is_list()) return fail(root, "this is no ruleset of nftables", R"({"nftables": […]})");
    for (const Value& entry : list->items) {
      const Member* what = only(entry);
      if (!what) return fail(entry, "an entry of a ruleset is one object with one member", R"({"rule": {…}})");
      const bool verb = among(what->key, kVerbs);
      if (!(verb ? command(what->key, what->value) : add(*what, false))) return false;
    }
    return true;
  }

 private:
  bool fail(const Value& at, std::string message, std::string expected) {
    diagnostics_.error(kFirewallSyntax, at.span, std::move(message)).expect(std::move(expected));
    return false;
  }

  void not_understood(const Value& at, std::string message) {
    document_.not_understood.push_back({verify::Rule::RuleNotUnderstood, at.span, "nftables JSON", std::move(message)});
  }

  bool command(const std::string& verb, const Value& object) {
    document_.live = false;
    const Member* what = only(object);
    if (!what) return fail(object, "a command names one object", R"({"table": {…}})");
    if (verb == "add" || verb == "create") return add(*what, false);
    if (verb == "insert") return add(*what, true);
    if (what->key == "ruleset" && verb == "flush") {
      document_.tables.clear();
      document_.flushes = true;
      return true;
    }
    const auto family = parse_family(text_of(what->value.find("family")));
    const std::string_view name = text_of(what->value.find(what->key == "table" ? "name" : "table"));
    NftTable* table = family ? document_.find(*family, name) : nullptr;
    if (table && what->key == "table") {
      if (verb == "delete")
        document_.remove(*family, name);
      else
        for (NftChain& chain : table->chains) chain.rules.clear();
      return true;
    }
    if (table && what->key == "chain") {
      const std::string_view chain = text_of(what->value.find("name"));
      if (verb == "flush")
        table->chain(chain, object.span).rules.clear();
      else
        table->remove_chain(chain);
      return true;
    }
    not_understood(object, "the command " + quoted(verb + " " + what->key) + " takes away what is not in the text");
    return true;
  }

  bool add(const Member& what, bool first) {
    const Value& object = what.value;
    if (among(what.key, kOtherObjects)) return true;
    const bool known = what.key == "table" || what.key == "chain" || what.key == "rule" || what.key == "set" ||
                       what.key == "map" || what.key == "element";
    if (!known) {
      not_understood(object, "holds " + quoted(what.key) + ", which may change what passes");
      return true;
    }
    const auto family = parse_family(text_of(object.find("family")));
    const std::string_view name = text_of(object.find(what.key == "table" ? "name" : "table"));
    if (!family || name.empty())
      return fail(object, quoted(what.key) + " does not say its family and table", "family, table");
    NftTable& table = document_.table(*family, name, object.span);
    if (what.key == "table") return flags(object, table);
    if (what.key == "chain") return chain(object, table);
    if (what.key == "rule") return rule(object, table, first);
    return set(object, table, what.key);
  }

  static bool flags(const Value& object, NftTable& table) {
    if (const Value* given = object.find("flags")) {
      if (!given->is_list()) add_flag(table, given->text);
      for (const Value& flag : given->items) add_flag(table, flag.text);
    }
    return true;
  }

  bool chain(const Value& object, NftTable& table) {
    const std::string_view name = text_of(object.find("name"));
    if (name.empty()) return fail(object, "a chain without a name", "name");
    FirewallChain& head = table.chain(name, object.span).head;
    const Value* hook = object.find("hook");
    if (!hook) return true;
    const auto parsed = parse_hook(hook->text);
    if (!parsed) return fail(*hook, "this is no hook: " + quoted(hook->text), "forward, output, egress …");
    const Value* priority = object.find("prio");
    const auto number = priority ? parse_priority(priority->text, table.family) : std::nullopt;
    if (!number) return fail(priority ? *priority : object, "a base chain without its priority", "prio");
    head.hook = *parsed;
    head.priority = *number;
    head.type = std::string(text_of(object.find("type")));
    head.policy_accept = text_of(object.find("policy")) != "drop";
    if (const Value* device = object.find("dev")) {
      if (!device->is_list()) head.devices.push_back(device->text);
      for (const Value& one : device->items) head.devices.push_back(one.text);
    }
    return true;
  }

  bool set(const Value& object, NftTable& table, std::string_view kind) {
    const std::string_view name = text_of(object.find("name"));
    if (name.empty()) return fail(object, "a set without a name", "name");
    NftSet& set = table.set(name);
    if (kind != "element") set.defined = true;
    if (kind != "element") set.span = object.span;
    if (const Value* type = object.find("type")) {
      if (!type->is_list()) set.types = {type->text};
      for (const Value& part : type->items) set.types.push_back(part.text);
    }
    set.merges = set.merges || text_of(object.find("auto-merge")) == "true";
    if (kind == "map") set.is_map = true;
    if (const Value* flags = object.find("flags")) {
      const auto changes = [&](const Value& flag) {
        if (flag.text == "dynamic" || flag.text == "timeout")
          set.unknown = "changes by itself (flags " + flag.text + ")";
        set.intervals = set.intervals || flag.text == "interval";
      };
      changes(*flags);
      for (const Value& flag : flags->items) changes(flag);
    }
    if (object.find("timeout")) set.unknown = "forgets its elements (timeout)";
    if (const Value* elements = object.find("elem")) {
      set.elements_given = true;
      add_elements(*elements, set.elements, set.verdicts, set.is_map, set.unknown);
    }
    return true;
  }

  bool rule(const Value& object, NftTable& table, bool first) {
    const std::string_view name = text_of(object.find("chain"));
    const Value* statements = object.find("expr");
    if (name.empty() || !statements || !statements->is_list())
      return fail(object, "a rule does not say its chain and its statements", "chain, expr");
    NftRule rule;
    rule.span = object.span;
    rule.misplaced = object.find("index") != nullptr;
    for (const Value& entry : statements->items) {
      const Member* what = only(entry);
      if (!what) return fail(entry, "a statement is one object with one member", R"({"accept": null})");
      statement(*what, entry, rule);
    }
    auto& rules = table.chain(name, object.span).rules;
    rules.insert(first || rule.misplaced ? rules.begin() : rules.end(), std::move(rule));
    return true;
  }

  static void push(NftRule& rule, Kind kind, std::string text = {}) {
    rule.statements.emplace_back().kind = kind;
    rule.statements.back().text = std::move(text);
  }

  static void push(NftRule& rule, Verdict to, std::string text) {
    push(rule, Kind::Verdict);
    rule.statements.back().verdict = {to, "", std::move(text)};
  }

  void statement(const Member& what, const Value& whole, NftRule& rule) {
    const std::string& name = what.key;
    if (FirewallVerdict to = verdict(whole); to.text.empty()) {
      push(rule, Kind::Verdict);
      rule.statements.back().verdict = std::move(to);
    } else if (name == "reject") {
      add_reject_condition(text_of(what.value.find("type")), rule);
      push(rule, Verdict::Drop, words(what));
    } else if (name == "match") {
      match(what.value, rule);
    } else if (name == "vmap") {
      verdict_map(what.value, rule);
    } else if (name == "mangle") {
      mangle(what, rule);
    } else if (among(name, kTranslations)) {
      // A key that the map does not hold is no match.
      if (holds(what.value, "map")) push(rule, Kind::Unknown, "the map of " + name);
      push(rule, Verdict::Translate, words(what));
    } else if (among(name, kElsewhere)) {
      push(rule, Verdict::Elsewhere, words(what));
    } else if (among(name, kLimited)) {
      push(rule, Kind::Limited);
    } else if (name == "notrack") {
      change(rule, Field::State);
    } else if (name == "xt") {
      xt(what, rule);
    } else if (!among(name, kTransparent)) {
      push(rule, Kind::Unknown, quoted(words(what)));
    }
  }

  static void change(NftRule& rule, Field field) {
    push(rule, Kind::Change);
    rule.statements.back().changed = field;
  }

  // What iptables loaded and nft cannot show: no more than its name.
  static void xt(const Member& what, NftRule& rule) {
    const std::string name(text_of(what.value.find("name")));
    const std::string text = quoted(words(what));
    if (text_of(what.value.find("type")) == "match") return push(rule, Kind::UnknownMatch, text);
    const IptablesTarget* target = find_iptables_target(name);
    if (!target) return push(rule, Kind::Unknown, text);
    using Effect = IptablesTarget::Effect;
    switch (target->effect) {
      case Effect::Verdict:
        return push(rule, target->kind, name == "ACCEPT" || name == "DROP" ? "" : name);
      case Effect::Nothing:
        return;
      case Effect::Untrack:  // or it names a zone or a helper
        push(rule, Kind::UnknownMatch, text);
        return change(rule, Field::State);
      case Effect::Mark:
      case Effect::RestoreMark:
        return change(rule, Field::Mark);
      case Effect::HopLimit:
        return change(rule, Field::HopLimit);
      case Effect::Rewrite:
        return push(rule, Kind::Rewrite, name);
    }
  }

  static bool keys(const Value& left, NftStatement& into) {
    const Member* what = only(left);
    if (what && what->key == "concat" && what->value.is_list()) {
      for (const Value& part : what->value.items)
        if (!key(part, into.keys.emplace_back())) return false;
      return !into.keys.empty();
    }
    if (what && what->key == "&" && what->value.is_list() && what->value.items.size() == 2) {
      into.mask = expression(what->value.items[1]);
      return key(what->value.items[0], into.keys.emplace_back());
    }
    return key(left, into.keys.emplace_back());
  }

  static void match(const Value& match, NftRule& rule) {
    static constexpr std::pair<std::string_view, NftOperator> kOperators[] = {
        {"==", NftOperator::Equal},          {"!=", NftOperator::NotEqual},
        {"in", NftOperator::Implicit},       {"<", NftOperator::Less},
        {"<=", NftOperator::LessOrEqual},    {">", NftOperator::Greater},
        {">=", NftOperator::GreaterOrEqual}, {"!", NftOperator::HasNot}};
    NftStatement statement;
    statement.kind = Kind::Match;
    const Value* left = match.find("left");
    const Value* right = match.find("right");
    const std::string_view op = text_of(match.find("op"));
    const auto* found =
        std::find_if(std::begin(kOperators), std::end(kOperators), [&](const auto& o) { return o.first == op; });
    if (!left || !right || found == std::end(kOperators) || !keys(*left, statement)) {
      std::string text = "match";
      say(match, text);
      return push(rule, Kind::Unknown, quoted(text));
    }
    statement.op = found->second;
    statement.right = expression(*right);
    rule.statements.push_back(std::move(statement));
  }

  static void verdict_map(const Value& map, NftRule& rule) {
    NftStatement statement;
    statement.kind = Kind::VerdictMap;
    const Value* left = map.find("key");
    const Value* data = map.find("data");
    if (!left || !data || !keys(*left, statement) || statement.mask) {
      std::string text = "vmap";
      say(map, text);
      return push(rule, Kind::Unknown, quoted(text));
    }
    if (const Value* pairs = data->find("set")) {
      std::string unknown;
      statement.right.kind = Expression::Kind::Set;
      add_elements(*pairs, statement.right.items, statement.verdicts, true, unknown);
      if (!unknown.empty()) statement.verdicts.clear();
    } else {
      statement.right = expression(*data);
    }
    rule.statements.push_back(std::move(statement));
  }

  static void mangle(const Member& what, NftRule& rule) {
    static constexpr std::array<std::string_view, 5> kHarmless{"ip dscp", "ip6 dscp", "ip ecn", "ip6 ecn",
                                                               "ip6 flowlabel"};
    NftKey changed;
    const Value* target = what.value.find("key");
    const bool named = target && key(*target, changed);
    const std::string header = changed.name.substr(0, changed.name.find(' '));
    if (named && changed.name == "meta mark") return push(rule, Kind::Change);
    if (named && (header == "meta" || header == "ct" || changed.name.substr(0, 11) == "tcp option " ||
                  among(changed.name, kHarmless)))
      return;
    push(rule, Kind::Rewrite, words(what));
  }

  Diagnostics& diagnostics_;
  NftDocument& document_;
};

}  // namespace

bool read_nftables_json(const Value& document, const Sources&, Diagnostics& diagnostics, Ruleset& ruleset) {
  NftDocument read;
  read.live = true;
  if (!JsonReader(diagnostics, read).read(document)) return false;
  lower(std::move(read), "nft -j", ruleset);
  return true;
}

}  // namespace airtight::verify
