// Why time is not covered, the most telling first: the order in which a report gives its reasons.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "auditor/report/report.h"

namespace airtight::audit {

enum class Cause : std::uint8_t {
  Open,
  NotConserved,
  Bypass,
  UndeclaredInterface,
  UplinkNotInInventory,
  UplinkNotWatched,
  UplinkNotCounted,
  Policy,
  CanaryFailed,
  Unreadable,
  Changed,
  NotRead,
  KernelDrops,
  LostEvents,
  LateInterface,
  TableFull,
  Suspended,
  ClockStep,
  LogWrite,
  TornTail,
  NoSeal,
  Restart,
  Other,
  NoStart,
  Heartbeat,
  Unsealed,
  NoRecord,
  NoCanary,
};
inline constexpr std::size_t kCauses = 28;

std::string_view to_string(Cause);  // "kernel drops", "no record of this time" …
Cause cause_of(GapReason);
// Whether it holds for the node whoever noticed it; else for one log's sensor alone, and another log that covers the
// time makes up for it.
bool is_node_wide(Cause);

// Time that a log does not cover although it has heartbeats for it.
struct Hole {
  Cause cause = Cause::Other;
  Period time;
  std::string interface;  // empty: of the whole node
  std::string detail;     // of the first of those that were added up
  std::uint64_t size = 0;
};

}  // namespace airtight::audit
