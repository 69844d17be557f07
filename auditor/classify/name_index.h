// What the policy says about names, looked up by hashing the suffixes of a name from the right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auditor/classify/boundary.h"
#include "compiler/policy/compiled_policy.h"

namespace airtight::audit {

// Names, each with a number. Immutable once made.
class SuffixTable {
 public:
  // Lower case, without final dot, each once; the number is the place in the list.
  explicit SuffixTable(std::vector<std::string> names);

  // Calls `visit` with the number and the length of each name of the table at or above `name`, the root first.
  // `name` is in any letter case, without final dot, and need not be a Domain: an escaped dot ends no label.
  template <class Visit>
  void each_suffix(std::string_view name, Visit visit) const;

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t number_and_one = 0;  // 0: empty
  };
  std::uint32_t find(std::uint64_t hash, std::string_view suffix) const;  // and one; 0 if it is not there

  std::vector<std::string> names_;
  std::vector<Slot> slots_;  // a power of two, half empty at least
};

// Policy::inside_names.
class InsideNames {
 public:
  explicit InsideNames(const DomainSet&);
  // As DomainSet::contains() for what Domain::parse() reads; "" is the root; false for everything else.
  bool contains(std::string_view name) const;

 private:
  std::vector<DomainSet::Node> nodes_;
  SuffixTable table_;
};

// The names in the catalogues.
class NameLabels {
 public:
  explicit NameLabels(const Policy&);
  ~NameLabels();
  // Denied catalogues first, then the longest name, then an exact entry before a suffix; patterns where none fits.
  Label of(std::string_view name) const;

 private:
  struct Entries;
  struct Patterns;
  explicit NameLabels(Entries&&);

  struct Found {
    Label label;
    bool denied = false;
  };
  struct Node {
    Found exact;
    Found suffix;
  };
  std::vector<Node> nodes_;
  SuffixTable table_;
  std::unique_ptr<Patterns> patterns_;
};

}  // namespace airtight::audit
