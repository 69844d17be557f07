// What the tests of the ring share: rings and libpcap on a device, frames of all kinds, a device of the test's own.
#pragma once

#include <fcntl.h>
#include <linux/if_tun.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <chrono>
#include <cstring>

#include "auditor/capture/packet_ring.h"
#include "auditor/decode/packet.h"
#include "tests/auditor/capture/capture_bytes.h"
#include "tests/auditor/capture/veth_pair.h"
#include "tests/auditor/decode/packet_text.h"

namespace airtight::audit::test {

inline std::unique_ptr<PacketRing> ring_on(const RingOptions& options) {
  std::unique_ptr<PacketRing> ring;
  const auto error = PacketRing::open(packet_socket(options.cooked ? SOCK_DGRAM : SOCK_RAW), options, ring);
  if (error) throw std::system_error(error, "PacketRing::open");
  return ring;
}
inline RingOptions options_for(unsigned index, bool cooked = false) {
  RingOptions options;
  options.index = index;
  options.cooked = cooked;
  options.bytes = 4u << 20;
  options.block_timeout = 5;
  return options;
}

// Until so many have come, or nothing comes any more.
inline std::vector<Seen> read_frames(PacketRing& ring, std::size_t expected) {
  std::vector<Seen> frames;
  while (frames.size() < expected) {
    pollfd ready{ring.fd(), POLLIN, 0};
    if (::poll(&ready, 1, 2'000) <= 0) break;
    ring.read([&](const Frame& frame) { frames.push_back(seen(frame)); });
  }
  return frames;
}

class Libpcap {
 public:
  explicit Libpcap(const char* device, int snap = 65'535) {
    char why[PCAP_ERRBUF_SIZE] = "";
    handle_ = ::pcap_create(device, why);
    if (handle_ == nullptr) throw std::runtime_error(why);
    ::pcap_set_snaplen(handle_, snap);
    ::pcap_set_timeout(handle_, 5);
    ::pcap_set_tstamp_precision(handle_, PCAP_TSTAMP_PRECISION_NANO);
    ::pcap_set_buffer_size(handle_, 8 << 20);
    if (::pcap_activate(handle_) < 0) throw std::runtime_error(::pcap_geterr(handle_));
    if (std::string_view(device) == "any") ::pcap_set_datalink(handle_, DLT_LINUX_SLL2);
    ::pcap_setnonblock(handle_, 1, why);
    link_ = static_cast<LinkType>(::pcap_datalink(handle_) == DLT_LINUX_SLL2 ? 276 : ::pcap_datalink(handle_));
  }
  ~Libpcap() { ::pcap_close(handle_); }
  std::vector<Seen> read(std::size_t expected) {
    std::vector<Seen> frames;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (frames.size() < expected && std::chrono::steady_clock::now() < end) {
      pcap_pkthdr* header = nullptr;
      const u_char* data = nullptr;
      if (::pcap_next_ex(handle_, &header, &data) != 1) {
        pollfd ready{::pcap_get_selectable_fd(handle_), POLLIN, 0};
        ::poll(&ready, 1, 20);
        continue;
      }
      Seen frame;
      frame.bytes.assign(reinterpret_cast<const char*>(data), header->caplen);
      frame.original = header->len;
      frame.link = link_;
      frame.time = std::int64_t{header->ts.tv_sec} * 1'000'000'000 + header->ts.tv_usec;
      frames.push_back(std::move(frame));
    }
    return frames;
  }

 private:
  pcap_t* handle_ = nullptr;
  LinkType link_{};
};

// A device whose other end is this program.
struct Tun {
  Tun(const char* name, int hardware) : device(::open("/dev/net/tun", O_RDWR | O_CLOEXEC)) {
    must(device.get() >= 0, "/dev/net/tun");
    ifreq request{};
    std::strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    must(::ioctl(device.get(), TUNSETIFF, &request) == 0, "TUNSETIFF");
    if (hardware != 0) must(::ioctl(device.get(), TUNSETLINK, hardware) == 0, "TUNSETLINK");
    shell("ip link set " + std::string(name) + " up");
    index = ::if_nametoindex(name);
  }
  void receive(const std::string& packet) const {
    must(::write(device.get(), packet.data(), packet.size()) == static_cast<ssize_t>(packet.size()), "write");
  }
  Fd device;
  unsigned index = 0;
};

inline std::string tagged(const std::string& tags, const std::string& frame) {
  return frame.substr(0, 12) + hex(tags) + frame.substr(12);
}

inline const std::string kUdp4 = eth(0x0800, ip4(17, "192.0.2.1", "192.0.2.2", udp(1000, 2000, "hello over the wire")));
inline const std::string kUdp6 =
    eth(0x86dd, ip6(17, "2001:db8::1", "2001:db8::2", udp(1000, 2000, "hello over the wire")));
inline const std::string kArp = eth(0x0806, hex("0001 0800 06 04 0001 02000000000a c0000201 000000000000 c0000202"));

struct Named {
  const char* name;
  std::string bytes;
};
inline std::vector<Named> frames_of_all_kinds() {
  return {
      {"IPv4", kUdp4},
      {"IPv6", kUdp6},
      {"ARP", kArp},
      {"tagged", tagged("8100 2064", kUdp4)},
      {"tagged, priority alone", tagged("8100 e000", kUdp4)},
      {"tagged by a provider", tagged("88a8 0007", kUdp6)},
      {"tagged twice", tagged("88a8 0007 8100 0064", kUdp4)},
      {"tagged three times", tagged("8100 0001 8100 0002 8100 0003", kUdp4)},
      {"tagged, of an old kind", tagged("9100 0007", kUdp4)},
      {"tagged and nearly nothing behind", tagged("8100 0005", kUdp4.substr(0, 16))},
      {"headers alone", kUdp4.substr(0, 14)},
      {"15 bytes", kUdp4.substr(0, 15)},
      {"jumbo", eth(0x0800, ip4(17, "192.0.2.1", "192.0.2.2", udp(1000, 2000, std::string(8'900, 'j'))))},
      {"of a length", eth(3, "\x42\x42\x03")},
      {"LLDP", eth(0x88cc, std::string(40, 'l'))},
      {"broadcast", std::string(6, '\xff') + kUdp4.substr(6)},
      {"multicast", hex("01005e000012") + kUdp4.substr(6)},
  };
}

inline std::string decoded(const Seen& from) {
  Frame frame;
  frame.bytes = Bytes(reinterpret_cast<const std::uint8_t*>(from.bytes.data()), from.bytes.size());
  frame.original = from.original;
  frame.link = from.link;
  Packet packet;
  decode(frame, {}, packet);
  std::string text = std::string(to_string(packet.outcome)) + ", " + std::to_string(packet.vlan_tags) + " tags";
  if (packet.vlan_tags != 0)
    text += ", VLAN " + std::to_string(packet.first_vlan) + ", kind " + std::to_string(packet.other_tag);
  if (packet.level_count != 0) text += ", to " + to_string(packet.outer().destination);
  return text;
}

}  // namespace airtight::audit::test
