#include "auditor/decode/fragments.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/auditor/allocation_counter.h"

namespace airtight::audit {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::uint8_t kNothingKnown = 253;  // a protocol without a header that a first fragment must hold

using Payload = std::vector<std::uint8_t>;

Payload letters(std::size_t size, std::uint8_t first) {
  Payload payload(size);
  for (std::size_t at = 0; at < size; ++at) payload[at] = static_cast<std::uint8_t>(first + at / 8);
  return payload;
}
Payload operator+(Payload left, const Payload& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

struct Fragment {
  std::size_t offset;
  bool more;
  Payload payload;
  std::uint32_t id = 1;
  std::int64_t time = 0;
  std::uint8_t protocol = kNothingKnown;
};

Level level_of(const Fragment& fragment, bool v6 = false) {
  Level level;
  level.source = v6 ? Ip::v6(u128{0xfd00} << 112 | 1) : Ip::v4(0x0A000001);
  level.destination = v6 ? Ip::v6(u128{0xfd00} << 112 | 2) : Ip::v4(0x0A000002);
  level.fragment = true;
  level.fragment_offset = static_cast<std::uint16_t>(fragment.offset);
  level.more_fragments = fragment.more;
  level.fragment_id = fragment.id;
  level.fragment_protocol = fragment.protocol;
  return level;
}

FragmentNews add(FragmentTable& table, const Fragment& fragment) {
  return table.add(level_of(fragment), fragment.payload, 0, fragment.time);
}

// "whole", or the flags that are set: "overlap given-up"; "-" if none is.
std::string told(const FragmentNews& news) {
  std::string text;
  if (news.overlap) text += " overlap";
  if (news.tiny) text += " tiny";
  if (news.oversize) text += " oversize";
  if (news.contradiction) text += " contradiction";
  if (news.given_up) text += " given-up";
  CHECK((news.lost.empty() || news.given_up));
  if (!news.whole.empty()) text += " whole";
  return text.empty() ? "-" : text.substr(1);
}

struct Step {
  Fragment fragment;
  std::string expected;
};

void play(const std::vector<Step>& steps, std::size_t waiting, std::uint64_t given_up, std::uint64_t completed) {
  FragmentTable table;
  for (std::size_t index = 0; index < steps.size(); ++index) {
    INFO("step " << index);
    CHECK(told(add(table, steps[index].fragment)) == steps[index].expected);
  }
  CHECK(table.waiting() == waiting);
  CHECK(table.counts().fragments == steps.size());
  CHECK(table.counts().given_up == given_up);
  CHECK(table.counts().completed == completed);
}

const Payload kA = letters(16, 'a'), kB = letters(16, 'c'), kC = letters(5, 'e');

TEST_CASE("fragments: put together in any order") {
  std::vector<Fragment> parts = {{0, true, kA}, {16, true, kB}, {32, false, kC}};
  std::vector<int> order = {0, 1, 2};
  do {
    FragmentTable table;
    CHECK(told(add(table, parts[static_cast<std::size_t>(order[0])])) == "-");
    CHECK(told(add(table, parts[static_cast<std::size_t>(order[1])])) == "-");
    CHECK(table.waiting() == 1);
    const FragmentNews news = add(table, parts[static_cast<std::size_t>(order[2])]);
    CHECK(told(news) == "whole");
    CHECK(Payload(news.whole.begin(), news.whole.end()) == kA + kB + kC);
    CHECK(news.protocol == kNothingKnown);
    CHECK(table.waiting() == 0);
    CHECK(table.counts().completed == 1);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("fragments: the largest payload there can be, and a byte more") {
  FragmentTable table;
  Payload whole(65'535);
  std::mt19937 random(1);
  for (auto& byte : whole) byte = static_cast<std::uint8_t>(random());
  const auto part = [&](std::size_t from, std::size_t to) {
    return Payload(whole.begin() + static_cast<std::ptrdiff_t>(from), whole.begin() + static_cast<std::ptrdiff_t>(to));
  };
  CHECK(told(add(table, {65'528, false, part(65'528, 65'535)})) == "-");
  for (std::size_t at = 1'480; at < 65'528; at += 1'480)
    CHECK(told(add(table, {at, true, part(at, std::min<std::size_t>(65'528, at + 1'480))})) == "-");
  const FragmentNews news = add(table, {0, true, part(0, 1'480)});
  CHECK(Payload(news.whole.begin(), news.whole.end()) == whole);
  CHECK(told(add(table, {65'528, false, Payload(8), 2})) == "oversize given-up");
  CHECK(told(add(table, {0, true, kA, 2})) == "given-up");
  CHECK(told(add(table, {65'528, true, Payload(8), 3})) == "oversize given-up");
}

TEST_CASE("fragments: exact copies change nothing, any other overlap gives the datagram up for good") {
  const Payload changed = letters(16, 'x');
  play({{{0, true, kA}, "-"}, {{0, true, kA}, "-"}, {{16, false, kC}, "whole"}}, 0, 0, 1);
  const std::vector<Fragment> overlaps = {
      {0, true, changed},           // other bytes
      {0, true, letters(8, 'a')},   // the same bytes, but half of it
      {8, true, letters(8, 'b')},   // the other half
      {8, true, letters(16, 'b')},  // half of it and more
      {0, true, letters(24, 'a')},  // it and more
      {0, true, letters(40, 'a')},  // two, as one
      {0, false, kA},               // the same as the last
      {24, true, letters(8, 'd')},  // the second half of another
  };
  for (const Fragment& overlap : overlaps) {
    INFO("offset " << overlap.offset << " size " << overlap.payload.size());
    play({{{0, true, kA}, "-"},
          {{16, true, kB}, "-"},
          {overlap, "overlap given-up"},
          {{32, false, kC}, "given-up"},
          {overlap, "given-up"},
          {{0, true, kA}, "given-up"}},
         0, 1, 0);
  }
  play({{{16, false, kC}, "-"}, {{16, false, letters(5, 'f')}, "overlap given-up"}}, 0, 1, 0);
  play({{{16, false, kC}, "-"}, {{16, false, letters(4, 'e')}, "overlap given-up"}}, 0, 1, 0);
  // Longer than the end by bytes that lie in the same eight and are those of an earlier datagram.
  play({{{0, true, kA}, "-"},
        {{16, false, letters(8, 'e')}, "whole"},
        {{16, false, letters(5, 'e')}, "-"},
        {{16, true, letters(8, 'e')}, "overlap given-up"}},
       0, 1, 1);
  play({{{16, false, letters(8, 'e')}, "-"}, {{16, true, letters(8, 'e')}, "overlap given-up"}}, 0, 1, 0);
}

TEST_CASE("fragments: ends that contradict each other give the datagram up") {
  play({{{32, false, kC}, "-"}, {{48, true, kA}, "contradiction given-up"}}, 0, 1, 0);   // beyond the end
  play({{{32, false, kC}, "-"}, {{48, false, kC}, "contradiction given-up"}}, 0, 1, 0);  // two ends
  play({{{32, false, kC}, "-"}, {{16, false, kC}, "contradiction given-up"}, {{0, true, kA}, "given-up"}}, 0, 1, 0);
  play({{{32, true, kA}, "-"}, {{16, false, kC}, "contradiction given-up"}}, 0, 1, 0);  // an end before what came
}

TEST_CASE("fragments: tiny, misaligned and empty ones") {
  play({{{0, true, letters(12, 'a')}, "tiny given-up"}}, 0, 1, 0);  // not a multiple of 8, and not the last
  play({{{16, true, letters(7, 'a')}, "tiny given-up"}}, 0, 1, 0);
  play({{{16, false, letters(7, 'a')}, "-"}}, 1, 0, 0);
  play({{{16, false, {}}, "tiny given-up"}}, 0, 1, 0);
  play({{{16, true, {}}, "tiny given-up"}}, 0, 1, 0);

  const Payload tcp20 = {0, 80, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0, 'd', 'a', 't', 'a'};
  Payload tcp32 = tcp20;
  tcp32[12] = 0x80;  // a header of 32 bytes
  const Payload udp = {0, 53, 0, 53, 0, 32, 0, 0};
  struct Row {
    std::uint8_t protocol;
    Payload payload;
    bool tiny;
  };
  const Row rows[] = {
      {ip_protocol::kTcp, tcp20, false},
      {ip_protocol::kTcp, Payload(tcp20.begin(), tcp20.begin() + 16), true},  // ports, and the flags in the next
      {ip_protocol::kTcp, Payload(tcp20.begin(), tcp20.begin() + 8), true},
      {ip_protocol::kTcp, tcp32, true},
      {ip_protocol::kTcp, tcp32 + Payload(8), false},
      {ip_protocol::kUdp, udp, false},
      {ip_protocol::kSctp, Payload(8), true},
      {ip_protocol::kSctp, Payload(16), false},
      {ip_protocol::kIcmp, Payload(8), false},
      {ip_protocol::kIpv6, Payload(32), true},
      {ip_protocol::kIpv6, Payload(40), false},
      // RFC 7112: the whole chain. Destination options of 8 bytes, next header UDP; of 16 bytes; next header TCP.
      {ip_protocol::kDestination, Payload{17, 0, 1, 4, 0, 0, 0, 0} + udp, false},
      {ip_protocol::kDestination, Payload{17, 0, 1, 4, 0, 0, 0, 0}, true},
      {ip_protocol::kDestination, Payload{17, 1, 1, 4, 0, 0, 0, 0}, true},
      {ip_protocol::kDestination, Payload{6, 0, 1, 4, 0, 0, 0, 0} + Payload(16), true},
      {ip_protocol::kAh, Payload{17, 4, 0, 0, 0, 0, 0, 0} + Payload(16) + udp, false},  // AH counts in words of 4
      {ip_protocol::kAh, Payload{17, 4, 0, 0, 0, 0, 0, 0} + Payload(16), true},
  };
  for (const Row& row : rows) {
    INFO("protocol " << int{row.protocol} << " of " << row.payload.size());
    FragmentTable table;
    CHECK(told(add(table, {0, true, row.payload, 1, 0, row.protocol})) == (row.tiny ? "tiny" : "-"));
    // Flagged, and still put together: the names inside are wanted.
    CHECK(told(add(table, {row.payload.size(), false, kC, 1, 0, row.protocol})) == "whole");
    CHECK(told(add(table, {8, true, row.payload, 2, 0, row.protocol})) == "-");  // none that is not the first
  }
}

TEST_CASE("fragments: bytes that the snap length cut give the datagram up") {
  FragmentTable table;
  Level level = level_of({0, true, {}});
  level.payload_missing = 8;
  CHECK(told(table.add(level, kA, 0, 0)) == "given-up");
  CHECK(told(add(table, {16, false, kC})) == "given-up");
  level.fragment_id = 2;
  level.fragment_offset = 65'000;
  level.payload_missing = 600;
  CHECK(told(table.add(level, kA, 0, 0)) == "oversize given-up");
}

TEST_CASE("fragments: what tells datagrams apart") {
  const Fragment first = {0, true, kA};
  Level other[5];
  other[0] = other[1] = other[2] = other[3] = level_of({16, false, kC});
  other[4] = level_of({16, false, kC}, true);
  other[0].source = Ip::v4(1);
  other[1].destination = Ip::v4(1);
  other[2].fragment_id = 2;
  other[3].fragment_protocol = 17;
  for (const Level& level : other) {
    FragmentTable table;
    CHECK(told(add(table, first)) == "-");
    CHECK(told(table.add(level, kC, 0, 0)) == "-");
    CHECK(table.waiting() == 2);
  }
  FragmentTable table;
  CHECK(told(add(table, first)) == "-");
  CHECK(told(table.add(level_of({16, false, kC}), kC, 1, 0)) == "-");  // another interface
  CHECK(told(table.add(level_of({16, false, kC}), kC, 0, 0)) == "whole");
}

TEST_CASE("fragments: IPv6 goes by the next header of the first fragment, whatever others say") {
  FragmentTable table;
  const Level first = level_of({0, true, {}, 1, 0, ip_protocol::kUdp}, true);
  const Level last = level_of({16, false, {}, 1, 0, ip_protocol::kNoNext}, true);
  CHECK(told(table.add(first, kA, 0, 0)) == "-");
  const FragmentNews news = table.add(last, kC, 0, 0);
  CHECK(told(news) == "whole");
  CHECK(news.protocol == ip_protocol::kUdp);
}

TEST_CASE("fragments: after sixty seconds the name is another datagram's") {
  const std::int64_t limit = 60 * kSecond;
  play({{{0, true, kA, 1, 0}, "-"}, {{16, false, kC, 1, limit}, "whole"}}, 0, 0, 1);
  play(
      {{{0, true, kA, 1, 0}, "-"}, {{16, false, kC, 1, limit + 1}, "given-up"}, {{0, true, kB, 1, limit + 2}, "whole"}},
      0, 1, 1);
  // One that was given up: its time counts from its own first fragment.
  play({{{0, true, kA, 1, 0}, "-"},
        {{0, true, kB, 1, kSecond}, "overlap given-up"},
        {{16, false, kC, 1, limit}, "given-up"},
        {{16, false, kC, 1, limit + 1}, "-"},
        {{0, true, kB, 1, limit + 2}, "whole"}},
       0, 1, 1);
  // Times that are none, go backwards, or lie as far apart as can be.
  play({{{0, true, kA, 1, kNoTime}, "-"}, {{16, false, kC, 1, INT64_MAX}, "whole"}}, 0, 0, 1);
  play({{{0, true, kA, 1, 100 * kSecond}, "-"}, {{16, false, kC, 1, 0}, "whole"}}, 0, 0, 1);
  play({{{0, true, kA, 1, 0}, "-"}, {{16, false, kC, 1, kNoTime}, "whole"}}, 0, 0, 1);
  play({{{0, true, kA, 1, INT64_MIN + 1}, "-"}, {{16, false, kC, 1, INT64_MAX}, "given-up"}}, 1, 1, 0);
}

TEST_CASE("fragments: a capture that holds each packet twice leaves nothing waiting") {
  play({{{0, true, kA}, "-"}, {{0, true, kA}, "-"}, {{16, false, kC}, "whole"}, {{16, false, kC}, "-"}}, 0, 0, 1);
  play({{{0, true, kA}, "-"}, {{16, false, kC}, "whole"}, {{0, true, kA}, "-"}, {{16, false, kC}, "whole"}}, 0, 0, 2);
  // The id was given out again soon: other bytes, and no less whole.
  play({{{0, true, kA}, "-"}, {{16, false, kC}, "whole"}, {{0, true, kB}, "-"}, {{16, false, kC}, "whole"}}, 0, 0, 2);
  play({{{0, true, kA}, "-"},
        {{16, false, kC}, "whole"},
        {{0, true, kA}, "-"},
        {{16, true, kB}, "-"},
        {{32, false, kC}, "whole"}},
       0, 0, 2);
  play({{{0, true, kA}, "-"}, {{16, false, kC}, "whole"}, {{16, false, kA}, "-"}}, 1, 0, 1);
  play({{{0, true, kA}, "-"}, {{16, false, kC}, "whole"}, {{0, true, kA}, "-"}, {{8, true, kA}, "overlap given-up"}}, 0,
       1, 1);
}

TEST_CASE("fragments: the oldest makes place, and is counted") {
  FragmentTable table(4, 1 << 20);
  for (std::uint32_t id = 1; id <= 4; ++id) CHECK(told(add(table, {0, true, kA, id})) == "-");
  CHECK(table.waiting() == 4);
  CHECK(told(add(table, {0, true, kA, 5})) == "given-up");  // 1 went
  CHECK(told(add(table, {16, false, kC, 2})) == "whole");
  CHECK(table.waiting() == 3);
  CHECK(told(add(table, {0, true, kA, 6})) == "-");  // a completed one makes place first
  CHECK(told(add(table, {0, true, kB, 3})) == "overlap given-up");
  CHECK(told(add(table, {0, true, kA, 7})) == "-");           // 3 was counted already
  CHECK(told(add(table, {16, false, kC, 1})) == "given-up");  // is new, and pushes 4 out
  CHECK(table.waiting() == 4);
  CHECK(table.counts().given_up == 3);
}

TEST_CASE("fragments: buffers that are used up push the oldest out, and one that alone is too large gives up") {
  FragmentTable table(100, 3 * 2048);
  CHECK(told(add(table, {0, true, kA, 1})) == "-");
  CHECK(told(add(table, {0, true, kA, 2})) == "-");
  CHECK(told(add(table, {2'040, true, kA, 1})) == "-");     // its bytes lie on two pages
  CHECK(told(add(table, {0, true, kA, 3})) == "given-up");  // 1 gave both back
  CHECK(told(add(table, {16, false, kC, 2})) == "whole");
  CHECK(told(add(table, {2'048, true, letters(4'096, 'a'), 3})) == "-");  // 2, completed, gave its page back
  CHECK(told(add(table, {8'192, true, kA, 3})) == "given-up");            // nobody has any left: itself
  CHECK(table.waiting() == 0);
  CHECK(table.counts().given_up == 2);
  FragmentTable none(1, 0);
  CHECK(told(add(none, {0, true, kA})) == "given-up");
  CHECK(told(add(none, {16, false, kC})) == "given-up");
}

// "SOURCE>DESTINATION/PROTOCOL@INTERFACE TIME", each behind the one before.
std::string in_words(const LostDatagram& lost) {
  return " " + to_string(lost.source) + ">" + to_string(lost.destination) + "/" + std::to_string(lost.protocol) + "@" +
         std::to_string(lost.interface) + " " + std::to_string(lost.time);
}
std::string lost(const FragmentNews& news) {
  std::string text;
  for (const LostDatagram& each : news.lost) text += in_words(each);
  return text;
}
std::string waiting(const FragmentTable& table) {
  std::string text;
  table.each_waiting([&](const LostDatagram& each) { text += in_words(each); });
  return text;
}

TEST_CASE("fragments: which datagram was lost, once") {
  const std::string first = " 10.0.0.1>10.0.0.2/253@0 5", again = " 10.0.0.1>10.0.0.2/253@0 70000000000";
  FragmentTable table;
  CHECK(lost(add(table, {0, true, kA, 1, 5})) == "");
  CHECK(waiting(table) == first);
  CHECK(lost(add(table, {0, true, kA, 1, 6})) == "");
  CHECK(lost(add(table, {0, true, kB, 1, 7})) == first);  // overlaps
  CHECK(waiting(table) == "");
  CHECK(lost(add(table, {16, false, kC, 1, 8})) == "");  // was told already
  CHECK(lost(add(table, {0, true, kB, 1, 9})) == "");
  CHECK(lost(add(table, {0, true, kA, 1, 70 * kSecond})) == "");  // another of the same name
  CHECK(waiting(table) == again);
  CHECK(lost(add(table, {24, true, kA, 2, 71 * kSecond})) == "");
  CHECK(lost(add(table, {16, false, kC, 2, 72 * kSecond})) == " 10.0.0.1>10.0.0.2/253@0 71000000000");  // two ends
  // Too old, and its successor is not sound: both are lost with one fragment.
  CHECK(lost(add(table, {0, true, letters(9, 'a'), 1, 150 * kSecond})) ==
        again + " 10.0.0.1>10.0.0.2/253@0 150000000000");
  CHECK(table.counts().given_up == 4);

  // A completed one, copies of its parts, and then a part that contradicts: the copies began what is lost.
  CHECK(lost(add(table, {0, true, kA, 9, 1})) == "");
  CHECK(lost(add(table, {16, false, kC, 9, 2})) == "");
  CHECK(waiting(table) == "");
  CHECK(lost(add(table, {0, true, kA, 9, 3})) == "");
  CHECK(waiting(table) == "");
  CHECK(lost(add(table, {8, true, kA, 9, 4})) == " 10.0.0.1>10.0.0.2/253@0 3");
  CHECK(lost(add(table, {0, true, kA, 10, 1})) == "");
  CHECK(lost(add(table, {16, false, kC, 10, 2})) == "");
  CHECK(lost(add(table, {8, true, {}, 10, 4})) == " 10.0.0.1>10.0.0.2/253@0 4");  // empty
}

TEST_CASE("fragments: which datagram was pushed out") {
  FragmentTable table(2, 1 << 20);
  Level level = level_of({16, true, {}, 1, 0, ip_protocol::kUdp}, true);
  CHECK(lost(table.add(level, kA, 7, 3)) == "");
  CHECK(waiting(table) == " fd00::1>fd00::2/17@7 3");
  level.fragment_offset = 0;
  level.fragment_protocol = ip_protocol::kTcp;  // what counts is the first one's
  CHECK(lost(table.add(level, Payload(16), 7, 4)) == "");
  CHECK(waiting(table) == " fd00::1>fd00::2/6@7 3");
  CHECK(lost(add(table, {0, true, kA, 2, 5})) == "");
  CHECK(waiting(table) == " fd00::1>fd00::2/6@7 3 10.0.0.1>10.0.0.2/253@0 5");
  CHECK(lost(add(table, {0, true, kA, 3, 6})) == " fd00::1>fd00::2/6@7 3");
  CHECK(waiting(table) == " 10.0.0.1>10.0.0.2/253@0 5 10.0.0.1>10.0.0.2/253@0 6");

  // One that needs the memory of three: all of them are told, and at last it is lost itself.
  FragmentTable small(10, 3 * 2048);
  for (std::uint32_t id = 1; id <= 3; ++id) CHECK(lost(add(small, {0, true, kA, id, id})) == "");
  CHECK(lost(add(small, {0, true, Payload(4 * 2048), 4, 4})) ==
        " 10.0.0.1>10.0.0.2/253@0 1 10.0.0.1>10.0.0.2/253@0 2 10.0.0.1>10.0.0.2/253@0 3 10.0.0.1>10.0.0.2/253@0 4");
  CHECK(small.counts().given_up == 4);
  CHECK(waiting(small) == "");
}

TEST_CASE("fragments: a flood is counted to the last datagram, and allocates nothing") {
  FragmentTable table(64, 64 * 2048);
  const Payload payload(1'480);
  std::uint64_t told_of = 0, lost = 0;
  const std::size_t before = allocations();
  for (std::uint32_t id = 0; id < 20'000; ++id) {
    const Fragment flood = {id % 3 * 8'000, true, {}, id, kNoTime};
    const FragmentNews news = table.add(level_of(flood), payload, 0, kNoTime);
    told_of += news.given_up;
    lost += news.lost.size();
  }
  CHECK(allocations() == before);
  CHECK(table.counts().given_up + table.waiting() == 20'000);
  CHECK(lost == table.counts().given_up);
  CHECK(told_of > 10'000);
  CHECK(table.waiting() <= 64);
}

// The bytes of one datagram, one by one.
struct Oracle {
  std::map<std::size_t, std::uint8_t> bytes;
  std::vector<Fragment> parts;
  Payload previous;  // the one of this name that was completed
  bool echo = false;
  bool given_up = false;

  std::size_t high() const { return bytes.empty() ? 0 : bytes.rbegin()->first + 1; }
  std::string add(const Fragment& fragment) {
    if (given_up) return "given-up";
    const std::size_t end = fragment.offset + fragment.payload.size();
    for (const Fragment& part : parts)
      if (part.offset == fragment.offset && part.payload == fragment.payload && part.more == fragment.more) return "-";
    if (parts.empty()) echo = !previous.empty();
    bool copy = end <= previous.size() && fragment.more == (end != previous.size());
    for (std::size_t at = fragment.offset; copy && at < end; ++at)
      copy = previous[at] == fragment.payload[at - fragment.offset];
    echo = echo && copy;
    for (std::size_t at = fragment.offset; at < end; ++at)
      if (bytes.count(at) != 0) return give_up(), "overlap given-up";
    for (const Fragment& part : parts) {
      const std::size_t part_end = part.offset + part.payload.size();
      if ((!part.more && (!fragment.more || end > part_end)) || (!fragment.more && part_end > end))
        return give_up(), "contradiction given-up";
    }
    for (std::size_t at = fragment.offset; at < end; ++at) bytes[at] = fragment.payload[at - fragment.offset];
    parts.push_back(fragment);
    const bool has_last = std::any_of(parts.begin(), parts.end(), [](const Fragment& part) { return !part.more; });
    if (!has_last || bytes.size() != high()) return "-";
    previous.clear();
    for (const auto& [at, byte] : bytes) previous.push_back(byte);
    bytes.clear();
    parts.clear();
    return "whole";
  }
  void give_up() { given_up = true, parts.clear(), bytes.clear(); }
  bool waits() const { return !given_up && !parts.empty() && !echo; }
};

TEST_CASE("fragments: random ones are told of as a map of bytes tells") {
  std::mt19937 random(3);
  std::map<std::string, int> seen;
  for (int round = 0; round < 400; ++round) {
    FragmentTable table(8, 1 << 20);
    std::map<std::uint32_t, Oracle> oracles;
    std::vector<std::int64_t> losses;
    const std::size_t unit = random() % 2 == 0 ? 8 : 1'024;  // small, or over several pages
    const unsigned lies = random() % 2 == 0 ? 0 : 30;
    for (int step = 0; step < 60; ++step) {
      const std::uint32_t id = static_cast<std::uint32_t>(random() % 3);
      const bool odd = random() % 10 == 0;  // cut elsewhere than the rest
      const std::size_t from = odd ? random() % 6 : random() % 3 * 2, count = odd ? 1 + random() % 3 : 2;
      Fragment fragment{from * unit, from + count < 6, {}, id};
      if (random() % 60 == 0) fragment.more = !fragment.more;
      fragment.payload.resize(count * unit - (fragment.more ? 0 : 3));
      for (std::size_t at = 0; at < fragment.payload.size(); ++at)
        fragment.payload[at] = static_cast<std::uint8_t>((from * unit + at) * 37 >> 3);
      if (lies != 0 && random() % lies == 0) fragment.payload[random() % fragment.payload.size()] ^= 1;
      const FragmentNews news = add(table, fragment);
      const std::string expected = oracles[id].add(fragment);
      REQUIRE(told(news) == expected);
      ++seen[expected];
      if (expected == "whole") REQUIRE(Payload(news.whole.begin(), news.whole.end()) == oracles[id].previous);
      for (const LostDatagram& lost : news.lost) losses.push_back(lost.time);
      const auto waiting =
          std::count_if(oracles.begin(), oracles.end(), [](const auto& each) { return each.second.waits(); });
      REQUIRE(table.waiting() == static_cast<std::size_t>(waiting));
      REQUIRE(losses.size() == table.counts().given_up);
      if (oracles[id].given_up && random() % 4 == 0) break;
    }
  }
  CHECK(seen["whole"] > 300);
  CHECK(seen["overlap given-up"] > 200);
  CHECK(seen["given-up"] > 200);
  CHECK(seen["contradiction given-up"] > 20);
}

}  // namespace
}  // namespace airtight::audit
