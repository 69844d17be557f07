#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "compiler/verify/kubernetes/evaluation.h"
#include "compiler/verify/kubernetes/readers.h"
#include "tests/verify/kubernetes/from_json.h"
#include "tests/verify/kubernetes/policy_words.h"

namespace airtight::verify {
namespace {

using Texts = std::vector<std::string>;

Cluster read_namespaced(const std::string& spec) {
  return read_cluster(
      {"{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: p, namespace: app}, spec: " + spec +
       "}"});
}

Cluster read_clusterwide(const std::string& spec) {
  return read_cluster(
      {"{apiVersion: cilium.io/v2, kind: CiliumClusterwideNetworkPolicy, metadata: {name: p}, spec: " + spec + "}"});
}

std::string subject(const Cluster& cluster) {
  REQUIRE(cluster.policies.size() == 1);
  const PolicyObject& policy = cluster.policies[0];
  return selectors_in_words(policy.namespaces, policy.pods, policy.service_accounts);
}

// The one rule of a namespaced policy, refusals and doubts excluded.
std::string egress(const std::string& rule, const std::string& section = "egress") {
  const Cluster cluster = read_namespaced("{endpointSelector: {}, " + section + ": [" + rule + "]}");
  INFO(rule);
  CHECK(messages(cluster.remarks) == Texts{});
  CHECK_FALSE(cluster.policies.at(0).refused);
  CHECK_FALSE(cluster.policies.at(0).doubtful);
  REQUIRE(cluster.policies.at(0).egress.size() == 1);
  return in_words(cluster.policies[0].egress[0]);
}

std::string egress_clusterwide(const std::string& rule) {
  return in_words(read_clusterwide("{endpointSelector: {}, egress: [" + rule + "]}").policies.at(0).egress.at(0));
}

struct Row {
  const char* text;
  const char* words;
};

TEST_CASE("Cilium subjects: labels, namespaces and service accounts, with the source in front or without") {
  const Row rows[] = {
      {"{}", "everything"},
      {"{matchLabels: {app: web}}", "app=web"},
      {"{matchLabels: {\"k8s:app\": web, \"any:tier\": a}}", "app=web,tier=a"},
      {"{matchLabels: {\"k8s:io.kubernetes.pod.namespace\": shop}}", "ns{kubernetes.io/metadata.name=shop}"},
      {"{matchLabels: {\"k8s:io.cilium.k8s.namespace.labels.team\": a}}", "ns{team=a}"},
      {"{matchLabels: {\"io.cilium.k8s.policy.serviceaccount\": robot}}", "sa{name=robot}"},
      {"{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: NotIn, values: [kube-system, a]}]}",
       "ns{kubernetes.io/metadata.name notin (a,kube-system)}"},
      {"{matchExpressions: [{key: app, operator: Exists}, {key: b, operator: DoesNotExist}]}", "app,!b"},
      {"{matchExpressions: [{key: \"reserved:init\", operator: DoesNotExist}]}", "everything"},
      {"{matchLabels: {\"k8s:app.kubernetes.io/name\": web}}", "app.kubernetes.io/name=web"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const Cluster cluster = read_clusterwide("{endpointSelector: " + std::string(row.text) + ", egress: [{}]}");
    CHECK(subject(cluster) == row.words);
    CHECK(messages(cluster.remarks) == Texts{});
    CHECK(messages(cluster.not_understood) == Texts{});
  }
}

TEST_CASE("a Cilium selector that may not see its label matches nobody knows what") {
  for (const char* key : {"pod-template-hash", "k8s:kubernetes.io/os", "container:app", "x.beta.kubernetes.io/y",
                          "io.cilium.k8s.policy.cluster"}) {
    INFO(key);
    const Cluster cluster =
        read_clusterwide("{endpointSelector: {matchLabels: {\"" + std::string(key) + "\": x}}, egress: [{}]}");
    CHECK(subject(cluster) == "not understood");
    CHECK(cluster.not_understood.size() == 1);
  }
  const Cluster reserved =
      read_clusterwide("{endpointSelector: {matchLabels: {\"reserved:init\": \"\"}}, egress: [{}]}");
  CHECK(subject(reserved) == "nothing");
  CHECK(messages(reserved.not_understood) ==
        Texts{"it is about endpoints that are no pods of their own, which are not judged"});
}

TEST_CASE("a namespaced Cilium policy is about its own namespace whatever it says") {
  CHECK(subject(read_namespaced("{endpointSelector: {matchLabels: {app: web}}, egress: [{}]}")) ==
        "ns{kubernetes.io/metadata.name=app} app=web");
  CHECK(subject(
            read_namespaced("{endpointSelector: {matchLabels: {io.kubernetes.pod.namespace: other}}, egress: [{}]}")) ==
        "ns{kubernetes.io/metadata.name=app}");
}

TEST_CASE("Cilium policies of nodes select no pods") {
  const Cluster cluster =
      read_clusterwide("{nodeSelector: {matchLabels: {role: edge}}, egress: [{toEntities: [world]}]}");
  const PolicyObject& policy = cluster.policies.at(0);
  CHECK(policy.selects_host);
  CHECK_FALSE(policy.selects_pods);
  CHECK(policy.pods == Selector::none());
  CHECK(read_namespaced("{nodeSelector: {}, egress: [{}]}").policies.at(0).refused);
}

TEST_CASE("denials are a policy object of their own, in front, that does not isolate") {
  const Cluster cluster = read_clusterwide(
      "{endpointSelector: {}, egressDeny: [{toEntities: [world]}], egress: [{toEntities: [all]}],"
      " ingressDeny: [{fromEntities: [world]}]}");
  REQUIRE(cluster.policies.size() == 2);
  const PolicyObject& denials = cluster.policies[0];
  const PolicyObject& allows = cluster.policies[1];
  for (const PolicyObject* policy : {&denials, &allows}) {
    CHECK(policy->api == PolicyObject::Api::Cilium);
    CHECK(policy->tier == "cilium");
    CHECK(to_string(policy->ref) == "CiliumClusterwideNetworkPolicy p");
  }
  CHECK(denials.order == 0);
  CHECK(allows.order == 1);
  CHECK(in_words(denials.egress.at(0)) == "Deny outside 0.0.0.0/0, ::/0: any");
  CHECK(denials.egress[0].text == "egressDeny rule 1");
  CHECK(in_words(denials.ingress.at(0)) == "Deny outside 0.0.0.0/0, ::/0: any");
  CHECK(in_words(allows.egress.at(0)) == "Allow everybody: any");
  CHECK_FALSE(denials.isolates_ingress);
  CHECK_FALSE(denials.isolates_egress);
  CHECK(allows.isolates_ingress);
  CHECK(allows.isolates_egress);
}

TEST_CASE("default deny comes with any rule of the direction, a denial too, unless it is switched") {
  struct Isolation {
    const char* sections;
    bool ingress, egress;
  };
  const Isolation rows[] = {
      {"egress: [{}]", false, true},
      {"egress: []", false, false},
      {"ingress: [{}]", true, false},
      {"egressDeny: [{toPorts: [{ports: [{port: \"10255\", protocol: TCP}]}]}]", false, true},
      {"egressDeny: [{}], enableDefaultDeny: {egress: false}", false, false},
      {"egressDeny: [{}], enableDefaultDeny: {ingress: true}", true, true},
      {"egress: [], enableDefaultDeny: {egress: true}", false, true},
      {"ingress: [{}], enableDefaultDeny: {}", true, false},
      {"egress: [{}], enableDefaultDeny: {ingress: false}", false, true},
      {"ingress: [{}], egress: [{}], enableDefaultDeny: {ingress: false}", false, true},
  };
  for (const Isolation& row : rows) {
    INFO(row.sections);
    const Cluster cluster = read_clusterwide("{endpointSelector: {}, " + std::string(row.sections) + "}");
    CHECK(messages(cluster.remarks) == Texts{});
    CHECK(cluster.policies.back().isolates_ingress == row.ingress);
    CHECK(cluster.policies.back().isolates_egress == row.egress);
  }
}

TEST_CASE("R41: a denial of ports without a peer denies them to everybody") {
  CHECK(egress("{toPorts: [{ports: [{port: \"10255\", protocol: TCP}]}]}", "egressDeny") ==
        "Deny everybody: 10255/tcp");
}

TEST_CASE("R05: a denial of IPv4 leaves IPv6 alone") {
  CHECK(egress("{toCIDR: [0.0.0.0/0]}", "egressDeny") == "Deny outside 0.0.0.0/0: any");
}

// What a pod `app/web` may send to the addresses of the world, with these policies.
TrafficSet sent(const std::string& sections, Reading reading) {
  const std::string policy =
      "{apiVersion: cilium.io/v2, kind: CiliumClusterwideNetworkPolicy, metadata: {name: p}, spec: {endpointSelector: "
      "{}, " +
      sections + "}}";
  const Cluster cluster = read_cluster(
      {"{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: app}, spec: {containers: [{name: c}]}}", policy});
  const Evaluation evaluation(cluster, Scope::All, {}, {});
  return evaluation.addresses(0, Direction::Egress, reading);
}

TEST_CASE("R41 and R05, evaluated") {
  const std::string one_port = "egressDeny: [{toPorts: [{ports: [{port: \"10255\", protocol: TCP}]}]}]";
  const ServiceSet denied = ServiceSet::of(Protocol::Tcp, PortSet::of(10255));
  for (const Reading reading : {Reading::Wide, Reading::Narrow}) {
    CHECK(sent(one_port, reading).empty());
    CHECK(sent(one_port + ", enableDefaultDeny: {egress: false}", reading) == TrafficSet::of(IpSet::all(), ~denied));
    CHECK(sent("egressDeny: [{toCIDR: [0.0.0.0/0]}], egress: [{toEntities: [all]}]", reading) ==
          TrafficSet::of(IpSet::all_v6(), ServiceSet::all()));
  }
}

TEST_CASE("Cilium rules: who is on the other side") {
  const Row rows[] = {
      {"{}", "Allow nobody: any"},
      {"{toEndpoints: []}", "Allow nobody: any"},
      {"{toEndpoints: [{}]}", "Allow pods ns{kubernetes.io/metadata.name=app}: any"},
      {"{toEndpoints: [{matchLabels: {app: db}}, {matchLabels: {app: mq}}]}",
       "Allow pods ns{kubernetes.io/metadata.name=app} app=db | pods ns{kubernetes.io/metadata.name=app} app=mq: any"},
      {"{toEndpoints: [{matchLabels: {app: db, \"k8s:io.kubernetes.pod.namespace\": shop}}]}",
       "Allow pods ns{kubernetes.io/metadata.name=shop} app=db: any"},
      {"{toEndpoints: [{matchExpressions: [{key: \"k8s:io.kubernetes.pod.namespace\", operator: Exists}]}]}",
       "Allow pods ns{kubernetes.io/metadata.name}: any"},
      {"{toEndpoints: [{matchLabels: {\"io.cilium.k8s.namespace.labels.team\": a}}]}", "Allow pods ns{team=a}: any"},
      {"{toEndpoints: [{matchLabels: {io.cilium.k8s.policy.serviceaccount: robot}}]}",
       "Allow pods ns{kubernetes.io/metadata.name=app} sa{name=robot}: any"},
      {"{toEndpoints: [{matchLabels: {\"reserved:host\": \"\"}}]}", "Allow some nodes not understood: any"},
      {"{toCIDR: [10.0.0.0/8, \"fd00::/8\"]}", "Allow outside 10.0.0.0/8 | outside fd00::/8: any"},
      {"{toCIDR: [10.1.2.3/8]}", "Allow outside 10.0.0.0/8: any"},
      {"{toCIDRSet: [{cidr: 10.0.0.0/8, except: [10.0.0.0/9, 10.128.0.0/10]}]}", "Allow outside 10.192.0.0/10: any"},
      {"{toEntities: [all]}", "Allow everybody: any"},
      {"{toEntities: [world]}", "Allow outside 0.0.0.0/0, ::/0: any"},
      {"{toEntities: [world-ipv4]}", "Allow outside 0.0.0.0/0: any"},
      {"{toEntities: [world-ipv6]}", "Allow outside ::/0: any"},
      {"{toEntities: [cluster]}", "Allow pods everything | nodes: any"},
      {"{toEntities: [host]}", "Allow some nodes not understood: any"},
      {"{toEntities: [remote-node]}", "Allow some nodes not understood: any"},
      {"{toEntities: [kube-apiserver]}", "Allow ?: any"},
      {"{toEntities: [health]}", "Allow pods everything | nodes: any (?)"},
      {"{toEntities: [init]}", "Allow pods everything | nodes: any (?)"},
      {"{toEntities: [unmanaged]}", "Allow pods everything | nodes: any (?)"},
      {"{toEntities: [ingress]}", "Allow pods everything | nodes: any (?)"},
      {"{toEntities: [none]}", "Allow nobody: any"},
  };
  for (const Row& row : rows) CHECK(egress(row.text) == row.words);
  CHECK(egress_clusterwide("{toEndpoints: [{}]}") == "Allow pods everything: any");
  CHECK(egress_clusterwide("{toEndpoints: [{matchLabels: {app: db}}]}") == "Allow pods app=db: any");
  const Cluster ingress =
      read_namespaced("{endpointSelector: {}, ingress: [{fromEndpoints: [{}]}, {fromCIDR: [10.0.0.0/8]}]}");
  CHECK(in_words(ingress.policies.at(0).ingress.at(0)) == "Allow pods ns{kubernetes.io/metadata.name=app}: any");
  CHECK(in_words(ingress.policies.at(0).ingress.at(1)) == "Allow outside 10.0.0.0/8: any");
}

TEST_CASE("Cilium rules: ports and ICMP") {
  const Row rows[] = {
      {"{toPorts: [{ports: [{port: \"443\", protocol: TCP}]}]}", "Allow everybody: 443/tcp"},
      {"{toPorts: [{ports: [{port: \"53\"}]}]}", "Allow everybody: 53/tcp, 53/udp, 53/sctp"},
      {"{toPorts: [{ports: [{port: \"53\", protocol: ANY}]}]}", "Allow everybody: 53/tcp, 53/udp, 53/sctp"},
      {"{toPorts: [{ports: [{port: \"80\", endPort: 90, protocol: UDP}]}]}", "Allow everybody: 80-90/udp"},
      {"{toPorts: [{ports: [{port: \"80\", protocol: TCP}]}, {ports: [{port: \"81\", protocol: UDP}]}]}",
       "Allow everybody: 80/tcp, 81/udp"},
      {"{toPorts: [{ports: [{port: HTTP, protocol: TCP}]}]}", "Allow everybody: none, http/tcp"},
      {"{toPorts: [{ports: [{port: \"0\", protocol: TCP}]}]}", "Allow everybody: tcp"},
      {"{toPorts: [{ports: [{port: \"0\"}]}]}", "Allow everybody: any"},
      {"{toEntities: [world], toPorts: [{ports: [{port: \"443\", protocol: TCP}]}]}",
       "Allow outside 0.0.0.0/0, ::/0: 443/tcp"},
      {"{icmps: [{fields: [{type: 8}]}]}", "Allow everybody: icmp type 8"},
      {"{icmps: [{fields: [{family: IPv6, type: EchoRequest}, {type: \"3\"}]}]}",
       "Allow everybody: icmp type 3, icmpv6 type 128"},
  };
  for (const Row& row : rows) CHECK(egress(row.text) == row.words);
  CHECK(egress("{toPorts: [{ports: [{port: \"0\"}]}]}", "egressDeny") == "Deny everybody: tcp, udp, sctp");
}

TEST_CASE("what of a Cilium rule is not understood makes it so, and is named") {
  const std::string port = "{ports: [{port: \"80\", protocol: TCP}]";
  const Row rows[] = {
      {"rules: {http: [{method: GET}]}", "rules narrows it above layer 4, which is not understood: read without"},
      {"rules: {dns: [{matchPattern: \"*\"}]}",
       "rules narrows it above layer 4, which is not understood: read without"},
      {"terminatingTLS: {secret: {name: s}}",
       "terminatingTLS narrows it above layer 4, which is not understood: read without"},
      {"originatingTLS: {secret: {name: s}}",
       "originatingTLS narrows it above layer 4, which is not understood: read without"},
      {"serverNames: [a.example]", "serverNames narrows it to TLS, which is not understood: read without"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const Cluster cluster =
        read_namespaced("{endpointSelector: {}, egress: [{toPorts: [" + port + ", " + row.text + "}]}]}");
    const PolicyRule& rule = cluster.policies.at(0).egress.at(0);
    CHECK(in_words(rule) == "Allow everybody: 80/tcp (?)");
    CHECK(rule.why_not == row.words);
    CHECK(messages(cluster.not_understood) == Texts{row.words});
    CHECK(cluster.not_understood[0].rule == Rule::RuleNotUnderstood);
    CHECK(cluster.not_understood[0].where.known());
  }
  const Row unknown_peers[] = {
      {"{toFQDNs: [{matchName: a.example}]}", "which addresses a name has does not show in manifests"},
      {"{toServices: [{k8sService: {serviceName: s}}]}", "toServices is not understood"},
      {"{toGroups: [{aws: {region: x}}]}", "groups of a cloud's security groups are not understood"},
      {"{toCIDRSet: [{cidrGroupRef: g}]}", "CIDR groups are not understood"},
      {"{toEndpoints: [{matchLabels: {\"reserved:host\": \"\", app: x}}]}",
       "reserved labels that are no entity, or beside others, are not understood"},
      {"{toEndpoints: [{matchLabels: {\"reserved:dns\": \"\"}}]}",
       "reserved labels that are no entity, or beside others, are not understood"},
      {"{toEntities: [kube-apiserver]}", "where the API server is does not show in manifests, so it may be anywhere"},
  };
  for (const Row& row : unknown_peers) {
    INFO(row.text);
    const Cluster cluster = read_namespaced("{endpointSelector: {}, egress: [" + std::string(row.text) + "]}");
    const PolicyRule& rule = cluster.policies.at(0).egress.at(0);
    CHECK(in_words(rule) == "Allow ?: any");
    CHECK(rule.peers.at(0).why_not == row.words);
    CHECK(messages(cluster.not_understood) == Texts{row.words});
  }
  const Row others[] = {
      {"{toEntities: [world], authentication: {mode: required}}", "Allow outside 0.0.0.0/0, ::/0: any (?)"},
      {"{toEntities: [world], authentication: {mode: disabled}}", "Allow outside 0.0.0.0/0, ::/0: any"},
      {"{toEndpoints: [], toPorts: [{ports: [{port: \"80\", protocol: TCP}]}]}", "Allow everybody: 80/tcp (?)"},
      {"{toPorts: [{ports: []}]}", "Allow everybody: any (?)"},
      {"{toPorts: [{ports: [{port: \"90\", endPort: 80, protocol: TCP}]}]}", "Allow everybody: 90/tcp (?)"},
      {"{toPorts: [{ports: [{port: \"080\", protocol: TCP}]}]}", "Allow everybody: tcp (?)"},
      {"{toPorts: [{ports: [{port: \"80\", protocol: TCP}], listener: {name: l, envoyConfig: {name: e}}}]}",
       "Allow ? | everybody: 80/tcp"},
      {"{toEndpoints: [{}], toRequires: [{matchLabels: {a: b}}]}",
       "Allow pods ns{kubernetes.io/metadata.name=app}: any (?)"},
      {"{toCIDR: [\"::ffff:10.0.0.0/104\"]}", "Allow outside 10.0.0.0/8, ::ffff:10.0.0.0/104: any (?)"},
  };
  for (const Row& row : others) CHECK(egress(row.text) == row.words);
}

TEST_CASE("requirements narrow other policies' rules too, so no rule alone can be marked") {
  const Cluster cluster =
      read_namespaced("{endpointSelector: {}, ingressDeny: [{fromRequires: [{matchLabels: {a: b}}]}]}");
  CHECK(messages(cluster.not_understood) == Texts{"fromRequires changes what other rules match and is not understood"});
  CHECK(cluster.not_understood.at(0).rule == Rule::FieldNotUnderstood);
}

TEST_CASE("a Cilium policy that would not be taken is refused, with the place and the reason") {
  const Row rows[] = {
      {"{egress: [{}]}", "a spec has one of endpointSelector and nodeSelector"},
      {"{endpointSelector: {}, nodeSelector: {}, egress: [{}]}", "a spec has one of endpointSelector and nodeSelector"},
      {"{endpointSelector: {}}", "the spec has no rules"},
      {"{endpointSelector: {}, egress: {}}", "egress is no list"},
      {"{endpointSelector: {}, egress: [{toCIDR: [10.0.0.300/8]}]}", "'10.0.0.300/8' is no CIDR"},
      {"{endpointSelector: {}, egress: [{toCIDRSet: [{cidr: 10.0.0.1}]}]}", "'10.0.0.1' is no CIDR"},
      {"{endpointSelector: {}, egress: [{toCIDRSet: [{cidr: 10.0.0.0/8, except: [11.0.0.0/9]}]}]}",
       "'11.0.0.0/9' is not inside of 10.0.0.0/8"},
      {"{endpointSelector: {}, egress: [{toCIDRSet: [{cidr: 10.0.0.0/8, except: [\"fd00::/9\"]}]}]}",
       "'fd00::/9' is not inside of 10.0.0.0/8"},
      {"{endpointSelector: {}, egress: [{toCIDRSet: [{cidr: 10.0.0.0/8, cidrGroupRef: g}]}]}",
       "a CIDR rule has one of cidr, cidrGroupRef and cidrGroupSelector"},
      {"{endpointSelector: {}, egress: [{toEntities: [internet]}]}", "there is no entity 'internet'"},
      {"{endpointSelector: {}, egress: [{toPorts: [{ports: [{port: 80}]}]}]}", "port is no text"},
      {"{endpointSelector: {}, egress: [{toPorts: [{ports: [{port: \"70000\"}]}]}]}", "'70000' is no port"},
      {"{endpointSelector: {}, egress: [{toPorts: [{ports: [{port: \"80\", protocol: ICMP}]}]}]}",
       "there is no protocol 'ICMP'"},
      {"{endpointSelector: {}, egress: [{toPorts: [{ports: [{port: \"80\"}]}], icmps: [{fields: [{type: 8}]}]}]}",
       "icmps and toPorts exclude each other"},
      {"{endpointSelector: {}, egress: [{icmps: [{fields: [{type: PacketTooBig}]}]}]}",
       "an ICMP field has no type of its family"},
      {"{endpointSelector: {matchExpressions: [{key: a, operator: In}]}, egress: [{}]}",
       "an expression has a key, an operator, and values with In and NotIn only"},
      {"{endpointSelector: {}, enableDefaultDeny: {egress: maybe}, egress: [{}]}", "egress is neither true nor false"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const Cluster cluster = read_clusterwide(row.text);
    REQUIRE(cluster.policies.size() >= 1);
    for (const PolicyObject& policy : cluster.policies) CHECK(policy.refused);
    REQUIRE(cluster.remarks.size() >= 1);
    CHECK(cluster.remarks[0].rule == Rule::RefusedObject);
    CHECK(cluster.remarks[0].where.known());
    CHECK(cluster.remarks[0].object == "CiliumClusterwideNetworkPolicy p");
    CHECK(cluster.remarks[0].message == row.words);
  }
  const Cluster empty = read_cluster({"{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: p}}"});
  REQUIRE(empty.policies.size() == 1);
  CHECK(empty.policies[0].refused);
  CHECK(messages(empty.remarks) == Texts{"neither spec nor specs is given"});
}

TEST_CASE("a Cilium policy with unknown fields or several kinds of peers is doubtful") {
  const Row rows[] = {
      {"{endpointSelector: {}, egres: [{}], egress: []}", "spec has no field 'egres'"},
      {"{endpointSelector: {}, egress: [{toEndpoint: [{}]}]}", "a rule has no field 'toEndpoint'"},
      {"{endpointSelector: {}, egress: [{toPorts: [{ports: [{port: \"1\", protcol: TCP}]}]}]}",
       "a port has no field 'protcol'"},
      {"{endpointSelector: {}, egressDeny: [{toFQDNs: [{matchName: a}]}]}", "a rule has no field 'toFQDNs'"},
      {"{endpointSelector: {}, egress: [{toEntities: [world], toCIDR: [10.0.0.0/8]}]}",
       "Cilium refuses a rule with several kinds of peers"},
      {"{endpointSelector: {}, egress: [{toNodes: [{matchLabels: {a: b}}]}]}",
       "Cilium refuses peers by node labels unless it is configured to allow them"},
      {"{endpointSelector: {}, egress: [{toCIDR: [10.0.0.1]}]}",
       "'10.0.0.1' has no prefix length, which Cilium may refuse"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const Cluster cluster = read_namespaced(row.text);
    CHECK(messages(cluster.remarks).at(0) == row.words);
    for (const PolicyObject& policy : cluster.policies) {
      CHECK(policy.doubtful);
      CHECK(policy.why_doubtful == row.words);
      CHECK_FALSE(policy.refused);
    }
  }
}

TEST_CASE("specs are each a policy of the same object") {
  const Cluster cluster = read_cluster(
      {"{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: p, namespace: app}, specs: ["
       "{endpointSelector: {matchLabels: {a: b}}, egress: [{}]},"
       "{endpointSelector: {matchLabels: {c: d}}, ingress: [{}, {fromEntities: [all]}]}]}"});
  REQUIRE(cluster.policies.size() == 2);
  CHECK(to_string(cluster.policies[0].pods) == "a=b");
  CHECK(to_string(cluster.policies[1].pods) == "c=d");
  CHECK(cluster.policies[1].ingress.at(1).text == "spec 2, ingress rule 2");
}

TEST_CASE("settings of Cilium with which policies are not enforced") {
  struct Case {
    const char* data;
    Texts not_understood, remarks;
  };
  const Case cases[] = {
      {"{enable-policy: never}", {"Cilium's enforcement mode is never: no policy is enforced"}, {}},
      {"{enable-policy: Never}", {"Cilium's enforcement mode is never: no policy is enforced"}, {}},
      {"{enable-policy: sometimes}", {"Cilium has no enforcement mode 'sometimes'"}, {}},
      {"{enable-policy: default, policy-audit-mode: 'false', enable-k8s-networkpolicy: 'true'}", {}, {}},
      {"{cluster-name: default}", {}, {}},
      {"{enable-policy: always}",
       {},
       {"Cilium's enforcement mode is always: pods that no policy selects are held too, which is left out"}},
      {"{policy-audit-mode: 'true'}", {"policy-audit-mode is true: no policy is enforced"}, {}},
      {"{enable-k8s-networkpolicy: 'false'}", {"enable-k8s-networkpolicy is false: no NetworkPolicy is enforced"}, {}},
      {"{enable-cilium-network-policy: 'false'}",
       {"enable-cilium-network-policy is false: no CiliumNetworkPolicy is enforced"},
       {}},
      {"{enable-cilium-clusterwide-network-policy: 'false'}",
       {"enable-cilium-clusterwide-network-policy is false: no CiliumClusterwideNetworkPolicy is enforced"},
       {}},
  };
  const auto config = [](const std::string& name, const std::string& data) {
    return read_cluster({"{apiVersion: v1, kind: ConfigMap, metadata: {name: " + name +
                         ", namespace: kube-system}, data: " + data + "}"});
  };
  for (const Case& one : cases) {
    INFO(one.data);
    const Cluster cluster = config("cilium-config", one.data);
    CHECK(messages(cluster.not_understood) == one.not_understood);
    CHECK(messages(cluster.remarks) == one.remarks);
    for (const Remark& remark : cluster.not_understood) CHECK(remark.rule == Rule::FieldNotUnderstood);
  }
  CHECK(messages(config("other", "{enable-policy: never}").not_understood) == Texts{});
  for (const std::string kind : {"CiliumConfig", "CiliumNodeConfig"}) {
    const Cluster cluster = read_cluster({"{apiVersion: cilium.io/v2, kind: " + kind + ", metadata: {name: x}}"});
    CHECK(messages(cluster.not_understood) == Texts{kind + " may change what pods reach and is not understood"});
  }
}

TEST_CASE("other kinds of Cilium are harmless or named") {
  const Cluster group = read_cluster(
      {"{apiVersion: cilium.io/v2, kind: CiliumCIDRGroup, metadata: {name: g}, spec: {externalCIDRs: [10.0.0.0/8]}}"});
  CHECK(messages(group.not_understood) == Texts{});
  const Cluster redirect = read_cluster(
      {"{apiVersion: cilium.io/v2, kind: CiliumLocalRedirectPolicy, metadata: {name: r, namespace: app}, spec: {}}"});
  CHECK(messages(redirect.not_understood) ==
        Texts{"CiliumLocalRedirectPolicy may change what pods reach and is not understood"});
}

}  // namespace
}  // namespace airtight::verify
