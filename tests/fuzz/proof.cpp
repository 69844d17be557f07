// Any bytes as the dumps of a reading, as a request to the prover and as its answer. The first octet says which tools
// they are of; a line of a zero octet divides them. What is neither our tables nor readable is never sealed.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "auditor/enforcement/proof.h"
#include "auditor/enforcement/prover_request.h"
#include "tests/emit/sample_policy.h"

namespace {

using namespace airtight::audit;

constexpr std::string_view kTools[] = {"nft -j list ruleset", "iptables-nft-save", "ip6tables-nft-save",
                                       "iptables-legacy-save", "ip6tables-legacy-save"};

void check(const Proof& proof) {
  Proof again;
  std::string why;
  if (!parse_proof(to_json(proof), again, why)) std::abort();
  if (again != proof || proof.opened.size() > 20) std::abort();
  if ((proof.outcome == "sealed") != proof.opened.empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const airtight::Policy kPolicy = airtight::tiny_policy();
  if (size == 0 || size > 65536) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);

  std::string_view json;
  Proof answer;
  std::string why;
  if (decode_answer(bytes, json) && parse_proof(json, answer, why)) {
    Proof again;
    if (!parse_proof(to_json(answer), again, why) || again != answer) std::abort();
  }
  if (const auto request = decode_request(bytes))
    if (encode_request(*request) != bytes) std::abort();

  const unsigned wanted = data[0];
  bytes.remove_prefix(1);
  std::vector<RulesetDump> dumps;
  for (unsigned tool = 0; tool < std::size(kTools); ++tool) {
    if ((wanted >> tool & 1) == 0) continue;
    const std::size_t end = std::min(bytes.find('\0'), bytes.size());
    dumps.push_back({std::string(kTools[tool]), std::string(bytes.substr(0, end)), "", false});
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  const Proof proof = prove_enforcement(kPolicy, {"eth0"}, dumps, {2026, 11, 25});
  check(proof);
  const bool ours = !dumps.empty() && dumps[0].text.find("airtight") != std::string::npos;
  if (proof.outcome == "sealed" && !ours) std::abort();
  if (ruleset_digest(dumps) != ruleset_digest({dumps.rbegin(), dumps.rend()})) std::abort();
  return 0;
}
