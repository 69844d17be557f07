// The log of one node, written. FORMAT.md says what lies where.
//
// One thread: SHA-256, Ed25519 and every call to the disk happen on the caller's. What append() was given for an urgent
// record (is_urgent()), and everything before a commit() that succeeded, is on disk when the call returns: no crash and
// no power cut loses it. Anything else may be lost, and is then missing coverage.
//
// After an error of the disk the log goes on: a call that returned one changed nothing but what failing() says, the
// next one tries again, and the first that succeeds writes a gap record of the time between before anything else.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "auditor/evidence/checkpoint.h"
#include "auditor/evidence/disk.h"
#include "auditor/evidence/key_epochs.h"
#include "auditor/evidence/record.h"
#include "auditor/evidence/tiles.h"

namespace airtight::audit {

// What prune() may leave. Zero: no bound.
struct Retention {
  std::uint64_t bytes = 0;    // of whole bundles of records
  std::uint64_t seconds = 0;  // since the last record of a bundle
};

class LogWriter {
 public:
  // `keys` goes into the log's directory, which is made if it is not there: the beginning of every log.
  static std::error_code create(Disk& disk, const std::string& directory, const KeyList& keys);

  // `directory` of the log, `key_state` of EpochKeys; `disk` and `clock` outlive this.
  LogWriter(Disk& disk, Clock& clock, std::string directory, std::string key_state);
  // Seals nothing: what a kill leaves behind.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // Takes up a log where it ends: locks it, cuts a torn tail and records that, keeps the last checkpoint as a seal,
  // seals with the key that the state still has what was left unsealed, goes on to the epoch of now.
  // EvidenceError::Damaged if the log is not the one that its own last checkpoint seals: nothing was changed then, and
  // a new one must be begun.
  std::error_code open();
  // Adds a record. Before it come the ones that the log owes: gaps (a clock step among them), a new segment. Where the
  // epoch has changed, the old one is sealed and its key wiped first.
  std::error_code append(const RecordBody& body);
  // Everything appended so far is on disk when this returns without error.
  std::error_code commit();
  // Signs everything appended so far.
  std::error_code checkpoint();
  // Deletes the oldest bundles of records until the rest is within bounds; hashes stay. A checkpoint that says so comes
  // first. Never touches what is not sealed.
  std::error_code prune(const Retention& retention);
  // A checkpoint that is kept as a seal, and the lock is let go. Only append a stop record before it.
  std::error_code close();

  std::uint64_t size() const { return tree_.size(); }
  std::uint64_t durable() const { return durable_; }  // records that a power cut cannot take
  std::uint64_t sealed() const { return sealed_; }    // records under the last checkpoint
  std::uint64_t kept() const { return kept_; }
  std::int64_t last_time() const { return written_; }  // of the last record; 0 before the first
  std::uint64_t epoch() const { return keys_.epoch(); }
  // The error that the last call met; none once one succeeded.
  std::error_code failing() const { return failing_; }
  const std::string& last_checkpoint() const { return checkpoint_; }  // as on disk; empty before the first

 private:
  std::error_code recover(Times now);
  std::error_code recover_checkpoint(std::optional<Checkpoint>& found);
  std::error_code recover_records(const std::optional<Checkpoint>& head, Times now);
  std::error_code load_levels(std::uint64_t bundles);
  std::error_code sync_directories();

  std::error_code prepare(Times now);
  std::error_code roll(Times now);
  std::error_code pay_debts(Times now);
  std::error_code append_one(const RecordBody& body, Times now);
  std::error_code rewrite_tail();
  std::error_code rotate();
  std::error_code flush();
  std::error_code make_checkpoint(Times now);
  std::error_code archive();
  void drop_partial(const std::string& full_path);
  std::error_code note(std::error_code error, Times now);
  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  std::string tail_path() const { return "tail/" + std::to_string(bundle_index_); }

  Disk& disk_;
  Clock& clock_;
  std::string directory_, key_state_;
  bool open_ = false;
  EpochKeys keys_;
  KeyList list_;
  std::string origin_;

  TileTree tree_;
  std::vector<Tile> completed_;      // tiles of the bundle at hand that are full and not yet on disk
  std::vector<std::string> bundle_;  // the records of the bundle that grows: what the tail file holds
  std::uint64_t bundle_index_ = 0;
  bool tail_unsure_ = false;  // an append or sync failed: the file must be written anew from bundle_
  std::uint64_t durable_ = 0;
  std::set<std::string> partial_written_;

  std::string checkpoint_;
  std::uint64_t sealed_ = 0;
  std::uint64_t kept_ = 0;
  std::uint64_t seal_ = 0;  // number of the checkpoint at hand
  std::uint64_t last_seal_size_ = 0;
  bool archived_ = true;
  std::optional<Hash> previous_;
  SegmentSummary summary_;

  std::optional<std::uint64_t> last_segment_;  // that a record names, found by recovery
  std::optional<SegmentRecord> owed_segment_;
  std::deque<GapRecord> owed_gaps_;
  std::optional<Times> last_;  // of the last append, whether it succeeded or not
  std::int64_t written_ = 0;   // time of the last record
  bool without_key_ = false;
  std::error_code failing_;
  std::int64_t failing_since_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace airtight::audit
