// The ring by itself: capabilities, filters, overflow, what goes wrong.
#include <linux/capability.h>
#include <sys/syscall.h>

#include <algorithm>

#include "tests/auditor/allocation_counter.h"
#include "tests/auditor/capture/ring_bench.h"

namespace airtight::audit::test {
namespace {

void drop_all_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2]{};
  must(::syscall(SYS_capset, &header, none) == 0, "capset");
}

TEST_CASE("packet ring: no capability is needed once the socket is there") {
  in_namespace("ring without capabilities", [] {
    const VethPair pair;
    Sender sender(pair.left);
    Fd raw = packet_socket(), cooked = packet_socket(SOCK_DGRAM), counting = packet_socket();
    drop_all_capabilities();
    REQUIRE(::socket(AF_PACKET, SOCK_RAW, 0) == -1);
    std::unique_ptr<PacketRing> ring, any;
    std::unique_ptr<CountingSocket> counter;
    RingOptions options = options_for(pair.right);
    options.filter = transmitted_filter();
    CHECK(PacketRing::open(std::move(raw), options, ring) == std::error_code());
    CHECK(PacketRing::open(std::move(cooked), options_for(0, true), any) == std::error_code());
    CHECK(CountingSocket::open(std::move(counting), pair.right, {}, counter) == std::error_code());
    REQUIRE((ring && any && counter));
    CHECK(ring->set_filter({}) == std::error_code());
    sender.send(kUdp4);
    CHECK(read_frames(*ring, 1).size() == 1);
    CHECK(read_frames(*any, 2).size() == 2);
    CHECK(counter->count() == 1);
  });
}

TEST_CASE("packet ring: a filter can be replaced while frames come, and its result is cut to the snap length") {
  in_namespace("ring with filters", [] {
    const VethPair pair;
    RingOptions options = options_for(pair.left);
    options.snap_length = 60;
    options.filter = {{0x06, 0, 0, 0}};  // takes nothing
    const auto ring = ring_on(options);
    Sender out(pair.left), in(pair.right);
    out.send(kUdp4);
    CHECK(ring->set_filter(transmitted_filter()) == std::error_code());
    in.send(kUdp6);
    out.send(kArp + std::string(200, 'x'));
    CHECK(ring->set_filter({}) == std::error_code());
    in.send(kUdp6);
    const auto frames = read_frames(*ring, 2);
    REQUIRE(frames.size() == 2);
    CHECK(frames[0].bytes == (kArp + std::string(200, 'x')).substr(0, 60));
    CHECK(frames[0].original == kArp.size() + 200);
    CHECK(frames[0].direction == Direction::Transmitted);
    CHECK(frames[1].bytes == kUdp6.substr(0, 60));
    CHECK(frames[1].direction == Direction::Received);
    CHECK(ring->counts().packets == 2);
    CHECK(ring->set_filter(FilterProgram(4097, {0x06, 0, 0, 1})) == std::errc::argument_list_too_long);
    CHECK(ring->set_filter({{0x05, 0, 0, 9}}) == std::errc::invalid_argument);
  });
}

TEST_CASE("packet ring: what there was no room for is counted, and nothing else is missing") {
  in_namespace("ring that overflows", [] {
    const VethPair pair;
    RingOptions options = options_for(pair.right);
    options.bytes = 64u << 10;
    const auto ring = ring_on(options);
    Sender sender(pair.left);
    for (unsigned round = 1; round <= 4; ++round) {
      sender.burst(kUdp4 + std::string(400, 'x'), 3'000);
      std::size_t before = ring->counts().read;
      for (;;) {
        pollfd ready{ring->fd(), POLLIN, 0};
        if (::poll(&ready, 1, 200) <= 0) break;
        ring->read([](const Frame&) {});
      }
      const RingCounts counts = ring->counts();
      CHECK(counts.packets == 3'000 * round);
      CHECK(counts.dropped > 0);
      CHECK(counts.freezes > 0);
      CHECK(counts.read > before);
      CHECK(counts.packets == counts.read + counts.dropped);
    }
  });
}

TEST_CASE("packet ring: a sink that throws loses no frame, and the ring goes on") {
  in_namespace("ring with a sink that throws", [] {
    const VethPair pair;
    RingOptions options = options_for(pair.right);
    options.bytes = 64u << 10;
    const auto ring = ring_on(options);
    Sender sender(pair.left);
    constexpr unsigned kRounds = 40, kFrames = 30;  // more than the ring holds at once
    std::vector<unsigned> order;
    for (unsigned round = 0; round < kRounds; ++round) {
      for (unsigned i = 0; i < kFrames; ++i) sender.send(kUdp4 + u32(round * kFrames + i));
      while (order.size() < (round + 1) * kFrames) {
        pollfd ready{ring->fd(), POLLIN, 0};
        if (::poll(&ready, 1, 2'000) <= 0) break;
        try {
          ring->read([&](const Frame& frame) {
            order.push_back(static_cast<unsigned>(frame.bytes.back() | frame.bytes[frame.bytes.size() - 2] << 8));
            if (order.size() % 7 == 0) throw std::runtime_error("a sink's own trouble");
          });
        } catch (const std::runtime_error&) {
        }
      }
    }
    REQUIRE(order.size() == kRounds * kFrames);
    CHECK(std::is_sorted(order.begin(), order.end()));
    CHECK(order.back() == kRounds * kFrames - 1);
    const RingCounts counts = ring->counts();
    CHECK(counts.packets == order.size());
    CHECK(counts.read == order.size());
    CHECK(counts.dropped == 0);
  });
}

TEST_CASE("packet ring: reading allocates nothing a frame") {
  in_namespace("ring without allocation", [] {
    const VethPair pair;
    const auto ring = ring_on(options_for(pair.right));
    Sender sender(pair.left);
    sender.burst(tagged("8100 0064", kUdp4), 2'000);
    std::uint64_t bytes = 0, last = 0;
    const std::function<void(const Frame&)> sink = [&](const Frame& frame) {
      bytes += frame.bytes.size();
      last = frame.number;
    };
    const std::size_t before = allocations();
    while (last < 2'000) {
      pollfd ready{ring->fd(), POLLIN, 0};
      if (::poll(&ready, 1, 2'000) <= 0) break;
      ring->read(sink, 1);
    }
    CHECK(allocations() == before);
    CHECK(last == 2'000);
    CHECK(bytes == 2'000 * (kUdp4.size() + 4));
  });
}

TEST_CASE("packet ring: an interface that goes down, or away, is an error that is told once") {
  in_namespace("ring on an interface that goes", [] {
    const VethPair pair;
    const auto ring = ring_on(options_for(pair.right));
    CHECK(ring->error() == std::error_code());
    shell("ip link set right down");
    CHECK(ring->error() == std::errc::network_down);
    CHECK(ring->error() == std::error_code());
    shell("ip link set right up");
    // The other end hears of its carrier a little later; what is sent before goes nowhere.
    std::size_t came = 0;
    for (int attempt = 0; came == 0 && attempt < 10; ++attempt) {
      Sender(pair.left).send(kUdp4);
      came = read_frames(*ring, 1).size();
    }
    CHECK(came >= 1);
    shell("ip link del left");
    const auto gone = ring->error();
    CHECK((gone == std::errc::network_down || gone == std::errc::no_such_device_or_address));
    std::unique_ptr<PacketRing> none;
    CHECK(PacketRing::open(packet_socket(), options_for(pair.right), none) == std::errc::no_such_device);
    CHECK(none == nullptr);
  });
}

TEST_CASE("packet ring: loopback shows both directions, and other devices are of their own link type") {
  in_namespace("ring on other devices", [] {
    shell("ip link set lo up");
    const auto loop = ring_on(options_for(::if_nametoindex("lo")));
    const std::string loop_frame = std::string(12, '\0') + kUdp4.substr(12);
    Sender(::if_nametoindex("lo")).send(loop_frame);
    const auto frames = read_frames(*loop, 2);
    REQUIRE(frames.size() == 2);
    CHECK(frames[0].link == LinkType::Ethernet);
    CHECK(frames[0].bytes == loop_frame);
    CHECK(frames[0].direction == Direction::Transmitted);
    CHECK(frames[1].bytes == loop_frame);
    CHECK(frames[1].direction == Direction::Received);

    struct Device {
      const char* name;
      int hardware;
      const char* decoded;
    };
    constexpr const char* kIp = "ip, 0 tags, to 192.0.2.2";
    constexpr const char* kNot = "unsupported, 0 tags";
    for (const Device& device : {Device{"tun1", 0xfffe, kIp}, Device{"tun2", 519, kIp}, Device{"tun3", 776, kIp},
                                 Device{"tun4", 512, kNot}, Device{"tun5", 778, kNot}, Device{"tun6", 32, kNot}}) {
      INFO(device.name);
      const Tun tun(device.name, device.hardware);
      const auto ring = ring_on(options_for(tun.index));
      tun.receive(kUdp4.substr(14));
      const auto raw = read_frames(*ring, 1);
      REQUIRE(raw.size() == 1);
      CHECK(decoded(raw[0]) == device.decoded);
      CHECK(raw[0].bytes == kUdp4.substr(14));
    }
  });
}

TEST_CASE("packet ring: the capture of all interfaces leaves those that are opened already") {
  in_namespace("ring of other interfaces", [] {
    const VethPair pair;
    RingOptions options = options_for(0, true);
    std::vector<std::uint32_t> known{pair.left};
    for (std::uint32_t i = 1'000; known.size() < 500; i += 3) known.push_back(i);
    options.filter = other_interfaces_filter(known);
    REQUIRE(options.filter.size() > 500);
    const auto ring = ring_on(options);
    Sender sender(pair.left);
    for (unsigned i = 0; i < 3; ++i) sender.send(kUdp4);
    const auto frames = read_frames(*ring, 3);
    REQUIRE(frames.size() == 3);
    for (const Seen& frame : frames) CHECK(frame.interface == pair.right);
    CHECK(ring->counts().packets == 3);
    known.push_back(5'000);
    CHECK(other_interfaces_filter(known).empty());
  });
}

TEST_CASE("packet ring: odd sizes make rings that work") {
  in_namespace("rings of odd sizes", [] {
    const VethPair pair;
    for (const std::uint32_t bytes : {0u, 1u, 65'536u, 100'000u, 1'000'000u, 3u << 20, 64u << 20}) {
      INFO(bytes);
      RingOptions options = options_for(pair.right);
      options.bytes = bytes;
      const auto ring = ring_on(options);
      Sender(pair.left).send(kUdp4);
      CHECK(read_frames(*ring, 1).size() == 1);
    }
  });
}

}  // namespace
}  // namespace airtight::audit::test
