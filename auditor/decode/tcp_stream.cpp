#include "auditor/decode/tcp_stream.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <utility>
#include <vector>

#include "auditor/decode/block_pool.h"
#include "auditor/decode/marks.h"

namespace airtight::audit {
namespace {

using Block = BlockPool::Block;

struct Stream {
  Block block;              // none while nothing is held
  Block marks;              // of the bytes past `end`, by sequence number; none while no byte came early
  std::uint32_t begin = 0;  // in the block: first byte that was not consumed,
  std::uint32_t end = 0;    // past the last one in order,
  std::uint32_t reach = 0;  // and past the last one that came early; >= end
  std::uint32_t next = 0;   // sequence number of the byte at `end`
  std::uint32_t early = 0;  // bytes past `end` that are there
  StreamId next_free = 0;
  bool open = false;
  bool given_up = false;

  std::size_t held() const { return end - begin; }
};

constexpr std::size_t kMaxWindow = std::size_t{1} << 30;  // half of what sequence numbers tell apart

}  // namespace

struct StreamPool::State {
  State(std::size_t count, std::size_t bytes, std::size_t most)
      : window(std::clamp<std::size_t>(most, 1, kMaxWindow)),
        mark_words(std::bit_ceil((window + 63) / 64)),
        pool(bytes, std::max(window, mark_words * sizeof(std::uint64_t))),
        streams(std::min<std::size_t>(count, UINT32_MAX - 1)) {}

  Stream& at(StreamId id) {
    assert(id != 0 && id <= streams.size() && streams[id - 1].open);
    return streams[id - 1];
  }

  void release_marks(Stream& stream) {
    pool.give(stream.marks);
    stream.early = 0;
    stream.reach = stream.end;
  }
  void release_if_empty(Stream& stream) {
    if (stream.held() != 0 || stream.early != 0) return;
    pool.give(stream.block);
    stream.begin = stream.end = stream.reach = 0;
  }
  StreamNews give_up(Stream& stream) {
    stream.given_up = true;
    release_marks(stream);
    release_if_empty(stream);
    return StreamNews::Gap;
  }

  // Makes `need` bytes from `begin` on writable, in one piece.
  bool reserve(Stream& stream, std::size_t need) {
    if (stream.block.size() - stream.begin >= need) return true;
    const Block old = stream.block;
    Block block = old;
    if (block.size() < need) {
      block = pool.take(need);
      if (!block) return false;
    }
    if (old) std::memmove(pool.bytes(block), pool.bytes(old) + stream.begin, stream.reach - stream.begin);
    stream.end -= stream.begin;
    stream.reach -= stream.begin;
    stream.begin = 0;
    if (block.unit != old.unit || block.orders != old.orders) pool.give(stream.block);
    stream.block = block;
    return true;
  }

  // Stores `payload` whose first byte belongs `ahead` bytes past `end`, and moves `end` over what is in order now. The
  // room is reserved. What is there already stays; false if something of it differs.
  bool store(Stream& stream, std::size_t ahead, Bytes payload) {
    std::uint8_t* const to = pool.bytes(stream.block) + stream.end + ahead;
    Marks marks(pool.words(stream.marks), mark_words);
    const std::uint64_t from = std::uint64_t{stream.next} + ahead;
    const std::uint64_t stop = from + payload.size();
    bool same = true;
    for (std::uint64_t at = from; at < stop;) {
      const std::uint64_t there = marks.find(at, stop, true);
      std::copy_n(payload.data() + (at - from), there - at, to + (at - from));
      stream.early += static_cast<std::uint32_t>(there - at);
      at = marks.find(there, stop, false);
      same = same && std::equal(to + (there - from), to + (at - from), payload.data() + (there - from));
    }
    marks.fill(from, stop, true);
    stream.reach = std::max(stream.reach, static_cast<std::uint32_t>(stream.end + ahead + payload.size()));
    const std::uint64_t in_order =
        marks.find(stream.next, stream.next + std::uint64_t{stream.reach - stream.end}, false);
    marks.fill(stream.next, in_order, false);
    const auto moved = static_cast<std::uint32_t>(in_order - stream.next);
    stream.early -= moved;
    stream.end += moved;
    stream.next += moved;
    if (stream.early == 0) release_marks(stream);
    return same;
  }

  std::size_t window;
  std::size_t mark_words;
  BlockPool pool;
  std::vector<Stream> streams;
  StreamId first_free = 0;  // of those that were closed
  std::uint32_t fresh = 0;  // streams that were ever opened
  std::size_t in_use = 0;
};

StreamPool::StreamPool(std::size_t streams, std::size_t bytes, std::size_t window)
    : state_(std::make_unique<State>(streams, bytes, window)) {}
StreamPool::~StreamPool() = default;

StreamId StreamPool::open(std::uint32_t next) {
  StreamId id = state_->first_free;
  if (id != 0) {
    state_->first_free = state_->streams[id - 1].next_free;
  } else {
    if (state_->fresh == state_->streams.size()) return 0;
    id = ++state_->fresh;
  }
  Stream& stream = state_->streams[id - 1];
  stream = {};
  stream.open = true;
  stream.next = next;
  ++state_->in_use;
  return id;
}

void StreamPool::close(StreamId id) {
  Stream& stream = state_->at(id);
  state_->pool.give(stream.block);
  state_->pool.give(stream.marks);
  stream.open = false;
  stream.next_free = state_->first_free;
  state_->first_free = id;
  --state_->in_use;
}

StreamNews StreamPool::add(StreamId id, std::uint32_t sequence, Bytes payload) {
  State& state = *state_;
  Stream& stream = state.at(id);
  if (payload.empty()) return StreamNews::Nothing;
  if (stream.given_up) return StreamNews::Gap;
  bool same = true;
  std::size_t ahead = sequence - stream.next;  // as a 32-bit number: sequence numbers wrap
  if (ahead >= std::size_t{1} << 31) {
    const std::size_t behind = (std::size_t{1} << 32) - ahead;
    const std::size_t old = std::min(behind, payload.size());
    const std::size_t consumed = std::min(old, behind - std::min(behind, stream.held()));
    if (old > consumed) {
      const std::uint8_t* const held = state.pool.bytes(stream.block) + (stream.end - (behind - consumed));
      same = std::equal(held, held + (old - consumed), payload.data() + consumed);
    }
    payload = payload.subspan(old);
    ahead = 0;
    if (payload.empty()) return same ? StreamNews::Nothing : StreamNews::Conflict;
  }
  const std::size_t room = state.window - stream.held();
  const bool beyond = ahead >= room || payload.size() > room - ahead;
  if (beyond) payload = payload.first(ahead < room ? room - ahead : 0);
  const std::uint32_t before = stream.next;
  if (!payload.empty()) {
    if (!state.reserve(stream, stream.held() + ahead + payload.size())) return state.give_up(stream);
    if (ahead == 0 && stream.early == 0) {
      std::copy(payload.begin(), payload.end(), state.pool.bytes(stream.block) + stream.end);
      stream.end += static_cast<std::uint32_t>(payload.size());
      stream.next += static_cast<std::uint32_t>(payload.size());
      stream.reach = stream.end;
    } else {
      if (!stream.marks) {
        stream.marks = state.pool.take(state.mark_words * sizeof(std::uint64_t));
        if (!stream.marks) return state.give_up(stream);
        Marks(state.pool.words(stream.marks), state.mark_words).clear();
      }
      same = state.store(stream, ahead, payload) && same;
    }
  }
  if (beyond) return state.give_up(stream);
  if (!same) return StreamNews::Conflict;
  return stream.next == before ? StreamNews::Nothing : StreamNews::Data;
}

Bytes StreamPool::data(StreamId id) const {
  const Stream& stream = state_->at(id);
  if (!stream.block) return {};
  return {std::as_const(state_->pool).bytes(stream.block) + stream.begin, stream.held()};
}

void StreamPool::consume(StreamId id, std::size_t count) {
  Stream& stream = state_->at(id);
  assert(count <= stream.held());
  stream.begin += static_cast<std::uint32_t>(count);
  state_->release_if_empty(stream);
}

std::uint32_t StreamPool::expected(StreamId id) const { return state_->at(id).next; }

std::size_t StreamPool::early(StreamId id) const { return state_->at(id).early; }

std::size_t StreamPool::in_use() const { return state_->in_use; }

}  // namespace airtight::audit
