#include "auditor/report/spans.h"

#include <bitset>
#include <catch2/catch.hpp>
#include <limits>
#include <random>

#include "auditor/evidence/text_fields.h"
#include "auditor/report/rfc3339.h"

namespace airtight::audit {
namespace {

constexpr std::int64_t kSize = 24;
using Bits = std::bitset<kSize>;

Bits bits_of(const Spans& spans) {
  Bits bits;
  for (const Period& span : spans)
    for (std::int64_t i = span.from; i < span.to; ++i) bits.set(static_cast<std::size_t>(i));
  return bits;
}

bool canonical(const Spans& spans) {
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (spans[i].from >= spans[i].to) return false;
    if (i > 0 && spans[i].from <= spans[i - 1].to) return false;
  }
  return true;
}

TEST_CASE("sets of time agree with bits") {
  std::mt19937 random(6);
  const auto pick = [&] { return static_cast<std::int64_t>(random() % (kSize + 1)); };
  for (int round = 0; round < 20'000; ++round) {
    Spans raw[2];
    for (Spans& spans : raw)
      for (std::size_t i = random() % 5; i > 0; --i) spans.push_back({pick(), pick()});
    const Spans a = united(raw[0]), b = united(raw[1]);
    const Bits x = bits_of(a), y = bits_of(b);
    REQUIRE(x == bits_of(raw[0]));
    for (const Spans& spans : {a, b, both(a, b), without(a, b)}) REQUIRE(canonical(spans));
    REQUIRE(bits_of(both(a, b)) == (x & y));
    REQUIRE(bits_of(without(a, b)) == (x & ~y));
    REQUIRE(length(a) == static_cast<std::int64_t>(x.count()));
    const Period to{pick(), pick()};
    REQUIRE(clipped(a, to) == both(a, united({to})));
  }
}

TEST_CASE("the length of more time than a number holds is the largest number") {
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min(),
                         kMost = std::numeric_limits<std::int64_t>::max();
  CHECK(length({{kLeast, kMost}}) == kMost);
  CHECK(length({{kLeast, -1}, {0, kMost}}) == kMost);
  CHECK(length({{kLeast, kLeast + 5}, {kMost - 7, kMost}}) == 12);
}

TEST_CASE("times as people write them") {
  struct Row {
    const char* text;
    const char* time;  // as time_text() has it; nullptr: none
  };
  const Row rows[] = {
      {"2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z"},
      {"2026-11-01t00:00:00z", "2026-11-01T00:00:00Z"},
      {"2026-11-01T00:00:00.500Z", "2026-11-01T00:00:00.5Z"},
      {"2026-11-01T00:00:00.000Z", "2026-11-01T00:00:00Z"},
      {"2026-11-01T00:00:00.123456789Z", "2026-11-01T00:00:00.123456789Z"},
      {"2026-11-01T02:00:00+02:00", "2026-11-01T00:00:00Z"},
      {"2026-10-31T19:00:00.25-05:00", "2026-11-01T00:00:00.25Z"},
      {"2026-11-01T00:00:00-00:30", "2026-11-01T00:30:00Z"},
      {"", nullptr},
      {"2026-11-01", nullptr},
      {"2026-11-01 00:00:00Z", nullptr},
      {"2026-11-01T00:00:00", nullptr},
      {"2026-11-01T00:00:00.Z", nullptr},
      {"2026-11-01T00:00:00.1234567890Z", nullptr},
      {"2026-11-01T00:00:60Z", nullptr},
      {"2026-02-29T00:00:00Z", nullptr},
      {"2026-11-01T00:00:00+2:00", nullptr},
      {"2026-11-01T00:00:00+24:00", nullptr},
      {"2026-11-01T00:00:00+00:60", nullptr},
      {"2026-11-01T00:00:00+0a:00", nullptr},
      {"2026-11-01T00:00:00Zx", nullptr},
      {"1600-11-01T00:00:00Z", nullptr},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const auto time = parse_rfc3339(row.text);
    CHECK(time.has_value() == (row.time != nullptr));
    if (time && row.time != nullptr) CHECK(time_text(*time) == row.time);
  }
}

}  // namespace
}  // namespace airtight::audit
