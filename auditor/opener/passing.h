// One datagram with at most one descriptor beside it.
#pragma once

#include <string>
#include <string_view>
#include <system_error>

#include "auditor/opener/opener.h"

namespace airtight::audit {

// Waits until there is room; false with errno. `fd` < 0: none.
bool send_with_fd(int socket, std::string_view bytes, int fd);

// What waits at the socket, without waiting: std::errc::operation_would_block if nothing does, std::errc::broken_pipe
// if the other end is closed, std::errc::too_many_files_open if this process had no room for the descriptor.
std::error_code receive_with_fd(int socket, std::string& bytes, Fd& fd);

}  // namespace airtight::audit
