// The classifier, the part that judges one IP level by its addresses, its flow and its service.
#include "auditor/classify/classifier_state.h"

namespace airtight::audit {

void Classifier::State::level(std::size_t index) {
  Level& at = packet.levels[index];
  now = &at;
  flow = {};
  const Class carried_by = level_class;
  level_class = Class::Undecodable;
  if (at.routed || at.route_unread) route();
  if (index != 0 && carried_by == Class::InsideDeclared && stays_on_link(at.destination) && local_inside(at)) {
    level_class = Class::LinkLocal;
    return;
  }

  const bool later_fragment = at.fragment && at.fragment_offset != 0;
  if (!at.has_protocol || later_fragment ||
      ((at.protocol == ip_protocol::kTcp || at.protocol == ip_protocol::kUdp || at.protocol == ip_protocol::kSctp) &&
       !at.has_ports)) {
    Level with_ports;
    const bool known = later_fragment && known_fragment(at, level_place(index), with_ports);
    if (known) now = &with_ports;
    judge(index, service_of(*now, true), known);
    now = &at;
    return;
  }

  FlowKey key;
  key.source = at.source;
  key.destination = at.destination;
  key.protocol = at.protocol;
  key.place = level_place(index);
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
  flow = flows.touch(key, at.has_tcp ? at.tcp_flags : 0, now_frame->original, now_frame->time,
                     at.has_tcp ? at.tcp_sequence : 0);
  if (index == 0) first_flow = flow;
  if (flow.created) {
    const bool opener_sent = packet.direction == Direction::Unknown || sent == flow.from_opener;
    flow.flow->notes[kNoteCounted] = (opener_sent ? kOpenerSent : 0) | (now_point->file & kFileMask) << kFileShift;
    flow.flow->notes[kNoteClean] = now_place << 16;
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

// What tells flows at one place, and inside one tunnel, apart from others: the outermost pair of addresses counts for
// all levels inside.
std::uint32_t Classifier::State::level_place(std::size_t index) const {
  if (index == 0) return now_place;
  const Level& outer = packet.outer();
  const bool ordered = outer.source < outer.destination;
  std::uint64_t hash = mix(now_place, index);
  for (const Ip end : {ordered ? outer.source : outer.destination, ordered ? outer.destination : outer.source}) {
    hash = mix(mix(hash, static_cast<std::uint64_t>(end.bits())), static_cast<std::uint64_t>(end.bits() >> 64));
  }
  return static_cast<std::uint32_t>(hash >> 48) << 16 | now_place;
}

// A source route says where the packet goes on to: that address counts like a destination.
void Classifier::State::route() {
  if (now->route_unread) put(Rule::Malformed, effect_of(Rule::Malformed), "a source route that cannot be followed");
  if (!now->routed || !sent) return;
  for (std::size_t i = 0; i < now->hop_count; ++i) {
    if (boundary.inside(now->hops[i])) continue;
    detail = "by way of " + to_string(now->destination);
    Mark mark = about(Rule::SourceRouteLeads, effect_of(Rule::SourceRouteLeads), detail);
    mark.destination = now->hops[i];
    mark.label = boundary.label(now->hops[i]);
    put(mark);
  }
}

void Classifier::State::judge(std::size_t index, const Service& service, bool ports_known) {
  const bool to_inside = boundary.inside(now->destination);
  const RuleInfo* before = worst;
  if (to_inside && boundary.inside(now->source)) {
    both_inside(service);
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

void Classifier::State::both_inside(const Service& service) {
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
  if (now->has_icmp) clean = kUnknown;  // types and codes share a flow
  if (clean != kUnknown && flow.flow != nullptr) {
    const unsigned shift = flow.from_opener ? 0 : 8;
    std::uint32_t& note = flow.flow->notes[kNoteClean];
    note = (note & ~(0xffu << shift)) | static_cast<std::uint32_t>(clean) << shift;
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
    (policy.is_pod(policy.exceptions[*judgement.exception].from) ? counts.excepted_by_pods : counts.excepted_by_nodes) =
        true;
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

bool Classifier::State::known_fragment(const Level& at, std::uint32_t place, Level& with_ports) {
  const std::uint64_t hash = mix(mix(mix(at.fragment_id, static_cast<std::uint64_t>(at.source.bits())),
                                     static_cast<std::uint64_t>(at.destination.bits())),
                                 std::uint64_t{place} << 8 | at.protocol);
  FragmentPorts& kept = fragment_ports[hash % kFragmentPorts];
  if (at.has_ports) {
    kept = {at.source, at.destination, at.fragment_id, place, at.protocol, true, at.source_port, at.destination_port};
    return true;
  }
  const bool same = kept.used && kept.source == at.source && kept.destination == at.destination &&
                    kept.id == at.fragment_id && kept.place == place && kept.protocol == at.protocol;
  if (!same) return false;
  with_ports = at;
  with_ports.has_ports = true;
  with_ports.source_port = kept.source_port;
  with_ports.destination_port = kept.destination_port;
  return true;
}

}  // namespace airtight::audit
