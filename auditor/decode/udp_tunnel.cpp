// Tunnels over UDP: known by destination port, and WireGuard, OpenVPN and Teredo also by shape. A port that says tunnel
// and bytes that cannot be one are Malformed, so that nothing passes for plain data by being spoilt. The source's port
// is any sender's choice: it alone hides nothing.
#include "auditor/decode/walk.h"

namespace airtight::audit {
namespace {

constexpr Shortfall kVxlan{"the capture ends inside a VXLAN header", "no room for a VXLAN header on its port"};
constexpr Shortfall kGeneve{"the capture ends inside a GENEVE header", "no room for a GENEVE header on its port"};
constexpr Shortfall kGtp{"the capture ends inside a GTP header", "no room for a GTP header on its port"};
constexpr Shortfall kTeredo{"the capture ends inside a Teredo header", "no room for an IPv6 packet on the Teredo port"};
constexpr Shortfall kSpi{"the capture ends before the SPI", "no room for an SPI on the port of ESP"};
constexpr Shortfall kL2tp{"the capture ends inside an L2TP header", "no room for an L2TP header on its port"};
constexpr Shortfall kDtls{"the capture ends before a tunnel header", "nothing on the port of a tunnel"};

constexpr std::uint16_t kOpenVpnPort = 1194, kTeredoPort = 3544, kWireGuardPort = 51820;

std::uint32_t size_of(const Walk& w) { return w.claimed - w.at; }
std::uint32_t seen_of(const Walk& w) { return w.end - w.at; }

// RFC 7348: flags, reserved, network identifier, reserved. Reserved bits are ignored, as receivers do.
Step read_vxlan(Walk& w) {
  constexpr std::uint8_t kIdentified = 0x08;
  const std::uint8_t* h = w.header(8, kVxlan);
  if (h == nullptr) return Step::Done;
  if ((h[0] & kIdentified) == 0) return w.stop(Outcome::Malformed, "a VXLAN header without network identifier");
  w.at += 8;
  w.carrier = Carrier::Vxlan;
  return Step::Ethernet;
}

// draft-ietf-nvo3-vxlan-gpe: the same with a next protocol where a flag says so.
Step read_vxlan_gpe(Walk& w) {
  constexpr std::uint8_t kNextProtocol = 0x04;
  const std::uint8_t* h = w.header(8, kVxlan);
  if (h == nullptr) return Step::Done;
  w.at += 8;
  w.carrier = Carrier::Vxlan;
  if ((h[0] & kNextProtocol) == 0) return Step::Ethernet;
  switch (h[3]) {
    case 1:
      return Step::Ipv4;
    case 2:
      return Step::Ipv6;
    case 3:
      return Step::Ethernet;
    case 5:
      return Step::Mpls;
    default:
      return w.stop(Outcome::Unsupported, "a tunnel with a payload of unknown type");
  }
}

Step read_geneve(Walk& w) {
  const std::uint8_t* h = w.header(8, kGeneve);
  if (h == nullptr) return Step::Done;
  if (h[0] >> 6 != 0) return w.stop(Outcome::Malformed, "a GENEVE header of unknown version");
  const std::uint32_t size = 8 + (h[0] & 0x3fu) * 4;
  if (w.header(size, kGeneve) == nullptr) return Step::Done;
  w.at += size;
  return read_tunnelled(w, Carrier::Geneve, be16(h + 2));
}

// 3GPP TS 29.281 §5: eight bytes, four more if any of three flags is set, then a chain of extension headers.
Step read_gtp_u(Walk& w) {
  constexpr std::uint8_t kExtension = 0x04, kOptional = 0x07, kUserData = 255;
  const std::uint8_t* h = w.header(8, kGtp);
  if (h == nullptr) return Step::Done;
  if (h[0] >> 4 != 3) return w.stop(Outcome::Malformed, "not version 1 in a GTP-U header");
  w.at += 8;
  if (h[1] != kUserData) return Step::Done;  // a message between the two ends
  w.limit(be16(h + 2), "the GTP-U length leads beyond the end of the packet");
  if ((h[0] & kOptional) != 0) {
    const std::uint8_t* optional = w.header(4, kGtp);
    if (optional == nullptr) return Step::Done;
    w.at += 4;
    std::uint8_t next = (h[0] & kExtension) != 0 ? optional[3] : 0;
    while (next != 0) {
      const std::uint8_t* extension = w.header(1, kGtp);
      if (extension == nullptr) return Step::Done;
      const std::uint32_t size = extension[0] * 4u;
      if (size == 0) return w.stop(Outcome::Malformed, "a GTP-U extension header of no length");
      if (w.header(size, kGtp) == nullptr) return Step::Done;
      next = extension[size - 1];
      w.at += size;
    }
  }
  w.carrier = Carrier::GtpU;
  const std::uint8_t* inner = w.header(1, kGtp);
  if (inner == nullptr) return Step::Done;
  const unsigned version = inner[0] >> 4;
  return version == 4 || version == 6 ? Step::AnyIp : w.stop(Outcome::Unsupported, "GTP-U user data that is not IP");
}

// RFC 4380 §5.1.1: authentication and origin may stand before the IPv6 packet.
constexpr std::uint16_t kTeredoOrigin = 0, kTeredoAuthentication = 1;
constexpr std::uint32_t kTeredoOriginSize = 8;
std::uint32_t teredo_authentication_size(const std::uint8_t* h) { return 13u + h[2] + h[3]; }
Step read_teredo(Walk& w) {
  w.carrier = Carrier::Teredo;
  const std::uint8_t* h = w.header(2, kTeredo);
  if (h != nullptr && be16(h) == kTeredoAuthentication) {
    if ((h = w.header(4, kTeredo)) == nullptr) return Step::Done;
    const std::uint32_t size = teredo_authentication_size(h);
    if (w.header(size, kTeredo) == nullptr) return Step::Done;
    w.at += size;
    h = w.header(2, kTeredo);
  }
  if (h != nullptr && be16(h) == kTeredoOrigin) {
    if (w.header(kTeredoOriginSize, kTeredo) == nullptr) return Step::Done;
    w.at += kTeredoOriginSize;
    h = w.header(2, kTeredo);
  }
  return h == nullptr ? Step::Done : Step::Ipv6;
}

// RFC 3948: a single 0xff keeps the translation alive, four zero bytes come before IKE.
Step read_esp_in_udp(Walk& w) {
  if (size_of(w) == 1 && (seen_of(w) == 0 || w.bytes[w.at] == 0xff)) return Step::Done;
  const std::uint8_t* h = w.header(4, kSpi);
  if (h == nullptr || be32(h) == 0) return Step::Done;
  return w.hide(Carrier::Esp, "encrypted by ESP");
}

// RFC 2661 §3.1. Data of version 2 is PPP in clear; messages of control, and version 3 (RFC 3931), are not read.
Step read_l2tp(Walk& w) {
  constexpr std::uint16_t kControl = 0x8000, kLength = 0x4000, kSequence = 0x0800, kOffset = 0x0200, kVersion = 0x000f;
  const std::uint8_t* h = w.header(2, kL2tp);
  if (h == nullptr) return Step::Done;
  const std::uint16_t flags = be16(h);
  switch (flags & kVersion) {
    case 2:
      break;
    case 1:
    case 3:
      return w.hide(Carrier::L2tp, "L2TP version 3, or L2F");
    default:
      return w.stop(Outcome::Malformed, "an L2TP header of unknown version");
  }
  if ((flags & kControl) != 0) return w.hide(Carrier::L2tp, "a message of L2TP control");
  std::uint32_t size = 6;
  if ((flags & kLength) != 0) size += 2;
  if ((flags & kSequence) != 0) size += 4;
  if ((flags & kOffset) != 0) {
    if ((h = w.header(size + 2, kL2tp)) == nullptr) return Step::Done;
    size += 2u + be16(h + size);
  }
  if (w.header(size, kL2tp) == nullptr) return Step::Done;
  if ((flags & kLength) != 0) {
    const std::uint16_t length = be16(h + 2);
    if (length < size) return w.stop(Outcome::Malformed, "an L2TP length that is shorter than the header");
    w.limit(length, "the L2TP length leads beyond the end of the packet");
  }
  w.at += size;
  w.carrier = Carrier::L2tp;
  return Step::Ppp;
}

Step read_mpls_in_udp(Walk& w) {
  w.carrier = Carrier::MplsInIp;
  return Step::Mpls;
}

bool is_dtls_record(const std::uint8_t* h) { return h[0] >= 20 && h[0] <= 26 && h[1] == 0xfe; }
Step read_gre_in_dtls(Walk& w) {
  const std::uint8_t* h = w.header(2, kDtls);
  if (h == nullptr) return Step::Done;
  return is_dtls_record(h) ? w.hide(Carrier::Gre, "encrypted by DTLS") : read_gre(w);
}
Step read_mpls_in_dtls(Walk& w) {
  const std::uint8_t* h = w.header(2, kDtls);
  if (h == nullptr) return Step::Done;
  return is_dtls_record(h) ? w.hide(Carrier::MplsInIp, "encrypted by DTLS") : read_mpls_in_udp(w);
}
Step read_openvpn(Walk& w) { return size_of(w) == 0 ? Step::Done : w.hide(Carrier::OpenVpn, "encrypted by OpenVPN"); }

struct TunnelPort {
  std::uint16_t port;  // the destination's
  Step (*read)(Walk&);
};
constexpr TunnelPort kTunnelPorts[] = {
    {4789, read_vxlan},           {8472, read_vxlan},       {4790, read_vxlan_gpe},
    {6081, read_geneve},          {2152, read_gtp_u},       {kTeredoPort, read_teredo},
    {4500, read_esp_in_udp},      {1701, read_l2tp},        {4754, read_gre},
    {4755, read_gre_in_dtls},     {6635, read_mpls_in_udp}, {6636, read_mpls_in_dtls},
    {kOpenVpnPort, read_openvpn},
};

// Nearly every datagram is on none of these ports: one bit for each low byte that one of them has says so at once.
constexpr std::array<std::uint64_t, 4> low_bytes() {
  std::array<std::uint64_t, 4> bits{};
  for (const TunnelPort& row : kTunnelPorts) bits[row.port >> 6 & 3] |= std::uint64_t{1} << (row.port & 63);
  return bits;
}
constexpr auto kLowBytes = low_bytes();
bool may_be_tunnel_port(std::uint16_t port) { return (kLowBytes[port >> 6 & 3] >> (port & 63) & 1) != 0; }

bool declared(const std::array<std::uint16_t, 8>& ports, std::uint16_t port) {
  return port != 0 && std::find(ports.begin(), ports.end(), port) != ports.end();
}

// The WireGuard protocol, §5.4: type, three reserved zero bytes. Handshakes have a size of their own; transport data,
// which has not, is believed toward a port of WireGuard alone.
bool is_wireguard(const Walk& w, const Level& level) {
  constexpr std::uint32_t kHandshake[] = {0, 148, 92, 64};
  const std::uint8_t* h = w.bytes + w.at;
  if (seen_of(w) < 4 || h[0] == 0 || h[0] > 4 || h[1] != 0 || be16(h + 2) != 0) return false;
  if (h[0] < 4) return size_of(w) == kHandshake[h[0]];
  const std::uint16_t port = level.destination_port;
  const bool on_port = port == kWireGuardPort || declared(w.ports.wireguard, port);
  return on_port && size_of(w) >= 32 && size_of(w) % 16 == 0;
}

// A first OpenVPN packet: opcode, session id, then perhaps an HMAC; the packet counter is the first. By the size of the
// whole: plain, tls-auth with SHA-1, SHA-256 or SHA-512, tls-crypt. What comes after it in the flow shows nothing.
bool is_openvpn_hello(const Walk& w) {
  constexpr std::uint8_t kClientV2 = 7 << 3, kClientV3 = 10 << 3;
  constexpr std::uint32_t kPlain = 14, kCounted = 17;  // offset of the byte behind a tls-crypt packet counter's time
  const std::uint8_t* h = w.bytes + w.at;
  const std::uint32_t size = size_of(w);
  if (seen_of(w) < kPlain || (h[0] != kClientV2 && h[0] != kClientV3)) return false;
  if (size == kPlain) return h[9] == 0 && be32(h + 10) == 0;
  if (seen_of(w) < kCounted) return false;
  if (h[0] == kClientV3) return size > 54 && be32(h + 9) == 0x0f000001;
  if (size == 54 && be32(h + 9) == 1) return true;
  for (const std::uint32_t hmac : {20u, 32u, 64u}) {
    const std::uint32_t counter = 9 + hmac;
    if (size == counter + 13 && seen_of(w) >= size && be32(h + counter) == 1 && h[size - 5] == 0 &&
        be32(h + size - 4) == 0) {
      return true;
    }
  }
  return false;
}

// What a server or a relay sends: an IPv6 packet that fits, behind what may stand before it.
bool fits_teredo(const Walk& w) {
  std::uint32_t at = w.at;
  const auto type = [&] { return w.end - at >= 8 ? be16(w.bytes + at) : UINT16_MAX; };
  if (type() == kTeredoAuthentication) {
    const std::uint32_t size = teredo_authentication_size(w.bytes + at);
    if (size > w.end - at) return false;
    at += size;
  }
  if (type() == kTeredoOrigin) at += kTeredoOriginSize;
  return fits_ipv6(w, at);
}

// Between two Teredo clients neither port is the server's.
bool is_teredo(const Walk& w, const Level& level) {
  constexpr std::uint32_t kPrefix = 0x20010000;
  if (level.source_port == kTeredoPort) return fits_teredo(w);
  const std::uint8_t* h = w.bytes + w.at;
  return seen_of(w) >= 40 && h[0] >> 4 == 6 && be16(h + 4) + 40u == size_of(w) &&
         (be32(h + 8) == kPrefix || be32(h + 24) == kPrefix);
}

}  // namespace

Step read_udp_tunnel(Walk& w, const Level& level) {
  if (w.packet.outcome != Outcome::Ip) return Step::Done;
  if (may_be_tunnel_port(level.destination_port)) {
    for (const TunnelPort& row : kTunnelPorts) {
      if (level.destination_port == row.port) return row.read(w);
    }
  }
  if (declared(w.ports.vxlan, level.destination_port)) return read_vxlan(w);
  if (declared(w.ports.geneve, level.destination_port)) return read_geneve(w);
  if (is_wireguard(w, level)) return w.hide(Carrier::WireGuard, "encrypted by WireGuard");
  if (is_openvpn_hello(w)) return w.hide(Carrier::OpenVpn, "encrypted by OpenVPN");
  return is_teredo(w, level) ? read_teredo(w) : Step::Done;
}

Step read_tcp_tunnel(Walk& w, const Level& level) {
  if (w.packet.outcome != Outcome::Ip || level.payload_length + level.payload_missing == 0) return Step::Done;
  if (level.destination_port != kOpenVpnPort) return Step::Done;
  return w.hide(Carrier::OpenVpn, "encrypted by OpenVPN");
}

}  // namespace airtight::audit
