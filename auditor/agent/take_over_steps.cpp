// Taking over from an agent that still runs (FORMAT.md, "Hand-over"): everything is watched and the live rules are
// proved, then the log is asked for until the other one lets it go; the rules are proved once more, since what was read
// before says nothing of the time after; only then does this agent's start stand in the log.
#include <cstdlib>
#include <utility>

#include "auditor/agent/agent_state.h"
#include "auditor/agent/service_manager.h"
#include "auditor/agent/take_over.h"

namespace airtight::audit {

namespace {

using Steady = std::chrono::steady_clock;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::chrono::milliseconds kAsk{20};
constexpr std::chrono::seconds kProofGrace{5};      // beyond a proof's own bound
constexpr std::chrono::seconds kSettleBound{5};     // for the judge to judge what the rings hold
constexpr std::int64_t kLate = 2 * kSecond;         // between two askings: nobody watched
constexpr std::int64_t kRoundBound = 60 * kSecond;  // no canary round takes longer
constexpr unsigned kServeTries = 60;                // the other one's socket goes a little later than its lock
constexpr std::chrono::milliseconds kServeAgain{250};

}  // namespace

void Agent::await_log() {
  taking_ = TakeOver::Waiting;
  count_from_here();
  asked_ = clock_.now();
  sealed_at_ = from_;
  if (!enforcement_->sealed()) watch_rules({enforcement_->last()});
  next_interval_ = Steady::now() + std::chrono::seconds(config_.interval);
  give_up_ = Steady::now() + std::chrono::seconds(config_.take_over);
  say("waiting", {{"node", log_.node()}, {"enforcement", enforcement_->last().outcome}, {"log", config_.state}});
  ask_for_log();
}

void Agent::ask_for_log() {
  const Times at = clock_.now();
  const std::int64_t passed = at.boottime - asked_.boottime, step = at.realtime - asked_.realtime - passed;
  if (passed > kLate)
    pending_.push_back({GapReason::Suspended,
                        asked_.realtime,
                        at.realtime,
                        {},
                        0,
                        "the process or the machine stood still while it waited for the log"});
  if (std::abs(step) > kSecond)
    pending_.push_back({GapReason::ClockStep,
                        std::min(asked_.realtime, at.realtime),
                        std::max(asked_.realtime, at.realtime),
                        {},
                        static_cast<std::uint64_t>(std::abs(step) / 1'000'000),
                        "while this agent waited for the log"});
  asked_ = at;
  if (log_.take()) {
    taking_ = TakeOver::Proving;
    give_up_ = Steady::now() + std::chrono::seconds(config_.proof_seconds) + kProofGrace;
    keep(enforcement_->take_events());
    enforcement_->use(*policy_, watch_->uplink_names());
    poll_enforcement();
    return;
  }
  const Steady::time_point present = Steady::now();
  if (present >= give_up_) {
    stop("error: waited " + std::to_string(config_.take_over) + " s, and another agent still writes the log in " +
             config_.state + ": stop it with SIGTERM once this one says \"waiting\"",
         true);
    return;
  }
  if (present >= next_interval_) {
    next_interval_ = present + std::chrono::seconds(config_.interval);
    if (pods_)
      for (const std::string& error : pods_->refresh(at.realtime)) note(error);
    if (enforcement_->sealed() && !enforcement_->busy()) sealed_at_ = at.realtime;
    keep(enforcement_->interval(day_of(at.realtime).value_or(Date{})));
    poll_enforcement();
    notify_manager("WATCHDOG=1");
  }
  take_over_timer_.expires_after(kAsk);
  take_over_timer_.async_wait([this](boost::system::error_code error) {
    if (!error && !stopping_) ask_for_log();
  });
}

// Nothing can be recorded yet: time in which the rules were not sealed becomes a gap.
void Agent::watch_rules(const std::vector<EnforcementRecord>& records) {
  if (taking_ == TakeOver::Reading) return;  // nothing is claimed of that time
  for (const EnforcementRecord& record : records) {
    if (record.outcome == "sealed") {
      rules_sealed_again(now());
      continue;
    }
    if (unsealed_why_.empty()) unsealed_since_ = sealed_at_;
    unsealed_why_ = "the live rules were not sealed while this agent waited for the log: " + record.outcome;
    for (const std::string& clause : record.opened) unsealed_why_ += "; " + clause;
    say("enforcement", {{"outcome", record.outcome}, {"opened", unsealed_why_}});
  }
}

void Agent::rules_sealed_again(std::int64_t at) {
  sealed_at_ = at;
  if (unsealed_why_.empty()) return;
  pending_.push_back({GapReason::Other, unsealed_since_, at, {}, 0, std::exchange(unsealed_why_, {})});
}

void Agent::conclude_take_over() {
  taking_ = TakeOver::Concluding;
  device_events();
  const std::int64_t at = now();
  IntervalAccount account = accounts_->take(from_, at);
  settle(judge_->mark(), Steady::now() + kSettleBound, [this, at, account = std::move(account)](bool judged) mutable {
    if (!stopping_) taken_over(at, std::move(account), judged);
  });
}

void Agent::taken_over(std::int64_t at, IntervalAccount account, bool judged) {
  const OldRun old = read_end(log_.end_of_log(opened_ - kRoundBound));
  judge_->judge(not_of(old, log_.node(), log_.origin(), own_.end_holding()));
  JudgeReading reading = judge_->read();
  accounts_->add_rings(reading, from_, at, account);
  if (!judged) {
    account.conserved = false;
    account.gaps.push_back(
        {GapReason::Other, from_, at, {}, 0, "the judge is behind: frames in the rings are not judged yet"});
  }
  if (!unsealed_why_.empty()) rules_sealed_again(at);  // from here on records say what they are
  pending_.insert(pending_.end(), std::make_move_iterator(account.gaps.begin()),
                  std::make_move_iterator(account.gaps.end()));
  const EnforcementRecord rules = enforcement_->last();
  const bool sealed = enforcement_->sealed() && !enforcement_->busy();
  const std::string why =
      unbridged(old, log_.last_boot_id(), {from_, boot_id_, sealed ? rules.digest : "", account.conserved});
  if (why.empty()) drop_told(old, account.conserved, reading.findings);
  book_->add(reading.findings, account.conserved);
  taking_ = TakeOver::None;
  write_start(from_, sealed ? rules.digest : "", why);
  owe(rules);
  serve(kServeTries);
  go();
}

void Agent::serve(unsigned tries) {
  if (config_.listen == "none") return;
  const std::error_code error = HttpServer::start(
      loop_, config_.listen, [this](const std::string& path) { return page(path); }, http_);
  if (error == std::errc::address_in_use && tries > 0) {
    serve_timer_.expires_after(kServeAgain);
    serve_timer_.async_wait([this, tries](boost::system::error_code cancelled) {
      if (!cancelled && !stopping_) serve(tries - 1);
    });
  } else if (error) {
    note("/metrics and /healthz are not served on " + config_.listen + ": " + error.message());
  } else {
    note("/metrics and /healthz on " + http_->address());
  }
}

}  // namespace airtight::audit
