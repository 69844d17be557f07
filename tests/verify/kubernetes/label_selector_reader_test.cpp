#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "compiler/verify/kubernetes/readers.h"
#include "tests/verify/kubernetes/from_json.h"

namespace airtight::verify {
namespace {

std::string read(const char* text, std::vector<SelectorFault>& faults) {
  return to_string(read_label_selector(from_json(text), faults));
}

TEST_CASE("a label selector is the conjunction of all that it asks") {
  struct Row {
    const char* text;
    const char* canonical;
  };
  const Row rows[] = {
      {"{}", "everything"},
      {"{matchLabels: {}, matchExpressions: []}", "everything"},
      {"{matchLabels: null, matchExpressions: null}", "everything"},
      {"{matchLabels: {app: web}}", "app=web"},
      {"{matchLabels: {app: null}}", "app="},
      {"{matchExpressions: [{key: tier, operator: In, values: [b, a]}]}", "tier in (a,b)"},
      {"{matchLabels: {app: web}, matchExpressions: [{key: example.com/x, operator: Exists}]}",
       "app=web,example.com/x"},
  };
  for (const Row& row : rows) {
    std::vector<SelectorFault> faults;
    CHECK(read(row.text, faults) == row.canonical);
    CHECK(faults.empty());
  }
}

TEST_CASE("NotIn and DoesNotExist match a key that is absent") {
  std::vector<SelectorFault> faults;
  const Selector not_in = read_label_selector(
      from_json("{matchExpressions: [{key: env, operator: NotIn, values: [prod, stage]}]}"), faults);
  const Selector not_exists =
      read_label_selector(from_json("{matchExpressions: [{key: env, operator: DoesNotExist}]}"), faults);
  CHECK(faults.empty());
  CHECK(matches(not_in, {{}, true}) == Match::Yes);
  CHECK(matches(not_in, {{{"env", "prod"}}, true}) == Match::No);
  CHECK(matches(not_in, {{{"env", "stage"}}, true}) == Match::No);
  CHECK(matches(not_in, {{{"env", "dev"}}, true}) == Match::Yes);
  CHECK(matches(not_exists, {{}, true}) == Match::Yes);
  CHECK(matches(not_exists, {{{"env", ""}}, true}) == Match::No);
}

TEST_CASE("what the API server refuses in a selector, with its place") {
  struct Row {
    const char* text;
    const char* message;
    const char* token;  // at which the fault points
  };
  const std::string long_name(64, 'a');
  const Row rows[] = {
      {"[]", "is a list, not a map", "["},
      {"{matchLabels: [a]}", "matchLabels is a list, not a map", "["},
      {"{matchLabels: {version: 1}}", "matchLabels.version is not a string", "1"},
      {"{matchLabels: {a/b/c: x}}",
       "matchLabels.a/b/c is no label key: 1 to 63 letters, digits, '-', '_' or '.' that start and end with a letter "
       "or digit",
       "x"},
      {"{matchLabels: {Example.com/a: x}}",
       "matchLabels.Example.com/a is no label key: the part before the slash is no DNS name", "x"},
      {"{matchLabels: {a: -x}}", "matchLabels.a is '-x', which is no label value", "-x"},
      {"{matchExpressions: [{key: a, operator: Is, values: [b]}]}",
       "matchExpressions[0].operator is 'Is', not In, NotIn, Exists or DoesNotExist", "{"},
      {"{matchExpressions: [{key: a, operator: In}]}", "matchExpressions[0].values is empty for operator In", "{"},
      {"{matchExpressions: [{key: a, operator: NotIn, values: []}]}",
       "matchExpressions[0].values is empty for operator NotIn", "{"},
      {"{matchExpressions: [{key: a, operator: Exists, values: [b]}]}",
       "matchExpressions[0].values is not empty for operator Exists", "{"},
      {"{matchExpressions: [{operator: Exists}]}",
       "matchExpressions[0].key '' is no label key: 1 to 63 letters, digits, '-', '_' or '.' that start and end with a "
       "letter or digit",
       "{"},
      {"{matchExpressions: [{key: a, operator: In, values: [b, c d]}]}",
       "matchExpressions[0].values[1] is 'c d', which is no label value", "c d"},
      {"{matchExpressions: [{key: a, operator: In, values: [true]}]}", "matchExpressions[0].values[0] is not a string",
       "true"},
      {"{matchExpressions: [7]}", "matchExpressions[0] is a number, not a map", "7"},
  };
  for (const Row& row : rows) {
    std::vector<SelectorFault> faults;
    read(row.text, faults);
    INFO(row.text);
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].message == row.message);
    CHECK(faults[0].kind == SelectorFault::Kind::Refused);
    CHECK(std::string(row.text).substr(faults[0].where.begin, std::string(row.token).size()) == row.token);
  }
}

TEST_CASE("a misspelt field of a selector is not refused, but noticed") {
  std::vector<SelectorFault> faults;
  CHECK(read("{matchLabel: {app: web}}", faults) == "everything");
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].message == "matchLabel is an unknown field");
  CHECK(faults[0].kind == SelectorFault::Kind::UnknownField);
}

TEST_CASE("port forms that policies share") {
  CHECK(read_protocol("TCP") == Protocol::Tcp);
  CHECK(read_protocol("UDP") == Protocol::Udp);
  CHECK(read_protocol("SCTP") == Protocol::Sctp);
  CHECK(read_protocol("tcp") == std::nullopt);
  CHECK(read_protocol("") == std::nullopt);
  struct Row {
    const char* text;
    std::optional<std::uint16_t> number;
  };
  const Row rows[] = {{"1", 1},
                      {"65535", 65535},
                      {"0x50", 80},
                      {"8_080", 8080},
                      {"0120", 80},
                      {"'443'", 443},
                      {"'0443'", 443},
                      {"0", std::nullopt},
                      {"65536", std::nullopt},
                      {"-1", std::nullopt},
                      {"web", std::nullopt},
                      {"'8 0'", std::nullopt},
                      {"null", std::nullopt}};
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(read_port_number(from_json(row.text)) == row.number);
  }
}

}  // namespace
}  // namespace airtight::verify
