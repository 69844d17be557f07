#include "auditor/capture/pcapng_writer.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/auditor/capture/capture_bytes.h"

namespace airtight::audit::test {
namespace {

namespace fs = std::filesystem;

// A directory of its own, so that what is left beside a file can be counted.
class TempDirectory {
 public:
  TempDirectory() {
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~TempDirectory() { fs::remove_all(path_); }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  std::string path_ = "/tmp/airtight-writer-XXXXXX";
};

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// `bytes` must outlive the frame.
Frame frame_of(std::string_view bytes, std::int64_t time, Direction direction = Direction::Unknown) {
  Frame frame;
  frame.bytes = {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
  frame.original = static_cast<std::uint32_t>(bytes.size() + 7);
  frame.time = time;
  frame.direction = direction;
  return frame;
}

TEST_CASE("pcapng writer: byte for byte") {
  const TempDirectory directory;
  const std::string path = directory / "out.pcapng";
  PcapngWriter writer(path, "airtight 1");
  CaptureInterface eth0;
  eth0.name = "eth0";
  eth0.snap_length = 96;
  const std::string data = "abcde";
  Frame frame = frame_of(data, 1'500'000'000'000'000'001, Direction::Transmitted);
  CHECK_FALSE(writer.write(0, eth0, frame, "AT-A1: it left"));
  frame.direction = Direction::Unknown;
  frame.time = kNoTime;
  CHECK_FALSE(writer.write(0, eth0, frame, ""));
  CHECK_FALSE(fs::exists(path));
  CHECK_FALSE(writer.finish());
  CHECK(directory.files() == 1);
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  const Writer w(false);
  CHECK(content(path) == w.section(w.option(4, "airtight 1") + w.end()) +
                             w.interface(1, 96, w.option(2, "eth0") + w.option(9, "\x09") + w.end()) +
                             w.packet(0, 1'500'000'000'000'000'001, data, 12,
                                      w.option(1, "AT-A1: it left") + w.option(2, w.u32(2)) + w.end()) +
                             w.packet(0, 0, data, 12, w.end()));
}

TEST_CASE("pcapng writer: a pcap written as pcapng gives the same frames") {
  const Writer w(true);
  std::string pcap = w.header(0xa1b23c4d, 113, 96);
  for (std::uint32_t i = 0; i < 300; ++i)
    pcap += w.record(1'000'000'000 + i, i, std::string(i % 97, static_cast<char>(i)), i % 97 + i);
  const Reading before = read_bytes(pcap);
  REQUIRE(before.packets.size() == 300);
  const TempDirectory directory;
  const std::string path = directory / "out.pcapng";
  {
    std::string error;
    const auto file = CaptureFile::open(std::make_unique<MemorySource>(pcap), error);
    PcapngWriter writer(path, "airtight");
    for (Frame frame; file->next(frame);)
      REQUIRE_FALSE(writer.write(0, file->interfaces()[0], frame, "packet " + std::to_string(frame.number)));
    REQUIRE_FALSE(writer.finish());
  }
  const Reading after = read_path(path);
  CHECK(after.packets == before.packets);
  CHECK(after.problems == Problems{});
  CHECK(after.file->interfaces()[0].snap_length == 96);
}

TEST_CASE("pcapng writer: an interface block for each interface that is used") {
  const TempDirectory directory;
  const std::string path = directory / "out.pcapng";
  PcapngWriter writer(path, "airtight");
  const auto write = [&](std::size_t file, std::uint32_t interface, LinkType link, const std::string& name) {
    CaptureInterface described;
    described.name = name;
    Frame frame = frame_of("x", 5, Direction::Received);
    frame.interface = interface;
    frame.link = link;
    REQUIRE_FALSE(writer.write(file, described, frame, ""));
  };
  write(0, 3, LinkType::Ethernet, "eth0");
  write(1, 3, LinkType::LinuxSll, "eth0");
  write(0, 3, LinkType::Ethernet, "eth0");
  write(1, 0, LinkType::Raw, "");
  REQUIRE_FALSE(writer.finish());
  const Reading read = read_path(path);
  REQUIRE(read.packets.size() == 4);
  CHECK(read.packets[0] == Seen{"x", 8, LinkType::Ethernet, Direction::Received, 0, 5});
  CHECK(read.packets[1].interface == 1);
  CHECK(read.packets[1].link == LinkType::LinuxSll);
  CHECK(read.packets[2].interface == 0);
  CHECK(read.packets[3].interface == 2);
  CHECK(read.file->interfaces().size() == 3);
  CHECK(read.file->interfaces()[1].name == "eth0");
}

TEST_CASE("pcapng writer: a comment that is too long is cut between characters") {
  const TempDirectory directory;
  const std::string path = directory / "out.pcapng";
  std::string comment = "x";
  while (comment.size() < 70'000) comment += "\xe2\x82\xac";  // the Euro sign
  PcapngWriter writer(path, "airtight");
  REQUIRE_FALSE(writer.write(0, {}, frame_of("abcd", 1), comment));
  REQUIRE_FALSE(writer.finish());
  const std::string file = content(path);
  CHECK(file.find(comment.substr(0, 65'533) + std::string(3, '\0')) !=
        std::string::npos);  // 1 + 3 × 21,844 octets and padding
  CHECK(read_path(path).problems == Problems{});
}

TEST_CASE("pcapng writer: no half file bears the name") {
  const TempDirectory directory;
  const std::string path = directory / "out.pcapng";
  { PcapngWriter writer(path, "airtight"); }
  CHECK(directory.files() == 0);
  std::ofstream(path) << "before";
  {
    PcapngWriter writer(path, "airtight");
    CHECK_FALSE(writer.write(0, {}, frame_of("x", 1), ""));
  }
  CHECK(content(path) == "before");
  PcapngWriter writer(path, "airtight");
  CHECK_FALSE(writer.finish());
  CHECK(content(path).size() == 44);
  CHECK(writer.finish() == std::errc::bad_file_descriptor);
  CHECK(writer.write(0, {}, frame_of("x", 1), "") == std::errc::bad_file_descriptor);
  CHECK(directory.files() == 1);
}

TEST_CASE("pcapng writer: where no file can be put") {
  const TempDirectory directory;
  CHECK_THROWS_WITH(PcapngWriter("/dev/null", "airtight"), "/dev/null: Invalid argument");
  CHECK_THROWS_WITH(PcapngWriter("/tmp", "airtight"), "/tmp: Is a directory");
  const std::string nowhere = directory / "no/such/directory";
  CHECK_THROWS_WITH(PcapngWriter(nowhere, "airtight"), nowhere + ": No such file or directory");
  const std::string path = directory / "gone";
  PcapngWriter writer(path, "airtight");
  fs::create_directory(path);  // meanwhile
  CHECK(writer.finish() == std::errc::is_a_directory);
  CHECK(directory.files() == 1);
}

}  // namespace
}  // namespace airtight::audit::test
