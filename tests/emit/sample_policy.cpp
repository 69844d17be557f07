#include "tests/emit/sample_policy.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <utility>

namespace airtight {
namespace {

template <class T>
T must(std::optional<T> value, std::string_view text) {
  if (!value) {
    std::fprintf(stderr, "sample_policy: '%.*s' does not parse\n", static_cast<int>(text.size()), text.data());
    std::abort();
  }
  return *std::move(value);
}

ServiceSet ports(Protocol protocol, std::uint16_t first, std::uint16_t last) {
  return ServiceSet::of(protocol, PortSet::of(first, last == 0 ? first : last));
}

Workload workload(std::string name, std::string ns, Labels labels, std::uint32_t line) {
  Workload result;
  result.name = std::move(name);
  result.ns = std::move(ns);
  result.labels = std::move(labels);
  result.origin = at_line(line);
  return result;
}

Endpoint endpoint(std::string name, Role role, IpSet addresses, ServiceSet services, std::uint32_t line) {
  Endpoint result;
  result.name = std::move(name);
  result.role = role;
  result.addresses = std::move(addresses);
  result.ports = services;
  result.origin = at_line(line);
  return result;
}

Flow flow(Peer from, Peer to, ServiceSet services, std::string why, std::uint32_t line) {
  Flow result;
  result.from = from;
  result.to = to;
  result.services = services;
  result.why = std::move(why);
  result.origin = at_line(line);
  return result;
}

CatalogueEntry entry(CatalogueEntry::Match match, std::string value, std::string label) {
  CatalogueEntry result;
  result.match = match;
  result.value = std::move(value);
  result.label = std::move(label);
  result.source = "docs";
  result.date = "2026-11-25";
  return result;
}

Catalogue catalogue(std::string name, std::string title, bool denied, std::vector<CatalogueEntry> entries) {
  Catalogue result;
  result.name = std::move(name);
  result.title = std::move(title);
  result.why = "for tests";
  result.sources = {{"docs", {"documentation", "2026-11-25"}}};
  result.entries = std::move(entries);
  result.denied = denied;
  return result;
}

InsideRange inside(std::string_view prefix, std::string what, std::string why, std::uint32_t line) {
  InsideRange result{prefix_of(prefix), std::move(what), std::move(why), "", at_line(line)};
  return result;
}

void set_device_defaults(Cluster& cluster) {
  cluster.pod_side = {"cali*", "veth*", "lxc*", "cni*", "eni*", "azv*"};
  cluster.overlays = {"flannel.*", "vxlan.*", "cilium_*", "tunl0", "cni0", "kube-*", "docker0", "nodelocaldns"};
  cluster.namespace_label = "kubernetes.io/metadata.name";
}

// The zones of in-addr.arpa and ip6.arpa that hold exactly the reverse names of the prefix: cut at octets and at
// nibbles.
void add_reverse_zones(const Prefix& prefix, std::vector<Domain>& zones) {
  const int step = prefix.family() == Family::V4 ? 8 : 4;
  const int length = (prefix.length() + step - 1) / step * step;
  const int free_bits = width(prefix.family()) - length;
  for (unsigned i = 0; i < 1U << (length - prefix.length()); ++i) {
    const u128 bits = prefix.first().bits() + (i == 0 ? 0 : static_cast<u128>(i) << free_bits);
    Domain name = reverse_name(prefix.family() == Family::V4 ? Ip::v4(static_cast<std::uint32_t>(bits)) : Ip::v6(bits));
    for (int cut = 0; cut < free_bits / step; ++cut) name = *name.parent();
    zones.push_back(std::move(name));
  }
}

}  // namespace

Ip ip_of(std::string_view text) { return must(Ip::parse(text), text); }
Prefix prefix_of(std::string_view text) { return must(Prefix::parse(text), text); }
Domain domain_of(std::string_view text) { return must(Domain::parse(text), text); }

IpSet ip_set_of(std::vector<std::string_view> addresses_or_prefixes) {
  IpSet result;
  for (const std::string_view text : addresses_or_prefixes) {
    result |= text.find('/') == std::string_view::npos ? IpSet::of(ip_of(text)) : IpSet::of(prefix_of(text));
  }
  return result;
}

ServiceSet tcp(std::uint16_t first, std::uint16_t last) { return ports(Protocol::Tcp, first, last); }
ServiceSet udp(std::uint16_t first, std::uint16_t last) { return ports(Protocol::Udp, first, last); }
ServiceSet sctp(std::uint16_t first, std::uint16_t last) { return ports(Protocol::Sctp, first, last); }
Origin at_line(std::uint32_t line) { return {"isolation.yaml", line, {}}; }

Peer peer_of(const Policy& policy, std::string_view name) {
  if (name == "nodes") return {Peer::Kind::Nodes, 0};
  if (name == "api-server") return {Peer::Kind::ApiServer, 0};
  if (name == "cluster-dns") return {Peer::Kind::ClusterDns, 0};
  for (std::size_t i = 0; i < policy.workloads.size(); ++i) {
    if (policy.workloads[i].name == name) return {Peer::Kind::Workload, i};
  }
  for (std::size_t i = 0; i < policy.endpoints.size(); ++i) {
    if (policy.endpoints[i].name == name) return {Peer::Kind::Endpoint, i};
  }
  return must(std::optional<Peer>(), name);
}

void derive(Policy& policy) {
  std::set<std::string> namespaces(policy.default_deny_namespaces.begin(), policy.default_deny_namespaces.end());
  for (const Workload& w : policy.workloads) namespaces.insert(w.ns);
  policy.default_deny_namespaces.assign(namespaces.begin(), namespaces.end());

  std::erase_if(policy.flows, [](const Flow& f) { return f.implied; });
  if (policy.cluster.dns) {
    for (std::size_t i = 0; i < policy.workloads.size(); ++i) {
      const Workload& w = policy.workloads[i];
      if (!w.dns) continue;
      Flow implied;
      implied.from = {Peer::Kind::Workload, i};
      implied.to = {Peer::Kind::ClusterDns, 0};
      implied.services = policy.cluster.dns->ports;
      implied.implied = true;
      implied.why = "every workload may ask cluster-dns";
      implied.origin = w.origin;
      policy.flows.push_back(std::move(implied));
    }
  }

  policy.inside = {};
  for (const InsideRange& range : policy.inside_ranges) policy.inside |= IpSet::of(range.prefix);

  std::vector<Domain> names{policy.cluster.domain};
  for (const Zone& zone : policy.zones) names.push_back(zone.name);
  for (const Endpoint& e : policy.endpoints) names.insert(names.end(), e.names.begin(), e.names.end());
  for (const Prefix& prefix : policy.inside.prefixes()) add_reverse_zones(prefix, names);
  policy.inside_names = DomainSet::from_suffixes(names);
  for (const DeniedName& denied : policy.denied_names) policy.inside_names -= DomainSet::below(denied.name);
  for (const Catalogue& c : policy.catalogues) {
    if (c.denied) policy.inside_names -= c.names();
  }
}

Policy sample_policy() {
  using Match = CatalogueEntry::Match;
  Policy policy;
  policy.spec_digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  policy.name = "xpander-airgapped";
  policy.owner = "platform-security";

  Cluster& cluster = policy.cluster;
  cluster.domain = domain_of("cluster.local");
  cluster.version = KubernetesVersion{1, 29};
  cluster.version_origin = at_line(8);
  cluster.pods = {prefix_of("10.42.0.0/16"), prefix_of("fd00:42::/56")};
  cluster.services = {prefix_of("10.43.0.0/16")};
  cluster.nodes = {prefix_of("10.10.0.0/24"), prefix_of("fd00:10::/64")};
  ClusterDns dns;
  dns.ns = "kube-system";
  dns.labels = {{"k8s-app", "kube-dns"}};
  dns.service = {ip_of("10.43.0.10")};
  dns.ports = udp(53) | tcp(53);
  dns.origin = at_line(13);
  cluster.dns = std::move(dns);
  cluster.api_server = {{ip_of("10.10.0.1"), 6443}};
  cluster.api_server_origin = at_line(15);
  cluster.uplinks = {"eth0"};
  cluster.uplinks_origin = at_line(14);
  set_device_defaults(cluster);

  Workload gateway = workload("ai-gateway", "xpander", {{"app.kubernetes.io/name", "xpander-ai-gateway"}}, 19);
  gateway.serves = {{"http", tcp(9018)}, {"metrics", tcp(9090)}};
  Workload ingress = workload("ingress", "ingress-nginx", {{"app.kubernetes.io/name", "ingress-nginx"}}, 21);
  ingress.serves = {{"https", tcp(443)}};
  ingress.host = true;
  policy.workloads = {std::move(gateway), std::move(ingress),
                      workload("workers", "xpander", {{"app.kubernetes.io/name", "xpander-agent-worker"}}, 20)};

  Endpoint desktops = endpoint("desktops", Role::Client, ip_set_of({"10.30.0.0/16"}), {}, 25);
  desktops.why = "people's browsers";
  Endpoint vllm = endpoint("vllm", Role::Llm, ip_set_of({"10.20.0.10", "fd00:20::10"}), tcp(8000), 23);
  vllm.runtime = "vllm";
  vllm.names = {domain_of("vllm.corp.example")};
  policy.endpoints = {std::move(desktops),
                      endpoint("resolvers", Role::Dns, ip_set_of({"10.20.0.53"}), udp(53) | tcp(53), 24),
                      std::move(vllm)};

  policy.inside_ranges = {
      inside("10.42.0.0/16", "pods", "", 9),
      inside("fd00:42::/56", "pods", "", 9),
      inside("10.43.0.0/16", "services", "", 10),
      inside("10.10.0.0/24", "nodes", "", 11),
      inside("fd00:10::/64", "nodes", "", 11),
      inside("10.10.0.1/32", "apiServer", "", 15),
      inside("10.30.0.0/16", "internal", "office", 16),
      inside("10.20.0.10/32", "endpoint vllm", "", 23),
      inside("fd00:20::10/128", "endpoint vllm", "", 23),
      inside("10.20.0.53/32", "endpoint resolvers", "", 24),
      inside("10.30.0.0/16", "endpoint desktops", "people's browsers", 25),
      inside("127.0.0.0/8", "loopback", "", 0),
      inside("::1/128", "loopback", "", 0),
  };

  policy.flows = {
      flow(peer_of(policy, "workers"), peer_of(policy, "ai-gateway"), tcp(9018), "agent inference", 27),
      flow(peer_of(policy, "ai-gateway"), peer_of(policy, "vllm"), tcp(8000), "local inference", 28),
      flow(peer_of(policy, "desktops"), peer_of(policy, "ingress"), tcp(443), "the web interface", 29),
      flow(peer_of(policy, "ingress"), peer_of(policy, "ai-gateway"), tcp(9018), "routes", 30),
      flow(peer_of(policy, "cluster-dns"), peer_of(policy, "resolvers"), udp(53) | tcp(53),
           "inside zones are forwarded", 31),
  };
  policy.flows[3].source_nat_nodes = true;  // implied by a host workload as the source

  Exception exception{peer_of(policy, "workers"),
                      prefix_of("203.0.113.7/32"),
                      tcp(443),
                      "SEC-12",
                      "ciso",
                      Date{2027, 6, 30},
                      at_line(33)};
  policy.exceptions = {std::move(exception)};

  policy.zones = {{domain_of("corp.example"), {1}, at_line(36)}};

  policy.catalogues = {
      catalogue("cloud-metadata", "Cloud instance metadata", true,
                {entry(Match::Address, "169.254.169.254/32", "Instance metadata of most clouds"),
                 entry(Match::Address, "fd00:ec2::254/128", "AWS instance metadata (IPv6)"),
                 entry(Match::Exact, "metadata.google.internal", "Google Cloud metadata")}),
      catalogue("doh", "Public DoH and DoT resolvers", true,
                {entry(Match::Address, "1.1.1.1/32", "Cloudflare"),
                 entry(Match::Address, "2606:4700:4700::1111/128", "Cloudflare"),
                 entry(Match::Suffix, "cloudflare-dns.com", "Cloudflare")}),
      catalogue("hosted-llm", "Hosted LLM providers", true,
                {entry(Match::Suffix, "openai.com", "OpenAI"),
                 entry(Match::Pattern, "^bedrock-runtime[.][a-z0-9-]+[.]amazonaws[.]com$", "Amazon Bedrock")}),
      catalogue("telemetry", "Telemetry", false, {entry(Match::Suffix, "sentry.io", "Sentry")}),
      catalogue("xpander-cloud", "xpander.ai Cloud", true,
                {entry(Match::Suffix, "xpander.ai", "xpander.ai"),
                 entry(Match::Exact, "deployment-manager.xpander.ai", "xpander deployment manager"),
                 entry(Match::Address, "15.197.85.80/32", "xpander Cloud"),
                 entry(Match::Address, "166.117.85.46/32", "xpander Cloud")}),
  };

  policy.targets = {{TargetId::NetworkPolicy, at_line(37)},
                    {TargetId::Nftables, at_line(37)},
                    {TargetId::Rpz, at_line(37)},
                    {TargetId::Bind, at_line(37)}};
  derive(policy);
  return policy;
}

Policy tiny_policy() {
  Policy policy;
  policy.spec_digest = "sha256:fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";
  policy.name = "tiny";
  policy.owner = "tests";
  Cluster& cluster = policy.cluster;
  cluster.domain = domain_of("cluster.local");
  cluster.pods = {prefix_of("10.42.0.0/16")};
  cluster.services = {prefix_of("10.43.0.0/16")};
  cluster.nodes = {prefix_of("10.10.0.0/24")};
  cluster.uplinks = {"eth0"};
  cluster.uplinks_origin = at_line(9);
  set_device_defaults(cluster);

  policy.workloads = {workload("web", "app", {{"app", "web"}}, 11)};
  policy.workloads[0].dns = false;
  policy.endpoints = {endpoint("vllm", Role::Llm, ip_set_of({"10.20.0.10"}), tcp(8000), 13)};
  policy.inside_ranges = {
      inside("10.42.0.0/16", "pods", "", 6),    inside("10.43.0.0/16", "services", "", 7),
      inside("10.10.0.0/24", "nodes", "", 8),   inside("10.20.0.10/32", "endpoint vllm", "", 13),
      inside("127.0.0.0/8", "loopback", "", 0), inside("::1/128", "loopback", "", 0),
  };
  policy.flows = {flow(peer_of(policy, "web"), peer_of(policy, "vllm"), tcp(8000), "inference", 15)};
  policy.zones = {{domain_of("corp.example"), {}, at_line(17)}};
  policy.targets = {
      {TargetId::NetworkPolicy, at_line(18)}, {TargetId::Nftables, at_line(18)}, {TargetId::Rpz, at_line(18)}};
  derive(policy);
  return policy;
}

}  // namespace airtight
