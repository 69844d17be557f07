// JSON: held to nlohmann_json on what is read and on what is refused; errors at their places.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "tests/verify/document/reading.h"

namespace airtight::verify {
namespace {

using Json = nlohmann::ordered_json;

bool equal(const Value& value, const Json& json) {
  switch (value.kind) {
    case Value::Kind::Null:
      return json.is_null();
    case Value::Kind::Bool:
      return json.is_boolean() && json.get<bool>() == (value.text == "true");
    case Value::Kind::Number:
      return json.is_number() && Json::parse(value.text) == json;
    case Value::Kind::String:
      return json.is_string() && json.get<std::string>() == value.text;
    case Value::Kind::List:
      if (!json.is_array() || json.size() != value.items.size()) return false;
      for (std::size_t i = 0; i < json.size(); ++i)
        if (!equal(value.items[i], json[i])) return false;
      return true;
    case Value::Kind::Map:
      if (!json.is_object() || json.size() != value.members.size()) return false;
      for (std::size_t i = 0; const auto& [key, child] : json.items()) {
        if (value.members[i].key != key || !equal(value.members[i].value, child)) return false;
        ++i;
      }
      return true;
  }
  return false;
}

class RandomJson {
 public:
  explicit RandomJson(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }

  Json value(int depth) {
    static const char* const kTexts[] = {"", "a", "ä€\U0001F600", "\"\\/\b\f\n\r\t", "\x01\x1f", "items", "kind"};
    static const char* const kNumbers[] = {"0", "-0", "1", "-12", "1.5", "1e5", "2E-3", "18446744073709551615"};
    switch (below(depth > 0 ? 7 : 5)) {
      case 0:
        return nullptr;
      case 1:
        return below(2) == 0;
      case 2:
        return Json::parse(kNumbers[below(std::size(kNumbers))]);
      case 3:
      case 4:
        return kTexts[below(std::size(kTexts))];
      case 5: {
        Json list = Json::array();
        for (std::size_t n = below(4); n > 0; --n) list.push_back(value(depth - 1));
        return list;
      }
      default:
        return map(depth);
    }
  }
  Json map(int depth) {
    Json map = Json::object();
    for (std::size_t n = below(5); n > 0; --n) map["k" + std::to_string(below(9))] = value(depth - 1);
    return map;
  }
  // Another byte, one more or one less.
  std::string damage(std::string text) {
    static const std::string kBytes = "{}[]\",:\\u019dD8cC.eE+-tfn x\n\x01\x7f\xc3\xff";
    const std::size_t at = below(text.size());
    const char byte = kBytes[below(kBytes.size())];
    switch (below(3)) {
      case 0:
        text[at] = byte;
        break;
      case 1:
        text.insert(at, 1, byte);
        break;
      default:
        text.erase(at, 1);
    }
    return text;
  }

 private:
  std::mt19937 random_;
};

std::optional<Value> read_text(std::string text, Diagnostics& diagnostics) {
  Sources sources;
  return read_document(sources.add("a.json", std::move(text)), sources, diagnostics);
}

int times(int count) {
  const char* factor = std::getenv("AIRTIGHT_LONG");
  return factor == nullptr ? count : count * std::max(1, std::atoi(factor));
}

TEST_CASE("random JSON is read as nlohmann_json reads it") {
  RandomJson random(20261125);
  for (int i = 0, n = times(3000); i < n; ++i) {
    const Json json = random.map(4);
    const std::string text = json.dump(i % 3 == 0 ? 2 : -1, ' ', i % 2 == 0);
    INFO(text);
    Diagnostics diagnostics;
    const std::optional<Value> value = read_text(text, diagnostics);
    REQUIRE(value);
    REQUIRE(equal(*value, json));
  }
}

TEST_CASE("damaged JSON is refused where nlohmann_json refuses it, and nowhere else") {
  RandomJson random(4);
  int refused = 0;
  for (int i = 0, n = times(30000); i < n; ++i) {
    std::string text = random.damage(random.map(3).dump());
    if (i % 4 == 0) text = random.damage(text);
    const std::size_t first = text.find_first_not_of(" \n\r\t");
    if (first == std::string::npos || text[first] != '{') continue;  // not recognised as JSON at all
    INFO(text);
    Diagnostics diagnostics;
    const std::optional<Value> value = read_text(text, diagnostics);
    REQUIRE(value.has_value() != diagnostics.has_errors());
    bool twice = false;
    for (const Diagnostic& one : diagnostics.sorted()) twice = twice || one.code == Code::DuplicateKey;
    if (twice) continue;
    Json theirs;
    try {
      theirs = Json::parse(text);
    } catch (const Json::out_of_range&) {
      continue;  // a number beyond double: ours keeps it as text
    } catch (const Json::exception&) {
      REQUIRE_FALSE(value);
      ++refused;
      continue;
    }
    REQUIRE(value);
    REQUIRE(equal(*value, theirs));
  }
  CHECK(refused > 1000);
}

TEST_CASE("errors of JSON name the place and what was expected") {
  struct Row {
    const char* text;
    const char* error;
  };
  const Row rows[] = {
      {"{",
       "1:2 AT-Y005 not JSON: the text ends here [expected a key in double quotes] [note 1:1 the map that is not "
       "closed]"},
      {"{\"a\":\n [1, 2",
       "2:7 AT-Y005 not JSON: the text ends here [expected ',' or ']'] [note 2:2 the list that is not "
       "closed]"},
      {"{\"a\":1,}", "1:8 AT-Y005 not JSON: this cannot stand here [expected a key in double quotes]"},
      {"{a: b}", "1:2 AT-Y005 not JSON: this cannot stand here [expected a key in double quotes]"},
      {"{\"a\" 1}", "1:6 AT-Y005 not JSON: this cannot stand here [expected ':']"},
      {"{\"a\":1 \"b\"}", "1:8 AT-Y005 not JSON: this cannot stand here [expected ',' or '}']"},
      {"[1,]", "1:4 AT-Y005 not JSON: this cannot stand here [expected a value]"},
      {"[01]", "1:2 AT-Y005 not JSON: a number that is not well formed"},
      {"[1.]", "1:2 AT-Y005 not JSON: a number that is not well formed"},
      {"[NaN]", "1:2 AT-Y005 not JSON: this cannot stand here [expected a value]"},
      {"[\"a]", "1:2 AT-Y005 not JSON: a string that is not closed [expected '\"' before the text ends]"},
      {"[\"a\nb\"]", "1:4 AT-Y003 a control character inside of a string [expected an escape as \\n or \\u0001]"},
      {"[\"\\x41\"]", "1:3 AT-Y005 not JSON: an unknown escape"},
      {"[\"\\ud800\"]", "1:3 AT-Y005 not JSON: half of a surrogate pair"},
      {"[\"\\ud800\\u0041\"]", "1:3 AT-Y005 not JSON: half of a surrogate pair"},
      {"[\"\\udc00\"]", "1:3 AT-Y005 not JSON: half of a surrogate pair"},
      {"{\"ä\": 1,\n\"b\": {\"c\": 1, \"c\": 2}}",
       "2:15 AT-Y006 key 'c' stands twice in one map [note 2:7 it stands here already]"},
      {"{\"a\": 1} x", "1:10 AT-Y005 not JSON: text behind the end of the document"},
      {"[1, // no\n2]", "1:5 AT-Y005 not JSON: this cannot stand here [expected a value]"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(read(row.text).errors == std::vector<std::string>{row.error});
  }
}

TEST_CASE("every cut of a JSON document is refused") {
  const std::string text = R"({"a": [1, {"b": null}], "c": "d\n", "e": -1.5e3, "f": true})";
  REQUIRE(read(text).good);
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    INFO(cut);
    CHECK_FALSE(read(text.substr(0, cut)).good);
  }
}

TEST_CASE("a value knows its place") {
  Sources sources;
  Diagnostics diagnostics;
  const std::uint32_t source = sources.add("a.json", "{\"a\": [10, \"x\\n\"],\n \"b\": {}}");
  const std::optional<Value> value = read_document(source, sources, diagnostics);
  REQUIRE(value);
  CHECK(sources.text(value->span) == "{");
  CHECK(sources.text(value->member("a")->key_span) == "\"a\"");
  CHECK(sources.text(value->find("a")->span) == "[");
  CHECK(sources.text(value->find("a")->items[0].span) == "10");
  CHECK(sources.text(value->find("a")->items[1].span) == "\"x\\n\"");
  CHECK(place(sources, value->find("b")->span) == "2:7");
  CHECK(value->find("c") == nullptr);
}

}  // namespace
}  // namespace airtight::verify
