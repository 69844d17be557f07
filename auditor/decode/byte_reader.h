// Reads big-endian numbers off bytes with a sticky failure: after the first read past the end every read gives zero and
// ok() is false, so that a caller checks once, at the end. Never allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace airtight::audit {

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u24() { return static_cast<std::uint32_t>(number(3)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  void skip(std::size_t count) { (void)take(count); }
  // The next bytes; empty, and failed, if there are fewer.
  std::span<const std::uint8_t> take(std::size_t count) {
    if (count > left()) {
      fail();
      return {};
    }
    const auto taken = bytes_.subspan(offset_, count);
    offset_ += count;
    return taken;
  }
  std::span<const std::uint8_t> rest() const { return bytes_.subspan(offset_); }
  std::size_t left() const { return bytes_.size() - offset_; }
  std::size_t offset() const { return offset_; }
  bool ok() const { return ok_; }
  void fail() {
    ok_ = false;
    offset_ = bytes_.size();
  }

 private:
  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : take(size)) value = value << 8 | byte;
    return value;
  }

  std::span<const std::uint8_t> bytes_;
  std::size_t offset_ = 0;
  bool ok_ = true;
};

}  // namespace airtight::audit
