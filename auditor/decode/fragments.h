// IP fragments (RFC 791 §3.2, RFC 8200 §4.5, RFC 5722, RFC 8900): each is judged by its addresses when it passes; here
// they are also put together, so that names inside are seen, and what only an evader sends is flagged. Fixed memory;
// one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "auditor/decode/packet.h"

namespace airtight::audit {

// A datagram that did not become whole.
struct LostDatagram {
  Ip source;
  Ip destination;
  std::uint8_t protocol;  // of its fragment at offset 0 or, while that has not come, of the first that came
  std::uint32_t interface;
  std::int64_t time;  // of the first fragment that came; kNoTime if that had none
};

// What one fragment showed. Several may be true.
struct FragmentNews {
  bool overlap = false;   // bytes that an earlier one covered, other than an exact copy of a whole fragment: the
                          // datagram is given up
  bool tiny = false;      // not the last, and shorter than 8 bytes times n allows, or a first one without its whole
                          // transport header
  bool oversize = false;  // ends beyond 65,535 bytes of payload: given up
  bool contradiction = false;  // another end of the datagram than an earlier one showed: given up
  bool given_up = false;       // this datagram, or an older one that it pushed out, will never be whole for us
  // Datagrams that are given up with this call, be it this one or older ones that made room: each is told once. Valid
  // until the next call.
  std::span<const LostDatagram> lost;
  Bytes whole;  // the payload, complete with this fragment; valid until the next call. Empty otherwise.
  std::uint8_t protocol =
      0;  // fragment_protocol of the first fragment (RFC 8200 §4.5: later ones may lie); valid with `whole`
};

// Counters since the start; they only grow.
struct FragmentCounts {
  std::uint64_t fragments = 0;
  std::uint64_t completed = 0;
  std::uint64_t given_up = 0;  // datagrams: overlap, oversize, pushed out, or too old
};

class FragmentTable {
 public:
  // `datagrams` at a time, `bytes` of buffers in all; both fixed. A datagram older than 60 s by the packets' own time
  // is given up when its place is needed.
  explicit FragmentTable(std::size_t datagrams = 1024, std::size_t bytes = 16u << 20);
  ~FragmentTable();
  FragmentTable(const FragmentTable&) = delete;
  FragmentTable& operator=(const FragmentTable&) = delete;

  // `level.fragment` must be set; `payload` are the captured bytes from level.fragment_begin on, transport header
  // included. Its place is told by source, destination, id, `interface` and, for IPv4, the protocol: the same datagram
  // seen at two points is two. A datagram of which payload is missing is given up. Later fragments of one that was
  // given up are given up too, until its time is over; copies of the parts of one that was completed lack nothing.
  FragmentNews add(const Level& level, Bytes payload, std::uint32_t interface, std::int64_t time);
  // Datagrams that are waiting for the rest, given up ones and mere copies of a completed one not counted.
  std::size_t waiting() const;
  void each_waiting(const std::function<void(const LostDatagram&)>&) const;
  const FragmentCounts& counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace airtight::audit
