// The dumps of one reading as one ruleset of the verifier's: every table that the kernel holds, once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auditor/opener/opener.h"
#include "compiler/policy/compiled_policy.h"
#include "compiler/verify/firewall/ruleset.h"

namespace airtight::audit {

// As the emitter names them.
inline constexpr std::string_view kInetTable = "airtight";
inline constexpr std::string_view kEgressTable = "airtight_egress";

struct LiveRuleset {
  verify::Ruleset rules;
  std::vector<std::string> unread;  // why this is not the whole, a clause each; empty: it is
};

// nft's listing is the whole of nf_tables, so what iptables-nft-save repeats counts once: a table is taken from that
// tool only where the listing hides an extension of iptables in it. The opener leaves out a tool of iptables only where
// its tables are not in use; so no listing, a dump that failed, a tool that says that there are tables of another one
// whose dump is missing (R21), other words on standard error and statements whose effect nobody knows are `unread`.
LiveRuleset read_live_ruleset(const std::vector<RulesetDump>& dumps, Sources& sources);

const verify::FirewallTable* find_table(const verify::Ruleset& rules, verify::TableFamily family,
                                        std::string_view name);

// Our own tables as they are; of all others only what may lead packets past them or change packets. What others drop
// holds nothing: they may take it away at any time, and the watch of changes would not call that unsure.
verify::Ruleset relying_on_own_tables(verify::Ruleset rules);

}  // namespace airtight::audit
