// The agent's parts and how they hang together: begin() once, then the loop calls intervals, rounds and events until
// stop(). One thread, but for the judge's and the prober's. For the files of the agent alone.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "auditor/agent/accounts.h"
#include "auditor/agent/agent.h"
#include "auditor/agent/enforcement_watch.h"
#include "auditor/agent/finding_book.h"
#include "auditor/agent/http_server.h"
#include "auditor/agent/judge.h"
#include "auditor/agent/log_keeper.h"
#include "auditor/agent/metrics.h"
#include "auditor/agent/own_canaries.h"
#include "auditor/agent/watch.h"
#include "auditor/attribution/pods.h"
#include "auditor/canary/round.h"
#include "auditor/canary/sensor_watch.h"
#include "auditor/probe/probe.h"

namespace airtight::audit {

class Agent {
 public:
  Agent(const AgentConfig& config, std::string_view version, Opener& opener, Disk& disk, Clock& clock, const Say& say);
  ~Agent();
  AgentEnd run();

 private:
  using Timer = boost::asio::steady_timer;
  using Descriptor = boost::asio::posix::stream_descriptor;

  // --- agent.cpp: the beginning, the end, and what the kernel says
  void begin();
  void load_policy();
  // policy.json parsed; empty, with the diagnostics in `why`, for what is none.
  std::unique_ptr<Policy> parse_policy(std::string text, std::string& why) const;
  std::string policy_file() const;  // its bytes, of which there may be too many by one; empty if it cannot be read
  void follow(Descriptor& descriptor, std::function<void()> ready);
  void watch_signals();
  // `capturing_since` of a hand-over; `unbridged`: why the time since the log's last record is a gap, in one.
  void write_start(std::optional<std::int64_t> capturing_since, const std::string& rules, const std::string& unbridged);
  void cover();  // enforcement was read: from here on time is claimed
  void count_from_here();
  void go();
  void poll_enforcement();
  void keep(const std::vector<EnforcementRecord>& records);
  void device_events();
  void stop(std::string why, bool failed);
  void end();
  std::optional<BoundaryFilter> proven_filter();

  // --- take_over_steps.cpp, in this order
  void await_log();    // enforcement was read: from here on this agent watches
  void ask_for_log();  // now and then, until it is had
  void conclude_take_over();
  void taken_over(std::int64_t at, IntervalAccount account, bool judged);
  void watch_rules(const std::vector<EnforcementRecord>& records);
  void rules_sealed_again(std::int64_t at);
  void serve(unsigned tries);

  // --- interval.cpp
  void schedule_interval();
  void interval_due();
  void settle(std::map<std::uint32_t, std::uint64_t> mark, std::chrono::steady_clock::time_point until,
              std::function<void(bool)> then);
  void interval(std::function<void()> then);
  void conclude_interval(std::int64_t at, IntervalAccount account, bool judged);
  void heartbeat(std::int64_t at, IntervalAccount& account, const JudgeReading& reading);
  void check_policy_file(bool asked);
  void use_policy(std::unique_ptr<Policy> policy, const std::string& why);

  // --- rounds.cpp
  void schedule_round(std::chrono::milliseconds spent);
  void canary_round(std::function<void()> then);
  void conclude_round(std::chrono::steady_clock::time_point began, std::function<void()> then);
  DropCounters drop_counters();
  void schedule_probes();
  void probe();
  void take_probes(ProbeReport report);

  // --- status.cpp
  void alarm();
  void say(std::string_view event, const std::map<std::string, std::string>& members);
  void note(const std::string& text) { say("note", {{"text", text}}); }
  void recorded(const RecordBody& body);
  void update_metrics(const JudgeReading& reading, const IntervalAccount& account, std::int64_t at);
  Page page(const std::string& path);

  std::int64_t now() { return clock_.now().realtime; }
  // Writes a record that no time may be claimed without: where the disk refuses it, it is kept and written first when
  // the disk takes records again, and no heartbeat comes before it.
  void owe(RecordBody body);
  bool pay();  // whether nothing is owed any more

  const AgentConfig& config_;
  const std::string version_;
  Opener& opener_;
  Clock& clock_;
  const Say& say_;
  boost::asio::io_context loop_{1};

  std::unique_ptr<Policy> policy_;
  std::string policy_digest_, policy_text_;
  // Of policy.json when it was last read: inode, size, times of change of content and of anything.
  using FileState = std::array<std::int64_t, 6>;
  FileState policy_state_{};
  std::vector<std::unique_ptr<Policy>> retired_;  // whom somebody may still look at
  LogKeeper log_;
  std::unique_ptr<PodFile> pods_;
  SensorWatch sensors_;
  OwnCanaries own_;
  std::unique_ptr<Judge> judge_;
  std::unique_ptr<Watch> watch_;
  std::unique_ptr<Accounts> accounts_;
  std::unique_ptr<EnforcementWatch> enforcement_;
  std::unique_ptr<FindingBook> book_;
  std::unique_ptr<HttpServer> http_;
  Metrics metrics_;
  std::deque<RecordBody> owed_;
  std::vector<GapRecord> pending_;  // gaps of the interval at hand, in the order of their coming

  boost::asio::signal_set signals_{loop_};
  Descriptor links_{loop_}, changes_{loop_}, alarms_{loop_}, probed_{loop_};
  Timer interval_timer_{loop_}, enforcement_timer_{loop_}, settle_timer_{loop_}, round_timer_{loop_},
      round_settle_{loop_}, probe_timer_{loop_}, duration_timer_{loop_}, take_over_timer_{loop_}, serve_timer_{loop_};

  std::string boot_id_, kernel_;
  bool covering_ = false, stopping_ = false, in_interval_ = false, in_round_ = false;
  // Until it is None again nothing may be written: the log is another agent's, or has no start of this one.
  enum class TakeOver : std::uint8_t { None, Reading, Waiting, Proving, Concluding };
  TakeOver taking_ = TakeOver::None;
  std::chrono::steady_clock::time_point give_up_{};  // waiting for the log, then proving
  Times asked_;                                      // for the log, last
  std::int64_t opened_ = 0;                          // captures, or a little before
  std::int64_t sealed_at_ = 0, unsealed_since_ = 0;  // the live rules, while taking over
  std::string unsealed_why_;                         // empty: they are sealed
  std::int64_t from_ = 0;                            // the interval at hand began
  std::int64_t last_boottime_ = 0;                   // when the last one was due, CLOCK_BOOTTIME
  std::chrono::steady_clock::time_point next_interval_{};
  std::int64_t good_round_ = 0;  // time of the last round that fared well, or when covering began
  std::uint64_t rounds_ = 0;
  std::optional<CanaryRound> round_;
  std::optional<std::map<std::uint32_t, std::uint64_t>>
      round_mark_;              // what the judge must reach before its fate is known
  bool sign_now_ = false;       // something violates: the log is signed with this interval
  unsigned opener_failed_ = 0;  // intervals in a row
  JudgeReading last_reading_;
  std::map<std::string, std::uint64_t> told_counters_;
  std::map<std::string, ClassSum> told_classes_;
  std::string told_enforcement_;
  bool told_boot_ = false;  // boot id and policy digest stand in a record already

  std::thread prober_;
  std::atomic<bool> stop_probing_{false};
  ProbeReport probe_report_;  // the prober's until probed_ is readable
  Fd probe_bell_;

  std::chrono::steady_clock::time_point alarm_window_{};
  unsigned alarms_in_window_ = 0;
  std::uint64_t suppressed_ = 0, suppressed_told_ = 0;
  std::function<void()> after_interval_, after_round_;
  AgentEnd end_;
};

}  // namespace airtight::audit
