// An interval: readings are taken, the judge is waited for, then what was found and what was missing is recorded, and
// the time is claimed.
#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "auditor/agent/agent_state.h"
#include "auditor/agent/service_manager.h"

namespace airtight::audit {

namespace {

using Steady = std::chrono::steady_clock;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::chrono::milliseconds kSettlePoll{10};
constexpr std::chrono::seconds kSettleBound{2};  // for the judge to judge what the rings hold
// How late an interval may come before its time counts as one in which nobody watched.
constexpr std::int64_t kLate = 2 * kSecond;
constexpr unsigned kOpenerPatience = 3;  // intervals
constexpr std::size_t kMaxOwed = 100'000;

}  // namespace

void Agent::schedule_interval() {
  next_interval_ += std::chrono::seconds(config_.interval);
  const auto present = Steady::now();
  if (next_interval_ < present) next_interval_ = present;
  interval_timer_.expires_at(next_interval_);
  interval_timer_.async_wait([this](boost::system::error_code error) {
    if (!error && !stopping_) interval_due();
  });
}

void Agent::interval_due() {
  check_policy_file(false);
  if (pods_)
    for (const std::string& error : pods_->refresh(now())) note(error);
  keep(enforcement_->interval(day_of(now()).value_or(Date{})));
  poll_enforcement();
  interval([this] {
    if (!stopping_) schedule_interval();
  });
}

void Agent::settle(std::map<std::uint32_t, std::uint64_t> mark, Steady::time_point until,
                   std::function<void(bool)> then) {
  if (judge_->reached(mark)) return then(true);
  if (Steady::now() >= until) return then(false);
  settle_timer_.expires_after(kSettlePoll);
  settle_timer_.async_wait(
      [this, mark = std::move(mark), until, then = std::move(then)](boost::system::error_code error) mutable {
        if (!error) settle(std::move(mark), until, std::move(then));
      });
}

void Agent::interval(std::function<void()> then) {
  in_interval_ = true;
  const Times at = clock_.now();
  const std::int64_t due = last_boottime_ + static_cast<std::int64_t>(config_.interval) * kSecond;
  if (at.boottime > due + kLate) {
    pending_.push_back({GapReason::Suspended,
                        from_,
                        at.realtime,
                        {},
                        0,
                        "an interval came " + std::to_string((at.boottime - due) / kSecond) +
                            " s late: the process or the machine stood still"});
  }
  last_boottime_ = at.boottime;
  IntervalAccount account = accounts_->take(from_, at.realtime);
  std::uint32_t generation = 0;
  opener_failed_ = opener_.ruleset_generation(generation) ? opener_failed_ + 1 : 0;
  settle(judge_->mark(), Steady::now() + kSettleBound,
         [this, at = at.realtime, account = std::move(account), then = std::move(then)](bool judged) mutable {
           conclude_interval(at, std::move(account), judged);
           in_interval_ = false;
           const auto after = std::exchange(after_interval_, {});
           if (opener_failed_ >= kOpenerPatience && !stopping_) {
             then = {};
             stop("error: the process that opens interfaces and reads rulesets does not answer", true);
             return;
           }
           if (after) return after();
           then();
         });
}

void Agent::conclude_interval(std::int64_t at, IntervalAccount account, bool judged) {
  JudgeReading reading = judge_->read();
  accounts_->add_rings(reading, from_, at, account);
  if (!judged) {
    account.conserved = false;
    account.gaps.push_back(
        {GapReason::Other, from_, at, {}, 0, "the judge is behind: frames in the rings are not judged yet"});
  }
  if (reading.left_out[1] + reading.left_out[2] != last_reading_.left_out[1] + last_reading_.left_out[2]) {
    account.gaps.push_back({GapReason::TableFull, from_, at, {}, 0, "findings without a place in the ledger"});
  }
  account.gaps.insert(account.gaps.begin(), std::make_move_iterator(pending_.begin()),
                      std::make_move_iterator(pending_.end()));
  pending_.clear();
  // Where anything is missing, nothing shows that an attempt was held.
  account.conserved &= account.gaps.empty();
  book_->add(reading.findings, account.conserved);
  for (const GapRecord& gap : account.gaps) owe(gap);
  bool told = true;
  book_->tell_changed([&](const FindingRecord& finding) {
    sign_now_ |= finding.effect == to_string(Effect::Violated);
    const bool written = log_.write(finding);
    told &= written || finding.effect == to_string(Effect::None);
    return written;
  });
  // What is known of this time and not in the log must be missing as time.
  if (pay() && told) heartbeat(at, account, reading);
  from_ = at;
  log_.end_interval(std::exchange(sign_now_, false));
  update_metrics(reading, account, at);
  last_reading_ = std::move(reading);
  notify_manager("WATCHDOG=1");
}

void Agent::heartbeat(std::int64_t at, IntervalAccount& account, const JudgeReading& reading) {
  HeartbeatRecord record;
  record.from = from_;
  record.boot_id = boot_id_;
  record.policy_digest = policy_digest_;
  // Until a record says what it is, it is what the last one said.
  if (enforcement_->last().digest != told_enforcement_) record.enforcement_digest = enforcement_->last().digest;
  for (const auto& [name, value] : account.counters) {
    const auto told = told_counters_.find(name);
    if (told == told_counters_.end() || told->second != value) record.counters[name] = value;
  }
  for (std::size_t i = 0; i < kClassCount; ++i) {
    const ClassSum sum{reading.counts.classes[i].packets, reading.counts.classes[i].bytes};
    const std::string name(to_string(static_cast<Class>(i)));
    const auto told = told_classes_.find(name);
    if (told == told_classes_.end() ? sum != ClassSum{} : told->second != sum) record.classes[name] = sum;
  }
  record.uplinks = std::move(account.uplinks);
  record.lag = static_cast<std::uint64_t>(std::max<std::int64_t>(0, now() - at) / 1'000'000 + 1);
  if (told_boot_) record.boot_id.clear(), record.policy_digest.clear();
  if (!log_.write(record)) return;
  told_boot_ = true;
  if (!record.enforcement_digest.empty()) told_enforcement_ = record.enforcement_digest;
  for (const auto& [name, value] : record.counters) told_counters_[name] = value;
  for (const auto& [name, sum] : record.classes) told_classes_[name] = sum;
}

void Agent::owe(RecordBody body) {
  owed_.push_back(std::move(body));
  if (!pay() && owed_.size() > kMaxOwed) stop("error: the evidence log cannot be written", true);
}

bool Agent::pay() {
  while (!owed_.empty() && log_.write(owed_.front())) owed_.pop_front();
  return owed_.empty();
}

void Agent::check_policy_file(bool asked) {
  // By time and size first: most intervals need no reading. A file that cannot be looked at is read, and is no policy.
  struct stat status {};
  const bool there = ::stat(config_.policy.c_str(), &status) == 0;
  const FileState state{static_cast<std::int64_t>(status.st_ino),
                        status.st_size,
                        status.st_mtim.tv_sec,
                        status.st_mtim.tv_nsec,
                        status.st_ctim.tv_sec,
                        status.st_ctim.tv_nsec};
  if (there && state == policy_state_ && !asked) return;
  policy_state_ = state;
  std::string text = policy_file(), why;
  if (text == policy_text_) return;
  policy_text_ = text;
  std::unique_ptr<Policy> policy = parse_policy(std::move(text), why);
  if (!policy) {
    pending_.push_back({GapReason::Other,
                        covering_ ? from_ : now(),
                        now(),
                        {},
                        0,
                        "policy.json changed and cannot be read: the one before stays in force"});
    note(config_.policy + " changed and cannot be read, the policy before stays in force: " + why);
    return;
  }
  if (policy_digest(*policy) == policy_digest_) return;
  use_policy(std::move(policy), asked ? "SIGHUP" : "the file changed");
}

void Agent::use_policy(std::unique_ptr<Policy> policy, const std::string& why) {
  const std::string digest = policy_digest(*policy);
  owe(PolicyRecord{policy_digest_, digest, why});
  // Everything judged so far was judged by the policy before.
  book_->add(judge_->findings(), false);
  retired_.push_back(std::exchange(policy_, std::move(policy)));
  policy_digest_ = metrics_.policy_digest = digest;
  told_boot_ = false;
  judge_->use(*policy_);
  std::vector<GapRecord> gaps;
  watch_->use(*policy_, covering_ ? from_ : now(), now(), gaps);
  pending_.insert(pending_.end(), gaps.begin(), gaps.end());
  accounts_->use(*policy_);
  book_->use(*policy_);
  enforcement_->use(*policy_, watch_->uplink_names());
  poll_enforcement();
}

}  // namespace airtight::audit
