// Our own enforcement canaries while they are out, known by their nonces: at a pod's side they are no attempt of
// anybody's, and where one leaves it is an escape that the round must hear of. And, while another agent still runs that
// this one takes over from, frames that may be its sensor canaries: its log will say. The capture thread asks, the loop
// arms.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <vector>

#include "auditor/canary/shape.h"
#include "auditor/classify/mark.h"
#include "auditor/decode/frame.h"

namespace airtight::audit {

// A frame that is not judged yet.
struct HeldFrame {
  std::vector<std::uint8_t> bytes;
  Frame frame;  // its bytes are those above
  Nonce nonce{};
  const Point* point = nullptr;  // the judge's
  std::uint32_t place = 0;
};

class OwnCanaries {
 public:
  static constexpr std::size_t kMaxHeld = 4096;  // whatever comes after is judged like any packet

  void arm(const std::vector<Nonce>& nonces);
  void disarm();
  // True for the first sight of one coming from a pod: not to be judged. Whatever leaves is judged like any packet.
  bool swallow(const Frame& frame, Role role) {
    return armed_.load(std::memory_order_relaxed) && frame.bytes.size() <= kLongest && look(frame, role);
  }
  bool left(const Nonce& nonce) const;

  // From here on what leaves an uplink in the sensor's exact shape is held back; call before frames come.
  void begin_holding();
  // True where it was held: not to be judged now. Ask for frames of uplinks that are none of our own canaries.
  bool hold(const Frame& frame, const Point& point, std::uint32_t place) {
    return holding_.load(std::memory_order_relaxed) && frame.direction == Direction::Transmitted &&
           take(frame, point, place);
  }
  // Ends it, and hands out what was held, in the order of its coming.
  std::vector<HeldFrame> end_holding();

 private:
  static constexpr std::size_t kLongest = 256;  // of a canary in whatever wrapping
  struct Sight {
    bool left = false;
    bool at_pod = false;
  };
  bool look(const Frame& frame, Role role);
  bool take(const Frame& frame, const Point& point, std::uint32_t place);

  std::atomic<bool> armed_{false}, holding_{false};
  mutable std::mutex mutex_;
  std::map<Nonce, Sight> nonces_;
  std::vector<HeldFrame> held_;
};

}  // namespace airtight::audit
