// The document's worked example is what the code writes. To show it anew: run this test with AIRTIGHT_FORMAT_EXAMPLE=1.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/auditor/evidence/format_example.h"

namespace airtight::audit {
namespace {

TEST_CASE("evidence format: the document's example is what the code writes") {
  const std::string example = format_example();
  if (std::getenv("AIRTIGHT_FORMAT_EXAMPLE") != nullptr) std::cout << example;
  std::ifstream file(AIRTIGHT_SOURCE_DIR "/auditor/evidence/FORMAT.md");
  std::stringstream document;
  document << file.rdbuf();
  const std::string begin = "<!-- example -->\n\n", end = "<!-- end of example -->\n";
  const std::size_t from = document.str().find(begin), to = document.str().find(end);
  REQUIRE(from != std::string::npos);
  REQUIRE(to != std::string::npos);
  CHECK(document.str().substr(from + begin.size(), to - from - begin.size()) == example);
}

}  // namespace
}  // namespace airtight::audit
