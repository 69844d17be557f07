// Any text as address, prefix or name: what parses prints to text that parses to the same; what does not has a reason.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "compiler/net/domain.h"
#include "compiler/net/ip.h"

namespace {

void demand(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace airtight;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto ip = Ip::parse(text)) {
    demand(Ip::parse(to_string(*ip)) == ip);
    embedded_ipv4(*ip);
    demand(Domain::parse(reverse_name(*ip).text()).has_value());
  } else {
    demand(!why_not_ip(text).empty());
  }
  if (const auto prefix = Prefix::parse(text))
    demand(Prefix::parse(to_string(*prefix)) == prefix);
  else
    demand(!why_not_prefix(text).empty());
  masked_prefix(text);
  if (const auto domain = Domain::parse(text))
    demand(Domain::parse(to_string(*domain)) == domain);
  else
    demand(!why_not_domain(text).empty());
  return 0;
}
