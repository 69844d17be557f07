// Probes against real kernels and a resolver of our own: denied is said of a firewall that works, and of nothing else.
#include "auditor/probe/probe.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <map>
#include <memory>

#include "tests/auditor/canary/own_network.h"
#include "tests/auditor/probe/fake_resolver.h"
#include "tests/spec/spec_text.h"

using namespace airtight;
using namespace airtight::audit;

namespace {

constexpr const char* kResolver = "10.43.0.10";  // the cluster DNS of the golden policy

Policy read_spec(const std::string& spec) {
  Reading reading;
  reading.add(spec);
  const auto policy = reading.policy();
  INFO(reading.errors());
  REQUIRE(policy.has_value());
  return *policy;
}
Policy golden_policy() { return read_spec(text_of(AIRTIGHT_SOURCE_DIR "/tests/golden/ipv4-only/spec.yaml")); }

void load_firewall() {
  load_rules(text_of(AIRTIGHT_SOURCE_DIR "/tests/golden/ipv4-only/expected/nftables/airtight.nft"));
}

// Of the compiled table alone; without it, and where nft says something else, nothing.
std::optional<std::uint64_t> drops_now() {
  const std::string text = output_of("nft list counter inet airtight outside 2>/dev/null");
  const std::size_t at = text.find("packets ");
  if (at == std::string::npos) return std::nullopt;
  return std::stoull(text.substr(at + 8));
}

std::vector<std::uint8_t> nxdomain(const std::vector<std::uint8_t>& question, bool) { return dns_answer(question, 3); }

ProbeGround ground_for(unsigned timeout = 5000) {
  ProbeGround ground;
  ground.resolvers = {*Ip::parse(kResolver)};
  ground.drops = drops_now;
  ground.timeout = timeout;
  return ground;
}

// A node with an uplink and a default route to a gateway that never answers.
void make_node() {
  run("ip link add eth0 type veth peer name peer0 && ip link set eth0 up && ip link set peer0 up && "
      "ip address add 10.10.0.7/24 dev eth0 && ip address add 10.43.0.10/32 dev lo");
}
void make_route() {
  run("ip route add default via 10.10.0.1 && ip neighbour add 10.10.0.1 lladdr 02:00:00:00:00:fe dev eth0");
}

ProbeTarget name_target(const std::string& name) {
  ProbeTarget target;
  target.name = name;
  return target;
}
ProbeTarget address_target(ProbeTarget::Kind kind, const char* address, std::uint16_t port) {
  ProbeTarget target;
  target.kind = kind;
  target.address = *Ip::parse(address);
  target.port = port;
  return target;
}

std::string all(const ProbeReport& report) {
  std::string text = report.verdict + "\n";
  for (const std::string& reason : report.reasons) text += "  because " + reason + "\n";
  for (const ProbeRecord& probe : report.probes) {
    text += "  " + probe.outcome + (probe.counted ? " counted " : " ") + probe.target + ": " + probe.detail + "\n";
  }
  return text;
}

bool skipped(const char* what) {
  if (may_make_networks()) return false;
  WARN("SKIPPED " << what << ": needs root");
  return true;
}

}  // namespace

// R47.
TEST_CASE("a leak test does not pass on a machine without network: only a firewall that counts is a denial") {
  if (skipped("R47")) return;
  struct Case {
    const char* what;
    std::function<std::shared_ptr<FakeResolver>()> build;
    const char* verdict;
    std::vector<std::string> reasons;  // of IPv4, in order
    unsigned timeout;
  };
  const auto with_resolver = [] { return std::make_shared<FakeResolver>(kResolver, nxdomain); };
  const std::string dead = "dead resolver: 10.43.0.10: it cannot be reached, or nobody listens there";
  const std::string no_counter = "no probe was dropped and counted";
  const std::string no_route =
      "no route for IPv4 (ENETUNREACH: Network is unreachable): the firewall had nothing to drop";
  const std::vector<Case> cases{
      {"(i) no interface",
       [] {
         load_firewall();
         return nullptr;
       },
       "inconclusive",
       {"there is no interface but loopback", dead, no_counter},
       300},
      {"(ii) interface down",
       [] {
         run("ip link add eth0 type veth peer name peer0 && ip address add 10.10.0.7/24 dev eth0");
         load_firewall();
         return nullptr;
       },
       "inconclusive",
       {"every interface is down: eth0 peer0", dead, no_counter},
       300},
      {"(iii) no route",
       [&] {
         make_node();
         load_firewall();
         return with_resolver();
       },
       "inconclusive",
       {no_route, no_counter},
       5000},
      {"(iv) dead resolver",
       [] {
         make_node();
         make_route();
         load_firewall();
         return nullptr;
       },
       "inconclusive",
       {dead},
       5000},
      {"(iv) silent resolver",
       [] {
         make_node();
         make_route();
         load_firewall();
         return std::make_shared<FakeResolver>(kResolver,
                                               [](const auto&, bool) { return std::vector<std::uint8_t>(); });
       },
       "inconclusive",
       {"dead resolver: 10.43.0.10: no answer"},
       300},
      {"(v) proper firewall",
       [&] {
         make_node();
         make_route();
         load_firewall();
         return with_resolver();
       },
       "denied",
       {},
       5000},
  };
  const Policy policy = golden_policy();
  for (const Case& one : cases) {
    INFO(one.what);
    const OwnNetwork network;
    const auto resolver = one.build();
    const ProbeReport report = run_probes(policy, plan_probes(policy, false), ground_for(one.timeout));
    INFO(all(report));
    CHECK(report.verdict == one.verdict);
    CHECK(report.reasons == one.reasons);
    CHECK(report.probes.size() == 17);
    if (report.verdict != "denied") continue;
    CHECK(render_probe_text(report, false)
              .starts_with("denied: every way out that was tried is closed (15 probes; 2 more "
                           "of a family that this node does not speak)\n"));
    for (const ProbeRecord& probe : report.probes) {
      const bool ipv6 = probe.target.starts_with("[");
      CHECK(probe.outcome == (ipv6 ? "unsent" : "denied"));
      CHECK(probe.counted == (probe.kind == "address" && !ipv6));
    }
  }
}

TEST_CASE("a network that swallows everything without our firewall is no denial") {
  if (skipped("a black hole")) return;
  const OwnNetwork network;
  make_node();
  make_route();
  load_firewall();
  run("nft flush chain inet airtight output && nft 'chain inet airtight output { policy accept; }'");
  const FakeResolver resolver(kResolver, nxdomain);
  const ProbeReport report = run_probes(golden_policy(),
                                        {address_target(ProbeTarget::Kind::Tcp, "192.0.2.9", 443),
                                         address_target(ProbeTarget::Kind::Udp, "192.0.2.9", 53)},
                                        ground_for(200));
  INFO(all(report));
  CHECK(report.verdict == "inconclusive");
  CHECK(report.reasons == std::vector<std::string>{"not counted: 192.0.2.9:443/tcp was tried, and no drop of ours rose",
                                                   "not counted: 192.0.2.9:53/udp was tried, and no drop of ours rose",
                                                   "no probe was dropped and counted"});
  CHECK(report.probes[0].outcome == "unanswered");
  CHECK(report.probes[0].detail == "not counted: no answer within 200 ms");
}

TEST_CASE("another's rule that drops without our counter is no denial") {
  if (skipped("another's rule")) return;
  const OwnNetwork network;
  make_node();
  make_route();
  load_firewall();
  load_rules("table inet site { chain out { type filter hook output priority -10; ip daddr 192.0.2.0/24 drop; }\n}\n");
  const ProbeReport report =
      run_probes(golden_policy(), {address_target(ProbeTarget::Kind::Udp, "192.0.2.9", 53)}, ground_for(200));
  INFO(all(report));
  CHECK(report.verdict == "inconclusive");
  CHECK(report.probes[0].detail == "not counted: EPERM: Operation not permitted, by somebody else's rule");
}

TEST_CASE("a connection, an answer and a reset are successes") {
  if (skipped("probes that succeed")) return;
  const OwnNetwork network;
  make_node();
  run("ip address add 192.0.2.9/32 dev lo");  // stands for the outside
  load_firewall();
  run("nft flush chain inet airtight output && nft 'chain inet airtight output { policy accept; }'");
  const FakeResolver outside("192.0.2.9", nxdomain);
  const ProbeReport report = run_probes(
      golden_policy(),
      {address_target(ProbeTarget::Kind::Tcp, "192.0.2.9", 53), address_target(ProbeTarget::Kind::Udp, "192.0.2.9", 53),
       address_target(ProbeTarget::Kind::Tcp, "192.0.2.9", 443)},
      ground_for());
  INFO(all(report));
  CHECK(report.verdict == "succeeded");
  CHECK(report.probes[0].detail == "connected");
  CHECK(report.probes[1].detail == "answered");
  CHECK(report.probes[2].detail == "refused by the other end, or in its name: ECONNREFUSED: Connection refused");
  CHECK(report.reasons == std::vector<std::string>{"192.0.2.9:53/tcp is not denied", "192.0.2.9:53/udp is not denied",
                                                   "192.0.2.9:443/tcp is not denied"});
}

TEST_CASE("what a resolver says of a name") {
  if (skipped("answers of a resolver")) return;
  using Bytes = std::vector<std::uint8_t>;
  // To a question for A with this address, to all others with NXDOMAIN.
  const auto only_a = [](std::array<std::uint8_t, 4> address) {
    return Answerer([address](const Bytes& q, bool) {
      return type_of(q) == 1 ? dns_answer(q, 0, {a_record(address)}) : dns_answer(q, 3);
    });
  };
  struct Case {
    const char* what;
    Answerer answerer;
    const char* outcome;
    const char* detail;
  };
  const std::vector<Case> cases{
      {"NXDOMAIN", nxdomain, "denied", "NXDOMAIN of 10.43.0.10"},
      {"an outside address", only_a({203, 0, 113, 5}), "succeeded",
       "10.43.0.10, A: 203.0.113.5; NXDOMAIN of 10.43.0.10"},
      {"an inside address", only_a({10, 43, 0, 5}), "inside", "10.43.0.10, A: 10.43.0.5; NXDOMAIN of 10.43.0.10"},
      {"an inside and an outside address",
       [](const Bytes& q, bool) {
         return dns_answer(q, 0, {a_record({10, 43, 0, 5}), a_record({203, 0, 113, 5})});
       },
       "succeeded",
       "10.43.0.10, A: 10.43.0.5, 203.0.113.5; 10.43.0.10, AAAA: 10.43.0.5, 203.0.113.5; "
       "10.43.0.10, TXT over TCP: 10.43.0.5, 203.0.113.5"},
      {"no such data", [](const Bytes& q, bool) { return dns_answer(q, 0); }, "succeeded",
       "10.43.0.10, A: no such data: somebody knows the name; 10.43.0.10, AAAA: no such data: somebody knows the name; "
       "10.43.0.10, TXT over TCP: no such data: somebody knows the name"},
      {"an alias that leads nowhere", [](const Bytes& q, bool) { return dns_answer(q, 3, {cname_record()}); },
       "succeeded",
       "10.43.0.10, A: NXDOMAIN with records; 10.43.0.10, AAAA: NXDOMAIN with records; "
       "10.43.0.10, TXT over TCP: NXDOMAIN with records"},
      {"NXDOMAIN with a record that belongs elsewhere",
       [](const Bytes& q, bool) {
         return dns_answer(q, 3, {{0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0}});
       },
       "succeeded",
       "10.43.0.10, A: NXDOMAIN with records; 10.43.0.10, AAAA: NXDOMAIN with records; "
       "10.43.0.10, TXT over TCP: NXDOMAIN with records"},
      {"SERVFAIL", [](const Bytes& q, bool) { return dns_answer(q, 2); }, "unanswered",
       "10.43.0.10, A: SERVFAIL; 10.43.0.10, AAAA: SERVFAIL; 10.43.0.10, TXT over TCP: SERVFAIL"},
      {"REFUSED", [](const Bytes& q, bool) { return dns_answer(q, 5); }, "unanswered",
       "10.43.0.10, A: REFUSED; 10.43.0.10, AAAA: REFUSED; 10.43.0.10, TXT over TCP: REFUSED"},
      {"a message cut short",
       [](const Bytes& q, bool) {
         Bytes answer = dns_answer(q, 0);
         answer[7] = 1;
         return answer;
       },
       "unanswered",
       "10.43.0.10, A: an answer that is no DNS message; 10.43.0.10, AAAA: an answer that is no DNS message; "
       "10.43.0.10, TXT over TCP: an answer that is no DNS message"},
      {"upstream over TCP alone", [](const Bytes& q, bool tcp) { return dns_answer(q, tcp ? 2 : 3); }, "unanswered",
       "10.43.0.10, TXT over TCP: SERVFAIL; NXDOMAIN of 10.43.0.10"},
  };
  const Policy policy = golden_policy();
  for (const Case& one : cases) {
    INFO(one.what);
    const OwnNetwork network;
    make_node();
    const FakeResolver resolver(kResolver, one.answerer);
    const ProbeReport report = run_probes(policy, {name_target("k3v9.example.com")}, ground_for());
    INFO(all(report));
    REQUIRE(report.probes.size() == 1);
    CHECK(report.probes[0].outcome == one.outcome);
    CHECK(report.probes[0].detail == one.detail);
    CHECK(report.verdict == (std::string(one.outcome) == "succeeded" ? "succeeded" : "inconclusive"));
  }
}

TEST_CASE("a resolver that does not listen on TCP denies by UDP; one that swallows TCP leaves it open") {
  if (skipped("a resolver without TCP")) return;
  const Policy policy = golden_policy();
  const OwnNetwork network;
  make_node();
  {
    const FakeResolver resolver(kResolver, nxdomain, false);
    const ProbeReport report = run_probes(policy, {name_target("k3v9.example.com")}, ground_for());
    CHECK(report.probes[0].outcome == "denied");
    CHECK(report.probes[0].detail ==
          "NXDOMAIN of 10.43.0.10; 10.43.0.10, TXT over TCP: it cannot be reached, or nobody listens there");
  }
  const FakeResolver resolver(kResolver, [](const auto& question, bool tcp) {
    return tcp ? std::vector<std::uint8_t>() : nxdomain(question, tcp);
  });
  const ProbeReport report = run_probes(policy, {name_target("k3v9.example.com")}, ground_for(400));
  INFO(all(report));
  CHECK(report.probes[0].outcome == "unanswered");
  CHECK(report.reasons.front() == "no denial: 10.43.0.10 did not answer every question");
}

TEST_CASE("every resolver is asked; one that knows the name spoils it, a dead one is asked once") {
  if (skipped("several resolvers")) return;
  const Policy policy = golden_policy();
  const OwnNetwork network;
  make_node();
  run("ip address add 10.43.0.11/32 dev lo");
  const FakeResolver good(kResolver, nxdomain);
  const FakeResolver open("10.43.0.11", [](const auto& q, bool) {
    return dns_answer(q, 0, {a_record({203, 0, 113, 5})});
  });
  ProbeGround ground = ground_for();
  ground.resolvers = {*Ip::parse(kResolver), *Ip::parse("10.43.0.11")};
  CHECK(run_probes(policy, {name_target("k3v9.example")}, ground).verdict == "succeeded");
  ground.resolvers = {*Ip::parse(kResolver), *Ip::parse("10.43.0.77")};
  ground.timeout = 300;
  const ProbeReport report = run_probes(policy, {name_target("a.example"), name_target("b.example")}, ground);
  INFO(all(report));
  CHECK(report.probes[0].outcome == "unanswered");
  CHECK(report.probes[1].detail == "NXDOMAIN of 10.43.0.10; 10.43.0.77 was dead before");
}

TEST_CASE("search lists, resolver options, aliases and proxies of the environment are not looked at") {
  if (skipped("the environment")) return;
  const std::map<std::string, const char*> variables{{"LOCALDOMAIN", "corp.example"},
                                                     {"RES_OPTIONS", "ndots:15 attempts:9"},
                                                     {"HOSTALIASES", "/etc/hosts"},
                                                     {"http_proxy", "http://10.43.0.10:53"},
                                                     {"ALL_PROXY", "socks5://10.43.0.10"}};
  for (const auto& [name, value] : variables) ::setenv(name.c_str(), value, 1);
  {
    const OwnNetwork network;
    make_node();
    const FakeResolver resolver(kResolver, nxdomain);
    (void)run_probes(golden_policy(), {name_target("localhost"), name_target("k3v9.example.com")}, ground_for());
    CHECK(resolver.asked() == std::set<std::string>{"localhost", "k3v9.example.com"});
  }
  for (const auto& [name, value] : variables) ::unsetenv(name.c_str());
}

TEST_CASE("nothing is sent while it is not safe, when the counters cannot be read, or once stopped") {
  if (skipped("nothing sent")) return;
  const Policy policy = golden_policy();
  const OwnNetwork network;
  make_node();
  make_route();
  load_firewall();
  const FakeResolver resolver(kResolver, nxdomain);
  const std::vector<ProbeTarget> targets{name_target("a.example"),
                                         address_target(ProbeTarget::Kind::Udp, "192.0.2.9", 53)};
  ProbeGround ground = ground_for();
  ground.unsafe = "enforcement is open";
  ProbeReport report = run_probes(policy, targets, ground);
  CHECK(report.verdict == "inconclusive");
  CHECK(report.reasons == std::vector<std::string>{"nothing was sent: enforcement is open"});
  CHECK(report.probes[0].outcome == "unsent");
  CHECK(report.probes[1].outcome == "unsent");
  ground = ground_for();
  ground.stop = [] { return true; };
  report = run_probes(policy, targets, ground);
  CHECK(report.reasons ==
        std::vector<std::string>{"stopped before all were asked", "no probe was dropped and counted"});
  CHECK(resolver.asked().empty());
  ground = ground_for();
  ground.drops = [] { return std::optional<std::uint64_t>(); };
  report = run_probes(policy, {targets[1]}, ground);
  CHECK(report.probes[0].outcome == "unsent");
  CHECK(report.reasons ==
        std::vector<std::string>{"the drop counters cannot be read", "no probe was dropped and counted"});
  CHECK(drops_now() == 0U);
}

TEST_CASE("a counter that starts again is no rise") {
  if (skipped("a counter that starts again")) return;
  const OwnNetwork network;
  make_node();
  make_route();
  ProbeGround ground = ground_for(200);
  std::uint64_t reading = 10;
  ground.drops = [&] { return std::optional<std::uint64_t>(--reading); };
  const ProbeReport report =
      run_probes(golden_policy(), {address_target(ProbeTarget::Kind::Tcp, "192.0.2.9", 443)}, ground);
  CHECK(report.probes[0].detail == "the drop counters started again meanwhile");
  CHECK(report.verdict == "inconclusive");
}
