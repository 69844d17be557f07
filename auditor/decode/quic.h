// Initial packets of QUIC version 1 and 2 (RFC 9000 §17.2, RFC 9001 §5.2, RFC 9369), of drafts 29 to 34 and of Q050:
// keys derived from the client's connection id, so that anybody on the path reads the ClientHello; also version
// negotiation and Retry, and the SNI tag of Google QUIC's clear-text CHLO. Encryption is OpenSSL's. Fixed memory; one
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "auditor/decode/frame.h"
#include "auditor/decode/tls.h"

namespace airtight::audit {

enum class QuicStatus : std::uint8_t {
  NotQuic,        // nothing says that it is
  Handshake,      // a long header other than Initial (0-RTT, Handshake; Google's without a CHLO): encrypted, no name
  ShortHeader,    // looks like a 1-RTT packet (fixed bit set); only meaningful on a flow that was QUIC before
  NeedMore,       // an Initial of the client, decrypted; its ClientHello is not whole yet
  Found,          // the ClientHello is whole: hello is filled
  ServerInitial,  // an Initial that does not open with client keys but with server keys, or whose keys are not known
  Retry,          // connection ids change: the next Initial of this flow is keyed anew
  VersionNegotiation,
  UnknownVersion,  // a long header of a version with a name, whose Initial keys are unknown (drafts before 29, …): its
                   // hello is hidden
  Undecryptable,  // v1 or v2 Initial of the opener that no key opens
  Malformed,      // opened, and then frames or hello contradict themselves, or exceed the bounds
};

class QuicTable {
 public:
  // Connections at a time: hellos that are being put together, and read ones, whose keys open what comes after. Each
  // has a buffer of kMaxHello bytes, in memory only as far as it was ever filled, and 8 KiB beside it. When there is no
  // place a read one goes, else the oldest is pushed out, and counted.
  explicit QuicTable(std::size_t places = 256);
  ~QuicTable();
  QuicTable(const QuicTable&) = delete;
  QuicTable& operator=(const QuicTable&) = delete;

  // One UDP payload. `flow` names the direction of the UDP flow that it belongs to, so that the CRYPTO frames of
  // several datagrams come together; coalesced packets in one datagram are all read. Handles frames out of order,
  // copies, ACK, PING, PADDING and CONNECTION_CLOSE; any other frame in an Initial is Malformed, and so is a byte that
  // comes again with another value. What was Malformed stays so. A connection whose hello was read gives Found again
  // for each later Initial. One flow may carry several connections (four are followed), before and after Retry for one:
  // a later Found may come with another name, and counts as well. The views of `hello` are valid until the next call.
  QuicStatus read(std::uint64_t flow, Bytes datagram, ClientHello& hello);
  void forget(std::uint64_t flow);  // the flow is over
  std::uint64_t pushed_out() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Cheap pre-check on any UDP payload: a long header with a version that is known, by its keys or by name, or Google's
// clear Q0xx. The fixed bit must be set only where the keys are unknown (RFC 9287). Version negotiation, which has no
// version, is none.
bool may_be_quic_initial(Bytes datagram);

}  // namespace airtight::audit
