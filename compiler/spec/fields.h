// Reading the members of one map: the only place that knows "unknown field", "missing field" and "to be filled".
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/policy/diagnostic.h"
#include "compiler/spec/yaml.h"

namespace airtight {

class Fields {
 public:
  // `path` is how messages name the map ("boundary.cluster", "workload 'ai-gateway'"); `known` outlives this object.
  // Adds WrongType if the node is no map (then every get() finds nothing, silently) and UnknownField a stray key.
  Fields(const Node&, std::string path, std::span<const std::string_view> known, Diagnostics&);

  bool is_map() const { return node_.kind == Node::Kind::Map; }
  // nullptr if absent. A null value is reported as NotFilled and given as absent.
  const Node* get(std::string_view key) const;
  // The same; an absent key is reported.
  const Node* need(std::string_view key, std::string_view help = {}) const;
  // "PATH.KEY" for messages.
  std::string path(std::string_view key) const;
  Span at() const { return node_.span; }

  // Calls `each` for the items of a list field; WrongType or EmptyValue otherwise. False if absent or refused.
  bool list(std::string_view key, bool may_be_empty, const std::function<void(const Node&)>& each) const;
  // A single value counts as a list of one.
  bool one_or_more(std::string_view key, const std::function<void(const Node&)>& each) const;
  // Calls `each` for the members of a map field.
  bool map(std::string_view key, const std::function<void(const Member&)>& each) const;

 private:
  const Node& node_;
  std::string path_;
  std::vector<std::string_view> meant_;  // known fields that a stray key is a slip of: missing is said once
  Diagnostics& diagnostics_;
};

}  // namespace airtight
