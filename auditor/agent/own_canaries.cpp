#include "auditor/agent/own_canaries.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace airtight::audit {

void OwnCanaries::arm(const std::vector<Nonce>& nonces) {
  const std::lock_guard lock(mutex_);
  nonces_.clear();
  for (const Nonce& nonce : nonces) nonces_.emplace(nonce, Sight{});
  armed_.store(!nonces_.empty(), std::memory_order_relaxed);
}

void OwnCanaries::disarm() {
  const std::lock_guard lock(mutex_);
  armed_.store(false, std::memory_order_relaxed);
  nonces_.clear();
}

bool OwnCanaries::left(const Nonce& nonce) const {
  const std::lock_guard lock(mutex_);
  const auto found = nonces_.find(nonce);
  return found != nonces_.end() && found->second.left;
}

bool OwnCanaries::look(const Frame& frame, Role role) {
  if (frame.bytes.size() < kNonceBytes) return false;
  const std::lock_guard lock(mutex_);
  for (auto& [nonce, sight] : nonces_) {
    if (std::search(frame.bytes.begin(), frame.bytes.end(), nonce.begin(), nonce.end()) == frame.bytes.end()) continue;
    if (role == Role::Uplink) {
      if (frame.direction != Direction::Received) sight.left = true;
      return false;
    }
    return !std::exchange(sight.at_pod, true);
  }
  return false;
}

void OwnCanaries::begin_holding() { holding_.store(true, std::memory_order_relaxed); }

bool OwnCanaries::take(const Frame& frame, const Point& point, std::uint32_t place) {
  const std::optional<Nonce> nonce = frame.time == kNoTime ? std::nullopt : sensor_nonce(frame);
  if (!nonce) return false;
  const std::lock_guard lock(mutex_);
  if (!holding_.load(std::memory_order_relaxed) || held_.size() >= kMaxHeld) return false;
  HeldFrame& held = held_.emplace_back();
  held.bytes.assign(frame.bytes.begin(), frame.bytes.end());
  held.frame = frame;
  held.frame.bytes = held.bytes;  // on the heap: they stay where they are when the vector grows
  held.nonce = *nonce;
  held.point = &point;
  held.place = place;
  return true;
}

std::vector<HeldFrame> OwnCanaries::end_holding() {
  const std::lock_guard lock(mutex_);
  holding_.store(false, std::memory_order_relaxed);
  return std::exchange(held_, {});
}

}  // namespace airtight::audit
