// What holds of decode() whatever the frame: no allocation, no claim beyond the bytes, and less captured never shows
// more.
#include <catch2/catch.hpp>
#include <random>

#include "tests/auditor/allocation_counter.h"
#include "tests/auditor/decode/packet_text.h"

namespace airtight::audit {
namespace {

std::vector<Row> all_rows() {
  std::vector<Row> rows;
  for (const auto& table : {link_rows(), network_rows(), transport_rows(), tunnel_rows()}) {
    rows.insert(rows.end(), table.begin(), table.end());
  }
  return rows;
}

Frame frame_of(const Row& row) {
  Frame frame;
  frame.bytes = Bytes(reinterpret_cast<const std::uint8_t*>(row.bytes.data()), row.bytes.size());
  frame.original = std::max(row.original, static_cast<std::uint32_t>(row.bytes.size()));
  frame.link = row.link;
  return frame;
}

// Decodes bytes of exactly that size on the heap, so that the address sanitizer sees a step beyond them, and what it
// says of its fragments put together, whatever their bytes are.
std::string decode_and_check(Frame frame, const TunnelPorts& ports, Packet& packet) {
  const std::vector<std::uint8_t> exact(frame.bytes.begin(), frame.bytes.end());
  frame.bytes = exact;
  decode(frame, ports, packet);
  const std::string wrong = contradiction(frame, packet);
  if (!wrong.empty()) return wrong;
  for (std::size_t i = 0; i < packet.level_count; ++i) {
    if (!packet.levels[i].fragment) continue;
    Packet again = packet;
    Frame payload;
    payload.bytes = frame.bytes.subspan(frame.bytes.size() / 2);
    decode_payload(payload.bytes, ports, again, i);
    if (again.level_count <= i) return "decode_payload lost its level";
    if (again.levels[i].fragment) return "decode_payload left a fragment";
    if (again.levels[i].payload_offset + again.levels[i].payload_length > payload.bytes.size())
      return "payload of a payload";
    break;
  }
  return "";
}

TEST_CASE("packet: decode allocates nothing") {
  const auto rows = all_rows();
  const TunnelPorts ports = declared_ports();
  Packet packet;
  std::size_t levels = 0;
  const auto before = allocations();
  for (const Row& row : rows) {
    decode(frame_of(row), ports, packet);
    levels += packet.level_count;
    if (packet.level_count != 0 && packet.levels[0].fragment) decode_payload(frame_of(row).bytes, ports, packet, 0);
  }
  const auto after = allocations();
  CHECK(after == before);
  CHECK(levels > 200);
  ::operator delete(::operator new(1));
  CHECK(allocations() > after);  // the counter counts
}

TEST_CASE("packet: what an earlier packet left does not shine through") {
  const auto rows = all_rows();
  const TunnelPorts ports = declared_ports();
  Packet dirty;
  for (const Row& first : rows) {
    if (first.bytes.size() % 7 != 0) continue;  // enough pairs, not all
    for (const Row& row : rows) {
      Packet clean;
      decode(frame_of(first), ports, dirty);
      decode(frame_of(row), ports, dirty);
      decode(frame_of(row), ports, clean);
      const std::string expected = describe(clean), seen = describe(dirty);
      if (seen != expected) {
        INFO(first.name << ", then " << row.name);
        CHECK(seen == expected);
      }
    }
  }
}

TEST_CASE("packet: cut at every byte, nothing more is claimed") {
  const TunnelPorts ports = declared_ports();
  for (const Row& row : all_rows()) {
    Packet whole, packet;
    const Frame frame = frame_of(row);
    decode(frame, ports, whole);
    std::size_t levels = 0;
    for (std::size_t size = 0; size <= frame.bytes.size(); ++size) {
      INFO(row.name << ", cut to " << size);
      Frame cut = frame;
      cut.bytes = frame.bytes.first(size);
      const std::string wrong = decode_and_check(cut, ports, packet);
      REQUIRE(wrong == "");
      REQUIRE(packet.level_count >= levels);
      REQUIRE(packet.level_count <= whole.level_count);
      levels = packet.level_count;
      // Addresses that are there are those of the whole, and so are ports.
      for (std::size_t i = 0; i < levels; ++i) {
        REQUIRE(packet.levels[i].source == whole.levels[i].source);
        REQUIRE(packet.levels[i].destination == whole.levels[i].destination);
        if (packet.levels[i].has_protocol) REQUIRE(packet.levels[i].protocol == whole.levels[i].protocol);
        if (packet.levels[i].has_ports) REQUIRE(packet.levels[i].destination_port == whole.levels[i].destination_port);
        REQUIRE(packet.levels[i].payload_length + packet.levels[i].payload_missing <= frame.original);
      }
      // Less may be unreadable where the whole is readable; it is never the other way round for a header that is
      // spoilt.
      if (packet.outcome == Outcome::Ip && whole.outcome != Outcome::Ip) {
        REQUIRE(packet.level_count == whole.level_count);
        REQUIRE((whole.outcome == Outcome::Opaque || whole.outcome == Outcome::Malformed));
      }
    }
  }
}

TEST_CASE("packet: random damage") {
  const auto rows = all_rows();
  const TunnelPorts ports = declared_ports();
  std::mt19937 random(5);
  const auto below = [&](std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
  };
  constexpr int kLinks[] = {0, 1, 9, 12, 14, 50, 51, 101, 107, 108, 113, 192, 228, 229, 239, 276, 147};
  Packet packet;
  for (int round = 0; round < 300; ++round) {
    for (const Row& row : rows) {
      Row damaged = row;
      for (std::size_t times = below(4) + 1; times != 0 && !damaged.bytes.empty(); --times) {
        const std::size_t at = below(damaged.bytes.size());
        switch (below(5)) {
          case 0:
            damaged.bytes[at] = static_cast<char>(below(256));
            break;
          case 1:
            damaged.bytes[at] ^= static_cast<char>(1 << below(8));
            break;
          case 2:
            damaged.bytes.erase(at, below(12));
            break;
          case 3:
            damaged.bytes.insert(at, damaged.bytes.substr(below(damaged.bytes.size()), below(40)));
            break;
          default:
            damaged.original = static_cast<std::uint32_t>(below(3000));
            break;
        }
      }
      if (below(20) == 0) damaged.link = static_cast<LinkType>(kLinks[below(std::size(kLinks))]);
      const std::string wrong = decode_and_check(frame_of(damaged), ports, packet);
      if (!wrong.empty()) {
        INFO(row.name << " in round " << round);
        REQUIRE(wrong == "");
      }
    }
  }
}

}  // namespace
}  // namespace airtight::audit
