// What the agent says while it runs: lines, metrics, health.
#include <nlohmann/json.hpp>

#include "auditor/agent/agent_state.h"
#include "auditor/evidence/text_fields.h"

namespace airtight::audit {

namespace {

constexpr unsigned kAlarmsAWindow = 20;
constexpr std::chrono::seconds kAlarmWindow{1};

}  // namespace

void Agent::say(std::string_view event, const std::map<std::string, std::string>& members) {
  nlohmann::ordered_json line;
  line["time"] = time_text(now());
  line["event"] = event;
  for (const auto& [name, value] : members) line[name] = value;
  say_(line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

// At most so many lines a second; the ones that are not printed are counted in the next.
void Agent::alarm() {
  const auto present = std::chrono::steady_clock::now();
  if (present - alarm_window_ >= kAlarmWindow) {
    alarm_window_ = present;
    alarms_in_window_ = 0;
  }
  for (const Alarm& alarm : judge_->alarms()) {
    if (alarms_in_window_ >= kAlarmsAWindow) {
      ++suppressed_;
      continue;
    }
    ++alarms_in_window_;
    nlohmann::ordered_json line;
    line["time"] = time_text(alarm.time == kNoTime ? now() : alarm.time);
    line["event"] = "escape";
    line["rule_id"] = alarm.rule_id;
    line["class"] = alarm.cls;
    line["interface"] = alarm.interface;
    line["role"] = alarm.role;
    line["source"] = alarm.source;
    line["destination"] = alarm.destination;
    line["protocol"] = alarm.protocol;
    line["port"] = alarm.port >= 0 ? nlohmann::ordered_json(alarm.port) : nlohmann::ordered_json(nullptr);
    line["name"] = alarm.name;
    line["catalogue"] = alarm.catalogue;
    line["packet"] = alarm.packet;
    line["suppressed"] = suppressed_ + judge_->alarms_left_out() - suppressed_told_;
    suppressed_told_ = suppressed_ + judge_->alarms_left_out();
    say_(line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  }
}

void Agent::recorded(const RecordBody& body) {
  if (const auto* gap = std::get_if<GapRecord>(&body)) {
    ++metrics_.gaps[std::string(to_string(gap->reason))];
    say("gap", {{"reason", std::string(to_string(gap->reason))},
                {"interface", gap->interface},
                {"detail", gap->detail},
                {"size", std::to_string(gap->size)}});
  } else if (const auto* enforcement = std::get_if<EnforcementRecord>(&body)) {
    std::string opened;
    for (const std::string& clause : enforcement->opened) opened += (opened.empty() ? "" : "; ") + clause;
    say("enforcement", {{"outcome", enforcement->outcome}, {"opened", opened}});
  } else if (const auto* policy = std::get_if<PolicyRecord>(&body)) {
    say("policy", {{"from", policy->from}, {"to", policy->to}, {"why", policy->why}});
  }
}

void Agent::update_metrics(const JudgeReading& reading, const IntervalAccount& account, std::int64_t at) {
  metrics_.interfaces.clear();
  for (const auto& [index, traffic] : reading.interfaces) {
    Metrics::Interface& row = metrics_.interfaces[traffic.name];
    row.role = to_string(traffic.role);
    row.seen = traffic.seen;
    row.bytes = traffic.bytes;
    row.dropped = traffic.ring.dropped;
    const auto counter = [&](const char* name) {
      const auto found = account.counters.find(traffic.name + name);
      return found == account.counters.end() ? 0 : found->second;
    };
    row.sent = counter(".sent");
    row.discarded = counter(".discarded");
  }
  for (std::size_t i = 0; i < kClassCount; ++i)
    metrics_.classes[std::string(to_string(static_cast<Class>(i)))] = reading.counts.classes[i].packets;
  metrics_.findings = book_->packets();
  metrics_.conserved = account.conserved;
  metrics_.last_interval = at;
  metrics_.trouble.clear();
  for (const GapRecord& gap : account.gaps)
    metrics_.trouble.push_back("gap: " + std::string(to_string(gap.reason)) +
                               (gap.interface.empty() ? "" : " " + gap.interface) + ": " + gap.detail);
}

Page Agent::page(const std::string& path) {
  metrics_.violations = judge_->violations();
  metrics_.enforcement_sealed = enforcement_->sealed();
  metrics_.log_records = log_.size();
  metrics_.log_durable = log_.durable();
  metrics_.log_failing = log_.failing();
  if (path == "/metrics") return {200, "text/plain; version=0.0.4; charset=utf-8", render_metrics(metrics_)};
  if (path == "/healthz") {
    Metrics now = metrics_;
    if (!covering_) now.trouble.emplace_back("the live rules were not read yet");
    if (!now.enforcement_sealed) now.trouble.emplace_back("enforcement: " + enforcement_->last().outcome);
    if (now.log_failing) now.trouble.emplace_back("the evidence log cannot be written");
    if (now.violations != 0) now.trouble.emplace_back("violated: " + std::to_string(now.violations) + " packets");
    return {now.trouble.empty() ? 200u : 503u, "text/plain; charset=utf-8", render_health(now)};
  }
  return {404, "text/plain; charset=utf-8", "/metrics and /healthz are here\n"};
}

}  // namespace airtight::audit
