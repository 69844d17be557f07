#include "auditor/agent/doctor.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "auditor/agent/counter_table.h"
#include "auditor/canary/round.h"  // counter_name()
#include "auditor/capture/packet_ring.h"
#include "auditor/classify/boundary.h"  // day_of()
#include "auditor/enforcement/proof.h"
#include "auditor/interfaces/bypasses.h"
#include "auditor/interfaces/links.h"
#include "auditor/wording.h"

namespace airtight::audit {

namespace {

class Chart {
 public:
  void add(Ability ability, std::string topic, std::string finding, std::string cure = {}) {
    rows.push_back({ability, std::move(topic), std::move(finding), std::move(cure)});
  }
  std::vector<Diagnosis> rows;
};

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

void kernel(Chart& chart) {
  utsname system{};
  ::uname(&system);
  unsigned major = 0, minor = 0;
  const std::string release = system.release;
  if (std::sscanf(system.release, "%u.%u", &major, &minor) != 2)
    return chart.add(Ability::Cannot, "kernel", release + " is no version that can be read");
  if (major < 5 || (major == 5 && minor < 16))
    return chart.add(Ability::Cannot, "kernel", release + " has no egress hook: no uplink can be conserved",
                     "Linux 5.16 or newer");
  chart.add(Ability::Can, "kernel", release + ", has the egress hook (5.16 or newer)");
}

void clocks(Chart& chart) {
  timex state{};
  const int answer = ::adjtimex(&state);
  const std::string source = first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  const std::string of = source.empty() ? "" : ", clock source " + source;
  if (answer < 0 || (state.status & STA_UNSYNC) != 0)
    chart.add(Ability::Limited, "clock", "nothing keeps the clock in step" + of + ": times of this node are its own",
              "synchronise it with an inside time server (chrony), and declare that endpoint");
  else
    chart.add(Ability::Can, "clock", "synchronised, error below " + std::to_string(state.maxerror / 1000) + " ms" + of);
}

void state_directory(const std::string& path, Chart& chart) {
  struct statvfs system {};
  std::string at = path;
  while (::statvfs(at.c_str(), &system) != 0 && at.find('/') != std::string::npos && at.size() > 1)
    at = at.substr(0, std::max<std::size_t>(1, at.rfind('/')));
  const std::uint64_t free = std::uint64_t{system.f_bavail} * system.f_frsize;
  constexpr std::uint64_t kDay = 5'000'000;  // bytes of a quiet day's log
  if ((system.f_flag & ST_RDONLY) != 0)
    chart.add(Ability::Cannot, "state", path + " is on a read-only file system",
              "name a directory that can be written");
  else if (free < 30 * kDay)
    chart.add(Ability::Limited, "state", path + " has room for about " + std::to_string(free / kDay) + " quiet days",
              "give it more room, or bound the log: \"keepBytes\" in the configuration");
  else
    chart.add(Ability::Can, "state", path + " has room for " + grouped(free / kDay) + " quiet days");
}

void capture(Opener& opener, Chart& chart) {
  Fd socket;
  std::error_code error = opener.open_socket(SocketKind::PacketCooked, socket);
  RingOptions options;
  options.cooked = true;
  options.bytes = 1u << 20;
  std::unique_ptr<PacketRing> ring;
  if (!error) error = PacketRing::open(std::move(socket), options, ring);
  if (error)
    chart.add(Ability::Cannot, "capture", "no packet ring (TPACKET_V3) can be opened: " + error.message(),
              "a kernel with CONFIG_PACKET, and CAP_NET_RAW");
  else
    chart.add(Ability::Can, "capture", "packet rings (TPACKET_V3) work");
}

std::optional<bool> ethtool(const std::string& device, std::uint32_t command) {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ethtool_value value{};
  value.cmd = command;
  ifreq request{};
  std::strncpy(request.ifr_name, device.c_str(), IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&value);
  if (!socket || ::ioctl(socket.get(), SIOCETHTOOL, &request) != 0) return std::nullopt;
  return value.data != 0;
}

void uplink(const Link& link, const std::optional<CounterTable>& egress, Chart& chart) {
  const std::string topic = "uplink " + link.name;
  const std::string spelled = counter_name(link.name);
  if (!egress || egress->count("accepted_" + spelled) == 0) {
    chart.add(Ability::Cannot, topic, "no egress chain counts what leaves: the uplink cannot be conserved",
              "load the firewall with its apply.sh (nftables target)");
  } else {
    chart.add(Ability::Can, topic, "its egress chain counts what leaves");
  }
  const std::optional<bool> tso = ethtool(link.name, ETHTOOL_GTSO), gso = ethtool(link.name, ETHTOOL_GGSO);
  if (tso && gso && *gso && !*tso)
    chart.add(Ability::Limited, topic,
              "software segmentation: buffers are cut between chain and tap, the surplus is bounded, not exact",
              "ethtool -K " + link.name + " tso on, or gso off");
  if (link.virtual_functions != 0)
    chart.add(Ability::Cannot, topic,
              counted(link.virtual_functions, "SR-IOV function") + ": their packets pass no hook",
              "take them away, or watch them at the switch");
  if (!link.up) chart.add(Ability::Limited, topic, "is down: nothing leaves by it");
}

void devices(const Patient& patient, Chart& chart) {
  const LinkWatcher watcher;
  const InterfaceRoles roles(*patient.policy, patient.uplinks, patient.pod_side);
  std::optional<CounterTable> egress;
  if (std::string json; patient.opener != nullptr && !patient.opener->counters("netdev", "airtight_egress", json))
    egress = parse_counters(json);
  std::size_t uplinks = 0, pod_sides = 0;
  for (const auto& [index, link] : watcher.links()) {
    const RoleChoice choice = roles.of(link, watcher.links());
    if (choice.role == InterfaceRole::Uplink) ++uplinks, uplink(link, egress, chart);
    if (choice.role == InterfaceRole::PodSide) ++pod_sides;
    if (choice.role == InterfaceRole::Undeclared)
      chart.add(Ability::Cannot, "interface " + link.name,
                "is up, and the policy does not say what it is (" + choice.why + ")",
                "name it in the spec: uplinks, podSide or overlays; or take it down");
  }
  for (const std::string& pattern : roles.absent(watcher.links()))
    chart.add(Ability::Limited, "uplink " + pattern,
              "is declared and not there: nothing leaves by it, and nothing holds it");
  if (uplinks == 0)
    chart.add(Ability::Cannot, "uplinks", "there is none: no canary can show that the capture works",
              "name the device that leads out: uplinks in the spec, or --uplink");
  chart.add(Ability::Can, "pod sides", counted(pod_sides, "interface"));
  std::vector<Bypass> bypasses;
  BypassQuestions ask;
  ask.program_name = [&](std::uint32_t id) {
    std::string name;
    if (patient.opener == nullptr || patient.opener->program_name(id, name)) name.clear();
    return name;
  };
  ask.device_programs = [&](std::uint32_t index, std::vector<std::uint32_t>& ids) {
    return patient.opener == nullptr ? std::make_error_code(std::errc::operation_not_permitted)
                                     : patient.opener->device_programs(index, ids);
  };
  if (const std::error_code error = list_bypasses(watcher.links(), *patient.policy, ask, bypasses))
    return chart.add(Ability::Cannot, "ways around", "cannot be listed: " + error.message());
  bool any = false;
  for (const Bypass& bypass : bypasses) {
    any |= !bypass.declared;
    if (!bypass.declared)
      chart.add(Ability::Cannot, "way around on " + bypass.interface,
                bypass.what + " " + bypass.name + " " + bypass.detail,
                "take it away, or name the program in the spec (cluster.programs)");
  }
  if (!any)
    chart.add(Ability::Can, "ways around", "no tc or XDP program, redirect or AF_XDP socket that is not declared");
}

void rules(const Patient& patient, Chart& chart) {
  Fd stream;
  if (const std::error_code error = patient.opener->read_rulesets(stream))
    return chart.add(Ability::Cannot, "rules", "cannot be read: " + error.message());
  std::string bytes, why;
  std::array<char, 1 << 16> part;
  for (ssize_t got = 0; (got = ::read(stream.get(), part.data(), part.size())) != 0;) {
    if (got < 0 && errno != EINTR) break;
    if (got > 0) bytes.append(part.data(), static_cast<std::size_t>(got));
  }
  std::vector<RulesetDump> dumps;
  if (!decode_dumps(bytes, dumps, why)) return chart.add(Ability::Cannot, "rules", "cannot be read whole: " + why);
  std::vector<std::string> uplinks;
  const LinkWatcher watcher;
  const InterfaceRoles roles(*patient.policy, patient.uplinks, patient.pod_side);
  for (const auto& [index, link] : watcher.links())
    if (roles.of(link, watcher.links()).role == InterfaceRole::Uplink) uplinks.push_back(link.name);
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const Proof proof =
      prove_enforcement(*patient.policy, uplinks, dumps, day_of(now.tv_sec * 1'000'000'000LL).value_or(Date{}));
  if (proof.outcome == "sealed") return chart.add(Ability::Can, "rules", "the live rulesets are proved sealed");
  chart.add(Ability::Cannot, "rules",
            proof.outcome + (proof.opened.empty() ? "" : ": " + proof.opened.front()) +
                (proof.opened.size() > 1 ? ", and " + std::to_string(proof.opened.size() - 1) + " more" : ""),
            "load what airtight compile wrote: nftables/apply.sh");
}

}  // namespace

std::string_view to_string(Ability ability) {
  constexpr std::string_view kNames[] = {"can", "limited", "cannot"};
  return kNames[static_cast<std::size_t>(ability)];
}

std::vector<Diagnosis> examine(const Patient& patient) {
  Chart chart;
  kernel(chart);
  if (patient.opener == nullptr) {
    chart.add(Ability::Cannot, "capabilities", patient.opener_error,
              "run it as root, or with CAP_NET_RAW and CAP_NET_ADMIN");
  } else {
    chart.add(Ability::Can, "capabilities", "CAP_NET_RAW and CAP_NET_ADMIN, for the opener alone");
    capture(*patient.opener, chart);
  }
  clocks(chart);
  if (!patient.state.empty()) state_directory(patient.state, chart);
  if (patient.policy == nullptr) {
    chart.add(Ability::Cannot, "policy", "none was given: uplinks, ways around and rules were not looked at",
              "give --policy FILE");
    return chart.rows;
  }
  devices(patient, chart);
  if (patient.opener != nullptr) rules(patient, chart);
  return chart.rows;
}

std::string render_diagnoses(const std::vector<Diagnosis>& diagnoses, bool colour) {
  const Ink& with = ink(colour);
  const auto count = [&](Ability ability) {
    return std::count_if(diagnoses.begin(), diagnoses.end(),
                         [&](const Diagnosis& row) { return row.ability == ability; });
  };
  std::string text = count(Ability::Cannot) == 0
                         ? "this node can be proven" + std::string(count(Ability::Limited) == 0 ? "" : ", with limits")
                         : "this node cannot be proven as it is";
  text = std::string(with.bold) + text + std::string(with.off) + "\n\n";
  Columns columns({Columns::Side::Left, Columns::Side::Left, Columns::Side::Left});
  for (const Diagnosis& row : diagnoses)
    columns.add({std::string(to_string(row.ability)), shown(row.topic), shown(row.finding, 400)});
  const std::vector<std::string> rows = columns.rows();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Ability ability = diagnoses[i].ability;
    const std::string_view tint = ability == Ability::Can       ? with.green
                                  : ability == Ability::Limited ? with.yellow
                                                                : with.red;
    text += "  " + std::string(tint) + rows[i] + std::string(with.off) + "\n";
    if (!diagnoses[i].cure.empty()) text += "           help: " + shown(diagnoses[i].cure, 400) + "\n";
  }
  return text;
}

std::string render_diagnoses_json(const std::vector<Diagnosis>& diagnoses) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  bool cannot = false;
  for (const Diagnosis& row : diagnoses) {
    cannot |= row.ability == Ability::Cannot;
    list.push_back(
        {{"ability", to_string(row.ability)}, {"topic", row.topic}, {"finding", row.finding}, {"cure", row.cure}});
  }
  nlohmann::ordered_json document;
  document["can_be_proven"] = !cannot;
  document["diagnoses"] = std::move(list);
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace airtight::audit
