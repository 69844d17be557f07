// Hand-built policies for the unit tests of emitters: what resolve() would make, without a parser in between.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/policy/policy.h"

namespace airtight {

// The example of the language, dual-stack: workloads ai-gateway (0), ingress (1, host), workers (2); endpoints desktops
// (0, client), resolvers (1), vllm (2); five flows, three implied ones, one exception, one zone, four denied catalogues
// and one that is not. Lines of origins are those of the example as a file `isolation.yaml`.
Policy sample_policy();

// IPv4 only: workload web (0) in namespace app, endpoint vllm (0), one flow web -> vllm, zone corp.example without
// forward; no cluster DNS, so no implied flows; no API server, no exception, no catalogue.
Policy tiny_policy();

// Literals of tests; text that does not parse ends the test run.
Ip ip_of(std::string_view text);
Prefix prefix_of(std::string_view text);
Domain domain_of(std::string_view text);
IpSet ip_set_of(std::vector<std::string_view> addresses_or_prefixes);
ServiceSet tcp(std::uint16_t first, std::uint16_t last = 0);  // one port if `last` is 0
ServiceSet udp(std::uint16_t first, std::uint16_t last = 0);
ServiceSet sctp(std::uint16_t first, std::uint16_t last = 0);
Origin at_line(std::uint32_t line);  // isolation.yaml:LINE, without a span

// Peers by the name that the spec gives them; for the built-in names too.
Peer peer_of(const Policy&, std::string_view name);

// What resolve() derives from the other fields: default_deny_namespaces, inside, inside_names and the implied flows. To
// be called after a test changed workloads, endpoints, ranges, zones or catalogues; implied flows that are there are
// made anew.
void derive(Policy&);

}  // namespace airtight
