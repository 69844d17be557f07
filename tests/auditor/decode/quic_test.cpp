#include "auditor/decode/quic.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>

#include "tests/auditor/allocation_counter.h"
#include "tests/auditor/decode/quic_sealer.h"

namespace airtight::audit {
namespace {

std::string shown(QuicStatus status, const ClientHello& hello) {
  constexpr std::string_view kNames[] = {"NotQuic",        "Handshake",     "ShortHeader", "NeedMore",
                                         "Found",          "ServerInitial", "Retry",       "VersionNegotiation",
                                         "UnknownVersion", "Undecryptable", "Malformed"};
  std::string out(kNames[static_cast<std::size_t>(status)]);
  if (hello.has_server_name) out += ' ' + std::string(hello.server_name.text());
  if (hello.alpn_dns) out += " dns";
  return out;
}
// The datagram is copied, so that the sanitizer sees a read past its end.
std::string read(QuicTable& table, const Octets& datagram, std::uint64_t flow = 1) {
  const Octets copy = datagram;
  ClientHello hello;
  const QuicStatus status = table.read(flow, copy, hello);
  return shown(status, hello);
}
std::string read_alone(const Octets& datagram) {
  QuicTable table(2);
  return read(table, datagram);
}
Octets joined(std::initializer_list<Octets> parts) {
  Octets out;
  for (const Octets& part : parts) append(out, part);
  return out;
}
template <std::size_t N>
std::string hex(const std::array<std::uint8_t, N>& bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : bytes) out += {kDigits[byte >> 4], kDigits[byte & 15]};
  return out;
}

// RFC 9001 §A.2 and RFC 9369 §A.2: one CRYPTO frame, for both versions.
constexpr std::string_view kRfcFrame =
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c000004130113"
    "02010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d00170018001000070005"
    "04616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce1"
    "5d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c0002400100"
    "3900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806"
    "048000ffff";

QuicSealer& sealer() {
  static QuicSealer made;
  return made;
}
const Octets kNamed = hello_message(hello_body({server_name("q.example"), extension(57, Octets(400, 3))}));
const Octets kOther = hello_message(hello_body({server_name("other.example"), extension(57, Octets(400, 3))}));
const Octets kServerId = from_hex("f067a5502a4262b5");  // that a server chose

TEST_CASE("quic: keys of the samples in RFC 9001 §A.1 and RFC 9369 §A.1") {
  QuicCrypto crypto;
  const Octets connection = from_hex("8394c8f03e515708");
  struct Row {
    std::uint32_t version;
    QuicSender sender;
    std::string_view key, iv, hp;
  };
  const Row rows[] = {
      {1, QuicSender::Client, "1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c",
       "9f50449e04a0e810283a1e9933adedd2"},
      {1, QuicSender::Server, "cf3a5331653c364c88f0f379b6067e37", "0ac1493ca1905853b0bba03e",
       "c206b8d9b9f0f37644430b490eeaa314"},
      {0x6b3343cf, QuicSender::Client, "8b1a0bc121284290a29e0971b5cd045d", "91f73e2351d8fa91660e909f",
       "45b95e15235d6f45a6b19cbcb0294ba9"},
      {0x6b3343cf, QuicSender::Server, "82db637861d55e1d011f19ea71d5d2a7", "dd13c276499c0249d3310652",
       "edf6d05c83121201b436e16877593c3a"},
  };
  for (const Row& row : rows) {
    INFO(row.version << " " << row.key);
    const QuicKeys keys = crypto.derive(*find_quic_version(row.version), connection, row.sender);
    CHECK(hex(keys.key) == row.key);
    CHECK(hex(keys.iv) == row.iv);
    CHECK(hex(keys.hp) == row.hp);
  }
}

TEST_CASE("quic: the client's Initial of RFC 9001 §A.2 and RFC 9369 §A.2") {
  struct Row {
    std::uint32_t version;
    std::string_view begin, end;  // of the 1,200 bytes that stand in the RFC; the last 16 authenticate all
  };
  const Row rows[] = {
      {1, "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9b",
       "e221af44860018ab0856972e194cd934"},
      {0x6b3343cf, "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485dd04de80",
       "a18b2faa745b6fe189cf772a9f84cbfc"},
  };
  for (const Row& row : rows) {
    QuicPlan plan;
    plan.version = row.version;
    plan.number = 2;
    const Octets packet = sealer().initial(plan, from_hex(kRfcFrame));
    REQUIRE(packet.size() == 1200);
    const Octets begin = from_hex(row.begin);
    CHECK(Octets(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(begin.size())) == begin);
    const Octets end = from_hex(row.end);
    CHECK(Octets(packet.end() - static_cast<std::ptrdiff_t>(end.size()), packet.end()) == end);
    CHECK(read_alone(packet) == "Found example.com");
  }
}

TEST_CASE("quic: the server's Initial of RFC 9001 §A.3 after the client's") {
  const Octets server = from_hex(
      "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb3"
      "8cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84"
      "022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc42158407dd074ee");
  QuicTable table(4);
  CHECK(read(table, server, 2) == "ServerInitial");
  CHECK(read(table, sealer().initial({}, from_hex(kRfcFrame))) == "Found example.com");
  CHECK(read(table, server, 2) == "ServerInitial");
}

TEST_CASE("quic: every version whose keys are known") {
  for (const std::uint32_t version :
       {0x1u, 0x6b3343cfu, 0xff00001du, 0xff00001eu, 0xff00001fu, 0xff000020u, 0xff000021u, 0xff000022u}) {
    QuicPlan plan;
    plan.version = version;
    INFO(std::hex << version);
    const Octets datagram = sealer().initial(plan, crypto_frame(kNamed, 0));
    CHECK(may_be_quic_initial(datagram));
    CHECK(read_alone(datagram) == "Found q.example");
  }
}

TEST_CASE("quic: packet numbers of every size, and counted from those before") {
  for (std::size_t size = 1; size <= 4; ++size) {
    QuicPlan plan;
    plan.number_size = size;
    plan.number = (std::uint64_t{1} << (8 * size)) - 1;
    INFO(size << " bytes");
    CHECK(read_alone(sealer().initial(plan, crypto_frame(kNamed, 0))) == "Found q.example");
  }
  QuicTable table(2);
  QuicPlan plan;
  plan.number = 0xfffffffe;
  CHECK(read(table, sealer().initial(plan, crypto_frame(kNamed, 0, 10))) == "NeedMore");
  plan.number = 0x100000003;  // of which the packet shows one byte
  plan.number_size = 1;
  CHECK(read(table, sealer().initial(plan, crypto_frame(kNamed, 10, 10))) == "NeedMore");
  plan.number = 0xfffffff0;  // late
  CHECK(read(table, sealer().initial(plan, crypto_frame(kNamed, 20))) == "Found q.example");
}

TEST_CASE("quic: CRYPTO frames over packets and datagrams, in every order") {
  const std::size_t size = kNamed.size();
  const Octets parts[] = {crypto_frame(kNamed, 0, 100), crypto_frame(kNamed, 90, 200), crypto_frame(kNamed, 290)};
  REQUIRE(size > 300);
  std::array<std::size_t, 3> order = {0, 1, 2};
  do {
    INFO(order[0] << order[1] << order[2]);
    CHECK(read_alone(sealer().initial({}, joined({parts[order[0]], {1}, parts[order[1]], {0, 0}, parts[order[2]]}))) ==
          "Found q.example");
    QuicTable datagrams(2);
    QuicPlan plan;
    CHECK(read(datagrams, sealer().initial(plan, parts[order[0]])) == "NeedMore");
    plan.number = 1;
    CHECK(read(datagrams, sealer().initial(plan, parts[order[1]])) == "NeedMore");
    CHECK(read(datagrams, sealer().initial(plan, parts[order[1]])) == "NeedMore");  // the same packet again
    plan.number = 2;
    CHECK(read(datagrams, sealer().initial(plan, parts[order[2]])) == "Found q.example");
    CHECK(read(datagrams, sealer().initial(plan, {1})) == "Found q.example");  // and stays known
    CHECK(read_alone(joined({sealer().initial(plan, parts[order[0]], 0), sealer().initial(plan, parts[order[1]], 0),
                             sealer().initial(plan, parts[order[2]])})) == "Found q.example");
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("quic: a hello cut at every byte, and into frames of one byte") {
  for (std::size_t cut = 1; cut < kNamed.size(); cut += 3) {
    INFO("cut at " << cut);
    QuicTable table(2);
    CHECK(read(table, sealer().initial({}, crypto_frame(kNamed, cut))) == "NeedMore");
    CHECK(read(table, sealer().initial({}, crypto_frame(kNamed, 0, cut))) == "Found q.example");
  }
  Octets frames;
  for (std::size_t i = kNamed.size(); i-- > 0;) append(frames, crypto_frame(kNamed, i, 1));
  CHECK(read_alone(sealer().initial({}, frames)) == "Found q.example");
}

TEST_CASE("quic: any cover of the hello by frames gives the hello when it is whole, and not before") {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    QuicTable table(2);
    QuicPlan plan;
    std::vector<bool> sent(kNamed.size());
    for (plan.number = 0; plan.number < 400; ++plan.number) {
      const std::size_t offset = random() % kNamed.size();
      const std::size_t size = std::min<std::size_t>(random() % 120, kNamed.size() - offset);
      for (std::size_t i = 0; i < size; ++i) sent[offset + i] = true;
      const bool whole = std::all_of(sent.begin(), sent.end(), [](bool byte) { return byte; });
      INFO("round " << round << ", packet " << plan.number);
      REQUIRE(read(table, sealer().initial(plan, crypto_frame(kNamed, offset, size), 100)) ==
              (whole ? "Found q.example" : "NeedMore"));
      if (whole) break;
    }
  }
}

TEST_CASE("quic: frames that an Initial may have, and others") {
  struct Row {
    std::string_view hex, expected, why;
  };
  const Row rows[] = {
      {"00 01", "NeedMore", "PADDING, PING"},
      {"02 05 00 01 00 0000", "NeedMore", "ACK of two ranges"},
      {"03 05 00 00 00 010203", "NeedMore", "ACK with ECN"},
      {"1c 0a 00 03 616263", "NeedMore", "CONNECTION_CLOSE"},
      {"06 00 00", "NeedMore", "CRYPTO of no bytes"},
      {"06 8000fffc 04 01020304", "NeedMore", "CRYPTO up to the bound"},
      {"06 8000fffd 04 01020304", "Malformed", "CRYPTO past the bound"},
      {"06 ffffffffffffffff 01 01", "Malformed", "CRYPTO far past the bound"},
      {"06 00 47ff", "Malformed", "CRYPTO longer than the packet"},
      {"06 00 01 02", "Malformed", "ServerHello"},
      {"06 00 04 01010000", "Malformed", "a hello over kMaxHello"},
      {"06 00 05 0100000103", "Malformed", "a hello of one byte"},
      {"06 00 02 0100 06 00 02 0101", "Malformed", "a copy that differs"},
      {"02 05 00 bfffffff", "Malformed", "ACK of more ranges than bytes"},
      {"1c 0a 00 47ff", "Malformed", "a reason longer than the packet"},
      {"1d 0a 00", "Malformed", "CONNECTION_CLOSE of the application"},
      {"08 00 00", "Malformed", "STREAM"},
      {"4006 00 00", "Malformed", "CRYPTO with a long type"},
      {"1e", "Malformed", "HANDSHAKE_DONE"},
  };
  for (const Row& row : rows) {
    INFO(row.why << ": " << row.hex);
    CHECK(read_alone(sealer().initial({}, from_hex(row.hex))) == row.expected);
  }
  QuicPlan tiny;
  tiny.number_size = 4;
  CHECK(read_alone(sealer().initial(tiny, {}, 0)) == "Malformed");  // no frame at all
  QuicPlan plan;
  plan.reserved = 4;
  CHECK(read_alone(sealer().initial(plan, crypto_frame(kNamed, 0))) == "Malformed");
  plan.reserved = 8;
  CHECK(read_alone(sealer().initial(plan, crypto_frame(kNamed, 0))) == "Malformed");
}

TEST_CASE("quic: what was malformed stays so") {
  QuicTable table(2);
  CHECK(read(table, sealer().initial({}, from_hex("06 01 01 01"))) == "NeedMore");
  CHECK(read(table, sealer().initial({}, from_hex("06 01 01 02"))) == "Malformed");
  CHECK(read(table, sealer().initial({}, crypto_frame(kNamed, 0))) == "Malformed");
  table.forget(1);
  CHECK(read(table, sealer().initial({}, crypto_frame(kNamed, 0))) == "Found q.example");
}

TEST_CASE("quic: keys of the first connection id open what goes to the server's own") {
  QuicTable table(4);
  QuicPlan plan;
  CHECK(read(table, sealer().initial(plan, crypto_frame(kNamed, 0, 50))) == "NeedMore");
  plan.keyed_by = plan.destination;
  plan.destination = kServerId;
  plan.number = 1;
  CHECK(read(table, sealer().initial(plan, crypto_frame(kNamed, 50))) == "Found q.example");
  QuicTable fresh(4);
  CHECK(read(fresh, sealer().initial(plan, crypto_frame(kNamed, 50))) == "Undecryptable");
  // Version 2 after a first flight of version 1 (RFC 9369 §4.1).
  plan.version = 0x6b3343cf;
  plan.number = 2;
  CHECK(read(table, sealer().initial(plan, {1})) == "Found q.example");
}

TEST_CASE("quic: after Retry keys are new") {
  QuicTable table(4);
  QuicPlan plan;
  CHECK(read(table, sealer().initial(plan, crypto_frame(kNamed, 0))) == "Found q.example");
  plan.destination = kServerId;
  plan.token = Octets(90, 1);
  plan.number = 1;
  CHECK(read(table, sealer().initial(plan, crypto_frame(kOther, 0, 50))) == "NeedMore");
  plan.number = 2;
  CHECK(read(table, sealer().initial(plan, crypto_frame(kOther, 50))) == "Found other.example");
  CHECK(read(table, sealer().initial({}, {1})) == "Found q.example");  // the first connection is not forgotten
}

TEST_CASE("quic: Initials that do not open") {
  QuicPlan plan;
  plan.keyed_by = from_hex("0011223344556677");
  CHECK(read_alone(sealer().initial(plan, crypto_frame(kNamed, 0))) == "Undecryptable");
  CHECK(read_alone(sealer().initial(plan, crypto_frame(kNamed, 0), 1199)) == "ServerInitial");  // no first flight
  plan.destination = from_hex("00112233445566");
  CHECK(read_alone(sealer().initial(plan, crypto_frame(kNamed, 0))) == "ServerInitial");
  plan.destination = {};
  CHECK(read_alone(sealer().initial(plan, crypto_frame(kNamed, 0))) == "ServerInitial");
  Octets damaged = sealer().initial({}, crypto_frame(kNamed, 0));
  for (const std::size_t at : {std::size_t{0}, std::size_t{6}, std::size_t{18}, std::size_t{30}, damaged.size() - 1}) {
    INFO("byte " << at);
    damaged[at] ^= 1;
    CHECK(read_alone(damaged) == "Undecryptable");
    damaged[at] ^= 1;
  }
  CHECK(read_alone(damaged) == "Found q.example");
  // A client needs neither length to be heard by a server that is lax.
  plan = {};
  plan.destination = Octets(20, 1);
  CHECK(read_alone(sealer().initial(plan, crypto_frame(kNamed, 0))) == "Found q.example");
  plan.destination = Octets(21, 1);  // version 1 has none of 21 bytes
  CHECK(read_alone(sealer().initial(plan, crypto_frame(kNamed, 0))) == "Undecryptable");
  plan.destination = {1};
  CHECK(read_alone(sealer().initial(plan, crypto_frame(kNamed, 0), 0)) == "Found q.example");
}

TEST_CASE("quic: a server's answer is known by its keys when the client's flight was seen") {
  QuicTable table(4);
  QuicPlan client;
  client.source = from_hex("c1c2c3c4c5c6c7c8");
  QuicPlan server;
  server.destination = client.source;
  server.source = kServerId;
  server.keyed_by = client.destination;
  server.sender = QuicSender::Server;
  const Octets answer = sealer().initial(server, from_hex("02 00 00 00 00"));
  CHECK(read(table, answer, 2) == "Undecryptable");
  CHECK(read(table, sealer().initial(client, crypto_frame(kNamed, 0))) == "Found q.example");
  CHECK(read(table, answer, 2) == "ServerInitial");
}

TEST_CASE("quic: the fixed bit may be anything where the packet opens (RFC 9287)") {
  QuicPlan plan;
  plan.fixed = 0;
  CHECK(read_alone(sealer().initial(plan, crypto_frame(kNamed, 0))) == "Found q.example");
  plan.keyed_by = kServerId;
  CHECK(read_alone(sealer().initial(plan, crypto_frame(kNamed, 0))) == "NotQuic");
}

TEST_CASE("quic: packets in one datagram") {
  const Octets handshake = from_hex("e0 00000001 08 8394c8f03e515708 00 06 aabbccddeeff");
  const Octets initial = sealer().initial({}, crypto_frame(kNamed, 0));
  CHECK(read_alone(joined({handshake, initial})) == "Found q.example");
  CHECK(read_alone(joined({initial, handshake})) == "Found q.example");
  CHECK(read_alone(joined({initial, Octets(40)})) == "Found q.example");                   // padding outside
  CHECK(read_alone(joined({initial, from_hex("40 112233445566")})) == "Found q.example");  // 1-RTT
  QuicPlan other;
  other.destination = kServerId;  // RFC 9000 §12.2: never in one datagram
  CHECK(read_alone(joined({initial, sealer().initial(other, crypto_frame(kOther, 0))})) == "Malformed");
  CHECK(read_alone(joined({initial, sealer().initial(other, {1})})) == "Malformed");
  other.keyed_by = {9};
  CHECK(read_alone(joined({initial, sealer().initial(other, {1})})) == "Found q.example");
  const Octets half = sealer().initial({}, crypto_frame(kNamed, 0, 60), 0);
  CHECK(read_alone(joined({half, sealer().initial({}, crypto_frame(kNamed, 60), 0)})) == "Found q.example");
  Octets damaged = half;
  damaged.back() ^= 1;
  CHECK(read_alone(joined({half, damaged, Octets(1200)})) == "Undecryptable");
  Octets many;
  for (int i = 0; i < 16; ++i) append(many, handshake);
  CHECK(read_alone(many) == "Handshake");
  CHECK(read_alone(joined({many, initial})) == "Malformed");
}

TEST_CASE("quic: other headers") {
  struct Row {
    std::string_view hex, expected, why;
    bool may_be_initial;
  };
  const Row rows[] = {
      {"", "NotQuic", "nothing", false},
      {"40", "ShortHeader", "1-RTT", false},
      {"00", "NotQuic", "no bit of QUIC", false},
      {"80 00000000 00 00 00000001", "VersionNegotiation", "one version", false},
      {"c0 00000000 01 aa 01 bb 00000001 6b3343cf", "VersionNegotiation", "two versions", false},
      {"c0 00000000 00 00", "NotQuic", "no version", false},
      {"c0 00000000 00 00 000000", "NotQuic", "three quarters of a version", false},
      {"f0 00000001 00 01 bb aabb", "Retry", "version 1", true},
      {"c0 6b3343cf 00 01 bb aabb", "Retry", "version 2", true},
      {"b0 00000001 00 01 bb aabb", "NotQuic", "Retry without the fixed bit", true},
      {"d0 00000001 00 00 01 aa", "Handshake", "0-RTT", true},
      {"e0 00000001 00 00 01 aa", "Handshake", "version 1", true},
      {"f0 6b3343cf 00 00 01 aa", "Handshake", "version 2", true},
      {"e0 00000001 00 00 02 aa", "Handshake", "cut", true},
      {"c0 00000001 00 00 00 02 aa", "Undecryptable", "Initial, cut", true},
      {"c0 00000001 00 00 05 02 aa", "Undecryptable", "Initial, token cut", true},
      {"c0 00000001 00 00 00 13 aabbccddeeffaabbccddeeffaabbccddeeffaa", "Undecryptable", "Initial, no sample", true},
      {"d0 6b3343cf 00 00 00 02 aa", "Undecryptable", "Initial of version 2, cut", true},
      {"c0 00000001 15 000000000000000000000000000000000000000000 00 00 00", "Undecryptable",
       "connection id of 21 bytes", true},
      {"c0 00000001 01", "NotQuic", "no connection id", false},
      {"c0 ff00001c 00 00 00 00", "UnknownVersion", "draft 28", true},
      {"c0 1a2a3a4a 00 00", "UnknownVersion", "greasing", true},
      {"c0 709a50c4 00 00", "UnknownVersion", "a draft of version 2", true},
      {"c0 54303531 00 00", "UnknownVersion", "T051", true},
      {"c0 faceb002 00 00", "UnknownVersion", "mvfst", true},
      {"80 ff00001c 00 00", "NotQuic", "draft 28 without the fixed bit", false},
      {"c0 00000002 00 00", "NotQuic", "nobody's version", false},
      {"c0 12345678 00 00", "NotQuic", "nobody's version", false},
  };
  for (const Row& row : rows) {
    INFO(row.why << ": " << row.hex);
    CHECK(read_alone(from_hex(row.hex)) == row.expected);
    CHECK(may_be_quic_initial(from_hex(row.hex)) == row.may_be_initial);
  }
}

// A CHLO with these tags; values end where the next begins.
Octets chlo(std::initializer_list<std::pair<std::string_view, std::string_view>> tags) {
  Octets out = text_bytes("CHLO");
  append(out, {static_cast<std::uint8_t>(tags.size()), 0, 0, 0});
  std::size_t end = 0;
  for (const auto& [name, value] : tags) {
    append(out, text_bytes(name));
    out.resize(out.size() + 4 - name.size());
    end += value.size();
    append(out, {static_cast<std::uint8_t>(end), static_cast<std::uint8_t>(end >> 8), 0, 0});
  }
  for (const auto& [name, value] : tags) append(out, text_bytes(value));
  return out;
}

TEST_CASE("quic: Google's CHLO in the clear") {
  // Public flags, connection id, Q043, packet number, hash; then the long header of Q046; then a stream frame's head.
  const Octets q043 = from_hex("0d 1122334455667788 51303433 01 000000000000000000000000 a0 01 00");
  const Octets q039 = from_hex("01 51303339 01 000000000000000000000000 a0 01 00");
  const Octets q046 = from_hex("c3 51303436 50 1122334455667788 00000001 000000000000000000000000 a0 01 00");
  const Octets hello = chlo({{"PAD", "----"}, {"SNI", "g.example"}, {"VER", "Q043"}});
  for (const Octets& header : {q043, q039, q046}) {
    CHECK(may_be_quic_initial(header));
    CHECK(read_alone(joined({header, hello})) == "Found g.example");
    CHECK(read_alone(joined({header, chlo({{"PAD", "----"}, {"VER", "Q043"}})})) == "Found");
    CHECK(read_alone(joined({header, text_bytes("something sealed")})) == "Handshake");
    CHECK(read_alone(joined({header, hello, hello})) == "Malformed");
    CHECK(read_alone(joined({header, chlo({{"SNI", "a"}, {"SNI", "b"}})})) == "Malformed");
    CHECK(read_alone(joined({header, chlo({{"VER", "Q043"}, {"SNI", "b"}})})) == "Malformed");  // not ascending
    for (std::size_t size = 4; size < hello.size(); ++size) {
      const bool named = size >= hello.size() - 4;  // without the last value, which is another's
      INFO(size << " bytes of CHLO");
      CHECK(read_alone(joined({header, Octets(hello.begin(), hello.begin() + static_cast<std::ptrdiff_t>(size))})) ==
            (named ? "Found g.example" : "NeedMore"));
    }
  }
  CHECK(read_alone(joined({from_hex("0f 1122334455667788 51303433 01"), hello})) == "NotQuic");  // a reset
  CHECK(read_alone(joined({from_hex("01 51303530 01"), hello})) == "NotQuic");  // Q050 has no such header
}

TEST_CASE("quic: Google's CHLO under Q050's keys") {
  const Octets hello = chlo({{"PAD", "----"}, {"SNI", "g.example"}});
  QuicPlan plan;
  plan.version = 0x51303530;
  Octets first = crypto_frame(hello, 0, 20);
  Octets second = crypto_frame(hello, 20);
  first[0] = second[0] = 8;
  QuicTable table(2);
  CHECK(read(table, sealer().initial(plan, second)) == "NeedMore");
  CHECK(read(table, sealer().initial(plan, first)) == "Found g.example");
  CHECK(read(table, sealer().initial(plan, from_hex("40 00"))) == "Found g.example");  // an ACK of that version
}

TEST_CASE("quic: ALPN and server_name of a hello") {
  const Octets hello = hello_message(hello_body({alpn({"doq"})}));
  CHECK(read_alone(sealer().initial({}, crypto_frame(hello, 0))) == "Found dns");
}

TEST_CASE("quic: places are given to new connections, from read ones first") {
  QuicTable table(2);
  const Octets half = sealer().initial({}, crypto_frame(kNamed, 0, 50));
  const Octets rest = sealer().initial({}, crypto_frame(kNamed, 50));
  const Octets whole = sealer().initial({}, crypto_frame(kNamed, 0));
  CHECK(read(table, half, 1) == "NeedMore");
  CHECK(read(table, whole, 2) == "Found q.example");
  CHECK(read(table, half, 3) == "NeedMore");  // in place of 2
  CHECK(table.pushed_out() == 0);
  CHECK(read(table, half, 4) == "NeedMore");  // in place of 1, which is the oldest
  CHECK(table.pushed_out() == 1);
  CHECK(read(table, rest, 3) == "Found q.example");
  CHECK(read(table, rest, 4) == "Found q.example");
  CHECK(read(table, rest, 1) == "NeedMore");
  table.forget(1);
  CHECK(read(table, half, 5) == "NeedMore");
  CHECK(table.pushed_out() == 1);
  // What does not open takes no place.
  QuicPlan foreign;
  foreign.keyed_by = {1};
  for (std::uint64_t flow = 100; flow < 110; ++flow) read(table, sealer().initial(foreign, {1}), flow);
  CHECK(read(table, rest, 5) == "Found q.example");
  CHECK(table.pushed_out() == 1);
}

TEST_CASE("quic: one flow has at most four connections") {
  QuicTable table(16);
  QuicPlan plan;
  for (std::uint8_t i = 0; i < 6; ++i) {
    plan.destination = Octets(8, i);
    CHECK(read(table, sealer().initial(plan, crypto_frame(kNamed, 0, 50))) == "NeedMore");
  }
  CHECK(table.pushed_out() == 2);
  for (std::uint8_t i = 2; i < 6; ++i) {
    plan.destination = Octets(8, i);
    CHECK(read(table, sealer().initial(plan, crypto_frame(kNamed, 50))) == "Found q.example");
  }
}

TEST_CASE("quic: reading allocates nothing") {
  QuicTable table(4);
  QuicPlan plan;
  const Octets half = sealer().initial(plan, crypto_frame(kNamed, 0, 50));
  const Octets rest = sealer().initial(plan, crypto_frame(kNamed, 50));
  plan.keyed_by = kServerId;
  const Octets foreign = sealer().initial(plan, {1});
  ClientHello hello;
  const auto before = allocations();
  int found = 0;
  for (std::uint64_t flow = 0; flow < 20; ++flow) {
    table.read(flow, half, hello);
    table.read(flow, foreign, hello);
    if (table.read(flow, rest, hello) == QuicStatus::Found) ++found;
    if (flow % 3 == 0) table.forget(flow);
  }
  CHECK(allocations() - before == 0);
  CHECK(found == 20);
}

}  // namespace
}  // namespace airtight::audit
