// What applications say in the clear: finds DNS, TLS, DTLS, QUIC, HTTP and SOCKS in the payloads of flows, on any port
// and on both sides, and puts streams in order as far as names reach. Fixed memory; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "auditor/decode/dns.h"
#include "auditor/decode/http.h"
#include "auditor/decode/packet.h"
#include "auditor/decode/quic.h"
#include "auditor/decode/tcp_stream.h"
#include "auditor/decode/tls.h"
#include "auditor/flow_table.h"

namespace airtight::audit {

enum class NameFrom : std::uint8_t { Dns, Tls, Dtls, Quic, Http, Connect, Http2, Socks };
std::string_view to_string(NameFrom);  // "DNS question" "TLS server name" "HTTP host" … for people

// What the answers of one DNS message come to.
struct DnsAnswers {
  unsigned records = 0;    // in the answer section
  unsigned addresses = 0;  // handed out by the answer section, hints of HTTPS records among them
  Ip outside = Ip::v4(0);  // the first outside one; valid if has_outside
  bool has_outside = false;
  unsigned targets = 0;  // names that the answer section leads to
  bool whole = true;     // every record was read
};

// Calls are about the packet that was given to Application last, or to flow_ended().
class ApplicationSink {
 public:
  virtual ~ApplicationSink() = default;
  virtual bool is_outside(Ip) const = 0;
  virtual void dns_question(const DnsHeader&, std::string_view name, std::uint16_t type) = 0;
  // A response was read; `name` and `type` of its first question, empty text and 0 if it has none.
  virtual void dns_response(const DnsHeader&, std::string_view name, std::uint16_t type, const DnsAnswers&) = 0;
  // Somebody named whom it wants. `name` may carry a port; it is not empty.
  virtual void named(NameFrom, std::string_view name) = 0;
  virtual void hello(NameFrom, const ClientHello&) = 0;  // every ClientHello, before named()
  virtual void hidden(std::string_view outer_name) = 0;  // ECH or ESNI
  virtual void unread(std::string_view why) = 0;         // something that may have shown a name, and could not be read
  virtual void conflict() = 0;  // TCP bytes that came twice with different values, or where none belong
};

struct ApplicationCounts {
  std::uint64_t dns_questions = 0, dns_answers = 0, tls_hellos = 0, quic_hellos = 0, http_requests = 0,
                socks_requests = 0;
  std::uint64_t encrypted_flows = 0, midway_flows = 0, unread_streams = 0;
  std::uint64_t unknown_flows = 0;  // TCP connections of a protocol that is none of these
};

// Its part of Flow::notes is in flow_notes.h.
class Application {
 public:
  explicit Application(ApplicationSink&);
  ~Application();
  Application(const Application&) = delete;
  Application& operator=(const Application&) = delete;

  // A packet of a flow. `level` has ports. `payload` is what was captured of its payload, `cut` whether the snap length
  // took some.
  void see(const Level& level, FlowRef flow, Bytes payload, bool cut);
  // The flow leaves the table, or the capture ends: what was begun and never whole is unread.
  void flow_ended(std::uint32_t id, Flow& flow);
  const ApplicationCounts& counts() const { return counts_; }

 private:
  struct Dns;

  // application_udp.cpp
  void udp(const Level& level, FlowRef at, Bytes payload, bool cut);
  void quic(FlowRef at, Bytes payload, bool cut);
  void dtls(Flow& flow, Bytes payload, bool cut);
  void dns(const Level& level, Bytes message, bool cut);

  // application_tcp.cpp
  void tcp(const Level& level, FlowRef at, Bytes payload, bool cut);
  void in_order(const Level& level, FlowRef at, unsigned side, Bytes payload, bool cut);
  void keep(FlowRef at, unsigned side, std::uint32_t start, Bytes payload, bool cut);
  void more(const Level& level, FlowRef at, unsigned side, StreamId id, bool cut);
  void again(Flow& flow, Bytes payload);
  void quiet(const Level& level, FlowRef at, unsigned side, std::uint32_t start, Bytes payload, bool cut);
  std::size_t advance(const Level& level, FlowRef at, unsigned side, Bytes stream, bool& waiting);
  std::size_t sniff(const Level& level, FlowRef at, unsigned side, Bytes stream, bool& waiting);
  std::size_t http1(Flow& flow, unsigned side, Bytes stream, bool& waiting);
  std::size_t chunk(Flow& flow, unsigned side, Bytes stream, bool& waiting);
  std::size_t http2(Flow& flow, unsigned side, Bytes stream, bool& waiting);
  std::size_t dns_stream(const Level& level, Flow& flow, unsigned side, Bytes stream, bool& waiting);
  void request(const HttpRequest& head);
  void give_up(Flow& flow, unsigned side, std::string_view why);
  void release(Flow& flow, unsigned side);

  void said(Flow& flow, NameFrom from, const ClientHello& hello);
  void named(NameFrom from, std::string_view name) {
    if (!name.empty()) sink_.named(from, name);
  }

  ApplicationSink& sink_;
  ApplicationCounts counts_;
  StreamPool streams_;
  std::vector<std::size_t> spent_;  // bytes parsed for each stream since it last went on
  QuicTable quic_;
  std::vector<std::unique_ptr<Http2Reader>> http2_readers_;
  std::vector<std::uint32_t> free_readers_;
  std::vector<std::uint8_t> scratch_;
  ClientHello hello_;
  HttpRequest request_;
  SocksRequest socks_;
  NameText name_;
};

}  // namespace airtight::audit
