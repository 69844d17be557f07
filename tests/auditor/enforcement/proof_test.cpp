// Listings of a real kernel: our tables beside what nodes have, and what people do to them.
#include "auditor/enforcement/proof.h"

#include <catch2/catch.hpp>

#include <algorithm>

#include "tests/auditor/enforcement/live_kernel.h"

namespace airtight::audit {
namespace {

const std::vector<std::string> kUplinks{"up0", "up0.7"};

Proof prove(const std::vector<RulesetDump>& dumps, Date at = kDay) {
  return prove_enforcement(sealed_node().policy, kUplinks, dumps, at);
}

std::string lines(const std::vector<std::string>& clauses) {
  std::string text;
  for (const std::string& clause : clauses) text += clause + "\n";
  return text;
}

bool names(const Proof& proof, const std::string& words) {
  return std::any_of(proof.opened.begin(), proof.opened.end(),
                     [&](const std::string& clause) { return clause.find(words) != std::string::npos; });
}

const std::vector<Proof::Chain> kBothSealed{{"up0", true, true, ""}, {"up0.7", true, true, ""}};

// As kube-proxy writes them in its two modes, and what docker leaves behind.
constexpr const char* kKubeProxyByIptables = R"sh(
for t in iptables-nft ip6tables-nft; do
  $t -t nat -N KUBE-SERVICES && $t -t nat -A PREROUTING -m comment --comment "service portals" -j KUBE-SERVICES &&
  $t -t nat -A OUTPUT -j KUBE-SERVICES && $t -t nat -N KUBE-MARK-MASQ &&
  $t -t nat -A KUBE-MARK-MASQ -j MARK --or-mark 0x4000 && $t -t nat -N KUBE-POSTROUTING &&
  $t -t nat -A POSTROUTING -j KUBE-POSTROUTING &&
  $t -t nat -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN &&
  $t -t nat -A KUBE-POSTROUTING -j MARK --xor-mark 0x4000 &&
  $t -t nat -A KUBE-POSTROUTING -j MASQUERADE --random-fully && $t -t nat -N KUBE-SEP-A &&
  $t -t nat -A KUBE-SERVICES -p tcp -m tcp --dport 443 -m statistic --mode random --probability 0.5 -j KUBE-SEP-A &&
  $t -N KUBE-FORWARD && $t -A FORWARD -j KUBE-FORWARD &&
  $t -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP &&
  $t -A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT &&
  $t -A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT &&
  $t -t raw -A PREROUTING -p udp --dport 53 -j NOTRACK && $t -t mangle -A FORWARD -p tcp -j TCPMSS --clamp-mss-to-pmtu -m tcp --tcp-flags SYN,RST SYN || exit 1
done
iptables-nft -t nat -A KUBE-SEP-A -p tcp -j DNAT --to-destination 10.42.0.9:443 &&
ip6tables-nft -t nat -A KUBE-SEP-A -p tcp -j DNAT --to-destination '[fd00:42::9]:443'
)sh";

constexpr const char* kKubeProxyByNftables = R"(
table ip kube-proxy {
  map service-ips {
    type ipv4_addr . inet_proto . inet_service : verdict
    elements = { 10.43.0.1 . tcp . 443 : goto svc1 }
  }
  chain mark-for-masquerade {
    meta mark set meta mark or 0x4000
  }
  chain ep1 {
    ip saddr 10.42.0.9 jump mark-for-masquerade
    meta l4proto tcp dnat to 10.42.0.9:443
  }
  chain svc1 {
    numgen random mod 2 vmap { 0 : goto ep1, 1 : goto ep1 }
  }
  chain services {
    ip daddr . meta l4proto . th dport vmap @service-ips
  }
  chain masquerading {
    meta mark & 0x4000 == 0 return
    meta mark set meta mark xor 0x4000
    masquerade fully-random
  }
  chain nat-prerouting {
    type nat hook prerouting priority dstnat
    jump services
  }
  chain nat-output {
    type nat hook output priority -100
    jump services
  }
  chain nat-postrouting {
    type nat hook postrouting priority srcnat
    jump masquerading
  }
}
)";

void load_ours() {
  LiveKernel::nft(sealed_node().inet);
  LiveKernel::nft(sealed_node().egress);
}

TEST_CASE("our tables alone are sealed, and so is each uplink's chain", "[proof]") {
  const LiveKernel kernel;
  if (!kernel.ready("our tables alone")) return;
  load_ours();
  const Proof proof = prove(LiveKernel::dumps());
  INFO(lines(proof.opened));
  CHECK(proof.outcome == "sealed");
  CHECK(proof.opened.empty());
  CHECK(proof.chains == kBothSealed);
  CHECK(std::count(proof.assumptions.begin(), proof.assumptions.end(), "what tables of others drop is not relied on") ==
        1);
  CHECK(std::count(proof.assumptions.begin(), proof.assumptions.end(),
                   "no raw sender is on the nodes: a listing names no device, so its egress chains are not credited") ==
        1);
  CHECK(std::any_of(proof.assumptions.begin(), proof.assumptions.end(), [](const std::string& text) {
    return text.starts_with("may leave all the same: exception SEC-12: 203.0.113.7/32");
  }));
  Proof again;
  std::string why;
  REQUIRE(parse_proof(to_json(proof), again, why));
  CHECK(again == proof);
}

TEST_CASE("a node's usual tables beside ours leave it sealed", "[proof]") {
  const LiveKernel kernel;
  if (!kernel.ready("usual tables")) return;
  load_ours();
  std::string digest = ruleset_digest(LiveKernel::dumps());
  SECTION("kube-proxy by nftables") { LiveKernel::nft(kKubeProxyByNftables); }
  if (LiveKernel::has("iptables-nft")) {
    SECTION("kube-proxy by iptables, which both tools show") { LiveKernel::shell(kKubeProxyByIptables); }
    SECTION("docker") {
      LiveKernel::shell(
          "iptables-nft -P FORWARD DROP && iptables-nft -N DOCKER-USER && iptables-nft -A FORWARD -j DOCKER-USER && "
          "iptables-nft -A DOCKER-USER -j RETURN && iptables-nft -t nat -N DOCKER && "
          "iptables-nft -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER && "
          "iptables-nft -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE && "
          "iptables-nft -t nat -A DOCKER ! -i docker0 -p tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80");
    }
  }
  if (LiveKernel::has("iptables-legacy")) {
    SECTION("legacy tables of one family beside nft's") {
      LiveKernel::shell("iptables-legacy -A FORWARD -j ACCEPT && iptables-legacy -t nat -A POSTROUTING -j MASQUERADE");
    }
  }
  SECTION("a firewall that only drops more") {
    LiveKernel::nft(
        "table inet other {\n set blocked {\n type ipv4_addr\n flags dynamic,timeout\n timeout 1m\n }\n chain f {\n "
        "type "
        "filter hook forward priority -10; policy drop\n ct state established,related accept\n ip saddr @blocked "
        "drop\n "
        "tcp flags syn add @blocked { ip saddr }\n limit rate 5/second log prefix \"x\" accept\n }\n}\n");
  }
  const std::vector<RulesetDump> dumps = LiveKernel::dumps();
  const Proof proof = prove(dumps);
  INFO(lines(proof.opened));
  CHECK(proof.outcome == "sealed");
  CHECK(proof.opened.empty());
  CHECK(proof.chains == kBothSealed);
  CHECK(ruleset_digest(dumps) != digest);
}

TEST_CASE("what opens is named with a packet and its rule", "[proof]") {
  const LiveKernel kernel;
  if (!kernel.ready("what opens")) return;
  std::string outcome = "open";
  std::string words;
  std::vector<Proof::Chain> chains = kBothSealed;
  Date at = kDay;
  SECTION("nothing was loaded") {
    words = "table inet airtight is not there, or dormant";
    chains = {{"up0", false, false, "table netdev airtight_egress is not there"},
              {"up0.7", false, false, "table netdev airtight_egress is not there"}};
  }
  SECTION("only a foreign table that drops all") {
    LiveKernel::nft(
        "table inet f {\n chain o {\n type filter hook output priority 0; policy drop\n }\n chain f {\n type filter "
        "hook "
        "forward priority 0; policy drop\n }\n}\n");
    words = "table inet airtight is not there, or dormant";
    chains = {{"up0", false, false, "table netdev airtight_egress is not there"},
              {"up0.7", false, false, "table netdev airtight_egress is not there"}};
  }
  SECTION("an accept was put before our rules") {
    load_ours();
    LiveKernel::nft("insert rule inet airtight forward ip daddr 198.51.100.9 tcp dport 443 accept");
    words =
        "pods may send to the outside: 198.51.100.9/32, 443/tcp, out by not lo; for example 1.0.0.0 → "
        "198.51.100.9:443 tcp; table inet airtight chain forward: 198.51.100.9/32, 443/tcp: accept";
  }
  SECTION("a foreign table holds what ours lets through: not relied on") {
    load_ours();
    LiveKernel::nft("insert rule inet airtight output ip daddr 198.51.100.9 accept");
    LiveKernel::nft(
        "table ip mine {\n chain o {\n type filter hook output priority 10\n ip daddr 198.51.100.9 drop\n }\n}\n");
    words =
        "the node may send to the outside: 198.51.100.9/32, any protocol, out by not lo; for example any → "
        "198.51.100.9 protocol "
        "0; table inet airtight chain output: 198.51.100.9/32, any protocol: accept";
  }
  if (LiveKernel::has("iptables-nft")) {
    SECTION("so does one that changes what our rules ask for") {
      load_ours();
      LiveKernel::nft("insert rule inet airtight output ip daddr 198.51.100.9 accept");
      LiveKernel::shell(
          "iptables-nft -t mangle -A POSTROUTING -j TTL --ttl-set 64 && "
          "iptables-nft -t mangle -A POSTROUTING -d 198.51.100.9 -j DROP");
      outcome = "unreadable";
      words = "the node may send to the outside: 198.51.100.9/32, any protocol";
    }
  }
  SECTION("an element was added to the inside") {
    load_ours();
    LiveKernel::nft("add element inet airtight inside_v4 { 198.51.100.0/24 }");
    words = "pods may send to the outside: 198.51.100.0/24";
  }
  SECTION("the table sleeps") {
    load_ours();
    LiveKernel::nft("add table inet airtight { flags dormant; }");
    outcome = "";  // nft 1.0.6 lists some other word for the flag: then nobody knows
    words = "table inet airtight ";
  }
  SECTION("an exception ends") {
    load_ours();
    at = {2027, 7, 1};
    words = "203.0.113.7/32, 443/tcp";
    const std::string why =
        "a raw sender may send to the outside: 203.0.113.7/32, any protocol; for example any → 203.0.113.7 protocol 0; "
        "table "
        "netdev airtight_egress chain pass_";
    chains = {{"up0", true, false, why}, {"up0.7", true, false, why}};
  }
  SECTION("the chain of an uplink accepts") {
    load_ours();
    LiveKernel::nft("insert rule netdev airtight_egress uplink_up0_7 @ll,96,16 0x88cc accept");
    words =
        "the chain of uplink up0.7 would not hold it: a raw sender may send to the outside: frames of EtherType 0x88cc";
    chains[1] = {"up0.7", true, false, "a raw sender may send to the outside: frames of EtherType 0x88cc"};
  }
  SECTION("the chain of an uplink is no base chain") {
    load_ours();
    LiveKernel::nft(
        "flush chain netdev airtight_egress uplink_up0\ndelete chain netdev airtight_egress uplink_up0\nadd chain "
        "netdev "
        "airtight_egress uplink_up0");
    outcome = "sealed";
    chains[0] = {"up0", false, false, "table netdev airtight_egress has no base chain uplink_up0 at the egress hook"};
  }
  SECTION("packets are led past") {
    load_ours();
    LiveKernel::nft(
        "table netdev leak {\n chain i {\n type filter hook ingress device up0 priority 0\n fwd to up0.7\n }\n}\n");
    outcome = "unreadable";
    words = "takes packets where no later rule sees them; table netdev leak, chain i";
  }
  SECTION("a later chain writes another destination") {
    load_ours();
    LiveKernel::nft(
        "table ip late {\n chain p {\n type filter hook postrouting priority 10\n ip daddr set 198.51.100.9\n }\n}\n");
    outcome = "unreadable";
    words = "changes the packet on its way out; table ip late, chain p";
  }
  const Proof proof = prove(LiveKernel::dumps(), at);
  INFO(lines(proof.opened));
  CHECK((outcome.empty() ? proof.outcome != "sealed" : proof.outcome == outcome));
  CHECK((words.empty() ? proof.opened.empty() : names(proof, words)));
  CHECK(proof.opened.size() <= 20);
  REQUIRE(proof.chains.size() == chains.size());
  for (std::size_t i = 0; i < chains.size(); ++i) {
    INFO(proof.chains[i].why);
    CHECK(proof.chains[i].uplink == chains[i].uplink);
    CHECK(proof.chains[i].present == chains[i].present);
    CHECK(proof.chains[i].sealed == chains[i].sealed);
    CHECK(proof.chains[i].why.substr(0, chains[i].why.size()) == chains[i].why);
    CHECK(proof.chains[i].why.empty() == chains[i].why.empty());
  }
}

TEST_CASE("iptables that cannot be understood is never sealed", "[proof]") {
  const LiveKernel kernel;
  if (!kernel.ready("iptables not understood") || !LiveKernel::has("iptables-nft")) return;
  load_ours();
  LiveKernel::shell("iptables-nft -t mangle -A POSTROUTING -j TEE --gateway 10.10.0.9");
  std::vector<RulesetDump> dumps = LiveKernel::dumps();
  REQUIRE(dumps.size() == 2);
  CHECK(prove(dumps).outcome == "unreadable");
  const std::size_t at = dumps[0].text.find(R"({"type": "target", "name": "TEE"})");
  REQUIRE(at != std::string::npos);
  SECTION("the listing names a target that nobody knows") {
    dumps[0].text.replace(at, 33, R"({"type": "target", "name": "TEA"})");
    dumps.pop_back();
    CHECK(prove(dumps).opened ==
          std::vector<std::string>{"table ip mangle chain POSTROUTING: the target 'TEA' is not understood"});
  }
  SECTION("the listing hides it") {
    dumps[0].text.replace(at, 33, "null");
    const Proof by_save = prove(dumps);
    CHECK(by_save.outcome == "unreadable");
    CHECK(names(by_save, "TEE"));
    dumps.pop_back();
    CHECK(prove(dumps).opened == std::vector<std::string>{"table ip mangle chain POSTROUTING: the listing hides an "
                                                          "extension of iptables"});
  }
  SECTION("the listing hides what iptables-save shows to be harmless") {
    dumps[0].text.replace(at, 33, "null");
    const std::size_t tee = dumps[1].text.find("TEE --gateway 10.10.0.9");
    REQUIRE(tee != std::string::npos);
    dumps[1].text.replace(tee, 23, "TOS --set-tos 0x10/0x3f");
    const Proof proof = prove(dumps);
    INFO(lines(proof.opened));
    CHECK(proof.outcome == "sealed");
  }
}

TEST_CASE("what could not be read is not sealed", "[proof]") {
  const RulesetDump listing{"nft -j list ruleset", R"({"nftables": [{"metainfo": {"version": "1.0.6"}}]})", "", false};
  struct Row {
    std::vector<RulesetDump> dumps;
    std::string why;
  };
  const std::vector<Row> rows{
      {{}, "no dump of nft -j list ruleset was given"},
      {{{"nft -j list ruleset", "", "it took too long\n", true}}, "nft -j list ruleset failed: it took too long"},
      {{listing, {"iptables-legacy-save", "", "", true}}, "iptables-legacy-save failed: it did not say why"},
      {{listing, listing}, "nft -j list ruleset was given twice"},
      {{listing, {"ebtables-save", "", "", false}},
       "a dump of 'ebtables-save' was given, which is none of the known tools"},
      {{listing,
        {"iptables-nft-save", "", "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n",
         false}},
       "iptables-legacy-save is missing: iptables-nft-save says that there are such tables"},
      {{listing,
        {"ip6tables-nft-save", "# Warning: ip6tables-legacy tables present, use ip6tables-legacy-save to see them\n",
         "", false}},
       "ip6tables-legacy-save is missing: ip6tables-nft-save says that there are such tables"},
      {{listing, {"iptables-nft-save", "", "segmentation fault\n", false}},
       "iptables-nft-save said: segmentation fault"},
      {{{"nft -j list ruleset", "", "", false}}, "nft -j list ruleset cannot be read: the file holds no document"},
      {{{"nft -j list ruleset", R"({"nftables": [{"add": {"table": {"family": "inet", "name": "t"}}}]})", "", false}},
       "nft -j list ruleset holds commands: it is no listing"},
      {{{"nft -j list ruleset",
         R"({"nftables": [{"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [{"teleport": null}]}}]})", "",
         false}},
       "table ip t chain c: the statement 'teleport' is not understood"},
      {{listing, {"iptables-legacy-save", "*filter\n:OUTPUT ACCEPT [0:0]\n", "", false}},
       "iptables-legacy-save cannot be read: the text ends inside of a table"},
      {{listing,
        {"iptables-legacy-save",
         "# Generated by iptables-save v1.8.9\n*filter\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -j TELEPORT\nCOMMIT\n", "",
         false}},
       "iptables-legacy-save: the target 'TELEPORT' is not understood"},
      {{listing,
        {"iptables-legacy-save", "# Generated by ip6tables-save v1.8.9\n*filter\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n", "",
         false}},
       "iptables-legacy-save shows a table of the other family: filter"}};
  for (const Row& row : rows) {
    INFO(row.why);
    const Proof proof = prove(row.dumps);
    CHECK(proof.outcome == "unreadable");
    CHECK(proof.opened == std::vector<std::string>{row.why});
    CHECK(proof.chains == std::vector<Proof::Chain>{{"up0", false, false, "the rulesets could not be read"},
                                                    {"up0.7", false, false, "the rulesets could not be read"}});
  }
  const std::string deep = R"({"nftables": [)" + std::string(200'000, '[');
  CHECK(prove({{"nft -j list ruleset", deep, "", false}}).outcome == "unreadable");
}

TEST_CASE("a listing that names devices credits no other one", "[proof]") {
  const LiveKernel kernel;
  if (!kernel.ready("a listing that names devices")) return;
  load_ours();
  std::vector<RulesetDump> dumps = LiveKernel::dumps();
  const std::string hook = R"("name": "uplink_up0", )";
  const std::size_t at = dumps[0].text.find(hook);
  REQUIRE(at != std::string::npos);
  SECTION("another") {
    dumps[0].text.insert(at, R"("dev": "eth9", )");
    const Proof proof = prove(dumps);
    CHECK(proof.outcome == "open");
    CHECK(proof.chains[0] == Proof::Chain{"up0", true, false, "chain uplink_up0 is bound to eth9, not to up0"});
    CHECK(proof.chains[1] == kBothSealed[1]);
  }
  SECTION("the same, among others") {
    dumps[0].text.insert(at, R"("dev": ["eth9", "up0"], )");
    CHECK(prove(dumps).chains == kBothSealed);
  }
  SECTION("by a pattern") {
    dumps[0].text.insert(at, R"("dev": "up*", )");
    CHECK(prove(dumps).chains == kBothSealed);
  }
}

TEST_CASE("a proof is read back only as it was written", "[proof]") {
  Proof proof;
  std::string why;
  struct Row {
    const char* json;
    const char* why;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"{", "it is no JSON"},
           {"[]", "it has not the members of a proof"},
           {R"({"outcome":"sealed","opened":[],"assumptions":[]})", "it has not the members of a proof"},
           {R"({"outcome":"proven","opened":[],"assumptions":[],"chains":[]})",
            "its outcome is none of sealed, open and unreadable"},
           {R"({"outcome":"sealed","opened":[1],"assumptions":[],"chains":[]})", "its clauses are no texts"},
           {R"({"outcome":"sealed","opened":[],"assumptions":[],"chains":{}})", "its chains are no list"},
           {R"({"outcome":"sealed","opened":[],"assumptions":[],"chains":[{"uplink":"a"}]})",
            "a chain has not the members of one"},
           {R"({"outcome":"sealed","opened":[],"assumptions":[],)"
            R"("chains":[{"uplink":"a","present":false,"sealed":true,"why":""}]})",
            "a chain that is absent is sealed"}}) {
    INFO(row.json);
    CHECK_FALSE(parse_proof(row.json, proof, why));
    CHECK(why == row.why);
    CHECK(proof == Proof{});
  }
  CHECK_FALSE(parse_proof(std::string(1'000'000, '['), proof, why));
}

}  // namespace
}  // namespace airtight::audit
