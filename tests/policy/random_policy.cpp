#include "tests/policy/random_policy.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/emit/sample_policy.h"

namespace airtight {
namespace {

constexpr std::array<std::string_view, 12> kWhys{"agent inference",
                                                 "the web interface",
                                                 "local model",
                                                 "people's browsers",
                                                 "audit log",
                                                 "routes",
                                                 "",
                                                 "caf\xC3\xA9 \xE2\x80\x9Cquoted\xE2\x80\x9D",
                                                 "a \"quote\" and a \\ backslash",
                                                 "emoji \xF0\x9F\x94\x92",
                                                 "</script>",
                                                 "100%"};
constexpr std::array<std::string_view, 4> kNamespaces{"xpander", "agents", "ingress-nginx", "data"};

class Generator {
 public:
  Generator(std::mt19937_64& engine, const RandomPolicyShape& shape) : engine_(engine), shape_(shape) {}

  Policy make() {
    Policy policy = tiny_policy();
    policy.spec_digest = "sha256:" + hex(64);
    policy.name = "spec-" + hex(4);
    policy.owner = pick(kWhys);
    policy.classification = chance(3) ? "internal" : "";
    policy.mode = chance(4) ? Mode::PrivateVpc : Mode::Airgapped;
    policy.default_deny_namespaces.clear();
    if (chance(2)) policy.default_deny_namespaces.emplace_back("xpander");
    policy.workloads.clear();
    policy.endpoints.clear();
    policy.flows.clear();
    policy.inside_ranges.clear();
    policy.zones.clear();
    policy.targets.clear();

    ipv6_ = shape_.ipv6 && chance(2);
    cluster(policy);
    workloads(policy);
    endpoints(policy);
    internal(policy);
    range(policy, "127.0.0.0/8", "loopback");
    range(policy, "::1/128", "loopback");
    multicast(policy);
    catalogues(policy);
    zones(policy);
    flows(policy);
    exceptions(policy);
    for (std::size_t id = 0; id <= static_cast<std::size_t>(TargetId::CoreDns); ++id) {
      if (chance(3)) policy.targets.push_back({static_cast<TargetId>(id), line()});
    }
    derive(policy);
    return policy;
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  bool chance(std::uint64_t one_in) { return below(one_in) == 0; }
  template <class List>
  std::string pick(const List& list) {
    return std::string(list[below(list.size())]);
  }
  std::string hex(std::size_t digits) {
    std::string text;
    while (text.size() < digits) text += "0123456789abcdef"[below(16)];
    return text;
  }
  std::string number(std::uint64_t bound) { return std::to_string(below(bound)); }
  Origin line() { return at_line(static_cast<std::uint32_t>(1 + below(400))); }

  void range(Policy& policy, const std::string& prefix, std::string what, std::string why = {}, std::string by = {}) {
    policy.inside_ranges.push_back({prefix_of(prefix), std::move(what), std::move(why), std::move(by), line()});
  }

  ServiceSet services() {
    const auto low = [&] { return static_cast<std::uint16_t>(1 + below(1000)); };
    ServiceSet set;
    for (std::uint64_t i = 0, n = 1 + below(3); i < n; ++i) {
      const std::uint16_t first = low();
      const auto last = static_cast<std::uint16_t>(first + (chance(3) ? below(64000) : 0));
      switch (below(4)) {
        case 0:
          set |= udp(first, last);
          break;
        case 1:
          set |= chance(4) ? ServiceSet::protocol(Protocol::Icmp) | ServiceSet::protocol(Protocol::Icmpv6) : tcp(443);
          break;
        case 2:
          set |= chance(4) ? sctp(first, last) : tcp(first, last);
          break;
        default:
          set |= tcp(first, last);
      }
    }
    return set;
  }

  void ranges(Policy& policy, std::vector<Prefix>& list, const std::string& v4, const std::string& v6,
              std::string what) {
    list = {prefix_of(v4)};
    if (ipv6_) list.push_back(prefix_of(v6));
    for (const Prefix& prefix : list) range(policy, to_string(prefix), what);
  }

  void cluster(Policy& policy) {
    Cluster& cluster = policy.cluster;
    const std::string site = number(200);
    cluster.version_origin = line();
    if (chance(2)) cluster.version = KubernetesVersion{1, static_cast<unsigned>(21 + below(15))};
    cluster.dataplane = chance(4) ? Dataplane::Ebpf : Dataplane::Netfilter;
    ranges(policy, cluster.pods, "10." + site + ".0.0/17", "fd00:42:" + site + "::/56", "pods");
    ranges(policy, cluster.services, "10." + site + ".128.0/18", "fd00:43:" + site + "::/112", "services");
    ranges(policy, cluster.nodes, "10." + site + ".192.0/24", "fd00:10:" + site + "::/64", "nodes");
    cluster.node_tunnels.clear();
    if (chance(3))
      ranges(policy, cluster.node_tunnels, "10." + site + ".193.0/24", "fd00:11:" + site + "::/64", "nodeTunnels");
    cluster.domain = domain_of(chance(3) ? "k8s.corp.example" : "cluster.local");
    cluster.api_server = {{ip_of("10." + site + ".192.1"), 6443}};
    if (ipv6_ && chance(2)) cluster.api_server.push_back({ip_of("fd00:10:" + site + "::1"), 6443});
    cluster.api_server_origin = line();
    for (const AddressPort& server : cluster.api_server)
      range(policy, to_string(Prefix::host(server.address)), "apiServer");
    if (!chance(5)) {
      ClusterDns dns;
      dns.ns = "kube-system";
      dns.labels = {{"k8s-app", "kube-dns"}};
      dns.service = {ip_of("10." + site + ".128.10")};
      if (chance(3)) {
        dns.node_local = {ip_of("169.254.20.10")};
        range(policy, "169.254.20.10/32", "dns.nodeLocal");
      }
      dns.ports = udp(53) | tcp(53);
      dns.origin = line();
      cluster.dns = std::move(dns);
    }
    if (chance(4)) {
      cluster.namespace_label = "example.org/name";
      cluster.namespace_label_given = true;
    }
    cluster.uplinks = {chance(2) ? "eth0" : "bond*"};
    if (chance(3)) cluster.tunnels.push_back({"vxlan", udp(8472), line()});
    if (chance(5)) cluster.tunnels.push_back({"ipip", ServiceSet::of(Protocol::Other, PortSet::of(4)), line()});
    if (chance(3)) cluster.l2 = {{"lldp", 0x88CC}, {"vlan", 0x8100}};
    cluster.dhcp_v4 = chance(3);
    cluster.dhcp_v6 = ipv6_ && chance(3);
    if (chance(4)) cluster.programs = {"cil_to_netdev"};
  }

  void workloads(Policy& policy) {
    const std::uint64_t count = 1 + below(shape_.workloads);
    for (std::uint64_t i = 0; i < count; ++i) {
      Workload w;
      w.name = "w" + std::to_string(1000 + i);
      w.ns = pick(kNamespaces);
      if (!chance(6)) w.labels["app.kubernetes.io/name"] = w.name;
      if (chance(4)) w.labels["tier"] = chance(2) ? "back" : "";
      if (chance(5)) w.service_account = w.name + "-sa";
      if (chance(2)) w.serves["http"] = tcp(static_cast<std::uint16_t>(8000 + below(1000)));
      if (chance(3)) w.serves["metrics"] = services();
      w.host = chance(5);
      w.privileged = chance(8);
      w.dns = !chance(5);
      if (chance(6)) w.expose = {Expose::NodePort, Expose::LoadBalancer};
      w.origin = line();
      policy.workloads.push_back(std::move(w));
    }
  }

  void endpoints(Policy& policy) {
    const std::uint64_t count = below(shape_.endpoints + 1);
    for (std::uint64_t i = 0; i < count; ++i) {
      Endpoint e;
      e.name = "e" + std::to_string(1000 + i);
      e.role = static_cast<Role>(below(static_cast<std::uint64_t>(Role::Other) + 1));
      if (e.role == Role::Llm) e.runtime = "vllm";
      for (std::uint64_t n = 0, of = 1 + below(3); n < of; ++n) {
        std::string address = "10.200." + number(256) + "." + number(256) + "/32";
        if (chance(4)) address = "10.201." + number(256) + ".0/24";
        if (ipv6_ && chance(3)) address = "fd00:20:" + hex(4) + "::/64";
        const Prefix prefix = must_canonical(address);
        e.addresses |= IpSet::of(prefix);
        range(policy, to_string(prefix), "endpoint " + e.name, pick(kWhys));
      }
      if (e.role != Role::Client) e.ports = e.role == Role::Dns ? udp(53) | tcp(53) : services();
      if (chance(2)) e.names.push_back(domain_of(e.name + ".corp.example"));
      e.why = pick(kWhys);
      e.origin = line();
      policy.endpoints.push_back(std::move(e));
    }
  }

  // "fd00:20:0012::/64" has a leading zero that the strict parser may refuse to print back.
  static Prefix must_canonical(const std::string& text) {
    const std::size_t slash = text.find('/');
    return Prefix::containing(ip_of(text.substr(0, slash)), std::stoi(text.substr(slash + 1)));
  }

  void internal(Policy& policy) {
    for (std::size_t i = 0; i < shape_.internal; ++i) {
      // Even third and fourth octets under 172.16.0.0/12: neighbours never join.
      const std::size_t block = i * 2;
      std::string text = "172." + std::to_string(16 + block / 65536 % 16) + "." + std::to_string(block / 256 % 256) +
                         "." + std::to_string(block % 256) + "/32";
      if (ipv6_ && i % 4 == 3) text = "fd01::" + std::to_string(i * 2) + "/128";
      range(policy, to_string(must_canonical(text)), "internal", pick(kWhys));
    }
    if (chance(5)) range(policy, "198.51.100.0/24", "internal", "a site that numbers itself so", "ciso");
  }

  void multicast(Policy& policy) {
    if (chance(4)) policy.multicast.push_back({ip_of("224.0.0.18"), "vrrp", 112, pick(kWhys), line()});
    if (ipv6_ && chance(4)) policy.multicast.push_back({ip_of("ff02::5"), "ospf", 89, pick(kWhys), line()});
  }

  void catalogues(Policy& policy) {
    using Match = CatalogueEntry::Match;
    for (const std::string_view name : {"cloud-metadata", "doh", "hosted-llm", "telemetry"}) {
      if (chance(5)) continue;
      Catalogue catalogue;
      catalogue.name = name;
      catalogue.title = "Title of " + catalogue.name;
      catalogue.why = pick(kWhys);
      catalogue.sources = {{"docs", {"documentation", "2026-11-25"}}, {"more-docs", {"caf\xC3\xA9", "2026-11-24"}}};
      catalogue.denied = chance(2);
      for (std::uint64_t i = 0, n = below(shape_.catalogue_entries + 1); i < n; ++i) {
        CatalogueEntry entry;
        entry.match = static_cast<Match>(below(4));
        entry.label = catalogue.name + " " + hex(3);
        entry.source = chance(2) ? "docs" : "more-docs";
        entry.date = "2026-11-25";
        if (chance(4)) entry.note = pick(kWhys);
        const std::string host = "h" + hex(3) + ".vendor" + number(9) + ".example";
        switch (entry.match) {
          case Match::Address:
            entry.value = to_string(must_canonical(chance(3) ? "2001:db8:" + hex(4) + "::/48"
                                                             : "192.0.2." + number(256) + (chance(2) ? "/32" : "/28")));
            break;
          case Match::Pattern:
            entry.value = "^[a-z0-9-]+[.]" + hex(3) + "[.]example$";
            break;
          case Match::Exact:
            entry.value = host;
            break;
          case Match::Suffix:
            entry.value = host.substr(host.find('.') + 1);
            break;
        }
        catalogue.entries.push_back(std::move(entry));
      }
      policy.catalogues.push_back(std::move(catalogue));
    }
  }

  void zones(Policy& policy) {
    for (const std::string_view name : {"corp.example", "lab.internal", "vendor1.example"}) {
      if (chance(2)) continue;
      Zone zone{domain_of(name), {}, line()};
      for (std::size_t i = 0; i < policy.endpoints.size(); ++i) {
        if (policy.endpoints[i].role != Role::Dns || !policy.cluster.dns || chance(3)) continue;
        zone.forward.push_back(i);
        flow(policy, {Peer::Kind::ClusterDns, 0}, {Peer::Kind::Endpoint, i}, policy.endpoints[i].ports);
      }
      policy.zones.push_back(std::move(zone));
    }
    if (chance(3)) policy.denied_names.push_back({domain_of("secret.corp.example"), line()});
  }

  void flow(Policy& policy, Peer from, Peer to, ServiceSet what) {
    Flow flow;
    flow.from = from;
    flow.to = to;
    flow.services = std::move(what);
    flow.source_nat_nodes = (policy.is_node_side(from) && policy.is_pod(to)) || chance(10);
    flow.why = pick(kWhys);
    flow.origin = line();
    policy.flows.push_back(std::move(flow));
  }

  void flows(Policy& policy) {
    const std::uint64_t count = below(shape_.flows + 1);
    for (std::uint64_t i = 0; i < count; ++i) {
      const Peer from = peer(policy);
      const Peer to = peer(policy);
      if (from == to || (from.kind == Peer::Kind::Endpoint && to.kind == Peer::Kind::Endpoint)) continue;
      ServiceSet what = services();
      if (to.kind == Peer::Kind::ApiServer) what = tcp(6443);
      if (to.kind == Peer::Kind::ClusterDns) what = policy.cluster.dns->ports;
      if (to.kind == Peer::Kind::Endpoint) what = policy.endpoints[to.index].ports;
      if (to.kind == Peer::Kind::Workload && !policy.workloads[to.index].serves.empty()) {
        what = policy.workloads[to.index].serves.begin()->second;
      }
      if (!what.empty()) flow(policy, from, to, std::move(what));
    }
  }

  Peer peer(const Policy& policy) {
    switch (below(8)) {
      case 0:
        return {Peer::Kind::Nodes, 0};
      case 1:
        return {Peer::Kind::ApiServer, 0};
      case 2:
        return {policy.cluster.dns ? Peer::Kind::ClusterDns : Peer::Kind::Nodes, 0};
      case 3:
      case 4:
      case 5:
        if (!policy.endpoints.empty()) return {Peer::Kind::Endpoint, below(policy.endpoints.size())};
        [[fallthrough]];
      default:
        return {Peer::Kind::Workload, below(policy.workloads.size())};
    }
  }

  void exceptions(Policy& policy) {
    const std::uint64_t count = below(shape_.exceptions + 1);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string to = ipv6_ && chance(3) ? "3fff:0:" + number(9) + "::/64" : "203.0.113." + number(256) + "/32";
      const Peer from =
          chance(4) ? Peer{Peer::Kind::Nodes, 0} : Peer{Peer::Kind::Workload, below(policy.workloads.size())};
      const Date expires{static_cast<int>(2027 + below(3)), static_cast<unsigned>(1 + below(12)),
                         static_cast<unsigned>(1 + below(28))};
      policy.exceptions.push_back(
          {from, must_canonical(to), services(), "SEC-" + number(100), "ciso", expires, line()});
    }
  }

  std::mt19937_64& engine_;
  const RandomPolicyShape& shape_;
  bool ipv6_ = false;
};

}  // namespace

Policy random_policy(std::mt19937_64& engine, const RandomPolicyShape& shape) {
  return Generator(engine, shape).make();
}

Policy random_policy(std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  return random_policy(engine);
}

}  // namespace airtight
