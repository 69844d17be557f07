#include "compiler/catalogue_view.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>
#include <vector>

namespace airtight {
namespace {

using Json = nlohmann::ordered_json;
using Match = CatalogueEntry::Match;

std::string_view word(Match match) {
  constexpr std::string_view kWords[] = {"suffix", "exact", "address", "pattern"};
  return kWords[static_cast<std::size_t>(match)];
}

std::string padded(std::string_view text, std::size_t width) {
  std::string out(text);
  out.resize(std::max(width, text.size() + 1), ' ');
  return out;
}

Json to_json(const Catalogue& catalogue, const CatalogueEntry& entry) {
  Json json;
  json[std::string(word(entry.match))] = entry.value;
  json["label"] = entry.label;
  const auto source = catalogue.sources.find(entry.source);
  json["source"] = source == catalogue.sources.end() ? entry.source : source->second.what;
  json["date"] = entry.date;
  if (!entry.note.empty()) json["note"] = entry.note;
  return json;
}

std::string to_text(const CatalogueEntry& entry) {
  return "  " + padded(word(entry.match), 9) + padded(entry.value, 44) + entry.label + "  [" + entry.source + ", " +
         entry.date + "]\n";
}

Json to_json(const RegistryRow& row) {
  const auto flag = [](std::optional<bool> value) { return value ? Json(*value) : Json(nullptr); };
  Json json;
  json["address"] = to_string(row.address);
  json["name"] = row.name;
  json["rfc"] = row.rfc;
  json["allocated"] = row.allocated;
  if (!row.terminated.empty()) json["terminated"] = row.terminated;
  json["source_ok"] = flag(row.source_ok);
  json["destination_ok"] = flag(row.destination_ok);
  json["forwardable"] = flag(row.forwardable);
  json["global"] = flag(row.global);
  json["reserved"] = flag(row.reserved);
  json["date"] = row.date;
  return json;
}

// Patterns are the project's own or the user's own files; a name has at most 253 characters, so matching is bounded.
bool pattern_matches(const std::string& pattern, const std::string& name) {
  try {
    return std::regex_match(name, std::regex(pattern, std::regex::ECMAScript | std::regex::icase));
  } catch (const std::regex_error&) {
    return false;
  }
}

}  // namespace

std::string list_catalogues(const Rules& rules, bool json) {
  if (json) {
    Json document{{"catalogues", Json::array()}, {"registries", Json::array()}};
    for (const Catalogue& catalogue : rules.catalogues)
      document["catalogues"].push_back(
          {{"name", catalogue.name}, {"title", catalogue.title}, {"entries", catalogue.entries.size()}});
    for (const Registry& registry : rules.registries)
      document["registries"].push_back({{"name", registry.name},
                                        {"title", registry.title},
                                        {"updated", registry.updated},
                                        {"rows", registry.rows.size()}});
    return document.dump(2) + "\n";
  }
  std::string out;
  for (const Catalogue& catalogue : rules.catalogues)
    out += padded(catalogue.name, 28) + padded(std::to_string(catalogue.entries.size()), 6) + catalogue.title + "\n";
  for (const Registry& registry : rules.registries)
    out += padded(registry.name, 28) + padded(std::to_string(registry.rows.size()), 6) + registry.title + " (" +
           registry.updated + ")\n";
  return out;
}

std::optional<std::string> show_catalogue(const Rules& rules, std::string_view name, bool json,
                                          Diagnostics& diagnostics) {
  if (const Catalogue* catalogue = rules.catalogue(name)) {
    if (json) {
      Json document{
          {"name", catalogue->name}, {"title", catalogue->title}, {"why", catalogue->why}, {"entries", Json::array()}};
      for (const CatalogueEntry& entry : catalogue->entries) document["entries"].push_back(to_json(*catalogue, entry));
      return document.dump(2) + "\n";
    }
    std::string out = catalogue->title + "\n" + catalogue->why + "\n\n";
    for (const CatalogueEntry& entry : catalogue->entries) out += to_text(entry);
    out += "\nSources:\n";
    for (const auto& [key, source] : catalogue->sources)
      out += "  " + padded(key, 20) + source.what + ", read " + source.read + "\n";
    return out;
  }
  for (const Registry& registry : rules.registries) {
    if (registry.name != name) continue;
    if (json) {
      Json document{
          {"name", registry.name}, {"title", registry.title}, {"updated", registry.updated}, {"rows", Json::array()}};
      for (const RegistryRow& row : registry.rows) document["rows"].push_back(to_json(row));
      return document.dump(2) + "\n";
    }
    std::string out = registry.title + ", updated " + registry.updated + "\n\n";
    for (const RegistryRow& row : registry.rows)
      out += "  " + padded(to_string(row.address), 22) + padded(row.name, 44) + row.rfc + "  [" + row.date + "]\n";
    return out;
  }
  std::vector<std::string_view> names;
  std::string list;
  for (const Catalogue& catalogue : rules.catalogues) names.push_back(catalogue.name);
  for (const Registry& registry : rules.registries) names.push_back(registry.name);
  for (const std::string_view known : names) list += (list.empty() ? "" : ", ") + std::string(known);
  Diagnostic& error =
      diagnostics
          .error(Code::UnknownCatalogue, std::string("catalogue show"), airtight::quoted(name) + " is no catalogue")
          .expect(list);
  if (const std::string_view near = nearest(name, names); !near.empty())
    error.help("did you mean '" + std::string(near) + "'?");
  return std::nullopt;
}

std::optional<std::string> check_catalogues(const Rules& rules, std::string_view subject, bool json,
                                            Diagnostics& diagnostics) {
  const std::optional<Ip> ip = Ip::parse(subject);
  const std::optional<Prefix> prefix = ip ? Prefix::host(*ip) : Prefix::parse(subject);
  const std::optional<Domain> name = prefix ? std::nullopt : Domain::parse(subject);
  if (!prefix && !name) {
    const bool address_like =
        subject.find('/') != std::string_view::npos || subject.find(':') != std::string_view::npos;
    diagnostics
        .error(address_like ? Code::BadAddress : Code::BadDomain, std::string("catalogue check"),
               airtight::quoted(subject) +
                   " is no address and no name: " + (address_like ? why_not_prefix(subject) : why_not_domain(subject)))
        .expect("an IP address, a prefix or a domain name");
    return std::nullopt;
  }
  Json document{{"subject", std::string(subject)}, {"matches", Json::array()}, {"special_purpose", nullptr}};
  std::string out;
  for (const Catalogue& catalogue : rules.catalogues)
    for (const CatalogueEntry& entry : catalogue.entries) {
      const bool hit = prefix ? entry.match == Match::Address &&
                                    IpSet::of(*prefix).intersects(IpSet::of(Prefix::parse(entry.value).value()))
                       : entry.match == Match::Exact   ? entry.value == name->text()
                       : entry.match == Match::Suffix  ? name->is_within(Domain::parse(entry.value).value())
                       : entry.match == Match::Pattern ? pattern_matches(entry.value, name->text())
                                                       : false;
      if (!hit) continue;
      Json match = to_json(catalogue, entry);
      match["catalogue"] = catalogue.name;
      match["denies"] = entry.match != Match::Pattern;
      document["matches"].push_back(std::move(match));
      out += padded(catalogue.name, 20) + to_text(entry).substr(2);
    }
  if (prefix) {
    const std::string block = rules.special_purpose(*prefix);
    if (!block.empty()) {
      document["special_purpose"] = block;
      out += padded("special-purpose", 20) + block + "\n";
    }
  }
  if (json) return document.dump(2) + "\n";
  if (out.empty())
    out = "no catalogue names " + std::string(subject) +
          "; outside is the complement of the boundary, so it is denied unless it is inside\n";
  return out;
}

}  // namespace airtight
