// Named lists under rules/. They label findings and deny explicitly; isolation never depends on one being complete.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/net/domain.h"
#include "compiler/net/ip.h"
#include "compiler/net/ip_set.h"

namespace airtight {

struct CatalogueEntry {
  enum class Match : std::uint8_t { Suffix, Exact, Address, Pattern };
  Match match = Match::Suffix;
  std::string value;   // canonical text of the name, prefix or ECMAScript regular expression
  std::string label;   // what a finding calls it: "hosted LLM: OpenAI" is catalogue title and label
  std::string source;  // key into Catalogue::sources
  std::string date;    // YYYY-MM-DD on which the entry was read there
  std::string note;
  friend bool operator==(const CatalogueEntry&, const CatalogueEntry&) = default;
};

struct CatalogueSource {
  std::string what;  // the document
  std::string read;  // YYYY-MM-DD
  friend bool operator==(const CatalogueSource&, const CatalogueSource&) = default;
};

struct Catalogue {
  std::string name;
  std::string title;
  std::string why;
  std::map<std::string, CatalogueSource> sources;
  std::vector<CatalogueEntry> entries;
  bool denied = false;  // by the spec at hand
  friend bool operator==(const Catalogue&, const Catalogue&) = default;

  IpSet addresses() const;
  DomainSet names() const;  // suffixes and exact names; patterns only label
};

// A row of an IANA special-purpose address registry (RFC 6890, RFC 8190). Flags are absent where the registry says N/A.
struct RegistryRow {
  Prefix address = Prefix::host(Ip::v4(0));
  std::string name;
  std::string rfc;
  std::string allocated;   // YYYY-MM
  std::string terminated;  // YYYY-MM, or empty
  std::optional<bool> source_ok, destination_ok, forwardable, global, reserved;
  std::string date;
};

struct Registry {
  std::string name;
  std::string title;
  std::string updated;
  std::vector<RegistryRow> rows;
  // The most specific row that holds the whole prefix; nullptr if none.
  const RegistryRow* find(const Prefix&) const;
};

// Everything under one rules directory, or built into the binary.
struct Rules {
  std::vector<Catalogue> catalogues;  // by name
  std::vector<Registry> registries;   // by name
  const Catalogue* catalogue(std::string_view name) const;
  // "Private-Use (RFC 1918)", or empty where no registry names the address.
  std::string special_purpose(const Prefix&) const;
};

}  // namespace airtight
