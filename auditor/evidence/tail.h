// The tail file: the records of the bundle that is not full yet, each framed so that a torn end is told from a record.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auditor/evidence/crypto.h"

namespace airtight::audit {

struct TailFrame {
  std::string_view record;
  Hash leaf{};
};

// Big-endian uint16 length, the first four bytes of the leaf hash, the record.
std::string tail_frame(std::string_view record, const Hash& leaf);
// Views into `bytes`, up to the first frame that is not whole or whose hash is wrong; `torn` is how many bytes follow.
std::vector<TailFrame> parse_tail(std::string_view bytes, std::size_t& torn);

}  // namespace airtight::audit
