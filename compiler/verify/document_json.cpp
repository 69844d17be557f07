// JSON (RFC 8259), strictly. Written here because positions, bounded memory and speed are wanted together.
#include <array>

#include "compiler/verify/document_scalar.h"
#include "compiler/verify/document_tree.h"

namespace airtight::verify {
namespace {

using namespace std::string_view_literals;

// What ends a run of characters that a string holds as they are.
constexpr std::array<bool, 256> kStopsString = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 0x20; ++c) table[c] = true;
  table['"'] = table['\\'] = true;
  return table;
}();

struct Word {
  std::string_view text;
  Value::Kind kind;
};
constexpr Word kWords[] = {{"true", Value::Kind::Bool}, {"false", Value::Kind::Bool}, {"null", Value::Kind::Null}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class JsonReader {
 public:
  JsonReader(const Text& text, std::size_t begin, TreeBuilder& builder, Diagnostics& diagnostics)
      : text_(text), all_(text.all), at_(begin), builder_(builder), diagnostics_(diagnostics) {}

  bool value() {  // depth is bounded by builder_.open
    skip_space();
    switch (peek()) {
      case '{':
        return map();
      case '[':
        return list();
      case '"': {
        std::string text;
        const std::size_t begin = at_;
        return string(text) && builder_.scalar(Value::Kind::String, std::move(text), text_.span(begin, at_));
      }
      default:
        return peek() == '-' || is_digit(peek()) ? number() : word();
    }
  }

  std::size_t at() const { return at_; }

 private:
  char peek() const { return at_ < all_.size() ? all_[at_] : '\0'; }  // a NUL in the text is no token either
  void skip_space() {
    while (at_ < all_.size() && (all_[at_] == ' ' || all_[at_] == '\n' || all_[at_] == '\r' || all_[at_] == '\t'))
      ++at_;
  }

  bool fail(std::size_t begin, std::size_t end, std::string message, std::string expected = {}) {
    Diagnostic& added = diagnostics_.error(Code::YamlSyntax, text_.span(begin, end), "not JSON: " + std::move(message));
    added.expect(std::move(expected));
    return false;
  }

  // The next token is not what must stand here.
  bool unexpected(std::string expected) {
    if (at_ < all_.size()) return fail(at_, at_ + 1, "this cannot stand here", std::move(expected));
    Diagnostic& added = diagnostics_.error(Code::YamlSyntax, text_.span(at_, at_), "not JSON: the text ends here");
    added.expect(std::move(expected));
    if (!builder_.empty())
      added.note(builder_.innermost(),
                 builder_.innermost_is_map() ? "the map that is not closed" : "the list that is not closed");
    return false;
  }

  bool map() {
    if (!builder_.open(Value::Kind::Map, text_.span(at_, at_ + 1))) return false;
    ++at_;
    skip_space();
    if (peek() == '}') return ++at_, builder_.close();
    for (;;) {
      skip_space();
      if (peek() != '"') return unexpected("a key in double quotes");
      std::string key;
      const std::size_t begin = at_;
      if (!string(key) || !builder_.key(std::move(key), text_.span(begin, at_))) return false;
      skip_space();
      if (peek() != ':') return unexpected("':'");
      ++at_;
      if (!value()) return false;
      skip_space();
      if (peek() == '}') return ++at_, builder_.close();
      if (peek() != ',') return unexpected("',' or '}'");
      ++at_;
    }
  }

  bool list() {
    if (!builder_.open(Value::Kind::List, text_.span(at_, at_ + 1))) return false;
    ++at_;
    skip_space();
    if (peek() == ']') return ++at_, builder_.close();
    for (;;) {
      if (!value()) return false;
      skip_space();
      if (peek() == ']') return ++at_, builder_.close();
      if (peek() != ',') return unexpected("',' or ']'");
      ++at_;
    }
  }

  bool string(std::string& out) {
    const std::size_t begin = at_++;
    for (;;) {
      const std::size_t run = at_;
      while (at_ < all_.size() && !kStopsString[static_cast<unsigned char>(all_[at_])]) ++at_;
      out.append(all_, run, at_ - run);
      if (at_ == all_.size()) return fail(begin, begin + 1, "a string that is not closed", "'\"' before the text ends");
      if (all_[at_] == '"') return ++at_, true;
      if (all_[at_] != '\\') {
        diagnostics_.error(Code::ControlCharacter, text_.span(at_, at_ + 1), "a control character inside of a string")
            .expect("an escape as \\n or \\u0001");
        return false;
      }
      if (!escape(out)) return false;
    }
  }

  bool escape(std::string& out) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const std::size_t begin = at_++;
    const char name = peek();
    ++at_;
    if (const std::size_t found = kNames.find(name); found != std::string_view::npos && name != '\0')
      return out += kMeanings[found], true;
    std::uint32_t point = 0;
    if (name != 'u' || !hex(point)) return fail(begin, std::min(at_, all_.size()), "an unknown escape");
    if (point >= 0xD800 && point <= 0xDBFF && all_.substr(at_, 2) == "\\u") {
      std::uint32_t low = 0;
      at_ += 2;
      if (!hex(low) || low < 0xDC00 || low > 0xDFFF) return fail(begin, at_, "half of a surrogate pair");
      point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
    }
    return append_utf8(out, point) || fail(begin, at_, "half of a surrogate pair");
  }

  bool hex(std::uint32_t& point) {
    for (const std::size_t end = at_ + 4; at_ < end; ++at_) {
      const char c = peek();
      const int digit = is_digit(c)              ? c - '0'
                        : (c >= 'a' && c <= 'f') ? c - 'a' + 10
                        : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                                 : -1;
      if (digit < 0) return false;
      point = point * 16 + static_cast<std::uint32_t>(digit);
    }
    return true;
  }

  bool digits() {
    const std::size_t begin = at_;
    while (is_digit(peek())) ++at_;
    return at_ != begin;
  }

  bool number() {
    const std::size_t begin = at_;
    if (peek() == '-') ++at_;
    const std::size_t first = at_;
    bool good = digits() && (all_[first] != '0' || at_ == first + 1);
    if (good && peek() == '.') ++at_, good = digits();
    if (good && (peek() == 'e' || peek() == 'E')) {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      good = digits();
    }
    if (!good) return fail(begin, std::max(at_, begin + 1), "a number that is not well formed");
    return builder_.scalar(Value::Kind::Number, std::string(all_.substr(begin, at_ - begin)), text_.span(begin, at_));
  }

  bool word() {
    for (const Word& known : kWords) {
      if (all_.substr(at_, known.text.size()) != known.text) continue;
      const std::size_t begin = at_;
      at_ += known.text.size();
      return builder_.scalar(known.kind, known.kind == Value::Kind::Null ? std::string() : std::string(known.text),
                             text_.span(begin, at_));
    }
    return unexpected("a value");
  }

  const Text& text_;
  std::string_view all_;
  std::size_t at_;
  TreeBuilder& builder_;
  Diagnostics& diagnostics_;
};

}  // namespace

bool parse_json(const Text& text, std::size_t begin, std::size_t& end, TreeBuilder& builder, Diagnostics& diagnostics) {
  JsonReader reader(text, begin, builder, diagnostics);
  if (!reader.value()) return false;
  end = reader.at();
  return true;
}

}  // namespace airtight::verify
