// JSON read strictly (RFC 8259, RFC 7493; integers only), with the place of every value kept for messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/policy/diagnostic.h"
#include "compiler/policy/source.h"

namespace airtight {

class JsonDocument;
struct JsonMember;

// A place in a JsonDocument; valid as long as that document and the Sources that it was read from.
class JsonValue {
 public:
  enum class Kind : std::uint8_t { Null, Boolean, Integer, String, Array, Object };

  Kind kind() const;
  bool boolean() const;                                          // of a Boolean
  std::int64_t integer() const;                                  // of an Integer
  std::string string() const;                                    // of a String or a key: escapes resolved, UTF-8
  std::vector<JsonValue> items() const;                          // of an Array
  std::vector<JsonMember> members() const;                       // of an Object, in the order of the text
  std::optional<JsonValue> member(std::string_view name) const;  // of an Object; linear

  Span span() const;
  std::string pointer() const;  // RFC 6901; empty for the whole document; of a key: the pointer of its value

 private:
  friend class JsonDocument;
  friend class JsonReader;
  JsonValue(const JsonDocument* document, std::uint32_t index) : document_(document), index_(index) {}

  const JsonDocument* document_;
  std::uint32_t index_;
};

struct JsonMember {
  JsonValue key;
  JsonValue value;
};

// What was read: 24 bytes a value or key, texts stay in the source.
class JsonDocument {
 public:
  JsonValue root() const { return {this, 0}; }

 private:
  friend class JsonValue;
  friend class JsonReader;

  struct Node {
    JsonValue::Kind kind;
    bool escaped;         // a string with a backslash in it
    std::uint32_t begin;  // bytes of the source, quotes included
    std::uint32_t end;
    std::uint32_t after;  // index of the node behind this one and all that it holds
    std::int64_t number;  // of integers, and 0 or 1 for booleans
  };

  std::uint32_t source_ = 0;
  std::string_view text_;
  std::vector<Node> nodes_;  // depth first; an object holds key, value, key, value …
};

inline constexpr std::size_t kJsonDepth = 32;
inline constexpr std::size_t kJsonBytes = std::size_t{64} << 20;

// Reads one JSON text. Refused, as one error of that code which names the JSON pointer: what RFC 8259 does not allow
// (NaN, comments, trailing commas, leading zeros, a byte order mark …), bytes that are not UTF-8, lone surrogates,
// duplicate keys, numbers that are not integers within 2^53 - 1, nesting below kJsonDepth, texts above kJsonBytes.
std::optional<JsonDocument> parse_json(std::uint32_t source, const Sources&, Code, Diagnostics&);

// "/flows/3/why", or "the top level" for the whole document; safe to show and of bounded length.
std::string shown_pointer(std::string_view pointer);

}  // namespace airtight
