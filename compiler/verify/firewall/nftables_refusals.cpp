// What nft refuses to load, of the things that people write by mistake: a text of which it takes nothing holds nothing.
#include <algorithm>
#include <optional>

#include "compiler/verify/firewall/nftables_syntax.h"
#include "compiler/verify/firewall/nftables_values.h"

namespace airtight::verify {
namespace {

using Expression = NftExpression;
using Types = std::vector<ValueWidth>;
using Cell = Interval<u128>;
using Row = std::vector<Cell>;  // of an element: an interval for each part of its key

struct TypeName {
  std::string_view name;
  ValueWidth width;
};
constexpr TypeName kTypes[] = {{"ipv4_addr", {ValueType::Ip4, 32}},         {"ipv6_addr", {ValueType::Ip6, 128}},
                               {"ether_addr", {ValueType::EthAddress, 48}}, {"ether_type", {ValueType::EtherType, 16}},
                               {"inet_proto", {ValueType::Protocol, 8}},    {"inet_service", {ValueType::Port, 16}},
                               {"icmp_type", {ValueType::IcmpType, 8}},     {"icmpv6_type", {ValueType::Icmpv6Type, 8}},
                               {"mark", {ValueType::Integer, 32}},          {"integer", {ValueType::Integer, 128}},
                               {"ifname", {ValueType::Interface, 128}}};

ValueWidth type_of(std::string_view name) {
  for (const TypeName& type : kTypes)
    if (type.name == name) return type.width;
  if (name.substr(0, 1) == "@") {  // "@ll , 304 , 128"
    const auto length = parse_number(name.substr(name.rfind(' ') + 1));
    return length && *length <= 128 ? ValueWidth{ValueType::Integer, static_cast<int>(*length)}
                                    : ValueWidth{ValueType::Unknown, 0};
  }
  const KeyInfo* key = find_key(name);
  return key ? ValueWidth{key->type, key->width} : ValueWidth{ValueType::Unknown, 0};
}

bool is_any(const Expression& element) {
  return element.kind == Expression::Kind::Word && element.text == "*" && !element.quoted;
}

// Variables are sets in sets.
void flatten(const std::vector<Expression>& elements, std::vector<const Expression*>& into) {
  for (const Expression& element : elements) {
    if (element.kind == Expression::Kind::Set)
      flatten(element.items, into);
    else if (!is_any(element))
      into.push_back(&element);
  }
}

std::vector<const Expression*> flat(const std::vector<Expression>& elements) {
  std::vector<const Expression*> result;
  flatten(elements, result);
  return result;
}

// A prefix or range by its form, even of one value.
bool is_interval(const Expression& element, const Types& types, std::size_t part = 0) {
  if (element.kind == Expression::Kind::Prefix || element.kind == Expression::Kind::Range) return true;
  if (element.kind == Expression::Kind::Concat) {
    for (std::size_t i = 0; i < element.items.size(); ++i)
      if (is_interval(element.items[i], types, i)) return true;
    return false;
  }
  if (element.kind != Expression::Kind::Word || is_any(element)) return false;
  const ValueWidth width = part < types.size() ? types[part] : ValueWidth{ValueType::Unknown, 0};
  if (width.type == ValueType::Interface) return !element.text.empty() && element.text.back() == '*';
  if (element.quoted || parse_value(width.type, element.text)) return false;
  if (element.text.find('/') != std::string_view::npos) return true;
  return element.text.find('-') != std::string_view::npos &&
         (width.type == ValueType::Unknown ? element.text.find_first_of("0123456789") == 0
                                           : parse_interval(width.type, width.bits, element.text).has_value());
}

std::optional<Cell> cell(const Expression& value, ValueWidth width) {
  const auto values = values_of(value, width);
  if (!values || values->empty()) return std::nullopt;
  return Cell{values->intervals().front().first, values->intervals().back().last};
}

std::optional<Row> row(const Expression& element, const Types& types) {
  const bool concat = element.kind == Expression::Kind::Concat;
  if (types.size() != (concat ? element.items.size() : 1)) return std::nullopt;
  Row result;
  for (std::size_t i = 0; i < types.size(); ++i) {
    const auto part = cell(concat ? element.items[i] : element, types[i]);
    if (!part) return std::nullopt;
    result.push_back(*part);
  }
  return result;
}

bool overlap(const Row& a, const Row& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].last < b[i].first || b[i].last < a[i].first) return false;
  return true;
}

bool equal(const Row& a, const Row& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Cell& x, const Cell& y) { return x.first == y.first && x.last == y.last; });
}

enum class Overlaps : std::uint8_t { No, Yes, Unknown };

// The same element twice is one; not so in a map.
Overlaps overlaps(const std::vector<Expression>& elements, const Types& types, bool is_map) {
  std::vector<Row> rows;
  for (const Expression* element : flat(elements)) {
    auto made = row(*element, types);
    if (!made) return Overlaps::Unknown;
    rows.push_back(std::move(*made));
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a[0].first < b[0].first; });
  std::size_t work = 20'000'000;
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = i + 1; j < rows.size() && rows[j][0].first <= rows[i][0].last; ++j) {
      if (overlap(rows[i], rows[j]) && (is_map || !equal(rows[i], rows[j]))) return Overlaps::Yes;
      if (--work == 0) return Overlaps::Unknown;
    }
  return Overlaps::No;
}

class Refusals {
 public:
  std::vector<Remark> of(const NftDocument& document) {
    for (const NftTable& table : document.tables) {
      table_ = &table;
      for (const auto& [name, known] : table.sets) set(known);
      for (const NftChain& chain : table.chains)
        for (const NftRule& rule : chain.rules)
          for (const NftStatement& statement : rule.statements) check(statement, rule.span);
    }
    return std::move(remarks_);
  }

 private:
  void refuse(Span where, std::string message) {
    remarks_.push_back({Rule::RuleNotUnderstood, where,
                        "table " + std::string(to_string(table_->family)) + " " + printable(table_->name),
                        std::move(message)});
  }

  void set(const NftSet& known) {
    const std::string what = (known.is_map ? "the map " : "the set ") + quoted(known.name);
    for (const FirewallVerdict& verdict : known.verdicts) chain(verdict, known.span);
    if (!known.defined) return;  // named by who uses it
    Types types;
    for (const std::string& type : known.types) types.push_back(type_of(type));
    const auto elements = flat(known.elements);
    if (!known.intervals) {
      if (std::any_of(elements.begin(), elements.end(), [&](const auto* e) { return is_interval(*e, types); }))
        return refuse(known.span, what + " has prefixes or ranges and no flag interval: nft refuses the text");
      if (!known.is_map) return;
    }
    if (elements.size() < 2 || (known.merges && types.size() == 1 && !known.is_map)) return;
    const Overlaps found = overlaps(known.elements, types, known.is_map);
    if (found == Overlaps::Yes) refuse(known.span, "elements of " + what + " overlap: nft refuses the text");
    if (found == Overlaps::Unknown && known.intervals)
      refuse(known.span, "whether elements of " + what + " overlap is not known: nft would refuse the text");
  }

  void check(const NftStatement& statement, Span where) {
    names(statement.right, where);
    chain(statement.verdict, where);
    for (const FirewallVerdict& verdict : statement.verdicts) chain(verdict, where);
    const bool is_map = statement.kind == NftStatement::Kind::VerdictMap;
    if (statement.right.kind != Expression::Kind::Set || (!is_map && statement.keys.size() < 2)) return;
    Types types;
    for (const NftKey& key : statement.keys) types.push_back(width_of(key, find_key(key.name)));
    if (overlaps(statement.right.items, types, is_map) == Overlaps::Yes)
      refuse(where, "elements of a set overlap: nft refuses the text");
  }

  void names(const Expression& value, Span where) {
    for (const Expression& item : value.items) names(item, where);
    if (value.kind != Expression::Kind::SetName) return;
    const auto found = table_->sets.find(value.text);
    if (found == table_->sets.end() || !found->second.defined) missing("the set " + quoted(value.text), where);
  }

  void chain(const FirewallVerdict& verdict, Span where) {
    if (verdict.chain.empty()) return;
    const bool known = std::any_of(table_->chains.begin(), table_->chains.end(),
                                   [&](const NftChain& chain) { return chain.head.name == verdict.chain; });
    if (!known) missing("the chain " + quoted(verdict.chain), where);
  }

  void missing(const std::string& what, Span where) {
    refuse(where, what + " is not in the text: nft refuses it, unless the table has it already");
  }

  const NftTable* table_ = nullptr;
  std::vector<Remark> remarks_;
};

}  // namespace

std::vector<Remark> refusals(const NftDocument& document) { return Refusals().of(document); }

}  // namespace airtight::verify
