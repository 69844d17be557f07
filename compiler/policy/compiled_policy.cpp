#include "compiler/policy/compiled_policy.h"

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace airtight {
namespace {

using Form = JsonWriter::Form;
using Layout = JsonWriter::Layout;

// Members are written in canonical order; a test compares the outcome with a sorting serialiser.
class PolicyWriter {
 public:
  explicit PolicyWriter(Form form) : json_(form) {}

  // Without the member "digest" if `digest` is empty.
  std::string write(const Policy& policy, std::string_view digest) && {
    json_.begin_object();
    list("catalogues", policy.catalogues, &PolicyWriter::catalogue);
    text("classification", policy.classification);
    json_.key("cluster");
    cluster(policy.cluster);
    texts("default_deny_namespaces", policy.default_deny_namespaces);
    list("denied_names", policy.denied_names, &PolicyWriter::denied_name);
    if (!digest.empty()) text("digest", digest);
    list("endpoints", policy.endpoints, &PolicyWriter::endpoint);
    json_.key("exceptions");
    json_.begin_array();
    for (const Exception& value : policy.exceptions) exception(policy, value);
    json_.end_array();
    json_.key("flows");
    json_.begin_array();
    for (const Flow& value : policy.flows) flow(policy, value);
    json_.end_array();
    json_.key("format");
    json_.integer(kPolicyFormat);
    addresses("inside", policy.inside);
    names("inside_names", policy.inside_names);
    list("inside_ranges", policy.inside_ranges, &PolicyWriter::inside_range);
    text("mode", to_string(policy.mode));
    list("multicast", policy.multicast, &PolicyWriter::multicast);
    text("name", policy.name);
    text("owner", policy.owner);
    text("spec_digest", policy.spec_digest);
    list("targets", policy.targets, &PolicyWriter::target);
    list("workloads", policy.workloads, &PolicyWriter::workload);
    json_.key("zones");
    json_.begin_array();
    for (const Zone& value : policy.zones) zone(policy, value);
    json_.end_array();
    json_.end_object();
    return std::move(json_).take();
  }

 private:
  void text(std::string_view name, std::string_view value) {
    json_.key(name);
    json_.string(value);
  }

  void flag(std::string_view name, bool value) {
    json_.key(name);
    json_.boolean(value);
  }

  void number(std::string_view name, std::int64_t value) {
    json_.key(name);
    json_.integer(value);
  }

  void texts(std::string_view name, const std::vector<std::string>& values) {
    json_.key(name);
    json_.begin_array(Layout::Line);
    for (const std::string& value : values) json_.string(value);
    json_.end_array();
  }

  template <class T>
  void list(std::string_view name, const std::vector<T>& values, void (PolicyWriter::*one)(const T&)) {
    json_.key(name);
    json_.begin_array();
    for (const T& value : values) (this->*one)(value);
    json_.end_array();
  }

  // An array on one line of what to_string() makes of each value.
  template <class T>
  void shown(std::string_view name, const std::vector<T>& values) {
    json_.key(name);
    json_.begin_array(Layout::Line);
    for (const T& value : values) json_.string(to_string(value));
    json_.end_array();
  }

  void addresses(std::string_view name, const IpSet& set) {
    json_.key(name);
    json_.begin_array();
    for (const Prefix& prefix : set.prefixes()) json_.string(to_string(prefix));
    json_.end_array();
  }

  // The keys of a std::map are ordered by bytes, which differs from RFC 8785 beyond the basic plane.
  template <class T>
  std::vector<const std::pair<const std::string, T>*> members(const std::map<std::string, T>& map) {
    std::vector<const std::pair<const std::string, T>*> sorted;
    for (const auto& member : map) sorted.push_back(&member);
    std::sort(sorted.begin(), sorted.end(),
              [](const auto* a, const auto* b) { return utf16_less(a->first, b->first); });
    return sorted;
  }

  void labels(std::string_view name, const Labels& values) {
    json_.key(name);
    json_.begin_object(Layout::Line);
    for (const auto* member : members(values)) text(member->first, member->second);
    json_.end_object();
  }

  void services(std::string_view name, const ServiceSet& set) {
    constexpr std::array<Protocol, 6> kByName{Protocol::Icmp, Protocol::Icmpv6, Protocol::Other,
                                              Protocol::Sctp, Protocol::Tcp,    Protocol::Udp};
    json_.key(name);
    json_.begin_object(Layout::Line);
    for (const Protocol protocol : kByName) {
      if (set.ports(protocol).empty()) continue;
      json_.key(to_string(protocol));
      json_.begin_array();
      for (const Interval<std::uint16_t>& range : set.ports(protocol).intervals()) {
        json_.begin_array();
        json_.integer(range.first);
        json_.integer(range.last);
        json_.end_array();
      }
      json_.end_array();
    }
    json_.end_object();
  }

  void names(std::string_view name, const DomainSet& set) {
    json_.key(name);
    json_.begin_array();
    for (const DomainSet::Node& node : set.nodes()) {
      json_.begin_object(Layout::Line);
      flag("below", node.below);
      text("name", to_string(node.name));
      flag("self", node.self);
      json_.end_object();
    }
    json_.end_array();
  }

  void origin(std::string_view name, const Origin& value) {
    json_.key(name);
    json_.begin_object(Layout::Line);
    text("file", value.file);
    number("line", value.line);
    json_.end_object();
  }

  void peer(std::string_view name, const Policy& policy, const Peer& value) {
    json_.key(name);
    json_.begin_object(Layout::Line);
    if (value.kind == Peer::Kind::Workload || value.kind == Peer::Kind::Endpoint) {
      text("kind", value.kind == Peer::Kind::Workload ? "workload" : "endpoint");
      text("name", policy.name_of(value));
    } else {
      text("kind", policy.name_of(value));
    }
    json_.end_object();
  }

  void catalogue(const Catalogue& value) {
    json_.begin_object();
    flag("denied", value.denied);
    list("entries", value.entries, &PolicyWriter::catalogue_entry);
    text("name", value.name);
    json_.key("sources");
    json_.begin_object();
    for (const auto* member : members(value.sources)) {
      json_.key(member->first);
      json_.begin_object(Layout::Line);
      text("read", member->second.read);
      text("what", member->second.what);
      json_.end_object();
    }
    json_.end_object();
    text("title", value.title);
    text("why", value.why);
    json_.end_object();
  }

  void catalogue_entry(const CatalogueEntry& value) {
    constexpr std::array<std::string_view, 4> kMatches{"suffix", "exact", "address", "pattern"};
    json_.begin_object(Layout::Line);
    text("date", value.date);
    text("label", value.label);
    text("match", kMatches[static_cast<std::size_t>(value.match)]);
    text("note", value.note);
    text("source", value.source);
    text("value", value.value);
    json_.end_object();
  }

  void cluster(const Cluster& value) {
    json_.begin_object();
    shown("api_server", value.api_server);
    origin("api_server_origin", value.api_server_origin);
    text("dataplane", to_string(value.dataplane));
    json_.key("dhcp");
    json_.begin_array(Layout::Line);
    if (value.dhcp_v4) json_.string("v4");
    if (value.dhcp_v6) json_.string("v6");
    json_.end_array();
    json_.key("dns");
    if (value.dns) {
      cluster_dns(*value.dns);
    } else {
      json_.null();
    }
    text("domain", to_string(value.domain));
    list("l2", value.l2, &PolicyWriter::ether_type);
    text("namespace_label", value.namespace_label);
    flag("namespace_label_given", value.namespace_label_given);
    shown("node_tunnels", value.node_tunnels);
    shown("nodes", value.nodes);
    texts("overlays", value.overlays);
    texts("pod_side", value.pod_side);
    shown("pods", value.pods);
    texts("programs", value.programs);
    shown("services", value.services);
    list("tunnels", value.tunnels, &PolicyWriter::tunnel);
    texts("uplinks", value.uplinks);
    origin("uplinks_origin", value.uplinks_origin);
    json_.key("version");
    if (value.version) {
      json_.string(to_string(*value.version));
    } else {
      json_.null();
    }
    origin("version_origin", value.version_origin);
    json_.end_object();
  }

  void cluster_dns(const ClusterDns& value) {
    json_.begin_object();
    labels("labels", value.labels);
    text("namespace", value.ns);
    shown("node_local", value.node_local);
    origin("origin", value.origin);
    services("ports", value.ports);
    shown("service", value.service);
    json_.end_object();
  }

  void ether_type(const EtherType& value) {
    json_.begin_object(Layout::Line);
    text("name", value.name);
    number("value", value.value);
    json_.end_object();
  }

  void tunnel(const Tunnel& value) {
    json_.begin_object(Layout::Line);
    services("carrier", value.carrier);
    text("kind", value.kind);
    origin("origin", value.origin);
    json_.end_object();
  }

  void denied_name(const DeniedName& value) {
    json_.begin_object(Layout::Line);
    text("name", to_string(value.name));
    origin("origin", value.origin);
    json_.end_object();
  }

  void endpoint(const Endpoint& value) {
    json_.begin_object();
    addresses("addresses", value.addresses);
    text("name", value.name);
    shown("names", value.names);
    origin("origin", value.origin);
    services("ports", value.ports);
    text("role", to_string(value.role));
    text("runtime", value.runtime);
    text("why", value.why);
    json_.end_object();
  }

  void exception(const Policy& policy, const Exception& value) {
    json_.begin_object();
    text("approved_by", value.approved_by);
    text("expires", to_string(value.expires));
    peer("from", policy, value.from);
    origin("origin", value.origin);
    services("services", value.services);
    text("ticket", value.ticket);
    text("to", to_string(value.to));
    json_.end_object();
  }

  void flow(const Policy& policy, const Flow& value) {
    json_.begin_object();
    peer("from", policy, value.from);
    flag("implied", value.implied);
    origin("origin", value.origin);
    services("services", value.services);
    flag("source_nat_nodes", value.source_nat_nodes);
    peer("to", policy, value.to);
    text("why", value.why);
    json_.end_object();
  }

  void inside_range(const InsideRange& value) {
    json_.begin_object(Layout::Line);
    text("approved_by", value.approved_by);
    origin("origin", value.origin);
    text("prefix", to_string(value.prefix));
    text("what", value.what);
    text("why", value.why);
    json_.end_object();
  }

  void multicast(const Multicast& value) {
    json_.begin_object(Layout::Line);
    text("group", to_string(value.group));
    number("number", value.number);
    origin("origin", value.origin);
    text("protocol", value.protocol);
    text("why", value.why);
    json_.end_object();
  }

  void target(const RequestedTarget& value) {
    json_.begin_object(Layout::Line);
    text("id", to_string(value.id));
    origin("origin", value.origin);
    json_.end_object();
  }

  void workload(const Workload& value) {
    json_.begin_object();
    flag("dns", value.dns);
    json_.key("expose");
    json_.begin_array(Layout::Line);
    for (const Expose expose : value.expose) json_.string(to_string(expose));
    json_.end_array();
    flag("host", value.host);
    labels("labels", value.labels);
    text("name", value.name);
    text("namespace", value.ns);
    origin("origin", value.origin);
    flag("privileged", value.privileged);
    json_.key("serves");
    json_.begin_object();
    for (const auto* member : members(value.serves)) services(member->first, member->second);
    json_.end_object();
    text("service_account", value.service_account);
    json_.end_object();
  }

  void zone(const Policy& policy, const Zone& value) {
    json_.begin_object(Layout::Line);
    json_.key("forward");
    json_.begin_array();
    for (const std::size_t index : value.forward) json_.string(policy.endpoints[index].name);
    json_.end_array();
    text("name", to_string(value.name));
    origin("origin", value.origin);
    json_.end_object();
  }

  JsonWriter json_;
};

// The IP protocol number of a packet whose selector is as in ServiceSet (RFC 791, RFC 4443, RFC 9260).
unsigned number_of(Protocol protocol, std::uint16_t selector) {
  switch (protocol) {
    case Protocol::Tcp:
      return 6;
    case Protocol::Udp:
      return 17;
    case Protocol::Sctp:
      return 132;
    case Protocol::Icmp:
      return 1;
    case Protocol::Icmpv6:
      return 58;
    case Protocol::Other:
      return selector;
  }
  return selector;
}

// IPv6 routing protocols speak from link-local addresses, which are in no range of the spec.
bool may_speak_multicast(const Policy& policy, Ip source, const Multicast& multicast) {
  const IpSet link_local = IpSet::range(Ip::v6(u128{0xFE80} << 112), Ip::v6((u128{0xFEC0} << 112) - 1));
  return policy.nodes().contains(source) || (!multicast.group.is_v4() && link_local.contains(source));
}

struct Named {
  const Catalogue* catalogue = nullptr;
  const CatalogueEntry* entry = nullptr;
};

Named find_in_catalogues(const Policy& policy, Ip ip) {
  Named best;
  int best_rank = -1;
  for (const Catalogue& catalogue : policy.catalogues) {
    for (const CatalogueEntry& entry : catalogue.entries) {
      if (entry.match != CatalogueEntry::Match::Address) continue;
      const std::optional<Prefix> prefix = Prefix::parse(entry.value);
      if (!prefix || !prefix->contains(ip)) continue;
      const int rank = prefix->length() * 2 + (catalogue.denied ? 1 : 0);
      if (rank > best_rank) {
        best = {&catalogue, &entry};
        best_rank = rank;
      }
    }
  }
  return best;
}

}  // namespace

std::string serialise(const Policy& policy) {
  return PolicyWriter(Form::Readable).write(policy, policy_digest(policy)) + "\n";
}

std::string policy_digest(const Policy& policy) { return digest_of(PolicyWriter(Form::Canonical).write(policy, {})); }

std::string_view to_string(Decision decision) {
  switch (decision) {
    case Decision::InsideCluster:
      return "inside-cluster";
    case Decision::InsideDeclared:
      return "inside-declared";
    case Decision::InsideUndeclared:
      return "inside-undeclared";
    case Decision::Excepted:
      return "excepted";
    case Decision::Outside:
      return "outside";
  }
  return {};
}

Judgement decide(const Policy& policy, Ip source, Ip destination, Protocol protocol, std::uint16_t selector,
                 std::optional<Date> on) {
  Judgement judgement;
  const bool from_inside = policy.inside.contains(source);
  const bool to_inside = policy.inside.contains(destination);

  const Ip named_end = to_inside && !from_inside ? source : destination;
  Named named = find_in_catalogues(policy, named_end);
  if (named.entry == nullptr) {
    if (const auto embedded = embedded_ipv4(named_end)) named = find_in_catalogues(policy, Ip::v4(embedded->address));
  }
  if (named.entry != nullptr) {
    judgement.catalogue = named.catalogue->name;
    judgement.label = named.entry->label;
  }

  for (const Multicast& multicast : policy.multicast) {
    if (multicast.group == destination && multicast.number == number_of(protocol, selector) &&
        may_speak_multicast(policy, source, multicast)) {
      judgement.decision = Decision::InsideDeclared;
      return judgement;
    }
  }
  if (from_inside && to_inside) {
    for (std::size_t i = 0; i < policy.flows.size(); ++i) {
      const Flow& flow = policy.flows[i];
      if (!flow.services.contains(protocol, selector) || !policy.addresses_of(flow.from).contains(source) ||
          !policy.addresses_of(flow.to).contains(destination)) {
        continue;
      }
      judgement.decision = Decision::InsideDeclared;
      judgement.flow = i;
      return judgement;
    }
    const IpSet cluster = policy.cluster_ranges();
    const bool both = cluster.contains(source) && cluster.contains(destination);
    judgement.decision = both ? Decision::InsideCluster : Decision::InsideUndeclared;
    return judgement;
  }
  if (!from_inside) return judgement;
  for (std::size_t i = 0; i < policy.exceptions.size(); ++i) {
    const Exception& exception = policy.exceptions[i];
    if (!exception.services.contains(protocol, selector) || !exception.to.contains(destination) ||
        !policy.addresses_of(exception.from).contains(source)) {
      continue;
    }
    const bool in_force = on && *on <= exception.expires;
    if (in_force || !judgement.exception) judgement.exception = i;
    if (!in_force) continue;
    judgement.decision = Decision::Excepted;
    return judgement;
  }
  return judgement;
}

}  // namespace airtight
