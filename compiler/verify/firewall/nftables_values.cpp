#include "compiler/verify/firewall/nftables_values.h"

#include <algorithm>
#include <vector>

namespace airtight::verify {
namespace {

using Op = NftOperator;
using Expression = NftExpression;

Values complement(const Values& values, int bits) { return Values::of(0, low_bits(bits)) - values; }

SharedValues share(Values values) { return std::make_shared<const Values>(std::move(values)); }

// Bits that are or'ed: "syn,ack", "established|related", or one symbol.
std::optional<u128> flag_bits(const Expression& right, ValueWidth width) {
  if (right.kind == Expression::Kind::Word) {
    const auto value = parse_value(width.type, right.text);
    return value && *value <= low_bits(width.bits) ? value : std::nullopt;
  }
  if (right.kind != Expression::Kind::Flags) return std::nullopt;
  u128 bits = 0;
  for (const Expression& item : right.items) {
    const auto one = flag_bits(item, width);
    if (!one) return std::nullopt;
    bits |= *one;
  }
  return bits;
}

bool append_word(const Expression& word, ValueWidth width, std::vector<Interval<u128>>& into) {
  if (word.text == "*" && !word.quoted) {
    into.push_back({0, low_bits(width.bits)});
    return true;
  }
  if (width.type == ValueType::Interface) {
    // A number is an index, which nobody here can name.
    if (!word.quoted && parse_number(word.text)) return false;
    const Values names = interface_values(word.text);
    into.insert(into.end(), names.intervals().begin(), names.intervals().end());
    return !names.empty();
  }
  const auto interval = parse_interval(width.type, width.bits, word.text);
  if (interval) into.push_back(*interval);
  return interval.has_value();
}

bool append(const Expression& element, ValueWidth width, std::vector<Interval<u128>>& into) {
  const auto& items = element.items;
  switch (element.kind) {
    case Expression::Kind::Word:
      return append_word(element, width, into);
    case Expression::Kind::Prefix: {
      if (items.size() != 1 || items[0].kind != Expression::Kind::Word) return false;
      const auto base = parse_value(width.type, items[0].text);
      const auto length = parse_number(element.text);
      if (!base || *base > low_bits(width.bits) || !length || *length > static_cast<unsigned>(width.bits)) return false;
      const u128 host = low_bits(width.bits - static_cast<int>(*length));
      into.push_back({*base & ~host, *base | host});
      return true;
    }
    case Expression::Kind::Range: {
      if (items.size() != 2 || items[0].kind != Expression::Kind::Word || items[1].kind != Expression::Kind::Word)
        return false;
      const auto first = flag_bits(items[0], width);
      const auto last = flag_bits(items[1], width);
      if (!first || !last || *first > *last) return false;
      into.push_back({*first, *last});
      return true;
    }
    case Expression::Kind::Flags: {
      const auto bits = flag_bits(element, width);
      if (bits) into.push_back({*bits, *bits});
      return bits.has_value();
    }
    case Expression::Kind::Set:
      return std::all_of(items.begin(), items.end(), [&](const Expression& item) { return append(item, width, into); });
    case Expression::Kind::SetName:
    case Expression::Kind::Concat:
    case Expression::Kind::Opaque:
      break;
  }
  return false;
}

}  // namespace

bool is_raw(const NftKey& key) { return !key.name.empty() && key.name[0] == '@'; }

ValueWidth width_of(const NftKey& key, const KeyInfo* info) {
  if (is_raw(key)) return {ValueType::Integer, static_cast<int>(key.length)};
  return info ? ValueWidth{info->type, info->width} : ValueWidth{ValueType::Unknown, 0};
}

std::optional<Values> values_of(const NftExpression& expression, ValueWidth width) {
  std::vector<Interval<u128>> intervals;
  if (width.bits < 1 || width.bits > 128 || !append(expression, width, intervals)) return std::nullopt;
  return Values::from(std::move(intervals));
}

SharedValues NftSetCache::values(const NftSet& set, ValueWidth width) {
  const std::string name = std::to_string(static_cast<int>(width.type)) + "/" + std::to_string(width.bits);
  const auto [at, added] = known_.try_emplace({&set, name});
  if (!added) return at->second;
  std::vector<Interval<u128>> intervals;
  intervals.reserve(set.elements.size());
  for (const Expression& element : set.elements)
    if (!append(element, width, intervals)) return nullptr;
  return at->second = share(Values::from(std::move(intervals)));
}

std::nullptr_t WantedValues::no(std::string why) {
  why_ = std::move(why);
  return nullptr;
}

const NftSet* WantedValues::set(std::string_view name) {
  const auto found = table_.sets.find(name);
  if (found == table_.sets.end() || !found->second.defined)
    return no("the set " + quoted(name) + " is not in the input");
  const NftSet& known = found->second;
  if (!known.unknown.empty()) return no("the set " + quoted(name) + " " + known.unknown);
  if (!known.elements_given && !empty_sets_)
    return no("the elements of the set " + quoted(name) + " are not in the input");
  return &known;
}

SharedValues WantedValues::values(const NftKey& key, const KeyInfo* info, const NftStatement& match) {
  const ValueWidth width = width_of(key, info);
  if (width.bits < 1 || width.bits > 128) return no("so many bits of " + key.name);
  const Expression& right = match.right;
  if (right.kind == Expression::Kind::SetName) {
    const NftSet* named = set(right.text);
    if (!named) return nullptr;
    SharedValues positive = cache_.values(*named, width);
    if (!positive) return no("an element of the set " + quoted(right.text));
    if (match.op == Op::Implicit && !match.mask) return positive;
    return compared(*positive, key, width, match);
  }
  const bool flags =
      width.type == ValueType::TcpFlags || width.type == ValueType::State || width.type == ValueType::Status;
  if (right.kind == Expression::Kind::Flags && !flags) return no("a list for " + key.name);
  // Without an operator a flag is there among others.
  const bool any_of = flags && match.op == Op::Implicit && right.kind != Expression::Kind::Set && !match.mask;
  if (any_of || match.op == Op::HasNot) {
    const auto bits = flag_bits(right, width);
    const auto none = bits && flags ? masked(Values::of(0), *bits, width.bits) : std::nullopt;
    if (!none) return no("the value of " + key.name);
    return share(any_of ? complement(*none, width.bits) : *none);
  }
  const auto positive = values_of(right, width);
  if (!positive) return no("the value of " + key.name);
  return compared(*positive, key, width, match);
}

SharedValues WantedValues::compared(const Values& positive, const NftKey& key, ValueWidth width,
                                    const NftStatement& match) {
  Values result = positive;
  const bool negated = match.op == Op::NotEqual;
  if (match.op != Op::Implicit && match.op != Op::Equal && !negated) {
    const auto intervals = positive.intervals();
    if (intervals.size() != 1 || intervals[0].first != intervals[0].last)
      return no("what " + key.name + " is compared with");
    const u128 value = intervals[0].first;
    const u128 largest = low_bits(width.bits);
    if (match.op == Op::Less) result = value == 0 ? Values() : Values::of(0, value - 1);
    if (match.op == Op::LessOrEqual) result = Values::of(0, value);
    if (match.op == Op::Greater) result = value == largest ? Values() : Values::of(value + 1, largest);
    if (match.op == Op::GreaterOrEqual) result = Values::of(value, largest);
  }
  if (match.mask) {
    const auto mask = flag_bits(*match.mask, width);
    auto with_mask = mask ? masked(result, *mask, width.bits) : std::nullopt;
    if (!with_mask) return no("the mask of " + key.name);
    result = std::move(*with_mask);
  }
  return share(negated ? complement(result, width.bits) : std::move(result));
}

}  // namespace airtight::verify
