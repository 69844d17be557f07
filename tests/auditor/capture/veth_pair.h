// A network namespace of its own, without any way out, for the time of one function, and a veth pair in it.
#pragma once

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "auditor/opener/opener.h"

namespace airtight::audit::test {

inline void must(bool good, const char* what) {
  if (!good) throw std::system_error(errno, std::generic_category(), what);
}
inline void shell(const std::string& command) {
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

// In a thread of its own, since a namespace is a thread's; it goes with the last socket in it. False, with a printed
// line, where this needs more rights than there are.
inline bool in_namespace(const char* name, const std::function<void()>& run) {
  bool skipped = false;
  std::exception_ptr thrown;
  std::thread thread([&] {
    try {
      if (::unshare(CLONE_NEWNET) != 0) {
        skipped = true;
        return;
      }
      for (const char* scope : {"all", "default"})  // so that nothing is sent that the test does not send
        std::ofstream("/proc/sys/net/ipv6/conf/" + std::string(scope) + "/disable_ipv6") << "1\n";
      run();
    } catch (...) {
      thrown = std::current_exception();
    }
  });
  thread.join();
  if (thrown) std::rethrow_exception(thrown);
  if (skipped) WARN("SKIPPED " << name << ": no right to make a network namespace");
  return !skipped;
}

inline std::string hex_of(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[static_cast<std::uint8_t>(byte) >> 4];
    text += kDigits[static_cast<std::uint8_t>(byte) & 15];
  }
  return text;
}

struct VethPair {
  VethPair() {
    shell(
        "ip link add left type veth peer name right && ip link set left mtu 9000 up && ip link set right mtu 9000 up");
    left = ::if_nametoindex("left");
    right = ::if_nametoindex("right");
  }
  unsigned left = 0, right = 0;
};

inline Fd packet_socket(int type = SOCK_RAW) {
  Fd socket(::socket(AF_PACKET, type | SOCK_CLOEXEC, 0));
  must(socket.get() >= 0, "socket");
  return socket;
}

// Puts frames onto an interface.
class Sender {
 public:
  explicit Sender(unsigned index) : socket_(packet_socket()) {
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_ifindex = static_cast<int>(index);
    must(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "bind");
  }
  void send(const std::string& frame) {
    must(::send(socket_.get(), frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size()), "send");
  }
  // The same frame, so many times.
  void burst(const std::string& frame, unsigned count) {
    std::string bytes = frame;
    iovec part{bytes.data(), bytes.size()};
    std::vector<mmsghdr> messages(256);
    for (mmsghdr& message : messages) message.msg_hdr.msg_iov = &part, message.msg_hdr.msg_iovlen = 1;
    while (count != 0) {
      const int sent = ::sendmmsg(socket_.get(), messages.data(), std::min<unsigned>(count, 256), 0);
      must(sent > 0, "sendmmsg");
      count -= static_cast<unsigned>(sent);
    }
  }

 private:
  Fd socket_;
};

}  // namespace airtight::audit::test
