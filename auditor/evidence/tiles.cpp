#include "auditor/evidence/tiles.h"

#include <cassert>

namespace airtight::audit {
namespace {

std::string with_width(std::string path, std::size_t width) {
  assert(width > 0 && width <= kTileWidth);
  return width == kTileWidth ? path : path + ".p/" + std::to_string(width);
}

}  // namespace

std::string index_path(std::uint64_t index) {
  std::string path;
  for (bool last = true; last || index > 0; last = false) {
    const std::string digits = std::to_string(1000 + index % 1000).substr(1);
    path = last ? digits : "x" + digits + "/" + path;
    index /= 1000;
  }
  return path;
}

std::string tile_path(unsigned level, std::uint64_t index, std::size_t width) {
  return with_width("tile/" + std::to_string(level) + "/" + index_path(index), width);
}

std::string entries_path(std::uint64_t index, std::size_t width) {
  return with_width("tile/entries/" + index_path(index), width);
}

std::string partial_directory(std::string_view full_path) { return std::string(full_path) + ".p"; }

void append_entry(std::string& bundle, std::string_view record) {
  assert(record.size() <= kMaxRecord);
  bundle += static_cast<char>(record.size() >> 8);
  bundle += static_cast<char>(record.size() & 0xff);
  bundle += record;
}

std::vector<std::string_view> parse_bundle(std::string_view bundle, std::string_view& rest, std::size_t most) {
  std::vector<std::string_view> entries;
  rest = bundle;
  while (rest.size() >= 2 && entries.size() < most) {
    const std::size_t size =
        std::size_t{static_cast<unsigned char>(rest[0])} << 8 | static_cast<unsigned char>(rest[1]);
    if (rest.size() - 2 < size) break;
    entries.push_back(rest.substr(2, size));
    rest.remove_prefix(2 + size);
  }
  return entries;
}

std::string encode_tile(std::span<const Hash> hashes) {
  std::string bytes;
  bytes.reserve(hashes.size() * sizeof(Hash));
  for (const Hash& hash : hashes) bytes += bytes_of(hash);
  return bytes;
}

std::optional<std::vector<Hash>> parse_tile(std::string_view bytes) {
  if (bytes.size() % sizeof(Hash) != 0 || bytes.size() > kTileWidth * sizeof(Hash)) return std::nullopt;
  std::vector<Hash> hashes(bytes.size() / sizeof(Hash));
  for (std::size_t i = 0; i < bytes.size(); ++i)
    hashes[i / sizeof(Hash)][i % sizeof(Hash)] = static_cast<std::uint8_t>(bytes[i]);
  return hashes;
}

TileTree::TileTree(std::uint64_t bundles, std::vector<std::vector<Hash>> upper) {
  edge_.push_back({0, bundles, {}});
  for (std::size_t i = 0; i < upper.size(); ++i) {
    bundles /= kTileWidth;
    edge_.push_back({static_cast<unsigned>(i + 1), bundles, std::move(upper[i])});
  }
  for (std::size_t level = edge_.size() - 1; level > 0; --level)
    for (const Hash& hash : edge_[level].hashes) tree_.add_subtree(hash, static_cast<unsigned>(8 * level));
}

void TileTree::add(const Hash& leaf, std::vector<Tile>& completed) {
  tree_.add(leaf);
  Hash hash = leaf;
  for (std::size_t level = 0;; ++level) {
    if (level == edge_.size()) edge_.push_back({static_cast<unsigned>(level), 0, {}});
    Tile& tile = edge_[level];
    tile.hashes.push_back(hash);
    if (!tile.full()) return;
    hash = tree_root(tile.hashes);
    completed.push_back(tile);
    tile.hashes.clear();
    ++tile.index;
  }
}

std::vector<Tile> TileTree::partial() const {
  std::vector<Tile> tiles;
  for (const Tile& tile : edge_)
    if (!tile.hashes.empty()) tiles.push_back(tile);
  return tiles;
}

}  // namespace airtight::audit
