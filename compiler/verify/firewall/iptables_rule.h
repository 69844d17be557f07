// One rule of iptables-save behind "-A CHAIN".
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/net/ip.h"
#include "compiler/verify/firewall/ruleset.h"

namespace airtight::verify {

struct IptablesTarget {
  enum class Effect : std::uint8_t { Verdict, Nothing, Untrack, Mark, RestoreMark, HopLimit, Rewrite };
  std::string_view name;
  Effect effect = Effect::Nothing;
  FirewallVerdict::Kind kind = FirewallVerdict::Kind::Continue;
};
const IptablesTarget* find_iptables_target(std::string_view name);

// As iptables-restore divides a line: quoted words with \ before a quotation mark; nullopt without the closing one.
std::optional<std::vector<std::string>> iptables_words(std::string_view line);

// Fills everything but the span. A target that is none of the known ones is a Jump to a chain of that name.
void read_iptables_rule(std::span<const std::string> words, Family, FirewallRule&);

void mark_not_understood(FirewallRule&, const std::string& why);

}  // namespace airtight::verify
