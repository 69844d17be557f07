#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "auditor/opener/client.h"
#include "auditor/opener/confine.h"
#include "auditor/opener/serve.h"

namespace airtight::audit {
namespace {

// The other threads would keep their capabilities, and a lock that one of them holds would stay held in the opener.
void require_one_thread() {
  struct stat tasks {};
  if (stat("/proc/self/task", &tasks) != 0)
    throw std::system_error(errno, std::system_category(), "/proc/self/task: is /proc mounted?");
  if (tasks.st_nlink != 3)
    throw std::system_error(std::make_error_code(std::errc::device_or_resource_busy),
                            "the opener is started before any thread is, and there are some");
}

}  // namespace

void Fd::reset() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

std::unique_ptr<Opener> start_opener(const OpenerOptions& options) {
  require_one_thread();
  require_opener_capabilities();
  const std::optional<Account> account =
      options.user.empty() ? std::nullopt : std::optional(find_account(options.user));
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    throw std::system_error(errno, std::system_category(), "no socket pair for the opener");
  Fd agent_end(ends[0]), opener_end(ends[1]);
  const pid_t agent = getpid();
  const pid_t opener = fork();
  if (opener < 0) throw std::system_error(errno, std::system_category(), "no process for the opener");
  if (opener == 0) {
    agent_end.reset();
    opener_main(std::move(opener_end), agent, options.pod_namespace);
  }
  opener_end.reset();
  std::unique_ptr<Opener> client;
  const int socket = agent_end.get();
  client = make_client(std::move(agent_end), opener, kPatience);
  await_ready(socket, kPatience);
  confine_agent(account);
  return client;
}

}  // namespace airtight::audit
