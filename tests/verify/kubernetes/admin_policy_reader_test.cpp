#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "compiler/verify/kubernetes/readers.h"
#include "tests/verify/kubernetes/from_json.h"

namespace airtight::verify {
namespace {

std::string object_text(const std::string& kind, const std::string& spec, const std::string& name = "default") {
  const std::string version = kind == "ClusterNetworkPolicy" ? "v1alpha2" : "v1alpha1";
  return "{apiVersion: policy.networking.k8s.io/" + version + ", kind: " + kind + ", metadata: {name: " + name +
         "}, spec: " + spec + "}";
}

std::string anp(const std::string& egress) {
  return object_text("AdminNetworkPolicy", "{priority: 10, subject: {namespaces: {}}, egress: [" + egress + "]}");
}
std::string cnp(const std::string& egress) {
  return object_text("ClusterNetworkPolicy",
                     "{tier: Admin, priority: 10, subject: {namespaces: {}}, egress: [" + egress + "]}");
}

PolicyObject policy_of(const std::string& text) {
  INFO(text);
  const Cluster cluster = read_cluster({text});
  CHECK(cluster.remarks.empty());
  REQUIRE(cluster.policies.size() == 1);
  CHECK_FALSE(cluster.policies[0].refused);
  CHECK_FALSE(cluster.policies[0].doubtful);
  return cluster.policies[0];
}

std::string repeat(const std::string& item, int times) {
  std::string text = item;
  for (int i = 1; i < times; ++i) text += ", " + item;
  return text;
}

TEST_CASE("tier and priority by kind or by field") {
  const PolicyObject admin =
      policy_of(object_text("AdminNetworkPolicy", "{priority: 7, subject: {namespaces: {}}}", "x"));
  CHECK(admin.api == PolicyObject::Api::AdminNetworkPolicy);
  CHECK(admin.tier == "admin");
  CHECK(admin.order == 7);
  CHECK(admin.ref.ns.empty());
  CHECK_FALSE(admin.isolates(Direction::Egress));
  const PolicyObject baseline = policy_of(object_text("BaselineAdminNetworkPolicy", "{subject: {namespaces: {}}}"));
  CHECK(baseline.api == PolicyObject::Api::BaselineAdminNetworkPolicy);
  CHECK(baseline.tier == "baseline");
  const PolicyObject cluster_admin =
      policy_of(object_text("ClusterNetworkPolicy", "{tier: Admin, priority: 0, subject: {namespaces: {}}}"));
  CHECK(cluster_admin.api == PolicyObject::Api::ClusterNetworkPolicy);
  CHECK(cluster_admin.tier == "admin");
  const PolicyObject cluster_baseline =
      policy_of(object_text("ClusterNetworkPolicy", "{tier: Baseline, priority: 1000, subject: {namespaces: {}}}"));
  CHECK(cluster_baseline.tier == "baseline");
  CHECK(cluster_baseline.order == 1000);
}

TEST_CASE("the subject is namespaces, or pods in namespaces") {
  const PolicyObject by_namespace =
      policy_of(object_text("AdminNetworkPolicy", "{priority: 1, subject: {namespaces: {matchLabels: {team: a}}}}"));
  CHECK(to_string(by_namespace.namespaces) == "team=a");
  CHECK(to_string(by_namespace.pods) == "everything");
  const PolicyObject by_pods = policy_of(object_text("AdminNetworkPolicy",
                                                     "{priority: 1, subject: {pods: {namespaceSelector: {matchLabels: "
                                                     "{team: a}}, podSelector: {matchLabels: {app: b}}}}}"));
  CHECK(to_string(by_pods.namespaces) == "team=a");
  CHECK(to_string(by_pods.pods) == "app=b");
  // v1alpha2 takes an absent namespaceSelector as an empty one.
  const PolicyObject everywhere = policy_of(object_text(
      "ClusterNetworkPolicy", "{tier: Admin, priority: 1, subject: {pods: {podSelector: {matchLabels: {app: b}}}}}"));
  CHECK(to_string(everywhere.namespaces) == "everything");
  CHECK(to_string(everywhere.pods) == "app=b");
}

TEST_CASE("actions, with each API's own word for allow") {
  const PolicyObject admin =
      policy_of(anp("{name: a, action: Allow, to: [{namespaces: {}}]}, {action: Deny, to: "
                    "[{namespaces: {}}]}, {action: Pass, to: [{namespaces: {}}]}"));
  REQUIRE(admin.egress.size() == 3);
  CHECK(admin.egress[0].action == Action::Allow);
  CHECK(admin.egress[0].text == "egress rule 'a'");
  CHECK(admin.egress[1].action == Action::Deny);
  CHECK(admin.egress[1].text == "egress rule 2");
  CHECK(admin.egress[2].action == Action::Pass);
  CHECK(policy_of(cnp("{action: Accept, to: [{namespaces: {}}]}")).egress.at(0).action == Action::Allow);
}

TEST_CASE("peers") {
  const PolicyObject policy =
      policy_of(anp("{action: Deny, to: [{namespaces: {matchLabels: {team: a}}}, {pods: {namespaceSelector: {}, "
                    "podSelector: {matchLabels: "
                    "{app: b}}}}, {networks: [0.0.0.0/0, '::/0']}, {nodes: {matchLabels: {role: worker}}}]}"));
  const std::vector<RulePeer>& peers = policy.egress.at(0).peers;
  REQUIRE(peers.size() == 4);
  CHECK(peers[0].kind == RulePeer::Kind::Pods);
  CHECK(to_string(peers[0].namespaces) == "team=a");
  CHECK(peers[1].kind == RulePeer::Kind::Pods);
  CHECK(to_string(peers[1].pods) == "app=b");
  CHECK(peers[2].kind == RulePeer::Kind::Addresses);
  CHECK(peers[2].addresses.is_all());
  CHECK(peers[2].addresses_match_pods == RulePeer::MatchPods::ByAddress);  // it holds pod-to-pod traffic too
  CHECK(peers[3].kind == RulePeer::Kind::Nodes);
  CHECK(to_string(peers[3].nodes) == "role=worker");
  CHECK(policy.egress[0].services.is_all());  // ICMP is among them
}

TEST_CASE("ports of v1alpha1") {
  struct Row {
    const char* ports;
    const char* services;
  };
  const Row rows[] = {
      {"{portNumber: {protocol: TCP, port: 80}}", "80/tcp"},
      {"{portNumber: {port: 80}}", "80/tcp"},
      {"{portRange: {protocol: UDP, start: 10, end: 20}}", "10-20/udp"},
      {"{portRange: {protocol: SCTP, start: 10, end: 10}}, {portNumber: {protocol: UDP, port: 53}}", "53/udp, 10/sctp"},
      {"{namedPort: web}", "none"},
  };
  for (const Row& row : rows) {
    const PolicyObject policy =
        policy_of(anp("{action: Allow, to: [{namespaces: {}}], ports: [" + std::string(row.ports) + "]}"));
    CHECK(to_string(policy.egress.at(0).services) == row.services);
    CHECK(policy.egress[0].understood);
  }
  const PolicyObject named = policy_of(anp("{action: Allow, to: [{namespaces: {}}], ports: [{namedPort: web}]}"));
  REQUIRE(named.egress.at(0).named_ports.size() == 1);
  CHECK(named.egress[0].named_ports[0].name == "web");
  CHECK(named.egress[0].named_ports[0].protocol == std::nullopt);
}

TEST_CASE("protocols of v1alpha2") {
  struct Row {
    const char* protocols;
    const char* services;
  };
  const Row rows[] = {
      {"{tcp: {destinationPort: {number: 80}}}", "80/tcp"},
      {"{udp: {destinationPort: {range: {start: 10, end: 20}}}}", "10-20/udp"},
      {"{sctp: {destinationPort: {number: 1}}}, {tcp: {destinationPort: {number: 443}}}", "443/tcp, 1/sctp"},
      {"{destinationNamedPort: web}", "none"},
  };
  for (const Row& row : rows) {
    const PolicyObject policy =
        policy_of(cnp("{action: Accept, to: [{namespaces: {}}], protocols: [" + std::string(row.protocols) + "]}"));
    CHECK(to_string(policy.egress.at(0).services) == row.services);
  }
  CHECK(policy_of(cnp("{action: Accept, to: [{namespaces: {}}]}")).egress.at(0).services.is_all());
}

TEST_CASE("what the CRD refuses") {
  const std::string to = "to: [{namespaces: {}}]";
  const std::string twenty_six = repeat("{action: Deny, " + to + "}", 26);
  const std::string networks = repeat("10.0.0.0/8", 26);
  struct Row {
    std::string text;
    std::string message;
  };
  const Row rows[] = {
      {object_text("AdminNetworkPolicy", "{priority: 1001, subject: {namespaces: {}}}"),
       "spec.priority is 1001, not 0 to 1000"},
      {object_text("AdminNetworkPolicy", "{priority: -1, subject: {namespaces: {}}}"),
       "spec.priority is -1, not 0 to 1000"},
      {object_text("AdminNetworkPolicy", "{priority: high, subject: {namespaces: {}}}"),
       "spec.priority is a string, not an integer"},
      {object_text("AdminNetworkPolicy", "{subject: {namespaces: {}}}"), "spec has no priority"},
      {object_text("AdminNetworkPolicy", "{priority: 1}"), "spec has no subject"},
      {object_text("AdminNetworkPolicy", "{priority: 1, subject: {}}"), "spec.subject has no field"},
      {object_text("AdminNetworkPolicy",
                   "{priority: 1, subject: {namespaces: {}, pods: {namespaceSelector: {}, podSelector: {}}}}"),
       "spec.subject has more than one field"},
      {object_text("AdminNetworkPolicy", "{priority: 1, subject: {pods: {podSelector: {}}}}"),
       "spec.subject.pods has no namespaceSelector"},
      {object_text("ClusterNetworkPolicy", "{tier: Admin, priority: 1, subject: {pods: {namespaceSelector: {}}}}"),
       "spec.subject.pods has no podSelector"},
      {object_text("ClusterNetworkPolicy", "{priority: 1, subject: {namespaces: {}}}"), "spec has no tier"},
      {object_text("ClusterNetworkPolicy", "{tier: admin, priority: 1, subject: {namespaces: {}}}"),
       "spec.tier is 'admin', not Admin or Baseline"},
      {object_text("BaselineAdminNetworkPolicy", "{subject: {namespaces: {}}}", "other"),
       "metadata.name is 'other', not 'default'"},
      {object_text("BaselineAdminNetworkPolicy", "{subject: {namespaces: {}}, egress: [{action: Pass, " + to + "}]}"),
       "spec.egress[0].action is 'Pass', not Allow or Deny"},
      {anp("{action: Accept, " + to + "}"), "spec.egress[0].action is 'Accept', not Allow, Deny or Pass"},
      {cnp("{action: Allow, " + to + "}"), "spec.egress[0].action is 'Allow', not Accept, Deny or Pass"},
      {anp("{" + to + "}"), "spec.egress[0] has no action"},
      {anp("{action: Deny}"), "spec.egress[0] has no to"},
      {anp("{action: Deny, to: []}"), "spec.egress[0].to is empty"},
      {anp("{action: Deny, to: [{}]}"), "spec.egress[0].to[0] has no field"},
      {anp("{action: Deny, to: [{namespaces: {}, networks: [10.0.0.0/8]}]}"),
       "spec.egress[0].to[0] has more than one field"},
      {anp("{action: Deny, to: [{networks: [10.0.0.0]}]}"),
       "spec.egress[0].to[0].networks[0] is '10.0.0.0', which is no CIDR"},
      {anp("{action: Deny, to: [{networks: [010.0.0.0/8]}]}"),
       "spec.egress[0].to[0].networks[0] is '010.0.0.0/8', which is no CIDR"},
      {anp("{action: Deny, to: [{networks: ['::ffff:10.0.0.0/104']}]}"),
       "spec.egress[0].to[0].networks[0] is '::ffff:10.0.0.0/104', which is no CIDR"},
      {anp("{action: Deny, to: [{networks: [10.0.0.0/8, 10.0.0.0/8]}]}"),
       "spec.egress[0].to[0].networks[1] is '10.0.0.0/8', which is in the list already"},
      {anp("{action: Deny, to: [{networks: []}]}"), "spec.egress[0].to[0].networks is empty"},
      {anp("{action: Deny, to: [{networks: [" + networks + "]}]}"),
       "spec.egress[0].to[0].networks has 26 items, more than 25"},
      {cnp(twenty_six), "spec.egress has 26 items, more than 25"},
      {anp(repeat("{action: Deny, " + to + "}", 101)), "spec.egress has 101 items, more than 100"},
      {cnp("{action: Deny, to: [" + repeat("{namespaces: {}}", 26) + "]}"),
       "spec.egress[0].to has 26 items, more than 25"},
      {anp("{action: Deny, to: [" + repeat("{namespaces: {}}", 101) + "]}"),
       "spec.egress[0].to has 101 items, more than 100"},
      {anp("{action: Deny, " + to + ", ports: []}"), "spec.egress[0].ports is empty"},
      {anp("{action: Deny, " + to + ", ports: [{portNumber: {port: 0}}]}"),
       "spec.egress[0].ports[0].portNumber.port is 0, not 1 to 65535"},
      {anp("{action: Deny, " + to + ", ports: [{portNumber: {protocol: TCP}}]}"),
       "spec.egress[0].ports[0].portNumber has no port"},
      {anp("{action: Deny, " + to + ", ports: [{portNumber: {port: 53}, namedPort: dns}]}"),
       "spec.egress[0].ports[0] has more than one field"},
      {cnp("{action: Deny, " + to + ", protocols: [{}]}"), "spec.egress[0].protocols[0] has no field"},
      {cnp("{action: Deny, " + to + ", protocols: [{tcp: {}}]}"), "spec.egress[0].protocols[0].tcp has no field"},
      {cnp("{action: Deny, " + to + ", protocols: [{tcp: {destinationPort: {range: {start: 9, end: 9}}}}]}"),
       "spec.egress[0].protocols[0].tcp.destinationPort.range is 9 to 9: the start must be below the end"},
      {cnp("{action: Deny, to: [{domainNames: [example.com]}]}"),
       "spec.egress[0].to[0] has domainNames, which only an Accept takes"},
      {cnp("{action: Deny, name: " + std::string(101, 'a') + ", " + to + "}"),
       "spec.egress[0].name is longer than 100 characters"},
      {object_text("AdminNetworkPolicy", "null"), "has no spec"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const Cluster cluster = read_cluster({row.text});
    REQUIRE(cluster.policies.size() == 1);
    CHECK(cluster.policies[0].refused);
    std::vector<std::string> messages;
    for (const Remark& remark : cluster.remarks) messages.push_back(remark.message);
    CHECK(messages.front() == "the API server would refuse it: " + row.message);
    CHECK(cluster.remarks.front().rule == Rule::RefusedObject);
    CHECK(cluster.not_understood.empty());
  }
  CHECK_FALSE(read_cluster({cnp(repeat("{action: Deny, " + to + "}", 25))}).policies.at(0).refused);
  CHECK_FALSE(read_cluster({anp(repeat("{action: Deny, " + to + "}", 100))}).policies.at(0).refused);
}

TEST_CASE("an unknown field fails closed") {
  SECTION("a peer of which no field is known") {
    const Cluster cluster = read_cluster({cnp("{action: Deny, to: [{galaxies: {}}]}")});
    const PolicyObject& policy = cluster.policies.at(0);
    CHECK_FALSE(policy.refused);
    CHECK(policy.doubtful);
    CHECK(policy.egress.at(0).peers.at(0).kind == RulePeer::Kind::NotUnderstood);
    CHECK(cluster.remarks.at(0).message == "spec.egress[0].to[0].galaxies is an unknown field");
    REQUIRE(cluster.not_understood.size() == 2);
    CHECK(cluster.not_understood[0].message == "egress rule 1: no field of the peer is known");
    CHECK(cluster.not_understood[1].message == "spec.egress[0].to[0].galaxies is an unknown field");
  }
  SECTION("a port of which no field is known may be any port") {
    const Cluster cluster = read_cluster({cnp("{action: Deny, to: [{namespaces: {}}], protocols: [{quic: {}}]}")});
    const PolicyRule& rule = cluster.policies.at(0).egress.at(0);
    CHECK_FALSE(rule.understood);
    CHECK(rule.services.is_all());
    CHECK(cluster.policies[0].doubtful);
  }
  SECTION("a subject of which no field is known") {
    const Cluster cluster = read_cluster({object_text("AdminNetworkPolicy", "{priority: 1, subject: {nodes: {}}}")});
    CHECK(cluster.policies.at(0).doubtful);
    CHECK(cluster.policies[0].namespaces.op == Selector::Op::NotUnderstood);
  }
  SECTION("a field of a rule, and one that another kind has") {
    const Cluster cluster = read_cluster({anp("{action: Deny, to: [{namespaces: {}}], protocols: []}")});
    CHECK(cluster.policies.at(0).doubtful);
    CHECK(cluster.policies[0].why_doubtful == "spec.egress[0].protocols is an unknown field");
    const Cluster baseline =
        read_cluster({object_text("BaselineAdminNetworkPolicy", "{priority: 1, subject: {namespaces: {}}}")});
    CHECK(baseline.policies.at(0).why_doubtful == "spec.priority is an unknown field");
    const Cluster admin =
        read_cluster({object_text("AdminNetworkPolicy", "{tier: Admin, priority: 1, subject: {namespaces: {}}}")});
    CHECK(admin.policies.at(0).why_doubtful == "spec.tier is an unknown field");
  }
}

TEST_CASE("what the server takes and nobody can read is not understood") {
  SECTION("names of domains") {
    const Cluster cluster = read_cluster({cnp("{action: Accept, to: [{domainNames: [example.com]}]}")});
    CHECK_FALSE(cluster.policies.at(0).refused);
    CHECK(cluster.policies[0].egress.at(0).peers.at(0).kind == RulePeer::Kind::NotUnderstood);
    REQUIRE(cluster.not_understood.size() == 1);
    CHECK(cluster.not_understood[0].rule == Rule::RuleNotUnderstood);
    CHECK(cluster.not_understood[0].message == "egress rule 1: domainNames: which addresses a name has is not known");
  }
  SECTION("named ports toward networks") {
    const Cluster cluster = read_cluster(
        {cnp("{action: Accept, to: [{networks: [10.0.0.0/8]}], protocols: [{destinationNamedPort: web}]}")});
    const PolicyRule& rule = cluster.policies.at(0).egress.at(0);
    CHECK_FALSE(rule.understood);
    CHECK(rule.services.is_all());
    CHECK(rule.why_not == "a named port toward networks or nodes, which have none");
  }
  SECTION("protocols and ranges that v1alpha1 does not check") {
    const Cluster protocol = read_cluster(
        {anp("{action: Allow, to: [{namespaces: {}}], ports: [{portNumber: {protocol: ICMP, port: 1}}]}")});
    CHECK_FALSE(protocol.policies.at(0).refused);
    CHECK(protocol.policies[0].egress.at(0).why_not == "protocol 'ICMP' is not known");
    const Cluster range =
        read_cluster({anp("{action: Allow, to: [{namespaces: {}}], ports: [{portRange: {start: 9, end: 8}}]}")});
    CHECK(range.policies.at(0).egress.at(0).why_not == "a port range that ends before its start");
  }
  SECTION("a selector whose text no server checks") {
    const Cluster cluster =
        read_cluster({anp("{action: Deny, to: [{namespaces: {matchExpressions: [{key: a, operator: Near}]}}]}")});
    CHECK_FALSE(cluster.policies.at(0).refused);
    CHECK(cluster.policies[0].doubtful);
    CHECK(cluster.policies[0].egress.at(0).peers.at(0).namespaces.op == Selector::Op::NotUnderstood);
  }
  SECTION("another version") {
    const Cluster cluster =
        read_cluster({"{apiVersion: policy.networking.k8s.io/v1alpha3, kind: ClusterNetworkPolicy, "
                      "metadata: {name: x}, spec: {}}"});
    CHECK(cluster.policies.empty());
    REQUIRE(cluster.not_understood.size() == 1);
    CHECK(cluster.not_understood[0].rule == Rule::KindNotUnderstood);
    CHECK(cluster.not_understood[0].message ==
          "kind ClusterNetworkPolicy of policy.networking.k8s.io/v1alpha3 is not known: it may change reach");
  }
}

TEST_CASE("a network with host bits is masked, and that is said") {
  const Cluster cluster = read_cluster({anp("{action: Deny, to: [{networks: [10.0.0.1/8]}]}")});
  CHECK(cluster.policies.at(0).egress.at(0).peers.at(0).addresses == IpSet::of(*Prefix::parse("10.0.0.0/8")));
  REQUIRE(cluster.remarks.size() == 1);
  CHECK(cluster.remarks[0].message == "spec.egress[0].to[0].networks[0] is '10.0.0.1/8' and is read as 10.0.0.0/8");
}

}  // namespace
}  // namespace airtight::verify
