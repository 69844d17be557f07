// Several files make one spec (DESIGN §2, "Merging").
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/policy/diagnostic.h"
#include "compiler/spec/yaml.h"

namespace airtight {

// Checks apiVersion and kind of every file, then merges: maps key by key, `flows` and `exceptions` append, `metadata`
// is the first file's, a null is filled by the file that has a value, anything else given twice is an error that names
// both places. nullopt: a document was no spec. The result has no apiVersion and kind left.
std::optional<Node> merge_specs(std::vector<Node> documents, const Sources&, Diagnostics&);

// The canonical text that spec_digest is taken of: JSON, keys sorted, no positions, every scalar as text.
std::string canonical_spec(const Node& merged);

}  // namespace airtight
