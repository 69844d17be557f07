#include "auditor/flow_table.h"

#include <sys/mman.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "auditor/decode/frame.h"

namespace airtight::audit {
namespace {

constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kFin = 0x01;
constexpr std::uint8_t kSyn = 0x02;
constexpr std::uint8_t kRst = 0x04;
constexpr std::uint8_t kAck = 0x10;

constexpr std::uint8_t kBothFins = 0x3;
constexpr std::uint8_t kReset = 0x4;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kEstablishedIdle = 3'600 * kSecond;
constexpr std::uint64_t kOtherIdle = 120 * kSecond;

constexpr int kLowIsV6 = 0x100;  // beside the protocol
constexpr int kHighIsV6 = 0x200;

constexpr std::size_t kHandSteps = 64;

// Slots are 32 bits wide and 0 in a cell means empty.
constexpr std::size_t kMostFlows = std::size_t{1} << 31;

// A key with its ends in order, so that both directions are the same bytes.
struct PackedKey {
  std::array<std::uint64_t, 2> low{};   // address of the lower end, high half first
  std::array<std::uint64_t, 2> high{};  // of the other
  std::uint64_t rest = 0;               // port of the lower end, of the other, place
  std::uint16_t kinds = 0;              // protocol, then a bit for each end that is IPv6
  bool swapped = false;                 // the source is the higher end; no part of the value
  std::uint32_t hash = 0;

  friend bool operator==(const PackedKey& a, const PackedKey& b) {
    return a.hash == b.hash && a.low == b.low && a.high == b.high && a.rest == b.rest && a.kinds == b.kinds;
  }
};

// Both halves of the product, which every bit of either factor reaches.
std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const u128 product = u128{a} * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Senders choose addresses and ports, so the hash has a secret: nobody can aim at one bucket.
struct Secret {
  std::array<std::uint64_t, 8> words{};

  Secret() {
    auto* at = reinterpret_cast<unsigned char*>(words.data());
    for (std::size_t got = 0; got < sizeof words;) {
      const ssize_t n = getrandom(at + got, sizeof words - got, 0);
      if (n < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "getrandom");
      if (n > 0) got += static_cast<std::size_t>(n);
    }
  }

  std::uint32_t hash(const PackedKey& key) const {
    const std::uint64_t low = mix(key.low[0] ^ words[0], key.low[1] ^ words[1]);
    const std::uint64_t high = mix(key.high[0] ^ words[2], key.high[1] ^ words[3]);
    const std::uint64_t rest = mix(key.rest ^ words[4], key.kinds ^ words[5]);
    return static_cast<std::uint32_t>(mix(low ^ rest ^ words[6], high ^ words[7]) >> 32);
  }
};

PackedKey pack(const FlowKey& key, const Secret& secret) {
  const auto half = [](u128 bits, int shift) { return static_cast<std::uint64_t>(bits >> shift); };
  const bool swapped =
      key.source != key.destination ? key.source > key.destination : key.source_port > key.destination_port;
  const Ip low = swapped ? key.destination : key.source;
  const Ip high = swapped ? key.source : key.destination;
  const std::uint64_t low_port = swapped ? key.destination_port : key.source_port;
  const std::uint64_t high_port = swapped ? key.source_port : key.destination_port;
  const int families = (low.is_v4() ? 0 : kLowIsV6) | (high.is_v4() ? 0 : kHighIsV6);
  PackedKey packed{{half(low.bits(), 64), half(low.bits(), 0)},
                   {half(high.bits(), 64), half(high.bits(), 0)},
                   low_port << 48 | high_port << 32 | key.place,
                   static_cast<std::uint16_t>(key.protocol | families),
                   swapped};
  packed.hash = secret.hash(packed);
  return packed;
}

FlowKey unpack(const PackedKey& key) {
  const auto address = [&](const std::array<std::uint64_t, 2>& halves, int bit) {
    return (key.kinds & bit) != 0 ? Ip::v6(u128{halves[0]} << 64 | halves[1])
                                  : Ip::v4(static_cast<std::uint32_t>(halves[1]));
  };
  FlowKey result{address(key.low, kLowIsV6),
                 address(key.high, kHighIsV6),
                 static_cast<std::uint16_t>(key.rest >> 48),
                 static_cast<std::uint16_t>(key.rest >> 32),
                 static_cast<std::uint8_t>(key.kinds),
                 static_cast<std::uint32_t>(key.rest)};
  if (key.swapped) {
    std::swap(result.source, result.destination);
    std::swap(result.source_port, result.destination_port);
  }
  return result;
}

// Zeroed memory that costs nothing until it is touched; large pages where it is touched from the front.
enum class Pattern : std::uint8_t { Scattered, Dense };

template <class T>
class Pages {
 public:
  Pages(std::size_t count, Pattern pattern) : bytes_(std::max<std::size_t>(count, 1) * sizeof(T)), size_(count) {
    memory_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "memory for flows");
    if (pattern == Pattern::Dense) madvise(memory_, bytes_, MADV_HUGEPAGE);  // a hint: it may fail
  }
  ~Pages() { munmap(memory_, bytes_); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return static_cast<T*>(memory_)[i]; }
  const T& operator[](std::size_t i) const { return static_cast<const T*>(memory_)[i]; }

 private:
  std::size_t bytes_;
  std::size_t size_;
  void* memory_;
};

constexpr std::size_t kFirstCells = std::size_t{1} << 14;

// Zero is empty. The whole hash stands in the cell, so that neither a search nor a deletion reads other entries.
struct Cell {
  std::uint32_t hash;
  std::uint32_t slot_and_one;
};
static_assert(sizeof(Cell) == 8);

struct Entry {
  PackedKey key;
  Flow flow;
};
static_assert(sizeof(PackedKey) == 48 && sizeof(Entry) == 128, "an entry is two cache lines");

bool is_closed(const Flow& flow) { return (flow.closed & kReset) != 0 || (flow.closed & kBothFins) == kBothFins; }

// TCP is established once packets went both ways. Without times nothing is idle.
bool is_idle(const Entry& entry, std::int64_t time) {
  const Flow& flow = entry.flow;
  if (time == kNoTime || flow.last == kNoTime || time <= flow.last) return false;
  const std::uint64_t quiet = static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(flow.last);
  const bool tcp = static_cast<std::uint8_t>(entry.key.kinds) == kTcp;
  const bool established = tcp && flow.packets[0] > 0 && flow.packets[1] > 0;
  return quiet > (established ? kEstablishedIdle : kOtherIdle);
}

template <class T>
void add_saturating(T& sum, T value) {
  sum = value > std::numeric_limits<T>::max() - sum ? std::numeric_limits<T>::max() : static_cast<T>(sum + value);
}

// Packets of one flow may come out of order: first and last are the ends of what was seen.
void widen(Flow& flow, std::int64_t time) {
  if (time == kNoTime) return;
  flow.first = flow.first == kNoTime ? time : std::min(flow.first, time);
  flow.last = flow.last == kNoTime ? time : std::max(flow.last, time);
}

bool is_opening(std::uint8_t flags) { return (flags & (kSyn | kAck)) == kSyn; }
void remember_syn(Flow& flow, std::uint32_t sequence) {
  flow.has_syn = true;
  flow.syn_sequence = sequence;
}

// Whether a SYN of the opener of a live flow is another connection's.
bool is_another(const Flow& flow, std::uint32_t sequence) {
  return flow.has_syn ? flow.syn_sequence != sequence : flow.opened == Opened::FirstSeen;
}

bool is_answer(std::uint8_t flags) { return (flags & (kSyn | kAck)) == (kSyn | kAck); }

}  // namespace

struct FlowTable::State {
  State(std::size_t capacity, std::function<void(std::uint32_t, Flow&)> on_evicted)
      : cells(2 * capacity + 1, Pattern::Scattered),
        entries(capacity, Pattern::Dense),
        live(std::min(kFirstCells, cells.size())),
        evicted(std::move(on_evicted)) {}

  std::size_t home(std::uint32_t hash) const { return static_cast<std::size_t>(u128{hash} * live >> 32); }
  std::size_t after(std::size_t cell) const { return cell + 1 == live ? 0 : cell + 1; }

  // A small index stays in the caches: only as many cells are used as the flows need, doubled when half of them are
  // taken.
  void grow() {
    live = std::min(2 * live, cells.size());
    for (std::size_t i = 0; i < live; ++i) cells[i] = {};
    for (std::size_t slot = 0; slot < used; ++slot) {
      const std::uint32_t hash = entries[slot].key.hash;
      std::size_t at = home(hash);
      while (cells[at].slot_and_one != 0) at = after(at);
      cells[at] = {hash, static_cast<std::uint32_t>(slot) + 1};
    }
  }

  // The cell of the key, or the empty one where it would go. At most half of the cells are taken.
  std::size_t find(const PackedKey& key) const {
    std::size_t at = home(key.hash);
    for (; cells[at].slot_and_one != 0; at = after(at)) {
      if (cells[at].hash == key.hash && entries[cells[at].slot_and_one - 1].key == key) break;
    }
    return at;
  }

  // Linear probing without tombstones: what stands behind the hole moves up, unless its home is behind the hole.
  void erase(std::size_t hole) {
    const auto distance = [&](std::size_t from, std::size_t to) { return to >= from ? to - from : to + live - from; };
    for (std::size_t at = after(hole); cells[at].slot_and_one != 0; at = after(at)) {
      if (distance(home(cells[at].hash), at) < distance(hole, at)) continue;
      cells[hole] = cells[at];
      hole = at;
    }
    cells[hole] = {};
  }

  std::size_t cell_of(std::uint32_t slot) const {
    std::size_t at = home(entries[slot].key.hash);
    while (cells[at].slot_and_one != slot + 1) at = after(at);
    return at;
  }

  // The slot of a flow that can go, if the hand comes to one.
  std::optional<std::uint32_t> make_room(std::int64_t time) {
    for (std::size_t step = 0; step < std::min(kHandSteps, used); ++step) {
      const auto slot = static_cast<std::uint32_t>(hand);
      hand = hand + 1 == used ? 0 : hand + 1;
      if (!is_closed(entries[slot].flow) && !is_idle(entries[slot], time)) continue;
      leave(slot);
      ++counts.evicted;
      erase(cell_of(slot));
      return slot;
    }
    return std::nullopt;
  }

  void leave(std::uint32_t slot) {
    if (evicted) evicted(slot, entries[slot].flow);
  }

  void begin(Entry& entry, const PackedKey& key, std::uint8_t flags, std::uint32_t sequence) {
    entry.key = key;
    entry.flow = {};
    entry.flow.first = kNoTime;
    entry.flow.last = kNoTime;
    entry.flow.opened = is_opening(flags) ? Opened::Syn : is_answer(flags) ? Opened::SynAck : Opened::FirstSeen;
    entry.flow.source_opened = !is_answer(flags);
    if (is_opening(flags)) remember_syn(entry.flow, sequence);
    ++counts.created;
  }

  Secret secret;
  Pages<Cell> cells;
  Pages<Entry> entries;  // the first `used` are flows, always: a flow that goes makes room for the one that comes
  std::size_t live;      // cells in use, from the front
  std::size_t used = 0;
  std::size_t hand = 0;
  FlowCounts counts;
  std::function<void(std::uint32_t, Flow&)> evicted;
};

FlowTable::FlowTable(std::size_t capacity, std::function<void(std::uint32_t id, Flow&)> evicted) {
  if (capacity > kMostFlows) throw std::length_error("a flow table holds 2^31 flows at most");
  state_ = std::make_unique<State>(capacity, std::move(evicted));
}

FlowTable::~FlowTable() = default;

FlowRef FlowTable::touch(const FlowKey& key, std::uint8_t tcp_flags, std::uint64_t bytes, std::int64_t time,
                         std::uint32_t tcp_sequence) {
  State& s = *state_;
  const PackedKey packed = pack(key, s.secret);
  std::size_t cell = s.find(packed);
  FlowRef ref;
  if (s.cells[cell].slot_and_one == 0) {
    const bool full = s.used == s.entries.size();
    if (!full && 2 * (s.used + 1) > s.live && s.live < s.cells.size()) {
      s.grow();
      cell = s.find(packed);
    }
    const std::optional<std::uint32_t> slot = full ? s.make_room(time) : static_cast<std::uint32_t>(s.used++);
    if (!slot) {
      ++s.counts.untracked;
      ref.from_opener = !is_answer(tcp_flags);
      return ref;
    }
    if (full) cell = s.find(packed);  // cells have moved
    s.cells[cell] = {packed.hash, *slot + 1};
    ref.id = *slot;
    ref.created = true;
  } else {
    ref.id = s.cells[cell].slot_and_one - 1;
    const Entry& entry = s.entries[ref.id];
    const bool from_opener = (packed.swapped == entry.key.swapped) == entry.flow.source_opened;
    ref.created = is_opening(tcp_flags) && (is_closed(entry.flow) || is_idle(entry, time) ||
                                            (from_opener && is_another(entry.flow, tcp_sequence)));
    if (ref.created) s.leave(ref.id);
  }

  Entry& entry = s.entries[ref.id];
  if (ref.created) s.begin(entry, packed, tcp_flags, tcp_sequence);
  Flow& flow = entry.flow;
  ref.flow = &flow;
  ref.from_opener = (packed.swapped == entry.key.swapped) == flow.source_opened;
  if (ref.from_opener && is_opening(tcp_flags) && !flow.has_syn) remember_syn(flow, tcp_sequence);
  const std::size_t side = ref.from_opener ? 0 : 1;
  widen(flow, time);
  add_saturating(flow.bytes[side], bytes);
  add_saturating(flow.packets[side], 1U);
  if ((tcp_flags & kFin) != 0) flow.closed |= static_cast<std::uint8_t>(1U << side);
  if ((tcp_flags & kRst) != 0) flow.closed |= kReset;
  return ref;
}

std::size_t FlowTable::size() const { return state_->used; }
std::size_t FlowTable::capacity() const { return state_->entries.size(); }
const FlowCounts& FlowTable::counts() const { return state_->counts; }

FlowKey FlowTable::key(std::uint32_t id) const { return unpack(state_->entries[id].key); }

void FlowTable::each(const std::function<void(std::uint32_t, const Flow&)>& visit) const {
  for (std::size_t i = 0; i < state_->used; ++i) visit(static_cast<std::uint32_t>(i), state_->entries[i].flow);
}

}  // namespace airtight::audit
