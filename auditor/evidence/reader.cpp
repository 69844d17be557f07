#include "auditor/evidence/reader.h"

#include <algorithm>
#include <array>
#include <set>

#include "auditor/evidence/seals.h"
#include "auditor/evidence/tail.h"
#include "auditor/evidence/text_fields.h"
#include "auditor/evidence/tiles.h"

namespace airtight::audit {
namespace {

constexpr std::array<std::string_view, kDamageKinds> kNames = {"missing keys",
                                                               "not enrolled",
                                                               "forged enrolment",
                                                               "missing checkpoint",
                                                               "malformed checkpoint",
                                                               "forged checkpoint",
                                                               "unknown key",
                                                               "wrong epoch",
                                                               "missing seal",
                                                               "broken chain",
                                                               "forked checkpoint",
                                                               "rolled back",
                                                               "rewritten",
                                                               "missing tile",
                                                               "altered tile",
                                                               "missing entries",
                                                               "edited",
                                                               "reordered",
                                                               "inserted",
                                                               "deleted",
                                                               "truncated",
                                                               "unreadable record",
                                                               "wrong sequence",
                                                               "back-dated",
                                                               "unbound checkpoint",
                                                               "torn tail"};

std::string span_text(std::uint64_t first, std::uint64_t end) {
  return end - first == 1 ? "record " + std::to_string(first)
                          : "records " + std::to_string(first) + " to " + std::to_string(end - 1);
}

struct Bundle {
  std::string where;
  std::string bytes;
  std::vector<std::string_view> entries;
  std::vector<Hash> leaves;
  std::size_t rest = 0;  // bytes that are no whole entry
};

struct Difference {
  DamageKind kind;
  std::string what;
};

bool equal_from(std::span<const Hash> a, std::span<const Hash> b) {
  const std::size_t both = std::min(a.size(), b.size());
  return both > 0 && std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(both), b.begin());
}

// How the records of a bundle differ from the hashes that were sealed; `first` is the index of the first of them.
std::optional<Difference> compare(std::span<const Hash> sealed, const Bundle& bundle, std::uint64_t first, bool whole) {
  std::span<const Hash> found(bundle.leaves);
  if (!whole) found = found.first(std::min(found.size(), sealed.size()));
  std::size_t same = 0;
  while (same < sealed.size() && same < found.size() && sealed[same] == found[same]) ++same;
  const std::string at = "record " + std::to_string(first + same);
  if (same == sealed.size()) {
    if (whole && (found.size() > same || bundle.rest > 0))
      return Difference{DamageKind::Inserted, "something follows " + span_text(first, first + same)};
    return std::nullopt;
  }
  if (same == found.size())
    return Difference{DamageKind::Truncated,
                      "it ends before " + at + ", and " + std::to_string(sealed.size()) + " records were sealed"};
  std::vector<Hash> a(sealed.begin(), sealed.end()), b(found.begin(), found.end());
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  if (a == b) return Difference{DamageKind::Reordered, "the records from " + at + " on are in another order"};
  if (equal_from(found.subspan(same + 1), sealed.subspan(same)))
    return Difference{DamageKind::Inserted, "a record stands before " + at};
  if (equal_from(found.subspan(same), sealed.subspan(same + 1)))
    return Difference{DamageKind::Deleted, at + " is not there"};
  std::size_t others = 0;
  for (std::size_t i = same + 1; i < sealed.size(); ++i) others += i >= found.size() || found[i] != sealed[i] ? 1U : 0U;
  return Difference{DamageKind::Edited, at + (others > 0 ? " and " + std::to_string(others) + " more are" : " is") +
                                            " not what was sealed"};
}

class LogReader {
 public:
  LogReader(Disk& disk, const std::string& directory, const RecordSink& sink, LogReading& reading,
            std::vector<ExpectedRoot> roots)
      : disk_(disk), directory_(directory), sink_(sink), reading_(reading), roots_(std::move(roots)) {}

  void read() {
    walk_hashes();
    for (const Seal& seal : reading_.seals) {
      if (!seal.good) continue;
      good_.push_back(&seal);
      kept_ = std::max(kept_, seal.checkpoint.kept);
    }
    bindings_ = good_.size() == reading_.seals.size() &&
                std::none_of(reading_.damages.begin(), reading_.damages.end(),
                             [](const Damage& damage) { return damage.kind == DamageKind::MissingSeal; });
    walk_records();
    read_tail();
    pass_segments(next_);
  }

 private:
  void damage(DamageKind kind, std::string where, std::string what) {
    add_damage(reading_, kind, std::move(where), std::move(what));
  }

  // The first `width` hashes of a tile, from the full one if it is there: what was partial may have grown since.
  // `quiet`: only asks.
  std::optional<std::vector<Hash>> load_tile(unsigned level, std::uint64_t index, std::size_t width, bool quiet) {
    std::string bytes, name;
    std::error_code error;
    std::size_t right = 0;
    for (const std::size_t wanted : {kTileWidth, width}) {
      name = tile_path(level, index, right = wanted);
      error = disk_.read(directory_ + "/" + name, kTileWidth * sizeof(Hash), bytes);
      if (!error) break;
    }
    if (error) {
      if (!quiet) damage(DamageKind::MissingTile, name, "it cannot be read: " + error.message());
      return std::nullopt;
    }
    auto hashes = parse_tile(bytes);
    if (!hashes || hashes->size() != right) {
      if (!quiet)
        damage(DamageKind::AlteredTile, name,
               "it has " + std::to_string(bytes.size()) + " bytes in place of " + std::to_string(right * sizeof(Hash)));
      return std::nullopt;
    }
    hashes->resize(width);
    return hashes;
  }

  std::optional<Bundle> load_entries(std::uint64_t index, std::size_t width) {
    Bundle bundle;
    for (const std::size_t wanted : {kTileWidth, width}) {
      bundle.where = entries_path(index, wanted);
      if (disk_.read(directory_ + "/" + bundle.where, 2 * kMaxBundle, bundle.bytes)) continue;
      std::string_view rest;
      // Twice as many as there can be: an inserted record must not hide behind the end.
      bundle.entries = parse_bundle(bundle.bytes, rest, 2 * kTileWidth);
      bundle.rest = rest.size();
      for (const std::string_view entry : bundle.entries) bundle.leaves.push_back(leaf_hash(entry));
      return bundle;
    }
    return std::nullopt;
  }

  std::size_t sealed_width(std::uint64_t index) const {
    const std::uint64_t begin = index * kTileWidth;
    return begin >= reading_.size
               ? 0
               : static_cast<std::size_t>(std::min<std::uint64_t>(kTileWidth, reading_.size - begin));
  }

  // The hash that level 1 has for a bundle; the tile is loaded once for its 256 bundles.
  std::optional<Hash> upper_hash(std::uint64_t index) {
    const std::uint64_t tile = index / kTileWidth;
    if (!upper_ || upper_index_ != tile) {
      const std::uint64_t bundles = reading_.size / kTileWidth;
      const std::uint64_t width = std::min<std::uint64_t>(kTileWidth, bundles - tile * kTileWidth);
      upper_ = load_tile(1, tile, static_cast<std::size_t>(width), true);
      upper_index_ = tile;
    }
    if (!upper_) return std::nullopt;
    return (*upper_)[index % kTileWidth];
  }

  // The leaf hashes to go on with: those of the tile, unless what lies above it says that the records are right and the
  // tile is not. Empty if there are neither.
  std::optional<std::vector<Hash>> choose_leaves(const TileTree& tree, std::uint64_t index) {
    const std::size_t width = sealed_width(index);
    auto tile = load_tile(0, index, width, false);
    const auto is_right = [&](const std::vector<Hash>& leaves) {
      if (width == kTileWidth) {
        const auto upper = upper_hash(index);
        return !upper || tree_root(leaves) == *upper;
      }
      TileTree tried = tree;
      std::vector<Tile> ignored;
      for (const Hash& leaf : leaves) tried.add(leaf, ignored);
      return std::any_of(roots_.begin(), roots_.end(), [&](const ExpectedRoot& root) {
        return root.size == tried.size() && root.root == tried.root();
      });
    };
    if (tile && is_right(*tile)) return tile;
    const auto entries = load_entries(index, width);
    if (!entries || entries->leaves.size() < width) return tile;
    const auto end = entries->leaves.begin() + static_cast<std::ptrdiff_t>(width);
    std::vector<Hash> leaves(entries->leaves.begin(), end);
    if (tile && !is_right(leaves)) return tile;
    if (tile) damage(DamageKind::AlteredTile, tile_path(0, index, width), "its hashes are not those of the records");
    by_entries_.insert(index);
    return leaves;
  }

  void walk_hashes() {
    TileTree tree;
    std::vector<Tile> completed;
    check_roots(tree);
    for (std::uint64_t index = 0; tree.size() < reading_.size; ++index) {
      const auto leaves = choose_leaves(tree, index);
      if (!leaves) break;
      for (const Hash& leaf : *leaves) {
        tree.add(leaf, completed);
        check_roots(tree);
      }
      for (const Tile& tile : completed)
        if (tile.level > 0) check_tile(tile);
      completed.clear();
    }
    reachable_ = tree.size();
    if (reachable_ == reading_.size)
      for (const Tile& tile : tree.partial())
        if (tile.level > 0) check_tile(tile);
    for (; next_root_ < roots_.size(); ++next_root_)
      if (roots_[next_root_].seal != SIZE_MAX) reading_.seals[roots_[next_root_].seal].good = false;
  }

  void check_tile(const Tile& tile) {
    const auto found = load_tile(tile.level, tile.index, tile.hashes.size(), false);
    if (found && *found != tile.hashes)
      damage(DamageKind::AlteredTile, tile.path(), "its hashes are not those of the tiles below");
  }

  void check_roots(const TileTree& tree) {
    for (; next_root_ < roots_.size() && roots_[next_root_].size == tree.size(); ++next_root_) {
      const ExpectedRoot& expected = roots_[next_root_];
      if (expected.root == tree.root()) {
        last_right_ = tree.size();
        continue;
      }
      if (expected.seal != SIZE_MAX) reading_.seals[expected.seal].good = false;
      const bool forked =
          expected.seal == SIZE_MAX || std::any_of(roots_.begin(), roots_.end(), [&](const ExpectedRoot& other) {
            return other.size == expected.size && other.root != expected.root;
          });
      if (forked)
        damage(DamageKind::ForkedCheckpoint, expected.where,
               "with " + std::to_string(expected.size) + " records the log has another root");
      else if (!rewritten_)
        damage(DamageKind::Rewritten, span_text(last_right_, std::max(tree.size(), last_right_ + 1)),
               "they are not those that " + expected.where + " seals");
      rewritten_ = rewritten_ || !forked;
    }
  }

  void walk_records() {
    for (std::uint64_t index = 0;; ++index) {
      const std::uint64_t begin = index * kTileWidth;
      const std::size_t width = sealed_width(index);
      const auto bundle = load_entries(index, width == 0 ? kTileWidth : width);
      if (!bundle) {
        if (width == 0 || begin >= reachable_) return;
        if (begin + width <= kept_)
          reading_.not_kept += width;
        else
          damage(DamageKind::MissingEntries, entries_path(index, width), "it is not there");
        skip_to(begin + width);
        continue;
      }
      std::vector<Hash> sealed(bundle->leaves.begin(), bundle->leaves.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                                    width, bundle->leaves.size())));
      if (begin < reachable_ && by_entries_.count(index) == 0)
        if (auto tile = load_tile(0, index, width, true)) sealed = std::move(*tile);
      const bool whole = width > 0 && bundle->where == entries_path(index, width);
      if (const auto difference = compare(sealed, *bundle, begin, whole))
        damage(difference->kind, bundle->where, difference->what);
      for (std::size_t i = 0; i < bundle->entries.size() && i < kTileWidth; ++i) {
        if (i >= sealed.size() && width > 0 && whole && width < kTileWidth) break;
        if (i >= sealed.size() ? i < width : bundle->leaves[i] != sealed[i])
          skip_to(begin + i + 1);
        else
          hand_out(begin + i, bundle->entries[i], bundle->where);
      }
      skip_to(begin + width);
      last_bundle_ = index;
      last_leaves_ = std::move(sealed);
    }
  }

  // Records that nobody can read: the bindings of their segments cannot be recomputed.
  void skip_to(std::uint64_t index) {
    if (index <= next_) return;
    pass_segments(next_);
    while (bindings_ && segment_ < good_.size() && good_[segment_]->checkpoint.size <= index) {
      whole_ = false;
      finish_segment();
    }
    if (index > (segment_ > 0 ? good_[segment_ - 1]->checkpoint.size : 0)) whole_ = false;
    next_ = index;
    explained_ = false;
  }

  void hand_out(std::uint64_t index, std::string_view text, const std::string& where) {
    pass_segments(index);
    std::string why;
    const auto record = parse_record(text, why);
    if (!record || record->seq != index) {
      damage(record ? DamageKind::WrongSequence : DamageKind::UnreadableRecord, where,
             "record " + std::to_string(index) +
                 (record ? " says that it is " + std::to_string(record->seq) : ": " + why));
      skip_to(index + 1);
      return;
    }
    next_ = index + 1;
    summary_.add(record->body);
    while (cover_ < good_.size() && good_[cover_]->checkpoint.size <= index) ++cover_;
    const Standing standing = cover_ == good_.size() ? Standing::Unsealed : standing_under(*record, where);
    ++reading_.records;
    reading_.unsealed += standing == Standing::Unsealed ? 1 : 0;
    reading_.outside_epoch += standing == Standing::OutsideEpoch ? 1 : 0;
    if (sink_) sink_(*record, standing);
  }

  Standing standing_under(const Record& record, const std::string& where) {
    const std::uint64_t epoch = good_[cover_]->checkpoint.epoch;
    if (reading_.plan->begin(epoch) <= record.time && record.time < reading_.plan->begin(epoch + 1)) {
      explained_ = back_dated_ = false;
      return Standing::Sealed;
    }
    // A clock that was stepped back is told by the writer, in a record, before anything else is written.
    const auto* gap = std::get_if<GapRecord>(&record.body);
    explained_ =
        explained_ || (gap != nullptr && (gap->reason == GapReason::ClockStep || gap->reason == GapReason::NoSeal));
    // Without its own seal a record is judged by a later one: that is said already.
    if (!explained_ && !back_dated_ && bindings_)
      damage(DamageKind::BackDated, where,
             "record " + std::to_string(record.seq) + " says " + time_text(record.time) + ", and the key of epoch " +
                 std::to_string(epoch) + " sealed it");
    back_dated_ = !explained_;
    return Standing::OutsideEpoch;
  }

  void pass_segments(std::uint64_t index) {
    while (bindings_ && segment_ < good_.size() && good_[segment_]->checkpoint.size <= index) finish_segment();
  }

  void finish_segment() {
    const Seal& seal = *good_[segment_++];
    const Checkpoint& c = seal.checkpoint;
    if (whole_ && (c.boot_id != summary_.boot_id() || c.policy_digest != summary_.policy_digest() ||
                   c.counters_digest != summary_.counters_digest() || c.canaries_digest != summary_.canaries_digest()))
      damage(DamageKind::UnboundCheckpoint, seal.file,
             "it binds other counters, canaries, boot or policy than its records say");
    summary_.begin_segment();
    summary_.carry(c.boot_id, c.policy_digest);
    whole_ = true;
  }

  void read_tail() {
    std::vector<std::string> names;
    (void)disk_.list(directory_ + "/tail", names);
    std::optional<std::uint64_t> newest;
    for (const std::string& name : names)
      if (const auto number = parse_number(name); number && *number < UINT64_MAX / kTileWidth)
        newest = std::max(newest.value_or(0), *number);
    if (!newest) return;
    const std::string where = "tail/" + std::to_string(*newest);
    std::string bytes;
    if (const auto error = disk_.read(directory_ + "/" + where, kTileWidth * (kMaxRecord + 6), bytes))
      return damage(DamageKind::TornTail, where, "it cannot be read: " + error.message());
    std::size_t torn = 0;
    const auto frames = parse_tail(bytes, torn);
    const std::uint64_t begin = *newest * kTileWidth;
    if (torn > 0)
      damage(DamageKind::TornTail, where,
             std::to_string(torn) + " bytes after record " + std::to_string(begin + frames.size()) + " are none");
    if (begin + frames.size() < reading_.size)
      damage(DamageKind::Truncated, where,
             "it ends before record " + std::to_string(begin + frames.size()) + ", and " +
                 std::to_string(reading_.size) + " records were sealed");
    bool edited = false;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const std::uint64_t index = begin + i;
      if (*newest == last_bundle_ && i < last_leaves_.size() && frames[i].leaf != last_leaves_[i] && !edited) {
        edited = true;
        damage(DamageKind::Edited, where, "record " + std::to_string(index) + " is not what was sealed");
      }
      if (index >= reading_.size && index == next_) hand_out(index, frames[i].record, where);
    }
  }

  Disk& disk_;
  const std::string& directory_;
  const RecordSink& sink_;
  LogReading& reading_;
  std::vector<ExpectedRoot> roots_;

  std::size_t next_root_ = 0;
  std::uint64_t last_right_ = 0;
  bool rewritten_ = false;
  std::uint64_t reachable_ = 0;         // records whose hashes are known
  std::set<std::uint64_t> by_entries_;  // bundles whose tile is missing or wrong, and whose records are right
  std::optional<std::vector<Hash>> upper_;
  std::uint64_t upper_index_ = 0;

  std::vector<const Seal*> good_;
  std::uint64_t kept_ = 0;
  std::uint64_t next_ = 0;   // index of the next record
  std::size_t cover_ = 0;    // into good_: the seal over the record at hand
  std::size_t segment_ = 0;  // into good_: the one that ends the segment at hand
  bool bindings_ = false;    // every seal is good, so that segments are known
  bool whole_ = true;        // every record of the segment at hand was read
  bool explained_ = false;
  bool back_dated_ = false;
  SegmentSummary summary_;
  std::uint64_t last_bundle_ = UINT64_MAX;
  std::vector<Hash> last_leaves_;
};

}  // namespace

std::string_view to_string(DamageKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

std::string to_string(const Damage& damage) {
  return std::string(to_string(damage.kind)) + ": " + damage.where + ": " + damage.what;
}

LogReading read_log(Disk& disk, const std::string& directory, const ReadOptions& options, const RecordSink& sink) {
  LogReading reading;
  auto roots = read_seals(disk, directory, options, reading);
  LogReader(disk, directory, sink, reading, std::move(roots)).read();
  return reading;
}

}  // namespace airtight::audit
