#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "compiler/policy/diagnostic.h"
#include "compiler/verify/connections.h"
#include "compiler/verify/report_wording.h"

namespace airtight::verify {
namespace {

using Json = nlohmann::ordered_json;

struct KindInfo {
  std::string_view id;    // in JSON
  std::string_view noun;  // counted; "way out" takes its s in the middle
  std::string_view plural;
  std::string_view verb;
  std::string_view mark;  // before a line of text
};
constexpr std::array<KindInfo, 4> kKinds{{{"way_out_gained", "way out", "ways out", "gained", "!+"},
                                          {"gained", "connection", "connections", "gained", " +"},
                                          {"lost", "connection", "connections", "lost", " -"},
                                          {"way_out_lost", "way out", "ways out", "lost", "!-"}}};
constexpr std::size_t kRows = 200;  // of a comment on a pull request, whose size platforms bound

const KindInfo& info_of(Change::Kind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

std::size_t number_of(const Difference& difference, Change::Kind kind) {
  return static_cast<std::size_t>(std::count_if(difference.changes.begin(), difference.changes.end(),
                                                [&](const Change& change) { return change.kind == kind; }));
}

std::string counted_kind(const Difference& difference, Change::Kind kind) {
  const std::size_t number = number_of(difference, kind);
  const KindInfo& row = info_of(kind);
  return std::to_string(number) + " " + std::string(number == 1 ? row.noun : row.plural) + " " + std::string(row.verb);
}

std::string summary(const Difference& difference) {
  std::string out = counted_kind(difference, Change::Kind::WayOutGained);
  for (const Change::Kind kind : {Change::Kind::Gained, Change::Kind::Lost, Change::Kind::WayOutLost})
    out += ", " + counted_kind(difference, kind);
  return out;
}

std::string text_form(const Difference& difference) {
  std::string out = summary(difference) + "\n";
  for (const Change& change : difference.changes)
    out += std::string(info_of(change.kind).mark) + " " + printable(change.source) + " => " +
           printable(change.destination) + " : " + services_text(change.services) +
           (change.detail.empty() ? "" : "  (" + printable(change.detail) + ")") + "\n";
  const auto list = [&](std::string_view name, const std::vector<std::string>& entries) {
    for (const std::string& entry : entries) out += std::string(name) + ": " + printable(entry) + "\n";
  };
  list("only in the old", difference.only_old);
  list("only in the new", difference.only_new);
  list("note", difference.notes);
  return out;
}

Json list_of(const std::vector<std::string>& entries) {
  Json list = Json::array();
  for (const std::string& entry : entries) list.push_back(printable(entry));
  return list;
}

std::string json_form(const Difference& difference) {
  Json json;
  json["way_out_gained"] = number_of(difference, Change::Kind::WayOutGained) > 0;
  json["changes"] = Json::array();
  for (const Change& change : difference.changes)
    json["changes"].push_back({{"change", info_of(change.kind).id},
                               {"source", printable(change.source)},
                               {"destination", printable(change.destination)},
                               {"protocols", Json::parse(services_json(change.services))},
                               {"detail", printable(change.detail)}});
  json["only_old"] = list_of(difference.only_old);
  json["only_new"] = list_of(difference.only_new);
  json["notes"] = list_of(difference.notes);
  return json.dump(2) + "\n";
}

// A name of somebody else's making: in a code span nothing in it is a link, a mention or a tag.
std::string code(std::string_view text) {
  std::string out = "`";
  for (const char c : printable(text)) {
    if (c == '|') out += '\\';
    out += c == '`' ? '\'' : c;
  }
  return text.empty() ? "" : out + "`";
}

std::string prose(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    if (std::string_view("\\`*_{}[]<>#|!~").find(c) != std::string_view::npos) out += '\\';
    out += c == '@' ? std::string("&#64;") : std::string(1, c);
  }
  return out;
}

std::string markdown_form(const Difference& difference) {
  std::string out = "**" + counted_kind(difference, Change::Kind::WayOutGained) + "**\n\n" + summary(difference) + "\n";
  if (!difference.changes.empty()) {
    out += "\n| Change | Source | Destination | Services | Detail |\n| --- | --- | --- | --- | --- |\n";
    for (std::size_t i = 0; i < std::min(kRows, difference.changes.size()); ++i) {
      const Change& change = difference.changes[i];
      const KindInfo& kind = info_of(change.kind);
      const std::string words = std::string(kind.noun) + " " + std::string(kind.verb);
      out += "| " + (change.kind == Change::Kind::WayOutGained ? "**" + words + "**" : words) + " | " +
             code(change.source) + " | " + code(change.destination) + " | " + code(services_text(change.services)) +
             " | " + prose(change.detail) + " |\n";
    }
    if (difference.changes.size() > kRows)
      out += "\nand " + counted(difference.changes.size() - kRows, "more change") + " (`--format json` has all)\n";
  }
  const auto list = [&](std::string_view name, const std::vector<std::string>& entries, auto set) {
    if (entries.empty()) return;
    out += "\n" + std::string(name) + ":\n\n";
    for (std::size_t i = 0; i < std::min(kRows, entries.size()); ++i) out += "- " + set(entries[i]) + "\n";
    if (entries.size() > kRows) out += "- and " + std::to_string(entries.size() - kRows) + " more\n";
  };
  list("Workloads only in the old", difference.only_old, code);
  list("Workloads only in the new", difference.only_new, code);
  list("Notes", difference.notes, prose);
  return out;
}

using Form = std::string (*)(const Difference&);
constexpr std::array<Form, 3> kForms{text_form, json_form, markdown_form};  // by DiffFormat

}  // namespace

std::string render_difference(const Difference& difference, DiffFormat format) {
  return kForms[static_cast<std::size_t>(format)](difference);
}

}  // namespace airtight::verify
