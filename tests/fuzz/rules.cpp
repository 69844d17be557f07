// Any bytes as a file of --rules: an error or lists whose sets can be built.
#include <cstdint>
#include <string>

#include "compiler/spec/catalogue_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace airtight;
  Sources sources;
  Diagnostics diagnostics;
  const std::uint32_t file = sources.add("rules.yaml", std::string(reinterpret_cast<const char*>(data), size));
  if (const auto rules = read_rules({&file, 1}, sources, diagnostics)) {
    for (const Catalogue& catalogue : rules->catalogues) {
      catalogue.addresses();
      catalogue.names();
    }
  }
  render_text(diagnostics, sources, false);
  return 0;
}
