#include "compiler/net/traffic_set.h"

#include <bitset>
#include <catch2/catch.hpp>

#include "tests/net/oracle.h"

namespace airtight {
namespace {

using oracle::Random;

// The first and last four selectors of each protocol: 48 bits are a service set.
class ServiceWindow {
 public:
  static constexpr std::size_t kBits = 48;
  static constexpr std::uint64_t kAll = (std::uint64_t{1} << kBits) - 1;

  static Protocol protocol(std::size_t bit) { return kProtocols[bit / 8]; }
  static std::uint16_t selector(std::size_t bit) {
    const auto i = static_cast<std::uint16_t>(bit % 8);
    const unsigned top = protocol(bit) == Protocol::Other ? 255 : 65535;
    return i < 4 ? i : static_cast<std::uint16_t>(top - (7U - i));
  }
  static ServiceSet set(std::uint64_t mask) {
    ServiceSet set;
    for (std::size_t bit = 0; bit < kBits; ++bit) {
      if ((mask >> bit & 1) != 0) set |= ServiceSet::of(protocol(bit), PortSet::of(selector(bit)));
    }
    return set;
  }
  static std::uint64_t mask(const ServiceSet& set) {
    std::uint64_t mask = 0;
    for (std::size_t bit = 0; bit < kBits; ++bit) {
      if (set.contains(protocol(bit), selector(bit))) mask |= std::uint64_t{1} << bit;
    }
    return mask;
  }
};

TEST_CASE("service_set: random sets at both ends of each protocol agree with masks") {
  Random random(11);
  const std::size_t pairs = oracle::cases(5'000, 500'000);
  for (std::size_t i = 0; i < pairs; ++i) {
    const std::uint64_t x = random.bits() & (random.coin() ? random.bits() : ServiceWindow::kAll) & ServiceWindow::kAll;
    const std::uint64_t y = (random.below(8) == 0 ? x : random.bits() | (random.coin() ? x : 0)) & ServiceWindow::kAll;
    const ServiceSet a = ServiceWindow::set(x);
    const ServiceSet b = ServiceWindow::set(y);
    ServiceSet c = a;
    ServiceSet d = a;
    ServiceSet e = a;
    const bool right = ServiceWindow::mask(a) == x && ServiceWindow::mask(a | b) == (x | y) &&
                       ServiceWindow::mask(a & b) == (x & y) && ServiceWindow::mask(a - b) == (x & ~y) &&
                       ServiceWindow::mask(~a) == (~x & ServiceWindow::kAll) && ~~a == a && (a | ~a).is_all() &&
                       (a & ~a).empty() && a.subset_of(b) == ((x & ~y) == 0) && a.intersects(b) == ((x & y) != 0) &&
                       (a == b) == (x == y) && ((a <=> b) == 0) == (x == y) && a.empty() == (x == 0) && !a.is_all() &&
                       (c |= b) == (a | b) && (d &= b) == (a & b) && (e -= b) == a - b &&
                       (~a).ports(Protocol::Other).subset_of(PortSet::of(0, 255));
    if (!right) FAIL("masks " << x << " and " << y);
  }
  oracle::report("pairs of service sets", pairs);
}

TEST_CASE("service_set: text") {
  const auto ports = [](Protocol protocol, std::vector<Interval<std::uint16_t>> selectors) {
    return ServiceSet::of(protocol, PortSet::from(std::move(selectors)));
  };
  const struct {
    ServiceSet services;
    std::string_view text;
  } rows[] = {
      {ServiceSet(), "none"},
      {ServiceSet::all(), "any"},
      {ServiceSet::protocol(Protocol::Tcp), "tcp"},
      {ports(Protocol::Tcp, {{443, 443}, {8000, 8100}}) | ports(Protocol::Udp, {{53, 53}}) |
           ServiceSet::protocol(Protocol::Icmp),
       "443/tcp, 8000-8100/tcp, 53/udp, icmp"},
      {ports(Protocol::Sctp, {{0, 65534}}), "0-65534/sctp"},
      {ports(Protocol::Icmp, {{8 * 256, 8 * 256}}), "icmp type 8 code 0"},
      {ports(Protocol::Icmp, {{8 * 256, 8 * 256 + 255}}), "icmp type 8"},
      {ports(Protocol::Icmp, {{3 * 256 + 4, 5 * 256 + 1}}),
       "icmp type 3 code 4-255, icmp type 4, icmp type 5 code 0-1"},
      {ports(Protocol::Icmpv6, {{133 * 256, 136 * 256 + 255}}), "icmpv6 type 133-136"},
      {ports(Protocol::Icmpv6, {{255 * 256 + 7, 65535}}), "icmpv6 type 255 code 7-255"},
      {ports(Protocol::Other, {{50, 51}, {112, 112}}), "protocol 50-51, protocol 112"},
      {ServiceSet::protocol(Protocol::Other), "other"},
      {~ServiceSet::protocol(Protocol::Other), "tcp, udp, sctp, icmp, icmpv6"},
  };
  for (const auto& row : rows) CHECK(to_string(row.services) == row.text);
}

bool is_canonical(const TrafficSet& set) {
  const auto products = set.products();
  for (std::size_t i = 0; i < products.size(); ++i) {
    if (products[i].addresses.empty() || products[i].services.empty()) return false;
    for (std::size_t j = 0; j < i; ++j) {
      if (products[i].addresses.intersects(products[j].addresses)) return false;
      if (products[i].services == products[j].services) return false;
    }
    if (i > 0 && !(products[i - 1].addresses < products[i].addresses)) return false;
  }
  return true;
}

const std::vector<Ip>& window_addresses() {
  static const std::vector<Ip> addresses{Ip::v4(0),          Ip::v4(1), Ip::v4(2), Ip::v4(0xFFFFFFFE),
                                         Ip::v4(0xFFFFFFFF), Ip::v6(0), Ip::v6(1), Ip::v6(~u128{0})};
  return addresses;
}

TEST_CASE("traffic_set: every pair over four addresses and two services agrees with masks") {
  const std::vector<Ip> addresses{Ip::v4(0), Ip::v4(1), Ip::v6(~u128{1}), Ip::v6(~u128{0})};
  const std::vector<ServiceSet> services{ServiceSet::of(Protocol::Tcp, PortSet::of(65535)),
                                         ServiceSet::of(Protocol::Udp, PortSet::of(0))};
  const auto mask_of = [&](const TrafficSet& set) {
    unsigned mask = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      if (set.contains(addresses[i], Protocol::Tcp, 65535)) mask |= 1U << (2 * i);
      if (set.contains(addresses[i], Protocol::Udp, 0)) mask |= 2U << (2 * i);
    }
    return mask;
  };
  std::vector<TrafficSet> sets;
  for (unsigned mask = 0; mask < 256; ++mask) {
    std::vector<TrafficSet::Product> products;
    for (std::size_t bit = 0; bit < 8; ++bit) {
      if ((mask >> bit & 1) != 0) products.push_back({IpSet::of(addresses[bit / 2]), services[bit % 2]});
    }
    sets.push_back(TrafficSet::from(std::move(products)));
    REQUIRE(is_canonical(sets.back()));
    REQUIRE(mask_of(sets.back()) == mask);
    const TrafficSet complement = ~sets.back();
    REQUIRE(is_canonical(complement));
    REQUIRE(mask_of(complement) == (~mask & 0xFFU));
    REQUIRE(~complement == sets.back());
    REQUIRE((complement | sets.back()) == TrafficSet::all());
  }
  for (unsigned x = 0; x < 256; ++x) {
    for (unsigned y = 0; y < 256; ++y) {
      const bool right = (sets[x] | sets[y]) == sets[x | y] && (sets[x] & sets[y]) == sets[x & y] &&
                         sets[x] - sets[y] == sets[x & ~y] && sets[x].subset_of(sets[y]) == ((x & ~y) == 0) &&
                         sets[x].intersects(sets[y]) == ((x & y) != 0) && (sets[x] == sets[y]) == (x == y);
      if (!right) FAIL("masks " << x << " and " << y);
    }
  }
  oracle::report("pairs of traffic sets, exhaustive", std::size_t{256} * 256);
}

using Model = std::bitset<8 * ServiceWindow::kBits>;  // window_addresses() × ServiceWindow

TEST_CASE("traffic_set: random products agree with a bitmap") {
  const std::vector<Ip>& addresses = window_addresses();
  Random random(5);
  const auto model_of = [&](const TrafficSet& set) {
    Model model;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      const ServiceSet services = set.services_to(addresses[i]);
      for (std::size_t bit = 0; bit < ServiceWindow::kBits; ++bit) {
        const bool in = set.contains(addresses[i], ServiceWindow::protocol(bit), ServiceWindow::selector(bit));
        if (in != services.contains(ServiceWindow::protocol(bit), ServiceWindow::selector(bit))) FAIL("services_to");
        model[i * ServiceWindow::kBits + bit] = in;
      }
    }
    return model;
  };
  // A few service masks occur again and again, as in real policies.
  const auto random_products = [&](Model& model) {
    std::vector<TrafficSet::Product> products;
    for (std::size_t n = random.below(6); n > 0; --n) {
      IpSet to;
      const std::uint64_t chosen = random.bits() & 0xFF;
      for (std::size_t i = 0; i < addresses.size(); ++i) {
        if ((chosen >> i & 1) != 0) to |= IpSet::of(addresses[i]);
      }
      Random again(random.below(5));
      const std::uint64_t services = random.coin() ? again.bits() & ServiceWindow::kAll : random.bits() & 0xF0F;
      for (std::size_t i = 0; i < addresses.size(); ++i) {
        for (std::size_t bit = 0; bit < ServiceWindow::kBits; ++bit) {
          if ((chosen >> i & 1) != 0 && (services >> bit & 1) != 0) model.set(i * ServiceWindow::kBits + bit);
        }
      }
      products.push_back({std::move(to), ServiceWindow::set(services)});
    }
    return products;
  };
  const Ip outside_window = Ip::v6(u128{1} << 100);
  const std::size_t pairs = oracle::cases(400, 50'000);
  for (std::size_t n = 0; n < pairs; ++n) {
    Model x;
    Model y;
    const TrafficSet a = TrafficSet::from(random_products(x));
    const TrafficSet b = TrafficSet::from(random_products(y));
    TrafficSet c = a;
    TrafficSet d = a;
    TrafficSet e = a;
    const bool right = model_of(a) == x && model_of(a | b) == (x | y) && model_of(a & b) == (x & y) &&
                       model_of(a - b) == (x & ~y) && model_of(~a) == ~x && ~~a == a && (c |= b) == (a | b) &&
                       (d &= b) == (a & b) && (e -= b) == a - b && a.subset_of(b) == (x & ~y).none() &&
                       a.intersects(b) == (x & y).any() && (a == b) == (x == y) && a.empty() == x.none() &&
                       (a - b | (a & b)) == a && ~(a | b) == (~a & ~b) && (~a).services_to(outside_window).is_all() &&
                       is_canonical(a) && is_canonical(a | b) && is_canonical(a & b) && is_canonical(a - b) &&
                       is_canonical(~a);
    if (!right) FAIL("pair " << n);
    IpSet reached;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      if (!a.services_to(addresses[i]).empty()) reached |= IpSet::of(addresses[i]);
    }
    if (a.addresses() != reached) FAIL("addresses of pair " << n);
  }
  oracle::report("pairs of random traffic sets", pairs);
}

TEST_CASE("traffic_set: products with equal services join, whatever the order") {
  const ServiceSet web = ServiceSet::of(Protocol::Tcp, PortSet::of(443));
  const ServiceSet dns = ServiceSet::of(Protocol::Udp, PortSet::of(53));
  const IpSet a = IpSet::of(*Prefix::parse("10.0.0.0/25"));
  const IpSet b = IpSet::of(*Prefix::parse("10.0.0.128/25"));
  const TrafficSet joined =
      TrafficSet::from({{a, web}, {b, web}, {b, dns}, {a, dns}, {IpSet(), dns}, {a, ServiceSet()}});
  REQUIRE(joined.products().size() == 1);
  CHECK(to_string(joined.products()[0].addresses) == "10.0.0.0/24");
  CHECK(to_string(joined.products()[0].services) == "443/tcp, 53/udp");
  CHECK(TrafficSet::of(IpSet(), web).empty());
  CHECK(TrafficSet::of(a, ServiceSet()).empty());
  CHECK((joined - TrafficSet::of(a, web)) == TrafficSet::from({{a, dns}, {b, web | dns}}));
}

TEST_CASE("traffic_set: 100,000 prefixes over 200 service sets") {
  std::vector<TrafficSet::Product> products;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    const Ip first = i % 2 == 0 ? Ip::v4(i << 9) : Ip::v6(u128{i} << 64);
    const auto port = static_cast<std::uint16_t>(1000 + i % 200);
    products.push_back({IpSet::of(Prefix::containing(first, width(first.family()) - 8)),
                        ServiceSet::of(Protocol::Tcp, PortSet::of(port))});
  }
  const TrafficSet set = TrafficSet::from(std::move(products));
  CHECK(set.products().size() == 200);
  CHECK(set.addresses().ranges().size() == 100'000);
  const TrafficSet rest = ~set;
  CHECK(rest.products().size() == 201);
  CHECK(~rest == set);
  CHECK((set & rest).empty());
  CHECK((set | rest) == TrafficSet::all());
  CHECK(set.subset_of(TrafficSet::all()));
  CHECK_FALSE(set.intersects(rest));
}

}  // namespace
}  // namespace airtight
