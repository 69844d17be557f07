// Any bytes as an inventory: refused with a reason, or nodes in order whose times do not meet, under the digest of what
// was read; and as a time.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "auditor/evidence/text_fields.h"
#include "auditor/report/inventory.h"
#include "auditor/report/rfc3339.h"
#include "compiler/policy/compiled_policy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace airtight;
  using namespace airtight::audit;
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::string why;
  const auto inventory = parse_inventory(text, why);
  if (inventory.has_value() != why.empty()) std::abort();
  if (inventory) {
    if (inventory->nodes.empty() || !is_digest(inventory->digest)) std::abort();
    for (std::size_t i = 0; i < inventory->nodes.size(); ++i) {
      const InventoryNode& node = inventory->nodes[i];
      if (!is_token(node.node) || (node.left && *node.left <= node.joined)) std::abort();
      if (i == 0) continue;
      const InventoryNode& before = inventory->nodes[i - 1];
      if (before.node > node.node) std::abort();
      if (before.node == node.node && (!before.left || *before.left > node.joined)) std::abort();
    }
    if (parse_inventory(" " + text, why)->digest != inventory->digest) std::abort();
  }
  if (const auto time = parse_rfc3339(text))
    if (const auto again = parse_rfc3339(time_text(*time)); again && *again != *time) std::abort();
  return 0;
}
