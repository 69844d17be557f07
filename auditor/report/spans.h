// Sets of time as sorted, disjoint, not adjacent, non-empty half-open periods: equal sets have equal lists.
#pragma once

#include <cstdint>
#include <vector>

#include "auditor/report/report.h"

namespace airtight::audit {

using Spans = std::vector<Period>;

// At least one nanosecond, whatever the order.
Period between(std::int64_t a, std::int64_t b);

// Of periods in any order; those that are empty or reversed hold nothing.
Spans united(Spans periods);
// Cheap where they come by their beginnings: what touches the last one becomes one with it. Sort with united() if not.
void append(Spans& spans, Period period);
Spans both(const Spans& a, const Spans& b);
Spans without(const Spans& a, const Spans& b);
Spans clipped(const Spans& spans, Period to);  // logarithmic, and linear in what it gives
std::int64_t length(const Spans& spans);       // nanoseconds; the largest number where it is more

}  // namespace airtight::audit
