// The JSON form of every record, for the one who writes it and the one who reads it; a part of record.cpp.
//   object   its members in order; one that is empty (a text, a list, a map, an optional) is not there
//   row      an array of a shape's members in the order of record.h: counts, canaries, outcomes, which a day has
//            thousands of
//   planned  canaries that follow each other with one kind and interface are one row [kind, interface, family …]
//   fates    the different outcomes of a round in the order in which they come, and which of them each canary had
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "auditor/evidence/record.h"

namespace airtight::audit {

inline constexpr std::uint64_t kMaxInteger = (std::uint64_t{1} << 53) - 1;

inline constexpr std::array<std::string_view, kRecordTypes> kTypeNames = {
    "start", "heartbeat",   "finding", "canary-intent", "canary-fate", "probe",
    "gap",   "enforcement", "policy",  "stop",          "segment"};

inline constexpr std::array<std::string_view, 15> kReasons = {
    "kernel-drops",  "lost-events", "late-interface", "undeclared-interface",
    "not-conserved", "restart",     "clock-step",     "suspended",
    "table-full",    "torn-tail",   "log-write",      "no-seal",
    "canary",        "bypass",      "other"};

template <class T>
inline constexpr bool kIsRow =
    std::is_same_v<T, UplinkCount> || std::is_same_v<T, ClassSum> || std::is_same_v<T, CanaryOutcome>;

// What has an empty value, which is then not written.
template <class T>
concept Leaveable = requires(const T& value) {
  value.empty();
}
|| requires(const T& value) { value.has_value(); };

template <Leaveable T>
bool is_left_out(const T& value) {
  if constexpr (requires { value.empty(); })
    return value.empty();
  else
    return !value.has_value();
}

// Most texts are: no closer look is needed.
inline bool is_plain(std::string_view text) {
  for (const char c : text)
    if (c < ' ' || c >= 127) return false;
  return true;
}

// The members of every shape, once, in the order of RFC 8785: `io` writes or reads. Of a wrong order the tests tell,
// and reading what was written fails.
template <class Io, class T>
void members(Io& io, T& r) {
  using R = std::remove_const_t<T>;
  if constexpr (std::is_same_v<R, WatchedInterface>) {
    io.member("name", r.name);
    io.member("role", r.role);
    io.member("up", r.up);
    io.member("why", r.why);
  } else if constexpr (std::is_same_v<R, StartRecord>) {
    io.member("agent", r.agent);
    io.member("boot_id", r.boot_id);
    io.member("canary_interval", r.canary_interval);
    io.member("capturing_since", r.capturing_since);
    io.member("enforcement_digest", r.enforcement_digest);
    io.member("interfaces", r.interfaces);
    io.member("interval", r.interval);
    io.member("kernel", r.kernel);
    io.member("node", r.node);
    io.member("policy_digest", r.policy_digest);
    io.member("uplinks_down", r.uplinks_down);
  } else if constexpr (std::is_same_v<R, UplinkCount>) {
    io.row(r.interface, r.before, r.seen, r.after, r.explained, r.conserved);
  } else if constexpr (std::is_same_v<R, ClassSum>) {
    io.row(r.packets, r.bytes);
  } else if constexpr (std::is_same_v<R, HeartbeatRecord>) {
    io.member("boot_id", r.boot_id);
    io.member("classes", r.classes);
    io.member("counters", r.counters);
    io.member("enforcement_digest", r.enforcement_digest);
    io.member("from", r.from);
    io.member("lag", r.lag);
    io.member("policy_digest", r.policy_digest);
    io.member("uplinks", r.uplinks);
  } else if constexpr (std::is_same_v<R, FindingRecord>) {
    io.member("bytes", r.bytes);
    io.member("catalogue", r.catalogue);
    io.member("class", r.cls);
    io.member("destinations", r.destinations);
    io.member("destinations_count", r.destinations_count);
    io.member("detail", r.detail);
    io.member("effect", r.effect);
    io.member("first_seen", r.first_seen);
    io.member("guessed_direction", r.guessed_direction);
    io.member("interface", r.interface);
    io.member("last_seen", r.last_seen);
    io.member("name", r.name);
    io.member("packets", r.packets);
    io.member("port", r.port);
    io.member("protocol", r.protocol);
    io.member("role", r.role);
    io.member("rule_id", r.rule_id);
    io.member("source", r.source);
    io.member("workload", r.workload);
  } else if constexpr (std::is_same_v<R, CanaryIntentRecord>) {
    io.planned("canaries", r.canaries);
    io.member("commitment", r.commitment);
    io.member("round", r.round);
  } else if constexpr (std::is_same_v<R, CanaryOutcome>) {
    io.row(r.fate, r.blocked_by, r.detail);
  } else if constexpr (std::is_same_v<R, CanaryFateRecord>) {
    io.different("fates", r.outcomes);
    io.member("good", r.good);
    io.which("outcomes", r.outcomes);
    io.member("round", r.round);
    io.member("seed", r.seed);
  } else if constexpr (std::is_same_v<R, ProbeRecord>) {
    io.member("counted", r.counted);
    io.member("detail", r.detail);
    io.member("kind", r.kind);
    io.member("outcome", r.outcome);
    io.member("real", r.real);
    io.member("target", r.target);
  } else if constexpr (std::is_same_v<R, GapRecord>) {
    io.member("detail", r.detail);
    io.member("from", r.from);
    io.member("interface", r.interface);
    io.member("reason", r.reason);
    io.member("size", r.size);
    io.member("to", r.to);
  } else if constexpr (std::is_same_v<R, EnforcementRecord>) {
    io.member("digest", r.digest);
    io.member("opened", r.opened);
    io.member("outcome", r.outcome);
  } else if constexpr (std::is_same_v<R, PolicyRecord>) {
    io.member("from", r.from);
    io.member("to", r.to);
    io.member("why", r.why);
  } else if constexpr (std::is_same_v<R, StopRecord>) {
    io.member("uplinks_down", r.uplinks_down);
    io.member("why", r.why);
  } else {
    static_assert(std::is_same_v<R, SegmentRecord>);
    io.member("checkpoint", r.checkpoint);
    io.member("epoch", r.epoch);
    io.member("seal", r.seal);
    io.member("size", r.size);
  }
}

}  // namespace airtight::audit
