// An Application whose calls are taken down as lines, and TCP connections and datagrams for it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "auditor/classify/application.h"
#include "tests/auditor/decode/hello_builder.h"
#include "tests/auditor/decode/wire.h"

namespace airtight::audit::test {

// Takes down every call, each as a line.
class Calls final : public ApplicationSink {
 public:
  bool is_outside(Ip ip) const override { return !ip.is_v4() || ip.v4_bits() >> 24 != 10; }
  void dns_question(const DnsHeader& header, std::string_view name, std::uint16_t type) override {
    say("question " + std::to_string(header.id) + " " + std::string(name) + " type " + std::to_string(type));
  }
  void dns_response(const DnsHeader& header, std::string_view name, std::uint16_t type,
                    const DnsAnswers& answers) override {
    say("response " + std::to_string(header.id) + " " + std::string(name) + " type " + std::to_string(type) + ": " +
        std::to_string(answers.records) + " records, " + std::to_string(answers.addresses) + " addresses, " +
        std::to_string(answers.targets) + " targets" +
        (answers.has_outside ? ", outside " + to_string(answers.outside) : "") + (answers.whole ? "" : ", not whole"));
  }
  void named(NameFrom from, std::string_view name) override {
    say("named " + std::string(to_string(from)) + " " + std::string(name));
  }
  void hello(NameFrom from, const ClientHello& hello) override {
    say("hello " + std::string(to_string(from)) + (hello.alpn_dns ? " dns" : ""));
  }
  void hidden(std::string_view outer) override { say("hidden " + std::string(outer)); }
  void unread(std::string_view why) override { say("unread " + std::string(why)); }
  void conflict() override { say("conflict"); }

  std::string text;

 private:
  void say(const std::string& line) { text += (text.empty() ? "" : "\n") + line; }
};

inline constexpr std::uint8_t kFin = 1, kSyn = 2, kRst = 4, kAck = 16;

class Run {
 public:
  explicit Run(std::size_t flows = 64)
      : application(std::make_unique<Application>(calls)),
        flows_(flows, [this](std::uint32_t id, Flow& flow) { application->flow_ended(id, flow); }) {}

  void see(const Level& level, const Octets& payload, bool cut = false) {
    const FlowKey key{level.source, level.destination, level.source_port, level.destination_port, level.protocol, 0};
    const FlowRef flow =
        flows_.touch(key, level.has_tcp ? level.tcp_flags : 0, 40 + payload.size(), ++time_, level.tcp_sequence);
    const Octets copy = payload;  // so that the sanitizer sees a view that is kept
    application->see(level, flow, copy, cut);
  }
  // What was said since the last time.
  std::string said() {
    std::string text;
    std::swap(text, calls.text);
    return text;
  }
  std::string end() {
    flows_.each([this](std::uint32_t id, const Flow& flow) {
      Flow copy = flow;
      application->flow_ended(id, copy);
    });
    return said();
  }
  // Those that are not zero.
  std::string counts() const {
    const ApplicationCounts& c = application->counts();
    const std::pair<const char*, std::uint64_t> all[] = {
        {"questions", c.dns_questions},   {"answers", c.dns_answers}, {"tls", c.tls_hellos},
        {"quic", c.quic_hellos},          {"http", c.http_requests},  {"socks", c.socks_requests},
        {"encrypted", c.encrypted_flows}, {"midway", c.midway_flows}, {"unread", c.unread_streams},
        {"unknown", c.unknown_flows}};
    std::string text;
    for (const auto& [name, count] : all)
      if (count != 0) text += (text.empty() ? "" : ", ") + std::string(name) + " " + std::to_string(count);
    return text;
  }

  Calls calls;
  std::unique_ptr<Application> application;

 private:
  FlowTable flows_;
  std::int64_t time_ = 0;
};

// A TCP connection whose segments carry right sequence numbers.
class Connection {
 public:
  explicit Connection(Run& run, std::uint16_t port = 443, std::uint16_t from = 40'000, std::uint32_t first = 0xfffffff0)
      : run_(run), port_(port), from_(from), base_{first + 1, 7'000'001}, next_{base_[0], base_[1]} {}

  Connection& open() {
    send(0, base_[0] - 1, kSyn, {});
    return send(1, base_[1] - 1, kSyn | kAck, {});
  }
  Connection& client(const Octets& bytes, bool cut = false) { return next(0, bytes, kAck, cut); }
  Connection& server(const Octets& bytes, bool cut = false) { return next(1, bytes, kAck, cut); }
  // In pieces of this size, the last one shorter.
  Connection& client_in(std::size_t piece, const Octets& bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += piece) client(part(bytes, at, piece));
    return *this;
  }
  // Some of the client's bytes at a place of its stream.
  Connection& client_at(std::size_t place, const Octets& bytes, bool cut = false) {
    return send(0, base_[0] + static_cast<std::uint32_t>(place), kAck, bytes, cut);
  }
  Connection& close() {
    next(0, {}, kFin | kAck, false);
    return next(1, {}, kFin | kAck, false);
  }
  Connection& reset() { return next(0, {}, kRst, false); }
  Connection& send(std::size_t side, std::uint32_t sequence, std::uint8_t flags, const Octets& bytes,
                   bool cut = false) {
    const Ip ends[] = {Ip::v4(0x0a2a0105), Ip::v4(0x0a14000a)};
    Level level;
    level.has_protocol = level.has_ports = level.has_tcp = true;
    level.urgent = urgent;
    level.protocol = ip_protocol::kTcp;
    level.source = ends[side];
    level.destination = ends[1 - side];
    level.source_port = side == 0 ? from_ : port_;
    level.destination_port = side == 0 ? port_ : from_;
    level.tcp_flags = flags;
    level.tcp_sequence = sequence;
    run_.see(level, bytes, cut);
    return *this;
  }

  bool urgent = false;  // every segment from here on

  static Octets part(const Octets& bytes, std::size_t at, std::size_t size = SIZE_MAX) {
    const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    return Octets(begin, begin + static_cast<std::ptrdiff_t>(std::min(size, bytes.size() - at)));
  }

 private:
  Connection& next(std::size_t side, const Octets& bytes, std::uint8_t flags, bool cut) {
    send(side, next_[side], flags, bytes, cut);
    next_[side] += static_cast<std::uint32_t>(bytes.size());
    return *this;
  }

  Run& run_;
  std::uint16_t port_, from_;
  std::uint32_t base_[2], next_[2];
};

inline void datagram(Run& run, const Octets& payload, std::uint16_t to = 443, std::uint16_t from = 50'000,
                     bool cut = false, bool reply = false) {
  Level level;
  level.has_protocol = level.has_ports = true;
  level.protocol = ip_protocol::kUdp;
  level.source = Ip::v4(reply ? 0x0a14000a : 0x0a2a0105);
  level.destination = Ip::v4(reply ? 0x0a2a0105 : 0x0a14000a);
  level.source_port = reply ? to : from;
  level.destination_port = reply ? from : to;
  run.see(level, payload, cut);
}

inline Octets tls(std::string_view name, std::size_t padding = 0) {
  return in_records(hello_message(hello_body({server_name(name), extension(21, Octets(padding, 0))})));
}
inline const std::string kSaidTls = "hello TLS server name\nnamed TLS server name a.example";
inline const Octets kGet = text_octets("GET / HTTP/1.1\r\nHost: h.example\r\n\r\n");
inline const std::string kSaidGet = "named HTTP host h.example";
inline Octets post(std::string_view host, std::string_view headers, std::string_view body) {
  return text_octets("POST /x HTTP/1.1\r\nHost: " + std::string(host) + "\r\n" + std::string(headers) + "\r\n" +
                     std::string(body));
}

// A question for one name; the answers are those of the caller.
inline Octets dns_message(std::uint16_t id, std::string_view labels, std::string_view flags = "0100",
                          unsigned answers = 0, std::string_view records = "") {
  Octets message;
  append_number(message, id, 2);
  append(message, wire(flags));
  append_number(message, 1, 2);
  append_number(message, answers, 2);
  append(message, wire("0000 0000"));
  append(message, wire(labels) + wire("00 0001 0001"));
  append(message, wire(records));
  return message;
}
inline constexpr std::string_view kName = "01 'd' 07 'example'";
inline Octets with_length(const Octets& message) { return counted(message, 2); }

}  // namespace airtight::audit::test
