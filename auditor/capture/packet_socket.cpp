#include "auditor/capture/packet_socket.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "auditor/capture/filter_assembler.h"

namespace airtight::audit {
namespace {

constexpr std::size_t kMostInterfaces = 500;
constexpr std::uint32_t kAll = UINT32_MAX;

std::error_code last_error() { return {errno, std::generic_category()}; }
std::uint32_t told(int what) { return static_cast<std::uint32_t>(SKF_AD_OFF + what); }

}  // namespace

std::error_code set_option(int socket, int level, int name, const void* value, std::size_t size) {
  if (::setsockopt(socket, level, name, value, static_cast<socklen_t>(size)) != 0) return last_error();
  return {};
}

FilterProgram cut_to(FilterProgram program, std::uint32_t most) {
  if (program.empty()) return {{BPF_RET | BPF_K, 0, 0, most}};
  for (FilterInstruction& each : program)
    if (each.code == (BPF_RET | BPF_K)) each.k = std::min(each.k, most);
  return program;
}

std::error_code attach(int socket, const FilterProgram& program) {
  if (program.size() > kMaxFilter) return std::make_error_code(std::errc::argument_list_too_long);
  std::vector<sock_filter> instructions;
  instructions.reserve(program.size());
  for (const FilterInstruction& each : program) instructions.push_back({each.code, each.jt, each.jf, each.k});
  const sock_fprog given{static_cast<unsigned short>(instructions.size()), instructions.data()};
  return set_option(socket, SOL_SOCKET, SO_ATTACH_FILTER, given);
}

std::error_code bind_to(int socket, std::uint32_t index) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(index);
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return last_error();
  return {};
}

std::error_code pending_error(int socket) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return last_error();
  return error == 0 ? std::error_code() : std::error_code(error, std::generic_category());
}

FilterProgram transmitted_filter() {
  FilterAssembler made;
  const auto take = made.give(kAll), leave = made.give(0);
  return made.program(made.then(BPF_LD | BPF_W | BPF_ABS, told(SKF_AD_PKTTYPE),
                                made.when(BPF_JEQ | BPF_K, PACKET_OUTGOING, take, leave)));
}

FilterProgram other_interfaces_filter(const std::vector<std::uint32_t>& indexes) {
  if (indexes.size() > kMostInterfaces) return {};
  std::vector<Interval<std::uint32_t>> known;
  for (const std::uint32_t index : indexes) known.push_back({index, index});
  FilterAssembler made;
  const auto take = made.give(kAll), leave = made.give(0);
  const auto among = made.among(IntervalSet<std::uint32_t>::from(std::move(known)).intervals(), leave, take);
  return made.program(made.then(BPF_LD | BPF_W | BPF_ABS, told(SKF_AD_IFINDEX), among));
}

}  // namespace airtight::audit
