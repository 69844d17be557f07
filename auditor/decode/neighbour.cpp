// NDP (RFC 4861) and its router advertisement options (RFC 4191, 8106), and the ICMP redirect (RFC 792). Checksums are
// not verified: where the network card fills them in, a capture at the sender shows them wrong.
#include <algorithm>

#include "auditor/decode/byte_reader.h"
#include "auditor/decode/local_readers.h"

namespace airtight::audit {
namespace {

enum Message : std::uint8_t { kRs = 1, kRa = 2, kNs = 4, kNa = 8, kRedirect = 16 };

struct Shape {
  std::uint8_t type;
  std::uint8_t fixed;  // bytes before the options
  Message message;
  LocalKind kind;
};
constexpr Shape kShapes[] = {
    {133, 8, kRs, LocalKind::RouterSolicitation},    {134, 16, kRa, LocalKind::RouterAdvertisement},
    {135, 24, kNs, LocalKind::NeighborSolicitation}, {136, 24, kNa, LocalKind::NeighborAdvertisement},
    {137, 40, kRedirect, LocalKind::Redirect},
};

constexpr std::uint8_t kSourceLinkLayer = 1, kRouteInformation = 24, kResolvers = 25;

// Options of which the length is known, in units of 8 bytes, and which messages carry them. Others are a server's
// business in what a server sends (RFC 4861 §4.6: ignored); in what anybody sends they are not NDP's shape.
struct Option {
  std::uint8_t type;
  std::uint8_t least, most;
  std::uint8_t messages;
};
constexpr Option kOptions[] = {
    {kSourceLinkLayer, 1, 3, kRs | kNs | kRa},  // three: InfiniBand, RFC 4391
    {2, 1, 3, kNa | kRedirect},                 // target link-layer address
    {3, 4, 4, kRa},                             // prefix information
    {4, 1, 255, kRedirect},                     // redirected header
    {5, 1, 1, kRa},                             // MTU
    {14, 1, 4, kRs | kNs | kNa},                // nonce, RFC 3971, 7527
};
constexpr std::uint8_t kServers = kRa | kRedirect;

constexpr std::uint64_t kEverything = std::uint64_t{1} << 62;  // ::/0; narrower routes are parts of it

bool fits(const Shape& shape, std::uint8_t type, std::size_t units) {
  const auto* option =
      std::find_if(std::begin(kOptions), std::end(kOptions), [&](const Option& each) { return each.type == type; });
  if (option == std::end(kOptions) || (option->messages & shape.message) == 0) return (shape.message & kServers) != 0;
  return units >= option->least && units <= option->most;
}

Ip solicited_node(Ip target) { return Ip::v6(u128{0xff02} << 112 | u128{0x1ff} << 24 | (target.bits() & 0xffffff)); }

// Source and destination by RFC 4861 §4. A solicitation or an answer to one may go from and to any unicast address of
// the link, which only somebody who knows the link can tell from one beyond.
bool addresses_fit(const Shape& shape, const Level& level, Ip target) {
  const Ip source = level.source, destination = level.destination;
  const bool unicast = !is_multicast(destination) && destination != kUnspecifiedV6;
  if (is_multicast(source)) return false;
  switch (shape.message) {
    case kRs:
      return destination == link_scope_group(2) || is_link_local(destination);
    case kRa:
      return is_link_local(source) && (destination == link_scope_group(1) || unicast);
    case kNs:
      if (is_multicast(target) || target == kUnspecifiedV6) return false;
      return destination == solicited_node(target) || (destination == target && source != kUnspecifiedV6);
    case kNa:
      if (is_multicast(target) || target == kUnspecifiedV6 || source == kUnspecifiedV6) return false;
      return destination == link_scope_group(1) || unicast;
    case kRedirect:
      return is_link_local(source) && unicast;
  }
  return false;
}

void read_route(Bytes body, Ip router, Offer& offer, std::uint64_t& covered) {
  ByteReader reader(body);
  const std::uint8_t length = reader.u8();
  reader.skip(1);
  const std::uint32_t lifetime = reader.u32();
  const std::size_t needed = length == 0 ? 0 : length <= 64 ? 8 : 16;
  if (!reader.ok() || length > 128 || reader.left() < needed) {
    offer.read_to_end = false;
    return;
  }
  if (lifetime == 0) return;  // withdrawn
  add_router(offer, router);
  covered = std::min(kEverything, covered + (length < 64 ? kEverything >> length : 0));
}

void read_resolvers(Bytes body, Offer& offer) {
  ByteReader reader(body);
  reader.skip(2);
  const std::uint32_t lifetime = reader.u32();
  if (!reader.ok() || reader.left() == 0 || reader.left() % 16 != 0) offer.read_to_end = false;
  while (lifetime != 0 && reader.left() >= 16) add_resolver(offer, ipv6_from(reader.take(16)));
}

}  // namespace

LocalMessage read_neighbor_discovery(const LocalView& view) {
  constexpr std::uint32_t kPlainHeader = 40;  // no extension header
  const Level& level = view.level;
  const auto* shape = std::find_if(std::begin(kShapes), std::end(kShapes),
                                   [&](const Shape& each) { return level.has_icmp && each.type == level.icmp_type; });
  if (shape == std::end(kShapes) || level.icmp_code != 0 || level.hop_limit != 255 || view.headers != kPlainHeader)
    return {};
  const bool server = (shape->message & kServers) != 0;
  if (view.cut && !server) return {};

  LocalMessage found;
  found.kind = shape->kind;
  found.offer.read_to_end = !view.cut;
  ByteReader reader(view.message);
  reader.skip(6);
  const std::uint16_t lifetime = reader.u16();  // of a router advertisement
  if (shape->fixed >= 24 && reader.left() >= 16) found.target = ipv6_from(reader.take(16));
  Ip redirected = kUnspecifiedV6;
  if (shape->message == kRedirect && reader.left() >= 16) redirected = ipv6_from(reader.take(16));
  reader.skip(shape->fixed - std::min<std::size_t>(shape->fixed, reader.offset()));
  if (!reader.ok() && !view.cut) return {};
  if (!addresses_fit(*shape, level, found.target)) return {};
  if (shape->message == kRedirect && reader.ok()) {
    const bool direct = found.target == redirected;
    if (is_multicast(redirected) || (!direct && !is_link_local(found.target))) return {};
    if (!direct) add_router(found.offer, found.target);
  }
  const bool is_router = shape->message == kRa && lifetime != 0;
  if (is_router) add_router(found.offer, level.source);

  std::uint64_t covered = 0;  // by routes
  while (reader.left() > 0) {
    const std::uint8_t type = reader.u8();
    const std::size_t units = reader.u8();
    const Bytes body = reader.take(units * 8 - std::min<std::size_t>(units * 8, 2));
    if (!reader.ok() || units == 0) {
      if (view.cut) break;
      return {};
    }
    if (!fits(*shape, type, units)) return {};
    if (type == kSourceLinkLayer && level.source == kUnspecifiedV6) return {};
    if (shape->message != kRa) continue;
    if (type == kRouteInformation) read_route(body, level.source, found.offer, covered);
    if (type == kResolvers) read_resolvers(body, found.offer);
  }
  found.offer.default_route = is_router || covered == kEverything;
  return found;
}

LocalMessage read_icmp_redirect(const LocalView& view) {
  constexpr std::size_t kHeader = 8, kQuoted = 20 + 8;
  const Level& level = view.level;
  if (!level.has_icmp || level.icmp_type != 5 || level.icmp_code > 3) return {};
  if (!view.cut && view.message.size() < kHeader + kQuoted) return {};
  LocalMessage found;
  found.kind = LocalKind::Redirect;
  found.offer.read_to_end = !view.cut;
  if (view.message.size() < kHeader) return found;
  found.target = ipv4_from(view.message.subspan(4));
  add_router(found.offer, found.target);
  return found;
}

}  // namespace airtight::audit
