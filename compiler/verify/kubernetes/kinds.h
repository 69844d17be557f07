// The table of kinds: what the reader does with an object of a group and kind.
#pragma once

#include <cstdint>
#include <string_view>

#include "compiler/verify/kubernetes/readers.h"
#include "compiler/verify/rule_table.h"

namespace airtight::verify {

struct KindRow {
  enum class Treatment : std::uint8_t {
    Read,      // by `read`
    Cilium,    // by read_cilium_policy, which knows the kinds of its group and cilium-config, once everything else is
               // there
    Calico,    // by read_calico_object, likewise
    Harmless,  // makes no pods and changes no reach
    NotInCluster,   // an input of other tools that no API server sees
    NotUnderstood,  // `note` says why it matters
  };
  std::string_view group;   // "" for the core
  std::string_view kind;    // "*": any
  bool namespaced = false;  // whether one without a namespace gets one
  Treatment treatment = Treatment::Harmless;
  void (*read)(const Value& object, ReaderContext context) = nullptr;
  std::string_view note = {};
  Rule rule = Rule::KindNotUnderstood;
  std::string_view only = {};  // the others of the kind are harmless; empty: every object counts
};

// nullptr: in no table. Where the group is not known (`has_group` false), the first of that kind.
const KindRow* find_kind(std::string_view group, std::string_view kind, bool has_group);

}  // namespace airtight::verify
