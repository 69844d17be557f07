// The findings of one log, added up: within a run the last record of a finding holds the sums, several runs are added.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "auditor/evidence/record.h"

namespace airtight::audit {

struct LogFacts;

class FindingSums {
 public:
  // `counts` tells whether a finding seen in this time, both ends included, is asked for.
  void add(const FindingRecord& finding, bool sealed, std::size_t run,
           const std::function<bool(std::int64_t, std::int64_t)>& counts);
  // Into its findings, the violated ones first, then by time.
  void take(LogFacts& facts);

 private:
  struct Entry {
    std::string key;
    FindingRecord finding;
    bool sealed;
  };
  std::vector<Entry> entries_;
  std::map<std::string, std::size_t> of_run_, last_of_run_;  // by all that it is; without what may become empty
  std::size_t run_ = 0;
  std::array<std::uint64_t, 3> kept_{};
  std::uint64_t left_out_ = 0;
};

// 0 violated, 1 inconclusive or unknown, 2 listed.
std::size_t effect_rank(const FindingRecord& finding);

}  // namespace airtight::audit
