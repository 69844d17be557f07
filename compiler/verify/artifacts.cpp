#include "compiler/verify/artifacts.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "compiler/verify/document.h"
#include "compiler/verify/kubernetes/readers.h"

namespace airtight::verify {
namespace {

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

std::string_view without_space(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

// Only text that says what it is, or whose name does, is held to be YAML: a README is not unparsable input.
bool looks_like_manifest(std::string_view name, std::string_view text) {
  if (ends_with(name, ".gz")) name.remove_suffix(3);
  if (ends_with(name, ".yaml") || ends_with(name, ".yml") || ends_with(name, ".json")) return true;
  for (const std::string_view key : {"apiVersion:", "kind:", "items:"})
    if (text.substr(0, key.size()) == key || text.find("\n" + std::string(key)) != std::string_view::npos) return true;
  return text.substr(0, 1) == "{" || text.substr(0, 1) == "[";
}

bool is_nftables_json(std::string_view text) {
  return text.substr(0, 1) == "{" && text.substr(0, 256).find("\"nftables\"") != std::string_view::npos;
}

// The spec, and what `compile` writes beside the artifacts: no enforcement of its own.
bool is_own_bookkeeping(const Value& object) {
  const Value* version = object.find("apiVersion");
  if (version && version->text.substr(0, 13) == "airtight.dev/") return true;
  const Value* format = object.find("format");
  const Value* tool = object.find("tool");
  return (format && object.find("digest") && object.find("spec_digest")) ||
         (tool && tool->text == "airtight" && object.find("artifacts"));
}

// A table that two files define has the rules of both, in an order that nobody here knows.
void merge(Ruleset&& file, Ruleset& all) {
  if (file.flushes && !all.tables.empty())
    all.not_understood.push_back({Rule::KindNotUnderstood, file.tables.empty() ? Span() : file.tables.front().span,
                                  "flush ruleset", "removes the tables of another input, if it is loaded after that"});
  all.flushes = all.flushes || file.flushes;
  for (FirewallTable& table : file.tables) {
    for (const FirewallTable& known : all.tables)
      if (known.family == table.family && known.name == table.name && known.legacy == table.legacy)
        all.not_understood.push_back(
            {Rule::KindNotUnderstood, table.span, "table " + std::string(to_string(table.family)) + " " + table.name,
             "stands in two inputs: the kernel would hold the rules of both, in the order in which they were loaded"});
    all.tables.push_back(std::move(table));
  }
  std::move(file.remarks.begin(), file.remarks.end(), std::back_inserter(all.remarks));
  std::move(file.not_understood.begin(), file.not_understood.end(), std::back_inserter(all.not_understood));
  all.live_listing = all.live_listing || file.live_listing;
  all.has_v4_iptables = all.has_v4_iptables || file.has_v4_iptables;
  all.has_v6_iptables = all.has_v6_iptables || file.has_v6_iptables;
}

enum class Outcome : std::uint8_t { Recognised, Bookkeeping, Ignored, Failed };

Outcome read_manifests(std::uint32_t source, const Sources& sources, ClusterReader& reader,
                       std::vector<Remark>& not_understood, Diagnostics& diagnostics) {
  bool recognised = false;
  bool bookkeeping = false;
  const bool ok = read_objects(source, sources, diagnostics, [&](Value&& object, std::string_view list_kind) {
    const bool half = object.find("apiVersion") != nullptr || object.find("kind") != nullptr;
    const Span span = object.span;
    if (is_own_bookkeeping(object)) {
      bookkeeping = true;
    } else if (reader.add(std::move(object), list_kind)) {
      recognised = true;
    } else if (half) {
      recognised = true;
      not_understood.push_back({Rule::KindNotUnderstood, span, "an object",
                                "has not both apiVersion and kind, so nobody can say what it is"});
    }
  });
  if (!ok) return Outcome::Failed;
  return recognised ? Outcome::Recognised : bookkeeping ? Outcome::Bookkeeping : Outcome::Ignored;
}

Outcome read_one(std::uint32_t source, const Sources& sources, ClusterReader& reader,
                 std::vector<Remark>& not_understood, Artifacts& artifacts, Diagnostics& diagnostics) {
  const std::string_view text = without_space(sources.text(source));
  const auto done = [](bool ok) { return ok ? Outcome::Recognised : Outcome::Failed; };
  if (is_nftables_json(text)) {
    const std::optional<Value> document = read_document(source, sources, diagnostics);
    Ruleset file;
    if (!document || !read_nftables_json(*document, sources, diagnostics, file)) return Outcome::Failed;
    merge(std::move(file), artifacts.firewall);
    return Outcome::Recognised;
  }
  if (const FirewallText kind = recognise_firewall(text); kind != FirewallText::None) {
    Ruleset file;
    const bool ok = kind == FirewallText::NftablesText ? read_nftables_text(source, sources, diagnostics, file)
                                                       : read_iptables_save(source, sources, diagnostics, file);
    merge(std::move(file), artifacts.firewall);
    return done(ok);
  }
  switch (recognise_dns(text)) {
    case DnsText::ZoneFile:
      return done(read_zone_file(source, sources, diagnostics, artifacts.dns));
    case DnsText::NamedConf:
      return done(read_named_conf(source, sources, diagnostics, artifacts.dns));
    case DnsText::None:
      break;
  }
  if (!looks_like_manifest(sources.name(source), text)) return Outcome::Ignored;
  return read_manifests(source, sources, reader, not_understood, diagnostics);
}

}  // namespace

Artifacts read_artifacts(std::span<const std::uint32_t> given, const Sources& sources, std::string default_namespace,
                         bool default_noted, Diagnostics& diagnostics) {
  Artifacts artifacts;
  if (!given.empty()) artifacts.first_source = given.front();
  ClusterReader reader(sources, std::move(default_namespace), default_noted);
  std::vector<Remark> not_understood;
  for (const std::uint32_t source : given) {
    switch (read_one(source, sources, reader, not_understood, artifacts, diagnostics)) {
      case Outcome::Recognised:
        ++artifacts.recognised;
        break;
      case Outcome::Ignored:
        artifacts.ignored.push_back(source);
        break;
      case Outcome::Bookkeeping:
      case Outcome::Failed:
        break;
    }
  }
  artifacts.cluster = reader.finish();
  std::move(not_understood.begin(), not_understood.end(), std::back_inserter(artifacts.cluster.not_understood));
  return artifacts;
}

}  // namespace airtight::verify
