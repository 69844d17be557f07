#include "compiler/policy/json_document.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace airtight {
namespace {

constexpr std::int64_t kLargest = (std::int64_t{1} << 53) - 1;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Four hexadecimal digits at `at`, or -1.
int code_unit(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return -1;
  int value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const int digit = hex_value(text[at + i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

bool is_high_surrogate(int unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool is_low_surrogate(int unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | (point >> 6));
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | (point >> 12));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | (point >> 18));
    put(0x80 | ((point >> 12) & 0x3F));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  }
}

// Length in bytes of the UTF-8 character (RFC 3629 §4) at `at`; 0 if there is none.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool overlong = lead == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = lead == 0xED && byte(1) >= 0xA0;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool overlong = lead == 0xF0 && byte(1) < 0x90;
    const bool beyond = lead == 0xF4 && byte(1) >= 0x90;
    return tail(1) && tail(2) && tail(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

// The text between the quotes of a string that parse_json has checked.
std::string unescape(std::string_view body) {
  std::string out;
  out.reserve(body.size());
  for (std::size_t at = 0; at < body.size(); ++at) {
    if (body[at] != '\\') {
      out += body[at];
      continue;
    }
    switch (body[++at]) {
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'u': {
        auto point = static_cast<std::uint32_t>(code_unit(body, at + 1));
        at += 4;
        if (is_high_surrogate(static_cast<int>(point))) {
          const auto low = static_cast<std::uint32_t>(code_unit(body, at + 3));
          point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
          at += 6;
        }
        append_utf8(out, point);
        break;
      }
      default:
        out += body[at];
    }
  }
  return out;
}

}  // namespace

JsonValue::Kind JsonValue::kind() const { return document_->nodes_[index_].kind; }
bool JsonValue::boolean() const { return document_->nodes_[index_].number != 0; }
std::int64_t JsonValue::integer() const { return document_->nodes_[index_].number; }

std::string JsonValue::string() const {
  const JsonDocument::Node& node = document_->nodes_[index_];
  const std::string_view body = document_->text_.substr(node.begin + 1, node.end - node.begin - 2);
  return node.escaped ? unescape(body) : std::string(body);
}

std::vector<JsonValue> JsonValue::items() const {
  std::vector<JsonValue> items;
  const std::uint32_t end = document_->nodes_[index_].after;
  for (std::uint32_t at = index_ + 1; at < end; at = document_->nodes_[at].after) items.push_back({document_, at});
  return items;
}

std::vector<JsonMember> JsonValue::members() const {
  std::vector<JsonMember> members;
  const std::uint32_t end = document_->nodes_[index_].after;
  for (std::uint32_t at = index_ + 1; at < end; at = document_->nodes_[at + 1].after) {
    members.push_back({{document_, at}, {document_, at + 1}});
  }
  return members;
}

std::optional<JsonValue> JsonValue::member(std::string_view name) const {
  for (const JsonMember& member : members()) {
    if (member.key.string() == name) return member.value;
  }
  return std::nullopt;
}

Span JsonValue::span() const {
  const JsonDocument::Node& node = document_->nodes_[index_];
  return {document_->source_, node.begin, node.end};
}

// Found by walking down from the root, so that a document without errors pays nothing for it.
std::string JsonValue::pointer() const {
  std::string path;
  JsonValue at = document_->root();
  const auto holds = [&](JsonValue child) {
    return child.index_ <= index_ && index_ < document_->nodes_[child.index_].after;
  };
  while (at.index_ != index_) {
    if (at.kind() == Kind::Array) {
      std::size_t position = 0;
      for (const JsonValue& item : at.items()) {
        if (holds(item)) {
          at = item;
          break;
        }
        ++position;
      }
      path += "/" + std::to_string(position);
      continue;
    }
    for (const JsonMember& member : at.members()) {
      if (member.key.index_ != index_ && !holds(member.value)) continue;
      path += '/';
      for (const char c : member.key.string()) path += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
      if (member.key.index_ == index_) return path;
      at = member.value;
      break;
    }
  }
  return path;
}

std::string shown_pointer(std::string_view pointer) {
  constexpr std::size_t kShown = 160;
  if (pointer.empty()) return "the top level";
  if (pointer.size() <= kShown) return printable(pointer);
  std::size_t cut = kShown;
  while ((static_cast<unsigned char>(pointer[cut]) & 0xC0) == 0x80) --cut;
  return printable(pointer.substr(0, cut)) + "…";
}

// Recursive descent; the depth is bounded by kJsonDepth. The first error ends it.
class JsonReader {
 public:
  JsonReader(std::uint32_t source, std::string_view text, Code code, Diagnostics& diagnostics)
      : code_(code), diagnostics_(diagnostics) {
    document_.source_ = source;
    document_.text_ = text;
  }

  std::optional<JsonDocument> read() {
    if (text().size() > kJsonBytes) {
      fail(0, 0, "the file is larger than 64 MiB");
      return std::nullopt;
    }
    if (text().substr(0, 3) == "\xEF\xBB\xBF") {
      fail(0, 3, "a byte order mark before the JSON text");
      return std::nullopt;
    }
    skip_space();
    if (!value()) return std::nullopt;
    skip_space();
    if (at_ < text().size()) {
      fail(at_, at_ + 1, "text after the end of the JSON value");
      return std::nullopt;
    }
    return std::move(document_);
  }

 private:
  struct Frame {
    std::uint32_t key;  // node of the current key, or kIndex
    std::uint32_t index;
  };
  static constexpr std::uint32_t kIndex = std::numeric_limits<std::uint32_t>::max();

  std::string_view text() const { return document_.text_; }
  char peek() const { return at_ < text().size() ? text()[at_] : '\0'; }
  bool at_end() const { return at_ >= text().size(); }

  std::string pointer() const {
    std::string path;
    for (const Frame& frame : frames_) {
      if (frame.key == kIndex) {
        path += "/" + std::to_string(frame.index);
        continue;
      }
      path += '/';
      for (const char c : JsonValue(&document_, frame.key).string()) {
        path += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
      }
    }
    return path;
  }

  bool fail(std::size_t begin, std::size_t end, std::string_view what, std::string expected = {}) {
    const Span where{document_.source_, static_cast<std::uint32_t>(std::min(begin, text().size())),
                     static_cast<std::uint32_t>(std::min(end, text().size()))};
    diagnostics_.error(code_, where, std::string(what) + " at " + shown_pointer(pointer())).expect(std::move(expected));
    return false;
  }

  // At the character at hand, or at the end of the text.
  bool unexpected(std::string_view expected) {
    if (at_end()) return fail(at_, at_, "the JSON text ends too early", std::string(expected));
    const std::size_t length = std::max<std::size_t>(1, utf8_length(text(), at_));
    return fail(at_, at_ + length, "unexpected " + quoted(text().substr(at_, length)), std::string(expected));
  }

  void skip_space() {
    while (!at_end() && (peek() == ' ' || peek() == '\n' || peek() == '\r' || peek() == '\t')) ++at_;
  }

  std::uint32_t add(JsonValue::Kind kind, std::size_t begin, std::int64_t number = 0) {
    const auto index = static_cast<std::uint32_t>(document_.nodes_.size());
    document_.nodes_.push_back(
        {kind, false, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(at_), index + 1, number});
    return index;
  }

  void close(std::uint32_t index) {
    document_.nodes_[index].end = static_cast<std::uint32_t>(at_);
    document_.nodes_[index].after = static_cast<std::uint32_t>(document_.nodes_.size());
  }

  bool word(std::string_view word, JsonValue::Kind kind, std::int64_t number) {
    if (text().substr(at_, word.size()) != word) return unexpected("a JSON value");
    const std::size_t begin = at_;
    at_ += word.size();
    add(kind, begin, number);
    return true;
  }

  bool value() {
    switch (peek()) {
      case '{':
        return object();
      case '[':
        return array();
      case '"':
        return string();
      case 't':
        return word("true", JsonValue::Kind::Boolean, 1);
      case 'f':
        return word("false", JsonValue::Kind::Boolean, 0);
      case 'n':
        return word("null", JsonValue::Kind::Null, 0);
      default:
        return peek() == '-' || is_digit(peek()) ? number() : unexpected("a JSON value");
    }
  }

  bool number() {
    const std::size_t begin = at_;
    const bool negative = peek() == '-';
    if (negative) ++at_;
    const std::size_t digits = at_;
    std::int64_t magnitude = 0;
    bool too_large = false;
    for (; is_digit(peek()); ++at_) {
      if (!too_large) magnitude = magnitude * 10 + (peek() - '0');
      too_large = too_large || magnitude > kLargest;
    }
    if (at_ == digits) return unexpected("a digit");
    if (peek() == '.' || peek() == 'e' || peek() == 'E') {
      return fail(begin, at_ + 1, "a number that is no integer", "digits only");
    }
    if (text()[digits] == '0' && at_ - digits > 1) return fail(begin, at_, "a number with a leading zero");
    if (negative && magnitude == 0) return fail(begin, at_, "a negative zero", "0");
    if (too_large) return fail(begin, at_, "a number beyond 2^53 - 1");
    add(JsonValue::Kind::Integer, begin, negative ? -magnitude : magnitude);
    return true;
  }

  bool escape() {
    const std::size_t begin = at_++;
    const char kind = peek();
    ++at_;
    if (kind != 'u') {
      if (kind != '\0' && std::strchr("\"\\/bfnrt", kind) != nullptr) return true;
      return fail(begin, at_, "an escape that JSON does not have");
    }
    const int unit = code_unit(text(), at_);
    if (unit < 0) return fail(begin, at_ + 4, "an escape without four hexadecimal digits");
    at_ += 4;
    if (is_low_surrogate(unit)) return fail(begin, at_, "half of a surrogate pair");
    if (is_high_surrogate(unit)) {
      const bool pair = text().substr(at_, 2) == "\\u" && is_low_surrogate(code_unit(text(), at_ + 2));
      if (!pair) return fail(begin, at_, "half of a surrogate pair");
      at_ += 6;
    }
    return true;
  }

  bool string() {
    const std::size_t begin = at_++;
    bool escaped = false;
    for (;;) {
      if (at_end()) return fail(at_, at_, "the JSON text ends too early", "the end of the string");
      const auto byte = static_cast<unsigned char>(peek());
      if (byte == '"') break;
      if (byte < 0x20) return fail(at_, at_ + 1, "a control character in a string");
      if (byte == '\\') {
        escaped = true;
        if (!escape()) return false;
        continue;
      }
      const std::size_t length = utf8_length(text(), at_);
      if (length == 0) return fail(at_, at_ + 1, "a byte that is not UTF-8");
      at_ += length;
    }
    ++at_;
    document_.nodes_[add(JsonValue::Kind::String, begin)].escaped = escaped;
    return true;
  }

  bool enter() {
    if (frames_.size() >= kJsonDepth) {
      return fail(at_, at_ + 1, "nesting deeper than " + std::to_string(kJsonDepth) + " levels");
    }
    ++at_;
    skip_space();
    return true;
  }

  // After an element: true at the closing bracket and at a comma, which is passed; `more` tells which.
  bool next(char bracket, bool& more) {
    skip_space();
    more = peek() == ',' && !at_end();
    if (!more && (at_end() || peek() != bracket)) return unexpected(std::string("',' or '") + bracket + "'");
    ++at_;
    if (more) skip_space();
    return true;
  }

  bool array() {
    const std::uint32_t self = add(JsonValue::Kind::Array, at_);
    if (!enter()) return false;
    bool more = true;
    if (!at_end() && peek() == ']') {
      ++at_;
      more = false;
    }
    frames_.push_back({kIndex, 0});
    while (more) {
      if (!value() || !next(']', more)) return false;
      ++frames_.back().index;
    }
    frames_.pop_back();
    close(self);
    return true;
  }

  bool object() {
    const std::uint32_t self = add(JsonValue::Kind::Object, at_);
    if (!enter()) return false;
    std::vector<std::pair<std::string, std::uint32_t>> keys;
    bool more = true;
    if (!at_end() && peek() == '}') {
      ++at_;
      more = false;
    }
    while (more) {
      if (at_end() || peek() != '"') return unexpected("a key in double quotes");
      const auto key = static_cast<std::uint32_t>(document_.nodes_.size());
      if (!string()) return false;
      keys.emplace_back(JsonValue(&document_, key).string(), key);
      frames_.push_back({key, 0});
      skip_space();
      if (at_end() || peek() != ':') return unexpected("':'");
      ++at_;
      skip_space();
      if (!value()) return false;
      frames_.pop_back();
      if (!next('}', more)) return false;
    }
    close(self);
    std::sort(keys.begin(), keys.end());
    for (std::size_t i = 1; i < keys.size(); ++i) {
      if (keys[i].first != keys[i - 1].first) continue;
      frames_.push_back({keys[i].second, 0});
      const JsonDocument::Node& node = document_.nodes_[keys[i].second];
      return fail(node.begin, node.end, "a key given twice");
    }
    return true;
  }

  Code code_;
  Diagnostics& diagnostics_;
  JsonDocument document_;
  std::size_t at_ = 0;
  std::vector<Frame> frames_;
};

std::optional<JsonDocument> parse_json(std::uint32_t source, const Sources& sources, Code code,
                                       Diagnostics& diagnostics) {
  return JsonReader(source, sources.text(source), code, diagnostics).read();
}

}  // namespace airtight
