// Any bytes as a file of pods: the reader ends, says what is wrong or gives entries that do not clash.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "auditor/attribution/pods.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace airtight::audit;
  std::vector<std::string> errors;
  const auto entries = parse_pods({reinterpret_cast<const char*>(data), size}, "pods", errors);
  if (!errors.empty() && !entries.empty()) std::abort();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const PodEntry& a = entries[i];
    if (a.from >= a.to || a.ns.empty() || a.name.empty() || (a.interface.empty() && a.addresses.empty())) std::abort();
    if (i >= 64) continue;  // pairs are many
    for (std::size_t k = 0; k < i; ++k) {
      const PodEntry& b = entries[k];
      if (a.to <= b.from || b.to <= a.from) continue;
      if (!a.interface.empty() && a.interface == b.interface) std::abort();
      for (const auto& address : a.addresses)
        if (std::find(b.addresses.begin(), b.addresses.end(), address) != b.addresses.end()) std::abort();
    }
  }
  return 0;
}
