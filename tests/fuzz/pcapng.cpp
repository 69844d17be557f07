// Any bytes as a capture: pcap or pcapng as they begin, gzip and zstd through a file in memory. No read outside of
// them, packets in ascending order, bounded lists, an end; a file cut short gives the same packets as the whole one,
// only fewer.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "auditor/capture/capture_file.h"

namespace {

using namespace airtight::audit;

// Shows exactly what was asked for, on the heap, so that a byte read past it is seen.
class MemorySource final : public ByteSource {
 public:
  MemorySource(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}
  std::span<const std::uint8_t> peek(std::size_t wanted) override {
    if (wanted > kMaxView) std::abort();
    view_ = std::make_unique<std::vector<std::uint8_t>>(data_, data_ + (wanted < left_ ? wanted : left_));
    return *view_;
  }
  void consume(std::size_t count) override {
    if (count > view_->size()) std::abort();
    data_ += count;
    left_ -= count;
  }
  std::optional<std::string> problem() const override { return std::nullopt; }
  std::string_view compression() const override { return {}; }
  std::string finish() override { return {}; }
  std::uint64_t raw_read() const override { return 0; }
  std::optional<std::uint64_t> raw_size() const override { return std::nullopt; }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
  std::unique_ptr<std::vector<std::uint8_t>> view_;
};

// FNV-1a over everything that each packet says.
std::uint64_t mix(std::uint64_t hash, std::uint64_t value) { return (hash ^ value) * 0x100000001b3; }

std::vector<std::uint64_t> read(std::unique_ptr<ByteSource> source, std::size_t most_bytes) {
  std::vector<std::uint64_t> packets;
  std::string error;
  const auto file = CaptureFile::open(std::move(source), error);
  if ((file == nullptr) == error.empty()) std::abort();
  if (!file) return packets;
  std::size_t bytes = 0;
  Frame frame;
  while (file->next(frame)) {
    if (frame.number != packets.size() + 1) std::abort();
    if (frame.interface >= file->interfaces().size()) std::abort();
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const std::uint8_t byte : frame.bytes) hash = mix(hash, byte);
    hash = mix(mix(mix(hash, frame.original), static_cast<std::uint64_t>(frame.time)), frame.interface);
    packets.push_back(
        mix(mix(hash, static_cast<std::uint64_t>(frame.link)), static_cast<std::uint64_t>(frame.direction)));
    bytes += frame.bytes.size();
    if (bytes > most_bytes) std::abort();
  }
  if (file->next(frame)) std::abort();
  if (file->problems().size() > 1'000 || file->interfaces().size() > 65'536) std::abort();
  for (const CaptureProblem& problem : file->problems()) {
    if (problem.what.empty() || problem.after_packet > packets.size()) std::abort();
  }
  if (file->format().empty()) std::abort();
  return packets;
}

// Through a descriptor: what a path leads to, with decompression and the growing buffer.
std::vector<std::uint64_t> read_file(const std::uint8_t* data, std::size_t size) {
  const int fd = ::memfd_create("capture", MFD_CLOEXEC);
  if (fd < 0 || ::write(fd, data, size) != static_cast<ssize_t>(size)) std::abort();
  auto source = ByteSource::open("/proc/self/fd/" + std::to_string(fd));
  ::close(fd);
  return read(std::move(source), SIZE_MAX);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool compressed = data[0] == 0x1f || data[0] == 0x28 || (data[0] & 0xf0) == 0x50;
  if (compressed) {
    read_file(data, size);
    return 0;
  }
  const auto whole = read(std::make_unique<MemorySource>(data, size), size);
  const std::size_t length = size * data[size - 1] / 256;
  const auto cut = read(std::make_unique<MemorySource>(data, length), length);
  if (cut.size() > whole.size()) std::abort();
  for (std::size_t i = 0; i < cut.size(); ++i) {
    if (cut[i] != whole[i]) std::abort();
  }
  if (data[size - 1] == 7 && read_file(data, size) != whole) std::abort();
  return 0;
}
