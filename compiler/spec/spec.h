// The spec as written: values checked one by one, names not looked up, every value with its place.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/policy/policy.h"
#include "compiler/policy/source.h"

namespace airtight {

// A value stands in for what could not be read only while errors are collected: parse_spec returns none of them.
template <class T>
T blank() {
  return T{};
}
template <>
inline Ip blank() {
  return Ip::v4(0);
}
template <>
inline Prefix blank() {
  return Prefix::host(Ip::v4(0));
}
template <>
inline Domain blank() {
  return Domain::root();
}

template <class T>
struct Located {
  T value = blank<T>();
  Span at;
};

struct SpecInternal {
  Located<Prefix> cidr;
  std::string why;
  std::string approved_by;
};

struct SpecMulticast {
  Located<Ip> group;
  std::string protocol;
  std::uint8_t number = 0;
  std::string why;
  Span at;
};

struct SpecDns {
  Located<std::string> ns;
  Labels labels;
  std::vector<Located<Ip>> service;
  std::vector<Located<Ip>> node_local;
  ServiceSet ports;
  Span at;
};

struct SpecCluster {
  std::optional<Located<KubernetesVersion>> version;
  Located<Dataplane> dataplane;
  std::vector<Located<Prefix>> pods, services, nodes, node_tunnels;
  Located<Domain> domain;
  std::optional<SpecDns> dns;
  std::vector<Located<AddressPort>> api_server;
  Span api_server_at;
  std::optional<std::string> namespace_label;
  std::vector<Located<std::string>> uplinks, pod_side, overlays;
  Span uplinks_at;
  std::vector<std::pair<Tunnel, Span>> tunnels;
  std::vector<EtherType> l2;
  bool dhcp_v4 = false;
  bool dhcp_v6 = false;
  std::vector<std::string> programs;
  Span at;
};

struct SpecWorkload {
  Located<std::string> name;
  std::optional<Located<std::string>> ns;
  Labels labels;
  std::string service_account;
  std::map<std::string, ServiceSet> serves;
  bool host = false;
  bool privileged = false;
  bool dns = true;
  std::vector<Expose> expose;
};

struct SpecEndpoint {
  Located<std::string> name;
  Role role = Role::Other;
  std::string runtime;
  std::vector<Located<Prefix>> addresses;
  ServiceSet ports;
  std::vector<Located<Domain>> names;
  std::string why;
};

struct SpecFlow {
  Located<std::string> from, to;
  std::optional<Located<ServiceSet>> ports;
  std::string why;
  std::optional<Span> source_nat_nodes;
  Span at;
};

struct SpecException {
  Located<std::string> from;
  Located<Prefix> to;
  ServiceSet ports;
  std::string ticket;
  std::string approved_by;
  Located<Date> expires;
  Span at;
};

struct SpecZone {
  Located<Domain> name;
  std::vector<Located<std::string>> forward;
};

struct Spec {
  std::string digest;  // of the canonical merged text
  std::string name, owner, classification;
  Span metadata_at;
  std::optional<Located<std::string>> default_namespace;
  Mode mode = Mode::Airgapped;
  std::vector<SpecInternal> internal;
  std::vector<SpecMulticast> multicast;
  std::vector<Located<std::string>> deny;
  SpecCluster cluster;
  std::vector<SpecWorkload> workloads;
  std::vector<SpecEndpoint> endpoints;
  std::vector<SpecFlow> flows;
  std::vector<SpecException> exceptions;
  std::vector<SpecZone> zones;
  std::vector<Located<Domain>> deny_names;
  std::vector<Located<TargetId>> targets;
};

}  // namespace airtight
