// Results of replays, made by hand, that every renderer is tested with.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "auditor/replay/result.h"

namespace airtight::audit {

// 2026-11-25T13:00:00Z.
inline constexpr std::int64_t kOneOClock = 1'795'611'600'000'000'000;

// Nothing found in one small file.
ReplayResult clean_result();
// Every kind of finding, two files, problems, names: all that the renderers can say.
ReplayResult rich_result();
// As rich, with hostile text wherever a capture chooses it.
ReplayResult hostile_result();
inline constexpr std::string_view kHostile = "a\x1b[31m\x07\x80\xC2\x9B<\"\\\n\xE2\x80\xAE\xFFz";
inline constexpr std::string_view kHostileShown = "a\\x1b[31m\\x07\\x80U+009B<\"\\\\x0aU+202E\\xffz";

// The text of expected/NAME; AIRTIGHT_UPDATE_EXPECTED=1 writes `output` there first.
std::string expected(const std::string& name, const std::string& output);
// Writes `output` below $AIRTIGHT_SAMPLES where that is set: other checks read it there.
void keep_sample(const std::string& name, const std::string& output);

}  // namespace airtight::audit
