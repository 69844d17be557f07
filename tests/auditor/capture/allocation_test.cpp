#include <catch2/catch.hpp>

#include "auditor/capture/merge.h"
#include "tests/auditor/allocation_counter.h"
#include "tests/auditor/capture/capture_bytes.h"

namespace airtight::audit::test {
namespace {

TEST_CASE("capture: reading and merging allocate nothing a packet") {
  const Writer w(false);
  std::string pcap = w.header(0xa1b2c3d4);
  std::string pcapng = w.section() + w.interface();
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    pcap += w.record(i, 0, std::string(i % 1'000, 'p'), 1'000);
    pcapng += w.packet(0, i * 1'000'000ull, std::string(i % 1'000, 'n'), 1'000,
                       w.option(1, "comment") + w.option(2, w.u32(1)) + w.end());
  }
  const TempFile one(pcap), two(pcapng);
  std::string error;
  std::vector<std::unique_ptr<CaptureFile>> files;
  files.push_back(CaptureFile::open(one.path(), error));
  files.push_back(CaptureFile::open(two.path(), error));
  Merge merge(std::move(files));
  Frame frame;
  std::size_t file = 0;
  std::size_t packets = 0;
  while (packets < 8'000 && merge.next(frame, file)) ++packets;  // past 2 MB of each: the buffers have their size
  const std::size_t before = allocations();
  while (packets < 39'990 && merge.next(frame, file)) ++packets;
  CHECK(allocations() == before);
  CHECK(packets == 39'990);
}

}  // namespace
}  // namespace airtight::audit::test
