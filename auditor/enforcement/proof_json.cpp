#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "auditor/enforcement/proof.h"

namespace airtight::audit {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 3> kOutcomes{"sealed", "open", "unreadable"};

bool has_exactly(const Json& object, std::initializer_list<const char*> names) {
  return object.is_object() && object.size() == names.size() &&
         std::all_of(names.begin(), names.end(), [&](const char* name) { return object.contains(name); });
}

bool read_texts(const Json& list, std::vector<std::string>& texts) {
  if (!list.is_array()) return false;
  for (const Json& text : list) {
    if (!text.is_string()) return false;
    texts.push_back(text.get<std::string>());
  }
  return true;
}

}  // namespace

std::string to_json(const Proof& proof) {
  Json chains = Json::array();
  for (const Proof::Chain& chain : proof.chains)
    chains.push_back(
        {{"uplink", chain.uplink}, {"present", chain.present}, {"sealed", chain.sealed}, {"why", chain.why}});
  const Json object{{"outcome", proof.outcome},
                    {"opened", proof.opened},
                    {"assumptions", proof.assumptions},
                    {"chains", std::move(chains)}};
  // A device's name may be no UTF-8.
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool parse_proof(std::string_view json, Proof& proof, std::string& why) {
  proof = {};
  const Json object = Json::parse(json.begin(), json.end(), nullptr, false);
  const auto wrong = [&](const char* what) {
    proof = {};
    why = what;
    return false;
  };
  if (object.is_discarded()) return wrong("it is no JSON");
  if (!has_exactly(object, {"assumptions", "chains", "opened", "outcome"}))
    return wrong("it has not the members of a proof");
  const Json& outcome = object["outcome"];
  if (!outcome.is_string() ||
      std::find(kOutcomes.begin(), kOutcomes.end(), outcome.get<std::string>()) == kOutcomes.end())
    return wrong("its outcome is none of sealed, open and unreadable");
  proof.outcome = outcome.get<std::string>();
  if (!read_texts(object["opened"], proof.opened) || !read_texts(object["assumptions"], proof.assumptions))
    return wrong("its clauses are no texts");
  if (!object["chains"].is_array()) return wrong("its chains are no list");
  for (const Json& chain : object["chains"]) {
    if (!has_exactly(chain, {"uplink", "present", "sealed", "why"}) || !chain["uplink"].is_string() ||
        !chain["present"].is_boolean() || !chain["sealed"].is_boolean() || !chain["why"].is_string())
      return wrong("a chain has not the members of one");
    proof.chains.push_back({chain["uplink"].get<std::string>(), chain["present"].get<bool>(),
                            chain["sealed"].get<bool>(), chain["why"].get<std::string>()});
    if (proof.chains.back().sealed && !proof.chains.back().present) return wrong("a chain that is absent is sealed");
  }
  return true;
}

}  // namespace airtight::audit
