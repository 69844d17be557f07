#include "auditor/policy_show.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "compiler/policy/json_canonical.h"
#include "tests/auditor/replay/sample_result.h"

namespace airtight::audit {
namespace {

// The golden file leaves digests open, since they change with the whole of the spec: given back here.
std::string everything_file() {
  std::ifstream in(AIRTIGHT_SOURCE_DIR "/tests/golden/everything/expected/policy.json", std::ios::binary);
  nlohmann::json document = nlohmann::json::parse(in);
  document["spec_digest"] = "sha256:" + std::string(64, 'b');
  document.erase("digest");
  document["digest"] = digest_of(document.dump());
  return document.dump();
}

Policy everything() {
  Sources sources;
  Diagnostics diagnostics;
  const std::uint32_t source = sources.add("policy.json", everything_file());
  const std::optional<Policy> policy = parse_compiled_policy(source, sources, diagnostics);
  INFO(render_text(diagnostics, sources, false));
  REQUIRE(policy);
  return *policy;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST_CASE("a policy that uses every field, whole") {
  Policy policy = everything();
  Catalogue metadata;
  metadata.name = "cloud-metadata";
  metadata.title = "cloud instance metadata";
  metadata.entries.resize(1);
  metadata.denied = true;
  Catalogue models;
  models.name = "hosted-llm";
  models.title = "hosted LLM";
  models.entries.resize(1'234);
  policy.catalogues = {metadata, models};
  const std::string text = render_policy(policy);
  CHECK(text == expected("policy_show.txt", text));
}

TEST_CASE("the digest shown is the one of the file") {
  const Policy policy = everything();
  const std::string digest = policy_digest(policy);
  CHECK(has(everything_file(), "\"digest\":\"" + digest + "\""));
  CHECK(has(render_policy(policy), "\n  policy digest  " + digest + "\n"));
}

TEST_CASE("what is missing is said or left out") {
  const std::string text = render_policy(Policy{});
  CHECK(text == "\n  mode           airgapped\n  policy digest  " + policy_digest(Policy{}) +
                    "\n  spec digest\n  default deny\n  targets\n"
                    "\nCluster\n  dataplane  netfilter\n  domain     .\n"
                    "\nExceptions: none\n"
                    "\nCatalogues: none\n");
}

TEST_CASE("public space inside stands out, whoever approved it or not") {
  struct Row {
    std::string_view prefix, approved;
    std::string_view shown;
  };
  const Row rows[] = {{"10.1.0.0/16", "", "\n  10.1.0.0/16  internal  office\n"},
                      {"10.1.0.0/16", "ciso", "\n  10.1.0.0/16  internal  approved by ciso  office\n"},
                      {"8.0.0.0/8", "", "\n  8.0.0.0/8  internal  PUBLIC  office\n"},
                      {"8.0.0.0/8", "ciso", "\n  8.0.0.0/8  internal  PUBLIC, approved by ciso  office\n"},
                      {"10.0.0.0/7", "", "\n  10.0.0.0/7  internal  PUBLIC  office\n"},
                      {"0.0.0.0/0", "", "\n  0.0.0.0/0  internal  PUBLIC  office\n"},
                      {"203.0.113.0/24", "", "\n  203.0.113.0/24  internal  PUBLIC  office\n"},
                      {"2001:db8::/32", "", "\n  2001:db8::/32  internal  PUBLIC  office\n"},
                      {"100.64.0.0/10", "", "\n  100.64.0.0/10  internal  office\n"},
                      {"fd00::/8", "", "\n  fd00::/8  internal  office\n"},
                      {"::1/128", "", "\n  ::1/128  internal  office\n"}};
  for (const Row& row : rows) {
    Policy policy;
    policy.inside_ranges = {{Prefix::parse(row.prefix).value(), "internal", "office", std::string(row.approved), {}}};
    CHECK_THAT(render_policy(policy), Catch::Contains(std::string(row.shown)));
  }
}

TEST_CASE("a zone that nobody forwards says so") {
  Policy policy = everything();
  policy.zones[0].forward.clear();
  CHECK(has(render_policy(policy), "  not forwarded (spec.yaml:74)\n"));
}

TEST_CASE("texts of a policy cannot reach the terminal as they are") {
  Policy policy = everything();
  policy.flows[0].why = std::string(kHostile);
  policy.name = std::string(kHostile);
  policy.cluster.uplinks = {std::string(kHostile)};
  const std::string text = render_policy(policy);
  CHECK(text.find('\033') == std::string::npos);
  CHECK(has(text, "  workers → ai-gateway"));
  CHECK(has(text, std::string(kHostileShown) + " (spec.yaml:53)\n"));
}

}  // namespace
}  // namespace airtight::audit
