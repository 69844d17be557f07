// Counts what the program allocates: allocation_counter.cpp replaces operator new of the executable that links it.
#pragma once

#include <cstddef>

namespace airtight::audit {

// Since the start.
std::size_t allocations();

}  // namespace airtight::audit
