#include "auditor/opener/sockets.h"

#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>

namespace airtight::audit {
namespace {

constexpr int kEventsBuffer = 64 << 20;  // a flush and reload of tens of thousands of foreign rules

std::error_code code_of(int number) { return {number, std::system_category()}; }

[[noreturn]] void fail(const std::string& what, int number = errno) {
  throw std::system_error(number, std::system_category(), what);
}

std::error_code make_plain(int domain, int type, Fd& made) {
  made = Fd(socket(domain, type | SOCK_CLOEXEC, 0));
  return code_of(made ? 0 : errno);
}

std::error_code make_marked(Fd& made) {
  if (const std::error_code error = make_plain(AF_PACKET, SOCK_RAW, made)) return error;
  const std::uint32_t mark = kCanaryMark;
  return code_of(setsockopt(made.get(), SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0 ? 0 : errno);
}

std::error_code make_events(Fd& made) {
  made = Fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  if (!made) return code_of(errno);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  const int group = NFNLGRP_NFTABLES;
  if (setsockopt(made.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kEventsBuffer, sizeof kEventsBuffer) != 0 ||
      bind(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      setsockopt(made.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
    return code_of(errno);
  return {};
}

}  // namespace

void SocketMaker::enter(const std::string& pod_namespace) {
  if (pod_namespace.empty()) return;
  const std::string what = "the pod namespace " + pod_namespace;
  const Fd own(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!own) fail("the opener's own network namespace cannot be opened");
  const Fd pod(open(pod_namespace.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!pod) fail(what + " cannot be opened");
  struct stat own_stat {
  }, pod_stat{};
  if (fstat(own.get(), &own_stat) != 0 || fstat(pod.get(), &pod_stat) != 0) fail(what);
  if (own_stat.st_ino == pod_stat.st_ino && own_stat.st_dev == pod_stat.st_dev)
    fail(what + " is the node's own: what is sent from there shows nothing about pods", EINVAL);
  if (setns(pod.get(), CLONE_NEWNET) != 0)
    fail(what + (errno == EPERM ? " cannot be entered (CAP_SYS_ADMIN is needed)" : " cannot be entered"));
  pod4_.error = make_plain(AF_INET, SOCK_DGRAM, pod4_.socket);
  pod6_.error = make_plain(AF_INET6, SOCK_DGRAM, pod6_.socket);
  if (setns(own.get(), CLONE_NEWNET) != 0) fail("the opener cannot come back from " + what);
}

std::error_code SocketMaker::make(SocketKind kind, Fd& made) const {
  const auto again = [&](const PodSocket& pod) {
    if (pod.error) return pod.error;
    made = Fd(fcntl(pod.socket.get(), F_DUPFD_CLOEXEC, 0));
    return code_of(made ? 0 : errno);
  };
  switch (kind) {
    case SocketKind::PacketRaw:
      return make_plain(AF_PACKET, SOCK_RAW, made);
    case SocketKind::PacketCooked:
      return make_plain(AF_PACKET, SOCK_DGRAM, made);
    case SocketKind::PacketMarked:
      return make_marked(made);
    case SocketKind::PodUdp4:
      return again(pod4_);
    case SocketKind::PodUdp6:
      return again(pod6_);
    case SocketKind::RulesetEvents:
      return make_events(made);
  }
  return code_of(EINVAL);
}

}  // namespace airtight::audit
