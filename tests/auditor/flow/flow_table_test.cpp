#include "auditor/flow_table.h"

#include <catch2/catch.hpp>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "auditor/decode/frame.h"
#include "tests/auditor/allocation_counter.h"

namespace airtight::audit {
namespace {

constexpr std::uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kAck = 0x10;
constexpr std::int64_t kSecond = 1'000'000'000;

FlowKey tcp_key() { return {Ip::v4(0x0A2A0105), Ip::v4(0x0A14000A), 40000, 8000, 6, 0}; }
FlowKey udp_key(std::uint16_t port) { return {Ip::v4(0x0A2A0105), Ip::v4(0x0A14000A), port, 53, 17, 0}; }
FlowKey reverse(FlowKey key) {
  std::swap(key.source, key.destination);
  std::swap(key.source_port, key.destination_port);
  return key;
}

bool same(const FlowKey& a, const FlowKey& b) {
  return a.source == b.source && a.destination == b.destination && a.source_port == b.source_port &&
         a.destination_port == b.destination_port && a.protocol == b.protocol && a.place == b.place;
}

TEST_CASE("who opened a flow") {
  struct Packet {
    bool reversed;
    std::uint8_t flags;
  };
  struct Row {
    std::string what;
    std::vector<Packet> packets;
    Opened opened;
    bool first_from_opener;
    bool last_from_opener;
    bool source_opened;
  };
  const std::vector<Row> rows{
      {"SYN", {{false, kSyn}}, Opened::Syn, true, true, true},
      {"SYN, then its answer", {{false, kSyn}, {true, kSyn | kAck}}, Opened::Syn, true, false, true},
      {"the answer is seen first", {{false, kSyn | kAck}}, Opened::SynAck, false, false, false},
      {"the answer first, then data", {{false, kSyn | kAck}, {true, kAck}}, Opened::SynAck, false, true, false},
      {"in the middle", {{false, kAck}}, Opened::FirstSeen, true, true, true},
      {"in the middle, and back", {{false, kAck}, {true, kAck}}, Opened::FirstSeen, true, false, true},
      {"a SYN does not turn a live guess", {{false, kAck}, {true, kSyn}}, Opened::FirstSeen, true, false, true},
      {"SYN from both ends", {{false, kSyn}, {true, kSyn}}, Opened::Syn, true, false, true},
      {"SYN after FIN of one end", {{false, kSyn}, {false, kFin | kAck}, {true, kSyn}}, Opened::Syn, true, false, true},
      {"RST alone", {{false, kRst}}, Opened::FirstSeen, true, true, true},
      {"no TCP", {{false, 0}, {true, 0}}, Opened::FirstSeen, true, false, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    FlowTable table(4);
    std::optional<FlowRef> first;
    FlowRef last;
    for (const Packet& packet : row.packets) {
      last = table.touch(packet.reversed ? reverse(tcp_key()) : tcp_key(), packet.flags, 100, kSecond);
      if (!first) first = last;
    }
    CHECK(first->created);
    CHECK(first->from_opener == row.first_from_opener);
    CHECK(last.from_opener == row.last_from_opener);
    CHECK(last.flow->opened == row.opened);
    CHECK(last.flow->source_opened == row.source_opened);
    CHECK(same(table.key(last.id), tcp_key()));
    CHECK(table.size() == 1);
    CHECK(table.counts().created == 1);
  }
}

TEST_CASE("bytes, packets, times and closing of both directions") {
  FlowTable table(4);
  table.touch(reverse(tcp_key()), kSyn | kAck, 60, 7 * kSecond);  // the opener's SYN was not seen
  table.touch(tcp_key(), kAck, 1000, 9 * kSecond);
  table.touch(tcp_key(), kAck, 200, 5 * kSecond);  // out of order
  const FlowRef ref = table.touch(reverse(tcp_key()), kFin | kAck, 52, 8 * kSecond);
  CHECK(ref.flow->bytes == std::array<std::uint64_t, 2>{1200, 112});
  CHECK(ref.flow->packets == std::array<std::uint32_t, 2>{2, 2});
  CHECK(ref.flow->first == 5 * kSecond);
  CHECK(ref.flow->last == 9 * kSecond);
  CHECK(ref.flow->closed == 2);
  CHECK(table.touch(tcp_key(), kFin, 0, kNoTime).flow->closed == 3);
  CHECK(table.touch(tcp_key(), kRst, 0, kNoTime).flow->closed == 7);
  CHECK(ref.flow->first == 5 * kSecond);
  CHECK(ref.flow->last == 9 * kSecond);
}

TEST_CASE("counters stop at their largest value") {
  FlowTable table(1);
  FlowRef ref = table.touch(udp_key(1), 0, std::numeric_limits<std::uint64_t>::max() - 5, kNoTime);
  CHECK(ref.flow->first == kNoTime);
  ref.flow->packets[0] = std::numeric_limits<std::uint32_t>::max() - 1;
  table.touch(udp_key(1), 0, 5, kNoTime);
  CHECK(ref.flow->packets[0] == std::numeric_limits<std::uint32_t>::max());
  CHECK(ref.flow->bytes[0] == std::numeric_limits<std::uint64_t>::max());
  table.touch(udp_key(1), 0, 1, kNoTime);
  CHECK(ref.flow->packets[0] == std::numeric_limits<std::uint32_t>::max());
  CHECK(ref.flow->bytes[0] == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("what sets two flows apart") {
  FlowKey base = tcp_key();
  base.source = Ip::v6(0x0A2A0105);
  base.destination = Ip::v6(u128{0xFD00} << 112 | 0x0A14000A);
  std::vector<FlowKey> keys(12, base);
  keys[1].source = Ip::v4(0x0A2A0105);  // the same number in the other family
  keys[2].source = Ip::v6(u128{1} << 64 | 0x0A2A0105);
  keys[3].destination = Ip::v6(u128{0xFD01} << 112 | 0x0A14000A);
  keys[4].destination = Ip::v6(u128{0xFD00} << 112 | 0x0A14000B);
  keys[5].source_port = 40001;
  keys[6].destination_port = 8001;
  keys[7].protocol = 17;
  keys[8].place = 1;
  keys[9].place = 0x80000000;
  std::swap(keys[10].source_port, keys[10].destination_port);  // ports belong to their ends
  std::swap(keys[11].source, keys[11].destination);
  // The last two are each other's reverse direction.
  FlowTable table(16);
  std::set<std::uint32_t> ids;
  for (const FlowKey& key : keys) ids.insert(table.touch(key, 0, 1, 0).id);
  CHECK(ids.size() == 11);
  CHECK(table.size() == 11);
  for (const FlowKey& key : keys) {
    const FlowRef ref = table.touch(reverse(key), 0, 1, 0);
    CHECK_FALSE(ref.created);
    const FlowKey seen = table.key(ref.id);
    CHECK((same(seen, key) || same(seen, reverse(key))));
  }
  CHECK(table.size() == 11);
}

TEST_CASE("a flow between an end and itself has one direction") {
  FlowTable table(2);
  const FlowKey key{Ip::v4(0x7F000001), Ip::v4(0x7F000001), 5, 5, 17, 0};
  CHECK(table.touch(key, 0, 1, 0).from_opener);
  const FlowRef again = table.touch(reverse(key), 0, 1, 0);
  CHECK(again.from_opener);
  CHECK_FALSE(again.created);
  CHECK(again.flow->packets == std::array<std::uint32_t, 2>{2, 0});
}

TEST_CASE("a SYN on a flow that is over begins anew") {
  struct Row {
    std::string what;
    std::vector<std::pair<bool, std::uint8_t>> before;  // reversed, flags; at second 0
    std::int64_t at;
    bool anew;
  };
  const std::vector<Row> rows{
      {"live", {{false, kSyn}, {true, kSyn | kAck}}, 10 * kSecond, false},
      {"reset", {{false, kSyn}, {true, kRst}}, 0, true},
      {"closed by both", {{false, kSyn}, {false, kFin}, {true, kFin}}, 0, true},
      {"closed by one", {{false, kSyn}, {false, kFin}}, 0, false},
      {"established, an hour", {{false, kSyn}, {true, kSyn | kAck}}, 3600 * kSecond, false},
      {"established, longer", {{false, kSyn}, {true, kSyn | kAck}}, 3600 * kSecond + 1, true},
      {"unanswered, two minutes", {{false, kSyn}}, 120 * kSecond, false},
      {"unanswered, longer", {{false, kSyn}}, 120 * kSecond + 1, true},
      {"time runs back", {{false, kSyn}}, -500 * kSecond, false},
      {"no time", {{false, kSyn}}, kNoTime, false},
      {"the whole range of time", {{false, kSyn}}, std::numeric_limits<std::int64_t>::max(), true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    std::vector<std::uint32_t> packets_of_gone;
    FlowTable table(4, [&](std::uint32_t id, Flow& flow) {
      CHECK(id == 0);
      packets_of_gone.push_back(flow.packets[0] + flow.packets[1]);
    });
    for (const auto& [reversed, flags] : row.before) {
      const FlowRef ref = table.touch(reversed ? reverse(tcp_key()) : tcp_key(), flags, 10, 0);
      ref.flow->notes[7] = 77;
    }
    const FlowRef ref = table.touch(reverse(tcp_key()), kSyn, 40, row.at);
    CHECK(ref.created == row.anew);
    CHECK(ref.id == 0);
    CHECK(table.size() == 1);
    CHECK(table.counts().created == (row.anew ? 2 : 1));
    CHECK(table.counts().evicted == 0);
    CHECK(ref.flow->notes[7] == (row.anew ? 0 : 77));
    CHECK(ref.from_opener == row.anew);
    CHECK(same(table.key(0), row.anew ? reverse(tcp_key()) : tcp_key()));
    if (row.anew) {
      CHECK(packets_of_gone == std::vector<std::uint32_t>{static_cast<std::uint32_t>(row.before.size())});
      CHECK(ref.flow->packets == std::array<std::uint32_t, 2>{1, 0});
      CHECK(ref.flow->bytes == std::array<std::uint64_t, 2>{40, 0});
      CHECK(ref.flow->closed == 0);
      CHECK(ref.flow->first == row.at);
    } else {
      CHECK(packets_of_gone.empty());
    }
  }
}

TEST_CASE("a SYN of the opener elsewhere in the sequence begins anew") {
  struct Packet {
    bool reversed;
    std::uint8_t flags;
    std::uint32_t sequence;
  };
  struct Row {
    std::string what;
    std::vector<Packet> before;
    Packet last;
    bool anew;
    std::optional<std::uint32_t> remembered;  // of the flow as it is then
  };
  const std::vector<Row> rows{
      {"the same SYN again", {{false, kSyn, 7}}, {false, kSyn, 7}, false, 7},
      {"another", {{false, kSyn, 7}}, {false, kSyn, 8}, true, 8},
      {"sequence 0, again", {{false, kSyn, 0}}, {false, kSyn, 0}, false, 0},
      {"after 0", {{false, kSyn, 0}}, {false, kSyn, 7}, true, 7},
      {"the same again, established", {{false, kSyn, 7}, {true, kSyn | kAck, 9}}, {false, kSyn, 7}, false, 7},
      {"another, established", {{false, kSyn, 7}, {true, kSyn | kAck, 9}}, {false, kSyn, 8}, true, 8},
      {"another, and data with it", {{false, kSyn, 7}}, {false, kSyn | 0x08, 8}, true, 8},
      {"data", {{false, kSyn, 7}}, {false, kAck, 8}, false, 7},
      {"SYN with ACK of the opener", {{false, kSyn, 7}}, {false, kSyn | kAck, 8}, false, 7},
      {"SYN with ACK of the other", {{false, kSyn, 7}}, {true, kSyn | kAck, 8}, false, 7},
      {"both open at once", {{false, kSyn, 7}}, {true, kSyn, 8}, false, 7},
      {"a SYN of the other, established", {{false, kSyn, 7}, {true, kSyn | kAck, 9}}, {true, kSyn, 10}, false, 7},
      {"both at once, and the other's again", {{false, kSyn, 7}, {true, kSyn, 8}}, {true, kSyn, 9}, false, 7},
      {"the SYN behind its answer", {{true, kSyn | kAck, 9}}, {false, kSyn, 7}, false, 7},
      {"the same behind its answer again", {{true, kSyn | kAck, 9}, {false, kSyn, 7}}, {false, kSyn, 7}, false, 7},
      {"another behind its answer", {{true, kSyn | kAck, 9}, {false, kSyn, 7}}, {false, kSyn, 8}, true, 8},
      {"in the middle of an old connection", {{false, kAck, 700}}, {false, kSyn, 7}, true, 7},
      {"the other's in the middle", {{false, kAck, 700}}, {true, kSyn, 7}, false, std::nullopt},
      {"the same, after a reset", {{false, kSyn, 7}, {true, kRst, 0}}, {false, kSyn, 7}, true, 7},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    int gone = 0;
    FlowTable table(4, [&](std::uint32_t, Flow&) { ++gone; });
    const auto touch = [&](const Packet& packet) {
      return table.touch(packet.reversed ? reverse(tcp_key()) : tcp_key(), packet.flags, 10, 0, packet.sequence);
    };
    for (const Packet& packet : row.before) touch(packet).flow->notes[0] = 77;
    const FlowRef ref = touch(row.last);
    CHECK(ref.created == row.anew);
    CHECK(gone == (row.anew ? 1 : 0));
    CHECK(ref.flow->notes[0] == (row.anew ? 0 : 77));
    CHECK(ref.flow->packets[0] + ref.flow->packets[1] == (row.anew ? 1 : row.before.size() + 1));
    CHECK(ref.flow->has_syn == row.remembered.has_value());
    if (row.remembered) CHECK(ref.flow->syn_sequence == *row.remembered);
    if (row.anew) CHECK(ref.flow->opened == Opened::Syn);
  }
}

TEST_CASE("an answer, data or a reset on a closed flow belong to it") {
  for (const std::uint8_t flags : {std::uint8_t{kSyn | kAck}, kAck, kRst, std::uint8_t{0}}) {
    FlowTable table(4);
    table.touch(tcp_key(), kRst, 10, 0);
    CHECK_FALSE(table.touch(tcp_key(), flags, 10, 9000 * kSecond).created);
  }
}

TEST_CASE("a full table makes room of what is over, and counts what finds none") {
  std::vector<std::uint32_t> gone;
  FlowTable table(3, [&](std::uint32_t id, Flow&) { gone.push_back(id); });
  table.touch(udp_key(1), 0, 1, 0);
  table.touch(udp_key(2), 0, 1, 100 * kSecond);
  table.touch(udp_key(3), 0, 1, 100 * kSecond);
  const FlowRef none = table.touch(udp_key(4), 0, 1, 120 * kSecond);
  CHECK(none.flow == nullptr);
  CHECK_FALSE(none.created);
  CHECK(none.from_opener);
  CHECK_FALSE(table.touch(reverse(tcp_key()), kSyn | kAck, 1, 120 * kSecond).from_opener);
  CHECK(table.counts().untracked == 2);
  CHECK(gone.empty());

  const FlowRef made = table.touch(udp_key(4), 0, 1, 120 * kSecond + 1);
  REQUIRE(made.flow != nullptr);
  CHECK(made.created);
  CHECK(made.id == 0);
  CHECK(gone == std::vector<std::uint32_t>{0});
  CHECK(table.counts().evicted == 1);
  CHECK(table.counts().created == 4);
  CHECK(table.size() == 3);
  CHECK(table.touch(udp_key(2), 0, 1, 120 * kSecond + 1).id == 1);
  CHECK(table.touch(udp_key(1), 0, 1, 120 * kSecond + 1).flow == nullptr);
}

TEST_CASE("the hand passes 64 slots a call and goes on where it stopped") {
  FlowTable table(200);
  for (std::uint16_t i = 0; i < 200; ++i) table.touch(udp_key(i), 0, 1, i == 150 ? 0 : 200 * kSecond);
  CHECK(table.touch(udp_key(1000), 0, 1, 200 * kSecond).flow == nullptr);  // 0..63
  CHECK(table.touch(udp_key(1000), 0, 1, 200 * kSecond).flow == nullptr);  // 64..127
  CHECK(table.touch(udp_key(1000), 0, 1, 200 * kSecond).id == 150);
  CHECK(table.counts().untracked == 2);
}

TEST_CASE("tables without room, and too large ones") {
  FlowTable table(0);
  CHECK(table.touch(udp_key(1), 0, 1, 0).flow == nullptr);
  CHECK(table.capacity() == 0);
  CHECK(table.counts().untracked == 1);
  CHECK_THROWS_AS(FlowTable((std::size_t{1} << 31) + 1), std::length_error);
}

// The same by linear reasoning over a map. Which of several finished flows makes room is the table's choice; the model
// checks that it was one.
class Model {
 public:
  struct Seen {
    std::uint32_t id;
    FlowKey key;
    Flow flow;
  };
  using Ends = std::tuple<Ip, std::uint16_t, Ip, std::uint16_t, std::uint8_t, std::uint32_t>;

  static Ends ends(const FlowKey& k) {
    const auto one = std::make_tuple(k.source, k.source_port, k.destination, k.destination_port, k.protocol, k.place);
    const auto two = std::make_tuple(k.destination, k.destination_port, k.source, k.source_port, k.protocol, k.place);
    return std::min(one, two);
  }
  static bool over(const Seen& seen, std::int64_t time) {
    if ((seen.flow.closed & 4) != 0 || (seen.flow.closed & 3) == 3) return true;
    const bool both_ways = seen.flow.packets[0] > 0 && seen.flow.packets[1] > 0;
    return time - seen.flow.last > (seen.key.protocol == 6 && both_ways ? 3600 : 120) * kSecond;
  }
  static bool from_opener(const Seen& seen, const FlowKey& key) {
    const bool as_first = key.source == seen.key.source && key.source_port == seen.key.source_port &&
                          key.destination == seen.key.destination;
    return as_first == seen.flow.source_opened;
  }
  // A SYN that this flow has nothing to do with.
  static bool another(const Seen& seen, const FlowKey& key, std::uint32_t sequence) {
    if (!from_opener(seen, key) || (!seen.flow.has_syn && seen.flow.opened == Opened::SynAck)) return false;
    return !seen.flow.has_syn || seen.flow.syn_sequence != sequence;
  }
  static bool equal(const Flow& a, const Flow& b) {
    return a.first == b.first && a.last == b.last && a.bytes == b.bytes && a.packets == b.packets &&
           a.opened == b.opened && a.source_opened == b.source_opened && a.closed == b.closed && a.notes == b.notes &&
           a.has_syn == b.has_syn && a.syn_sequence == b.syn_sequence;
  }

  std::map<Ends, Seen> flows;
};

TEST_CASE("random packets agree with a model") {
  std::mt19937_64 engine(20261125);
  const auto below = [&](std::uint64_t bound) { return engine() % bound; };
  std::uint64_t total_evicted = 0, total_untracked = 0, total_anew = 0, total_another = 0;
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    const std::size_t capacity = 1 + below(round % 2 == 0 ? 64 : 12);
    const std::uint64_t addresses = 2 + below(5);
    const std::uint64_t ports = 1 + below(6);
    const std::int64_t pace = static_cast<std::int64_t>(1 + below(20)) * kSecond;
    Model model;
    std::vector<std::pair<std::uint32_t, Flow>> gone;
    FlowTable table(capacity, [&](std::uint32_t id, Flow& flow) { gone.emplace_back(id, flow); });
    std::int64_t time = 0;
    std::uint64_t packets = 0, untracked = 0, evicted = 0, created = 0;

    for (int step = 0; step < 3000; ++step) {
      CAPTURE(step);
      time += static_cast<std::int64_t>(below(static_cast<std::uint64_t>(pace)));
      const auto address = [&] {
        const std::uint64_t n = below(addresses);
        return n % 2 == 0 ? Ip::v4(static_cast<std::uint32_t>(n)) : Ip::v6(u128{n} << 100 | n);
      };
      FlowKey key{address(),
                  address(),
                  static_cast<std::uint16_t>(below(ports)),
                  static_cast<std::uint16_t>(below(ports)),
                  static_cast<std::uint8_t>(below(2) == 0 ? 6 : 17),
                  static_cast<std::uint32_t>(below(2))};
      const std::uint8_t flags =
          key.protocol == 6 ? std::array<std::uint8_t, 7>{kSyn, kSyn | kAck, kAck, kAck, kFin, kRst, kSyn}[below(7)]
                            : 0;
      const std::uint64_t bytes = below(1500);
      const auto sequence = static_cast<std::uint32_t>(below(3));
      gone.clear();
      const FlowRef ref = table.touch(key, flags, bytes, time, sequence);
      ++packets;

      // Whoever went was there, was over, and went once.
      REQUIRE(gone.size() <= 1);
      const Model::Ends ends = Model::ends(key);
      const auto mine = model.flows.find(ends);
      const bool anew = mine != model.flows.end() && flags == kSyn &&
                        (Model::over(mine->second, time) || Model::another(mine->second, key, sequence));
      if (!gone.empty()) {
        auto victim = model.flows.begin();
        while (victim != model.flows.end() && victim->second.id != gone[0].first) ++victim;
        REQUIRE(victim != model.flows.end());
        REQUIRE((anew || Model::over(victim->second, time)));
        total_another += Model::over(victim->second, time) ? 0U : 1U;
        REQUIRE(Model::equal(victim->second.flow, gone[0].second));
        REQUIRE((victim == mine) == anew);
        REQUIRE((anew || (mine == model.flows.end() && model.flows.size() == capacity)));
        evicted += anew ? 0 : 1;
        total_anew += anew ? 1 : 0;
        model.flows.erase(victim);
      } else {
        REQUIRE_FALSE(anew);
      }

      auto found = model.flows.find(ends);
      if (ref.flow == nullptr) {
        ++untracked;
        REQUIRE(found == model.flows.end());
        REQUIRE(model.flows.size() == capacity);
        for (const auto& [unused, seen] : model.flows) REQUIRE_FALSE(Model::over(seen, time));  // capacity <= 64
        continue;
      }
      REQUIRE(ref.created == (found == model.flows.end()));
      REQUIRE(ref.id < capacity);
      if (ref.created) {
        ++created;
        for (const auto& [unused, seen] : model.flows) REQUIRE(seen.id != ref.id);
        Flow flow;
        flow.first = time;
        flow.opened = flags == kSyn ? Opened::Syn : flags == (kSyn | kAck) ? Opened::SynAck : Opened::FirstSeen;
        flow.source_opened = flow.opened != Opened::SynAck;
        found = model.flows.emplace(ends, Model::Seen{ref.id, key, flow}).first;
      }
      Model::Seen& seen = found->second;
      REQUIRE(seen.id == ref.id);
      const bool from_opener = Model::from_opener(seen, key);
      REQUIRE(ref.from_opener == from_opener);
      if (flags == kSyn && from_opener && !seen.flow.has_syn) {
        seen.flow.has_syn = true;
        seen.flow.syn_sequence = sequence;
      }
      const std::size_t side = from_opener ? 0 : 1;
      seen.flow.last = time;
      seen.flow.bytes[side] += bytes;
      ++seen.flow.packets[side];
      if (flags == kFin) seen.flow.closed |= static_cast<std::uint8_t>(1U << side);
      if (flags == kRst) seen.flow.closed |= 4;
      const std::size_t note = below(8);
      seen.flow.notes[note] += 3;
      ref.flow->notes[note] += 3;
      REQUIRE(Model::equal(*ref.flow, seen.flow));
      REQUIRE(same(table.key(ref.id), seen.key));
    }

    CHECK(table.size() == model.flows.size());
    CHECK(table.counts().created == created);
    CHECK(table.counts().evicted == evicted);
    CHECK(table.counts().untracked == untracked);
    std::map<std::uint32_t, const Model::Seen*> by_id;
    for (const auto& [unused, seen] : model.flows) by_id[seen.id] = &seen;
    std::size_t visited = 0;
    table.each([&](std::uint32_t id, const Flow& flow) {
      ++visited;
      REQUIRE(by_id.count(id) == 1);
      CHECK(Model::equal(flow, by_id[id]->flow));
    });
    CHECK(visited == model.flows.size());
    total_evicted += evicted;
    total_untracked += untracked;
  }
  CHECK(total_evicted > 1000);
  CHECK(total_untracked > 1000);
  CHECK(total_anew > 500);
  CHECK(total_another > 500);
}

TEST_CASE("many flows keep their ids while others go") {
  constexpr std::uint32_t kFlows = 20000;
  FlowTable table(kFlows);
  const auto key = [](std::uint32_t i) { return FlowKey{Ip::v4(i), Ip::v4(~i), 1, 2, 17, 0}; };
  std::map<std::uint32_t, std::uint32_t> id_of;
  for (std::uint32_t i = 0; i < kFlows; ++i) id_of[i] = table.touch(key(i), 0, 1, i % 4 == 0 ? 0 : 200 * kSecond).id;
  std::uint32_t made = 0;
  for (std::uint32_t i = kFlows; i < 2 * kFlows; ++i)
    made += table.touch(key(i), 0, 1, 200 * kSecond).created ? 1U : 0U;
  CHECK(made == kFlows / 4);
  for (std::uint32_t i = 0; i < kFlows; ++i) {
    if (i % 4 == 0) continue;
    const FlowRef ref = table.touch(key(i), 0, 1, 200 * kSecond);
    REQUIRE_FALSE(ref.created);
    REQUIRE(ref.id == id_of[i]);
  }
  CHECK(table.counts().evicted == kFlows / 4);
}

TEST_CASE("no packet allocates") {
  std::uint64_t gone = 0;
  FlowTable table(500, [&](std::uint32_t, Flow&) { ++gone; });
  std::mt19937_64 engine(7);
  const std::size_t before = allocations();
  std::uint64_t ids = 0;
  for (std::int64_t i = 0; i < 100000; ++i) {
    FlowKey key = udp_key(static_cast<std::uint16_t>(engine() % 2000));
    if (engine() % 2 == 0) key = reverse(key);
    if (engine() % 3 == 0) key.protocol = 6;
    ids += table.touch(key, key.protocol == 6 ? kSyn : 0, 100, i * kSecond / 4).id;
  }
  CHECK(allocations() - before == 0);
  CHECK(gone > 0);
  CHECK(ids > 0);
  CHECK(table.counts().untracked > 0);
}

}  // namespace
}  // namespace airtight::audit
