// The block-style YAML that kubectl and helm print, read in one pass without tokens. It gives up (false, without a
// word) at the first thing that it does not know: anchors, tags, '?' keys, folded '>' scalars, flow collections of
// several lines, tabs where they could matter, and whatever is an error. What it does accept, yaml-cpp reads the same
// way; the fuzzer holds both to that.
//
// A list of objects is read item by item: where one item is beyond this reader, its lines alone go to yaml-cpp and the
// reading goes on behind them. That gives the same tree, because those lines end where a dash at the list's own column
// starts the next item: yaml-cpp's state there is the one that it has between items. If the lines make no sense by
// themselves (an alias to another item's anchor), the whole document goes to yaml-cpp.
#include <array>
#include <cstring>

#include "compiler/verify/document_scalar.h"
#include "compiler/verify/document_tree.h"

namespace airtight::verify {
namespace {

using namespace std::string_view_literals;
using Kind = Value::Kind;

constexpr std::size_t kLongestKey = 1000;  // yaml-cpp takes no more than 1024 characters for a key of one line
constexpr std::string_view kPunctuation = "_./$(+<~^=;\\";

// What surely starts a plain scalar, in block and in flow style. '-' is looked at apart.
constexpr std::array<bool, 256> kStartsPlain = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 256; ++c)
    table[c] = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
  for (const char c : kPunctuation) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

// What a plain scalar holds without a second look: all but its possible ends, ':' '#' and tabs.
constexpr std::array<bool, 256> kStopsPlain = [] {
  std::array<bool, 256> table{};
  for (const char c : ":#\t\n"sv) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool is_in(const std::array<bool, 256>& table, char c) { return table[static_cast<unsigned char>(c)]; }

class PlainReader {
 public:
  PlainReader(const Text& text, std::size_t begin, std::size_t end, TreeBuilder& builder)
      : text_(text), all_(text.all.substr(0, end)), at_(begin), builder_(builder) {}

  bool document() {
    if (!to_content()) return false;
    if (ended()) return builder_.scalar(Kind::Null, {}, text_.span(at_, at_));
    return node() && ended();
  }

 private:
  // A scalar in one line, with what follows it.
  struct Token {
    std::size_t begin = 0;
    std::size_t end = 0;  // of the token
    bool plain = true;
    bool is_key = false;   // a ':' with white space behind it follows; at_ is behind the ':'
    bool comment = false;  // a comment follows a plain scalar
    std::string text;      // decoded, if it is quoted
  };

  bool ended() const { return at_ >= all_.size(); }
  char here() const { return at_ < all_.size() ? all_[at_] : '\n'; }
  char char_at(std::size_t at) const { return at < all_.size() ? all_[at] : '\n'; }
  std::string_view plain_text(const Token& token) const { return all_.substr(token.begin, token.end - token.begin); }

  bool line_ends_at(std::size_t at) const {
    return at >= all_.size() || all_[at] == '\n' || (all_[at] == '\r' && char_at(at + 1) == '\n');
  }
  std::size_t line_end(std::size_t at) const {  // its line feed, or the end
    if (at >= all_.size()) return all_.size();
    const void* found = std::memchr(all_.data() + at, '\n', all_.size() - at);
    return found == nullptr ? all_.size() : static_cast<std::size_t>(static_cast<const char*>(found) - all_.data());
  }
  std::size_t content_end(std::size_t at) const {  // the line without its end
    const std::size_t end = line_end(at);
    return end > at && end < all_.size() && all_[end - 1] == '\r' ? end - 1 : end;
  }
  std::size_t skip_spaces(std::size_t at) const {
    while (at < all_.size() && all_[at] == ' ') ++at;
    return at;
  }
  bool dash_at(std::size_t at) const { return char_at(at) == '-' && (line_ends_at(at + 1) || char_at(at + 1) == ' '); }

  // From the start of a line to the next line that holds something: its first character, and its column in column_.
  bool to_content() {
    for (;;) {
      line_ = at_;
      at_ = skip_spaces(at_);
      column_ = at_ - line_;
      if (ended()) return column_ = 0, true;
      if (here() == '\t') return false;
      if (here() != '#' && !line_ends_at(at_)) return true;
      at_ = std::min(line_end(at_) + 1, all_.size());
    }
  }
  // Nothing but a comment may be left of the line. False: something is, and this reader knows no reason for it.
  bool rest_is_comment() const {
    const std::size_t next = skip_spaces(at_);
    return line_ends_at(next) || (char_at(next) == '#' && next > at_);
  }
  bool to_next_line() {
    at_ = std::min(line_end(at_) + 1, all_.size());
    return to_content();
  }

  // A block map or list at column_.
  bool node() {
    if (dash_at(at_)) return list(column_);
    Token key;
    return token(key) && key.is_key && map(column_, key);
  }

  bool map(std::size_t column, Token& key) {
    if (!builder_.open(Kind::Map, text_.span(key.begin, key.end))) return false;
    for (;;) {
      if (!take_key(key) || !value(column)) return false;
      if (ended() || column_ < column) return builder_.close();
      if (column_ > column || dash_at(at_)) return false;
      key = Token{};
      if (!token(key) || !key.is_key) return false;
    }
  }

  bool take_key(Token& key) {
    if (key.end - key.begin > kLongestKey) return false;
    const Span span = text_.span(key.begin, key.end);
    if (!key.plain) return builder_.key(std::move(key.text), span);
    const std::string_view text = plain_text(key);
    if (text == "<<") return false;
    std::optional<std::string> resolved = resolve_plain_key(text);
    return resolved && builder_.key(std::move(*resolved), span);
  }

  // Behind the ':' of a key at `column`; ends at the next line that holds something.
  bool value(std::size_t column) {
    at_ = skip_spaces(at_);
    if (!rest_is_comment() && !(here() == '#' && all_[at_ - 1] == ' ')) return inline_value(column);
    const Span key = builder_.last_key();
    if (!to_next_line()) return false;
    if (!ended() && column_ > column) return node();
    if (!ended() && column_ == column && dash_at(at_)) return list(column);
    return builder_.scalar(Kind::Null, {}, key);
  }

  // Dashes may stand at the column of their key: then another key ends the list.
  bool list(std::size_t column) {
    if (!builder_.open(Kind::List, text_.span(at_, at_ + 1))) return false;
    for (;;) {
      const bool read = builder_.in_items() ? handed_over_item(column) : item(column);
      if (!read) return false;
      if (!ended() && column_ > column) return false;
      if (ended() || column_ < column || !dash_at(at_)) return builder_.close();
    }
  }

  bool item(std::size_t column) {
    const Span dash = text_.span(at_, at_ + 1);
    at_ = skip_spaces(at_ + 1);
    if (line_ends_at(at_) || here() == '#') {
      if (!to_next_line()) return false;
      if (!ended() && column_ > column) return node();
      return builder_.scalar(Kind::Null, {}, dash);
    }
    column_ = at_ - line_;
    if (dash_at(at_)) return list(column_);
    if (!starts_scalar()) return inline_value(column);
    Token first;
    const std::size_t begin = at_;
    const std::size_t inner = column_;
    if (!token(first)) {
      at_ = begin;
      return inline_value(column);
    }
    return first.is_key ? map(inner, first) : scalar(first, column);
  }

  bool handed_over_item(std::size_t column) {
    const std::size_t begin = line_;
    const std::size_t dash = at_;
    if (item(column)) return true;
    builder_.drop_item();
    // Its lines: up to the next one that is neither empty nor a comment and starts at the dash's column, or before it.
    at_ = line_end(dash) + 1;
    for (;; at_ = line_end(at_) + 1) {
      at_ = std::min(at_, all_.size());
      if (ended()) break;
      const std::size_t content = skip_spaces(at_);
      if (content - at_ <= column && !line_ends_at(content) && char_at(content) != '#') break;
    }
    // The dash may stand behind a key or another dash only in the first line, and then nothing may stand before it.
    if (all_.substr(begin, dash - begin).find_first_not_of(' ') != std::string_view::npos) return false;
    Diagnostics unsaid;
    TreeBuilder whole(unsaid, nullptr);
    whole.alias_nodes() = builder_.alias_nodes();
    if (!parse_full_yaml(text_, begin, at_, whole, unsaid)) return false;
    builder_.alias_nodes() = whole.alias_nodes();
    Value list = whole.take();
    if (!list.is_list() || list.items.size() != 1 || !builder_.value(std::move(list.items[0]))) return false;
    return to_content();
  }

  bool starts_scalar() const {
    const char c = here();
    return is_in(kStartsPlain, c) || c == '"' || c == '\'' || c == '-';
  }

  // What stands behind "key: " or "- " in the same line.
  bool inline_value(std::size_t column) {
    switch (here()) {
      case '|':
        return literal(column);
      case '[':
      case '{':
        return flow() && rest_is_comment() && to_next_line();
      default:
        break;
    }
    Token first;
    const std::size_t begin = at_;
    if (starts_scalar() && token(first)) return !first.is_key && scalar(first, column);
    at_ = begin;
    return (here() == '"' || here() == '\'') && folded_quotes(column);
  }

  // Reads a scalar that ends in this line. A plain one may turn out to go on below: scalar() looks.
  bool token(Token& token) {
    token.begin = at_;
    if (here() == '"' || here() == '\'') {
      token.plain = false;
      if (!(here() == '"' ? double_quotes(token.text) : single_quotes(token.text))) return false;
      token.end = at_;
      token.is_key = here() == ':' && (line_ends_at(at_ + 1) || char_at(at_ + 1) == ' ');
      if (token.is_key) ++at_;
      return token.is_key || rest_is_comment();
    }
    return plain(token);
  }

  bool plain(Token& token) {
    token.begin = at_;
    if (!is_in(kStartsPlain, here()) && (here() != '-' || dash_at(at_))) return false;
    for (;; ++at_) {
      while (at_ < all_.size() && !is_in(kStopsPlain, all_[at_])) ++at_;
      const char c = here();
      if (c == '\t') return false;
      if (c == '\n') break;
      if (c == ':') {
        const char next = char_at(at_ + 1);
        if (next == '\t') return false;
        if (next != ' ' && !line_ends_at(at_ + 1)) continue;
        token.is_key = true;
        token.end = at_++;
        return all_[token.end - 1] != ' ';
      }
      if (all_[at_ - 1] != ' ') continue;  // '#' inside of a word
      token.comment = true;
      break;
    }
    token.end = at_;
    while (all_[token.end - 1] == ' ' || all_[token.end - 1] == '\r') --token.end;
    return true;
  }

  // A whole scalar as a value under `column`.
  bool scalar(Token& first, std::size_t column) {
    const Span span = text_.span(first.begin, first.end);
    if (!first.plain) {
      if (!to_next_line()) return false;
      return builder_.scalar(Kind::String, std::move(first.text), span);
    }
    std::string joined;
    if (!first.comment && !continued(column, plain_text(first), joined)) return false;
    if (first.comment || joined.empty()) {
      if (!to_next_line()) return false;
      joined = plain_text(first);
    }
    std::optional<Scalar> resolved = resolve_plain(joined);
    return resolved && builder_.scalar(resolved->kind, std::move(resolved->text), span);
  }

  // A plain scalar of several lines: those that are indented deeper than `column` belong to it. `joined` stays empty,
  // and at_ where it is, if it has only one.
  bool continued(std::size_t column, std::string_view first, std::string& joined) {
    for (;;) {
      std::size_t breaks = 0;
      std::size_t line = line_end(at_) + 1;
      std::size_t content = skip_spaces(line);
      while (content < all_.size() && line_ends_at(content)) {
        ++breaks;
        line = line_end(content) + 1;
        content = skip_spaces(line);
      }
      if (content >= all_.size() || content - line <= column || all_[content] == '#')
        return joined.empty() || to_next_line();
      Token more;
      at_ = content;
      if (!plain(more) || more.is_key) return false;
      if (joined.empty()) joined = first;
      if (breaks == 0)
        joined += ' ';
      else
        joined.append(breaks, '\n');
      joined += plain_text(more);
      if (more.comment) return to_next_line();
    }
  }

  bool single_quotes(std::string& out) {
    for (++at_;; ++at_) {
      const std::size_t run = at_;
      while (at_ < all_.size() && all_[at_] != '\'' && all_[at_] != '\n') ++at_;
      if (here() != '\'') return false;
      out.append(all_, run, at_ - run);
      if (char_at(++at_) != '\'') return true;
      out += '\'';
    }
  }

  bool double_quotes(std::string& out) {
    for (++at_;;) {
      const std::size_t run = at_;
      while (at_ < all_.size() && all_[at_] != '"' && all_[at_] != '\\' && all_[at_] != '\n') ++at_;
      out.append(all_, run, at_ - run);
      if (here() == '"') return ++at_, true;
      if (here() != '\\' || !escape(out)) return false;
    }
  }

  bool escape(std::string& out) {
    constexpr std::string_view kNames = "0abtnvfre \"\\/";
    constexpr std::string_view kMeanings = "\0\a\b\t\n\v\f\r\x1B \"\\/"sv;
    const char name = char_at(at_ + 1);
    at_ += 2;
    if (const std::size_t found = kNames.find(name); found != std::string_view::npos)
      return out += kMeanings[found], true;
    const std::size_t length = name == 'x' ? 2 : name == 'u' ? 4 : name == 'U' ? 8 : 0;
    if (length == 0 || at_ + length > all_.size()) return false;
    std::uint32_t point = 0;
    for (const std::size_t end = at_ + length; at_ < end; ++at_) {
      const char c = static_cast<char>(all_[at_] | 0x20);  // lower case; digits stay
      if (!((c >= '0' && c <= '9' && all_[at_] == c) || (c >= 'a' && c <= 'f'))) return false;
      point = point * 16 + static_cast<std::uint32_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return append_utf8(out, point);
  }

  // Quotes over several lines, as long texts are printed.
  bool folded_quotes(std::size_t column) {
    const std::size_t begin = at_;
    const char quote = here();
    std::string out;
    std::size_t kept = 0;  // the length up to which white space is an escape's
    for (++at_;;) {
      const std::size_t run = at_;
      while (at_ < all_.size() && all_[at_] != quote && all_[at_] != '\\' && all_[at_] != '\n') ++at_;
      out.append(all_, run, at_ - run);
      if (ended()) return false;
      const bool escapes = quote == '"' && here() == '\\';
      const bool joined = escapes && line_ends_at(at_ + 1);
      if (here() == quote) {
        if (quote == '"' || char_at(at_ + 1) != quote) break;
        at_ += 2;
        out += quote;
      } else if (escapes && !joined) {
        if (!escape(out)) return false;
        kept = out.size();
      } else if (here() == '\\' && !joined) {
        ++at_;
        out += '\\';
      } else if (!next_folded_line(column, joined, kept, out)) {
        return false;
      }
    }
    ++at_;
    const Span span = text_.span(begin, at_);
    if (!rest_is_comment() || !to_next_line()) return false;
    return builder_.scalar(Kind::String, std::move(out), span);
  }

  // At the end of a line inside of quotes, which a backslash may take away (`joined`).
  bool next_folded_line(std::size_t column, bool joined, std::size_t& kept, std::string& out) {
    if (!joined)
      while (out.size() > kept && (out.back() == ' ' || out.back() == '\r')) out.pop_back();
    if (!joined && out.size() > kept && out.back() == '\t') return false;
    std::size_t line = line_end(at_) + 1;
    std::size_t content = skip_spaces(line);
    std::size_t breaks = 0;
    for (; content < all_.size() && line_ends_at(content); ++breaks) {
      line = line_end(content) + 1;
      content = skip_spaces(line);
    }
    if (content >= all_.size() || content - line <= column || all_[content] == '\t' || (joined && breaks != 0))
      return false;
    at_ = content;
    if (breaks != 0)
      out.append(breaks, '\n');
    else if (!joined)
      out += ' ';
    kept = out.size();
    return true;
  }

  // '|' with '-' or '+': the lines below that are indented deeper than `column`.
  bool literal(std::size_t column) {
    const Span span = text_.span(at_, at_ + 1);
    char chomp = char_at(++at_);
    if (chomp == '-' || chomp == '+')
      ++at_;
    else
      chomp = ' ';
    at_ = skip_spaces(at_);
    if (!line_ends_at(at_)) return false;
    at_ = line_end(at_) + 1;
    const std::size_t first = skip_spaces(at_);
    if (first >= all_.size() || line_ends_at(first) || all_[first] == '\t' || first - at_ <= column) return false;
    const std::size_t indent = first - at_;
    std::string out;
    while (!ended()) {
      const std::size_t end = content_end(at_);
      const std::size_t content = skip_spaces(at_);
      const std::size_t spaces = std::min(content - at_, indent);
      if (content < end && spaces < indent) {
        if (all_[content] == '\t') return false;
        break;
      }
      if (line_end(at_) >= all_.size()) return false;  // the last line without its end: rare, and readers differ
      out.append(all_, at_ + spaces, end - at_ - spaces).push_back('\n');
      at_ = line_end(at_) + 1;
    }
    if (chomp != '+') out.erase(out.find_last_not_of('\n') + (chomp == '-' ? 1 : 2));
    if (!to_content() || (!ended() && column_ > column)) return false;
    return builder_.scalar(Kind::String, std::move(out), span);
  }

  // '[' or '{' in one line. Plain scalars inside are letters, digits and `_./+-` only.
  bool flow() {
    const char opener = here();
    if (opener == '"' || opener == '\'') {
      Token quoted_one;
      if (!flow_token(quoted_one)) return false;
      return builder_.scalar(Kind::String, std::move(quoted_one.text), text_.span(quoted_one.begin, quoted_one.end));
    }
    if (opener != '[' && opener != '{') {
      Token word;
      if (!flow_token(word)) return false;
      std::optional<Scalar> resolved = resolve_plain(plain_text(word));
      return resolved && builder_.scalar(resolved->kind, std::move(resolved->text), text_.span(word.begin, word.end));
    }
    const bool is_map = opener == '{';
    const char closer = is_map ? '}' : ']';
    if (!builder_.open(is_map ? Kind::Map : Kind::List, text_.span(at_, at_ + 1))) return false;
    at_ = skip_spaces(at_ + 1);
    if (here() == closer) return ++at_, builder_.close();
    for (;;) {
      if (is_map) {
        Token key;
        if (!flow_token(key) || here() != ':' || char_at(at_ + 1) != ' ' || !take_key(key)) return false;
        at_ = skip_spaces(at_ + 1);
      }
      if (!flow()) return false;
      at_ = skip_spaces(at_);
      if (here() == closer) return ++at_, builder_.close();
      if (here() != ',') return false;
      at_ = skip_spaces(at_ + 1);
    }
  }

  bool flow_token(Token& token) {
    token.begin = at_;
    if (here() == '"' || here() == '\'') {
      token.plain = false;
      if (!(here() == '"' ? double_quotes(token.text) : single_quotes(token.text))) return false;
    } else {
      const auto is_word = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' ||
               c == '/' || c == '+' || c == '-';
      };
      if (dash_at(at_) || (here() == '-' && !is_word(char_at(at_ + 1)))) return false;
      while (is_word(here())) ++at_;
    }
    token.end = at_;
    return token.end != token.begin;
  }

  const Text& text_;
  std::string_view all_;
  std::size_t at_;
  TreeBuilder& builder_;
  std::size_t line_ = 0;    // where the line of at_ starts
  std::size_t column_ = 0;  // of the first thing in it that is still to be read
};

}  // namespace

bool parse_plain_yaml(const Text& text, std::size_t begin, std::size_t end, TreeBuilder& builder) {
  return PlainReader(text, begin, end, builder).document();
}

}  // namespace airtight::verify
