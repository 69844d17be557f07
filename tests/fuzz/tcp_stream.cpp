// Random segments, closes and reads on a few streams of one small pool, against a map of bytes a stream.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <vector>

#include "auditor/decode/byte_reader.h"
#include "auditor/decode/tcp_stream.h"

namespace {

using namespace airtight::audit;

void demand(bool condition) {
  if (!condition) std::abort();
}

struct Oracle {
  StreamId id = 0;
  std::uint32_t start = 0;  // sequence number of position 0
  std::uint64_t first = 0;  // position of the first byte that was not consumed
  std::uint64_t next = 0;   // and of the first that is lacking
  bool given_up = false;
  std::map<std::uint64_t, std::uint8_t> bytes;

  StreamNews add(std::int64_t at, Bytes payload, std::size_t window) {
    if (payload.empty()) return StreamNews::Nothing;
    if (given_up) return StreamNews::Gap;
    bool same = true;
    const std::uint64_t before = next;
    for (const std::uint8_t byte : payload) {
      const std::int64_t place = at++;
      if (place < static_cast<std::int64_t>(first)) continue;
      if (static_cast<std::uint64_t>(place) >= first + window) {
        given_up = true;
        break;
      }
      const auto [entry, is_new] = bytes.emplace(static_cast<std::uint64_t>(place), byte);
      same = same && (is_new || entry->second == byte);
    }
    while (bytes.count(next) != 0) ++next;
    if (given_up) return StreamNews::Gap;
    if (!same) return StreamNews::Conflict;
    return next == before ? StreamNews::Nothing : StreamNews::Data;
  }
};

void check(const StreamPool& pool, const Oracle& stream) {
  demand(pool.expected(stream.id) == stream.start + static_cast<std::uint32_t>(stream.next));
  const Bytes held = pool.data(stream.id);
  demand(held.size() == stream.next - stream.first);
  for (std::size_t index = 0; index < held.size(); ++index)
    demand(stream.bytes.at(stream.first + index) == held[index]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader reader({data, size});
  const std::size_t window = 1 + reader.u16() % 9000;
  const std::size_t units = 1 + reader.u8() % 24;
  StreamPool pool(4, units * 2048, window);
  std::array<Oracle, 4> streams;
  std::vector<std::uint8_t> payload;
  while (reader.left() > 0) {
    const std::uint8_t what = reader.u8();
    Oracle& stream = streams[what & 3];
    if (stream.id == 0) {
      stream = {};
      stream.start = reader.u32();
      stream.id = pool.open(stream.start);
      demand(stream.id != 0);
    }
    const std::uint16_t amount = reader.u16();
    switch (what >> 2 & 7) {
      case 0:
        pool.close(stream.id);
        stream.id = 0;
        continue;
      case 1: {
        const std::size_t count = std::min<std::size_t>(amount, pool.data(stream.id).size());
        pool.consume(stream.id, count);
        stream.first += count;
        stream.bytes.erase(stream.bytes.begin(), stream.bytes.lower_bound(stream.first));
        break;
      }
      default: {
        // Around the byte that is lacking, with the bytes that belong there but for one that may lie.
        const std::int64_t at =
            static_cast<std::int64_t>(stream.next) + static_cast<std::int16_t>(reader.u16()) % 10000;
        payload.resize(amount % 800);
        for (std::size_t index = 0; index < payload.size(); ++index)
          payload[index] = static_cast<std::uint8_t>((at + static_cast<std::int64_t>(index)) * 167 >> 3);
        if ((what & 0x80) != 0 && !payload.empty()) payload[amount % payload.size()] ^= 0x55;
        const std::uint64_t before = stream.next;
        const StreamNews expected = stream.add(at, payload, window);
        const StreamNews news = pool.add(stream.id, stream.start + static_cast<std::uint32_t>(at), payload);
        // Used up buffers are a gap too, of which nothing was taken.
        if (news == StreamNews::Gap && pool.expected(stream.id) == stream.start + static_cast<std::uint32_t>(before)) {
          stream.next = before;
          stream.given_up = true;
        } else {
          demand(news == expected);
        }
      }
    }
    check(pool, stream);
  }
  for (const Oracle& each : streams) {
    if (each.id == 0) continue;
    check(pool, each);
    pool.close(each.id);
  }
  // All of it came back, in one piece of the largest size.
  const StreamId last = pool.open(0);
  demand(pool.in_use() == 1);
  payload.assign(std::min<std::size_t>({window, units * 2048, 1024}), 7);
  demand(pool.add(last, 0, payload) == StreamNews::Data);
  return 0;
}
