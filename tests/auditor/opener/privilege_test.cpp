// What the two processes can and cannot do, as the kernel tells it. Root only.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "auditor/opener/opener.h"
#include "tests/auditor/opener/apart.h"

namespace airtight::audit {
namespace {

std::string no_capability(pid_t process) {
  std::string text;
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    if (const std::string value = status_line(process, set); value != "0000000000000000") text += set + (" " + value);
  return text.empty() ? "none" : text;
}

std::string errors_of(std::initializer_list<std::pair<const char*, long>> results) {
  std::ostringstream text;
  for (const auto& [name, result] : results) text << name << ' ' << result << '\n';
  return text.str();
}

long error_of(long result) { return result < 0 ? errno : 0; }

TEST_CASE("the agent has no capability, no way to one, and no memory that others may read") {
  if (!has_root("privileges of the agent")) return;
  CHECK(apart([] {
          const auto opener = start_opener({});
          rlimit core{1, 1};
          getrlimit(RLIMIT_CORE, &core);
          std::ostringstream text;
          text << "capabilities " << no_capability(getpid()) << "\nnew privileges "
               << status_line(getpid(), "NoNewPrivs") << "\nseccomp " << status_line(getpid(), "Seccomp")
               << "\ndumpable " << prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) << "\ncore " << core.rlim_cur << ' '
               << core.rlim_max;
          return text.str();
        }) == "capabilities none\nnew privileges 1\nseccomp 2\ndumpable 0\ncore 0 0");
}

TEST_CASE("the opener keeps two capabilities, whatever it was started with") {
  if (!has_root("privileges of the opener")) return;
  const std::string two = "0000000000003000";
  CHECK(apart([] {
          const auto opener = start_opener({});
          const pid_t process = opener_of_this_process();
          std::string text;
          for (const char* line : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs"})
            text += status_line(process, line) + '\n';
          return text;
        }) == two + '\n' + two + '\n' + two + '\n' + two + '\n' + two + "\n1\n");
}

TEST_CASE("the agent becomes whom it was told to, and cannot go back") {
  if (!has_root("change of user")) return;
  CHECK(apart([] {
          OpenerOptions options;
          options.user = "nobody";
          const auto opener = start_opener(options);
          const pid_t self = getpid();
          std::ostringstream text;
          text << status_line(self, "Uid") << '\n'
               << status_line(self, "Gid") << "\ngroups '" << status_line(self, "Groups") << "'\n"
               << no_capability(self) << '\n'
               << error_of(setuid(0)) << ' ' << error_of(setgid(0)) << '\n'
               << status_line(opener_of_this_process(), "Uid") << '\n';
          Fd socket;
          text << opener->open_socket(SocketKind::PacketRaw, socket).value();
          return text.str();
        }) == "65534\t65534\t65534\t65534\n65534\t65534\t65534\t65534\ngroups ''\nnone\n1 1\n0\t0\t0\t0\n0");
}

TEST_CASE("what the agent may not do fails") {
  if (!has_root("forbidden calls")) return;
  CHECK(apart([] {
          const auto opener = start_opener({});
          const int own = open("/proc/self/ns/net", O_RDONLY);
          sockaddr_nl events{};
          events.nl_family = AF_NETLINK;
          events.nl_groups = 1 << 6;
          const int netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
          return errors_of(
              {{"packet", error_of(socket(AF_PACKET, SOCK_RAW, 0))},
               {"raw", error_of(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP))},
               {"events", error_of(bind(netlink, reinterpret_cast<const sockaddr*>(&events), sizeof events))},
               {"setns", error_of(setns(own, CLONE_NEWNET))},
               {"unshare user", error_of(unshare(CLONE_NEWUSER))},
               {"unshare net", error_of(unshare(CLONE_NEWNET))},
               {"clone user", error_of(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0))},
               {"clone net", error_of(syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0))},
               {"clone3", error_of(syscall(SYS_clone3, nullptr, 0))},
               {"mount", error_of(mount(nullptr, nullptr, nullptr, 0, nullptr))},
               {"ptrace", error_of(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr))},
               {"read memory", error_of(syscall(SYS_process_vm_readv, getppid(), nullptr, 0, nullptr, 0, 0))},
               {"bpf", error_of(syscall(SYS_bpf, 0, nullptr, 0))},
               {"perf", error_of(syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0))},
               {"keyctl", error_of(syscall(SYS_keyctl, 0, 0, 0, 0, 0))},
               {"module", error_of(syscall(SYS_init_module, nullptr, 0, ""))},
               {"io_uring", error_of(syscall(SYS_io_uring_setup, 1, nullptr))}});
        }) ==
        "packet 1\nraw 1\nevents 1\nsetns 1\nunshare user 1\nunshare net 1\nclone user 1\nclone net 1\nclone3 38\n"
        "mount 1\nptrace 1\nread memory 1\nbpf 1\nperf 1\nkeyctl 1\nmodule 1\nio_uring 1\n");
}

TEST_CASE("what the agent needs still works: threads, and programs that it starts have no capability either") {
  if (!has_root("allowed calls")) return;
  CHECK(apart([] {
          const auto opener = start_opener({});
          std::string from_thread;
          std::thread([&] { from_thread = no_capability(getpid()); }).join();
          int ends[2];
          if (pipe(ends) != 0) return std::string("no pipe");
          const pid_t child = fork();
          if (child == 0) {
            dup2(ends[1], 1);
            execl("/bin/sh", "sh", "-c", "grep -E 'CapEff|CapPrm|NoNewPrivs' /proc/self/status | tr '\\n' ' '",
                  nullptr);
            _exit(127);
          }
          close(ends[1]);
          char buffer[200];
          const ssize_t size = read(ends[0], buffer, sizeof buffer);
          waitpid(child, nullptr, 0);
          return from_thread + ": " + std::string(buffer, size > 0 ? static_cast<std::size_t>(size) : 0);
        }) == "none: CapPrm:\t0000000000000000 CapEff:\t0000000000000000 NoNewPrivs:\t1 ");
}

TEST_CASE("what the opener lacks is said before anything is started") {
  if (!has_root("missing capabilities")) return;
  const auto started_without = [](std::uint32_t capabilities) {
    return apart([capabilities] {
      __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
      __user_cap_data_struct data[2]{};
      syscall(SYS_capget, &header, data);
      for (std::uint32_t* set : {&data[0].effective, &data[0].permitted, &data[0].inheritable}) *set &= ~capabilities;
      syscall(SYS_capset, &header, data);
      start_opener({});
      return std::string("started");
    });
  };
  const std::string end = ", which this process does not have: Operation not permitted";
  CHECK(started_without(1u << CAP_NET_RAW) == "threw the opener needs CAP_NET_RAW" + end);
  CHECK(started_without(1u << CAP_NET_ADMIN) == "threw the opener needs CAP_NET_ADMIN" + end);
  CHECK(started_without(1u << CAP_NET_RAW | 1u << CAP_NET_ADMIN) ==
        "threw the opener needs CAP_NET_RAW and CAP_NET_ADMIN" + end);
  CHECK(started_without(~(1u << CAP_NET_RAW | 1u << CAP_NET_ADMIN)) == "started");
}

TEST_CASE("without the right to cut the bounding set nothing comes back all the same") {
  if (!has_root("a container's few capabilities")) return;
  CHECK(apart([] {
          __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
          const std::uint32_t two = 1u << CAP_NET_RAW | 1u << CAP_NET_ADMIN;
          const __user_cap_data_struct data[2]{{two, two, 0}, {0, 0, 0}};
          syscall(SYS_capset, &header, data);
          const auto opener = start_opener({});
          const pid_t child = fork();
          if (child == 0) {
            execl("/bin/sh", "sh", "-c", "grep -q 'CapPrm:.0000000000000000' /proc/self/status", nullptr);
            _exit(127);
          }
          int status = 1;
          waitpid(child, &status, 0);
          return status_line(opener_of_this_process(), "CapPrm") + " child " + std::to_string(status);
        }) == "0000000000003000 child 0");
}

TEST_CASE("nothing is given up half: unknown users and running threads stop the start") {
  if (!has_root("refused starts")) return;
  CHECK(apart([] {
          OpenerOptions options;
          options.user = "no-such-user-here";
          start_opener(options);
          return std::string("started");
        }) == "threw there is no user no-such-user-here: No such file or directory");
  CHECK(apart([] {
          int ends[2];
          if (pipe(ends) != 0) return std::string("no pipe");
          std::thread other([&] {
            char byte;
            if (read(ends[0], &byte, 1) < 0) std::abort();
          });
          std::string told = "started";
          try {
            start_opener({});
          } catch (const std::system_error& error) {
            told = error.what();
          }
          close(ends[1]);
          other.join();
          return told;
        }) == "the opener is started before any thread is, and there are some: Device or resource busy");
}

}  // namespace
}  // namespace airtight::audit
