#include "auditor/enforcement/prover.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcntl.h>
#include <array>
#include <cerrno>
#include <utility>

#include "auditor/enforcement/prover_request.h"

namespace airtight::audit {
namespace {

std::error_code last_error() { return {errno, std::system_category()}; }

// The whole request in memory that the child reads like a file: nothing is left to feed.
std::error_code request_file(const std::string& bytes, Fd& file) {
  file = Fd(memfd_create("airtight-proof-request", MFD_CLOEXEC));
  if (!file) return last_error();
  for (std::string_view rest = bytes; !rest.empty();) {
    const ssize_t put = write(file.get(), rest.data(), rest.size());
    if (put > 0) rest.remove_prefix(static_cast<std::size_t>(put));
    if (put < 0 && errno != EINTR) return last_error();
  }
  return lseek(file.get(), 0, SEEK_SET) == 0 ? std::error_code() : last_error();
}

std::error_code spawn(int in, int out, pid_t& child) {
  // Of this process, even where the file was replaced since it started.
  static constexpr const char* kProgram = "/proc/self/exe";
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if (const int error = posix_spawn_file_actions_init(&actions)) return {error, std::system_category()};
  if (const int error = posix_spawnattr_init(&attributes)) {
    posix_spawn_file_actions_destroy(&actions);
    return {error, std::system_category()};
  }
  sigset_t all;
  sigset_t none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  posix_spawn_file_actions_adddup2(&actions, in, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  std::string program = "airtight-auditor";
  std::string command = kProverCommand;
  std::array<char*, 3> arguments{program.data(), command.data(), nullptr};
  std::array<char*, 1> environment{nullptr};
  const int error = posix_spawn(&child, kProgram, &actions, &attributes, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return {error, std::system_category()};
}

std::error_code watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? std::error_code() : last_error();
}

}  // namespace

struct Prover::State {
  Fd epoll;
  Fd timer;
  Fd answer;   // closed once the child has closed its end
  Fd process;  // a pidfd: whoever else reaps children, no other process is ever killed
  bool reaped = false;
  unsigned seconds = 0;
  std::vector<std::string> uplinks;
  std::string bytes;
  std::string why;  // the proof is a failure, whatever comes

  ~State() { end(); }

  void end() {
    if (!process || reaped) return;
    (void)syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
    siginfo_t info{};
    while (waitid(P_PIDFD, static_cast<id_t>(process.get()), &info, WEXITED) != 0 && errno == EINTR) continue;
    reaped = true;
  }

  void fail(std::string reason) {
    if (why.empty()) why = std::move(reason);
    end();
  }

  bool is_late() const {
    pollfd ready{timer.get(), POLLIN, 0};
    return ::poll(&ready, 1, 0) == 1;
  }

  void drain() {
    std::array<char, 65536> buffer{};
    while (answer && why.empty()) {
      const ssize_t got = read(answer.get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return;
      if (got < 0) return fail("the prover's answer cannot be read: " + last_error().message());
      if (got == 0) {
        answer.reset();
        if (const std::error_code error = watch(epoll.get(), process.get())) fail(error.message());
        return;
      }
      bytes.append(buffer.data(), static_cast<std::size_t>(got));
      if (bytes.size() > kMaxAnswer + 4) return fail("the prover's answer is longer than it can be");
    }
  }

  // Once the child has closed its end: how it ended.
  void reap() {
    siginfo_t info{};
    if (waitid(P_PIDFD, static_cast<id_t>(process.get()), &info, WEXITED | WNOHANG) != 0) {
      if (errno == EINTR) return;
      reaped = true;  // by somebody else, who alone knows how it ended: a whole answer says enough
      return;
    }
    if (info.si_pid == 0) return;
    reaped = true;
    if (info.si_code == CLD_EXITED && info.si_status == 0) return;
    if (info.si_code != CLD_EXITED)
      why = "the prover was ended by signal " + std::to_string(info.si_status);
    else
      why = info.si_status == 5 ? "the prover ran out of memory"
                                : "the prover ended with status " + std::to_string(info.si_status);
  }

  Proof proof() const {
    Proof result;
    std::string reason = why;
    std::string_view json;
    if (reason.empty() && !decode_answer(bytes, json)) reason = "the prover's answer is not whole";
    if (reason.empty() && !parse_proof(json, result, reason)) reason = "the prover's answer is wrong: " + reason;
    bool failed = result.outcome == "unreadable" && result.chains.empty();
    if (reason.empty() && !failed && result.chains.size() != uplinks.size())
      reason = "the prover's answer is not about these uplinks";
    if (!reason.empty()) {
      failed = true;
      result = {};
      result.outcome = "unreadable";
      result.opened.push_back(std::move(reason));
    }
    result.chains.resize(uplinks.size());
    for (std::size_t i = 0; i < uplinks.size(); ++i) {
      result.chains[i].uplink = uplinks[i];  // JSON cannot hold every name
      if (failed && !result.opened.empty()) result.chains[i].why = result.opened.front();
    }
    return result;
  }
};

Prover::Prover(std::unique_ptr<State> state) : state_(std::move(state)) {}
Prover::~Prover() = default;
int Prover::fd() const { return state_->epoll.get(); }

std::error_code Prover::start(const std::string& policy_json, const std::vector<std::string>& uplinks,
                              std::vector<RulesetDump> dumps, Date at, unsigned seconds,
                              std::unique_ptr<Prover>& prover) {
  auto state = std::make_unique<State>();
  state->seconds = seconds;
  state->uplinks = uplinks;
  Fd request;
  if (const std::error_code error =
          request_file(encode_request({policy_json, uplinks, std::move(dumps), at, seconds}), request))
    return error;
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return last_error();
  state->answer = Fd(ends[0]);
  Fd theirs(ends[1]);
  if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return last_error();
  state->timer = Fd(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  itimerspec until{};
  until.it_value.tv_sec = static_cast<time_t>(seconds);
  until.it_value.tv_nsec = seconds == 0 ? 1 : 0;
  if (!state->timer || timerfd_settime(state->timer.get(), 0, &until, nullptr) != 0) return last_error();
  state->epoll = Fd(epoll_create1(EPOLL_CLOEXEC));
  if (!state->epoll) return last_error();
  for (const int fd : {state->answer.get(), state->timer.get()})
    if (const std::error_code error = watch(state->epoll.get(), fd)) return error;
  pid_t child = 0;
  if (const std::error_code error = spawn(request.get(), theirs.get(), child)) return error;
  state->process = Fd(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
  if (!state->process) {
    const std::error_code error = last_error();
    kill(child, SIGKILL);
    while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) continue;
    return error;
  }
  prover.reset(new Prover(std::move(state)));
  return {};
}

std::optional<Proof> Prover::poll() {
  State& state = *state_;
  state.drain();
  if (state.why.empty() && !state.answer && !state.reaped) state.reap();
  if (!state.reaped && state.why.empty() && state.is_late())
    state.fail("the prover did not end within " + std::to_string(state.seconds) + " seconds");
  if (!state.reaped) return std::nullopt;
  return state.proof();
}

}  // namespace airtight::audit
