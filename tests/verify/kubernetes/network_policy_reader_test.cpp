#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "compiler/verify/kubernetes/readers.h"
#include "tests/verify/kubernetes/from_json.h"

namespace airtight::verify {
namespace {

std::string policy_text(const std::string& spec) {
  return "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: app}, spec: " + spec +
         "}";
}

Cluster read(const std::string& spec) { return read_cluster({policy_text(spec)}); }

std::vector<std::string> messages(const Cluster& cluster, Rule rule) {
  std::vector<std::string> result;
  for (const Remark& remark : cluster.remarks) {
    if (remark.rule == rule) result.push_back(remark.message);
  }
  return result;
}

// The egress rule of a policy that has one and is accepted without a remark.
PolicyRule egress_rule(const std::string& rule) {
  const Cluster cluster = read("{podSelector: {}, egress: [" + rule + "]}");
  REQUIRE(cluster.policies.size() == 1);
  INFO(rule);
  CHECK(cluster.remarks.empty());
  CHECK_FALSE(cluster.policies[0].refused);
  REQUIRE(cluster.policies[0].egress.size() == 1);
  return cluster.policies[0].egress[0];
}

IpSet set(std::initializer_list<const char*> prefixes) {
  IpSet result;
  for (const char* text : prefixes) result |= IpSet::of(*Prefix::parse(text));
  return result;
}

TEST_CASE("policyTypes absent means Ingress always, Egress only where there are egress rules") {
  struct Row {
    const char* spec;
    bool ingress, egress;
  };
  const Row rows[] = {
      {"{podSelector: {}}", true, false},
      {"{podSelector: {}, egress: []}", true, false},
      {"{podSelector: {}, egress: null}", true, false},
      {"{podSelector: {}, egress: [{}]}", true, true},
      {"{podSelector: {}, policyTypes: [], egress: [{}]}", true, true},
      {"{podSelector: {}, policyTypes: null}", true, false},
      {"{podSelector: {}, policyTypes: [Egress]}", false, true},
      {"{podSelector: {}, policyTypes: [Ingress], egress: [{}]}", true, false},
      {"{podSelector: {}, policyTypes: [Ingress, Egress]}", true, true},
  };
  for (const Row& row : rows) {
    INFO(row.spec);
    const Cluster cluster = read(row.spec);
    REQUIRE(cluster.policies.size() == 1);
    const PolicyObject& policy = cluster.policies[0];
    CHECK(policy.isolates(Direction::Ingress) == row.ingress);
    CHECK(policy.isolates(Direction::Egress) == row.egress);
    CHECK(policy.ingress_applies == row.ingress);
    CHECK(policy.egress_applies == row.egress);
    CHECK(cluster.remarks.empty());
  }
}

TEST_CASE("the subject of a policy is pods of its own namespace") {
  const Cluster cluster = read("{podSelector: {matchLabels: {app: web}}}");
  const PolicyObject& policy = cluster.policies.at(0);
  CHECK(policy.api == PolicyObject::Api::NetworkPolicy);
  CHECK(policy.tier == "default");
  CHECK(to_string(policy.ref) == "NetworkPolicy app/p");
  CHECK(to_string(policy.namespaces) == "kubernetes.io/metadata.name=app");
  CHECK(to_string(policy.pods) == "app=web");
  CHECK(to_string(read("{}").policies.at(0).pods) == "everything");
  CHECK(to_string(read("{podSelector: null}").policies.at(0).pods) == "everything");
  CHECK(to_string(read("null").policies.at(0).pods) == "everything");
}

TEST_CASE("to and ports absent or empty mean everything, the internet included") {
  for (const char* rule : {"{}", "null", "{to: []}", "{to: null, ports: []}", "{ports: null}"}) {
    const PolicyRule read = egress_rule(rule);
    REQUIRE(read.peers.size() == 1);
    CHECK(read.peers[0].kind == RulePeer::Kind::Everything);
    CHECK(read.services.is_all());
    CHECK(read.text == "egress rule 1");
  }
  const PolicyRule dns = egress_rule("{ports: [{port: 53, protocol: UDP}]}");
  CHECK(dns.peers.at(0).kind == RulePeer::Kind::Everything);
  CHECK(to_string(dns.services) == "53/udp");
}

TEST_CASE("selectors of a peer: one peer is AND, two are OR, none is the own namespace") {
  const PolicyRule own = egress_rule("{to: [{podSelector: {}}]}");
  CHECK(own.peers.at(0).kind == RulePeer::Kind::Pods);
  CHECK(to_string(own.peers[0].namespaces) == "kubernetes.io/metadata.name=app");
  CHECK(to_string(own.peers[0].pods) == "everything");
  const PolicyRule all = egress_rule("{to: [{namespaceSelector: {}}]}");
  CHECK(all.peers.at(0).kind == RulePeer::Kind::Pods);  // every pod, never an address
  CHECK(to_string(all.peers[0].namespaces) == "everything");
  const PolicyRule both =
      egress_rule("{to: [{namespaceSelector: {matchLabels: {team: a}}, podSelector: {matchLabels: {app: db}}}]}");
  REQUIRE(both.peers.size() == 1);
  CHECK(to_string(both.peers[0].namespaces) == "team=a");
  CHECK(to_string(both.peers[0].pods) == "app=db");
  const PolicyRule either =
      egress_rule("{to: [{namespaceSelector: {matchLabels: {team: a}}}, {podSelector: {matchLabels: {app: db}}}]}");
  REQUIRE(either.peers.size() == 2);
  CHECK(to_string(either.peers[0].pods) == "everything");
  CHECK(to_string(either.peers[1].namespaces) == "kubernetes.io/metadata.name=app");
}

TEST_CASE("an ipBlock is addresses of one family less its exceptions") {
  const PolicyRule v4 = egress_rule("{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}]}");
  CHECK(v4.peers.at(0).kind == RulePeer::Kind::Addresses);
  CHECK(v4.peers[0].addresses == set({"0.0.0.0/0"}) - set({"10.0.0.0/8"}));
  CHECK(v4.peers[0].addresses_match_pods == RulePeer::MatchPods::Undefined);
  CHECK(egress_rule("{to: [{ipBlock: {cidr: '::/0'}}]}").peers.at(0).addresses == IpSet::all_v6());
}

TEST_CASE("ports of a rule") {
  struct Row {
    const char* ports;
    const char* services;
  };
  const Row rows[] = {
      {"{port: 443}", "443/tcp"},
      {"{protocol: UDP}", "udp"},
      {"{}", "tcp"},
      {"{protocol: SCTP, port: 8000, endPort: 8010}", "8000-8010/sctp"},
      {"{port: 8000, endPort: 8000}", "8000/tcp"},
      {"{port: 1, endPort: 65535}", "1-65535/tcp"},
      {"{port: 80}, {port: 53, protocol: UDP}", "80/tcp, 53/udp"},
      {"{port: web}", "none"},
  };
  for (const Row& row : rows)
    CHECK(to_string(egress_rule("{ports: [" + std::string(row.ports) + "]}").services) == row.services);
  const PolicyRule named = egress_rule("{ports: [{port: web}, {port: dns, protocol: UDP}]}");
  REQUIRE(named.named_ports.size() == 2);
  CHECK(named.named_ports[0].name == "web");
  CHECK(named.named_ports[0].protocol == Protocol::Tcp);
  CHECK(named.named_ports[1].protocol == Protocol::Udp);
}

TEST_CASE("what the API server refuses is judged absent and said with the field") {
  struct Row {
    const char* spec;
    const char* message;
    const char* token;
  };
  const Row rows[] = {
      {"{podSelector: {}, egress: [{to: [{}]}]}",
       "spec.egress[0].to[0] is empty: a peer needs podSelector, namespaceSelector or ipBlock", "{}]}]"},
      {"{podSelector: {}, egress: [{to: [null]}]}",
       "spec.egress[0].to[0] is empty: a peer needs podSelector, namespaceSelector or ipBlock", "null"},
      {"{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}]}]}",
       "spec.egress[0].to[0].ipBlock.except[0] is 11.0.0.0/16, which does not lie within 10.0.0.0/8", "11.0.0.0/16"},
      {"{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]}]}",
       "spec.egress[0].to[0].ipBlock.except[0] is 10.0.0.0/8, which does not lie within 10.0.0.0/8", "10.0.0.0/8]"},
      {"{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: ['fd00::/8']}}]}]}",
       "spec.egress[0].to[0].ipBlock.except[0] is fd00::/8, which is of another family than 0.0.0.0/0", "'fd00"},
      {"{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.300/8}}]}]}",
       "spec.ingress[0].from[0].ipBlock.cidr is '10.0.0.300/8', which is no CIDR", "10.0.0.300/8"},
      {"{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.1}}]}]}",
       "spec.egress[0].to[0].ipBlock.cidr is '10.0.0.1', which is no CIDR", "10.0.0.1"},
      {"{podSelector: {}, egress: [{to: [{ipBlock: {}}]}]}", "spec.egress[0].to[0].ipBlock has no cidr", "{}}"},
      {"{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}]}",
       "spec.egress[0].to[0] has both ipBlock and a selector", "{ipBlock"},
      {"{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}, namespaceSelector: {}}]}]}",
       "spec.egress[0].to[0] has both ipBlock and a selector", "{ipBlock"},
      {"{podSelector: {}, egress: [{ports: [{port: 0}]}]}", "spec.egress[0].ports[0].port is 0, not 1 to 65535", "0}"},
      {"{podSelector: {}, egress: [{ports: [{port: 65536}]}]}", "spec.egress[0].ports[0].port is 65536, not 1 to 65535",
       "65536"},
      {"{podSelector: {}, egress: [{ports: [{port: '80'}]}]}",
       "spec.egress[0].ports[0].port is '80', which is no port name: 1 to 15 lower-case letters, digits and single "
       "hyphens, a letter among them",
       "'80'"},
      {"{podSelector: {}, egress: [{ports: [{port: 10, endPort: 1}]}]}",
       "spec.egress[0].ports[0].endPort is 1, below port 10", "1}"},
      {"{podSelector: {}, egress: [{ports: [{port: 10, endPort: 65536}]}]}",
       "spec.egress[0].ports[0].endPort is '65536', not 1 to 65535", "65536"},
      {"{podSelector: {}, egress: [{ports: [{port: web, endPort: 90}]}]}",
       "spec.egress[0].ports[0].endPort is given with a named port", "90"},
      {"{podSelector: {}, egress: [{ports: [{endPort: 90}]}]}", "spec.egress[0].ports[0].endPort is given without port",
       "90"},
      {"{podSelector: {}, egress: [{ports: [{protocol: ICMP}]}]}",
       "spec.egress[0].ports[0].protocol is 'ICMP', not TCP, UDP or SCTP", "ICMP"},
      {"{podSelector: {}, egress: [{ports: [{protocol: tcp}]}]}",
       "spec.egress[0].ports[0].protocol is 'tcp', not TCP, UDP or SCTP", "tcp"},
      {"{podSelector: {matchLabels: {app: 1}}}", "spec.podSelector.matchLabels.app is not a string", "1"},
      {"{podSelector: {matchExpressions: [{key: a, operator: Near, values: [b]}]}}",
       "spec.podSelector.matchExpressions[0].operator is 'Near', not In, NotIn, Exists or DoesNotExist", "{key"},
      {"{podSelector: {}, policyTypes: [egress]}", "spec.policyTypes[0] is 'egress', not Ingress or Egress", "egress"},
      {"{podSelector: {}, policyTypes: [Egress, Egress, Ingress]}", "spec.policyTypes has more than two items",
       "Ingress"},
      {"{podSelector: {}, egress: {}}", "spec.egress is a map, not a list", "{}}"},
      {"{podSelector: {}, egress: [7]}", "spec.egress[0] is a number, not a map", "7"},
      {"[]", "spec is a list, not a map", "[]"},
  };
  for (const Row& row : rows) {
    INFO(row.spec);
    const std::string text = policy_text(row.spec);
    const Cluster cluster = read_cluster({text});
    REQUIRE(cluster.policies.size() == 1);
    CHECK(cluster.policies[0].refused);
    CHECK_FALSE(cluster.policies[0].doubtful);
    REQUIRE(cluster.remarks.size() == 1);
    CHECK(cluster.remarks[0].rule == Rule::RefusedObject);
    CHECK(cluster.remarks[0].object == "NetworkPolicy app/p");
    CHECK(cluster.remarks[0].message == "the API server would refuse it: " + std::string(row.message));
    CHECK(text.substr(cluster.remarks[0].where.begin, std::string(row.token).size()) == row.token);
  }
}

TEST_CASE("bad metadata refuses a policy too") {
  struct Row {
    const char* metadata;
    const char* message;
  };
  const Row rows[] = {
      {"{name: Allow_All, namespace: app}", "metadata.name is 'Allow_All', which is no DNS name in lower case"},
      {"{name: p, namespace: app, labels: {version: 2}}", "metadata.labels.version is a number, not a string"},
      {"{name: p, namespace: app, annotations: {a: [b]}}", "metadata.annotations.a is a list, not a string"},
      {"{name: p, namespace: app, labels: {a: b c}}", "metadata.labels.a is 'b c', which is no label value"},
  };
  for (const Row& row : rows) {
    INFO(row.metadata);
    const Cluster cluster =
        read_cluster({"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: " + std::string(row.metadata) +
                      ", spec: {podSelector: {}}}"});
    CHECK(cluster.policies.at(0).refused);
    CHECK(messages(cluster, Rule::RefusedObject) ==
          std::vector<std::string>{"the API server would refuse it: " + std::string(row.message)});
  }
}

TEST_CASE("an unknown field at any depth makes a policy doubtful, not refused") {
  struct Row {
    const char* spec;
    const char* message;
  };
  const Row rows[] = {
      {"{podSelector: {}, policyType: [Egress]}", "spec.policyType is an unknown field"},
      {"{podSelector: {matchLabel: {a: b}}}", "spec.podSelector.matchLabel is an unknown field"},
      {"{podSelector: {}, egress: [{tos: []}]}", "spec.egress[0].tos is an unknown field"},
      {"{podSelector: {}, egress: [{from: []}]}", "spec.egress[0].from is an unknown field"},
      {"{podSelector: {}, egress: [{ports: [{ports: 1}]}]}", "spec.egress[0].ports[0].ports is an unknown field"},
      {"{podSelector: {}, egress: [{to: [{podSelector: {}, nodes: 1}]}]}",
       "spec.egress[0].to[0].nodes is an unknown field"},
      {"{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, excepts: []}}]}]}",
       "spec.egress[0].to[0].ipBlock.excepts is an unknown field"},
  };
  for (const Row& row : rows) {
    INFO(row.spec);
    const Cluster cluster = read(row.spec);
    REQUIRE(cluster.policies.size() == 1);
    CHECK_FALSE(cluster.policies[0].refused);
    CHECK(cluster.policies[0].doubtful);
    CHECK(cluster.policies[0].why_doubtful == row.message);
    CHECK(messages(cluster, Rule::UnknownField) == std::vector<std::string>{row.message});
  }
  const Cluster top =
      read_cluster({"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: "
                    "app}, specs: {}}"});
  CHECK(top.policies.at(0).doubtful);
  CHECK(messages(top, Rule::UnknownField) == std::vector<std::string>{"specs is an unknown field"});
  const Cluster meta =
      read_cluster({"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespaces: "
                    "app}, spec: {}}"});
  CHECK(messages(meta, Rule::UnknownField) == std::vector<std::string>{"metadata.namespaces is an unknown field"});
}

TEST_CASE("a prefix with host bits is read masked, and that is said") {
  const Cluster cluster =
      read("{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.1/8, except: [10.1.2.3/16]}}]}]}");
  const PolicyObject& policy = cluster.policies.at(0);
  CHECK_FALSE(policy.refused);
  CHECK_FALSE(policy.doubtful);
  CHECK(policy.egress.at(0).peers.at(0).addresses == set({"10.0.0.0/8"}) - set({"10.1.0.0/16"}));
  CHECK(messages(cluster, Rule::FieldNotUnderstood) ==
        std::vector<std::string>{"spec.egress[0].to[0].ipBlock.cidr is '10.0.0.1/8' and is read as 10.0.0.0/8",
                                 "spec.egress[0].to[0].ipBlock.except[0] is '10.1.2.3/16' and is read as 10.1.0.0/16"});
}

TEST_CASE("addresses that plugins read differently make the rule not understood") {
  const Cluster mapped = read("{podSelector: {}, egress: [{to: [{ipBlock: {cidr: '::ffff:10.0.0.0/104'}}]}]}");
  const PolicyRule& rule = mapped.policies.at(0).egress.at(0);
  CHECK_FALSE(rule.understood);
  CHECK(rule.why_not == "an IPv4-mapped prefix, which plugins read as IPv4 or as IPv6");
  CHECK(rule.peers.at(0).addresses == set({"10.0.0.0/8", "::ffff:10.0.0.0/104"}));
  REQUIRE(mapped.not_understood.size() == 1);
  CHECK(mapped.not_understood[0].rule == Rule::RuleNotUnderstood);
  CHECK(mapped.not_understood[0].message ==
        "egress rule 1: an IPv4-mapped prefix, which plugins read as IPv4 or as IPv6");
  const Cluster zeros = read("{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 010.0.0.0/08}}]}]}");
  CHECK_FALSE(zeros.policies.at(0).refused);
  CHECK(zeros.policies.at(0).egress.at(0).peers.at(0).addresses == set({"10.0.0.0/8"}));
  CHECK(zeros.policies.at(0).egress.at(0).why_not == "leading zeros, which some plugins refuse or read as octal");
}

TEST_CASE("an API version that no server takes any more is doubtful") {
  const Cluster cluster =
      read_cluster({"{apiVersion: extensions/v1beta1, kind: NetworkPolicy, metadata: {name: p, namespace: "
                    "app}, spec: {podSelector: {}}}"});
  CHECK(cluster.policies.at(0).doubtful);
  CHECK(messages(cluster, Rule::RefusedObject) ==
        std::vector<std::string>{"apiVersion is extensions/v1beta1, which no server since Kubernetes 1.16 takes"});
}

TEST_CASE("every rule keeps its place") {
  const std::string text = policy_text("{podSelector: {}, egress: [{}, {to: [{podSelector: {}}]}]}");
  const Cluster cluster = read_cluster({text});
  const PolicyObject& policy = cluster.policies.at(0);
  CHECK(text.substr(policy.ref.span.begin, 1) == "p");
  CHECK(text.substr(policy.egress.at(1).span.begin, 4) == "{to:");
  CHECK(text.substr(policy.egress[1].peers.at(0).span.begin, 5) == "{podS");
  CHECK(policy.egress[1].text == "egress rule 2");
}

}  // namespace
}  // namespace airtight::verify
