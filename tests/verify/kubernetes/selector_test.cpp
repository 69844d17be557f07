#include "compiler/verify/kubernetes/selector.h"

#include <catch2/catch.hpp>

namespace airtight::verify {
namespace {

using Op = Selector::Op;

constexpr const char* word(Match match) { return match == Match::Yes ? "yes" : match == Match::No ? "no" : "unknown"; }

TEST_CASE("selector: each operator of labels that are known, absent and unknown") {
  struct Row {
    Selector selector;
    const char* web;      // app=web
    const char* absent;   // no labels at all
    const char* unknown;  // nothing known
  };
  const Row rows[] = {
      {Selector::all(), "yes", "yes", "yes"},
      {Selector::none(), "no", "no", "no"},
      {Selector::not_understood(), "unknown", "unknown", "unknown"},
      {Selector::in("app", {"web", "db"}), "yes", "no", "unknown"},
      {Selector::in("app", {"db"}), "no", "no", "unknown"},
      {Selector::in("app", {}), "no", "no", "no"},
      {Selector::of(Op::NotIn, "app", {"web"}), "no", "yes", "unknown"},
      {Selector::of(Op::NotIn, "app", {"a", "b"}), "yes", "yes", "unknown"},
      {Selector::of(Op::NotIn, "app", {}), "yes", "yes", "yes"},
      {Selector::of(Op::Exists, "app", {}), "yes", "no", "unknown"},
      {Selector::of(Op::NotExists, "app", {}), "no", "yes", "unknown"},
      {Selector::of(Op::StartsWith, "app", {"we"}), "yes", "no", "unknown"},
      {Selector::of(Op::StartsWith, "app", {"eb"}), "no", "no", "unknown"},
      {Selector::of(Op::EndsWith, "app", {"eb"}), "yes", "no", "unknown"},
      {Selector::of(Op::Contains, "app", {"e"}), "yes", "no", "unknown"},
      {Selector::of(Op::Contains, "app", {"x"}), "no", "no", "unknown"},
      {{Op::And, {}, {}, {}}, "yes", "yes", "yes"},
      {{Op::Or, {}, {}, {}}, "no", "no", "no"},
      {{Op::And, {}, {}, {Selector::in("app", {"web"}), Selector::not_understood()}}, "unknown", "no", "unknown"},
      {{Op::Or, {}, {}, {Selector::in("app", {"web"}), Selector::not_understood()}}, "yes", "unknown", "unknown"},
      {{Op::Not, {}, {}, {Selector::in("app", {"web"})}}, "no", "yes", "unknown"},
  };
  for (const Row& row : rows) {
    INFO(to_string(row.selector));
    CHECK(std::string(word(matches(row.selector, {{{"app", "web"}}, true}))) == row.web);
    CHECK(std::string(word(matches(row.selector, {{}, true}))) == row.absent);
    CHECK(std::string(word(matches(row.selector, {{}, false}))) == row.unknown);
    CHECK(matches(row.selector, {{{"app", "web"}}, false}) == matches(row.selector, {{{"app", "web"}}, true}));
  }
}

TEST_CASE("selector: a label that is known decides, whatever else is not") {
  const Selector both = Selector::both(Selector::in("app", {"web"}), Selector::in("tier", {"a"}));
  CHECK(matches(both, {{{"app", "db"}}, false}) == Match::No);
  CHECK(matches(both, {{{"app", "web"}}, false}) == Match::Unknown);
  CHECK(matches(both, {{{"app", "web"}, {"tier", "a"}}, false}) == Match::Yes);
}

TEST_CASE("selector: of a key that is not known nothing is, whatever the other labels say") {
  const KnownLabels labels{{{"app", "web"}, {"hash", "a"}}, true, {"hash"}};
  for (const Selector& leaf : {Selector::in("hash", {"a"}), Selector::in("hash", {"b"}),
                               Selector::of(Op::NotIn, "hash", {"a"}), Selector::of(Op::Exists, "hash", {}),
                               Selector::of(Op::NotExists, "hash", {}), Selector::of(Op::StartsWith, "hash", {"a"})})
    CHECK(std::string(word(matches(leaf, labels))) == "unknown");
  CHECK(matches(Selector::in("hash", {}), labels) == Match::No);
  CHECK(matches(Selector::in("app", {"web"}), labels) == Match::Yes);
  CHECK(matches(Selector::of(Op::Exists, "tier", {}), labels) == Match::No);
  CHECK(labels != KnownLabels{{{"app", "web"}, {"hash", "a"}}, true});
}

TEST_CASE("selector: its text") {
  const Selector web = Selector::in("app", {"web"});
  const Selector tiers = Selector::in("tier", {"b", "a", "b"});
  CHECK(to_string(Selector::all()) == "everything");
  CHECK(to_string(Selector::none()) == "nothing");
  CHECK(to_string(Selector::not_understood()) == "not understood");
  CHECK(to_string(Selector::equal_to({})) == "everything");
  CHECK(to_string(Selector::equal_to({{"app", "web"}, {"tier", "a"}})) == "app=web,tier=a");
  CHECK(to_string(Selector::both(web, tiers)) == "app=web,tier in (a,b)");
  CHECK(to_string(Selector::of(Op::NotIn, "app", {"web"})) == "app!=web");
  CHECK(to_string(Selector::of(Op::NotIn, "app", {"web", "db"})) == "app notin (db,web)");
  CHECK(to_string(Selector::of(Op::Exists, "app", {})) == "app");
  CHECK(to_string(Selector::of(Op::NotExists, "app", {})) == "!app");
  CHECK(to_string(Selector::of(Op::StartsWith, "app", {"w"})) == "app starts with \"w\"");
  CHECK(to_string(Selector::of(Op::EndsWith, "app", {"w"})) == "app ends with \"w\"");
  CHECK(to_string(Selector::of(Op::Contains, "app", {"w"})) == "app contains \"w\"");
  CHECK(to_string(Selector{Op::Or, {}, {}, {Selector::both(web, tiers), web}}) == "(app=web,tier in (a,b)) or app=web");
  CHECK(to_string(Selector::both(tiers, {Op::Or, {}, {}, {web, tiers}})) == "tier in (a,b),(app=web or tier in (a,b))");
  CHECK(to_string(Selector{Op::Not, {}, {}, {web}}) == "not (app=web)");
}

TEST_CASE("selector: both flattens, and leaves out what matches everything") {
  const Selector web = Selector::in("app", {"web"});
  const Selector db = Selector::in("app", {"db"});
  CHECK(Selector::both(Selector::all(), web) == web);
  CHECK(Selector::both(web, Selector::all()) == web);
  CHECK(Selector::both(Selector::both(web, db), Selector::both(db, web)).parts.size() == 4);
}

TEST_CASE("selector: the keys that it asks for, with the values that it tells apart") {
  std::map<std::string, std::vector<std::string>> keys{{"app", {"web"}}};
  collect_keys(Selector::both(Selector::in("app", {"web", "api"}), {Op::Not, {}, {}, {Selector::in("tier", {"a"})}}),
               keys);
  collect_keys(Selector::of(Op::Exists, "job", {}), keys);
  collect_keys(Selector::all(), keys);
  CHECK(keys == std::map<std::string, std::vector<std::string>>{{"app", {"api", "web"}}, {"job", {}}, {"tier", {"a"}}});
}

TEST_CASE("selector: equal ones have equal hashes, and close ones do not") {
  const Selector web = Selector::in("app", {"web", "db"});
  CHECK(hash_of(web) == hash_of(Selector::in("app", {"db", "web"})));
  CHECK(hash_of(web) != hash_of(Selector::of(Op::NotIn, "app", {"db", "web"})));
  CHECK(hash_of(web) != hash_of(Selector::in("app", {"db"})));
}

}  // namespace
}  // namespace airtight::verify
