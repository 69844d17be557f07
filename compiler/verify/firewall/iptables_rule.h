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

// As iptables-restore divides a line: quoted words with \ before a quotation mark; nullopt without the closing one.
std::optional<std::vector<std::string>> iptables_words(std::string_view line);

// Fills everything but the span. A target that is none of the known ones is a Jump to a chain of that name.
void read_iptables_rule(std::span<const std::string> words, Family, FirewallRule&);

void mark_not_understood(FirewallRule&, const std::string& why);

}  // namespace airtight::verify
