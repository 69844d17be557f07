// One configuration with its files: whom it asks for which names, and what its policy zones do, before anything is
// judged.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "compiler/net/domain.h"
#include "compiler/net/ip_set.h"
#include "compiler/policy/source.h"
#include "compiler/verify/dns/policy_zones.h"
#include "compiler/verify/dns/zones.h"

namespace airtight::verify {

// A zone of type primary or hint with its file.
struct LoadedZone {
  const ConfiguredZone* configured = nullptr;
  const ZoneFile* file = nullptr;  // nullptr: not in the input
  std::string refused;             // why the server would not load it, or cannot be said to; empty if it would
  bool certain = true;             // false: what is wrong may be the input's lack
};

struct Forwarding {
  const ForwardZone* zone = nullptr;
  DomainSet names;  // that are asked of its forwarders
};

// A response policy zone in effect, in the order of the configuration.
struct PolicyZone {
  const PolicyZoneUse* use = nullptr;
  const ZoneFile* file = nullptr;
  PolicyEffect<DomainSet> names;
  PolicyEffect<IpSet> addresses;
};

struct ResolverView {
  explicit ResolverView(const ResolverConfiguration& conf) : configuration(conf) {}
  ResolverView(const ResolverView&) = delete;
  ResolverView& operator=(const ResolverView&) = delete;

  const ResolverConfiguration& configuration;
  std::string name;                  // "resolver bind/named.conf"
  std::vector<LoadedZone> zones;     // primary and hint
  const LoadedZone* root = nullptr;  // zone "." of type primary
  const LoadedZone* hint = nullptr;  // zone "." of type hint

  IpSet askable;                            // addresses that a `server` statement does not call bogus
  std::vector<std::pair<Ip, Span>> global;  // forwarders for everything
  std::vector<Forwarding> forwarding;       // of the other forward zones
  DomainSet iterated;                       // names asked of whoever the nearest delegation, or a root server, names
  DomainSet data;                           // names answered from a local zone
  DomainSet answerable;  // data and forwarded names, and the iterated ones if anybody can be asked for them
  std::vector<const Delegation*> alive;  // delegations whose name server may get an address

  std::vector<PolicyZone> policy;
  bool policy_certain = true;  // every zone of response-policy is in the input and can be read
  std::vector<std::string> policy_doubts;
  PolicyEffect<DomainSet> names;  // of all zones together
  PolicyEffect<IpSet> addresses;
  DomainSet refused_early;          // before anything is asked
  std::deque<ZoneFile> read_again;  // files whose origin the configuration gives
};

// `view` is made for the same configuration.
void look(const DnsArtifacts&, const Sources&, ResolverView& view);

}  // namespace airtight::verify
