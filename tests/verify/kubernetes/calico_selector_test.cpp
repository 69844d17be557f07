#include "compiler/verify/kubernetes/calico_selector.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/verify/kubernetes/policy_words.h"

namespace airtight::verify {
namespace {

using Parse = std::optional<Selector> (*)(std::string_view, std::string&);

// The selector in words, or "refused: …".
std::string parsed(const std::string& text, Parse parse = parse_calico_selector) {
  std::string why_not;
  const std::optional<Selector> selector = parse(text, why_not);
  return selector ? to_string(*selector) : "refused: " + why_not;
}

TEST_CASE("Calico selectors are read term by term") {
  const std::pair<const char*, const char*> rows[] = {
      {"", "everything"},
      {" \t ", "everything"},
      {"all()", "everything"},
      {"all( )", "everything"},
      {"!all()", "nothing"},
      {"global()", "!kubernetes.io/metadata.name"},
      {"a == 'b'", "a=b"},
      {"a==\"b\"", "a=b"},
      {"a != 'b'", "a!=b"},
      {"a in {'x', \"y\"}", "a in (x,y)"},
      {"a in { }", "a in ()"},
      {"a in {'x',}", "a=x"},
      {"a not in {'x','y'}", "a notin (x,y)"},
      {"a notin{'x'}", "a!=x"},
      {"has(a)", "a"},
      {"has( a.b/c-d_e )", "a.b/c-d_e"},
      {"!has(a)", "!a"},
      {"! !has(a)", "a"},
      {"a contains 'b'", "a contains \"b\""},
      {"a starts with 'b'", "a starts with \"b\""},
      {"a ends with 'b'", "a ends with \"b\""},
      {"!(a contains 'b')", "not (a contains \"b\")"},
      {"a == 'b' && c == 'd'", "a=b,c=d"},
      {"a == 'b' || c == 'd'", "a=b or c=d"},
      {"a == 'b' || c == 'd' && e == 'f'", "a=b or (c=d,e=f)"},
      {"(a == 'b' || c == 'd') && has(e)", "(a=b or c=d),e"},
      {"a == 'it\"s'", "a=it\"s"},
      {"has == 'all'", "has=all"},
      {"in in {'in'}", "in=in"},
  };
  for (const auto& [text, words] : rows) {
    INFO(text);
    CHECK(parsed(text) == words);
  }
}

TEST_CASE("what Calico would refuse is refused, with the reason") {
  const std::pair<const char*, const char*> rows[] = {
      {"a", "refused: has no comparison behind a label"},
      {"a = 'b'", "refused: has no comparison behind a label"},
      {"a == b", "refused: has no quoted text where one must be"},
      {"a == 'b", "refused: has a quoted text without an end"},
      {"a == 'b' c", "refused: has something behind its end"},
      {"a == 'b' &&", "refused: has no label where one must be"},
      {"a == 'b' & c == 'd'", "refused: has something behind its end"},
      {"a in 'b'", "refused: has no list in braces where one must be"},
      {"a in {'b'", "refused: has a '{' without a '}'"},
      {"a in {'b' 'c'}", "refused: has a '{' without a '}'"},
      {"has(a", "refused: has a has( without a ')'"},
      {"has()", "refused: has no label where one must be"},
      {"all(", "refused: has an all( without a ')'"},
      {"global(", "refused: has a global( without a ')'"},
      {"(a == 'b'", "refused: has a '(' without a ')'"},
      {"a starts 'b'", "refused: has no comparison behind a label"},
      {"a == 'b'\n", "refused: has something behind its end"},
  };
  for (const auto& [text, words] : rows) {
    INFO(text);
    CHECK(parsed(text) == words);
  }
  CHECK(parsed(std::string(513, 'a') + " == 'b'") == "refused: has too long a label");
  CHECK(parsed(std::string(200, '(') + "has(a)" + std::string(200, ')')) == "refused: is nested too deep");
  CHECK(parsed(std::string(100'000, '!') + "has(a)") == "a");
}

TEST_CASE("in a namespace selector all() is every namespace and global() is none") {
  const Parse parse = parse_calico_namespace_selector;
  CHECK(parsed("all()", parse) == "kubernetes.io/metadata.name");
  CHECK(parsed("global()", parse) == "!kubernetes.io/metadata.name");
  CHECK(parsed("projectcalico.org/name == 'app'", parse) == "kubernetes.io/metadata.name=app");
  CHECK(parsed("global() || team == 'a'", parse) == "!kubernetes.io/metadata.name or team=a");
  // What lies in no namespace has no labels.
  std::string why_not;
  const KnownLabels none;
  CHECK(matches(*parse("all()", why_not), none) == Match::No);
  CHECK(matches(*parse("!all()", why_not), none) == Match::Yes);
  CHECK(matches(*parse("global()", why_not), none) == Match::Yes);
  CHECK(matches(*parse("team != 'a'", why_not), none) == Match::Yes);
}

TEST_CASE("of service accounts only the name is known") {
  const Parse parse = parse_calico_service_account_selector;
  CHECK(parsed("projectcalico.org/name == 'robot'", parse) == "name=robot");
  CHECK(parsed("role == 'x' && projectcalico.org/name == 'robot'", parse) == "not understood,name=robot");
}

TEST_CASE("terms about the namespace and the service account are told from the pod's own labels") {
  const std::pair<const char*, const char*> rows[] = {
      {"app == 'web'", "app=web"},
      {"projectcalico.org/namespace == 'app' && app == 'web'", "ns{kubernetes.io/metadata.name=app} app=web"},
      {"projectcalico.org/namespace in {'a','b'} || pcns.team == 'x'",
       "ns{kubernetes.io/metadata.name in (a,b) or team=x}"},
      {"pcns.projectcalico.org/name == 'app'", "ns{kubernetes.io/metadata.name=app}"},
      {"projectcalico.org/serviceaccount == 'robot'", "sa{name=robot}"},
      {"pcsa.projectcalico.org/name == 'robot'", "sa{name=robot}"},
      {"pcsa.role == 'x'", "sa{not understood}"},
      {"pcns.team == 'x' || app == 'web'", "not understood"},
      {"projectcalico.org/orchestrator == 'k8s'", "everything"},
      {"projectcalico.org/orchestrator != 'k8s'", "nothing"},
  };
  for (const auto& [text, words] : rows) {
    INFO(text);
    std::string why_not;
    const CalicoEndpoints split = split_calico_selector(*parse_calico_selector(text, why_not), CalicoThing::Pod);
    CHECK(selectors_in_words(split.namespaces, split.pods, split.service_accounts) == words);
  }
  std::string why_not;
  const Selector orchestrated = *parse_calico_selector("projectcalico.org/orchestrator == 'k8s'", why_not);
  CHECK(split_calico_selector(orchestrated, CalicoThing::NoPod).pods == Selector::none());
}

TEST_CASE("a negated selector matches exactly what it did not") {
  const KnownLabels things[] = {{{}, true}, {{{"a", "b"}}, true}, {{{"a", "c"}}, true}, {{{"d", "b"}}, true}};
  for (const char* text : {"all()", "a == 'b'", "a != 'b'", "has(a)", "!has(a)", "a contains 'b'", "a == 'b' && has(d)",
                           "a == 'b' || has(d)", "a in {}"}) {
    INFO(text);
    std::string why_not;
    const Selector selector = *parse_calico_selector(text, why_not);
    for (const KnownLabels& thing : things) CHECK(matches(selector, thing) != matches(negated(selector), thing));
  }
}

}  // namespace
}  // namespace airtight::verify
