// The in-kernel boundary filter (DESIGN §6): classic BPF made from the policy that discards bulk traffic within the
// cluster, and its complement, which counts what was discarded.
//
// It discards nothing that the classifier could mark, with whatever effect, so no finding and no verdict depends on it.
// What it may discard is an untagged frame of an Ethernet device, with unfragmented IPv4 without options or IPv6
// without extension headers, whose lengths agree and fit, both ends in the cluster (pods, services, nodes, nodeTunnels;
// of IPv6 none that carries an IPv4 address), that is one of
//   - an ICMP or ICMPv6 echo request or reply;
//   - a TCP segment with ACK alone and no payload;
//   - a UDP datagram of 13 bytes of payload or more that has no form that is looked into on any port: a first byte of
//     0x80 or more (long headers of QUIC), Google's QUIC, DTLS, DNS with one question, WireGuard, OpenVPN, Teredo;
// with no port of DNS, DHCP, DNS over TLS, a decoded or a declared tunnel on either end. TCP that carries anything is
// always judged: a DNS message or a name may stand in it on any port, and without the connection nobody can tell where.
//
// What it costs, for a report to say: discarded packets are counted together, not by class and flow; they open no flow,
// so of a connection whose first packets were not seen the direction may be guessed otherwise, and do not keep one from
// being forgotten as idle.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "auditor/capture/packet_ring.h"
#include "compiler/policy/compiled_policy.h"

namespace airtight::audit {

struct BoundaryFilter {
  FilterProgram judge;        // takes what user space must judge, up to `snap_length` bytes
  FilterProgram discard;      // the complement, transmitted frames only: for a CountingSocket
  FilterProgram discard_all;  // the complement, both directions
};

// Empty, with the reason, where the policy cannot be said in kMaxFilter instructions, or names no cluster: everything
// is then judged in user space. The kernel may still refuse a program, for want of net.core.optmem_max (20,480 bytes
// before Linux 6.8; a long program needs more).
std::optional<BoundaryFilter> make_boundary_filter(const Policy& policy, std::uint32_t snap_length, std::string& why);

// Runs a program as the kernel does (no ancillary loads but the ones that these programs use), for proofs and tests:
// any program, any bytes.
struct FilterInput {
  Bytes bytes;
  // What the kernel says of the frame.
  bool outgoing = false;
  bool vlan = false;
  std::uint32_t interface = 0;
  std::uint16_t hardware = 1;  // ARPHRD_ of the device
};
std::uint32_t run_filter(const FilterProgram& program, const FilterInput& input);

// The proof at start: frames drawn at every bound of every range, both ends, and every shape that must not be discarded
// (tags, fragments, options, DNS and tunnel ports …) are given to the filter and to the classifier; where the filter
// discards one that the classifier would have marked or counted otherwise than inside-cluster or inside-declared, `why`
// says which. Some ten thousand frames, a fraction of a second.
bool prove_boundary_filter(const BoundaryFilter& filter, const Policy& policy, std::string& why);

}  // namespace airtight::audit
