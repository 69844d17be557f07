// The directory that `compile -o` writes: a manifest, policy.json and the artifacts. It is replaced as a whole, so that
// a kill at any moment leaves the old output or the new one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/emit/target.h"
#include "compiler/policy/diagnostic.h"
#include "compiler/policy/policy.h"

namespace airtight {

struct OutputFile {
  std::string path;  // relative to the directory, '/' between components
  std::string content;
  bool executable = false;
};

// The artifacts, policy.json and manifest.json (DESIGN §3), sorted by path. `version` stands in the manifest only.
std::vector<OutputFile> output_files(const Policy&, std::vector<Artifact>, std::string_view version);

// Writes into a temporary directory beside `directory`, syncs, and exchanges the two in one rename. Files in
// `directory` that no manifest of ours lists stop it (ForeignFiles), unless `force`: then they are carried over. I/O
// errors: CannotWrite, and what was there is intact. True if it was written.
bool publish(const std::string& directory, const std::vector<OutputFile>&, bool force, Diagnostics&);

// Compares without writing: one Stale diagnostic a difference, with the first line that differs and the rule it belongs
// to. The manifest's tool version is no difference.
void compare(const std::string& directory, const std::vector<OutputFile>&, Diagnostics&);

}  // namespace airtight
