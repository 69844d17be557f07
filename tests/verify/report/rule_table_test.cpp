#include "compiler/verify/rule_table.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace airtight::verify {
namespace {

// (name, id) of each enumerator, as the header documents them: an id that stands before and is not repeated counts on.
std::vector<std::pair<std::string, std::string>> enumerators() {
  std::ifstream file(std::string(AIRTIGHT_SOURCE_DIR) + "/compiler/verify/rule_table.h");
  std::string text(std::istreambuf_iterator<char>(file), {});
  text = text.substr(text.find("enum class Rule"));
  text.resize(text.find("};"));
  std::vector<std::pair<std::string, std::string>> out;
  const std::regex line(R"(\n  (\w+),\s*//\s*(AT-V\d{3}))");
  for (std::sregex_iterator at(text.begin(), text.end(), line), end; at != end; ++at)
    out.emplace_back((*at)[1], (*at)[2]);
  return out;
}

std::size_t sentences(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '.' && (i + 1 == text.size() || text[i + 1] == ' ')) ++count;
  return count;
}

TEST_CASE("the table has every rule of the header, in its order, under its name and id") {
  std::vector<std::pair<std::string, std::string>> table;
  for (const RuleInfo& row : rule_table()) table.emplace_back(row.name, row.id);
  CHECK(table.size() == 44);
  CHECK(table == enumerators());
}

TEST_CASE("every rule is explained in two to five sentences, and no text stands twice") {
  std::set<std::string_view> ids, names, titles, explanations;
  for (const RuleInfo& row : rule_table()) {
    INFO(row.id);
    CHECK(ids.insert(row.id).second);
    CHECK(names.insert(row.name).second);
    CHECK(titles.insert(row.title).second);
    CHECK(explanations.insert(row.explanation).second);
    CHECK_FALSE(row.title.ends_with('.'));
    CHECK(row.explanation.ends_with('.'));
    CHECK(sentences(row.explanation) >= 2);
    CHECK(sentences(row.explanation) <= 5);
    CHECK(std::set<std::string_view>{"error", "warning", "note"}.contains(row.level));
    CHECK(row.explanation.find("  ") == std::string_view::npos);
  }
  CHECK(std::is_sorted(rule_table().begin(), rule_table().end(),
                       [](const RuleInfo& a, const RuleInfo& b) { return a.id < b.id; }));
}

TEST_CASE("a rule is found by its value and by its id in any case") {
  for (const RuleInfo& row : rule_table()) CHECK(info(row.rule).id == row.id);
  CHECK(find_rule("at-v109")->rule == Rule::NamespaceWithoutPolicy);
  CHECK_FALSE(find_rule("AT-V999"));
  CHECK_FALSE(find_rule(""));
}

}  // namespace
}  // namespace airtight::verify
