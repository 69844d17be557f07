// A report that has something of everything, over one artifact; and one whose every text is hostile.
#pragma once

#include <string>
#include <string_view>

#include "compiler/policy/source.h"
#include "compiler/verify/connections.h"
#include "compiler/verify/finding.h"

namespace airtight::verify {

struct ReportSample {
  Sources sources;
  Report report;
};

// The first place where `token` stands in a source.
Span span_of(const Sources&, std::uint32_t source, std::string_view token);

ReportSample rich_sample();
// Proven, with one exception and no finding.
ReportSample proven_sample();
// A violation that 1,000 workloads share.
ReportSample wide_sample();
// Every text field holds quotes, line ends, markup, escapes, bytes that are not UTF-8 and ends of quotations.
ReportSample hostile_sample();
inline constexpr std::string_view kHostile =
    "a\"b'c\n<script>alert(1)</script>\x1b[31m\xff]]>\\{}|`@x](y)&amp;\xE2\x80\xAE\xEF\xBF\xBF";
// The same with what printable() makes of it.
inline constexpr std::string_view kHostilePrinted =
    "a\"b'c\\x0a<script>alert(1)</script>\\x1b[31m\\xff]]>\\{}|`@x](y)&amp;U+202E\xEF\xBF\xBF";

std::vector<Connection> sample_connections();
std::vector<Connection> hostile_connections();
Difference sample_difference();
Explanation sample_explanation(const ReportSample& of_rich);

// The text of expected/NAME; AIRTIGHT_UPDATE_EXPECTED=1 writes `output` there first.
std::string expected(const std::string& name, const std::string& output);

// Writes an output to AIRTIGHT_SAMPLES/NAME if that directory is given, for check_formats.py.
void keep_sample(const std::string& name, const std::string& output);

}  // namespace airtight::verify
