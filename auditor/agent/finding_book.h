// Findings of one run, added up by workload and cause, and made into records: what changed since the last time.
// Bounded: beyond kMaxEntries different ones the rest is added up by rule alone, and says so.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "auditor/attribution/pods.h"
#include "auditor/evidence/record.h"
#include "auditor/finding.h"
#include "compiler/policy/compiled_policy.h"

namespace airtight::audit {

class FindingBook {
 public:
  static constexpr std::size_t kMaxEntries = 8192;
  static constexpr std::size_t kMaxCountedDestinations = 10'000;  // of one entry; the count stops there

  // `pods` may be nullptr. Both outlive it.
  FindingBook(const Policy& policy, const PodTable* pods) : policy_(&policy), pods_(pods) {}
  void use(const Policy& policy) { policy_ = &policy; }

  // What one interval found. `conserved`: every uplink of the node adds up, so that what was seen at a pod's side alone
  // was held: an attempt, listed. Else nothing shows that it was, and it stays unresolved.
  void add(const std::vector<Finding>& findings, bool conserved);
  static constexpr std::size_t kMaxAllDestinations = 200'000;  // of all entries together, likewise
  static constexpr std::size_t kToldAtOnce = 200;
  // Hands out those whose sums changed since they were told, the worst effect first; of those that are only listed at
  // most kToldAtOnce: a pod that scans must not keep the log busy. `tell` says whether it was told; what was not comes
  // again.
  void tell_changed(const std::function<bool(const FindingRecord&)>& tell);
  std::size_t entries() const { return entries_.size(); }
  // Packets by rule id and effect, cumulative: for /metrics.
  const std::map<std::pair<std::string, std::string>, std::uint64_t>& packets() const { return packets_; }

 private:
  struct Entry {
    FindingRecord record;
    std::set<std::string> destinations;
    bool changed = true;
  };
  using Key = std::tuple<std::string, std::string, std::string, std::string, std::string, std::string, std::string,
                         std::string, std::string, std::string, std::string>;
  std::string workload_of(const Finding& finding) const;

  const Policy* policy_;
  const PodTable* pods_;
  std::map<Key, Entry> entries_;
  std::size_t all_destinations_ = 0;
  std::map<std::pair<std::string, std::string>, std::uint64_t> packets_;
};

}  // namespace airtight::audit
