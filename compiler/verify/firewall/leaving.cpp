#include "compiler/verify/firewall/leaving.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <utility>

namespace airtight::verify {
namespace {

constexpr u128 kIpv4 = 0x0800;
constexpr u128 kIpv6 = 0x86dd;
constexpr u128 kArp = 0x0806;
constexpr u128 kVlan = 0x8100;

Values one(u128 value) { return Values::of(value); }
Values several(std::initializer_list<u128> values) {
  std::vector<Interval<u128>> intervals;
  for (const u128 value : values) intervals.push_back({value, value});
  return Values::from(std::move(intervals));
}

using Constraints = std::vector<std::pair<Field, Values>>;

// Behind one 802.1Q tag the same packet has EtherType 0x8100 and its own type in VlanProtocol.
PacketSet tagged(const PacketSet& untagged) {
  PacketSet result;
  for (const Box& box : untagged.boxes()) {
    Box twin;
    bool possible = twin.narrow(Field::EtherType, std::make_shared<const Values>(one(kVlan)));
    for (const auto& [field, values] : box.constraints())
      possible = possible && twin.narrow(field == Field::EtherType ? Field::VlanProtocol : field,
                                         std::make_shared<const Values>(values));
    if (possible) result |= PacketSet::of(std::move(twin));
  }
  return result;
}

bool tags_may_leave(const Question& question) {
  return question.policy && std::any_of(question.policy->cluster.l2.begin(), question.policy->cluster.l2.end(),
                                        [](const EtherType& type) { return type.value == kVlan; });
}

PacketSet packets(const Constraints& constraints) {
  Box box;
  for (const auto& [field, values] : constraints)
    if (!box.constrain(field, values)) return {};
  return PacketSet::of(std::move(box));
}

Values v6_values(std::initializer_list<std::string_view> prefixes) {
  std::vector<Interval<u128>> intervals;
  for (const std::string_view text : prefixes) {
    const Prefix prefix = *Prefix::parse(text);
    intervals.push_back({prefix.first().bits(), prefix.last().bits()});
  }
  return Values::from(std::move(intervals));
}

// RFC 4861 and RFC 2710/3810: a message of the link has hop limit 255 (or 1, for MLD), so no router took it here and
// none will take it further. The neighbours are the groups that these messages go to, and link-local addresses.
void link_shapes(Path path, std::vector<Shape>& shapes) {
  const Values neighbours = v6_values({"fe80::/10", "ff02::1/128", "ff02::2/128", "ff02::1:ff00:0/104"});
  const Values groups = v6_values({"ff02::/16"});
  const Values discovery = Values::from({{133 * 256, 133 * 256 + 255}, {135 * 256, 136 * 256 + 255}});
  const Values listeners = Values::from({{130 * 256, 132 * 256 + 255}, {143 * 256, 143 * 256 + 255}});
  Constraints solicit{{Field::EtherType, one(kIpv6)},
                      {Field::Ip6Destination, neighbours},
                      {Field::HopLimit, one(255)},
                      {Field::Protocol, one(58)},
                      {Field::Icmpv6TypeCode, discovery}};
  Constraints listen{{Field::EtherType, one(kIpv6)}, {Field::Ip6Destination, groups}};
  if (path == Path::Egress) {
    // On the wire the router alert stands before the message (RFC 2711): next header 0, then 58.
    listen.insert(listen.end(), {{Field::Ip6NextHeader, one(0)},
                                 {Field::Ip6SecondHeader, one(58)},
                                 {Field::Ip6ExtensionLength, one(0)},
                                 {Field::HopLimit, one(1)},
                                 {Field::Icmpv6TypeCode, listeners}});
  } else {
    listen.insert(listen.end(),
                  {{Field::HopLimit, one(1)}, {Field::Protocol, one(58)}, {Field::Icmpv6TypeCode, listeners}});
  }
  shapes.push_back({"neighbour discovery on the link (RFC 4861)", packets(solicit)});
  shapes.push_back({"multicast listener discovery on the link (RFC 3810)", packets(listen)});
}

// DESIGN §6: mark and unowned MAC and one documentation address and port and length and hop limit.
void canary_shapes(std::vector<Shape>& shapes) {
  const Constraints common{{Field::Mark, one(0x61697274)}, {Field::EthDestination, one(0x026169727400)}};
  Constraints v4 = common;
  v4.insert(v4.end(), {{Field::EtherType, one(kIpv4)},
                       {Field::Length, one(74)},
                       {Field::Ip4VersionLength, one(0x45)},
                       {Field::IpLength, one(60)},
                       {Field::UdpLength, one(40)},
                       {Field::HopLimit, one(1)},
                       {Field::Protocol, one(17)},
                       {Field::Ip4Destination, one(Ip::parse("192.0.2.254")->bits())},
                       {Field::DestinationPort, one(9)}});
  Constraints v6 = common;
  v6.insert(v6.end(), {{Field::EtherType, one(kIpv6)},
                       {Field::Length, one(94)},
                       {Field::Ip6NextHeader, one(17)},
                       {Field::IpLength, one(40)},
                       {Field::UdpLength, one(40)},
                       {Field::HopLimit, one(1)},
                       {Field::Ip6Destination, one(Ip::parse("2001:db8::a1:7")->bits())},
                       {Field::DestinationPort, one(9)}});
  shapes.push_back(
      {"the sensor canary, IPv4: UDP port 9 of 192.0.2.254, by mark, MAC address, length and hop limit", packets(v4)});
  shapes.push_back({"the sensor canary, IPv6: UDP port 9 of 2001:db8::a1:7, by mark, MAC address, length and hop limit",
                    packets(v6)});
}

void declared_shapes(const Policy& policy, Path path, std::vector<Shape>& shapes) {
  if (policy.cluster.dhcp_v4 && path != Path::Forward)
    shapes.push_back({"DHCP requests (RFC 2131)", packets({{Field::EtherType, one(kIpv4)},
                                                           {Field::Ip4Destination, one(0xffffffff)},
                                                           {Field::Protocol, one(17)},
                                                           {Field::SourcePort, one(68)},
                                                           {Field::DestinationPort, one(67)}})});
  if (policy.cluster.dhcp_v6 && path != Path::Forward)
    shapes.push_back(
        {"DHCPv6 requests (RFC 8415)", packets({{Field::EtherType, one(kIpv6)},
                                                {Field::Ip6Destination, one(Ip::parse("ff02::1:2")->bits())},
                                                {Field::Protocol, one(17)},
                                                {Field::SourcePort, one(546)},
                                                {Field::DestinationPort, one(547)}})});
  for (const Multicast& group : policy.multicast) {
    const bool v4 = group.group.is_v4();
    Constraints constraints{{Field::EtherType, one(v4 ? kIpv4 : kIpv6)},
                            {v4 ? Field::Ip4Destination : Field::Ip6Destination, one(group.group.bits())}};
    constraints.emplace_back(Field::Protocol, one(group.number));
    if (path != Path::Forward)
      shapes.push_back({group.protocol + " to " + to_string(group.group), packets(constraints)});
  }
}

void exception_shapes(const Question& question, Path path, std::vector<Shape>& shapes) {
  for (const Exception& exception : question.policy->exceptions) {
    if (exception.expires < question.at) continue;
    const bool node = question.policy->is_node_side(exception.from);
    if (path != Path::Egress && node != (path == Path::Output)) continue;
    const ServiceSet services = path == Path::Egress ? ServiceSet::all() : exception.services;
    // Another address is where a source route or a routing header leads.
    shapes.push_back({"exception " + exception.ticket + ": " + to_string(exception.to) + " " + to_string(services),
                      PacketSet::destined(IpSet::of(exception.to), services) &
                          (packets({{Field::EtherType, one(kIpv4)}, {Field::Ip4SourceRoute, one(0)}}) |
                           packets({{Field::EtherType, one(kIpv6)}, {Field::Ip6Routing, one(0)}}))});
  }
}

Values uplink_values(const Policy& policy) {
  Values values;
  for (const std::string& pattern : policy.cluster.uplinks) values |= interface_values(pattern);
  return values;
}

// A packet of a flow as it leaves: no options, no extension headers. On the wire of an uplink the first next header
// says so; the IP paths ask for a routing header.
PacketSet plain(const IpSet& sources, const IpSet& destinations, const ServiceSet& services, Path path) {
  const Constraints v4{
      {Field::EtherType, one(kIpv4)}, {Field::Ip4SourceRoute, one(0)}, {Field::Ip4VersionLength, one(0x45)}};
  Constraints v6{{Field::EtherType, one(kIpv6)}, {Field::Ip6Routing, one(0)}};
  if (path == Path::Egress)
    v6.emplace_back(Field::Ip6NextHeader, universe(Field::Ip6NextHeader) - several({0, 43, 44, 51, 60, 135, 139, 140}));
  return PacketSet::destined(destinations, services) & PacketSet::sourced(sources) & (packets(v4) | packets(v6));
}

}  // namespace

PacketSet outside_packets(const Question& question, Path path, bool without_loopback) {
  PacketSet outside = PacketSet::destined(~question.inside, ServiceSet::all());
  if (path == Path::Egress) {
    std::vector<Interval<u128>> known{{kIpv4, kIpv4}, {kIpv6, kIpv6}, {kArp, kArp}};
    if (question.policy)
      for (const EtherType& type : question.policy->cluster.l2) known.push_back({type.value, type.value});
    outside |= packets({{Field::EtherType, universe(Field::EtherType) - Values::from(std::move(known))}});
    // The frame behind a tag is tested like any other, but for a second tag, which nobody declares.
    if (tags_may_leave(question))
      outside |= tagged(outside) | packets({{Field::EtherType, one(kVlan)}, {Field::VlanProtocol, one(kVlan)}});
    return outside;
  }
  if (without_loopback)
    outside = outside & packets({{Field::OutInterface, universe(Field::OutInterface) - interface_values("lo")}});
  return outside;
}

std::vector<Shape> shapes(const Question& question, Path path) {
  std::vector<Shape> shapes;
  link_shapes(path, shapes);
  if (question.policy) declared_shapes(*question.policy, path, shapes);
  if (question.policy) exception_shapes(question, path, shapes);
  if (path == Path::Egress && tags_may_leave(question))
    for (Shape& shape : shapes) shape.packets |= tagged(shape.packets);
  if (path == Path::Egress) canary_shapes(shapes);
  return shapes;
}

Ruleset with_patience(Ruleset ruleset) {
  for (FirewallTable& table : ruleset.tables)
    for (FirewallChain& chain : table.chains)
      for (FirewallRule& rule : chain.rules)
        if (rule.limited && std::all_of(rule.branches.begin(), rule.branches.end(), [](const FirewallBranch& branch) {
              return branch.verdict.kind == FirewallVerdict::Kind::Accept;
            }))
          rule.limited = false;
  return ruleset;
}

PacketSet flow_packets(const Question& question, const Flow& flow, Path path) {
  const Policy& policy = *question.policy;
  const bool from_pods = policy.is_pod(flow.from);
  const bool from_nodes = policy.is_node_side(flow.from);
  const bool to_nodes = policy.is_node_side(flow.to);
  if (path == Path::Output && !from_nodes) return {};
  if (path == Path::Forward && (from_nodes || (to_nodes && !from_pods))) return {};
  if (path == Path::Egress && !(from_pods || from_nodes)) return {};
  IpSet to = policy.addresses_of(flow.to);
  // NodeLocal DNSCache answers on the node itself: nothing is forwarded, nothing leaves.
  if (flow.to.kind == Peer::Kind::ClusterDns && policy.cluster.dns)
    for (const Ip ip : policy.cluster.dns->node_local) to -= IpSet::of(ip);
  PacketSet set = plain(policy.addresses_of(flow.from), to, flow.services, path);
  if (path == Path::Egress) return set;
  set = set & packets({{Field::State, one(static_cast<u128>(StateValue::New))}});
  // Toward what is not in the cluster a packet leaves by an uplink; rules may ask for that.
  const bool leaves = policy.endpoint(flow.to) != nullptr;
  if (leaves && !policy.cluster.uplinks.empty()) set = set & packets({{Field::OutInterface, uplink_values(policy)}});
  return set;
}

PacketSet reply_packets(const Question& question, const Flow& flow, Path path) {
  const Policy& policy = *question.policy;
  const bool of_nodes = policy.is_node_side(flow.to);
  const bool of_pods = policy.is_pod(flow.to);
  const bool to_nodes = policy.is_node_side(flow.from);
  if (path == Path::Output && !of_nodes) return {};
  if (path == Path::Forward && (of_nodes || to_nodes || !(of_pods || policy.is_pod(flow.from)))) return {};
  if (path == Path::Egress && !(of_nodes || of_pods)) return {};
  PacketSet replies;
  for (const Protocol protocol : {Protocol::Tcp, Protocol::Udp, Protocol::Sctp}) {
    const PortSet& ports = flow.services.ports(protocol);
    if (ports.empty()) continue;
    std::vector<Interval<u128>> from;
    for (const Interval<std::uint16_t>& interval : ports.intervals()) from.push_back({interval.first, interval.last});
    Box box;
    if (!box.constrain(Field::SourcePort, Values::from(std::move(from)))) continue;
    if (path != Path::Egress && !box.constrain(Field::State, one(static_cast<u128>(StateValue::Established)))) continue;
    const IpSet to = flow.source_nat_nodes ? policy.nodes() : policy.addresses_of(flow.from);
    replies |=
        plain(policy.addresses_of(flow.to), to, ServiceSet::protocol(protocol), path) & PacketSet::of(std::move(box));
  }
  return replies;
}

}  // namespace airtight::verify
