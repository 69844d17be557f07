// A disk and a clock in memory, for tests and the fuzzer: the power can be cut before any operation that changes
// something, and any of them can fail.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "auditor/evidence/disk.h"

namespace airtight::audit {

class TestClock final : public Clock {
 public:
  Times now() override { return times; }
  void go(double seconds) {
    times.realtime += static_cast<std::int64_t>(seconds * 1e9);
    times.boottime += static_cast<std::int64_t>(seconds * 1e9);
  }
  void step(double seconds) { times.realtime += static_cast<std::int64_t>(seconds * 1e9); }
  Times times{1'767'225'600'000'000'000, 1'000'000'000};  // 2026-01-01T00:00:00Z, a second after boot
};

// Thrown out of the operation at which the power goes.
struct PowerCut {};

// What a cut leaves of that which was not synced.
enum class Remains : std::uint8_t {
  Nothing,  // neither bytes nor names
  All,      // as after a kill: the kernel lives on
  Torn,     // names, and half of the bytes that were added
  Zeros,    // names, and zeros in the place of the bytes that were added
};
inline constexpr Remains kRemains[] = {Remains::Nothing, Remains::All, Remains::Torn, Remains::Zeros};

class MemoryDisk final : public Disk {
 public:
  MemoryDisk();
  MemoryDisk(const MemoryDisk& other);  // the files too
  MemoryDisk& operator=(const MemoryDisk&) = delete;

  std::error_code read(const std::string& path, std::size_t most, std::string& out) override;
  std::error_code list(const std::string& path, std::vector<std::string>& names) override;
  std::error_code size(const std::string& path, std::uint64_t& bytes) override;
  std::error_code make_directory(const std::string& path, bool& made) override;
  std::error_code append(const std::string& path, std::string_view bytes) override;
  std::error_code write(const std::string& path, std::string_view bytes, Access access) override;
  std::error_code overwrite(const std::string& path, std::string_view bytes) override;
  std::error_code sync(const std::string& path) override;
  std::error_code sync_directory(const std::string& path) override;
  std::error_code rename(const std::string& from, const std::string& to) override;
  std::error_code remove(const std::string& path) override;
  std::error_code lock(const std::string& path) override;
  void unlock() override { locked = false; }

  // Before each operation that changes something, with its number and words such as "append log/tail/0". It may throw
  // PowerCut or return an error, which is then the operation's; an append or write has put half of its bytes down.
  std::function<std::error_code(std::size_t number, const std::string& what)> before;
  std::size_t operations = 0;
  void cut_power(Remains remains);
  bool locked = false;

  // Without an operation: what an attacker, or time, does to a file.
  bool has(const std::string& path) const { return names_.count(path) != 0; }
  std::string& file(const std::string& path);
  void put(const std::string& path, std::string bytes);
  void erase(const std::string& path) { names_.erase(path); }
  std::vector<std::string> files() const;
  Access access(const std::string& path) const { return names_.at(path)->access; }
  // Every byte that a file ever held on the platter and that was not overwritten there: where secrets would be found.
  std::string platter() const;

 private:
  struct File {
    std::string bytes, durable;
    Access access = Access::Public;
  };
  using Names = std::map<std::string, std::shared_ptr<File>>;
  std::error_code changes(const std::string& what);

  Names names_, durable_names_;
  std::set<std::string> directories_, durable_directories_;
  std::vector<std::shared_ptr<File>> all_;
};

}  // namespace airtight::audit
