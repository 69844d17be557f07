// The back ends. Each target is one file that shows one constant of type Target; this table is the only place that
// knows them all. Emitters are pure: Policy in, bytes out, the same bytes for the same Policy.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/policy/diagnostic.h"
#include "compiler/policy/policy.h"

namespace airtight {

struct Artifact {
  std::string path;  // relative to the output directory, '/' between components; first component is the target's name
  TargetId target;
  Layer layer;
  std::string content;
  bool executable = false;
};

struct Target {
  TargetId id;
  Layer layer;
  std::string_view summary;  // one line for --help
  // The oldest cluster.version that can carry it; nullopt: any.
  std::optional<KubernetesVersion> since;
  // Says everything in this policy that the target cannot express, at the user's line. Made for all targets before any
  // emits.
  void (*check)(const Policy&, Diagnostics&);
  // Precondition: check() reported no error.
  std::vector<Artifact> (*emit)(const Policy&);
};

// Those that this build can write, in the order of TargetId.
std::span<const Target* const> targets();
const Target* find_target(TargetId);

// Errors at the line of `targets:` for what this build or `cluster.version` cannot carry, then every target's own
// check.
void check_targets(const Policy&, std::span<const TargetId>, Diagnostics&);
// All artifacts of the given targets, sorted by path. Precondition: check_targets reported no error.
std::vector<Artifact> emit_targets(const Policy&, std::span<const TargetId>);

// The comment lines every artifact starts with, each with `comment` ("# ", "; ", "// ") before it: what wrote it (no
// version: that stands in manifest.json only), the spec's name and digest, the target, "do not edit: compile --check
// finds it".
std::string artifact_header(const Policy&, TargetId, std::string_view comment, std::string_view purpose);

// Text from the spec made safe for a one-line comment: controls, line ends and bidirectional characters replaced, cut
// at 160 characters.
std::string comment_text(std::string_view);

}  // namespace airtight
