// YAML: what a scalar means, what is refused and where, aliases and bounds.
#include <catch2/catch.hpp>
#include <string>

#include "compiler/verify/document_scalar.h"
#include "tests/verify/document/reading.h"

namespace airtight::verify {
namespace {

using Lines = std::vector<std::string>;

TEST_CASE("a plain scalar means what sigs.k8s.io/yaml makes of it") {
  struct Row {
    const char* text;
    const char* value;  // as print() says it
  };
  const Row rows[] = {
      {"true", "true"},
      {"True", "true"},
      {"yes", "true"},
      {"on", "true"},
      {"y", "true"},
      {"Off", "false"},
      {"N", "false"},
      {"no", "false"},
      {"tRue", "\"tRue\""},
      {"null", "null"},
      {"~", "null"},
      {"", "null"},
      {"NULL", "null"},
      {"nil", "\"nil\""},
      {"0", "0"},
      {"80", "80"},
      {"-1", "-1"},
      {"+5", "5"},
      {"-0", "0"},
      {"0x1F90", "8080"},
      {"-0x10", "-16"},
      {"010", "8"},
      {"0o10", "8"},
      {"0b101", "5"},
      {"08", "8"},
      {"1_000", "1000"},
      {"18446744073709551616", "18446744073709551616"},
      {"1.5", "1.5"},
      {".5", "0.5"},
      {"5.", "5"},
      {"-1e3", "-1e3"},
      {"+1.0E+5", "1.0E+5"},
      {"00.50", "0.50"},
      {"1e999", "\"1e999\""},
      {"0x", "\"0x\""},
      {"0xg", "\"0xg\""},
      {"1.2.3", "\"1.2.3\""},
      {"10.0.0.1", "\"10.0.0.1\""},
      {"1:30", "\"1:30\""},
      {"2026-11-25", "\"2026-11-25\""},
      {"-", "\"-\""},
      {"+", "\"+\""},
      {".", "\".\""},
      {"1e", "\"1e\""},
      {"_1", "\"_1\""},
      {"100m", "\"100m\""},
      {"0x1ffffffffffffffff", "\"0x1ffffffffffffffff\""},
      {"<<", "\"<<\""},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const std::optional<Scalar> scalar = resolve_plain(row.text);
    REQUIRE(scalar);
    Value value;
    value.kind = scalar->kind;
    value.text = scalar->text;
    CHECK(print(value) == row.value);
    if (std::string_view(row.text) != "-")
      CHECK(read_one("a: " + std::string(row.text) + "\n") == "{\"a\": " + std::string(row.value) + "}");
  }
  CHECK(read_one("a: -.inf\n") == "1:4 AT-Y005 the number '-.inf' has no form in JSON");
}

TEST_CASE("quoted and block scalars are text") {
  CHECK(read_one("a: 'yes'\nb: \"80\"\nc: |\n  1\n  2\nd: >-\n  x\n  y\n") ==
        "{\"a\": \"yes\", \"b\": \"80\", \"c\": \"1\n2\n\", \"d\": \"x y\"}");
  CHECK(read_one(R"(a: "\u00e4\x41\t\\\"\/\U0001F600"
b: 'it''s'
)") == "{\"a\": \"äA\t\\\"/😀\", \"b\": \"it's\"}");
  CHECK(read_one("a: x\n  y\n\n  z\nb: \"p\n  q \\\n  r\"\n") == "{\"a\": \"x y\nz\", \"b\": \"p q r\"}");
}

TEST_CASE("keys are text: booleans and numbers as JSON's conversion writes them") {
  CHECK(read_one("80: a\n0x10: b\nyes: c\n1.50: d\n'no': e\n\"\": f\n") ==
        R"({"80": "a", "16": "b", "true": "c", "1.5": "d", "no": "e", "": "f"})");
  CHECK(read_one("1: a\n0x1: b\n") == "2:1 AT-Y006 key '1' stands twice in one map [note 1:1 it stands here already]");
}

TEST_CASE("core tags give their meaning, where the value fits") {
  CHECK(
      read_one(
          "a: !!str 5\nb: !!int '5'\nc: !!float 1\nd: !!bool y\ne: !!null ~\nf: !!seq [1]\ng: !!map {}\nh: !!str\n") ==
      R"({"a": "5", "b": 5, "c": 1, "d": true, "e": null, "f": [1], "g": {}, "h": ""})");
}

TEST_CASE("what readers of YAML disagree about is refused, at its place") {
  struct Row {
    const char* text;
    const char* error;
  };
  const Row rows[] = {
      {"a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n",
       "5:3 AT-Y006 key 'c' stands twice in one map [note 3:3 it stands here already]"},
      {"a: {b: 1, \"b\": 2}\n", "1:11 AT-Y006 key 'b' stands twice in one map [note 1:5 it stands here already]"},
      {"a: &x {b: 1}\nc:\n  <<: *x\n", "3:3 AT-Y007 merge key [expected the keys written out]"},
      {"a: !!binary aGk=\n",
       "1:4 AT-Y008 the tag 'tag:yaml.org,2002:binary' changes how the value is read [expected no tag, or one of "
       "!!str !!int !!float !!bool !!null !!seq !!map]"},
      {"a: !foo [1]\n",
       "1:4 AT-Y008 the tag '!foo' changes how the value is read [expected no tag, or one of !!str !!int "
       "!!float !!bool !!null !!seq !!map]"},
      {"a: ! x\n", "1:4 AT-Y008 the tag '!' changes how the value is read [expected no tag]"},
      {"a: &b ! x\n", "1:7 AT-Y008 the tag '!' changes how the value is read [expected no tag]"},
      {"a: !!int x\n", "1:10 AT-Y008 a tag that the value 'x' does not fit"},
      {"a: !!int 1.5\n", "1:10 AT-Y008 a tag that the value '1.5' does not fit"},
      {"a: !!map [1]\n", "1:4 AT-Y008 a tag that no list has"},
      {"a: *nowhere\n", "1:4 AT-Y005 not YAML: nothing before this has the anchor that it names"},
      {"a: &x [*x]\n", "1:8 AT-Y009 an alias inside of what it repeats"},
      {"a: &x b\n*x : c\n", "2:1 AT-Y014 an alias as a key [expected a name]"},
      {"~: a\n", "1:1 AT-Y014 null as a key [expected a name]"},
      {"{a: 1}: b\n", "1:2 AT-Y005 not JSON: this cannot stand here [expected a key in double quotes]"},
      {"? [a]\n: b\n", "1:3 AT-Y014 a list as a key [expected a name]"},
      {"? {a: 1}\n: b\n", "1:3 AT-Y014 a map as a key [expected a name]"},
      {"!!int 5: a\n", "1:7 AT-Y014 a key that its tag makes no text [expected a name]"},
      {"a:\n\tb: 1\n", "2:1 AT-Y004 a tab in the indentation [expected spaces]"},
      {"a:\n  - b\n \t- c\n", "3:2 AT-Y004 a tab in the indentation [expected spaces]"},
      {"a: 'x\n", "1:4 AT-Y005 not YAML: quotes that are not closed"},
      {"a: \"x\\\n", "1:4 AT-Y005 not YAML: quotes that are not closed"},
      {"a: 'x", "1:6 AT-Y005 not YAML: the text ends inside of quotes"},
      {"a: b: c\n", "1:5 AT-Y005 not YAML: a ':' where no key can be"},
      {"a: {b: 1\n",
       "2:1 AT-Y005 not YAML: a map that '{' opens is not closed before this [note 1:4 what is not ended starts here]"},
      {"a:\n    b: 1\n  c: 2\n",
       "3:3 AT-Y005 not YAML: this neither continues the map above nor ends it; see its "
       "indentation [note 1:1 what is not ended starts here]"},
      {"'a' 'b'\n",
       "1:5 AT-Y005 not YAML: the document has ended before this [expected a line '---' before another document]"},
      {"a: 1\nb\n", "2:1 AT-Y005 not YAML: a key without a ':'"},
      {"a: {b:}\n", "1:6 AT-Y005 not YAML: no space behind this ':'"},
      {"a: {:b: c}\n", "1:5 AT-Y005 not YAML: a text that starts with ':'"},
      {"a: [b,,c]\n", "1:7 AT-Y005 not YAML: nothing stands before this ','"},
      {"a: &b: c\n", "1:4 AT-Y005 not YAML: 'b:' as the name of an anchor [expected letters, digits, '-' and '_']"},
      {"a:\n{b: c}\n", "2:1 AT-Y005 not YAML: this must be indented deeper than what it belongs to"},
      {"a:\n'b'\n", "2:1 AT-Y005 not YAML: this must be indented deeper than what it belongs to"},
      {"a:\n- b:\n  'c'\n", "3:3 AT-Y005 not YAML: this must be indented deeper than what it belongs to"},
      {"-\t[b]\n", "1:2 AT-Y004 a tab in the indentation [expected spaces]"},
      {"a: |\n  \tb\n", "2:3 AT-Y004 a tab in the indentation [expected spaces]"},
      {"a: >\n  b\n  ", "3:2 AT-Y005 not YAML: spaces at the end of a block scalar [expected a line end behind it]"},
      {"a: 1\n%b\n", "2:1 AT-Y005 not YAML: a line that starts with '%' [expected no directives]"},
      {"a: 1\n...\nb: 2\n",
       "3:1 AT-Y005 not YAML: text behind the end of the document [expected a line '---' before it]"},
      {"--- {a: 1}\n", "1:1 AT-Y005 not YAML: text in the line of a '---' [expected a line of its own for it]"},
      {"a: 1\n---b: 2\n", "2:1 AT-Y005 not YAML: text in the line of a '---' [expected a line of its own for it]"},
      {"# c\n%YAML 1.2\n---\na: 1\n", "2:1 AT-Y005 not YAML: a line that starts with '%' [expected no directives]"},
      {"a: \xFF\n", "1:4 AT-Y001 byte 0xff is not part of UTF-8 text"},
      {"{\"a\": \"\xC3\"}", "1:8 AT-Y001 byte 0xc3 is not part of UTF-8 text"},
      {"a: b\n# \x01\n", "2:3 AT-Y003 control character U+0001"},
      {"a: \x7F\n", "1:4 AT-Y003 control character U+007F"},
      {"a: \xC2\x80\n", "1:4 AT-Y003 control character U+0080"},
      {"# c\rspec: x\n", "1:4 AT-Y015 a carriage return without a line feed"},
      {"# c\xE2\x80\xA8spec: x\n", "1:4 AT-Y015 U+2028 is a line end or a mark for some readers only"},
      {"ä: 1\nä: 2\n", "2:1 AT-Y006 key '\xC3\xA4' stands twice in one map [note 1:1 it stands here already]"},
      {"ä: {x: é, ö: [!x y]}\n",
       "1:15 AT-Y008 the tag '!x' changes how the value is read [expected no tag, or one of !!str !!int "
       "!!float !!bool !!null !!seq !!map]"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const Reading reading = read(row.text);
    CHECK_FALSE(reading.good);
    CHECK(reading.errors == Lines{row.error});
  }
  CHECK(read(std::string("a: \0b\n", 6)).errors == Lines{"1:4 AT-Y003 NUL byte"});
  CHECK(read(std::string("\xFF\xFE{\0}\0", 6)).errors ==
        Lines{"- AT-Y002 the file is UTF-16 or UTF-32 text [expected UTF-8]"});
  CHECK(read(std::string("\0{\0}", 4)).errors == Lines{"- AT-Y002 the file is UTF-16 or UTF-32 text [expected UTF-8]"});
}

TEST_CASE("aliases repeat what they name, with its place, within bounds") {
  CHECK(read_one("a: &x {b: &y [1]}\nc: *x\nd: *y\n") == R"({"a": {"b": [1]}, "c": {"b": [1]}, "d": [1]})");
  CHECK(read("items: &i\n- kind: A\nkind: List\nother: *i\n").objects == Lines{R"({"kind": "A"})"});
  CHECK(read("x: &i [{kind: A}]\nitems: *i\n").objects == Lines{R"({"kind": "A"})"});
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + below;
    for (int n = 1; n < 10; ++n) laughs += ", " + below;
    laughs += "]\n";
  }
  CHECK(read(laughs).errors == Lines{"5:45 AT-Y009 aliases repeat more than 100000 nodes"});
  std::string ones = "1";
  for (int i = 1; i < 1000; ++i) ones += ", 1";
  std::string list = "kind: List\nitems:\n";
  for (int i = 0; i < 99; ++i) list += "- {kind: A, x: &x [" + ones + "], y: *x}\n";
  CHECK(read(list).good);
  list += "- {kind: A, x: &x [" + ones + "], y: *x}\n";
  CHECK(read(list).errors == Lines{"102:3024 AT-Y009 aliases repeat more than 100000 nodes"});
  std::string deep = "a0: &a0 []\n";
  for (int i = 1; i < 120; ++i)
    deep += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  CHECK(read(deep).errors == Lines{"101:14 AT-Y010 nested deeper than 100 levels"});
  const std::string big = "a: &x " + std::string(1'000'000, 'x') + "\nb: [*x";
  std::string many = big;
  for (int i = 0; i < 16; ++i) many += ", *x";
  CHECK(read(many + "]\n").errors == Lines{"2:69 AT-Y009 aliases repeat more than 16777216 bytes"});
}

TEST_CASE("depth and size have bounds, for every reader") {
  const std::string open(100, '['), close(100, ']');
  CHECK(read(open + close).good);
  CHECK(read('[' + open + close + ']').errors == Lines{"1:101 AT-Y010 nested deeper than 100 levels"});
  CHECK(read(std::string(1'000'000, '[')).errors == Lines{"1:101 AT-Y010 nested deeper than 100 levels"});
  CHECK(read("a: [" + open + close + "]\n").errors == Lines{"1:103 AT-Y010 nested deeper than 100 levels"});
  CHECK(read("a: " + std::string(200'000, '[')).errors ==
        Lines{"1:100004 AT-Y010 more than 100000 brackets are open here"});
  std::string nested;
  for (int i = 0; i <= 100; ++i) nested += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  CHECK(read(nested).errors == Lines{"101:101 AT-Y010 nested deeper than 100 levels"});
  const std::string scalar(kMaxArtifactScalar + 1, 'x');
  const Lines too_big = {"1:7 AT-Y011 a scalar of 1048577 bytes [expected at most 1048576 bytes]"};
  CHECK(read("{\"a\": \"" + scalar + "\"}").errors == too_big);
  CHECK(read("kind:  \"" + scalar + "\"\n").errors == Lines{"1:8" + too_big[0].substr(3)});
  CHECK(read("{\"" + scalar + "\": 1}").errors == Lines{"1:2" + too_big[0].substr(3)});
  CHECK(read("{\"a\": \"" + scalar.substr(1) + "\"}").good);
}

TEST_CASE("as many objects as the bound says and no more") {
  std::string text = "{\"items\": [";
  text.reserve(12 * kMaxArtifactObjects);
  for (std::size_t i = 0; i <= kMaxArtifactObjects; ++i) text += i == 0 ? "{}" : ",{}";
  text += "], \"kind\": \"List\"}";
  Sources sources;
  Diagnostics diagnostics;
  std::size_t objects = 0;
  const std::uint32_t source = sources.add("a.json", std::move(text));
  CHECK_FALSE(read_objects(source, sources, diagnostics, [&](Value&&, std::string_view) { ++objects; }));
  CHECK(objects == kMaxArtifactObjects);
}

}  // namespace
}  // namespace airtight::verify
