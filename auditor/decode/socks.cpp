#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <new>
#include <string_view>

#include "auditor/decode/authority.h"
#include "auditor/decode/byte_reader.h"
#include "auditor/decode/http.h"

namespace airtight::audit {
namespace {

constexpr std::size_t kMaxText = 255;  // user identifier and name of version 4, which have no length of their own

// CONNECT, BIND, UDP ASSOCIATE (5 only), and Tor's RESOLVE and RESOLVE_PTR.
bool is_command(std::uint8_t version, std::uint8_t command) {
  return command == 1 || command == 2 || (command == 3 && version == 5) || command == 0xf0 || command == 0xf1;
}

// Authentication methods with an exchange of their own that cannot be followed: GSSAPI, the others registered, private
// ones.
bool is_opaque_method(std::uint8_t method) {
  return method == 1 || (method >= 3 && method <= 9) || (method >= 0x80 && method != 0xff);
}

std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// As to_string(Ip) writes it, without allocation.
void set_address(NameText& name, Bytes bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  constexpr auto zero = [](std::uint8_t byte) { return byte == 0; };
  const bool v4 = bytes.size() == 4;
  // inet_ntop() writes a quad into ::a.b.c.d, which RFC 5952 §5 does not ask for where no prefix says so.
  if (!v4 && std::all_of(bytes.begin(), bytes.begin() + 12, zero) && (bytes[12] != 0 || bytes[13] != 0))
    std::snprintf(text.data(), text.size(), "::%x:%x", bytes[12] << 8 | bytes[13], bytes[14] << 8 | bytes[15]);
  else
    inet_ntop(v4 ? AF_INET : AF_INET6, bytes.data(), text.data(), static_cast<socklen_t>(text.size()));
  set_text(name, text.data());
}

enum class Text : std::uint8_t { Whole, Short, TooLong };

// Text up to a NUL, which is taken too.
Text take_text(ByteReader& reader, std::string_view& text) {
  const Bytes rest = reader.rest();
  const auto window = rest.first(std::min(rest.size(), kMaxText + 1));
  const auto end = std::find(window.begin(), window.end(), std::uint8_t{0});
  if (end == window.end()) return window.size() > kMaxText ? Text::TooLong : Text::Short;
  text = text_of(reader.take(static_cast<std::size_t>(end - window.begin())));
  reader.skip(1);
  return Text::Whole;
}

ReadStatus refuse(Text text) { return text == Text::Short ? ReadStatus::NeedMore : ReadStatus::Malformed; }

ReadStatus read_version4(Bytes stream, SocksRequest& request) {
  ByteReader reader(stream);
  reader.skip(1);
  const std::uint8_t command = reader.u8();
  if (!reader.ok()) return ReadStatus::NeedMore;
  if (!is_command(4, command)) return ReadStatus::NotThis;
  request.port = reader.u16();
  const Bytes address = reader.take(4);
  if (!reader.ok()) return ReadStatus::NeedMore;
  std::string_view text;
  if (const Text user = take_text(reader, text); user != Text::Whole) return refuse(user);
  if (address[0] == 0 && address[1] == 0 && address[2] == 0 && address[3] != 0) {  // 4a: a name follows
    if (const Text name = take_text(reader, text); name != Text::Whole) return refuse(name);
    if (text.empty()) return ReadStatus::Malformed;
    set_text(request.name, text);
  } else {
    set_address(request.name, address);
  }
  request.consumed = reader.offset();
  return ReadStatus::Found;
}

// Greeting, then as the server chose, which is not seen: the version byte tells what the client went on with.
ReadStatus read_authentication(ByteReader& reader, Bytes methods) {
  const auto offered = [methods](std::uint8_t method) {
    return std::find(methods.begin(), methods.end(), method) != methods.end();
  };
  const Bytes rest = reader.rest();
  if (rest.empty()) return ReadStatus::NeedMore;
  if (rest[0] == 5) return ReadStatus::Found;
  if (rest[0] != 1 || !offered(2))
    return std::any_of(methods.begin(), methods.end(), is_opaque_method) ? ReadStatus::Malformed : ReadStatus::NotThis;
  reader.skip(1);  // RFC 1929: version, user name, password
  reader.skip(reader.u8());
  reader.skip(reader.u8());
  return reader.ok() ? ReadStatus::Found : ReadStatus::NeedMore;
}

ReadStatus read_version5(Bytes stream, SocksRequest& request) {
  ByteReader reader(stream);
  reader.skip(1);
  const std::uint8_t count = reader.u8();
  if (!reader.ok()) return ReadStatus::NeedMore;
  if (count == 0) return ReadStatus::NotThis;
  const Bytes methods = reader.take(count);
  if (!reader.ok()) return ReadStatus::NeedMore;
  if (const ReadStatus status = read_authentication(reader, methods); status != ReadStatus::Found) return status;

  const std::uint8_t version = reader.u8();
  if (!reader.ok()) return ReadStatus::NeedMore;
  if (version != 5) return ReadStatus::Malformed;
  const std::uint8_t command = reader.u8();
  if (!reader.ok()) return ReadStatus::NeedMore;
  if (!is_command(5, command)) return ReadStatus::Malformed;
  reader.skip(1);  // reserved
  const std::uint8_t form = reader.u8();
  if (!reader.ok()) return ReadStatus::NeedMore;
  if (form != 1 && form != 3 && form != 4) return ReadStatus::Malformed;
  const std::size_t length = form == 1 ? 4U : form == 4 ? 16U : reader.u8();
  if (reader.ok() && length == 0) return ReadStatus::Malformed;
  const Bytes address = reader.take(length);
  request.port = reader.u16();
  if (!reader.ok()) return ReadStatus::NeedMore;
  if (form == 3)
    set_text(request.name, text_of(address));
  else
    set_address(request.name, address);
  request.consumed = reader.offset();
  return ReadStatus::Found;
}

}  // namespace

ReadStatus read_socks_request(Bytes stream, SocksRequest& request) {
  ::new (static_cast<void*>(&request))
      SocksRequest;  // as assigning a new one, but the buffers of its names stay as they are
  if (stream.empty()) return ReadStatus::NeedMore;
  request.version = stream[0];
  switch (stream[0]) {
    case 4:
      return read_version4(stream, request);
    case 5:
      return read_version5(stream, request);
    default:
      return ReadStatus::NotThis;
  }
}

}  // namespace airtight::audit
