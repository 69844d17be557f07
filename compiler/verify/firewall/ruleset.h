// Rules of nftables and iptables in one form, as read: no rule is merged, reordered or dropped. Readers fill it,
// evaluation.h walks it, obligation.h writes it out again for Z3.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/policy/diagnostic.h"
#include "compiler/policy/source.h"
#include "compiler/verify/document.h"
#include "compiler/verify/firewall/packet_space.h"
#include "compiler/verify/kubernetes/objects.h"

namespace airtight::verify {

enum class Hook : std::uint8_t { None, Ingress, Prerouting, Input, Forward, Output, Postrouting, Egress };
std::string_view to_string(Hook);

struct FirewallVerdict {
  enum class Kind : std::uint8_t {
    Continue,  // no verdict: the next rule
    Accept,
    Drop,
    Jump,
    Goto,
    Return,
    Translate,  // dnat, snat, masquerade, redirect, tproxy: ends the chain by accept; `text` says to what
    Elsewhere,  // dup, fwd, queue, flow offload: the packet goes where no later rule sees it
  };
  Kind kind = Kind::Continue;
  std::string chain;  // of Jump and Goto
  std::string text;   // of Translate and Elsewhere, as written
};

// A match is a disjunction of boxes (an anonymous set over a concatenation has several; most have one). A rule with a
// verdict map has one branch an element, tried in order, the first that matches wins; plain rules have one branch.
struct FirewallBranch {
  std::vector<Box> match;  // empty: matches nothing
  FirewallVerdict verdict;
};

struct FirewallRule {
  std::vector<FirewallBranch> branches;
  // Something in the match was not understood: the rule may match less than `branches` say. Rate limits too: `limited`.
  bool understood = true;
  std::string why_not;
  bool limited = false;   // matches at most some of the packets: as an accept it is one, as a drop it holds nothing
  bool rewrites = false;  // changes addresses or payload of the packet (mangle) beside its verdict
  std::string rewrite_text;
  // To another value for all later rules: Mark of `meta mark set`, State of `notrack`; addresses are `rewrites`.
  std::vector<Field> changes;
  Span span;
};

struct FirewallChain {
  std::string name;
  Hook hook = Hook::None;
  std::string type;  // "filter" "nat" "route"
  std::int64_t priority = 0;
  bool policy_accept = true;         // of base chains
  std::vector<std::string> devices;  // netdev: as written; empty where a listing does not say
  std::vector<FirewallRule> rules;
  Span span;
};

enum class TableFamily : std::uint8_t { Ip, Ip6, Inet, Netdev, Bridge, Arp };
std::string_view to_string(TableFamily);

struct FirewallTable {
  TableFamily family = TableFamily::Inet;
  std::string name;
  std::string source_kind;  // "nftables" "nft -j" "iptables-save" "ip6tables-save"
  bool legacy = false;      // iptables-legacy
  std::vector<FirewallChain> chains;
  Span span;
  const FirewallChain* find(std::string_view chain) const;
};

struct Ruleset {
  std::vector<FirewallTable> tables;
  std::vector<Remark> remarks;
  std::vector<Remark> not_understood;
  bool live_listing = false;  // from `nft -j list`: credits no interface with its egress chains
  bool flushes = false;       // begins with `flush ruleset`: loaded after other files, it takes their tables away
  bool has_v4_iptables = false, has_v6_iptables = false;
};

// nftables text: the shape that the emitter writes and what people write like it. Text that is no nftables is a
// diagnostic; a construct of nftables that is not understood makes its rule not understood. Later `table` blocks of one
// name add to it; `delete table` and `flush` before are followed.
bool read_nftables_text(std::uint32_t source, const Sources&, Diagnostics&, Ruleset&);
// `nft -j list ruleset`, any version's.
bool read_nftables_json(const Value& document, const Sources&, Diagnostics&, Ruleset&);
// iptables-save, ip6tables-save (and -legacy, -nft). The family is told by the comment, a chain's ICMP matches or the
// addresses; where nothing tells, both a remark and the reading as both families with accepts only.
bool read_iptables_save(std::uint32_t source, const Sources&, Diagnostics&, Ruleset&);
// Whether the chain is on a hook that looks connections up, ahead of it: there `notrack` makes a packet Untracked.
bool is_before_lookup(const FirewallChain&);
// What the readers do to each chain: before the kernel has looked a connection up, no rule sees its state.
void forget_states_before_lookup(FirewallChain&);
// Guess by content: what of the above the text is.
enum class FirewallText : std::uint8_t { None, NftablesText, IptablesSave };
FirewallText recognise_firewall(std::string_view text);

}  // namespace airtight::verify
