#include "compiler/verify/firewall/nftables_rule.h"

#include <algorithm>
#include <array>

#include "compiler/verify/firewall/nftables_keys.h"

namespace airtight::verify {
namespace {

using Kind = NftStatement::Kind;
using TokenKind = NftToken::Kind;
using Verdict = FirewallVerdict::Kind;
using Expression = NftExpression;

constexpr int kMaxDepth = 32;

template <std::size_t N>
bool among(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr std::pair<std::string_view, Verdict> kVerdicts[] = {
    {"accept", Verdict::Accept},     {"drop", Verdict::Drop}, {"reject", Verdict::Drop}, {"return", Verdict::Return},
    {"continue", Verdict::Continue}, {"jump", Verdict::Jump}, {"goto", Verdict::Goto}};
// Keys of `meta` that may stand alone.
constexpr std::array<std::string_view, 19> kMetaAlone{
    "mark",      "iif",      "iifname",  "iiftype", "oif",     "oifname", "oiftype", "skuid",    "skgid",   "nftrace",
    "rtclassid", "ibriport", "obriport", "ibrname", "obrname", "pkttype", "cpu",     "iifgroup", "oifgroup"};
constexpr std::array<std::string_view, 22> kHeaders{
    "ether", "vlan", "arp", "ip", "ip6", "icmp", "igmp", "icmpv6", "tcp", "udp", "udplite",
    "sctp",  "dccp", "th",  "ah", "esp", "comp", "rt",   "frag",   "hbh", "dst", "mh"};

NftStatement of(Kind kind) {
  NftStatement statement;
  statement.kind = kind;
  return statement;
}

NftStatement of(Verdict verdict, std::string text) {
  NftStatement statement = of(Kind::Verdict);
  statement.verdict.kind = verdict;
  statement.verdict.text = std::move(text);
  return statement;
}

}  // namespace

bool NftRuleReader::accept(std::string_view text) {
  if (!lexer_.peek().is(text)) return false;
  lexer_.next();
  return true;
}

std::string NftRuleReader::word() {
  const NftToken token = lexer_.peek();
  if (token.kind != TokenKind::Word && token.kind != TokenKind::Quoted) {
    lexer_.fail(token, "the statement is not complete", "a word");
    return {};
  }
  return std::string(lexer_.next().text);
}

std::string NftRuleReader::text_since(std::uint32_t begin) const {
  return std::string(text_.substr(begin, std::max(begin, lexer_.last_end()) - begin));
}

NftRule NftRuleReader::rule() {
  NftRule rule;
  rule.span = lexer_.span(lexer_.peek());
  while (!lexer_.failed() && !lexer_.peek().ends_statement() && !lexer_.peek().is("}")) {
    statement(rule);
    rule.span.end = std::max(rule.span.end, lexer_.last_end());
  }
  return rule;
}

void NftRuleReader::statement(NftRule& rule) {
  const std::uint32_t begin = lexer_.peek().begin;
  if (lexer_.peek().kind != TokenKind::Word)
    return lexer_.fail(lexer_.peek(), "this begins no statement of nftables: " + quoted(lexer_.peek().text),
                       "a statement");
  if (verdict(rule) || transparent() || untracking(rule) || limited(rule) || translation(rule) || elsewhere(rule))
    return;
  std::vector<NftKey> keys(1);
  if (!key(keys[0])) return unknown(rule, begin);
  while (accept(".")) {
    NftKey next;
    if (!key(next)) return unknown(rule, begin);
    keys.push_back(std::move(next));
  }
  if (accept("vmap")) return verdict_map(rule, std::move(keys));
  if (accept("set")) return change(rule, keys, begin);
  match(rule, std::move(keys));
}

bool NftRuleReader::verdict(NftRule& rule) {
  const std::string_view name = lexer_.peek().text;
  const auto* found =
      std::find_if(std::begin(kVerdicts), std::end(kVerdicts), [&](const auto& v) { return v.first == name; });
  if (found == std::end(kVerdicts)) return false;
  const std::uint32_t begin = lexer_.next().begin;
  NftStatement statement = of(found->second, {});
  if (found->second == Verdict::Jump || found->second == Verdict::Goto) statement.verdict.chain = word();
  if (name == "reject" && accept("with")) {
    const std::string message = word();  // icmp, icmpv6, icmpx, tcp
    accept("type");
    word();
    add_reject_condition(message, rule);
  }
  if (name == "reject") statement.verdict.text = text_since(begin);
  rule.statements.push_back(std::move(statement));
  return true;
}

bool NftRuleReader::untracking(NftRule& rule) {
  if (!accept("notrack")) return false;
  rule.statements.push_back(of(Kind::Change));
  rule.statements.back().changed = Field::State;
  return true;
}

// What does nothing to the packet and passes it on.
bool NftRuleReader::transparent() {
  if (accept("comment")) {
    word();
  } else if (accept("counter")) {
    if (accept("name")) {
      word();
    } else if (accept("packets")) {
      word();
      if (accept("bytes")) word();
    }
  } else if (accept("log")) {
    static constexpr std::array<std::string_view, 5> kOptions{"prefix", "level", "group", "snaplen", "queue-threshold"};
    for (;;) {
      if (lexer_.peek().kind == TokenKind::Word && among(lexer_.peek().text, kOptions)) {
        lexer_.next();
        word();
      } else if (accept("flags")) {
        const std::string kind = word();
        if (kind != "tcp" && kind != "ip") continue;
        do word();
        while (accept(","));
      } else {
        break;
      }
    }
  } else if (accept("last")) {
    if (accept("used")) word();
  } else {
    return false;
  }
  return true;
}

bool NftRuleReader::limited(NftRule& rule) {
  const auto amount = [this](bool with_unit) {
    const std::string number = word();
    if (accept("/")) {
      word();
    } else if (with_unit && number.find('/') == std::string::npos) {
      word();
    }
  };
  if (accept("limit")) {
    if (accept("name")) {
      word();
    } else {
      if (!accept("rate")) return lexer_.fail(lexer_.peek(), "a limit without its rate", "rate"), true;
      accept("over");
      amount(true);
      if (accept("burst")) amount(true);
    }
  } else if (accept("quota")) {
    if (accept("name")) {
      word();
    } else {
      if (!accept("over")) accept("until");
      amount(true);
      if (accept("used")) amount(true);
    }
  } else if (accept("meter")) {
    word();
    if (accept("size")) word();
    skip_block();
  } else if (lexer_.peek().is("add") || lexer_.peek().is("update") || lexer_.peek().is("delete")) {
    lexer_.next();
    word();  // @set
    skip_block();
  } else {
    return false;
  }
  rule.statements.push_back(of(Kind::Limited));
  return true;
}

bool NftRuleReader::translation(NftRule& rule) {
  static constexpr std::array<std::string_view, 5> kNames{"dnat", "snat", "masquerade", "redirect", "tproxy"};
  if (!among(lexer_.peek().text, kNames)) return false;
  const std::uint32_t begin = lexer_.peek().begin;
  std::string text = rest_of_statement(begin, true);
  // A key that the map does not hold is no match.
  if (text.find(" map ") != std::string::npos) {
    NftStatement statement = of(Kind::Unknown);
    statement.text = "the map of " + text.substr(0, text.find(' '));
    rule.statements.push_back(std::move(statement));
  }
  rule.statements.push_back(of(Verdict::Translate, std::move(text)));
  return true;
}

bool NftRuleReader::elsewhere(NftRule& rule) {
  static constexpr std::array<std::string_view, 5> kNames{"queue", "dup", "fwd", "flow", "synproxy"};
  if (!among(lexer_.peek().text, kNames)) return false;
  rule.statements.push_back(of(Verdict::Elsewhere, rest_of_statement(lexer_.peek().begin, false)));
  return true;
}

// The statement's words up to what can only be another statement.
std::string NftRuleReader::rest_of_statement(std::uint32_t begin, bool translation) {
  static constexpr std::array<std::string_view, 8> kOthers{"comment", "counter", "log",  "accept",
                                                           "drop",    "return",  "jump", "goto"};
  const bool tproxy = lexer_.peek().is("tproxy");
  lexer_.next();
  int depth = 0;
  while (!lexer_.failed()) {
    const NftToken& token = lexer_.peek();
    if (depth == 0 && (token.ends_statement() || token.is("}"))) break;
    if (token.kind == TokenKind::End) {
      lexer_.fail(token, "the statement is not complete", "}");
      break;
    }
    if (depth == 0 && token.kind == TokenKind::Word && among(token.text, kOthers)) break;
    if (depth == 0 && (tproxy || !translation) && (token.is("meta") || token.is("mark") || token.is("ct"))) break;
    if (token.is("{")) ++depth;
    if (token.is("}")) --depth;
    lexer_.next();
  }
  return text_since(begin);
}

void NftRuleReader::unknown(NftRule& rule, std::uint32_t begin) {
  NftStatement statement = of(Kind::Unknown);
  int depth = 0;
  while (!lexer_.failed()) {
    const NftToken& token = lexer_.peek();
    if (token.kind == TokenKind::End && depth > 0) lexer_.fail(token, "the statement is not complete", "}");
    if (depth == 0 && (token.ends_statement() || token.is("}"))) break;
    if (depth == 0 &&
        std::any_of(std::begin(kVerdicts), std::end(kVerdicts), [&](const auto& v) { return token.is(v.first); }))
      break;
    if (token.is("{")) ++depth;
    if (token.is("}")) --depth;
    lexer_.next();
  }
  statement.text = quoted(text_since(begin));
  rule.statements.push_back(std::move(statement));
}

void NftRuleReader::skip_block() {
  if (!lexer_.peek().is("{")) return lexer_.fail(lexer_.peek(), "a block is missing", "{");
  int depth = 0;
  do {
    const NftToken token = lexer_.next();
    if (token.kind == TokenKind::End) return lexer_.fail(token, "a block without its end", "}");
    if (token.is("{")) ++depth;
    if (token.is("}")) --depth;
  } while (depth > 0 && !lexer_.failed());
}

bool NftRuleReader::raw_key(NftKey& key) {
  key.name = std::string(lexer_.next().text);
  for (std::uint32_t* part : {&key.offset, &key.length}) {
    if (!accept(","))
      return lexer_.fail(lexer_.peek(), "bits at an offset are not complete", key.name + ",OFFSET,LENGTH"), false;
    const NftToken token = lexer_.peek();
    const auto number = token.kind == TokenKind::Word ? parse_number(token.text) : std::nullopt;
    if (!number || *number > 65535) return lexer_.fail(token, "this is no number of bits", "a number"), false;
    *part = static_cast<std::uint32_t>(*number);
    lexer_.next();
  }
  return true;
}

// A key of a match; false, with its words consumed, for what is none that we know by its form.
bool NftRuleReader::key(NftKey& key) {
  const NftToken token = lexer_.peek();
  if (token.kind != TokenKind::Word) return lexer_.fail(token, "the match is not complete", "what it looks at"), false;
  if (token.is("@ll") || token.is("@nh") || token.is("@th") || token.is("@ih")) return raw_key(key);
  lexer_.next();
  const std::string first(token.text);
  if (among(first, kMetaAlone)) return key.name = "meta " + first, true;
  if (first == "meta" || first == "socket" || first == "exthdr") {
    key.name = first + " " + word();
    return true;
  }
  if (first == "fib") {
    key.name = "fib " + word();
    while (accept(".")) key.name += " . " + word();
    key.name += " " + word();
    return true;
  }
  if (first == "ct") {
    key.name = "ct " + word();
    if (key.name == "ct original" || key.name == "ct reply") key.name += " " + word();
    if (lexer_.peek().is("saddr") || lexer_.peek().is("daddr")) key.name += " " + word();
    return true;
  }
  if (!among(first, kHeaders)) return false;
  key.name = first + " " + word();
  if (key.name == "ip option" || key.name == "tcp option" || key.name == "sctp chunk") {
    key.name += " " + word();
    const NftToken& next = lexer_.peek();
    if (next.kind == TokenKind::Word && !next.is("exists") && !next.is("missing")) key.name += " " + word();
  } else if (first == "arp" && (lexer_.peek().is("ip") || lexer_.peek().is("ether"))) {
    key.name += " " + word();
  }
  return true;
}

void NftRuleReader::match(NftRule& rule, std::vector<NftKey> keys) {
  NftStatement statement = of(Kind::Match);
  const bool count = keys[0].name == "ct count";
  statement.keys = std::move(keys);
  if (count) accept("over");
  if (accept("&") || accept("and")) statement.mask = expression();
  static constexpr std::array<std::string_view, 8> kArithmetic{"|", "^", "<<", ">>", "or", "xor", "lshift", "rshift"};
  for (const std::string_view sign : kArithmetic) {
    if (!accept(sign)) continue;
    expression();
    statement.mask = Expression{};
    statement.mask->kind = Expression::Kind::Opaque;
  }
  static constexpr std::pair<std::string_view, NftOperator> kSigns[] = {{"==", NftOperator::Equal},
                                                                        {"eq", NftOperator::Equal},
                                                                        {"!=", NftOperator::NotEqual},
                                                                        {"ne", NftOperator::NotEqual},
                                                                        {"<", NftOperator::Less},
                                                                        {"lt", NftOperator::Less},
                                                                        {"<=", NftOperator::LessOrEqual},
                                                                        {"le", NftOperator::LessOrEqual},
                                                                        {">", NftOperator::Greater},
                                                                        {"gt", NftOperator::Greater},
                                                                        {">=", NftOperator::GreaterOrEqual},
                                                                        {"ge", NftOperator::GreaterOrEqual},
                                                                        {"!", NftOperator::HasNot}};
  for (const auto& [sign, op] : kSigns) {
    if (!accept(sign)) continue;
    statement.op = op;
    break;
  }
  statement.right = expression();
  if (accept("/")) statement.mask = expression();  // "tcp flags syn / syn,ack"
  if (count) statement.kind = Kind::Limited;
  rule.statements.push_back(std::move(statement));
}

void NftRuleReader::verdict_map(NftRule& rule, std::vector<NftKey> keys) {
  NftStatement statement = of(Kind::VerdictMap);
  statement.keys = std::move(keys);
  const NftToken token = lexer_.peek();
  if (token.is("{")) {
    NftElements map = elements();
    if (map.timed || map.data) map.verdicts.clear();
    statement.right.kind = Expression::Kind::Set;
    statement.right.items = std::move(map.keys);
    statement.verdicts = std::move(map.verdicts);
  } else {
    statement.right = expression();
  }
  rule.statements.push_back(std::move(statement));
}

// "meta mark set 1", "ip daddr set 10.0.0.1"
void NftRuleReader::change(NftRule& rule, const std::vector<NftKey>& keys, std::uint32_t begin) {
  static constexpr std::array<std::string_view, 10> kSigns{"&", "|", "^", "<<", ">>", "and", "or", "xor", ".", ","};
  for (bool more = true; more && !lexer_.failed();) {
    const NftToken& token = lexer_.peek();
    NftKey ignored;
    const bool is_key =
        token.kind == TokenKind::Word && (among(token.text, kHeaders) || among(token.text, kMetaAlone) ||
                                          token.is("meta") || token.is("ct") || token.is("fib"));
    if (is_key) {
      (void)key(ignored);
    } else if (accept("numgen") || accept("jhash") || accept("symhash")) {
      (void)rest_of_statement(begin, true);
      break;
    } else {
      atom(0);
    }
    if (accept("map")) expression();
    more = false;
    for (const std::string_view sign : kSigns) more = more || accept(sign);
  }
  const std::string& name = keys[0].name;
  const std::string_view header = std::string_view(name).substr(0, name.find(' '));
  static constexpr std::array<std::string_view, 5> kHarmless{"ip dscp", "ip6 dscp", "ip ecn", "ip6 ecn",
                                                             "ip6 flowlabel"};
  NftStatement statement = of(Kind::Rewrite);
  if (name == "meta mark") {
    statement.kind = Kind::Change;
  } else if (header == "meta" || header == "ct" || name.find(" option ") != std::string::npos ||
             among(name, kHarmless)) {
    return;
  }
  statement.text = text_since(begin);
  rule.statements.push_back(std::move(statement));
}

NftExpression NftRuleReader::atom(int depth) {
  Expression result;
  const NftToken token = lexer_.peek();
  if (depth > kMaxDepth) return lexer_.fail(token, "values are nested too deeply"), result;
  if (token.is("(")) {
    lexer_.next();
    result = expression(depth + 1);
    if (!accept(")")) lexer_.fail(lexer_.peek(), "a parenthesis without its end", ")");
    return result;
  }
  if (token.is("{")) {
    NftElements set = elements(depth + 1);
    result.kind = set.timed ? Expression::Kind::Opaque : Expression::Kind::Set;
    result.items = std::move(set.keys);
    return result;
  }
  if (token.kind != TokenKind::Word && token.kind != TokenKind::Quoted)
    return lexer_.fail(token, "the value is not complete", "a value"), result;
  lexer_.next();
  result.text = token.text;
  result.quoted = token.kind == TokenKind::Quoted;
  if (result.quoted) return result;
  if (token.text[0] == '@') {
    result.kind = Expression::Kind::SetName;
    result.text.remove_prefix(1);
  } else if (token.text[0] == '$') {
    const std::string_view name = token.text.substr(1);
    const auto found =
        std::find_if(variables_.rbegin(), variables_.rend(), [&](const auto& v) { return v.first == name; });
    if (found == variables_.rend())
      return lexer_.fail(token, "the variable is not defined: " + quoted(name), "a defined name"), result;
    return found->second;
  }
  if (accept("-")) {
    Expression range;
    range.kind = Expression::Kind::Range;
    range.items.push_back(std::move(result));
    range.items.push_back(atom(depth + 1));
    return range;
  }
  return result;
}

NftExpression NftRuleReader::expression(int depth) {
  Expression first = atom(depth);
  const auto list = [&](Expression::Kind kind, std::initializer_list<std::string_view> signs) {
    const auto sign = [&] {
      return std::any_of(signs.begin(), signs.end(), [&](std::string_view s) { return accept(s); });
    };
    if (!sign()) return;
    Expression all;
    all.kind = kind;
    all.items.push_back(std::move(first));
    do all.items.push_back(atom(depth + 1));
    while (sign() && !lexer_.failed());
    first = std::move(all);
  };
  list(Expression::Kind::Concat, {"."});
  list(Expression::Kind::Flags, {",", "|"});
  list(Expression::Kind::Opaque, {"&", "^", "<<", ">>"});
  return first;
}

FirewallVerdict NftRuleReader::map_verdict() {
  NftRule one;
  if (lexer_.peek().kind != TokenKind::Word || !verdict(one)) return {Verdict::Continue, {}, "?"};
  return one.statements[0].verdict;
}

NftElements NftRuleReader::elements(int depth) {
  NftElements result;
  if (!accept("{")) return lexer_.fail(lexer_.peek(), "elements are missing", "{"), result;
  const auto skip_newlines = [this] {
    while (lexer_.peek().kind == TokenKind::Newline) lexer_.next();
  };
  for (skip_newlines(); !accept("}") && !lexer_.failed(); skip_newlines()) {
    Expression element = atom(depth + 1);
    if (accept(".")) {
      Expression all;
      all.kind = Expression::Kind::Concat;
      all.items.push_back(std::move(element));
      do all.items.push_back(atom(depth + 1));
      while (accept("."));
      element = std::move(all);
    }
    // Options of an element; one that times out may be gone.
    const auto options = [&] {
      for (;;) {
        NftRule ignored;
        if (accept("timeout") || accept("expires")) {
          result.timed = true;
          word();
        } else if (lexer_.peek().kind != TokenKind::Word || !(transparent() || limited(ignored))) {
          break;
        }
      }
    };
    options();
    skip_newlines();
    if (accept(":")) {
      skip_newlines();
      FirewallVerdict to = map_verdict();
      if (to.text == "?") {
        result.data = true;
        expression(depth + 1);
        if (accept(":")) expression(depth + 1);
      } else {
        result.verdicts.push_back(std::move(to));
      }
      options();
    }
    result.keys.push_back(std::move(element));
    skip_newlines();
    if (!lexer_.peek().is("}") && !accept(",")) lexer_.fail(lexer_.peek(), "the elements are not complete", ", or }");
  }
  return result;
}

}  // namespace airtight::verify
