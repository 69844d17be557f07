// TLS and DTLS ClientHello (RFC 8446 §4.1.2, 5246, 6347, 9147; SNI RFC 6066, ALPN RFC 7301, ECH RFC 9849; the older
// ESNI drafts): the names that a handshake shows. Views into the input; never allocates.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "auditor/decode/frame.h"
#include "auditor/decode/name_text.h"

namespace airtight::audit {

struct ClientHello {
  NameText server_name;  // empty if the extension is not there
  bool has_server_name = false;
  bool ech = false;  // encrypted_client_hello (0xfe0d) or ESNI (0xffce): server_name is a cover, the true one is hidden
  // Names of ALPN that mean DNS: "dot", "doq", "h3" is none of them.
  bool alpn_dns = false;
  std::array<std::string_view, 8> alpn{};  // the first eight; views into the input
  std::uint8_t alpn_count = 0;             // may be more than eight
};

enum class HelloStatus : std::uint8_t {
  Found,      // a whole ClientHello was read
  NeedMore,   // so far everything fits, and the bytes end
  NotHello,   // not a TLS handshake beginning with a ClientHello; nothing is claimed about it
  Malformed,  // it begins as a ClientHello and then contradicts itself, or exceeds kMaxHello
};

inline constexpr std::size_t kMaxHello = 65'536;  // bytes of handshake message that are followed

// A TCP stream from its first byte: TLS records (any number, the hello split over them anywhere, even at every byte),
// or an SSLv2-compatible hello (NotHello unless it announces version >= 3.0: then Found without names). `scratch` takes
// the hello put together where records cut it: kMaxHello bytes, the caller's, and the views point there. O(bytes) a
// call, so a caller that asks again after each segment should let data double.
HelloStatus read_tls_client_hello(Bytes stream, std::span<std::uint8_t> scratch, ClientHello&);

// The handshake message itself, without records, as in QUIC CRYPTO frames (RFC 9001 §4).
HelloStatus read_client_hello_message(Bytes handshake, ClientHello&);

// One UDP datagram that may hold DTLS: a ClientHello in one record, whole or as a fragment of a longer one (RFC 6347
// §4.2.3). Fragments that begin at offset 0 are read as far as they go: Found if the server_name is there, NeedMore if
// it may come in a later one. An ECH extension behind it, in a later fragment, is not seen then. Two hellos of
// different names in one datagram are Malformed.
HelloStatus read_dtls_client_hello(Bytes datagram, ClientHello&);

// Whether the stream begins with a TLS record of any content type and a plausible version: encrypted from here on, for
// all we can see.
bool looks_like_tls_record(Bytes stream);

}  // namespace airtight::audit
