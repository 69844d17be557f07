// Random lives of an uplink, read at random moments; and the judgement against an oracle that tries every constant.
#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <functional>
#include <optional>
#include <random>

#include "auditor/conservation/conservation.h"

namespace airtight::audit {
namespace {

using Random = std::mt19937_64;

std::uint64_t below(Random& random, std::uint64_t bound) { return bound == 0 ? 0 : random() % bound; }

// Chain, queue and tap of one uplink.
class Uplink {
 public:
  explicit Uplink(Random& random, bool oversize) : random_(random), oversize_(oversize) {
    accepted_ = random() >> below(random, 60) >> 1;
    tapped_ = random() >> below(random, 60) >> 1;
    drops_ = below(random, 100);
    buffers_ = below(random, 50);
    bytes_ = buffers_ * 2000 + below(random, 100000);
  }

  void step() {
    switch (below(random_, 5)) {
      case 0:
      case 1:
        send();
        break;
      case 2:
        transmit();
        break;
      case 3:
        for (std::uint64_t n = below(random_, 8); n > 0; --n) transmit();
        break;
      default:
        drop();
    }
  }
  void some() {
    for (std::uint64_t n = below(random_, 6); n > 0; --n) step();
  }
  void drain() {
    while (!queue_.empty()) transmit();
  }
  // Past the tap; past the hook.
  void hidden(std::uint64_t packets) { accepted_ += packets; }
  void redirected(std::uint64_t packets) { tapped_ += packets; }

  UplinkReading quiet() const {
    return {accepted_, tapped_, accepted_, queue_.size(), drops_, buffers_, bytes_, buffers_, bytes_};
  }
  // Others go on between any two looks.
  UplinkReading torn() {
    UplinkReading reading;
    reading.accepted_before = accepted_;
    reading.oversize_packets_before = buffers_;
    reading.oversize_bytes_before = bytes_;
    some();
    reading.backlog = queue_.size();
    const std::uint64_t early_drops = drops_;
    some();
    reading.tapped = tapped_;
    some();
    reading.backlog = std::max<std::uint64_t>(reading.backlog, queue_.size());
    reading.queue_drops = below(random_, 2) == 0 ? early_drops : drops_;
    some();
    // The chain's counters are not read in one moment either: accepted first.
    reading.accepted_after = accepted_;
    some();
    reading.oversize_packets = buffers_;
    reading.oversize_bytes = bytes_;
    return reading;
  }

 private:
  void send() {
    std::uint64_t segments = 1;
    if (oversize_ && below(random_, 3) == 0) {
      const std::uint64_t size = 1515 + below(random_, 64000);
      ++buffers_;
      bytes_ += size;
      // As few as one (the device cuts it) and as many as the smallest segment makes.
      const std::uint64_t most = (size - 54 + kSmallestSegment - 1) / kSmallestSegment;
      segments = below(random_, 2) == 0 ? 1 + below(random_, most) : most;
    }
    ++accepted_;
    if (below(random_, 8) == 0)
      ++drops_;  // the queue is full
    else
      queue_.push_back(segments);
  }
  void transmit() {
    if (queue_.empty()) return;
    tapped_ += queue_.front();
    queue_.pop_front();
  }
  void drop() {
    if (queue_.empty() || below(random_, 3) != 0) return;
    queue_.pop_back();
    ++drops_;
  }

  Random& random_;
  bool oversize_;
  std::uint64_t accepted_, tapped_, drops_, buffers_, bytes_;
  std::deque<std::uint64_t> queue_;
};

TEST_CASE("conservation property: what is conserved is never called otherwise") {
  Random random(6);
  for (int life = 0; life < 20000; ++life) {
    Uplink uplink(random, life % 2 == 0);
    Conservation conservation;
    for (std::uint64_t n = 2 + below(random, 30); n > 0; --n) {
      uplink.some();
      if (below(random, 4) == 0) uplink.drain();
      const UplinkReading reading = below(random, 3) == 0 ? uplink.quiet() : uplink.torn();
      const Judged judged = conservation.add(reading);
      INFO("life " << life << ": " << judged.detail);
      REQUIRE(judged.balance == Balance::Conserved);
      REQUIRE(judged.difference == 0);
      const UplinkCount& count = judged.count;
      REQUIRE(count.conserved);
      REQUIRE(count.before <= count.seen + count.explained);
      REQUIRE(count.seen <= count.after + count.explained);
    }
  }
}

TEST_CASE("conservation property: a hidden sender and a redirect are found to the packet") {
  Random random(7);
  for (int life = 0; life < 20000; ++life) {
    Uplink uplink(random, false);
    Conservation conservation;
    conservation.add(below(random, 2) == 0 ? uplink.quiet() : uplink.torn());
    const auto go_on = [&] {
      for (std::uint64_t n = below(random, 4); n > 0; --n) {
        uplink.some();
        REQUIRE(conservation.add(uplink.torn()).balance == Balance::Conserved);
      }
      uplink.some();
      uplink.drain();
    };
    // A quiet moment, then the packets, then torn readings that may see it or not, then a quiet moment.
    go_on();
    REQUIRE(conservation.add(uplink.quiet()).balance == Balance::Conserved);
    const std::uint64_t packets = 1 + below(random, 20);
    const bool hidden = below(random, 2) == 0;
    hidden ? uplink.hidden(packets) : uplink.redirected(packets);
    const Balance expected = hidden ? Balance::ChainHigher : Balance::TapHigher;
    std::uint64_t found = 0;
    for (std::uint64_t n = below(random, 4); n > 0; --n) {
      uplink.some();
      const Judged judged = conservation.add(uplink.torn());
      if (judged.balance == Balance::Conserved) continue;
      REQUIRE(judged.balance == expected);
      found += judged.difference;
      REQUIRE(found <= packets);
    }
    if (found == 0) {
      uplink.drain();
      const Judged judged = conservation.add(uplink.quiet());
      REQUIRE(judged.balance == expected);
      REQUIRE(judged.difference == packets);
    }
  }
}

TEST_CASE("conservation property: with segments, what they cannot explain is found") {
  Random random(8);
  for (int life = 0; life < 5000; ++life) {
    Uplink uplink(random, true);
    Conservation conservation;
    uplink.drain();
    const UplinkReading first = uplink.quiet();
    conservation.add(first);
    for (int i = 0; i < 10; ++i) uplink.step();
    uplink.drain();
    const std::uint64_t packets = 1 + below(random, 2000);
    uplink.redirected(packets);
    const UplinkReading last = uplink.quiet();
    const std::uint64_t allowed =
        ((last.oversize_bytes - first.oversize_bytes) - (last.oversize_packets - first.oversize_packets)) /
        kSmallestSegment;
    const auto surplus =
        static_cast<std::int64_t>((last.tapped - first.tapped) + (last.queue_drops - first.queue_drops) -
                                  (last.accepted_after - first.accepted_after));
    const Judged judged = conservation.add(last);
    REQUIRE(judged.surplus_allowed == allowed);
    REQUIRE(judged.surplus == static_cast<std::uint64_t>(surplus));
    REQUIRE((judged.balance == Balance::TapHigher) == (judged.surplus > allowed));
    REQUIRE(judged.difference == (judged.surplus > allowed ? judged.surplus - allowed : 0));
  }
}

// The slow oracle: every x (accepted less tapped, dropped and queued) that two readings may have stood at.
struct Range {
  std::int64_t low, high, cut_low, cut_high;
};

Range range(const UplinkReading& r) {
  const auto n = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  const std::int64_t passed = n(r.tapped) + n(r.queue_drops);
  return {n(r.accepted_before) - passed - n(r.backlog), n(r.accepted_after) - passed,
          std::max<std::int64_t>(0, n(r.oversize_bytes_before) - n(r.oversize_packets_before) - n(r.backlog) * 524280),
          n(r.oversize_bytes) - n(r.oversize_packets)};
}

// Whether the last reading, moved by so much, fits each one before: x has not risen, and not fallen further than may be
// cut off.
bool fits(const std::vector<Range>& ranges, std::int64_t moved) {
  const Range& last = ranges.back();
  return std::all_of(ranges.begin(), ranges.end() - 1, [&](const Range& first) {
    for (std::int64_t x = first.low; x <= first.high; ++x)
      for (std::int64_t y = last.low + moved; y <= last.high + moved; ++y)
        if (y <= x && (x - y) * static_cast<std::int64_t>(kSmallestSegment) <= last.cut_high - first.cut_low)
          return true;
    return false;
  });
}

TEST_CASE("conservation property: the difference is the least that no constant explains") {
  Random random(9);
  int differences[4] = {};
  for (int life = 0; life < 30000; ++life) {
    Conservation conservation;
    std::vector<Range> ranges;
    UplinkReading r;
    r.accepted_after = 3;
    for (int i = 0; i < 4; ++i) {
      r.accepted_before = r.accepted_after + below(random, 4);
      r.accepted_after = r.accepted_before + below(random, 3);
      r.tapped += below(random, 6);
      r.backlog = below(random, 3) == 0 ? below(random, 3) : 0;
      r.queue_drops += below(random, 5) == 0;
      r.oversize_packets_before = r.oversize_packets;
      r.oversize_bytes_before = r.oversize_bytes;
      if (life % 2 == 0) {
        for (const bool before : {true, false}) {
          const std::uint64_t buffers = below(random, 2);
          r.oversize_packets += buffers;
          r.oversize_bytes += buffers * (1515 + below(random, 1000));
          if (!before) continue;
          r.oversize_packets_before = r.oversize_packets;
          r.oversize_bytes_before = r.oversize_bytes;
        }
      }
      const Judged judged = conservation.add(r);
      ranges.push_back(range(r));
      // A hidden sender of n moves the last reading up by n, packets past the hook down.
      std::int64_t hidden = 0, past = 0;
      const bool conserved = fits(ranges, 0);
      if (!conserved) {
        while (hidden < 64 && !fits(ranges, -hidden)) ++hidden;
        while (past < 64 && !fits(ranges, past)) ++past;
      }
      INFO("life " << life << " reading " << i << ": " << judged.detail);
      REQUIRE((judged.balance == Balance::Conserved) == conserved);
      if (judged.balance == Balance::ChainHigher) REQUIRE(judged.difference == static_cast<std::uint64_t>(hidden));
      if (judged.balance == Balance::TapHigher) REQUIRE(judged.difference == static_cast<std::uint64_t>(past));
      ++differences[static_cast<int>(judged.balance)];
      if (!conserved) ranges.erase(ranges.begin(), ranges.end() - 1);
    }
  }
  CHECK(differences[static_cast<int>(Balance::Conserved)] > 10000);
  CHECK(differences[static_cast<int>(Balance::ChainHigher)] > 1000);
  CHECK(differences[static_cast<int>(Balance::TapHigher)] > 1000);
}

}  // namespace
}  // namespace airtight::audit
