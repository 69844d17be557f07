#include "compiler/verify/kubernetes/cilium_selector.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace airtight::verify {
namespace {

using Op = Selector::Op;

// Labels that the agent leaves out of a pod's identity unless it is told otherwise: a selector that asks for one need
// not see it. Prefixes of keys.
constexpr std::array<std::string_view, 9> kForgottenLabels{
    "io.kubernetes",           "kubernetes.io",     "k8s.io",
    "pod-template-generation", "pod-template-hash", "controller-revision-hash",
    "controller-uid",          "annotation",        "etcd_node"};

bool is_forgotten(std::string_view key) {
  return key.find("beta.kubernetes.io") != std::string_view::npos ||
         std::any_of(kForgottenLabels.begin(), kForgottenLabels.end(),
                     [&](std::string_view prefix) { return key.starts_with(prefix); });
}

CiliumTerm::About about(std::string& key) {
  using About = CiliumTerm::About;
  constexpr std::string_view kNamespaceLabels = "io.cilium.k8s.namespace.labels.";
  const std::size_t colon = key.find(':');
  const std::string source = colon == std::string::npos ? "any" : key.substr(0, colon);
  if (colon != std::string::npos) key.erase(0, colon + 1);
  if (source == "reserved") return About::Reserved;
  if (source != "any" && source != "k8s") return About::Unknown;
  if (key == "io.kubernetes.pod.namespace") {
    key = kNamespaceNameLabel;
    return About::NamespaceName;
  }
  if (key.starts_with(kNamespaceLabels)) {
    key.erase(0, kNamespaceLabels.size());
    return About::Namespace;
  }
  if (key == "io.cilium.k8s.policy.serviceaccount") {
    key = "name";
    return About::ServiceAccount;
  }
  return is_forgotten(key) || key.starts_with("io.cilium.k8s") ? About::Unknown : About::Pod;
}

}  // namespace

std::vector<CiliumTerm> read_cilium_terms(const Value& selector, PolicyNotes& notes) {
  std::vector<CiliumTerm> terms;
  if (!notes.has_only(selector, "a selector", {"matchLabels", "matchExpressions"})) return terms;
  const auto add_term = [&](Op op, std::string key, std::vector<std::string> values, bool exact, Span span) {
    CiliumTerm term;
    term.about = about(key);
    term.leaf = Selector::of(op, std::move(key), std::move(values));
    term.exact = exact;
    term.span = span;
    terms.push_back(std::move(term));
  };
  if (const Value* const labels = notes.map(selector, "matchLabels")) {
    for (const Member& member : labels->members) {
      if (!member.value.is_string() && !member.value.is_null())
        notes.refuse(member.value.span, "the value of a label is text");
      add_term(Op::In, member.key, {member.value.text}, true, member.key_span);
    }
  }
  const Value* const expressions = notes.list(selector, "matchExpressions");
  if (!expressions) return terms;
  for (const Value& expression : expressions->items) {
    constexpr std::array<std::pair<std::string_view, Op>, 4> kOperators{
        {{"In", Op::In}, {"NotIn", Op::NotIn}, {"Exists", Op::Exists}, {"DoesNotExist", Op::NotExists}}};
    if (!notes.has_only(expression, "an expression", {"key", "operator", "values"})) continue;
    const Value* const key = notes.text(expression, "key");
    const Value* const named = notes.text(expression, "operator");
    const Value* const values = notes.list(expression, "values");
    const auto* const found = std::find_if(kOperators.begin(), kOperators.end(),
                                           [&](const auto& known) { return named && named->text == known.first; });
    const bool wants_values = found != kOperators.end() && (found->second == Op::In || found->second == Op::NotIn);
    if (!key || found == kOperators.end() || wants_values != (values && !values->items.empty())) {
      notes.refuse(expression.span, "an expression has a key, an operator, and values with In and NotIn only");
      continue;
    }
    std::vector<std::string> texts;
    if (values)
      for (const Value& value : values->items) texts.push_back(value.text);
    add_term(found->second, key->text, std::move(texts), false, expression.span);
  }
  return terms;
}

}  // namespace airtight::verify
