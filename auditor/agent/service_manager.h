// What the service manager is told (sd_notify, by its documented datagram protocol): READY=1, STATUS=, RELOADING=1,
// STOPPING=1.
#pragma once

#include <string_view>

namespace airtight::audit {

// Nothing happens where no manager asked for it (NOTIFY_SOCKET).
void notify_manager(std::string_view state);

}  // namespace airtight::audit
