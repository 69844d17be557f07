#include "auditor/capture/pcapng_time.h"

#include <algorithm>

#include "auditor/decode/frame.h"

namespace airtight::audit {
namespace {

__extension__ typedef __int128 i128;
__extension__ typedef unsigned __int128 u128;

constexpr std::uint8_t kPowerOfTwo = 0x80;
constexpr std::uint64_t kSecond = 1'000'000'000;

u128 power_of_ten(unsigned exponent) {
  u128 value = 1;
  for (unsigned i = 0; i < exponent; ++i) value *= 10;
  return value;
}

// A count below 2^64 times 10^9 stays below 2^94, so nothing here overflows.
u128 since_offset(std::uint64_t ticks, std::uint8_t resolution) {
  const unsigned exponent = resolution & 0x7fu;
  if ((resolution & kPowerOfTwo) != 0) return u128{ticks} * kSecond >> exponent;
  if (exponent <= 9) return u128{ticks} * power_of_ten(9 - exponent);
  return u128{ticks} / power_of_ten(std::min(exponent - 9, 20u));  // 10^20 is past any count: zero
}

}  // namespace

PcapngClock::PcapngClock(std::uint8_t resolution, std::int64_t offset) : resolution_(resolution), offset_(offset) {
  if (resolution <= 9 && offset == 0) {
    multiplier_ = static_cast<std::int64_t>(power_of_ten(9u - resolution));
    simple_below_ = static_cast<std::uint64_t>(INT64_MAX / multiplier_);
  }
}

std::int64_t PcapngClock::slowly(std::uint64_t ticks) const {
  const i128 time = i128{offset_} * kSecond + static_cast<i128>(since_offset(ticks, resolution_));
  return static_cast<std::int64_t>(std::clamp<i128>(time, i128{kNoTime} + 1, INT64_MAX));
}

}  // namespace airtight::audit
