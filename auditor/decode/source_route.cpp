// Where a packet goes that names its own hops: LSRR and SSRR of IPv4 (RFC 791 §3.1), routing headers of IPv6 (RFC 8200
// §4.4).
#include "auditor/decode/walk.h"

namespace airtight::audit {
namespace {

// A second route leaves the way untold, though its hops come behind those of the first.
void begin_route(Level& level) {
  if (level.routed) level.route_unread = true;
  level.routed = true;
}
void add_hop(Level& level, Ip hop) {
  level.final_destination = hop;
  if (level.hop_count == kMaxHops) {
    level.route_unread = true;
  } else {
    level.hops[level.hop_count++] = hop;
  }
}

struct Route {
  std::uint8_t segments_left;  // not zero
  const std::uint8_t* data;    // behind the first four bytes
  std::uint32_t size;          // of that
};

// Type 0 (RFC 5095 forbids it; it is still sent) and 2 (RFC 6275): a reserved word, then addresses, the last of which
// is the end.
bool read_list(const Route& route, Level& level) {
  const std::uint32_t count = (route.size - 4) / 16;
  if ((route.size - 4) % 16 != 0 || route.segments_left > count) return false;
  begin_route(level);
  for (std::uint32_t i = count - route.segments_left; i < count; ++i) {
    add_hop(level, read_v6(route.data + 4 + i * 16));
  }
  return true;
}

// Type 3 (RFC 6554): each address lacks its first bytes, which are those of the destination; the last as many as that
// one likes.
bool read_compressed(const Route& route, Level& level) {
  const std::uint32_t elided = route.data[0] >> 4, elided_last = route.data[0] & 15u, pad = route.data[1] >> 4;
  const std::uint32_t size = route.size - 4;
  const std::uint32_t each = 16 - elided, last = 16 - elided_last;
  if (size < last + pad || (size - last - pad) % each != 0) return false;
  const std::uint32_t before_last = (size - last - pad) / each;
  if (route.segments_left > before_last + 1) return false;
  begin_route(level);
  for (std::uint32_t i = before_last + 1 - route.segments_left; i <= before_last; ++i) {
    const std::uint32_t bytes = i == before_last ? last : each;
    u128 bits = 0;
    for (std::uint32_t at = 0; at < bytes; ++at) bits = bits << 8 | route.data[4 + i * each + at];
    if (bytes < 16) bits |= level.destination.bits() >> (bytes * 8) << (bytes * 8);
    add_hop(level, Ip::v6(bits));
  }
  return true;
}

// Type 4 (RFC 8754): segments in reverse, the first in the list is the last to be visited; TLVs may follow.
bool read_segments(const Route& route, Level& level) {
  const std::uint32_t count = route.data[0] + 1u;
  if (route.size < 4 + count * 16 || route.segments_left > count) return false;
  begin_route(level);
  for (std::uint32_t i = route.segments_left; i-- > 0;) add_hop(level, read_v6(route.data + 4 + i * 16));
  return true;
}

}  // namespace

void read_ipv4_options(Level& level, Bytes options) {
  constexpr std::uint8_t kEnd = 0, kNop = 1, kLoose = 131, kStrict = 137, kAlert = 148;
  bool seen = false;
  for (std::size_t i = 0; i < options.size() && options[i] != kEnd;) {
    if (options[i] == kNop) {
      ++i;
      continue;
    }
    const std::size_t length = i + 1 < options.size() ? options[i + 1] : 0;
    if (length < 2 || length > options.size() - i) {
      level.route_unread = true;
      return;
    }
    if (options[i] == kAlert) level.router_alert = true;
    if (options[i] == kLoose || options[i] == kStrict) {
      const std::size_t pointer = length > 2 ? options[i + 2] : 0;
      if (seen || length < 3 || (length - 3) % 4 != 0 || pointer < 4 || pointer % 4 != 0) {
        level.route_unread = true;
      } else if (pointer < length) {
        begin_route(level);
        for (std::size_t at = pointer - 1; at < length; at += 4) add_hop(level, read_v4(options.data() + i + at));
      }
      seen = true;
    }
    i += length;
  }
}

void read_routing_header(Level& level, Bytes header) {
  const Route route{header[3], header.data() + 4, static_cast<std::uint32_t>(header.size() - 4)};
  if (route.segments_left == 0) return;  // every hop was passed, or none was asked for
  bool understood = false;
  switch (header[2]) {
    case 0:
    case 2:
      understood = read_list(route, level);
      break;
    case 3:
      understood = read_compressed(route, level);
      break;
    case 4:
      understood = read_segments(route, level);
      break;
    default:
      break;
  }
  if (!understood) level.route_unread = true;
}

}  // namespace airtight::audit
