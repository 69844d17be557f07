#include "compiler/emit/packet_filter.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <string>

#include "tests/emit/random_policy.h"
#include "tests/emit/sample_policy.h"

using namespace airtight;

namespace {

// What a packet filter sees of a packet, less the message shapes: none of these packets is one.
struct Packet {
  Ip source = Ip::v4(0);
  Ip destination = Ip::v4(0);
  Protocol protocol = Protocol::Tcp;
  std::uint16_t selector = 0;
  bool established = false;
  bool local = false;
};

bool matches(const PacketFilter& filter, const FilterRule& rule, const Packet& packet) {
  const FilterMatch& match = rule.match;
  if (rule.family && *rule.family != packet.destination.family()) return false;
  if (!match.in_device.empty() || match.shape != Shape::None || match.number) return false;
  if (match.source && filter.sets[*match.source].addresses.contains(packet.source) == match.not_source) return false;
  if (match.destination &&
      filter.sets[*match.destination].addresses.contains(packet.destination) == match.not_destination) {
    return false;
  }
  if (match.protocol && (*match.protocol != packet.protocol || !match.selectors.contains(packet.selector)))
    return false;
  if (match.established && !packet.established) return false;
  return !match.local_destination || packet.local;
}

// "accept", or the name of the reason for the drop.
std::string decide(const PacketFilter& filter, const FilterChain& chain, const Packet& packet) {
  for (const FilterRule& rule : chain.rules) {
    if (!matches(filter, rule, packet)) continue;
    switch (rule.verdict) {
      case Verdict::Accept:
        return "accept";
      case Verdict::Drop:
        return filter.drops[rule.target].name;
      case Verdict::Goto:
        return decide(filter, filter.chains[rule.target], packet);
    }
  }
  return chain.hook == Hook::Prerouting ? "accept" : "policy";
}

std::string decide(const Policy& policy, std::string_view chain, const Packet& packet) {
  const PacketFilter filter = lower_to_packet_filter(policy);
  return decide(filter, *filter.chain(chain), packet);
}

Packet packet(std::string_view from, std::string_view to, std::uint16_t port, Protocol protocol = Protocol::Tcp) {
  Packet result;
  result.source = ip_of(from);
  result.destination = ip_of(to);
  result.protocol = protocol;
  result.selector = port;
  return result;
}

Packet established(Packet packet) {
  packet.established = true;
  return packet;
}

// The rules in the words of the design, straight from the policy: the obvious and slow oracle.
bool may_pass(const Policy& policy, bool forward, const Packet& packet) {
  const auto to = [&](const Peer& peer) { return policy.addresses_of(peer).contains(packet.destination); };
  const auto from = [&](const Peer& peer) { return policy.addresses_of(peer).contains(packet.source); };
  for (const Exception& exception : policy.exceptions) {
    const bool of_source = forward ? policy.is_pod(exception.from) && policy.pods().contains(packet.source)
                                   : policy.is_node_side(exception.from);
    if (of_source && exception.to.contains(packet.destination) &&
        exception.services.contains(packet.protocol, packet.selector)) {
      return true;
    }
  }
  if (!policy.inside.contains(packet.destination)) return false;
  if (packet.established) return true;
  if (!forward && packet.local) return true;
  const IpSet cluster = policy.cluster_ranges();
  if (cluster.contains(packet.destination) && (!forward || cluster.contains(packet.source))) return true;
  for (const AddressPort& server : policy.cluster.api_server) {
    if (server.address == packet.destination && packet.protocol == Protocol::Tcp && packet.selector == server.port)
      return true;
  }
  for (const Flow& flow : policy.flows) {
    if (!flow.services.contains(packet.protocol, packet.selector) || !to(flow.to)) continue;
    if (flow.to.kind == Peer::Kind::Endpoint) return true;
    const bool from_elsewhere = flow.from.kind == Peer::Kind::Endpoint || flow.from.kind == Peer::Kind::ApiServer;
    if (forward && from_elsewhere && from(flow.from)) return true;
  }
  return false;
}

bool is_shape(const FilterRule& rule) { return rule.match.shape != Shape::None || rule.match.number.has_value(); }

}  // namespace

TEST_CASE("packet filter: chains and their order", "[packet_filter]") {
  const PacketFilter filter = lower_to_packet_filter(sample_policy());
  std::string names;
  for (const FilterChain& chain : filter.chains) names += chain.name + " ";
  CHECK(names == "prerouting from_pods outside forward output ");
  std::string drops;
  for (const DropReason& drop : filter.drops) drops += drop.name + " ";
  CHECK(drops ==
        "source_route rogue_server denied_cloud-metadata denied_doh denied_xpander-cloud outside outside_inbound "
        "undeclared ");
  for (const DropReason& drop : filter.drops) CHECK(drop.log_prefix.size() <= 28);
}

TEST_CASE("packet filter: what the sample lets through", "[packet_filter]") {
  const Policy policy = sample_policy();
  struct Row {
    std::string_view chain;
    Packet packet;
    std::string_view verdict;
  };
  const Row rows[] = {
      {"forward", packet("10.42.0.2", "10.20.0.10", 8000), "accept"},
      {"forward", packet("fd00:42::2", "fd00:20::10", 8000), "accept"},
      {"forward", packet("10.42.0.2", "10.20.0.10", 8001), "undeclared"},
      {"forward", packet("10.42.0.2", "10.20.0.10", 8000, Protocol::Udp), "undeclared"},
      {"forward", established(packet("10.42.0.2", "10.20.0.10", 8001)), "accept"},
      {"forward", packet("10.42.0.2", "10.42.7.7", 1), "accept"},
      {"forward", packet("10.42.0.2", "10.20.0.53", 53, Protocol::Udp), "accept"},
      {"forward", packet("10.42.0.2", "198.51.100.1", 443), "outside"},
      {"forward", established(packet("10.42.0.2", "198.51.100.1", 443)), "outside"},
      {"forward", established(packet("fd00:42::2", "2001:db8::1", 443)), "outside"},
      {"forward", packet("10.42.0.2", "15.197.85.80", 443), "denied_xpander-cloud"},
      {"forward", packet("10.42.0.2", "169.254.169.254", 80), "denied_cloud-metadata"},
      {"forward", packet("fd00:42::2", "2606:4700:4700::1111", 443), "denied_doh"},
      {"forward", packet("10.42.0.2", "203.0.113.7", 443), "accept"},
      {"forward", packet("10.42.0.2", "203.0.113.7", 444), "outside"},
      {"forward", packet("10.10.0.2", "203.0.113.7", 443), "outside"},
      {"output", packet("10.10.0.2", "203.0.113.7", 443), "outside"},
      {"forward", established(packet("203.0.113.7", "10.42.0.2", 40000)), "accept"},
      {"forward", packet("203.0.113.7", "10.42.0.2", 9018), "outside_inbound"},
      {"forward", packet("10.30.0.5", "10.10.0.2", 443), "accept"},
      {"forward", packet("10.30.0.5", "10.42.0.2", 9018), "undeclared"},
      {"forward", packet("10.42.0.2", "::ffff:203.0.113.7", 443), "outside"},
      {"output", packet("10.10.0.2", "10.42.0.2", 1), "accept"},
      {"output", packet("10.10.0.2", "10.20.0.10", 8000), "accept"},
      {"output", packet("10.10.0.2", "10.30.0.5", 445), "undeclared"},
      {"output", established(packet("10.10.0.2", "10.30.0.5", 40000)), "accept"},
      {"output", established(packet("10.10.0.2", "198.51.100.1", 40000)), "outside"},
  };
  for (const Row& row : rows) {
    INFO(row.chain << " " << to_string(row.packet.source) << " -> " << to_string(row.packet.destination) << " port "
                   << row.packet.selector << (row.packet.established ? " established" : ""));
    CHECK(decide(policy, row.chain, row.packet) == row.verdict);
  }
}

TEST_CASE("packet filter: an IPv4-only spec drops all IPv6 (R05)", "[packet_filter]") {
  const Policy policy = tiny_policy();
  for (const std::string_view chain : {"forward", "output"}) {
    CHECK(decide(policy, chain, packet("fd00:42::2", "2001:db8::1", 443)) == "outside");
    CHECK(decide(policy, chain, packet("fd00:42::2", "fd00:42::3", 443)) == "outside");
    CHECK(decide(policy, chain, established(packet("fd00:42::2", "2001:db8::1", 443))) == "outside");
  }
}

TEST_CASE("packet filter: a local destination is asked for after the outside was dropped", "[packet_filter]") {
  Packet own = packet("10.10.0.2", "198.51.100.1", 443);
  own.local = true;
  CHECK(decide(sample_policy(), "output", own) == "outside");
  own.destination = ip_of("10.30.0.77");
  CHECK(decide(sample_policy(), "output", own) == "accept");
}

TEST_CASE("packet filter: an API server elsewhere, and what it may open", "[packet_filter]") {
  Policy policy = sample_policy();
  policy.cluster.api_server = {{ip_of("10.90.0.1"), 6443}};
  policy.inside_ranges.push_back({prefix_of("10.90.0.1/32"), "apiServer", "", "", at_line(15)});
  Flow webhook;
  webhook.from = {Peer::Kind::ApiServer, 0};
  webhook.to = peer_of(policy, "ai-gateway");
  webhook.services = tcp(9443);
  webhook.why = "webhook";
  webhook.origin = at_line(40);
  policy.flows.push_back(webhook);
  derive(policy);
  CHECK(decide(policy, "output", packet("10.10.0.2", "10.90.0.1", 6443)) == "accept");
  CHECK(decide(policy, "forward", packet("10.42.0.2", "10.90.0.1", 6443)) == "accept");
  CHECK(decide(policy, "forward", packet("10.42.0.2", "10.90.0.1", 6444)) == "undeclared");
  CHECK(decide(policy, "forward", packet("10.90.0.1", "10.42.0.2", 9443)) == "accept");
  CHECK(decide(policy, "forward", packet("10.90.0.1", "10.42.0.2", 9444)) == "undeclared");
}

TEST_CASE("packet filter: pods' own router and server messages are dropped by shape (R55)", "[packet_filter]") {
  const PacketFilter filter = lower_to_packet_filter(sample_policy());
  std::string devices;
  for (const FilterRule& rule : filter.chain("prerouting")->rules) {
    CHECK(rule.verdict == Verdict::Goto);
    CHECK(filter.chains[rule.target].name == "from_pods");
    devices +=
        rule.match.in_device.empty() ? "@" + filter.sets[*rule.match.source].name + " " : rule.match.in_device + " ";
  }
  CHECK(devices ==
        "cali* veth* lxc* cni* eni* azv* flannel.* vxlan.* cilium_* tunl0 cni0 kube-* docker0 nodelocaldns @pods_v4 "
        "@pods_v6 ");
  for (const FilterRule& rule : filter.chain("from_pods")->rules) {
    CHECK(rule.verdict == Verdict::Drop);
    CHECK((rule.match.shape == Shape::RouterRole || rule.match.shape == Shape::DhcpServer));
  }
}

TEST_CASE("packet filter: every policy keeps the order and the families", "[packet_filter]") {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    const Policy policy = random_policy(seed);
    const PacketFilter filter = lower_to_packet_filter(policy);
    INFO("seed " << seed);
    for (const AddressSet& set : filter.sets) {
      REQUIRE_FALSE(set.addresses.empty());
      REQUIRE((set.family == Family::V4 ? set.addresses.v6().empty() : set.addresses.v4().empty()));
    }
    for (const FilterChain& chain : filter.chains) {
      for (const FilterRule& rule : chain.rules) {
        REQUIRE_FALSE(rule.why.empty());
        for (const std::optional<std::size_t>& set : {rule.match.source, rule.match.destination})
          if (set) REQUIRE((rule.family && filter.sets[*set].family == *rule.family));
        if (rule.match.protocol == Protocol::Icmp) REQUIRE(rule.family == Family::V4);
        if (rule.match.protocol == Protocol::Icmpv6) REQUIRE(rule.family == Family::V6);
      }
      if (chain.hook != Hook::Forward && chain.hook != Hook::Output) continue;
      unsigned denies = 0;
      for (const FilterRule& rule : chain.rules) {
        if (rule.verdict == Verdict::Goto) {
          REQUIRE(filter.chains[rule.target].name == "outside");
          ++denies;
        } else if (denies < 2) {
          const bool exception = rule.counter.starts_with("exception_") && rule.match.destination;
          REQUIRE((rule.verdict == Verdict::Drop || is_shape(rule) || exception));
        }
      }
      REQUIRE(denies == 2);
      REQUIRE(chain.rules.back().verdict == Verdict::Drop);
      REQUIRE(filter.drops[chain.rules.back().target].name == "undeclared");
    }
  }
}

TEST_CASE("packet filter: decides as the policy says, packet by packet", "[packet_filter]") {
  std::mt19937 random(7);
  unsigned passed = 0;
  unsigned dropped = 0;
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    const Policy policy = random_policy(seed);
    const PacketFilter filter = lower_to_packet_filter(policy);
    std::vector<Ip> corners{ip_of("198.51.100.1"), ip_of("2001:db8::1"), ip_of("203.0.113.7"), ip_of("2001:db8:7::1"),
                            ip_of("169.254.169.254")};
    for (const IpRange& range : policy.inside.ranges()) corners.insert(corners.end(), {range.first, range.last});
    std::vector<std::pair<Protocol, std::uint16_t>> services{
        {Protocol::Tcp, 6443}, {Protocol::Udp, 53}, {Protocol::Other, 4}};
    const auto add_services = [&](const ServiceSet& set) {
      for (const Protocol protocol : kProtocols)
        for (const auto& range : set.ports(protocol).intervals())
          services.insert(services.end(), {{protocol, range.first}, {protocol, range.last}});
    };
    for (const Flow& flow : policy.flows) add_services(flow.services);
    for (const Exception& exception : policy.exceptions) add_services(exception.services);
    for (int i = 0; i < 1000; ++i) {
      Packet packet;
      packet.destination = corners[random() % corners.size()];
      do packet.source = corners[random() % corners.size()];
      while (packet.source.family() != packet.destination.family());
      std::tie(packet.protocol, packet.selector) = services[random() % services.size()];
      if (packet.protocol == (packet.destination.is_v4() ? Protocol::Icmpv6 : Protocol::Icmp)) continue;
      packet.established = random() % 4 == 0;
      for (const bool forward : {true, false}) {
        packet.local = !forward && random() % 8 == 0;
        const bool expected = may_pass(policy, forward, packet);
        const std::string got = decide(filter, *filter.chain(forward ? "forward" : "output"), packet);
        INFO("seed " << seed << (forward ? " forward " : " output ") << to_string(packet.source) << " -> "
                     << to_string(packet.destination) << " " << to_string(packet.protocol) << " " << packet.selector
                     << (packet.established ? " established" : "") << ": " << got);
        REQUIRE((got == "accept") == expected);
        ++(expected ? passed : dropped);
      }
    }
  }
  CHECK(passed > 10000);
  CHECK(dropped > 10000);
}

TEST_CASE("packet filter: names that every filter takes", "[packet_filter]") {
  CHECK(filter_name("xpander-cloud") == "xpander-cloud");
  CHECK(filter_name("bond0.100") == "bond0_100");
  CHECK(filter_name("a b\"c;}") == "a_b_c__");
}
