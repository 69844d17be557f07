// One direction of a TCP connection, put in order (RFC 9293 §3.4) up to a bound: the beginning, where names stand, and
// DNS over TCP all along. Memory comes from a pool of fixed size that all streams share. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "auditor/decode/frame.h"

namespace airtight::audit {

// A stream in the pool. 0 is "none".
using StreamId = std::uint32_t;

// What a segment brought.
enum class StreamNews : std::uint8_t {
  Nothing,  // a copy, or out of order and kept
  Data,     // data() has grown at its end
  Gap,      // beyond the window or the buffers: bytes are lost, the stream is given up and each later segment is a Gap.
        // data() stays, and may have grown by what still fitted
  Conflict,  // bytes that are held come again with another value: an evader's, or a damaged one; the first copy is
             // kept. What was new beside them is taken, so data() may have grown
};

class StreamPool {
 public:
  // At most `streams` at a time and `bytes` of buffers in all; a stream never holds more than `window` bytes.
  explicit StreamPool(std::size_t streams = 16384, std::size_t bytes = 64u << 20, std::size_t window = 64u << 10);
  ~StreamPool();
  StreamPool(const StreamPool&) = delete;
  StreamPool& operator=(const StreamPool&) = delete;

  // A new stream whose next byte has sequence number `next`; 0 if the pool is used up (which the caller records).
  StreamId open(std::uint32_t next);
  void close(StreamId);  // the id may be given out again

  // `payload` begins at `sequence`; sequence numbers wrap. Data beyond the window or when buffers are used up is a Gap.
  StreamNews add(StreamId, std::uint32_t sequence, Bytes payload);
  // The bytes in order that were not consumed yet, in one piece; valid until the next call on the pool.
  Bytes data(StreamId) const;
  // Drops the first `count` bytes of data().
  void consume(StreamId, std::size_t count);
  // The sequence number of the first byte that data() lacks at its end.
  std::uint32_t expected(StreamId) const;
  // Bytes that are kept behind a hole.
  std::size_t early(StreamId) const;

  std::size_t in_use() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace airtight::audit
