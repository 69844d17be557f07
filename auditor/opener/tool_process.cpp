#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "auditor/opener/rulesets.h"

namespace airtight::audit {
namespace {

constexpr const char* kDirectories[] = {"/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/"};
constexpr std::size_t kMostOfErrors = 4096;
constexpr rlim_t kToolMemory = 4ULL << 30;
constexpr int kCannotRun = 127;

std::string error_text(int number) { return std::system_category().message(number); }

std::string find_tool(const std::string& tool) {
  for (const char* directory : kDirectories) {
    std::string path = directory + tool;
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

// In the child, before the tool: nothing of ours but the three standard descriptors, and it ends when its parent does.
void be_a_tool(pid_t parent, int out, int err) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (getppid() != parent) _exit(kCannotRun);
  const int in = open("/dev/null", O_RDONLY);
  if (in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0) _exit(kCannotRun);
  close_range(3, ~0U, 0);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE}) signal(number, SIG_DFL);
#if !defined(__SANITIZE_ADDRESS__)
  const rlimit memory{kToolMemory, kToolMemory};
  setrlimit(RLIMIT_AS, &memory);
#endif
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

struct Stream {
  Fd fd;
  std::string* to;
  std::size_t most;
  bool too_much = false;

  // False at its end.
  bool drain() {
    std::array<char, 64 * 1024> buffer;
    const ssize_t size = read(fd.get(), buffer.data(), buffer.size());
    if (size < 0) return errno == EINTR || errno == EAGAIN;
    if (size == 0) return false;
    const std::size_t taken = std::min(static_cast<std::size_t>(size), most - to->size());
    to->append(buffer.data(), taken);
    too_much = too_much || taken < static_cast<std::size_t>(size);
    return true;
  }
};

// Empty, or why the tool must be killed.
std::string collect(Stream& out, Stream& err, const ToolLimits& limits) {
  bool open_out = true, open_err = true;
  while (open_out || open_err) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(limits.deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return "took too long";
    pollfd waiting[] = {{open_out ? out.fd.get() : -1, POLLIN, 0}, {open_err ? err.fd.get() : -1, POLLIN, 0}};
    const int ready = poll(waiting, 2, static_cast<int>(std::min<long long>(left.count(), 60'000)));
    if (ready < 0 && errno != EINTR) return "its output cannot be waited for: " + error_text(errno);
    if (ready <= 0) continue;
    if (waiting[0].revents != 0) open_out = out.drain();
    if (waiting[1].revents != 0) open_err = err.drain();
    if (out.too_much) return "printed more than " + std::to_string(limits.most_bytes) + " bytes";
  }
  return {};
}

}  // namespace

RulesetDump run_apart(const std::string& tool, const std::function<int()>& body, const ToolLimits& limits) {
  RulesetDump dump;
  dump.tool = tool;
  const auto fail = [&](const std::string& why) {
    dump.failed = true;
    dump.text.clear();
    dump.error = why + (dump.error.empty() ? "" : ": ") + dump.error;
    return dump;
  };
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0) return fail("no pipe: " + error_text(errno));
  Stream text{Fd(out[0]), &dump.text, limits.most_bytes};
  Fd write_text(out[1]);
  if (pipe2(err, O_CLOEXEC) != 0) return fail("no pipe: " + error_text(errno));
  Stream errors{Fd(err[0]), &dump.error, kMostOfErrors};
  Fd write_errors(err[1]);

  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) return fail("no process: " + error_text(errno));
  if (child == 0) {
    be_a_tool(parent, write_text.get(), write_errors.get());
    _exit(body());
  }
  write_text.reset();
  write_errors.reset();
  const std::string why = collect(text, errors, limits);
  if (!why.empty()) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  while (!dump.error.empty() && dump.error.back() == '\n') dump.error.pop_back();
  if (!why.empty()) return fail(why);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return fail(how_it_ended(status));
  return dump;
}

bool has_tool(const std::string& tool) { return !find_tool(tool).empty(); }

RulesetDump run_tool(const std::string& tool, const ToolLimits& limits) {
  const std::string path = find_tool(tool);
  if (path.empty()) return {tool, "", "the program " + tool + " is not there", true};
  return run_apart(
      tool,
      [&] {
        std::string name = tool, locale = "LC_ALL=C", directories = "PATH=/usr/sbin:/sbin:/usr/bin:/bin";
        char* arguments[] = {name.data(), nullptr};
        char* environment[] = {locale.data(), directories.data(), nullptr};
        execve(path.c_str(), arguments, environment);
        return kCannotRun;
      },
      limits);
}

}  // namespace airtight::audit
