// What the two processes give up, each for good. Before any thread is started: capabilities are a thread's own.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace airtight::audit {

struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

// Throws std::system_error if there is none of this name.
Account find_account(const std::string& name);

// Throws std::system_error, naming the capability that is missing, unless this process may use both of the opener's.
void require_opener_capabilities();

// Keeps exactly CAP_NET_RAW and CAP_NET_ADMIN, for the tools that it starts too (ambient). Throws std::system_error.
void confine_opener();

// Becomes `account` if there is one; no capability, no way to one, no core file, no reading of its memory by others of
// its user, the system calls of seccomp.h refused. Throws std::system_error if any of that could not be had.
void confine_agent(const std::optional<Account>& account);

}  // namespace airtight::audit
