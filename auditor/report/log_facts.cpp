#include "auditor/report/log_facts.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <utility>

#include "auditor/report/canary_check.h"
#include "auditor/report/finding_sums.h"
#include "auditor/report/uplink_facts.h"

namespace airtight::audit {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
// A heartbeat may come this much later than its interval before its time does not count.
constexpr std::int64_t kLate = 2 * kSecond;
constexpr std::int64_t kSameMoment = kSecond / 10;
// What an agent may be told at most, of heartbeats and of rounds: a log that says more says it to cover more.
constexpr std::uint64_t kLongestInterval = 3600;

std::int64_t interval_of(std::uint64_t seconds) {
  return static_cast<std::int64_t>(std::min(seconds, kLongestInterval)) * kSecond;
}

// Times of records are those of RFC 3339 in 64 bits: never near enough to the ends to overflow by a few of these.
std::int64_t earlier(std::int64_t time, std::int64_t by) {
  return time < std::numeric_limits<std::int64_t>::min() + by ? std::numeric_limits<std::int64_t>::min() : time - by;
}
std::int64_t earlier(std::int64_t time, std::uint64_t milliseconds) {
  const std::int64_t by =
      static_cast<std::int64_t>(std::min<std::uint64_t>(milliseconds, 1'000'000'000'000)) * 1'000'000;
  return time < std::numeric_limits<std::int64_t>::min() + by ? std::numeric_limits<std::int64_t>::min() : time - by;
}
std::int64_t later(std::int64_t time, std::int64_t by) {
  return time > std::numeric_limits<std::int64_t>::max() - by ? std::numeric_limits<std::int64_t>::max() : time + by;
}

// Enough of a seed to tell it from others.
std::optional<std::uint64_t> seed_number(const std::string& hex) {
  std::uint64_t number = 0;
  const char* end = hex.data() + std::min<std::size_t>(hex.size(), 16);
  const auto [at, error] = std::from_chars(hex.data(), end, number, 16);
  return hex.size() >= 16 && error == std::errc() && at == end ? std::optional(number) : std::nullopt;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : "; ") + part;
  return out;
}

class FactReader {
 public:
  FactReader(LogFacts& facts, const Inventory* inventory, const std::optional<Period>& period)
      : facts_(facts),
        period_(period),
        uplinks_(inventory, [this](Cause cause, Period time, const std::string& interface, const std::string& detail,
                                   std::uint64_t size) { add(cause, time, interface, detail, size); }) {}

  void take(const Record& record, Standing standing) {
    check_place(record);
    now_ = record.time;
    sealed_ = standing == Standing::Sealed;
    std::visit([&](const auto& body) { take(body); }, record.body);
    last_ = place_of(record);
    if (std::holds_alternative<StartRecord>(record.body)) clock_base_ = *last_;
  }

  void finish() {
    if (!last_) return;
    now_ = last_->time;
    if (pending_ && run_ != nullptr && earlier(now_, 2 * mean_) <= pending_->time) pending_.reset();  // still under way
    end_run();
    if (failed_since_) add(Cause::CanaryFailed, {*failed_since_, later(now_, 1)}, "", failed_why_);
    for (Run& run : facts_.runs) {
      run.enforced = united(std::move(run.enforced));
      run.watched = united(std::move(run.watched));
      run.claimed = united(std::move(run.claimed));
    }
    for (PolicyStretch& stretch : facts_.policies) stretch.judged = united(std::move(stretch.judged));
    facts_.unsealed = united(std::move(facts_.unsealed));
    sums_.take(facts_);
    for (const auto& [name, packets] : packets_) facts_.packets += packets.last - packets.base;
    facts_.packets += packets_before_;
  }

 private:
  __extension__ typedef __int128 Wide;

  struct Place {
    std::uint64_t seq = 0;
    std::int64_t time = 0, boottime = 0;
  };
  static Place place_of(const Record& record) { return {record.seq, record.time, record.boottime}; }

  struct Pending {
    std::int64_t time;
    bool sealed;
    CanaryIntentRecord intent;
  };
  struct Packets {
    std::uint64_t base = 0, last = 0;
  };

  bool in_period(std::int64_t from, std::int64_t to) const {
    return !period_ || (from < period_->to && to >= period_->from);
  }

  void add(Cause cause, Period time, const std::string& interface, const std::string& detail, std::uint64_t size = 0) {
    if (time.from >= time.to) return;
    const auto [at, fresh] = hole_of_.try_emplace({cause, interface}, facts_.holes.size());
    if (!fresh) {
      Hole& hole = facts_.holes[at->second];
      if (hole.time.from <= time.to && time.from <= hole.time.to) {
        hole.time = {std::min(hole.time.from, time.from), std::max(hole.time.to, time.to)};
        hole.size += std::min(size, std::numeric_limits<std::uint64_t>::max() - hole.size);
        return;
      }
      at->second = facts_.holes.size();
    }
    facts_.holes.push_back({cause, time, interface, detail, size});
  }

  // What the places of two records that follow each other say of the clock and of records that nobody could read.
  void check_place(const Record& record) {
    if (!last_) return;
    if (record.seq != last_->seq + 1) {
      now_ = last_->time;
      end_run();
      add(Cause::NoRecord, between(last_->time, record.time), "", "records could not be read");
    }
    const bool begins = run_ == nullptr || std::holds_alternative<StartRecord>(record.body);
    if (record.time >= last_->time && (begins || (goes_with(*last_, record) && goes_with(clock_base_, record)))) return;
    add(Cause::ClockStep, between(last_->time, record.time), "", "between two records of the log");
    clock_base_ = place_of(record);
  }

  // Whether both clocks went on alike. A clock that is slewed gains or loses less than a thousandth.
  static bool goes_with(const Place& since, const Record& record) {
    const Wide real = Wide{record.time} - since.time, boot = Wide{record.boottime} - since.boottime;
    const Wide step = real > boot ? real - boot : boot - real;
    return boot >= 0 && step <= std::max<Wide>(kSecond, boot / 1000);
  }

  void take(const StartRecord& start) {
    end_run();
    facts_.runs.push_back({});
    run_ = &facts_.runs.back();
    run_->start = start;
    run_->started = now_;
    run_->start_sealed = sealed_;
    mean_ = interval_of(start.canary_interval);
    facts_.canary_interval = std::max(facts_.canary_interval, std::min(start.canary_interval, kLongestInterval));
    before_ = now_;
    beats_ = 0;
    rules_ = start.enforcement_digest;
    proved_.clear();
    sealed_since_.reset();
    unsure_since_.reset();
    set_policy(start.policy_digest, now_, true);

    uplinks_.begin_run(start);
    dropped_.clear();
    classes_.clear();
    told_classes_.clear();
    for (const auto& [name, packets] : packets_) packets_before_ += packets.last - packets.base;
    packets_.clear();
    for (const WatchedInterface& interface : start.interfaces)
      if (interface.role == "uplink") facts_.uplinks.insert(interface.name);
  }

  void take(const StopRecord& stop) {
    if (run_ != nullptr && sealed_) {
      run_->stopped = now_;
      run_->stopped_with_uplinks_down = stop.uplinks_down;
    }
    end_run();
  }

  void take(const SegmentRecord&) {}

  void end_run() {
    if (pending_) fail_round(now_, "no fate was recorded");
    if (run_ == nullptr) return;
    if (sealed_since_) append(run_->enforced, {*sealed_since_, std::max(now_, before_)});
    if (unsure_since_) add(unsure_cause_, between(*unsure_since_, now_), "", unsure_why_);
    uplinks_.end_run(between(run_->started, now_), facts_.idle_uplinks);
    sealed_since_.reset();
    unsure_since_.reset();
    touched_.clear();
    policy_.clear();
    run_ = nullptr;
  }

  void set_policy(const std::string& digest, std::int64_t since, bool anew = false) {
    if (!anew && policy_ == digest) return;
    policy_ = digest;
    touched_.push_back(facts_.policies.size());
    facts_.policies.push_back({digest, since, {}});
  }

  void take(const PolicyRecord& policy) { set_policy(policy.to, now_); }

  // From the last heartbeat on nothing is known until a reading says "sealed".
  void lose_rules(Cause cause, const std::string& why) {
    if (sealed_since_) append(run_->enforced, {*sealed_since_, std::min(before_, now_)});
    sealed_since_.reset();
    if (unsure_since_ && unsure_cause_ != cause) add(unsure_cause_, between(*unsure_since_, now_), "", unsure_why_);
    if (!unsure_since_ || unsure_cause_ != cause) {
      unsure_since_ = unsure_since_ ? now_ : std::min(before_, now_);
      unsure_cause_ = cause;
      unsure_why_ = why;
    }
  }

  void take(const EnforcementRecord& enforcement) {
    if (run_ == nullptr) return;
    rules_ = enforcement.digest;
    if (enforcement.outcome != "sealed") {
      proved_.clear();
      const Cause cause = enforcement.outcome == "open"      ? Cause::Open
                          : enforcement.outcome == "changed" ? Cause::Changed
                                                             : Cause::Unreadable;
      return lose_rules(cause, joined(enforcement.opened));
    }
    if (!sealed_) return lose_rules(Cause::Unsealed, "a reading of the rules");
    if (enforcement.digest.empty()) return lose_rules(Cause::Unreadable, "a proof that does not say of which rules");
    proved_ = enforcement.digest;
    if (run_->first_rules.empty()) run_->first_rules = proved_;
    run_->last_rules = proved_;
    if (unsure_since_) add(unsure_cause_, between(*unsure_since_, now_), "", unsure_why_);
    // The first heartbeat begins with the first reading, and the record comes when that was proved.
    if (!sealed_since_) sealed_since_ = beats_ == 0 && !unsure_since_ ? run_->started : now_;
    unsure_since_.reset();
  }

  void take(const HeartbeatRecord& beat) {
    const std::int64_t end = earlier(now_, beat.lag);
    if (!facts_.claimed) facts_.claimed = Period{std::min(beat.from, end), end};
    facts_.claimed->to = std::max(facts_.claimed->to, end);
    if (run_ == nullptr) return add(Cause::NoStart, between(beat.from, now_), "", "");
    // Where one heartbeat ends and the next begins are two readings of one moment.
    const bool adjoins = beats_ > 0 && beat.from <= later(before_, kSameMoment);
    const Period time{adjoins ? before_ : std::max(beat.from, before_), end};
    const Period shown = between(time.from, time.to);

    if (!beat.policy_digest.empty()) set_policy(beat.policy_digest, time.from);
    for (const std::size_t stretch : touched_) append(facts_.policies[stretch].judged, shown);
    touched_.assign(1, facts_.policies.size() - 1);

    if (!beat.enforcement_digest.empty()) rules_ = beat.enforcement_digest;
    if (rules_ != proved_ && sealed_since_)
      lose_rules(Cause::Changed, "a heartbeat names other rules than those that were proved");

    take_counters(beat, time, shown);
    take_classes(beat, time);
    for (const UplinkCount& count : beat.uplinks) facts_.uplinks.insert(count.interface);
    uplinks_.take(beat, time, shown);
    before_ = end;
    ++beats_;
    if (!sealed_) return append(facts_.unsealed, shown);
    if (!run_->start_sealed) return add(Cause::NoStart, shown, "", "nothing seals the start record");
    if (time.from >= time.to) return add(Cause::Heartbeat, shown, "", "it ends before it begins");
    if (!beat.boot_id.empty() && beat.boot_id != run_->start.boot_id)
      return add(Cause::Heartbeat, shown, "", "it is of another boot than the start record");
    if (time.to - time.from > interval_of(run_->start.interval) + kLate)
      return add(Cause::Suspended, shown, "", "a heartbeat came late");
    if (!run_->first_from) {
      run_->first_from = time.from;
      run_->first_said_from = beat.from;
      run_->first_counts = beat.uplinks;
    }
    run_->last_heartbeat = end;
    run_->last_counts = beat.uplinks;
    append(run_->claimed, time);
  }

  // A class of which there cannot be a packet without a finding.
  void take_classes(const HeartbeatRecord& beat, Period time) {
    for (const char* cls : {"escape", "non-ip"}) {
      const auto now = beat.classes.find(cls);
      if (now == beat.classes.end()) continue;
      std::uint64_t& before = classes_[cls];
      const bool asked = !period_ || (time.from >= period_->from && time.to <= period_->to);
      if (now->second.packets > before && asked && told_classes_.count(cls) == 0)
        facts_.without_finding[cls] += now->second.packets - before;
      before = now->second.packets;
    }
  }

  void take_counters(const HeartbeatRecord& beat, Period time, Period shown) {
    for (const auto& [name, value] : beat.counters) {
      const std::size_t dot = name.rfind('.');
      if (dot == std::string::npos) continue;
      const std::string_view what = std::string_view(name).substr(dot + 1);
      if (what == "seen") {
        Packets& packets = packets_[name];
        if (period_ && now_ <= period_->from)
          packets.base = packets.last = value;
        else if (!period_ || time.from < period_->to)
          packets.last = std::max(packets.last, value);
      } else if (what == "dropped") {
        std::uint64_t& before = dropped_[name];
        if (value > before) add(Cause::KernelDrops, shown, name.substr(0, dot), "by the counter of a heartbeat");
        before = value;
      }
    }
  }

  void take(const CanaryIntentRecord& intent) {
    if (pending_) fail_round(now_, "no fate was recorded");
    pending_ = Pending{now_, sealed_, intent};
    if (run_ == nullptr) fail_round(now_, "no start record comes before it");
  }

  void take(const CanaryFateRecord& fate) {
    // Once a seed is told, anybody can send what derives from it.
    const std::optional<std::uint64_t> seed = seed_number(fate.seed);
    const bool used = seed && !facts_.seeds.insert(*seed).second;
    if (!pending_ || pending_->intent.round != fate.round) {
      if (pending_) fail_round(now_, "no fate was recorded");
      pending_ = Pending{now_, false, {fate.round, "", {}}};
      return fail_round(now_, "its intent was not recorded before", fate);
    }
    std::string why = check_canaries(pending_->intent, fate, uplinks_.active());
    if (why.empty() && used) why = "its seed was used before";
    if (why.empty() && now_ < pending_->time) why = "its fate is of an earlier time than its intent";
    if (!why.empty()) return fail_round(now_, why, fate);
    if (!sealed_ || !pending_->sealed) return pending_.reset();  // shows nothing, and nothing bad
    good_round(fate);
  }

  void count_round(const CanaryFateRecord* fate) {
    if (!in_period(pending_->time, now_)) return;
    ++facts_.rounds;
    const std::vector<PlannedCanary>& canaries = pending_->intent.canaries;
    for (std::size_t i = 0; i < canaries.size(); ++i) {
      const bool known = fate != nullptr && i < fate->outcomes.size();
      if (canaries[i].kind == "sensor" && (!known || fate->outcomes[i].fate != "unsent")) ++facts_.sensors;
      facts_.pod_unsent |= canaries[i].kind == "pod" && known && fate->outcomes[i].fate == "unsent";
    }
  }

  void good_round(const CanaryFateRecord& fate) {
    count_round(&fate);
    const std::int64_t reach = 2 * mean_;
    append(run_->watched, {earlier(pending_->time, reach), later(pending_->time, reach)});
    append(run_->watched, {earlier(now_, reach), later(now_, reach)});
    uplinks_.good_round(pending_->time);
    if (failed_since_) add(Cause::CanaryFailed, between(*failed_since_, now_), "", failed_why_);
    failed_since_.reset();
    good_since_ = pending_->time;
    if (in_period(pending_->time, now_)) ++facts_.rounds_good;
    if (!period_ || pending_->time < period_->to)
      facts_.last_good = CanaryLine{facts_.node, pending_->time, std::move(pending_->intent), fate, ""};
    pending_.reset();
  }

  // Voids the time back to the last good round, and until the next one.
  void fail_round(std::int64_t time, const std::string& why, const std::optional<CanaryFateRecord>& fate = {}) {
    count_round(fate ? &*fate : nullptr);
    if (!failed_since_) {
      failed_since_ = good_since_ ? *good_since_ : std::numeric_limits<std::int64_t>::min();
      failed_why_ = "round " + pending_->intent.round + ": " + why;
    }
    const Period span = between(pending_->time, time);
    for (std::size_t i = 0; fate && i < std::min(fate->outcomes.size(), pending_->intent.canaries.size()); ++i)
      if (fate->outcomes[i].fate == "escaped") facts_.escapes.push_back({span, pending_->intent.canaries[i], sealed_});
    if (fate && pending_->intent.canaries.empty())
      for (const CanaryOutcome& outcome : fate->outcomes)
        if (outcome.fate == "escaped") facts_.escapes.push_back({span, {"enforcement", "", ""}, sealed_});
    if (in_period(span.from, span.to)) {
      if (facts_.failed_rounds.size() < kMaxListedRounds)
        facts_.failed_rounds.push_back({facts_.node, pending_->time, std::move(pending_->intent), fate, why});
      else
        ++facts_.failed_rounds_left_out;
    }
    pending_.reset();
  }

  void take(const ProbeRecord& probe) {
    if (!in_period(now_, now_)) return;
    ++facts_.probes;
    if (probe.outcome == "denied" || probe.outcome == "inside") ++facts_.probes_denied;
    constexpr std::string_view kKnown[] = {"denied", "inside", "unsent", "unanswered"};
    if (std::find(std::begin(kKnown), std::end(kKnown), probe.outcome) == std::end(kKnown))
      facts_.succeeded.push_back({now_, probe, sealed_});
  }

  void take(const GapRecord& gap) {
    if (gap.reason == GapReason::UndeclaredInterface) uplinks_.undeclared(gap.interface);
    Period time = between(gap.from, gap.to);
    // Without a time of its own it may be of any since the last heartbeat.
    if (gap.from == 0 || gap.to == 0) time = between(run_ != nullptr ? before_ : last_ ? last_->time : now_, now_);
    add(cause_of(gap.reason), time, gap.interface, gap.detail, gap.size);
  }

  void take(const FindingRecord& finding) {
    told_classes_.insert(finding.cls);
    sums_.add(finding, sealed_, facts_.runs.size(), [&](std::int64_t from, std::int64_t to) {
      // What was seen before the agent looked, or later than it was told, has a wrong time: it may be of any up to now.
      const bool possible =
          to <= later(now_, kSecond) && (run_ == nullptr || to >= earlier(run_->looks_since(), kSecond));
      return possible ? in_period(from, to) : in_period(std::min(from, now_), std::max(to, now_));
    });
  }

  LogFacts& facts_;
  const std::optional<Period>& period_;
  std::map<std::pair<Cause, std::string>, std::size_t> hole_of_;  // the last one of a cause
  FindingSums sums_;

  std::int64_t now_ = 0;
  bool sealed_ = false;
  std::optional<Place> last_;
  Place clock_base_;         // since when the clocks of this run went on alike
  Run* run_ = nullptr;       // nullptr before a start record and after a stop record
  std::int64_t before_ = 0;  // time of the heartbeat before, or of the start record
  std::uint64_t beats_ = 0;  // of the run
  std::int64_t mean_ = 0;    // between canary rounds
  UplinkFacts uplinks_;
  std::map<std::string, std::uint64_t> dropped_, classes_;
  std::set<std::string> told_classes_;  // of findings, of this run
  std::map<std::string, Packets> packets_;
  std::uint64_t packets_before_ = 0;  // of runs that are over

  std::string policy_;
  std::vector<std::size_t> touched_;  // policies since the last heartbeat

  std::string rules_, proved_;  // digests: as last named, as last proved
  std::optional<std::int64_t> sealed_since_, unsure_since_;
  Cause unsure_cause_ = Cause::Unreadable;
  std::string unsure_why_;

  std::optional<Pending> pending_;
  std::optional<std::int64_t> good_since_;  // the intent of the last good round
  std::optional<std::int64_t> failed_since_;
  std::string failed_why_;
};

// The last part of a path.
std::string name_of(const std::string& directory) {
  std::string path = directory;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

LogFacts read_facts(Disk& disk, const std::string& directory, const ReadOptions& options, const Inventory* inventory,
                    const std::optional<Period>& period) {
  LogFacts facts;
  facts.directory = directory;
  FactReader reader(facts, inventory, period);
  facts.reading = read_log(disk, directory, options,
                           [&](const Record& record, Standing standing) { reader.take(record, standing); });
  reader.finish();
  if (facts.reading.plan)
    facts.node = facts.reading.plan->node;
  else
    facts.node = facts.runs.empty() ? name_of(directory) : facts.runs.front().start.node;
  for (CanaryLine& line : facts.failed_rounds) line.node = facts.node;
  if (facts.last_good) facts.last_good->node = facts.node;
  return facts;
}

}  // namespace airtight::audit
