// Set operations on 128-bit values, proved by Z3: for every x, membership in the result is the formula over membership
// in the operands. Counts are raised by AIRTIGHT_LONG.
#include <z3++.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "compiler/net/ip_set.h"
#include "tests/net/oracle.h"

namespace airtight {
namespace {

using oracle::Random;
using Set = IntervalSet<u128>;

std::string decimal(u128 value) {
  std::string text;
  do {
    text += static_cast<char>('0' + static_cast<int>(value % 10));
    value /= 10;
  } while (value != 0);
  std::reverse(text.begin(), text.end());
  return text;
}

u128 random_value(Random& random) {
  const u128 any = u128{random.bits()} << 64 | random.bits();
  switch (random.below(6)) {
    case 0:
      return random.below(4);  // the lower end
    case 1:
      return ~u128{0} - random.below(4);  // the upper end
    case 2:
      return any >> random.below(128);  // every order of magnitude
    case 3:
      return (u128{1} << random.below(128)) - random.below(2);
    default:
      return any;
  }
}

std::vector<Interval<u128>> random_intervals(Random& random) {
  std::vector<Interval<u128>> intervals;
  for (std::size_t n = random.below(9); n > 0; --n) {
    const u128 a = random_value(random);
    const u128 span = u128{random.bits()} >> random.below(64);
    const u128 b = random.coin() ? random_value(random) : a > ~span ? ~u128{0} : a + span;
    intervals.push_back({std::min(a, b), std::max(a, b)});
    // Half of the time something starts or ends exactly where this one does.
    if (random.coin() && intervals.back().last != ~u128{0}) {
      const u128 next = intervals.back().last + 1;
      intervals.push_back({next, std::max(next, random_value(random))});
    }
  }
  return intervals;
}

class Prover {
 public:
  Prover() : x_(context_.bv_const("x", 128)) {}

  z3::expr member(std::span<const Interval<u128>> intervals) {
    z3::expr in = context_.bool_val(false);
    for (const Interval<u128>& interval : intervals) {
      in = in || (z3::uge(x_, value(interval.first)) && z3::ule(x_, value(interval.last)));
    }
    return in;
  }
  z3::expr member(const Set& set) { return member(set.intervals()); }
  // By bits instead of by order: the first `length` bits are those of the prefix.
  z3::expr member(const std::vector<Prefix>& prefixes) {
    z3::expr in = context_.bool_val(false);
    for (const Prefix& prefix : prefixes) {
      if (prefix.length() == 0) return context_.bool_val(true);
      const auto low = static_cast<unsigned>(128 - prefix.length());
      in = in || x_.extract(127, low) == value(prefix.first().bits()).extract(127, low);
    }
    return in;
  }
  bool always(const z3::expr& claim) {
    z3::solver solver(context_);
    solver.add(!claim);
    const z3::check_result result = solver.check();
    if (result == z3::unknown) FAIL("Z3 does not know");
    return result == z3::unsat;
  }

 private:
  z3::expr value(u128 number) { return context_.bv_val(decimal(number).c_str(), 128); }

  z3::context context_;
  z3::expr x_;
};

TEST_CASE("z3: operations on random 128-bit sets equal their formulas") {
  Random random(128);
  const std::size_t pairs = oracle::cases(30, 1'500);
  for (std::size_t i = 0; i < pairs; ++i) {
    Prover prover;
    const auto a_intervals = random_intervals(random);
    const auto b_intervals = random.below(6) == 0 ? a_intervals : random_intervals(random);
    const Set a = Set::from(a_intervals);
    const Set b = random.below(6) == 0 ? Set::from(b_intervals) & a : Set::from(b_intervals);
    const z3::expr in_a = prover.member(a_intervals);  // the raw intervals, so that from() is proved too
    const z3::expr in_b = prover.member(b);
    INFO("pair " << i);
    REQUIRE(prover.always(prover.member(a) == in_a));
    REQUIRE(prover.always(prover.member(a | b) == (in_a || in_b)));
    REQUIRE(prover.always(prover.member(a & b) == (in_a && in_b)));
    REQUIRE(prover.always(prover.member(a - b) == (in_a && !in_b)));
    REQUIRE(prover.always(prover.member(~a) == !in_a));
    REQUIRE(prover.always(z3::implies(in_a, in_b)) == a.subset_of(b));
    REQUIRE(prover.always(!(in_a && in_b)) == !a.intersects(b));
    REQUIRE(prover.always(in_a == in_b) == (a == b));
    for (const Set& result : {a | b, a & b, a - b, ~a}) REQUIRE(oracle::is_canonical(result));
  }
  oracle::report("pairs of 128-bit sets, each proved by Z3 for 8 claims", pairs);
}

TEST_CASE("z3: the prefix cover of random 128-bit sets is exact") {
  Random random(129);
  const std::size_t sets = oracle::cases(10, 300);
  for (std::size_t i = 0; i < sets; ++i) {
    Prover prover;
    std::vector<Interval<u128>> intervals = random_intervals(random);
    intervals.resize(std::min<std::size_t>(intervals.size(), 2), Interval<u128>{0, 0});
    const Set set = Set::from(intervals);
    INFO("set " << i);
    REQUIRE(prover.always(prover.member(set) == prover.member(IpSet::from({}, set).prefixes())));
  }
  oracle::report("prefix covers of 128-bit sets, proved by Z3", sets);
}

TEST_CASE("z3: the prover notices a set that is off by one") {
  Random random(130);
  for (int i = 0; i < 10; ++i) {
    Prover prover;
    std::vector<Interval<u128>> intervals = random_intervals(random);
    intervals.push_back({u128{1} << 90, (u128{1} << 90) + 5});
    const Set set = Set::from(intervals);
    const u128 edge = set.intervals().back().last;
    REQUIRE_FALSE(prover.always(prover.member(set - Set::of(edge)) == prover.member(intervals)));
    const Set more = set | Set::of(set.is_all() ? 0 : (~set).intervals().front().first);
    REQUIRE(prover.always(prover.member(more) == prover.member(intervals)) == set.is_all());
  }
}

}  // namespace
}  // namespace airtight
