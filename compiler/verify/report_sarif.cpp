#include <algorithm>
#include <nlohmann/json.hpp>

#include "compiler/net/excerpt.h"
#include "compiler/policy/diagnostic.h"
#include "compiler/policy/json_canonical.h"
#include "compiler/verify/report.h"
#include "compiler/verify/report_wording.h"

namespace airtight::verify {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kSnippetBytes = 1000;
constexpr std::size_t kNamed = 5;               // workloads in the text of a message
constexpr std::size_t kLogicalLocations = 500;  // viewers refuse more locations of one result than about a thousand
constexpr std::size_t kRelatedLocations = 100;

// Text of a message: brackets followed by parentheses would be a link (SARIF §3.11.6).
std::string message_text(std::string_view text) {
  std::string out = printable(text);
  for (std::size_t at = out.find("]("); at != std::string::npos; at = out.find("](", at)) out.insert(at + 1, " ");
  return out;
}

Json message(std::string_view text) { return {{"text", message_text(text)}}; }

std::string ended(std::string_view text) { return std::string(text) + (text.ends_with('.') ? "" : "."); }

std::string sentence(std::string_view text) {
  std::string out = ended(text);
  if (out.front() >= 'a' && out.front() <= 'z') out.front() = static_cast<char>(out.front() - 'a' + 'A');
  return out;
}

// A path as a URI reference (RFC 3986 §4.2): relative as the user gave it, or file:// where it is absolute.
std::string uri_of(std::string_view path) {
  constexpr std::string_view kSafe = "-._~/";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  while (path.starts_with("./") && path.size() > 2) path.remove_prefix(2);
  std::string out = path.starts_with('/') ? "file://" : "";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       kSafe.find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::optional<CodePoint> point = first_code_point(text);
    if (!point) return false;
    text.remove_prefix(point->length);
  }
  return true;
}

Json physical_location(const Sources& sources, Span where) {
  const Place place = place_of(sources, where);
  Json region{{"startLine", place.begin.line},
              {"startColumn", place.begin.column},
              {"endLine", place.end.line},
              {"endColumn", place.end.column}};
  const std::string_view text = sources.text({where.source, where.begin, std::max(where.begin, where.end)});
  if (!text.empty() && text.size() <= kSnippetBytes && is_utf8(text)) region["snippet"] = {{"text", text}};
  return {{"artifactLocation", {{"uri", uri_of(sources.name(where.source))}}}, {"region", std::move(region)}};
}

// Nothing tells one cause from another that may change when lines move: no place, no message.
std::string fingerprint(std::string_view layer, const Finding& finding) {
  Json parts{info(finding.rule).id,
             layer,
             finding.property ? to_string(*finding.property) : "",
             printable(finding.destination),
             printable(finding.protocol),
             finding.port ? std::to_string(*finding.port) : ""};
  for (const std::string& workload : finding.workloads) parts.push_back(printable(workload));
  for (const Because& because : finding.because) {
    parts.push_back(printable(because.object));
    parts.push_back(printable(because.absent));
  }
  return digest_of(parts.dump()).substr(std::string_view("sha256:").size());
}

std::string text_of(const Finding& finding) {
  std::string text = sentence(finding.message);
  if (!finding.workloads.empty())
    text += " Workload" + std::string(finding.workloads.size() == 1 ? "" : "s") + ": " +
            listed(finding.workloads, kNamed) + ".";
  if (finding.counterexample) text += " Packet: " + packet_text(finding) + ".";
  if (!finding.extent.empty()) text += " Extent: " + ended(finding.extent);
  for (const Because& because : finding.because)
    if (!because.absent.empty()) text += " Because: " + ended(because.absent);
  if (!finding.remedy.empty()) text += " Help: " + ended(finding.remedy);
  return text;
}

class SarifReport {
 public:
  SarifReport(const Report& report, const Sources& sources) : report_(report), sources_(sources) {
    if (report.first_source != 0) somewhere_ = {report.first_source, 0, 0};
    for (const LayerReport& layer : report.layers) look_for_place(layer.findings);
    look_for_place(report.findings);
    for (const NotUnderstood& thing : report.unsupported) look_for_place(thing.where);
  }

  std::string write(std::string_view version) && {
    for (const LayerReport& layer : report_.layers)
      for (const Finding& finding : layer.findings) add_result(to_string(layer.layer), finding);
    for (const Finding& finding : report_.findings) add_result({}, finding);
    for (const std::string& exception : report_.exceptions) add_exception(exception);

    Json run;
    run["tool"]["driver"] = {{"name", "airtight"}, {"version", version}, {"rules", rules()}};
    run["invocations"] = Json::array({invocation()});
    run["columnKind"] = "unicodeCodePoints";
    run["results"] = std::move(results_);
    Json log;
    log["$schema"] = "https://json.schemastore.org/sarif-2.1.0.json";
    log["version"] = "2.1.0";
    log["runs"] = Json::array({std::move(run)});
    return log.dump(2) + "\n";
  }

 private:
  static Json rules() {
    Json list = Json::array();
    for (const RuleInfo& row : rule_table()) {
      const std::string more = "`airtight --explain " + std::string(row.id) + "` prints this text.";
      Json rule;
      rule["id"] = row.id;
      rule["name"] = row.name;
      rule["shortDescription"] = message(sentence(row.title));
      rule["fullDescription"] = message(row.explanation);
      rule["help"] = {{"text", message_text(row.explanation)},
                      {"markdown", "**" + sentence(row.title) + "** " + std::string(row.explanation) + "\n\n" + more}};
      rule["defaultConfiguration"] = {{"level", row.level}};
      list.push_back(std::move(rule));
    }
    return list;
  }

  // An inconclusive run did not do what it was asked to.
  Json invocation() const {
    Json notes = Json::array();
    for (const std::string& reason : report_.reasons)
      notes.push_back({{"level", report_.verdict == Verdict::Inconclusive ? "error" : "note"},
                       {"message", message(sentence(reason))}});
    for (const NotUnderstood& thing : report_.unsupported) {
      Json note{{"level", "warning"}, {"message", message("Not understood: " + thing.subject + ": " + thing.message)}};
      if (thing.where.known())
        note["locations"] = Json::array({{{"physicalLocation", physical_location(sources_, thing.where)}}});
      notes.push_back(std::move(note));
    }
    for (const std::string& assumption : report_.assumptions)
      notes.push_back({{"level", "note"}, {"message", message("Assumption: " + ended(assumption))}});
    return {{"executionSuccessful", report_.verdict != Verdict::Inconclusive},
            {"exitCode", report_.exit_code()},
            {"exitCodeDescription", heading(report_)},
            {"toolExecutionNotifications", std::move(notes)}};
  }

  void look_for_place(Span where) {
    if (!somewhere_.known() && where.known()) somewhere_ = {where.source, 0, 0};
  }
  void look_for_place(const std::vector<Finding>& findings) {
    for (const Finding& finding : findings)
      for (const Because& because : finding.because) look_for_place(because.where);
  }

  static Json result_of(const RuleInfo& rule) {
    return {{"ruleId", rule.id}, {"ruleIndex", static_cast<std::size_t>(rule.rule)}};
  }

  // Kind "fail" has a level; every other kind must have none (SARIF §3.27.10).
  void add_result(std::string_view layer, const Finding& finding) {
    const bool open = finding.effect == Verdict::Inconclusive;
    Json result = result_of(info(finding.rule));
    result["kind"] = open ? "open" : "fail";
    result["level"] = open ? "none" : finding.effect == Verdict::Violated ? "error" : info(finding.rule).level;
    result["message"] = message(text_of(finding));
    put_locations(result, finding);
    result["partialFingerprints"] = {{"cause/v1", fingerprint(layer, finding)}};
    result["properties"] = {{"layer", layer.empty() ? Json() : Json(layer)},
                            {"property", finding.property ? Json(to_string(*finding.property)) : Json()}};
    results_.push_back(std::move(result));
  }

  void put_locations(Json& result, const Finding& finding) const {
    std::vector<const Because*> placed;
    for (const Because& because : finding.because)
      if (because.where.known()) placed.push_back(&because);
    const Span first = placed.empty() ? somewhere_ : placed.front()->where;
    Json location;
    if (first.known()) location["physicalLocation"] = physical_location(sources_, first);
    if (!placed.empty() && !placed.front()->object.empty()) location["message"] = message(placed.front()->object);
    for (std::size_t i = 0; i < std::min(kLogicalLocations, finding.workloads.size()); ++i)
      location["logicalLocations"].push_back(
          {{"fullyQualifiedName", printable(finding.workloads[i])}, {"kind", "resource"}});
    if (!location.empty()) result["locations"] = Json::array({std::move(location)});
    for (std::size_t i = 1; i < std::min(kRelatedLocations, placed.size()); ++i)
      result["relatedLocations"].push_back({{"id", i},
                                            {"physicalLocation", physical_location(sources_, placed[i]->where)},
                                            {"message", message(placed[i]->object)}});
  }

  // What leaves by an exception in force, accepted by somebody outside this tool.
  void add_exception(const std::string& exception) {
    Json result = result_of(info(Rule::NotSealed));
    result["kind"] = "fail";
    result["level"] = "note";
    result["message"] = message("Let out by an exception in force: " + ended(exception));
    if (somewhere_.known())
      result["locations"] = Json::array({{{"physicalLocation", physical_location(sources_, somewhere_)}}});
    result["partialFingerprints"] = {{"cause/v1", digest_of("exception " + exception).substr(7)}};
    result["suppressions"] =
        Json::array({{{"kind", "external"}, {"status", "accepted"}, {"justification", message_text(exception)}}});
    results_.push_back(std::move(result));
  }

  const Report& report_;
  const Sources& sources_;
  Span somewhere_;  // stands for what has no place of its own
  Json results_ = Json::array();
};

}  // namespace

std::string render_report_sarif(const Report& report, const Sources& sources, std::string_view version) {
  return SarifReport(report, sources).write(version);
}

}  // namespace airtight::verify
