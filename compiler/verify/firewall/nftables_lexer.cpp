#include "compiler/verify/firewall/nftables_lexer.h"

#include <algorithm>
#include <array>

#include "compiler/net/ip.h"

namespace airtight::verify {
namespace {

constexpr std::array<bool, 256> word_characters() {
  std::array<bool, 256> is{};
  for (unsigned c = '0'; c <= '9'; ++c) is[c] = true;
  for (unsigned c = 'a'; c <= 'z'; ++c) is[c] = is[c - 'a' + 'A'] = true;
  for (const char c : {'_', '.', '-', '/', '*', '+', ':', '@', '$', '\\'}) is[static_cast<unsigned char>(c)] = true;
  return is;
}
constexpr std::array<bool, 256> kWord = word_characters();

bool is_word(char c) { return kWord[static_cast<unsigned char>(c)]; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool is_mac(std::string_view text) {
  if (text.size() != 17) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (i % 3 == 2 ? text[i] != ':' : !is_hex(text[i])) return false;
  return true;
}

bool is_colon_address(std::string_view text) {
  const auto ip = Ip::parse(text);
  return (ip && !ip->is_v4()) || is_mac(text);
}

// How much of a run that holds a colon is one word: addresses with a prefix length and ranges of them; else up to the
// colon, which then stands alone ("80:accept", "10.0.0.1:80").
std::size_t colon_word(std::string_view run) {
  const auto literal = static_cast<std::size_t>(
      std::find_if(run.begin(), run.end(), [](char c) { return !is_hex(c) && c != ':' && c != '.'; }) - run.begin());
  for (std::size_t length = literal; length > 0 && length + 1 >= literal; --length) {
    if (!is_colon_address(run.substr(0, length))) continue;
    if (length < run.size() && run[length] == '/')
      for (++length; length < run.size() && is_digit(run[length]);) ++length;
    if (length < run.size() && run[length] == '-') {
      const std::size_t rest = colon_word(run.substr(length + 1));
      if (is_colon_address(run.substr(length + 1, rest))) length += 1 + rest;
    }
    return length;
  }
  return run.find(':');
}

}  // namespace

NftLexer::NftLexer(std::uint32_t source, std::string_view text, Diagnostics& diagnostics)
    : source_(source), text_(text), diagnostics_(diagnostics) {
  if (text_.substr(0, 3) == "\xEF\xBB\xBF") at_ = 3;
  advance();
}

NftToken NftLexer::next() {
  const NftToken token = token_;
  last_end_ = token.end;
  advance();
  return token;
}

void NftLexer::fail(const NftToken& at, std::string message, std::string expected) {
  if (failed_) return;
  failed_ = true;
  diagnostics_.error(kFirewallSyntax, span(at), std::move(message)).expect(std::move(expected));
  at_ = text_.size();
  token_ = {NftToken::Kind::End, {}, static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(at_)};
}

void NftLexer::skip_blanks() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == ' ' || c == '\t' || c == '\r') {
      ++at_;
    } else if (c == '#') {
      // Built without xtables, nft lists a match of iptables so, and what follows it on the line: no comment.
      if (text_.substr(at_, 5) == "# xt_" && token_.kind == NftToken::Kind::Word) return;
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (c == '\\' && text_.substr(at_ + 1, 1) == "\n") {
      at_ += 2;
    } else if (c == '\\' && text_.substr(at_ + 1, 2) == "\r\n") {
      at_ += 3;
    } else {
      return;
    }
  }
}

std::size_t NftLexer::word_length() const {
  std::size_t end = at_;
  bool colon = false;
  for (; end < text_.size() && is_word(text_[end]); ++end) {
    if (text_[end] == '\\' && text_.substr(end + 1, 1) != "*") break;
    colon = colon || text_[end] == ':';
  }
  return colon ? colon_word(text_.substr(at_, end - at_)) : end - at_;
}

void NftLexer::advance() {
  using Kind = NftToken::Kind;
  skip_blanks();
  const auto begin = static_cast<std::uint32_t>(at_);
  const auto take = [&](Kind kind, std::size_t length) {
    at_ += length;
    token_ = {kind, text_.substr(begin, length), begin, static_cast<std::uint32_t>(at_)};
  };
  if (at_ >= text_.size()) return take(Kind::End, 0);
  const char c = text_[at_];
  if (c == '#') return take(Kind::Word, std::min(text_.find('\n', at_), text_.size()) - at_);
  if (c == '\n') return take(Kind::Newline, 1);
  if (c == ';') return take(Kind::Semicolon, 1);
  if (c == '"') {
    const std::size_t close = text_.find_first_of("\"\n", at_ + 1);
    if (close == std::string_view::npos || text_[close] == '\n') {
      take(Kind::Quoted, 1);
      return fail(token_, "a quoted text without its end", "a closing quotation mark on the same line");
    }
    take(Kind::Quoted, close + 1 - at_);
    token_.text = text_.substr(begin + 1, close - begin - 1);
    return;
  }
  if (is_word(c)) {
    if (const std::size_t length = word_length(); length > 0) return take(Kind::Word, length);
    return take(Kind::Symbol, 1);  // ':'
  }
  for (const std::string_view symbol :
       {"==", "!=", "<=", ">=", "<<", ">>", "{", "}", "(", ")", "[", "]", ",", "=", "!", "<", ">", "&", "|", "^"})
    if (text_.substr(at_, symbol.size()) == symbol) return take(Kind::Symbol, symbol.size());
  take(Kind::Symbol, 1);
  fail(token_, "a character that nftables text does not hold: " + quoted(token_.text));
}

}  // namespace airtight::verify
