// Every selector and every set of labels once, and each question "does this selector match these labels" asked once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "compiler/verify/kubernetes/selector.h"

namespace airtight::verify {

class LabelIndex {
 public:
  std::size_t number(const KnownLabels& labels);
  // The selector must outlive the index.
  std::size_t number(const Selector& selector);
  Match match(std::size_t selector, std::size_t labels);

 private:
  struct LabelsHash {
    std::size_t operator()(const KnownLabels& labels) const;
  };
  struct SelectorHash {
    std::size_t operator()(const Selector* selector) const { return hash_of(*selector); }
  };
  struct SelectorEqual {
    bool operator()(const Selector* a, const Selector* b) const { return *a == *b; }
  };

  std::unordered_map<KnownLabels, std::size_t, LabelsHash> labels_;
  std::vector<const KnownLabels*> labels_by_number_;  // keys of labels_, whose places do not change
  std::unordered_map<const Selector*, std::size_t, SelectorHash, SelectorEqual> selectors_;
  std::vector<const Selector*> selectors_by_number_;
  std::vector<std::vector<std::uint8_t>> answers_;  // by selector; four answers of two bits a byte, 0: not asked yet
};

}  // namespace airtight::verify
