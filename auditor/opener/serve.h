// The opener's own process, from its fork to its end.
#pragma once

#include <sys/types.h>

#include <string>

#include "auditor/opener/opener.h"

namespace airtight::audit {

// Gets ready, says so (or why not) in a reply of kReadyId, then answers until the other end of `socket` is closed.
[[noreturn]] void opener_main(Fd socket, pid_t agent, const std::string& pod_namespace);

}  // namespace airtight::audit
