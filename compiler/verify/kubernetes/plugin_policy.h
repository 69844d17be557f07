// What the readers of the plugins' own policies (Cilium, Calico) share: every fault of an object is noted in the
// cluster and on the policy, so that none is read as less than it is.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/net/ip_set.h"
#include "compiler/verify/kubernetes/readers.h"

namespace airtight::verify {

class PolicyNotes {
 public:
  explicit PolicyNotes(ReaderContext context);

  // The API server or the plugin would not take the object.
  void refuse(Span where, std::string message);
  // Whether it counts depends on the version or on who sends it: judged by the wider of absent and applied.
  void doubt(Rule rule, Span where, std::string message);
  // Read in the worst way, and said.
  void not_understood(Rule rule, Span where, std::string message);
  // The same of one rule: its accept takes all that it might, its deny nothing.
  void not_understood(PolicyRule& policy_rule, Span where, std::string message);

  // Fields that are absent or null give nothing; of another type they refuse the object.
  const Value* map(const Value& parent, std::string_view key);
  const Value* list(const Value& parent, std::string_view key);  // an empty list is given
  const Value* text(const Value& parent, std::string_view key);  // an empty text is not given
  std::optional<bool> flag(const Value& parent, std::string_view key);
  // False, and refused, if it is no map. Keys that are not `known` are doubts.
  bool has_only(const Value& value, std::string_view what, std::span<const std::string_view> known);
  bool has_only(const Value& value, std::string_view what, std::initializer_list<std::string_view> known) {
    return has_only(value, what, std::span<const std::string_view>(known.begin(), known.size()));
  }
  std::optional<std::size_t> number(const Value& value, std::size_t most);  // refused, if it is none or too big

  bool refused() const { return refused_; }
  void mark(PolicyObject& policy) const;  // refused, doubtful

 private:
  ReaderContext context_;
  std::string object_;
  bool refused_ = false;
  std::string doubt_;
};

// The addresses of a network, or of a lone address; empty if it is neither. A doubt about how the plugin reads it is
// noted on the rule.
std::optional<IpSet> read_network(const Value& value, PolicyRule& rule, PolicyNotes& notes);

inline constexpr std::string_view kNamespaceNameLabel = "kubernetes.io/metadata.name";
Selector in_namespace(const std::string& name);

}  // namespace airtight::verify
