// Which of the time that is asked of a node its logs cover together, and why not the rest.
#pragma once

#include <vector>

#include "auditor/report/cause.h"
#include "auditor/report/log_facts.h"
#include "auditor/report/spans.h"

namespace airtight::audit {

struct CoverageGap {
  Cause cause = Cause::Other;
  ReportGap gap;
};

struct Coverage {
  Spans covered;                  // within what was asked
  std::vector<CoverageGap> gaps;  // by time; where none is without `bridged`, all that was asked is covered
};

// `logs` of one node, each with the holes that its policies and its keys make among its holes already.
Coverage cover(const std::vector<const LogFacts*>& logs, const Spans& asked);

// A hand-over or a time when the node was off that takes longer than this to be taken up again is a gap.
inline constexpr std::int64_t kMaxTakeUp = 120'000'000'000;

}  // namespace airtight::audit
