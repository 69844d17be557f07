// How a replay's report names places, times and files, and its first line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "auditor/replay/result.h"
#include "auditor/wording.h"

namespace airtight::audit {

// "Ethernet", "Linux cooked v2", or "link type 147".
std::string name_of(LinkType);
// "2026-11-25T13:00:00Z – 2026-11-25T13:00:05Z", one of them where both are equal, "without time" where there is none.
std::string span_text(std::int64_t first, std::int64_t last);
// What people call the files: the last part of each path, or the whole path where two files would have one name.
std::vector<std::string> file_names(const std::vector<ReplayedFile>&);

// The first line: "clean", "clean with 2 exceptions", "violated: 3 packets left to 2 outside destinations",
// "inconclusive: …".
std::string heading(const ReplayResult&);

}  // namespace airtight::audit
