#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/verify/dns/dns_case.h"

namespace airtight::verify {
namespace {

constexpr const char* kConf = "bind/named.conf";
constexpr const char* kRoot = "rpz/sealed-root.zone";
constexpr const char* kNames = "rpz/names-bind.zone";
constexpr const char* kAnswers = "rpz/answers-bind.zone";

DnsCase unlocked() {
  DnsCase dns = compiled_dns();
  return dns.replace(kConf, "server 0.0.0.0/0 { bogus yes; };\nserver ::/0 { bogus yes; };\n", "");
}

TEST_CASE("what the compiler writes is proven and complete") {
  for (const char* spec : {"tests/lab/dns.yaml", "policies/xpander-airgapped.yaml", "policies/dual-stack.yaml",
                           "policies/minimal.yaml", "policies/xpander-private-vpc.yaml"}) {
    INFO(spec);
    const DnsCase dns = compiled_dns(spec);
    CHECK(told(dns) == "proven\n");
    const DnsJudged result = judged(dns);
    CHECK(result.judgement.report.sealed == Verdict::Proven);
    CHECK(result.judgement.report.complete == Verdict::Proven);
    CHECK_FALSE(result.judgement.report.exact);
  }
}

TEST_CASE("what a proof of dns rests on is printed") {
  const DnsJudged result = judged(compiled_dns());
  CHECK(result.judgement.report.workloads == std::vector<std::string>{"resolver bind/named.conf"});
  CHECK(result.judgement.assumptions ==
        std::vector<std::string>{
            "no inside name carries outside address hints in HTTPS or SVCB records: BIND hands them on",
            "no inside server gives an address or an alias to a name that is no host name and only keeps a place in a "
            "policy "
            "zone: _inside.20.10.in-addr.arpa, _inside.cluster.local, _inside.0.10.10.in-addr.arpa and 8 more",
            "policy zones answers.zone, names.zone are for other resolvers and not used by these configurations",
            "resolver bind/named.conf was started with these files, over an empty cache",
            "the servers that inside zones are forwarded to ask nobody outside: 10.20.0.53, fd00:20::53"});
}

TEST_CASE("without a policy the names of the configuration count as inside") {
  DnsCase dns = compiled_dns();
  dns.with_policy = false;
  // 203.0.113.7 is an exception of the policy, which nobody gave.
  CHECK(told(dns) ==
        "violated\n"
        "AT-V402 violated: an inside name may be answered with an outside address (203.0.113.7) at bind/named.conf: "
        "response-policy {\n");
  dns.append(kAnswers, "32.7.113.0.203.rpz-ip CNAME .\n");
  dns.append(kAnswers, "31.0.0.0.11.rpz-ip CNAME *.\n");
  const DnsJudged result = judged(dns);
  CHECK(result.judgement.report.verdict == Verdict::Proven);
  CHECK_FALSE(result.judgement.report.complete);
  CHECK(result.judgement.assumptions.at(0) ==
        "names at and below the zones of resolver bind/named.conf are inside names: 20.10.in-addr.arpa, corp.example");
}

TEST_CASE("zones without a resolver are inconclusive") {
  DnsCase dns = compiled_dns();
  dns.files.erase(kConf);
  CHECK(told(dns) ==
        "inconclusive\n"
        "AT-V406 inconclusive: there are zones and no resolver configuration that uses them at "
        "rpz/answers-bind.zone: @ SOA ns.airtight.invalid. hostmaster.airtight.invalid. (\n");
}

// ---- upstreams

TEST_CASE("a global forwarder") {
  const std::string forwarders = "options {\n    forwarders { 203.0.113.53; };";
  CHECK(told(compiled_dns().replace(kConf, "options {", forwarders)) ==
        "inconclusive\n"
        "AT-V401 inconclusive: a forwarder for every name, held by the zones of this configuration only (203.0.113.53) "
        "at bind/named.conf: forwarders { 203.0.113.53; };\n");
  // Without the names zone, what the root delegates and no zone forwards is asked.
  DnsCase open = unlocked();
  open.replace(kConf, "options {", forwarders)
      .replace(kConf, "        zone \"airtight-names\" policy given log yes;\n", "");
  CHECK_THAT(told(open), Catch::StartsWith("violated\nAT-V401 violated: a forwarder for every name (203.0.113.53) at "
                                           "bind/named.conf: forwarders { 203.0.113.53; };\n"));
  DnsCase locked = compiled_dns();
  locked.replace(kConf, "options {", forwarders)
      .replace(kConf, "        zone \"airtight-names\" policy given log yes;\n", "");
  CHECK_THAT(told(locked),
             Catch::Contains("AT-V401 inconclusive: a forwarder for every name, held by a server statement "
                             "only (203.0.113.53)"));
}

TEST_CASE("a zone of type forward for everything is a global forwarder") {
  for (const char* forward : {"", "forward only; ", "forward first; "}) {
    DnsCase dns = unlocked();
    dns.drop_block(kConf, "zone \".\"").drop_line(kNames, "* CNAME .");
    dns.append(kConf, "zone \".\" { type forward; " + std::string(forward) + "forwarders { 9.9.9.9; }; };\n");
    CHECK_THAT(told(dns), Catch::StartsWith("violated\n") &&
                              Catch::Contains("AT-V401 violated: a forwarder for every name (9.9.9.9)"));
  }
}

TEST_CASE("a forwarder outside") {
  const auto outside = [](DnsCase dns) { return dns.replace(kConf, "        10.20.0.53;", "        203.0.113.53;"); };
  CHECK(told(outside(unlocked())) ==
        "violated\n"
        "AT-V401 violated: zone '20.10.in-addr.arpa' is forwarded to an outside address (203.0.113.53) at "
        "bind/named.conf: 203.0.113.53;  # endpoint resolvers, dns.yaml:23\n");
  CHECK(told(outside(compiled_dns())) ==
        "inconclusive\n"
        "AT-V401 inconclusive: zone '20.10.in-addr.arpa' is forwarded to an outside address, held by a server "
        "statement only (203.0.113.53) at bind/named.conf: 203.0.113.53;  # endpoint resolvers, dns.yaml:23\n");
  const DnsJudged result = judged(outside(unlocked()));
  const Finding& finding = result.judgement.report.findings.at(0);
  REQUIRE(finding.counterexample);
  CHECK(finding.counterexample->destination == Ip::parse("203.0.113.53"));
  CHECK(finding.counterexample->protocol == "A");
  CHECK(finding.counterexample->destination_port == 53);
}

TEST_CASE("root hints") {
  const auto hint = [](DnsCase dns) {
    dns.drop_block(kConf, "zone \".\"");
    dns.append(kConf, "zone \".\" { type hint; file \"root.hints\"; };\n");
    dns.files["bind/root.hints"] = ". 3600000 NS a.root-servers.net.\na.root-servers.net. 3600000 A 198.41.0.4\n";
    return dns;
  };
  CHECK_THAT(told(hint(unlocked())), Catch::StartsWith("violated\n"
                                                       "AT-V401 violated: root hints: names that no zone holds are "
                                                       "asked of the servers in them (a) at bind/named.conf:"));
  CHECK_THAT(told(hint(compiled_dns())), Catch::StartsWith("inconclusive\nAT-V401 inconclusive: root hints"));
}

TEST_CASE("no zone for the root") {
  CHECK(told(unlocked().drop_block(kConf, "zone \".\"")) ==
        "violated\n"
        "AT-V401 violated: no sealed root: names that no zone holds are asked of the public root servers (a) at "
        "bind/named.conf: acl inside {\n");
  CHECK(told(compiled_dns().drop_block(kConf, "zone \".\"")) ==
        "inconclusive\n"
        "AT-V401 inconclusive: no sealed root: names that no zone holds are asked of the public root servers (a) at "
        "bind/named.conf: acl inside {\n");
}

TEST_CASE("a root whose file is not in the input, or is another's") {
  DnsCase missing = unlocked();
  missing.files.erase(kRoot);
  CHECK(told(missing) ==
        "inconclusive\n"
        "AT-V401 inconclusive: the root cannot be taken for sealed: its file ../rpz/sealed-root.zone is not in the "
        "input (a) at bind/named.conf: zone \".\" {\n");
  DnsCase other = unlocked();
  other.replace(kRoot, "$ORIGIN .\n", "$ORIGIN example.\n");
  CHECK_THAT(told(other),
             Catch::StartsWith("violated\nAT-V401 violated: the root cannot be taken for sealed: the file is of "
                               "zone example (a) at bind/named.conf: zone \".\" {\n"));
}

TEST_CASE("an address in the root") {
  CHECK(told(unlocked().append(kRoot, "ns.airtight.invalid. A 198.51.100.1\n")).substr(0, 130) ==
        std::string(
            "violated\n"
            "AT-V401 violated: the root holds an outside address, so a name server that it delegates to may be found "
            "(198.51.100.1) at rpz/s")
            .substr(0, 130));
  CHECK_THAT(told(compiled_dns().append(kRoot, "ns.airtight.invalid. AAAA fd00:10::99\n")),
             Catch::StartsWith("inconclusive\nAT-V401 inconclusive: the root holds an inside address"));
}

TEST_CASE("a root that delegates an outside name") {
  CHECK(told(compiled_dns().append(kRoot, "evil.example. NS ns.airtight.invalid.\n")) ==
        "inconclusive\n"
        "AT-V401 inconclusive: the root delegates an outside name, held only because its name server has no address "
        "(evil.example) at rpz/sealed-root.zone: evil.example. NS ns.airtight.invalid.\n");
  // Its name server can be found in an inside zone: any address may be behind it.
  DnsCase dns = unlocked();
  dns.append(kRoot, "evil.test. NS ns.corp.example.\n").drop_line(kNames, "* CNAME .");
  CHECK(told(dns) ==
        "violated\n"
        "AT-V401 violated: a name server that may have any address is asked for 'evil.test' and what is below it "
        "(evil.test) "
        "at rpz/sealed-root.zone: evil.test. NS ns.corp.example.\n"
        "AT-V403 proven: no policy zone refuses every outside name: only the sealed root does (a) at bind/named.conf: "
        "response-policy {\n");
}

TEST_CASE("zones that come from elsewhere") {
  CHECK_THAT(
      told(unlocked().append(kConf, "zone \"x.example\" { type stub; primaries { 203.0.113.9; }; };\n")),
      Catch::Contains("AT-V401 violated: the zone is asked of, or copied from, an outside address (203.0.113.9)"));
  CHECK_THAT(told(compiled_dns().append(
                 kConf, "zone \"x.example\" { type static-stub; server-addresses { 10.10.0.9; }; };\n")),
             Catch::StartsWith(
                 "inconclusive\nAT-V502 inconclusive: what the zone holds comes from another server, so it is not "
                 "in the input (x.example)"));
  DnsCase mirror = unlocked();
  mirror.drop_block(kConf, "zone \".\"").append(kConf, "zone \".\" { type mirror; };\n");
  CHECK_THAT(told(mirror),
             Catch::StartsWith("violated\nAT-V401 violated: the root is copied from the public root servers (.)"));
}

TEST_CASE("a zone of a type that is not known") {
  CHECK_THAT(told(compiled_dns().append(kConf, "zone \"x.test\" { type redirect; file \"x\"; };\n")),
             Catch::StartsWith("inconclusive\nAT-V502 inconclusive: a zone of this type is not understood (x.test)"));
}

TEST_CASE("what is not understood is inconclusive") {
  for (const char* text : {"include \"more.conf\";\n", "view \"all\" { zone \"x\" { type hint; file \"x\"; }; };\n",
                           "dlz \"x\" { database \"y\"; };\n", "frobnicate yes;\n"}) {
    INFO(text);
    CHECK_THAT(told(compiled_dns().append(kConf, text)),
               Catch::StartsWith("inconclusive\nAT-V502 inconclusive: statement '"));
  }
  // What is absent may stand in the included file.
  DnsCase dns = unlocked();
  dns.drop_block(kConf, "zone \".\"").append(kConf, "include \"root.conf\";\n");
  CHECK_THAT(told(dns), Catch::StartsWith("inconclusive\nAT-V401 inconclusive: no sealed root"));
  CHECK_THAT(told(compiled_dns().replace(kConf, "    prefetch 0;", "    dns64 64:ff9b::/96 { clients { any; }; };")),
             Catch::StartsWith("inconclusive\nAT-V502 inconclusive: statement 'dns64' is not understood"));
}

// ---- answers

TEST_CASE("no zone of addresses in response-policy") {
  DnsCase dns = compiled_dns();
  dns.replace(kConf, "        zone \"airtight-answers\" policy given log yes;\n", "");
  CHECK(told(dns) ==
        "violated\n"
        "AT-V402 violated: an inside name may be answered with an outside address (1.0.0.0) at bind/named.conf: "
        "response-policy {\n"
        "AT-V404 proven: no resolver configuration uses the policy zone 'airtight-answers' (airtight-answers) at "
        "rpz/answers.zone: @ SOA ns.airtight.invalid. hostmaster.airtight.invalid. (\n");
  const DnsJudged result = judged(dns);
  CHECK(result.judgement.report.findings.at(0).because.back().absent == "no policy zone with address triggers");
  dns.files.erase("rpz/answers.zone");
  dns.replace(kConf, "        zone \"airtight-names\"",
              "        zone \"airtight-answers\" policy disabled;\n        zone \"airtight-names\"");
  CHECK_THAT(told(dns),
             Catch::Contains("AT-V402 violated: an inside name may be answered with an outside address (1.0.0.0)"));
}

TEST_CASE("a gap in the answers, one trigger and one family at a time") {
  CHECK(told(compiled_dns().drop_line(kAnswers, "3.0.0.0.224.rpz-ip")) ==
        "violated\n"
        "AT-V402 violated: an inside name may be answered with an outside address (224.0.0.0) at bind/named.conf: "
        "response-policy {\n");
  const DnsJudged v6 = judged(compiled_dns().drop_line(kAnswers, "3.zz.2000.rpz-ip"));
  REQUIRE(v6.judgement.report.findings.size() == 1);
  const Finding& finding = v6.judgement.report.findings[0];
  CHECK(finding.destination == "2000::");
  CHECK(finding.protocol == "AAAA");
  CHECK_THAT(finding.extent, Catch::StartsWith("all of IPv6 except ::/3, "));
  CHECK(finding.because.back().absent == "no address trigger for 2000:: in airtight-answers");
}

TEST_CASE("a prefix that became one bit longer") {
  CHECK_THAT(told(compiled_dns().replace(kAnswers, "\n3.0.0.0.224.rpz-ip", "\n4.0.0.0.224.rpz-ip")),
             Catch::Contains("AT-V402 violated: an inside name may be answered with an outside address (240.0.0.0)"));
  CHECK_THAT(told(compiled_dns().replace(kAnswers, "\n3.zz.2000.rpz-ip", "\n4.zz.2000.rpz-ip")),
             Catch::Contains("AT-V402 violated: an inside name may be answered with an outside address (3000::)"));
}

TEST_CASE("a trigger in a spelling that servers refuse holds nothing") {
  CHECK_THAT(told(compiled_dns().replace(kAnswers, "\n3.0.0.0.224.rpz-ip", "\n3.1.0.0.224.rpz-ip")),
             Catch::Contains("AT-V402 violated: an inside name may be answered with an outside address (224.0.0.0)"));
}

TEST_CASE("the zone of addresses for other resolvers keeps BIND from answering") {
  // ::/1 covers ::ffff:0:0/96, where IPv4 is.
  const DnsCase dns = compiled_dns().replace(kConf, "../rpz/answers-bind.zone", "../rpz/answers.zone");
  CHECK(
      told(dns) ==
      "proven\n"
      "AT-V003 proven: answers with an inside address are refused by a policy zone (10.10.0.0) at bind/named.conf: "
      "response-policy {\n"
      "AT-V003 proven: answers with the address of an exception in force are refused by a policy zone (203.0.113.7) at "
      "bind/named.conf: response-policy {\n");
  CHECK(judged(dns).judgement.report.complete == Verdict::Violated);
}

TEST_CASE("an exception counts until its last day") {
  DnsCase dns = compiled_dns();
  dns.at = {2027, 6, 30};
  CHECK(told(dns) == "proven\n");
  dns.at = {2027, 7, 1};
  CHECK(told(dns) ==
        "violated\n"
        "AT-V402 violated: an inside name may be answered with an outside address (203.0.113.7) at bind/named.conf: "
        "response-policy {\n");
}

TEST_CASE("an address that passes opens the answer that it stands in") {
  CHECK_THAT(
      told(compiled_dns().append(kAnswers, "32.10.0.20.10.rpz-ip CNAME rpz-passthru.\n")),
      Catch::StartsWith("violated\nAT-V402 violated: an answer that holds an address which passes is not looked at any "
                        "further, so an outside address may stand beside it (10.20.0.10)"));
}

TEST_CASE("options that switch policy zones off for some questions") {
  struct Row {
    const char* what;
    const char* by;
    const char* message;
  };
  for (const Row& row :
       {Row{"break-dnssec yes", "break-dnssec no",
            "a signed answer is not looked at where the client asks for signatures"},
        Row{" break-dnssec yes", "", "a signed answer is not looked at where the client asks for signatures"},
        Row{"recursive-only no", "recursive-only yes",
            "an answer from the cache is not looked at where the client asks for no recursion"},
        Row{"    minimal-responses yes;\n", "", "addresses beside an answer are not looked at"},
        Row{"minimal-responses yes", "minimal-responses no-auth", "addresses beside an answer are not looked at"}}) {
    INFO(row.what);
    CHECK(told(compiled_dns().replace(kConf, row.what, row.by)) ==
          "violated\nAT-V402 violated: " + std::string(row.message) +
              " (1.0.0.0) at bind/named.conf: response-policy {\n");
  }
}

// ---- names

TEST_CASE("the wildcard of the root removed from the zone of names") {
  CHECK(told(compiled_dns().drop_line(kNames, "* CNAME .")) ==
        "proven\n"
        "AT-V403 proven: no policy zone refuses every outside name: only the sealed root does (a) at bind/named.conf: "
        "response-policy {\n");
}

TEST_CASE("no zone of names: the sealed root holds outside names, nothing holds denied ones below an inside zone") {
  CHECK(told(compiled_dns().replace(kConf, "        zone \"airtight-names\" policy given log yes;\n", "")) ==
        "violated\n"
        "AT-V403 violated: an outside name is asked of the forwarders of zone 'corp.example' and answered "
        "(deep.down.corp.example) at bind/named.conf: zone \"corp.example\" {\n"
        "AT-V403 proven: no policy zone refuses every outside name: only the sealed root does (a) at bind/named.conf: "
        "response-policy {\n"
        "AT-V404 proven: no resolver configuration uses the policy zone 'airtight-names' (airtight-names) at "
        "rpz/names.zone: @ SOA ns.airtight.invalid. hostmaster.airtight.invalid. (\n");
}

TEST_CASE("the trigger of a denied name below an inside zone removed") {
  DnsCase dns = compiled_dns();
  dns.drop_line(kNames, "secret.corp.example CNAME .");
  const DnsJudged result = judged(dns);
  REQUIRE(result.judgement.report.findings.size() == 1);
  const Finding& finding = result.judgement.report.findings[0];
  CHECK(finding.rule == Rule::OutsideName);
  CHECK(finding.effect == Verdict::Violated);
  CHECK(finding.destination == "secret.corp.example");
  CHECK(finding.extent == "secret.corp.example");
  CHECK(told(compiled_dns().drop_line(kNames, "*.secret.corp.example CNAME .")) ==
        "violated\n"
        "AT-V403 violated: an outside name is asked of the forwarders of zone 'corp.example' and answered "
        "(a.secret.corp.example) at bind/named.conf: zone \"corp.example\" {\n");
}

TEST_CASE("an outside name forwarded") {
  const char* zone = "zone \"evil.test\" { type forward; forward only; forwarders { 10.20.0.53; }; };\n";
  CHECK_THAT(told(compiled_dns().append(kConf, zone)),
             Catch::StartsWith(
                 "inconclusive\nAT-V403 inconclusive: zone 'evil.test' is forwarded and holds no inside name; only "
                 "other zones hold it (evil.test)"));
  DnsCase dns = compiled_dns();
  dns.append(kConf, zone).append(kRoot, "evil.test. NS ns.airtight.invalid.\n").drop_line(kNames, "* CNAME .");
  CHECK_THAT(told(dns), Catch::Contains("AT-V403 violated: an outside name is asked of the forwarders of zone "
                                        "'evil.test' and answered (evil.test)"));
}

TEST_CASE("an outside name answered from a zone of the server") {
  DnsCase dns = compiled_dns();
  dns.append(kConf, "zone \"evil.test\" { type primary; file \"../rpz/evil.zone\"; };\n")
      .drop_line(kNames, "* CNAME .");
  dns.files["rpz/evil.zone"] =
      "$TTL 60\nevil.test. SOA a. b. 1 2 3 4 5\nevil.test. NS a.\nwww.evil.test. A 10.20.0.10\n";
  CHECK_THAT(told(dns),
             Catch::Contains("AT-V403 violated: an outside name is answered from a zone of this server (evil.test)"));
}

TEST_CASE("denied names asked before they are refused") {
  CHECK(told(compiled_dns().replace(kConf, "qname-wait-recurse no ", "")) ==
        "proven\n"
        "AT-V403 proven: a denied name is asked of the forwarders of zone 'corp.example' before it is refused "
        "(deep.down.corp.example) at bind/named.conf: response-policy {\n");
  // BIND waits for every zone behind one with address triggers.
  DnsCase swapped = compiled_dns();
  swapped.replace(kConf, "        zone \"airtight-names\" policy given log yes;\n", "");
  swapped.replace(kConf, "    } qname-wait", "        zone \"airtight-names\" policy given log yes;\n    } qname-wait");
  CHECK_THAT(told(swapped),
             Catch::Contains("AT-V403 proven: a denied name is asked of the forwarders of zone 'corp.example'"));
}

// ---- order

TEST_CASE("names that pass before the zone of addresses") {
  DnsCase dns = compiled_dns();
  dns.replace(kConf, "../rpz/names-bind.zone", "../rpz/names.zone");
  CHECK(told(dns) ==
        "violated\n"
        "AT-V405 violated: names pass in policy zone airtight-names, and BIND looks at no zone of addresses behind it "
        "for "
        "them (20.10.in-addr.arpa) at rpz/names.zone: *.20.10.in-addr.arpa CNAME rpz-passthru.\n");
  // Listed behind it they still pass for what an alias leads to.
  dns.replace(kConf, "        zone \"airtight-names\" policy given log yes;\n", "");
  dns.replace(kConf, "    } qname-wait", "        zone \"airtight-names\" policy given log yes;\n    } qname-wait");
  CHECK_THAT(told(dns),
             Catch::StartsWith("violated\n") &&
                 Catch::Contains("AT-V402 violated: names pass in policy zone airtight-names, and BIND does not "
                                 "look at what an alias of theirs leads to"));
}

TEST_CASE("one inside name that passes") {
  CHECK_THAT(told(compiled_dns().append(kNames, "vllm.corp.example CNAME rpz-passthru.\n")),
             Catch::StartsWith("violated\nAT-V405 violated: names pass in policy zone airtight-names"));
  CHECK_THAT(told(compiled_dns().replace(kConf, "zone \"airtight-answers\" policy given",
                                         "zone \"airtight-answers\" policy passthru")),
             Catch::StartsWith("violated\n"));
}

TEST_CASE("data of a policy zone's own") {
  CHECK_THAT(told(compiled_dns().append(kNames, "web.corp.example A 203.0.113.80\n")),
             Catch::Contains("AT-V402 violated: a policy zone answers with an outside address (203.0.113.80)"));
  CHECK_THAT(
      told(compiled_dns().append(kNames, "evil.example CNAME vllm.corp.example.\n")),
      Catch::Contains("AT-V403 violated: a policy zone answers an outside name with data of its own (evil.example)"));
  CHECK_THAT(told(compiled_dns().append(kNames, "web.corp.example CNAME vllm.corp.example.\n")),
             Catch::StartsWith("inconclusive\nAT-V503 inconclusive: a policy zone answers with data of its own"));
}

TEST_CASE("triggers by client or by name server that let something through") {
  CHECK_THAT(told(compiled_dns().append(kNames, "32.5.0.10.10.rpz-client-ip CNAME rpz-passthru.\n")),
             Catch::StartsWith(
                 "inconclusive\nAT-V503 inconclusive: trigger '32.5.0.10.10.rpz-client-ip' lets something through"));
}

TEST_CASE("a trigger that stands twice is a finding, and two that differ undo the zone") {
  CHECK(told(compiled_dns().append(kNames, "Secret.CORP.example CNAME .\n")) ==
        "proven\n"
        "AT-V203 proven: the trigger stands twice, and some servers refuse such a zone whole at rpz/names-bind.zone: "
        "Secret.CORP.example CNAME .\n");
  CHECK_THAT(told(compiled_dns().append(kNames, "Secret.CORP.example CNAME rpz-passthru.\n")),
             !Catch::StartsWith("proven"));
}

// ---- complete

TEST_CASE("an inside zone that cannot be reached") {
  struct Row {
    DnsCase dns;
    const char* finding;
  };
  for (const Row& row : {
           Row{compiled_dns().drop_block(kConf, "zone \"corp.example\""),
               "inside zone 'corp.example' is not forwarded (corp.example)"},
           Row{compiled_dns().drop_line(kRoot, "corp.example. NS"),
               "inside zone 'corp.example' is not delegated by the root, so it is never asked for (corp.example)"},
           Row{compiled_dns().replace(kConf, "dnssec-validation no;", "dnssec-validation auto;"),
               "signatures are validated under a root of its own, so every inside answer fails"},
           Row{compiled_dns().replace(kConf, "    empty-zones-enable no;\n", ""),
               "the server makes up zone '10.in-addr.arpa', which hides an inside zone (20.10.in-addr.arpa)"},
           Row{compiled_dns().append(kNames, "*.corp.example CNAME .\n"),
               "an inside name is refused by a policy zone (a.corp.example)"},
           Row{compiled_dns().append(kAnswers, "32.10.0.20.10.rpz-ip CNAME .\n"),
               "answers with an inside address are refused by a policy zone (10.20.0.10)"},
       }) {
    INFO(row.finding);
    CHECK_THAT(told(row.dns), Catch::StartsWith("proven\nAT-V003 proven: " + std::string(row.finding)));
    CHECK(judged(row.dns).judgement.report.complete == Verdict::Violated);
  }
}

TEST_CASE("a server that does no recursion asks nobody") {
  DnsCase dns = unlocked();
  dns.replace(kConf, "recursion yes;", "recursion no;").drop_block(kConf, "zone \".\"");
  CHECK_THAT(told(dns), Catch::StartsWith("proven\nAT-V003 proven: inside zone"));
}

// ---- files

TEST_CASE("a zone's file is found beside the configuration, by its name, or by name and directory") {
  DnsCase moved = compiled_dns();
  std::map<std::string, std::string> files;
  for (const auto& [path, text] : moved.files) files["/srv/" + path.substr(path.rfind('/') + 1)] = text;
  moved.files = files;
  CHECK(told(moved) == "proven\n");
  moved.files["/other/sealed-root.zone"] = files.at("/srv/sealed-root.zone");
  CHECK_THAT(told(moved), Catch::StartsWith("inconclusive\nAT-V401 inconclusive: the root cannot be taken for sealed"));
  DnsCase absolute = compiled_dns();
  absolute.replace(kConf, "directory \".\"", "directory \"/var/cache/bind\"");
  CHECK(told(absolute) == "proven\n");
}

}  // namespace
}  // namespace airtight::verify
