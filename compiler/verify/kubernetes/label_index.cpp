#include "compiler/verify/kubernetes/label_index.h"

#include <functional>
#include <string>

namespace airtight::verify {

std::size_t LabelIndex::LabelsHash::operator()(const KnownLabels& labels) const {
  std::size_t hash = labels.complete ? 1 : 2;
  const auto mix = [&](const std::string& text) {
    hash = (hash ^ std::hash<std::string>{}(text)) * 0x9E3779B97F4A7C15U + (hash >> 29);
  };
  for (const auto& [key, value] : labels.labels) {
    mix(key);
    mix(value);
  }
  for (const std::string& key : labels.unknown_keys) mix(key);
  return hash;
}

std::size_t LabelIndex::number(const KnownLabels& labels) {
  const auto [place, added] = labels_.try_emplace(labels, labels_by_number_.size());
  if (added) labels_by_number_.push_back(&place->first);
  return place->second;
}

std::size_t LabelIndex::number(const Selector& selector) {
  const auto [place, added] = selectors_.try_emplace(&selector, selectors_by_number_.size());
  if (added) selectors_by_number_.push_back(&selector);
  return place->second;
}

Match LabelIndex::match(std::size_t selector, std::size_t labels) {
  if (answers_.size() < selectors_by_number_.size()) answers_.resize(selectors_by_number_.size());
  std::vector<std::uint8_t>& answers = answers_[selector];
  if (answers.size() <= labels / 4) answers.resize(labels_by_number_.size() / 4 + 1, 0);
  std::uint8_t& four = answers[labels / 4];
  const unsigned shift = labels % 4 * 2;
  const auto kept = [&] { return static_cast<unsigned>(four) >> shift & 3U; };
  if (kept() == 0) {
    const auto answer = static_cast<unsigned>(matches(*selectors_by_number_[selector], *labels_by_number_[labels]));
    four = static_cast<std::uint8_t>(static_cast<unsigned>(four) | (answer + 1) << shift);
  }
  return static_cast<Match>(kept() - 1);
}

}  // namespace airtight::verify
