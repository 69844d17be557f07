#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <random>

#include "tests/verify/firewall/hand_made.h"

namespace airtight::verify {
namespace {

using namespace hand_made;

std::size_t times(std::size_t usual) {
  const char* factor = std::getenv("AIRTIGHT_LONG");
  return usual * (factor ? std::max<std::size_t>(std::strtoul(factor, nullptr, 10), 1) : 1);
}

// A world of three fields that imply nothing, with five values each; the last stands for all others.
constexpr std::array kWorld{Field::SkbProtocol, Field::Mark, Field::Length};
constexpr unsigned kOthers = 4;
using Point = std::array<unsigned, kWorld.size()>;

template <class Visit>
void each_point(const Visit& visit) {
  for (unsigned a = 0; a <= kOthers; ++a)
    for (unsigned b = 0; b <= kOthers; ++b)
      for (unsigned c = 0; c <= kOthers; ++c) visit(Point{a, b, c});
}

bool has(const Box& box, const Point& point) {
  for (std::size_t i = 0; i < kWorld.size(); ++i)
    if (!box.values(kWorld[i]).contains(point[i])) return false;
  return true;
}
std::size_t count(const PacketSet& set, const Point& point) {
  return static_cast<std::size_t>(
      std::count_if(set.boxes().begin(), set.boxes().end(), [&](const Box& box) { return has(box, point); }));
}

class RandomSets {
 public:
  explicit RandomSets(unsigned seed) : random_(seed) {}
  std::size_t below(std::size_t n) { return random_() % n; }

  Box box() {
    Box made;
    for (const Field field : kWorld) {
      if (below(3) == 0) continue;
      Values values;
      for (unsigned v = 0; v < kOthers; ++v)
        if (below(2)) values |= Values::of(v);
      if (values.empty() || below(4) == 0) values |= universe(field) - Values::of(0, kOthers - 1);
      REQUIRE(made.constrain(field, values));
    }
    return made;
  }
  std::vector<Box> boxes() {
    std::vector<Box> made;
    for (std::size_t n = below(5); n > 0; --n) made.push_back(box());
    return made;
  }

 private:
  std::mt19937 random_;
};

TEST_CASE("packet sets: the algebra agrees with membership, point by point") {
  RandomSets random(1);
  for (std::size_t n = times(500); n > 0; --n) {
    const std::vector<Box> boxes_a = random.boxes();
    const std::vector<Box> boxes_b = random.boxes();
    const PacketSet a = PacketSet::of(std::span<const Box>(boxes_a));
    const PacketSet b = PacketSet::of(std::span<const Box>(boxes_b));
    PacketSet rest = a;
    const PacketSet hit = rest.take(boxes_b);
    const PacketSet free = a.released(Field::Mark);
    const PacketSet either = a | b;
    std::vector<Box> merged(either.boxes().begin(), either.boxes().end());
    const std::size_t before = merged.size();
    Box::merge(merged);
    REQUIRE(merged.size() <= before);
    bool subset = true;
    each_point([&](const Point& point) {
      const auto in = [&](const std::vector<Box>& boxes) {
        return std::any_of(boxes.begin(), boxes.end(), [&](const Box& box) { return has(box, point); });
      };
      const std::size_t in_a = in(boxes_a);
      const std::size_t in_b = in(boxes_b);
      subset = subset && in_a <= in_b;
      bool with_any_mark = false;
      for (unsigned mark = 0; mark <= kOthers; ++mark)
        with_any_mark = with_any_mark || count(a, {point[0], mark, point[2]}) > 0;
      CHECK(count(a, point) == in_a);  // 0 or 1: the boxes are disjoint
      CHECK(count(either, point) == (in_a | in_b));
      CHECK(count(a & b, point) == (in_a & in_b));
      CHECK(count(a - b, point) == (in_a & (1 - in_b)));
      CHECK(count(hit, point) == (in_a & in_b));
      CHECK(count(rest, point) == (in_a & (1 - in_b)));
      CHECK(count(free, point) == with_any_mark);
      CHECK(static_cast<std::size_t>(std::count_if(merged.begin(), merged.end(),
                                                   [&](const Box& box) { return has(box, point); })) == (in_a | in_b));
    });
    CHECK(a.subset_of(b) == subset);
  }
}

TEST_CASE("boxes: intersection, inclusion and equality agree with membership") {
  RandomSets random(2);
  for (std::size_t n = times(1'000); n > 0; --n) {
    const Box a = random.box();
    const Box b = random.box();
    const std::optional<Box> both = a & b;
    bool meet = false;
    bool inside = true;
    bool equal = true;
    each_point([&](const Point& point) {
      meet = meet || (has(a, point) && has(b, point));
      inside = inside && (!has(a, point) || has(b, point));
      equal = equal && has(a, point) == has(b, point);
      if (both) CHECK(has(*both, point) == (has(a, point) && has(b, point)));
    });
    CHECK(both.has_value() == meet);
    CHECK(a.intersects(b) == meet);
    CHECK(a.subset_of(b) == inside);
    CHECK((a == b) == equal);
  }
}

TEST_CASE("boxes: a match by name implies the header, and its complement has the packets without") {
  struct Row {
    Field field;
    Field guard;
    Values needs;
  };
  const Values ip = several({0x0800, 0x86dd});
  const Values ported = several({6, 17, 33, 132, 136});
  for (const Row& row :
       {Row{Field::Ip4Source, Field::EtherType, one(0x0800)}, Row{Field::Ip4Destination, Field::EtherType, one(0x0800)},
        Row{Field::Ip4VersionLength, Field::EtherType, one(0x0800)},
        Row{Field::Ip4SourceRoute, Field::EtherType, one(0x0800)},
        Row{Field::Ip4Fragment, Field::EtherType, one(0x0800)}, Row{Field::Ip6Source, Field::EtherType, one(0x86dd)},
        Row{Field::Ip6Destination, Field::EtherType, one(0x86dd)},
        Row{Field::Ip6Routing, Field::EtherType, one(0x86dd)}, Row{Field::Ip6NextHeader, Field::EtherType, one(0x86dd)},
        Row{Field::Ip6SecondHeader, Field::EtherType, one(0x86dd)}, Row{Field::HopLimit, Field::EtherType, ip},
        Row{Field::Protocol, Field::EtherType, ip}, Row{Field::SourcePort, Field::EtherType, ip},
        Row{Field::SourcePort, Field::Protocol, ported}, Row{Field::DestinationPort, Field::Protocol, ported},
        Row{Field::TcpFlags, Field::Protocol, one(6)}, Row{Field::IcmpTypeCode, Field::Protocol, one(1)},
        Row{Field::Icmpv6TypeCode, Field::Protocol, one(58)}, Row{Field::Icmpv6TypeCode, Field::EtherType, ip}}) {
    INFO(to_string(row.field));
    const Box match = box({{row.field, one(1)}});
    CHECK(match.values(row.guard) == row.needs);
    Box without;
    REQUIRE(without.constrain(row.guard, universe(row.guard) - row.needs));
    const PacketSet rest = PacketSet::all() - PacketSet::of(match);
    CHECK(PacketSet::of(without).subset_of(rest));
    CHECK((rest & PacketSet::of(match)).empty());
    CHECK_FALSE(without.constrain(row.field, one(1)));
  }
  for (const Field field : {Field::State, Field::Mark, Field::OutInterface, Field::EthDestination, Field::SkbProtocol,
                            Field::ConntrackDnat, Field::LocalDestination})
    CHECK(box({{field, one(1)}}).constraints().size() == 1);
}

TEST_CASE("boxes: a match on every port still needs one, so fragments get past it") {
  const Box tcp = box({{Field::Protocol, one(6)}});
  const Box every_port = box({{Field::Protocol, one(6)}, {Field::DestinationPort, Values::of(0, 0xffff)}});
  const PacketSet rest = PacketSet::of(tcp) - PacketSet::of(every_port);
  REQUIRE(rest.boxes().size() == 1);
  CHECK(rest.boxes()[0].values(Field::DestinationPort) == one(kAbsent));
  CHECK(project_destinations(rest) == TrafficSet::of(IpSet::all(), ServiceSet::protocol(Protocol::Tcp)));
  // The reader of "!= 443" may take the complement in the universe: absent is not meant.
  CHECK(box({{Field::DestinationPort, universe(Field::DestinationPort) - one(443)}}).values(Field::DestinationPort) ==
        Values::of(0, 0xffff) - one(443));
}

TEST_CASE("boxes: constraints are sorted, the whole universe is none, values out of reach are cut off") {
  Box made;
  REQUIRE(made.constrain(Field::State, one(1)));
  REQUIRE(made.constrain(Field::Protocol, universe(Field::Protocol)));
  REQUIRE(made.constrain(Field::Mark, Values::of(7, u128{1} << 40)));
  std::vector<Field> fields;
  for (const auto& [field, values] : made.constraints()) fields.push_back(field);
  CHECK(fields == std::vector{Field::EtherType, Field::State, Field::Mark});
  CHECK(made.values(Field::Mark) == Values::of(7, 0xffff'ffff));
  CHECK(made.is_free(Field::Protocol));
  CHECK(made.values(Field::Protocol) == Values::of(0, 255));
  CHECK_FALSE(made.constrain(Field::State, one(9)));
  made.release(Field::State);
  CHECK(made.is_free(Field::State));
}

TEST_CASE("interfaces: names and prefixes as numbers") {
  const auto padded = [](std::string_view name) {
    u128 value = 0;
    for (std::size_t i = 0; i < 16; ++i)
      value = value << 8 | (i < name.size() ? static_cast<unsigned char>(name[i]) : 0U);
    return value;
  };
  CHECK(interface_values("eth0") == Values::of(padded("eth0")));
  CHECK(interface_values("").contains(0));
  CHECK(interface_values("*") == universe(Field::InInterface));
  CHECK(interface_values("a\\*") == Values::of(padded("a*")));
  CHECK(interface_values("abcdefghijklmno") == Values::of(padded("abcdefghijklmno")));
  CHECK(interface_values("abcdefghijklmnop").empty());
  const Values cali = interface_values("cali*");
  CHECK(cali.contains(padded("cali")));
  CHECK(cali.contains(padded("cali1234")));
  CHECK_FALSE(cali.contains(padded("calj")));
  CHECK_FALSE(cali.contains(padded("cal")));
  CHECK(interface_values("cali1").subset_of(cali));
}

TEST_CASE("packet sets: to and from addresses and services") {
  const IpSet to = IpSet::of(*Prefix::parse("203.0.113.0/24")) | IpSet::of(*Prefix::parse("2001:db8::/32"));
  const auto services = {
      ServiceSet::all(),
      ServiceSet::of(Protocol::Tcp, PortSet::of(443)),
      ServiceSet::of(Protocol::Tcp, PortSet::of(443)) | ServiceSet::protocol(Protocol::Udp) |
          ServiceSet::of(Protocol::Other, PortSet::of(47, 50)),
      ServiceSet::of(Protocol::Icmp, PortSet::of(8 * 256)) | ServiceSet::protocol(Protocol::Icmpv6),
      ServiceSet::of(Protocol::Sctp, PortSet::of(1, 10)),
      ~ServiceSet::of(Protocol::Tcp, PortSet::of(0, 1023)),
  };
  for (const ServiceSet& service : services) {
    INFO(to_string(service));
    const PacketSet set = PacketSet::destined(to, service);
    CHECK(project_destinations(set) == TrafficSet::of(to, service));
    CHECK(project_sources(set) == TrafficSet::of(IpSet::all(), service));
  }
  CHECK(project_sources(PacketSet::sourced(to)) == TrafficSet::of(to, ServiceSet::all()));
  CHECK(project_destinations(PacketSet::all()) == TrafficSet::all());
  CHECK(PacketSet::destined({}, ServiceSet::all()).empty());
  CHECK(PacketSet::destined(to, {}).empty());
  CHECK(same(PacketSet::destined(IpSet::all(), ServiceSet::all()),
             PacketSet::of(box({{Field::EtherType, several({0x0800, 0x86dd})}}))));
  CHECK(project_destinations(PacketSet::of(box({{Field::EtherType, one(0x0806)}}))).empty());
}

TEST_CASE("packet sets: too many boxes are a superset, and it is said") {
  static constexpr unsigned kSide = 150;
  static_assert(kSide * kSide > kMaxBoxes);
  const auto diagonal = [&](Field a, Field b) {
    PacketSet set;
    for (unsigned i = 0; i < kSide; ++i) set |= PacketSet::of(box({{a, one(i)}, {b, one(i)}}));
    REQUIRE_FALSE(set.too_many());
    REQUIRE(set.boxes().size() == kSide);
    return set;
  };
  const PacketSet a = diagonal(Field::Mark, Field::SkbProtocol);
  const PacketSet b = diagonal(Field::Length, Field::PacketType);
  const PacketSet both = a & b;
  CHECK(both.too_many());
  CHECK(both.boxes().size() <= kMaxBoxes);
  const PacketSet corner = PacketSet::of(box({{Field::Mark, one(149)},
                                              {Field::SkbProtocol, one(149)},
                                              {Field::Length, one(149)},
                                              {Field::PacketType, one(149)}}));
  CHECK_FALSE((corner & both).empty());
  PacketSet rest = a;
  CHECK(rest.take(b.boxes()).too_many());
  CHECK(rest.too_many());
  CHECK((a - PacketSet::of(rest.boxes())).empty());
  REQUIRE(rest.boxes().size() == 1);  // a box around all, no more than that
  CHECK(rest.boxes()[0].values(Field::Mark) == Values::of(0, kSide - 1));
  CHECK(rest.boxes()[0].is_free(Field::Length));
  // What is too large is not taken away, and the mark stays.
  CHECK((PacketSet::all() - both).boxes().front() == Box());
  CHECK_FALSE(corner.subset_of(both));
  CHECK((PacketSet::all() - both).too_many());
  CHECK((both & corner).too_many());
  CHECK((corner | both).too_many());
}

TEST_CASE("one packet of a box: what a host would send, where there is a choice") {
  const auto value = [](const Box& made, Field field) {
    REQUIRE(made.values(field).intervals().size() == 1);
    REQUIRE(made.values(field).intervals()[0].first == made.values(field).intervals()[0].last);
    return static_cast<std::uint64_t>(made.values(field).intervals()[0].first);
  };
  const Box made = smallest(box({{Field::EtherType, several({0x0800, 0x86dd})},
                                 {Field::Protocol, Values::of(0, 254)},
                                 {Field::State, Values::of(0, 3)}}));
  CHECK(value(made, Field::EtherType) == 0x0800);
  CHECK(value(made, Field::Protocol) == 6);
  CHECK(value(made, Field::State) == 1);
  CHECK(made.is_free(Field::Ip4Destination));
  const Box addressed =
      smallest(box({{Field::Ip4Destination, Values::of(0, 0xfffffff0)}, {Field::DestinationPort, Values::of(0, 80)}}));
  CHECK(value(addressed, Field::Ip4Destination) == 0x01000000);
  CHECK(value(addressed, Field::DestinationPort) == 1);
  CHECK(value(smallest(box({{Field::Ip4Destination, v4("0.0.0.0/8")}})), Field::Ip4Destination) == 0);
  PacketSet set = PacketSet::of(box({{Field::Ip6Destination, v6("2001:db8::/32")}}));
  set |= PacketSet::of(box({{Field::Ip4Destination, v4("203.0.113.0/24")}, {Field::Protocol, one(47)}}));
  set |= PacketSet::of(box({{Field::Ip4Destination, v4("203.0.113.0/24")}, {Field::Protocol, one(17)}}));
  CHECK(value(smallest(set), Field::Ip4Destination) == 0xcb007100);
  CHECK(value(smallest(set), Field::Protocol) == 17);
}

TEST_CASE("packet sets in words") {
  const auto not_in = [](std::string_view prefix) {
    return PacketSet::destined(~IpSet::of(*Prefix::parse(prefix)), ServiceSet::all());
  };
  const auto with = [](const PacketSet& set, const Fields& match) { return set & PacketSet::of(box(match)); };
  const PacketSet host =
      PacketSet::destined(IpSet::of(*Prefix::parse("203.0.113.7/32")), ServiceSet::of(Protocol::Tcp, PortSet::of(443)));
  struct Row {
    PacketSet set;
    std::string words;
  };
  const std::vector<Row> rows{
      {{}, "nothing"},
      {PacketSet::all(), "every packet"},
      {with(not_in("fd00::/8"), {{Field::EtherType, one(0x86dd)}, {Field::State, one(2)}}),
       "all of IPv6 except fd00::/8, any protocol, state established"},
      {not_in("fd00::/8"), "all of IPv4 and all of IPv6 except fd00::/8, any protocol"},
      {host, "203.0.113.7/32, 443/tcp"},
      {with(host, {{Field::OutInterface, interface_values("eth0") | interface_values("ens*")}}),
       "203.0.113.7/32, 443/tcp, out by ens*, eth0"},
      {with(host, {{Field::Ip4Source, v4("10.0.0.0/8")}, {Field::Mark, one(0x61697274)}}),
       "203.0.113.7/32, 443/tcp, from 10.0.0.0/8, mark 0x61697274"},
      {with(host, {{Field::Mark, universe(Field::Mark) - one(5)}}), "203.0.113.7/32, 443/tcp, mark not 0x5"},
      {with(host, {{Field::Ip4SourceRoute, one(0)}, {Field::Ip4VersionLength, one(0x45)}}), "203.0.113.7/32, 443/tcp"},
      {with(host, {{Field::Ip4SourceRoute, one(1)}, {Field::State, several({1, 3})}}),
       "203.0.113.7/32, 443/tcp, IPv4 source route 1, state new, related"},
      {with(host, {{Field::SourcePort, Values::of(1, 1023)}, {Field::HopLimit, one(255)}}),
       "203.0.113.7/32, 443/tcp, hop limit 255, source port 1-1023"},
      {PacketSet::of(box({{Field::EtherType, several({0x0806, 0x88cc})}})), "frames of EtherType 0x0806, 0x88cc"},
      {PacketSet::of(box({{Field::EtherType, universe(Field::EtherType) - several({0x0800, 0x86dd})}})),
       "every frame that is not IP"},
      {PacketSet::of(box({{Field::EtherType, universe(Field::EtherType) - several({0x0800, 0x86dd, 0x0806})},
                          {Field::EthDestination, Values::of(0x026169727400)}})),
       "every frame that is not IP except EtherType 0x0806, to MAC 02:61:69:72:74:00"},
      {host | PacketSet::of(box({{Field::EtherType, one(0x0806)}})),
       "203.0.113.7/32, 443/tcp; frames of EtherType 0x0806"},
  };
  for (const Row& row : rows) CHECK(describe(row.set) == row.words);
  // Of the set, not of its boxes.
  const PacketSet cut = with(not_in("10.0.0.0/8"), {{Field::Mark, one(1)}}) |
                        with(not_in("10.0.0.0/8"), {{Field::Mark, universe(Field::Mark) - one(1)}});
  CHECK(describe(cut) == describe(not_in("10.0.0.0/8")));
}

}  // namespace
}  // namespace airtight::verify
