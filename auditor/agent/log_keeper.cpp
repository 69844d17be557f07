#include "auditor/agent/log_keeper.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

#include "auditor/evidence/checkpoint.h"
#include "auditor/evidence/key_epochs.h"
#include "auditor/evidence/note.h"
#include "auditor/evidence/tail.h"
#include "auditor/evidence/tiles.h"

namespace airtight::audit {

namespace {

// Keys of a log that nobody made any for: a year of hours.
constexpr std::uint64_t kEpochSeconds = 3600;
constexpr std::uint64_t kEpochs = 8760;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kSignEvery = 60 * kSecond;
constexpr std::int64_t kPruneEvery = 600 * kSecond;
constexpr std::size_t kMaxKeys = 64u << 20;

}  // namespace

LogKeeper::LogKeeper(const AgentConfig& config, Disk& disk, Clock& clock, Written written, Trouble trouble)
    : config_(config),
      disk_(disk),
      clock_(clock),
      written_(std::move(written)),
      trouble_(std::move(trouble)),
      key_(config.key.empty() ? config.state + ".key" : config.key),
      writer_(disk, clock, config.state, key_) {}

void LogKeeper::open(const std::string& node) {
  find(node);
  if (!take()) throw std::runtime_error("another agent writes the log in " + config_.state);
}

void LogKeeper::find(const std::string& node) {
  std::string text, why;
  std::error_code error = disk_.read(config_.state + "/keys", kMaxKeys, text);
  if (error == std::errc::no_such_file_or_directory) {
    EpochPlan plan;
    plan.node = config_.node.empty() ? node : config_.node;
    const std::int64_t now = clock_.now().realtime;
    plan.first = now - now % (static_cast<std::int64_t>(kEpochSeconds) * kSecond);
    plan.length = kEpochSeconds;
    plan.count = kEpochs;
    if (!plan.valid()) throw std::runtime_error("'" + plan.node + "' is no name for a node: give --node NAME");
    KeyList made;
    error = EpochKeys::make(disk_, key_, plan, made);
    if (error == EvidenceError::Exists)
      throw std::runtime_error(key_ + " is there, and " + config_.state +
                               " holds no log that it belongs to: put that log back, or move the key away");
    if (error) throw std::system_error(error, key_);
    if ((error = LogWriter::create(disk_, config_.state, made))) throw std::system_error(error, config_.state);
    made_keys_ = true;
    text = key_list_text(made);
  } else if (error) {
    throw std::system_error(error, config_.state + "/keys");
  }
  const std::optional<KeyList> list = parse_key_list(text, why);
  if (!list) throw std::runtime_error(config_.state + "/keys: " + why);
  if (!config_.node.empty() && config_.node != list->plan.node)
    throw std::runtime_error("--node says " + config_.node + ", and the keys in " + config_.state + " are those of " +
                             list->plan.node);
  node_ = list->plan.node;
  origin_ = list->origin();
}

bool LogKeeper::take() {
  const std::error_code error = writer_.open();
  if (error == EvidenceError::Damaged)
    throw std::runtime_error(
        "the log in " + config_.state +
        " is not the one that its own last checkpoint seals. Nothing was changed. Keep it as evidence: "
        "move it and its key aside, make new keys (airtight-auditor keygen), and have them enrolled");
  if (error == EvidenceError::Locked) return false;
  if (error) throw std::system_error(error, config_.state);
  last_time_ = writer_.last_time();
  return true;
}

std::vector<Record> LogKeeper::end_of_log(std::int64_t since) const {
  std::vector<Record> found;  // the last one first
  // Whether to look further back.
  const auto add = [&](const auto& texts, const auto& text_of) {
    for (auto at = texts.rbegin(); at != texts.rend(); ++at) {
      std::string why;
      std::optional<Record> record = parse_record(text_of(*at), why);
      if (!record || record->seq + found.size() + 1 != writer_.size()) return false;
      found.push_back(std::move(*record));
      if (found.back().time <= since) return false;
    }
    return true;
  };
  std::uint64_t bundle = writer_.size() / kTileWidth;
  std::string bytes;
  std::size_t torn = 0;
  if (!disk_.read(config_.state + "/tail/" + std::to_string(bundle), kMaxBundle + 4 * kTileWidth, bytes) &&
      add(parse_tail(bytes, torn), [](const TailFrame& frame) { return frame.record; })) {
    std::string_view rest;
    while (bundle > 0 && !disk_.read(config_.state + "/" + entries_path(--bundle), kMaxBundle, bytes) &&
           add(parse_bundle(bytes, rest), [](std::string_view record) { return record; })) {
    }
  }
  std::reverse(found.begin(), found.end());
  return found;
}

std::string LogKeeper::last_boot_id() const {
  std::string why;
  const std::optional<Note> note = parse_note(writer_.last_checkpoint());
  const std::optional<Checkpoint> head = note ? parse_checkpoint(note->text, why) : std::nullopt;
  return head ? head->boot_id : std::string();
}

bool LogKeeper::write(const RecordBody& body) {
  const std::error_code error = writer_.append(body);
  tell(error, "a record cannot be written");
  if (!error) written_(body);
  return !error;
}

void LogKeeper::end_interval(bool sign) {
  const std::int64_t now = clock_.now().boottime;
  if (sign || signed_ == 0 || now - signed_ >= kSignEvery) {
    const std::error_code error = writer_.checkpoint();
    if (!error) signed_ = now;
    tell(error, "the log cannot be signed");
  } else {
    tell(writer_.commit(), "records cannot be made durable");
  }
  if ((config_.keep_bytes != 0 || config_.keep_seconds != 0) && now - pruned_ >= kPruneEvery) {
    pruned_ = now;
    tell(writer_.prune({config_.keep_bytes, config_.keep_seconds}), "old records cannot be deleted");
  }
}

bool LogKeeper::close() {
  const std::error_code error = writer_.close();
  tell(error, "the log cannot be sealed");
  return !error;
}

void LogKeeper::tell(std::error_code error, const char* doing) {
  if (error && error != told_) trouble_(std::string(doing) + ": " + error.message());
  told_ = error;
}

}  // namespace airtight::audit
