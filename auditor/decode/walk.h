// How decode() goes down a frame: one header a step, always forward, so that the time is linear in the frame. For the
// files that read headers (link_type, link, network, source_route, transport, tunnel) alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "auditor/decode/packet.h"

namespace airtight::audit {

// What stands at the place that the walk has come to.
enum class Step : std::uint8_t { Done, Ethernet, EtherType, Llc, Ppp, Mpls, AnyIp, Ipv4, Ipv6 };

// Why a header that is needed is not there: the snap length cut it, or the lengths leave no room for it.
struct Shortfall {
  std::string_view cut;
  std::string_view lie;
};

struct Walk {
  Walk(Bytes frame, std::uint32_t original, const TunnelPorts& tunnel_ports, Packet& result)
      : bytes(frame.data()), packet(result), ports(tunnel_ports) {
    end = static_cast<std::uint32_t>(std::min<std::size_t>(frame.size(), UINT32_MAX));
    claimed = std::max(end, original);
  }

  // The next `size` bytes, or null after having said why they are not there.
  const std::uint8_t* header(std::uint32_t size, const Shortfall& words) {
    if (size <= end - at) [[likely]]
      return bytes + at;
    ran_out(size, words);
    return nullptr;
  }
  void ran_out(std::uint32_t size, const Shortfall& words);

  // A length field says that what is being read ends after `length` more bytes.
  void limit(std::uint32_t length, std::string_view lie) {
    if (length > claimed - at) {
      if (!open) doubt(lie);
      return;
    }
    claimed = at + length;
    end = std::min(end, claimed);
  }

  // Ends the walk. What was doubted before stays the outcome.
  Step stop(Outcome outcome, std::string_view why) {
    if (packet.outcome == Outcome::Malformed) return Step::Done;
    packet.outcome = outcome;
    packet.why = why;
    return Step::Done;
  }
  Step hide(Carrier by, std::string_view why) {
    packet.opaque = by;
    return stop(Outcome::Opaque, why);
  }
  // Malformed, but the addresses and ports that follow are still worth reading.
  void doubt(std::string_view why) { stop(Outcome::Malformed, why); }

  // Null if there are too many already.
  Level* add_level();
  // One more VLAN tag or MPLS label; false if there are too many already.
  bool add_tag();
  // Whether the EtherType of the outermost link is yet to come.
  bool on_outer_link() const { return packet.level_count == 0 && !packet.has_ether_type; }

  const std::uint8_t* bytes;
  std::uint32_t at = 0;       // of the next header; at <= end
  std::uint32_t end = 0;      // of the captured bytes that belong to what is being read
  std::uint32_t claimed = 0;  // where that ends by every length so far; beyond `end` where the snap length cut
  Packet& packet;
  const TunnelPorts& ports;
  std::uint16_t ether_type = 0;     // valid for Step::EtherType
  Carrier carrier = Carrier::Link;  // of the next level
  std::uint8_t tags = 0;
  bool put_together = false;  // these bytes are a datagram that was put together from fragments
  bool open = false;          // inside a first fragment: that a length leads beyond its end is no lie
};

inline std::uint16_t be16(const std::uint8_t* p) { return static_cast<std::uint16_t>(p[0] << 8 | p[1]); }
inline std::uint32_t be32(const std::uint8_t* p) { return std::uint32_t{be16(p)} << 16 | be16(p + 2); }
inline std::uint64_t be64(const std::uint8_t* p) { return std::uint64_t{be32(p)} << 32 | be32(p + 4); }
inline Ip read_v4(const std::uint8_t* p) { return Ip::v4(be32(p)); }
inline Ip read_v6(const std::uint8_t* p) { return Ip::v6(u128{be64(p)} << 64 | be64(p + 8)); }

// The whole rest of what is being read as payload of the level.
inline void set_payload(const Walk& w, Level& level) {
  level.payload_offset = w.at;
  level.payload_length = w.end - w.at;
  level.payload_missing = w.claimed - w.end;
}

// IEEE "EtherType" numbers.
namespace ether_type {
inline constexpr std::uint16_t kMaxLength = 1500, kFirst = 1536, kIpv4 = 0x0800, kArp = 0x0806, kWccp = 0x883e,
                               kErspan3 = 0x22eb, kTransparent = 0x6558, kRarp = 0x8035, kVlan = 0x8100, kIpv6 = 0x86dd,
                               kPpp = 0x880b, kMpls = 0x8847, kMplsMulticast = 0x8848, kPppoeDiscovery = 0x8863,
                               kPppoeSession = 0x8864, kJumboLlc = 0x8870, kProvider = 0x88a8, kErspan = 0x88be,
                               kMacsec = 0x88e5, kBackbone = 0x88e7;
}

// Whether a header of that version stands at `offset`, with lengths that fit: for places where nothing says what
// follows.
bool fits_ipv4(const Walk&, std::uint32_t offset);
bool fits_ipv6(const Walk&, std::uint32_t offset);

// link_type.cpp: what the capture's link type puts first.
Step begin(Walk&, LinkType);
// link.cpp
Step read_ethernet(Walk&);
Step read_ether_type(Walk&);
Step read_llc(Walk&);
Step read_ppp(Walk&);
Step read_pppoe(Walk&);
Step read_mpls(Walk&);
// network.cpp
Step read_any_ip(Walk&);
Step read_ipv4(Walk&);
Step read_ipv6(Walk&);
// The chain of extension headers from `next` on, and the transport header. `first`: straight behind the IPv6 header.
Step read_chain(Walk&, Level&, std::uint8_t next, bool first);
// source_route.cpp
void read_ipv4_options(Level&, Bytes options);
void read_routing_header(Level&, Bytes header);
// transport.cpp; level.protocol says which.
Step read_transport(Walk&, Level&);
// tunnel.cpp, udp_tunnel.cpp
Step read_ip_tunnel(Walk&, const Level&);
Step read_udp_tunnel(Walk&, const Level&);
Step read_tcp_tunnel(Walk&, const Level&);
Step read_gre(Walk&);
Step read_tunnelled(Walk&, Carrier, std::uint16_t type);  // an EtherType that a tunnel names

}  // namespace airtight::audit
