// The real disk and clock, in a directory of their own; and a log on them.
#include "auditor/evidence/disk.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "auditor/evidence/reader.h"
#include "auditor/evidence/writer.h"

namespace airtight::audit {
namespace {

struct Folder {
  Folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "airtight-evidence-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()));
    path = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

TEST_CASE("evidence disk: files") {
  const Folder folder;
  const auto disk = real_disk();
  const std::string a = folder.path + "/a", b = folder.path + "/b";
  std::string bytes;
  CHECK(disk->read(a, 100, bytes) == std::errc::no_such_file_or_directory);
  REQUIRE_FALSE(disk->append(a, "one"));
  REQUIRE_FALSE(disk->append(a, "two"));
  REQUIRE_FALSE(disk->sync(a));
  REQUIRE_FALSE(disk->sync_directory(folder.path));
  REQUIRE_FALSE(disk->read(a, 6, bytes));
  CHECK(bytes == "onetwo");
  CHECK(disk->read(a, 5, bytes) == std::errc::file_too_large);
  CHECK(disk->read(folder.path, 100, bytes) == std::errc::is_a_directory);
  REQUIRE_FALSE(disk->overwrite(a, "ONE"));
  REQUIRE_FALSE(disk->rename(a, b));
  REQUIRE_FALSE(disk->append(a, "new"));  // not into the file that went by that name
  REQUIRE_FALSE(disk->read(b, 100, bytes));
  CHECK(bytes == "ONEtwo");
  std::vector<std::string> names;
  REQUIRE_FALSE(disk->list(folder.path, names));
  CHECK(names == std::vector<std::string>{"a", "b"});
  std::uint64_t size = 0;
  REQUIRE_FALSE(disk->size(b, size));
  CHECK(size == 6);
  REQUIRE_FALSE(disk->remove(b));
  CHECK(disk->remove(b) == std::errc::no_such_file_or_directory);
  CHECK(disk->list(b, names) == std::errc::no_such_file_or_directory);
  bool made = false;
  REQUIRE_FALSE(disk->make_directory(b, made));
  CHECK(made);
  REQUIRE_FALSE(disk->make_directory(b, made));
  CHECK_FALSE(made);
}

TEST_CASE("evidence disk: a private file is private, even where an open one was") {
  const Folder folder;
  const auto disk = real_disk();
  const std::string path = folder.path + "/key";
  struct stat status {};
  REQUIRE_FALSE(disk->write(path, "x", Access::Public));
  REQUIRE_FALSE(disk->write(path, "secret", Access::Private));
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("evidence disk: what is no file is not read") {
  const Folder folder;
  const auto disk = real_disk();
  std::string bytes;
  const std::string pipe = folder.path + "/pipe", link = folder.path + "/link";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(disk->read(pipe, 100, bytes) == std::errc::not_supported);
  std::filesystem::create_symlink("/etc/passwd", link);
  CHECK(disk->read(link, 100'000, bytes) == std::errc::too_many_symbolic_link_levels);
}

TEST_CASE("evidence disk: one lock") {
  const Folder folder;
  const auto first = real_disk(), second = real_disk();
  REQUIRE_FALSE(first->lock(folder.path + "/lock"));
  CHECK(second->lock(folder.path + "/lock") == EvidenceError::Locked);
  first->unlock();
  CHECK_FALSE(second->lock(folder.path + "/lock"));
}

TEST_CASE("evidence disk: /dev/full says that it is full") {
  const auto disk = real_disk();
  CHECK(disk->append("/dev/full", "x") == std::errc::no_space_on_device);
}

TEST_CASE("evidence disk: a log on a real disk, with the real clock") {
  const Folder folder;
  const auto disk = real_disk();
  const auto clock = real_clock();
  const std::string log = folder.path + "/log", state = folder.path + "/key-state";
  const std::int64_t now = clock->now().realtime;
  CHECK(clock->now().boottime > 0);
  KeyList keys;
  const std::int64_t hour = 3600 * std::int64_t{1'000'000'000};
  REQUIRE_FALSE(EpochKeys::make(*disk, state, {"n1", now - now % hour, 3600, 24}, keys));
  REQUIRE_FALSE(LogWriter::create(*disk, log, keys));
  for (int life = 0; life < 2; ++life) {
    LogWriter writer(*disk, *clock, log, state);
    REQUIRE_FALSE(writer.open());
    const auto other_disk = real_disk();
    LogWriter other(*other_disk, *clock, log, state);
    CHECK(other.open() == EvidenceError::Locked);
    for (int i = 0; i < 200; ++i) REQUIRE_FALSE(writer.append(HeartbeatRecord{}));
    REQUIRE_FALSE(writer.close());
  }
  const LogReading reading = read_log(*disk, log, {});
  for (const Damage& damage : reading.damages) UNSCOPED_INFO(to_string(damage));
  CHECK(reading.damages.empty());
  CHECK(reading.records == 401);
  CHECK(reading.unsealed == 0);
}

}  // namespace
}  // namespace airtight::audit
