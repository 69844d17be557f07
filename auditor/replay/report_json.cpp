#include <nlohmann/json.hpp>
#include <utility>

#include "auditor/replay/report_wording.h"
#include "auditor/replay/result.h"
#include "compiler/policy/compiled_policy.h"  // printable()

namespace airtight::audit {
namespace {

using Json = nlohmann::ordered_json;

// printable() leaves valid UTF-8 only, so that dump() never throws whatever a packet called itself.
Json text(std::string_view value) { return Json(printable(value)); }
Json text_or_null(const std::string& value) { return value.empty() ? Json() : text(value); }
Json time_or_null(std::int64_t time) { return time == kNoTime ? Json() : Json(format_time(time)); }

Json list_of(const std::vector<std::string>& entries) {
  Json list = Json::array();
  for (const std::string& entry : entries) list.push_back(text(entry));
  return list;
}

// A list with one row a line: there may be 65,536 findings, and no tree ever holds them all.
template <class Rows, class Make>
std::string rows(const Rows& list, Make make) {
  std::string out;
  for (const auto& row : list) out += (out.empty() ? "\n" : ",\n") + Json(make(row)).dump();
  return "[" + out + "]";
}

Json interface_json(const ReplayedInterface& interface) {
  return {{"name", text_or_null(interface.name)},
          {"role", to_string(interface.role)},
          {"why", text(interface.why)},
          {"link_type", static_cast<unsigned>(interface.link)},
          {"packets", interface.packets}};
}

Json problem_json(const CaptureProblem& problem) {
  return {{"kind", to_string(problem.kind)},
          {"what", text(problem.what)},
          {"offset", problem.offset},
          {"after_packet", problem.after_packet}};
}

Json file_json(const ReplayedFile& file) {
  Json json{{"path", text(file.path)},  {"sha256", text(file.sha256)}, {"format", text(file.format)},
            {"packets", file.packets},  {"bytes", file.bytes},         {"interfaces", Json::array()},
            {"problems", Json::array()}};
  for (const ReplayedInterface& interface : file.interfaces) json["interfaces"].push_back(interface_json(interface));
  for (const CaptureProblem& problem : file.problems) json["problems"].push_back(problem_json(problem));
  return json;
}

Json classes_json(const ReplayResult& result) {
  Json json = Json::object();
  for (std::size_t i = 0; i < kClassCount; ++i) {
    const ClassCount& count = result.classes[i];
    json[std::string(to_string(static_cast<Class>(i)))] = {
        {"packets", count.packets}, {"bytes", count.bytes}, {"flows", count.flows}};
  }
  return json;
}

Json finding_json(const Finding& finding, const std::vector<ReplayedFile>& files) {
  Json json;
  json["class"] = to_string(finding.cls);
  json["rule_id"] = info(finding.rule).id;
  json["effect"] = to_string(finding.effect);
  json["role"] = to_string(finding.role);
  json["interface"] = text_or_null(finding.interface);
  json["source"] = finding.has_addresses ? Json(to_string(finding.source)) : Json();
  json["destination"] = finding.has_addresses ? Json(to_string(finding.destination)) : Json();
  json["protocol"] = text_or_null(finding.protocol);
  json["port"] = finding.port < 0 ? Json() : Json(finding.port);
  json["name"] = text_or_null(finding.name);
  json["catalogue"] = text_or_null(finding.catalogue);
  json["detail"] = text_or_null(finding.detail);
  json["guessed_direction"] = finding.guessed_direction;
  json["first_seen"] = time_or_null(finding.first_seen);
  json["last_seen"] = time_or_null(finding.last_seen);
  json["packets"] = finding.packets;
  json["bytes"] = finding.bytes;
  json["examples"] = Json::array();
  for (const PacketId& example : finding.examples)
    json["examples"].push_back({{"file", example.file < files.size() ? text(files[example.file].path) : Json()},
                                {"packet", example.number},
                                {"time", time_or_null(example.time)}});
  json["pod_side"] = Json::array();
  for (const PodSideSight& sight : finding.pod_side)
    json["pod_side"].push_back({{"source", to_string(sight.source)},
                                {"interface", text_or_null(sight.interface)},
                                {"packets", sight.packets},
                                {"guessed", sight.guessed}});
  return json;
}

Json name_json(const std::pair<const std::string, SeenName>& row) {
  return {{"name", text(row.first)}, {"times", row.second.times}, {"inside", row.second.inside}};
}

Json visibility_json(const Visibility& seen) {
  return {{"dns_questions", seen.dns_questions},
          {"dns_answers", seen.dns_answers},
          {"tls_hellos", seen.tls_hellos},
          {"quic_hellos", seen.quic_hellos},
          {"http_requests", seen.http_requests},
          {"socks_requests", seen.socks_requests},
          {"encrypted_flows", seen.encrypted_flows},
          {"opaque_packets", seen.opaque_packets},
          {"midway_flows", seen.midway_flows},
          {"unknown_flows", seen.unknown_flows},
          {"unread_streams", seen.unread_streams},
          {"fragments", seen.fragments},
          {"fragments_given_up", seen.fragments_given_up}};
}

}  // namespace

std::string render_json(const ReplayResult& result) {
  std::string out = "{\"verdict\":" + Json(to_string(result.verdict)).dump();
  const auto member = [&](std::string_view name, const std::string& value) {
    out += ",\n\"" + std::string(name) + "\":" + value;
  };
  const auto number = [&](std::string_view name, std::uint64_t value) { member(name, std::to_string(value)); };
  member("reasons", list_of(result.reasons).dump());
  member("policy_digest", text(result.policy_digest).dump());
  member("policy_name", text(result.policy_name).dump());
  member("files", rows(result.files, file_json));
  member("period", Json{{"first", time_or_null(result.first)}, {"last", time_or_null(result.last)}}.dump());
  number("packets", result.packets);
  number("bytes", result.bytes);
  number("undecoded", result.undecoded);
  member("families",
         Json{{"ipv4", result.ipv4}, {"ipv6", result.ipv6}, {"arp", result.arp}, {"other", result.other}}.dump());
  member("flows",
         Json{{"made", result.flows}, {"evicted", result.flows_evicted}, {"untracked", result.untracked}}.dump());
  member("classes", classes_json(result).dump());
  number("exceptions_used", result.exceptions_used);
  member("findings", rows(result.findings, [&](const Finding& row) { return finding_json(row, result.files); }));
  number("findings_left_out", result.findings_left_out);
  member("names", rows(result.names, name_json));
  number("names_left_out", result.names_left_out);
  member("visibility", visibility_json(result.visibility).dump());
  member("assumptions", list_of(result.assumptions).dump());
  member("limits", list_of(result.limits).dump());
  return out + "}\n";
}

}  // namespace airtight::audit
