// Reading what the user names: spec files, a rules directory, artifacts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/policy/catalogue.h"
#include "compiler/policy/diagnostic.h"

namespace airtight {

// The whole of one file, or of standard input for "-". Devices, directories and more than `limit` bytes are errors;
// `expected` says what the message asks for in place of a directory.
std::optional<std::string> read_bytes(const std::string& path, std::size_t limit, std::string_view expected,
                                      Diagnostics&);

// Replaces the file as a whole, by a rename; what is no regular file is written to. CannotWrite says why it could not.
bool write_text_file(const std::string& path, std::string_view text, Diagnostics&);

// Adds each file to `sources`; "-" is standard input. Files that cannot be read are reported (CannotRead,
// NotARegularFile, TooBig) and left out; ids are in the order of `paths`.
std::vector<std::uint32_t> read_specs(const std::vector<std::string>& paths, Sources& sources, Diagnostics&);

// Every *.yaml of the directory, in order of name.
std::optional<Rules> read_rules_directory(const std::string& directory, Sources& sources, Diagnostics&);

// Artifacts: files, "-", and folders with everything below them in order of name. Text that gzip packed is unpacked. A
// link to a folder is not followed, and said (`notes`).
std::vector<std::uint32_t> read_artifact_files(const std::vector<std::string>& paths, Sources& sources,
                                               std::vector<std::string>& notes, Diagnostics&);

}  // namespace airtight
