// Times as people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace airtight::audit {

// RFC 3339 with any offset, nanoseconds since 1970; the years 1678 to 2261, no leap second, at most nine digits of
// fraction.
std::optional<std::int64_t> parse_rfc3339(std::string_view text);

}  // namespace airtight::audit
