#include "auditor/agent/log_keeper.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

namespace airtight::audit {
namespace {

class SetClock final : public Clock {
 public:
  Times now() override { return times; }
  void go(std::int64_t seconds) {
    times.realtime += seconds * 1'000'000'000;
    times.boottime += seconds * 1'000'000'000;
  }
  Times times{1'767'225'600'000'000'000, 1'000'000'000};
};

// A folder of its own, and two agents that want the log in it.
struct Two {
  ~Two() { std::filesystem::remove_all(folder); }

  static std::filesystem::path fresh() {
    const auto path = std::filesystem::temp_directory_path() / ("log_keeper_test_" + std::to_string(::getpid()));
    std::filesystem::remove_all(path);
    std::filesystem::create_directory(path);
    return path;
  }
  static AgentConfig config_in(const std::filesystem::path& folder) {
    AgentConfig config;
    config.state = folder / "log";
    config.node = "n1";
    return config;
  }

  const std::filesystem::path folder = fresh();
  const AgentConfig config = config_in(folder);
  SetClock clock;
  std::unique_ptr<Disk> old_disk = real_disk(), new_disk = real_disk();
  std::vector<std::string> trouble;
  LogKeeper old{config, *old_disk, clock, [](const RecordBody&) {},
                [this](const std::string& what) { trouble.push_back(what); }};
  LogKeeper next{config, *new_disk, clock, [](const RecordBody&) {},
                 [this](const std::string& what) { trouble.push_back(what); }};
};

TEST_CASE("a log that another agent writes is had once it is let go, and not before") {
  Two two;
  two.old.open("host");
  CHECK(two.old.made_keys());
  two.next.find("host");
  CHECK_FALSE(two.next.made_keys());
  CHECK(two.next.origin() == two.old.origin());
  CHECK_FALSE(two.next.take());
  CHECK_THROWS_WITH(two.next.open("host"), "another agent writes the log in " + two.config.state);
  StartRecord start;
  start.boot_id = "5a1b6f0e-0000-4000-8000-000000000001";
  REQUIRE(two.old.write(start));
  two.clock.go(1);
  REQUIRE(two.old.write(StopRecord{"signal", false}));
  CHECK_FALSE(two.next.take());
  REQUIRE(two.old.close());
  two.clock.go(1);
  REQUIRE(two.next.take());
  CHECK(two.next.last_time() == two.clock.times.realtime - 1'000'000'000);
  CHECK(two.next.last_boot_id() == start.boot_id);
  const std::vector<Record> end = two.next.end_of_log(0);
  REQUIRE(end.size() == 2);
  CHECK(std::holds_alternative<StartRecord>(end[0].body));
  CHECK(std::holds_alternative<StopRecord>(end[1].body));
  CHECK(two.trouble.empty());
}

TEST_CASE("the end of a log is read back over bundles, as far as asked") {
  Two two;
  two.old.open("host");
  const std::int64_t begun = two.clock.times.realtime;
  for (std::uint64_t i = 0; i < 600; ++i) {
    HeartbeatRecord beat;
    beat.lag = i + 1;
    REQUIRE(two.old.write(beat));
    two.clock.go(1);
  }
  REQUIRE(two.old.close());
  REQUIRE((two.next.find("host"), two.next.take()));
  const auto lag = [](const Record& record) { return std::get<HeartbeatRecord>(record.body).lag; };
  CHECK(two.next.end_of_log(0).size() == 600);
  for (const std::int64_t since : {599, 513, 512, 511, 256, 255, 100}) {
    const std::vector<Record> end = two.next.end_of_log(begun + since * 1'000'000'000);
    REQUIRE(end.size() == 600 - static_cast<std::size_t>(since));
    CHECK(lag(end.front()) == static_cast<std::uint64_t>(since) + 1);
    CHECK(lag(end.back()) == 600);
  }
  // Where a bundle is gone, what comes after it is all that is known.
  std::filesystem::remove(two.folder / "log/tile/entries/000");
  CHECK(two.next.end_of_log(0).size() == 600 - 256);
}

}  // namespace
}  // namespace airtight::audit
