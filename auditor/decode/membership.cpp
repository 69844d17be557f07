// Group membership: MLD versions 1 and 2 (RFC 2710, 3590, 3810), IGMP versions 1 to 3 (RFC 1112, 2236, 3376). Each
// message to the one destination that its type has, with the router alert, and as long as its counts say.
#include <algorithm>

#include "auditor/decode/byte_reader.h"
#include "auditor/decode/local_readers.h"

namespace airtight::audit {
namespace {

constexpr Ip kAllHostsV4 = Ip::v4(0xE0000001), kAllRoutersV4 = Ip::v4(0xE0000002), kIgmpRouters = Ip::v4(0xE0000016);
constexpr Ip kAllNodes = link_scope_group(1), kAllRouters = link_scope_group(2), kMldRouters = link_scope_group(0x16);

std::size_t count_at(Bytes message, std::size_t at) { return message[at] * std::size_t{256} + message[at + 1]; }

// Group records of a version 3 (MLD 2) report behind its first 8 bytes; auxiliary data, which nobody defined, is
// refused.
bool records_fill(Bytes message, std::size_t address) {
  ByteReader reader(message);
  reader.skip(6);
  for (std::uint16_t count = reader.u16(); count > 0 && reader.ok(); --count) {
    const std::uint8_t type = reader.u8();
    const std::uint8_t auxiliary = reader.u8();
    const std::uint16_t sources = reader.u16();
    const Bytes group = reader.take(address);
    reader.skip(sources * address);
    if (!reader.ok() || type == 0 || type > 6 || auxiliary != 0) return false;
    if (!is_multicast(address == 4 ? ipv4_from(group) : ipv6_from(group))) return false;
  }
  return reader.ok() && reader.left() == 0;
}

// A query goes to its group, a general one, whose group is zero, to everybody.
bool query_fits(Ip group, Ip none, Ip everybody, Ip destination) {
  return group == none ? destination == everybody : is_multicast(group) && destination == group;
}

LocalMessage message_of(LocalKind kind) {
  LocalMessage message;
  message.kind = kind;
  return message;
}

bool is_mld(const LocalView& view) {
  constexpr std::size_t kVersion1 = 24, kVersion2Query = 28;
  const Level& level = view.level;
  const Bytes message = view.message;
  const bool unspecified = level.source == kUnspecifiedV6;
  if (level.icmp_type == 143) return level.destination == kMldRouters && records_fill(message, 16);
  if (message.size() < kVersion1) return false;
  const Ip group = ipv6_from(message.subspan(8));
  switch (level.icmp_type) {
    case 130:
      if (unspecified || !query_fits(group, kUnspecifiedV6, kAllNodes, level.destination)) return false;
      if (message.size() == kVersion1) return true;
      return message.size() >= kVersion2Query && message.size() == kVersion2Query + 16 * count_at(message, 26);
    case 131:
      return message.size() == kVersion1 && is_multicast(group) && level.destination == group;
    case 132:
      return message.size() == kVersion1 && is_multicast(group) && level.destination == kAllRouters;
    default:
      return false;
  }
}

bool is_igmp(const LocalView& view) {
  constexpr std::size_t kVersion2 = 8, kVersion3Query = 12;
  const Level& level = view.level;
  const Bytes message = view.message;
  if (message.size() < kVersion2) return false;
  const bool alert = level.router_alert;
  const Ip group = ipv4_from(message.subspan(4));
  switch (message[0]) {
    case 0x11:
      if (!query_fits(group, Ip::v4(0), kAllHostsV4, level.destination)) return false;
      if (message.size() == kVersion2)
        return alert || message[1] == 0;  // no response time: version 1, which had no alert
      return alert && message.size() >= kVersion3Query && message.size() == kVersion3Query + 4 * count_at(message, 10);
    case 0x12:
      return message.size() == kVersion2 && is_multicast(group) && level.destination == group;
    case 0x16:
      return alert && message.size() == kVersion2 && is_multicast(group) && level.destination == group;
    case 0x17:
      return alert && message.size() == kVersion2 && is_multicast(group) && level.destination == kAllRoutersV4;
    case 0x22:
      return alert && level.destination == kIgmpRouters && records_fill(message, 4);
    default:
      return false;
  }
}

}  // namespace

LocalMessage read_mld(const LocalView& view) {
  constexpr std::uint32_t kHeaders = 40 + 8;  // hop-by-hop options with room for the router alert alone
  const Level& level = view.level;
  const bool from_here = is_link_local(level.source) || level.source == kUnspecifiedV6;
  if (view.cut || !level.has_icmp || level.icmp_code != 0 || level.hop_limit != 1 || !level.router_alert ||
      !from_here || view.headers != kHeaders || !is_mld(view))
    return {};
  return message_of(LocalKind::Mld);
}

LocalMessage read_igmp(const LocalView& view) {
  const Level& level = view.level;
  const std::uint32_t headers = level.router_alert ? 24 : 20;  // no option but the router alert
  if (view.cut || level.hop_limit != 1 || view.headers != headers || is_multicast(level.source) || !is_igmp(view))
    return {};
  return message_of(LocalKind::Igmp);
}

}  // namespace airtight::audit
