#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "compiler/verify/kubernetes/readers.h"
#include "tests/verify/kubernetes/from_json.h"

namespace airtight::verify {
namespace {

using Texts = std::vector<std::string>;

Texts described(const std::vector<Remark>& remarks) {
  Texts result;
  for (const Remark& remark : remarks) result.push_back(remark.object + ": " + remark.message);
  return result;
}

// Whether the reader takes it for a Kubernetes object.
bool recognised(const std::string& text, std::string_view list_kind = {}) {
  const Sources sources;
  ClusterReader reader(sources, "default", false);
  return reader.add(from_json(text), list_kind);
}

const std::string kPod =
    "{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: app}, spec: {containers: [{name: c}]}}";

TEST_CASE("what is a Kubernetes object") {
  CHECK(recognised(kPod));
  CHECK(recognised("{metadata: {name: web}}", "PodList"));
  CHECK(recognised("{kind: Pod, metadata: {name: web}}"));
  CHECK(recognised("{apiVersion: v1, metadata: {name: web}}"));
  CHECK(recognised("{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}"));
  CHECK_FALSE(recognised("[]"));
  CHECK_FALSE(recognised("web"));
  CHECK_FALSE(recognised("{}"));
  CHECK_FALSE(recognised("{metadata: {name: web}}", "List"));
  CHECK_FALSE(recognised("{kind: Deployment, replicas: 3}"));              // a values file
  CHECK_FALSE(recognised("{apiVersion: v2, name: chart, version: 1.0}"));  // a chart
  CHECK_FALSE(recognised("{apiVersion: kustomize.config.k8s.io/v1beta1, kind: Kustomization}"));
  CHECK_FALSE(recognised("{apiVersion: airtight.dev/v1, kind: IsolationSpec, metadata: {name: x}}"));
}

TEST_CASE("items of a list without kind get the list's") {
  Sources sources;
  ClusterReader reader(sources, "default", false);
  CHECK(reader.add(from_json("{metadata: {name: app, labels: {team: a}}}"), "NamespaceList"));
  CHECK(reader.add(from_json("{metadata: {name: web, namespace: app}, spec: {containers: [{name: c}]}}"), "PodList"));
  CHECK(reader.add(from_json("{metadata: {name: web, namespace: app}, spec: {podSelector: {}}}"), "NetworkPolicyList"));
  CHECK(reader.add(from_json("{apiVersion: v1, kind: Service, metadata: {name: web}}"), "List"));
  const Cluster cluster = reader.finish();
  CHECK(cluster.objects == 4);
  CHECK(cluster.remarks.empty());
  REQUIRE(cluster.workloads.size() == 1);
  CHECK(name_of(cluster.workloads[0]) == "app/web[Pod]");
  CHECK(cluster.policies.at(0).api == PolicyObject::Api::NetworkPolicy);
  CHECK(cluster.services.size() == 1);
  CHECK(cluster.find_namespace("app")->labels.labels == Labels{{"kubernetes.io/metadata.name", "app"}, {"team", "a"}});
}

TEST_CASE("an empty list is no object to wonder about") {
  const Cluster cluster =
      read_cluster({"{apiVersion: v1, kind: List, items: []}", "{apiVersion: v1, kind: PodList, items: null}"});
  CHECK(cluster.not_understood.empty());
  CHECK(cluster.remarks.empty());
}

TEST_CASE("namespaces of the input, and those that objects lie in") {
  const Cluster cluster = read_cluster(
      {"{apiVersion: v1, kind: Namespace, metadata: {name: ops, labels: {team: a, kubernetes.io/metadata.name: lie}}}",
       "{apiVersion: v1, kind: Namespace, metadata: {name: bare}}", kPod,
       "{apiVersion: v1, kind: Service, metadata: {name: s, namespace: services}}",
       "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: policies}, spec: {}}"});
  Texts names;
  for (const Namespace& ns : cluster.namespaces) names.push_back(ns.name);
  CHECK(names == Texts{"app", "bare", "ops", "policies", "services"});
  const Namespace& ops = *cluster.find_namespace("ops");
  CHECK(ops.in_input);
  CHECK(ops.labels.complete);
  CHECK(ops.labels.labels == Labels{{"kubernetes.io/metadata.name", "ops"}, {"team", "a"}});
  const Namespace& app = *cluster.find_namespace("app");
  CHECK_FALSE(app.in_input);
  CHECK_FALSE(app.labels.complete);
  CHECK(app.labels.labels == Labels{{"kubernetes.io/metadata.name", "app"}});
  CHECK(cluster.find_namespace("absent") == nullptr);
  const Cluster bad = read_cluster({"{apiVersion: v1, kind: Namespace, metadata: {name: x, labels: {a: 1}}}"});
  CHECK_FALSE(bad.namespaces.at(0).labels.complete);
  CHECK(described(bad.remarks) == Texts{"Namespace x: the API server would refuse it: a label is not a string"});
}

TEST_CASE("objects without a namespace go where the user says, which is said once each where it was a guess") {
  const std::string text = "{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: c}]}}";
  const std::string cluster_scoped = "{apiVersion: v1, kind: Namespace, metadata: {name: default}}";
  const Cluster silent = read_cluster({text, cluster_scoped});
  CHECK(name_of(silent.workloads.at(0)) == "default/web[Pod]");
  CHECK(silent.remarks.empty());
  const Cluster noted =
      read_cluster({text, cluster_scoped, "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}"}, true);
  REQUIRE(noted.remarks.size() == 1);
  CHECK(noted.remarks[0].rule == Rule::NamespaceGuessed);
  CHECK(described(noted.remarks) == Texts{"Pod default/web: has no namespace: default is taken"});
}

TEST_CASE("of two objects of one name the last counts") {
  const auto policy = [](const std::string& app) {
    return "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: app}, spec: "
           "{podSelector: "
           "{matchLabels: {app: " +
           app + "}}, oops: 1}}";
  };
  const Cluster cluster = read_cluster({policy("a"), kPod, policy("b"), policy("c")});
  REQUIRE(cluster.policies.size() == 1);
  CHECK(to_string(cluster.policies[0].pods) == "app=c");
  CHECK(cluster.workloads.size() == 1);
  CHECK(described(cluster.remarks) ==
        Texts{"NetworkPolicy app/p: is given twice: this one counts, the one at 3.yaml:1 does not",
              "NetworkPolicy app/p: spec.oops is an unknown field"});
  CHECK(cluster.remarks[0].rule == Rule::SameNameTwice);
  CHECK(cluster.remarks[0].where.source == 4);
  SECTION("of every kind that is read, whatever its version") {
    const Cluster twice = read_cluster(
        {"{apiVersion: extensions/v1beta1, kind: Deployment, metadata: {name: d}, spec: {template: {spec: {containers: "
         "[{name: "
         "c}]}}}}",
         "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {template: {spec: {hostNetwork: true, "
         "containers: "
         "[{name: c}]}}}}",
         "{apiVersion: v1, kind: Service, metadata: {name: d}}", "{apiVersion: v1, kind: Service, metadata: {name: d}}",
         "{apiVersion: v1, kind: Namespace, metadata: {name: default, labels: {a: b}}}",
         "{apiVersion: v1, kind: Namespace, metadata: {name: default}}"});
    REQUIRE(twice.workloads.size() == 1);
    CHECK(twice.workloads[0].host_network);
    CHECK(twice.services.size() == 1);
    CHECK(twice.namespaces.at(0).labels.labels.size() == 1);
    CHECK(twice.remarks.size() == 3);
  }
  SECTION("of other namespaces, kinds and plugins it is another object") {
    const Cluster apart = read_cluster(
        {policy("a"),
         "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: ops}, spec: {}}",
         "{apiVersion: projectcalico.org/v3, kind: NetworkPolicy, metadata: {name: p, namespace: app}, spec: {}}"});
    CHECK(apart.policies.size() == 3);
  }
  SECTION("Calico's two groups store the same object") {
    const Cluster calico = read_cluster(
        {"{apiVersion: crd.projectcalico.org/v1, kind: GlobalNetworkPolicy, metadata: {name: p}, spec: {order: 1}}",
         "{apiVersion: projectcalico.org/v3, kind: GlobalNetworkPolicy, metadata: {name: p}, spec: {order: 2}}"});
    REQUIRE(calico.policies.size() == 1);
    CHECK(calico.policies[0].ref.span.source == 2);
  }
}

TEST_CASE("names that are generated never meet") {
  const std::string job =
      "{apiVersion: batch/v1, kind: Job, metadata: {generateName: run-}, spec: {template: {spec: "
      "{containers: [{name: c}]}}}}";
  const Cluster cluster = read_cluster({job, job});
  CHECK(cluster.workloads.size() == 2);
  CHECK(name_of(cluster.workloads[0]) == "default/run-[Job]");
  CHECK(cluster.remarks.empty());
}

TEST_CASE("malformed objects are absent, and said") {
  struct Row {
    const char* text;
    const char* message;
  };
  const Row rows[] = {
      {"{apiVersion: v1, kind: Namespace}", "Namespace : the API server would refuse it: there is no metadata.name"},
      {"{apiVersion: v1, kind: Namespace, metadata: {}}",
       "Namespace : the API server would refuse it: there is no metadata.name"},
      {"{apiVersion: v1, kind: Namespace, metadata: [a]}",
       "Namespace : the API server would refuse it: metadata is not a map"},
      {"{apiVersion: v1, kind: Namespace, metadata: {name: 7}}",
       "Namespace : the API server would refuse it: there is no metadata.name"},
      {"{kind: Pod, metadata: {name: web, namespace: app}}",
       "Pod app/web: the API server would refuse it: there is no apiVersion"},
      {"{apiVersion: v1, metadata: {name: web}}", " web: the API server would refuse it: there is no kind"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const Cluster cluster = read_cluster({row.text});
    CHECK(described(cluster.remarks) == Texts{row.message});
    CHECK(cluster.remarks.at(0).rule == Rule::RefusedObject);
    CHECK(cluster.namespaces.empty());
    CHECK(cluster.workloads.empty());
  }
}

TEST_CASE("wrong types anywhere never crash a reader") {
  for (const char* kind : {"Pod", "Service", "Endpoints", "Namespace"}) {
    for (const char* spec :
         {"7", "[]", "[[]]", "null", "web", "{containers: {a: b}}", "{ports: [7, [], {}]}", "{selector: 7}",
          "{externalIPs: {a: b}}", "{containers: [7, {ports: [7], env: [[]], securityContext: []}]}",
          "{volumes: [{hostPath: 7}]}", "{clusterIPs: [[]], type: []}"}) {
      read_cluster({"{apiVersion: v1, kind: " + std::string(kind) +
                    ", metadata: {name: x, labels: 7, annotations: [], " + "ownerReferences: [7]}, spec: " + spec +
                    ", subsets: " + spec + ", status: " + spec + "}"});
    }
  }
  for (const char* rest :
       {"rules: 7", "rules: [7]", "rules: [{verbs: 7, resources: {}, apiGroups: [[]]}]", "roleRef: 7",
        "roleRef: {name: x}, subjects: [7, []]", "aggregationRule: {clusterRoleSelectors: [7]}"}) {
    for (const char* kind : {"Role", "ClusterRole", "RoleBinding"}) {
      read_cluster({"{apiVersion: rbac.authorization.k8s.io/v1, kind: " + std::string(kind) +
                    ", metadata: {name: x}, " + std::string(rest) + "}"});
    }
  }
  SUCCEED();
}

TEST_CASE("kinds that make no pods and change no reach are read over") {
  const Cluster cluster = read_cluster({
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}",
      "{apiVersion: v1, kind: Secret, metadata: {name: x}}",
      "{apiVersion: v1, kind: ServiceAccount, metadata: {name: x}}",
      "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: x}}",
      "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: x}}",
      "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: x}}",
      "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: x}}",
      "{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: x}}",
      "{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: x}}",
      "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: x}}",
      "{apiVersion: monitoring.coreos.com/v1, kind: ServiceMonitor, metadata: {name: x}}",
  });
  CHECK(cluster.objects == 11);
  CHECK(cluster.remarks.empty());
  CHECK(cluster.not_understood.empty());
}

TEST_CASE("every kind of Calico's two groups goes to its reader") {
  for (const std::string api : {"projectcalico.org/v3", "crd.projectcalico.org/v1"}) {
    for (const std::string kind : {"IPPool", "BGPConfiguration", "BGPPeer", "FelixConfiguration", "Profile",
                                   "ClusterInformation", "IPAMBlock", "StagedGlobalNetworkPolicy"}) {
      INFO(api + " " + kind);
      const Cluster cluster =
          read_cluster({"{apiVersion: " + api + ", kind: " + kind + ", metadata: {name: x}, spec: {}}"});
      CHECK(described(cluster.not_understood) == Texts{});
    }
  }
}

TEST_CASE("a policy in doubt is named as not understood, once for one object and one reason") {
  const Cluster cluster = read_cluster(
      {"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: a, namespace: app}, "
       "spec: {podSelector: {}, egress: [{too: []}]}}",
       "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: refused, namespace: app}, "
       "spec: {podSelector: {matchLabels: []}, extra: 1}}",
       "{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: c, namespace: app}, "
       "spec: {endpointSelector: {}, extra: 1, egressDeny: [{}], egress: []}}",
       "{apiVersion: projectcalico.org/v3, kind: NetworkPolicy, metadata: {name: p, namespace: app}, "
       "spec: {slector: all()}}"});
  CHECK(described(cluster.not_understood) == Texts{"NetworkPolicy app/a: spec.egress[0].too is an unknown field",
                                                   "CiliumNetworkPolicy app/c: spec has no field 'extra'",
                                                   "NetworkPolicy app/p: spec has no field 'slector'"});
  for (const Remark& remark : cluster.not_understood) CHECK(remark.rule == Rule::RuleNotUnderstood);
  // The place and the rule of the field are a remark of their own.
  CHECK(std::count_if(cluster.remarks.begin(), cluster.remarks.end(),
                      [](const Remark& remark) { return remark.rule == Rule::UnknownField; }) >= 3);
}

TEST_CASE("kinds that may make pods or change reach are named as not understood") {
  struct Row {
    const char* api;
    const char* kind;
    Rule rule;
    const char* message;
  };
  const Row rows[] = {
      {"k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition", Rule::SecondaryNetwork,
       "kind NetworkAttachmentDefinition of k8s.cni.cncf.io/v1: pods on it have a network beside the one that policies "
       "hold"},
      {"k8s.ovn.org/v1", "UserDefinedNetwork", Rule::SecondaryNetwork,
       "kind UserDefinedNetwork of k8s.ovn.org/v1: pods on it have a network beside the one that policies hold"},
      {"k8s.ovn.org/v1", "ClusterUserDefinedNetwork", Rule::SecondaryNetwork,
       "kind ClusterUserDefinedNetwork of k8s.ovn.org/v1: pods on it have a network beside the one that policies hold"},
      {"k8s.ovn.org/v1", "EgressFirewall", Rule::KindNotUnderstood,
       "kind EgressFirewall of k8s.ovn.org/v1: it may lead traffic elsewhere"},
      {"k8s.ovn.org/v1", "EgressIP", Rule::KindNotUnderstood,
       "kind EgressIP of k8s.ovn.org/v1: it may lead traffic elsewhere"},
      {"kubevirt.io/v1", "VirtualMachine", Rule::KindNotUnderstood,
       "kind VirtualMachine of kubevirt.io/v1: a virtual machine is outside NetworkPolicy"},
      {"networking.istio.io/v1", "ServiceEntry", Rule::KindNotUnderstood,
       "kind ServiceEntry of networking.istio.io/v1: it may lead traffic elsewhere"},
      {"security.istio.io/v1", "AuthorizationPolicy", Rule::KindNotUnderstood,
       "kind AuthorizationPolicy of security.istio.io/v1: it lets through or denies above the packet"},
      {"gateway.networking.k8s.io/v1", "HTTPRoute", Rule::KindNotUnderstood,
       "kind HTTPRoute of gateway.networking.k8s.io/v1: it may lead traffic elsewhere"},
      {"serving.knative.dev/v1", "Service", Rule::KindNotUnderstood,
       "kind Service of serving.knative.dev/v1: its pods get labels and a proxy of their own"},
      {"machineconfiguration.openshift.io/v1", "MachineConfig", Rule::KindNotUnderstood,
       "kind MachineConfig of machineconfiguration.openshift.io/v1: it changes the nodes"},
      {"monitoring.coreos.com/v1", "Prometheus", Rule::KindNotUnderstood,
       "kind Prometheus of monitoring.coreos.com/v1: its controller makes pods"},
      {"policy.networking.k8s.io/v1", "FutureNetworkPolicy", Rule::KindNotUnderstood,
       "kind FutureNetworkPolicy of policy.networking.k8s.io/v1: a network policy of an API that is not read"},
      {"example.com/v1", "ConfigMap", Rule::KindNotUnderstood,
       "kind ConfigMap of example.com/v1 is not known: it may make pods or change reach"},
      {"example.com/v1", "Widget", Rule::KindNotUnderstood,
       "kind Widget of example.com/v1 is not known: it may make pods or change reach"},
  };
  for (const Row& row : rows) {
    INFO(row.kind);
    const Cluster cluster =
        read_cluster({"{apiVersion: " + std::string(row.api) + ", kind: " + row.kind +
                      ", metadata: {name: x, namespace: app}, spec: {template: {spec: {domain: {}}}}}"});
    CHECK(cluster.workloads.empty());
    REQUIRE(cluster.not_understood.size() == 1);
    CHECK(cluster.not_understood[0].rule == row.rule);
    CHECK(cluster.not_understood[0].message == row.message);
    CHECK(cluster.not_understood[0].where.known());
  }
  SECTION("their pod template is read all the same") {
    const Cluster knative =
        read_cluster({"{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: x, namespace: "
                      "app}, spec: {template: {spec: {containers: [{name: c}]}}}}"});
    CHECK(name_of(knative.workloads.at(0)) == "app/x[Service]");
    CHECK(knative.not_understood.size() == 1);
    CHECK(knative.services.empty());
  }
  SECTION("a namespace on a network of its own") {
    const Cluster own =
        read_cluster({"{apiVersion: v1, kind: Namespace, metadata: {name: x, labels: "
                      "{k8s.ovn.org/primary-user-defined-network: ''}}}"});
    REQUIRE(own.not_understood.size() == 1);
    CHECK(own.not_understood[0].rule == Rule::SecondaryNetwork);
    CHECK(own.not_understood[0].message == "the primary network of its pods is user-defined");
  }
}

TEST_CASE("names of objects and workloads") {
  CHECK(to_string(ObjectRef{"NetworkPolicy", "app", "web", {}}) == "NetworkPolicy app/web");
  CHECK(to_string(ObjectRef{"ClusterRole", "", "admin", {}}) == "ClusterRole admin");
  Workload symbolic;
  symbolic.ref.ns = "app";
  symbolic.symbolic = true;
  CHECK(name_of(symbolic) == "every other pod of app");
  symbolic.labels.labels = {{"app", "web"}, {"tier", "b"}};
  CHECK(name_of(symbolic) == "any pod of app with app=web,tier=b");
}

TEST_CASE("workloads come in the order of their names, whatever the input's") {
  const auto named = [](const std::string& name) {
    return "{apiVersion: v1, kind: Pod, metadata: {name: " + name + "}, spec: {containers: [{name: c}]}}";
  };
  const Cluster cluster = read_cluster({named("b"), named("c"), named("a")});
  Texts names;
  for (const Workload& workload : cluster.workloads) names.push_back(name_of(workload));
  CHECK(names == Texts{"default/a[Pod]", "default/b[Pod]", "default/c[Pod]"});
}

// Real artifacts, through the readers of artifacts: nothing of them is unknown to the readers of objects.
TEST_CASE("third-party manifests are read without surprises") {
  namespace fs = std::filesystem;
  const fs::path corpus = fs::path(AIRTIGHT_SOURCE_DIR) / ".." / "shared" / "corpus" / "netpol";
  if (!fs::exists(corpus)) {
    WARN("skipped: ../shared/corpus is not there");
    return;
  }
  std::size_t objects = 0;
  std::size_t policies = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(corpus)) {
    const std::string extension = entry.path().extension().string();
    if (extension != ".yaml" && extension != ".yml" && extension != ".json") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    Sources sources;
    const std::uint32_t source =
        sources.add(entry.path().filename().string(), std::string(std::istreambuf_iterator<char>(file), {}));
    Diagnostics diagnostics;
    ClusterReader reader(sources, "default", true);
    read_objects(source, sources, diagnostics,
                 [&](Value&& object, std::string_view list_kind) { reader.add(std::move(object), list_kind); });
    const Cluster cluster = reader.finish();
    objects += cluster.objects;
    policies += cluster.policies.size();
    for (const Remark& remark : cluster.not_understood) CHECK(remark.where.known());
  }
  CHECK(objects > 500);
  CHECK(policies > 100);
}

}  // namespace
}  // namespace airtight::verify
