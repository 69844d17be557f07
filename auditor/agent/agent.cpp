#include "auditor/agent/agent.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "auditor/agent/agent_state.h"
#include "auditor/agent/service_manager.h"

namespace airtight::audit {

namespace {

constexpr std::chrono::milliseconds kEnforcementPoll{20};
constexpr std::uint64_t kHoleAllows = 6;  // seconds between rounds, on average
constexpr std::uint32_t kSnapLength = 65'535;
constexpr std::size_t kMaxPolicyBytes = 256u << 20;

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

Agent::Agent(const AgentConfig& config, std::string_view version, Opener& opener, Disk& disk, Clock& clock,
             const Say& say)
    : config_(config),
      version_(version),
      opener_(opener),
      clock_(clock),
      say_(say),
      log_(
          config, disk, clock, [this](const RecordBody& body) { recorded(body); },
          [this](const std::string& what) { note(what); }) {}

Agent::~Agent() {
  stop_probing_ = true;
  if (prober_.joinable()) prober_.join();
  // Descriptors that others own.
  for (Descriptor* descriptor : {&links_, &changes_, &alarms_, &probed_})
    if (descriptor->is_open()) descriptor->release();
}

std::string Agent::policy_file() const {
  std::ifstream file(config_.policy, std::ios::binary);
  std::string text;
  std::array<char, 1 << 16> part{};
  while (file && text.size() <= kMaxPolicyBytes) {
    file.read(part.data(), part.size());
    text.append(part.data(), static_cast<std::size_t>(file.gcount()));
  }
  return text;
}

std::unique_ptr<Policy> Agent::parse_policy(std::string text, std::string& why) const {
  if (text.size() > kMaxPolicyBytes) {
    why = config_.policy + " is too long for a policy.json\n";
    return nullptr;
  }
  Sources sources;
  Diagnostics diagnostics;
  const std::uint32_t source = sources.add(config_.policy, std::move(text));
  std::optional<Policy> policy = parse_compiled_policy(source, sources, diagnostics);
  if (!policy) why = render_text(diagnostics, sources, false);
  return policy ? std::make_unique<Policy>(std::move(*policy)) : nullptr;
}

void Agent::load_policy() {
  if (!std::ifstream(config_.policy)) throw std::system_error(errno, std::generic_category(), config_.policy);
  policy_text_ = policy_file();
  std::string why;
  policy_ = parse_policy(policy_text_, why);
  if (!policy_) throw BadPolicy(why);
  policy_digest_ = policy_digest(*policy_);
}

std::optional<BoundaryFilter> Agent::proven_filter() {
  if (!config_.boundary_filter) return std::nullopt;
  std::string why;
  std::optional<BoundaryFilter> filter = make_boundary_filter(*policy_, kSnapLength, why);
  if (filter && !prove_boundary_filter(*filter, *policy_, why)) filter.reset();
  if (!filter) note("every packet is judged in user space: " + why);
  return filter;
}

void Agent::follow(Descriptor& descriptor, std::function<void()> ready) {
  descriptor.async_wait(Descriptor::wait_read, [this, &descriptor, ready](boost::system::error_code error) {
    if (error) return;
    ready();
    follow(descriptor, ready);
  });
}

void Agent::watch_signals() {
  signals_.async_wait([this](boost::system::error_code error, int number) {
    if (error) return;
    if (number == SIGHUP) {
      notify_manager("RELOADING=1");
      if (taking_ == TakeOver::None) check_policy_file(true);  // else with the first interval
      notify_manager("READY=1");
    } else {
      stop("signal", false);
    }
    watch_signals();
  });
}

void Agent::begin() {
  load_policy();
  utsname system{};
  ::uname(&system);
  kernel_ = system.release;
  boot_id_ = first_line("/proc/sys/kernel/random/boot_id");
  if (boot_id_.empty()) throw std::runtime_error("/proc/sys/kernel/random/boot_id cannot be read: no proof without it");
  if (config_.take_over != 0) {
    taking_ = TakeOver::Reading;
    log_.find(system.nodename);
    own_.begin_holding();
  } else {
    log_.open(system.nodename);
  }
  if (config_.canary_interval < kHoleAllows)
    note("the firewall's hole lets ten sensor canaries a minute and family pass: rounds every " +
         std::to_string(config_.canary_interval) + " s fail after a while");
  if (log_.made_keys()) {
    note("made keys of its own for " + log_.node() +
         ": nobody enrolled them, so a report can only be --as-logged; see "
         "airtight-auditor keygen --help");
  }
  if (!config_.pods.empty()) {
    pods_ = std::make_unique<PodFile>(config_.pods);
    for (const std::string& error : pods_->refresh(now())) note(error);
  }
  metrics_.version = version_;
  metrics_.policy_digest = policy_digest_;

  opened_ = now();
  judge_ = std::make_unique<Judge>(*policy_, sensors_, own_, config_.flows);
  watch_ = std::make_unique<Watch>(config_, *policy_, opener_, *judge_, proven_filter());
  watch_->start();
  accounts_ = std::make_unique<Accounts>(*policy_, opener_, *watch_);
  book_ = std::make_unique<FindingBook>(*policy_, pods_.get());
  enforcement_ = std::make_unique<EnforcementWatch>(opener_, static_cast<unsigned>(config_.proof_seconds));
  enforcement_->use(*policy_, watch_->uplink_names());
  if (taking_ == TakeOver::None) write_start({}, {}, {});

  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  signals_.add(SIGHUP);
  watch_signals();
  links_.assign(watch_->fd());
  follow(links_, [this] { device_events(); });
  changes_.assign(enforcement_->events_fd());
  follow(changes_, [this] {
    keep(enforcement_->take_events());
    poll_enforcement();
  });
  alarms_.assign(judge_->alarm_fd());
  follow(alarms_, [this] { alarm(); });
  if (taking_ == TakeOver::None) serve(0);
  keep(enforcement_->interval(day_of(now()).value_or(Date{})));
  poll_enforcement();
}

void Agent::write_start(std::optional<std::int64_t> capturing_since, const std::string& rules,
                        const std::string& unbridged) {
  StartRecord start;
  start.node = log_.node();
  start.agent = version_;
  start.kernel = kernel_;
  start.boot_id = boot_id_;
  start.policy_digest = policy_digest_;
  start.interval = config_.interval;
  start.canary_interval = config_.canary_interval;
  start.capturing_since = capturing_since;
  start.enforcement_digest = rules;
  start.uplinks_down = watch_->uplinks_down();
  start.interfaces = watch_->describe();
  if (log_.last_time() != 0 && (!capturing_since || !unbridged.empty())) {
    owe(GapRecord{GapReason::Restart,
                  log_.last_time(),
                  now(),
                  {},
                  0,
                  "no agent wrote this log" + (unbridged.empty() ? "" : ": " + unbridged)});
  }
  owe(start);
  for (const WatchedInterface& interface : start.interfaces) {
    if (interface.role == "absent" || interface.role == "undeclared") note(interface.name + ": " + interface.why);
  }
}

void Agent::poll_enforcement() {
  keep(enforcement_->poll());
  if (enforcement_->known() && !covering_ && !stopping_) {
    if (taking_ == TakeOver::None) {
      cover();
    } else if (taking_ == TakeOver::Reading) {
      await_log();
    } else if (taking_ == TakeOver::Proving &&
               (!enforcement_->busy() || std::chrono::steady_clock::now() >= give_up_)) {
      conclude_take_over();
    }
  }
  if (!enforcement_->busy()) return;
  enforcement_timer_.expires_after(kEnforcementPoll);
  enforcement_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) poll_enforcement();
  });
}

void Agent::keep(const std::vector<EnforcementRecord>& records) {
  if (taking_ != TakeOver::None) return watch_rules(records);
  for (const EnforcementRecord& record : records) owe(record);
}

void Agent::cover() {
  count_from_here();
  go();
}

void Agent::count_from_here() {
  from_ = good_round_ = now();
  // Where counting starts; what is missing already is a gap of the first interval.
  (void)accounts_->take(from_, from_);
  // What came before is claimed by nobody; but what left has left.
  std::vector<Finding> early = judge_->findings();
  std::erase_if(early, [](const Finding& finding) { return finding.effect != Effect::Violated; });
  book_->add(early, false);
}

void Agent::go() {
  covering_ = true;
  last_boottime_ = clock_.now().boottime;
  next_interval_ = std::chrono::steady_clock::now();
  say("started", {{"node", log_.node()}, {"policy", policy_digest_}, {"enforcement", enforcement_->last().outcome}});
  notify_manager("READY=1\nSTATUS=covering");
  schedule_interval();
  canary_round([this] { schedule_round({}); });
  schedule_probes();
  if (config_.duration != 0) {
    duration_timer_.expires_after(std::chrono::seconds(config_.duration));
    duration_timer_.async_wait([this](boost::system::error_code error) {
      if (!error) stop("duration", false);
    });
  }
}

void Agent::device_events() {
  std::vector<GapRecord> gaps;
  watch_->poll(from_ != 0 ? from_ : now(), now(), gaps);
  pending_.insert(pending_.end(), gaps.begin(), gaps.end());
  if (watch_->broken()) return stop("error: the kernel's word of its devices cannot be read", true);
  enforcement_->use_uplinks(watch_->uplink_names());
  if (enforcement_->busy()) poll_enforcement();
}

// A last round shows that the time up to now was watched; then the interval at hand, and the end.
void Agent::stop(std::string why, bool failed) {
  if (stopping_) return;
  stopping_ = true;
  end_ = {std::move(why), failed};
  notify_manager("STOPPING=1");
  interval_timer_.cancel();
  round_timer_.cancel();
  probe_timer_.cancel();
  duration_timer_.cancel();
  take_over_timer_.cancel();
  stop_probing_ = true;
  if (!covering_) return end();
  const auto last_interval = [this] {
    if (in_interval_) {
      after_interval_ = [this] { interval([this] { end(); }); };
    } else {
      interval([this] { end(); });
    }
  };
  const auto last_round = [this, last_interval] { canary_round(last_interval); };
  if (failed) {
    last_interval();
  } else if (in_round_) {
    after_round_ = last_round;
  } else {
    last_round();
  }
}

void Agent::end() {
  if (taking_ != TakeOver::None) {
    if (taking_ >= TakeOver::Proving) (void)log_.close();
    say("stopped", {{"why", end_.why}});
    loop_.stop();
    return;
  }
  const bool written = pay() && log_.write(StopRecord{end_.why, watch_->uplinks_down()});
  if (!log_.close() || !written) {
    end_ = {"the evidence log could not be written to its end", true};
  }
  say("stopped", {{"why", end_.why}});
  loop_.stop();
}

AgentEnd Agent::run() {
  begin();
  loop_.run();
  return end_;
}

AgentEnd run_agent(const AgentConfig& config, std::string_view version, Opener& opener, Disk& disk, Clock& clock,
                   const Say& say) {
  Agent agent(config, version, opener, disk, clock, say);
  return agent.run();
}

}  // namespace airtight::audit
