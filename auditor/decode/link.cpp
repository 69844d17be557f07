// Headers between a link and IP: Ethernet, tags, LLC and SNAP, PPP, PPPoE, MPLS. They also stand inside tunnels.
#include "auditor/decode/walk.h"

namespace airtight::audit {
namespace {

constexpr Shortfall kEthernet{"the capture ends inside an Ethernet header", "the frame ends inside an Ethernet header"};
constexpr Shortfall kTag{"the capture ends inside a VLAN tag", "the frame ends inside a VLAN tag"};
constexpr Shortfall kLlc{"the capture ends inside an LLC header", "the frame ends inside an LLC header"};
constexpr Shortfall kPpp{"the capture ends inside a PPP header", "the frame ends inside a PPP header"};
constexpr Shortfall kPppoe{"the capture ends inside a PPPoE header", "the frame ends inside a PPPoE header"};
constexpr Shortfall kLabel{"the capture ends inside an MPLS label", "the frame ends inside the MPLS label stack"};
constexpr Shortfall kBehindLabels{"the capture ends behind the MPLS labels", "nothing stands behind the MPLS labels"};

constexpr bool is_tag(std::uint16_t type) {
  return type == ether_type::kVlan || type == ether_type::kProvider || type == 0x9100 || type == 0x9200;
}

// An I-TAG (IEEE 802.1ah) is a tag whose service id is no VLAN id.
void count_tag(Packet& packet, std::uint16_t kind, std::uint16_t vlan) {
  if (packet.vlan_tags == 0) packet.first_vlan = vlan;
  if (kind == ether_type::kVlan) {
    packet.plain_tags = true;
  } else if (packet.other_tag == 0) {
    packet.other_tag = kind;
  }
  ++packet.vlan_tags;
}

// PPP protocol numbers (IANA "PPP Numbers").
enum class PppFate : std::uint8_t { Ipv4, Ipv6, Mpls, Bridged, Compressed, Encrypted, Multilink };
struct PppProtocol {
  std::uint16_t number;
  PppFate fate;
};
constexpr PppProtocol kPppProtocols[] = {
    {0x0021, PppFate::Ipv4},       {0x0057, PppFate::Ipv6},       {0x0281, PppFate::Mpls},
    {0x0283, PppFate::Mpls},       {0x0031, PppFate::Bridged},    {0x0003, PppFate::Compressed},
    {0x0005, PppFate::Compressed}, {0x002d, PppFate::Compressed}, {0x002f, PppFate::Compressed},
    {0x0061, PppFate::Compressed}, {0x0063, PppFate::Compressed}, {0x0065, PppFate::Compressed},
    {0x0067, PppFate::Compressed}, {0x0069, PppFate::Compressed}, {0x2061, PppFate::Compressed},
    {0x2063, PppFate::Compressed}, {0x2065, PppFate::Compressed}, {0x2067, PppFate::Compressed},
    {0x2069, PppFate::Compressed}, {0x00fb, PppFate::Compressed}, {0x00fd, PppFate::Compressed},
    {0x0053, PppFate::Encrypted},  {0x0055, PppFate::Encrypted},  {0x003d, PppFate::Multilink},
};

// Bridging PDU of RFC 3518: flags and the length of a pad, the type of MAC, perhaps a LAN id.
Step read_bridged(Walk& w) {
  constexpr std::uint8_t kLanId = 0x40, kEthernetMac = 1;
  const std::uint8_t* h = w.header(2, kPpp);
  if (h == nullptr) return Step::Done;
  if (h[1] != kEthernetMac) return w.stop(Outcome::Unsupported, "bridged over PPP, and not Ethernet");
  const std::uint32_t size = (h[0] & kLanId) != 0 ? 6 : 2;
  if (w.header(size, kPpp) == nullptr) return Step::Done;
  w.at += size;
  return Step::Ethernet;
}

// Whether an Ethernet header may stand `offset` bytes on: a type that is known, or a length that fits.
bool fits_ethernet(const Walk& w, std::uint32_t offset) {
  if (w.end - w.at < offset + 14) return false;
  const std::uint16_t type = be16(w.bytes + w.at + offset + 12);
  switch (type) {
    case ether_type::kIpv4:
    case ether_type::kIpv6:
    case ether_type::kArp:
    case ether_type::kRarp:
    case ether_type::kMpls:
    case ether_type::kMplsMulticast:
    case ether_type::kPppoeDiscovery:
    case ether_type::kPppoeSession:
    case ether_type::kMacsec:
    case ether_type::kBackbone:
      return true;
    default:
      return is_tag(type) || (type >= 3 && type <= ether_type::kMaxLength && type <= w.claimed - w.at - offset - 14);
  }
}

}  // namespace

Step read_ethernet(Walk& w) {
  const std::uint8_t* h = w.header(14, kEthernet);
  if (h == nullptr) return Step::Done;
  if (w.on_outer_link() && !w.packet.has_macs) {
    w.packet.has_macs = true;
    std::memcpy(w.packet.destination_mac.data(), h, 6);
    std::memcpy(w.packet.source_mac.data(), h + 6, 6);
  }
  w.ether_type = be16(h + 12);
  w.at += 14;
  return Step::EtherType;
}

Step read_ether_type(Walk& w) {
  while (is_tag(w.ether_type)) {
    const std::uint8_t* h = w.header(4, kTag);
    if (h == nullptr || !w.add_tag()) return Step::Done;
    if (w.on_outer_link()) count_tag(w.packet, w.ether_type, be16(h) & 0x0fff);
    w.ether_type = be16(h + 2);
    w.at += 4;
  }
  const std::uint16_t type = w.ether_type;
  if (type == ether_type::kBackbone) {
    if (w.header(4, kTag) == nullptr || !w.add_tag()) return Step::Done;
    if (w.on_outer_link()) count_tag(w.packet, ether_type::kBackbone, kNoVlanId);
    w.at += 4;
    return Step::Ethernet;
  }
  if (type <= ether_type::kMaxLength) {
    w.limit(type, "an IEEE 802.3 length leads beyond the end of the frame");
    return Step::Llc;
  }
  if (type < ether_type::kFirst) return w.stop(Outcome::NotIp, "neither an EtherType nor an IEEE 802.3 length");
  if (w.on_outer_link()) {
    w.packet.has_ether_type = true;
    w.packet.ether_type = type;
    w.packet.l3_offset = w.at;
  }
  switch (type) {
    case ether_type::kIpv4:
      return Step::Ipv4;
    case ether_type::kIpv6:
      return Step::Ipv6;
    case ether_type::kArp:
    case ether_type::kRarp:
      if (w.packet.level_count == 0 && w.packet.ether_type == type) return w.stop(Outcome::Arp, {});
      return w.stop(Outcome::NotIp, "ARP inside a tunnel");
    case ether_type::kMpls:
    case ether_type::kMplsMulticast:
      return Step::Mpls;
    case ether_type::kPppoeDiscovery:
      if (w.packet.level_count == 0) w.packet.pppoe = true;
      return w.stop(Outcome::NotIp, "PPPoE discovery");
    case ether_type::kPppoeSession:
      return read_pppoe(w);
    case ether_type::kPpp:
      return Step::Ppp;
    case ether_type::kTransparent:
      return Step::Ethernet;
    case ether_type::kJumboLlc:
      return Step::Llc;
    case ether_type::kMacsec:
      return w.hide(Carrier::Link, "encrypted or sealed by MACsec");
    default:
      return w.stop(Outcome::NotIp, "an EtherType that carries no IP");
  }
}

Step read_llc(Walk& w) {
  constexpr std::uint8_t kSnap = 0xaa, kIpSap = 0x06, kUnnumbered = 0x03;
  const std::uint8_t* h = w.header(3, kLlc);
  if (h == nullptr) return Step::Done;
  if ((h[0] & 0xfe) == kIpSap && (h[1] & 0xfe) == kIpSap && h[2] == kUnnumbered) {
    w.at += 3;
    return Step::Ipv4;
  }
  if ((h[0] & 0xfe) != kSnap || (h[1] & 0xfe) != kSnap) return w.stop(Outcome::NotIp, "LLC without an EtherType");
  if ((h = w.header(8, kLlc)) == nullptr) return Step::Done;
  const std::uint32_t organisation = be32(h + 2) & 0x00ffffff;
  w.ether_type = be16(h + 6);
  // RFC 1042, and IEEE 802.1H for types that a bridge must not translate back.
  if (organisation != 0 && organisation != 0x0000f8) return w.stop(Outcome::NotIp, "SNAP of a vendor's protocol");
  if (w.ether_type < ether_type::kFirst) return w.stop(Outcome::NotIp, "SNAP without an EtherType");
  w.at += 8;
  return Step::EtherType;
}

Step read_ppp(Walk& w) {
  const std::uint8_t* h = w.header(1, kPpp);
  if (h == nullptr) return Step::Done;
  if (h[0] == 0xff) {  // address and control of HDLC framing (RFC 1662 §3.1)
    if ((h = w.header(2, kPpp)) == nullptr) return Step::Done;
    if (h[1] != 0x03) return w.stop(Outcome::Malformed, "a PPP control field other than 3");
    w.at += 2;
    if ((h = w.header(1, kPpp)) == nullptr) return Step::Done;
  }
  std::uint16_t number = h[0];
  if ((number & 1) == 0) {  // an odd first byte is a compressed protocol field (RFC 1661 §6.5)
    if ((h = w.header(2, kPpp)) == nullptr) return Step::Done;
    number = be16(h);
    ++w.at;
  }
  ++w.at;
  const auto* known = std::find_if(std::begin(kPppProtocols), std::end(kPppProtocols),
                                   [&](const PppProtocol& protocol) { return protocol.number == number; });
  if (known != std::end(kPppProtocols)) {
    switch (known->fate) {
      case PppFate::Ipv4:
        return Step::Ipv4;
      case PppFate::Ipv6:
        return Step::Ipv6;
      case PppFate::Mpls:
        return Step::Mpls;
      case PppFate::Bridged:
        return read_bridged(w);
      case PppFate::Compressed:
        return w.hide(w.carrier, "compressed by PPP");
      case PppFate::Encrypted:
        return w.hide(w.carrier, "encrypted by PPP");
      case PppFate::Multilink:
        return w.stop(Outcome::Unsupported, "a part of a packet over PPP Multilink");
    }
  }
  if (w.carrier == Carrier::L2tp) return w.hide(Carrier::L2tp, "L2TP data other than IP");
  return w.stop(Outcome::NotIp, number >= 0x8000 ? "PPP control" : "a PPP protocol that carries no IP");
}

Step read_pppoe(Walk& w) {
  if (w.packet.level_count == 0) w.packet.pppoe = true;
  const std::uint8_t* h = w.header(6, kPppoe);
  if (h == nullptr) return Step::Done;
  if (h[0] != 0x11 || h[1] != 0) return w.stop(Outcome::Malformed, "a PPPoE session header of unknown version or code");
  w.at += 6;
  w.limit(be16(h + 4), "the PPPoE length leads beyond the end of the frame");
  return Step::Ppp;
}

// Nothing in the stack says what follows it: by RFC 4928 and 4385 the first nibble tells IP, a control word of a
// pseudowire or its associated channel; an Ethernet pseudowire without control word is known by an EtherType in its
// place.
Step read_mpls(Walk& w) {
  constexpr std::uint32_t kControlWord = 4;
  if (w.packet.level_count == 0) w.packet.mpls = true;
  for (bool bottom = false; !bottom; w.at += 4) {
    const std::uint8_t* h = w.header(4, kLabel);
    if (h == nullptr || !w.add_tag()) return Step::Done;
    bottom = (h[2] & 1) != 0;
  }
  const std::uint8_t* h = w.header(1, kBehindLabels);
  if (h == nullptr) return Step::Done;
  const unsigned nibble = h[0] >> 4;
  if (nibble == 4 && fits_ipv4(w, w.at)) return Step::Ipv4;
  if (nibble == 6 && fits_ipv6(w, w.at)) return Step::Ipv6;
  const bool plain = fits_ethernet(w, 0);
  const bool with_word = nibble == 0 && fits_ethernet(w, kControlWord);
  if (with_word && (!plain || be16(h) == 0)) w.at += kControlWord;
  if (plain || with_word) return Step::Ethernet;
  if (nibble == 4) return Step::Ipv4;
  if (nibble == 6) return Step::Ipv6;
  if (w.header(std::min<std::uint32_t>(kControlWord + 14, w.claimed - w.at), kBehindLabels) == nullptr)
    return Step::Done;
  if (nibble == 1) return w.stop(Outcome::NotIp, "an associated channel of MPLS");
  return w.stop(Outcome::Unsupported, "what stands behind the MPLS labels cannot be told");
}

}  // namespace airtight::audit
