// Random fragments of a few datagrams against a map of bytes a datagram; then the same in a table that is far too
// small, where only the counts must add up.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <vector>

#include "auditor/decode/byte_reader.h"
#include "auditor/decode/fragments.h"

namespace {

using namespace airtight;
using namespace airtight::audit;

void demand(bool condition) {
  if (!condition) std::abort();
}

struct Part {
  std::size_t from;
  std::vector<std::uint8_t> bytes;
  bool last;
  bool operator==(const Part&) const = default;
};

struct Oracle {
  std::map<std::size_t, std::uint8_t> bytes;
  std::vector<Part> parts;
  std::vector<std::uint8_t> previous, whole;  // completed before, and just now
  bool echo = false, given_up = false;

  bool fail() {
    given_up = true;
    parts.clear();
    bytes.clear();
    return false;
  }
  // Whether it is still of use; `overlap` says why not.
  bool add(const Part& part, bool& overlap) {
    whole.clear();
    if (given_up) return false;
    const std::size_t to = part.from + part.bytes.size();
    if (part.bytes.empty() || to > 65535 || (!part.last && part.bytes.size() % 8 != 0)) return fail();
    if (std::find(parts.begin(), parts.end(), part) != parts.end()) return true;
    if (parts.empty()) echo = !previous.empty();
    echo = echo && to <= previous.size() && part.last == (to == previous.size()) &&
           std::equal(part.bytes.begin(), part.bytes.end(), previous.begin() + static_cast<std::ptrdiff_t>(part.from));
    for (std::size_t at = part.from; at < to; ++at) overlap = overlap || bytes.count(at) != 0;
    bool ended = part.last;
    for (const Part& each : parts) {
      const std::size_t end = each.from + each.bytes.size();
      // The last eight bytes of a datagram may be fewer: what shares them overlaps.
      overlap = overlap || (part.from / 8 < (end + 7) / 8 && each.from / 8 < (to + 7) / 8);
      ended = ended || each.last;
    }
    if (overlap) return fail();
    for (const Part& each : parts) {
      const std::size_t end = each.from + each.bytes.size();
      if ((each.last && (part.last || to > end)) || (part.last && end > to)) return fail();
    }
    for (std::size_t at = part.from; at < to; ++at) bytes[at] = part.bytes[at - part.from];
    parts.push_back(part);
    if (!ended || bytes.size() != bytes.rbegin()->first + 1) return true;
    for (const auto& [at, byte] : bytes) whole.push_back(byte);
    previous = whole;
    parts.clear();
    bytes.clear();
    return true;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader reader({data, size});
  FragmentTable table(4, 1 << 20);
  FragmentTable small(2, 3 * 2048);
  std::array<Oracle, 4> oracles;
  std::uint64_t given_up = 0, completed = 0, fragments = 0;
  while (reader.left() > 0) {
    const std::uint8_t what = reader.u8();
    const std::uint8_t place = reader.u8();
    const std::uint16_t length = reader.u16();
    Part part;
    // Small ones by eights, large ones by 2,048: collisions should be common in either.
    part.from = (what & 4) != 0 ? place % 32 * 2048u : place % 16 * 8u;
    part.last = (what & 8) != 0;
    part.bytes.resize(part.last || (what & 16) != 0 ? length % 5000 : length % 4 * ((what & 4) != 0 ? 1024u : 8u));
    for (std::size_t at = 0; at < part.bytes.size(); ++at)
      part.bytes[at] = static_cast<std::uint8_t>((part.from + at) * 37 >> 2);
    if ((what & 0x60) == 0x60 && !part.bytes.empty()) part.bytes[length % part.bytes.size()] ^= 1;

    Level level;
    level.source = (what & 0x80) != 0 ? Ip::v4(1) : Ip::v6(1);
    level.destination = level.source;
    level.fragment = true;
    level.fragment_offset = static_cast<std::uint16_t>(part.from);
    level.more_fragments = !part.last;
    level.fragment_id = what & 1;
    level.fragment_protocol = 17;
    Oracle& oracle = oracles[(what & 1u) + (what >> 7) * 2u];
    const bool before = oracle.given_up;
    bool overlap = false;
    const bool sound = oracle.add(part, overlap);
    const FragmentNews news = table.add(level, part.bytes, 0, kNoTime);
    demand(news.overlap == overlap);
    demand(news.given_up == !sound);
    demand(news.oversize == (part.from + part.bytes.size() > 65535));
    demand(std::equal(news.whole.begin(), news.whole.end(), oracle.whole.begin(), oracle.whole.end()));
    if (!before && oracle.given_up) ++given_up;
    if (!oracle.whole.empty()) ++completed;
    ++fragments;
    demand(table.counts().given_up == given_up && table.counts().completed == completed &&
           table.counts().fragments == fragments);
    const auto waiting = std::count_if(oracles.begin(), oracles.end(), [](const Oracle& each) {
      return !each.given_up && !each.parts.empty() && !each.echo;
    });
    demand(table.waiting() == static_cast<std::size_t>(waiting));

    const std::uint64_t lost = small.counts().given_up;
    const FragmentNews crowded = small.add(level, part.bytes, place, static_cast<std::int64_t>(length) << 32);
    demand(crowded.given_up || small.counts().given_up == lost);
    demand(small.waiting() <= 2);
  }
  return 0;
}
