// What `airtight catalogue` shows, as text and as JSON. Both end with a newline.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "compiler/policy/catalogue.h"
#include "compiler/policy/diagnostic.h"

namespace airtight {

std::string list_catalogues(const Rules&, bool json);
// nullopt: no list of that name; the error names the nearest.
std::optional<std::string> show_catalogue(const Rules&, std::string_view name, bool json, Diagnostics&);
// Every entry that names the address, the prefix or the domain name, and the special-purpose block around it.
std::optional<std::string> check_catalogues(const Rules&, std::string_view subject, bool json, Diagnostics&);

}  // namespace airtight
