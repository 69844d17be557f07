// The values of a match: what stands at its right, through masks, operators and named sets.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "compiler/verify/firewall/nftables_keys.h"
#include "compiler/verify/firewall/nftables_syntax.h"

namespace airtight::verify {

struct ValueWidth {
  ValueType type;
  int bits;
};

bool is_raw(const NftKey&);
ValueWidth width_of(const NftKey&, const KeyInfo*);
// nullopt: something in it is none of the type.
std::optional<Values> values_of(const NftExpression&, ValueWidth);

// The elements of named sets as values, made once for each type that asks.
class NftSetCache {
 public:
  // nullptr: an element is none of the type.
  SharedValues values(const NftSet&, ValueWidth);

 private:
  std::map<std::pair<const NftSet*, std::string>, SharedValues> known_;
};

// What a match of one key lets through.
class WantedValues {
 public:
  // `empty_sets`: one without elements is empty, and not unknown.
  WantedValues(const NftTable& table, bool empty_sets, NftSetCache& cache)
      : table_(table), empty_sets_(empty_sets), cache_(cache) {}

  // nullptr: nobody can say, see why().
  const NftSet* set(std::string_view name);
  SharedValues values(const NftKey&, const KeyInfo*, const NftStatement& match);
  const std::string& why() const { return why_; }

 private:
  std::nullptr_t no(std::string why);
  SharedValues compared(const Values& positive, const NftKey&, ValueWidth, const NftStatement& match);

  const NftTable& table_;
  bool empty_sets_;
  NftSetCache& cache_;
  std::string why_;
};

}  // namespace airtight::verify
