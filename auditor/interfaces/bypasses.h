// Ways around netfilter (DESIGN §6): tc filters and actions, XDP programs, AF_XDP sockets, SR-IOV functions, listed
// every interval. Flowtables are in the ruleset and are the enforcement watch's. Nothing here needs a capability.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <system_error>
#include <vector>

#include "auditor/interfaces/links.h"
#include "compiler/policy/compiled_policy.h"

namespace airtight::audit {

struct Bypass {
  std::string interface;  // empty: the kernel does not say which
  std::string what;       // "tc filter" "tc action" "tc qdisc" "BPF program" (at a device's own hooks: tcx, netkit)
                          // "XDP program" "AF_XDP socket" "SR-IOV functions"
  std::string name;       // of the program, as the kernel tells it; "mirred redirect to eth1"; may be empty
  std::string detail;     // "ingress, prio 49152, bpf direct action, tag 0123456789abcdef"
  bool declared = false;  // the policy's `programs` names it
  friend auto operator<=>(const Bypass&, const Bypass&) = default;
};

struct BypassQuestions {
  // The name of a program by its id; may be empty where the kernel does not tell.
  std::function<std::string(std::uint32_t id)> program_name;
  // Empty: device_programs() by this process. Where it is not permitted, what may be there is one Bypass.
  std::function<std::error_code(std::uint32_t index, std::vector<std::uint32_t>& ids)> device_programs;
};

// Every tc filter of every qdisc (ingress, egress, clsact, shared blocks, classful ones), with its actions; only what
// can redirect, mirror, rewrite or hand to a program is a Bypass: a filter that only classifies or drops is none,
// classic BPF among them, which can do no more. What is not understood is one. Programs and functions are asked for
// anew, of every device that is there now; `links` adds those that were there before. Sorted, each once. On an error
// nothing is known.
std::error_code list_bypasses(const std::map<std::uint32_t, Link>& links, const Policy& policy,
                              const BypassQuestions& ask, std::vector<Bypass>& bypasses);
std::error_code list_bypasses(const std::map<std::uint32_t, Link>& links, const Policy& policy,
                              const std::function<std::string(std::uint32_t id)>& program_name,
                              std::vector<Bypass>& bypasses);

// Of the root qdisc tree of a device, from RTM_GETQDISC: frames that wait, and that were dropped since it was made.
// Both 0 where it has no queue. A device that is not there is std::errc::no_such_device.
struct QueueState {
  std::uint64_t backlog = 0;
  std::uint64_t drops = 0;
  friend bool operator==(const QueueState&, const QueueState&) = default;
};
std::error_code queue_state(std::uint32_t index, QueueState& state);

}  // namespace airtight::audit
