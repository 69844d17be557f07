// Any bytes as a TCP stream, as a handshake message and as a DTLS datagram. A result never depends on how the handshake
// is cut into records, and a part of a stream says nothing else than the whole, except that more is needed.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "auditor/decode/tls.h"

namespace {

using namespace airtight::audit;

struct Result {
  HelloStatus status;
  std::string names;  // empty unless Found

  bool operator==(const Result&) const = default;
};

void check(bool holds) {
  if (!holds) std::abort();
}

// Reads a copy of exactly this size, so that the sanitizer sees a read past its end.
template <typename Read>
Result read_copy(Bytes bytes, Read read) {
  const std::unique_ptr<std::uint8_t[]> copy(new std::uint8_t[bytes.size()]);
  std::copy(bytes.begin(), bytes.end(), copy.get());
  ClientHello hello;
  Result result{read(Bytes(copy.get(), bytes.size()), hello), {}};
  const std::size_t protocols = std::min<std::size_t>(hello.alpn_count, hello.alpn.size());
  if (result.status == HelloStatus::Found) {
    result.names = std::string(hello.server_name.text()) + (hello.ech ? "|ech" : "|") + (hello.alpn_dns ? "|dns" : "|");
    for (std::size_t i = 0; i < protocols; ++i) result.names += '|' + std::string(hello.alpn[i]);
  } else {
    check(hello.server_name.empty() && !hello.has_server_name && !hello.ech && hello.alpn_count == 0);
  }
  return result;
}

Result read_stream(Bytes stream) {
  static std::vector<std::uint8_t> scratch(kMaxHello);
  return read_copy(stream,
                   [](Bytes bytes, ClientHello& hello) { return read_tls_client_hello(bytes, scratch, hello); });
}

// Handshake bytes in records whose sizes a byte each gives.
std::vector<std::uint8_t> in_records(Bytes handshake, Bytes sizes) {
  std::vector<std::uint8_t> out;
  for (std::size_t i = 0; !handshake.empty(); ++i) {
    const std::size_t wish = sizes.empty() ? 1 : sizes[i % sizes.size()] + std::size_t{1};
    const std::size_t size = std::min(wish, handshake.size());
    out.insert(out.end(), {22, 3, 1, static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)});
    out.insert(out.end(), handshake.begin(), handshake.begin() + static_cast<std::ptrdiff_t>(size));
    handshake = handshake.subspan(size);
  }
  return out;
}

void check_prefixes(Bytes stream) {
  const Result whole = read_stream(stream);
  const std::size_t step = 1 + stream.size() / 64;
  bool decided = false;
  for (std::size_t size = 0; size <= stream.size(); size += step) {
    const Result part = read_stream(stream.first(size));
    if (part.status == HelloStatus::NeedMore) {
      check(!decided);
      continue;
    }
    decided = true;
    check(part == whole);
  }
  check(!decided || whole.status != HelloStatus::NeedMore);
}

void check_records(Bytes handshake, Bytes sizes) {
  const Result message =
      read_copy(handshake, [](Bytes bytes, ClientHello& hello) { return read_client_hello_message(bytes, hello); });
  check(read_stream(in_records(handshake, sizes)) == message);
  check(read_stream(in_records(handshake, {})) == message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes(data, size);
  check_prefixes(bytes);
  read_copy(bytes, [](Bytes datagram, ClientHello& hello) { return read_dtls_client_hello(datagram, hello); });
  looks_like_tls_record(bytes);
  constexpr std::size_t kSizes = 8;  // the last bytes say how to cut
  if (size > kSizes) check_records(bytes.first(size - kSizes), bytes.last(kSizes));
  // The input as it would be in records: past their header.
  if (size > kSizes + 5) check_records(bytes.subspan(5, size - kSizes - 5), bytes.last(kSizes));
  return 0;
}
