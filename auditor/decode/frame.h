// What a capture hands to the decoder: bytes, and what the file or the kernel says of them. Knows no libpcap.
#pragma once

#include <cstdint>
#include <span>

namespace airtight::audit {

using Bytes = std::span<const std::uint8_t>;

// LINKTYPE_ number as registered for pcap and pcapng; any 16-bit value may come out of a file.
enum class LinkType : std::uint16_t {
  Null = 0,  // BSD loopback, address family in the byte order of the writer
  Ethernet = 1,
  Ppp = 9,
  RawBsd = 12,  // raw IP; 14 on OpenBSD
  RawOpenBsd = 14,
  PppHdlc = 50,
  PppEther = 51,
  Raw = 101,
  Loop = 108,  // OpenBSD loopback, address family in network byte order
  FrameRelay = 107,
  LinuxSll = 113,
  Ppi = 192,
  Ipv4 = 228,
  Ipv6 = 229,
  Nflog = 239,
  LinuxSll2 = 276,
};

// Which way the frame went past the interface, by the file's word (pcapng epb_flags, cooked packet type, kernel).
enum class Direction : std::uint8_t { Unknown, Received, Transmitted };

inline constexpr std::int64_t kNoTime = INT64_MIN;  // a pcapng Simple Packet Block has none

struct Frame {
  Bytes bytes;                 // what was captured; lifetime is said by whoever hands it out
  std::uint32_t original = 0;  // length on the wire; >= bytes.size() where the file is honest
  LinkType link = LinkType::Ethernet;
  Direction direction = Direction::Unknown;
  std::uint32_t interface = 0;  // index into the capture's interfaces()
  std::int64_t time = kNoTime;  // nanoseconds since 1970-01-01T00:00:00Z
  std::uint64_t number = 0;     // 1-based place among the packets of its file
};

}  // namespace airtight::audit
