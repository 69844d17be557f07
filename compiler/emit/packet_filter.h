// The lowering that nftables and iptables share: Policy in, an ordered list of rules out that any stateful packet
// filter on a Linux node can hold. It is about what the IP stack sends and forwards; frames of raw senders are the
// egress table's. Pure values, no I/O, safe to share between threads.
//
// Order is meaning: in `output` and `forward` everything that goes to an outside address is dropped before any rule
// asks for a connection's state. Before that drop stand only drops, the message shapes and the exceptions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/net/ip_set.h"
#include "compiler/net/traffic_set.h"
#include "compiler/policy/policy.h"

namespace airtight {

// What the firewall lets out of a node although its address is outside: the auditor's positive control (DESIGN §6).
// Every part must hold at once, since a mark alone needs no more than CAP_NET_RAW. One Ethernet frame, untagged, to a
// MAC address that nobody owns; IPv4 without options and with DF, or IPv6 without extension headers; UDP with 32 octets
// of payload (the nonce). The source addresses are free.
struct SensorCanary {
  static constexpr std::uint32_t kMark = 0x61697274;           // SO_MARK
  static constexpr std::uint64_t kMac = 0x026169727400;        // 02:61:69:72:74:00, locally administered
  static constexpr std::string_view kIpv4 = "192.0.2.254";     // TEST-NET-1, RFC 5737
  static constexpr std::string_view kIpv6 = "2001:db8::a1:7";  // RFC 3849
  static constexpr std::uint16_t kPort = 9;                    // UDP destination: discard, RFC 863
  static constexpr std::uint16_t kUdpLength = 8 + 32;          // UDP header and payload
  static constexpr std::uint8_t kHopLimit = 1;
  static constexpr std::uint16_t kIpv4Frame = 14 + 20 + kUdpLength;  // octets from the MAC header on
  static constexpr std::uint16_t kIpv6Frame = 14 + 40 + kUdpLength;
  static constexpr unsigned kPerMinute = 10;  // an uplink and a family; more are dropped
};

// A message that is recognised by its whole shape, never by its address alone.
enum class Shape : std::uint8_t {
  None,
  LooseSourceRoute,    // IPv4 option 131 (RFC 791 §3.1)
  StrictSourceRoute,   // IPv4 option 137
  RoutingHeader,       // IPv6 next header 43 (RFC 8200 §4.4)
  NeighbourDiscovery,  // ICMPv6 133, 135, 136, code 0, hop limit 255 (RFC 4861)
  ListenerDiscovery,   // ICMPv6 130, 131, 132, 143, hop limit 1 (RFC 2710, RFC 3810)
  DhcpClient,          // UDP 68 to 67 (RFC 2131), or 546 to 547 (RFC 8415)
  RouterRole,          // ICMPv6 134, 137; ICMP 5, 9 (RFC 792, RFC 1256): who speaks so turns routes
  DhcpServer,          // UDP 67 to 68, or 547 to 546
};

// All parts that are given must hold. An index is into PacketFilter::sets.
struct FilterMatch {
  std::string in_device;  // name, or a prefix of names with a final '*'
  std::optional<std::size_t> source;
  std::optional<std::size_t> destination;
  bool not_source = false;       // the source is *not* in the set
  bool not_destination = false;  // the destination is *not* in the set
  Shape shape = Shape::None;
  std::optional<Protocol> protocol;  // with `selectors`, as in ServiceSet
  PortSet selectors;
  std::optional<std::uint8_t> number;  // protocol number of the IP header
  bool established = false;            // conntrack state established or related
  bool local_destination = false;      // the destination is an address of this node, after translation
};

enum class Verdict : std::uint8_t { Accept, Drop, Goto };

struct FilterRule {
  std::optional<Family> family;  // none: both
  FilterMatch match;
  Verdict verdict = Verdict::Accept;
  std::size_t target = 0;        // Drop: index into PacketFilter::drops; Goto: index into PacketFilter::chains
  std::string counter;           // a named counter of an accepting rule; empty if none
  std::vector<std::string> why;  // one line each; never empty
};

// The hooks, in the field's words. Jumped-to chains have none.
enum class Hook : std::uint8_t { None, Prerouting, Forward, Output };

// A base chain that ends without a verdict drops, except prerouting, which accepts. A chain without a hook is entered
// by Goto only, and only from base chains: its end is the end of the base chain.
struct FilterChain {
  std::string name;
  Hook hook = Hook::None;
  std::string purpose;
  std::vector<FilterRule> rules;
};

struct AddressSet {  // one family, never empty
  std::string name;
  Family family = Family::V4;
  IpSet addresses;
  std::vector<std::string> notes;  // what is in it, one line each
};

// Why something was dropped: a named counter and a log prefix of at most 28 characters (iptables takes 29 octets).
struct DropReason {
  std::string name;
  std::string log_prefix;
  std::string why;
};

struct PacketFilter {
  std::vector<AddressSet> sets;
  std::vector<DropReason> drops;
  std::vector<std::string> counters;  // those of accepting rules
  std::vector<FilterChain> chains;    // prerouting, from_pods, outside, forward, output

  const FilterChain* chain(std::string_view name) const;
};

PacketFilter lower_to_packet_filter(const Policy&);

// A name that every packet filter takes as an identifier: letters, digits, '_' and '-'; others become '_'.
std::string filter_name(std::string_view);

// Lines for people: what of the boundary is inside and why, ranges of one reason on one line.
std::vector<std::string> inside_notes(const Policy&, Family);

// "SEC-12, approved by ciso, until 2027-06-30 (isolation.yaml:33)".
std::string exception_note(const Exception&);
std::string exception_counter(std::size_t index);  // "exception_1" for the first

}  // namespace airtight
