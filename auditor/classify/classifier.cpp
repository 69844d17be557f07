#include "auditor/classify/classifier_state.h"

namespace airtight::audit {

TunnelPorts tunnel_ports(const Policy& policy) {
  TunnelPorts ports;
  std::size_t vxlan = 0;
  std::size_t geneve = 0;
  std::size_t wireguard = 0;
  for (const Tunnel& tunnel : policy.cluster.tunnels) {
    for (const auto& range : tunnel.carrier.ports(Protocol::Udp).intervals()) {
      for (std::uint32_t port = range.first; port <= range.last; ++port) {
        const auto at = static_cast<std::uint16_t>(port);
        if (tunnel.kind == "vxlan" && vxlan < ports.vxlan.size()) ports.vxlan[vxlan++] = at;
        if (tunnel.kind == "geneve" && geneve < ports.geneve.size()) ports.geneve[geneve++] = at;
        if (tunnel.kind == "wireguard" && wireguard < ports.wireguard.size()) ports.wireguard[wireguard++] = at;
      }
    }
  }
  return ports;
}

Counts& Counts::operator+=(const Counts& more) {
  packets += more.packets;
  bytes += more.bytes;
  undecoded += more.undecoded;
  ipv4 += more.ipv4;
  ipv6 += more.ipv6;
  arp += more.arp;
  other += more.other;
  for (std::size_t i = 0; i < kClassCount; ++i) {
    classes[i].packets += more.classes[i].packets;
    classes[i].bytes += more.classes[i].bytes;
    classes[i].flows += more.classes[i].flows;
  }
  opaque_packets += more.opaque_packets;
  fragments += more.fragments;
  fragments_given_up += more.fragments_given_up;
  exceptions |= more.exceptions;
  excepted_by_pods |= more.excepted_by_pods;
  excepted_by_nodes |= more.excepted_by_nodes;
  flows.created += more.flows.created;
  flows.evicted += more.flows.evicted;
  flows.untracked += more.flows.untracked;
  application.dns_questions += more.application.dns_questions;
  application.dns_answers += more.application.dns_answers;
  application.tls_hellos += more.application.tls_hellos;
  application.quic_hellos += more.application.quic_hellos;
  application.http_requests += more.application.http_requests;
  application.socks_requests += more.application.socks_requests;
  application.encrypted_flows += more.application.encrypted_flows;
  application.midway_flows += more.application.midway_flows;
  application.unread_streams += more.application.unread_streams;
  application.unknown_flows += more.application.unknown_flows;
  return *this;
}

std::string_view to_string(Role role) { return role == Role::Uplink ? "uplink" : "pod side"; }

const RuleInfo* Classifier::State::see(const Frame& frame, const Point& point, std::uint32_t place) {
  decode(frame, ports, packet);
  if (place >= points.size()) points.resize(place + 1);
  points[place] = &point;
  static_cast<AtHand&>(*this) = {};
  now_frame = &frame;
  now_point = &point;
  now_place = place;
  buffer = frame.bytes;
  const Direction away = point.role == Role::Uplink ? Direction::Received : Direction::Transmitted;
  sent = packet.direction != away;
  level_class = cls = packet.outcome == Outcome::NotIp ? Class::NonIp : Class::Undecodable;

  ++counts.packets;
  counts.bytes += frame.original;
  if (packet.level_count != 0) {
    ++(packet.outer().source.is_v4() ? counts.ipv4 : counts.ipv6);
  } else {
    ++(packet.outcome == Outcome::Arp ? counts.arp : counts.other);
  }

  if (packet.vlan_tags != 0 || packet.mpls || packet.pppoe) link();
  if (!local()) {
    for (std::size_t i = 0; i < packet.level_count; ++i) level(i);
    outcome();
    if (packet.level_count != 0) payload(packet.level_count - 1u);
  }

  ClassCount& count = counts.classes[static_cast<std::size_t>(cls)];
  ++count.packets;
  count.bytes += frame.original;
  if (first_flow.flow != nullptr) {
    std::uint32_t& counted = first_flow.flow->notes[kNoteCounted];
    const std::uint32_t bit = 1u << static_cast<unsigned>(cls);
    if ((counted & bit) == 0) counted |= bit, ++count.flows;
  }
  return worst;
}

// Tags and shims on the link that the policy does not name.
void Classifier::State::link() {
  struct Shim {
    bool there;
    std::uint16_t ether_type;
    Rule rule;
  };
  const Shim shims[] = {{packet.plain_tags, 0x8100, Rule::UndeclaredTag},
                        {packet.other_tag != 0, packet.other_tag, Rule::UndeclaredTag},
                        {packet.mpls, 0x8847, Rule::UndeclaredEtherType},
                        {packet.pppoe && packet.outcome != Outcome::NotIp, 0x8864, Rule::UndeclaredEtherType}};
  for (const Shim& shim : shims) {
    if (!shim.there || !sent || boundary.declared_ether_type(shim.ether_type)) continue;
    Mark mark = about(shim.rule, effect_of(shim.rule), {});
    mark.ether_type = shim.ether_type;
    if (shim.rule == Rule::UndeclaredTag) {
      detail = "VLAN " + std::to_string(packet.first_vlan);
      mark.detail = detail;
    }
    put(mark);
  }
}

// What stays on the link, by its exact shape; true if the frame is judged with that.
bool Classifier::State::local() {
  if (packet.outcome != Outcome::Arp) {
    if (packet.level_count == 0) return false;
    const Level& outer = packet.outer();
    const bool candidate =
        outer.protocol == ip_protocol::kIcmpv6 || (outer.protocol == ip_protocol::kIcmp && outer.icmp_type == 5) ||
        (outer.protocol == ip_protocol::kUdp && (outer.destination_port == 67 || outer.destination_port == 68 ||
                                                 outer.destination_port == 546 || outer.destination_port == 547));
    if (!candidate || !outer.has_protocol) return false;
  }
  const LocalMessage message = read_local(*now_frame, packet);
  if (packet.level_count != 0) now = &packet.outer();
  const bool to_link = now == nullptr || stays_on_link(now->destination) || boundary.inside(now->destination);
  const bool by_pod = now_point->role == Role::PodSide && sent;
  bool handled = false;
  switch (message.kind) {
    case LocalKind::None:
    case LocalKind::Igmp:  // leaves only as declared multicast: by its addresses
      break;
    case LocalKind::Arp:
    case LocalKind::RouterSolicitation:
    case LocalKind::NeighborSolicitation:
    case LocalKind::NeighborAdvertisement:
      handled = to_link;
      break;
    case LocalKind::Mld:  // a report goes to its group, of whatever scope, and no router passes hop limit 1 on
      handled = true;
      break;
    case LocalKind::DhcpClient:
      handled = policy.cluster.dhcp_v4 && to_link;
      break;
    case LocalKind::Dhcpv6Client:
      handled = policy.cluster.dhcp_v6 && (to_link || now->destination == kAllDhcpServers);
      break;
    case LocalKind::RouterAdvertisement:
    case LocalKind::Redirect:
    case LocalKind::DhcpServer:
    case LocalKind::Dhcpv6Server: {
      const bool declared = message.kind == LocalKind::DhcpServer     ? policy.cluster.dhcp_v4
                            : message.kind == LocalKind::Dhcpv6Server ? policy.cluster.dhcp_v6
                                                                      : true;
      offer(message);
      const bool by_node = now_point->role == Role::Uplink && packet.direction == Direction::Transmitted;
      if ((by_pod || by_node) && to_link) put(Rule::RogueServer, Effect::None, to_string(message.kind));
      handled = to_link && (declared || by_pod);
      break;
    }
  }
  if (!handled) return false;
  if (worst == nullptr) cls = Class::LinkLocal;
  level_class = cls;
  return true;
}

void Classifier::State::offer(const LocalMessage& message) {
  const Offer& offered = message.offer;
  for (std::size_t i = 0; i < offered.resolver_count; ++i) {
    if (boundary.inside(offered.resolvers[i]) || is_link_local(offered.resolvers[i])) continue;
    detail = "resolver " + to_string(offered.resolvers[i]) + " in a " + std::string(to_string(message.kind));
    put(Rule::RogueOffer, Effect::None, detail, {}, boundary.label(offered.resolvers[i]));
  }
  for (std::size_t i = 0; i < offered.router_count; ++i) {
    if (boundary.inside(offered.routers[i]) || is_link_local(offered.routers[i])) continue;
    detail = "router " + to_string(offered.routers[i]) + " in a " + std::string(to_string(message.kind));
    put(Rule::RogueOffer, Effect::None, detail);
  }
  for (std::size_t i = 0; i < offered.clock_count; ++i) {
    if (boundary.inside(offered.clocks[i]) || is_link_local(offered.clocks[i])) continue;
    detail = "clock " + to_string(offered.clocks[i]) + " in a " + std::string(to_string(message.kind));
    put(Rule::RogueOffer, Effect::None, detail);
  }
  if (!offered.read_to_end) put(Rule::RogueOffer, Effect::None, "options that contradict themselves");
}

// In a declared tunnel the link goes on: neighbour discovery and the like, by the same shapes as outside of it.
bool Classifier::State::local_inside(const Level& at) {
  alone = {};
  alone.level_count = 1;
  alone.levels[0] = at;
  alone.levels[0].carrier = Carrier::Link;
  Frame held = *now_frame;
  held.bytes = buffer;  // of a datagram that was put together, perhaps
  switch (read_local(held, alone).kind) {
    case LocalKind::RouterSolicitation:
    case LocalKind::NeighborSolicitation:
    case LocalKind::NeighborAdvertisement:
    case LocalKind::Mld:
      return true;
    case LocalKind::DhcpClient:
      return policy.cluster.dhcp_v4;
    case LocalKind::Dhcpv6Client:
      return policy.cluster.dhcp_v6;
    default:
      return false;
  }
}

// What decoding came to, where it did not come to an end.
void Classifier::State::outcome() {
  const bool tunnelled = packet.level_count > 0;
  now = tunnelled ? &packet.inner() : nullptr;
  const bool to_outside = tunnelled && !boundary.inside(now->destination);
  switch (packet.outcome) {
    case Outcome::Ip:
      return;
    case Outcome::Arp:
      put(Rule::ArpShape, effect_of(Rule::ArpShape));
      return;
    case Outcome::NotIp:
    case Outcome::Opaque:
      if (!tunnelled) {
        if (packet.has_ether_type && boundary.declared_ether_type(packet.ether_type)) {
          if (packet.outcome == Outcome::Opaque)
            put(Rule::TunnelOpaque, effect_of(Rule::TunnelOpaque), packet.why);
          else if (worst == nullptr)
            cls = Class::LinkLocal;
        } else if (sent) {
          Mark mark = about(Rule::UndeclaredEtherType, effect_of(Rule::UndeclaredEtherType), packet.why);
          if (packet.has_ether_type) mark.ether_type = packet.ether_type;
          put(mark);
        }
        return;
      }
      ++counts.opaque_packets;
      if (level_class != Class::InsideDeclared && !to_outside)
        put(Rule::TunnelOpaque, effect_of(Rule::TunnelOpaque), packet.why);
      return;
    case Outcome::Truncated:
      ++counts.undecoded;
      if (to_outside && now->has_ports) return;  // what its headers show is enough
      return put(Rule::Truncated, effect_of(Rule::Truncated), packet.why);
    case Outcome::Malformed:
      ++counts.undecoded;
      return put(Rule::Malformed, effect_of(Rule::Malformed), packet.why);
    case Outcome::Unsupported:
      ++counts.undecoded;
      if (!tunnelled) return put(Rule::UnknownLink, effect_of(Rule::UnknownLink), packet.why);
      return put(Rule::TunnelOpaque, effect_of(Rule::TunnelOpaque), packet.why);
    case Outcome::TooDeep: {
      ++counts.undecoded;
      const Rule rule = packet.level_count > 1 ? Rule::TunnelTooDeep : Rule::Malformed;
      return put(rule, effect_of(rule), packet.why);
    }
  }
}

Classifier::Classifier(const Boundary& boundary, std::size_t flows, MarkSink& marks, NameSink& names)
    : state_(std::make_unique<State>(boundary, flows, marks, names)) {}

Classifier::~Classifier() = default;

const RuleInfo* Classifier::see(const Frame& frame, const Point& point, std::uint32_t place) {
  return state_->see(frame, point, place);
}

void Classifier::finish() {
  state_->fragments.each_waiting([this](const LostDatagram& lost) { state_->never_whole(lost); });
  state_->flows.each([this](std::uint32_t id, const Flow& flow) {
    Flow copy = flow;
    state_->ended(id, copy);
  });
}

Counts Classifier::counts() const {
  Counts counts = state_->counts;
  counts.flows = state_->flows.counts();
  counts.application = state_->application.counts();
  counts.fragments_given_up = state_->fragments.counts().given_up + state_->fragments.waiting();
  return counts;
}

}  // namespace airtight::audit
