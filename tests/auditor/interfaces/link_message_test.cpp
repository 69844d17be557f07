// What the kernel says of links and addresses, and bytes that it would not say.
#include "auditor/interfaces/link_message.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>

#include <catch2/catch.hpp>

#include "tests/auditor/interfaces/netlink_builder.h"

namespace airtight::audit {
namespace {

ifinfomsg link_header(int index, unsigned flags, unsigned char family = AF_UNSPEC) {
  ifinfomsg header{};
  header.ifi_family = family;
  header.ifi_index = index;
  header.ifi_type = ARPHRD_ETHER;
  header.ifi_flags = flags;
  return header;
}

NetlinkBuilder plain_link(int index = 7) {
  return NetlinkBuilder(link_header(index, IFF_UP | IFF_RUNNING))
      .text(IFLA_IFNAME, "eth0")
      .value(IFLA_MTU, std::uint32_t{1500});
}

TEST_CASE("link message: every member of a link") {
  auto builder = plain_link();
  builder.bytes(IFLA_ADDRESS, "\x02\x01\x02\x03\x04\x05")
      .value(IFLA_LINK, std::uint32_t{3})
      .value(IFLA_LINK_NETNSID, std::int32_t{0})
      .value(IFLA_MASTER, std::uint32_t{9})
      .value(IFLA_NUM_VF, std::uint32_t{4})
      .nested(IFLA_LINKINFO, NetlinkBuilder().text(IFLA_INFO_KIND, "veth").bytes(IFLA_INFO_DATA, "abcd"));
  LinkMessage message;
  REQUIRE(parse_link(builder.body(), message) == Parsed::Whole);
  const Link& link = message.link;
  CHECK(link.index == 7);
  CHECK(link.name == "eth0");
  CHECK(link.kind == "veth");
  CHECK((link.up && link.running && !link.loopback));
  CHECK(link.arp_type == ARPHRD_ETHER);
  CHECK(link.mtu == 1500);
  CHECK(link.mac == std::array<std::uint8_t, 6>{2, 1, 2, 3, 4, 5});
  CHECK((link.parent == 3 && link.parent_elsewhere && link.master == 9));
  CHECK((link.virtual_functions == 4 && message.counts_virtual_functions));
  CHECK((link.xdp_program == 0 && message.xdp.empty()));
}

TEST_CASE("link message: XDP programs in one mode, in several, and one that is not named") {
  struct Case {
    NetlinkBuilder nested;
    std::vector<XdpAttachment> expected;
  };
  const Case cases[] = {
      {NetlinkBuilder().value(IFLA_XDP_ATTACHED, std::uint8_t{XDP_ATTACHED_NONE}), {}},
      {NetlinkBuilder()
           .value(IFLA_XDP_ATTACHED, std::uint8_t{XDP_ATTACHED_SKB})
           .value(IFLA_XDP_PROG_ID, std::uint32_t{12})
           .value(IFLA_XDP_SKB_PROG_ID, std::uint32_t{12}),
       {{XDP_ATTACHED_SKB, 12}}},
      {NetlinkBuilder()
           .value(IFLA_XDP_ATTACHED, std::uint8_t{XDP_ATTACHED_MULTI})
           .value(IFLA_XDP_DRV_PROG_ID, std::uint32_t{5})
           .value(IFLA_XDP_HW_PROG_ID, std::uint32_t{6}),
       {{XDP_ATTACHED_DRV, 5}, {XDP_ATTACHED_HW, 6}}},
      {NetlinkBuilder()
           .value(IFLA_XDP_ATTACHED, std::uint8_t{XDP_ATTACHED_DRV})
           .value(IFLA_XDP_PROG_ID, std::uint32_t{8}),
       {{XDP_ATTACHED_DRV, 8}}},
      {NetlinkBuilder().value(IFLA_XDP_ATTACHED, std::uint8_t{XDP_ATTACHED_MULTI}),
       {{XDP_ATTACHED_MULTI, kUnknownProgram}}},
  };
  for (const Case& c : cases) {
    auto builder = plain_link();
    builder.nested(IFLA_XDP, c.nested);
    LinkMessage message;
    REQUIRE(parse_link(builder.body(), message) == Parsed::Whole);
    CHECK(message.xdp == c.expected);
    CHECK(message.link.xdp_program == (c.expected.empty() ? 0 : c.expected[0].id));
  }
}

TEST_CASE("link message: what is not about a link of its own is passed over") {
  LinkMessage message;
  CHECK(parse_link(NetlinkBuilder(link_header(7, 0, AF_BRIDGE))
                       .text(IFLA_IFNAME, "eth0")
                       .value(IFLA_MTU, std::uint32_t{1500})
                       .body(),
                   message) == Parsed::Foreign);
  CHECK(parse_link(NetlinkBuilder(link_header(7, 0)).text(IFLA_IFNAME, "wlan0").bytes(IFLA_WIRELESS, "x").body(),
                   message) == Parsed::Foreign);
  AddressMessage address;
  CHECK(parse_address(NetlinkBuilder(ifaddrmsg{12, 8, 0, 0, 3}).body(), address) == Parsed::Foreign);
}

TEST_CASE("link message: what the kernel would not say is refused") {
  using std::string_view_literals::operator""sv;
  const std::pair<const char*, NetlinkBuilder> cases[] = {
      {"no header", NetlinkBuilder(std::uint32_t{0})},
      {"index 0", plain_link(0)},
      {"negative index", plain_link(-1)},
      {"no name", NetlinkBuilder(link_header(7, 0)).value(IFLA_MTU, std::uint32_t{1500})},
      {"no MTU", NetlinkBuilder(link_header(7, 0)).text(IFLA_IFNAME, "eth0")},
      {"name without end", plain_link().bytes(IFLA_IFNAME, "eth0")},
      {"empty name", plain_link().text(IFLA_IFNAME, "")},
      {"long name", plain_link().text(IFLA_IFNAME, "0123456789abcdef")},
      {"name that is a path", plain_link().text(IFLA_IFNAME, "../eth0")},
      {"name that is a folder", plain_link().text(IFLA_IFNAME, "..")},
      {"name with a space", plain_link().text(IFLA_IFNAME, "eth 0")},
      {"short MTU", plain_link().value(IFLA_MTU, std::uint16_t{1})},
      {"long MTU", plain_link().value(IFLA_MTU, std::uint64_t{1})},
      {"short master", plain_link().value(IFLA_MASTER, std::uint8_t{1})},
      {"short number of functions", plain_link().value(IFLA_NUM_VF, std::uint16_t{1})},
      {"kind without end", plain_link().nested(IFLA_LINKINFO, NetlinkBuilder().bytes(IFLA_INFO_KIND, "veth"))},
      {"nested attribute longer than its parent", plain_link().bytes(IFLA_LINKINFO, "\x20\x00\x01\x00veth"sv)},
      {"nested attribute shorter than its head", plain_link().bytes(IFLA_LINKINFO, "\x03\x00\x01\x00"sv)},
      {"nested rest", plain_link().bytes(IFLA_LINKINFO, "\x05\x00\x09\x00z\0\0\0zz"sv)},
      {"short program", plain_link().nested(IFLA_XDP, NetlinkBuilder().value(IFLA_XDP_PROG_ID, std::uint16_t{1}))},
      {"short XDP mode", plain_link().nested(IFLA_XDP, NetlinkBuilder().bytes(IFLA_XDP_ATTACHED, ""))},
  };
  for (const auto& [what, builder] : cases) {
    INFO(what);
    LinkMessage message;
    CHECK(parse_link(builder.body(), message) == Parsed::Malformed);
  }
  // Cut anywhere, a whole message is refused or, between two attributes, lacks what must be there or is only shorter.
  const auto whole = plain_link().body();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    LinkMessage message;
    CHECK(parse_link(netlink::Bytes(whole).first(size), message) == Parsed::Malformed);
  }
}

TEST_CASE("address message: own address and the other end's, both families, and what is refused") {
  const auto v4 = [](std::uint32_t bits) { return htonl(bits); };
  AddressMessage message;
  REQUIRE(parse_address(NetlinkBuilder(ifaddrmsg{AF_INET, 24, 0, 0, 5})
                            .value(IFA_ADDRESS, v4(0xc0000202))
                            .value(IFA_LOCAL, v4(0xc0000201))
                            .body(),
                        message) == Parsed::Whole);
  CHECK(message.index == 5);
  CHECK(to_string(message.address.ip) == "192.0.2.1");
  CHECK(to_string(message.address.peer) == "192.0.2.2");
  CHECK(message.address.length == 24);
  const std::string six("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
  REQUIRE(parse_address(NetlinkBuilder(ifaddrmsg{AF_INET6, 64, 0, 0, 5}).bytes(IFA_ADDRESS, six).body(), message) ==
          Parsed::Whole);
  CHECK(to_string(message.address.ip) == "2001:db8::1");
  CHECK(message.address.length == 128);

  for (const NetlinkBuilder& bad :
       {NetlinkBuilder(std::uint32_t{AF_INET}), NetlinkBuilder(ifaddrmsg{AF_INET, 24, 0, 0, 5}),
        NetlinkBuilder(ifaddrmsg{AF_INET, 33, 0, 0, 5}).value(IFA_LOCAL, v4(1)),
        NetlinkBuilder(ifaddrmsg{AF_INET, 24, 0, 0, 0}).value(IFA_LOCAL, v4(1)),
        NetlinkBuilder(ifaddrmsg{AF_INET, 24, 0, 0, 5}).bytes(IFA_LOCAL, six),
        NetlinkBuilder(ifaddrmsg{AF_INET6, 64, 0, 0, 5}).value(IFA_ADDRESS, v4(1))})
    CHECK(parse_address(bad.body(), message) == Parsed::Malformed);
}

TEST_CASE("netlink: messages that are longer than what holds them end the reading") {
  auto builder = plain_link();
  const netlink::Bytes whole = builder.message(RTM_NEWLINK);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    netlink::Bytes rest = whole.first(size);
    netlink::Message message;
    CHECK(netlink::next_message(rest, message) == (size == whole.size()));
    CHECK(rest.empty() == (size == 0 || size == whole.size()));
  }
}

}  // namespace
}  // namespace airtight::audit
