// Services and what stands behind them: ways in and out that no NetworkPolicy shows.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/policy/diagnostic.h"
#include "compiler/verify/kubernetes/fields.h"
#include "compiler/verify/kubernetes/readers.h"

namespace airtight::verify {
namespace {

using Addresses = std::vector<std::pair<Ip, Span>>;

void add_address(const Value& value, ReaderContext context, Addresses& addresses) {
  if (const std::optional<Ip> ip = Ip::parse(value.text); ip && value.is_string()) {
    addresses.emplace_back(*ip, value.span);
  } else {
    remark(context, Rule::RefusedObject, value.span, quoted(value.text) + " is no address: it is left out");
  }
}

Protocol protocol_of(const Value& port, ReaderContext context) {
  const Value* name = field(port, "protocol");
  if (name == nullptr) return Protocol::Tcp;
  const std::optional<Protocol> protocol = read_protocol(name->text);
  if (!protocol) {
    remark(context, Rule::RefusedObject, name->span, "protocol " + quoted(name->text) + " is read as TCP");
  }
  return protocol.value_or(Protocol::Tcp);
}

std::uint16_t number_of(const Value& map, std::string_view key) {
  const Value* value = field(map, key);
  return value != nullptr ? read_port_number(*value).value_or(0) : std::uint16_t{0};
}

// Numbers and strings alike.
std::string scalar_of(const Value& map, std::string_view key) {
  const Value* value = field(map, key);
  return value != nullptr && !value->is_list() && !value->is_map() ? value->text : std::string();
}

void read_cluster_ips(const Value& spec, ReaderContext context, Service& service) {
  Addresses addresses;
  std::vector<const Value*> values;
  if (const Value* one = field(spec, "clusterIP")) values.push_back(one);
  for (const Value& item : list_of(spec, "clusterIPs")) values.push_back(&item);
  for (const Value* value : values) {
    if (value->is_string() && (value->text.empty() || value->text == "None")) continue;
    add_address(*value, context, addresses);
  }
  for (const auto& [ip, span] : addresses) {
    if (std::find(service.cluster_ips.begin(), service.cluster_ips.end(), ip) == service.cluster_ips.end()) {
      service.cluster_ips.push_back(ip);
    }
  }
}

bool points_at_pod(const Value& endpoint) {
  const Value* target = field(endpoint, "targetRef");
  return target != nullptr && text_of(*target, "kind") == "Pod";
}

ServiceSet endpoint_ports(const Value& map, ReaderContext context) {
  ServiceSet services;
  for (const Value& port : list_of(map, "ports")) {
    const Protocol protocol = protocol_of(port, context);
    const std::uint16_t number = number_of(port, "port");
    services |= number != 0 ? ServiceSet::of(protocol, PortSet::of(number)) : ServiceSet::protocol(protocol);
  }
  return services;
}

void add_backend(const Value& backend, ReaderContext context) {
  const Value* service = field(backend, "service");
  std::string name(service != nullptr ? text_of(*service, "name") : text_of(backend, "serviceName"));
  std::string port;
  if (service == nullptr) {
    port = scalar_of(backend, "servicePort");
  } else if (const Value* given = field(*service, "port")) {
    port = scalar_of(*given, "number");
    if (port.empty()) port = scalar_of(*given, "name");
  }
  const Value* named = service != nullptr ? field(*service, "name") : field(backend, "serviceName");
  if (name.empty()) {
    remark(context, Rule::FieldNotUnderstood, backend.span, "a backend that names no Service");
    return;
  }
  context.cluster.ingresses.push_back({context.ref, std::move(name), std::move(port), named->span});
}

// Annotations that make the ingress controller itself call somebody.
constexpr std::array<std::string_view, 4> kCallAnnotations{
    "nginx.ingress.kubernetes.io/auth-url", "nginx.ingress.kubernetes.io/mirror-target",
    "nginx.ingress.kubernetes.io/auth-signin", "haproxy.org/auth-url"};

}  // namespace

void read_service(const Value& object, ReaderContext context) {
  Service service;
  service.ref = context.ref;
  const Value none;
  const Value* given = field(object, "spec");
  const Value& spec = given != nullptr ? *given : none;
  if (const Value* type = field(spec, "type"); type != nullptr && type->is_string()) {
    service.type = type->text;
    service.type_span = type->span;
  }
  if (const Value* selector = field(spec, "selector"); selector != nullptr && !selector->members.empty()) {
    service.selector = string_members(selector);
    if (service.selector->size() != selector->members.size()) {
      remark(context, Rule::RefusedObject, selector->span, "the API server would refuse it: a label is not a string");
    }
  }
  read_cluster_ips(spec, context, service);
  for (const Value& ip : list_of(spec, "externalIPs")) add_address(ip, context, service.external_ips);
  if (const Value* ip = field(spec, "loadBalancerIP"); ip != nullptr && !ip->text.empty()) {
    add_address(*ip, context, service.load_balancer);
  }
  if (const Value* balancer = field(object, {"status", "loadBalancer"})) {
    for (const Value& ingress : list_of(*balancer, "ingress")) {
      if (const Value* ip = field(ingress, "ip")) add_address(*ip, context, service.load_balancer);
    }
  }
  if (const Value* name = field(spec, "externalName"); name != nullptr && service.type == "ExternalName") {
    service.external_name = name->text;
    service.type_span = name->span;
  }
  for (const Value& port : list_of(spec, "ports")) {
    service.ports.push_back({std::string(text_of(port, "name")), protocol_of(port, context), number_of(port, "port"),
                             scalar_of(port, "targetPort"), number_of(port, "nodePort"), port.span});
  }
  context.cluster.services.push_back(std::move(service));
}

void read_endpoint_slice(const Value& object, ReaderContext context) {
  EndpointAddresses slice;
  slice.ref = context.ref;
  const Labels labels = string_members(field(object, {"metadata", "labels"}));
  const auto label = [&](const char* key) {
    const auto found = labels.find(key);
    return found != labels.end() ? found->second : std::string();
  };
  slice.service = label("kubernetes.io/service-name");
  const std::span<const Value> endpoints = list_of(object, "endpoints");
  // A label alone is anybody's claim; the controller also says which pod each endpoint is.
  slice.managed = label("endpointslice.kubernetes.io/managed-by") == "endpointslice-controller.k8s.io" &&
                  std::all_of(endpoints.begin(), endpoints.end(), points_at_pod);
  const bool names = text_of(object, "addressType") == "FQDN";
  for (const Value& endpoint : endpoints) {
    for (const Value& address : list_of(endpoint, "addresses")) {
      if (names) {
        slice.names.emplace_back(address.text, address.span);
      } else {
        add_address(address, context, slice.addresses);
      }
    }
  }
  slice.ports = endpoint_ports(object, context);
  context.cluster.endpoints.push_back(std::move(slice));
}

void read_endpoints(const Value& object, ReaderContext context) {
  EndpointAddresses endpoints;
  endpoints.ref = context.ref;
  endpoints.service = context.ref.name;
  endpoints.managed = true;
  for (const Value& subset : list_of(object, "subsets")) {
    for (const std::string_view key : {"addresses", "notReadyAddresses"}) {
      for (const Value& address : list_of(subset, key)) {
        if (const Value* ip = field(address, "ip")) add_address(*ip, context, endpoints.addresses);
        endpoints.managed = endpoints.managed && points_at_pod(address);
      }
    }
    endpoints.ports |= endpoint_ports(subset, context);
  }
  context.cluster.endpoints.push_back(std::move(endpoints));
}

void read_ingress(const Value& object, ReaderContext context) {
  if (const Value* annotations = field(object, {"metadata", "annotations"})) {
    for (const std::string_view key : kCallAnnotations) {
      const Value* url = field(*annotations, key);
      if (url == nullptr || url->text.empty()) continue;
      context.cluster.ingress_calls.push_back({context.ref, url->text, url->span});
    }
  }
  const Value* spec = field(object, "spec");
  if (spec == nullptr) return;
  for (const std::string_view key : {"defaultBackend", "backend"}) {
    if (const Value* backend = field(*spec, key)) add_backend(*backend, context);
  }
  for (const Value& rule : list_of(*spec, "rules")) {
    const Value* http = field(rule, "http");
    if (http == nullptr) continue;
    for (const Value& path : list_of(*http, "paths")) {
      if (const Value* backend = field(path, "backend")) add_backend(*backend, context);
    }
  }
}

void read_openshift_route(const Value& object, ReaderContext context) {
  const Value* spec = field(object, "spec");
  if (spec == nullptr) return;
  const Value* port_map = field(*spec, "port");
  const std::string port = port_map != nullptr ? scalar_of(*port_map, "targetPort") : std::string();
  const auto add = [&](const Value& target) {
    const Value* name = field(target, "name");
    if (name != nullptr) context.cluster.ingresses.push_back({context.ref, name->text, port, name->span});
  };
  if (const Value* to = field(*spec, "to")) add(*to);
  for (const Value& target : list_of(*spec, "alternateBackends")) add(target);
}

void read_api_server_calls(const Value& object, ReaderContext context) {
  const auto add = [&](const Value& config, std::string_view service_key) {
    const Value* url = field(config, "url");
    const Value* service = field(config, service_key);
    if (url == nullptr && service == nullptr) return;
    std::string target = url != nullptr ? url->text : std::string("Service ");
    if (url == nullptr) target.append(text_of(*service, "namespace")).append("/").append(text_of(*service, "name"));
    context.cluster.api_server_calls.push_back(
        {context.ref, std::move(target), url != nullptr ? url->span : service->span});
  };
  for (const Value& webhook : list_of(object, "webhooks")) {
    if (const Value* config = field(webhook, "clientConfig")) add(*config, "service");
  }
  if (const Value* config = field(object, {"spec", "conversion", "webhook", "clientConfig"})) add(*config, "service");
  if (const Value* config = field(object, {"spec", "conversion", "webhookClientConfig"})) add(*config, "service");
  if (const Value* spec = field(object, "spec"); spec != nullptr && context.ref.kind == "APIService") {
    add(*spec, "service");
  }
}

}  // namespace airtight::verify
