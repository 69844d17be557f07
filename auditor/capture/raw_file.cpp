#include "auditor/capture/raw_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

namespace airtight::audit {
namespace {

constexpr std::size_t kScratch = 1u << 20;

[[noreturn]] void fail(int number, const std::string& path) {
  throw std::system_error(number, std::generic_category(), path == "-" ? "standard input" : path);
}

int open_again(const std::string& path) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

}  // namespace

RawFile::RawFile(const std::string& path) : path_(path), ours_(path != "-") {
  fd_ = ours_ ? open_again(path) : STDIN_FILENO;
  if (fd_ < 0) fail(errno, path_);
  struct stat status {};
  int error = ::fstat(fd_, &status) == 0 ? 0 : errno;
  if (error == 0 && S_ISDIR(status.st_mode)) error = EISDIR;
  if (error != 0) {
    if (ours_) ::close(fd_);
    fail(error, path_);
  }
  if (!S_ISREG(status.st_mode)) return;
  // Standard input may have been read from already.
  const auto start = std::max<off_t>(ours_ ? 0 : ::lseek(fd_, 0, SEEK_CUR), 0);
  size_ = static_cast<std::uint64_t>(std::max<off_t>(status.st_size - start, 0));
  ::posix_fadvise(fd_, start, 0, POSIX_FADV_SEQUENTIAL);
}

RawFile::~RawFile() {
  if (ours_) ::close(fd_);
}

std::span<const std::uint8_t> RawFile::beginning() {
  while (held_ < beginning_.size() && !ended_) {
    held_ += read_once(beginning_.data() + held_, beginning_.size() - held_);
  }
  return {beginning_.data(), held_};
}

std::size_t RawFile::read(std::uint8_t* to, std::size_t room) {
  if (held_ == 0) return read_once(to, room);
  const std::size_t given = std::min(held_, room);
  std::memcpy(to, beginning_.data(), given);
  std::memmove(beginning_.data(), beginning_.data() + given, held_ - given);
  held_ -= given;
  return given;
}

// read() and not mmap(): a mapped file that another process cuts meanwhile ends this one with SIGBUS; here it ends
// early, and that is said.
std::size_t RawFile::read_once(std::uint8_t* to, std::size_t room) {
  while (!ended_) {
    const ssize_t got = ::read(fd_, to, room);
    if (got > 0) {
      const auto count = static_cast<std::size_t>(got);
      hash_.add({to, count});
      read_ += count;
      return count;
    }
    if (got == 0) {
      ended_ = true;
    } else if (errno == EAGAIN) {  // standard input that someone has set to O_NONBLOCK
      pollfd wait{fd_, POLLIN, 0};
      ::poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      fail(errno, path_);
    }
  }
  return 0;
}

const std::string& RawFile::finish() {
  if (digest_.empty()) {
    std::vector<std::uint8_t> scratch(ended_ ? 1 : kScratch);
    while (read_once(scratch.data(), scratch.size()) != 0) {
    }
    digest_ = hash_.finish();
  }
  return digest_;
}

}  // namespace airtight::audit
