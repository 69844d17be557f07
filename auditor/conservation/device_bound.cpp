#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include "auditor/conservation/conservation.h"

namespace airtight::audit {
namespace {

constexpr std::uint64_t kWrap = std::uint64_t{1} << 32;
constexpr std::uint64_t kMostBetween = kWrap / 16;  // frames between two readings: more is no wrap but a new life

// How far a counter rose; empty if it belongs to a new life.
std::optional<std::uint64_t> rise(std::uint64_t from, std::uint64_t to) {
  if (to >= from) return to - from;
  if (from < kWrap && to + kWrap - from <= kMostBetween) return to + kWrap - from;
  return std::nullopt;
}

template <typename Wide>
std::uint64_t clamped(Wide value) {
  constexpr Wide kMost = std::numeric_limits<std::uint64_t>::max();
  return static_cast<std::uint64_t>(std::clamp<Wide>(value, 0, kMost));
}

std::uint64_t minus(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

using Member = std::uint64_t DeviceCounters::*;
struct Loss {
  const char* name;
  Member member;
};
constexpr std::uint64_t kManySegments = 64;
// What is lost before the device counts it as received.
constexpr std::array<Loss, 3> kLosses{{{"rx_missed_errors", &DeviceCounters::rx_missed_errors},
                                       {"rx_fifo_errors", &DeviceCounters::rx_fifo_errors},
                                       {"rx_over_errors", &DeviceCounters::rx_over_errors}}};

DeviceGap interface_drops(const char* counter, std::uint64_t size) {
  return {counter, size, std::to_string(size) + " interface drops (" + counter + ")"};
}

}  // namespace

void DeviceBound::begin(const DeviceCounters& device, const TapCounters& tap) {
  device_ = device;
  tap_ = tap;
  sent_ = 0;
  counts_buffers_ = false;
  limit_ = -Wide{tap.transmitted_before.value_or(tap.transmitted)} - tap.segments_allowed;
}

std::vector<DeviceGap> DeviceBound::add(const DeviceCounters& device, const TapCounters& tap) {
  std::vector<DeviceGap> gaps;
  // The socket's count is its own life's: after a new beginning all of it is new.
  const std::uint64_t dropped = tap.dropped >= tap_.dropped ? tap.dropped - tap_.dropped : tap.dropped;
  if (dropped != 0)
    gaps.push_back({"socket", dropped, std::to_string(dropped) + " frames dropped by the capture socket"});

  // `received` may be told as a difference of two counts that were not taken at once: it may waver.
  const bool same_tap = tap.transmitted >= tap_.transmitted && tap.segments_allowed >= tap_.segments_allowed &&
                        tap.dropped >= tap_.dropped;
  if (!device_ || !same_tap) {
    begin(device, tap);
    return gaps;
  }
  const auto rx = rise(device_->rx_packets, device.rx_packets), tx = rise(device_->tx_packets, device.tx_packets),
             rx_dropped = rise(device_->rx_dropped, device.rx_dropped);
  bool new_life = !rx || !tx || !rx_dropped;
  DeviceGap lost;
  for (const Loss& loss : kLosses) {
    const auto rose = rise((*device_).*loss.member, device.*loss.member);
    if (!rose)
      new_life = true;
    else if (*rose > lost.size)
      lost = interface_drops(loss.name, *rose);
  }
  if (new_life) {
    begin(device, tap);
    return gaps;
  }
  if (lost.size != 0) gaps.push_back(lost);

  const std::uint64_t seen = minus(tap.received, tap_.received_before.value_or(tap_.received));
  if (const std::uint64_t size = std::min(*rx_dropped, minus(*rx, seen)); size != 0)
    gaps.push_back(interface_drops("rx_dropped", size));

  sent_ += *tx;
  const std::uint64_t before = tap.transmitted_before.value_or(tap.transmitted);
  // Many buffers that could have become many more frames, and not one frame more: surplus is then a sender unseen.
  if (!counts_buffers_ && tap.segments_allowed - tap_.segments_allowed >= kManySegments &&
      *tx <= minus(tap.transmitted, tap_.transmitted_before.value_or(tap_.transmitted))) {
    counts_buffers_ = true;
    limit_ = std::min<Wide>(limit_ + tap.segments_allowed, sent_ - before);
  }
  if (const Wide excess = sent_ - tap.transmitted - (counts_buffers_ ? 0 : tap.segments_allowed) - limit_; excess > 0) {
    limit_ += excess;
    const std::uint64_t size = clamped(excess);
    gaps.push_back({"tx_packets", size, std::to_string(size) + " frames sent that the tap did not see (tx_packets)"});
  }
  device_ = device;
  tap_ = tap;
  return gaps;
}

}  // namespace airtight::audit
