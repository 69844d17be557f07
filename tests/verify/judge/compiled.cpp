#include "tests/verify/judge/compiled.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "compiler/builtin.h"
#include "compiler/emit/target.h"
#include "compiler/spec/resolve.h"
#include "compiler/verify/judge.h"

namespace airtight::verify {
namespace {

constexpr Date kDay{2026, 11, 25};

void tell(const std::vector<Finding>& findings, std::string& text) {
  for (const Finding& finding : findings) {
    text += std::string(info(finding.rule).id) + " ";
    text += finding.property ? to_string(*finding.property) : "-";
    text += " " + std::string(to_string(finding.effect));
    for (const std::string& workload : finding.workloads) text += " [" + workload + "]";
    text += " " + finding.destination + "\n";
  }
}

}  // namespace

Compiled& Compiled::replace(const std::string& path, std::string_view what, std::string_view by) {
  std::string& text = files.at(path);
  const std::size_t where = text.find(what);
  INFO(path << " holds no " << what);
  REQUIRE(where != std::string::npos);
  text.replace(where, what.size(), by);
  return *this;
}

Compiled& Compiled::add(const std::string& path, std::string text) {
  files[path] = std::move(text);
  return *this;
}

Compiled& Compiled::keep(std::string_view prefix) {
  std::erase_if(files, [&](const auto& file) { return !std::string_view(file.first).starts_with(prefix); });
  return *this;
}

Report Compiled::judged() const {
  Sources sources;
  Diagnostics diagnostics;
  std::vector<std::uint32_t> ids;
  for (const auto& [path, text] : files) ids.push_back(sources.add(path, text));
  Artifacts artifacts = read_artifacts(ids, sources, "default", true, diagnostics);
  INFO(render_text(diagnostics, sources, false));
  REQUIRE_FALSE(diagnostics.has_errors());
  return judge(artifacts, question(*policy, kDay), sources);
}

Compiled compiled_text(const std::string& spec) {
  static const Rules kRules = builtin_rules();
  Sources sources;
  Diagnostics diagnostics;
  const std::vector<std::uint32_t> ids{sources.add("spec.yaml", spec)};
  std::optional<Policy> policy = read_policy(ids, kRules, kDay, sources, diagnostics);
  INFO(render_text(diagnostics, sources, false));
  REQUIRE(policy);
  std::vector<TargetId> wanted;
  for (const RequestedTarget& target : policy->targets)
    if (find_target(target.id)) wanted.push_back(target.id);
  Compiled result;
  for (Artifact& artifact : emit_targets(*policy, wanted))
    result.files.emplace(artifact.path, std::move(artifact.content));
  result.policy = std::make_shared<const Policy>(std::move(*policy));
  return result;
}

Compiled compiled(const std::string& path) {
  std::ifstream in(std::string(AIRTIGHT_SOURCE_DIR) + "/" + path, std::ios::binary);
  REQUIRE(in);
  std::ostringstream text;
  text << in.rdbuf();
  return compiled_text(text.str());
}

std::string told(const Report& report) {
  std::string text = std::string(to_string(report.verdict)) + "\n";
  for (const LayerReport& layer : report.layers) {
    text += std::string(to_string(layer.layer)) + " " + std::string(to_string(layer.verdict)) + "\n";
    tell(layer.findings, text);
  }
  tell(report.findings, text);
  return text;
}

}  // namespace airtight::verify
