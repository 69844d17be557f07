// Any bytes on either side of the opener's socket pair, and as its stream of rulesets: what is taken is exactly what
// would have been sent.
#include <cstdlib>

#include "auditor/opener/message.h"

namespace {

using namespace airtight::audit;

void check(bool holds) {
  if (!holds) std::abort();
}

void as_request(std::string_view bytes) {
  std::uint32_t id = 0;
  const auto request = parse_request(bytes, id);
  check(id == (bytes.size() < 4 ? 0 : get_u32(bytes)));
  if (!request) return;
  check(request->id == id && bytes.size() <= kMaxRequest && encode_request(*request) == bytes);
  if (request->operation == Operation::Counters) check(nft_family(request->family) && is_nft_name(request->table));
}

void as_reply(std::string_view bytes) {
  if (const auto reply = parse_reply(bytes)) check(encode_reply(*reply) == bytes && reply->error >= 0);
}

void as_dumps(std::string_view bytes) {
  std::vector<RulesetDump> dumps;
  std::string why;
  if (!decode_dumps(bytes, dumps, why)) {
    check(dumps.empty() && !why.empty());
    return;
  }
  check(why.empty());
  std::string again;
  for (const RulesetDump& dump : dumps) {
    check(!dump.tool.empty());
    again += encode_dump(dump);
  }
  // All of it, but for the frame that tells their number.
  check(bytes.size() >= again.size() && bytes.substr(bytes.size() - again.size()) == again);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  as_request(bytes);
  as_reply(bytes);
  as_dumps(bytes);
  return 0;
}
