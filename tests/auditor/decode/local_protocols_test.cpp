#include "auditor/decode/local_protocols.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace airtight::audit {

std::ostream& operator<<(std::ostream& out, LocalKind kind) { return out << to_string(kind); }

namespace {

using Octets = std::vector<std::uint8_t>;

Octets hex(std::string_view text) {
  Octets octets;
  int digits = 0;
  for (const char c : text) {
    if (c == ' ') continue;
    const int value = c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
    if (digits++ % 2 == 0)
      octets.push_back(static_cast<std::uint8_t>(value << 4));
    else
      octets.back() = static_cast<std::uint8_t>(octets.back() | value);
  }
  if (digits % 2 != 0) std::abort();  // some are constants, read before any test
  return octets;
}
Octets operator+(Octets left, const Octets& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}
Octets operator+(Octets left, std::string_view right) { return std::move(left) + hex(right); }
Octets with(Octets octets, std::size_t at, std::uint8_t value) {
  octets.at(at) = value;
  return octets;
}
Octets without_end(Octets octets, std::size_t count) {
  octets.resize(octets.size() - count);
  return octets;
}
Octets u16(std::size_t value) { return {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)}; }

Ip ip(std::string_view text) {
  const auto parsed = Ip::parse(text);
  INFO(text);
  REQUIRE(parsed);
  return *parsed;
}
Octets octets_of(Ip ip) {
  Octets octets;
  for (int shift = width(ip.family()) - 8; shift >= 0; shift -= 8)
    octets.push_back(static_cast<std::uint8_t>(ip.bits() >> shift));
  return octets;
}

const Octets kMacs = hex("333300000001 020000000001");

Octets ethernet(std::string_view type, const Octets& payload) { return kMacs + type + payload; }

struct Ends {
  std::string_view source, destination;
};

Octets ipv6(Ends ends, std::uint8_t next, std::uint8_t hop_limit, const Octets& payload) {
  const Octets fixed = hex("60000000") + u16(payload.size()) + Octets{next, hop_limit};
  return ethernet("86dd", fixed + octets_of(ip(ends.source)) + octets_of(ip(ends.destination)) + payload);
}
Octets icmpv6(Ends ends, const Octets& message, std::uint8_t hop_limit = 255) {
  return ipv6(ends, 58, hop_limit, message);
}

Octets ipv4(Ends ends, std::uint8_t protocol, std::uint8_t ttl, const Octets& payload, const Octets& options = {}) {
  const std::size_t header = 20 + options.size();
  const Octets fixed = Octets{static_cast<std::uint8_t>(0x40 | header / 4), 0} + u16(header + payload.size()) +
                       "0000 0000" + Octets{ttl, protocol} + "0000";
  return ethernet("0800", fixed + octets_of(ip(ends.source)) + octets_of(ip(ends.destination)) + options + payload);
}
Octets udp(std::uint16_t source, std::uint16_t destination, const Octets& payload) {
  return u16(source) + u16(destination) + u16(8 + payload.size()) + "0000" + payload;
}

// `cut`: bytes that the snap length took off the end.
LocalMessage read(Octets octets, std::size_t cut = 0) {
  Frame frame;
  frame.original = static_cast<std::uint32_t>(octets.size());
  octets.resize(octets.size() - cut);
  frame.bytes = octets;
  Packet packet;
  decode(frame, {}, packet);
  return read_local(frame, packet);
}

struct Row {
  std::string_view what;
  Octets frame;
  LocalKind kind = LocalKind::None;
};
void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    INFO(row.what);
    CHECK(read(row.frame).kind == row.kind);
  }
}

std::string list(const std::array<Ip, 8>& addresses, std::size_t count) {
  std::string text;
  for (std::size_t at = 0; at < std::min<std::size_t>(count, 8); ++at)
    text += (at == 0 ? "" : " ") + to_string(addresses[at]);
  return text;
}
std::string told(const Offer& offer) {
  return "resolvers [" + list(offer.resolvers, offer.resolver_count) + "] routers [" +
         list(offer.routers, offer.router_count) + "]" +
         (offer.clock_count == 0 ? "" : " clocks [" + list(offer.clocks, offer.clock_count) + "]") +
         (offer.default_route ? " default" : "") + (offer.read_to_end ? "" : " unread");
}

TEST_CASE("local: names of the kinds") {
  CHECK(to_string(LocalKind::None) == "none");
  CHECK(to_string(LocalKind::Arp) == "ARP");
  CHECK(to_string(LocalKind::Redirect) == "redirect");
  CHECK(to_string(LocalKind::Igmp) == "IGMP");
  CHECK(to_string(LocalKind::Dhcpv6Server) == "DHCPv6 server");
}

TEST_CASE("local: ARP") {
  const Octets request = hex("0001 0800 06 04 0001")  // Ethernet, IPv4, lengths, request
                         + "020000000001 0a0a0001"    // sender
                         + "000000000000 0a0a0002";   // target
  const Octets reply = with(request, 7, 2);
  const Octets padding(18);
  check({
      {"request", ethernet("0806", request), LocalKind::Arp},
      {"reply", ethernet("0806", reply), LocalKind::Arp},
      {"padded to 60 bytes", ethernet("0806", request + padding), LocalKind::Arp},
      {"tagged, padded before", ethernet("8100", hex("0005 0806") + request + padding), LocalKind::Arp},
      {"tagged, padded after", ethernet("8100", hex("0005 0806") + request + Octets(14)), LocalKind::Arp},
      {"gratuitous: its own address", ethernet("0806", with(request, 27, 1)), LocalKind::Arp},
      {"probe (RFC 5227): no sender address",
       ethernet("0806", hex("0001 0800 06 04 0001 020000000001 00000000 000000000000 0a0a0002")), LocalKind::Arp},
      {"padding that is not zero", ethernet("0806", request + with(padding, 17, 1))},
      {"padding to another length", ethernet("0806", request + Octets(5))},
      {"100 bytes", ethernet("0806", request + Octets(58))},
      {"a byte short", ethernet("0806", without_end(request, 1))},
      {"RARP", ethernet("8035", request)},
      {"operation 3", ethernet("0806", with(request, 7, 3))},
      {"hardware type 6", ethernet("0806", with(request, 1, 6))},
      {"protocol IPv6", ethernet("0806", with(with(request, 2, 0x86), 3, 0xdd))},
      {"hardware addresses of 8 bytes", ethernet("0806", with(request, 4, 8))},
      {"protocol addresses of 16 bytes", ethernet("0806", with(request, 5, 16))},
  });
  CHECK(read(ethernet("0806", request)).target == ip("10.10.0.2"));
  CHECK(read(ethernet("0806", request + padding), 1).kind == LocalKind::None);  // what was cut may be anything
}

const Ends kToAll = {"fe80::1", "ff02::1"};
constexpr std::string_view kSourceMac = "01 01 020000000001";  // option: source link-layer address

TEST_CASE("local: router solicitation") {
  const Octets bare = hex("85 00 0000 00000000");
  const Ends ends = {"fe80::1", "ff02::2"};
  check({
      {"without options", icmpv6(ends, bare), LocalKind::RouterSolicitation},
      {"with an address", icmpv6(ends, bare + kSourceMac), LocalKind::RouterSolicitation},
      {"from nobody yet", icmpv6({"::", "ff02::2"}, bare), LocalKind::RouterSolicitation},
      {"to one router", icmpv6({"fe80::1", "fe80::2"}, bare), LocalKind::RouterSolicitation},
      {"from nobody, with an address", icmpv6({"::", "ff02::2"}, bare + kSourceMac)},
      {"to a global address", icmpv6({"fe80::1", "2001:db8::2"}, bare)},
      {"to all nodes", icmpv6(kToAll, bare)},
      {"hop limit 254", icmpv6(ends, bare, 254)},
      {"code 1", icmpv6(ends, with(bare, 1, 1))},
      {"too short", icmpv6(ends, without_end(bare, 1))},
      {"trailing byte", icmpv6(ends, bare + "00")},
      {"trailing bytes of an option's size", icmpv6(ends, bare + "0000000000000000")},
      {"option that leads beyond the end", icmpv6(ends, bare + "01 02 020000000001")},
      {"option that nobody knows", icmpv6(ends, bare + "c8 01 736563726574")},
      {"option of another message", icmpv6(ends, bare + "02 01 020000000001")},
      {"long option", icmpv6(ends, bare + "01 04" + Octets(30))},
  });
  CHECK(read(icmpv6(ends, bare + kSourceMac), 1).kind == LocalKind::None);
}

TEST_CASE("local: neighbour solicitation and advertisement") {
  const Octets target = octets_of(ip("fd00::10:ab01"));
  const Octets ask = hex("87 00 0000 00000000") + target;
  const Octets answer = hex("88 00 0000 60000000") + target;
  const Ends group = {"fe80::1", "ff02::1:ff10:ab01"};
  const Ends peer = {"fe80::1", "fd00::10:ab01"};
  check({
      {"to the target's group", icmpv6(group, ask + kSourceMac), LocalKind::NeighborSolicitation},
      {"to the target itself", icmpv6(peer, ask + kSourceMac), LocalKind::NeighborSolicitation},
      {"duplicate address detection", icmpv6({"::", "ff02::1:ff10:ab01"}, ask), LocalKind::NeighborSolicitation},
      {"with a nonce (RFC 7527)", icmpv6({"::", "ff02::1:ff10:ab01"}, ask + "0e 01 010203040506"),
       LocalKind::NeighborSolicitation},
      {"from nobody to the target", icmpv6({"::", "fd00::10:ab01"}, ask)},
      {"from nobody, with an address", icmpv6({"::", "ff02::1:ff10:ab01"}, ask + kSourceMac)},
      {"to another's group", icmpv6({"fe80::1", "ff02::1:ff10:ab02"}, ask)},
      {"to all nodes", icmpv6(kToAll, ask)},
      {"to a third", icmpv6({"fe80::1", "fe80::2"}, ask)},
      {"for a group", icmpv6({"fe80::1", "ff02::1:ff00:1"}, hex("87 00 0000 00000000") + octets_of(ip("ff02::1")))},
      {"from a group", icmpv6({"ff02::1", "ff02::1:ff10:ab01"}, ask)},
      {"hop limit 254", icmpv6(group, ask, 254)},
      {"code 1", icmpv6(group, with(ask, 1, 1))},
      {"too short", icmpv6(group, without_end(ask, 1))},
      {"trailing byte", icmpv6(group, ask + "00")},
      {"option length 0", icmpv6(group, ask + "01 00 020000000001")},
      {"behind a hop-by-hop header", ipv6(group, 0, 255, hex("3a 00 01 04 00000000") + ask)},
      {"behind destination options", ipv6(group, 60, 255, hex("3a 00 01 04 00000000") + ask)},
      {"an atomic fragment", ipv6(group, 44, 255, hex("3a 00 0000 00000001") + ask)},
      {"solicited", icmpv6({"fe80::1", "fe80::2"}, answer + "02 01 020000000001"), LocalKind::NeighborAdvertisement},
      {"unsolicited", icmpv6(kToAll, answer), LocalKind::NeighborAdvertisement},
      {"to a routers' group", icmpv6({"fe80::1", "ff02::2"}, answer)},
      {"from nobody", icmpv6({"::", "ff02::1"}, answer)},
      {"with the other option", icmpv6(kToAll, answer + kSourceMac)},
      {"hop limit 1", icmpv6(kToAll, answer, 1)},
      {"too short", icmpv6(kToAll, without_end(answer, 16))},
  });
  CHECK(read(icmpv6(group, ask)).target == ip("fd00::10:ab01"));
  CHECK(read(icmpv6(kToAll, answer)).target == ip("fd00::10:ab01"));
  CHECK(read(icmpv6(group, ask) + Octets(6)).kind ==
        LocalKind::NeighborSolicitation);  // the link's padding is no part of it
}

const Octets kAdvertisement = hex("86 00 0000")        // router advertisement
                              + "40 00 0708"           // hop limit 64, flags, router lifetime 1800 s
                              + "00000000 00000000";   // reachable time, retransmission timer
const Octets kPrefix = hex("03 04 40 c0")              // prefix information, /64, on link and autonomous
                       + "00278d00 00093a80 00000000"  // lifetimes, reserved
                       + "20010db8000100000000000000000000";

TEST_CASE("local: R55, a pod advertises itself as an IPv6 router") {
  const LocalMessage message = read(icmpv6(kToAll, kAdvertisement + kPrefix));
  CHECK(message.kind == LocalKind::RouterAdvertisement);
  CHECK(told(message.offer) == "resolvers [] routers [fe80::1] default");
}

TEST_CASE("local: router advertisement") {
  const Octets no_router = with(with(kAdvertisement, 6, 0), 7, 0);
  check({
      {"to one host", icmpv6({"fe80::1", "2001:db8::5"}, kAdvertisement), LocalKind::RouterAdvertisement},
      {"unknown option", icmpv6(kToAll, kAdvertisement + "c8 01 000000000000"), LocalKind::RouterAdvertisement},
      {"MTU", icmpv6(kToAll, kAdvertisement + "05 01 0000 000005dc"), LocalKind::RouterAdvertisement},
      {"from a global address", icmpv6({"2001:db8::1", "ff02::1"}, kAdvertisement)},
      {"from nobody", icmpv6({"::", "ff02::1"}, kAdvertisement)},
      {"to all routers", icmpv6({"fe80::1", "ff02::2"}, kAdvertisement)},
      {"hop limit 254", icmpv6(kToAll, kAdvertisement + kPrefix, 254)},
      {"code 1", icmpv6(kToAll, with(kAdvertisement, 1, 1))},
      {"too short", icmpv6(kToAll, without_end(kAdvertisement, 1))},
      {"trailing byte", icmpv6(kToAll, kAdvertisement + kPrefix + "00")},
      {"option length 0", icmpv6(kToAll, kAdvertisement + "03 00 000000000000")},
      {"prefix information of 8 bytes", icmpv6(kToAll, kAdvertisement + "03 01 000000000000")},
  });
  struct Offered {
    std::string_view what;
    Octets message;
    std::string_view offer;
  };
  const std::string_view kTwo = "20010db8000000000000000000000053 20010db8000000000000000000000054";
  const Offered rows[] = {
      {"lifetime 0 is no router", no_router + kPrefix, "resolvers [] routers []"},
      {"route to everywhere", no_router + "18 01 00 00 00000708", "resolvers [] routers [fe80::1] default"},
      {"… withdrawn", no_router + "18 01 00 00 00000000", "resolvers [] routers []"},
      {"… twice", no_router + "18 01 00 00 00000708" + "18 01 00 00 00000708",
       "resolvers [] routers [fe80::1 fe80::1] default"},
      {"… in two halves", no_router + "18 02 01 00 00000708 0000000000000000" + "18 02 01 00 00000708 8000000000000000",
       "resolvers [] routers [fe80::1 fe80::1] default"},
      {"route to a half", no_router + "18 02 01 00 00000708 8000000000000000", "resolvers [] routers [fe80::1]"},
      {"route with 16 bytes", no_router + "18 03 80 00 00000708" + octets_of(ip("2001:db8::1")),
       "resolvers [] routers [fe80::1]"},
      {"route wider than its bytes", no_router + "18 02 41 00 00000708 0000000000000000",
       "resolvers [] routers [] unread"},
      {"route of 129 bits", no_router + "18 03 81 00 00000708" + Octets(16), "resolvers [] routers [] unread"},
      {"resolvers", no_router + "19 05 0000 000004b0" + kTwo, "resolvers [2001:db8::53 2001:db8::54] routers []"},
      {"resolvers, withdrawn", no_router + "19 05 0000 00000000" + kTwo, "resolvers [] routers []"},
      {"resolvers and a half", no_router + "19 04 0000 000004b0 20010db8000000000000000000000053 0000000000000000",
       "resolvers [2001:db8::53] routers [] unread"},
      {"no resolver", no_router + "19 01 0000 000004b0", "resolvers [] routers [] unread"},
      {"search list is no resolver", no_router + "1f 02 0000 000004b0 0161 00 0000000000", "resolvers [] routers []"},
  };
  for (const Offered& row : rows) {
    INFO(row.what);
    const LocalMessage message = read(icmpv6(kToAll, row.message));
    CHECK(message.kind == LocalKind::RouterAdvertisement);
    CHECK(told(message.offer) == row.offer);
  }
  Octets many = no_router + "19 13 0000 000004b0";  // nine resolvers
  for (int count = 0; count < 9; ++count) many = many + octets_of(ip("2001:db8::53"));
  CHECK(read(icmpv6(kToAll, many)).offer.resolver_count == 9);
}

TEST_CASE("local: a server's message that the snap length cut is still a server's") {
  const Octets frame = icmpv6(kToAll, kAdvertisement + kPrefix);
  constexpr std::size_t kMessage = 48;
  for (std::size_t cut = 1; cut <= kMessage; ++cut) {
    INFO(cut);
    const LocalMessage message = read(frame, cut);
    if (cut > kMessage - 2) {  // type and code
      CHECK(message.kind == LocalKind::None);
      continue;
    }
    CHECK(message.kind == LocalKind::RouterAdvertisement);
    const bool lifetime = cut <= kMessage - 8;
    CHECK(told(message.offer) ==
          (lifetime ? "resolvers [] routers [fe80::1] default unread" : "resolvers [] routers [] unread"));
  }
}

TEST_CASE("local: redirects") {
  const Octets body = octets_of(ip("fe80::bad")) + octets_of(ip("2001:db8::99"));
  const Octets redirect = hex("89 00 0000 00000000") + body;
  const Octets direct = hex("89 00 0000 00000000") + octets_of(ip("2001:db8::99")) + octets_of(ip("2001:db8::99"));
  const Ends ends = {"fe80::1", "2001:db8::5"};
  const Octets quoted = hex("04 06 000000000000") + Octets(40);  // redirected header
  check({
      {"with the packet", icmpv6(ends, redirect + "02 01 020000000001" + quoted), LocalKind::Redirect},
      {"to a neighbour", icmpv6(ends, direct), LocalKind::Redirect},
      {"from a global address", icmpv6({"2001:db8::1", "2001:db8::5"}, redirect)},
      {"to all nodes", icmpv6(kToAll, redirect)},
      {"to a router that is not local",
       icmpv6(ends, hex("89 00 0000 00000000") + octets_of(ip("2001:db8::1")) + octets_of(ip("2001:db8::99")))},
      {"of a group", icmpv6(ends, hex("89 00 0000 00000000") + octets_of(ip("fe80::bad")) + octets_of(ip("ff05::1")))},
      {"hop limit 254", icmpv6(ends, redirect, 254)},
      {"too short", icmpv6(ends, without_end(redirect, 1))},
      {"trailing byte", icmpv6(ends, redirect + "00")},
  });
  const LocalMessage message = read(icmpv6(ends, redirect));
  CHECK(message.kind == LocalKind::Redirect);
  CHECK(message.target == ip("fe80::bad"));
  CHECK(told(message.offer) == "resolvers [] routers [fe80::bad]");
  CHECK(told(read(icmpv6(ends, direct)).offer) == "resolvers [] routers []");

  const Ends v4 = {"10.0.0.1", "10.0.0.5"};
  const Octets old = hex("05 01 0000 0a00000b") + Octets(28);  // redirect for the host to 10.0.0.11, and the packet
  CHECK(read(ipv4(v4, 1, 64, old)).kind == LocalKind::Redirect);
  CHECK(read(ipv4(v4, 1, 64, old)).target == ip("10.0.0.11"));
  CHECK(told(read(ipv4(v4, 1, 64, old)).offer) == "resolvers [] routers [10.0.0.11]");
  CHECK(told(read(ipv4(v4, 1, 64, old), 32).offer) == "resolvers [] routers [] unread");
  check({{"code 4", ipv4(v4, 1, 64, with(old, 1, 4))},
         {"without the packet", ipv4(v4, 1, 64, without_end(old, 1))},
         {"echo", ipv4(v4, 1, 64, with(old, 0, 8))}});
}

TEST_CASE("local: MLD") {
  const Octets alert = hex("3a 00 05 02 0000 01 00");  // hop-by-hop: next ICMPv6, router alert for MLD, padding
  const std::string_view kGroup = "ff0200000000000000000000000000fb";
  const auto mld = [&](Ends ends, const Octets& message, std::uint8_t hop_limit = 1) {
    return ipv6(ends, 0, hop_limit, alert + message);
  };
  const Octets general = hex("82 00 0000 2710 0000") + Octets(16);
  const Octets specific = hex("82 00 0000 03e8 0000") + kGroup;
  const Octets query2 = general + "02 7d 0001" + octets_of(ip("2001:db8::1"));  // version 2, one source
  const Octets report1 = hex("83 00 0000 0000 0000") + kGroup;
  const Octets done = hex("84 00 0000 0000 0000") + kGroup;
  const Octets report2 = hex("8f 00 0000 0000 0002")                              // two records
                         + "04 00 0000" + kGroup                                  // to everybody, no source
                         + "01 00 0001" + kGroup + octets_of(ip("2001:db8::1"));  // one source
  const Ends group = {"fe80::1", "ff02::fb"}, reports = {"fe80::1", "ff02::16"}, routers = {"fe80::1", "ff02::2"};
  check({
      {"general query", mld(kToAll, general), LocalKind::Mld},
      {"query for a group", mld(group, specific), LocalKind::Mld},
      {"query of version 2", mld(kToAll, query2), LocalKind::Mld},
      {"report of version 1", mld(group, report1), LocalKind::Mld},
      {"report from nobody (RFC 3590)", mld({"::", "ff02::16"}, report2), LocalKind::Mld},
      {"done", mld(routers, done), LocalKind::Mld},
      {"report of version 2", mld(reports, report2), LocalKind::Mld},
      {"query from nobody", mld({"::", "ff02::1"}, general)},
      {"query for another group", mld({"fe80::1", "ff02::fc"}, specific)},
      {"general query to one host", mld({"fe80::1", "fe80::2"}, general)},
      {"query with too many sources", mld(kToAll, with(query2, 27, 2))},
      {"query with too few", mld(kToAll, query2 + Octets(16))},
      {"query between the versions", mld(kToAll, general + "0000")},
      {"report to another group", mld({"fe80::1", "ff02::fc"}, report1)},
      {"report for a host", mld({"fe80::1", "fe80::2"}, hex("83 00 0000 0000 0000") + octets_of(ip("fe80::2")))},
      {"report of version 1, trailing byte", mld(group, report1 + "00")},
      {"done to the group", mld(group, done)},
      {"report of version 2 to the group", mld(group, report2)},
      {"fewer records than said", mld(reports, with(report2, 7, 3))},
      {"more records than said", mld(reports, with(report2, 7, 1))},
      {"record that says it has auxiliary data", mld(reports, with(report2, 9, 1))},
      {"record with auxiliary data", mld(reports, with(report2, 9, 1) + "00000000")},
      {"record of an unknown type", mld(reports, with(report2, 8, 7))},
      {"record of a host", mld(reports, with(report2, 12, 0xfe))},
      {"trailing byte", mld(reports, report2 + "00")},
      {"hop limit 2", mld(reports, report2, 2)},
      {"code 1", mld(reports, with(report2, 1, 1))},
      {"from a global address", mld({"2001:db8::1", "ff02::16"}, report2)},
      {"without router alert", icmpv6(reports, report2, 1)},
      {"padding in place of router alert", ipv6(reports, 0, 1, hex("3a 00 01 04 00000000") + report2)},
      {"more than the router alert", ipv6(reports, 0, 1, hex("3a 01 05 02 0000 01 08 0000000000000000") + report2)},
  });
  CHECK(read(mld(reports, report2), 1).kind == LocalKind::None);
}

TEST_CASE("local: IGMP") {
  const Octets alert = hex("94 04 0000");
  const auto igmp = [&](std::string_view destination, const Octets& message, std::uint8_t ttl = 1) {
    return ipv4({"10.0.0.5", destination}, 2, ttl, message, alert);
  };
  const Octets query2 = hex("11 64 0000 00000000"), report1 = hex("12 00 0000 e00000fb"),
               report2 = hex("16 00 0000 e00000fb");
  const Octets leave = hex("17 00 0000 e00000fb");
  const Octets query3 = hex("11 64 0000 00000000 02 7d 0001 0a000001");                 // one source
  const Octets report3 = hex("22 00 0000 0000 0001") + "04 00 0001 e00000fb 0a000001";  // one record, one source
  check({
      {"query of version 1", ipv4({"10.0.0.5", "224.0.0.1"}, 2, 1, hex("11 00 0000 00000000")), LocalKind::Igmp},
      {"report of version 1", ipv4({"10.0.0.5", "224.0.0.251"}, 2, 1, report1), LocalKind::Igmp},
      {"general query", igmp("224.0.0.1", query2), LocalKind::Igmp},
      {"query for a group", igmp("224.0.0.251", hex("11 0a 0000 e00000fb")), LocalKind::Igmp},
      {"query of version 3", igmp("224.0.0.1", query3), LocalKind::Igmp},
      {"report of version 2", igmp("224.0.0.251", report2), LocalKind::Igmp},
      {"leave", igmp("224.0.0.2", leave), LocalKind::Igmp},
      {"report of version 3", igmp("224.0.0.22", report3), LocalKind::Igmp},
      {"TTL 2", igmp("224.0.0.22", report3, 2)},
      {"query of version 2 without router alert", ipv4({"10.0.0.5", "224.0.0.1"}, 2, 1, query2)},
      {"report of version 2 without router alert", ipv4({"10.0.0.5", "224.0.0.251"}, 2, 1, report2)},
      {"report of version 3 without router alert", ipv4({"10.0.0.5", "224.0.0.22"}, 2, 1, report3)},
      {"another option behind it", ipv4({"10.0.0.5", "224.0.0.22"}, 2, 1, report3, alert + "01 01 01 00")},
      {"query to a host", igmp("198.51.100.1", query2)},
      {"report to another group", igmp("224.0.0.252", report2)},
      {"report to a host", igmp("198.51.100.1", hex("16 00 0000 c6336401"))},
      {"leave to the group", igmp("224.0.0.251", leave)},
      {"report of version 3 to a host", igmp("198.51.100.1", report3)},
      {"query with too many sources", igmp("224.0.0.1", with(query3, 11, 2))},
      {"more records than said", igmp("224.0.0.22", report3 + "04 00 0000 e00000fb")},
      {"auxiliary data that is not there", igmp("224.0.0.22", with(report3, 9, 1))},
      {"auxiliary data", igmp("224.0.0.22", with(report3, 9, 1) + "00000000")},
      {"trailing byte", igmp("224.0.0.251", report2 + "00")},
      {"unknown type (DVMRP)", igmp("224.0.0.251", with(report2, 0, 0x13))},
      {"from a group", ipv4({"224.0.0.9", "224.0.0.22"}, 2, 1, report3, alert)},
  });
}

// Fixed part and cookie: `operation` 1 asks, 2 answers.
Octets dhcp(std::uint8_t operation, const Octets& options) {
  return Octets{operation} + "01 06 00 12345678 0000 0000" +
         Octets(16)                                // Ethernet, six bytes, hops, id, seconds, flags, addresses
         + "020000000001" + Octets(10 + 64 + 128)  // client's address, server name, file
         + "63825363" + options;
}

TEST_CASE("local: DHCP clients") {
  const Ends ends = {"0.0.0.0", "255.255.255.255"};
  const auto client = [](Ends of, const Octets& message) { return ipv4(of, 17, 64, udp(68, 67, message)); };
  const Octets discover = dhcp(1, hex("35 01 01 37 02 03 06 ff"));
  const Octets renew = dhcp(1, hex("35 01 03 ff") + Octets(60));
  check({
      {"discover", client(ends, discover), LocalKind::DhcpClient},
      {"request, padded", client(ends, renew), LocalKind::DhcpClient},
      {"request to its server", client({"10.0.0.5", "10.0.0.1"}, renew), LocalKind::DhcpClient},
      {"decline", client(ends, dhcp(1, hex("35 01 04 ff"))), LocalKind::DhcpClient},
      {"release", client(ends, dhcp(1, hex("35 01 07 ff"))), LocalKind::DhcpClient},
      {"inform, padding between options", client(ends, dhcp(1, hex("00 35 01 08 00 ff"))), LocalKind::DhcpClient},
      {"offer", client(ends, dhcp(1, hex("35 01 02 ff")))},
      {"no type", client(ends, dhcp(1, hex("ff")))},
      {"two types", client(ends, dhcp(1, hex("35 01 01 35 01 03 ff")))},
      {"a type of two bytes", client(ends, dhcp(1, hex("35 02 0101 ff")))},
      {"no end", client(ends, dhcp(1, hex("35 01 01")))},
      {"an option beyond the end", client(ends, dhcp(1, hex("35 01 01 0c 05 61 ff")))},
      {"bytes behind the end", client(ends, discover + "736563726574")},
      {"no cookie", client(ends, with(discover, 236, 0x62))},
      {"too short", client(ends, without_end(dhcp(1, {}), 1))},
      {"hardware type 6", client(ends, with(discover, 1, 6))},
      {"hardware address of 16 bytes", client(ends, with(discover, 2, 16))},
      {"relayed: hops", client(ends, with(discover, 3, 1))},
      {"relayed: relay's address", client(ends, with(discover, 27, 1))},
      {"to a group", client({"0.0.0.0", "224.0.0.1"}, discover)},
      {"from port 1068", ipv4(ends, 17, 64, udp(1068, 67, discover))},
      {"to port 68", ipv4(ends, 17, 64, udp(68, 68, discover))},
      {"bytes behind the UDP datagram",
       ipv4(ends, 17, 64, hex("0044 0043") + u16(8 + discover.size()) + "0000" + discover + "736563726574")},
      {"IPv4 options", ipv4(ends, 17, 64, udp(68, 67, discover), hex("01 01 01 00"))},
      {"over IPv6", ipv6({"fe80::1", "ff02::1:2"}, 17, 64, udp(68, 67, discover))},
  });
  CHECK(read(client(ends, discover), 1).kind == LocalKind::None);
}

TEST_CASE("local: DHCP servers and what they offer") {
  const Ends ends = {"10.0.0.1", "255.255.255.255"};
  const auto server = [&](const Octets& message) { return ipv4(ends, 17, 64, udp(67, 68, message)); };
  const Octets offer = dhcp(2, hex("35 01 02 03 04 0a000001 06 08 0a000035 cb007135 ff"));
  check({
      {"offer", server(offer), LocalKind::DhcpServer},
      {"nak", server(dhcp(2, hex("35 01 06 ff"))), LocalKind::DhcpServer},
      {"to a relay", ipv4(ends, 17, 64, udp(67, 67, offer)), LocalKind::DhcpServer},
      {"from port 1067", ipv4(ends, 17, 64, udp(1067, 68, offer))},
      {"to port 53", ipv4(ends, 17, 64, udp(67, 53, offer))},
      {"discover", server(dhcp(2, hex("35 01 01 ff")))},
      {"a question", server(dhcp(1, hex("35 01 02 ff")))},
      {"no cookie", server(with(offer, 239, 0))},
      {"no type", server(dhcp(2, hex("ff")))},
  });
  struct Offered {
    std::string_view what;
    Octets options;
    std::string_view offer;
  };
  const Offered rows[] = {
      {"routers and resolvers", hex("03 04 0a000001 06 08 0a000035 cb007135 ff"),
       "resolvers [10.0.0.53 203.0.113.53] routers [10.0.0.1] default"},
      {"static route", hex("21 08 c6336401 0a000009 ff"), "resolvers [] routers [10.0.0.9]"},
      {"static route to everywhere", hex("21 08 00000000 0a000009 ff"), "resolvers [] routers [10.0.0.9] default"},
      {"classless: 0.0.0.0/0", hex("79 05 00 0a000009 ff"), "resolvers [] routers [10.0.0.9] default"},
      {"classless: 10.0.0.0/8, 198.51.100.0/25", hex("79 0f 08 0a 0a000009 19 c6336400 0a00000a ff"),
       "resolvers [] routers [10.0.0.9 10.0.0.10]"},
      {"classless: two halves", hex("79 0c 01 00 0a000009 01 80 0a000009 ff"),
       "resolvers [] routers [10.0.0.9 10.0.0.9] default"},
      {"classless, the old number", hex("f9 05 00 0a000009 ff"), "resolvers [] routers [10.0.0.9] default"},
      {"classless: width 33", hex("79 0a 21 0000000000 0a000009 ff"), "resolvers [] routers [] unread"},
      {"classless: no router", hex("79 04 18 0a0000 ff"), "resolvers [] routers [] unread"},
      {"half a resolver", hex("06 06 0a000035 cb00 ff"), "resolvers [10.0.0.53] routers [] unread"},
      {"clocks", hex("2a 08 0a00007b cb00717b ff"), "resolvers [] routers [] clocks [10.0.0.123 203.0.113.123]"},
      {"half a clock", hex("2a 06 0a00007b cb00 ff"), "resolvers [] routers [] clocks [10.0.0.123] unread"},
      {"no clock", hex("2a 00 ff"), "resolvers [] routers [] unread"},
      {"no router", hex("03 00 ff"), "resolvers [] routers [] unread"},
      {"no end", hex("06 04 0a000035"), "resolvers [10.0.0.53] routers [] unread"},
      {"beyond the end", hex("06 04 0a000035 03 05 0a00 ff"), "resolvers [10.0.0.53] routers [] unread"},
      {"two overloads", hex("34 01 01 34 01 01 ff"), "resolvers [] routers [] unread"},
  };
  for (const Offered& row : rows) {
    INFO(row.what);
    const LocalMessage message = read(server(dhcp(2, hex("35 01 05") + row.options)));
    CHECK(message.kind == LocalKind::DhcpServer);
    CHECK(told(message.offer) == row.offer);
  }

  Octets many = hex("35 01 05 2a 24");  // nine clocks
  for (int clock = 0; clock < 9; ++clock) many = many + hex("0a00007b");
  CHECK(read(server(dhcp(2, many + "ff"))).offer.clock_count == 9);

  // Options in the fields for the file (108) and the server's name (44).
  constexpr std::size_t kName = 44, kFile = 108;
  const auto put = [](Octets message, std::size_t at, const Octets& options) {
    std::copy(options.begin(), options.end(), message.begin() + static_cast<std::ptrdiff_t>(at));
    return message;
  };
  const Octets resolver = hex("06 04 cb007135 ff"), router = hex("03 04 0a000001 ff");
  const std::string_view both[] = {"resolvers [] routers []", "resolvers [203.0.113.53] routers []",
                                   "resolvers [] routers [10.0.0.1] default",
                                   "resolvers [203.0.113.53] routers [10.0.0.1] default"};
  for (std::uint8_t overload = 0; overload < 4; ++overload) {
    const Octets marked = overload == 0 ? hex("35 01 05") : hex("35 01 05 34 01") + Octets{overload};
    const Octets message = put(put(dhcp(2, marked + "ff"), kFile, resolver), kName, router);
    CHECK(told(read(server(message)).offer) == both[overload]);
  }

  // Cut anywhere: a server's from the cookie on.
  const Octets frame = server(offer);
  const std::size_t options = offer.size() - 240;
  for (std::size_t cut = 1; cut < offer.size(); ++cut) {
    INFO(cut);
    const LocalMessage message = read(frame, cut);
    CHECK(message.kind == (cut <= options ? LocalKind::DhcpServer : LocalKind::None));
    CHECK(message.offer.read_to_end == (message.kind == LocalKind::None));
  }
}

TEST_CASE("local: DHCPv6") {
  const Ends ends = {"fe80::1", "ff02::1:2"}, back = {"fe80::2", "fe80::1"};
  const auto client = [](Ends of, const Octets& message) { return ipv6(of, 17, 1, udp(546, 547, message)); };
  const auto server = [&](const Octets& message) { return ipv6(back, 17, 64, udp(547, 546, message)); };
  const Octets solicit = hex("01 123456") + "0001 000a 0003 0001 020000000001" + "0006 0002 0017";
  check({
      {"solicit", client(ends, solicit), LocalKind::Dhcpv6Client},
      {"information request", client(ends, hex("0b 123456")), LocalKind::Dhcpv6Client},
      {"to the servers of the site", client({"2001:db8::1", "ff05::1:3"}, solicit), LocalKind::Dhcpv6Client},
      {"to a server", client({"fe80::1", "fe80::2"}, solicit), LocalKind::Dhcpv6Client},
      {"to all nodes", client(kToAll, solicit)},
      {"from a global address to the link", client({"2001:db8::1", "ff02::1:2"}, solicit)},
      {"from nobody", client({"::", "ff02::1:2"}, solicit)},
      {"advertise", client(ends, with(solicit, 0, 2))},
      {"trailing byte", client(ends, solicit + "00")},
      {"option beyond the end", client(ends, hex("01 123456 0006 0003 0017"))},
      {"holds another message", client(ends, hex("01 123456 0009 0004 01123456"))},
      {"too short", client(ends, hex("01 1234"))},
      {"from port 1546", ipv6(ends, 17, 1, udp(1546, 547, solicit))},
      {"a byte behind the UDP datagram", ipv6(ends, 17, 1, udp(546, 547, solicit) + "00")},
      {"over IPv4", ipv4({"10.0.0.5", "255.255.255.255"}, 17, 1, udp(546, 547, solicit))},
      {"advertise", server(hex("02 123456")), LocalKind::Dhcpv6Server},
      {"reconfigure", server(hex("0a 000000")), LocalKind::Dhcpv6Server},
      {"a client's type", server(hex("01 123456"))},
      {"relay-reply to a client", server(hex("0d 00") + Octets(32))},
      {"reply to the servers' port", ipv6(back, 17, 64, udp(547, 547, hex("07 123456")))},
      {"relay-forward", ipv6(back, 17, 64, udp(547, 547, hex("0c 00") + Octets(32)))},
      {"from port 1547", ipv6(back, 17, 64, udp(1547, 546, hex("02 123456")))},
  });
  CHECK(read(client(ends, solicit), 1).kind == LocalKind::None);

  const Octets two = hex("0017 0020") + octets_of(ip("2001:db8::53")) + octets_of(ip("2001:db8::54"));
  const Octets reply = hex("07 123456") + two;
  CHECK(told(read(server(reply)).offer) == "resolvers [2001:db8::53 2001:db8::54] routers []");
  CHECK(told(read(server(reply + "00")).offer) == "resolvers [2001:db8::53 2001:db8::54] routers [] unread");
  CHECK(told(read(server(hex("07 123456 0017 0008 20010db800000000"))).offer) == "resolvers [] routers [] unread");
  CHECK(told(read(server(reply), 1).offer) == "resolvers [] routers [] unread");
  const Octets clock = octets_of(ip("2001:db8::123")), group = octets_of(ip("ff05::101"));
  const Octets of_two = hex("0001 0010") + clock + hex("0002 0010") + group;
  const Octets of_three = of_two + hex("0003 0003 016100");  // and a name
  const Octets of_half = hex("0001 0008 20010db800000000");
  const auto offered = [&](std::string_view code, const Octets& value) {
    return told(read(server(hex("07 123456") + hex(code) + u16(value.size()) + value)).offer);
  };
  CHECK(offered("001f", clock + group) == "resolvers [] routers [] clocks [2001:db8::123 ff05::101]");
  CHECK(offered("001f", clock + hex("20")) == "resolvers [] routers [] clocks [2001:db8::123] unread");
  CHECK(offered("001f", {}) == "resolvers [] routers [] unread");
  CHECK(offered("0038", of_two) == "resolvers [] routers [] clocks [2001:db8::123 ff05::101]");
  CHECK(offered("0038", of_three) == "resolvers [] routers [] clocks [2001:db8::123 ff05::101]");
  CHECK(offered("0038", hex("0003 0003 016100")) == "resolvers [] routers []");
  CHECK(offered("0038", of_half) == "resolvers [] routers [] unread");
  CHECK(offered("0038", of_two + hex("00")) == "resolvers [] routers [] clocks [2001:db8::123 ff05::101] unread");
  CHECK(offered("0038", hex("0001 0010 2001")) == "resolvers [] routers [] unread");
  CHECK(offered("0038", {}) == "resolvers [] routers [] unread");
  CHECK(read(server(reply), 39).kind == LocalKind::Dhcpv6Server);
  CHECK(read(server(reply), 40).kind == LocalKind::None);

  const auto relayed = [](const Octets& message) {
    return hex("0d 00") + Octets(32) + "0009" + u16(message.size()) + message;
  };
  const auto relay = [&](const Octets& message) { return ipv6(back, 17, 64, udp(547, 547, message)); };
  Octets nested = reply;
  for (int depth = 1; depth <= 8; ++depth) {
    nested = relayed(nested);
    CHECK(read(relay(nested)).kind == LocalKind::Dhcpv6Server);
    CHECK(told(read(relay(nested)).offer) == "resolvers [2001:db8::53 2001:db8::54] routers []");
  }
  CHECK(told(read(relay(relayed(nested))).offer) == "resolvers [] routers [] unread");
  CHECK(told(read(relay(hex("0d 00") + Octets(32))).offer) == "resolvers [] routers [] unread");
  CHECK(told(read(relay(relayed(hex("01 123456")))).offer) == "resolvers [] routers [] unread");
}

TEST_CASE("local: nothing local is tunnelled, fragmented, tagged with MPLS or behind a source route") {
  const Octets solicitation = icmpv6({"fe80::1", "ff02::2"}, hex("85 00 0000 00000000"));
  const Octets packet(solicitation.begin() + 14, solicitation.end());
  CHECK(read(ethernet("86dd", packet)).kind == LocalKind::RouterSolicitation);
  CHECK(read(ethernet("8100", hex("0005 86dd") + packet)).kind == LocalKind::RouterSolicitation);
  check({
      {"IPv6 in IPv4", ipv4({"10.0.0.1", "10.0.0.2"}, 41, 64, packet)},
      {"GRE", ipv4({"10.0.0.1", "10.0.0.2"}, 47, 64, hex("0000 86dd") + packet)},
      {"MPLS", ethernet("8847", hex("000101ff") + packet)},
      {"first fragment", ipv6({"fe80::1", "ff02::2"}, 44, 255, hex("3a 00 0001 00000001 85 00 0000 00000000"))},
      {"later fragment", ipv6({"fe80::1", "ff02::2"}, 44, 255, hex("3a 00 0008 00000001 85 00 0000 00000000"))},
      {"source route", ipv6({"fe80::1", "ff02::2"}, 43, 255,
                            hex("3a 02 04 01 00000000") + octets_of(ip("2001:db8::1")) + "85 00 0000 00000000")},
      {"IPv4 source route",
       ipv4({"10.0.0.5", "224.0.0.22"}, 2, 1, hex("22 00 0000 0000 0000"), hex("94 04 0000 83 07 04 c6336401 00"))},
      {"source route that nobody knows",
       ipv6({"fe80::2", "fe80::1"}, 43, 64, hex("11 00 c8 01 00000000") + udp(547, 546, hex("02 123456")))},
      {"neither IP nor ARP", ethernet("88cc", packet)},
      {"TCP", ipv4({"10.0.0.5", "10.0.0.1"}, 6, 64, hex("0044 0043 00000000 00000000 5002 0000 0000 0000"))},
      {"UDP to another port", ipv4({"10.0.0.5", "10.0.0.1"}, 17, 64, udp(68, 69, hex("00")))},
  });
}

}  // namespace
}  // namespace airtight::audit
