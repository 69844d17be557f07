// Captures written byte by byte, and read back from memory.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "auditor/capture/capture_file.h"

namespace airtight::audit::test {

// Shows no byte more than was asked for, and moves them on every call, so that a view used too long is found by the
// sanitizer.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string bytes) : bytes_(std::move(bytes)) {}
  std::span<const std::uint8_t> peek(std::size_t wanted) override {
    const std::size_t count = std::min(wanted, bytes_.size() - at_);
    view_ = std::make_unique<std::vector<std::uint8_t>>(bytes_.begin() + static_cast<std::ptrdiff_t>(at_),
                                                        bytes_.begin() + static_cast<std::ptrdiff_t>(at_ + count));
    return *view_;
  }
  void consume(std::size_t count) override { at_ += count; }
  std::optional<std::string> problem() const override { return std::nullopt; }
  std::string_view compression() const override { return {}; }
  std::string finish() override { return {}; }
  std::uint64_t raw_read() const override { return at_; }
  std::optional<std::uint64_t> raw_size() const override { return bytes_.size(); }

 private:
  std::string bytes_;
  std::size_t at_ = 0;
  std::unique_ptr<std::vector<std::uint8_t>> view_;
};

class TempFile {
 public:
  explicit TempFile(std::string_view content = {}) {
    const int fd = ::mkstemp(path_.data());
    if (fd < 0) std::abort();
    ::close(fd);
    std::ofstream(path_, std::ios::binary).write(content.data(), static_cast<std::streamsize>(content.size()));
  }
  ~TempFile() { ::unlink(path_.c_str()); }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/airtight-capture-XXXXXX";
};

// Numbers in one byte order.
class Writer {
 public:
  explicit Writer(bool big) : big_(big) {}
  std::string u16(std::uint64_t value) const { return number(value, 2); }
  std::string u32(std::uint64_t value) const { return number(value, 4); }
  std::string u64(std::uint64_t value) const { return number(value, 8); }

  // pcap
  std::string header(std::uint32_t magic, std::uint32_t link = 1, std::uint32_t snap = 65535, std::uint16_t major = 2,
                     std::uint16_t minor = 4) const {
    return u32(magic) + u16(major) + u16(minor) + u32(0) + u32(0) + u32(snap) + u32(link);
  }
  std::string record(std::uint32_t seconds, std::uint32_t fraction, const std::string& data,
                     std::uint32_t original) const {
    return u32(seconds) + u32(fraction) + u32(data.size()) + u32(original) + data;
  }

  // pcapng
  std::string block(std::uint32_t type, const std::string& body) const {
    const std::string whole = padded(body);
    const std::string length = u32(whole.size() + 12);
    return u32(type) + length + whole + length;
  }
  std::string option(std::uint16_t code, const std::string& value) const {
    return u16(code) + u16(value.size()) + padded(value);
  }
  std::string end() const { return u32(0); }
  std::string section(const std::string& options = {}, std::uint64_t length = ~std::uint64_t{0},
                      std::uint16_t major = 1, std::uint16_t minor = 0) const {
    return block(0x0a0d0d0a, u32(0x1a2b3c4d) + u16(major) + u16(minor) + u64(length) + options);
  }
  std::string interface(std::uint16_t link = 1, std::uint32_t snap = 0, const std::string& options = {}) const {
    return block(1, u16(link) + u16(0) + u32(snap) + options);
  }
  std::string packet(std::uint32_t interface, std::uint64_t ticks, const std::string& data, std::uint32_t original,
                     const std::string& options = {}) const {
    return block(6, u32(interface) + u32(ticks >> 32) + u32(ticks & 0xffffffff) + u32(data.size()) + u32(original) +
                        padded(data) + options);
  }
  std::string old_packet(std::uint16_t interface, std::uint16_t drops, std::uint64_t ticks, const std::string& data,
                         std::uint32_t original, const std::string& options = {}) const {
    return block(2, u16(interface) + u16(drops) + u32(ticks >> 32) + u32(ticks & 0xffffffff) + u32(data.size()) +
                        u32(original) + padded(data) + options);
  }
  std::string simple_packet(const std::string& data, std::uint32_t original) const {
    return block(3, u32(original) + padded(data));
  }
  std::string statistics(std::uint32_t interface, const std::string& options) const {
    return block(5, u32(interface) + u64(0) + options);
  }

 private:
  std::string number(std::uint64_t value, std::size_t size) const {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(value >> 8 * i & 0xff);
    if (big_) std::reverse(text.begin(), text.end());
    return text;
  }
  static std::string padded(std::string text) {
    text.append((4 - text.size() % 4) % 4, '\0');
    return text;
  }

  bool big_;
};

struct Seen {
  std::string bytes;
  std::uint32_t original = 0;
  LinkType link = LinkType::Ethernet;
  Direction direction = Direction::Unknown;
  std::uint32_t interface = 0;
  std::int64_t time = kNoTime;

  friend bool operator==(const Seen&, const Seen&) = default;
};

inline std::ostream& operator<<(std::ostream& out, const Seen& packet) {
  return out << packet.bytes.size() << " bytes \"" << packet.bytes.substr(0, 20) << "\" of " << packet.original
             << ", link type " << static_cast<int>(packet.link) << ", direction " << static_cast<int>(packet.direction)
             << ", interface " << packet.interface << ", time " << packet.time;
}

inline Seen seen(const Frame& frame) {
  return {std::string(frame.bytes.begin(), frame.bytes.end()),
          frame.original,
          frame.link,
          frame.direction,
          frame.interface,
          frame.time};
}

// A file read to its end.
struct Reading {
  std::string error;
  std::unique_ptr<CaptureFile> file;
  std::vector<Seen> packets;
  std::vector<std::string> problems;  // "kind: what"
};

inline Reading read_all(std::unique_ptr<CaptureFile> file, std::string error) {
  Reading reading{std::move(error), std::move(file), {}, {}};
  if (!reading.file) return reading;
  for (Frame frame; reading.file->next(frame);) {
    reading.packets.push_back(seen(frame));
    if (frame.number != reading.packets.size()) std::abort();
  }
  Frame frame;
  if (reading.file->next(frame)) std::abort();
  for (const CaptureProblem& problem : reading.file->problems()) {
    reading.problems.push_back(std::string(to_string(problem.kind)) + ": " + problem.what);
  }
  return reading;
}

inline Reading read_bytes(std::string bytes) {
  std::string error;
  auto file = CaptureFile::open(std::make_unique<MemorySource>(std::move(bytes)), error);
  return read_all(std::move(file), error);
}

inline Reading read_path(const std::string& path) {
  std::string error;
  auto file = CaptureFile::open(path, error);
  return read_all(std::move(file), error);
}

using Problems = std::vector<std::string>;

}  // namespace airtight::audit::test
