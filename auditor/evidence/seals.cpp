#include "auditor/evidence/seals.h"

#include <algorithm>
#include <map>
#include <set>

#include "auditor/evidence/text_fields.h"
#include "auditor/evidence/tiles.h"
#include "compiler/policy/compiled_policy.h"  // quoted()

namespace airtight::audit {
namespace {

constexpr std::size_t kMaxKeyList = 64 << 20;
constexpr std::size_t kMaxEnrolments = 1000;
constexpr std::size_t kMaxSeals = 1 << 20;

class SealReader {
 public:
  SealReader(Disk& disk, const std::string& directory, const ReadOptions& options, LogReading& reading)
      : disk_(disk), directory_(directory), options_(options), reading_(reading) {}

  std::vector<ExpectedRoot> read() {
    read_keys();
    read_enrolments();
    read_kept_seals();
    read_head();
    for (std::size_t i = 0; i < options_.anchors.size(); ++i) read_anchor(i);
    std::stable_sort(roots_.begin(), roots_.end(), [](const auto& a, const auto& b) { return a.size < b.size; });
    return std::move(roots_);
  }

 private:
  void damage(DamageKind kind, std::string where, std::string what) {
    add_damage(reading_, kind, std::move(where), std::move(what));
  }
  bool load(const std::string& name, std::size_t most, std::string& out) {
    return !disk_.read(directory_ + "/" + name, most, out);
  }

  void read_keys() {
    std::string text, why = "it cannot be read";
    if (load("keys", kMaxKeyList, text)) keys_ = parse_key_list(text, why);
    if (!keys_) return damage(DamageKind::MissingKeys, "keys", why);
    key_root_ = keys_->root();
    origin_ = keys_->origin();
    reading_.plan = keys_->plan;
    reading_.origin = origin_;
  }

  void read_enrolments() {
    std::vector<std::string> names;
    (void)disk_.list(directory_ + "/enrolment", names);
    if (names.size() > kMaxEnrolments) names.resize(kMaxEnrolments);
    bool named = false;
    for (const std::string& name : names) {
      const std::string where = "enrolment/" + name;
      std::string text, why = "it cannot be read";
      std::optional<Enrolment> enrolment;
      if (load(where, kMaxNote, text))
        enrolment = options_.trust ? read_enrolment(text, *options_.trust, why) : read_enrolment_unchecked(text, why);
      if (!enrolment) {
        damage(DamageKind::ForgedEnrolment, where, why);
        continue;
      }
      if (keys_ && enrolment->key_root == key_root_ && enrolment->plan == keys_->plan)
        named = true;
      else if (keys_)
        damage(DamageKind::NotEnrolled, where, "it names other keys than the log has");
      reading_.enrolments.push_back(std::move(*enrolment));
    }
    if (!options_.trust) return;
    reading_.enrolled = named;
    if (named || !keys_) return;
    damage(DamageKind::NotEnrolled, "keys", "the trust root " + options_.trust->name + " enrolled no such keys");
    keys_.reset();  // and so nothing that they signed counts
  }

  // Numbers of the seals that are there, by name of file, so that a hole costs nothing however wide it is.
  void find_seals(const std::string& below, std::uint64_t above, int depth, std::set<std::uint64_t>& found) {
    std::vector<std::string> names;
    if (depth > 6 || disk_.list(directory_ + "/" + below, names)) return;
    for (const std::string& name : names) {
      const bool more = name.size() == 4 && name[0] == 'x';
      if ((!more && name.size() != 3) || found.size() == kMaxSeals) continue;
      const auto digits = parse_number("1" + name.substr(more ? 1 : 0));
      if (!digits) continue;
      const std::uint64_t number = above * 1000 + *digits - 1000;
      if (more)
        find_seals(below + "/" + name, number, depth + 1, found);
      else if (seal_path(number) == below + "/" + name)
        found.insert(number);
    }
  }

  void read_kept_seals() {
    std::set<std::uint64_t> numbers;
    find_seals("seal", 0, 0, numbers);
    std::uint64_t next = 0;
    for (const std::uint64_t number : numbers) {
      missing_seals(next, number);
      const std::string where = seal_path(number);
      next = number + 1;
      std::string bytes;
      if (!load(where, kMaxNote, bytes)) {
        damage(DamageKind::MissingSeal, where, "it cannot be read");
        previous_.reset();
        continue;
      }
      last_number_ = number;
      if (const auto checkpoint = check(bytes, where)) follow(*checkpoint, where, number);
      previous_ = sha256({bytes});
      last_bytes_ = std::move(bytes);
    }
  }

  void missing_seals(std::uint64_t first, std::uint64_t end) {
    if (first >= end) return;
    damage(DamageKind::MissingSeal, seal_path(first),
           end - first == 1 ? "it is not there" : "up to seal " + std::to_string(end - 1) + " none is there");
    previous_.reset();
  }

  void read_head() {
    std::string bytes;
    if (!load("checkpoint", kMaxNote, bytes)) {
      if (!reading_.seals.empty() || last_number_)
        damage(DamageKind::MissingCheckpoint, "checkpoint", "it is not there");
      if (!reading_.seals.empty()) reading_.size = reading_.seals.back().checkpoint.size;
      return;
    }
    if (bytes == last_bytes_ && !reading_.seals.empty()) {  // the last one is kept already
      reading_.size = reading_.seals.back().checkpoint.size;
      return;
    }
    const auto head = check(bytes, "checkpoint");
    if (!head) return;
    const std::uint64_t next = last_number_ ? *last_number_ + 1 : 0;
    reading_.size = head->size;
    if (head->seal < next) {
      const bool fork =
          head->seal + 1 == next && !reading_.seals.empty() && head->size >= reading_.seals.back().checkpoint.size;
      damage(fork ? DamageKind::ForkedCheckpoint : DamageKind::RolledBack, "checkpoint",
             "it is number " + std::to_string(head->seal) + ", and seal " + std::to_string(next - 1) +
                 (fork ? " is another" : " is newer"));
      add_root(*head, "checkpoint", false);
      for (const Seal& seal : reading_.seals) reading_.size = std::max(reading_.size, seal.checkpoint.size);
      return;
    }
    missing_seals(next, head->seal);
    follow(*head, "checkpoint", head->seal);
  }

  void read_anchor(std::size_t index) {
    const std::string where = "anchor " + std::to_string(index + 1);
    const auto anchor = check(options_.anchors[index], where);
    if (!anchor) return;
    if (anchor->size > reading_.size)
      damage(DamageKind::RolledBack, where,
             "it has " + std::to_string(anchor->size) + " records, the log " + std::to_string(reading_.size));
    else
      roots_.push_back({anchor->size, anchor->root, SIZE_MAX, where});
  }

  // What it says, if it is a checkpoint of this log that the key of its epoch signed.
  std::optional<Checkpoint> check(const std::string& bytes, const std::string& where) {
    const auto note = parse_note(bytes);
    std::string why = "it is no signed note";
    std::optional<Checkpoint> checkpoint;
    if (note) checkpoint = parse_checkpoint(note->text, why);
    if (!checkpoint) {
      damage(DamageKind::MalformedCheckpoint, where, why);
      return std::nullopt;
    }
    if (!keys_) return std::nullopt;
    if (checkpoint->origin != origin_ || checkpoint->node != keys_->plan.node) {
      damage(DamageKind::UnknownKey, where, "it is of another log: " + quoted(checkpoint->origin));
      return std::nullopt;
    }
    const std::uint64_t epoch = checkpoint->epoch;
    const NoteCheck found =
        epoch < keys_->keys.size() ? check_note(*note, {origin_, keys_->keys[epoch]}) : NoteCheck::Unsigned;
    if (found == NoteCheck::Good) return checkpoint;
    if (found == NoteCheck::Forged) {
      damage(DamageKind::ForgedCheckpoint, where,
             "the signature is not one of the key of epoch " + std::to_string(epoch));
    } else if (const auto other = signer(*note)) {
      damage(DamageKind::WrongEpoch, where,
             "it says epoch " + std::to_string(epoch) + " and is signed by the key of epoch " + std::to_string(*other));
    } else {
      damage(DamageKind::UnknownKey, where, "no key of this log signed it");
    }
    return std::nullopt;
  }

  std::optional<std::uint64_t> signer(const Note& note) {
    if (by_id_.empty())
      for (std::size_t epoch = 0; epoch < keys_->keys.size(); ++epoch)
        by_id_.emplace(NoteKey{origin_, keys_->keys[epoch]}.id(), epoch);
    for (const NoteSignature& signature : note.signatures) {
      const auto [begin, end] = by_id_.equal_range(signature.id);
      for (auto at = begin; at != end; ++at)
        if (check_note(note, {origin_, keys_->keys[at->second]}) == NoteCheck::Good) return at->second;
    }
    return std::nullopt;
  }

  // A signed checkpoint, against the one before it.
  void follow(const Checkpoint& c, const std::string& where, std::uint64_t number) {
    bool good = true;
    const auto wrong = [&](DamageKind kind, std::string what) {
      good = false;
      damage(kind, where, std::move(what));
    };
    if (c.seal != number) wrong(DamageKind::BrokenChain, "it says that it is seal " + std::to_string(c.seal));
    if (previous_ && c.previous && *c.previous != *previous_)
      wrong(DamageKind::BrokenChain, "it follows another seal than the one before it");
    if (!reading_.seals.empty()) {
      const Checkpoint& before = reading_.seals.back().checkpoint;
      if (c.size < before.size)
        wrong(DamageKind::RolledBack, "it has fewer records than " + reading_.seals.back().file);
      if (c.epoch < before.epoch || c.kept < before.kept)
        wrong(DamageKind::BrokenChain, "its epoch or its retention goes back");
    }
    add_root(c, where, good);
  }

  void add_root(const Checkpoint& c, const std::string& where, bool good) {
    roots_.push_back({c.size, c.root, reading_.seals.size(), where});
    reading_.seals.push_back({c, where, good});
    if (good) reading_.size = std::max(reading_.size, c.size);
  }

  Disk& disk_;
  const std::string& directory_;
  const ReadOptions& options_;
  LogReading& reading_;
  std::optional<KeyList> keys_;
  Hash key_root_{};
  std::string origin_;
  std::multimap<std::uint32_t, std::uint64_t> by_id_;
  std::vector<ExpectedRoot> roots_;
  std::optional<Hash> previous_;  // of the seal file before; empty if it is not there
  std::optional<std::uint64_t> last_number_;
  std::string last_bytes_;
};

}  // namespace

std::vector<ExpectedRoot> read_seals(Disk& disk, const std::string& directory, const ReadOptions& options,
                                     LogReading& reading) {
  return SealReader(disk, directory, options, reading).read();
}

void add_damage(LogReading& reading, DamageKind kind, std::string where, std::string what) {
  if (reading.damages.size() == kMaxDamages)
    ++reading.damages_left_out;
  else
    reading.damages.push_back({kind, std::move(where), std::move(what)});
}

}  // namespace airtight::audit
