#include "auditor/interfaces/bypasses.h"

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/xdp_diag.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "auditor/interfaces/link_message.h"
#include "auditor/interfaces/netlink.h"
#include "auditor/interfaces/tc_message.h"
#include "auditor/opener/device_programs.h"

namespace airtight::audit {
namespace {

constexpr std::size_t kMostBypasses = 65536;
constexpr std::uint32_t kMajor = 0xffff0000;
constexpr std::uint32_t kClsactIngress = 0xfffffff2, kClsactEgress = 0xfffffff3;  // majors of clsact, with TC_H_MIN_

std::string handle_text(std::uint32_t handle) {
  std::ostringstream text;
  text << std::hex << (handle >> 16) << ':';
  if ((handle & ~kMajor) != 0) text << (handle & ~kMajor);
  return text.str();
}

std::string_view mode_text(std::uint8_t mode) {
  switch (mode) {
    case XDP_ATTACHED_DRV:
      return "native";
    case XDP_ATTACHED_SKB:
      return "generic";
    case XDP_ATTACHED_HW:
      return "offloaded";
    default:
      return "attached";
  }
}

class Lister {
 public:
  Lister(const std::map<std::uint32_t, Link>& links, const Policy& policy, const BypassQuestions& ask)
      : policy_(policy), ask_(ask) {
    for (const auto& [index, link] : links) {
      LinkMessage& known = links_[index];
      known.link = link;
      if (link.xdp_program != 0) known.xdp.push_back({XDP_ATTACHED_NONE, link.xdp_program});
    }
  }

  std::error_code list() {
    if (const auto error = route_.open(NETLINK_ROUTE)) return error;
    if (const auto error = devices()) return error;
    if (const auto error = qdiscs()) return error;
    if (const auto error = programs()) return error;
    if (const auto error = xdp_sockets()) return error;
    return found_.size() > kMostBypasses ? std::make_error_code(std::errc::value_too_large) : std::error_code{};
  }

  std::vector<Bypass> found() const { return {found_.begin(), found_.end()}; }

 private:
  std::error_code devices() {
    std::vector<LinkMessage> now;
    if (const auto error = read_links(route_, now)) return error;
    for (LinkMessage& message : now) links_[message.link.index] = std::move(message);
    for (const auto& [index, message] : links_) {
      for (const XdpAttachment& program : message.xdp) {
        const std::string detail(mode_text(program.mode));
        if (program.id == kUnknownProgram)
          add(index, "XDP program", "", detail);
        else
          add(index, "XDP program", program_name(program.id), detail + ", id " + std::to_string(program.id));
      }
      if (message.link.virtual_functions != 0)
        add(index, "SR-IOV functions", "", std::to_string(message.link.virtual_functions));
    }
    return {};
  }

  // One place where filters hang, of a device or, where `block` is not 0, shared between some.
  struct Place {
    std::uint32_t index = 0;
    std::uint32_t parent = 0;
    std::uint32_t block = 0;
    std::string name;
  };

  std::error_code qdiscs() {
    std::vector<std::uint8_t> request, answers;
    netlink::append(request, tcmsg{});
    netlink::append_flag(request, TCA_DUMP_INVISIBLE);
    if (const auto error = route_.dump(RTM_GETQDISC, request, answers)) return error;
    std::vector<Place> places;
    std::set<std::uint32_t> with_classes;
    netlink::Bytes rest = answers;
    netlink::Message message;
    while (netlink::next_message(rest, message)) {
      TcQdisc qdisc;
      if (message.type != RTM_NEWQDISC || parse_qdisc(message.body, qdisc) != Parsed::Whole) return malformed();
      if (!is_known_qdisc(qdisc.kind))
        add(qdisc.index, "tc qdisc", qdisc.kind, handle_text(qdisc.handle) + ", a kind that is not known");
      if (qdisc.kind == "clsact") {
        places.push_back({qdisc.index, kClsactIngress, 0, "ingress"});
        places.push_back({qdisc.index, kClsactEgress, 0, "egress"});
      } else if (qdisc.kind == "ingress") {
        places.push_back({qdisc.index, qdisc.handle, 0, "ingress"});
      } else {
        // Without a handle only the root can be asked, by naming none.
        if (qdisc.handle != 0 || qdisc.parent == TC_H_ROOT)
          places.push_back({qdisc.index, qdisc.handle, 0, "qdisc " + handle_text(qdisc.handle)});
        with_classes.insert(qdisc.index);
      }
      for (const std::uint32_t block : qdisc.event_blocks)
        places.push_back({qdisc.index, 0, block, "events of qdisc " + handle_text(qdisc.handle)});
    }
    if (!rest.empty()) return malformed();
    for (const std::uint32_t index : with_classes)
      if (const auto error = classes(index, places)) return error;
    for (const Place& place : places)
      if (const auto error = filters(place)) return error;
    return {};
  }

  std::error_code classes(std::uint32_t index, std::vector<Place>& places) {
    tcmsg header{};
    header.tcm_ifindex = static_cast<int>(index);
    std::vector<std::uint8_t> request, answers;
    netlink::append(request, header);
    if (const auto error = route_.dump(RTM_GETTCLASS, request, answers)) return unless_gone(error);
    netlink::Bytes rest = answers;
    netlink::Message message;
    while (netlink::next_message(rest, message)) {
      std::uint32_t handle = 0;
      if (message.type != RTM_NEWTCLASS || parse_class(message.body, handle) != Parsed::Whole) return malformed();
      if ((handle & kMajor) != 0) places.push_back({index, handle, 0, "class " + handle_text(handle)});
    }
    return rest.empty() ? std::error_code{} : malformed();
  }

  std::error_code filters(const Place& place) {
    tcmsg header{};
    header.tcm_ifindex = static_cast<int>(place.index);
    header.tcm_parent = place.parent;
    if (place.block != 0) {
      header.tcm_ifindex = static_cast<int>(TCM_IFINDEX_MAGIC_BLOCK);
      header.tcm_block_index = place.block;
    }
    std::vector<std::uint8_t> request, answers;
    netlink::append(request, header);
    if (const auto error = route_.dump(RTM_GETTFILTER, request, answers)) return unless_gone(error);
    netlink::Bytes rest = answers;
    netlink::Message message;
    while (netlink::next_message(rest, message)) {
      TcFilter filter;
      if (message.type == RTM_NEWCHAIN) continue;
      if (message.type != RTM_NEWTFILTER || parse_filter(message.body, filter) != Parsed::Whole) return malformed();
      for (const TcWay& way : filter.ways) {
        std::string name = way.name;
        if (way.device) name += " to " + device_name(*way.device);
        if (name.empty() && way.program != 0) name = program_name(way.program);
        add(place.index, way.what, name, place.name + ", " + filter.detail + way.detail);
      }
    }
    return rest.empty() ? std::error_code{} : malformed();
  }

  std::error_code programs() {
    for (const auto& [index, message] : links_) {
      std::vector<std::uint32_t> ids;
      const auto error = ask_.device_programs ? ask_.device_programs(index, ids) : device_programs(index, ids);
      if (error == std::errc::operation_not_permitted) {
        add(0, "BPF program", "",
            "programs at the devices' own hooks (tcx, netkit) cannot be listed: " + error.message());
        return {};
      }
      if (error && error != std::errc::no_such_device) return error;
      for (const std::uint32_t id : ids)
        add(index, "BPF program", program_name(id), "tcx or netkit, id " + std::to_string(id));
    }
    return {};
  }

  std::error_code xdp_sockets() {
    netlink::Asker asker;
    xdp_diag_req question{};
    question.sdiag_family = AF_XDP;
    question.xdiag_show = XDP_SHOW_INFO;
    std::vector<std::uint8_t> request, answers;
    netlink::append(request, question);
    auto error = asker.open(NETLINK_SOCK_DIAG);
    if (!error) error = asker.dump(SOCK_DIAG_BY_FAMILY, request, answers);
    if (error == std::errc::no_such_file_or_directory || error == std::errc::invalid_argument ||
        error == std::errc::protocol_not_supported)
      return count_xdp_sockets();
    if (error) return error;
    netlink::Bytes rest = answers;
    netlink::Message message;
    while (netlink::next_message(rest, message)) {
      std::uint32_t index = 0;
      if (message.type != SOCK_DIAG_BY_FAMILY) return malformed();
      const Parsed parsed = parse_xdp_socket(message.body, index);
      if (parsed == Parsed::Malformed) return malformed();
      if (parsed == Parsed::Whole) add(index, "AF_XDP socket", "", index == 0 ? "not bound" : "bound");
    }
    return rest.empty() ? std::error_code{} : malformed();
  }

  // Without the module that lists them, the kernel still counts them in this network namespace.
  std::error_code count_xdp_sockets() {
    std::ifstream file("/proc/thread-self/net/protocols");
    std::string line;
    while (std::getline(file, line)) {
      std::istringstream fields(line);
      std::string protocol;
      long size = 0, sockets = 0;
      if (!(fields >> protocol) || protocol != "XDP") continue;
      if (!(fields >> size >> sockets) || sockets < 0) return malformed();
      if (sockets > 0) add(0, "AF_XDP socket", "", std::to_string(sockets) + " of them, at a device that is not known");
      return {};
    }
    if (file.eof()) return {};
    const Fd socket(::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0));
    if (!socket && errno == EAFNOSUPPORT) return {};
    return std::make_error_code(std::errc::io_error);
  }

  void add(std::uint32_t index, const std::string& what, const std::string& name, const std::string& detail) {
    const auto& known = policy_.cluster.programs;
    const bool declared = !name.empty() && std::find(known.begin(), known.end(), name) != known.end();
    if (found_.size() <= kMostBypasses)
      found_.insert({index == 0 ? "" : device_name(index), what, name, detail, declared});
  }

  std::string device_name(std::uint32_t index) const {
    const auto found = links_.find(index);
    return found != links_.end() ? found->second.link.name : "device " + std::to_string(index);
  }

  std::string program_name(std::uint32_t id) const { return ask_.program_name ? ask_.program_name(id) : ""; }

  static std::error_code malformed() { return std::make_error_code(std::errc::bad_message); }
  static std::error_code unless_gone(std::error_code error) {
    return error == std::errc::no_such_device ? std::error_code{} : error;
  }

  const Policy& policy_;
  const BypassQuestions& ask_;
  netlink::Asker route_;
  std::map<std::uint32_t, LinkMessage> links_;
  std::set<Bypass> found_;
};

}  // namespace

std::error_code list_bypasses(const std::map<std::uint32_t, Link>& links, const Policy& policy,
                              const BypassQuestions& ask, std::vector<Bypass>& bypasses) {
  bypasses.clear();
  Lister lister(links, policy, ask);
  if (const auto error = lister.list()) return error;
  bypasses = lister.found();
  return {};
}

std::error_code list_bypasses(const std::map<std::uint32_t, Link>& links, const Policy& policy,
                              const std::function<std::string(std::uint32_t id)>& program_name,
                              std::vector<Bypass>& bypasses) {
  return list_bypasses(links, policy, BypassQuestions{program_name, {}}, bypasses);
}

std::error_code queue_state(std::uint32_t index, QueueState& state) {
  state = {};
  netlink::Asker asker;
  std::vector<std::uint8_t> request, answers;
  netlink::append(request, tcmsg{});
  if (const auto error = asker.open(NETLINK_ROUTE)) return error;
  if (const auto error = asker.dump(RTM_GETQDISC, request, answers)) return error;
  netlink::Bytes rest = answers;
  netlink::Message message;
  while (netlink::next_message(rest, message)) {
    TcQdisc qdisc;
    if (message.type != RTM_NEWQDISC || parse_qdisc(message.body, qdisc) != Parsed::Whole)
      return std::make_error_code(std::errc::bad_message);
    if (qdisc.index != index || qdisc.parent != TC_H_ROOT) continue;
    // The root's numbers hold those of all below it.
    if (!qdisc.queue) return std::make_error_code(std::errc::not_supported);
    state = *qdisc.queue;
    return {};
  }
  if (!rest.empty()) return std::make_error_code(std::errc::bad_message);
  char name[IF_NAMESIZE];
  return ::if_indextoname(index, name) != nullptr ? std::error_code{} : std::make_error_code(std::errc::no_such_device);
}

}  // namespace airtight::audit
