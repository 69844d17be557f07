// Tells our own sensor canaries from everything else, at the tap. The capture thread asks, the loop plans; both may
// call at any time. A nonce counts once, on its interface, in its time: a copied, repeated or late canary is an escape
// like any other packet to the outside.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "auditor/canary/shape.h"

namespace airtight::audit {

class SensorWatch {
 public:
  enum class Sight : std::uint8_t { NotOurs, Ours };  // NotOurs: judge it like any packet
  // `transmitted`: the frame left by this interface; a received copy is never ours.
  Sight see(const Frame& frame, std::uint32_t interface, bool transmitted);

  // From now until `deadline` (CLOCK_REALTIME, ns; by the frame's own time) this nonce may be seen once on `interface`.
  // Before the canary is sent.
  void expect(const Nonce& nonce, std::uint32_t interface, std::int64_t deadline);
  // Takes back what was expected and was not seen, and says which were: true for a nonce that was seen.
  bool settle(const Nonce& nonce);
  std::uint64_t seen() const;  // cumulative, all interfaces

 private:
  struct Expected {
    std::uint32_t interface = 0;
    std::int64_t deadline = 0;
    bool seen = false;
  };
  mutable std::mutex mutex_;
  std::map<Nonce, Expected> expected_;
  std::uint64_t seen_ = 0;
};

}  // namespace airtight::audit
