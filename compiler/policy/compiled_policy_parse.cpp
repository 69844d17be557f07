#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "compiler/policy/compiled_policy.h"
#include "compiler/policy/compiled_policy_fields.h"

namespace airtight {
namespace {

constexpr std::string_view kDigestForm = "'sha256:' and 64 lower case hexadecimal digits";

std::optional<CatalogueEntry::Match> parse_match(std::string_view text) {
  using Match = CatalogueEntry::Match;
  constexpr std::array<std::pair<std::string_view, Match>, 4> kMatches{
      {{"suffix", Match::Suffix}, {"exact", Match::Exact}, {"address", Match::Address}, {"pattern", Match::Pattern}}};
  for (const auto& [name, match] : kMatches) {
    if (name == text) return match;
  }
  return std::nullopt;
}

std::optional<Expose> parse_expose(std::string_view text) {
  for (const Expose expose : {Expose::NodePort, Expose::LoadBalancer}) {
    if (to_string(expose) == text) return expose;
  }
  return std::nullopt;
}

class Reader {
 public:
  explicit Reader(Diagnostics& diagnostics) : errors_(diagnostics) {}

  std::optional<Policy> read(const JsonValue& root) {
    ObjectFields object(errors_, root);
    object.get("digest", 0, [](const JsonValue&) { return 0; });
    object.get("format", 0, [](const JsonValue&) { return 0; });
    Policy policy;
    policy.cluster = object.get("cluster", Cluster(), [&](const JsonValue& v) { return cluster(v); });
    policy.catalogues = object.list("catalogues", [&](const JsonValue& v) { return catalogue(v); });
    object.check_ascending("catalogues", policy.catalogues, &Catalogue::name);
    policy.classification = object.text("classification");
    policy.default_deny_namespaces = object.texts("default_deny_namespaces");
    object.check_ascending("default_deny_namespaces", policy.default_deny_namespaces,
                           [](const std::string& name) -> const std::string& { return name; });
    policy.denied_names = object.list("denied_names", [&](const JsonValue& v) { return denied_name(v); });
    policy.inside = object.addresses("inside");
    policy.inside_names =
        object.get("inside_names", DomainSet(), [&](const JsonValue& v) { return read_names(errors_, v); });
    policy.inside_ranges = object.list("inside_ranges", [&](const JsonValue& v) { return inside_range(v); });
    policy.mode =
        object.get("mode", Mode(), [&](const JsonValue& v) { return read_word(errors_, v, parse_mode, mode_names()); });
    policy.multicast = object.list("multicast", [&](const JsonValue& v) { return multicast(v); });
    policy.name = object.text("name");
    policy.owner = object.text("owner");
    policy.spec_digest = object.get("spec_digest", std::string(), [&](const JsonValue& v) {
      std::string text = read_text(errors_, v);
      if (!is_digest(text)) errors_.add(v, "no digest", {.expected = std::string(kDigestForm)});
      return text;
    });
    policy.targets = object.list("targets", [&](const JsonValue& v) { return target(v); });
    object.check_ascending("targets", policy.targets, &RequestedTarget::id);
    policy.workloads = object.list("workloads", [&](const JsonValue& v) { return workload(v); });
    object.check_ascending("workloads", policy.workloads, &Workload::name);
    policy.endpoints = object.list("endpoints", [&](const JsonValue& v) { return endpoint(v); });
    object.check_ascending("endpoints", policy.endpoints, &Endpoint::name);
    peers_known_ = !errors_.any();
    policy.flows = object.list("flows", [&](const JsonValue& v) { return flow(v, policy); });
    policy.exceptions = object.list("exceptions", [&](const JsonValue& v) { return exception(v, policy); });
    policy.zones = object.list("zones", [&](const JsonValue& v) { return zone(v, policy); });
    object.finish();
    check_inside(root, policy);
    if (errors_.any()) return std::nullopt;
    return policy;
  }

 private:
  void check_inside(const JsonValue& root, const Policy& policy) {
    if (errors_.any()) return;
    std::vector<Prefix> ranges;
    ranges.reserve(policy.inside_ranges.size());
    for (const InsideRange& range : policy.inside_ranges) ranges.push_back(range.prefix);
    if (IpSet::from(std::span<const Prefix>(ranges)) == policy.inside) return;
    errors_.add(*root.member("inside"), "addresses that are not those of inside_ranges");
  }

  Catalogue catalogue(const JsonValue& value) {
    ObjectFields object(errors_, value);
    Catalogue catalogue;
    catalogue.denied = object.flag("denied");
    catalogue.entries = object.list("entries", [&](const JsonValue& v) { return catalogue_entry(v); });
    catalogue.name = object.filled("name");
    catalogue.sources = object.get("sources", std::map<std::string, CatalogueSource>(), [&](const JsonValue& v) {
      return read_map(errors_, v, [&](const JsonValue& source) {
        ObjectFields fields(errors_, source);
        CatalogueSource read{fields.text("what"), fields.text("read")};
        fields.finish();
        return read;
      });
    });
    catalogue.title = object.text("title");
    catalogue.why = object.text("why");
    object.finish();
    return catalogue;
  }

  CatalogueEntry catalogue_entry(const JsonValue& value) {
    using Match = CatalogueEntry::Match;
    ObjectFields object(errors_, value);
    CatalogueEntry entry;
    entry.date = object.text("date");
    entry.label = object.text("label");
    entry.match = object.get("match", Match(), [&](const JsonValue& v) {
      return read_word(errors_, v, parse_match, {"suffix", "exact", "address", "pattern"});
    });
    entry.note = object.text("note");
    entry.source = object.text("source");
    entry.value = object.get("value", std::string(), [&](const JsonValue& v) {
      if (entry.match == Match::Address) return to_string(read_prefix(errors_, v));
      if (entry.match != Match::Pattern) return to_string(read_domain(errors_, v));
      return read_pattern(errors_, v);
    });
    object.finish();
    return entry;
  }

  Cluster cluster(const JsonValue& value) {
    ObjectFields object(errors_, value);
    Cluster cluster;
    cluster.api_server = object.list("api_server", [&](const JsonValue& v) { return read_address_port(errors_, v); });
    cluster.api_server_origin = object.origin("api_server_origin");
    cluster.dataplane = object.get("dataplane", Dataplane(), [&](const JsonValue& v) {
      return read_word(errors_, v, parse_dataplane, dataplane_names());
    });
    object.get("dhcp", 0, [&](const JsonValue& v) {
      dhcp(v, cluster);
      return 0;
    });
    cluster.dns = object.get("dns", std::optional<ClusterDns>(), [&](const JsonValue& v) {
      return v.kind() == JsonValue::Kind::Null ? std::nullopt : std::optional<ClusterDns>(cluster_dns(v));
    });
    cluster.domain = object.domain("domain");
    cluster.l2 = object.list("l2", [&](const JsonValue& v) {
      ObjectFields fields(errors_, v);
      EtherType type{fields.text("name"), fields.number<std::uint16_t>("value")};
      fields.finish();
      return type;
    });
    cluster.namespace_label = object.text("namespace_label");
    cluster.namespace_label_given = object.flag("namespace_label_given");
    cluster.node_tunnels = object.prefixes("node_tunnels");
    cluster.nodes = object.prefixes("nodes");
    cluster.overlays = object.texts("overlays");
    cluster.pod_side = object.texts("pod_side");
    cluster.pods = object.prefixes("pods");
    cluster.programs = object.texts("programs");
    cluster.services = object.prefixes("services");
    cluster.tunnels = object.list("tunnels", [&](const JsonValue& v) {
      ObjectFields fields(errors_, v);
      Tunnel tunnel{fields.filled("kind"), fields.some_services("carrier"), fields.origin("origin")};
      fields.finish();
      return tunnel;
    });
    cluster.uplinks = object.texts("uplinks");
    cluster.uplinks_origin = object.origin("uplinks_origin");
    cluster.version = object.get("version", std::optional<KubernetesVersion>(), [&](const JsonValue& v) {
      if (v.kind() == JsonValue::Kind::Null) return std::optional<KubernetesVersion>();
      return std::optional(read_version(errors_, v));
    });
    cluster.version_origin = object.origin("version_origin");
    object.finish();
    return cluster;
  }

  void dhcp(const JsonValue& value, Cluster& cluster) {
    const std::size_t before = errors_.count();
    const auto families = read_list(errors_, value, [&](const JsonValue& item) { return read_text(errors_, item); });
    const auto has = [&](std::string_view name) {
      return std::find(families.begin(), families.end(), name) != families.end();
    };
    cluster.dhcp_v4 = has("v4");
    cluster.dhcp_v6 = has("v6");
    std::vector<std::string> canonical;
    if (cluster.dhcp_v4) canonical.emplace_back("v4");
    if (cluster.dhcp_v6) canonical.emplace_back("v6");
    if (errors_.count() == before && canonical != families) {
      errors_.add(value, "address families in another form", {.expected = "'v4', 'v6', both in this order, or none"});
    }
  }

  ClusterDns cluster_dns(const JsonValue& value) {
    ObjectFields object(errors_, value);
    ClusterDns dns;
    dns.labels = object.labels("labels");
    dns.ns = object.filled("namespace");
    dns.node_local = object.list("node_local", [&](const JsonValue& v) { return read_ip(errors_, v); });
    dns.origin = object.origin("origin");
    dns.ports = object.some_services("ports");
    dns.service = object.list("service", [&](const JsonValue& v) { return read_ip(errors_, v); });
    object.finish();
    return dns;
  }

  DeniedName denied_name(const JsonValue& value) {
    ObjectFields object(errors_, value);
    DeniedName denied{object.domain("name"), object.origin("origin")};
    object.finish();
    return denied;
  }

  Endpoint endpoint(const JsonValue& value) {
    ObjectFields object(errors_, value);
    Endpoint endpoint;
    endpoint.addresses = object.addresses("addresses");
    endpoint.name = object.filled("name");
    endpoint.names = object.list("names", [&](const JsonValue& v) { return read_domain(errors_, v); });
    endpoint.origin = object.origin("origin");
    endpoint.ports = object.services("ports");
    endpoint.role =
        object.get("role", Role(), [&](const JsonValue& v) { return read_word(errors_, v, parse_role, role_names()); });
    endpoint.runtime = object.text("runtime");
    endpoint.why = object.text("why");
    object.finish();
    return endpoint;
  }

  template <class T>
  std::size_t index_of(const JsonValue& place, const std::vector<T>& values, const std::string& name) {
    const auto found = std::lower_bound(values.begin(), values.end(), name,
                                        [](const T& value, const std::string& bound) { return value.name < bound; });
    if (found != values.end() && found->name == name) return static_cast<std::size_t>(found - values.begin());
    if (peers_known_) errors_.add(place, "a name that leads nowhere");
    return 0;
  }

  Peer peer(const JsonValue& value, const Policy& policy) {
    static const std::vector<std::string_view> kKinds{"workload", "endpoint", "nodes", "api-server", "cluster-dns"};
    ObjectFields object(errors_, value);
    const auto parse = [](std::string_view text) -> std::optional<Peer::Kind> {
      const auto found = std::find(kKinds.begin(), kKinds.end(), text);
      if (found == kKinds.end()) return std::nullopt;
      return static_cast<Peer::Kind>(found - kKinds.begin());
    };
    Peer peer;
    peer.kind = object.get("kind", Peer::Kind::Nodes,
                           [&](const JsonValue& v) { return read_word<Peer::Kind>(errors_, v, parse, kKinds); });
    if (peer.kind == Peer::Kind::Workload || peer.kind == Peer::Kind::Endpoint) {
      peer.index = object.get("name", std::size_t{0}, [&](const JsonValue& v) {
        const std::string name = read_text(errors_, v);
        return peer.kind == Peer::Kind::Workload ? index_of(v, policy.workloads, name)
                                                 : index_of(v, policy.endpoints, name);
      });
    }
    object.finish();
    if (peer.kind == Peer::Kind::ClusterDns && !policy.cluster.dns && peers_known_) {
      errors_.add(value, "cluster-dns without /cluster/dns");
    }
    return peer;
  }

  Exception exception(const JsonValue& value, const Policy& policy) {
    ObjectFields object(errors_, value);
    const auto side = [&](const JsonValue& v) { return peer(v, policy); };
    std::string approved_by = object.text("approved_by");
    const Date expires = object.get("expires", Date(), [&](const JsonValue& v) { return read_date(errors_, v); });
    const Peer from = object.get("from", Peer(), side);
    Exception exception{from,
                        object.prefix("to"),
                        object.some_services("services"),
                        object.text("ticket"),
                        std::move(approved_by),
                        expires,
                        object.origin("origin")};
    object.finish();
    return exception;
  }

  Flow flow(const JsonValue& value, const Policy& policy) {
    ObjectFields object(errors_, value);
    const auto side = [&](const JsonValue& v) { return peer(v, policy); };
    Flow flow;
    flow.from = object.get("from", Peer(), side);
    flow.implied = object.flag("implied");
    flow.origin = object.origin("origin");
    flow.services = object.some_services("services");
    flow.source_nat_nodes = object.flag("source_nat_nodes");
    flow.to = object.get("to", Peer(), side);
    flow.why = object.text("why");
    object.finish();
    return flow;
  }

  InsideRange inside_range(const JsonValue& value) {
    ObjectFields object(errors_, value);
    InsideRange range{object.prefix("prefix"), object.text("what"), object.text("why"), object.text("approved_by"),
                      object.origin("origin")};
    object.finish();
    return range;
  }

  Multicast multicast(const JsonValue& value) {
    ObjectFields object(errors_, value);
    const Ip group = object.get("group", Ip::v4(0), [&](const JsonValue& v) { return read_ip(errors_, v); });
    Multicast multicast{group, object.text("protocol"), object.number<std::uint8_t>("number"), object.text("why"),
                        object.origin("origin")};
    object.finish();
    return multicast;
  }

  RequestedTarget target(const JsonValue& value) {
    ObjectFields object(errors_, value);
    RequestedTarget target;
    target.id = object.get("id", TargetId(),
                           [&](const JsonValue& v) { return read_word(errors_, v, parse_target, target_names()); });
    target.origin = object.origin("origin");
    object.finish();
    return target;
  }

  Workload workload(const JsonValue& value) {
    ObjectFields object(errors_, value);
    Workload workload;
    workload.dns = object.flag("dns");
    workload.expose = object.list("expose", [&](const JsonValue& v) {
      return read_word(errors_, v, parse_expose, {"NodePort", "LoadBalancer"});
    });
    workload.host = object.flag("host");
    workload.labels = object.labels("labels");
    workload.name = object.filled("name");
    workload.ns = object.filled("namespace");
    workload.origin = object.origin("origin");
    workload.privileged = object.flag("privileged");
    workload.serves = object.get("serves", std::map<std::string, ServiceSet>(), [&](const JsonValue& v) {
      return read_map(errors_, v, [&](const JsonValue& port) { return read_services(errors_, port); });
    });
    workload.service_account = object.text("service_account");
    object.finish();
    return workload;
  }

  Zone zone(const JsonValue& value, const Policy& policy) {
    ObjectFields object(errors_, value);
    Zone zone{object.domain("name"), {}, object.origin("origin")};
    zone.forward = object.list(
        "forward", [&](const JsonValue& v) { return index_of(v, policy.endpoints, read_text(errors_, v)); });
    object.finish();
    return zone;
  }

  FieldErrors errors_;
  bool peers_known_ = false;  // workloads, endpoints and cluster are free of errors, so a missing one is an error
};

// Whether the file is of this format and as it was written; what is wrong inside of an edited file is not of interest.
bool check_envelope(const JsonValue& root, Diagnostics& diagnostics) {
  FieldErrors errors(diagnostics);
  if (!is_kind(errors, root, JsonValue::Kind::Object)) return false;
  const std::optional<JsonValue> format = root.member("format");
  const std::optional<JsonValue> digest = root.member("digest");
  if (!format) errors.add(root, "missing member", {.member = "format"});
  if (format && is_kind(errors, *format, JsonValue::Kind::Integer) && format->integer() != kPolicyFormat) {
    diagnostics
        .error(Code::PolicyVersion, format->span(),
               "policy.json of format " + std::to_string(format->integer()) + " at /format")
        .expect("format " + std::to_string(kPolicyFormat))
        .help("compile the spec again with this version");
    return false;
  }
  if (!digest) errors.add(root, "missing member", {.member = "digest"});
  if (errors.any() || !is_kind(errors, *digest, JsonValue::Kind::String)) return false;
  const std::string carried = digest->string();
  if (!is_digest(carried)) {
    errors.add(*digest, "no digest", {.expected = std::string(kDigestForm)});
    return false;
  }
  const std::string computed = digest_of(canonical_json(root, "digest"));
  if (computed == carried) return true;
  diagnostics
      .error(Code::PolicyDigest, digest->span(),
             "the file was changed after it was compiled: it carries " + carried + " at /digest, its content has " +
                 computed)
      .help("compile the spec again, or fetch the file again from where it was compiled");
  return false;
}

}  // namespace

std::optional<Policy> parse_compiled_policy(std::uint32_t source, const Sources& sources, Diagnostics& diagnostics) {
  const std::optional<JsonDocument> document = parse_json(source, sources, Code::PolicySyntax, diagnostics);
  if (!document || !check_envelope(document->root(), diagnostics)) return std::nullopt;
  return Reader(diagnostics).read(document->root());
}

}  // namespace airtight
