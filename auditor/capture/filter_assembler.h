// Classic BPF put together from its end: what a jump leads to is there before the jump, so distances are known, and
// where one is longer than the eight bits of a conditional jump, a BPF_JA stands in between.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "auditor/capture/packet_ring.h"
#include "compiler/net/interval_set.h"
#include "compiler/net/ip.h"

namespace airtight::audit {

class FilterAssembler {
 public:
  using Place = std::size_t;  // of an instruction, counted from the end

  Place give(std::uint32_t result);                                      // ends with it
  Place then(std::uint16_t code, std::uint32_t k, Place next);           // one that is no jump
  Place when(std::uint16_t jump, std::uint32_t k, Place yes, Place no);  // BPF_JEQ, BPF_JGT, BPF_JGE or BPF_JSET

  // A binary tree over the accumulator: the place of the last piece that begins at or before it. `pieces` ascend and
  // begin with 0.
  struct Piece {
    std::uint32_t first;
    Place place;
  };
  Place choose(std::span<const Piece> pieces);
  Place among(std::span<const Interval<std::uint32_t>> values, Place yes, Place no);
  // The same of the sixteen bytes at `offset` of the frame, word after word.
  Place address_among(std::span<const Interval<u128>> values, std::uint32_t offset, Place yes, Place no);

  std::size_t size() const { return reversed_.size(); }
  // Begins at `start`, which must be the last that was made or is jumped to.
  FilterProgram program(Place start);

 private:
  Place push(std::uint16_t code, std::uint8_t jt, std::uint8_t jf, std::uint32_t k);
  Place words_among(std::span<const Interval<u128>> values, unsigned word, std::uint32_t offset, Place yes, Place no);

  std::vector<FilterInstruction> reversed_;
};

}  // namespace airtight::audit
