#include "auditor/report/spans.h"

#include <algorithm>
#include <limits>

namespace airtight::audit {

Period between(std::int64_t a, std::int64_t b) {
  const std::int64_t from = std::min(a, b);
  const std::int64_t next = from == std::numeric_limits<std::int64_t>::max() ? from : from + 1;
  return {from, std::max({a, b, next})};
}

void append(Spans& spans, Period period) {
  if (period.from >= period.to) return;
  if (!spans.empty() && spans.back().from <= period.from && period.from <= spans.back().to)
    spans.back().to = std::max(spans.back().to, period.to);
  else
    spans.push_back(period);
}

Spans united(Spans periods) {
  std::sort(periods.begin(), periods.end(), [](const Period& a, const Period& b) { return a.from < b.from; });
  Spans out;
  for (const Period& period : periods) append(out, period);
  return out;
}

Spans both(const Spans& a, const Spans& b) {
  Spans out;
  for (std::size_t i = 0, k = 0; i < a.size() && k < b.size();) {
    append(out, {std::max(a[i].from, b[k].from), std::min(a[i].to, b[k].to)});
    a[i].to < b[k].to ? ++i : ++k;
  }
  return out;
}

Spans without(const Spans& a, const Spans& b) {
  Spans out;
  std::size_t k = 0;
  for (Period rest : a) {
    while (k < b.size() && b[k].to <= rest.from) ++k;
    for (std::size_t i = k; i < b.size() && b[i].from < rest.to; ++i) {
      append(out, {rest.from, b[i].from});
      rest.from = std::max(rest.from, b[i].to);
    }
    append(out, rest);
  }
  return out;
}

Spans clipped(const Spans& spans, Period to) {
  Spans out;
  auto at = std::upper_bound(spans.begin(), spans.end(), to.from,
                             [](std::int64_t time, const Period& span) { return time < span.to; });
  for (; at != spans.end() && at->from < to.to; ++at)
    append(out, {std::max(at->from, to.from), std::min(at->to, to.to)});
  return out;
}

std::int64_t length(const Spans& spans) {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  std::uint64_t sum = 0;
  for (const Period& span : spans) {
    const std::uint64_t part = static_cast<std::uint64_t>(span.to) - static_cast<std::uint64_t>(span.from);
    if (part > kMost - sum) return static_cast<std::int64_t>(kMost);
    sum += part;
  }
  return static_cast<std::int64_t>(sum);
}

}  // namespace airtight::audit
