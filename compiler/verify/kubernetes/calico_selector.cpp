#include "compiler/verify/kubernetes/calico_selector.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

namespace airtight::verify {
namespace {

using Op = Selector::Op;

constexpr std::string_view kNamespaceName = "kubernetes.io/metadata.name";
constexpr std::string_view kCalicoName = "projectcalico.org/name";
constexpr std::size_t kMaxLabel = 512;
constexpr int kMaxNesting = 100;

struct Comparison {
  std::string_view words;  // two words may have white space, or nothing, between them
  Op op;
  bool of_a_list;
};
// In the order in which they are looked for behind a label.
constexpr std::array<Comparison, 7> kComparisons{{{"==", Op::In, false},
                                                  {"!=", Op::NotIn, false},
                                                  {"contains", Op::Contains, false},
                                                  {"starts with", Op::StartsWith, false},
                                                  {"ends with", Op::EndsWith, false},
                                                  {"not in", Op::NotIn, true},
                                                  {"in", Op::In, true}}};

bool is_label_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == '/' || c == '-';
}

Selector compound(Op op, std::vector<Selector> parts) { return {op, {}, {}, std::move(parts)}; }

// Recursive descent over the text; `why_not_` holds the first fault, after which results mean nothing.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  std::optional<Selector> parse(std::string& why_not) {
    skip_space();
    Selector selector;
    if (!rest_.empty()) {
      selector = any_of(0);
      if (ok() && !rest_.empty()) fail("has something behind its end");
    }
    if (ok()) return selector;
    why_not = why_not_;
    return std::nullopt;
  }

 private:
  bool ok() const { return why_not_.empty(); }
  Selector fail(std::string_view why_not) {
    if (ok()) why_not_ = why_not;
    return Selector::none();
  }

  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }

  // Takes the words, and the white space behind each.
  bool take(std::string_view words) {
    const std::string_view before = rest_;
    while (!words.empty()) {
      const std::string_view word = words.substr(0, words.find(' '));
      if (!rest_.starts_with(word)) {
        rest_ = before;
        return false;
      }
      rest_.remove_prefix(word.size());
      skip_space();
      words.remove_prefix(std::min(word.size() + 1, words.size()));
    }
    return true;
  }

  std::string label() {
    std::size_t length = 0;
    while (length < rest_.size() && is_label_character(rest_[length])) ++length;
    if (length == 0 || length > kMaxLabel)
      fail(length == 0 ? "has no label where one must be" : "has too long a label");
    std::string text(rest_.substr(0, length));
    rest_.remove_prefix(length);
    skip_space();
    return text;
  }

  std::string literal() {
    const char quote = rest_.empty() ? '\0' : rest_.front();
    if (quote != '"' && quote != '\'') {
      fail("has no quoted text where one must be");
      return {};
    }
    const std::size_t end = rest_.find(quote, 1);
    if (end == std::string_view::npos) {
      fail("has a quoted text without an end");
      return {};
    }
    std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    skip_space();
    return text;
  }

  Selector any_of(int depth) { return joined(Op::Or, "||", depth); }
  Selector all_of(int depth) { return joined(Op::And, "&&", depth); }

  Selector joined(Op op, std::string_view sign, int depth) {
    const auto part = [&] { return op == Op::Or ? all_of(depth) : term(depth); };
    std::vector<Selector> parts{part()};
    while (ok() && take(sign)) parts.push_back(part());
    return parts.size() == 1 ? std::move(parts.front()) : compound(op, std::move(parts));
  }

  Selector term(int depth) {
    if (depth > kMaxNesting) return fail("is nested too deep");
    bool negative = false;
    while (!rest_.starts_with("!=") && take("!")) negative = !negative;
    Selector selector = operand(depth);
    return negative ? negated(std::move(selector)) : selector;
  }

  Selector operand(int depth) {
    if (take("(")) {
      Selector inner = any_of(depth + 1);
      return ok() && !take(")") ? fail("has a '(' without a ')'") : inner;
    }
    if (take("has(")) {
      std::string key = label();
      return ok() && !take(")") ? fail("has a has( without a ')'") : Selector::of(Op::Exists, std::move(key), {});
    }
    if (take("all(")) return take(")") ? Selector::all() : fail("has an all( without a ')'");
    if (take("global("))
      return take(")") ? Selector::of(Op::NotExists, std::string(kNamespaceName), {})
                       : fail("has a global( without a ')'");
    return comparison();
  }

  Selector comparison() {
    std::string key = label();
    if (!ok()) return Selector::none();
    const auto* const found = std::find_if(kComparisons.begin(), kComparisons.end(),
                                           [&](const Comparison& comparison) { return take(comparison.words); });
    if (found == kComparisons.end()) return fail("has no comparison behind a label");
    std::vector<std::string> values;
    if (!found->of_a_list) {
      values.push_back(literal());
    } else if (!take("{")) {
      fail("has no list in braces where one must be");
    } else {
      while (ok() && !rest_.empty() && rest_.front() != '}') {
        values.push_back(literal());
        if (!take(",")) break;
      }
      if (ok() && !take("}")) fail("has a '{' without a '}'");
    }
    return Selector::of(found->op, std::move(key), std::move(values));
  }

  std::string_view rest_;
  std::string why_not_;
};

template <class Change>  // Selector(Selector leaf)
Selector with_leaves(Selector selector, const Change& change) {
  if (selector.op == Op::And || selector.op == Op::Or || selector.op == Op::Not) {
    for (Selector& part : selector.parts) part = with_leaves(std::move(part), change);
    return selector;
  }
  return change(std::move(selector));
}

Selector renamed(Selector leaf, std::string_view key) {
  leaf.key = key;
  return leaf;
}

Selector of_namespace(Selector leaf) {
  return leaf.key == kCalicoName ? renamed(std::move(leaf), kNamespaceName) : leaf;
}

// "name" is all that is known of a service account.
Selector of_service_account(Selector leaf) {
  if (leaf.key.empty()) return leaf;
  return leaf.key == kCalicoName ? renamed(std::move(leaf), "name") : Selector::not_understood();
}

enum Axis : unsigned { kNowhere = 0, kNamespaces = 1, kPods = 2, kServiceAccounts = 4 };

struct Leaf {
  Selector selector;
  unsigned axis;
};

Leaf place(Selector leaf, CalicoThing thing) {
  constexpr std::string_view kOfNamespace = "pcns.";
  constexpr std::string_view kOfServiceAccount = "pcsa.";
  const std::string key = leaf.key;
  if (key.empty()) return {std::move(leaf), leaf.op == Op::NotUnderstood ? kPods : kNowhere};
  if (key == "projectcalico.org/namespace" || key == kNamespaceName)  // the latter is only what global() stands for
    return {renamed(std::move(leaf), kNamespaceName), kNamespaces};
  if (key == "projectcalico.org/serviceaccount") return {renamed(std::move(leaf), "name"), kServiceAccounts};
  if (key == "projectcalico.org/orchestrator") {
    const KnownLabels known{thing == CalicoThing::Pod ? Labels{{key, "k8s"}} : Labels{}, true};
    return {matches(leaf, known) == Match::Yes ? Selector::all() : Selector::none(), kNowhere};
  }
  if (key.starts_with(kOfNamespace))
    return {of_namespace(renamed(std::move(leaf), key.substr(kOfNamespace.size()))), kNamespaces};
  if (key.starts_with(kOfServiceAccount))
    return {of_service_account(renamed(std::move(leaf), key.substr(kOfServiceAccount.size()))), kServiceAccounts};
  return {std::move(leaf), kPods};
}

}  // namespace

std::optional<Selector> parse_calico_selector(std::string_view text, std::string& why_not) {
  return Parser(text).parse(why_not);
}

std::optional<Selector> parse_calico_namespace_selector(std::string_view text, std::string& why_not) {
  std::optional<Selector> selector = parse_calico_selector(text, why_not);
  if (!selector) return std::nullopt;
  return with_leaves(std::move(*selector), [](Selector leaf) {
    if (leaf.op == Op::All) return Selector::of(Op::Exists, std::string(kNamespaceName), {});
    if (leaf.op == Op::None) return Selector::of(Op::NotExists, std::string(kNamespaceName), {});
    return of_namespace(std::move(leaf));
  });
}

std::optional<Selector> parse_calico_service_account_selector(std::string_view text, std::string& why_not) {
  std::optional<Selector> selector = parse_calico_selector(text, why_not);
  if (!selector) return std::nullopt;
  return with_leaves(std::move(*selector), of_service_account);
}

CalicoEndpoints split_calico_selector(const Selector& endpoints, CalicoThing thing) {
  CalicoEndpoints split;
  const std::vector<Selector> terms = endpoints.op == Op::And ? endpoints.parts : std::vector<Selector>{endpoints};
  for (const Selector& term : terms) {
    unsigned axes = kNowhere;
    Selector placed = with_leaves(term, [&](Selector leaf) {
      Leaf one = place(std::move(leaf), thing);
      axes |= one.axis;
      return std::move(one.selector);
    });
    Selector& to = axes == kNamespaces        ? split.namespaces
                   : axes == kServiceAccounts ? split.service_accounts
                                              : split.pods;
    const bool one_axis = (axes & (axes - 1)) == 0;
    to = Selector::both(std::move(to), one_axis ? std::move(placed) : Selector::not_understood());
  }
  return split;
}

bool is_understood(const Selector& selector) {
  return selector.op != Op::NotUnderstood && std::all_of(selector.parts.begin(), selector.parts.end(), is_understood);
}

Selector negated(Selector selector) {
  constexpr std::array<std::pair<Op, Op>, 3> kOpposites{
      {{Op::All, Op::None}, {Op::In, Op::NotIn}, {Op::Exists, Op::NotExists}}};
  for (const auto& [a, b] : kOpposites) {
    if (selector.op != a && selector.op != b) continue;
    selector.op = selector.op == a ? b : a;
    return selector;
  }
  if (selector.op == Op::Not) return std::move(selector.parts.front());
  return compound(Op::Not, {std::move(selector)});
}

}  // namespace airtight::verify
