#include "compiler/spec/yaml.h"

#include <catch2/catch.hpp>

#include "tests/spec/spec_text.h"

using namespace airtight;

namespace {

// The source text under the value at the path "a.b.0".
std::string token(const Reading& reading, const Node& root, const std::string& path) {
  const Node* node = &root;
  std::size_t at = 0;
  while (at < path.size()) {
    const std::size_t end = std::min(path.find('.', at), path.size());
    const std::string step = path.substr(at, end - at);
    if (node->kind == Node::Kind::Sequence)
      node = &node->items.at(static_cast<std::size_t>(std::stoi(step)));
    else if (const Member* member = node->find(step))
      node = &member->value;
    else
      return "no such member: " + step;
    at = end + 1;
  }
  return std::string(reading.sources.text(node->span));
}

}  // namespace

TEST_CASE("a span covers exactly the token") {
  struct Row {
    const char* text;
    const char* path;
    const char* token;
    const char* value;
  };
  const Row rows[] = {
      {"a: plain\n", "a", "plain", "plain"},
      {"a: two words # comment\n", "a", "two words", "two words"},
      {"a: \"double\"\n", "a", "\"double\"", "double"},
      {"a: \"say \\\"no\\\"\" # x\n", "a", "\"say \\\"no\\\"\"", "say \"no\""},
      {"a: 'single'\n", "a", "'single'", "single"},
      {"a: 'it''s' # x\n", "a", "'it''s'", "it's"},
      {"a: ''\n", "a", "''", ""},
      {"a: \"\"\n", "a", "\"\"", ""},
      {"a: [x, y]\n", "a.1", "y", "y"},
      {"a: [x, y]\n", "a", "[", ""},
      {"a: {b: c}\n", "a", "{", ""},
      {"a: {b: 10.0.0.0/8, c: \"fd00::/8\"}\n", "a.c", "\"fd00::/8\"", "fd00::/8"},
      {"a:\n  b: c\n", "a", "b", ""},
      {"a:\n  - b\n", "a", "-", ""},
      {"a:\n  - b\n", "a.0", "b", "b"},
      {"a:\n  - {b: c}\n", "a.0.b", "c", "c"},
      {"a: &mark value\n", "a", "value", "value"},
      {"a: &mark \"value\"\n", "a", "\"value\"", "value"},
      {"ä: ö\n", "ä", "ö", "ö"},
      {"a: [\"€€\", ß, 漢字, x]\n", "a.0", "\"€€\"", "€€"},
      {"a: [\"€€\", ß, 漢字, x]\n", "a.2", "漢字", "漢字"},
      {"a: [\"€€\", ß, 漢字, x]\n", "a.3", "x", "x"},
      {"a: 𝕏\nb: c\n", "b", "c", "c"},
      {"\xEF\xBB\xBF"
       "a: b\n",
       "a", "b", "b"},
      {"a: b\r\nc: d\r\n", "c", "d", "d"},
      {"a: |\n  text\nb: c\n", "a", "|", "text\n"},
      {"a: >-\n  folded\n  text\nb: c\n", "a", ">", "folded text"},
      {"a: >-\n  folded\nb: c\n", "b", "c", "c"},
      {"a: first\n  second\nb: c\n", "a", "first", "first second"},
      {"---\na: b\n", "a", "b", "b"},
  };
  for (const Row& row : rows) {
    Reading reading;
    const auto root = reading.yaml(row.text);
    INFO(row.text);
    REQUIRE(reading.errors() == "");
    CHECK(token(reading, *root, row.path) == row.token);
    std::string path = row.path;
    const Node* node = &*root;
    while (!path.empty()) {
      const std::string step = path.substr(0, path.find('.'));
      path = path.find('.') == std::string::npos ? "" : path.substr(path.find('.') + 1);
      node = node->kind == Node::Kind::Sequence ? &node->items.at(static_cast<std::size_t>(std::stoi(step)))
                                                : &node->find(step)->value;
    }
    CHECK(node->text == row.value);
  }
}

TEST_CASE("a key has a span of its own and knows its quotes") {
  Reading reading;
  const auto root = reading.yaml("\"a b\": 1\nc: {'d': 2}\n");
  REQUIRE(root);
  CHECK(reading.sources.text(root->members[0].key_span) == "\"a b\"");
  CHECK(root->members[0].key == "a b");
  CHECK(root->members[0].key_quoted);
  CHECK_FALSE(root->members[1].key_quoted);
  CHECK(reading.sources.text(root->members[1].value.members[0].key_span) == "'d'");
}

TEST_CASE("a position counts characters, not bytes") {
  Reading reading;
  const auto root = reading.yaml("a: [\"€€\", ß, x]\n");
  REQUIRE(root);
  const Span x = root->members[0].value.items[2].span;
  CHECK(x.begin == 18);
  const Position at = reading.sources.position(x.source, x.begin);
  CHECK(at.line == 1);
  CHECK(at.column == 14);
}

TEST_CASE("null, empty and the word null in quotes are told apart") {
  Reading reading;
  const auto root = reading.yaml("a:\nb: null\nc: ~\nd: \"null\"\ne: ''\nf: [~, x]\n");
  REQUIRE(root);
  CHECK(root->find("a")->value.kind == Node::Kind::Null);
  CHECK(root->find("b")->value.kind == Node::Kind::Null);
  CHECK(root->find("c")->value.kind == Node::Kind::Null);
  CHECK(root->find("d")->value.kind == Node::Kind::Scalar);
  CHECK(root->find("d")->value.quoted);
  CHECK(root->find("e")->value.kind == Node::Kind::Scalar);
  CHECK(root->find("f")->value.items[0].kind == Node::Kind::Null);
  CHECK(describe(root->find("a")->value) == "nothing");
  CHECK(describe(root->find("f")->value) == "a list");
}

TEST_CASE("scalars stay text, whatever YAML makes of them") {
  Reading reading;
  const auto root = reading.yaml("[0x10, 010, yes, 1e3, 1:30, .inf, 2026-11-25, 1_000]\n");
  REQUIRE(root);
  const char* const words[] = {"0x10", "010", "yes", "1e3", "1:30", ".inf", "2026-11-25", "1_000"};
  for (std::size_t i = 0; i < std::size(words); ++i) {
    CHECK(root->items[i].text == words[i]);
    CHECK_FALSE(root->items[i].quoted);
  }
}

TEST_CASE("an alias repeats what its anchor marked, with the anchor's place") {
  Reading reading;
  const auto root = reading.yaml("a: &ports [80/tcp, 443/tcp]\nb: *ports\nc: {d: *ports}\n");
  REQUIRE(root);
  const Node& copy = root->find("c")->value.find("d")->value;
  REQUIRE(copy.items.size() == 2);
  CHECK(copy.items[1].text == "443/tcp");
  CHECK(copy.items[1].span == root->find("a")->value.items[1].span);
}

TEST_CASE("what YAML readers disagree about is refused at its place") {
  const std::pair<const char*, const char*> rows[] = {
      {"a: 1\na: 2\n", "AT-Y006 2:1 key 'a' stands twice in one map"},
      {"{a: 1, b: {c: 1, c: 2}}\n", "AT-Y006 1:18 key 'c' stands twice in one map"},
      {"a: 1\nb: 2\na: 3\na: 4\n",
       "AT-Y006 3:1 key 'a' stands twice in one map; AT-Y006 4:1 key 'a' stands twice in one map"},
      {"a: &x {b: c}\nd: {<<: *x}\n", "AT-Y007 2:5 merge key"},
      {"a: !!int 3\nb: !x y\n",
       "AT-Y008 1:4 a tag changes how the value is read; AT-Y008 2:4 a tag changes how the value is read"},
      {"a: b\n---\nc: d\n", "AT-Y012 2:1 a second document starts here"},
      {"", "AT-Y013 the file holds no document"},
      {"# nothing\n", "AT-Y013 the file holds no document"},
      {"\xEF\xBB\xBF", "AT-Y013 the file holds no document"},
      {"? [a]\n: b\n", "AT-Y014 1:3 a list as a key"},
      {"a: *b\n", "AT-Y005 1:4 not YAML: the referenced anchor is not defined"},
      {"a: &a [*a]\n", "AT-Y009 1:8 an alias inside of what it repeats"},
      {"a:\tb\n", "AT-Y004 1:3 tab character"},
      {"a: b\rc: d\n", "AT-Y015 1:5 carriage return without a line feed"},
      {"a: b\r", "AT-Y015 1:5 carriage return without a line feed"},
  };
  for (const auto& [text, errors] : rows) {
    Reading reading;
    INFO(text);
    CHECK_FALSE(reading.yaml(text));
    CHECK(reading.errors() == errors);
  }
}

TEST_CASE("depth: 32 levels are read, 33 are not") {
  const auto nested = [](std::size_t levels) {
    return std::string(levels, '[') + "x" + std::string(levels, ']') + "\n";
  };
  Reading good;
  CHECK(good.yaml(nested(kMaxDepth)));
  Reading bad;
  CHECK_FALSE(bad.yaml(nested(kMaxDepth + 1)));
  CHECK(bad.errors() == "AT-Y010 1:33 nested deeper than 32 levels");
}

TEST_CASE("scalars: 4096 bytes are read, 4097 are not") {
  Reading good;
  CHECK(good.yaml("a: " + std::string(kMaxScalarBytes, 'x') + "\n"));
  Reading bad;
  CHECK_FALSE(bad.yaml("a: " + std::string(kMaxScalarBytes + 1, 'x') + "\n"));
  CHECK(bad.errors() == "AT-Y011 1:4 a scalar of 4097 bytes");
}
