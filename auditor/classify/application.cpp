#include "auditor/classify/application.h"

#include "auditor/classify/flow_notes.h"

namespace airtight::audit {

namespace {

constexpr std::size_t kStreams = 16'384;
constexpr std::size_t kHttp2Readers = 256;

}  // namespace

std::string_view to_string(NameFrom from) {
  static constexpr std::string_view kNames[] = {"DNS question",     "TLS server name", "DTLS server name",
                                                "QUIC server name", "HTTP host",       "HTTP CONNECT",
                                                "HTTP/2 authority", "SOCKS request"};
  return kNames[static_cast<std::size_t>(from)];
}

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

void Application::said(Flow& flow, NameFrom from, const ClientHello& hello) {
  if (first_time(flow, kEncrypted)) ++counts_.encrypted_flows;
  sink_.hello(from, hello);
  if (hello.ech) sink_.hidden(hello.server_name.text());
  if (hello.has_server_name) named(from, hello.server_name.text());
}

}  // namespace airtight::audit
