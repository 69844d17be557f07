#include "auditor/capture/merge.h"

#include <catch2/catch.hpp>
#include <random>
#include <tuple>

#include "tests/auditor/capture/capture_bytes.h"

namespace airtight::audit::test {
namespace {

// A file of the given times, each frame's bytes "FILE.NUMBER".
std::unique_ptr<CaptureFile> file_of(std::size_t file, const std::vector<std::int64_t>& times) {
  const Writer w(false);
  std::string nine(1, '\x09');
  std::string bytes = w.section() + w.interface(1, 0, w.option(2, "eth0") + w.option(9, nine));
  for (std::size_t i = 0; i < times.size(); ++i) {
    const std::string data = std::to_string(file) + "." + std::to_string(i + 1);
    bytes += times[i] == kNoTime
                 ? w.simple_packet(data, static_cast<std::uint32_t>(data.size()))
                 : w.packet(0, static_cast<std::uint64_t>(times[i]), data, static_cast<std::uint32_t>(data.size()));
  }
  std::string error;
  return CaptureFile::open(std::make_unique<MemorySource>(bytes), error);
}

std::string merged(const std::vector<std::vector<std::int64_t>>& files) {
  std::vector<std::unique_ptr<CaptureFile>> opened;
  for (std::size_t i = 0; i < files.size(); ++i) opened.push_back(file_of(i, files[i]));
  Merge merge(std::move(opened));
  REQUIRE(merge.size() == files.size());
  std::string order;
  std::size_t file = 0;
  for (Frame frame; merge.next(frame, file);) {
    const std::string name(frame.bytes.begin(), frame.bytes.end());
    CHECK(name == std::to_string(file) + "." + std::to_string(frame.number));
    order += name + " ";
  }
  Frame frame;
  CHECK_FALSE(merge.next(frame, file));
  for (std::size_t i = 0; i < files.size(); ++i) CHECK(merge.file(i).problems().empty());
  return order;
}

// The same by sorting: a frame is due at the latest time so far in its file, and a frame without time goes with the one
// before it.
std::string sorted(const std::vector<std::vector<std::int64_t>>& files) {
  struct Due {
    std::int64_t time;
    std::size_t file, number;
  };
  std::vector<Due> all;
  for (std::size_t file = 0; file < files.size(); ++file) {
    std::int64_t latest = kNoTime;
    for (std::size_t i = 0; i < files[file].size(); ++i) {
      latest = std::max(latest, files[file][i]);
      all.push_back({latest, file, i + 1});
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const Due& a, const Due& b) {
    return std::tie(a.time, a.file, a.number) < std::tie(b.time, b.file, b.number);
  });
  std::string order;
  for (const Due& due : all) order += std::to_string(due.file) + "." + std::to_string(due.number) + " ";
  return order;
}

TEST_CASE("merge: by time, ties by the order of the files") {
  CHECK(merged({}) == "");
  CHECK(merged({{}, {}}) == "");
  CHECK(merged({{3, 1, 2}}) == "0.1 0.2 0.3 ");                  // one file keeps its order
  CHECK(merged({{1, 2}, {3, 4}}) == "0.1 0.2 1.1 1.2 ");         // rotated
  CHECK(merged({{3, 4}, {1, 2}}) == "1.1 1.2 0.1 0.2 ");         // given the wrong way round
  CHECK(merged({{1, 3, 5}, {2, 4}}) == "0.1 1.1 0.2 1.2 0.3 ");  // overlapping
  CHECK(merged({{5}, {5}, {5, 5}}) == "0.1 1.1 2.1 2.2 ");
  CHECK(merged({{5, kNoTime, 9}, {1, 5, 6}}) ==
        "1.1 0.1 0.2 1.2 1.3 0.3 ");  // without a time: right after the one before
  CHECK(merged({{1, 2}, {7}, {kNoTime, kNoTime, 3}}) == "2.1 2.2 0.1 0.2 2.3 1.1 ");
}

TEST_CASE("merge: equal to sorting") {
  std::mt19937 random(5);
  for (int round = 0; round < 2'000; ++round) {
    std::vector<std::vector<std::int64_t>> files(random() % 6);
    const auto span = static_cast<std::int64_t>(1 + random() % 30);
    const bool ordered = random() % 2 == 0;
    for (auto& times : files) {
      times.resize(random() % 12);
      for (auto& time : times) time = static_cast<std::int64_t>(random()) % span;
      if (ordered) std::sort(times.begin(), times.end());
      for (auto& time : times) {
        if (random() % 5 == 0) time = kNoTime;
      }
    }
    REQUIRE(merged(files) == sorted(files));
  }
}

TEST_CASE("merge: interfaces of one name in several files stay apart") {
  std::vector<std::unique_ptr<CaptureFile>> files;
  files.push_back(file_of(0, {1}));
  files.push_back(file_of(1, {2}));
  Merge merge(std::move(files));
  Frame frame;
  std::size_t file = 9;
  for (const std::size_t expected : std::vector<std::size_t>{0, 1}) {
    REQUIRE(merge.next(frame, file));
    CHECK(file == expected);
    CHECK(frame.interface == 0);
    CHECK(merge.file(file).interfaces().at(0).name == "eth0");
  }
}

}  // namespace
}  // namespace airtight::audit::test
