#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "compiler/verify/kubernetes/readers.h"
#include "tests/verify/kubernetes/from_json.h"

namespace airtight::verify {
namespace {

// A Pod of namespace app with that spec, and what else its metadata holds.
std::string pod(const std::string& spec, const std::string& metadata = "", const std::string& name = "web") {
  return "{apiVersion: v1, kind: Pod, metadata: {name: " + name + ", namespace: app" +
         (metadata.empty() ? "" : ", " + metadata) + "}, spec: " + spec + "}";
}

Workload workload_of(const std::string& text) {
  INFO(text);
  const Cluster cluster = read_cluster({text});
  REQUIRE(cluster.workloads.size() == 1);
  return cluster.workloads[0];
}

std::vector<std::string> names(const Cluster& cluster) {
  std::vector<std::string> result;
  for (const Workload& workload : cluster.workloads) result.push_back(name_of(workload));
  return result;
}

std::vector<std::string> loosenings(const std::string& text) {
  std::vector<std::string> result;
  for (const Loosening& loosening : workload_of(text).loosenings) result.push_back(loosening.what);
  return result;
}

TEST_CASE("every kind with a pod template is a workload") {
  const std::string tail = "metadata: {name: web, namespace: app}, spec: ";
  const std::string pod_template = "{metadata: {labels: {app: web}}, spec: {containers: [{name: c}]}}";
  struct Row {
    std::string text;
    const char* name;
  };
  const Row rows[] = {
      {"{apiVersion: v1, kind: ReplicationController, " + tail + "{template: " + pod_template + "}}",
       "app/web[ReplicationController]"},
      {"{apiVersion: apps/v1, kind: ReplicaSet, " + tail + "{template: " + pod_template + "}}", "app/web[ReplicaSet]"},
      {"{apiVersion: apps/v1, kind: Deployment, " + tail + "{template: " + pod_template + "}}", "app/web[Deployment]"},
      {"{apiVersion: apps/v1beta1, kind: Deployment, " + tail + "{template: " + pod_template + "}}",
       "app/web[Deployment]"},
      {"{apiVersion: extensions/v1beta1, kind: DaemonSet, " + tail + "{template: " + pod_template + "}}",
       "app/web[DaemonSet]"},
      {"{apiVersion: apps/v1, kind: StatefulSet, " + tail + "{template: " + pod_template + "}}",
       "app/web[StatefulSet]"},
      {"{apiVersion: apps/v1, kind: DaemonSet, " + tail + "{template: " + pod_template + "}}", "app/web[DaemonSet]"},
      {"{apiVersion: batch/v1, kind: CronJob, " + tail + "{jobTemplate: {spec: {template: " + pod_template + "}}}}",
       "app/web[CronJob]"},
      {"{apiVersion: v1, kind: PodTemplate, metadata: {name: web, namespace: app}, template: " + pod_template + "}",
       "app/web[PodTemplate]"},
      {"{apiVersion: argoproj.io/v1alpha1, kind: Rollout, " + tail + "{template: " + pod_template + "}}",
       "app/web[Rollout]"},
      {"{apiVersion: apps.openshift.io/v1, kind: DeploymentConfig, " + tail + "{template: " + pod_template + "}}",
       "app/web[DeploymentConfig]"},
  };
  for (const Row& row : rows) {
    const Workload workload = workload_of(row.text);
    CHECK(name_of(workload) == row.name);
    CHECK(workload.labels.labels == Labels{{"app", "web"}});
    CHECK(workload.labels.complete);
    CHECK(workload.service_account == "default");
  }
  const Workload job = workload_of("{apiVersion: batch/v1, kind: Job, " + tail + "{template: " + pod_template + "}}");
  CHECK(name_of(job) == "app/web[Job]");
  CHECK(job.labels.labels == Labels{{"app", "web"}, {"job-name", "web"}, {"batch.kubernetes.io/job-name", "web"}});
}

using Keys = std::set<std::string>;

TEST_CASE("labels that a controller gives its pods are not known from the template") {
  const std::string pod_template =
      "template: {metadata: {labels: {app: web, pod-template-hash: x, controller-revision-hash: x}}, "
      "spec: {containers: [{name: c}]}}";
  struct Row {
    const char* api;
    const char* kind;
    Keys unknown;
  };
  const Row rows[] = {
      {"apps/v1", "Deployment", {"pod-template-hash"}},
      {"extensions/v1beta1", "Deployment", {"pod-template-hash"}},
      {"apps/v1", "ReplicaSet", {}},
      {"v1", "ReplicationController", {}},
      {"apps/v1",
       "StatefulSet",
       {"apps.kubernetes.io/pod-index", "controller-revision-hash", "statefulset.kubernetes.io/pod-name"}},
      {"apps/v1", "DaemonSet", {"controller-revision-hash", "pod-template-generation"}},
      {"argoproj.io/v1alpha1", "Rollout", {"rollouts-pod-template-hash"}},
      {"apps.openshift.io/v1", "DeploymentConfig", {"deployment", "deploymentconfig"}},
      {"batch/v1", "Job", {"controller-uid", "batch.kubernetes.io/controller-uid"}},
  };
  for (const Row& row : rows) {
    const Workload workload = workload_of("{apiVersion: " + std::string(row.api) + ", kind: " + row.kind +
                                          ", metadata: {name: web, namespace: app}, spec: {" + pod_template + "}}");
    CHECK(workload.labels.unknown_keys == row.unknown);
    CHECK(workload.labels.complete);
  }
  CHECK(workload_of(pod("{containers: [{name: c}]}", "labels: {pod-template-hash: x}")).labels ==
        KnownLabels{{{"pod-template-hash", "x"}}, true});
}

TEST_CASE("labels of a Job's pods: its name where it is known, what the server wrote, an index") {
  const Keys uids{"controller-uid", "batch.kubernetes.io/controller-uid"};
  const Keys names{"job-name", "batch.kubernetes.io/job-name"};
  const auto both = [](Keys a, const Keys& b) { return a.insert(b.begin(), b.end()), a; };
  const auto job = [](const std::string& metadata, const std::string& spec, const std::string& labels = "{}") {
    return workload_of("{apiVersion: batch/v1, kind: Job, metadata: {namespace: app, " + metadata + "}, spec: {" +
                       spec + "template: {metadata: {labels: " + labels + "}, spec: {containers: [{name: c}]}}}}")
        .labels;
  };
  const Labels named{{"job-name", "x"}, {"batch.kubernetes.io/job-name", "x"}};
  CHECK(job("name: x", "") == KnownLabels{named, true, uids});
  CHECK(job("generateName: x-", "") == KnownLabels{{}, true, both(uids, names)});
  CHECK(job("name: x", "manualSelector: true, ") == KnownLabels{{}, true, both(uids, names)});
  CHECK(job("name: x", "completionMode: Indexed, ") ==
        KnownLabels{named, true, both(uids, {"batch.kubernetes.io/job-completion-index"})});
  CHECK(job("name: x", "", "{controller-uid: u, batch.kubernetes.io/controller-uid: u}").unknown_keys.empty());
  const Workload cron = workload_of(
      "{apiVersion: batch/v1, kind: CronJob, metadata: {name: x, namespace: app}, spec: {jobTemplate: "
      "{spec: {completionMode: Indexed, template: {spec: {containers: [{name: c}]}}}}}}");
  CHECK(cron.labels == KnownLabels{{}, true, both(both(uids, names), {"batch.kubernetes.io/job-completion-index"})});
}

TEST_CASE("an object of an unknown kind with a pod template is a workload, and that is said") {
  const Cluster cluster =
      read_cluster({"{apiVersion: example.com/v1, kind: CloneSet, metadata: {name: web, namespace: app}, "
                    "spec: {template: {spec: {containers: [{name: c}]}}}}"});
  CHECK(names(cluster) == std::vector<std::string>{"app/web[CloneSet]"});
  CHECK_FALSE(cluster.workloads[0].labels.complete);
  CHECK(cluster.not_understood.empty());
  REQUIRE(cluster.remarks.size() == 1);
  CHECK(cluster.remarks[0].rule == Rule::KindNotUnderstood);
  CHECK(cluster.remarks[0].message ==
        "kind CloneSet of example.com/v1 is not known: its pod template is read as a workload");
  const Cluster cron =
      read_cluster({"{apiVersion: example.com/v1, kind: BetterCron, metadata: {name: web}, spec: "
                    "{jobTemplate: {spec: {template: {spec: {containers: [{name: c}]}}}}}}"});
  CHECK(names(cron) == std::vector<std::string>{"default/web[BetterCron]"});
}

TEST_CASE("what undoes isolation, in containers of every list") {
  struct Row {
    std::string spec;
    std::vector<std::string> expected;
  };
  const Row rows[] = {
      {"{containers: [{name: c}]}", {}},
      {"{hostPID: true, hostIPC: true, containers: [{name: c}]}", {"hostPID: true", "hostIPC: true"}},
      {"{hostPID: false, containers: [{name: c}]}", {}},
      {"{containers: [{name: c, securityContext: {privileged: true}}]}", {"privileged: true in container c"}},
      {"{containers: [{name: c}], initContainers: [{name: i, securityContext: {privileged: true}}]}",
       {"privileged: true in container i"}},
      {"{containers: [{name: c}], ephemeralContainers: [{name: e, securityContext: {privileged: true}}]}",
       {"privileged: true in container e"}},
      {"{containers: [{name: c, securityContext: {capabilities: {add: [NET_ADMIN, cap_sys_admin, CHOWN, NET_RAW, "
       "ALL]}}}]}",
       {"capability NET_ADMIN in container c", "capability SYS_ADMIN in container c",
        "capability NET_RAW in container c", "capability ALL in container c"}},
      {"{containers: [{name: c, securityContext: {windowsOptions: {hostProcess: true}}}]}",
       {"hostProcess: true in container c"}},
      {"{securityContext: {windowsOptions: {hostProcess: true}}, containers: [{name: c}]}", {"hostProcess: true"}},
  };
  for (const Row& row : rows) CHECK(loosenings(pod(row.spec)) == row.expected);
}

TEST_CASE("a mount from which a container runtime's socket is reached undoes isolation") {
  struct Row {
    const char* path;
    bool reaches;
  };
  const Row rows[] = {
      {"/run/containerd/containerd.sock", true},
      {"/var/run/docker.sock", true},
      {"/run/docker.sock", true},
      {"/run/crio/crio.sock", true},
      {"/run/containerd", true},
      {"/var/run", true},
      {"/var/run/", true},
      {"/run", true},
      {"/var", true},
      {"/", true},
      {"//run/./containerd/", true},
      {"/etc/../run", true},
      {"/run/containerdx", false},
      {"/var/log", false},
      {"/etc", false},
      {"/data/run/containerd", false},
  };
  for (const Row& row : rows) {
    const std::string path = row.path;
    const std::vector<std::string> expected =
        row.reaches ? std::vector<std::string>{"hostPath " + path + " reaches a container runtime's socket"}
                    : std::vector<std::string>{};
    CHECK(loosenings(pod("{containers: [{name: c}], volumes: [{name: v, hostPath: {path: " + path + "}}]}")) ==
          expected);
  }
}

TEST_CASE("hostNetwork and what raw sockets a pod keeps") {
  struct Row {
    const char* spec;
    bool host, raw, admin;
  };
  const Row rows[] = {
      {"{containers: [{name: c}]}", false, true, false},
      {"{hostNetwork: true, containers: [{name: c}]}", true, true, false},
      {"{hostNetwork: true, containers: [{name: c, securityContext: {capabilities: {drop: [ALL]}}}]}", true, false,
       false},
      {"{hostNetwork: true, containers: [{name: c, securityContext: {capabilities: {drop: [NET_RAW]}}}]}", true, false,
       false},
      {"{hostNetwork: true, containers: [{name: c, securityContext: {capabilities: {drop: [ALL], add: [NET_RAW]}}}]}",
       true, true, false},
      {"{hostNetwork: true, containers: [{name: c, securityContext: {privileged: true, capabilities: {drop: [ALL]}}}]}",
       true, true, true},
      {"{hostNetwork: true, containers: [{name: c, securityContext: {capabilities: {drop: [ALL], add: [NET_ADMIN]}}}]}",
       true, false, true},
      {"{hostNetwork: true, containers: [{name: c, securityContext: {capabilities: {drop: [ALL]}}}, {name: d}]}", true,
       true, false},
  };
  for (const Row& row : rows) {
    const Workload workload = workload_of(pod(row.spec));
    CHECK(workload.host_network == row.host);
    CHECK(workload.keeps_net_raw == row.raw);
    CHECK(workload.keeps_net_admin == row.admin);
  }
}

TEST_CASE("ports, named and of the host") {
  const Workload workload = workload_of(pod(
      "{containers: [{name: c, ports: [{name: http, containerPort: 8080, hostPort: 80}, {containerPort: 53, protocol: "
      "UDP}]}], initContainers: [{name: i, ports: [{containerPort: 1}]}]}"));
  REQUIRE(workload.ports.size() == 3);
  CHECK(workload.ports[0].name == "http");
  CHECK(workload.ports[0].protocol == Protocol::Tcp);
  CHECK(workload.ports[0].port == 8080);
  CHECK(workload.ports[0].host_port == 80);
  CHECK(workload.ports[1].protocol == Protocol::Udp);
  CHECK(workload.ports[1].host_port == 0);
  const Cluster bad = read_cluster({pod("{containers: [{name: c, ports: [{containerport: 90}]}]}")});
  CHECK(bad.workloads.at(0).ports.empty());
  CHECK(bad.remarks.at(0).rule == Rule::RefusedObject);
  CHECK(bad.remarks[0].message == "the API server would refuse it: a container port without a number");
}

TEST_CASE("proxy variables are relays") {
  const Workload workload = workload_of(
      pod("{containers: [{name: c, env: [{name: HTTP_PROXY, value: 'http://proxy:3128'}, {name: https_proxy, value: "
          "'http://p'}, {name: NO_PROXY, value: a}, {name: ALL_PROXY, value: ''}, {name: FTP_PROXY, valueFrom: "
          "{configMapKeyRef: {name: x, key: y}}}]}]}"));
  CHECK(workload.relays == std::vector<std::string>{"HTTP_PROXY=http://proxy:3128", "https_proxy=http://p",
                                                    "FTP_PROXY=(taken from another object)"});
}

TEST_CASE("networks that annotations ask for") {
  const std::string spec = "{containers: [{name: c}]}";
  CHECK(workload_of(pod(spec, "annotations: {k8s.v1.cni.cncf.io/networks: 'a, other/b@eth1'}")).networks ==
        std::vector<std::string>{"a", "other/b@eth1"});
  CHECK(workload_of(pod(spec, "annotations: {k8s.v1.cni.cncf.io/networks: '[{\"name\":\"a\",\"ips\":[\"1.2.3.4\"]}]'}"))
            .networks == std::vector<std::string>{"[{\"name\":\"a\",\"ips\":[\"1.2.3.4\"]}]"});
  CHECK(workload_of(pod(spec, "annotations: {v1.multus-cni.io/default-network: x/y}")).networks ==
        std::vector<std::string>{"x/y"});
  CHECK(workload_of(pod(spec, "annotations: {other: a}")).networks.empty());
}

TEST_CASE("service account and addresses") {
  CHECK(workload_of(pod("{serviceAccountName: ci, containers: [{name: c}]}")).service_account == "ci");
  CHECK(workload_of(pod("{serviceAccount: old, containers: [{name: c}]}")).service_account == "old");
  const Workload live = workload_of(
      "{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: c}]}, "
      "status: {hostIP: 10.10.0.1, podIP: 10.42.0.7, podIPs: [{ip: 10.42.0.7}, {ip: "
      "'fd00:42::7'}]}}");
  CHECK(live.addresses == std::vector<Ip>{*Ip::parse("10.42.0.7"), *Ip::parse("fd00:42::7")});
}

std::string owned(const std::string& name, const std::string& labels, const std::string& owner,
                  const std::string& ip = "10.42.0.1") {
  return "{apiVersion: v1, kind: Pod, metadata: {name: " + name + ", namespace: app, labels: " + labels +
         ", ownerReferences: [" + owner + "]}, spec: {containers: [{name: c}]}, status: {podIP: " + ip + "}}";
}

TEST_CASE("pods of one controller that differ in nothing are one workload") {
  const std::string owner = "{kind: ReplicaSet, name: web-5d4f8, controller: true}";
  const Cluster cluster = read_cluster(
      {owned("web-5d4f8-a", "{app: web}", owner, "10.42.0.1"), owned("web-5d4f8-b", "{app: web}", owner, "10.42.0.2")});
  CHECK(names(cluster) == std::vector<std::string>{"app/web-5d4f8[ReplicaSet]"});
  CHECK(cluster.workloads[0].replicas == 2);
  CHECK(cluster.workloads[0].addresses == std::vector<Ip>{*Ip::parse("10.42.0.1"), *Ip::parse("10.42.0.2")});
}

TEST_CASE("pods of one controller with different labels stay apart") {
  const std::string owner = "{kind: StatefulSet, name: db, controller: true}";
  const Cluster cluster = read_cluster({owned("db-0", "{i: '0'}", owner), owned("db-1", "{i: '1'}", owner)});
  CHECK(names(cluster) == std::vector<std::string>{"app/db-0[Pod]", "app/db-1[Pod]"});
}

TEST_CASE("an owner without a kind, one that controls nothing, a mirror pod") {
  CHECK(names(read_cluster(
            {owned("a", "{}", "{name: x, controller: true}"), owned("b", "{}", "{name: x, controller: true}")})) ==
        std::vector<std::string>{"app/x[Pod]"});
  CHECK(names(read_cluster({owned("a", "{}", "{kind: Thing, name: x}"), owned("b", "{}", "{kind: Thing, name: x}")})) ==
        std::vector<std::string>{"app/a[Pod]", "app/b[Pod]"});
  const std::string node = "{kind: Node, name: n1, controller: true}";
  CHECK(names(read_cluster({owned("etcd-n1", "{}", node), owned("kube-proxy-n1", "{}", node)})) ==
        std::vector<std::string>{"app/etcd-n1[Pod]", "app/kube-proxy-n1[Pod]"});
}

TEST_CASE("pods beside the object that made them") {
  const std::string owner = "{kind: ReplicaSet, name: web, controller: true}";
  const std::string made =
      "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web, namespace: app}, spec: {template: "
      "{metadata: {labels: {app: web}}, spec: {containers: [{name: c}]}}}}";
  const Cluster same =
      read_cluster({made, owned("web-a", "{app: web}", owner), owned("web-b", "{app: web}", owner, "10.42.0.2")});
  CHECK(names(same) == std::vector<std::string>{"app/web[ReplicaSet]"});
  CHECK(same.workloads[0].addresses.size() == 2);
  const Cluster labelled =
      read_cluster({made, owned("web-a", "{app: web, hash: x}", owner), owned("web-b", "{app: web, hash: x}", owner)});
  CHECK(names(labelled) == std::vector<std::string>{"app/web-a[Pod]", "app/web[ReplicaSet]"});
  CHECK(labelled.workloads[0].replicas == 2);
}

TEST_CASE("a malformed pod is kept, and said") {
  struct Row {
    std::string text;
    const char* message;
  };
  const Row rows[] = {
      {pod("{hostNetwork: 'yes', containers: [{name: c}]}"), "hostNetwork is 'yes', not a boolean; it is read as true"},
      {pod("{containers: [{name: c}]}", "labels: {app: 1}"), "a label is not a string"},
      {pod("{containers: [{name: c}]}", "labels: [a]"), "metadata.labels is not a map"},
      {pod("{containers: []}"), "there is no container"},
      {pod("{containers: web}"), "there is no container"},
      {pod("[]"), "there is no pod spec"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const Cluster cluster = read_cluster({row.text});
    CHECK(cluster.workloads.size() == 1);
    REQUIRE(cluster.remarks.size() == 1);
    CHECK(cluster.remarks[0].rule == Rule::RefusedObject);
    CHECK(cluster.remarks[0].message == "the API server would refuse it: " + std::string(row.message));
  }
  CHECK(workload_of(rows[0].text).host_network);
  CHECK_FALSE(workload_of(rows[1].text).labels.complete);
  const Cluster none = read_cluster({"{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {}}"});
  CHECK(none.workloads.empty());
  CHECK(none.remarks.at(0).message == "the API server would refuse it: there is no pod template");
}

TEST_CASE("every workload and loosening keeps its place") {
  const std::string text = pod("{hostPID: true, containers: [{name: c, ports: [{containerPort: 1}]}]}");
  const Workload workload = workload_of(text);
  CHECK(text.substr(workload.ref.span.begin, 3) == "web");
  CHECK(text.substr(workload.loosenings.at(0).where.begin, 4) == "true");
  CHECK(text.substr(workload.ports.at(0).span.begin, 10) == "{container");
}

}  // namespace
}  // namespace airtight::verify
