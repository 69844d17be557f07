#include "auditor/report/finding_groups.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "auditor/classify/rule_table.h"
#include "auditor/report/finding_sums.h"
#include "auditor/report/report_wording.h"

namespace airtight::audit {

std::vector<FindingGroup> finding_groups(const std::vector<ReportFinding>& findings) {
  std::map<std::tuple<std::size_t, std::string, std::string>, FindingGroup> groups;
  for (const ReportFinding& each : findings) {
    const FindingRecord& finding = each.finding;
    FindingGroup& group = groups[{effect_rank(finding), finding.rule_id, finding.cls}];
    if (group.rows.empty()) {
      const RuleInfo* rule = find_rule(finding.rule_id);
      group.rank = effect_rank(finding);
      group.rule_id = finding.rule_id;
      group.cls = finding.cls;
      group.title = title_of(finding);
      if (rule != nullptr) group.cure = rule->cure;
    }
    group.packets += std::min(finding.packets, UINT64_MAX - group.packets);
    group.bytes += std::min(finding.bytes, UINT64_MAX - group.bytes);
    group.rows.push_back(&each);
  }
  std::vector<FindingGroup> out;
  for (auto& [key, group] : groups) out.push_back(std::move(group));
  return out;
}

}  // namespace airtight::audit
