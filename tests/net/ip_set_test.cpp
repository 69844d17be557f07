#include "compiler/net/ip_set.h"

#include <catch2/catch.hpp>

#include "tests/net/oracle.h"

namespace airtight {
namespace {

using oracle::Random;

Prefix prefix(std::string_view text) {
  const auto parsed = Prefix::parse(text);
  INFO(text);
  REQUIRE(parsed);
  return *parsed;
}

IpSet set(std::initializer_list<std::string_view> texts) {
  std::vector<Prefix> prefixes;
  prefixes.reserve(texts.size());
  for (const std::string_view text : texts) prefixes.push_back(prefix(text));
  return IpSet::from(prefixes);
}

// 16 addresses at each end of each family, so that one 64-bit mask is a set.
class Window {
 public:
  IpSet set(std::uint64_t mask) const {
    return IpSet::from(oracle::set_of(mask & 0xFFFFFFFF, v4_), oracle::set_of(mask >> 32, v6_));
  }
  std::uint64_t mask(const IpSet& set) const {
    return oracle::mask_of(set.v4(), v4_) | oracle::mask_of(set.v6(), v6_) << 32;
  }

 private:
  std::vector<std::uint32_t> v4_ = oracle::both_ends<std::uint32_t>(16);
  std::vector<u128> v6_ = oracle::both_ends<u128>(16);
};

TEST_CASE("ip_set: random sets at both ends of both families agree with masks") {
  const Window window;
  Random random(4);
  const std::size_t pairs = oracle::cases(5'000, 1'000'000);
  const Ip middle = Ip::v4(0x0A000001);
  for (std::size_t i = 0; i < pairs; ++i) {
    const std::uint64_t x = random.coin() ? random.bits() : random.bits() & random.bits() & random.bits();
    const std::uint64_t y = random.below(8) == 0 ? x : random.bits() | (random.coin() ? x : 0);
    const IpSet a = window.set(x);
    const IpSet b = window.set(y);
    IpSet c = a;
    IpSet d = a;
    IpSet e = a;
    const bool right =
        window.mask(a) == x && window.mask(a | b) == (x | y) && window.mask(a & b) == (x & y) &&
        window.mask(a - b) == (x & ~y) && window.mask(~a) == ~x && ~~a == a && (~a).contains(middle) &&
        !(~~a).contains(middle) && a.subset_of(b) == ((x & ~y) == 0) && a.intersects(b) == ((x & y) != 0) &&
        (a == b) == (x == y) && ((a <=> b) == 0) == (x == y) && a.empty() == (x == 0) && (c |= b) == (a | b) &&
        (d &= b) == (a & b) && (e -= b) == a - b && window.mask(a.only_v4()) == (x & 0xFFFFFFFF) &&
        window.mask(a.only_v6()) == (x & ~std::uint64_t{0xFFFFFFFF}) && IpSet::from(a.prefixes()) == a &&
        IpSet::from(a.ranges()) == a && IpSet::from((~a).prefixes()) == ~a && IpSet::from((~a).ranges()) == ~a;
    if (!right) FAIL("masks " << x << " and " << y);
    const auto smallest = a.smallest();
    const bool least = x == 0 ? !smallest : smallest && a.contains(*smallest) && *smallest == a.ranges()[0].first;
    if (!least) FAIL("smallest of mask " << x);
  }
  oracle::report("pairs of address sets", pairs);
}

// The fewest aligned blocks that cover exactly the bits [first, first + size) of the mask: prefixes nest or are
// disjoint, so a block is either one prefix or the sum of its halves.
int fewest(std::uint64_t mask, int first, int size) {
  const std::uint64_t block = ((std::uint64_t{1} << size) - 1) << first;
  if ((mask & block) == 0) return 0;
  if ((mask & block) == block) return 1;
  return fewest(mask, first, size / 2) + fewest(mask, first + size / 2, size / 2);
}

template <class T>
void check_covers(T base, Ip (*address)(T)) {
  constexpr int kSize = 16;
  std::vector<T> points;
  points.reserve(kSize);
  for (int i = 0; i < kSize; ++i) points.push_back(static_cast<T>(base + static_cast<T>(i)));
  for (std::uint64_t mask = 0; mask < (std::uint64_t{1} << kSize); ++mask) {
    IpSet subset;
    if constexpr (sizeof(T) == 4) {
      subset = IpSet::from(oracle::set_of(mask, points), {});
    } else {
      subset = IpSet::from({}, oracle::set_of(mask, points));
    }
    const std::vector<Prefix> cover = subset.prefixes();
    std::uint64_t covered = 0;
    for (const Prefix& one : cover) {
      for (int i = 0; i < kSize; ++i) {
        if (!one.contains(address(points[static_cast<std::size_t>(i)]))) continue;
        if ((covered >> i & 1) != 0) FAIL("twice: mask " << mask);
        covered |= std::uint64_t{1} << i;
      }
      const Ip edge = address(points.front());
      if (one.first() < edge || one.last() > address(points.back())) FAIL("outside the window: mask " << mask);
    }
    const bool right = covered == mask && static_cast<int>(cover.size()) == fewest(mask, 0, kSize) &&
                       std::is_sorted(cover.begin(), cover.end());
    if (!right) FAIL("mask " << mask << " is covered by " << to_string(subset));
  }
}

TEST_CASE("ip_set: the prefix cover of every subset of 16 addresses is exact and minimal") {
  check_covers<std::uint32_t>(0, &Ip::v4);
  check_covers<std::uint32_t>(0xFFFFFFF0, &Ip::v4);
  check_covers<u128>(0, &Ip::v6);
  check_covers<u128>(~u128{15}, &Ip::v6);
  oracle::report("prefix covers, exhaustive", std::size_t{4} * 65536);
}

TEST_CASE("ip_set: text") {
  CHECK(to_string(IpSet()).empty());
  CHECK(to_string(IpSet::all()) == "0.0.0.0/0, ::/0");
  CHECK(to_string(~set({"0.0.0.0/1", "::/0"})) == "128.0.0.0/1");
  CHECK(to_string(IpSet::range(Ip::v4(0x0A000001), Ip::v4(0x0A000006))) ==
        "10.0.0.1/32, 10.0.0.2/31, 10.0.0.4/31, 10.0.0.6/32");
  CHECK(to_string(set({"10.0.1.0/24", "fd00::/65", "10.0.0.0/24", "fd00:0:0:0:8000::/65"})) ==
        "10.0.0.0/23, fd00::/64");
  CHECK(to_string(IpSet::all_v4() - set({"10.0.0.0/8"})) ==
        "0.0.0.0/5, 8.0.0.0/7, 11.0.0.0/8, 12.0.0.0/6, 16.0.0.0/4, 32.0.0.0/3, 64.0.0.0/2, 128.0.0.0/1");
  CHECK(to_string(IpRange{Ip::v4(1), Ip::v4(1)}) == "0.0.0.1");
  CHECK(to_string(IpRange{Ip::v6(1), Ip::v6(0xFF)}) == "::1-::ff");
}

TEST_CASE("ip_set: the largest covers") {
  CHECK(IpSet::range(Ip::v4(1), Ip::v4(0xFFFFFFFE)).prefixes().size() == 62);
  CHECK(IpSet::range(Ip::v6(1), Ip::v6(~u128{1})).prefixes().size() == 254);
  CHECK(IpSet::all().prefixes() == std::vector<Prefix>{prefix("0.0.0.0/0"), prefix("::/0")});
}

TEST_CASE("ip_set: families are apart") {
  const IpSet mapped = set({"::ffff:0.0.0.0/96"});
  CHECK_FALSE(mapped.intersects(IpSet::all_v4()));
  CHECK(mapped.subset_of(IpSet::all_v6()));
  CHECK((IpSet::all_v4() | IpSet::all_v6()) == IpSet::all());
  CHECK(~IpSet::all_v4() == IpSet::all_v6());
  CHECK(IpSet::all().is_all());
  CHECK_FALSE(IpSet::all_v6().is_all());
  CHECK(IpSet::of(prefix("10.0.0.0/8")).contains(*Ip::parse("10.255.255.255")));
  CHECK_FALSE(IpSet::of(*Ip::parse("::a00:1")).contains(*Ip::parse("10.0.0.1")));
}

}  // namespace
}  // namespace airtight
