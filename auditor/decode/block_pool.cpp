#include "auditor/decode/block_pool.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace airtight::audit {
namespace {

std::uint8_t order_for(std::size_t bytes) {
  const std::size_t units = (bytes + BlockPool::kUnit - 1) / BlockPool::kUnit;
  return static_cast<std::uint8_t>(std::bit_width(std::bit_ceil(std::max<std::size_t>(units, 1))) - 1);
}

}  // namespace

BlockPool::BlockPool(std::size_t bytes, std::size_t largest)
    : units_(static_cast<std::uint32_t>(std::min<std::size_t>(bytes / kUnit, kNone - 1))),
      top_(std::min(order_for(std::min(largest, kUnit << (kOrders - 1))), static_cast<std::uint8_t>(kOrders - 1))),
      region_(new std::uint64_t[units_ * kWords]),  // not zeroed: pages that nobody uses cost nothing
      free_(units_, 0),
      next_(units_),
      before_(units_) {
  heads_.fill(kNone);
  // Linked from the end, so that the pool is used from its beginning.
  const std::uint32_t whole = units_ >> top_ << top_;
  for (std::uint32_t unit = whole, order = top_; order-- > 0;) {
    if ((units_ - unit) >> order == 0) continue;
    link(unit, static_cast<std::uint8_t>(order));
    unit += 1u << order;
  }
  for (std::uint32_t unit = whole; unit > 0;) link(unit -= 1u << top_, top_);
}

BlockPool::Block BlockPool::take(std::size_t bytes) {
  if (bytes > kUnit << top_) return {};
  const std::uint8_t wanted = order_for(bytes);
  std::uint8_t order = wanted;
  while (order <= top_ && heads_[order] == kNone) ++order;
  if (order > top_) return {};
  const std::uint32_t unit = heads_[order];
  unlink(unit, order);
  while (order > wanted) {
    --order;
    link(unit + (1u << order), order);
  }
  return {unit, static_cast<std::uint8_t>(wanted + 1)};
}

void BlockPool::give(Block& block) {
  if (!block) return;
  std::uint32_t unit = block.unit;
  std::uint8_t order = static_cast<std::uint8_t>(block.orders - 1);
  block = {};
  assert(unit < units_ && free_[unit] == 0);
  for (; order < top_; ++order) {
    const std::uint32_t buddy = unit ^ (1u << order);
    if (buddy >= units_ || free_[buddy] != order + 1) break;
    unlink(buddy, order);
    unit = std::min(unit, buddy);
  }
  link(unit, order);
}

void BlockPool::link(std::uint32_t unit, std::uint8_t order) {
  free_[unit] = static_cast<std::uint8_t>(order + 1);
  before_[unit] = kNone;
  next_[unit] = heads_[order];
  if (heads_[order] != kNone) before_[heads_[order]] = unit;
  heads_[order] = unit;
}

void BlockPool::unlink(std::uint32_t unit, std::uint8_t order) {
  free_[unit] = 0;
  if (next_[unit] != kNone) before_[next_[unit]] = before_[unit];
  (before_[unit] == kNone ? heads_[order] : next_[before_[unit]]) = next_[unit];
}

}  // namespace airtight::audit
