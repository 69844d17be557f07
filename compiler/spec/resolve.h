// Spec -> Policy: names looked up, sets computed, every rule of DESIGN §2 that needs more than one field.
#pragma once

#include <optional>

#include "compiler/policy/catalogue.h"
#include "compiler/policy/diagnostic.h"
#include "compiler/policy/policy.h"
#include "compiler/spec/spec.h"

namespace airtight {

// `at` decides only whether an exception has expired, never a byte of output. nullopt if any error was added.
std::optional<Policy> resolve(const Spec&, const Rules&, Date at, const Sources&, Diagnostics&);

// The front end in one call: texts of the files in the order given -> Policy. Collects all errors of a stage, stops
// between stages.
std::optional<Policy> read_policy(std::span<const std::uint32_t> files, const Rules&, Date at, const Sources&,
                                  Diagnostics&);

}  // namespace airtight
