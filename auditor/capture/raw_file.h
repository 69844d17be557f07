// A file, pipe or standard input as it lies there, read once from start to end and hashed on the way.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "auditor/capture/sha256.h"

namespace airtight::audit {

class RawFile {
 public:
  // "-" is standard input. Throws std::system_error, also for a directory.
  explicit RawFile(const std::string& path);
  ~RawFile();
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;

  // Up to four bytes from the start, without taking them; call it before read().
  std::span<const std::uint8_t> beginning();
  // At least one byte and at most `room` (not 0), or 0 at the end. Throws std::system_error.
  std::size_t read(std::uint8_t* to, std::size_t room);
  // Reads what is left; the digest in hexadecimal, the same on every call.
  const std::string& finish();

  std::uint64_t bytes_read() const { return read_; }
  std::optional<std::uint64_t> size() const { return size_; }

 private:
  std::size_t read_once(std::uint8_t* to, std::size_t room);

  std::string path_;
  int fd_ = -1;
  bool ours_ = false;  // whether to close it
  bool ended_ = false;
  std::array<std::uint8_t, 4> beginning_{};
  std::size_t held_ = 0;  // bytes of it that were read and not yet given
  std::uint64_t read_ = 0;
  std::optional<std::uint64_t> size_;
  Sha256 hash_;
  std::string digest_;
};

}  // namespace airtight::audit
