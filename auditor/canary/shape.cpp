#include "auditor/canary/shape.h"

#include <algorithm>
#include <cassert>

namespace airtight::audit {
namespace {

constexpr std::size_t kEthernet = 14;
constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIpv6Header = 40;
constexpr std::size_t kUdpHeader = 8;
constexpr std::uint16_t kUdpLength = kUdpHeader + kNonceBytes;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kHopLimit = 1;
constexpr std::uint16_t kDontFragment = 0x4000;

// A port of its own for each kind, so that a capture shows which one it was.
constexpr std::uint16_t kSensorSourcePort = 0x6174;  // "at"
constexpr std::uint16_t kRawSourcePort = 0x6175;
constexpr std::uint16_t kRawBypassSourcePort = 0x6176;

std::uint16_t source_port(CanaryKind kind) {
  if (kind == CanaryKind::Sensor) return kSensorSourcePort;
  return kind == CanaryKind::Raw ? kRawSourcePort : kRawBypassSourcePort;
}

// Ones' complement sum of RFC 1071, over an even number of bytes.
std::uint32_t sum_of(Bytes bytes, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  return sum;
}

std::uint16_t folded(std::uint32_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

std::uint16_t read16(Bytes bytes, std::size_t at) { return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]); }

void write16(std::vector<std::uint8_t>& frame, std::size_t at, std::uint16_t value) {
  frame[at] = static_cast<std::uint8_t>(value >> 8);
  frame[at + 1] = static_cast<std::uint8_t>(value);
}

void write_address(std::vector<std::uint8_t>& frame, std::size_t at, Ip ip) {
  u128 bits = ip.bits();
  for (std::size_t i = ip.is_v4() ? 4 : 16; i > 0; --i, bits >>= 8) {
    frame[at + i - 1] = static_cast<std::uint8_t>(bits & 0xff);
  }
}

std::size_t ip_header(CanaryFamily family) { return family == CanaryFamily::Ipv4 ? kIpv4Header : kIpv6Header; }

// Of pseudo-header, UDP header and payload, whatever is in the checksum's place (RFC 768, RFC 8200 §8.1).
std::uint16_t udp_sum(Bytes frame, CanaryFamily family) {
  const std::size_t addresses = family == CanaryFamily::Ipv4 ? 8 : 32;
  const std::size_t udp = kEthernet + ip_header(family);
  return folded(
      sum_of(frame.subspan(udp, kUdpLength), sum_of(frame.subspan(udp - addresses, addresses), kUdp + kUdpLength)));
}

}  // namespace

std::string_view to_string(CanaryKind kind) {
  switch (kind) {
    case CanaryKind::Sensor:
      return "sensor";
    case CanaryKind::Stack:
      return "stack";
    case CanaryKind::Pod:
      return "pod";
    case CanaryKind::Raw:
      return "raw";
    case CanaryKind::RawBypass:
      return "raw-bypass";
  }
  return "sensor";
}

std::string_view to_string(CanaryFamily family) { return family == CanaryFamily::Ipv4 ? "ipv4" : "ipv6"; }

std::vector<std::uint8_t> canary_frame(CanaryKind kind, CanaryFamily family,
                                       const std::array<std::uint8_t, 6>& source_mac, Ip source, const Nonce& nonce) {
  assert(kind == CanaryKind::Sensor || kind == CanaryKind::Raw || kind == CanaryKind::RawBypass);
  const bool v4 = family == CanaryFamily::Ipv4;
  assert(source.is_v4() == v4);
  const bool sensor = kind == CanaryKind::Sensor;
  const Ip destination =
      *Ip::parse(v4 ? (sensor ? kSensorIpv4 : kEnforcementIpv4) : (sensor ? kSensorIpv6 : kEnforcementIpv6));
  const std::size_t udp = kEthernet + ip_header(family);
  std::vector<std::uint8_t> frame(udp + kUdpLength);
  std::copy(kUnownedMac.begin(), kUnownedMac.end(), frame.begin());
  std::copy(source_mac.begin(), source_mac.end(), frame.begin() + 6);
  write16(frame, 12, v4 ? 0x0800 : 0x86dd);
  if (v4) {
    frame[kEthernet] = 0x45;
    write16(frame, kEthernet + 2, kIpv4Header + kUdpLength);
    write16(frame, kEthernet + 6, kDontFragment);
    frame[kEthernet + 8] = kHopLimit;
    frame[kEthernet + 9] = kUdp;
    write_address(frame, kEthernet + 12, source);
    write_address(frame, kEthernet + 16, destination);
    const std::uint16_t sum = folded(sum_of(Bytes(frame).subspan(kEthernet, kIpv4Header)));
    write16(frame, kEthernet + 10, static_cast<std::uint16_t>(~sum));
  } else {
    frame[kEthernet] = 0x60;
    write16(frame, kEthernet + 4, kUdpLength);
    frame[kEthernet + 6] = kUdp;
    frame[kEthernet + 7] = kHopLimit;
    write_address(frame, kEthernet + 8, source);
    write_address(frame, kEthernet + 24, destination);
  }
  write16(frame, udp, source_port(kind));
  write16(frame, udp + 2, kSensorPort);
  write16(frame, udp + 4, kUdpLength);
  std::copy(nonce.begin(), nonce.end(), frame.begin() + static_cast<std::ptrdiff_t>(udp + kUdpHeader));
  const auto sum = static_cast<std::uint16_t>(~udp_sum(frame, family));
  write16(frame, udp + 6, sum == 0 ? 0xffff : sum);
  return frame;
}

std::optional<Nonce> sensor_nonce(const Frame& frame) {
  const Bytes bytes = frame.bytes;
  const bool v4 = bytes.size() == kEthernet + kIpv4Header + kUdpLength;
  const bool v6 = bytes.size() == kEthernet + kIpv6Header + kUdpLength;
  if ((!v4 && !v6) || frame.link != LinkType::Ethernet || frame.original != bytes.size()) return std::nullopt;
  if (!std::equal(kUnownedMac.begin(), kUnownedMac.end(), bytes.begin())) return std::nullopt;
  const CanaryFamily family = v4 ? CanaryFamily::Ipv4 : CanaryFamily::Ipv6;
  const std::size_t udp = kEthernet + ip_header(family);
  std::array<std::uint8_t, 16> want{};
  // What a sensor canary has in front of its addresses; of IPv4 with the checksum, which is held to the rest below.
  static constexpr std::array<std::uint8_t, 12> kV4{
      0x08, 0x00, 0x45, 0, 0, kIpv4Header + kUdpLength, 0, 0, kDontFragment >> 8, 0, kHopLimit, kUdp};
  static constexpr std::array<std::uint8_t, 10> kV6{0x86, 0xdd, 0x60, 0, 0, 0, 0, kUdpLength, kUdp, kHopLimit};
  static const Ip v4_destination = *Ip::parse(kSensorIpv4);
  static const Ip v6_destination = *Ip::parse(kSensorIpv6);
  const std::size_t octets = v4 ? 4 : 16;
  u128 bits = v4 ? v4_destination.bits() : v6_destination.bits();
  for (std::size_t i = octets; i > 0; --i, bits >>= 8) want[i - 1] = static_cast<std::uint8_t>(bits & 0xff);
  if (!std::equal(want.begin(), want.begin() + static_cast<std::ptrdiff_t>(octets),
                  bytes.begin() + static_cast<std::ptrdiff_t>(udp - octets))) {
    return std::nullopt;
  }
  if (v4 ? !std::equal(kV4.begin(), kV4.end(), bytes.begin() + 12)
         : !std::equal(kV6.begin(), kV6.end(), bytes.begin() + 12)) {
    return std::nullopt;
  }
  // Of the two zeros of ones' complement only one is ever written.
  if (v4 &&
      (folded(sum_of(bytes.subspan(kEthernet, kIpv4Header))) != 0xffff || read16(bytes, kEthernet + 10) == 0xffff))
    return std::nullopt;
  if (read16(bytes, udp) != kSensorSourcePort || read16(bytes, udp + 2) != kSensorPort ||
      read16(bytes, udp + 4) != kUdpLength || read16(bytes, udp + 6) == 0 || udp_sum(bytes, family) != 0xffff) {
    return std::nullopt;
  }
  Nonce nonce;
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(udp + kUdpHeader), kNonceBytes, nonce.begin());
  return nonce;
}

}  // namespace airtight::audit
