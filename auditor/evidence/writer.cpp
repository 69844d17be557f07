#include "auditor/evidence/writer.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "auditor/evidence/tail.h"

namespace airtight::audit {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::size_t kMaxOwedGaps = 64;

std::string step_text(std::int64_t step) {
  char text[48];
  std::snprintf(text, sizeof text, "%+.3f s against the clock since boot", static_cast<double>(step) / 1e9);
  return text;
}

}  // namespace

LogWriter::LogWriter(Disk& disk, Clock& clock, std::string directory, std::string key_state)
    : disk_(disk), clock_(clock), directory_(std::move(directory)), key_state_(std::move(key_state)) {}

LogWriter::~LogWriter() {
  if (open_) disk_.unlock();
}

std::error_code LogWriter::append(const RecordBody& body) {
  if (!open_) return EvidenceError::Closed;
  const Times now = clock_.now();
  auto error = prepare(now);
  if (!error) error = append_one(body, now);
  if (error && error != EvidenceError::RecordTooLong) ++refused_;
  return note(error, now);
}

std::error_code LogWriter::commit() {
  if (!open_) return EvidenceError::Closed;
  return note(flush(), clock_.now());
}

std::error_code LogWriter::checkpoint() {
  if (!open_) return EvidenceError::Closed;
  const Times now = clock_.now();
  auto error = roll(now);
  if (!error) error = make_checkpoint(now);
  return note(error, now);
}

std::error_code LogWriter::close() {
  if (!open_) return EvidenceError::Closed;
  const Times now = clock_.now();
  auto error = make_checkpoint(now);
  if (!error) error = archive();
  if (note(error, now)) return error;
  open_ = false;
  disk_.unlock();
  return {};
}

std::error_code LogWriter::prune(const Retention& retention) {
  if (!open_) return EvidenceError::Closed;
  const Times now = clock_.now();
  const std::uint64_t end = std::min(sealed_, last_seal_size_) / kTileWidth;
  std::uint64_t total = 0, bytes = 0;
  std::vector<std::uint64_t> sizes;
  for (std::uint64_t index = kept_ / kTileWidth; index < bundle_index_; ++index) {
    if (const auto error = disk_.size(path(entries_path(index)), bytes)) return note(error, now);
    sizes.push_back(bytes);
    total += bytes;
  }
  std::uint64_t first = kept_ / kTileWidth;
  for (std::size_t i = 0; first < end; ++i, ++first) {
    bool too_old = false;
    if (retention.seconds > 0) {
      std::string bundle, why;
      std::string_view rest;
      if (const auto error = disk_.read(path(entries_path(first)), kMaxBundle, bundle)) return note(error, now);
      const auto entries = parse_bundle(bundle, rest);
      const auto last = entries.empty() ? std::nullopt : parse_record(entries.back(), why);
      // What cannot be read is damage, and stays to be seen.
      too_old = last && (now.realtime - last->time) / kSecond > static_cast<std::int64_t>(retention.seconds);
    }
    if (!too_old && (retention.bytes == 0 || total <= retention.bytes)) break;
    total -= sizes[i];
  }
  if (first * kTileWidth > kept_) {
    const std::uint64_t before = std::exchange(kept_, first * kTileWidth);
    if (const auto error = make_checkpoint(now)) {
      kept_ = before;
      return note(error, now);
    }
  }
  // Downwards until there is none: a power cut may have kept an earlier call from it.
  for (std::uint64_t index = kept_ / kTileWidth; index-- > 0;) {
    const auto error = disk_.remove(path(entries_path(index)));
    if (error == std::errc::no_such_file_or_directory) break;
    if (error) return note(error, now);
  }
  return note({}, now);
}

// What a call came to: failing() and the gap that is owed follow from it.
std::error_code LogWriter::note(std::error_code error, Times now) {
  if (error == EvidenceError::RecordTooLong) return error;
  failing_ = error;
  if (error && failing_since_ == 0) failing_since_ = written_ != 0 ? written_ : now.realtime;
  return error;
}

std::error_code LogWriter::prepare(Times now) {
  if (const auto error = roll(now)) return error;
  return pay_debts(now);
}

// Goes on to the epoch of now, after the old one was sealed with its own key.
std::error_code LogWriter::roll(Times now) {
  const auto epoch = list_.plan.epoch_at(now.realtime);
  if (!epoch || *epoch <= keys_.epoch()) return {};
  if (size() > sealed_)
    if (const auto error = make_checkpoint(now)) return error;
  if (const auto error = archive()) return error;
  return keys_.advance(disk_, *epoch);
}

std::error_code LogWriter::pay_debts(Times now) {
  if (last_) {
    const std::int64_t went = now.boottime - last_->boottime;
    const std::int64_t step = now.realtime - last_->realtime - went;
    // A clock that is slewed gains or loses less than a thousandth.
    if (std::abs(step) > std::max(kSecond, went / 1000) && owed_gaps_.size() < kMaxOwedGaps)
      owed_gaps_.push_front({GapReason::ClockStep, std::min(last_->realtime, now.realtime),
                             std::max(last_->realtime, now.realtime), "",
                             static_cast<std::uint64_t>(std::abs(step) / 1'000'000), step_text(step)});
  }
  last_ = now;
  const bool without_key = list_.plan.epoch_at(now.realtime) != keys_.epoch();
  if (without_key && !without_key_ && owed_gaps_.size() < kMaxOwedGaps)
    owed_gaps_.push_front({GapReason::NoSeal, now.realtime, now.realtime, "", 0,
                           "the clock says a time whose key is gone or was never made"});
  without_key_ = without_key;
  // What explains a time outside the epoch comes before any record that has one.
  while (!owed_gaps_.empty()) {
    if (const auto error = append_one(owed_gaps_.front(), now)) return error;
    owed_gaps_.pop_front();
  }
  if (failing_since_ != 0) {
    const GapRecord gap{GapReason::LogWrite,
                        std::min(failing_since_, now.realtime),
                        now.realtime,
                        "",
                        refused_,
                        "records that could not be written"};
    if (const auto error = append_one(gap, now)) return error;
    failing_since_ = 0;
    refused_ = 0;
  }
  if (owed_segment_) {
    const SegmentRecord segment = *owed_segment_;
    if (const auto error = append_one(segment, now)) return error;
    owed_segment_.reset();
  }
  return {};
}

// The record is on disk, as far as it must be, before this object knows of it: an error leaves no trace here.
std::error_code LogWriter::append_one(const RecordBody& body, Times now) {
  // Milliseconds are enough to tell a step of the clock, and a day of records is shorter by 70 kB.
  const Record record{size(), now.realtime, now.boottime / kMillisecond * kMillisecond, body};
  std::string json = to_json(record);
  if (json.size() > kMaxRecord) return EvidenceError::RecordTooLong;
  if (bundle_.size() == kTileWidth)
    if (const auto error = rotate()) return error;
  if (tail_unsure_)
    if (const auto error = rewrite_tail()) return error;
  const Hash leaf = leaf_hash(json);
  auto error = disk_.append(path(tail_path()), tail_frame(json, leaf));
  if (!error && is_urgent(body)) error = disk_.sync(path(tail_path()));
  if (error) {
    tail_unsure_ = true;
    return error;
  }
  tree_.add(leaf, completed_);
  bundle_.push_back(std::move(json));
  summary_.add(body);
  written_ = now.realtime;
  if (is_urgent(body)) durable_ = size();
  return {};
}

// After a failed sync the kernel may take pages for clean that never reached the disk, so a second sync proves nothing:
// everything is written again.
std::error_code LogWriter::rewrite_tail() {
  std::string bytes;
  for (const std::string& record : bundle_) bytes += tail_frame(record, leaf_hash(record));
  if (const auto error = replace_file(disk_, directory_, tail_path(), bytes)) return error;
  tail_unsure_ = false;
  durable_ = size();
  return {};
}

std::error_code LogWriter::flush() {
  if (tail_unsure_) return rewrite_tail();
  if (durable_ == size()) return {};
  if (const auto error = disk_.sync(path(tail_path()))) {
    tail_unsure_ = true;
    return error;
  }
  durable_ = size();
  return {};
}

// The full bundle and the tiles that it completed, then the next tail: while there is no such tail the old one is what
// recovery reads, so that a cut between any two of these steps loses nothing.
std::error_code LogWriter::rotate() {
  // A full bundle must never say more than the tail that a cut may bring back.
  if (const auto error = flush()) return error;
  std::string bytes;
  for (const std::string& record : bundle_) append_entry(bytes, record);
  if (const auto error = replace_file(disk_, directory_, entries_path(bundle_index_), bytes)) return error;
  for (const Tile& tile : completed_)
    if (const auto error = replace_file(disk_, directory_, tile.path(), encode_tile(tile.hashes))) return error;
  const std::string next = "tail/" + std::to_string(bundle_index_ + 1);
  if (const auto error = replace_file(disk_, directory_, next, "")) return error;

  (void)disk_.remove(path(tail_path()));  // open() removes what is left of it
  drop_partial(entries_path(bundle_index_));
  for (const Tile& tile : completed_) drop_partial(tile.path());
  completed_.clear();
  partial_written_.clear();
  bundle_.clear();
  ++bundle_index_;
  tail_unsure_ = false;
  durable_ = size();
  return {};
}

// Partial tiles may go once the full one is there; where that fails they only take space.
void LogWriter::drop_partial(const std::string& full_path) {
  const std::string directory = path(partial_directory(full_path));
  std::vector<std::string> names;
  if (disk_.list(directory, names)) return;
  for (const std::string& name : names) (void)disk_.remove(directory + "/" + name);
  (void)disk_.remove(directory);
}

std::error_code LogWriter::make_checkpoint(Times now) {
  if (const auto error = flush()) return error;
  if (bundle_.size() == kTileWidth)
    if (const auto error = rotate()) return error;
  const auto write_once = [&](const std::string& name, const std::string& bytes) {
    if (partial_written_.count(name) != 0) return std::error_code();
    const auto error = replace_file(disk_, directory_, name, bytes);
    if (!error) partial_written_.insert(name);
    return error;
  };
  if (!bundle_.empty()) {
    std::string bytes;
    for (const std::string& record : bundle_) append_entry(bytes, record);
    if (const auto error = write_once(entries_path(bundle_index_, bundle_.size()), bytes)) return error;
  }
  for (const Tile& tile : tree_.partial())
    if (const auto error = write_once(tile.path(), encode_tile(tile.hashes))) return error;

  Checkpoint head;
  head.origin = origin_;
  head.size = size();
  head.root = tree_.root();
  head.node = list_.plan.node;
  head.boot_id = summary_.boot_id();
  head.epoch = keys_.epoch();
  head.seal = seal_;
  head.time = now.realtime;
  head.kept = kept_;
  head.policy_digest = summary_.policy_digest();
  head.counters_digest = summary_.counters_digest();
  head.canaries_digest = summary_.canaries_digest();
  head.previous = previous_;
  std::string bytes = keys_.sign(checkpoint_text(head), origin_);
  if (const auto error = replace_file(disk_, directory_, "checkpoint", bytes)) return error;
  checkpoint_ = std::move(bytes);
  sealed_ = head.size;
  archived_ = false;
  return {};
}

// Keeps the checkpoint at hand as a seal; a new segment begins.
std::error_code LogWriter::archive() {
  if (archived_) return {};
  if (const auto error = replace_file(disk_, directory_, seal_path(seal_), checkpoint_)) return error;
  archived_ = true;
  previous_ = sha256({checkpoint_});
  last_seal_size_ = sealed_;
  owed_segment_ = SegmentRecord{seal_, keys_.epoch(), sealed_, "sha256:" + to_hex(bytes_of(*previous_))};
  ++seal_;
  summary_.begin_segment();
  return {};
}

}  // namespace airtight::audit
