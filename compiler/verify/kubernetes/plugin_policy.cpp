#include "compiler/verify/kubernetes/plugin_policy.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "compiler/policy/diagnostic.h"
#include "compiler/verify/kubernetes/fields.h"

namespace airtight::verify {

PolicyNotes::PolicyNotes(ReaderContext context) : context_(context), object_(to_string(context.ref)) {}

void PolicyNotes::refuse(Span where, std::string message) {
  refused_ = true;
  context_.cluster.remarks.push_back({Rule::RefusedObject, where, object_, std::move(message)});
}

void PolicyNotes::doubt(Rule rule, Span where, std::string message) {
  if (doubt_.empty()) doubt_ = message;
  context_.cluster.remarks.push_back({rule, where, object_, std::move(message)});
}

void PolicyNotes::not_understood(Rule rule, Span where, std::string message) {
  context_.cluster.not_understood.push_back({rule, where, object_, std::move(message)});
}

void PolicyNotes::not_understood(PolicyRule& policy_rule, Span where, std::string message) {
  policy_rule.understood = false;
  if (policy_rule.why_not.empty()) policy_rule.why_not = message;
  not_understood(Rule::RuleNotUnderstood, where, std::move(message));
}

const Value* PolicyNotes::map(const Value& parent, std::string_view key) {
  const Value* value = field(parent, key);
  if (!value || value->is_map()) return value;
  refuse(value->span, std::string(key) + " is no map");
  return nullptr;
}

const Value* PolicyNotes::list(const Value& parent, std::string_view key) {
  const Value* value = field(parent, key);
  if (!value || value->is_list()) return value;
  refuse(value->span, std::string(key) + " is no list");
  return nullptr;
}

const Value* PolicyNotes::text(const Value& parent, std::string_view key) {
  const Value* value = field(parent, key);
  if (!value) return nullptr;
  if (value->is_string()) return value->text.empty() ? nullptr : value;
  refuse(value->span, std::string(key) + " is no text");
  return nullptr;
}

std::optional<bool> PolicyNotes::flag(const Value& parent, std::string_view key) {
  const Value* value = field(parent, key);
  if (!value) return std::nullopt;
  if (value->kind == Value::Kind::Bool) return value->text == "true";
  refuse(value->span, std::string(key) + " is neither true nor false");
  return std::nullopt;
}

bool PolicyNotes::has_only(const Value& value, std::string_view what, std::span<const std::string_view> known) {
  if (!value.is_map()) {
    refuse(value.span, std::string(what) + " is no map");
    return false;
  }
  for (const Member& member : value.members)
    if (std::find(known.begin(), known.end(), member.key) == known.end())
      doubt(Rule::UnknownField, member.key_span, std::string(what) + " has no field " + quoted(member.key));
  return true;
}

std::optional<std::size_t> PolicyNotes::number(const Value& value, std::size_t most) {
  const std::optional<std::int64_t> result = integer(value);
  if (result && *result >= 0 && static_cast<std::size_t>(*result) <= most) return static_cast<std::size_t>(*result);
  refuse(value.span, quoted(value.text) + " is no number up to " + std::to_string(most));
  return std::nullopt;
}

void PolicyNotes::mark(PolicyObject& policy) const {
  policy.refused |= refused_;
  if (doubt_.empty()) return;
  policy.doubtful = true;
  policy.why_doubtful = doubt_;
}

std::optional<IpSet> read_network(const Value& value, PolicyRule& rule, PolicyNotes& notes) {
  if (!value.is_string()) return std::nullopt;
  const std::optional<Ip> lone = Ip::parse(value.text);
  const std::optional<ReadPrefix> read = read_prefix(lone ? to_string(Prefix::host(*lone)) : value.text, false);
  if (!read) return std::nullopt;
  if (!read->doubt.empty()) notes.not_understood(rule, value.span, quoted(value.text) + " is " + read->doubt);
  return read->addresses;
}

Selector in_namespace(const std::string& name) { return Selector::in(std::string(kNamespaceNameLabel), {name}); }

}  // namespace airtight::verify
