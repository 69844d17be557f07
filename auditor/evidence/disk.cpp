#include "auditor/evidence/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace airtight::audit {
namespace {

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "evidence"; }
  std::string message(int value) const override {
    switch (static_cast<EvidenceError>(value)) {
      case EvidenceError::Damaged:
        return "the log on disk is not the one that its checkpoint seals";
      case EvidenceError::Locked:
        return "another process writes this log";
      case EvidenceError::RecordTooLong:
        return "the record is longer than 65535 bytes";
      case EvidenceError::NoKey:
        return "no epoch key was made for this time";
      case EvidenceError::KeyUnusable:
        return "the key state is missing, unreadable or of another log";
      case EvidenceError::Exists:
        return "there is a key state already";
      case EvidenceError::Closed:
        return "the log is closed";
    }
    return "unknown";
  }
};

std::error_code last_error() { return {errno, std::generic_category()}; }

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_;
};

Descriptor open_file(const std::string& path, int flags, mode_t mode = 0) {
  for (;;) {
    Descriptor file(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode));
    if (file || errno != EINTR) return file;
  }
}

std::error_code write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(file, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return last_error();
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  return {};
}

class RealDisk final : public Disk {
 public:
  std::error_code read(const std::string& path, std::size_t most, std::string& out) override {
    out.clear();
    // O_NONBLOCK: a pipe somebody laid there must not hold us up.
    const Descriptor file = open_file(path, O_RDONLY | O_NONBLOCK);
    if (!file) return last_error();
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return last_error();
    if (S_ISDIR(status.st_mode)) return std::make_error_code(std::errc::is_a_directory);
    if (!S_ISREG(status.st_mode)) return std::make_error_code(std::errc::not_supported);
    if (static_cast<std::uint64_t>(status.st_size) > most) return std::make_error_code(std::errc::file_too_large);
    out.resize(static_cast<std::size_t>(status.st_size));
    std::size_t have = 0;
    while (have < out.size()) {
      const ssize_t got = ::read(file.get(), out.data() + have, out.size() - have);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return last_error();
      if (got == 0) break;
      have += static_cast<std::size_t>(got);
    }
    out.resize(have);
    return {};
  }

  std::error_code list(const std::string& path, std::vector<std::string>& names) override {
    names.clear();
    DIR* directory = ::opendir(path.c_str());
    if (directory == nullptr) return last_error();
    errno = 0;
    while (const dirent* entry = ::readdir(directory)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    const std::error_code error = last_error();
    ::closedir(directory);
    std::sort(names.begin(), names.end());
    return error;
  }

  std::error_code size(const std::string& path, std::uint64_t& bytes) override {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return last_error();
    bytes = static_cast<std::uint64_t>(status.st_size);
    return {};
  }

  std::error_code make_directory(const std::string& path, bool& made) override {
    made = ::mkdir(path.c_str(), 0755) == 0;
    return made || errno == EEXIST ? std::error_code() : last_error();
  }

  std::error_code append(const std::string& path, std::string_view bytes) override {
    if (const auto error = keep_open(path)) return error;
    return write_all(appending_.get(), bytes);
  }

  std::error_code write(const std::string& path, std::string_view bytes, Access access) override {
    forget(path);
    const Descriptor file = open_file(path, O_WRONLY | O_CREAT | O_TRUNC, access == Access::Private ? 0600 : 0644);
    if (!file) return last_error();
    // A file that was there keeps its mode: a secret must not be written into one that others read.
    if (access == Access::Private && ::fchmod(file.get(), 0600) != 0) return last_error();
    return write_all(file.get(), bytes);
  }

  std::error_code overwrite(const std::string& path, std::string_view bytes) override {
    forget(path);
    const Descriptor file = open_file(path, O_WRONLY);
    return file ? write_all(file.get(), bytes) : last_error();
  }

  std::error_code sync(const std::string& path) override {
    // The descriptor that wrote is the one that is told of an error while writing back.
    if (path == appending_path_) return ::fsync(appending_.get()) == 0 ? std::error_code() : last_error();
    const Descriptor file = open_file(path, O_WRONLY);
    return file && ::fsync(file.get()) == 0 ? std::error_code() : last_error();
  }

  std::error_code sync_directory(const std::string& path) override {
    const Descriptor directory = open_file(path, O_RDONLY | O_DIRECTORY);
    return directory && ::fsync(directory.get()) == 0 ? std::error_code() : last_error();
  }

  std::error_code rename(const std::string& from, const std::string& to) override {
    forget(from);
    forget(to);
    return ::rename(from.c_str(), to.c_str()) == 0 ? std::error_code() : last_error();
  }

  std::error_code remove(const std::string& path) override {
    forget(path);
    return ::remove(path.c_str()) == 0 ? std::error_code() : last_error();
  }

  std::error_code lock(const std::string& path) override {
    Descriptor file = open_file(path, O_RDWR | O_CREAT, 0644);
    if (!file) return last_error();
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0)
      return errno == EWOULDBLOCK ? make_error_code(EvidenceError::Locked) : last_error();
    lock_ = std::move(file);
    return {};
  }

  void unlock() override { lock_ = Descriptor(); }

 private:
  std::error_code keep_open(const std::string& path) {
    if (path == appending_path_) return {};
    Descriptor file = open_file(path, O_WRONLY | O_APPEND | O_CREAT, 0644);
    if (!file) return last_error();
    appending_ = std::move(file);
    appending_path_ = path;
    return {};
  }
  void forget(const std::string& path) {
    if (path != appending_path_) return;
    appending_ = Descriptor();
    appending_path_.clear();
  }

  Descriptor appending_;
  std::string appending_path_;
  Descriptor lock_;
};

class RealClock final : public Clock {
 public:
  Times now() override { return {read(CLOCK_REALTIME), read(CLOCK_BOOTTIME)}; }

 private:
  static std::int64_t read(clockid_t id) {
    timespec time{};
    ::clock_gettime(id, &time);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  }
};

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

std::error_code make_error_code(EvidenceError error) {
  static const Category category;
  return {static_cast<int>(error), category};
}

std::unique_ptr<Disk> real_disk() { return std::make_unique<RealDisk>(); }
std::unique_ptr<Clock> real_clock() { return std::make_unique<RealClock>(); }

std::error_code make_parents(Disk& disk, const std::string& root, const std::string& path) {
  for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string directory = root + "/" + path.substr(0, slash);
    bool made = false;
    if (const auto error = disk.make_directory(directory, made)) return error;
    if (!made) continue;
    if (const auto error = disk.sync_directory(parent_of(directory))) {
      (void)disk.remove(directory);  // or the next call would take it for one that is safe
      return error;
    }
  }
  return {};
}

std::error_code replace_file(Disk& disk, const std::string& root, const std::string& path, std::string_view bytes,
                             Access access) {
  const std::string temporary = root + "/" + std::string(kTemporary), target = root + "/" + path;
  if (const auto error = make_parents(disk, root, path)) return error;
  if (const auto error = disk.write(temporary, bytes, access)) return error;
  if (const auto error = disk.sync(temporary)) return error;
  if (const auto error = disk.rename(temporary, target)) return error;
  return disk.sync_directory(parent_of(target));
}

}  // namespace airtight::audit
