// A cluster as its manifests describe it, objects of every supported API brought to one form. Filled by the readers,
// never changed by the judges. Places are kept; nothing here knows YAML.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/net/ip.h"
#include "compiler/net/ip_set.h"
#include "compiler/net/traffic_set.h"
#include "compiler/policy/policy.h"
#include "compiler/policy/source.h"
#include "compiler/verify/kubernetes/selector.h"
#include "compiler/verify/rule_table.h"

namespace airtight::verify {

struct ObjectRef {
  std::string kind;
  std::string ns;  // empty for cluster-scoped objects
  std::string name;
  Span span;  // of metadata.name's value where there is one, else of the object
};
std::string to_string(const ObjectRef&);  // "NetworkPolicy app/web", "ClusterRole admin"

// What a reader noticed about an object: an API server would refuse it, an unknown field …
struct Remark {
  Rule rule = Rule::UnknownField;
  Span where;
  std::string object;   // to_string(ObjectRef)
  std::string message;  // one sentence, no full stop
};

struct Namespace {
  std::string name;
  KnownLabels labels;  // with kubernetes.io/metadata.name; `complete` only if the object is in the input
  bool in_input = false;
  Span span;
};

struct ContainerPort {
  std::string name;  // may be empty
  Protocol protocol = Protocol::Tcp;
  std::uint16_t port = 0;
  std::uint16_t host_port = 0;  // 0: none
  Span span;
};

// What undoes isolation although the network is the pod's own: hostPID, hostIPC, privileged, NET_ADMIN, a socket.
struct Loosening {
  std::string what;  // "privileged: true in container web"
  Span where;
};

// A pod, or the pod template of whatever makes pods. Pods of one owner with equal labels, ports and settings are one.
struct Workload {
  ObjectRef ref;       // of the owner's kind where pods name one: "app/web[ReplicaSet]"
  KnownLabels labels;  // of the pod
  std::string service_account;
  bool host_network = false;
  bool keeps_net_raw = false;    // unless capabilities drop ALL or NET_RAW; meaningful for host_network
  bool keeps_net_admin = false;  // added, or privileged
  std::vector<ContainerPort> ports;
  std::vector<Loosening> loosenings;
  std::vector<Ip> addresses;          // status.podIPs, status.hostIP is not among them
  std::vector<std::string> networks;  // Multus networks asked for by annotation
  std::vector<std::string> relays;    // values of proxy variables (HTTP_PROXY …) of its containers, "NAME=value"
  std::string owner_kind, owner;      // of a pod: its controller as written; empty: none
  bool symbolic = false;              // stands for label classes that no object of the input shows
  std::size_t replicas = 1;           // objects that were folded into this one
  bool hypothetical = false;          // a peer that only selectors know of: the least that one of them matches
  bool judged = true;  // false: a peer only, declared by a spec in a namespace of which nothing is in the input
};
// "app/web[Deployment]"; symbolic: "any pod of app with app=web".
std::string name_of(const Workload&);

struct ServicePort {
  std::string name;
  Protocol protocol = Protocol::Tcp;
  std::uint16_t port = 0;
  std::string target;  // number or name; empty: as `port`
  std::uint16_t node_port = 0;
  Span span;
};

struct Service {
  ObjectRef ref;
  std::string type = "ClusterIP";
  std::optional<Labels> selector;  // empty optional: none, endpoints are made by hand
  std::vector<Ip> cluster_ips;
  std::vector<std::pair<Ip, Span>> external_ips;   // spec.externalIPs
  std::vector<std::pair<Ip, Span>> load_balancer;  // spec.loadBalancerIP and status
  std::string external_name;                       // of type ExternalName
  Span type_span;                                  // of the value of type or externalName
  std::vector<ServicePort> ports;
};

// EndpointSlice, and the older Endpoints.
struct EndpointAddresses {
  ObjectRef ref;
  std::string service;  // whose
  std::vector<std::pair<Ip, Span>> addresses;
  std::vector<std::pair<std::string, Span>> names;  // addressType FQDN
  ServiceSet ports;
  bool managed = false;  // made by the endpoint controller, from pods
};

// An Ingress backend: whoever serves the Ingress may relay to this Service.
struct IngressBackend {
  ObjectRef ref;
  std::string service;
  std::string port;
  Span where;
};

// Whom the API server is told to call: webhooks, CRD conversions, aggregated APIs. It has a reach of its own, so it is
// a relay for whoever may write to it.
struct ApiServerCall {
  ObjectRef ref;
  std::string target;  // the URL, or "Service ns/name"
  Span where;
};

// Whom an ingress controller is told to call itself: `auth-url` and the like.
struct IngressCall {
  ObjectRef ref;
  std::string target;  // the URL
  Span where;
};

// What RBAC rules let somebody change, of what matters here.
struct Rights {
  bool network_policies = false;
  bool pods = false;             // and whatever carries a pod template
  bool plugin_policies = false;  // namespaced ones of Cilium and Calico
  bool cluster_policies = false;
  friend bool operator==(const Rights&, const Rights&) = default;
};

struct Role {
  ObjectRef ref;  // Role or ClusterRole
  Labels labels;
  Rights rights;
  std::vector<Selector> aggregates;  // of a ClusterRole: whose rights are added to it
};

struct RoleBinding {
  ObjectRef ref;  // RoleBinding or ClusterRoleBinding
  ObjectRef role;
  std::vector<std::string> subjects;
};

// A right that matters here: RBAC rule bound to a subject.
struct Grant {
  std::string subject;                   // "ServiceAccount app/ci", "Group dev"
  std::string ns;                        // where it holds; empty: everywhere
  bool create_network_policies = false;  // or change or delete: that opens as well
  bool create_pods = false;              // or change
  bool change_cluster_policies = false;  // Admin-tier objects, Cilium or Calico policies
  ObjectRef binding;
  ObjectRef role;
};

// ---- policies
// --------------------------------------------------------------------------------------------------------

enum class Direction : std::uint8_t { Ingress, Egress };

enum class Action : std::uint8_t { Allow, Deny, Pass, Log };

// One alternative of "who is on the other side".
struct RulePeer {
  enum class Kind : std::uint8_t {
    Everything,  // every pod, node and address of both families
    Pods,        // pods by selectors, never an address
    Addresses,   // addresses; `addresses_match_pods` says what they mean for pods
    Nodes,       // by node labels, or Cilium's host and remote-node: addresses of nodes
    NotUnderstood,
  };
  enum class MatchPods : std::uint8_t { Never, ByAddress, Undefined };
  Kind kind = Kind::Everything;
  Selector namespaces;  // over namespace labels with kubernetes.io/metadata.name
  Selector pods;
  Selector service_accounts;  // over {"name": …}; All where it is not asked
  Selector nodes;             // of Nodes: over node labels
  IpSet addresses;
  MatchPods addresses_match_pods = MatchPods::Undefined;
  Span span;
  std::string why_not;  // of NotUnderstood
};

// Ports of a rule. Named ports mean something per destination pod and protocol only.
struct NamedPort {
  std::optional<Protocol> protocol;  // empty: any
  std::string name;
};

struct PolicyRule {
  Action action = Action::Allow;
  std::vector<RulePeer> peers;  // any of them; empty: matches nobody
  ServiceSet services;          // destination ports; all() where the rule names none
  std::vector<NamedPort> named_ports;
  PortSet source_ports = PortSet::all();  // Calico; anything but all is read as unknown when it denies
  bool understood = true;                 // false: accept takes all of the above, deny nothing
  std::string why_not;
  Span span;
  std::string text;  // "egress rule 2", "adminEgress rule 'deny-world'": for `because`
};

// One policy object of any API. `refused`: the API server would not take it, so it is judged absent.
struct PolicyObject {
  enum class Api : std::uint8_t {
    NetworkPolicy,
    AdminNetworkPolicy,
    BaselineAdminNetworkPolicy,
    ClusterNetworkPolicy,
    Cilium,
    Calico
  };
  Api api = Api::NetworkPolicy;
  ObjectRef ref;
  std::string tier;     // "admin" "default" "baseline"; of Calico the tier's name
  double order = 0;     // priority or order, lower first; of Calico without one: infinity
  Selector namespaces;  // subject: namespace labels
  Selector pods;        // subject: pod labels
  Selector service_accounts;
  bool selects_host = false;  // Cilium nodeSelector, Calico host endpoints: nodes, not pods
  bool selects_pods = true;
  bool isolates_ingress = false;  // what no rule decides is denied at the end of the tier
  bool isolates_egress = false;
  bool ingress_applies = true;  // Calico `types`: rules of a direction that is not listed do not count
  bool egress_applies = true;
  std::vector<PolicyRule> ingress;
  std::vector<PolicyRule> egress;
  bool refused = false;
  // An unknown field: judged by the wider of absent and applied (DESIGN §4).
  bool doubtful = false;
  std::string why_doubtful;

  bool isolates(Direction d) const { return d == Direction::Ingress ? isolates_ingress : isolates_egress; }
  const std::vector<PolicyRule>& rules(Direction d) const { return d == Direction::Ingress ? ingress : egress; }
};

// Binds an admission policy by its name.
struct AdmissionBinding {
  ObjectRef ref;
  std::string policy;
  bool denies = false;
};

// Calico: order and default of a tier.
struct PolicyTier {
  std::string name;
  double order = 0;
  bool default_deny = true;
  ObjectRef ref;
};

// An admission policy: recognised and said, never judged.
struct AdmissionPolicy {
  ObjectRef ref;
  std::string about;   // "pods, services": the resources that it matches
  bool bound = false;  // by a binding whose actions deny
  bool fails_closed = true;
};

struct Cluster {
  std::vector<Namespace> namespaces;  // by name; of the input, and those that objects of the input lie in
  std::vector<Workload> workloads;    // by name_of
  std::vector<Service> services;
  std::vector<EndpointAddresses> endpoints;
  std::vector<IngressBackend> ingresses;
  std::vector<ApiServerCall> api_server_calls;
  std::vector<IngressCall> ingress_calls;
  std::vector<Role> roles;
  std::vector<RoleBinding> role_bindings;
  std::vector<Grant> grants;           // roles bound to subjects
  std::vector<PolicyObject> policies;  // refused ones too
  std::vector<PolicyTier> tiers;
  std::vector<AdmissionPolicy> admission;
  std::vector<AdmissionBinding> admission_bindings;
  std::vector<Remark> remarks;
  // Kinds and fields that may carry pods or change reach and were not understood; the verdict is inconclusive for each.
  std::vector<Remark> not_understood;
  std::size_t objects = 0;  // read, of any kind

  const Namespace* find_namespace(std::string_view name) const;
};

}  // namespace airtight::verify
