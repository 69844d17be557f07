#include "compiler/net/interval_set.h"

#include <bitset>
#include <catch2/catch.hpp>
#include <cstdint>

#include "compiler/net/ip.h"
#include "tests/net/oracle.h"

namespace airtight {
namespace {

using oracle::Random;
using Byte = std::uint8_t;
using Bytes = IntervalSet<Byte>;
using Bitmap = std::bitset<256>;

Bitmap bitmap_of(const Bytes& set) {
  Bitmap bitmap;
  for (const Interval<Byte>& interval : set.intervals()) {
    for (unsigned value = interval.first; value <= interval.last; ++value) bitmap.set(value);
  }
  return bitmap;
}

Bytes set_of(const Bitmap& bitmap) {
  std::vector<Interval<Byte>> intervals;
  for (unsigned value = 256; value-- > 0;) {
    if (bitmap[value]) intervals.push_back({static_cast<Byte>(value), static_cast<Byte>(value)});
  }
  return Bytes::from(std::move(intervals));
}

bool is(const Bytes& set, const Bitmap& expected) { return oracle::is_canonical(set) && bitmap_of(set) == expected; }

// Every operation on one pair against bitmaps; names the first that differs.
std::string wrong_operation(const Bytes& a, const Bytes& b, const Bitmap& x, const Bitmap& y) {
  if (!is(a, x)) return "from";
  if (!is(a | b, x | y)) return "|";
  if (!is(a & b, x & y)) return "&";
  if (!is(a - b, x & ~y)) return "-";
  if (!is(~a, ~x)) return "~";
  if (a.subset_of(b) != (x & ~y).none()) return "subset_of";
  if (a.intersects(b) != (x & y).any()) return "intersects";
  if ((a == b) != (x == y)) return "==";
  if (((a <=> b) == 0) != (x == y)) return "<=>";
  if (a.empty() != x.none()) return "empty";
  if (a.is_all() != x.all()) return "is_all";
  Bytes c = a;
  if (!is(c |= b, x | y)) return "|=";
  c = a;
  if (!is(c &= b, x & y)) return "&=";
  c = a;
  if (!is(c -= b, x & ~y)) return "-=";
  return "";
}

TEST_CASE("interval_set: every pair of subsets of a window agrees with a bitmap") {
  const std::vector<std::vector<Byte>> windows{
      {0, 1, 2, 3, 4, 5, 6, 7}, {248, 249, 250, 251, 252, 253, 254, 255}, {0, 1, 2, 3, 252, 253, 254, 255}};
  std::size_t pairs = 0;
  for (const std::vector<Byte>& window : windows) {
    std::vector<Bytes> sets;
    std::vector<Bitmap> bitmaps;
    for (std::uint64_t mask = 0; mask < 256; ++mask) {
      sets.push_back(oracle::set_of(mask, window));
      bitmaps.emplace_back();
      for (std::size_t i = 0; i < window.size(); ++i) bitmaps.back()[window[i]] = (mask >> i & 1) != 0;
    }
    for (std::size_t i = 0; i < sets.size(); ++i) {
      for (std::size_t j = 0; j < sets.size(); ++j, ++pairs) {
        const std::string wrong = wrong_operation(sets[i], sets[j], bitmaps[i], bitmaps[j]);
        if (!wrong.empty()) FAIL(wrong << " of masks " << i << " and " << j << " in window from " << +window[0]);
      }
    }
  }
  CHECK(pairs == 196'608);
  oracle::report("pairs of 8-bit sets in windows, exhaustive", pairs);
}

TEST_CASE("interval_set: random sets over all 256 values agree with a bitmap") {
  Random random(20261125);
  const auto random_bitmap = [&] {
    Bitmap bitmap;
    const bool runs = random.coin();
    if (runs) {
      for (std::size_t n = random.below(9); n > 0; --n) {
        const std::size_t first = random.below(256);
        for (std::size_t i = first, end = std::min<std::size_t>(256, first + 1 + random.below(60)); i < end; ++i) {
          bitmap.set(i);
        }
      }
    } else {
      for (std::size_t i = 0; i < 256; ++i) bitmap[i] = random.coin();
    }
    return bitmap;
  };
  const std::size_t pairs = oracle::cases(5'000, 1'000'000);
  for (std::size_t i = 0; i < pairs; ++i) {
    const Bitmap x = random_bitmap();
    const Bitmap y = random.below(8) == 0 ? x : random_bitmap();
    const std::string wrong = wrong_operation(set_of(x), set_of(y), x, y);
    if (!wrong.empty()) FAIL(wrong << " in pair " << i);
  }
  oracle::report("pairs of random 8-bit sets", pairs);
}

TEST_CASE("interval_set: from() takes any order, overlaps and neighbours") {
  Random random(7);
  const std::size_t lists = oracle::cases(5'000, 500'000);
  for (std::size_t i = 0; i < lists; ++i) {
    std::vector<Interval<Byte>> intervals;
    Bitmap expected;
    for (std::size_t n = random.below(12); n > 0; --n) {
      const auto a = static_cast<Byte>(random.below(256));
      const auto b = static_cast<Byte>(random.coin() ? random.below(256) : a);
      intervals.push_back({std::min(a, b), std::max(a, b)});
      for (unsigned value = std::min(a, b); value <= std::max(a, b); ++value) expected.set(value);
    }
    if (!is(Bytes::from(intervals), expected)) FAIL("list " << i);
  }
  oracle::report("lists of random 8-bit intervals", lists);
}

TEMPLATE_TEST_CASE("interval_set: both ends of a wide space agree with masks", "", std::uint16_t, std::uint32_t, u128) {
  using Set = IntervalSet<TestType>;
  const auto points = oracle::both_ends<TestType>(16);
  Random random(99);
  const std::size_t pairs = oracle::cases(3'000, 300'000);
  const std::uint64_t window = (std::uint64_t{1} << points.size()) - 1;
  const auto middle = static_cast<TestType>(Set::kMax / 2);
  for (std::size_t i = 0; i < pairs; ++i) {
    const std::uint64_t x = random.bits() & window;
    const std::uint64_t y = random.bits() & window;
    const Set a = oracle::set_of(x, points);
    const Set b = oracle::set_of(y, points);
    const bool right = oracle::mask_of(a | b, points) == (x | y) && oracle::mask_of(a & b, points) == (x & y) &&
                       oracle::mask_of(a - b, points) == (x & ~y) && oracle::mask_of(~a, points) == (~x & window) &&
                       a.subset_of(b) == ((x & ~y) == 0) && a.intersects(b) == ((x & y) != 0) && ~~a == a &&
                       (~a).contains(middle) && !(a | b).contains(middle) && (a | ~a).is_all() && (a & ~a).empty() &&
                       (a & Set::all()) == a && a - Set::all() == Set() && ~(a | b) == (~a & ~b) &&
                       oracle::is_canonical(a | b) && oracle::is_canonical(a & b) && oracle::is_canonical(a - b) &&
                       oracle::is_canonical(~a);
    if (!right) FAIL("masks " << x << " and " << y);
  }
  oracle::report("pairs at both ends of a wide space", pairs);
}

TEST_CASE("interval_set: a small operand meets a large one") {
  std::vector<Interval<std::uint32_t>> odd;
  for (std::uint32_t i = 0; i < 100'000; ++i) odd.push_back({4 * i + 1, 4 * i + 2});
  const auto large = IntervalSet<std::uint32_t>::from(odd);
  const auto small = IntervalSet<std::uint32_t>::of(200'000, 200'005);
  const std::vector<Interval<std::uint32_t>> expected{{200'001, 200'002}, {200'005, 200'005}};
  CHECK((small & large) == IntervalSet<std::uint32_t>::from(expected));
  CHECK((large & small) == IntervalSet<std::uint32_t>::from(expected));
  CHECK(small.intersects(large));
  CHECK(large.intersects(small));
  CHECK_FALSE(small.subset_of(large));
  CHECK(IntervalSet<std::uint32_t>::of(399'997, 399'998).subset_of(large));
  CHECK_FALSE(IntervalSet<std::uint32_t>::of(400'000).intersects(large));
}

TEST_CASE("interval_set: ordering is by interval, so that sets can be keys") {
  CHECK(Bytes() < Bytes::of(0));
  CHECK(Bytes::of(1) < Bytes::of(1, 2));
  CHECK(Bytes::of(1, 9) < Bytes::of(2));
}

}  // namespace
}  // namespace airtight
