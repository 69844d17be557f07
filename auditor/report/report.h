// The verdict for a period (DESIGN §6, "Verdict for a period"), from evidence alone: never sees a packet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auditor/evidence/disk.h"
#include "auditor/evidence/reader.h"
#include "auditor/evidence/record.h"
#include "auditor/report/inventory.h"
#include "compiler/policy/compiled_policy.h"

namespace airtight::audit {

enum class PeriodVerdict : std::uint8_t { Proven, Violated, Inconclusive };
std::string_view to_string(PeriodVerdict);

struct Period {
  std::int64_t from = 0;  // nanoseconds, [from, to)
  std::int64_t to = 0;
  friend bool operator==(const Period&, const Period&) = default;
};

struct ReportOptions {
  std::vector<std::string> evidence;  // directories of logs
  std::optional<Inventory> inventory;
  std::optional<NoteKey> trust;
  std::optional<Period> period;
  std::vector<std::string> anchors;  // checkpoints that left the nodes earlier, as files
  bool as_logged = false;            // judge the span and the nodes that the logs claim, and say so
};

// Time of one node that is not shown to be covered, and why. Bridged ones are no gap: they are listed apart.
struct ReportGap {
  Period time;
  std::string reason;  // "kernel drops", "no record of this time", "no good canary round within 120 s" …
  std::string detail;
  std::string interface;
  std::uint64_t size = 0;
  bool bridged = false;
};

struct NodeReport {
  std::string node;
  std::vector<std::string> evidence;  // directories; empty: none was given
  std::vector<std::string> origins;   // of the logs in them
  bool expected = true;               // by the inventory, where there is one
  bool enrolled = false;              // every one of the logs
  std::uint64_t records = 0;
  std::vector<std::string> damages;               // the first kMaxDamages of each log
  std::vector<Period> asked;                      // sorted, disjoint
  std::vector<Period> covered;                    // the same, within `asked`; bridged ones included
  std::int64_t covered_time = 0, asked_time = 0;  // nanoseconds; coverage is their ratio
  std::vector<ReportGap> gaps;                    // by time; the first kMaxListedGaps
  std::uint64_t gaps_left_out = 0;
  std::uint64_t packets = 0;  // judged, all interfaces, by the heartbeats of the time asked for
  std::uint64_t canary_rounds = 0, canary_rounds_good = 0;
  std::uint64_t canary_interval = 0;            // seconds between rounds on average, the longest of the logs
  std::uint64_t sensor_canaries = 0;            // that left the node by design: every report counts them
  std::uint64_t probes = 0, probes_denied = 0;  // denied, or answered with what is inside
  std::vector<std::string> uplinks;             // that were watched
};
inline constexpr std::size_t kMaxListedGaps = 10'000;
inline constexpr std::size_t kMaxListedFindings = 65'536;  // of each effect
inline constexpr std::size_t kMaxListedRounds = 1'000;     // of each node

struct ReportFinding {
  std::string node;
  FindingRecord finding;  // the last sums; of several runs of the agent added up
  bool sealed = true;     // false: no key vouches for the records
};

struct CanaryLine {
  std::string node;
  std::int64_t time = 0;
  CanaryIntentRecord intent;
  std::optional<CanaryFateRecord> fate;
  std::string why;  // it does not count as a good one; empty if it does
};

struct ReportResult {
  PeriodVerdict verdict = PeriodVerdict::Inconclusive;
  bool as_logged = false;
  std::string heading;               // the first line of every format: "proven", "violated: …", "inconclusive: …",
                                     // "proven with 2 exceptions", "as logged: proven" …
  std::vector<std::string> reasons;  // why not proven, the most important first, node and time named
  std::vector<std::string> assumptions;
  std::vector<std::string> limits;      // DESIGN §8, and what EVIDENCE.md says cannot be detected
  std::vector<std::string> exceptions;  // of the policy, with what used them
  std::uint64_t exceptions_used = 0;
  std::string policy_digest, policy_name, spec_digest;
  std::string trust, inventory_digest;  // name of the trust root; empty without
  bool mode_private_vpc = false;        // "not fully air-gapped"
  std::optional<Period> period;
  std::vector<Period> proven_intervals;  // in which every node is covered
  std::vector<NodeReport> nodes;
  std::vector<ReportFinding> findings;  // violated first
  std::uint64_t findings_left_out = 0;
  std::vector<CanaryLine> canaries;  // rounds that did not fare well, and the last good one of each node
  std::uint64_t canaries_left_out = 0;
  std::vector<std::string> inside;  // the inside ranges with their reasons, public ones marked
};

// Reads the logs and judges. Never throws for what is on the disk: damage is a reason. The policy must be the one that
// was in force (or one that an enrolment names).
ReportResult make_report(Disk& disk, const Policy& policy, const ReportOptions& options);

std::string render_report_text(const ReportResult& result, bool colour);
std::string render_report_json(const ReportResult& result);  // by report.schema.json
// One self-contained page: no script, no reference to anything outside it, printable; verdict first.
std::string render_report_html(const ReportResult& result);

}  // namespace airtight::audit
