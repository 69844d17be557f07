#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "compiler/verify/dns/zones.h"

namespace airtight::verify {
namespace {

struct Read {
  bool ok = false;
  std::string diagnostics;
  DnsArtifacts artifacts;
  const ResolverConfiguration& conf() const { return artifacts.resolvers.at(0); }
};

Read read_conf(const std::string& text) {
  Read result;
  Sources sources;
  Diagnostics diagnostics;
  result.ok = read_named_conf(sources.add("etc/named.conf", text), sources, diagnostics, result.artifacts);
  result.diagnostics = render_text(diagnostics, sources, false);
  return result;
}

std::string not_understood(const std::string& text) {
  const Read read = read_conf(text);
  INFO(read.diagnostics);
  REQUIRE(read.ok);
  std::string all;
  for (const Remark& remark : read.artifacts.not_understood) all += remark.message + "\n";
  CHECK(read.conf().whole == all.empty());
  return all;
}

TEST_CASE("a configuration is read in all comment styles, with and without quotes") {
  const Read read = read_conf(
      "/* a\n b */ options { // c\n"
      "  directory \"/var/cache/bind\"; # d\n"
      "  forwarders port 53 { 10.0.0.1 port 5353; fd00::1; };\n"
      "  recursion no; dnssec-validation no; minimal-responses YES; empty-zones-enable no;\n"
      "  response-policy { zone \"One.\" policy given log yes; zone two policy disabled; zone three policy cname "
      "a.b.;\n"
      "    zone four recursive-only no policy nodata; }\n"
      "    qname-wait-recurse no break-dnssec yes recursive-only no max-policy-ttl 60;\n"
      "};;\n"
      "server 0.0.0.0/0 { bogus yes; };\nserver fd00::1 { tcp-only yes; };\n"
      "zone \".\" IN { type master; file \"root.zone\"; };\n"
      "zone Corp.Example. { type forward; forward only; forwarders { 10.0.0.2; }; };\n"
      "zone sec.example { type slave; masters { 10.0.0.3; }; file \"x\"; };\n"
      "zone own.example { type primary; file \"y\"; forwarders { 10.0.0.4; }; };\n");
  INFO(read.diagnostics);
  REQUIRE(read.ok);
  CHECK(read.artifacts.not_understood.empty());
  const ResolverConfiguration& conf = read.conf();
  CHECK(conf.whole);
  CHECK(conf.directory == "/var/cache/bind");
  REQUIRE(conf.forwarders.size() == 2);
  CHECK(conf.forwarders[1].first == *Ip::parse("fd00::1"));
  CHECK_FALSE(conf.recursion);
  CHECK_FALSE(conf.dnssec_validation);
  CHECK(conf.minimal_responses);
  CHECK_FALSE(conf.empty_zones);
  CHECK_FALSE(conf.qname_wait_recurse);
  CHECK(conf.break_dnssec);
  CHECK_FALSE(conf.recursive_only);
  REQUIRE(conf.response_policy.size() == 4);
  CHECK(conf.response_policy[0].name == "one");
  CHECK(conf.response_policy[1].disabled);
  CHECK(conf.response_policy[2].override_all == RpzAction::Other);
  CHECK(conf.response_policy[3].recursive_only == false);
  CHECK(conf.response_policy[3].override_all == RpzAction::NoData);
  REQUIRE(conf.bogus.size() == 2);
  CHECK(conf.bogus[0].second);
  CHECK_FALSE(conf.bogus[1].second);
  REQUIRE(conf.zones.size() == 3);
  CHECK(conf.zones[0].name == ".");
  CHECK(conf.zones[0].type == "primary");
  CHECK(conf.zones[1].type == "secondary");
  CHECK(conf.zones[1].servers.at(0).first == *Ip::parse("10.0.0.3"));
  REQUIRE(conf.forward_zones.size() == 2);
  CHECK(conf.forward_zones[0].name == "corp.example");
  CHECK(conf.forward_zones[0].only);
  CHECK(conf.forward_zones[1].name == "own.example");
  CHECK_FALSE(conf.forward_zones[1].only);
}

TEST_CASE("defaults are those of BIND") {
  const Read read = read_conf("options { };\n");
  CHECK(read.conf().recursion);
  CHECK(read.conf().qname_wait_recurse);
  CHECK(read.conf().recursive_only);
  CHECK(read.conf().dnssec_validation);
  CHECK(read.conf().empty_zones);
  CHECK_FALSE(read.conf().break_dnssec);
  CHECK_FALSE(read.conf().minimal_responses);
}

TEST_CASE("statements that may give an upstream or an answer and are not known") {
  struct Row {
    const char* text;
    const char* message;
  };
  for (const Row& row : {
           Row{"include \"x\";", "statement 'include' is not understood\n"},
           Row{"view a { };", "statement 'view' is not understood\n"},
           Row{"catalog-zones { };", "statement 'catalog-zones' is not understood\n"},
           Row{"options { }; options { };", "options is given twice, which servers refuse\n"},
           Row{"options { recursion yes; recursion no; };", "option recursion is given twice, which servers refuse\n"},
           Row{"options { recursion maybe; };", "the value of 'recursion' is not understood\n"},
           Row{"options { dual-stack-servers { \"x\"; }; };", "statement 'dual-stack-servers' is not understood\n"},
           Row{"options { nxdomain-redirect \"x\"; };", "statement 'nxdomain-redirect' is not understood\n"},
           Row{"options { allow-new-zones yes; };", "statement 'allow-new-zones' is not understood\n"},
           Row{"options { allow-update { any; }; };", "statement 'allow-update' is not understood\n"},
           Row{"options { forwarders { ns.example; }; };", "the server 'ns.example' is no address\n"},
           Row{"options { response-policy { zone x policy maybe; }; };", "policy 'maybe' is not understood\n"},
           Row{"options { response-policy { zone x; } dnsrps-enable yes; };", "'dnsrps-enable' is not understood\n"},
           Row{"options { response-policy { zone x; } break-dnssec maybe; };", "'break-dnssec' is not understood\n"},
           Row{"zone x { type primary; update-policy local; };", "statement 'update-policy' is not understood\n"},
           Row{"zone x { in-view y; };", "statement 'in-view' is not understood\n"},
           Row{"zone x { type hint; }; zone X. { type hint; };", "zone 'x' is given twice, which servers refuse\n"},
           Row{"zone x CH { type hint; };", "statement 'zone' is not understood\n"},
           Row{"zone x { type primary; type forward; };", "'type' is given twice, which servers refuse\n"},
           Row{"server x { bogus yes; };", "'x' is no address or prefix\n"},
           Row{"server 10.0.0.0/8 { frob yes; };", "statement 'frob' is not understood\n"},
           Row{"\"options\" { };", "statement 'options' is not understood\n"},
       }) {
    INFO(row.text);
    CHECK(not_understood(row.text) == row.message);
  }
  CHECK(not_understood("controls { }; acl a { any; }; logging { category default { null; }; };\n"
                       "options { allow-update { none; }; notify no; version none; max-cache-size 10M; };\n")
            .empty());
}

TEST_CASE("configurations that no server loads are errors at the place") {
  struct Row {
    const char* text;
    const char* message;
  };
  for (const Row& row : {
           Row{"options {", "etc/named.conf:1:10: error[AT-Y017]: the file ends inside a block"},
           Row{"options { }", "etc/named.conf:1:12: error[AT-Y017]: the statement is not ended"},
           Row{"options { recursion yes };", "etc/named.conf:1:25: error[AT-Y017]: the statement is not ended"},
           Row{"};", "etc/named.conf:1:1: error[AT-Y017]: '}' without '{'"},
           Row{"zone \"x", "etc/named.conf:1:6: error[AT-Y017]: the quotes are not closed, or hold '\\'"},
           Row{"/* a", "etc/named.conf:1:1: error[AT-Y017]: the comment is not closed"},
           Row{"zone a#b { };", "etc/named.conf:1:7: error[AT-Y017]: a comment inside a word"},
           Row{"zone a\x01 { };", "etc/named.conf:1:7: error[AT-Y017]: a character that has no place here"},
       }) {
    INFO(row.text);
    const Read read = read_conf(row.text);
    CHECK_FALSE(read.ok);
    CHECK(read.diagnostics.substr(0, read.diagnostics.find('\n')) == row.message);
    CHECK(read.artifacts.resolvers.empty());
  }
  CHECK_FALSE(read_conf(std::string(5000, '{')).ok);
  CHECK_THAT(read_conf("a " + std::string(5000, '{')).diagnostics, Catch::Contains("more than 100 levels"));
}

}  // namespace
}  // namespace airtight::verify
