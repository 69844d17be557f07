#include "tests/emit/random_policy.h"

#include <array>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "tests/emit/sample_policy.h"

namespace airtight {
namespace {

constexpr std::array<std::string_view, 8> kTexts{
    "plain",
    "say \"accept\" and ' too",
    "two\nlines\n}",
    "$(reboot) `reboot` ${HOME} \\",
    "%DEVICE% & /",
    "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
    "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
    "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
    "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9",
    "AIRTIGHT_TEXT",
    ""};

class Maker {
 public:
  explicit Maker(std::uint32_t seed) : random_(seed), policy_(tiny_policy()) {}

  Policy run() {
    policy_.workloads.clear();
    policy_.endpoints.clear();
    policy_.flows.clear();
    policy_.inside_ranges.clear();
    policy_.zones.clear();
    const unsigned families = below(3);  // 0 both, 1 IPv4, 2 IPv6
    v4_ = families != 2;
    v6_ = families != 1;
    cluster();
    workloads();
    endpoints();
    catalogues();
    add_inside("127.0.0.0/8", "loopback");
    add_inside("::1/128", "loopback");
    flows();
    exceptions();
    derive(policy_);
    return std::move(policy_);
  }

 private:
  // std::uniform_int_distribution differs between libraries; this does not.
  unsigned below(unsigned bound) { return static_cast<unsigned>(random_() % bound); }
  bool chance(unsigned percent) { return below(100) < percent; }
  std::string text() { return std::string(kTexts[below(kTexts.size())]); }

  void add_inside(std::string_view prefix, std::string what) { add_inside(prefix_of(prefix), std::move(what)); }
  void add_inside(const Prefix& prefix, std::string what) {
    policy_.inside_ranges.push_back({prefix, std::move(what), text(), "", at_line(below(90) + 1)});
  }

  void range(std::vector<Prefix>& into, std::string_view prefix, const std::string& what) {
    into.push_back(prefix_of(prefix));
    add_inside(into.back(), what);
  }

  void cluster() {
    Cluster& cluster = policy_.cluster;
    cluster.pods.clear();
    cluster.services.clear();
    cluster.nodes.clear();
    if (v4_) {
      range(cluster.pods, "10.42.0.0/16", "pods");
      range(cluster.services, "10.43.0.0/16", "services");
      range(cluster.nodes, "10.10.0.0/24", "nodes");
      if (chance(30)) range(cluster.node_tunnels, "10.11.0.0/24", "nodeTunnels");
    }
    if (v6_) {
      range(cluster.pods, "fd00:42::/56", "pods");
      range(cluster.nodes, "fd00:10::/64", "nodes");
    }
    constexpr std::array<std::string_view, 6> kUplinks{"eth0", "bond0.100", "en*", "wan-1", "eth*", "ens3f0np0"};
    cluster.uplinks.clear();
    for (const std::string_view name : kUplinks)
      if (chance(30)) cluster.uplinks.emplace_back(name);
    if (cluster.uplinks.empty()) cluster.uplinks.emplace_back("eth0");
    cluster.dhcp_v4 = v4_ && chance(40);
    cluster.dhcp_v6 = v6_ && chance(40);
    if (chance(40)) cluster.l2.push_back({"lldp", 0x88cc});
    if (chance(30)) cluster.l2.push_back({"vlan", 0x8100});
    if (chance(30)) policy_.multicast.push_back({ip_of("224.0.0.18"), "vrrp", 112, text(), at_line(5)});
    if (chance(30)) policy_.multicast.push_back({ip_of("ff02::5"), "ospf", 89, text(), at_line(6)});
    if (chance(50)) {
      const bool inside_cluster = chance(50);
      const std::string_view v4 = inside_cluster ? "10.10.0.1" : "10.90.0.1";
      const std::string_view v6 = inside_cluster ? "fd00:10::1" : "fd00:90::1";
      cluster.api_server.push_back({ip_of(v4_ ? v4 : v6), 6443});
      add_inside(Prefix::host(cluster.api_server[0].address), "apiServer");
      cluster.api_server_origin = at_line(7);
    }
    if (chance(60)) {
      ClusterDns dns;
      dns.ns = "kube-system";
      dns.labels = {{"k8s-app", "kube-dns"}};
      dns.service = {ip_of(v4_ ? "10.43.0.10" : "fd00:42::53")};
      dns.ports = udp(53) | tcp(53);
      if (v4_ && chance(40)) {
        dns.node_local = {ip_of("169.254.20.10")};
        add_inside("169.254.20.10/32", "dns.nodeLocal");
      }
      cluster.dns = std::move(dns);
    }
  }

  void workloads() {
    const unsigned count = 1 + below(4);
    for (unsigned i = 0; i < count; ++i) {
      Workload workload;
      workload.name = "w" + std::to_string(i);
      workload.ns = "app";
      workload.host = chance(25);
      workload.dns = chance(70);
      workload.origin = at_line(20 + i);
      policy_.workloads.push_back(std::move(workload));
    }
  }

  void endpoints() {
    const unsigned count = 1 + below(5);
    for (unsigned i = 0; i < count; ++i) {
      Endpoint endpoint;
      endpoint.name = "e-" + std::to_string(i);
      endpoint.origin = at_line(40 + i);
      const unsigned addresses = 1 + below(4);
      for (unsigned j = 0; j < addresses; ++j) {
        const bool v4 = v4_ && (!v6_ || chance(60));
        const Prefix prefix =
            v4 ? Prefix::containing(Ip::v4(0x0a140000U + random_() % 0x10000U), 24 + static_cast<int>(below(9)))
               : Prefix::containing(Ip::v6(ip_of("fd00:20::").bits() + random_() % 0x10000U),
                                    120 + static_cast<int>(below(9)));
        endpoint.addresses |= IpSet::of(prefix);
        add_inside(prefix, "endpoint " + endpoint.name);
      }
      policy_.endpoints.push_back(std::move(endpoint));
    }
    if (v4_ && chance(50)) add_inside("10.30.0.0/16", "internal");
    if (v6_ && chance(50)) add_inside("fd00:30::/48", "internal");
  }

  void catalogues() {
    Catalogue catalogue;
    catalogue.name = "cloud-metadata";
    catalogue.title = text();
    catalogue.denied = chance(70);
    for (const std::string_view address : {"169.254.169.254/32", "fd00:ec2::254/128"}) {
      CatalogueEntry entry;
      entry.match = CatalogueEntry::Match::Address;
      entry.value = address;
      catalogue.entries.push_back(std::move(entry));
    }
    policy_.catalogues = {std::move(catalogue)};
  }

  ServiceSet services() {
    ServiceSet set;
    do {
      const auto first = static_cast<std::uint16_t>(below(60000));
      const auto last = static_cast<std::uint16_t>(first + below(3) * 100);
      if (chance(60)) set |= tcp(first + 1, last + 1);
      if (chance(30)) set |= udp(first + 1, last + 1);
      if (chance(10)) set |= sctp(first + 1, last + 1);
      if (chance(10)) set |= ServiceSet::protocol(Protocol::Icmp) | ServiceSet::protocol(Protocol::Icmpv6);
      if (chance(5)) set |= ServiceSet::of(Protocol::Icmp, PortSet::of(0x0800) | PortSet::of(0x0301, 0x04ff));
      if (chance(5)) set |= ServiceSet::of(Protocol::Other, PortSet::of(47) | PortSet::of(50, 51));
    } while (set.empty());
    return set;
  }

  Peer workload() { return {Peer::Kind::Workload, below(static_cast<unsigned>(policy_.workloads.size()))}; }
  Peer endpoint() { return {Peer::Kind::Endpoint, below(static_cast<unsigned>(policy_.endpoints.size()))}; }

  void flows() {
    const unsigned count = below(8);
    for (unsigned i = 0; i < count; ++i) {
      Flow flow;
      flow.from = chance(70) ? workload() : endpoint();
      flow.to = flow.from.kind == Peer::Kind::Endpoint || chance(30) ? workload() : endpoint();
      if (chance(10) && !policy_.cluster.api_server.empty()) flow.from = {Peer::Kind::ApiServer, 0};
      flow.services = services();
      flow.why = text();
      flow.origin = at_line(60 + i);
      policy_.flows.push_back(std::move(flow));
    }
  }

  void exceptions() {
    const unsigned count = below(3);
    for (unsigned i = 0; i < count; ++i) {
      Exception exception{chance(60) ? workload() : Peer{Peer::Kind::Nodes, 0},
                          prefix_of(i == 0 ? "203.0.113.0/28" : "2001:db8:7::/64"),
                          services(),
                          text(),
                          text(),
                          Date{2027, 6, 30},
                          at_line(80 + i)};
      policy_.exceptions.push_back(std::move(exception));
    }
  }

  std::mt19937 random_;
  Policy policy_;
  bool v4_ = true;
  bool v6_ = true;
};

}  // namespace

Policy random_policy(std::uint32_t seed) { return Maker(seed).run(); }

}  // namespace airtight
