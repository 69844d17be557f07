// Stories of privileged processes, each told in a child of the test with a network namespace of its own that has no way
// out: the child ends up without capabilities, and the test must not.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

namespace airtight::audit {

// What the story returns, "threw …" where it throws, or how its process ended. Needs root.
std::string apart(const std::function<std::string()>& story);

// False, with a line that says so, without root.
bool has_root(const std::string& test);

// A process that keeps what the story gives up, in the namespace in which it was made.
class RootShell {
 public:
  RootShell();
  ~RootShell();
  RootShell(const RootShell&) = delete;
  RootShell& operator=(const RootShell&) = delete;
  std::string run(const std::string& command);  // its output, both streams, and " exit N" unless that is 0

 private:
  int socket_ = -1;
  pid_t process_ = 0;
};

// The child of this process that is called airtight-opener; 0 if there is none.
pid_t opener_of_this_process();
std::string status_line(pid_t process, const std::string& name);  // of /proc/PID/status, without the name
bool has_ended(pid_t process);                                    // waits for it, ten seconds at most

}  // namespace airtight::audit
