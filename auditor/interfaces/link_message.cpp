#include "auditor/interfaces/link_message.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace airtight::audit {
namespace {

using netlink::Attribute;
using netlink::Bytes;

constexpr std::size_t kLongestKind = 63;  // the kernel knows none that is longer than 16

// As the kernel's own rule for names of devices; they become parts of paths.
bool is_device_name(std::string_view name) {
  return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
         name.find_first_of("/: \t\n\v\f\r") == std::string_view::npos;
}

bool parse_kind(Bytes nested, std::string& kind) {
  Attribute attribute;
  while (netlink::next_attribute(nested, attribute))
    if (attribute.type == IFLA_INFO_KIND && !netlink::text(attribute.value, kLongestKind, kind)) return false;
  return nested.empty();
}

bool parse_xdp(Bytes nested, std::vector<XdpAttachment>& programs) {
  std::uint8_t attached = XDP_ATTACHED_NONE;
  std::uint32_t single = 0;
  Attribute attribute;
  while (netlink::next_attribute(nested, attribute)) {
    std::uint8_t mode = XDP_ATTACHED_NONE;
    switch (attribute.type) {
      case IFLA_XDP_ATTACHED:
        if (!netlink::exact(attribute.value, attached)) return false;
        continue;
      case IFLA_XDP_PROG_ID:
        if (!netlink::exact(attribute.value, single)) return false;
        continue;
      case IFLA_XDP_DRV_PROG_ID:
        mode = XDP_ATTACHED_DRV;
        break;
      case IFLA_XDP_SKB_PROG_ID:
        mode = XDP_ATTACHED_SKB;
        break;
      case IFLA_XDP_HW_PROG_ID:
        mode = XDP_ATTACHED_HW;
        break;
      default:
        continue;
    }
    std::uint32_t id = 0;
    if (!netlink::exact(attribute.value, id)) return false;
    if (id != 0) programs.push_back({mode, id});
  }
  if (programs.empty() && (attached != XDP_ATTACHED_NONE || single != 0))
    programs.push_back({attached, single != 0 ? single : kUnknownProgram});
  return nested.empty();
}

std::optional<Ip> parse_ip(std::uint8_t family, Bytes value) {
  if (family == AF_INET) {
    std::uint32_t bits = 0;
    if (!netlink::exact(value, bits)) return std::nullopt;
    return Ip::v4(ntohl(bits));
  }
  if (value.size() != 16) return std::nullopt;
  u128 bits = 0;
  for (const std::uint8_t octet : value) bits = bits << 8 | octet;
  return Ip::v6(bits);
}

// Of a dump: messages of other types have no business in it.
template <typename T>
std::error_code parse_all(Bytes answers, std::uint16_t type, Parsed (*parse)(Bytes, T&), std::vector<T>& all) {
  all.clear();
  netlink::Message message;
  while (netlink::next_message(answers, message)) {
    T one;
    const Parsed parsed = message.type == type ? parse(message.body, one) : Parsed::Malformed;
    if (parsed == Parsed::Malformed) return std::make_error_code(std::errc::bad_message);
    if (parsed == Parsed::Whole) all.push_back(std::move(one));
  }
  return answers.empty() ? std::error_code{} : std::make_error_code(std::errc::bad_message);
}

}  // namespace

Parsed parse_link(Bytes body, LinkMessage& message) {
  message = {};
  Link& link = message.link;
  ifinfomsg header{};
  if (!netlink::take(body, header)) return Parsed::Malformed;
  if (header.ifi_family != AF_UNSPEC) return Parsed::Foreign;
  if (header.ifi_index <= 0) return Parsed::Malformed;
  link.index = static_cast<std::uint32_t>(header.ifi_index);
  link.arp_type = header.ifi_type;
  link.up = (header.ifi_flags & static_cast<unsigned>(IFF_UP)) != 0;
  link.running = (header.ifi_flags & static_cast<unsigned>(IFF_RUNNING)) != 0;
  link.loopback = (header.ifi_flags & static_cast<unsigned>(IFF_LOOPBACK)) != 0;
  bool good = true, wireless = false, has_mtu = false;
  Attribute attribute;
  while (good && netlink::next_attribute(body, attribute)) {
    const Bytes value = attribute.value;
    switch (attribute.type) {
      case IFLA_IFNAME:
        good = netlink::text(value, IFNAMSIZ - 1, link.name);
        break;
      case IFLA_MTU:
        good = has_mtu = netlink::exact(value, link.mtu);
        break;
      case IFLA_ADDRESS:
        if (value.size() == link.mac.size()) std::copy(value.begin(), value.end(), link.mac.begin());
        break;
      case IFLA_LINK:
        good = netlink::exact(value, link.parent);
        break;
      case IFLA_LINK_NETNSID:
        link.parent_elsewhere = true;
        break;
      case IFLA_MASTER:
        good = netlink::exact(value, link.master);
        break;
      case IFLA_LINKINFO:
        good = parse_kind(value, link.kind);
        break;
      case IFLA_NUM_VF:
        good = message.counts_virtual_functions = netlink::exact(value, link.virtual_functions);
        break;
      case IFLA_XDP:
        good = parse_xdp(value, message.xdp);
        break;
      case IFLA_WIRELESS:
        wireless = true;
        break;
      default:
        break;
    }
  }
  if (!good || !body.empty()) return Parsed::Malformed;
  if (wireless && !has_mtu) return Parsed::Foreign;
  if (!has_mtu || !is_device_name(link.name)) return Parsed::Malformed;
  if (!message.xdp.empty()) link.xdp_program = message.xdp.front().id;
  return Parsed::Whole;
}

Parsed parse_address(Bytes body, AddressMessage& message) {
  message = {};
  ifaddrmsg header{};
  if (!netlink::take(body, header)) return Parsed::Malformed;
  if (header.ifa_family != AF_INET && header.ifa_family != AF_INET6) return Parsed::Foreign;
  message.index = header.ifa_index;
  std::optional<Ip> local, address;
  Attribute attribute;
  while (netlink::next_attribute(body, attribute)) {
    if (attribute.type != IFA_LOCAL && attribute.type != IFA_ADDRESS) continue;
    const std::optional<Ip> ip = parse_ip(header.ifa_family, attribute.value);
    if (!ip) return Parsed::Malformed;
    (attribute.type == IFA_LOCAL ? local : address) = ip;
  }
  if (!body.empty() || (!local && !address) || header.ifa_index == 0) return Parsed::Malformed;
  // IFA_ADDRESS is the other end where a device has one, and IFA_LOCAL our own then.
  const Ip own = local ? *local : *address;
  if (header.ifa_prefixlen > width(own.family())) return Parsed::Malformed;
  if (own.is_v4())
    message.address = {own, address.value_or(own), header.ifa_prefixlen};
  else
    message.address = {own, own, 128};  // an IPv6 address is at a device once
  return Parsed::Whole;
}

std::error_code read_links(netlink::Asker& asker, std::vector<LinkMessage>& links) {
  std::vector<std::uint8_t> request, answers;
  netlink::append(request, ifinfomsg{});
  netlink::append_attribute(request, IFLA_EXT_MASK, RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS);
  if (const auto error = asker.dump(RTM_GETLINK, request, answers)) return error;
  return parse_all(answers, RTM_NEWLINK, parse_link, links);
}

std::error_code read_addresses(netlink::Asker& asker, std::vector<AddressMessage>& addresses) {
  std::vector<std::uint8_t> request, answers;
  netlink::append(request, ifaddrmsg{});
  if (const auto error = asker.dump(RTM_GETADDR, request, answers)) return error;
  return parse_all(answers, RTM_NEWADDR, parse_address, addresses);
}

}  // namespace airtight::audit
