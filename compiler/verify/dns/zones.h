// Resolver configuration and zones as read: BIND's named.conf, master files (RFC 1035 §5) and response policy zones in
// them (draft-vixie-dnsop-dns-rpz). Readers fill it, policy_zones.h says what policy zones do, judge_dns judges.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/net/domain.h"
#include "compiler/net/ip_set.h"
#include "compiler/policy/diagnostic.h"
#include "compiler/policy/source.h"
#include "compiler/verify/kubernetes/objects.h"

namespace airtight::verify {

// What a trigger does with the answer. Other: local data in its place.
enum class RpzAction : std::uint8_t { NxDomain, NoData, Drop, Passthru, TcpOnly, Other };

struct RpzTrigger {
  std::string owner;     // below the zone, lower case, "*" kept; empty for an address trigger that is understood
  bool address = false;  // rpz-ip
  Prefix prefix = Prefix::host(Ip::v4(0));
  bool understood = true;  // rpz-nsip, rpz-client-ip, owners that are no names, prefixes that servers refuse are not
  RpzAction action = RpzAction::Other;
  Span where;  // of the owner
};

struct Delegation {
  Domain name = Domain::root();
  std::vector<Domain> servers;
  Span where;
};

struct ZoneFile {
  std::string origin;  // the owner of the SOA: "." for the root, "@" where the file leaves it to the configuration
  bool policy_zone = false;
  std::vector<RpzTrigger> triggers;            // of policy zones
  std::vector<std::pair<Ip, Span>> addresses;  // of every A and AAAA record
  std::vector<Delegation> delegations;         // of other zones; by name, each once
  DomainSet data;                              // of other zones: names below the origin with other records
  bool has_soa = false;                        // without one it is a file of root hints, or no server loads it
  bool has_ns = false;
  std::string refused;  // why a server would not load it; empty if it would
  std::uint32_t source = 0;
  Span span;
};

struct ForwardZone {
  std::string name;   // "." for everything
  bool only = false;  // forward only
  std::vector<std::pair<Ip, Span>> forwarders;
  Span where;
};

struct ConfiguredZone {
  std::string name;                          // lower case, no final dot; "." for the root
  std::string type;                          // "primary" "forward" "hint" "stub" "static-stub" "secondary" "mirror" …
  std::string file;                          // as written
  std::vector<std::pair<Ip, Span>> servers;  // primaries and server addresses
  Span where;
};

// One zone of a response-policy statement.
struct PolicyZoneUse {
  std::string name;
  bool disabled = false;                  // policy disabled
  std::optional<RpzAction> override_all;  // policy nxdomain, passthru, cname …: in place of what the triggers say
  std::optional<bool> recursive_only;
  Span where;
};

// One named.conf. Defaults are those of BIND 9.18.
struct ResolverConfiguration {
  std::string kind = "bind";
  std::string directory;
  std::vector<std::pair<Ip, Span>> forwarders;  // of options: for everything
  std::vector<ForwardZone> forward_zones;
  std::vector<ConfiguredZone> zones;
  std::vector<PolicyZoneUse> response_policy;  // in order
  bool qname_wait_recurse = true;
  bool break_dnssec = false;
  bool recursive_only = true;
  bool minimal_responses = false;  // `yes`: no addresses beside the answer
  bool dnssec_validation = true;
  bool empty_zones = true;
  bool recursion = true;
  std::vector<std::pair<Prefix, bool>> bogus;  // server statements: prefix, bogus; the longest prefix wins
  Span policy_span;                            // of response-policy
  Span options_span;                           // of `options`
  // False if something in it was not understood, so that what is absent here may stand there.
  bool whole = true;
  Span span;
};

struct DnsArtifacts {
  std::vector<ZoneFile> zones;
  std::vector<ResolverConfiguration> resolvers;
  std::vector<Remark> remarks;
  // What may give an upstream or an answer and was not understood: inconclusive, where the file is in use.
  std::vector<Remark> not_understood;
  bool empty() const { return zones.empty() && resolvers.empty(); }
};

// Each stops at the first error; false if there was one. Whatever loads in a server and is not understood is remarked.
bool read_zone_file(std::uint32_t source, const Sources&, Diagnostics&, DnsArtifacts&);
bool read_named_conf(std::uint32_t source, const Sources&, Diagnostics&, DnsArtifacts&);
// The file as a server reads it under the name that its configuration gives ("." or without final dot).
std::optional<ZoneFile> read_zone_as(std::string_view origin, std::uint32_t source, const Sources&);

enum class DnsText : std::uint8_t { None, ZoneFile, NamedConf };
DnsText recognise_dns(std::string_view text);

// The address trigger without ".rpz-ip", "24.0.2.0.192" or "32.zz.db8.2001", in the one spelling that servers take.
std::optional<Prefix> parse_rpz_prefix(std::string_view text);

}  // namespace airtight::verify
