#include "compiler/emit/packet_filter.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace airtight {
namespace {

constexpr std::array<Family, 2> kFamilies{Family::V4, Family::V6};

std::string_view suffix(Family family) { return family == Family::V4 ? "_v4" : "_v6"; }

IpSet only(const IpSet& set, Family family) { return family == Family::V4 ? set.only_v4() : set.only_v6(); }

std::string placed(std::string_view text, const Origin& origin) {
  std::string result(text);
  if (origin.file.empty() || origin.line == 0) return result;
  if (!result.empty()) result += ' ';
  return result + "(" + to_string(origin) + ")";
}

IpSet parsed(std::string_view prefix) {
  const std::optional<Prefix> value = Prefix::parse(prefix);
  return value ? IpSet::of(*value) : IpSet();
}

class Lowering {
 public:
  explicit Lowering(const Policy& policy) : policy_(policy) {}

  PacketFilter run() {
    name_sets();
    prerouting();
    outside();
    forward();
    output();
    return std::move(filter_);
  }

 private:
  struct ByFamily {
    std::array<std::optional<std::size_t>, 2> index;
    const std::optional<std::size_t>& of(Family family) const { return index[static_cast<std::size_t>(family)]; }
  };

  // One set a family, none for an empty half.
  ByFamily add_sets(const std::string& name, const IpSet& addresses, const std::vector<std::string>& notes) {
    ByFamily result;
    for (const Family family : kFamilies) {
      IpSet half = only(addresses, family);
      if (half.empty()) continue;
      std::string unique = name + std::string(suffix(family));
      while (!set_names_.insert(unique).second) unique += '_';
      result.index[static_cast<std::size_t>(family)] = filter_.sets.size();
      filter_.sets.push_back({std::move(unique), family, std::move(half), notes});
    }
    return result;
  }

  std::size_t add_drop(std::string name, std::string log_prefix, std::string why) {
    filter_.drops.push_back({std::move(name), std::move(log_prefix), std::move(why)});
    return filter_.drops.size() - 1;
  }

  FilterChain& add_chain(std::string name, Hook hook, std::string purpose) {
    filter_.chains.push_back({std::move(name), hook, std::move(purpose), {}});
    return filter_.chains.back();
  }

  void name_sets() {
    inside_ = add_sets("inside", policy_.inside, {});
    for (const Family family : kFamilies)
      if (inside_.of(family)) filter_.sets[*inside_.of(family)].notes = inside_notes(policy_, family);
    cluster_ = add_sets("cluster", policy_.cluster_ranges(), {"pods, services, nodes and their tunnels"});
    pods_ = add_sets("pods", policy_.pods(), {"pods"});
    source_route_ = add_drop("source_route", "airtight source-route: ",
                             "the real destination of a source-routed packet is not the one that can be tested");
    rogue_server_ =
        add_drop("rogue_server", "airtight rogue-server: ", "a pod must not turn a node's routes or resolver");
    for (const Catalogue& catalogue : policy_.catalogues) {
      if (!catalogue.denied || catalogue.addresses().empty()) continue;
      const std::string name = filter_name(catalogue.name);
      denied_.push_back({add_sets("denied_" + name, catalogue.addresses(), {catalogue.title}),
                         add_drop("denied_" + name, log_prefix(name), catalogue.title)});
    }
    outside_ = add_drop("outside", "airtight outside: ", "not inside the boundary, whatever the connection's state");
    inbound_ = add_drop("outside_inbound", "airtight inbound: ", "nobody outside may open a connection in");
    undeclared_ = add_drop("undeclared", "airtight undeclared: ", "inside, but no flow of the spec needs it");
  }

  static std::string log_prefix(const std::string& name) { return "airtight " + name.substr(0, 17) + ": "; }

  void prerouting() {
    // Reserved before the rules are made, since they hold indexes.
    filter_.chains.push_back({"prerouting", Hook::Prerouting, "what pods say to the node and to each other", {}});
    FilterChain from_pods{"from_pods", Hook::None, "messages that only a router or a server may send", {}};
    for (const Family family : kFamilies) {
      from_pods.rules.push_back(shaped(family, Shape::RouterRole, Verdict::Drop, rogue_server_,
                                       family == Family::V4 ? "redirects and router advertisements (ICMP)"
                                                            : "router advertisements and redirects (ICMPv6)"));
      from_pods.rules.push_back(
          shaped(family, Shape::DhcpServer, Verdict::Drop, rogue_server_, "answers of a DHCP server"));
    }
    filter_.chains.push_back(std::move(from_pods));
    FilterChain& chain = filter_.chains[0];
    for (const std::vector<std::string>* devices : {&policy_.cluster.pod_side, &policy_.cluster.overlays}) {
      for (const std::string& device : *devices) {
        FilterRule rule;
        rule.match.in_device = device;
        go(rule, 1, devices == &policy_.cluster.pod_side ? "a pod's side of the node" : "a device that carries pods");
        chain.rules.push_back(std::move(rule));
      }
    }
    for (const Family family : kFamilies) {
      if (!pods_.of(family)) continue;
      FilterRule rule;
      rule.family = family;
      rule.match.source = pods_.of(family);
      go(rule, 1, "a pod of another node");
      chain.rules.push_back(std::move(rule));
    }
  }

  static void go(FilterRule& rule, std::size_t chain, std::string why) {
    rule.verdict = Verdict::Goto;
    rule.target = chain;
    rule.why = {std::move(why)};
  }

  static FilterRule shaped(Family family, Shape shape, Verdict verdict, std::size_t target, std::string why) {
    FilterRule rule;
    rule.family = family;
    rule.match.shape = shape;
    rule.verdict = verdict;
    rule.target = target;
    rule.why = {std::move(why)};
    return rule;
  }

  void outside() {
    outside_chain_ = filter_.chains.size();
    FilterChain& chain =
        add_chain("outside", Hook::None, "says what was tried: the denied catalogues by name, then the rest");
    for (const Denied& denied : denied_) {
      for (const Family family : kFamilies) {
        if (!denied.sets.of(family)) continue;
        FilterRule rule;
        rule.family = family;
        rule.match.destination = denied.sets.of(family);
        chain.rules.push_back(dropping(std::move(rule), denied.reason));
      }
    }
    chain.rules.push_back(dropping({}, outside_));
  }

  FilterRule dropping(FilterRule rule, std::size_t reason) const {
    rule.verdict = Verdict::Drop;
    rule.target = reason;
    rule.why = {filter_.drops[reason].why};
    return rule;
  }

  void source_routes(FilterChain& chain) const {
    chain.rules.push_back(
        shaped(Family::V4, Shape::LooseSourceRoute, Verdict::Drop, source_route_, "loose source route"));
    chain.rules.push_back(
        shaped(Family::V4, Shape::StrictSourceRoute, Verdict::Drop, source_route_, "strict source route"));
    chain.rules.push_back(
        shaped(Family::V6, Shape::RoutingHeader, Verdict::Drop, source_route_, "IPv6 routing header"));
  }

  // On the wire of one link only. In forward they are frames between ports of a bridge: a routed packet has lost its
  // hop limit of 255, and link-local groups are not routed.
  void link_messages(FilterChain& chain) {
    if (!neighbours_) {
      neighbours_ =
          add_sets("neighbours",
                   parsed("ff02::1/128") | parsed("ff02::2/128") | parsed("ff02::1:ff00:0/104") | parsed("fe80::/10"),
                   {"all nodes, all routers, solicited nodes, link-local neighbours"});
      link_groups_ = add_sets("link_groups", parsed("ff02::/16"), {"groups of one link"});
    }
    FilterRule rule =
        shaped(Family::V6, Shape::NeighbourDiscovery, Verdict::Accept, 0, "neighbour discovery on the link");
    rule.match.destination = neighbours_->of(Family::V6);
    chain.rules.push_back(rule);
    if (inside_.of(Family::V6)) {
      rule.match.destination = inside_.of(Family::V6);
      rule.why = {"neighbour discovery toward an inside neighbour"};
      chain.rules.push_back(rule);
    }
    rule = shaped(Family::V6, Shape::ListenerDiscovery, Verdict::Accept, 0, "multicast listener discovery on the link");
    rule.match.destination = link_groups_.of(Family::V6);
    chain.rules.push_back(std::move(rule));
  }

  void declared_messages(FilterChain& chain) {
    if (policy_.cluster.dhcp_v4) {
      FilterRule rule = shaped(Family::V4, Shape::DhcpClient, Verdict::Accept, 0, "dhcp: v4 is declared");
      rule.match.destination =
          add_sets("broadcast", parsed("255.255.255.255/32"), {"limited broadcast"}).of(Family::V4);
      chain.rules.push_back(rule);
      if (inside_.of(Family::V4)) {
        rule.match.destination = inside_.of(Family::V4);
        rule.why = {"dhcp: v4 is declared; a lease is renewed at its server"};
        chain.rules.push_back(std::move(rule));
      }
    }
    if (policy_.cluster.dhcp_v6) {
      FilterRule rule = shaped(Family::V6, Shape::DhcpClient, Verdict::Accept, 0, "dhcp: v6 is declared");
      rule.match.destination = add_sets("dhcp_servers", parsed("ff02::1:2/128"), {"all DHCP servers"}).of(Family::V6);
      chain.rules.push_back(std::move(rule));
    }
    std::size_t count = 0;
    for (const Multicast& multicast : policy_.multicast) {
      FilterRule rule;
      rule.family = multicast.group.family();
      rule.match.destination =
          add_sets("group_" + std::to_string(++count), IpSet::of(multicast.group), {multicast.protocol})
              .of(multicast.group.family());
      rule.match.number = multicast.number;
      rule.why = {placed(multicast.protocol + ": " + multicast.why, multicast.origin)};
      chain.rules.push_back(std::move(rule));
    }
  }

  void exceptions(FilterChain& chain, bool of_pods) {
    for (std::size_t i = 0; i < policy_.exceptions.size(); ++i) {
      const Exception& exception = policy_.exceptions[i];
      if (of_pods != policy_.is_pod(exception.from)) continue;
      if (!of_pods && !policy_.is_node_side(exception.from)) continue;
      const Family family = exception.to.family();
      if (of_pods && !pods_.of(family)) continue;  // no pod has an address of that family
      FilterRule rule;
      rule.family = family;
      if (of_pods) rule.match.source = pods_.of(family);
      rule.match.destination =
          add_sets(exception_counter(i), IpSet::of(exception.to), {exception_note(exception)}).of(family);
      rule.why = {exception_note(exception)};
      rule.counter = exception_counter(i);
      if (add_services(chain, rule, exception.services)) filter_.counters.push_back(exception_counter(i));
    }
  }

  // One rule a protocol that the family has; says whether there was any.
  static bool add_services(FilterChain& chain, FilterRule rule, const ServiceSet& services) {
    bool any = false;
    for (const Protocol protocol : kProtocols) {
      if (services.ports(protocol).empty()) continue;
      if (protocol == Protocol::Icmp && rule.family == Family::V6) continue;
      if (protocol == Protocol::Icmpv6 && rule.family == Family::V4) continue;
      rule.match.protocol = protocol;
      rule.match.selectors = services.ports(protocol);
      chain.rules.push_back(rule);
      any = true;
    }
    return any;
  }

  void drop_outside(FilterChain& chain) const {
    for (const Family family : kFamilies) {
      FilterRule rule;
      rule.family = family;
      rule.match.destination = inside_.of(family);
      rule.match.not_destination = rule.match.destination.has_value();
      go(rule, outside_chain_, "outside is dropped first");
      chain.rules.push_back(std::move(rule));
    }
  }

  static FilterRule established() {
    FilterRule rule;
    rule.match.established = true;
    rule.why = {"replies and errors of what was let through, inside"};
    return rule;
  }

  // Toward the rest of the inside: declared endpoints on their declared ports, whoever asks.
  void declared_endpoints(FilterChain& chain) {
    struct Declared {
      ServiceSet services;
      std::vector<std::string> why;
    };
    std::map<std::size_t, Declared> by_endpoint;
    for (const Flow& flow : policy_.flows) {
      if (flow.to.kind != Peer::Kind::Endpoint) continue;
      Declared& declared = by_endpoint[flow.to.index];
      declared.services |= flow.services;
      declared.why.push_back(placed(flow.why, flow.origin));
    }
    for (const auto& [index, declared] : by_endpoint) {
      const Endpoint& endpoint = policy_.endpoints[index];
      const ByFamily& sets = endpoint_sets(index);
      for (const Family family : kFamilies) {
        if (!sets.of(family)) continue;
        FilterRule rule;
        rule.family = family;
        rule.match.destination = sets.of(family);
        for (const std::string& why : declared.why) rule.why.push_back("to " + endpoint.name + ": " + why);
        add_services(chain, rule, declared.services);
      }
    }
  }

  const ByFamily& endpoint_sets(std::size_t index) {
    const auto known = endpoint_sets_.find(index);
    if (known != endpoint_sets_.end()) return known->second;
    const Endpoint& endpoint = policy_.endpoints[index];
    return endpoint_sets_
        .emplace(index, add_sets("endpoint_" + filter_name(endpoint.name), endpoint.addresses,
                                 {placed(endpoint.name, endpoint.origin)}))
        .first->second;
  }

  // Controllers and kubelets need it, wherever it runs; in the cluster's own ranges it passes already.
  void api_server(FilterChain& chain) {
    std::map<std::pair<Family, std::uint16_t>, IpSet> by_port;
    for (const AddressPort& server : policy_.cluster.api_server) {
      const IpSet address = IpSet::of(server.address) - policy_.cluster_ranges();
      if (!address.empty()) by_port[{server.address.family(), server.port}] |= address;
    }
    for (const auto& [key, addresses] : by_port) {
      const std::string name = "api_server_" + std::to_string(key.second);
      auto known = api_server_sets_.find(key);
      if (known == api_server_sets_.end())
        known = api_server_sets_.emplace(key, add_sets(name, addresses, {"API server"})).first;
      FilterRule rule;
      rule.family = key.first;
      rule.match.destination = known->second.of(key.first);
      rule.why = {placed("the API server", policy_.cluster.api_server_origin)};
      add_services(chain, rule, ServiceSet::of(Protocol::Tcp, PortSet::of(key.second)));
    }
  }

  // From outside the cluster into it: exactly the flows that the spec declares.
  void declared_clients(FilterChain& chain) {
    for (const Flow& flow : policy_.flows) {
      const bool from_cluster = flow.from.kind != Peer::Kind::Endpoint && flow.from.kind != Peer::Kind::ApiServer;
      if (from_cluster || flow.to.kind == Peer::Kind::Endpoint || flow.to.kind == Peer::Kind::ApiServer) continue;
      if (policy_.addresses_of(flow.from).subset_of(policy_.cluster_ranges())) continue;  // passes already
      const ByFamily sources = flow.from.kind == Peer::Kind::Endpoint ? endpoint_sets(flow.from.index) : api_sources();
      const ByFamily destinations = policy_.is_pod(flow.to) ? pods_ : node_sets();
      for (const Family family : kFamilies) {
        if (!sources.of(family) || !destinations.of(family)) continue;
        FilterRule rule;
        rule.family = family;
        rule.match.source = sources.of(family);
        rule.match.destination = destinations.of(family);
        rule.why = {placed(
            std::string(policy_.name_of(flow.from)) + " to " + std::string(policy_.name_of(flow.to)) + ": " + flow.why,
            flow.origin)};
        add_services(chain, rule, flow.services);
      }
    }
  }

  const ByFamily& node_sets() {
    if (!nodes_) nodes_ = add_sets("nodes", policy_.nodes(), {"nodes and their tunnels"});
    return *nodes_;
  }

  const ByFamily& api_sources() {
    if (!api_sources_) {
      api_sources_ = add_sets("api_server", policy_.addresses_of({Peer::Kind::ApiServer, 0}), {"API server"});
    }
    return *api_sources_;
  }

  void forward() {
    FilterChain chain{"forward", Hook::Forward, "what pods send, and what is sent to them", {}};
    source_routes(chain);
    link_messages(chain);
    exceptions(chain, true);
    drop_outside(chain);
    chain.rules.push_back(established());
    for (const Family family : kFamilies) {
      if (!cluster_.of(family)) continue;
      FilterRule rule;
      rule.family = family;
      rule.match.source = cluster_.of(family);
      rule.match.destination = cluster_.of(family);
      rule.why = {"who may talk to whom in the cluster is the kubernetes layer's work"};
      chain.rules.push_back(std::move(rule));
    }
    declared_endpoints(chain);
    api_server(chain);
    declared_clients(chain);
    for (const Family family : kFamilies) {
      if (!inside_.of(family)) continue;
      FilterRule rule;
      rule.family = family;
      rule.match.source = inside_.of(family);
      rule.match.not_source = true;
      chain.rules.push_back(dropping(std::move(rule), inbound_));
    }
    chain.rules.push_back(dropping({}, undeclared_));
    filter_.chains.push_back(std::move(chain));
  }

  void output() {
    FilterChain chain{"output", Hook::Output, "what the node itself sends, and pods in its network", {}};
    source_routes(chain);
    link_messages(chain);
    declared_messages(chain);
    exceptions(chain, false);
    drop_outside(chain);
    FilterRule local;
    local.match.local_destination = true;
    // Not `oifname lo`: the hook still shows the loopback device for a packet whose destination was just translated.
    local.why = {"the node to itself"};
    chain.rules.push_back(std::move(local));
    chain.rules.push_back(established());
    for (const Family family : kFamilies) {
      if (!cluster_.of(family)) continue;
      FilterRule rule;
      rule.family = family;
      rule.match.destination = cluster_.of(family);
      rule.why = {"the node to its cluster"};
      chain.rules.push_back(std::move(rule));
    }
    declared_endpoints(chain);
    api_server(chain);
    chain.rules.push_back(dropping({}, undeclared_));
    filter_.chains.push_back(std::move(chain));
  }

  struct Denied {
    ByFamily sets;
    std::size_t reason;
  };

  const Policy& policy_;
  PacketFilter filter_;
  std::set<std::string> set_names_;
  ByFamily inside_, cluster_, pods_, link_groups_;
  std::optional<ByFamily> neighbours_, nodes_, api_sources_;
  std::map<std::size_t, ByFamily> endpoint_sets_;
  std::map<std::pair<Family, std::uint16_t>, ByFamily> api_server_sets_;
  std::vector<Denied> denied_;
  std::size_t source_route_ = 0, rogue_server_ = 0, outside_ = 0, inbound_ = 0, undeclared_ = 0, outside_chain_ = 0;
};

}  // namespace

const FilterChain* PacketFilter::chain(std::string_view name) const {
  for (const FilterChain& candidate : chains)
    if (candidate.name == name) return &candidate;
  return nullptr;
}

PacketFilter lower_to_packet_filter(const Policy& policy) { return Lowering(policy).run(); }

std::string filter_name(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    result += plain ? c : '_';
  }
  return result;
}

std::vector<std::string> inside_notes(const Policy& policy, Family family) {
  constexpr std::size_t kShown = 4;
  struct Group {
    std::string label;
    std::vector<std::string> ranges;
  };
  std::vector<Group> groups;
  std::map<std::string, std::size_t> known;
  for (const InsideRange& range : policy.inside_ranges) {
    if (range.prefix.family() != family) continue;
    const std::string label = placed(range.why.empty() ? range.what : range.what + ", " + range.why, range.origin);
    const auto [at, added] = known.emplace(label, groups.size());
    if (added) groups.push_back({label, {}});
    groups[at->second].ranges.push_back(to_string(range.prefix));
  }
  std::vector<std::string> notes;
  for (const Group& group : groups) {
    std::string line = group.label + ": ";
    for (std::size_t i = 0; i < std::min(group.ranges.size(), kShown); ++i)
      line += (i == 0 ? "" : ", ") + group.ranges[i];
    if (group.ranges.size() > kShown) line += " and " + std::to_string(group.ranges.size() - kShown) + " more";
    notes.push_back(std::move(line));
  }
  return notes;
}

std::string exception_note(const Exception& exception) {
  return placed(exception.ticket + ", approved by " + exception.approved_by + ", until " + to_string(exception.expires),
                exception.origin);
}

std::string exception_counter(std::size_t index) { return "exception_" + std::to_string(index + 1); }

}  // namespace airtight
