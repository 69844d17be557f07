// Names in clear-text application protocols over TCP: HTTP/1 (RFC 9112), HTTP/2 by prior knowledge (RFC 9113 §3.3,
// HPACK RFC 7541 through nghttp2), SOCKS 4, 4a and 5 (RFC 1928). Each reads a stream from a boundary of its own
// messages. No allocation but nghttp2's, which is bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "auditor/decode/frame.h"
#include "auditor/decode/name_text.h"

namespace airtight::audit {

enum class ReadStatus : std::uint8_t { Found, NeedMore, NotThis, Malformed };

// A request head. Names as written, port included: "www.example.com:8080", "[2001:db8::1]:80".
struct HttpRequest {
  NameText host;  // of the Host header; several that differ: the first that is not empty, and conflicting is set
  bool has_host = false;     // there is one, and it is not empty
  bool conflicting = false;  // two Host headers, or a Host header and an absolute URI that differ
  NameText authority;        // of an absolute-form or authority-form (CONNECT) request target
  bool has_authority = false;
  bool connect = false;  // the method is CONNECT: what follows is somebody else's protocol
  bool upgrade_h2c = false;
  bool websocket = false;
  std::size_t head = 0;    // bytes of the head, final empty line included
  std::uint64_t body = 0;  // Content-Length; 0 if none
  bool chunked = false;
};
inline constexpr std::size_t kMaxHttpHead = 32'768;  // a longer head is Malformed
// The stream must begin at a request. NotThis unless it begins as a method token, a space and a target would (unknown
// methods too, if the first line ends in HTTP/1.x). Obsolete folding and bare LF line ends are accepted as lenient
// servers accept them. Malformed leaves in the request what was read of it before, `head` 0: also lengths that disagree
// (RFC 9112 §6.1, §6.3), after which no boundary is sure.
ReadStatus read_http_request(Bytes stream, HttpRequest&);
// Status line of a response: 3 digits, 0 if it is none or not whole.
unsigned read_http_status(Bytes stream);

// HTTP/2 of one client: fed the stream from the connection preface on, in order.
class Http2Reader {
 public:
  Http2Reader();
  ~Http2Reader();
  Http2Reader(const Http2Reader&) = delete;
  Http2Reader& operator=(const Http2Reader&) = delete;

  // Reads one frame at a time from the front of the stream. Found: a header block was complete and `authority`
  // (":authority", else "host") is filled, may be empty. `consumed` bytes are done with in any case. NeedMore with
  // consumed > 0 is progress. NotThis: no preface. Malformed lasts until reset(); also an ":authority" and a "host"
  // that name different hosts (RFC 9113 §8.3.1).
  ReadStatus read(Bytes stream, std::size_t& consumed, NameText& authority);
  void reset();

 private:
  struct State;
  std::unique_ptr<State> state_;
};
// Whether the stream begins with (a beginning of, at least 4 bytes) the client connection preface "PRI * HTTP/2.0".
bool looks_like_http2(Bytes stream);

// A client's SOCKS request. `name`: host name of SOCKS 4a or 5, or the literal address that it asks for, always with no
// port.
struct SocksRequest {
  NameText name;
  std::uint16_t port = 0;
  std::uint8_t version = 0;
  std::size_t consumed = 0;  // greeting, authentication and request: what follows is the tunnelled protocol
};
// The client's direction from its first byte (5: greeting, perhaps user name and password, request). Malformed also if
// an authentication comes that cannot be followed (GSSAPI and private methods).
ReadStatus read_socks_request(Bytes stream, SocksRequest&);

}  // namespace airtight::audit
