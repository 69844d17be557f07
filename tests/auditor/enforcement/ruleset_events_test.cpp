// What the kernel says of changes, and what nobody should believe.
#include "auditor/enforcement/ruleset_events.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

#include "tests/auditor/enforcement/live_kernel.h"

namespace airtight::audit {
namespace {

using Texts = std::vector<std::string>;

std::string raw(const void* data, std::size_t size) { return {static_cast<const char*>(data), size}; }

std::string attribute(std::uint16_t type, const std::string& payload) {
  const nlattr header{static_cast<std::uint16_t>(sizeof(nlattr) + payload.size()), type};
  std::string bytes = raw(&header, sizeof header) + payload;
  bytes.resize((bytes.size() + 3) & ~std::size_t{3});
  return bytes;
}

std::string message(std::uint16_t type, std::uint8_t family, const std::string& attributes,
                    std::uint16_t subsystem = NFNL_SUBSYS_NFTABLES) {
  const nfgenmsg body{family, NFNETLINK_V0, 0};
  nlmsghdr header{};
  header.nlmsg_type = static_cast<std::uint16_t>(subsystem << 8 | type);
  header.nlmsg_len = static_cast<std::uint32_t>(sizeof header + sizeof body + attributes.size());
  return raw(&header, sizeof header) + raw(&body, sizeof body) + attributes;
}

std::string zero_ended(const std::string& text) { return text + '\0'; }
std::string of_table(const std::string& name) { return attribute(NFTA_TABLE_NAME, zero_ended(name)); }

std::string rule(const std::string& expressions) {
  return message(NFT_MSG_NEWRULE, NFPROTO_IPV4,
                 of_table("t") + attribute(NFTA_RULE_CHAIN, zero_ended("c")) +
                     attribute(NFTA_RULE_EXPRESSIONS | NLA_F_NESTED, expressions));
}
std::string expression(const std::string& name, const std::string& data = "") {
  return attribute(NFTA_LIST_ELEM | NLA_F_NESTED,
                   attribute(NFTA_EXPR_NAME, zero_ended(name)) + attribute(NFTA_EXPR_DATA | NLA_F_NESTED, data));
}

RulesetChange parsed(const std::string& bytes) {
  RulesetChange change;
  // At the end of its memory, so that a sanitizer sees a step too far.
  const std::vector<char> exact(bytes.begin(), bytes.end());
  parse_ruleset_events(std::string_view(exact.data(), exact.size()), change);
  return change;
}

class Listener {
 public:
  Listener() : socket_(::socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_NETFILTER)) {
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = 1U << (NFNLGRP_NFTABLES - 1);
    REQUIRE(socket_ >= 0);
    REQUIRE(bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~Listener() { close(socket_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  int get() const { return socket_; }
  RulesetChange heard() const {
    RulesetChange change;
    REQUIRE_FALSE(read_ruleset_events(socket_, change));
    return change;
  }

 private:
  int socket_;
};

constexpr const char* kForeign =
    "table ip f {\n set s {\n type ipv4_addr\n }\n chain c {\n type filter hook forward priority 0\n }\n chain n {\n "
    "type "
    "nat hook prerouting priority dstnat\n }\n chain p {\n type nat hook postrouting priority srcnat\n }\n counter k "
    "{\n "
    "}\n}\ntable netdev d {\n chain i {\n type filter hook ingress device up0 priority 0\n }\n}\n";

TEST_CASE("a live kernel's changes", "[events]") {
  const LiveKernel kernel;
  if (!kernel.ready("a live kernel's changes")) return;
  LiveKernel::nft(sealed_node().inet);
  LiveKernel::nft(sealed_node().egress);
  LiveKernel::nft(kForeign);
  const Listener listener;
  CHECK(listener.heard().tables.empty());
  struct Row {
    const char* nft;
    Texts tables;
    Texts unsure;
  };
  const std::vector<Row> rows{
      {"add element inet airtight inside_v4 { 198.51.100.0/24 }", {"inet airtight"}, {"table inet airtight changed"}},
      {"delete element inet airtight inside_v4 { 198.51.100.0/24 }",
       {"inet airtight"},
       {"table inet airtight changed"}},
      {"insert rule netdev airtight_egress uplink_up0 accept",
       {"netdev airtight_egress"},
       {"table netdev airtight_egress changed"}},
      {"add table inet airtight2", {"inet airtight2"}, {}},
      {"add table ip airtight", {"ip airtight"}, {}},
      {"add rule ip f c ip daddr 192.0.2.1 counter drop", {"ip f"}, {}},
      {"add element ip f s { 192.0.2.9 }", {"ip f"}, {}},
      {"add rule ip f c ip saddr @s ct state new limit rate 1/second meta mark set 1 log prefix \"x\" accept",
       {"ip f"},
       {}},
      {"add rule ip f n tcp dport 80 dnat to 10.42.0.9:80", {"ip f"}, {}},
      {"add rule ip f p masquerade", {"ip f"}, {}},
      {"add rule ip f n tcp dport 80 redirect to :8080", {"ip f"}, {}},
      {"add rule ip f c dup to 10.10.0.9", {"ip f"}, {"table ip f chain c gained a rule with dup"}},
      {"add rule netdev d i fwd to up0", {"netdev d"}, {"table netdev d chain i gained a rule with fwd"}},
      {"add rule ip f c ip daddr set 198.51.100.1",
       {"ip f"},
       {"table ip f chain c gained a rule that writes into packets (payload)"}},
      {"add rule ip f c tcp option maxseg size set 1200",
       {"ip f"},
       {"table ip f chain c gained a rule that writes into packets (exthdr)"}},
      {"add rule ip f c counter name k", {"ip f"}, {}},
      {"reset counters", {}, {}},
      {"list ruleset", {}, {}},
  };
  for (const Row& row : rows) {
    INFO(row.nft);
    LiveKernel::shell(std::string("nft '") + row.nft + "' >/dev/null");
    const RulesetChange change = listener.heard();
    CHECK(change.tables == row.tables);
    CHECK(change.unsure == row.unsure);
    CHECK_FALSE(change.lost);
  }
  LiveKernel::nft(sealed_node().inet);
  const RulesetChange replaced = listener.heard();
  CHECK(replaced.tables == Texts{"inet airtight"});
  CHECK(replaced.unsure == Texts{"table inet airtight changed"});
  LiveKernel::nft("delete table ip f\n");
  const RulesetChange deleted = listener.heard();
  CHECK(deleted.tables == Texts{"ip f"});
  CHECK(deleted.unsure.empty());
  LiveKernel::nft("flush ruleset\n");
  const RulesetChange flushed = listener.heard();
  CHECK(flushed.tables ==
        Texts{"inet airtight", "inet airtight2", "ip airtight", "netdev airtight_egress", "netdev d"});
  CHECK(flushed.unsure == Texts{"table inet airtight changed", "table netdev airtight_egress changed"});
}

TEST_CASE("iptables on a live kernel", "[events]") {
  const LiveKernel kernel;
  if (!kernel.ready("iptables on a live kernel") || !LiveKernel::has("iptables-nft")) return;
  const Listener listener;
  struct Row {
    const char* rule;
    Texts unsure;
  };
  for (const Row& row :
       std::vector<Row>{{"-t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.42.0.9", {}},
                        {"-t nat -A POSTROUTING -m mark --mark 1 -j MASQUERADE", {}},
                        {"-A FORWARD -m statistic --mode random --probability 0.5 -j DROP", {}},
                        {"-t mangle -A FORWARD -j MARK --set-mark 1", {}},
                        {"-t mangle -A PREROUTING -j TEE --gateway 10.10.0.9",
                         {"table ip mangle chain PREROUTING gained a rule with the target TEE"}},
                        {"-A FORWARD -j NFQUEUE --queue-num 1",
                         {"table ip filter chain FORWARD gained a rule with the target NFQUEUE"}}}) {
    INFO(row.rule);
    LiveKernel::shell(std::string("iptables-nft ") + row.rule);
    CHECK(listener.heard().unsure == row.unsure);
  }
}

TEST_CASE("events that the socket lost are told", "[events]") {
  const LiveKernel kernel;
  if (!kernel.ready("events that were lost")) return;
  const Listener listener;
  const int tiny = 1;
  REQUIRE(setsockopt(listener.get(), SOL_SOCKET, SO_RCVBUF, &tiny, sizeof tiny) == 0);
  for (int i = 0; i < 12; ++i) LiveKernel::nft(sealed_node().inet);
  const RulesetChange change = listener.heard();
  CHECK(change.lost);
  CHECK(std::count(change.unsure.begin(), change.unsure.end(), "events about the ruleset were lost") == 1);
}

TEST_CASE("a socket that fails is an error", "[events]") {
  RulesetChange change;
  CHECK(read_ruleset_events(-1, change) == std::errc::bad_file_descriptor);
}

TEST_CASE("messages that are not as the kernel writes them", "[events]") {
  struct Row {
    const char* what;
    std::string bytes;
    Texts unsure;
  };
  const std::string cut = "a message about the ruleset is cut off";
  const std::string broken = "table ip t chain c gained a rule that is not understood";
  const std::string table = message(NFT_MSG_NEWTABLE, NFPROTO_IPV4, of_table("t"));
  std::string long_header = table;
  long_header[0] = '\x7f';
  nlmsghdr overrun{};
  overrun.nlmsg_len = sizeof overrun;
  overrun.nlmsg_type = NLMSG_OVERRUN;
  const std::uint32_t zero = 0;
  std::string no_length(sizeof(nlmsghdr), '\0');
  for (const Row& row : std::vector<Row>{
           {"nothing", "", {}},
           {"a new generation", message(NFT_MSG_NEWGEN, 0, ""), {}},
           {"a table of another", table, {}},
           {"two in one",
            table + message(NFT_MSG_NEWFLOWTABLE, NFPROTO_IPV6, of_table("u")),
            {"table ip6 u gained a flowtable"}},
           {"a header that is cut", table.substr(0, 12), {cut}},
           {"a length beyond the end", long_header, {cut}},
           {"no length", no_length, {cut}},
           {"a body that is cut",
            [] {
              nlmsghdr header{};
              header.nlmsg_len = sizeof header + 2;
              header.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE;
              return raw(&header, sizeof header) + "ab";
            }(),
            {cut}},
           {"no table", message(NFT_MSG_NEWRULE, NFPROTO_IPV4, ""), {"a message about the ruleset names no table"}},
           {"a family that is new",
            message(NFT_MSG_NEWRULE, 99, of_table("t")),
            {"a message about the ruleset names no table"}},
           {"a type that is new",
            message(77, NFPROTO_IPV4, of_table("t")),
            {"a message about the ruleset has the unknown type 77"}},
           {"another subsystem",
            message(1, NFPROTO_IPV4, of_table("t"), NFNL_SUBSYS_CTNETLINK),
            {"a message about the ruleset is of another kind"}},
           {"overrun", raw(&overrun, sizeof overrun), {"events about the ruleset were lost"}},
           {"a name that is ours without its zero",
            message(NFT_MSG_DELTABLE, NFPROTO_INET, attribute(NFTA_TABLE_NAME, "airtight")),
            {"table inet airtight changed"}},
           {"a name with controls",
            message(NFT_MSG_NEWFLOWTABLE, NFPROTO_IPV4, of_table("a\nb")),
            {"table ip a\\x0ab gained a flowtable"}},
           {"an attribute of no length",
            message(NFT_MSG_NEWTABLE, NFPROTO_IPV4, of_table("t") + raw(&zero, 4)),
            {"a message about the ruleset names no table"}},
           {"no expressions",
            message(NFT_MSG_NEWRULE, NFPROTO_IPV4, of_table("t")),
            {"table ip t gained a rule that is not understood"}},
           {"an empty rule", rule(""), {}},
           {"expressions that are known", rule(expression("meta") + expression("cmp") + expression("immediate")), {}},
           {"an expression that is new",
            rule(expression("teleport")),
            {"table ip t chain c gained a rule with 'teleport', which is not understood"}},
           {"an expression without a name", rule(attribute(NFTA_LIST_ELEM, "")), {broken}},
           {"something else in the list", rule(attribute(7, "")), {broken}},
           {"rubbish in the list", rule("xyz"), {broken}},
           {"payload that reads", rule(expression("payload", attribute(NFTA_PAYLOAD_DREG, "abcd"))), {}},
           {"payload with rubbish", rule(expression("payload", "xyz")), {broken}},
           {"queue", rule(expression("queue")), {"table ip t chain c gained a rule with queue"}},
           {"flow offload", rule(expression("flow_offload")), {"table ip t chain c gained a rule with flow_offload"}},
           {"tproxy", rule(expression("tproxy")), {"table ip t chain c gained a rule with tproxy"}},
           {"synproxy", rule(expression("synproxy")), {"table ip t chain c gained a rule with synproxy"}},
           {"an object by a map", rule(expression("objref")), {"table ip t chain c gained a rule with objref"}},
           {"a synproxy object",
            rule(expression("objref", attribute(NFTA_OBJREF_IMM_TYPE, std::string("\0\0\0\x0a", 4)))),
            {"table ip t chain c gained a rule with objref"}},
           {"a target without a name", rule(expression("target")), {broken}},
           {"a target that is new",
            rule(expression("target", attribute(1, zero_ended("TELEPORT")))),
            {"table ip t chain c gained a rule with the target 'TELEPORT', which is not understood"}},
           {"a target that rewrites",
            rule(expression("target", attribute(1, zero_ended("DNPT")))),
            {"table ip t chain c gained a rule with the target DNPT"}}}) {
    INFO(row.what);
    CHECK(parsed(row.bytes).unsure == row.unsure);
    CHECK(parsed(row.bytes).lost == (std::string(row.what) == "overrun"));
  }
}

TEST_CASE("a cut or changed message never passes for a harmless one of our tables", "[events]") {
  const std::string ours = message(NFT_MSG_NEWRULE, NFPROTO_INET,
                                   of_table("airtight") + attribute(NFTA_RULE_CHAIN, zero_ended("forward")) +
                                       attribute(NFTA_RULE_EXPRESSIONS | NLA_F_NESTED, expression("immediate")));
  for (std::size_t size = 1; size < ours.size(); ++size) {
    INFO(size);
    CHECK_FALSE(parsed(ours.substr(0, size)).unsure.empty());
  }
  std::mt19937 random(6);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = ours + rule(expression("dup"));
    for (unsigned n = random() % 4 + 1; n > 0; --n) bytes[random() % bytes.size()] = static_cast<char>(random());
    (void)parsed(bytes);
  }
}

TEST_CASE("a flood of changes is bounded", "[events]") {
  RulesetChange change;
  for (int i = 0; i < 3000; ++i)
    parse_ruleset_events(message(NFT_MSG_NEWFLOWTABLE, NFPROTO_IPV4, of_table("t" + std::to_string(i))), change);
  CHECK(change.tables.size() == 1024);
  CHECK(change.unsure.size() == 64);
}

}  // namespace
}  // namespace airtight::audit
