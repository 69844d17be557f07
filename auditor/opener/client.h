// The agent's side of the socket pair.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>

#include "auditor/opener/opener.h"

namespace airtight::audit {

inline constexpr std::chrono::milliseconds kPatience{10'000};

// `process` is reaped when the Opener goes; 0: none.
std::unique_ptr<Opener> make_client(Fd socket, pid_t process, std::chrono::milliseconds patience);

// Waits for the opener's first word. Throws std::system_error with what it says.
void await_ready(int socket, std::chrono::milliseconds patience);

}  // namespace airtight::audit
