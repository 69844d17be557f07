// What the agent tells about itself while it runs: /metrics in the Prometheus text format 0.0.4, /healthz as one line.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace airtight::audit {

struct Metrics {
  struct Interface {
    std::string role;
    std::uint64_t seen = 0, bytes = 0, dropped = 0, discarded = 0, sent = 0;
  };
  std::map<std::string, Interface> interfaces;
  std::map<std::string, std::uint64_t> classes;                           // packets by class
  std::map<std::string, std::uint64_t> gaps;                              // by reason
  std::map<std::pair<std::string, std::string>, std::uint64_t> findings;  // packets by rule id and effect
  std::map<std::pair<std::string, std::string>, std::uint64_t> canaries;  // by kind and fate
  std::uint64_t rounds_good = 0, rounds_bad = 0;
  std::map<std::string, std::uint64_t> probes;  // by outcome
  std::uint64_t violations = 0;                 // packets, counted as they are judged
  bool enforcement_sealed = false, conserved = false, log_failing = false;
  std::uint64_t log_records = 0, log_durable = 0;
  std::int64_t last_interval = 0;  // CLOCK_REALTIME of the last heartbeat, ns; 0: none yet
  std::string policy_digest, version;
  // Why /healthz answers 503; empty: all is well.
  std::vector<std::string> trouble;
};

std::string render_metrics(const Metrics& metrics);
std::string render_health(const Metrics& metrics);  // "ok\n", or one line a trouble

}  // namespace airtight::audit
