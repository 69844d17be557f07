#include "auditor/classify/application.h"

#include <algorithm>
#include <cstring>

namespace airtight::audit {

namespace {

// What Flow::notes hold.
constexpr std::size_t kNoteStreams = 0;   // StreamId of side 0 in the low half, of side 1 in the high half
constexpr std::size_t kNoteReader = 1;    // HTTP/2 reader + 1 in the low half; UDP packets looked at in the high half
constexpr std::size_t kNoteState = 2;     // a State a side in the low byte, then flags
constexpr std::size_t kNoteSequence = 6;  // and 7: the next sequence number of each side

enum State : std::uint32_t {
  kFresh,  // nothing seen
  kSniff,  // the beginning of something: what it is, or all of it, is not known yet
  kHttp1,  // at the beginning of a request
  kHttp2,
  kDns,
  kLoose,  // HTTP/1 behind a body of unknown length: a segment may begin with a request
  kDone,   // nothing more to be seen
};

enum Flag : std::uint32_t {
  kSequenceKnown = 1u << 8,  // and bit 9: of each side
  kSynSeen = 1u << 12,       // and bit 13
  kEncrypted = 1u << 14,     // counted
  kMidway = 1u << 15,        // counted
  kQuicPending = 1u << 16,   // Initials without a whole hello so far
  kQuicAsked = 1u << 17,     // the QUIC table may hold something of the flow
};

constexpr std::size_t kMaxPiecing = 8u << 20;  // bytes parsed again and again for one stream; more is an attack
constexpr unsigned kUdpLooks = 24;             // packets of a UDP flow in which a protocol must show itself
constexpr std::size_t kStreams = 16'384;
constexpr std::size_t kHttp2Readers = 64;

State state(const Flow& flow, unsigned side) { return static_cast<State>(flow.notes[kNoteState] >> (4 * side) & 15); }
void set_state(Flow& flow, unsigned side, State to) {
  flow.notes[kNoteState] = (flow.notes[kNoteState] & ~(15u << (4 * side))) | static_cast<std::uint32_t>(to)
                                                                                 << (4 * side);
}
bool flagged(const Flow& flow, Flag flag, unsigned side = 0) { return (flow.notes[kNoteState] & flag << side) != 0; }
void set_flag(Flow& flow, Flag flag, unsigned side = 0) { flow.notes[kNoteState] |= flag << side; }
void clear_flag(Flow& flow, Flag flag) { flow.notes[kNoteState] &= ~static_cast<std::uint32_t>(flag); }

StreamId stream_of(const Flow& flow, unsigned side) { return flow.notes[kNoteStreams] >> (16 * side) & 0xffff; }
void set_stream(Flow& flow, unsigned side, StreamId id) {
  flow.notes[kNoteStreams] = (flow.notes[kNoteStreams] & ~(0xffffu << (16 * side))) | id << (16 * side);
}

bool is_dns_port(std::uint16_t port) { return port == 53 || port == 5353 || port == 5355; }
bool on_dns_port(const Level& level) { return is_dns_port(level.source_port) || is_dns_port(level.destination_port); }

bool count_once(Flow& flow, Flag flag) {
  if (flagged(flow, flag)) return false;
  set_flag(flow, flag);
  return true;
}

// A preamble that some protocols put before what we look for. `consumed` of it; waiting if it may be one and is not
// whole.
struct Preamble {
  std::size_t consumed = 0;
  bool waiting = false;
};

bool begins(Bytes stream, std::string_view with, bool& partly) {
  const std::size_t size = std::min(stream.size(), with.size());
  if (std::memcmp(stream.data(), with.data(), size) != 0) return false;
  partly = size < with.size();
  return !partly;
}

// PostgreSQL's SSLRequest and GSSENCRequest; HAProxy's PROXY header, versions 1 and 2.
Preamble read_preamble(Bytes stream) {
  static constexpr std::string_view kFixed[] = {{"\0\0\0\x08\x04\xd2\x16\x2f", 8}, {"\0\0\0\x08\x04\xd2\x16\x30", 8}};
  static constexpr std::string_view kProxy1 = "PROXY ";
  static constexpr std::string_view kProxy2{"\r\n\r\n\0\r\nQUIT\n", 12};
  bool waiting = false;
  bool partly = false;
  for (const std::string_view request : kFixed) {
    if (begins(stream, request, partly)) return {request.size(), false};
    waiting |= partly;
    partly = false;
  }
  if (begins(stream, kProxy1, partly)) {
    const std::size_t reach = std::min<std::size_t>(stream.size(), 108);
    for (std::size_t i = 0; i < reach; ++i)
      if (stream[i] == '\n') return {i + 1, false};
    return {0, stream.size() < 108};
  }
  waiting |= partly;
  partly = false;
  if (begins(stream, kProxy2, partly)) {
    if (stream.size() < 16) return {0, true};
    const std::size_t size = 16u + (static_cast<std::size_t>(stream[14]) << 8 | stream[15]);
    return stream.size() < size ? Preamble{0, true} : Preamble{size, false};
  }
  return {0, waiting || partly};
}

bool begins_tls(Bytes stream) { return stream[0] == 22 && (stream.size() < 2 || stream[1] == 3); }

// Whether a ClientHello that the first record announces cannot be whole yet: saves reading it again at every segment.
bool hello_surely_short(Bytes stream) {
  if (stream.size() < 9) return stream.size() < 6;
  const std::size_t message =
      static_cast<std::size_t>(stream[6]) << 16 | static_cast<std::size_t>(stream[7]) << 8 | stream[8];
  return message <= kMaxHello && stream.size() < 5 + 4 + message;
}

// A length prefix of DNS over TCP whose message is not whole, and that so far looks like a question or an answer.
bool may_become_dns(Bytes stream) {
  if (stream.size() < 2) return stream[0] < 16;
  const unsigned length = static_cast<unsigned>(stream[0]) << 8 | stream[1];
  if (length < 17 || length > 4096) return false;
  if (stream.size() < 14) return true;
  const unsigned questions = static_cast<unsigned>(stream[6]) << 8 | stream[7];
  return questions == 1 && (stream[4] & 0x78) == 0 && stream.size() < length + 2;
}

// NetBIOS name service (RFC 1002) looks like DNS: its questions are of types 32 and 33, and name no host of the DNS.
bool asks_netbios(const Level& level, Bytes message) {
  if (level.source_port != 137 && level.destination_port != 137) return false;
  std::size_t at = 12;
  while (at < message.size() && message[at] != 0 && message[at] < 64) at += message[at] + 1u;
  return at + 2 < message.size() && message[at + 1] == 0 && (message[at + 2] == 32 || message[at + 2] == 33);
}

bool ssh(Bytes stream) { return stream.size() >= 4 && std::memcmp(stream.data(), "SSH-", 4) == 0; }

}  // namespace

std::string_view to_string(NameFrom from) {
  static constexpr std::string_view kNames[] = {"DNS question",     "TLS server name", "DTLS server name",
                                                "QUIC server name", "HTTP host",       "HTTP CONNECT",
                                                "HTTP/2 authority", "SOCKS request"};
  return kNames[static_cast<std::size_t>(from)];
}

struct Application::Dns final : DnsSink {
  explicit Dns(ApplicationSink& to) : sink(to) {}

  void question(const DnsHeader& header, const NameText& name, std::uint16_t type, std::uint16_t) override {
    if (questions++ == 0) first = name, first_type = type;
    if (!header.response) sink.dns_question(header, name.text(), type);
  }
  void address(const DnsHeader&, DnsSection section, const NameText&, std::uint16_t, Ip ip) override {
    if (section != DnsSection::Answer) return;
    ++answers.addresses;
    if (!answers.has_outside && sink.is_outside(ip)) answers.has_outside = true, answers.outside = ip;
  }
  void target(const DnsHeader&, DnsSection section, const NameText&, std::uint16_t, const NameText&) override {
    if (section == DnsSection::Answer) ++answers.targets;
  }
  void record(const DnsHeader&, DnsSection section, const NameText&, std::uint16_t, bool) override {
    if (section == DnsSection::Answer) ++answers.records;
  }

  ApplicationSink& sink;
  unsigned questions = 0;
  NameText first;
  std::uint16_t first_type = 0;
  DnsAnswers answers;
};

Application::Application(ApplicationSink& sink)
    : sink_(sink), streams_(kStreams), spent_(kStreams + 1), scratch_(kMaxHello) {
  http2_readers_.resize(kHttp2Readers);
  for (std::uint32_t i = kHttp2Readers; i > 0; --i) free_readers_.push_back(i - 1);
}

Application::~Application() = default;

void Application::see(const Level& level, FlowRef flow, Bytes payload, bool cut) {
  if (level.protocol == ip_protocol::kTcp) {
    if (level.has_tcp) tcp(level, flow, payload, cut);
  } else if (level.protocol == ip_protocol::kUdp) {
    udp(level, flow, payload, cut);
  }
}

// --- UDP

void Application::udp(const Level& level, FlowRef at, Bytes payload, bool cut) {
  Flow& flow = *at.flow;
  if (on_dns_port(level)) {
    if (!payload.empty()) dns(payload, cut);
    return;
  }
  if (payload.empty()) return;
  if (may_be_quic_initial(payload)) return quic(at, payload, cut);
  if (payload[0] == 22 && payload.size() > 2 && payload[1] == 0xfe) return dtls(flow, payload, cut);
  const unsigned side = at.from_opener ? 0 : 1;
  if (state(flow, side) == kDone) return;
  if (looks_like_dns(payload) && !asks_netbios(level, payload)) return dns(payload, cut);
  const std::uint32_t looks = (flow.notes[kNoteReader] >> 16) + 1;
  flow.notes[kNoteReader] = (flow.notes[kNoteReader] & 0xffff) | looks << 16;
  if (looks >= kUdpLooks) set_state(flow, 0, kDone), set_state(flow, 1, kDone);
}

// Every Initial is read, however late: after a Retry or a version negotiation another hello may follow, with another
// name.
void Application::quic(FlowRef at, Bytes payload, bool cut) {
  Flow& flow = *at.flow;
  const unsigned side = at.from_opener ? 0 : 1;
  set_flag(flow, kQuicAsked);
  const QuicStatus status = quic_.read(2ull * at.id + side, payload, hello_);
  const char* why = nullptr;
  switch (status) {
    case QuicStatus::Found:
      ++counts_.quic_hellos;
      clear_flag(flow, kQuicPending);
      said(NameFrom::Quic, hello_);
      break;
    case QuicStatus::NeedMore:
      set_flag(flow, kQuicPending);
      if (cut) why = "a QUIC Initial that the snap length cut";
      break;
    case QuicStatus::Malformed:
      why = cut ? "a QUIC Initial that the snap length cut" : "a QUIC Initial that contradicts itself";
      break;
    case QuicStatus::UnknownVersion:
      why = "a QUIC version whose Initial cannot be decrypted";
      break;
    case QuicStatus::Undecryptable:
      why = cut ? "a QUIC Initial that the snap length cut" : "a QUIC Initial that its own keys do not open";
      break;
    case QuicStatus::ServerInitial:
    case QuicStatus::Handshake:
    case QuicStatus::ShortHeader:
    case QuicStatus::Retry:
    case QuicStatus::VersionNegotiation:
    case QuicStatus::NotQuic:
      return;
  }
  if (count_once(flow, kEncrypted)) ++counts_.encrypted_flows;
  if (why == nullptr || (side == 1 && flow.opened != Opened::FirstSeen)) return;
  clear_flag(flow, kQuicPending);
  sink_.unread(why);
}

void Application::dtls(Flow& flow, Bytes payload, bool cut) {
  switch (read_dtls_client_hello(payload, hello_)) {
    case HelloStatus::Found:
      ++counts_.tls_hellos;
      if (count_once(flow, kEncrypted)) ++counts_.encrypted_flows;
      return said(NameFrom::Dtls, hello_);  // a second hello follows the server's cookie: another name may stand in it
    case HelloStatus::NeedMore:
      return sink_.unread(cut ? "a DTLS ClientHello that the snap length cut"
                              : "a DTLS ClientHello in several datagrams");
    case HelloStatus::Malformed:
      return sink_.unread("a DTLS ClientHello that contradicts itself");
    case HelloStatus::NotHello:
      return;
  }
}

void Application::dns(Bytes message, bool cut) {
  Dns reader(sink_);
  DnsHeader header;
  const DnsStatus status = read_dns(message, cut, header, reader);
  if (status == DnsStatus::NotDns) return sink_.unread("what is on a DNS port is no DNS message");
  reader.answers.whole = status == DnsStatus::Ok && !header.tc;
  if (header.response) {
    ++counts_.dns_answers;
    sink_.dns_response(header, reader.first.text(), reader.first_type, reader.answers);
  } else {
    counts_.dns_questions += reader.questions;
    if (status != DnsStatus::Ok) {
      sink_.unread(status == DnsStatus::Truncated ? "a DNS question that is not whole"
                                                  : "a DNS question that contradicts itself");
    }
  }
}

// --- TCP

void Application::tcp(const Level& level, FlowRef at, Bytes payload, bool cut) {
  Flow& flow = *at.flow;
  const unsigned side = at.from_opener ? 0 : 1;
  const bool syn = (level.tcp_flags & 2) != 0;
  std::uint32_t start = level.tcp_sequence;
  if (syn) {
    ++start;
    if (state(flow, side) == kFresh) {
      flow.notes[kNoteSequence + side] = start;
      set_flag(flow, kSequenceKnown, side);
      set_flag(flow, kSynSeen, side);
    }
  }
  const bool ending = (level.tcp_flags & 4) != 0 || (flow.closed & 4) != 0 || (flow.closed & 3) == 3;
  if (state(flow, side) != kDone && !payload.empty()) {
    if (state(flow, side) == kFresh && side == 1 && flow.opened != Opened::FirstSeen && !on_dns_port(level)) {
      set_state(flow, side, kDone);  // a server's bytes name nobody
    } else {
      StreamId id = stream_of(flow, side);
      std::uint32_t& expected = flow.notes[kNoteSequence + side];
      if (!flagged(flow, kSequenceKnown, side)) expected = start, set_flag(flow, kSequenceKnown, side);
      bool waiting = false;
      if (id == 0) {
        const auto ahead = static_cast<std::int32_t>(start - expected);
        if (ahead < 0) {
          const std::size_t old = std::min<std::size_t>(payload.size(), expected - start);
          payload = payload.subspan(old);
        }
        if (ahead <= 0 && !payload.empty()) {
          const std::size_t consumed = advance(at, side, level, payload, waiting);
          expected += static_cast<std::uint32_t>(consumed);
          payload = payload.subspan(std::min(consumed, payload.size()));
          start = expected;
          if (state(flow, side) == kDone) payload = {};
          if (cut && waiting && state(flow, side) != kDone) {
            give_up(flow, side, "the snap length cut the beginning of a connection");
            payload = {};
          } else if (cut && state(flow, side) != kDone) {
            if (state(flow, side) == kDns)
              give_up(flow, side, "the snap length cut DNS over TCP");
            else if (state(flow, side) == kHttp1)
              set_state(flow, side, kLoose);
          }
        } else if (ahead > 0 && state(flow, side) == kLoose) {
          expected = start;
          const std::size_t consumed = advance(at, side, level, payload, waiting);
          expected += static_cast<std::uint32_t>(std::max(consumed, payload.size()));
          payload = {};
        }
        if (!payload.empty()) {
          id = streams_.open(expected);
          if (id == 0) {
            ++counts_.unread_streams;
            give_up(flow, side, "there was no room to put a connection in order");
          } else {
            set_stream(flow, side, id);
            spent_[id] = 0;
            if (state(flow, side) == kFresh) set_state(flow, side, kSniff);
            if (streams_.add(id, start, payload) == StreamNews::Gap)
              give_up(flow, side, "bytes of a connection's beginning are missing");
            else if (cut)
              give_up(flow, side, "the snap length cut the beginning of a connection");
          }
        }
      } else {
        switch (streams_.add(id, start, payload)) {
          case StreamNews::Conflict:
            sink_.conflict();
            break;
          case StreamNews::Gap:
            give_up(flow, side, "bytes of a connection's beginning are missing");
            break;
          case StreamNews::Nothing:
            break;
          case StreamNews::Data: {
            const Bytes data = streams_.data(id);
            spent_[id] += data.size();
            if (spent_[id] > kMaxPiecing) {
              give_up(flow, side, "a beginning in too many pieces");
              break;
            }
            const std::size_t consumed = advance(at, side, level, data, waiting);
            if (consumed != 0) spent_[id] = 0;
            if (state(flow, side) == kDone) {
              release(flow, side);
              break;
            }
            streams_.consume(id, std::min(consumed, data.size()));
            if (cut) {
              give_up(flow, side, "the snap length cut the beginning of a connection");
            } else if (consumed >= data.size() && (streams_.early(id) == 0 || consumed > data.size())) {
              expected = streams_.expected(id) + static_cast<std::uint32_t>(consumed - data.size());
              release(flow, side);
            }
            break;
          }
        }
      }
    }
  }
  if (ending && flow.notes[kNoteStreams] != 0) flow_ended(at.id, flow);
}

// Reads units of the stream one after the other. What is consumed may exceed the stream: a body that is skipped.
std::size_t Application::advance(FlowRef flow, unsigned side, const Level& level, Bytes stream, bool& waiting) {
  std::size_t total = 0;
  while (total < stream.size()) {
    waiting = false;
    const Bytes rest = stream.subspan(total);
    std::size_t consumed = 0;
    switch (state(*flow.flow, side)) {
      case kFresh:
      case kSniff:
        consumed = sniff(flow, side, level, rest, waiting);
        break;
      case kHttp1:
      case kLoose:
        consumed = http1(flow, side, rest, waiting);
        break;
      case kHttp2:
        consumed = http2(flow, rest, waiting);
        break;
      case kDns:
        consumed = dns_stream(flow, side, rest, waiting);
        break;
      case kDone:
        return stream.size();
    }
    total += consumed;
    if (waiting) break;
  }
  return total;
}

// Tells by the first bytes what a stream is. Consumes what it read; waiting if more bytes are needed to tell or to
// read.
std::size_t Application::sniff(FlowRef at, unsigned side, const Level& level, Bytes stream, bool& waiting) {
  Flow& flow = *at.flow;
  set_state(flow, side, kSniff);
  const Preamble preamble = read_preamble(stream);
  if (preamble.consumed != 0) return preamble.consumed;
  waiting = preamble.waiting;

  if (begins_tls(stream)) {
    if (hello_surely_short(stream)) {
      waiting = true;
      return 0;
    }
    switch (read_tls_client_hello(stream, scratch_, hello_)) {
      case HelloStatus::Found:
        ++counts_.tls_hellos;
        if (count_once(flow, kEncrypted)) ++counts_.encrypted_flows;
        said(NameFrom::Tls, hello_);
        set_state(flow, side, kDone);
        if (!on_dns_port(level)) set_state(flow, 1 - side, kDone);
        return stream.size();
      case HelloStatus::NeedMore:
        waiting = true;
        return 0;
      case HelloStatus::Malformed:
        give_up(flow, side, "a TLS ClientHello that contradicts itself");
        return stream.size();
      case HelloStatus::NotHello:
        break;
    }
  }
  if (on_dns_port(level) && !looks_like_tls_record(stream)) {
    waiting = false;
    set_state(flow, side, kDns);
    return 0;
  }
  if (looks_like_http2(stream) && stream.size() >= 4) {
    waiting = false;
    if (free_readers_.empty()) {
      ++counts_.unread_streams;
      give_up(flow, side, "there was no room to read HTTP/2");
      return stream.size();
    }
    const std::uint32_t reader = free_readers_.back();
    free_readers_.pop_back();
    if (!http2_readers_[reader]) http2_readers_[reader] = std::make_unique<Http2Reader>();
    http2_readers_[reader]->reset();
    flow.notes[kNoteReader] = reader + 1;
    set_state(flow, side, kHttp2);
    return 0;
  }
  if (stream[0] == 4 || stream[0] == 5) {
    switch (read_socks_request(stream, socks_)) {
      case ReadStatus::Found:
        waiting = false;
        ++counts_.socks_requests;
        sink_.named(NameFrom::Socks, socks_.name.text());
        return socks_.consumed;  // the tunnelled protocol is sniffed anew
      case ReadStatus::NeedMore:
        waiting = true;
        return 0;
      case ReadStatus::Malformed:
      case ReadStatus::NotThis:
        break;
    }
  }
  switch (read_http_request(stream, request_)) {
    case ReadStatus::Found:
      waiting = false;
      set_state(flow, side, kHttp1);
      return 0;
    case ReadStatus::NeedMore:
      waiting = true;
      return 0;
    case ReadStatus::Malformed:
      give_up(flow, side, "an HTTP request that contradicts itself");
      return stream.size();
    case ReadStatus::NotThis:
      break;
  }
  if (const DnsFrame frame = first_dns_frame(stream); frame.consumed != 0 && looks_like_dns(frame.message)) {
    set_state(flow, side, kDns);
    waiting = false;
    return 0;
  }
  if (waiting || may_become_dns(stream)) {
    waiting = true;
    return 0;
  }
  if (looks_like_tls_record(stream) || ssh(stream)) {
    if (count_once(flow, kEncrypted)) ++counts_.encrypted_flows;
  }
  if (!flagged(flow, kSynSeen, side) && count_once(flow, kMidway)) ++counts_.midway_flows;
  release(flow, side);
  set_state(flow, side, kDone);
  return stream.size();
}

std::size_t Application::http1(FlowRef at, unsigned side, Bytes stream, bool& waiting) {
  Flow& flow = *at.flow;
  switch (read_http_request(stream, request_)) {
    case ReadStatus::Found:
      break;
    case ReadStatus::NeedMore:
      if (state(flow, side) == kLoose) return stream.size();
      waiting = true;
      return 0;
    case ReadStatus::Malformed:
    case ReadStatus::NotThis:
      set_state(flow, side, kLoose);
      return stream.size();
  }
  ++counts_.http_requests;
  if (request_.conflicting && !request_.has_authority) sink_.unread("an HTTP request that names two hosts");
  if (request_.has_authority)
    sink_.named(request_.connect ? NameFrom::Connect : NameFrom::Http, request_.authority.text());
  if (request_.has_host) sink_.named(NameFrom::Http, request_.host.text());
  if (request_.connect || request_.upgrade_h2c || request_.websocket) {
    set_state(flow, side, kSniff);  // somebody else's protocol from here on
    return request_.head;
  }
  const bool skip = !request_.chunked && request_.body < (1u << 30);
  set_state(flow, side, skip ? kHttp1 : kLoose);
  return skip ? request_.head + static_cast<std::size_t>(request_.body) : stream.size();
}

std::size_t Application::http2(FlowRef at, Bytes stream, bool& waiting) {
  Flow& flow = *at.flow;
  const unsigned side = at.from_opener ? 0 : 1;
  std::size_t consumed = 0;
  name_.clear();
  const std::uint32_t reader = flow.notes[kNoteReader] & 0xffff;
  switch (reader == 0 ? ReadStatus::Malformed : http2_readers_[reader - 1]->read(stream, consumed, name_)) {
    case ReadStatus::Found:
      ++counts_.http_requests;
      if (!name_.empty()) sink_.named(NameFrom::Http2, name_.text());
      return consumed;
    case ReadStatus::NeedMore:
      waiting = consumed == 0;
      return consumed;
    case ReadStatus::Malformed:
    case ReadStatus::NotThis:
      break;
  }
  give_up(flow, side, "HTTP/2 that contradicts itself");
  return stream.size();
}

std::size_t Application::dns_stream(FlowRef at, unsigned side, Bytes stream, bool& waiting) {
  const DnsFrame frame = first_dns_frame(stream);
  if (frame.consumed == 0) {
    waiting = true;
    return 0;
  }
  if (frame.message.size() < 12) {
    give_up(*at.flow, side, "what is on a DNS port is no DNS message");
    return stream.size();
  }
  dns(frame.message, false);
  return frame.consumed;
}

void Application::said(NameFrom from, const ClientHello& hello) {
  sink_.hello(from, hello);
  if (hello.ech) sink_.hidden(hello.server_name.text());
  if (hello.has_server_name) sink_.named(from, hello.server_name.text());
}

void Application::give_up(Flow& flow, unsigned side, std::string_view why) {
  const bool known = flagged(flow, kSynSeen, side) || state(flow, side) >= kHttp1;
  release(flow, side);
  set_state(flow, side, kDone);
  if (known) return sink_.unread(why);
  if (count_once(flow, kMidway)) ++counts_.midway_flows;
}

void Application::release(Flow& flow, unsigned side) {
  if (const StreamId id = stream_of(flow, side); id != 0) streams_.close(id);
  set_stream(flow, side, 0);
}

void Application::flow_ended(std::uint32_t id, Flow& flow) {
  for (unsigned side = 0; side < 2; ++side) {
    const StreamId stream = stream_of(flow, side);
    if (stream == 0) continue;
    const Bytes data = streams_.data(stream);
    const bool out_of_order = streams_.early(stream) != 0;
    const State was = state(flow, side);
    if (was == kDns) {
      if (!data.empty() || out_of_order) give_up(flow, side, "a DNS message over TCP is not whole");
    } else if (was == kSniff && data.empty() && out_of_order) {
      give_up(flow, side, "the beginning of a connection is missing");
    } else if (was == kSniff && !data.empty()) {
      if (begins_tls(data))
        give_up(flow, side, "a TLS ClientHello is not whole");
      else if (data[0] == 4 || data[0] == 5)
        give_up(flow, side, "a SOCKS request is not whole");
      else if (data[0] > 0x20)
        give_up(flow, side, "the beginning of a connection is not whole");
    } else if (was == kHttp1 && !data.empty()) {
      give_up(flow, side, "an HTTP request is not whole");
    }
    release(flow, side);
    set_state(flow, side, kDone);
  }
  if (flagged(flow, kQuicPending)) {
    clear_flag(flow, kQuicPending);
    sink_.unread("QUIC Initials without a whole ClientHello");
  }
  if (flagged(flow, kQuicAsked)) {
    quic_.forget(2ull * id);
    quic_.forget(2ull * id + 1);
  }
  if (const std::uint32_t reader = flow.notes[kNoteReader] & 0xffff; reader != 0 && reader <= kHttp2Readers) {
    free_readers_.push_back(reader - 1);
    flow.notes[kNoteReader] = 0;
  }
}

}  // namespace airtight::audit
