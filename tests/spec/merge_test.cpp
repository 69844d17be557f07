#include "compiler/spec/merge.h"

#include <catch2/catch.hpp>

#include "tests/spec/spec_text.h"

using namespace airtight;

namespace {

const std::string kHeader = "apiVersion: airtight.dev/v1\nkind: IsolationSpec\n";

// The canonical text of the merged documents, or the errors.
std::string merged(const std::vector<std::string>& texts) {
  Reading reading;
  std::vector<Node> documents;
  for (const std::string& text : texts) {
    std::optional<Node> node = reading.yaml(kHeader + text);
    if (!node) return reading.errors();
    documents.push_back(std::move(*node));
  }
  const std::optional<Node> result = merge_specs(std::move(documents), reading.sources, reading.diagnostics);
  if (!result || reading.diagnostics.has_errors()) return reading.errors();
  return canonical_spec(*result);
}

}  // namespace

TEST_CASE("maps merge key by key, lists of flows and exceptions append, the first file's metadata counts") {
  CHECK(merged({"workloads: {a: {x: 1}}\n", "workloads: {b: {y: 2}}\n"}) ==
        R"({"workloads":{"a":{"x":"1"},"b":{"y":"2"}}})");
  CHECK(merged({"boundary: {cluster: {pods: [a]}}\n", "boundary: {cluster: {nodes: [b]}, mode: airgapped}\n"}) ==
        R"({"boundary":{"cluster":{"nodes":["b"],"pods":["a"]},"mode":"airgapped"}})");
  CHECK(merged({"flows: [a, b]\n", "flows: [c]\n", "flows: [b]\n"}) == R"({"flows":["a","b","c","b"]})");
  CHECK(merged({"exceptions: [a]\n", "exceptions: [b]\n"}) == R"({"exceptions":["a","b"]})");
  CHECK(merged({"metadata: {name: first}\n", "metadata: {name: second, owner: other}\n"}) ==
        R"({"metadata":{"name":"first"}})");
  CHECK(merged({"targets: [a]\n", "metadata: {name: second}\n"}) ==
        R"({"metadata":{"name":"second"},"targets":["a"]})");
}

TEST_CASE("a null is filled by a file before or after it") {
  CHECK(merged({"boundary: {mode: null}\n", "boundary: {mode: airgapped}\n"}) ==
        R"({"boundary":{"mode":"airgapped"}})");
  CHECK(merged({"boundary: {mode: airgapped}\n", "boundary: {mode: ~}\n"}) == R"({"boundary":{"mode":"airgapped"}})");
  CHECK(merged({"endpoints: {vllm:}\n", "endpoints: {vllm: {role: llm}}\n"}) ==
        R"({"endpoints":{"vllm":{"role":"llm"}}})");
  CHECK(merged({"flows: null\n", "flows: [a]\n", "flows: [b]\n"}) == R"({"flows":["a","b"]})");
  CHECK(merged({"targets: null\n", "targets: null\n"}) == R"({"targets":null})");
}

TEST_CASE("a value that two files give, equal or not, is an error that names both places") {
  CHECK(merged({"boundary: {mode: airgapped}\n", "boundary: {mode: airgapped}\n"}) ==
        "AT-S109 spec2.yaml:3:18 'boundary.mode' is given by two files");
  CHECK(merged({"boundary: {mode: airgapped}\n", "boundary: {mode: private-vpc}\n"}) ==
        "AT-S109 spec2.yaml:3:18 'boundary.mode' is given by two files");
  CHECK(merged({"targets: [a]\n", "targets: [b]\n"}) == "AT-S109 spec2.yaml:3:10 'targets' is given by two files");
  CHECK(merged({"flows: [a]\n", "flows: {b: c}\n"}) == "AT-S109 spec2.yaml:3:8 'flows' is given by two files");
  CHECK(merged({"dns: {zones: [a]}\n", "dns: {zones: [b]}\n"}) ==
        "AT-S109 spec2.yaml:3:14 'dns.zones' is given by two files");
  // only the two lists at the top append, not what bears their names elsewhere
  CHECK(merged({"dns: {flows: [a]}\n", "dns: {flows: [b]}\n"}) ==
        "AT-S109 spec2.yaml:3:14 'dns.flows' is given by two files");

  Reading reading;
  std::vector<Node> documents;
  documents.push_back(*reading.yaml(kHeader + "boundary: {mode: airgapped}\n"));
  documents.push_back(*reading.yaml(kHeader + "boundary: {mode: private-vpc}\n"));
  merge_specs(std::move(documents), reading.sources, reading.diagnostics);
  const Diagnostic error = reading.diagnostics.sorted().front();
  REQUIRE(error.notes.size() == 1);
  CHECK(reading.sources.text(error.where) == "private-vpc");
  CHECK(reading.sources.text(error.notes[0].where) == "airgapped");
  CHECK(error.notes[0].where.source == 1);
}

TEST_CASE("apiVersion and kind are every file's own") {
  Reading reading;
  std::vector<Node> documents;
  documents.push_back(*reading.yaml(kHeader));
  documents.push_back(*reading.yaml("kind: IsolationSpec\n"));
  documents.push_back(*reading.yaml("apiVersion: airtight.dev/v2\nkind: {}\n"));
  documents.push_back(*reading.yaml("[a]\n"));
  CHECK_FALSE(merge_specs(std::move(documents), reading.sources, reading.diagnostics));
  CHECK(
      reading.errors() ==
      "AT-S102 spec2.yaml:1:1 field 'apiVersion' is missing; AT-S104 spec3.yaml:1:13 apiVersion is 'airtight.dev/v2'; "
      "AT-S105 spec3.yaml:2:7 kind is a map; AT-S103 spec4.yaml:1:1 a spec is a map, this is a list");
}

TEST_CASE("the digest is of the meaning: not of comments, order of keys, quotes, line ends or the byte order mark") {
  const std::string digest = policy_of(kSpec)->spec_digest;
  CHECK(digest.size() == std::string("sha256:").size() + 64);
  std::string crlf;
  for (const char* c = kSpec; *c; ++c) crlf += *c == '\n' ? std::string("\r\n") : std::string(1, *c);
  const std::string same[] = {
      std::string("# a comment\n") + kSpec,
      crlf,
      std::string("\xEF\xBB\xBF") + kSpec,
      std::string("---\n") + kSpec + "...\n",
      replaced(kSpec, "{name: sample, owner: security}", "{owner: 'security', name: \"sample\"}"),
      replaced(kSpec, "pods: [10.42.0.0/16]", "pods:\n      - 10.42.0.0/16  # pods"),
  };
  for (const std::string& text : same) {
    INFO(text);
    const auto policy = policy_of(text);
    REQUIRE(policy);
    CHECK(policy->spec_digest == digest);
  }
  CHECK(policy_of(replaced(kSpec, "agent inference", "agent  inference"))->spec_digest != digest);
  CHECK(policy_of(replaced(kSpec, "10.20.0.10", "10.20.0.11"))->spec_digest != digest);
}

TEST_CASE("two files compile to what the one file says, places apart") {
  const std::string base = replaced(replaced(kSpec, "pods: [10.42.0.0/16]", "pods: null"),
                                    "  - {from: worker, to: web.http, why: agent inference}\n",
                                    "  - {from: worker, to: vllm, why: local inference}\n");
  Reading reading;
  reading.add(base);
  reading.add(
      kHeader +
      "boundary: {cluster: {pods: [10.42.0.0/16]}}\nflows: [{from: worker, to: web.http, why: agent inference}]\n");
  const auto policy = reading.policy();
  REQUIRE(reading.errors() == "");
  CHECK(policy->cluster.pods == std::vector<Prefix>{*Prefix::parse("10.42.0.0/16")});
  REQUIRE(policy->flows.size() == 4);  // two written, two implied
  CHECK(to_string(policy->flows[0].origin) == "spec1.yaml:18");
  CHECK(to_string(policy->flows[1].origin) == "spec2.yaml:4");
}
