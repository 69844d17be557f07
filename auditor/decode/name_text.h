// A name as it stood in a packet, in a buffer of its own: DNS, TLS, QUIC, HTTP and SOCKS give these. Never allocates.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace airtight::audit {

// Text in the presentation form of RFC 1035 §5.1: letter case kept, no final dot ("" is the root), bytes outside
// printable ASCII, and in DNS a dot or backslash inside a label, as \DDD or \.; 255 octets of wire name fit (1,016
// characters).
class NameText {
 public:
  static constexpr std::size_t kCapacity = 1024;

  std::string_view text() const { return {text_.data(), size_}; }
  bool empty() const { return size_ == 0; }
  bool cut() const { return cut_; }  // it was longer, and the rest is lost
  void clear() { size_ = 0, cut_ = false; }
  void push(char character) {  // as it is
    if (size_ == kCapacity)
      cut_ = true;
    else
      text_[size_++] = character;
  }
  void push_byte(std::uint8_t byte) {  // escaped unless printable ASCII
    if (byte > 0x20 && byte < 0x7f) return push(static_cast<char>(byte));
    push('\\');
    push(static_cast<char>('0' + byte / 100));
    push(static_cast<char>('0' + byte / 10 % 10));
    push(static_cast<char>('0' + byte % 10));
  }

 private:
  std::array<char, kCapacity> text_;
  std::uint16_t size_ = 0;
  bool cut_ = false;
};

}  // namespace airtight::audit
