// What adds up between an uplink's chain and its tap, and what does not: each case by its numbers.
#include "auditor/conservation/conservation.h"

#include <catch2/catch.hpp>
#include <limits>

namespace airtight::audit {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

// At a quiet moment: chain and tap stand still.
UplinkReading quiet(std::uint64_t accepted, std::uint64_t tapped) {
  UplinkReading reading;
  reading.accepted_before = reading.accepted_after = accepted;
  reading.tapped = tapped;
  return reading;
}

UplinkReading torn(std::uint64_t before, std::uint64_t tapped, std::uint64_t after) {
  UplinkReading reading = quiet(before, tapped);
  reading.accepted_after = after;
  return reading;
}

UplinkReading with_oversize(UplinkReading reading, std::uint64_t packets, std::uint64_t bytes) {
  reading.oversize_packets = reading.oversize_packets_before = packets;
  reading.oversize_bytes = reading.oversize_bytes_before = bytes;
  return reading;
}

UplinkReading with_queue(UplinkReading reading, std::uint64_t backlog, std::uint64_t drops) {
  reading.backlog = backlog;
  reading.queue_drops = drops;
  return reading;
}

std::string text(const Judged& judged) {
  const UplinkCount& count = judged.count;
  CHECK(count.interface.empty());
  CHECK(count.conserved == (judged.balance == Balance::Conserved));
  return std::string(to_string(judged.balance)) + " " + std::to_string(judged.difference) + " [" +
         std::to_string(count.before) + " " + std::to_string(count.seen) + " " + std::to_string(count.after) + " " +
         std::to_string(count.explained) + "]";
}

// The last one's.
std::string judge(const std::vector<UplinkReading>& readings) {
  Conservation conservation;
  Judged judged;
  for (const UplinkReading& reading : readings) judged = conservation.add(reading);
  return text(judged);
}

TEST_CASE("conservation: one more reading after the first") {
  struct Case {
    const char* what;
    UplinkReading first, second;
    const char* expected;
  };
  const Case cases[] = {
      {"nothing", quiet(0, 0), quiet(0, 0), "conserved 0 [0 0 0 0]"},
      {"as many", quiet(100, 7), quiet(140, 47), "conserved 0 [40 40 40 0]"},
      {"one that the tap does not see", quiet(100, 7), quiet(141, 47), "chain higher 1 [41 40 41 0]"},
      {"one past the hook", quiet(100, 7), quiet(140, 48), "tap higher 1 [40 41 40 0]"},
      {"a bracket that holds it", quiet(100, 7), torn(138, 47, 143), "conserved 0 [38 40 43 0]"},
      {"a bracket below it", quiet(100, 7), torn(138, 51, 143), "tap higher 1 [38 44 43 0]"},
      {"a bracket above it", quiet(100, 7), torn(142, 47, 143), "chain higher 2 [42 40 43 0]"},
      {"a first reading that was torn", torn(100, 7, 105), quiet(140, 47), "conserved 0 [35 40 40 0]"},
      {"the same, the other way", torn(100, 7, 105), quiet(145, 47), "conserved 0 [40 40 45 0]"},
      {"beyond it", torn(100, 7, 105), quiet(146, 47), "chain higher 1 [41 40 46 0]"},
      {"below it", torn(100, 7, 105), quiet(139, 47), "tap higher 1 [34 40 39 0]"},
      {"frames that wait", quiet(100, 7), with_queue(quiet(150, 47), 10, 0), "conserved 0 [50 40 50 10]"},
      {"fewer wait", quiet(100, 7), with_queue(quiet(150, 47), 8, 0), "chain higher 2 [50 40 50 8]"},
      {"frames that waited at first", with_queue(quiet(100, 7), 10, 0), quiet(140, 57), "conserved 0 [40 50 40 10]"},
      {"more than waited", with_queue(quiet(100, 7), 10, 0), quiet(140, 58), "tap higher 1 [40 51 40 10]"},
      {"the queue dropped", with_queue(quiet(100, 7), 0, 5), with_queue(quiet(150, 47), 0, 15),
       "conserved 0 [50 40 50 10]"},
      {"it dropped fewer", with_queue(quiet(100, 7), 0, 5), with_queue(quiet(150, 47), 0, 14),
       "chain higher 1 [50 40 50 9]"},
      {"it says that it dropped what was seen", with_queue(quiet(100, 7), 0, 5), with_queue(quiet(150, 57), 0, 15),
       "tap higher 10 [50 50 50 0]"},
      {"segments", with_oversize(quiet(100, 7), 4, 9000), with_oversize(quiet(101, 10), 5, 11000),
       "conserved 0 [1 3 1 2]"},
      {"all segments that one buffer of 2,000 bytes may yield", with_oversize(quiet(100, 7), 4, 9000),
       with_oversize(quiet(101, 11), 5, 11000), "conserved 0 [1 4 1 3]"},
      {"one more", with_oversize(quiet(100, 7), 4, 9000), with_oversize(quiet(101, 12), 5, 11000),
       "tap higher 1 [1 5 1 3]"},
      {"buffers of before allow nothing", with_oversize(quiet(100, 7), 4, 900000),
       with_oversize(quiet(101, 9), 4, 900000), "tap higher 1 [1 2 1 0]"},
      {"but where they still waited", with_queue(with_oversize(quiet(100, 7), 4, 9000), 1, 0),
       with_oversize(quiet(100, 10), 4, 9000), "conserved 0 [0 3 0 3]"},
      {"beyond 2^63", quiet(kMax - 100, kMax - 200), quiet(kMax - 60, kMax - 160), "conserved 0 [40 40 40 0]"},
      {"from 0 to the end", quiet(0, 0), quiet(kMax, kMax),
       "conserved 0 [18446744073709551615 18446744073709551615 "
       "18446744073709551615 0]"},
      {"everything unseen", quiet(0, kMax), quiet(kMax, kMax),
       "chain higher 18446744073709551615 "
       "[18446744073709551615 0 18446744073709551615 0]"},
      {"everything past the hook", quiet(kMax, 0), quiet(kMax, kMax),
       "tap higher 18446744073709551615 "
       "[0 18446744073709551615 0 0]"},
      {"a backlog without end explains", quiet(0, 0), with_queue(quiet(kMax, 0), kMax, 0),
       "conserved 0 [18446744073709551615 0 18446744073709551615 18446744073709551615]"},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    CHECK(judge({c.first, c.second}) == c.expected);
  }
}

TEST_CASE("conservation: readings narrow the constant, and contradict each other late") {
  // 100..105 at first; 103 by the third; so that 102 does not add up with the fifth.
  CHECK(judge({torn(100, 0, 105), quiet(113, 10)}) == "conserved 0 [8 10 13 0]");
  CHECK(judge({torn(100, 0, 105), quiet(113, 10), quiet(122, 20)}) == "tap higher 1 [17 20 22 0]");
  CHECK(judge({torn(100, 0, 105), quiet(113, 10), quiet(124, 20)}) == "chain higher 1 [19 20 24 0]");
  // A sender that is hidden by a torn reading is found when a quiet one follows.
  CHECK(judge({quiet(100, 0), torn(105, 5, 130)}) == "conserved 0 [5 5 30 0]");
  CHECK(judge({quiet(100, 0), torn(105, 5, 130), quiet(133, 30)}) == "chain higher 3 [33 30 33 0]");
  // Surplus that was used up does not come back: x has fallen for good.
  const auto cut = with_oversize(quiet(101, 4), 1, 2000);
  CHECK(judge({quiet(100, 0), cut}) == "conserved 0 [1 4 1 3]");
  CHECK(judge({quiet(100, 0), cut, with_oversize(quiet(104, 4), 1, 2000)}) == "chain higher 3 [4 4 4 0]");
  // Nor is what was not used up kept for later.
  const auto whole = with_oversize(quiet(101, 1), 1, 2000);
  CHECK(judge({quiet(100, 0), whole, with_oversize(quiet(102, 4), 1, 2000)}) == "tap higher 2 [2 4 2 0]");
}

TEST_CASE("conservation: begins anew after a difference, and after a restart") {
  CHECK(judge({quiet(100, 0), quiet(110, 9), quiet(115, 14)}) == "conserved 0 [5 5 5 0]");
  CHECK(judge({quiet(100, 0), quiet(110, 9), quiet(116, 14)}) == "chain higher 1 [6 5 6 0]");
  CHECK(judge({quiet(100, 10), quiet(5, 15)}) == "restarted 0 [0 0 0 0]");
  CHECK(judge({quiet(100, 10), quiet(5, 15), quiet(7, 17)}) == "conserved 0 [2 2 2 0]");
  CHECK(judge({quiet(100, 10), quiet(105, 9)}) == "restarted 0 [0 0 0 0]");
  CHECK(judge({with_queue(quiet(100, 10), 0, 5), with_queue(quiet(105, 15), 0, 4)}) == "restarted 0 [0 0 0 0]");
  CHECK(judge({with_oversize(quiet(100, 10), 5, 9000), with_oversize(quiet(105, 15), 4, 9000)}) ==
        "restarted 0 [0 0 0 0]");
  CHECK(judge({with_oversize(quiet(100, 10), 5, 9000), with_oversize(quiet(105, 15), 5, 8999)}) ==
        "restarted 0 [0 0 0 0]");
  // The chain was made anew between the two looks at it: nothing begins before the next reading.
  CHECK(judge({quiet(100, 10), torn(110, 20, 3)}) == "restarted 0 [0 0 0 0]");
  CHECK(judge({quiet(100, 10), torn(110, 20, 3), quiet(50, 20)}) == "conserved 0 [0 0 0 0]");
  CHECK(judge({torn(100, 10, 120), quiet(119, 20)}) == "restarted 0 [0 0 0 0]");
}

TEST_CASE("conservation: the details that the log and a person read") {
  Conservation conservation;
  CHECK(conservation.add(with_oversize(quiet(10, 0), 1, 3000)).detail == "the first reading");
  UplinkReading reading = with_oversize(torn(14, 7, 16), 2, 65000);
  reading.backlog = 1;
  reading.queue_drops = 1;
  Judged judged = conservation.add(reading);
  CHECK(judged.balance == Balance::Conserved);
  CHECK(judged.detail == "accepted 4-6, seen 7, queued 1, dropped 1, surplus 2 of 115 allowed");
  CHECK((judged.surplus == 2 && judged.surplus_allowed == 115));
  reading.accepted_before = reading.accepted_after = 17;
  reading.backlog = 0;
  judged = conservation.add(with_oversize(with_queue(quiet(30, 7), 0, 1), 2, 65000));
  CHECK(judged.detail ==
        "14 packets accepted that the tap did not see: accepted 20, seen 7, queued 0, dropped 1, "
        "surplus 0 of 115 allowed");
  judged = conservation.add(with_oversize(with_queue(quiet(30, 8), 0, 1), 2, 65000));
  CHECK(judged.detail ==
        "1 packet seen that the chain did not accept: accepted 0, seen 1, queued 0, dropped 0, "
        "surplus 1 of 0 allowed");
  CHECK(conservation.add(quiet(0, 0)).detail == "a counter went back");
}

TEST_CASE("conservation: without the oversize counters of before, all buffers may still be cut") {
  UplinkReading first = quiet(100, 0), second = quiet(100, 100);
  first.oversize_packets = second.oversize_packets = 1;
  first.oversize_bytes = second.oversize_bytes = 536 * 100 + 1;
  CHECK(judge({first, second}) == "conserved 0 [0 100 0 100]");
  second.tapped = 101;
  CHECK(judge({first, second}) == "tap higher 1 [0 101 0 100]");
}

}  // namespace
}  // namespace airtight::audit
