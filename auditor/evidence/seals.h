// What a log says of itself in signed notes: its keys, who enrolled them, its seals. The first half of reading.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "auditor/evidence/reader.h"

namespace airtight::audit {

// A root that must be found at that size.
struct ExpectedRoot {
  std::uint64_t size = 0;
  Hash root{};
  std::size_t seal = SIZE_MAX;  // index into LogReading::seals; SIZE_MAX for an anchor
  std::string where;
};

// Fills in everything of `reading` that is known without a record; a seal is `good` as far as its signature and its
// place in the chain go. The roots come by size.
std::vector<ExpectedRoot> read_seals(Disk& disk, const std::string& directory, const ReadOptions& options,
                                     LogReading& reading);

void add_damage(LogReading& reading, DamageKind kind, std::string where, std::string what);

}  // namespace airtight::audit
