#include "auditor/opener/serve.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <set>
#include <system_error>

#include "auditor/opener/confine.h"
#include "auditor/opener/device_programs.h"
#include "auditor/opener/message.h"
#include "auditor/opener/netfilter_netlink.h"
#include "auditor/opener/passing.h"
#include "auditor/opener/rulesets.h"
#include "auditor/opener/sockets.h"

namespace airtight::audit {
namespace {

constexpr int kSocket = 3;               // where our end of the pair is put
constexpr std::size_t kMostReaders = 2;  // of rulesets at a time
constexpr int kReplyBuffer = 1 << 20;

void use_signals() {
  for (int number = 1; number < NSIG; ++number)
    if (number != SIGKILL && number != SIGSTOP) signal(number, SIG_DFL);
  // The terminal or the service manager means the agent, which stops us by closing.
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE}) signal(number, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Nothing of the agent's but our end of the pair and standard error.
void leave_the_agent(Fd& socket, pid_t agent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (getppid() != agent) _exit(0);
  prctl(PR_SET_NAME, "airtight-opener", 0, 0, 0);
  use_signals();
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
    throw std::system_error(errno, std::system_category(), "/dev/null");
  if (socket.get() != kSocket) {
    if (dup3(socket.get(), kSocket, O_CLOEXEC) < 0)
      throw std::system_error(errno, std::system_category(), "the socket");
    socket = Fd(kSocket);
  }
  close_range(kSocket + 1, ~0U, 0);
  if (chdir("/") != 0) throw std::system_error(errno, std::system_category(), "/");
}

int bpf(bpf_cmd command, bpf_attr& attributes) {
  return static_cast<int>(syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

// Empty where the kernel does not say: it asks for CAP_SYS_ADMIN, on all versions so far.
std::string name_of_program(std::uint32_t id) {
  bpf_attr by_id{};
  by_id.prog_id = id;
  const Fd program(bpf(BPF_PROG_GET_FD_BY_ID, by_id));
  if (!program) return {};
  bpf_prog_info info{};
  bpf_attr about{};
  about.info.bpf_fd = static_cast<std::uint32_t>(program.get());
  about.info.info_len = sizeof info;
  about.info.info = reinterpret_cast<std::uintptr_t>(&info);
  if (bpf(BPF_OBJ_GET_INFO_BY_FD, about) != 0) return {};
  return {info.name, strnlen(info.name, sizeof info.name)};
}

class Server {
 public:
  Server(Fd socket, SocketMaker sockets) : socket_(std::move(socket)), sockets_(std::move(sockets)) {}

  [[noreturn]] void run() {
    for (;;) {
      std::array<char, kMaxRequest + 1> buffer;
      // A descriptor that somebody sends along is closed by the kernel: there is no room for it.
      const ssize_t size = recv(socket_.get(), buffer.data(), buffer.size(), 0);
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) _exit(0);
      Fd passed;
      Reply reply;
      const auto request = parse_request({buffer.data(), static_cast<std::size_t>(size)}, reply.id);
      if (request) {
        reply.error = answer(*request, reply.text, passed).value();
      } else {
        reply.error = EINVAL;
      }
      if (reply.error != 0) {
        reply.text.clear();
        passed.reset();
      }
      if (!send_with_fd(socket_.get(), encode_reply(reply), passed.get())) {
        if (errno == EPIPE || errno == ECONNRESET) _exit(0);
        // Too many descriptors under way, or no memory: the answer is that.
        if (!send_with_fd(socket_.get(), encode_reply({reply.id, errno, ""}), -1)) _exit(1);
      }
    }
  }

 private:
  std::error_code answer(const Request& request, std::string& text, Fd& passed) {
    switch (request.operation) {
      case Operation::OpenSocket:
        return sockets_.make(request.kind, passed);
      case Operation::RulesetGeneration: {
        std::uint32_t generation = 0;
        const std::error_code error = netlink_.generation(generation);
        put_u32(text, generation);
        return error;
      }
      case Operation::Counters:
        return netlink_.counters(request.family, *nft_family(request.family), request.table, text);
      case Operation::ReadRulesets:
        return start_reader(passed);
      case Operation::ProgramName:
        text = name_of_program(request.number);
        return {};
      case Operation::DevicePrograms: {
        std::vector<std::uint32_t> ids;
        const std::error_code error = device_programs(request.number, ids);
        for (const std::uint32_t id : ids) put_u32(text, id);
        return error;
      }
    }
    return std::make_error_code(std::errc::invalid_argument);
  }

  std::error_code start_reader(Fd& stream) {
    std::erase_if(readers_, [](pid_t reader) { return waitpid(reader, nullptr, WNOHANG) != 0; });
    if (readers_.size() >= kMostReaders) return std::make_error_code(std::errc::device_or_resource_busy);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return {errno, std::system_category()};
    stream = Fd(ends[0]);
    Fd out(ends[1]);
    const pid_t self = getpid();
    const pid_t reader = fork();
    if (reader < 0) return {errno, std::system_category()};
    if (reader == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
      if (getppid() != self) _exit(1);
      signal(SIGPIPE, SIG_DFL);
      if (dup2(out.get(), 1) < 0) _exit(1);
      close_range(kSocket, ~0U, 0);
      write_rulesets(1);
    }
    readers_.insert(reader);
    return {};
  }

  Fd socket_;
  SocketMaker sockets_;
  NetfilterNetlink netlink_;
  std::set<pid_t> readers_;
};

}  // namespace

void opener_main(Fd socket, pid_t agent, const std::string& pod_namespace) {
  SocketMaker sockets;
  try {
    leave_the_agent(socket, agent);
    setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kReplyBuffer, sizeof kReplyBuffer);
    sockets.enter(pod_namespace);
    confine_opener();
    Fd packet;
    if (const std::error_code error = sockets.make(SocketKind::PacketRaw, packet))
      throw std::system_error(error, "the opener cannot open packet sockets in this network namespace");
  } catch (const std::system_error& error) {
    std::string what = error.what();  // with the message of the code at its end, which the agent adds again
    what.resize(what.size() - std::min(what.size(), error.code().message().size() + 2));
    const Reply reply{kReadyId, error.code().value(), what};
    send_with_fd(socket.get(), encode_reply(reply), -1);
    _exit(1);
  }
  if (!send_with_fd(socket.get(), encode_reply({kReadyId, 0, ""}), -1)) _exit(1);
  Server(std::move(socket), std::move(sockets)).run();
}

}  // namespace airtight::audit
