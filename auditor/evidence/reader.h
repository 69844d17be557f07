// A log read and recomputed without its writer: hashes, tiles, roots, the chain of seals and their signatures, every
// record. Takes any bytes for files.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auditor/evidence/checkpoint.h"
#include "auditor/evidence/disk.h"
#include "auditor/evidence/enrolment.h"
#include "auditor/evidence/record.h"

namespace airtight::audit {

enum class DamageKind : std::uint8_t {
  MissingKeys,      // no list of epoch keys that can be read
  NotEnrolled,      // no enrolment by the trust root names these keys
  ForgedEnrolment,  // one that the trust root did not sign, or not so
  MissingCheckpoint,
  MalformedCheckpoint,
  ForgedCheckpoint,  // a signature in the log's name that no such key made
  UnknownKey,        // signed, but by no key of this log
  WrongEpoch,        // signed by the key of another epoch than it says
  MissingSeal,
  BrokenChain,       // a seal that does not follow the one before it
  ForkedCheckpoint,  // two heads that were both signed, and one does not extend the other
  RolledBack,        // a signed head is newer than the log
  Rewritten,         // records and hashes are not those that were sealed
  MissingTile,
  AlteredTile,
  MissingEntries,  // a bundle that retention did not delete
  Edited,          // records against the hashes that were sealed
  Reordered,
  Inserted,
  Deleted,
  Truncated,
  UnreadableRecord,
  WrongSequence,
  BackDated,          // a record whose time is not in the epoch that sealed it, and no gap says why
  UnboundCheckpoint,  // counters, canaries, boot or policy are not those of its records
  TornTail,           // bytes after the last record
};
inline constexpr std::size_t kDamageKinds = 26;
std::string_view to_string(DamageKind);  // "missing keys" … "torn tail"

struct Damage {
  DamageKind kind = DamageKind::MissingKeys;
  std::string where;  // a file below the log's directory, "anchor 1", or "records 120 to 180"
  std::string what;   // one clause
  friend bool operator==(const Damage&, const Damage&) = default;
};
std::string to_string(const Damage&);  // "edited: tile/entries/000: record 17 is not the one that was sealed"

// What a record is worth as evidence.
enum class Standing : std::uint8_t {
  Sealed,        // under a good seal of the epoch that its time is in
  OutsideEpoch,  // under a good seal, of another epoch
  Unsealed,      // after the last good seal
};

struct Seal {
  Checkpoint checkpoint;
  std::string file;   // "checkpoint", "seal/004"
  bool good = false;  // signed by the epoch's key, and its root is the one of the records
};

struct ReadOptions {
  std::optional<NoteKey> trust;      // without it the log's keys are taken at the log's own word
  std::vector<std::string> anchors;  // checkpoints that left the node earlier, as files
};

struct LogReading {
  bool enrolled = false;  // the keys lead to the trust root
  std::optional<EpochPlan> plan;
  std::string origin;
  std::vector<Enrolment> enrolments;  // that the trust root signed; without one, all that can be read
  std::vector<Seal> seals;            // by number, the last checkpoint at the end where it is none of them
  std::uint64_t size = 0;             // of the last checkpoint
  std::uint64_t records = 0;          // handed out
  std::uint64_t not_kept = 0;         // deleted by retention: no damage
  std::uint64_t unsealed = 0;         // of the handed out
  std::uint64_t outside_epoch = 0;
  std::vector<Damage> damages;  // the first kMaxDamages
  std::uint64_t damages_left_out = 0;
};
inline constexpr std::size_t kMaxDamages = 1000;

using RecordSink = std::function<void(const Record&, Standing)>;

// Hands the records to `sink` in their order; one that is not what was sealed in its place is damage and is not handed
// out. Never throws for what is on the disk. Memory for the seals, and one bundle of records at a time.
LogReading read_log(Disk& disk, const std::string& directory, const ReadOptions& options, const RecordSink& sink = {});

}  // namespace airtight::audit
