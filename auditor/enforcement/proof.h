// Live rulesets re-proved by the compiler's verifier (DESIGN §6, "Enforcement"). The only part of the auditor that sees
// compiler/verify.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "auditor/evidence/record.h"
#include "auditor/opener/opener.h"
#include "compiler/policy/compiled_policy.h"

namespace airtight::audit {

// SHA-256 ("sha256:…") of what the rules mean to the kernel: counters, handles, the tools' versions and time stamps are
// left out, and elements of sets that packets or time change by themselves, of which the proof knows nothing either.
// The order of rules is kept, that of tables and elements is not. Equal for two readings between which nobody changed
// anything. What a tool said on standard error counts.
std::string ruleset_digest(const std::vector<RulesetDump>& dumps);

struct Proof {
  std::string outcome;              // "sealed" "open" "unreadable", as in EnforcementRecord
  std::vector<std::string> opened;  // a clause each, with the counterexample and the rule; the worst first, at most 20
  std::vector<std::string> assumptions;
  // Of each uplink, whether a base chain at the egress hook that the emitter would have made for it (uplink_DEV) would
  // hold it if it is bound there: by the verifier, with the device put into the listing. What a listing cannot show,
  // that it is bound, a raw canary does.
  struct Chain {
    std::string uplink;
    bool present = false;
    bool sealed = false;
    std::string why;  // empty where it is sealed
    friend bool operator==(const Chain&, const Chain&) = default;
  };
  std::vector<Chain> chains;
  friend bool operator==(const Proof&, const Proof&) = default;
};

// The firewall layer of the verifier over these dumps, `sealed` asked with the exceptions of `at`. "open" where the
// layer is violated, or where a chain of an uplink is there and would not hold; "unreadable" where a dump failed, one
// backend or family is missing (R21), or the layer is inconclusive; both say why. Our tables missing altogether is
// "open".
Proof prove_enforcement(const Policy& policy, const std::vector<std::string>& uplinks,
                        const std::vector<RulesetDump>& dumps, Date at);

std::string to_json(const Proof& proof);
bool parse_proof(std::string_view json, Proof& proof, std::string& why);

}  // namespace airtight::audit
