// A Report written out, in the formats of the contract (DESIGN §5). Functions of the report alone: no time, no version
// unless given.
#pragma once

#include <string>
#include <string_view>

#include "compiler/policy/source.h"
#include "compiler/verify/finding.h"

namespace airtight::verify {

// For people: verdict, layers with findings (grouped by cause, the artifact's line with a caret), relays, what was not
// understood, assumptions last.
std::string render_report_text(const Report&, const Sources&, bool colour);
// report.schema.json. One finding a workload. Ends with a newline.
std::string render_report_json(const Report&, const Sources&);
// SARIF 2.1.0: every rule of the table with help, a result a cause, physical locations, partialFingerprints that
// survive moved lines, suppressions for exceptions in force.
std::string render_report_sarif(const Report&, const Sources&, std::string_view version);
// JUnit XML as Jenkins reads it: a suite a layer, a case a workload and property.
std::string render_report_junit(const Report&, const Sources&);

}  // namespace airtight::verify
