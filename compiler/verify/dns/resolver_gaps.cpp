#include "compiler/verify/dns/resolver_gaps.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "compiler/policy/diagnostic.h"
#include "compiler/verify/dns/name_words.h"

namespace airtight::verify {
namespace {

Span options_of(const ResolverConfiguration& conf) { return conf.options_span.known() ? conf.options_span : conf.span; }

// The forward zone that decides for the name; nullptr if none does.
const Forwarding* nearest_to(const Domain& name, const ResolverView& view) {
  const Forwarding* nearest = nullptr;
  for (const Forwarding& each : view.forwarding) {  // shorter names first
    const std::optional<Domain> above = Domain::parse(each.zone->name);
    if (above && name.is_within(*above)) nearest = &each;
  }
  return nearest;
}

void zone_gaps(const Zone& zone, const ResolverView& view, const Policy& policy, const DomainSet& inside_names,
               std::vector<Gap>& out) {
  const std::string name = to_string(zone.name);
  const Forwarding* nearest = nearest_to(zone.name, view);
  if (nearest == nullptr) {
    out.push_back({view.configuration.span, "inside zone " + quoted(name) + " is not forwarded", name});
    return;
  }
  IpSet wanted;
  for (const std::size_t index : zone.forward) wanted |= policy.endpoints[index].addresses;
  const auto reaches = [&](const auto& forwarder) {
    return wanted.contains(forwarder.first) && view.askable.contains(forwarder.first);
  };
  const DomainSet names = DomainSet::below(zone.name) & inside_names;
  if (std::none_of(nearest->zone->forwarders.begin(), nearest->zone->forwarders.end(), reaches)) {
    out.push_back(
        {nearest->zone->where, "inside zone " + quoted(name) + " is forwarded to none of its declared servers", name});
    return;
  }
  DomainSet hidden = names - view.data;
  for (const Forwarding& each : view.forwarding) hidden -= each.names;
  if (!hidden.empty()) {
    out.push_back({nearest->zone->where,
                   "inside zone " + quoted(name) + " is not delegated by the root, so it is never asked for",
                   to_string(smallest_name(hidden))});
  }
  if (const DomainSet refused = names & view.names.refused; !refused.empty()) {
    out.push_back({view.configuration.policy_span, "an inside name is refused by a policy zone",
                   to_string(smallest_name(refused))});
  }
}

// Zones that the server makes up (RFC 6303) unless it is told not to, those of inside addresses among them.
std::vector<Domain> made_up_zones() {
  std::vector<Domain> zones;
  const auto make = [&](std::string_view text) {
    if (std::optional<Domain> name = Domain::parse(text)) zones.push_back(std::move(*name));
  };
  constexpr std::array<std::string_view, 10> kZones{
      "10.in-addr.arpa", "168.192.in-addr.arpa", "254.169.in-addr.arpa", "127.in-addr.arpa", "d.f.ip6.arpa",
      "8.e.f.ip6.arpa",  "9.e.f.ip6.arpa",       "a.e.f.ip6.arpa",       "b.e.f.ip6.arpa",   "home.arpa"};
  for (const std::string_view zone : kZones) make(zone);
  for (int i = 16; i < 32; ++i) make(std::to_string(i) + ".172.in-addr.arpa");
  for (int i = 64; i < 128; ++i) make(std::to_string(i) + ".100.in-addr.arpa");
  return zones;
}

// One of them answers for all below it, but stands back where it is itself forwarded.
void hidden_by_made_up_zones(const Zone& zone, const ResolverView& view, std::vector<Gap>& out) {
  for (const Domain& made_up : made_up_zones()) {
    if (!zone.name.is_within(made_up)) continue;
    const Forwarding* forwarded = nearest_to(made_up, view);
    if (forwarded != nullptr && forwarded->zone->only) continue;
    out.push_back({options_of(view.configuration),
                   "the server makes up zone " + quoted(to_string(made_up)) + ", which hides an inside zone",
                   to_string(zone.name)});
  }
}

}  // namespace

std::vector<Gap> gaps(const ResolverView& view, const Policy& policy, const DomainSet& inside_names, Date at) {
  const ResolverConfiguration& conf = view.configuration;
  std::vector<Gap> out;
  bool forwards = false;
  for (const Zone& zone : policy.zones) {
    if (zone.forward.empty()) continue;
    forwards = true;
    zone_gaps(zone, view, policy, inside_names, out);
    if (conf.empty_zones) hidden_by_made_up_zones(zone, view, out);
  }
  if (!forwards) return out;
  if (const IpSet refused = policy.inside & view.addresses.refused; !refused.empty()) {
    out.push_back({conf.policy_span, "answers with an inside address are refused by a policy zone",
                   to_string(smallest_address(refused))});
  }
  IpSet excepted;
  for (const Exception& exception : policy.exceptions)
    if (at <= exception.expires) excepted |= IpSet::of(exception.to);
  if (const IpSet refused = excepted & view.addresses.refused; !refused.empty()) {
    out.push_back({conf.policy_span, "answers with the address of an exception in force are refused by a policy zone",
                   to_string(smallest_address(refused))});
  }
  if (conf.dnssec_validation && view.root != nullptr) {
    out.push_back(
        {options_of(conf), "signatures are validated under a root of its own, so every inside answer fails", ""});
  }
  return out;
}

}  // namespace airtight::verify
