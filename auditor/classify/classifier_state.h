// The classifier from inside: what its parts share. classifier.cpp goes from a frame to its levels,
// classifier_level.cpp judges a level by its addresses, classifier_payload.cpp what is in it.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "auditor/classify/classifier.h"
#include "auditor/decode/fragments.h"
#include "auditor/decode/local_protocols.h"
#include "auditor/decode/packet.h"

namespace airtight::audit {

// Flow::notes that are the classifier's; the others are Application's.
inline constexpr std::size_t kNoteClean =
    3;  // a Clean a direction in the low two bytes; the place of its first packet above
inline constexpr std::size_t kNoteCounted =
    4;  // a bit for each class in which the flow was counted; file of its first packet; kOpenerSent
inline constexpr std::size_t kNoteNumber = 5;  // the number of its first packet, as far as 32 bits go
inline constexpr std::uint32_t kOpenerSent = 1u << 31;
inline constexpr unsigned kFileShift = 16;
inline constexpr std::uint32_t kFileMask = 0x7fff;
inline constexpr std::uint32_t kPlaceMask = kMaxPlaces - 1;

// What is known of one direction of a flow, so that its later packets need no judgement.
enum Clean : std::uint32_t { kUnknown, kDeclared, kCluster };
inline constexpr Class kCleanClass[] = {Class::InsideDeclared, Class::InsideDeclared, Class::InsideCluster};

// The service of a packet, as flows and exceptions name it, seen from whoever opened.
struct Service {
  Protocol protocol = Protocol::Other;
  std::uint16_t selector = 0;
  std::int32_t port = -1;  // for people
};

inline bool is_echo(const Level& level) {
  return level.protocol == ip_protocol::kIcmp ? level.icmp_type == 8 || level.icmp_type == 0
                                              : level.icmp_type == 128 || level.icmp_type == 129;
}

inline Service service_of(const Level& level, bool from_opener) {
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

inline std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
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
inline constexpr std::size_t kFragmentPorts = 1024;

inline bool is_link_local(Ip ip) { return !ip.is_v4() && ip.bits() >> 118 == 0x3fa; }
inline constexpr Ip kBroadcast = Ip::v4(0xffffffff);
inline constexpr Ip kAllDhcpServers = Ip::v6(static_cast<u128>(0xff05u) << 112 | 0x10003u);  // RFC 8415 §7.1
inline bool stays_on_link(Ip ip) {
  if (ip.is_v4()) return ip == kBroadcast;
  const auto first = static_cast<std::uint16_t>(ip.bits() >> 112);
  return is_link_local(ip) || first == 0xff01 || first == 0xff02;
}

TunnelPorts tunnel_ports(const Policy& policy);

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
  bool local_inside(const Level& level);
  void offer(const LocalMessage& message);
  void level(std::size_t index);
  void route();
  std::uint32_t level_place(std::size_t index) const;
  void judge(std::size_t index, const Service& service, bool ports_known);
  void both_inside(const Service& service);
  void outward(std::size_t index, const Service& service, bool ports_known);
  void outcome();
  void payload(std::size_t index);
  void fragment(std::size_t index);
  bool known_fragment(const Level& level, std::uint32_t place, Level& with_ports);
  void never_whole(const LostDatagram& lost);
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
    for (std::size_t i = 0; i < std::min<std::size_t>(payload.size(), 256); ++i) hash = mix(hash, payload[i]);
    return hash == 0 ? 1 : hash;
  }

  // --- what applications say
  bool is_outside(Ip) const override;
  void dns_question(const DnsHeader&, std::string_view name, std::uint16_t type) override;
  void dns_response(const DnsHeader&, std::string_view name, std::uint16_t type, const DnsAnswers&) override;
  void named(NameFrom, std::string_view name) override;
  void hello(NameFrom, const ClientHello&) override;
  void hidden(std::string_view outer_name) override;
  void unread(std::string_view why) override;
  void conflict() override;
  void unseen(Rule rule, std::string_view why);
  bool at_resolver_port() const;
  bool toward_outsiders() const {
    return now_point->role == Role::Uplink && sent && !boundary.place(now->destination).cluster;
  }
  bool permitted() const { return level_class == Class::Excepted; }  // the exception is the permission, names included

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
  Packet alone;  // a level by itself, for local_inside()
  std::string detail;
};

}  // namespace airtight::audit
