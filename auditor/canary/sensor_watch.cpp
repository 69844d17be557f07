#include "auditor/canary/sensor_watch.h"

namespace airtight::audit {

SensorWatch::Sight SensorWatch::see(const Frame& frame, std::uint32_t interface, bool transmitted) {
  if (!transmitted || frame.time == kNoTime) return Sight::NotOurs;
  const std::optional<Nonce> nonce = sensor_nonce(frame);  // cheap for what is none: length, then MAC address
  if (!nonce) return Sight::NotOurs;
  const std::lock_guard lock(mutex_);
  const auto known = expected_.find(*nonce);
  if (known == expected_.end()) return Sight::NotOurs;
  Expected& expected = known->second;
  if (expected.seen || expected.interface != interface || frame.time > expected.deadline) return Sight::NotOurs;
  expected.seen = true;
  ++seen_;
  return Sight::Ours;
}

void SensorWatch::expect(const Nonce& nonce, std::uint32_t interface, std::int64_t deadline) {
  const std::lock_guard lock(mutex_);
  expected_.emplace(nonce, Expected{interface, deadline, false});
}

bool SensorWatch::settle(const Nonce& nonce) {
  const std::lock_guard lock(mutex_);
  const auto known = expected_.find(nonce);
  if (known == expected_.end()) return false;
  const bool seen = known->second.seen;
  expected_.erase(known);
  return seen;
}

std::uint64_t SensorWatch::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

}  // namespace airtight::audit
