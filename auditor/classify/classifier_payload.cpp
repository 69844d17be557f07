// The classifier, the part that judges what is inside: fragments put together, and what applications say.
#include "auditor/classify/classifier_state.h"

namespace airtight::audit {

// Names in the innermost level.
void Classifier::State::payload(std::size_t index) {
  const Level& at = packet.levels[index];
  if (at.fragment) return fragment(index);
  if (!at.has_ports) return;  // what a port alone says to be opaque may be read all the same
  now = &at;
  if (flow.flow == nullptr) return;
  application.see(at, flow, buffer.subspan(at.payload_offset, at.payload_length), at.payload_missing != 0);
}

void Classifier::State::fragment(std::size_t index) {
  Level& at = packet.levels[index];
  now = &at;
  ++counts.fragments;
  if (at.has_ports) {
    Level unused;
    known_fragment(at, level_place(index), unused);
  }
  if (at.payload_missing != 0)
    return put(Rule::Truncated, effect_of(Rule::Truncated), "a fragment that the snap length cut");
  const Bytes bytes = buffer.subspan(at.fragment_begin, at.payload_offset + at.payload_length - at.fragment_begin);
  const FragmentNews news = fragments.add(at, bytes, level_place(index), now_frame->time);
  if (news.overlap) put(Rule::FragmentOverlap, effect_of(Rule::FragmentOverlap));
  if (news.oversize) put(Rule::FragmentOversize, effect_of(Rule::FragmentOversize));
  if (news.tiny) put(Rule::FragmentTiny, effect_of(Rule::FragmentTiny));
  if (news.contradiction) put(Rule::FragmentOverlap, effect_of(Rule::FragmentOverlap), "two ends of one datagram");
  for (const LostDatagram& lost : news.lost) never_whole(lost);
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

// A datagram whose fragments will not come together: what stood in it was not read. Where names do not matter, its
// addresses are enough.
void Classifier::State::never_whole(const LostDatagram& lost) {
  const Point& point = *points[lost.interface & kPlaceMask];
  const Boundary::Place to = boundary.place(lost.destination);
  if (!to.inside || to.cluster || point.role != Role::Uplink) return;
  Frame frame;
  frame.time = lost.time;
  Mark mark;
  mark.rule = Rule::HandshakeUnread;
  mark.cls = info(mark.rule).cls;
  mark.effect = Effect::Inconclusive;
  mark.has_addresses = true;
  mark.source = lost.source;
  mark.destination = lost.destination;
  mark.protocol = lost.protocol;
  mark.detail = "fragments of a datagram that was never whole";
  marks.mark(frame, point, mark);
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
  Point point = *points[gone.notes[kNoteClean] >> 16];
  point.file = gone.notes[kNoteCounted] >> kFileShift & kFileMask;

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

bool Classifier::State::is_outside(Ip ip) const {
  // The unspecified address hands out nothing: resolvers give it to say no.
  return ip.bits() != 0 && !boundary.inside(ip);
}

void Classifier::State::dns_question(const DnsHeader&, std::string_view name, std::uint16_t) {
  const bool inside = boundary.inside_name(name);
  names.seen(NameFrom::Dns, name, inside);
  if (inside) return;
  const Boundary::Place to = boundary.place(now->destination);
  const Label label = boundary.label_name(name);
  if ((to.resolver && at_resolver_port()) || level_class == Class::LinkLocal)
    return put(Rule::NameAsked, Effect::None, {}, name, label);
  Effect effect = effect_of(Rule::NameAskedOutside);
  if (to.inside && sent) effect = Effect::Violated;  // whoever answers there is nobody's resolver: it may ask on
  put(Rule::NameAskedOutside, permitted() ? Effect::None : effect, {}, name, label);
}

// Whether the port at hand is one on which a declared resolver answers: 53, or as the policy says.
bool Classifier::State::at_resolver_port() const {
  const Service service = service_of(*now, true);
  if (service.selector == 53) return true;
  if (policy.cluster.dns && policy.cluster.dns->ports.contains(service.protocol, service.selector)) return true;
  return std::any_of(policy.endpoints.begin(), policy.endpoints.end(), [&](const Endpoint& endpoint) {
    return endpoint.role == airtight::Role::Dns && endpoint.addresses.contains(now->destination) &&
           endpoint.ports.contains(service.protocol, service.selector);
  });
}

void Classifier::State::dns_response(const DnsHeader& header, std::string_view name, std::uint16_t,
                                     const DnsAnswers& answers) {
  if (!boundary.inside(now->source)) return;
  if (boundary.inside_name(name)) {
    if (answers.has_outside) {
      detail = "answered with " + to_string(answers.outside);
      put(Rule::AnswerOutside, Effect::None, detail, name, boundary.label(answers.outside));
    }
    return;
  }
  const bool denied = header.rcode != 0 && answers.records == 0;  // with an alias or an address, somebody was asked
  const bool inside_only = answers.addresses != 0 && !answers.has_outside && answers.whole;
  if (denied || inside_only) return;
  detail = answers.has_outside    ? "answered with " + to_string(answers.outside)
           : answers.records == 0 ? std::string("answered without a denial")
                                  : std::string("answered with other records");
  put(Rule::ResolverHasUpstream, Effect::Inconclusive, detail, name, boundary.label_name(name));
}

void Classifier::State::named(NameFrom from, std::string_view name) {
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

void Classifier::State::hello(NameFrom, const ClientHello& hello) {
  if (hello.alpn_dns && boundary.inside(now->destination)) {
    put(Rule::EncryptedDns, Effect::None, "ALPN says DNS", hello.server_name.text());
  }
}

void Classifier::State::hidden(std::string_view outer) { put(Rule::NameHidden, Effect::None, {}, outer); }
void Classifier::State::unread(std::string_view why) { unseen(Rule::HandshakeUnread, why); }
void Classifier::State::conflict() { unseen(Rule::StreamConflict, {}); }
// Something that may have hidden a name: it counts where a name would have.
void Classifier::State::unseen(Rule rule, std::string_view why) {
  if (!boundary.inside(now->destination)) return;  // judged by its address, whatever it says
  put(about(rule, toward_outsiders() && !permitted() ? Effect::Inconclusive : Effect::None, why, true));
}

}  // namespace airtight::audit
