// Any bytes as policy.json: refused, or exactly what serialise() writes for what was read.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "compiler/policy/compiled_policy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace airtight;
  Sources sources;
  Diagnostics diagnostics;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto policy = parse_compiled_policy(sources.add("policy.json", text), sources, diagnostics);
  render_text(diagnostics, sources, false);
  if (policy && policy_digest(*policy).empty()) std::abort();
  if (!policy && !diagnostics.has_errors()) std::abort();
  return 0;
}
