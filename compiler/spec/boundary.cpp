#include "compiler/spec/boundary.h"

#include <algorithm>
#include <string>
#include <utility>

namespace airtight {
namespace {

Prefix prefix(std::string_view text) { return Prefix::parse(text).value(); }

IpSet private_space() {
  const Prefix blocks[] = {prefix("10.0.0.0/8"), prefix("172.16.0.0/12"), prefix("192.168.0.0/16"),
                           prefix("fc00::/7")};  // RFC 1918, RFC 4193
  return IpSet::from(std::span<const Prefix>(blocks));
}

IpSet loopback() { return IpSet::of(prefix("127.0.0.0/8")) | IpSet::of(prefix("::1/128")); }
IpSet link_local() { return IpSet::of(prefix("169.254.0.0/16")) | IpSet::of(prefix("fe80::/10")); }
IpSet multicast_space() { return IpSet::of(prefix("224.0.0.0/4")) | IpSet::of(prefix("ff00::/8")); }

// Where IPv6 carries IPv4: the mechanisms of embedded_ipv4(), as prefixes.
IpSet ipv4_carriers() {
  const Prefix blocks[] = {prefix("::ffff:0:0/96"),  prefix("::ffff:0:0:0/96"), prefix("64:ff9b::/96"),
                           prefix("64:ff9b:1::/48"), prefix("2002::/16"),       prefix("2001::/32"),
                           prefix("::/96")};
  return IpSet::from(std::span<const Prefix>(blocks));
}

// Address space that the registries call not globally reachable. Documentation ranges count as global here: they
// stand for the internet in examples and must not slip into a boundary unseen.
IpSet not_global(const Rules& rules) {
  std::vector<const RegistryRow*> rows;
  for (const Registry& registry : rules.registries)
    for (const RegistryRow& row : registry.rows) rows.push_back(&row);
  std::stable_sort(rows.begin(), rows.end(), [](const RegistryRow* a, const RegistryRow* b) {
    return a->address.length() < b->address.length();
  });
  IpSet set;
  for (const RegistryRow* row : rows) {  // from wide to narrow: a more specific row overrides
    const bool documentation = row->name.find("Documentation") != std::string::npos;
    if (row->global == false && !documentation)
      set |= IpSet::of(row->address);
    else
      set -= IpSet::of(row->address);
  }
  return set;
}

class Boundary {
 public:
  Boundary(const Spec& spec, const Rules& rules, const Sources& sources, Policy& policy, Diagnostics& diagnostics)
      : spec_(spec),
        sources_(sources),
        policy_(policy),
        diagnostics_(diagnostics),
        not_global_(not_global(rules)),
        denied_(policy.denied_addresses()) {
    for (const SpecInternal& range : spec.internal) internal_ |= IpSet::of(range.cidr.value);
  }

  void resolve() {
    cluster();
    for (const Located<Prefix>& p : spec_.cluster.pods) inside(p, "pods", {}, {});
    for (const Located<Prefix>& p : spec_.cluster.services) inside(p, "services", {}, {});
    for (const Located<Prefix>& p : spec_.cluster.nodes) inside(p, "nodes", {}, {});
    for (const Located<Prefix>& p : spec_.cluster.node_tunnels) inside(p, "nodeTunnels", {}, {});
    for (const Located<AddressPort>& s : spec_.cluster.api_server)
      inside({Prefix::host(s.value.address), s.at}, "apiServer", {}, {});
    if (spec_.cluster.dns)
      for (const Located<Ip>& ip : spec_.cluster.dns->node_local)
        inside({Prefix::host(ip.value), ip.at}, "dns.nodeLocal", {}, {});
    for (const SpecInternal& range : spec_.internal) internal(range);
    for (const SpecEndpoint& endpoint : spec_.endpoints)
      for (const Located<Prefix>& address : endpoint.addresses) {
        in_cluster(endpoint, address);
        inside(address, "endpoint " + endpoint.name.value, endpoint.why, {});
      }
    for (const Prefix& p : loopback().prefixes()) add(p, "loopback", {}, {}, {});
    std::vector<Prefix> all;
    for (const InsideRange& range : policy_.inside_ranges) all.push_back(range.prefix);
    policy_.inside = IpSet::from(std::span<const Prefix>(all));
    whole_family();
    overlaps();
    services_addresses();
    groups();
  }

 private:
  void add(const Prefix& p, std::string what, std::string why, std::string approved_by, Span at) {
    policy_.inside_ranges.push_back(
        {p, std::move(what), std::move(why), std::move(approved_by), at.known() ? origin_of(sources_, at) : Origin{}});
  }

  void inside(const Located<Prefix>& range, std::string what, std::string why, std::string approved_by) {
    const std::string name = what + ": " + to_string(range.value);
    const IpSet set = IpSet::of(range.value);
    if (refuse_embedded_ipv4(range, what, diagnostics_)) return;
    const bool allowed = what == "dns.nodeLocal" && set.subset_of(link_local());
    if (!allowed && !set.subset_of(private_) && !set.subset_of(internal_)) {
      diagnostics_.error(Code::NotPrivate, range.at, name + " is not private address space")
          .expect("RFC 1918 or fc00::/7" + std::string(what == "dns.nodeLocal" ? ", or link-local" : ""))
          .help("if it is inside all the same, list it under boundary.internal with a reason");
      return;
    }
    if (refuse_denied_address(range, what, policy_, denied_, diagnostics_)) return;
    add(range.value, std::move(what), std::move(why), std::move(approved_by), range.at);
  }

  void internal(const SpecInternal& range) {
    const IpSet set = IpSet::of(range.cidr.value);
    const std::string name = "boundary.internal: " + to_string(range.cidr.value);
    if (refuse_embedded_ipv4(range.cidr, "boundary.internal", diagnostics_)) return;
    if (set.intersects(multicast_space()) && range.cidr.value.length() != 0) {
      diagnostics_.error(Code::OutOfRange, range.cidr.at, name + " is multicast space")
          .help("groups that may be spoken to go under boundary.multicast");
      return;
    }
    const IpSet global = set - not_global_ - private_;
    if (!global.empty() && range.approved_by.empty()) {
      diagnostics_
          .error(Code::NeedsApproval, range.cidr.at,
                 name + " is global address space" +
                     (set == global ? std::string() : ", at least " + to_string(global.prefixes().front())))
          .help("approvedBy: says who takes the responsibility that these addresses never leave the site");
      return;
    }
    if (refuse_denied_address(range.cidr, "boundary.internal", policy_, denied_, diagnostics_)) return;
    add(range.cidr.value, "internal", range.why, range.approved_by, range.cidr.at);
  }

  // Plugins do not match pods by address, and a Service address is translated before any rule sees it.
  void in_cluster(const SpecEndpoint& endpoint, const Located<Prefix>& address) {
    const auto refuse = [&](const std::vector<Located<Prefix>>& ranges, const char* what) {
      for (const Located<Prefix>& range : ranges)
        if (IpSet::of(range.value).intersects(IpSet::of(address.value))) {
          diagnostics_
              .error(Code::EndpointInCluster, address.at,
                     "endpoint " + quoted(endpoint.name.value) + ": " + to_string(address.value) +
                         " lies in the cluster's " + what + " range")
              .note(range.at, "the " + std::string(what) + " range")
              .help("declare the workload behind it under `workloads`");
          return;
        }
    };
    refuse(spec_.cluster.pods, "pods");
    refuse(spec_.cluster.services, "services");
  }

  void whole_family() {
    // Unicast space: what is not 224.0.0.0/3, and of IPv6 all that IANA has given out, less what carries IPv4 and is
    // refused on its own.
    const IpSet v4_unicast = IpSet::all_v4() - IpSet::of(prefix("224.0.0.0/3")),
                v6_unicast = IpSet::of(prefix("2000::/3")) - ipv4_carriers();
    const auto full = [&](bool v4) { return (v4 ? v4_unicast : v6_unicast).subset_of(policy_.inside); };
    for (const bool v4 : {true, false})
      if (full(v4)) {
        const Span at = spec_.internal.empty() ? spec_.cluster.at : spec_.internal.front().cidr.at;
        diagnostics_
            .error(Code::BoundaryTooWide, at,
                   std::string("every ") + (v4 ? "IPv4" : "IPv6") + " address would be inside")
            .help("name the ranges that the site really uses");
      }
  }

  void overlaps() {
    struct Named {
      const char* name;
      const std::vector<Located<Prefix>>* ranges;
    };
    const Named kinds[] = {{"pods", &spec_.cluster.pods},
                           {"services", &spec_.cluster.services},
                           {"nodes", &spec_.cluster.nodes},
                           {"nodeTunnels", &spec_.cluster.node_tunnels}};
    for (std::size_t i = 0; i < std::size(kinds); ++i)
      for (std::size_t j = i + 1; j < std::size(kinds); ++j) {
        if (std::string_view(kinds[i].name) == "pods" && std::string_view(kinds[j].name) == "nodeTunnels")
          continue;  // overlay devices take pod addresses
        overlap(kinds[i].name, *kinds[i].ranges, kinds[j].name, *kinds[j].ranges);
      }
  }

  void overlap(const char* a_name, const std::vector<Located<Prefix>>& a, const char* b_name,
               const std::vector<Located<Prefix>>& b) {
    std::vector<Prefix> all;
    for (const Located<Prefix>& range : a) all.push_back(range.value);
    const IpSet a_set = IpSet::from(std::span<const Prefix>(all));
    for (const Located<Prefix>& range : b) {
      if (!a_set.intersects(IpSet::of(range.value))) continue;
      const auto other = std::find_if(a.begin(), a.end(), [&](const Located<Prefix>& r) {
        return IpSet::of(r.value).intersects(IpSet::of(range.value));
      });
      diagnostics_
          .error(Code::RangesOverlap, range.at,
                 std::string(b_name) + " range " + to_string(range.value) + " overlaps the " + a_name + " range " +
                     to_string(other->value))
          .note(other->at, "the " + std::string(a_name) + " range");
    }
  }

  void services_addresses() {
    if (!spec_.cluster.dns) return;
    const IpSet services = policy_.services();
    for (const Located<Ip>& ip : spec_.cluster.dns->service)
      if (!services.contains(ip.value))
        diagnostics_
            .error(Code::OutOfRange, ip.at,
                   "boundary.cluster.dns.service: " + to_string(ip.value) + " is not in the services range")
            .expect("an address in " + to_string(services));
  }

  void groups() {
    for (const SpecMulticast& group : spec_.multicast) {
      if (!multicast_space().contains(group.group.value)) {
        diagnostics_
            .error(Code::NotMulticast, group.group.at,
                   "boundary.multicast.group: " + to_string(group.group.value) + " is no multicast group")
            .expect("an address in 224.0.0.0/4 or ff00::/8");
        continue;
      }
      policy_.multicast.push_back(
          {group.group.value, group.protocol, group.number, group.why, origin_of(sources_, group.at)});
    }
  }

  void cluster() {
    const SpecCluster& from = spec_.cluster;
    Cluster& to = policy_.cluster;
    const auto values = [](const auto& located) {
      std::vector<std::decay_t<decltype(located.front().value)>> out;
      for (const auto& item : located) out.push_back(item.value);
      return out;
    };
    if (from.version) {
      to.version = from.version->value;
      to.version_origin = origin_of(sources_, from.version->at);
    }
    to.dataplane = from.dataplane.value;
    to.pods = values(from.pods);
    to.services = values(from.services);
    to.nodes = values(from.nodes);
    to.node_tunnels = values(from.node_tunnels);
    to.domain = from.domain.value;
    if (from.dns)
      to.dns = ClusterDns{from.dns->ns.value,           from.dns->labels, values(from.dns->service),
                          values(from.dns->node_local), from.dns->ports,  origin_of(sources_, from.dns->at)};
    to.api_server = values(from.api_server);
    to.api_server_origin = origin_of(sources_, from.api_server_at);
    to.namespace_label = from.namespace_label.value_or("kubernetes.io/metadata.name");
    to.namespace_label_given = from.namespace_label.has_value();
    to.uplinks = values(from.uplinks);
    to.pod_side = values(from.pod_side);
    to.overlays = values(from.overlays);
    to.uplinks_origin = origin_of(sources_, from.uplinks_at);
    for (const auto& [tunnel, at] : from.tunnels) {
      to.tunnels.push_back(tunnel);
      to.tunnels.back().origin = origin_of(sources_, at);
    }
    to.l2 = from.l2;
    to.dhcp_v4 = from.dhcp_v4;
    to.dhcp_v6 = from.dhcp_v6;
    to.programs = from.programs;
    device_overlaps(from.uplinks, from.pod_side, "podSide");
    device_overlaps(from.uplinks, from.overlays, "overlays");
  }

  void device_overlaps(const std::vector<Located<std::string>>& uplinks,
                       const std::vector<Located<std::string>>& others, const char* what) {
    const auto stem = [](const std::string& pattern) {
      return pattern.back() == '*' ? pattern.substr(0, pattern.size() - 1) : pattern;
    };
    const auto meet = [&](const std::string& a, const std::string& b) {
      const bool a_open = a.back() == '*', b_open = b.back() == '*';
      if (!a_open && !b_open) return a == b;
      const std::string as = stem(a), bs = stem(b);
      if (a_open && b_open) return as.starts_with(bs) || bs.starts_with(as);
      return a_open ? bs.starts_with(as) : as.starts_with(bs);
    };
    for (const Located<std::string>& uplink : uplinks)
      for (const Located<std::string>& other : others)
        if (meet(uplink.value, other.value))
          diagnostics_
              .error(Code::DeviceOverlap, uplink.at,
                     "uplink " + quoted(uplink.value) + " is also matched by " + what + " " + quoted(other.value))
              .help("give " + std::string(what) + " without that pattern");
  }

  const Spec& spec_;
  const Sources& sources_;
  Policy& policy_;
  Diagnostics& diagnostics_;
  IpSet internal_;
  const IpSet private_ = private_space();
  const IpSet not_global_;
  const IpSet denied_;
};

}  // namespace

void resolve_boundary(const Spec& spec, const Rules& rules, const Sources& sources, Policy& policy,
                      Diagnostics& diagnostics) {
  Boundary(spec, rules, sources, policy, diagnostics).resolve();
}

Origin origin_of(const Sources& sources, Span at) {
  return {std::string(sources.basename(at.source)), sources.position(at.source, at.begin).line, at};
}

bool refuse_embedded_ipv4(const Located<Prefix>& range, std::string_view what, Diagnostics& diagnostics) {
  if (range.value.family() == Family::V4) return false;
  static const IpSet carriers = ipv4_carriers();
  const std::optional<EmbeddedIpv4> embedded = embedded_ipv4(range.value.first());
  if (embedded && range.value.length() == 128) {
    const std::string carried = to_string(Ip::v4(embedded->address));
    diagnostics
        .error(Code::CarriesIpv4, range.at,
               std::string(what) + ": " + to_string(range.value.first()) + " carries the IPv4 address " + carried +
                   " (" + std::string(embedded->mechanism) + ")")
        .help("declare the IPv4 address itself, if it is inside");
    return true;
  }
  const IpSet meets = IpSet::of(range.value) & carriers;
  if (meets.empty() || range.value == Prefix::parse("::1/128")) return false;
  diagnostics.error(Code::CarriesIpv4, range.at,
                    std::string(what) + ": " + to_string(range.value) + " holds IPv6 addresses that carry IPv4, in " +
                        to_string(meets.prefixes().front()));
  return true;
}

bool refuse_denied_address(const Located<Prefix>& range, std::string_view what, const Policy& policy,
                           const IpSet& denied_addresses, Diagnostics& diagnostics) {
  const IpSet set = IpSet::of(range.value);
  if (!set.intersects(denied_addresses)) return false;
  for (const Catalogue& catalogue : policy.catalogues) {
    if (!catalogue.denied) continue;
    for (const CatalogueEntry& entry : catalogue.entries) {
      if (entry.match != CatalogueEntry::Match::Address) continue;
      const Prefix denied = Prefix::parse(entry.value).value();
      if (!set.intersects(IpSet::of(denied))) continue;
      const std::string found =
          to_string(denied) + " (" + entry.label + "), which catalogue '" + catalogue.name + "' denies";
      diagnostics
          .error(Code::MeetsCatalogue, range.at,
                 std::string(what) + ": " + (range.value == denied ? "this is " : to_string(range.value) + " holds ") +
                     found)
          .help("take the address out of the range, or the catalogue out of boundary.deny");
      return true;
    }
  }
  return false;
}

}  // namespace airtight
