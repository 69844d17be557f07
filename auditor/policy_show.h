// policy.json for people: `airtight-auditor policy show FILE`.
#pragma once

#include <string>

#include "compiler/policy/compiled_policy.h"

namespace airtight::audit {

// Everything that the policy says of the boundary, who may do what, and what is still open in it (exceptions, public
// space inside); lines as the spec orders them, so that two outputs can be compared. Safe to print.
std::string render_policy(const Policy&);

}  // namespace airtight::audit
