#include "auditor/report/inventory.h"

#include <algorithm>
#include <set>

#include "auditor/evidence/text_fields.h"
#include "auditor/report/rfc3339.h"
#include "compiler/policy/compiled_policy.h"  // parse_json(), canonical_json(), digest_of()

namespace airtight::audit {
namespace {

constexpr std::size_t kMaxNodes = 100'000;

// The names that Linux gives to devices: up to 15 bytes, no white space, no '/', not "." or "..".
bool is_interface(std::string_view name) {
  return !name.empty() && name.size() <= 15 && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 127 && c != '/'; });
}

class InventoryReader {
 public:
  explicit InventoryReader(std::string& why) : why_(why) {}

  bool read(JsonValue root, std::vector<InventoryNode>& nodes) {
    if (root.kind() != JsonValue::Kind::Array) return fail(root, "expected a list of nodes");
    const auto items = root.items();
    if (items.empty()) return fail(root, "there is no node in it");
    if (items.size() > kMaxNodes) return fail(root, "more than " + std::to_string(kMaxNodes) + " nodes");
    for (const JsonValue item : items)
      if (!read_node(item, nodes.emplace_back())) return false;
    std::stable_sort(nodes.begin(), nodes.end(), [](const InventoryNode& a, const InventoryNode& b) {
      return a.node != b.node ? a.node < b.node : a.joined < b.joined;
    });
    for (std::size_t i = 1; i < nodes.size(); ++i) {
      if (nodes[i].node != nodes[i - 1].node) continue;
      if (!nodes[i - 1].left || *nodes[i - 1].left > nodes[i].joined)
        return fail(root, "node '" + nodes[i].node + "' is there twice at " + time_text(nodes[i].joined));
    }
    return true;
  }

 private:
  bool fail(JsonValue value, const std::string& what) {
    why_ = shown_pointer(value.pointer()) + ": " + what;
    return false;
  }

  bool read_node(JsonValue item, InventoryNode& node) {
    if (item.kind() != JsonValue::Kind::Object)
      return fail(item, "expected an object with 'node', 'joined', 'uplinks'");
    bool named = false, joined = false, uplinks = false;
    for (const JsonMember& member : item.members()) {
      const std::string key = member.key.string();
      bool good = true;
      if (key == "node") {
        named = true;
        if (member.value.kind() != JsonValue::Kind::String || !is_token(node.node = member.value.string()))
          good = fail(member.value, "expected a node's name");
      } else if (key == "joined") {
        joined = good = read_time(member.value, node.joined);
      } else if (key == "left") {
        if (member.value.kind() != JsonValue::Kind::Null) good = read_time(member.value, node.left.emplace());
      } else if (key == "uplinks") {
        uplinks = good = read_uplinks(member.value, node.uplinks);
      } else {
        good = fail(member.value, "unknown member; known are 'node', 'joined', 'left', 'uplinks'");
      }
      if (!good) return false;
    }
    if (!named || !joined || !uplinks)
      return fail(item, std::string("member '") + (!named ? "node" : !joined ? "joined" : "uplinks") + "' is missing");
    if (node.left && *node.left <= node.joined) return fail(item, "it left before it joined");
    return true;
  }

  bool read_time(JsonValue value, std::int64_t& time) {
    const auto read = value.kind() == JsonValue::Kind::String ? parse_rfc3339(value.string()) : std::nullopt;
    if (!read) return fail(value, "expected a time such as \"2026-11-01T00:00:00Z\"");
    time = *read;
    return true;
  }

  bool read_uplinks(JsonValue value, std::vector<std::string>& uplinks) {
    if (value.kind() != JsonValue::Kind::Array) return fail(value, "expected a list of interfaces");
    std::set<std::string> seen;
    for (const JsonValue item : value.items()) {
      if (item.kind() != JsonValue::Kind::String || !is_interface(uplinks.emplace_back(item.string())))
        return fail(item, "expected the name of an interface");
      if (!seen.insert(uplinks.back()).second) return fail(item, "it is there twice");
    }
    return true;
  }

  std::string& why_;
};

}  // namespace

std::optional<Inventory> parse_inventory(std::string_view json, std::string& why) {
  why.clear();
  Sources sources;
  Diagnostics diagnostics;
  const auto document =
      parse_json(sources.add("inventory", std::string(json)), sources, Code::PolicySyntax, diagnostics);
  if (!document) {
    why = diagnostics.sorted().front().message;
    return std::nullopt;
  }
  Inventory inventory;
  if (!InventoryReader(why).read(document->root(), inventory.nodes)) return std::nullopt;
  inventory.digest = digest_of(canonical_json(document->root()));
  return inventory;
}

}  // namespace airtight::audit
