// Any bytes as a datagram of NFNLGRP_NFTABLES: never out of bounds, what is kept is bounded, and two datagrams say no
// less than one of them.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "auditor/enforcement/ruleset_events.h"

using airtight::audit::RulesetChange;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  RulesetChange once;
  airtight::audit::parse_ruleset_events(bytes, once);
  if (once.tables.size() > 1024 || once.unsure.size() > 65) std::abort();
  if (!std::is_sorted(once.tables.begin(), once.tables.end())) std::abort();
  for (const std::string& table : once.tables) {
    const bool ours = table == "inet airtight" || table == "netdev airtight_egress";
    if (ours && once.unsure.empty()) std::abort();
  }
  RulesetChange twice = once;
  airtight::audit::parse_ruleset_events(bytes, twice);
  if (twice.tables != once.tables || twice.unsure != once.unsure || twice.lost != once.lost) std::abort();
  return 0;
}
