// Strict YAML: text in, a tree with the exact place of every token out. The only user of yaml-cpp. What YAML readers
// disagree about is an error here: duplicate and merge keys, tags, tabs, several documents, invisible characters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/policy/diagnostic.h"
#include "compiler/policy/source.h"

namespace airtight {

struct Member;

struct Node {
  enum class Kind : std::uint8_t { Null, Scalar, Sequence, Map };
  Kind kind = Kind::Null;
  bool quoted = false;          // a scalar in quotes or a block scalar: text, whatever it looks like
  Span span;                    // the scalar's token; of a list or map its first token
  std::string text;             // of a scalar
  std::vector<Node> items;      // of a sequence
  std::vector<Member> members;  // of a map, in the order written, keys unique

  const Member* find(std::string_view key) const;
};

struct Member {
  std::string key;
  Span key_span;
  Node value;
  bool key_quoted = false;
};

// Bounds that no honest spec meets; the fuzzers hold the reader to them.
inline constexpr std::size_t kMaxFileBytes = 32U << 20;
inline constexpr std::size_t kMaxScalarBytes = 4096;
inline constexpr std::size_t kMaxDepth = 32;
inline constexpr std::size_t kMaxNodes = 1'000'000;
inline constexpr std::size_t kMaxAliasNodes = 100'000;

// Reads one document. nullopt: errors were added, as many as could be told apart.
std::optional<Node> read_yaml(std::uint32_t source, const Sources&, Diagnostics&);

// "a list", "a map", "text", "nothing": for messages.
std::string_view describe(const Node&);

}  // namespace airtight
