#include "auditor/decode/local_protocols.h"

#include <algorithm>

#include "auditor/decode/byte_reader.h"
#include "auditor/decode/local_readers.h"

namespace airtight::audit {
namespace {

constexpr std::string_view kKinds[] = {"none",
                                       "ARP",
                                       "router solicitation",
                                       "neighbour solicitation",
                                       "neighbour advertisement",
                                       "router advertisement",
                                       "redirect",
                                       "MLD",
                                       "IGMP",
                                       "DHCP client",
                                       "DHCP server",
                                       "DHCPv6 client",
                                       "DHCPv6 server"};

constexpr std::uint16_t kEtherTypeArp = 0x0806;

// RFC 826 for Ethernet and IPv4. Padding is that of a frame of 60 bytes, or of one that was padded before a tag came
// into it.
LocalMessage read_arp(const Frame& frame, const Packet& packet) {
  constexpr std::size_t kMessage = 28, kSmallestFrame = 60, kMostPadding = 18;
  if (packet.ether_type != kEtherTypeArp || frame.original > frame.bytes.size() ||
      packet.l3_offset > frame.bytes.size())
    return {};
  ByteReader reader(frame.bytes.subspan(packet.l3_offset));
  const bool ethernet_ipv4 = reader.u16() == 1 && reader.u16() == 0x0800 && reader.u8() == 6 && reader.u8() == 4;
  const std::uint16_t operation = reader.u16();
  reader.skip(6 + 4 + 6);
  LocalMessage message;
  message.target = ipv4_from(reader.take(4));
  const Bytes padding = reader.rest();
  const bool padded = padding.empty() || padding.size() == kMostPadding ||
                      packet.l3_offset + kMessage + padding.size() == kSmallestFrame;
  const bool zero = std::all_of(padding.begin(), padding.end(), [](std::uint8_t byte) { return byte == 0; });
  if (!reader.ok() || !ethernet_ipv4 || (operation != 1 && operation != 2) || !padded || !zero) return {};
  message.kind = LocalKind::Arp;
  return message;
}

// The message of an IP packet that is one, straight on the link; of all others nothing is local.
bool view(const Frame& frame, const Packet& packet, Bytes& message, std::uint32_t& headers) {
  const Level& level = packet.outer();
  if (level.carrier != Carrier::Link || packet.mpls || level.fragment || level.routed || level.route_unread ||
      !level.has_protocol)
    return false;
  const std::uint64_t end = std::uint64_t{level.payload_offset} + level.payload_length;
  if (end > frame.bytes.size() || level.header_offset + 20u > level.payload_offset) return false;
  message = frame.bytes.subspan(level.payload_offset, level.payload_length);
  headers = level.payload_offset - level.header_offset;
  // What the IP packet holds behind a UDP datagram would go along unseen.
  ByteReader header(frame.bytes.subspan(level.header_offset + (level.source.is_v4() ? 2u : 4u)));
  const std::uint32_t length = header.u16() + (level.source.is_v4() ? 0u : 40u);
  return header.ok() && std::uint64_t{headers} + level.payload_length + level.payload_missing == length;
}

}  // namespace

std::string_view to_string(LocalKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

LocalMessage read_local(const Frame& frame, const Packet& packet) {
  if (packet.outcome == Outcome::Arp) return read_arp(frame, packet);
  Bytes message;
  std::uint32_t headers = 0;
  if (packet.outcome != Outcome::Ip || packet.level_count != 1 || !view(frame, packet, message, headers)) return {};
  const Level& level = packet.outer();
  const LocalView local{level, message, level.payload_missing > 0, headers};
  const bool v4 = level.source.is_v4();
  switch (level.protocol) {
    case ip_protocol::kIcmp:
      return v4 ? read_icmp_redirect(local) : LocalMessage{};
    case ip_protocol::kIgmp:
      return v4 ? read_igmp(local) : LocalMessage{};
    case ip_protocol::kUdp:
      return v4 ? read_dhcp(local) : read_dhcpv6(local);
    case ip_protocol::kIcmpv6: {
      if (v4) return {};
      const LocalMessage found = read_neighbor_discovery(local);
      return found.kind == LocalKind::None ? read_mld(local) : found;
    }
    default:
      return {};
  }
}

}  // namespace airtight::audit
