// Tunnels that are an IP protocol of their own: IP in IP, GRE with all that it carries, EtherIP, MPLS, and those that
// hide.
#include "auditor/decode/walk.h"

namespace airtight::audit {
namespace {

constexpr Shortfall kGre{"the capture ends inside a GRE header", "no room for a GRE header"};
constexpr Shortfall kErspan{"the capture ends inside an ERSPAN header", "no room for an ERSPAN header"};
constexpr Shortfall kWccp{"the capture ends inside a WCCP header", "no room for a WCCP header"};
constexpr Shortfall kEtherIp{"the capture ends inside an EtherIP header", "no room for an EtherIP header"};

// IPv6 "Ethernet" (RFC 8986 §10.1), IPComp (RFC 3173), and encapsulations of IP that are all but forgotten: minimal
// (RFC 2004), IP-within-IP of KA9Q, RFC 1241, and the network service header (RFC 9491).
constexpr std::uint8_t kEthernet = 143, kIpComp = 108, kMinimal = 55, kKa9q = 94, kEncap = 98, kNsh = 145;

Step read_etherip(Walk& w) {
  const std::uint8_t* h = w.header(2, kEtherIp);
  if (h == nullptr) return Step::Done;
  if (h[0] >> 4 != 3) return w.stop(Outcome::Malformed, "not version 3 in an EtherIP header");
  w.at += 2;
  return Step::Ethernet;
}

// A mirrored Ethernet frame: type I has no header of its own and no GRE sequence number.
Step read_erspan(Walk& w, bool third, bool sequenced) {
  if (!third && !sequenced) return Step::Ethernet;
  std::uint32_t size = third ? 12 : 8;
  const std::uint8_t* h = w.header(size, kErspan);
  if (h == nullptr) return Step::Done;
  if (third && (h[11] & 1) != 0) size += 8;  // a platform-specific subheader
  if (w.header(size, kErspan) == nullptr) return Step::Done;
  // Frame type of type III, bits 3 and 4 from the top of the fifth half-word: 2 is an IP packet.
  if (third && (h[10] >> 2 & 31) == 2) {
    w.at += size;
    return Step::AnyIp;
  }
  w.at += size;
  return Step::Ethernet;
}

// Version 2 has a redirect header of four bytes, whose first nibble is never that of IPv4 (draft-wilson-wrec-wccp-v2
// §4.12).
Step read_wccp(Walk& w) {
  const std::uint8_t* h = w.header(1, kWccp);
  if (h == nullptr) return Step::Done;
  if (h[0] >> 4 != 4) {
    if (w.header(4, kWccp) == nullptr) return Step::Done;
    w.at += 4;
  }
  return Step::AnyIp;
}

// GRE version 1 (RFC 2637): PPP between two ends of PPTP; without a sequence number it is a mere acknowledgement.
Step read_pptp(Walk& w, std::uint16_t flags) {
  constexpr std::uint16_t kSequence = 0x1000, kAck = 0x0080;
  std::uint32_t size = 8;
  if ((flags & kSequence) != 0) size += 4;
  if ((flags & kAck) != 0) size += 4;
  const std::uint8_t* h = w.header(size, kGre);
  if (h == nullptr) return Step::Done;
  if (be16(h + 2) != ether_type::kPpp) return w.stop(Outcome::Malformed, "GRE version 1 that does not carry PPP");
  w.at += size;
  const std::uint16_t length = be16(h + 4);
  if ((flags & kSequence) == 0) {
    return length == 0 ? Step::Done : w.stop(Outcome::Malformed, "a PPTP payload without sequence number");
  }
  w.limit(length, "the PPTP payload length leads beyond the end of the packet");
  w.carrier = Carrier::Pptp;
  return Step::Ppp;
}

// Source route entries of RFC 1701: family, offset, length, until one without family and length.
bool skip_source_routes(Walk& w) {
  while (true) {
    const std::uint8_t* h = w.header(4, kGre);
    if (h == nullptr) return false;
    const std::uint32_t length = h[3];
    const bool last = be16(h) == 0 && length == 0;
    if (w.header(4 + length, kGre) == nullptr) return false;
    w.at += 4 + length;
    if (last) return true;
  }
}

}  // namespace

Step read_gre(Walk& w) {
  constexpr std::uint16_t kChecksum = 0x8000, kRouting = 0x4000, kKey = 0x2000, kSequence = 0x1000, kVersion = 7;
  const std::uint8_t* h = w.header(4, kGre);
  if (h == nullptr) return Step::Done;
  const std::uint16_t flags = be16(h), type = be16(h + 2);
  if ((flags & kVersion) == 1) return read_pptp(w, flags);
  if ((flags & kVersion) != 0) return w.stop(Outcome::Unsupported, "GRE of an unknown version");
  std::uint32_t size = 4;
  if ((flags & (kChecksum | kRouting)) != 0) size += 4;
  if ((flags & kKey) != 0) size += 4;
  if ((flags & kSequence) != 0) size += 4;
  if (w.header(size, kGre) == nullptr) return Step::Done;
  w.at += size;
  if ((flags & kRouting) != 0 && !skip_source_routes(w)) return Step::Done;
  w.carrier = Carrier::Gre;
  switch (type) {
    case ether_type::kErspan:
      return read_erspan(w, false, (flags & kSequence) != 0);
    case ether_type::kErspan3:
      return read_erspan(w, true, true);
    case ether_type::kWccp:
      return read_wccp(w);
    default:
      return read_tunnelled(w, Carrier::Gre, type);
  }
}

Step read_tunnelled(Walk& w, Carrier carrier, std::uint16_t type) {
  w.carrier = carrier;
  switch (type) {
    case ether_type::kIpv4:
    case ether_type::kIpv6:
    case ether_type::kArp:
    case ether_type::kRarp:
    case ether_type::kVlan:
    case ether_type::kProvider:
    case ether_type::kMpls:
    case ether_type::kMplsMulticast:
    case ether_type::kTransparent:
    case ether_type::kPpp:
    case ether_type::kMacsec:
      w.ether_type = type;
      return Step::EtherType;
    default:
      return w.stop(Outcome::Unsupported, "a tunnel with a payload of unknown type");
  }
}

Step read_ip_tunnel(Walk& w, const Level& level) {
  if (w.packet.outcome != Outcome::Ip) return Step::Done;
  switch (level.protocol) {
    case ip_protocol::kIpv4:
      w.carrier = Carrier::IpInIp;
      return Step::Ipv4;
    case ip_protocol::kIpv6:
      w.carrier = Carrier::IpInIp;
      return Step::Ipv6;
    case ip_protocol::kGre:
      return read_gre(w);
    case ip_protocol::kMpls:
      w.carrier = Carrier::MplsInIp;
      return Step::Mpls;
    case ip_protocol::kEtherIp:
      w.carrier = Carrier::EtherIp;
      return read_etherip(w);
    case kEthernet:
      w.carrier = Carrier::EtherIp;
      return Step::Ethernet;
    case ip_protocol::kEsp:
      return w.hide(Carrier::Esp, "encrypted by ESP");
    case ip_protocol::kL2tp:
      return w.hide(Carrier::L2tp, "L2TP version 3");
    case kIpComp:
      return w.hide(Carrier::Link, "compressed by IPComp");
    case kMinimal:
    case kKa9q:
    case kEncap:
    case kNsh:
      return w.stop(Outcome::Unsupported, "an encapsulation of IP that is not read");
    default:
      return Step::Done;
  }
}

}  // namespace airtight::audit
