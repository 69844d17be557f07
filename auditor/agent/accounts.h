// Takes the readings of an interval and lets them be judged (DESIGN §6, "Conservation" and "Ways around netfilter"):
// taps, the egress chains' counters, queues, devices, rings, and what could lead packets past all of them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "auditor/agent/judge.h"
#include "auditor/agent/watch.h"
#include "auditor/evidence/record.h"
#include "auditor/interfaces/bypasses.h"
#include "auditor/opener/opener.h"

namespace airtight::audit {

struct IntervalAccount {
  std::vector<GapRecord> gaps;
  std::vector<UplinkCount> uplinks;
  std::map<std::string, std::uint64_t> counters;  // "eth0.sent" …, cumulative
  bool conserved = false;  // every uplink adds up, and there is no way around that nobody declared
  std::vector<Bypass> bypasses;
};

class Accounts {
 public:
  Accounts(const Policy& policy, Opener& opener, Watch& watch) : policy_(&policy), opener_(opener), watch_(watch) {}
  void use(const Policy& policy) { policy_ = &policy; }
  // The first call begins: what it finds missing is a gap, what it counts is where counting starts.
  IntervalAccount take(std::int64_t from, std::int64_t now);
  // What the rings lost and judged since the last call, put into the account.
  void add_rings(const JudgeReading& reading, std::int64_t from, std::int64_t now, IntervalAccount& account);

 private:
  void uplink(Watched& watched, const struct EgressReading& egress, std::int64_t from, std::int64_t now,
              IntervalAccount& account);
  void ways_around(std::int64_t from, std::int64_t now, IntervalAccount& account);

  const Policy* policy_;
  Opener& opener_;
  Watch& watch_;
  std::uint64_t bridge_dropped_ = 0, gone_dropped_ = 0;
  std::uint64_t table_full_ = 0, streams_unread_ = 0;
};

}  // namespace airtight::audit
