// Any bytes as a spec: an error or a Policy that every target can check and emit. Two files are given where the bytes
// hold a "\n%%\n" line, so that merging is reached too.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/builtin.h"
#include "compiler/emit/target.h"
#include "compiler/policy/compiled_policy.h"
#include "compiler/spec/resolve.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace airtight;
  static const Rules rules = builtin_rules();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Sources sources;
  Diagnostics diagnostics;
  std::vector<std::uint32_t> files;
  const std::size_t cut = text.find("\n%%\n");
  files.push_back(sources.add("a.yaml", std::string(text.substr(0, cut))));
  if (cut != std::string_view::npos) files.push_back(sources.add("b.yaml", std::string(text.substr(cut + 4))));
  const std::optional<Policy> policy = read_policy(files, rules, Date{2026, 11, 25}, sources, diagnostics);
  render_text(diagnostics, sources, true);
  render_json(diagnostics, sources);
  if (!policy) {
    if (!diagnostics.has_errors()) std::abort();  // refused without a word
    return 0;
  }
  std::vector<TargetId> wanted;
  for (const Target* target : targets()) wanted.push_back(target->id);
  check_targets(*policy, wanted, diagnostics);
  if (!diagnostics.has_errors()) emit_targets(*policy, wanted);
  const std::string compiled = serialise(*policy);
  Diagnostics again;
  const std::optional<Policy> read = parse_compiled_policy(sources.add("policy.json", compiled), sources, again);
  if (!read || !(*read == *policy)) std::abort();  // policy.json lost something
  return 0;
}
