#include "auditor/decode/gquic.h"

#include <algorithm>
#include <string_view>

#include "auditor/decode/byte_reader.h"
#include "auditor/decode/client_hello.h"

namespace airtight::audit {
namespace {

constexpr std::string_view kChlo = "CHLO";
constexpr std::size_t kMaxTags = 128;

constexpr std::uint32_t tag(const char (&text)[5]) {
  std::uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<std::uint8_t>(text[i]);
  return value;
}

std::uint32_t little_endian(ByteReader& reader, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value |= static_cast<std::uint32_t>(reader.u8()) << (8 * i);
  return value;
}

// Q, 0, and two digits below 50.
bool is_clear_version(std::uint32_t version) {
  const std::uint32_t tens = version >> 8 & 0xff;
  const std::uint32_t ones = version & 0xff;
  return version >> 16 == 0x5130 && tens >= '0' && tens <= '4' && ones >= '0' && ones <= '9';
}

// Offset behind the version number; 0 if there is none that counts.
std::size_t behind_version(Bytes datagram) {
  ByteReader reader(datagram);
  const std::uint8_t flags = reader.u8();
  const bool long_header = (flags & 0xc0) == 0xc0;
  if (!long_header && (flags & 0xc3) != 0x01) return 0;     // of the public flags: a version, and no reset
  if (!long_header && (flags & 0x08) != 0) reader.skip(8);  // the connection id
  const std::uint32_t version = reader.u32();
  return reader.ok() && is_clear_version(version) ? reader.offset() : 0;
}

Bytes::iterator find_chlo(Bytes bytes) {
  return std::search(bytes.begin(), bytes.end(), kChlo.begin(), kChlo.end(),
                     [](std::uint8_t byte, char letter) { return byte == static_cast<std::uint8_t>(letter); });
}

}  // namespace

HelloStatus read_chlo(Bytes message, ClientHello& hello) {
  clear_hello(hello);
  ByteReader reader(message);
  for (const char letter : kChlo) {
    if (reader.left() == 0) return HelloStatus::NeedMore;
    if (reader.u8() != static_cast<std::uint8_t>(letter)) return HelloStatus::NotHello;
  }
  const std::size_t tags = little_endian(reader, 2);
  reader.skip(2);
  if (!reader.ok()) return HelloStatus::NeedMore;
  if (tags > kMaxTags) return HelloStatus::Malformed;
  if (reader.left() < tags * 8) return HelloStatus::NeedMore;
  const Bytes values = reader.rest().subspan(tags * 8);
  std::uint32_t begin = 0;
  std::uint32_t last_tag = 0;
  bool reached = true;
  for (std::size_t i = 0; i < tags; ++i) {
    const std::uint32_t name = little_endian(reader, 4);
    const std::uint32_t end = little_endian(reader, 4);
    if ((i != 0 && name <= last_tag) || end < begin || end > kMaxHello) return HelloStatus::Malformed;
    if (name == tag("SNI\0")) {
      hello.has_server_name = true;
      reached = end <= values.size();
      if (reached) push_host_name(hello.server_name, values.subspan(begin, end - begin));
    }
    last_tag = name;
    begin = end;
  }
  if (!reached) clear_hello(hello);
  return reached ? HelloStatus::Found : HelloStatus::NeedMore;
}

HelloStatus read_gquic_client_hello(Bytes datagram, ClientHello& hello) {
  clear_hello(hello);
  const std::size_t header = behind_version(datagram);
  if (header == 0) return HelloStatus::NotHello;
  const auto found = find_chlo(datagram.subspan(header));
  const Bytes message(found, static_cast<std::size_t>(datagram.end() - found));
  if (message.empty()) return HelloStatus::NotHello;
  HelloStatus status = read_chlo(message, hello);
  const Bytes behind = message.subspan(kChlo.size());
  if (find_chlo(behind) != behind.end()) status = HelloStatus::Malformed;
  if (status != HelloStatus::Found) clear_hello(hello);
  return status;
}

bool is_clear_gquic(Bytes datagram) { return behind_version(datagram) != 0; }

}  // namespace airtight::audit
