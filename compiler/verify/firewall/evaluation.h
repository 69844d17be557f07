// Which packets a ruleset lets leave a node, hook by hook, as sets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/verify/firewall/packet_space.h"
#include "compiler/verify/firewall/ruleset.h"
#include "compiler/verify/kubernetes/evaluation.h"

namespace airtight::verify {

// Path of a packet that leaves: Output for what the node's IP stack sends, Forward for pods, Egress for every frame on
// an uplink, raw senders included.
enum class Path : std::uint8_t { Output, Forward, Egress };
std::string_view to_string(Path);

// What one base chain accepts of `packets` (Accept, Translate and Elsewhere count as passing; the policy at its end).
// Packets of another family than the table's are not seen by it: they pass.
//
// Wide holds every packet that passes in any case. A rule that is not understood, or limited, may match or not: its
// accept takes all, its drop nothing, its jump, goto and return lead on and past. A chain that is missing or calls
// itself, and work beyond a bound, accept. Narrow holds packets that pass in every case: there such a rule's accept
// takes nothing and its drop all; what a goto or return that may not happen would take away, and what goes Elsewhere,
// does not count.
PacketSet passes(const FirewallTable&, const FirewallChain& base, const PacketSet& packets, Reading);

// What every base chain on the path lets pass of `packets`. Chains of type nat see only the first packet of a
// connection, the new one, and are never credited. Address translation is at the kernel's own point (−100 for
// destinations, 100 for sources): a chain before the first one sees another destination, and is credited only where no
// rule of the ruleset translates destinations; one at or behind the second is not credited. Those held back count in
// Narrow. On Egress: what passes the chains of any one device; a chain without devices, and every one of a live
// listing, holds nothing. Bridge and ARP chains are on no path.
struct PathResult {
  PacketSet passed;
  bool held_by_nothing = true;      // no chain was credited
  std::vector<std::string> chains;  // credited: "inet airtight forward"
};
PathResult passes(const Ruleset&, Path, const PacketSet& packets, Reading);

// The way of one packet through one path: rule by rule that matched, the deciding one last.
struct FirewallStep {
  Span where;        // of the rule; of the chain where its policy decides
  std::string text;  // "inet airtight forward: all of IPv4 except 10.0.0.0/8, any protocol: goto outside"
};
struct FirewallDecision {
  bool allowed = false;
  bool certain = true;  // false: the other reading decides otherwise
  std::vector<FirewallStep> steps;
  Box packet;  // the one that was followed: each field has one value
};
// `packet` is a box with one value where it matters; free fields are taken as the smallest value that still passes.
FirewallDecision decide(const Ruleset&, Path, const Box& packet, Reading);

// One concrete packet of a box: the smallest value of each field that is not free, of those that a host would send:
// IPv4 before IPv6 before others; addresses not in 0.0.0.0/8 or ::/96; TCP, UDP, SCTP, ICMP, ICMPv6 before others;
// port 0 last; new before established.
Box smallest(const Box&);
// One value of the field: the smallest in that order.
Box with_smallest(Box, Field);
// The smallest in that order of a set that is not empty.
Box smallest(const PacketSet&);
// "all of IPv6 except fd00::/8, any protocol, state established": destinations and services exactly, then every other
// field that the whole set restricts. A function of the set, not of its boxes.
std::string describe(const PacketSet&);

}  // namespace airtight::verify
