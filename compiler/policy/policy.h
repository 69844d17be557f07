// The intermediate representation: what the spec means, with no name left open. Emitters, verifier and auditor see
// nothing else. It knows no YAML and no target, and nobody changes it once resolve() or parse_compiled_policy() has
// made it: pass it as `const Policy&`. Reading it from several threads is safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/net/domain.h"
#include "compiler/net/ip.h"
#include "compiler/net/ip_set.h"
#include "compiler/net/traffic_set.h"
#include "compiler/policy/catalogue.h"
#include "compiler/policy/source.h"

namespace airtight {

// The place in the spec that made something; shown on rules as `file:line`.
struct Origin {
  std::string file;        // basename of the spec file
  std::uint32_t line = 0;  // 1-based
  Span span;               // for diagnostics of back ends; unknown when the Policy came from policy.json

  // Spans do not survive policy.json, so they are no part of the value.
  friend bool operator==(const Origin& a, const Origin& b) { return a.file == b.file && a.line == b.line; }
};
std::string to_string(const Origin&);  // "isolation.yaml:12"

enum class Mode : std::uint8_t { Airgapped, PrivateVpc };
enum class Dataplane : std::uint8_t { Netfilter, Ebpf };
enum class Role : std::uint8_t { Llm, Connector, Registry, Dns, Ntp, Log, Metrics, Client, Proxy, Storage, Other };
// An independent enforcement point (DESIGN §1).
enum class Layer : std::uint8_t { Kubernetes, Cluster, Firewall, Dns, Admission };
// The closed list of DESIGN §2; which of them this build can write is emit's business.
enum class TargetId : std::uint8_t {
  NetworkPolicy,
  ClusterNetworkPolicy,
  AdminNetworkPolicy,
  Cilium,
  Calico,
  Admission,
  Nftables,
  Iptables,
  Tc,
  Rpz,
  Bind,
  Unbound,
  PowerDns,
  Knot,
  Dnsmasq,
  CoreDns
};

std::string_view to_string(Mode);  // as the spec spells it
std::string_view to_string(Dataplane);
std::string_view to_string(Role);
std::string_view to_string(Layer);
std::string_view to_string(TargetId);
std::optional<Mode> parse_mode(std::string_view);
std::optional<Dataplane> parse_dataplane(std::string_view);
std::optional<Role> parse_role(std::string_view);
std::optional<TargetId> parse_target(std::string_view);
std::vector<std::string_view> mode_names();
std::vector<std::string_view> dataplane_names();
std::vector<std::string_view> role_names();
std::vector<std::string_view> target_names();

using Labels = std::map<std::string, std::string>;

// Kubernetes minor version.
struct KubernetesVersion {
  unsigned major = 1;
  unsigned minor = 0;
  friend auto operator<=>(const KubernetesVersion&, const KubernetesVersion&) = default;
};
std::string to_string(KubernetesVersion);  // "1.29"

// A calendar day, UTC. An exception is in force until 23:59:59Z of its last day.
struct Date {
  int year = 1970;
  unsigned month = 1;
  unsigned day = 1;
  friend auto operator<=>(const Date&, const Date&) = default;
  static std::optional<Date> parse(std::string_view);  // YYYY-MM-DD that exists in the calendar
};
std::string to_string(Date);

struct AddressPort {
  Ip address = Ip::v4(0);
  std::uint16_t port = 0;
  friend auto operator<=>(const AddressPort&, const AddressPort&) = default;
};
std::string to_string(const AddressPort&);  // an IPv6 address in brackets

// A range that is inside, with the reason that somebody gave for it.
struct InsideRange {
  Prefix prefix = Prefix::host(Ip::v4(0));
  std::string what;         // "pods", "services", "nodes", "nodeTunnels", "apiServer", "internal", "endpoint NAME",
                            // "dns.nodeLocal", "loopback"
  std::string why;          // for internal and endpoints; may be empty
  std::string approved_by;  // set where the range is global space
  Origin origin;
  friend bool operator==(const InsideRange&, const InsideRange&) = default;
};

// A protocol:port that carries other packets between nodes.
struct Tunnel {
  std::string kind;  // "vxlan", "geneve", "wireguard", "ipip", "gre", "esp"
  ServiceSet carrier;
  Origin origin;
  friend bool operator==(const Tunnel&, const Tunnel&) = default;
};

// An EtherType that may leave although it is neither ARP nor IP.
struct EtherType {
  std::string name;  // "lldp", "vlan", …
  std::uint16_t value = 0;
  friend bool operator==(const EtherType&, const EtherType&) = default;
};

struct ClusterDns {
  std::string ns;
  Labels labels;
  std::vector<Ip> service;     // Service addresses, one a family at most
  std::vector<Ip> node_local;  // NodeLocal DNSCache listens here, from a hostNetwork pod
  ServiceSet ports;            // pod ports; 53/udp and 53/tcp unless the spec says otherwise
  Origin origin;
  friend bool operator==(const ClusterDns&, const ClusterDns&) = default;
};

struct Cluster {
  std::optional<KubernetesVersion> version;
  Origin version_origin;
  Dataplane dataplane = Dataplane::Netfilter;
  std::vector<Prefix> pods;
  std::vector<Prefix> services;
  std::vector<Prefix> nodes;
  std::vector<Prefix> node_tunnels;
  Domain domain = Domain::root();
  std::optional<ClusterDns> dns;
  std::vector<AddressPort> api_server;
  Origin api_server_origin;
  std::string namespace_label;  // the label that carries a namespace's name
  bool namespace_label_given = false;
  std::vector<std::string> uplinks;  // device name patterns: literal, or with a final '*'
  std::vector<std::string> pod_side;
  std::vector<std::string> overlays;
  Origin uplinks_origin;
  std::vector<Tunnel> tunnels;
  std::vector<EtherType> l2;
  bool dhcp_v4 = false;
  bool dhcp_v6 = false;
  std::vector<std::string> programs;  // tc and XDP programs that are known
  friend bool operator==(const Cluster&, const Cluster&) = default;
};

// Routing and redundancy protocols speak to groups: exactly these may leave.
struct Multicast {
  Ip group = Ip::v4(0);
  std::string protocol;     // as written: "vrrp", "ospf", …, or a number
  std::uint8_t number = 0;  // IP protocol number
  std::string why;
  Origin origin;
  friend bool operator==(const Multicast&, const Multicast&) = default;
};

enum class Expose : std::uint8_t { NodePort, LoadBalancer };
std::string_view to_string(Expose);

struct Workload {
  std::string name;
  std::string ns;
  Labels labels;  // empty: the whole namespace
  std::string service_account;
  std::map<std::string, ServiceSet> serves;
  bool host = false;        // hostNetwork: at the kubernetes layer it is `nodes`
  bool privileged = false;  // may keep NET_ADMIN and NET_RAW
  bool dns = true;          // may ask cluster-dns
  std::vector<Expose> expose;
  Origin origin;
  friend bool operator==(const Workload&, const Workload&) = default;
};

struct Endpoint {
  std::string name;
  Role role = Role::Other;
  std::string runtime;
  IpSet addresses;
  ServiceSet ports;  // empty for clients
  std::vector<Domain> names;
  std::string why;
  Origin origin;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// One side of a flow. `index` is into Policy::workloads or Policy::endpoints; 0 for the built-in names.
struct Peer {
  enum class Kind : std::uint8_t { Workload, Endpoint, Nodes, ApiServer, ClusterDns };
  Kind kind = Kind::Nodes;
  std::size_t index = 0;
  friend auto operator<=>(const Peer&, const Peer&) = default;
};

// One declared permission: `from` may open a connection to `to` on `services` (pod ports, after Service translation).
struct Flow {
  Peer from;
  Peer to;
  ServiceSet services;            // never empty
  bool source_nat_nodes = false;  // the peer that the destination sees is a node
  bool implied = false;           // not written: the right of every workload to ask cluster-dns
  std::string why;
  Origin origin;
  friend bool operator==(const Flow&, const Flow&) = default;
};

// The only way to an outside address; itself the permission.
struct Exception {
  Peer from;
  Prefix to = Prefix::host(Ip::v4(0));
  ServiceSet services;
  std::string ticket;
  std::string approved_by;
  Date expires;
  Origin origin;
  friend bool operator==(const Exception&, const Exception&) = default;
};

struct Zone {
  Domain name = Domain::root();
  std::vector<std::size_t> forward;  // indexes of endpoints, in the order written
  Origin origin;
  friend bool operator==(const Zone&, const Zone&) = default;
};

struct DeniedName {
  Domain name = Domain::root();  // it and everything below
  Origin origin;
  friend bool operator==(const DeniedName&, const DeniedName&) = default;
};

struct RequestedTarget {
  TargetId id = TargetId::NetworkPolicy;
  Origin origin;
  friend bool operator==(const RequestedTarget&, const RequestedTarget&) = default;
};

struct Policy {
  std::string spec_digest;  // "sha256:…" of the canonical merged spec
  std::string name;         // metadata.name
  std::string owner;
  std::string classification;
  Mode mode = Mode::Airgapped;
  Cluster cluster;
  std::vector<InsideRange> inside_ranges;  // every range with its reason, in the order of the spec
  IpSet inside;                            // their union; outside is its complement, never a list
  std::vector<Multicast> multicast;
  std::vector<Workload> workloads;                   // by name
  std::vector<Endpoint> endpoints;                   // by name
  std::vector<Flow> flows;                           // as written, the implied ones last
  std::vector<Exception> exceptions;                 // as written
  std::vector<std::string> default_deny_namespaces;  // sorted (DESIGN §2, "Namespaces")
  std::vector<Zone> zones;
  std::vector<DeniedName> denied_names;  // dns.deny
  DomainSet inside_names;                // DESIGN §1; what dns.deny and denied catalogues name is already taken out
  std::vector<Catalogue> catalogues;     // all that are known, by name; `denied` says which the spec denies
  std::vector<RequestedTarget> targets;  // in the order of TargetId
  friend bool operator==(const Policy&, const Policy&) = default;

  IpSet outside() const { return ~inside; }
  bool has_target(TargetId) const;
  // "ai-gateway", "vllm", "nodes", "api-server", "cluster-dns".
  std::string_view name_of(const Peer&) const;
  // Where packets of this peer come from or go to, as a firewall on a node sees it: endpoints their addresses; pods the
  // pod ranges; hostNetwork workloads and `nodes` the node and tunnel ranges; `api-server` its addresses; `cluster-dns`
  // the pod ranges, its Service addresses and nodeLocal.
  IpSet addresses_of(const Peer&) const;
  // Pods in the network of the node, or the node itself: the peers whose packets a node's output hook sees.
  bool is_node_side(const Peer&) const;
  // Pods with their own network: workloads that are not `host`, and cluster-dns.
  bool is_pod(const Peer&) const;
  const Workload* workload(const Peer&) const;  // nullptr for other kinds
  const Endpoint* endpoint(const Peer&) const;  // nullptr for other kinds
  IpSet pods() const;
  IpSet services() const;
  IpSet nodes() const;           // nodes and nodeTunnels
  IpSet cluster_ranges() const;  // pods, services, nodes, nodeTunnels
  // Addresses and names of the denied catalogues.
  IpSet denied_addresses() const;
  DomainSet denied_catalogue_names() const;
};

}  // namespace airtight
