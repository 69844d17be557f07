#include "auditor/classify/rule_table.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace airtight::audit {
namespace {

TEST_CASE("the table holds every rule at its place, ids ascending and without holes inside a group") {
  const std::span<const RuleInfo> table = rule_table();
  REQUIRE(table.size() == kRuleCount);
  std::map<int, std::vector<int>> groups;  // tens -> ids
  std::string before;
  for (std::size_t i = 0; i < table.size(); ++i) {
    INFO(table[i].id);
    CHECK(static_cast<std::size_t>(table[i].rule) == i);
    CHECK(&info(table[i].rule) == &table[i]);
    REQUIRE(table[i].id.size() == 7);
    CHECK(table[i].id.substr(0, 4) == "AT-A");
    CHECK(std::string(table[i].id) > before);
    before = table[i].id;
    const int number = std::stoi(std::string(table[i].id.substr(4)));
    groups[number / 10 < 2 ? 0 : number / 10].push_back(number);
  }
  REQUIRE(groups.size() == 5);
  for (const auto& [tens, ids] : groups) {
    INFO("group " << tens);
    CHECK(ids.front() == (tens == 0 ? 1 : tens * 10));
    CHECK(ids.back() - ids.front() + 1 == static_cast<int>(ids.size()));
  }
}

TEST_CASE("ids that were given out keep their meaning") {
  const std::pair<std::string_view, Rule> rows[] = {
      {"AT-A001", Rule::PacketLeft},          {"AT-A002", Rule::ReplyLeft},       {"AT-A009", Rule::AttemptHeld},
      {"AT-A010", Rule::UndeclaredEtherType}, {"AT-A015", Rule::EmbeddedOutside}, {"AT-A020", Rule::NameAskedOutside},
      {"AT-A024", Rule::NameInClear},         {"AT-A028", Rule::EncryptedDns},    {"AT-A030", Rule::InnerLeft},
      {"AT-A032", Rule::TunnelTooDeep},       {"AT-A041", Rule::RogueOffer},      {"AT-A050", Rule::Truncated},
      {"AT-A057", Rule::StreamConflict}};
  for (const auto& [id, rule] : rows) CHECK(info(rule).id == id);
}

TEST_CASE("every class that can be found has a rule, and the three that cannot have none") {
  std::set<Class> found;
  for (const RuleInfo& row : rule_table()) found.insert(row.cls);
  for (std::size_t i = 0; i < kClassCount; ++i) {
    const Class cls = static_cast<Class>(i);
    INFO(to_string(cls));
    const bool silent = cls == Class::InsideDeclared || cls == Class::InsideCluster || cls == Class::LinkLocal;
    CHECK((found.count(cls) == 0) == silent);
  }
}

TEST_CASE("effects are those of the class table") {
  struct Row {
    Class cls;
    std::set<Effect> uplink, pod_side;
  };
  constexpr Effect kNone = Effect::None, kOpen = Effect::Inconclusive, kBad = Effect::Violated;
  const Row rows[] = {
      {Class::Escape, {kBad}, {kOpen}},
      {Class::Excepted, {kNone, kOpen}, {kNone, kOpen}},
      {Class::Unresolved, {kOpen}, {kOpen}},
      {Class::Attempt, {kNone}, {kNone}},
      {Class::NonIp, {kBad}, {kNone}},
      {Class::InsideUndeclared, {kNone}, {kNone}},
      {Class::OutsideInbound, {kNone}, {kNone}},
      {Class::OutsideName, {kBad, kNone, kOpen}, {kBad, kNone, kOpen}},
      {Class::OutsideNameInTls, {kBad, kNone}, {kNone}},
      {Class::EncryptedDns, {kNone}, {kNone}},
      {Class::Tunnel, {kNone, kBad, kOpen}, {kNone, kOpen}},
      {Class::RogueServer, {kNone}, {kNone}},
      {Class::Undecodable, {kNone, kOpen}, {kNone}},
  };
  for (const Row& row : rows) {
    INFO(to_string(row.cls));
    std::set<Effect> uplink, pod_side;
    for (const RuleInfo& rule : rule_table())
      if (rule.cls == row.cls) uplink.insert(rule.effect), pod_side.insert(rule.pod_side);
    CHECK(uplink == row.uplink);
    CHECK(pod_side == row.pod_side);
  }
  const auto with = [](Effect effect) {
    std::string ids;
    for (const RuleInfo& rule : rule_table())
      if (rule.effect == effect) ids += std::string(rule.id.substr(4)) + " ";
    return ids;
  };
  CHECK(with(kBad) == "001 002 003 004 005 010 011 020 024 030 ");
  CHECK(with(kOpen) == "007 008 022 027 031 032 050 051 052 053 054 056 057 ");
  CHECK(with(kNone) == "006 009 012 013 014 015 021 023 025 026 028 040 041 055 ");
  // The pod side is never judged harder than an uplink.
  for (const RuleInfo& rule : rule_table()) CHECK(rule.pod_side <= rule.effect);
}

TEST_CASE("texts are there, and a title is a line that fits over a list") {
  std::set<std::string_view> titles;
  for (const RuleInfo& row : rule_table()) {
    INFO(row.id);
    CHECK(!row.title.empty());
    CHECK(row.title.size() <= 80);
    CHECK(titles.insert(row.title).second);
    CHECK(row.title.back() != '.');
    for (const std::string_view text : {row.title, row.meaning, row.cure}) {
      CHECK(text.find('\n') == std::string_view::npos);
      CHECK(text.find("  ") == std::string_view::npos);
      CHECK(std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; }));
    }
    for (const std::string_view text : {row.meaning, row.cure}) {
      REQUIRE(text.size() > 40);
      CHECK(text.back() == '.');
      CHECK(text.size() < 420);
    }
  }
}

TEST_CASE("a rule is found by its id, long or short, in any letter case") {
  for (const RuleInfo& row : rule_table()) {
    std::string lower(row.id);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    CHECK(find_rule(row.id) == &row);
    CHECK(find_rule(lower) == &row);
    CHECK(find_rule(row.id.substr(3)) == &row);
    CHECK(find_rule(lower.substr(3)) == &row);
  }
  for (const std::string_view other :
       {"", "A", "AT-A", "AT-A000", "AT-A016", "AT-V001", "001", "AT-A0011", " A001", "-A001"})
    CHECK(find_rule(other) == nullptr);
}

TEST_CASE("classes and effects have the words of the contract") {
  const std::string_view words[] = {"inside-declared",     "inside-cluster", "inside-undeclared",
                                    "link-local",          "rogue-server",   "attempt",
                                    "unresolved",          "excepted",       "escape",
                                    "outside-inbound",     "non-ip",         "outside-name",
                                    "outside-name-in-tls", "encrypted-dns",  "tunnel",
                                    "undecodable"};
  REQUIRE(std::size(words) == kClassCount);
  for (std::size_t i = 0; i < kClassCount; ++i) {
    CHECK(to_string(static_cast<Class>(i)) == words[i]);
    CHECK(parse_class(words[i]) == static_cast<Class>(i));
  }
  CHECK(to_string(Class::OutsideNameInTls) == "outside-name-in-tls");
  for (const std::string_view other : {"", "Escape", "escape ", "canary"}) CHECK(parse_class(other) == std::nullopt);
  CHECK(to_string(Effect::None) == "listed");
  CHECK(to_string(Effect::Inconclusive) == "inconclusive");
  CHECK(to_string(Effect::Violated) == "violated");
}

}  // namespace
}  // namespace airtight::audit
