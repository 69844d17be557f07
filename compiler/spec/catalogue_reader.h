// rules/*.yaml -> Rules. The build reads the files of the tree with it; --rules reads a directory of the user's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "compiler/policy/catalogue.h"
#include "compiler/policy/diagnostic.h"

namespace airtight {

// One source a file; a file is a catalogue or a registry by its first key. nullopt if any error was added.
std::optional<Rules> read_rules(std::span<const std::uint32_t> sources, const Sources&, Diagnostics&);

}  // namespace airtight
