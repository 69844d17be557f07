// A node with a log in memory, for the stories of the tests.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "auditor/evidence/reader.h"
#include "auditor/evidence/writer.h"
#include "compiler/policy/compiled_policy.h"  // digest_of()
#include "tests/auditor/evidence/memory_disk.h"

namespace airtight::audit {

inline const std::string kBoot = "5a1b6f0e-0000-4000-8000-000000000001";
inline const std::string kPolicy = digest_of("policy");

inline HeartbeatRecord heartbeat(std::uint64_t seen) {
  HeartbeatRecord record;
  record.boot_id = kBoot;
  record.policy_digest = kPolicy;
  record.enforcement_digest = digest_of("rules");
  record.counters = {{"eth0.seen", seen}};
  record.classes = {{"inside-declared", {seen, seen * 100}}};
  return record;
}

inline StartRecord start_record() {
  StartRecord record;
  record.node = "n1";
  record.agent = "0.1";
  record.boot_id = kBoot;
  record.policy_digest = kPolicy;
  record.interval = 10;
  return record;
}

inline GapRecord gap(std::string detail) { return {GapReason::Other, 0, 0, "", 0, std::move(detail)}; }

// Hourly epochs from the clock's start on, a trust root, a writer that is open.
struct Story {
  explicit Story(std::uint64_t epochs = 24) {
    const EpochPlan plan{"n1", clock.times.realtime, 3600, epochs};
    REQUIRE_FALSE(EpochKeys::make(disk, "key-state", plan, keys));
    REQUIRE_FALSE(LogWriter::create(disk, "log", keys));
    Enrolment enrolment{plan, keys.root(), digest_of("inventory"), {kPolicy}, clock.times.realtime - 1'000'000'000};
    disk.put("log/enrolment/000", sign_enrolment(enrolment, trust));
    open();
  }
  void open() {
    writer = std::make_unique<LogWriter>(disk, clock, "log", "key-state");
    const auto error = writer->open();
    INFO(error.message());
    REQUIRE_FALSE(error);
  }
  void add(const RecordBody& body) {
    const auto error = writer->append(body);
    INFO(error.message());
    REQUIRE_FALSE(error);
    clock.go(10);
  }
  void heartbeats(int count) {
    for (int i = 0; i < count; ++i) add(heartbeat(++seen));
  }
  void checkpoint() { REQUIRE_FALSE(writer->checkpoint()); }
  void close() { REQUIRE_FALSE(writer->close()); }
  void kill() { writer.reset(); }

  LogReading read(std::vector<std::string> anchors = {}) {
    records.clear();
    standings.clear();
    return read_log(disk, "log", {trust.verifier(), std::move(anchors)}, [&](const Record& record, Standing standing) {
      records.push_back(record);
      standings.push_back(standing);
    });
  }
  // The damages, a line each.
  std::string damages(std::vector<std::string> anchors = {}) {
    std::string text;
    for (const Damage& damage : read(std::move(anchors)).damages) text += to_string(damage) + "\n";
    return text;
  }

  TestClock clock;
  MemoryDisk disk;
  NoteSigner trust{"example.org/trust", Secret::random()};
  KeyList keys;
  std::unique_ptr<LogWriter> writer;
  std::uint64_t seen = 0;
  std::vector<Record> records;
  std::vector<Standing> standings;
};

}  // namespace airtight::audit
