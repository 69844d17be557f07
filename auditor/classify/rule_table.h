// Classes (DESIGN §6) and rules: what a packet can be found to be, in one table. Ids never change meaning and are never
// given out again.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace airtight::audit {

enum class Class : std::uint8_t {
  InsideDeclared,
  InsideCluster,
  InsideUndeclared,
  LinkLocal,
  RogueServer,
  Attempt,     // of the agent only, where every uplink is conserved
  Unresolved,  // an attempt that nothing shows to have been held
  Excepted,
  Escape,
  OutsideInbound,
  NonIp,
  OutsideName,
  OutsideNameInTls,
  EncryptedDns,
  Tunnel,
  Undecodable,
};
inline constexpr std::size_t kClassCount = 16;
std::string_view to_string(Class);  // "inside-declared" … "outside-name-in-tls"
std::optional<Class> parse_class(std::string_view);

// What a finding does to the verdict.
enum class Effect : std::uint8_t { None, Inconclusive, Violated };
std::string_view to_string(Effect);  // "listed" "inconclusive" "violated"

enum class Rule : std::uint8_t {
  PacketLeft,           // AT-A001
  ReplyLeft,            // AT-A002
  ExceptionMisused,     // AT-A003
  ExceptionExpired,     // AT-A004
  SourceRouteLeads,     // AT-A005
  ExceptionBy,          // AT-A006 excepted, listed
  ExceptionUntold,      // AT-A007 who sent it cannot be told
  AttemptUnresolved,    // AT-A008
  AttemptHeld,          // AT-A009 the agent's
  UndeclaredEtherType,  // AT-A010
  UndeclaredTag,        // AT-A011
  InsideUndeclared,     // AT-A012
  Inbound,              // AT-A013
  ReceivedForOutside,   // AT-A014
  EmbeddedOutside,      // AT-A015 an inside IPv6 address carries an outside IPv4 one
  NameAskedOutside,     // AT-A020 outside name, outside or undeclared resolver
  NameAsked,            // AT-A021 outside name asked of a declared resolver
  ResolverHasUpstream,  // AT-A022 answered with anything but an inside address or a denial
  AnswerOutside,        // AT-A023 inside name, outside address
  NameInClear,       // AT-A024 outside name in TLS, HTTP, QUIC, SOCKS toward a peer outside the cluster, at an uplink
  NameInCluster,     // AT-A025 the same toward the cluster, or at the pod side
  NameHidden,        // AT-A026 ECH
  HandshakeUnread,   // AT-A027 a hello that could not be put together
  EncryptedDns,      // AT-A028
  InnerLeft,         // AT-A030 a level inside a tunnel leads outside
  TunnelOpaque,      // AT-A031
  TunnelTooDeep,     // AT-A032
  RogueServer,       // AT-A040
  RogueOffer,        // AT-A041 offers an outside resolver or router
  Truncated,         // AT-A050 cut by the snap length before it could be judged
  Malformed,         // AT-A051
  UnknownLink,       // AT-A052
  ArpShape,          // AT-A053 an ARP frame that is not one
  FragmentOverlap,   // AT-A054
  FragmentTiny,      // AT-A055
  FragmentOversize,  // AT-A056
  StreamConflict,    // AT-A057 TCP bytes sent twice with different values
};
inline constexpr std::size_t kRuleCount = 37;

struct RuleInfo {
  Rule rule;
  std::string_view id;       // "AT-A001"
  Class cls;                 // of what it finds, where packets do not have one already
  Effect effect;             // at an uplink
  Effect pod_side;           // at a pod-side interface
  std::string_view title;    // one line: what happened, as a heading over findings
  std::string_view meaning;  // paragraph: why that matters
  std::string_view cure;     // what to do
};
const RuleInfo& info(Rule);
std::span<const RuleInfo> rule_table();  // by id
// By "AT-A001" or "a001"; nullptr if there is none.
const RuleInfo* find_rule(std::string_view id);

}  // namespace airtight::audit
