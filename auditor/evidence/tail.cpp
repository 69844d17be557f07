#include "auditor/evidence/tail.h"

#include "auditor/evidence/merkle.h"
#include "auditor/evidence/tiles.h"

namespace airtight::audit {
namespace {

constexpr std::size_t kCheck = 4;

}  // namespace

std::string tail_frame(std::string_view record, const Hash& leaf) {
  std::string entry;
  append_entry(entry, record);
  return entry.insert(2, bytes_of(leaf).substr(0, kCheck));
}

std::vector<TailFrame> parse_tail(std::string_view bytes, std::size_t& torn) {
  std::vector<TailFrame> frames;
  while (bytes.size() >= 2 + kCheck && frames.size() < kTileWidth) {
    const std::size_t size =
        std::size_t{static_cast<unsigned char>(bytes[0])} << 8 | static_cast<unsigned char>(bytes[1]);
    if (size == 0 || bytes.size() - 2 - kCheck < size) break;
    const std::string_view record = bytes.substr(2 + kCheck, size);
    const Hash leaf = leaf_hash(record);
    if (bytes_of(leaf).substr(0, kCheck) != bytes.substr(2, kCheck)) break;
    frames.push_back({record, leaf});
    bytes.remove_prefix(2 + kCheck + size);
  }
  torn = bytes.size();
  return frames;
}

}  // namespace airtight::audit
