#include "auditor/policy_show.h"

#include <algorithm>
#include <cstdio>
#include <span>
#include <string_view>
#include <vector>

#include "auditor/wording.h"

namespace airtight::audit {
namespace {

using Side = Columns::Side;

constexpr std::size_t kText = 400;  // a `why` is a sentence; longer ones are cut

// Space that nobody on the internet can have: RFC 1918, 4193, 6598, loopback and link-local.
bool is_private(const Prefix& prefix) {
  constexpr std::string_view kBlocks[] = {"10.0.0.0/8",    "172.16.0.0/12", "192.168.0.0/16",
                                          "100.64.0.0/10", "127.0.0.0/8",   "169.254.0.0/16",
                                          "fc00::/7",      "fe80::/10",     "::1/128"};
  return std::any_of(std::begin(kBlocks), std::end(kBlocks),
                     [&](std::string_view block) { return Prefix::parse(block)->contains(prefix); });
}

std::string text(std::string_view value) { return shown(value, kText); }

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ", ") + part;
  return out;
}

template <class Row, class Name>
std::string joined(const std::vector<Row>& rows, Name name) {
  std::vector<std::string> parts;
  for (const Row& row : rows) parts.push_back(name(row));
  return joined(parts);
}

std::string place(const Origin& origin) { return origin.file.empty() ? "" : "(" + text(to_string(origin)) + ")"; }

// "agent inference (isolation.yaml:12)", either part alone where the other is missing.
std::string why(const std::string& reason, const Origin& origin) {
  const std::string where = place(origin);
  return text(reason) + (reason.empty() || where.empty() ? "" : " ") + where;
}

std::string labels_text(const Labels& labels) {
  if (labels.empty()) return "the whole namespace";
  std::string out;
  for (const auto& [key, value] : labels) out += (out.empty() ? "" : ",") + text(key) + "=" + text(value);
  return out;
}

class PolicyText {
 public:
  explicit PolicyText(const Policy& policy) : policy_(policy) {}

  std::string write() && {
    write_head();
    write_inside();
    write_cluster();
    write_workloads();
    write_endpoints();
    write_flows();
    write_exceptions();
    write_multicast();
    write_names();
    write_catalogues();
    return std::move(out_);
  }

 private:
  void line(const std::string& text) { out_ += text + "\n"; }
  void section(const std::string& name, const Columns& columns) {
    const std::vector<std::string> rows = columns.rows();
    if (rows.empty()) return;
    line("\n" + name);
    for (const std::string& row : rows) line("  " + row);
  }
  static Columns columns(std::size_t count) { return Columns(std::vector<Side>(count, Side::Left)); }

  void write_head() {
    line(text(policy_.name) + (policy_.classification.empty() ? "" : ", " + text(policy_.classification)) +
         (policy_.owner.empty() ? "" : ", owned by " + text(policy_.owner)));
    Columns rows = columns(2);
    rows.add(
        {"mode",
         std::string(to_string(policy_.mode)) +
             (policy_.mode == Mode::Airgapped ? "" : ": PrivateLink endpoints are allowed, not fully air-gapped")});
    rows.add({"policy digest", policy_digest(policy_)});
    rows.add({"spec digest", text(policy_.spec_digest)});
    rows.add({"default deny", joined(policy_.default_deny_namespaces, [](const std::string& ns) { return text(ns); })});
    rows.add({"targets", joined(policy_.targets,
                                [](const RequestedTarget& target) { return std::string(to_string(target.id)); })});
    for (const std::string& row : rows.rows()) line("  " + row);
  }

  void write_inside() {
    Columns rows = columns(4);
    for (const InsideRange& range : policy_.inside_ranges)
      rows.add({to_string(range.prefix), text(range.what),
                std::string(is_private(range.prefix) ? "" : "PUBLIC") +
                    (range.approved_by.empty() ? ""
                                               : std::string(is_private(range.prefix) ? "" : ", ") + "approved by " +
                                                     text(range.approved_by)),
                why(range.why, range.origin)});
    section("Inside (all else is outside)", rows);
  }

  void write_cluster() {
    const Cluster& cluster = policy_.cluster;
    Columns rows = columns(2);
    const auto add = [&](std::string name, std::string value) {
      if (!value.empty()) rows.add({std::move(name), std::move(value)});
    };
    const auto same = [](const std::string& name) { return text(name); };
    add("Kubernetes", cluster.version ? to_string(*cluster.version) : "");
    add("dataplane", std::string(to_string(cluster.dataplane)));
    add("domain", to_string(cluster.domain));
    if (cluster.dns) {
      add("resolver", text(cluster.dns->ns) + " " + labels_text(cluster.dns->labels) + ", " +
                          joined(cluster.dns->service, [](Ip ip) { return to_string(ip); }) + ", " +
                          to_string(cluster.dns->ports));
      add("node-local resolver", joined(cluster.dns->node_local, [](Ip ip) { return to_string(ip); }));
    }
    add("API server", joined(cluster.api_server, [](const AddressPort& at) { return to_string(at); }));
    add("uplinks", joined(cluster.uplinks, same));
    add("pod side", joined(cluster.pod_side, same));
    add("overlays", joined(cluster.overlays, same));
    add("tunnels between nodes", joined(cluster.tunnels, [](const Tunnel& tunnel) {
          return text(tunnel.kind) + " (" + to_string(tunnel.carrier) + ")";
        }));
    add("EtherTypes that may leave", joined(cluster.l2, [](const EtherType& type) {
          char number[8];
          std::snprintf(number, sizeof number, "0x%04x", type.value);
          return text(type.name) + " (" + number + ")";
        }));
    add("DHCP", std::string(cluster.dhcp_v4 ? "v4" : "") + (cluster.dhcp_v4 && cluster.dhcp_v6 ? ", " : "") +
                    (cluster.dhcp_v6 ? "v6" : ""));
    add("known tc and XDP programs", joined(cluster.programs, same));
    add("namespace label", text(cluster.namespace_label));
    section("Cluster", rows);
  }

  void write_workloads() {
    Columns rows = columns(5);
    for (const Workload& workload : policy_.workloads) {
      std::vector<std::string> serves, marks;
      for (const auto& [name, services] : workload.serves) serves.push_back(text(name) + " " + to_string(services));
      if (!workload.service_account.empty()) marks.push_back("service account " + text(workload.service_account));
      if (workload.host) marks.push_back("host network");
      if (workload.privileged) marks.push_back("privileged");
      if (!workload.dns) marks.push_back("no DNS");
      for (const Expose expose : workload.expose) marks.push_back(std::string(to_string(expose)));
      rows.add({text(workload.name), text(workload.ns), labels_text(workload.labels), joined(serves), joined(marks)});
    }
    section("Workloads", rows);
  }

  void write_endpoints() {
    Columns rows = columns(6);
    for (const Endpoint& endpoint : policy_.endpoints)
      rows.add({text(endpoint.name),
                std::string(to_string(endpoint.role)) + (endpoint.runtime.empty() ? "" : ", " + text(endpoint.runtime)),
                to_string(endpoint.addresses), endpoint.ports.empty() ? "" : to_string(endpoint.ports),
                joined(endpoint.names, [](const Domain& name) { return to_string(name); }),
                why(endpoint.why, endpoint.origin)});
    section("Endpoints", rows);
  }

  void write_flows() {
    Columns rows = columns(3);
    for (const Flow& flow : policy_.flows)
      rows.add({between(flow.from, text(policy_.name_of(flow.to))), to_string(flow.services) + ":",
                why(std::string(flow.implied ? "implied: " : "") + flow.why +
                        (flow.source_nat_nodes ? "; seen from a node's address" : ""),
                    flow.origin)});
    section("Flows", rows);
  }

  void write_exceptions() {
    if (policy_.exceptions.empty()) {
      line("\nExceptions: none");
      return;
    }
    Columns rows = columns(4);
    for (const Exception& exception : policy_.exceptions)
      rows.add(
          {between(exception.from, to_string(exception.to)), to_string(exception.services),
           "until " + to_string(exception.expires),
           text(exception.ticket) + ", approved by " + text(exception.approved_by) + " " + place(exception.origin)});
    section("Exceptions (these may leave)", rows);
  }

  std::string between(const Peer& from, const std::string& to) const {
    return text(policy_.name_of(from)) + " → " + to;
  }

  void write_multicast() {
    Columns rows = columns(3);
    for (const Multicast& group : policy_.multicast) {
      const std::string number = std::to_string(group.number);
      rows.add({to_string(group.group),
                "protocol " + (group.protocol == number ? number : text(group.protocol) + " (" + number + ")"),
                why(group.why, group.origin)});
    }
    section("Multicast that may leave", rows);
  }

  void write_names() {
    Columns rows = columns(3);
    for (const Zone& zone : policy_.zones)
      rows.add({"inside", to_string(zone.name),
                (zone.forward.empty() ? "not forwarded" : "forwarded to ") +
                    joined(zone.forward, [&](std::size_t at) { return text(policy_.endpoints[at].name); }) + " " +
                    place(zone.origin)});
    for (const DeniedName& name : policy_.denied_names) rows.add({"denied", to_string(name.name), place(name.origin)});
    section("DNS zones and denied names", rows);
  }

  void write_catalogues() {
    Columns rows({Side::Left, Side::Left, Side::Right, Side::Left});
    for (const Catalogue& catalogue : policy_.catalogues) {
      const std::size_t count = catalogue.entries.size();
      rows.add({catalogue.denied ? "denied" : "labels only", text(catalogue.name),
                grouped(count) + (count == 1 ? " entry" : " entries"), text(catalogue.title)});
    }
    if (policy_.catalogues.empty())
      line("\nCatalogues: none");
    else
      section("Catalogues", rows);
  }

  const Policy& policy_;
  std::string out_;
};

}  // namespace

std::string render_policy(const Policy& policy) { return PolicyText(policy).write(); }

}  // namespace airtight::audit
