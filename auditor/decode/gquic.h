// Google QUIC before it had TLS ("QUIC Crypto"): the CHLO message and its SNI tag, in the clear up to Q046.
#pragma once

#include "auditor/decode/frame.h"
#include "auditor/decode/tls.h"

namespace airtight::audit {

// A CHLO from its first byte: a table of tags in ascending order with the offsets where their values end, then the
// values. Found when the SNI value is there, or the table is whole and has none; NotHello if the message is another.
HelloStatus read_chlo(Bytes message, ClientHello&);

// The CHLO in a datagram for which is_clear_gquic() is true; NotHello if none is in it. A second one is Malformed.
HelloStatus read_gquic_client_hello(Bytes datagram, ClientHello&);

// Whether the bytes begin as a datagram of Q0xx below 50 that shows its version: under the public header of Q043 and
// before, or a long one.
bool is_clear_gquic(Bytes datagram);

}  // namespace airtight::audit
