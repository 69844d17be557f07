// Any bytes as nftables text, as `nft -j` and as iptables-save: an error, or rules whose boxes hold together.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "compiler/verify/document.h"
#include "compiler/verify/firewall/ruleset.h"

namespace {

using namespace airtight;
using namespace airtight::verify;

void check(bool ok, const Ruleset& ruleset, const Diagnostics& diagnostics, const Sources& sources) {
  render_text(diagnostics, sources, false);
  if (ok == diagnostics.has_errors()) std::abort();  // refused without a word, or taken in spite of one
  if (!ok && !ruleset.tables.empty()) std::abort();  // half of a ruleset is none
  for (const FirewallTable& table : ruleset.tables)
    for (const FirewallChain& chain : table.chains)
      for (const FirewallRule& rule : chain.rules) {
        if (rule.understood == !rule.why_not.empty()) std::abort();
        if (rule.span.source == 0 || rule.span.end < rule.span.begin) std::abort();
        for (const FirewallBranch& branch : rule.branches)
          for (const Box& box : branch.match)
            for (const auto& [field, values] : box.constraints())
              if (values.empty() || !values.subset_of(universe(field))) std::abort();
      }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  recognise_firewall(text);
  for (const bool save : {false, true}) {
    Sources sources;
    Diagnostics diagnostics;
    Ruleset ruleset;
    const std::uint32_t source = sources.add("rules", text);
    const bool ok = save ? read_iptables_save(source, sources, diagnostics, ruleset)
                         : read_nftables_text(source, sources, diagnostics, ruleset);
    check(ok, ruleset, diagnostics, sources);
  }
  if (text.empty() || text[0] != '{') return 0;
  Sources sources;
  Diagnostics diagnostics;
  Ruleset ruleset;
  if (const auto document = read_document(sources.add("rules.json", text), sources, diagnostics)) {
    const bool ok = read_nftables_json(*document, sources, diagnostics, ruleset);
    check(ok, ruleset, diagnostics, sources);
  }
  return 0;
}
