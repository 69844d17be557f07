// The bytes of a file or of standard input, gzip (RFC 1952) and zstd (RFC 8878) taken off, with the SHA-256 of what
// lies on the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace airtight::audit {

class ByteSource {
 public:
  // "-" is standard input. Throws std::system_error if it cannot be opened; a directory is one that cannot. Reads
  // nothing yet but what tells compression.
  static std::unique_ptr<ByteSource> open(const std::string& path);
  virtual ~ByteSource() = default;

  // A view of at least `wanted` bytes from the current place, fewer only at the end; valid until the next call. Throws
  // std::system_error on an I/O error. `wanted` is at most kMaxView.
  virtual std::span<const std::uint8_t> peek(std::size_t wanted) = 0;
  // Goes on by `count` bytes that peek() has shown.
  virtual void consume(std::size_t count) = 0;
  // Empty while all is well; else what is wrong with the compression ("the gzip stream ends early", "… is damaged"):
  // the bytes end there.
  virtual std::optional<std::string> problem() const = 0;
  // "gzip", "zstd", or empty. Static storage.
  virtual std::string_view compression() const = 0;
  // Reads whatever is left, and gives the SHA-256 of the raw file in hexadecimal. The last call: peek() shows no more
  // after it.
  virtual std::string finish() = 0;
  // Raw bytes read so far, and the size of the file if it has one: for progress.
  virtual std::uint64_t raw_read() const = 0;
  virtual std::optional<std::uint64_t> raw_size() const = 0;

  static constexpr std::size_t kMaxView = 64u << 20;
};

}  // namespace airtight::audit
