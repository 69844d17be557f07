// The worked example of auditor/evidence/FORMAT.md: a log of three records made with fixed keys, as the document shows
// it. `tests/auditor/evidence/format_test.cpp` holds the document to it.
#pragma once

#include <string>

namespace airtight::audit {

// The blocks of the document, in their order.
std::string format_example();

}  // namespace airtight::audit
