// The canary's shape held to the firewall's hole: to the text that the compiler emits, and to what a kernel makes of
// it.
#include "auditor/canary/shape.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstring>

#include "auditor/decode/packet.h"
#include "auditor/opener/opener.h"
#include "compiler/emit/packet_filter.h"
#include "compiler/emit/target.h"
#include "tests/auditor/canary/own_network.h"
#include "tests/spec/spec_text.h"

using namespace airtight;
using namespace airtight::audit;

namespace {

using Octets = std::vector<std::uint8_t>;

constexpr std::array<std::uint8_t, 6> kMac{0x02, 0, 0, 0, 0, 0x01};

Nonce some_nonce() {
  Nonce nonce;
  for (std::size_t i = 0; i < nonce.size(); ++i) nonce[i] = static_cast<std::uint8_t>(0xa0 + i);
  return nonce;
}

Octets sensor(CanaryFamily family) {
  return canary_frame(CanaryKind::Sensor, family, kMac,
                      *Ip::parse(family == CanaryFamily::Ipv4 ? "10.10.0.7" : "fd00:10::7"), some_nonce());
}

Frame seen(const Octets& bytes) {
  Frame frame;
  frame.bytes = bytes;
  frame.original = static_cast<std::uint32_t>(bytes.size());
  return frame;
}

std::string hex(const Octets& bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

Policy sample() {
  Reading reading;
  reading.add(text_of(AIRTIGHT_SOURCE_DIR "/tests/golden/ipv4-only/spec.yaml"));
  const auto policy = reading.policy();
  INFO(reading.errors());
  REQUIRE(policy.has_value());
  return *policy;
}

std::string emitted_egress() {
  const TargetId nftables = TargetId::Nftables;
  for (const Artifact& artifact : emit_targets(sample(), {&nftables, 1})) {
    if (artifact.path == "nftables/airtight-egress.nft") return artifact.content;
  }
  FAIL("no egress table was emitted");
  return {};
}

// One way in which a frame is no sensor canary.
struct Deviation {
  const char* what;
  std::size_t at;  // octet that changes
  std::uint8_t value;
  std::size_t longer = 0;  // octets put behind
  std::size_t insert = 0;  // octets of 1 (no operation) put in behind the IPv4 header
};

constexpr Deviation kIpv4[] = {
    {"another MAC address", 5, 0x01},
    {"a group MAC address", 0, 0x03},
    {"another EtherType", 13, 0x06},
    {"a longer header", 14, 0x46, 0, 4},
    {"a longer total length", 17, 61, 1},
    {"a shorter total length", 17, 59},
    {"an octet behind it", 17, 60, 1},
    {"a fragment that is not the last", 20, 0x60},
    {"a fragment that is not the first", 21, 0x01},
    {"fragmentation allowed", 20, 0x00},
    {"hop limit 2", 22, 2},
    {"hop limit 0", 22, 0},
    {"TCP", 23, 6},
    {"another address", 33, 0xfd},
    {"an outside address", 30, 203},
    {"another port", 37, 53},
    {"another UDP length", 39, 41},
};
constexpr Deviation kIpv6[] = {
    {"another MAC address", 5, 0x01},
    {"another EtherType", 13, 0x00},
    {"another payload length", 19, 41, 1},
    {"an octet behind it", 19, 40, 1},
    {"hop limit 2", 21, 2},
    {"a fragment header", 20, 44},
    {"a hop-by-hop header", 20, 0},
    {"TCP", 20, 6},
    {"another address", 53, 0x08},
    {"another port", 57, 53},
    {"another UDP length", 59, 39},
};

Octets bent(CanaryFamily family, const Deviation& deviation) {
  Octets frame = sensor(family);
  frame[deviation.at] = deviation.value;
  frame.insert(frame.begin() + 34, deviation.insert, 1);
  frame.insert(frame.end(), deviation.longer, 0);
  return frame;
}

void add_sum(Octets& frame) {
  frame[24] = frame[25] = 0;
  std::uint32_t sum = 0;
  for (std::size_t i = 14; i < 34; i += 2) sum += static_cast<std::uint32_t>(frame[i] << 8 | frame[i + 1]);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  frame[24] = static_cast<std::uint8_t>(~sum >> 8);
  frame[25] = static_cast<std::uint8_t>(~sum);
}

// A raw sender on eth0, and somebody at the other end of the wire.
class Wire {
 public:
  Wire() : raw_(::socket(AF_PACKET, SOCK_RAW, 0)), end_(::socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL))) {
    sockaddr_ll at{};
    at.sll_family = AF_PACKET;
    at.sll_protocol = htons(ETH_P_ALL);
    at.sll_ifindex = static_cast<int>(::if_nametoindex("peer0"));
    if (::bind(end_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) throw std::runtime_error("bind");
  }

  void mark(std::uint32_t value) {
    if (::setsockopt(raw_.get(), SOL_SOCKET, SO_MARK, &value, sizeof value) != 0) throw std::runtime_error("mark");
  }

  // 0 or the errno.
  int send(const Octets& frame) {
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = static_cast<int>(::if_nametoindex("eth0"));
    to.sll_protocol = htons(frame[12] == 0x08 ? ETH_P_IP : ETH_P_IPV6);
    to.sll_halen = 6;
    return ::sendto(raw_.get(), frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0
               ? errno
               : 0;
  }

  bool arrives(const Octets& frame) {
    Octets got(2048);
    pollfd one{end_.get(), POLLIN, 0};
    while (::poll(&one, 1, 5000) == 1) {
      const ssize_t size = ::recv(end_.get(), got.data(), got.size(), MSG_TRUNC);
      if (size == static_cast<ssize_t>(frame.size()) && std::memcmp(got.data(), frame.data(), frame.size()) == 0)
        return true;
    }
    return false;
  }

 private:
  Fd raw_, end_;
};

}  // namespace

TEST_CASE("a sensor canary, octet by octet") {
  CHECK(hex(sensor(CanaryFamily::Ipv4)) ==
        "026169727400"
        "020000000001"
        "0800"
        "4500003c000040000111aca2"
        "0a0a0007"
        "c00002fe"
        "617400090028"
        "d606"
        "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf");
  CHECK(hex(sensor(CanaryFamily::Ipv6)) ==
        "026169727400"
        "020000000001"
        "86dd"
        "600000000028"
        "1101"
        "fd000010000000000000000000000007"
        "20010db8000000000000000000a10007"
        "617400090028"
        "779d"
        "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf");
}

TEST_CASE("no enforcement canary can be taken for a sensor canary") {
  for (const CanaryFamily family : {CanaryFamily::Ipv4, CanaryFamily::Ipv6}) {
    const Ip source = *Ip::parse(family == CanaryFamily::Ipv4 ? "10.10.0.7" : "fd00:10::7");
    CHECK(sensor_nonce(seen(canary_frame(CanaryKind::Sensor, family, kMac, source, some_nonce()))) == some_nonce());
    for (const CanaryKind kind : {CanaryKind::Raw, CanaryKind::RawBypass}) {
      INFO(to_string(kind) << " " << to_string(family));
      const Octets frame = canary_frame(kind, family, kMac, source, some_nonce());
      CHECK(frame.size() == (family == CanaryFamily::Ipv4 ? 74 : 94));
      CHECK(sensor_nonce(seen(frame)) == std::nullopt);
    }
  }
}

TEST_CASE("a node without an address of the family sends from the unspecified one") {
  CHECK(sensor_nonce(seen(canary_frame(CanaryKind::Sensor, CanaryFamily::Ipv4, kMac, Ip::v4(0), some_nonce()))) ==
        some_nonce());
  CHECK(sensor_nonce(seen(canary_frame(CanaryKind::Sensor, CanaryFamily::Ipv6, kMac, Ip::v6(0), some_nonce()))) ==
        some_nonce());
}

TEST_CASE("whatever bit of a sensor canary is changed, but for its sources, it is none or has another nonce") {
  for (const CanaryFamily family : {CanaryFamily::Ipv4, CanaryFamily::Ipv6}) {
    const Octets good = sensor(family);
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
      if (bit / 8 >= 6 && bit / 8 < 12) continue;  // the source MAC address
      Octets frame = good;
      frame[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
      INFO(to_string(family) << ", octet " << bit / 8);
      CHECK(sensor_nonce(seen(frame)) == std::nullopt);  // checksums hold addresses and nonce too
    }
    for (std::size_t size = 0; size < good.size(); ++size) {
      CHECK(sensor_nonce(seen(Octets(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)))) == std::nullopt);
    }
    Frame cut = seen(good);
    ++cut.original;
    CHECK(sensor_nonce(cut) == std::nullopt);
    Frame cooked = seen(good);
    cooked.link = LinkType::LinuxSll2;
    CHECK(sensor_nonce(cooked) == std::nullopt);
  }
}

TEST_CASE("a frame whose checksums were made to fit is none either, if anything but its sources and nonce differs") {
  // Octet pairs that change by one; the first pair of the nonce changes against them.
  for (const auto& [family, pairs] : {std::pair{CanaryFamily::Ipv4, std::vector<std::size_t>{34}},
                                      std::pair{CanaryFamily::Ipv6, std::vector<std::size_t>{54, 52}}}) {
    for (const std::size_t at : pairs) {
      INFO(to_string(family) << ", octet " << at);
      Octets frame = sensor(family);
      ++frame[at + 1];
      --frame[family == CanaryFamily::Ipv4 ? 43 : 63];
      CHECK(sensor_nonce(seen(frame)) == std::nullopt);
    }
  }
  // Type of service against identification, in the IPv4 header.
  Octets frame = sensor(CanaryFamily::Ipv4);
  frame[15] = 1;
  frame[18] = frame[19] = 0xff;
  frame[19] = 0xfe;
  CHECK(sensor_nonce(seen(frame)) == std::nullopt);
  // A flow label stands in no checksum.
  frame = sensor(CanaryFamily::Ipv6);
  frame[17] = 1;
  CHECK(sensor_nonce(seen(frame)) == std::nullopt);
}

TEST_CASE("the constants are those of the compiler's hole") {
  using Hole = SensorCanary;
  CHECK(kCanaryMark == Hole::kMark);
  CHECK(kSensorIpv4 == Hole::kIpv4);
  CHECK(kSensorIpv6 == Hole::kIpv6);
  CHECK(kSensorPort == Hole::kPort);
  CHECK(sensor(CanaryFamily::Ipv4).size() == Hole::kIpv4Frame);
  CHECK(sensor(CanaryFamily::Ipv6).size() == Hole::kIpv6Frame);
  std::uint64_t mac = 0;
  for (const std::uint8_t octet : kUnownedMac) mac = mac << 8 | octet;
  CHECK(mac == Hole::kMac);
}

// Reads every "@ll,BIT,SIZE VALUE" of the rule and holds it to the frame, so that the rule itself says what is
// compared.
TEST_CASE("the emitted rule fits the frame that we send, field by field") {
  const std::string text = emitted_egress();
  for (const CanaryFamily family : {CanaryFamily::Ipv4, CanaryFamily::Ipv6}) {
    const Octets frame = sensor(family);
    const std::size_t comment =
        text.find(family == CanaryFamily::Ipv4 ? "\"the sensor canary, IPv4\"" : "\"the sensor canary, IPv6\"");
    REQUIRE(comment != std::string::npos);
    const std::size_t begin = text.rfind('\n', comment) + 1;
    const std::string rule = text.substr(begin, comment - begin);
    INFO(rule);
    CHECK(rule.find("meta mark 0x61697274 ") != std::string::npos);
    CHECK(rule.find("meta length " + std::to_string(frame.size()) + " ") != std::string::npos);
    unsigned fields = 0;
    for (std::size_t at = rule.find("@ll,"); at != std::string::npos; at = rule.find("@ll,", at + 1), ++fields) {
      unsigned bit = 0, size = 0;
      char value[64] = {};
      REQUIRE(std::sscanf(rule.c_str() + at, "@ll,%u,%u %63s", &bit, &size, value) == 3);
      std::string want = value;
      if (want.starts_with("0x")) {
        want = want.substr(2);
      } else {
        char digits[40];
        std::snprintf(digits, sizeof digits, "%0*x", static_cast<int>(size / 4),
                      static_cast<unsigned>(std::stoul(want)));
        want = digits;
      }
      CHECK(want == hex(frame).substr(bit / 4, size / 4));
    }
    CHECK(fields == (family == CanaryFamily::Ipv4 ? 9 : 7));
  }
}

TEST_CASE("a kernel lets the sensor canary out, and nothing that differs from it in one thing") {
  if (!may_make_networks()) {
    WARN("SKIPPED the emitted hole in a kernel: needs root");
    return;
  }
  const OwnNetwork network;
  run("ip link add eth0 type veth peer name peer0 && ip link set eth0 up && ip link set peer0 up");
  load_rules(emitted_egress());
  Wire wire;
  for (const CanaryFamily family : {CanaryFamily::Ipv4, CanaryFamily::Ipv6}) {
    INFO(to_string(family));
    const bool v4 = family == CanaryFamily::Ipv4;
    wire.mark(kCanaryMark);
    CHECK(wire.send(sensor(family)) == 0);
    CHECK(wire.arrives(sensor(family)));
    const Octets anywhere =
        canary_frame(CanaryKind::Sensor, family, kUnownedMac, v4 ? Ip::v4(0) : Ip::v6(0), some_nonce());
    CHECK(wire.send(anywhere) == 0);
    CHECK(wire.arrives(anywhere));
    for (const Deviation& deviation : v4 ? std::vector<Deviation>(std::begin(kIpv4), std::end(kIpv4))
                                         : std::vector<Deviation>(std::begin(kIpv6), std::end(kIpv6))) {
      INFO(deviation.what);
      Octets frame = bent(family, deviation);
      if (v4 && deviation.insert == 0) add_sum(frame);  // it is the deviation that is refused, not the checksum
      // ARP is let out whatever it says: the one deviation that is another rule's.
      if (v4 && deviation.at == 13) frame[12] = 0x88, frame[13] = 0xcc;
      CHECK(wire.send(frame) == ENOBUFS);
      CHECK(sensor_nonce(seen(frame)) == std::nullopt);
    }
    for (const CanaryKind kind : {CanaryKind::Raw, CanaryKind::RawBypass}) {
      CHECK(wire.send(canary_frame(kind, family, kMac, v4 ? Ip::v4(0) : Ip::v6(0), some_nonce())) == ENOBUFS);
    }
    for (const std::uint32_t mark : {0U, kCanaryMark + 1, kCanaryMark ^ 0x80000000U}) {
      wire.mark(mark);
      CHECK(wire.send(sensor(family)) == ENOBUFS);
    }
    // An 802.1Q tag before it.
    wire.mark(kCanaryMark);
    Octets tagged = sensor(family);
    constexpr std::array<std::uint8_t, 4> kTag{0x81, 0x00, 0x00, 0x05};
    tagged.insert(tagged.begin() + 12, kTag.begin(), kTag.end());
    CHECK(wire.send(tagged) == ENOBUFS);
  }
}
