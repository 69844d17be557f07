// Frames of one flow meet the same worker, however they are wrapped; which findings are kept does not depend on
// workers.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "auditor/replay/workers.h"
#include "tests/auditor/replay/random_traffic.h"

namespace airtight::audit {
namespace {

using namespace test;

const Point kEth0{Role::Uplink, "eth0", 0};

Frame frame_of(const std::string& bytes, std::uint64_t number) {
  Frame frame;
  frame.bytes = Bytes(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  frame.original = static_cast<std::uint32_t>(bytes.size());
  frame.time = kNow + static_cast<std::int64_t>(number);
  frame.number = number;
  return frame;
}

Tally judged(const std::vector<std::string>& frames, unsigned threads) {
  Workers workers(shared_boundary(), 200'000, threads, {});
  std::uint64_t number = 0;
  for (const std::string& bytes : frames) workers.see(frame_of(bytes, ++number), kEth0, 0);
  return workers.finish();
}

// A connection each way for many pods, each packet behind `before`, which differs for the two ways.
std::vector<std::string> wrapped(std::uint32_t type, const std::string& there, const std::string& back) {
  std::vector<std::string> frames;
  for (unsigned i = 1; i <= 60; ++i) {
    const std::string pod = "10.42.0." + std::to_string(i);
    frames.push_back(eth(type, there + ip4(6, pod, "10.20.0.10", flagged(kSyn, 4000, 8000))));
    frames.push_back(eth(type, back + ip4(6, "10.20.0.10", pod, flagged(kSyn | kAck, 8000, 4000))));
    frames.push_back(eth(type, there + ip4(6, pod, "10.20.0.10", flagged(kAck, 4000, 8000))));
  }
  return frames;
}

TEST_CASE("shards: a flow is one flow behind any shim") {
  struct Shim {
    const char* what;
    std::uint32_t type;
    std::string there, back;
  };
  const Shim shims[] = {
      {"none", 0x0800, "", ""},
      {"802.1Q", 0x8100, hex("4064 0800"), hex("6065 0800")},
      {"802.1ad", 0x88a8, hex("4064 8100 6065 0800"), hex("6064 8100 4065 0800")},
      // Priorities 2 and 3 begin with a 4 and a 6, as IPv4 and IPv6 do.
      {"tags of type 0x9100", 0x9100, hex("4064 8100 4065 0800"), hex("6064 8100 6065 0800")},
      {"MPLS", 0x8847, hex("40001140"), hex("60001140")},
      {"PPPoE", 0x8864, hex("1100 4001 003e 0021"), hex("1100 6001 003e 0021")},
  };
  for (const Shim& shim : shims) {
    INFO(shim.what);
    const std::vector<std::string> frames = wrapped(shim.type, shim.there, shim.back);
    const std::uint64_t flows = judged(frames, 1).counts.flows.created;
    CHECK(flows == 60);
    for (const unsigned threads : {2u, 4u, 7u}) CHECK(judged(frames, threads).counts.flows.created == flows);
  }
}

TEST_CASE("shards: beyond the bound of findings the same ones are kept") {
  std::vector<std::string> frames;
  for (std::uint32_t i = 0; i < kMaxFindings + 500; ++i) {
    const std::string pod = "10.42." + std::to_string(i % 200) + "." + std::to_string(1 + i / 200 % 200);
    frames.push_back(eth(0x0800, ip4(17, pod, "10.30.0.9", udp(4000, 1 + i / 40'000, "x"))));
  }
  frames.push_back(syn("10.42.1.5", "198.51.100.9", 443));
  const auto kept = [&](unsigned threads) {
    Tally tally = judged(frames, threads);
    std::vector<std::tuple<Ip, std::int32_t, std::uint64_t>> all;
    bool named = false;
    for (const Finding& f : tally.findings.take()) {
      all.emplace_back(f.source, f.port, f.packets);
      named |= f.rule == Rule::PacketLeft && to_string(f.destination) == "198.51.100.9";
    }
    CHECK(named);
    return std::pair(all, tally.findings.left_out());
  };
  const auto one = kept(1);
  CHECK(one.first.size() == kMaxFindings + 1);
  CHECK(one.second == std::array<std::uint64_t, 3>{500, 0, 0});
  CHECK((kept(4) == one));
}

TEST_CASE("names: what names nobody is no name") {
  NameBook book;
  book.seen(NameFrom::Http, "", false);
  CHECK(book.names().empty());
  CHECK(book.left_out() == 0);
}

}  // namespace
}  // namespace airtight::audit
