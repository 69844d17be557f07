#include "compiler/verify/dns/zones.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace airtight::verify {
namespace {

struct Read {
  bool ok = false;
  std::string diagnostics;
  DnsArtifacts artifacts;
};

Read read_zone(const std::string& text) {
  Read result;
  Sources sources;
  Diagnostics diagnostics;
  result.ok = read_zone_file(sources.add("z.zone", text), sources, diagnostics, result.artifacts);
  result.diagnostics = render_text(diagnostics, sources, false);
  return result;
}

const std::string kHead = "$TTL 60\n$ORIGIN rpz.example.\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\n";

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::string action(RpzAction a) {
  const std::vector<std::string> names{"NxDomain", "NoData", "Drop", "Passthru", "TcpOnly", "Other"};
  return names.at(static_cast<std::size_t>(a));
}

TEST_CASE("dns text is recognised by what it says") {
  struct Row {
    const char* text;
    DnsText kind;
  };
  for (const Row& row : {
           Row{"; comment\n$TTL 60\n", DnsText::ZoneFile},
           Row{"$origin example.\n", DnsText::ZoneFile},
           Row{"@ IN SOA a. b. ( 1 2 3 4 5 )\n", DnsText::ZoneFile},
           Row{"example. 3600 IN SOA a. b. 1 2 3 4 5\n", DnsText::ZoneFile},
           Row{". 3600000 NS a.root-servers.net.\n", DnsText::ZoneFile},
           Row{"# a\n// b\n/* c */ options {\n};\n", DnsText::NamedConf},
           Row{"zone \"x\" IN {", DnsText::NamedConf},
           Row{"zone x{", DnsText::NamedConf},
           Row{"acl inside { 10/8; };", DnsText::NamedConf},
           Row{"include \"/etc/bind/named.conf.local\";\n", DnsText::NamedConf},
           Row{"server 10.0.0.1 { bogus yes; };\n", DnsText::NamedConf},
           Row{"logging{", DnsText::NamedConf},
           Row{"", DnsText::None},
           Row{"; only a comment", DnsText::None},
           Row{"# only a comment", DnsText::None},
           Row{"/* not closed", DnsText::None},
           Row{"\"", DnsText::None},
           Row{"apiVersion: v1\nkind: Pod\n", DnsText::None},
           Row{"table inet t {\n}\n", DnsText::None},
           Row{"include \"other.nft\"\ntable inet t {\n}\n", DnsText::None},
           Row{"*filter\n:INPUT ACCEPT [0:0]\n", DnsText::None},
           Row{"{\"options\": {}}", DnsText::None},
           Row{"options: {}\n", DnsText::None},
           Row{"#!/bin/sh\nserver() {\n}\n", DnsText::None},
           Row{"# Read me\nThe zone is SOA\n", DnsText::None},
       }) {
    INFO(row.text);
    CHECK(recognise_dns(row.text) == row.kind);
  }
}

TEST_CASE("address triggers in the one spelling that servers take") {
  struct Row {
    const char* text;
    const char* prefix;  // nullptr: refused
  };
  for (const Row& row : {
           Row{"24.0.2.0.192", "192.0.2.0/24"},
           Row{"32.1.2.0.192", "192.0.2.1/32"},
           Row{"1.0.0.0.128", "128.0.0.0/1"},
           Row{"128.254.zz.ec2.fd00", "fd00:ec2::254/128"},
           Row{"1.zz", "::/1"},
           Row{"3.zz.2000", "2000::/3"},
           Row{"128.1.0.0.1.zz.db8.2001", "2001:db8::1:0:0:1/128"},  // the first of two runs of equal length
           Row{"128.1.zz.1.0.0.db8.2001", nullptr},
           Row{"128.1.0.0.0.1.zz.db8.2001", nullptr},
           Row{"128.8.7.6.5.4.3.2.1", "1:2:3:4:5:6:7:8/128"},
           Row{"128.1.zz.6.5.4.3.2001", "2001:3:4:5:6::1/128"},
           Row{"128.7.0.6.5.4.3.2.1", "1:2:3:4:5:6:0:7/128"},
           Row{"128.zz.7.6.5.4.3.2.1", nullptr},
           Row{"24.1.2.0.192", nullptr},  // host bits
           Row{"33.1.2.0.192", nullptr},
           Row{"0.0.0.0.0", nullptr},
           Row{"024.0.2.0.192", nullptr},
           Row{"24.0.02.0.192", nullptr},
           Row{"24.0.256.0.192", nullptr},
           Row{"24.0.2.0", nullptr},
           Row{"24.0.2.0.192.1", nullptr},
           Row{"129.1.zz.2001", nullptr},
           Row{"128.1.zz.zz.2001", nullptr},
           Row{"128.01.zz.2001", nullptr},
           Row{"128.g.zz.2001", nullptr},
           Row{"128.201.c000.ffff.zz", nullptr},  // IPv4 is spelt as IPv4
           Row{"80.zz.ffff.0.0.0.0.0", nullptr},
           Row{"96.zz.ffff.0.0.0.0.0", nullptr},
           Row{"128", nullptr},
           Row{"", nullptr},
       }) {
    INFO(row.text);
    const std::optional<Prefix> prefix = parse_rpz_prefix(row.text);
    CHECK((prefix ? to_string(*prefix) : "") == (row.prefix == nullptr ? "" : row.prefix));
  }
}

TEST_CASE("a policy zone as master files may write it") {
  const Read read = read_zone(
      "$TTL 1h30m ; an hour and a half\n"
      "$ORIGIN example.\n"
      "rpz  3600 IN SOA ns.example. host\\.master (\n"
      "   1 ; serial\n"
      "   1h 10m 1w\n"
      " 60 )\n"
      "\tIN NS ns.example.\r\n"
      "$ORIGIN rpz.example.\n"
      "Evil.TEST IN 60 CNAME .\n"
      "*.evil.test\tCNAME\t*.\n"
      "drop.test.rpz.example. CNAME rpz-drop.\n"
      "_inside.corp.test CNAME rpz-passthru.\n"
      "tcp.test CNAME rpz-tcp-only.\n"
      "old.test CNAME old.test.\n"
      "other.test CNAME rpz-passthru\n"
      "other.test.more A 10.0.0.1\n"
      "                AAAA fd00::1\n"
      "* CNAME .\n"
      "24.0.2.0.192.rpz-ip CNAME .\n"
      "32.zz.db8.2001.rpz-ip CNAME rpz-passthru.\n"
      "32.5.0.0.10.rpz-client-ip CNAME rpz-passthru.\n"
      "x!y.test TXT \"a;b (c\"\n");
  INFO(read.diagnostics);
  REQUIRE(read.ok);
  REQUIRE(read.artifacts.zones.size() == 1);
  const ZoneFile& zone = read.artifacts.zones[0];
  CHECK(zone.origin == "rpz.example");
  CHECK(zone.policy_zone);
  CHECK(zone.refused.empty());
  std::string all;
  for (const RpzTrigger& trigger : zone.triggers) {
    all += (trigger.address ? to_string(trigger.prefix) : trigger.owner) + " " + action(trigger.action) +
           (trigger.understood ? "" : " ?") + "\n";
  }
  CHECK(all ==
        "evil.test NxDomain\n*.evil.test NoData\ndrop.test Drop\n_inside.corp.test Passthru\ntcp.test TcpOnly\n"
        "old.test Passthru\nother.test Other\nother.test.more Other\nother.test.more Other\n* NxDomain\n192.0.2.0/24 "
        "NxDomain\n"
        "2001:db8::/32 Passthru\n32.5.0.0.10.rpz-client-ip Passthru ?\nx!y.test Other ?\n");
  REQUIRE(zone.addresses.size() == 2);
  CHECK(to_string(zone.addresses[1].first) == "fd00::1");
}

TEST_CASE("a root zone: delegations, addresses, other data") {
  const Read read = read_zone(
      "$TTL 60\n. SOA a. b. 1 2 3 4 5\n. NS ns.x.\ncorp. NS ns.x.\ncorp. NS ns2.x.\ncorp. DS 1 8 2 abcd\n"
      "t.x. TXT \"v\"\n*.w. CNAME t.x.\ng.x. A 192.0.2.1\nu.x. TYPE65280 \\# 1 00\n");
  INFO(read.diagnostics);
  REQUIRE(read.ok);
  // Without $ORIGIN the names end in dots, so the origin is known all the same.
  const ZoneFile& zone = read.artifacts.zones.at(0);
  CHECK(zone.origin == ".");
  CHECK_FALSE(zone.policy_zone);
  REQUIRE(zone.delegations.size() == 1);
  CHECK(to_string(zone.delegations[0].name) == "corp");
  CHECK(zone.delegations[0].servers.size() == 2);
  REQUIRE(zone.addresses.size() == 1);
  for (const char* name : {"t.x", "a.w", "b.a.w", "g.x", "u.x"}) CHECK(zone.data.contains(*Domain::parse(name)));
  for (const char* name : {"w", "x", "corp"}) CHECK_FALSE(zone.data.contains(*Domain::parse(name)));
}

TEST_CASE("the configuration names a zone that does not name itself") {
  Sources sources;
  Diagnostics diagnostics;
  DnsArtifacts artifacts;
  const std::uint32_t source =
      sources.add("z", "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS a\nsub NS ns.sub\nwww A 10.0.0.1\n");
  REQUIRE(read_zone_file(source, sources, diagnostics, artifacts));
  CHECK(artifacts.zones[0].origin == "@");
  CHECK(artifacts.not_understood.empty());
  const std::optional<ZoneFile> zone = read_zone_as("Corp.Example", source, sources);
  REQUIRE(zone);
  CHECK(zone->origin == "corp.example");
  CHECK(to_string(zone->delegations.at(0).name) == "sub.corp.example");
  CHECK(to_string(zone->delegations.at(0).servers.at(0)) == "ns.sub.corp.example");
  CHECK(zone->data.contains(*Domain::parse("www.corp.example")));
}

TEST_CASE("master files that no server loads are errors at the place") {
  struct Row {
    const char* text;
    const char* message;
  };
  for (const Row& row : {
           Row{"x CNAME", "z.zone:5:3: error[AT-Y017]: a record of type CNAME with 0 fields"},
           Row{"x CNAM .", "z.zone:5:3: error[AT-Y017]: no record type: 'CNAM'"},
           Row{"x", "z.zone:5:1: error[AT-Y017]: a record without a type"},
           Row{"x CNAME . .", "z.zone:5:3: error[AT-Y017]: a record of type CNAME with 2 fields"},
           Row{"x A 1.2.3", "z.zone:5:5: error[AT-Y017]: '1.2.3' is no IPv4 address"},
           Row{"x AAAA 1.2.3.4", "z.zone:5:8: error[AT-Y017]: '1.2.3.4' is no IPv6 address"},
           Row{"x TXT \"abc", "z.zone:5:7: error[AT-Y017]: the quotes are not closed"},
           Row{"x TXT \"abc\n\"", "z.zone:5:11: error[AT-Y017]: the quotes are not closed on this line"},
           Row{"x TXT ( a", "z.zone:5:10: error[AT-Y017]: the file ends inside parentheses"},
           Row{"x TXT a )", "z.zone:5:9: error[AT-Y017]: ')' without '('"},
           Row{"x TXT a\x01", "z.zone:5:8: error[AT-Y017]: a character that has no place here"},
           Row{"x CH A 1.2.3.4", "z.zone:5:3: error[AT-Y017]: a class other than IN"},
           Row{"@ SOA a. b. 1 2 3 4 5", "z.zone:5:1: error[AT-Y017]: a second SOA record"},
           Row{"$FOO x", "z.zone:5:1: error[AT-Y017]: an unknown directive"},
           Row{"$TTL soon", "z.zone:5:6: error[AT-Y017]: no time to live"},
           Row{"$ORIGIN", "z.zone:5:1: error[AT-Y017]: $origin takes one value"},
       }) {
    INFO(row.text);
    const Read read = read_zone(kHead + row.text);
    CHECK_FALSE(read.ok);
    CHECK(first_line(read.diagnostics) == row.message);
    CHECK(read.artifacts.zones.empty());
  }
  CHECK(first_line(read_zone("\tA 1.2.3.4\n").diagnostics) == "z.zone:1:2: error[AT-Y017]: a record without an owner");
  CHECK(first_line(read_zone("@ SOA a. b. 1 2 3 4 x\n").diagnostics) == "z.zone:1:21: error[AT-Y017]: no number");
}

TEST_CASE("what a server would leave out or refuse is remarked") {
  const auto remark = [](const std::string& text) {
    const Read read = read_zone(kHead + text);
    INFO(read.diagnostics);
    REQUIRE(read.ok);
    std::string all;
    for (const Remark& r : read.artifacts.remarks) all += std::string(info(r.rule).id) + " " + r.message + "\n";
    for (const Remark& r : read.artifacts.not_understood) all += "? " + r.message + "\n";
    return all + read.artifacts.zones.at(0).refused;
  };
  CHECK(remark("x.other. CNAME .\n") == "AT-V201 the owner is not in the zone, so servers leave the record out\n");
  CHECK(remark("a CNAME .\nA CNAME .\n") ==
        "AT-V203 the trigger stands twice, and some servers refuse such a zone whole\n");
  CHECK(remark("a CNAME .\na TXT x\n") ==
        "AT-V201 a second record beside a CNAME of the same name, so servers refuse the zone whole\n"
        "one name has a CNAME and another record");
  CHECK(remark("a A 10.0.0.1\na A 10.0.0.2\n").empty());
  CHECK(remark("24.1.2.0.192.rpz-ip CNAME .\n") ==
        "AT-V503 trigger '24.1.2.0.192.rpz-ip' is not understood, or servers refuse its spelling\n");
  CHECK(remark("$INCLUDE more.zone\n") == "? records that $include adds are not read\n");
  CHECK(remark("$GENERATE 1-9 x$ A 10.0.0.$\n") == "? records that $generate adds are not read\n");
  CHECK(remark("x!y.z A 10.0.0.1\n") == "? the owner 'x!y.z.rpz.example' is not understood\n");
  CHECK(read_zone("$TTL 60\n").artifacts.zones.at(0).refused == "it holds no record");
  CHECK(read_zone("$TTL 60\nx. NS y.\n").artifacts.zones.at(0).refused == "it has no SOA record");
  CHECK(read_zone("$TTL 60\n@ SOA a. b. 1 2 3 4 5\n").artifacts.zones.at(0).refused ==
        "it has no NS record of its own");
}

}  // namespace
}  // namespace airtight::verify
