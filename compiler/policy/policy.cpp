#include "compiler/policy/policy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace airtight {
namespace {

template <class E, std::size_t N>
using Words = std::array<std::pair<E, std::string_view>, N>;

constexpr Words<Mode, 2> kModes{{{Mode::Airgapped, "airgapped"}, {Mode::PrivateVpc, "private-vpc"}}};
constexpr Words<Dataplane, 2> kDataplanes{{{Dataplane::Netfilter, "netfilter"}, {Dataplane::Ebpf, "ebpf"}}};
constexpr Words<Role, 11> kRoles{{{Role::Llm, "llm"},
                                  {Role::Connector, "connector"},
                                  {Role::Registry, "registry"},
                                  {Role::Dns, "dns"},
                                  {Role::Ntp, "ntp"},
                                  {Role::Log, "log"},
                                  {Role::Metrics, "metrics"},
                                  {Role::Client, "client"},
                                  {Role::Proxy, "proxy"},
                                  {Role::Storage, "storage"},
                                  {Role::Other, "other"}}};
constexpr Words<Layer, 5> kLayers{{{Layer::Kubernetes, "kubernetes"},
                                   {Layer::Cluster, "cluster"},
                                   {Layer::Firewall, "firewall"},
                                   {Layer::Dns, "dns"},
                                   {Layer::Admission, "admission"}}};
constexpr Words<TargetId, 16> kTargets{{{TargetId::NetworkPolicy, "networkpolicy"},
                                        {TargetId::ClusterNetworkPolicy, "clusternetworkpolicy"},
                                        {TargetId::AdminNetworkPolicy, "adminnetworkpolicy"},
                                        {TargetId::Cilium, "cilium"},
                                        {TargetId::Calico, "calico"},
                                        {TargetId::Admission, "admission"},
                                        {TargetId::Nftables, "nftables"},
                                        {TargetId::Iptables, "iptables"},
                                        {TargetId::Tc, "tc"},
                                        {TargetId::Rpz, "rpz"},
                                        {TargetId::Bind, "bind"},
                                        {TargetId::Unbound, "unbound"},
                                        {TargetId::PowerDns, "powerdns"},
                                        {TargetId::Knot, "knot"},
                                        {TargetId::Dnsmasq, "dnsmasq"},
                                        {TargetId::CoreDns, "coredns"}}};
constexpr Words<Expose, 2> kExposes{{{Expose::NodePort, "NodePort"}, {Expose::LoadBalancer, "LoadBalancer"}}};

template <class E, std::size_t N>
std::string_view word(const Words<E, N>& table, E value) {
  return table[static_cast<std::size_t>(value)].second;
}

template <class E, std::size_t N>
std::optional<E> value_of(const Words<E, N>& table, std::string_view text) {
  for (const auto& [value, name] : table)
    if (name == text) return value;
  return std::nullopt;
}

template <class E, std::size_t N>
std::vector<std::string_view> all_words(const Words<E, N>& table) {
  std::vector<std::string_view> names;
  for (const auto& row : table) names.push_back(row.second);
  return names;
}

}  // namespace

std::string to_string(const Origin& origin) { return origin.file + ":" + std::to_string(origin.line); }

std::string_view to_string(Mode value) { return word(kModes, value); }
std::string_view to_string(Dataplane value) { return word(kDataplanes, value); }
std::string_view to_string(Role value) { return word(kRoles, value); }
std::string_view to_string(Layer value) { return word(kLayers, value); }
std::string_view to_string(TargetId value) { return word(kTargets, value); }
std::string_view to_string(Expose value) { return word(kExposes, value); }
std::optional<Mode> parse_mode(std::string_view text) { return value_of(kModes, text); }
std::optional<Dataplane> parse_dataplane(std::string_view text) { return value_of(kDataplanes, text); }
std::optional<Role> parse_role(std::string_view text) { return value_of(kRoles, text); }
std::optional<TargetId> parse_target(std::string_view text) { return value_of(kTargets, text); }
std::vector<std::string_view> mode_names() { return all_words(kModes); }
std::vector<std::string_view> dataplane_names() { return all_words(kDataplanes); }
std::vector<std::string_view> role_names() { return all_words(kRoles); }
std::vector<std::string_view> target_names() { return all_words(kTargets); }

std::string to_string(KubernetesVersion version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor);
}

std::optional<Date> Date::parse(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t length) -> std::optional<unsigned> {
    unsigned value = 0;
    for (const char c : text.substr(at, length)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value;
  };
  const auto year = number(0, 4), month = number(5, 2), day = number(8, 2);
  if (!year || !month || !day || *year < 1970 || *month < 1 || *month > 12 || *day < 1) return std::nullopt;
  constexpr std::array<unsigned, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (*year % 4 == 0 && *year % 100 != 0) || *year % 400 == 0;
  const unsigned last = *month == 2 && leap ? 29 : kDays[*month - 1];
  if (*day > last) return std::nullopt;
  return Date{static_cast<int>(*year), *month, *day};
}

std::string to_string(Date date) {
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", date.year, date.month, date.day);
  return text;
}

std::string to_string(const AddressPort& value) {
  const std::string address = to_string(value.address);
  return (value.address.family() == Family::V6 ? "[" + address + "]" : address) + ":" + std::to_string(value.port);
}

bool Policy::has_target(TargetId id) const {
  return std::any_of(targets.begin(), targets.end(), [&](const RequestedTarget& t) { return t.id == id; });
}

std::string_view Policy::name_of(const Peer& peer) const {
  switch (peer.kind) {
    case Peer::Kind::Workload:
      return workloads[peer.index].name;
    case Peer::Kind::Endpoint:
      return endpoints[peer.index].name;
    case Peer::Kind::Nodes:
      return "nodes";
    case Peer::Kind::ApiServer:
      return "api-server";
    case Peer::Kind::ClusterDns:
      return "cluster-dns";
  }
  return {};
}

IpSet Policy::pods() const { return IpSet::from(std::span<const Prefix>(cluster.pods)); }
IpSet Policy::services() const { return IpSet::from(std::span<const Prefix>(cluster.services)); }
IpSet Policy::nodes() const {
  return IpSet::from(std::span<const Prefix>(cluster.nodes)) |
         IpSet::from(std::span<const Prefix>(cluster.node_tunnels));
}
IpSet Policy::cluster_ranges() const { return pods() | services() | nodes(); }

IpSet Policy::addresses_of(const Peer& peer) const {
  switch (peer.kind) {
    case Peer::Kind::Workload:
      return workloads[peer.index].host ? nodes() : pods();
    case Peer::Kind::Endpoint:
      return endpoints[peer.index].addresses;
    case Peer::Kind::Nodes:
      return nodes();
    case Peer::Kind::ApiServer: {
      IpSet set;
      for (const AddressPort& server : cluster.api_server) set |= IpSet::of(server.address);
      return set;
    }
    case Peer::Kind::ClusterDns: {
      IpSet set = pods();
      if (cluster.dns) {
        for (const Ip ip : cluster.dns->service) set |= IpSet::of(ip);
        for (const Ip ip : cluster.dns->node_local) set |= IpSet::of(ip);
      }
      return set;
    }
  }
  return {};
}

bool Policy::is_node_side(const Peer& peer) const {
  if (peer.kind == Peer::Kind::Workload) return workloads[peer.index].host;
  return peer.kind == Peer::Kind::Nodes || peer.kind == Peer::Kind::ApiServer;
}

bool Policy::is_pod(const Peer& peer) const {
  if (peer.kind == Peer::Kind::Workload) return !workloads[peer.index].host;
  return peer.kind == Peer::Kind::ClusterDns;
}

const Workload* Policy::workload(const Peer& peer) const {
  return peer.kind == Peer::Kind::Workload ? &workloads[peer.index] : nullptr;
}

const Endpoint* Policy::endpoint(const Peer& peer) const {
  return peer.kind == Peer::Kind::Endpoint ? &endpoints[peer.index] : nullptr;
}

IpSet Policy::denied_addresses() const {
  IpSet set;
  for (const Catalogue& catalogue : catalogues)
    if (catalogue.denied) set |= catalogue.addresses();
  return set;
}

DomainSet Policy::denied_catalogue_names() const {
  DomainSet set;
  for (const Catalogue& catalogue : catalogues)
    if (catalogue.denied) set = set | catalogue.names();
  return set;
}

}  // namespace airtight
