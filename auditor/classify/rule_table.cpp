#include "auditor/classify/rule_table.h"

#include <array>
#include <cctype>
#include <string>

namespace airtight::audit {
namespace {

constexpr Effect kListed = Effect::None, kInconclusive = Effect::Inconclusive, kViolated = Effect::Violated;

// At the pod side an outside destination is an attempt (AT-A008), whatever the packet would be at an uplink.
constexpr RuleInfo kTable[] = {
    {Rule::PacketLeft, "AT-A001", Class::Escape, kViolated, kInconclusive, "packet that left to the outside",
     "A packet was sent at an uplink to an address that is not inside the boundary, and no exception allows it. "
     "Whatever "
     "it carried is out, answered or not.",
     "Find the sender by the example packets, and the layer that let it pass with `airtight explain`. If the "
     "destination "
     "is yours, declare it as an endpoint; if it must be reached, as an exception with a ticket and an end."},
    {Rule::ReplyLeft, "AT-A002", Class::Escape, kViolated, kInconclusive, "reply that left to an outside opener",
     "An outside address opened a connection, or sent a first packet, and an answer went out. Replies carry data as "
     "well as requests do, so whoever may connect from outside has a way out, and no rule about new connections shows "
     "it.",
     "Close ingress for outside sources, and drop packets to the outside whatever the state of their connection. If "
     "the "
     "opener is yours, declare it as an endpoint with `role: client`."},
    {Rule::ExceptionMisused, "AT-A003", Class::Escape, kViolated, kInconclusive, "exception used by another sender",
     "The destination and port are those of an exception, but the packet came from somebody that the exception does "
     "not "
     "name. An approval for one sender was used by another.",
     "Find the sender, and restrict the layer that lets it through to the source that the exception names."},
    {Rule::ExceptionExpired, "AT-A004", Class::Escape, kViolated, kInconclusive, "exception used after its last day",
     "The packet would be covered by an exception, had its last day not passed before the packet was sent. After that "
     "day the same traffic is an escape.",
     "Compile the spec again, which drops what has expired, and roll the artifacts out; or have the exception renewed "
     "under a ticket."},
    {Rule::SourceRouteLeads, "AT-A005", Class::Escape, kViolated, kInconclusive,
     "packet whose own route leads to the outside",
     "The destination address is inside, but the packet carries an IPv4 source route or an IPv6 routing header whose "
     "last address is outside. The next router that honours it sends the packet on.",
     "Drop packets with source-route options and routing headers on every node and router, and find the sender: no "
     "ordinary program makes such packets."},
    {Rule::ExceptionBy, "AT-A006", Class::Excepted, kListed, kListed, "packet covered by an exception",
     "The packet went to an outside address by an exception that was in force on its day. It is no violation, and it "
     "is "
     "listed with its bytes because an air gap with an exception is one with a known hole.",
     "Nothing, as long as the exception is wanted. Let it end when it no longer is."},
    {Rule::ExceptionUntold, "AT-A007", Class::Excepted, kInconclusive, kInconclusive,
     "packet to an exception's destination by an unknown sender",
     "The destination and port are those of an exception in force, but the source address does not tell who sent the "
     "packet: behind translation a node speaks for its pods, and pods share one range. It may be the permitted sender "
     "or another.",
     "Capture at the pod side too, so that the sender is seen before its address is translated."},
    {Rule::AttemptUnresolved, "AT-A008", Class::Unresolved, kInconclusive, kInconclusive,
     "attempt that nothing shows to have been held",
     "A pod sent a packet to an outside address. It was seen at the pod's side only, and these files do not show that "
     "every uplink was watched without loss, so it may have left by a way that nobody looked at.",
     "Give the captures of every uplink for the same time, or let the agent watch the node: it counts what each uplink "
     "sent. In any case find out why the pod tried."},
    {Rule::AttemptHeld, "AT-A009", Class::Attempt, kListed, kListed, "attempt that was held",
     "A pod sent a packet to an outside address, and while every uplink of the node was watched and its counters added "
     "up, the packet did not appear there. The seal held; that somebody tried is listed.",
     "Find out what the pod wanted outside, and turn it off: telemetry and update checks are the usual reasons."},
    {Rule::UndeclaredEtherType, "AT-A010", Class::NonIp, kViolated, kListed, "frame of an undeclared EtherType",
     "A frame at an uplink carried neither IP nor ARP, and its EtherType is not declared. IP firewalls never see such "
     "frames, and any pair of programs can talk by them.",
     "Find the sender by its MAC address. If the protocol belongs there (LLDP, for example), add it to "
     "`boundary.cluster.l2`; else drop it in the egress chain."},
    {Rule::UndeclaredTag, "AT-A011", Class::NonIp, kViolated, kListed, "frame with an undeclared tag",
     "A frame at an uplink carried a VLAN tag or a label that `boundary.cluster.l2` does not declare. A tag chooses "
     "another network behind the switch, whatever the addresses inside it say; those were judged too.",
     "If the uplink is a trunk, add `vlan` to `boundary.cluster.l2`; else find the sender, and drop tagged frames in "
     "the "
     "egress chain."},
    {Rule::InsideUndeclared, "AT-A012", Class::InsideUndeclared, kListed, kListed,
     "inside traffic that nobody declared",
     "Both ends are inside the boundary, at least one of them is not in the cluster, and no flow declares the "
     "connection. "
     "Nothing left, but each such connection is one more hop for somebody who looks for one.",
     "Declare the flow and say why it is needed, or close it."},
    {Rule::Inbound, "AT-A013", Class::OutsideInbound, kListed, kListed, "packet that came from the outside",
     "A packet from an outside address arrived. As long as nothing answers, nothing has left; an answer is an escape "
     "(AT-A002).",
     "Close ingress for outside sources, and find out how the outside reaches this network at all."},
    {Rule::ReceivedForOutside, "AT-A014", Class::OutsideInbound, kListed, kListed,
     "received frame with an outside destination",
     "A frame that this interface received is addressed to the outside. It was sent by another machine of the segment "
     "and not by this node, so it is not this node's escape; it may well be another's.",
     "Look at the machine that sent it. If this node forwards such frames, each that leaves again is an escape."},
    {Rule::EmbeddedOutside, "AT-A015", Class::Tunnel, kListed, kListed,
     "inside IPv6 address that carries an outside one",
     "The destination is an inside IPv6 address that holds an outside IPv4 address in its bits, in one of the layouts "
     "that translators and tunnels use. Where such a device stands inside, the packet goes on to the IPv4 address.",
     "See that no translator or relay serves that range, or take the range out of the boundary."},

    {Rule::NameAskedOutside, "AT-A020", Class::OutsideName, kViolated, kViolated,
     "outside name asked of an outside or undeclared resolver",
     "A question for a name that is not inside went to a resolver that the policy does not declare. The name itself "
     "carries data, and whoever runs that resolver, or those that it asks, can read it.",
     "Let pods ask the cluster's resolver only, and declare resolvers of the site as endpoints with `role: dns`."},
    {Rule::NameAsked, "AT-A021", Class::OutsideName, kListed, kListed, "outside name asked of a declared resolver",
     "A program asked for a name that is not inside. The declared resolver denied it or did not answer, so no name "
     "left as far as these packets show.",
     "Find the program, and turn off what it wants from outside. If the name is yours, add its zone to `dns.zones`."},
    {Rule::ResolverHasUpstream, "AT-A022", Class::OutsideName, kInconclusive, kInconclusive,
     "resolver that answers outside names",
     "A declared resolver answered a question for an outside name with something that is neither an inside address nor "
     "a denial. It knows the answer from somewhere: either it has an upstream, and each question leaves, or somebody "
     "wrote the answer into it.",
     "Give the resolver a sealed root, and forward inside zones to inside servers only; `airtight verify` proves it "
     "from "
     "its configuration."},
    {Rule::AnswerOutside, "AT-A023", Class::OutsideName, kListed, kListed,
     "inside name answered with an outside address",
     "The answer for an inside name holds an address that is outside. A program that follows it connects to the "
     "outside "
     "by a name that looks inside, which is also how a rebinding attack works; the connection itself would be an "
     "escape.",
     "Correct the record, and filter answers by address in the resolver (the generated RPZ zones do)."},
    {Rule::NameInClear, "AT-A024", Class::OutsideNameInTls, kViolated, kListed,
     "outside name in a handshake or request that left the cluster",
     "A TLS, QUIC, HTTP or SOCKS client named a host that is not inside, toward a peer outside the cluster. The "
     "address "
     "may be inside, but a proxy or a tunnel there takes the connection to that host.",
     "Find out what the peer does with such names and close it there, and turn off the program that asks. If the host "
     "is yours, add its name to an endpoint's `names` or its zone to `dns.zones`."},
    {Rule::NameInCluster, "AT-A025", Class::OutsideNameInTls, kListed, kListed,
     "outside name in a handshake or request within the cluster",
     "A TLS, QUIC, HTTP or SOCKS client named a host that is not inside, toward a peer in the cluster, or was seen at "
     "the pod side only. Nothing has left by this packet; what the peer does next shows at an uplink.",
     "See whether the peer is a proxy that reaches the outside, and turn off the program that asks."},
    {Rule::NameHidden, "AT-A026", Class::OutsideNameInTls, kListed, kListed, "handshake that hides its name",
     "The client hello carries an encrypted name (ECH, or the older ESNI). The name in the clear is a cover, so what "
     "name the client asks for is not known; addresses were judged as always.",
     "Turn ECH off in the client, or let it go through a proxy of your own."},
    {Rule::HandshakeUnread, "AT-A027", Class::Undecodable, kInconclusive, kListed,
     "handshake or question whose name could not be read",
     "The packets should show a name: a hello of TLS or QUIC, a request of a proxy, a message on a DNS port. But they "
     "contradict themselves, exceed a bound, or lack parts that are not in the files, so what name was sent is not "
     "known.",
     "Capture whole packets from the beginning of the connection. If the packets are whole, look at the sender: "
     "cutting "
     "a hello to pieces is a way to hide a name, and so is another protocol on a DNS port."},
    {Rule::EncryptedDns, "AT-A028", Class::EncryptedDns, kListed, kListed, "encrypted DNS",
     "A connection speaks DNS over TLS, HTTPS or QUIC to an inside address. The names that it asks for cannot be seen, "
     "so rules about names do not hold for it. Toward the outside it would be an escape by its address.",
     "Let clients ask the cluster's resolver in the clear, and turn encrypted DNS off in browsers and libraries."},

    {Rule::InnerLeft, "AT-A030", Class::Tunnel, kViolated, kInconclusive,
     "packet in a tunnel that leads to the outside",
     "The outer packet goes to an inside address, but a packet inside the tunnel is addressed to the outside. The end "
     "of "
     "the tunnel unpacks it and sends it on.",
     "Find out who ends the tunnel and close it there. Tunnels between nodes are declared in "
     "`boundary.cluster.tunnels`, "
     "and even those may carry inside packets only."},
    {Rule::TunnelOpaque, "AT-A031", Class::Tunnel, kInconclusive, kListed, "tunnel that cannot be looked into",
     "An encrypted or unknown tunnel goes to a peer for which the policy declares none. What it carries, and to whom, "
     "cannot be seen.",
     "Declare it in `boundary.cluster.tunnels` if it runs between nodes and is wanted; else close it."},
    {Rule::TunnelTooDeep, "AT-A032", Class::Tunnel, kInconclusive, kListed, "more levels than are read",
     "The packet holds more tunnels in one another, more tags or more extension headers than are followed. What lies "
     "below the last level that was read is not judged.",
     "Find the sender: no ordinary network stacks so many, and doing so is a way to get past a filter."},

    {Rule::RogueServer, "AT-A040", Class::RogueServer, kListed, kListed, "router or server role that somebody took",
     "A router advertisement, a redirect or a DHCP answer was sent by somebody who should not. Others may take their "
     "addresses, routes and resolvers from it, and then send their packets where it says.",
     "Find the sender, and have switch and node drop such messages from pods (RA guard, DHCP snooping)."},
    {Rule::RogueOffer, "AT-A041", Class::RogueServer, kListed, kListed, "offer of an outside resolver or router",
     "A router advertisement or a DHCP answer names a resolver, a clock or a route that is outside. Who believes it "
     "asks "
     "the outside from then on; those packets are escapes of their own.",
     "Correct the server that offers it, or stop it if nobody declared it."},

    {Rule::Truncated, "AT-A050", Class::Undecodable, kInconclusive, kListed, "packet cut before it could be judged",
     "The capture kept fewer bytes than the headers need (snap length), so where the packet goes is not known.",
     "Capture whole packets: `tcpdump -s 0`. 262,144 bytes a packet is its default."},
    {Rule::Malformed, "AT-A051", Class::Undecodable, kInconclusive, kListed, "packet that contradicts itself",
     "Lengths, versions or chains of headers in the packet do not fit together. A receiver may read it in another way "
     "than this program would, so it was not judged by a guess.",
     "Open the example packets. A broken driver or a damaged file makes many of them, an evasion makes few."},
    {Rule::UnknownLink, "AT-A052", Class::Undecodable, kInconclusive, kListed, "link type or header that is not known",
     "The frame is of a link type that is not read here, or carries a header that hides what follows it.",
     "Capture on an Ethernet, IP or Linux cooked interface. If the type should be read, report it with an example."},
    {Rule::ArpShape, "AT-A053", Class::Undecodable, kInconclusive, kListed, "ARP frame that is not ARP",
     "The EtherType says ARP, but the message is not of the shape that ARP has, or is followed by bytes that are no "
     "padding. ARP passes every filter, so bytes behind its name may be somebody's channel.",
     "Open the example packets, and find the sender by its MAC address."},
    {Rule::FragmentOverlap, "AT-A054", Class::Undecodable, kInconclusive, kListed, "fragments that overlap",
     "Two fragments of one datagram claim the same bytes. Receivers differ in which one they keep, so what arrives is "
     "not known. No ordinary sender makes them.",
     "Find the sender. Let nodes drop overlapping fragments (Linux does for IPv6, and for IPv4 since 4.20)."},
    {Rule::FragmentTiny, "AT-A055", Class::Undecodable, kListed, kListed, "first fragment without its ports",
     "The first fragment of a datagram is too short to hold the transport header, so filters that ask for ports cannot "
     "see them. The addresses were judged, and the ports too where the datagram could be put together.",
     "Find the sender: no ordinary network cuts packets that short. Let nodes drop such fragments (RFC 1858)."},
    {Rule::FragmentOversize, "AT-A056", Class::Undecodable, kInconclusive, kListed,
     "fragments beyond the longest datagram",
     "A fragment ends beyond the 65,535 bytes that an IP datagram can have. What a receiver makes of it is not known.",
     "Find the sender: such packets are made by hand, to crash or to mislead."},
    {Rule::StreamConflict, "AT-A057", Class::Undecodable, kInconclusive, kListed,
     "TCP bytes sent twice with different values",
     "The same place of a TCP stream was sent twice with different bytes. Which of them the receiver read is not "
     "known, "
     "so neither is what it was told, a host name for example.",
     "Open the example packets. A broken middle box does this by accident, an evasion on purpose."},
};

constexpr bool in_enum_order() {
  std::size_t at = 0;
  for (const RuleInfo& row : kTable)
    if (static_cast<std::size_t>(row.rule) != at++) return false;
  return at == kRuleCount;
}
static_assert(in_enum_order(), "info() finds a row by its place");

constexpr std::array<std::string_view, kClassCount> kClasses{
    "inside-declared",     "inside-cluster", "inside-undeclared",
    "link-local",          "rogue-server",   "attempt",
    "unresolved",          "excepted",       "escape",
    "outside-inbound",     "non-ip",         "outside-name",
    "outside-name-in-tls", "encrypted-dns",  "tunnel",
    "undecodable"};

}  // namespace

std::string_view to_string(Class cls) { return kClasses[static_cast<std::size_t>(cls)]; }

std::optional<Class> parse_class(std::string_view text) {
  for (std::size_t i = 0; i < kClassCount; ++i)
    if (kClasses[i] == text) return static_cast<Class>(i);
  return std::nullopt;
}

std::string_view to_string(Effect effect) {
  constexpr std::array<std::string_view, 3> kWords{"listed", "inconclusive", "violated"};
  return kWords[static_cast<std::size_t>(effect)];
}

const RuleInfo& info(Rule rule) { return kTable[static_cast<std::size_t>(rule)]; }

std::span<const RuleInfo> rule_table() { return kTable; }

const RuleInfo* find_rule(std::string_view id) {
  std::string wanted(id);
  for (char& c : wanted) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  for (const RuleInfo& row : kTable)
    if (row.id == wanted || row.id.substr(3) == wanted) return &row;
  return nullptr;
}

}  // namespace airtight::audit
