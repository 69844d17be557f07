// What every ByteSource shares: one linear buffer that grows only as bytes arrive, so that a length in a hostile file
// costs nothing.
#pragma once

#include <memory>
#include <vector>

#include "auditor/capture/byte_source.h"
#include "auditor/capture/raw_file.h"

namespace airtight::audit {

class BufferedSource : public ByteSource {
 public:
  std::span<const std::uint8_t> peek(std::size_t wanted) final;
  void consume(std::size_t count) final;
  std::optional<std::string> problem() const final { return problem_; }
  std::string finish() final;
  std::uint64_t raw_read() const final { return raw_->bytes_read(); }
  std::optional<std::uint64_t> raw_size() const final { return raw_->size(); }

 protected:
  explicit BufferedSource(std::unique_ptr<RawFile> raw) : raw_(std::move(raw)) {}
  // At least one byte and at most `room` (not 0), or 0 at the end, for good.
  virtual std::size_t fill(std::uint8_t* to, std::size_t room) = 0;

  std::unique_ptr<RawFile> raw_;
  std::optional<std::string> problem_;

 private:
  void make_room();

  std::vector<std::uint8_t> buffer_;
  std::size_t begin_ = 0;  // the bytes that were not consumed
  std::size_t end_ = 0;
  bool ended_ = false;
};

std::unique_ptr<ByteSource> open_gzip(std::unique_ptr<RawFile> raw);
std::unique_ptr<ByteSource> open_zstd(std::unique_ptr<RawFile> raw);

}  // namespace airtight::audit
