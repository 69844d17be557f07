// Any bytes as QUIC datagrams. The first byte chooses: as they are; or as the frames of Initials, which are sealed here
// with the client's keys, so that what stands behind the decryption is reached.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "auditor/decode/quic.h"
#include "tests/auditor/decode/quic_sealer.h"

namespace {

using namespace airtight::audit;

constexpr std::size_t kMaxFrames = 16'000;

void check(bool holds) {
  if (!holds) std::abort();
}

// Reads a copy of exactly this size, so that the sanitizer sees a read past its end.
QuicStatus read(QuicTable& table, std::uint64_t flow, Bytes datagram, std::string& name) {
  const std::unique_ptr<std::uint8_t[]> copy(new std::uint8_t[datagram.size()]);
  std::copy(datagram.begin(), datagram.end(), copy.get());
  ClientHello hello;
  const QuicStatus status = table.read(flow, Bytes(copy.get(), datagram.size()), hello);
  name = hello.server_name.text();
  for (std::size_t i = 0; i < std::min<std::size_t>(hello.alpn_count, hello.alpn.size()); ++i) name += hello.alpn[i];
  check(status == QuicStatus::Found || (name.empty() && !hello.has_server_name && !hello.ech));
  return status;
}

// Datagrams behind lengths of two bytes.
template <typename Visit>
void each_piece(Bytes bytes, Visit visit) {
  while (bytes.size() >= 2) {
    const std::size_t size = std::min(std::size_t{bytes[0]} << 8 | bytes[1], bytes.size() - 2);
    visit(bytes.subspan(2, size));
    bytes = bytes.subspan(2 + size);
  }
}

void read_datagrams(Bytes bytes) {
  static QuicTable table(4);
  std::string name;
  std::uint64_t flow = 0;
  each_piece(bytes, [&](Bytes datagram) {
    const bool may = may_be_quic_initial(datagram);
    const QuicStatus status = read(table, flow++ % 2, datagram, name);
    check(may || (status != QuicStatus::Found && status != QuicStatus::NeedMore && status != QuicStatus::Malformed));
  });
  table.forget(0);
  table.forget(1);
}

// The last datagram again must not change a decided result, and another table must say the same.
void read_frames(Bytes bytes, std::uint32_t version) {
  static QuicTable table(4);
  static QuicTable again(4);
  static QuicSealer sealer;
  QuicPlan plan;
  plan.version = version;
  QuicStatus last = QuicStatus::NotQuic;
  each_piece(bytes, [&](Bytes frames) {
    frames = frames.first(std::min(frames.size(), kMaxFrames));
    const Octets datagram = sealer.initial(plan, Octets(frames.begin(), frames.end()), 64);
    ++plan.number;
    std::string name;
    std::string other;
    const QuicStatus status = read(table, 1, datagram, name);
    check(status == QuicStatus::NeedMore || status == QuicStatus::Found || status == QuicStatus::Malformed);
    check(last != QuicStatus::Malformed || status == QuicStatus::Malformed);
    check(last != QuicStatus::Found || status != QuicStatus::NeedMore);
    check(read(table, 1, datagram, other) == status && name == other);
    check(read(again, 1, datagram, other) == status && name == other);
    last = status;
  });
  table.forget(1);
  again.forget(1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes bytes = Bytes(data, size).subspan(1);
  constexpr std::uint32_t kVersions[] = {1, 0x6b3343cf, 0x51303530};
  const std::size_t mode = data[0] % 4;
  if (mode == 3)
    read_datagrams(bytes);
  else
    read_frames(bytes, kVersions[mode]);
  return 0;
}
