// BPF_PROG_QUERY (bpf(2)) by its numbers: the headers that we build with may be older than the kernel that we run on.
#include "auditor/opener/device_programs.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace airtight::audit {
namespace {

// BPF_TCX_INGRESS, BPF_TCX_EGRESS, BPF_NETKIT_PRIMARY, BPF_NETKIT_PEER.
constexpr std::array<std::uint32_t, 4> kHooks{46, 47, 54, 55};
constexpr std::uint32_t kNetkitHooks = 54;
constexpr std::uint32_t kMostPrograms = 64;  // the kernel's own bound for a hook

struct Query {
  std::uint32_t device, hook, query_flags, attach_flags;
  std::uint64_t ids;
  std::uint32_t count, unused;
  std::uint64_t program_flags, link_ids, link_flags, revision;
};

}  // namespace

std::error_code device_programs(std::uint32_t index, std::vector<std::uint32_t>& ids) {
  ids.clear();
  for (const std::uint32_t hook : kHooks) {
    std::array<std::uint32_t, kMostPrograms> found{};
    Query query{};
    query.device = index;
    query.hook = hook;
    query.ids = reinterpret_cast<std::uintptr_t>(found.data());
    query.count = kMostPrograms;
    if (::syscall(SYS_bpf, BPF_PROG_QUERY, &query, sizeof query) != 0) {
      // No such hook in this kernel; the device is gone; or no netkit, or its other end, which its first end speaks
      // for.
      if (errno == EINVAL || errno == ENODEV) continue;
      if (hook >= kNetkitHooks && (errno == EACCES || errno == ENXIO)) continue;
      return {errno, std::generic_category()};
    }
    if (query.count > kMostPrograms) return std::make_error_code(std::errc::value_too_large);
    ids.insert(ids.end(), found.begin(), found.begin() + query.count);
  }
  return {};
}

}  // namespace airtight::audit
