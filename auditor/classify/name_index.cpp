#include "auditor/classify/name_index.h"

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

// GCC 12 warns about its own <regex> when sanitizers are on.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <regex>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include "auditor/classify/domain_form.h"

namespace airtight::audit {
namespace {

constexpr std::size_t kLongestName = 253;

// From the right, so that one pass has the hashes of all suffixes (FNV-1a, 64 bits).
constexpr std::uint64_t kNothing = 0xCBF29CE484222325;
constexpr std::uint64_t add(std::uint64_t hash, char c) {
  return (hash ^ static_cast<unsigned char>(fold(c))) * 0x100000001B3;
}

// The low bits of a product know only the low bits of its factors.
std::size_t spread(std::uint64_t hash) { return static_cast<std::size_t>(hash ^ hash >> 32); }

std::uint64_t hash_of(std::string_view name) {
  std::uint64_t hash = kNothing;
  for (std::size_t i = name.size(); i > 0; --i) hash = add(hash, name[i - 1]);
  return hash;
}

bool same(std::string_view lower, std::string_view text) {
  return lower.size() == text.size() &&
         std::equal(lower.begin(), lower.end(), text.begin(), [](char a, char b) { return a == fold(b); });
}

// Whether an odd number of backslashes stands before the place.
bool is_escaped(std::string_view text, std::size_t place) {
  std::size_t before = place;
  while (before > 0 && text[before - 1] == '\\') --before;
  return (place - before) % 2 != 0;
}

std::string_view without_final_dot(std::string_view name) {
  if (!name.empty() && name.back() == '.' && !is_escaped(name, name.size() - 1)) name.remove_suffix(1);
  return name;
}

std::vector<std::string> names_of(const DomainSet& set) {
  std::vector<std::string> names;
  for (const DomainSet::Node& node : set.nodes()) names.push_back(node.name.text());
  return names;
}

}  // namespace

SuffixTable::SuffixTable(std::vector<std::string> names)
    : names_(std::move(names)), slots_(std::bit_ceil(2 * names_.size() + 2)) {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const std::uint64_t hash = hash_of(names_[i]);
    std::size_t at = spread(hash) & (slots_.size() - 1);
    while (slots_[at].number_and_one != 0) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = {hash, static_cast<std::uint32_t>(i + 1)};
  }
}

std::uint32_t SuffixTable::find(std::uint64_t hash, std::string_view suffix) const {
  for (std::size_t at = spread(hash) & (slots_.size() - 1); slots_[at].number_and_one != 0;
       at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at].hash == hash && same(names_[slots_[at].number_and_one - 1], suffix))
      return slots_[at].number_and_one;
  }
  return 0;
}

template <class Visit>
void SuffixTable::each_suffix(std::string_view name, Visit visit) const {
  const auto ask = [&](std::uint64_t hash, std::size_t begin) {
    const std::string_view suffix = name.substr(begin);
    if (const std::uint32_t found = find(hash, suffix)) visit(found - 1, suffix.size());
  };
  ask(kNothing, name.size());
  std::uint64_t hash = kNothing;
  for (std::size_t i = name.size(); i > 0; --i) {
    if (name[i - 1] == '.' && !is_escaped(name, i - 1)) ask(hash, i);
    hash = add(hash, name[i - 1]);
  }
  if (!name.empty()) ask(hash, 0);
}

InsideNames::InsideNames(const DomainSet& set)
    : nodes_(set.nodes().begin(), set.nodes().end()), table_(names_of(set)) {}

bool InsideNames::contains(std::string_view name) const {
  if (!name.empty() && !is_domain(name)) return false;
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  bool inside = false;  // the longest node that is asked has the last word
  table_.each_suffix(name, [&](std::uint32_t number, std::size_t length) {
    inside = length == name.size() ? nodes_[number].self : nodes_[number].below;
  });
  return inside;
}

struct NameLabels::Patterns {
  struct Pattern {
    std::regex expression;
    Label label;
  };
  std::vector<Pattern> list;  // denied ones first

  Label of(std::string_view name) const {
    if (name.size() > kLongestName) return {};  // no name, and the engine recurses by the character
    for (const Pattern& pattern : list)
      if (std::regex_match(name.begin(), name.end(), pattern.expression)) return pattern.label;
    return {};
  }
};

struct NameLabels::Entries {
  explicit Entries(const Policy& policy) : patterns(std::make_unique<Patterns>()) {
    std::map<std::string, std::size_t> numbers;
    for (const bool denied : {true, false}) {
      for (const Catalogue& catalogue : policy.catalogues) {
        if (catalogue.denied != denied) continue;
        for (const CatalogueEntry& entry : catalogue.entries) {
          const Found found{{catalogue.name, catalogue.title, entry.label}, denied};
          if (entry.match == CatalogueEntry::Match::Pattern) add_pattern(entry.value, found.label);
          if (entry.match != CatalogueEntry::Match::Exact && entry.match != CatalogueEntry::Match::Suffix) continue;
          const auto name = Domain::parse(entry.value);
          if (!name) continue;
          const auto [place, added] = numbers.try_emplace(name->text(), names.size());
          if (added) {
            names.push_back(name->text());
            nodes.emplace_back();
          }
          Node& node = nodes[place->second];
          Found& mine = entry.match == CatalogueEntry::Match::Exact ? node.exact : node.suffix;
          if (!mine.label) mine = found;  // the first one stays, as denied ones come first
        }
      }
    }
  }

  // Readers have checked patterns; one that does not compile would label nothing, and nothing rests on labels.
  void add_pattern(const std::string& text, const Label& label) {
    try {
      patterns->list.push_back({std::regex(text, std::regex::ECMAScript | std::regex::icase), label});
    } catch (const std::regex_error&) {
    }
  }

  std::vector<std::string> names;
  std::vector<Node> nodes;
  std::unique_ptr<Patterns> patterns;
};

NameLabels::NameLabels(const Policy& policy) : NameLabels(Entries(policy)) {}

NameLabels::NameLabels(Entries&& entries)
    : nodes_(std::move(entries.nodes)), table_(std::move(entries.names)), patterns_(std::move(entries.patterns)) {}

NameLabels::~NameLabels() = default;

Label NameLabels::of(std::string_view name) const {
  name = without_final_dot(name);
  Found best;
  const auto offer = [&](const Found& found) {
    if (found.label && (!best.label || found.denied >= best.denied)) best = found;
  };
  table_.each_suffix(name, [&](std::uint32_t number, std::size_t length) {  // longer ones later
    offer(nodes_[number].suffix);
    if (length == name.size()) offer(nodes_[number].exact);
  });
  return best.label ? best.label : patterns_->of(name);
}

}  // namespace airtight::audit
