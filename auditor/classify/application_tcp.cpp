// Application, the part that looks at connections. A segment that is whole and in order is read where it lies; only
// what is not goes into a stream of the pool. Both sides are read, since who opened may be a guess, or a forged
// segment's word.
#include <algorithm>
#include <cstring>

#include "auditor/classify/application.h"
#include "auditor/classify/flow_notes.h"

namespace airtight::audit {

namespace {

constexpr std::size_t kMaxPiecing = 8u << 20;  // bytes parsed again and again for one stream; more is an attack
constexpr std::uint64_t kMaxSkip = std::uint64_t{1} << 30;  // bytes of a body that are skipped by sequence number

constexpr std::uint8_t kSyn = 2, kRst = 4;

bool on_dns_port(const Level& level) { return is_dns_port(level.source_port) || is_dns_port(level.destination_port); }

// A preamble that some protocols put before what we look for. `consumed` of it; waiting if it may be one and is not
// whole.
struct Preamble {
  std::size_t consumed = 0;
  bool waiting = false;
};

bool begins(Bytes stream, std::string_view with, bool& partly) {
  const std::size_t size = std::min(stream.size(), with.size());
  if (std::memcmp(stream.data(), with.data(), size) != 0) return false;
  partly |= size < with.size();
  return size == with.size();
}

// PostgreSQL's SSLRequest and GSSENCRequest; HAProxy's PROXY header, versions 1 and 2.
Preamble read_preamble(Bytes stream) {
  static constexpr std::string_view kPostgres[] = {{"\0\0\0\x08\x04\xd2\x16\x2f", 8},
                                                   {"\0\0\0\x08\x04\xd2\x16\x30", 8}};
  static constexpr std::string_view kProxy1 = "PROXY ";
  static constexpr std::string_view kProxy2{"\r\n\r\n\0\r\nQUIT\n", 12};
  bool waiting = false;
  for (const std::string_view request : kPostgres)
    if (begins(stream, request, waiting)) return {request.size(), false};
  if (begins(stream, kProxy1, waiting)) {
    const std::size_t reach = std::min<std::size_t>(stream.size(), 108);
    for (std::size_t i = 0; i < reach; ++i)
      if (stream[i] == '\n') return {i + 1, false};
    return {0, stream.size() < 108};
  }
  if (begins(stream, kProxy2, waiting)) {
    if (stream.size() < 16) return {0, true};
    const std::size_t size = 16u + (static_cast<std::size_t>(stream[14]) << 8 | stream[15]);
    return stream.size() < size ? Preamble{0, true} : Preamble{size, false};
  }
  return {0, waiting};
}

bool begins_tls(Bytes stream) { return stream[0] == 22 && (stream.size() < 2 || stream[1] == 3); }
// A record that begins a ClientHello, as far as the bytes go.
bool begins_hello(Bytes stream) { return begins_tls(stream) && (stream.size() < 6 || stream[5] == 1); }
// The whole size of a TLS record of alerts or of a cipher change at the beginning, a few bytes as they are; 0 if there
// is none.
std::size_t odd_record(Bytes stream) {
  const bool plausible = stream.size() >= 5 && (stream[0] == 20 || stream[0] == 21) && stream[1] == 3 && stream[3] == 0;
  return plausible && stream[4] <= 64 ? 5u + stream[4] : 0;
}
// Enough of a record and of a hello in it to be no accident: in the middle of other bytes too.
bool is_hello_at(Bytes stream) {
  return stream.size() >= 11 && stream[0] == 22 && stream[1] == 3 && stream[2] <= 4 && stream[5] == 1 &&
         stream[6] == 0 && stream[9] == 3 && stream[10] <= 4;
}

// Where one begins, or may begin and goes on behind the bytes; their size if none does.
std::size_t find_hello(Bytes bytes) {
  for (std::size_t i = 0; i + 3 <= bytes.size(); ++i) {
    const auto* found = static_cast<const std::uint8_t*>(std::memchr(bytes.data() + i, 22, bytes.size() - i - 2));
    if (found == nullptr) break;
    i = static_cast<std::size_t>(found - bytes.data());
    const Bytes rest = bytes.subspan(i);
    if (rest.size() >= 11 ? is_hello_at(rest) : rest[1] == 3 && rest[2] <= 4 && begins_hello(rest)) return i;
  }
  return bytes.size();
}

// Whether a ClientHello that the first record announces cannot be whole yet: saves reading it again at every segment.
bool hello_surely_short(Bytes stream) {
  if (stream.size() < 9) return stream.size() < 6;
  const std::size_t message =
      static_cast<std::size_t>(stream[6]) << 16 | static_cast<std::size_t>(stream[7]) << 8 | stream[8];
  return stream[5] == 1 && message <= kMaxHello && stream.size() < 5 + 4 + message;
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

bool ssh(Bytes stream) { return stream.size() >= 4 && std::memcmp(stream.data(), "SSH-", 4) == 0; }

// A request line that says HTTP/1 and is whole, though the head may not be.
bool has_request_line(Bytes stream) {
  if (stream[0] < 'A' || stream[0] > 'Z') return false;
  const std::size_t reach = std::min<std::size_t>(stream.size(), 8192);
  const auto* end = static_cast<const std::uint8_t*>(std::memchr(stream.data(), '\n', reach));
  if (end == nullptr) return false;
  const std::string_view line(reinterpret_cast<const char*>(stream.data()),
                              static_cast<std::size_t>(end - stream.data()));
  return line.find(" HTTP/1.") != std::string_view::npos;
}

}  // namespace

void Application::tcp(const Level& level, FlowRef at, Bytes payload, bool cut) {
  Flow& flow = *at.flow;
  const unsigned side = at.from_opener ? 0 : 1;
  std::uint32_t start = level.tcp_sequence;
  if ((level.tcp_flags & kSyn) != 0) {
    ++start;
    if (stream_state(flow, side) == kFresh) {
      flow.notes[kNoteSequence + side] = start;
      set_flag(flow, kSequenceKnown, side);
      set_flag(flow, kSynSeen, side);
    } else if (start != flow.notes[kNoteSequence + side] && flagged(flow, kSynSeen, side) &&
               stream_state(flow, side) == kSniff) {
      sink_.conflict();  // another beginning for bytes that have come already
    }
  }
  if (!payload.empty()) {
    if (level.urgent && stream_state(flow, side) <= kSniff)
      sink_.unread("urgent data in the beginning of a connection");
    std::uint32_t& expected = flow.notes[kNoteSequence + side];
    if (!flagged(flow, kSequenceKnown, side)) expected = start, set_flag(flow, kSequenceKnown, side);
    const StreamState state = stream_state(flow, side);
    if (state == kQuiet) {
      quiet(level, at, side, start, payload, cut);
    } else if (const StreamId id = stream_of(flow, side); id != 0) {
      switch (streams_.add(id, start, payload)) {
        case StreamNews::Conflict:
          sink_.conflict();
          again(flow, payload);
          [[fallthrough]];
        case StreamNews::Data:
          more(level, at, side, id, cut);
          break;
        case StreamNews::Gap:
          give_up(flow, side, "bytes of a connection are missing");
          break;
        case StreamNews::Nothing:
          break;
      }
    } else if (const auto ahead = static_cast<std::int32_t>(start - expected); ahead > 0) {
      keep(at, side, start, payload, cut);
    } else {
      const std::size_t old = std::min<std::size_t>(payload.size(), expected - start);
      if (old == payload.size()) {
        if (state == kFresh && old > 1) sink_.conflict();  // before the first byte: a keep-alive probe has one at most
        again(flow, payload);
      } else {
        in_order(level, at, side, payload.subspan(old), cut);
      }
    }
  } else if (cut && stream_state(flow, side) != kQuiet) {
    give_up(flow, side, "the snap length cut the beginning of a connection");
  }
  const bool over = (level.tcp_flags & kRst) != 0 || (flow.closed & 4) != 0 || (flow.closed & 3) == 3;
  if (over && (flow.notes[kNoteStreams] != 0 || flow.notes[kNoteReader] != 0)) flow_ended(at.id, flow);
}

// The bytes that come next, with no stream open: read where they lie.
void Application::in_order(const Level& level, FlowRef at, unsigned side, Bytes payload, bool cut) {
  Flow& flow = *at.flow;
  std::uint32_t& expected = flow.notes[kNoteSequence + side];
  bool waiting = false;
  const std::size_t consumed = advance(level, at, side, payload, waiting);
  expected += static_cast<std::uint32_t>(consumed);
  if (stream_state(flow, side) == kQuiet) return;
  if (cut) {
    if (consumed <= payload.size()) {  // else what is missing belongs to a body that is skipped
      give_up(flow, side, "the snap length cut a connection in which names may stand");
    }
    return;
  }
  if (consumed < payload.size()) keep(at, side, expected, payload.subspan(consumed), false);
}

// Bytes that wait for others, into a stream of the pool.
void Application::keep(FlowRef at, unsigned side, std::uint32_t start, Bytes payload, bool cut) {
  Flow& flow = *at.flow;
  if (stream_state(flow, side) == kFresh) set_state(flow, side, kSniff);
  const StreamId id = streams_.open(flow.notes[kNoteSequence + side]);
  if (id == 0) {
    ++counts_.unread_streams;
    return give_up(flow, side, "there was no room to put a connection in order");
  }
  set_stream(flow, side, id);
  spent_[id] = 0;
  if (streams_.add(id, start, payload) == StreamNews::Gap)
    return give_up(flow, side, "bytes of a connection are missing");
  if (cut) give_up(flow, side, "the snap length cut a connection in which names may stand");
}

// The stream has grown, or taken something beside a conflict.
void Application::more(const Level& level, FlowRef at, unsigned side, StreamId id, bool cut) {
  Flow& flow = *at.flow;
  const Bytes data = streams_.data(id);
  if (data.empty()) return;
  spent_[id] += data.size();
  if (spent_[id] > kMaxPiecing) return give_up(flow, side, "a beginning in too many pieces");
  bool waiting = false;
  const std::size_t consumed = advance(level, at, side, data, waiting);
  if (consumed != 0) spent_[id] = 0;
  if (stream_state(flow, side) == kQuiet) return release(flow, side);
  streams_.consume(id, std::min(consumed, data.size()));
  if (cut) return give_up(flow, side, "the snap length cut a connection in which names may stand");
  if (consumed < data.size() || (streams_.early(id) != 0 && consumed == data.size())) return;
  flow.notes[kNoteSequence + side] = streams_.expected(id) + static_cast<std::uint32_t>(consumed - data.size());
  release(flow, side);
}

// Bytes that came before. A copy says the same again; what an evader puts there, hoping that it is taken for a copy, is
// read too.
void Application::again(Flow& flow, Bytes payload) {
  if (is_hello_at(payload)) {
    if (read_tls_client_hello(payload, scratch_, hello_) == HelloStatus::Found) said(flow, NameFrom::Tls, hello_);
  } else if (has_request_line(payload)) {
    if (read_http_request(payload, request_) == ReadStatus::Found) request(request_);
  }
}

// In a connection that has named nobody so far: STARTTLS and the like, a second hello, a request after what was not
// understood.
void Application::quiet(const Level& level, FlowRef at, unsigned side, std::uint32_t start, Bytes payload, bool cut) {
  Flow& flow = *at.flow;
  std::size_t from = payload.size();
  if ((payload.size() >= 6 && begins_hello(payload)) || has_request_line(payload)) {
    from = 0;
  } else if (!flagged(flow, kEncrypted)) {
    from = find_hello(payload);
  }
  if (from == payload.size()) return;
  set_state(flow, side, kSniff);
  flow.notes[kNoteSequence + side] = start + static_cast<std::uint32_t>(from);
  in_order(level, at, side, payload.subspan(from), cut);
}

// Reads units of the stream one after the other. What is consumed may exceed the stream: a body that is skipped.
std::size_t Application::advance(const Level& level, FlowRef at, unsigned side, Bytes stream, bool& waiting) {
  Flow& flow = *at.flow;
  std::size_t total = 0;
  while (total < stream.size()) {
    waiting = false;
    const Bytes rest = stream.subspan(total);
    switch (stream_state(flow, side)) {
      case kFresh:
      case kSniff:
        total += sniff(level, at, side, rest, waiting);
        break;
      case kHttp1:
        total += http1(flow, side, rest, waiting);
        break;
      case kChunked:
        total += chunk(flow, side, rest, waiting);
        break;
      case kHttp2:
        total += http2(flow, side, rest, waiting);
        break;
      case kDns:
        total += dns_stream(level, flow, side, rest, waiting);
        break;
      case kQuiet:
        return stream.size();
    }
    if (waiting) break;
  }
  return total;
}

// Tells by the first bytes what a stream is. Consumes what it read; waiting if more bytes are needed to tell or to
// read.
std::size_t Application::sniff(const Level& level, FlowRef at, unsigned side, Bytes stream, bool& waiting) {
  Flow& flow = *at.flow;
  set_state(flow, side, kSniff);
  const auto wait = [&] { return waiting = true, std::size_t{0}; };
  const auto lost = [&](std::string_view why) { return give_up(flow, side, why), stream.size(); };
  const Preamble preamble = read_preamble(stream);
  if (preamble.consumed != 0) return preamble.consumed;
  if (const std::size_t record = odd_record(stream); record != 0) {  // a hello may follow
    if (record > stream.size()) return wait();
    return record;
  }

  if (begins_tls(stream)) {
    if (hello_surely_short(stream)) return wait();
    switch (read_tls_client_hello(stream, scratch_, hello_)) {
      case HelloStatus::Found:
        ++counts_.tls_hellos;
        said(flow, NameFrom::Tls, hello_);
        release(flow, side);
        set_state(flow, side, kQuiet);
        return stream.size();
      case HelloStatus::NeedMore:
        return wait();
      case HelloStatus::Malformed:
        if (!on_dns_port(level)) return lost("a TLS ClientHello that contradicts itself");
        break;
      case HelloStatus::NotHello:
        break;
    }
  }
  if (on_dns_port(level)) {
    set_state(flow, side, kDns);
    return 0;
  }
  if (stream.size() >= 4 && looks_like_http2(stream)) {
    if (flow.notes[kNoteReader] != 0) return lost("HTTP/2 that both sides open");
    if (free_readers_.empty()) {
      ++counts_.unread_streams;
      return lost("there was no room to read HTTP/2");
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
        ++counts_.socks_requests;
        named(NameFrom::Socks, socks_.name.text());
        return socks_.consumed;  // the tunnelled protocol is sniffed anew
      case ReadStatus::NeedMore:
        return wait();
      case ReadStatus::Malformed:
        return lost("a SOCKS request that cannot be followed");
      case ReadStatus::NotThis:
        break;
    }
  }
  switch (read_http_request(stream, request_)) {
    case ReadStatus::Found:
      set_state(flow, side, kHttp1);
      return 0;
    case ReadStatus::NeedMore:
      return wait();
    case ReadStatus::Malformed:
      return lost("an HTTP request that contradicts itself");
    case ReadStatus::NotThis:
      break;
  }
  if (const DnsFrame frame = first_dns_frame(stream); frame.consumed != 0 && looks_like_dns(frame.message)) {
    set_state(flow, side, kDns);
    return 0;
  }
  if (preamble.waiting || may_become_dns(stream)) return wait();
  const bool encrypted = looks_like_tls_record(stream) || ssh(stream);
  if (encrypted && first_time(flow, kEncrypted)) ++counts_.encrypted_flows;
  if (!flagged(flow, kSynSeen, side)) {
    if (first_time(flow, kMidway)) ++counts_.midway_flows;
  } else if (!encrypted && side == 0 && !flagged(flow, kEncrypted) && first_time(flow, kUnknown)) {
    ++counts_.unknown_flows;
  }
  // What is not understood may lead over to TLS in the same segment.
  const std::size_t hello = encrypted ? stream.size() : find_hello(stream.subspan(1)) + 1;
  if (hello == stream.size()) {
    release(flow, side);
    set_state(flow, side, kQuiet);
  }
  return hello;
}

void Application::request(const HttpRequest& head) {
  ++counts_.http_requests;
  if (head.conflicting && !head.has_authority) sink_.unread("an HTTP request that names two hosts");
  if (head.has_authority) named(head.connect ? NameFrom::Connect : NameFrom::Http, head.authority.text());
  if (head.has_host) named(NameFrom::Http, head.host.text());
}

std::size_t Application::http1(Flow& flow, unsigned side, Bytes stream, bool& waiting) {
  switch (read_http_request(stream, request_)) {
    case ReadStatus::Found:
      break;
    case ReadStatus::NeedMore:
      waiting = true;
      return 0;
    case ReadStatus::Malformed:
      give_up(flow, side, "an HTTP request that contradicts itself");
      return stream.size();
    case ReadStatus::NotThis:  // another protocol took over, as after an upgrade
      set_state(flow, side, kSniff);
      return 0;
  }
  request(request_);
  const std::size_t head = request_.head;
  if (request_.chunked) {
    set_state(flow, side, kChunked);
    return head;
  }
  if (request_.body >= kMaxSkip) {
    give_up(flow, side, "an HTTP body that is too long to follow");
    return stream.size();
  }
  // After CONNECT, or an upgrade, somebody else's protocol follows.
  const bool handed_over = request_.connect || request_.upgrade_h2c || request_.websocket;
  set_state(flow, side, handed_over ? kSniff : kHttp1);
  return head + static_cast<std::size_t>(request_.body);
}

// RFC 9112 §7.1: a size in hexadecimal, perhaps extensions, the bytes; size 0 and trailers end the body.
std::size_t Application::chunk(Flow& flow, unsigned side, Bytes stream, bool& waiting) {
  const std::size_t reach = std::min<std::size_t>(stream.size(), 4096);
  const auto* end = static_cast<const std::uint8_t*>(std::memchr(stream.data(), '\n', reach));
  const auto lost = [&] {
    give_up(flow, side, "a chunked HTTP body that contradicts itself");
    return stream.size();
  };
  if (end == nullptr) {
    if (reach == 4096) return lost();
    waiting = true;
    return 0;
  }
  const auto line = static_cast<std::size_t>(end - stream.data()) + 1;
  std::uint64_t size = 0;
  std::size_t digits = 0;
  for (; digits < line; ++digits) {
    const std::uint8_t c = stream[digits];
    const int value = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
    if (value < 0) break;
    size = size << 4 | static_cast<std::uint64_t>(value);
    if (size > kMaxSkip) return lost();
  }
  if (digits == 0) return lost();
  if (size != 0) return line + static_cast<std::size_t>(size) + 2;
  // Trailers, up to an empty line.
  std::size_t from = line;
  for (;;) {
    const auto* next =
        from < stream.size()
            ? static_cast<const std::uint8_t*>(std::memchr(stream.data() + from, '\n', stream.size() - from))
            : nullptr;
    if (next == nullptr) {
      if (stream.size() > kMaxHttpHead) return lost();
      waiting = true;
      return 0;
    }
    const auto after = static_cast<std::size_t>(next - stream.data()) + 1;
    const bool empty = after - from == 1 || (after - from == 2 && stream[from] == '\r');
    from = after;
    if (!empty) continue;
    set_state(flow, side, kHttp1);
    return from;
  }
}

std::size_t Application::http2(Flow& flow, unsigned side, Bytes stream, bool& waiting) {
  std::size_t consumed = 0;
  name_.clear();
  const std::uint32_t reader = flow.notes[kNoteReader];
  switch (reader == 0 ? ReadStatus::Malformed : http2_readers_[reader - 1]->read(stream, consumed, name_)) {
    case ReadStatus::Found:
      ++counts_.http_requests;
      named(NameFrom::Http2, name_.text());
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

std::size_t Application::dns_stream(const Level& level, Flow& flow, unsigned side, Bytes stream, bool& waiting) {
  const DnsFrame frame = first_dns_frame(stream);
  if (frame.consumed == 0) {
    waiting = true;
    return 0;
  }
  if (frame.message.size() < 12) {
    give_up(flow, side, "what is on a DNS port is no DNS message");
    return stream.size();
  }
  dns(level, frame.message, false);
  return frame.consumed;
}

void Application::give_up(Flow& flow, unsigned side, std::string_view why) {
  const bool known = flagged(flow, kSynSeen, side) || stream_state(flow, side) >= kHttp1;
  release(flow, side);
  set_state(flow, side, kQuiet);
  if (known) return sink_.unread(why);
  if (first_time(flow, kMidway)) ++counts_.midway_flows;
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
    const bool hole = streams_.early(stream) != 0;
    const StreamState was = stream_state(flow, side);
    // What a server began and never ended names nobody, but for a hello.
    const bool may_name =
        side == 0 || flow.opened == Opened::FirstSeen || hole || (!data.empty() && begins_hello(data));
    if (may_name && (hole || !data.empty())) {
      give_up(flow, side,
              was == kDns                    ? "a DNS message over TCP is not whole"
              : hole && data.empty()         ? "bytes of a connection are missing"
              : was != kSniff                ? "an HTTP request is not whole"
              : begins_tls(data)             ? "a TLS ClientHello is not whole"
              : data[0] == 4 || data[0] == 5 ? "a SOCKS request is not whole"
                                             : "the beginning of a connection is not whole");
    }
    release(flow, side);
    set_state(flow, side, kQuiet);
  }
  if (flagged(flow, kQuicPending)) {
    clear_flag(flow, kQuicPending);
    sink_.unread("QUIC Initials without a whole ClientHello");
  }
  if (flagged(flow, kQuicAsked)) {
    quic_.forget(2ull * id);
    quic_.forget(2ull * id + 1);
  }
  if (const std::uint32_t reader = flow.notes[kNoteReader]; reader != 0) {
    free_readers_.push_back(reader - 1);
    flow.notes[kNoteReader] = 0;
  }
}

}  // namespace airtight::audit
