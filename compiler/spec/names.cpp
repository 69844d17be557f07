#include "compiler/spec/names.h"

#include <algorithm>
#include <string>
#include <utility>

#include "compiler/spec/boundary.h"

namespace airtight {
namespace {

class Names {
 public:
  Names(const Spec& spec, const Sources& sources, Policy& policy, Diagnostics& diagnostics)
      : spec_(spec),
        sources_(sources),
        policy_(policy),
        diagnostics_(diagnostics),
        denied_catalogue_names_(policy.denied_catalogue_names()) {}

  void resolve() {
    for (const Located<Domain>& name : spec_.deny_names) {
      if (name.value.is_root()) {
        diagnostics_.error(Code::RootZone, name.at, "dns.deny: the root would deny every name");
        continue;
      }
      policy_.denied_names.push_back({name.value, origin_of(sources_, name.at)});
    }
    std::vector<Domain> own;
    for (const Endpoint& endpoint : policy_.endpoints)
      own.insert(own.end(), endpoint.names.begin(), endpoint.names.end());
    own_names_ = DomainSet::from_suffixes(own);
    zones();
    for (const SpecEndpoint& endpoint : spec_.endpoints)
      for (const Located<Domain>& name : endpoint.names) endpoint_name(endpoint, name);
    if (spec_.cluster.domain.value.is_root())
      diagnostics_.error(Code::RootZone, spec_.cluster.domain.at,
                         "boundary.cluster.domain: the root cannot be an inside zone");
    else
      refuse_denied(spec_.cluster.domain, "boundary.cluster.domain", false);
    inside();
  }

 private:
  void zones() {
    for (const SpecZone& from : spec_.zones) {
      if (from.name.value.is_root()) {
        diagnostics_.error(Code::RootZone, from.name.at, "dns.zones: the root cannot be an inside zone")
            .help("list the zones that the site serves itself");
        continue;
      }
      refuse_denied(from.name, "dns.zones", own_names_beat_catalogues() && own_names_.contains(from.name.value));
      Zone zone{from.name.value, {}, origin_of(sources_, from.name.at)};
      for (const Located<std::string>& name : from.forward)
        if (const std::optional<std::size_t> index = resolver(name)) zone.forward.push_back(*index);
      policy_.zones.push_back(std::move(zone));
    }
  }

  std::optional<std::size_t> resolver(const Located<std::string>& name) {
    const auto found = std::find_if(policy_.endpoints.begin(), policy_.endpoints.end(),
                                    [&](const Endpoint& e) { return e.name == name.value; });
    if (found == policy_.endpoints.end()) {
      std::vector<std::string_view> names;
      for (const Endpoint& endpoint : policy_.endpoints) names.push_back(endpoint.name);
      Diagnostic& error = diagnostics_.error(Code::UnknownName, name.at,
                                             "dns.zones.forward: " + quoted(name.value) + " is no endpoint");
      if (const std::string_view near = nearest(name.value, names); !near.empty())
        error.help("did you mean '" + std::string(near) + "'?");
      return std::nullopt;
    }
    const bool port = found->ports.contains(Protocol::Udp, 53) || found->ports.contains(Protocol::Tcp, 53);
    if (found->role != Role::Dns || !port) {
      diagnostics_
          .error(Code::BadForward, name.at,
                 "dns.zones.forward: endpoint " + quoted(name.value) +
                     (found->role != Role::Dns ? " has role " + std::string(to_string(found->role))
                                               : " does not listen on port 53"))
          .expect("an endpoint of role dns with ports [53/udp, 53/tcp]")
          .note(found->origin.span, "the endpoint");
      return std::nullopt;
    }
    const auto index = static_cast<std::size_t>(found - policy_.endpoints.begin());
    const bool may_ask = std::any_of(policy_.flows.begin(), policy_.flows.end(), [&](const Flow& flow) {
      return flow.from.kind == Peer::Kind::ClusterDns && flow.to == Peer{Peer::Kind::Endpoint, index};
    });
    if (!may_ask && policy_.cluster.dns)
      diagnostics_.warning(Code::ForwardWithoutFlow, name.at, "no flow lets cluster-dns ask " + quoted(name.value))
          .help("add {from: cluster-dns, to: " + name.value +
                ", why: inside zones are forwarded}, if pods shall resolve the zone");
    return index;
  }

  void endpoint_name(const SpecEndpoint& endpoint, const Located<Domain>& name) {
    if (name.value.is_root()) {
      diagnostics_.error(Code::RootZone, name.at,
                         "endpoint " + quoted(endpoint.name.value) + ": the root is no endpoint's name");
      return;
    }
    refuse_denied(name, "endpoint " + quoted(endpoint.name.value) + ".names", own_names_beat_catalogues());
  }

  // PrivateLink endpoints keep their public names, and a zone of such a name must be forwarded (DESIGN §2,
  // "Catalogues").
  bool own_names_beat_catalogues() const { return policy_.mode == Mode::PrivateVpc; }

  void refuse_denied(const Located<Domain>& name, const std::string& what, bool beats_catalogues) {
    for (const DeniedName& denied : policy_.denied_names)
      if (name.value.is_within(denied.name)) {
        diagnostics_.error(Code::NameDenied, name.at, what + ": " + name.value.text() + " is denied by dns.deny")
            .note(denied.origin.span, "denied here");
        return;
      }
    if (beats_catalogues || !denied_catalogue_names_.contains(name.value)) return;
    for (const Catalogue& catalogue : policy_.catalogues) {
      if (!catalogue.denied) continue;
      for (const CatalogueEntry& entry : catalogue.entries) {
        using Match = CatalogueEntry::Match;
        const bool hit = (entry.match == Match::Exact && entry.value == name.value.text()) ||
                         (entry.match == Match::Suffix && name.value.is_within(Domain::parse(entry.value).value()));
        if (!hit) continue;
        Diagnostic& error = diagnostics_.error(
            Code::NameDenied, name.at,
            what + ": " + name.value.text() + " is denied by catalogue '" + catalogue.name + "' (" + entry.label + ")");
        if (policy_.mode == Mode::Airgapped)
          error.help("an inside system has an inside name; PrivateLink names belong to `mode: private-vpc`");
        return;
      }
    }
  }

  void inside() {
    std::vector<Domain> suffixes;
    for (const Zone& zone : policy_.zones) suffixes.push_back(zone.name);
    suffixes.push_back(policy_.cluster.domain);
    for (const Endpoint& endpoint : policy_.endpoints)
      suffixes.insert(suffixes.end(), endpoint.names.begin(), endpoint.names.end());
    for (const Prefix& prefix : policy_.inside.prefixes())
      for (Domain& zone : reverse_zones(prefix)) suffixes.push_back(std::move(zone));
    std::vector<Domain> denied;
    for (const DeniedName& name : policy_.denied_names) denied.push_back(name.name);
    DomainSet catalogues = denied_catalogue_names_;
    if (own_names_beat_catalogues()) catalogues -= own_names_;
    policy_.inside_names = DomainSet::from_suffixes(suffixes) - (DomainSet::from_suffixes(denied) | catalogues);
  }

  const Spec& spec_;
  const Sources& sources_;
  Policy& policy_;
  Diagnostics& diagnostics_;
  const DomainSet denied_catalogue_names_;
  DomainSet own_names_;  // of endpoints, and what is below
};

}  // namespace

std::vector<Domain> reverse_zones(const Prefix& prefix) {
  const bool v4 = prefix.family() == Family::V4;
  const int step = v4 ? 8 : 4;
  const int whole = v4 ? 32 : 128;
  const int length = (prefix.length() + step - 1) / step * step;  // the next label boundary
  const auto labels = static_cast<std::size_t>((whole - length) / step);
  const u128 stride = length == 0 ? 0 : static_cast<u128>(1) << (whole - length);
  const unsigned count = 1U << (length - prefix.length());
  std::vector<Domain> zones;
  for (unsigned i = 0; i < count; ++i) {
    const u128 bits = prefix.first().bits() + stride * i;
    std::string name = reverse_name(v4 ? Ip::v4(static_cast<std::uint32_t>(bits)) : Ip::v6(bits)).text();
    for (std::size_t dropped = 0; dropped < labels; ++dropped) name.erase(0, name.find('.') + 1);
    zones.push_back(Domain::parse(name).value());
  }
  return zones;
}

void resolve_names(const Spec& spec, const Sources& sources, Policy& policy, Diagnostics& diagnostics) {
  Names(spec, sources, policy, diagnostics).resolve();
}

}  // namespace airtight
