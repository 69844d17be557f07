// Time stamps of pcapng (if_tsresol, if_tsoffset) as nanoseconds since 1970.
#pragma once

#include <cstdint>

namespace airtight::audit {

class PcapngClock {
 public:
  PcapngClock() : PcapngClock(6, 0) {}  // microseconds, what the format takes if nothing is said
  // `resolution` as if_tsresol has it: a negative power of ten, or of two if the highest bit is set. `offset` in
  // seconds.
  PcapngClock(std::uint8_t resolution, std::int64_t offset);
  // Rounded down; what 64 bits cannot hold becomes their end (the years 1677 and 2262), never kNoTime.
  std::int64_t nanoseconds(std::uint64_t ticks) const {
    if (ticks < simple_below_) [[likely]]
      return static_cast<std::int64_t>(ticks) * multiplier_;
    return slowly(ticks);
  }

 private:
  std::int64_t slowly(std::uint64_t ticks) const;

  std::uint8_t resolution_;
  std::int64_t offset_;
  // ticks * multiplier_ is the answer for every count below simple_below_.
  std::int64_t multiplier_ = 0;
  std::uint64_t simple_below_ = 0;
};

}  // namespace airtight::audit
