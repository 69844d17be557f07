// What the readers of nftables text and of its JSON make: rules as written, sets and chains by name. Views into the
// text that was read; lowered to a Ruleset when the whole of it is known, since elements may be added behind the rules.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/verify/firewall/ruleset.h"

namespace airtight::verify {

struct NftExpression {
  // Word may hold a range or prefix ("10.0.0.0/8"). Flags: "syn,ack" or "syn|ack". Opaque: not understood.
  enum class Kind : std::uint8_t { Word, Prefix, Range, Flags, Set, SetName, Concat, Opaque };
  Kind kind = Kind::Word;
  bool quoted = false;
  std::string_view text;  // of Word; of SetName without "@"; of Prefix its length
  std::vector<NftExpression> items;
};

// What a match looks at: "ip daddr", "meta mark", or bits at an offset ("@ll", "@nh", "@th").
struct NftKey {
  std::string name;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
};

enum class NftOperator : std::uint8_t { Implicit, Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual, HasNot };

struct NftStatement {
  enum class Kind : std::uint8_t {
    Match,       // keys, mask, op, right
    VerdictMap,  // keys, right (a set of keys or a set's name), verdicts
    Verdict,
    Limited,       // limit, quota, meter, ct count: of some packets only
    Rewrite,       // text
    Change,        // of the field `changed`
    UnknownMatch,  // text: what it says; it may match less
    Unknown,       // the same, or it may accept or take away
  };
  Kind kind = Kind::Match;
  std::vector<NftKey> keys;  // several: a concatenation
  std::optional<NftExpression> mask;
  NftOperator op = NftOperator::Implicit;
  NftExpression right;
  std::vector<FirewallVerdict> verdicts;  // one for each item of `right`
  FirewallVerdict verdict;
  Field changed = Field::Mark;
  std::string text;
};

struct NftRule {
  std::vector<NftStatement> statements;
  Span span;
  bool misplaced = false;  // added at a place that the text does not show: read in the worst order
};

// A reject with a message of one family, or with a TCP reset, is for packets that can be answered so.
void add_reject_condition(std::string_view message, NftRule&);

struct NftSet {
  std::string name;
  bool defined = false;
  bool is_map = false;
  bool elements_given = false;
  bool intervals = false;          // flags interval
  bool merges = false;             // auto-merge
  std::vector<std::string> types;  // of its keys: "ipv4_addr"; with `typeof`: "ip daddr"
  Span span;
  std::string unknown;  // why nobody can say what is in it; empty: `elements` is all
  std::vector<NftExpression> elements;
  std::vector<FirewallVerdict> verdicts;  // of a verdict map, one an element
};

struct NftChain {
  FirewallChain head;
  std::vector<NftRule> rules;
};

struct NftTable {
  TableFamily family = TableFamily::Ip;
  std::string name;
  bool dormant = false;
  std::string unknown_flag;
  Span span;
  std::vector<NftChain> chains;
  std::map<std::string, NftSet, std::less<>> sets;

  NftChain& chain(std::string_view name, Span where);  // made if it is not there
  void remove_chain(std::string_view name);
  NftSet& set(std::string_view name);

 private:
  std::map<std::string, std::size_t, std::less<>> places_;  // in `chains`
};

struct NftDocument {
  std::vector<NftTable> tables;
  std::vector<Remark> not_understood;
  bool flushes = false;
  bool live = false;  // a listing

  NftTable& table(TableFamily, std::string_view name, Span where);
  NftTable* find(TableFamily, std::string_view name);
  void remove(TableFamily, std::string_view name);
};

std::optional<TableFamily> parse_family(std::string_view);
std::optional<Hook> parse_hook(std::string_view);
// "filter", "-150", "srcnat + 10", "filter-10"
std::optional<std::int64_t> parse_priority(std::string_view, TableFamily);

// Owner and persist say nothing about packets; dormant does, which nft 1.0.6 lists as "t"; what others do nobody knows.
void add_flag(NftTable&, std::string_view flag);

// Why nft would refuse to load the text: sets that it does not take, and names of nothing.
std::vector<Remark> refusals(const NftDocument&);

void lower(NftDocument&&, std::string source_kind, Ruleset&);

}  // namespace airtight::verify
