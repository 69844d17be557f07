#include "compiler/policy/catalogue.h"

#include <algorithm>

namespace airtight {

// Readers have checked every value; one that no longer parses is our bug, and value() says so loudly.
IpSet Catalogue::addresses() const {
  std::vector<Prefix> prefixes;
  for (const CatalogueEntry& entry : entries)
    if (entry.match == CatalogueEntry::Match::Address) prefixes.push_back(Prefix::parse(entry.value).value());
  return IpSet::from(std::span<const Prefix>(prefixes));
}

DomainSet Catalogue::names() const {
  std::vector<Domain> suffixes;
  std::vector<Domain> exact;
  for (const CatalogueEntry& entry : entries) {
    if (entry.match == CatalogueEntry::Match::Suffix) suffixes.push_back(Domain::parse(entry.value).value());
    if (entry.match == CatalogueEntry::Match::Exact) exact.push_back(Domain::parse(entry.value).value());
  }
  return DomainSet::from_suffixes(suffixes) | DomainSet::from_names(exact);
}

const RegistryRow* Registry::find(const Prefix& prefix) const {
  const RegistryRow* best = nullptr;
  for (const RegistryRow& row : rows)
    if (row.address.contains(prefix) && (!best || row.address.length() > best->address.length())) best = &row;
  return best;
}

const Catalogue* Rules::catalogue(std::string_view name) const {
  const auto found =
      std::find_if(catalogues.begin(), catalogues.end(), [&](const Catalogue& c) { return c.name == name; });
  return found == catalogues.end() ? nullptr : &*found;
}

std::string Rules::special_purpose(const Prefix& prefix) const {
  for (const Registry& registry : registries)
    if (const RegistryRow* row = registry.find(prefix))
      return row->rfc.empty() ? row->name : row->name + " (" + row->rfc + ")";
  return {};
}

}  // namespace airtight
