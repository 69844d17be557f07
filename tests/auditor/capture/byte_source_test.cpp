#include "auditor/capture/byte_source.h"

#include <fcntl.h>
#include <openssl/sha.h>
#include <zlib.h>
#include <zstd.h>

#include <catch2/catch.hpp>
#include <thread>

#include "auditor/capture/raw_file.h"
#include "tests/auditor/capture/capture_bytes.h"

namespace airtight::audit::test {
namespace {

std::string gzip(const std::string& text) {
  TempFile file;
  gzFile out = gzopen(file.path().c_str(), "wb6");
  gzwrite(out, text.data(), static_cast<unsigned>(text.size()));
  gzclose(out);
  std::ifstream in(file.path(), std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

std::string skippable(const std::string& content) {
  const Writer w(false);
  return w.u32(0x184d2a53) + w.u32(content.size()) + content;
}

// Bytes that neither compressor can make small and that differ everywhere.
std::string noise(std::size_t size) {
  std::string text;
  std::uint32_t state = 1;
  while (text.size() < size) {
    state = state * 1664525 + 1013904223;
    text += static_cast<char>(state >> 24);
  }
  return text;
}

std::string hex_sha256(const std::string& bytes) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
  std::string text;
  for (const unsigned char byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

struct Unpacked {
  std::string bytes;
  std::string problem;
  std::string compression;
};

// Everything, by peeks of the given size.
Unpacked unpack(const std::string& path, std::size_t wanted) {
  const auto source = ByteSource::open(path);
  Unpacked result;
  for (;;) {
    const auto view = source->peek(wanted);
    if (view.empty()) break;
    if (view.size() < wanted) CHECK(source->peek(wanted).size() == view.size());
    const std::size_t count = std::min(view.size(), wanted);
    result.bytes.append(reinterpret_cast<const char*>(view.data()), count);
    source->consume(count);
  }
  result.problem = source->problem().value_or("");
  result.compression = source->compression();
  std::ifstream in(path, std::ios::binary);
  const std::string raw{std::istreambuf_iterator<char>(in), {}};
  CHECK(source->finish() == hex_sha256(raw));
  CHECK(source->raw_read() == raw.size());
  CHECK(source->raw_size() == raw.size());
  CHECK(source->peek(1).empty());
  return result;
}

Unpacked unpack_bytes(const std::string& raw, std::size_t wanted = 1'000) {
  return unpack(TempFile(raw).path(), wanted);
}

TEST_CASE("byte source: plain, gzip and zstd give the same bytes") {
  for (const std::size_t size :
       std::vector<std::size_t>{0, 1, 3, 4, 5, 4'096, (1u << 20) - 1, 1u << 20, (1u << 20) + 1, 5'000'003}) {
    const std::string text = noise(size);
    for (const std::size_t wanted : std::vector<std::size_t>{1'000, 65'537, 3'000'000}) {
      INFO(size << " bytes, " << wanted << " at a time");
      const auto plain = unpack_bytes(text, wanted);
      CHECK(plain.bytes == text);
      CHECK(plain.problem.empty());
      CHECK(plain.compression.empty());
      const auto zipped = unpack_bytes(gzip(text), wanted);
      CHECK(zipped.bytes == text);
      CHECK(zipped.problem.empty());
      CHECK(zipped.compression == "gzip");
      const auto packed = unpack_bytes(zstd(text), wanted);
      CHECK(packed.bytes == text);
      CHECK(packed.problem.empty());
      CHECK(packed.compression == "zstd");
    }
  }
}

TEST_CASE("byte source: several members, frames, padding and skippable frames") {
  const std::string one = noise(700'000), two = "second";
  const auto good = [](const std::string& raw) {
    const auto unpacked = unpack_bytes(raw);
    CHECK(unpacked.problem.empty());
    return unpacked.bytes;
  };
  CHECK(good(gzip(one) + gzip("") + gzip(two)) == one + two);
  CHECK(good(gzip(one) + gzip(two) + std::string(1'000'000, '\0')) == one + two);
  CHECK(good(gzip(one) + std::string(3, '\0') + gzip(two)) == one + two);
  CHECK(good(zstd(one) + zstd("") + zstd(two)) == one + two);
  CHECK(good(skippable("who made it") + zstd(one) + skippable(std::string(600'000, 's')) + zstd(two) + skippable("")) ==
        one + two);
  CHECK(good(skippable("nothing else")).empty());
  // The last bytes of a frame do not fit into the buffer when its input is used up.
  const std::string zeros(1u << 20, '\0');
  const auto full = unpack_bytes(zstd("abc") + zstd(zeros), 1u << 20);
  CHECK(full.problem.empty());
  CHECK(full.bytes == "abc" + zeros);
}

TEST_CASE("byte source: damaged and cut streams") {
  const std::string text = noise(3'000);
  const auto problem = [](const std::string& raw) { return unpack_bytes(raw).problem; };
  for (const bool is_gzip : {true, false}) {
    const std::string packed = is_gzip ? gzip(text) : zstd(text);
    const std::string early = is_gzip ? "the gzip stream ends early" : "the zstd stream ends early";
    for (std::size_t length = 4; length < packed.size(); ++length) {
      INFO(length);
      const auto unpacked = unpack_bytes(packed.substr(0, length));
      CHECK(unpacked.problem == early);
      CHECK(text.compare(0, unpacked.bytes.size(), unpacked.bytes) == 0);
    }
    CHECK(problem(packed + packed.substr(0, 10)) == early);
  }
  std::string broken = gzip(text);
  broken[broken.size() - 6] ^= 1;  // the check value
  CHECK(problem(broken) == "the gzip stream is damaged");
  CHECK(problem(std::string("\x1f\x8b\x07", 3) + std::string(20, '\0')) ==
        "the gzip stream is damaged");  // no such method
  CHECK(problem(gzip(text) + "garbage") == "something that is not gzip follows the gzip stream");
  CHECK(problem(gzip(text) + "\x1fgarbage") == "the gzip stream is damaged");
  CHECK(problem(zstd(text) + "garbage") == "something that is not zstd follows the zstd stream");
  CHECK(problem(std::string("\x28\xb5\x2f\xfd\x24\x04\x7d\x00\x00gar", 12)) == "the zstd stream is damaged");
  CHECK(problem(std::string("\x28\xb5\x2f\xfd\x00\xff", 6) + std::string(20, 'x')) ==  // a window of 2^41 bytes
        "the zstd stream needs a window of more than 128 MiB");
}

TEST_CASE("byte source: a bomb is unpacked as it is read") {
  const std::string block(16u << 20, '\0');
  std::string bomb;
  const std::string member = gzip(block);
  for (int i = 0; i < 32; ++i) bomb += member;
  TempFile file(bomb);
  const auto source = ByteSource::open(file.path());
  std::size_t total = 0, widest = 0;
  for (auto view = source->peek(1); !view.empty(); view = source->peek(1)) {
    widest = std::max(widest, view.size());
    total += view.size();
    source->consume(view.size());
  }
  CHECK(total == 512u << 20);
  CHECK(widest <= 1u << 20);
  CHECK_FALSE(source->problem());
}

TEST_CASE("byte source: a view may be as wide as the bound") {
  const std::string text = noise(5'000'000);
  const auto source = ByteSource::open(TempFile(text).path());
  CHECK(source->peek(10).size() >= 10);
  CHECK(source->peek(4'000'000).size() >= 4'000'000);
  source->consume(3'999'999);
  const auto rest = source->peek(ByteSource::kMaxView);
  CHECK(std::string(rest.begin(), rest.end()) == text.substr(3'999'999));
}

TEST_CASE("byte source: standard input, a pipe that gives little at a time") {
  const std::string text = noise(300'000);
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const int saved = ::dup(STDIN_FILENO);
  ::dup2(ends[0], STDIN_FILENO);
  ::close(ends[0]);
  std::thread writer([&] {
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t sent = ::write(ends[1], text.data() + at, std::min<std::size_t>(777, text.size() - at));
      if (sent <= 0) break;
      at += static_cast<std::size_t>(sent);
    }
    ::close(ends[1]);
  });
  {
    const auto source = ByteSource::open("-");
    CHECK_FALSE(source->raw_size());
    const auto view = source->peek(200'000);
    CHECK(view.size() >= 200'000);
    CHECK(std::string(view.begin(), view.begin() + 200'000) == text.substr(0, 200'000));
    source->consume(200'000);
    CHECK(source->finish() == hex_sha256(text));  // reads the rest
    CHECK(source->raw_read() == text.size());
  }
  writer.join();
  ::dup2(saved, STDIN_FILENO);
  ::close(saved);
}

TEST_CASE("byte source: a file redirected to standard input, of which some was read before") {
  TempFile file("0123456789");
  const int saved = ::dup(STDIN_FILENO);
  const int fd = ::open(file.path().c_str(), O_RDONLY | O_CLOEXEC);
  ::dup2(fd, STDIN_FILENO);
  ::close(fd);
  REQUIRE(::lseek(STDIN_FILENO, 4, SEEK_SET) == 4);
  const auto source = ByteSource::open("-");
  CHECK(source->raw_size() == 6u);
  const auto view = source->peek(100);
  CHECK(std::string(view.begin(), view.end()) == "456789");
  CHECK(source->finish() == hex_sha256("456789"));
  ::dup2(saved, STDIN_FILENO);
  ::close(saved);
}

TEST_CASE("byte source: the beginning that was looked at is given again, in pieces too") {
  TempFile file("0123456789");
  RawFile raw(file.path());
  CHECK(raw.beginning().size() == 4);
  std::string read;
  std::uint8_t piece[3];
  for (std::size_t got = raw.read(piece, 3); got != 0; got = raw.read(piece, 3)) read.append(piece, piece + got);
  CHECK(read == "0123456789");
  CHECK(raw.finish() == hex_sha256("0123456789"));
}

TEST_CASE("byte source: a file that shrinks while it is read ends early") {
  TempFile file(noise(5'000'000));
  const auto source = ByteSource::open(file.path());
  CHECK(source->peek(10).size() >= 10);
  REQUIRE(::truncate(file.path().c_str(), 100) == 0);
  CHECK(source->peek(4'000'000).size() < 4'000'000);
}

}  // namespace
}  // namespace airtight::audit::test
