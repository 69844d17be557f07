// The Merkle tree of RFC 9162 §2.1 (the same as RFC 6962's): roots, proofs, and their verification.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "auditor/evidence/crypto.h"

namespace airtight::audit {

Hash leaf_hash(std::string_view record);              // SHA-256(0x00 || record)
Hash node_hash(const Hash& left, const Hash& right);  // SHA-256(0x01 || left || right)
Hash empty_root();                                    // SHA-256 of nothing

// Grows by leaves and knows its root; keeps one hash for each bit of its size that is set.
class MerkleTree {
 public:
  void add(const Hash& leaf) { add_subtree(leaf, 0); }
  // The root of the next 2^level leaves. Precondition: size() is a multiple of that.
  void add_subtree(const Hash& root, unsigned level);
  std::uint64_t size() const { return size_; }
  Hash root() const;

 private:
  std::uint64_t size_ = 0;
  std::vector<Hash> peaks_;  // of the complete subtrees, the largest first
};

Hash tree_root(std::span<const Hash> leaves);

using MerkleProof = std::vector<Hash>;

// All complete subtrees of a tree: memory for two hashes a leaf, a proof costs the square of the depth.
class ProvingTree {
 public:
  explicit ProvingTree(std::span<const Hash> leaves);
  Hash root(std::size_t size) const { return range(0, size); }
  // Precondition: index < size <= the number of leaves.
  MerkleProof inclusion(std::size_t index, std::size_t size) const;
  // Precondition: 0 < old_size <= new_size <= the number of leaves.
  MerkleProof consistency(std::size_t old_size, std::size_t new_size) const;

 private:
  Hash range(std::size_t begin, std::size_t end) const;
  std::vector<std::vector<Hash>> levels_;
};

// RFC 9162 §2.1.3.2 and §2.1.4.2; false for every proof that is not exactly the one of that tree.
bool verify_inclusion(const Hash& leaf, std::uint64_t index, std::uint64_t size, const MerkleProof& proof,
                      const Hash& root);
bool verify_consistency(std::uint64_t old_size, const Hash& old_root, std::uint64_t new_size, const Hash& new_root,
                        const MerkleProof& proof);

}  // namespace airtight::audit
