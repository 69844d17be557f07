// What a report says of the policy itself: its exceptions, its inside ranges, what it takes for granted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "auditor/report/report.h"

namespace airtight::audit {

// Every exception with what used it, then those that findings name and this policy does not have. `used`: how many
// were.
std::vector<std::string> exception_lines(const Policy& policy, const std::vector<ReportFinding>& findings,
                                         std::uint64_t& used);
// Why a finding cannot be what an exception of this policy covers; empty if it can. Only where no other policy was in
// force.
std::string exception_fault(const Policy& policy, const FindingRecord& finding);
// "10.42.0.0/16: pods (spec.yaml:20)"; global space is marked PUBLIC.
std::vector<std::string> inside_lines(const Policy& policy);
// What is believed of the world because the policy says so.
std::vector<std::string> policy_assumptions(const Policy& policy);

}  // namespace airtight::audit
