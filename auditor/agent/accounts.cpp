#include "auditor/agent/accounts.h"

#include <algorithm>
#include <optional>

#include "auditor/agent/counter_table.h"
#include "auditor/canary/round.h"  // counter_name()

namespace airtight::audit {

// The counters of the egress table, around the taps.
struct EgressReading {
  std::optional<CounterTable> before, after;
  std::string why;  // where one is missing
  // Of an uplink: what its tap and its sockets counted before and after its device's counters were read.
  struct Device {
    std::uint64_t sent_before = 0, sent = 0, all_before = 0, all = 0, dropped = 0;
    DeviceCounters counters;
    std::error_code error;
  };
  std::map<std::uint32_t, Device> devices;
  std::map<std::uint32_t, QueueState> queues;
};

namespace {

constexpr const char* kSysfs = "/sys/class/net";

GapRecord gap(GapReason reason, std::int64_t from, std::int64_t to, std::string interface, std::string detail,
              std::uint64_t size = 0) {
  return {reason, from, to, std::move(interface), size, std::move(detail)};
}

std::optional<CounterTable> egress_counters(Opener& opener, std::string& why) {
  std::string json;
  if (const std::error_code error = opener.counters("netdev", "airtight_egress", json)) {
    why = error == std::errc::no_such_file_or_directory ? "there is no table netdev airtight_egress"
                                                        : "the egress counters cannot be read: " + error.message();
    return std::nullopt;
  }
  std::optional<CounterTable> table = parse_counters(json);
  if (!table) why = "the egress counters cannot be read: no listing of counters";
  return table;
}

std::optional<PacketCounter> counter(const std::optional<CounterTable>& table, const std::string& name) {
  if (!table) return std::nullopt;
  const auto found = table->find(name);
  return found == table->end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

void Accounts::uplink(Watched& watched, const EgressReading& egress, std::int64_t from, std::int64_t now,
                      IntervalAccount& account) {
  const std::string& name = watched.link.name;
  const std::uint32_t index = watched.link.index;
  const auto not_conserved = [&](const std::string& why, std::uint64_t size = 0) {
    account.conserved = false;
    account.gaps.push_back(gap(GapReason::NotConserved, from, now, name, why, size));
  };
  if (!watched.captured || !watched.sent) return not_conserved("no tap: " + watched.trouble);
  const EgressReading::Device& device = egress.devices.at(index);
  account.counters[name + ".sent"] = device.sent;
  const std::string spelled = counter_name(name);
  const auto before = counter(egress.before, "accepted_" + spelled),
             after = counter(egress.after, "accepted_" + spelled);
  const auto oversize_before = counter(egress.before, "oversize_" + spelled);
  const auto oversize = counter(egress.after, "oversize_" + spelled);
  if (!before || !after || !oversize_before || !oversize) {
    return not_conserved(!egress.why.empty() ? egress.why : "no egress chain counts what leaves by " + name);
  }
  const auto queue = egress.queues.find(index);
  if (queue == egress.queues.end()) return not_conserved("the queue of " + name + " cannot be read");
  UplinkReading reading;
  reading.accepted_before = before->packets;
  reading.tapped = device.sent;
  reading.accepted_after = after->packets;
  reading.backlog = queue->second.backlog;
  reading.queue_drops = queue->second.drops;
  reading.oversize_packets_before = oversize_before->packets;
  reading.oversize_bytes_before = oversize_before->bytes;
  reading.oversize_packets = oversize->packets;
  reading.oversize_bytes = oversize->bytes;
  const Judged judged = watched.conservation.add(reading);
  // Records count per boot, so that a report sees them go on from one run to the next; but of an uplink that is down
  // from its rising on.
  const std::uint64_t begins = watched.link.up ? reading.accepted_before : 0;
  if (!watched.counted_from) watched.counted_from = begins;
  account.uplinks.push_back(judged.count);
  for (std::uint64_t UplinkCount::*number : {&UplinkCount::before, &UplinkCount::seen, &UplinkCount::after})
    account.uplinks.back().*number += *watched.counted_from;
  if (judged.balance != Balance::Conserved) watched.counted_from = begins;  // it begins anew
  account.uplinks.back().interface = name;
  if (judged.balance != Balance::Conserved) not_conserved(judged.detail, judged.difference);

  if (device.error) return not_conserved("the counters of " + name + " cannot be read: " + device.error.message());
  const auto received = [](std::uint64_t all, std::uint64_t sent) { return all > sent ? all - sent : 0; };
  TapCounters tap;
  tap.transmitted_before = device.sent_before;
  tap.transmitted = device.sent;
  tap.received_before = received(device.all_before, device.sent_before);
  tap.received = received(device.all, device.sent);
  tap.dropped = device.dropped;
  tap.segments_allowed = oversize->bytes / kSmallestSegment + oversize->packets;
  for (const DeviceGap& missing : watched.device.add(device.counters, tap)) {
    if (missing.counter == "socket") continue;  // add_rings() says it
    not_conserved(missing.detail, missing.size);
  }
}

void Accounts::ways_around(std::int64_t from, std::int64_t now, IntervalAccount& account) {
  BypassQuestions ask;
  ask.program_name = [&](std::uint32_t id) {
    std::string name;
    if (opener_.program_name(id, name)) name.clear();
    return name;
  };
  ask.device_programs = [&](std::uint32_t index, std::vector<std::uint32_t>& ids) {
    return opener_.device_programs(index, ids);
  };
  if (const std::error_code error = list_bypasses(watch_.links(), *policy_, ask, account.bypasses)) {
    account.conserved = false;
    account.gaps.push_back(
        gap(GapReason::Bypass, from, now, {}, "ways around netfilter cannot be listed: " + error.message()));
    return;
  }
  for (const Bypass& bypass : account.bypasses) {
    if (bypass.declared) continue;
    account.conserved = false;
    account.gaps.push_back(gap(GapReason::Bypass, from, now, bypass.interface,
                               bypass.what + (bypass.name.empty() ? "" : " " + bypass.name) +
                                   (bypass.detail.empty() ? "" : ": " + bypass.detail)));
  }
}

IntervalAccount Accounts::take(std::int64_t from, std::int64_t now) {
  IntervalAccount account;
  account.conserved = true;
  EgressReading egress;
  egress.before = egress_counters(opener_, egress.why);
  for (const std::uint32_t index : watch_.uplinks()) {
    Watched& watched = watch_.all().at(index);
    QueueState queue;
    const bool queue_known = !queue_state(index, queue);
    EgressReading::Device& device = egress.devices[index];
    const auto count = [&](std::uint64_t& sent, std::uint64_t& all) {
      if (const auto ring = watch_.ring_counts(index)) all = ring->packets, device.dropped = ring->dropped;
      if (watched.discarded) all += watched.discarded->count();
      if (watched.sent) sent = watched.sent->count();
    };
    count(device.sent_before, device.all_before);
    device.error = read_device_counters(kSysfs, watched.link.name, device.counters);
    count(device.sent, device.all);
    QueueState later;
    if (queue_known && !queue_state(index, later))
      egress.queues[index] = {std::max(queue.backlog, later.backlog), later.drops};
  }
  egress.after = egress_counters(opener_, egress.why);
  for (const std::uint32_t index : watch_.uplinks()) uplink(watch_.all().at(index), egress, from, now, account);
  ways_around(from, now, account);
  watch_.interval(from, now, account.gaps);
  return account;
}

void Accounts::add_rings(const JudgeReading& reading, std::int64_t from, std::int64_t now, IntervalAccount& account) {
  for (auto& [index, watched] : watch_.all()) {
    const auto found = reading.interfaces.find(index);
    if (found == reading.interfaces.end()) continue;
    const InterfaceTraffic& traffic = found->second;
    account.counters[traffic.name + ".seen"] = traffic.seen;
    account.counters[traffic.name + ".dropped"] = traffic.ring.dropped;
    if (watched.discarded) account.counters[traffic.name + ".discarded"] = watched.discarded->count();
    if (traffic.ring.dropped == watched.dropped) continue;
    account.gaps.push_back(gap(GapReason::KernelDrops, from, now, traffic.name,
                               "frames that the kernel could not put into the ring",
                               traffic.ring.dropped - watched.dropped));
    watched.dropped = traffic.ring.dropped;
    account.conserved = false;
  }
  if (reading.gone_dropped != gone_dropped_) {
    account.gaps.push_back(gap(GapReason::KernelDrops, from, now, {}, "frames of interfaces that are gone by now",
                               reading.gone_dropped - gone_dropped_));
    gone_dropped_ = reading.gone_dropped;
  }
  account.counters["bridge.seen"] = reading.bridged;
  if (reading.bridge.dropped != bridge_dropped_) {
    account.gaps.push_back(gap(GapReason::KernelDrops, from, now, {}, "frames of interfaces that had no ring yet",
                               reading.bridge.dropped - bridge_dropped_));
    bridge_dropped_ = reading.bridge.dropped;
  }
  if (const std::uint64_t full = reading.counts.flows.untracked; full != table_full_) {
    account.gaps.push_back(
        gap(GapReason::TableFull, from, now, {}, "packets without a place in the flow table", full - table_full_));
    table_full_ = full;
  }
  if (const std::uint64_t unread = reading.counts.application.unread_streams; unread != streams_unread_) {
    account.gaps.push_back(gap(GapReason::TableFull, from, now, {},
                               "connections that were not looked into for names: no room", unread - streams_unread_));
    streams_unread_ = unread;
  }
}

}  // namespace airtight::audit
