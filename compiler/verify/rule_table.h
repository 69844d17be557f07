// The closed, documented list of what the verifier may find. An id is never given a second meaning.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace airtight::verify {

// AT-V0 the proof itself, AT-V1 ways around it in the cluster, AT-V2 objects that are not what they seem, AT-V3
// firewall, AT-V4 dns, AT-V5 what could not be understood.
enum class Rule : std::uint8_t {
  NotSealed,               // AT-V001 traffic to the outside is let through
  OpenFromOutside,         // AT-V002 an outside source may open a connection in
  Incomplete,              // AT-V003 a declared flow is not allowed
  Excess,                  // AT-V004 more is allowed than declared
  ExpiredException,        // AT-V005 a rule still lets an expired exception through
  HeldByNoLayer,           // AT-V006 no given layer holds it (together)
  ReachesPodsByIpBlock,    // AT-V007 a declared flow to pods passes by ipBlock only (R09)
  NothingJudged,           // AT-V008 no workload and no spec, or nothing recognised
  HostNetwork,             // AT-V101
  UndoesIsolation,         // AT-V102 hostPID, hostIPC, privileged, NET_ADMIN, a runtime socket
  ExternalName,            // AT-V103
  ExternalIps,             // AT-V104
  OutsideEndpoints,        // AT-V105 EndpointSlice or Endpoints with outside addresses
  LoadBalancer,            // AT-V106
  NodePort,                // AT-V107
  HostPort,                // AT-V108
  NamespaceWithoutPolicy,  // AT-V109
  AdditiveHole,            // AT-V110 somebody may create NetworkPolicies, and no Admin-tier deny holds
  SecondaryNetwork,        // AT-V111 Multus, user-defined networks
  CloudAddress,            // AT-V112 an address that looks private and is a cloud's service
  RefusedObject,           // AT-V201 the API server would refuse it
  UnknownField,            // AT-V202
  SameNameTwice,           // AT-V203
  SelectsNothing,          // AT-V204 a policy selects no workload of the input
  NamespaceGuessed,        // AT-V205 an object without namespace
  EqualPriority,           // AT-V206 equal priorities with different actions
  StatefulAccept,          // AT-V301 established packets pass to the outside
  TranslationAfterCheck,   // AT-V302 addresses change behind the check
  AroundTheCheck,          // AT-V303 dup, fwd, queue, offload
  OneFamilyOnly,           // AT-V304 a dump of one family only
  EgressHoldsNoDevice,     // AT-V305 a netdev chain without a device, or one that a listing does not name
  SocketMark,              // AT-V306 a hole keyed on a mark alone
  SourceRoute,             // AT-V307 source routing is not dropped (assumption)
  SpoofableFrameType,      // AT-V308 the egress chain trusts what the sender says instead of the bytes
  Upstream,                // AT-V401 a resolver has an upstream for outside names
  OutsideAnswer,           // AT-V402 an outside address may be answered
  OutsideName,             // AT-V403 an outside name is not refused
  ZoneNotUsed,             // AT-V404 a policy zone that no configuration uses
  ZoneOrder,               // AT-V405 an order in which one zone switches the other off
  NoResolver,              // AT-V406 zones without a resolver configuration
  KindNotUnderstood,       // AT-V501
  FieldNotUnderstood,      // AT-V502
  RuleNotUnderstood,       // AT-V503
  TooMuch,                 // AT-V504 a bound of the verifier was met
};

struct RuleInfo {
  Rule rule;
  std::string_view id;           // "AT-V001"
  std::string_view name;         // PascalCase, for SARIF: "NotSealed"
  std::string_view title;        // a noun phrase
  std::string_view explanation;  // what it means, why it matters and what to do, in sentences
  std::string_view level;        // SARIF: "error" "warning" "note"; the exit code does not depend on it
};

std::span<const RuleInfo> rule_table();
const RuleInfo& info(Rule);
std::optional<RuleInfo> find_rule(std::string_view id);  // case-folded

}  // namespace airtight::verify
