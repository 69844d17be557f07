// How a log is taken up again: LogWriter::create() and open().
#include <algorithm>

#include "auditor/evidence/tail.h"
#include "auditor/evidence/text_fields.h"
#include "auditor/evidence/writer.h"

namespace airtight::audit {
namespace {

constexpr std::size_t kMaxKeyList = 64 << 20;

bool is_missing(std::error_code error) { return error == std::errc::no_such_file_or_directory; }

bool exists(Disk& disk, const std::string& path) {
  std::uint64_t size = 0;
  return !disk.size(path, size);
}

}  // namespace

std::error_code LogWriter::create(Disk& disk, const std::string& directory, const KeyList& keys) {
  bool made = false;
  if (const auto error = disk.make_directory(directory, made)) return error;
  if (exists(disk, directory + "/keys")) return EvidenceError::Exists;
  return replace_file(disk, directory, "keys", key_list_text(keys));
}

std::error_code LogWriter::open() {
  if (open_) return {};
  if (const auto error = disk_.lock(path("lock"))) return error;
  const Times now = clock_.now();
  auto error = recover(now);
  if (!error) error = roll(now);
  if (!error && !owed_gaps_.empty()) error = pay_debts(now);
  if (error) {
    disk_.unlock();
    return error;
  }
  open_ = true;
  return {};
}

// What an earlier process made and did not sync, directories too, must not be taken for safe.
std::error_code LogWriter::sync_directories() {
  std::vector<std::string> waiting = {directory_, path("tail"), path("seal"), path("tile")}, names;
  if (!disk_.list(path("tile"), names))
    for (const std::string& name : names) waiting.push_back(path("tile/" + name));
  for (const std::string& directory : waiting)
    if (const auto error = disk_.sync_directory(directory); error && !is_missing(error)) return error;
  return {};
}

std::error_code LogWriter::recover(Times now) {
  if (const auto error = disk_.remove(path(std::string(kTemporary))); error && !is_missing(error)) return error;
  if (const auto error = sync_directories()) return error;
  std::string text, why;
  if (const auto error = disk_.read(path("keys"), kMaxKeyList, text)) return error;
  auto list = parse_key_list(text, why);
  if (!list) return EvidenceError::Damaged;
  if (const auto error = keys_.open(disk_, key_state_)) return error;
  if (keys_.plan() != list->plan || keys_.public_key() != list->keys[keys_.epoch()]) return EvidenceError::KeyUnusable;
  list_ = std::move(*list);
  origin_ = list_.origin();

  std::optional<Checkpoint> head;
  if (const auto error = recover_checkpoint(head)) return error;
  std::vector<std::string> names;
  if (const auto error = disk_.list(path("tail"), names); error && !is_missing(error)) return error;
  std::optional<std::uint64_t> newest;
  for (const std::string& name : names)
    if (const auto number = parse_number(name)) newest = std::max(newest.value_or(0), *number);
  tree_ = TileTree();
  completed_.clear();
  partial_written_.clear();
  bundle_.clear();
  summary_ = SegmentSummary();
  owed_gaps_.clear();
  owed_segment_.reset();
  last_.reset();
  tail_unsure_ = without_key_ = false;
  durable_ = sealed_ = kept_ = seal_ = last_seal_size_ = 0;
  previous_.reset();
  archived_ = true;
  if (!newest) {
    // Every log that ever took a record has a tail.
    if (head || exists(disk_, path(seal_path(0))) || exists(disk_, path("tile"))) return EvidenceError::Damaged;
    bundle_index_ = 0;
    return replace_file(disk_, directory_, tail_path(), "");
  }
  bundle_index_ = *newest;
  if (const auto error = recover_records(head, now)) return error;
  for (const std::string& name : names)
    if (name != std::to_string(bundle_index_)) (void)disk_.remove(path("tail/" + name));
  if (!head) return {};

  // The last checkpoint of a process that is gone: whatever is sealed next has another number.
  seal_ = head->seal;
  sealed_ = head->size;
  kept_ = head->kept;
  previous_ = head->previous;
  archived_ = exists(disk_, path(seal_path(seal_)));
  const bool told = last_segment_ == seal_;
  const SegmentSummary summary = summary_;
  if (archived_) {
    std::string seal;
    if (const auto error = disk_.read(path(seal_path(seal_)), kMaxNote, seal)) return error;
    if (seal != checkpoint_) return EvidenceError::Damaged;
    previous_ = sha256({checkpoint_});
    last_seal_size_ = sealed_;
    ++seal_;
    owed_segment_ = SegmentRecord{head->seal, head->epoch, sealed_, "sha256:" + to_hex(bytes_of(*previous_))};
  } else if (const auto error = archive()) {
    return error;
  }
  if (owed_segment_) owed_segment_->epoch = head->epoch;
  if (told) owed_segment_.reset();
  summary_ = summary;
  return {};
}

// The last checkpoint, which must be one of this log's; empty if none was ever made.
std::error_code LogWriter::recover_checkpoint(std::optional<Checkpoint>& head) {
  checkpoint_.clear();
  const auto error = disk_.read(path("checkpoint"), kMaxNote, checkpoint_);
  if (is_missing(error)) return {};
  if (error) return error;
  const auto signed_note = parse_note(checkpoint_);
  std::string why;
  if (signed_note) head = parse_checkpoint(signed_note->text, why);
  if (!head || head->origin != origin_ || head->epoch >= list_.keys.size() ||
      check_note(*signed_note, {origin_, list_.keys[head->epoch]}) != NoteCheck::Good)
    return EvidenceError::Damaged;
  // A seal that is newer: somebody put an old checkpoint in the place of the last one.
  if (exists(disk_, path(seal_path(head->seal + 1)))) return EvidenceError::Damaged;
  return {};
}

// The tree as it was before the bundle in which the checkpoint ends, then record by record to the end of the tail.
std::error_code LogWriter::recover_records(const std::optional<Checkpoint>& head, Times now) {
  const std::uint64_t sealed = head ? head->size : 0;
  const std::uint64_t first = sealed / kTileWidth;
  if (first > bundle_index_) return EvidenceError::Damaged;
  if (const auto error = load_levels(first)) return error;
  if (head) summary_.carry(head->boot_id, head->policy_digest);
  last_segment_.reset();
  std::int64_t last_time = now.realtime;
  bool right_root = !head || (tree_.size() == sealed && tree_.root() == head->root);

  // False if what follows is not to be taken for records of this log.
  const auto take = [&](std::string_view text, const Hash& leaf) {
    std::string why;
    const auto record = parse_record(text, why);
    if (!record || record->seq != size()) return false;
    tree_.add(leaf, completed_);
    if (head && size() == sealed) right_root = tree_.root() == head->root;
    last_time = written_ = record->time;
    if (record->seq < sealed) return true;
    summary_.add(record->body);
    if (const auto* segment = std::get_if<SegmentRecord>(&record->body)) last_segment_ = segment->seal;
    return true;
  };

  std::string bytes;
  for (std::uint64_t index = first; index < bundle_index_; ++index) {
    if (const auto error = disk_.read(path(entries_path(index)), kMaxBundle, bytes))
      return is_missing(error) ? make_error_code(EvidenceError::Damaged) : error;
    std::string_view rest;
    const auto entries = parse_bundle(bytes, rest);
    if (entries.size() != kTileWidth || !rest.empty()) return EvidenceError::Damaged;
    for (const std::string_view entry : entries)
      if (!take(entry, leaf_hash(entry))) return EvidenceError::Damaged;
  }
  completed_.clear();

  if (const auto error = disk_.read(path(tail_path()), kTileWidth * (kMaxRecord + 6), bytes)) return error;
  std::size_t torn = 0;
  for (const TailFrame& frame : parse_tail(bytes, torn)) {
    if (!take(frame.record, frame.leaf)) break;
    bundle_.emplace_back(frame.record);
  }
  std::size_t whole = 0;
  for (const std::string& record : bundle_) whole += record.size() + 6;
  torn = bytes.size() - whole;
  if (size() < sealed || !right_root) return EvidenceError::Damaged;
  if (torn > 0) {
    owed_gaps_.push_back({GapReason::TornTail, std::min(last_time, now.realtime), now.realtime, "", torn,
                          std::to_string(torn) + " bytes after record " + std::to_string(size()) + " were cut"});
    tail_unsure_ = true;
    return {};
  }
  if (const auto error = disk_.sync(path(tail_path()))) return error;
  durable_ = size();
  return {};
}

// The hashes of level 1 and above are the roots of the full tiles below: there are at most 255 a level.
std::error_code LogWriter::load_levels(std::uint64_t bundles) {
  std::vector<std::vector<Hash>> upper;
  std::string bytes;
  std::uint64_t below = bundles;
  for (unsigned level = 0; below > 0; ++level, below /= kTileWidth) {
    std::vector<Hash>& hashes = upper.emplace_back();
    for (std::uint64_t index = below - below % kTileWidth; index < below; ++index) {
      if (const auto error = disk_.read(path(tile_path(level, index)), kTileWidth * sizeof(Hash), bytes))
        return is_missing(error) ? make_error_code(EvidenceError::Damaged) : error;
      const auto tile = parse_tile(bytes);
      if (!tile || tile->size() != kTileWidth) return EvidenceError::Damaged;
      hashes.push_back(tree_root(*tile));
    }
  }
  tree_ = TileTree(bundles, std::move(upper));
  return {};
}

}  // namespace airtight::audit
