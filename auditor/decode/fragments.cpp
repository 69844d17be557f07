#include "auditor/decode/fragments.h"

#include <algorithm>
#include <array>
#include <bit>
#include <random>
#include <vector>

#include "auditor/decode/block_pool.h"
#include "auditor/decode/marks.h"

namespace airtight::audit {
namespace {

using Block = BlockPool::Block;
using Place = std::uint32_t;  // index of a datagram in the table

constexpr Place kNowhere = UINT32_MAX;
constexpr std::size_t kMaxPayload = 65'535;
constexpr std::size_t kPages = kMaxPayload / BlockPool::kUnit + 1;
constexpr std::size_t kUnits = 8192;  // of 8 bytes each, in which offsets count
constexpr std::size_t kMarkWords = kUnits / 64;
constexpr std::uint64_t kLifetime = 60'000'000'000;  // RFC 8200 §4.5
constexpr int kMaxExtensions = 40;

// Mobility, HIP and Shim6 (RFC 6275, 7401, 5533) beside those that the packet decoder names.
constexpr std::uint8_t kExtensions[] = {
    ip_protocol::kHopByHop, ip_protocol::kRouting, ip_protocol::kAh, ip_protocol::kDestination, 135, 139, 140};

bool is_extension(std::uint8_t protocol) {
  return std::find(std::begin(kExtensions), std::end(kExtensions), protocol) != std::end(kExtensions);
}

// Length of an extension header that has at least its first two bytes (RFC 8200 §4, RFC 4302 §2.2).
std::size_t extension_size(std::uint8_t protocol, std::uint8_t length) {
  return protocol == ip_protocol::kAh ? (length + 2u) * 4 : (length + 1u) * 8;
}

struct Header {
  std::uint8_t protocol;
  std::uint8_t size;
};
constexpr Header kHeaders[] = {
    {ip_protocol::kIcmp, 8},  {ip_protocol::kIgmp, 8},  {ip_protocol::kIpv4, 20},  {ip_protocol::kTcp, 20},
    {ip_protocol::kUdp, 8},   {ip_protocol::kDccp, 12}, {ip_protocol::kIpv6, 40},  {ip_protocol::kGre, 4},
    {ip_protocol::kEsp, 8},   {ip_protocol::kL2tp, 4},  {ip_protocol::kIcmpv6, 8}, {ip_protocol::kEtherIp, 16},
    {ip_protocol::kSctp, 12}, {ip_protocol::kMpls, 4},
};

// Whether a first fragment holds its whole chain of headers, the transport's included (RFC 7112, RFC 8900 §3.3).
bool has_whole_headers(std::uint8_t protocol, Bytes bytes) {
  for (int count = 0; is_extension(protocol); ++count) {
    if (count == kMaxExtensions || bytes.size() < 2) return false;
    const std::size_t size = extension_size(protocol, bytes[1]);
    if (size > bytes.size()) return false;
    protocol = bytes[0];
    bytes = bytes.subspan(size);
  }
  if (protocol == ip_protocol::kTcp && bytes.size() > 12 && (bytes[12] >> 4) * 4u > bytes.size()) return false;
  const auto* header = std::find_if(std::begin(kHeaders), std::end(kHeaders),
                                    [&](const Header& each) { return each.protocol == protocol; });
  return header == std::end(kHeaders) || bytes.size() >= header->size;
}

struct Key {
  Ip source = Ip::v4(0);
  Ip destination = Ip::v4(0);
  std::uint32_t id = 0;
  std::uint32_t interface = 0;
  std::uint8_t protocol = 0;  // IPv4 only: RFC 8200 tells IPv6 fragments by addresses and id

  friend bool operator==(const Key&, const Key&) = default;
};

enum class Fate : std::uint8_t { Free, Waiting, GivenUp, Complete };

struct Datagram {
  Key key;
  std::int64_t first = kNoTime;  // time of its first fragment to arrive
  std::uint64_t arrival = 0;     // place among all datagrams
  std::array<Block, kPages> pages;
  std::uint32_t high = 0;       // end of the farthest fragment
  std::uint32_t total = 0;      // end of the last one; valid if has_total
  std::uint32_t units = 0;      // how many are there
  std::uint32_t old_total = 0;  // of the datagram of this name that was completed: its bytes are in the pages still
  bool has_total = false;
  bool echo = false;          // nothing came since that one but copies of its parts
  std::uint8_t protocol = 0;  // of the fragment at offset 0; of the first that came until that one does
  Fate fate = Fate::Free;
  Place bucket_next = kNowhere;
  Place before = kNowhere, after = kNowhere;  // in the list of its fate, oldest first
};

struct List {
  Place oldest = kNowhere, newest = kNowhere;
};

}  // namespace

struct FragmentTable::State {
  State(std::size_t count, std::size_t bytes)
      : datagrams(std::clamp<std::size_t>(count, 1, UINT32_MAX - 1)),
        buckets(std::bit_ceil(datagrams.size() * 2), kNowhere),
        marks(new std::uint64_t[datagrams.size() * 2 * kMarkWords]),
        pool(bytes, BlockPool::kUnit),
        seed(std::random_device{}() | std::uint64_t{std::random_device{}()} << 32) {
    lost.reserve(kMostLost);
  }

  Marks covered(Place place) { return {marks.get() + place * 2 * kMarkWords, kMarkWords}; }
  Marks starts(Place place) { return {marks.get() + (place * 2 + 1) * kMarkWords, kMarkWords}; }

  Place& bucket(const Key& key) {
    std::uint64_t hash = seed;
    const auto mix = [&](std::uint64_t value) {
      const u128 product = u128{hash ^ value} * 0x9E3779B97F4A7C15u;
      hash = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64) ^ (seed << 1);
    };
    for (const u128 bits : {key.source.bits(), key.destination.bits()}) {
      mix(static_cast<std::uint64_t>(bits));
      mix(static_cast<std::uint64_t>(bits >> 64));
    }
    mix(std::uint64_t{key.id} << 32 | key.interface);
    mix(key.protocol);
    return buckets[(hash ^ hash >> 32) & (buckets.size() - 1)];
  }

  Place find(const Key& key) {
    Place place = bucket(key);
    while (place != kNowhere && datagrams[place].key != key) place = datagrams[place].bucket_next;
    return place;
  }

  List& list(Fate fate) { return lists[static_cast<std::size_t>(fate)]; }

  void unlink(Place place) {
    Datagram& datagram = datagrams[place];
    List& from = list(datagram.fate);
    (datagram.before == kNowhere ? from.oldest : datagrams[datagram.before].after) = datagram.after;
    (datagram.after == kNowhere ? from.newest : datagrams[datagram.after].before) = datagram.before;
    if (datagram.fate == Fate::Waiting) --waiting;
  }
  void link(Place place, Fate fate) {
    Datagram& datagram = datagrams[place];
    List& to = list(fate);
    datagram.fate = fate;
    datagram.before = to.newest;
    datagram.after = kNowhere;
    (to.newest == kNowhere ? to.oldest : datagrams[to.newest].after) = place;
    to.newest = place;
    if (fate == Fate::Waiting) ++waiting;
  }
  void move(Place place, Fate fate) {
    unlink(place);
    link(place, fate);
  }

  void release_pages(Datagram& datagram) {
    for (Block& page : datagram.pages) pool.give(page);
    datagram.old_total = 0;
  }

  static LostDatagram lost_one(const Datagram& datagram) {
    const Key& key = datagram.key;
    return {key.source, key.destination, datagram.protocol, key.interface, datagram.first};
  }
  void lose(const Datagram& datagram) {
    ++counts.given_up;
    lost.push_back(lost_one(datagram));
  }

  // Takes the datagram out of the table; true if it had been waiting.
  bool remove(Place place) {
    Datagram& datagram = datagrams[place];
    const bool waited = datagram.fate == Fate::Waiting;
    if (waited) lose(datagram);
    release_pages(datagram);
    Place* at = &bucket(datagram.key);
    while (*at != place) at = &datagrams[*at].bucket_next;
    *at = datagram.bucket_next;
    move(place, Fate::Free);
    return waited;
  }

  // Makes one datagram's place free: a completed one's, or of the others that of the one that came first.
  void push_out_for_place(FragmentNews& news) {
    Place victim = list(Fate::Complete).oldest;
    if (victim == kNowhere) {
      const Place waits = list(Fate::Waiting).oldest;
      const Place failed = list(Fate::GivenUp).oldest;
      victim = failed == kNowhere || (waits != kNowhere && datagrams[waits].arrival < datagrams[failed].arrival)
                   ? waits
                   : failed;
    }
    news.given_up |= remove(victim);
  }

  // Gives the pages of another datagram back; false if no other has any. Each datagram is pushed out once, so that a
  // fragment costs O(1) over time.
  bool push_out_for_pages(Place keep, FragmentNews& news) {
    for (const Fate fate : {Fate::Complete, Fate::Waiting}) {
      Place victim = list(fate).oldest;
      if (victim == keep) victim = datagrams[victim].after;
      if (victim == kNowhere) continue;
      news.given_up |= remove(victim);
      return true;
    }
    return false;
  }

  // A place in the table for a datagram of which nothing has come.
  Place insert(const Key& key, FragmentNews& news) {
    Place place = list(Fate::Free).oldest;
    if (place == kNowhere && fresh < datagrams.size()) {
      place = fresh++;
      link(place, Fate::Free);
    }
    if (place == kNowhere) {
      push_out_for_place(news);
      place = list(Fate::Free).oldest;
    }
    unlink(place);
    datagrams[place] = {};
    datagrams[place].key = key;
    Place& head = bucket(key);
    datagrams[place].bucket_next = head;
    head = place;
    link(place, Fate::Waiting);
    return place;
  }

  // Nothing has come of the datagram at `place`, whose pages stay.
  void begin(Place place, std::uint8_t protocol, std::int64_t time) {
    Datagram& datagram = datagrams[place];
    datagram.protocol = protocol;
    datagram.first = time;
    datagram.arrival = ++arrivals;
    datagram.high = datagram.total = datagram.units = 0;
    datagram.has_total = false;
    covered(place).clear();
    starts(place).clear();
  }

  // Where the fragment belongs, with what is there already.
  Place place_for(const Key& key, std::uint8_t protocol, std::int64_t time, FragmentNews& news) {
    Place place = find(key);
    if (place != kNowhere) {
      const Datagram& datagram = datagrams[place];
      const bool known = time != kNoTime && datagram.first != kNoTime && time > datagram.first;
      const bool over =
          known && static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(datagram.first) > kLifetime;
      if (!over) {
        if (datagram.fate == Fate::Complete && datagram.units == 0) begin(place, protocol, time);
        return place;
      }
      news.given_up |= remove(place);
    }
    place = insert(key, news);
    begin(place, protocol, time);
    return place;
  }

  void give_up(Place place, FragmentNews& news) {
    news.given_up = true;
    lose(datagrams[place]);
    release_pages(datagrams[place]);
    move(place, Fate::GivenUp);
  }

  // Calls with the memory of [from, from + bytes.size()) and the part of `bytes` for it, page by page, until one gives
  // false.
  template <typename Function>
  bool each_page(Datagram& datagram, std::size_t from, Bytes bytes, Function function) {
    while (!bytes.empty()) {
      const std::size_t inside = from % BlockPool::kUnit;
      const Bytes part = bytes.first(std::min(bytes.size(), BlockPool::kUnit - inside));
      if (!function(datagram.pages[from / BlockPool::kUnit], inside, part)) return false;
      from += part.size();
      bytes = bytes.subspan(part.size());
    }
    return true;
  }
  bool equals(Datagram& datagram, std::size_t from, Bytes bytes) {
    return each_page(datagram, from, bytes, [&](const Block& page, std::size_t inside, Bytes part) {
      return page && std::equal(part.begin(), part.end(), pool.bytes(page) + inside);
    });
  }
  bool write(Place place, std::size_t from, Bytes bytes, FragmentNews& news) {
    return each_page(datagrams[place], from, bytes, [&](Block& page, std::size_t inside, Bytes part) {
      while (!page && !(page = pool.take(BlockPool::kUnit)))
        if (!push_out_for_pages(place, news)) return false;
      std::copy(part.begin(), part.end(), pool.bytes(page) + inside);
      return true;
    });
  }

  Bytes put_together(const Datagram& datagram) {
    for (std::size_t page = 0; page * BlockPool::kUnit < datagram.total; ++page) {
      const std::size_t from = page * BlockPool::kUnit;
      std::copy_n(pool.bytes(datagram.pages[page]), std::min<std::size_t>(BlockPool::kUnit, datagram.total - from),
                  scratch.begin() + static_cast<std::ptrdiff_t>(from));
    }
    return Bytes(scratch).first(datagram.total);
  }

  void take(Place place, std::uint8_t protocol, Bytes payload, std::size_t from, bool last, FragmentNews& news);

  // One that is too old, one that makes place, one for each page of a fragment, and that of the fragment itself.
  static constexpr std::size_t kMostLost = kPages + 3;
  std::vector<LostDatagram> lost;  // by the call that goes on, or was the latest
  std::vector<Datagram> datagrams;
  std::vector<Place> buckets;
  std::unique_ptr<std::uint64_t[]> marks;  // two sets a datagram: units that are there, and those that begin a fragment
  BlockPool pool;
  std::vector<std::uint8_t> scratch = std::vector<std::uint8_t>(kMaxPayload);
  std::array<List, 4> lists;  // by Fate
  Place fresh = 0;            // places that were ever used
  std::uint64_t arrivals = 0;
  std::uint64_t seed;
  std::size_t waiting = 0;
  FragmentCounts counts;
};

// A fragment that is sound by itself joins what came before.
void FragmentTable::State::take(Place place, std::uint8_t protocol, Bytes payload, std::size_t from, bool last,
                                FragmentNews& news) {
  Datagram& datagram = datagrams[place];
  const std::size_t to = from + payload.size();
  if (datagram.fate == Fate::Complete) {
    const bool copy = to <= datagram.old_total && last == (to == datagram.old_total) && equals(datagram, from, payload);
    if (!copy) {
      datagram.echo = false;
      move(place, Fate::Waiting);
    }
  }
  const std::uint64_t unit = from / 8;
  const std::uint64_t past = (to + 7) / 8;
  const Marks there = covered(place);
  const Marks begins = starts(place);
  if (there.find(unit, past, true) != past) {
    const bool ends_there = datagram.has_total && to == datagram.total;
    const bool exact = to <= datagram.high && there.find(unit, past, false) == past && begins.at(unit) &&
                       begins.find(unit + 1, past, true) == past && last == ends_there &&
                       (last || begins.at(past) || !there.at(past)) && equals(datagram, from, payload);
    if (exact) return;
    news.overlap = true;
    return give_up(place, news);
  }
  const bool contradicts = datagram.has_total ? last || to > datagram.total : last && to < datagram.high;
  if (contradicts) news.contradiction = true;
  if (contradicts || (!datagram.echo && !write(place, from, payload, news))) return give_up(place, news);
  covered(place).fill(unit, past, true);
  starts(place).fill(unit, unit + 1, true);
  datagram.units += static_cast<std::uint32_t>(past - unit);
  datagram.high = std::max(datagram.high, static_cast<std::uint32_t>(to));
  if (last) {
    datagram.has_total = true;
    datagram.total = static_cast<std::uint32_t>(to);
  }
  if (from == 0) datagram.protocol = protocol;
  if (!datagram.has_total || datagram.units < (datagram.total + 7) / 8) return;
  ++counts.completed;
  news.whole = put_together(datagram);
  news.protocol = datagram.protocol;
  datagram.old_total = datagram.total;
  datagram.units = 0;
  datagram.echo = true;
  move(place, Fate::Complete);
}

FragmentTable::FragmentTable(std::size_t datagrams, std::size_t bytes)
    : state_(std::make_unique<State>(datagrams, bytes)) {}
FragmentTable::~FragmentTable() = default;

FragmentNews FragmentTable::add(const Level& level, Bytes payload, std::uint32_t interface, std::int64_t time) {
  State& state = *state_;
  const std::size_t from = level.fragment_offset;
  const std::size_t size = payload.size() + level.payload_missing;
  const bool last = !level.more_fragments;
  const std::uint8_t protocol = level.fragment_protocol;
  const bool misaligned = (!last && size % 8 != 0) || from % 8 != 0 || size == 0;
  FragmentNews news;
  news.oversize = from + size > kMaxPayload;
  news.tiny = misaligned || (from == 0 && !last && level.payload_missing == 0 && !has_whole_headers(protocol, payload));
  ++state.counts.fragments;
  state.lost.clear();

  const Key key{level.source, level.destination, level.fragment_id, interface,
                level.source.is_v4() ? protocol : std::uint8_t{0}};
  const Place place = state.place_for(key, protocol, time, news);
  if (state.datagrams[place].fate == Fate::GivenUp)
    news.given_up = true;
  else if (misaligned || news.oversize || level.payload_missing > 0)
    state.give_up(place, news);
  else
    state.take(place, protocol, payload, from, last, news);
  news.lost = state.lost;
  return news;
}

std::size_t FragmentTable::waiting() const { return state_->waiting; }
void FragmentTable::each_waiting(const std::function<void(const LostDatagram&)>& visit) const {
  for (Place at = state_->list(Fate::Waiting).oldest; at != kNowhere; at = state_->datagrams[at].after)
    visit(State::lost_one(state_->datagrams[at]));
}
const FragmentCounts& FragmentTable::counts() const { return state_->counts; }

}  // namespace airtight::audit
