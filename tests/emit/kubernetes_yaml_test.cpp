#include "compiler/emit/kubernetes_yaml.h"

#include <yaml-cpp/yaml.h>
#include <catch2/catch.hpp>

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace airtight {
namespace {

TEST_CASE("yaml_scalar: plain where it is safe, quoted where it is not") {
  const std::vector<std::pair<std::string, std::string>> rows{
      {"xpander-ai-gateway", "xpander-ai-gateway"},
      {"app.kubernetes.io/name", "app.kubernetes.io/name"},
      {"10.20.0.0/16", "10.20.0.0/16"},
      {"v1.29", "v1.29"},
      {"e3", "e3"},
      {"fd00::/8", "\"fd00::/8\""},
      {"10.20.0.1", "\"10.20.0.1\""},
      {"1.29", "\"1.29\""},
      {"1e3", "\"1e3\""},
      {"0x1f", "\"0x1f\""},
      {"0o17", "\"0o17\""},
      {"0755", "\"0755\""},
      {"1_000", "\"1_000\""},
      {"2027-06-30", "\"2027-06-30\""},
      {"12:30:45", "\"12:30:45\""},
      {"true", "\"true\""},
      {"FALSE", "\"FALSE\""},
      {"on", "\"on\""},
      {"Off", "\"Off\""},
      {"yes", "\"yes\""},
      {"y", "\"y\""},
      {"N", "\"N\""},
      {"null", "\"null\""},
      {"~", "\"~\""},
      {"", "\"\""},
      {".nan", "\".nan\""},
      {".inf", "\".inf\""},
      {"-1", "\"-1\""},
      {"-", "\"-\""},
      {"*a", "\"*a\""},
      {"&a", "\"&a\""},
      {"!t", "\"!t\""},
      {"a: b", "\"a: b\""},
      {"a #b", "\"a #b\""},
      {" a", "\" a\""},
      {"say \"hi\" \\", "\"say \\\"hi\\\" \\\\\""},
      {"a\nb\tc", "\"a\\x0ab\\x09c\""},
      {"caf\xC3\xA9", "\"caf\xC3\xA9\""},
      {"\xC2\x85", "\"\\u0085\""},
      {"\xE2\x80\xAE", "\"\\u202e\""},
      {"\xEF\xBB\xBF", "\"\\ufeff\""},
  };
  for (const auto& [text, scalar] : rows) CHECK(yaml_scalar(text) == scalar);
}

TEST_CASE("yaml_scalar: what a reader gets back is the text") {
  std::mt19937 random(20261125);
  const std::vector<std::string> pieces{"a",
                                        "1",
                                        ".",
                                        "-",
                                        "_",
                                        "/",
                                        ":",
                                        " ",
                                        "#",
                                        "\"",
                                        "\\",
                                        "'",
                                        "\n",
                                        "\t",
                                        "\r",
                                        "x7",
                                        "on",
                                        "true",
                                        "\xC3\xA9",
                                        "\xE2\x80\xAE",
                                        "\xF0\x9F\x94\x92",
                                        "{}",
                                        "[",
                                        "%",
                                        "@",
                                        "`",
                                        "?",
                                        "|",
                                        ">"};
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (auto n = random() % 7; n != 0; --n) text += pieces[random() % pieces.size()];
    INFO(text);
    const YAML::Node node = YAML::Load("a: " + yaml_scalar(text) + "\n");
    REQUIRE(node["a"].IsScalar());
    REQUIRE(node["a"].Scalar() == text);
  }
}

TEST_CASE("ObjectNames: DNS subdomains, never twice the same") {
  ObjectNames names;
  CHECK(names.make("web") == "airtight-web");
  CHECK(names.make("web") == "airtight-web-2");
  CHECK(names.make("Web") == "airtight-web-3");
  CHECK(names.make("web-2") == "airtight-web-2-2");
  CHECK(names.make("a_b.c") == "airtight-a-b-c");
  CHECK(names.make("__") == "airtight");
  CHECK(names.make("") == "airtight-2");
  const std::string longest(300, 'a');
  CHECK(names.make(longest) == "airtight-" + std::string(244, 'a'));
  CHECK(names.make(longest) == "airtight-" + std::string(242, 'a') + "-2");
}

}  // namespace
}  // namespace airtight
