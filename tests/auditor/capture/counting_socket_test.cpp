// What nobody reads is counted all the same, to the packet.
#include "auditor/capture/packet_ring.h"
#include "tests/auditor/capture/veth_pair.h"
#include "tests/auditor/decode/packet_text.h"

namespace airtight::audit::test {
namespace {

std::unique_ptr<CountingSocket> counter_on(unsigned index, const FilterProgram& filter) {
  std::unique_ptr<CountingSocket> counter;
  const auto error = CountingSocket::open(packet_socket(), index, filter, counter);
  if (error) throw std::system_error(error, "CountingSocket::open");
  return counter;
}

TEST_CASE("counting socket: bursts are counted exactly, far beyond what its buffer holds") {
  in_namespace("counting socket", [] {
    const VethPair pair;
    const auto all = counter_on(pair.left, {});
    const auto sent = counter_on(pair.left, transmitted_filter());
    const auto received = counter_on(pair.right, {});
    const auto sent_by_other = counter_on(pair.right, transmitted_filter());
    Sender sender(pair.left), other(pair.right);
    const std::string frame = eth(0x0800, ip4(17, "192.0.2.1", "192.0.2.2", udp(1, 2, "counted")));
    std::uint64_t total = 0;
    for (const unsigned burst : {1u, 3u, 255u, 1'000u, 20'000u, 7u}) {
      sender.burst(frame, burst);
      total += burst;
      INFO(total);
      CHECK(sent->count() == total);
      CHECK(all->count() == total);
      CHECK(sent_by_other->count() == 0);
    }
    CHECK(sent->count() == total);  // reading takes nothing away
    other.burst(frame + std::string(4'000, 'x'), 500);
    CHECK(sent->count() == total);
    CHECK(all->count() == total + 500);
    CHECK(sent_by_other->count() == 500);
    CHECK(received->count() == total + 500);
  });
}

TEST_CASE("counting socket: an interface that goes down is told") {
  in_namespace("counting socket on an interface that goes", [] {
    const VethPair pair;
    const auto counter = counter_on(pair.right, {});
    CHECK(counter->error() == std::error_code());
    shell("ip link set right down");
    CHECK(counter->error() == std::errc::network_down);
    std::unique_ptr<CountingSocket> none;
    CHECK(CountingSocket::open(packet_socket(), 9'999, {}, none) == std::errc::no_such_device);
  });
}

}  // namespace
}  // namespace airtight::audit::test
