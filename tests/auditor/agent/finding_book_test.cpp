#include "auditor/agent/finding_book.h"

#include <catch2/catch.hpp>

namespace airtight::audit {
namespace {

Policy policy() {
  Policy made;
  made.cluster.pods = {*Prefix::parse("10.42.0.0/16")};
  made.cluster.nodes = {*Prefix::parse("10.10.0.0/24")};
  return made;
}

class OnePod final : public PodTable {
 public:
  std::string pod_of(std::string_view interface, std::optional<Ip> address, std::int64_t) const override {
    if (interface == "cali1") return "app/web-0";
    return interface.empty() && address == Ip::parse("10.42.0.2") ? "app/web-0" : "unknown";
  }
};

Finding attempt(const char* destination, const char* interface = "cali1") {
  Finding finding;
  finding.rule = Rule::AttemptUnresolved;
  finding.cls = Class::Unresolved;
  finding.effect = Effect::Inconclusive;
  finding.role = audit::Role::PodSide;
  finding.has_addresses = true;
  finding.source = *Ip::parse("10.42.0.2");
  finding.destination = *Ip::parse(destination);
  finding.protocol = "tcp";
  finding.port = 443;
  finding.interface = interface;
  finding.first_seen = 1'000;
  finding.last_seen = 2'000;
  finding.packets = 3;
  finding.bytes = 180;
  return finding;
}

std::vector<FindingRecord> changed(FindingBook& book) {
  std::vector<FindingRecord> records;
  book.tell_changed([&](const FindingRecord& record) {
    records.push_back(record);
    return true;
  });
  return records;
}

TEST_CASE("an attempt is held only where every uplink adds up") {
  const Policy of = policy();
  const OnePod pods;
  FindingBook book(of, &pods);
  book.add({attempt("203.0.113.9")}, true);
  auto records = changed(book);
  REQUIRE(records.size() == 1);
  CHECK(records[0].rule_id == "AT-A009");
  CHECK(records[0].cls == "attempt");
  CHECK(records[0].effect == "listed");
  CHECK(records[0].workload == "app/web-0");

  book.add({attempt("203.0.113.9")}, false);
  records = changed(book);
  REQUIRE(records.size() == 1);
  CHECK(records[0].rule_id == "AT-A008");
  CHECK(records[0].cls == "unresolved");
  CHECK(records[0].effect == "inconclusive");
}

TEST_CASE("sums go on, and only what changed is told again") {
  const Policy of = policy();
  const OnePod pods;
  FindingBook book(of, &pods);
  book.add({attempt("203.0.113.9"), attempt("203.0.113.10")}, true);
  CHECK(changed(book).size() == 1);
  CHECK(changed(book).empty());
  Finding later = attempt("203.0.113.9");
  later.first_seen = 5'000;
  later.last_seen = 9'000;
  book.add({later}, true);
  const auto records = changed(book);
  REQUIRE(records.size() == 1);
  CHECK(records[0].packets == 9);
  CHECK(records[0].bytes == 540);
  CHECK(records[0].first_seen == 1'000);
  CHECK(records[0].last_seen == 9'000);
  CHECK(records[0].destinations == std::vector<std::string>{"203.0.113.9", "203.0.113.10"});
  CHECK(records[0].destinations_count == 2);
  CHECK(book.packets().at({"AT-A009", "listed"}) == 9);
}

TEST_CASE("destinations are kept up to 64, and counted beyond") {
  const Policy of = policy();
  FindingBook book(of, nullptr);
  std::vector<Finding> many;
  for (int i = 0; i < 100; ++i) many.push_back(attempt(("203.0.113." + std::to_string(i)).c_str()));
  book.add(many, true);
  const auto records = changed(book);
  REQUIRE(records.size() == 1);
  CHECK(records[0].destinations.size() == kMaxDestinations);
  CHECK(records[0].destinations_count == 100);
  CHECK(records[0].workload == "unknown");
}

TEST_CASE("who it was is never guessed") {
  const Policy of = policy();
  const OnePod pods;
  FindingBook book(of, &pods);
  Finding left = attempt("203.0.113.9", "eth0");
  left.rule = Rule::PacketLeft;
  left.cls = Class::Escape;
  left.effect = Effect::Violated;
  left.role = audit::Role::Uplink;
  SECTION("a pod's address, before translation") {
    book.add({left}, true);
    CHECK(changed(book)[0].workload == "app/web-0");
  }
  SECTION("a node's address without a sight at a pod's side") {
    left.source = *Ip::parse("10.10.0.5");
    book.add({left}, true);
    CHECK(changed(book)[0].workload == "node");
  }
  SECTION("a node's address after translation, joined") {
    left.source = *Ip::parse("10.10.0.5");
    left.pod_side = {{*Ip::parse("10.42.0.2"), "cali1", 3, false}};
    book.add({left}, true);
    CHECK(changed(book)[0].workload == "app/web-0");
  }
  SECTION("two pods sent the same") {
    left.pod_side = {{*Ip::parse("10.42.0.2"), "cali1", 3, false}, {*Ip::parse("10.42.0.3"), "cali2", 3, false}};
    book.add({left}, true);
    CHECK(changed(book)[0].workload == "unknown");
  }
  SECTION("an address of nobody") {
    left.source = *Ip::parse("192.0.2.1");
    book.add({left}, true);
    CHECK(changed(book)[0].workload == "unknown");
  }
}

TEST_CASE("what could not be told is told again") {
  const Policy of = policy();
  FindingBook book(of, nullptr);
  book.add({attempt("203.0.113.9")}, true);
  book.tell_changed([](const FindingRecord&) { return false; });
  CHECK(changed(book).size() == 1);
  CHECK(changed(book).empty());
}

TEST_CASE("a scan of ports is one attempt") {
  const Policy of = policy();
  FindingBook book(of, nullptr);
  std::vector<Finding> scan;
  for (int port = 1; port <= 1000; ++port) {
    scan.push_back(attempt("203.0.113.9"));
    scan.back().port = port;
  }
  book.add(scan, true);
  const auto records = changed(book);
  REQUIRE(records.size() == 1);
  CHECK(records[0].packets == 3000);
  CHECK_FALSE(records[0].port.has_value());
}

TEST_CASE("a flood of different findings is added up, not lost") {
  const Policy of = policy();
  FindingBook book(of, nullptr);
  std::vector<Finding> many;
  for (std::size_t i = 0; i < FindingBook::kMaxEntries + 50; ++i) {
    many.push_back(attempt("203.0.113.9"));
    many.back().name = "n" + std::to_string(i) + ".example";
  }
  book.add(many, true);
  CHECK(book.entries() == FindingBook::kMaxEntries + 1);
  std::uint64_t packets = 0;
  for (auto records = changed(book); !records.empty(); records = changed(book)) {
    CHECK(records.size() <= FindingBook::kToldAtOnce);
    for (const FindingRecord& record : records) packets += record.packets;
  }
  CHECK(packets == 3 * many.size());
}

}  // namespace
}  // namespace airtight::audit
