#include "compiler/verify/kubernetes/selector.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace airtight::verify {
namespace {

using Op = Selector::Op;

Match match(bool yes) { return yes ? Match::Yes : Match::No; }

// A leaf, where the key has that value.
bool holds(const Selector& leaf, std::string_view value) {
  const auto listed = [&] { return std::find(leaf.values.begin(), leaf.values.end(), value) != leaf.values.end(); };
  const std::string_view part = leaf.values.empty() ? std::string_view() : std::string_view(leaf.values.front());
  switch (leaf.op) {
    case Op::In:
      return listed();
    case Op::NotIn:
      return !listed();
    case Op::Exists:
      return true;
    case Op::StartsWith:
      return value.starts_with(part);
    case Op::EndsWith:
      return value.ends_with(part);
    case Op::Contains:
      return value.find(part) != std::string_view::npos;
    default:
      return false;  // NotExists; the others are no leaves
  }
}

// A leaf, where the key is absent.
bool holds_absent(Op op) { return op == Op::NotIn || op == Op::NotExists; }

Match match_leaf(const Selector& leaf, const KnownLabels& labels) {
  if (!labels.unknown_keys.contains(leaf.key)) {
    const auto found = labels.labels.find(leaf.key);
    if (found != labels.labels.end()) return match(holds(leaf, found->second));
    if (labels.complete) return match(holds_absent(leaf.op));
  }
  // Whatever the value is, nothing is in an empty list.
  if (leaf.values.empty() && (leaf.op == Op::In || leaf.op == Op::NotIn)) return match(leaf.op == Op::NotIn);
  return Match::Unknown;
}

std::string joined(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : ",") + value;
  return "(" + text + ")";
}

std::string joined(const std::vector<Selector>& parts, std::string_view separator) {
  std::string text;
  for (const Selector& part : parts) {
    const bool compound = part.op == Op::Or || (part.op == Op::And && separator != ",");
    text += (text.empty() ? "" : std::string(separator)) + (compound ? "(" + to_string(part) + ")" : to_string(part));
  }
  return text;
}

std::string quoted(const Selector& leaf) {
  return "\"" + (leaf.values.empty() ? std::string() : leaf.values.front()) + "\"";
}

}  // namespace

Selector Selector::of(Op leaf, std::string key, std::vector<std::string> values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return {leaf, std::move(key), std::move(values), {}};
}

Selector Selector::in(std::string key, std::vector<std::string> values) {
  return of(Op::In, std::move(key), std::move(values));
}

Selector Selector::both(Selector a, Selector b) {
  if (a.op == Op::All) return b;
  if (b.op == Op::All) return a;
  if (a.op != Op::And) a = {Op::And, {}, {}, {std::move(a)}};
  if (b.op != Op::And) {
    a.parts.push_back(std::move(b));
  } else {
    for (Selector& part : b.parts) a.parts.push_back(std::move(part));
  }
  return a;
}

Selector Selector::equal_to(const Labels& labels) {
  Selector all;
  for (const auto& [key, value] : labels) all = both(std::move(all), in(key, {value}));
  return all;
}

Match matches(const Selector& selector, const KnownLabels& labels) {
  Match result = Match::No;
  switch (selector.op) {
    case Op::All:
      return Match::Yes;
    case Op::None:
      return Match::No;
    case Op::NotUnderstood:
      return Match::Unknown;
    case Op::And:
      result = Match::Yes;
      for (const Selector& part : selector.parts) {
        result = std::min(result, matches(part, labels));
        if (result == Match::No) break;
      }
      return result;
    case Op::Or:
      for (const Selector& part : selector.parts) {
        result = std::max(result, matches(part, labels));
        if (result == Match::Yes) break;
      }
      return result;
    case Op::Not:
      if (selector.parts.size() != 1) return Match::Unknown;
      result = matches(selector.parts.front(), labels);
      return result == Match::Unknown ? result : match(result == Match::No);
    default:
      return match_leaf(selector, labels);
  }
}

std::string to_string(const Selector& selector) {
  const bool one = selector.values.size() == 1;
  const std::string& key = selector.key;
  switch (selector.op) {
    case Op::All:
      return "everything";
    case Op::None:
      return "nothing";
    case Op::In:
      return one ? key + "=" + selector.values.front() : key + " in " + joined(selector.values);
    case Op::NotIn:
      return one ? key + "!=" + selector.values.front() : key + " notin " + joined(selector.values);
    case Op::Exists:
      return key;
    case Op::NotExists:
      return "!" + key;
    case Op::StartsWith:
      return key + " starts with " + quoted(selector);
    case Op::EndsWith:
      return key + " ends with " + quoted(selector);
    case Op::Contains:
      return key + " contains " + quoted(selector);
    case Op::And:
      return selector.parts.empty() ? "everything" : joined(selector.parts, ",");
    case Op::Or:
      return selector.parts.empty() ? "nothing" : joined(selector.parts, " or ");
    case Op::Not:
      return "not (" + joined(selector.parts, ",") + ")";
    case Op::NotUnderstood:
      return "not understood";
  }
  return {};
}

void collect_keys(const Selector& selector, std::map<std::string, std::vector<std::string>>& keys) {
  for (const Selector& part : selector.parts) collect_keys(part, keys);
  if (selector.key.empty()) return;
  std::vector<std::string>& values = keys[selector.key];
  for (const std::string& value : selector.values) {
    const auto place = std::lower_bound(values.begin(), values.end(), value);
    if (place == values.end() || *place != value) values.insert(place, value);
  }
}

std::size_t hash_of(const Selector& selector) {
  std::size_t hash = static_cast<std::size_t>(selector.op) + 1;
  const auto mix = [&](std::size_t next) { hash = (hash ^ next) * 0x9E3779B97F4A7C15U + (hash >> 29); };
  mix(std::hash<std::string>{}(selector.key));
  for (const std::string& value : selector.values) mix(std::hash<std::string>{}(value));
  for (const Selector& part : selector.parts) mix(hash_of(part));
  return hash;
}

}  // namespace airtight::verify
