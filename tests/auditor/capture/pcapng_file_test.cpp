#include <catch2/catch.hpp>

#include "auditor/capture/pcapng_time.h"
#include "tests/auditor/capture/capture_bytes.h"

namespace airtight::audit::test {
namespace {

const Writer kLittle(false);
const Writer kBig(true);

std::string byte(int value) { return std::string(1, static_cast<char>(value)); }

TEST_CASE("pcapng: both byte orders, every packet block, several interfaces") {
  for (const bool big : {false, true}) {
    const Writer w(big);
    const auto read = read_bytes(
        w.section(w.option(4, "a program") + w.end()) +
        w.interface(1, 96, w.option(2, "eth0") + w.option(9, byte(9)) + w.option(3, "the first") + w.end()) +
        w.interface(113) +  // microseconds, no name
        w.packet(0, 1'500'000'000'000'000'001, "abcde", 60, w.option(1, "why") + w.option(2, w.u32(1)) + w.end()) +
        w.packet(1, 1'500'000'000'000'001, "", 0) +                                   // no options at all
        w.packet(0, 2, "abcd", 4, w.option(2, w.u32(0xfffffffe))) +                   // no end of options; sent
        w.old_packet(1, 0xffff, 3, "xyz", 3, w.option(2, w.u32(2)) + w.end()) +       // drops not known
        w.simple_packet("simple", 6) + w.simple_packet(std::string(96, 's'), 1500));  // cut by the snap length
    REQUIRE(read.file);
    CHECK(read.problems == Problems{});
    CHECK(read.file->format() == "pcapng, 1 section");
    REQUIRE(read.packets.size() == 6);
    CHECK(read.packets[0] == Seen{"abcde", 60, LinkType::Ethernet, Direction::Received, 0, 1'500'000'000'000'000'001});
    CHECK(read.packets[1] == Seen{"", 0, LinkType::LinuxSll, Direction::Unknown, 1, 1'500'000'000'000'001'000});
    CHECK(read.packets[2] == Seen{"abcd", 4, LinkType::Ethernet, Direction::Transmitted, 0, 2});
    CHECK(read.packets[3] == Seen{"xyz", 3, LinkType::LinuxSll, Direction::Transmitted, 1, 3'000});
    CHECK(read.packets[4] == Seen{"simple", 6, LinkType::Ethernet, Direction::Unknown, 0, kNoTime});
    CHECK(read.packets[5] == Seen{std::string(96, 's'), 1500, LinkType::Ethernet, Direction::Unknown, 0, kNoTime});
    const auto& interfaces = read.file->interfaces();
    REQUIRE(interfaces.size() == 2);
    CHECK(interfaces[0].name == "eth0");
    CHECK(interfaces[0].snap_length == 96);
    CHECK(interfaces[1].name.empty());
    CHECK(interfaces[1].link == LinkType::LinuxSll);
    CHECK_FALSE(interfaces[0].dropped);
  }
}

TEST_CASE("pcapng: blocks that carry no packet are skipped") {
  const Writer& w = kBig;
  std::string file = w.section() + w.interface();
  const std::uint32_t types[] = {4, 7, 8, 9, 10, 0xbad, 0x40000bad, 0x0a0d0a00, 0xffffffff, 0};
  for (const std::uint32_t type : types) {
    file += w.block(type, "any body") + w.block(type, "") + w.packet(0, type, "p", 1);
  }
  file += w.block(10, std::string(3'000'000, 'k')) + w.packet(0, 1, "last", 4);
  const auto read = read_bytes(file);
  CHECK(read.packets.size() == std::size(types) + 1);
  CHECK(read.packets.back().bytes == "last");
  CHECK(read.problems == Problems{});
}

TEST_CASE("pcapng: sections of both byte orders, each with interfaces of its own") {
  const Writer &l = kLittle, &b = kBig;
  const auto read = read_bytes(l.section() + l.interface(1) + l.interface(101) + l.packet(1, 1, "one", 3) +  //
                               b.section({}, 4711, 1, 2) + b.interface(0) + b.packet(0, 2, "two", 3) +       //
                               l.section() + l.simple_packet("none", 4));
  REQUIRE(read.packets.size() == 2);
  CHECK(read.packets[0] == Seen{"one", 3, LinkType::Raw, Direction::Unknown, 1, 1'000});
  CHECK(read.packets[1] == Seen{"two", 3, LinkType::Null, Direction::Unknown, 2, 2'000});
  CHECK(read.file->interfaces().at(2).section == 1);
  CHECK(read.file->format() == "pcapng, 3 sections");
  const std::size_t third = read.file->problems().at(0).offset;
  CHECK(read.problems ==
        Problems{"damaged: packet 3 is of interface 0, which the section does not describe, at offset " +
                 std::to_string(third)});
}

TEST_CASE("pcapng: a section of another version") {
  const Writer& w = kLittle;
  const std::string packet = w.packet(0, 1, "p", 1);
  const std::string content = w.interface() + packet + packet;
  const std::string good = w.section() + w.interface() + packet;
  CHECK(read_bytes(w.section({}, ~std::uint64_t{0}, 0, 1) + content).error ==
        "a pcapng file of version 0.1; 1.0 and 1.2 are read");
  CHECK(read_bytes(w.section({}, ~std::uint64_t{0}, 1, 1) + content).error ==
        "a pcapng file of version 1.1; 1.0 and 1.2 are read");

  auto read = read_bytes(w.section({}, content.size(), 2, 0) + content + good);  // skipped by its length
  CHECK(read.packets.size() == 1);
  CHECK(read.problems == Problems{"lost section: section 1 is of version 2.0; 1.0 and 1.2 are read, at offset 0"});
  read = read_bytes(good + w.section({}, ~std::uint64_t{0}, 2, 0) + content);  // no telling where it ends
  CHECK(read.packets.size() == 1);
  CHECK(read.problems == Problems{"lost section: section 2 is of version 2.0; 1.0 and 1.2 are read, at offset 84; "
                                  "nothing behind it could be read"});
  read = read_bytes(good + w.section({}, content.size() - packet.size(), 2, 0) + content);
  CHECK(read.problems ==
        Problems{"lost section: section 2 is of version 2.0; 1.0 and 1.2 are read, at offset 84",
                 "damaged: no section header where the section that was not read should end, at offset 168"});
  CHECK(read.packets.size() == 1);
  read = read_bytes(good + w.section({}, 4'000, 2, 0) + content);
  CHECK(read.problems == Problems{"lost section: section 2 is of version 2.0; 1.0 and 1.2 are read, at offset 84",
                                  "cut short: the file ends 120 bytes into a section that is not read, at offset 204"});
}

TEST_CASE("pcapng: damage ends the reading, and says where") {
  const Writer& w = kLittle;
  const std::string start = w.section() + w.interface();  // 28 + 20 bytes
  const std::string good = w.packet(0, 1, "p", 1);        // 36 bytes: the damage is at offset 84, in packet 2
  const auto raw = [&](std::uint32_t type, std::uint32_t total, const std::string& body, std::uint32_t again) {
    return w.u32(type) + w.u32(total) + body + w.u32(again);
  };
  struct Row {
    std::string block;
    std::string problem;
  };
  const std::string fields = w.u32(0) + w.u64(0);
  const Row rows[] = {
      {raw(6, 32, fields + w.u32(0) + w.u32(0), 36),
       "packet 2 has a length of 32 bytes at its start and of 36 at its end, at offset 84"},
      {raw(6, 33, fields + w.u32(0) + w.u32(0), 33), "packet 2 announces a length of 33 bytes, at offset 84"},
      {raw(6, 28, fields + w.u32(0), 28), "packet 2 announces a length of 28 bytes, at offset 84"},
      {raw(6, 0, "", 0), "packet 2 announces a length of 0 bytes, at offset 84"},
      {raw(6, 0xfffffffc, "", 0), "packet 2 announces a length of 4294967292 bytes, at offset 84"},
      {raw(6, (64u << 20) + 4, "", 0), "packet 2 announces a length of 67108868 bytes, at offset 84"},
      {raw(77, 8, "", 0), "a block announces a length of 8 bytes, at offset 84"},
      {raw(77, (64u << 20) + 4, "", 0), "a block announces a length of 67108868 bytes, at offset 84"},
      {raw(77, 16, "abcd", 12),
       "a block of type 0x0000004d has a length of 16 bytes at its start and of 12 at its end, at offset 84"},
      {raw(1, 16, "abcd", 16), "an interface description announces a length of 16 bytes, at offset 84"},
      {raw(6, 36, fields + w.u32(5) + w.u32(5) + "abcd", 36),
       "packet 2 announces 5 bytes in a block that has 4 for them, at offset 84"},
      {raw(6, 36, fields + w.u32(0xffffffff) + w.u32(5) + "abcd", 36),
       "packet 2 announces 4294967295 bytes in a block that has 4 for them, at offset 84"},
      {w.packet(1, 0, "p", 1), "packet 2 is of interface 1, which the section does not describe, at offset 84"},
      {w.old_packet(7, 0, 0, "p", 1), "packet 2 is of interface 7, which the section does not describe, at offset 84"},
      {w.simple_packet("abcd", 5), "packet 2 has 5 bytes in a block that has 4 for them, at offset 84"},
      {w.interface(1, 0, w.u16(2) + w.u16(9) + "abcdefgh"),
       "an option of interface 1 runs past its block, at offset 84"},
      {w.interface(1, 0, w.option(9, "ab")), "option if_tsresol of interface 1 has 2 bytes instead of 1, at offset 84"},
      {w.interface(1, 0, w.option(14, "ab")),
       "option if_tsoffset of interface 1 has 2 bytes instead of 8, at offset 84"},
      {w.section(w.u16(4) + w.u16(9) + "abcdefgh"), "an option of a section header runs past its block, at offset 84"},
      {w.u32(0x0a0d0d0a) + w.u32(28) + w.u32(0x1a2b3c4e), "a section header has no byte-order magic, at offset 84"},
      {raw(0x0a0d0d0a, 28, w.u32(0x1a2b3c4d) + w.u32(1) + w.u64(0), 32),
       "a section header has a length of 28 bytes at its start and of 32 at its end, at offset 84"},
  };
  for (const Row& row : rows) {
    const auto read = read_bytes(start + good + row.block + good + good);
    CHECK(read.packets.size() == 1);
    CHECK(read.problems == Problems{"damaged: " + row.problem});
    REQUIRE(read.file->problems().size() == 1);
    CHECK(read.file->problems()[0].offset == 84);
    CHECK(read.file->problems()[0].after_packet == 1);
  }
  // 64 MiB is the most, and is held only as far as the file has it.
  CHECK(read_bytes(start + raw(6, 64u << 20, "", 0)).problems ==
        Problems{"cut short: the file ends 12 bytes into packet 1, at offset 60"});
}

TEST_CASE("pcapng: records that contradict themselves are read and named") {
  const Writer& w = kBig;
  const auto problems = [&](const std::string& block) {
    const auto read = read_bytes(w.section() + w.interface(1, 4) + block + w.packet(0, 5, "end", 3));
    CHECK(read.packets.size() >= 1);
    CHECK(read.packets.back().bytes == "end");
    return read.problems;
  };
  CHECK(problems(w.packet(0, 1, "abc", 2)) == Problems{"odd record: packet 1 has 3 captured bytes of 2 on the wire"});
  CHECK(problems(w.packet(0, 1, "abcde", 6)) ==
        Problems{"odd record: packet 1 has 5 captured bytes where the snap length is 4"});
  const std::string contradict = "odd record: packet 1 has options that contradict their length";
  CHECK(problems(w.packet(0, 1, "abc", 3, w.u16(1) + w.u16(5) + "abcd")) == Problems{contradict});
  CHECK(problems(w.packet(0, 1, "abc", 3, w.option(2, "ab"))) == Problems{contradict});
  CHECK(problems(w.packet(0, 1, "abc", 3, w.option(4, "abcd"))) == Problems{contradict});
  CHECK(problems(w.packet(0, 1, "abc", 3, w.end() + w.u16(1) + w.u16(5) + "abcd")) == Problems{});  // behind the end
  CHECK(problems(w.packet(0, 1, "abc", 3, w.option(0x8001, "what nobody knows"))) == Problems{});
  CHECK(problems(w.statistics(3, "")) ==
        Problems{
            "odd record: interface statistics are of an interface that the section does not describe, at offset 48"});
  CHECK(problems(w.statistics(0, w.option(5, "abcd"))) ==
        Problems{"odd record: interface statistics have options that contradict their length, at offset 48"});
}

TEST_CASE("pcapng: drops are counted by the last statistics and by the packets") {
  const Writer& w = kLittle;
  const auto read = read_bytes(
      w.section() + w.interface(1, 0, w.option(2, "eth0")) + w.interface() + w.interface() +
      w.packet(1, 0, "p", 1, w.option(4, w.u64(3)) + w.end()) + w.packet(1, 0, "p", 1, w.option(4, w.u64(4))) +
      w.old_packet(2, 1, 0, "p", 1) + w.statistics(0, w.option(4, w.u64(90)) + w.option(5, w.u64(50)) + w.end()) +
      w.statistics(0, w.option(4, w.u64(100)) + w.option(5, w.u64(7)) + w.option(7, w.u64(5)) + w.end()) +
      w.statistics(1, w.option(4, w.u64(2)) + w.option(5, w.u64(0))));
  CHECK(read.problems == Problems{"dropped: the statistics of interface 0 (eth0) say that 12 packets were dropped",
                                  "dropped: the packets of interface 1 say that 7 packets were dropped",
                                  "dropped: the packets of interface 2 say that 1 packet was dropped"});
  const auto& interfaces = read.file->interfaces();
  CHECK(interfaces[0].received == 100u);
  CHECK(interfaces[0].dropped == 12u);
  CHECK(interfaces[1].received == 2u);
  CHECK(interfaces[1].dropped == 0u);
  CHECK_FALSE(interfaces[2].received);
  // Sums that do not fit stay at the most.
  const std::string most = w.option(5, w.u64(~std::uint64_t{0})) + w.option(7, w.u64(2));
  CHECK(read_bytes(w.section() + w.interface() + w.statistics(0, most)).file->interfaces()[0].dropped ==
        ~std::uint64_t{0});
}

TEST_CASE("pcapng: names are bounded, and end at a NUL") {
  const Writer& w = kLittle;
  const auto name = [&](const std::string& text) {
    return read_bytes(w.section() + w.interface(1, 0, w.option(2, text))).file->interfaces()[0].name;
  };
  CHECK(name(std::string("eth0\0x", 6)) == "eth0");
  CHECK(name("") == "");
  CHECK(name(std::string(60'000, 'n')) == std::string(256, 'n'));
  std::string file = w.section();
  for (int i = 0; i < 65'536; ++i) file += w.interface();
  CHECK(read_bytes(file).problems == Problems{});
  CHECK(read_bytes(file + w.interface()).problems ==
        Problems{"damaged: there are more than 65536 interfaces, at offset 1310748"});
}

TEST_CASE("pcapng: cut at every byte") {
  for (const bool big : {false, true}) {
    const Writer w(big);
    const std::string packet = w.packet(0, 1, "abcde", 5, w.option(1, "comment") + w.end());
    const std::string blocks[] = {w.section(w.option(4, "x") + w.end()),
                                  w.interface(1, 0, w.option(2, "eth0")),
                                  packet,
                                  w.block(10, "secrets of some length"),
                                  w.simple_packet("ab", 2),
                                  w.statistics(0, w.option(4, w.u64(2))),
                                  w.section(),
                                  w.interface(),
                                  packet,
                                  packet};
    std::string file;
    std::vector<std::size_t> boundaries;
    std::vector<std::size_t> packets;  // read by the time a boundary is reached
    for (const std::string& block : blocks) {
      file += block;
      boundaries.push_back(file.size());
      const std::uint32_t type = static_cast<std::uint32_t>(block[big ? 3 : 0]);
      packets.push_back((packets.empty() ? 0 : packets.back()) + (type == 6 || type == 3 ? 1 : 0));
    }
    for (std::size_t length = 4; length <= file.size(); ++length) {
      INFO(length);
      const auto read = read_bytes(file.substr(0, length));
      REQUIRE(read.file);
      const auto behind =
          static_cast<std::size_t>(std::upper_bound(boundaries.begin(), boundaries.end(), length) - boundaries.begin());
      CHECK(read.packets.size() == (behind == 0 ? 0 : packets[behind - 1]));
      if (behind > 0 && boundaries[behind - 1] == length) {
        CHECK(read.problems == Problems{});
        continue;
      }
      REQUIRE(read.file->problems().size() == 1);
      const CaptureProblem& problem = read.file->problems()[0];
      CHECK(problem.kind == CaptureProblem::Kind::CutShort);
      CHECK(problem.offset == length);
      const std::size_t into = length - (behind == 0 ? 0 : boundaries[behind - 1]);
      CHECK(problem.what.find("the file ends " + std::to_string(into) + " byte") == 0);
    }
    CHECK(read_bytes(file.substr(0, boundaries[1] + 20)).problems ==
          Problems{"cut short: the file ends 20 bytes into packet 1, at offset " + std::to_string(boundaries[1] + 20)});
    CHECK(read_bytes(file.substr(0, boundaries[2] + 20)).problems ==
          Problems{"cut short: the file ends 20 bytes into a block of type 0x0000000a, at offset " +
                   std::to_string(boundaries[2] + 20)});
  }
}

TEST_CASE("pcapng: time stamps of every resolution") {
  struct Row {
    int resolution;
    std::int64_t offset;
    std::uint64_t ticks;
    std::int64_t time;
  };
  constexpr std::uint64_t kMost = ~std::uint64_t{0};
  const Row rows[] = {
      {0, 0, 7, 7'000'000'000},
      {3, 0, 7, 7'000'000},
      {6, 0, 1'500'000'000'123'456, 1'500'000'000'123'456'000},
      {9, 0, 1'500'000'000'123'456'789, 1'500'000'000'123'456'789},
      {12, 0, 1'999, 1},
      {18, 0, kMost, 18'446'744'073},
      {19, 0, kMost, 1'844'674'407},
      {28, 0, kMost, 1},
      {29, 0, kMost, 0},
      {127, 0, kMost, 0},
      {0x80 | 0, 0, 7, 7'000'000'000},
      {0x80 | 1, 0, 7, 3'500'000'000},
      {0x80 | 10, 0, 1'025, 1'000'976'562},
      {0x80 | 63, 0, kMost, 1'999'999'999},
      {0x80 | 64, 0, kMost, 999'999'999},
      {0x80 | 93, 0, kMost, 1},
      {0x80 | 94, 0, kMost, 0},
      {0xff, 0, kMost, 0},
      {6, 1'000, 1, 1'000'000'001'000},
      {6, -1'000, 1, -999'999'999'000},
      {9, -1, 999'999'999, -1},
      {6, 0, 9'223'372'036'854'775, 9'223'372'036'854'775'000},
      {6, 0, 9'223'372'036'854'776, INT64_MAX},  // 2262
      {6, 0, kMost, INT64_MAX},
      {0, 0, kMost, INT64_MAX},
      {9, 0, std::uint64_t{INT64_MAX}, INT64_MAX},
      {9, 0, std::uint64_t{INT64_MAX} + 1, INT64_MAX},
      {6, INT64_MAX, 0, INT64_MAX},
      {0, INT64_MAX, kMost, INT64_MAX},
      {6, INT64_MIN, 0, kNoTime + 1},  // never taken for "no time"
  };
  for (const Row& row : rows) {
    INFO(row.resolution << " " << row.offset << " " << row.ticks);
    CHECK(PcapngClock(static_cast<std::uint8_t>(row.resolution), row.offset).nanoseconds(row.ticks) == row.time);
    const Writer& w = kBig;
    const auto read = read_bytes(
        w.section() +
        w.interface(1, 0,
                    w.option(9, byte(row.resolution)) + w.option(14, w.u64(static_cast<std::uint64_t>(row.offset)))) +
        w.packet(0, row.ticks, "", 0));
    CHECK(read.packets.at(0).time == row.time);
  }
}

}  // namespace
}  // namespace airtight::audit::test
