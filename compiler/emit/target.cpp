#include "compiler/emit/target.h"

#include <algorithm>
#include <array>
#include <string>

#include "compiler/emit/bind.h"
#include "compiler/emit/networkpolicy.h"
#include "compiler/emit/nftables.h"
#include "compiler/emit/rpz.h"

namespace airtight {
namespace {

constexpr std::size_t kCommentLength = 160;

// In the order of TargetId.
const std::array<const Target*, 4> kTargets = {&kNetworkPolicyTarget, &kNftablesTarget, &kRpzTarget, &kBindTarget};

Span place_of(const Policy& policy, TargetId id) {
  for (const RequestedTarget& target : policy.targets)
    if (target.id == id) return target.origin.span;
  return {};
}

}  // namespace

std::span<const Target* const> targets() { return kTargets; }

const Target* find_target(TargetId id) {
  const auto found =
      std::find_if(kTargets.begin(), kTargets.end(), [&](const Target* target) { return target->id == id; });
  return found == kTargets.end() ? nullptr : *found;
}

void check_targets(const Policy& policy, std::span<const TargetId> wanted, Diagnostics& diagnostics) {
  for (const TargetId id : wanted) {
    const Target* target = find_target(id);
    const std::string name(to_string(id));
    if (!target) {
      std::string list;
      for (const Target* known : kTargets) list += (list.empty() ? "" : ", ") + std::string(to_string(known->id));
      diagnostics.error(Code::TargetUnavailable, place_of(policy, id), "this build cannot write target '" + name + "'")
          .expect(list);
      continue;
    }
    const std::optional<KubernetesVersion>& version = policy.cluster.version;
    if (target->since && version && *version < *target->since) {
      diagnostics
          .error(Code::TargetVersion, place_of(policy, id),
                 "target '" + name + "' needs Kubernetes " + to_string(*target->since) + ", the cluster has " +
                     to_string(*version))
          .note(policy.cluster.version_origin.span, "the cluster's version");
      continue;
    }
    target->check(policy, diagnostics);
  }
}

std::vector<Artifact> emit_targets(const Policy& policy, std::span<const TargetId> wanted) {
  std::vector<Artifact> all;
  for (const TargetId id : wanted)
    for (Artifact& artifact : find_target(id)->emit(policy)) all.push_back(std::move(artifact));
  std::sort(all.begin(), all.end(), [](const Artifact& a, const Artifact& b) { return a.path < b.path; });
  return all;
}

std::string artifact_header(const Policy& policy, TargetId id, std::string_view comment, std::string_view purpose) {
  const std::string start(comment);
  std::string out;
  out += start + "Made by airtight from the isolation spec '" + comment_text(policy.name) + "', target " +
         std::string(to_string(id)) + ".\n";
  out += start + "Spec digest: " + policy.spec_digest + "\n";
  out += start + "Do not edit: change the spec and compile again; `airtight compile --check` finds an edited file.\n";
  if (!purpose.empty()) {
    std::size_t at = 0;
    while (at < purpose.size()) {
      const std::size_t end = std::min(purpose.find('\n', at), purpose.size());
      out += start + std::string(purpose.substr(at, end - at)) + "\n";
      at = end + 1;
    }
  }
  return out;
}

std::string comment_text(std::string_view text) {
  std::string out = printable(text);
  if (out.size() <= kCommentLength) return out;
  std::size_t end = kCommentLength;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;  // not inside a character
  return out.substr(0, end) + "…";
}

}  // namespace airtight
