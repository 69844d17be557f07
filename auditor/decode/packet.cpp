#include "auditor/decode/packet.h"

#include <cassert>

#include "auditor/decode/walk.h"

namespace airtight::audit {
namespace {

constexpr std::string_view kCarriers[] = {"link",       "ip-in-ip", "gre",  "vxlan", "geneve",    "gtp-u",   "teredo",
                                          "mpls-in-ip", "etherip",  "l2tp", "esp",   "wireguard", "openvpn", "pptp"};
constexpr std::string_view kOutcomes[] = {"ip",        "arp",       "not-ip",      "opaque",
                                          "truncated", "malformed", "unsupported", "too-deep"};

void run(Walk& w, Step step) {
  while (true) {
    switch (step) {
      case Step::Done:
        return;
      case Step::Ethernet:
        step = read_ethernet(w);
        break;
      case Step::EtherType:
        step = read_ether_type(w);
        break;
      case Step::Llc:
        step = read_llc(w);
        break;
      case Step::Ppp:
        step = read_ppp(w);
        break;
      case Step::Mpls:
        step = read_mpls(w);
        break;
      case Step::AnyIp:
        step = read_any_ip(w);
        break;
      case Step::Ipv4:
        step = read_ipv4(w);
        break;
      case Step::Ipv6:
        step = read_ipv6(w);
        break;
    }
  }
}

}  // namespace

std::string_view to_string(Carrier carrier) { return kCarriers[static_cast<std::size_t>(carrier)]; }
std::string_view to_string(Outcome outcome) { return kOutcomes[static_cast<std::size_t>(outcome)]; }

void Walk::ran_out(std::uint32_t size, const Shortfall& words) {
  if (size <= claimed - at) {
    stop(Outcome::Truncated, words.cut);
  } else if (!open) {
    stop(Outcome::Malformed, words.lie);
  }
}

Level* Walk::add_level() {
  static_assert(kMaxLevels == 8);
  if (packet.level_count == kMaxLevels) {
    stop(Outcome::TooDeep, "more than 8 IP headers in one frame");
    return nullptr;
  }
  if (on_outer_link()) packet.l3_offset = at;
  Level& level = packet.levels[packet.level_count++];
  static constexpr Level kFresh{};  // copied in one go; made in place it would be written a byte at a time
  level = kFresh;
  level.carrier = carrier;
  level.header_offset = at;
  return &level;
}

bool Walk::add_tag() {
  static_assert(kMaxTags == 16);
  if (tags == kMaxTags) {
    stop(Outcome::TooDeep, "more than 16 VLAN tags and MPLS labels in one frame");
    return false;
  }
  ++tags;
  return true;
}

// Member by member: the levels, most of the kilobyte, are reset one at a time as they are reached.
void decode(const Frame& frame, const TunnelPorts& ports, Packet& packet) {
  packet.outcome = Outcome::Ip;
  packet.why = {};
  packet.opaque = Carrier::Link;
  packet.direction = frame.direction;
  packet.cooked_interface = 0;
  packet.has_macs = false;
  packet.has_ether_type = false;
  packet.vlan_tags = 0;
  packet.plain_tags = false;
  packet.other_tag = 0;
  packet.mpls = false;
  packet.pppoe = false;
  packet.l3_offset = 0;
  packet.level_count = 0;
  Walk w(frame.bytes, frame.original, ports, packet);
  run(w, begin(w, frame.link));
}

void decode_payload(Bytes payload, const TunnelPorts& ports, Packet& packet, std::size_t index) {
  assert(index < packet.level_count);
  packet.outcome = Outcome::Ip;
  packet.why = {};
  packet.opaque = Carrier::Link;
  packet.level_count = static_cast<std::uint8_t>(index + 1);
  Level& level = packet.levels[index];
  const std::uint8_t next = level.fragment ? level.fragment_protocol : level.protocol;
  level.fragment = level.more_fragments = false;
  level.has_protocol = level.has_ports = level.has_icmp = level.has_tcp = false;
  level.payload_offset = level.payload_length = level.payload_missing = 0;
  Walk w(payload, 0, ports, packet);
  w.put_together = true;
  run(w, read_chain(w, level, next, false));
}

}  // namespace airtight::audit
