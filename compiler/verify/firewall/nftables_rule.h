// One rule of nftables text, and the values in it; nftables_text.cpp reads what is around it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/verify/firewall/nftables_lexer.h"
#include "compiler/verify/firewall/nftables_syntax.h"

namespace airtight::verify {

// `define`: the values of variables, the last one of a name wins; a block takes its own away at its end.
using NftVariables = std::vector<std::pair<std::string, NftExpression>>;

struct NftElements {
  std::vector<NftExpression> keys;
  std::vector<FirewallVerdict> verdicts;  // of a verdict map, one a key
  bool timed = false;
  bool data = false;  // a map to values, not to verdicts
};

class NftRuleReader {
 public:
  NftRuleReader(NftLexer& lexer, const NftVariables& variables, std::string_view text)
      : lexer_(lexer), variables_(variables), text_(text) {}

  // Up to the newline, semicolon or brace that ends it.
  NftRule rule();
  // What stands at the right of a match, or behind `define X =`.
  NftExpression expression(int depth = 0);
  NftElements elements(int depth = 0);  // from "{" to "}"
  void skip_block();                    // from "{" to "}"

 private:
  void statement(NftRule&);
  bool verdict(NftRule&);
  bool transparent();
  bool untracking(NftRule&);
  bool limited(NftRule&);
  bool translation(NftRule&);
  bool elsewhere(NftRule&);
  void match(NftRule&, std::vector<NftKey> keys);
  void verdict_map(NftRule&, std::vector<NftKey> keys);
  void change(NftRule&, const std::vector<NftKey>& keys, std::uint32_t begin);
  void unknown(NftRule&, std::uint32_t begin);

  bool key(NftKey&);
  bool raw_key(NftKey&);
  NftExpression atom(int depth);
  FirewallVerdict map_verdict();
  std::string rest_of_statement(std::uint32_t begin, bool translation);
  std::string word();  // consumes one Word or Quoted; an error otherwise
  bool accept(std::string_view word);
  std::string text_since(std::uint32_t begin) const;

  NftLexer& lexer_;
  const NftVariables& variables_;
  std::string_view text_;
};

}  // namespace airtight::verify
