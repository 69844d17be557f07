#include <catch2/catch.hpp>

#include "tests/auditor/capture/capture_bytes.h"

namespace airtight::audit::test {
namespace {

constexpr std::uint32_t kMicro = 0xa1b2c3d4;
constexpr std::uint32_t kNano = 0xa1b23c4d;
constexpr std::uint32_t kModified = 0xa1b2cd34;
const Writer kLittle(false);
const Writer kBig(true);

TEST_CASE("pcap: both byte orders, both resolutions, the modified variant") {
  struct Row {
    std::uint32_t magic;
    bool big;
    std::string format;
    std::int64_t time;
  };
  const Row rows[] = {
      {kMicro, false, "pcap, microseconds, little-endian", 1'000'000'017'000'123'000},
      {kMicro, true, "pcap, microseconds, big-endian", 1'000'000'017'000'123'000},
      {kNano, false, "pcap, nanoseconds, little-endian", 1'000'000'017'000'000'123},
      {kNano, true, "pcap, nanoseconds, big-endian", 1'000'000'017'000'000'123},
      {kModified, false, "pcap (modified), microseconds, little-endian", 1'000'000'017'000'123'000},
      {kModified, true, "pcap (modified), microseconds, big-endian", 1'000'000'017'000'123'000},
  };
  for (const Row& row : rows) {
    INFO(row.format);
    const Writer w(row.big);
    const bool modified = row.magic == kModified;
    const auto record = [&](const std::string& data, std::uint32_t original, char packet_type) {
      std::string extra;
      if (modified) extra = w.u32(2) + w.u16(0x0800) + std::string(1, packet_type) + std::string(1, '\0');
      return w.u32(1'000'000'017) + w.u32(123) + w.u32(data.size()) + w.u32(original) + extra + data;
    };
    const auto read = read_bytes(w.header(row.magic, 113, 96) + record("abcdef", 6, 0) + record("", 0, 4) +
                                 record("xyz", 1500, 3) + record("q", 1, 9));
    REQUIRE(read.file);
    CHECK(read.file->format() == row.format);
    CHECK(read.problems == Problems{});
    REQUIRE(read.packets.size() == 4);
    const auto way = [&](Direction direction) { return modified ? direction : Direction::Unknown; };
    CHECK(read.packets[0] == Seen{"abcdef", 6, LinkType::LinuxSll, way(Direction::Received), 0, row.time});
    CHECK(read.packets[1] == Seen{"", 0, LinkType::LinuxSll, way(Direction::Transmitted), 0, row.time});
    CHECK(read.packets[2] == Seen{"xyz", 1500, LinkType::LinuxSll, way(Direction::Received), 0, row.time});
    CHECK(read.packets[3] == Seen{"q", 1, LinkType::LinuxSll, Direction::Unknown, 0, row.time});
    REQUIRE(read.file->interfaces().size() == 1);
    CHECK(read.file->interfaces()[0].name.empty());
    CHECK(read.file->interfaces()[0].link == LinkType::LinuxSll);
    CHECK(read.file->interfaces()[0].snap_length == 96);
  }
}

TEST_CASE("pcap: versions and the order of the two lengths") {
  const auto read = [](std::uint16_t major, std::uint16_t minor, std::uint32_t first, std::uint32_t second) {
    return read_bytes(kBig.header(kMicro, 1, 65535, major, minor) + kBig.u32(5) + kBig.u32(6) + kBig.u32(first) +
                      kBig.u32(second) + "abcd");
  };
  for (const std::uint16_t minor : std::vector<std::uint16_t>{0, 1, 2}) {  // the original length stands first
    const auto swapped = read(2, minor, 60, 4);
    REQUIRE(swapped.packets.size() == 1);
    CHECK(swapped.packets[0] == Seen{"abcd", 60, LinkType::Ethernet, Direction::Unknown, 0, 5'000'006'000});
    CHECK(swapped.problems == Problems{});
    CHECK(swapped.file->format() == "pcap, microseconds, big-endian, version 2." + std::to_string(minor));
  }
  CHECK(read(2, 3, 60, 4).packets.at(0).original == 60);  // either order: the captured length is the smaller
  CHECK(read(2, 3, 4, 60).packets.at(0).original == 60);
  CHECK(read(2, 4, 4, 60).packets.at(0).original == 60);

  const auto refused = [](const char* version) {
    return "a pcap file of version " + std::string(version) + "; versions 2.0 to 2.4 are read";
  };
  CHECK(read(1, 0, 4, 60).error == refused("1.0"));
  CHECK(read(2, 5, 4, 60).error == refused("2.5"));
  CHECK(read(3, 4, 4, 60).error == refused("3.4"));
  CHECK(read(543, 0, 4, 60).error == refused("543.0"));
}

TEST_CASE("pcap: the upper half of the link type") {
  const std::string record = kLittle.record(1, 2, "abcd", 4);
  const auto fcs =
      read_bytes(kLittle.header(kMicro, 0x24000001) + record);  // a frame check sequence of 4 bytes, left on the frame
  REQUIRE(fcs.packets.size() == 1);
  CHECK(fcs.packets[0].bytes == "abcd");
  CHECK(fcs.packets[0].link == LinkType::Ethernet);
  CHECK(fcs.problems == Problems{});
  CHECK(read_bytes(kLittle.header(kMicro, 0xf8000071) + record).packets.at(0).link == LinkType::LinuxSll);
  CHECK(read_bytes(kLittle.header(kMicro, 0x00010001) + record).error ==
        "a pcap file with reserved bits set in its link type (0x00010000): what they mean is not known");
  CHECK(read_bytes(kLittle.header(kMicro, 0x02000001) + record).error ==
        "a pcap file with reserved bits set in its link type (0x02000000): what they mean is not known");
}

TEST_CASE("pcap: records that contradict themselves are read and named") {
  const auto problems = [](const std::string& header, const std::string& record) {
    const auto read = read_bytes(header + record + kLittle.record(9, 9, "end", 3));
    CHECK(read.packets.size() == 2);
    return read.problems;
  };
  CHECK(problems(kLittle.header(kMicro), kLittle.record(1, 999'999, "abc", 3)) == Problems{});
  CHECK(problems(kLittle.header(kMicro), kLittle.record(1, 1'000'000, "abc", 3)) ==
        Problems{"odd record: packet 1 has a time stamp with more than a second of fraction"});
  CHECK(problems(kLittle.header(kNano), kLittle.record(1, 999'999'999, "abc", 3)) == Problems{});
  CHECK(problems(kLittle.header(kNano), kLittle.record(1, 1'000'000'000, "abc", 3)) ==
        Problems{"odd record: packet 1 has a time stamp with more than a second of fraction"});
  CHECK(problems(kLittle.header(kMicro), kLittle.record(1, 0, "abc", 2)) ==
        Problems{"odd record: packet 1 has 3 captured bytes of 2 on the wire"});
  CHECK(problems(kLittle.header(kMicro, 1, 3), kLittle.record(1, 0, "abcd", 5)) ==
        Problems{"odd record: packet 1 has 4 captured bytes where the snap length is 3"});
  CHECK(problems(kLittle.header(kMicro, 1, 0), kLittle.record(1, 0, "abcd", 5)) == Problems{});           // no limit
  CHECK(problems(kLittle.header(kMicro, 1, 0xffffffff), kLittle.record(1, 0, "abcd", 5)) == Problems{});  // the same
  // The largest time that the fields can say: 2106, and 4294 seconds of fraction.
  const auto late = read_bytes(kLittle.header(kMicro) + kLittle.record(0xffffffff, 0xffffffff, "", 0));
  CHECK(late.packets.at(0).time == 4'294'967'295'000'000'000 + 4'294'967'295'000);
}

TEST_CASE("pcap: a record longer than any ends the reading") {
  const std::string good = kLittle.record(1, 0, "abcd", 4);
  const auto announce = [&](std::uint32_t link, std::uint32_t length) {
    return read_bytes(kLittle.header(kMicro, link, 0) + good + kLittle.u32(1) + kLittle.u32(0) + kLittle.u32(length) +
                      kLittle.u32(length) + std::string(100, 'x'));
  };
  auto read = announce(1, 262'145);
  CHECK(read.packets.size() == 1);
  CHECK(read.problems == Problems{"damaged: packet 2 announces 262145 bytes where 262144 is the most, at offset 44"});
  CHECK(read.file->problems()[0].offset == 44);
  CHECK(read.file->problems()[0].after_packet == 1);
  CHECK(announce(1, 262'144).problems == Problems{"cut short: the file ends 116 bytes into packet 2, at offset 160"});
  CHECK(announce(249, 262'145).problems ==
        Problems{"cut short: the file ends 116 bytes into packet 2, at offset 160"});  // USB
  CHECK(announce(249, 0xffffffff).problems ==
        Problems{"damaged: packet 2 announces 4294967295 bytes where 67104768 is the most, at offset 44"});
  const auto whole = read_bytes(kLittle.header(kMicro) + kLittle.record(1, 0, std::string(262'144, 'x'), 262'144));
  CHECK(whole.packets.at(0).bytes.size() == 262'144);
  CHECK(whole.problems == Problems{"odd record: packet 1 has 262144 captured bytes where the snap length is 65535"});
}

TEST_CASE("pcap: cut at every byte") {
  for (const bool modified : {false, true}) {
    const Writer& w = kBig;
    std::vector<std::size_t> boundaries;
    std::string file = w.header(modified ? kModified : kNano);
    for (const std::size_t size : std::vector<std::size_t>{5, 0, 60, 1}) {
      boundaries.push_back(file.size());
      file += w.u32(7) + w.u32(8) + w.u32(size) + w.u32(size) + std::string(modified ? 8 : 0, '\0') +
              std::string(size, 'p');
    }
    boundaries.push_back(file.size());
    for (std::size_t length = 4; length <= file.size(); ++length) {
      INFO(length);
      const auto read = read_bytes(file.substr(0, length));
      REQUIRE(read.file);
      const auto behind = std::upper_bound(boundaries.begin(), boundaries.end(), length) - boundaries.begin();
      const auto whole = static_cast<std::size_t>(std::max<std::ptrdiff_t>(behind - 1, 0));
      CHECK(read.packets.size() == whole);
      if (std::find(boundaries.begin(), boundaries.end(), length) != boundaries.end()) {
        CHECK(read.problems == Problems{});
        continue;
      }
      const std::size_t into = behind == 0 ? length : length - boundaries[whole];
      const std::string unit = behind == 0 ? "the file header" : "packet " + std::to_string(whole + 1);
      CHECK(read.problems ==
            Problems{"cut short: the file ends " + std::to_string(into) + (into == 1 ? " byte" : " bytes") + " into " +
                     unit + ", at offset " + std::to_string(length)});
      CHECK(read.file->problems().at(0).offset == length);
      CHECK(read.file->problems().at(0).after_packet == whole);
    }
  }
}

TEST_CASE("pcap: a thousand problems are named, the rest counted, and the end is still said") {
  std::string file = kLittle.header(kMicro);
  for (int i = 0; i < 5'000; ++i) file += kLittle.record(1, 0, "abc", 2);
  const auto read = read_bytes(file + "x");
  CHECK(read.packets.size() == 5'000);
  REQUIRE(read.problems.size() == 1'000);
  CHECK(read.problems[997] == "odd record: packet 998 has 3 captured bytes of 2 on the wire");
  CHECK(read.problems[998] == "odd record: 4002 more problems, not listed");
  CHECK(read.problems[999] == "cut short: the file ends 1 byte into packet 5001, at offset 95025");
}

}  // namespace
}  // namespace airtight::audit::test
