// A network namespace of the test's own, without any route out, and what the tools say of its rules.
#pragma once

#include <string>
#include <vector>

#include "auditor/opener/opener.h"
#include "compiler/policy/policy.h"

namespace airtight::audit {

// What the emitter makes of one spec: IPv4 and IPv6, uplinks up0 and up0.7, an exception until 2027-06-30.
struct SealedNode {
  Policy policy;
  std::string policy_json;
  std::string inet;    // airtight.nft
  std::string egress;  // airtight-egress.nft
};
const SealedNode& sealed_node();
inline constexpr Date kDay{2026, 11, 25};

class LiveKernel {
 public:
  LiveKernel();   // enters the namespace, with devices up0 and up0.7 where it can
  ~LiveKernel();  // and leaves it
  LiveKernel(const LiveKernel&) = delete;
  // False, and a line "SKIPPED name reason", where this machine does not let us.
  bool ready(const char* test) const;

  static void nft(const std::string& text);  // fails the test if it does not load
  static std::string shell(const std::string& command);
  static bool has(const std::string& tool);
  static RulesetDump dump(const std::string& tool);
  // As the opener gives them: the listing, and every save whose backend shows something.
  static std::vector<RulesetDump> dumps();

 private:
  int before_ = -1;
  std::string why_not_;
};

}  // namespace airtight::audit
