// The fast YAML reader and yaml-cpp give equal trees with equal places; what the fast one leaves, and what a cut
// leaves.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "tests/verify/document/reading.h"

namespace airtight::verify {
namespace {

std::string first_difference(const Value& a, const Value& b, const Sources& sources) {
  if (a.kind != b.kind || a.text != b.text) return place(sources, a.span) + " " + print(a) + " against " + print(b);
  const bool unwritten = a.is_null() && sources.text(a.span) == "-";  // yaml-cpp tells where the next token is
  if (!(a.span == b.span) && !unwritten)
    return place(sources, a.span) + " against " + place(sources, b.span) + " for " + print(a);
  if (a.items.size() != b.items.size() || a.members.size() != b.members.size())
    return place(sources, a.span) + " sizes differ";
  std::string found;
  for (std::size_t i = 0; i < a.items.size() && found.empty(); ++i)
    found = first_difference(a.items[i], b.items[i], sources);
  for (std::size_t i = 0; i < a.members.size() && found.empty(); ++i) {
    const Member& mine = a.members[i];
    const Member& theirs = b.members[i];
    if (mine.key != theirs.key || !(mine.key_span == theirs.key_span)) return "key " + mine.key + ", " + theirs.key;
    found = first_difference(mine.value, theirs.value, sources);
  }
  return found;
}

// "fast", "left" (to yaml-cpp), or how the two differ.
std::string compare(std::string text) {
  Sources sources;
  Diagnostics diagnostics;
  const auto size = static_cast<std::uint32_t>(text.size());
  const std::uint32_t source = sources.add("a.yaml", std::move(text));
  const std::optional<Value> fast = read_plain_yaml(source, sources, 0, size);
  const std::optional<Value> full = read_full_yaml(source, sources, 0, size, diagnostics);
  if (!fast) return "left";
  if (!full) return describe(diagnostics, sources)[0];
  const std::string difference = first_difference(*fast, *full, sources);
  return !difference.empty() ? difference : same_value(*fast, *full) ? "fast" : "not same_value";
}

TEST_CASE("what kubectl and helm print is read fast, as yaml-cpp reads it") {
  const char* const texts[] = {
      "",
      "# only a comment",
      "a: 1",
      "a: b # c\nc: 'd'   # e\n",
      "a:\n  b:\n    c: d\n  e: f\ng: h\n",
      "a:\n- b\n- c\nd:\n  - e\n  -   f\n",
      "a:\n- b: 1\n  c: 2\n-   d: 3\n    e:\n    - 4\n- - 5\n  - - 6\n",
      "- a\n-\n- \n- b: c\n",
      "-\n  a: 1\n-\n  - 2\n",
      "a:\nb: ~\nc: null\nd: \"\"\n",
      "a:\n~ b: c\nd:\nnull e: f\n",
      "a:\n\n  # comment\n  b: 1\n\n# another\n\nc: 2\n",
      "a: {}\nb: []\nc: [x, 'y', \"z\", 80, [true]]\nd: {e: f, \"g\": [h]} # i\n",
      "a: |\n  x\n   y\n\n  z\nb: |-\n    x\n\n\nc: |+\n  x\n\nd: 1\n",
      "- |\n x\n- a: |\n    y\n  b: 1\n",
      "a: http://x:80/y#z\nb: fd00::1\nc: -x\nd: a,b [c] {d}\n",
      "a: x\n  y\n\n  z # c\nb:\n- p\n  q\n- r\n",
      "a: \"x y\n  z\\\n  \\ w\n\n  v\"\nb: 'p ''q''\n  r \\ s'\nc: 1\n",
      "a: \"\\u00e4\\x41\\n\\t\\\\ \\\"\\e\"\n'b c': d\n\"e\": f\n",
      "kubectl.kubernetes.io/last-applied-configuration: |\n  {\"a\":{\"b\":\"c: d\"}}\nf:x:\n  k:{\"a\":1}: {}\n  .: "
      "{}\n",
      "ä: ö\nü: 'ß'\n",
      "a: 1\r\nb:\r\n- c\r\n- |\r\n  x\r\n  y\r\nd: p\r\n  q\r\n",
      "  a: 1\n  b:\n  - c\n",
      "yes: 1\n0x10: 2\n1.50: 3\n",
  };
  for (const char* text : texts) {
    INFO(text);
    CHECK(compare(text) == "fast");
  }
}

TEST_CASE("the fast reader leaves what it does not know, and all that is wrong") {
  const char* const texts[] = {
      "a: &x b\n",     "a: *x\n",      "a: !!str b\n",   "? a\n: b\n",  "a: >\n  b\n", "a: [b,\n  c]\n",
      "a: |2\n   b\n", "a: b\n\tc\n",  "a:\n\tb: 1\n",   "text\n",      "{a: b}\n",    "a:\n  b\n",
      "a: b\n c: d\n", "a: 1\na: 2\n", "<<: {}\n",       "~: a\n",      "a: .inf\n",   "a: 'b\n",
      "a: \"\\q\"\n",  "a: \"b\" c\n", "a: [b c]\n",     "a: [b\n",     "a: @b\n",     "a: - b\n",
      "- a\nb: c\n",   "a: b\n- c\n",  "a : b\n",        "a: {b}\n",    "a: x: y\n",   "a: -\tx\n",
      "a: [b, ]\n",    "a: {b:c}\n",   "a: [\"b\":c]\n", "- a\n - b\n", "a: |\n  b",   "a: b\n  c: d\n",
      "a: ? b\n",
  };
  for (const char* text : texts) {
    INFO(text);
    CHECK(compare(text) == "left");
  }
}

TEST_CASE("a stream cut at any byte gives an error or the first objects, the last perhaps cut") {
  const std::string text =
      "# Source: chart/templates/a.yaml\napiVersion: v1\nkind: Pod\nmetadata:\n  name: \"a\"\n  labels: {x: 'y', z: "
      "[1]}\n---\n"
      "apiVersion: v1\nkind: List\nitems:\n- kind: A\n  data: |\n    x\n    y\n- kind: B\n  list:\n  - p\n  - q: r\n"
      "---\n{\"kind\": \"C\", \"a\": [1, \"b\"]}\n---\nkind: D\nanchor: &x [1]\nalias: *x\n";
  const Reading whole = read(text);
  REQUIRE(whole.errors.empty());
  REQUIRE(whole.objects.size() == 5);
  int refused = 0;
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    INFO(cut);
    const Reading part = read(text.substr(0, cut));
    REQUIRE(part.good == part.errors.empty());
    refused += part.good ? 0 : 1;
    const std::size_t certain = part.objects.empty() ? 0 : part.objects.size() - 1;
    REQUIRE(certain < whole.objects.size());
    for (std::size_t i = 0; i < certain; ++i) REQUIRE(part.objects[i] == whole.objects[i]);
  }
  CHECK(refused == 99);  // the other cuts are behind a whole token, where no reader can see them
}

// Files of other people that are no YAML, and why.
const std::map<std::string, std::string> kRefused = {
    {"manifests/onyx/slackbot-service-deployment.yaml",
     "76:7 AT-Y005 not YAML: a ':' where no key can be"},  // its `metadata:` line is missing
};

TEST_CASE("other people's manifests are read, and both readers agree on them") {
  namespace fs = std::filesystem;
  const fs::path corpus = fs::path(AIRTIGHT_SOURCE_DIR) / "../shared/corpus";
  if (!fs::exists(corpus / "manifests") || !fs::exists(corpus / "netpol")) {
    WARN("SKIPPED: there is no ../shared/corpus beside the sources");
    return;
  }
  int files = 0, objects = 0, fast = 0, left = 0;
  for (const char* part : {"manifests", "netpol"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(corpus / part)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".yaml" && extension != ".yml" && extension != ".json") continue;
      const std::string name = fs::relative(entry.path(), corpus).generic_string();
      INFO(name);
      std::ifstream stream(entry.path(), std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(stream), {}};
      const Reading reading = read(text);
      const auto refused = kRefused.find(name);
      CHECK(reading.errors ==
            (refused == kRefused.end() ? std::vector<std::string>{} : std::vector<std::string>{refused->second}));
      ++files;
      objects += static_cast<int>(reading.objects.size());
      if (extension == ".json") continue;
      for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t marker = text.compare(begin, 3, "---") == 0 ? begin : text.find("\n---", begin);
        const std::size_t end = marker == std::string::npos ? text.size() : marker == begin ? begin : marker + 1;
        const std::string result = compare(text.substr(begin, end - begin));
        CHECK((result == "fast" || result == "left"));
        (result == "fast" ? fast : left) += 1;
        if (marker == std::string::npos) break;
        begin = std::min(text.find('\n', end), text.size() - 1) + 1;
      }
    }
  }
  CHECK(files > 300);
  CHECK(objects > 1000);
  CHECK(fast > 15 * left);  // the fast reader is worth its lines
}

}  // namespace
}  // namespace airtight::verify
