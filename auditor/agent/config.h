// What the agent is told: a JSON file, and flags over it.
// {"policy":"/etc/airtight/policy.json","state":"/var/lib/airtight", "uplinks":["eth0"],"interval":10,…};
// agent.schema.json says the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace airtight::audit {

struct AgentConfig {
  std::string policy;                // path of policy.json
  std::string state;                 // directory of the evidence log
  std::string key;                   // key state; "STATE.key" if empty
  std::string node;                  // the host's name if empty
  std::vector<std::string> uplinks;  // name patterns beside the policy's
  std::vector<std::string> pod_side;
  std::string pods;                       // file of JSON lines; empty: none
  std::string pod_namespace;              // where pod canaries are sent from; empty: nowhere
  std::string user;                       // whom the unprivileged process becomes; empty: it stays
  std::string listen = "127.0.0.1:9464";  // of /metrics and /healthz; "none"
  std::uint64_t interval = 10;            // seconds between heartbeats
  std::uint64_t canary_interval = 60;     // seconds between rounds on average
  std::uint64_t probe_interval = 600;     // seconds between active denial tests on average; 0: none
  std::uint64_t duration = 0;             // seconds of coverage until a clean stop; 0: until a signal
  std::uint64_t take_over = 0;            // seconds to wait for the log that another agent writes; 0: refuse it
  bool real_probes = false;               // catalogue names and addresses too
  bool boundary_filter = true;            // where it was proven equal at start
  std::uint64_t ring = 64;                // MiB for each uplink
  std::uint64_t pod_ring = 2;             // MiB for each pod side, and the capture of all interfaces
  std::uint64_t flows = 500'000;          // places in the flow table
  std::uint64_t proof_seconds = 60;       // until a proof of the live rules is given up
  std::uint64_t keep_bytes = 0;           // retention of records; 0: no bound
  std::uint64_t keep_seconds = 0;
  friend bool operator==(const AgentConfig&, const AgentConfig&) = default;
};

// Reads the file's text over `config`. False, with messages "agent.json:3:7: …", for anything that is not in the table:
// unknown members, wrong types, numbers out of range.
bool read_config(std::string_view text, std::string_view path, AgentConfig& config, std::vector<std::string>& errors);
// What is missing or does not fit together, for the whole of file and flags; empty if nothing.
std::vector<std::string> check_config(const AgentConfig& config);

}  // namespace airtight::audit
