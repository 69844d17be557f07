#include "auditor/capture/boundary_filter.h"

#include <linux/filter.h>

#include <algorithm>

#include "auditor/capture/filter_assembler.h"

namespace airtight::audit {
namespace {

using Place = FilterAssembler::Place;

constexpr std::uint32_t kEthernetDevice = 1;  // ARPHRD_ETHER
constexpr std::uint32_t kOutgoing = 4;        // PACKET_OUTGOING
constexpr std::uint32_t kEthernet = 14, kIpv4 = 20, kIpv6 = 40, kTcp = 20, kUdp = 8, kEcho = 8;
// Shorter payloads are not bulk, and every load below is inside of this one.
constexpr std::uint32_t kLeastPayload = 13;
constexpr unsigned kLength = 0;        // where the length of the IP payload is kept
constexpr std::uint32_t kCounted = 1;  // bytes of a frame that is only counted

// Ports that say what is in a packet, or are a finding by themselves, whichever end has them.
IntervalSet<std::uint32_t> ports_to_keep(const Policy& policy) {
  std::vector<Interval<std::uint32_t>> ports;
  constexpr std::uint32_t kNamed[] = {
      53,   5353, 5355,                                                              // DNS, and on the link
      67,   68,   546,  547,                                                         // DHCP
      853,                                                                           // DNS over TLS and QUIC
      4789, 8472, 4790, 6081, 2152, 3544, 4500, 1701, 4754, 4755, 6635, 6636, 1194,  // tunnels that are decoded
  };
  for (const std::uint32_t port : kNamed) ports.push_back({port, port});
  for (const Tunnel& tunnel : policy.cluster.tunnels) {
    for (const Protocol protocol : {Protocol::Tcp, Protocol::Udp})
      for (const auto& range : tunnel.carrier.ports(protocol).intervals()) ports.push_back({range.first, range.last});
  }
  return IntervalSet<std::uint32_t>::from(std::move(ports));
}

IpSet cluster(const Policy& policy) { return policy.cluster_ranges() & policy.inside; }

// IPv6 ranges whose addresses hold an IPv4 address (embedded_ipv4(), ISATAP apart): where such a packet goes is more
// than a range can say.
IntervalSet<u128> with_ipv4_inside() {
  const auto prefix = [](u128 bits, int length) {
    const u128 base = bits << (128 - length);
    return Interval<u128>{base, base | ((u128{1} << (128 - length)) - 1)};
  };
  return IntervalSet<u128>::from({prefix(0, 96), prefix(0xffff, 96), prefix(0xffff0000, 96),
                                  prefix(u128{0x0064ff9b} << 64, 96), prefix(0x0064ff9b0001, 48), prefix(0x2002, 16),
                                  prefix(0x20010000, 32)});
}

// The program, written from its end. `keep` and `drop` are what it gives for a packet that user space must judge, and
// for one that it need not.
class Program {
 public:
  Program(const Policy& policy, std::uint32_t keep, std::uint32_t drop)
      : v4_(cluster(policy).v4()),
        v6_(cluster(policy).v6() - with_ipv4_inside()),
        ports_(ports_to_keep(policy)),
        keep_(made_.give(keep)),
        drop_(made_.give(drop)) {}

  FilterProgram every_direction() { return made_.program(begin()); }
  // What was received gets `received`.
  FilterProgram transmitted(std::uint32_t received) {
    const Place other = made_.give(received);
    return made_.program(told(SKF_AD_PKTTYPE, is(kOutgoing, begin(), other)));
  }

 private:
  Place is(std::uint32_t value, Place yes, Place no) { return made_.when(BPF_JEQ | BPF_K, value, yes, no); }
  Place at_least(std::uint32_t value, Place yes, Place no) { return made_.when(BPF_JGE | BPF_K, value, yes, no); }
  Place any_bit(std::uint32_t bits, Place yes, Place no) { return made_.when(BPF_JSET | BPF_K, bits, yes, no); }
  Place masked(std::uint32_t bits, Place next) { return made_.then(BPF_ALU | BPF_AND | BPF_K, bits, next); }
  Place byte(std::uint32_t at, Place next) { return made_.then(BPF_LD | BPF_B | BPF_ABS, at, next); }
  Place half(std::uint32_t at, Place next) { return made_.then(BPF_LD | BPF_H | BPF_ABS, at, next); }
  Place word(std::uint32_t at, Place next) { return made_.then(BPF_LD | BPF_W | BPF_ABS, at, next); }
  Place told(int what, Place next) { return word(static_cast<std::uint32_t>(SKF_AD_OFF + what), next); }
  Place length(Place next) { return made_.then(BPF_LD | BPF_MEM, kLength, next); }
  // Whether the accumulator is that length.
  Place is_length(Place yes, Place no) {
    return made_.then(BPF_LDX | BPF_MEM, kLength, made_.when(BPF_JEQ | BPF_X, 0, yes, no));
  }

  Place ports(std::uint32_t at, Place next) {
    const Place destination = half(at + 2, made_.among(ports_.intervals(), keep_, next));
    return half(at, made_.among(ports_.intervals(), keep_, destination));
  }

  // A segment that carries nothing and changes nothing: an acknowledgement. In one that carries something a name or a
  // DNS message may stand, on any port; only the connection so far would tell.
  Place tcp(std::uint32_t at) {
    constexpr std::uint32_t kAck = 0x10;
    const Place bare = byte(at + 13, is(kAck, ports(at, drop_), keep_));
    const Place header = byte(at + 12, masked(0xf0, made_.then(BPF_ALU | BPF_RSH | BPF_K, 2, is_length(bare, keep_))));
    return length(at_least(kTcp, header, keep_));
  }

  // A datagram that is nothing that Application or the tunnel decoder would look into.
  Place udp(std::uint32_t at) {
    const std::uint32_t payload = at + kUdp;
    // Teredo between two clients, by shape.
    const Place six_whole =
        half(payload + 4, made_.then(BPF_ALU | BPF_ADD | BPF_K, kUdp + kIpv6, is_length(keep_, drop_)));
    const Place teredo = byte(payload, masked(0xf0, is(0x60, six_whole, drop_)));
    // DNS on any port has one question.
    const Place dns = half(payload + 4, is(1, keep_, teredo));
    // Google's QUIC with a version in the clear, behind the flags or a connection id.
    constexpr std::uint32_t kQ0 = 0x5130;
    const Place version = half(payload + 1, is(kQ0, keep_, half(payload + 9, is(kQ0, keep_, dns))));
    const Place clear_quic = byte(payload, masked(0xc3, is(1, version, dns)));
    constexpr std::uint32_t kOpenVpn2 = 7 << 3, kOpenVpn3 = 10 << 3;
    const Place openvpn = byte(payload, is(kOpenVpn2, keep_, is(kOpenVpn3, keep_, clear_quic)));
    const Place wireguard = word(
        payload, masked(0x00ffffff, is(0, byte(payload, at_least(1, at_least(5, openvpn, keep_), openvpn)), openvpn)));
    const Place dtls = byte(payload, at_least(20, at_least(27, wireguard, keep_), wireguard));
    const Place may_be_dtls = byte(payload + 1, is(0xfe, dtls, wireguard));
    const Place long_header = byte(payload, any_bit(0x80, keep_, may_be_dtls));
    const Place exact = half(at + 4, is_length(ports(at, long_header), keep_));
    return length(at_least(kUdp + kLeastPayload, exact, keep_));
  }

  Place echo(std::uint32_t at, std::uint32_t request, std::uint32_t reply) {
    const Place code = byte(at + 1, is(0, drop_, keep_));
    return length(at_least(kEcho, byte(at, is(request, code, is(reply, code, keep_))), keep_));
  }

  // `next` where the frame is as long as the accumulator says, at least.
  Place holds(Place next) {
    return made_.then(BPF_LDX | BPF_W | BPF_LEN, 0, made_.when(BPF_JGT | BPF_X, 0, keep_, next));
  }

  Place ipv4() {
    constexpr std::uint32_t kAt = kEthernet + kIpv4;
    const Place transport = byte(kEthernet + 9, is(17, udp(kAt), is(6, tcp(kAt), is(1, echo(kAt, 8, 0), keep_))));
    std::vector<Interval<std::uint32_t>> ranges(v4_.intervals().begin(), v4_.intervals().end());
    const Place destination = word(kEthernet + 16, made_.among(ranges, transport, keep_));
    const Place source = word(kEthernet + 12, made_.among(ranges, destination, keep_));
    const Place payload =
        half(kEthernet + 2, made_.then(BPF_ALU | BPF_SUB | BPF_K, kIpv4, made_.then(BPF_ST, kLength, source)));
    const Place fits = made_.then(BPF_ALU | BPF_ADD | BPF_K, kEthernet, holds(payload));
    const Place total = half(kEthernet + 2, at_least(kIpv4 + kUdp, fits, keep_));
    constexpr std::uint32_t kAllButDontFragment = 0xbfff;
    const Place whole = half(kEthernet + 6, any_bit(kAllButDontFragment, keep_, total));
    return byte(kEthernet, is(0x45, whole, keep_));
  }

  Place ipv6() {
    constexpr std::uint32_t kAt = kEthernet + kIpv6;
    const Place transport = byte(kEthernet + 6, is(17, udp(kAt), is(6, tcp(kAt), is(58, echo(kAt, 128, 129), keep_))));
    const Place destination = address(kEthernet + 24, transport);
    const Place source = address(kEthernet + 8, destination);
    const Place payload = half(kEthernet + 4, made_.then(BPF_ST, kLength, source));
    const Place fits = made_.then(BPF_ALU | BPF_ADD | BPF_K, kEthernet + kIpv6, holds(payload));
    const Place total = half(kEthernet + 4, at_least(kUdp, fits, keep_));
    return byte(kEthernet, masked(0xf0, is(0x60, total, keep_)));
  }

  Place address(std::uint32_t at, Place next) {
    constexpr std::uint32_t kIsatap = 0x00005efe, kIsatapGlobal = 0x02005efe;
    const Place plain = word(at + 8, is(kIsatap, keep_, is(kIsatapGlobal, keep_, next)));
    return made_.address_among(v6_.intervals(), at, plain, keep_);
  }

  // Nothing is loaded that the frame may not have: a load beyond its end would discard it.
  Place begin() {
    const Place six = v6_.empty()
                          ? keep_
                          : made_.then(BPF_LD | BPF_W | BPF_LEN, 0, at_least(kEthernet + kIpv6 + kUdp, ipv6(), keep_));
    const Place four = v4_.empty() ? keep_ : ipv4();
    const Place type = half(12, is(0x0800, four, is(0x86dd, six, keep_)));
    const Place size = made_.then(BPF_LD | BPF_W | BPF_LEN, 0, at_least(kEthernet + kIpv4 + kUdp, type, keep_));
    const Place untagged = told(SKF_AD_VLAN_TAG_PRESENT, is(0, size, keep_));
    return told(SKF_AD_HATYPE, is(kEthernetDevice, untagged, keep_));
  }

  const IntervalSet<std::uint32_t> v4_;
  const IntervalSet<u128> v6_;
  const IntervalSet<std::uint32_t> ports_;
  FilterAssembler made_;
  const Place keep_, drop_;
};

}  // namespace

std::optional<BoundaryFilter> make_boundary_filter(const Policy& policy, std::uint32_t snap_length, std::string& why) {
  if (cluster(policy).empty()) {
    why = "the policy names no addresses of the cluster";
    return std::nullopt;
  }
  BoundaryFilter filter{Program(policy, snap_length, 0).every_direction(), Program(policy, 0, kCounted).transmitted(0),
                        Program(policy, 0, kCounted).every_direction()};
  const std::size_t longest = std::max({filter.judge.size(), filter.discard.size(), filter.discard_all.size()});
  if (longest > kMaxFilter) {
    why = "the cluster's address ranges and ports come to " + std::to_string(longest) +
          " instructions, and the kernel takes " + std::to_string(kMaxFilter);
    return std::nullopt;
  }
  return filter;
}

}  // namespace airtight::audit
