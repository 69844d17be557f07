#include "auditor/opener/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

#include "auditor/opener/message.h"
#include "auditor/opener/passing.h"

namespace airtight::audit {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kEndPatience = 2000;  // milliseconds; the opener ends as soon as we close

// Until something waits at the socket: 0, or an error.
std::error_code wait_for(int socket, short what, SteadyClock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now());
    if (left.count() <= 0) return std::make_error_code(std::errc::timed_out);
    pollfd waiting{socket, what, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(std::min<long long>(left.count(), 60'000)));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return {errno, std::system_category()};
  }
}

std::error_code receive_reply(int socket, std::uint32_t id, SteadyClock::time_point deadline, Reply& reply, Fd& fd) {
  std::string bytes;
  for (;;) {
    if (const std::error_code error = wait_for(socket, POLLIN, deadline)) return error;
    fd.reset();
    const std::error_code error = receive_with_fd(socket, bytes, fd);
    if (error == std::errc::operation_would_block) continue;
    if (error == std::errc::bad_message || error == std::errc::broken_pipe) return error;
    const std::optional<Reply> parsed = parse_reply(bytes);
    if (!parsed) return std::make_error_code(std::errc::bad_message);
    if (parsed->id != id) continue;  // of a call that was given up
    if (error) return error;
    reply = *parsed;
    return {};
  }
}

class Client final : public Opener {
 public:
  Client(Fd socket, pid_t process, std::chrono::milliseconds patience)
      : socket_(std::move(socket)), process_(process), patience_(patience) {}

  ~Client() override {
    socket_.reset();
    if (process_ == 0) return;
    const Fd process(static_cast<int>(syscall(SYS_pidfd_open, process_, 0)));
    pollfd ended{process.get(), POLLIN, 0};
    if (process) poll(&ended, 1, kEndPatience);
    waitpid(process_, nullptr, WNOHANG);
  }

  std::error_code open_socket(SocketKind kind, Fd& socket) override {
    Request request;
    request.operation = Operation::OpenSocket;
    request.kind = kind;
    return ask_for_fd(request, socket);
  }

  std::error_code ruleset_generation(std::uint32_t& generation) override {
    Request request;
    request.operation = Operation::RulesetGeneration;
    std::string text;
    if (const std::error_code error = ask_for_text(request, text)) return error;
    if (text.size() != 4) return std::make_error_code(std::errc::bad_message);
    generation = get_u32(text);
    return {};
  }

  std::error_code counters(std::string_view family, std::string_view table, std::string& json) override {
    Request request;
    request.operation = Operation::Counters;
    request.family = family;
    request.table = table;
    return ask_for_text(request, json);
  }

  std::error_code read_rulesets(Fd& stream) override {
    Request request;
    request.operation = Operation::ReadRulesets;
    return ask_for_fd(request, stream);
  }

  std::error_code program_name(std::uint32_t id, std::string& name) override {
    Request request;
    request.operation = Operation::ProgramName;
    request.number = id;
    return ask_for_text(request, name);
  }

  std::error_code device_programs(std::uint32_t index, std::vector<std::uint32_t>& ids) override {
    Request request;
    request.operation = Operation::DevicePrograms;
    request.number = index;
    std::string text;
    if (const std::error_code error = ask_for_text(request, text)) return error;
    if (text.size() % 4 != 0) return std::make_error_code(std::errc::bad_message);
    ids.clear();
    for (std::size_t at = 0; at < text.size(); at += 4) ids.push_back(get_u32(std::string_view(text).substr(at)));
    return {};
  }

 private:
  std::error_code ask(Request& request, Reply& reply, Fd& fd) {
    const SteadyClock::time_point deadline = SteadyClock::now() + patience_;
    const std::unique_lock lock(mutex_, deadline);
    if (!lock.owns_lock()) return std::make_error_code(std::errc::timed_out);
    if (++last_id_ == kReadyId) ++last_id_;
    request.id = last_id_;
    const std::string bytes = encode_request(request);
    while (send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
      if (errno == EPIPE || errno == ECONNRESET) return std::make_error_code(std::errc::broken_pipe);
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return {errno, std::system_category()};
      if (const std::error_code error = wait_for(socket_.get(), POLLOUT, deadline)) return error;
    }
    if (const std::error_code error = receive_reply(socket_.get(), request.id, deadline, reply, fd)) return error;
    return {reply.error, std::system_category()};
  }

  std::error_code ask_for_text(Request& request, std::string& text) {
    Reply reply;
    Fd none;
    if (const std::error_code error = ask(request, reply, none)) return error;
    if (none) return std::make_error_code(std::errc::bad_message);
    text = std::move(reply.text);
    return {};
  }

  std::error_code ask_for_fd(Request& request, Fd& fd) {
    Reply reply;
    Fd received;
    if (const std::error_code error = ask(request, reply, received)) return error;
    if (!received) return std::make_error_code(std::errc::bad_message);
    fd = std::move(received);
    return {};
  }

  Fd socket_;
  const pid_t process_;
  const std::chrono::milliseconds patience_;
  std::timed_mutex mutex_;
  std::uint32_t last_id_ = kReadyId;
};

}  // namespace

std::unique_ptr<Opener> make_client(Fd socket, pid_t process, std::chrono::milliseconds patience) {
  return std::make_unique<Client>(std::move(socket), process, patience);
}

void await_ready(int socket, std::chrono::milliseconds patience) {
  Reply reply;
  Fd none;
  if (const std::error_code error = receive_reply(socket, kReadyId, SteadyClock::now() + patience, reply, none))
    throw std::system_error(error, "the opener did not start");
  if (reply.error != 0) throw std::system_error(reply.error, std::generic_category(), reply.text);
}

}  // namespace airtight::audit
