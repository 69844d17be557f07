// The device's own counters: read from a faked sysfs, and held against what the tap saw.
#include <stdlib.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "auditor/conservation/conservation.h"

namespace airtight::audit {
namespace {

struct Sysfs {
  Sysfs() {
    std::string pattern = std::filesystem::temp_directory_path() / "airtight-sysfs-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    root = pattern;
    std::filesystem::create_directories(root + "/eth0/statistics");
  }
  ~Sysfs() { std::filesystem::remove_all(root); }
  void put(const std::string& name, const std::string& text) const {
    std::ofstream(root + "/eth0/statistics/" + name) << text;
  }
  std::string root;
};

std::string text(const std::vector<DeviceGap>& gaps) {
  std::string all;
  for (const DeviceGap& gap : gaps) {
    CHECK(gap.detail.starts_with(std::to_string(gap.size) + " "));
    all += (all.empty() ? "" : "; ") + gap.counter + ": " + gap.detail;
  }
  return all;
}

TapCounters tap(std::uint64_t received, std::uint64_t transmitted = 0, std::uint64_t dropped = 0) {
  TapCounters counters;
  counters.received = received;
  counters.transmitted = transmitted;
  counters.dropped = dropped;
  return counters;
}

DeviceCounters device(std::uint64_t rx, std::uint64_t tx = 0, std::uint64_t rx_dropped = 0) {
  DeviceCounters counters;
  counters.rx_packets = rx;
  counters.tx_packets = tx;
  counters.rx_dropped = rx_dropped;
  return counters;
}

TEST_CASE("device bound: R43, the library's counter says nothing and the device's say 300") {
  const Sysfs sysfs;
  sysfs.put("rx_packets", "5000\n");
  sysfs.put("tx_packets", "80\n");
  sysfs.put("rx_dropped", "7\n");
  sysfs.put("rx_missed_errors", "0\n");
  DeviceBound bound;
  DeviceCounters counters;
  REQUIRE_FALSE(read_device_counters(sysfs.root, "eth0", counters));
  CHECK(text(bound.add(counters, tap(400))).empty());
  sysfs.put("rx_packets", "6000\n");
  sysfs.put("rx_dropped", "307\n");
  REQUIRE_FALSE(read_device_counters(sysfs.root, "eth0", counters));
  CHECK(bound.add(counters, tap(1100)) ==
        std::vector<DeviceGap>{{"rx_dropped", 300, "300 interface drops (rx_dropped)"}});
  // Told once.
  CHECK(text(bound.add(counters, tap(1100))).empty());
}

TEST_CASE("device bound: received") {
  struct Case {
    const char* what;
    DeviceCounters from, to;
    TapCounters tap_from, tap_to;
    const char* expected;
  };
  const auto lost = [](std::uint64_t missed, std::uint64_t fifo, std::uint64_t over) {
    DeviceCounters counters = device(1000);
    counters.rx_missed_errors = missed;
    counters.rx_fifo_errors = fifo;
    counters.rx_over_errors = over;
    return counters;
  };
  const Case cases[] = {
      {"all of it", device(0), device(1000), tap(0), tap(1000), ""},
      {"merged by GRO", device(0), device(1000), tap(0), tap(100), ""},
      {"what nobody handled", device(0, 0, 5), device(1000, 0, 305), tap(0), tap(1000), ""},
      {"both, as far as it can be told", device(0), device(1000, 0, 300), tap(0), tap(900),
       "rx_dropped: 100 interface drops (rx_dropped)"},
      {"lost before the device counts", lost(0, 0, 0), lost(12, 0, 0), tap(0), tap(0),
       "rx_missed_errors: 12 interface drops (rx_missed_errors)"},
      {"the same loss under two names", lost(1, 1, 0), lost(13, 13, 0), tap(0), tap(0),
       "rx_missed_errors: 12 interface drops (rx_missed_errors)"},
      {"under another name", lost(0, 2, 9), lost(0, 2, 14), tap(0), tap(0),
       "rx_over_errors: 5 interface drops (rx_over_errors)"},
      {"a tap's count that wavers", device(0), device(1000, 0, 300), tap(50), tap(49),
       "rx_dropped: 300 interface drops (rx_dropped)"},
      {"the socket", device(0), device(1000), tap(0, 0, 3), tap(800, 0, 203),
       "socket: 200 frames dropped by the capture socket"},
      {"the socket and the device", device(0), device(1000, 0, 5), tap(0), tap(800, 0, 200),
       "socket: 200 frames dropped by the capture socket; rx_dropped: 5 interface drops (rx_dropped)"},
      {"a wrap at 32 bits", device(4294967000), device(704, 0, 300), tap(0), tap(700),
       "rx_dropped: 300 interface drops (rx_dropped)"},
      {"drops that wrap", device(10, 0, 4294967290), device(20, 0, 4), tap(0), tap(0),
       "rx_dropped: 10 interface drops (rx_dropped)"},
      {"a new device under the old name", device(50000, 700, 20), device(10, 3, 9), tap(0), tap(0), ""},
      {"beyond 32 bits there is no wrap", device(4294967296), device(700, 0, 300), tap(0), tap(0), ""},
      {"nobody receives as much as a wrap would take", device(3000000000), device(100, 0, 90), tap(0), tap(0), ""},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    DeviceBound bound;
    bound.add(c.from, c.tap_from);
    CHECK(text(bound.add(c.to, c.tap_to)) == c.expected);
  }
}

TEST_CASE("device bound: sent") {
  const auto allowed = [](TapCounters counters, std::uint64_t segments) {
    counters.segments_allowed = segments;
    return counters;
  };
  struct Step {
    DeviceCounters device;
    TapCounters tap;
    const char* expected;
  };
  const std::pair<const char*, std::vector<Step>> stories[] = {
      {"as many", {{device(0, 50), tap(0, 7), ""}, {device(0, 60), tap(0, 17), ""}}},
      {"fewer: a driver that drops", {{device(0, 50), tap(0, 7), ""}, {device(0, 55), tap(0, 17), ""}}},
      {"more, told once and with what comes after",
       {{device(0, 50), tap(0, 7), ""},
        {device(0, 72), tap(0, 17), "tx_packets: 12 frames sent that the tap did not see (tx_packets)"},
        {device(0, 82), tap(0, 27), ""},
        {device(0, 93), tap(0, 37), "tx_packets: 1 frames sent that the tap did not see (tx_packets)"}}},
      {"segments",
       {{device(0, 50), tap(0, 7), ""},
        {device(0, 94), allowed(tap(0, 8), 43), ""},
        {device(0, 95), allowed(tap(0, 8), 43), "tx_packets: 1 frames sent that the tap did not see (tx_packets)"}}},
      {"a driver that lags and catches up",
       {{device(0, 50), tap(0, 50), ""}, {device(0, 60), tap(0, 260), ""}, {device(0, 260), tap(0, 260), ""}}},
      {"a wrap",
       {{device(0, 4294967290), tap(0, 0), ""},
        {device(0, 4), tap(0, 10), ""},
        {device(0, 10), tap(0, 10), "tx_packets: 6 frames sent that the tap did not see (tx_packets)"}}},
      {"a new device",
       {{device(0, 9000), tap(0, 0), ""}, {device(0, 40), tap(0, 0), ""}, {device(0, 40), tap(0, 0), ""}}},
      {"a new tap", {{device(0, 10), tap(0, 500), ""}, {device(0, 40), tap(0, 3), ""}, {device(0, 41), tap(0, 4), ""}}},
      {"a new tap that has dropped",
       {{device(0, 10), tap(0, 500, 9), "socket: 9 frames dropped by the capture socket"},
        {device(0, 40), tap(0, 3, 4), "socket: 4 frames dropped by the capture socket"}}},
  };
  for (const auto& [what, steps] : stories) {
    INFO(what);
    DeviceBound bound;
    for (const Step& step : steps) CHECK(text(bound.add(step.device, step.tap)) == step.expected);
  }
}

TEST_CASE("device bound: a driver that counts buffers leaves no surplus to hide in") {
  const auto sent = [](std::uint64_t frames, std::uint64_t segments) {
    TapCounters counters = tap(0, frames);
    counters.segments_allowed = segments;
    return counters;
  };
  DeviceBound bound;
  CHECK(text(bound.add(device(0, 100), sent(100, 0))).empty());
  SECTION("buffers were sent, and the device counted as many frames as the tap") {
    CHECK(text(bound.add(device(0, 150), sent(150, 7'000))).empty());
    CHECK(text(bound.add(device(0, 165), sent(160, 7'000))) ==
          "tx_packets: 5 frames sent that the tap did not see (tx_packets)");
    CHECK(text(bound.add(device(0, 215), sent(210, 14'000))).empty());
    CHECK(text(bound.add(device(0, 226), sent(220, 14'000))) ==
          "tx_packets: 1 frames sent that the tap did not see (tx_packets)");
  }
  SECTION("the device counted segments: within the surplus nothing is told") {
    CHECK(text(bound.add(device(0, 2'150), sent(150, 7'000))).empty());
    CHECK(text(bound.add(device(0, 2'165), sent(160, 7'000))).empty());
  }
  SECTION("too few buffers to tell") {
    CHECK(text(bound.add(device(0, 150), sent(150, 63))).empty());
    CHECK(text(bound.add(device(0, 165), sent(160, 63))).empty());
  }
}

TEST_CASE("device bound: what passes between two looks is nobody's difference") {
  const auto bracket = [](std::uint64_t before, std::uint64_t after) {
    TapCounters counters = tap(after, after);
    counters.received_before = counters.transmitted_before = before;
    return counters;
  };
  DeviceBound bound;
  CHECK(text(bound.add(device(100, 100), bracket(100, 110))).empty());
  // The ten of the first reading's time are in the device's count only now.
  CHECK(text(bound.add(device(200, 200, 50), bracket(195, 203))).empty());
  CHECK(text(bound.add(device(300, 300, 99), bracket(300, 300))).empty());
  CHECK(text(bound.add(device(400, 401, 99), bracket(400, 400))) ==
        "tx_packets: 1 frames sent that the tap did not see (tx_packets)");
}

TEST_CASE("device counters: every counter by its name; what is missing, and what is no number") {
  const Sysfs sysfs;
  DeviceCounters counters;
  CHECK(read_device_counters(sysfs.root, "eth1", counters) == std::errc::no_such_file_or_directory);
  CHECK(read_device_counters(sysfs.root, "eth0", counters) == std::errc::no_such_file_or_directory);
  sysfs.put("rx_packets", "1\n");
  CHECK(read_device_counters(sysfs.root, "eth0", counters) == std::errc::no_such_file_or_directory);
  sysfs.put("tx_packets", "2\n");
  REQUIRE_FALSE(read_device_counters(sysfs.root, "eth0", counters));
  CHECK((counters.rx_packets == 1 && counters.tx_packets == 2 && counters.rx_dropped == 0));
  const std::pair<const char*, std::uint64_t DeviceCounters::*> names[] = {
      {"rx_bytes", &DeviceCounters::rx_bytes},
      {"tx_bytes", &DeviceCounters::tx_bytes},
      {"rx_dropped", &DeviceCounters::rx_dropped},
      {"tx_dropped", &DeviceCounters::tx_dropped},
      {"rx_missed_errors", &DeviceCounters::rx_missed_errors},
      {"rx_fifo_errors", &DeviceCounters::rx_fifo_errors},
      {"rx_over_errors", &DeviceCounters::rx_over_errors},
      {"rx_errors", &DeviceCounters::rx_errors},
      {"tx_errors", &DeviceCounters::tx_errors},
      {"rx_nohandler", &DeviceCounters::rx_nohandler},
  };
  std::uint64_t value = 18446744073709551600U;
  for (const auto& [name, member] : names) {
    sysfs.put(name, std::to_string(++value) + "\n");
    REQUIRE_FALSE(read_device_counters(sysfs.root, "eth0", counters));
    CHECK(counters.*member == value);
  }
  for (const char* garbage : {"", "\n", "x\n", "-1\n", " 1\n", "1 2\n", "0x10\n", "18446744073709551616\n", "1\n\n",
                              "1111111111111111111111111111111111111111\n"}) {
    INFO(garbage);
    sysfs.put("rx_dropped", garbage);
    CHECK(read_device_counters(sysfs.root, "eth0", counters) == std::errc::bad_message);
    CHECK(counters.rx_packets == 0);
  }
  for (const char* name : {"", ".", "..", "../eth0", "eth0/statistics", "/eth0"})
    CHECK(read_device_counters(sysfs.root, name, counters) == std::errc::invalid_argument);
}

}  // namespace
}  // namespace airtight::audit
