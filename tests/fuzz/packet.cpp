// Any bytes as a frame of any link type: byte 0 and 1 are the link type, byte 2 says how much the snap length cut, the
// rest is captured. What decode() claims must lie in the frame; a fragment's bytes are decoded again as a datagram that
// was put together.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "auditor/decode/packet.h"

namespace {

using namespace airtight::audit;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const Packet& packet, std::size_t size) {
  require(packet.level_count <= kMaxLevels);
  require(packet.vlan_tags <= kMaxTags);
  require((packet.outcome == Outcome::Ip || packet.outcome == Outcome::Arp) == packet.why.empty());
  require(packet.outcome != Outcome::Ip || packet.level_count != 0);
  require(!to_string(packet.outcome).empty() && !to_string(packet.opaque).empty());
  for (std::size_t i = 0; i < packet.level_count; ++i) {
    const Level& level = packet.levels[i];
    require(level.payload_offset <= size && level.payload_length <= size - level.payload_offset);
    require(!level.fragment || level.fragment_begin <= level.payload_offset + level.payload_length);
    require(!level.has_tcp || level.has_ports);
    require((!level.has_ports && !level.has_icmp) || level.has_protocol);
    require(!level.routed || level.final_destination.family() == level.destination.family());
    require(level.header_offset < size);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  TunnelPorts ports;
  ports.vxlan[0] = 5790;
  ports.geneve[0] = 6091;
  ports.wireguard[0] = 51821;
  const std::vector<std::uint8_t> bytes(data + 3, data + size);
  Frame frame;
  frame.bytes = bytes;
  frame.link = static_cast<LinkType>(data[0] << 8 | data[1]);
  frame.original = static_cast<std::uint32_t>(bytes.size() + data[2] * (data[2] < 128 ? 1u : 1000u));
  Packet packet;
  decode(frame, ports, packet);
  check(packet, bytes.size());
  for (std::size_t i = 0; i < packet.level_count; ++i) {
    const Level& level = packet.levels[i];
    if (!level.fragment) continue;
    const std::vector<std::uint8_t> payload(bytes.begin() + level.fragment_begin,
                                            bytes.begin() + level.payload_offset + level.payload_length);
    decode_payload(payload, ports, packet, i);
    require(packet.level_count > i && !packet.levels[i].fragment);
    Packet rest = packet;  // offsets of the levels before are the frame's
    for (std::size_t j = 0; j + i < packet.level_count; ++j) rest.levels[j] = packet.levels[j + i];
    rest.level_count = static_cast<std::uint8_t>(packet.level_count - i);
    rest.levels[0].header_offset = 0;
    if (!payload.empty()) check(rest, payload.size());
    break;
  }
  return 0;
}
