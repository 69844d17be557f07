#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "compiler/verify/kubernetes/readers.h"
#include "tests/verify/kubernetes/from_json.h"

namespace airtight::verify {
namespace {

const std::string kApi = "{apiVersion: rbac.authorization.k8s.io/v1, kind: ";

std::string role(const std::string& rules, const std::string& kind = "Role", const std::string& metadata = "name: r") {
  return kApi + kind + ", metadata: {" + metadata + (kind == "Role" ? ", namespace: app" : "") + "}, rules: " + rules +
         "}";
}
std::string binding(const std::string& role_kind, const std::string& name, const std::string& kind = "RoleBinding",
                    const std::string& subjects = "[{kind: User, name: u}]") {
  return kApi + kind + ", metadata: {name: b" + (kind == "RoleBinding" ? ", namespace: app" : "") +
         "}, roleRef: {kind: " + role_kind + ", name: " + name + "}, subjects: " + subjects + "}";
}

// "User u@app: policies pods cluster", one a grant.
std::vector<std::string> grants(const Cluster& cluster) {
  std::vector<std::string> result;
  for (const Grant& grant : cluster.grants) {
    result.push_back(grant.subject + "@" + grant.ns + ":" + (grant.create_network_policies ? " policies" : "") +
                     (grant.create_pods ? " pods" : "") + (grant.change_cluster_policies ? " cluster" : ""));
  }
  return result;
}
using Texts = std::vector<std::string>;

TEST_CASE("rights that undo isolation") {
  struct Row {
    const char* rules;
    const char* rights;  // empty: no grant
  };
  const Row rows[] = {
      {"[{apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [create]}]", " policies"},
      {"[{apiGroups: [extensions], resources: [networkpolicies], verbs: [update]}]", " policies"},
      {"[{apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [patch]}]", " policies"},
      {"[{apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [delete]}]", " policies"},
      {"[{apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [deletecollection]}]", " policies"},
      {"[{apiGroups: [networking.k8s.io], resources: [networkpolicies], resourceNames: [p], verbs: [update]}]",
       " policies"},
      {"[{apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [get, list, watch]}]", ""},
      {"[{apiGroups: [networking.k8s.io], resources: [ingresses], verbs: ['*']}]", ""},
      {"[{apiGroups: [networking.k8s.io], resources: ['*'], verbs: ['*']}]", " policies"},
      {"[{apiGroups: [''], resources: [pods], verbs: [create]}]", " pods"},
      {"[{apiGroups: [''], resources: [pods], verbs: [delete]}]", ""},
      {"[{apiGroups: [''], resources: [pods/exec], verbs: [create]}]", ""},
      {"[{apiGroups: [apps], resources: [deployments], verbs: [patch]}]", " pods"},
      {"[{apiGroups: [batch], resources: [cronjobs], verbs: [create]}]", " pods"},
      {"[{apiGroups: [cilium.io], resources: [ciliumnetworkpolicies], verbs: [create]}]", " cluster"},
      {"[{apiGroups: [projectcalico.org], resources: [networkpolicies], verbs: [create]}]", " cluster"},
      {"[{apiGroups: [crd.projectcalico.org], resources: [networkpolicies], verbs: [create]}]", " cluster"},
      // Namespaced bindings give nothing on what is of the cluster.
      {"[{apiGroups: [policy.networking.k8s.io], resources: [adminnetworkpolicies], verbs: [create]}]", ""},
      {"[{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]", " policies pods cluster"},
      {"[{apiGroups: [''], resources: [pods], verbs: [create]}, {apiGroups: [networking.k8s.io], resources: "
       "[networkpolicies], verbs: [create]}]",
       " policies pods"},
      {"[{nonResourceURLs: ['*'], verbs: ['*']}]", ""},
      {"[]", ""},
      {"null", ""},
  };
  for (const Row& row : rows) {
    INFO(row.rules);
    const Cluster cluster = read_cluster({role(row.rules), binding("Role", "r")});
    const std::string rights = row.rights;
    CHECK(grants(cluster) == (rights.empty() ? Texts{} : Texts{"User u@app:" + rights}));
    CHECK(cluster.remarks.empty());
  }
}

TEST_CASE("cluster-scoped policies are changed by cluster-wide bindings only") {
  for (const char* rule :
       {"[{apiGroups: [policy.networking.k8s.io], resources: [clusternetworkpolicies], verbs: [create]}]",
        "[{apiGroups: [cilium.io], resources: [ciliumclusterwidenetworkpolicies], verbs: [delete]}]",
        "[{apiGroups: [projectcalico.org], resources: [tiers], verbs: [update]}]"}) {
    const std::string cluster_role = role(rule, "ClusterRole");
    CHECK(grants(read_cluster({cluster_role, binding("ClusterRole", "r", "ClusterRoleBinding")})) ==
          Texts{"User u@: cluster"});
    CHECK(grants(read_cluster({cluster_role, binding("ClusterRole", "r")})).empty());
  }
}

TEST_CASE("subjects, one grant each, wherever the role stands in the input") {
  const std::string rules = "[{apiGroups: [''], resources: [pods], verbs: [create]}]";
  const std::string subjects =
      "[{kind: ServiceAccount, name: ci, namespace: ops}, {kind: ServiceAccount, name: local}, {kind: Group, name: "
      "dev}]";
  const Cluster cluster =
      read_cluster({binding("ClusterRole", "r", "RoleBinding", subjects), role(rules, "ClusterRole")});
  CHECK(grants(cluster) ==
        Texts{"ServiceAccount ops/ci@app: pods", "ServiceAccount app/local@app: pods", "Group dev@app: pods"});
  CHECK(to_string(cluster.grants[0].binding) == "RoleBinding app/b");
  CHECK(to_string(cluster.grants[0].role) == "ClusterRole r");
}

TEST_CASE("built-in roles are known without being in the input") {
  CHECK(grants(read_cluster({binding("ClusterRole", "cluster-admin", "ClusterRoleBinding")})) ==
        Texts{"User u@: policies pods cluster"});
  CHECK(grants(read_cluster({binding("ClusterRole", "admin")})) == Texts{"User u@app: policies pods"});
  CHECK(grants(read_cluster({binding("ClusterRole", "edit")})) == Texts{"User u@app: policies pods"});
  for (const char* harmless : {"view", "system:auth-delegator"}) {
    const Cluster cluster = read_cluster({binding("ClusterRole", harmless, "ClusterRoleBinding")});
    CHECK(cluster.grants.empty());
    CHECK(cluster.remarks.empty());
  }
  CHECK(read_cluster({binding("Role", "extension-apiserver-authentication-reader")}).remarks.empty());
}

TEST_CASE("a role that is nowhere is not known to be harmless") {
  for (const char* kind : {"Role", "ClusterRole"}) {
    const Cluster cluster = read_cluster({binding(kind, "ghost")});
    CHECK(cluster.grants.empty());
    REQUIRE(cluster.remarks.size() == 1);
    CHECK(cluster.remarks[0].rule == Rule::FieldNotUnderstood);
    CHECK(cluster.remarks[0].object == "RoleBinding app/b");
    CHECK(cluster.remarks[0].message ==
          "binds " + std::string(kind) + (std::string(kind) == "Role" ? " app/" : " ") +
              "ghost, which is not in the input: what it lets its subjects do is not known");
  }
  // A Role of the same name in another namespace is another role.
  const Cluster other =
      read_cluster({kApi + "Role, metadata: {name: ghost, namespace: ops}, rules: []}", binding("Role", "ghost")});
  CHECK(other.remarks.size() == 1);
  // `admin` is a ClusterRole.
  CHECK(read_cluster({binding("Role", "admin")}).remarks.size() == 1);
}

TEST_CASE("aggregated roles have the rules of what they select") {
  const std::string aggregate = kApi +
                                "ClusterRole, metadata: {name: all, labels: {x: 'yes'}}, aggregationRule: "
                                "{clusterRoleSelectors: [{matchLabels: {x: 'yes'}}]}, rules: []}";
  const std::string part =
      role("[{apiGroups: [''], resources: [pods], verbs: [create]}]", "ClusterRole", "name: part, labels: {x: 'yes'}");
  CHECK(grants(read_cluster({aggregate, part, binding("ClusterRole", "all")})) == Texts{"User u@app: pods"});
  const std::string to_view =
      role("[{apiGroups: [cilium.io], resources: [ciliumnetworkpolicies], verbs: [create]}]", "ClusterRole",
           "name: part, labels: {rbac.authorization.k8s.io/aggregate-to-view: 'true'}");
  CHECK(grants(read_cluster({to_view, binding("ClusterRole", "view")})) == Texts{"User u@app: cluster"});
}

TEST_CASE("a binding without a role is refused") {
  const Cluster cluster = read_cluster({kApi + "RoleBinding, metadata: {name: b, namespace: app}, subjects: []}"});
  CHECK(cluster.remarks.at(0).rule == Rule::RefusedObject);
  CHECK(cluster.remarks[0].message == "the API server would refuse it: there is no roleRef");
}

TEST_CASE("admission policies are recognised, with what they are about and whether they hold") {
  const std::string policy =
      "{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicy, metadata: {name: "
      "no-external-ips}, spec: "
      "{failurePolicy: Ignore, matchConstraints: {resourceRules: [{resources: [services, services/status]}, "
      "{resources: "
      "[pods]}]}}}";
  const auto bound_by = [](const std::string& actions) {
    return "{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicyBinding, metadata: {name: b}, "
           "spec: "
           "{policyName: no-external-ips, validationActions: " +
           actions + "}}";
  };
  const Cluster alone = read_cluster({policy});
  REQUIRE(alone.admission.size() == 1);
  CHECK(to_string(alone.admission[0].ref) == "ValidatingAdmissionPolicy no-external-ips");
  CHECK(alone.admission[0].about == "pods, services, services/status");
  CHECK_FALSE(alone.admission[0].bound);
  CHECK_FALSE(alone.admission[0].fails_closed);
  CHECK(read_cluster({bound_by("[Deny]"), policy}).admission.at(0).bound);
  CHECK_FALSE(read_cluster({bound_by("[Warn, Audit]"), policy}).admission.at(0).bound);
  CHECK(read_cluster(
            {"{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicy, metadata: {name: x}, "
             "spec: {}}"})
            .admission.at(0)
            .fails_closed);
}

}  // namespace
}  // namespace airtight::verify
