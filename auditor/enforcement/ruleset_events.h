// What changed in nftables, as it changes: NFNLGRP_NFTABLES. A reading after a change shows what is in force then, not
// what was for a moment before: these events do.
#pragma once

#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "auditor/opener/opener.h"

namespace airtight::audit {

struct RulesetChange {
  bool lost = false;  // ENOBUFS: some were not heard
  // Tables that transactions touched, "netdev airtight_egress"; sorted, unique. Set elements count.
  std::vector<std::string> tables;
  // Why the time until the next reading is unsure, a clause each, at most 64: one of our own tables (inet airtight,
  // netdev airtight_egress) changed; another one gained an expression that can lead packets past ours or change them
  // behind our check (dup, fwd, queue, tproxy, synproxy, payload or exthdr writes), or a flowtable; a message that is
  // not understood; lost ones. Empty: others changed, in ways on which the proof does not rely. Translation (nat, masq,
  // redir) is one of those: the kernel does it ahead of our checks, and kube-proxy whenever an endpoint comes or goes.
  std::vector<std::string> unsure;
};

// Takes every event that waits at the socket (SocketKind::RulesetEvents), without waiting. Bytes are hostile: never
// reads out of bounds.
std::error_code read_ruleset_events(int socket, RulesetChange& change);
// The same of one datagram; for tests and the fuzzer.
void parse_ruleset_events(std::string_view datagram, RulesetChange& change);

}  // namespace airtight::audit
