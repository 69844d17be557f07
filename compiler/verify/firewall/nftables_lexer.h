// Tokens of nftables text. Views into the source; nothing is copied, and nothing is read ahead but one token.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "compiler/policy/diagnostic.h"
#include "compiler/policy/source.h"

namespace airtight::verify {

// Of text of a firewall that cannot be read.
inline constexpr Code kFirewallSyntax = Code::ArtifactSyntax;

struct NftToken {
  // Word: names, numbers, addresses, ranges and prefixes without spaces, "@set", "$variable", and alone ".", "-", "/",
  // "*". Symbol: one of { } ( ) [ ] , : = == != ! < <= > >= & | ^ << >>
  enum class Kind : std::uint8_t { End, Newline, Semicolon, Word, Quoted, Symbol };
  Kind kind = Kind::End;
  std::string_view text;  // of Quoted: without its quotes
  std::uint32_t begin = 0;
  std::uint32_t end = 0;

  bool is(std::string_view word) const { return (kind == Kind::Word || kind == Kind::Symbol) && text == word; }
  bool ends_statement() const { return kind == Kind::End || kind == Kind::Newline || kind == Kind::Semicolon; }
};

class NftLexer {
 public:
  NftLexer(std::uint32_t source, std::string_view text, Diagnostics&);

  const NftToken& peek() const { return token_; }
  NftToken next();
  Span span(const NftToken& token) const { return {source_, token.begin, token.end}; }
  std::uint32_t last_end() const { return last_end_; }
  bool failed() const { return failed_; }  // a diagnostic was given; the rest is End
  void fail(const NftToken& at, std::string message, std::string expected = {});

 private:
  void advance();
  void skip_blanks();
  std::size_t word_length() const;

  std::uint32_t source_;
  std::string_view text_;
  Diagnostics& diagnostics_;
  std::size_t at_ = 0;
  std::uint32_t last_end_ = 0;
  NftToken token_;
  bool failed_ = false;
};

}  // namespace airtight::verify
