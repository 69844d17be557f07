// Objects of every supported API -> Cluster. Recognises by apiVersion and kind; what may carry pods or change reach and
// is not known lands in Cluster::not_understood. Never fails: bad text was refused before (document.h).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/policy/source.h"
#include "compiler/verify/document.h"
#include "compiler/verify/kubernetes/objects.h"

namespace airtight::verify {

// Collects objects one by one, in the order of the input; finish() resolves what only the whole shows. One use.
class ClusterReader {
 public:
  // `default_namespace`: where an object without metadata.namespace goes (--namespace); `noted` when it was not given.
  ClusterReader(const Sources& sources, std::string default_namespace, bool default_noted);
  ~ClusterReader();
  ClusterReader(const ClusterReader&) = delete;
  ClusterReader& operator=(const ClusterReader&) = delete;

  // True if it is a Kubernetes object (it has apiVersion and kind, or the list's kind gives them).
  bool add(Value&& object, std::string_view list_kind);
  // Of two objects of one kind, namespace and name the last counts (SameNameTwice). Folds pods by owner, binds roles to
  // subjects, makes the namespaces that nobody wrote.
  Cluster finish();

 private:
  struct State;
  State* x_;
};

// One reader an API, each its own file. `object` lives as long as the call. What they notice goes to `cluster`'s
// remarks and not_understood; a policy that the API server would refuse is added with `refused`.
struct ReaderContext {
  const Sources& sources;
  Cluster& cluster;
  const ObjectRef& ref;
};
void read_namespace(const Value& object, ReaderContext context);
// Pods, and every kind with a pod template: below spec.template, spec.jobTemplate.spec.template or template.
void read_workload(const Value& object, ReaderContext context);
bool has_pod_template(const Value& object);
void read_service(const Value& object, ReaderContext context);
void read_endpoint_slice(const Value& object, ReaderContext context);
void read_endpoints(const Value& object, ReaderContext context);
void read_ingress(const Value& object, ReaderContext context);          // of every version
void read_openshift_route(const Value& object, ReaderContext context);  // route.openshift.io
// What the API server is told to call: webhook configurations, CustomResourceDefinition, APIService.
void read_api_server_calls(const Value& object, ReaderContext context);
void read_role(const Value& object, ReaderContext context);          // Role, ClusterRole
void read_role_binding(const Value& object, ReaderContext context);  // RoleBinding, ClusterRoleBinding
void read_admission_policy(const Value& object, ReaderContext context);
void read_admission_binding(const Value& object, ReaderContext context);
// networking.k8s.io/v1 NetworkPolicy.
void read_network_policy(const Value& object, ReaderContext context);
// policy.networking.k8s.io: v1alpha1 AdminNetworkPolicy, BaselineAdminNetworkPolicy; v1alpha2 ClusterNetworkPolicy.
void read_admin_policy(const Value& object, ReaderContext context);
// cilium.io/v2 CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy; CiliumCIDRGroup is looked at by
// `read_cilium_group`.
void read_cilium_policy(const Value& object, ReaderContext context);
// projectcalico.org/v3 and crd.projectcalico.org/v1 NetworkPolicy, GlobalNetworkPolicy, Tier, NetworkSet,
// GlobalNetworkSet, HostEndpoint. Sets are only known when all objects were read: `late` runs in finish().
void read_calico_object(const Value& object, ReaderContext context, std::vector<std::function<void(Cluster&)>>& late);

// Once everything is read: pods of one controller that differ in nothing become one; roles and bindings become grants;
// admission policies know whether they are bound.
void fold_pods(Cluster& cluster);
void bind_roles(Cluster& cluster);
void bind_admission(Cluster& cluster);

// A metav1 LabelSelector, strictly: an unknown operator or a values list that the API server would refuse makes it
// refused. `where` and `what` of each fault are appended; the path in front of a message starts at the selector.
struct SelectorFault {
  enum class Kind : std::uint8_t {
    Refused,       // the API server would not take it
    UnknownField,  // dropped unless the client asks for strict validation
    Noted,         // read in a way that the reader should know
  };
  Span where;
  std::string message;
  Kind kind = Kind::Refused;
};
Selector read_label_selector(const Value& selector, std::vector<SelectorFault>& faults);

// The port forms that policies share; empty if the API server would refuse the value.
std::optional<Protocol> read_protocol(std::string_view text);  // "TCP" "UDP" "SCTP"
std::optional<std::uint16_t> read_port_number(const Value&);   // 1..65535, a number or Cilium's text

}  // namespace airtight::verify
