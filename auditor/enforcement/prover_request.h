// What the prover's child is asked, as bytes: texts are not JSON, so that a dump may hold any.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auditor/opener/opener.h"
#include "compiler/policy/compiled_policy.h"

namespace airtight::audit {

struct ProverRequest {
  std::string policy_json;
  std::vector<std::string> uplinks;
  std::vector<RulesetDump> dumps;
  Date at;
  unsigned seconds = 0;
};

std::string encode_request(const ProverRequest& request);
// Empty unless the bytes are one whole request and nothing else.
std::optional<ProverRequest> decode_request(std::string_view bytes);

// The answer: its length, big-endian in four octets, then the JSON of a Proof, at most kMaxAnswer octets of it.
inline constexpr std::size_t kMaxAnswer = 1U << 20;
std::string encode_answer(std::string_view json);
// False unless the bytes are one whole answer and nothing else.
bool decode_answer(std::string_view bytes, std::string_view& json);

}  // namespace airtight::audit
