// ClientHellos for tests: bytes from hex, and messages put together from extensions, right or wrong.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "auditor/decode/frame.h"

namespace airtight::audit {

using Octets = std::vector<std::uint8_t>;

// Hexadecimal digits in pairs; spaces are passed over.
inline Octets from_hex(std::string_view text) {
  Octets bytes;
  unsigned value = 0;
  bool half = false;
  for (const char c : text) {
    if (c == ' ') continue;
    value = value << 4 | static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    if (half) bytes.push_back(static_cast<std::uint8_t>(value));
    half = !half;
  }
  return bytes;
}

inline Octets text_bytes(std::string_view text) { return {text.begin(), text.end()}; }

inline void append(Octets& to, const Octets& from) { to.insert(to.end(), from.begin(), from.end()); }
inline void append_number(Octets& to, std::size_t value, std::size_t size) {
  while (size-- > 0) to.push_back(static_cast<std::uint8_t>(value >> (8 * size)));
}
// `bytes` behind their length, which has `size` bytes.
inline Octets counted(const Octets& bytes, std::size_t size) {
  Octets out;
  append_number(out, bytes.size(), size);
  append(out, bytes);
  return out;
}

inline Octets extension(std::uint16_t type, const Octets& data) {
  Octets out;
  append_number(out, type, 2);
  append(out, counted(data, 2));
  return out;
}
inline Octets server_name(std::string_view name) {
  Octets entry = {0};
  append(entry, counted(text_bytes(name), 2));
  return extension(0, counted(entry, 2));
}
inline Octets alpn(std::initializer_list<std::string_view> protocols) {
  Octets list;
  for (const std::string_view protocol : protocols) append(list, counted(text_bytes(protocol), 1));
  return extension(16, counted(list, 2));
}

// Up to the extensions. Without `dtls` as TLS 1.2 and 1.3 begin, else as DTLS 1.2 does, with a cookie.
inline Octets hello_beginning(bool dtls = false, const Octets& cookie = {}) {
  Octets body = dtls ? Octets{0xfe, 0xfd} : Octets{3, 3};
  body.insert(body.end(), 32, 0x5a);  // random
  body.push_back(0);                  // session id
  if (dtls) append(body, counted(cookie, 1));
  append(body, from_hex("0002 1301  01 00"));  // one cipher suite, one compression
  return body;
}
inline Octets hello_body(std::initializer_list<Octets> extensions, bool dtls = false, const Octets& cookie = {}) {
  Octets body = hello_beginning(dtls, cookie);
  Octets all;
  for (const Octets& each : extensions) append(all, each);
  append(body, counted(all, 2));
  return body;
}
inline Octets hello_message(const Octets& body) {
  Octets message = {1};
  append(message, counted(body, 3));
  return message;
}
// Handshake bytes as TLS records of `size` bytes each, the last one shorter.
inline Octets in_records(const Octets& message, std::size_t size = 16'384) {
  Octets out;
  for (std::size_t at = 0; at < message.size(); at += size) {
    append(out, {22, 3, 1});
    const auto begin = message.begin() + static_cast<std::ptrdiff_t>(at);
    append(out, counted(Octets(begin, begin + static_cast<std::ptrdiff_t>(std::min(size, message.size() - at))), 2));
  }
  return out;
}

}  // namespace airtight::audit
