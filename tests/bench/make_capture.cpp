// Writes a pcap file of plausible traffic inside the boundary of policies/xpander-airgapped.yaml, the same for the same
// arguments:
//   make_capture OUT.pcap BYTES FLOWS imix|small ALIVE
// About BYTES long, with FLOWS flows, ALIVE of them at a time, each packet of a random one of those. imix: frames of
// 64, 594 and 1518 bytes as 7:4:1; small: 64 bytes only. These lengths count the check sequence, which captures do not
// hold: 60, 590 and 1514 bytes are written. TCP opens and closes, requests name their inside hosts. On standard output:
// packets, bytes of the file, flows.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Word = std::uint32_t;

// SplitMix64: a fixed sequence on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }

 private:
  std::uint64_t state_;
};

constexpr Word address(Word a, Word b, Word c, Word d) { return a << 24 | b << 16 | c << 8 | d; }

enum class Speaks : std::uint8_t { Http, Tls, Postgres, Redis, Dns, Ntp, Nothing };
enum class From : std::uint8_t { Pods, Nodes };

// Flows that the policy declares, and pods among themselves.
struct Service {
  From from;
  Word server;  // 0: a pod
  std::uint16_t port;
  Speaks speaks;
  std::string_view name;
  unsigned weight;  // of 100
  bool udp() const { return speaks == Speaks::Dns || speaks == Speaks::Ntp || speaks == Speaks::Nothing; }
};
constexpr Service kUnnamed{From::Pods, 0, 5201, Speaks::Nothing, "", 0};
constexpr Service kServices[] = {
    {From::Pods, 0, 9018, Speaks::Http, "ai-gateway.xpander.svc.cluster.local", 18},
    {From::Pods, 0, 9016, Speaks::Http, "agent-controller.xpander.svc.cluster.local", 10},
    {From::Pods, 0, 5432, Speaks::Postgres, "", 10},
    {From::Pods, 0, 6379, Speaks::Redis, "", 12},
    {From::Pods, 0, kUnnamed.port, Speaks::Nothing, "", 4},
    {From::Pods, address(10, 20, 0, 10), 8000, Speaks::Http, "vllm.corp.example:8000", 10},
    {From::Pods, address(10, 20, 0, 11), 11434, Speaks::Http, "ollama.corp.example:11434", 4},
    {From::Pods, address(10, 20, 1, 10), 443, Speaks::Tls, "gitlab.corp.example", 8},
    {From::Pods, address(10, 20, 1, 11), 443, Speaks::Tls, "jira.corp.example", 4},
    {From::Pods, address(10, 20, 3, 10), 3100, Speaks::Http, "loki.corp.example:3100", 6},
    {From::Nodes, address(10, 20, 2, 10), 443, Speaks::Tls, "registry.corp.example", 4},
    {From::Pods, address(10, 20, 0, 53), 53, Speaks::Dns, "", 8},
    {From::Nodes, address(10, 20, 2, 123), 123, Speaks::Ntp, "", 2},
};
constexpr std::size_t kPods = 2'000, kNodes = 200;
constexpr Word kFirstPort = 32'768, kPorts = 28'000;
Word pod(std::size_t number) { return address(10, 42, 0, 0) + 256 + static_cast<Word>(number % kPods) * 16 + 5; }

struct Alive {
  const Service* service = nullptr;
  Word client = 0, server = 0;
  std::uint16_t port = 0;
  std::array<Word, 2> sequence{};  // next of client and server
  std::uint32_t sent = 0;          // packets so far
  std::uint32_t length = 0;        // packets in all
  std::uint32_t number = 0;
};

void put16(std::string& out, std::size_t value) {
  out += static_cast<char>(value >> 8 & 0xFF);
  out += static_cast<char>(value & 0xFF);
}

// A TLS 1.2 client hello with a server name, in one record.
std::string client_hello(std::string_view name) {
  std::string sni;
  put16(sni, name.size() + 3);
  sni += '\0';
  put16(sni, name.size());
  sni += name;
  std::string body("\x03\x03", 2);
  body += std::string(32, 'r') + std::string(1, '\0') + std::string("\x00\x02\x13\x01\x01\x00", 6);
  put16(body, sni.size() + 4);
  put16(body, 0);
  put16(body, sni.size());
  body += sni;
  std::string record("\x16\x03\x01", 3);
  put16(record, body.size() + 4);
  record += std::string("\x01\x00", 2);
  put16(record, body.size());
  return record + body;
}

std::string question(std::uint32_t number, bool answer) {
  std::string out;
  put16(out, number & 0xFFFF);
  put16(out, answer ? 0x8180 : 0x0100);
  for (const std::size_t count : {std::size_t{1}, std::size_t{answer}, std::size_t{0}, std::size_t{0}})
    put16(out, count);
  const std::string host = "h" + std::to_string(number % 1'000);
  for (const std::string_view label : {std::string_view(host), std::string_view("corp"), std::string_view("example")}) {
    out += static_cast<char>(label.size());
    out += label;
  }
  out += std::string("\x00\x00\x01\x00\x01", 5);
  if (answer) out += std::string("\xC0\x0C\x00\x01\x00\x01\x00\x00\x00\x3C\x00\x04\x0A\x14\x01\x0A", 16);
  return out;
}

// What a side says first; what follows is filler.
std::string opening(const Alive& flow, bool client) {
  switch (flow.service->speaks) {
    case Speaks::Http:
      return client ? "POST /v1/tasks HTTP/1.1\r\nHost: " + std::string(flow.service->name) +
                          "\r\nContent-Type: application/json\r\nContent-Length: 100000000\r\n\r\n"
                    : "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000000\r\n\r\n";
    case Speaks::Tls:
      return client ? client_hello(flow.service->name)
                    : std::string("\x16\x03\x03\x40\x00\x02\x00\x3F\xFC\x03\x03", 11);
    case Speaks::Postgres:
      return client ? std::string("\x00\x00\x00\x29\x00\x03\x00\x00user\0agents\0database\0agents\0\0", 41)
                    : std::string("R\0\0\0\x08\0\0\0\0", 9);
    case Speaks::Redis:
      return client ? "*3\r\n$3\r\nSET\r\n$4\r\ntask\r\n" : "+OK\r\n";
    case Speaks::Dns:
      return question(flow.number, !client);
    case Speaks::Ntp:
      return std::string(1, client ? '\x23' : '\x24') + std::string(47, '\0');
    case Speaks::Nothing:
      return {};
  }
  return {};
}

class Capture {
 public:
  Capture(const char* path, bool small) : out_(std::fopen(path, "wb")), small_(small), random_(20261125) {
    if (out_ == nullptr) return;
    buffer_.resize(1 << 22);
    std::setvbuf(out_, buffer_.data(), _IOFBF, buffer_.size());
    for (std::size_t i = 0; i < 65'536; ++i) filler_ += static_cast<char>(random_.next());
    const std::uint32_t header[] = {0xA1B2C3D4U, 0x00040002U, 0, 0, 262'144, 1};
    write(header, sizeof header);
  }
  bool good() const { return out_ != nullptr && std::ferror(out_) == 0; }
  bool close() { return std::fclose(out_) == 0; }
  std::uint64_t packets() const { return packets_; }
  std::uint64_t bytes() const { return bytes_; }

  // The next packet of the flow.
  void send(Alive& flow) {
    const bool udp = flow.service->udp();
    const std::uint32_t at = flow.sent++;
    if (udp) return send_udp(flow, at % 2 == 0);
    constexpr std::uint8_t kFin = 1, kSyn = 2, kAck = 16;
    if (at == 0) return send_tcp(flow, true, kSyn, 60, {}, 1);
    if (at == 1) return send_tcp(flow, false, kSyn | kAck, 60, {}, 1);
    if (at == 2) return send_tcp(flow, true, kAck, 60, {}, 0);
    if (at + 2 >= flow.length) return send_tcp(flow, at + 2 == flow.length, kFin | kAck, 60, {}, 1);
    if (small_) return send_tcp(flow, at % 2 == 1, kAck, 60, {}, 0);
    if (at < 5) return send_tcp(flow, at == 3, kAck | 8, 590, opening(flow, at == 3), 0);
    const std::size_t length = due();
    send_tcp(flow, random_.below(3) == 0, length == 60 ? kAck : kAck | 8, length, {}, 0);
  }

 private:
  // The length that is most behind its share.
  std::size_t due() const {
    constexpr std::array<std::int64_t, 3> kShare{7, 4, 1};
    constexpr std::array<std::size_t, 3> kLength{60, 590, 1514};
    std::size_t best = 0;
    std::int64_t most = INT64_MIN;
    for (std::size_t i = 0; i < 3; ++i) {
      const std::int64_t behind = kShare[i] * static_cast<std::int64_t>(packets_) - 12 * counts_[i];
      if (behind > most) most = behind, best = i;
    }
    return kLength[best];
  }

  void send_tcp(Alive& flow, bool client, std::uint8_t flags, std::size_t length, const std::string& text,
                Word counts) {
    begin(flow, client, 6);
    const std::size_t payload = length == 60 ? 0 : length - 54;
    put32(flow.sequence[client ? 0 : 1]);
    put32((flags & 16) != 0 ? flow.sequence[client ? 1 : 0] : 0);
    put(0x50), put(flags), put(0xFF), put(0xFF), put(0), put(0), put(0), put(0);
    fill(text, payload);
    flow.sequence[client ? 0 : 1] += static_cast<Word>(payload) + counts;
    finish(length, 40 + payload);
  }

  void send_udp(Alive& flow, bool client) {
    const std::string text = small_ ? "" : opening(flow, client);
    const std::size_t payload = std::max<std::size_t>(text.size(), 18);
    begin(flow, client, 17);
    put(static_cast<std::uint8_t>((payload + 8) >> 8)), put(static_cast<std::uint8_t>(payload + 8)), put(0), put(0);
    fill(text, payload);
    finish(42 + payload, 28 + payload);
  }

  void put(std::uint8_t byte) { frame_[size_++] = byte; }
  void put32(Word value) {
    put(static_cast<std::uint8_t>(value >> 24)), put(static_cast<std::uint8_t>(value >> 16)),
        put(static_cast<std::uint8_t>(value >> 8)), put(static_cast<std::uint8_t>(value));
  }

  // Ethernet, IPv4 and the ports.
  void begin(const Alive& flow, bool client, std::uint8_t protocol) {
    static constexpr std::array<std::uint8_t, 34> kHead{0x02, 0, 0,    0,    0,    0x01, 0x02, 0, 0,
                                                        0,    0, 0x02, 0x08, 0x00,  // Ethernet
                                                        0x45, 0, 0,    0,    0,    0,    0x40, 0, 64};
    std::copy(kHead.begin(), kHead.end(), frame_.begin());
    size_ = 18;
    put(static_cast<std::uint8_t>(packets_ >> 8)), put(static_cast<std::uint8_t>(packets_));
    size_ = 23;
    put(protocol);
    size_ = 26;
    put32(client ? flow.client : flow.server), put32(client ? flow.server : flow.client);
    const std::uint16_t from = client ? flow.port : flow.service->port, to = client ? flow.service->port : flow.port;
    put(static_cast<std::uint8_t>(from >> 8)), put(static_cast<std::uint8_t>(from));
    put(static_cast<std::uint8_t>(to >> 8)), put(static_cast<std::uint8_t>(to));
  }

  void fill(const std::string& text, std::size_t payload) {
    const std::size_t head = std::min(text.size(), payload);
    std::memcpy(frame_.data() + size_, text.data(), head);
    const std::size_t rest = payload - head;
    std::memcpy(frame_.data() + size_ + head, filler_.data() + random_.below(filler_.size() - 1'600), rest);
    size_ += payload;
  }

  void finish(std::size_t length, std::size_t total) {
    while (size_ < length) put(0);
    frame_[16] = static_cast<std::uint8_t>(total >> 8), frame_[17] = static_cast<std::uint8_t>(total);
    Word sum = 0;
    for (std::size_t i = 14; i < 34; i += 2) sum += static_cast<Word>(frame_[i] << 8 | frame_[i + 1]);
    sum = (sum & 0xFFFF) + (sum >> 16);
    sum = ~((sum & 0xFFFF) + (sum >> 16));
    frame_[24] = static_cast<std::uint8_t>(sum >> 8), frame_[25] = static_cast<std::uint8_t>(sum);
    time_ += 1 + random_.below(2);
    const std::uint32_t record[] = {static_cast<std::uint32_t>(1'795'611'600 + time_ / 1'000'000),
                                    static_cast<std::uint32_t>(time_ % 1'000'000), static_cast<std::uint32_t>(size_),
                                    static_cast<std::uint32_t>(size_)};
    write(record, sizeof record);
    write(frame_.data(), size_);
    ++packets_;
    ++counts_[size_ < 590 ? 0 : size_ == 590 ? 1 : 2];
  }

  void write(const void* data, std::size_t size) {
    std::fwrite(data, 1, size, out_);
    bytes_ += size;
  }

  std::FILE* out_;
  bool small_;
  Random random_;
  std::vector<char> buffer_;
  std::string filler_;
  std::array<std::uint8_t, 2'048> frame_{};
  std::size_t size_ = 0;
  std::uint64_t packets_ = 0, bytes_ = 0, time_ = 0;
  std::array<std::int64_t, 3> counts_{};
};

// Few flows are long and most are short; `mean` packets on average.
std::uint32_t flow_length(Random& random, double mean) {
  const std::size_t draw = random.below(1'000);
  const double factor = draw < 700 ? 0.4 : draw < 950 ? 1 : draw < 999 ? 5 : 225;
  return static_cast<std::uint32_t>(std::clamp(mean * factor, 1.0, 1e7));
}

Alive open_flow(std::uint32_t number, bool small, Random& random, double mean) {
  Alive flow;
  flow.number = number;
  std::size_t draw = random.below(100);
  flow.service = &kServices[std::size(kServices) - 1];
  for (const Service& service : kServices) {
    if (draw < service.weight) {
      flow.service = &service;
      break;
    }
    draw -= service.weight;
  }
  if (small && flow.service->udp()) flow.service = &kUnnamed;  // no DNS or NTP message is as short as that
  // (client, port) is never given twice as long as there are fewer than kNodes * kPorts flows.
  flow.client =
      flow.service->from == From::Pods ? pod(number) : address(10, 10, 0, 2) + static_cast<Word>(number % kNodes);
  flow.port =
      static_cast<std::uint16_t>(kFirstPort + number / (flow.service->from == From::Pods ? kPods : kNodes) % kPorts);
  flow.server = flow.service->server != 0 ? flow.service->server : pod(number + 1 + random.below(kPods - 1));
  flow.sequence = {static_cast<Word>(random.next()), static_cast<Word>(random.next())};
  const std::uint32_t least = flow.service->udp() ? 2 : 5;  // a handshake and both ends' FIN
  flow.length = std::max(least, flow_length(random, mean));
  if (flow.service->udp()) flow.length = 2;
  return flow;
}

}  // namespace

int main(int argc, char** argv) {
  const bool small = argc == 6 && std::string_view(argv[4]) == "small";
  if (argc != 6 || (!small && std::string_view(argv[4]) != "imix")) {
    std::fputs("usage: make_capture OUT.pcap BYTES FLOWS imix|small ALIVE\n", stderr);
    return 2;
  }
  const double bytes = std::strtod(argv[2], nullptr);
  const auto flows = static_cast<std::uint32_t>(std::strtoul(argv[3], nullptr, 10));
  const std::size_t alive = std::max<std::size_t>(1, std::strtoul(argv[5], nullptr, 10));
  const double record = small ? 76 : 16 + (7 * 60 + 4 * 590 + 1514) / 12.0;
  Capture capture(argv[1], small);
  if (!capture.good()) return std::perror(argv[1]), 4;

  Random random(5);
  std::vector<Alive> window;
  std::uint32_t opened = 0;
  double promised = 0;  // packets of flows that were opened
  while (true) {
    while (window.size() < alive && opened < flows) {
      window.push_back(open_flow(opened, small, random, (bytes / record - promised) / (flows - opened)));
      promised += window.back().length;
      ++opened;
    }
    if (window.empty()) break;
    const std::size_t at = random.below(window.size());
    capture.send(window[at]);
    if (window[at].sent < window[at].length) continue;
    window[at] = window.back();
    window.pop_back();
  }
  if (!capture.good() || !capture.close()) return std::perror(argv[1]), 4;
  std::printf("%llu %llu %u\n", static_cast<unsigned long long>(capture.packets()),
              static_cast<unsigned long long>(capture.bytes()), opened);
  return 0;
}
