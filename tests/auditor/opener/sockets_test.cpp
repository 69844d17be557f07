// Sockets that the opener makes are what they say. Root only.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstring>
#include <sstream>

#include "auditor/opener/opener.h"
#include "tests/auditor/opener/apart.h"

namespace airtight::audit {
namespace {

int option(const Fd& socket, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(socket.get(), SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

std::string about(const Fd& socket) {
  std::ostringstream text;
  text << option(socket, SO_DOMAIN) << ' ' << option(socket, SO_TYPE) << ' ' << option(socket, SO_PROTOCOL) << " mark "
       << option(socket, SO_MARK) << (fcntl(socket.get(), F_GETFD) == FD_CLOEXEC ? " cloexec" : "")
       << ((fcntl(socket.get(), F_GETFL) & O_NONBLOCK) != 0 ? " nonblocking" : "") << '\n';
  return text.str();
}

std::string expected(int domain, int type, int protocol, std::uint32_t mark, const std::string& more = "") {
  return std::to_string(domain) + ' ' + std::to_string(type) + ' ' + std::to_string(protocol) + " mark " +
         std::to_string(mark) + " cloexec" + more + '\n';
}

TEST_CASE("every kind of socket is what it says") {
  if (!has_root("kinds of sockets")) return;
  CHECK(apart([] {
          const auto opener = start_opener({});
          std::string text;
          for (const SocketKind kind :
               {SocketKind::PacketRaw, SocketKind::PacketCooked, SocketKind::PacketMarked, SocketKind::RulesetEvents}) {
            Fd socket;
            const std::error_code error = opener->open_socket(kind, socket);
            text += error ? error.message() : about(socket);
          }
          return text;
        }) == expected(AF_PACKET, SOCK_RAW, 0, 0) + expected(AF_PACKET, SOCK_DGRAM, 0, 0) +
                  expected(AF_PACKET, SOCK_RAW, 0, kCanaryMark) +
                  expected(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, 0, " nonblocking"));
}

TEST_CASE("an agent without capabilities binds, sends and receives with the packet socket that it was given") {
  if (!has_root("use of packet sockets")) return;
  CHECK(apart([] {
          RootShell root;
          std::string text =
              root.run("ip link add name out0 type veth peer name in0 && ip link set out0 up && ip link set in0 up");
          const auto opener = start_opener({});
          Fd in, out;
          if (opener->open_socket(SocketKind::PacketRaw, in) || opener->open_socket(SocketKind::PacketMarked, out))
            return std::string("no socket");
          char frame[60] = {};
          if (recv(in.get(), frame, sizeof frame, MSG_DONTWAIT) >= 0 || errno != EAGAIN) text += "not silent, ";
          sockaddr_ll at{};
          at.sll_family = AF_PACKET;
          at.sll_protocol = htons(0x88b5);
          at.sll_ifindex = static_cast<int>(if_nametoindex("in0"));
          if (bind(in.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) text += "not bound, ";
          at.sll_ifindex = static_cast<int>(if_nametoindex("out0"));
          std::memcpy(frame + 12, "\x88\xb5hello", 7);
          // The kernel lets nothing through until it has noticed that the link is up.
          pollfd arrived{in.get(), POLLIN, 0};
          for (int i = 0; i < 1000 && poll(&arrived, 1, 10) == 0; ++i)
            sendto(out.get(), frame, sizeof frame, 0, reinterpret_cast<const sockaddr*>(&at), sizeof at);
          char got[100] = {};
          if (recv(in.get(), got, sizeof got, MSG_DONTWAIT) != sizeof frame) text += "not received, ";
          return text + (got + 14);
        }) == "hello");
}

TEST_CASE("changes of the ruleset are heard, by a large buffer, and nothing else is") {
  if (!has_root("events")) return;
  CHECK(apart([] {
          RootShell root;
          const auto opener = start_opener({});
          Fd events;
          if (const auto error = opener->open_socket(SocketKind::RulesetEvents, events)) return error.message();
          char buffer[8192];
          const auto hear = [&] { return recv(events.get(), buffer, sizeof buffer, 0) > 0 ? "heard " : "silent "; };
          std::string text = option(events, SO_RCVBUF) >= 8 << 20 ? "large " : "small ";
          text += hear();
          root.run("ip link add name other0 type dummy");
          text += hear();
          text += root.run("nft add table inet x");
          text += hear();
          return text;
        }) == "large silent silent heard ");
}

// A process in a network namespace of its own, where 192.0.2.7 is an address.
class Pod {
 public:
  Pod() {
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("no pipe");
    process_ = fork();
    if (process_ == 0) {
      char done = unshare(CLONE_NEWNET) == 0 && std::system(
                                                    "ip link set lo up && ip address add 192.0.2.7/32 dev lo && "
                                                    "ip address add 2001:db8::7/128 dev lo nodad") == 0
                      ? 'y'
                      : 'n';
      if (write(ends[1], &done, 1) < 0) _exit(1);
      for (;;) pause();
    }
    char done = 'n';
    if (read(ends[0], &done, 1) != 1 || done != 'y') throw std::runtime_error("no pod");
    close(ends[0]);
    close(ends[1]);
  }
  ~Pod() {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  Pod(const Pod&) = delete;
  Pod& operator=(const Pod&) = delete;
  std::string path() const { return "/proc/" + std::to_string(process_) + "/ns/net"; }

 private:
  pid_t process_ = 0;
};

std::uint64_t namespace_of(const Fd& socket) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size);
  return cookie;
}

int bind4(int socket) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  inet_pton(AF_INET, "192.0.2.7", &at.sin_addr);
  return bind(socket, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 ? 0 : errno;
}

int bind6(int socket) {
  sockaddr_in6 at{};
  at.sin6_family = AF_INET6;
  inet_pton(AF_INET6, "2001:db8::7", &at.sin6_addr);
  return bind(socket, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 ? 0 : errno;
}

TEST_CASE("the pod's sockets are in the pod's namespace, and the opener stays in its own") {
  if (!has_root("pod sockets")) return;
  CHECK(apart([] {
          RootShell root;
          const Pod pod;
          OpenerOptions options;
          options.pod_namespace = pod.path();
          const auto opener = start_opener(options);
          Fd pod4, pod6;
          if (opener->open_socket(SocketKind::PodUdp4, pod4) || opener->open_socket(SocketKind::PodUdp6, pod6))
            return std::string("no socket");
          std::ostringstream text;
          text << about(pod4) << about(pod6) << "bound " << bind4(pod4.get()) << ' ' << bind6(pod6.get()) << '\n';
          const Fd own(socket(AF_INET, SOCK_DGRAM, 0));
          Fd packet, events;
          if (opener->open_socket(SocketKind::PacketRaw, packet) ||
              opener->open_socket(SocketKind::RulesetEvents, events))
            return std::string("no socket");
          for (const Fd* socket : {&pod4, &pod6, &packet, &events})
            text << (namespace_of(*socket) == namespace_of(own) ? "own " : "other ");
          const std::string process = std::to_string(opener_of_this_process());
          text << root.run("test $(readlink /proc/self/ns/net) = $(readlink /proc/" + process +
                           "/ns/net) && echo at home");
          return text.str();
        }) == expected(AF_INET, SOCK_DGRAM, IPPROTO_UDP, 0) + expected(AF_INET6, SOCK_DGRAM, IPPROTO_UDP, 0) +
                  "bound 0 0\nother other own own at home");
}

TEST_CASE("without a pod namespace there is no socket of it") {
  if (!has_root("no pod sockets")) return;
  CHECK(apart([] {
          const auto opener = start_opener({});
          Fd socket;
          return opener->open_socket(SocketKind::PodUdp4, socket).message() + ", " +
                 opener->open_socket(SocketKind::PodUdp6, socket).message();
        }) == "Network is unreachable, Network is unreachable");
}

TEST_CASE("a pod namespace that is none, or the node's own, stops the start with the reason") {
  if (!has_root("wrong pod namespaces")) return;
  const auto started_with = [](const std::string& path) {
    return apart([&path] {
      OpenerOptions options;
      options.pod_namespace = path;
      start_opener(options);
      return std::string("started");
    });
  };
  CHECK(started_with("/proc/self/ns/net") ==
        "threw the pod namespace /proc/self/ns/net is the node's own: what is sent from there shows nothing about "
        "pods: Invalid argument");
  CHECK(started_with("/nowhere") == "threw the pod namespace /nowhere cannot be opened: No such file or directory");
  CHECK(started_with("/dev/null") == "threw the pod namespace /dev/null cannot be entered: Invalid argument");
  CHECK(started_with("/proc/self/ns/mnt") ==
        "threw the pod namespace /proc/self/ns/mnt cannot be entered: Invalid argument");
}

}  // namespace
}  // namespace airtight::audit
