// The body of a ClientHello (RFC 8446 §4.1.2, RFC 6347 §4.2.1), shared by TLS, DTLS and QUIC. Views into the input;
// never allocates.
#pragma once

#include <cstddef>
#include <cstdint>

#include "auditor/decode/tls.h"

namespace airtight::audit {

inline constexpr std::uint8_t kClientHelloType = 1;
inline constexpr std::size_t kHandshakeHeader = 4;  // type, and 24 bits of length

enum class HelloWire : std::uint8_t { Tls, Dtls };  // DTLS counts versions from 0xfe, and has a cookie

void clear_hello(ClientHello&);

// What follows the handshake header. `present` are the first bytes of the `total` that the header announces. With all
// of them: Found or Malformed. With fewer: Found once the server_name was read, else NeedMore, and Malformed as soon as
// a length leaves the total. The hello is empty unless Found.
HelloStatus read_client_hello_body(Bytes present, std::size_t total, HelloWire, ClientHello&);

// One byte of a name that is no DNS name on the wire: a backslash is doubled, so that \DDD means one thing.
void push_name_byte(NameText&, std::uint8_t byte);
// A host name: no final dot.
void push_host_name(NameText&, Bytes name);

}  // namespace airtight::audit
