// Trees for tests, without the readers of artifacts: JSON, and to save quotes also its flow-style YAML form
// ({kind: Pod, metadata: {name: web}}), with the place of every token.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "compiler/verify/document.h"
#include "compiler/verify/kubernetes/objects.h"

namespace airtight::verify {

// Aborts on text that is not of that form. Spans are of `source`.
Value from_json(std::string_view text, std::uint32_t source = 1);
// The cluster of these objects, each its own source, named 1.yaml, 2.yaml …; without a namespace they go to `default`.
Cluster read_cluster(std::initializer_list<std::string_view> objects, bool namespace_noted = false);

}  // namespace airtight::verify
