// Which nodes there are, and since when:
// [{"node":"n1","joined":"2026-11-01T00:00:00Z","left":null,"uplinks":["eth0"]}]. Its digest (SHA-256 of the RFC 8785
// form) is what enrolments sign.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace airtight::audit {

struct InventoryNode {
  std::string node;
  std::int64_t joined = 0;
  std::optional<std::int64_t> left;
  std::vector<std::string> uplinks;
  friend bool operator==(const InventoryNode&, const InventoryNode&) = default;
};

struct Inventory {
  std::vector<InventoryNode> nodes;  // by name; one node may come twice where the times do not meet
  std::string digest;                // "sha256:…"
};

// Empty, with the reason, for anything else: unknown members, times that are none, overlaps, no node at all.
std::optional<Inventory> parse_inventory(std::string_view json, std::string& why);

}  // namespace airtight::audit
