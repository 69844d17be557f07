#include "compiler/verify/document_tree.h"

#include <algorithm>
#include <iterator>

namespace airtight::verify {
namespace {

struct Measure {
  std::size_t nodes = 0;
  std::size_t bytes = 0;
  std::size_t depth = 0;
};

Measure measure(const Value& value) {
  Measure all{1, value.text.size(), 0};
  const auto add = [&](const Value& child) {
    const Measure one = measure(child);
    all.nodes += one.nodes;
    all.bytes += one.bytes;
    all.depth = std::max(all.depth, one.depth + 1);
  };
  for (const Value& item : value.items) add(item);
  for (const Member& member : value.members) {
    all.bytes += member.key.size();
    add(member.value);
  }
  return all;
}

std::string_view text_of(const Value& map, std::string_view key) {
  const Value* value = map.find(key);
  return value != nullptr && value->is_string() ? std::string_view(value->text) : std::string_view();
}

// As the API machinery sees it: absent, null and empty are the same.
bool has_kind(const Value& object) {
  const Value* kind = object.find("kind");
  return kind != nullptr && !kind->is_null() && !(kind->is_string() && kind->text.empty());
}

bool is_list_object(const Value& object) {
  const Value* items = object.find("items");
  if (items == nullptr) return false;
  return items->is_list() || (items->is_null() && text_of(object, "kind").ends_with("List"));
}

template <typename T>
std::vector<T> cut_tail(std::vector<T>& from, std::size_t first) {
  const auto begin = from.begin() + static_cast<std::ptrdiff_t>(first);
  std::vector<T> tail(std::make_move_iterator(begin), std::make_move_iterator(from.end()));
  from.erase(begin, from.end());
  return tail;
}

}  // namespace

void Handover::start_document() {
  waiting_.clear();
  seen_ = skip_ = 0;
  list_ = false;
}

void Handover::start_again() {
  skip_ = std::max(skip_, seen_);
  seen_ = 0;
}

bool Handover::hand_over(Value&& object, std::string_view list_kind) {
  if (++objects_ > kMaxArtifactObjects) {
    failed_ = true;
    diagnostics_.error(Code::TooBig, object.span, "more than " + std::to_string(kMaxArtifactObjects) + " objects");
    return false;
  }
  sink_(std::move(object), list_kind);
  return true;
}

bool Handover::give_kindless(Value&& item, const Value& head) {
  if (const Member* version = head.member("apiVersion");
      version != nullptr && item.is_map() && !item.find("apiVersion"))
    item.members.push_back(*version);
  return hand_over(std::move(item), text_of(head, "kind"));
}

bool Handover::take_apart(Value&& list) {
  std::vector<Value> items;
  for (Member& member : list.members)
    if (member.key == "items") items.swap(member.value.items);
  for (Value& item : items) {
    const bool done = is_list_object(item) ? take_apart(std::move(item))
                      : has_kind(item)     ? hand_over(std::move(item), {})
                                           : give_kindless(std::move(item), list);
    if (!done) return false;
  }
  return true;
}

bool Handover::item(Value&& item, const Value& head) {
  list_ = true;
  if (++seen_ <= skip_) return true;
  if (is_list_object(item)) return take_apart(std::move(item));
  if (has_kind(item)) return hand_over(std::move(item), {});
  if (has_kind(head) && head.find("apiVersion") != nullptr) return give_kindless(std::move(item), head);
  waiting_.push_back(std::move(item));
  return true;
}

bool Handover::end(Value&& root) {
  for (Value& item : waiting_)
    if (!give_kindless(std::move(item), root)) return false;
  waiting_.clear();
  if (list_ || is_list_object(root)) return take_apart(std::move(root));
  return root.is_null() || hand_over(std::move(root), {});
}

bool TreeBuilder::count(std::size_t nodes, Span span) {
  nodes_ += nodes;
  if (nodes_ <= kMaxArtifactNodes) return true;
  diagnostics_.error(Code::TooBig, span, "more than " + std::to_string(kMaxArtifactNodes) + " values in one object");
  return false;
}

Value& TreeBuilder::slot() {
  if (open_.empty()) return root_;
  if (open_.back().kind == Value::Kind::List) return values_.emplace_back();
  open_.back().has_key = false;
  return members_.back().value;
}

bool TreeBuilder::open(Value::Kind kind, Span span, std::size_t anchor) {
  if (open_.size() >= kMaxArtifactDepth) {
    diagnostics_.error(Code::TooDeep, span, "nested deeper than " + std::to_string(kMaxArtifactDepth) + " levels");
    return false;
  }
  if (!count(1, span)) return false;
  const bool list = kind == Value::Kind::List;
  if (list && handover_ != nullptr && open_.size() == 1 && open_[0].kind == Value::Kind::Map &&
      members_.back().key == "items") {
    streaming_ = true;
    head_ = Value{};
    head_.kind = Value::Kind::Map;
    head_.members.assign(members_.begin(), std::prev(members_.end()));
  }
  open_.push_back({kind, false, span, list ? values_.size() : members_.size(), anchor});
  return true;
}

bool TreeBuilder::close() {
  const Open closed = open_.back();
  Value value;
  value.kind = closed.kind;
  value.span = closed.span;
  if (closed.kind == Value::Kind::List) {
    if (open_.size() == 2) streaming_ = false;
    value.items = cut_tail(values_, closed.first);
  } else {
    if (!unique(closed.first)) return false;
    value.members = cut_tail(members_, closed.first);
  }
  open_.pop_back();
  Value& place = slot();
  place = std::move(value);
  return placed(place, closed.anchor);
}

bool TreeBuilder::key(std::string&& text, Span span) {
  if (text.size() > kMaxArtifactScalar) return scalar(Value::Kind::String, std::move(text), span);  // says so
  open_.back().has_key = true;
  Member& member = members_.emplace_back();
  member.key = std::move(text);
  member.key_span = span;
  return true;
}

bool TreeBuilder::scalar(Value::Kind kind, std::string&& text, Span span, std::size_t anchor) {
  if (text.size() > kMaxArtifactScalar) {
    diagnostics_.error(Code::TooBig, span, "a scalar of " + std::to_string(text.size()) + " bytes")
        .expect("at most " + std::to_string(kMaxArtifactScalar) + " bytes");
    return false;
  }
  if (!count(1, span)) return false;
  Value& place = slot();
  place.kind = kind;
  place.span = span;
  place.text = std::move(text);
  return placed(place, anchor);
}

bool TreeBuilder::value(Value&& whole) {
  Value& place = slot();
  place = std::move(whole);
  return placed(place, 0);
}

bool TreeBuilder::placed(Value& value, std::size_t anchor) {
  if (anchor != 0 && !remember(value, anchor)) return false;
  if (!in_items()) return true;
  const bool handed = handover_->item(std::move(value), head_);
  values_.pop_back();
  if (!handover_->waiting()) nodes_ = 0;
  return handed;
}

bool TreeBuilder::finish() { return handover_ == nullptr || handover_->end(std::move(root_)); }

void TreeBuilder::drop_item() {
  open_.erase(open_.begin() + 2, open_.end());
  values_.erase(values_.begin() + static_cast<std::ptrdiff_t>(open_[1].first), values_.end());
  const std::size_t members = open_[0].first + head_.members.size() + 1;
  members_.erase(members_.begin() + static_cast<std::ptrdiff_t>(members), members_.end());
}

bool TreeBuilder::unique(std::size_t first) {
  const Member* begin = members_.data() + first;
  const Member* end = members_.data() + members_.size();
  const Member* earlier = nullptr;
  const Member* later = nullptr;
  constexpr std::ptrdiff_t kFew = 16;  // cheaper to compare in pairs than to sort
  if (end - begin <= kFew) {
    for (const Member* b = begin; b != end && later == nullptr; ++b)
      for (const Member* a = begin; a != b && later == nullptr; ++a)
        if (a->key == b->key) earlier = a, later = b;
  } else {
    std::vector<const Member*> sorted;
    for (const Member* member = begin; member != end; ++member) sorted.push_back(member);
    std::stable_sort(sorted.begin(), sorted.end(), [](const Member* a, const Member* b) { return a->key < b->key; });
    for (std::size_t i = 1; i < sorted.size(); ++i) {
      if (sorted[i - 1]->key != sorted[i]->key || (later != nullptr && sorted[i] > later)) continue;
      earlier = sorted[i - 1];
      later = sorted[i];
    }
  }
  if (later == nullptr) return true;
  diagnostics_.error(Code::DuplicateKey, later->key_span, "key " + quoted(later->key) + " stands twice in one map")
      .note(earlier->key_span, "it stands here already");
  return false;
}

bool TreeBuilder::remember(const Value& value, std::size_t anchor) {
  const Measure size = measure(value);
  anchored_nodes_ += size.nodes;
  anchored_bytes_ += size.bytes;
  // Anchors within anchors: each holds its own copy.
  if (anchored_nodes_ > 10 * kMaxArtifactAliasNodes || anchored_bytes_ > 10 * kMaxArtifactAliasBytes) {
    diagnostics_.error(Code::AliasExpansion, value.span,
                       "anchors mark more than " + std::to_string(10 * kMaxArtifactAliasNodes) + " nodes or " +
                           std::to_string(10 * kMaxArtifactAliasBytes) + " bytes");
    return false;
  }
  anchors_[anchor] = {value, size.nodes, size.bytes, size.depth};
  return true;
}

bool TreeBuilder::alias(std::size_t anchor, Span span) {
  const auto found = anchors_.find(anchor);
  if (found == anchors_.end()) {
    diagnostics_.error(Code::AliasExpansion, span, "an alias inside of what it repeats");
    return false;
  }
  const Anchored& anchored = found->second;
  alias_nodes_ += anchored.nodes;
  alias_bytes_ += anchored.bytes;
  if (alias_nodes_ > kMaxArtifactAliasNodes || alias_bytes_ > kMaxArtifactAliasBytes) {
    const bool nodes = alias_nodes_ > kMaxArtifactAliasNodes;
    diagnostics_.error(Code::AliasExpansion, span,
                       "aliases repeat more than " + (nodes ? std::to_string(kMaxArtifactAliasNodes) + " nodes"
                                                            : std::to_string(kMaxArtifactAliasBytes) + " bytes"));
    return false;
  }
  if (open_.size() + anchored.depth > kMaxArtifactDepth) {
    diagnostics_.error(Code::TooDeep, span, "nested deeper than " + std::to_string(kMaxArtifactDepth) + " levels");
    return false;
  }
  return count(anchored.nodes, span) && value(Value(anchored.value));
}

}  // namespace airtight::verify
