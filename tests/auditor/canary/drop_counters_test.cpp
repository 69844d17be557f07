#include <catch2/catch.hpp>

#include "auditor/canary/round.h"
#include "compiler/emit/packet_filter.h"

using namespace airtight::audit;

namespace {

std::string listing(const std::string& entries) {
  return R"({"nftables":[{"metainfo":{"version":"1.0.6","release_name":"x","json_schema_version":1}})" + entries + "]}";
}
std::string counter(const char* family, const char* table, const std::string& name, const std::string& packets) {
  return std::string(R"(,{"counter":{"family":")") + family + R"(","name":")" + name + R"(","table":")" + table +
         R"(","handle":3,"packets":)" + packets + R"(,"bytes":100}})";
}
std::string inet(const std::string& name, const std::string& packets) {
  return counter("inet", "airtight", name, packets);
}
std::string egress(const std::string& name, const std::string& packets) {
  return counter("netdev", "airtight_egress", name, packets);
}

}  // namespace

TEST_CASE("drop counters: what drops for the address alone is added up, the rest left out") {
  const DropCounters counters =
      parse_drop_counters(listing(inet("outside", "5") + inet("denied_saas", "2") + inet("undeclared", "9") +
                                  inet("exception_1", "100") + inet("outside_inbound", "7")),
                          listing(egress("dropped_eth0", "4") + egress("dropped_eth1", "0") +
                                  egress("accepted_eth0", "9") + egress("refused_ip", "4")));
  CHECK(counters.readable);
  CHECK(counters.has_stack);
  CHECK(counters.stack == 7);
  CHECK(counters.egress == std::map<std::string, std::uint64_t>{{"eth0", 4}, {"eth1", 0}});
}

TEST_CASE("drop counters: a table that is not there is no zero") {
  const DropCounters neither = parse_drop_counters("", "");
  CHECK_FALSE(neither.readable);
  const DropCounters one = parse_drop_counters("", listing(egress("dropped_eth0", "4")));
  CHECK(one.readable);
  CHECK_FALSE(one.has_stack);
  CHECK(one.egress.at("eth0") == 4);
}

TEST_CASE("drop counters: what is no such listing reads as nothing at all") {
  const std::string good = listing(inet("outside", "5"));
  for (const std::string& bad : {std::string("{"),
                                 std::string("[]"),
                                 std::string("null"),
                                 std::string("{}"),
                                 std::string(R"({"nftables":{}})"),
                                 std::string(R"({"nftables":[7]})"),
                                 std::string(R"({"nftables":[{}]})"),
                                 good + "x",
                                 listing(R"(,{"rule":{}})"),
                                 listing(R"(,{"counter":[]})"),
                                 listing(inet("outside", "-1")),
                                 listing(inet("outside", "1.5")),
                                 listing(inet("outside", "\"5\"")),
                                 listing(inet("outside", "18446744073709551616")),
                                 listing(inet("outside", "5") + inet("outside", "5")),
                                 listing(inet("outside", "18446744073709551615") + inet("denied_x", "1")),
                                 listing(counter("ip", "airtight", "outside", "5")),
                                 listing(counter("inet", "other", "outside", "5")),
                                 std::string(100'000, '['),
                                 std::string(std::size_t{9} << 20, ' ') + good}) {
    INFO(bad.substr(0, 120));
    CHECK_FALSE(parse_drop_counters(bad, listing(egress("dropped_eth0", "4"))).readable);
    CHECK_FALSE(parse_drop_counters(listing(inet("outside", "5")), bad).readable);
  }
}

TEST_CASE("drop counters: a device is named as the emitter names it") {
  for (const char* device : {"eth0", "bond0.100", "eth_0", "wlan0@x", "ens3f1np1", "a:b", "br-lan"}) {
    CHECK(counter_name(device) == airtight::filter_name(device));
  }
}
