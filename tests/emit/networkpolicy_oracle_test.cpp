// Random policies: what the emitted objects allow, read back by a reader that knows nothing of the emitter, is exactly
// what the policy declares, on both halves of every connection; and no object has a shape that opens more than it says.
#include <yaml-cpp/yaml.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/emit/networkpolicy.h"
#include "tests/emit/sample_policy.h"

namespace airtight {
namespace {

// ---- a NetworkPolicy as the API defines it, and what it allows ----

using Selector = Labels;

struct PeerItem {
  std::optional<Selector> namespaces;
  std::optional<Selector> pods;
  std::optional<Prefix> block;
};

struct PortItem {
  Protocol protocol = Protocol::Tcp;
  std::uint16_t first = 1;
  std::uint16_t last = 65535;
};

struct RuleItem {
  std::vector<PeerItem> peers;
  std::vector<PortItem> ports;
};

struct Object {
  std::string name;
  std::string ns;
  Selector subject;
  std::vector<RuleItem> ingress;
  std::vector<RuleItem> egress;
};

void only_keys(const YAML::Node& map, const std::set<std::string>& known) {
  REQUIRE(map.IsMap());
  std::set<std::string> seen;
  for (const auto& entry : map) {
    INFO(entry.first.Scalar());
    REQUIRE(known.count(entry.first.Scalar()) == 1);
    REQUIRE(seen.insert(entry.first.Scalar()).second);
  }
}

Selector read_selector(const YAML::Node& node) {
  only_keys(node, {"matchLabels"});
  Selector labels;
  if (!node["matchLabels"]) return labels;
  REQUIRE(node["matchLabels"].size() > 0);
  for (const auto& entry : node["matchLabels"]) labels[entry.first.Scalar()] = entry.second.Scalar();
  return labels;
}

std::vector<RuleItem> read_rules(const YAML::Node& list, const char* peers_key) {
  std::vector<RuleItem> rules;
  REQUIRE(list.IsSequence());
  REQUIRE(list.size() > 0);
  for (const YAML::Node& rule : list) {
    only_keys(rule, {peers_key, "ports"});
    RuleItem item;
    REQUIRE(rule[peers_key].IsSequence());
    REQUIRE(rule[peers_key].size() > 0);
    for (const YAML::Node& peer : rule[peers_key]) {
      PeerItem read;
      if (peer["ipBlock"]) {
        only_keys(peer, {"ipBlock"});
        only_keys(peer["ipBlock"], {"cidr"});
        read.block = Prefix::parse(peer["ipBlock"]["cidr"].Scalar());
        REQUIRE(read.block);
        REQUIRE(read.block->length() > 0);
      } else {
        only_keys(peer, {"namespaceSelector", "podSelector"});
        REQUIRE(peer["namespaceSelector"]);
        REQUIRE(peer["podSelector"]);
        read.namespaces = read_selector(peer["namespaceSelector"]);
        read.pods = read_selector(peer["podSelector"]);
        REQUIRE(read.namespaces->size() == 1);
      }
      item.peers.push_back(std::move(read));
    }
    REQUIRE(rule["ports"].IsSequence());
    REQUIRE(rule["ports"].size() > 0);
    for (const YAML::Node& port : rule["ports"]) {
      only_keys(port, {"protocol", "port", "endPort"});
      PortItem read;
      const std::string protocol = port["protocol"].Scalar();
      REQUIRE((protocol == "TCP" || protocol == "UDP" || protocol == "SCTP"));
      read.protocol = protocol == "TCP" ? Protocol::Tcp : protocol == "UDP" ? Protocol::Udp : Protocol::Sctp;
      if (port["port"]) read.first = read.last = port["port"].as<std::uint16_t>();
      REQUIRE(read.first >= 1);
      if (port["endPort"]) {
        REQUIRE(port["port"]);
        read.last = port["endPort"].as<std::uint16_t>();
        REQUIRE(read.last > read.first);
      }
      item.ports.push_back(read);
    }
    rules.push_back(std::move(item));
  }
  return rules;
}

Object read_object(const YAML::Node& node, const Policy& policy) {
  static const std::regex kSubdomain("[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*");
  only_keys(node, {"apiVersion", "kind", "metadata", "spec"});
  REQUIRE(node["apiVersion"].Scalar() == "networking.k8s.io/v1");
  REQUIRE(node["kind"].Scalar() == "NetworkPolicy");
  only_keys(node["metadata"], {"name", "namespace", "labels"});
  REQUIRE(node["metadata"]["labels"]["app.kubernetes.io/managed-by"].Scalar() == "airtight");
  REQUIRE(node["metadata"]["labels"]["airtight.dev/spec"].Scalar() == policy.name);
  const YAML::Node spec = node["spec"];
  only_keys(spec, {"podSelector", "policyTypes", "ingress", "egress"});
  REQUIRE(spec["podSelector"]);
  REQUIRE(spec["policyTypes"].size() == 2);
  REQUIRE(spec["policyTypes"][0].Scalar() == "Ingress");
  REQUIRE(spec["policyTypes"][1].Scalar() == "Egress");
  Object object;
  object.name = node["metadata"]["name"].Scalar();
  object.ns = node["metadata"]["namespace"].Scalar();
  REQUIRE(object.name.size() <= 253);
  REQUIRE(std::regex_match(object.name, kSubdomain));
  object.subject = read_selector(spec["podSelector"]);
  if (spec["ingress"]) object.ingress = read_rules(spec["ingress"], "from");
  if (spec["egress"]) object.egress = read_rules(spec["egress"], "to");
  return object;
}

std::vector<Object> read_all(const Policy& policy, const std::vector<Artifact>& artifacts) {
  std::vector<Object> objects;
  std::set<std::string> files;
  for (const Artifact& artifact : artifacts) {
    INFO(artifact.content);
    std::set<std::string> names;
    std::set<std::string> denied;
    for (const YAML::Node& document : YAML::LoadAll(artifact.content)) {
      if (document.IsNull()) continue;  // the comments before the first document
      Object object = read_object(document, policy);
      REQUIRE(artifact.path == "networkpolicy/" + object.ns + ".yaml");
      REQUIRE(names.insert(object.name).second);
      if (object.subject.empty() && object.ingress.empty() && object.egress.empty()) denied.insert(object.ns);
      objects.push_back(std::move(object));
    }
    REQUIRE(denied.size() == 1);
    REQUIRE(files.insert(artifact.path).second);
  }
  REQUIRE(files.size() == policy.default_deny_namespaces.size());
  return objects;
}

// What a connection can have at one end. Pods have no address here: several plugins do not match them by one.
struct End {
  bool is_pod = false;
  std::string ns;
  Labels labels;
  std::optional<Ip> ip;
  friend auto operator<=>(const End&, const End&) = default;
};

std::string to_string(const End& end) {
  if (!end.is_pod) return to_string(*end.ip);
  std::string text = "pod in " + end.ns;
  for (const auto& [key, value] : end.labels) text += ' ' + key + '=' + value;
  return text;
}

bool matches(const Selector& selector, const Labels& labels) {
  return std::all_of(selector.begin(), selector.end(), [&](const auto& want) {
    const auto at = labels.find(want.first);
    return at != labels.end() && at->second == want.second;
  });
}

bool matches(const PeerItem& peer, const End& end, const Policy& policy) {
  if (peer.block) return end.ip && peer.block->contains(*end.ip);
  return end.is_pod && matches(*peer.namespaces, {{policy.cluster.namespace_label, end.ns}}) &&
         matches(*peer.pods, end.labels);
}

ServiceSet everything() {  // that a NetworkPolicy can name
  ServiceSet all;
  for (const Protocol protocol : {Protocol::Tcp, Protocol::Udp, Protocol::Sctp}) {
    all |= ServiceSet::of(protocol, PortSet::of(1, 65535));
  }
  return all;
}

ServiceSet allowed(const std::vector<Object>& objects, const Policy& policy, const End& pod, const End& other,
                   bool egress) {
  bool isolated = false;
  ServiceSet result;
  for (const Object& object : objects) {
    if (object.ns != pod.ns || !matches(object.subject, pod.labels)) continue;
    isolated = true;
    for (const RuleItem& rule : egress ? object.egress : object.ingress) {
      const bool fits = std::any_of(rule.peers.begin(), rule.peers.end(),
                                    [&](const PeerItem& peer) { return matches(peer, other, policy); });
      if (!fits) continue;
      for (const PortItem& item : rule.ports)
        result |= ServiceSet::of(item.protocol, PortSet::of(item.first, item.last));
    }
  }
  return isolated ? result : everything();
}

// ---- what the policy declares, by plain reading ----

bool is_node(const Policy& policy, const End& end) {
  for (const std::vector<Prefix>* ranges : {&policy.cluster.nodes, &policy.cluster.node_tunnels}) {
    for (const Prefix& prefix : *ranges) {
      if (end.ip && prefix.contains(*end.ip)) return true;
    }
  }
  return false;
}

bool is_peer(const Policy& policy, const Peer& peer, const End& end, bool as_destination) {
  switch (peer.kind) {
    case Peer::Kind::Workload: {
      const Workload& workload = policy.workloads[peer.index];
      if (workload.host) return is_node(policy, end);
      return end.is_pod && end.ns == workload.ns && matches(workload.labels, end.labels);
    }
    case Peer::Kind::Endpoint:
      return end.ip && policy.endpoints[peer.index].addresses.contains(*end.ip);
    case Peer::Kind::Nodes:
      return is_node(policy, end);
    case Peer::Kind::ApiServer:
      return std::any_of(policy.cluster.api_server.begin(), policy.cluster.api_server.end(),
                         [&](const AddressPort& at) { return end.ip == at.address; });
    case Peer::Kind::ClusterDns: {
      const ClusterDns& dns = *policy.cluster.dns;
      if (end.is_pod) return end.ns == dns.ns && matches(dns.labels, end.labels);
      return as_destination && std::find(dns.node_local.begin(), dns.node_local.end(), end.ip) != dns.node_local.end();
    }
  }
  return false;
}

ServiceSet declared(const Policy& policy, const End& pod, const End& other, bool egress) {
  ServiceSet result;
  for (const Flow& flow : policy.flows) {
    const Peer& mine = egress ? flow.from : flow.to;
    const Peer& theirs = egress ? flow.to : flow.from;
    if (!policy.is_pod(mine) || !is_peer(policy, mine, pod, !egress)) continue;
    if (!(!egress && flow.source_nat_nodes ? is_node(policy, other) : is_peer(policy, theirs, other, egress))) continue;
    if (egress && theirs.kind == Peer::Kind::ApiServer) {
      for (const AddressPort& at : policy.cluster.api_server) {
        if (other.ip == at.address) result |= flow.services & tcp(at.port);
      }
    } else {
      result |= flow.services;
    }
  }
  for (const Exception& exception : policy.exceptions) {
    if (!egress || !policy.is_pod(exception.from) || !is_peer(policy, exception.from, pod, false)) continue;
    if (other.ip && exception.to.contains(*other.ip)) result |= exception.services;
  }
  return result & everything();
}

// ---- random policies ----

class Maker {
 public:
  explicit Maker(std::uint32_t seed) : random_(seed) {}

  Policy make() {
    Policy policy = tiny_policy();
    policy.flows.clear();
    policy.workloads.clear();
    policy.endpoints.clear();
    policy.default_deny_namespaces.clear();
    Cluster& cluster = policy.cluster;
    if (chance(3)) cluster.namespace_label = "corp.example/ns";
    if (chance(2)) cluster.nodes.push_back(prefix_of("fd00:10::/64"));
    if (chance(3)) cluster.node_tunnels = {prefix_of("10.11.0.0/24")};
    if (chance(2))
      cluster.api_server = {{ip_of("10.10.0.1"), 6443},
                            {ip_of("10.10.0.2"), chance(2) ? std::uint16_t{7443} : std::uint16_t{6443}}};
    for (std::size_t i = 0, n = 1 + below(6); i < n; ++i) policy.workloads.push_back(workload(i));
    for (std::size_t i = 0, n = below(4); i < n; ++i) policy.endpoints.push_back(endpoint(i));
    if (chance(2)) {
      ClusterDns dns;
      dns.ns = chance(2) ? "kube-system" : "a";
      dns.labels = {{"k8s-app", "kube-dns"}};
      dns.ports = udp(53) | tcp(53);
      if (chance(2)) dns.node_local = {ip_of("169.254.20.10")};
      cluster.dns = dns;
      if (chance(3)) policy.default_deny_namespaces.push_back(dns.ns);
    }
    policy.inside_ranges.clear();
    for (const char* range : {"10.0.0.0/8", "fd00::/16", "169.254.20.10/32"}) {
      policy.inside_ranges.push_back({prefix_of(range), "internal", "", "", at_line(1)});
    }
    for (std::size_t n = below(10); n != 0; --n) {
      Flow flow;
      flow.from = peer(policy);
      flow.to = peer(policy);
      flow.services = flow.to.kind == Peer::Kind::ApiServer ? api_ports(policy) : services();
      flow.source_nat_nodes = chance(6) || (policy.workload(flow.from) != nullptr && policy.workload(flow.from)->host);
      flow.why = "flow " + std::to_string(n);
      flow.origin = at_line(static_cast<std::uint32_t>(100 + n));
      if (flow.from.kind == Peer::Kind::Endpoint && flow.to.kind == Peer::Kind::Endpoint) continue;
      policy.flows.push_back(flow);
      if (chance(5)) policy.flows.push_back(policy.flows.back());
    }
    for (std::size_t n = below(3); n != 0; --n) {
      policy.exceptions.push_back({peer(policy), prefix_of(chance(2) ? "203.0.113.0/28" : "2001:db8::/64"), services(),
                                   "SEC-1", "ciso", Date{2027, 1, 1}, at_line(200)});
    }
    derive(policy);
    return policy;
  }

  std::size_t below(std::size_t n) { return random_() % n; }
  bool chance(std::size_t n) { return below(n) == 0; }

 private:
  static ServiceSet api_ports(const Policy& policy) {
    ServiceSet result;
    for (const AddressPort& at : policy.cluster.api_server) result |= tcp(at.port);
    return result;
  }

  Workload workload(std::size_t i) {
    Workload result;
    result.name = "w" + std::to_string(i);
    result.ns = std::string(1, static_cast<char>('a' + below(3)));
    for (const char* key : {"app", "tier"}) {
      if (!chance(3)) result.labels[key] = std::vector<std::string>{"x", "true", "1.5"}[below(3)];
    }
    result.host = chance(5);
    result.dns = !chance(3);
    result.origin = at_line(static_cast<std::uint32_t>(i + 10));
    return result;
  }

  Endpoint endpoint(std::size_t i) {
    Endpoint result;
    result.name = "e" + std::to_string(i);
    for (std::size_t n = 1 + below(4); n != 0; --n) {
      const auto at = static_cast<std::uint32_t>(below(12));
      result.addresses |= chance(3) ? IpSet::of(Ip::v6(ip_of("fd00:20::10").bits() + at))
                                    : IpSet::range(Ip::v4(0x0A140000 + at),
                                                   Ip::v4(0x0A140000 + at + static_cast<std::uint32_t>(below(5))));
    }
    result.ports = tcp(8000);
    result.origin = at_line(static_cast<std::uint32_t>(i + 30));
    return result;
  }

  Peer peer(const Policy& policy) {
    for (;;) {
      switch (below(6)) {
        case 0:
        case 1:
          return {Peer::Kind::Workload, below(policy.workloads.size())};
        case 2:
          if (!policy.endpoints.empty()) return {Peer::Kind::Endpoint, below(policy.endpoints.size())};
          break;
        case 3:
          return {Peer::Kind::Nodes, 0};
        case 4:
          if (!policy.cluster.api_server.empty()) return {Peer::Kind::ApiServer, 0};
          break;
        default:
          if (policy.cluster.dns) return {Peer::Kind::ClusterDns, 0};
      }
    }
  }

  ServiceSet services() {
    ServiceSet result;
    do {
      const auto port = static_cast<std::uint16_t>(80 + below(6));
      switch (below(6)) {
        case 0:
          result |= tcp(port, static_cast<std::uint16_t>(port + below(4)));
          break;
        case 1:
          result |= udp(port);
          break;
        case 2:
          result |= sctp(port);
          break;
        case 3:
          result |= ServiceSet::protocol(Protocol::Icmp);
          break;
        case 4:
          result |= chance(3) ? tcp(1, 65535) : tcp(443);
          break;
        default:
          result |= tcp(port);
          break;
      }
    } while (chance(2));
    return result;
  }

  std::mt19937 random_;
};

std::vector<End> ends_of(const Policy& policy) {
  std::vector<End> ends;
  const auto pod = [&](std::string ns, Labels labels) { ends.push_back({true, std::move(ns), std::move(labels), {}}); };
  for (const Workload& workload : policy.workloads) {
    Labels more = workload.labels;
    more["pod-template-hash"] = "abc";
    pod(workload.ns, more);
    for (const char* ns : {"a", "b", "c", "foreign"}) pod(ns, workload.labels);
    if (!workload.labels.empty()) {
      Labels other = workload.labels;
      other.begin()->second += "-other";
      pod(workload.ns, other);
    }
  }
  pod("foreign", {});
  for (const char* ns : {"kube-system", "a", "foreign"}) pod(ns, {{"k8s-app", "kube-dns"}});
  for (const char* address : {"10.10.0.1", "10.10.0.2", "10.10.0.77", "fd00:10::5", "10.11.0.3", "10.12.0.1",
                              "10.42.0.9", "10.43.0.10", "169.254.20.10", "169.254.169.254", "203.0.113.0",
                              "203.0.113.15", "203.0.113.16", "2001:db8::1", "2001:db8:0:1::1", "8.8.8.8"}) {
    ends.push_back({false, "", {}, ip_of(address)});
  }
  for (const Endpoint& endpoint : policy.endpoints) {
    for (const IpRange& range : endpoint.addresses.ranges()) {
      ends.push_back({false, "", {}, range.first});
      ends.push_back({false, "", {}, range.last});
      if (range.last.is_v4()) ends.push_back({false, "", {}, Ip::v4(range.last.v4_bits() + 1)});
    }
  }
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  return ends;
}

TEST_CASE("networkpolicy: random policies allow exactly what they declare, on both halves") {
  std::size_t allowed_pairs = 0;
  std::size_t denied_pairs = 0;
  for (std::uint32_t seed = 1; seed <= 400; ++seed) {
    INFO("seed " << seed);
    Maker maker(seed);
    const Policy policy = maker.make();
    Diagnostics diagnostics;
    kNetworkPolicyTarget.check(policy, diagnostics);
    REQUIRE_FALSE(diagnostics.has_errors());
    const std::vector<Artifact> artifacts = kNetworkPolicyTarget.emit(policy);
    const std::vector<Object> objects = read_all(policy, artifacts);

    IpSet permitted = policy.inside;
    for (const Exception& exception : policy.exceptions) permitted |= IpSet::of(exception.to);
    for (const Object& object : objects) {
      for (const std::vector<RuleItem>* rules : {&object.ingress, &object.egress}) {
        for (const RuleItem& rule : *rules) {
          for (const PeerItem& peer : rule.peers) {
            if (peer.block)
              REQUIRE(IpSet::of(*peer.block).subset_of(rules == &object.egress ? permitted : policy.inside));
          }
        }
      }
    }

    const std::vector<End> ends = ends_of(policy);
    const auto& denied = policy.default_deny_namespaces;
    for (const End& pod : ends) {
      if (!pod.is_pod) continue;
      const bool ours = std::find(denied.begin(), denied.end(), pod.ns) != denied.end();
      for (const End& other : ends) {
        for (const bool egress : {true, false}) {
          const ServiceSet expected = ours ? declared(policy, pod, other, egress) : everything();
          const ServiceSet got = allowed(objects, policy, pod, other, egress);
          ++(got.empty() ? denied_pairs : allowed_pairs);
          if (got == expected) continue;
          FAIL("seed " << seed << ": " << (egress ? "egress of " : "ingress of ") << to_string(pod) << ", other end "
                       << to_string(other) << ": allowed " << to_string(got) << ", declared " << to_string(expected));
        }
      }
    }
  }
  CHECK(allowed_pairs > 100000);
  CHECK(denied_pairs > 100000);
}

}  // namespace
}  // namespace airtight
