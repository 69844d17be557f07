// Artifacts as trees with the place of every token: YAML (any number of documents) and JSON as API clients read them.
// Lenient where the Kubernetes tools are (comments, anchors), strict where readers disagree. A plain scalar means what
// sigs.k8s.io/yaml makes of it: `yes`, `on` and `y` are booleans, 010 and 0x10 are numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/policy/diagnostic.h"
#include "compiler/policy/source.h"

namespace airtight::verify {

struct Member;

// A value owns its text. Spans cover the scalar's token, or the first token of a list or map; of an aliased value, the
// place where it was written.
struct Value {
  enum class Kind : std::uint8_t { Null, Bool, Number, String, List, Map };
  Kind kind = Kind::Null;
  Span span;
  std::string text;             // of a scalar: decoded; of a Bool "true" or "false"; of a Number as JSON writes it
  std::vector<Value> items;     // of a list
  std::vector<Member> members;  // of a map, in the order written, keys unique

  const Value* find(std::string_view key) const;  // nullptr if absent, or if this is no map
  const Member* member(std::string_view key) const;
  bool is_map() const { return kind == Kind::Map; }
  bool is_list() const { return kind == Kind::List; }
  bool is_string() const { return kind == Kind::String; }
  bool is_null() const { return kind == Kind::Null; }
};

struct Member {
  std::string key;
  Span key_span;
  Value value;
};

// Equal as values: spans and the order of members apart. Numbers are compared by their text.
bool same_value(const Value& a, const Value& b);

// Bounds; more is an error that says which (TooDeep, TooBig, AliasExpansion).
inline constexpr std::size_t kMaxArtifactBytes = std::size_t{1} << 30;
inline constexpr std::size_t kMaxArtifactDepth = 100;
inline constexpr std::size_t kMaxArtifactScalar = std::size_t{1} << 20;
inline constexpr std::size_t kMaxArtifactNodes = 8'000'000;      // of one tree: an object, or a document read whole
inline constexpr std::size_t kMaxArtifactAliasNodes = 100'000;   // that the aliases of one document repeat
inline constexpr std::size_t kMaxArtifactAliasBytes = 16 << 20;  // of text, likewise
inline constexpr std::size_t kMaxArtifactObjects = 2'000'000;

// Called for each object, in the order of the text. A document with a list `items` is taken apart: its items are handed
// over one by one as they are read, and never held together; lists in lists likewise. `list_kind` is empty for what has
// a `kind` of its own. For an item without it is the list's ("PodList"), and the item receives the list's `apiVersion`,
// as kubectl gives it; where these stand behind the items, such items come when the list ends.
using ObjectSink = std::function<void(Value&& object, std::string_view list_kind)>;

// Reads every document of the source; JSON if the first character that is no white space is '{' or '[', else YAML
// (which a line '---' behind a JSON document starts too). Empty documents are skipped. Duplicate keys, merge keys,
// unknown tags, text that is not UTF-8, unbalanced or truncated text are errors with the place. Stops at the first
// error of a document; false if there was any. Objects that were read before an error have been handed over: the caller
// must not judge them (DESIGN §4: unparsable input is exit 2).
bool read_objects(std::uint32_t source, const Sources&, Diagnostics&, const ObjectSink&);

// One document as one tree, lists whole: nft -j rulesets and other JSON that is no Kubernetes object.
std::optional<Value> read_document(std::uint32_t source, const Sources&, Diagnostics&);

// The two YAML readers, which must agree: the fast one for the plain block-style subset that kubectl and helm print
// returns nullopt, without a diagnostic, for a document that it does not understand wholly; the other one is yaml-cpp.
// [begin, end) is one document without its markers; empty text is Null. Only tests and the fuzzer call these.
std::optional<Value> read_plain_yaml(std::uint32_t source, const Sources&, std::uint32_t begin, std::uint32_t end);
std::optional<Value> read_full_yaml(std::uint32_t source, const Sources&, std::uint32_t begin, std::uint32_t end,
                                    Diagnostics&);

}  // namespace airtight::verify
