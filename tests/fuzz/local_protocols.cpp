// Any bytes as a frame, as the link layer of it that the first byte says, cut where the second says: what is recognised
// as local names a kind, and what it offers stays within its bounds.
#include <cstdint>
#include <cstdlib>

#include "auditor/decode/local_protocols.h"

namespace {

void demand(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace airtight;
  using namespace airtight::audit;
  if (size < 2) return 0;
  constexpr LinkType kLinks[] = {LinkType::Ethernet, LinkType::Raw, LinkType::LinuxSll, LinkType::LinuxSll2};
  Frame frame;
  frame.link = kLinks[data[0] & 3];
  frame.bytes = Bytes(data, size).subspan(2);
  frame.original = static_cast<std::uint32_t>(frame.bytes.size() + (data[0] >> 7) * data[1]);
  Packet packet;
  decode(frame, {}, packet);
  const LocalMessage message = read_local(frame, packet);
  demand(!to_string(message.kind).empty());
  const bool server = message.kind == LocalKind::RouterAdvertisement || message.kind == LocalKind::Redirect ||
                      message.kind == LocalKind::DhcpServer || message.kind == LocalKind::Dhcpv6Server;
  demand(server ||
         (message.offer.resolver_count == 0 && message.offer.router_count == 0 && !message.offer.default_route));
  if (message.kind != LocalKind::None && message.kind != LocalKind::Arp) {
    demand(packet.level_count == 1 && packet.outer().carrier == Carrier::Link && !packet.outer().fragment &&
           !packet.outer().routed);
    demand(server || packet.outer().payload_missing == 0);
  }
  if (message.kind != LocalKind::None && frame.original > frame.bytes.size() && packet.level_count == 1 &&
      packet.outer().payload_missing > 0)
    demand(server && !message.offer.read_to_end);
  return 0;
}
