// Obligations of small inputs, and z3's answers to them where it is installed.
#include "compiler/verify/obligation.h"

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

#include "compiler/verify/judge.h"
#include "compiler/verify/obligation_text.h"

namespace airtight::verify {
namespace {

using Words = std::vector<std::string>;

bool has_z3() {
  static const bool found = [] {
    const bool there = std::system("command -v z3 >/dev/null 2>&1") == 0;
    if (!there) std::cout << "SKIPPED obligation z3 is not installed\n";
    return there;
  }();
  return found;
}

Words answers(const std::string& text) {
  std::string file = (std::filesystem::temp_directory_path() / "obligation_XXXXXX").string();
  const int handle = mkstemp(file.data());
  REQUIRE(handle >= 0);
  std::unique_ptr<FILE, int (*)(FILE*)> out(fdopen(handle, "w"), std::fclose);
  REQUIRE(std::fwrite(text.data(), 1, text.size(), out.get()) == text.size());
  out.reset();
  std::unique_ptr<FILE, int (*)(FILE*)> z3(popen(("z3 -T:60 " + file).c_str(), "r"), pclose);
  Words lines;
  std::array<char, 256> line{};
  while (std::fgets(line.data(), line.size(), z3.get())) lines.emplace_back(line.data());
  z3.reset();
  std::filesystem::remove(file);
  for (std::string& answer : lines) answer.erase(answer.find_last_not_of('\n') + 1);
  return lines;
}

// The checks of the text: their titles behind "layer", and what is expected.
Words checks(const std::string& text) {
  Words titles;
  for (std::size_t at = 0; (at = text.find("\n; check ", at)) != std::string::npos; ++at) {
    const std::size_t begin = text.find(": layer ", at) + 8;
    titles.push_back(text.substr(begin, text.find('\n', begin) - begin));
  }
  return titles;
}

struct Case {
  Sources sources;
  Diagnostics diagnostics;
  Artifacts artifacts;
  Question asked = question({*Prefix::parse("10.0.0.0/8"), *Prefix::parse("fc00::/7")}, {}, Date{});

  std::string write(std::initializer_list<std::string> texts) {
    std::vector<std::uint32_t> files;
    for (const std::string& text : texts)
      files.push_back(sources.add(std::to_string(files.size() + 1) + ".yaml", text));
    artifacts = read_artifacts(files, sources, "default", false, diagnostics);
    judge(artifacts, asked, sources);
    return obligation(artifacts, asked, sources);
  }
};

const std::string kPod = R"(
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: app, labels: {app: web}}
spec: {containers: [{name: c, image: i, ports: [{name: http, containerPort: 8080}]}]}
)";
std::string policy(const std::string& spec) {
  return "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: app}\nspec: " + spec +
         "\n";
}

void agree(const std::string& text, const Words& titles, const Words& expected) {
  CHECK(checks(text) == titles);
  if (has_z3()) CHECK(answers(text) == expected);
}

}  // namespace

TEST_CASE("Terms are simplified, numbers have the width of their constant, and a set is written once", "[obligation]") {
  CHECK(number(0x0800, 16) == "#x0800");
  CHECK(number(5, 3) == "#b101");
  CHECK(number(~u128{0}, 128) == "#xffffffffffffffffffffffffffffffff");
  CHECK(all_of({}) == "true");
  CHECK(all_of({"a", "true"}) == "a");
  CHECK(all_of({"a", "false"}) == "false");
  CHECK(any_of({"a", "false", "b"}) == "(or a b)");
  CHECK(negated("false") == "true");
  CHECK(chosen("c", "a", "a") == "a");

  SolverSets sets;
  CHECK(sets.has("x", 4, IntervalSet<u128>::of(0, 15)) == "true");
  CHECK(sets.has("x", 4, {}) == "false");
  CHECK(sets.has("x", 4, IntervalSet<u128>::of(3, 15)) == "(bvuge x #x3)");
  CHECK(sets.take().empty());
  const IntervalSet<u128> two = IntervalSet<u128>::of(1) | IntervalSet<u128>::of(4, 6);
  CHECK(sets.has("x", 4, two) == "(set1 x)");
  CHECK(sets.has("y", 4, two) == "(set1 y)");
  CHECK(sets.has("z", 8, two) == "(set2 z)");
  CHECK(sets.take() ==
        "(define-fun set1 ((v (_ BitVec 4))) Bool (or (= v #x1) (and (bvuge v #x4) (bvule v #x6))))\n"
        "(define-fun set2 ((v (_ BitVec 8))) Bool (or (= v #x01) (and (bvuge v #x04) (bvule v #x06))))\n");
}

TEST_CASE("A pod that nothing holds sends, one with a default deny does not", "[obligation]") {
  agree(Case().write({kPod}),
        {"kubernetes, egress of app/web[Pod], one reading; expect sat",
         "kubernetes, ingress, by an outside opener, of app/web[Pod], one reading; expect sat"},
        {"sat", "sat"});
  agree(Case().write({kPod, policy("{podSelector: {}, policyTypes: [Ingress, Egress]}")}),
        {"kubernetes, egress of app/web[Pod], one reading; expect unsat",
         "kubernetes, ingress, by an outside opener, of app/web[Pod], one reading; expect unsat"},
        {"unsat", "unsat"});
}

TEST_CASE("A rule is written from its ranges and ports, with its place", "[obligation]") {
  const std::string text = Case().write(
      {kPod,
       policy("{podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{ports: [{port: http}]}], egress: "
              "[{to: [{ipBlock: {cidr: 8.0.0.0/8, except: [8.0.0.0/9]}}], ports: [{port: 53, protocol: UDP}]}]}")});
  CHECK_THAT(text,
             Catch::Contains("; NetworkPolicy app/p, egress rule 1 (2.yaml:4)\n"
                             "(declare-const d1 Bool)\n(assert (= d1 (and (and (= family #b0) (and (bvuge address "
                             "#x00000000000000000000000008800000) (bvule address "
                             "#x00000000000000000000000008ffffff))) (and (= protocol #x11) (= port #x0035)))))\n"
                             "(declare-const d2 Bool)\n(assert (= d2 (ite d1 true false)))\n"));
  CHECK_THAT(text, Catch::Contains("(assert (= d1 (and (= protocol #x06) (= port #x1f90))))\n"));
  agree(text,
        {"kubernetes, egress of app/web[Pod], one reading; expect sat",
         "kubernetes, ingress, by an outside opener, of app/web[Pod], one reading; expect sat"},
        {"sat", "sat"});
}

TEST_CASE("What is in doubt is asked in both readings", "[obligation]") {
  // The whole policy may not be what was meant, so that its isolation of ingress is in doubt too.
  agree(Case().write({kPod, policy("{podSelector: {}, policyTypes: [Ingress, Egress], egress: [{to: [{ipBlock: {cidr: "
                                   "8.8.8.8/32}}], why: so}]}")}),
        {"kubernetes, egress of app/web[Pod], wide reading; expect sat",
         "kubernetes, egress of app/web[Pod], narrow reading; expect unsat",
         "kubernetes, ingress, by an outside opener, of app/web[Pod], wide reading; expect sat",
         "kubernetes, ingress, by an outside opener, of app/web[Pod], narrow reading; expect unsat"},
        {"sat", "unsat", "sat", "unsat"});
}

TEST_CASE("An exception in force is taken out of the claim, an expired one is not", "[obligation]") {
  const std::string open = policy(
      "{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress, Egress], egress: [{to: [{ipBlock: {cidr: "
      "8.8.8.8/32}}], ports: [{port: "
      "443}]}]}");
  airtight::Policy spec;
  spec.inside = IpSet::of(*Prefix::parse("10.0.0.0/8"));
  airtight::Workload web;
  web.name = "web";
  web.ns = "app";
  web.labels = {{"app", "web"}};
  spec.workloads.push_back(web);
  Exception exception;
  exception.from = {Peer::Kind::Workload, 0};
  exception.to = *Prefix::parse("8.8.8.8/32");
  exception.services = ServiceSet::of(Protocol::Tcp, PortSet::of(443));
  exception.ticket = "SEC-1";
  exception.expires = {2026, 11, 25};
  spec.exceptions.push_back(exception);
  for (const unsigned day : {25U, 26U}) {
    Case c;
    c.asked = question(spec, Date{2026, 11, day});
    const std::string answer = day == 25 ? "unsat" : "sat";
    const std::string text = c.write({kPod, open});
    CHECK(checks(text).front() == "kubernetes, egress of app/web[Pod], one reading; expect " + answer);
    if (has_z3()) CHECK(answers(text).front() == answer);
  }
}

TEST_CASE("Pods that the same rules hold are one check", "[obligation]") {
  Case c;
  std::string pods;
  for (const std::string name : {"a", "b"})
    pods += "---\napiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", namespace: app, labels: {app: " + name +
            "}}\nspec: {containers: [{name: c, image: i}]}\n";
  const Words titles =
      checks(c.write({pods, policy("{podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{from: "
                                   "[{podSelector: {matchLabels: {app: a}}}]}]}")}));
  CHECK(titles.front() == "kubernetes, egress of app/a[Pod], app/b[Pod], one reading; expect unsat");
  CHECK(titles.size() == 2);
}

TEST_CASE("A name of the input stays in its comment", "[obligation]") {
  Case c;
  c.artifacts.recognised = 1;
  Workload pod;
  pod.ref = {"Pod", "app", "web\n(exit)\xe2\x80\xa8", {}};
  c.artifacts.cluster.workloads.push_back(pod);
  const std::string text = obligation(c.artifacts, c.asked, c.sources);
  CHECK_THAT(text, !Catch::Contains("\n(exit)"));
  CHECK_THAT(checks(text).front(), Catch::Contains("app/web?(exit)???"));
}

TEST_CASE("Chains are written out where they are called, and every packet takes one way", "[obligation]") {
  const std::string text = Case().write({R"(table inet t {
  chain inside { ip daddr 10.0.0.0/8 accept; ip6 daddr fc00::/7 accept; }
  chain o { type filter hook output priority 0; policy drop; oifname "lo" accept; jump inside; meta skuid 7 ip daddr 8.8.8.8 accept; }
  chain f { type filter hook forward priority 0; policy drop; jump inside; ct state established accept; }
}
)"});
  CHECK_THAT(text, Catch::Contains("; chain inside of table t\n"));
  CHECK_THAT(text, Catch::Contains("may match or not\n(declare-const choice_1 Bool)\n"));
  agree(text,
        {"firewall, output path, wide reading; expect sat", "firewall, output path, narrow reading; expect unknown-ok",
         "firewall, forward path, wide reading; expect sat", "firewall, forward path, narrow reading; expect sat"},
        {"sat", "unsat", "sat", "sat"});
}

TEST_CASE("A mark that a rule sets is another one for the rules behind it", "[obligation]") {
  const auto ruleset = [](const std::string& rules) {
    return "table inet t {\n  chain o { type filter hook output priority 0; policy drop; " + rules +
           " }\n  chain f { type filter hook forward priority 0; policy drop; }\n}\n";
  };
  const Words titles{
      "firewall, output path, wide reading; expect sat", "firewall, output path, narrow reading; expect unknown-ok",
      "firewall, forward path, wide reading; expect unsat", "firewall, forward path, narrow reading; expect unsat"};
  const std::string text =
      Case().write({ruleset("meta mark 7 drop; ip daddr 8.8.8.8 meta mark set 7; meta mark 7 accept")});
  CHECK_THAT(text, Catch::Contains("(declare-const changed_mark_1 (_ BitVec 32))\n"));
  agree(text, titles, {"sat", "unsat", "unsat", "unsat"});
}

TEST_CASE("What is not encoded is said, and not claimed", "[obligation]") {
  const std::string text = Case().write({R"(table inet t {
  chain o { type filter hook output priority 0; policy drop; ip daddr 10.0.0.1 ip daddr set 8.8.8.8 accept; }
  chain f { type filter hook forward priority 0; policy drop; }
}
)"});
  CHECK_THAT(text,
             Catch::Contains("; not encoded: layer firewall, output path: a rule rewrites addresses or payload\n"));
  CHECK(checks(text) == Words{"firewall, forward path, wide reading; expect unsat",
                              "firewall, forward path, narrow reading; expect unsat"});
}

}  // namespace airtight::verify
