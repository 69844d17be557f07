// RTM_NEWQDISC, RTM_NEWTCLASS and RTM_NEWTFILTER: queues, and what filters and their actions can do with a frame.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auditor/interfaces/bypasses.h"
#include "auditor/interfaces/link_message.h"  // Parsed
#include "auditor/interfaces/netlink.h"

namespace airtight::audit {

struct TcQdisc {
  std::uint32_t index = 0;
  std::uint32_t handle = 0;
  std::uint32_t parent = 0;
  std::string kind;
  std::optional<QueueState> queue;
  std::vector<std::uint32_t> event_blocks;  // of filters that the qdisc itself asks (RED's qevents)
};

// Whether a kind of qdisc is known to do no more than to keep, order and drop frames of its own device.
bool is_known_qdisc(std::string_view kind);

// One thing that a filter does to frames beside classifying and dropping them.
struct TcWay {
  std::string what;  // "tc filter" "tc action"
  std::string name;  // the program's, or "mirred redirect"
  std::string detail;
  std::uint32_t program = 0;            // its id; 0: none, or not known
  std::optional<std::uint32_t> device;  // that a mirred action sends to
};

struct TcFilter {
  std::string detail;  // "prio 49152, chain 3, bpf direct action"
  std::vector<TcWay> ways;
};

// Of the bodies.
Parsed parse_qdisc(netlink::Bytes body, TcQdisc& qdisc);
Parsed parse_class(netlink::Bytes body, std::uint32_t& handle);
Parsed parse_filter(netlink::Bytes body, TcFilter& filter);

// Of an AF_XDP socket, as sock_diag(7) tells it: the device that it is bound to; 0: none yet.
Parsed parse_xdp_socket(netlink::Bytes body, std::uint32_t& index);

}  // namespace airtight::audit
