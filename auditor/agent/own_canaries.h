// Our own enforcement canaries while they are out, known by their nonces: at a pod's side they are no attempt of
// anybody's, and where one leaves it is an escape that the round must hear of. The capture thread asks, the loop arms.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <vector>

#include "auditor/canary/shape.h"
#include "auditor/classify/mark.h"
#include "auditor/decode/frame.h"

namespace airtight::audit {

class OwnCanaries {
 public:
  void arm(const std::vector<Nonce>& nonces);
  void disarm();
  // True for the first sight of one coming from a pod: not to be judged. Whatever leaves is judged like any packet.
  bool swallow(const Frame& frame, Role role) {
    return armed_.load(std::memory_order_relaxed) && frame.bytes.size() <= kLongest && look(frame, role);
  }
  bool left(const Nonce& nonce) const;

 private:
  static constexpr std::size_t kLongest = 256;  // of a canary in whatever wrapping
  struct Sight {
    bool left = false;
    bool at_pod = false;
  };
  bool look(const Frame& frame, Role role);

  std::atomic<bool> armed_{false};
  mutable std::mutex mutex_;
  std::map<Nonce, Sight> nonces_;
};

}  // namespace airtight::audit
