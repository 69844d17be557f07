// The node agent (DESIGN §6): one Boost.Asio loop, a thread that judges, and what they keep: captures, accounts,
// canaries, proofs of the live rules, the evidence log. It has no capability; what needs one is asked of the opener.
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "auditor/agent/config.h"
#include "auditor/evidence/disk.h"
#include "auditor/opener/opener.h"

namespace airtight::audit {

struct AgentEnd {
  std::string why;      // as in the stop record: "signal", "duration", "error: …"
  bool failed = false;  // by the environment: exit code 4
};

// policy.json is none: what() is the diagnostics, ready to print.
class BadPolicy : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// One JSON object without its line end: {"time":…,"event":"escape"|"gap"|"enforcement"|"canary"|"started"|…}.
using Say = std::function<void(std::string_view line)>;

// Makes the log with keys of its own where `config.state` holds none, and says that nobody enrolled them. Runs until
// SIGTERM or SIGINT (a clean stop: a last canary round, a stop record, a seal), config.duration, or an error that makes
// going on pointless; SIGHUP reads the policy again. Throws BadPolicy, std::system_error or std::runtime_error for what
// is wrong at the start. Precondition: check_config(config) is empty.
AgentEnd run_agent(const AgentConfig& config, std::string_view version, Opener& opener, Disk& disk, Clock& clock,
                   const Say& say);

}  // namespace airtight::audit
