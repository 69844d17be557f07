// RTM_NEWLINK and RTM_NEWADDR (rtnetlink(7)) and their counterparts of what is gone.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "auditor/interfaces/links.h"
#include "auditor/interfaces/netlink.h"

namespace airtight::audit {

// `Foreign` is well formed and not about this: a bridge's port (AF_BRIDGE), an event of a wireless card, an address of
// another family.
enum class Parsed : std::uint8_t { Whole, Foreign, Malformed };

// An XDP program at a device. An id of kUnknownProgram: there is one that the kernel does not name.
struct XdpAttachment {
  std::uint8_t mode = 0;  // XDP_ATTACHED_DRV, SKB, HW
  std::uint32_t id = 0;
  friend bool operator==(const XdpAttachment&, const XdpAttachment&) = default;
};

struct LinkMessage {
  Link link;                              // without addresses
  bool counts_virtual_functions = false;  // events do not: the number is as it was then
  std::vector<XdpAttachment> xdp;
};

// An address at a device, with what the kernel tells it apart by: IPv4 may have one twice, with other masks or peers.
struct HeldAddress {
  Ip ip = Ip::v4(0);
  Ip peer = Ip::v4(0);
  std::uint8_t length = 0;
  friend auto operator<=>(const HeldAddress&, const HeldAddress&) = default;
};

struct AddressMessage {
  std::uint32_t index = 0;
  HeldAddress address;
};

// Of the body of an RTM_NEWLINK or RTM_DELLINK.
Parsed parse_link(netlink::Bytes body, LinkMessage& message);
// Of the body of an RTM_NEWADDR or RTM_DELADDR.
Parsed parse_address(netlink::Bytes body, AddressMessage& message);

// Every link of this network namespace with the number of its virtual functions, in the kernel's order.
std::error_code read_links(netlink::Asker& asker, std::vector<LinkMessage>& links);
std::error_code read_addresses(netlink::Asker& asker, std::vector<AddressMessage>& addresses);

}  // namespace airtight::audit
