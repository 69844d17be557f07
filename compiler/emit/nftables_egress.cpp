// The egress table: what leaves by an uplink, whoever made the frame. Every test reads the octets that will be on the
// wire (@ll, from the MAC header on), never the kernel's idea of them: a raw sender chooses the protocol that the
// kernel notes for its frame, and with it what `ip daddr` and `meta protocol` read (measured: IPv4 to the outside,
// noted as ARP, passed `meta protocol arp accept`). For the same reason IPv4 passes without options only, and IPv6 with
// one extension header at most, none of them routing.
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "compiler/emit/nftables_parts.h"
#include "compiler/emit/target.h"

namespace airtight::nftables {
namespace {

constexpr unsigned kEthernet = 14;  // octets of an untagged MAC header
constexpr unsigned kTag = 4;
constexpr std::uint16_t kTypeIpv4 = 0x0800;
constexpr std::uint16_t kTypeArp = 0x0806;
constexpr std::uint16_t kTypeVlan = 0x8100;
constexpr std::uint16_t kTypeIpv6 = 0x86dd;
constexpr unsigned kStandardMtu = 1500;
// Hop-by-hop, routing, fragment, AH, destination options, mobility, HIP, shim6 (RFC 7045 §4).
constexpr std::string_view kExtensionHeaders = "{ 0, 43, 44, 51, 60, 135, 139, 140 }";
constexpr std::string_view kTolerated = "{ 44, 51, 60 }";  // fragment, AH, destination options

std::string hex(u128 value, unsigned octets) {
  std::string text(std::size_t{2} * octets, '0');
  for (std::size_t i = text.size(); i > 0; --i) {
    text[i - 1] = "0123456789abcdef"[static_cast<unsigned>(value & 15U)];
    value >>= 4;
  }
  return "0x" + text;
}

unsigned octets(Family family) { return family == Family::V4 ? 4 : 16; }

std::string hex(const IpRange& range) {
  const unsigned size = octets(range.first.family());
  const std::string first = hex(range.first.bits(), size);
  return range.first == range.last ? first : first + "-" + hex(range.last.bits(), size);
}

std::string hex(const Prefix& prefix) { return hex(IpRange{prefix.first(), prefix.last()}); }

// Reads of one frame: untagged, or behind one 802.1Q tag.
class Frame {
 public:
  explicit Frame(bool tagged) : tagged_(tagged) {}

  // `size` octets at `at` octets behind the (tagged) MAC header.
  std::string read(unsigned at, unsigned size) const {
    const unsigned from = kEthernet + (tagged_ ? kTag : 0) + at;
    return "@ll," + std::to_string(from * 8) + "," + std::to_string(size * 8) + " ";
  }
  std::string type(std::uint16_t value) const {
    const std::string inner = "@ll," + std::to_string((kEthernet - 2 + (tagged_ ? kTag : 0)) * 8) + ",16 ";
    const std::string tag =
        tagged_ ? "@ll," + std::to_string((kEthernet - 2) * 8) + ",16 " + hex(kTypeVlan, 2) + " " : "";
    return tag + inner + hex(value, 2) + " ";
  }
  std::string ipv4() const { return type(kTypeIpv4) + read(0, 1) + "0x45 "; }
  std::string ipv6() const { return type(kTypeIpv6); }
  std::string destination(Family family) const { return family == Family::V4 ? read(16, 4) : read(24, 16); }
  std::string ipv6_without_extensions() const {
    return ipv6() + read(6, 1) + "!= " + std::string(kExtensionHeaders) + " ";
  }
  std::string ipv6_with_one_extension() const {
    return ipv6() + read(6, 1) + std::string(kTolerated) + " " + read(40, 1) + "!= " + std::string(kExtensionHeaders) +
           " ";
  }

 private:
  bool tagged_;
};

class EgressWriter {
 public:
  explicit EgressWriter(const Policy& policy) : policy_(policy) {}

  EgressText run() {
    EgressText text;
    uplink_block();
    text.uplink_block = std::move(block_);
    text.uplink_counting = "add chain netdev " + std::string(kEgressTable) + " uplink_%NAME% { policy accept; }\n";
    text.mac_header = kEthernet + (vlan() ? kTag : 0);
    text.table = table();
    for (const std::string& device : literal_uplinks(policy_))
      text.literal_uplinks += filled(text.uplink_block, device, text.mac_header);
    return text;
  }

 private:
  static std::string filled(std::string_view block, const std::string& device, unsigned mac_header) {
    const std::array<std::pair<std::string_view, std::string>, 3> fields{
        {{"%DEVICE%", device},
         {"%NAME%", filter_name(device)},
         {"%LONGEST%", std::to_string(kStandardMtu + mac_header)}}};
    std::string text;
    while (!block.empty()) {
      const auto field =
          std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return block.starts_with(f.first); });
      if (field != fields.end()) {
        text += field->second;
        block.remove_prefix(field->first.size());
      } else {
        text += block[0];
        block.remove_prefix(1);
      }
    }
    return text;
  }

  const EtherType* vlan() const {
    for (const EtherType& type : policy_.cluster.l2)
      if (type.value == kTypeVlan) return &type;
    return nullptr;
  }

  // A rule that lets a frame out. `why` is one line.
  void pass(const std::string& match, const std::string& why, const std::string& counter = "") {
    block_ += "    " + match + (counter.empty() ? "" : "counter name \"" + counter + "\" ") + "goto pass_%NAME%" +
              rule_comment({why}) + "\n";
  }

  void uplink_block() {
    const std::string table = "table netdev " + std::string(kEgressTable);
    block_ += table +
              " {\n"
              "  counter accepted_%NAME% { }\n"
              "  counter oversize_%NAME% { }\n"
              "  counter dropped_%NAME% { }\n\n"
              "  # What leaves is counted; buffers that will be cut into several frames are counted apart too.\n"
              "  chain pass_%NAME% {\n"
              "    meta length > %LONGEST% counter name \"oversize_%NAME%\"\n"
              "    counter name \"accepted_%NAME%\" accept\n"
              "  }\n\n"
              "  chain uplink_%NAME% {\n"
              "    type filter hook egress device \"%DEVICE%\" priority filter; policy drop;\n";
    frames(Frame(false));
    canaries();
    if (vlan()) frames(Frame(true));
    block_ += "    counter name \"dropped_%NAME%\"\n    goto refused\n  }\n}\n";
  }

  void frames(const Frame& frame) {
    pass(frame.type(kTypeArp), "ARP");
    for (const EtherType& type : policy_.cluster.l2) {
      if (type.value == kTypeVlan || type.value == kTypeArp) continue;
      pass(frame.type(type.value), "l2: " + type.name + " is declared");
    }
    if (!policy_.inside.v4().empty()) {
      pass(frame.ipv4() + frame.destination(Family::V4) + "@inside_v4 ", "IPv4 to inside, without options");
    }
    if (!policy_.inside.v6().empty()) {
      pass(frame.ipv6_without_extensions() + frame.destination(Family::V6) + "@inside_v6 ", "IPv6 to inside");
      pass(frame.ipv6_with_one_extension() + frame.destination(Family::V6) + "@inside_v6 ",
           "IPv6 to inside: fragments, AH, destination options");
    }
    messages(frame);
    exceptions(frame);
  }

  void messages(const Frame& frame) {
    // Next header 58 with hop limit 255, then type and code (RFC 4861 §4).
    const std::string neighbour =
        frame.ipv6() + frame.read(6, 2) + "0x3aff " + frame.read(40, 2) + "{ 0x8500, 0x8700, 0x8800 } ";
    pass(neighbour + frame.destination(Family::V6) + "@neighbours ", "neighbour discovery on the link");
    // A hop-by-hop header of eight octets before ICMPv6, hop limit 1 (RFC 2710 §3, RFC 3810 §5).
    pass(frame.ipv6() + frame.read(6, 2) + "0x0001 " + frame.read(40, 2) + "0x3a00 " + frame.read(48, 1) +
             "{ 130, 131, 132, 143 } " + frame.read(24, 2) + "0xff02 ",
         "multicast listener discovery on the link");
    if (policy_.cluster.dhcp_v4) {
      pass(frame.ipv4() + frame.read(6, 2) + "& 0x3fff 0 " + frame.read(9, 1) + "17 " + frame.destination(Family::V4) +
               "0xffffffff " + frame.read(20, 4) + "0x00440043 ",
           "dhcp: v4 is declared");
    }
    if (policy_.cluster.dhcp_v6) {
      pass(frame.ipv6() + frame.read(6, 1) + "17 " + frame.destination(Family::V6) +
               hex(*Prefix::parse("ff02::1:2/128")) + " " + frame.read(40, 4) + "0x02220223 ",
           "dhcp: v6 is declared");
    }
    for (const Multicast& multicast : policy_.multicast) {
      const Family family = multicast.group.family();
      const std::string group = frame.destination(family) + hex(multicast.group.bits(), octets(family)) + " ";
      const std::string number = std::to_string(multicast.number) + " ";
      const std::string why = multicast.protocol + ": " + multicast.why + " (" + to_string(multicast.origin) + ")";
      if (family == Family::V6) {
        pass(frame.ipv6() + frame.read(6, 1) + number + group, why);
        continue;
      }
      pass(frame.ipv4() + frame.read(9, 1) + number + group, why);
      // The one option that such protocols send: router alert (RFC 2113), as IGMP does.
      pass(frame.type(kTypeIpv4) + frame.read(0, 1) + "0x46 " + frame.read(9, 1) + number + group + frame.read(20, 4) +
               "0x94040000 ",
           why);
    }
  }

  // By address alone: a fragment that is not the first carries no port.
  void exceptions(const Frame& frame) {
    for (std::size_t i = 0; i < policy_.exceptions.size(); ++i) {
      const Exception& exception = policy_.exceptions[i];
      const Family family = exception.to.family();
      const std::string to = frame.destination(family) + hex(exception.to) + " ";
      const std::string counter = exception_counter(i);
      const std::string why = exception_note(exception);
      if (family == Family::V4) {
        pass(frame.ipv4() + to, why, counter);
      } else {
        pass(frame.ipv6_without_extensions() + to, why, counter);
        pass(frame.ipv6_with_one_extension() + to, why, counter);
      }
    }
  }

  void canaries() {
    using Canary = SensorCanary;
    const Frame frame(false);
    const std::string mark = "meta mark " + hex(Canary::kMark, 4) + " @ll,0,48 " + hex(Canary::kMac, 6) + " ";
    const std::string rate = "limit rate " + std::to_string(Canary::kPerMinute) + "/minute burst " +
                             std::to_string(Canary::kPerMinute) + " packets ";
    const auto frame_length = [](unsigned length) { return "meta length " + std::to_string(length) + " "; };
    const auto udp = [&](unsigned at) {
      return frame.read(at + 2, 2) + std::to_string(Canary::kPort) + " " + frame.read(at + 4, 2) +
             std::to_string(Canary::kUdpLength) + " ";
    };
    pass(mark + frame_length(Canary::kIpv4Frame) + frame.ipv4() + frame.read(2, 2) +
             std::to_string(Canary::kIpv4Frame - kEthernet) + " " + frame.read(6, 2) + "0x4000 " + frame.read(8, 2) +
             hex(Canary::kHopLimit * 256U + 17U, 2) + " " + frame.destination(Family::V4) +
             hex(Ip::parse(Canary::kIpv4)->bits(), 4) + " " + udp(20) + rate,
         "the sensor canary, IPv4", "canary");
    pass(mark + frame_length(Canary::kIpv6Frame) + frame.ipv6() + frame.read(4, 2) +
             std::to_string(Canary::kUdpLength) + " " + frame.read(6, 2) + hex(17U * 256U + Canary::kHopLimit, 2) +
             " " + frame.destination(Family::V6) + hex(Ip::parse(Canary::kIpv6)->bits(), 16) + " " + udp(40) + rate,
         "the sensor canary, IPv6", "canary");
  }

  static std::string set_text(std::string_view name, const IpSet& addresses, unsigned at,
                              const std::vector<std::string>& notes) {
    std::string text = "\n";
    for (const std::string& note : notes) text += "  # " + comment_text(note) + "\n";
    const std::vector<IpRange> ranges = addresses.ranges();
    text += "  set " + std::string(name) + " {\n    typeof " + Frame(false).read(at, octets(ranges[0].first.family()));
    text.back() = '\n';
    text += "    flags interval\n    elements = {\n";
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      text += "      " + hex(ranges[i]) + (i + 1 < ranges.size() ? "," : "") + "  # " + to_string(ranges[i]) + "\n";
    }
    return text + "    }\n  }\n";
  }

  TableText table() const {
    const std::string name = "table netdev " + std::string(kEgressTable);
    const std::string all = "limit rate 5/second burst 10 packets log prefix ";
    const std::string refusals =
        "@ll,96,16 { 0x0800, 0x86dd } counter name \"refused_ip\"\n"
        "@ll,96,16 0x0800 @ll,112,8 != 0x45 counter name \"refused_ip_options\"\n"
        "@ll,96,16 0x86dd @ll,160,8 " +
        std::string(kExtensionHeaders) +
        " counter name \"refused_extension_headers\"\n"
        "@ll,96,16 != { 0x0800, 0x86dd } counter name \"refused_frames\"\n" +
        all;
    std::string text =
        "# One transaction: the table is made if it is not there, deleted, and made anew. Nothing else is touched.\n" +
        name + "\ndelete " + name + "\n" + name + " {\n";
    for (std::size_t i = 0; i < policy_.exceptions.size(); ++i) text += "  counter " + exception_counter(i) + " { }\n";
    text +=
        "  counter canary { }\n"
        "  counter refused_ip { }\n"
        "  counter refused_ip_options { }\n"
        "  counter refused_extension_headers { }\n"
        "  counter refused_frames { }\n";
    const IpSet v4 = policy_.inside.only_v4();
    const IpSet v6 = policy_.inside.only_v6();
    if (!v4.empty()) text += set_text("inside_v4", v4, 16, inside_notes(policy_, Family::V4));
    if (!v6.empty()) text += set_text("inside_v6", v6, 24, inside_notes(policy_, Family::V6));
    IpSet neighbours;
    for (const std::string_view group : {"ff02::1/128", "ff02::2/128", "ff02::1:ff00:0/104", "fe80::/10"})
      neighbours |= IpSet::of(*Prefix::parse(group));
    text += set_text("neighbours", neighbours, 24,
                     {"all nodes, all routers, solicited nodes, link-local neighbours; inside ones pass anyway"});
    text += "\n  # Why it does not leave. A frame may be counted by more than one.\n  chain refused {\n" +
            lines(refusals + "\"airtight egress: \"\ndrop\n", "    ") + "  }\n}\n";
    const std::string chain = " netdev " + std::string(kEgressTable) + " refused";
    return {std::move(text), "flush chain" + chain + "\n" +
                                 lines(refusals + "\"audit: airtight egress: \"\n", "add rule" + chain + " ")};
  }

  static std::string lines(const std::string& text, const std::string& before) {
    std::string result;
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
      result += before + text.substr(begin, end - begin) + "\n";
      begin = end + 1;
    }
    return result;
  }

  const Policy& policy_;
  std::string block_;
};

}  // namespace

EgressText egress_table(const Policy& policy) { return EgressWriter(policy).run(); }

}  // namespace airtight::nftables
