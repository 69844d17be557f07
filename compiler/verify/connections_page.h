// Connections as one HTML page that needs nothing but itself: no address outside is named, and its policy forbids any.
#pragma once

#include <string>
#include <vector>

#include "compiler/verify/connections.h"

namespace airtight::verify {

std::string connections_page(const std::vector<Connection>&);

}  // namespace airtight::verify
