// Application, the part that looks at datagrams; and DNS messages, however they came.
#include "auditor/classify/application.h"
#include "auditor/classify/flow_notes.h"

namespace airtight::audit {

namespace {

constexpr std::uint8_t kUpdate = 5;  // RFC 2136: names stand in its records

// NetBIOS name service (RFC 1002) looks like DNS: its questions are of types 32 and 33, and name no host of the DNS.
bool asks_netbios(const Level& level, Bytes message) {
  if (level.source_port != 137 && level.destination_port != 137) return false;
  std::size_t at = 12;
  while (at < message.size() && message[at] != 0 && message[at] < 64) at += message[at] + 1u;
  return at + 2 < message.size() && message[at + 1] == 0 && (message[at + 2] == 32 || message[at + 2] == 33);
}

}  // namespace

struct Application::Dns final : DnsSink {
  explicit Dns(ApplicationSink& to) : sink(to) {}

  static std::string_view text(const NameText& name) { return name.empty() ? "." : name.text(); }
  void question(const DnsHeader& header, const NameText& name, std::uint16_t type, std::uint16_t) override {
    if (questions++ == 0) first = name, first_type = type;
    if (!header.response) sink.dns_question(header, text(name), type);
  }
  void address(const DnsHeader&, DnsSection section, const NameText&, std::uint16_t, Ip ip) override {
    if (section != DnsSection::Answer) return;
    ++answers.addresses;
    if (!answers.has_outside && sink.is_outside(ip)) answers.has_outside = true, answers.outside = ip;
  }
  void target(const DnsHeader&, DnsSection section, const NameText&, std::uint16_t, const NameText&) override {
    if (section == DnsSection::Answer) ++answers.targets;
  }
  void record(const DnsHeader& header, DnsSection section, const NameText& owner, std::uint16_t type, bool) override {
    if (section == DnsSection::Answer) ++answers.records;
    if (!header.response && header.opcode == kUpdate) sink.dns_question(header, text(owner), type);
  }

  ApplicationSink& sink;
  unsigned questions = 0;
  NameText first;
  std::uint16_t first_type = 0;
  DnsAnswers answers;
};

void Application::udp(const Level& level, FlowRef at, Bytes payload, bool cut) {
  Flow& flow = *at.flow;
  if (payload.empty()) {
    if (cut && first_time(flow, kCutSaid)) sink_.unread("the snap length cut the payload of a datagram");
    return;
  }
  if (is_dns_port(level.source_port) || is_dns_port(level.destination_port)) return dns(level, payload, cut);
  if (may_be_quic_initial(payload)) return quic(at, payload, cut);
  if (payload[0] >= 20 && payload[0] <= 26 && payload.size() > 2 && payload[1] == 0xfe) return dtls(flow, payload, cut);
  if (looks_like_dns(payload) && !asks_netbios(level, payload)) dns(level, payload, cut);
}

// Every Initial is read, however late: after a Retry or a version negotiation another hello may follow, with another
// name.
void Application::quic(FlowRef at, Bytes payload, bool cut) {
  Flow& flow = *at.flow;
  const unsigned side = at.from_opener ? 0 : 1;
  set_flag(flow, kQuicAsked);
  const std::uint64_t pushed_out = quic_.pushed_out();
  const QuicStatus status = quic_.read(2ull * at.id + side, payload, hello_);
  if (quic_.pushed_out() != pushed_out) sink_.unread("there was no room to put a QUIC handshake together");
  const char* why = nullptr;
  switch (status) {
    case QuicStatus::Found:
      ++counts_.quic_hellos;
      clear_flag(flow, kQuicPending);
      said(flow, NameFrom::Quic, hello_);
      return;
    case QuicStatus::NeedMore:
      set_flag(flow, kQuicPending);
      if (cut) why = "the snap length cut a QUIC Initial";
      break;
    case QuicStatus::Malformed:
      why = cut ? "the snap length cut a QUIC Initial" : "a QUIC Initial that contradicts itself";
      break;
    case QuicStatus::UnknownVersion:
      why = "a QUIC version whose Initial cannot be decrypted";
      break;
    case QuicStatus::Undecryptable:
      why = cut ? "the snap length cut a QUIC Initial" : "a QUIC Initial that its own keys do not open";
      break;
    case QuicStatus::ServerInitial:
    case QuicStatus::Handshake:
    case QuicStatus::ShortHeader:
    case QuicStatus::Retry:
    case QuicStatus::VersionNegotiation:
    case QuicStatus::NotQuic:
      return;
  }
  if (first_time(flow, kEncrypted)) ++counts_.encrypted_flows;
  if (why == nullptr || (side == 1 && flow.opened != Opened::FirstSeen)) return;
  clear_flag(flow, kQuicPending);
  sink_.unread(why);
}

void Application::dtls(Flow& flow, Bytes payload, bool cut) {
  switch (read_dtls_client_hello(payload, hello_)) {
    case HelloStatus::Found:
      ++counts_.tls_hellos;
      // A second hello follows the server's cookie: another name may stand in it, so each is read.
      return said(flow, NameFrom::Dtls, hello_);
    case HelloStatus::NeedMore:
      return sink_.unread(cut ? "the snap length cut a DTLS ClientHello" : "a DTLS ClientHello in several datagrams");
    case HelloStatus::Malformed:
      return sink_.unread(cut ? "the snap length cut a DTLS ClientHello"
                              : "a DTLS ClientHello that contradicts itself");
    case HelloStatus::NotHello:
      return;
  }
}

void Application::dns(const Level& level, Bytes message, bool cut) {
  Dns reader(sink_);
  DnsHeader header;
  const DnsStatus status = read_dns(message, cut, header, reader);
  if (status == DnsStatus::NotDns) return sink_.unread("what is on a DNS port is no DNS message");
  reader.answers.whole = status == DnsStatus::Ok && !header.tc;
  if (header.response) {
    ++counts_.dns_answers;
    if (is_dns_port(level.destination_port) && !is_dns_port(level.source_port)) {
      return sink_.unread("a DNS answer that goes to a server");
    }
    sink_.dns_response(header, reader.first.text(), reader.first_type, reader.answers);
    return;
  }
  counts_.dns_questions += reader.questions;
  if (status == DnsStatus::Ok) return;
  sink_.unread(status == DnsStatus::Truncated ? "a DNS question that is not whole"
                                              : "a DNS question that contradicts itself");
}

}  // namespace airtight::audit
