// What the readers of pcap and pcapng share: numbers in the byte order of the file, a place in the bytes, the list of
// problems.
#pragma once

#include <bit>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auditor/capture/capture_file.h"

namespace airtight::audit {

inline constexpr std::uint32_t kPcapMicroseconds = 0xa1b2c3d4;
inline constexpr std::uint32_t kPcapNanoseconds = 0xa1b23c4d;
inline constexpr std::uint32_t kPcapModified = 0xa1b2cd34;   // Kuznetzov's, with longer record headers
inline constexpr std::uint32_t kPcapngSection = 0x0a0d0d0a;  // reads the same in both byte orders
inline constexpr std::string_view kWhatIsRead = "pcap and pcapng are read, plain or compressed with gzip or zstd";

class ByteOrder {
 public:
  static constexpr ByteOrder little() { return ByteOrder(std::endian::native != std::endian::little); }
  static constexpr ByteOrder big() { return ByteOrder(std::endian::native != std::endian::big); }
  static constexpr ByteOrder native() { return ByteOrder(false); }
  constexpr bool is_big() const { return *this == big(); }

  std::uint16_t u16(const std::uint8_t* at) const {
    const auto value = load<std::uint16_t>(at);
    return swap_ ? __builtin_bswap16(value) : value;
  }
  std::uint32_t u32(const std::uint8_t* at) const {
    const auto value = load<std::uint32_t>(at);
    return swap_ ? __builtin_bswap32(value) : value;
  }
  std::uint64_t u64(const std::uint8_t* at) const {
    const auto value = load<std::uint64_t>(at);
    return swap_ ? __builtin_bswap64(value) : value;
  }
  friend constexpr bool operator==(ByteOrder, ByteOrder) = default;

 private:
  explicit constexpr ByteOrder(bool swap) : swap_(swap) {}
  template <class Number>
  static Number load(const std::uint8_t* at) {
    Number value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }

  bool swap_;
};

class CaptureReader : public CaptureFile {
 public:
  const std::vector<CaptureInterface>& interfaces() const final { return interfaces_; }
  const std::vector<CaptureProblem>& problems() const final { return problems_; }
  ByteSource& source() final { return *source_; }

 protected:
  explicit CaptureReader(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

  // The next `count` bytes (at most ByteSource::kMaxView), or null if the file ends before; valid until the next need()
  // or skip().
  const std::uint8_t* need(std::size_t count) {
    if (view_.size() - at_ >= count) [[likely]]
      return view_.data() + at_;
    return refill(count);
  }
  void advance(std::size_t count) { at_ += count; }  // what need() has shown
  // Goes over bytes without holding them; how many there were, fewer than `count` only at the end.
  std::uint64_t skip(std::uint64_t count);
  std::size_t left() const { return view_.size() - at_; }  // after need() gave null: all that there is
  std::uint64_t offset() const { return base_ + at_; }

  void stop(CaptureProblem::Kind kind, std::string what, std::uint64_t offset);  // ends the reading
  void damaged(std::string what) { damaged(std::move(what), offset()); }
  void damaged(std::string what, std::uint64_t at) { stop(CaptureProblem::Kind::Damaged, std::move(what), at); }
  // The file ended when `into` bytes of `unit` ("packet 17") had been seen. None, and no trouble with the compression:
  // a clean end.
  void ended(std::string_view unit, std::uint64_t into);
  // An entry that does not stop the reading. Past the bound it is only counted: test room_for_problem() before making
  // text for one packet.
  void note(CaptureProblem::Kind kind, std::string what, std::uint64_t offset);
  bool room_for_problem() const { return problems_.size() < kMaxNotes; }
  void odd(std::string_view what);  // of the packet that number_ names
  // More captured than on the wire, or than the snap length says.
  void check_lengths(const Frame& frame, std::uint32_t snap_length) {
    const auto captured = frame.bytes.size();
    if (captured > frame.original || (snap_length != 0 && captured > snap_length)) [[unlikely]]
      odd_lengths(frame, snap_length);
  }
  std::string compressed() const;  // ", gzip"
  virtual void at_end() {}         // before the last entry: what is known only then

  std::vector<CaptureInterface> interfaces_;
  std::uint64_t number_ = 0;  // of the packet read last
  bool done_ = false;

 private:
  // One entry is kept for what was left out, one for what ends the reading.
  static constexpr std::size_t kMaxNotes = 998;

  const std::uint8_t* refill(std::size_t count);
  void finish();
  void leave_out(CaptureProblem::Kind kind);
  void odd_lengths(const Frame& frame, std::uint32_t snap_length);

  std::unique_ptr<ByteSource> source_;
  std::vector<CaptureProblem> problems_;
  std::uint64_t left_out_ = 0;
  std::span<const std::uint8_t> view_;
  std::size_t at_ = 0;
  std::uint64_t base_ = 0;  // offset of view_[0] in the uncompressed bytes
};

// Both are given a source whose first four bytes fit.
std::unique_ptr<CaptureFile> open_pcap(std::unique_ptr<ByteSource> source, std::string& error);
std::unique_ptr<CaptureFile> open_pcapng(std::unique_ptr<ByteSource> source, std::string& error);

}  // namespace airtight::audit
