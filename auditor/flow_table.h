// Flows: who opened, and how much went which way. Open addressing over memory that is fixed at start; entries never
// move. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "compiler/net/ip.h"

namespace airtight::audit {

// As in the packet; the table finds the same flow for both directions. What the caller puts into the ports where there
// are none is its business, as long as both directions agree (ports swapped).
struct FlowKey {
  Ip source = Ip::v4(0);
  Ip destination = Ip::v4(0);
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint8_t protocol = 0;
  std::uint32_t place = 0;  // interface and tunnel depth: the same packet seen at two points is in two flows
};

// How the direction of a flow is known.
enum class Opened : std::uint8_t {
  Syn,        // TCP SYN without ACK was seen: its sender opened
  SynAck,     // TCP SYN with ACK was seen first: its receiver opened
  FirstSeen,  // a guess: the sender of the first packet
};

// One flow. 128 bytes at most; `notes` belong to the caller and are zero at first.
struct Flow {
  std::int64_t first = 0;  // time of the first and the latest packet, nanoseconds
  std::int64_t last = 0;
  std::array<std::uint64_t, 2> bytes{};    // [0] from the opener, [1] to it
  std::array<std::uint32_t, 2> packets{};  // saturating
  Opened opened = Opened::FirstSeen;
  bool source_opened = true;  // the key's source, as first seen, is the opener
  std::uint8_t closed = 0;    // bit 0: FIN by the opener, bit 1: FIN by the other, bit 2: RST
  bool has_syn = false;       // a SYN of the opener was seen
  std::array<std::uint32_t, 8> notes{};
  std::uint32_t syn_sequence = 0;  // of the first of those; valid if has_syn
};

struct FlowRef {
  Flow* flow = nullptr;  // nullptr: the table is full of flows that are not idle; the packet was counted in `untracked`
  std::uint32_t id = 0;  // slot of the flow: stable while it lives, below capacity()
  bool from_opener = true;  // this packet
  bool created = false;
};

struct FlowCounts {
  std::uint64_t created = 0;
  std::uint64_t evicted =
      0;  // idle ones that made room: no loss, but their later packets open a new flow with a guessed direction
  std::uint64_t untracked = 0;  // packets of flows that found no place: a gap
};

class FlowTable {
 public:
  // Memory for `capacity` flows: (128 + 16) bytes each, touched only as flows come. `evicted` is called before a flow
  // goes.
  explicit FlowTable(std::size_t capacity, std::function<void(std::uint32_t id, Flow&)> evicted = {});
  ~FlowTable();
  FlowTable(const FlowTable&) = delete;
  FlowTable& operator=(const FlowTable&) = delete;

  // Finds or makes the flow of a packet and counts it. `tcp_flags` are 0 for what is not TCP. A SYN without ACK begins
  // the flow anew if that is closed, or idle beyond its time (TCP 3,600 s established, 120 s otherwise), or if its
  // opener sends it and with another sequence number than its SYN had, or opened by a guess: counters and notes zero,
  // `created` set, `evicted` called first. A repeated SYN does not, nor one from the other end (both may open at once),
  // nor the opener's behind the answer that was seen before it. Amortised O(1): when full, a hand goes round the slots
  // (64 at most a call) for one that is idle or closed.
  FlowRef touch(const FlowKey& key, std::uint8_t tcp_flags, std::uint64_t bytes, std::int64_t time,
                std::uint32_t tcp_sequence = 0);

  std::size_t size() const;
  std::size_t capacity() const;
  const FlowCounts& counts() const;
  // The key as first seen.
  FlowKey key(std::uint32_t id) const;
  // Every live flow.
  void each(const std::function<void(std::uint32_t id, const Flow&)>&) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace airtight::audit
