#include "auditor/canary/sensor_watch.h"

#include <catch2/catch.hpp>

using namespace airtight;
using namespace airtight::audit;
using Sight = SensorWatch::Sight;

namespace {

constexpr std::int64_t kDeadline = 1'000'000;

Nonce nonce_of(std::uint8_t value) {
  Nonce nonce;
  nonce.fill(value);
  return nonce;
}

struct Sent {
  std::vector<std::uint8_t> bytes;
  Frame frame;
  explicit Sent(std::uint8_t nonce, std::int64_t time = kDeadline)
      : bytes(canary_frame(CanaryKind::Sensor, CanaryFamily::Ipv4, {2, 0, 0, 0, 0, 1}, Ip::v4(0), nonce_of(nonce))) {
    frame.bytes = bytes;
    frame.original = static_cast<std::uint32_t>(bytes.size());
    frame.time = time;
  }
};

}  // namespace

TEST_CASE("a sensor canary is ours once, where and when it was announced") {
  SensorWatch watch;
  watch.expect(nonce_of(1), 7, kDeadline);
  CHECK(watch.see(Sent(1).frame, 7, true) == Sight::Ours);
  CHECK(watch.seen() == 1);
  CHECK(watch.see(Sent(1).frame, 7, true) == Sight::NotOurs);  // repeated
  CHECK(watch.seen() == 1);
  CHECK(watch.settle(nonce_of(1)));
  CHECK_FALSE(watch.settle(nonce_of(1)));
  CHECK(watch.see(Sent(1).frame, 7, true) == Sight::NotOurs);  // after it was settled
}

TEST_CASE("a sensor canary that is copied, late or elsewhere is judged like any packet") {
  struct Case {
    const char* what;
    std::uint8_t nonce;
    std::uint32_t interface;
    bool transmitted;
    std::int64_t time;
  };
  for (const Case& one : {Case{"never announced", 2, 7, true, kDeadline},
                          Case{"at another interface", 1, 8, true, kDeadline}, Case{"received", 1, 7, false, kDeadline},
                          Case{"too late", 1, 7, true, kDeadline + 1}, Case{"without a time", 1, 7, true, kNoTime}}) {
    INFO(one.what);
    SensorWatch watch;
    watch.expect(nonce_of(1), 7, kDeadline);
    CHECK(watch.see(Sent(one.nonce, one.time).frame, one.interface, one.transmitted) == Sight::NotOurs);
    CHECK(watch.seen() == 0);
    CHECK(watch.see(Sent(1).frame, 7, true) == Sight::Ours);  // the true one is not used up by it
    CHECK(watch.settle(nonce_of(1)));
  }
}

TEST_CASE("a sensor canary that nobody saw settles as missed") {
  SensorWatch watch;
  watch.expect(nonce_of(1), 7, kDeadline);
  CHECK_FALSE(watch.settle(nonce_of(1)));
  CHECK(watch.seen() == 0);
}
