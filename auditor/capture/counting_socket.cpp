#include <linux/if_packet.h>
#include <sys/socket.h>

#include "auditor/capture/packet_socket.h"

namespace airtight::audit {

std::error_code CountingSocket::open(Fd socket, std::uint32_t index, const FilterProgram& filter,
                                     std::unique_ptr<CountingSocket>& out) {
  // The kernel takes its own smallest size; what it has no room for it counts as dropped, without a copy.
  if (const auto error = set_option(socket.get(), SOL_SOCKET, SO_RCVBUF, int{0})) return error;
  if (const auto error = attach(socket.get(), cut_to(filter, 1))) return error;
  if (const auto error = bind_to(socket.get(), index)) return error;
  out.reset(new CountingSocket(std::move(socket)));
  return {};
}

std::uint64_t CountingSocket::count() {
  tpacket_stats told{};
  socklen_t size = sizeof told;
  if (::getsockopt(socket_.get(), SOL_PACKET, PACKET_STATISTICS, &told, &size) == 0) total_ += told.tp_packets;
  return total_;
}

std::error_code CountingSocket::error() { return pending_error(socket_.get()); }

}  // namespace airtight::audit
