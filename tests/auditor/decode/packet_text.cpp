#include "tests/auditor/decode/packet_text.h"

#include <catch2/catch.hpp>
#include <cstdlib>

namespace airtight::audit {
namespace {

std::string address(std::string_view text) {
  const Ip ip = Ip::parse(text).value();
  std::string bytes;
  for (int shift = width(ip.family()) - 8; shift >= 0; shift -= 8)
    bytes += static_cast<char>(ip.bits() >> shift & 0xff);
  return bytes;
}
std::string u8(unsigned value) { return std::string(1, static_cast<char>(value)); }
std::string hex4(unsigned value) {
  char text[8];
  std::snprintf(text, sizeof text, "%04x", value);
  return text;
}
std::string level_text(const Level& level) {
  std::string text = std::string(to_string(level.carrier)) + " " + to_string(level.source) + " > " +
                     to_string(level.destination) + " hl " + std::to_string(level.hop_limit) + " at " +
                     std::to_string(level.header_offset);
  if (level.options) text += ", options";
  if (level.router_alert) text += ", alert";
  if (level.routed) {
    text += ", routed";
    for (std::size_t i = 0; i + 1 < level.hop_count; ++i) text += " by " + to_string(level.hops[i]);
    text += " to " + to_string(level.final_destination);
  }
  if (level.route_unread) text += ", route unread";
  if (level.fragment) {
    text += ", fragment " + std::to_string(level.fragment_offset) + (level.more_fragments ? "+" : "") + " id " +
            std::to_string(level.fragment_id) + " of " + std::to_string(level.fragment_protocol) + " at " +
            std::to_string(level.fragment_begin);
  }
  if (level.has_protocol) text += ", protocol " + std::to_string(level.protocol);
  if (level.has_ports) {
    text += " " + std::to_string(level.source_port) + ">" + std::to_string(level.destination_port);
  }
  if (level.has_icmp) text += " icmp " + std::to_string(level.icmp_type) + "/" + std::to_string(level.icmp_code);
  if (level.has_tcp) {
    text += " flags " + std::to_string(level.tcp_flags) + (level.urgent ? " urgent" : "") + " seq " +
            std::to_string(level.tcp_sequence);
  }
  text += ", data " + std::to_string(level.payload_offset) + "+" + std::to_string(level.payload_length);
  if (level.payload_missing != 0) text += "-" + std::to_string(level.payload_missing);
  return text;
}

}  // namespace

std::string hex(std::string_view digits) {
  std::string bytes;
  int high = -1;
  for (const char c : digits) {
    const auto digit = std::string_view("0123456789abcdef").find(c);
    if (digit == std::string_view::npos) continue;
    if (high < 0) {
      high = static_cast<int>(digit);
    } else {
      bytes += static_cast<char>(high << 4 | static_cast<int>(digit));
      high = -1;
    }
  }
  if (high >= 0) std::abort();  // an odd number of digits: a mistake in a table
  return bytes;
}
std::string u16(unsigned value) { return u8(value >> 8 & 255) + u8(value & 255); }
std::string u32(std::uint32_t value) { return u16(value >> 16) + u16(value & 0xffff); }

std::string eth(unsigned type, const std::string& payload) {
  return hex("02000000000b 02000000000a") + u16(type) + payload;
}
std::string ip4(unsigned protocol, std::string_view source, std::string_view destination, const std::string& payload,
                const std::string& options, unsigned fragment) {
  const auto size = static_cast<unsigned>(20 + options.size());
  return u8(0x40 | size / 4) + u8(0) + u16(size + static_cast<unsigned>(payload.size())) + u16(7) + u16(fragment) +
         u8(64) + u8(protocol) + u16(0) + address(source) + address(destination) + options + payload;
}
std::string ip6(unsigned next, std::string_view source, std::string_view destination, const std::string& payload) {
  return hex("60000000") + u16(static_cast<unsigned>(payload.size())) + u8(next) + u8(63) + address(source) +
         address(destination) + payload;
}
std::string tcp(unsigned source, unsigned destination, const std::string& payload) {
  return u16(source) + u16(destination) + hex("01020304 00000000 5018 ffff 0000 0000") + payload;
}
std::string udp(unsigned source, unsigned destination, const std::string& payload) {
  return u16(source) + u16(destination) + u16(static_cast<unsigned>(8 + payload.size())) + u16(0) + payload;
}

std::string describe(const Packet& packet) {
  std::string text(to_string(packet.outcome));
  if (packet.outcome == Outcome::Opaque) text += " by " + std::string(to_string(packet.opaque));
  if (!packet.why.empty()) text += ": " + std::string(packet.why);
  if (packet.direction == Direction::Received) text += "; received";
  if (packet.direction == Direction::Transmitted) text += "; transmitted";
  if (packet.cooked_interface != 0) text += "; interface " + std::to_string(packet.cooked_interface);
  if (packet.vlan_tags != 0) {
    text += "; vlan " + std::to_string(packet.first_vlan) + " of " + std::to_string(packet.vlan_tags);
  }
  if (packet.has_ether_type) text += "; type " + hex4(packet.ether_type);
  if (packet.mpls) text += "; mpls";
  if (packet.pppoe) text += "; pppoe";
  if (packet.has_ether_type || packet.level_count != 0) text += "; l3 at " + std::to_string(packet.l3_offset);
  for (std::size_t i = 0; i < packet.level_count; ++i) text += "; " + level_text(packet.levels[i]);
  return text;
}

std::string describe(LinkType link, const std::string& bytes, const TunnelPorts& ports, std::uint32_t original) {
  Frame frame;
  frame.bytes = Bytes(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  frame.original = original != 0 ? original : static_cast<std::uint32_t>(bytes.size());
  frame.link = link;
  Packet packet;
  decode(frame, ports, packet);
  CHECK(contradiction(frame, packet) == "");
  return describe(packet);
}

std::string contradiction(const Frame& frame, const Packet& packet) {
  const std::size_t size = frame.bytes.size(), original = std::max<std::size_t>(size, frame.original);
  if (packet.level_count > kMaxLevels) return "more levels than there may be";
  if (packet.vlan_tags > kMaxTags) return "more tags than there may be";
  if (packet.outcome == Outcome::Ip && packet.level_count == 0) return "IP without a level";
  if (packet.outcome == Outcome::Arp && packet.level_count != 0) return "ARP with a level";
  if ((packet.outcome == Outcome::Ip || packet.outcome == Outcome::Arp) != packet.why.empty()) return "why";
  if ((packet.has_ether_type || packet.level_count != 0) && packet.l3_offset > size) return "l3_offset";
  for (std::size_t i = 0; i < packet.level_count; ++i) {
    const Level& level = packet.levels[i];
    if (level.header_offset >= size) return "header_offset";
    if (i != 0 && level.header_offset <= packet.levels[i - 1].header_offset) return "levels not in order";
    if (level.payload_offset > size || level.payload_length > size - level.payload_offset)
      return "payload beyond the frame";
    if (level.payload_missing > original - level.payload_offset - level.payload_length) return "payload_missing";
    if (level.payload_missing > original - size) return "more missing than was cut";
    if (level.fragment && level.fragment_begin > level.payload_offset + level.payload_length) return "fragment_begin";
    if (level.has_ports && level.fragment && level.fragment_offset != 0) return "ports of a later fragment";
    if ((level.has_ports || level.has_icmp) && !level.has_protocol) return "ports without a protocol";
    if (level.has_tcp && !level.has_ports) return "TCP without ports";
    if (level.routed && level.final_destination.family() != level.destination.family()) return "final_destination";
    if (level.hop_count > kMaxHops || level.routed != (level.hop_count != 0)) return "hop_count";
    for (std::size_t hop = 0; hop < level.hop_count; ++hop)
      if (level.hops[hop].family() != level.destination.family()) return "hops";
    if (level.routed && !level.route_unread && level.hops[level.hop_count - 1u] != level.final_destination)
      return "the last hop";
    if (level.urgent && (level.tcp_flags & 32) == 0) return "urgent";
  }
  return "";
}

TunnelPorts declared_ports() {
  TunnelPorts ports;
  ports.vxlan[0] = 4790 + 1000;
  ports.geneve[7] = 6091;
  ports.wireguard[3] = 51821;
  return ports;
}

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    INFO(row.name);
    CHECK(describe(row.link, row.bytes, declared_ports(), row.original) == row.expected);
  }
}

}  // namespace airtight::audit
