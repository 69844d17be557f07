// Merged YAML -> Spec. Every field of the language is read here and nowhere else; isolation_spec.schema.json says the
// same to editors, and a test holds the two together.
#pragma once

#include <optional>

#include "compiler/policy/diagnostic.h"
#include "compiler/spec/spec.h"
#include "compiler/spec/yaml.h"

namespace airtight {

// nullopt if any error was added.
std::optional<Spec> parse_spec(const Node& merged, Diagnostics&);

}  // namespace airtight
