// JSON as the project's own files use it, written in the canonical form of RFC 8785 (integers only) or in a readable
// form that differs from it by white space alone; and SHA-256 over such text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/policy/json_document.h"

namespace airtight {

// "sha256:" and 64 lower case hexadecimal digits (FIPS 180-4).
std::string digest_of(std::string_view bytes);
bool is_digest(std::string_view text);

// The order of RFC 8785 §3.2.3: by UTF-16 code units. Both texts must be UTF-8.
bool utf16_less(std::string_view a, std::string_view b);

// A writer that keeps nothing but the text. The caller gives the members of an object in utf16_less order.
class JsonWriter {
 public:
  enum class Form : std::uint8_t { Canonical, Readable };
  // How a container is set in the readable form: one element a line, or all of it (and what it holds) on one line.
  enum class Layout : std::uint8_t { Block, Line };

  explicit JsonWriter(Form form) : form_(form) {}

  void begin_object(Layout layout = Layout::Block) { begin('{', layout); }
  void end_object() { end('}'); }
  void begin_array(Layout layout = Layout::Block) { begin('[', layout); }
  void end_array() { end(']'); }
  void key(std::string_view name);
  void string(std::string_view value);  // UTF-8; escaped as RFC 8785 §3.2.2.2
  void integer(std::int64_t value);     // at most 2^53 - 1 in magnitude, as RFC 7493 §2.2 asks
  void boolean(bool value);
  void null();

  std::string take() && { return std::move(out_); }

 private:
  struct Level {
    bool line;
    bool empty;
  };

  void begin(char bracket, Layout layout);
  void end(char bracket);
  void separate();
  void before_value();
  void quote(std::string_view text);

  Form form_;
  bool after_key_ = false;
  std::vector<Level> levels_;
  std::string out_;
};

// The canonical form of a value (RFC 8785), without that member of its outermost object if a name is given.
std::string canonical_json(JsonValue value, std::string_view without = {});

}  // namespace airtight
