#include <nlohmann/json.hpp>
#include <utility>

#include "compiler/policy/diagnostic.h"
#include "compiler/verify/report.h"
#include "compiler/verify/report_wording.h"

namespace airtight::verify {
namespace {

using Json = nlohmann::ordered_json;

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(printable(text)); }

Json verdict_or_null(const std::optional<Verdict>& verdict) { return verdict ? Json(to_string(*verdict)) : Json(); }

template <class Number>
Json number_or_null(const std::optional<Number>& number) {
  return number ? Json(*number) : Json();
}

Json list_of(const std::vector<std::string>& entries) {
  Json list = Json::array();
  for (const std::string& entry : entries) list.push_back(printable(entry));
  return list;
}

void put_place(Json& json, const Sources& sources, Span where) {
  if (!where.known()) return;
  const Place place = place_of(sources, where);
  json["file"] = place.file;
  json["line"] = place.begin.line;
  json["column"] = place.begin.column;
}

Json packet(const Packet& packet) {
  Json json;
  json["src"] = packet.source ? Json(to_string(*packet.source)) : Json();
  json["dst"] = packet.destination ? Json(to_string(*packet.destination)) : Json();
  json["protocol"] = text_or_null(packet.protocol);
  json["sport"] = number_or_null(packet.source_port);
  json["dport"] = number_or_null(packet.destination_port);
  json["state"] = text_or_null(packet.state);
  return json;
}

Json because(const Because& because, const Sources& sources) {
  Json json;
  put_place(json, sources, because.where);
  if (!because.object.empty() || because.where.known()) json["object"] = printable(because.object);
  if (!because.absent.empty() || json.empty()) json["absent"] = printable(because.absent);
  return json;
}

std::string item(std::string text, bool first) { return (first ? "\n" : ",\n") + std::move(text); }

// One finding a workload, one a line: a report has up to workloads × causes of them, so no tree ever holds them all.
std::string findings(const std::vector<Finding>& findings, const Sources& sources) {
  std::string out;
  for (const Finding& finding : findings) {
    Json head, tail;
    head["rule_id"] = info(finding.rule).id;
    head["property"] = finding.property ? Json(to_string(*finding.property)) : Json();
    head["effect"] = finding.effect == Verdict::Proven ? Json() : Json(to_string(finding.effect));
    tail["destination"] = text_or_null(finding.destination);
    tail["protocol"] = text_or_null(finding.protocol);
    tail["port"] = number_or_null(finding.port);
    tail["counterexample"] = finding.counterexample ? packet(*finding.counterexample) : Json();
    tail["message"] = printable(finding.message);
    tail["extent"] = text_or_null(finding.extent);
    tail["remedy"] = text_or_null(finding.remedy);
    tail["because"] = Json::array();
    for (const Because& reason : finding.because) tail["because"].push_back(because(reason, sources));

    std::string before = head.dump(), after = tail.dump();
    before.back() = ',';
    after.front() = ',';
    const auto add = [&](const Json& workload) {
      out += item(before + "\"workload\":" + workload.dump() + after, out.empty());
    };
    if (finding.workloads.empty()) add(nullptr);
    for (const std::string& workload : finding.workloads) add(printable(workload));
  }
  return "[" + out + "]";
}

std::string layers(const Report& report, const Sources& sources) {
  std::string out;
  for (const LayerReport& layer : report.layers) {
    Json json;
    json["layer"] = to_string(layer.layer);
    json["verdict"] = to_string(layer.verdict);
    json["sealed"] = verdict_or_null(layer.sealed);
    json["complete"] = verdict_or_null(layer.complete);
    json["exact"] = verdict_or_null(layer.exact);
    json["workloads"] = list_of(layer.workloads);
    std::string text = json.dump();
    text.back() = ',';
    out += item(text + "\"findings\":" + findings(layer.findings, sources) + "}", out.empty());
  }
  return "[" + out + "]";
}

// A list of rows, one a line.
template <class Row, class Make>
std::string rows(const std::vector<Row>& list, Make make) {
  std::string out;
  for (const Row& row : list) out += item(make(row).dump(), out.empty());
  return "[" + out + "]";
}

Json relay(const Relay& relay, const Sources& sources) {
  Json json{{"path", list_of(relay.path)}, {"why", printable(relay.why)}};
  put_place(json, sources, relay.where);
  return json;
}

Json unsupported(const NotUnderstood& thing, const Sources& sources) {
  Json json{{"subject", printable(thing.subject)}, {"message", printable(thing.message)}};
  put_place(json, sources, thing.where);
  return json;
}

Json disagreement(const Disagreement& row) {
  return {{"what", printable(row.what)}, {"allows", to_string(row.allows)}, {"forbids", to_string(row.forbids)}};
}

}  // namespace

std::string render_report_json(const Report& report, const Sources& sources) {
  std::string out = "{\"verdict\":" + Json(to_string(report.verdict)).dump();
  const auto member = [&](std::string_view name, std::string value) {
    out += ",\n\"" + std::string(name) + "\":" + std::move(value);
  };
  member("reasons", list_of(report.reasons).dump());
  member("assumptions", list_of(report.assumptions).dump());
  member("inside", list_of(report.inside).dump());
  member("exceptions", list_of(report.exceptions).dump());
  member("layers", layers(report, sources));
  member("findings", findings(report.findings, sources));
  member("relays", rows(report.relays, [&](const Relay& row) { return relay(row, sources); }));
  member("unsupported", rows(report.unsupported, [&](const NotUnderstood& row) { return unsupported(row, sources); }));
  member("disagreements", rows(report.disagreements, disagreement));
  return out + "}\n";
}

}  // namespace airtight::verify
