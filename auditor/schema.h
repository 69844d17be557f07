// The JSON Schemas that the build puts into the binary: "replay", "report", "agent" (of the configuration of run) and "policy".
#pragma once

#include <string_view>

namespace airtight::audit {

std::string_view schema(std::string_view name);  // empty for other names

}  // namespace airtight::audit
