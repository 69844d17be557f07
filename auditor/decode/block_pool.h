// Blocks of memory out of one region of fixed size, for bytes that wait for other packets: buddies, so that a small
// stream costs little and a long one stays in one piece. The region is reserved once and touched only where it is used.
// One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace airtight::audit {

class BlockPool {
 public:
  static constexpr std::size_t kUnit = 2048;  // bytes of the smallest block; every block is kUnit times a power of two

  struct Block {
    std::uint32_t unit = 0;   // where it begins, in units
    std::uint8_t orders = 0;  // 1 + log2 of its units; 0: no block
    explicit operator bool() const { return orders != 0; }
    std::size_t size() const { return orders == 0 ? 0 : kUnit << (orders - 1); }
  };

  // `bytes` in all, rounded down to whole units; `largest`, rounded up to a block, is the most that one take() can
  // give.
  BlockPool(std::size_t bytes, std::size_t largest);

  // A block of at least `bytes`, with any content; none if there is no such piece left. O(log largest), as give() is.
  Block take(std::size_t bytes);
  void give(Block& block);  // and forgets it; none is allowed

  std::uint8_t* bytes(Block block) { return reinterpret_cast<std::uint8_t*>(words(block)); }
  const std::uint8_t* bytes(Block block) const { return reinterpret_cast<const std::uint8_t*>(word_of(block)); }
  std::uint64_t* words(Block block) { return region_.get() + block.unit * kWords; }

 private:
  static constexpr std::size_t kWords = kUnit / sizeof(std::uint64_t);
  static constexpr std::size_t kOrders = 21;
  static constexpr std::uint32_t kNone = UINT32_MAX;

  const std::uint64_t* word_of(Block block) const { return region_.get() + block.unit * kWords; }
  void link(std::uint32_t unit, std::uint8_t order);
  void unlink(std::uint32_t unit, std::uint8_t order);

  std::uint32_t units_;
  std::uint8_t top_;  // order of the largest block
  std::unique_ptr<std::uint64_t[]> region_;
  // Of the unit at which a free block begins: 1 + its order, else 0; and its neighbours in the list of its order.
  std::vector<std::uint8_t> free_;
  std::vector<std::uint32_t> next_, before_;
  std::array<std::uint32_t, kOrders> heads_;
};

}  // namespace airtight::audit
