// One round of canaries: planned, logged, sent, judged. The loop drives it: plan(), write intent() to the log and to
// disk, send(), wait kCanarySettle, judge(), write fate().
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auditor/canary/sensor_watch.h"
#include "auditor/evidence/record.h"
#include "auditor/interfaces/links.h"
#include "auditor/opener/opener.h"

namespace airtight::audit {

inline constexpr std::chrono::milliseconds kCanarySettle{400};  // more than the ring's block timeout

// The firewall's drop counters, as they stand.
struct DropCounters {
  bool readable = false;    // at least one of the two tables is there, and no text was anything but such a listing
  bool has_stack = false;   // inet airtight is there
  std::uint64_t stack = 0;  // packets of its "outside" and "denied_NAME": what drops for the address alone
  std::map<std::string, std::uint64_t> egress;  // dropped_NAME of netdev airtight_egress, by NAME: counter_name(uplink)
};
// From the JSON of Opener::counters(); a table that is not there is an empty text.
DropCounters parse_drop_counters(std::string_view inet_json, std::string_view egress_json);
// A device's part of the names of its counters, as the emitter makes them.
std::string counter_name(std::string_view device);

// What a round needs of the node.
struct CanaryGround {
  std::string node;
  std::string interval;       // names the interval that nonces are bound to; unique in the log; names the round too
  std::string key;            // the node's log key (its origin): nonces of two nodes differ
  std::vector<Link> uplinks;  // that are up
  bool pod = false;           // a pod namespace was given
};

class CanaryRound {
 public:
  // Draws the seed (CSPRNG); the nonces are round_nonces().
  // Canaries, for both families: a sensor on each uplink; raw and raw-bypass on each uplink; stack; pod (unsent, with
  // the reason, where there is no pod namespace). Without uplinks up: stack and pod only.
  static CanaryRound plan(const CanaryGround& ground);

  const CanaryIntentRecord& intent() const;
  // Sends each canary; sensor nonces go to `watch` first. What could not be sent is that canary's fate. `counters`
  // reads the drop counters; it is called before and after each enforcement canary, for a pod's as often as it takes
  // (100 ms at most): its packet is forwarded some time after it was sent.
  void send(Opener& opener, SensorWatch& watch, const std::function<DropCounters()>& counters);
  // After kCanarySettle. `escaped` tells whether an enforcement canary's nonce was seen leaving (the capture thread
  // looks for payloads that are one of enforcement_nonces()); then it escaped, whatever the counters say. Else:
  // - raw: blocked by "egress" if the drop counter of its uplink rose; ENOBUFS without that is "unsent", since a full
  //   queue says the same; neither is "missed", since nothing shows what became of it.
  // - raw-bypass: as raw, but "escaped" without an error, whatever rose: a driver took it, and no tap can see it.
  // - stack, pod: an error of routing is "routing"; EPERM is "output" ("cni" in a pod); a rise of the table's counter
  //   is "output" ("forward"), of an uplink's "egress"; none of these is "missed", but "cni" for a pod, whose packet
  //   ended before any hook of ours.
  CanaryFateRecord judge(SensorWatch& watch, const std::function<bool(const Nonce&)>& escaped);

  std::vector<Nonce> enforcement_nonces() const;

  struct State;

 private:
  explicit CanaryRound(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

// The nonces of a round, in the order of its canaries: HKDF of the seed, bound to all that stands here. For a verifier
// that knows the node, the key and the seed.
std::vector<Nonce> round_nonces(const Secret& seed, std::string_view node, std::string_view interval,
                                std::string_view key, const std::vector<PlannedCanary>& canaries);

// Holds the two records of a round to each other, for a verifier: the commitment is the seed's digest; the plan is
// whole (no family or kind left out of any uplink); there are as many outcomes as canaries; each is one that can be;
// `good` is what they add up to. `why` says what does not fit.
bool check_round(const CanaryIntentRecord& intent, const CanaryFateRecord& fate, std::string& why);

// Whether a canary fared as it must: sensors seen; the others blocked, or nobody could send a pod's.
bool fared_well(std::string_view kind, const CanaryOutcome& outcome);

// A wait until the next round: uniform in [½, 1½] of `mean`, from the CSPRNG, less the `spent` time of the round
// before.
std::chrono::milliseconds next_wait(std::chrono::milliseconds mean, std::chrono::milliseconds spent);

}  // namespace airtight::audit
