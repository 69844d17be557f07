#include "auditor/classify/boundary.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auditor/decode/frame.h"
#include "tests/auditor/allocation_counter.h"
#include "tests/emit/sample_policy.h"
#include "tests/policy/random_policy.h"

namespace airtight::audit {
namespace {

// A golden policy.json is kept without its catalogues and its digest.
Policy read_policy(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  nlohmann::json document = nlohmann::json::parse(file);
  document.erase("digest");
  document["digest"] = digest_of(document.dump());
  Sources sources;
  Diagnostics diagnostics;
  auto policy = parse_compiled_policy(sources.add(path.string(), document.dump()), sources, diagnostics);
  std::string errors;
  for (const Diagnostic& d : diagnostics.sorted()) errors += d.message + "\n";
  INFO(path);
  REQUIRE(errors == "");
  return *std::move(policy);
}

std::vector<std::filesystem::path> golden_policies() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(AIRTIGHT_SOURCE_DIR "/tests/golden")) {
    const auto path = entry.path() / "expected" / "policy.json";
    if (std::filesystem::exists(path)) paths.push_back(path);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

struct Question {
  Ip source = Ip::v4(0);
  Ip destination = Ip::v4(0);
  Protocol protocol = Protocol::Tcp;
  std::uint16_t selector = 0;
  std::optional<Date> on;
};

// What is asked where answers change: at the ends of a permission's sets and beside them, or anywhere.
class Questions {
 public:
  Questions(const Policy& policy, std::uint64_t seed) : engine_(seed) {
    for (const airtight::Flow& flow : policy.flows) {
      permissions_.push_back({ends(policy.addresses_of(flow.from)), ends(policy.addresses_of(flow.to)), flow.services});
    }
    for (const Exception& exception : policy.exceptions) {
      for (int copies = 0; copies < 4; ++copies) {
        permissions_.push_back(
            {ends(policy.addresses_of(exception.from)), ends(IpSet::of(exception.to)), exception.services});
      }
      const Date last = exception.expires;
      for (const Date date : {last, Date{last.year, last.month, last.day + 1}, Date{last.year - 1, 12, 31}}) {
        dates_.emplace_back(date);
      }
    }
    for (const Multicast& multicast : policy.multicast) {
      IpSet sources = policy.nodes() | IpSet::range(Ip::v6(u128{0xFE80} << 112), Ip::v6((u128{0xFEC0} << 112) - 1));
      const ServiceSet services = ServiceSet::of(Protocol::Other, PortSet::of(multicast.number)) | udp(1, 9) |
                                  ServiceSet::protocol(Protocol::Icmpv6);
      permissions_.push_back({ends(sources), ends(IpSet::of(multicast.group)), services});
    }
    std::vector<IpSet> sets{policy.inside, policy.pods(), policy.services(), policy.nodes(), IpSet::all()};
    for (const Endpoint& endpoint : policy.endpoints) sets.push_back(endpoint.addresses);
    for (const Catalogue& catalogue : policy.catalogues) sets.push_back(catalogue.addresses());
    for (const IpSet& set : sets) {
      const std::vector<Ip> some = ends(set);
      anywhere_.insert(anywhere_.end(), some.begin(), some.end());
    }
    for (std::size_t i = 0, n = anywhere_.size(); i < n; ++i) {
      if (!anywhere_[i].is_v4()) continue;
      anywhere_.push_back(Ip::v6(u128{0xFFFF} << 32 | anywhere_[i].v4_bits()));                   // mapped
      anywhere_.push_back(Ip::v6(u128{0x2002} << 112 | u128{anywhere_[i].v4_bits()} << 80 | 7));  // 6to4
    }
    dates_.emplace_back(std::nullopt);
    dates_.emplace_back(Date{2026, 11, 25});
  }

  Question next() {
    Question q{address(), address(), pick(kProtocols), pick(kNumbers), pick(dates_)};
    if (permissions_.empty() || below(4) == 0) return q;
    const Permission& permission = pick(permissions_);
    if (!permission.sources.empty() && below(8) != 0) q.source = pick(permission.sources);
    if (!permission.destinations.empty() && below(8) != 0) q.destination = pick(permission.destinations);
    std::vector<Protocol> carried;
    for (const Protocol protocol : kProtocols)
      if (!permission.services.ports(protocol).empty()) carried.push_back(protocol);
    q.protocol = pick(carried);
    const auto& interval = pick(permission.services.ports(q.protocol).intervals());
    const int edge = below(2) == 0 ? interval.first : interval.last;
    const int offset = below(3) == 0 ? (below(2) == 0 ? 1 : -1) : 0;
    q.selector = static_cast<std::uint16_t>(edge + offset);
    return q;
  }

 private:
  static constexpr std::array<std::uint16_t, 8> kNumbers{112, 89, 6, 1, 53, 443, 0, 65535};
  struct Permission {
    std::vector<Ip> sources;
    std::vector<Ip> destinations;
    ServiceSet services;
  };

  static std::vector<Ip> ends(const IpSet& set) {
    std::vector<Ip> result;
    for (const IpRange& range : set.ranges()) {
      for (const int offset : {-1, 0, 0, 1}) {
        result.push_back(moved(range.first, offset));
        result.push_back(moved(range.last, offset));
      }
    }
    return result;
  }
  static Ip moved(Ip ip, int offset) {
    return ip.is_v4() ? Ip::v4(ip.v4_bits() + static_cast<std::uint32_t>(offset))
                      : Ip::v6(ip.bits() + static_cast<u128>(offset));
  }
  Ip address() {
    if (below(8) != 0) return pick(anywhere_);
    if (below(2) == 0) return Ip::v4(static_cast<std::uint32_t>(engine_()));
    return Ip::v6(u128{engine_()} << 64 | engine_());
  }
  template <class List>
  const typename List::value_type& pick(const List& list) {
    return list[below(list.size())];
  }
  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }

  std::mt19937_64 engine_;
  std::vector<Permission> permissions_;
  std::vector<Ip> anywhere_;
  std::vector<std::optional<Date>> dates_;
};

using Tally = std::map<std::string, std::size_t>;

void check_against_decide(const Policy& policy, std::uint64_t seed, int questions, Tally& tally) {
  const Boundary boundary(policy);
  Questions ask(policy, seed);
  for (int i = 0; i < questions; ++i) {
    const auto [source, destination, protocol, selector, on] = ask.next();
    const Judgement slow = airtight::decide(policy, source, destination, protocol, selector, on);
    const Judgement fast = boundary.decide(source, destination, protocol, selector, on);
    ++tally[std::string(to_string(slow.decision))];
    if (slow.flow) ++tally["flow"];
    if (slow.decision == Decision::Outside && slow.exception) ++tally["expired"];
    if (slow.decision == Decision::InsideDeclared && !slow.flow) ++tally["multicast"];
    if (!slow.label.empty()) ++tally["label"];

    const bool to_inside = policy.inside.contains(destination);
    const Label label = boundary.label(to_inside && !policy.inside.contains(source) ? source : destination);
    const bool equal = fast.decision == slow.decision && fast.flow == slow.flow && fast.exception == slow.exception &&
                       fast.catalogue.empty() && fast.label.empty() && label.catalogue == slow.catalogue &&
                       label.entry == slow.label;
    if (!equal) {
      CAPTURE(to_string(source), to_string(destination), to_string(protocol), selector, seed);
      CHECK(to_string(fast.decision) == to_string(slow.decision));
      CHECK(fast.flow == slow.flow);
      CHECK(fast.exception == slow.exception);
      CHECK(label.entry == slow.label);
      REQUIRE(label.catalogue == slow.catalogue);
      FAIL("the answer repeats what is in the catalogue");
    }
    if (label) {
      const auto catalogue = std::find_if(policy.catalogues.begin(), policy.catalogues.end(),
                                          [&](const Catalogue& c) { return c.name == label.catalogue; });
      REQUIRE(label.title == catalogue->title);
    }

    const Boundary::Place place = boundary.place(source);
    IpSet resolvers;
    if (policy.cluster.dns) resolvers = policy.addresses_of({Peer::Kind::ClusterDns, 0});
    for (const Endpoint& endpoint : policy.endpoints)
      if (endpoint.role == Role::Dns) resolvers |= endpoint.addresses;
    REQUIRE(place.inside == policy.inside.contains(source));
    REQUIRE(boundary.inside(source) == place.inside);
    REQUIRE(place.cluster == policy.cluster_ranges().contains(source));
    REQUIRE(place.pod == policy.pods().contains(source));
    REQUIRE(place.node == policy.nodes().contains(source));
    REQUIRE(place.resolver == resolvers.contains(source));

    const bool nodes = policy.nodes().contains(source) && policy.nodes().contains(destination);
    const bool carrier =
        std::any_of(policy.cluster.tunnels.begin(), policy.cluster.tunnels.end(),
                    [&, p = protocol, s = selector](const Tunnel& tunnel) { return tunnel.carrier.contains(p, s); });
    REQUIRE(boundary.declared_tunnel(source, destination, protocol, selector) == (nodes && carrier));
  }
}

TEST_CASE("answers are those of decide(), for random policies") {
  Tally tally;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Policy policy = random_policy(seed);
    if (seed % 3 == 0) {  // a protocol that has a name of its own
      policy.multicast.push_back({ip_of("224.0.0.9"), "17", 17, "", {}});
      policy.multicast.push_back({ip_of("ff02::16"), "58", 58, "", {}});
    }
    check_against_decide(policy, seed, 250, tally);
  }
  for (const auto* what : {"inside-cluster", "inside-declared", "inside-undeclared", "excepted", "outside", "flow",
                           "expired", "multicast", "label"}) {
    CAPTURE(what);
    CHECK(tally[what] > 100);
  }
}

TEST_CASE("answers are those of decide(), for the policies of the golden specs") {
  Tally tally;
  const auto paths = golden_policies();
  CHECK(paths.size() >= 5);
  for (const auto& path : paths) {
    CAPTURE(path);
    check_against_decide(read_policy(path), 7, 2000, tally);
  }
  CHECK(tally["inside-declared"] > 100);
}

TEST_CASE("answers are those of decide(), where rows are many words long") {
  std::mt19937_64 engine(5);
  RandomPolicyShape shape;
  shape.workloads = 60;
  shape.endpoints = 400;
  shape.flows = 900;
  shape.exceptions = 300;
  shape.internal = 2000;
  shape.catalogue_entries = 300;
  Tally tally;
  Policy policy = random_policy(engine, shape);
  while (policy.flows.size() < 400 || policy.exceptions.size() < 100) policy = random_policy(engine, shape);
  check_against_decide(policy, 11, 1500, tally);
  CHECK(tally["flow"] > 50);
}

TEST_CASE("nested and touching sets, and the ends of the address space") {
  Policy policy = tiny_policy();
  policy.endpoints.clear();
  policy.flows.clear();
  const std::vector<std::vector<std::string_view>> sets{{"10.0.0.0/8"},         {"10.0.0.0/16", "10.1.0.0/16"},
                                                        {"10.0.1.0/24"},        {"10.0.1.128/25"},
                                                        {"255.255.255.255/32"}, {"0.0.0.0/32"},
                                                        {"ffff::/16"},          {"::/128", "fd00::/8"}};
  for (std::size_t i = 0; i < sets.size(); ++i) {
    Endpoint endpoint;
    endpoint.name = "e" + std::to_string(i);
    endpoint.role = i % 2 == 0 ? Role::Dns : Role::Other;
    endpoint.addresses = ip_set_of(sets[i]);
    endpoint.ports = tcp(443);
    policy.inside |= endpoint.addresses;
    policy.endpoints.push_back(endpoint);
  }
  for (std::size_t from = 0; from < sets.size(); ++from) {
    for (std::size_t to = 0; to < sets.size(); ++to) {
      const auto port = static_cast<std::uint16_t>(440 + from % 3);
      policy.flows.push_back(
          {{Peer::Kind::Endpoint, from}, {Peer::Kind::Endpoint, to}, tcp(port, 443), false, false, "", {}});
    }
  }
  Tally tally;
  check_against_decide(policy, 3, 5000, tally);
  CHECK(tally["flow"] > 300);
}

TEST_CASE("what places are, in the sample policy") {
  const Policy policy = sample_policy();
  const Boundary boundary(policy);
  CHECK(&boundary.policy() == &policy);
  const auto text = [&](std::string_view address) {
    const Boundary::Place place = boundary.place(ip_of(address));
    std::string words;
    if (place.inside) words += "inside ";
    if (place.cluster) words += "cluster ";
    if (place.pod) words += "pod ";
    if (place.node) words += "node ";
    if (place.resolver) words += "resolver ";
    return words;
  };
  CHECK(text("10.42.3.4") == "inside cluster pod resolver ");  // cluster DNS is pods
  CHECK(text("10.43.0.10") == "inside cluster resolver ");
  CHECK(text("10.43.0.11") == "inside cluster ");
  CHECK(text("10.10.0.7") == "inside cluster node ");
  CHECK(text("10.20.0.53") == "inside resolver ");
  CHECK(text("10.20.0.10") == "inside ");
  CHECK(text("127.0.0.1") == "inside ");
  CHECK(text("203.0.113.7") == "");
  CHECK(text("224.0.0.18") == "");
}

TEST_CASE("EtherTypes are those that are declared") {
  Policy policy = tiny_policy();
  policy.cluster.l2 = {{"vlan", 0x8100}, {"lldp", 0x88CC}};
  const Boundary boundary(policy);
  CHECK(boundary.declared_ether_type(0x8100));
  CHECK(boundary.declared_ether_type(0x88CC));
  CHECK_FALSE(boundary.declared_ether_type(0x88CB));
  CHECK_FALSE(boundary.declared_ether_type(0x0800));
}

TEST_CASE("the day of a time") {
  constexpr std::int64_t kDay = 86'400'000'000'000;
  CHECK_FALSE(day_of(kNoTime).has_value());
  CHECK(to_string(*day_of(0)) == "1970-01-01");
  CHECK(to_string(*day_of(kDay - 1)) == "1970-01-01");
  CHECK(to_string(*day_of(kDay)) == "1970-01-02");
  CHECK(to_string(*day_of(-1)) == "1969-12-31");
  CHECK(to_string(*day_of(-kDay)) == "1969-12-31");
  CHECK(to_string(*day_of(-kDay - 1)) == "1969-12-30");
  CHECK(to_string(*day_of(951'782'400 * std::int64_t{1'000'000'000})) == "2000-02-29");
  CHECK(to_string(*day_of(1'798'761'599'999'999'999)) == "2026-12-31");
  CHECK(to_string(*day_of(1'798'761'600'000'000'000)) == "2027-01-01");
  CHECK(to_string(*day_of(INT64_MAX)) == "2262-04-11");
  CHECK(to_string(*day_of(INT64_MIN + 1)) == "1677-09-21");

  // Every day that there is, by counting.
  const auto days_in = [](int year, unsigned month) {
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 ? (leap ? 29U : 28U) : month == 4 || month == 6 || month == 9 || month == 11 ? 30U : 31U;
  };
  Date date{1677, 9, 22};
  for (std::int64_t day = -106'751; day <= 106'750; ++day) {
    REQUIRE(day_of(day * kDay) == date);
    REQUIRE(day_of(day * kDay + kDay - 1) == date);
    if (++date.day > days_in(date.year, date.month)) {
      date.day = 1;
      if (++date.month > 12) {
        date.month = 1;
        ++date.year;
      }
    }
  }
}

TEST_CASE("no answer allocates") {
  const Policy policy = sample_policy();
  const Boundary boundary(policy);
  Questions ask(policy, 1);
  std::vector<Ip> addresses;
  for (int i = 0; i < 1000; ++i) addresses.push_back(ask.next().source);
  const std::string long_name = "a-rather-long-label-that-fits-no-small-buffer.xn--bcher-kva.corp.example";
  const std::string broken = "a-rather-long-label-that-fits-no-small-buffer.xn--99999999999999999.corp.example";
  constexpr std::array<std::string_view, 6> kHosts{"vllm.corp.example:8000",
                                                   "[fd00:42::1]:443",
                                                   "10.42.0.7:1",
                                                   "1.2.3.4.5.6.7.8.9.10.11",
                                                   "::1:2:3:4:5:6:7:8:9:10:11:12:13",
                                                   "fd00:42:0:0:0:0:255.255.255.255"};
  std::size_t sum = 0;
  const auto count = [&](bool answer) { sum += answer ? 1U : 0U; };
  const std::size_t before = allocations();
  for (const Ip a : addresses) {
    count(boundary.place(a).inside);
    count(boundary.inside(a));
    count(static_cast<bool>(boundary.label(a)));
    for (std::size_t i = 0; i < 3; ++i) {
      count(boundary.decide(a, addresses[i], Protocol::Tcp, 443, Date{2026, 1, 1}).decision == Decision::Outside);
      count(boundary.declared_tunnel(a, addresses[i], Protocol::Udp, 8472));
    }
  }
  count(boundary.inside_name(long_name));
  count(boundary.inside_name(broken));
  for (const std::string_view host : kHosts) count(boundary.inside_host(host));
  count(boundary.declared_ether_type(0x88CC));
  count(day_of(1'798'761'600'000'000'000).has_value());
  CHECK(allocations() - before == 0);
  CHECK(sum > 0);
}

}  // namespace
}  // namespace airtight::audit
