// Reading every live ruleset, in a child process of the opener that ends with it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "auditor/opener/opener.h"

namespace airtight::audit {

struct ToolLimits {
  std::chrono::steady_clock::time_point deadline;
  std::size_t most_bytes = std::size_t{64} << 20;
};

// Runs `body` in a child process, its standard output and error being the dump's text and error. Failed, and without
// text, where it ends otherwise than with 0, prints more than it may or takes longer: then it is killed.
RulesetDump run_apart(const std::string& tool, const std::function<int()>& body, const ToolLimits& limits);

// The same for a program of /usr/sbin, /sbin, /usr/bin or /bin, in an environment of LC_ALL=C and PATH alone.
RulesetDump run_tool(const std::string& tool, const ToolLimits& limits);
bool has_tool(const std::string& tool);

// nft first. What is asked of iptables is in opener.h.
std::vector<RulesetDump> read_every_ruleset(const ToolLimits& limits);

// The life of the child: writes the frames of read_every_ruleset() to `out`, gives itself thirty seconds, and exits.
[[noreturn]] void write_rulesets(int out);

}  // namespace airtight::audit
