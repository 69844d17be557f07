#include "auditor/agent/own_canaries.h"

#include <algorithm>

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

}  // namespace airtight::audit
