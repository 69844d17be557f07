#include "compiler/spec/catalogue_reader.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "compiler/spec/fields.h"
#include "compiler/spec/scalar.h"
#include "compiler/spec/yaml.h"

namespace airtight {
namespace {

using Words = std::span<const std::string_view>;
using Match = CatalogueEntry::Match;

constexpr std::string_view kCatalogueFields[] = {"catalogue", "title", "why", "sources", "entries"};
constexpr std::string_view kRegistryFields[] = {"registry", "title", "sources", "updated", "entries"};
constexpr std::string_view kSourceFields[] = {"what", "read"};
constexpr std::string_view kEntryFields[] = {"suffix", "exact",  "address", "pattern",
                                             "label",  "source", "date",    "note"};
constexpr std::string_view kRowFields[] = {"address",   "name",           "rfc",         "allocated", "terminated",
                                           "source_ok", "destination_ok", "forwardable", "global",    "reserved",
                                           "source",    "date",           "note"};
constexpr std::pair<std::string_view, Match> kMatches[] = {
    {"suffix", Match::Suffix}, {"exact", Match::Exact}, {"address", Match::Address}, {"pattern", Match::Pattern}};

class RulesReader {
 public:
  explicit RulesReader(Diagnostics& diagnostics) : diagnostics_(diagnostics), read_(diagnostics) {}

  void file(const Node& root) {
    if (root.kind == Node::Kind::Map && root.find("registry"))
      registry(root);
    else
      catalogue(root);
  }

  Rules take() {
    const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
    std::sort(rules_.catalogues.begin(), rules_.catalogues.end(), by_name);
    std::sort(rules_.registries.begin(), rules_.registries.end(), by_name);
    return std::move(rules_);
  }

 private:
  void put(std::string& to, std::optional<std::string> value) {
    if (value) to = std::move(*value);
  }

  std::map<std::string, CatalogueSource> sources(const Fields& fields) {
    std::map<std::string, CatalogueSource> out;
    if (fields.need("sources"))
      fields.map("sources", [&](const Member& member) {
        const Fields entry(member.value, "source " + quoted(member.key), Words(kSourceFields), diagnostics_);
        CatalogueSource& source = out[member.key];
        if (const Node* n = entry.need("what")) put(source.what, read_.text(*n, entry.path("what")));
        if (const Node* n = entry.need("read"))
          if (auto date = read_.date(*n, entry.path("read"))) source.read = to_string(*date);
      });
    return out;
  }

  void source_of(const Fields& entry, const std::map<std::string, CatalogueSource>& known, std::string& source,
                 std::string& date) {
    if (const Node* n = entry.need("source")) {
      put(source, read_.text(*n, entry.path("source")));
      if (!source.empty() && !known.count(source))
        diagnostics_.error(Code::BadCatalogue, n->span,
                           entry.path("source") + ": " + quoted(source) + " is not among this file's sources");
    }
    if (const Node* n = entry.need("date"))
      if (auto value = read_.date(*n, entry.path("date"))) date = to_string(*value);
  }

  void own_name(const Node& node, std::string_view path, std::string& to) {
    put(to, read_.name(node, path));
    if (!to.empty() && !names_.insert(to).second)
      diagnostics_.error(Code::BadCatalogue, node.span,
                         std::string(path) + ": " + quoted(to) + " is the name of another file's list too");
  }

  void catalogue(const Node& root) {
    const Fields fields(root, "catalogue", Words(kCatalogueFields), diagnostics_);
    Catalogue catalogue;
    if (const Node* n = fields.need("catalogue")) own_name(*n, "catalogue", catalogue.name);
    if (const Node* n = fields.need("title")) put(catalogue.title, read_.text(*n, "title"));
    if (const Node* n = fields.need("why")) put(catalogue.why, read_.text(*n, "why"));
    catalogue.sources = sources(fields);
    std::set<std::string> seen;
    if (fields.need("entries"))
      fields.list("entries", false, [&](const Node& item) {
        const Fields entry(item, "entry", Words(kEntryFields), diagnostics_);
        CatalogueEntry added;
        const Node* value = nullptr;
        for (const auto& [key, match] : kMatches) {
          const Node* found = entry.get(key);
          if (!found) continue;
          if (value) {
            diagnostics_.error(Code::BadCatalogue, found->span,
                               "an entry has one of suffix, exact, address and pattern");
            return;
          }
          value = found;
          added.match = match;
        }
        if (!value) {
          diagnostics_.error(Code::BadCatalogue, item.span, "an entry needs one of suffix, exact, address and pattern");
          return;
        }
        matched(*value, added);
        if (!added.value.empty() && !seen.insert(std::to_string(static_cast<int>(added.match)) + added.value).second)
          diagnostics_.error(Code::RepeatedItem, value->span, quoted(added.value) + " is listed twice");
        if (const Node* n = entry.need("label")) put(added.label, read_.text(*n, "label"));
        if (const Node* n = entry.get("note")) put(added.note, read_.text(*n, "note"));
        source_of(entry, catalogue.sources, added.source, added.date);
        catalogue.entries.push_back(std::move(added));
      });
    rules_.catalogues.push_back(std::move(catalogue));
  }

  void matched(const Node& value, CatalogueEntry& entry) {
    if (entry.match == Match::Address) {
      if (auto prefix = read_.prefix(value, "address")) entry.value = to_string(*prefix);
    } else if (entry.match == Match::Pattern) {
      put(entry.value, read_.text(value, "pattern"));
      if (!entry.value.empty() && (entry.value.front() != '^' || entry.value.back() != '$'))
        diagnostics_.error(Code::BadCatalogue, value.span, "a pattern starts with ^ and ends with $");
    } else if (auto domain = read_.domain(value, entry.match == Match::Suffix ? "suffix" : "exact")) {
      if (domain->is_root())
        diagnostics_.error(Code::BadCatalogue, value.span, "the root would name everything");
      else
        entry.value = domain->text();
    }
  }

  void registry(const Node& root) {
    const Fields fields(root, "registry", Words(kRegistryFields), diagnostics_);
    Registry registry;
    if (const Node* n = fields.need("registry")) own_name(*n, "registry", registry.name);
    if (const Node* n = fields.need("title")) put(registry.title, read_.text(*n, "title"));
    if (const Node* n = fields.need("updated"); n && read_.scalar(*n, "updated")) registry.updated = n->text;
    const auto known = sources(fields);
    if (fields.need("entries"))
      fields.list("entries", false, [&](const Node& item) {
        const Fields entry(item, "entry", Words(kRowFields), diagnostics_);
        RegistryRow row;
        if (const Node* n = entry.need("address")) {
          if (auto prefix = Prefix::parse(n->text))  // as IANA writes it: ::ffff:0:0/96 is not RFC 5952 text
            row.address = *prefix;
          else
            diagnostics_.error(Code::BadPrefix, n->span, "address: " + quoted(n->text) + " is no prefix")
                .expect("ADDRESS/LENGTH");
        }
        if (const Node* n = entry.need("name")) put(row.name, read_.text(*n, "name"));
        if (const Node* n = entry.need("rfc"); n && read_.scalar(*n, "rfc")) row.rfc = n->text;
        if (const Node* n = entry.need("allocated"); n && read_.scalar(*n, "allocated")) row.allocated = n->text;
        if (const Node* n = entry.get("terminated"); n && read_.scalar(*n, "terminated")) row.terminated = n->text;
        const std::pair<std::string_view, std::optional<bool>*> flags[] = {{"source_ok", &row.source_ok},
                                                                           {"destination_ok", &row.destination_ok},
                                                                           {"forwardable", &row.forwardable},
                                                                           {"global", &row.global},
                                                                           {"reserved", &row.reserved}};
        for (const auto& [key, flag] : flags) {
          const Member* member = item.kind == Node::Kind::Map ? item.find(key) : nullptr;
          if (!member)
            diagnostics_.error(Code::MissingField, item.span, "entry: field '" + std::string(key) + "' is missing");
          else if (member->value.kind != Node::Kind::Null)  // null: the registry says N/A
            *flag = read_.boolean(member->value, key);
        }
        std::string source;
        source_of(entry, known, source, row.date);
        registry.rows.push_back(std::move(row));
      });
    rules_.registries.push_back(std::move(registry));
  }

  Diagnostics& diagnostics_;
  ScalarReader read_;
  Rules rules_;
  std::set<std::string> names_;
};

}  // namespace

std::optional<Rules> read_rules(std::span<const std::uint32_t> sources, const Sources& texts,
                                Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.errors();
  RulesReader reader(diagnostics);
  for (const std::uint32_t source : sources)
    if (const std::optional<Node> root = read_yaml(source, texts, diagnostics)) reader.file(*root);
  if (diagnostics.errors() != before) return std::nullopt;
  return reader.take();
}

}  // namespace airtight
