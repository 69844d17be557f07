// Findings as reports for people show them: one group a rule and effect, the violated ones first.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auditor/report/report.h"

namespace airtight::audit {

struct FindingGroup {
  std::size_t rank = 0;  // effect_rank()
  std::string rule_id, cls, title;
  std::string_view cure;  // empty where the rule is not known
  std::uint64_t packets = 0, bytes = 0;
  std::vector<const ReportFinding*> rows;  // in their order; into the result

  std::string_view effect() const { return rank == 0 ? "violated" : rank == 1 ? "inconclusive" : "listed"; }
};

std::vector<FindingGroup> finding_groups(const std::vector<ReportFinding>& findings);

}  // namespace airtight::audit
