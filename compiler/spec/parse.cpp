#include "compiler/spec/parse.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "compiler/policy/json_canonical.h"
#include "compiler/spec/fields.h"
#include "compiler/spec/merge.h"
#include "compiler/spec/scalar.h"

namespace airtight {
namespace {

using Words = std::span<const std::string_view>;

constexpr std::string_view kTop[] = {"metadata", "defaults",   "boundary", "workloads", "endpoints",
                                     "flows",    "exceptions", "dns",      "targets"};
constexpr std::string_view kMetadata[] = {"name", "owner", "classification"};
constexpr std::string_view kDefaults[] = {"namespace"};
constexpr std::string_view kBoundary[] = {"mode", "internal", "multicast", "deny", "cluster"};
constexpr std::string_view kInternal[] = {"cidr", "why", "approvedBy"};
constexpr std::string_view kMulticast[] = {"group", "protocol", "why"};
constexpr std::string_view kCluster[] = {
    "version",        "dataplane", "pods",    "services", "nodes",   "nodeTunnels", "domain", "dns",     "apiServer",
    "namespaceLabel", "uplinks",   "podSide", "overlays", "tunnels", "l2",          "dhcp",   "programs"};
constexpr std::string_view kClusterDns[] = {"namespace", "labels", "service", "nodeLocal", "ports"};
constexpr std::string_view kWorkload[] = {"namespace", "labels", "serviceAccount", "serves",
                                          "host",      "dns",    "expose",         "privileged"};
constexpr std::string_view kEndpoint[] = {"role", "runtime", "addresses", "ports", "names", "why"};
constexpr std::string_view kFlow[] = {"from", "to", "ports", "why", "sourceNat"};
constexpr std::string_view kException[] = {"from", "to", "ports", "ticket", "approvedBy", "expires"};
constexpr std::string_view kDns[] = {"mode", "zones", "deny"};
constexpr std::string_view kZone[] = {"name", "forward"};

constexpr std::string_view kDnsModes[] = {"allowlist"};
constexpr std::string_view kWorkloadDns[] = {"none"};
constexpr std::string_view kSourceNat[] = {"nodes"};
constexpr std::string_view kExposeWords[] = {"NodePort", "LoadBalancer"};
constexpr std::string_view kDhcpWords[] = {"v4", "v6"};

constexpr std::string_view kDefaultPodSide[] = {"cali*", "veth*", "lxc*", "cni*", "eni*", "azv*"};
constexpr std::string_view kDefaultOverlays[] = {"flannel.*", "vxlan.*", "cilium_*", "tunl0",
                                                 "cni0",      "kube-*",  "docker0",  "nodelocaldns"};

// IANA protocol numbers of what speaks to groups.
struct ProtocolWord {
  std::string_view name;
  std::uint8_t number;
};
constexpr ProtocolWord kGroupProtocols[] = {{"igmp", 2},  {"udp", 17},  {"eigrp", 88},
                                            {"ospf", 89}, {"pim", 103}, {"vrrp", 112}};

// Carriers of tunnels between nodes: with a UDP port, or an IP protocol of their own.
struct TunnelWord {
  std::string_view name;
  bool has_port;
  std::uint8_t number;
};
constexpr TunnelWord kTunnels[] = {{"vxlan", true, 17}, {"geneve", true, 17}, {"wireguard", true, 17},
                                   {"ipip", false, 4},  {"gre", false, 47},   {"esp", false, 50}};

// IEEE 802 EtherTypes that a site may let leave.
struct EtherTypeWord {
  std::string_view name;
  std::uint16_t value;
};
constexpr EtherTypeWord kEtherTypes[] = {{"vlan", 0x8100},  {"qinq", 0x88A8}, {"lldp", 0x88CC}, {"lacp", 0x8809},
                                         {"eapol", 0x888E}, {"ptp", 0x88F7},  {"fcoe", 0x8906}, {"fip", 0x8914}};

template <class Row, std::size_t N>
std::vector<std::string_view> names_of(const Row (&table)[N]) {
  std::vector<std::string_view> names;
  for (const Row& row : table) names.push_back(row.name);
  return names;
}

class Parser {
 public:
  Parser(const Node& root, Diagnostics& diagnostics) : root_(root), diagnostics_(diagnostics), read_(diagnostics) {}

  std::optional<Spec> parse() {
    const std::size_t before = diagnostics_.errors();
    const Fields top(root_, "", Words(kTop), diagnostics_);
    if (const Node* node = top.need("metadata", "metadata: {name: …, owner: …}")) metadata(*node);
    if (const Node* node = top.get("defaults")) defaults(*node);
    if (const Node* node = top.need("boundary")) boundary(*node);
    top.map("workloads", [&](const Member& member) { workload(member); });
    top.map("endpoints", [&](const Member& member) { endpoint(member); });
    top.list("flows", true, [&](const Node& node) { flow(node); });
    top.list("exceptions", true, [&](const Node& node) { exception(node); });
    if (const Node* node = top.get("dns")) dns(*node);
    if (top.need("targets", "targets: [networkpolicy, nftables, rpz, bind]")) targets(top);
    if (diagnostics_.errors() != before) return std::nullopt;
    spec_.digest = digest_of(canonical_spec(root_));
    return std::move(spec_);
  }

 private:
  template <class T>
  void put(T& to, std::optional<T> value) {
    if (value) to = std::move(*value);
  }

  void metadata(const Node& node) {
    const Fields fields(node, "metadata", Words(kMetadata), diagnostics_);
    spec_.metadata_at = node.span;
    if (const Node* n = fields.need("name")) put(spec_.name, read_.name(*n, "metadata.name"));
    if (const Node* n = fields.need("owner")) put(spec_.owner, read_.text(*n, "metadata.owner"));
    if (const Node* n = fields.get("classification"))
      put(spec_.classification, read_.text(*n, "metadata.classification"));
  }

  void defaults(const Node& node) {
    const Fields fields(node, "defaults", Words(kDefaults), diagnostics_);
    if (const Node* n = fields.get("namespace"))
      if (auto name = read_.name(*n, "defaults.namespace"))
        spec_.default_namespace = Located<std::string>{*name, n->span};
  }

  void boundary(const Node& node) {
    const Fields fields(node, "boundary", Words(kBoundary), diagnostics_);
    if (const Node* n = fields.need("mode", "mode: airgapped"))
      if (auto word = read_.word(*n, "boundary.mode", mode_names())) spec_.mode = *parse_mode(*word);
    std::set<std::string> ranges;
    fields.list("internal", true, [&](const Node& item) {
      const Fields entry(item, "boundary.internal", Words(kInternal), diagnostics_);
      SpecInternal& added = spec_.internal.emplace_back();
      if (const Node* n = entry.need("cidr")) {
        put(added.cidr.value, read_.prefix(*n, "boundary.internal.cidr"));
        if (n->kind == Node::Kind::Scalar) once(ranges, n->text, n->span, "boundary.internal.cidr");
        added.cidr.at = n->span;
      }
      if (const Node* n = entry.need("why", "say who is there; the report prints it"))
        put(added.why, read_.text(*n, "boundary.internal.why"));
      if (const Node* n = entry.get("approvedBy"))
        put(added.approved_by, read_.text(*n, "boundary.internal.approvedBy"));
    });
    fields.list("multicast", true, [&](const Node& item) { multicast(item); });
    std::set<std::string> seen;
    fields.list("deny", true, [&](const Node& item) {
      if (auto name = read_.name(item, "boundary.deny"); name && once(seen, *name, item.span, "boundary.deny"))
        spec_.deny.push_back({*name, item.span});
    });
    if (const Node* n = fields.need("cluster")) cluster(*n);
  }

  void multicast(const Node& item) {
    const Fields entry(item, "boundary.multicast", Words(kMulticast), diagnostics_);
    SpecMulticast added;
    added.at = item.span;
    if (const Node* n = entry.need("group")) {
      put(added.group.value, read_.address(*n, "boundary.multicast.group"));
      added.group.at = n->span;
    }
    if (const Node* n = entry.need("protocol", "vrrp, ospf, pim, igmp, eigrp, udp or an IP protocol number")) {
      if (read_.scalar(*n, "boundary.multicast.protocol")) {
        const bool digits = !n->text.empty() && n->text.size() <= 3 &&
                            std::all_of(n->text.begin(), n->text.end(), [](char c) { return c >= '0' && c <= '9'; });
        const int number = digits && (n->text.size() == 1 || n->text[0] != '0') ? std::stoi(n->text) : -1;
        if (number >= 0 && number <= 255) {
          added.protocol = n->text;
          added.number = static_cast<std::uint8_t>(number);
        } else if (auto word = read_.word(*n, "boundary.multicast.protocol", names_of(kGroupProtocols))) {
          added.protocol = *word;
          for (const ProtocolWord& row : kGroupProtocols)
            if (row.name == *word) added.number = row.number;
        }
      }
    }
    if (const Node* n = entry.need("why")) put(added.why, read_.text(*n, "boundary.multicast.why"));
    const auto same = std::find_if(spec_.multicast.begin(), spec_.multicast.end(), [&](const SpecMulticast& other) {
      return other.group.value == added.group.value && other.number == added.number;
    });
    if (same != spec_.multicast.end() && added.group.at.known() && !added.protocol.empty())
      diagnostics_
          .error(
              Code::RepeatedItem, item.span,
              "boundary.multicast: " + to_string(added.group.value) + " is listed twice for protocol " + added.protocol)
          .note(same->at, "it is listed here");
    spec_.multicast.push_back(std::move(added));
  }

  void ranges(const Fields& fields, std::string_view key, bool required, std::vector<Located<Prefix>>& to) {
    if (required && !fields.need(key)) return;
    std::set<std::string> seen;
    fields.list(key, false, [&](const Node& item) {
      if (auto prefix = read_.prefix(item, fields.path(key));
          prefix && once(seen, item.text, item.span, fields.path(key)))
        to.push_back({*prefix, item.span});
    });
  }

  void devices(const Fields& fields, std::string_view key, Words defaults, std::vector<Located<std::string>>& to) {
    if (!fields.get(key)) {
      for (const std::string_view pattern : defaults) to.push_back({std::string(pattern), fields.at()});
      return;
    }
    std::set<std::string> seen;
    fields.list(key, false, [&](const Node& item) {
      if (auto pattern = read_.device(item, fields.path(key));
          pattern && once(seen, *pattern, item.span, fields.path(key)))
        to.push_back({*pattern, item.span});
    });
  }

  void cluster(const Node& node) {
    SpecCluster& cluster = spec_.cluster;
    const Fields fields(node, "boundary.cluster", Words(kCluster), diagnostics_);
    cluster.at = node.span;
    if (const Node* n = fields.get("version"))
      if (auto version = read_.version(*n, fields.path("version")))
        cluster.version = Located<KubernetesVersion>{*version, n->span};
    if (const Node* n = fields.get("dataplane"))
      if (auto word = read_.word(*n, fields.path("dataplane"), dataplane_names()))
        cluster.dataplane = {*parse_dataplane(*word), n->span};
    ranges(fields, "pods", true, cluster.pods);
    ranges(fields, "services", true, cluster.services);
    ranges(fields, "nodes", true, cluster.nodes);
    ranges(fields, "nodeTunnels", false, cluster.node_tunnels);
    cluster.domain = {*Domain::parse("cluster.local"), node.span};
    if (const Node* n = fields.get("domain")) {
      put(cluster.domain.value, read_.domain(*n, fields.path("domain")));
      cluster.domain.at = n->span;
    }
    if (const Node* n = fields.get("dns")) cluster_dns(*n);
    cluster.api_server_at = node.span;
    if (const Node* n = fields.get("apiServer")) cluster.api_server_at = n->span;
    std::set<std::string> servers;
    fields.one_or_more("apiServer", [&](const Node& item) {
      if (auto value = read_.address_port(item, fields.path("apiServer"));
          value && once(servers, item.text, item.span, fields.path("apiServer")))
        cluster.api_server.push_back({*value, item.span});
    });
    if (const Node* n = fields.get("namespaceLabel"))
      if (read_.scalar(*n, fields.path("namespaceLabel")) &&
          read_.label_key(n->text, n->span, fields.path("namespaceLabel")))
        cluster.namespace_label = n->text;
    cluster.uplinks_at = node.span;
    if (const Node* n = fields.get("uplinks")) cluster.uplinks_at = n->span;
    devices(fields, "uplinks", {}, cluster.uplinks);
    devices(fields, "podSide", Words(kDefaultPodSide), cluster.pod_side);
    devices(fields, "overlays", Words(kDefaultOverlays), cluster.overlays);
    std::set<std::string> tunnels;
    fields.list("tunnels", true, [&](const Node& item) {
      if (item.kind != Node::Kind::Scalar || once(tunnels, item.text, item.span, fields.path("tunnels")))
        tunnel(item, fields.path("tunnels"));
    });
    std::set<std::string> seen;
    fields.list("l2", true, [&](const Node& item) {
      const auto words = names_of(kEtherTypes);
      if (auto word = read_.word(item, fields.path("l2"), words);
          word && once(seen, *word, item.span, fields.path("l2")))
        for (const EtherTypeWord& row : kEtherTypes)
          if (row.name == *word) cluster.l2.push_back({*word, row.value});
    });
    fields.list("dhcp", true, [&](const Node& item) {
      if (auto word = read_.word(item, fields.path("dhcp"), Words(kDhcpWords));
          word && once(seen, *word, item.span, fields.path("dhcp")))
        (*word == "v4" ? cluster.dhcp_v4 : cluster.dhcp_v6) = true;
    });
    std::set<std::string> programs;
    fields.list("programs", true, [&](const Node& item) {
      if (auto name = read_.text(item, fields.path("programs"));
          name && once(programs, *name, item.span, fields.path("programs")))
        cluster.programs.push_back(*name);
    });
  }

  void cluster_dns(const Node& node) {
    const Fields fields(node, "boundary.cluster.dns", Words(kClusterDns), diagnostics_);
    SpecDns dns;
    dns.at = node.span;
    if (const Node* n = fields.need("namespace")) {
      put(dns.ns.value, read_.name(*n, fields.path("namespace")));
      dns.ns.at = n->span;
    }
    if (fields.need("labels")) {
      labels(fields, "labels", dns.labels);
      if (const Node* n = fields.get("labels"); n && n->kind == Node::Kind::Map && n->members.empty())
        diagnostics_.error(
            Code::EmptyValue, n->span,
            "boundary.cluster.dns.labels: without labels every pod of the namespace would be the resolver");
    }
    std::set<std::string> addresses;
    if (fields.need("service"))
      fields.one_or_more("service", [&](const Node& item) {
        if (auto ip = read_.address(item, fields.path("service"));
            ip && once(addresses, item.text, item.span, fields.path("service")))
          dns.service.push_back({*ip, item.span});
      });
    fields.one_or_more("nodeLocal", [&](const Node& item) {
      if (auto ip = read_.address(item, fields.path("nodeLocal"));
          ip && once(addresses, item.text, item.span, fields.path("nodeLocal")))
        dns.node_local.push_back({*ip, item.span});
    });
    dns.ports = ServiceSet::of(Protocol::Udp, PortSet::of(53)) | ServiceSet::of(Protocol::Tcp, PortSet::of(53));
    if (auto given = ports(fields, "ports")) dns.ports = given->value;
    spec_.cluster.dns = std::move(dns);
  }

  void tunnel(const Node& item, const std::string& path) {
    if (!read_.scalar(item, path)) return;
    const std::size_t colon = item.text.find(':');
    const std::string kind = item.text.substr(0, colon);
    const auto row =
        std::find_if(std::begin(kTunnels), std::end(kTunnels), [&](const TunnelWord& r) { return r.name == kind; });
    const auto refuse = [&](std::string message) {
      diagnostics_
          .error(Code::UnknownValue, item.span,
                 path + ": " + quoted(item.text) + " is no tunnel: " + std::move(message))
          .expect("vxlan:PORT, geneve:PORT, wireguard:PORT, ipip, gre or esp");
    };
    if (row == std::end(kTunnels)) return refuse("unknown protocol");
    if (row->has_port != (colon != std::string::npos))
      return refuse(row->has_port ? "the port is missing" : "it has no port");
    Tunnel tunnel{kind, {}, {}};
    if (row->has_port) {
      const std::string port = item.text.substr(colon + 1);
      const bool digits = !port.empty() && port.size() <= 5 && port[0] != '0' &&
                          std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
      if (!digits || std::stoi(port) > 65535) return refuse("ports are 1 to 65535");
      tunnel.carrier = ServiceSet::of(Protocol::Udp, PortSet::of(static_cast<std::uint16_t>(std::stoi(port))));
    } else {
      tunnel.carrier = ServiceSet::of(Protocol::Other, PortSet::of(row->number));
    }
    spec_.cluster.tunnels.emplace_back(std::move(tunnel), item.span);
  }

  void labels(const Fields& fields, std::string_view key, Labels& to) {
    fields.map(key, [&](const Member& member) {
      if (!read_.key(member, fields.path(key)) || !read_.label_key(member.key, member.key_span, fields.path(key)))
        return;
      if (auto value = read_.label_value(member.value, fields.path(key) + "." + member.key)) to[member.key] = *value;
    });
  }

  // A list of ports, or one port.
  std::optional<Located<ServiceSet>> ports(const Fields& fields, std::string_view key) {
    Located<ServiceSet> set;
    const Node* node = fields.get(key);
    if (!node) return std::nullopt;
    set.at = node->span;
    std::set<std::string> seen;
    if (!fields.one_or_more(key, [&](const Node& item) {
          if (auto port = read_.port(item, fields.path(key));
              port && once(seen, item.text, item.span, fields.path(key)))
            set.value |= *port;
        }))
      return std::nullopt;
    return set;
  }

  void workload(const Member& member) {
    const std::string path = "workload " + quoted(member.key);
    if (!read_.key(member, "workloads") || !read_.name(member.key, member.key_span, "workloads")) return;
    const Fields fields(member.value, path, Words(kWorkload), diagnostics_);
    SpecWorkload added;
    added.name = {member.key, member.key_span};
    if (const Node* n = fields.get("namespace"))
      if (auto name = read_.name(*n, fields.path("namespace"))) added.ns = Located<std::string>{*name, n->span};
    if (fields.need("labels", "labels: {} is the whole namespace")) labels(fields, "labels", added.labels);
    if (const Node* n = fields.get("serviceAccount"))
      put(added.service_account, read_.name(*n, fields.path("serviceAccount")));
    fields.map("serves", [&](const Member& port) {
      if (!read_.key(port, fields.path("serves")) || !read_.name(port.key, port.key_span, fields.path("serves")))
        return;
      if (auto value = read_.port(port.value, fields.path("serves") + "." + port.key)) added.serves[port.key] = *value;
    });
    if (const Node* n = fields.get("host")) put(added.host, read_.boolean(*n, fields.path("host")));
    if (const Node* n = fields.get("privileged")) put(added.privileged, read_.boolean(*n, fields.path("privileged")));
    if (const Node* n = fields.get("dns"))
      if (read_.word(*n, fields.path("dns"), Words(kWorkloadDns))) added.dns = false;
    std::set<std::string> seen;
    fields.list("expose", false, [&](const Node& item) {
      if (auto word = read_.word(item, fields.path("expose"), Words(kExposeWords));
          word && once(seen, *word, item.span, fields.path("expose")))
        added.expose.push_back(*word == "NodePort" ? Expose::NodePort : Expose::LoadBalancer);
    });
    spec_.workloads.push_back(std::move(added));
  }

  void endpoint(const Member& member) {
    const std::string path = "endpoint " + quoted(member.key);
    if (!read_.key(member, "endpoints") || !read_.name(member.key, member.key_span, "endpoints")) return;
    const Fields fields(member.value, path, Words(kEndpoint), diagnostics_);
    SpecEndpoint added;
    added.name = {member.key, member.key_span};
    if (const Node* n = fields.need("role"))
      if (auto word = read_.word(*n, fields.path("role"), role_names())) added.role = *parse_role(*word);
    if (const Node* n = fields.get("runtime")) put(added.runtime, read_.text(*n, fields.path("runtime")));
    std::set<std::string> seen;
    if (fields.need("addresses"))
      fields.one_or_more("addresses", [&](const Node& item) {
        if (auto prefix = read_.address_or_prefix(item, fields.path("addresses"));
            prefix && once(seen, item.text, item.span, fields.path("addresses")))
          added.addresses.push_back({*prefix, item.span});
      });
    if (auto given = ports(fields, "ports")) added.ports = given->value;
    std::set<std::string> names;
    fields.one_or_more("names", [&](const Node& item) {
      if (auto domain = read_.domain(item, fields.path("names"));
          domain && once(names, item.text, item.span, fields.path("names")))
        added.names.push_back({*domain, item.span});
    });
    if (const Node* n = fields.get("why")) put(added.why, read_.text(*n, fields.path("why")));
    spec_.endpoints.push_back(std::move(added));
  }

  void located_text(const Fields& fields, std::string_view key, Located<std::string>& to) {
    if (const Node* n = fields.need(key)) {
      put(to.value, read_.text(*n, fields.path(key)));
      to.at = n->span;
    }
  }

  void flow(const Node& node) {
    const Fields fields(node, "flow", Words(kFlow), diagnostics_);
    SpecFlow added;
    added.at = node.span;
    located_text(fields, "from", added.from);
    located_text(fields, "to", added.to);
    added.ports = ports(fields, "ports");
    if (const Node* n = fields.need("why", "say what the connection is for; reviewers and reports read it"))
      put(added.why, read_.text(*n, "flow.why"));
    if (const Node* n = fields.get("sourceNat"))
      if (read_.word(*n, "flow.sourceNat", Words(kSourceNat))) added.source_nat_nodes = n->span;
    spec_.flows.push_back(std::move(added));
  }

  void exception(const Node& node) {
    const Fields fields(node, "exception", Words(kException), diagnostics_);
    SpecException added;
    added.at = node.span;
    located_text(fields, "from", added.from);
    if (const Node* n = fields.need("to")) {
      put(added.to.value, read_.prefix(*n, "exception.to"));
      added.to.at = n->span;
    }
    if (fields.need("ports", "an exception names its ports"))
      if (auto given = ports(fields, "ports")) added.ports = given->value;
    if (const Node* n = fields.need("ticket")) put(added.ticket, read_.text(*n, "exception.ticket"));
    if (const Node* n = fields.need("approvedBy")) put(added.approved_by, read_.text(*n, "exception.approvedBy"));
    if (const Node* n = fields.need("expires", "expires: YYYY-MM-DD")) {
      put(added.expires.value, read_.date(*n, "exception.expires"));
      added.expires.at = n->span;
    }
    spec_.exceptions.push_back(std::move(added));
  }

  void dns(const Node& node) {
    const Fields fields(node, "dns", Words(kDns), diagnostics_);
    if (const Node* n = fields.need("mode", "mode: allowlist")) read_.word(*n, "dns.mode", Words(kDnsModes));
    std::set<std::string> seen;
    fields.list("zones", true, [&](const Node& item) {
      SpecZone zone;
      std::set<std::string> forward;
      const Node* name = &item;
      if (item.kind == Node::Kind::Map) {
        const Fields entry(item, "dns.zones", Words(kZone), diagnostics_);
        name = entry.need("name");
        entry.one_or_more("forward", [&](const Node& endpoint) {
          if (auto text = read_.name(endpoint, "dns.zones.forward");
              text && once(forward, *text, endpoint.span, "dns.zones.forward"))
            zone.forward.push_back({*text, endpoint.span});
        });
      }
      if (!name) return;
      if (auto domain = read_.domain(*name, "dns.zones"); domain && once(seen, name->text, name->span, "dns.zones")) {
        zone.name = {*domain, name->span};
        spec_.zones.push_back(std::move(zone));
      }
    });
    std::set<std::string> denied;
    fields.list("deny", true, [&](const Node& item) {
      if (auto domain = read_.domain(item, "dns.deny"); domain && once(denied, item.text, item.span, "dns.deny"))
        spec_.deny_names.push_back({*domain, item.span});
    });
  }

  void targets(const Fields& top) {
    std::set<std::string> seen;
    top.list("targets", false, [&](const Node& item) {
      if (auto word = read_.word(item, "targets", target_names()); word && once(seen, *word, item.span, "targets"))
        spec_.targets.push_back({*parse_target(*word), item.span});
    });
  }

  bool once(std::set<std::string>& seen, const std::string& value, Span at, const std::string& path) {
    if (seen.insert(value).second) return true;
    diagnostics_.error(Code::RepeatedItem, at, path + ": " + quoted(value) + " is listed twice");
    return false;
  }

  const Node& root_;
  Diagnostics& diagnostics_;
  ScalarReader read_;
  Spec spec_;
};

}  // namespace

std::optional<Spec> parse_spec(const Node& merged, Diagnostics& diagnostics) {
  return Parser(merged, diagnostics).parse();
}

}  // namespace airtight
