// The opener's end, and an agent that has turned against it. Root only.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstring>
#include <sstream>
#include <thread>

#include "auditor/opener/client.h"
#include "auditor/opener/message.h"
#include "auditor/opener/passing.h"
#include "auditor/opener/serve.h"
#include "tests/auditor/opener/apart.h"

namespace airtight::audit {
namespace {

std::string generation_of(Opener& opener) {
  std::uint32_t generation = 0;
  return opener.ruleset_generation(generation).message();
}

TEST_CASE("the opener ends with the last word of the agent, and is reaped") {
  if (!has_root("end by closing")) return;
  CHECK(apart([] {
          auto opener = start_opener({});
          const pid_t process = opener_of_this_process();
          opener.reset();
          return std::string(process != 0 && kill(process, 0) != 0 && errno == ESRCH ? "gone" : "still there");
        }) == "gone");
}

TEST_CASE("the opener does not outlive an agent that is killed, with or without its user") {
  if (!has_root("end by a killed agent")) return;
  for (const char* user : {"", "nobody"}) {
    CHECK(apart([user] {
            int ends[2];
            if (pipe(ends) != 0) return std::string("no pipe");
            const pid_t agent = fork();
            if (agent == 0) {
              OpenerOptions options;
              options.user = user;
              const auto opener = start_opener(options);
              const pid_t process = opener_of_this_process();
              if (write(ends[1], &process, sizeof process) < 0) _exit(1);
              for (;;) pause();
            }
            pid_t process = 0;
            if (read(ends[0], &process, sizeof process) != sizeof process) return std::string("no opener");
            if (status_line(process, "Name") != "airtight-opener") return std::string("no opener");
            kill(agent, SIGKILL);
            waitpid(agent, nullptr, 0);
            return std::string(has_ended(process) ? "ended" : "still there");
          }) == "ended");
  }
}

TEST_CASE("signals that the terminal or the service manager sends to the whole group do not end the opener") {
  if (!has_root("signals")) return;
  CHECK(apart([] {
          RootShell root;
          const auto opener = start_opener({});
          const std::string process = std::to_string(opener_of_this_process());
          std::string text;
          for (const char* name : {"TERM", "INT", "HUP", "QUIT", "PIPE", "USR1", "USR2"}) {
            text += root.run("kill -" + std::string(name) + ' ' + process) + ' ';
            text += generation_of(*opener);
          }
          return text;
        }) == " Success Success Success Success Success Success Success");
}

TEST_CASE("an opener that was killed is a broken pipe, in every call") {
  if (!has_root("killed opener")) return;
  CHECK(apart([] {
          RootShell root;
          const auto opener = start_opener({});
          const pid_t process = opener_of_this_process();
          std::string text = generation_of(*opener);
          text += root.run("kill -KILL " + std::to_string(process));
          has_ended(process);
          Fd fd;
          std::string string;
          text += ", " + generation_of(*opener);
          text += ", " + opener->open_socket(SocketKind::PacketRaw, fd).message();
          text += ", " + opener->counters("inet", "airtight", string).message();
          text += ", " + opener->read_rulesets(fd).message();
          text += ", " + opener->program_name(1, string).message();
          std::vector<std::uint32_t> ids;
          text += ", " + opener->device_programs(1, ids).message();
          return text;
        }) == "Success, Broken pipe, Broken pipe, Broken pipe, Broken pipe, Broken pipe, Broken pipe");
}

TEST_CASE("an opener that hangs is a time-out, and what it answers later is not mixed up") {
  if (!has_root("stopped opener")) return;
  CHECK(apart([] {
          RootShell root;
          int ends[2];
          if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return std::string("no pair");
          const pid_t agent = getpid();
          const pid_t process = fork();
          if (process == 0) {
            close(ends[0]);
            opener_main(Fd(ends[1]), agent, "");
          }
          close(ends[1]);
          await_ready(ends[0], std::chrono::minutes(1));
          const auto opener = make_client(Fd(ends[0]), process, std::chrono::milliseconds(300));
          const std::string number = std::to_string(process);
          root.run("kill -STOP " + number);
          std::string json;
          std::string text = opener->counters("inet", "airtight", json).message();
          root.run("kill -CONT " + number);
          std::uint32_t generation = 0;
          std::error_code error;
          for (int i = 0; i < 100; ++i)
            if (error = opener->ruleset_generation(generation); error != std::errc::timed_out) break;
          return text + ", " + error.message();
        }) == "Connection timed out, Success");
}

TEST_CASE("many threads ask at once and each gets its own answer") {
  if (!has_root("threads")) return;
  CHECK(apart([] {
          RootShell root;
          root.run("nft add table inet a; nft add counter inet a c; nft add table inet b; nft add counter inet b c");
          const auto opener = start_opener({});
          std::array<int, 4> wrong{};
          std::vector<std::thread> threads;
          for (std::size_t number = 0; number < wrong.size(); ++number) {
            threads.emplace_back([&, number] {
              const std::string table(1, number % 2 == 0 ? 'a' : 'b');
              for (int i = 0; i < 20; ++i) {
                std::string json;
                Fd socket;
                const bool right = !opener->counters("inet", table, json) &&
                                   json.find("\"table\": \"" + table + "\"") != std::string::npos &&
                                   !opener->open_socket(SocketKind::PacketRaw, socket) && socket;
                wrong[number] += right ? 0 : 1;
              }
            });
          }
          for (std::thread& thread : threads) thread.join();
          std::ostringstream text;
          for (const int count : wrong) text << count << ' ';
          return text.str();
        }) == "0 0 0 0 ");
}

// An opener without a client: what a hostile agent has in its hands.
class BareOpener {
 public:
  BareOpener() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) throw std::runtime_error("no pair");
    const pid_t agent = getpid();
    process_ = fork();
    if (process_ == 0) {
      close(ends[0]);
      opener_main(Fd(ends[1]), agent, "");
    }
    close(ends[1]);
    socket_ = Fd(ends[0]);
    await_ready(socket_.get(), std::chrono::minutes(1));
  }
  ~BareOpener() {
    socket_.reset();
    waitpid(process_, nullptr, 0);
  }
  BareOpener(const BareOpener&) = delete;
  BareOpener& operator=(const BareOpener&) = delete;

  bool send_now(std::string_view bytes) {
    return ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
  }
  // "7 Invalid argument", with a descriptor "7 Success fd", or why there is none.
  std::string hear() {
    Fd fd;
    std::string bytes;
    for (;;) {
      const std::error_code error = receive_with_fd(socket_.get(), bytes, fd);
      if (error == std::errc::operation_would_block) {
        usleep(1000);
        continue;
      }
      if (error) return error.message();
      const auto reply = parse_reply(bytes);
      if (!reply) return "no reply";
      return std::to_string(reply->id) + ' ' + std::error_code(reply->error, std::generic_category()).message() +
             (fd ? " fd" : "");
    }
  }
  int socket() const { return socket_.get(); }
  pid_t process() const { return process_; }

 private:
  Fd socket_;
  pid_t process_ = 0;
};

std::string request(Operation operation, std::uint32_t id) {
  Request made;
  made.id = id;
  made.operation = operation;
  made.kind = SocketKind::RulesetEvents;  // the kernel takes long to close those of packets
  made.family = "inet";
  made.table = "airtight";
  return encode_request(made);
}

TEST_CASE("hostile requests are refused one by one, and the next good one is answered") {
  if (!has_root("hostile requests")) return;
  CHECK(apart([] {
          BareOpener opener;
          std::ostringstream text;
          using namespace std::string_literals;
          for (const std::string& bytes : {"x"s, "\0\0\0\1"s, "\0\0\0\1\0"s, "\0\0\0\1\xff"s, "\0\0\0\1\1\x63"s,
                                           "\0\0\0\1\3inet a; flush ruleset"s,
                                           "\0\0\0\1\3inet "s + std::string(10'000, 'a'), std::string(100'000, '\1')}) {
            if (!opener.send_now(bytes)) text << "not sent ";
            text << opener.hear() << '\n';
          }
          opener.send_now(request(Operation::RulesetGeneration, 2));
          text << opener.hear();
          return text.str();
        }) ==
        "0 Invalid argument\n1 Invalid argument\n1 Invalid argument\n1 Invalid argument\n1 Invalid argument\n1 "
        "Invalid argument\n1 Invalid argument\n16843009 Invalid argument\n2 Success");
}

TEST_CASE("descriptors that are sent to the opener do not stay there") {
  if (!has_root("descriptors as a flood")) return;
  CHECK(apart([] {
          BareOpener opener;
          RootShell root;
          const std::string count = "ls /proc/" + std::to_string(opener.process()) + "/fd | wc -l";
          const std::string before = root.run(count);
          for (std::uint32_t i = 1; i <= 2000; ++i) {
            send_with_fd(opener.socket(), request(Operation::OpenSocket, i), opener.socket());
            const std::string answer = opener.hear();
            if (answer != std::to_string(i) + " Success fd") return answer;
          }
          return std::string(root.run(count) == before ? "none left" : "some left");
        }) == "none left");
}

TEST_CASE("a flood is answered in order as far as there is room, and holds up nobody's end") {
  if (!has_root("flood")) return;
  for (const Operation operation : {Operation::RulesetGeneration, Operation::OpenSocket, Operation::Counters}) {
    CHECK(apart([operation] {
            BareOpener opener;
            std::uint32_t sent = 0;
            for (int i = 0; i < 100'000; ++i) sent += opener.send_now(request(operation, sent + 1)) ? 1u : 0u;
            for (std::uint32_t i = 1; i <= sent; ++i) {
              const std::string answer = opener.hear();
              if (answer.rfind(std::to_string(i) + ' ', 0) != 0) return answer + " instead of " + std::to_string(i);
            }
            const bool many = sent > 50;
            for (int i = 0; i < 100'000; ++i) opener.send_now(request(operation, 1));
            return std::string(many ? "in order" : "hardly any");
          }) == "in order");
  }
}

TEST_CASE("an empty message is the end, as closing is") {
  if (!has_root("empty message")) return;
  CHECK(apart([] {
          BareOpener opener;
          opener.send_now("");
          return opener.hear();
        }) == "Broken pipe");
}

}  // namespace
}  // namespace airtight::audit
