// iptables-save and ip6tables-save, option by option.
#include <catch2/catch.hpp>
#include <set>

#include "tests/verify/firewall/firewall_words.h"

using namespace airtight;
using namespace airtight::verify;

namespace {

struct Row {
  std::string_view rule;  // behind "-A OUTPUT "
  std::string_view meaning;
};

// The family's EtherType stands in each box.
constexpr Row kV4[] = {
    {"-j ACCEPT", "[ether=800] accept"},
    {"-d 10.0.0.0/8 -j DROP", "[ether=800 ip.dst=10.0.0.0-10.255.255.255] drop"},
    {"! -s 10.0.0.0/8 -j DROP", "[ether=800 ip.src=0.0.0.0-9.255.255.255,11.0.0.0-255.255.255.255] drop"},
    {"-s ! 10.0.0.1 -j DROP", "[ether=800 ip.src=0.0.0.0-10.0.0.0,10.0.0.2-255.255.255.255] drop"},
    {"-s 10.0.0.0/255.0.0.0,192.168.0.1 -j DROP", "[ether=800 ip.src=10.0.0.0-10.255.255.255,192.168.0.1] drop"},
    {"-d 10.0.0.1/255.0.0.1 -j DROP", "not understood: -d 10.0.0.1/255.0.0.1; [ether=800] drop"},
    {"-i cali+ -o eth0 -j ACCEPT", "[ether=800 iif=cali* oif=eth0] accept"},
    {"-p tcp -m tcp --dport 443 -j ACCEPT", "[ether=800 proto=6 dport=1bb] accept"},
    {"-p tcp -m tcp --sport 1024: ! --dport :1023 -j ACCEPT",
     "[ether=800 proto=6 sport=400-ffff dport=400-ffff] accept"},
    {"-p udp -m multiport --dports 53,http,1000:2000 -j ACCEPT", "[ether=800 proto=11 dport=35,50,3e8-7d0] accept"},
    {"-p tcp -m multiport --ports 80 -j ACCEPT", "not understood: --ports 80; [ether=800 proto=6] accept"},
    {"-p sctp -m sctp --sport 5 -j ACCEPT", "[ether=800 proto=84 sport=5] accept"},
    {"--dport 443 -j ACCEPT", "not understood: --dport 443; [ether=800] accept"},
    {"-p 47 -j ACCEPT", "[ether=800 proto=2f] accept"},
    {"! -p icmp -j ACCEPT", "[ether=800 proto=0,2-ff] accept"},
    {"-p all -j ACCEPT", "[ether=800] accept"},
    {"-p nonsense -j ACCEPT", "not understood: -p nonsense; [ether=800] accept"},
    {"-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "[ether=800 state=2-3] accept"},
    {"-m state ! --state INVALID -j ACCEPT", "[ether=800 state=1-4] accept"},
    {"-m conntrack --ctstate NEW,DNAT -j ACCEPT", "[ether=800 state=1] [ether=800 dnat=1] accept"},
    {"-m conntrack ! --ctstate DNAT -j ACCEPT", "not understood: --ctstate DNAT; [ether=800] accept"},
    {"-m conntrack --ctdir ORIGINAL -j ACCEPT", "not understood: --ctdir ORIGINAL; [ether=800] accept"},
    {"-m set --match-set inside dst -j ACCEPT", "not understood: --match-set inside; [ether=800] accept"},
    {R"(-m comment --comment "-d 10.0.0.1 \"x\"" -j ACCEPT)", "[ether=800] accept"},
    {"-p icmp -m icmp --icmp-type 8 -j ACCEPT", "[ether=800 proto=1 icmp=800-8ff] accept"},
    {"-p icmp -m icmp --icmp-type 3/4 -j ACCEPT", "[ether=800 proto=1 icmp=304] accept"},
    {"-p icmp -m icmp --icmp-type fragmentation-needed -j ACCEPT", "[ether=800 proto=1 icmp=304] accept"},
    {"-p icmp -m icmp ! --icmp-type echo-request -j ACCEPT", "[ether=800 proto=1 icmp=0-7ff,900-ffff] accept"},
    {"-p icmp -m icmp --icmp-type any -j ACCEPT", "[ether=800 proto=1] accept"},
    {"-m iprange --src-range 10.0.0.1-10.0.0.9 -j ACCEPT", "[ether=800 ip.src=10.0.0.1-10.0.0.9] accept"},
    {"-m mark --mark 0x10 -j ACCEPT", "[ether=800 mark=10] accept"},
    {"-m mark --mark 0x1000000/0xff000000 -j ACCEPT", "[ether=800 mark=1000000-1ffffff] accept"},
    {"-m mark --mark 0x1/0xff -j ACCEPT", "not understood: --mark 0x1/0xff; [ether=800] accept"},
    {"-m connmark --mark 0x1 -j ACCEPT", "not understood: -m connmark; --mark 0x1; [ether=800] accept"},
    {"-m addrtype --dst-type LOCAL -j ACCEPT", "[ether=800 local=1] accept"},
    {"-m addrtype ! --dst-type LOCAL -j ACCEPT", "[ether=800 local=0] accept"},
    {"-m addrtype --dst-type MULTICAST -j ACCEPT", "not understood: --dst-type MULTICAST; [ether=800] accept"},
    {"-m limit --limit 5/min --limit-burst 3 -j ACCEPT", "limited; [ether=800] accept"},
    {"-m hashlimit --hashlimit-upto 5/sec --hashlimit-name x -j DROP", "limited; [ether=800] drop"},
    {"-m statistic --mode random --probability 0.5 -j chain", "limited; [ether=800] jump chain"},
    {"-m owner --uid-owner 0 -j ACCEPT", "not understood: --uid-owner 0; [ether=800] accept"},
    {"-m physdev --physdev-is-bridged -j ACCEPT",
     "not understood: -m physdev; --physdev-is-bridged; [ether=800] accept"},
    {"-m string --string abc --algo bm -j DROP",
     "not understood: -m string; --string abc; --algo bm; [ether=800] drop"},
    {"-f -j DROP",
     "[ether=800 frag=1-1fff,2001-3fff,4001-5fff,6001-7fff,8001-9fff,a001-bfff,c001-dfff,e001-ffff] drop"},
    {"! -f -j DROP", "[ether=800 frag=0,2000,4000,6000,8000,a000,c000,e000] drop"},
    {"-p tcp --syn -j DROP", "[ether=800 proto=6 flags=2,a,22,2a,42,4a,62,6a,82,8a,a2,aa,c2,ca,e2,ea] drop"},
    {"-p tcp -m tcp --tcp-flags ALL NONE -j DROP", "[ether=800 proto=6 flags=0,40,80,c0] drop"},
    {"-m ttl --ttl-eq 1 -j DROP", "[ether=800 hops=1] drop"},
    {"-m length --length 0:100 -j DROP", "[ether=800 length=0-64] drop"},
    {"-m pkttype --pkt-type broadcast -j DROP", "[ether=800 pkttype=1] drop"},
    {"-j REJECT --reject-with icmp-port-unreachable", "[ether=800] drop (REJECT --reject-with icmp-port-unreachable)"},
    {"-j RETURN", "[ether=800] return"},
    {"-j chain", "[ether=800] jump chain"},
    {"-g chain", "[ether=800] goto chain"},
    {"-j nowhere", "not understood: the target 'nowhere'; [ether=800] accept | [ether=800] drop"},
    {"-d 10.0.0.1", "[ether=800 ip.dst=10.0.0.1] next"},
    {"-j NFQUEUE --queue-num 3", "[ether=800] elsewhere (NFQUEUE --queue-num 3)"},
    {"-j TEE --gateway 10.0.0.1", "[ether=800] elsewhere (TEE --gateway 10.0.0.1)"},
    {R"(-j LOG --log-prefix "a \"b\" ")", "[ether=800] next"},
    {"-j NFLOG --nflog-group 5", "[ether=800] next"},
    {"-j MARK --set-xmark 0x4000/0x4000", "changes mark; [ether=800] next"},
    {"-j CONNMARK --save-mark", "[ether=800] next"},
    {"-j CONNMARK --restore-mark", "changes mark; [ether=800] next"},
    {"-j TTL --ttl-set 1", "changes hops; [ether=800] next"},
    {"-p tcp -j DNAT --to-destination 10.0.0.1:80",
     "[ether=800 proto=6] translate (DNAT --to-destination 10.0.0.1:80)"},
    {"-j NOTRACK", "changes state; [ether=800] next"},
    {"-j CT --notrack", "changes state; [ether=800] next"},
    {"-j CT --helper ftp", "[ether=800] next"},
    {"-j MASQUERADE", "[ether=800] translate (MASQUERADE)"},
    {"-p tcp -j REDIRECT --to-ports 80", "[ether=800 proto=6] translate (REDIRECT --to-ports 80)"},
    {"-p tcp -j TPROXY --on-port 80", "[ether=800 proto=6] translate (TPROXY --on-port 80)"},
    {"-d fd00::1 -j ACCEPT", "not understood: -d fd00::1; [ether=800] accept"},
    {"-d 10.0.0.1 -d 10.0.0.2 -j ACCEPT", "never accept"},
};

constexpr Row kV6[] = {
    {"-d fd00::/8 -j ACCEPT", "[ether=86dd ip6.dst=fd00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff] accept"},
    {"-p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT", "[ether=86dd proto=3a icmp6=8700-87ff] accept"},
    {"-p ipv6-icmp -m icmp6 --icmpv6-type neighbour-solicitation -j ACCEPT",
     "[ether=86dd proto=3a icmp6=8700-87ff] accept"},
    {"-m hl --hl-eq 255 -j ACCEPT", "[ether=86dd hops=ff] accept"},
    {"-m rt -j DROP", "[ether=86dd rt=1] drop"},
    {"-m rt --rt-type 0 -j DROP", "not understood: --rt-type 0; [ether=86dd rt=1] drop"},
    {"-m frag --fragfirst -j DROP", "not understood: -m frag; --fragfirst; [ether=86dd] drop"},
    {"-j DNPT --src-pfx fd00::/64 --dst-pfx fd01::/64",
     "rewrites DNPT --src-pfx fd00::/64 --dst-pfx fd01::/64; [ether=86dd] next"},
};

std::string dump(std::string_view tool, std::string_view rules, std::string_view table = "filter") {
  std::string text =
      tool.empty() ? "" : "# Generated by " + std::string(tool) + " v1.8.9 (nf_tables) on Wed Nov 25 2026\n";
  return text + "*" + std::string(table) + "\n:OUTPUT DROP [1:2]\n:chain - [0:0]\n" + std::string(rules) +
         "COMMIT\n# Completed\n";
}

std::string words(const Ruleset& ruleset) {
  std::string text;
  for (const FirewallTable& table : ruleset.tables) {
    text += std::string(to_string(table.family)) + " " + table.name + (table.legacy ? " legacy" : "") + "\n";
    for (const FirewallChain& chain : table.chains) {
      text += "  " + chain.name;
      if (chain.hook != Hook::None)
        text += " " + chain.type + " " + std::string(to_string(chain.hook)) + " " + std::to_string(chain.priority) +
                (chain.policy_accept ? " accept" : " drop");
      text += "\n";
      for (const FirewallRule& rule : chain.rules) text += "    " + rule_words(rule) + "\n";
    }
  }
  for (const Remark& remark : ruleset.not_understood) text += "not understood: " + remark.message + "\n";
  return text;
}

std::string read_words(std::string text) {
  const ReadText read = read_firewall(Reader::Save, std::move(text));
  return read.ok ? words(read.ruleset) : read.errors;
}

}  // namespace

TEST_CASE("An iptables rule is the packets that the kernel would match") {
  const auto check = [](std::string_view tool, const Row& row) {
    INFO(tool << ": " << row.rule);
    const ReadText read = read_firewall(Reader::Save, dump(tool, "[3:4] -A OUTPUT " + std::string(row.rule) + "\n"));
    CHECK(read.errors.empty());
    REQUIRE(read.ok);
    CHECK(rule_words(read.ruleset.tables.at(0).chains.at(0).rules.at(0)) == row.meaning);
  };
  for (const Row& row : kV4) check("iptables-save", row);
  for (const Row& row : kV6) check("ip6tables-save", row);
}

TEST_CASE("Each table has the kernel's hooks and priorities") {
  const std::string chains =
      ":PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT "
      "[0:0]\nCOMMIT\n";
  const std::string head = "# Generated by iptables-save v1.8.9 on Wed\n";
  CHECK(read_words(head + "*nat\n" + chains) ==
        "ip nat legacy\n  PREROUTING nat prerouting -100 accept\n  INPUT nat input 100 accept\n"
        "  FORWARD nat forward -100 drop\n  OUTPUT nat output -100 accept\n  POSTROUTING nat postrouting 100 accept\n");
  CHECK(read_words(head +
                   "*mangle\n:OUTPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\nCOMMIT\n*raw\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"
                   "*security\n:FORWARD ACCEPT [0:0]\nCOMMIT\n*filter\n:FORWARD DROP [0:0]\nCOMMIT\n") ==
        "ip mangle legacy\n  OUTPUT route output -150 accept\n  FORWARD filter forward -150 accept\nip raw legacy\n"
        "  OUTPUT filter output -300 accept\nip security legacy\n  FORWARD filter forward 50 accept\nip filter legacy\n"
        "  FORWARD filter forward 0 drop\n");
}

TEST_CASE("Both families in one text are told apart by their headings") {
  const ReadText read = read_firewall(
      Reader::Save, dump("iptables-save", "-A OUTPUT -j ACCEPT\n") + dump("ip6tables-save", "-A OUTPUT -j ACCEPT\n"));
  REQUIRE(read.ok);
  CHECK(words(read.ruleset) ==
        "ip filter\n  OUTPUT filter output 0 drop\n    [ether=800] accept\n  chain\n"
        "ip6 filter\n  OUTPUT filter output 0 drop\n    [ether=86dd] accept\n  chain\n");
  CHECK(read.ruleset.has_v4_iptables);
  CHECK(read.ruleset.has_v6_iptables);
}

TEST_CASE("Without a heading the rules tell the family, and comments do not") {
  CHECK(read_words(dump("", "-A OUTPUT -d 10.0.0.1 -j DROP\n")).substr(0, 10) == "ip filter\n");
  CHECK(read_words(dump("", "-A OUTPUT -p ipv6-icmp -j DROP\n")).substr(0, 11) == "ip6 filter\n");
  CHECK(read_words(dump("", "-A OUTPUT -j REJECT --reject-with icmp6-port-unreachable\n")).substr(0, 11) ==
        "ip6 filter\n");
  const std::string both =
      "ip filter\n  OUTPUT filter output 0 accept\n    not understood: the family of its table; [ether=800] drop\n  "
      "chain\n"
      "ip6 filter\n  OUTPUT filter output 0 accept\n    not understood: the family of its table; [ether=86dd] drop\n  "
      "chain\n"
      "not understood: nothing in the table says whether it is of IPv4 or IPv6: it is read as both, and no drop of it "
      "counts\n";
  CHECK(read_words(dump("", "-A OUTPUT -j DROP\n")) == both);
  CHECK(read_words(dump("", "-A OUTPUT -m comment --comment \"-d 10.0.0.1 -p icmp\" -j DROP\n")) == both);
  const ReadText read = read_firewall(Reader::Save, dump("", "-A OUTPUT -j DROP\n"));
  CHECK_FALSE(read.ruleset.has_v4_iptables);
  CHECK_FALSE(read.ruleset.has_v6_iptables);
}

TEST_CASE("Rules are inserted where the text says, or their place is not known") {
  CHECK(
      read_words(dump("iptables-save",
                      "-A OUTPUT -j DROP\n-I OUTPUT -j RETURN\n-I OUTPUT 2 -j ACCEPT\n-N made\n-P OUTPUT ACCEPT\n")) ==
      "ip filter\n  OUTPUT filter output 0 accept\n    not understood: its place in the chain; [ether=800] accept\n"
      "    [ether=800] return\n    [ether=800] drop\n  chain\n  made\n");
  CHECK(read_words(dump("iptables-save", "-D OUTPUT -j DROP\n")) ==
        "ip filter\n  OUTPUT filter output 0 drop\n  chain\nnot understood: the command '-D' changes rules that are "
        "not in the text\n");
}

TEST_CASE("A dump that says that the other kind has tables is half, unless its dump is given too") {
  const auto said = [](const std::vector<std::string>& dumps) {
    Sources sources;
    Diagnostics diagnostics;
    Ruleset ruleset;
    for (const std::string& text : dumps)
      CHECK(read_iptables_save(sources.add("rules", text), sources, diagnostics, ruleset));
    std::string all;
    for (const Remark& remark : ruleset.not_understood) all += remark.object + " " + remark.message + "\n";
    return all;
  };
  const std::string rules = "*filter\n:OUTPUT DROP [0:0]\nCOMMIT\n";
  const std::string legacy_hidden = "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n";
  const std::string nft4 = "# Generated by iptables-save v1.8.9 (nf_tables) on Wed\n" + rules;
  const std::string legacy4 = "# Generated by iptables-save v1.8.9 on Wed\n" + rules;
  const std::string legacy6 = "# Generated by ip6tables-save v1.8.9 on Wed\n" + rules;
  const std::string has = " has tables too, says the dump: give its dump as well\n";
  CHECK(said({legacy_hidden + nft4}) == "iptables-legacy-save" + has);
  CHECK(said({nft4 + legacy_hidden}) == "iptables-legacy-save" + has);
  CHECK(said({legacy_hidden + nft4, legacy6}) == "iptables-legacy-save" + has);
  CHECK(said({legacy_hidden + nft4, legacy4}).empty());
  CHECK(said({legacy4, legacy_hidden + nft4}).empty());
  const std::string nft_hidden = "# Warning: iptables tables present, use iptables-nft-save\n";
  CHECK(said({nft_hidden + legacy4}) == "iptables-nft-save" + has);
  CHECK(said({nft_hidden + legacy4, nft4}).empty());
  CHECK(said({"# Warning: ip6tables-legacy tables present, use ip6tables-legacy-save to see them\n" + nft4}) ==
        "ip6tables-legacy-save" + has);
  CHECK(said({"# Table `filter' is incompatible, use 'nft' tool.\n" + nft4}) ==
        "iptables-save does not show a table: '# Table `filter' is incompatible, use 'nft' tool.'\n");
}

TEST_CASE("Text that is no dump is refused at its place") {
  CHECK(read_words("*filter\n:OUTPUT ACCEPT [0:0]\n").find("the text ends inside of a table") != std::string::npos);
  CHECK(read_words("-A OUTPUT -j ACCEPT\n").find("rules:1:1:") == 0);
  CHECK(read_words("*other\nCOMMIT\n").find("no table of iptables: 'other'") != std::string::npos);
  CHECK(read_words("*filter\n:OUTPUT MAYBE [0:0]\nCOMMIT\n").find("no policy: 'MAYBE'") != std::string::npos);
  CHECK(read_words("*filter\n:OUTPUT ACCEPT [0:0]\n-A none -j ACCEPT\nCOMMIT\n").find("not declared: 'none'") !=
        std::string::npos);
  CHECK(read_words("*filter\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -m comment --comment \"x\nCOMMIT\n")
            .find("closing quotation mark") != std::string::npos);
  CHECK(read_words("*filter\n:OUTPUT ACCEPT [0:0]\nhello\nCOMMIT\n").find("rules:3:1:") == 0);
}

TEST_CASE("A dump that is cut at any byte is an error, or has fewer tables") {
  std::string text;
  for (const Row& row : kV4) text += "-A OUTPUT " + std::string(row.rule) + "\n";
  text = dump("iptables-save", text, "mangle") + dump("ip6tables-save", "-A OUTPUT -d fd00::1 -j ACCEPT\n");
  const ReadText whole = read_firewall(Reader::Save, text);
  REQUIRE(whole.ok);
  std::set<std::string> rules;
  for (const FirewallTable& table : whole.ruleset.tables)
    for (const FirewallChain& chain : table.chains)
      for (const FirewallRule& rule : chain.rules) rules.insert(rule_words(rule));
  for (std::size_t length = 0; length < text.size(); ++length) {
    const ReadText cut = read_firewall(Reader::Save, text.substr(0, length));
    if (cut.ok == !cut.errors.empty()) FAIL("cut at " << length << ": " << cut.errors);
    for (const FirewallTable& table : cut.ruleset.tables)
      for (const FirewallChain& chain : table.chains)
        for (const FirewallRule& rule : chain.rules)
          if (rules.count(rule_words(rule)) == 0) FAIL("cut at " << length << ": " << rule_words(rule));
  }
}
