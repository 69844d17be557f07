#include "auditor/report/inventory.h"

#include <catch2/catch.hpp>

#include "compiler/policy/compiled_policy.h"

namespace airtight::audit {
namespace {

std::string why_of(std::string_view json) {
  std::string why;
  return parse_inventory(json, why) ? "read" : why;
}

TEST_CASE("an inventory is read, by name, with the digest of its canonical form") {
  std::string why;
  const auto inventory = parse_inventory(
      R"( [ {"node":"n2","uplinks":["eth0","eth1.7"],"joined":"2026-11-01T01:00:00+01:00"},
            {"node":"n1","joined":"2026-11-03T00:00:00Z","left":null,"uplinks":[]},
            {"node":"n1","joined":"2026-11-01T00:00:00Z","left":"2026-11-03T00:00:00Z","uplinks":["eth0"]} ] )",
      why);
  REQUIRE(inventory);
  REQUIRE(inventory->nodes.size() == 3);
  constexpr std::int64_t kNovember = 1'793'491'200'000'000'000, kTwoDays = 172'800'000'000'000;
  CHECK(inventory->nodes[0] == InventoryNode{"n1", kNovember, kNovember + kTwoDays, {"eth0"}});
  CHECK(inventory->nodes[1] == InventoryNode{"n1", kNovember + kTwoDays, std::nullopt, {}});
  CHECK(inventory->nodes[2] == InventoryNode{"n2", kNovember, std::nullopt, {"eth0", "eth1.7"}});
  CHECK(
      inventory->digest ==
      digest_of(R"([{"joined":"2026-11-01T01:00:00+01:00","node":"n2","uplinks":["eth0","eth1.7"]},)"
                R"({"joined":"2026-11-03T00:00:00Z","left":null,"node":"n1","uplinks":[]},)"
                R"({"joined":"2026-11-01T00:00:00Z","left":"2026-11-03T00:00:00Z","node":"n1","uplinks":["eth0"]}])"));
}

TEST_CASE("what is no inventory is refused with its place") {
  struct Row {
    const char* json;
    const char* why;
  };
  const Row rows[] = {
      {"", "the JSON text ends too early at the top level"},
      {"[", "the JSON text ends too early at /0"},
      {"{}", "the top level: expected a list of nodes"},
      {"[]", "the top level: there is no node in it"},
      {"[1]", "/0: expected an object with 'node', 'joined', 'uplinks'"},
      {R"([{"node":"n1"}])", "/0: member 'joined' is missing"},
      {R"([{"joined":"2026-11-01T00:00:00Z","uplinks":[]}])", "/0: member 'node' is missing"},
      {R"([{"node":"n1","joined":"2026-11-01T00:00:00Z"}])", "/0: member 'uplinks' is missing"},
      {R"([{"node":"n 1","joined":"2026-11-01T00:00:00Z","uplinks":[]}])", "/0/node: expected a node's name"},
      {R"([{"node":7,"joined":"2026-11-01T00:00:00Z","uplinks":[]}])", "/0/node: expected a node's name"},
      {R"([{"node":"n1","joined":"yesterday","uplinks":[]}])",
       "/0/joined: expected a time such as \"2026-11-01T00:00:00Z\""},
      {R"([{"node":"n1","joined":1793491200,"uplinks":[]}])",
       "/0/joined: expected a time such as \"2026-11-01T00:00:00Z\""},
      {R"([{"node":"n1","joined":"2026-11-01T00:00:00Z","left":"2026-11-01T00:00:00Z","uplinks":[]}])",
       "/0: it left before it joined"},
      {R"([{"node":"n1","joined":"2026-11-01T00:00:00Z","uplinks":"eth0"}])",
       "/0/uplinks: expected a list of interfaces"},
      {R"([{"node":"n1","joined":"2026-11-01T00:00:00Z","uplinks":["eth 0"]}])",
       "/0/uplinks/0: expected the name of an interface"},
      {R"([{"node":"n1","joined":"2026-11-01T00:00:00Z","uplinks":["eth0","eth0"]}])",
       "/0/uplinks/1: it is there twice"},
      {R"([{"node":"n1","joined":"2026-11-01T00:00:00Z","uplinks":["an-interface-too-long"]}])",
       "/0/uplinks/0: expected the name of an interface"},
      {R"([{"node":"n1","joined":"2026-11-01T00:00:00Z","uplinks":[],"pods":[]}])",
       "/0/pods: unknown member; known are 'node', 'joined', 'left', 'uplinks'"},
      {R"([{"node":"n1","joined":"2026-11-01T00:00:00Z","uplinks":[]},{"node":"n1","joined":"2026-11-02T00:00:00Z","uplinks":[]}])",
       "the top level: node 'n1' is there twice at 2026-11-02T00:00:00Z"},
      {R"([{"node":"n1","joined":"2026-11-01T00:00:00Z","left":"2026-11-03T00:00:00Z","uplinks":[]},{"node":"n1","joined":"2026-11-02T00:00:00Z","uplinks":[]}])",
       "the top level: node 'n1' is there twice at 2026-11-02T00:00:00Z"},
  };
  for (const Row& row : rows) {
    INFO(row.json);
    CHECK(why_of(row.json) == row.why);
  }
}

}  // namespace
}  // namespace airtight::audit
