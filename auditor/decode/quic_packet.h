// The outside of a QUIC packet with a long header (RFC 8999, RFC 9000 §17.2), before any decryption. Views into the
// datagram.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "auditor/decode/byte_reader.h"
#include "auditor/decode/frame.h"
#include "auditor/decode/quic_keys.h"

namespace airtight::audit {

// RFC 9000 §16: 62 bits, the two high ones of the first byte give the size.
std::uint64_t read_quic_varint(ByteReader&);

struct QuicInvariants {  // RFC 8999 §5.1
  std::uint8_t first = 0;
  std::uint32_t version = 0;
  Bytes destination;  // connection ids, at most 255 bytes each
  Bytes source;
  std::size_t size = 0;  // where they end

  bool fixed_bit() const { return (first & 0x40) != 0; }
  std::uint8_t type() const { return first >> 4 & 3; }
};
// Nothing if the bytes end within, or there is no long header.
std::optional<QuicInvariants> read_quic_invariants(Bytes datagram);

struct QuicProtected {
  std::size_t number = 0;  // offset of the protected packet number
  std::size_t end = 0;     // offset behind the packet, where a coalesced one may follow
};
// The rest of an Initial, 0-RTT or Handshake packet. Nothing if its lengths leave the datagram or a connection id is
// over 20 bytes.
std::optional<QuicProtected> read_quic_protected(Bytes datagram, const QuicInvariants&, bool has_token);

// RFC 9000 §17.2.1: versions fill the datagram, at least one.
bool is_version_negotiation(Bytes datagram, const QuicInvariants&);

// Versions that somebody is known to have given out, or reserved for greasing, and whose Initial keys we have not.
bool is_named_quic_version(std::uint32_t);

}  // namespace airtight::audit
