#include "auditor/decode/quic_packet.h"

namespace airtight::audit {
namespace {

constexpr std::size_t kMaxConnectionId = 20;

struct Named {
  std::uint32_t value, mask;
};
constexpr Named kNamed[] = {
    {0xff000000, 0xffffff00},  // IETF drafts
    {0x0a0a0a0a, 0x0f0f0f0f},  // greasing, RFC 9000 §15
    {0x709a50c4, 0xffffffff},  // drafts of version 2
    {0x51303000, 0xfffff000},  // Google's Q0xx
    {0x54303000, 0xfffff000},  // Google's T0xx
    {0xfaceb000, 0xfffff000},  // mvfst
    {0x50435100, 0xffffff00},  // picoquic
    {0x5130303f, 0xffffffff},  // Google's reserved one for negotiation
};

}  // namespace

std::uint64_t read_quic_varint(ByteReader& reader) {
  const std::uint8_t first = reader.u8();
  std::uint64_t value = first & 0x3f;
  for (const std::uint8_t byte : reader.take((std::size_t{1} << (first >> 6)) - 1)) value = value << 8 | byte;
  return value;
}

std::optional<QuicInvariants> read_quic_invariants(Bytes datagram) {
  ByteReader reader(datagram);
  QuicInvariants read;
  read.first = reader.u8();
  read.version = reader.u32();
  read.destination = reader.take(reader.u8());
  read.source = reader.take(reader.u8());
  read.size = reader.offset();
  if (!reader.ok() || (read.first & 0x80) == 0) return std::nullopt;
  return read;
}

std::optional<QuicProtected> read_quic_protected(Bytes datagram, const QuicInvariants& invariants, bool has_token) {
  if (invariants.destination.size() > kMaxConnectionId || invariants.source.size() > kMaxConnectionId)
    return std::nullopt;
  ByteReader reader(datagram);
  reader.skip(invariants.size);
  if (has_token) reader.skip(read_quic_varint(reader));
  const std::uint64_t length = read_quic_varint(reader);
  const std::size_t number = reader.offset();
  reader.skip(length);
  if (!reader.ok()) return std::nullopt;
  return QuicProtected{number, reader.offset()};
}

bool is_version_negotiation(Bytes datagram, const QuicInvariants& invariants) {
  const std::size_t versions = datagram.size() - invariants.size;
  return invariants.version == 0 && versions != 0 && versions % 4 == 0;
}

bool is_named_quic_version(std::uint32_t version) {
  for (const Named& named : kNamed)
    if ((version & named.mask) == named.value) return true;
  return false;
}

}  // namespace airtight::audit
