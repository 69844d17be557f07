// What a capture puts in front of the packet: by LINKTYPE_ number, as registered at tcpdump.org.
#include "auditor/decode/walk.h"

namespace airtight::audit {
namespace {

constexpr Shortfall kLoopback{"the capture ends inside a loopback header", "the frame ends inside a loopback header"};
constexpr Shortfall kCooked{"the capture ends inside a Linux cooked header",
                            "the frame ends inside a Linux cooked header"};
constexpr Shortfall kNflog{"the capture ends inside an NFLOG message", "the frame ends inside an NFLOG message"};
constexpr Shortfall kPpi{"the capture ends inside a PPI header", "the frame ends inside a PPI header"};
constexpr Shortfall kFrameRelay{"the capture ends inside a Frame Relay header",
                                "the frame ends inside a Frame Relay header"};
constexpr Shortfall kHdlc{"the capture ends inside an HDLC header", "the frame ends inside an HDLC header"};

std::uint32_t le32(const std::uint8_t* p) {
  return std::uint32_t{p[0]} | std::uint32_t{p[1]} << 8 | std::uint32_t{p[2]} << 16 | std::uint32_t{p[3]} << 24;
}
std::uint16_t le16(const std::uint8_t* p) { return static_cast<std::uint16_t>(p[0] | p[1] << 8); }

// AF_INET everywhere, AF_INET6 of the BSDs, macOS and Linux.
Step by_family(std::uint32_t family) {
  switch (family) {
    case 2:
      return Step::Ipv4;
    case 10:
    case 24:
    case 28:
    case 30:
      return Step::Ipv6;
    default:
      return Step::Done;
  }
}

Step begin_loopback(Walk& w, bool either_order) {
  const std::uint8_t* h = w.header(4, kLoopback);
  if (h == nullptr) return Step::Done;
  w.at += 4;
  Step step = by_family(be32(h));
  if (step == Step::Done && either_order) step = by_family(le32(h));
  return step == Step::Done ? w.stop(Outcome::NotIp, "a loopback packet of another address family") : step;
}

// What Linux writes in the place of an EtherType.
constexpr std::uint16_t kCookedLlc = 4;
constexpr std::uint16_t kKnownTypes[] = {
    0x0800, 0x0806, 0x22eb, 0x6558, 0x8035, 0x8100, 0x86dd, 0x8808, 0x8809, 0x880b, 0x8847, 0x8848, 0x8863,
    0x8864, 0x8870, 0x888e, 0x88a8, 0x88be, 0x88cc, 0x88e5, 0x88e7, 0x88f5, 0x88f7, 0x9100, 0x9200,
};

// Some kernels and drivers leave the inner half of a VLAN tag in front of the packet and the VLAN id where the
// EtherType belongs.
bool is_broken_tag(const Walk& w) {
  if (std::find(std::begin(kKnownTypes), std::end(kKnownTypes), w.ether_type) != std::end(kKnownTypes)) return false;
  if (w.end - w.at < 2) return false;
  const std::uint16_t type = be16(w.bytes + w.at);
  return (type == ether_type::kIpv4 && fits_ipv4(w, w.at + 2)) || (type == ether_type::kIpv6 && fits_ipv6(w, w.at + 2));
}

// The kernel's packet type: 0 to 3 came in (for us, broadcast, multicast, for others), 4 went out.
void read_direction(Packet& packet, unsigned type) {
  const Direction told = type <= 3 ? Direction::Received : type == 4 ? Direction::Transmitted : Direction::Unknown;
  if (packet.direction == Direction::Unknown) packet.direction = told;
  // Two that contradict each other tell nothing.
  if (told != Direction::Unknown && packet.direction != told) packet.direction = Direction::Unknown;
}

struct Cooked {
  std::uint32_t size;
  std::uint32_t protocol, hardware, packet_type, address_length, address;  // offsets
};
constexpr Cooked kCookedV1{16, 14, 2, 1, 5, 6};
constexpr Cooked kCookedV2{20, 0, 8, 10, 11, 12};

Step begin_cooked(Walk& w, const Cooked& form) {
  constexpr std::uint16_t kEther = 1, kLoopbackDevice = 772, kRadiotap = 803, kNetlink = 824;
  const std::uint8_t* h = w.header(form.size, kCooked);
  if (h == nullptr) return Step::Done;
  const std::uint16_t hardware = be16(h + form.hardware);
  read_direction(w.packet, h[form.packet_type]);
  if (form.size == kCookedV2.size) w.packet.cooked_interface = be32(h + 4);
  if ((hardware == kEther || hardware == kLoopbackDevice) && h[form.address_length] == 6) {
    w.packet.has_macs = true;
    w.packet.destination_mac = {};
    std::memcpy(w.packet.source_mac.data(), h + form.address, 6);
  }
  w.at += form.size;
  w.ether_type = be16(h + form.protocol);
  if (hardware == kNetlink) return w.stop(Outcome::NotIp, "a netlink message");
  if (hardware == kRadiotap) return w.stop(Outcome::Unsupported, "an 802.11 frame behind a Linux cooked header");
  if (w.ether_type == kCookedLlc) return Step::Llc;
  if (is_broken_tag(w)) {
    if (!w.add_tag()) return Step::Done;
    w.packet.vlan_tags = 1;
    w.packet.plain_tags = true;
    w.packet.first_vlan = w.ether_type & 0x0fff;
    w.ether_type = be16(w.bytes + w.at);
    w.at += 2;
    return Step::EtherType;
  }
  if (w.ether_type < ether_type::kFirst) return w.stop(Outcome::NotIp, "a protocol that has no EtherType");
  return Step::EtherType;
}

// Attributes of netlink, in the byte order of the machine that wrote them: the order in which the first one makes
// sense.
Step begin_nflog(Walk& w) {
  constexpr std::uint8_t kV4 = 2, kBridge = 7, kV6 = 10;
  constexpr std::uint16_t kPacketHeader = 1, kPayload = 9, kLastType = 31;
  const std::uint8_t* h = w.header(4, kNflog);
  if (h == nullptr) return Step::Done;
  if (h[1] != 0) return w.stop(Outcome::Unsupported, "NFLOG of an unknown version");
  const std::uint8_t family = h[0];
  w.at += 4;
  if (w.header(4, kNflog) == nullptr) return Step::Done;
  const auto sensible = [&](std::uint16_t length, std::uint16_t type) {
    return length >= 4 && length <= w.claimed - w.at && (type & 0x7fff) <= kLastType;
  };
  const bool little = sensible(le16(w.bytes + w.at), le16(w.bytes + w.at + 2));
  while (true) {
    const std::uint8_t* attribute = w.header(4, kNflog);
    if (attribute == nullptr) return Step::Done;
    const std::uint16_t length = little ? le16(attribute) : be16(attribute);
    const std::uint16_t type = (little ? le16(attribute + 2) : be16(attribute + 2)) & 0x7fff;
    if (length < 4) return w.stop(Outcome::Malformed, "an NFLOG attribute of less than 4 bytes");
    if (type == kPayload) {
      w.at += 4;
      w.limit(length - 4u, "an NFLOG attribute leads beyond the end of the message");
      break;
    }
    if (type == kPacketHeader && length >= 8) {
      const std::uint8_t* hardware = w.header(6, kNflog);
      if (hardware == nullptr) return Step::Done;
      w.ether_type = be16(hardware + 4);
    }
    const std::uint32_t padded = (length + 3u) & ~3u;
    if (w.header(padded, kNflog) == nullptr) return Step::Done;
    w.at += padded;
  }
  switch (family) {
    case kV4:
      return Step::Ipv4;
    case kV6:
      return Step::Ipv6;
    case kBridge:
      return Step::EtherType;
    default:
      return w.stop(Outcome::NotIp, "NFLOG of another address family");
  }
}

// Per-packet information, then a frame of the link type that it names: Ethernet alone is read.
Step begin_ppi(Walk& w) {
  const std::uint8_t* h = w.header(8, kPpi);
  if (h == nullptr) return Step::Done;
  const std::uint16_t size = le16(h + 2);
  const std::uint32_t link = le32(h + 4);
  if (size < 8) return w.stop(Outcome::Malformed, "a PPI header of less than 8 bytes");
  if (w.header(size, kPpi) == nullptr) return Step::Done;
  if (link != static_cast<std::uint32_t>(LinkType::Ethernet)) {
    return w.stop(Outcome::Unsupported, "a link type other than Ethernet behind a PPI header");
  }
  w.at += size;
  return Step::Ethernet;
}

// RFC 2427, and Cisco's form with an EtherType straight behind the address.
Step begin_frame_relay(Walk& w) {
  constexpr std::uint8_t kUnnumbered = 0x03, kSnap = 0x80, kNlpidV6 = 0x8e, kNlpidV4 = 0xcc;
  std::uint32_t address = 0;
  for (bool last = false; !last;) {
    const std::uint8_t* h = w.header(++address, kFrameRelay);
    if (h == nullptr) return Step::Done;
    last = (h[address - 1] & 1) != 0;
    if (address == 4 && !last) return w.stop(Outcome::Malformed, "a Frame Relay address of more than 4 bytes");
  }
  w.at += address;
  const std::uint8_t* h = w.header(2, kFrameRelay);
  if (h == nullptr) return Step::Done;
  if (h[0] != kUnnumbered) {
    w.ether_type = be16(h);
    if (w.ether_type < ether_type::kFirst) return w.stop(Outcome::NotIp, "a Frame Relay frame that carries no IP");
    w.at += 2;
    return Step::EtherType;
  }
  w.at += h[1] == 0 ? 2 : 1;  // a pad
  if ((h = w.header(1, kFrameRelay)) == nullptr) return Step::Done;
  switch (h[0]) {
    case kNlpidV4:
      w.at += 1;
      return Step::Ipv4;
    case kNlpidV6:
      w.at += 1;
      return Step::Ipv6;
    case kSnap:
      break;
    default:
      return w.stop(Outcome::NotIp, "a Frame Relay frame that carries no IP");
  }
  if ((h = w.header(6, kFrameRelay)) == nullptr) return Step::Done;
  const std::uint32_t organisation = be32(h) & 0x00ffffff;
  const std::uint16_t type = be16(h + 4);
  if (organisation == 0x0080c2 && (type == 1 || type == 7)) {  // bridged Ethernet, with and without its checksum
    w.at += 6;
    return Step::Ethernet;
  }
  if (organisation != 0 || type < ether_type::kFirst) return w.stop(Outcome::NotIp, "SNAP of a vendor's protocol");
  w.ether_type = type;
  w.at += 6;
  return Step::EtherType;
}

// PPP in HDLC-like framing, or Cisco's HDLC with an EtherType.
Step begin_hdlc(Walk& w) {
  constexpr std::uint16_t kSlarp = 0x8035;  // Cisco's keepalive, RARP on every other link
  const std::uint8_t* h = w.header(1, kHdlc);
  if (h == nullptr) return Step::Done;
  if (h[0] != 0x0f && h[0] != 0x8f) return Step::Ppp;
  if ((h = w.header(4, kHdlc)) == nullptr) return Step::Done;
  w.ether_type = be16(h + 2);
  if (w.ether_type < ether_type::kFirst || w.ether_type == kSlarp) {
    return w.stop(Outcome::NotIp, "a Cisco HDLC frame that carries no IP");
  }
  w.at += 4;
  return Step::EtherType;
}

}  // namespace

Step begin(Walk& w, LinkType link) {
  switch (link) {
    case LinkType::Ethernet:
      return Step::Ethernet;
    case LinkType::LinuxSll:
      return begin_cooked(w, kCookedV1);
    case LinkType::LinuxSll2:
      return begin_cooked(w, kCookedV2);
    case LinkType::RawBsd:
    case LinkType::RawOpenBsd:
    case LinkType::Raw:
      return Step::AnyIp;
    case LinkType::Ipv4:
      return Step::Ipv4;
    case LinkType::Ipv6:
      return Step::Ipv6;
    case LinkType::Null:
      return begin_loopback(w, true);
    case LinkType::Loop:
      return begin_loopback(w, false);
    case LinkType::Ppp:  // writers do not keep the two apart
    case LinkType::PppHdlc:
      return begin_hdlc(w);
    case LinkType::PppEther:
      return read_pppoe(w);
    case LinkType::FrameRelay:
      return begin_frame_relay(w);
    case LinkType::Ppi:
      return begin_ppi(w);
    case LinkType::Nflog:
      return begin_nflog(w);
  }
  return w.stop(Outcome::Unsupported, "a link type that is not known");
}

}  // namespace airtight::audit
