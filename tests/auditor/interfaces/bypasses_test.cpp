// Real filters, programs and sockets in a namespace of the test's own, listed as the agent lists them.
#include "auditor/interfaces/bypasses.h"

#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "auditor/interfaces/tc_message.h"
#include "auditor/opener/device_programs.h"
#include "tests/auditor/interfaces/netlink_builder.h"
#include "tests/auditor/interfaces/own_namespace.h"

namespace airtight::audit {
namespace {

// A program that passes everything on; not valid if the kernel refuses it.
Fd program(bpf_prog_type type, const char* name, std::int32_t verdict) {
  const bpf_insn code[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, verdict}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  bpf_attr attr{};
  attr.prog_type = type;
  attr.insns = reinterpret_cast<std::uintptr_t>(code);
  attr.insn_cnt = 2;
  attr.license = reinterpret_cast<std::uintptr_t>("GPL");
  std::strncpy(attr.prog_name, name, sizeof attr.prog_name - 1);
  return Fd(static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr)));
}

// The error that the kernel answers a change with.
int change(NetlinkBuilder& builder, std::uint16_t type, std::uint16_t flags) {
  const Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  const auto request = builder.message(type, static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags));
  REQUIRE(::send(socket.get(), request.data(), request.size(), 0) == static_cast<ssize_t>(request.size()));
  std::vector<std::uint8_t> buffer;
  netlink::Bytes rest;
  REQUIRE_FALSE(netlink::receive(socket.get(), 0, buffer, rest));
  netlink::Message answer;
  REQUIRE(netlink::next_message(rest, answer));
  REQUIRE(answer.type == NLMSG_ERROR);
  int error = 0;
  REQUIRE(netlink::leading(answer.body, error));
  return -error;
}

// As "tc filter add dev DEV PARENT bpf da object": tc itself takes a program from a file only.
int attach_filter(const char* device, std::uint32_t parent, const Fd& program, const char* name) {
  tcmsg header{};
  header.tcm_ifindex = static_cast<int>(::if_nametoindex(device));
  header.tcm_parent = parent;
  header.tcm_info = 7u << 16 | 0x0300u;  // prio 7, ETH_P_ALL
  NetlinkBuilder builder(header);
  builder.text(TCA_KIND, "bpf")
      .nested(TCA_OPTIONS, NetlinkBuilder()
                               .value(TCA_BPF_FD, static_cast<std::uint32_t>(program.get()))
                               .text(TCA_BPF_NAME, name)
                               .value(TCA_BPF_FLAGS, std::uint32_t{TCA_BPF_FLAG_ACT_DIRECT}));
  return change(builder, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL);
}

int attach_xdp(const char* device, const Fd& program) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(::if_nametoindex(device));
  NetlinkBuilder builder(header);
  builder.nested(
      IFLA_XDP,
      NetlinkBuilder().value(IFLA_XDP_FD, program.get()).value(IFLA_XDP_FLAGS, std::uint32_t{XDP_FLAGS_SKB_MODE}));
  return change(builder, RTM_SETLINK, 0);
}

// One line a bypass; numbers that differ from run to run are cut.
std::vector<std::string> list(const Policy& policy = {}) {
  BypassQuestions ask;
  ask.program_name = [](std::uint32_t id) { return id == 0 ? "" : "some_program"; };
  std::vector<Bypass> bypasses;
  REQUIRE_FALSE(list_bypasses({}, policy, ask, bypasses));
  std::vector<std::string> lines;
  for (const Bypass& bypass : bypasses) {
    std::string line = bypass.interface + " | " + bypass.what + " | " + bypass.name + " | " + bypass.detail +
                       (bypass.declared ? " | declared" : "");
    for (const std::string_view number : {", tag ", ", id "})
      if (const auto at = line.find(number); at != std::string::npos) {
        const auto from = at + number.size();
        line.erase(from, line.find_first_of(", ", from) - from);
      }
    lines.push_back(std::move(line));
  }
  return lines;
}

using Lines = std::vector<std::string>;

#define PAIR_OR_SKIP(name)    \
  OWN_NAMESPACE_OR_SKIP(name) \
  REQUIRE(run("ip link add eth0 type veth peer name far && ip link set eth0 up && ip link set far up"))

TEST_CASE("bypasses: a namespace with nothing in it has none") {
  PAIR_OR_SKIP("bypasses none");
  CHECK(list() == Lines{});
}

TEST_CASE("bypasses: a mirred redirect, in both directions of clsact") {
  PAIR_OR_SKIP("bypasses mirred");
  REQUIRE(run("tc qdisc add dev eth0 clsact"));
  if (!can("tc filter add dev eth0 ingress pref 9 u32 match u32 0 0 action mirred egress redirect dev far")) {
    WARN("SKIPPED bypasses mirred: no u32 or mirred in this kernel");
    return;
  }
  REQUIRE(run("tc filter add dev eth0 egress pref 5 chain 3 u32 match u32 0 0 action mirred egress mirror dev far"));
  REQUIRE(run("tc filter add dev eth0 egress pref 6 u32 match u32 0 0 action mirred ingress redirect dev far"));
  CHECK(list() == Lines{"eth0 | tc action | mirred ingress redirect to far | egress, prio 6, u32",
                        "eth0 | tc action | mirred mirror to far | egress, prio 5, chain 3, u32",
                        "eth0 | tc action | mirred redirect to far | ingress, prio 9, u32"});
  Policy policy;
  policy.cluster.programs = {"mirred redirect to far"};
  CHECK(list(policy)[2] == "eth0 | tc action | mirred redirect to far | ingress, prio 9, u32 | declared");
}

TEST_CASE("bypasses: the older ingress qdisc, and a redirect to ifb") {
  PAIR_OR_SKIP("bypasses ingress");
  REQUIRE(run("tc qdisc add dev eth0 ingress"));
  const bool ifb = can("ip link add ifb7 type ifb && ip link set ifb7 up");
  const std::string target = ifb ? "ifb7" : "far";
  if (!can("tc filter add dev eth0 parent ffff: pref 2 u32 match u32 0 0 action mirred egress redirect dev " + target))
    return;
  CHECK(list() == Lines{"eth0 | tc action | mirred redirect to " + target + " | ingress, prio 2, u32"});
}

TEST_CASE("bypasses: a filter that only drops, classifies or passes is none") {
  PAIR_OR_SKIP("bypasses drop");
  REQUIRE(run("tc qdisc add dev eth0 clsact"));
  // As the tc target writes them: classic code, direct action.
  REQUIRE(run("tc filter add dev eth0 egress pref 1 bpf da bytecode '1,6 0 0 2'"));
  REQUIRE(run("tc filter add dev eth0 ingress pref 1 bpf da bytecode '2,48 0 0 0,6 0 0 4294967295'"));
  CHECK(list() == Lines{});
  // 7 is TC_ACT_REDIRECT; the accumulator may hold it too.
  REQUIRE(run("tc filter add dev eth0 egress pref 2 bpf da bytecode '1,6 0 0 7'"));
  REQUIRE(run("tc filter add dev eth0 egress pref 3 bpf da bytecode '2,48 0 0 0,22 0 0 0'"));
  CHECK(list() == Lines{"eth0 | tc filter |  | egress, prio 2, bpf direct action, classic, may redirect",
                        "eth0 | tc filter |  | egress, prio 3, bpf direct action, classic, may redirect"});
}

TEST_CASE("bypasses: filters of a classful qdisc and of its classes") {
  PAIR_OR_SKIP("bypasses classes");
  const bool htb = can("tc qdisc add dev eth0 root handle 1: htb");
  const bool prio = !htb && can("tc qdisc add dev eth0 root handle 1: prio");
  if (!htb && !prio) {
    WARN("SKIPPED bypasses classes: neither htb nor prio in this kernel");
    return;
  }
  REQUIRE(run("tc filter add dev eth0 parent 1: pref 4 u32 match u32 0 0 action mirred egress redirect dev far"));
  Lines expected{"eth0 | tc action | mirred redirect to far | qdisc 1:, prio 4, u32"};
  if (htb) {
    REQUIRE(run("tc class add dev eth0 parent 1: classid 1:1a htb rate 1mbit"));
    REQUIRE(run("tc filter add dev eth0 parent 1:1a pref 5 u32 match u32 0 0 action mirred egress mirror dev far"));
    REQUIRE(run("tc class add dev eth0 parent 1:1a classid 1:1b htb rate 1mbit"));
    REQUIRE(run("tc qdisc add dev eth0 parent 1:1b handle 5: htb"));
    REQUIRE(run("tc filter add dev eth0 parent 5: pref 6 u32 match u32 0 0 action mirred egress mirror dev lo"));
    expected = {"eth0 | tc action | mirred mirror to far | class 1:1a, prio 5, u32",
                "eth0 | tc action | mirred mirror to lo | qdisc 5:, prio 6, u32", expected[0]};
  }
  CHECK(list() == expected);
}

TEST_CASE("bypasses: a block that two devices share") {
  PAIR_OR_SKIP("bypasses block");
  if (!can("tc qdisc add dev eth0 ingress_block 22 clsact && tc qdisc add dev far ingress_block 22 clsact")) return;
  REQUIRE(run("tc filter add block 22 pref 4 u32 match u32 0 0 action mirred egress redirect dev far"));
  CHECK(list() == Lines{"eth0 | tc action | mirred redirect to far | ingress, prio 4, shared block 22, u32",
                        "far | tc action | mirred redirect to far | ingress, prio 4, shared block 22, u32"});
}

TEST_CASE("bypasses: a BPF program at a filter, by its name") {
  PAIR_OR_SKIP("bypasses bpf");
  REQUIRE(run("tc qdisc add dev eth0 clsact"));
  const Fd loaded = program(BPF_PROG_TYPE_SCHED_CLS, "pass_all", 0);
  if (!loaded) {
    WARN("SKIPPED bypasses bpf: no BPF programs in this kernel");
    return;
  }
  REQUIRE(attach_filter("eth0", TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), loaded, "cil_from_netdev") == 0);
  REQUIRE(attach_filter("eth0", TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), loaded, "own_redirect") == 0);
  Policy policy;
  policy.cluster.programs = {"cil_from_netdev"};
  CHECK(list(policy) ==
        Lines{"eth0 | tc filter | cil_from_netdev | ingress, prio 7, bpf direct action, tag , id  | declared",
              "eth0 | tc filter | own_redirect | egress, prio 7, bpf direct action, tag , id "});
}

TEST_CASE("bypasses: an XDP program, which comes and goes between two listings") {
  PAIR_OR_SKIP("bypasses xdp");
  const Fd loaded = program(BPF_PROG_TYPE_XDP, "xdp_pass", XDP_PASS);
  if (!loaded) {
    WARN("SKIPPED bypasses xdp: no BPF programs in this kernel");
    return;
  }
  LinkWatcher watcher;
  REQUIRE(attach_xdp("eth0", loaded) == 0);
  CHECK(list() == Lines{"eth0 | XDP program | some_program | generic, id "});
  std::vector<LinkEvent> events;
  REQUIRE_FALSE(watcher.poll(events));
  const auto& link = watcher.links().at(::if_nametoindex("eth0"));
  CHECK(link.xdp_program != 0);
  REQUIRE(attach_xdp("eth0", Fd(-1)) == 0);
  CHECK(list() == Lines{});
}

TEST_CASE("bypasses: a program at a tcx hook, which no tc listing shows") {
  PAIR_OR_SKIP("bypasses tcx");
  const Fd loaded = program(BPF_PROG_TYPE_SCHED_CLS, "pass_all", 0);
  // BPF_LINK_CREATE at BPF_TCX_EGRESS.
  struct {
    std::uint32_t program, device, hook, flags;
    std::uint64_t rest[2];
  } create{static_cast<std::uint32_t>(loaded.get()), ::if_nametoindex("eth0"), 47, 0, {0, 0}};
  const Fd link(loaded ? static_cast<int>(::syscall(SYS_bpf, BPF_LINK_CREATE, &create, sizeof create)) : -1);
  if (!link) {
    WARN("SKIPPED bypasses tcx: no tcx in this kernel");
    return;
  }
  CHECK(list() == Lines{"eth0 | BPF program | some_program | tcx or netkit, id "});
  std::vector<std::uint32_t> ids;
  REQUIRE_FALSE(device_programs(::if_nametoindex("eth0"), ids));
  CHECK(ids.size() == 1);
  REQUIRE_FALSE(device_programs(::if_nametoindex("far"), ids));
  CHECK(ids.empty());
  CHECK_FALSE(device_programs(99999, ids));
}

TEST_CASE("bypasses: what may not be listed is one, what fails is an error") {
  OWN_NAMESPACE_OR_SKIP("bypasses refused");
  BypassQuestions ask;
  ask.device_programs = [](std::uint32_t, std::vector<std::uint32_t>&) {
    return std::make_error_code(std::errc::operation_not_permitted);
  };
  std::vector<Bypass> bypasses;
  REQUIRE_FALSE(list_bypasses({}, {}, ask, bypasses));
  CHECK(bypasses == std::vector<Bypass>{{"", "BPF program", "",
                                         "programs at the devices' own hooks (tcx, netkit) cannot be listed: "
                                         "Operation not permitted",
                                         false}});
  ask.device_programs = [](std::uint32_t, std::vector<std::uint32_t>&) {
    return std::make_error_code(std::errc::timed_out);
  };
  CHECK(list_bypasses({}, {}, ask, bypasses) == std::errc::timed_out);
  CHECK(bypasses.empty());
}

TEST_CASE("bypasses: virtual functions and programs of a link that is gone since") {
  OWN_NAMESPACE_OR_SKIP("bypasses functions");
  Link link;
  link.index = 4242;
  link.name = "ens1f0";
  link.virtual_functions = 4;
  link.xdp_program = kUnknownProgram;
  std::vector<Bypass> bypasses;
  REQUIRE_FALSE(list_bypasses({{link.index, link}}, {}, BypassQuestions{}, bypasses));
  CHECK(bypasses == std::vector<Bypass>{{"ens1f0", "SR-IOV functions", "", "4", false},
                                        {"ens1f0", "XDP program", "", "attached", false}});
}

TEST_CASE("bypasses: an AF_XDP socket") {
  OWN_NAMESPACE_OR_SKIP("bypasses af_xdp");
  const Fd socket(::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!socket) {
    WARN("SKIPPED bypasses af_xdp: no AF_XDP in this kernel");
    return;
  }
  const Lines lines = list();
  REQUIRE(lines.size() == 1);
  CHECK((lines[0] == " | AF_XDP socket |  | not bound" ||
         lines[0] == " | AF_XDP socket |  | 1 of them, at a device that is not known"));
}

TEST_CASE("queue: no queue, a queue that holds frames, drops, and a device that is not there") {
  PAIR_OR_SKIP("queue");
  const auto index = ::if_nametoindex("eth0");
  QueueState state{9, 9};
  REQUIRE_FALSE(queue_state(index, state));
  CHECK(state == QueueState{0, 0});
  CHECK(queue_state(99999, state) == std::errc::no_such_device);
  const Fd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  const auto send_nine = [&] {
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = static_cast<int>(index);
    const std::uint8_t frame[100] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};
    for (int i = 0; i < 9; ++i)
      (void)::sendto(socket.get(), frame, sizeof frame, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  };
  // What filters drop is no matter of the queue.
  REQUIRE(run("tc qdisc add dev eth0 clsact && tc filter add dev eth0 egress bpf da bytecode '1,6 0 0 2'"));
  send_nine();
  REQUIRE_FALSE(queue_state(index, state));
  CHECK(state == QueueState{0, 0});
  REQUIRE(run("tc qdisc del dev eth0 clsact"));
  // A hundred octets a second after a first burst: two more frames wait, the rest is dropped.
  if (!can("tc qdisc add dev eth0 root handle 1: tbf rate 800bit burst 200 limit 300")) {
    WARN("SKIPPED queue: no tbf in this kernel");
    return;
  }
  send_nine();
  REQUIRE_FALSE(queue_state(index, state));
  CHECK(state.backlog + state.drops >= 6);
  CHECK(state.backlog >= 1);
  CHECK(state.drops >= 1);
}

}  // namespace
}  // namespace airtight::audit
