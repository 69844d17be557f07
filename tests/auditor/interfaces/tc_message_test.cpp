// Filters, actions and queues as kernels tell them that have more kinds of them than this one; and bytes that none
// tells.
#include "auditor/interfaces/tc_message.h"

#include <linux/gen_stats.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_bpf.h>
#include <linux/tc_act/tc_gact.h>
#include <linux/tc_act/tc_mirred.h>
#include <linux/tc_act/tc_pedit.h>
#include <linux/xdp_diag.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>

#include "tests/auditor/interfaces/netlink_builder.h"

namespace airtight::audit {
namespace {

NetlinkBuilder head(std::string_view kind) {
  tcmsg header{};
  header.tcm_ifindex = 3;
  header.tcm_info = 9u << 16;
  return NetlinkBuilder(header).text(TCA_KIND, kind);
}

NetlinkBuilder action(std::string_view kind, const NetlinkBuilder& options) {
  return NetlinkBuilder().text(TCA_ACT_KIND, kind).nested(TCA_ACT_OPTIONS, options);
}

NetlinkBuilder gact(std::int32_t verdict) {
  tc_gact parameters{};
  parameters.action = verdict;
  return action("gact", NetlinkBuilder().value(TCA_GACT_PARMS, parameters));
}

NetlinkBuilder mirred(int kind, std::uint32_t device) {
  tc_mirred parameters{};
  parameters.eaction = kind;
  parameters.ifindex = device;
  return action("mirred", NetlinkBuilder().value(TCA_MIRRED_PARMS, parameters));
}

NetlinkBuilder filter(std::string_view kind, std::uint16_t type, std::initializer_list<NetlinkBuilder> actions) {
  NetlinkBuilder list;
  std::uint16_t place = 0;
  for (const NetlinkBuilder& one : actions) list.nested(++place, one);
  auto builder = head(kind);
  return builder.nested(TCA_OPTIONS, NetlinkBuilder().nested(type, list));
}

std::string text(const NetlinkBuilder& builder) {
  TcFilter parsed;
  const Parsed result = parse_filter(builder.body(), parsed);
  if (result != Parsed::Whole) return "malformed";
  std::string text = parsed.detail;
  for (const TcWay& way : parsed.ways)
    text += " | " + way.what + " " + way.name + way.detail + (way.device ? " to " + std::to_string(*way.device) : "");
  return text;
}

TEST_CASE("tc message: actions of every classifier are found") {
  const std::pair<const char*, std::uint16_t> kinds[] = {
      {"basic", TCA_BASIC_ACT}, {"cgroup", TCA_CGROUP_ACT},     {"flow", TCA_FLOW_ACT},    {"flower", TCA_FLOWER_ACT},
      {"fw", TCA_FW_ACT},       {"matchall", TCA_MATCHALL_ACT}, {"route", TCA_ROUTE4_ACT}, {"rsvp", TCA_RSVP_ACT},
      {"rsvp6", TCA_RSVP_ACT},  {"tcindex", TCA_TCINDEX_ACT},   {"u32", TCA_U32_ACT}};
  for (const auto& [kind, type] : kinds)
    CHECK(text(filter(kind, type, {gact(TC_ACT_PIPE), mirred(TCA_EGRESS_REDIR, 5)})) ==
          "prio 9, " + std::string(kind) + " | tc action mirred redirect to 5");
}

TEST_CASE("tc message: what an action can do") {
  const auto one = [](const NetlinkBuilder& action) { return text(filter("matchall", TCA_MATCHALL_ACT, {action})); };
  const std::string plain = "prio 9, matchall";
  for (const std::int32_t verdict : {-1, 0, 1, 2, 3, 4, 5, 6, 8, 0x10000001, 0x20000007})
    CHECK(one(gact(verdict)) == plain);
  for (const std::int32_t verdict : {7, 9, -2, 0x30000000}) CHECK(one(gact(verdict)) == plain + " | tc action gact");
  tc_gact_p random{};
  random.paction = 7;
  tc_gact certain{};
  CHECK(one(action("gact", NetlinkBuilder().value(TCA_GACT_PARMS, certain).value(TCA_GACT_PROB, random))) ==
        plain + " | tc action gact");
  CHECK(one(action("gact", NetlinkBuilder())) == plain + " | tc action gact");
  CHECK(one(mirred(TCA_EGRESS_MIRROR, 4)) == plain + " | tc action mirred mirror to 4");
  CHECK(one(mirred(TCA_INGRESS_REDIR, 4)) == plain + " | tc action mirred ingress redirect to 4");
  CHECK(one(mirred(TCA_INGRESS_MIRROR, 4)) == plain + " | tc action mirred ingress mirror to 4");
  CHECK(one(mirred(99, 4)) == plain + " | tc action mirred to 4");
  CHECK(one(action("mirred", NetlinkBuilder().value(TCA_MIRRED_PARMS, tc_mirred{}).value(5, std::uint32_t{22}))) ==
        plain + " | tc action mirred to block 22");
  tc_police police{};
  CHECK(one(action("police", NetlinkBuilder().value(TCA_POLICE_TBF, police))) == plain);
  CHECK(one(action("police", NetlinkBuilder().value(TCA_POLICE_TBF, police).value(TCA_POLICE_RESULT, 7))) ==
        plain + " | tc action police");
  for (const char* kind : {"pedit", "nat", "vlan", "tunnel_key", "skbedit", "skbmod", "ct", "connmark", "mpls", "ife",
                           "sample", "gate", "of tomorrow"})
    CHECK(one(action(kind, NetlinkBuilder())) == plain + " | tc action " + kind);
  CHECK(one(action("bpf", NetlinkBuilder()
                              .text(TCA_ACT_BPF_NAME, "prog.o:[act]")
                              .value(TCA_ACT_BPF_ID, std::uint32_t{12})
                              .bytes(TCA_ACT_BPF_TAG, "\x01\x23\x45\x67\x89\xab\xcd\xef"))) ==
        plain + " | tc action prog.o:[act], action bpf, tag 0123456789abcdef, id 12");
}

TEST_CASE("tc message: filters of BPF, of unknown kinds, and the heads of lists") {
  auto program = head("bpf");
  program.nested(TCA_OPTIONS, NetlinkBuilder()
                                  .text(TCA_BPF_NAME, "cil_from_netdev")
                                  .value(TCA_BPF_FLAGS, std::uint32_t{TCA_BPF_FLAG_ACT_DIRECT})
                                  .bytes(TCA_BPF_TAG, "\x01\x23\x45\x67\x89\xab\xcd\xef")
                                  .value(TCA_BPF_ID, std::uint32_t{7}));
  CHECK(text(program) == "prio 9, bpf direct action | tc filter cil_from_netdev, tag 0123456789abcdef, id 7");
  // Without direct action a program can redirect all the same.
  auto classifier = head("bpf");
  classifier.nested(TCA_OPTIONS, NetlinkBuilder().value(TCA_BPF_ID, std::uint32_t{7}));
  CHECK(text(classifier) == "prio 9, bpf | tc filter , id 7");
  auto nameless = head("bpf");
  nameless.nested(TCA_OPTIONS, NetlinkBuilder());
  CHECK(text(nameless) == "prio 9, bpf | tc filter ");
  // A classic one that classifies, with an action beside it.
  auto classic = head("bpf");
  classic.nested(TCA_OPTIONS, NetlinkBuilder()
                                  .bytes(TCA_BPF_OPS, std::string("\x06\0\0\0\x07\0\0\0", 8))
                                  .nested(TCA_BPF_ACT, NetlinkBuilder().nested(1, mirred(TCA_EGRESS_REDIR, 5))));
  CHECK(text(classic) == "prio 9, bpf, classic | tc action mirred redirect to 5");
  CHECK(text(head("bpf")) == "prio 9, bpf");
  CHECK(text(head("of tomorrow")) == "prio 9, of tomorrow | tc filter , a kind that is not known");
  CHECK(text(head("u32").value(TCA_CHAIN, std::uint32_t{4})) == "prio 9, chain 4, u32");
}

TEST_CASE("tc message: what the kernel would not say is refused") {
  const std::pair<const char*, NetlinkBuilder> cases[] = {
      {"no header", NetlinkBuilder(std::uint32_t{0})},
      {"no kind", NetlinkBuilder(tcmsg{})},
      {"empty kind", head("")},
      {"kind without end", NetlinkBuilder(tcmsg{}).bytes(TCA_KIND, "u32")},
      {"short chain", head("u32").value(TCA_CHAIN, std::uint16_t{1})},
      {"an action without kind", filter("u32", TCA_U32_ACT, {NetlinkBuilder()})},
      {"a verdict cut short",
       filter("u32", TCA_U32_ACT, {action("gact", NetlinkBuilder().bytes(TCA_GACT_PARMS, "abcdefgh"))})},
      {"mirred without parameters", filter("u32", TCA_U32_ACT, {action("mirred", NetlinkBuilder())})},
      {"mirred cut short",
       filter("u32", TCA_U32_ACT, {action("mirred", NetlinkBuilder().bytes(TCA_MIRRED_PARMS, "abcd"))})},
      {"actions that are none", head("u32").nested(TCA_OPTIONS, NetlinkBuilder().bytes(TCA_U32_ACT, "abcdefgh"))},
      {"options that are none", head("u32").bytes(TCA_OPTIONS, "ab")},
      {"a program's id cut short",
       head("bpf").nested(TCA_OPTIONS, NetlinkBuilder().value(TCA_BPF_ID, std::uint16_t{1}))},
      {"a program's name without end", head("bpf").nested(TCA_OPTIONS, NetlinkBuilder().bytes(TCA_BPF_NAME, "abc"))},
  };
  for (const auto& [what, builder] : cases) {
    INFO(what);
    CHECK(text(builder) == "malformed");
  }
  const auto whole = filter("matchall", TCA_MATCHALL_ACT, {mirred(TCA_EGRESS_REDIR, 5)}).body();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    TcFilter parsed;
    const Parsed result = parse_filter(netlink::Bytes(whole).first(size), parsed);
    // Cut between two attributes, it is the head of a list.
    CHECK((result == Parsed::Malformed || parsed.detail == "prio 9, matchall"));
  }
}

TEST_CASE("tc message: queues, their numbers and the blocks that they ask") {
  gnet_stats_queue stats{};
  stats.qlen = 4;
  stats.backlog = 400;
  stats.drops = 9;
  tcmsg header{};
  header.tcm_ifindex = 3;
  header.tcm_handle = 0x10000;
  header.tcm_parent = TC_H_ROOT;
  auto builder = NetlinkBuilder(header).text(TCA_KIND, "red");
  builder.nested(TCA_STATS2, NetlinkBuilder().value(TCA_STATS_QUEUE, stats))
      .nested(TCA_OPTIONS, NetlinkBuilder()
                               .value(TCA_RED_EARLY_DROP_BLOCK, std::uint32_t{22})
                               .value(TCA_RED_MARK_BLOCK, std::uint32_t{23}));
  TcQdisc qdisc;
  REQUIRE(parse_qdisc(builder.body(), qdisc) == Parsed::Whole);
  CHECK((qdisc.index == 3 && qdisc.handle == 0x10000 && qdisc.parent == TC_H_ROOT && qdisc.kind == "red"));
  REQUIRE(qdisc.queue);
  CHECK(*qdisc.queue == QueueState{4, 9});
  CHECK(qdisc.event_blocks == std::vector<std::uint32_t>{22, 23});
  CHECK(parse_qdisc(NetlinkBuilder(header).body(), qdisc) == Parsed::Malformed);
  CHECK(parse_qdisc(NetlinkBuilder(header)
                        .text(TCA_KIND, "fq")
                        .nested(TCA_STATS2, NetlinkBuilder().bytes(TCA_STATS_QUEUE, "abcd"))
                        .body(),
                    qdisc) == Parsed::Malformed);
  for (const char* kind : {"bfifo", "clsact", "fq_codel", "htb", "mq", "noqueue", "pfifo_fast", "tbf"})
    CHECK(is_known_qdisc(kind));
  for (const char* kind : {"", "teql0", "bpf_fifo", "atm", "zzz"}) CHECK_FALSE(is_known_qdisc(kind));
}

TEST_CASE("tc message: AF_XDP sockets") {
  xdp_diag_msg header{};
  header.xdiag_family = AF_XDP;
  xdp_diag_info info{};
  info.ifindex = 6;
  std::uint32_t index = 9;
  CHECK(parse_xdp_socket(NetlinkBuilder(header).value(XDP_DIAG_INFO, info).body(), index) == Parsed::Whole);
  CHECK(index == 6);
  CHECK(parse_xdp_socket(NetlinkBuilder(header).body(), index) == Parsed::Whole);
  CHECK(index == 0);
  CHECK(parse_xdp_socket(NetlinkBuilder(header).bytes(XDP_DIAG_INFO, "abcd").body(), index) == Parsed::Malformed);
  header.xdiag_family = AF_INET;
  CHECK(parse_xdp_socket(NetlinkBuilder(header).body(), index) == Parsed::Foreign);
  CHECK(parse_xdp_socket({}, index) == Parsed::Malformed);
}

}  // namespace
}  // namespace airtight::audit
