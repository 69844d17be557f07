#include "auditor/probe/address.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <set>

namespace airtight::audit {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPause = 10;                        // milliseconds between two readings
constexpr std::chrono::milliseconds kGrace{100};  // for an answer, once the counter rose: the rise may be another's
// "invalid", type A (RFC 6761 §6.4): what listens there has something to answer.
constexpr std::array<std::uint8_t, 25> kQuestion{0x61, 0x74, 0x01, 0,   0,   1,   0,   0, 0, 0, 0, 0, 7,
                                                 'i',  'n',  'v',  'a', 'l', 'i', 'd', 0, 0, 1, 0, 1};

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string error_text(int error) {
  const char* name = ::strerrorname_np(error);
  return (name == nullptr ? "error " + std::to_string(error) : name) + (": " + std::string(::strerror(error)));
}

bool unreachable(int error) {
  return error == ENETUNREACH || error == EHOSTUNREACH || error == EADDRNOTAVAIL || error == EAFNOSUPPORT ||
         error == ENETDOWN;
}

int connect_to(int socket, Ip address, std::uint16_t port) {
  if (address.is_v4()) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(address.v4_bits());
    return ::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 ? 0 : errno;
  }
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(port);
  u128 bits = address.bits();
  for (std::size_t i = 16; i > 0; --i, bits >>= 8) to.sin6_addr.s6_addr[i - 1] = static_cast<std::uint8_t>(bits & 0xff);
  return ::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 ? 0 : errno;
}

// What came back by now: 0 nothing, EISCONN an answer or a connection, else the error.
int came_back(int socket, bool tcp, int wait) {
  pollfd one{socket, static_cast<short>(tcp ? POLLOUT : POLLIN), 0};
  if (::poll(&one, 1, wait) <= 0 || one.revents == 0) return 0;
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error == 0 ? EISCONN : error;
}

Attempt refused() {
  return {Attempt::Kind::Succeeded, true, "refused by the other end, or in its name: " + error_text(ECONNREFUSED)};
}

Attempt lost_count(bool readable) {
  if (readable) return {Attempt::Kind::NotCounted, true, "the drop counters started again meanwhile"};
  return {Attempt::Kind::Unreadable, true, "the drop counters could not be read any more"};
}

// EPERM is what a hook that drops answers; ENOBUFS may be one, or a full queue. Whose it was the counter says.
Attempt held_at_once(int error, std::uint64_t before, std::optional<std::uint64_t> after) {
  if (!after || *after < before) return lost_count(after.has_value());
  if (*after > before) return {Attempt::Kind::Denied, true, error_text(error) + ", counted"};
  return {Attempt::Kind::NotCounted, true, "not counted: " + error_text(error) + ", by somebody else's rule"};
}

}  // namespace

Attempt try_address(Ip address, std::uint16_t port, bool tcp,
                    const std::function<std::optional<std::uint64_t>()>& drops, unsigned timeout) {
  using Kind = Attempt::Kind;
  const std::optional<std::uint64_t> before = drops ? drops() : std::nullopt;
  if (!before) return {Kind::Unreadable, false, "the drop counters cannot be read: nothing was sent"};
  const Socket socket(::socket(address.is_v4() ? AF_INET : AF_INET6,
                               (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  int error = socket.get() < 0 ? errno : connect_to(socket.get(), address, port);
  if (tcp && error == 0) return {Kind::Succeeded, true, "connected"};
  if (tcp && error == ECONNREFUSED) return refused();
  if (error == EINPROGRESS) error = 0;
  if (error == 0 && !tcp && ::send(socket.get(), kQuestion.data(), kQuestion.size(), MSG_NOSIGNAL) < 0) error = errno;
  if (unreachable(error)) return {Kind::Unreachable, false, error_text(error)};
  if (error == EPERM || error == ENOBUFS) return held_at_once(error, *before, drops());
  if (error != 0) return {Kind::Unsent, false, error_text(error)};

  auto end = Clock::now() + std::chrono::milliseconds(timeout);
  bool rose = false;
  do {
    const int back = came_back(socket.get(), tcp, kPause);
    if (back == EISCONN) return {Kind::Succeeded, true, tcp ? "connected" : "answered"};
    if (back == ECONNREFUSED) return refused();
    // Of a router, or of a neighbour that is not there: the packet got further than a rule that drops.
    if (back != 0) return {Kind::NotCounted, true, "not counted: " + error_text(back)};
    const std::optional<std::uint64_t> now = drops();
    if (!now || *now < *before) return lost_count(now.has_value());
    if (*now > *before && !rose) {
      rose = true;
      end = std::min(end, Clock::now() + kGrace);
    }
  } while (Clock::now() < end);
  if (!rose) return {Kind::NotCounted, true, "not counted: no answer within " + std::to_string(timeout) + " ms"};
  return {Kind::Denied, true, "dropped and counted"};
}

std::string interfaces_fault() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return "the interfaces cannot be listed: " + error_text(errno);
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
  std::set<std::string> down;
  bool up = false;
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if ((one->ifa_flags & IFF_LOOPBACK) != 0) continue;
    up = up || (one->ifa_flags & IFF_UP) != 0;
    if ((one->ifa_flags & IFF_UP) == 0) down.insert(one->ifa_name);
  }
  if (up) return "";
  if (down.empty()) return "there is no interface but loopback";
  std::string text = "every interface is down:";
  for (const std::string& name : down) text += " " + name;
  return text;
}

bool speaks(Family family) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return true;  // unknown: it has to be denied
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if ((one->ifa_flags & IFF_LOOPBACK) != 0 || (one->ifa_flags & IFF_UP) == 0 || one->ifa_addr == nullptr) continue;
    if (family == Family::V4 && one->ifa_addr->sa_family == AF_INET) return true;
    if (family == Family::V6 && one->ifa_addr->sa_family == AF_INET6 &&
        !IN6_IS_ADDR_LINKLOCAL(&reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr)) {
      return true;
    }
  }
  return false;
}

}  // namespace airtight::audit
