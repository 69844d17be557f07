// A ring of marks, one bit a place, over memory of the caller: which bytes of a window, or which units of a datagram,
// are there. Places are absolute numbers; two that differ by a multiple of the ring's size are one. Works word by word.
#pragma once

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>

namespace airtight::audit {

class Marks {
 public:
  // `count` words, a power of two, that already hold the marks.
  Marks(std::uint64_t* words, std::size_t count) : words_(words), mask_(count - 1) {
    assert(std::has_single_bit(count));
  }

  std::size_t size() const { return (mask_ + 1) * 64; }

  // The first place of [from, to) that is marked, or not, as `marked` says; `to` if there is none. to - from <= size().
  std::uint64_t find(std::uint64_t from, std::uint64_t to, bool marked) const {
    for (std::uint64_t at = from; at < to; at = (at | 63) + 1) {
      const std::uint64_t word = (marked ? word_of(at) : ~word_of(at)) >> (at & 63);
      if (word != 0) return std::min(to, at + static_cast<std::uint64_t>(std::countr_zero(word)));
    }
    return to;
  }

  bool at(std::uint64_t place) const { return (word_of(place) >> (place & 63) & 1) != 0; }

  // Marks, or clears, [from, to). to - from <= size().
  void fill(std::uint64_t from, std::uint64_t to, bool marked) {
    for (std::uint64_t at = from; at < to; at = (at | 63) + 1) {
      const std::uint64_t count = std::min(to, (at | 63) + 1) - at;
      const std::uint64_t bits = (count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1) << (at & 63);
      std::uint64_t& word = words_[at >> 6 & mask_];
      word = marked ? word | bits : word & ~bits;
    }
  }

  void clear() { std::fill_n(words_, mask_ + 1, std::uint64_t{0}); }

 private:
  std::uint64_t word_of(std::uint64_t place) const { return words_[place >> 6 & mask_]; }

  std::uint64_t* words_;
  std::uint64_t mask_;
};

}  // namespace airtight::audit
