// Canary rounds and active denial tests, at random times.
#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "auditor/agent/agent_state.h"

namespace airtight::audit {

namespace {

using Steady = std::chrono::steady_clock;

std::chrono::milliseconds since(Steady::time_point began) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - began);
}

}  // namespace

void Agent::schedule_round(std::chrono::milliseconds spent) {
  round_timer_.expires_after(next_wait(std::chrono::seconds(config_.canary_interval), spent));
  round_timer_.async_wait([this](boost::system::error_code error) {
    if (error || stopping_) return;
    const auto began = Steady::now();
    canary_round([this, began] {
      if (!stopping_) schedule_round(since(began));
    });
  });
}

DropCounters Agent::drop_counters() {
  std::string stack, egress;
  if (opener_.counters("inet", "airtight", stack)) stack.clear();
  if (opener_.counters("netdev", "airtight_egress", egress)) egress.clear();
  return parse_drop_counters(stack, egress);
}

void Agent::canary_round(std::function<void()> then) {
  in_round_ = true;
  const auto began = Steady::now();
  CanaryGround ground;
  ground.node = log_.node();
  ground.interval = boot_id_ + "/" + std::to_string(now()) + "/" + std::to_string(++rounds_);
  ground.key = log_.origin();
  ground.uplinks = watch_->uplinks_up();
  ground.pod = !config_.pod_namespace.empty();
  round_ = CanaryRound::plan(ground);
  // Nothing is sent that is not on disk before: a canary without a record would be an escape.
  if (!pay() || !log_.write(round_->intent())) {
    round_.reset();
    in_round_ = false;
    pending_.push_back({GapReason::Canary, good_round_, now(), {}, 0, "a round could not be logged, and was not sent"});
    then();
    return;
  }
  own_.arm(round_->enforcement_nonces());
  round_->send(opener_, sensors_, [this] { return drop_counters(); });
  round_settle_.expires_after(kCanarySettle);
  round_settle_.async_wait([this, began, then = std::move(then)](boost::system::error_code error) mutable {
    if (!error) conclude_round(began, std::move(then));
  });
}

void Agent::conclude_round(Steady::time_point began, std::function<void()> then) {
  // Under load the judge may be behind: what it has not seen is not missed yet.
  if (!round_mark_) round_mark_ = judge_->mark();
  if (!judge_->reached(*round_mark_) && since(began) < std::chrono::seconds(5)) {
    round_settle_.expires_after(std::chrono::milliseconds(20));
    round_settle_.async_wait([this, began, then = std::move(then)](boost::system::error_code error) mutable {
      if (!error) conclude_round(began, std::move(then));
    });
    return;
  }
  round_mark_.reset();
  const CanaryFateRecord fate = round_->judge(sensors_, [this](const Nonce& nonce) { return own_.left(nonce); });
  own_.disarm();
  const CanaryIntentRecord intent = round_->intent();
  for (std::size_t i = 0; i < fate.outcomes.size() && i < intent.canaries.size(); ++i)
    ++metrics_.canaries[{intent.canaries[i].kind, fate.outcomes[i].fate}];
  ++(fate.good ? metrics_.rounds_good : metrics_.rounds_bad);
  log_.write(fate);
  const std::int64_t at = now();
  if (fate.good) {
    good_round_ = at;
  } else {
    std::string detail;
    for (std::size_t i = 0; i < fate.outcomes.size() && i < intent.canaries.size(); ++i) {
      const CanaryOutcome& outcome = fate.outcomes[i];
      const PlannedCanary& canary = intent.canaries[i];
      if (fared_well(canary.kind, outcome)) continue;
      detail += (detail.empty() ? "" : "; ") + canary.kind + " " + canary.family +
                (canary.interface.empty() ? "" : " " + canary.interface) + ": " + outcome.fate +
                (outcome.detail.empty() ? "" : ", " + outcome.detail);
    }
    pending_.push_back({GapReason::Canary, good_round_, at, {}, 0, detail});
  }
  round_.reset();
  in_round_ = false;
  if (const auto after = std::exchange(after_round_, {})) return after();
  then();
}

void Agent::schedule_probes() {
  if (config_.probe_interval == 0) return;
  probe_bell_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!probe_bell_) return note("no descriptor for probes: none are made");
  probed_.assign(probe_bell_.get());
  follow(probed_, [this] {
    std::uint64_t count = 0;
    (void)!::read(probe_bell_.get(), &count, sizeof count);
    prober_.join();
    take_probes(std::exchange(probe_report_, {}));
  });
  probe();
}

// Waits, then asks on a thread of its own: answers that do not come take seconds.
void Agent::probe() {
  probe_timer_.expires_after(next_wait(std::chrono::seconds(config_.probe_interval), {}));
  probe_timer_.async_wait([this](boost::system::error_code error) {
    if (error || stopping_) return;
    ProbeGround ground;
    if (policy_->cluster.dns) {
      ground.resolvers = policy_->cluster.dns->service;
      ground.resolvers.insert(ground.resolvers.end(), policy_->cluster.dns->node_local.begin(),
                              policy_->cluster.dns->node_local.end());
    }
    if (!enforcement_->sealed()) ground.unsafe = "enforcement was not read and found sealed";
    ground.drops = [this]() -> std::optional<std::uint64_t> {
      const DropCounters counters = drop_counters();  // the opener may be asked from any thread
      if (!counters.readable) return std::nullopt;
      std::uint64_t sum = counters.stack;
      for (const auto& [uplink, packets] : counters.egress) sum += packets;
      return sum;
    };
    ground.stop = [this] { return stop_probing_.load(); };
    const Policy* policy = policy_.get();  // retired ones stay
    const bool real = config_.real_probes;
    prober_ = std::thread([this, policy, real, ground = std::move(ground)] {
      probe_report_ = run_probes(*policy, plan_probes(*policy, real), ground);
      const std::uint64_t one = 1;
      (void)!::write(probe_bell_.get(), &one, sizeof one);
    });
  });
}

void Agent::take_probes(ProbeReport report) {
  for (const ProbeRecord& record : report.probes) {
    ++metrics_.probes[record.outcome];
    log_.write(record);
    if (record.outcome == "succeeded") say("probe-succeeded", {{"target", record.target}, {"detail", record.detail}});
  }
  for (const std::string& reason : report.reasons) note("probes: " + reason);
  if (!stopping_) probe();
}

}  // namespace airtight::audit
