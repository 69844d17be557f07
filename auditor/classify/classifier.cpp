#include "auditor/classify/classifier.h"

#include <algorithm>
#include <cstring>

#include "auditor/decode/fragments.h"
#include "auditor/decode/local_protocols.h"
#include "auditor/decode/packet.h"

namespace airtight::audit {

namespace {

// Flow::notes that are the classifier's; the others are Application's.
constexpr std::size_t kNoteClean = 3;    // a Clean a direction in the low two bytes; the file of its first packet above
constexpr std::size_t kNoteCounted = 4;  // a bit for each class in which the flow was counted; kOpenerSent
constexpr std::size_t kNoteNumber = 5;   // the number of its first packet, as far as 32 bits go
constexpr std::uint32_t kOpenerSent = 1u << 31;

// FlowKey::place: the point in the low bits, the tunnel level above.
constexpr std::uint32_t kPlaceMask = 0xffffff;

// What is known of one direction of a flow, so that its later packets need no judgement.
enum Clean : std::uint32_t { kUnknown, kDeclared, kCluster };
constexpr Class kCleanClass[] = {Class::InsideDeclared, Class::InsideDeclared, Class::InsideCluster};

// The service of a packet, as flows and exceptions name it, seen from whoever opened.
struct Service {
  Protocol protocol = Protocol::Other;
  std::uint16_t selector = 0;
  std::int32_t port = -1;  // for people
};

bool is_echo(const Level& level) {
  return level.protocol == ip_protocol::kIcmp ? level.icmp_type == 8 || level.icmp_type == 0
                                              : level.icmp_type == 128 || level.icmp_type == 129;
}

Service service_of(const Level& level, bool from_opener) {
  const std::uint16_t port = from_opener ? level.destination_port : level.source_port;
  switch (level.protocol) {
    case ip_protocol::kTcp:
      return {Protocol::Tcp, port, level.has_ports ? port : -1};
    case ip_protocol::kUdp:
      return {Protocol::Udp, port, level.has_ports ? port : -1};
    case ip_protocol::kSctp:
      return {Protocol::Sctp, port, level.has_ports ? port : -1};
    case ip_protocol::kIcmp:
    case ip_protocol::kIcmpv6: {
      const bool v4 = level.protocol == ip_protocol::kIcmp;
      std::uint8_t type = level.icmp_type;
      if (!from_opener && is_echo(level)) type = v4 ? 8 : 128;  // the request that this replies to
      return {v4 ? Protocol::Icmp : Protocol::Icmpv6, static_cast<std::uint16_t>(type << 8 | level.icmp_code), -1};
    }
    default:
      return {Protocol::Other, level.protocol, level.has_ports ? port : -1};
  }
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
  return hash ^ hash >> 29;
}

// Where the ports of a datagram's first fragment are kept for the later ones.
struct FragmentPorts {
  Ip source = Ip::v4(0);
  Ip destination = Ip::v4(0);
  std::uint32_t id = 0;
  std::uint32_t place = 0;
  std::uint8_t protocol = 0;
  bool used = false;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
};
constexpr std::size_t kFragmentPorts = 1024;

bool is_link_local(Ip ip) { return !ip.is_v4() && ip.bits() >> 118 == 0x3fa; }
constexpr Ip kBroadcast = Ip::v4(0xffffffff);
constexpr Ip kAllDhcpServers = Ip::v6(static_cast<u128>(0xff05u) << 112 | 0x10003u);  // RFC 8415 §7.1
bool stays_on_link(Ip ip) {
  if (ip.is_v4()) return ip == kBroadcast;
  const auto first = static_cast<std::uint16_t>(ip.bits() >> 112);
  return is_link_local(ip) || first == 0xff01 || first == 0xff02;
}

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

}  // namespace

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
  return *this;
}

std::string_view to_string(Role role) { return role == Role::Uplink ? "uplink" : "pod side"; }

// The packet, and of it the level, that is being judged.
struct AtHand {
  const Frame* now_frame = nullptr;
  const Point* now_point = nullptr;
  std::uint32_t now_place = 0;
  Bytes buffer;                // that offsets of levels are into: the frame, or a datagram put together
  const Level* now = nullptr;  // nullptr before the first level
  FlowRef flow;                // of the level
  FlowRef first_flow;          // of the outermost level
  Class level_class = Class::Undecodable;
  bool sent = true;  // out of the node or out of the pod, as far as can be told
  const RuleInfo* worst = nullptr;
  Effect worst_effect = Effect::None;
  Class cls = Class::Undecodable;
};

struct Classifier::State final : ApplicationSink, AtHand {
  State(const Boundary& with, std::size_t capacity, MarkSink& to, NameSink& name_sink)
      : boundary(with),
        policy(with.policy()),
        marks(to),
        names(name_sink),
        ports(tunnel_ports(policy)),
        flows(capacity, [this](std::uint32_t id, Flow& gone) { ended(id, gone); }),
        application(*this),
        fragment_ports(kFragmentPorts) {}

  const RuleInfo* see(const Frame& frame, const Point& point, std::uint32_t place);
  void link();
  bool local();
  void offer(const LocalMessage& message);
  void level(std::size_t index);
  void route();
  void judge(std::size_t index, const Service& service, bool ports_known);
  void both_inside(std::size_t index, const Service& service);
  void outward(std::size_t index, const Service& service, bool ports_known);
  void outcome();
  void payload(std::size_t index);
  void fragment(std::size_t index);
  bool known_fragment(const Level& level, Level& with_ports);
  void ended(std::uint32_t id, Flow& flow);

  // --- marks
  Effect effect_of(Rule rule) const {
    const RuleInfo& row = info(rule);
    if (!sent) return Effect::None;
    return now_point->role == Role::Uplink ? row.effect : row.pod_side;
  }
  void put(Mark mark) {
    const RuleInfo& row = info(mark.rule);
    if (worst == nullptr || mark.effect > worst_effect) worst = &row, worst_effect = mark.effect, cls = mark.cls;
    marks.mark(*now_frame, *now_point, mark);
  }
  void put(Rule rule, Effect effect, std::string_view clause = {}, std::string_view name = {}, Label label = {}) {
    Mark mark = about(rule, effect, clause);
    mark.name = name;
    mark.label = label;
    put(mark);
  }
  // A mark with the addresses and the service of the level at hand, turned so that the source is whoever opened where
  // `opener_first`.
  Mark about(Rule rule, Effect effect, std::string_view clause, bool opener_first = false) const {
    Mark mark;
    mark.rule = rule;
    mark.cls = info(rule).cls;
    mark.effect = effect;
    mark.detail = clause;
    if (now == nullptr) return mark;
    const bool turn = opener_first && !flow.from_opener;
    mark.has_addresses = true;
    mark.source = turn ? now->destination : now->source;
    mark.destination = turn ? now->source : now->destination;
    if (now->has_protocol) mark.protocol = now->protocol;
    if (now->has_ports) mark.port = opener_first && !flow.from_opener ? now->source_port : now->destination_port;
    mark.guessed_direction = flow.flow != nullptr && flow.flow->opened == Opened::FirstSeen &&
                             (now->protocol == ip_protocol::kTcp || !flow.from_opener);
    return mark;
  }
  std::uint64_t fingerprint() const {
    std::uint64_t hash = mix(now->protocol, now->payload_length + now->payload_missing);
    if (now->has_tcp) hash = mix(hash, now->tcp_sequence | std::uint64_t{now->tcp_flags} << 32);
    const Bytes payload = buffer.subspan(now->payload_offset, now->payload_length);
    for (std::size_t i = 0; i < std::min<std::size_t>(payload.size(), 32); ++i) hash = mix(hash, payload[i]);
    return hash == 0 ? 1 : hash;
  }

  // --- what applications say
  bool is_outside(Ip ip) const override {
    // The unspecified address hands out nothing: resolvers give it to say no.
    return ip.bits() != 0 && !boundary.inside(ip);
  }
  bool toward_outsiders() const {
    return now_point->role == Role::Uplink && sent && !boundary.place(now->destination).cluster;
  }
  bool permitted() const { return level_class == Class::Excepted; }  // the exception is the permission, names included
  void dns_question(const DnsHeader&, std::string_view name, std::uint16_t) override {
    const bool inside = boundary.inside_name(name);
    names.seen(NameFrom::Dns, name, inside);
    if (inside) return;
    const Boundary::Place to = boundary.place(now->destination);
    const Label label = boundary.label_name(name);
    if ((to.inside && to.resolver) || level_class == Class::LinkLocal)
      return put(Rule::NameAsked, Effect::None, {}, name, label);
    Effect effect = effect_of(Rule::NameAskedOutside);
    if (to.inside && sent) effect = Effect::Violated;  // whoever answers there is nobody's resolver: it may ask on
    put(Rule::NameAskedOutside, permitted() ? Effect::None : effect, {}, name, label);
  }
  void dns_response(const DnsHeader& header, std::string_view name, std::uint16_t, const DnsAnswers& answers) override {
    if (!boundary.inside(now->source)) return;
    if (boundary.inside_name(name)) {
      if (answers.has_outside) {
        detail = "answered with " + to_string(answers.outside);
        put(Rule::AnswerOutside, Effect::None, detail, name, boundary.label(answers.outside));
      }
      return;
    }
    const bool denied = header.rcode != 0;
    const bool inside_only = answers.addresses != 0 && !answers.has_outside && answers.whole;
    if (denied || inside_only) return;
    detail = answers.has_outside    ? "answered with " + to_string(answers.outside)
             : answers.records == 0 ? std::string("answered without a denial")
                                    : std::string("answered with other records");
    put(Rule::ResolverHasUpstream, Effect::Inconclusive, detail, name, boundary.label_name(name));
  }
  void named(NameFrom from, std::string_view name) override {
    const bool inside = boundary.inside_host(name);
    names.seen(from, name, inside);
    if (inside) return;
    const Label label = boundary.label_name(name);
    const bool out = toward_outsiders();
    put(out ? Rule::NameInClear : Rule::NameInCluster, out && !permitted() ? Effect::Violated : Effect::None,
        to_string(from), name, label);
    if (label.catalogue == "doh" && boundary.inside(now->destination))
      put(Rule::EncryptedDns, Effect::None, "a name of DNS over HTTPS", name, label);
  }
  void hello(NameFrom, const ClientHello& hello) override {
    if (hello.alpn_dns && boundary.inside(now->destination)) {
      put(Rule::EncryptedDns, Effect::None, "ALPN says DNS", hello.server_name.text());
    }
  }
  void hidden(std::string_view outer) override { put(Rule::NameHidden, Effect::None, {}, outer); }
  void unread(std::string_view why) override { unseen(Rule::HandshakeUnread, why); }
  void conflict() override { unseen(Rule::StreamConflict, {}); }
  // Something that may have hidden a name: it counts where a name would have.
  void unseen(Rule rule, std::string_view why) {
    put(about(rule, toward_outsiders() && !permitted() ? Effect::Inconclusive : Effect::None, why, true));
  }

  const Boundary& boundary;
  const Policy& policy;
  MarkSink& marks;
  NameSink& names;
  const TunnelPorts ports;
  FlowTable flows;
  Application application;
  FragmentTable fragments;
  std::vector<FragmentPorts> fragment_ports;
  Counts counts;

  std::vector<const Point*> points;  // by place
  Packet packet;
  std::string detail;
};

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
  const Shim shims[] = {{packet.vlan_tags != 0, 0x8100, Rule::UndeclaredTag},
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
  if (!offered.read_to_end) put(Rule::RogueOffer, Effect::None, "options that contradict themselves");
}

void Classifier::State::level(std::size_t index) {
  Level& at = packet.levels[index];
  now = &at;
  flow = {};
  level_class = Class::Undecodable;
  if (at.routed || at.route_unread) route();

  const bool later_fragment = at.fragment && at.fragment_offset != 0;
  if (!at.has_protocol || later_fragment ||
      ((at.protocol == ip_protocol::kTcp || at.protocol == ip_protocol::kUdp || at.protocol == ip_protocol::kSctp) &&
       !at.has_ports)) {
    Level with_ports;
    const bool known = later_fragment && known_fragment(at, with_ports);
    return judge(index, service_of(known ? with_ports : at, true), known);
  }

  FlowKey key;
  key.source = at.source;
  key.destination = at.destination;
  key.protocol = at.protocol;
  key.place = now_place | static_cast<std::uint32_t>(index) << 24;
  if (at.has_ports) {
    key.source_port = at.source_port;
    key.destination_port = at.destination_port;
  } else if (at.has_icmp) {
    std::uint16_t id = static_cast<std::uint16_t>(at.icmp_type << 8 | at.icmp_code);
    if (is_echo(at) && at.payload_length >= 6) {
      id = static_cast<std::uint16_t>(buffer[at.payload_offset + 4] << 8 | buffer[at.payload_offset + 5]);
    }
    key.source_port = key.destination_port = id;
  }
  flow = flows.touch(key, at.has_tcp ? at.tcp_flags : 0, now_frame->original, now_frame->time);
  if (index == 0) first_flow = flow;
  if (flow.created) {
    const bool opener_sent = packet.direction == Direction::Unknown || sent == flow.from_opener;
    if (opener_sent) flow.flow->notes[kNoteCounted] |= kOpenerSent;
    flow.flow->notes[kNoteClean] = now_point->file << 16;
    flow.flow->notes[kNoteNumber] = static_cast<std::uint32_t>(now_frame->number);
  }

  if (flow.flow != nullptr && !at.routed && !at.route_unread) {
    const std::uint32_t clean = flow.flow->notes[kNoteClean] >> (flow.from_opener ? 0 : 8) & 0xff;
    if (clean != kUnknown) {
      level_class = kCleanClass[clean];
      if (index == 0 && worst == nullptr) cls = level_class;
      return;
    }
  }
  judge(index, service_of(at, flow.flow == nullptr || flow.from_opener), true);
}

// A source route says where the packet goes on to: that address counts like a destination.
void Classifier::State::route() {
  if (now->route_unread) put(Rule::Malformed, effect_of(Rule::Malformed), "a source route that cannot be followed");
  if (!now->routed || boundary.inside(now->final_destination)) return;
  detail = "by way of " + to_string(now->destination);
  Mark mark = about(Rule::SourceRouteLeads, effect_of(Rule::SourceRouteLeads), detail);
  mark.destination = now->final_destination;
  mark.label = boundary.label(now->final_destination);
  if (sent) put(mark);
}

void Classifier::State::judge(std::size_t index, const Service& service, bool ports_known) {
  const bool to_inside = boundary.inside(now->destination);
  const RuleInfo* before = worst;
  if (to_inside && boundary.inside(now->source)) {
    both_inside(index, service);
  } else if (to_inside) {
    level_class = Class::OutsideInbound;
    const Judgement opened = flow.from_opener && flow.flow != nullptr && flow.flow->opened != Opened::FirstSeen
                                 ? Judgement{}
                                 : boundary.decide(now->destination, now->source, service.protocol,
                                                   service_of(*now, false).selector, day_of(now_frame->time));
    if (opened.decision == Decision::Excepted && ports_known) {  // the answer to what an exception let out
      level_class = Class::Excepted;
      counts.exceptions |= std::uint64_t{1} << std::min<std::size_t>(*opened.exception, 63);
      Mark mark = about(Rule::ExceptionBy, Effect::None, policy.exceptions[*opened.exception].ticket);
      std::swap(mark.source, mark.destination);
      mark.port = now->has_ports ? now->source_port : -1;
      mark.label = boundary.label(now->source);
      put(mark);
    } else if (flow.flow == nullptr || flow.from_opener) {  // an answer to what left is part of that escape
      put(Rule::Inbound, Effect::None, {}, {}, boundary.label(now->source));
    }
  } else {
    outward(index, service, ports_known);
  }
  if (index == 0 && worst == before && worst == nullptr) cls = level_class;
}

void Classifier::State::both_inside(std::size_t index, const Service& service) {
  const bool forward = flow.flow == nullptr || flow.from_opener;
  const Ip opener = forward ? now->source : now->destination;
  const Ip other = forward ? now->destination : now->source;
  Judgement judgement = boundary.decide(opener, other, service.protocol, service.selector, std::nullopt);
  if (judgement.decision != Decision::InsideDeclared &&
      (flow.flow == nullptr || flow.flow->opened == Opened::FirstSeen)) {
    // Nobody saw who opened: a declared flow the other way round explains the packet too.
    const Judgement turned =
        boundary.decide(other, opener, service.protocol, service_of(*now, !forward).selector, std::nullopt);
    if (turned.decision == Decision::InsideDeclared) judgement = turned;
  }
  const bool tunnel =
      boundary.declared_tunnel(now->source, now->destination, service.protocol, service_of(*now, true).selector) ||
      boundary.declared_tunnel(now->destination, now->source, service.protocol, service_of(*now, false).selector);
  Clean clean = kUnknown;
  if (judgement.decision == Decision::InsideDeclared || tunnel) {
    level_class = Class::InsideDeclared;
    clean = kDeclared;
  } else if (judgement.decision == Decision::InsideCluster) {
    level_class = Class::InsideCluster;
    clean = kCluster;
  } else {
    level_class = Class::InsideUndeclared;
    if (flow.flow != nullptr) put(about(Rule::InsideUndeclared, Effect::None, {}, true));
  }
  if (const auto embedded = embedded_ipv4(now->destination); embedded && !boundary.inside(Ip::v4(embedded->address))) {
    detail = to_string(Ip::v4(embedded->address)) + ", " + std::string(embedded->mechanism);
    put(Rule::EmbeddedOutside, Effect::None, detail, {}, boundary.label(now->destination));
    clean = kUnknown;
  }
  if (service.port == 853 && forward && (service.protocol == Protocol::Tcp || service.protocol == Protocol::Udp)) {
    put(Rule::EncryptedDns, Effect::None, "port 853");
    clean = kUnknown;
  }
  if (clean != kUnknown && flow.flow != nullptr && index < kMaxLevels) {
    flow.flow->notes[kNoteClean] |= static_cast<std::uint32_t>(clean) << (flow.from_opener ? 0 : 8);
  }
}

// The destination is outside.
void Classifier::State::outward(std::size_t index, const Service& service, bool ports_known) {
  level_class = Class::Escape;
  const Label label = boundary.label(now->destination);
  if (!sent) {
    level_class = Class::OutsideInbound;
    return put(Rule::ReceivedForOutside, Effect::None, {}, {}, label);
  }
  const bool reply = flow.flow != nullptr && !flow.from_opener;
  const bool guessed = flow.flow == nullptr || flow.flow->opened == Opened::FirstSeen;
  const std::optional<Date> day = day_of(now_frame->time);
  Judgement judgement;
  if (!reply || guessed) {
    judgement = boundary.decide(now->source, now->destination, service.protocol, service_of(*now, true).selector, day);
    if (!ports_known && judgement.decision == Decision::Excepted) judgement = {};
  }
  if (judgement.decision == Decision::InsideDeclared) {  // a declared multicast group
    level_class = Class::LinkLocal;
    return;
  }
  if (judgement.decision == Decision::Excepted) {
    level_class = Class::Excepted;
    counts.exceptions |= std::uint64_t{1} << std::min<std::size_t>(*judgement.exception, 63);
    if (policy.is_pod(policy.exceptions[*judgement.exception].from)) counts.excepted_by_pods = true;
    Mark mark = about(Rule::ExceptionBy, Effect::None, policy.exceptions[*judgement.exception].ticket);
    mark.label = label;
    if (index == 0) mark.fingerprint = fingerprint();
    return put(mark);
  }

  Rule rule = index != 0 ? Rule::InnerLeft : reply ? Rule::ReplyLeft : Rule::PacketLeft;
  detail.clear();
  if (index != 0) detail = std::string(to_string(now->carrier)) + ", level " + std::to_string(index + 1);
  if (now_point->role == Role::PodSide) {
    if (index == 0) rule = Rule::AttemptUnresolved;
  } else if (!reply) {
    for (const Exception& exception : policy.exceptions) {
      if (!exception.to.contains(now->destination)) continue;
      const bool expired = day && *day > exception.expires;
      const bool fits = !ports_known || exception.services.contains(service.protocol, service_of(*now, true).selector);
      const bool untold = policy.is_pod(exception.from) && boundary.place(now->source).node;
      detail = exception.ticket;
      if (expired) {
        rule = Rule::ExceptionExpired;
        detail += ", expired " + to_string(exception.expires);
      } else if (!fits) {
        rule = Rule::ExceptionMisused;
        detail += " is for " + to_string(exception.services);
      } else if (untold || !day || !ports_known) {
        rule = Rule::ExceptionUntold;
        detail += !day           ? ", but the packet has no time"
                  : !ports_known ? ", but a later fragment shows no port"
                                 : " is for pods, and a node's address is their sender";
        break;
      } else {
        rule = Rule::ExceptionMisused;
        detail += " is another's";
      }
    }
  }
  Mark mark = about(rule, effect_of(rule), detail);
  if (reply) mark.port = now->has_ports ? now->source_port : -1;
  if (rule == Rule::AttemptUnresolved) mark.cls = Class::Unresolved;
  mark.label = label;
  if (index == 0) mark.fingerprint = fingerprint();
  level_class = mark.cls;
  put(mark);
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
      return put(Rule::Truncated, effect_of(Rule::Truncated), packet.why);
    case Outcome::Malformed:
      ++counts.undecoded;
      return put(Rule::Malformed, effect_of(Rule::Malformed), packet.why);
    case Outcome::Unsupported:
      ++counts.undecoded;
      if (!tunnelled) return put(Rule::UnknownLink, effect_of(Rule::UnknownLink), packet.why);
      if (level_class != Class::InsideDeclared) put(Rule::TunnelOpaque, effect_of(Rule::TunnelOpaque), packet.why);
      return;
    case Outcome::TooDeep: {
      ++counts.undecoded;
      const Rule rule = packet.level_count > 1 ? Rule::TunnelTooDeep : Rule::Malformed;
      return put(rule, effect_of(rule), packet.why);
    }
  }
}

// Names in the innermost level.
void Classifier::State::payload(std::size_t index) {
  const Level& at = packet.levels[index];
  if (at.fragment) return fragment(index);
  if (!at.has_ports || packet.outcome == Outcome::Opaque) return;
  now = &at;
  if (flow.flow == nullptr) return;
  application.see(at, flow, buffer.subspan(at.payload_offset, at.payload_length), at.payload_missing != 0);
}

bool Classifier::State::known_fragment(const Level& at, Level& with_ports) {
  const std::uint64_t hash = mix(mix(mix(at.fragment_id, static_cast<std::uint64_t>(at.source.bits())),
                                     static_cast<std::uint64_t>(at.destination.bits())),
                                 now_place + at.protocol);
  FragmentPorts& place = fragment_ports[hash % kFragmentPorts];
  const bool same = place.used && place.source == at.source && place.destination == at.destination &&
                    place.id == at.fragment_id && place.place == now_place && place.protocol == at.protocol;
  if (at.has_ports) {
    place = {at.source,   at.destination, at.fragment_id, now_place,
             at.protocol, true,           at.source_port, at.destination_port};
    return true;
  }
  if (!same) return false;
  with_ports = at;
  with_ports.has_ports = true;
  with_ports.source_port = place.source_port;
  with_ports.destination_port = place.destination_port;
  return true;
}

void Classifier::State::fragment(std::size_t index) {
  Level& at = packet.levels[index];
  now = &at;
  ++counts.fragments;
  if (at.has_ports) {
    Level unused;
    known_fragment(at, unused);
  }
  if (at.payload_missing != 0)
    return put(Rule::Truncated, effect_of(Rule::Truncated), "a fragment that the snap length cut");
  const Bytes bytes = buffer.subspan(at.fragment_begin, at.payload_offset + at.payload_length - at.fragment_begin);
  const FragmentNews news = fragments.add(at, bytes, now_place, now_frame->time);
  if (news.overlap) put(Rule::FragmentOverlap, effect_of(Rule::FragmentOverlap));
  if (news.oversize) put(Rule::FragmentOversize, effect_of(Rule::FragmentOversize));
  if (news.tiny) put(Rule::FragmentTiny, effect_of(Rule::FragmentTiny));
  if (news.whole.empty()) return;
  buffer = news.whole;
  at.fragment_protocol = news.protocol;
  decode_payload(news.whole, ports, packet, index);
  if (packet.levels[index].has_ports) level(index);
  for (std::size_t i = index + 1; i < packet.level_count; ++i) level(i);
  if (packet.outcome != Outcome::Ip) outcome();
  const Level& last = packet.inner();
  if (!last.fragment) payload(packet.level_count - 1u);
}

// A flow leaves the table. What is said of it is said of its opener's side, and of its first packet.
void Classifier::State::ended(std::uint32_t id, Flow& gone) {
  const FlowKey key = flows.key(id);
  Level stand_in;
  stand_in.source = gone.source_opened ? key.source : key.destination;
  stand_in.destination = gone.source_opened ? key.destination : key.source;
  stand_in.has_protocol = stand_in.has_ports = true;
  stand_in.protocol = key.protocol;
  stand_in.source_port = gone.source_opened ? key.source_port : key.destination_port;
  stand_in.destination_port = gone.source_opened ? key.destination_port : key.source_port;
  Frame frame;  // its first packet, as far as it is known still
  frame.time = gone.first;
  frame.number = gone.notes[kNoteNumber];
  Point point = *points[key.place & kPlaceMask];
  point.file = gone.notes[kNoteClean] >> 16;

  const AtHand before = *this;
  now_frame = &frame;
  now_point = &point;
  now = &stand_in;
  flow = {};
  sent = (gone.notes[kNoteCounted] & kOpenerSent) != 0;
  const Judgement opened = boundary.decide(stand_in.source, stand_in.destination, service_of(stand_in, true).protocol,
                                           service_of(stand_in, true).selector, day_of(gone.first));
  level_class = opened.decision == Decision::Excepted ? Class::Excepted : Class::InsideCluster;
  application.flow_ended(id, gone);
  static_cast<AtHand&>(*this) = before;
}

Classifier::Classifier(const Boundary& boundary, std::size_t flows, MarkSink& marks, NameSink& names)
    : state_(std::make_unique<State>(boundary, flows, marks, names)) {}

Classifier::~Classifier() = default;

const RuleInfo* Classifier::see(const Frame& frame, const Point& point, std::uint32_t place) {
  return state_->see(frame, point, place);
}

void Classifier::finish() {
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
