// Nothing seen must mean nothing sent (DESIGN §6, "Conservation"): the tap of an uplink against the egress chain's own
// accept counter, and against the device's counters. Pure arithmetic on readings that others take.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "auditor/evidence/record.h"

namespace airtight::audit {

// One measurement of one uplink, all numbers since they began to count. Taken in this order: counters of the chain
// (before), the queue, the tap, the queue again, counters of the chain (after). A frame passes the chain, waits in the
// queue (or is dropped there), then passes the tap. What a processor has in hand between two of these at that moment is
// taken for nothing: it is over in less than the time between two readings.
struct UplinkReading {
  std::uint64_t accepted_before = 0;  // packets of counter accepted_DEV
  std::uint64_t tapped = 0;           // transmitted frames that the tap's counting socket saw
  std::uint64_t accepted_after = 0;
  std::uint64_t backlog = 0;      // frames in the queue, the larger of before and after the tap
  std::uint64_t queue_drops = 0;  // since the queue was made, of either time
  // Of counter oversize_DEV: buffers longer than the MTU allows, which are cut into several frames between chain and
  // tap. Those of before are read with accepted_before, the others after the tap. Without the former (all 0) every
  // buffer since the chain was made counts as one that may still be cut: never a false difference, and more allowed.
  std::uint64_t oversize_packets_before = 0, oversize_bytes_before = 0;
  std::uint64_t oversize_packets = 0, oversize_bytes = 0;
};

enum class Balance : std::uint8_t {
  Conserved,
  ChainHigher,  // a sender that the tap does not see (PACKET_QDISC_BYPASS), or frames lost before it
  TapHigher,    // a way past the hook, or more segments than the buffers can yield
  Restarted,    // a counter went back: the chain or the device was made anew
};
std::string_view to_string(Balance);

struct Judged {
  Balance balance = Balance::Conserved;
  std::uint64_t difference = 0;       // packets that do not add up, whatever the constant: the least number
  std::uint64_t surplus = 0;          // of the tap over the chain since the first reading, which segmentation explains
  std::uint64_t surplus_allowed = 0;  // since then
  std::string detail;                 // a clause with the numbers
  // For the heartbeat; its interface is left empty. Numbers since the first reading: the least and the most that the
  // chain can have accepted, and what the tap saw. `explained` is how far that lies outside of these two, as far as
  // queue, drops and surplus account for it: conserved, before - explained <= seen <= after + explained.
  UplinkCount count;
};

// Cumulative over one life of chain and tap: with every reading the range in which their constant difference can lie
// narrows (accepted − tapped, less queue and drops); what no constant explains does not add up, at whatever time it
// happened. Begins anew after a difference or a restart, with the reading that showed it.
//
// The algebra: let x be accepted − tapped − drops − queued at the moment of the tap. It never rises, and it falls by
// the surplus of what is cut. A reading holds it between low = accepted_before − tapped − drops − backlog and
// high = accepted_after − tapped − drops. So no low may be above an earlier high, and no high further below an earlier
// low than the buffers between these two allow.
class Conservation {
 public:
  // The first reading only begins.
  Judged add(const UplinkReading& reading);

 private:
  __extension__ typedef __int128 Wide;  // differences of counters, in segments of a byte each

  struct Bounds {
    Wide low, high;  // of x
    // Bytes that may be cut off buffers: counted surely before the tap's moment, surely not in the queue then; and
    // counted at all.
    Wide cut_low, cut_high;
  };
  static Bounds bounds(const UplinkReading& reading);
  void begin(const UplinkReading& reading);

  std::optional<UplinkReading> base_, last_;
  Wide least_high_ = 0;                 // of the readings since base_
  Wide floor_ = 0;                      // the largest of low x kSmallestSegment + cut_low
  Wide floor_low_ = 0, floor_cut_ = 0;  // of the reading that gave it
};

// A buffer of b bytes yields at most (b - 1) / this many frames beside the first: TCP sends no segment below this many
// bytes of payload while more is there, the smallest MSS that Linux accepts from a path (net.ipv4.tcp_min_snd_mss
// apart).
inline constexpr std::uint64_t kSmallestSegment = 536;

// /sys/class/net/DEV/statistics, every counter that the kernel has, by name. Read by ourselves: libraries and sockets
// count less (R43). `root` is "/sys/class/net" but in tests.
struct DeviceCounters {
  std::uint64_t rx_packets = 0, tx_packets = 0, rx_bytes = 0, tx_bytes = 0;
  std::uint64_t rx_dropped = 0, tx_dropped = 0, rx_missed_errors = 0, rx_fifo_errors = 0, rx_over_errors = 0;
  std::uint64_t rx_errors = 0, tx_errors = 0, rx_nohandler = 0;
};
std::error_code read_device_counters(const std::string& root, std::string_view device, DeviceCounters& counters);

// What the tap and its socket say of the same time: read after the device.
struct TapCounters {
  std::uint64_t received = 0;  // frames
  std::uint64_t transmitted = 0;
  std::uint64_t dropped = 0;           // by the socket: PACKET_STATISTICS, added up
  std::uint64_t segments_allowed = 0;  // that oversize buffers explain between tap and device, sent; added up
  // The same two read before the device, so that what passed in between is nobody's difference; empty: nothing did.
  std::optional<std::uint64_t> received_before, transmitted_before;
};

struct DeviceGap {
  std::string counter;  // "rx_dropped" "rx_missed_errors" "tx_packets" …; "socket" for TapCounters::dropped
  std::uint64_t size = 0;
  std::string detail;  // "300 interface drops (rx_dropped)"
  friend bool operator==(const DeviceGap&, const DeviceGap&) = default;
};

// The second bound. Between two readings: frames that the device received and the tap did not see, as far as rx_dropped
// rose (the rest may be merged by GRO, which taps see merged; and what nobody handled counts there too, tapped); frames
// that the device lost before it received them (of rx_missed_errors, rx_fifo_errors and rx_over_errors, which drivers
// use for the same ones, the one that rose most); frames that the socket dropped. Since the first reading: frames that
// the device sent beyond those that the tap saw and segmentation explains, each told once; drivers that count a frame
// when its sending is over lag behind and catch up. One frame may be counted in two gaps, never in none.
//
// Counters wrap at 32 bits on old drivers and start again with a new device: a decrease is a wrap where the difference
// fits one, else a new life, which begins anew and is no gap by itself.
class DeviceBound {
 public:
  std::vector<DeviceGap> add(const DeviceCounters& device, const TapCounters& tap);

 private:
  __extension__ typedef __int128 Wide;

  void begin(const DeviceCounters& device, const TapCounters& tap);

  std::optional<DeviceCounters> device_;
  TapCounters tap_;
  Wide sent_ = 0;   // tx_packets since the first reading, wraps undone
  Wide limit_ = 0;  // of what was sent beyond what the tap saw
  bool counts_buffers_ = false;  // the driver counts a buffer as one however many frames it becomes: no surplus then
};

}  // namespace airtight::audit
