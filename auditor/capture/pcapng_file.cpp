// pcapng: draft-ietf-opsawg-pcapng. Blocks of a type, a total length, a body and the total length again; a section
// header begins anew what byte order and which interfaces there are.
#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "auditor/capture/capture_reader.h"
#include "auditor/capture/pcapng_time.h"
#include "compiler/net/excerpt.h"

namespace airtight::audit {
namespace {

constexpr std::uint32_t kByteOrderMagic = 0x1a2b3c4d;
constexpr std::uint32_t kMaxBlock = static_cast<std::uint32_t>(ByteSource::kMaxView);
constexpr std::size_t kMaxInterfaces = 65'536;
constexpr std::size_t kMaxName = 256;

enum BlockType : std::uint32_t {
  kInterface = 1,
  kOldPacket = 2,
  kSimplePacket = 3,
  kStatistics = 5,
  kEnhancedPacket = 6,
};

// Length of the part of a block before its options or packet data, with type and total length; and of the total length
// at its end.
constexpr std::size_t kSectionFixed = 24;
constexpr std::size_t kInterfaceFixed = 16;
constexpr std::size_t kPacketFixed = 28;
constexpr std::size_t kSimpleFixed = 12;
constexpr std::size_t kStatisticsFixed = 20;
constexpr std::size_t kBlockFixed = 8;
constexpr std::size_t kTrailer = 4;

struct BlockKind {
  std::uint32_t type;
  std::size_t fixed;
  bool packet;
  std::string_view name;
};
constexpr BlockKind kKinds[] = {
    {kEnhancedPacket, kPacketFixed, true, {}},
    {kPcapngSection, kSectionFixed, false, "a section header"},
    {kInterface, kInterfaceFixed, false, "an interface description"},
    {kOldPacket, kPacketFixed, true, {}},
    {kSimplePacket, kSimpleFixed, true, {}},
    {kStatistics, kStatisticsFixed, false, "interface statistics"},
};
// Everything else is skipped without being held: name resolution (4), secrets (10), journal entries (9), custom blocks,
// what is yet to come.
constexpr BlockKind kOther{0, kBlockFixed, false, "a block"};

const BlockKind& kind_of(std::uint32_t type) {
  for (const BlockKind& kind : kKinds) {
    if (kind.type == type) return kind;
  }
  return kOther;
}

constexpr std::size_t padded(std::size_t length) { return (length + 3) & ~std::size_t{3}; }

struct Option {
  std::uint16_t code;
  Bytes value;
};

// Walks options until their end; ok() is false once one runs past the block.
class Options {
 public:
  Options(Bytes bytes, ByteOrder order) : bytes_(bytes), order_(order) {}
  std::optional<Option> next() {
    if (bytes_.size() < 4) {
      ok_ = ok_ && bytes_.empty();
      return std::nullopt;
    }
    const Option option{order_.u16(bytes_.data()), {}};
    const std::size_t length = order_.u16(bytes_.data() + 2);
    if (option.code == 0) return std::nullopt;
    if (4 + padded(length) > bytes_.size()) {
      ok_ = false;
      return std::nullopt;
    }
    const Bytes value = bytes_.subspan(4, length);
    bytes_ = bytes_.subspan(4 + padded(length));
    return Option{option.code, value};
  }
  bool ok() const { return ok_; }

 private:
  Bytes bytes_;
  ByteOrder order_;
  bool ok_ = true;
};

void add(std::optional<std::uint64_t>& sum, std::uint64_t more) {
  const std::uint64_t room = std::numeric_limits<std::uint64_t>::max() - sum.value_or(0);
  sum = sum.value_or(0) + std::min(more, room);
}

std::string hex(std::uint32_t number) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string text = "0x";
  for (int shift = 28; shift >= 0; shift -= 4) text += kHex[number >> shift & 15];
  return text;
}

class PcapngFile final : public CaptureReader {
 public:
  explicit PcapngFile(std::unique_ptr<ByteSource> source) : CaptureReader(std::move(source)) {}

  bool next(Frame& frame) override {
    while (!done_) {
      const std::uint8_t* block = need(kBlockFixed);
      if (block == nullptr) {
        ended("a block", left());
        break;
      }
      const std::uint32_t type = order_.u32(block);
      if (type == kPcapngSection) {
        read_section();
      } else if (after_lost_) {
        damaged("no section header where the section that was not read should end, at offset " +
                std::to_string(offset()));
      } else if (read_block(type, order_.u32(block + 4), frame)) {
        return true;
      }
    }
    return false;
  }

  std::string format() const override {
    return "pcapng, " + std::to_string(sections_) + (sections_ == 1 ? " section" : " sections") + compressed();
  }

 private:
  void read_section();
  bool read_block(std::uint32_t type, std::uint32_t total, Frame& frame);
  bool read_packet(const std::uint8_t* block, std::uint32_t total, bool enhanced, Frame& frame);
  bool read_simple(const std::uint8_t* block, std::uint32_t total, Frame& frame);
  void read_packet_options(Bytes options, bool enhanced, std::size_t index, Frame& frame);
  void read_interface(const std::uint8_t* block, std::uint32_t total);
  void read_interface_option(const Option& option, CaptureInterface& made, std::uint8_t& resolution,
                             std::int64_t& offset);
  void read_statistics(const std::uint8_t* block, std::uint32_t total);
  void skip_block(std::uint32_t type, std::uint32_t total);
  bool length_fits(const BlockKind& kind, std::uint32_t total);
  const std::uint8_t* whole_block(const BlockKind& kind, std::uint32_t total);
  bool finish_frame(Frame& frame, const std::uint8_t* data, std::uint32_t captured, std::size_t index,
                    std::uint32_t total);
  bool known_interface(std::uint32_t interface);
  std::string unit(const BlockKind& kind) const;
  std::string here() const { return ", at offset " + std::to_string(offset()); }
  void at_end() override;

  ByteOrder order_ = ByteOrder::native();
  std::uint32_t sections_ = 0;
  bool after_lost_ = false;
  std::size_t first_ = 0;                    // of this section's interfaces, among all
  std::vector<PcapngClock> clocks_;          // by interface
  std::vector<std::uint64_t> packet_drops_;  // by interface, what its packets say
};

std::string PcapngFile::unit(const BlockKind& kind) const {
  return kind.packet ? "packet " + std::to_string(number_ + 1) : std::string(kind.name);
}

bool PcapngFile::length_fits(const BlockKind& kind, std::uint32_t total) {
  if (total % 4 == 0 && total >= kind.fixed + kTrailer && total <= kMaxBlock) [[likely]]
    return true;
  damaged(unit(kind) + " announces a length of " + std::to_string(total) + " bytes" + here());
  return false;
}

// The block, in one piece, once both its lengths agree; null after saying what is wrong.
const std::uint8_t* PcapngFile::whole_block(const BlockKind& kind, std::uint32_t total) {
  if (!length_fits(kind, total)) return nullptr;
  const std::uint8_t* block = need(total);
  if (block == nullptr) {
    ended(unit(kind), left());
    return nullptr;
  }
  const std::uint32_t again = order_.u32(block + total - kTrailer);
  if (again == total) [[likely]]
    return block;
  damaged(unit(kind) + " has a length of " + std::to_string(total) + " bytes at its start and of " +
          std::to_string(again) + " at its end" + here());
  return nullptr;
}

void PcapngFile::read_section() {
  const BlockKind& kind = kind_of(kPcapngSection);
  const std::uint8_t* block = need(12);
  if (block == nullptr) return ended(unit(kind), left());
  if (ByteOrder::little().u32(block + 8) == kByteOrderMagic) {
    order_ = ByteOrder::little();
  } else if (ByteOrder::big().u32(block + 8) == kByteOrderMagic) {
    order_ = ByteOrder::big();
  } else {
    return damaged("a section header has no byte-order magic" + here());
  }
  const std::uint32_t total = order_.u32(block + 4);
  block = whole_block(kind, total);
  if (block == nullptr) return;
  const std::uint32_t section = sections_++;
  first_ = interfaces_.size();
  after_lost_ = false;

  const std::uint16_t major = order_.u16(block + 12);
  const std::uint16_t minor = order_.u16(block + 14);
  if (major != 1 || (minor != 0 && minor != 2)) {
    const std::uint64_t length = order_.u64(block + 16);
    const std::string what = "section " + std::to_string(section + 1) + " is of version " + std::to_string(major) +
                             "." + std::to_string(minor) + "; 1.0 and 1.2 are read" + here();
    if (length > INT64_MAX || length % 4 != 0)  // -1: it may reach to the end of the file
      return stop(CaptureProblem::Kind::LostSection, what + "; nothing behind it could be read", offset());
    note(CaptureProblem::Kind::LostSection, what, offset());
    advance(total);
    after_lost_ = true;
    if (const std::uint64_t skipped = skip(length); skipped < length)
      ended("a section that is not read", total + skipped);
    return;
  }
  Options options({block + kSectionFixed, total - kSectionFixed - kTrailer}, order_);
  while (options.next()) {
  }
  if (!options.ok()) return damaged("an option of a section header runs past its block" + here());
  advance(total);
}

bool PcapngFile::read_block(std::uint32_t type, std::uint32_t total, Frame& frame) {
  const BlockKind& kind = kind_of(type);
  if (kind.type == 0) {
    if (length_fits(kind, total)) skip_block(type, total);
    return false;
  }
  const std::uint8_t* block = whole_block(kind, total);
  if (block == nullptr) return false;
  switch (type) {
    case kEnhancedPacket:
      return read_packet(block, total, true, frame);
    case kOldPacket:
      return read_packet(block, total, false, frame);
    case kSimplePacket:
      return read_simple(block, total, frame);
    case kInterface:
      read_interface(block, total);
      break;
    case kStatistics:
      read_statistics(block, total);
      break;
    default:
      break;
  }
  if (!done_) advance(total);
  return false;
}

void PcapngFile::skip_block(std::uint32_t type, std::uint32_t total) {
  const std::uint64_t start = offset();
  const std::uint64_t body = skip(total - kTrailer);
  const std::uint8_t* trailer = body == total - kTrailer ? need(kTrailer) : nullptr;
  if (trailer == nullptr) return ended("a block of type " + hex(type), body + left());
  const std::uint32_t again = order_.u32(trailer);
  if (again == total) return advance(kTrailer);
  damaged("a block of type " + hex(type) + " has a length of " + std::to_string(total) + " bytes at its start and of " +
              std::to_string(again) + " at its end, at offset " + std::to_string(start),
          start);
}

// A packet of no interface has no link type: nothing can be read off it.
bool PcapngFile::known_interface(std::uint32_t interface) {
  if (interface < interfaces_.size() - first_) [[likely]]
    return true;
  damaged("packet " + std::to_string(number_ + 1) + " is of interface " + std::to_string(interface) +
          ", which the section does not describe" + here());
  return false;
}

bool PcapngFile::finish_frame(Frame& frame, const std::uint8_t* data, std::uint32_t captured, std::size_t index,
                              std::uint32_t total) {
  const CaptureInterface& interface = interfaces_[index];
  frame.bytes = {data, captured};
  frame.link = interface.link;
  frame.interface = static_cast<std::uint32_t>(index);
  check_lengths(frame, interface.snap_length);
  advance(total);
  return true;
}

bool PcapngFile::read_packet(const std::uint8_t* block, std::uint32_t total, bool enhanced, Frame& frame) {
  const std::uint32_t interface = enhanced ? order_.u32(block + 8) : order_.u16(block + 8);
  const std::uint32_t captured = order_.u32(block + 20);
  if (!known_interface(interface)) return false;
  const std::size_t space = total - kPacketFixed - kTrailer;
  if (captured > space) {
    damaged("packet " + std::to_string(number_ + 1) + " announces " + std::to_string(captured) +
            " bytes in a block that has " + std::to_string(space) + " for them" + here());
    return false;
  }
  const std::size_t index = first_ + interface;
  const std::uint64_t ticks = std::uint64_t{order_.u32(block + 12)} << 32 | order_.u32(block + 16);
  frame.number = ++number_;
  frame.time = clocks_[index].nanoseconds(ticks);
  frame.original = order_.u32(block + 24);
  frame.direction = Direction::Unknown;
  if (!enhanced) {
    const std::uint16_t drops = order_.u16(block + 10);
    if (drops != 0xffff) packet_drops_[index] += drops;  // 0xffff: the writer does not know
  }
  if (const std::size_t used = padded(captured); used < space) {
    read_packet_options({block + kPacketFixed + used, space - used}, enhanced, index, frame);
  }
  return finish_frame(frame, block + kPacketFixed, captured, index, total);
}

bool PcapngFile::read_simple(const std::uint8_t* block, std::uint32_t total, Frame& frame) {
  if (!known_interface(0)) return false;
  const std::uint32_t original = order_.u32(block + 8);
  const std::uint32_t snap = interfaces_[first_].snap_length;
  const std::uint32_t captured = snap == 0 ? original : std::min(original, snap);
  const std::size_t space = total - kSimpleFixed - kTrailer;
  if (captured > space) {
    damaged("packet " + std::to_string(number_ + 1) + " has " + std::to_string(captured) +
            " bytes in a block that has " + std::to_string(space) + " for them" + here());
    return false;
  }
  frame.number = ++number_;
  frame.time = kNoTime;
  frame.original = original;
  frame.direction = Direction::Unknown;
  return finish_frame(frame, block + kSimpleFixed, captured, first_, total);
}

void PcapngFile::read_packet_options(Bytes bytes, bool enhanced, std::size_t index, Frame& frame) {
  constexpr std::uint16_t kFlags = 2;
  constexpr std::uint16_t kDropCount = 4;
  Options options(bytes, order_);
  bool sound = true;
  while (const auto option = options.next()) {
    if (option->code == kFlags) {
      if (option->value.size() != 4) {
        sound = false;
        continue;
      }
      const std::uint32_t way = order_.u32(option->value.data()) & 3;
      frame.direction = way == 1 ? Direction::Received : way == 2 ? Direction::Transmitted : Direction::Unknown;
    } else if (enhanced && option->code == kDropCount) {
      if (option->value.size() != 8) {
        sound = false;
        continue;
      }
      std::optional<std::uint64_t> sum = packet_drops_[index];
      add(sum, order_.u64(option->value.data()));
      packet_drops_[index] = *sum;
    }
  }
  if (!sound || !options.ok()) odd("has options that contradict their length");
}

void PcapngFile::read_interface(const std::uint8_t* block, std::uint32_t total) {
  if (interfaces_.size() == kMaxInterfaces) {
    return damaged("there are more than " + std::to_string(kMaxInterfaces) + " interfaces" + here());
  }
  CaptureInterface made;
  made.link = static_cast<LinkType>(order_.u16(block + 8));
  made.snap_length = order_.u32(block + 12);
  if (made.snap_length > INT32_MAX) made.snap_length = 0;
  made.section = sections_ - 1;
  std::uint8_t resolution = 6;
  std::int64_t seconds = 0;
  Options options({block + kInterfaceFixed, total - kInterfaceFixed - kTrailer}, order_);
  while (const auto option = options.next()) {
    read_interface_option(*option, made, resolution, seconds);
    if (done_) return;
  }
  if (!options.ok())
    return damaged("an option of interface " + std::to_string(interfaces_.size()) + " runs past its block" + here());
  interfaces_.push_back(std::move(made));
  clocks_.emplace_back(resolution, seconds);
  packet_drops_.push_back(0);
}

// if_fcslen is not used: the frame check sequence stays on the frame, where the decoder meets it as bytes behind the
// packet.
void PcapngFile::read_interface_option(const Option& option, CaptureInterface& made, std::uint8_t& resolution,
                                       std::int64_t& seconds) {
  constexpr std::uint16_t kName = 2;
  constexpr std::uint16_t kResolution = 9;
  constexpr std::uint16_t kOffset = 14;
  const auto wrong_length = [&](std::string_view name, std::size_t right) {
    if (option.value.size() == right) return false;
    damaged("option " + std::string(name) + " of interface " + std::to_string(interfaces_.size()) + " has " +
            std::to_string(option.value.size()) + " bytes instead of " + std::to_string(right) + here());
    return true;
  };
  switch (option.code) {
    case kName: {
      // Text ends at a NUL, by writers that count it in; a longer name than any system gives is cut.
      const Bytes text = option.value.first(std::min(option.value.size(), kMaxName));
      made.name.assign(text.begin(), std::find(text.begin(), text.end(), std::uint8_t{0}));
      break;
    }
    case kResolution:
      if (!wrong_length("if_tsresol", 1)) resolution = option.value[0];
      break;
    case kOffset:
      if (!wrong_length("if_tsoffset", 8)) seconds = static_cast<std::int64_t>(order_.u64(option.value.data()));
      break;
    default:
      break;
  }
}

void PcapngFile::read_statistics(const std::uint8_t* block, std::uint32_t total) {
  constexpr std::uint16_t kReceived = 4;
  constexpr std::uint16_t kDroppedByInterface = 5;
  constexpr std::uint16_t kDroppedBySystem = 7;
  const std::uint32_t number = order_.u32(block + 8);
  const auto odd_block = [&](std::string_view why) {
    note(CaptureProblem::Kind::OddRecord, "interface statistics " + std::string(why) + here(), offset());
  };
  if (number >= interfaces_.size() - first_) return odd_block("are of an interface that the section does not describe");
  CaptureInterface& interface = interfaces_[first_ + number];
  interface.received.reset();
  interface.dropped.reset();
  Options options({block + kStatisticsFixed, total - kStatisticsFixed - kTrailer}, order_);
  bool sound = true;
  while (const auto option = options.next()) {
    if (option->code != kReceived && option->code != kDroppedByInterface && option->code != kDroppedBySystem) continue;
    if (option->value.size() != 8) {
      sound = false;
      continue;
    }
    add(option->code == kReceived ? interface.received : interface.dropped, order_.u64(option->value.data()));
  }
  if (!sound || !options.ok()) odd_block("have options that contradict their length");
}

void PcapngFile::at_end() {
  for (std::size_t i = 0; i < interfaces_.size(); ++i) {
    const CaptureInterface& interface = interfaces_[i];
    const auto say = [&](std::string_view by, std::uint64_t count) {
      if (count == 0) return;
      const std::string name = interface.name.empty() ? "" : " (" + excerpt(interface.name) + ")";
      note(CaptureProblem::Kind::Dropped,
           std::string(by) + " of interface " + std::to_string(i) + name + " say that " + std::to_string(count) +
               (count == 1 ? " packet was dropped" : " packets were dropped"),
           offset());
    };
    say("the statistics", interface.dropped.value_or(0));
    say("the packets", packet_drops_[i]);
  }
}

}  // namespace

std::unique_ptr<CaptureFile> open_pcapng(std::unique_ptr<ByteSource> source, std::string& error) {
  const auto start = source->peek(kSectionFixed);
  if (start.size() >= 12) {
    const bool little = ByteOrder::little().u32(start.data() + 8) == kByteOrderMagic;
    if (!little && ByteOrder::big().u32(start.data() + 8) != kByteOrderMagic) {
      error = "no capture: it begins like pcapng and has no byte-order magic; " + std::string(kWhatIsRead);
      return nullptr;
    }
    const ByteOrder order = little ? ByteOrder::little() : ByteOrder::big();
    if (start.size() >= kSectionFixed && order.u64(start.data() + 16) > INT64_MAX) {
      const std::uint16_t major = order.u16(start.data() + 12);
      const std::uint16_t minor = order.u16(start.data() + 14);
      if (major != 1 || (minor != 0 && minor != 2)) {
        error = "a pcapng file of version " + std::to_string(major) + "." + std::to_string(minor) +
                "; 1.0 and 1.2 are read";
        return nullptr;
      }
    }
  }
  return std::make_unique<PcapngFile>(std::move(source));
}

}  // namespace airtight::audit
