// Netlink messages (RFC 3549), read as if their sender were hostile, and dumps of what the kernel holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

#include "auditor/opener/opener.h"  // Fd

namespace airtight::audit::netlink {

using Bytes = std::span<const std::uint8_t>;

struct Message {
  std::uint16_t type = 0;
  std::uint16_t flags = 0;
  std::uint32_t sequence = 0;
  Bytes body;
};

// Takes the first message off `rest`. False at the end; what is left then is malformed.
bool next_message(Bytes& rest, Message& message);

struct Attribute {
  std::uint16_t type = 0;  // without the bits that say how it is encoded
  Bytes value;
};

// The same for attributes.
bool next_attribute(Bytes& rest, Attribute& attribute);

// The fixed part that a body or value starts with; later kernels may append to it. False where there is less.
template <typename T>
bool leading(Bytes bytes, T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (bytes.size() < sizeof value) return false;
  std::memcpy(&value, bytes.data(), sizeof value);
  return true;
}

// As leading(), and takes it off with its padding.
template <typename T>
bool take(Bytes& bytes, T& value) {
  constexpr std::size_t kPadded = (sizeof(T) + 3) & ~std::size_t{3};
  if (bytes.size() < kPadded || !leading(bytes, value)) return false;
  bytes = bytes.subspan(kPadded);
  return true;
}

// A value of exactly this size.
template <typename T>
bool exact(Bytes bytes, T& value) {
  return bytes.size() == sizeof value && leading(bytes, value);
}

// Text that ends with its first NUL, of at most `longest` octets. False if there is no NUL, or more than that.
bool text(Bytes bytes, std::size_t longest, std::string& value);

template <typename T>
void append(std::vector<std::uint8_t>& bytes, const T& value) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % 4 == 0);
  const auto* first = reinterpret_cast<const std::uint8_t*>(&value);
  bytes.insert(bytes.end(), first, first + sizeof value);
}

// A value of four octets.
void append_attribute(std::vector<std::uint8_t>& bytes, std::uint16_t type, std::uint32_t value);
// One without a value: to be there is its meaning.
void append_flag(std::vector<std::uint8_t>& bytes, std::uint16_t type);

// Asks one question after the other. One thread.
class Asker {
 public:
  // Of NETLINK_ROUTE, NETLINK_SOCK_DIAG …
  std::error_code open(int protocol);
  // `answers` becomes the messages that answer it, without the last one that only says so. A dump that the kernel
  // calls interrupted (NLM_F_DUMP_INTR) is asked for again, some thirty times.
  std::error_code dump(std::uint16_t type, Bytes request, std::vector<std::uint8_t>& answers);

 private:
  std::error_code dump_once(std::uint16_t type, Bytes request, std::vector<std::uint8_t>& answers, bool& interrupted);

  Fd socket_;
  int protocol_ = 0;
  std::uint32_t sequence_ = 0;
  std::vector<std::uint8_t> buffer_;
};

// The next datagram of a netlink socket, into `buffer`. Messages of anybody but the kernel are passed over; one that is
// longer than the buffer is std::errc::message_size.
std::error_code receive(int socket, int flags, std::vector<std::uint8_t>& buffer, Bytes& datagram);

inline constexpr std::size_t kLongestDatagram = std::size_t{1} << 18;  // the kernel's own are 32 KiB, more with SR-IOV

}  // namespace airtight::audit::netlink
