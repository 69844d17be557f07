// What canaries look like, byte for byte (DESIGN §6). The sensor canary is the one exact shape for which the firewall
// has a hole; enforcement canaries have none and must not leave. All go to documentation addresses (RFC 5737, RFC
// 3849), and would leave the node with hop limit 1: that of a pod starts with 2, since a node drops what it would have
// to forward with 0 before any hook sees it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auditor/decode/frame.h"
#include "compiler/net/ip.h"

namespace airtight::audit {

inline constexpr std::size_t kNonceBytes = 32;
using Nonce = std::array<std::uint8_t, kNonceBytes>;

enum class CanaryKind : std::uint8_t { Sensor, Stack, Pod, Raw, RawBypass };
std::string_view to_string(CanaryKind);  // "sensor" "stack" "pod" "raw" "raw-bypass": as in PlannedCanary
enum class CanaryFamily : std::uint8_t { Ipv4, Ipv6 };
std::string_view to_string(CanaryFamily);  // "ipv4" "ipv6"

// The firewall's hole: mark (of the socket), this unowned MAC address, this destination, this port, this length, hop
// limit 1, no option, the Don't Fragment bit; UDP with a payload of the nonce alone. A test holds these to what the
// compiler emits.
inline constexpr std::array<std::uint8_t, 6> kUnownedMac{0x02, 0x61, 0x69, 0x72, 0x74, 0x00};
inline constexpr std::string_view kSensorIpv4 = "192.0.2.254";
inline constexpr std::string_view kSensorIpv6 = "2001:db8::a1:7";
inline constexpr std::uint16_t kSensorPort = 9;
// Of enforcement canaries: other addresses, so that none can be taken for a sensor canary.
inline constexpr std::string_view kEnforcementIpv4 = "192.0.2.253";
inline constexpr std::string_view kEnforcementIpv6 = "2001:db8::a1:8";

// The Ethernet frame of a sensor, raw or raw-bypass canary: 74 bytes for IPv4, 94 for IPv6. `source` is an address of
// the node in the right family, or the unspecified one. Checksums are right.
std::vector<std::uint8_t> canary_frame(CanaryKind kind, CanaryFamily family,
                                       const std::array<std::uint8_t, 6>& source_mac, Ip source, const Nonce& nonce);

// The nonce, if the frame is canary_frame() of a sensor canary bit for bit, but for its source addresses; stricter than
// the hole. Bytes must be the whole frame.
std::optional<Nonce> sensor_nonce(const Frame& frame);

}  // namespace airtight::audit
