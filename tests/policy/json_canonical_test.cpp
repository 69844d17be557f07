#include "compiler/policy/json_canonical.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/policy/json_document.h"

namespace airtight {
namespace {

// "1:5 MESSAGE" and, where there is one, " [expected: …]" of the only error; "accepted" if there is none.
std::string outcome(std::string text) {
  Sources sources;
  Diagnostics diagnostics;
  const std::uint32_t source = sources.add("policy.json", std::move(text));
  const bool accepted = parse_json(source, sources, Code::PolicySyntax, diagnostics).has_value();
  if (accepted) return diagnostics.empty() ? "accepted" : "accepted with errors";
  const std::vector<Diagnostic> all = diagnostics.sorted();
  if (all.size() != 1 || all[0].code != Code::PolicySyntax) return "not one error";
  const Position at = sources.position(source, all[0].where.begin);
  return std::to_string(at.line) + ":" + std::to_string(at.column) + " " + all[0].message +
         (all[0].expected.empty() ? "" : " [expected: " + all[0].expected + "]");
}

std::string canonical(std::string text, std::string_view without = {}) {
  Sources sources;
  Diagnostics diagnostics;
  const auto document = parse_json(sources.add("x", std::move(text)), sources, Code::PolicySyntax, diagnostics);
  REQUIRE(document);
  return canonical_json(document->root(), without);
}

}  // namespace

TEST_CASE("digest_of is SHA-256 in text") {
  // FIPS 180-4 test values.
  CHECK(digest_of("") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(digest_of("abc") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(is_digest(digest_of("abc")));
  CHECK_FALSE(is_digest("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a"));
  CHECK_FALSE(is_digest("sha256:BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
  CHECK_FALSE(is_digest("sha512:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
}

TEST_CASE("the canonical form has no white space, resolved escapes and sorted members") {
  CHECK(canonical(" { \"b\" : [ 1 , -2 , true , false , null ] ,\n\t\"a\" : { } } ") ==
        R"({"a":{},"b":[1,-2,true,false,null]})");
  CHECK(canonical(R"(["\u0041\/\u00e9\ud83d\udd12"])") == "[\"A/\xC3\xA9\xF0\x9F\x94\x92\"]");
  CHECK(canonical(R"(["\u0000\u0008\u0009\u000a\u000c\u000d\u001F\"\\\u007f"])") ==
        "[\"\\u0000\\b\\t\\n\\f\\r\\u001f\\\"\\\\\x7F\"]");
  CHECK(canonical("9007199254740991") == "9007199254740991");
  CHECK(canonical("-9007199254740991") == "-9007199254740991");
}

TEST_CASE("a member of the outermost object alone can be left out") {
  CHECK(canonical(R"({"digest":1,"a":{"digest":2}})", "digest") == R"({"a":{"digest":2}})");
  CHECK(canonical(R"({"digest":1})", "digest") == "{}");
}

TEST_CASE("members are ordered by UTF-16 code units, not by bytes") {
  // The keys of RFC 8785 §3.2.3, in its order.
  const std::vector<std::string> ordered{"\r",          "1", "\xC2\x80", "\xC3\xB6", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                                         "\xEF\xAC\xB3"};
  std::vector<std::string> keys = ordered;
  std::sort(keys.begin(), keys.end());
  CHECK(keys != ordered);
  std::sort(keys.begin(), keys.end(), utf16_less);
  CHECK(keys == ordered);
  CHECK(utf16_less("", "a"));
  CHECK(utf16_less("a", "ab"));
  CHECK_FALSE(utf16_less("a", "a"));
  CHECK(utf16_less("\xED\x9F\xBF", "\xF0\x90\x80\x80"));  // U+D7FF before U+10000
}

TEST_CASE("the readable form differs from the canonical one by white space alone") {
  const auto write = [](JsonWriter::Form form) {
    JsonWriter json(form);
    json.begin_object();
    json.key("a");
    json.begin_array();
    json.integer(1);
    json.begin_object(JsonWriter::Layout::Line);
    json.key("x");
    json.begin_array();
    json.string("y");
    json.boolean(true);
    json.end_array();
    json.key("z");
    json.null();
    json.end_object();
    json.end_array();
    json.key("b");
    json.begin_object();
    json.end_object();
    json.end_object();
    return std::move(json).take();
  };
  CHECK(write(JsonWriter::Form::Canonical) == R"({"a":[1,{"x":["y",true],"z":null}],"b":{}})");
  CHECK(write(JsonWriter::Form::Readable) == R"({
  "a": [
    1,
    {"x": ["y", true], "z": null}
  ],
  "b": {}
})");
}

TEST_CASE("the reader refuses what is no JSON, naming the pointer") {
  struct Row {
    std::string text;
    std::string expected;
  };
  const std::vector<Row> rows{
      {"", "1:1 the JSON text ends too early at the top level [expected: a JSON value]"},
      {"\xEF\xBB\xBF{}", "1:1 a byte order mark before the JSON text at the top level"},
      {"{} {}", "1:4 text after the end of the JSON value at the top level"},
      {"{\"a\":NaN}", "1:6 unexpected 'N' at /a [expected: a JSON value]"},
      {"{\"a\":Infinity}", "1:6 unexpected 'I' at /a [expected: a JSON value]"},
      {"{\"a\":[1,-]}", "1:10 unexpected ']' at /a/1 [expected: a digit]"},
      {"{\"a\":[1,]}", "1:9 unexpected ']' at /a/1 [expected: a JSON value]"},
      {"{\"a\":1,}", "1:8 unexpected '}' at the top level [expected: a key in double quotes]"},
      {"{'a':1}", "1:2 unexpected ''' at the top level [expected: a key in double quotes]"},
      {"{\"a\" 1}", "1:6 unexpected '1' at /a [expected: ':']"},
      {"{\"a\":1 \"b\":2}", "1:8 unexpected '\"' at the top level [expected: ',' or '}']"},
      {"[1 2]", "1:4 unexpected '2' at /0 [expected: ',' or ']']"},
      {"[1", "1:3 the JSON text ends too early at /0 [expected: ',' or ']']"},
      {"// no\n[]", "1:1 unexpected '/' at the top level [expected: a JSON value]"},
      {"{\n \"a/b\": {\"~\": 1.5}}", "2:15 a number that is no integer at /a~1b/~0 [expected: digits only]"},
      {"[1e3]", "1:2 a number that is no integer at /0 [expected: digits only]"},
      {"[01]", "1:2 a number with a leading zero at /0"},
      {"[-0]", "1:2 a negative zero at /0 [expected: 0]"},
      {"[+1]", "1:2 unexpected '+' at /0 [expected: a JSON value]"},
      {"[9007199254740992]", "1:2 a number beyond 2^53 - 1 at /0"},
      {"[-99999999999999999999999999]", "1:2 a number beyond 2^53 - 1 at /0"},
      {"[tru]", "1:2 unexpected 't' at /0 [expected: a JSON value]"},
      {"[\"a\nb\"]", "1:4 a control character in a string at /0"},
      {"[\"a", "1:4 the JSON text ends too early at /0 [expected: the end of the string]"},
      {"[\"\\", "1:3 an escape that JSON does not have at /0"},
      {"[\"\\x41\"]", "1:3 an escape that JSON does not have at /0"},
      {"[\"\\u12g4\"]", "1:3 an escape without four hexadecimal digits at /0"},
      {"[\"\\ud83d\"]", "1:3 half of a surrogate pair at /0"},
      {"[\"\\ud83d\\u0041\"]", "1:3 half of a surrogate pair at /0"},
      {"[\"\\udd12\"]", "1:3 half of a surrogate pair at /0"},
      {"[\"\xC0\xAF\"]", "1:3 a byte that is not UTF-8 at /0"},
      {"[\"\xED\xA0\x80\"]", "1:3 a byte that is not UTF-8 at /0"},
      {"[\"\xF4\x90\x80\x80\"]", "1:3 a byte that is not UTF-8 at /0"},
      {"[\"\xE2\x82\"]", "1:3 a byte that is not UTF-8 at /0"},
      {"[\xFF]", "1:2 unexpected '\\xff' at /0 [expected: a JSON value]"},
      {std::string("[\0]", 3), "1:2 unexpected '\\x00' at /0 [expected: a JSON value]"},
      {"{\"a\":{\"k\":1,\"\\u006b\":2}}", "1:13 a key given twice at /a/k"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(outcome(row.text) == row.expected);
  }
}

TEST_CASE("nesting is bounded") {
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  CHECK(outcome(nested(kJsonDepth)) == "accepted");
  std::string pointer;
  for (std::size_t i = 0; i < kJsonDepth; ++i) pointer += "/0";
  CHECK(outcome(nested(kJsonDepth + 1)) == "1:33 nesting deeper than 32 levels at " + pointer);
  CHECK(outcome(std::string(1'000'000, '[')) == "1:33 nesting deeper than 32 levels at " + pointer);
}

TEST_CASE("pointers lead to values and keys, and are cut when shown") {
  Sources sources;
  Diagnostics diagnostics;
  const auto document =
      parse_json(sources.add("x", R"({"a":[{"b":1},{"c/d":[true,"e"]}]})"), sources, Code::PolicySyntax, diagnostics);
  REQUIRE(document);
  const JsonValue second = document->root().member("a")->items()[1];
  CHECK(document->root().pointer().empty());
  CHECK(second.pointer() == "/a/1");
  CHECK(second.members()[0].key.pointer() == "/a/1/c~1d");
  CHECK(second.members()[0].value.items()[1].pointer() == "/a/1/c~1d/1");
  CHECK(sources.text(second.members()[0].value.items()[1].span()) == "\"e\"");
  CHECK(shown_pointer("") == "the top level");
  CHECK(shown_pointer("/a\n") == "/a\\x0a");
  CHECK(shown_pointer(std::string(159, 'x') + "\xC3\xA9y") == std::string(159, 'x') + "…");
}

}  // namespace airtight
