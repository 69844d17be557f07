// What the property tests of tests/net share: fixed seeds, counts that AIRTIGHT_LONG raises, sets made from bit masks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string_view>
#include <vector>

#include "compiler/net/interval_set.h"

namespace airtight::oracle {

// AIRTIGHT_LONG=N (1 or more) asks for N times the long count.
inline std::size_t times_long() {
  const char* text = std::getenv("AIRTIGHT_LONG");  // NOLINT(concurrency-mt-unsafe): tests have one thread
  return text == nullptr ? 0 : static_cast<std::size_t>(std::strtoul(text, nullptr, 10));
}

inline std::size_t cases(std::size_t normal, std::size_t at_length) {
  return times_long() == 0 ? normal : at_length * times_long();
}

inline void report(std::string_view what, std::size_t count) {
  std::cout << "compared: " << count << ' ' << what << '\n';
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t bits() { return engine_(); }
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(engine_() % bound); }
  bool coin() { return (engine_() & 1) != 0; }

 private:
  std::mt19937_64 engine_;
};

// The set of points[i] for every bit i of the mask, made of single values in an order that `from` has to sort.
template <class T>
IntervalSet<T> set_of(std::uint64_t mask, const std::vector<T>& points) {
  std::vector<Interval<T>> intervals;
  for (std::size_t i = points.size(); i-- > 0;) {
    if ((mask >> i & 1) != 0) intervals.push_back({points[i], points[i]});
  }
  return IntervalSet<T>::from(std::move(intervals));
}

template <class T>
std::uint64_t mask_of(const IntervalSet<T>& set, const std::vector<T>& points) {
  std::uint64_t mask = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (set.contains(points[i])) mask |= std::uint64_t{1} << i;
  }
  return mask;
}

template <class T>
bool is_canonical(const IntervalSet<T>& set) {
  const auto intervals = set.intervals();
  for (std::size_t i = 0; i < intervals.size(); ++i) {
    if (intervals[i].first > intervals[i].last) return false;
    if (i > 0 && !(intervals[i - 1].last < intervals[i].first && intervals[i].first - intervals[i - 1].last > 1)) {
      return false;
    }
  }
  return true;
}

// The first `count` and the last `count` values of the type.
template <class T>
std::vector<T> both_ends(std::size_t count) {
  std::vector<T> points;
  for (std::size_t i = 0; i < count; ++i) points.push_back(static_cast<T>(i));
  for (std::size_t i = count; i-- > 0;) points.push_back(static_cast<T>(IntervalSet<T>::kMax - static_cast<T>(i)));
  return points;
}

}  // namespace airtight::oracle
