// A space of unsigned integers cut into the pieces that no given set divides, each piece with a value.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "compiler/net/interval_set.h"

namespace airtight::audit {

template <class T>
class Partition {
 public:
  // `value_of` gets the ascending indexes of the sets that hold the piece; neighbours of one value become one piece.
  // O((n + total length of these lists) · log n) for n intervals in all.
  template <class ValueOf>
  Partition(std::span<const IntervalSet<T>> sets, ValueOf value_of) {
    struct Edge {
      T at;
      std::uint32_t set;
      bool enters;
    };
    std::vector<Edge> edges;
    for (std::size_t i = 0; i < sets.size(); ++i) {
      for (const Interval<T>& interval : sets[i].intervals()) {
        edges.push_back({interval.first, static_cast<std::uint32_t>(i), true});
        if (interval.last != IntervalSet<T>::kMax) {
          edges.push_back({static_cast<T>(interval.last + 1), static_cast<std::uint32_t>(i), false});
        }
      }
    }
    std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) { return a.at < b.at; });

    std::vector<std::uint32_t> holding;  // ascending
    std::size_t next = 0;
    for (T at = IntervalSet<T>::kMin;;) {
      for (; next < edges.size() && edges[next].at == at; ++next) {
        const auto place = std::lower_bound(holding.begin(), holding.end(), edges[next].set);
        if (edges[next].enters) {
          holding.insert(place, edges[next].set);
        } else {
          holding.erase(place);
        }
      }
      const std::uint32_t value = value_of(std::span<const std::uint32_t>(holding));
      if (values_.empty() || values_.back() != value) {
        firsts_.push_back(at);
        values_.push_back(value);
      }
      if (next == edges.size()) break;
      at = edges[next].at;
    }
  }

  std::uint32_t operator[](T point) const {
    // The last piece that starts at or before the point; the first one starts at zero. Without a branch to mispredict.
    const T* base = firsts_.data();
    for (std::size_t size = firsts_.size(); size > 1;) {
      const std::size_t half = size / 2;
      base = base[half] <= point ? base + half : base;
      size -= half;
    }
    return values_[static_cast<std::size_t>(base - firsts_.data())];
  }

  std::size_t size() const { return firsts_.size(); }

 private:
  std::vector<T> firsts_;  // ascending
  std::vector<std::uint32_t> values_;
};

}  // namespace airtight::audit
