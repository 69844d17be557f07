// One try at one address, held against the firewall's drop counter.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "compiler/net/ip.h"

namespace airtight::audit {

struct Attempt {
  enum class Kind : std::uint8_t {
    Denied,       // the counter rose, and nothing came back
    Succeeded,    // a connection, an answer, a reset
    Unreachable,  // the stack had no way there: no hook of the firewall saw it
    NotCounted,   // nothing came back, and the counter did not rise: a dead network looks the same
    Unreadable,   // the counter could not be read; before the sending: nothing was sent
    Unsent,       // another error
  };
  Kind kind = Kind::Unsent;
  bool sent = false;
  std::string detail;
};

// A non-blocking connect, or a datagram (a DNS question for "invalid"), without a proxy; waits `timeout` milliseconds
// at most, and not much longer than it takes the counter to rise.
Attempt try_address(Ip address, std::uint16_t port, bool tcp,
                    const std::function<std::optional<std::uint64_t>()>& drops, unsigned timeout);

// What of this node keeps a family from being sent: "there is no interface but loopback", "every interface is down:
// eth0"; empty if an interface is up.
std::string interfaces_fault();
// Whether an interface that is up has an address of this family that is neither loopback's nor link-local.
bool speaks(Family family);

}  // namespace airtight::audit
