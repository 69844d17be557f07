#include "compiler/verify/dns/resolver_view.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace airtight::verify {
namespace {

// ---- files

std::vector<std::string_view> components(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == ".." && !parts.empty() && parts.back() != "..")
      parts.pop_back();
    else
      parts.push_back(part);
  }
  return parts;
}

bool ends_alike(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b, std::size_t count) {
  return a.size() >= count && b.size() >= count &&
         std::equal(a.rbegin(), a.rbegin() + static_cast<std::ptrdiff_t>(count), b.rbegin());
}

// The file that the configuration means: the one at that path from the configuration, else the only one of that name,
// else the only one of that name in a directory of that name.
const ZoneFile* find_file(const DnsArtifacts& artifacts, const Sources& sources, const ResolverConfiguration& conf,
                          std::string_view file) {
  const std::string& from = sources.name(conf.span.source);
  std::string path(file);
  if (path[0] != '/' && !conf.directory.empty()) path = conf.directory + '/' + path;
  if (path[0] != '/') path = from.substr(0, from.rfind('/') == std::string::npos ? 0 : from.rfind('/')) + '/' + path;
  const std::vector<std::string_view> wanted = components(path);
  if (wanted.empty()) return nullptr;
  for (const ZoneFile& zone : artifacts.zones) {
    if (components(sources.name(zone.source)) == wanted) return &zone;
  }
  for (std::size_t count = 1; count <= 2; ++count) {
    const ZoneFile* only = nullptr;
    std::size_t found = 0;
    for (const ZoneFile& zone : artifacts.zones) {
      if (!ends_alike(components(sources.name(zone.source)), wanted, count)) continue;
      only = &zone;
      ++found;
    }
    if (found == 1) return only;
  }
  return nullptr;
}

LoadedZone load(const ConfiguredZone& configured, const DnsArtifacts& artifacts, const Sources& sources,
                ResolverView& view) {
  LoadedZone zone;
  zone.configured = &configured;
  if (configured.file.empty()) {
    zone.refused = "it names no file";
    return zone;
  }
  zone.file = find_file(artifacts, sources, view.configuration, configured.file);
  if (zone.file == nullptr) {
    zone.refused = "its file " + configured.file + " is not in the input";
    zone.certain = false;
    return zone;
  }
  if (zone.file->origin == "@" || !zone.file->has_soa) {
    std::optional<ZoneFile> again = read_zone_as(configured.name, zone.file->source, sources);
    if (again) zone.file = &view.read_again.emplace_back(std::move(*again));
  }
  if (configured.type == "hint") return zone;
  zone.refused = zone.file->refused;
  if (zone.refused.empty() && zone.file->origin != configured.name) {
    zone.refused = "the file is of zone " + zone.file->origin;
  }
  return zone;
}

// ---- who is asked

DomainSet below(std::string_view name) {
  const std::optional<Domain> domain = Domain::parse(name);
  return domain ? DomainSet::below(*domain) : DomainSet();
}

DomainSet cut_away(const ZoneFile& zone) {
  std::vector<Domain> names;
  for (const Delegation& delegation : zone.delegations) names.push_back(delegation.name);
  return DomainSet::from_suffixes(names);
}

// Shorter names first, so that a later zone is nowhere above an earlier one.
template <class T>
std::vector<const T*> from_the_root(const std::vector<const T*>& zones, std::string (*name)(const T&)) {
  std::vector<const T*> sorted = zones;
  std::stable_sort(sorted.begin(), sorted.end(), [&](const T* a, const T* b) {
    const auto labels = [](const std::string& n) { return n == "." ? 0 : 1 + std::count(n.begin(), n.end(), '.'); };
    return labels(name(*a)) < labels(name(*b));
  });
  return sorted;
}

void look_at_names(ResolverView& view) {
  const ResolverConfiguration& conf = view.configuration;
  std::vector<const LoadedZone*> loaded;
  for (const LoadedZone& zone : view.zones) {
    if (zone.configured->type == "primary" && zone.refused.empty()) loaded.push_back(&zone);
  }
  DomainSet local;
  for (const LoadedZone* zone :
       from_the_root<LoadedZone>(loaded, [](const LoadedZone& z) { return z.configured->name; })) {
    const DomainSet whole = below(zone->configured->name);
    const DomainSet own = whole - cut_away(*zone->file);
    local = (local - whole) | own;
    view.data -= whole;
    if (zone == view.root)
      view.data |= zone->file->data & own;
    else if (!zone->file->policy_zone)
      view.data |= own;
  }
  view.answerable = view.data;
  if (!conf.recursion) return;

  std::vector<const ForwardZone*> forward;
  view.global = conf.forwarders;
  for (const ForwardZone& zone : conf.forward_zones) {
    if (zone.name == ".") {
      view.global.insert(view.global.end(), zone.forwarders.begin(), zone.forwarders.end());
    } else {
      forward.push_back(&zone);
    }
  }
  DomainSet only;
  view.iterated = ~local;
  for (const ForwardZone* zone : from_the_root<ForwardZone>(forward, [](const ForwardZone& z) { return z.name; })) {
    const DomainSet names = below(zone->name);
    for (Forwarding& wider : view.forwarding) wider.names -= names;
    only -= names;
    if (zone->only && !zone->forwarders.empty()) only |= names;
    view.forwarding.push_back({zone, zone->forwarders.empty() ? DomainSet() : names - local});
  }
  view.iterated -= only;
  for (const Forwarding& each : view.forwarding) view.answerable |= each.names;
  if (view.root == nullptr || !view.root->refused.empty() || !view.global.empty()) view.answerable |= view.iterated;
  // Delegations whose name server can be found, until no more are.
  for (bool more = true; more;) {
    view.alive.clear();
    std::vector<Domain> names;
    for (const LoadedZone* zone : loaded) {
      for (const Delegation& delegation : zone->file->delegations) {
        if (zone->file->addresses.empty() &&
            std::none_of(delegation.servers.begin(), delegation.servers.end(),
                         [&](const Domain& server) { return view.answerable.contains(server); })) {
          continue;
        }
        view.alive.push_back(&delegation);
        names.push_back(delegation.name);
      }
    }
    const DomainSet found = DomainSet::from_suffixes(names) & view.iterated;
    more = !found.subset_of(view.answerable);
    view.answerable |= found;
  }
}

IpSet askable(const ResolverConfiguration& conf) {
  std::vector<std::pair<Prefix, bool>> servers = conf.bogus;
  std::stable_sort(servers.begin(), servers.end(),
                   [](const auto& a, const auto& b) { return a.first.length() < b.first.length(); });
  IpSet result = IpSet::all();
  for (const auto& [prefix, bogus] : servers) {
    if (bogus)
      result -= IpSet::of(prefix);
    else
      result |= IpSet::of(prefix);
  }
  return result;
}

// ---- policy zones

template <class Set>
void override_all(PolicyEffect<Set>& effect, RpzAction action) {
  const Set met = effect.met();
  if (action == RpzAction::Passthru || action == RpzAction::TcpOnly) {
    effect = {{}, met, {}};
  } else if (action == RpzAction::Other) {
    effect = {{}, {}, met};
  } else {  // what passes is left as it is: the reading that lets more through
    effect.refused |= effect.replaced;
    effect.replaced = {};
  }
}

void look_at_policy(ResolverView& view) {
  const ResolverConfiguration& conf = view.configuration;
  bool addresses_before = false;
  for (const PolicyZoneUse& use : conf.response_policy) {
    if (use.disabled) continue;
    const auto zone = std::find_if(view.zones.begin(), view.zones.end(),
                                   [&](const LoadedZone& z) { return z.configured->name == use.name; });
    if (zone == view.zones.end()) {
      view.policy_doubts.push_back("policy zone " + use.name + " is no zone of type primary");
      view.policy_certain = false;
      continue;
    }
    const bool empty = zone->file != nullptr && zone->file->data.empty() && zone->file->delegations.empty();
    if (!zone->refused.empty() || !(zone->file->policy_zone || empty)) {
      view.policy_doubts.push_back("policy zone " + use.name + " is not judged: " +
                                   (zone->refused.empty() ? "it has no trigger that is understood" : zone->refused));
      view.policy_certain = false;
      continue;
    }
    PolicyZone in_effect{&use, zone->file, effect_on_names(*zone->file), effect_on_addresses(*zone->file)};
    if (use.override_all) {
      override_all(in_effect.names, *use.override_all);
      override_all(in_effect.addresses, *use.override_all);
    }
    // BIND waits for the answer before it looks at a zone behind one with address triggers, whatever is asked for.
    const DomainSet met_before = view.names.met();
    if (!conf.qname_wait_recurse && !addresses_before) view.refused_early |= in_effect.names.refused - met_before;
    addresses_before = addresses_before || !in_effect.addresses.met().empty();
    view.names.then(in_effect.names);
    view.addresses.then(in_effect.addresses);
    view.policy.push_back(std::move(in_effect));
  }
}

}  // namespace

void look(const DnsArtifacts& artifacts, const Sources& sources, ResolverView& view) {
  view.name = "resolver " + sources.name(view.configuration.span.source);
  for (const ConfiguredZone& zone : view.configuration.zones) {
    if (zone.type == "primary" || zone.type == "hint") view.zones.push_back(load(zone, artifacts, sources, view));
  }
  for (const LoadedZone& zone : view.zones) {
    if (zone.configured->name == ".") (zone.configured->type == "hint" ? view.hint : view.root) = &zone;
  }
  view.askable = askable(view.configuration);
  look_at_names(view);
  look_at_policy(view);
}

}  // namespace airtight::verify
