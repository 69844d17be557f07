// Reading what the user names: spec files and a rules directory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/policy/catalogue.h"
#include "compiler/policy/diagnostic.h"

namespace airtight {

// Adds each file to `sources`; "-" is standard input. Files that cannot be read are reported (CannotRead,
// NotARegularFile, TooBig) and left out; ids are in the order of `paths`.
std::vector<std::uint32_t> read_specs(const std::vector<std::string>& paths, Sources& sources, Diagnostics&);

// Every *.yaml of the directory, in order of name.
std::optional<Rules> read_rules_directory(const std::string& directory, Sources& sources, Diagnostics&);

}  // namespace airtight
