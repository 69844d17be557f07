#include "auditor/evidence/merkle.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace airtight::audit {

Hash leaf_hash(std::string_view record) { return sha256({std::string_view("\0", 1), record}); }
Hash node_hash(const Hash& left, const Hash& right) { return sha256({"\1", bytes_of(left), bytes_of(right)}); }
Hash empty_root() { return sha256({}); }

void MerkleTree::add_subtree(const Hash& root, unsigned level) {
  assert((size_ & ((std::uint64_t{1} << level) - 1)) == 0);
  Hash top = root;
  for (std::uint64_t bits = size_ >> level; bits & 1; bits >>= 1) {
    top = node_hash(peaks_.back(), top);
    peaks_.pop_back();
  }
  peaks_.push_back(top);
  size_ += std::uint64_t{1} << level;
}

Hash MerkleTree::root() const {
  if (peaks_.empty()) return empty_root();
  Hash root = peaks_.back();
  for (std::size_t i = peaks_.size() - 1; i > 0; --i) root = node_hash(peaks_[i - 1], root);
  return root;
}

Hash tree_root(std::span<const Hash> leaves) {
  MerkleTree tree;
  for (const Hash& leaf : leaves) tree.add(leaf);
  return tree.root();
}

ProvingTree::ProvingTree(std::span<const Hash> leaves) {
  levels_.emplace_back(leaves.begin(), leaves.end());
  while (levels_.back().size() > 1) {
    const std::vector<Hash>& below = levels_.back();
    std::vector<Hash> level;
    for (std::size_t i = 0; i + 1 < below.size(); i += 2) level.push_back(node_hash(below[i], below[i + 1]));
    levels_.push_back(std::move(level));
  }
}

// `begin` is a multiple of every power of two below end - begin: what the RFC's splits lead to.
Hash ProvingTree::range(std::size_t begin, std::size_t end) const {
  if (begin == end) return empty_root();
  std::vector<Hash> peaks;
  while (begin < end) {
    const auto level = static_cast<std::size_t>(std::bit_width(end - begin) - 1);
    peaks.push_back(levels_[level][begin >> level]);
    begin += std::size_t{1} << level;
  }
  Hash root = peaks.back();
  for (std::size_t i = peaks.size() - 1; i > 0; --i) root = node_hash(peaks[i - 1], root);
  return root;
}

MerkleProof ProvingTree::inclusion(std::size_t index, std::size_t size) const {
  assert(index < size && size <= levels_.front().size());
  MerkleProof proof;
  std::size_t begin = 0, end = size;
  while (end - begin > 1) {
    const std::size_t split = begin + std::bit_floor(end - begin - 1);
    if (index < split) {
      proof.push_back(range(split, end));
      end = split;
    } else {
      proof.push_back(range(begin, split));
      begin = split;
    }
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

MerkleProof ProvingTree::consistency(std::size_t old_size, std::size_t new_size) const {
  assert(old_size > 0 && old_size <= new_size && new_size <= levels_.front().size());
  MerkleProof proof;
  std::size_t begin = 0, end = new_size;
  bool old_tree_whole = true;  // the subtree at hand is the old tree itself: its root is known to the verifier
  while (old_size != end) {
    const std::size_t split = begin + std::bit_floor(end - begin - 1);
    if (old_size <= split) {
      proof.push_back(range(split, end));
      end = split;
    } else {
      proof.push_back(range(begin, split));
      begin = split;
      old_tree_whole = false;
    }
  }
  if (!old_tree_whole) proof.push_back(range(begin, end));
  std::reverse(proof.begin(), proof.end());
  return proof;
}

bool verify_inclusion(const Hash& leaf, std::uint64_t index, std::uint64_t size, const MerkleProof& proof,
                      const Hash& root) {
  if (index >= size) return false;
  std::uint64_t node = index, last = size - 1;
  Hash hash = leaf;
  for (const Hash& sibling : proof) {
    if (last == 0) return false;
    if ((node & 1) || node == last) {
      hash = node_hash(sibling, hash);
      while (!(node & 1) && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = node_hash(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && hash == root;
}

bool verify_consistency(std::uint64_t old_size, const Hash& old_root, std::uint64_t new_size, const Hash& new_root,
                        const MerkleProof& proof) {
  if (old_size > new_size) return false;
  if (old_size == new_size) return proof.empty() && old_root == new_root;
  // Every tree extends the empty one.
  if (old_size == 0) return proof.empty() && old_root == empty_root();
  std::size_t next = 0;
  Hash first{};
  if (std::has_single_bit(old_size)) {
    first = old_root;
  } else {
    if (proof.empty()) return false;
    first = proof[next++];
  }
  std::uint64_t node = old_size - 1, last = new_size - 1;
  while (node & 1) {
    node >>= 1;
    last >>= 1;
  }
  Hash old_hash = first, new_hash = first;
  for (; next < proof.size(); ++next) {
    const Hash& sibling = proof[next];
    if (last == 0) return false;
    if ((node & 1) || node == last) {
      old_hash = node_hash(sibling, old_hash);
      new_hash = node_hash(sibling, new_hash);
      while (!(node & 1) && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      new_hash = node_hash(new_hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && old_hash == old_root && new_hash == new_root;
}

}  // namespace airtight::audit
