// Any bytes as what the kernel says of links, addresses, queues, filters and AF_XDP sockets: the readers end, and what
// they take for whole is within its bounds.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "auditor/interfaces/link_message.h"
#include "auditor/interfaces/netlink.h"
#include "auditor/interfaces/tc_message.h"

namespace {

using namespace airtight;
using namespace airtight::audit;

void must(bool good) {
  if (!good) std::abort();
}

void read(netlink::Bytes body) {
  LinkMessage link;
  if (parse_link(body, link) == Parsed::Whole) {
    must(link.link.index != 0 && !link.link.name.empty() && link.link.name.size() < 16);
    must(link.link.name.find('/') == std::string::npos && link.link.name.find('\0') == std::string::npos);
    must((link.link.xdp_program == 0) == link.xdp.empty());
  }
  AddressMessage address;
  if (parse_address(body, address) == Parsed::Whole)
    must(address.index != 0 && address.address.length <= width(address.address.ip.family()));
  TcQdisc qdisc;
  if (parse_qdisc(body, qdisc) == Parsed::Whole) must(qdisc.index != 0 && !qdisc.kind.empty());
  TcFilter filter;
  if (parse_filter(body, filter) == Parsed::Whole)
    for (const TcWay& way : filter.ways) must(way.what == "tc filter" || way.what == "tc action");
  std::uint32_t number = 0;
  parse_class(body, number);
  parse_xdp_socket(body, number);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const netlink::Bytes all(data, size);
  read(all);
  netlink::Bytes rest = all;
  netlink::Message message;
  std::size_t before = rest.size();
  while (netlink::next_message(rest, message)) {
    must(rest.size() < before && message.body.size() < before);
    before = rest.size();
    read(message.body);
  }
  return 0;
}
