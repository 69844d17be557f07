#include "auditor/evidence/merkle.h"

#include <catch2/catch.hpp>

#include "auditor/evidence/tiles.h"

namespace airtight::audit {
namespace {

// RFC 9162 §2.1.1, §2.1.3.1 and §2.1.4.1 word by word.
using Leaves = std::span<const Hash>;

std::size_t split(std::size_t size) {
  std::size_t k = 1;
  while (k * 2 < size) k *= 2;
  return k;
}

Hash slow_root(Leaves d) {
  if (d.empty()) return sha256({""});
  if (d.size() == 1) return d[0];
  const std::size_t k = split(d.size());
  return sha256({"\x01", bytes_of(slow_root(d.first(k))), bytes_of(slow_root(d.subspan(k)))});
}

MerkleProof slow_path(std::size_t m, Leaves d) {
  if (d.size() == 1) return {};
  const std::size_t k = split(d.size());
  MerkleProof proof = m < k ? slow_path(m, d.first(k)) : slow_path(m - k, d.subspan(k));
  proof.push_back(m < k ? slow_root(d.subspan(k)) : slow_root(d.first(k)));
  return proof;
}

MerkleProof slow_subproof(std::size_t m, Leaves d, bool whole) {
  if (m == d.size()) return whole ? MerkleProof{} : MerkleProof{slow_root(d)};
  const std::size_t k = split(d.size());
  MerkleProof proof = m <= k ? slow_subproof(m, d.first(k), whole) : slow_subproof(m - k, d.subspan(k), false);
  proof.push_back(m <= k ? slow_root(d.subspan(k)) : slow_root(d.first(k)));
  return proof;
}

std::vector<Hash> leaves_of(std::size_t count) {
  std::vector<Hash> leaves;
  for (std::size_t i = 0; i < count; ++i) leaves.push_back(leaf_hash("record " + std::to_string(i)));
  return leaves;
}

constexpr std::size_t kMost = 300;

// The vectors that Certificate Transparency implementations share: eight leaves, their roots by size.
TEST_CASE("merkle: known roots") {
  const std::string records[] = {std::string(),
                                 std::string("\x00", 1),
                                 "\x10",
                                 "\x20\x21",
                                 "\x30\x31",
                                 "\x40\x41\x42\x43",
                                 "\x50\x51\x52\x53\x54\x55\x56\x57",
                                 "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f"};
  const std::string roots[] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                               "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                               "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                               "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                               "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                               "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                               "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                               "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  MerkleTree tree;
  CHECK(to_hex(bytes_of(tree.root())) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (std::size_t i = 0; i < 8; ++i) {
    tree.add(leaf_hash(records[i]));
    CHECK(to_hex(bytes_of(tree.root())) == roots[i]);
  }
}

TEST_CASE("merkle: roots of all sizes are the RFC's") {
  const auto leaves = leaves_of(kMost);
  const ProvingTree proving(leaves);
  MerkleTree tree;
  for (std::size_t size = 0; size <= kMost; ++size) {
    const Hash expected = slow_root(Leaves(leaves).first(size));
    CHECK(tree.root() == expected);
    CHECK(tree_root(Leaves(leaves).first(size)) == expected);
    CHECK(proving.root(size) == expected);
    if (size < kMost) tree.add(leaves[size]);
  }
}

TEST_CASE("merkle: inclusion proofs of all sizes are the RFC's, and nothing else verifies") {
  const auto leaves = leaves_of(kMost);
  const ProvingTree proving(leaves);
  std::size_t proofs = 0;
  for (std::size_t size = 1; size <= kMost; ++size) {
    const Hash root = proving.root(size);
    // Every index at small sizes, some of every part at larger ones.
    for (std::size_t index = 0; index < size; index += size < 40 ? 1 : 1 + size / 9) {
      MerkleProof proof = proving.inclusion(index, size);
      if (size <= 70 || index % 7 == 0) REQUIRE(proof == slow_path(index, Leaves(leaves).first(size)));
      REQUIRE(verify_inclusion(leaves[index], index, size, proof, root));
      ++proofs;
      REQUIRE_FALSE(verify_inclusion(leaves[(index + 1) % kMost], index, size, proof, root));
      REQUIRE_FALSE(verify_inclusion(leaves[index], index ^ 1, size, proof, root));
      REQUIRE_FALSE(verify_inclusion(leaves[index], size, size, proof, root));
      proof.push_back(root);
      REQUIRE_FALSE(verify_inclusion(leaves[index], index, size, proof, root));
      proof.pop_back();
      if (proof.empty()) continue;
      proof.back()[31] ^= 1;
      REQUIRE_FALSE(verify_inclusion(leaves[index], index, size, proof, root));
      proof.pop_back();
      REQUIRE_FALSE(verify_inclusion(leaves[index], index, size, proof, root));
    }
  }
  CHECK(proofs > 3000);
}

TEST_CASE("merkle: consistency proofs of all sizes are the RFC's, and nothing else verifies") {
  const auto leaves = leaves_of(kMost);
  const ProvingTree proving(leaves);
  std::size_t proofs = 0;
  for (std::size_t size = 1; size <= kMost; ++size) {
    const Hash root = proving.root(size);
    for (std::size_t old = 1; old <= size; old += size < 40 ? 1 : 1 + size / 9) {
      const Hash old_root = proving.root(old);
      MerkleProof proof = proving.consistency(old, size);
      if (size <= 70 || old % 7 == 0) REQUIRE(proof == slow_subproof(old, Leaves(leaves).first(size), true));
      REQUIRE(verify_consistency(old, old_root, size, root, proof));
      ++proofs;
      if (old == size) continue;
      REQUIRE_FALSE(verify_consistency(old, root, size, root, proof));
      REQUIRE_FALSE(verify_consistency(old, old_root, size, old_root, proof));
      REQUIRE_FALSE(verify_consistency(size, root, old, old_root, proof));
      proof.push_back(root);
      REQUIRE_FALSE(verify_consistency(old, old_root, size, root, proof));
      proof.pop_back();
      proof.front()[0] ^= 1;
      REQUIRE_FALSE(verify_consistency(old, old_root, size, root, proof));
      proof.erase(proof.begin());
      REQUIRE_FALSE(verify_consistency(old, old_root, size, root, proof));
    }
  }
  CHECK(proofs > 3000);
  CHECK(verify_consistency(0, empty_root(), 5, proving.root(5), {}));
  CHECK_FALSE(verify_consistency(0, proving.root(1), 5, proving.root(5), {}));
}

TEST_CASE("tiles: paths are those of the specification") {
  CHECK(index_path(0) == "000");
  CHECK(index_path(67) == "067");
  CHECK(index_path(1000) == "x001/000");
  CHECK(index_path(1234067) == "x001/x234/067");
  CHECK(tile_path(0, 1067) == "tile/0/x001/067");
  CHECK(tile_path(1, 0, 17) == "tile/1/000.p/17");
  CHECK(entries_path(1234067, 8) == "tile/entries/x001/x234/067.p/8");
  CHECK(partial_directory(tile_path(0, 273)) == "tile/0/273.p");
}

// The specification's own example: 70,000 records are 273 full tiles and one of 112, one full tile and one of 17 above
// them, and one of 1 on top.
TEST_CASE("tiles: a tree of 70,000, whose edge can be taken up anywhere") {
  TileTree tree;
  std::vector<Tile> completed;
  std::vector<std::vector<Hash>> full(3);
  for (std::size_t i = 0; i < 70'000; ++i) {
    tree.add(leaf_hash(std::to_string(i)), completed);
    for (const Tile& tile : completed) {
      REQUIRE(tile.full());
      REQUIRE(tile.index == full[tile.level].size());
      full[tile.level].push_back(tree_root(tile.hashes));
    }
    completed.clear();
  }
  CHECK(full[0].size() == 273);
  CHECK(full[1].size() == 1);
  CHECK(full[2].empty());
  const auto partial = tree.partial();
  REQUIRE(partial.size() == 3);
  CHECK(partial[0].path() == "tile/0/273.p/112");
  CHECK(partial[1].path() == "tile/1/001.p/17");
  CHECK(partial[2].path() == "tile/2/000.p/1");
  CHECK(partial[2].hashes[0] == full[1][0]);

  TileTree again(273, {{full[0].begin() + 256, full[0].end()}, {full[1][0]}});
  CHECK(again.size() == 273 * 256);
  for (const Hash& leaf : partial[0].hashes) again.add(leaf, completed);
  CHECK(again.size() == 70'000);
  CHECK(again.root() == tree.root());
  CHECK(completed.empty());
  CHECK(again.partial()[1].path() == "tile/1/001.p/17");
}

TEST_CASE("tiles: bundles and tiles as bytes") {
  std::string bundle;
  append_entry(bundle, "ab");
  append_entry(bundle, "");
  append_entry(bundle, std::string(300, 'c'));
  CHECK(bundle.substr(0, 8) == std::string("\0\2ab\0\0\1\x2c", 8));
  std::string_view rest;
  const auto entries = parse_bundle(bundle, rest);
  REQUIRE(entries.size() == 3);
  CHECK(entries[0] == "ab");
  CHECK(entries[1].empty());
  CHECK(entries[2] == std::string(300, 'c'));
  CHECK(rest.empty());
  CHECK(parse_bundle(std::string_view(bundle).substr(0, bundle.size() - 1), rest).size() == 2);
  CHECK(rest.size() == 301);
  CHECK(parse_bundle(bundle, rest, 2).size() == 2);
  CHECK(rest.size() == 302);

  const auto leaves = leaves_of(256);
  CHECK(parse_tile(encode_tile(leaves)) == leaves);
  CHECK_FALSE(parse_tile(encode_tile(leaves_of(257))));
  CHECK_FALSE(parse_tile("x"));
  CHECK(parse_tile("")->empty());
}

}  // namespace
}  // namespace airtight::audit
