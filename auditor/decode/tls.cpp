#include "auditor/decode/tls.h"

#include <algorithm>

#include "auditor/decode/byte_reader.h"
#include "auditor/decode/client_hello.h"

namespace airtight::audit {
namespace {

constexpr std::uint8_t kHandshakeRecord = 22;
constexpr std::size_t kRecordHeader = 5;
constexpr std::size_t kMaxRecord = 16'384;               // RFC 8446 §5.1, in the clear
constexpr std::size_t kMaxSealedRecord = 16'384 + 2048;  // RFC 5246 §6.2.3

bool plausible_version(std::uint8_t major, std::uint8_t minor) { return major == 3 && minor <= 4; }

// The handshake bytes of a stream, record by record. Before the first is known to be of a handshake, what does not fit
// is NotHello; after that it is Malformed.
class HandshakeRecords {
 public:
  explicit HandshakeRecords(Bytes stream) : stream_(stream) {}

  // Found: `fragment` are bytes of a record, as many as the stream has.
  HelloStatus next(Bytes& fragment) {
    const Bytes header = stream_.first(std::min(stream_.size(), kRecordHeader));
    const auto misfit = first_ ? HelloStatus::NotHello : HelloStatus::Malformed;
    if (header.size() > 0 && header[0] != kHandshakeRecord) return misfit;
    if (header.size() > 1 && header[1] != 3) return misfit;
    if (header.size() > 2 && !plausible_version(header[1], header[2])) return misfit;
    if (header.size() < kRecordHeader) return HelloStatus::NeedMore;
    const std::size_t length = static_cast<std::size_t>(header[3]) << 8 | header[4];
    // An empty handshake record is forbidden, and some servers pass over it.
    if (length == 0 || length > kMaxRecord) return HelloStatus::Malformed;
    first_ = false;
    stream_ = stream_.subspan(kRecordHeader);
    fragment = stream_.first(std::min(stream_.size(), length));
    stream_ = stream_.subspan(fragment.size());
    return fragment.empty() ? HelloStatus::NeedMore : HelloStatus::Found;
  }

 private:
  Bytes stream_;
  bool first_ = true;
};

// The type and the length of a handshake message, over the bytes that have come.
class MessageSize {
 public:
  void add(Bytes bytes) {
    for (std::size_t i = 0; i < bytes.size() && seen_ < kHandshakeHeader; ++i) header_[seen_++] = bytes[i];
  }
  HelloStatus status() const {
    if (seen_ > 0 && header_[0] != kClientHelloType) return HelloStatus::NotHello;
    if (seen_ < kHandshakeHeader) return HelloStatus::NeedMore;
    return message() > kMaxHello ? HelloStatus::Malformed : HelloStatus::Found;
  }
  std::size_t body() const {
    return static_cast<std::size_t>(header_[1]) << 16 | static_cast<std::size_t>(header_[2]) << 8 | header_[3];
  }
  std::size_t message() const { return kHandshakeHeader + body(); }

 private:
  std::array<std::uint8_t, kHandshakeHeader> header_{};
  std::size_t seen_ = 0;
};

// Copies the first `size` handshake bytes, which are known to be there.
void join(Bytes stream, std::span<std::uint8_t> into) {
  HandshakeRecords records(stream);
  for (Bytes fragment; !into.empty() && records.next(fragment) == HelloStatus::Found;) {
    const std::size_t count = std::min(fragment.size(), into.size());
    std::copy_n(fragment.begin(), count, into.begin());
    into = into.subspan(count);
  }
}

// RFC 5246 §E.2: 15 bits of length, and three lengths that must add up to it.
HelloStatus read_sslv2_hello(Bytes stream) {
  constexpr std::size_t kFixed = 11;  // all up to the cipher specs
  if (stream.size() > 2 && stream[2] != kClientHelloType) return HelloStatus::NotHello;
  if (stream.size() > 3 && stream[3] != 3) return HelloStatus::NotHello;
  if (stream.size() > 4 && !plausible_version(stream[3], stream[4])) return HelloStatus::NotHello;
  if (stream.size() < kFixed) return HelloStatus::NeedMore;
  ByteReader reader(stream);
  const std::size_t whole = 2 + (reader.u16() & 0x7fffu);
  reader.skip(3);
  const std::size_t specs = reader.u16();
  const std::size_t session = reader.u16();
  const std::size_t challenge = reader.u16();
  if (specs == 0 || specs % 3 != 0 || kFixed + specs + session + challenge != whole) return HelloStatus::Malformed;
  return stream.size() < whole ? HelloStatus::NeedMore : HelloStatus::Found;
}

}  // namespace

HelloStatus read_client_hello_message(Bytes handshake, ClientHello& hello) {
  clear_hello(hello);
  MessageSize size;
  size.add(handshake);
  if (size.status() != HelloStatus::Found) return size.status();
  if (handshake.size() < size.message()) return HelloStatus::NeedMore;
  return read_client_hello_body(handshake.subspan(kHandshakeHeader, size.body()), size.body(), HelloWire::Tls, hello);
}

HelloStatus read_tls_client_hello(Bytes stream, std::span<std::uint8_t> scratch, ClientHello& hello) {
  clear_hello(hello);
  if (!stream.empty() && (stream[0] & 0x80) != 0) return read_sslv2_hello(stream);
  HandshakeRecords records(stream);
  MessageSize size;
  Bytes first;
  for (std::size_t seen = 0; size.status() == HelloStatus::NeedMore || seen < size.message();) {
    Bytes fragment;
    if (const HelloStatus status = records.next(fragment); status != HelloStatus::Found) return status;
    if (seen == 0) first = fragment;
    seen += fragment.size();
    size.add(fragment);
    if (const HelloStatus status = size.status(); status != HelloStatus::Found && status != HelloStatus::NeedMore)
      return status;
  }
  if (first.size() >= size.message()) return read_client_hello_message(first, hello);
  if (scratch.size() < size.message()) return HelloStatus::Malformed;
  join(stream, scratch.first(size.message()));
  return read_client_hello_message(scratch.first(size.message()), hello);
}

bool looks_like_tls_record(Bytes stream) {
  ByteReader reader(stream);
  const std::uint8_t type = reader.u8();
  const std::uint8_t major = reader.u8();
  const std::uint8_t minor = reader.u8();
  const std::size_t length = reader.u16();
  return reader.ok() && type >= 20 && type <= 24 && plausible_version(major, minor) && length <= kMaxSealedRecord;
}

}  // namespace airtight::audit
