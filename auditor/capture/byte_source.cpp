#include "auditor/capture/byte_source.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "auditor/capture/buffered_source.h"

namespace airtight::audit {
namespace {

constexpr std::size_t kFirstChunk = 64u << 10;  // of a file that waits for its turn among many
constexpr std::size_t kChunk = 1u << 20;

class PlainSource final : public BufferedSource {
 public:
  explicit PlainSource(std::unique_ptr<RawFile> raw) : BufferedSource(std::move(raw)) {}
  std::string_view compression() const override { return {}; }

 private:
  std::size_t fill(std::uint8_t* to, std::size_t room) override { return raw_->read(to, room); }
};

bool is_gzip(std::span<const std::uint8_t> start) { return start.size() >= 2 && start[0] == 0x1f && start[1] == 0x8b; }

// A frame, or one of the sixteen kinds of skippable frame (RFC 8878 §3.1).
bool is_zstd(std::span<const std::uint8_t> start) {
  if (start.size() < 4) return false;
  if (start[0] == 0x28 && start[1] == 0xb5 && start[2] == 0x2f && start[3] == 0xfd) return true;
  return (start[0] & 0xf0) == 0x50 && start[1] == 0x2a && start[2] == 0x4d && start[3] == 0x18;
}

}  // namespace

std::unique_ptr<ByteSource> ByteSource::open(const std::string& path) {
  auto raw = std::make_unique<RawFile>(path);
  const auto start = raw->beginning();
  if (is_gzip(start)) return open_gzip(std::move(raw));
  if (is_zstd(start)) return open_zstd(std::move(raw));
  return std::make_unique<PlainSource>(std::move(raw));
}

std::span<const std::uint8_t> BufferedSource::peek(std::size_t wanted) {
  assert(wanted <= kMaxView);
  while (end_ - begin_ < wanted && !ended_) {
    make_room();
    const std::size_t got = fill(buffer_.data() + end_, buffer_.size() - end_);
    end_ += got;
    ended_ = got == 0;
  }
  return {buffer_.data() + begin_, end_ - begin_};
}

void BufferedSource::consume(std::size_t count) {
  assert(count <= end_ - begin_);
  begin_ += count;
}

std::string BufferedSource::finish() {
  begin_ = end_ = 0;
  ended_ = true;
  return raw_->finish();
}

// Moves what is left to the front, a fragment of a record as a rule. The buffer doubles where it was filled to its end:
// up to kChunk for speed, beyond that only for a record that needs it.
void BufferedSource::make_room() {
  const bool filled = end_ == buffer_.size();
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (filled && (buffer_.size() < kChunk || end_ == buffer_.size()))
    buffer_.resize(std::max(kFirstChunk, buffer_.size() * 2));
}

}  // namespace airtight::audit
