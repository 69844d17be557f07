#include "auditor/capture/pcapng_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>

namespace airtight::audit {
namespace {

constexpr std::uint16_t kEnd = 0;
constexpr std::uint16_t kComment = 1;
constexpr std::uint16_t kInterfaceName = 2;
constexpr std::uint16_t kFlags = 2;
constexpr std::uint16_t kApplication = 4;
constexpr std::uint16_t kResolution = 9;
constexpr std::size_t kMaxOption = std::numeric_limits<std::uint16_t>::max();
constexpr char kNanoseconds = 9;

std::error_code last_error() { return {errno == 0 ? EIO : errno, std::generic_category()}; }

// Little-endian throughout, on every machine: the same input gives the same file.
template <class Number>
void put(std::string& to, Number value) {
  for (std::size_t i = 0; i < sizeof value; ++i) to += static_cast<char>(value >> 8 * i & 0xff);
}

void pad(std::string& to) { to.append((4 - to.size() % 4) % 4, '\0'); }

// At most `most` bytes, and no UTF-8 sequence cut in two.
std::string_view cut(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

void put_option(std::string& to, std::uint16_t code, std::string_view value) {
  value = cut(value, kMaxOption);
  put(to, code);
  put(to, static_cast<std::uint16_t>(value.size()));
  to += value;
  pad(to);
}

void end_options(std::string& to) { put(to, std::uint32_t{kEnd}); }

// `body` is padded already.
std::error_code write_block(std::FILE* out, std::uint32_t type, std::string_view body) {
  std::string block;
  const auto total = static_cast<std::uint32_t>(body.size() + 12);
  put(block, type);
  put(block, total);
  block += body;
  put(block, total);
  errno = 0;
  return std::fwrite(block.data(), 1, block.size(), out) == block.size() ? std::error_code{} : last_error();
}

std::error_code write_interface(std::FILE* out, const CaptureInterface& described) {
  std::string body;
  put(body, static_cast<std::uint16_t>(described.link));
  put(body, std::uint16_t{0});
  put(body, described.snap_length);
  if (!described.name.empty()) put_option(body, kInterfaceName, described.name);
  put_option(body, kResolution, {&kNanoseconds, 1});
  end_options(body);
  return write_block(out, 1, body);
}

std::error_code write_section(std::FILE* out, std::string_view application) {
  std::string body;
  put(body, std::uint32_t{0x1a2b3c4d});
  put(body, std::uint16_t{1});
  put(body, std::uint16_t{0});
  put(body, std::numeric_limits<std::uint64_t>::max());  // length not given
  put_option(body, kApplication, application);
  end_options(body);
  return write_block(out, 0x0a0d0d0a, body);
}

}  // namespace

// The file is readable by its owner alone, as packets are private. What stands at `path` is replaced only if it is a
// file: renaming onto /dev/stdout would put a file in the place of the device.
PcapngWriter::PcapngWriter(std::string path, std::string_view application)
    : path_(std::move(path)), temporary_(path_ + ".XXXXXX") {
  struct stat status {};
  if (::stat(path_.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    throw std::system_error(S_ISDIR(status.st_mode) ? EISDIR : EINVAL, std::generic_category(), path_);
  }
  const int fd = ::mkostemp(temporary_.data(), O_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), path_);
  out_ = ::fdopen(fd, "wb");
  std::error_code error = out_ != nullptr ? write_section(out_, application) : last_error();
  if (!error) return;
  out_ != nullptr ? std::fclose(out_) : ::close(fd);
  ::unlink(temporary_.c_str());
  throw std::system_error(error, path_);
}

PcapngWriter::~PcapngWriter() {
  if (out_ == nullptr) return;
  std::fclose(out_);
  ::unlink(temporary_.c_str());
}

std::error_code PcapngWriter::write(std::size_t file, const CaptureInterface& described, const Frame& frame,
                                    std::string_view comment) {
  if (out_ == nullptr) return std::make_error_code(std::errc::bad_file_descriptor);
  const auto next = static_cast<std::uint32_t>(interfaces_.size());
  const auto [known, added] = interfaces_.try_emplace({file, frame.interface}, next);
  if (added) {
    CaptureInterface ours = described;
    ours.link = frame.link;
    if (const auto error = write_interface(out_, ours)) {
      interfaces_.erase(known);
      return error;
    }
  }
  // Neither "no time" nor a time before 1970 can be written.
  const auto time = static_cast<std::uint64_t>(std::max<std::int64_t>(frame.time, 0));
  std::string body;
  body.reserve(frame.bytes.size() + comment.size() + 64);
  put(body, known->second);
  put(body, static_cast<std::uint32_t>(time >> 32));
  put(body, static_cast<std::uint32_t>(time));
  put(body, static_cast<std::uint32_t>(frame.bytes.size()));
  put(body, frame.original);
  body.append(reinterpret_cast<const char*>(frame.bytes.data()), frame.bytes.size());
  pad(body);
  if (!comment.empty()) put_option(body, kComment, comment);
  if (frame.direction != Direction::Unknown) {
    std::string flags;
    put(flags, std::uint32_t{frame.direction == Direction::Received ? 1u : 2u});
    put_option(body, kFlags, flags);
  }
  end_options(body);
  return write_block(out_, 6, body);
}

std::error_code PcapngWriter::finish() {
  if (out_ == nullptr) return std::make_error_code(std::errc::bad_file_descriptor);
  errno = 0;
  std::error_code error;
  if (std::fflush(out_) != 0 || std::ferror(out_) != 0 || ::fsync(::fileno(out_)) != 0) error = last_error();
  if (std::fclose(std::exchange(out_, nullptr)) != 0 && !error) error = last_error();
  if (!error && ::rename(temporary_.c_str(), path_.c_str()) != 0) error = last_error();
  if (error) ::unlink(temporary_.c_str());
  return error;
}

}  // namespace airtight::audit
