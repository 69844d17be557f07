// Streams of objects: documents, lists taken apart, kinds that lists give, and what is no document at all.
#include <catch2/catch.hpp>
#include <string>

#include "tests/verify/document/reading.h"

namespace airtight::verify {
namespace {

using Lines = std::vector<std::string>;

TEST_CASE("documents between markers are handed over in order, empty ones are not") {
  const Reading reading = read(
      "# Source: chart/templates/a.yaml\n---\nkind: A\n--- # next\n# only a comment\n---\n---\r\nkind: B\r\n...\n# "
      "end\n---\nnull\n"
      "---\n- kind: C\n");
  CHECK(reading.errors == Lines{});
  CHECK(reading.objects == Lines{R"({"kind": "A"})", R"({"kind": "B"})", R"([{"kind": "C"}])"});
  CHECK(read("").good);
  CHECK(read("\n# nothing\n").objects == Lines{});
}

TEST_CASE("a byte order mark at the start is no part of the text") {
  CHECK(read_one("\xEF\xBB\xBFkind: A\n") == R"({"kind": "A"})");
  CHECK(read_one("\xEF\xBB\xBF{\"kind\": \"A\"}") == R"({"kind": "A"})");
}

TEST_CASE("JSON documents may follow each other, and YAML may follow JSON behind a marker") {
  const Reading reading = read("{\"kind\": \"A\"}\n{\"kind\": \"B\"} [1]\n---\nkind: C\n---\n{\"kind\": \"D\"}\n");
  CHECK(reading.errors == Lines{});
  CHECK(reading.objects ==
        Lines{R"({"kind": "A"})", R"({"kind": "B"})", "[1]", R"({"kind": "C"})", R"({"kind": "D"})"});
}

TEST_CASE("a list is taken apart, in JSON and in YAML") {
  const Lines expected = {R"({"kind": "A", "apiVersion": "v1"})", R"({"kind": "B", "items": "text"})",
                          R"({"kind": "C"})", R"({"kind": "D"})"};
  const Reading json = read(
      R"({"apiVersion": "v1", "items": [{"kind": "A", "apiVersion": "v1"}, {"kind": "B", "items": "text"},
          {"kind": "List", "items": [{"kind": "C"}, {"kind": "DList", "items": [{"kind": "D"}]}]}], "kind": "List"})");
  CHECK(json.errors == Lines{});
  CHECK(json.objects == expected);
  const std::string items =
      "- kind: A\n  apiVersion: v1\n- kind: B\n  items: text\n- kind: List\n  items:\n  - kind: C\n  - kind: DList\n"
      "    items: [{kind: D}]\n";
  CHECK(read("apiVersion: v1\nitems:\n" + items + "kind: List\n").objects == expected);
  CHECK(read("items:\n" + items + "# the end\n").objects == expected);
  CHECK(read("kind: List\nitems: []\n").objects == Lines{});
  CHECK(read("kind: PodList\nitems: null\n").objects == Lines{});
  CHECK(read("kind: Pod\nitems: null\n").objects == Lines{R"({"kind": "Pod", "items": null})"});
  CHECK(read("kind: List\nitems: {a: 1}\n").objects == Lines{R"({"kind": "List", "items": {"a": 1}})"});
}

TEST_CASE("an item without kind has the list's, wherever that stands, and the list's apiVersion") {
  const std::string item = R"({"metadata": {"name": "a"}})";
  const Lines expected = {R"(PodList: {"metadata": {"name": "a"}, "apiVersion": "v1"})"};
  CHECK(read(R"({"kind": "PodList", "apiVersion": "v1", "items": [)" + item + "]}").objects == expected);
  CHECK(read(R"({"items": [)" + item + R"(], "apiVersion": "v1", "kind": "PodList"})").objects == expected);
  CHECK(read("apiVersion: v1\nitems:\n- metadata:\n    name: a\nkind: PodList\n").objects == expected);
  CHECK(read(R"({"items": [{"a": 1}, 5, {"kind": "B"}, {"kind": ""}], "kind": "PodList"})").objects ==
        Lines{R"({"kind": "B"})", R"(PodList: {"a": 1})", "PodList: 5", R"(PodList: {"kind": ""})"});
}

TEST_CASE("items are handed over while the list is still being read") {
  for (const char* text :
       {"{\"items\": [{\"kind\": \"A\"}, {\"kind\": \"B\"}, ?", "items:\n- kind: A\n- kind: B\n- 'x\n"}) {
    const Reading reading = read(text);
    CHECK_FALSE(reading.good);
    CHECK(reading.objects == Lines{R"({"kind": "A"})", R"({"kind": "B"})"});
  }
}

TEST_CASE("an item beyond the fast reader is read by itself, or the rest of the document is, and none comes twice") {
  const auto list = [](const std::string& second, const std::string& third) {
    return "kind: List\nitems:\n- kind: A\n" + second + third + "- kind: D\nmetadata: {}\n";
  };
  const Lines expected = {R"({"kind": "A"})", R"({"kind": "B", "t": "x y"})", R"({"kind": "C", "t": "x y"})",
                          R"({"kind": "D"})"};
  // By itself.
  CHECK(read(list("- kind: B\n  t: !!str x y\n# c\n\n", "- kind: C\n  t: >-\n    x\n    y\n")).objects == expected);
  // The third one's alias needs the second one's anchor: the whole document.
  CHECK(read(list("- kind: B\n  t: &t x y\n", "- kind: C\n  t: *t\n")).objects == expected);
  // A broken one.
  const Reading broken = read(list("- kind: B\n  t: x y\n", "- kind: C\n  t: [\n"));
  CHECK(broken.objects == Lines{expected[0], expected[1]});
  CHECK(broken.errors.size() == 1);
}

TEST_CASE("the first error ends a document, not the ones behind it") {
  const Reading reading = read("kind: A\n---\na: [1\n---\nkind: B\n---\nb: 1\nb: 2\n");
  CHECK_FALSE(reading.good);
  CHECK(reading.objects == Lines{R"({"kind": "A"})", R"({"kind": "B"})"});
  CHECK(reading.errors == Lines{"4:1 AT-Y005 not YAML: a list that '[' opens is not closed before this [note 3:4 what "
                                "is not ended starts here]",
                                "8:1 AT-Y006 key 'b' stands twice in one map [note 7:1 it stands here already]"});
}

TEST_CASE("one document is read whole") {
  Sources sources;
  const auto read_whole = [&](std::string text) {
    Diagnostics diagnostics;
    const std::optional<Value> value = read_document(sources.add("a", std::move(text)), sources, diagnostics);
    CHECK(value.has_value() != diagnostics.has_errors());
    return value ? print(*value) : describe(diagnostics, sources)[0];
  };
  CHECK(read_whole(R"({"items": [{"kind": "A"}]})") == R"({"items": [{"kind": "A"}]})");
  CHECK(read_whole("---\nitems:\n- 1\n---\n") == R"({"items": [1]})");
  CHECK(read_whole("text") == "\"text\"");
  CHECK(read_whole("a: 1\n---\nb: 2\n") == "3:1 AT-Y012 a second document starts here [expected one document]");
  CHECK(read_whole("[1] [2]") == "1:5 AT-Y012 a second document starts here [expected one document]");
  CHECK(read_whole("# nothing\n") == "- AT-Y013 the file holds no document");
}

}  // namespace
}  // namespace airtight::verify
