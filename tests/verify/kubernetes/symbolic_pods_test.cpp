#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "compiler/verify/kubernetes/evaluation.h"

namespace airtight::verify {
namespace {

using Op = Selector::Op;
using verify::Cluster;
using verify::Workload;

PolicyObject selecting(Selector pods, const std::string& ns = "app") {
  PolicyObject p;
  p.api = ns.empty() ? PolicyObject::Api::AdminNetworkPolicy : PolicyObject::Api::NetworkPolicy;
  p.ref = {"NetworkPolicy", ns, "p", {}};
  p.tier = ns.empty() ? "admin" : "default";
  p.pods = std::move(pods);
  p.isolates_egress = true;
  return p;
}

Cluster cluster(std::vector<PolicyObject> policies, std::vector<Labels> pods = {}) {
  Cluster c;
  c.namespaces.push_back({"app", {{{"kubernetes.io/metadata.name", "app"}}, true}, true, {}});
  for (std::size_t i = 0; i < pods.size(); ++i) {
    Workload w;
    w.ref = {"Pod", "app", "w" + std::to_string(i), {}};
    w.labels.labels = pods[i];
    c.workloads.push_back(std::move(w));
  }
  c.policies = std::move(policies);
  return c;
}

std::vector<std::string> added(Cluster c, const std::vector<std::string>& namespaces = {"app"}) {
  const std::size_t before = c.workloads.size();
  REQUIRE(add_symbolic_pods(c, namespaces));
  std::vector<std::string> names;
  for (std::size_t i = before; i < c.workloads.size(); ++i) {
    CHECK(c.workloads[i].symbolic);
    CHECK(c.workloads[i].labels.complete);
    names.push_back(name_of(c.workloads[i]));
  }
  return names;
}

using Names = std::vector<std::string>;

TEST_CASE("symbolic pods: one where nothing asks for labels") {
  CHECK(added(cluster({})) == Names{"every other pod of app"});
  CHECK(added(cluster({selecting(Selector::all())})) == Names{"every other pod of app"});
}

TEST_CASE("symbolic pods: one for each value that a subject names, and one for all others") {
  CHECK(added(cluster({selecting(Selector::in("app", {"web", "api"})), selecting(Selector::in("app", {"web"}))})) ==
        Names{"every other pod of app", "any pod of app with app=api", "any pod of app with app=web"});
}

TEST_CASE("symbolic pods: absence and a value that nobody names differ where existence is asked") {
  CHECK(added(cluster({selecting(Selector::of(Op::Exists, "app", {}))})) ==
        Names{"every other pod of app", "any pod of app with app=other"});
  CHECK(added(cluster({selecting(Selector::of(Op::NotIn, "app", {"web"}))})) ==
        Names{"every other pod of app", "any pod of app with app=web"});
}

TEST_CASE("symbolic pods: keys are combined only where policies can tell the combinations apart") {
  const Selector both = Selector::both(Selector::in("app", {"web"}), Selector::in("tier", {"a"}));
  CHECK(added(cluster({selecting(both)})) == Names{"every other pod of app", "any pod of app with app=web,tier=a"});
  CHECK(added(cluster({selecting(Selector::in("app", {"web"})), selecting(Selector::in("tier", {"a"}))})).size() == 4);
  const Selector either{Op::Or, {}, {}, {Selector::in("app", {"web"}), Selector::in("tier", {"a"})}};
  CHECK(added(cluster({selecting(either)})).size() == 4);
}

TEST_CASE("symbolic pods: a workload of the input stands for its class") {
  const PolicyObject web = selecting(Selector::in("app", {"web"}));
  CHECK(added(cluster({web}, {{{"app", "web"}, {"more", "x"}}})) == Names{"every other pod of app"});
  CHECK(added(cluster({web}, {{{"app", "web"}}, {}})).empty());
  Cluster host = cluster({web}, {{{"app", "web"}}});
  host.workloads[0].host_network = true;
  CHECK(added(host).size() == 2);
  Cluster unknown = cluster({web}, {{{"app", "web"}}});
  unknown.workloads[0].labels.complete = false;
  CHECK(added(unknown).size() == 2);
  Cluster given = cluster({web}, {{{"app", "web"}}});
  given.workloads[0].labels.unknown_keys = {"hash"};
  CHECK(added(given) == Names{"every other pod of app"});
  given.workloads[0].labels.unknown_keys = {"app"};
  CHECK(added(given).size() == 2);
}

TEST_CASE("symbolic pods: a workload does not stand for pods that may name other ports toward the outside") {
  PolicyObject web = selecting(Selector::in("app", {"web"}));
  PolicyRule rule;
  rule.peers = {{}};
  rule.named_ports = {{Protocol::Tcp, "http"}};
  web.ingress = {rule};
  CHECK(added(cluster({web}, {{{"app", "web"}}})).size() == 2);
  web.ingress[0].peers[0].kind = RulePeer::Kind::Pods;
  CHECK(added(cluster({web}, {{{"app", "web"}}})).size() == 1);
}

TEST_CASE("symbolic pods: only policies that can hold pods of the namespace are asked") {
  PolicyObject elsewhere = selecting(Selector::in("app", {"web"}), "other");
  PolicyObject refused = selecting(Selector::in("app", {"api"}));
  refused.refused = true;
  PolicyObject never = selecting(Selector::in("app", {"db"}), "");
  never.namespaces = Selector::in("kubernetes.io/metadata.name", {"other"});
  CHECK(added(cluster({elsewhere, refused, never})) == Names{"every other pod of app"});
  PolicyObject everywhere = selecting(Selector::in("app", {"db"}), "");
  CHECK(added(cluster({everywhere})).size() == 2);
}

TEST_CASE("symbolic pods: a namespace that is not in the input is made, its labels not known") {
  Cluster c = cluster({});
  REQUIRE(add_symbolic_pods(c, std::vector<std::string>{"zeta", "alpha", "app"}));
  REQUIRE(c.namespaces.size() == 3);
  CHECK(c.namespaces[0].name == "alpha");
  CHECK_FALSE(c.namespaces[0].labels.complete);
  CHECK_FALSE(c.namespaces[0].in_input);
  CHECK(c.namespaces[1].in_input);
  CHECK(c.workloads.size() == 3);
}

TEST_CASE("symbolic pods: service accounts are told apart where a subject asks for them") {
  PolicyObject p = selecting(Selector::all());
  p.service_accounts = Selector::in("name", {"ci"});
  Cluster c = cluster({p});
  REQUIRE(add_symbolic_pods(c, std::vector<std::string>{"app"}));
  REQUIRE(c.workloads.size() == 2);
  CHECK(c.workloads[0].service_account.empty());
  CHECK(c.workloads[1].service_account == "ci");
}

// Every pod that could be made over a small alphabet is held as one of the symbolic pods is.
TEST_CASE("symbolic pods: beginnings, ends and parts of values, against every short value") {
  const Selector asked[] = {Selector::of(Op::StartsWith, "app", {"a"}),
                            Selector::of(Op::StartsWith, "app", {"ab"}),
                            Selector::of(Op::EndsWith, "app", {"b"}),
                            Selector::of(Op::Contains, "app", {"ba"}),
                            Selector::in("app", {"aba"}),
                            Selector::of(Op::NotExists, "app", {}),
                            Selector::of(Op::NotIn, "app", {"b", "c"})};
  std::vector<PolicyObject> policies;
  for (const Selector& selector : asked) policies.push_back(selecting(selector));
  Cluster c = cluster(policies);
  REQUIRE(add_symbolic_pods(c, std::vector<std::string>{"app"}));
  const auto answers = [&](const KnownLabels& labels) {
    std::vector<Match> list;
    for (const Selector& selector : asked) list.push_back(matches(selector, labels));
    return list;
  };
  std::vector<std::vector<Match>> stood_for;
  for (const Workload& pod : c.workloads) stood_for.push_back(answers(pod.labels));
  const auto check = [&](const KnownLabels& labels) {
    if (std::find(stood_for.begin(), stood_for.end(), answers(labels)) == stood_for.end())
      FAIL("nobody stands for app=" << (labels.labels.empty() ? "" : labels.labels.at("app")));
  };
  check({});
  std::vector<std::string> values{""};
  for (std::size_t i = 0; values[i].size() < 6; ++i) {
    check({{{"app", values[i]}}, true});
    for (const char letter : {'a', 'b', 'c'}) values.push_back(values[i] + letter);
  }
}

TEST_CASE("symbolic pods: too many are refused, whole") {
  std::vector<PolicyObject> policies;
  for (int i = 0; i < 13; ++i) policies.push_back(selecting(Selector::in("key" + std::to_string(i), {"x"})));
  Cluster c = cluster(policies);
  CHECK_FALSE(add_symbolic_pods(c, std::vector<std::string>{"app"}));
  CHECK(c.workloads.empty());
  c.policies.pop_back();
  CHECK(add_symbolic_pods(c, std::vector<std::string>{"app"}));
  CHECK(c.workloads.size() == 4'096);
}

}  // namespace
}  // namespace airtight::verify
