// The power goes at every operation of a session, with every possible remains: no record that was acknowledged is lost,
// no record is there that was not written, and the log goes on without damage.
#include <random>

#include "tests/auditor/evidence/log_story.h"

namespace airtight::audit {
namespace {

// What a session was told, across all its lives.
struct Ledger {
  std::vector<std::string> submitted;  // the marks of its records, in order
  std::size_t acknowledged = 0;        // so many of them are durable

  void add(LogWriter& writer, std::uint64_t number, bool urgent) {
    const std::string mark = "mark " + std::to_string(number);
    submitted.push_back(mark);
    RecordBody body = gap(mark);
    if (!urgent) {
      HeartbeatRecord beat = heartbeat(number);
      beat.enforcement_digest = mark;
      body = beat;
    }
    const auto error = writer.append(body);
    if (error) {
      submitted.pop_back();
      return;
    }
    if (urgent) acknowledged = submitted.size();
  }
  void commit(LogWriter& writer) {
    if (!writer.commit()) acknowledged = submitted.size();
  }
};

std::optional<std::string> mark_of(const Record& record) {
  if (const auto* beat = std::get_if<HeartbeatRecord>(&record.body)) return beat->enforcement_digest;
  const auto* found = std::get_if<GapRecord>(&record.body);
  if (found && found->detail.substr(0, 4) == "mark") return found->detail;
  return std::nullopt;
}

// Drops from the ledger what was lost, after asking that it was not acknowledged. `durable`: a writer has opened this
// very disk, and has so synced what it found.
void settle(Ledger& ledger, MemoryDisk& disk, const NoteKey& trust, bool closed, bool durable = true) {
  std::vector<std::string> found;
  const LogReading reading = read_log(disk, "log", {trust, {}}, [&](const Record& record, Standing) {
    if (const auto mark = mark_of(record)) found.push_back(*mark);
  });
  for (const Damage& damage : reading.damages) {
    INFO(to_string(damage));
    REQUIRE(false);
  }
  // Retention deletes from the front; marks are numbered.
  std::size_t end = 0;
  if (!found.empty()) {
    const std::size_t first = std::stoul(found.front().substr(5));
    end = first + found.size();
    REQUIRE((first == 0 || reading.not_kept > 0));
    REQUIRE(end <= ledger.submitted.size());
    const auto from = ledger.submitted.begin() + static_cast<std::ptrdiff_t>(first);
    const bool same = std::equal(found.begin(), found.end(), from);
    REQUIRE(same);
  }
  REQUIRE(end >= ledger.acknowledged);
  ledger.submitted.resize(end);
  if (closed) REQUIRE(reading.unsealed == 0);
  if (durable) ledger.acknowledged = end;
}

// From record 250 on, so that it crosses a bundle; an epoch ends in it, seals are made, old records are deleted.
void session(Ledger& ledger, LogWriter& writer, TestClock& clock) {
  if (writer.open()) return;
  for (std::uint64_t i = 0; i < 24; ++i) {
    ledger.add(writer, ledger.submitted.size(), i % 5 == 0);
    clock.go(10);
    if (i % 7 == 3) ledger.commit(writer);
    if (i % 9 == 5) (void)writer.checkpoint();
    if (i == 15) clock.go(3600);
    if (i == 20) (void)writer.prune({1, 0});
  }
  (void)writer.close();
}

struct Base : Story {
  Base() {
    for (std::uint64_t i = 0; i < 250; ++i) {
      ledger.add(*writer, i, false);
      clock.go(10);
    }
    ledger.commit(*writer);
    checkpoint();
    kill();
  }
  Ledger ledger;
};

void recover(Ledger& ledger, MemoryDisk& disk, TestClock clock, const NoteKey& trust) {
  disk.before = {};
  LogWriter writer(disk, clock, "log", "key-state");
  const auto error = writer.open();
  INFO(error.message());
  REQUIRE_FALSE(error);
  settle(ledger, disk, trust, false);
  ledger.add(writer, ledger.submitted.size(), true);
  REQUIRE_FALSE(writer.close());
  settle(ledger, disk, trust, true);
}

TEST_CASE("evidence power cut: at every operation of a session") {
  Base base;
  std::size_t cuts = 0;
  for (const Remains remains : kRemains)
    for (std::size_t at = 0;; ++at) {
      INFO("cut at operation " << at << ", remains " << static_cast<int>(remains));
      MemoryDisk disk(base.disk);
      TestClock clock = base.clock;
      Ledger ledger = base.ledger;
      bool cut = false;
      disk.before = [&](std::size_t number, const std::string&) -> std::error_code {
        if (number < at) return {};
        cut = true;
        throw PowerCut{};
      };
      try {
        LogWriter writer(disk, clock, "log", "key-state");
        session(ledger, writer, clock);
      } catch (const PowerCut&) {
      }
      disk.cut_power(remains);
      clock.go(30);
      recover(ledger, disk, clock, base.trust.verifier());
      if (!cut) break;
      ++cuts;
    }
  CHECK(cuts > 400);
}

TEST_CASE("evidence power cut: a full disk at every operation, one or all that follow") {
  Base base;
  for (const bool forever : {false, true})
    for (std::size_t at = 0;; ++at) {
      INFO("no space at operation " << at << (forever ? " and after" : ""));
      MemoryDisk disk(base.disk);
      TestClock clock = base.clock;
      Ledger ledger = base.ledger;
      bool met = false;
      disk.before = [&](std::size_t number, const std::string&) {
        if (number < at || (number > at && !forever)) return std::error_code();
        met = true;
        return std::make_error_code(std::errc::no_space_on_device);
      };
      {
        LogWriter writer(disk, clock, "log", "key-state");
        session(ledger, writer, clock);
      }
      disk.cut_power(Remains::Nothing);
      recover(ledger, disk, clock, base.trust.verifier());
      if (!met) break;
    }
}

TEST_CASE("evidence power cut: many lives, each ended or hindered at random") {
  std::mt19937 random(20260101);
  const auto upto = [&](std::uint32_t most) { return static_cast<std::uint32_t>(random() % (most + 1)); };
  for (int run = 0; run < 20; ++run) {
    INFO("run " << run);
    Story story(48);
    story.kill();
    Ledger ledger;
    for (int life = 0; life < 12; ++life) {
      const std::size_t end = story.disk.operations + upto(250), sick = story.disk.operations + upto(250);
      story.disk.before = [&](std::size_t number, const std::string&) -> std::error_code {
        if (number >= end) throw PowerCut{};
        return number == sick ? std::make_error_code(std::errc::io_error) : std::error_code();
      };
      try {
        LogWriter writer(story.disk, story.clock, "log", "key-state");
        if (!writer.open()) {
          ledger.acknowledged = ledger.submitted.size();
          for (std::uint32_t i = upto(120); i > 0; --i) {
            ledger.add(writer, ledger.submitted.size(), upto(3) == 0);
            if (upto(8) == 0) ledger.commit(writer);
            if (upto(12) == 0) (void)writer.checkpoint();
            story.clock.go(upto(120));
            if (upto(60) == 0) story.clock.step(upto(1) == 0 ? 4000 : -4000);
          }
          if (upto(2) == 0) (void)writer.close();
        }
      } catch (const PowerCut&) {
      }
      story.disk.cut_power(kRemains[upto(3)]);
      story.clock.go(upto(4000));
      // What is there is seen on a copy: the next life meets the disk as the cut left it.
      MemoryDisk copy(story.disk);
      LogWriter writer(copy, story.clock, "log", "key-state");
      REQUIRE_FALSE(writer.open());
      settle(ledger, copy, story.trust.verifier(), false, false);
    }
    recover(ledger, story.disk, story.clock, story.trust.verifier());
  }
}

}  // namespace
}  // namespace airtight::audit
