#include <array>
#include <catch2/catch.hpp>

#include "tests/verify/firewall/hand_made.h"

namespace airtight::verify {
namespace {

using namespace hand_made;

const Fields kAny;

Fields to(std::string_view prefix) {
  const bool is_v4 = Prefix::parse(prefix)->family() == Family::V4;
  return {{is_v4 ? Field::Ip4Destination : Field::Ip6Destination, v4(prefix)}};
}
Fields and_port(Fields match, unsigned protocol, unsigned port) {
  match.emplace_back(Field::Protocol, one(protocol));
  match.emplace_back(Field::DestinationPort, one(port));
  return match;
}

// What of IP a table's first chain passes, in words.
std::string passed(const FirewallTable& table, Reading reading) {
  const PacketSet ip = PacketSet::destined(IpSet::all(), ServiceSet::all());
  return describe(passes(table, table.chains.front(), ip, reading));
}
std::string passed(const Ruleset& rules, Path path, Reading reading = Reading::Wide) {
  return describe(passes(rules, path, PacketSet::destined(IpSet::all(), ServiceSet::all()), reading).passed);
}

TEST_CASE("firewall: verdicts, chains and policies, as the kernel walks them") {
  struct Row {
    std::string what;
    std::vector<FirewallChain> chains;
    std::string passed;
  };
  const auto on = [](bool policy, std::vector<FirewallRule> rules) {
    return base(Hook::Output, 0, policy, std::move(rules));
  };
  const FirewallRule ten = rule(to("10.0.0.0/8"), Kind::Accept);
  const std::vector<Row> rows{
      {"no rule, policy accept", {on(true, {})}, "all of IPv4 and all of IPv6, any protocol"},
      {"no rule, policy drop", {on(false, {})}, "nothing"},
      {"the first verdict counts",
       {on(true, {ten, rule(to("0.0.0.0/0"), Kind::Drop)})},
       "10.0.0.0/8 and all of IPv6, any protocol"},
      {"a rule of one family leaves the other alone",
       {on(true, {rule(to("0.0.0.0/0"), Kind::Drop)})},
       "all of IPv6, any protocol"},
      {"without a verdict the next rule counts",
       {on(false, {rule(to("10.0.0.0/8"), Kind::Continue), ten})},
       "10.0.0.0/8, any protocol"},
      {"jump comes back",
       {on(false, {rule(kAny, Kind::Jump, "c"), ten}), chain("c", {rule(to("10.1.0.0/16"), Kind::Drop)})},
       "10.0.0.0/16, 10.2.0.0/15, 10.4.0.0/14, 10.8.0.0/13 and 4 more ranges, any protocol"},
      {"goto does not: the policy counts",
       {on(false, {rule(to("10.1.0.0/16"), Kind::Goto, "c"), ten}), chain("c", {})},
       "10.0.0.0/16, 10.2.0.0/15, 10.4.0.0/14, 10.8.0.0/13 and 4 more ranges, any protocol"},
      {"goto from a chain goes back to where that was jumped from",
       {on(false, {rule(kAny, Kind::Jump, "c"), ten}), chain("c", {rule(kAny, Kind::Goto, "d"), ten}),
        chain("d", {rule(to("10.0.0.0/9"), Kind::Drop)})},
       "10.128.0.0/9, any protocol"},
      {"return from a chain",
       {on(false, {rule(kAny, Kind::Jump, "c"), ten}),
        chain("c", {rule(to("10.0.0.0/9"), Kind::Return), rule(kAny, Kind::Drop)})},
       "10.0.0.0/9, any protocol"},
      {"return from a base chain is its policy",
       {on(true, {rule(to("10.0.0.0/8"), Kind::Return), rule(kAny, Kind::Drop)})},
       "10.0.0.0/8, any protocol"},
      {"translation and what goes elsewhere leave",
       {on(false, {rule(to("10.0.0.0/8"), Kind::Translate, "dnat to 10.0.0.1"),
                   rule(to("11.0.0.0/8"), Kind::Elsewhere, "queue")})},
       "10.0.0.0/7, any protocol"},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    CHECK(passed(table(TableFamily::Inet, row.chains), Reading::Wide) == row.passed);
  }
}

TEST_CASE("firewall: the branches of a verdict map are tried in order") {
  FirewallRule map;
  map.branches.push_back({{box(to("10.1.0.0/16"))}, {Kind::Drop, "", ""}});
  map.branches.push_back({{box(to("10.0.0.0/8")), box(to("fd00::/8"))}, {Kind::Accept, "", ""}});
  map.branches.push_back({{}, {Kind::Accept, "", ""}});
  const FirewallTable t = table(TableFamily::Inet, {base(Hook::Output, 0, false, {map})});
  CHECK(passed(t, Reading::Wide) ==
        "10.0.0.0/16, 10.2.0.0/15, 10.4.0.0/14, 10.8.0.0/13 and 4 more ranges and fd00::/8, any protocol");
  CHECK(passed(t, Reading::Narrow) == passed(t, Reading::Wide));
}

TEST_CASE("firewall: what is not understood, or limited, is read in the worst way, and in the best") {
  struct Row {
    std::string what;
    std::vector<FirewallChain> chains;
    std::string wide;
    std::string narrow;
  };
  const auto on = [](bool policy, std::vector<FirewallRule> rules) {
    return base(Hook::Output, 0, policy, std::move(rules));
  };
  const std::string all4 = "all of IPv4, any protocol";
  const std::string ten = "10.0.0.0/8, any protocol";
  const FirewallRule drop6 = rule(to("::/0"), Kind::Drop);
  const FirewallRule accept10 = rule(to("10.0.0.0/8"), Kind::Accept);
  const FirewallRule drop10 = rule(to("10.0.0.0/8"), Kind::Drop);
  const std::string rest = "all of IPv4 except 10.0.0.0/8, any protocol";
  const std::vector<Row> rows{
      {"an accept takes all, or nothing", {on(false, {not_understood(accept10)})}, ten, "nothing"},
      {"a drop takes nothing, or all", {on(true, {drop6, not_understood(drop10)})}, all4, rest},
      {"a limited accept is one", {on(false, {limited(accept10)})}, ten, "nothing"},
      {"a limited drop holds nothing", {on(true, {drop6, limited(drop10)})}, all4, rest},
      {"a jump leads on and past: into an accept",
       {on(false, {not_understood(rule(kAny, Kind::Jump, "c"))}), chain("c", {accept10})},
       ten,
       "nothing"},
      {"a jump leads on and past: into a drop",
       {on(true, {drop6, not_understood(rule(kAny, Kind::Jump, "c"))}), chain("c", {drop10})},
       all4,
       rest},
      {"a jump whose both ways accept",
       {on(false, {not_understood(rule(kAny, Kind::Jump, "c")), accept10}), chain("c", {accept10})},
       ten,
       ten},
      {"a goto leads on and past",
       {on(true, {drop6, not_understood(rule(kAny, Kind::Goto, "c")), rule(kAny, Kind::Drop)}), chain("c", {drop10})},
       rest,
       "nothing"},
      {"a return that may not be",
       {on(true, {drop6, not_understood(rule(to("10.0.0.0/8"), Kind::Return)), rule(kAny, Kind::Drop)})},
       ten,
       "nothing"},
      {"queue: out of sight", {on(false, {rule(to("10.0.0.0/8"), Kind::Elsewhere, "queue")})}, ten, "nothing"},
      {"a chain that is not there",
       {on(false, {rule(to("10.0.0.0/8"), Kind::Jump, "gone"), rule(kAny, Kind::Drop)})},
       ten,
       "nothing"},
      {"a chain that calls itself",
       {on(false, {rule(to("10.0.0.0/8"), Kind::Jump, "c")}), chain("c", {rule(kAny, Kind::Jump, "c")})},
       ten,
       "nothing"},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const FirewallTable t = table(TableFamily::Inet, row.chains);
    CHECK(passed(t, Reading::Wide) == row.wide);
    CHECK(passed(t, Reading::Narrow) == row.narrow);
  }
}

TEST_CASE("firewall: a rule that gives packets another mark") {
  // 7 is set to 0 behind the rule that drops 0, and gets past the one that drops all others.
  FirewallRule set_mark = rule({{Field::Mark, one(7)}}, Kind::Continue);
  const FirewallRule drop_zero = rule({{Field::Mark, one(0)}}, Kind::Drop);
  const FirewallRule drop_others = rule({{Field::Mark, universe(Field::Mark) - one(0)}}, Kind::Drop);
  const auto walk = [&](Reading reading) {
    return passed(table(TableFamily::Inet, {base(Hook::Output, 0, true, {drop_zero, set_mark, drop_others})}), reading);
  };
  CHECK(walk(Reading::Wide) == "nothing");
  set_mark.changes = {Field::Mark};
  CHECK(walk(Reading::Wide) == "all of IPv4 and all of IPv6, any protocol, mark 0x0");
  CHECK(walk(Reading::Narrow) == "nothing");
  // Packets that become others are in the result once.
  const FirewallTable t = table(TableFamily::Inet, {base(Hook::Output, 0, true, {set_mark})});
  const PacketSet wide = passes(t, t.chains[0], PacketSet::all(), Reading::Wide);
  CHECK((wide & PacketSet::of(box({{Field::Mark, one(1)}, {Field::Ip4Destination, one(1)}}))).boxes().size() == 1);
  // Where no rule looks at it, it is no matter.
  set_mark.branches[0].match = {Box()};
  const FirewallTable alone = table(TableFamily::Inet, {base(Hook::Output, 0, true, {set_mark})});
  CHECK(passed(alone, Reading::Narrow) == "all of IPv4 and all of IPv6, any protocol");
  // Another table's rule looks, too.
  const Ruleset both = ruleset({alone, table(TableFamily::Inet, {base(Hook::Output, 1, true, {drop_zero})})});
  CHECK(passed(both, Path::Output, Reading::Narrow) == "nothing");
}

TEST_CASE("firewall: what notrack took is untracked for all later rules") {
  FirewallRule notrack = rule(to("10.0.0.0/9"), Kind::Continue);
  notrack.changes = {Field::State};
  const auto accept = [](unsigned state) { return rule({{Field::State, one(state)}}, Kind::Accept); };
  const auto left = [&](std::int64_t priority, unsigned state, Reading reading, FirewallRule taken) {
    FirewallChain raw = base(Hook::Output, priority, true, {std::move(taken)});
    const Ruleset rules = ruleset({table(TableFamily::Inet, {raw}, "raw"),
                                   table(TableFamily::Inet, {base(Hook::Output, 0, false, {accept(state)})})});
    const auto ask = [&](std::string_view prefix) {
      Fields packet = to(prefix);
      packet.emplace_back(Field::State, one(1));
      const FirewallDecision decision = decide(rules, Path::Output, box(packet), reading);
      return std::string(decision.allowed ? "allowed" : "dropped") + (decision.certain ? "" : "?");
    };
    return ask("10.0.0.1/32") + " " + ask("10.128.0.1/32");
  };
  CHECK(left(-300, 1, Reading::Wide, notrack) == "dropped allowed");
  CHECK(left(-300, 4, Reading::Wide, notrack) == "allowed? dropped");
  CHECK(left(-300, 4, Reading::Narrow, notrack) == "dropped? dropped");
  // Behind the look-up it does nothing to most packets.
  CHECK(left(-150, 1, Reading::Wide, notrack) == "allowed? allowed");
  CHECK(left(-150, 4, Reading::Wide, notrack) == "allowed? dropped");
  // A rule that may not match leaves both.
  CHECK(left(-300, 1, Reading::Wide, not_understood(notrack)) == "allowed? allowed");
  CHECK(left(-300, 4, Reading::Wide, not_understood(notrack)) == "allowed? dropped");
}

TEST_CASE("firewall: notrack in a chain that is not credited counts in the wide reading") {
  FirewallRule notrack = rule(kAny, Kind::Continue);
  notrack.changes = {Field::State};
  const Ruleset rules = ruleset(
      {table(TableFamily::Inet, {base(Hook::Output, -300, true, {notrack})}, "raw"),
       table(TableFamily::Ip,
             {base(Hook::Output, -100, true, {rule(kAny, Kind::Translate, "dnat to 10.0.0.9")}, "nat")}, "nat"),
       table(TableFamily::Inet, {base(Hook::Output, 0, false, {rule({{Field::State, one(4)}}, Kind::Accept)})})});
  Fields packet = to("10.0.0.1/32");
  packet.emplace_back(Field::State, one(1));
  CHECK(decide(rules, Path::Output, box(packet), Reading::Wide).allowed);
}

TEST_CASE("firewall: a drop in a chain of type nat is for new connections, and never credited") {
  const Ruleset rules = ruleset(
      {table(TableFamily::Inet, {base(Hook::Postrouting, 100, true, {rule(to("10.0.0.0/8"), Kind::Drop)}, "nat")})});
  const auto ask = [&](std::string_view prefix, unsigned state) {
    Fields packet = to(prefix);
    packet.emplace_back(Field::State, one(state));
    const FirewallDecision decision = decide(rules, Path::Output, box(packet), Reading::Wide);
    return std::string(decision.allowed ? "allowed" : "dropped") + (decision.certain ? "" : ", not certain");
  };
  CHECK(ask("10.0.0.1/32", 1) == "allowed, not certain");
  CHECK(ask("10.0.0.1/32", 2) == "allowed");
  CHECK(ask("11.0.0.1/32", 1) == "allowed");
  CHECK(passes(rules, Path::Output, PacketSet::all(), Reading::Wide).held_by_nothing);
}

TEST_CASE("firewall: what may be an accept or a drop is each in its reading") {
  FirewallRule target = not_understood(rule(to("10.0.0.0/8"), Kind::Accept));
  target.branches.push_back({target.branches[0].match, {Kind::Drop, "", ""}});
  const auto left = [&](bool policy, Reading reading) {
    return passed(table(TableFamily::Ip, {base(Hook::Output, 0, policy, {target})}), reading);
  };
  CHECK(left(false, Reading::Wide) == "10.0.0.0/8 and all of IPv6, any protocol");
  CHECK(left(false, Reading::Narrow) == "all of IPv6, any protocol");
  CHECK(left(true, Reading::Narrow) == "all of IPv4 except 10.0.0.0/8 and all of IPv6, any protocol");
}

TEST_CASE("firewall: each family has its own packets") {
  const auto holds = [](TableFamily family) {
    return passed(ruleset({table(family, {base(Hook::Output, 0, false, {})})}), Path::Output);
  };
  CHECK(holds(TableFamily::Ip) == "all of IPv6, any protocol");
  CHECK(holds(TableFamily::Ip6) == "all of IPv4, any protocol");
  CHECK(holds(TableFamily::Inet) == "nothing");
  CHECK(holds(TableFamily::Bridge) == "all of IPv4 and all of IPv6, any protocol");
  CHECK(holds(TableFamily::Arp) == "all of IPv4 and all of IPv6, any protocol");
  CHECK(holds(TableFamily::Netdev) == "all of IPv4 and all of IPv6, any protocol");
}

TEST_CASE("firewall: the chains of each path, before and behind address translation") {
  struct Row {
    Path path;
    Hook hook;
    std::int64_t priority;
    std::string type;
    bool holds;             // where nothing translates destinations
    bool holds_translated;  // where something does
  };
  const std::vector<Row> rows{
      {Path::Output, Hook::Output, 0, "filter", true, true},
      {Path::Output, Hook::Output, -99, "route", true, true},
      {Path::Output, Hook::Output, -100, "filter", true, false},
      {Path::Output, Hook::Output, -300, "filter", true, false},
      {Path::Output, Hook::Output, 0, "nat", false, false},
      {Path::Output, Hook::Postrouting, 99, "filter", true, true},
      {Path::Output, Hook::Postrouting, 100, "filter", false, false},
      {Path::Output, Hook::Forward, 0, "filter", false, false},
      {Path::Output, Hook::Prerouting, 0, "filter", false, false},
      {Path::Output, Hook::Input, 0, "filter", false, false},
      {Path::Output, Hook::Ingress, 0, "filter", false, false},
      {Path::Output, Hook::None, 0, "", false, false},
      {Path::Forward, Hook::Forward, 0, "filter", true, true},
      {Path::Forward, Hook::Forward, -300, "filter", true, true},
      {Path::Forward, Hook::Prerouting, -99, "filter", true, true},
      {Path::Forward, Hook::Prerouting, -300, "filter", true, false},
      {Path::Forward, Hook::Postrouting, -150, "filter", true, true},
      {Path::Forward, Hook::Postrouting, 300, "filter", false, false},
      {Path::Forward, Hook::Output, 0, "filter", false, false},
      {Path::Egress, Hook::Output, 0, "filter", false, false},
  };
  const FirewallTable translation = table(
      TableFamily::Ip, {base(Hook::Prerouting, -100, true, {rule(kAny, Kind::Translate, "dnat to 10.0.0.9")}, "nat")});
  for (const Row& row : rows) {
    const FirewallTable filter = table(TableFamily::Inet, {base(row.hook, row.priority, false, {}, row.type)});
    INFO(to_string(row.path) << ": " << static_cast<int>(row.hook) << " at " << row.priority << " type " << row.type);
    const PacketSet all = PacketSet::destined(IpSet::all(), ServiceSet::all());
    const PathResult alone = passes(ruleset({filter}), row.path, all, Reading::Wide);
    CHECK(alone.passed.empty() == row.holds);
    CHECK(alone.held_by_nothing == !row.holds);
    CHECK(alone.chains == (row.holds ? std::vector<std::string>{"inet t base"} : std::vector<std::string>{}));
    const PathResult translated = passes(ruleset({translation, filter}), row.path, all, Reading::Wide);
    CHECK(translated.passed.empty() == row.holds_translated);
  }
}

TEST_CASE("firewall: what counts as a translation of destinations") {
  const FirewallTable early = table(TableFamily::Inet, {base(Hook::Output, -200, false, {})});
  const auto held = [&](FirewallRule nat, std::string type = "nat") {
    const FirewallTable t =
        table(TableFamily::Ip, {base(Hook::Postrouting, 100, true, {std::move(nat)}, std::move(type))});
    return passed(ruleset({early, t}), Path::Output) == "nothing";
  };
  for (const std::string text : {"snat to 10.0.0.1", "masquerade", "SNAT --to-source 10.0.0.1", "MASQUERADE"})
    CHECK(held(rule(kAny, Kind::Translate, text)));
  for (const std::string text : {"dnat to 10.0.0.1", "redirect to :53", "tproxy to :8080", "DNAT --to 10.0.0.1", ""})
    CHECK_FALSE(held(rule(kAny, Kind::Translate, text)));
  CHECK(held(rule(kAny, Kind::Accept)));
  CHECK_FALSE(held(not_understood(rule(kAny, Kind::Continue))));
  CHECK(held(not_understood(rule(kAny, Kind::Continue)), "filter"));
  FirewallRule rewriting = rule(kAny, Kind::Continue);
  rewriting.rewrites = true;
  CHECK_FALSE(held(rewriting, "filter"));
}

TEST_CASE("firewall: chains held back in the wide reading count in the narrow one") {
  const Ruleset rules = ruleset({table(TableFamily::Inet, {base(Hook::Postrouting, 150, false, {})})});
  CHECK(passed(rules, Path::Output, Reading::Wide) == "all of IPv4 and all of IPv6, any protocol");
  CHECK(passed(rules, Path::Output, Reading::Narrow) == "nothing");
}

TEST_CASE("firewall: every chain on a hook must pass a packet, and an accept ends one only") {
  const Ruleset rules = ruleset(
      {table(TableFamily::Inet, {base(Hook::Forward, 20, false, {rule(to("10.0.0.0/8"), Kind::Accept)})}, "a"),
       table(TableFamily::Ip, {base(Hook::Forward, 10, true, {rule(to("10.1.0.0/16"), Kind::Drop)})}, "b"),
       table(TableFamily::Inet, {base(Hook::Postrouting, 0, false, {rule(to("10.0.0.0/14"), Kind::Accept)})}, "c")});
  const PathResult result =
      passes(rules, Path::Forward, PacketSet::destined(IpSet::all(), ServiceSet::all()), Reading::Wide);
  CHECK(describe(result.passed) == "10.0.0.0/16, 10.2.0.0/15, any protocol");
  CHECK(result.chains == std::vector<std::string>{"ip b base", "inet a base", "inet c base"});
}

TEST_CASE("firewall: egress lets out what passes any one device") {
  const auto uplink = [](std::vector<std::string> devices, const Fields& accepted) {
    FirewallChain made = base(Hook::Egress, 0, false, {rule(accepted, Kind::Accept)});
    made.devices = std::move(devices);
    return made;
  };
  const auto left = [](std::vector<FirewallChain> chains, bool live = false) {
    Ruleset rules = ruleset({table(TableFamily::Netdev, std::move(chains))});
    rules.live_listing = live;
    const PathResult result = passes(rules, Path::Egress, PacketSet::all(), Reading::Wide);
    CHECK(result.held_by_nothing == result.chains.empty());
    return describe(result.passed);
  };
  CHECK(left({uplink({"eth0"}, to("10.0.0.0/8"))}) == "10.0.0.0/8, any protocol");
  CHECK(left({uplink({"eth0"}, to("10.0.0.0/8")), uplink({"eth1"}, to("11.0.0.0/8"))}) == "10.0.0.0/7, any protocol");
  CHECK(left({uplink({"eth0", "eth1"}, to("10.0.0.0/8")), uplink({"eth1"}, to("10.0.0.0/9"))}) ==
        "10.0.0.0/8, any protocol");
  CHECK(left({uplink({"eth0"}, to("10.0.0.0/8")), uplink({"eth0"}, to("10.0.0.0/9"))}) == "10.0.0.0/9, any protocol");
  CHECK(left({uplink({}, to("10.0.0.0/8"))}) == "every packet");
  CHECK(left({}) == "every packet");
  CHECK(left({uplink({"eth0"}, to("10.0.0.0/8"))}, true) == "every packet");
}

TEST_CASE("firewall: the way of one packet, rule by rule") {
  FirewallRule outside =
      rule({{Field::Ip4Destination, universe(Field::Ip4Destination) - v4("10.0.0.0/8")}}, Kind::Goto, "outside");
  outside.span = {1, 10, 20};
  FirewallChain forward =
      base(Hook::Forward, 0, false,
           {rule(kAny, Kind::Continue), outside, rule({{Field::State, several({2, 3})}}, Kind::Accept),
            rule(and_port(to("10.0.0.0/8"), 6, 443), Kind::Accept)});
  forward.span = {1, 0, 9};
  const Ruleset rules =
      ruleset({table(TableFamily::Inet,
                     {forward, chain("outside", {rule(to("192.0.2.1/32"), Kind::Accept), rule(kAny, Kind::Drop)})})});
  const auto way = [&](const Fields& packet, Reading reading = Reading::Wide) {
    const FirewallDecision decision = decide(rules, Path::Forward, box(packet), reading);
    std::string text =
        std::string(decision.allowed ? "allowed" : "dropped") + (decision.certain ? "" : ", not certain");
    for (const FirewallStep& step : decision.steps) text += "\n" + step.text;
    return text;
  };
  CHECK(way(and_port(to("10.0.0.1/32"), 6, 443)) ==
        "allowed\n"
        "inet t base: every packet: next rule\n"
        "inet t base: 10.0.0.0/8, 443/tcp: accept");
  CHECK(way(and_port(to("10.0.0.1/32"), 6, 80)) ==  // a free state is taken so that it passes
        "allowed\n"
        "inet t base: every packet: next rule\n"
        "inet t base: every packet, state established, related: accept");
  CHECK(way({{Field::Ip4Destination, v4("10.0.0.1/32")}, {Field::State, one(1)}, {Field::Protocol, one(17)}}) ==
        "dropped\n"
        "inet t base: every packet: next rule\n"
        "inet t base: policy drop");
  CHECK(way(to("203.0.113.7/32")) ==
        "dropped\n"
        "inet t base: every packet: next rule\n"
        "inet t base: all of IPv4 except 10.0.0.0/8, any protocol: goto outside\n"
        "inet t outside: every packet: drop");
  CHECK(decide(rules, Path::Forward, box(to("203.0.113.7/32")), Reading::Wide).steps[1].where == outside.span);
  CHECK(
      decide(rules, Path::Forward, box({{Field::Ip6Destination, v6("::1/128")}, {Field::State, one(1)}}), Reading::Wide)
          .steps.back()
          .where == forward.span);
  const FirewallDecision nowhere = decide(rules, Path::Output, box(to("203.0.113.7/32")), Reading::Wide);
  CHECK(nowhere.allowed);
  CHECK(nowhere.steps.empty());
}

TEST_CASE("firewall: a decision that another reading does not share") {
  const Ruleset rules = ruleset({table(
      TableFamily::Inet, {base(Hook::Output, 0, true, {not_understood(rule(to("203.0.113.0/24"), Kind::Drop))})})});
  const FirewallDecision wide = decide(rules, Path::Output, box(to("203.0.113.7/32")), Reading::Wide);
  CHECK(wide.allowed);
  CHECK_FALSE(wide.certain);
  REQUIRE(wide.steps.size() == 2);
  CHECK(wide.steps[0].text == "inet t base: 203.0.113.0/24, any protocol: drop (not understood: match \"xyz\")");
  CHECK(wide.steps[1].text == "inet t base: policy accept");
  const FirewallDecision narrow = decide(rules, Path::Output, box(to("203.0.113.7/32")), Reading::Narrow);
  CHECK_FALSE(narrow.allowed);
  CHECK_FALSE(narrow.certain);
  CHECK(decide(rules, Path::Output, box(to("203.0.114.7/32")), Reading::Wide).certain);
}

TEST_CASE("firewall: a maze of chains is given up, in favour of letting through, and it is said") {
  // Each chain jumps on twice: 2^30 ways.
  std::vector<FirewallChain> chains{base(Hook::Output, 0, false, {rule(kAny, Kind::Jump, "c0")})};
  for (int i = 0; i < 30; ++i) {
    const std::string next = "c" + std::to_string(i + 1);
    chains.push_back(chain("c" + std::to_string(i),
                           {rule({{Field::Mark, one(1)}}, Kind::Jump, next), rule(kAny, Kind::Jump, next)}));
  }
  chains.push_back(chain("c30", {rule(to("10.0.0.0/8"), Kind::Accept)}));
  const FirewallTable t = table(TableFamily::Inet, chains);
  const PacketSet all = PacketSet::destined(IpSet::all(), ServiceSet::all());
  const PacketSet wide = passes(t, t.chains[0], all, Reading::Wide);
  CHECK(wide.too_many());
  CHECK_FALSE((PacketSet::of(box(to("10.0.0.1/32"))) & wide).empty());
  CHECK(passes(t, t.chains[0], all, Reading::Narrow).too_many());
}

}  // namespace
}  // namespace airtight::verify
