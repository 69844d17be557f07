// What the artifacts are held against.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/net/ip_set.h"
#include "compiler/policy/policy.h"

namespace airtight::verify {

struct Question {
  const Policy* policy = nullptr;  // from a spec or policy.json; outlives the judging. nullptr: only `sealed` is asked
  IpSet inside;                    // policy->inside, or of --inside or the default
  std::vector<std::string> inside_text;  // one a range, with its reason, public ones marked; printed with every verdict
  Date at;                               // exceptions in force
  bool every_pod = false;                // symbolic pods without a policy
  std::vector<Catalogue> catalogues;     // label findings
};

// DESIGN §4: without a policy, RFC 1918 and fc00::/7 less the cloud-metadata catalogue; loopback always.
Question question(const Policy& policy, Date at);
Question question(const std::vector<Prefix>& inside, const std::vector<Catalogue>& catalogues, Date at);

}  // namespace airtight::verify
