#include "auditor/interfaces/tc_message.h"

#include <linux/filter.h>
#include <linux/gen_stats.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_bpf.h>
#include <linux/tc_act/tc_csum.h>
#include <linux/tc_act/tc_defact.h>
#include <linux/tc_act/tc_gact.h>
#include <linux/tc_act/tc_mirred.h>
#include <linux/xdp_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace airtight::audit {
namespace {

using netlink::Attribute;
using netlink::Bytes;

constexpr std::size_t kLongestKind = 63;
constexpr std::size_t kLongestName = 4095;     // a program's, as whoever loaded it wrote it
constexpr std::uint16_t kMirredBlock = 5;      // TCA_MIRRED_BLOCKID, Linux 6.8
constexpr std::int32_t kActRedirect = 7;       // TC_ACT_REDIRECT
constexpr std::uint32_t kOpcode = 0xf0000000;  // of an extended verdict: jump, goto chain

constexpr std::array<std::string_view, 38> kQdiscs{"bfifo",
                                                   "cake",
                                                   "cbq",
                                                   "cbs",
                                                   "choke",
                                                   "clsact",
                                                   "codel",
                                                   "drr",
                                                   "dsmark",
                                                   "dualpi2",
                                                   "etf",
                                                   "ets",
                                                   "fq",
                                                   "fq_codel",
                                                   "fq_pie",
                                                   "gred",
                                                   "hfsc",
                                                   "hhf",
                                                   "htb",
                                                   "ingress",
                                                   "mq",
                                                   "mqprio",
                                                   "multiq",
                                                   "netem",
                                                   "noop",
                                                   "noqueue",
                                                   "pfifo",
                                                   "pfifo_fast",
                                                   "pfifo_head_drop",
                                                   "pie",
                                                   "plug",
                                                   "prio",
                                                   "qfq",
                                                   "red",
                                                   "sfb",
                                                   "sfq",
                                                   "taprio",
                                                   "tbf"};

static_assert(std::is_sorted(kQdiscs.begin(), kQdiscs.end()));

// Where the actions of a classifier stand among its options.
struct Classifier {
  std::string_view kind;
  std::uint16_t actions;
};
constexpr std::array<Classifier, 12> kClassifiers{{{"basic", TCA_BASIC_ACT},
                                                   {"bpf", TCA_BPF_ACT},
                                                   {"cgroup", TCA_CGROUP_ACT},
                                                   {"flow", TCA_FLOW_ACT},
                                                   {"flower", TCA_FLOWER_ACT},
                                                   {"fw", TCA_FW_ACT},
                                                   {"matchall", TCA_MATCHALL_ACT},
                                                   {"route", TCA_ROUTE4_ACT},
                                                   {"rsvp", 6},
                                                   {"rsvp6", 6},
                                                   {"tcindex", 7},
                                                   {"u32", TCA_U32_ACT}}};

// Actions that only count, check, drop or pass on, and where their verdicts stand: attribute, and octets into it.
struct Verdict {
  std::string_view kind;
  std::uint16_t attribute;
  std::size_t at;
  bool required;
};
constexpr std::array<Verdict, 6> kVerdicts{{{"csum", TCA_CSUM_PARMS, 8, true},
                                            {"gact", TCA_GACT_PARMS, 8, true},
                                            {"gact", TCA_GACT_PROB, 4, false},
                                            {"police", TCA_POLICE_TBF, 4, true},
                                            {"police", TCA_POLICE_RESULT, 0, false},
                                            {"simple", TCA_DEF_PARMS, 8, true}}};

bool is_harmless(std::int32_t verdict) {
  const std::uint32_t opcode = static_cast<std::uint32_t>(verdict) & kOpcode;
  if (opcode == TC_ACT_JUMP || opcode == TC_ACT_GOTO_CHAIN) return true;
  return verdict >= TC_ACT_UNSPEC && verdict <= TC_ACT_TRAP && verdict != kActRedirect;
}

// Finds the attribute; a later one of its type counts, as it does for the kernel.
bool find(Bytes nested, std::uint16_t type, std::optional<Bytes>& value) {
  value.reset();
  Attribute attribute;
  while (netlink::next_attribute(nested, attribute))
    if (attribute.type == type) value = attribute.value;
  return nested.empty();
}

std::string tag_text(Bytes tag) {
  std::string text;
  for (const std::uint8_t octet : tag) {
    text += "0123456789abcdef"[octet >> 4];
    text += "0123456789abcdef"[octet & 15];
  }
  return text;
}

// What the kernel tells of a program, at a filter or an action.
struct ProgramAttributes {
  std::uint16_t name, tag, id;
};

bool parse_program(Bytes options, const ProgramAttributes& types, TcWay& way) {
  Attribute attribute;
  while (netlink::next_attribute(options, attribute)) {
    if (attribute.type == types.name && !netlink::text(attribute.value, kLongestName, way.name)) return false;
    if (attribute.type == types.id && !netlink::exact(attribute.value, way.program)) return false;
    if (attribute.type == types.tag) way.detail += ", tag " + tag_text(attribute.value);
  }
  if (way.program != 0) way.detail += ", id " + std::to_string(way.program);
  return options.empty();
}

// Whether classic code can end with a verdict that is no plain one: a constant, or whatever its accumulator holds.
bool can_redirect(Bytes code) {
  for (; !code.empty(); code = code.subspan(sizeof(sock_filter))) {
    sock_filter instruction{};
    if (!netlink::leading(code, instruction)) return true;
    if (BPF_CLASS(instruction.code) != BPF_RET) continue;
    if (BPF_RVAL(instruction.code) != BPF_K || !is_harmless(static_cast<std::int32_t>(instruction.k))) return true;
  }
  return false;
}

bool parse_bpf(Bytes options, TcFilter& filter) {
  std::optional<Bytes> code, flags;
  if (!find(options, TCA_BPF_OPS, code) || !find(options, TCA_BPF_FLAGS, flags)) return false;
  std::uint32_t bits = 0;
  if (flags && !netlink::exact(*flags, bits)) return false;
  const bool direct = (bits & TCA_BPF_FLAG_ACT_DIRECT) != 0;
  if (direct) filter.detail += " direct action";
  if (code) {
    filter.detail += ", classic";
    if (direct && can_redirect(*code)) filter.ways.push_back({"tc filter", "", ", may redirect", 0, std::nullopt});
    return true;
  }
  TcWay way{"tc filter", "", "", 0, std::nullopt};
  if (!parse_program(options, {TCA_BPF_NAME, TCA_BPF_TAG, TCA_BPF_ID}, way)) return false;
  filter.ways.push_back(std::move(way));
  return true;
}

bool parse_mirred(Bytes options, TcWay& way) {
  std::optional<Bytes> parameters, block;
  tc_mirred mirred{};
  if (!find(options, TCA_MIRRED_PARMS, parameters) || !find(options, kMirredBlock, block)) return false;
  if (!parameters || !netlink::leading(*parameters, mirred)) return false;
  switch (mirred.eaction) {
    case TCA_EGRESS_REDIR:
      way.name = "mirred redirect";
      break;
    case TCA_EGRESS_MIRROR:
      way.name = "mirred mirror";
      break;
    case TCA_INGRESS_REDIR:
      way.name = "mirred ingress redirect";
      break;
    case TCA_INGRESS_MIRROR:
      way.name = "mirred ingress mirror";
      break;
    default:
      way.name = "mirred";
      break;
  }
  std::uint32_t number = 0;
  if (block && !netlink::exact(*block, number)) return false;
  if (number != 0)
    way.name += " to block " + std::to_string(number);
  else
    way.device = mirred.ifindex;
  return true;
}

// Whether an action of this kind and with these options does no more than to pass on or drop.
bool is_plain(std::string_view kind, const std::optional<Bytes>& options, bool& plain) {
  plain = false;
  bool known = false, harmless = true;
  for (const Verdict& row : kVerdicts) {
    if (row.kind != kind) continue;
    known = true;
    std::optional<Bytes> value;
    if (options && !find(*options, row.attribute, value)) return false;
    if (!value) {
      if (row.required) harmless = false;
      continue;
    }
    std::int32_t verdict = 0;
    if (value->size() < row.at || !netlink::leading(value->subspan(row.at), verdict)) return false;
    if (!is_harmless(verdict)) harmless = false;
  }
  plain = known && harmless;
  return true;
}

bool parse_action(Bytes nested, TcFilter& filter) {
  std::optional<Bytes> kind_text, options;
  if (!find(nested, TCA_ACT_KIND, kind_text) || !find(nested, TCA_ACT_OPTIONS, options)) return false;
  std::string kind;
  if (!kind_text || !netlink::text(*kind_text, kLongestKind, kind) || kind.empty()) return false;
  bool plain = false;
  if (!is_plain(kind, options, plain)) return false;
  if (plain) return true;
  TcWay way{"tc action", kind, "", 0, std::nullopt};
  if (kind == "mirred") {
    if (!options || !parse_mirred(*options, way)) return false;
  } else if (kind == "bpf") {
    way.name.clear();
    way.detail = ", action bpf";
    // Classic code as an action only drops or passes; its verdict is not told apart from a program's here.
    if (options && !parse_program(*options, {TCA_ACT_BPF_NAME, TCA_ACT_BPF_TAG, TCA_ACT_BPF_ID}, way)) return false;
  }
  filter.ways.push_back(std::move(way));
  return true;
}

bool parse_actions(Bytes options, std::uint16_t type, TcFilter& filter) {
  std::optional<Bytes> list;
  if (!find(options, type, list)) return false;
  if (!list) return true;
  Attribute action;
  while (netlink::next_attribute(*list, action))
    if (!parse_action(action.value, filter)) return false;
  return list->empty();
}

bool parse_queue(Bytes nested, std::optional<QueueState>& queue) {
  std::optional<Bytes> value;
  if (!find(nested, TCA_STATS_QUEUE, value)) return false;
  if (!value) return true;
  gnet_stats_queue stats{};
  if (!netlink::leading(*value, stats)) return false;
  queue = QueueState{stats.qlen, stats.drops};
  return true;
}

bool parse_event_blocks(Bytes options, std::vector<std::uint32_t>& blocks) {
  for (const std::uint16_t type : {TCA_RED_EARLY_DROP_BLOCK, TCA_RED_MARK_BLOCK}) {
    std::optional<Bytes> value;
    std::uint32_t block = 0;
    if (!find(options, type, value) || (value && !netlink::exact(*value, block))) return false;
    if (block != 0) blocks.push_back(block);
  }
  return true;
}

}  // namespace

bool is_known_qdisc(std::string_view kind) { return std::binary_search(kQdiscs.begin(), kQdiscs.end(), kind); }

Parsed parse_qdisc(Bytes body, TcQdisc& qdisc) {
  qdisc = {};
  tcmsg header{};
  if (!netlink::take(body, header) || header.tcm_ifindex <= 0) return Parsed::Malformed;
  qdisc.index = static_cast<std::uint32_t>(header.tcm_ifindex);
  qdisc.handle = header.tcm_handle;
  qdisc.parent = header.tcm_parent;
  std::optional<Bytes> options;
  Attribute attribute;
  bool good = true;
  while (good && netlink::next_attribute(body, attribute)) {
    if (attribute.type == TCA_KIND) good = netlink::text(attribute.value, kLongestKind, qdisc.kind);
    if (attribute.type == TCA_STATS2) good = parse_queue(attribute.value, qdisc.queue);
    if (attribute.type == TCA_OPTIONS) options = attribute.value;
  }
  if (good && options && qdisc.kind == "red") good = parse_event_blocks(*options, qdisc.event_blocks);
  return good && body.empty() && !qdisc.kind.empty() ? Parsed::Whole : Parsed::Malformed;
}

Parsed parse_class(Bytes body, std::uint32_t& handle) {
  tcmsg header{};
  if (!netlink::take(body, header)) return Parsed::Malformed;
  handle = header.tcm_handle;
  return Parsed::Whole;
}

Parsed parse_filter(Bytes body, TcFilter& filter) {
  filter = {};
  tcmsg header{};
  if (!netlink::take(body, header)) return Parsed::Malformed;
  std::optional<Bytes> kind_text, options, chain;
  if (!find(body, TCA_KIND, kind_text) || !find(body, TCA_OPTIONS, options) || !find(body, TCA_CHAIN, chain))
    return Parsed::Malformed;
  std::string kind;
  if (!kind_text || !netlink::text(*kind_text, kLongestKind, kind) || kind.empty()) return Parsed::Malformed;
  std::uint32_t number = 0;
  if (chain && !netlink::exact(*chain, number)) return Parsed::Malformed;
  filter.detail = "prio " + std::to_string(header.tcm_info >> 16);
  if (number != 0) filter.detail += ", chain " + std::to_string(number);
  if (static_cast<std::uint32_t>(header.tcm_ifindex) == TCM_IFINDEX_MAGIC_BLOCK)
    filter.detail += ", shared block " + std::to_string(header.tcm_block_index);
  filter.detail += ", " + kind;
  const auto* classifier =
      std::find_if(kClassifiers.begin(), kClassifiers.end(), [&](const Classifier& row) { return row.kind == kind; });
  if (classifier == kClassifiers.end()) {
    filter.ways.push_back({"tc filter", "", ", a kind that is not known", 0, std::nullopt});
    return Parsed::Whole;
  }
  if (!options) return Parsed::Whole;  // the list's head, which has no filter of its own
  if (kind == "bpf" && !parse_bpf(*options, filter)) return Parsed::Malformed;
  return parse_actions(*options, classifier->actions, filter) ? Parsed::Whole : Parsed::Malformed;
}

Parsed parse_xdp_socket(Bytes body, std::uint32_t& index) {
  xdp_diag_msg header{};
  index = 0;
  if (!netlink::take(body, header)) return Parsed::Malformed;
  if (header.xdiag_family != AF_XDP) return Parsed::Foreign;
  std::optional<Bytes> info;
  if (!find(body, XDP_DIAG_INFO, info)) return Parsed::Malformed;
  xdp_diag_info bound{};
  if (info && !netlink::leading(*info, bound)) return Parsed::Malformed;
  index = bound.ifindex;
  return Parsed::Whole;
}

}  // namespace airtight::audit
