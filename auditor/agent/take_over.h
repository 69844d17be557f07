// What one agent must know of the log of another that it takes over from (FORMAT.md, "Hand-over"): how that log ends,
// whether the time between is bridged, and which of the frames that looked like sensor canaries were the other's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auditor/agent/own_canaries.h"
#include "auditor/evidence/record.h"
#include "auditor/finding.h"

namespace airtight::audit {

struct OldRound {
  std::int64_t from = 0,
               to = 0;  // the intent was on disk before anything was sent; everything had come before the fate
  CanaryIntentRecord intent;
  CanaryFateRecord fate;
};

struct OldRun {
  std::optional<std::int64_t> stopped;     // by a stop record after which nothing but segments come
  std::optional<std::int64_t> covered;     // where the last heartbeat's claim ends
  std::vector<UplinkCount> uplinks;        // of the last heartbeat
  std::optional<EnforcementRecord> rules;  // as last recorded, where that is among the records
  std::vector<OldRound> rounds;            // that check_round() accepts
};

// `records`: the end of the log, in its order.
OldRun read_end(const std::vector<Record>& records);

// Of the agent that takes over.
struct NewRun {
  std::int64_t capturing_since = 0;
  std::string boot_id;
  std::string sealed_rules;  // digest of what was proved sealed after the lock was had; empty: it was not
  bool conserved = false;    // since capturing_since
};

// Why the time between is a gap; empty where nothing speaks against bridging it. The report holds both runs to more.
std::string unbridged(const OldRun& old, const std::string& old_boot_id, const NewRun& next);

// Those that are no canaries of the other agent's: a nonce of one of its rounds counts once, on its uplink, while the
// round was under way. `node`, `key`: of the log.
std::vector<HeldFrame> not_of(const OldRun& old, std::string_view node, std::string_view key,
                              std::vector<HeldFrame> held);

// Takes away what leaves the verdict alone and was over before the other agent's last heartbeat: its log has that.
void drop_told(const OldRun& old, bool conserved, std::vector<Finding>& findings);

}  // namespace airtight::audit
