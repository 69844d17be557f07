#include "auditor/agent/counter_table.h"

#include <nlohmann/json.hpp>

namespace airtight::audit {

std::optional<CounterTable> parse_counters(std::string_view json) {
  using Json = nlohmann::json;
  const Json document = Json::parse(json, nullptr, false);
  if (!document.is_object()) return std::nullopt;
  const auto list = document.find("nftables");
  if (list == document.end() || !list->is_array()) return std::nullopt;
  CounterTable table;
  for (const Json& entry : *list) {
    if (!entry.is_object()) return std::nullopt;
    const auto counter = entry.find("counter");
    if (counter == entry.end()) continue;
    if (!counter->is_object()) return std::nullopt;
    const auto name = counter->find("name"), packets = counter->find("packets"), bytes = counter->find("bytes");
    if (name == counter->end() || packets == counter->end() || bytes == counter->end()) return std::nullopt;
    if (!name->is_string() || !packets->is_number_unsigned() || !bytes->is_number_unsigned()) return std::nullopt;
    table[name->get<std::string>()] = {packets->get<std::uint64_t>(), bytes->get<std::uint64_t>()};
  }
  return table;
}

}  // namespace airtight::audit
