// How each kind of canary is sent, and what the kernel and the counters say of it.
#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "auditor/canary/round_state.h"

namespace airtight::audit {
namespace {

constexpr int kReadings = 10;
constexpr std::chrono::milliseconds kPause{10};
constexpr int kHopLimit = 1;
constexpr int kPodHopLimit = 2;  // shape.h says why

std::int64_t realtime() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

CanaryOutcome unsent(std::string why) { return {"unsent", "", std::move(why)}; }
CanaryOutcome blocked(std::string by, std::string detail) { return {"blocked", std::move(by), std::move(detail)}; }

// Where a frame of this link may say that it comes from: the unspecified address where the family has none.
Ip source_of(const Link& link, CanaryFamily family) {
  const bool v4 = family == CanaryFamily::Ipv4;
  static const Prefix kLinkLocal = *Prefix::parse("fe80::/10");
  std::optional<Ip> found;
  for (const Ip address : link.addresses) {
    if (address.is_v4() != v4) continue;
    if (v4 || !kLinkLocal.contains(address)) return address;
    found = address;
  }
  return found.value_or(v4 ? Ip::v4(0) : Ip::v6(0));
}

// What rose between two readings. A counter that was not there before, or that started again, did not rise.
struct Rise {
  std::uint64_t stack = 0;
  std::map<std::string, std::uint64_t> egress;  // those that rose

  Rise(const DropCounters& before, const DropCounters& after) {
    if (!before.readable || !after.readable) return;
    if (before.has_stack && after.has_stack && after.stack > before.stack) stack = after.stack - before.stack;
    for (const auto& [name, packets] : after.egress) {
      const auto earlier = before.egress.find(name);
      if (earlier != before.egress.end() && packets > earlier->second) egress[name] = packets - earlier->second;
    }
  }
};

std::string risen(const std::string& counter, std::uint64_t by) { return counter + " rose by " + std::to_string(by); }
std::string risen_egress(const std::string& name, std::uint64_t by) {
  return risen("netdev airtight_egress dropped_" + name, by);
}

// Of a send that left no trace.
std::string no_trace(const DropCounters& before, const DropCounters& after) {
  return before.readable && after.readable ? "no drop counter rose" : "the drop counters could not be read";
}

// Why a packet of the stack never came to a hook; nullptr for every other error. EACCES and EINVAL are what prohibit
// and blackhole routes answer.
const char* routing_error(int error) {
  switch (error) {
    case ENETUNREACH:
    case EHOSTUNREACH:
      return "no route";
    case EADDRNOTAVAIL:
      return "no address to send from";
    case EACCES:
      return "a route that prohibits";
    case EINVAL:
      return "a route that discards";
    default:
      return nullptr;
  }
}

// Sends to the enforcement address of the family; 0, or the errno.
int send_datagram(int socket, CanaryFamily family, int hop_limit, const Nonce& nonce) {
  const bool v4 = family == CanaryFamily::Ipv4;
  if (::setsockopt(socket, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TTL : IPV6_UNICAST_HOPS, &hop_limit,
                   sizeof hop_limit) != 0) {
    return errno;
  }
  sockaddr_in to4{};
  to4.sin_family = AF_INET;
  to4.sin_port = htons(kSensorPort);
  to4.sin_addr.s_addr = htonl(Ip::parse(kEnforcementIpv4)->v4_bits());
  sockaddr_in6 to6{};
  to6.sin6_family = AF_INET6;
  to6.sin6_port = htons(kSensorPort);
  u128 bits = Ip::parse(kEnforcementIpv6)->bits();
  for (std::size_t i = 16; i > 0; --i, bits >>= 8)
    to6.sin6_addr.s6_addr[i - 1] = static_cast<std::uint8_t>(bits & 0xff);
  const auto* to = v4 ? reinterpret_cast<const sockaddr*>(&to4) : reinterpret_cast<const sockaddr*>(&to6);
  const socklen_t size = v4 ? sizeof to4 : sizeof to6;
  return ::sendto(socket, nonce.data(), nonce.size(), MSG_DONTWAIT | MSG_NOSIGNAL, to, size) < 0 ? errno : 0;
}

// Puts the canary's frame onto the link; 0, or the errno.
int send_frame(int socket, const Link& link, const RoundCanary& canary) {
  const std::vector<std::uint8_t> frame =
      canary_frame(canary.kind, canary.family, link.mac, source_of(link, canary.family), canary.nonce);
  if (const int on = 1; canary.kind == CanaryKind::RawBypass &&
                        ::setsockopt(socket, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) != 0) {
    return errno;
  }
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(canary.family == CanaryFamily::Ipv4 ? ETH_P_IP : ETH_P_IPV6);
  to.sll_ifindex = static_cast<int>(link.index);
  to.sll_halen = ETH_ALEN;
  std::memcpy(to.sll_addr, kUnownedMac.data(), kUnownedMac.size());
  return ::sendto(socket, frame.data(), frame.size(), MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&to), sizeof to) <
                 0
             ? errno
             : 0;
}

class Sender {
 public:
  Sender(const CanaryGround& ground, Opener& opener, SensorWatch& watch, const std::function<DropCounters()>& counters)
      : ground_(ground), opener_(opener), watch_(watch), counters_(counters) {}

  CanaryOutcome send(const RoundCanary& canary) {
    if (canary.kind == CanaryKind::Stack) return stack(canary);
    if (canary.kind == CanaryKind::Pod) return pod(canary);
    const Link& link = ground_.uplinks[*canary.uplink];
    if (link.arp_type != ARPHRD_ETHER) {
      return unsent(link.name + " has no Ethernet header (device type " + std::to_string(link.arp_type) + ")");
    }
    return canary.kind == CanaryKind::Sensor ? sensor(link, canary) : raw(link, canary);
  }

 private:
  CanaryOutcome sensor(const Link& link, const RoundCanary& canary) {
    Fd socket;
    if (const auto error = opener_.open_socket(SocketKind::PacketMarked, socket)) return unsent(error.message());
    watch_.expect(canary.nonce, link.index, realtime() + std::chrono::nanoseconds(kCanarySettle).count());
    if (const int error = send_frame(socket.get(), link, canary); error != 0) return unsent(error_text(error));
    return {};
  }

  CanaryOutcome raw(const Link& link, const RoundCanary& canary) {
    Fd socket;
    if (const auto error = opener_.open_socket(SocketKind::PacketRaw, socket)) return unsent(error.message());
    const DropCounters before = counters_();
    const int error = send_frame(socket.get(), link, canary);
    const DropCounters after = counters_();
    const Rise rise(before, after);
    const std::string name = counter_name(link.name);
    // Any other error than this one comes before the hook.
    if (error != 0 && error != ENOBUFS) return unsent(error_text(error));
    const auto found = rise.egress.find(name);
    const std::string trace = found != rise.egress.end() ? risen_egress(name, found->second) : no_trace(before, after);
    // A frame that bypasses the queues shows at no tap: somebody else's drop must not be taken for its own.
    if (canary.kind == CanaryKind::RawBypass && error == 0) {
      return {"escaped", "", "not seen to be dropped: the driver took it; " + trace};
    }
    if (found != rise.egress.end()) return blocked("egress", trace);
    if (error != 0) return unsent(error_text(error) + "; " + trace + ", so it may have been a full queue");
    return {"missed", "", "sent, and nothing shows what held it: " + trace};
  }

  CanaryOutcome stack(const RoundCanary& canary) {
    const bool v4 = canary.family == CanaryFamily::Ipv4;
    const Fd socket(::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) {
      if (errno == EAFNOSUPPORT)
        return blocked("routing", "this kernel does not speak " + std::string(v4 ? "IPv4" : "IPv6"));
      return unsent(error_text(errno));
    }
    const DropCounters before = counters_();
    const int error = send_datagram(socket.get(), canary.family, kHopLimit, canary.nonce);
    DropCounters after = counters_();
    if (const char* why = routing_error(error); why != nullptr) {
      return blocked("routing", why + (": " + error_text(error)));
    }
    if (const std::uint64_t by = Rise(before, after).stack; by != 0)
      return blocked("output", risen("inet airtight", by));
    if (error == EPERM) return blocked("output", error_text(error) + "; " + no_trace(before, after));
    if (error != 0) return unsent(error_text(error));
    // It may wait for its neighbour's address before it comes to the egress hook.
    if (const auto held = wait_for_rise(before, after, "output")) return *held;
    return {"missed", "", "sent, and nothing shows what held it: " + no_trace(before, after)};
  }

  CanaryOutcome pod(const RoundCanary& canary) {
    if (!ground_.pod) return unsent("no pod namespace was given (--pod-namespace)");
    Fd socket;
    const auto kind = canary.family == CanaryFamily::Ipv4 ? SocketKind::PodUdp4 : SocketKind::PodUdp6;
    if (const auto error = opener_.open_socket(kind, socket)) {
      return unsent("no socket in the pod namespace: " + error.message());
    }
    const DropCounters before = counters_();
    const int error = send_datagram(socket.get(), canary.family, kPodHopLimit, canary.nonce);
    if (const char* why = routing_error(error); why != nullptr)
      return blocked("routing", why + (": " + error_text(error)));
    if (error == EPERM) return blocked("cni", "refused in the pod's own namespace: " + error_text(error));
    if (error != 0) return unsent(error_text(error));
    DropCounters after = counters_();
    if (const auto held = wait_for_rise(before, after, "forward")) return *held;
    if (!before.readable || !after.readable) {
      return {"missed", "", "sent, and nothing shows what held it: " + no_trace(before, after)};
    }
    return blocked("cni", "no drop counter rose, and it was not seen leaving: it ended before the forward hook");
  }

  // Reads until a counter rose, or for kReadings pauses; `after` is the last reading.
  std::optional<CanaryOutcome> wait_for_rise(const DropCounters& before, DropCounters& after, const char* hook) {
    for (int reading = 0;; ++reading) {
      const Rise rise(before, after);
      if (rise.stack != 0) return blocked(hook, risen("inet airtight", rise.stack));
      if (const auto egress = egress_text(rise)) return blocked("egress", *egress);
      if (!before.readable || !after.readable || reading == kReadings) return std::nullopt;
      std::this_thread::sleep_for(kPause);
      after = counters_();
    }
  }

  // Of the uplinks that we know.
  std::optional<std::string> egress_text(const Rise& rise) const {
    for (const Link& link : ground_.uplinks) {
      const auto found = rise.egress.find(counter_name(link.name));
      if (found != rise.egress.end()) return risen_egress(found->first, found->second);
    }
    return std::nullopt;
  }

  const CanaryGround& ground_;
  Opener& opener_;
  SensorWatch& watch_;
  const std::function<DropCounters()>& counters_;
};

}  // namespace

std::string error_text(int error) {
  const char* name = ::strerrorname_np(error);
  return (name == nullptr ? "error " + std::to_string(error) : name) + (": " + std::string(::strerror(error)));
}

void CanaryRound::send(Opener& opener, SensorWatch& watch, const std::function<DropCounters()>& counters) {
  Sender sender(state_->ground, opener, watch, counters);
  for (RoundCanary& canary : state_->canaries) canary.outcome = sender.send(canary);
}

}  // namespace airtight::audit
