// Frames off the kernel: one AF_PACKET socket with a TPACKET_V3 ring (packet_mmap), set up by a process without any
// capability on a socket that another one made. libpcap cannot take such a socket; what it does to frames is done here,
// and tests hold both to each other: VLAN tags are put back, cooked frames get a LINKTYPE_LINUX_SLL2 header.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "auditor/decode/frame.h"
#include "auditor/opener/opener.h"  // Fd

namespace airtight::audit {

// Classic BPF, as the kernel takes it (struct sock_filter).
struct FilterInstruction {
  std::uint16_t code = 0;
  std::uint8_t jt = 0, jf = 0;
  std::uint32_t k = 0;
  friend bool operator==(const FilterInstruction&, const FilterInstruction&) = default;
};
using FilterProgram = std::vector<FilterInstruction>;
inline constexpr std::size_t kMaxFilter = 4096;  // BPF_MAXINSNS

struct RingOptions {
  std::uint32_t index = 0;          // of the interface; 0: all of them
  bool cooked = false;              // raw frames are better, of all interfaces too: see read()
  std::uint32_t bytes = 64u << 20;  // of the ring
  std::uint32_t snap_length = 65'535;
  std::uint32_t block_timeout = 50;  // milliseconds until a block that is not full is handed over
  FilterProgram filter;              // empty: none. Its return value is cut to snap_length
};

struct RingCounts {
  std::uint64_t packets = 0;  // that passed the filter, dropped ones included; cumulative
  std::uint64_t dropped = 0;  // for want of room
  std::uint64_t freezes = 0;  // times that the whole ring was full
  std::uint64_t read = 0;     // that read() handed out
};

class PacketRing {
 public:
  // `socket` is SocketKind::PacketRaw, or PacketCooked where options.cooked. Binds it last: from then on frames come.
  // The ring is between 64 KB and 1 GB, in blocks of an eighth of it, at most 1 MB; a frame that is longer than a block
  // is cut to it.
  static std::error_code open(Fd socket, const RingOptions& options, std::unique_ptr<PacketRing>& ring);
  ~PacketRing();
  PacketRing(const PacketRing&) = delete;
  PacketRing& operator=(const PacketRing&) = delete;

  int fd() const;  // readable when a block is ready
  // Hands out every frame of the blocks that are ready, at most `most` blocks; the bytes live during the call. A sink
  // may throw: the next call goes on with the frame after. `frame.interface` is the interface's index, `link` its own
  // kind (each frame's, so that one ring takes all interfaces), `direction` by the kernel's word, `number` the count of
  // frames of this ring, `time` CLOCK_REALTIME. Frames shorter than what the link needs are handed out as they are;
  // those of a device whose raw frames have no form that is sure (PPP, GRE, InfiniBand …) with a link type that decodes
  // as Unsupported. A tag that the kernel took off is put back and counts in `original`. Of a cooked frame with several
  // tags Linux 6.11 and later show the outermost: received, it decodes as Malformed; transmitted, the others are lost.
  // On loopback, and of all interfaces, what a program sends to another of this machine comes twice, once a direction.
  // Returns how many.
  std::size_t read(const std::function<void(const Frame&)>& sink, std::size_t most = SIZE_MAX);
  RingCounts counts();                                      // reads the socket's statistics
  std::error_code set_filter(const FilterProgram& filter);  // replaces it in one step; empty: none
  // The socket's pending error: ENETDOWN when the interface went down, ENXIO when it is gone; none otherwise.
  std::error_code error();

 private:
  struct State;
  explicit PacketRing(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A socket that nobody reads and whose statistics count what its filter takes (measured exact): transmitted frames of
// one interface, or what the boundary filter discards.
class CountingSocket {
 public:
  // `socket` is SocketKind::PacketRaw; bound last. An empty filter counts everything.
  static std::error_code open(Fd socket, std::uint32_t index, const FilterProgram& filter,
                              std::unique_ptr<CountingSocket>& out);
  std::uint64_t count();  // cumulative since open
  std::error_code error();

 private:
  explicit CountingSocket(Fd socket) : socket_(std::move(socket)) {}
  Fd socket_;
  std::uint64_t total_ = 0;
};

FilterProgram transmitted_filter();  // takes what is PACKET_OUTGOING
// For the cooked capture of all interfaces: takes what is of none of these (at most 500; more is an empty program,
// which takes all).
FilterProgram other_interfaces_filter(const std::vector<std::uint32_t>& indexes);

}  // namespace airtight::audit
