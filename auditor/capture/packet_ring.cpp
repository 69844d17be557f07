#include "auditor/capture/packet_ring.h"

#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>

#include "auditor/capture/packet_socket.h"

namespace airtight::audit {
namespace {

constexpr std::uint32_t kTag = 4;      // a VLAN tag: TPID and TCI
constexpr std::uint32_t kCooked = 20;  // LINKTYPE_LINUX_SLL2's header
constexpr std::uint32_t kMacs = 12;    // what stands before a tag
constexpr std::uint32_t kLeastRing = 64u << 10, kMostRing = 1u << 30;
constexpr std::uint32_t kMostBlock = 1u << 20;
constexpr std::uint32_t kFrameStep = 2048;  // only divides the ring for the kernel's arithmetic: frames may be longer
// Where the kernel puts the sockaddr_ll behind a frame's header.
constexpr std::size_t kSender = (sizeof(tpacket3_hdr) + TPACKET_ALIGNMENT - 1) / TPACKET_ALIGNMENT * TPACKET_ALIGNMENT;
constexpr auto kUnknownLink = static_cast<LinkType>(147);  // LINKTYPE_USER0: the decoder does not read it, and says so

std::error_code last_error() { return {errno, std::generic_category()}; }

// What SOCK_RAW gives of a device of this kind; what nobody is sure of is not guessed.
LinkType link_of(unsigned hardware) {
  switch (hardware) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK:
      return LinkType::Ethernet;
    case ARPHRD_NONE:
    case ARPHRD_RAWIP:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
      return LinkType::Raw;
    default:
      return kUnknownLink;
  }
}

// At least eight blocks, so that user space holds a small part of the ring; each a power of two of pages.
tpacket_req3 shape_of(const RingOptions& options) {
  const auto page = static_cast<std::uint32_t>(::sysconf(_SC_PAGESIZE));
  const std::uint32_t bytes = std::clamp(options.bytes, kLeastRing, kMostRing);
  tpacket_req3 shape{};
  shape.tp_block_size = std::clamp(std::bit_floor(bytes / 8), page, std::max(page, kMostBlock));
  shape.tp_block_nr = bytes / shape.tp_block_size;
  shape.tp_frame_size = kFrameStep;
  shape.tp_frame_nr = shape.tp_block_size / kFrameStep * shape.tp_block_nr;
  shape.tp_retire_blk_tov = options.block_timeout;
  return shape;
}

Direction direction_of(unsigned packet_type) {
  switch (packet_type) {
    case PACKET_OUTGOING:
      return Direction::Transmitted;
    case PACKET_HOST:
    case PACKET_BROADCAST:
    case PACKET_MULTICAST:
    case PACKET_OTHERHOST:
      return Direction::Received;
    default:
      return Direction::Unknown;
  }
}

void put16(std::uint8_t* at, unsigned value) {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value);
}

}  // namespace

struct PacketRing::State {
  ~State() {
    if (map != MAP_FAILED) ::munmap(map, size);
  }

  std::uint8_t* block(std::uint32_t index) const {
    return static_cast<std::uint8_t*>(map) + std::size_t{index} * shape.tp_block_size;
  }
  // The status is what both sides hand the block over with.
  static std::atomic_ref<std::uint32_t> status(tpacket_block_desc* of) {
    return std::atomic_ref<std::uint32_t>(of->hdr.bh1.block_status);
  }

  Frame frame(tpacket3_hdr* header);

  Fd socket;
  RingOptions options;
  tpacket_req3 shape{};
  void* map = MAP_FAILED;
  std::size_t size = 0;
  std::uint32_t next_block = 0;
  std::uint32_t taken = 0;  // frames of that block that were handed out
  std::uint32_t place = 0;  // of the one after them, in the block
  RingCounts counts;
};

// The frame as it was on the wire, made in place: the ring has room before it.
Frame PacketRing::State::frame(tpacket3_hdr* header) {
  auto* const base = reinterpret_cast<std::uint8_t*>(header);
  const auto* const from = reinterpret_cast<const sockaddr_ll*>(base + kSender);
  std::uint8_t* begin = base + (options.cooked ? header->tp_net : header->tp_mac);
  std::uint32_t captured = header->tp_snaplen, original = header->tp_len;
  const LinkType link = options.cooked ? LinkType::LinuxSll2 : link_of(from->sll_hatype);
  std::uint16_t protocol = ntohs(from->sll_protocol);

  if ((header->tp_status & TP_STATUS_VLAN_VALID) != 0) {
    const std::uint32_t tci = header->hv1.tp_vlan_tci;
    const std::uint16_t tpid =
        (header->tp_status & TP_STATUS_VLAN_TPID_VALID) != 0 ? header->hv1.tp_vlan_tpid : std::uint16_t{0x8100};
    if (options.cooked) {  // the tag takes the place of the protocol, which goes behind it
      begin -= kTag;
      put16(begin, tci);
      put16(begin + 2, protocol);
      protocol = tpid;
      captured += kTag;
      original += kTag;
    } else if (link == LinkType::Ethernet && captured >= kMacs) {
      begin -= kTag;
      std::memmove(begin, begin + kTag, kMacs);
      put16(begin + kMacs, tpid);
      put16(begin + kMacs + 2, tci);
      captured += kTag;
      original += kTag;
    }
  }
  captured = std::min(captured, options.snap_length);
  if (options.cooked) {
    begin -= kCooked;
    const auto index = static_cast<std::uint32_t>(from->sll_ifindex);
    put16(begin, protocol);
    put16(begin + 2, 0);
    put16(begin + 4, index >> 16);
    put16(begin + 6, index & 0xffff);
    put16(begin + 8, from->sll_hatype);
    begin[10] = from->sll_pkttype;
    begin[11] = from->sll_halen;
    std::memset(begin + 12, 0, sizeof from->sll_addr);
    std::memcpy(begin + 12, from->sll_addr, std::min<std::size_t>(from->sll_halen, sizeof from->sll_addr));
    captured += kCooked;
    original += kCooked;
  }

  Frame result;
  result.bytes = Bytes(begin, captured);
  result.original = original;
  result.link = link;
  result.direction = direction_of(from->sll_pkttype);
  result.interface = static_cast<std::uint32_t>(from->sll_ifindex);
  result.time = std::int64_t{header->tp_sec} * 1'000'000'000 + header->tp_nsec;
  result.number = ++counts.read;
  return result;
}

PacketRing::PacketRing(std::unique_ptr<State> state) : state_(std::move(state)) {}
PacketRing::~PacketRing() = default;

std::error_code PacketRing::open(Fd socket, const RingOptions& options, std::unique_ptr<PacketRing>& ring) {
  auto state = std::make_unique<State>();
  state->socket = std::move(socket);
  state->options = options;
  state->options.filter.clear();
  state->shape = shape_of(options);
  const int fd = state->socket.get();

  if (const auto error = set_option(fd, SOL_PACKET, PACKET_VERSION, int{TPACKET_V3})) return error;
  const unsigned reserve = options.cooked ? kCooked + kTag : kTag;
  if (const auto error = set_option(fd, SOL_PACKET, PACKET_RESERVE, reserve)) return error;
  if (const auto error = set_option(fd, SOL_PACKET, PACKET_RX_RING, state->shape)) return error;
  if (const auto error = attach(fd, cut_to(options.filter, options.snap_length))) return error;
  state->size = std::size_t{state->shape.tp_block_size} * state->shape.tp_block_nr;
  state->map = ::mmap(nullptr, state->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (state->map == MAP_FAILED) return last_error();
  if (const auto error = bind_to(fd, options.index)) return error;

  ring.reset(new PacketRing(std::move(state)));
  return {};
}

int PacketRing::fd() const { return state_->socket.get(); }

std::size_t PacketRing::read(const std::function<void(const Frame&)>& sink, std::size_t most) {
  State& state = *state_;
  std::size_t frames = 0;
  for (; most != 0; --most) {
    auto* const block = reinterpret_cast<tpacket_block_desc*>(state.block(state.next_block));
    if ((State::status(block).load(std::memory_order_acquire) & TP_STATUS_USER) == 0) break;
    // What was handed out is behind us before the sink sees it: if it throws, the next call goes on with the frame
    // after.
    while (state.taken < block->hdr.bh1.num_pkts) {
      if (state.taken == 0) state.place = block->hdr.bh1.offset_to_first_pkt;
      auto* const header = reinterpret_cast<tpacket3_hdr*>(reinterpret_cast<std::uint8_t*>(block) + state.place);
      ++state.taken;
      state.place += header->tp_next_offset;
      ++frames;
      sink(state.frame(header));
    }
    state.taken = 0;
    State::status(block).store(TP_STATUS_KERNEL, std::memory_order_release);
    state.next_block = (state.next_block + 1) % state.shape.tp_block_nr;
  }
  return frames;
}

RingCounts PacketRing::counts() {
  tpacket_stats_v3 told{};
  socklen_t size = sizeof told;
  if (::getsockopt(fd(), SOL_PACKET, PACKET_STATISTICS, &told, &size) == 0) {  // begins anew with each reading
    state_->counts.packets += told.tp_packets;
    state_->counts.dropped += told.tp_drops;
    state_->counts.freezes += told.tp_freeze_q_cnt;
  }
  return state_->counts;
}

std::error_code PacketRing::set_filter(const FilterProgram& filter) {
  return attach(fd(), cut_to(filter, state_->options.snap_length));
}

std::error_code PacketRing::error() { return pending_error(fd()); }

}  // namespace airtight::audit
