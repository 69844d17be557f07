// TCP, UDP, SCTP, DCCP, ICMP and ICMPv6, as far as a boundary asks. Checksums are not verified, for the same reason as
// in network.cpp.
#include "auditor/decode/walk.h"

namespace airtight::audit {
namespace {

constexpr Shortfall kPorts{"the capture ends before the ports", "no room for ports behind the IP header"};
constexpr Shortfall kIcmp{"the capture ends inside an ICMP header", "no room for an ICMP header"};

bool read_ports(Walk& w, Level& level) {
  const std::uint8_t* h = w.header(4, kPorts);
  if (h == nullptr) return false;
  level.has_ports = true;
  level.source_port = be16(h);
  level.destination_port = be16(h + 2);
  return true;
}

// The payload behind `size` more bytes of header, some of which the snap length may have cut.
void skip_header(Walk& w, Level& level, std::uint32_t size) {
  const std::uint32_t start = w.at;
  w.at += std::min(size, w.end - w.at);
  set_payload(w, level);
  level.payload_missing = w.claimed - std::max(w.end, std::min(start + size, w.claimed));
}

Step read_tcp(Walk& w, Level& level) {
  constexpr std::uint32_t kFixed = 20;
  constexpr std::uint8_t kUrgent = 0x20;
  if (!read_ports(w, level)) return Step::Done;
  const std::uint8_t* h = w.bytes + w.at;
  const std::uint32_t there = w.end - w.at, room = w.claimed - w.at;
  if (there < kFixed) {
    skip_header(w, level, there);
    if (room >= kFixed) return w.stop(Outcome::Truncated, "TCP header cut by the snap length");
    return w.open ? Step::Done : w.stop(Outcome::Malformed, "a TCP header of less than 20 bytes");
  }
  const std::uint32_t size = (h[12] >> 4) * 4u;
  if (size < kFixed) {
    skip_header(w, level, there);
    return w.stop(Outcome::Malformed, "a TCP data offset of less than 20 bytes");
  }
  if (size > room) {
    skip_header(w, level, there);
    return w.open ? Step::Done : w.stop(Outcome::Malformed, "a TCP data offset beyond the end of the packet");
  }
  level.has_tcp = true;
  level.tcp_flags = h[13];
  level.urgent = (h[13] & kUrgent) != 0 && be16(h + 18) != 0;
  level.tcp_sequence = be32(h + 4);
  skip_header(w, level, size);
  return read_tcp_tunnel(w, level);
}

Step read_udp(Walk& w, Level& level) {
  constexpr std::uint32_t kHeader = 8;
  if (!read_ports(w, level)) return Step::Done;
  if (w.claimed - w.at < kHeader) {
    skip_header(w, level, kHeader);
    return w.open ? Step::Done : w.stop(Outcome::Malformed, "a UDP header of less than 8 bytes");
  }
  const bool whole = w.end - w.at >= kHeader;
  const std::uint32_t length = whole ? be16(w.bytes + w.at + 4) : 0;
  // Zero in a jumbogram or before segmentation; one that leads too far is the datagram's first fragment, or ends with
  // the packet.
  if (length >= kHeader && length <= w.claimed - w.at && !level.fragment) w.limit(length, {});
  skip_header(w, level, kHeader);
  if (length != 0 && length < kHeader) return w.stop(Outcome::Malformed, "a UDP length of less than 8 bytes");
  return read_udp_tunnel(w, level);
}

Step read_dccp(Walk& w, Level& level) {
  constexpr std::uint32_t kSmallest = 12;
  if (!read_ports(w, level)) return Step::Done;
  const std::uint32_t there = w.end - w.at, room = w.claimed - w.at;
  const std::uint32_t size = there > 4 ? w.bytes[w.at + 4] * 4u : 0;
  if (there > 4 && (size < kSmallest || size > room) && !w.open) {
    w.stop(Outcome::Malformed, "a DCCP data offset that leads out of the packet");
  }
  if (room < kSmallest && !w.open) w.stop(Outcome::Malformed, "a DCCP header of less than 12 bytes");
  skip_header(w, level, there > 4 && size >= kSmallest ? std::min(size, room) : there);
  return Step::Done;
}

Step read_sctp(Walk& w, Level& level) {
  constexpr std::uint32_t kHeader = 12;
  if (!read_ports(w, level)) return Step::Done;
  if (w.claimed - w.at < kHeader && !w.open) return w.stop(Outcome::Malformed, "an SCTP header of less than 12 bytes");
  return Step::Done;
}

// What an error message quotes was sent by somebody else, and is not looked at.
Step read_icmp(Walk& w, Level& level) {
  const std::uint8_t* h = w.header(2, kIcmp);
  if (h == nullptr) return Step::Done;
  level.has_icmp = true;
  level.icmp_type = h[0];
  level.icmp_code = h[1];
  if (w.claimed - w.at < 4 && !w.open) return w.stop(Outcome::Malformed, kIcmp.lie);
  return Step::Done;
}

}  // namespace

Step read_transport(Walk& w, Level& level) {
  set_payload(w, level);
  if (level.fragment) {
    if (level.fragment_offset != 0) return Step::Done;
    w.open = level.more_fragments;
  }
  switch (level.protocol) {
    case ip_protocol::kTcp:
      return read_tcp(w, level);
    case ip_protocol::kUdp:
      return read_udp(w, level);
    case ip_protocol::kIcmp:
    case ip_protocol::kIcmpv6:
      return read_icmp(w, level);
    case ip_protocol::kSctp:
      return read_sctp(w, level);
    case ip_protocol::kDccp:
      return read_dccp(w, level);
    default:
      return read_ip_tunnel(w, level);
  }
}

}  // namespace airtight::audit
