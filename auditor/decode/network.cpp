// IPv4, IPv6 and the extension headers. Header checksums are not verified: where the network card fills them in, a
// capture at the sender shows them wrong.
#include "auditor/decode/walk.h"

namespace airtight::audit {
namespace {

constexpr Shortfall kIpv4{"the capture ends inside an IPv4 header", "no room for an IPv4 header"};
constexpr Shortfall kIpv6{"the capture ends inside an IPv6 header", "no room for an IPv6 header"};
constexpr Shortfall kExtension{"the capture ends inside an extension header", "no room for an extension header"};
constexpr Shortfall kVersion{"the capture ends before an IP header", "nothing where an IP header belongs"};

constexpr unsigned kMaxExtensions = 40;
// Beside those of ip_protocol; each has the form of a destination options header (RFC 6275, 7401, 5533).
constexpr std::uint8_t kMobility = 135, kHip = 139, kShim6 = 140;

// Extension headers that are read through. In IPv4 that is AH alone.
bool is_extension(std::uint8_t number, bool v6) {
  switch (number) {
    case ip_protocol::kAh:
      return true;
    case ip_protocol::kHopByHop:
    case ip_protocol::kRouting:
    case ip_protocol::kFragment:
    case ip_protocol::kDestination:
    case kMobility:
    case kHip:
    case kShim6:
      return v6;
    default:
      return false;
  }
}

// Options of a hop-by-hop or destination options header (RFC 8200 §4.2), whose bytes are all there and begin at w.at.
void read_options(Walk& w, Level& level, std::uint32_t size, bool hop_by_hop) {
  constexpr std::uint8_t kPad = 0, kRouterAlert = 5, kJumbo = 0xc2;
  const std::uint8_t* h = w.bytes + w.at;
  for (std::uint32_t i = 2; i < size;) {
    if (h[i] == kPad) {
      ++i;
      continue;
    }
    if (size - i < 2 || h[i + 1] > size - i - 2) return w.doubt("an IPv6 option leads beyond its header");
    if (hop_by_hop && h[i] == kRouterAlert && h[i + 1] == 2) level.router_alert = true;
    if (hop_by_hop && h[i] == kJumbo) {
      if (h[i + 1] != 4 || be32(h + i + 2) <= UINT16_MAX) return w.doubt("a jumbogram of no more than 65,535 bytes");
      if (be16(w.bytes + level.header_offset + 4) != 0) return w.doubt("a jumbogram with a payload length");
      w.limit(be32(h + i + 2), "the jumbo length leads beyond the end of the frame");
    }
    i += 2u + h[i + 1];
  }
}

// What the fragment puts into its datagram stands here, whatever is wrong further on.
void begin_fragment(const Walk& w, Level& level) {
  level.fragment_begin = w.at;
  set_payload(w, level);
}

// IPv6 fragment header (RFC 8200 §4.5). One that says it is the only fragment makes none (RFC 6946).
void read_fragment_header(Walk& w, Level& level, const std::uint8_t* h) {
  const std::uint16_t offset = be16(h + 2);
  if ((offset & 0xfff9) == 0) return;
  if (level.fragment || w.put_together) return w.doubt("a fragment inside a fragment");
  level.fragment = true;
  level.fragment_offset = offset & 0xfff8;
  level.more_fragments = (offset & 1) != 0;
  level.fragment_id = be32(h + 4);
  level.fragment_protocol = h[0];
}

}  // namespace

bool fits_ipv4(const Walk& w, std::uint32_t offset) {
  if (offset > w.end || w.end - offset < 4) return false;
  const std::uint8_t* h = w.bytes + offset;
  const std::uint16_t total = be16(h + 2);
  return h[0] >> 4 == 4 && (h[0] & 15) >= 5 && total >= (h[0] & 15) * 4 && (w.open || total <= w.claimed - offset);
}

bool fits_ipv6(const Walk& w, std::uint32_t offset) {
  if (offset > w.end || w.end - offset < 6 || w.claimed - offset < 40) return false;
  const std::uint8_t* h = w.bytes + offset;
  return h[0] >> 4 == 6 && (w.open || be16(h + 4) <= w.claimed - offset - 40);
}

Step read_any_ip(Walk& w) {
  const std::uint8_t* h = w.header(1, kVersion);
  if (h == nullptr) return Step::Done;
  switch (h[0] >> 4) {
    case 4:
      return Step::Ipv4;
    case 6:
      return Step::Ipv6;
    default:
      return w.stop(Outcome::Malformed, "neither version 4 nor 6 where an IP header belongs");
  }
}

Step read_ipv4(Walk& w) {
  constexpr std::uint16_t kMore = 0x2000, kOffset = 0x1fff;
  const std::uint8_t* h = w.header(20, kIpv4);
  if (h == nullptr) return Step::Done;
  if (h[0] >> 4 != 4) return w.stop(Outcome::Malformed, "not version 4 in an IPv4 header");
  const std::uint32_t size = (h[0] & 15u) * 4;
  if (size < 20) return w.stop(Outcome::Malformed, "an IPv4 header length of less than 20 bytes");
  Level* level = w.add_level();
  if (level == nullptr) return Step::Done;
  level->source = read_v4(h + 12);
  level->destination = read_v4(h + 16);
  level->hop_limit = h[8];
  const std::uint16_t total = be16(h + 2);
  // Zero: a packet that the network card is to cut, longer than the field can say. It ends with the frame.
  if (total != 0) {
    if (total < size) return w.stop(Outcome::Malformed, "an IPv4 total length that is shorter than the header");
    w.limit(total, "the IPv4 total length leads beyond the end of the frame");
  }
  const std::uint16_t fragment = be16(h + 6);
  if ((fragment & (kMore | kOffset)) != 0) {
    level->fragment = true;
    level->fragment_offset = static_cast<std::uint16_t>((fragment & kOffset) * 8);
    level->more_fragments = (fragment & kMore) != 0;
    level->fragment_id = be16(h + 4);
    level->fragment_protocol = h[9];
  }
  if (size > 20) {
    level->options = true;
    if (w.header(size, kIpv4) == nullptr) return Step::Done;
    read_ipv4_options(*level, Bytes(h + 20, size - 20));
  }
  w.at += size;
  if (level->fragment) begin_fragment(w, *level);
  return read_chain(w, *level, h[9], false);
}

Step read_ipv6(Walk& w) {
  const std::uint8_t* h = w.header(40, kIpv6);
  if (h == nullptr) return Step::Done;
  if (h[0] >> 4 != 6) return w.stop(Outcome::Malformed, "not version 6 in an IPv6 header");
  Level* level = w.add_level();
  if (level == nullptr) return Step::Done;
  level->source = read_v6(h + 8);
  level->destination = read_v6(h + 24);
  level->hop_limit = h[7];
  w.at += 40;
  const std::uint16_t length = be16(h + 4);
  // Zero: a jumbogram, a packet that the network card is to cut, or nothing behind the header.
  if (length != 0 || h[6] == ip_protocol::kNoNext) {
    w.limit(length, "the IPv6 payload length leads beyond the end of the frame");
  }
  return read_chain(w, *level, h[6], true);
}

Step read_chain(Walk& w, Level& level, std::uint8_t next, bool first) {
  const bool v6 = !level.destination.is_v4();
  for (unsigned count = 0; is_extension(next, v6); ++count, first = false) {
    if (level.fragment &&
        level.fragment_offset != 0) {  // the middle of a datagram that begins with an extension header
      level.protocol = next;
      set_payload(w, level);
      return Step::Done;
    }
    if (count == kMaxExtensions) return w.stop(Outcome::TooDeep, "more than 40 extension headers");
    const std::uint8_t* h = w.header(8, kExtension);
    if (h == nullptr) return Step::Done;
    std::uint32_t size = (h[1] + 1u) * 8;
    if (next == ip_protocol::kAh) size = (h[1] + 2u) * 4;
    if (next == ip_protocol::kFragment) size = 8;
    if (next == ip_protocol::kAh && size < 12) return w.stop(Outcome::Malformed, "an AH header of less than 12 bytes");
    if (next == ip_protocol::kHopByHop && !first) {
      return w.stop(Outcome::Malformed, "a hop-by-hop header that does not follow the IPv6 header");
    }
    if (w.header(size, kExtension) == nullptr) {
      if (next == ip_protocol::kRouting && h[3] != 0) level.route_unread = true;
      return Step::Done;
    }
    const bool fragment = level.fragment;
    switch (next) {
      case ip_protocol::kHopByHop:
      case ip_protocol::kDestination:
        read_options(w, level, size, next == ip_protocol::kHopByHop);
        break;
      case ip_protocol::kRouting:
        read_routing_header(level, Bytes(h, size));
        break;
      case ip_protocol::kFragment:
        read_fragment_header(w, level, h);
        break;
      default:
        break;
    }
    if (next != ip_protocol::kFragment && next != ip_protocol::kAh) level.options = true;
    next = h[0];
    w.at += size;
    if (fragment != level.fragment) begin_fragment(w, level);
  }
  level.has_protocol = true;
  level.protocol = next;
  return read_transport(w, level);
}

}  // namespace airtight::audit
