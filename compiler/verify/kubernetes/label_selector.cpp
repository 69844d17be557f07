// metav1 LabelSelector, as the API server's validation takes it.
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/policy/diagnostic.h"
#include "compiler/verify/kubernetes/fields.h"
#include "compiler/verify/kubernetes/readers.h"

namespace airtight::verify {
namespace {

struct OperatorRow {
  std::string_view name;
  Selector::Op op;
  bool takes_values;
};
constexpr std::array<OperatorRow, 4> kOperators{{
    {"In", Selector::Op::In, true},
    {"NotIn", Selector::Op::NotIn, true},
    {"Exists", Selector::Op::Exists, false},
    {"DoesNotExist", Selector::Op::NotExists, false},
}};

std::vector<std::string> read_values(const Value& expression, Faults& faults) {
  std::vector<std::string> values;
  const std::span<const Value> items = list_of(expression, "values");
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Within within(faults, "values", i);
    std::string why = items[i].is_string() || items[i].is_null() ? why_not_label_value(items[i].text)
                                                                 : std::string("is not a string");
    if (!why.empty()) faults.push_back({items[i].span, std::move(why)});
    values.push_back(items[i].text);
  }
  return values;
}

Selector read_expression(const Value& expression, Faults& faults) {
  if (!check_fields(expression, {{"key", Shape::String}, {"operator", Shape::String}, {"values", Shape::List}},
                    faults)) {
    return Selector::not_understood();
  }
  const std::string key(text_of(expression, "key"));
  if (std::string why = why_not_label_key(key); !why.empty()) {
    faults.push_back({expression.span, "key " + quoted(key) + " " + why});
  }
  std::vector<std::string> values = read_values(expression, faults);
  const std::string_view name = text_of(expression, "operator");
  for (const OperatorRow& row : kOperators) {
    if (row.name != name) continue;
    if (row.takes_values == values.empty()) {
      faults.push_back({expression.span, std::string("values is ") + (values.empty() ? "empty" : "not empty") +
                                             " for operator " + std::string(name)});
    }
    return Selector::of(row.op, key, std::move(values));
  }
  faults.push_back({expression.span, "operator is " + quoted(name) + ", not In, NotIn, Exists or DoesNotExist"});
  return Selector::not_understood();
}

}  // namespace

Selector read_label_selector(const Value& selector, std::vector<SelectorFault>& faults) {
  if (!check_fields(selector, {{"matchLabels", Shape::Map}, {"matchExpressions", Shape::List}}, faults)) {
    return Selector::not_understood();
  }
  Selector result;
  if (const Value* labels = field(selector, "matchLabels")) {
    const Within within(faults, "matchLabels");
    for (const Member& label : labels->members) {
      const bool is_text = label.value.is_string() || label.value.is_null();
      std::string why = why_not_label_key(label.key);
      if (why.empty()) why = is_text ? why_not_label_value(label.value.text) : std::string("is not a string");
      if (!why.empty()) faults.push_back({label.value.span, printable(label.key) + " " + why});
      result = Selector::both(std::move(result), Selector::in(label.key, {label.value.text}));
    }
  }
  const std::span<const Value> expressions = list_of(selector, "matchExpressions");
  for (std::size_t i = 0; i < expressions.size(); ++i) {
    const Within within(faults, "matchExpressions", i);
    result = Selector::both(std::move(result), read_expression(expressions[i], faults));
  }
  return result;
}

}  // namespace airtight::verify
