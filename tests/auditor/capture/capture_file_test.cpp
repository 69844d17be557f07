#include <sys/stat.h>
#include <zlib.h>

#include <catch2/catch.hpp>

#include "tests/auditor/capture/capture_bytes.h"

namespace airtight::audit::test {
namespace {

const std::string kRead = "; pcap and pcapng are read, plain or compressed with gzip or zstd";

std::string error_of(const std::string& bytes) {
  const auto read = read_bytes(bytes);
  CHECK_FALSE(read.file);
  return read.error;
}

TEST_CASE("capture: what is no capture is named") {
  using namespace std::string_literals;
  struct Row {
    std::string bytes;
    std::string error;
  };
  const Row rows[] = {
      {"", "empty"},
      {"\xd4", "1 byte, too few for a capture"},
      {"\xd4\xc3\xb2", "3 bytes, too few for a capture"},
      {"abc", "text"},
      {"allow all\n\tof the “things”\r\n", "text"},
      {"\x7f"
       "ELF\2\1\1\0"s,
       "an ELF program"},
      {"snoop\0\0\0\0\0\0\2"s, "a Solaris snoop file"},
      {"\x1c\0\1\xac\0\2"s, "an IXIA pcap file (hardware time stamps)"},
      {"\xab\1\0\x1c\2\0"s, "an IXIA pcap file (software time stamps)"},
      {"\x0d\x0d\x0a\x1c\0\0\0"s, "a pcapng file that a transfer in text mode has damaged"},
      {"\xfd"
       "7zXZ\0\0"s,
       "an xz file"},
      {"\x1f\x8b\x08\0"s, "a gzip file within another compression"},
      {"file"s + std::string(253, '\0') + "ustar  "s, "a tar archive"},
      {"\1\2\3\xfe\5"s, "no capture: it begins with the bytes 01 02 03 fe"},
      {"\n\r\r\n\x1c\0\0\0abcd"s, "no capture: it begins like pcapng and has no byte-order magic"},
  };
  for (const Row& row : rows) CHECK(error_of(row.bytes) == row.error + kRead);
}

TEST_CASE("capture: compression is part of the name") {
  const auto write = [](const std::string& text) {
    TempFile file;
    gzFile out = gzopen(file.path().c_str(), "wb");
    gzwrite(out, text.data(), static_cast<unsigned>(text.size()));
    gzclose(out);
    auto read = read_path(file.path());
    return std::pair(read.error, read.file ? read.file->format() : "");
  };
  CHECK(write("just text") == std::pair("text, compressed with gzip" + kRead, std::string()));
  CHECK(write("") == std::pair("empty, compressed with gzip" + kRead, std::string()));
  const Writer w(true);
  CHECK(write(w.header(0xa1b23c4d)) == std::pair(std::string(), std::string("pcap, nanoseconds, big-endian, gzip")));
  CHECK(write(w.section() + w.section()) == std::pair(std::string(), std::string("pcapng, 2 sections, gzip")));
}

TEST_CASE("capture: a compressed stream that breaks off is a problem of its own") {
  const Writer w(false);
  std::string pcap = w.header(0xa1b2c3d4);
  std::vector<std::size_t> boundaries;  // behind each packet
  for (std::uint32_t i = 0; i < 200; ++i) {
    pcap += w.record(i * 2'654'435'761u, i, std::string(i % 50, static_cast<char>(i * 37)), 50);
    boundaries.push_back(pcap.size());
  }
  TempFile file;
  gzFile out = gzopen(file.path().c_str(), "wb");
  gzwrite(out, pcap.data(), static_cast<unsigned>(pcap.size()));
  gzclose(out);
  std::ifstream in(file.path(), std::ios::binary);
  const std::string packed{std::istreambuf_iterator<char>(in), {}};

  const auto read = [](const std::string& bytes) { return read_path(TempFile(bytes).path()); };
  CHECK(read(packed).problems == Problems{});
  CHECK(read(packed).packets.size() == 200);
  const auto half = read(packed.substr(0, packed.size() / 2));
  REQUIRE(half.file->problems().size() == 1);
  const CaptureProblem& problem = half.file->problems()[0];
  CHECK(problem.kind == CaptureProblem::Kind::Compression);
  const std::size_t whole = half.packets.size();
  CHECK((whole > 10 && whole < 190));
  CHECK(problem.after_packet == whole);
  const std::size_t into = problem.offset - boundaries[whole - 1];
  CHECK(problem.what ==
        "the gzip stream ends early" +
            (into == 0 ? " before" : ", " + std::to_string(into) + (into == 1 ? " byte into" : " bytes into")) +
            " packet " + std::to_string(whole + 1) + ", at offset " + std::to_string(problem.offset));
  // All packets are there, and the check value behind them is not.
  const std::string end = " before packet 201, at offset " + std::to_string(pcap.size());
  CHECK(read(packed.substr(0, packed.size() - 1)).problems ==
        Problems{"compression: the gzip stream ends early" + end});
  CHECK(read(packed + "more").problems ==
        Problems{"compression: something that is not gzip follows the gzip stream" + end});
  CHECK(read(packed.substr(0, 12)).error == "the gzip stream ends early, and what was unpacked is no capture");
}

TEST_CASE("capture: what cannot be opened is an error of the system") {
  std::string error;
  CHECK_THROWS_WITH(CaptureFile::open("/tmp", error), "/tmp: Is a directory");
  CHECK_THROWS_WITH(CaptureFile::open("/tmp/airtight-no-such-file", error),
                    "/tmp/airtight-no-such-file: No such file or directory");
  CHECK_THROWS_AS(CaptureFile::open("/tmp", error), std::system_error);
  TempFile locked("content");
  ::chmod(locked.path().c_str(), 0);
  if (::geteuid() != 0) CHECK_THROWS_AS(CaptureFile::open(locked.path(), error), std::system_error);
  CHECK(error.empty());
}

TEST_CASE("capture: the digest is of the whole file, however far it was read") {
  const Writer w(false);
  const std::string damaged =
      w.header(0xa1b2c3d4) + w.u32(1) + w.u32(0) + w.u32(0xffffffff) + w.u32(1) + std::string(3'000'000, 'z');
  TempFile file(damaged);
  auto read = read_path(file.path());
  CHECK(read.packets.empty());
  // printf of the same bytes into sha256sum
  CHECK(read.file->source().finish() == "11958b0d89f55392b428cc346f72bb1c96b6c1c36d464fb8ba69a2e61625d0ae");
  CHECK(read.file->source().raw_read() == damaged.size());
  Frame frame;
  CHECK_FALSE(read.file->next(frame));
}

}  // namespace
}  // namespace airtight::audit::test
