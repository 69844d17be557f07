// Traffic of independent flows, from a seeded engine, and captures of it.
#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/auditor/capture/capture_bytes.h"
#include "tests/auditor/classify/classifier_bench.h"

namespace airtight::audit::test {

struct SentFrame {
  std::string bytes;
  std::int64_t time = 0;
  Direction direction = Direction::Unknown;
  std::uint32_t missing = 0;  // bytes that the snap length cut
};
using SentFlow = std::vector<SentFrame>;

// Flow number `which`, of a kind that the engine chooses: clean ones and one of each sort of finding.
inline SentFlow random_flow(std::mt19937_64& engine, unsigned which) {
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(engine() % bound); };
  const std::string pod = "10.42." + std::to_string(which / 250) + "." + std::to_string(1 + which % 250);
  const unsigned from = 20'000 + which;
  SentFlow flow;
  const auto send = [&](std::string bytes) { flow.push_back({std::move(bytes), 0, Direction::Unknown, 0}); };
  const auto connect = [&](const std::string& client, const std::string& server, unsigned port,
                           const std::string& stream) {
    send(v4(6, client, server, flagged(kSyn, from, port, {}, 99)));
    send(v4(6, server, client, flagged(kSyn | kAck, port, from, {}, 7)));
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t size = std::min<std::size_t>(stream.size() - at, 1 + below(200));
      send(v4(6, client, server, flagged(kAck, from, port, stream.substr(at, size), 100 + static_cast<unsigned>(at))));
      at += size;
    }
    if (below(2) == 0) send(v4(6, client, server, flagged(kFin | kAck, from, port, {}, 100)));
  };
  const std::string names[] = {"vllm.corp.example", "api.openai.com", "x" + std::to_string(which % 7) + ".example"};
  switch (below(18)) {
    case 0:
      connect(pod, "10.20.0.10", 8000, client_hello(names[below(3)]));
      break;
    case 1:
      connect(pod, "10.20.0.10", 8000, http_get(names[below(3)]) + http_get(names[below(3)]));
      break;
    case 2:
      connect(pod, "198.51.100." + std::to_string(below(5)), 443, client_hello(names[1]));
      break;
    case 3:
      connect(pod, "10.42.255." + std::to_string(1 + below(9)), 9018, "hello there");
      break;
    case 4:
      connect("198.51.100." + std::to_string(below(5)), "10.10.0.3", 22, "SSH-2.0-x\r\n");
      break;
    case 5:
      connect(pod, "203.0.113.7", 443, client_hello("partner.example"));
      break;
    case 6:
      connect(pod, "10.30.0.9", 8443, client_hello(names[0]).substr(0, 40));
      break;
    case 7:
      send(v4(17, pod, "10.20.0.53", udp(from, 53, dns(kOutsideName))));
      send(v4(17, "10.20.0.53", pod, udp(53, from, dns(kOutsideName, below(2) == 0 ? "8183" : "8180"))));
      break;
    case 8:
      send(v4(17, pod, "10.20.0.53", udp(from, 53, dns(kInsideName))));
      send(v4(17, "10.20.0.53", pod,
              udp(53, from, dns(kInsideName, "8180", 1, "c00c 0001 0001 00000001 0004 c6336409"))));
      break;
    case 9: {
      const std::string question = udp(from, 53, dns(kOutsideName));
      send(eth(0x0800, ip4(17, pod, "10.20.0.53", question.substr(0, 24), {}, 0x2000)));
      send(eth(0x0800, ip4(17, pod, "10.20.0.53", question.substr(24), {}, 3)));
      if (below(2) == 0) std::swap(flow[0], flow[1]);
      break;
    }
    case 10:
      for (unsigned i = 0; i <= below(4); ++i)
        send(v4(4, pod, "10.30.0.8", ip4(17, pod, "192.0.2.77", udp(from, 9999, "inner"))));
      break;
    case 11:
      send(eth(0x88e1, u32(which) + "power line"));
      break;
    case 12:
      send(eth(0x0800, hex("43 00 0014") + u32(which)));
      break;
    case 13:
      send(eth(0x8100, hex("0064 0800") + ip4(17, pod, "10.42.255.1", udp(from, 7000, "tagged"))));
      break;
    case 14:
      send(eth(0x0806, hex("0001 0800 06 04 0001 02000000000a 0a0a0001 000000000000 0a0a0002")));
      {
        const std::string six = "fd00:42::" + std::to_string(1 + which);
        send(v6(17, six, "2001:db8::9", udp(from, 9, "v6")));
        send(v6(17, "2001:db8::9", six, udp(9, from, "v6")));
        send(eth(0x88a8, hex("0064 0800") + ip4(17, pod, "10.42.255.1", udp(from, 7000, "tagged"))));
        send(eth(0x88a8, hex("0064 0800") + ip4(17, "10.42.255.1", pod, udp(7000, from, "tagged"))));
      }
      break;
    case 15:
      connect(pod, "10.20.0.10", 8000,
              "POST / HTTP/1.1\r\nHost: vllm.corp.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" +
                  http_get(names[below(3)]));
      break;
    case 16:  // what is not understood, then a hello; then the same ports again
      connect(pod, "10.20.0.10", 8000, "\xff unknown" + client_hello(names[below(3)]));
      send(v4(6, pod, "10.20.0.10", flagged(kSyn, from, 8000, {}, 5'000)));
      send(v4(6, pod, "10.20.0.10", flagged(kAck, from, 8000, client_hello(names[below(3)]), 5'001)));
      break;
    default:
      send(v4(17, pod, "10.42.255.1", udp(from, 7000, std::string(below(3) == 0 ? 60'000 : 60, 'x'))));
      send(v4(17, "10.42.255.1", pod, udp(7000, from, "answer")));
      break;
  }
  return flow;
}

// The flows interleaved, each in its own order.
inline std::vector<SentFrame> interleaved(const std::vector<SentFlow>& flows, std::mt19937_64& engine) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < flows.size(); ++i) order.insert(order.end(), flows[i].size(), i);
  std::shuffle(order.begin(), order.end(), engine);
  std::vector<std::size_t> next(flows.size());
  std::vector<SentFrame> frames;
  for (const std::size_t i : order) frames.push_back(flows[i][next[i]++]);
  return frames;
}

struct Traffic {
  std::vector<SentFlow> flows;    // with times
  std::vector<SentFrame> frames;  // in order of time
};
inline Traffic random_traffic(std::mt19937_64& engine, unsigned flow_count) {
  Traffic traffic;
  for (unsigned i = 0; i < flow_count; ++i) traffic.flows.push_back(random_flow(engine, i));
  // Times are given to places in an interleaving, so that both orders hold.
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < traffic.flows.size(); ++i) order.insert(order.end(), traffic.flows[i].size(), i);
  std::shuffle(order.begin(), order.end(), engine);
  std::vector<std::size_t> next(traffic.flows.size());
  std::int64_t time = kNow;
  for (const std::size_t i : order) {
    SentFrame& frame = traffic.flows[i][next[i]++];
    frame.time = time += 1000 * static_cast<std::int64_t>(1 + engine() % 5);
    traffic.frames.push_back(frame);
  }
  return traffic;
}

// Nanoseconds, little-endian, without names.
inline std::string pcap_of(const std::vector<SentFrame>& frames) {
  const Writer write(false);
  std::string file = write.header(0xa1b23c4d);
  for (const SentFrame& frame : frames) {
    file += write.record(static_cast<std::uint32_t>(frame.time / 1'000'000'000),
                         static_cast<std::uint32_t>(frame.time % 1'000'000'000), frame.bytes,
                         static_cast<std::uint32_t>(frame.bytes.size() + frame.missing));
  }
  return file;
}
// Interfaces of these names ("" has none) with nanoseconds; each frame on the one that `on` says.
template <class On>
std::string pcapng_of(const std::vector<SentFrame>& frames, const std::vector<std::string>& names, On on) {
  const Writer write(false);
  std::string file = write.section();
  for (const std::string& name : names) {
    const std::string named = name.empty() ? "" : write.option(2, name);
    file += write.interface(1, 0, named + write.option(9, "\x09") + write.end());
  }
  for (const SentFrame& frame : frames) {
    file += write.packet(on(frame), static_cast<std::uint64_t>(frame.time), frame.bytes,
                         static_cast<std::uint32_t>(frame.bytes.size() + frame.missing));
  }
  return file;
}

}  // namespace airtight::audit::test
