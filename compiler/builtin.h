// What the build puts into the binary: rules/*.yaml, read and checked at build time, and the JSON Schemas.
#pragma once

#include <string_view>

#include "compiler/policy/catalogue.h"

namespace airtight {

Rules builtin_rules();
// The JSON Schema named "spec", "policy", "manifest" or "diagnostics"; empty for other names.
std::string_view schema(std::string_view name);

}  // namespace airtight
