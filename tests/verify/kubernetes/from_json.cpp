#include "tests/verify/kubernetes/from_json.h"

#include <cctype>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "compiler/policy/source.h"
#include "compiler/verify/kubernetes/readers.h"

namespace airtight::verify {
namespace {

class Parser {
 public:
  Parser(std::string_view text, std::uint32_t source) : text_(text), source_(source) {}

  Value document() {
    Value value = parse();
    skip();
    if (at_ != text_.size()) fail("text after the value");
    return value;
  }

 private:
  [[noreturn]] void fail(const char* why) {
    std::fprintf(stderr, "from_json: %s at %zu in: %.*s\n", why, at_, static_cast<int>(text_.size()), text_.data());
    std::abort();
  }
  char peek() {
    skip();
    if (at_ == text_.size()) fail("end of text");
    return text_[at_];
  }
  void skip() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  Span span(std::size_t begin, std::size_t end) {
    return {source_, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
  }

  Value parse() {
    const char c = peek();
    if (c == '{' || c == '[') return c == '{' ? map() : list();
    return scalar();
  }
  Value map() {
    Value value;
    value.kind = Value::Kind::Map;
    value.span = span(at_, at_ + 1);
    for (take('{'); !take('}');) {
      const Value key = scalar();
      if (!take(':')) fail("no colon");
      value.members.push_back({key.text, key.span, parse()});
      if (peek() != '}' && !take(',')) fail("no comma");
    }
    return value;
  }
  Value list() {
    Value value;
    value.kind = Value::Kind::List;
    value.span = span(at_, at_ + 1);
    for (take('['); !take(']');) {
      value.items.push_back(parse());
      if (peek() != ']' && !take(',')) fail("no comma");
    }
    return value;
  }
  // In quotes a string; else up to the next token, of the kind that it looks like. A colon ends it only before a space.
  Value scalar() {
    Value value;
    const char quote = peek();
    const std::size_t begin = at_;
    if (quote == '"' || quote == '\'') {
      const std::size_t end = text_.find(quote, begin + 1);
      if (end == std::string_view::npos) fail("no closing quote");
      value.kind = Value::Kind::String;
      value.text = text_.substr(begin + 1, end - begin - 1);
      at_ = end + 1;
    } else {
      const auto ends = [&](std::size_t i) {
        return std::string_view(",{}[]\n").find(text_[i]) != std::string_view::npos ||
               (text_[i] == ':' && (i + 1 == text_.size() || text_[i + 1] == ' '));
      };
      while (at_ < text_.size() && !ends(at_)) ++at_;
      std::size_t end = at_;
      while (end > begin && text_[end - 1] == ' ') --end;
      value.text = text_.substr(begin, end - begin);
      if (value.text.empty()) fail("no value");
      const bool number = value.text.find_first_not_of("-+0123456789_xabcdef") == std::string::npos &&
                          std::isdigit(static_cast<unsigned char>(value.text[value.text[0] == '-' ? 1 : 0])) != 0;
      value.kind = value.text == "null"                            ? Value::Kind::Null
                   : value.text == "true" || value.text == "false" ? Value::Kind::Bool
                   : number                                        ? Value::Kind::Number
                                                                   : Value::Kind::String;
      if (value.kind == Value::Kind::Null) value.text.clear();
    }
    value.span = span(begin, at_);
    return value;
  }

  std::string_view text_;
  std::uint32_t source_;
  std::size_t at_ = 0;
};

}  // namespace

Value from_json(std::string_view text, std::uint32_t source) { return Parser(text, source).document(); }

Cluster read_cluster(std::initializer_list<std::string_view> objects, bool namespace_noted) {
  Sources sources;
  ClusterReader reader(sources, "default", namespace_noted);
  int count = 0;
  for (const std::string_view object : objects) {
    const std::uint32_t source = sources.add(std::to_string(++count) + ".yaml", std::string(object));
    reader.add(from_json(object, source), {});
  }
  return reader.finish();
}

}  // namespace airtight::verify
