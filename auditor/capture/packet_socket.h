// What a packet socket is asked for, beside its ring: for the files that own one.
#pragma once

#include <cstdint>
#include <system_error>

#include "auditor/capture/packet_ring.h"

struct tpacket_stats_v3;

namespace airtight::audit {

std::error_code set_option(int socket, int level, int name, const void* value, std::size_t size);
template <class Value>
std::error_code set_option(int socket, int level, int name, const Value& value) {
  return set_option(socket, level, name, &value, sizeof value);
}
// The program, each constant result at most `most`; an empty one takes all.
FilterProgram cut_to(FilterProgram program, std::uint32_t most);
std::error_code attach(int socket, const FilterProgram& program);
// From then on frames come, of every protocol. Index 0: of all interfaces.
std::error_code bind_to(int socket, std::uint32_t index);
std::error_code pending_error(int socket);

}  // namespace airtight::audit
