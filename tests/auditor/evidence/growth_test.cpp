// What a quiet day costs on disk, and what a month of such days costs to read, with records as the agent writes them.
#include <catch2/catch.hpp>
#include <cstdio>
#include <ctime>

#include "tests/auditor/evidence/log_story.h"

namespace airtight::audit {
namespace {

class QuietNode {
 public:
  QuietNode(LogWriter& writer, TestClock& clock) : writer_(writer), clock_(clock) {}

  void day(bool checkpoints = true) {
    StartRecord start = start_record();
    start.kernel = "6.1.0-18-amd64";
    start.canary_interval = 60;
    start.capturing_since = clock_.times.realtime;
    start.interfaces = {{"eth0", "uplink", "matches uplinks", true},
                        {"cali12ab34cd56e", "pod side", "--pod-side", true}};
    add(start);
    add(EnforcementRecord{digest_of("rules"), "sealed", {}});
    for (int beat = 0; beat < 8640; ++beat) {
      heartbeat();
      if (checkpoints) REQUIRE_FALSE(writer_.commit());
      if (beat % 6 == 3) round();
      if (checkpoints && beat % 6 == 5) REQUIRE_FALSE(writer_.checkpoint());
    }
  }

 private:
  void add(const RecordBody& body) { REQUIRE_FALSE(writer_.append(body)); }

  // Three interfaces of which two have traffic, one uplink, two classes.
  void heartbeat() {
    HeartbeatRecord record;
    record.from = clock_.times.realtime;
    record.lag = 12;
    clock_.go(10.000123457);
    packets_ += 1234;
    record.counters = {{"cali12ab34cd56e.seen", packets_}, {"eth0.seen", packets_ * 2}, {"eth0.sent", packets_}};
    record.classes = {{"inside-cluster", {packets_, packets_ * 800}}, {"link-local", {packets_ / 1000, packets_ / 20}}};
    record.uplinks = {{"eth0", packets_, packets_ + 1, packets_ + 1, 0, true}};
    add(record);
  }

  // Two families each of a sensor canary, the stack, a pod, and raw with and without the queues.
  void round() {
    CanaryIntentRecord intent{"n1-" + std::to_string(++rounds_), digest_of(std::to_string(rounds_)), {}};
    CanaryFateRecord fate{intent.round, digest_of(intent.commitment).substr(7), true, {}};
    for (const char* kind : {"sensor", "stack", "pod", "raw", "raw-bypass"})
      for (const char* family : {"ipv4", "ipv6"}) {
        intent.canaries.push_back({kind, family, "eth0"});
        const std::string_view name = kind;
        if (name == "sensor")
          fate.outcomes.push_back({"seen", "", ""});
        else if (name == "stack")
          fate.outcomes.push_back({"blocked", "output", "inet airtight rose by 1"});
        else if (name == "pod")
          fate.outcomes.push_back({"unsent", "", "no pod namespace was given (--pod-namespace)"});
        else
          fate.outcomes.push_back({"blocked", "egress", "netdev airtight_egress dropped_eth0 rose by 1"});
      }
    add(intent);
    clock_.go(0.75);
    add(fate);
  }

  LogWriter& writer_;
  TestClock& clock_;
  std::uint64_t packets_ = 123'456'789, rounds_ = 40'000;
};

std::uint64_t bytes_of_log(MemoryDisk& disk) {
  std::uint64_t bytes = 0;
  for (const std::string& path : disk.files())
    if (path.rfind("log/", 0) == 0 && path != "log/keys") bytes += disk.file(path).size();
  return bytes;
}

TEST_CASE("evidence growth: a quiet day is less than five megabytes") {
  Story story(32);
  QuietNode node(*story.writer, story.clock);
  node.day();
  story.close();
  const std::uint64_t bytes = bytes_of_log(story.disk);
  std::printf("a quiet day: %.2f MB, %llu records\n", static_cast<double>(bytes) / 1e6,
              static_cast<unsigned long long>(story.writer->size()));
  CHECK(bytes < 5'000'000);
  CHECK(bytes > 1'000'000);  // or it was no day
  CHECK(story.damages().empty());
  CHECK(story.records.size() == story.writer->size());
}

// Not run by default, for it asserts nothing: "[.month]".
TEST_CASE("evidence growth: a month is read", "[.month]") {
  Story story(31 * 24);
  QuietNode node(*story.writer, story.clock);
  for (int day = 0; day < 30; ++day) node.day(false);  // a seal an hour is left
  story.close();
  const auto now = [] {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  };
  double before = now();
  std::uint64_t sealed = 0;
  const LogReading reading =
      read_log(story.disk, "log", {story.trust.verifier(), {}},
               [&](const Record&, Standing standing) { sealed += standing == Standing::Sealed; });
  std::printf("a month: %.1f MB, %llu records of which %llu sealed, read in %.2f s of CPU\n",
              static_cast<double>(bytes_of_log(story.disk)) / 1e6, static_cast<unsigned long long>(reading.records),
              static_cast<unsigned long long>(sealed), now() - before);
  CHECK(reading.damages.empty());
}

}  // namespace
}  // namespace airtight::audit
