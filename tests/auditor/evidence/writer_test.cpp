// What a writer does on bad days: crashes, full disks, clocks that jump, an epoch that ends.
#include "auditor/evidence/writer.h"

#include "tests/auditor/evidence/log_story.h"

namespace airtight::audit {
namespace {

std::vector<std::string> types(const std::vector<Record>& records) {
  std::vector<std::string> names;
  for (const Record& record : records) names.emplace_back(record_type(record.body));
  return names;
}

const GapRecord& gap_at(const Story& story, std::size_t index) {
  const auto* found = std::get_if<GapRecord>(&story.records.at(index).body);
  REQUIRE(found);
  return *found;
}

TEST_CASE("evidence writer: urgent records are durable at once, others after commit()") {
  Story story;
  story.add(start_record());
  CHECK(story.writer->durable() == 1);
  story.heartbeats(3);
  CHECK(story.writer->size() == 4);
  CHECK(story.writer->durable() == 1);
  REQUIRE_FALSE(story.writer->commit());
  CHECK(story.writer->durable() == 4);
  story.heartbeats(1);
  story.add(gap("x"));
  CHECK(story.writer->durable() == 6);
}

TEST_CASE("evidence writer: killed, and started again in the same epoch") {
  Story story;
  story.add(start_record());
  story.heartbeats(3);
  story.checkpoint();
  story.heartbeats(2);
  story.kill();
  story.disk.cut_power(Remains::All);
  story.open();
  CHECK(story.writer->size() == 6);
  CHECK(story.writer->durable() == 6);
  story.add(start_record());
  story.close();
  CHECK(story.damages() == "");
  CHECK(types(story.records) == std::vector<std::string>{"start", "heartbeat", "heartbeat", "heartbeat", "heartbeat",
                                                         "heartbeat", "segment", "start"});
  CHECK(story.standings == std::vector<Standing>(8, Standing::Sealed));
}

TEST_CASE("evidence writer: started again epochs later, the old key seals what it left") {
  Story story;
  story.add(start_record());
  story.heartbeats(3);
  story.kill();
  story.clock.go(5 * 3600);
  story.open();
  CHECK(story.writer->epoch() == 5);
  story.add(start_record());
  story.close();
  CHECK(story.damages() == "");
  const LogReading reading = story.read();
  REQUIRE(reading.seals.size() == 2);
  CHECK(reading.seals[0].checkpoint.epoch == 0);
  CHECK(reading.seals[0].checkpoint.size == 4);
  CHECK(reading.seals[1].checkpoint.epoch == 5);
  CHECK(reading.outside_epoch == 0);
  CHECK(reading.unsealed == 0);
}

TEST_CASE("evidence writer: a torn tail is cut, and the log says so") {
  Story story;
  story.add(start_record());
  story.heartbeats(3);
  REQUIRE_FALSE(story.writer->commit());
  const Times last = story.clock.times;
  story.kill();
  story.disk.file("log/tail/0") += std::string("\x01\x00half a record", 15);
  story.disk.cut_power(Remains::All);
  CHECK(story.damages() == "torn tail: tail/0: 15 bytes after record 4 are none\n");
  story.clock.go(60);
  story.open();
  CHECK(story.writer->size() == 5);
  story.close();
  CHECK(story.damages() == "");
  const GapRecord& torn = gap_at(story, 4);
  CHECK(torn == GapRecord{GapReason::TornTail, last.realtime - 10'000'000'000, story.clock.times.realtime, "", 15,
                          "15 bytes after record 4 were cut"});
}

TEST_CASE("evidence writer: two writers") {
  Story story;
  LogWriter second(story.disk, story.clock, "log", "key-state");
  CHECK(second.open() == EvidenceError::Locked);
  CHECK(second.append(heartbeat(1)) == EvidenceError::Closed);
  story.close();
  CHECK(story.writer->append(heartbeat(1)) == EvidenceError::Closed);
  CHECK_FALSE(second.open());
}

TEST_CASE("evidence writer: a disk that is full for a while") {
  const std::errc errors[] = {std::errc::no_space_on_device, std::errc::io_error, std::errc::read_only_file_system};
  for (const std::errc code : errors)
    // The third operation that a heartbeat and its commit come to: append, sync, and what mends the tail.
    for (std::size_t first = 0; first < 2; ++first) {
      INFO("error " << static_cast<int>(code) << ", from operation " << first);
      Story story;
      story.add(start_record());
      story.add(heartbeat(1));
      const std::int64_t last = story.clock.times.realtime - 10'000'000'000;
      const std::size_t from = story.disk.operations + first;
      bool full = true;
      story.disk.before = [&](std::size_t number, const std::string&) {
        return full && number >= from ? std::make_error_code(code) : std::error_code();
      };
      CHECK(story.writer->append(gap("lost 1")) == code);
      story.clock.go(10);
      CHECK(story.writer->append(gap("lost 2")) == code);
      CHECK(story.writer->failing() == code);
      CHECK(story.writer->commit() == code);
      CHECK(story.writer->checkpoint() == code);
      CHECK(story.writer->size() == 2);
      story.clock.go(10);
      full = false;
      story.add(gap("kept"));
      CHECK_FALSE(story.writer->failing());
      story.close();
      CHECK(story.damages() == "");
      REQUIRE(types(story.records) == std::vector<std::string>{"start", "heartbeat", "gap", "gap"});
      CHECK(gap_at(story, 2) == GapRecord{GapReason::LogWrite, last, story.clock.times.realtime - 10'000'000'000, "", 2,
                                          "records that could not be written"});
      CHECK(gap_at(story, 3).detail == "kept");
    }
}

TEST_CASE("evidence writer: the clock is stepped, forth and back") {
  Story story;
  story.add(start_record());
  story.heartbeats(2);
  story.clock.step(3600);
  story.heartbeats(2);
  story.clock.step(-3600);
  story.heartbeats(2);
  story.close();
  CHECK(story.damages() == "");
  REQUIRE(types(story.records) == std::vector<std::string>{"start", "heartbeat", "heartbeat", "gap", "segment",
                                                           "heartbeat", "heartbeat", "gap", "gap", "heartbeat",
                                                           "heartbeat"});
  const GapRecord& forth = gap_at(story, 3);
  CHECK(forth.reason == GapReason::ClockStep);
  CHECK(forth.size == 3'600'000);
  CHECK(forth.detail == "+3600.000 s against the clock since boot");
  CHECK(gap_at(story, 8).detail == "-3600.000 s against the clock since boot");
  CHECK(gap_at(story, 7).reason == GapReason::NoSeal);
  // What was written while the clock said an hour whose key is gone is no evidence.
  CHECK(std::count(story.standings.begin(), story.standings.end(), Standing::OutsideEpoch) == 4);
}

TEST_CASE("evidence writer: a clock that is slewed is no step") {
  Story story;
  story.add(start_record());
  for (int i = 0; i < 5; ++i) {
    story.clock.step(0.9);
    story.heartbeats(1);
  }
  story.clock.go(3000);
  story.clock.step(2.9);
  story.heartbeats(1);
  story.close();
  CHECK(story.records.empty());
  CHECK(story.damages() == "");
  const auto all = types(story.records);
  CHECK(std::count(all.begin(), all.end(), "gap") == 0);
}

TEST_CASE("evidence writer: before the first key and after the last") {
  Story story(2);
  story.add(start_record());
  story.clock.go(2 * 3600);
  story.heartbeats(2);
  story.checkpoint();
  story.kill();
  story.clock.step(-10 * 3600);
  story.open();
  story.heartbeats(1);
  story.close();
  CHECK(story.damages() == "");
  const LogReading reading = story.read();
  CHECK(reading.unsealed == 0);
  CHECK(story.standings[0] == Standing::Sealed);
  CHECK(reading.outside_epoch == reading.records - 1);
}

TEST_CASE("evidence writer: a record that is too long leaves the log as it was") {
  Story story;
  story.add(start_record());
  CHECK(story.writer->append(gap(std::string(kMaxRecord, 'x'))) == EvidenceError::RecordTooLong);
  CHECK_FALSE(story.writer->failing());
  story.add(heartbeat(1));
  story.close();
  CHECK(story.damages() == "");
  CHECK(story.records.size() == 2);
}

TEST_CASE("evidence writer: what is not the log of its own checkpoint is refused and left as it is") {
  const std::pair<const char*, std::function<void(Story&)>> deeds[] = {
      {"sealed records cut", [](Story& s) { s.disk.file("log/tail/0").resize(100); }},
      {"the tail gone", [](Story& s) { s.disk.erase("log/tail/0"); }},
      {"the tail empty", [](Story& s) { s.disk.file("log/tail/0").clear(); }},
      {"an older checkpoint", [](Story& s) { s.disk.file("log/checkpoint") = s.disk.file("log/seal/000"); }},
      {"no checkpoint", [](Story& s) { s.disk.file("log/checkpoint").clear(); }},
      {"another checkpoint", [](Story& s) { s.disk.file("log/checkpoint")[5] ^= 1; }},
  };
  for (const auto& [name, deed] : deeds) {
    INFO(name);
    Story story;
    story.add(start_record());
    story.clock.go(3600);
    story.heartbeats(3);
    story.close();
    deed(story);
    MemoryDisk before(story.disk);
    LogWriter writer(story.disk, story.clock, "log", "key-state");
    CHECK(writer.open() == EvidenceError::Damaged);
    REQUIRE(before.files() == story.disk.files());
    for (const std::string& path : before.files()) CHECK(before.file(path) == story.disk.file(path));
    CHECK_FALSE(story.disk.locked);
  }
}

TEST_CASE("evidence writer: the keys of another node") {
  Story story;
  story.kill();
  KeyList other;
  REQUIRE_FALSE(EpochKeys::make(story.disk, "other", story.keys.plan, other));
  CHECK(LogWriter(story.disk, story.clock, "log", "other").open() == EvidenceError::KeyUnusable);
  CHECK(LogWriter(story.disk, story.clock, "log", "nothing").open() == EvidenceError::KeyUnusable);
  CHECK(LogWriter::create(story.disk, "log", other) == EvidenceError::Exists);
}

// 1,000 records cross three bundles, with a restart in each.
TEST_CASE("evidence writer: many bundles, seals and restarts") {
  Story story(48);
  story.add(start_record());
  for (int i = 0; i < 10; ++i) {
    story.heartbeats(97);
    story.checkpoint();
    story.heartbeats(3);
    if (i % 3 == 0) {
      story.kill();
      story.disk.cut_power(Remains::All);
      story.open();
    }
  }
  story.close();
  CHECK(story.damages() == "");
  const LogReading reading = story.read();
  CHECK(reading.unsealed + reading.outside_epoch == 0);
  CHECK(reading.records > 1000);
  CHECK(story.seen == 1000);
  std::uint64_t last = 0;
  for (const Record& record : story.records)
    if (const auto* beat = std::get_if<HeartbeatRecord>(&record.body)) CHECK(beat->counters.at("eth0.seen") == ++last);
  CHECK(last == 1000);
  // Full tiles took the place of partial ones.
  for (const std::string& path : story.disk.files())
    for (const char* gone :
         {"/0/000.p/", "/0/001.p/", "/0/002.p/", "entries/000.p/", "entries/001.p/", "entries/002.p/"})
      CHECK(path.find(gone) == std::string::npos);
}

TEST_CASE("evidence writer: retention by size and age deletes records and keeps hashes") {
  Story story(48);
  story.add(start_record());
  story.heartbeats(1000);
  REQUIRE_FALSE(story.writer->prune({}));
  CHECK(story.writer->kept() == 0);

  SECTION("by size") {
    const std::uint64_t bundle = story.disk.file("log/tile/entries/001").size();
    REQUIRE_FALSE(story.writer->prune({bundle + bundle / 2, 0}));
    // The last bundle was not sealed by an archived seal's epoch when it was asked: only whole sealed ones may go.
    CHECK(story.writer->kept() == 512);
  }
  SECTION("by age") {
    REQUIRE_FALSE(story.writer->prune({0, 6000}));
    CHECK(story.writer->kept() == 256);
  }
  const std::uint64_t kept = story.writer->kept();
  CHECK_FALSE(story.disk.has("log/tile/entries/000"));
  CHECK(story.disk.has("log/tile/0/000"));
  story.heartbeats(5);
  story.close();
  CHECK(story.damages() == "");
  CHECK(story.read().not_kept == kept);
  CHECK(story.records.front().seq == kept);
  CHECK(story.standings == std::vector<Standing>(story.records.size(), Standing::Sealed));
  story.open();
  CHECK(story.writer->kept() == kept);
  story.close();

  // One more than retention took is damage.
  const std::string next = "tile/entries/00" + std::to_string(kept / 256);
  story.disk.erase("log/" + next);
  CHECK(story.damages() == "missing entries: " + next + ": it is not there\n");
}

}  // namespace
}  // namespace airtight::audit
