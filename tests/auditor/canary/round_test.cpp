// Rounds of canaries over real kernels in namespaces of our own, and what a verifier makes of their records.
#include "auditor/canary/round.h"

#include <arpa/inet.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>

#include "tests/auditor/canary/own_network.h"

using namespace airtight;
using namespace airtight::audit;

namespace {

constexpr const char* kStackRules = AIRTIGHT_SOURCE_DIR "/tests/golden/ipv4-only/expected/nftables/airtight.nft";
constexpr const char* kEgressRules =
    AIRTIGHT_SOURCE_DIR "/tests/golden/ipv4-only/expected/nftables/airtight-egress.nft";

Link uplink(const std::string& name) {
  Link link;
  link.name = name;
  link.index = ::if_nametoindex(name.c_str());
  link.up = true;
  link.arp_type = ARPHRD_ETHER;
  link.mac = {2, 0, 0, 0, 0, 1};
  link.addresses = {*Ip::parse("10.10.0.7")};
  return link;
}

CanaryGround ground_with(std::vector<Link> uplinks, bool pod = false) {
  CanaryGround ground;
  ground.node = "node1";
  ground.interval = "round-1";
  ground.key = "node1+key";
  ground.uplinks = std::move(uplinks);
  ground.pod = pod;
  return ground;
}

// Does what the opener does, in this process.
class FakeOpener : public Opener {
 public:
  Fd pod;  // namespace of the pod; none: no pod socket
  std::error_code refuse;

  std::error_code open_socket(SocketKind kind, Fd& socket) override {
    if (refuse) return refuse;
    if (kind == SocketKind::PodUdp4 || kind == SocketKind::PodUdp6) {
      if (!pod) return std::make_error_code(std::errc::no_such_file_or_directory);
      const Fd here(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
      if (::setns(pod.get(), CLONE_NEWNET) != 0) return {errno, std::generic_category()};
      socket = Fd(::socket(kind == SocketKind::PodUdp4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      if (::setns(here.get(), CLONE_NEWNET) != 0) throw std::runtime_error("lost in the pod's namespace");
      return {};
    }
    socket = Fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    if (!socket) return {errno, std::generic_category()};
    if (kind == SocketKind::PacketMarked &&
        ::setsockopt(socket.get(), SOL_SOCKET, SO_MARK, &kCanaryMark, sizeof kCanaryMark) != 0) {
      return {errno, std::generic_category()};
    }
    return {};
  }
  std::error_code ruleset_generation(std::uint32_t&) override { return {}; }
  std::error_code counters(std::string_view, std::string_view, std::string&) override { return {}; }
  std::error_code read_rulesets(Fd&) override { return {}; }
  std::error_code program_name(std::uint32_t, std::string&) override { return {}; }
  std::error_code device_programs(std::uint32_t, std::vector<std::uint32_t>&) override { return {}; }
};

DropCounters counters_now() {
  return parse_drop_counters(output_of("nft -j list counters table inet airtight 2>/dev/null"),
                             output_of("nft -j list counters table netdev airtight_egress 2>/dev/null"));
}

// What leaves by an interface, as the capture sees it.
class Tap {
 public:
  explicit Tap(const char* name)
      : index_(::if_nametoindex(name)), socket_(::socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL))) {
    sockaddr_ll at{};
    at.sll_family = AF_PACKET;
    at.sll_protocol = htons(ETH_P_ALL);
    at.sll_ifindex = static_cast<int>(index_);
    if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) throw std::runtime_error("bind");
  }

  // Shows everything to the watch, and keeps the payloads of what it does not know.
  void drain(SensorWatch& watch) {
    std::array<std::uint8_t, 2048> bytes{};
    sockaddr_ll from{};
    socklen_t size = sizeof from;
    for (ssize_t got = 0; (got = ::recvfrom(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT,
                                            reinterpret_cast<sockaddr*>(&from), &size)) > 0;) {
      Frame frame;
      frame.bytes = Bytes(bytes.data(), static_cast<std::size_t>(got));
      frame.original = static_cast<std::uint32_t>(got);
      frame.time = 1;
      if (watch.see(frame, index_, from.sll_pkttype == PACKET_OUTGOING) == SensorWatch::Sight::Ours) continue;
      if (from.sll_pkttype != PACKET_OUTGOING || frame.bytes.size() < kNonceBytes) continue;
      Nonce nonce;
      std::copy_n(frame.bytes.end() - kNonceBytes, kNonceBytes, nonce.begin());
      left_.insert(nonce);
    }
  }
  bool saw(const Nonce& nonce) const { return left_.count(nonce) != 0; }

 private:
  std::uint32_t index_;
  Fd socket_;
  std::set<Nonce> left_;
};

struct Fared {
  CanaryIntentRecord intent;
  CanaryFateRecord fate;
  std::string why;
  bool holds = false;

  // "blocked by egress", "seen" …
  std::string of(const std::string& kind, const std::string& family) const {
    for (std::size_t i = 0; i < intent.canaries.size(); ++i) {
      if (intent.canaries[i].kind != kind || intent.canaries[i].family != family) continue;
      const CanaryOutcome& outcome = fate.outcomes.at(i);
      return outcome.fate + (outcome.blocked_by.empty() ? "" : " by " + outcome.blocked_by);
    }
    return "not planned";
  }
  std::string detail(const std::string& kind, const std::string& family) const {
    for (std::size_t i = 0; i < intent.canaries.size(); ++i) {
      if (intent.canaries[i].kind == kind && intent.canaries[i].family == family) return fate.outcomes.at(i).detail;
    }
    return "not planned";
  }
  std::string all() const {
    std::string text;
    for (std::size_t i = 0; i < intent.canaries.size(); ++i) {
      const PlannedCanary& canary = intent.canaries[i];
      text += canary.kind + " " + canary.family + ": " + of(canary.kind, canary.family) + " (" +
              fate.outcomes[i].detail + ")\n";
    }
    return text;
  }
};

Fared run_round(const CanaryGround& ground, FakeOpener& opener, Tap* tap,
                const std::function<DropCounters()>& counters = counters_now) {
  Fared fared;
  SensorWatch watch;
  CanaryRound round = CanaryRound::plan(ground);
  fared.intent = round.intent();
  round.send(opener, watch, counters);
  if (tap != nullptr) tap->drain(watch);
  fared.fate = round.judge(watch, [&](const Nonce& nonce) { return tap != nullptr && tap->saw(nonce); });
  fared.holds = check_round(fared.intent, fared.fate, fared.why);
  return fared;
}

// A node with one uplink, a gateway beside it that never answers anything, and a pod behind another veth.
class Node {
 public:
  Node() {
    run("ip link add eth0 type veth peer name peer0 && ip link set eth0 up && ip link set peer0 up && "
        "ip address add 10.10.0.7/24 dev eth0");
  }
  void gateway() {
    run("ip route add default via 10.10.0.1 && ip neighbour add 10.10.0.1 lladdr 02:00:00:00:00:fe dev eth0");
  }
  // The pod's namespace, with a default route to the node.
  Fd pod() {
    const Fd here(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (::unshare(CLONE_NEWNET) != 0) throw std::runtime_error("no namespace for the pod");
    Fd there(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    run("ip link set lo up && ip link add pod0 type veth peer name veth1 && ip link set pod0 up && "
        "ip address add 10.42.0.9/24 dev pod0");
    run("ip link set veth1 netns " + std::string("/proc/") + std::to_string(::getpid()) + "/fd/" +
        std::to_string(here.get()));
    run("ip route add default via 10.42.0.1 && ip neighbour add 10.42.0.1 lladdr 02:00:00:00:00:42 dev pod0");
    if (::setns(here.get(), CLONE_NEWNET) != 0) throw std::runtime_error("lost in the pod's namespace");
    run("ip link set veth1 address 02:00:00:00:00:42 && ip link set veth1 up && ip address add 10.42.0.1/24 dev veth1");
    run("echo 1 > /proc/sys/net/ipv4/ip_forward");
    return there;
  }

 private:
  OwnNetwork network_;
};

bool skipped(const char* what) {
  if (may_make_networks()) return false;
  WARN("SKIPPED " << what << ": needs root");
  return true;
}

}  // namespace

TEST_CASE("a sealed node: sensors are seen, and every other canary is held by what should hold it") {
  if (skipped("a round on a sealed node")) return;
  Node node;
  node.gateway();
  FakeOpener opener;
  opener.pod = node.pod();
  load_rules(text_of(kStackRules));
  load_rules(text_of(kEgressRules));
  Tap tap("eth0");
  const Fared fared = run_round(ground_with({uplink("eth0")}, true), opener, &tap);
  INFO(fared.all());
  for (const char* family : {"ipv4", "ipv6"}) {
    CHECK(fared.of("sensor", family) == "seen");
    CHECK(fared.of("raw", family) == "blocked by egress");
    CHECK(fared.of("raw-bypass", family) == "blocked by egress");
  }
  CHECK(fared.of("stack", "ipv4") == "blocked by output");
  CHECK(fared.of("stack", "ipv6") == "blocked by routing");
  CHECK(fared.of("pod", "ipv4") == "blocked by forward");
  CHECK(fared.of("pod", "ipv6") == "blocked by routing");
  CHECK(fared.detail("raw", "ipv4") == "netdev airtight_egress dropped_eth0 rose by 1");
  CHECK(fared.detail("stack", "ipv4") == "inet airtight rose by 1");
  CHECK(fared.detail("stack", "ipv6") == "no route: ENETUNREACH: Network is unreachable");
  CHECK(fared.fate.good);
  CHECK(fared.holds);
  CHECK(fared.why == "");
}

TEST_CASE("a node without a firewall: what left has escaped, at the tap or past it") {
  if (skipped("a round on an open node")) return;
  Node node;
  node.gateway();
  FakeOpener opener;
  Tap tap("eth0");
  const Fared fared = run_round(ground_with({uplink("eth0")}), opener, &tap);
  INFO(fared.all());
  CHECK(fared.of("sensor", "ipv4") == "seen");
  CHECK(fared.of("raw", "ipv4") == "escaped");
  CHECK(fared.detail("raw", "ipv4") == "seen leaving");
  CHECK(fared.of("raw-bypass", "ipv4") == "escaped");
  CHECK(fared.detail("raw-bypass", "ipv4") ==
        "not seen to be dropped: the driver took it; the drop counters could not be read");
  CHECK(fared.of("stack", "ipv4") == "escaped");
  CHECK(fared.of("pod", "ipv4") == "unsent");
  CHECK(fared.detail("pod", "ipv4") == "no pod namespace was given (--pod-namespace)");
  CHECK_FALSE(fared.fate.good);
  CHECK(fared.holds);
}

TEST_CASE("without the egress table a raw sender past the queues has escaped, whatever else is dropped meanwhile") {
  if (skipped("a bypass beside other drops")) return;
  Node node;
  FakeOpener opener;
  Tap tap("eth0");
  std::uint64_t others = 0;
  const Fared fared = run_round(ground_with({uplink("eth0")}), opener, &tap, [&] {
    DropCounters counters;
    counters.readable = counters.has_stack = true;
    counters.stack = 0;
    counters.egress["eth0"] = ++others;  // somebody else's
    return counters;
  });
  INFO(fared.all());
  CHECK(fared.of("raw-bypass", "ipv4") == "escaped");
  CHECK(fared.of("raw", "ipv4") == "escaped");
  CHECK(fared.of("stack", "ipv4") == "blocked by routing");
  CHECK_FALSE(fared.fate.good);
}

TEST_CASE("only the egress table: it holds what the stack sends, too") {
  if (skipped("a round over the egress table alone")) return;
  Node node;
  node.gateway();
  load_rules(text_of(kEgressRules));
  FakeOpener opener;
  Tap tap("eth0");
  const Fared fared = run_round(ground_with({uplink("eth0")}), opener, &tap);
  INFO(fared.all());
  CHECK(fared.of("stack", "ipv4") == "blocked by egress");
  CHECK(fared.fate.good);
  CHECK(fared.holds);
}

TEST_CASE("a node without a default route passes: routing held the stack's canary") {
  if (skipped("a round without a route")) return;
  Node node;
  load_rules(text_of(kStackRules));
  load_rules(text_of(kEgressRules));
  FakeOpener opener;
  Tap tap("eth0");
  const Fared fared = run_round(ground_with({uplink("eth0")}), opener, &tap);
  INFO(fared.all());
  CHECK(fared.of("stack", "ipv4") == "blocked by routing");
  CHECK(fared.of("stack", "ipv6") == "blocked by routing");
  CHECK(fared.fate.good);
  CHECK(fared.holds);
}

TEST_CASE("routes that discard, prohibit or refuse hold a canary as routing does") {
  if (skipped("routes that hold")) return;
  for (const char* kind : {"blackhole", "prohibit", "unreachable"}) {
    INFO(kind);
    Node node;
    run(std::string("ip route add ") + kind + " default && ip -6 route add " + kind + " default dev lo metric 1");
    FakeOpener opener;
    const Fared fared = run_round(ground_with({}), opener, nullptr);
    INFO(fared.all());
    CHECK(fared.of("stack", "ipv4") == "blocked by routing");
    CHECK(fared.of("stack", "ipv6") == "blocked by routing");
    CHECK(fared.of("sensor", "ipv4") == "not planned");
    CHECK(fared.fate.good);
    CHECK(fared.holds);
  }
}

TEST_CASE("another's output rule holds the stack's canary: output, and it says that no counter of ours rose") {
  if (skipped("another's output rule")) return;
  Node node;
  node.gateway();
  load_rules("table inet site { chain out { type filter hook output priority -10; udp dport 9 drop; }\n}\n");
  load_rules(text_of(kStackRules));
  FakeOpener opener;
  const Fared fared = run_round(ground_with({}), opener, nullptr);
  INFO(fared.all());
  CHECK(fared.of("stack", "ipv4") == "blocked by output");
  CHECK(fared.detail("stack", "ipv4") == "EPERM: Operation not permitted; no drop counter rose");
  CHECK(fared.fate.good);
}

TEST_CASE("a rogue rule that drops sensors, or a full queue, makes no good round") {
  if (skipped("a rogue egress rule")) return;
  Node node;
  load_rules(text_of(kStackRules));
  load_rules(text_of(kEgressRules));
  load_rules("table netdev rogue { chain out { type filter hook egress device eth0 priority -10; policy drop; }\n}\n");
  FakeOpener opener;
  Tap tap("eth0");
  const Fared fared = run_round(ground_with({uplink("eth0")}), opener, &tap);
  INFO(fared.all());
  CHECK(fared.of("sensor", "ipv4") == "unsent");
  CHECK(fared.detail("sensor", "ipv4") == "ENOBUFS: No buffer space available");
  CHECK(fared.of("raw", "ipv4") == "unsent");
  CHECK(fared.detail("raw", "ipv4") ==
        "ENOBUFS: No buffer space available; no drop counter rose, so it may have been a full queue");
  CHECK(fared.of("raw-bypass", "ipv4") == "unsent");
  CHECK_FALSE(fared.fate.good);
  CHECK(fared.holds);
}

TEST_CASE("a sensor canary that was sent and not captured is missed") {
  if (skipped("a blind capture")) return;
  Node node;
  load_rules(text_of(kStackRules));
  load_rules(text_of(kEgressRules));
  FakeOpener opener;
  const Fared fared = run_round(ground_with({uplink("eth0")}), opener, nullptr);
  CHECK(fared.of("sensor", "ipv4") == "missed");
  CHECK(fared.detail("sensor", "ipv4") == "sent, and not seen by the capture of its interface");
  CHECK(fared.of("raw", "ipv4") == "blocked by egress");
  CHECK_FALSE(fared.fate.good);
  CHECK(fared.holds);
}

TEST_CASE("canaries that cannot be sent say why, and are no good round") {
  if (skipped("canaries that cannot be sent")) return;
  Node node;
  FakeOpener opener;
  struct Case {
    const char* what;
    std::function<void(Link&)> spoil;
    const char* detail;
  };
  for (const Case& one : {Case{"gone", [](Link& link) { link.index = 9999; }, "ENXIO: No such device or address"},
                          Case{"down", [](Link&) { run("ip link set eth0 down"); }, "ENETDOWN: Network is down"},
                          Case{"no Ethernet", [](Link& link) { link.arp_type = ARPHRD_NONE; },
                               "eth0 has no Ethernet header (device type 65534)"}}) {
    INFO(one.what);
    Link link = uplink("eth0");
    one.spoil(link);
    const Fared fared = run_round(ground_with({link}), opener, nullptr);
    for (const char* kind : {"sensor", "raw", "raw-bypass"}) {
      CHECK(fared.of(kind, "ipv4") == "unsent");
      CHECK(fared.detail(kind, "ipv4") == one.detail);
    }
    CHECK_FALSE(fared.fate.good);
    CHECK(fared.holds);
    run("ip link set eth0 up");
  }
  opener.refuse = std::make_error_code(std::errc::timed_out);
  const Fared fared = run_round(ground_with({uplink("eth0")}, true), opener, nullptr);
  CHECK(fared.detail("sensor", "ipv6") == "Connection timed out");
  CHECK(fared.detail("pod", "ipv6") == "no socket in the pod namespace: Connection timed out");
  CHECK_FALSE(fared.fate.good);
}

TEST_CASE("a pod's canary: each place that can hold it, and none") {
  if (skipped("pod canaries")) return;
  struct Case {
    const char* what;
    std::function<void(const Fd&)> build;
    const char* ends;
  };
  const auto in_pod = [](const Fd& pod, const std::string& command) {
    run("nsenter --net=/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(pod.get()) + " " + command);
  };
  const std::vector<Case> cases{
      {"no route in the pod", [&](const Fd& pod) { in_pod(pod, "ip route del default"); }, "blocked by routing"},
      {"the pod's own namespace drops",
       [&](const Fd& pod) {
         in_pod(pod, "nft add table ip p");
         in_pod(pod, "nft add chain ip p o '{ type filter hook output priority 0; policy drop; }'");
       },
       "blocked by cni"},
      {"a rule of the plugin drops before our hook",
       [&](const Fd&) {
         load_rules("table inet site { chain c { type filter hook prerouting priority -300; udp dport 9 drop; }\n}\n");
         load_rules(text_of(kStackRules));
       },
       "blocked by cni"},
      {"our forward hook", [&](const Fd&) { load_rules(text_of(kStackRules)); }, "blocked by forward"},
      {"the egress table alone", [&](const Fd&) { load_rules(text_of(kEgressRules)); }, "blocked by egress"},
      {"nothing at all", [&](const Fd&) {}, "escaped"},
  };
  for (const Case& one : cases) {
    INFO(one.what);
    Node node;
    node.gateway();
    FakeOpener opener;
    opener.pod = node.pod();
    one.build(opener.pod);
    Tap tap("eth0");
    const Fared fared = run_round(ground_with({uplink("eth0")}, true), opener, &tap);
    INFO(fared.all());
    CHECK(fared.of("pod", "ipv4") == one.ends);
    CHECK(fared.holds);
  }
}

TEST_CASE("a plan: every kind for both families, on every uplink") {
  Link a, b;
  a.name = "eth0";
  b.name = "eth1";
  const CanaryRound round = CanaryRound::plan(ground_with({a, b}));
  std::string text;
  for (const PlannedCanary& canary : round.intent().canaries)
    text += canary.kind + " " + canary.family + " " + canary.interface + "\n";
  CHECK(text ==
        "sensor ipv4 eth0\nraw ipv4 eth0\nraw-bypass ipv4 eth0\nsensor ipv4 eth1\nraw ipv4 eth1\nraw-bypass ipv4 eth1\n"
        "stack ipv4 \npod ipv4 \n"
        "sensor ipv6 eth0\nraw ipv6 eth0\nraw-bypass ipv6 eth0\nsensor ipv6 eth1\nraw ipv6 eth1\nraw-bypass ipv6 eth1\n"
        "stack ipv6 \npod ipv6 \n");
  CHECK(round.intent().round == "round-1");
  CHECK(round.enforcement_nonces().size() == 12);
}

TEST_CASE("nonces are bound to node, interval, key and place, and to nothing that could be confused") {
  const Secret seed{std::array<std::uint8_t, 32>{1, 2, 3}};
  const std::vector<PlannedCanary> plan{{"sensor", "ipv4", "eth0"},
                                        {"sensor", "ipv4", "eth0"},
                                        {"sensor", "ipv6", "eth0"},
                                        {"raw", "ipv4", "eth0"},
                                        {"raw", "ipv4", "eth1"}};
  const std::vector<Nonce> nonces = round_nonces(seed, "node", "7", "key", plan);
  std::set<Nonce> all(nonces.begin(), nonces.end());
  CHECK(all.size() == plan.size());
  for (const auto& [node, interval, key] : {std::array{"node", "8", "key"}, std::array{"nod", "e7", "key"},
                                            std::array{"node", "7k", "ey"}, std::array{"node", "7", "other"}}) {
    for (const Nonce& nonce : round_nonces(seed, node, interval, key, plan)) CHECK(all.insert(nonce).second);
  }
  CHECK(round_nonces(seed, "node", "7", "key", plan) == nonces);
}

TEST_CASE("two rounds of one ground share neither seed nor nonce") {
  const CanaryRound a = CanaryRound::plan(ground_with({})), b = CanaryRound::plan(ground_with({}));
  CHECK(a.intent().commitment != b.intent().commitment);
  CHECK(a.enforcement_nonces() != b.enforcement_nonces());
}

namespace {

// A good round over one uplink, as its records.
std::pair<CanaryIntentRecord, CanaryFateRecord> good_round() {
  Link link;
  link.name = "eth0";
  CanaryRound round = CanaryRound::plan(ground_with({link}));
  SensorWatch watch;
  CanaryFateRecord fate = round.judge(watch, [](const Nonce&) { return false; });
  for (std::size_t i = 0; i < fate.outcomes.size(); ++i) {
    const std::string& kind = round.intent().canaries[i].kind;
    fate.outcomes[i] = kind == "sensor"  ? CanaryOutcome{"seen", "", ""}
                       : kind == "pod"   ? CanaryOutcome{"unsent", "", "no pod"}
                       : kind == "stack" ? CanaryOutcome{"blocked", "output", ""}
                                         : CanaryOutcome{"blocked", "egress", ""};
  }
  fate.good = true;
  return {round.intent(), fate};
}

}  // namespace

TEST_CASE("a verifier finds what does not fit between the two records of a round") {
  std::string why;
  {
    const auto [intent, fate] = good_round();
    CHECK(check_round(intent, fate, why));
  }
  using Spoil = std::function<void(CanaryIntentRecord&, CanaryFateRecord&)>;
  const std::vector<std::pair<Spoil, std::string>> cases{
      {[](auto&, auto& fate) { fate.round = "round-2"; }, "the intent is of round round-1, the fate of round round-2"},
      {[](auto&, auto& fate) { fate.seed.pop_back(); }, "the seed is not 64 hexadecimal digits"},
      {[](auto&, auto& fate) { fate.seed[0] = 'A'; }, "the seed is not 64 hexadecimal digits"},
      {[](auto&, auto& fate) { fate.seed[0] = fate.seed[0] == '0' ? '1' : '0'; },
       "the seed is not the one that the round committed to"},
      {[](auto&, auto& fate) { fate.outcomes.pop_back(); }, "10 canaries were planned, and 9 have a fate"},
      {[](auto& intent, auto& fate) {
         intent.canaries.pop_back();
         fate.outcomes.pop_back();
       },
       "the plan is not that of a whole round"},
      {[](auto& intent, auto& fate) {
         intent.canaries.clear();
         fate.outcomes.clear();
       },
       "the plan is not that of a whole round"},
      {[](auto& intent, auto& fate) {
         intent.canaries.push_back(intent.canaries.back());
         fate.outcomes.push_back(fate.outcomes.back());
       },
       "the plan is not that of a whole round"},
      {[](auto& intent, auto&) { intent.canaries[1].kind = "sensor"; }, "the plan is not that of a whole round"},
      {[](auto& intent, auto&) { intent.canaries[5].interface = "eth1"; }, "the plan is not that of a whole round"},
      {[](auto&, auto& fate) { fate.good = false; }, "the round says that it fared ill, its canaries do not"},
      {[](auto&, auto& fate) { fate.outcomes[0].fate = "missed"; },
       "the round says that it fared well, its canaries do not"},
      {[](auto&, auto& fate) {
         fate.outcomes[1] = {"escaped", "", ""};
       },
       "the round says that it fared well, its canaries do not"},
      {[](auto&, auto& fate) {
         fate.outcomes[3] = {"unsent", "", ""};
       },
       "the round says that it fared well, its canaries do not"},
      {[](auto&, auto& fate) {
         fate.outcomes[0] = {"blocked", "egress", ""};
       },
       "canary 1 (sensor, ipv4) cannot end as 'blocked', blocked by 'egress'"},
      {[](auto&, auto& fate) {
         fate.outcomes[1] = {"seen", "", ""};
       },
       "canary 2 (raw, ipv4) cannot end as 'seen', blocked by ''"},
      {[](auto&, auto& fate) {
         fate.outcomes[1] = {"blocked", "", ""};
       },
       "canary 2 (raw, ipv4) cannot end as 'blocked', blocked by ''"},
      {[](auto&, auto& fate) {
         fate.outcomes[1] = {"blocked", "routing", ""};
       },
       "canary 2 (raw, ipv4) cannot end as 'blocked', blocked by 'routing'"},
      {[](auto&, auto& fate) {
         fate.outcomes[3] = {"blocked", "magic", ""};
       },
       "canary 4 (stack, ipv4) cannot end as 'blocked', blocked by 'magic'"},
      {[](auto&, auto& fate) {
         fate.outcomes[3] = {"fine", "", ""};
       },
       "canary 4 (stack, ipv4) cannot end as 'fine', blocked by ''"},
  };
  for (const auto& [spoil, message] : cases) {
    auto [intent, fate] = good_round();
    spoil(intent, fate);
    CHECK_FALSE(check_round(intent, fate, why));
    CHECK(why == message);
  }
}

TEST_CASE("waits: from half to one and a half of the mean, every value of them, less the time that was spent") {
  using std::chrono::milliseconds;
  std::map<std::int64_t, unsigned> drawn;
  for (int i = 0; i < 4000; ++i) ++drawn[next_wait(milliseconds(10), milliseconds(0)).count()];
  CHECK(drawn.begin()->first == 5);
  CHECK(drawn.rbegin()->first == 15);
  CHECK(drawn.size() == 11);
  for (const auto& [wait, times] : drawn) CHECK(times > 200);  // 364 expected; 200 is nine standard deviations away
  for (int i = 0; i < 100; ++i) {
    const auto wait = next_wait(milliseconds(60'000), milliseconds(1'000));
    CHECK(wait >= milliseconds(29'000));
    CHECK(wait <= milliseconds(89'000));
  }
  CHECK(next_wait(milliseconds(10), milliseconds(100)) == milliseconds(0));
  CHECK(next_wait(milliseconds(0), milliseconds(0)) == milliseconds(0));
}
