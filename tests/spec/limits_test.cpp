// Hostile text: an answer within bounds of time and memory, and never a tree. Bounds are of the work, so that no clock
// decides; ctest's timeout holds the rest.
#include <sys/resource.h>
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/spec/spec_text.h"

using namespace airtight;

namespace {

std::string repeated(const std::string& text, std::size_t count) {
  std::string out;
  out.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

}  // namespace

TEST_CASE("hostile text is refused, in bounded work") {
  const std::size_t mb = 1U << 20;
  struct Row {
    const char* name;
    std::string text;
    const char* code;
  };
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + repeated(below + ", ", 8) + below + "]\n";
  }
  std::string anchors = "k: ";
  for (int i = 0; i < 31; ++i) anchors += "&n" + std::to_string(i) + " [";
  const std::string values = repeated("x, ", 100'000) + "x";
  anchors += values + std::string(31, ']') + "\n";
  std::string flat_aliases = "a: &a x\nb: [" + repeated("*a, ", 200'000) + "*a]\n";
  std::string wide_map = "{";
  for (int i = 0; i < 300'000; ++i) wide_map += "k" + std::to_string(i) + ": 1, ";
  wide_map += "k7: 2}\n";
  const Row rows[] = {
      {"brackets", repeated("[", 2 * mb), "AT-Y010"},
      {"braces", repeated("{", 2 * mb), "AT-Y010"},
      {"brackets that close", repeated("[]", mb), "AT-Y0"},
      {"dashes", repeated("- ", mb), "AT-Y010"},
      {"colons", repeated("a: ", mb / 2), "AT-Y0"},
      {"question marks", repeated("? ", mb), "AT-Y0"},
      {"deep maps, one line each",
       [] {
         std::string out;
         for (std::size_t i = 0; i < 1500; ++i) out += std::string(i, ' ') + "k:\n";
         return out;
       }(),
       "AT-Y010"},
      {"billion laughs", laughs, "AT-Y009"},
      {"nested anchors of one long list", anchors, "AT-Y009"},
      {"many aliases", flat_aliases, "AT-Y009"},
      {"wide map with one key twice", wide_map, "AT-Y006"},
      {"more values than a file may hold", "[" + repeated("1,", mb + 1) + "1]", "AT-Y011"},
      {"one long scalar", "a: " + repeated("x", 2 * mb), "AT-Y011"},
      {"one long quoted scalar", "a: \"" + repeated("x", 2 * mb) + "\"", "AT-Y011"},
      {"quotes that never end", repeated("\"", 2 * mb + 1), "AT-Y0"},
      {"exclamation marks", repeated("!", 2 * mb), "AT-Y0"},
      {"ampersands", repeated("&", 2 * mb), "AT-Y0"},
      {"asterisks", repeated("*", 2 * mb), "AT-Y0"},
      {"percent", repeated("%\n", mb), "AT-Y0"},
      {"documents", repeated("---\n", mb / 2), "AT-Y012"},
      {"NUL", std::string(2 * mb, '\0'), "AT-Y0"},
      {"byte 0xff", repeated("\xff", 2 * mb), "AT-Y0"},
      {"tabs", repeated("\t", 2 * mb), "AT-Y004"},
      {"more than a file may be", std::string(kMaxFileBytes + 1, ' '), "AT-Y011"},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    Reading reading;
    const double before = cpu_seconds();
    CHECK_FALSE(reading.yaml(row.text));
    const std::string errors = reading.errors();
    CHECK(errors.substr(0, std::string(row.code).size()) == row.code);
    CHECK(errors.size() < 20'000);
    CHECK(render_text(reading.diagnostics, reading.sources, false).size() < 40'000);
    CHECK(cpu_seconds() - before < 20.0);  // 2 s on a machine of one's own; sanitizers and neighbours are slower
  }
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
#if !defined(__SANITIZE_ADDRESS__)
  CHECK(used.ru_maxrss < 512 * 1024);
#endif
}

TEST_CASE("every truncation of a spec is refused or read, and says why") {
  const std::string whole = kSpec;
  std::size_t accepted = 0;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    Reading reading;
    reading.add(whole.substr(0, length));
    const bool good = reading.policy().has_value();
    accepted += good ? 1 : 0;
    if (good == reading.diagnostics.has_errors()) FAIL("neither refused nor read at " << length);
  }
  CHECK(accepted == 1);  // without its last line end
}

TEST_CASE("a shipped policy cut at any byte is refused or read, and says why") {
  std::size_t files = 0;
  std::size_t cuts = 0;
  for (const auto& entry : std::filesystem::directory_iterator(AIRTIGHT_SOURCE_DIR "/policies")) {
    if (entry.path().extension() != ".yaml") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string whole{std::istreambuf_iterator<char>(in), {}};
    for (std::size_t length = 0; length < whole.size(); ++length) {
      Reading reading;
      reading.add(whole.substr(0, length));
      const bool good = reading.policy().has_value();
      if (good == reading.diagnostics.has_errors())
        FAIL(entry.path().filename() << " neither refused nor read at " << length);
      ++cuts;
    }
    ++files;
  }
  CHECK(files == 4);
  CHECK(cuts > 20000);
}

TEST_CASE("many errors are all reported, sorted") {
  std::string text = kSpec;
  for (int i = 0; i < 500; ++i) text += "x" + std::to_string(i) + ": 1\n";
  Reading reading;
  reading.add(text);
  CHECK_FALSE(reading.policy());
  CHECK(reading.diagnostics.errors() == 500);
  const std::vector<Diagnostic> sorted = reading.diagnostics.sorted();
  CHECK(std::is_sorted(sorted.begin(), sorted.end(),
                       [](const Diagnostic& a, const Diagnostic& b) { return a.where.begin < b.where.begin; }));
}
