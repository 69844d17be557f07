// What a log says, record by record: the words of DESIGN §6 as values, and each as one line of canonical JSON (RFC
// 8785)
//   {"boottime":"93784.5","data":{…},"seq":7,"time":"2026-11-25T13:00:00Z","type":"heartbeat"}
// What is empty is not written, and what a day has thousands of is a list in place of an object (record_shapes.h);
// counts beyond 2^53 - 1 are decimal texts. Reading refuses everything that writing does not write, so that a record
// has one text only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "auditor/evidence/crypto.h"
#include "auditor/finding.h"

namespace airtight::audit {

// An interface at the time of a start.
struct WatchedInterface {
  std::string name;
  std::string role;  // "uplink" "pod side" "overlay" "undeclared" …
  std::string why;
  bool up = false;
  friend bool operator==(const WatchedInterface&, const WatchedInterface&) = default;
};

struct StartRecord {
  std::string node;
  std::string agent;  // version
  std::string kernel;
  std::string boot_id;
  std::string policy_digest;
  std::string enforcement_digest;     // of the live rulesets; empty until they were read
  std::uint64_t interval = 0;         // seconds between heartbeats
  std::uint64_t canary_interval = 0;  // seconds between canary rounds, on average
  // Since when this process has captured and watched everything that the record names; before the stop of the agent
  // that it takes over from in a hand-over. Nothing is bridged where it is empty.
  std::optional<std::int64_t> capturing_since;
  bool uplinks_down = false;  // every uplink was still down
  std::vector<WatchedInterface> interfaces;
  friend bool operator==(const StartRecord&, const StartRecord&) = default;
};

// Packets at one uplink, cumulative per boot: before <= seen <= after, with what is explained.
struct UplinkCount {
  std::string interface;
  std::uint64_t before = 0;     // the egress chain's accept counter, read before the tap's
  std::uint64_t seen = 0;       // by the tap
  std::uint64_t after = 0;      // the same counter, read after the tap's
  std::uint64_t explained = 0;  // own filter, own canaries, queue drops, segmentation surplus
  bool conserved = false;
  friend bool operator==(const UplinkCount&, const UplinkCount&) = default;
};

struct ClassSum {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  friend bool operator==(const ClassSum&, const ClassSum&) = default;
};

// The boot id and the digests may be empty where they are those of the record before that named them: a day of
// heartbeats would repeat them 8,640 times.
struct HeartbeatRecord {
  std::string boot_id;
  std::int64_t from = 0;  // the interval reaches from here to `lag` before the record's time
  std::uint64_t lag = 0;  // milliseconds, rounded up: what came since was not judged yet when this was written
  std::string policy_digest;
  std::string enforcement_digest;
  std::map<std::string, std::uint64_t> counters;  // that changed since the last heartbeat, by name: "eth0.seen"
  std::map<std::string, ClassSum> classes;        // that changed, by name of Class; sums since the start record
  std::vector<UplinkCount> uplinks;
  friend bool operator==(const HeartbeatRecord&, const HeartbeatRecord&) = default;
};

inline constexpr std::size_t kMaxDestinations = 64;

// A finding, added up by workload and class; a later record of the same one holds the sums since the start record.
struct FindingRecord {
  std::string rule_id;
  std::string cls;                        // name of Class
  std::string effect;                     // name of Effect
  std::string role;                       // name of Role
  std::string workload;                   // "namespace/name", "node", or "unknown"
  std::string source;                     // address; may be empty
  std::vector<std::string> destinations;  // the first kMaxDestinations
  std::uint64_t destinations_count = 0;   // different ones
  std::string protocol;
  std::optional<std::uint64_t> port;
  std::string name;
  std::string catalogue;
  std::string interface;
  std::string detail;
  bool guessed_direction = false;
  std::int64_t first_seen = 0;
  std::int64_t last_seen = 0;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  friend bool operator==(const FindingRecord&, const FindingRecord&) = default;
};
// The members that a Finding of the ledger says; one destination, no workload.
FindingRecord record_of(const Finding& finding);

// One canary of a round.
struct PlannedCanary {
  std::string kind;    // "sensor" "stack" "pod" "raw" "raw-bypass"
  std::string family;  // "ipv4" "ipv6"
  std::string interface;
  friend bool operator==(const PlannedCanary&, const PlannedCanary&) = default;
};

// Logged, and on disk, before anything is sent.
struct CanaryIntentRecord {
  std::string round;       // unique in the log
  std::string commitment;  // digest of the seed that the nonces derive from
  std::vector<PlannedCanary> canaries;
  friend bool operator==(const CanaryIntentRecord&, const CanaryIntentRecord&) = default;
};

struct CanaryOutcome {
  std::string fate;        // "seen" "missed" "blocked" "escaped" "unsent"
  std::string blocked_by;  // "routing" "cni" "output" "forward" "egress"; empty if not blocked
  std::string detail;
  friend bool operator==(const CanaryOutcome&, const CanaryOutcome&) = default;
};

struct CanaryFateRecord {
  std::string round;
  std::string seed;
  bool good = false;                    // every one fared as it must
  std::vector<CanaryOutcome> outcomes;  // one for each canary of the intent, in its order
  friend bool operator==(const CanaryFateRecord&, const CanaryFateRecord&) = default;
};

struct ProbeRecord {
  std::string kind;      // "dns" "address"
  std::string target;    // name or address with port
  bool real = false;     // a catalogue name or address (--real)
  std::string outcome;   // "denied" "inside" "succeeded" "unsent"
  bool counted = false;  // the drop counter saw it
  std::string detail;
  friend bool operator==(const ProbeRecord&, const ProbeRecord&) = default;
};

enum class GapReason : std::uint8_t {
  KernelDrops,
  LostEvents,  // ENOBUFS on a netlink socket
  LateInterface,
  UndeclaredInterface,
  NotConserved,
  Restart,
  ClockStep,
  Suspended,  // or the process was stopped
  TableFull,
  TornTail,
  LogWrite,  // the disk was full, read-only or failing
  NoSeal,    // records that no key could seal
  Canary,
  Bypass,  // a way around the firewall that the policy does not name
  Other,
};
std::string_view to_string(GapReason);  // "kernel-drops" … "other"

struct GapRecord {
  GapReason reason = GapReason::Other;
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::string interface;   // empty: of the whole node
  std::uint64_t size = 0;  // packets, or what `detail` says
  std::string detail;
  friend bool operator==(const GapRecord&, const GapRecord&) = default;
};

struct EnforcementRecord {
  std::string digest;               // of the live rulesets
  std::string outcome;              // "sealed" "open" "unreadable" "changed": not known until the next reading
  std::vector<std::string> opened;  // what opened, a clause each
  friend bool operator==(const EnforcementRecord&, const EnforcementRecord&) = default;
};

struct PolicyRecord {
  std::string from;  // digests
  std::string to;
  std::string why;
  friend bool operator==(const PolicyRecord&, const PolicyRecord&) = default;
};

struct StopRecord {
  std::string why;            // "signal" "duration" "error: …"
  bool uplinks_down = false;  // every uplink was down already
  friend bool operator==(const StopRecord&, const StopRecord&) = default;
};

// A segment, the records between two seals, was sealed: written by the log itself as the first record of the next one.
struct SegmentRecord {
  std::uint64_t seal = 0;
  std::uint64_t epoch = 0;
  std::uint64_t size = 0;  // of the tree that it seals
  std::string checkpoint;  // digest of the seal's file
  friend bool operator==(const SegmentRecord&, const SegmentRecord&) = default;
};

// In the order of record_type().
using RecordBody = std::variant<StartRecord, HeartbeatRecord, FindingRecord, CanaryIntentRecord, CanaryFateRecord,
                                ProbeRecord, GapRecord, EnforcementRecord, PolicyRecord, StopRecord, SegmentRecord>;
inline constexpr std::size_t kRecordTypes = std::variant_size_v<RecordBody>;

struct Record {
  std::uint64_t seq = 0;      // index in the tree
  std::int64_t time = 0;      // CLOCK_REALTIME, nanoseconds
  std::int64_t boottime = 0;  // CLOCK_BOOTTIME, nanoseconds
  RecordBody body;
  friend bool operator==(const Record&, const Record&) = default;
};

// "start" "heartbeat" "finding" "canary-intent" "canary-fate" "probe" "gap" "enforcement" "policy" "stop" "segment"
std::string_view record_type(const RecordBody& body);
// Whether the log has it on disk before append() returns; others are on disk after commit().
bool is_urgent(const RecordBody& body);

// Texts are made printable() on the way: what a packet called itself may be no UTF-8.
std::string to_json(const Record& record);
std::optional<Record> parse_record(std::string_view json, std::string& why);

// What a checkpoint binds of the records since the seal before it.
class SegmentSummary {
 public:
  void add(const RecordBody& body);
  // A new segment begins: the boot and the policy stay, counters and canaries begin anew.
  void begin_segment();
  void carry(std::string boot_id, std::string policy_digest);

  const std::string& boot_id() const { return boot_id_; }       // "none" before a record names one
  const std::string& policy_digest() const { return policy_; }  // digest of nothing before that
  std::string counters_digest() const;                          // of the JSON object of their names and values
  std::string canaries_digest() const;  // of the JSON array of their rounds, in the order of intents

 private:
  std::string boot_id_ = "none";
  std::string policy_ = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  std::map<std::string, std::uint64_t> counters_;
  std::vector<std::string> rounds_;
};

}  // namespace airtight::audit
