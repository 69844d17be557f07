// Label selectors of every API as one expression, asked of labels that may be known in part only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/policy/policy.h"

namespace airtight::verify {

// Whether a selector matches, where not every label is known.
enum class Match : std::uint8_t { No, Unknown, Yes };

// The labels of a thing. `complete`: a key that is not here is absent; else it is unknown. Of `unknown_keys` nothing is
// known either way: a controller may set them, whatever `labels` says.
struct KnownLabels {
  Labels labels;
  bool complete = true;
  std::set<std::string> unknown_keys = {};
  friend bool operator==(const KnownLabels&, const KnownLabels&) = default;
  friend auto operator<=>(const KnownLabels&, const KnownLabels&) = default;
};

// An immutable boolean expression over labels. Kubernetes selectors are an And of leaves; Calico's language has them
// all.
struct Selector {
  enum class Op : std::uint8_t {
    All,    // matches everything; the default, as `{}` does
    None,   // matches nothing
    In,     // the key is there and its value is one of `values`
    NotIn,  // the key is absent, or its value is none of `values`
    Exists,
    NotExists,
    StartsWith,  // values[0]; Calico
    EndsWith,
    Contains,
    And,            // of `parts`; empty And is All
    Or,             // of `parts`; empty Or is None
    Not,            // of parts[0]
    NotUnderstood,  // matches nobody knows what
  };
  Op op = Op::All;
  std::string key;
  std::vector<std::string> values;  // sorted, unique
  std::vector<Selector> parts;

  static Selector all() { return {}; }
  static Selector none() { return {Op::None, {}, {}, {}}; }
  static Selector not_understood() { return {Op::NotUnderstood, {}, {}, {}}; }
  static Selector in(std::string key, std::vector<std::string> values);
  static Selector of(Op leaf, std::string key, std::vector<std::string> values);
  static Selector both(Selector a, Selector b);  // And, flattened
  static Selector equal_to(const Labels&);       // And of In

  friend bool operator==(const Selector&, const Selector&) = default;
};

Match matches(const Selector&, const KnownLabels&);
// Canonical text, for messages and as a key: "app=web,tier in (a,b)"; "everything" for All.
std::string to_string(const Selector&);
// Adds each key that the selector asks for, with the values that it distinguishes.
void collect_keys(const Selector&, std::map<std::string, std::vector<std::string>>& keys);
// Equal selectors have equal hashes.
std::size_t hash_of(const Selector&);

}  // namespace airtight::verify
