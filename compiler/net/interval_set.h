// Sets of unsigned integers as closed intervals: ports (std::uint16_t), IPv4 (std::uint32_t), IPv6 (u128).
// Canonical: sorted, disjoint, not adjacent. So two sets are equal exactly when their intervals are.
#pragma once

#include <algorithm>
#include <cassert>
#include <compare>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace airtight {

template <class T>
struct Interval {  // closed, first <= last
  T first;
  T last;

  friend constexpr auto operator<=>(const Interval&, const Interval&) = default;
};

// Binary operators are linear in the sum of both sizes. Where one operand is much smaller, `&`, subset_of and
// intersects skip through the larger one by galloping search and take O(small · log large).
template <class T>
class IntervalSet {
 public:
  static constexpr T kMin = static_cast<T>(0);
  static constexpr T kMax = static_cast<T>(~static_cast<T>(0));

  IntervalSet() = default;
  static IntervalSet all() { return of(kMin, kMax); }
  static IntervalSet of(T first, T last) {
    assert(first <= last);
    IntervalSet set;
    set.intervals_.push_back({first, last});
    return set;
  }
  static IntervalSet of(T value) { return of(value, value); }
  // Any order, overlaps and neighbours allowed. O(n log n); linear if sorted by `first` already.
  static IntervalSet from(std::vector<Interval<T>> unsorted) {
    if (!std::is_sorted(unsorted.begin(), unsorted.end())) std::sort(unsorted.begin(), unsorted.end());
    std::size_t kept = 0;
    for (std::size_t i = 0; i < unsorted.size(); ++i) {
      assert(unsorted[i].first <= unsorted[i].last);
      if (kept > 0 && touches(unsorted[kept - 1], unsorted[i].first)) {
        unsorted[kept - 1].last = std::max(unsorted[kept - 1].last, unsorted[i].last);
      } else {
        unsorted[kept++] = unsorted[i];
      }
    }
    unsorted.resize(kept, Interval<T>{kMin, kMin});
    IntervalSet set;
    set.intervals_ = std::move(unsorted);
    return set;
  }

  // Ascending; valid until the set changes.
  std::span<const Interval<T>> intervals() const { return intervals_; }
  bool empty() const { return intervals_.empty(); }
  bool is_all() const { return intervals_.size() == 1 && intervals_[0] == Interval<T>{kMin, kMax}; }
  bool contains(T value) const {
    const std::size_t i = ending_at_or_after(0, value);
    return i < intervals_.size() && intervals_[i].first <= value;
  }
  bool subset_of(const IntervalSet& other) const {
    std::size_t j = 0;
    for (const Interval<T>& mine : intervals_) {
      j = other.ending_at_or_after(j, mine.first);
      if (j == other.intervals_.size() || other.intervals_[j].first > mine.first ||
          other.intervals_[j].last < mine.last) {
        return false;
      }
    }
    return true;
  }
  bool intersects(const IntervalSet& other) const {
    if (intervals_.size() > other.intervals_.size()) return other.intersects(*this);
    std::size_t j = 0;
    for (const Interval<T>& mine : intervals_) {
      j = other.ending_at_or_after(j, mine.first);
      if (j == other.intervals_.size()) return false;
      if (other.intervals_[j].first <= mine.last) return true;
    }
    return false;
  }

  friend IntervalSet operator|(const IntervalSet& a, const IntervalSet& b) {
    IntervalSet result;
    result.intervals_.reserve(a.intervals_.size() + b.intervals_.size());
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < a.intervals_.size() || j < b.intervals_.size()) {
      const bool take_a =
          j == b.intervals_.size() || (i < a.intervals_.size() && a.intervals_[i].first <= b.intervals_[j].first);
      result.append(take_a ? a.intervals_[i++] : b.intervals_[j++]);
    }
    return result;
  }
  friend IntervalSet operator&(const IntervalSet& a, const IntervalSet& b) {
    IntervalSet result;
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < a.intervals_.size() && j < b.intervals_.size()) {
      const Interval<T>& x = a.intervals_[i];
      const Interval<T>& y = b.intervals_[j];
      if (x.last < y.first) {
        i = a.ending_at_or_after(i, y.first);
      } else if (y.last < x.first) {
        j = b.ending_at_or_after(j, x.first);
      } else {
        result.intervals_.push_back({std::max(x.first, y.first), std::min(x.last, y.last)});
        (x.last < y.last) ? ++i : ++j;
      }
    }
    return result;
  }
  friend IntervalSet operator-(const IntervalSet& a, const IntervalSet& b) {
    IntervalSet result;
    std::size_t j = 0;
    for (const Interval<T>& x : a.intervals_) {
      T next = x.first;
      bool rest = true;  // [next, x.last] is not decided yet
      for (j = b.ending_at_or_after(j, next); j < b.intervals_.size() && b.intervals_[j].first <= x.last; ++j) {
        const Interval<T>& hole = b.intervals_[j];
        if (hole.first > next) result.intervals_.push_back({next, static_cast<T>(hole.first - 1)});
        rest = hole.last < x.last;
        if (!rest) break;  // the hole may reach into the next interval of `a`
        next = static_cast<T>(hole.last + 1);
      }
      if (rest) result.intervals_.push_back({next, x.last});
    }
    return result;
  }
  friend IntervalSet operator~(const IntervalSet& a) { return all() - a; }

  IntervalSet& operator|=(const IntervalSet& other) { return *this = *this | other; }
  IntervalSet& operator&=(const IntervalSet& other) { return *this = *this & other; }
  IntervalSet& operator-=(const IntervalSet& other) { return *this = *this - other; }

  friend bool operator==(const IntervalSet&, const IntervalSet&) = default;
  friend auto operator<=>(const IntervalSet&, const IntervalSet&) = default;  // lexicographic by interval

 private:
  // Whether something that starts at `first` (not before `before` does) overlaps or directly follows `before`.
  static bool touches(const Interval<T>& before, T first) { return before.last == kMax || first <= before.last + 1; }

  void append(const Interval<T>& next) {
    if (!intervals_.empty() && touches(intervals_.back(), next.first)) {
      intervals_.back().last = std::max(intervals_.back().last, next.last);
    } else {
      intervals_.push_back(next);
    }
  }

  // Index, at or after `from`, of the first interval that ends at or after `value`; the size if there is none.
  std::size_t ending_at_or_after(std::size_t from, T value) const {
    std::size_t step = 1;
    std::size_t high = from;
    while (high < intervals_.size() && intervals_[high].last < value) {
      from = high + 1;
      high += step;
      step *= 2;
    }
    high = std::min(high, intervals_.size());
    const auto ends_before = [](const Interval<T>& interval, T bound) { return interval.last < bound; };
    const auto begin = intervals_.begin();
    return static_cast<std::size_t>(std::lower_bound(begin + static_cast<std::ptrdiff_t>(from),
                                                     begin + static_cast<std::ptrdiff_t>(high), value, ends_before) -
                                    begin);
  }

  std::vector<Interval<T>> intervals_;
};

}  // namespace airtight
