// What no listing of tc shows: the BPF programs at a device's own hooks.
#pragma once

#include <cstdint>
#include <system_error>
#include <vector>

namespace airtight::audit {

// Their ids: tcx (Linux 6.6) in both directions, and netkit's where the device is one. Needs CAP_NET_ADMIN, in the
// process that calls: std::errc::operation_not_permitted.
std::error_code device_programs(std::uint32_t index, std::vector<std::uint32_t>& ids);

}  // namespace airtight::audit
