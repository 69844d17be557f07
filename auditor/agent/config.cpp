#include "auditor/agent/config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <variant>

#include "compiler/policy/compiled_policy.h"  // printable()

namespace airtight::audit {

namespace {

using Json = nlohmann::json;

// One row a member: where it goes and, of numbers, between which bounds.
struct Member {
  std::string_view name;
  std::variant<std::string AgentConfig::*, std::vector<std::string> AgentConfig::*, std::uint64_t AgentConfig::*,
               bool AgentConfig::*>
      to;
  std::uint64_t least = 0, most = 0;
};

constexpr std::uint64_t kYear = 366 * 86'400;
const std::array kMembers{
    Member{"policy", &AgentConfig::policy, 0, 0},
    Member{"state", &AgentConfig::state, 0, 0},
    Member{"key", &AgentConfig::key, 0, 0},
    Member{"node", &AgentConfig::node, 0, 0},
    Member{"uplinks", &AgentConfig::uplinks, 0, 0},
    Member{"podSide", &AgentConfig::pod_side, 0, 0},
    Member{"pods", &AgentConfig::pods, 0, 0},
    Member{"podNamespace", &AgentConfig::pod_namespace, 0, 0},
    Member{"user", &AgentConfig::user, 0, 0},
    Member{"listen", &AgentConfig::listen, 0, 0},
    Member{"interval", &AgentConfig::interval, 1, 3600},
    Member{"canaryInterval", &AgentConfig::canary_interval, 1, 3600},
    Member{"probeInterval", &AgentConfig::probe_interval, 0, 86'400},
    Member{"duration", &AgentConfig::duration, 0, kYear},
    Member{"takeOver", &AgentConfig::take_over, 0, 3600},
    Member{"realProbes", &AgentConfig::real_probes, 0, 0},
    Member{"boundaryFilter", &AgentConfig::boundary_filter, 0, 0},
    Member{"ring", &AgentConfig::ring, 1, 1024},
    Member{"podRing", &AgentConfig::pod_ring, 1, 1024},
    Member{"flows", &AgentConfig::flows, 1'000, 50'000'000},
    Member{"proofSeconds", &AgentConfig::proof_seconds, 1, 3600},
    Member{"keepBytes", &AgentConfig::keep_bytes, 0, std::uint64_t{1} << 50},
    Member{"keepSeconds", &AgentConfig::keep_seconds, 0, 20 * kYear},
};

// The place of a byte, 1-based; of a member, where its quoted name stands first.
std::string place_of(std::string_view text, std::size_t at) {
  at = std::min(at, text.size());
  const std::string_view before = text.substr(0, at);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t start = before.rfind('\n');
  return std::to_string(line) + ":" + std::to_string(at - (start == std::string_view::npos ? 0 : start + 1) + 1);
}

bool is_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view port = text.substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (port.empty() || error != std::errc() || end != port.data() + port.size()) return false;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const std::optional<Ip> address = Ip::parse(host);
  return address && address->is_v4() != bracketed;
}

std::string known_members() {
  std::string list;
  for (const Member& member : kMembers) list += (list.empty() ? "" : ", ") + std::string(member.name);
  return list;
}

// Why the value does not fit; empty once it was taken.
std::string take(const Json& value, const Member& member, AgentConfig& config) {
  if (const auto* text = std::get_if<std::string AgentConfig::*>(&member.to)) {
    if (!value.is_string()) return "takes a text";
    config.*(*text) = value.get<std::string>();
  } else if (const auto* list = std::get_if<std::vector<std::string> AgentConfig::*>(&member.to)) {
    if (!value.is_array() || !std::all_of(value.begin(), value.end(), [](const Json& one) { return one.is_string(); }))
      return "takes a list of texts";
    config.*(*list) = value.get<std::vector<std::string>>();
  } else if (const auto* number = std::get_if<std::uint64_t AgentConfig::*>(&member.to)) {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() < member.least ||
        value.get<std::uint64_t>() > member.most)
      return "takes a whole number from " + std::to_string(member.least) + " to " + std::to_string(member.most);
    config.*(*number) = value.get<std::uint64_t>();
  } else {
    if (!value.is_boolean()) return "takes true or false";
    config.*std::get<bool AgentConfig::*>(member.to) = value.get<bool>();
  }
  return {};
}

}  // namespace

bool read_config(std::string_view text, std::string_view path, AgentConfig& config, std::vector<std::string>& errors) {
  const std::size_t before = errors.size();
  const auto error = [&](std::size_t at, const std::string& what) {
    errors.push_back(std::string(path) + ":" + place_of(text, at) + ": " + what);
  };
  // The parser calls with each key of the outermost object: a member given twice would hide the first.
  std::vector<std::string> keys;
  Json document;
  try {
    document = Json::parse(text, [&](int depth, Json::parse_event_t event, Json& parsed) {
      if (event == Json::parse_event_t::key && depth == 1) keys.push_back(parsed.get<std::string>());
      return true;
    });
  } catch (const Json::parse_error& broken) {
    error(broken.byte == 0 ? 0 : broken.byte - 1, "no JSON that can be read from here on");
    return false;
  }
  if (!document.is_object()) {
    error(0, "expected an object, {\"policy\": …}");
    return false;
  }
  std::sort(keys.begin(), keys.end());
  for (std::size_t i = 1; i < keys.size(); ++i) {
    if (keys[i] == keys[i - 1]) error(text.rfind("\"" + keys[i] + "\""), "'" + printable(keys[i]) + "' is given twice");
  }
  for (const auto& [key, value] : document.items()) {
    const std::size_t at = text.find("\"" + key + "\"");
    const auto member =
        std::find_if(kMembers.begin(), kMembers.end(), [&](const Member& row) { return row.name == key; });
    if (member == kMembers.end()) {
      error(at, "'" + printable(key) + "' is no setting; they are " + known_members());
      continue;
    }
    if (const std::string why = take(value, *member, config); !why.empty()) error(at, "'" + key + "' " + why);
  }
  return errors.size() == before;
}

std::vector<std::string> check_config(const AgentConfig& config) {
  std::vector<std::string> wrong;
  if (config.policy.empty()) wrong.emplace_back("no policy: give --policy FILE, or \"policy\" in the configuration");
  if (config.state.empty())
    wrong.emplace_back("no state directory: give --state DIR, or \"state\" in the configuration");
  if (config.policy == "-")
    wrong.emplace_back("the policy is read again when it changes, so it cannot be standard input");
  if (config.listen != "none" && !is_listen_address(config.listen))
    wrong.push_back("'" + printable(config.listen) +
                    "' is nowhere to listen: an address and a port, 127.0.0.1:9464 or [::1]:9464, or none");
  for (const auto* list : {&config.uplinks, &config.pod_side}) {
    for (const std::string& pattern : *list) {
      const std::size_t star = pattern.find('*');
      if (pattern.empty() || (star != std::string::npos && star + 1 != pattern.size()))
        wrong.push_back("'" + printable(pattern) + "' is no interface: a name, or one with a final *");
    }
  }
  return wrong;
}

}  // namespace airtight::audit
