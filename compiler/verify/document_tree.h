// The events of a reader -> trees. What every reader owes is kept here, once: the bounds, unique keys, aliases, and the
// items of a list handed over as they end. Only the document_*.cpp files include this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/verify/document.h"

namespace airtight::verify {

// Hands objects to the sink and takes lists apart. A document may be read twice, when the fast reader gives up in its
// middle: what was handed over is then left out the second time.
class Handover {
 public:
  Handover(const ObjectSink& sink, Diagnostics& diagnostics) : sink_(sink), diagnostics_(diagnostics) {}

  void start_document();
  void start_again();
  // The next item of the list that the document is; `head` holds those of its members that came before `items`.
  bool item(Value&& item, const Value& head);
  bool end(Value&& root);
  bool waiting() const { return !waiting_.empty(); }
  bool failed() const { return failed_; }  // an error of ours, which reading again does not mend

 private:
  bool hand_over(Value&& object, std::string_view list_kind);
  bool take_apart(Value&& list);
  bool give_kindless(Value&& item, const Value& head);

  const ObjectSink& sink_;
  Diagnostics& diagnostics_;
  std::vector<Value> waiting_;  // items without kind, while the list's is not known
  std::size_t objects_ = 0;
  std::size_t seen_ = 0;
  std::size_t skip_ = 0;
  bool list_ = false;
  bool failed_ = false;
};

// Every call but the questions returns false after an error, which it reported; the reader then stops.
class TreeBuilder {
 public:
  TreeBuilder(Diagnostics& diagnostics, Handover* handover) : diagnostics_(diagnostics), handover_(handover) {}

  bool open(Value::Kind kind, Span span, std::size_t anchor = 0);
  bool close();
  bool key(std::string&& text, Span span);
  bool scalar(Value::Kind kind, std::string&& text, Span span, std::size_t anchor = 0);
  bool alias(std::size_t anchor, Span span);
  bool value(Value&& whole);
  bool finish();  // the document ends: hands it over if there is a Handover
  Value take() { return std::move(root_); }

  bool expecting_key() const {
    return !open_.empty() && open_.back().kind == Value::Kind::Map && !open_.back().has_key;
  }
  bool empty() const { return open_.empty(); }
  bool in_items() const { return streaming_ && open_.size() == 2; }  // each value is an item to be handed over
  Span innermost() const { return open_.empty() ? Span{} : open_.back().span; }
  bool innermost_is_map() const { return !open_.empty() && open_.back().kind == Value::Kind::Map; }
  Span last_key() const { return members_.empty() ? Span{} : members_.back().key_span; }

  // Forgets what was begun since the innermost list was `items`.
  void drop_item();
  std::size_t& alias_nodes() { return alias_nodes_; }

 private:
  struct Open {
    Value::Kind kind;
    bool has_key;
    Span span;
    std::size_t first;  // its first child in values_ or members_
    std::size_t anchor;
  };
  struct Anchored {
    Value value;
    std::size_t nodes;
    std::size_t bytes;
    std::size_t depth;
  };

  bool count(std::size_t nodes, Span span);
  Value& slot();
  bool placed(Value& value, std::size_t anchor);
  bool unique(std::size_t first);
  bool remember(const Value& value, std::size_t anchor);

  Diagnostics& diagnostics_;
  Handover* handover_;
  Value root_;
  Value head_;  // of a list: its members before `items`
  // The children of everything that is open, so that each vector of the tree is allocated once, at its size.
  std::vector<Value> values_;
  std::vector<Member> members_;
  std::vector<Open> open_;
  std::unordered_map<std::size_t, Anchored> anchors_;
  std::size_t nodes_ = 0;
  std::size_t alias_nodes_ = 0;
  std::size_t alias_bytes_ = 0;
  std::size_t anchored_nodes_ = 0;
  std::size_t anchored_bytes_ = 0;
  bool streaming_ = false;
};

// The readers. `begin` is where the document starts; JSON sets `end` behind it.
struct Text {
  std::uint32_t source;
  std::string_view all;

  Span span(std::size_t begin, std::size_t end) const {
    return {source, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
  }
};
bool parse_json(const Text&, std::size_t begin, std::size_t& end, TreeBuilder&, Diagnostics&);
bool parse_full_yaml(const Text&, std::size_t begin, std::size_t end, TreeBuilder&, Diagnostics&);
// False without a word where the text is beyond it. An item of a list that is beyond it is given to yaml-cpp by itself.
bool parse_plain_yaml(const Text&, std::size_t begin, std::size_t end, TreeBuilder&);

}  // namespace airtight::verify
