#pragma once

namespace airtight::audit {

// A list of what the agent never does and an attacker inside it would want: other processes' memory, mounts, modules,
// namespaces, BPF, keys, clocks. Those calls fail with EPERM; clone3, whose flags no filter can see, with ENOSYS, after
// which libc uses clone. It is a second line behind the missing capabilities, not a list of all that is allowed: execve
// is, for the child that proves. Needs PR_SET_NO_NEW_PRIVS. Throws std::system_error.
void refuse_system_calls();

}  // namespace airtight::audit
