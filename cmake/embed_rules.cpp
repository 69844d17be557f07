// Build step: rules/*.yaml -> a C++ table, through the reader that --rules uses. What that reader refuses does not
// build.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "compiler/spec/catalogue_reader.h"

namespace {

std::string literal(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string flag(std::optional<bool> value) { return !value ? "std::nullopt" : *value ? "true" : "false"; }

void write(std::ostream& out, const airtight::Rules& rules) {
  out << "#include \"compiler/builtin.h\"\n\nnamespace airtight {\nnamespace {\n\n"
         "struct Entry { CatalogueEntry::Match match; const char *value, *label, *source, *date, *note; };\n"
         "struct Row { const char *address, *name, *rfc, *allocated, *terminated; std::optional<bool> source_ok, "
         "destination_ok, forwardable, global, reserved; const char* date; };\n\n";
  for (std::size_t i = 0; i < rules.catalogues.size(); ++i) {
    out << "const Entry kEntries" << i << "[] = {\n";
    for (const airtight::CatalogueEntry& entry : rules.catalogues[i].entries)
      out << "    {static_cast<CatalogueEntry::Match>(" << static_cast<int>(entry.match) << "), "
          << literal(entry.value) << ", " << literal(entry.label) << ", " << literal(entry.source) << ", "
          << literal(entry.date) << ", " << literal(entry.note) << "},\n";
    out << "};\n\n";
  }
  for (std::size_t i = 0; i < rules.registries.size(); ++i) {
    out << "const Row kRows" << i << "[] = {\n";
    for (const airtight::RegistryRow& row : rules.registries[i].rows)
      out << "    {" << literal(to_string(row.address)) << ", " << literal(row.name) << ", " << literal(row.rfc) << ", "
          << literal(row.allocated) << ", " << literal(row.terminated) << ", " << flag(row.source_ok) << ", "
          << flag(row.destination_ok) << ", " << flag(row.forwardable) << ", " << flag(row.global) << ", "
          << flag(row.reserved) << ", " << literal(row.date) << "},\n";
    out << "};\n\n";
  }
  out << "}  // namespace\n\nRules builtin_rules() {\n  Rules rules;\n";
  for (std::size_t i = 0; i < rules.catalogues.size(); ++i) {
    const airtight::Catalogue& catalogue = rules.catalogues[i];
    out << "  {\n    Catalogue& c = rules.catalogues.emplace_back();\n    c.name = " << literal(catalogue.name)
        << ";\n    c.title = " << literal(catalogue.title) << ";\n    c.why = " << literal(catalogue.why) << ";\n";
    for (const auto& [key, source] : catalogue.sources)
      out << "    c.sources[" << literal(key) << "] = {" << literal(source.what) << ", " << literal(source.read)
          << "};\n";
    out << "    c.entries.reserve(std::size(kEntries" << i << "));\n    for (const Entry& e : kEntries" << i
        << ") c.entries.push_back({e.match, e.value, e.label, e.source, e.date, e.note});\n  }\n";
  }
  for (std::size_t i = 0; i < rules.registries.size(); ++i) {
    const airtight::Registry& registry = rules.registries[i];
    out << "  {\n    Registry& r = rules.registries.emplace_back();\n    r.name = " << literal(registry.name)
        << ";\n    r.title = " << literal(registry.title) << ";\n    r.updated = " << literal(registry.updated)
        << ";\n    for (const Row& row : kRows" << i
        << ") r.rows.push_back({Prefix::parse(row.address).value(), row.name, row.rfc, row.allocated, row.terminated, "
           "row.source_ok, row.destination_ok, row.forwardable, row.global, row.reserved, row.date});\n  }\n";
  }
  out << "  return rules;\n}\n\n}  // namespace airtight\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: embed_rules RULES_DIRECTORY OUTPUT.cpp\n";
    return 2;
  }
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1]))
    if (entry.path().extension() == ".yaml") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  airtight::Sources sources;
  airtight::Diagnostics diagnostics;
  std::vector<std::uint32_t> ids;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    ids.push_back(sources.add(path.string(), {std::istreambuf_iterator<char>(in), {}}));
  }
  const std::optional<airtight::Rules> rules = airtight::read_rules(ids, sources, diagnostics);
  if (!rules) {
    std::cerr << render_text(diagnostics, sources, false);
    return 1;
  }
  std::ofstream out(argv[2], std::ios::binary);
  write(out, *rules);
  return out.flush() ? 0 : 4;
}
