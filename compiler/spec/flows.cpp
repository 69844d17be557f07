#include "compiler/spec/flows.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "compiler/spec/boundary.h"

namespace airtight {
namespace {

constexpr std::pair<std::string_view, Peer::Kind> kBuiltIn[] = {
    {"nodes", Peer::Kind::Nodes}, {"api-server", Peer::Kind::ApiServer}, {"cluster-dns", Peer::Kind::ClusterDns}};

constexpr int kWidestException[] = {24, 48};  // IPv4, IPv6

class Flows {
 public:
  Flows(const Spec& spec, Date at, const Sources& sources, Policy& policy, Diagnostics& diagnostics)
      : spec_(spec), at_(at), sources_(sources), policy_(policy), diagnostics_(diagnostics) {
    for (const auto& [name, kind] : kBuiltIn) {
      peers_[std::string(name)] = {{kind, 0}, {}};
      names_.push_back(name);
    }
  }

  void resolve() {
    workloads();
    endpoints();
    namespaces();
    for (const SpecFlow& flow : spec_.flows) this->flow(flow);
    implied();
    for (const SpecException& exception : spec_.exceptions) this->exception(exception);
  }

 private:
  struct Declared {
    Peer peer;
    Span at;
  };

  bool take_name(const Located<std::string>& name, Peer peer) {
    const auto [found, fresh] = peers_.try_emplace(name.value, Declared{peer, name.at});
    if (fresh) {
      names_.push_back(name.value);
      return true;
    }
    Diagnostic& error = diagnostics_.error(Code::NameTaken, name.at, "the name " + quoted(name.value) + " is taken");
    if (found->second.at.known())
      error.note(found->second.at, "it is declared here");
    else
      error.note({}, "it is built in");
    return false;
  }

  void workloads() {
    std::vector<const SpecWorkload*> sorted;
    for (const SpecWorkload& workload : spec_.workloads) sorted.push_back(&workload);
    std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->name.value < b->name.value; });
    for (const SpecWorkload* from : sorted) {
      if (!take_name(from->name, {Peer::Kind::Workload, policy_.workloads.size()})) continue;
      Workload to;
      to.name = from->name.value;
      if (from->ns)
        to.ns = from->ns->value;
      else if (spec_.default_namespace)
        to.ns = spec_.default_namespace->value;
      else
        diagnostics_
            .error(Code::MissingField, from->name.at, "workload " + quoted(to.name) + ": field 'namespace' is missing")
            .help("give it here, or for all under defaults.namespace");
      to.labels = from->labels;
      to.service_account = from->service_account;
      to.serves = from->serves;
      to.host = from->host;
      to.privileged = from->privileged;
      to.dns = from->dns;
      to.expose = from->expose;
      std::sort(to.expose.begin(), to.expose.end());
      to.origin = origin_of(sources_, from->name.at);
      if (to.dns && !policy_.cluster.dns && !missing_dns_reported_) {
        missing_dns_reported_ = true;
        diagnostics_
            .error(Code::MissingField, spec_.cluster.at,
                   "boundary.cluster: field 'dns' is missing, and workload " + quoted(to.name) + " may ask it")
            .help("describe the cluster's resolver, or write `dns: none` on every workload");
      }
      policy_.workloads.push_back(std::move(to));
    }
  }

  void endpoints() {
    std::vector<const SpecEndpoint*> sorted;
    for (const SpecEndpoint& endpoint : spec_.endpoints) sorted.push_back(&endpoint);
    std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->name.value < b->name.value; });
    for (const SpecEndpoint* from : sorted) {
      if (!take_name(from->name, {Peer::Kind::Endpoint, policy_.endpoints.size()})) continue;
      Endpoint to;
      to.name = from->name.value;
      to.role = from->role;
      to.runtime = from->runtime;
      std::vector<Prefix> prefixes;
      for (const Located<Prefix>& address : from->addresses) prefixes.push_back(address.value);
      to.addresses = IpSet::from(std::span<const Prefix>(prefixes));
      to.ports = from->ports;
      for (const Located<Domain>& name : from->names) to.names.push_back(name.value);
      to.why = from->why;
      to.origin = origin_of(sources_, from->name.at);
      policy_.endpoints.push_back(std::move(to));
    }
  }

  void namespaces() {
    std::set<std::string> names;
    for (const Workload& workload : policy_.workloads) names.insert(workload.ns);
    if (spec_.default_namespace) names.insert(spec_.default_namespace->value);
    names.erase("");
    policy_.default_deny_namespaces.assign(names.begin(), names.end());
  }

  std::optional<Peer> peer(std::string_view name, Span at, std::string_view role) {
    const auto found = peers_.find(name);
    if (found != peers_.end()) {
      const Peer peer = found->second.peer;
      if (peer.kind == Peer::Kind::ClusterDns && !policy_.cluster.dns) {
        diagnostics_.error(Code::MissingField, at, "cluster-dns is named, but boundary.cluster.dns is missing");
        return std::nullopt;
      }
      if (peer.kind == Peer::Kind::ApiServer && policy_.cluster.api_server.empty()) {
        diagnostics_.error(Code::MissingField, at, "api-server is named, but boundary.cluster.apiServer is missing")
            .help("apiServer: [10.10.0.1:6443], the real address and port, not the Service's");
        return std::nullopt;
      }
      return peer;
    }
    if (address(name, at, role)) return std::nullopt;
    Diagnostic& error = diagnostics_.error(Code::UnknownName, at, quoted(name) + " is no workload and no endpoint");
    if (const std::string_view near = nearest(name, names_); !near.empty())
      error.help("did you mean '" + std::string(near) + "'?");
    else
      error.expect("a name from `workloads` or `endpoints`, nodes, api-server or cluster-dns");
    return std::nullopt;
  }

  // An address in place of a name: says what to do instead. True if it was one.
  bool address(std::string_view text, Span at, std::string_view role) {
    const std::optional<Ip> ip = Ip::parse(text);
    const std::optional<Prefix> prefix = ip ? Prefix::host(*ip) : Prefix::parse(text);
    if (!prefix) return false;
    const bool inside = IpSet::of(*prefix).subset_of(policy_.inside);
    diagnostics_
        .error(Code::OutsideFlow, at,
               "'" + std::string(role) + "' is the address " + to_string(*prefix) +
                   (inside ? "" : ", which is outside the boundary"))
        .expect("the name of a workload or endpoint")
        .help(inside           ? "declare it under `endpoints` and use its name"
              : role == "from" ? "a system inside is declared under `endpoints`; nobody outside may open a connection"
                               : "a system inside is declared under `endpoints`; an outside address needs an entry "
                                 "under `exceptions`, with ticket, approver and expiry");
    return true;
  }

  static Span part(Span at, std::size_t begin, std::size_t length, std::size_t whole) {
    if (at.end - at.begin != whole) return at;  // in quotes: the parts do not map onto the source
    return {at.source, at.begin + static_cast<std::uint32_t>(begin),
            at.begin + static_cast<std::uint32_t>(begin + length)};
  }

  void flow(const SpecFlow& from) {
    const std::string_view to_text = from.to.value;
    const bool is_address = Ip::parse(to_text) || Prefix::parse(to_text);
    const std::size_t dot = is_address ? std::string_view::npos : to_text.find('.');
    const std::string_view to_name = to_text.substr(0, dot);
    const std::optional<Peer> source = peer(from.from.value, from.from.at, "from");
    const std::optional<Peer> target = peer(to_name, part(from.to.at, 0, to_name.size(), to_text.size()), "to");
    if (!source || !target) return;
    if (source->kind == Peer::Kind::Endpoint && target->kind == Peer::Kind::Endpoint) {
      diagnostics_
          .error(Code::NothingToEnforce, from.at,
                 "both " + quoted(from.from.value) + " and " + quoted(to_name) + " are outside the cluster")
          .help("no layer of the cluster sees such a packet; remove the flow");
      return;
    }
    Flow flow;
    flow.from = *source;
    flow.to = *target;
    flow.why = from.why;
    flow.origin = origin_of(sources_, from.at);
    if (!services(from, dot, flow)) return;
    if (!source_nat(from, flow)) return;
    const Workload* asker = policy_.workload(flow.from);
    if (asker && !asker->dns && flow.to.kind == Peer::Kind::ClusterDns) {
      diagnostics_
          .error(Code::Contradiction, from.at,
                 "workload " + quoted(asker->name) + " says `dns: none`, and this flow lets it ask cluster-dns")
          .note(asker->origin.span, "the workload");
      return;
    }
    std::vector<std::size_t>& same = written_[{flow.from, flow.to}];
    for (const std::size_t index : same) {
      const Flow& other = policy_.flows[index];
      if (!other.services.intersects(flow.services)) continue;
      diagnostics_
          .error(Code::RepeatedItem, from.at,
                 "another flow permits " + to_string(other.services & flow.services) + " between the same two already")
          .note(other.origin.span, "the other flow");
      return;
    }
    same.push_back(policy_.flows.size());
    policy_.flows.push_back(std::move(flow));
  }

  // From NAME.PORTNAME, from `ports`, or from what the destination declares. False after an error.
  bool services(const SpecFlow& from, std::size_t dot, Flow& flow) {
    const Workload* workload = policy_.workload(flow.to);
    if (dot != std::string_view::npos) {
      const std::string_view port_name = std::string_view(from.to.value).substr(dot + 1);
      const Span at = part(from.to.at, dot + 1, port_name.size(), from.to.value.size());
      if (from.ports) {
        diagnostics_
            .error(Code::PortsTwice, from.ports->at, "the port is named by " + quoted(from.to.value) + " already")
            .help("leave out one of the two");
        return false;
      }
      const auto served = workload ? workload->serves.find(std::string(port_name))
                                   : std::map<std::string, ServiceSet>::const_iterator{};
      if (!workload || served == workload->serves.end()) {
        Diagnostic& error = diagnostics_.error(
            Code::UnknownPortName, at, quoted(policy_.name_of(flow.to)) + " serves no port named " + quoted(port_name));
        std::vector<std::string_view> ports;
        if (workload)
          for (const auto& [name, port] : workload->serves) ports.push_back(name);
        std::string list;
        for (const std::string_view name : ports) list += (list.empty() ? "" : ", ") + std::string(name);
        if (!list.empty()) error.expect(list);
        if (!workload) error.help("only workloads name their ports; list them under `ports`");
        if (workload && ports.empty()) error.help("name it under the workload's `serves`");
        if (const std::string_view near = nearest(port_name, ports); !near.empty())
          error.help("did you mean '" + std::string(near) + "'?");
        return false;
      }
      flow.services = served->second;
      return true;
    }
    if (from.ports) {
      flow.services = from.ports->value;
      return true;
    }
    if (workload)
      for (const auto& [name, port] : workload->serves) flow.services |= port;
    if (const Endpoint* endpoint = policy_.endpoint(flow.to)) flow.services = endpoint->ports;
    if (flow.to.kind == Peer::Kind::ClusterDns) flow.services = policy_.cluster.dns->ports;
    if (flow.to.kind == Peer::Kind::ApiServer)
      for (const AddressPort& server : policy_.cluster.api_server)
        flow.services |= ServiceSet::of(Protocol::Tcp, PortSet::of(server.port));
    if (!flow.services.empty()) return true;
    diagnostics_
        .error(Code::NoPorts, from.to.at, "no ports: neither the flow nor " + quoted(from.to.value) + " says which")
        .help(workload ? "give the workload `serves`, or the flow `ports`" : "give the flow `ports`");
    return false;
  }

  bool source_nat(const SpecFlow& from, Flow& flow) {
    const Workload* source = policy_.workload(flow.from);
    flow.source_nat_nodes = source && source->host;
    if (!from.source_nat_nodes) return true;
    if (!policy_.workload(flow.to) && flow.to.kind != Peer::Kind::ClusterDns) {
      diagnostics_.error(Code::Contradiction, *from.source_nat_nodes,
                         "sourceNat speaks of what a pod sees, and " + quoted(policy_.name_of(flow.to)) + " is no pod");
      return false;
    }
    flow.source_nat_nodes = true;
    return true;
  }

  // Every workload may ask cluster-dns unless it says otherwise; a flow that was written says it already.
  void implied() {
    if (!policy_.cluster.dns) return;
    for (std::size_t i = 0; i < policy_.workloads.size(); ++i) {
      const Workload& workload = policy_.workloads[i];
      if (!workload.dns) continue;
      Flow flow;
      flow.from = {Peer::Kind::Workload, i};
      flow.to = {Peer::Kind::ClusterDns, 0};
      flow.services = policy_.cluster.dns->ports;
      if (const auto same = written_.find({flow.from, flow.to}); same != written_.end())
        for (const std::size_t index : same->second) flow.services -= policy_.flows[index].services;
      if (flow.services.empty()) continue;
      flow.source_nat_nodes = workload.host;
      flow.implied = true;
      flow.why = "names of the cluster and of the inside zones";
      flow.origin = workload.origin;
      policy_.flows.push_back(std::move(flow));
    }
  }

  void exception(const SpecException& from) {
    const std::size_t before = diagnostics_.errors();
    const std::optional<Peer> source = peer(from.from.value, from.from.at, "from");
    if (source && source->kind == Peer::Kind::Endpoint)
      diagnostics_.error(Code::NothingToEnforce, from.from.at,
                         "endpoint " + quoted(from.from.value) + " is outside the cluster; no layer sees its packets");
    const Prefix& to = from.to.value;
    const IpSet set = IpSet::of(to);
    const int widest = kWidestException[to.family() == Family::V4 ? 0 : 1];
    if (to.length() < widest)
      diagnostics_.error(Code::ExceptionTooWide, from.to.at, "exception: " + to_string(to) + " is too wide")
          .expect("/" + std::to_string(widest) + " or longer");
    if (set.intersects(policy_.inside))
      diagnostics_
          .error(Code::ExceptionInside, from.to.at, "exception: " + to_string(set & policy_.inside) + " is inside")
          .help("declare an endpoint and a flow");
    refuse_embedded_ipv4(from.to, "exception", diagnostics_);
    refuse_denied_address(from.to, "exception", policy_, policy_.denied_addresses(), diagnostics_);
    if (from.expires.value < at_)
      diagnostics_
          .error(Code::ExceptionExpired, from.expires.at,
                 "the exception ended on " + to_string(from.expires.value) + ", today is " + to_string(at_))
          .help("remove it, or have it approved anew with a later date");
    if (!source || diagnostics_.errors() != before) return;
    policy_.exceptions.push_back(
        {*source, to, from.ports, from.ticket, from.approved_by, from.expires.value, origin_of(sources_, from.at)});
  }

  const Spec& spec_;
  Date at_;
  const Sources& sources_;
  Policy& policy_;
  Diagnostics& diagnostics_;
  std::map<std::string, Declared, std::less<>> peers_;
  std::vector<std::string_view> names_;
  std::map<std::pair<Peer, Peer>, std::vector<std::size_t>> written_;  // flows by their two ends
  bool missing_dns_reported_ = false;
};

}  // namespace

void resolve_flows(const Spec& spec, Date at, const Sources& sources, Policy& policy, Diagnostics& diagnostics) {
  Flows(spec, at, sources, policy, diagnostics).resolve();
}

}  // namespace airtight
