#include "auditor/decode/tcp_stream.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/auditor/allocation_counter.h"

namespace airtight::audit {

std::ostream& operator<<(std::ostream& out, StreamNews news) {
  constexpr std::string_view kNames[] = {"Nothing", "Data", "Gap", "Conflict"};
  return out << kNames[static_cast<std::size_t>(news)];
}

namespace {

using News = StreamNews;

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }
std::string text_of(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

struct Step {
  std::uint32_t sequence;
  std::string_view payload;
  News news;
  std::string_view data;  // after it
};

void play(std::uint32_t first, const std::vector<Step>& steps, std::size_t window = 64) {
  StreamPool pool(4, 1 << 20, window);
  const StreamId id = pool.open(first);
  REQUIRE(id != 0);
  for (const Step& step : steps) {
    INFO("sequence " << step.sequence << " payload \"" << step.payload << "\"");
    CHECK(pool.add(id, step.sequence, bytes_of(step.payload)) == step.news);
    CHECK(text_of(pool.data(id)) == step.data);
  }
}

TEST_CASE("tcp stream: segments in order, copies, and what comes early") {
  play(100, {{100, "abc", News::Data, "abc"},
             {103, "", News::Nothing, "abc"},
             {100, "abc", News::Nothing, "abc"},
             {101, "b", News::Nothing, "abc"},
             {99, "?", News::Nothing, "abc"},     // a keep-alive, from before the first byte that we follow
             {98, "??abcd", News::Data, "abcd"},  // overlaps by equal bytes and goes on
             {106, "gh", News::Nothing, "abcd"},
             {110, "kl", News::Nothing, "abcd"},
             {106, "gh", News::Nothing, "abcd"},
             {104, "efg", News::Data, "abcdefgh"},
             {107, "hijk", News::Data, "abcdefghijkl"},
             {112, "m", News::Data, "abcdefghijklm"}});
}

TEST_CASE("tcp stream: sequence numbers wrap") {
  play(0xFFFFFFFE, {{0, "cd", News::Nothing, ""},
                    {0xFFFFFFFE, "ab", News::Data, "abcd"},
                    {0xFFFFFFFF, "bcd", News::Nothing, "abcd"},
                    {0xFFFFFFFD, "?abcde", News::Data, "abcde"},
                    {3, "f", News::Data, "abcdef"}});
  play(0x7FFFFFFF, {{0x80000000, "b", News::Nothing, ""}, {0x7FFFFFFF, "a", News::Data, "ab"}});
}

TEST_CASE("tcp stream: the first copy is kept, and another value is a conflict") {
  play(0, {{0, "good", News::Data, "good"},
           {0, "evil", News::Conflict, "good"},
           {3, "D", News::Conflict, "good"},
           {2, "xxnew", News::Conflict, "goodnew"},  // what was new beside it is taken
           {10, "early", News::Nothing, "goodnew"},
           {12, "x", News::Conflict, "goodnew"},
           {9, "?eXr?y!", News::Conflict, "goodnew"},  // fills places 9 and 15
           {7, "ab", News::Data, "goodnewab?early!"}});
}

TEST_CASE("tcp stream: what is consumed cannot be compared") {
  StreamPool pool(4, 1 << 20, 64);
  const StreamId id = pool.open(10);
  CHECK(pool.add(id, 10, bytes_of("abcdef")) == News::Data);
  pool.consume(id, 4);
  CHECK(text_of(pool.data(id)) == "ef");
  CHECK(pool.add(id, 10, bytes_of("xxxx")) == News::Nothing);
  CHECK(pool.add(id, 10, bytes_of("xxxxef")) == News::Nothing);
  CHECK(pool.add(id, 13, bytes_of("xE")) == News::Conflict);
  pool.consume(id, 2);
  CHECK(pool.data(id).empty());
  CHECK(pool.add(id, 10, bytes_of("xxxxxxg")) == News::Data);
  CHECK(text_of(pool.data(id)) == "g");
  CHECK(pool.expected(id) == 17);
}

TEST_CASE("tcp stream: beyond the window is a gap, what fits stays, and the stream is given up") {
  play(0, {{9, "x", News::Gap, ""}, {0, "abc", News::Gap, ""}}, 8);
  play(0, {{8, "x", News::Gap, ""}}, 8);
  play(0,
       {{7, "h", News::Nothing, ""},
        {0, "abcdefg", News::Data, "abcdefgh"},
        {0, "abc", News::Nothing, "abcdefgh"},
        {8, "i", News::Gap, "abcdefgh"},
        {0, "xbc", News::Gap, "abcdefgh"}},
       8);
  play(0, {{0, "abcdefghij", News::Gap, "abcdefgh"}}, 8);
  play(0, {{2, "cdefghij", News::Gap, ""}, {0, "ab", News::Gap, ""}}, 8);
  play(5, {{0x80000004, "x", News::Gap, ""}}, 8);
  play(5, {{0x80000005, "x", News::Nothing, ""}, {5, "a", News::Data, "a"}}, 8);  // nobody's window: old
}

TEST_CASE("tcp stream: consuming makes room in the window") {
  StreamPool pool(1, 1 << 20, 8);
  const StreamId id = pool.open(0);
  std::uint32_t at = 0;
  for (int round = 0; round < 5'000; ++round) {
    REQUIRE(pool.add(id, at + 4, bytes_of("efgh")) == News::Nothing);
    REQUIRE(pool.add(id, at, bytes_of("abcd")) == News::Data);
    REQUIRE(text_of(pool.data(id)) == "abcdefgh");
    pool.consume(id, 3);
    REQUIRE(pool.add(id, at + 8, bytes_of("ij")) == News::Data);
    REQUIRE(text_of(pool.data(id)) == "defghij");
    pool.consume(id, 7);
    at += 10;
  }
}

TEST_CASE("tcp stream: ids run out, and come back") {
  StreamPool pool(2, 1 << 20, 64);
  const StreamId first = pool.open(1), second = pool.open(2);
  CHECK(first != 0);
  CHECK(second != 0);
  CHECK(first != second);
  CHECK(pool.open(3) == 0);
  CHECK(pool.in_use() == 2);
  CHECK(pool.add(first, 1, bytes_of("old")) == News::Data);
  pool.close(first);
  CHECK(pool.in_use() == 1);
  const StreamId third = pool.open(7);
  CHECK(third == first);
  CHECK(pool.data(third).empty());
  CHECK(pool.expected(third) == 7);
}

TEST_CASE("tcp stream: used up buffers are a gap, and harm no other stream") {
  constexpr std::size_t kUnit = 2048;
  StreamPool pool(8, 4 * kUnit, 64u << 10);  // four small blocks
  const std::string small(100, 's'), large(2 * kUnit + 1, 'l');
  const StreamId a = pool.open(0), b = pool.open(0), c = pool.open(0);
  CHECK(pool.add(a, 0, bytes_of(small)) == News::Data);
  CHECK(pool.add(b, 0, bytes_of(small)) == News::Data);
  CHECK(pool.add(c, 0, bytes_of(large)) == News::Gap);
  CHECK(pool.data(c).empty());
  CHECK(pool.add(a, 100, bytes_of(large)) == News::Gap);
  CHECK(text_of(pool.data(a)) == small);
  CHECK(text_of(pool.data(b)) == small);
  CHECK(pool.add(b, 101, bytes_of("x")) == News::Gap);  // no place for the marks of what comes early: 8 KiB
  CHECK(text_of(pool.data(b)) == small);
  for (const StreamId id : {a, b, c}) pool.close(id);
  const StreamId d = pool.open(0);
  CHECK(pool.add(d, 0, bytes_of(large)) == News::Data);  // all of it came back
  CHECK(text_of(pool.data(d)) == large);
}

TEST_CASE("tcp stream: a stream that was read holds no buffer") {
  StreamPool pool(1'000, 2048, 64u << 10);  // one block for all
  for (int stream = 0; stream < 1'000; ++stream) {
    const StreamId id = pool.open(0);
    REQUIRE(pool.add(id, 0, bytes_of("GET")) == News::Data);
    pool.consume(id, 3);
  }
}

TEST_CASE("tcp stream: one that always holds something early moves inside its block, and leaves the next one alone") {
  StreamPool pool(2, 8 * 2048, 64u << 10);
  const StreamId moving = pool.open(0), still = pool.open(0);
  const std::string full(2048, 's'), half(250, 'm');
  std::uint32_t at = 0;
  CHECK(pool.add(moving, 250, bytes_of(half)) == News::Nothing);  // takes the block before the other's
  CHECK(pool.add(still, 0, bytes_of(full)) == News::Data);
  for (int round = 0; round < 200; ++round, at += 500) {
    REQUIRE(pool.add(moving, at + 750, bytes_of(half)) == News::Nothing);
    REQUIRE(pool.add(moving, at, bytes_of(half)) == News::Data);
    REQUIRE(text_of(pool.data(moving)) == half + half);
    pool.consume(moving, 500);
    REQUIRE(text_of(pool.data(still)) == full);
  }
  CHECK(pool.add(moving, at + 3'000, bytes_of(half)) == News::Nothing);  // needs a larger block
  CHECK(text_of(pool.data(still)) == full);
  CHECK(pool.add(moving, at, bytes_of(half)) == News::Data);
  CHECK(text_of(pool.data(moving)) == half + half);
}

// One byte of memory a position: what a stream should say, slowly.
struct Oracle {
  std::uint64_t first;  // absolute position of the first byte not consumed
  std::uint64_t next;   // and of the first one that is lacking
  std::size_t window;
  std::map<std::uint64_t, std::uint8_t> bytes;

  News add(std::uint64_t at, Bytes payload) {
    bool same = true, beyond = false;
    const std::uint64_t before = next;
    for (const std::uint8_t byte : payload) {
      const std::uint64_t place = at++;
      if (place < first) continue;
      if (place >= first + window) {
        beyond = true;
        break;
      }
      const auto [entry, is_new] = bytes.emplace(place, byte);
      same = same && (is_new || entry->second == byte);
    }
    while (bytes.count(next) != 0) ++next;
    if (beyond) return News::Gap;
    if (!same) return News::Conflict;
    return next == before ? News::Nothing : News::Data;
  }
};

TEST_CASE("tcp stream: several streams cut at random, mixed and repeated, each come out whole") {
  std::mt19937 random(7);
  for (int round = 0; round < 30; ++round) {
    constexpr std::size_t kStreams = 5, kLength = 30'000;
    const std::size_t window = 2'000 + random() % 9'000;
    StreamPool pool(kStreams, 4u << 20, window);
    struct One {
      StreamId id;
      std::uint32_t start;
      std::vector<std::uint8_t> bytes, got;
      Oracle oracle;
    };
    std::vector<One> all;
    for (std::size_t index = 0; index < kStreams; ++index) {
      One one{0, static_cast<std::uint32_t>(random()), std::vector<std::uint8_t>(kLength), {}, {0, 0, window, {}}};
      if (index == 0) one.start = UINT32_MAX - 5'000;  // one that surely wraps
      for (auto& byte : one.bytes) byte = static_cast<std::uint8_t>(random());
      one.id = pool.open(one.start);
      all.push_back(std::move(one));
    }
    for (std::size_t done = 0; done < kStreams;) {
      One& one = all[random() % kStreams];
      if (one.oracle.next == kLength) continue;
      // Anywhere from before what was consumed to the window's end; every fourth is the one that is lacking.
      const std::size_t low = one.oracle.first - std::min<std::uint64_t>(one.oracle.first, 500);
      const std::size_t high = std::min<std::size_t>(kLength, one.oracle.first + window);
      std::size_t from = low + random() % (high - low);
      if (random() % 4 == 0) from = one.oracle.next;
      const std::size_t size = std::min<std::size_t>(high - from, random() % 3'000);
      const Bytes segment = Bytes(one.bytes).subspan(from, size);
      REQUIRE(pool.add(one.id, one.start + static_cast<std::uint32_t>(from), segment) == one.oracle.add(from, segment));
      REQUIRE(pool.expected(one.id) == one.start + static_cast<std::uint32_t>(one.oracle.next));
      const Bytes data = pool.data(one.id);
      REQUIRE(data.size() == one.oracle.next - one.oracle.first);
      if (random() % 3 == 0 || one.oracle.next == kLength) {
        const std::size_t count = one.oracle.next == kLength ? data.size() : random() % (data.size() + 1);
        one.got.insert(one.got.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(count));
        pool.consume(one.id, count);
        one.oracle.first += count;
      }
      if (one.oracle.next == kLength) ++done;
    }
    for (const One& one : all) REQUIRE(one.got == one.bytes);
  }
}

TEST_CASE("tcp stream: segments that lie are judged as the oracle judges them") {
  std::mt19937 random(8);
  for (int round = 0; round < 300; ++round) {
    const std::size_t window = 1 + random() % 300;
    StreamPool pool(1, 1u << 20, window);
    const std::uint32_t start = UINT32_MAX - static_cast<std::uint32_t>(random() % 400);
    const StreamId id = pool.open(start);
    Oracle oracle{1'000, 1'000, window, {}};
    for (int step = 0; step < 200; ++step) {
      const std::uint64_t from = oracle.first - 20 + random() % (window + 25);
      std::vector<std::uint8_t> segment(random() % 60);
      for (std::size_t at = 0; at < segment.size(); ++at)
        segment[at] = static_cast<std::uint8_t>((from + at) * 7 + (random() % 50 == 0));
      const News expected = oracle.add(from, segment);
      REQUIRE(pool.add(id, start + static_cast<std::uint32_t>(from - 1'000), segment) == expected);
      const Bytes data = pool.data(id);
      REQUIRE(data.size() == oracle.next - oracle.first);
      for (std::size_t at = 0; at < data.size(); ++at) REQUIRE(data[at] == oracle.bytes[oracle.first + at]);
      if (expected == News::Gap) break;
      const std::size_t count = random() % 4 == 0 ? random() % (data.size() + 1) : 0;
      pool.consume(id, count);
      oracle.first += count;
    }
  }
}

TEST_CASE("tcp stream: no segment allocates") {
  StreamPool pool(64, 1u << 20, 64u << 10);
  const std::string payload(1'460, 'p');
  const std::size_t before = allocations();
  for (std::uint32_t round = 0; round < 200; ++round) {
    const StreamId id = pool.open(round);
    for (const std::uint32_t segment : {0u, 2u, 3u, 1u, 1u, 60'000u})
      pool.add(id, round + segment * 1'460, bytes_of(payload));
    pool.consume(id, pool.data(id).size());
    pool.close(id);
  }
  const std::size_t after = allocations();
  CHECK(after == before);
  CHECK(before > 0);
}

}  // namespace
}  // namespace airtight::audit
