// Reading spec text in tests: one text a file, all of one run's state in one place.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/builtin.h"
#include "compiler/policy/diagnostic.h"
#include "compiler/spec/resolve.h"
#include "compiler/spec/yaml.h"

namespace airtight {

// A small whole spec; tests replace or append lines.
inline constexpr const char* kSpec = R"(apiVersion: airtight.dev/v1
kind: IsolationSpec
metadata: {name: sample, owner: security}
defaults: {namespace: app}
boundary:
  mode: airgapped
  cluster:
    pods: [10.42.0.0/16]
    services: [10.43.0.0/16]
    nodes: [10.10.0.0/24]
    dns: {namespace: kube-system, labels: {k8s-app: kube-dns}, service: 10.43.0.10}
workloads:
  web: {labels: {app: web}, serves: {http: 8080/tcp}}
  worker: {labels: {app: worker}}
endpoints:
  vllm: {role: llm, addresses: [10.20.0.10], ports: [8000/tcp]}
flows:
  - {from: worker, to: web.http, why: agent inference}
targets: [networkpolicy]
)";

inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) return "the test replaces text that is not there: " + from;
  return text.replace(at, from.size(), to);
}

struct Reading {
  Sources sources;
  Diagnostics diagnostics;
  std::vector<std::uint32_t> files;

  std::uint32_t add(std::string text) {
    files.push_back(sources.add("spec" + std::to_string(files.size() + 1) + ".yaml", std::move(text)));
    return files.back();
  }
  std::optional<Node> yaml(std::string text) { return read_yaml(add(std::move(text)), sources, diagnostics); }
  std::optional<Policy> policy(Date at = {2026, 11, 25}) {
    static const Rules rules = builtin_rules();
    return read_policy(files, rules, at, sources, diagnostics);
  }
  // "AT-S203 LINE:COLUMN message", one an error or warning, joined by "; ".
  std::string errors() const {
    std::string out;
    for (const Diagnostic& found : diagnostics.sorted()) {
      out += (out.empty() ? "" : "; ") + std::string(info(found.code).id) + " ";
      if (found.where.known()) {
        const Position at = sources.position(found.where.source, found.where.begin);
        if (found.where.source != files.front()) out += sources.name(found.where.source) + ":";
        out += std::to_string(at.line) + ":" + std::to_string(at.column) + " ";
      }
      out += found.message;
    }
    return out;
  }
};

inline std::optional<Policy> policy_of(const std::string& text, std::string* errors = nullptr) {
  Reading reading;
  reading.add(text);
  std::optional<Policy> policy = reading.policy();
  if (errors) *errors = reading.errors();
  return policy;
}

inline std::string errors_of(const std::string& text) {
  std::string errors;
  policy_of(text, &errors);
  return errors;
}

}  // namespace airtight
