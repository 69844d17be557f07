#include "auditor/conservation/conservation.h"

#include <algorithm>
#include <limits>

namespace airtight::audit {
namespace {

constexpr std::uint64_t kLongestBuffer = 524280;  // GSO_MAX_SIZE of Linux, BIG TCP

template <typename Wide>
std::uint64_t clamped(Wide value) {
  if (value <= 0) return 0;
  constexpr Wide kMost = std::numeric_limits<std::uint64_t>::max();
  return static_cast<std::uint64_t>(std::min(value, kMost));
}

// Rounded down, of negative ones too.
template <typename Wide>
Wide floor_divided(Wide value, Wide by) {
  return value >= 0 ? value / by : -((-value + by - 1) / by);
}

std::uint64_t minus(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

// Within one reading, and from the one before.
bool went_back(const UplinkReading& a) {
  return a.accepted_after < a.accepted_before || a.oversize_packets < a.oversize_packets_before ||
         a.oversize_bytes < a.oversize_bytes_before;
}
bool went_back(const UplinkReading& a, const UplinkReading& b) {
  // The oversize counters of before are left out where the caller has none.
  return b.accepted_before < a.accepted_after || b.tapped < a.tapped || b.queue_drops < a.queue_drops ||
         b.oversize_packets < a.oversize_packets || b.oversize_bytes < a.oversize_bytes;
}

std::string packets(std::uint64_t count) { return std::to_string(count) + (count == 1 ? " packet" : " packets"); }

}  // namespace

std::string_view to_string(Balance balance) {
  switch (balance) {
    case Balance::Conserved:
      return "conserved";
    case Balance::ChainHigher:
      return "chain higher";
    case Balance::TapHigher:
      return "tap higher";
    case Balance::Restarted:
      return "restarted";
  }
  return "restarted";
}

Conservation::Bounds Conservation::bounds(const UplinkReading& reading) {
  const Wide passed = Wide{reading.tapped} + reading.queue_drops;
  // A buffer of b bytes may be cut b - 1 bytes behind its start. Those that wait are cut later, however long they are.
  const Wide before = Wide{reading.oversize_bytes_before} - reading.oversize_packets_before;
  const Wide waiting = Wide{reading.backlog} * kLongestBuffer;
  return {Wide{reading.accepted_before} - passed - reading.backlog, Wide{reading.accepted_after} - passed,
          std::max<Wide>(0, before - waiting), Wide{reading.oversize_bytes} - reading.oversize_packets};
}

void Conservation::begin(const UplinkReading& reading) {
  const Bounds now = bounds(reading);
  base_ = last_ = reading;
  least_high_ = now.high;
  floor_low_ = now.low;
  floor_cut_ = now.cut_low;
  floor_ = now.low * kSmallestSegment + now.cut_low;
}

Judged Conservation::add(const UplinkReading& reading) {
  Judged judged;
  if (went_back(reading) || (last_ && went_back(*last_, reading))) {
    judged.balance = Balance::Restarted;
    judged.detail = "a counter went back";
    base_.reset();
    last_.reset();
    if (!went_back(reading)) begin(reading);
    return judged;
  }
  if (!base_) {
    begin(reading);
    judged.detail = "the first reading";
    judged.count.conserved = true;
    return judged;
  }

  const Bounds base = bounds(*base_), now = bounds(reading);
  UplinkCount& count = judged.count;
  count.before = minus(reading.accepted_before, base_->accepted_after);
  count.seen = reading.tapped - base_->tapped;
  count.after = reading.accepted_after - base_->accepted_before;
  judged.surplus = clamped(base.low - now.high);
  judged.surplus_allowed = clamped(floor_divided<Wide>(now.cut_high - base.cut_low, kSmallestSegment));

  const Wide below = floor_low_ - now.high;
  const Wide allowed = std::max<Wide>(0, floor_divided<Wide>(now.cut_high - floor_cut_, kSmallestSegment));
  if (now.low > least_high_) {
    judged.balance = Balance::ChainHigher;
    judged.difference = clamped(now.low - least_high_);
  } else if (below > allowed) {
    judged.balance = Balance::TapHigher;
    judged.difference = clamped(below - allowed);
  }
  count.conserved = judged.balance == Balance::Conserved;
  const std::uint64_t outside = std::max(minus(count.before, count.seen), minus(count.seen, count.after));
  count.explained = minus(outside, judged.difference);

  if (judged.balance == Balance::ChainHigher)
    judged.detail = packets(judged.difference) + " accepted that the tap did not see: ";
  else if (judged.balance == Balance::TapHigher)
    judged.detail = packets(judged.difference) + " seen that the chain did not accept: ";
  judged.detail += "accepted " + std::to_string(count.before) +
                   (count.after == count.before ? "" : "-" + std::to_string(count.after)) + ", seen " +
                   std::to_string(count.seen) + ", queued " + std::to_string(reading.backlog) + ", dropped " +
                   std::to_string(reading.queue_drops - base_->queue_drops) + ", surplus " +
                   std::to_string(judged.surplus) + " of " + std::to_string(judged.surplus_allowed) + " allowed";

  if (judged.balance != Balance::Conserved) {
    begin(reading);
    return judged;
  }
  last_ = reading;
  least_high_ = std::min(least_high_, now.high);
  if (const Wide floor = now.low * kSmallestSegment + now.cut_low; floor > floor_) {
    floor_ = floor;
    floor_low_ = now.low;
    floor_cut_ = now.cut_low;
  }
  return judged;
}

}  // namespace airtight::audit
