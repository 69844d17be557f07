// `nft -j list ruleset`: the same rules as the text, in the form of libnftables-json(5).
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/verify/firewall/firewall_words.h"

using namespace airtight;
using namespace airtight::verify;

namespace {

struct Row {
  std::string_view family;
  std::string_view expr;  // the statements of one rule
  std::string_view meaning;
};

constexpr Row kRows[] = {
    {"inet", R"({"accept": null})", "[] accept"},
    {"inet",
     R"({"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "10.0.0.1"}}, {"drop": null})",
     "[ether=800 ip.dst=10.0.0.1] drop"},
    {"inet",
     R"({"match": {"op": "!=", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "@inside"}}, {"goto": {"target": "other"}})",
     "[ether=800 ip.dst=0.0.0.0-9.255.255.255,11.0.0.0-127.0.0.0,127.0.0.2-255.255.255.255] goto other"},
    {"ip6",
     R"({"match": {"op": "==", "left": {"payload": {"protocol": "ip6", "field": "saddr"}}, "right": {"prefix": {"addr": "fd00::", "len": 8}}}}, {"return": null})",
     "[ether=86dd ip6.src=fd00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff] return"},
    {"inet",
     R"({"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": {"set": [22, {"range": [80, 90]}, "https"]}}}, {"accept": null})",
     "[proto=6 dport=16,50-5a,1bb] accept"},
    {"inet", R"({"match": {"op": ">", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 1023}})",
     "[proto=6 dport=400-ffff] next"},
    {"inet",
     R"({"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}}, {"accept": null})",
     "[state=2-3] accept"},
    {"inet", R"({"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "new"}})", "[state=1] next"},
    {"inet", R"({"match": {"op": "in", "left": {"ct": {"key": "status"}}, "right": "dnat"}})", "[dnat=1] next"},
    {"inet", R"({"match": {"op": "==", "left": {"ct": {"key": "direction"}}, "right": "original"}}, {"drop": null})",
     "not understood: ct direction; [] drop"},
    {"inet",
     R"({"match": {"op": "==", "left": {"ct": {"key": "saddr", "dir": "original", "family": "ip"}}, "right": "10.0.0.1"}}, {"drop": null})",
     "not understood: ct original saddr; [] drop"},
    {"inet", R"({"match": {"op": "==", "left": {"meta": {"key": "nfproto"}}, "right": "ipv6"}})", "[ether=86dd] next"},
    {"inet", R"({"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "cali*"}})", "[iif=cali*] next"},
    {"inet",
     R"({"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": {"set": ["tcp", "udp"]}}}, {"match": {"op": "==", "left": {"payload": {"protocol": "th", "field": "dport"}}, "right": 53}})",
     "[proto=6,11 dport=35] next"},
    {"inet",
     R"({"match": {"op": "==", "left": {"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, ["fin", "syn", "rst", "ack"]]}, "right": "syn"}})",
     "[proto=6 flags=2,a,22,2a,42,4a,62,6a,82,8a,a2,aa,c2,ca,e2,ea] next"},
    {"inet",
     R"({"match": {"op": "==", "left": {"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, {"|": ["syn", "ack"]}]}, "right": {"|": ["syn", "ack"]}}})",
     "[proto=6 "
     "flags=12-13,16-17,1a-1b,1e-1f,32-33,36-37,3a-3b,3e-3f,52-53,56-57,5a-5b,5e-5f,72-73,76-77,7a-7b,7e-7f,92-93,96-"
     "97,9a-9b,9e-9f,b2-b3,b6-b7,ba-bb,be-bf,d2-d3,d6-d7,da-db,de-df,f2-f3,f6-f7,fa-fb,fe-ff] next"},
    {"inet",
     R"({"match": {"op": "==", "left": {"payload": {"protocol": "icmpv6", "field": "type"}}, "right": "nd-redirect"}}, {"match": {"op": "==", "left": {"payload": {"protocol": "icmpv6", "field": "code"}}, "right": "no-route"}})",
     "[ether=86dd proto=3a icmp6=8900] next"},
    {"inet", R"({"match": {"op": "==", "left": {"fib": {"result": "type", "flags": ["daddr"]}}, "right": "local"}})",
     "[local=1] next"},
    {"inet",
     R"({"match": {"op": "==", "left": {"fib": {"result": "type", "flags": ["daddr", "iif"]}}, "right": "local"}})",
     "not understood: fib daddr . iif type; [] next"},
    {"inet", R"({"match": {"op": "==", "left": {"exthdr": {"name": "rt"}}, "right": true}}, {"drop": null})",
     "[ether=86dd rt=1] drop"},
    {"inet",
     R"({"match": {"op": "==", "left": {"exthdr": {"name": "frag", "field": "id"}}, "right": 1}}, {"drop": null})",
     "not understood: exthdr frag id; [ether=86dd] drop"},
    {"inet",
     R"({"match": {"op": "==", "left": {"concat": [{"payload": {"protocol": "ip", "field": "daddr"}}, {"payload": {"protocol": "tcp", "field": "dport"}}]}, "right": {"set": [{"concat": ["10.0.0.1", 22]}, {"concat": [{"prefix": {"addr": "10.1.0.0", "len": 16}}, {"range": [80, 90]}]}]}}})",
     "[ether=800 ip.dst=10.0.0.1 proto=6 dport=16] [ether=800 ip.dst=10.1.0.0-10.1.255.255 proto=6 dport=50-5a] next"},
    {"inet",
     R"({"vmap": {"key": {"ct": {"key": "state"}}, "data": {"set": [["established", {"accept": null}], ["invalid", {"drop": null}], ["new", {"jump": {"target": "other"}}]]}}})",
     "[state=2] accept | [state=0] drop | [state=1] jump other"},
    {"inet", R"({"vmap": {"key": {"payload": {"protocol": "ip", "field": "daddr"}}, "data": "@verdicts"}})",
     "[ether=800 ip.dst=10.0.0.1] accept | [ether=800 ip.dst=10.0.0.2] goto other"},
    {"inet",
     R"({"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "@empty"}}, {"accept": null})",
     "never accept"},
    {"inet",
     R"({"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "@learned"}}, {"accept": null})",
     "not understood: the set 'learned' changes by itself (flags dynamic); [ether=800] accept"},
    {"inet",
     R"({"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "@forgets"}}, {"accept": null})",
     "not understood: the set 'forgets' forgets its elements (timeout); [ether=800] accept"},
    {"inet",
     R"({"counter": {"packets": 1, "bytes": 2}}, {"log": {"prefix": "x"}}, {"counter": "named"}, {"limit": {"rate": 5, "per": "second"}}, {"accept": null})",
     "limited; [] accept"},
    {"inet", R"({"quota": {"val": 1, "val_unit": "mbytes"}}, {"drop": null})", "limited; [] drop"},
    {"inet", R"({"ct count": {"val": 10}}, {"drop": null})", "limited; [] drop"},
    {"inet",
     R"({"set": {"op": "add", "elem": {"payload": {"protocol": "ip", "field": "saddr"}}, "set": "@learned"}}, {"drop": null})",
     "limited; [] drop"},
    {"inet", R"({"reject": {"type": "tcp reset"}})", "[proto=6] drop (reject type tcp reset)"},
    {"inet", R"({"queue": {"num": 3, "flags": "bypass"}})", "[] elsewhere (queue num 3 flags bypass)"},
    {"inet", R"({"dup": {"addr": "10.0.0.1"}})", "[] elsewhere (dup addr 10.0.0.1)"},
    {"inet", R"({"flow": {"op": "add", "flowtable": "@ft"}})", "[] elsewhere (flow op add flowtable @ft)"},
    {"inet", R"({"dnat": {"family": "ip", "addr": "10.0.0.1", "port": 53}})",
     "[] translate (dnat family ip addr 10.0.0.1 port 53)"},
    {"ip",
     R"({"dnat": {"addr": {"map": {"key": {"payload": {"protocol": "tcp", "field": "dport"}}, "data": {"set": [[80, "10.0.0.1"]]}}}}})",
     "not understood: the map of dnat; [ether=800] translate (dnat addr map key payload protocol tcp field dport data "
     "set 80 10.0.0.1)"},
    {"ip", R"({"masquerade": null})", "[ether=800] translate (masquerade)"},
    {"ip", R"({"mangle": {"key": {"payload": {"protocol": "ip", "field": "daddr"}}, "value": "10.0.0.1"}})",
     "rewrites mangle key payload protocol ip field daddr value 10.0.0.1; [ether=800] next"},
    {"ip", R"({"mangle": {"key": {"meta": {"key": "mark"}}, "value": 1}}, {"accept": null})",
     "changes mark; [ether=800] accept"},
    {"ip", R"({"mangle": {"key": {"ct": {"key": "mark"}}, "value": 1}})", "[ether=800] next"},
    {"inet", R"({"notrack": null})", "changes state; [] next"},
    {"inet", R"({"xt": {"type": "match", "name": "set"}}, {"accept": null})",
     "not understood: 'xt type match name set'; [] accept"},
    {"inet", R"({"xt": {"type": "match", "name": "set"}})", "not understood: 'xt type match name set'; [] next"},
    {"inet", R"({"xt": {"type": "target", "name": "TPROXY"}})", "[] translate (TPROXY)"},
    {"inet", R"({"xt": {"type": "target", "name": "REJECT"}})", "[] drop (REJECT)"},
    {"inet", R"({"xt": {"type": "target", "name": "DROP"}})", "[] drop"},
    {"inet", R"({"xt": {"type": "target", "name": "ACCEPT"}})", "[] accept"},
    {"inet", R"({"xt": {"type": "target", "name": "LOG"}})", "[] next"},
    {"inet", R"({"xt": {"type": "target", "name": "MARK"}})", "changes mark; [] next"},
    {"inet", R"({"xt": {"type": "target", "name": "TTL"}})", "changes hops; [] next"},
    {"inet", R"({"xt": {"type": "target", "name": "DNPT"}})", "rewrites DNPT; [] next"},
    {"inet", R"({"xt": {"type": "target", "name": "CT"}})",
     "not understood: 'xt type target name CT'; changes state; [] next"},
    {"inet", R"({"xt": {"type": "target", "name": "MINE"}})",
     "not understood: 'xt type target name MINE'; [] accept | [] drop"},
    {"inet", R"({"xt": null})", "not understood: 'xt'; [] accept | [] drop"},
    {"inet", R"({"match": {"op": "==", "left": {"numgen": {"mode": "inc", "mod": 2}}, "right": 0}}, {"drop": null})",
     "not understood: numgen; [] drop"},
    {"inet", R"({"match": {"op": "~", "left": {"meta": {"key": "mark"}}, "right": 0}}, {"drop": null})",
     "not understood: 'match op ~ left meta key mark right 0'; [] drop"},
    {"netdev",
     R"({"match": {"op": "==", "left": {"payload": {"base": "ll", "offset": 96, "len": 24}}, "right": 524357}}, {"accept": null})",
     "[ether=800 ihl=45 lsrr=0] accept"},
    {"netdev",
     R"({"match": {"op": "==", "left": {"payload": {"base": "ll", "offset": 96, "len": 16}}, "right": 34525}}, {"match": {"op": "==", "left": {"payload": {"base": "ll", "offset": 304, "len": 128}}, "right": "@raw6"}}, {"accept": null})",
     "[ether=86dd ip6.dst=::1,fe80::-fe80::ffff] accept"},
    {"netdev",
     R"({"match": {"op": "==", "left": {"payload": {"base": "ll", "offset": 96, "len": 24}}, "right": 524357}}, {"match": {"op": "==", "left": {"payload": {"base": "ll", "offset": 208, "len": 64}}, "right": -4290510781}})",
     "[ether=800 ip.src=255.255.255.255 ip.dst=0.68.0.67 ihl=45 lsrr=0] next"},
    {"netdev", R"({"fwd": {"dev": "eth0"}})", "[] elsewhere (fwd dev eth0)"},
};

std::string around(const Row& row) {
  std::string text = R"({"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
{"table": {"family": "F", "name": "t", "handle": 1}},
{"set": {"family": "F", "name": "inside", "table": "t", "type": "ipv4_addr", "flags": ["interval"], "elem": [{"prefix": {"addr": "10.0.0.0", "len": 8}}, "127.0.0.1"]}},
{"set": {"family": "F", "name": "empty", "table": "t", "type": "ipv4_addr"}},
{"set": {"family": "F", "name": "learned", "table": "t", "type": "ipv4_addr", "flags": "dynamic", "elem": ["10.0.0.1"]}},
{"set": {"family": "F", "name": "forgets", "table": "t", "type": "ipv4_addr", "elem": [{"elem": {"val": "10.0.0.1", "timeout": 60}}]}},
{"set": {"family": "F", "name": "raw6", "table": "t", "type": "integer", "flags": ["interval"], "elem": [1, {"range": ["0xfe800000000000000000000000000000", "0xfe80000000000000000000000000ffff"]}]}},
{"map": {"family": "F", "name": "verdicts", "table": "t", "type": "ipv4_addr", "map": "verdict", "elem": [["10.0.0.1", {"accept": null}], ["10.0.0.2", {"goto": {"target": "other"}}]]}},
{"chain": {"family": "F", "table": "t", "name": "other"}},
{"chain": {"family": "F", "table": "t", "name": "c", "type": "filter", "hook": "H", "prio": -10, "policy": "drop"}},
{"rule": {"family": "F", "table": "t", "chain": "c", "handle": 3, "comment": "why", "expr": [)";
  const std::string hook = row.family == "netdev" ? "egress" : "output";
  for (std::size_t at = 0; (at = text.find("\"F\"", at)) != std::string::npos;)
    text.replace(at, 3, "\"" + std::string(row.family) + "\"");
  text.replace(text.find("\"H\""), 3, "\"" + hook + "\"");
  return text + std::string(row.expr) + "]}}]}";
}

std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

bool same_branch(const FirewallBranch& a, const FirewallBranch& b) {
  const PacketSet left = PacketSet::of(std::span<const Box>(a.match));
  const PacketSet right = PacketSet::of(std::span<const Box>(b.match));
  return a.verdict.kind == b.verdict.kind && a.verdict.chain == b.verdict.chain && left.subset_of(right) &&
         right.subset_of(left);
}

// Rules as sets: forms of one rule may have other boxes, and maps, whose keys are disjoint, another order.
bool same_rule(const FirewallRule& a, const FirewallRule& b) {
  return a.understood == b.understood && a.limited == b.limited && a.rewrites == b.rewrites && a.changes == b.changes &&
         std::is_permutation(a.branches.begin(), a.branches.end(), b.branches.begin(), b.branches.end(), same_branch);
}

void check_same(const Ruleset& a, const Ruleset& b) {
  REQUIRE(a.tables.size() == b.tables.size());
  for (const FirewallTable& table : a.tables) {
    const auto other = std::find_if(b.tables.begin(), b.tables.end(), [&](const FirewallTable& t) {
      return t.family == table.family && t.name == table.name;
    });
    REQUIRE(other != b.tables.end());
    CHECK(other->chains.size() == table.chains.size());
    for (const FirewallChain& chain : table.chains) {
      INFO(table.name << " " << chain.name);
      const FirewallChain* twin = other->find(chain.name);
      REQUIRE(twin != nullptr);
      CHECK(twin->hook == chain.hook);
      CHECK(twin->priority == chain.priority);
      CHECK(twin->policy_accept == chain.policy_accept);
      REQUIRE(twin->rules.size() == chain.rules.size());
      for (std::size_t i = 0; i < chain.rules.size(); ++i) {
        INFO(rule_words(chain.rules[i]) << "\n" << rule_words(twin->rules[i]));
        CHECK(same_rule(chain.rules[i], twin->rules[i]));
      }
    }
  }
}

}  // namespace

TEST_CASE("A rule in JSON is the packets that the kernel would match") {
  for (const Row& row : kRows) {
    INFO(row.family << ": " << row.expr);
    const ReadText read = read_firewall(Reader::Json, around(row));
    CHECK(read.errors.empty());
    REQUIRE(read.ok);
    const FirewallChain* chain = read.ruleset.tables.at(0).find("c");
    REQUIRE(chain != nullptr);
    REQUIRE(chain->rules.size() == 1);
    CHECK(rule_words(chain->rules[0]) == row.meaning);
  }
}

TEST_CASE("A listing names no device, and says that it is live") {
  const ReadText read = read_firewall(Reader::Json, around({"netdev", R"({"accept": null})", ""}));
  REQUIRE(read.ok);
  CHECK(read.ruleset.live_listing);
  const FirewallTable& table = read.ruleset.tables.at(0);
  CHECK(table.source_kind == "nft -j");
  const FirewallChain* chain = table.find("c");
  CHECK(chain->hook == Hook::Egress);
  CHECK(chain->priority == -10);
  CHECK_FALSE(chain->policy_accept);
  CHECK(chain->devices.empty());
  const ReadText newer = read_firewall(
      Reader::Json,
      R"({"nftables": [{"chain": {"family": "netdev", "table": "t", "name": "c", "type": "filter", "hook": "egress", "prio": 0, "dev": ["eth0", "eth1"], "policy": "drop"}}]})");
  REQUIRE(newer.ok);
  CHECK(newer.ruleset.tables.at(0).chains.at(0).devices == std::vector<std::string>{"eth0", "eth1"});
}

TEST_CASE("An unknown target in a table of iptables that translates does not drop") {
  const ReadText read = read_firewall(
      Reader::Json,
      R"({"nftables": [{"rule": {"family": "ip", "table": "nat", "chain": "OUTPUT", "expr": [{"xt": null}]}}]})");
  REQUIRE(read.ok);
  CHECK(rule_words(read.ruleset.tables.at(0).chains.at(0).rules.at(0)) ==
        "not understood: 'xt'; [ether=800] translate ('xt')");
}

TEST_CASE("A listing of a table that is dormant, in the words of each version") {
  const auto listed = [](std::string_view flags) {
    const ReadText read = read_firewall(
        Reader::Json,
        R"({"nftables": [{"table": {"family": "inet", "name": "t", "flags": )" + std::string(flags) +
            R"(}}, {"chain": {"family": "inet", "table": "t", "name": "f", "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}}]})");
    std::string text = read.errors + std::to_string(read.ruleset.tables.size());
    for (const Remark& remark : read.ruleset.remarks) text += " remark: " + remark.message;
    for (const Remark& remark : read.ruleset.not_understood) text += " not understood: " + remark.message;
    return text;
  };
  const std::string dormant = "0 remark: is dormant, so it holds nothing";
  CHECK(listed(R"("t")") == dormant);
  CHECK(listed(R"("dormant")") == dormant);
  CHECK(listed(R"(["owner", "dormant"])") == dormant);
  CHECK(listed(R"("owner")") == "1");
  CHECK(listed(R"(["owner", "persist"])") == "1");
  CHECK(listed(R"("new")") == "1 not understood: has the flag 'new', which may disable it");
}

TEST_CASE("Commands in JSON that nft refuses are said") {
  const ReadText read = read_firewall(
      Reader::Json,
      R"({"nftables": [{"add": {"set": {"family": "ip", "table": "t", "name": "s", "type": "ipv4_addr", "flags": ["interval"], "elem": [{"prefix": {"addr": "10.0.0.0", "len": 8}}, "10.0.0.1"]}}}, {"add": {"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [{"jump": {"target": "nowhere"}}]}}}]})");
  REQUIRE(read.ok);
  std::string said;
  for (const Remark& remark : read.ruleset.not_understood) said += remark.message + "\n";
  CHECK(said ==
        "elements of the set 's' overlap: nft refuses the text\n"
        "the chain 'nowhere' is not in the text: nft refuses it, unless the table has it already\n");
}

TEST_CASE("A listing that shows no element of any set may be terse") {
  const ReadText read = read_firewall(
      Reader::Json,
      R"({"nftables": [{"set": {"family": "ip", "table": "t", "name": "s", "type": "ipv4_addr"}}, {"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [{"match": {"op": "!=", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "@s"}}, {"drop": null}]}}]})");
  REQUIRE(read.ok);
  CHECK(rule_words(read.ruleset.tables.at(0).chains.at(0).rules.at(0)) ==
        "not understood: the elements of the set 's' are not in the input; [ether=800] drop");
}

TEST_CASE("Commands in JSON are followed, and what they take away unseen is said") {
  const auto words = [](std::string_view commands) {
    const ReadText read = read_firewall(Reader::Json, R"({"nftables": [)" + std::string(commands) + "]}");
    std::string text = read.errors;
    for (const FirewallTable& table : read.ruleset.tables)
      for (const FirewallChain& chain : table.chains)
        for (const FirewallRule& rule : chain.rules) text += rule_words(rule) + "; ";
    for (const Remark& remark : read.ruleset.not_understood) text += "(" + remark.message + ")";
    return text + (read.ruleset.live_listing ? "live" : "");
  };
  const std::string rule = R"("rule": {"family": "ip", "table": "t", "chain": "c", "expr": [{"accept": null}]})";
  const std::string other = R"("rule": {"family": "ip", "table": "t", "chain": "c", "expr": [{"drop": null}]})";
  CHECK(words("{" + rule + "}") == "[ether=800] accept; live");
  CHECK(words("{\"add\": {" + rule + "}}, {\"insert\": {" + other + "}}") == "[ether=800] drop; [ether=800] accept; ");
  CHECK(words("{\"add\": {" + rule + "}}, {\"flush\": {\"ruleset\": null}}") == "");
  CHECK(words("{\"add\": {" + rule + R"(}}, {"flush": {"chain": {"family": "ip", "table": "t", "name": "c"}}})") == "");
  CHECK(words("{\"add\": {" + rule +
              R"(}}, {"delete": {"rule": {"family": "ip", "table": "t", "chain": "c", "handle": 3}}})") ==
        "[ether=800] accept; (the command 'delete rule' takes away what is not in the text)");
  CHECK(words(R"({"sorcery": {"family": "ip"}})") == "(holds 'sorcery', which may change what passes)live");
}

TEST_CASE("JSON that is no ruleset is refused at its place") {
  const auto errors = [](std::string text) { return read_firewall(Reader::Json, std::move(text)).errors; };
  CHECK(errors(R"({"nft": []})").find("this is no ruleset of nftables") != std::string::npos);
  CHECK(errors(R"({"nftables": [5]})").find("one object with one member") != std::string::npos);
  CHECK(errors(R"({"nftables": [{"rule": {"family": "ip", "table": "t"}}]})").find("chain and its statements") !=
        std::string::npos);
  CHECK(errors(R"({"nftables": [{"table": {"family": "ipx", "name": "t"}}]})").find("family and table") !=
        std::string::npos);
  CHECK(errors(R"({"nftables": [{"chain": {"family": "ip", "table": "t", "name": "c", "hook": "sideways"}}]})")
            .find("'sideways'") != std::string::npos);
}

TEST_CASE("JSON that is cut at any byte is an error") {
  const std::string text = around(kRows[21]);
  REQUIRE(read_firewall(Reader::Json, text).ok);
  for (std::size_t length = 0; length < text.size(); ++length) {
    const ReadText cut = read_firewall(Reader::Json, text.substr(0, length));
    if (cut.ok || cut.errors.empty()) FAIL("cut at " << length);
  }
}

// verify_readers_lab.sh loads each file into the kernel and lists it: NAME.nft as written, NAME.list, NAME.json.
TEST_CASE("What the kernel lists is what was loaded", "[.lab]") {
  const char* directory = std::getenv("AIRTIGHT_READERS_LAB");
  if (!directory) {
    WARN("skipped: AIRTIGHT_READERS_LAB names no directory");
    return;
  }
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() != ".nft") continue;
    INFO(entry.path());
    const ReadText written = read_firewall(Reader::Text, slurp(entry.path()));
    std::filesystem::path path = entry.path();
    const ReadText listed = read_firewall(Reader::Text, slurp(path.replace_extension(".list")));
    const ReadText json = read_firewall(Reader::Json, slurp(path.replace_extension(".json")));
    CHECK(written.errors.empty());
    CHECK(listed.errors.empty());
    CHECK(json.errors.empty());
    check_same(written.ruleset, listed.ruleset);
    check_same(written.ruleset, json.ruleset);
    ++files;
  }
  CHECK(files > 0);
}
