#include <nlohmann/json.hpp>

#include "auditor/evidence/text_fields.h"
#include "auditor/report/report.h"
#include "auditor/report/report_wording.h"
#include "compiler/policy/compiled_policy.h"  // printable()

namespace airtight::audit {
namespace {

using Json = nlohmann::ordered_json;

// printable() leaves valid UTF-8 only, so that dump() never throws whatever a packet called itself.
Json text(std::string_view value) { return Json(printable(value)); }
Json text_or_null(const std::string& value) { return value.empty() ? Json() : text(value); }
Json time_or_null(std::int64_t time) { return time == 0 ? Json() : Json(time_text(time)); }

Json list_of(const std::vector<std::string>& entries) {
  Json list = Json::array();
  for (const std::string& entry : entries) list.push_back(text(entry));
  return list;
}

Json period_json(const Period& period) { return {{"from", time_text(period.from)}, {"to", time_text(period.to)}}; }

Json periods_json(const std::vector<Period>& periods) {
  Json list = Json::array();
  for (const Period& period : periods) list.push_back(period_json(period));
  return list;
}

// A list with one row a line: no tree ever holds all rows.
template <class Rows, class Make>
std::string rows(const Rows& list, Make make) {
  std::string out;
  for (const auto& row : list) out += (out.empty() ? "\n" : ",\n") + Json(make(row)).dump();
  return "[" + out + "]";
}

Json gap_json(const ReportGap& gap) {
  Json json = period_json(gap.time);
  json["reason"] = text(gap.reason);
  json["detail"] = text_or_null(gap.detail);
  json["interface"] = text_or_null(gap.interface);
  json["size"] = gap.size;
  json["bridged"] = gap.bridged;
  return json;
}

Json node_json(const NodeReport& node) {
  Json json;
  json["node"] = text(node.node);
  json["coverage"] = node.asked_time > 0 ? Json(share_of(node.covered_time, node.asked_time)) : Json();
  json["expected"] = node.expected;
  json["enrolled"] = node.enrolled;
  json["evidence"] = list_of(node.evidence);
  json["origins"] = list_of(node.origins);
  json["records"] = node.records;
  json["damages"] = list_of(node.damages);
  json["uplinks"] = list_of(node.uplinks);
  json["asked"] = periods_json(node.asked);
  json["covered"] = periods_json(node.covered);
  json["gaps"] = Json::array();
  for (const ReportGap& gap : node.gaps) json["gaps"].push_back(gap_json(gap));
  json["gaps_left_out"] = node.gaps_left_out;
  json["packets"] = node.packets;
  json["canaries"] = {{"rounds", node.canary_rounds},
                      {"good", node.canary_rounds_good},
                      {"interval", node.canary_interval},
                      {"sensors_sent", node.sensor_canaries}};
  json["probes"] = {{"sent", node.probes}, {"denied", node.probes_denied}};
  return json;
}

Json finding_json(const ReportFinding& each) {
  const FindingRecord& finding = each.finding;
  Json json;
  json["node"] = text(each.node);
  json["workload"] = text(finding.workload);
  json["class"] = text(finding.cls);
  json["rule_id"] = text(finding.rule_id);
  json["title"] = text(title_of(finding));
  json["effect"] = finding.effect == "violated" || finding.effect == "listed" ? text(finding.effect) : "inconclusive";
  json["role"] = text(finding.role);
  json["interface"] = text_or_null(finding.interface);
  json["source"] = text_or_null(finding.source);
  json["destination"] = finding.destinations.empty() ? Json() : text(finding.destinations.front());
  json["destinations"] = list_of(finding.destinations);
  json["destinations_count"] = finding.destinations_count;
  json["protocol"] = text_or_null(finding.protocol);
  json["port"] = finding.port ? Json(*finding.port) : Json();
  json["name"] = text_or_null(finding.name);
  json["catalogue"] = text_or_null(finding.catalogue);
  json["detail"] = text_or_null(finding.detail);
  json["guessed_direction"] = finding.guessed_direction;
  json["first_seen"] = time_or_null(finding.first_seen);
  json["last_seen"] = time_or_null(finding.last_seen);
  json["packets"] = finding.packets;
  json["bytes"] = finding.bytes;
  json["sealed"] = each.sealed;
  return json;
}

Json canary_json(const CanaryLine& line) {
  Json json{{"node", text(line.node)},  {"round", text(line.intent.round)}, {"time", time_text(line.time)},
            {"good", line.why.empty()}, {"why", text_or_null(line.why)},    {"canaries", Json::array()}};
  for (std::size_t i = 0; i < line.intent.canaries.size(); ++i) {
    const PlannedCanary& canary = line.intent.canaries[i];
    const bool known = line.fate && i < line.fate->outcomes.size();
    const CanaryOutcome outcome = known ? line.fate->outcomes[i] : CanaryOutcome{};
    json["canaries"].push_back({{"kind", text(canary.kind)},
                                {"family", text(canary.family)},
                                {"interface", text_or_null(canary.interface)},
                                {"fate", text_or_null(outcome.fate)},
                                {"blocked_by", text_or_null(outcome.blocked_by)},
                                {"detail", text_or_null(outcome.detail)}});
  }
  return json;
}

}  // namespace

std::string render_report_json(const ReportResult& result) {
  std::string out = "{\"verdict\":" + Json(to_string(result.verdict)).dump();
  const auto member = [&](std::string_view name, const std::string& value) {
    out += ",\n\"" + std::string(name) + "\":" + value;
  };
  member("heading", text(result.heading).dump());
  member("as_logged", result.as_logged ? "true" : "false");
  member("policy_digest", text(result.policy_digest).dump());
  member("policy_name", text(result.policy_name).dump());
  member("spec_digest", text(result.spec_digest).dump());
  member("mode", result.mode_private_vpc ? "\"private-vpc\"" : "\"airgapped\"");
  member("trust", text_or_null(result.trust).dump());
  member("inventory_digest", text_or_null(result.inventory_digest).dump());
  member("period", result.period ? period_json(*result.period).dump() : "null");
  member("reasons", list_of(result.reasons).dump());
  member("assumptions", list_of(result.assumptions).dump());
  member("limits", list_of(result.limits).dump());
  member("exceptions", list_of(result.exceptions).dump());
  member("exceptions_used", std::to_string(result.exceptions_used));
  member("inside", list_of(result.inside).dump());
  member("proven_intervals", periods_json(result.proven_intervals).dump());
  member("nodes", rows(result.nodes, node_json));
  member("findings", rows(result.findings, finding_json));
  member("findings_left_out", std::to_string(result.findings_left_out));
  member("canaries", rows(result.canaries, canary_json));
  member("canaries_left_out", std::to_string(result.canaries_left_out));
  return out + "}\n";
}

}  // namespace airtight::audit
