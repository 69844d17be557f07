#include <catch2/catch.hpp>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "compiler/verify/kubernetes/readers.h"
#include "tests/verify/kubernetes/from_json.h"
#include "tests/verify/kubernetes/policy_words.h"

namespace airtight::verify {
namespace {

using Texts = std::vector<std::string>;

std::string object(const std::string& kind, const std::string& name, const std::string& spec,
                   const std::string& labels = "{}") {
  const bool namespaced = kind == "NetworkPolicy" || kind == "NetworkSet" || kind == "StagedNetworkPolicy";
  return "{apiVersion: projectcalico.org/v3, kind: " + kind + ", metadata: {name: " + name +
         (namespaced ? ", namespace: app" : "") + ", labels: " + labels + "}, spec: " + spec + "}";
}

Cluster read_namespaced(const std::string& spec) { return read_cluster({object("NetworkPolicy", "p", spec)}); }
Cluster read_global(const std::string& spec) { return read_cluster({object("GlobalNetworkPolicy", "p", spec)}); }

// Kinds that the ClusterReader may not hand over, read directly.
Cluster read_directly(const std::string& kind, const std::string& spec) {
  Sources sources;
  const std::string text = object(kind, "x", spec);
  const std::uint32_t source = sources.add("x.yaml", text);
  Cluster cluster;
  std::vector<std::function<void(Cluster&)>> late;
  const ObjectRef ref{kind, "", "x", {source, 0, 1}};
  read_calico_object(from_json(text, source), {sources, cluster, ref}, late);
  for (const auto& finish : late) finish(cluster);
  return cluster;
}

// The one rule of a policy that is taken as it is.
std::string rule_of(const Cluster& cluster, const std::string& text) {
  INFO(text);
  CHECK(messages(cluster.remarks) == Texts{});
  REQUIRE(cluster.policies.size() == 1);
  const PolicyObject& policy = cluster.policies[0];
  CHECK_FALSE(policy.refused);
  CHECK_FALSE(policy.doubtful);
  REQUIRE(policy.ingress.size() + policy.egress.size() == 1);
  return in_words(policy.egress.empty() ? policy.ingress[0] : policy.egress[0]);
}
std::string egress(const std::string& rule) { return rule_of(read_namespaced("{egress: [" + rule + "]}"), rule); }
std::string global_egress(const std::string& rule) { return rule_of(read_global("{egress: [" + rule + "]}"), rule); }
std::string global_ingress(const std::string& rule) { return rule_of(read_global("{ingress: [" + rule + "]}"), rule); }

struct Row {
  const char* text;
  const char* words;
};

TEST_CASE("Calico types: written, else by the rules that are there") {
  struct Types {
    const char* spec;
    bool ingress, egress;
  };
  const Types rows[] = {
      {"{}", true, false},
      {"{types: []}", true, false},
      {"{ingress: []}", true, false},
      {"{ingress: [{action: Allow}]}", true, false},
      {"{egress: [{action: Allow}]}", false, true},
      {"{ingress: [{action: Allow}], egress: [{action: Allow}]}", true, true},
      {"{types: [Egress]}", false, true},
      {"{types: [Ingress], egress: [{action: Allow}]}", true, false},
      {"{types: [Ingress, Egress]}", true, true},
  };
  for (const Types& row : rows) {
    INFO(row.spec);
    const Cluster cluster = read_namespaced(row.spec);
    CHECK(messages(cluster.remarks) == Texts{});
    const PolicyObject& policy = cluster.policies.at(0);
    CHECK(policy.ingress_applies == row.ingress);
    CHECK(policy.egress_applies == row.egress);
    CHECK(policy.isolates_ingress == row.ingress);
    CHECK(policy.isolates_egress == row.egress);
  }
}

TEST_CASE("Calico subjects") {
  const auto subject = [](const Cluster& cluster) {
    const PolicyObject& policy = cluster.policies.at(0);
    CHECK(messages(cluster.remarks) == Texts{});
    return selectors_in_words(policy.namespaces, policy.pods, policy.service_accounts) +
           (policy.selects_host ? ", host endpoints" : "");
  };
  const Row global[] = {
      {"{}", "everything, host endpoints"},
      {"{selector: all()}", "everything, host endpoints"},
      {"{selector: \"app == 'web'\"}", "app=web, host endpoints"},
      {"{namespaceSelector: all()}", "ns{kubernetes.io/metadata.name}"},
      {"{namespaceSelector: \"projectcalico.org/name == 'app'\", selector: \"a == 'b'\"}",
       "ns{kubernetes.io/metadata.name=app} a=b"},
      {"{serviceAccountSelector: \"projectcalico.org/name == 'robot'\"}", "sa{name=robot}"},
      {"{selector: \"projectcalico.org/namespace != 'kube-system' && has(a)\"}",
       "ns{kubernetes.io/metadata.name!=kube-system} a, host endpoints"},
  };
  for (const Row& row : global) {
    INFO(row.text);
    CHECK(subject(read_global(row.text)) == row.words);
  }
  CHECK(subject(read_namespaced("{selector: \"app == 'web'\"}")) == "ns{kubernetes.io/metadata.name=app} app=web");
  CHECK(subject(read_namespaced("{}")) == "ns{kubernetes.io/metadata.name=app}");

  const Cluster mixed = read_global("{selector: \"has(a) || pcns.b == 'c'\"}");
  CHECK(subject(mixed) == "not understood, host endpoints");
  CHECK(mixed.not_understood.size() == 1);
  CHECK(mixed.not_understood.at(0).rule == Rule::RuleNotUnderstood);
}

TEST_CASE("Calico order and tier: none is last and default") {
  const PolicyObject plain = read_global("{}").policies.at(0);
  CHECK(plain.api == PolicyObject::Api::Calico);
  CHECK(plain.tier == "default");
  CHECK(plain.order == std::numeric_limits<double>::infinity());
  const PolicyObject placed = read_global("{tier: security, order: -5}").policies.at(0);
  CHECK(placed.tier == "security");
  CHECK(placed.order == -5);
  CHECK(read_global("{order: \"5\"}").policies.at(0).refused);
  const Cluster old =
      read_cluster({"{apiVersion: crd.projectcalico.org/v1, kind: GlobalNetworkPolicy,"
                    " metadata: {name: security.p}, spec: {tier: security}}"});
  CHECK(old.policies.at(0).tier == "security");
  CHECK(old.policies.at(0).ref.name == "security.p");
}

TEST_CASE("Calico tiers") {
  const Cluster cluster = read_cluster(
      {object("Tier", "a", "{order: 10, defaultAction: Pass}"), object("Tier", "b", "{}"),
       object("Tier", "c", "{order: 20, defaultAction: Deny}"), object("Tier", "d", "{defaultAction: Allow}")});
  REQUIRE(cluster.tiers.size() == 3);
  CHECK(cluster.tiers[0].name == "a");
  CHECK(cluster.tiers[0].order == 10);
  CHECK_FALSE(cluster.tiers[0].default_deny);
  CHECK(cluster.tiers[1].order == std::numeric_limits<double>::infinity());
  CHECK(cluster.tiers[1].default_deny);
  CHECK(cluster.tiers[2].default_deny);
  CHECK(messages(cluster.remarks) == Texts{"defaultAction of a tier is Pass or Deny"});
}

TEST_CASE("Calico rules: actions, protocols and ports") {
  const Row rows[] = {
      {"{action: Allow}", "Allow everybody: any"},
      {"{action: Deny}", "Deny everybody: any"},
      {"{action: Pass}", "Pass everybody: any"},
      {"{action: Log}", "Log everybody: any"},
      {"{action: Allow, protocol: TCP}", "Allow everybody: tcp"},
      {"{action: Allow, protocol: 17}", "Allow everybody: udp"},
      {"{action: Allow, protocol: \"132\"}", "Allow everybody: sctp"},
      {"{action: Allow, protocol: 47}", "Allow everybody: protocol 47"},
      {"{action: Allow, protocol: UDPLite}", "Allow everybody: protocol 136"},
      {"{action: Allow, protocol: TCP, destination: {ports: [443, \"8000:8010\", \"9000\", 0]}}",
       "Allow everybody: 0/tcp, 443/tcp, 8000-8010/tcp, 9000/tcp"},
      {"{action: Allow, protocol: TCP, destination: {ports: [http, 80]}}", "Allow everybody: 80/tcp, http/tcp"},
      {"{action: Allow, protocol: TCP, destination: {ports: [http]}}", "Allow everybody: none, http/tcp"},
      {"{action: Allow, protocol: TCP, destination: {notPorts: [\"1:65535\"]}}", "Allow everybody: 0/tcp"},
      {"{action: Allow, protocol: TCP, destination: {ports: [\"1:10\"], notPorts: [5]}}",
       "Allow everybody: 1-4/tcp, 6-10/tcp"},
      {"{action: Allow, protocol: TCP, source: {ports: [\"1024:65535\"]}}", "Allow everybody: tcp from 1024-65535/tcp"},
      {"{action: Allow, protocol: TCP, source: {notPorts: [\"0:1023\"]}}", "Allow everybody: tcp from 1024-65535/tcp"},
      {"{action: Allow, protocol: ICMP}", "Allow everybody: icmp"},
      {"{action: Allow, protocol: ICMP, icmp: {type: 8}}", "Allow everybody: icmp type 8"},
      {"{action: Allow, protocol: ICMPv6, icmp: {type: 1, code: 4}}", "Allow everybody: icmpv6 type 1 code 4"},
      {"{action: Allow, protocol: 1, icmp: {}}", "Allow everybody: icmp"},
  };
  for (const Row& row : rows) CHECK(egress(row.text) == row.words);

  const PolicyRule not_tcp = read_global("{egress: [{action: Allow, notProtocol: TCP}]}").policies.at(0).egress.at(0);
  CHECK(not_tcp.services == ServiceSet::all() - ServiceSet::protocol(Protocol::Tcp));
  const PolicyRule no_echo = read_global("{egress: [{action: Allow, protocol: ICMP, notICMP: {type: 8, code: 0}}]}")
                                 .policies.at(0)
                                 .egress.at(0);
  CHECK(no_echo.services ==
        ServiceSet::protocol(Protocol::Icmp) - ServiceSet::of(Protocol::Icmp, PortSet::of(8 * 256)));
}

TEST_CASE("Calico rules: who is on the other side of a namespaced policy") {
  const char* const kOwn = "kubernetes.io/metadata.name=app";
  const auto with_sets = [&](const std::string& who) {
    return "Allow pods " + who + " | at nothing of sets " + who + " sa{!name}: any";
  };
  CHECK(egress("{action: Allow, destination: {selector: \"a == 'b'\"}}") ==
        with_sets("ns{" + std::string(kOwn) + "} a=b"));
  CHECK(egress("{action: Allow, destination: {selector: all()}}") == with_sets("ns{" + std::string(kOwn) + "}"));
  CHECK(egress("{action: Allow, destination: {notSelector: \"a == 'b'\"}}") ==
        with_sets("ns{" + std::string(kOwn) + "} a!=b"));
  CHECK(egress("{action: Allow, destination: {selector: has(c), notSelector: \"a == 'b'\"}}") ==
        with_sets("ns{" + std::string(kOwn) + "} c,a!=b"));
  CHECK(egress("{action: Allow, destination: {namespaceSelector: \"team == 'x'\"}}") == with_sets("ns{team=x}"));
  CHECK(egress("{action: Allow, destination: {namespaceSelector: all(), selector: has(a)}}") ==
        with_sets("ns{kubernetes.io/metadata.name} a"));
  CHECK(egress("{action: Allow, destination: {namespaceSelector: global(), selector: has(a)}}") ==
        with_sets("ns{!kubernetes.io/metadata.name} a"));
  CHECK(egress("{action: Allow, destination: {serviceAccounts: {names: [b, a]}}}") ==
        "Allow pods ns{" + std::string(kOwn) + "} sa{name in (a,b)}: any");
  CHECK(egress("{action: Allow, destination: {selector: \"projectcalico.org/orchestrator == 'k8s'\"}}") ==
        "Allow pods ns{" + std::string(kOwn) + "} | at nothing of sets ns{" + kOwn + "} nothing sa{!name}: any");
}

TEST_CASE("Calico rules: who is on the other side of a global policy") {
  const Row rows[] = {
      {"{action: Allow, destination: {selector: has(a)}}", "Allow pods a | at nothing of sets a sa{!name}: any"},
      {"{action: Allow, destination: {selector: all()}}", "Allow pods everything | at nothing of sets sa{!name}: any"},
      {"{action: Allow, destination: {nets: [10.0.0.0/8, 192.0.2.1, \"fd00::/8\"]}}",
       "Allow at 10.0.0.0/8, 192.0.2.1/32, fd00::/8: any"},
      {"{action: Allow, destination: {nets: [10.1.2.3/8]}}", "Allow at 10.0.0.0/8: any"},
      {"{action: Allow, destination: {nets: []}}", "Allow everybody: any"},
      {"{action: Deny, destination: {notNets: [0.0.0.0/1]}}", "Deny at 128.0.0.0/1, ::/0: any"},
      {"{action: Deny, destination: {nets: [10.0.0.0/8], notNets: [10.0.0.0/9]}}", "Deny at 10.128.0.0/9: any"},
      {"{action: Deny, ipVersion: 6}", "Deny at ::/0: any"},
      {"{action: Deny, ipVersion: 4, destination: {nets: [\"::/0\"]}}", "Deny at nothing: any"},
      {"{action: Allow, source: {ports: [5]}, protocol: UDP, destination: {nets: [10.0.0.0/8]}}",
       "Allow at 10.0.0.0/8: udp from 5/tcp"},
  };
  for (const Row& row : rows) CHECK(global_egress(row.text) == row.words);
  CHECK(global_ingress("{action: Allow, protocol: TCP, source: {nets: [10.0.0.0/8]}, destination: {ports: [80]}}") ==
        "Allow at 10.0.0.0/8: 80/tcp");
}

TEST_CASE("what of a Calico rule is not understood makes it so, and is named") {
  struct Case {
    const char* text;
    const char* words;
    const char* why_not;
  };
  const Case rows[] = {
      {"{action: Allow, http: {methods: [GET]}}", "Allow everybody: any (?)",
       "http narrows it above layer 4, which is not understood: read without"},
      {"{action: Deny, source: {nets: [10.0.0.0/8]}}", "Deny everybody: any (?)",
       "source.nets narrows whom the rule is about, which is not understood: read without"},
      {"{action: Allow, source: {selector: has(a)}}", "Allow everybody: any (?)",
       "source.selector narrows whom the rule is about, which is not understood: read without"},
      {"{action: Allow, destination: {selector: has(a), nets: [10.0.0.0/8]}}",
       "Allow pods a | at nothing of sets a sa{!name}: any (?)",
       "addresses beside selectors are not understood: read without the addresses"},
      {"{action: Deny, destination: {notSelector: has(a)}}", "Deny pods !a | outside 0.0.0.0/0, ::/0: any (?)",
       "notSelector alone leaves out network sets, which is not understood: read as the wider"},
      {"{action: Allow, protocol: TCP, destination: {notPorts: [http]}}", "Allow everybody: tcp (?)",
       "named notPorts are not understood: read without"},
      {"{action: Allow, protocol: TCP, source: {ports: [http, 80]}}", "Allow everybody: tcp (?)",
       "named source ports are not understood: read without"},
      {"{action: Allow, notICMP: {type: 8}}", "Allow everybody: any (?)",
       "notICMP without protocol ICMP is not understood: read without"},
      {"{action: Allow, destination: {nets: [\"::ffff:10.0.0.0/104\"]}}",
       "Allow at 10.0.0.0/8, ::ffff:10.0.0.0/104: any (?)",
       "'::ffff:10.0.0.0/104' is an IPv4-mapped prefix, which plugins read as IPv4 or as IPv6"},
  };
  for (const Case& row : rows) {
    INFO(row.text);
    const Cluster cluster = read_global("{egress: [" + std::string(row.text) + "]}");
    const PolicyRule& rule = cluster.policies.at(0).egress.at(0);
    CHECK(in_words(rule) == row.words);
    CHECK(rule.why_not == row.why_not);
    CHECK(messages(cluster.not_understood) == Texts{row.why_not});
    CHECK(cluster.not_understood.at(0).where.known());
  }
  const Cluster services = read_global("{egress: [{action: Allow, destination: {services: {name: s, namespace: n}}}]}");
  CHECK(in_words(services.policies.at(0).egress.at(0)) == "Allow ?: any");
  CHECK(messages(services.not_understood) == Texts{"services is not understood"});
  const Cluster accounts =
      read_global("{egress: [{action: Allow, destination: {serviceAccounts: {selector: \"role == 'x'\"}}}]}");
  CHECK(in_words(accounts.policies.at(0).egress.at(0)) == "Allow pods sa{not understood}: any");
  CHECK(messages(accounts.not_understood) == Texts{"labels of service accounts are not known"});
}

TEST_CASE("Calico policies that are for host endpoints only hold no pods") {
  const Cluster cluster = read_global("{preDNAT: true, applyOnForward: true, ingress: [{action: Deny}]}");
  const PolicyObject& policy = cluster.policies.at(0);
  CHECK_FALSE(policy.refused);
  CHECK_FALSE(policy.selects_pods);
  CHECK(policy.pods == Selector::none());
  CHECK(policy.selects_host);
  CHECK(messages(cluster.not_understood) ==
        Texts{"preDNAT policies hold host endpoints, which are not judged: read as holding nothing"});
  CHECK(read_global("{doNotTrack: true, applyOnForward: true}").not_understood.size() == 1);
  const Cluster forward = read_global("{applyOnForward: true}");
  CHECK(forward.policies.at(0).selects_pods);
  CHECK(messages(forward.not_understood) == Texts{});
}

TEST_CASE("a Calico policy that would not be taken is refused, with the place and the reason") {
  const Row rows[] = {
      {"{selector: \"a = 'b'\"}", "selector has no comparison behind a label"},
      {"{egress: [{action: Allow, destination: {selector: \"a ==\"}}]}",
       "selector has no quoted text where one must be"},
      {"{namespaceSelector: global()}", "global() is for the namespaceSelector of a rule only"},
      {"{egress: [{action: Allow, destination: {selector: global()}}]}",
       "global() is for the namespaceSelector of a rule only"},
      {"{egress: [{}]}", "a rule's action is Allow, Deny, Pass or Log"},
      {"{egress: [{action: allow}]}", "a rule's action is Allow, Deny, Pass or Log"},
      {"{egress: {}}", "egress is no list"},
      {"{types: [ingress]}", "a type is Ingress or Egress"},
      {"{egress: [{action: Allow, protocol: GRE}]}", "there is no protocol 'GRE'"},
      {"{egress: [{action: Allow, protocol: 256}]}", "there is no protocol '256'"},
      {"{egress: [{action: Allow, destination: {ports: [80]}}]}", "ports need protocol TCP, UDP or SCTP"},
      {"{egress: [{action: Allow, protocol: TCP, destination: {ports: [\"9:1\"]}}]}", "'9:1' is no port"},
      {"{egress: [{action: Allow, protocol: TCP, destination: {ports: [65536]}}]}", "'65536' is no port"},
      {"{egress: [{action: Allow, destination: {nets: [10.0.0.0/33]}}]}", "'10.0.0.0/33' is no network"},
      {"{egress: [{action: Allow, icmp: {type: 8}}]}", "icmp needs protocol ICMP or ICMPv6"},
      {"{egress: [{action: Allow, protocol: ICMP, icmp: {code: 0}}]}", "an ICMP code needs a type"},
      {"{egress: [{action: Allow, protocol: ICMP, icmp: {type: 255}}]}", "'255' is no number up to 254"},
      {"{egress: [{action: Allow, protocol: ICMP, ipVersion: 6}]}", "protocol and ipVersion exclude each other"},
      {"{egress: [{action: Allow, ipVersion: 5}]}", "ipVersion is 4 or 6"},
      {"{egress: [{action: Deny, http: {}}]}", "http is for Allow only"},
      {"{preDNAT: true}", "preDNAT and doNotTrack need applyOnForward"},
      {"{preDNAT: true, applyOnForward: true, egress: [{action: Allow}]}", "a preDNAT policy has no egress"},
      {"{preDNAT: true, doNotTrack: true, applyOnForward: true}", "preDNAT and doNotTrack exclude each other"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const Cluster cluster = read_global(row.text);
    CHECK(cluster.policies.at(0).refused);
    REQUIRE_FALSE(cluster.remarks.empty());
    CHECK(cluster.remarks[0].rule == Rule::RefusedObject);
    CHECK(cluster.remarks[0].object == "GlobalNetworkPolicy p");
    CHECK(cluster.remarks[0].where.known());
    CHECK(cluster.remarks[0].message == row.words);
  }
  const Cluster without =
      read_cluster({"{apiVersion: projectcalico.org/v3, kind: GlobalNetworkPolicy, metadata: {name: p}}"});
  CHECK(without.policies.at(0).refused);
  CHECK(messages(without.remarks) == Texts{"spec is not given"});
}

TEST_CASE("a Calico policy with unknown fields is doubtful") {
  const Row rows[] = {
      {"{slector: all()}", "spec has no field 'slector'"},
      {"{preDNAT: false}", "spec has no field 'preDNAT'"},
      {"{egress: [{action: Allow, dest: {}}]}", "a rule has no field 'dest'"},
      {"{egress: [{action: Allow, destination: {net: [10.0.0.0/8]}}]}", "an entity has no field 'net'"},
      {"{egress: [{action: Allow, source: {net: [10.0.0.0/8]}}]}", "source has no field 'net'"},
      {"{egress: [{action: Allow, protocol: tcp}]}", "protocol 'tcp' is not written as Calico does"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const Cluster cluster = read_namespaced(row.text);
    CHECK(messages(cluster.remarks) == Texts{row.words});
    CHECK(cluster.policies.at(0).doubtful);
    CHECK(cluster.policies.at(0).why_doubtful == row.words);
    CHECK_FALSE(cluster.policies.at(0).refused);
  }
}

TEST_CASE("network sets are bound to the rules whose selectors match them, wherever they are read") {
  const auto bound = [](const std::string& destination, const std::string& policy_kind = "GlobalNetworkPolicy") {
    const Cluster cluster =
        read_cluster({object("GlobalNetworkSet", "g", "{nets: [203.0.113.0/24]}", "{role: db}"),
                      object(policy_kind, "p", "{egress: [{action: Allow, destination: " + destination + "}]}"),
                      object("NetworkSet", "n", "{nets: [198.51.100.7]}", "{role: db}"),
                      object("GlobalNetworkSet", "other", "{nets: [192.0.2.0/24]}", "{role: web}"),
                      "{apiVersion: v1, kind: Namespace, metadata: {name: app, labels: {team: x}}}"});
    const PolicyRule& rule = cluster.policies.at(0).egress.at(0);
    CHECK(rule.understood);
    return to_string(rule.peers.at(1).addresses);
  };
  CHECK(bound("{selector: \"role == 'db'\"}") == "198.51.100.7/32, 203.0.113.0/24");
  CHECK(bound("{selector: \"role == 'db'\", namespaceSelector: all()}") == "198.51.100.7/32");
  CHECK(bound("{selector: \"role == 'db'\", namespaceSelector: global()}") == "203.0.113.0/24");
  CHECK(bound("{selector: \"role == 'db'\", namespaceSelector: \"team == 'x'\"}") == "198.51.100.7/32");
  CHECK(bound("{selector: \"role == 'db'\", namespaceSelector: \"team == 'y'\"}").empty());
  CHECK(bound("{selector: \"role == 'db'\"}", "NetworkPolicy") == "198.51.100.7/32");
  CHECK(bound("{selector: \"projectcalico.org/orchestrator == 'k8s'\"}").empty());
  CHECK(bound("{selector: all()}") == "192.0.2.0/24, 198.51.100.7/32, 203.0.113.0/24");
}

TEST_CASE("a network set that may match makes the rule not understood") {
  const Cluster cluster =
      read_cluster({object("NetworkSet", "n", "{nets: [198.51.100.7]}"),  // of a namespace that is not in the input
                    object("GlobalNetworkPolicy", "p",
                           "{egress: [{action: Deny, destination: {namespaceSelector: \"team == 'x'\"}}]}")});
  const PolicyRule& rule = cluster.policies.at(0).egress.at(0);
  CHECK(in_words(rule) == "Deny pods ns{team=x} | at 198.51.100.7/32 of sets ns{team=x} sa{!name}: any (?)");
  CHECK(rule.why_not == "a set of addresses may be among its peers");
}

TEST_CASE("addresses that a rule names itself wait for no set") {
  const Cluster cluster = read_cluster(
      {object("GlobalNetworkSet", "g", "{nets: [203.0.113.0/24]}"),
       object("GlobalNetworkPolicy", "p", "{egress: [{action: Allow, destination: {nets: [10.0.0.0/8]}}]}")});
  CHECK(in_words(cluster.policies.at(0).egress.at(0)) == "Allow at 10.0.0.0/8: any");
}

TEST_CASE("host endpoints are matched as sets of their addresses, or as nodes where none is given") {
  const auto rule = [](const std::string& endpoint) {
    const Cluster cluster =
        read_cluster({object("HostEndpoint", "h", endpoint, "{role: edge}"),
                      object("GlobalNetworkPolicy", "p",
                             "{egress: [{action: Allow, destination: {selector: \"role == 'edge'\"}}]}")});
    return in_words(cluster.policies.at(0).egress.at(0));
  };
  CHECK(rule("{node: n, expectedIPs: [10.0.0.5]}") ==
        "Allow pods role=edge | at 10.0.0.5/32 of sets role=edge sa{!name}: any");
  CHECK(rule("{node: n, interfaceName: eth0}") ==
        "Allow pods role=edge | at nothing of sets role=edge sa{!name} | nodes: any (?)");
}

TEST_CASE("a network set with a bad network is refused and binds nothing") {
  const Cluster cluster =
      read_cluster({object("GlobalNetworkSet", "g", "{nets: [203.0.113.0/24, nonsense]}"),
                    object("GlobalNetworkPolicy", "p", "{egress: [{action: Allow, destination: {selector: all()}}]}")});
  CHECK(messages(cluster.remarks) == Texts{"'nonsense' is no network"});
  CHECK(cluster.policies.at(0).egress.at(0).peers.at(1).addresses.empty());
}

TEST_CASE("other kinds of Calico: staged, loosening, harmless, not understood") {
  const Cluster staged = read_directly("StagedNetworkPolicy", "{}");
  CHECK(staged.policies.empty());
  CHECK(messages(staged.remarks) == Texts{"it is staged: the plugin does not enforce it"});
  CHECK(messages(staged.not_understood) == Texts{});
  CHECK(messages(read_directly("FelixConfiguration", "{chainInsertMode: Append, bpfEnabled: true}").not_understood) ==
        Texts{"chainInsertMode may let traffic around the policies"});
  CHECK(messages(read_directly("FelixConfiguration", "{chainInsertMode: Insert}").not_understood) == Texts{});
  CHECK(messages(read_directly("IPPool", "{cidr: 10.0.0.0/8}").not_understood) == Texts{});
  CHECK(messages(read_directly("ExternalNetwork", "{}").not_understood) ==
        Texts{"ExternalNetwork may change what pods reach and is not understood"});
}

}  // namespace
}  // namespace airtight::verify
