// Random rulesets over a small world, and every packet of it followed by hand, one rule after the other. What a rule
// may do that is not understood is tried both ways.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "tests/verify/firewall/hand_made.h"

namespace airtight::verify {
namespace {

using namespace hand_made;

// The world: one packet of every combination that can be. Absent: the packet has no such header.
struct Frame {
  unsigned ether_type;               // 0x0800, 0x86dd, 0x0806
  std::optional<unsigned> v4, v6;    // destination
  std::optional<unsigned> protocol;  // 6, 17, 1
  std::optional<unsigned> port;      // 80, 443, none in a fragment
  unsigned state;                    // 1, 2
};

std::vector<Frame> world() {
  std::vector<Frame> frames;
  for (const unsigned state : {1U, 2U}) {
    frames.push_back({0x0806, {}, {}, {}, {}, state});
    for (const unsigned type : {0x0800U, 0x86ddU})
      for (const unsigned address : {1U, 2U, 3U, 4U})
        for (const unsigned protocol : {6U, 17U, 1U})
          for (const std::optional<unsigned> port :
               {std::optional(80U), std::optional(443U), std::optional<unsigned>()}) {
            if (protocol == 1 && port) continue;
            Frame frame{type, {}, {}, protocol, port, state};
            (type == 0x0800 ? frame.v4 : frame.v6) = address;
            frames.push_back(frame);
          }
  }
  return frames;
}

const std::array<Field, 6> kAsked{Field::EtherType, Field::Ip4Destination,  Field::Ip6Destination,
                                  Field::Protocol,  Field::DestinationPort, Field::State};

std::optional<unsigned> value(const Frame& frame, Field field) {
  switch (field) {
    case Field::EtherType:
      return frame.ether_type;
    case Field::Ip4Destination:
      return frame.v4;
    case Field::Ip6Destination:
      return frame.v6;
    case Field::Protocol:
      return frame.protocol;
    case Field::DestinationPort:
      return frame.port;
    default:
      return frame.state;
  }
}

// The frame as a point of the packet space.
Box point(const Frame& frame) {
  Box made;
  for (const Field field : kAsked) {
    if (const auto is = value(frame, field)) REQUIRE(made.narrow(field, std::make_shared<const Values>(one(*is))));
  }
  if (frame.protocol && frame.protocol != 1U && !frame.port)
    REQUIRE(made.narrow(Field::DestinationPort, std::make_shared<const Values>(one(kAbsent))));
  return made;
}

// Tests of a match, all of which must hold; a test of a header that is not there does not.
using Test = std::map<Field, std::set<unsigned>>;
bool holds(const Test& test, const Frame& frame) {
  return std::all_of(test.begin(), test.end(), [&](const auto& part) {
    const auto is = value(frame, part.first);
    return is && part.second.count(*is) > 0;
  });
}

struct PlainBranch {
  std::vector<Test> any_of;
  FirewallVerdict verdict;
};
struct PlainRule {
  std::vector<PlainBranch> branches;
  bool sure = true;
};
struct PlainChain {
  Hook hook = Hook::None;
  std::int64_t priority = 0;
  bool policy_accept = true;
  std::vector<PlainRule> rules;
};
struct PlainTable {
  TableFamily family = TableFamily::Inet;
  std::vector<PlainChain> chains;  // named "0", "1" …; the first is the base chain
};

// What may become of a packet.
struct Fate {
  bool may_pass = false;
  bool may_drop = false;
  friend Fate operator|(Fate a, Fate b) { return {a.may_pass || b.may_pass, a.may_drop || b.may_drop}; }
};
constexpr Fate kPass{true, false};
constexpr Fate kDrop{false, true};
constexpr Fate kEither{true, true};

class Follower {
 public:
  Follower(const PlainTable& table, const Frame& frame) : table_(table), frame_(frame) {}
  Fate base() { return at({{0, 0}}); }

 private:
  struct Place {
    std::size_t chain;
    std::size_t rule;
  };
  // `stack`: where the packet is, last, and where each chain on the way goes on.
  Fate at(std::vector<Place> stack) {
    while (stack.back().rule == table_.chains[stack.back().chain].rules.size()) {
      stack.pop_back();
      if (stack.empty()) return table_.chains[0].policy_accept ? kPass : kDrop;
    }
    const PlainRule& rule = table_.chains[stack.back().chain].rules[stack.back().rule];
    ++stack.back().rule;
    Fate fate{};
    for (const PlainBranch& branch : rule.branches) {
      const bool matches = std::any_of(branch.any_of.begin(), branch.any_of.end(),
                                       [&](const Test& test) { return holds(test, frame_); });
      if (!matches) continue;
      fate = fate | after(branch.verdict, stack);
      if (rule.sure) return fate;
    }
    return fate | at(stack);
  }

  Fate after(const FirewallVerdict& verdict, std::vector<Place> stack) {
    switch (verdict.kind) {
      case Kind::Continue:
        return at(std::move(stack));
      case Kind::Accept:
      case Kind::Translate:
        return kPass;
      case Kind::Drop:
        return kDrop;
      case Kind::Elsewhere:
        return kEither;
      case Kind::Return:
        stack.back().rule = table_.chains[stack.back().chain].rules.size();
        return at(std::move(stack));
      case Kind::Goto:
        stack.pop_back();
        [[fallthrough]];
      case Kind::Jump:
        if (verdict.chain == "gone") return kEither;
        if (stack.empty()) stack.push_back({0, table_.chains[0].rules.size()});
        stack.push_back({static_cast<std::size_t>(std::stoul(verdict.chain)), 0});
        return at(std::move(stack));
    }
    return kEither;
  }

  const PlainTable& table_;
  const Frame& frame_;
};

class RandomRules {
 public:
  explicit RandomRules(unsigned seed) : random_(seed) {}
  std::size_t below(std::size_t n) { return random_() % n; }
  bool sometimes(std::size_t one_in) { return below(one_in) == 0; }

  Test test() {
    static const std::map<Field, std::vector<unsigned>> kValues{
        {Field::EtherType, {0x0800, 0x86dd, 0x0806}}, {Field::Ip4Destination, {1, 2, 3, 4}},
        {Field::Ip6Destination, {1, 2, 3, 4}},        {Field::Protocol, {6, 17, 1}},
        {Field::DestinationPort, {80, 443}},          {Field::State, {1, 2}}};
    Test made;
    for (const auto& [field, values] : kValues) {
      if (!sometimes(4)) continue;
      for (const unsigned v : values)
        if (sometimes(2)) made[field].insert(v);
      if (made[field].empty()) made[field].insert(values[below(values.size())]);
    }
    return made;
  }

  FirewallVerdict verdict(std::size_t chain, std::size_t chains, bool surprising) {
    static constexpr std::array kKinds{Kind::Accept, Kind::Drop,   Kind::Jump,     Kind::Goto,      Kind::Accept,
                                       Kind::Drop,   Kind::Return, Kind::Continue, Kind::Translate, Kind::Jump};
    FirewallVerdict made;
    made.kind = kKinds[below(kKinds.size())];
    if (surprising && sometimes(12)) made.kind = Kind::Elsewhere;
    if (made.kind != Kind::Jump && made.kind != Kind::Goto) return made;
    if (surprising && sometimes(12)) {
      made.chain = "gone";
    } else if (chain + 1 < chains) {
      made.chain = std::to_string(chain + 1 + below(chains - chain - 1));
    } else {
      made.kind = Kind::Continue;
    }
    return made;
  }

  PlainTable table(bool surprising) {
    static constexpr std::array kFamilies{TableFamily::Inet, TableFamily::Inet, TableFamily::Ip, TableFamily::Ip6};
    PlainTable made;
    made.family = kFamilies[below(kFamilies.size())];
    made.chains.resize(1 + below(4));
    for (std::size_t i = 0; i < made.chains.size(); ++i) {
      for (std::size_t n = below(5); n > 0; --n) {
        PlainRule rule;
        rule.sure = !surprising || !sometimes(3);
        for (std::size_t b = 1 + (sometimes(4) ? below(3) : 0); b > 0; --b) {
          PlainBranch branch;
          for (std::size_t t = 1 + below(2); t > 0; --t) branch.any_of.push_back(test());
          branch.verdict = verdict(i, made.chains.size(), surprising);
          rule.branches.push_back(std::move(branch));
        }
        made.chains[i].rules.push_back(std::move(rule));
      }
    }
    made.chains[0].hook = sometimes(2) ? Hook::Output : Hook::Postrouting;
    made.chains[0].priority = static_cast<std::int64_t>(below(5)) * 10;
    made.chains[0].policy_accept = sometimes(2);
    return made;
  }

 private:
  std::mt19937 random_;
};

FirewallTable in_sets(const PlainTable& plain, RandomRules& random) {
  FirewallTable made = table(plain.family, {});
  for (std::size_t i = 0; i < plain.chains.size(); ++i) {
    FirewallChain built = chain(std::to_string(i), {});
    built.hook = plain.chains[i].hook;
    built.type = built.hook == Hook::None ? "" : "filter";
    built.priority = plain.chains[i].priority;
    built.policy_accept = plain.chains[i].policy_accept;
    for (const PlainRule& rule : plain.chains[i].rules) {
      FirewallRule rule_built;
      (random.sometimes(2) ? rule_built.understood : rule_built.limited) = false;
      if (rule.sure)
        rule_built.understood = true, rule_built.limited = false;
      else if (rule_built.understood)
        rule_built.limited = true;
      for (const PlainBranch& branch : rule.branches) {
        FirewallBranch branch_built{{}, branch.verdict};
        for (const Test& test : branch.any_of) {
          Box match;
          bool possible = true;
          for (const auto& [field, values] : test) {
            Values wanted;
            for (const unsigned v : values) wanted |= one(v);
            possible = possible && match.constrain(field, wanted);
          }
          if (possible) branch_built.match.push_back(match);
        }
        rule_built.branches.push_back(std::move(branch_built));
      }
      built.rules.push_back(std::move(rule_built));
    }
    made.chains.push_back(std::move(built));
  }
  return made;
}

bool sees(TableFamily family, const Frame& frame) {
  return (frame.ether_type == 0x0800 && family != TableFamily::Ip6) ||
         (frame.ether_type == 0x86dd && family != TableFamily::Ip);
}

bool has(const PacketSet& set, const Frame& frame) {
  const PacketSet found = set & PacketSet::of(point(frame));
  CHECK(found.boxes().size() <= 1);  // the boxes are disjoint
  return !found.empty();
}

std::size_t times(std::size_t usual) {
  const char* factor = std::getenv("AIRTIGHT_LONG");
  return usual * (factor ? std::max<std::size_t>(std::strtoul(factor, nullptr, 10), 1) : 1);
}

// Whether a goto or a return that may not happen is in it: there the narrow reading gives up more than it must.
bool is_coarse(const PlainTable& table) {
  for (const PlainChain& chain : table.chains)
    for (const PlainRule& rule : chain.rules)
      for (const PlainBranch& branch : rule.branches)
        if (!rule.sure && (branch.verdict.kind == Kind::Goto || branch.verdict.kind == Kind::Return)) return true;
  return false;
}

void compare(unsigned seed, std::size_t rulesets, bool surprising) {
  const std::vector<Frame> frames = world();
  RandomRules random(seed);
  std::size_t packets = 0;
  std::size_t passing = 0;
  for (std::size_t n = 0; n < rulesets; ++n) {
    std::vector<PlainTable> plain;
    for (std::size_t t = 1 + random.below(3); t > 0; --t) plain.push_back(random.table(surprising));
    Ruleset rules;
    for (const PlainTable& one_table : plain) rules.tables.push_back(in_sets(one_table, random));
    bool coarse = false;
    for (const PlainTable& one_table : plain) coarse = coarse || is_coarse(one_table);
    const PacketSet wide = passes(rules, Path::Output, PacketSet::all(), Reading::Wide).passed;
    const PacketSet narrow = passes(rules, Path::Output, PacketSet::all(), Reading::Narrow).passed;
    REQUIRE_FALSE(wide.too_many());
    for (const Frame& frame : frames) {
      Fate fate = kPass;
      for (const PlainTable& one_table : plain) {
        if (!sees(one_table.family, frame)) continue;
        const Fate here = Follower(one_table, frame).base();
        fate = {fate.may_pass && here.may_pass, fate.may_drop || here.may_drop};
      }
      ++packets;
      passing += fate.may_pass;
      INFO("ruleset " << n << ", EtherType " << frame.ether_type << ", v4 " << frame.v4.value_or(0) << ", v6 "
                      << frame.v6.value_or(0) << ", protocol " << frame.protocol.value_or(0) << ", port "
                      << frame.port.value_or(0) << ", state " << frame.state);
      if (has(wide, frame) != fate.may_pass) CHECK(has(wide, frame) == fate.may_pass);
      if (has(narrow, frame) && fate.may_drop) CHECK_FALSE(has(narrow, frame));
      if (!coarse && has(narrow, frame) == fate.may_drop) CHECK(has(narrow, frame) != fate.may_drop);
    }
    const Frame& any = frames[random.below(frames.size())];
    for (const Reading reading : {Reading::Wide, Reading::Narrow}) {
      const FirewallDecision decision = decide(rules, Path::Output, point(any), reading);
      CHECK(decision.allowed == has(reading == Reading::Wide ? wide : narrow, any));
      CHECK(decision.certain == (has(wide, any) == has(narrow, any)));
    }
  }
  std::printf("compared: %zu packets with the walker of firewalls, %zu rulesets\n", packets, rulesets);
  CHECK(passing > packets / 10);  // the comparison is about something
  CHECK(passing < packets * 9 / 10);
}

TEST_CASE("firewall oracle: understood rulesets let through exactly what the walk of each packet does") {
  compare(4, times(1'500), false);
}

TEST_CASE("firewall oracle: the wide reading is all that may pass, the narrow one nothing that may not") {
  compare(5, times(1'500), true);
}

}  // namespace
}  // namespace airtight::verify
