#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "compiler/policy/diagnostic.h"
#include "compiler/verify/connections.h"
#include "compiler/verify/connections_page.h"
#include "compiler/verify/report_wording.h"

namespace airtight::verify {
namespace {

std::string text_form(const std::vector<Connection>& connections) {
  std::string out;
  for (const Connection& each : connections)
    out += printable(each.source) + " => " + printable(each.destination) + " : " + services_text(each.services) +
           (each.certain ? "" : " [uncertain]") + "\n";
  return out;
}

// One connection a line: lines can be compared, and the whole is never held as a tree.
std::string json_form(const std::vector<Connection>& connections) {
  const auto text = [](const std::string& value) { return nlohmann::json(printable(value)).dump(); };
  std::string out = "{\"connections\":[";
  for (const Connection& each : connections)
    out += std::string(&each == connections.data() ? "\n" : ",\n") + "{\"source\":" + text(each.source) +
           ",\"destination\":" + text(each.destination) + ",\"protocols\":" + services_json(each.services) +
           ",\"certain\":" + (each.certain ? "true" : "false") + "}";
  return out + "\n]}\n";
}

// RFC 4180. A text that a spreadsheet would run as a formula gets a ' in front.
std::string cell(std::string_view text) {
  std::string safe = printable(text);
  if (!safe.empty() && std::string_view("=+-@").find(safe.front()) != std::string_view::npos) safe.insert(0, "'");
  if (safe.find_first_of(",\"") == std::string::npos) return safe;
  std::string out = "\"";
  for (const char c : safe) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

std::string csv_form(const std::vector<Connection>& connections) {
  std::string out = "source,destination,services,certain\r\n";
  for (const Connection& each : connections)
    out += cell(each.source) + "," + cell(each.destination) + "," + cell(services_text(each.services)) + "," +
           (each.certain ? "yes" : "no") + "\r\n";
  return out;
}

std::string dot_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : printable(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// "app" of "app/web[Deployment]"; empty where the end is no workload of one namespace ("any pod of app with …").
std::string namespace_of(std::string_view end) {
  const std::size_t slash = end.find('/');
  if (slash == std::string_view::npos || end.back() != ']') return {};
  const std::string_view ns = end.substr(0, slash);
  return ns.find(' ') == std::string_view::npos ? std::string(ns) : std::string();
}

std::string dot_form(const std::vector<Connection>& connections) {
  std::map<std::string, std::map<std::string, bool>> ends;  // by namespace: name, is a block
  for (const Connection& each : connections) {
    const auto add = [&](const std::string& name, bool block) { ends[block ? "" : namespace_of(name)][name] = block; };
    add(each.source, each.source_is_block);
    add(each.destination, each.destination_is_block);
  }
  std::string out = "digraph connections {\n  rankdir=LR;\n  node [shape=box];\n";
  std::size_t number = 0;
  for (const auto& [ns, members] : ends) {
    const std::string indent = ns.empty() ? "  " : "    ";
    if (!ns.empty()) {
      out += "  subgraph cluster_" + std::to_string(number) + " {\n    label=" + dot_quoted(ns) + ";\n";
      ++number;
    }
    for (const auto& [name, block] : members)
      out += indent + dot_quoted(name) + " [label=" + dot_quoted(name) + (block ? ", shape=ellipse" : "") + "];\n";
    if (!ns.empty()) out += "  }\n";
  }
  for (const Connection& each : connections)
    out += "  " + dot_quoted(each.source) + " -> " + dot_quoted(each.destination) +
           " [label=" + dot_quoted(services_text(each.services)) + (each.certain ? "" : ", style=dashed") + "];\n";
  return out + "}\n";
}

using Form = std::string (*)(const std::vector<Connection>&);
constexpr std::array<Form, 5> kForms{text_form, json_form, csv_form, dot_form,
                                     connections_page};  // by ConnectionFormat

}  // namespace

std::string render_connections(const std::vector<Connection>& connections, ConnectionFormat format) {
  return kForms[static_cast<std::size_t>(format)](connections);
}

}  // namespace airtight::verify
