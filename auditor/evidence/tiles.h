// The C2SP tlog-tiles layout: where the hashes and the records of a tree lie in files, and what is in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auditor/evidence/merkle.h"

namespace airtight::audit {

inline constexpr std::size_t kTileWidth = 256;
inline constexpr std::size_t kMaxRecord = 65'535;  // what the uint16 of an entry bundle can say
inline constexpr std::size_t kMaxBundle = kTileWidth * (kMaxRecord + 2);

// Three digits a path element, "x" before all but the last: 1234067 -> "x001/x234/067".
std::string index_path(std::uint64_t index);
// "tile/0/x001/067", and "tile/0/x001/067.p/8" for one of 8 hashes.
std::string tile_path(unsigned level, std::uint64_t index, std::size_t width = kTileWidth);
std::string entries_path(std::uint64_t index, std::size_t width = kTileWidth);  // "tile/entries/x001/067.p/8"
// Where the partial tiles of one index lie: the path of the full one with ".p".
std::string partial_directory(std::string_view full_path);

// Big-endian length and record. Precondition: record.size() <= kMaxRecord.
void append_entry(std::string& bundle, std::string_view record);
// Views into `bundle`, at most `most`; `rest` is what is no whole entry any more, or one too many.
std::vector<std::string_view> parse_bundle(std::string_view bundle, std::string_view& rest,
                                           std::size_t most = kTileWidth);

std::string encode_tile(std::span<const Hash> hashes);
// Empty if it is not whole hashes, or more than kTileWidth of them.
std::optional<std::vector<Hash>> parse_tile(std::string_view bytes);

struct Tile {
  unsigned level = 0;
  std::uint64_t index = 0;
  std::vector<Hash> hashes;
  bool full() const { return hashes.size() == kTileWidth; }
  std::string path() const { return tile_path(level, index, hashes.size()); }
};

// A tree as tiles: takes leaves, hands out each tile once it is full, and knows the partial ones of its size.
class TileTree {
 public:
  TileTree() = default;
  // The tree of that many full tiles of level 0; `upper` holds the hashes of the partial tiles of level 1, 2 …
  TileTree(std::uint64_t bundles, std::vector<std::vector<Hash>> upper);
  // The tiles of level 1 and above that this leaf completed go to `completed`, and so does its tile of level 0.
  void add(const Hash& leaf, std::vector<Tile>& completed);
  std::uint64_t size() const { return tree_.size(); }
  Hash root() const { return tree_.root(); }
  std::vector<Tile> partial() const;

 private:
  MerkleTree tree_;
  std::vector<Tile> edge_;  // the tile that grows, a level each
};

}  // namespace airtight::audit
