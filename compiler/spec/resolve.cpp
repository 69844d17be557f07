#include "compiler/spec/resolve.h"

#include <algorithm>
#include <utility>

#include "compiler/spec/boundary.h"
#include "compiler/spec/flows.h"
#include "compiler/spec/merge.h"
#include "compiler/spec/names.h"
#include "compiler/spec/parse.h"
#include "compiler/spec/yaml.h"

namespace airtight {
namespace {

void resolve_catalogues(const Spec& spec, const Rules& rules, Policy& policy, Diagnostics& diagnostics) {
  policy.catalogues = rules.catalogues;
  for (const Located<std::string>& name : spec.deny) {
    const auto found = std::find_if(policy.catalogues.begin(), policy.catalogues.end(),
                                    [&](const Catalogue& c) { return c.name == name.value; });
    if (found != policy.catalogues.end()) {
      found->denied = true;
      continue;
    }
    std::vector<std::string_view> names;
    std::string list;
    for (const Catalogue& catalogue : policy.catalogues) {
      names.push_back(catalogue.name);
      list += (list.empty() ? "" : ", ") + catalogue.name;
    }
    Diagnostic& error =
        diagnostics.error(Code::UnknownCatalogue, name.at, "boundary.deny: " + quoted(name.value) + " is no catalogue")
            .expect(list);
    if (const std::string_view near = nearest(name.value, names); !near.empty())
      error.help("did you mean '" + std::string(near) + "'?");
  }
}

void resolve_targets(const Spec& spec, const Sources& sources, Policy& policy, Diagnostics& diagnostics) {
  const auto at = [&](TargetId id) -> const Located<TargetId>* {
    const auto found = std::find_if(spec.targets.begin(), spec.targets.end(),
                                    [&](const Located<TargetId>& t) { return t.value == id; });
    return found == spec.targets.end() ? nullptr : &*found;
  };
  for (const Located<TargetId>& target : spec.targets)
    policy.targets.push_back({target.value, origin_of(sources, target.at)});
  std::sort(policy.targets.begin(), policy.targets.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  const Located<TargetId>* cilium = at(TargetId::Cilium);
  const Located<TargetId>* calico = at(TargetId::Calico);
  if (cilium && calico)
    diagnostics
        .error(Code::TargetConflict,
               std::max(cilium->at.begin, calico->at.begin) == calico->at.begin ? calico->at : cilium->at,
               "targets 'cilium' and 'calico' exclude each other")
        .help("a cluster runs one of the two plugins; list that one");
  if (spec.cluster.dataplane.value == Dataplane::Ebpf && !at(TargetId::Tc))
    diagnostics
        .error(Code::NeedsTarget, spec.cluster.dataplane.at,
               "dataplane 'ebpf' sends packets around netfilter, and target 'tc' is not listed")
        .help("add tc to `targets`");
}

}  // namespace

std::optional<Policy> resolve(const Spec& spec, const Rules& rules, Date at, const Sources& sources,
                              Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.errors();
  Policy policy;
  policy.spec_digest = spec.digest;
  policy.name = spec.name;
  policy.owner = spec.owner;
  policy.classification = spec.classification;
  policy.mode = spec.mode;
  resolve_catalogues(spec, rules, policy, diagnostics);
  resolve_boundary(spec, rules, sources, policy, diagnostics);
  resolve_flows(spec, at, sources, policy, diagnostics);
  resolve_names(spec, sources, policy, diagnostics);
  resolve_targets(spec, sources, policy, diagnostics);
  if (diagnostics.errors() != before) return std::nullopt;
  return policy;
}

std::optional<Policy> read_policy(std::span<const std::uint32_t> files, const Rules& rules, Date at,
                                  const Sources& sources, Diagnostics& diagnostics) {
  std::vector<Node> documents;
  for (const std::uint32_t file : files)
    if (std::optional<Node> document = read_yaml(file, sources, diagnostics)) documents.push_back(std::move(*document));
  if (diagnostics.has_errors()) return std::nullopt;
  const std::optional<Node> merged = merge_specs(std::move(documents), sources, diagnostics);
  if (!merged || diagnostics.has_errors()) return std::nullopt;
  const std::optional<Spec> spec = parse_spec(*merged, diagnostics);
  if (!spec) return std::nullopt;
  return resolve(*spec, rules, at, sources, diagnostics);
}

}  // namespace airtight
