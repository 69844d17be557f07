#include "auditor/interfaces/links.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "auditor/interfaces/link_message.h"
#include "auditor/interfaces/netlink.h"

namespace airtight::audit {
namespace {

constexpr int kMostDatagrams = 16384;  // in one poll(): the socket stays readable
constexpr int kMostReadings = 8;       // in one poll(): more loss than that is no state to work with
constexpr int kReceiveBuffer = 4 << 20;

std::vector<Ip> sorted(const std::set<HeldAddress>& held) {
  std::vector<Ip> ips;
  for (const HeldAddress& address : held)
    if (ips.empty() || ips.back() != address.ip) ips.push_back(address.ip);
  return ips;
}

}  // namespace

LinkWatcher::LinkWatcher() {
  const auto fail = [](const char* what) { throw std::system_error(errno, std::generic_category(), what); };
  socket_ = Fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!socket_) fail("a socket for events of network devices (rtnetlink)");
  // Only what the system lets everybody have, where this process has no capability: a smaller buffer loses sooner.
  if (::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer) != 0)
    (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  own.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0)
    fail("events of network devices (rtnetlink)");
  std::vector<LinkEvent> born;
  if (const auto error = read_all(born)) throw std::system_error(error, "the list of network devices (rtnetlink)");
}

LinkWatcher::~LinkWatcher() = default;

int LinkWatcher::fd() const { return socket_.get(); }

std::error_code LinkWatcher::poll(std::vector<LinkEvent>& events) { return receive(events); }

std::error_code LinkWatcher::receive(std::vector<LinkEvent>& events) {
  bool lost = false;
  int readings = 0;
  const auto lose = [&] {
    if (!std::exchange(lost, true)) events.push_back({LinkEvent::Kind::Lost, {}, {}});
  };
  for (int datagrams = 0;; ++datagrams) {
    netlink::Bytes rest;
    const auto error = netlink::receive(socket_.get(), MSG_DONTWAIT, buffer_, rest);
    if (error == std::errc::no_buffer_space || error == std::errc::message_size) {
      lose();
      continue;
    }
    const bool empty = error == std::errc::resource_unavailable_try_again || error == std::errc::operation_would_block;
    if (error && !empty) return error;
    // What the queue still holds after a loss is older than a reading, so that it comes first.
    if (empty && lost) {
      if (++readings > kMostReadings) return std::make_error_code(std::errc::no_buffer_space);
      if (const auto failed = read_all(events)) return failed;
      lost = false;
      continue;
    }
    if (empty) return {};
    netlink::Message message;
    bool whole = true;
    while (whole && netlink::next_message(rest, message)) whole = take(message.type, message.body, events);
    if (!whole || !rest.empty()) lose();
    if (datagrams >= kMostDatagrams) return lost ? std::make_error_code(std::errc::no_buffer_space) : std::error_code{};
  }
}

bool LinkWatcher::take(std::uint16_t type, netlink::Bytes body, std::vector<LinkEvent>& events) {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      LinkMessage message;
      const Parsed parsed = parse_link(body, message);
      if (parsed != Parsed::Whole) return parsed == Parsed::Foreign;
      if (type == RTM_DELLINK)
        gone(message.link.index, events);
      else
        set(message, events);
      return true;
    }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      AddressMessage message;
      const Parsed parsed = parse_address(body, message);
      if (parsed != Parsed::Whole) return parsed == Parsed::Foreign;
      const auto link = links_.find(message.index);
      // Of a device that is gone the kernel tells no more; a new address needs a device.
      if (link == links_.end()) return type == RTM_DELADDR;
      std::set<HeldAddress>& held = addresses_[message.index];
      if (type == RTM_NEWADDR)
        held.insert(message.address);
      else
        held.erase(message.address);
      std::vector<Ip> now = sorted(held);
      if (now == link->second.addresses) return true;
      link->second.addresses = std::move(now);
      events.push_back({LinkEvent::Kind::Changed, link->second, {}});
      return true;
    }
    case NLMSG_NOOP:
      return true;
    default:
      return false;
  }
}

void LinkWatcher::set(const LinkMessage& message, std::vector<LinkEvent>& events) {
  Link now = message.link;
  now.addresses = sorted(addresses_[now.index]);
  const auto [place, born] = links_.try_emplace(now.index, now);
  Link& known = place->second;
  if (born) {
    events.push_back({LinkEvent::Kind::Born, known, {}});
    return;
  }
  if (!message.counts_virtual_functions) now.virtual_functions = known.virtual_functions;
  if (now == known) return;
  std::string old_name = known.name == now.name ? "" : known.name;
  known = std::move(now);
  events.push_back(
      {old_name.empty() ? LinkEvent::Kind::Changed : LinkEvent::Kind::Renamed, known, std::move(old_name)});
}

void LinkWatcher::gone(std::uint32_t index, std::vector<LinkEvent>& events) {
  addresses_.erase(index);
  const auto known = links_.find(index);
  if (known == links_.end()) return;
  events.push_back({LinkEvent::Kind::Gone, std::move(known->second), {}});
  links_.erase(known);
}

std::error_code LinkWatcher::read_all(std::vector<LinkEvent>& events) {
  netlink::Asker asker;
  std::vector<LinkMessage> links;
  std::vector<AddressMessage> addresses;
  if (const auto error = asker.open(NETLINK_ROUTE)) return error;
  if (const auto error = read_links(asker, links)) return error;
  if (const auto error = read_addresses(asker, addresses)) return error;
  std::set<std::uint32_t> present;
  for (const LinkMessage& message : links) present.insert(message.link.index);
  std::vector<std::uint32_t> absent;
  for (const auto& [index, link] : links_)
    if (present.count(index) == 0) absent.push_back(index);
  for (const std::uint32_t index : absent) gone(index, events);
  // One that was born between the two readings comes as an event, and its addresses after it.
  addresses_.clear();
  for (const AddressMessage& message : addresses)
    if (present.count(message.index) != 0) addresses_[message.index].insert(message.address);
  for (LinkMessage& message : links) {
    message.counts_virtual_functions = true;
    set(message, events);
  }
  return {};
}

}  // namespace airtight::audit
