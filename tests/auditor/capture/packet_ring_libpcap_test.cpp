// The ring against libpcap: the same frames on a veth pair, captured by both at once.
#include "tests/auditor/capture/ring_bench.h"

namespace airtight::audit::test {
namespace {

TEST_CASE("packet ring: frames are libpcap's, byte for byte, on both ends of a veth pair") {
  in_namespace("packet ring against libpcap", [] {
    const VethPair pair;
    struct End {
      const char* device;
      unsigned index;
      Direction direction;
    };
    const auto sent = frames_of_all_kinds();
    for (const End& end :
         {End{"left", pair.left, Direction::Transmitted}, End{"right", pair.right, Direction::Received}}) {
      INFO(end.device);
      Libpcap theirs(end.device);
      const auto ours = ring_on(options_for(end.index));
      Sender sender(pair.left);
      for (const Named& each : sent) sender.send(each.bytes);
      const auto expected = theirs.read(sent.size());
      const auto frames = read_frames(*ours, sent.size());
      REQUIRE(expected.size() == sent.size());
      REQUIRE(frames.size() == sent.size());
      for (std::size_t i = 0; i < sent.size(); ++i) {
        INFO(sent[i].name);
        CHECK(hex_of(frames[i].bytes) == hex_of(sent[i].bytes));
        Seen same = frames[i];
        CHECK(same.direction == end.direction);
        CHECK(same.interface == end.index);
        same.direction = Direction::Unknown, same.interface = 0;
        CHECK(std::abs(same.time - expected[i].time) < 1'000'000'000);
        same.time = expected[i].time;
        CHECK(same == expected[i]);
      }
      const RingCounts counts = ours->counts();
      CHECK(counts.packets == sent.size());
      CHECK(counts.read == sent.size());
      CHECK(counts.dropped == 0);
    }
  });
}

TEST_CASE("packet ring: cooked frames of all interfaces are libpcap's, and have the tags that it loses") {
  in_namespace("cooked ring against libpcap", [] {
    const VethPair pair;
    std::vector<Named> sent = frames_of_all_kinds();
    std::erase_if(sent, [](const Named& each) { return each.bytes.size() == 14; });  // libpcap leaves out what is empty
    Libpcap theirs("any");
    const auto ours = ring_on(options_for(0, true));
    Sender sender(pair.left);
    for (const Named& each : sent) sender.send(each.bytes);
    const std::size_t count = 2 * sent.size();  // out of one end and into the other
    const auto expected = theirs.read(count);
    const auto frames = read_frames(*ours, count);
    REQUIRE(expected.size() == count);
    REQUIRE(frames.size() == count);
    unsigned with_tags = 0;
    for (std::size_t i = 0; i < count; ++i) {
      INFO(sent[i / 2].name << " " << i % 2);
      CHECK(frames[i].link == LinkType::LinuxSll2);
      CHECK(frames[i].link == expected[i].link);
      CHECK(frames[i].interface == (i % 2 == 0 ? pair.left : pair.right));
      CHECK(frames[i].direction == (i % 2 == 0 ? Direction::Transmitted : Direction::Received));
      const std::string& frame = sent[i / 2].bytes;
      const std::string type = hex_of(frame.substr(12, 2));
      if (type != "8100" && type != "88a8") {
        CHECK(hex_of(frames[i].bytes) == hex_of(expected[i].bytes));
        CHECK(frames[i].original == expected[i].original);
        continue;
      }
      ++with_tags;
      const std::string put_back = frame.substr(12, 2) + expected[i].bytes.substr(2, 18) + frame.substr(14, 2) +
                                   expected[i].bytes.substr(0, 2) + expected[i].bytes.substr(20);
      CHECK(hex_of(frames[i].bytes) == hex_of(put_back));
      CHECK(frames[i].original == expected[i].original + 4);
    }
    CHECK(with_tags == 12);
  });
}

TEST_CASE("packet ring: a cooked frame decodes as the frame itself, or not at all") {
  in_namespace("cooked ring decoded", [] {
    const VethPair pair;
    const auto raw = ring_on(options_for(pair.right));
    const auto cooked = ring_on(options_for(pair.right, true));
    Sender sender(pair.left);
    const auto sent = frames_of_all_kinds();
    for (const Named& each : sent) sender.send(each.bytes);
    const auto frames = read_frames(*raw, sent.size()), cooked_frames = read_frames(*cooked, sent.size());
    REQUIRE(frames.size() == sent.size());
    REQUIRE(cooked_frames.size() == sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) {
      INFO(sent[i].name);
      const std::string shown = decoded(cooked_frames[i]), right = decoded(frames[i]);
      const bool several = right.find(" 2 tags") != right.npos || right.find(" 3 tags") != right.npos;
      if (!several || shown.substr(0, 9) != "malformed") CHECK(shown == right);
    }
  });
}

TEST_CASE("packet ring: one ring takes the raw frames of all interfaces, each of its own kind") {
  in_namespace("ring of all interfaces", [] {
    const VethPair pair;
    const Tun tun("tun9", 0);
    const auto ring = ring_on(options_for(0));
    Sender sender(pair.left);
    const auto sent = frames_of_all_kinds();
    for (const Named& each : sent) sender.send(each.bytes);
    tun.receive(kUdp4.substr(14));
    const auto frames = read_frames(*ring, 2 * sent.size() + 1);
    REQUIRE(frames.size() == 2 * sent.size() + 1);
    for (std::size_t i = 0; i < 2 * sent.size(); ++i) {
      INFO(sent[i / 2].name << " " << i % 2);
      CHECK(hex_of(frames[i].bytes) == hex_of(sent[i / 2].bytes));
      CHECK(frames[i].original == sent[i / 2].bytes.size());
      CHECK(frames[i].link == LinkType::Ethernet);
      CHECK(frames[i].interface == (i % 2 == 0 ? pair.left : pair.right));
    }
    CHECK(frames.back().link == LinkType::Raw);
    CHECK(frames.back().interface == tun.index);
    CHECK(frames.back().bytes == kUdp4.substr(14));
  });
}

TEST_CASE("packet ring: a snap length cuts as libpcap does, tags counted in") {
  in_namespace("ring with a snap length", [] {
    const VethPair pair;
    const auto sent = frames_of_all_kinds();
    for (const int snap : {14, 17, 40, 96}) {
      INFO(snap);
      Libpcap theirs("right", snap);
      RingOptions options = options_for(pair.right);
      options.snap_length = static_cast<std::uint32_t>(snap);
      const auto ours = ring_on(options);
      options.cooked = true;
      const auto cooked = ring_on(options);
      Sender sender(pair.left);
      for (const Named& each : sent) sender.send(each.bytes);
      const auto expected = theirs.read(sent.size());
      const auto frames = read_frames(*ours, sent.size()), cooked_frames = read_frames(*cooked, sent.size());
      REQUIRE(frames.size() == sent.size());
      REQUIRE(cooked_frames.size() == sent.size());
      for (std::size_t i = 0; i < sent.size(); ++i) {
        INFO(sent[i].name);
        CHECK(hex_of(frames[i].bytes) == hex_of(expected[i].bytes));
        CHECK(frames[i].original == expected[i].original);
        CHECK(frames[i].original == sent[i].bytes.size());
        CHECK(cooked_frames[i].bytes.size() <= static_cast<std::size_t>(snap) + 20);
        CHECK(cooked_frames[i].original == sent[i].bytes.size() - 14 + 20);
      }
    }
  });
}

}  // namespace
}  // namespace airtight::audit::test
