// Whatever a resolver answers to a probe: it is a denial only if the message says NXDOMAIN and holds no answer.
#include <cstdint>
#include <cstdlib>

#include "auditor/probe/resolver.h"

using namespace airtight;
using namespace airtight::audit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const IpSet inside = IpSet::of(*Prefix::parse("10.0.0.0/8"));
  const Reply reply = judge_answer(data, size, inside);
  if (reply.kind == Reply::Kind::Silent || reply.kind == Reply::Kind::Refused) std::abort();
  if (reply.kind == Reply::Kind::Denied && (size < 12 || (data[3] & 15) != 3 || data[6] != 0 || data[7] != 0))
    std::abort();
  return 0;
}
