// gzip (RFC 1952, also several members in a row) through zlib, zstd (RFC 8878, also several and skippable frames)
// through libzstd. Both are unpacked as they are read: what a bomb would fill is never held.
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <new>
#include <utility>

#include "auditor/capture/buffered_source.h"

namespace airtight::audit {
namespace {

constexpr std::size_t kInput = 256u << 10;
constexpr int kGzipOnly = 16;      // added to the window bits: zlib then takes no other wrapper
constexpr int kMaxWindowLog = 27;  // 128 MiB, what the zstd program takes without being asked for more

class GzipSource final : public BufferedSource {
 public:
  explicit GzipSource(std::unique_ptr<RawFile> raw) : BufferedSource(std::move(raw)), input_(kInput) {
    if (inflateInit2(&stream_, MAX_WBITS + kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  ~GzipSource() override { inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;
  std::string_view compression() const override { return "gzip"; }

 private:
  std::size_t fill(std::uint8_t* to, std::size_t room) override {
    stream_.next_out = to;
    stream_.avail_out = static_cast<uInt>(room);
    while (stream_.avail_out == room && !problem_) {
      if (stream_.avail_in == 0 && !more_input()) {
        if (in_member_) problem_ = "the gzip stream ends early";
        break;
      }
      if (!in_member_ && !begin_member()) continue;
      const int result = inflate(&stream_, Z_NO_FLUSH);
      if (result == Z_STREAM_END) {
        in_member_ = false;
        ++members_;
      } else if (result == Z_MEM_ERROR) {
        throw std::bad_alloc();
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        problem_ = "the gzip stream is damaged";
      }
    }
    return room - stream_.avail_out;
  }

  bool more_input() {
    stream_.next_in = input_.data();
    stream_.avail_in = static_cast<uInt>(raw_->read(input_.data(), input_.size()));
    return stream_.avail_in != 0;
  }

  // Zeros after a member are padding, as tapes have it; anything else but another member is bytes that nobody would
  // look at.
  bool begin_member() {
    while (members_ > 0 && stream_.avail_in > 0 && *stream_.next_in == 0) {
      ++stream_.next_in;
      --stream_.avail_in;
    }
    if (stream_.avail_in == 0) return false;
    if (*stream_.next_in != 0x1f) {
      problem_ = "something that is not gzip follows the gzip stream";
      return false;
    }
    inflateReset(&stream_);
    in_member_ = true;
    return true;
  }

  std::vector<std::uint8_t> input_;
  z_stream stream_{};
  bool in_member_ = false;
  std::uint64_t members_ = 0;
};

class ZstdSource final : public BufferedSource {
 public:
  explicit ZstdSource(std::unique_ptr<RawFile> raw)
      : BufferedSource(std::move(raw)), storage_(kInput), stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kMaxWindowLog);
  }
  ~ZstdSource() override { ZSTD_freeDStream(stream_); }
  ZstdSource(const ZstdSource&) = delete;
  ZstdSource& operator=(const ZstdSource&) = delete;
  std::string_view compression() const override { return "zstd"; }

 private:
  std::size_t fill(std::uint8_t* to, std::size_t room) override {
    ZSTD_outBuffer output{to, room, 0};
    while (output.pos == 0 && !problem_) {
      // What libzstd still holds of an unfinished frame comes out without further input, so input is fetched only when
      // it gave nothing.
      if (input_.pos == input_.size && !flushing_ && !more_input()) {
        if (in_frame_) problem_ = "the zstd stream ends early";
        break;
      }
      const std::size_t result = ZSTD_decompressStream(stream_, &output, &input_);
      if (ZSTD_isError(result) != 0) {
        problem_ = reason(result);
        break;
      }
      in_frame_ = result != 0;
      flushing_ = in_frame_ && output.pos == output.size;
    }
    return output.pos;
  }

  bool more_input() {
    input_ = {storage_.data(), raw_->read(storage_.data(), storage_.size()), 0};
    return input_.size != 0;
  }

  static std::string reason(std::size_t result) {
    switch (ZSTD_getErrorCode(result)) {
      case ZSTD_error_memory_allocation:
        throw std::bad_alloc();
      case ZSTD_error_frameParameter_windowTooLarge:
        return "the zstd stream needs a window of more than 128 MiB";
      case ZSTD_error_prefix_unknown:
        return "something that is not zstd follows the zstd stream";
      case ZSTD_error_dictionary_wrong:
        return "the zstd stream needs a dictionary";
      default:
        return "the zstd stream is damaged";
    }
  }

  std::vector<std::uint8_t> storage_;
  ZSTD_DStream* stream_;
  ZSTD_inBuffer input_{nullptr, 0, 0};
  bool in_frame_ = false;
  bool flushing_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> open_gzip(std::unique_ptr<RawFile> raw) {
  return std::make_unique<GzipSource>(std::move(raw));
}
std::unique_ptr<ByteSource> open_zstd(std::unique_ptr<RawFile> raw) {
  return std::make_unique<ZstdSource>(std::move(raw));
}

}  // namespace airtight::audit
