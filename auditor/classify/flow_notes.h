// What Application keeps in Flow::notes[0..2], [6] and [7]; the other words are the classifier's.
#pragma once

#include <cstdint>

#include "auditor/decode/tcp_stream.h"
#include "auditor/flow_table.h"

namespace airtight::audit {

inline constexpr std::size_t kNoteStreams = 0;   // StreamId of side 0 in the low half, of side 1 in the high half
inline constexpr std::size_t kNoteReader = 1;    // HTTP/2 reader + 1
inline constexpr std::size_t kNoteState = 2;     // a StreamState a side in the low byte, then flags
inline constexpr std::size_t kNoteSequence = 6;  // and 7: the next sequence number of each side

enum StreamState : std::uint32_t {
  kFresh,    // nothing seen
  kSniff,    // the beginning of something: what it is, or all of it, is not known yet
  kHttp1,    // at the beginning of a request
  kChunked,  // at a chunk of a request's body
  kHttp2,
  kDns,
  kQuiet,  // nothing that names anybody so far; a segment may still begin with a hello or a request
};

enum FlowFlag : std::uint32_t {
  kSequenceKnown = 1u << 8,  // and bit 9: of each side
  kSynSeen = 1u << 10,       // and bit 11
  kEncrypted = 1u << 12,     // counted
  kMidway = 1u << 13,        // counted
  kUnknown = 1u << 14,       // counted
  kQuicPending = 1u << 15,   // Initials without a whole hello so far
  kQuicAsked = 1u << 16,     // the QUIC table may hold something of the flow
  kCutSaid = 1u << 17,       // that the snap length cut its payloads was said
};

inline StreamState stream_state(const Flow& flow, unsigned side) {
  return static_cast<StreamState>(flow.notes[kNoteState] >> (4 * side) & 15);
}
inline void set_state(Flow& flow, unsigned side, StreamState to) {
  flow.notes[kNoteState] = (flow.notes[kNoteState] & ~(15u << (4 * side))) | static_cast<std::uint32_t>(to)
                                                                                 << (4 * side);
}
inline bool flagged(const Flow& flow, FlowFlag flag, unsigned side = 0) {
  return (flow.notes[kNoteState] & static_cast<std::uint32_t>(flag) << side) != 0;
}
inline void set_flag(Flow& flow, FlowFlag flag, unsigned side = 0) {
  flow.notes[kNoteState] |= static_cast<std::uint32_t>(flag) << side;
}
inline void clear_flag(Flow& flow, FlowFlag flag) { flow.notes[kNoteState] &= ~static_cast<std::uint32_t>(flag); }
// Sets it; whether it was not set before.
inline bool first_time(Flow& flow, FlowFlag flag) {
  if (flagged(flow, flag)) return false;
  set_flag(flow, flag);
  return true;
}

inline StreamId stream_of(const Flow& flow, unsigned side) { return flow.notes[kNoteStreams] >> (16 * side) & 0xffff; }
inline void set_stream(Flow& flow, unsigned side, StreamId id) {
  flow.notes[kNoteStreams] = (flow.notes[kNoteStreams] & ~(0xffffu << (16 * side))) | id << (16 * side);
}

inline bool is_dns_port(std::uint16_t port) { return port == 53 || port == 5353 || port == 5355; }

}  // namespace airtight::audit
