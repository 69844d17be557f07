#include "auditor/decode/block_pool.h"

#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "auditor/decode/marks.h"

namespace airtight::audit {
namespace {

constexpr std::size_t kUnit = BlockPool::kUnit;

TEST_CASE("block pool: a block is the smallest power of two that holds what was asked for") {
  BlockPool pool(64 * kUnit, 32 * kUnit);
  struct Row {
    std::size_t bytes, size;
  };
  const Row rows[] = {{0, kUnit},
                      {1, kUnit},
                      {kUnit, kUnit},
                      {kUnit + 1, 2 * kUnit},
                      {3 * kUnit, 4 * kUnit},
                      {17 * kUnit, 32 * kUnit},
                      {32 * kUnit, 32 * kUnit},
                      {32 * kUnit + 1, 0}};
  for (const Row& row : rows) {
    auto block = pool.take(row.bytes);
    INFO(row.bytes);
    CHECK(block.size() == row.size);
    pool.give(block);
    CHECK_FALSE(block);
  }
}

TEST_CASE("block pool: a size that is no power of two is used to its last unit") {
  for (const std::size_t units : {0u, 1u, 7u, 23u, 64u, 65u}) {
    BlockPool pool(units * kUnit + kUnit - 1, 8 * kUnit);
    std::vector<BlockPool::Block> blocks;
    for (auto block = pool.take(1); block; block = pool.take(1)) blocks.push_back(block);
    CHECK(blocks.size() == units);
    for (auto& block : blocks) pool.give(block);
    std::size_t large = 0;
    while (pool.take(8 * kUnit)) ++large;  // all came together again
    CHECK(large == units / 8);
  }
}

TEST_CASE("block pool: blocks never share a byte, whatever is taken and given back") {
  std::mt19937 random(1);
  BlockPool pool(100 * kUnit, 16 * kUnit);
  struct Held {
    BlockPool::Block block;
    std::uint8_t value;
  };
  std::vector<Held> held;
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 == 0) {
      const auto block = pool.take(random() % (16 * kUnit) + 1);
      if (!block) continue;
      held.push_back({block, static_cast<std::uint8_t>(step)});
      std::fill_n(pool.bytes(block), block.size(), held.back().value);
    } else if (!held.empty()) {
      std::swap(held[random() % held.size()], held.back());
      Held& last = held.back();
      REQUIRE(std::count(pool.bytes(last.block), pool.bytes(last.block) + last.block.size(), last.value) ==
              static_cast<std::ptrdiff_t>(last.block.size()));
      pool.give(last.block);
      held.pop_back();
    }
  }
}

TEST_CASE("marks: find and fill are those of a vector of bool") {
  std::mt19937 random(2);
  std::uint64_t words[4] = {};
  Marks marks(words, 4);
  bool oracle[256] = {};
  CHECK(marks.size() == 256);
  for (int step = 0; step < 20'000; ++step) {
    const std::uint64_t from = random();  // a place is one with those 256 before and behind it
    const std::uint64_t to = from + random() % 257;
    const bool marked = random() % 2 == 0;
    std::uint64_t expected = from;
    while (expected < to && oracle[expected % 256] != marked) ++expected;
    REQUIRE(marks.find(from, to, marked) == expected);
    REQUIRE(marks.at(from) == oracle[from % 256]);
    if (random() % 4 == 0) {
      marks.fill(from, from + (to - from) / 4, marked);
      for (std::uint64_t at = from; at < from + (to - from) / 4; ++at) oracle[at % 256] = marked;
    }
  }
}

}  // namespace
}  // namespace airtight::audit
