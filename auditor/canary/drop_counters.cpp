#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "auditor/canary/round.h"

namespace airtight::audit {
namespace {

constexpr std::size_t kMaxText = std::size_t{8} << 20;  // a thousand times what a table of ours has

// Of the counters of one table; empty unless the text is such a listing, whole and of that table alone.
std::optional<std::map<std::string, std::uint64_t>> counters_of(std::string_view text, std::string_view family,
                                                                std::string_view table) {
  if (text.size() > kMaxText) return std::nullopt;
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto list = json.find("nftables");
  if (list == json.end() || !list->is_array()) return std::nullopt;
  std::map<std::string, std::uint64_t> counters;
  for (const nlohmann::json& entry : *list) {
    if (!entry.is_object() || entry.size() != 1) return std::nullopt;
    if (entry.contains("metainfo")) continue;
    const auto counter = entry.find("counter");
    if (counter == entry.end() || !counter->is_object()) return std::nullopt;
    const auto says = [&](const char* member, std::string_view value) {
      const auto found = counter->find(member);
      return found != counter->end() && found->is_string() && found->get_ref<const std::string&>() == value;
    };
    const auto name = counter->find("name");
    const auto packets = counter->find("packets");
    if (!says("family", family) || !says("table", table) || name == counter->end() || !name->is_string() ||
        packets == counter->end() || !packets->is_number_unsigned()) {
      return std::nullopt;
    }
    if (!counters.emplace(name->get<std::string>(), packets->get<std::uint64_t>()).second) return std::nullopt;
  }
  return counters;
}

}  // namespace

DropCounters parse_drop_counters(std::string_view inet_json, std::string_view egress_json) {
  constexpr std::string_view kDropped = "dropped_";
  DropCounters result;
  if (!inet_json.empty()) {
    const auto counters = counters_of(inet_json, "inet", "airtight");
    if (!counters) return {};
    result.has_stack = true;
    for (const auto& [name, packets] : *counters) {
      if (name != "outside" && !name.starts_with("denied_")) continue;
      if (packets > std::numeric_limits<std::uint64_t>::max() - result.stack) return {};
      result.stack += packets;
    }
  }
  if (!egress_json.empty()) {
    const auto counters = counters_of(egress_json, "netdev", "airtight_egress");
    if (!counters) return {};
    for (const auto& [name, packets] : *counters) {
      if (name.starts_with(kDropped)) result.egress.emplace(name.substr(kDropped.size()), packets);
    }
  }
  result.readable = !inet_json.empty() || !egress_json.empty();
  return result;
}

std::string counter_name(std::string_view device) {
  std::string name;
  for (const char c : device) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    name += plain ? c : '_';
  }
  return name;
}

}  // namespace airtight::audit
