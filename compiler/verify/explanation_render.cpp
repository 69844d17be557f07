#include <nlohmann/json.hpp>

#include "compiler/policy/diagnostic.h"
#include "compiler/verify/connections.h"
#include "compiler/verify/report_wording.h"

namespace airtight::verify {
namespace {

using Json = nlohmann::ordered_json;

std::string answer(bool allowed, bool certain) {
  if (!certain) return allowed ? "perhaps allowed" : "perhaps denied";
  return allowed ? "allowed" : "denied";
}

std::string coloured_answer(bool allowed, bool certain, const Ink& ink) {
  const std::string_view colour = !certain ? ink.yellow : allowed ? ink.red : ink.green;
  return std::string(colour) + answer(allowed, certain) + std::string(ink.off);
}

std::string text_form(const Explanation& explanation, const Sources& sources, bool colour) {
  const Ink& paint = ink(colour);
  const auto bold = [&](std::string_view text) {
    return std::string(paint.bold) + printable(text) + std::string(paint.off);
  };
  std::string out =
      bold(explanation.question) + ": " + coloured_answer(explanation.allowed, explanation.certain, paint) + "\n";
  for (const std::string& note : explanation.notes) out += "  note: " + printable(note) + "\n";
  for (const LayerExplanation& layer : explanation.layers) {
    out += "\n" + bold(to_string(layer.layer)) + ": " +
           (layer.asked ? coloured_answer(layer.allowed, layer.certain, paint) : std::string("not asked"));
    if (!layer.reason.empty()) out += ": " + printable(layer.reason);
    out += "\n";
    for (const ExplanationStep& step : layer.steps) {
      out += "  " + (step.where.known() ? place_text(sources, step.where) + ": " : "") + printable(step.text) + "\n";
      if (step.where.known()) out += line_with_caret(sources, step.where, colour);
    }
    if (!layer.change.empty()) out += "  to change it: " + printable(layer.change) + "\n";
  }
  return out;
}

std::string json_form(const Explanation& explanation, const Sources& sources) {
  Json json;
  json["question"] = printable(explanation.question);
  json["allowed"] = explanation.allowed;
  json["certain"] = explanation.certain;
  json["notes"] = Json::array();
  for (const std::string& note : explanation.notes) json["notes"].push_back(printable(note));
  json["layers"] = Json::array();
  for (const LayerExplanation& layer : explanation.layers) {
    Json row;
    row["layer"] = to_string(layer.layer);
    row["asked"] = layer.asked;
    row["allowed"] = layer.asked ? Json(layer.allowed) : Json();
    row["certain"] = layer.asked ? Json(layer.certain) : Json();
    row["reason"] = printable(layer.reason);
    row["change"] = printable(layer.change);
    row["steps"] = Json::array();
    for (const ExplanationStep& step : layer.steps) {
      Json item;
      if (step.where.known()) {
        const Place place = place_of(sources, step.where);
        item["file"] = place.file;
        item["line"] = place.begin.line;
        item["column"] = place.begin.column;
      }
      item["text"] = printable(step.text);
      row["steps"].push_back(std::move(item));
    }
    json["layers"].push_back(std::move(row));
  }
  return json.dump(2) + "\n";
}

}  // namespace

std::string render_explanation(const Explanation& explanation, const Sources& sources, bool json, bool colour) {
  return json ? json_form(explanation, sources) : text_form(explanation, sources, colour);
}

}  // namespace airtight::verify
