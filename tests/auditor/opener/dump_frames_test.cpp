#include <catch2/catch.hpp>

#include "auditor/opener/opener.h"

namespace airtight::audit {
namespace {

using namespace std::string_literals;

const std::vector<RulesetDump> kDumps{{"nft -j list ruleset", R"({"nftables": []})", "", false},
                                      {"iptables-legacy-save", "*filter\nCOMMIT\n", "# Warning: two backends", false},
                                      {"ip6tables-legacy-save", "", "the program is not there", true},
                                      {"x", "\0\n\xff"s, "", false}};

std::string announced(std::size_t count) { return encode_dump({"", std::to_string(count), "", false}); }

std::string frames() {
  std::string bytes;
  for (const RulesetDump& dump : kDumps) bytes += encode_dump(dump);
  return bytes;
}

std::string refusal(std::string_view bytes) {
  std::vector<RulesetDump> dumps = kDumps;
  std::string why;
  if (decode_dumps(bytes, dumps, why)) return "taken";
  CHECK(dumps.empty());
  return why;
}

TEST_CASE("a frame is what the header says") {
  CHECK(encode_dump({"ab", "c", "", true}) == "\1\0\0\0\2ab\0\0\0\1c\0\0\0\0"s);
}

TEST_CASE("rulesets come back as they were, announced or not") {
  std::vector<RulesetDump> dumps;
  std::string why = "old";
  REQUIRE(decode_dumps(announced(4) + frames(), dumps, why));
  CHECK(dumps == kDumps);
  CHECK(why.empty());
  REQUIRE(decode_dumps(frames(), dumps, why));
  CHECK(dumps == kDumps);
}

TEST_CASE("no stream of the opener is taken that was cut anywhere") {
  const std::string whole = announced(4) + frames();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    INFO(size);
    REQUIRE(refusal(std::string_view(whole).substr(0, size)) != "taken");
  }
}

TEST_CASE("why a stream is refused") {
  const std::string one = encode_dump(kDumps[0]);
  CHECK(refusal("") == "the opener gave no ruleset at all");
  CHECK(refusal(announced(0)) == "the opener gave no ruleset at all");
  CHECK(refusal("\2"s + one) == "a ruleset of the opener begins with neither 0 nor 1");
  CHECK(refusal(one.substr(0, one.size() - 1)) == "the rulesets of the opener end within one of them");
  CHECK(refusal("\0\xff\xff\xff\xff"s) == "the rulesets of the opener end within one of them");
  CHECK(refusal(announced(2) + one) == "the opener announced 2 rulesets and gave 1");
  CHECK(refusal(announced(1) + one + one) == "the opener announced 1 rulesets and gave 2");
  for (const std::string& nameless :
       {one + announced(1), encode_dump({"", "", "", false}), encode_dump({"", "1x", "", false}) + one,
        encode_dump({"", "-1", "", false}) + one, encode_dump({"", "1", "", true}) + one,
        encode_dump({"", "1", "said", false}) + one, announced(1) + announced(1) + one})
    CHECK(refusal(nameless) == "a ruleset of the opener does not say which tool gave it");
}

}  // namespace
}  // namespace airtight::audit
