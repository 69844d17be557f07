#include "compiler/emit/bind.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/emit/rpz.h"
#include "compiler/net/domain.h"
#include "compiler/net/ip.h"
#include "compiler/net/ip_set.h"

namespace airtight {
namespace {

constexpr std::uint16_t kDnsPort = 53;
// More is a range that somebody declared, not a list of servers.
constexpr std::size_t kMostForwarders = 16;

std::string place(const Origin& origin) { return comment_text(to_string(origin)); }

// Every address, or nullopt if there are more than kMostForwarders.
std::optional<std::vector<Ip>> each_address(const IpSet& set) {
  std::vector<Ip> all;
  for (const IpRange& range : set.ranges()) {
    const u128 more = range.last.bits() - range.first.bits();
    if (more >= kMostForwarders - all.size()) return std::nullopt;
    for (u128 i = 0; i <= more; ++i) {
      const u128 bits = range.first.bits() + i;
      all.push_back(range.first.is_v4() ? Ip::v4(static_cast<std::uint32_t>(bits)) : Ip::v6(bits));
    }
  }
  return all;
}

// In the order that the spec gives, each once.
std::vector<const Endpoint*> forwarders_of(const Policy& policy, const Zone& zone) {
  std::vector<const Endpoint*> result;
  for (const std::size_t index : zone.forward) {
    const Endpoint* endpoint = &policy.endpoints[index];
    if (std::find(result.begin(), result.end(), endpoint) == result.end()) result.push_back(endpoint);
  }
  return result;
}

void check(const Policy& policy, Diagnostics& diagnostics) {
  Span target;
  for (const RequestedTarget& requested : policy.targets) {
    if (requested.id == TargetId::Bind) target = requested.origin.span;
  }
  if (!policy.has_target(TargetId::Rpz)) {
    diagnostics
        .error(Code::TargetNeeds, target, "target bind loads the zones of target rpz, which is not among the targets")
        .help("add rpz to `targets`");
  }
  std::set<std::size_t> seen;
  std::vector<Domain> zones;
  for (const Zone& zone : policy.zones) {
    zones.push_back(zone.name);
    if (zone.forward.empty()) {
      diagnostics
          .error(
              Code::TargetNeeds, zone.origin.span,
              "target bind needs a resolver that zone " + airtight::quoted(to_string(zone.name)) + " is forwarded to")
          .expect("{name: " + to_string(zone.name) + ", forward: [ENDPOINT]}, an endpoint of role dns");
    }
    for (const std::size_t index : zone.forward) {
      if (!seen.insert(index).second) continue;
      const Endpoint& endpoint = policy.endpoints[index];
      if (!each_address(endpoint.addresses)) {
        diagnostics
            .error(Code::CannotExpress, endpoint.origin.span,
                   "target bind forwards to single addresses, and endpoint " + airtight::quoted(endpoint.name) +
                       " has more than " + std::to_string(kMostForwarders))
            .help("list the addresses of the name servers themselves");
      }
      if (!endpoint.ports.contains(Protocol::Udp, kDnsPort) && !endpoint.ports.contains(Protocol::Tcp, kDnsPort)) {
        diagnostics.error(
            Code::CannotExpress, endpoint.origin.span,
            "target bind forwards to port 53, and endpoint " + airtight::quoted(endpoint.name) + " has no such port");
      }
    }
  }
  const DomainSet forwarded = DomainSet::from_suffixes(zones);
  for (const Endpoint& endpoint : policy.endpoints) {
    for (const Domain& name : endpoint.names) {
      if (forwarded.contains(name)) continue;
      diagnostics
          .warning(
              Code::TargetNeeds, endpoint.origin.span,
              "no zone holds " + airtight::quoted(to_string(name)) + ", so target bind answers that it does not exist")
          .help("add a zone that holds it to `dns.zones`, with `forward`");
    }
  }
}

constexpr std::string_view kInstall = R"(#
# Install: copy bind/ and rpz/ side by side to where named may read and write, for instance below /var/cache/bind, and
# start named in bind/ (a unit's WorkingDirectory=), or write that path into `directory`:
#     cd .../bind && named-checkconf -z named.conf && named -f -u bind -c named.conf
# It is the whole configuration: include it nowhere, add no forwarder and no root hints. A cache that was filled before
# goes on answering, so start the server anew rather than reload it.
# The server must not be one of those that it forwards to, and its own host's /etc/resolv.conf may name it.
# What BIND cannot look at: address hints in HTTPS and SVCB records of inside names are handed on as they come.
)";

constexpr std::string_view kOptions = R"(
options {
    directory ".";
    listen-on port 53 { any; };
    listen-on-v6 port 53 { any; };

    recursion yes;
    allow-query { inside; };
    allow-query-cache { inside; };
    allow-recursion { inside; };
    allow-transfer { none; };
    allow-update-forwarding { none; };
    notify no;

    # Names first: BIND finishes recursion before it looks at a zone listed after one with address triggers. That zone
    # lets nothing pass, which would switch both off for the rest of an answer.
    response-policy {
        zone "airtight-names" policy given log yes;
        zone "airtight-answers" policy given log yes;
    } qname-wait-recurse no break-dnssec yes recursive-only no nsip-enable no nsdname-enable no max-policy-ttl 60;

    # Under a sealed root no chain of trust can be built: every inside answer would fail.
    dnssec-validation no;
    trust-anchor-telemetry no;
    # The root answers for these; a zone made up by the server would hide a forwarded reverse zone.
    empty-zones-enable no;
    qname-minimization off;
    prefetch 0;
    stale-answer-enable no;
    # Addresses beside the answer are no answer, so the policy zones do not see them.
    minimal-responses yes;
    minimal-any no;

    querylog yes;
    version none;
    hostname none;
    server-id none;
    pid-file none;
    session-keyfile none;
    lock-file none;
};

controls { };
)";

std::string acl(const Policy& policy) {
  std::string text = "\n# Who may ask: the inside, and nobody else.\nacl inside {\n";
  for (const Prefix& prefix : policy.inside.prefixes()) text += "    " + to_string(prefix) + ";\n";
  return text + "};\n";
}

std::string local_zone(std::string_view name, std::string_view file, std::string_view more) {
  std::string text = "zone \"";
  text += name;
  text += "\" {\n    type primary;\n    file \"../rpz/";
  text += file;
  text += "\";\n";
  text += more;
  return text + "};\n";
}

std::vector<Artifact> emit(const Policy& policy) {
  struct Server {
    bool udp = false;
    const Endpoint* endpoint = nullptr;
  };
  std::map<Ip, Server> servers;
  std::map<Domain, std::string> zones;  // a zone given twice forwards once
  for (const Zone& zone : policy.zones) {
    std::string text;
    for (const Endpoint* endpoint : forwarders_of(policy, zone)) {
      const std::vector<Ip> addresses = each_address(endpoint->addresses).value_or(std::vector<Ip>());
      for (const Ip address : addresses) {
        Server& server = servers[address];
        server.udp = server.udp || endpoint->ports.contains(Protocol::Udp, kDnsPort);
        if (server.endpoint == nullptr) server.endpoint = endpoint;
        text += "        " + to_string(address) + ";  # endpoint " + comment_text(endpoint->name) + ", " +
                place(endpoint->origin) + '\n';
      }
    }
    zones.try_emplace(zone.name, "\n# zone, " + place(zone.origin) + "\nzone \"" + to_string(zone.name) +
                                     "\" {\n    type forward;\n    forward only;\n    forwarders {\n" + text +
                                     "    };\n};\n");
  }

  std::string text =
      artifact_header(policy, TargetId::Bind, "# ", "a resolver for inside names that has no upstream for any other");
  text += kInstall;
  text += acl(policy);
  text += kOptions;
  text +=
      "\n# Whatever else fails, no other address is ever asked.\n"
      "server 0.0.0.0/0 { bogus yes; };\nserver ::/0 { bogus yes; };\n";
  for (const auto& [address, server] : servers) {
    text += "server " + to_string(address) + " { bogus no;" + (server.udp ? "" : " tcp-only yes;") +
            " };  # endpoint " + comment_text(server.endpoint->name) + ", " + place(server.endpoint->origin) + '\n';
  }
  text += "\n# The sealed root. Its name server has no address on purpose, which the check would complain about.\n";
  text += local_zone(".", "sealed-root.zone", "    check-integrity no;\n");
  text += '\n';
  const std::string closed = "    allow-query { none; };\n";
  text += local_zone(kNamesZone, "names-bind.zone", closed);
  text += local_zone(kAnswersZone, "answers-bind.zone", closed);
  for (const auto& [name, zone] : zones) text += zone;

  return {{"bind/named.conf", TargetId::Bind, Layer::Dns, std::move(text)}};
}

}  // namespace

const Target kBindTarget{TargetId::Bind, Layer::Dns, "configuration of BIND 9.18 over the zones of rpz",
                         std::nullopt,   check,      emit};

}  // namespace airtight
