#include "compiler/spec/resolve.h"

#include <catch2/catch.hpp>

#include "compiler/policy/compiled_policy.h"
#include "tests/spec/spec_text.h"

using namespace airtight;

namespace {

const std::string kTargets = "targets: [networkpolicy]\n";

std::string with_exception(const std::string& fields) {
  return replaced(
      kSpec, kTargets,
      kTargets +
          "exceptions:\n  - {from: worker, to: 203.0.113.7/32, ports: [443/tcp], ticket: SEC-1, approvedBy: ciso, " +
          fields + "}\n");
}

std::string flows_of(const Policy& policy) {
  std::string out;
  for (const Flow& flow : policy.flows)
    out += std::string(policy.name_of(flow.from)) + ">" + std::string(policy.name_of(flow.to)) + " " +
           to_string(flow.services) + (flow.source_nat_nodes ? " nat" : "") + (flow.implied ? " implied" : "") + "; ";
  return out;
}

}  // namespace

TEST_CASE("inside is the cluster's ranges, endpoints, internal, loopback, the API server and nodeLocal") {
  std::string text = replaced(kSpec, "services: [10.43.0.0/16]",
                              "services: [10.43.0.0/16]\n    nodeTunnels: [10.44.0.0/24]\n    apiServer: "
                              "[\"10.10.1.1:6443\", \"[fd00:10::1]:6443\"]");
  text = replaced(text, "service: 10.43.0.10}", "service: 10.43.0.10, nodeLocal: 169.254.20.10}");
  text = replaced(text, "  mode: airgapped\n",
                  "  mode: airgapped\n  internal: [{cidr: 203.0.113.0/24, why: lab, approvedBy: ciso}, {cidr: "
                  "100.64.0.0/10, why: carrier}]\n");
  std::string errors;
  const auto policy = policy_of(text, &errors);
  REQUIRE(errors == "");
  CHECK(to_string(policy->inside) ==
        "10.10.0.0/24, 10.10.1.1/32, 10.20.0.10/32, 10.42.0.0/15, 10.44.0.0/24, 100.64.0.0/10, 127.0.0.0/8, "
        "169.254.20.10/32, 203.0.113.0/24, ::1/128, fd00:10::1/128");
  std::string ranges;
  for (const InsideRange& range : policy->inside_ranges)
    ranges += range.what + "=" + to_string(range.prefix) +
              (range.approved_by.empty() ? "" : " (" + range.approved_by + ")") + "; ";
  CHECK(ranges ==
        "pods=10.42.0.0/16; services=10.43.0.0/16; nodes=10.10.0.0/24; nodeTunnels=10.44.0.0/24; "
        "apiServer=10.10.1.1/32; apiServer=fd00:10::1/128; "
        "dns.nodeLocal=169.254.20.10/32; internal=203.0.113.0/24 (ciso); internal=100.64.0.0/10; endpoint "
        "vllm=10.20.0.10/32; loopback=127.0.0.0/8; loopback=::1/128; ");
  CHECK(policy->outside() == ~policy->inside);
}

TEST_CASE("inside must be private, or listed with a reason, and approved where it is global") {
  CHECK(errors_of(replaced(kSpec, "[10.20.0.10]", "[192.0.2.1]")) ==
        "AT-S307 16:33 endpoint vllm: 192.0.2.1/32 is not private address space");
  const std::string listed = replaced(replaced(kSpec, "[10.20.0.10]", "[192.0.2.1]"), "  mode: airgapped\n",
                                      "  mode: airgapped\n  internal: [{cidr: 192.0.2.0/24, why: lab}]\n");
  CHECK(errors_of(listed) == "AT-S308 7:21 boundary.internal: 192.0.2.0/24 is global address space");
  CHECK(errors_of(replaced(listed, "why: lab", "why: lab, approvedBy: ciso")) == "");
  // carrier-grade NAT and link-local are no global space: a reason is enough
  CHECK(
      errors_of(replaced(
          kSpec, "  mode: airgapped\n",
          "  mode: airgapped\n  internal: [{cidr: 169.254.0.0/16, why: link}, {cidr: \"fe80::/10\", why: link}]\n")) ==
      "");
  // one address that is global is enough
  CHECK(errors_of(replaced(kSpec, "  mode: airgapped\n",
                           "  mode: airgapped\n  internal: [{cidr: 100.0.0.0/8, why: wide}]\n")) ==
        "AT-S308 7:21 boundary.internal: 100.0.0.0/8 is global address space, at least 100.0.0.0/10");
  CHECK(errors_of(replaced(kSpec, "  mode: airgapped\n",
                           "  mode: airgapped\n  internal: [{cidr: \"2001:db8::/32\", why: examples}]\n")) ==
        "AT-S308 7:21 boundary.internal: 2001:db8::/32 is global address space");
  // nodeLocal alone may be link-local unlisted
  CHECK(errors_of(replaced(kSpec, "[10.20.0.10]", "[169.254.20.10]")) ==
        "AT-S307 16:33 endpoint vllm: 169.254.20.10/32 is not private address space");
}

TEST_CASE("implied flows: every workload may ask cluster-dns unless it says not") {
  CHECK(flows_of(*policy_of(kSpec)) ==
        "worker>web 8080/tcp; web>cluster-dns 53/tcp, 53/udp implied; worker>cluster-dns 53/tcp, 53/udp implied; ");
  CHECK(flows_of(*policy_of(replaced(kSpec, "worker: {labels", "worker: {dns: none, labels"))) ==
        "worker>web 8080/tcp; web>cluster-dns 53/tcp, 53/udp implied; ");
  // what is written already is not repeated
  const std::string written =
      replaced(kSpec, "flows:\n", "flows:\n  - {from: worker, to: cluster-dns, ports: [53/udp], why: names}\n");
  CHECK(flows_of(*policy_of(written)) ==
        "worker>cluster-dns 53/udp; worker>web 8080/tcp; web>cluster-dns 53/tcp, 53/udp implied; worker>cluster-dns "
        "53/tcp implied; ");
  // without a resolver nobody may need one
  std::string none =
      replaced(kSpec, "    dns: {namespace: kube-system, labels: {k8s-app: kube-dns}, service: 10.43.0.10}\n", "");
  none = replaced(replaced(none, "web: {labels", "web: {dns: none, labels"), "worker: {labels",
                  "worker: {dns: none, labels");
  CHECK(flows_of(*policy_of(none)) == "worker>web 8080/tcp; ");
}

TEST_CASE("ports: of the flow, the port name, the workload, the endpoint, the API server") {
  std::string text = replaced(kSpec, "{http: 8080/tcp}", "{http: 8080/tcp, metrics: 9090-9091/tcp}");
  text = replaced(text, "    nodes:", "    apiServer: [10.10.0.1:6443, 10.10.0.2:7443]\n    nodes:");
  text = replaced(text, "  - {from: worker, to: web.http, why: agent inference}\n",
                  "  - {from: worker, to: web.metrics, why: a}\n  - {from: vllm, to: web, why: b}\n  - {from: worker, "
                  "to: vllm, why: c}\n  - {from: web, to: vllm, ports: [1/tcp, icmp], why: d}\n"
                  "  - {from: web, to: api-server, why: e}\n  - {from: nodes, to: worker, ports: 10-20/udp, why: f}\n");
  std::string errors;
  const auto policy = policy_of(text, &errors);
  REQUIRE(errors == "");
  CHECK(flows_of(*policy).substr(0, flows_of(*policy).find("web>cluster-dns")) ==
        "worker>web 9090-9091/tcp; vllm>web 8080/tcp, 9090-9091/tcp; worker>vllm 8000/tcp; web>vllm 1/tcp, icmp, "
        "icmpv6; web>api-server 6443/tcp, 7443/tcp; nodes>worker 10-20/udp; ");
}

TEST_CASE("a host workload is the nodes: source NAT is implied") {
  const auto policy = policy_of(replaced(kSpec, "worker: {labels", "worker: {host: true, labels"));
  REQUIRE(policy);
  CHECK(flows_of(*policy) ==
        "worker>web 8080/tcp nat; web>cluster-dns 53/tcp, 53/udp implied; worker>cluster-dns 53/tcp, 53/udp nat "
        "implied; ");
  CHECK(policy->addresses_of(policy->flows[0].from) == IpSet::of(*Prefix::parse("10.10.0.0/24")));
  CHECK(flows_of(*policy_of(replaced(kSpec, "to: web.http", "to: web.http, sourceNat: nodes"))).substr(0, 23) ==
        "worker>web 8080/tcp nat");
}

TEST_CASE("namespaces that get default deny") {
  const auto namespaces = [](const std::string& text) {
    std::string out;
    const std::optional<Policy> policy = policy_of(text);
    for (const std::string& name : policy.value().default_deny_namespaces) out += name + " ";
    return out;
  };
  CHECK(namespaces(kSpec) == "app ");  // not kube-system: nothing is declared in it
  CHECK(namespaces(replaced(kSpec, "worker: {labels", "worker: {namespace: back, labels")) == "app back ");
  CHECK(namespaces(replaced(kSpec, "worker: {labels", "worker: {namespace: kube-system, labels")) ==
        "app kube-system ");
  const std::string all_elsewhere = replaced(replaced(kSpec, "worker: {labels", "worker: {namespace: b, labels"),
                                             "web: {labels", "web: {namespace: a, labels");
  CHECK(namespaces(all_elsewhere) == "a app b ");  // that of defaults, although no workload uses it
  CHECK(namespaces(replaced(all_elsewhere, "defaults: {namespace: app}\n", "")) == "a b ");
}

TEST_CASE("an exception counts until the end of its last day, and the day changes no byte") {
  const std::string text = with_exception("expires: 2027-06-30");
  std::string bytes;
  for (const Date at : {Date{2020, 1, 1}, Date{2026, 11, 25}, Date{2027, 6, 29}, Date{2027, 6, 30}}) {
    Reading reading;
    reading.add(text);
    const auto policy = reading.policy(at);
    REQUIRE(policy);
    if (bytes.empty()) bytes = serialise(*policy);
    CHECK(serialise(*policy) == bytes);
  }
  for (const Date at : {Date{2027, 7, 1}, Date{2028, 1, 1}, Date{9999, 12, 31}}) {
    Reading reading;
    reading.add(text);
    CHECK_FALSE(reading.policy(at));
    CHECK(reading.errors() == "AT-S313 21:100 the exception ended on 2027-06-30, today is " + to_string(at));
  }
}

TEST_CASE("an exception is never inside, wide, or of a denied catalogue") {
  const std::string good = with_exception("expires: 2027-06-30");
  const auto to = [&](const std::string& cidr) { return errors_of(replaced(good, "203.0.113.7/32", cidr)); };
  CHECK(to("203.0.113.0/24") == "");
  CHECK(to("203.0.112.0/23") == "AT-S312 21:24 exception: 203.0.112.0/23 is too wide");
  CHECK(to("\"2001:db8::/48\"") == "");
  CHECK(to("\"2001:db8::/47\"") == "AT-S312 21:24 exception: 2001:db8::/47 is too wide");
  CHECK(to("10.42.0.0/24") == "AT-S314 21:24 exception: 10.42.0.0/24 is inside");
  CHECK(to("127.0.0.1/32") == "AT-S314 21:24 exception: 127.0.0.1/32 is inside");
  CHECK(to("\"64:ff9b::808:808/128\"") ==
        "AT-S311 21:24 exception: 64:ff9b::808:808 carries the IPv4 address 8.8.8.8 (NAT64 (RFC 6052))");
  CHECK(to("\"2002:808:808::/48\"") ==
        "AT-S311 21:24 exception: 2002:808:808::/48 holds IPv6 addresses that carry IPv4, in 2002:808:808::/48");
  CHECK(to("169.254.169.254/32") == "");
  const std::string denied = replaced(replaced(good, "203.0.113.7/32", "169.254.169.254/32"), "  mode: airgapped\n",
                                      "  mode: airgapped\n  deny: [cloud-metadata]\n");
  CHECK(errors_of(denied).substr(0, 70) == "AT-S309 22:24 exception: this is 169.254.169.254/32 (Instance metadata");
}

TEST_CASE("overlaps: tunnels may take pod addresses, nothing else may share") {
  const auto ranges = [](const std::string& nodes, const std::string& tunnels) {
    return errors_of(
        replaced(kSpec, "nodes: [10.10.0.0/24]", "nodes: [" + nodes + "]\n    nodeTunnels: [" + tunnels + "]"));
  };
  CHECK(ranges("10.10.0.0/24", "10.42.1.0/24") == "");
  CHECK(ranges("10.10.0.0/24", "10.43.1.0/24") ==
        "AT-S310 11:19 nodeTunnels range 10.43.1.0/24 overlaps the services range 10.43.0.0/16");
  CHECK(ranges("10.42.0.0/24", "10.44.0.0/24") ==
        "AT-S310 10:13 nodes range 10.42.0.0/24 overlaps the pods range 10.42.0.0/16");
}

TEST_CASE("the order in which workloads, endpoints and targets are written does not matter") {
  const std::string moved =
      replaced(replaced(kSpec, "  web: {labels: {app: web}, serves: {http: 8080/tcp}}\n", ""),
               "  worker: {labels: {app: worker}}\n",
               "  worker: {labels: {app: worker}}\n  web: {labels: {app: web}, serves: {http: 8080/tcp}}\n");
  const auto policy = policy_of(moved);
  REQUIRE(policy);
  CHECK(policy->spec_digest == policy_of(kSpec)->spec_digest);
  CHECK(policy->workloads[0].name == "web");
  CHECK(flows_of(*policy) == flows_of(*policy_of(kSpec)));
}
