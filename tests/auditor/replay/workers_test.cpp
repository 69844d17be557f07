#include "auditor/replay/workers.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/auditor/replay/random_traffic.h"

namespace airtight::audit {
namespace {

using namespace test;

Frame view(const SentFrame& sent, std::uint64_t number) {
  Frame frame;
  frame.bytes = Bytes(reinterpret_cast<const std::uint8_t*>(sent.bytes.data()), sent.bytes.size());
  frame.original = static_cast<std::uint32_t>(sent.bytes.size()) + sent.missing;
  frame.time = sent.time;
  frame.number = number;
  frame.direction = sent.direction;
  return frame;
}

// Everything that a tally says.
std::string text_of(Tally tally) {
  const Counts& c = tally.counts;
  std::string text;
  const auto add = [&](std::uint64_t count) { text += std::to_string(count) + " "; };
  for (const std::uint64_t count : {c.packets,
                                    c.bytes,
                                    c.undecoded,
                                    c.ipv4,
                                    c.ipv6,
                                    c.arp,
                                    c.other,
                                    c.opaque_packets,
                                    c.fragments,
                                    c.fragments_given_up,
                                    c.exceptions,
                                    std::uint64_t{c.excepted_by_pods},
                                    c.flows.created,
                                    c.flows.evicted,
                                    c.flows.untracked,
                                    c.application.dns_questions,
                                    c.application.dns_answers,
                                    c.application.tls_hellos,
                                    c.application.quic_hellos,
                                    c.application.http_requests,
                                    c.application.socks_requests,
                                    c.application.encrypted_flows,
                                    c.application.midway_flows,
                                    c.application.unread_streams,
                                    c.application.unknown_flows})
    add(count);
  for (const ClassCount& cls : c.classes) add(cls.packets), add(cls.bytes), add(cls.flows);
  text += "\n";
  for (const Finding& f : tally.findings.take()) {
    text += std::string(info(f.rule).id) + " " + std::string(to_string(f.cls)) + " " +
            std::string(to_string(f.effect)) + " " + to_string(f.source) + " " + to_string(f.destination) + " " +
            f.protocol + " " + std::to_string(f.port) + " " + f.name + " " + f.catalogue + " " + f.detail + " " +
            std::to_string(f.first_seen) + " " + std::to_string(f.last_seen) + " " + std::to_string(f.packets) + " " +
            std::to_string(f.bytes) + (f.guessed_direction ? " guessed" : "");
    for (const PacketId& id : f.examples) text += " #" + std::to_string(id.number);
    text += "\n";
  }
  for (const auto& [name, seen] : tally.names.names())
    text += name + " " + std::to_string(seen.times) + (seen.inside ? " inside\n" : " outside\n");
  return text + std::to_string(tally.names.left_out());
}

const Point kPoint{Role::Uplink, "eth0", 0};

TEST_CASE("workers: the tally does not depend on the number of threads") {
  std::mt19937_64 engine(3);
  const Traffic traffic = random_traffic(engine, 4000);
  REQUIRE(traffic.frames.size() > 9000);  // several batches by number, and by bytes
  std::string expected, expected_marked;
  for (const unsigned threads : {1u, 0u, 2u, 3u, 7u}) {
    std::string marked;
    std::uint64_t last = 0;
    Workers workers(shared_boundary(), 8192, threads,
                    [&](const Frame& frame, const Point& point, const RuleInfo& worst) {
                      REQUIRE(frame.number > last);
                      last = frame.number;
                      REQUIRE(&point == &kPoint);
                      const std::string& sent = traffic.frames[frame.number - 1].bytes;
                      REQUIRE(std::equal(frame.bytes.begin(), frame.bytes.end(), sent.begin(), sent.end(),
                                         [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); }));
                      marked += std::to_string(frame.number) + " " + std::string(worst.id) + "\n";
                    });
    std::uint64_t number = 0;
    for (const SentFrame& sent : traffic.frames) {
      std::string gone = sent.bytes;  // the bytes need not outlive the call
      SentFrame copy{gone, sent.time, sent.direction, sent.missing};
      workers.see(view(copy, ++number), kPoint, 0);
      std::fill(copy.bytes.begin(), copy.bytes.end(), '\xaa');
    }
    const std::string tally = text_of(workers.finish());
    INFO(threads);
    if (expected.empty()) expected = tally, expected_marked = marked;
    CHECK(tally == expected);
    CHECK(marked == expected_marked);
    CHECK(last != 0);
  }
  // So that it says something: every kind of finding is there.
  for (const char* id : {"A001", "A002", "A006", "A010", "A011", "A012", "A013", "A020", "A021", "A022", "A023", "A024",
                         "A027", "A030", "A051"}) {
    INFO(id);
    if (id != std::string("A020")) CHECK(expected.find(id) != std::string::npos);
  }
}

TEST_CASE("workers: labels of MPLS that look like IPv4") {
  std::mt19937_64 engine(4);
  std::string expected;
  for (const unsigned threads : {1u, 7u}) {
    Workers workers(shared_boundary(), 1024, threads, {});
    std::uint64_t number = 0;
    for (unsigned i = 0; i < 50; ++i) {
      const std::string pod = "10.42.0." + std::to_string(i + 1);
      const std::string label = hex("40001140");
      const std::string frames[] = {eth(0x8847, label + ip4(6, pod, "198.51.100.9", flagged(kSyn, 4000, 443))),
                                    eth(0x8847, label + ip4(6, "198.51.100.9", pod, flagged(kSyn | kAck, 443, 4000)))};
      for (const std::string& bytes : frames)
        workers.see(view({bytes, kNow, Direction::Unknown, 0}, ++number), kPoint, 0);
    }
    const std::string tally = text_of(workers.finish());
    if (expected.empty()) expected = tally;
    CHECK(tally == expected);
  }
}

TEST_CASE("workers: what is thrown where marks are told comes out") {
  for (const unsigned threads : {1u, 3u}) {
    unsigned told = 0;
    Workers workers(shared_boundary(), 1024, threads, [&](const Frame&, const Point&, const RuleInfo&) {
      if (++told == 3) throw std::runtime_error("the disk is full");
    });
    const std::string escape = syn("10.42.1.5", "198.51.100.9", 443);
    const auto run = [&] {
      for (std::uint64_t i = 1; i <= 10; ++i) workers.see(view({escape, kNow, Direction::Unknown, 0}, i), kPoint, 0);
      workers.finish();
    };
    CHECK_THROWS_WITH(run(), "the disk is full");
    CHECK(told == 3);
  }
}

TEST_CASE("workers: left without finish()") {
  Workers workers(shared_boundary(), 1024, 3, {});
  const std::string escape = syn("10.42.1.5", "198.51.100.9", 443);
  for (std::uint64_t i = 1; i <= 50'000; ++i) workers.see(view({escape, kNow, Direction::Unknown, 0}, i), kPoint, 0);
}

TEST_CASE("workers: no frames") {
  for (const unsigned threads : {1u, 4u}) {
    Workers workers(shared_boundary(), 16, threads, {});
    CHECK(workers.finish().counts.packets == 0);
  }
}

std::string text_of(const NameBook& book) {
  std::string text;
  for (const auto& [name, seen] : book.names())
    text += name + " " + std::to_string(seen.times) + (seen.inside ? " inside\n" : "\n");
  return text + std::to_string(book.left_out());
}

TEST_CASE("names: counted without regard to case") {
  NameBook book;
  book.seen(NameFrom::Tls, "B.Example", false);
  book.seen(NameFrom::Dns, "b.eXAMPLE", false);
  book.seen(NameFrom::Dns, "a.example", true);
  CHECK(text_of(book) == "a.example 1 inside\nb.example 2\n0");
  NameBook other;
  other.seen(NameFrom::Http, "b.example", false);
  other.seen(NameFrom::Http, "c.example", false);
  book.merge(std::move(other));
  CHECK(text_of(book) == "a.example 1 inside\nb.example 3\nc.example 1\n0");
}

TEST_CASE("names: which are kept depends neither on the order nor on the shards") {
  std::mt19937_64 engine(9);
  std::vector<std::string> sightings;
  for (unsigned i = 0; i < kMaxNames + 500; ++i)
    for (unsigned times = 0; times <= i % 3; ++times) sightings.push_back("n" + std::to_string(100'000 + i));
  std::string expected;
  for (int round = 0; round < 6; ++round) {
    std::vector<NameBook> shards(1 + static_cast<unsigned>(round) % 3);
    for (const std::string& name : sightings) shards[engine() % shards.size()].seen(NameFrom::Dns, name, false);
    NameBook book;
    for (NameBook& shard : shards) book.merge(std::move(shard));
    if (expected.empty()) expected = text_of(book);
    CHECK(book.names().size() == kMaxNames);
    CHECK(book.left_out() == 1001);
    CHECK(text_of(book) == expected);
    std::shuffle(sightings.begin(), sightings.end(), engine);
  }
}

TEST_CASE("names: inside for one and outside for another") {
  NameBook one, other;
  one.seen(NameFrom::Dns, "10.20.0.10", false);
  one.seen(NameFrom::Http, "10.20.0.10", true);
  other.seen(NameFrom::Http, "10.20.0.10", true);
  other.seen(NameFrom::Dns, "10.20.0.10", false);
  CHECK(text_of(one) == text_of(other));
}

}  // namespace
}  // namespace airtight::audit
