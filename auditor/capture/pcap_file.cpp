// pcap: draft-ietf-opsawg-pcap, and what older writers made of it. A file header of 24 bytes, then records of 16 bytes
// (24 in the modified variant) and the frame.
#include <algorithm>
#include <utility>

#include "auditor/capture/capture_reader.h"

namespace airtight::audit {
namespace {

constexpr std::size_t kHeaderSize = 24;
constexpr std::size_t kRecordHeader = 16;
constexpr std::size_t kModifiedHeader = 24;  // then: interface index (4), protocol (2), packet type (1), padding (1)
constexpr std::size_t kPacketType = 22;
constexpr std::uint8_t kOutgoing = 4;  // PACKET_OUTGOING of Linux
constexpr std::uint8_t kLastIncoming = 3;

// No record may be longer, or a damaged length would swallow the file; some link types carry transfers rather than
// frames.
constexpr std::uint32_t kMaxRecord = 256u << 10;
constexpr std::uint32_t kMaxTransfer = static_cast<std::uint32_t>(ByteSource::kMaxView - 4096);
constexpr std::uint16_t kTransfers[] = {
    189,  // USB_LINUX
    220,  // USB_LINUX_MMAPPED
    231,  // DBUS
    249,  // USBPCAP
    266,  // USB_DARWIN
    279,  // EBHSCR
};

// The field's upper half: bits 28-31 length of the FCS, bit 26 whether that is given. A frame check sequence is left on
// the frame, where the decoder meets it as bytes behind the packet. The other bits are reserved; set, they mean
// something that nobody knows, and the file is refused.
constexpr std::uint32_t kLinkType = 0x0000ffff;
constexpr std::uint32_t kReserved = 0x03ff0000;

enum class LengthOrder : std::uint8_t { CapturedFirst, OriginalFirst, SmallerIsCaptured };

struct Format {
  ByteOrder order = ByteOrder::native();
  bool nanoseconds = false;
  bool modified = false;
  std::uint16_t minor = 4;
  LengthOrder lengths = LengthOrder::CapturedFirst;
};

std::uint32_t longest_record(std::uint16_t link) {
  return std::find(std::begin(kTransfers), std::end(kTransfers), link) != std::end(kTransfers) ? kMaxTransfer
                                                                                               : kMaxRecord;
}

class PcapFile final : public CaptureReader {
 public:
  PcapFile(std::unique_ptr<ByteSource> source, Format format) : CaptureReader(std::move(source)), format_(format) {
    const std::uint8_t* header = need(kHeaderSize);
    if (header == nullptr) {
      ended("the file header", left());
      return;
    }
    CaptureInterface only;
    only.link = static_cast<LinkType>(format_.order.u32(header + 20) & kLinkType);
    only.snap_length = format_.order.u32(header + 16);
    if (only.snap_length > INT32_MAX) only.snap_length = 0;  // what writers mean by -1, and what libpcap takes it for
    max_record_ = longest_record(static_cast<std::uint16_t>(only.link));
    snap_length_ = only.snap_length;
    link_ = only.link;
    interfaces_.push_back(std::move(only));
    advance(kHeaderSize);
  }

  bool next(Frame& frame) override {
    if (done_) return false;
    const std::size_t header_size = format_.modified ? kModifiedHeader : kRecordHeader;
    const std::uint8_t* record = need(header_size);
    if (record == nullptr) return cut();
    std::uint32_t captured = format_.order.u32(record + 8);
    std::uint32_t original = format_.order.u32(record + 12);
    if (format_.lengths != LengthOrder::CapturedFirst) [[unlikely]]
      put_in_order(captured, original);
    if (captured > max_record_) [[unlikely]] {
      damaged("packet " + std::to_string(number_ + 1) + " announces " + std::to_string(captured) + " bytes where " +
              std::to_string(max_record_) + " is the most, at offset " + std::to_string(offset()));
      return false;
    }
    record = need(header_size + captured);
    if (record == nullptr) return cut();

    const std::uint32_t fraction = format_.order.u32(record + 4);
    frame.bytes = {record + header_size, captured};
    frame.original = original;
    frame.link = link_;
    frame.direction = format_.modified ? direction(record[kPacketType]) : Direction::Unknown;
    frame.interface = 0;
    // Both fields are unsigned (the draft's word; libpcap reads the first as signed up to 1.10): no overflow before
    // 2106 nor in 64 bits.
    frame.time = std::int64_t{format_.order.u32(record)} * 1'000'000'000 +
                 std::int64_t{fraction} * (format_.nanoseconds ? 1 : 1'000);
    frame.number = ++number_;
    if (fraction > (format_.nanoseconds ? 999'999'999u : 999'999u)) [[unlikely]]
      odd("has a time stamp with more than a second of fraction");
    check_lengths(frame, snap_length_);
    advance(header_size + captured);
    return true;
  }

  std::string format() const override {
    std::string text = format_.modified ? "pcap (modified)" : "pcap";
    text += format_.nanoseconds ? ", nanoseconds" : ", microseconds";
    text += format_.order.is_big() ? ", big-endian" : ", little-endian";
    if (format_.minor != 4) text += ", version 2." + std::to_string(format_.minor);
    return text + compressed();
  }

 private:
  bool cut() {
    ended("packet " + std::to_string(number_ + 1), left());
    return false;
  }
  void put_in_order(std::uint32_t& captured, std::uint32_t& original) const {
    if (format_.lengths == LengthOrder::OriginalFirst || captured > original) std::swap(captured, original);
  }
  static Direction direction(std::uint8_t packet_type) {
    if (packet_type == kOutgoing) return Direction::Transmitted;
    return packet_type <= kLastIncoming ? Direction::Received : Direction::Unknown;
  }

  Format format_;
  std::uint32_t max_record_ = kMaxRecord;
  std::uint32_t snap_length_ = 0;
  LinkType link_ = LinkType::Ethernet;
};

}  // namespace

std::unique_ptr<CaptureFile> open_pcap(std::unique_ptr<ByteSource> source, std::string& error) {
  const auto start = source->peek(kHeaderSize);
  Format format;
  const auto is_magic = [](std::uint32_t number) {
    return number == kPcapMicroseconds || number == kPcapNanoseconds || number == kPcapModified;
  };
  format.order = is_magic(ByteOrder::little().u32(start.data())) ? ByteOrder::little() : ByteOrder::big();
  const std::uint32_t magic = format.order.u32(start.data());
  format.nanoseconds = magic == kPcapNanoseconds;
  format.modified = magic == kPcapModified;
  if (start.size() < kHeaderSize) return std::make_unique<PcapFile>(std::move(source), format);

  const std::uint16_t major = format.order.u16(start.data() + 4);
  format.minor = format.order.u16(start.data() + 6);
  if (major != 2 || format.minor > 4) {
    error = "a pcap file of version " + std::to_string(major) + "." + std::to_string(format.minor) +
            "; versions 2.0 to 2.4 are read";
    return nullptr;
  }
  // Version 2.3 swapped the two lengths, and not every writer of 2.3 knew.
  if (format.minor < 3) format.lengths = LengthOrder::OriginalFirst;
  if (format.minor == 3) format.lengths = LengthOrder::SmallerIsCaptured;
  if (const std::uint32_t reserved = format.order.u32(start.data() + 20) & kReserved; reserved != 0) {
    constexpr char kHex[] = "0123456789abcdef";
    std::string bits;
    for (int shift = 28; shift >= 0; shift -= 4) bits += kHex[reserved >> shift & 15];
    error = "a pcap file with reserved bits set in its link type (0x" + bits + "): what they mean is not known";
    return nullptr;
  }
  return std::make_unique<PcapFile>(std::move(source), format);
}

}  // namespace airtight::audit
