// The agent's side against an opener that is slow, broken or gone.
#include "auditor/opener/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <mutex>
#include <thread>

#include "auditor/opener/message.h"
#include "auditor/opener/passing.h"

namespace airtight::audit {
namespace {

constexpr std::chrono::minutes kLong{5};

struct Pair {
  Pair() {
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    ours = Fd(ends[0]);
    theirs = Fd(ends[1]);
  }
  Fd ours, theirs;
};

std::uint32_t next_id(int socket) {
  std::array<char, kMaxRequest> buffer;
  std::uint32_t id = 0;
  const ssize_t size = recv(socket, buffer.data(), buffer.size(), 0);
  if (size > 0) parse_request({buffer.data(), static_cast<std::size_t>(size)}, id);
  return id;
}

// The error of a call that the opener answers with these bytes behind the number of the question.
std::error_code generation_answered(std::uint32_t error, const std::string& text, int fd = -1) {
  Pair pair;
  const auto client = make_client(std::move(pair.ours), 0, kLong);
  std::thread opener([&] {
    std::string bytes;
    put_u32(bytes, next_id(pair.theirs.get()));
    put_u32(bytes, error);
    send_with_fd(pair.theirs.get(), bytes + text, fd);
  });
  std::uint32_t generation = 77;
  const std::error_code result = client->ruleset_generation(generation);
  opener.join();
  if (result) CHECK(generation == 77);
  return result;
}

TEST_CASE("an answer of the wrong form is an error of its own") {
  using namespace std::string_literals;
  CHECK_FALSE(generation_answered(0, "\0\0\0\1"s));
  CHECK(generation_answered(0, "\0\0\1"s) == std::errc::bad_message);
  CHECK(generation_answered(0, "") == std::errc::bad_message);
  CHECK(generation_answered(0, "\0\0\0\1"s, 0) == std::errc::bad_message);  // a descriptor that nobody asked for
  CHECK(generation_answered(EPERM, "") == std::errc::operation_not_permitted);
  CHECK(generation_answered(4096, "") == std::errc::bad_message);
}

TEST_CASE("a socket that does not come with its answer is an error") {
  Pair pair;
  const auto client = make_client(std::move(pair.ours), 0, kLong);
  std::thread opener([&] { send_with_fd(pair.theirs.get(), encode_reply({next_id(pair.theirs.get()), 0, ""}), -1); });
  Fd socket;
  CHECK(client->open_socket(SocketKind::PacketRaw, socket) == std::errc::bad_message);
  CHECK_FALSE(socket);
  opener.join();
}

TEST_CASE("an opener that is gone is told apart from one that is slow") {
  std::uint32_t generation = 0;
  {
    Pair pair;
    const auto client = make_client(std::move(pair.ours), 0, std::chrono::milliseconds(20));
    CHECK(client->ruleset_generation(generation) == std::errc::timed_out);
    pair.theirs.reset();
    CHECK(client->ruleset_generation(generation) == std::errc::broken_pipe);
    CHECK(client->ruleset_generation(generation) == std::errc::broken_pipe);
  }
  Pair pair;  // gone while it is waited for
  const auto client = make_client(std::move(pair.ours), 0, kLong);
  std::thread opener([&] {
    next_id(pair.theirs.get());
    pair.theirs.reset();
  });
  CHECK(client->ruleset_generation(generation) == std::errc::broken_pipe);
  opener.join();
}

TEST_CASE("an answer that comes after its call was given up is not the next one's") {
  Pair pair;
  const auto client = make_client(std::move(pair.ours), 0, std::chrono::milliseconds(20));
  std::uint32_t generation = 0;
  REQUIRE(client->ruleset_generation(generation) == std::errc::timed_out);
  const std::uint32_t late = next_id(pair.theirs.get());
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  Fd reading(ends[0]), writing(ends[1]);
  REQUIRE(send_with_fd(pair.theirs.get(), encode_reply({late, 0, std::string("\0\0\0\x9", 4)}), writing.get()));
  writing.reset();
  // Whatever the number of the next question, its answer is already there.
  REQUIRE(send_with_fd(pair.theirs.get(), encode_reply({late + 1, 0, std::string("\0\0\0\5", 4)}), -1));
  CHECK_FALSE(client->ruleset_generation(generation));
  CHECK(generation == 5);
  char byte;
  CHECK(read(reading.get(), &byte, 1) == 0);  // the late descriptor was closed
}

TEST_CASE("a call that waits for another one's answer gives up in its own time") {
  Pair pair;
  const auto client = make_client(std::move(pair.ours), 0, std::chrono::milliseconds(50));
  std::mutex mutex;
  std::vector<std::error_code> errors;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      std::uint32_t generation = 0;
      const std::error_code error = client->ruleset_generation(generation);
      const std::lock_guard lock(mutex);
      errors.push_back(error);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(errors == std::vector<std::error_code>(8, std::make_error_code(std::errc::timed_out)));
}

TEST_CASE("a question that finds no room is given up in time") {
  Pair pair;
  const int small = 1;
  REQUIRE(setsockopt(pair.ours.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
  const auto client = make_client(std::move(pair.ours), 0, std::chrono::milliseconds(5));
  std::uint32_t generation = 0;
  for (int i = 0; i < 40; ++i) REQUIRE(client->ruleset_generation(generation) == std::errc::timed_out);
}

TEST_CASE("descriptors that find no place here are an error, and the next answer is read") {
  Pair pair;
  const auto client = make_client(std::move(pair.ours), 0, kLong);
  std::thread opener([&] {
    const std::uint32_t id = next_id(pair.theirs.get());
    int fds[3] = {0, 1, 2};
    iovec part{};
    std::string bytes = encode_reply({id, 0, ""});
    part = {bytes.data(), bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof fds)] = {};
    msghdr envelope{};
    envelope.msg_iov = &part;
    envelope.msg_iovlen = 1;
    envelope.msg_control = control;
    envelope.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&envelope);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fds);
    std::copy(std::begin(fds), std::end(fds), reinterpret_cast<int*>(CMSG_DATA(header)));
    sendmsg(pair.theirs.get(), &envelope, 0);
    send_with_fd(pair.theirs.get(), encode_reply({next_id(pair.theirs.get()), 0, std::string("\0\0\0\1", 4)}), -1);
  });
  Fd socket;
  CHECK(client->open_socket(SocketKind::PacketRaw, socket) == std::errc::too_many_files_open);
  CHECK_FALSE(socket);
  std::uint32_t generation = 0;
  CHECK_FALSE(client->ruleset_generation(generation));
  CHECK(generation == 1);
  opener.join();
}

TEST_CASE("the first word of the opener is waited for, and is why there is none") {
  const auto failure = [](const std::function<void(int)>& opener, std::chrono::milliseconds patience) {
    Pair pair;
    opener(pair.theirs.get());
    try {
      await_ready(pair.ours.get(), patience);
    } catch (const std::system_error& error) {
      return std::string(error.what());
    }
    return std::string("ready");
  };
  CHECK(failure([](int socket) { send_with_fd(socket, encode_reply({kReadyId, 0, ""}), -1); }, kLong) == "ready");
  CHECK(failure(
            [](int socket) {
              send_with_fd(socket, encode_reply({kReadyId, EPERM, "no way"}), -1);
            },
            kLong) == "no way: Operation not permitted");
  CHECK(failure([](int socket) { shutdown(socket, SHUT_RDWR); }, kLong) == "the opener did not start: Broken pipe");
  CHECK(failure([](int) {}, std::chrono::milliseconds(5)) == "the opener did not start: Connection timed out");
  CHECK(failure([](int socket) { send_with_fd(socket, "junk", -1); }, kLong) ==
        "the opener did not start: Bad message");
}

}  // namespace
}  // namespace airtight::audit
