#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "compiler/verify/kubernetes/readers.h"
#include "tests/verify/kubernetes/from_json.h"

namespace airtight::verify {
namespace {

std::string service_text(const std::string& spec, const std::string& more = "") {
  return "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: app}, spec: " + spec + more + "}";
}

Service service_of(const std::string& text) {
  INFO(text);
  const Cluster cluster = read_cluster({text});
  CHECK(cluster.remarks.empty());
  REQUIRE(cluster.services.size() == 1);
  return cluster.services[0];
}

std::vector<std::string> addresses(const std::vector<std::pair<Ip, Span>>& list) {
  std::vector<std::string> result;
  for (const auto& [ip, span] : list) result.push_back(to_string(ip));
  return result;
}

using Texts = std::vector<std::string>;

TEST_CASE("a Service's type, selector and ports") {
  const Service service =
      service_of(service_text("{selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}, {port: 53, "
                              "protocol: UDP, targetPort: dns, "
                              "nodePort: 30053}, {port: 9}]}"));
  CHECK(to_string(service.ref) == "Service app/web");
  CHECK(service.type == "ClusterIP");
  CHECK(service.selector == Labels{{"app", "web"}});
  REQUIRE(service.ports.size() == 3);
  CHECK(service.ports[0].name == "http");
  CHECK(service.ports[0].port == 80);
  CHECK(service.ports[0].target == "8080");
  CHECK(service.ports[0].node_port == 0);
  CHECK(service.ports[1].protocol == Protocol::Udp);
  CHECK(service.ports[1].target == "dns");
  CHECK(service.ports[1].node_port == 30053);
  CHECK(service.ports[2].target.empty());
  CHECK(service_of(service_text("{ports: []}")).selector == std::nullopt);
  CHECK(service_of(service_text("{selector: {}}")).selector == std::nullopt);  // endpoints are made by hand
}

TEST_CASE("addresses that a Service claims") {
  const std::string text = service_text(
      "{type: LoadBalancer, clusterIP: 10.43.0.7, clusterIPs: [10.43.0.7, 'fd00:43::7'], externalIPs: [203.0.113.9, "
      "'2001:db8::9'], loadBalancerIP: 198.51.100.1}",
      ", status: {loadBalancer: {ingress: [{ip: 198.51.100.2}, {hostname: lb.example}]}}");
  const Service service = service_of(text);
  CHECK(service.type == "LoadBalancer");
  CHECK(service.cluster_ips == std::vector<Ip>{*Ip::parse("10.43.0.7"), *Ip::parse("fd00:43::7")});
  CHECK(addresses(service.external_ips) == Texts{"203.0.113.9", "2001:db8::9"});
  CHECK(addresses(service.load_balancer) == Texts{"198.51.100.1", "198.51.100.2"});
  CHECK(text.substr(service.external_ips[0].second.begin, 11) == "203.0.113.9");
  CHECK(text.substr(service.type_span.begin, 12) == "LoadBalancer");
  CHECK(service_of(service_text("{clusterIP: None, clusterIPs: [None]}")).cluster_ips.empty());
  CHECK(service_of(service_text("{clusterIP: ''}")).cluster_ips.empty());
}

TEST_CASE("ExternalName") {
  const std::string text = service_text("{type: ExternalName, externalName: out.example.com}");
  const Service service = service_of(text);
  CHECK(service.external_name == "out.example.com");
  CHECK(text.substr(service.type_span.begin, 15) == "out.example.com");
  CHECK(service_of(service_text("{externalName: ignored.example}")).external_name.empty());
}

TEST_CASE("an address that is none is said, not dropped silently") {
  for (const char* spec : {"{externalIPs: [300.0.0.1]}", "{loadBalancerIP: 300.0.0.1}", "{clusterIP: 300.0.0.1}"}) {
    const Cluster cluster = read_cluster({service_text(spec)});
    REQUIRE(cluster.remarks.size() == 1);
    CHECK(cluster.remarks[0].rule == Rule::RefusedObject);
    CHECK(cluster.remarks[0].object == "Service app/web");
    CHECK(cluster.remarks[0].message == "'300.0.0.1' is no address: it is left out");
  }
}

std::string slice(const std::string& labels, const std::string& endpoints, const std::string& more = "") {
  return "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: web-x, namespace: app, labels: " +
         labels + "}, addressType: IPv4, endpoints: " + endpoints + more + "}";
}

EndpointAddresses endpoints_of(const std::string& text) {
  INFO(text);
  const Cluster cluster = read_cluster({text});
  REQUIRE(cluster.endpoints.size() == 1);
  return cluster.endpoints[0];
}

TEST_CASE("an EndpointSlice made by hand") {
  const EndpointAddresses read = endpoints_of(slice("{kubernetes.io/service-name: ext}",
                                                    "[{addresses: [203.0.113.9]}, {addresses: [203.0.113.10]}]",
                                                    ", ports: [{port: 443}, {port: 53, protocol: UDP}]"));
  CHECK(read.service == "ext");
  CHECK(addresses(read.addresses) == Texts{"203.0.113.9", "203.0.113.10"});
  CHECK(to_string(read.ports) == "443/tcp, 53/udp");
  CHECK_FALSE(read.managed);
  CHECK(to_string(endpoints_of(slice("{}", "[]", ", ports: [{protocol: TCP}]")).ports) == "tcp");
}

TEST_CASE("a slice is the controller's only where it names a pod for each endpoint") {
  const std::string label = "{endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}";
  const std::string of_pod = "{addresses: [10.42.0.1], targetRef: {kind: Pod, name: web-a}}";
  CHECK(endpoints_of(slice(label, "[" + of_pod + "]")).managed);
  CHECK_FALSE(endpoints_of(slice(label, "[" + of_pod + ", {addresses: [203.0.113.9]}]")).managed);
  CHECK_FALSE(endpoints_of(slice("{}", "[" + of_pod + "]")).managed);
}

TEST_CASE("endpoints that are names") {
  const EndpointAddresses read = endpoints_of(
      "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: x}, addressType: FQDN, endpoints: "
      "[{addresses: "
      "[out.example.com]}]}");
  CHECK(read.addresses.empty());
  REQUIRE(read.names.size() == 1);
  CHECK(read.names[0].first == "out.example.com");
}

TEST_CASE("the older Endpoints") {
  const EndpointAddresses by_hand = endpoints_of(
      "{apiVersion: v1, kind: Endpoints, metadata: {name: ext, namespace: app}, subsets: [{addresses: [{ip: "
      "203.0.113.9}], "
      "notReadyAddresses: [{ip: 203.0.113.10}], ports: [{port: 443}]}]}");
  CHECK(by_hand.service == "ext");
  CHECK(addresses(by_hand.addresses) == Texts{"203.0.113.9", "203.0.113.10"});
  CHECK(to_string(by_hand.ports) == "443/tcp");
  CHECK_FALSE(by_hand.managed);
  CHECK(endpoints_of("{apiVersion: v1, kind: Endpoints, metadata: {name: web}, subsets: [{addresses: [{ip: 10.42.0.1, "
                     "targetRef: {kind: Pod, name: a}}]}]}")
            .managed);
}

Texts backends(const std::string& text) {
  Texts result;
  for (const IngressBackend& backend : read_cluster({text}).ingresses) {
    result.push_back(to_string(backend.ref) + " " + backend.service + ":" + backend.port);
  }
  return result;
}

TEST_CASE("backends of an Ingress, of every version, and of a Route") {
  CHECK(
      backends("{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, namespace: app}, spec: "
               "{defaultBackend: {service: {name: d, port: {number: 80}}}, rules: [{http: {paths: [{backend: {service: "
               "{name: a, port: {name: http}}}}]}}, {host: x.example}]}}") ==
      Texts{"Ingress app/i d:80", "Ingress app/i a:http"});
  for (const char* version : {"networking.k8s.io/v1beta1", "extensions/v1beta1"}) {
    CHECK(
        backends(
            "{apiVersion: " + std::string(version) +
            ", kind: Ingress, metadata: {name: i, namespace: app}, spec: {backend: {serviceName: d, servicePort: 80}, "
            "rules: [{http: {paths: [{backend: {serviceName: a, servicePort: http}}]}}]}}") ==
        Texts{"Ingress app/i d:80", "Ingress app/i a:http"});
  }
  CHECK(backends(
            "{apiVersion: route.openshift.io/v1, kind: Route, metadata: {name: r, namespace: app}, spec: {to: {kind: "
            "Service, name: a}, alternateBackends: [{kind: Service, name: b}], port: {targetPort: 8080}}}") ==
        Texts{"Route app/r a:8080", "Route app/r b:8080"});
  const Cluster resource =
      read_cluster({"{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i}, spec: "
                    "{defaultBackend: {resource: {kind: Bucket, name: x}}}}"});
  CHECK(resource.ingresses.empty());
  CHECK(resource.remarks.at(0).message == "a backend that names no Service");
}

Texts calls(const std::string& text) {
  const Cluster cluster = read_cluster({text});
  Texts result;
  const auto add = [&](const char* caller, const auto& call) {
    result.push_back(std::string(caller) + ", " + to_string(call.ref) + ": " + call.target);
    CHECK(call.where.known());
  };
  for (const ApiServerCall& call : cluster.api_server_calls) add("API server", call);
  for (const IngressCall& call : cluster.ingress_calls) add("ingress controller", call);
  return result;
}

TEST_CASE("whom the API server and ingress controllers are told to call") {
  for (const char* kind : {"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"}) {
    const std::string name = kind;
    CHECK(
        calls(
            "{apiVersion: admissionregistration.k8s.io/v1, kind: " + name +
            ", metadata: {name: w}, webhooks: [{clientConfig: {url: 'https://hook.vendor.example/v'}}, {clientConfig: "
            "{service: {namespace: app, name: hook}}}]}") ==
        Texts{"API server, " + name + " w: https://hook.vendor.example/v",
              "API server, " + name + " w: Service app/hook"});
  }
  CHECK(calls("{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: c}, spec: "
              "{conversion: "
              "{webhook: {clientConfig: {url: 'https://c.example'}}}}}") ==
        Texts{"API server, CustomResourceDefinition c: https://c.example"});
  CHECK(calls("{apiVersion: apiextensions.k8s.io/v1beta1, kind: CustomResourceDefinition, metadata: {name: c}, spec: "
              "{conversion: {webhookClientConfig: {url: 'https://c.example'}}}}") ==
        Texts{"API server, CustomResourceDefinition c: https://c.example"});
  CHECK(calls("{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: v1.m}, spec: {service: "
              "{namespace: "
              "app, name: metrics}}}") == Texts{"API server, APIService v1.m: Service app/metrics"});
  CHECK(calls("{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: v1.}, spec: {version: v1}}")
            .empty());
  CHECK(calls("{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, namespace: app, annotations: "
              "{nginx.ingress.kubernetes.io/auth-url: 'https://auth.example/'}}}") ==
        Texts{"ingress controller, Ingress app/i: https://auth.example/"});
}

}  // namespace
}  // namespace airtight::verify
