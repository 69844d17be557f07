// Sets of packets: unions of disjoint boxes.
#include "compiler/verify/firewall/packet_space.h"

#include <algorithm>
#include <iterator>

namespace airtight::verify {

PacketSet PacketSet::of(Box box) {
  PacketSet set;
  set.boxes_.push_back(std::move(box));
  return set;
}

PacketSet PacketSet::of(std::span<const Box> overlapping) {
  PacketSet set;
  for (const Box& box : overlapping) set |= of(box);
  return set;
}

bool PacketSet::settle() {
  if (boxes_.size() >= 2 * merged_ || boxes_.size() > kMaxBoxes) {
    Box::merge(boxes_);
    merged_ = std::max(kWorthMerging, boxes_.size());
  }
  return boxes_.size() <= kMaxBoxes;
}

void PacketSet::collapse() {
  boxes_ = {Box::around(boxes_)};
  merged_ = kWorthMerging;
  overflow_ = true;
}

void PacketSet::cut(const Box& theirs, std::vector<Box>* hit) {
  std::vector<Box> rest;
  auto kept = boxes_.begin();
  for (Box& mine : boxes_) {
    if (mine.intersects(theirs)) {
      std::move(mine).split(theirs, hit, rest);
    } else if (Box& place = *kept++; &place != &mine) {
      place = std::move(mine);
    }
  }
  boxes_.erase(kept, boxes_.end());
  boxes_.insert(boxes_.end(), std::make_move_iterator(rest.begin()), std::make_move_iterator(rest.end()));
}

PacketSet PacketSet::take(std::span<const Box> match) {
  PacketSet hit;
  hit.overflow_ = overflow_;
  for (const Box& theirs : match) {
    cut(theirs, &hit.boxes_);
    if (settle() && hit.settle()) continue;
    // Neither may lack what the boxes not yet looked at would have moved.
    add_disjoint(std::move(hit));
    collapse();
    return *this;
  }
  return hit;
}

PacketSet PacketSet::released(Field field) const {
  if (std::all_of(boxes_.begin(), boxes_.end(), [field](const Box& box) { return box.is_free(field); })) return *this;
  PacketSet result;
  result.overflow_ = overflow_;
  for (Box box : boxes_) {
    box.release(field);
    result |= of(std::move(box));
  }
  return result;
}

void PacketSet::add_disjoint(PacketSet&& other) {
  overflow_ = overflow_ || other.overflow_;
  boxes_.insert(boxes_.end(), std::make_move_iterator(other.boxes_.begin()),
                std::make_move_iterator(other.boxes_.end()));
  if (!settle()) collapse();
}

PacketSet& PacketSet::operator|=(const PacketSet& other) {
  add_disjoint(empty() ? PacketSet(other) : other - *this);
  return *this;
}

PacketSet operator&(const PacketSet& a, const PacketSet& b) {
  PacketSet result;
  result.overflow_ = a.overflow_ || b.overflow_;
  for (const Box& x : a.boxes_) {
    for (const Box& y : b.boxes_) {
      if (std::optional<Box> both = x & y) result.boxes_.push_back(std::move(*both));
    }
    if (result.settle()) continue;
    result = a;
    result.overflow_ = true;
    return result;
  }
  return result;
}

PacketSet operator-(const PacketSet& a, const PacketSet& b) {
  PacketSet result = a;
  if (b.overflow_) {  // too large a set must not be taken away
    result.overflow_ = true;
    return result;
  }
  for (const Box& theirs : b.boxes_) {
    result.cut(theirs, nullptr);
    if (result.settle()) continue;
    result = a;
    result.overflow_ = true;
    return result;
  }
  return result;
}

}  // namespace airtight::verify
