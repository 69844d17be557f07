#include "compiler/verify/kubernetes/kinds.h"

#include <algorithm>
#include <array>
#include <span>

namespace airtight::verify {
namespace {

using enum KindRow::Treatment;

constexpr std::string_view kCore = "";
constexpr std::string_view kMakesPods = "its controller makes pods";
constexpr std::string_view kRoutes = "it may lead traffic elsewhere";
constexpr std::string_view kPolicy = "a network policy of an API that is not read";
constexpr std::string_view kSecondary = "pods on it have a network beside the one that policies hold";

constexpr bool kNamespaced = true;
constexpr bool kClusterScoped = false;

constexpr std::array kRows = std::to_array<KindRow>({
    {kCore, "Namespace", kClusterScoped, Read, read_namespace},
    {kCore, "Pod", kNamespaced, Read, read_workload},
    {kCore, "ReplicationController", kNamespaced, Read, read_workload},
    {kCore, "PodTemplate", kNamespaced, Read, read_workload},
    {"apps", "Deployment", kNamespaced, Read, read_workload},
    {"apps", "ReplicaSet", kNamespaced, Read, read_workload},
    {"apps", "StatefulSet", kNamespaced, Read, read_workload},
    {"apps", "DaemonSet", kNamespaced, Read, read_workload},
    {"extensions", "Deployment", kNamespaced, Read, read_workload},
    {"extensions", "ReplicaSet", kNamespaced, Read, read_workload},
    {"extensions", "DaemonSet", kNamespaced, Read, read_workload},
    {"batch", "Job", kNamespaced, Read, read_workload},
    {"batch", "CronJob", kNamespaced, Read, read_workload},
    {"argoproj.io", "Rollout", kNamespaced, Read, read_workload},
    {"apps.openshift.io", "DeploymentConfig", kNamespaced, Read, read_workload},
    {kCore, "Service", kNamespaced, Read, read_service},
    {kCore, "Endpoints", kNamespaced, Read, read_endpoints},
    {"discovery.k8s.io", "EndpointSlice", kNamespaced, Read, read_endpoint_slice},
    {"networking.k8s.io", "Ingress", kNamespaced, Read, read_ingress},
    {"extensions", "Ingress", kNamespaced, Read, read_ingress},
    {"route.openshift.io", "Route", kNamespaced, Read, read_openshift_route},
    {"networking.k8s.io", "NetworkPolicy", kNamespaced, Read, read_network_policy},
    {"extensions", "NetworkPolicy", kNamespaced, Read, read_network_policy},
    {"policy.networking.k8s.io", "AdminNetworkPolicy", kClusterScoped, Read, read_admin_policy},
    {"policy.networking.k8s.io", "BaselineAdminNetworkPolicy", kClusterScoped, Read, read_admin_policy},
    {"policy.networking.k8s.io", "ClusterNetworkPolicy", kClusterScoped, Read, read_admin_policy},
    {"cilium.io", "CiliumNetworkPolicy", kNamespaced, Cilium},
    {"cilium.io", "CiliumClusterwideNetworkPolicy", kClusterScoped, Cilium},
    {"cilium.io", "*", kClusterScoped, Cilium},
    {"projectcalico.org", "NetworkPolicy", kNamespaced, Calico},
    {"projectcalico.org", "NetworkSet", kNamespaced, Calico},
    {"projectcalico.org", "*", kClusterScoped, Calico},
    {"crd.projectcalico.org", "NetworkPolicy", kNamespaced, Calico},
    {"crd.projectcalico.org", "NetworkSet", kNamespaced, Calico},
    {"crd.projectcalico.org", "*", kClusterScoped, Calico},
    {"rbac.authorization.k8s.io", "Role", kNamespaced, Read, read_role},
    {"rbac.authorization.k8s.io", "ClusterRole", kClusterScoped, Read, read_role},
    {"rbac.authorization.k8s.io", "RoleBinding", kNamespaced, Read, read_role_binding},
    {"rbac.authorization.k8s.io", "ClusterRoleBinding", kClusterScoped, Read, read_role_binding},
    {"admissionregistration.k8s.io", "ValidatingAdmissionPolicy", kClusterScoped, Read, read_admission_policy},
    {"admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding", kClusterScoped, Read, read_admission_binding},
    {"admissionregistration.k8s.io", "ValidatingWebhookConfiguration", kClusterScoped, Read, read_api_server_calls},
    {"admissionregistration.k8s.io", "MutatingWebhookConfiguration", kClusterScoped, Read, read_api_server_calls},
    {"apiextensions.k8s.io", "CustomResourceDefinition", kClusterScoped, Read, read_api_server_calls},
    {"apiregistration.k8s.io", "APIService", kClusterScoped, Read, read_api_server_calls},

    {kCore, "ConfigMap", kNamespaced, Cilium, nullptr, {}, Rule::FieldNotUnderstood, "cilium-config"},
    {kCore, "Secret", kNamespaced},
    {kCore, "ServiceAccount", kNamespaced},
    {kCore, "PersistentVolumeClaim", kNamespaced},
    {kCore, "PersistentVolume"},
    {kCore, "LimitRange", kNamespaced},
    {kCore, "ResourceQuota", kNamespaced},
    {kCore, "Event", kNamespaced},
    {"events.k8s.io", "Event", kNamespaced},
    {kCore, "Node"},
    {kCore, "ComponentStatus"},
    {kCore, "Binding", kNamespaced},
    {"apps", "ControllerRevision", kNamespaced},
    {"autoscaling", "HorizontalPodAutoscaler", kNamespaced},
    {"autoscaling.k8s.io", "VerticalPodAutoscaler", kNamespaced},
    {"policy", "PodDisruptionBudget", kNamespaced},
    {"policy", "PodSecurityPolicy"},
    {"extensions", "PodSecurityPolicy"},
    {"scheduling.k8s.io", "PriorityClass"},
    {"coordination.k8s.io", "Lease", kNamespaced},
    {"storage.k8s.io", "*"},
    {"snapshot.storage.k8s.io", "*", kNamespaced},
    {"node.k8s.io", "RuntimeClass"},
    {"networking.k8s.io", "IngressClass"},
    {"networking.k8s.io", "IPAddress"},
    {"networking.k8s.io", "ServiceCIDR"},
    {"resource.k8s.io", "*", kNamespaced},
    {"metrics.k8s.io", "*", kNamespaced},
    {"certificates.k8s.io", "CertificateSigningRequest"},
    {"flowcontrol.apiserver.k8s.io", "*"},
    {"authentication.k8s.io", "*"},
    {"authorization.k8s.io", "*"},
    {"monitoring.coreos.com", "ServiceMonitor", kNamespaced},
    {"monitoring.coreos.com", "PodMonitor", kNamespaced},
    {"monitoring.coreos.com", "PrometheusRule", kNamespaced},
    {"cert-manager.io", "Certificate", kNamespaced},
    {"cert-manager.io", "CertificateRequest", kNamespaced},
    {"security.openshift.io", "SecurityContextConstraints"},

    {"kustomize.config.k8s.io", "*", kClusterScoped, NotInCluster},
    {"airtight.dev", "*", kClusterScoped, NotInCluster},

    {"k8s.cni.cncf.io", "NetworkAttachmentDefinition", kNamespaced, NotUnderstood, nullptr, kSecondary,
     Rule::SecondaryNetwork},
    {"k8s.cni.cncf.io", "*", kNamespaced, NotUnderstood, nullptr, kPolicy, Rule::SecondaryNetwork},
    {"k8s.ovn.org", "UserDefinedNetwork", kNamespaced, NotUnderstood, nullptr, kSecondary, Rule::SecondaryNetwork},
    {"k8s.ovn.org", "ClusterUserDefinedNetwork", kClusterScoped, NotUnderstood, nullptr, kSecondary,
     Rule::SecondaryNetwork},
    {"k8s.ovn.org", "*", kClusterScoped, NotUnderstood, nullptr, kRoutes},
    {"kubevirt.io", "*", kNamespaced, NotUnderstood, nullptr, "a virtual machine is outside NetworkPolicy"},
    {"networking.istio.io", "*", kNamespaced, NotUnderstood, nullptr, kRoutes},
    {"security.istio.io", "*", kNamespaced, NotUnderstood, nullptr, "it lets through or denies above the packet"},
    {"gateway.networking.k8s.io", "*", kNamespaced, NotUnderstood, nullptr, kRoutes},
    {"serving.knative.dev", "*", kNamespaced, NotUnderstood, nullptr, "its pods get labels and a proxy of their own"},
    {"machineconfiguration.openshift.io", "*", kClusterScoped, NotUnderstood, nullptr, "it changes the nodes"},
    {"admissionregistration.k8s.io", "MutatingAdmissionPolicy", kClusterScoped, NotUnderstood, nullptr,
     "it may change pods"},
    {"admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding", kClusterScoped, NotUnderstood, nullptr,
     "it may change pods"},
    {"template.openshift.io", "Template", kNamespaced, NotUnderstood, nullptr,
     "the objects in it are not read: render it first"},
    {"cert-manager.io", "*", kNamespaced, NotUnderstood, nullptr, "an ACME issuer makes pods that solve challenges"},
    {"monitoring.coreos.com", "*", kNamespaced, NotUnderstood, nullptr, kMakesPods},
    {"crd.antrea.io", "*", kClusterScoped, NotUnderstood, nullptr, kPolicy},
    {"policy.networking.k8s.io", "*", kClusterScoped, NotUnderstood, nullptr, kPolicy},
});

bool is_of(const KindRow& row, std::string_view kind) { return row.kind == kind || row.kind == "*"; }

}  // namespace

const KindRow* find_kind(std::string_view group, std::string_view kind, bool has_group) {
  const auto* row = std::find_if(kRows.begin(), kRows.end(), [&](const KindRow& r) {
    return has_group ? r.group == group && is_of(r, kind) : r.kind == kind;
  });
  return row != kRows.end() ? row : nullptr;
}

}  // namespace airtight::verify
