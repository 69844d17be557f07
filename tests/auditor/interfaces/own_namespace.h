// A network namespace of the test's own, without a route out; and back.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

namespace airtight::audit {

class OwnNamespace {
 public:
  OwnNamespace() : before_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
    entered_ = before_ >= 0 && ::unshare(CLONE_NEWNET) == 0;
  }
  ~OwnNamespace() {
    if (entered_ && ::setns(before_, CLONE_NEWNET) != 0) std::abort();
    if (before_ >= 0) ::close(before_);
  }
  OwnNamespace(const OwnNamespace&) = delete;
  OwnNamespace& operator=(const OwnNamespace&) = delete;
  explicit operator bool() const { return entered_; }

 private:
  int before_;
  bool entered_ = false;
};

// Whether the command, whose words are the test's own, ended well.
inline bool run(const std::string& command) { return std::system((command + " >&2").c_str()) == 0; }
inline bool can(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()) == 0; }

}  // namespace airtight::audit

#define OWN_NAMESPACE_OR_SKIP(name)                             \
  const airtight::audit::OwnNamespace own_namespace;            \
  if (!own_namespace) {                                         \
    WARN("SKIPPED " name " no network namespace without root"); \
    return;                                                     \
  }
