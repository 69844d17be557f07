#include "auditor/agent/counter_table.h"

#include <catch2/catch.hpp>

namespace airtight::audit {
namespace {

TEST_CASE("counters are read as libnftables prints them") {
  const auto table = parse_counters(
      R"({"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
          {"counter": {"family": "netdev", "name": "accepted_eth0", "table": "airtight_egress", "handle": 3,
                       "packets": 12, "bytes": 3456}},
          {"counter": {"family": "netdev", "name": "canary", "table": "airtight_egress", "handle": 1,
                       "packets": 0, "bytes": 0}}]})");
  REQUIRE(table);
  CHECK(table->size() == 2);
  CHECK(table->at("accepted_eth0") == PacketCounter{12, 3456});
  CHECK(table->at("canary") == PacketCounter{});
}

TEST_CASE("a listing that is not understood is none, never zero packets") {
  const char* broken[] = {
      "",
      "[]",
      "{}",
      "{\"nftables\": {}}",
      "{\"nftables\": [1]}",
      "{\"nftables\": [{\"counter\": 1}]}",
      "{\"nftables\": [{\"counter\": {\"name\": \"a\", \"packets\": -1, \"bytes\": 0}}]}",
      "{\"nftables\": [{\"counter\": {\"name\": \"a\", \"packets\": 1}}]}",
      "{\"nftables\": [{\"counter\": {\"packets\": 1, \"bytes\": 2}}]}",
      "{\"nftables\": [{\"counter\": {\"name\": \"a\", \"packets\": 1, \"bytes\": 2}}",
  };
  for (const char* text : broken) {
    INFO(text);
    CHECK_FALSE(parse_counters(text));
  }
}

}  // namespace
}  // namespace airtight::audit
