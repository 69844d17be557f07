// The sets against slow, obvious lookups, one name and one address at a time.
#include "compiler/verify/dns/policy_zones.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace airtight::verify {
namespace {

std::size_t times(std::size_t count) {
  const char* more = std::getenv("AIRTIGHT_LONG");
  return more == nullptr ? count : count * std::max(1UL, std::strtoul(more, nullptr, 10));
}

char outcome_of(RpzAction action) {
  if (action == RpzAction::Other) return 'l';
  return action == RpzAction::Passthru || action == RpzAction::TcpOnly ? 'p' : 'r';
}

template <class Set, class Value>
char outcome_in(const PolicyEffect<Set>& effect, const Value& value) {
  const int in = effect.refused.contains(value) + effect.passed.contains(value) + effect.replaced.contains(value);
  CHECK(in <= 1);
  if (in == 0) return '-';
  return effect.refused.contains(value) ? 'r' : effect.passed.contains(value) ? 'p' : 'l';
}

ZoneFile zone_of(const std::map<std::string, RpzAction>& owners) {
  ZoneFile zone;
  for (const auto& [owner, action] : owners) {
    RpzTrigger trigger;
    trigger.owner = owner;
    trigger.action = action;
    zone.triggers.push_back(trigger);
  }
  return zone;
}

std::string parent(const std::string& name) {
  const std::size_t dot = name.find('.');
  return dot == std::string::npos ? "" : name.substr(dot + 1);
}

// RFC 1034 §4.3.2 with RFC 4592: the name itself, else the wildcard of its closest encloser.
char slow_lookup(const std::map<std::string, RpzAction>& owners, const std::string& name) {
  std::set<std::string> nodes{""};
  for (const auto& [owner, action] : owners) {
    for (std::string at = owner; !at.empty(); at = parent(at)) nodes.insert(at);
  }
  if (nodes.count(name) != 0) {
    const auto exact = owners.find(name);
    return exact == owners.end() ? '-' : outcome_of(exact->second);
  }
  std::string encloser = parent(name);
  while (nodes.count(encloser) == 0) encloser = parent(encloser);
  const auto wildcard = owners.find(encloser.empty() ? "*" : "*." + encloser);
  return wildcard == owners.end() ? '-' : outcome_of(wildcard->second);
}

TEST_CASE("a name that stands in the zone hides the wildcards above it") {
  const ZoneFile zone = zone_of({{"*", RpzAction::NxDomain},
                                 {"_inside.corp.example", RpzAction::Passthru},
                                 {"secret.corp.example", RpzAction::NoData},
                                 {"*.example", RpzAction::Drop}});
  const PolicyEffect<DomainSet> effect = effect_on_names(zone);
  struct Row {
    const char* name;
    char outcome;
  };
  for (const Row& row :
       {Row{"com", 'r'}, Row{"x.y.com", 'r'}, Row{"example", '-'}, Row{"x.example", 'r'}, Row{"corp.example", '-'},
        Row{"www.corp.example", '-'}, Row{"_inside.corp.example", 'p'}, Row{"x._inside.corp.example", '-'},
        Row{"secret.corp.example", 'r'}, Row{"x.secret.corp.example", '-'}}) {
    INFO(row.name);
    CHECK(outcome_in(effect, *Domain::parse(row.name)) == row.outcome);
  }
  CHECK(outcome_in(effect, Domain::root()) == '-');  // no wildcard matches the name above it
}

TEST_CASE("what cannot be judged still stands in the zone") {
  ZoneFile zone = zone_of({{"*", RpzAction::NxDomain}});
  RpzTrigger odd;
  odd.owner = "x!y.deep.example";
  odd.understood = false;
  zone.triggers.push_back(odd);
  RpzTrigger address;
  address.address = true;
  address.prefix = *Prefix::parse("192.0.2.0/24");
  address.action = RpzAction::NxDomain;
  zone.triggers.push_back(address);
  const PolicyEffect<DomainSet> effect = effect_on_names(zone);
  CHECK(outcome_in(effect, *Domain::parse("other")) == 'r');
  CHECK(outcome_in(effect, *Domain::parse("a.deep.example")) == '-');
  CHECK(outcome_in(effect, *Domain::parse("a.example")) == '-');
  CHECK(outcome_in(effect, *Domain::parse("a.rpz-ip")) == '-');
}

TEST_CASE("names agree with a lookup of one name, over random zones") {
  std::mt19937 random(20261125);
  const std::vector<std::string> labels{"a", "b", "_c"};
  const auto random_name = [&](std::size_t most) {
    std::string name;
    for (std::size_t left = 1 + random() % most; left > 0; --left)
      name += (name.empty() ? "" : ".") + labels[random() % labels.size()];
    return name;
  };
  for (std::size_t round = 0; round < times(300); ++round) {
    std::map<std::string, RpzAction> owners;
    for (std::size_t i = random() % 8; i > 0; --i) {
      std::string owner = random_name(3);
      if (random() % 2 == 0) owner = random() % 4 == 0 ? "*" : "*." + owner;
      owners[owner] = static_cast<RpzAction>(random() % 6);
    }
    const PolicyEffect<DomainSet> effect = effect_on_names(zone_of(owners));
    for (std::size_t i = 0; i < 60; ++i) {
      const std::string name = random_name(5);
      std::string zone;
      for (const auto& [owner, action] : owners) zone += owner + " ";
      INFO(name << " in " << zone);
      CHECK(outcome_in(effect, *Domain::parse(name)) == slow_lookup(owners, name));
    }
  }
}

TEST_CASE("addresses agree with a search for the longest prefix, over random zones") {
  std::mt19937 random(42);
  const u128 mapped = static_cast<u128>(0xffff) << 32;
  for (std::size_t round = 0; round < times(300); ++round) {
    ZoneFile zone;
    std::map<Prefix, RpzAction> prefixes;
    for (std::size_t i = random() % 12; i > 0; --i) {
      const bool v4 = random() % 2 == 0;
      // Few addresses, close together and near the mapped range, so that prefixes nest and touch.
      const u128 v6_bits = (random() % 3 == 0 ? mapped : 0) | (random() % 8) | (static_cast<u128>(random() % 4) << 124);
      const Ip ip = v4 ? Ip::v4((random() % 8) | ((random() % 4) << 30)) : Ip::v6(v6_bits);
      const int most = v4 ? 32 : 128;
      const int length =
          random() % 2 == 0 ? most - static_cast<int>(random() % 4) : 1 + static_cast<int>(random() % 32);
      prefixes[Prefix::containing(ip, length)] = static_cast<RpzAction>(random() % 6);
    }
    for (const auto& [prefix, action] : prefixes) {
      RpzTrigger trigger;
      trigger.address = true;
      trigger.prefix = prefix;
      trigger.action = action;
      zone.triggers.push_back(trigger);
    }
    std::shuffle(zone.triggers.begin(), zone.triggers.end(), random);
    const PolicyEffect<IpSet> effect = effect_on_addresses(zone);
    CHECK_FALSE(effect.met().intersects(mapped_ipv4()));
    const auto slow = [&](Ip ip) {
      const u128 key = ip.is_v4() ? mapped | ip.bits() : ip.bits();
      int longest = -1;
      char found = '-';
      for (const auto& [prefix, action] : prefixes) {
        const u128 base = prefix.family() == Family::V4 ? mapped : 0;
        const int length = prefix.length() + (prefix.family() == Family::V4 ? 96 : 0);
        // Of one range in both spellings, the one that lets more through.
        const auto rank = [](char c) { return std::string("-rpl").find(c); };
        if (key < (base | prefix.first().bits()) || key > (base | prefix.last().bits()) || length < longest) continue;
        if (length == longest && rank(outcome_of(action)) < rank(found)) continue;
        longest = length;
        found = outcome_of(action);
      }
      return found;
    };
    for (std::uint32_t high = 0; high < 4; ++high) {
      for (std::uint32_t low = 0; low < 9; ++low) {
        const Ip v4 = Ip::v4((high << 30) | low);
        const Ip v6 = Ip::v6((static_cast<u128>(high) << 124) | low);
        INFO(to_string(v4) << " " << to_string(v6));
        CHECK(outcome_in(effect, v4) == slow(v4));
        CHECK(outcome_in(effect, v6) == slow(v6));
      }
    }
  }
}

TEST_CASE("an earlier zone goes before a later one") {
  PolicyEffect<DomainSet> first = effect_on_names(zone_of({{"a.example", RpzAction::Passthru}}));
  first.then(effect_on_names(zone_of({{"*", RpzAction::NxDomain}, {"*.example", RpzAction::NxDomain}})));
  CHECK(outcome_in(first, *Domain::parse("a.example")) == 'p');
  CHECK(outcome_in(first, *Domain::parse("b.example")) == 'r');
}

}  // namespace
}  // namespace airtight::verify
