// DHCP (RFC 2131, options RFC 2132 and 3442) and DHCPv6 (RFC 8415, resolvers RFC 3646, clocks RFC 4075 and 5908): what
// a client may send, and what a server would have its client use.
#include <algorithm>

#include "auditor/decode/byte_reader.h"
#include "auditor/decode/local_readers.h"

namespace airtight::audit {
namespace {

constexpr std::uint16_t kServerPort = 67, kClientPort = 68, kV6ClientPort = 546, kV6ServerPort = 547;

bool is_one_of(std::uint8_t type, Bytes types) { return std::find(types.begin(), types.end(), type) != types.end(); }

constexpr std::uint8_t kClientTypes[] = {1, 3, 4, 7, 8};  // discover, request, decline, release, inform
constexpr std::uint8_t kServerTypes[] = {2, 5, 6};        // offer, ack, nak
constexpr std::uint8_t kV6ClientTypes[] = {1, 3, 4, 5, 6, 8, 9, 11};
constexpr std::uint8_t kV6ServerTypes[] = {2, 7, 10};  // advertise, reply, reconfigure
constexpr std::uint8_t kRelayReply = 13;

// What the options of a DHCP message add up to.
struct Options {
  std::uint8_t type = 0;      // option 53; 0 if none was read
  std::uint8_t overload = 0;  // option 52
  bool ended = false;         // each field of options had its end mark and nothing but zeros behind it
  bool sound = true;
  Offer offer;
  std::uint64_t covered = 0;  // addresses that classless routes cover
};

void read_addresses(Bytes value, Options& options, void (*add)(Offer&, Ip)) {
  if (value.empty() || value.size() % 4 != 0) options.sound = false;
  for (; value.size() >= 4; value = value.subspan(4)) add(options.offer, ipv4_from(value));
}

// Option 33: pairs of destination and router.
void read_static_routes(Bytes value, Options& options) {
  if (value.empty() || value.size() % 8 != 0) options.sound = false;
  for (; value.size() >= 8; value = value.subspan(8)) {
    if (ipv4_from(value) == Ip::v4(0)) options.offer.default_route = true;
    add_router(options.offer, ipv4_from(value.subspan(4)));
  }
}

// Options 121 and 249: width, as many octets of the destination as it needs, router.
void read_classless_routes(Bytes value, Options& options) {
  ByteReader reader(value);
  if (value.empty()) options.sound = false;
  while (reader.left() > 0) {
    const std::uint8_t width = reader.u8();
    if (width > 32) reader.fail();
    reader.skip((width + 7u) / 8);
    const Bytes router = reader.take(4);
    if (!reader.ok()) {
      options.sound = false;
      return;
    }
    add_router(options.offer, ipv4_from(router));
    options.covered += std::uint64_t{1} << (32 - width);
  }
}

void read_option(std::uint8_t code, Bytes value, Options& options) {
  switch (code) {
    case 3:
      read_addresses(value, options, add_router);
      options.offer.default_route |= value.size() >= 4;
      return;
    case 6:
      return read_addresses(value, options, add_resolver);
    case 42:
      return read_addresses(value, options, add_clock);
    case 33:
      return read_static_routes(value, options);
    case 121:
    case 249:
      return read_classless_routes(value, options);
    case 52:
      if (value.size() != 1 || value[0] == 0 || value[0] > 3 || options.overload != 0)
        options.sound = false;
      else
        options.overload = value[0];
      return;
    case 53:
      if (value.size() != 1 || options.type != 0)
        options.sound = false;
      else
        options.type = value[0];
      return;
    default:
      return;
  }
}

void read_field(Bytes field, Options& options) {
  ByteReader reader(field);
  while (reader.left() > 0) {
    const std::uint8_t code = reader.u8();
    if (code == 0) continue;
    if (code == 255) {
      const Bytes rest = reader.rest();
      options.ended =
          options.ended && std::all_of(rest.begin(), rest.end(), [](std::uint8_t byte) { return byte == 0; });
      return;
    }
    const std::uint8_t size = reader.u8();
    const Bytes value = reader.take(size);
    if (!reader.ok()) break;
    read_option(code, value, options);
  }
  options.ended = options.sound = false;
}

// Fields of a message that is long enough: 44 server name, 108 file, 236 cookie, 240 options.
Options read_options(Bytes message) {
  Options options;
  options.ended = true;
  read_field(message.subspan(240), options);
  const std::uint8_t overload = options.overload;
  if ((overload & 1) != 0) read_field(message.subspan(108, 128), options);
  if ((overload & 2) != 0) read_field(message.subspan(44, 64), options);
  if (options.covered >= std::uint64_t{1} << 32) options.offer.default_route = true;
  options.offer.read_to_end = options.sound;
  return options;
}

void read_v6_addresses(Bytes value, Offer& offer, void (*add)(Offer&, Ip)) {
  if (value.empty() || value.size() % 16 != 0) offer.read_to_end = false;
  for (; value.size() >= 16; value = value.subspan(16)) add(offer, ipv6_from(value));
}

// RFC 5908 §4: one clock, by its address, by a multicast group or by a name.
void read_v6_clock(Bytes value, Offer& offer) {
  constexpr std::uint16_t kAddress = 1, kGroup = 2;
  ByteReader reader(value);
  while (reader.left() > 0) {
    const std::uint16_t code = reader.u16();
    const std::uint16_t size = reader.u16();
    const Bytes address = reader.take(size);
    if (!reader.ok()) break;
    if (code == kAddress || code == kGroup) read_v6_addresses(address, offer, add_clock);
  }
  if (value.empty() || !reader.ok()) offer.read_to_end = false;
}

// Options of DHCPv6, which fill the message; relay-reply messages hold another message in one of theirs.
bool options_fill(ByteReader& reader, Offer& offer, Bytes& relayed) {
  constexpr std::uint16_t kRelayed = 9, kResolvers = 23, kSntp = 31, kNtp = 56;
  while (reader.left() > 0) {
    const std::uint16_t code = reader.u16();
    const std::uint16_t size = reader.u16();
    const Bytes value = reader.take(size);
    if (!reader.ok()) return false;
    if (code == kRelayed) {
      if (!relayed.empty())
        offer.read_to_end = false;
      else
        relayed = value;
    }
    if (code == kResolvers) read_v6_addresses(value, offer, add_resolver);
    if (code == kSntp) read_v6_addresses(value, offer, add_clock);
    if (code == kNtp) read_v6_clock(value, offer);
  }
  return reader.ok();
}

// What the server's message, inside all its relays, offers.
void read_server(Bytes message, Offer& offer) {
  constexpr int kMostRelays = 8;  // RFC 8415 §7.6
  constexpr std::size_t kHeader = 4, kRelayHeader = 34;
  for (int depth = 0; depth <= kMostRelays; ++depth) {
    const bool relay = !message.empty() && message[0] == kRelayReply;
    ByteReader reader(message);
    reader.skip(relay ? kRelayHeader : kHeader);
    Bytes relayed;
    if (!options_fill(reader, offer, relayed)) offer.read_to_end = false;
    if (!relay) {
      if (message.empty() || !is_one_of(message[0], kV6ServerTypes)) offer.read_to_end = false;
      return;
    }
    if (relayed.empty()) break;
    message = relayed;
  }
  offer.read_to_end = false;
}

}  // namespace

LocalMessage read_dhcp(const LocalView& view) {
  constexpr std::size_t kFixed = 240;
  constexpr std::uint8_t kCookie[] = {0x63, 0x82, 0x53, 0x63};
  const Level& level = view.level;
  const Bytes message = view.message;
  if (!level.has_ports || message.size() < kFixed || is_multicast(level.source)) return {};
  if (message[1] != 1 || message[2] != 6 || !std::equal(std::begin(kCookie), std::end(kCookie), message.begin() + 236))
    return {};
  LocalMessage found;
  if (message[0] == 1 && level.source_port == kClientPort && level.destination_port == kServerPort) {
    constexpr std::size_t kHops = 3, kRelay = 24;
    const bool direct = message[kHops] == 0 && ipv4_from(message.subspan(kRelay)) == Ip::v4(0);
    if (view.cut || view.headers != 28 || !direct || is_multicast(level.destination)) return {};
    const Options options = read_options(message);
    if (options.sound && options.ended && is_one_of(options.type, kClientTypes)) found.kind = LocalKind::DhcpClient;
    return found;
  }
  const bool to_client =
      level.destination_port == kClientPort || level.destination_port == kServerPort;  // or to a relay
  if (message[0] != 2 || level.source_port != kServerPort || !to_client) return {};
  const Options options = read_options(message);
  const bool not_yet = view.cut && options.type == 0;
  if (!not_yet && !is_one_of(options.type, kServerTypes)) return {};
  found.kind = LocalKind::DhcpServer;
  found.offer = options.offer;
  if (view.cut) found.offer.read_to_end = false;
  return found;
}

LocalMessage read_dhcpv6(const LocalView& view) {
  constexpr Ip kServersOfLink = link_scope_group(0x10002);
  constexpr Ip kServersOfSite = Ip::v6(u128{0xff05} << 112 | 0x10003);
  const Level& level = view.level;
  if (!level.has_ports || view.message.empty() || is_multicast(level.source) || level.source == kUnspecifiedV6)
    return {};
  const std::uint8_t type = view.message[0];
  LocalMessage found;
  if (level.source_port == kV6ClientPort && level.destination_port == kV6ServerPort) {
    const bool to_server = level.destination == kServersOfLink
                               ? is_link_local(level.source)
                               : level.destination == kServersOfSite || !is_multicast(level.destination);
    if (view.cut || view.headers != 48 || !to_server || !is_one_of(type, kV6ClientTypes)) return {};
    ByteReader reader(view.message);
    reader.skip(4);
    Bytes relayed;
    Offer asked;
    if (options_fill(reader, asked, relayed) && relayed.empty()) found.kind = LocalKind::Dhcpv6Client;
    return found;
  }
  const bool to_client = level.destination_port == kV6ClientPort && is_one_of(type, kV6ServerTypes);
  const bool to_relay = level.destination_port == kV6ServerPort && type == kRelayReply;
  if (level.source_port != kV6ServerPort || (!to_client && !to_relay)) return {};
  found.kind = LocalKind::Dhcpv6Server;
  read_server(view.message, found.offer);
  if (view.cut) found.offer.read_to_end = false;
  return found;
}

}  // namespace airtight::audit
