// The one seam to files and clocks: the real ones, and what tests put in their place to cut the power, fill the disk
// and step the clock.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace airtight::audit {

// What goes wrong with a log besides the machine.
enum class EvidenceError {
  Damaged = 1,    // what is on disk is not what its own checkpoint says
  Locked,         // another writer has it
  RecordTooLong,  // over 65,535 bytes
  NoKey,          // the clock says a time for which no epoch key was made
  KeyUnusable,    // the key state is missing, unreadable, or of another log
  Exists,         // a key state is there already
  Closed,
};
std::error_code make_error_code(EvidenceError error);

// How far a file is to be read by others.
enum class Access : std::uint8_t { Private, Public };  // 0600, 0644 less the umask

// Paths are absolute or from the working directory. A missing file is std::errc::no_such_file_or_directory. What was
// written is safe from a power cut only after sync() of the file and sync_directory() of the directory that got its
// name.
class Disk {
 public:
  virtual ~Disk() = default;
  // Regular files only, no symbolic link; std::errc::file_too_large beyond `most` bytes.
  virtual std::error_code read(const std::string& path, std::size_t most, std::string& out) = 0;
  virtual std::error_code list(const std::string& path, std::vector<std::string>& names) = 0;  // sorted
  virtual std::error_code size(const std::string& path, std::uint64_t& bytes) = 0;
  virtual std::error_code make_directory(const std::string& path, bool& made) = 0;  // one that is there is no error
  virtual std::error_code append(const std::string& path, std::string_view bytes) = 0;
  virtual std::error_code write(const std::string& path, std::string_view bytes, Access access) = 0;  // anew
  virtual std::error_code overwrite(const std::string& path, std::string_view bytes) = 0;             // from its start
  virtual std::error_code sync(const std::string& path) = 0;
  virtual std::error_code sync_directory(const std::string& path) = 0;
  virtual std::error_code rename(const std::string& from, const std::string& to) = 0;
  virtual std::error_code remove(const std::string& path) = 0;  // a file, or an empty directory
  // Held until the Disk goes; EvidenceError::Locked if someone else has it.
  virtual std::error_code lock(const std::string& path) = 0;
  virtual void unlock() = 0;
};

struct Times {
  std::int64_t realtime = 0;  // CLOCK_REALTIME, nanoseconds
  std::int64_t boottime = 0;  // CLOCK_BOOTTIME: goes on in suspend, is never stepped
  friend bool operator==(const Times&, const Times&) = default;
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Times now() = 0;
};

std::unique_ptr<Disk> real_disk();
std::unique_ptr<Clock> real_clock();

// `bytes` as the file `root`/`path`, whole or not at all, and safe from a power cut when this returns: written to
// `root`/tmp, synced, renamed. Directories between are made.
std::error_code replace_file(Disk& disk, const std::string& root, const std::string& path, std::string_view bytes,
                             Access access = Access::Public);
// Makes the directories of `root`/`path` below `root`, the last component apart, each safe from a power cut.
std::error_code make_parents(Disk& disk, const std::string& root, const std::string& path);

inline constexpr std::string_view kTemporary = "tmp";

}  // namespace airtight::audit

template <>
struct std::is_error_code_enum<airtight::audit::EvidenceError> : std::true_type {};
