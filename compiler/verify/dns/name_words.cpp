#include "compiler/verify/dns/name_words.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

namespace airtight::verify {
namespace {

constexpr std::size_t kShown = 3;

}  // namespace

Domain smallest_name(const DomainSet& set) {
  for (const DomainSet::Node& node : set.nodes()) {
    if (node.self) return node.name;
    if (!node.below) continue;
    constexpr std::string_view kLabels = "abcdefghijklmnopqrstuvwxyz0123456789";
    const std::string tail = node.name.is_root() ? "" : "." + node.name.text();
    for (std::size_t i = 0; i < kLabels.size() * (kLabels.size() + 1); ++i) {
      std::string label(1, kLabels[i % kLabels.size()]);
      if (i >= kLabels.size()) label.insert(label.begin(), kLabels[i / kLabels.size() - 1]);
      const std::optional<Domain> name = Domain::parse(label + tail);
      if (name && set.contains(*name)) return *name;
    }
    return node.name;  // every short label is taken: the name above is near enough
  }
  return Domain::root();
}

Ip smallest_address(const IpSet& set) {
  const IpSet odd = IpSet::of(Prefix::containing(Ip::v4(0), 8)) | IpSet::of(Prefix::containing(Ip::v6(0), 96));
  return (set - odd).smallest().value_or(*set.smallest());
}

std::string shown(const std::vector<std::string>& all) {
  std::string text;
  for (std::size_t i = 0; i < std::min(all.size(), kShown); ++i) text += (i == 0 ? "" : ", ") + all[i];
  if (all.size() > kShown) text += " and " + std::to_string(all.size() - kShown) + " more";
  return text;
}

std::string describe(const DomainSet& set) {
  std::vector<std::string> parts;
  for (const DomainSet::Node& node : set.nodes()) {
    if (!node.self && !node.below) continue;
    const std::string name = node.name.is_root() ? "the root" : to_string(node.name);
    parts.push_back(node.below ? (node.self ? name + " and all below it" : "all below " + name) : name);
  }
  const bool holes =
      std::any_of(set.nodes().begin(), set.nodes().end(), [](const auto& n) { return !n.below && !n.self; });
  return shown(parts) + (holes ? ", less what is inside" : "");
}

}  // namespace airtight::verify
