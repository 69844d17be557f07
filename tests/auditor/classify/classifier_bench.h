// A classifier at an uplink and at a pod side, what it says as text, and frames for it.
#pragma once

#include <array>
#include <catch2/catch.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auditor/classify/classifier.h"
#include "tests/auditor/decode/hello_builder.h"
#include "tests/auditor/decode/packet_text.h"
#include "tests/emit/sample_policy.h"

namespace airtight::audit::test {

inline constexpr std::int64_t kNow = 1'795'600'000'000'000'000;  // 2026-11-25
inline constexpr std::uint8_t kFin = 1, kSyn = 2, kRst = 4, kAck = 16;

// The sample policy with what its language has beside.
inline Policy policy_for_tests() {
  Policy policy = sample_policy();
  policy.cluster.l2 = {{"lldp", 0x88cc}};
  policy.cluster.dhcp_v4 = true;
  Tunnel tunnel;
  tunnel.kind = "vxlan";
  tunnel.carrier = airtight::udp(8472) | airtight::udp(7777);
  Tunnel wireguard;
  wireguard.kind = "wireguard";
  wireguard.carrier = airtight::udp(51820);
  policy.cluster.tunnels = {tunnel, wireguard};
  Multicast vrrp;
  vrrp.group = ip_of("224.0.0.18");
  vrrp.protocol = "vrrp";
  vrrp.number = 112;
  policy.multicast = {vrrp};
  policy.exceptions.push_back({peer_of(policy, "nodes"), prefix_of("203.0.113.8/32"), airtight::udp(123), "SEC-13",
                               "ciso", Date{2026, 1, 31}, at_line(34)});
  policy.exceptions.push_back({peer_of(policy, "nodes"), prefix_of("203.0.113.10/32"), airtight::udp(123), "SEC-14",
                               "ciso", Date{2026, 11, 25}, at_line(35)});
  policy.exceptions.push_back({peer_of(policy, "workers"), prefix_of("203.0.113.20/32"),
                               ServiceSet::protocol(Protocol::Tcp), "SEC-15", "ciso", Date{2027, 6, 30}, at_line(36)});
  derive(policy);
  return policy;
}
inline const Policy& shared_policy() {
  static const Policy policy = policy_for_tests();
  return policy;
}
inline const Boundary& shared_boundary() {
  static const Boundary boundary(shared_policy());
  return boundary;
}

inline std::string text_of(const Mark& mark) {
  std::string text(info(mark.rule).id);
  text += " " + std::string(to_string(mark.cls)) + " " + std::string(to_string(mark.effect));
  if (mark.has_addresses) text += " " + to_string(mark.source) + " > " + to_string(mark.destination);
  if (mark.protocol >= 0) text += " p" + std::to_string(mark.protocol);
  if (mark.ether_type >= 0) text += " type " + std::to_string(mark.ether_type);
  if (mark.port >= 0) text += " port " + std::to_string(mark.port);
  if (!mark.name.empty()) text += " " + std::string(mark.name);
  if (!mark.detail.empty()) text += " (" + std::string(mark.detail) + ")";
  if (mark.label) text += " {" + std::string(mark.label.title) + ": " + std::string(mark.label.entry) + "}";
  if (mark.guessed_direction) text += " guessed";
  return text;
}

// Takes down every mark as a line.
class Marks final : public MarkSink {
 public:
  void mark(const Frame& frame, const Point& point, const Mark& mark) override {
    if (quiet) return;
    text += (text.empty() ? "" : "\n") + text_of(mark);
    last_frame = frame;
    last_point = point;
    fingerprints.push_back(mark.fingerprint);
  }
  std::string text;
  Frame last_frame;
  Point last_point;
  std::vector<std::uint64_t> fingerprints;
  bool quiet = false;
};
class Names final : public NameSink {
 public:
  void seen(NameFrom from, std::string_view name, bool inside) override {
    if (quiet) return;
    text += std::string(to_string(from)) + " " + std::string(name) + (inside ? " inside\n" : " outside\n");
  }
  std::string text;
  bool quiet = false;
};

// A classifier with two points: an uplink and a pod side.
class Bench {
 public:
  explicit Bench(std::size_t flows = 256, const Boundary& boundary = shared_boundary())
      : classifier(boundary, flows, marks, names) {}

  Frame frame(const std::string& bytes) const {
    Frame made;
    made.bytes = Bytes(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    made.original = static_cast<std::uint32_t>(bytes.size()) + missing;
    made.link = link;
    made.direction = direction;
    made.time = time;
    made.number = number;
    return made;
  }
  // "class", then a line for each mark.
  std::string see(const std::string& bytes) {
    const Counts before = classifier.counts();
    marks.text.clear();
    ++number;
    const Role role = point.role;
    const RuleInfo* worst = classifier.see(frame(bytes), point, role == Role::Uplink ? 0 : 1);
    const Counts after = classifier.counts();
    std::string text;
    for (std::size_t i = 0; i < kClassCount; ++i)
      if (after.classes[i].packets != before.classes[i].packets) text += to_string(static_cast<Class>(i));
    // The worst rule is the first of the worst effect.
    if (worst == nullptr) {
      CHECK(marks.text == "");
    } else if (!marks.quiet) {
      CHECK(marks.text.find(worst->id) != std::string::npos);
    }
    worst_id = worst == nullptr ? "" : worst->id;
    return text + (marks.text.empty() ? "" : "\n") + marks.text;
  }
  // Names that were seen since the last time.
  std::string named() {
    std::string text;
    std::swap(text, names.text);
    return text;
  }

  Marks marks;
  Names names;
  Point uplink{Role::Uplink, "eth0", 0};
  Point pod{Role::PodSide, "cali1", 0};
  Point point = uplink;
  Direction direction = Direction::Unknown;
  LinkType link = LinkType::Ethernet;
  std::int64_t time = kNow;
  std::uint64_t number = 0;
  std::uint32_t missing = 0;
  std::string_view worst_id;
  Classifier classifier;
};

inline std::string flagged(std::uint8_t flags, unsigned source, unsigned destination, const std::string& payload = {},
                           std::uint32_t sequence = 0x01020304) {
  std::string segment = tcp(source, destination, payload);
  segment[13] = static_cast<char>(flags);
  segment.replace(4, 4, u32(sequence));
  return segment;
}
inline std::string v4(unsigned protocol, std::string_view source, std::string_view destination,
                      const std::string& payload) {
  return eth(0x0800, ip4(protocol, source, destination, payload));
}
inline std::string v6(unsigned protocol, std::string_view source, std::string_view destination,
                      const std::string& payload) {
  return eth(0x86dd, ip6(protocol, source, destination, payload));
}
inline std::string syn(std::string_view source, std::string_view destination, unsigned port, unsigned from = 40'000) {
  return v4(6, source, destination, flagged(kSyn, from, port));
}
inline std::string ack(std::string_view source, std::string_view destination, unsigned from, unsigned to,
                       const std::string& payload = {}, std::uint32_t sequence = 0x01020305) {
  return v4(6, source, destination, flagged(kAck, from, to, payload, sequence));
}
inline std::string fragment(std::string_view source, std::string_view destination, unsigned offset, bool more,
                            const std::string& payload, unsigned protocol = 17) {
  return eth(0x0800, ip4(protocol, source, destination, payload, {}, offset / 8 | (more ? 0x2000u : 0)));
}
inline std::string text_of(const Octets& bytes) { return {bytes.begin(), bytes.end()}; }
inline std::string client_hello(std::string_view name) {
  return text_of(in_records(hello_message(hello_body({server_name(name)}))));
}
inline std::string dns(std::string_view labels, std::string_view flags = "0100", unsigned answers = 0,
                       std::string_view records = "") {
  return hex("0007") + hex(flags) + hex("0001") + u16(answers) + hex("0000 0000") + hex(labels) + hex("0001 0001") +
         hex(records);
}
inline constexpr std::string_view kOutsideName = "03 617069 06 6f70656e6169 03 636f6d 00";          // api.openai.com
inline constexpr std::string_view kInsideName = "04 76 6c 6c 6d 04 636f7270 07 6578616d706c65 00";  // vllm.corp.example
inline std::string http_get(std::string_view host) {
  return "GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n";
}

}  // namespace airtight::audit::test
