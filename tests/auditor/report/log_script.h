// Logs of nodes written from scripts: a list of records with their times, which a test edits before it is written by
// the real writer.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "auditor/evidence/writer.h"
#include "auditor/report/report.h"
#include "compiler/policy/compiled_policy.h"
#include "tests/auditor/evidence/memory_disk.h"

namespace airtight::audit {

inline constexpr std::int64_t kSecond = 1'000'000'000;
inline constexpr std::int64_t kBegin = 1'767'225'600 * kSecond;  // 2026-01-01T00:00:00Z

inline std::int64_t at(double seconds) { return kBegin + std::llround(seconds * 1e6) * 1000; }

struct Line {
  std::int64_t time = 0;
  RecordBody body;
  bool checkpoint = false;  // one is signed behind it
};
using Script = std::vector<Line>;

struct Node {
  std::string name = "n1";
  std::string boot = "b1";
  std::string policy;  // digest
  std::vector<std::string> uplinks = {"eth0"};
  std::uint64_t interval = 10, canary_interval = 60;
};

StartRecord start_of(const Node& node);
HeartbeatRecord beat_of(const Node& node, std::int64_t from, std::uint64_t seen);
// A good round, or one in which canary `bad` has another fate.
struct Round {
  CanaryIntentRecord intent;
  CanaryFateRecord fate;
};
Round round_of(const Node& node, const std::string& name, int bad = -1, const std::string& fate = "");
FindingRecord escape_of(std::int64_t first, std::int64_t last);

// An agent that sees nothing amiss: start, a reading of the rules, a round at once, heartbeats, a round a minute, one
// before the stop. Heartbeats reach from begin + 0.3 s to begin + 0.3 s + beats × interval.
Script quiet(const Node& node, double begin = 0, int beats = 18);
void append(Script& script, Script more);
// Where the first record of a type is that comes at this time or later; the script's size if there is none.
template <class T>
std::size_t find(const Script& script, double seconds = 0) {
  for (std::size_t i = 0; i < script.size(); ++i)
    if (script[i].time >= at(seconds) && std::holds_alternative<T>(script[i].body)) return i;
  return script.size();
}
template <class T>
T& get(Script& script, double seconds = 0) {
  return std::get<T>(script.at(find<T>(script, seconds)).body);
}
// Puts a record where its time is, behind those of the same time.
void insert(Script& script, double seconds, RecordBody body);
void remove(Script& script, std::size_t index);

// What is on the disk of an assessor.
struct World {
  World();
  // Epochs of an hour from kBegin on. `enrol` may change the enrolment, or leave it out by returning false.
  void write(const std::string& directory, const Node& node, const Script& script, bool close = true,
             const std::function<bool(Enrolment&)>& enrol = {}, std::uint64_t epochs = 2);
  // The same keys again: another log of the same origin, which forks from the first one where the scripts differ.
  void write_again(const std::string& directory, const std::string& like, const Node& node, const Script& script);

  ReportOptions options() const;  // inventory, trust, and the period from 20 s to 160 s; all logs
  ReportResult report(const ReportOptions& options);
  ReportResult report() { return report(options()); }
  std::string heading() { return report().heading; }

  Policy policy;
  Node node;  // n1, by that policy
  std::string inventory_text;
  NoteSigner trust;
  MemoryDisk disk;
  std::vector<std::string> directories;
  std::function<std::int64_t(std::int64_t)> slow_clock;  // what the clock since boot says of a time; empty: the same

 private:
  void write_log(MemoryDisk& own, const std::string& directory, const Script& script, bool close);
  std::map<std::string, std::shared_ptr<MemoryDisk>> fresh_;  // each log as it was before its first record
};

}  // namespace airtight::audit
