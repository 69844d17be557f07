// What one log of a node says, as far as a verdict asks: a single pass over its records, memory for what went wrong and
// for one span a run, not for the records.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "auditor/evidence/reader.h"
#include "auditor/report/cause.h"
#include "auditor/report/report.h"
#include "auditor/report/spans.h"

namespace airtight::audit {

// From a start record to the stop record, or to where the log breaks off. Counts only as far as records are sealed.
struct Run {
  StartRecord start;
  std::int64_t started = 0;
  bool start_sealed = false;
  std::optional<std::int64_t> stopped;  // by a sealed stop record
  bool stopped_with_uplinks_down = false;
  std::optional<std::int64_t> first_from;       // of sealed heartbeats
  std::optional<std::int64_t> first_said_from;  // the same by its own word, which may be before the start record
  std::optional<std::int64_t> last_heartbeat;   // the same
  std::string first_rules, last_rules;          // digests of what was proved sealed; empty if nothing was
  std::vector<UplinkCount> first_counts, last_counts;
  Spans claimed;   // by heartbeats
  Spans enforced;  // enforcement was read and found sealed
  Spans watched;   // near enough to a good canary round

  // Since when it can have seen anything.
  std::int64_t looks_since() const { return std::min(started, start.capturing_since.value_or(started)); }
};

// One policy in force, from when a record names it until another one, or another run.
struct PolicyStretch {
  std::string digest;
  std::int64_t since = 0;
  Spans judged;  // the intervals in which it was in force, in part at least
};

struct FoundRecord {
  FindingRecord finding;
  bool sealed = true;
};

// An enforcement canary that left.
struct EscapedCanary {
  Period time;
  PlannedCanary canary;
  bool sealed = true;
};

struct TimedProbe {
  std::int64_t time = 0;
  ProbeRecord probe;
  bool sealed = true;
};

struct LogFacts {
  std::string directory;
  LogReading reading;
  std::string node;               // by its keys; without them by its first start record; else by its directory
  std::optional<Period> claimed;  // by all its heartbeats, sealed or not
  std::vector<Run> runs;
  std::vector<PolicyStretch> policies;
  std::vector<Hole> holes;
  Spans unsealed;  // heartbeats that nothing seals
  std::vector<FoundRecord> findings;
  std::uint64_t findings_left_out = 0;
  std::vector<EscapedCanary> escapes;
  std::vector<CanaryLine> failed_rounds;  // the first kMaxListedRounds
  std::uint64_t failed_rounds_left_out = 0;
  std::optional<CanaryLine> last_good;
  std::unordered_set<std::uint64_t> seeds;               // of canary rounds, the first eight bytes
  std::map<std::string, std::uint64_t> without_finding;  // packets, by class
  std::vector<TimedProbe> succeeded;                     // probes, or an outcome that nobody knows
  std::uint64_t packets = 0, rounds = 0, rounds_good = 0, sensors = 0, probes = 0, probes_denied = 0;  // of the period
  std::uint64_t canary_interval = 0;                                                                   // the longest
  bool pod_unsent = false;  // a pod canary that nobody could send
  std::set<std::string> uplinks;
  std::set<std::string> idle_uplinks;  // of a run: down at its start, and never counted anything
};

// `inventory`: which uplinks a node must have; nullptr: those that the log says. `period`: what counts are of; all
// without it.
LogFacts read_facts(Disk& disk, const std::string& directory, const ReadOptions& options, const Inventory* inventory,
                    const std::optional<Period>& period);

}  // namespace airtight::audit
